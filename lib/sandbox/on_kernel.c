// SPDX-License-Identifier: Apache-2.0
/* [kernel]: surfaces that a governed process has no business with. What is asked here rests on registers alone, or is refused. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "sandbox/box.h"
#include "sandbox/tree.h"

struct surface {
	enum vantio_hook hook;
	enum vantio_op op;
	enum vantio_surface surface;
};

static struct surface surface_of(int nr)
{
	switch (nr) {
	case SYS_umount2:
		return (struct surface){ VANTIO_HOOK_SB_UMOUNT, VANTIO_OP_MOUNT, VANTIO_SURFACE_MOUNT };
	case SYS_pivot_root:
		return (struct surface){ VANTIO_HOOK_SB_PIVOTROOT, VANTIO_OP_MOUNT, VANTIO_SURFACE_MOUNT };
	case SYS_move_mount:
		return (struct surface){ VANTIO_HOOK_MOVE_MOUNT, VANTIO_OP_MOUNT, VANTIO_SURFACE_MOUNT };
	case SYS_io_uring_setup:
	case SYS_io_uring_enter:
	case SYS_io_uring_register:
		return (struct surface){ VANTIO_HOOK_INODE_INIT_ANON, VANTIO_OP_IO_URING, VANTIO_SURFACE_IO_URING };
	case SYS_bpf:
		return (struct surface){ VANTIO_HOOK_BPF, VANTIO_OP_BPF, VANTIO_SURFACE_BPF };
	case SYS_init_module:
	case SYS_finit_module:
	case SYS_delete_module:
	case SYS_kexec_load:
	case SYS_kexec_file_load:
		return (struct surface){ VANTIO_HOOK_KERNEL_MODULE, VANTIO_OP_MODULE, VANTIO_SURFACE_MODULE };
	case SYS_reboot:
	case SYS_iopl:
	case SYS_ioperm:
		return (struct surface){ VANTIO_HOOK_CAPABLE, VANTIO_OP_MODULE, VANTIO_SURFACE_MODULE };
	case SYS_perf_event_open:
		return (struct surface){ VANTIO_HOOK_PERF_OPEN, VANTIO_OP_PERF, VANTIO_SURFACE_PERF };
	case SYS_add_key:
	case SYS_request_key:
	case SYS_keyctl:
		return (struct surface){ VANTIO_HOOK_KEY_PERMISSION, VANTIO_OP_KEYRING, VANTIO_SURFACE_KEYRING };
	case SYS_settimeofday:
	case SYS_clock_settime:
	case SYS_adjtimex:
	case SYS_clock_adjtime:
		return (struct surface){ VANTIO_HOOK_CAPABLE, VANTIO_OP_MODULE, VANTIO_SURFACE_MODULE };
	default:
		return (struct surface){ VANTIO_HOOK_SB_MOUNT, VANTIO_OP_MOUNT, VANTIO_SURFACE_MOUNT };
	}
}

static bool sets_clock(int nr)
{
	return nr == SYS_settimeofday || nr == SYS_clock_settime || nr == SYS_adjtimex || nr == SYS_clock_adjtime;
}

/* Reading the clock's state is adjtimex(2) too. */
static bool only_reads_clock(const struct vantio_call *c)
{
	unsigned int modes = 1;
	uint64_t at = c->n->data.nr == SYS_adjtimex ? c->n->data.args[0] : c->n->data.args[1];

	return (c->n->data.nr == SYS_adjtimex || c->n->data.nr == SYS_clock_adjtime) && geteuid() &&
	       !vantio_target_read(&c->t, at, &modes, sizeof(modes)) && !modes;
}

struct vantio_reply vantio_on_surface(struct vantio_call *c)
{
	const struct surface s = surface_of(c->n->data.nr);
	struct vantio_surface_ask ask = { .hook = s.hook, .op = s.op, .surface = s.surface, .reason = VANTIO_REASON_SURFACE,
					  .target = (uint32_t)c->n->data.args[0] };

	if (sets_clock(c->n->data.nr)) {
		if (only_reads_clock(c)) /* without the capability, setting fails whatever comes to stand there */
			return vantio_go_on();
		ask.flags = VANTIO_JUDGE_PROTECTED;
	}
	c->box->call = c;
	if (vantio_judge_surface(c->box->judge, &ask) || c->box->broken)
		return vantio_refuse(EPERM);
	if (c->box->lax)
		return vantio_go_on();
	/* what the plan refuses whatever the policy says: it was named before the start */
	return s.surface == VANTIO_SURFACE_MOUNT || s.surface == VANTIO_SURFACE_IO_URING ? vantio_refuse(EPERM) : vantio_go_on();
}

/* Namespaces. Of the flags of setns(2) and unshare(2) only these concern a policy. */
struct vantio_reply vantio_on_clone(struct vantio_call *c)
{
	const int nr = c->n->data.nr;
	const uint32_t flags = (uint32_t)c->n->data.args[nr == SYS_setns];

	if (nr == SYS_clone && !(flags & (CLONE_NEWNS | CLONE_NEWUSER)))
		return vantio_on_fork(c);
	if ((flags & CLONE_NEWUSER || (nr == SYS_setns && !flags)) &&
	    vantio_refused_surface(c, VANTIO_HOOK_USERNS_CREATE, VANTIO_OP_USERNS, VANTIO_SURFACE_USERNS, 0))
		return vantio_refuse(EPERM);
	if (flags & CLONE_NEWNS || nr == SYS_setns) {
		if (vantio_refused_surface(c, VANTIO_HOOK_SB_MOUNT, VANTIO_OP_MOUNT, VANTIO_SURFACE_MOUNT, 0) || !c->box->lax)
			return vantio_refuse(EPERM);
	}
	return vantio_go_on();
}

