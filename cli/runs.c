// SPDX-License-Identifier: Apache-2.0
#include "runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

void cli_runs_clear(struct cli_runs *r)
{
	free(r->items);
}

int cli_runs_ask(struct cli *cli, const char *agent, enum vantio_run_verb verb, struct cli_runs *ret)
{
	struct vantio_error err = {};

	return vantio_runs_ask(agent, verb, &ret->items, &ret->n, &err) ? cli_fail_error(cli, &err) : CLI_OK;
}

/* No run was meant, and the engine is not ours to change: who did not think of root learns of both. */
static int tell_neither(struct cli *cli, const char *agent, const struct vantio_error *err)
{
	cleanup_free char *safe = agent ? vantio_escape_dup(agent, strlen(agent)) : NULL;

	if (err->code != EPERM || geteuid() == 0)
		return cli_fail_error(cli, err);
	return cli_fail(cli, CLI_UNSUPPORTED, "no run of this user %s%s%s; agents of the engine: %s", agent ? "is called '" : "is under way", safe ? safe : "",
			agent ? "'" : "", err->text);
}

int cli_engine_beside(struct cli *cli, bool change, const char *agent, size_t n_runs, struct vantio_engine *ret, bool *ret_there)
{
	struct vantio_error err = {};
	int r = vantio_engine_open(change, ret, &err);

	*ret_there = !r;
	if (!r || n_runs)
		return CLI_OK;
	if (change || r != -ENOENT)
		return tell_neither(cli, agent, &err);
	cli_note(cli, "no run of this user is under way, and no engine is loaded");
	return CLI_OK;
}
