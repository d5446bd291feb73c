/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands around the engine share. */
#ifndef VANTIO_CLI_ENGINE_CLI_H
#define VANTIO_CLI_ENGINE_CLI_H

#include "cli.h"
#include "engine/engine.h"
#include "policy/image.h"
#include "policy_input.h"

/* Of commands that put a policy in force. */
#define CLI_ALLOW_DEGRADED \
	{ .name = "allow-degraded", .kind = CLI_FLAG, .help = "also where this kernel cannot deny a surface of [kernel] that the policy denies" }

#define CLI_PUSH_WORKDIR \
	{ .name = "workdir", .letter = 'w', .kind = CLI_DIR, .metavar = "DIR", .help = "what $WORKDIR stands for: an absolute path (default: nothing)" }

/* Opens the engine for changes, loading it first if it is not there. CLI_OK, or the exit code after reporting. */
int cli_engine_ready(struct cli *cli, struct vantio_engine *ret);
/* Opens an engine that must be loaded already. */
int cli_engine_need(struct cli *cli, bool change, struct vantio_engine *ret);

/* Pushes a policy that was read and, with `tell`, says so. `ret` may be NULL. CLI_OK, or the exit code after reporting. */
int cli_push_policy(struct cli *cli, struct vantio_engine *e, struct cli_policy *p, const char *workdir, bool tell, struct vantio_slot *ret);
struct vantio_refreshed;
/* Pushes a policy again if its host names stand for other addresses now, or denied names lead to other objects. What fails is said, and what was in force stays. */
void cli_repush(struct cli *cli, const struct cli_policy *p, const struct vantio_refreshed *found);
/* $WORKDIR has a value in `run`, or by --workdir: CLI_OK, or CLI_FAILURE after saying which line uses it. */
int cli_policy_without_workdir(struct cli *cli, const struct cli_policy *p);

/* Resolves the value of --agent: its number, or 0 after reporting (in *ret_exit). */
uint32_t cli_agent_need(struct cli *cli, const struct vantio_engine *e, const char *name, int *ret_exit);
/* After a change: what is on the ring into the ledger, if nobody else does it. Says so when it cannot. */
void cli_drain(struct cli *cli, const struct vantio_engine *e);

const char *cli_agent_state(uint32_t state); /* "enrolled" ... */

#endif
