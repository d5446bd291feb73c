/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The only contract between the kernel programs and user space. Fixed-width members, explicit padding,
 * sizes asserted. Included by bpf/ (clang -target bpf) and by lib/ (any C11 compiler).
 */
#ifndef VANTIO_ABI_H
#define VANTIO_ABI_H

#include <linux/types.h>

#define VANTIO_ABI_VERSION 2

#define vantio_inline static inline __attribute__((always_inline, unused))

/* ---- limits -------------------------------------------------------------------------------------- */

#define VANTIO_PATH_MAX    4096 /* bytes with the NUL, as PATH_MAX: a path of up to 4,095 bytes */
#define VANTIO_SLOTS       64   /* policies that may be in force at once */
#define VANTIO_AGENTS      1024 /* agents that may be enrolled at once; agent 0 is nobody */
#define VANTIO_CGROUPS     4096 /* enrolled cgroups */
#define VANTIO_CELLS_MAX   (1u << 22) /* cells of the largest image: 32 MiB */
#define VANTIO_PAGE_CELLS  (1u << 17) /* cells of an image's page, 1 MiB: no row crosses from one into another */
#define VANTIO_NAME_MAX    64

/* ---- what is asked ------------------------------------------------------------------------------- */

/* Operations: `op` of a record and OP of `policy explain`. The order is ABI; new ones go at the end. */
enum vantio_op {
	VANTIO_OP_NONE = 0,
	/* [file] */
	VANTIO_OP_READ,
	VANTIO_OP_WRITE,   /* open for writing */
	VANTIO_OP_CREATE,
	VANTIO_OP_UNLINK,
	VANTIO_OP_RENAME,
	VANTIO_OP_LINK,
	VANTIO_OP_SYMLINK,
	VANTIO_OP_MKDIR,
	VANTIO_OP_RMDIR,
	VANTIO_OP_MKNOD,
	VANTIO_OP_TRUNCATE,
	VANTIO_OP_CHMOD,
	VANTIO_OP_CHOWN,
	VANTIO_OP_UTIMES,
	VANTIO_OP_SETXATTR,
	VANTIO_OP_REMOVEXATTR,
	VANTIO_OP_SETFLAGS, /* FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR */
	/* [exec] */
	VANTIO_OP_EXEC,
	VANTIO_OP_MMAP_EXEC, /* executable mapping of a file, or mprotect of one to executable */
	/* [network] */
	VANTIO_OP_SOCKET, /* socket(2) of a family, type or protocol */
	VANTIO_OP_CONNECT,
	VANTIO_OP_SENDTO,
	VANTIO_OP_BIND,
	VANTIO_OP_LISTEN,
	/* [kernel] */
	VANTIO_OP_MOUNT,
	VANTIO_OP_PTRACE,
	VANTIO_OP_SIGNAL,
	VANTIO_OP_BPF,
	VANTIO_OP_MODULE,
	VANTIO_OP_USERNS,
	VANTIO_OP_RAW_SOCKET,
	VANTIO_OP_IO_URING,
	VANTIO_OP_PERF,
	VANTIO_OP_KEYRING,
	/* control plane, written as records too */
	VANTIO_OP_PUSH,
	VANTIO_OP_ENROLL,
	VANTIO_OP_UNENROLL,
	VANTIO_OP_KILL_SOFT,
	VANTIO_OP_KILL_HARD,
	VANTIO_OP_KILL_RELEASE,
	VANTIO_OP_LOAD,
	VANTIO_OP_UNLOAD,
	VANTIO_OP_GAP, /* events were lost and no later event has said so */
	VANTIO_OP_FORK, /* counted by [limits]; refused to a halted agent */
	VANTIO_OP_PHANTOM_COMMIT, /* control plane again */
	VANTIO_OP_PHANTOM_COLLAPSE,
	VANTIO_OP_MAX
};

/* The automata of an image, and the bit of the accept mask that an operation asks for. */
enum vantio_domain {
	VANTIO_DOMAIN_FILE = 0, /* mask: read, write */
	VANTIO_DOMAIN_EXEC,     /* mask: exec */
	VANTIO_DOMAIN_NET,      /* mask: connect, listen; input: see vantio_net_key */
	VANTIO_DOMAIN_UNIX,     /* mask: connect, listen; input: the socket's path, or '@' and the abstract name */
	VANTIO_DOMAIN_MAX
};

