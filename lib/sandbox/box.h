/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the supervisor's files share. A call is a system call that waits for an answer; a handler gathers facts, asks the judge, and
 * acts in the target's place on what it judged. To let the kernel go on with the call (vantio_go_on) is right only where
 * nothing that was judged can change meanwhile, or where Landlock grants the target no more than the policy permits.
 */
#ifndef VANTIO_SANDBOX_BOX_H
#define VANTIO_SANDBOX_BOX_H

#include <linux/seccomp.h>

#include "sandbox/journal.h"
#include "sandbox/judge.h"
#include "sandbox/plan.h"
#include "sandbox/target.h"

struct vantio_tracer;
struct vantio_filter_job;

struct vantio_box {
	struct vantio_plan plan;
	struct vantio_filter_job *filter; /* owned: under way until the command is started */
	struct vantio_image *image; /* owned */
	struct vantio_held_set held; /* owned: what entries of deny without wildcards name */
	struct vantio_judge *judge; /* owned */
	struct vantio_journal *journal; /* owned; NULL before the first record */
	struct vantio_journal_options journal_options;
	struct vantio_error journal_error; /* why there is none */
	bool privileged; /* we are root: processes that gave that up are refused */
	bool lax;       /* observe, or the policy audits: nothing is refused */
	bool broken;    /* records cannot be written: everything is refused */
	int listener;   /* of seccomp */
	int control;    /* where the kill switch asks */
	char runtime[PATH_MAX]; /* folder of control sockets: nobody's agent connects there */
	pid_t self, child;
	uint64_t trace_id;
	char agent[VANTIO_NAME_MAX];
	struct vantio_call *call; /* that is judged now; NULL for what no call asked */
	struct vantio_tracer *tracer;   /* owned: threads whose execve(2) is looked after */
	bool halting; /* the agent is to be stopped, as a limit wants it */
	bool ended;   /* the kill switch ends it */
	bool quarantined; /* it was when the kill switch halted it */
};

struct vantio_call {
	struct vantio_box *box;
	const struct seccomp_notif *n;
	struct vantio_target t;
};

enum vantio_answer_kind { VANTIO_ANSWER_VALUE, VANTIO_ANSWER_ERROR, VANTIO_ANSWER_GO_ON, VANTIO_ANSWER_FD, VANTIO_ANSWER_LATER };

struct vantio_reply {
	enum vantio_answer_kind kind;
	int64_t value; /* VALUE; ERROR: positive errno; FD: a descriptor of ours, which is closed */
	bool cloexec;
};

typedef struct vantio_reply vantio_handler(struct vantio_call *c);

static inline struct vantio_reply vantio_say(int64_t value)
{
	return (struct vantio_reply){ .kind = VANTIO_ANSWER_VALUE, .value = value };
}

static inline struct vantio_reply vantio_refuse(int error)
{
	return (struct vantio_reply){ .kind = VANTIO_ANSWER_ERROR, .value = error < 0 ? -error : error };
}

static inline struct vantio_reply vantio_go_on(void)
{
	return (struct vantio_reply){ .kind = VANTIO_ANSWER_GO_ON };
}

/* What a system call of ours returned: its value, or errno. */
struct vantio_reply vantio_result(int64_t r);

/* ---- supervisor.c ---- */

/* Whether the thread still waits for this answer: what was read of it before is its own. */
bool vantio_call_valid(const struct vantio_call *c);
/* Sends an answer from another thread; `listener` and `id` are copies. Closes reply.value where it is a descriptor. */
void vantio_reply_send(int listener, uint64_t id, struct vantio_reply reply);
/* Runs `work` in a thread of its own, which answers; `size` bytes of `job` are copied. Not LATER: `job` is still the caller's. */
struct vantio_reply vantio_later(struct vantio_call *c, struct vantio_reply (*work)(void *job), const void *job, size_t size);
/* A path argument; -errno. */
int vantio_arg_path(const struct vantio_call *c, unsigned int arg, char out[PATH_MAX]);

static inline int vantio_arg_int(const struct vantio_call *c, unsigned int arg)
{
	return (int)(uint32_t)c->n->data.args[arg];
}

/* Asks about a place; true if it is refused. `extra` are further VANTIO_JUDGE_* bits, `second` the new name. */
bool vantio_refused(struct vantio_call *c, enum vantio_hook hook, enum vantio_op op, enum vantio_domain domain, uint32_t access,
		    const struct vantio_spot *s, const struct vantio_spot *second, uint32_t extra);
/* Records what was done to the whole agent; whether it could be. */
bool vantio_box_note(struct vantio_box *box, enum vantio_op op, enum vantio_decision decision, const char *text);
/* Whether a path lies where runs are controlled from. */
bool vantio_box_controls(const struct vantio_box *box, const char *path);
/* Asks about a surface of [kernel]. */
bool vantio_refused_surface(struct vantio_call *c, enum vantio_hook hook, enum vantio_op op, enum vantio_surface surface, uint32_t target);

/* ---- the handlers, by system call ---- */

vantio_handler vantio_on_open, vantio_on_openat, vantio_on_openat2, vantio_on_creat, vantio_on_open_by_handle;
vantio_handler vantio_on_unlink, vantio_on_rename, vantio_on_link, vantio_on_symlink, vantio_on_mkdir, vantio_on_mknod;
vantio_handler vantio_on_truncate, vantio_on_chmod, vantio_on_chown, vantio_on_utimes, vantio_on_setxattr, vantio_on_removexattr;
vantio_handler vantio_on_ioctl, vantio_on_unknown_change;
vantio_handler vantio_on_exec, vantio_on_mmap, vantio_on_mprotect, vantio_on_personality;
vantio_handler vantio_on_socket, vantio_on_connect, vantio_on_bind, vantio_on_listen, vantio_on_sendto, vantio_on_sendmsg, vantio_on_sendmmsg;
vantio_handler vantio_on_setsockopt;
vantio_handler vantio_on_surface, vantio_on_clone, vantio_on_fork, vantio_on_ptrace, vantio_on_signal, vantio_on_prlimit, vantio_on_owner;

#endif
