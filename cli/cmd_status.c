// SPDX-License-Identifier: Apache-2.0
/* status: what is in force now, whether it is written down, and what it costs. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli.h"
#include "control/session.h"
#include "engine/egress.h"
#include "engine/ring.h"
#include "engine/stats.h"
#include "engine_cli.h"

#define SAMPLE_LEAST 10000000u
#define SAMPLE_MOST  3600000000000u

/* Counters at a time. */
struct moment {
	double seconds; /* CLOCK_BOOTTIME */
	struct vantio_counts counts;
	struct vantio_program_stats programs[VANTIO_PROGRAMS_MAX];
	size_t n_programs;
};

struct facts {
	struct vantio_control control;
	struct vantio_slot *slots; /* borrowed */
	size_t n_slots;
	unsigned int agents, halted;
	size_t tasks;
	uint64_t waiting;
	size_t ring_size;
	struct vantio_occupancy used;
	struct vantio_egress *egress; /* owned */
	size_t n_egress;
	int writer; /* pid of the `enforce` that writes the ledger, or 0 */
	struct moment from, to; /* what rates are taken from: since load, or the time of --sample */
	bool timed;             /* the kernel timed programs in between */
};

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int look(const struct vantio_engine *e, struct moment *m, uint64_t *ret_load_ns, struct vantio_error *err)
{
	int r = vantio_engine_counts(e, &m->counts, err);

	if (!r)
		r = vantio_stats_programs(m->programs, &m->n_programs, ret_load_ns, err);
	m->seconds = now_seconds();
	return r;
}

/* Two looks `ns` apart, with the kernel's timing of programs on; or one, and the beginning is the load. */
static int measure(const struct vantio_engine *e, struct facts *f, uint64_t ns, struct vantio_error *err)
{
	const struct timespec t = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
	cleanup_close int stats = -1;
	uint64_t load_ns = 0;
	int r;

	f->timed = ns || vantio_stats_on();
	if (!ns) {
		r = look(e, &f->to, &load_ns, err);
		f->from.seconds = (double)load_ns / 1e9;
		return r;
	}
	r = vantio_stats_enable(&stats, err);
	if (!r)
		r = look(e, &f->from, &load_ns, err);
	if (!r)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	return r ? r : look(e, &f->to, &load_ns, err);
}

static int gather(const struct vantio_engine *e, struct facts *f, uint64_t sample_ns, struct vantio_error *err)
{
	cleanup_free struct vantio_task *tasks = NULL;
	struct vantio_ring *ring = NULL;
	struct vantio_agent a;
	uint32_t i;
	int r = measure(e, f, sample_ns, err);

	if (!r)
		r = vantio_engine_control(e, &f->control, err);
	if (!r)
		r = vantio_engine_slots(e, f->slots, &f->n_slots, err);
	if (!r)
		r = vantio_tasks_list(&tasks, &f->tasks, err);
	if (!r)
		r = vantio_stats_occupancy(e, &f->used, err);
	if (!r)
		r = vantio_session_holder(&f->writer, err);
	if (!r)
		r = vantio_egress_list(&f->egress, &f->n_egress, err);
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

/* ---- rates and costs ---- */

#define LOSS_NAME(id, name) name,
static const char *const loss_names[] = { VANTIO_LOSSES(LOSS_NAME) };
static const char *const loss_words[] = { "buffer full", "working memory taken", "agent unknown" };
_Static_assert(VANTIO_ARRAY_SIZE(loss_words) == VANTIO_LOSS_MAX, "every loss has its words");

static double rate(const struct facts *f, uint64_t from, uint64_t to)
{
	double seconds = f->to.seconds - f->from.seconds;

	return seconds > 0 ? (double)(to - from) / seconds : 0;
}

/* What a program did between the two looks. */
static struct vantio_program_stats spent(const struct facts *f, size_t i)
{
	struct vantio_program_stats s = f->to.programs[i];
	size_t k;

	for (k = 0; k < f->from.n_programs; k++)
		if (!strcmp(f->from.programs[k].hook, s.hook)) {
			s.runs -= f->from.programs[k].runs;
			s.ns -= f->from.programs[k].ns;
			s.missed -= f->from.programs[k].missed;
			break;
		}
	return s;
}

static void add_usage(cJSON *maps, const char *name, uint64_t used, uint64_t size)
{
	cJSON *item = cJSON_AddObjectToObject(maps, name);

	cJSON_AddItemToObject(item, "used", cli_json_u64(used));
	cJSON_AddItemToObject(item, "size", cli_json_u64(size));
}

static void add_costs(cJSON *doc, const struct facts *f)
{
	const struct vantio_counts *a = &f->from.counts, *b = &f->to.counts;
	cJSON *item, *list;
	size_t i;

	item = cJSON_AddObjectToObject(doc, "rates");
	cJSON_AddNumberToObject(item, "seconds", f->to.seconds - f->from.seconds);
	cJSON_AddNumberToObject(item, "events", rate(f, a->events, b->events));
	cJSON_AddNumberToObject(item, "decisions", rate(f, a->decisions + a->merged, b->decisions + b->merged));
	cJSON_AddNumberToObject(item, "lost", rate(f, a->lost, b->lost));
	item = cJSON_AddObjectToObject(doc, "maps");
	add_usage(item, "agents", f->used.agents, VANTIO_AGENTS - 1);
	add_usage(item, "cgroups", f->used.cgroups, VANTIO_CGROUPS);
	add_usage(item, "policy_slots", f->used.policies, VANTIO_SLOTS);
	add_usage(item, "repeats", f->used.repeats, VANTIO_REPEATS);
	cJSON_AddBoolToObject(doc, "timed", f->timed);
	list = cJSON_AddArrayToObject(doc, "hooks");
	for (i = 0; i < f->to.n_programs; i++) {
		struct vantio_program_stats s = spent(f, i);

		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "hook", s.hook);
		cJSON_AddItemToObject(item, "runs", cli_json_u64(s.runs));
		cJSON_AddItemToObject(item, "ns", cli_json_u64(s.ns));
		cJSON_AddItemToObject(item, "missed", cli_json_u64(s.missed));
		cJSON_AddItemToArray(list, item);
	}
}