#define VANTIO_ACCESS_READ    0x1u
#define VANTIO_ACCESS_WRITE   0x2u
#define VANTIO_ACCESS_EXEC    0x1u
#define VANTIO_ACCESS_CONNECT 0x1u
#define VANTIO_ACCESS_LISTEN  0x2u

/* [kernel] surfaces: bits of vantio_image_header.kernel_deny */
enum vantio_surface {
	VANTIO_SURFACE_MOUNT = 0,
	VANTIO_SURFACE_PTRACE,
	VANTIO_SURFACE_SIGNAL,
	VANTIO_SURFACE_BPF,
	VANTIO_SURFACE_MODULE,
	VANTIO_SURFACE_USERNS,
	VANTIO_SURFACE_RAW_SOCKET,
	VANTIO_SURFACE_IO_URING,
	VANTIO_SURFACE_PERF,
	VANTIO_SURFACE_KEYRING,
	VANTIO_SURFACE_MAX
};

/* [limits]: what is counted */
enum vantio_limit_op {
	VANTIO_LIMIT_UNLINK = 0,
	VANTIO_LIMIT_RENAME,
	VANTIO_LIMIT_CHMOD,
	VANTIO_LIMIT_TRUNCATE,
	VANTIO_LIMIT_CONNECT,
	VANTIO_LIMIT_EXEC,
	VANTIO_LIMIT_FORK,
	VANTIO_LIMIT_MAX
};

/* ---- the policy image ---------------------------------------------------------------------------- */

/*
 * An image is one array of cells: the header below overlaid on the first VANTIO_IMAGE_HEADER_CELLS cells,
 * then the automata, all in one displaced table. A state is the index of its header cell:
 *
 *     cells[s].check = VANTIO_CELL_STATE | flags | accept mask
 *     cells[s].next  = the state that every byte leads to which has no cell of its own
 *     cells[s + 1 + byte]: if .check == s, .next is the state that this byte leads to
 *
 * State 0 (VANTIO_STATE_DEAD) is the dead state: it accepts nothing and never leaves itself.
 * Every index that a well-formed image can produce is below its cell count, and a state's 257 cells lie in one page, so
 * that the kernel reaches them through one pointer. The evaluator of user space checks all the same and an index outside is
 * VANTIO_STATE_ERROR, which denies; the kernel's looks for a page that is not there and denies.
 */
struct vantio_cell {
	__u32 check;
	__u32 next;
};
_Static_assert(sizeof(struct vantio_cell) == 8, "vantio_cell is ABI");

#define VANTIO_CELL_STATE  0x80000000u
#define VANTIO_CELL_FINAL  0x40000000u /* every byte leads back to this state: the walk may stop */
#define VANTIO_CELL_MASK   0x000000ffu
#define VANTIO_STATE_DEAD  0u
#define VANTIO_STATE_ERROR 0xffffffffu

#define VANTIO_IMAGE_MAGIC 0x766e7469u /* "vnti" */

#define VANTIO_IMAGE_AUDIT      0x1u /* mode = "audit": verdicts are recorded, nothing is refused */
#define VANTIO_IMAGE_RECORD_ALL 0x2u /* record = "all" */
#define VANTIO_IMAGE_LOSS_BLOCK 0x4u /* on_loss = "block" */
#define VANTIO_IMAGE_HELD       0x8u /* some object is denied by its inode too */

/* More than `max` attempts in any stretch of `per_ns` trip the limit. */
struct vantio_image_limit {
	__u32 max;
	__u32 action; /* enum vantio_decision; VANTIO_PERMIT (0): no limit */
	__u64 per_ns;
};
_Static_assert(sizeof(struct vantio_image_limit) == 16, "vantio_image_limit is ABI");

