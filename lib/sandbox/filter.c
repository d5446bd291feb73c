// SPDX-License-Identifier: Apache-2.0
#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/worker.h"
#include "sandbox/ioctls.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1ul << 5)
#endif

/* System calls that the building machine's headers may not know. */
#define NR_quotactl_fd   443
#define NR_landlock_first 444 /* create_ruleset, add_rule, restrict_self */
#define NR_fchmodat2     452
#define NR_setxattrat    463
#define NR_removexattrat 466
#define NR_open_tree_attr 467
#define NR_file_setattr  469

/* int and unsigned int arguments: the kernel looks at the low half of the register alone. */
#define INT_IS(arg, value)   SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, 0xffffffffu, (uint32_t)(value))
#define BITS_ON(arg, bits)   SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, (bits), (bits))
#define BITS_OFF(arg, bits)  SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, (bits), 0)

struct making {
	scmp_filter_ctx ctx;
	int failed; /* the first error, negative */
};

static void rule(struct making *m, uint32_t action, int nr, unsigned int n, const struct scmp_arg_cmp *args)
{
	int r = m->failed ? 0 : seccomp_rule_add_array(m->ctx, action, nr, n, args);

	if (r)
		m->failed = r;
}

static void ask_all(struct making *m, const int *nrs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		rule(m, SCMP_ACT_NOTIFY, nrs[i], 0, NULL);
}
#define ASK(m, ...)                                                          \
	do {                                                                 \
		static const int asked[] = { __VA_ARGS__ };                  \
		ask_all(m, asked, VANTIO_ARRAY_SIZE(asked));                 \
	} while (0)
#define RULE(m, action, nr, ...)                                             \
	do {                                                                 \
		const struct scmp_arg_cmp args[] = { __VA_ARGS__ };          \
		rule(m, action, nr, VANTIO_ARRAY_SIZE(args), args);          \
	} while (0)

static void add_opens(struct making *m)
{
	ASK(m, SYS_openat2, SYS_creat, SYS_open_by_handle_at);
	/* O_PATH opens nothing: neither reading nor writing is possible with what it returns */
	RULE(m, SCMP_ACT_NOTIFY, SYS_open, BITS_OFF(1, O_PATH));
	RULE(m, SCMP_ACT_NOTIFY, SYS_openat, BITS_OFF(2, O_PATH));
}

static void add_changes(struct making *m)
{
	size_t i;

	ASK(m, SYS_unlink, SYS_unlinkat, SYS_rmdir, SYS_rename, SYS_renameat, SYS_renameat2, SYS_link, SYS_linkat, SYS_symlink, SYS_symlinkat,
	    SYS_mkdir, SYS_mkdirat, SYS_mknod, SYS_mknodat, SYS_truncate, SYS_ftruncate, SYS_chmod, SYS_fchmod, SYS_fchmodat, NR_fchmodat2,
	    SYS_chown, SYS_fchown, SYS_lchown, SYS_fchownat, SYS_utime, SYS_utimes, SYS_futimesat, SYS_utimensat, SYS_setxattr, SYS_lsetxattr,
	    SYS_fsetxattr, NR_setxattrat, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, NR_removexattrat, NR_file_setattr);
	for (i = 0; i < VANTIO_ARRAY_SIZE(vantio_file_ioctls); i++)
		RULE(m, SCMP_ACT_NOTIFY, SYS_ioctl, INT_IS(1, vantio_file_ioctls[i].cmd));
}

static void add_execs(struct making *m)
{
	ASK(m, SYS_execve, SYS_execveat);
	RULE(m, SCMP_ACT_NOTIFY, SYS_mmap, BITS_ON(2, PROT_EXEC), BITS_OFF(3, MAP_ANONYMOUS));
	RULE(m, SCMP_ACT_NOTIFY, SYS_mprotect, BITS_ON(2, PROT_EXEC));
	RULE(m, SCMP_ACT_NOTIFY, SYS_pkey_mprotect, BITS_ON(2, PROT_EXEC));
	RULE(m, SCMP_ACT_NOTIFY, SYS_personality, BITS_ON(0, READ_IMPLIES_EXEC));
	rule(m, SCMP_ACT_ERRNO(ENOSYS), SYS_uselib, 0, NULL);
}

static void add_network(struct making *m)
{
	ASK(m, SYS_connect, SYS_bind, SYS_listen, SYS_sendmsg, SYS_sendmmsg);
	RULE(m, SCMP_ACT_NOTIFY, SYS_sendto, SCMP_CMP64(4, SCMP_CMP_NE, 0, 0));
}

