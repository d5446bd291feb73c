// SPDX-License-Identifier: Apache-2.0
/* ledger list, ledger show */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cmd_ledger.h"
#include "ledger_filter.h"
#include "ledger_view.h"

#define LIST_DEFAULT 50
#define LIST_MAX     100000 /* a page is held in memory */

const char *const ledger_decisions[] = { "permit", "block", "quarantine", "killswitch", NULL };

static const char *const orders[] = { "leaf", "time", "agent", "pid", "op", "decision", "rule", "count", NULL };

const struct cli_option ledger_list_options[] = {
	{ .name = "since", .kind = CLI_TIME, .metavar = "TIME", .help = "from this time on, RFC 3339 in UTC" },
	{ .name = "until", .kind = CLI_TIME, .metavar = "TIME", .help = "up to this time" },
	{ .name = "agent", .kind = CLI_AGENT, .metavar = "AGENT", .help = "of this agent" },
	{ .name = "decision", .kind = CLI_CHOICE, .metavar = "DECISION", .help = "of this decision", .choices = ledger_decisions },
	{ .name = "hook", .kind = CLI_TEXT, .metavar = "HOOK", .help = "of this hook, such as file_open" },
	{ .name = "rule", .kind = CLI_TEXT, .metavar = "RULE", .help = "by this rule (file.deny[2]), or any of a list (file.deny)" },
	{ .name = "trace-id", .kind = CLI_TRACE, .metavar = "ID", .help = "of this trace, 0x and hex digits" },
	{ .name = "filter", .kind = CLI_TEXT, .metavar = "EXPR", .help = "that match, private fields too, such as path~/work/*,comm=git" },
	{ .name = "sort", .kind = CLI_CHOICE, .metavar = "FIELD", .help = "in the order of this field, the first of all matches (default: of the log)", .choices = orders },
	{ .name = "reverse", .letter = 'r', .kind = CLI_FLAG, .help = "the other way round" },
	{ .name = "limit", .letter = 'n', .kind = CLI_NUMBER, .metavar = "N", .help = "at most so many (default 50)" },
	{ .name = "after", .kind = CLI_NUMBER, .metavar = "LEAF", .help = "the next page: the first matches behind this leaf" },
	{ .name = "before", .kind = CLI_NUMBER, .metavar = "LEAF", .help = "the page before: the last matches before this leaf" },
	{ .name = "offset", .kind = CLI_NUMBER, .metavar = "N", .help = "the next page of --sort: pass over so many matches" },
	{ 0 },
};

const struct cli_arg ledger_show_args[] = {
	{ .metavar = "ID", .kind = CLI_RECORD },
	{ 0 },
};

int ledger_decision(const char *name)
{
	int d = 0;

	while (strcmp(ledger_decisions[d], name) != 0)
		d++;
	return d;
}

struct vantio_reader *ledger_open_reader(struct cli *cli, int *ret_exit)
{
	const char *dir = cli_ledger_dir(cli);
	struct vantio_error err = { 0 };
	struct vantio_reader *r = NULL;
	int e;

	*ret_exit = CLI_FAILURE;
	if (!*dir)
		return NULL;
	e = vantio_reader_open(dir, &r, &err);
	if (e == -ENOENT)
		*ret_exit = cli_fail(cli, CLI_FAILURE, "%s; --ledger names another ledger", err.text);
	else if (e < 0)
		*ret_exit = cli_fail_error(cli, &err);
	return e < 0 ? NULL : r;
}

/* ---- list ---- */

#define CHUNK 1024 /* records that a filter looks at at once */

struct page {
	struct cli_grid *grid; /* or */
	cJSON *records;
	struct vantio_filter *filter; /* owned; NULL: all */
	uint64_t n, first, last, limit;
	uint64_t skip;         /* matches that are passed over */
	uint64_t looked, edge; /* of a chunk: how many, and the last of them */
};

static void cell_span(struct cli_grid *g, struct vantio_span json)
{
	cleanup_buf struct vantio_buf raw = VANTIO_BUF_INIT;

	ledger_view_raw(&raw, json);
	if (raw.len)
		cli_grid_bytes(g, raw.data, raw.len);
	else
		cli_grid_cell(g, "-");
}