struct vantio_image_header {
	__u32 magic;   /* VANTIO_IMAGE_MAGIC */
	__u32 version; /* VANTIO_ABI_VERSION */
	__u32 flags;   /* VANTIO_IMAGE_* */
	__u32 n_cells; /* of the whole image, header included */
	__u64 gen;     /* generation of the push, filled in by the engine */
	__u32 default_allow; /* bit per vantio_domain: 1 allow, 0 deny (UNIX follows NET) */
	__u32 kernel_deny;   /* bit per vantio_surface */
	__u32 allow[VANTIO_DOMAIN_MAX]; /* start states */
	__u32 deny[VANTIO_DOMAIN_MAX];
	__u8 policy_hash[32];
	struct vantio_image_limit limits[VANTIO_LIMIT_MAX];
	__u32 held_page; /* first page of the table of held inodes, filled in by the engine; with VANTIO_IMAGE_HELD */
	__u32 held_mask; /* its entries - 1 */
	__u32 limited;   /* bit per vantio_limit_op that is counted */
	__u32 pad;
	char name[VANTIO_NAME_MAX + 8]; /* of the policy, NUL-terminated, filled in by the engine: by it a push finds the slot to replace */
};
_Static_assert(sizeof(struct vantio_image_header) == 296, "vantio_image_header is ABI");
#define VANTIO_IMAGE_HEADER_CELLS 37
_Static_assert(sizeof(struct vantio_image_header) ==
	       VANTIO_IMAGE_HEADER_CELLS * sizeof(struct vantio_cell), "header is whole cells");

/*
 * An object that a `deny` entry without wildcards names, by its inode: other names for it do not help. The generation tells it from a
 * later file to which the file system gave the same number. The table is hashed, open (inode.h), in pages of its own behind the automata.
 */
struct vantio_held {
	__u64 ino;
	__u32 dev; /* the kernel's number of the file system's device */
	__u32 generation;
	__u32 rule[2]; /* by VANTIO_DOMAIN_FILE and VANTIO_DOMAIN_EXEC: number of the deny rule, and one; 0: none */
	__u32 used;
	__u32 pad;
};
_Static_assert(sizeof(struct vantio_held) == 32, "vantio_held is ABI");
#define VANTIO_HELD_PER_PAGE (VANTIO_PAGE_CELLS / 4)

/* How an inode is called: what the program `vantio_inode_of` says of a descriptor of its caller's. */
struct vantio_inode_query {
	__s32 fd;
	__u32 found;
	__u64 ino;
	__u32 dev;
	__u32 generation;
};
_Static_assert(sizeof(struct vantio_inode_query) == 24, "vantio_inode_query is ABI");

/*
 * Input of the NET automata: family and protocol in one byte, the address in network order (4 or 16 bytes), the
 * port in network order. v4-mapped addresses are turned into IPv4 before; 0.0.0.0 and :: of a connect into loopback.
 */
#define VANTIO_NET_TCP4 1
#define VANTIO_NET_UDP4 2
#define VANTIO_NET_TCP6 3
#define VANTIO_NET_UDP6 4
#define VANTIO_NET_KEY_MAX 19

struct vantio_net_key {
	__u8 bytes[VANTIO_NET_KEY_MAX + 1]; /* the last one pads */
	__u32 len; /* 7 or 19 */
};
_Static_assert(sizeof(struct vantio_net_key) == 24, "vantio_net_key is ABI");

/* ---- identity ------------------------------------------------------------------------------------ */

/* Value of the task storage, kept on the thread group's leader. */
struct vantio_label {
	__u32 agent;    /* index into the agents map, never 0 */
	__u32 instance; /* must equal the agent's: a label of an agent that was removed is void */
	__u64 trace_id;
	__u64 cgroup_id; /* the enrolled cgroup that it came from; 0 when enrolled by pid */
};
_Static_assert(sizeof(struct vantio_label) == 24, "vantio_label is ABI");

/* What reading the pinned iterator `tasks` yields: one for each governed thread group. */
struct vantio_task {
	__u32 pid;
	__u32 agent;
	__u32 instance;
	__u32 uid;
	__u64 cgroup_id; /* where it is now */
	__u64 trace_id;
	char comm[16];
};
_Static_assert(sizeof(struct vantio_task) == 48, "vantio_task is ABI");

#define VANTIO_AGENT_FREE       0
#define VANTIO_AGENT_ENROLLED   1
#define VANTIO_AGENT_SOFT_KILL  2
#define VANTIO_AGENT_QUARANTINE 3

#define VANTIO_AGENT_FLAG_TRANSIENT   0x1u /* made by `run`: removed with its cgroup */
#define VANTIO_AGENT_FLAG_QUARANTINED 0x2u /* was quarantined when the kill switch halted it: is again when that is released */

