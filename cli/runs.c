// SPDX-License-Identifier: Apache-2.0
#include "runs.h"

#include <errno.h>
#include <stdlib.h>

void cli_runs_clear(struct cli_runs *r)
{
	free(r->items);
}

int cli_runs_ask(struct cli *cli, const char *agent, enum vantio_run_verb verb, struct cli_runs *ret)
{
	struct vantio_error err = {};

	return vantio_runs_ask(agent, verb, &ret->items, &ret->n, &err) ? cli_fail_error(cli, &err) : CLI_OK;
}

int cli_engine_beside(struct cli *cli, bool change, size_t n_runs, struct vantio_engine *ret, bool *ret_there)
{
	struct vantio_error err = {};
	int r = vantio_engine_open(change, ret, &err);

	*ret_there = !r;
	if (!r || n_runs)
		return CLI_OK;
	if (change || r != -ENOENT)
		return cli_fail_error(cli, &err);
	cli_note(cli, "no run of this user is under way, and no engine is loaded");
	return CLI_OK;
}
