// SPDX-License-Identifier: Apache-2.0
/*
 * The kill switch. The agents' cgroups are told to freeze and at once, without waiting for it, the map word is flipped: from then on every
 * governed operation is refused. In this order only what was inside a system call at that moment sees a refusal, and everything else
 * pauses. Processes that have left the cgroup, or never had one, are stopped one by one.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "engine/cgroup.h"
#include "engine/internal.h"

#define WAIT_MS 5000 /* for the kernel to freeze or empty a cgroup */

static int flip_all(const struct vantio_engine *e, bool kill, struct vantio_error *err)
{
	struct vantio_control control;
	int r = vantio_engine_control(e, &control, err);

	if (r)
		return r;
	control.kill_all = kill;
	return vantio_engine_set_control(e, &control, err);
}

/* Every enrolled agent, or the one that was named. */
struct targets {
	uint32_t agents[VANTIO_AGENTS];
	size_t n;
};

static int find_targets(const struct vantio_engine *e, uint32_t agent, struct targets *ret, struct vantio_error *err)
{
	struct vantio_agent a;
	uint32_t i;

	ret->n = 0;
	for (i = 1; i < VANTIO_AGENTS; i++) {
		if (agent && i != agent)
			continue;
		if (vantio_agent_read(e, i, &a, err))
			return -err->code;
		if (a.state != VANTIO_AGENT_FREE)
			ret->agents[ret->n++] = i;
	}
	if (agent && !ret->n)
		return vantio_fail(err, ENOENT, "there is no agent %u", agent);
	return 0;
}

static int set_killed(const struct vantio_engine *e, uint32_t agent, struct vantio_agent *ret, struct vantio_error *err)
{
	int r = vantio_agent_read(e, agent, ret, err);

	if (r)
		return r;
	if (ret->state == VANTIO_AGENT_QUARANTINE)
		ret->flags |= VANTIO_AGENT_FLAG_QUARANTINED;
	ret->state = VANTIO_AGENT_SOFT_KILL;
	return vantio_agent_write(e, agent, ret, err);
}

/* The descriptor of an agent's cgroup, or -1 if it has none or it is gone. */
static int open_cgroup_of(const struct vantio_agent *a)
{
	struct vantio_error ignored = {};
	cleanup_free char *path = NULL, *opened = NULL;
	int fd;

	if (!a->cgroup_id || vantio_cgroup_path(a->cgroup_id, &path, &ignored) || vantio_cgroup_open(path, &fd, &opened, &ignored))
		return -1;
	return fd;
}

/* Whether a process is in the subtree of a cgroup, by path. */
static bool is_below(const struct vantio_task *t, const char *path)
{
	cleanup_free char *where = NULL;
	struct vantio_error ignored = {};
	size_t len = strlen(path);

	if (vantio_cgroup_path(t->cgroup_id, &where, &ignored))
		return false;
	return !strncmp(where, path, len) && (!where[len] || where[len] == '/' || !strcmp(path, "/"));
}

/* Whether a process has ended, though nobody may have waited for it yet; waits for that at most `timeout_ms`. */
static bool has_ended(int pidfd, int timeout_ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

/* Sends `sig` to the agent's processes that its cgroup does not hold; SIGKILL: and waits for their end. */
static int signal_strays(uint32_t agent, const struct vantio_agent *a, int sig, uint32_t *count, struct vantio_error *err)
{
	cleanup_free struct vantio_task *tasks = NULL;
	cleanup_free char *path = NULL;
	struct vantio_error ignored = {};
	size_t n, i;
	int r = vantio_tasks_list(&tasks, &n, err);

	if (r)
		return r;
	if (a->cgroup_id)
		vantio_cgroup_path(a->cgroup_id, &path, &ignored);
	for (i = 0; i < n; i++) {
		cleanup_close int fd = -1;

		if (tasks[i].agent != agent || tasks[i].instance != a->instance || (path && is_below(&tasks[i], path)))
			continue;
		fd = (int)syscall(SYS_pidfd_open, tasks[i].pid, 0);
		if (fd < 0 || has_ended(fd, 0) || syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0))
			continue; /* it has gone */
		(*count)++;
		if (sig == SIGKILL && !has_ended(fd, WAIT_MS))
			return vantio_fail(err, ETIMEDOUT, "process %u of agent %s did not end within %d ms", tasks[i].pid, a->name, WAIT_MS);
	}
	return 0;
}

static uint32_t count_tasks(uint32_t agent, const struct vantio_agent *a)
{
	cleanup_free struct vantio_task *tasks = NULL;
	struct vantio_error ignored = {};
	uint32_t count = 0;
	size_t n = 0, i;

	if (vantio_tasks_list(&tasks, &n, &ignored))
		return 0;
	for (i = 0; i < n; i++)
		count += tasks[i].agent == agent && tasks[i].instance == a->instance;
	return count;
}