/*
 * How often an agent has tried what a limit counts: a ring of eighths of `per_ns`. Each word is the number of its eighth (high half)
 * and the count in it (low half). The current one and the eight before it cover at least `per_ns`.
 */
#define VANTIO_LIMIT_WORDS 16
struct vantio_limit_count {
	__u64 words[VANTIO_LIMIT_WORDS];
};
_Static_assert(sizeof(struct vantio_limit_count) == 128, "vantio_limit_count is ABI");

/* Value of the agents array. */
struct vantio_agent {
	__u32 state; /* VANTIO_AGENT_*: the one word that the kill switch flips */
	__u32 slot;  /* of the policy in force for it */
	__u32 instance; /* counts the uses of this element, so that old labels do not fit a new agent */
	__u32 flags;    /* VANTIO_AGENT_FLAG_* */
	__u64 trace_id;  /* given to its processes; 0 is none */
	__u64 cgroup_id; /* enrolled cgroup, or 0 */
	__u64 since_ns;  /* CLOCK_BOOTTIME of the enrolment */
	char name[VANTIO_NAME_MAX]; /* NUL-terminated */
};
_Static_assert(sizeof(struct vantio_agent) == 104, "vantio_agent is ABI");

/* The one element of the control array. */
struct vantio_control {
	__u32 kill_all; /* 1: soft kill of every agent */
	__u32 recheck;  /* 1: a task without a label is looked up by its cgroup too (a label was lost) */
	__u32 audit;    /* 1: VANTIO_AUDIT_MODE, whatever the policies say */
	__u32 pad;
	__u64 gen;      /* the newest generation */
};
_Static_assert(sizeof(struct vantio_control) == 24, "vantio_control is ABI");

/* ---- events -------------------------------------------------------------------------------------- */

/* Hooks by the name of the kernel's hook or program. The order is ABI; new ones go at the end. */
#define VANTIO_HOOKS(X) \
	X(NONE, "none") X(CONTROL, "control") X(FILE_OPEN, "file_open") X(PATH_MKNOD, "path_mknod") \
	X(PATH_UNLINK, "path_unlink") X(PATH_RENAME, "path_rename") X(PATH_LINK, "path_link") \
	X(PATH_SYMLINK, "path_symlink") X(PATH_MKDIR, "path_mkdir") X(PATH_RMDIR, "path_rmdir") \
	X(PATH_TRUNCATE, "path_truncate") X(FILE_TRUNCATE, "file_truncate") X(PATH_CHMOD, "path_chmod") \
	X(PATH_CHOWN, "path_chown") X(INODE_SETATTR, "inode_setattr") X(INODE_SETXATTR, "inode_setxattr") \
	X(INODE_REMOVEXATTR, "inode_removexattr") X(INODE_SET_ACL, "inode_set_acl") \
	X(INODE_REMOVE_ACL, "inode_remove_acl") X(FILE_IOCTL, "file_ioctl") \
	X(BPRM_CHECK, "bprm_check_security") X(MMAP_FILE, "mmap_file") X(FILE_MPROTECT, "file_mprotect") \
	X(SOCKET_CREATE, "socket_create") X(SOCKET_CONNECT, "socket_connect") X(SOCKET_SENDMSG, "socket_sendmsg") \
	X(SOCKET_BIND, "socket_bind") X(SOCKET_LISTEN, "socket_listen") X(UNIX_CONNECT, "unix_stream_connect") \
	X(UNIX_SEND, "unix_may_send") X(CGROUP_CONNECT4, "cgroup/connect4") X(CGROUP_CONNECT6, "cgroup/connect6") \
	X(CGROUP_SENDMSG4, "cgroup/sendmsg4") X(CGROUP_SENDMSG6, "cgroup/sendmsg6") X(SB_MOUNT, "sb_mount") \
	X(SB_UMOUNT, "sb_umount") X(SB_PIVOTROOT, "sb_pivotroot") X(MOVE_MOUNT, "move_mount") \
	X(PTRACE_ACCESS, "ptrace_access_check") X(PTRACE_TRACEME, "ptrace_traceme") X(TASK_KILL, "task_kill") \
	X(BPF, "bpf") X(KERNEL_MODULE, "kernel_load_data") X(KERNEL_READ_FILE, "kernel_read_file") \
	X(USERNS_CREATE, "userns_create") X(INODE_INIT_ANON, "inode_init_security_anon") X(PERF_OPEN, "perf_event_open") \
	X(KEY_PERMISSION, "key_permission") X(KEY_ALLOC, "key_alloc") X(TASK_ALLOC, "task_alloc") \
	X(BPF_MAP, "bpf_map") X(BPF_PROG, "bpf_prog") X(FILE_FCNTL, "file_fcntl") X(TASK_SETRLIMIT, "task_setrlimit") X(CAPABLE, "capable") \
	X(SB_REMOUNT, "sb_remount") X(PATH_NOTIFY, "path_notify") X(SOCKET_SETSOCKOPT, "socket_setsockopt") \
	X(CGROUP_SKB, "cgroup_skb") X(TC_EGRESS, "tc_egress")

