// SPDX-License-Identifier: Apache-2.0
/* The kill switch of a run, limits that halt, and letting go on. Every process is stopped one by one: an ordinary user has no cgroup to freeze. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "sandbox/box.h"
#include "sandbox/control.h"
#include "sandbox/supervisor.h"
#include "sandbox/tree.h"

#define ROUNDS_MAX 64 /* at processes that fork meanwhile; what is governed of them is refused all the same */

static void send_one(pid_t pid, void *arg)
{
	kill(pid, *(int *)arg);
}

/* Signals all, until no more have appeared; their number. */
static uint32_t signal_all(struct vantio_box *box, int sig)
{
	size_t before = 0, now = vantio_tree_each(box->self, send_one, &sig);
	int i;

	for (i = 0; i < ROUNDS_MAX && now > before; i++) {
		before = now;
		now = vantio_tree_each(box->self, send_one, &sig);
	}
	return (uint32_t)now;
}

static void count_one(pid_t pid, void *arg)
{
	(void)pid;
	++*(uint32_t *)arg;
}

void vantio_box_halt_if_due(struct vantio_box *box)
{
	if (box->halting) {
		box->halting = false;
		signal_all(box, SIGSTOP);
	}
}

bool vantio_box_halted(const struct vantio_box *box)
{
	return vantio_judge_state(box->judge) != VANTIO_AGENT_ENROLLED;
}

bool vantio_box_ended(const struct vantio_box *box)
{
	return box->ended;
}

int vantio_box_control_fd(const struct vantio_box *box)
{
	return box->control;
}

static void kill_switch(struct vantio_box *box)
{
	if (vantio_judge_state(box->judge) == VANTIO_AGENT_QUARANTINE)
		box->quarantined = true;
	vantio_judge_set_state(box->judge, VANTIO_AGENT_SOFT_KILL);
}

/* `of_limits`: from a quarantine too. */
static uint32_t release(struct vantio_box *box, bool of_limits, bool *ret_recorded)
{
	const bool stays = !of_limits && (box->quarantined || vantio_judge_state(box->judge) == VANTIO_AGENT_QUARANTINE);

	box->quarantined = box->ended = false;
	vantio_judge_set_state(box->judge, stays ? VANTIO_AGENT_QUARANTINE : VANTIO_AGENT_ENROLLED);
	*ret_recorded = vantio_box_note(box, VANTIO_OP_KILL_RELEASE, VANTIO_PERMIT, box->agent);
	return stays ? 0 : signal_all(box, SIGCONT);
}

static uint32_t act(struct vantio_box *box, enum vantio_run_verb verb, bool *ret_recorded)
{
	uint32_t n = 0;

	switch (verb) {
	case VANTIO_RUN_SOFT:
		kill_switch(box);
		n = signal_all(box, SIGSTOP);
		*ret_recorded = vantio_box_note(box, VANTIO_OP_KILL_SOFT, VANTIO_KILLSWITCH, box->agent);
		break;
	case VANTIO_RUN_HARD:
		kill_switch(box);
		box->ended = true;
		n = signal_all(box, SIGKILL);
		*ret_recorded = vantio_box_note(box, VANTIO_OP_KILL_HARD, VANTIO_KILLSWITCH, box->agent);
		break;
	case VANTIO_RUN_RELEASE:
	case VANTIO_RUN_FREE:
		n = release(box, verb == VANTIO_RUN_FREE, ret_recorded);
		break;
	default:
		vantio_tree_each(box->self, count_one, &n);
	}
	return n;
}

void vantio_box_control(struct vantio_box *box)
{
	struct vantio_run_info info = { .trace_id = box->trace_id, .pid = box->self };
	bool recorded = true;
	int fd;
	enum vantio_run_verb verb = vantio_run_question(box->control, box->self, &fd);

	if (!verb)
		return;
	info.processes = act(box, verb, &recorded);
	info.state = vantio_judge_state(box->judge);
	info.recorded = recorded;
	snprintf(info.agent, sizeof(info.agent), "%s", box->agent);
	snprintf(info.policy, sizeof(info.policy), "%s", box->journal_options.policy->name);
	snprintf(info.tier, sizeof(info.tier), "%s", box->journal_options.tier);
	vantio_run_answer(fd, &info);
}