/* What records hold is escaped already; a cell escapes, so it gets the raw bytes. */
static void cell_escaped(struct cli_grid *g, const char *text)
{
	cleanup_buf struct vantio_buf raw = VANTIO_BUF_INIT;

	if (vantio_unescape(&raw, text, strlen(text)) && raw.len)
		cli_grid_bytes(g, raw.data, raw.len);
	else
		cli_grid_cell(g, *text ? text : "-");
}

static void cell_private(struct cli_grid *g, const struct vantio_hit *hit, const char *name)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
	cJSON *value = ledger_view_private(hit, name);

	if (!value)
		vantio_buf_puts(&text, hit->private_bad ? "(damaged)" : "(erased)");
	else if (cJSON_IsString(value))
		vantio_buf_puts(&text, value->valuestring);
	else
		ledger_view_resource(&text, value);
	cell_escaped(g, text.data ? text.data : "");
	cJSON_Delete(value);
}

static bool span_is(struct vantio_span s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.p, text, s.len);
}

static void cell_decision(struct cli_grid *g, const struct vantio_record_fields *f)
{
	bool permit = span_is(f->decision, "permit");

	cli_grid_printf(g, "%.*s%s", (int)f->decision.len, f->decision.p, permit || f->enforced ? "" : " (audit)");
	cli_grid_color(g, permit ? "green" : f->enforced ? "red" : "yellow");
}

static int list_row(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	const struct vantio_record_fields *f = &hit->fields;
	struct page *p = ctx;

	(void)err;
	if (!p->n++)
		p->first = f->leaf;
	p->last = f->leaf;
	if (p->records) {
		cJSON_AddItemToArray(p->records, ledger_view_json(hit));
		return 0;
	}
	cli_grid_printf(p->grid, "%" PRIu64, f->leaf);
	cli_grid_printf(p->grid, "%.23sZ", f->ts.p);
	cell_span(p->grid, f->agent);
	cli_grid_printf(p->grid, "%u", f->pid);
	cell_private(p->grid, hit, "comm");
	cell_span(p->grid, f->op);
	cell_private(p->grid, hit, "resource");
	cell_decision(p->grid, f);
	cell_span(p->grid, f->rule);
	return 0;
}

/* ---- with a filter: it is asked of what the rest of the query finds, some at a time ---- */

static int look(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	struct page *p = ctx;
	bool match;
	cJSON *doc;

	p->looked++;
	p->edge = hit->fields.leaf;
	doc = ledger_view_json(hit);
	if (!doc)
		return vantio_fail(err, ENOMEM, "out of memory");
	match = vantio_filter_matches(p->filter, ledger_filter_value, doc);
	cJSON_Delete(doc);
	if (!match || p->skip) {
		p->skip -= match;
		return 0;
	}
	return p->n == p->limit ? -ECANCELED : list_row(p, hit, err);
}

static int find_forward(struct vantio_reader *r, struct vantio_query *q, struct page *p, struct vantio_error *err)
{
	int e;

	ledger_filter_narrow(p->filter, q);
	p->skip = q->offset;
	q->offset = 0;
	q->limit = CHUNK;
	do {
		p->looked = 0;
		e = vantio_reader_find(r, q, look, p, err);
		if (q->order == VANTIO_ORDER_LEAF && !q->descending) {
			q->has_after = true;
			q->after = p->edge;
		} else {
			q->offset += CHUNK;
		}
	} while (e == 0 && p->looked == CHUNK && p->n < p->limit);
	return e == -ECANCELED ? 0 : e;
}

static int find_newest(struct vantio_reader *r, const struct vantio_query *q, struct page *p, struct vantio_error *err)
{
	struct vantio_query one = { .until = UINT64_MAX, .decision = -1, .limit = 1 };
	cleanup_free uint64_t *leaves = NULL;
	size_t n = 0;
	int e;

	e = ledger_filter_newest(r, q, p->filter, (size_t)q->limit, &leaves, &n, err);
	while (e == 0 && n) {
		one.has_after = leaves[--n] > 0;
		one.after = leaves[n] - 1;
		one.below = leaves[n] + 1;
		e = vantio_reader_find(r, &one, list_row, p, err);
	}
	return e;
}