/* Denied surfaces are asked about so that the refusal is recorded, and others where permissions are. */
static void add_surfaces(struct making *m, uint32_t surfaces)
{
	/* mount and io_uring are refused whatever the policy says (struct vantio_plan, unmet) */
	ASK(m, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_move_mount, SYS_open_tree, SYS_fsopen, SYS_fsmount, SYS_fsconfig, SYS_fspick,
	    SYS_mount_setattr, NR_open_tree_attr, SYS_chroot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, NR_quotactl_fd);
	ASK(m, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register);
	ASK(m, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime);
	RULE(m, SCMP_ACT_NOTIFY, SYS_ptrace, INT_IS(0, 16)); /* PTRACE_ATTACH */
	RULE(m, SCMP_ACT_NOTIFY, SYS_ptrace, INT_IS(0, 0x4206)); /* PTRACE_SEIZE */
	ASK(m, SYS_process_vm_readv, SYS_process_vm_writev);
	/* limits of another process end it (RLIMIT_CPU, RLIMIT_FSIZE), and no hook of Landlock is asked */
	RULE(m, SCMP_ACT_NOTIFY, SYS_prlimit64, SCMP_CMP64(0, SCMP_CMP_NE, 0, 0), SCMP_CMP64(2, SCMP_CMP_NE, 0, 0));
	if (surfaces & 1u << VANTIO_SURFACE_BPF)
		ASK(m, SYS_bpf);
	if (surfaces & 1u << VANTIO_SURFACE_MODULE)
		ASK(m, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_kexec_file_load, SYS_reboot, SYS_iopl, SYS_ioperm);
	if (surfaces & 1u << VANTIO_SURFACE_PERF)
		ASK(m, SYS_perf_event_open);
	if (surfaces & 1u << VANTIO_SURFACE_KEYRING)
		ASK(m, SYS_add_key, SYS_request_key, SYS_keyctl);
	if (surfaces & 1u << VANTIO_SURFACE_SIGNAL) {
		ASK(m, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal);
		RULE(m, SCMP_ACT_NOTIFY, SYS_ioctl, INT_IS(1, TIOCSTI));
		RULE(m, SCMP_ACT_NOTIFY, SYS_ioctl, INT_IS(1, 0x541c)); /* TIOCLINUX */
	}
	if (surfaces & 1u << VANTIO_SURFACE_RAW_SOCKET) {
		RULE(m, SCMP_ACT_NOTIFY, SYS_setsockopt, INT_IS(1, 0), INT_IS(2, 4));   /* IP_OPTIONS */
		RULE(m, SCMP_ACT_NOTIFY, SYS_setsockopt, INT_IS(1, 41), INT_IS(2, 6));  /* IPV6_2292PKTOPTIONS */
		RULE(m, SCMP_ACT_NOTIFY, SYS_setsockopt, INT_IS(1, 41), INT_IS(2, 57)); /* IPV6_RTHDR */
	}
}

/* A mount namespace would change what paths mean, so it goes with mount; flags of clone3(2) lie in memory, and its caller falls back. */
static void add_namespaces(struct making *m, uint32_t surfaces)
{
	rule(m, SCMP_ACT_ERRNO(ENOSYS), SYS_clone3, 0, NULL);
	RULE(m, SCMP_ACT_NOTIFY, SYS_clone, BITS_ON(0, CLONE_NEWNS));
	RULE(m, SCMP_ACT_NOTIFY, SYS_unshare, BITS_ON(0, CLONE_NEWNS));
	rule(m, SCMP_ACT_NOTIFY, SYS_setns, 0, NULL);
	if (!(surfaces & 1u << VANTIO_SURFACE_USERNS))
		return;
	RULE(m, SCMP_ACT_NOTIFY, SYS_clone, BITS_ON(0, CLONE_NEWUSER));
	RULE(m, SCMP_ACT_NOTIFY, SYS_unshare, BITS_ON(0, CLONE_NEWUSER));
}

/* Signals of descriptors (F_SETSIG): Landlock withholds them from others from ABI 6 on. Arguments in memory can change: refused. */
static void add_owners(struct making *m, unsigned int abi)
{
	RULE(m, SCMP_ACT_NOTIFY, SYS_fcntl, INT_IS(1, F_SETOWN));
	if (abi >= 6)
		return;
	RULE(m, SCMP_ACT_ERRNO(EINVAL), SYS_fcntl, INT_IS(1, 15)); /* F_SETOWN_EX */
	RULE(m, SCMP_ACT_ERRNO(ENOTTY), SYS_ioctl, INT_IS(1, 0x8901)); /* FIOSETOWN */
	RULE(m, SCMP_ACT_ERRNO(ENOTTY), SYS_ioctl, INT_IS(1, 0x8902)); /* SIOCSPGRP */
}

/*
 * What would turn against the supervisor, or against who relies on it: a fault handler of the target's own in memory that we read holds us up, and
 * a Landlock domain of the target's own would not hold for what we do in its place.
 */
static void add_traps(struct making *m)
{
	int i;

	RULE(m, SCMP_ACT_ERRNO(EPERM), SYS_userfaultfd, BITS_OFF(0, UFFD_USER_MODE_ONLY));
	RULE(m, SCMP_ACT_ERRNO(EPERM), SYS_ioctl, INT_IS(1, USERFAULTFD_IOC_NEW), BITS_OFF(2, UFFD_USER_MODE_ONLY));
	for (i = 0; i < 3; i++)
		rule(m, SCMP_ACT_ERRNO(EOPNOTSUPP), NR_landlock_first + i, 0, NULL);
}

