/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of the user tier, beside the engine's agents. */
#ifndef VANTIO_CLI_RUNS_H
#define VANTIO_CLI_RUNS_H

#include "cli.h"
#include "engine/engine.h"
#include "sandbox/control.h"

struct cli_runs {
	struct vantio_run_info *items; /* owned */
	size_t n;
};

void cli_runs_clear(struct cli_runs *r);
#define cleanup_runs __attribute__((cleanup(cli_runs_clear)))

/* Every run of this user, or the one that is named. CLI_OK, or the exit code after reporting. */
int cli_runs_ask(struct cli *cli, const char *agent, enum vantio_run_verb verb, struct cli_runs *ret);
/* Opens the engine where there is one to be had: *ret_there. That none is loaded is no error where there are runs, or nothing is to change.
 * `agent` (or NULL) is the one run that was asked for, for messages. */
int cli_engine_beside(struct cli *cli, bool change, const char *agent, size_t n_runs, struct vantio_engine *ret, bool *ret_there);

#endif
