// SPDX-License-Identifier: Apache-2.0
#include "sandbox/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "sandbox/box.h"
#include "sandbox/control.h"
#include "sandbox/dispatch.h"
#include "sandbox/filter.h"

/* Of Linux 6.6: the two who wait for each other share a processor. */
#define NOTIF_SET_FLAGS    SECCOMP_IOW(4, __u64)
#define NOTIF_SYNC_WAKE_UP 1ul

#define RESERVED_FDS 320 /* a message with all that it can pass on, and what judging and recording take */

/* ---- answers ---- */

struct vantio_reply vantio_result(int64_t r)
{
	return r < 0 ? vantio_refuse(errno) : vantio_say(r);
}

static void send_plain(int listener, uint64_t id, int64_t value, int error, uint32_t flags)
{
	struct seccomp_notif_resp resp = { .id = id, .val = value, .error = -error, .flags = flags };

	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp); /* ENOENT: the target is gone */
}

void vantio_reply_send(int listener, uint64_t id, struct vantio_reply reply)
{
	struct seccomp_notif_addfd add = { .id = id, .flags = SECCOMP_ADDFD_FLAG_SEND, .newfd_flags = reply.cloexec ? O_CLOEXEC : 0 };

	switch (reply.kind) {
	case VANTIO_ANSWER_VALUE:
		send_plain(listener, id, reply.value, 0, 0);
		break;
	case VANTIO_ANSWER_ERROR:
		send_plain(listener, id, 0, (int)reply.value, 0);
		break;
	case VANTIO_ANSWER_GO_ON:
		send_plain(listener, id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
		break;
	case VANTIO_ANSWER_FD:
		add.srcfd = (uint32_t)reply.value;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 && errno != ENOENT)
			send_plain(listener, id, 0, errno, 0); /* such as EMFILE: never the target's own call */
		close((int)reply.value);
		break;
	case VANTIO_ANSWER_LATER:
		break;
	}
}

