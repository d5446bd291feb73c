// SPDX-License-Identifier: Apache-2.0
/* ledger stats */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cmd_ledger.h"
#include "ledger_view.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX     100000
#define SPANS_MAX     10000
#define SPANS_DEFAULT 60 /* at most so many, unless --every says otherwise */
#define KEY_WIDTH_MAX 40
#define CHART_LEAST   10
#define S UINT64_C(1000000000)

static const char *const groups[] = { "agent", "decision", "rule", "op", "hook", NULL };
static const char *const headings[] = { "AGENT", "DECISION", "RULE", "OP", "HOOK" };

const struct cli_option ledger_stats_options[] = {
	{ .name = "by", .kind = CLI_CHOICE, .metavar = "FIELD", .help = "what to count by (default: agent)", .choices = groups },
	{ .name = "every", .kind = CLI_DURATION, .metavar = "DURATION", .help = "count in spans of this length (default: what fits)" },
	{ .name = "since", .kind = CLI_TIME, .metavar = "TIME", .help = "from this time on, RFC 3339 in UTC" },
	{ .name = "until", .kind = CLI_TIME, .metavar = "TIME", .help = "up to this time" },
	{ .name = "agent", .kind = CLI_AGENT, .metavar = "AGENT", .help = "of this agent" },
	{ .name = "decision", .kind = CLI_CHOICE, .metavar = "DECISION", .help = "of this decision", .choices = ledger_decisions },
	{ .name = "rule", .kind = CLI_TEXT, .metavar = "RULE", .help = "by this rule (file.deny[2]), or any of a list (file.deny)" },
	{ .name = "limit", .letter = 'n', .kind = CLI_NUMBER, .metavar = "N", .help = "the N most frequent, the others together (default 20)" },
	{ 0 },
};

struct series {
	char *key; /* owned, raw */
	size_t len, cells;
	uint64_t total;
	uint64_t *spans; /* owned */
};

struct stats {
	struct cli *cli;
	struct vantio_query query;
	enum vantio_stats_by by;
	struct vantio_stats_range range;
	uint64_t from, every; /* ns */
	size_t n_spans, limit;
	struct series *series; /* owned */
	size_t n;
};

static void clear(struct stats *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		free(s->series[i].key);
		free(s->series[i].spans);
	}
	free(s->series);
}

/* ---- counting ---- */

static struct series *new_series(struct stats *s, const void *key, size_t len)
{
	struct series *grown = reallocarray(s->series, s->n + 1, sizeof(*grown)), *it;

	if (!grown)
		return NULL;
	s->series = grown;
	it = &grown[s->n];
	*it = (struct series){ .key = malloc(len + 1), .len = len, .spans = calloc(s->n_spans, sizeof(*it->spans)) };
	s->n++;
	if (!it->key || !it->spans)
		return NULL;
	memcpy(it->key, key, len);
	it->key[len] = '\0';
	return it;
}

/* Cells come by key, then by time. */
static int take_cell(void *ctx, struct vantio_span key, uint64_t span, uint64_t decisions, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf raw = VANTIO_BUF_INIT;
	struct stats *s = ctx;
	struct series *it;

	ledger_view_raw(&raw, key);
	it = s->n ? &s->series[s->n - 1] : NULL;
	if (!it || it->len != raw.len || memcmp(it->key, raw.data ? raw.data : "", raw.len) != 0)
		it = new_series(s, raw.data ? raw.data : "", raw.len);
	if (!it || raw.failed)
		return vantio_fail(err, ENOMEM, "out of memory");
	it->spans[span < s->n_spans ? span : s->n_spans - 1] += decisions;
	it->total += decisions;
	return 0;
}

static int by_total(const void *a, const void *b)
{
	const struct series *x = a, *y = b;

	return x->total != y->total ? (x->total > y->total ? -1 : 1) : strcmp(x->key, y->key);
}

/* All but the most frequent become one. */
static void fold_others(struct stats *s)
{
	char text[48];
	size_t i, j;

	qsort(s->series, s->n, sizeof(*s->series), by_total);
	if (s->n <= s->limit + 1)
		return;
	for (i = s->limit + 1; i < s->n; i++) {
		for (j = 0; j < s->n_spans; j++)
			s->series[s->limit].spans[j] += s->series[i].spans[j];
		s->series[s->limit].total += s->series[i].total;
		free(s->series[i].key);
		free(s->series[i].spans);
	}
	snprintf(text, sizeof(text), "(%zu others)", s->n - s->limit);
	s->n = s->limit + 1;
	free(s->series[s->limit].key);
	s->series[s->limit].key = strdup(text);
	s->series[s->limit].len = s->series[s->limit].key ? strlen(text) : 0;
}

/* The shortest of some usual lengths that leaves at most `most` spans. */
static uint64_t usual_length(uint64_t range, uint64_t most)
{
	static const uint64_t usual[] = { 1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400, 30 * 86400 };
	size_t i;

	for (i = 0; i + 1 < VANTIO_ARRAY_SIZE(usual) && range / (usual[i] * S) + 2 > most; i++)
		;
	return range / (usual[i] * S) + 2 > most ? (range / most / S + 1) * S : usual[i] * S;
}

