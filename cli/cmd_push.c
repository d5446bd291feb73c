// SPDX-License-Identifier: Apache-2.0
/* policy push: replaces what is in force, in one store, without a moment in between. */
#include <cjson/cJSON.h>

#include "base/text.h"
#include "cli.h"
#include "control/session.h"
#include "engine_cli.h"

int cmd_policy_push(struct cli *cli)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	cleanup_cli_policy struct cli_policy policy = {};
	struct vantio_slot slot;
	char hash[65];
	cJSON *doc;
	int r = cli_policy_need(cli, &policy, cli_arg(cli, 0), cli_get(cli, "workdir"));

	if (!r)
		r = cli_policy_without_workdir(cli, &policy);
	if (!r)
		r = cli_engine_need(cli, true, &e);
	if (!r)
		r = cli_push_policy(cli, &e, &policy, cli_get(cli, "workdir"), true, &slot);
	if (r)
		return r;
	cli_drain(cli, &e);
	vantio_hex(hash, slot.policy_hash, sizeof(slot.policy_hash));
	if (!cli_json(cli)) {
		printf("%s %s generation %llu\n", slot.name, hash, (unsigned long long)slot.gen);
		return cli_flush(cli);
	}
	doc = cJSON_CreateObject();
	cJSON_AddStringToObject(doc, "policy", slot.name);
	cJSON_AddStringToObject(doc, "policy_hash", hash);
	cJSON_AddItemToObject(doc, "policy_gen", cli_json_u64(slot.gen));
	return cli_emit(cli, doc);
}
