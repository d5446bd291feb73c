// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* [kernel]: surfaces that a governed process has no business with. */
#include "hook.h"

#define PTRACE_MODE_NOAUDIT 0x04

#define F_SETOWN    8
#define F_SETOWN_EX 15

#define KERNEL_READ_MODULE          2 /* enum kernel_read_file_id and kernel_load_data_id */
#define KERNEL_READ_KEXEC_INITRAMFS 4

#define SURFACE(hook, name, target) \
	VANTIO_RETURN(vantio_ask_surface(label, VANTIO_HOOK_##hook, VANTIO_OP_##name, VANTIO_SURFACE_##name, target, 0), VANTIO_EPERM)

SEC("lsm/sb_mount")
int BPF_PROG(vantio_sb_mount, const char *dev, const struct path *path, const char *type, unsigned long flags, void *data, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(SB_MOUNT, MOUNT, 0);
}

SEC("lsm/sb_umount")
int BPF_PROG(vantio_sb_umount, struct vfsmount *mnt, int flags, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(SB_UMOUNT, MOUNT, 0);
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(vantio_sb_pivotroot, const struct path *old_path, const struct path *new_path, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(SB_PIVOTROOT, MOUNT, 0);
}

SEC("lsm/move_mount")
int BPF_PROG(vantio_move_mount, const struct path *from, const struct path *to, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(MOVE_MOUNT, MOUNT, 0);
}

/* fsconfig(2) of a file system that is mounted, which no hook of mounting sees. */
SEC("lsm/sb_remount")
int BPF_PROG(vantio_sb_remount, struct super_block *sb, void *opts, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(SB_REMOUNT, MOUNT, 0);
}

/* Capabilities that reach past every other hook: none of them is checked where a process does ordinary work. */
#define CAP_NET_ADMIN  12
#define CAP_NET_RAW    13
#define CAP_SYS_MODULE 16
#define CAP_SYS_RAWIO  17 /* ports of the machine */
#define CAP_SYS_BOOT   22
#define CAP_SYS_TIME   25
#define CAP_OPT_NOAUDIT 0x2

SEC("lsm/capable")
int BPF_PROG(vantio_capable, const struct cred *cred, void *ns, int cap, unsigned int opts, int ret)
{
	__u32 flags = opts & CAP_OPT_NOAUDIT ? VANTIO_ASK_SILENT : 0;

	if (ret)
		return ret;
	if (cap != CAP_NET_ADMIN && cap != CAP_NET_RAW && cap != CAP_SYS_MODULE && cap != CAP_SYS_RAWIO && cap != CAP_SYS_BOOT &&
	    cap != CAP_SYS_TIME)
		return 0;
	VANTIO_GUARD(ret);
	if (cap == CAP_NET_ADMIN || cap == CAP_NET_RAW)
		VANTIO_RETURN(vantio_ask_surface(label, VANTIO_HOOK_CAPABLE, VANTIO_OP_RAW_SOCKET, VANTIO_SURFACE_RAW_SOCKET, cap, flags),
			      VANTIO_EPERM);
	if (cap == CAP_SYS_TIME) /* the clock of the records */
		flags |= VANTIO_ASK_PROTECTED;
	VANTIO_RETURN(vantio_ask_surface(label, VANTIO_HOOK_CAPABLE, VANTIO_OP_MODULE, VANTIO_SURFACE_MODULE, cap, flags), VANTIO_EPERM);
}

/* Who is asked for permission holds up those who open: the writer of the ledger, say. */
#define FS_PERMISSION_EVENTS 0x170000 /* FS_OPEN_PERM, FS_ACCESS_PERM, FS_OPEN_EXEC_PERM, FS_PRE_ACCESS */

SEC("lsm/path_notify")
int BPF_PROG(vantio_path_notify, const struct path *path, __u64 mask, unsigned int type, int ret)
{
	if (ret)
		return ret;
	if (!(mask & FS_PERMISSION_EVENTS))
		return 0;
	VANTIO_GUARD(ret);
	SURFACE(PATH_NOTIFY, PTRACE, 0);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(vantio_ptrace_access, struct task_struct *child, unsigned int mode, int ret)
{
	VANTIO_GUARD(ret);
	if (vantio_same_agent(label, child))
		return 0;
	VANTIO_RETURN(vantio_ask_surface(label, VANTIO_HOOK_PTRACE_ACCESS, VANTIO_OP_PTRACE, VANTIO_SURFACE_PTRACE, child->tgid,
				  mode & PTRACE_MODE_NOAUDIT ? VANTIO_ASK_SILENT : 0), VANTIO_EPERM);
}

SEC("lsm/ptrace_traceme")
int BPF_PROG(vantio_ptrace_traceme, struct task_struct *parent, int ret)
{
	VANTIO_GUARD(ret);
	if (vantio_same_agent(label, parent))
		return 0;
	SURFACE(PTRACE_TRACEME, PTRACE, parent->tgid);
}

SEC("lsm/task_kill")
int BPF_PROG(vantio_task_kill, struct task_struct *task, void *info, int sig, const struct cred *cred, int ret)
{
	VANTIO_GUARD(ret);
	if (!sig || vantio_same_agent(label, task))
		return 0;
	SURFACE(TASK_KILL, SIGNAL, task->tgid);
}

/* The caller's process number as it sees it itself. */
vantio_inline int own_number(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	const struct upid *at = (const void *)pid + bpf_core_field_offset(struct pid, numbers);

	at = (const void *)at + level * bpf_core_type_size(struct upid);
	return BPF_CORE_READ(at, nr);
}

/* A descriptor signals its owner when it is ready: none but the caller itself. */
SEC("lsm/file_fcntl")
int BPF_PROG(vantio_file_fcntl, struct file *file, unsigned int cmd, unsigned long arg, int ret)
{
	if (ret)
		return ret;
	if (cmd != F_SETOWN && cmd != F_SETOWN_EX)
		return 0;
	VANTIO_GUARD(ret);
	if (cmd == F_SETOWN && (!(int)arg || (int)arg == own_number()))
		return 0;
	SURFACE(FILE_FCNTL, SIGNAL, cmd);
}

/* A limit on processor time or memory ends another process as a signal does. */
SEC("lsm/task_setrlimit")
int BPF_PROG(vantio_task_setrlimit, struct task_struct *task, unsigned int resource, void *limit, int ret)
{
	VANTIO_GUARD(ret);
	if (vantio_same_agent(label, task))
		return 0;
	SURFACE(TASK_SETRLIMIT, SIGNAL, task->tgid);
}

/* Pins, and links by their number, are out of reach even where bpf(2) is allowed: no hook is asked what they lead to. */
SEC("lsm/bpf")
int BPF_PROG(vantio_bpf_syscall, int cmd, void *attr, unsigned int size, int ret)
{
	__u32 flags = cmd == BPF_OBJ_PIN || cmd == BPF_OBJ_GET || cmd == BPF_LINK_GET_FD_BY_ID ? VANTIO_ASK_PROTECTED : 0;

	VANTIO_GUARD(ret);
	VANTIO_RETURN(vantio_ask_surface(label, VANTIO_HOOK_BPF, VANTIO_OP_BPF, VANTIO_SURFACE_BPF, cmd, flags), VANTIO_EPERM);
}

/* The engine's maps and programs are named after it: nobody whom they govern gets a descriptor of one. */
vantio_inline int is_ours(const char *name)
{
	static const char ours[] = "vantio";
	char text[8] = {};
	int i;

	if (bpf_probe_read_kernel(text, sizeof(text), name))
		return 1;
	for (i = 0; i < (int)sizeof(ours) - 1; i++)
		if (text[i] != ours[i])
			return 0;
	return 1;
}

SEC("lsm/bpf_map")
int BPF_PROG(vantio_bpf_map, struct bpf_map *map, unsigned int mode, int ret)
{
	VANTIO_GUARD(ret);
	if (!is_ours((const char *)map + bpf_core_field_offset(struct bpf_map, name)))
		return 0; /* the hook of bpf(2) has judged it */
	VANTIO_RETURN(vantio_ask_surface(label, VANTIO_HOOK_BPF_MAP, VANTIO_OP_BPF, VANTIO_SURFACE_BPF, 0, VANTIO_ASK_PROTECTED), VANTIO_EPERM);
}

SEC("lsm/bpf_prog")
int BPF_PROG(vantio_bpf_prog, struct bpf_prog *prog, int ret)
{
	VANTIO_GUARD(ret);
	if (!is_ours((const char *)BPF_CORE_READ(prog, aux) + bpf_core_field_offset(struct bpf_prog_aux, name)))
		return 0;
	VANTIO_RETURN(vantio_ask_surface(label, VANTIO_HOOK_BPF_PROG, VANTIO_OP_BPF, VANTIO_SURFACE_BPF, 0, VANTIO_ASK_PROTECTED), VANTIO_EPERM);
}

/* init_module(2) and kexec_load(2); firmware and the like are the kernel's own business. */
SEC("lsm/kernel_load_data")
int BPF_PROG(vantio_kernel_load_data, int id, bool contents, int ret)
{
	VANTIO_GUARD(ret);
	if (id < KERNEL_READ_MODULE || id > KERNEL_READ_KEXEC_INITRAMFS)
		return 0;
	SURFACE(KERNEL_MODULE, MODULE, id);
}

/* finit_module(2) and kexec_file_load(2) */
SEC("lsm/kernel_read_file")
int BPF_PROG(vantio_kernel_read_file, struct file *file, int id, bool contents, int ret)
{
	VANTIO_GUARD(ret);
	if (id < KERNEL_READ_MODULE || id > KERNEL_READ_KEXEC_INITRAMFS)
		return 0;
	SURFACE(KERNEL_READ_FILE, MODULE, id);
}

SEC("lsm/userns_create")
int BPF_PROG(vantio_userns_create, const struct cred *cred, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(USERNS_CREATE, USERNS, 0);
}

/* io_uring_setup(2) makes an anonymous inode of this name: the one hook that sees it on these kernels. */
SEC("lsm/inode_init_security_anon")
int BPF_PROG(vantio_inode_init_anon, struct inode *inode, const struct qstr *name, const struct inode *context, int ret)
{
	static const char io_uring[] = "[io_uring]";
	char text[12] = {};
	int i;

	VANTIO_GUARD(ret);
	if (bpf_probe_read_kernel_str(text, sizeof(text), BPF_CORE_READ(name, name)) < 0)
		return -VANTIO_EPERM;
	for (i = 0; i < (int)sizeof(io_uring) - 1; i++)
		if (text[i] != io_uring[i])
			return 0;
	SURFACE(INODE_INIT_ANON, IO_URING, 0);
}

SEC("lsm/perf_event_open")
int BPF_PROG(vantio_perf_event_open, void *attr, int type, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(PERF_OPEN, PERF, type);
}

/* The same where the hook is not given the attributes (6.12's later stable releases); the loader picks one. */
SEC("lsm/perf_event_open")
int BPF_PROG(vantio_perf_event_open_type, int type, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(PERF_OPEN, PERF, type);
}

SEC("lsm/key_permission")
int BPF_PROG(vantio_key_permission, void *key_ref, const struct cred *cred, int perm, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(KEY_PERMISSION, KEYRING, perm);
}

SEC("lsm/key_alloc")
int BPF_PROG(vantio_key_alloc, void *key, const struct cred *cred, unsigned long flags, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(KEY_ALLOC, KEYRING, 0);
}

char vantio_license[] SEC("license") __attribute__((weak)) = "Dual BSD/GPL";
