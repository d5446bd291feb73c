// SPDX-License-Identifier: Apache-2.0
/* agent: who is governed, and by which policy. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli.h"
#include "control/session.h"
#include "engine/cgroup.h"
#include "engine_cli.h"
#include "runs.h"

/* The slot of the policy that was named, or of the only one in force. */
static int choose_slot(struct cli *cli, const struct vantio_engine *e, const char *name, uint32_t *ret)
{
	cleanup_free struct vantio_slot *slots = calloc(VANTIO_SLOTS, sizeof(*slots));
	struct vantio_error err = {};
	size_t n = 0, i;

	if (!slots || vantio_engine_slots(e, slots, &n, &err))
		return slots ? cli_fail_error(cli, &err) : cli_fail(cli, CLI_FAILURE, "out of memory");
	if (!n)
		return cli_fail(cli, CLI_FAILURE, "no policy is in force: push one first with 'vantioctl policy push FILE'");
	for (i = 0; i < n; i++)
		if (name ? !strcmp(slots[i].name, name) : n == 1) {
			*ret = slots[i].slot;
			return CLI_OK;
		}
	if (!name)
		return cli_usage_error(cli, "%zu policies are in force: say which with --policy NAME", n);
	return cli_fail(cli, CLI_FAILURE, "no policy named '%s' is in force; 'vantioctl status' shows them", name);
}

int cmd_agent_enroll(struct cli *cli)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	struct vantio_enroll what = { .name = cli_get(cli, "name") };
	struct vantio_error err = {};
	const char *target = cli_arg(cli, 0);
	uint64_t pid = 0;
	uint32_t agent;
	cJSON *doc;
	int r;

	if (!what.name)
		return cli_usage_error(cli, "say what to call it with --name NAME");
	if (vantio_parse_u64(target, strlen(target), INT32_MAX, &pid) && pid)
		what.pid = (int)pid;
	else if (target[0] == '/')
		what.cgroup = target;
	else {
		cleanup_free char *safe = vantio_escape_dup(target, strlen(target));

		return cli_usage_error(cli, "'%s' is neither a cgroup's path, which begins with a slash, nor a process id", safe ? safe : "");
	}
	if (cli_has(cli, "trace-id") && !vantio_parse_trace_id(cli_get(cli, "trace-id"), &what.trace_id))
		return cli_usage_error(cli, "'%s' is no trace id: 0x and 16 hex digits", cli_get(cli, "trace-id"));
	r = cli_engine_need(cli, true, &e);
	if (!r)
		r = choose_slot(cli, &e, cli_get(cli, "policy"), &what.slot);
	if (r)
		return r;
	if (vantio_agent_enroll(&e, &what, &agent, &err))
		return cli_fail_error(cli, &err);
	cli_drain(cli, &e);
	if (!cli_json(cli)) {
		printf("enrolled %s\n", what.name);
		return cli_flush(cli);
	}
	doc = cJSON_CreateObject();
	cJSON_AddStringToObject(doc, "agent", what.name);
	return cli_emit(cli, doc);
}

/* What remove and release have in common: one agent by its name, changed under the lock. `runs`: one of them could have been meant. */
static int change_agent(struct cli *cli, bool runs, int (*change)(struct vantio_engine *, uint32_t, struct vantio_error *), const char *done,
			const char *remark)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	struct vantio_error err = {};
	uint32_t agent;
	bool there;
	cJSON *doc;
	int r = runs ? cli_engine_beside(cli, true, cli_arg(cli, 0), 0, &e, &there) : cli_engine_need(cli, true, &e);

	if (r)
		return r;
	agent = cli_agent_need(cli, &e, cli_arg(cli, 0), &r);
	if (!agent)
		return r;
	if (change(&e, agent, &err))
		return cli_fail_error(cli, &err);
	cli_drain(cli, &e);
	if (!cli_json(cli)) {
		printf("%s %s%s\n", done, cli_arg(cli, 0), remark);
		return cli_flush(cli);
	}
	doc = cJSON_CreateObject();
	cJSON_AddStringToObject(doc, done, cli_arg(cli, 0));
	return cli_emit(cli, doc);
}

