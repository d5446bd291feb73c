/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of the user tier, found and halted by the same user: each has a socket in RUNTIME/runs, named as its agent. One question, one
 * answer. A process that a run governs is not answered, so that no agent lets itself go on.
 */
#ifndef VANTIO_SANDBOX_CONTROL_H
#define VANTIO_SANDBOX_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi.h"
#include "base/error.h"

/* RELEASE undoes SOFT; FREE also ends the quarantine that a limit made. */
enum vantio_run_verb { VANTIO_RUN_ASK = 1, VANTIO_RUN_SOFT, VANTIO_RUN_HARD, VANTIO_RUN_RELEASE, VANTIO_RUN_FREE };

struct vantio_run_info {
	char agent[VANTIO_NAME_MAX], policy[VANTIO_NAME_MAX + 1], tier[16];
	uint32_t state; /* VANTIO_AGENT_* */
	uint32_t processes; /* below it; after a verb: that it reached */
	uint64_t trace_id;
	int32_t pid; /* of the supervisor */
	uint32_t recorded;
};

/* ---- the run's side ---- */

/* *ret is a listening socket of the caller's; the name goes with vantio_run_unlisten(). */
int vantio_run_listen(const char *agent, int *ret, struct vantio_error *err);
void vantio_run_unlisten(const char *agent);
/* Takes one question from the listening socket: the verb, and in *ret_fd where to answer. 0 if there was none that counts. */
enum vantio_run_verb vantio_run_question(int listener, pid_t self, int *ret_fd);
void vantio_run_answer(int fd, const struct vantio_run_info *info);

/* ---- the user's side ---- */

/* Asks every run, or the one named `agent`. *ret is owned by the caller (free); what does not answer any more is left out, and its name removed. */
int vantio_runs_ask(const char *agent, enum vantio_run_verb verb, struct vantio_run_info **ret, size_t *ret_n, struct vantio_error *err);

#endif
