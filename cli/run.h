/* SPDX-License-Identifier: Apache-2.0 */
/* What the tiers of `run` share. */
#ifndef VANTIO_CLI_RUN_H
#define VANTIO_CLI_RUN_H

#include "cli.h"
#include "policy_input.h"
#include "phantom/phantom.h"
#include "sandbox/journal.h"

#define RUN_NAME_MAX 40

/* Replaces the process by the command; does not return. */
void run_exec(struct cli *cli) __attribute__((noreturn));
/* "NAME-PID" of --name or the policy. */
void run_agent_name(struct cli *cli, const struct cli_policy *policy, char out[VANTIO_NAME_MAX]);
/* VANTIO_TRACE_ID, or one that is drawn. CLI_OK, or the exit code after reporting. */
int run_trace_id(struct cli *cli, uint64_t *ret);

/* Whether VANTIO_AUDIT_MODE has this run record and refuse nothing; says so. */
bool run_audits(struct cli *cli);

/*
 * The tiers `user` and `observe`: the command's status, or an exit code after reporting. What was refused is said at the end, but where
 * `ret_agent` is not NULL: there goes what the records call the command.
 */
int run_sandboxed(struct cli *cli, struct cli_policy *policy, bool observe, char ret_agent[VANTIO_NAME_MAX]);

/* --phantom: to be called before any tier begins, and when the command has ended. CLI_OK, or the exit code after reporting. */
int run_phantom_enter(struct cli *cli, const struct cli_policy *policy, struct vantio_phantom *ret);
void run_phantom_leave(struct cli *cli, const struct vantio_phantom *p);

/* What was refused, how often and why, and what would allow it; on stderr. */
void run_report(struct cli *cli, const struct cli_policy *policy, const char *agent, const struct vantio_journal_summary *s);

#endif