struct vantio_reply vantio_on_fork(struct vantio_call *c)
{
	struct vantio_surface_ask ask = { .hook = VANTIO_HOOK_TASK_ALLOC, .op = VANTIO_OP_FORK, .reason = VANTIO_REASON_UNGOVERNED };

	c->box->call = c;
	return vantio_judge_surface(c->box->judge, &ask) || c->box->broken ? vantio_refuse(EACCES) : vantio_go_on();
}

/* Of outsiders alone. Landlock, which refuses the same, stands behind it: that numbers of processes are used again does no harm. */
struct vantio_reply vantio_on_ptrace(struct vantio_call *c)
{
	const pid_t pid = (pid_t)c->n->data.args[c->n->data.nr == SYS_ptrace];

	if (pid == vantio_target_group(&c->t) || (pid != c->box->self && vantio_target_ours(c->box->self, pid)))
		return vantio_go_on();
	if (kill(pid, 0) && errno == ESRCH)
		return vantio_refuse(ESRCH);
	if (vantio_refused_surface(c, VANTIO_HOOK_PTRACE_ACCESS, VANTIO_OP_PTRACE, VANTIO_SURFACE_PTRACE, (uint32_t)pid))
		return vantio_refuse(EPERM);
	return vantio_go_on();
}

/* ---- signals ---- */

static bool ours(struct vantio_call *c, pid_t pid)
{
	return pid == vantio_target_group(&c->t) || (pid > 0 && vantio_target_ours(c->box->self, pid));
}

static struct vantio_reply refuse_signal(struct vantio_call *c, pid_t pid)
{
	if (kill(pid, 0) && errno == ESRCH)
		return vantio_refuse(ESRCH);
	if (vantio_refused_surface(c, VANTIO_HOOK_TASK_KILL, VANTIO_OP_SIGNAL, VANTIO_SURFACE_SIGNAL, (uint32_t)pid))
		return vantio_refuse(EPERM);
	return vantio_go_on();
}

/* Limits of another process end it, as a signal does. */
struct vantio_reply vantio_on_prlimit(struct vantio_call *c)
{
	const pid_t pid = vantio_arg_int(c, 0);

	if (ours(c, pid))
		return vantio_go_on();
	if (kill(pid, 0) && errno == ESRCH)
		return vantio_refuse(ESRCH);
	return vantio_refused_surface(c, VANTIO_HOOK_TASK_SETRLIMIT, VANTIO_OP_SIGNAL, VANTIO_SURFACE_SIGNAL, (uint32_t)pid) ? vantio_refuse(EPERM) :
															      vantio_go_on();
}

/* Of a descriptor's signals: F_SETOWN. */
struct vantio_reply vantio_on_owner(struct vantio_call *c)
{
	const pid_t pid = vantio_arg_int(c, 2);

	return !pid || ours(c, pid) ? vantio_go_on() : refuse_signal(c, pid);
}

struct group_kill {
	pid_t group; /* 0: every one */
	pid_t except;
	int sig;
	int sent, error;
};

static void kill_one(pid_t pid, void *arg)
{
	struct group_kill *g = arg;

	if (pid == g->except || (g->group && getpgid(pid) != g->group))
		return;
	if (kill(pid, g->sig))
		g->error = errno;
	else
		g->sent++;
}

/* Many at once: those of them that are the agent's. */
static struct vantio_reply kill_many(struct vantio_call *c, pid_t pid, int sig)
{
	struct group_kill g = { .sig = sig, .error = ESRCH };

	if (c->box->lax)
		return vantio_go_on();
	if (pid == -1)
		g.except = vantio_target_group(&c->t);
	else
		g.group = pid ? -pid : getpgid(vantio_target_group(&c->t));
	vantio_tree_each(c->box->self, kill_one, &g);
	if (g.sent)
		return vantio_say(0);
	return g.error == ESRCH && !kill(pid, 0) ? refuse_signal(c, pid) : vantio_refuse(g.error);
}

static pid_t pid_of_pidfd(int fd)
{
	char path[64], text[1024], *at;
	struct vantio_error ignored = {};

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (vantio_read_pseudo(-100, path, text, sizeof(text), &ignored))
		return 0;
	at = strstr(text, "\nPid:");
	return at ? (pid_t)strtol(at + 5, NULL, 10) : 0;
}

static struct vantio_reply signal_pidfd(struct vantio_call *c)
{
	cleanup_close int fd = vantio_target_fd(&c->t, vantio_arg_int(c, 0));
	const int sig = vantio_arg_int(c, 1);
	pid_t pid;

	if (fd < 0)
		return vantio_refuse(fd);
	pid = pid_of_pidfd(fd);
	if (pid <= 0)
		return vantio_refuse(EBADF);
	if (sig && !ours(c, pid) && vantio_refused_surface(c, VANTIO_HOOK_TASK_KILL, VANTIO_OP_SIGNAL, VANTIO_SURFACE_SIGNAL, (uint32_t)pid))
		return vantio_refuse(EPERM);
	if (c->box->lax)
		return vantio_go_on();
	return vantio_result(syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0));
}

struct vantio_reply vantio_on_signal(struct vantio_call *c)
{
	const int nr = c->n->data.nr;
	const pid_t pid = (pid_t)c->n->data.args[0];
	const int sig = vantio_arg_int(c, nr == SYS_tgkill || nr == SYS_rt_tgsigqueueinfo ? 2 : 1);

	if (nr == SYS_pidfd_send_signal)
		return signal_pidfd(c);
	if (!sig)
		return vantio_go_on();
	if (nr == SYS_kill && pid <= 0)
		return kill_many(c, pid, sig);
	return ours(c, pid) ? vantio_go_on() : refuse_signal(c, pid);
}