static int print_hooks(struct cli *cli, const struct facts *f)
{
	static const char *const headings[] = { "HOOK", "RUNS", "NS A RUN" };
	struct cli_grid *grid;
	bool any = false;
	size_t i;

	if (!f->timed) {
		printf("\nrun time    not measured: 'vantioctl status --sample 1s' measures for a second, 'sysctl kernel.bpf_stats_enabled=1' from now on\n");
		return cli_flush(cli);
	}
	for (i = 0; i < f->to.n_programs; i++)
		any |= spent(f, i).runs != 0;
	if (!any) {
		printf("\nrun time    no hook ran while it was measured\n");
		return cli_flush(cli);
	}
	printf("\n");
	grid = cli_grid_new(headings, VANTIO_ARRAY_SIZE(headings));
	for (i = 0; i < f->to.n_programs; i++) {
		struct vantio_program_stats s = spent(f, i);

		if (!s.runs)
			continue;
		cli_grid_cell(grid, s.hook);
		cli_grid_printf(grid, "%" PRIu64, s.runs);
		cli_grid_printf(grid, "%.0f", (double)s.ns / (double)s.runs);
	}
	return cli_grid_print(cli, grid);
}

static void print_events(const struct facts *f)
{
	const struct vantio_counts *a = &f->from.counts, *b = &f->to.counts;
	const char *separator = ": ";
	size_t i;

	printf("events      %llu emitted for %llu decisions, %" PRIu64 " of %zu bytes waiting\n", b->events, b->decisions, f->waiting, f->ring_size);
	if (f->used.repeats)
		printf("repeats     %u kinds of refusals, %" PRIu64 " not yet told of\n", f->used.repeats, f->used.repeats_pending);
	printf("lost        %llu", b->lost);
	for (i = 0; i < VANTIO_LOSS_MAX; i++)
		if (b->lost_by[i]) {
			printf("%s%llu %s", separator, b->lost_by[i], loss_words[i]);
			separator = ", ";
		}
	printf("\nrates       %.1f decisions/s, %.1f events/s, %.1f lost/s over %.1f s%s\n",
	       rate(f, a->decisions + a->merged, b->decisions + b->merged), rate(f, a->events, b->events), rate(f, a->lost, b->lost),
	       f->to.seconds - f->from.seconds, f->from.n_programs ? "" : " (since load)");
	printf("room        %u of %u agents, %u of %u cgroups, %u of %u policies\n", f->used.agents, VANTIO_AGENTS - 1, f->used.cgroups,
	       VANTIO_CGROUPS, f->used.policies, VANTIO_SLOTS);
}

/* ---- all of it ---- */

