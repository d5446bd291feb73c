// SPDX-License-Identifier: Apache-2.0
#include "engine_cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "control/session.h"

int cli_engine_need(struct cli *cli, bool change, struct vantio_engine *ret)
{
	struct vantio_error err = {};

	return vantio_engine_open(change, ret, &err) ? cli_fail_error(cli, &err) : CLI_OK;
}

int cli_engine_ready(struct cli *cli, struct vantio_engine *ret)
{
	struct vantio_load_report report;
	struct vantio_error err = {};
	int r = vantio_engine_open(true, ret, &err);

	if (!r)
		return CLI_OK;
	if (r != -ENOENT)
		return cli_fail_error(cli, &err);
	if (vantio_engine_load(&report, &err) && err.code != EEXIST)
		return cli_fail_error(cli, &err);
	return cli_engine_need(cli, true, ret);
}

int cli_policy_without_workdir(struct cli *cli, const struct cli_policy *p)
{
	size_t list, i;

	if (cli_get(cli, "workdir"))
		return CLI_OK;
	for (list = 0; list < VANTIO_LIST_MAX; list++)
		for (i = 0; i < p->policy->lists[list].n; i++) {
			const struct vantio_rule *r = &p->policy->lists[list].items[i];

			if (!strncmp(r->text, "$WORKDIR", 8) || !strncmp(r->text, "unix:$WORKDIR", 13))
				return cli_fail(cli, CLI_FAILURE, "%s:%u:%u: $WORKDIR has a value of its own in 'vantioctl run' alone: give it here with --workdir DIR%s",
						vantio_pos_file(r->pos, p->file), r->pos.line, r->pos.col,
						r->pos.preset ? "" : ", or write the folder out");
		}
	return CLI_OK;
}

static int push(struct cli *cli, struct vantio_engine *e, struct cli_policy *p, const char *workdir,
		const struct vantio_refreshed *refresh, bool tell, struct vantio_slot *ret)
{
	struct vantio_push_request q = { .policy = p->policy, .text = p->text, .len = p->len, .workdir = workdir,
					 .ledger_dir = cli_ledger_dir(cli), .refresh = refresh,
					 .allow_degraded = cli_has(cli, "allow-degraded") };
	struct vantio_diagnostics diags = {};
	struct vantio_error err = {};
	struct vantio_slot slot;
	size_t enrolled = 0, i;
	int r = vantio_session_push(e, &q, &slot, &enrolled, &diags, &err);

	for (i = 0; !refresh && i < diags.n; i++)
		cli_note(cli, "%s:%u: %s", vantio_pos_file(diags.items[i].pos, p->file), diags.items[i].pos.line, diags.items[i].text);
	vantio_diagnostics_free(&diags);
	if (r)
		return cli_fail_error(cli, &err);
	if (tell)
		cli_note(cli, "policy %s is in force as generation %llu%s", slot.name, (unsigned long long)slot.gen,
			 slot.flags & VANTIO_IMAGE_AUDIT ? " (audit mode)" : "");
	if (!refresh && enrolled)
		cli_note(cli, "%zu cgroup%s enrolled by it", enrolled, enrolled == 1 ? "" : "s");
	if (ret)
		*ret = slot;
	return CLI_OK;
}

int cli_push_policy(struct cli *cli, struct vantio_engine *e, struct cli_policy *p, const char *workdir, bool tell, struct vantio_slot *ret)
{
	return push(cli, e, p, workdir, NULL, tell, ret);
}

void cli_repush(struct cli *cli, const struct cli_policy *p, const struct vantio_refreshed *found)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	cleanup_cli_policy struct cli_policy again = {};

	cli_policy_read_again(&again, p, cli_get(cli, "workdir")); /* a push appends to what it is given */
	if (again.policy && !cli_engine_need(cli, true, &e))
		push(cli, &e, &again, cli_get(cli, "workdir"), found, false, NULL);
}

uint32_t cli_agent_need(struct cli *cli, const struct vantio_engine *e, const char *name, int *ret_exit)
{
	uint32_t agent = vantio_agent_find(e, name);
	cleanup_free char *safe = NULL;

	if (agent)
		return agent;
	safe = vantio_escape_dup(name, strlen(name));
	*ret_exit = cli_fail(cli, CLI_FAILURE, "no agent is named '%s'; 'vantioctl agent list' shows them", safe ? safe : "");
	return 0;
}

void cli_drain(struct cli *cli, const struct vantio_engine *e)
{
	struct vantio_error err = {};

	if (vantio_session_drain(e, cli_ledger_dir(cli), &err) < 0)
		cli_note(cli, "the record of this waits in the kernel, for the ledger cannot be written: %s", err.text);
}

const char *cli_agent_state(uint32_t state)
{
	switch (state) {
	case VANTIO_AGENT_ENROLLED:
		return "enrolled";
	case VANTIO_AGENT_SOFT_KILL:
		return "halted";
	case VANTIO_AGENT_QUARANTINE:
		return "quarantined";
	default:
		return "free";
	}
}