/* ---- showing ---- */

static void format_length(char *out, size_t max, uint64_t ns)
{
	static const struct { uint64_t s; const char *unit; } units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" } };
	size_t i;

	for (i = 0; i < VANTIO_ARRAY_SIZE(units); i++)
		if (ns % (units[i].s * S) == 0) {
			snprintf(out, max, "%" PRIu64 "%s", ns / (units[i].s * S), units[i].unit);
			return;
		}
	snprintf(out, max, "%" PRIu64 "ms", ns / 1000000);
}

/* `width` columns of blocks, all rows to one scale; what is not nothing shows. */
static void put_chart(struct vantio_buf *out, const struct stats *s, const struct series *it, size_t width, uint64_t most)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[] = { " ", ".", ":", "-", "=", "+", "*", "#", "@" };
	const char *const *ramp = MB_CUR_MAX > 1 ? blocks : ascii;
	size_t fold = (s->n_spans + width - 1) / width, i, j;
	uint64_t sum;

	for (i = 0; i < s->n_spans; i += fold) {
		for (sum = 0, j = i; j < i + fold && j < s->n_spans; j++)
			sum += it->spans[j];
		vantio_buf_puts(out, ramp[sum ? 1 + (size_t)((double)(sum - 1) * 8 / (double)most) : 0]);
	}
}

static uint64_t most_of(const struct stats *s, size_t fold)
{
	uint64_t most = 1, sum;
	size_t i, j, k;

	for (k = 0; k < s->n; k++)
		for (i = 0; i < s->n_spans; i += fold) {
			for (sum = 0, j = i; j < i + fold && j < s->n_spans; j++)
				sum += s->series[k].spans[j];
			most = sum > most ? sum : most;
		}
	return most;
}

static void say_range(const struct stats *s, size_t fold)
{
	char first[VANTIO_RFC3339_LEN], last[VANTIO_RFC3339_LEN], length[32];

	vantio_format_time(first, s->range.first);
	vantio_format_time(last, s->range.last);
	format_length(length, sizeof(length), s->every * fold);
	printf("%" PRIu64 " decision%s in %" PRIu64 " record%s from %.19sZ to %.19sZ; a column is %s\n", s->range.decisions,
	       s->range.decisions == 1 ? "" : "s", s->range.records, s->range.records == 1 ? "" : "s", first, last, length);
}

static size_t widest_key(const struct stats *s)
{
	size_t widest = strlen(headings[s->by]), i;

	for (i = 0; i < s->n; i++)
		widest = s->series[i].len > widest ? s->series[i].len : widest;
	return widest < KEY_WIDTH_MAX ? widest : KEY_WIDTH_MAX;
}

/* On a terminal: a row a key, with a chart as wide as there is room. */
static int show_chart(struct stats *s)
{
	const char *const columns[] = { headings[s->by], "DECISIONS", "SHARE", "OVER TIME" };
	size_t used = widest_key(s) + 2 + strlen("DECISIONS") + 2 + strlen("SHARE") + 2, room = cli_columns(), width, fold, i;
	struct cli_grid *g = cli_grid_new(columns, VANTIO_ARRAY_SIZE(columns));
	uint64_t most;

	width = room > used + CHART_LEAST ? room - used : CHART_LEAST;
	width = width > SPANS_DEFAULT ? SPANS_DEFAULT : width;
	fold = (s->n_spans + width - 1) / width;
	most = most_of(s, fold);
	say_range(s, fold);
	for (i = 0; i < s->n; i++) {
		cleanup_buf struct vantio_buf chart = VANTIO_BUF_INIT;

		cli_grid_bytes(g, s->series[i].len ? s->series[i].key : "-", s->series[i].len ? s->series[i].len : 1);
		cli_grid_printf(g, "%9" PRIu64, s->series[i].total);
		cli_grid_printf(g, "%4.0f%%", 100.0 * (double)s->series[i].total / (double)(s->range.decisions ? s->range.decisions : 1));
		put_chart(&chart, s, &s->series[i], width, most);
		cli_grid_cell(g, chart.data ? chart.data : "");
		cli_grid_color(g, "green");
	}
	return cli_grid_print(s->cli, g);
}

/* In a pipe: a row a span and key, nothing left out that is not nothing. */
static int show_plain(struct stats *s)
{
	const char *const columns[] = { "TIME", headings[s->by], "DECISIONS" };
	struct cli_grid *g = cli_grid_new(columns, VANTIO_ARRAY_SIZE(columns));
	char time[VANTIO_RFC3339_LEN];
	size_t i, j;

	for (j = 0; j < s->n_spans; j++)
		for (i = 0; i < s->n; i++) {
			if (!s->series[i].spans[j])
				continue;
			vantio_format_time(time, s->from + j * s->every);
			cli_grid_printf(g, "%.*sZ", s->every % S ? 23 : 19, time);
			cli_grid_bytes(g, s->series[i].len ? s->series[i].key : "-", s->series[i].len ? s->series[i].len : 1);
			cli_grid_printf(g, "%" PRIu64, s->series[i].spans[j]);
		}
	return cli_grid_print(s->cli, g);
}

