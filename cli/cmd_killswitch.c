// SPDX-License-Identifier: Apache-2.0
/* killswitch: works while `enforce` runs and when it does not. */
#include "cli.h"
#include "engine_cli.h"
#include "runs.h"

static void add_status(struct cli_grid *grid, cJSON *list, const char *name, uint32_t state)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "agent", name);
	cJSON_AddStringToObject(item, "state", cli_agent_state(state));
	cJSON_AddItemToArray(list, item);
	cli_grid_cell(grid, name);
	cli_grid_cell(grid, cli_agent_state(state));
}

static int show_status(struct cli *cli, const struct vantio_engine *e, const struct cli_runs *runs)
{
	static const char *const headings[] = { "AGENT", "STATE" };
	struct vantio_control control = {};
	struct vantio_error err = {};
	struct vantio_agent a;
	struct cli_grid *grid;
	cJSON *doc, *list;
	uint32_t i;

	if (e && vantio_engine_control(e, &control, &err))
		return cli_fail_error(cli, &err);
	doc = cJSON_CreateObject();
	cJSON_AddBoolToObject(doc, "all", control.kill_all);
	list = cJSON_AddArrayToObject(doc, "agents");
	grid = cli_grid_new(headings, 2);
	for (i = 0; i < runs->n; i++)
		add_status(grid, list, runs->items[i].agent, runs->items[i].state);
	for (i = 1; e && i < VANTIO_AGENTS; i++) {

		if (vantio_agent_read(e, i, &a, &err) || a.state == VANTIO_AGENT_FREE)
			continue;
		add_status(grid, list, a.name, a.state);
	}
	if (cli_json(cli)) {
		cli_grid_free(grid);
		return cli_emit(cli, doc);
	}
	cJSON_Delete(doc);
	printf("kill switch of every agent: %s\n", control.kill_all ? "on" : "off");
	return cli_grid_print(cli, grid);
}

static int report(struct cli *cli, const char *what, const struct vantio_kill_result *result)
{
	cJSON *doc;

	if (cli_json(cli)) {
		doc = cJSON_CreateObject();
		cJSON_AddStringToObject(doc, "action", what);
		cJSON_AddNumberToObject(doc, "agents", result->agents);
		cJSON_AddNumberToObject(doc, "processes", result->processes);
		cJSON_AddNumberToObject(doc, "quarantined", result->quarantined);
		cJSON_AddBoolToObject(doc, "recorded", result->recorded);
		return cli_emit(cli, doc);
	}
	printf("%s: %u agent%s, %u process%s\n", what, result->agents, result->agents == 1 ? "" : "s", result->processes,
	       result->processes == 1 ? "" : "es");
	return CLI_OK;
}

/* The engine's agents, or the one that is named. CLI_OK, or the exit code after reporting. */
static int kill_in_engine(struct cli *cli, struct vantio_engine *e, const char *name, enum vantio_run_verb verb, struct vantio_kill_result *ret)
{
	struct vantio_error err = {};
	uint32_t agent = 0;
	int r = CLI_OK;

	if (name) {
		agent = cli_agent_need(cli, e, name, &r);
		if (!agent)
			return r;
	}
	r = verb == VANTIO_RUN_SOFT ? vantio_kill_soft(e, agent, ret, &err) :
	    verb == VANTIO_RUN_HARD ? vantio_kill_hard(e, agent, ret, &err) :
				      vantio_kill_release(e, agent, ret, &err);
	cli_drain(cli, e);
	return r ? cli_fail_error(cli, &err) : CLI_OK;
}

int cmd_killswitch(struct cli *cli)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	const bool soft = cli_has(cli, "soft"), hard = cli_has(cli, "hard"), off = cli_has(cli, "release");
	const enum vantio_run_verb verb = soft ? VANTIO_RUN_SOFT : hard ? VANTIO_RUN_HARD : off ? VANTIO_RUN_RELEASE : VANTIO_RUN_ASK;
	const char *name = cli_get(cli, "agent");
	struct vantio_kill_result result = { .recorded = true };
	cleanup_runs struct cli_runs runs = {};
	bool there = false;
	size_t i;
	int r;

	if (soft + hard + off + (cli_argc(cli) > 0) != 1)
		return cli_usage_error(cli, "say one, and only one, of --soft, --hard, --release and status");
	r = cli_runs_ask(cli, name, verb, &runs);
	if (!r && !(name && runs.n)) /* a name is a run's, or the engine's */
		r = cli_engine_beside(cli, !cli_argc(cli), name, runs.n, &e, &there);
	if (r)
		return r;
	if (cli_argc(cli))
		return show_status(cli, there ? &e : NULL, &runs);
	if (there)
		r = kill_in_engine(cli, &e, name, verb, &result);
	for (i = 0; i < runs.n; i++) {
		if (off && runs.items[i].state == VANTIO_AGENT_QUARANTINE)
			result.quarantined++;
		else
			result.agents++;
		result.processes += runs.items[i].processes;
		result.recorded &= runs.items[i].recorded != 0;
	}
	if (r)
		return r;
	if (!result.recorded)
		cli_note(cli, "not all of this could be recorded: it is counted as lost");
	if (name && result.quarantined)
		return cli_fail(cli, CLI_FAILURE, "a limit has quarantined %s: 'vantioctl agent release %s' lets it go on", name, name);
	if (result.quarantined)
		cli_note(cli, "%u agent%s quarantined, by a limit: 'vantioctl agent release NAME' lets one go on", result.quarantined,
			 result.quarantined == 1 ? " stays" : "s stay");
	return report(cli, soft ? "halted" : hard ? "ended" : "released", &result);
}

static const struct cli_option killswitch_options[] = {
	{ .name = "soft", .kind = CLI_FLAG, .help = "refuse every governed operation and freeze the agents" },
	{ .name = "hard", .kind = CLI_FLAG, .help = "end every process of the agents" },
	{ .name = "release", .kind = CLI_FLAG, .help = "undo --soft, and let agents run again after --hard; who was quarantined stays so" },
	{ .name = "agent", .letter = 'a', .kind = CLI_AGENT, .metavar = "NAME", .help = "this agent alone (default: every one)" },
	{ 0 },
};

static const char *const killswitch_verbs[] = { "status", NULL };
static const struct cli_arg killswitch_args[] = {
	{ .metavar = "status", .kind = CLI_CHOICE, .choices = killswitch_verbs, .optional = true },
	{ 0 },
};

static const struct cli_command killswitch_commands[] = {
	{ .help = "halt agents at once, end them, or let them go on", .options = killswitch_options, .args = killswitch_args,
	  .run = cmd_killswitch },
	{ 0 },
};
const struct cli_noun cli_noun_killswitch = { "killswitch", "halt agents at once", killswitch_commands };