static void add_all(struct making *m, const struct vantio_plan *plan, bool observe)
{
	if (plan->opens)
		add_opens(m);
	if (plan->changes)
		add_changes(m);
	if (plan->execs)
		add_execs(m);
	if (plan->network)
		add_network(m);
	if (plan->network || plan->surfaces & 1u << VANTIO_SURFACE_RAW_SOCKET)
		ASK(m, SYS_socket);
	if (plan->forks) {
		ASK(m, SYS_fork, SYS_vfork);
		RULE(m, SCMP_ACT_NOTIFY, SYS_clone, BITS_OFF(0, CLONE_THREAD));
	}
	add_surfaces(m, plan->surfaces);
	add_namespaces(m, plan->surfaces);
	if (!observe && plan->floor.signals)
		add_owners(m, plan->abi);
	if (!observe)
		add_traps(m);
	if (!observe) { /* whoever opens a file under a lease waits: that would be the supervisor */
		RULE(m, SCMP_ACT_ERRNO(EAGAIN), SYS_fcntl, INT_IS(1, 1024)); /* F_SETLEASE */
		RULE(m, SCMP_ACT_ERRNO(EINVAL), SYS_fcntl, INT_IS(1, 1040)); /* F_SETDELEG */
	}
	if (!observe) /* the supervisor must be able to read what it decides on; said to have worked, for programs insist */
		RULE(m, SCMP_ACT_ERRNO(0), SYS_prctl, INT_IS(0, PR_SET_DUMPABLE), INT_IS(1, 0));
}

static int read_program(int fd, struct sock_filter **ret, size_t *ret_n, struct vantio_error *err)
{
	struct sock_filter *program;
	struct stat st;

	if (fstat(fd, &st) || st.st_size <= 0)
		return vantio_fail(err, EIO, "cannot read the seccomp program");
	program = malloc((size_t)st.st_size);
	if (!program)
		return vantio_fail(err, ENOMEM, "out of memory");
	if (pread(fd, program, (size_t)st.st_size, 0) != st.st_size) {
		free(program);
		return vantio_fail(err, EIO, "cannot read the seccomp program");
	}
	*ret = program;
	*ret_n = (size_t)st.st_size / sizeof(*program);
	return 0;
}

int vantio_filter_make(const struct vantio_plan *plan, bool observe, struct sock_filter **ret, size_t *ret_n, struct vantio_error *err)
{
	struct making m = { .ctx = seccomp_init(SCMP_ACT_ALLOW) };
	cleanup_close int fd = memfd_create("vantio-filter", MFD_CLOEXEC);

	if (!m.ctx || fd < 0) {
		seccomp_release(m.ctx);
		return vantio_fail(err, ENOMEM, "cannot make a seccomp program");
	}
	/* other ABIs (32-bit, x32) name other calls by the same numbers */
	m.failed = seccomp_attr_set(m.ctx, SCMP_FLTATR_ACT_BADARCH, observe ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOSYS));
	if (!m.failed)
		m.failed = seccomp_attr_set(m.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	add_all(&m, plan, observe);
	if (!m.failed)
		m.failed = seccomp_export_bpf(m.ctx, fd);
	seccomp_release(m.ctx);
	if (m.failed)
		return vantio_fail(err, -m.failed, "cannot make the seccomp program: %s", strerror(-m.failed));
	return read_program(fd, ret, ret_n, err);
}

struct vantio_filter_job {
	struct vantio_worker *thread; /* owned; NULL: there was none to be had */
	struct vantio_plan plan;
	bool observe;
	struct sock_filter *program; /* owned */
	size_t n;
	struct vantio_error err;
	int r;
};

static void make_it(void *arg)
{
	struct vantio_filter_job *job = arg;

	job->r = vantio_filter_make(&job->plan, job->observe, &job->program, &job->n, &job->err);
}

struct vantio_filter_job *vantio_filter_begin(const struct vantio_plan *plan, bool observe)
{
	struct vantio_filter_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->plan = *plan;
	job->observe = observe;
	job->thread = vantio_worker_start(make_it, job);
	if (job->thread)
		vantio_worker_go(job->thread);
	return job;
}

int vantio_filter_end(struct vantio_filter_job *job, struct sock_filter **ret, size_t *ret_n, struct vantio_error *err)
{
	int r;

	if (!job)
		return vantio_fail(err, ENOMEM, "out of memory");
	if (!job->thread && ret)
		make_it(job);
	vantio_worker_stop(job->thread);
	r = job->r;
	if (r)
		*err = job->err;
	if (!r && ret) {
		*ret = vantio_take(job->program);
		*ret_n = job->n;
	}
	free(job->program);
	free(job);
	return r;
}

int vantio_filter_enter(const struct sock_filter *program, size_t n)
{
	struct sock_fprog prog = { .len = (unsigned short)n, .filter = (struct sock_filter *)program };
	long fd;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &prog);
	if (fd < 0 && errno == EINVAL) /* before 5.19 */
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	return fd < 0 ? -errno : (int)fd;
}