#define VANTIO_HOOK_ENUM(id, name) VANTIO_HOOK_##id,
enum vantio_hook { VANTIO_HOOKS(VANTIO_HOOK_ENUM) VANTIO_HOOK_MAX };

enum vantio_decision {
	VANTIO_PERMIT = 0,
	VANTIO_BLOCK,
	VANTIO_QUARANTINE,
	VANTIO_KILLSWITCH,
};

/* Why: what user space needs to name the rule. */
enum vantio_reason {
	VANTIO_REASON_DEFAULT = 0, /* the section's default */
	VANTIO_REASON_ALLOW,       /* some allow rule of the section: user space finds which */
	VANTIO_REASON_DENY,        /* some deny rule of the section */
	VANTIO_REASON_SURFACE,     /* [kernel] */
	VANTIO_REASON_FAMILY,      /* a socket family or protocol that [network] cannot name */
	VANTIO_REASON_KILLSWITCH,
	VANTIO_REASON_QUARANTINE,
	VANTIO_REASON_LIMIT,
	VANTIO_REASON_LOOKUP,      /* a lookup failed: denied */
	VANTIO_REASON_PATH,        /* the path could not be built: denied */
	VANTIO_REASON_ESCALATE,    /* a rename or a link would give the object more than it had */
	VANTIO_REASON_UNRECORDED,  /* on_loss = "block" and the event could not be recorded */
	VANTIO_REASON_PROTECTED,   /* an enrolled task may not touch what governs it */
	VANTIO_REASON_CONTROL,     /* a record of the control plane */
	VANTIO_REASON_UNGOVERNED,  /* no rule speaks of it: permitted unless the agent is halted or a limit trips */
};

enum vantio_object { VANTIO_OBJECT_NONE = 0, VANTIO_OBJECT_PATH, VANTIO_OBJECT_NET, VANTIO_OBJECT_UNIX, VANTIO_OBJECT_TARGET };

#define VANTIO_EVENT_ENFORCED 0x1u
#define VANTIO_EVENT_NO_PATH  0x2u /* the object has no path (memfd, deleted, O_TMPFILE): the bytes are a description */
#define VANTIO_EVENT_CUT      0x4u /* the second path was cut to fit */

/*
 * One decision. The bytes that follow the fixed part: path_len bytes of the path (or the unix name, or a target in
 * words), path2_len bytes of the second path of a rename or link, exe_len bytes of the caller's executable. No NULs.
 */