bool vantio_call_valid(const struct vantio_call *c)
{
	uint64_t id = c->n->id;

	return !ioctl(c->box->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

struct later {
	int listener;
	uint64_t id;
	struct vantio_reply (*work)(void *job);
	uint64_t job[]; /* aligned for anything */
};

static void *work_later(void *arg)
{
	struct later *l = arg;

	vantio_reply_send(l->listener, l->id, l->work(l->job));
	free(l);
	return NULL;
}

/* Calls that wait hold descriptors of ours: never the last ones, or neither judge nor kill switch could work. */
static bool descriptors_left(int listener)
{
	cleanup_close int lowest = fcntl(listener, F_DUPFD_CLOEXEC, 0);
	struct rlimit limit;

	if (lowest < 0 || getrlimit(RLIMIT_NOFILE, &limit))
		return false;
	return (rlim_t)lowest < limit.rlim_cur - (limit.rlim_cur / 2 < RESERVED_FDS ? limit.rlim_cur / 2 : RESERVED_FDS);
}

struct vantio_reply vantio_later(struct vantio_call *c, struct vantio_reply (*work)(void *job), const void *job, size_t size)
{
	struct later *l = descriptors_left(c->box->listener) ? malloc(sizeof(*l) + size) : NULL;
	pthread_t thread;

	if (!l)
		return vantio_refuse(ENOMEM);
	l->listener = c->box->listener;
	l->id = c->n->id;
	l->work = work;
	memcpy(l->job, job, size);
	if (pthread_create(&thread, NULL, work_later, l)) {
		free(l);
		return vantio_refuse(ENOMEM);
	}
	pthread_detach(thread);
	return (struct vantio_reply){ .kind = VANTIO_ANSWER_LATER };
}

int vantio_arg_path(const struct vantio_call *c, unsigned int arg, char out[PATH_MAX])
{
	ssize_t n = vantio_target_string(&c->t, c->n->data.args[arg], out, PATH_MAX);

	return n < 0 ? (int)n : 0;
}

/* ---- questions ---- */

static uint32_t flags_of(const struct vantio_spot *s)
{
	return (s->no_path ? VANTIO_JUDGE_NO_PATH : 0) | (s->unlinked ? VANTIO_JUDGE_UNLINKED : 0) | (s->failed ? VANTIO_JUDGE_FAILED : 0);
}

bool vantio_refused(struct vantio_call *c, enum vantio_hook hook, enum vantio_op op, enum vantio_domain domain, uint32_t access,
		    const struct vantio_spot *s, const struct vantio_spot *second, uint32_t extra)
{
	struct vantio_path_ask ask = { .hook = hook, .op = op, .domain = domain, .access = access, .flags = extra | flags_of(s),
				       .path = s->path, .len = s->len, .object = s->fd >= 0 || s->dir < 0 ? &s->st : NULL };

	if (second) {
		ask.path2 = second->path;
		ask.len2 = second->len;
		ask.object2 = second->fd >= 0 ? &second->st : NULL;
	}
	c->box->call = c;
	return vantio_judge_path(c->box->judge, &ask) || c->box->broken;
}

bool vantio_refused_surface(struct vantio_call *c, enum vantio_hook hook, enum vantio_op op, enum vantio_surface surface, uint32_t target)
{
	struct vantio_surface_ask ask = { .hook = hook, .op = op, .surface = surface, .reason = VANTIO_REASON_SURFACE, .target = target };

	c->box->call = c;
	return vantio_judge_surface(c->box->judge, &ask) || c->box->broken;
}

/* ---- records ---- */

static void fill_subject(struct vantio_call *c, struct vantio_event *e, char exe[PATH_MAX])
{
	char text[64];
	ssize_t n;
	int i;

	e->pid = (uint32_t)vantio_target_group(&c->t);
	e->tid = (uint32_t)c->t.tid;
	if (vantio_target_status(&c->t, "PPid", text, sizeof(text)))
		e->ppid = (uint32_t)strtoul(text, NULL, 10);
	if (vantio_target_status(&c->t, "Uid", text, sizeof(text)))
		e->uid = (uint32_t)strtoul(text, NULL, 10);
	if (vantio_target_status(&c->t, "Gid", text, sizeof(text)))
		e->gid = (uint32_t)strtoul(text, NULL, 10);
	if (vantio_target_status(&c->t, "Name", text, sizeof(text)))
		memcpy(e->comm, text, strnlen(text, sizeof(e->comm)));
	snprintf(text, sizeof(text), "/proc/%d/exe", (int)vantio_target_group(&c->t));
	n = readlink(text, exe, PATH_MAX);
	e->exe_len = n > 0 ? (uint16_t)(n < VANTIO_PATH_MAX ? n : VANTIO_PATH_MAX - 1) : 0;
	e->syscall_nr = c->n->data.nr;
	for (i = 0; i < 6; i++)
		e->args[i] = c->n->data.args[i];
}

static void emit(void *ctx, struct vantio_event *e, const char *path, const char *path2)
{
	struct vantio_box *box = ctx;
	char exe[PATH_MAX] = "";

	if (!box->journal && !box->broken && vantio_journal_open(&box->journal_options, &box->journal, &box->journal_error))
		box->broken = true;
	if (box->broken)
		return;
	if (box->call)
		fill_subject(box->call, e, exe);
	e->trace_id = box->trace_id;
	memcpy(e->agent_name, box->agent, sizeof(e->agent_name));
	vantio_journal_put(box->journal, e, path, path2, exe);
}

bool vantio_box_note(struct vantio_box *box, enum vantio_op op, enum vantio_decision decision, const char *text)
{
	struct vantio_event e = { .version = VANTIO_ABI_VERSION, .hook = VANTIO_HOOK_CONTROL, .op = (uint8_t)op, .decision = (uint8_t)decision,
				  .reason = VANTIO_REASON_CONTROL, .object = VANTIO_OBJECT_TARGET, .flags = VANTIO_EVENT_ENFORCED, .gen = 1,
				  .count = 1, .syscall_nr = -1, .pid = (uint32_t)box->self, .tid = (uint32_t)box->self, .uid = getuid(),
				  .gid = getgid(), .comm = "vantioctl" };
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	e.mono_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	e.path_len = (uint16_t)strlen(text);
	box->call = NULL;
	emit(box, &e, text, NULL);
	return !box->broken;
}

bool vantio_box_controls(const struct vantio_box *box, const char *path)
{
	const size_t n = strlen(box->runtime);

	return n && !strncmp(path, box->runtime, n) && (path[n] == '/' || !path[n]);
}

static void halt(void *ctx)
{
	((struct vantio_box *)ctx)->halting = true;
}

/* ---- one call ---- */

/* What we do in the place of a process that is root no more would be done as root. */
static bool gave_up_powers(struct vantio_call *c)
{
	struct vantio_target own = { .tid = c->box->self };
	char uid[128], caps[64], ours[64];

	return !vantio_target_status(&c->t, "Uid", uid, sizeof(uid)) || strcmp(uid, "0\t0\t0\t0") ||
	       !vantio_target_status(&c->t, "CapEff", caps, sizeof(caps)) || !vantio_target_status(&own, "CapEff", ours, sizeof(ours)) ||
	       strcmp(caps, ours);
}

static struct vantio_reply handle(struct vantio_call *c)
{
	vantio_handler *handler = vantio_handler_of(c->n->data.nr);

	c->t.tid = (pid_t)c->n->pid;
	c->t.self = c->box->self;
	if (c->box->privileged && !c->box->lax && gave_up_powers(c)) {
		struct vantio_surface_ask ask = { .hook = VANTIO_HOOK_CAPABLE, .op = VANTIO_OP_MODULE, .surface = VANTIO_SURFACE_MODULE,
						  .reason = VANTIO_REASON_SURFACE, .flags = VANTIO_JUDGE_PROTECTED };

		c->box->call = c;
		vantio_judge_surface(c->box->judge, &ask);
		return vantio_refuse(EPERM);
	}
	return handler ? handler(c) : vantio_refuse(ENOSYS);
}

void vantio_box_serve(struct vantio_box *box)
{
	struct seccomp_notif n = {};
	struct vantio_call c = { .box = box, .n = &n };
	struct vantio_reply reply;

	if (ioctl(box->listener, SECCOMP_IOCTL_NOTIF_RECV, &n))
		return; /* ENOENT: whoever called has gone */
	reply = handle(&c);
	box->call = NULL;
	if (reply.kind == VANTIO_ANSWER_ERROR && box->lax && vantio_judge_state(box->judge) == VANTIO_AGENT_ENROLLED && !box->broken)
		reply = vantio_go_on(); /* nothing is to be refused: the kernel has the last word on what could not be looked at */
	vantio_reply_send(box->listener, n.id, reply);
	vantio_box_halt_if_due(box);
}

/* ---- before and after ---- */

int vantio_box_new(const struct vantio_box_options *o, struct vantio_box **ret, struct vantio_error *err)
{
	struct vantio_box *box = calloc(1, sizeof(*box));
	struct vantio_judge_options jo = { .audit = o->observe, .emit = emit, .halt = halt };
	int r = 0;

	if (!box)
		return vantio_fail(err, ENOMEM, "out of memory");
	box->listener = box->control = -1;
	box->self = getpid();
	box->trace_id = o->trace_id;
	box->privileged = !geteuid();
	box->lax = o->observe || o->policy->audit;
	snprintf(box->agent, sizeof(box->agent), "%s", o->agent);
	snprintf(box->runtime, sizeof(box->runtime), "%s", o->runtime_dir);
	box->journal_options = (struct vantio_journal_options){ .ledger_dir = o->ledger_dir, .tier = o->observe ? "observe" : "user",
								.policy = o->policy, .res = o->res };
	box->plan = vantio_plan_questions(o->policy, o->observe);
	box->plan.abi = vantio_landlock_abi(o->landlock_abi);
	box->filter = vantio_filter_begin(&box->plan, box->lax);
	r = vantio_run_listen(box->agent, &box->control, err);
	if (!r)
		r = vantio_image_compile(o->policy, o->res, &box->image, err);
	if (!r)
		r = vantio_plan_floor(o->policy, box->image, &box->plan, err);
	if (!r)
		r = vantio_held_find(NULL, o->policy, &box->held, err);
	for (size_t i = 0; i < box->held.n; i++)
		if (box->held.items[i].named_twice) /* Landlock would grant it under its other name */
			box->plan.exact = false;
	jo.image = box->image;
	jo.held = &box->held;
	jo.ctx = box;
	if (!r)
		r = vantio_judge_new(&jo, &box->judge, err);
	if (r) {
		struct vantio_journal_summary none = {};
		struct vantio_error ignored;

		vantio_box_close(box, &none, &ignored);
		return r;
	}
	*ret = box;
	return 0;
}

void vantio_box_degrade(struct vantio_box *box, const char *what)
{
	char text[1024];

	snprintf(text, sizeof(text), "not enforced: %s", what);
	box->journal_options.tier = "user-degraded";
	vantio_box_note(box, VANTIO_OP_ENROLL, VANTIO_PERMIT, text);
}

const struct vantio_plan *vantio_box_plan(const struct vantio_box *box)
{
	return &box->plan;
}

int vantio_box_listener(const struct vantio_box *box)
{
	return box->listener;
}

int vantio_box_failed_fd(const struct vantio_box *box)
{
	return box->journal ? vantio_journal_failed_fd(box->journal) : -1;
}

/* What the child does before it is governed and after; -1 is told where something fails, with errno behind it. */
struct birth {
	int ruleset;
	const struct sock_filter *program;
	size_t n;
	int tell[2], go[2];
};

static void born(const struct birth *b, void (*child)(void *arg), void *arg)
{
	int word[2] = { -1, 0 };
	char go;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		word[1] = errno;
	else if (b->ruleset >= 0)
		word[1] = -vantio_landlock_enter(b->ruleset);
	if (!word[1]) {
		word[0] = vantio_filter_enter(b->program, b->n);
		if (word[0] < 0)
			word[1] = -word[0];
	}
	if (write(b->tell[1], word, sizeof(word)) != (ssize_t)sizeof(word) || read(b->go[0], &go, 1) != 1)
		_exit(126); /* the parent would not let us go */
	if (word[0] >= 0)
		close(word[0]);
	child(arg);
	_exit(126);
}

static int take_listener(struct vantio_box *box, struct birth *b, struct vantio_error *err)
{
	struct vantio_target t = { .tid = box->child, .tgid = box->child, .self = box->self };
	int word[2];
	char go = 1;

	if (read(b->tell[0], word, sizeof(word)) != (ssize_t)sizeof(word))
		return vantio_fail(err, EIO, "the new process ended before it was governed");
	if (word[0] < 0)
		return vantio_fail(err, word[1], "the kernel does not let a process be governed: %s; 'vantioctl doctor' says what is missing", strerror(word[1]));
	box->listener = vantio_target_fd(&t, word[0]);
	if (box->listener < 0)
		return vantio_fail(err, -box->listener, "cannot take over the seccomp listener: %s", strerror(-box->listener));
	ioctl(box->listener, NOTIF_SET_FLAGS, NOTIF_SYNC_WAKE_UP); /* before 6.6 it is slower */
	/* nobody of the same user reaches into who decides: not through /proc, not with ptrace, not by its descriptors */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || write(b->go[1], &go, 1) != 1)
		return vantio_fail(err, errno, "cannot start the command: %s", strerror(errno));
	return 0;
}

static int give_birth(struct vantio_box *box, struct birth *b, void (*child)(void *arg), void *arg, struct vantio_error *err)
{
	int r;

	if (pipe2(b->tell, O_CLOEXEC) || pipe2(b->go, O_CLOEXEC))
		return vantio_fail(err, errno, "cannot make a pipe: %s", strerror(errno));
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) || unshare(CLONE_FS))
		return vantio_fail(err, errno, "cannot prepare to supervise: %s", strerror(errno));
	box->child = fork();
	if (box->child < 0)
		return vantio_fail(err, errno, "cannot start a process: %s", strerror(errno));
	if (!box->child)
		born(b, child, arg);
	vantio_close_fd(&b->tell[1]);
	b->tell[1] = -1;
	r = take_listener(box, b, err);
	if (r) {
		kill(box->child, SIGKILL);
		waitpid(box->child, NULL, 0);
	}
	return r;
}