int cmd_agent_remove(struct cli *cli)
{
	return change_agent(cli, false, vantio_agent_remove, "removed", ": its processes are not governed any more");
}

int cmd_agent_release(struct cli *cli)
{
	cleanup_runs struct cli_runs runs = {};
	cJSON *doc;
	int r = cli_runs_ask(cli, cli_arg(cli, 0), VANTIO_RUN_FREE, &runs);

	if (r)
		return r;
	if (runs.n && cli_json(cli)) {
		doc = cJSON_CreateObject();
		cJSON_AddStringToObject(doc, "released", cli_arg(cli, 0));
		return cli_emit(cli, doc);
	}
	if (runs.n) {
		printf("released %s\n", cli_arg(cli, 0));
		return cli_flush(cli);
	}
	return change_agent(cli, true, vantio_agent_release, "released", "");
}

/* ---- list ---- */

struct listing {
	struct vantio_slot *slots; /* owned */
	size_t n_slots;
	struct vantio_task *tasks; /* owned */
	size_t n_tasks;
};

static const char *policy_name(const struct listing *l, uint32_t slot)
{
	size_t i;

	for (i = 0; i < l->n_slots; i++)
		if (l->slots[i].slot == slot)
			return l->slots[i].name;
	return "";
}

static unsigned int count_tasks(const struct listing *l, uint32_t agent, uint32_t instance)
{
	unsigned int count = 0;
	size_t i;

	for (i = 0; i < l->n_tasks; i++)
		count += l->tasks[i].agent == agent && l->tasks[i].instance == instance;
	return count;
}

static void list_one(const struct listing *l, uint32_t i, const struct vantio_agent *a, struct cli_grid *grid, cJSON *list)
{
	cleanup_free char *cgroup = NULL, *safe = NULL;
	struct vantio_error ignored = {};
	char trace[19];
	unsigned int tasks = count_tasks(l, i, a->instance);
	cJSON *item = cJSON_CreateObject();

	if (a->cgroup_id)
		vantio_cgroup_path(a->cgroup_id, &cgroup, &ignored);
	snprintf(trace, sizeof(trace), "0x%016" PRIx64, (uint64_t)a->trace_id);
	safe = vantio_escape_dup(cgroup ? cgroup : "", cgroup ? strlen(cgroup) : 0);
	cli_grid_cell(grid, a->name);
	cli_grid_cell(grid, cli_agent_state(a->state));
	cli_grid_cell(grid, policy_name(l, a->slot));
	cli_grid_printf(grid, "%u", tasks);
	cli_grid_cell(grid, trace);
	cli_grid_cell(grid, cgroup ? cgroup : a->cgroup_id ? "(gone)" : "-");
	cJSON_AddStringToObject(item, "agent", a->name);
	cJSON_AddStringToObject(item, "state", cli_agent_state(a->state));
	cJSON_AddStringToObject(item, "policy", policy_name(l, a->slot));
	cJSON_AddNumberToObject(item, "processes", tasks);
	cJSON_AddStringToObject(item, "trace_id", trace);
	cJSON_AddItemToObject(item, "cgroup", safe && *safe ? cJSON_CreateString(safe) : cJSON_CreateNull());
	cJSON_AddStringToObject(item, "tier", "kernel");
	cJSON_AddItemToArray(list, item);
}