static int emit_json(struct cli *cli, const struct facts *f)
{
	cJSON *doc = cJSON_CreateObject(), *list, *item, *events, *lost;
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
	list = cJSON_AddArrayToObject(doc, "egress_interfaces");
	for (i = 0; i < f->n_egress; i++)
		if (f->egress[i].attached)
			cJSON_AddItemToArray(list, cJSON_CreateString(f->egress[i].name));
	events = cJSON_AddObjectToObject(doc, "events");
	cJSON_AddItemToObject(events, "emitted", cli_json_u64(f->to.counts.events));
	cJSON_AddItemToObject(events, "lost", cli_json_u64(f->to.counts.lost));
	cJSON_AddItemToObject(events, "waiting_bytes", cli_json_u64(f->waiting));
	cJSON_AddItemToObject(events, "buffer_bytes", cli_json_u64(f->ring_size));
	cJSON_AddItemToObject(events, "decisions", cli_json_u64(f->to.counts.decisions));
	cJSON_AddItemToObject(events, "merged", cli_json_u64(f->to.counts.merged));
	cJSON_AddItemToObject(events, "pending", cli_json_u64(f->used.repeats_pending));
	lost = cJSON_AddObjectToObject(events, "lost_by");
	for (i = 0; i < VANTIO_LOSS_MAX; i++)
		cJSON_AddItemToObject(lost, loss_names[i], cli_json_u64(f->to.counts.lost_by[i]));
	cJSON_AddItemToObject(doc, "writer_pid", f->writer ? cJSON_CreateNumber(f->writer) : cJSON_CreateNull());
	add_costs(doc, f);
	return cli_emit(cli, doc);
}

static void print_egress(const struct facts *f)
{
	size_t i, n = 0;

	printf("egress      packets that leave enrolled cgroups");
	for (i = 0; i < f->n_egress; i++) {
		if (!f->egress[i].attached)
			continue;
		fputs(n++ ? ", " : "; those of any agent on ", stdout);
		cli_print_escaped(stdout, f->egress[i].name, strlen(f->egress[i].name));
	}
	putchar('\n');
	for (i = 0; i < f->n_egress; i++)
		if (!f->egress[i].attached && f->egress[i].name[0]) {
			fputs("            ", stdout);
			cli_print_escaped(stdout, f->egress[i].name, strlen(f->egress[i].name));
			printf(" has lost its filter: name it again in 'vantioctl enforce --egress-interface'\n");
		}
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
	print_egress(f);
	print_events(f);
	if (f->writer)
		printf("ledger      written by process %d\n", f->writer);
	else
		printf("ledger      nobody writes it: events wait in the kernel until 'vantioctl enforce' runs\n");
	if (!f->n_slots) {
		printf("policies    none in force\n");
		return print_hooks(cli, f);
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
	i = (size_t)cli_grid_print(cli, grid);
	return i ? (int)i : print_hooks(cli, f);
}

int cmd_status(struct cli *cli)
{
	const uint64_t sample = cli_get_number(cli, "sample", 0);
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	cleanup_free struct facts *f = calloc(1, sizeof(*f));
	cleanup_free struct vantio_slot *slots = calloc(VANTIO_SLOTS, sizeof(*slots));
	struct vantio_error err = {};
	cJSON *doc;
	int r;

	if (cli_has(cli, "sample") && (sample < SAMPLE_LEAST || sample > SAMPLE_MOST))
		return cli_usage_error(cli, "--sample is from 10ms to 1h");
	r = vantio_engine_open(false, &e, &err);
	if (r == -ENOENT) {
		if (cli_json(cli)) {
			doc = cJSON_CreateObject();
			cJSON_AddFalseToObject(doc, "loaded");
			return cli_emit(cli, doc);
		}
		printf("engine      not loaded: nothing is enforced\n");
		return cli_flush(cli);
	}
	if (!r && (!f || !slots))
		r = vantio_fail(&err, ENOMEM, "out of memory");
	if (!r) {
		f->slots = slots;
		r = gather(&e, f, sample, &err);
	}
	if (r)
		r = cli_fail_error(cli, &err);
	else
		r = cli_json(cli) ? emit_json(cli, f) : print_text(cli, f);
	free(f ? f->egress : NULL);
	return r;
}

static const struct cli_option status_options[] = {
	{ .name = "sample", .kind = CLI_DURATION, .metavar = "TIME", .help = "measure rates and run times for so long, not since load" },
	{ 0 },
};

static const struct cli_command status_commands[] = {
	{ .help = "show what is in force, for whom, what was lost and what it costs", .options = status_options, .run = cmd_status },
	{ 0 },
};
const struct cli_noun cli_noun_status = { "status", "show what is in force", status_commands };