/* Asks for the freeze and does not wait: what cannot be frozen is refused all the same. */
static void begin_freeze(const struct vantio_engine *e, const struct targets *t)
{
	struct vantio_error ignored = {};
	struct vantio_agent a;
	size_t i;

	for (i = 0; i < t->n; i++) {
		cleanup_close int cgroup = vantio_agent_read(e, t->agents[i], &a, &ignored) ? -1 : open_cgroup_of(&a);

		if (cgroup >= 0)
			vantio_write_pseudo(cgroup, "cgroup.freeze", "1", &ignored);
	}
}

/* Freezes or thaws the agent's cgroup, and stops or continues those of its processes that left it. */
static int pause_tasks(uint32_t agent, const struct vantio_agent *a, bool pause, struct vantio_kill_result *ret, struct vantio_error *err)
{
	cleanup_close int cgroup = open_cgroup_of(a);
	uint32_t strays = 0;
	int r = cgroup < 0 ? 0 : vantio_cgroup_freeze(cgroup, pause, WAIT_MS, err);

	ret->agents++;
	if (!r)
		r = signal_strays(agent, a, pause ? SIGSTOP : SIGCONT, &strays, err);
	ret->processes += count_tasks(agent, a);
	return r;
}

/* Waits for the freeze, and stops whom it does not reach. */
static int finish_freeze(struct vantio_engine *e, uint32_t agent, struct vantio_kill_result *ret, struct vantio_error *err)
{
	struct vantio_agent a;
	int r = vantio_agent_read(e, agent, &a, err);

	return r ? r : pause_tasks(agent, &a, true, ret, err);
}

int vantio_kill_soft(struct vantio_engine *e, uint32_t agent, struct vantio_kill_result *ret, struct vantio_error *err)
{
	struct vantio_error first = {}, ignored = {};
	struct vantio_agent a;
	struct targets t;
	size_t i;
	int r = find_targets(e, agent, &t, err);

	memset(ret, 0, sizeof(*ret));
	if (r)
		return r;
	begin_freeze(e, &t);
	if (!agent)
		r = flip_all(e, true, err);
	for (i = 0; i < t.n && !r; i++)
		r = set_killed(e, t.agents[i], &a, err);
	if (r)
		return r;
	for (i = 0; i < t.n; i++) /* all of them, whatever goes wrong with one */
		if (finish_freeze(e, t.agents[i], ret, first.code ? &ignored : &first) && first.code)
			r = -first.code;
	ret->recorded = !vantio_engine_note(e, VANTIO_OP_KILL_SOFT, VANTIO_KILLSWITCH, agent, 0, agent ? "one agent" : "every agent", &ignored);
	if (r)
		*err = first;
	return r;
}

/* `of_limits`: from a quarantine too. */
static int release(struct vantio_engine *e, uint32_t agent, bool of_limits, struct vantio_kill_result *ret, struct vantio_error *err)
{
	struct vantio_agent a;
	bool stays;
	int r = vantio_agent_read(e, agent, &a, err);

	if (r)
		return r;
	stays = !of_limits && (a.state == VANTIO_AGENT_QUARANTINE || (a.flags & VANTIO_AGENT_FLAG_QUARANTINED));
	a.state = stays ? VANTIO_AGENT_QUARANTINE : VANTIO_AGENT_ENROLLED;
	a.flags &= ~VANTIO_AGENT_FLAG_QUARANTINED;
	r = vantio_agent_write(e, agent, &a, err);
	ret->quarantined += stays;
	return r || stays ? r : pause_tasks(agent, &a, false, ret, err);
}

int vantio_kill_release(struct vantio_engine *e, uint32_t agent, struct vantio_kill_result *ret, struct vantio_error *err)
{
	struct vantio_error ignored = {};
	struct vantio_control control;
	struct targets t;
	size_t i;
	int r = vantio_engine_control(e, &control, err);

	memset(ret, 0, sizeof(*ret));
	if (!r && agent && control.kill_all)
		return vantio_fail(err, EINVAL, "every agent is halted: release all of them, without --agent");
	if (!r)
		r = find_targets(e, agent, &t, err);
	if (r)
		return r;
	ret->recorded = !vantio_engine_note(e, VANTIO_OP_KILL_RELEASE, VANTIO_PERMIT, agent, 0, agent ? "one agent" : "every agent", &ignored);
	if (!agent)
		r = flip_all(e, false, err);
	for (i = 0; i < t.n && !r; i++)
		r = release(e, t.agents[i], false, ret, err);
	return r;
}