static int find(struct vantio_reader *r, const struct vantio_query *asked, struct page *p, struct vantio_error *err)
{
	struct vantio_query q = *asked;

	p->limit = q.limit;
	if (!p->filter)
		return vantio_reader_find(r, &q, list_row, p, err);
	return q.newest ? find_newest(r, &q, p, err) : find_forward(r, &q, p, err);
}

/* Sorting, pages and their usage errors: how they go together. */
static bool read_order(struct cli *cli, struct vantio_query *q)
{
	const char *sort = cli_get(cli, "sort");

	while (sort && strcmp(orders[q->order], sort) != 0)
		q->order++;
	q->offset = cli_get_number(cli, "offset", 0);
	q->descending = cli_has(cli, "reverse");
	q->newest = !sort && !q->descending && !q->has_after && !cli_has(cli, "since");
	if (cli_has(cli, "before")) {
		q->below = cli_get_number(cli, "before", 0);
		q->newest = !sort && !q->descending;
		if (!q->below)
			q->until = 0; /* nothing lies before leaf 0, and 0 is no bound */
	}
	if (cli_has(cli, "offset") && !sort)
		cli_usage_error(cli, "--offset goes with --sort; pages of the log go by --after and --before");
	else if (cli_has(cli, "after") && cli_has(cli, "before"))
		cli_usage_error(cli, "--after or --before, not both");
	else
		return true;
	return false;
}

/* False after a usage error. */
static bool read_query(struct cli *cli, struct vantio_query *q)
{
	const char *decision = cli_get(cli, "decision"), *trace = cli_get(cli, "trace-id");

	*q = (struct vantio_query){
		.since = cli_get_number(cli, "since", 0),
		.until = cli_get_number(cli, "until", UINT64_MAX),
		.agent = cli_get(cli, "agent"),
		.hook = cli_get(cli, "hook"),
		.rule = cli_get(cli, "rule"),
		.decision = -1,
		.has_after = cli_has(cli, "after"),
		.after = cli_get_number(cli, "after", 0),
		.limit = cli_get_number(cli, "limit", LIST_DEFAULT),
	};
	if (!read_order(cli, q))
		return false;
	if (decision)
		q->decision = ledger_decision(decision);
	if (trace) {
		q->has_trace = true;
		if (!vantio_parse_trace_id(trace, &q->trace_id)) {
			cli_usage_error(cli, "--trace-id: the form is 0x and up to 16 hex digits");
			return false;
		}
	}
	if (!q->limit || q->limit > LIST_MAX) {
		cli_usage_error(cli, "--limit: 1 to %d", LIST_MAX);
		return false;
	}
	return true;
}

static int list_json(struct cli *cli, const struct page *p, uint64_t size, bool more, bool before)
{
	cJSON *doc = cJSON_CreateObject();
	char number[24];

	snprintf(number, sizeof(number), "%" PRIu64, size);
	cJSON_AddStringToObject(doc, "size", number);
	snprintf(number, sizeof(number), "%" PRIu64, p->last);
	if (more)
		cJSON_AddStringToObject(doc, "next_after", number);
	else
		cJSON_AddNullToObject(doc, "next_after");
	cJSON_AddItemToObject(doc, "records", p->records);
	if (before)
		cJSON_AddItemToObject(doc, "next_before", cli_json_u64(p->first));
	else
		cJSON_AddNullToObject(doc, "next_before");
	return cli_emit(cli, doc);
}

static int show_page(struct cli *cli, struct page *p, const struct vantio_query *asked, uint64_t size)
{
	bool full = p->n == p->limit, sorted = asked->order != VANTIO_ORDER_LEAF || asked->descending;
	bool more = full && !sorted && !asked->newest && p->last + 1 < size, before = full && asked->newest && p->first;
	int e;

	if (cli_json(cli))
		return list_json(cli, p, size, more, before);
	e = cli_grid_print(cli, p->grid);
	if (!p->n)
		cli_note(cli, "no record matches, of %" PRIu64, size);
	else if (more)
		cli_note(cli, "there may be more: --after %" PRIu64, p->last);
	else if (full && asked->order != VANTIO_ORDER_LEAF)
		cli_note(cli, "there may be more: --offset %" PRIu64, asked->offset + p->n);
	return e;
}

