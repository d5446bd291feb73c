// SPDX-License-Identifier: Apache-2.0
/* load and unload: the engine without a policy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "cli.h"
#include "control/session.h"
#include "engine/hooks.h"
#include "engine_cli.h"

static cJSON *string_list(char (*items)[40], size_t n)
{
	cJSON *list = cJSON_CreateArray();
	size_t i;

	for (i = 0; i < n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(items[i]));
	return list;
}

static void print_missing(const char *hook)
{
	const struct vantio_hook_lack *lack = vantio_hook_lack(hook);

	if (lack && lack->replacement)
		printf("this kernel has no hook %s: %s does its work here\n", hook, lack->replacement);
	else if (lack)
		printf("this kernel has no hook %s: kernel.%s cannot be denied here, and a policy that denies it is pushed with --allow-degraded alone\n",
		       hook, vantio_surface_name(lack->surface));
}

int cmd_load(struct cli *cli)
{
	struct vantio_load_report report;
	struct vantio_error err = {};
	cJSON *doc;
	size_t i;

	if (vantio_engine_load(&report, &err))
		return cli_fail_error(cli, &err);
	if (cli_json(cli)) {
		doc = cJSON_CreateObject();
		cJSON_AddItemToObject(doc, "attached", string_list(report.attached, report.n_attached));
		cJSON_AddItemToObject(doc, "missing", string_list(report.missing, report.n_missing));
		return cli_emit(cli, doc);
	}
	printf("loaded: %zu programs attached, pinned below %s\n", report.n_attached, VANTIO_PINS);
	for (i = 0; i < report.n_missing; i++)
		print_missing(report.missing[i]);
	return CLI_OK;
}

/* Frozen cgroups would stay so, with nothing left that could thaw them. */
static int refuse_halted(struct cli *cli, const struct vantio_engine *e)
{
	struct vantio_control control;
	struct vantio_error err = {};
	struct vantio_agent a;
	unsigned int killed = 0, quarantined = 0, halted;
	uint32_t i;

	if (vantio_engine_control(e, &control, &err))
		return cli_fail_error(cli, &err);
	for (i = 1; i < VANTIO_AGENTS; i++) {
		if (vantio_agent_read(e, i, &a, &err))
			return cli_fail_error(cli, &err);
		killed += a.state == VANTIO_AGENT_SOFT_KILL;
		quarantined += a.state == VANTIO_AGENT_QUARANTINE;
	}
	halted = killed + quarantined;
	if (!halted && !control.kill_all)
		return CLI_OK;
	return cli_fail(cli, CLI_FAILURE, "%s halted and would stay frozen: %s lets agents go on, 'vantioctl killswitch --hard' before it ends them",
			control.kill_all ? "every agent is" : halted == 1 ? "an agent is" : "agents are",
			!quarantined ? "'vantioctl killswitch --release'" :
			killed || control.kill_all ? "'vantioctl killswitch --release', and 'vantioctl agent release NAME' after a quarantine," :
						     "'vantioctl agent release NAME'");
}

/* What waits in the kernel goes with the engine, so it is written first, and that the engine was taken down is the end of it. */
static void write_the_last(struct cli *cli, struct vantio_engine *e)
{
	struct vantio_error err = {};

	if (vantio_engine_note(e, VANTIO_OP_UNLOAD, VANTIO_PERMIT, 0, 0, "engine", &err) ||
	    vantio_session_drain(e, cli_ledger_dir(cli), &err) < 0)
		cli_note(cli, "the events that waited in the kernel are lost, for the ledger cannot be written: %s", err.text);
}

int cmd_unload(struct cli *cli)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	cleanup_close int writer = -1;
	struct vantio_error err = {};
	cJSON *doc;
	int r = vantio_session_hold(&writer, &err);

	if (r == -EBUSY)
		return cli_fail(cli, CLI_FAILURE, "'vantioctl enforce' runs and would be left without an engine: stop it first ('vantioctl status' shows its process)");
	if (r)
		return cli_fail_error(cli, &err);
	if (!vantio_engine_open(true, &e, &err)) { /* one of another version is taken down unseen */
		r = refuse_halted(cli, &e);
		if (r)
			return r;
		write_the_last(cli, &e);
		vantio_engine_unlock(&e);
	}
	if (vantio_engine_unload(&err))
		return cli_fail_error(cli, &err);
	if (cli_json(cli)) {
		doc = cJSON_CreateObject();
		cJSON_AddTrueToObject(doc, "unloaded");
		return cli_emit(cli, doc);
	}
	printf("unloaded: nothing is enforced any more\n");
	return CLI_OK;
}

static const struct cli_command load_commands[] = {
	{ .help = "load the engine and attach it, without a policy", .run = cmd_load },
	{ 0 },
};
const struct cli_noun cli_noun_load = { "load", "load the engine into the kernel", load_commands };

static const struct cli_command unload_commands[] = {
	{ .help = "take the engine down: nothing is enforced afterwards", .run = cmd_unload },
	{ 0 },
};
const struct cli_noun cli_noun_unload = { "unload", "take the engine out of the kernel", unload_commands };