int vantio_agent_release(struct vantio_engine *e, uint32_t agent, struct vantio_error *err)
{
	struct vantio_error ignored = {};
	struct vantio_kill_result result = {};
	struct vantio_control control;
	struct vantio_agent a;
	int r = vantio_engine_control(e, &control, err);

	if (!r)
		r = vantio_agent_read(e, agent, &a, err);
	if (r)
		return r;
	if (control.kill_all) /* thawed, it would run into refusals and end */
		return vantio_fail(err, EINVAL, "the kill switch of every agent is on: 'vantioctl killswitch --release' releases all of them");
	if (a.state != VANTIO_AGENT_QUARANTINE && a.state != VANTIO_AGENT_SOFT_KILL)
		return vantio_fail(err, EINVAL, "agent %s is not halted", a.name);
	vantio_engine_note(e, VANTIO_OP_KILL_RELEASE, VANTIO_PERMIT, agent, 0, "one agent", &ignored);
	return release(e, agent, true, &result, err);
}

int vantio_agent_freeze(const struct vantio_engine *e, uint32_t agent, uint32_t instance, struct vantio_error *err)
{
	struct vantio_agent a;
	cleanup_close int cgroup = -1;
	uint32_t strays = 0;
	int r = vantio_agent_read(e, agent, &a, err);

	if (r)
		return r;
	if (a.instance != instance || (a.state != VANTIO_AGENT_QUARANTINE && a.state != VANTIO_AGENT_SOFT_KILL))
		return 0; /* removed or released meanwhile */
	cgroup = open_cgroup_of(&a);
	if (cgroup >= 0)
		r = vantio_cgroup_freeze(cgroup, true, WAIT_MS, err);
	return r ? r : signal_strays(agent, &a, SIGSTOP, &strays, err);
}

/* ---- hard ---- */

static void note_killed(struct vantio_engine *e, uint32_t agent, const struct vantio_task *t, struct vantio_kill_result *ret)
{
	struct vantio_error ignored = {};
	char text[64];

	snprintf(text, sizeof(text), "pid %u uid %u", t->pid, t->uid);
	if (vantio_engine_note(e, VANTIO_OP_KILL_HARD, VANTIO_KILLSWITCH, agent, 0, text, &ignored))
		ret->recorded = false;
}

/* Ends what `fd` holds and what has left it; again until nobody is left, for a stray may have been forking. */
static int kill_all_of(struct vantio_engine *e, uint32_t agent, const struct vantio_agent *a, int cgroup, struct vantio_kill_result *ret,
		       struct vantio_error *err)
{
	uint32_t strays;
	int round, r;

	(void)e;
	(void)ret;
	for (round = 0; round < 16; round++) {
		strays = 0;
		r = cgroup >= 0 ? vantio_cgroup_kill(cgroup, WAIT_MS, err) : 0;
		if (!r)
			r = signal_strays(agent, a, SIGKILL, &strays, err);
		if (r || !strays)
			return r;
	}
	return vantio_fail(err, ETIMEDOUT, "agent %s keeps making processes", a->name);
}

static int harden(struct vantio_engine *e, uint32_t agent, struct vantio_kill_result *ret, struct vantio_error *err)
{
	cleanup_free struct vantio_task *tasks = NULL;
	cleanup_close int cgroup = -1;
	struct vantio_error ignored = {};
	struct vantio_agent a;
	size_t n = 0, i;
	int r = set_killed(e, agent, &a, err); /* nothing forks past this */

	if (r)
		return r;
	ret->agents++;
	r = vantio_tasks_list(&tasks, &n, err);
	if (r)
		return r;
	cgroup = open_cgroup_of(&a);
	r = kill_all_of(e, agent, &a, cgroup, ret, err);
	for (i = 0; i < n; i++)
		if (tasks[i].agent == agent && tasks[i].instance == a.instance) {
			ret->processes++;
			note_killed(e, agent, &tasks[i], ret);
		}
	if (cgroup >= 0) /* a soft kill may have frozen it: whoever enters it later must be able to run into the refusal */
		vantio_cgroup_freeze(cgroup, false, WAIT_MS, &ignored);
	return r;
}

int vantio_kill_hard(struct vantio_engine *e, uint32_t agent, struct vantio_kill_result *ret, struct vantio_error *err)
{
	struct vantio_error first = {}, ignored = {};
	struct targets t;
	size_t i;
	int r = agent ? 0 : flip_all(e, true, err);

	memset(ret, 0, sizeof(*ret));
	ret->recorded = true;
	if (!r)
		r = find_targets(e, agent, &t, err);
	if (r)
		return r;
	for (i = 0; i < t.n; i++)
		if (harden(e, t.agents[i], ret, first.code ? &ignored : &first) && first.code)
			r = -first.code;
	if (r)
		*err = first;
	return r;
}