static void list_run(const struct vantio_run_info *run, struct cli_grid *grid, cJSON *list)
{
	cJSON *item = cJSON_CreateObject();
	char trace[19];

	snprintf(trace, sizeof(trace), "0x%016" PRIx64, run->trace_id);
	cli_grid_cell(grid, run->agent);
	cli_grid_cell(grid, cli_agent_state(run->state));
	cli_grid_cell(grid, run->policy);
	cli_grid_printf(grid, "%u", run->processes);
	cli_grid_cell(grid, trace);
	cli_grid_printf(grid, "(tier %s)", run->tier);
	cJSON_AddStringToObject(item, "agent", run->agent);
	cJSON_AddStringToObject(item, "state", cli_agent_state(run->state));
	cJSON_AddStringToObject(item, "policy", run->policy);
	cJSON_AddNumberToObject(item, "processes", run->processes);
	cJSON_AddStringToObject(item, "trace_id", trace);
	cJSON_AddItemToObject(item, "cgroup", cJSON_CreateNull());
	cJSON_AddStringToObject(item, "tier", run->tier);
	cJSON_AddItemToArray(list, item);
}

int cmd_agent_list(struct cli *cli)
{
	static const char *const headings[] = { "AGENT", "STATE", "POLICY", "PROCESSES", "TRACE ID", "CGROUP" };
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	struct listing l = { .slots = calloc(VANTIO_SLOTS, sizeof(*l.slots)) };
	struct vantio_error err = {};
	struct vantio_agent a;
	struct cli_grid *grid;
	cJSON *list;
	cleanup_runs struct cli_runs runs = {};
	bool there = false;
	uint32_t i, n = 0;
	int r = l.slots ? cli_runs_ask(cli, NULL, VANTIO_RUN_ASK, &runs) : cli_fail(cli, CLI_FAILURE, "out of memory");

	if (!r)
		r = cli_engine_beside(cli, false, NULL, runs.n, &e, &there);
	if (!r && there && (vantio_engine_slots(&e, l.slots, &l.n_slots, &err) || vantio_tasks_list(&l.tasks, &l.n_tasks, &err)))
		r = cli_fail_error(cli, &err);
	if (!r) {
		grid = cli_grid_new(headings, VANTIO_ARRAY_SIZE(headings));
		list = cJSON_CreateArray();
		for (i = 1; there && i < VANTIO_AGENTS; i++)
			if (!vantio_agent_read(&e, i, &a, &err) && a.state != VANTIO_AGENT_FREE && ++n)
				list_one(&l, i, &a, grid, list);
		for (i = 0; i < runs.n; i++, n++)
			list_run(&runs.items[i], grid, list);
		if (cli_json(cli)) {
			cli_grid_free(grid);
			r = cli_emit(cli, list);
		} else {
			cJSON_Delete(list);
			r = cli_grid_print(cli, grid);
			if (!r && !n && there)
				cli_note(cli, "no agent is enrolled");
		}
	}
	free(l.slots);
	free(l.tasks);
	return r;
}

static const struct cli_option enroll_options[] = {
	{ .name = "name", .letter = 'n', .kind = CLI_TEXT, .metavar = "NAME", .help = "what records call it: 1 to 63 of a-z 0-9 . _ -" },
	{ .name = "policy", .letter = 'p', .kind = CLI_TEXT, .metavar = "NAME", .help = "name of the policy in force that governs it" },
	{ .name = "trace-id", .kind = CLI_TRACE, .metavar = "ID", .help = "trace id of its processes (default: one is drawn)" },
	{ 0 },
};
static const struct cli_arg enroll_args[] = { { .metavar = "CGROUP|PID", .kind = CLI_TEXT }, { 0 } };
static const struct cli_arg remove_args[] = { { .metavar = "AGENT", .kind = CLI_AGENT }, { 0 } };

static const struct cli_command agent_commands[] = {
	{ .verb = "enroll", .help = "govern a cgroup with all below it, or a process with its descendants", .options = enroll_options,
	  .args = enroll_args, .run = cmd_agent_enroll },
	{ .verb = "list", .help = "show who is governed", .run = cmd_agent_list },
	{ .verb = "release", .help = "let an agent go on that a limit or the kill switch halted", .args = remove_args, .run = cmd_agent_release },
	{ .verb = "remove", .help = "stop governing an agent", .args = remove_args, .run = cmd_agent_remove },
	{ 0 },
};
const struct cli_noun cli_noun_agent = { "agent", "enroll, list and remove agents", agent_commands };
