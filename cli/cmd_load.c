// SPDX-License-Identifier: Apache-2.0
/* load and unload: the engine without a policy. */
#include "cli.h"
#include "engine/engine.h"

static cJSON *string_list(char (*items)[40], size_t n)
{
	cJSON *list = cJSON_CreateArray();
	size_t i;

	for (i = 0; i < n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(items[i]));
	return list;
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
		printf("this kernel has no hook %s: %s does its work here\n", report.missing[i], vantio_engine_hook_replacement(report.missing[i]));
	return CLI_OK;
}

int cmd_unload(struct cli *cli)
{
	struct vantio_error err = {};
	cJSON *doc;

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