struct vantio_event {
	__u32 size; /* of the whole event, trailing bytes included */
	__u16 version; /* VANTIO_ABI_VERSION */
	__u8 hook;  /* enum vantio_hook */
	__u8 op;    /* enum vantio_op */
	__u8 decision; /* enum vantio_decision */
	__u8 reason;   /* enum vantio_reason */
	__u8 object;   /* enum vantio_object */
	__u8 access;   /* VANTIO_ACCESS_* asked for */
	__u8 flags;    /* VANTIO_EVENT_* */
	__u8 surface;  /* enum vantio_surface, if the reason is SURFACE */
	__u16 cpu;
	__u64 mono_ns; /* CLOCK_BOOTTIME (bpf_ktime_get_boot_ns) */
	__u64 lost;    /* events lost on this CPU since load, before this one */
	__u64 trace_id;
	__u64 cgroup_id; /* of the calling task, now */
	__u64 gen;
	__u64 args[6]; /* system call arguments as the registers held them */
	__u32 agent;
	__u32 slot;
	__u32 pid; /* thread group id, in the initial pid namespace */
	__u32 tid;
	__u32 ppid;
	__u32 uid;
	__u32 gid;
	__s32 syscall_nr;
	__u32 target; /* pid of the task that was reached for, or the command of a [kernel] surface; of a held object its rule and one */
	__u32 count; /* identical decisions that this event stands for, at least 1 */
	__u16 path_len;
	__u16 path2_len;
	__u16 exe_len;
	__u16 family; /* AF_*, if the object is NET or the reason FAMILY */
	__u16 sock_type;
	__u16 sock_proto; /* IPPROTO_* */
	__u32 instance; /* of the agent */
	__u16 port;    /* host order */
	__u16 pad;
	__u32 pad2;
	__u8 addr[16]; /* network order; IPv4 in the first four bytes */
	char comm[16];
	char agent_name[VANTIO_NAME_MAX]; /* NUL-terminated */
};
_Static_assert(sizeof(struct vantio_event) == 264, "vantio_event is ABI");
#define VANTIO_EVENT_DATA_MAX (3 * VANTIO_PATH_MAX)

/* Why an event did not reach the ring: index of vantio_counts.lost_by. The order is ABI; new ones go at the end. */
#define VANTIO_LOSSES(X) X(RING, "buffer_full") X(SCRATCH, "memory_busy") X(AGENT, "agent_unknown")
#define VANTIO_LOSS_ENUM(id, name) VANTIO_LOSS_##id,
enum vantio_loss { VANTIO_LOSSES(VANTIO_LOSS_ENUM) VANTIO_LOSS_MAX };

/* Per CPU, since load. Decisions that were to be recorded = decisions + lost + what repeats hold. */
struct vantio_counts {
	__u64 events;    /* on the ring */
	__u64 decisions; /* that these events stand for: the sum of their counts */
	__u64 merged;    /* decisions that found an open repeat and went into its count */
	__u64 lost;      /* decisions that no event will tell of: the sum of lost_by */
	__u64 lost_by[4];
};
_Static_assert(sizeof(struct vantio_counts) == 64 && VANTIO_LOSS_MAX <= 4, "vantio_counts is ABI");

/*
 * Refusals that are alike within VANTIO_REPEAT_NS of the first become one more event with their count. Alike: all that a record says
 * but its time, its CPU and its arguments. Where two different ones fall on one element, the earlier is told at once.
 */
#define VANTIO_REPEATS     2048 /* elements: a power of two */
#define VANTIO_REPEAT_NS   1000000000ull
#define VANTIO_REPEAT_TEXT 512 /* bytes of all texts together; refusals with more are told one by one */
#define VANTIO_REPEAT_MAX  0x7fffffffu

struct vantio_repeat {
	__u32 busy; /* taken by compare-and-swap, never waited for */
	__u32 pad;
	__u64 since_ns; /* the first one, which was told at once; 0: not in use */
	__u64 last_ns;
	__u64 pending;  /* of them that no event has told of */
	__u64 args[6];  /* of the last */
	struct vantio_event event; /* what they have in common; the rest is 0 */
	__u8 text[VANTIO_REPEAT_TEXT];
};
_Static_assert(sizeof(struct vantio_repeat) == 80 + 264 + VANTIO_REPEAT_TEXT, "vantio_repeat is ABI");

/* Context of `vantio_flush`, which tells of repeats whose time is over, or of all. */
struct vantio_flush {
	__u32 all;     /* in: 1 ends those too whose time is not over */
	__u32 told;    /* out: events */
	__u32 waiting; /* out: elements that are still in use */
	__u32 pad;
};
_Static_assert(sizeof(struct vantio_flush) == 16, "vantio_flush is ABI");

/* An event of the control plane, staged by user space and emitted by the `vantio_emit_control` program. */
#define VANTIO_STAGED_TEXT (VANTIO_PATH_MAX - 1)
struct vantio_control_event {
	struct vantio_event event; /* path_len, path2_len and exe_len say how much of the text counts */
	__u8 text[VANTIO_STAGED_TEXT + 1];
};

#endif