int vantio_box_start(struct vantio_box *box, void (*child)(void *arg), void *arg, pid_t *ret_pid, struct vantio_error *err)
{
	struct birth b = { .ruleset = -1, .tell = { -1, -1 }, .go = { -1, -1 } };
	struct sock_filter *program = NULL;
	int r = box->lax ? 0 : vantio_landlock_make(box->plan.abi, &box->plan.floor, &b.ruleset, err);

	if (!r)
		r = vantio_filter_end(vantio_take(box->filter), &program, &b.n, err);
	b.program = program;
	if (!r)
		r = give_birth(box, &b, child, arg, err);
	vantio_close_fd(&b.ruleset);
	vantio_close_fd(&b.tell[0]);
	vantio_close_fd(&b.tell[1]);
	vantio_close_fd(&b.go[0]);
	vantio_close_fd(&b.go[1]);
	free(program);
	if (!r)
		*ret_pid = box->child;
	return r;
}

int vantio_box_close(struct vantio_box *box, struct vantio_journal_summary *ret, struct vantio_error *err)
{
	int r;

	if (!box)
		return 0;
	if (box->filter) /* nothing was started */
		vantio_filter_end(box->filter, NULL, NULL, &(struct vantio_error){});
	r = vantio_journal_close(box->journal, ret, err);
	if (!r && box->broken) {
		*err = box->journal_error;
		r = -err->code;
	}
	vantio_close_fd(&box->listener);
	if (box->control >= 0)
		vantio_run_unlisten(box->agent);
	vantio_close_fd(&box->control);
	vantio_plan_clear(&box->plan);
	vantio_judge_free(box->judge);
	vantio_held_free(&box->held);
	vantio_image_free(box->image);
	vantio_tracer_free(box->tracer);
	free(box);
	return r;
}