CLI_COMMAND(ledger_list)
{
	static const char *const headings[] = { "LEAF", "TIME", "AGENT", "PID", "COMM", "OP", "RESOURCE", "DECISION", "RULE" };
	const char *expr = cli_get(cli, "filter");
	struct vantio_error err = { 0 };
	struct page page = { .n = 0 };
	struct vantio_query asked;
	struct vantio_reader *r = NULL;
	uint64_t size = 0;
	int e, exit_code;

	if (!read_query(cli, &asked))
		return CLI_USAGE;
	if (expr && vantio_filter_parse(expr, &page.filter, &err) < 0)
		return err.code == EINVAL ? cli_usage_error(cli, "%s", err.text) : cli_fail_error(cli, &err);
	r = ledger_open_reader(cli, &exit_code);
	if (r) {
		if (cli_json(cli))
			page.records = cJSON_CreateArray();
		else
			page.grid = cli_grid_new(headings, VANTIO_ARRAY_SIZE(headings));
		e = find(r, &asked, &page, &err);
		size = vantio_reader_size(r);
		vantio_reader_close(r);
		if (e < 0) {
			cJSON_Delete(page.records);
			cli_grid_free(page.grid);
			exit_code = cli_fail_error(cli, &err);
		} else {
			exit_code = show_page(cli, &page, &asked, size);
		}
	}
	vantio_filter_free(page.filter);
	return exit_code;
}

/* ---- show ---- */

struct one {
	struct cli *cli;
	cJSON *doc; /* NULL until it is found */
	struct vantio_span line;
	bool private_bad;
};

static int take_one(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	struct one *o = ctx;

	o->doc = ledger_view_json(hit);
	o->private_bad = hit->private_bad;
	return o->doc ? 0 : vantio_fail(err, ENOMEM, "out of memory");
}

bool ledger_read_id(const char *id, struct vantio_query *q)
{
	uint64_t leaf;

	*q = (struct vantio_query){ .until = UINT64_MAX, .decision = -1, .limit = 1 };
	if (vantio_parse_u64(id, strlen(id), INT64_MAX, &leaf)) {
		q->has_after = leaf > 0;
		q->after = leaf - 1;
		return true;
	}
	q->record_id = id;
	return strlen(id) == 36 && strspn(id, "0123456789abcdefABCDEF-") == 36;
}

int ledger_bad_id(struct cli *cli, const char *id)
{
	cleanup_free char *safe = vantio_escape_dup(id, strlen(id));

	return cli_usage_error(cli, "'%s' is neither a leaf (a number) nor a record id (a UUID)", safe ? safe : "");
}

CLI_COMMAND(ledger_show)
{
	const char *id = cli_arg(cli, 0);
	struct one one = { .cli = cli };
	struct vantio_error err = { 0 };
	struct vantio_query q;
	struct vantio_reader *r;
	const cJSON *private, *erased, *name;
	int e, exit_code;

	if (!ledger_read_id(id, &q))
		return ledger_bad_id(cli, id);
	r = ledger_open_reader(cli, &exit_code);
	if (!r)
		return exit_code;
	e = vantio_reader_find(r, &q, take_one, &one, &err);
	exit_code = e < 0 ? cli_fail_error(cli, &err) : one.doc ? CLI_OK :
		    cli_fail(cli, CLI_FAILURE, "the ledger has no record '%s'; it has %" PRIu64, id, vantio_reader_size(r));
	vantio_reader_close(r);
	if (exit_code != CLI_OK) {
		cJSON_Delete(one.doc);
		return exit_code;
	}
	if (cli_json(cli))
		return cli_emit(cli, one.doc);
	ledger_view_members(cli, "public", one.doc);
	private = cJSON_GetObjectItemCaseSensitive(one.doc, "private");
	erased = cJSON_GetObjectItemCaseSensitive(one.doc, "erased");
	if (cJSON_IsObject(private)) {
		ledger_view_members(cli, "private", private);
		cJSON_ArrayForEach(name, erased)
			printf("  %-12s  (erased)\n", name->valuestring);
	} else
		puts(one.private_bad ? "private fields are damaged: they are not those that the record commits to" :
		     "private fields were erased");
	cJSON_Delete(one.doc);
	return cli_flush(cli);
}