static void add_time(cJSON *object, const char *name, uint64_t ns)
{
	char time[VANTIO_RFC3339_LEN];

	vantio_format_time(time, ns);
	cJSON_AddStringToObject(object, name, time);
}

static int show_json(struct stats *s)
{
	cJSON *doc = cJSON_CreateObject(), *series = cJSON_AddArrayToObject(doc, "series"), *item, *spans, *cell;
	size_t i, j;

	cJSON_AddStringToObject(doc, "by", groups[s->by]);
	cJSON_AddItemToObject(doc, "records", cli_json_u64(s->range.records));
	cJSON_AddItemToObject(doc, "decisions", cli_json_u64(s->range.decisions));
	if (s->range.records) {
		add_time(doc, "first", s->range.first);
		add_time(doc, "last", s->range.last);
		cJSON_AddItemToObject(doc, "every_ns", cli_json_u64(s->every));
	}
	for (i = 0; i < s->n; i++) {
		cleanup_free char *key = vantio_escape_dup(s->series[i].key, s->series[i].len);

		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "key", key ? key : "");
		cJSON_AddItemToObject(item, "decisions", cli_json_u64(s->series[i].total));
		spans = cJSON_AddArrayToObject(item, "spans");
		for (j = 0; j < s->n_spans; j++) {
			if (!s->series[i].spans[j])
				continue;
			cell = cJSON_CreateObject();
			add_time(cell, "time", s->from + j * s->every);
			cJSON_AddItemToObject(cell, "decisions", cli_json_u64(s->series[i].spans[j]));
			cJSON_AddItemToArray(spans, cell);
		}
		cJSON_AddItemToArray(series, item);
	}
	return cli_emit(s->cli, doc);
}

/* ---- the command ---- */

static int read_options(struct stats *s)
{
	const char *by = cli_get(s->cli, "by"), *decision = cli_get(s->cli, "decision");

	while (by && strcmp(groups[s->by], by) != 0)
		s->by++;
	s->query = (struct vantio_query){
		.since = cli_get_number(s->cli, "since", 0),
		.until = cli_get_number(s->cli, "until", UINT64_MAX),
		.agent = cli_get(s->cli, "agent"),
		.rule = cli_get(s->cli, "rule"),
		.decision = decision ? ledger_decision(decision) : -1,
	};
	s->every = cli_get_number(s->cli, "every", 0);
	s->limit = cli_get_number(s->cli, "limit", LIMIT_DEFAULT);
	if (!s->limit || s->limit > LIMIT_MAX)
		return cli_usage_error(s->cli, "--limit: 1 to %d", LIMIT_MAX);
	if (cli_has(s->cli, "every") && s->every < 1000000)
		return cli_usage_error(s->cli, "--every: 1ms or more");
	return CLI_OK;
}

static int count(struct stats *s, struct vantio_reader *reader, struct vantio_error *err)
{
	int r = vantio_reader_range(reader, &s->query, &s->range, err);

	if (r < 0 || !s->range.records)
		return r;
	if (!s->every)
		s->every = usual_length(s->range.last - s->range.first, SPANS_DEFAULT);
	s->from = s->range.first - s->range.first % s->every;
	if ((s->range.last - s->from) / s->every >= SPANS_MAX)
		return vantio_fail(err, ERANGE, "--every: that makes %" PRIu64 " spans; at most %d", (s->range.last - s->from) / s->every + 1,
				   SPANS_MAX);
	s->n_spans = (size_t)((s->range.last - s->from) / s->every) + 1;
	r = vantio_reader_stats(reader, &s->query, s->by, s->from, s->every, take_cell, s, err);
	if (r == 0)
		fold_others(s);
	return r;
}

CLI_COMMAND(ledger_stats)
{
	struct stats s = { .cli = cli };
	struct vantio_error err = { 0 };
	struct vantio_reader *reader;
	int r, exit_code = read_options(&s);

	if (exit_code != CLI_OK)
		return exit_code;
	reader = ledger_open_reader(cli, &exit_code);
	if (!reader)
		return exit_code;
	r = count(&s, reader, &err);
	vantio_reader_close(reader);
	if (r == -ERANGE)
		exit_code = cli_usage_error(cli, "%s", err.text);
	else if (r < 0)
		exit_code = cli_fail_error(cli, &err);
	else if (cli_json(cli))
		exit_code = show_json(&s);
	else if (!s.range.records)
		exit_code = (cli_note(cli, "no record matches"), cli_flush(cli));
	else
		exit_code = cli_columns() == SIZE_MAX ? show_plain(&s) : show_chart(&s);
	clear(&s);
	return exit_code;
}
