// SPDX-License-Identifier: Apache-2.0
/* status: what is in force now, and whether it is written down. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli.h"
#include "control/session.h"
#include "engine/ring.h"
#include "engine_cli.h"

struct facts {
	struct vantio_control control;
	struct vantio_slot *slots; /* owned */
	size_t n_slots;
	unsigned int agents, halted;
	size_t tasks;
	uint64_t emitted, lost, waiting;
	size_t ring_size;
	int writer; /* pid of the `enforce` that writes the ledger, or 0 */
};

static int gather(const struct vantio_engine *e, struct facts *f, struct vantio_error *err)
{
	cleanup_free struct vantio_task *tasks = NULL;
	struct vantio_ring *ring = NULL;
	struct vantio_agent a;
	uint32_t i;
	int r = vantio_engine_control(e, &f->control, err);

	if (!r)
		r = vantio_engine_slots(e, f->slots, &f->n_slots, err);
	if (!r)
		r = vantio_tasks_list(&tasks, &f->tasks, err);
	if (!r)
		r = vantio_engine_counts(e, &f->emitted, &f->lost, err);
	if (!r)
		r = vantio_session_holder(&f->writer, err);
	if (!r)
		r = vantio_ring_open(e->ring, &ring, err);
	if (r)
		return r;
	f->waiting = vantio_ring_waiting(ring);
	f->ring_size = vantio_ring_size(ring);
	vantio_ring_close(ring);
	for (i = 1; i < VANTIO_AGENTS; i++) {
		if (vantio_agent_read(e, i, &a, err))
			return -err->code;
		f->agents += a.state != VANTIO_AGENT_FREE;
		f->halted += a.state == VANTIO_AGENT_SOFT_KILL || a.state == VANTIO_AGENT_QUARANTINE;
	}
	return 0;
}

static int emit_json(struct cli *cli, const struct facts *f)
{
	cJSON *doc = cJSON_CreateObject(), *list, *item, *events;
	char hash[65];
	size_t i;

	cJSON_AddTrueToObject(doc, "loaded");
	cJSON_AddBoolToObject(doc, "audit", f->control.audit);
	cJSON_AddBoolToObject(doc, "killswitch", f->control.kill_all);
	cJSON_AddItemToObject(doc, "policy_gen", cli_json_u64(f->control.gen));
	list = cJSON_AddArrayToObject(doc, "policies");
	for (i = 0; i < f->n_slots; i++) {
		const struct vantio_slot *s = &f->slots[i];

		vantio_hex(hash, s->policy_hash, sizeof(s->policy_hash));
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "policy", s->name);
		cJSON_AddStringToObject(item, "policy_hash", hash);
		cJSON_AddItemToObject(item, "policy_gen", cli_json_u64(s->gen));
		cJSON_AddStringToObject(item, "mode", s->flags & VANTIO_IMAGE_AUDIT ? "audit" : "enforce");
		cJSON_AddStringToObject(item, "file", s->file);
		cJSON_AddItemToArray(list, item);
	}
	cJSON_AddNumberToObject(doc, "agents", f->agents);
	cJSON_AddNumberToObject(doc, "halted", f->halted);
	cJSON_AddNumberToObject(doc, "processes", (double)f->tasks);
	events = cJSON_AddObjectToObject(doc, "events");
	cJSON_AddItemToObject(events, "emitted", cli_json_u64(f->emitted));
	cJSON_AddItemToObject(events, "lost", cli_json_u64(f->lost));
	cJSON_AddItemToObject(events, "waiting_bytes", cli_json_u64(f->waiting));
	cJSON_AddItemToObject(events, "buffer_bytes", cli_json_u64(f->ring_size));
	cJSON_AddItemToObject(doc, "writer_pid", f->writer ? cJSON_CreateNumber(f->writer) : cJSON_CreateNull());
	return cli_emit(cli, doc);
}

static int print_text(struct cli *cli, const struct facts *f)
{
	static const char *const headings[] = { "POLICY", "MODE", "GENERATION", "HASH", "FILE" };
	struct cli_grid *grid;
	char hash[65];
	size_t i;

	printf("engine      loaded%s%s\n", f->control.audit ? ", audit mode: nothing is refused" : "",
	       f->control.kill_all ? ", kill switch on: every agent is halted" : "");
	printf("agents      %u, %u halted, %zu process%s\n", f->agents, f->halted, f->tasks, f->tasks == 1 ? "" : "es");
	printf("events      %" PRIu64 " emitted, %" PRIu64 " lost, %" PRIu64 " of %zu bytes waiting\n", f->emitted, f->lost, f->waiting,
	       f->ring_size);
	if (f->writer)
		printf("ledger      written by process %d\n", f->writer);
	else
		printf("ledger      nobody writes it: events wait in the kernel until 'vantioctl enforce' runs\n");
	if (!f->n_slots) {
		printf("policies    none in force\n");
		return cli_flush(cli);
	}
	printf("\n");
	grid = cli_grid_new(headings, VANTIO_ARRAY_SIZE(headings));
	for (i = 0; i < f->n_slots; i++) {
		const struct vantio_slot *s = &f->slots[i];

		vantio_hex(hash, s->policy_hash, sizeof(s->policy_hash));
		cli_grid_cell(grid, s->name);
		cli_grid_cell(grid, s->flags & VANTIO_IMAGE_AUDIT ? "audit" : "enforce");
		cli_grid_printf(grid, "%llu", (unsigned long long)s->gen);
		cli_grid_printf(grid, "%.16s", hash);
		cli_grid_cell(grid, s->file);
	}
	return cli_grid_print(cli, grid);
}

int cmd_status(struct cli *cli)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	struct facts f = { .slots = calloc(VANTIO_SLOTS, sizeof(*f.slots)) };
	struct vantio_error err = {};
	cJSON *doc;
	int r = vantio_engine_open(false, &e, &err);

	if (r == -ENOENT) {
		free(f.slots);
		if (cli_json(cli)) {
			doc = cJSON_CreateObject();
			cJSON_AddFalseToObject(doc, "loaded");
			return cli_emit(cli, doc);
		}
		printf("engine      not loaded: nothing is enforced\n");
		return cli_flush(cli);
	}
	if (!r)
		r = f.slots ? gather(&e, &f, &err) : vantio_fail(&err, ENOMEM, "out of memory");
	if (r)
		r = cli_fail_error(cli, &err);
	else
		r = cli_json(cli) ? emit_json(cli, &f) : print_text(cli, &f);
	free(f.slots);
	return r;
}

static const struct cli_command status_commands[] = {
	{ .help = "show what is in force, for whom, and what was lost", .run = cmd_status },
	{ 0 },
};
const struct cli_noun cli_noun_status = { "status", "show what is in force", status_commands };
