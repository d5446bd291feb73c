// SPDX-License-Identifier: Apache-2.0
/* What `policy learn` asks and tells. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "learn.h"
#include "policy/model.h"

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static const char *list_of(const struct vantio_learn_question *q)
{
	return q->list == VANTIO_LIST_MAX ? "kernel" : vantio_list_name(q->list);
}

static bool is_left_out(const struct vantio_learn_question *q)
{
	return !q->open && !q->settled;
}

static size_t count_left_out(const struct learning *g)
{
	size_t n, i, left = 0;
	const struct vantio_learn_question *q = vantio_learn_questions(g->learn, &n);

	for (i = 0; i < n; i++)
		left += is_left_out(&q[i]);
	return left;
}

/* "file.read /home/u/.ssh/id_x: keys of SSH (2 by /usr/bin/cat)" */
static void print_question(const struct vantio_learn_question *q)
{
	fprintf(stderr, "%s ", list_of(q));
	cli_print_escaped(stderr, q->target, strlen(q->target));
	fputs(": ", stderr);
	cli_print_escaped(stderr, q->why, strlen(q->why));
	fprintf(stderr, " (%" PRIu64 "%s%s)", q->count, q->by && *q->by ? " by " : "", q->by ? q->by : "");
}

/* ---- asking ---- */

/* 1 yes, 0 no, -1 no to all that is left. */
static int read_answer(void)
{
	cleanup_free char *line = NULL;
	size_t cap = 0;

	if (getline(&line, &cap, stdin) < 0)
		return -1;
	if (!strcmp(line, "y\n") || !strcmp(line, "yes\n"))
		return 1;
	return !strcmp(line, "q\n") ? -1 : 0;
}

size_t learn_ask(struct learning *g)
{
	const size_t left = count_left_out(g);
	struct vantio_learn_question *q;
	size_t n, i, opened = 0;
	int answer = 0;

	if (!left || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) || cli_json(g->cli))
		return 0;
	if (cli_program(g->cli)) /* what was typed for the command, or by it, answers no question */
		tcflush(STDIN_FILENO, TCIFLUSH);
	fprintf(stderr, "%zu thing%s not opened unless you say so:\n", left, left == 1 ? " is" : "s are");
	q = vantio_learn_questions(g->learn, &n);
	for (i = 0; i < n && answer >= 0; i++) {
		if (!is_left_out(&q[i]))
			continue;
		fputs("  ", stderr);
		print_question(&q[i]);
		fputs("\n  open it? [y/N, q: no to all] ", stderr);
		answer = read_answer();
		q[i].open = answer > 0;
		opened += answer > 0;
	}
	if (answer < 0)
		fputc('\n', stderr);
	return opened;
}

/* ---- the text ---- */

static void put_line(struct vantio_buf *out, uint64_t n, const char *what)
{
	if (n)
		vantio_buf_printf(out, "#   %" PRIu64 " %s\n", n, what);
}

/* What limits could be: they are no rules, and what the next run needs is not known, so that they are told and not set. */
static void put_limits(struct vantio_buf *out, const struct learning *g)
{
	bool any = false;
	int i;

	for (i = 0; i < VANTIO_LIMIT_MAX; i++) {
		if (!g->limits[i].most || (g->base.policy && g->base.policy->limits[i].set))
			continue;
		vantio_buf_puts(out, any ? "" : "\n# Limits that this would have kept to, at twice the most that was seen within a minute:\n# [limits]\n");
		vantio_buf_printf(out, "# %s = { max = %" PRIu64 ", per = \"60s\", action = \"block\" }\n", vantio_limit_names[i], 2 * g->limits[i].most);
		any = true;
	}
}

char *learn_text(const struct learning *g)
{
	struct vantio_buf out = VANTIO_BUF_INIT;
	size_t i;

	vantio_buf_printf(&out, "# Learned by 'vantioctl policy learn' from %" PRIu64 " operation%s", g->decisions, plural(g->decisions));
	if (g->agent) {
		vantio_buf_puts(&out, " of ");
		vantio_escape(&out, g->agent, strlen(g->agent));
	}
	vantio_buf_printf(&out, ": permits %" PRIu64 " of them.\n", g->permitted);
	vantio_buf_puts(&out, "# Behind each rule stands how often it was needed, and by which programs. What was not opened stands as a\n"
			      "# comment where it would be: take the first '#' away to open it.\n");
	put_line(&out, g->left_out, "left out, because they are sensitive or were refused");
	put_line(&out, g->unsettled, "to addresses that a host name of this policy may stand for");
	put_line(&out, g->refused, "that no rules could be found for, such as:");
	for (i = 0; i < g->n_examples; i++) {
		const struct learn_refused *x = &g->examples[i];

		vantio_buf_printf(&out, "#     %" PRIu64 " %s ", x->decisions, x->op);
		vantio_escape(&out, x->target ? x->target : "", x->target ? strlen(x->target) : 0);
		if (x->target2) {
			vantio_buf_puts(&out, " -> ");
			vantio_escape(&out, x->target2, strlen(x->target2));
		}
		vantio_buf_printf(&out, ": %s\n", x->rule);
	}
	vantio_buf_putc(&out, '\n');
	vantio_buf_add(&out, g->result.text.data, g->result.text.len);
	put_limits(&out, g);
	return vantio_buf_steal(&out);
}

/* ---- the report ---- */

static void add_escaped(cJSON *object, const char *key, const char *raw)
{
	cleanup_free char *text = raw ? vantio_escape_dup(raw, strlen(raw)) : NULL;

	if (raw)
		cJSON_AddStringToObject(object, key, text ? text : "");
	else
		cJSON_AddNullToObject(object, key);
}

static void add_rules(const struct learning *g, cJSON *doc)
{
	cJSON *list = cJSON_AddArrayToObject(doc, "rules"), *item;
	size_t i;

	for (i = 0; i < g->result.rules.n; i++) {
		const struct vantio_learned_rule *r = &g->result.rules.rules[i];

		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "list", vantio_list_name(r->list));
		cJSON_AddStringToObject(item, "text", r->text);
		cJSON_AddItemToObject(item, "decisions", cli_json_u64(r->count));
		cJSON_AddNumberToObject(item, "names", r->names);
		cJSON_AddBoolToObject(item, "folded", r->folded);
		cJSON_AddStringToObject(item, "by", r->by);
		cJSON_AddItemToArray(list, item);
	}
	list = cJSON_AddArrayToObject(doc, "deny");
	for (i = 0; i < g->result.rules.n_deny; i++) {
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "list", vantio_list_name(g->result.rules.deny[i].list));
		cJSON_AddStringToObject(item, "text", g->result.rules.deny[i].glob);
		cJSON_AddItemToArray(list, item);
	}
}

static void add_questions(const struct learning *g, cJSON *doc)
{
	cJSON *list = cJSON_AddArrayToObject(doc, "asked"), *item;
	size_t i, n;
	const struct vantio_learn_question *q = vantio_learn_questions(g->learn, &n);

	for (i = 0; i < n; i++) {
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "list", list_of(&q[i]));
		add_escaped(item, "target", q[i].target);
		add_escaped(item, "why", q[i].why);
		cJSON_AddStringToObject(item, "by", q[i].by ? q[i].by : "");
		cJSON_AddItemToObject(item, "decisions", cli_json_u64(q[i].count));
		cJSON_AddItemToObject(item, "leaf", cli_json_u64(q[i].leaf));
		cJSON_AddBoolToObject(item, "opened", q[i].open || q[i].settled);
		cJSON_AddItemToArray(list, item);
	}
}

static void add_refused(const struct learning *g, cJSON *doc)
{
	cJSON *list = cJSON_AddArrayToObject(doc, "refused_examples"), *item;
	size_t i;

	for (i = 0; i < g->n_examples; i++) {
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "op", g->examples[i].op);
		add_escaped(item, "target", g->examples[i].target);
		add_escaped(item, "target2", g->examples[i].target2);
		cJSON_AddStringToObject(item, "rule", g->examples[i].rule);
		cJSON_AddItemToObject(item, "decisions", cli_json_u64(g->examples[i].decisions));
		cJSON_AddItemToArray(list, item);
	}
}

static cJSON *document(const struct learning *g, const char *text, const char *file)
{
	char hash[2 * sizeof(g->result.policy->hash) + 1];
	cJSON *doc = cJSON_CreateObject();

	vantio_hex(hash, g->result.policy->hash, sizeof(g->result.policy->hash));
	cJSON_AddStringToObject(doc, "name", g->name);
	add_escaped(doc, "file", file);
	cJSON_AddStringToObject(doc, "policy_hash", hash);
	cJSON_AddItemToObject(doc, "records", cli_json_u64(g->records));
	cJSON_AddItemToObject(doc, "decisions", cli_json_u64(g->decisions));
	cJSON_AddItemToObject(doc, "permitted", cli_json_u64(g->permitted));
	cJSON_AddItemToObject(doc, "allowed_by_base", cli_json_u64(g->known));
	cJSON_AddItemToObject(doc, "left_out", cli_json_u64(g->left_out));
	cJSON_AddItemToObject(doc, "unsettled", cli_json_u64(g->unsettled));
	cJSON_AddItemToObject(doc, "refused", cli_json_u64(g->refused));
	cJSON_AddItemToObject(doc, "not_by_rules", cli_json_u64(g->other));
	cJSON_AddItemToObject(doc, "erased", cli_json_u64(g->erased));
	cJSON_AddItemToObject(doc, "damaged", cli_json_u64(g->damaged));
	cJSON_AddItemToObject(doc, "unaskable", cli_json_u64(g->unaskable));
	add_rules(g, doc);
	add_questions(g, doc);
	add_refused(g, doc);
	cJSON_AddStringToObject(doc, "policy", text);
	return doc;
}

static void say_left_out(struct learning *g)
{
	const struct vantio_learn_question *q;
	size_t n, i;

	q = vantio_learn_questions(g->learn, &n);
	for (i = 0; i < n; i++) {
		if (!is_left_out(&q[i]))
			continue;
		fputs("  left out: ", stderr);
		print_question(&q[i]);
		fputc('\n', stderr);
	}
	for (i = 0; i < n; i++) {
		if (!q[i].settled)
			continue;
		fputs("  allowed, though it was refused at other times: ", stderr);
		print_question(&q[i]);
		fputc('\n', stderr);
	}
	if (count_left_out(g))
		fputs("  --allow-sensitive opens one of them by its path or as it stands here\n", stderr);
}

static void say_refused(const struct learning *g)
{
	size_t i;

	for (i = 0; i < g->n_examples; i++) {
		const struct learn_refused *x = &g->examples[i];

		fprintf(stderr, "  no rule for: %s ", x->op);
		cli_print_escaped(stderr, x->target ? x->target : "", x->target ? strlen(x->target) : 0);
		if (x->target2) {
			fputs(" -> ", stderr);
			cli_print_escaped(stderr, x->target2, strlen(x->target2));
		}
		fprintf(stderr, " (%" PRIu64 "; %s)\n", x->decisions, x->rule);
	}
}

static void say(const char *what, uint64_t n)
{
	if (n)
		fprintf(stderr, "  %" PRIu64 " %s\n", n, what);
}

static void report_text(struct learning *g, const char *file)
{
	const uint64_t not = g->left_out + g->unsettled + g->refused;

	if (cli_has(g->cli, "quiet"))
		return;
	if (file) {
		cli_print_escaped(stderr, file, strlen(file));
		fputs(": ", stderr);
	}
	fprintf(stderr, "policy %s, %zu rule%s learned, permits %" PRIu64 " of %" PRIu64 " recorded operation%s", g->name, g->result.rules.n,
		plural(g->result.rules.n), g->permitted, g->decisions, plural(g->decisions));
	if (g->base.policy)
		fprintf(stderr, ", %" PRIu64 " of them by the base alone", g->known);
	fprintf(stderr, not ? "; %" PRIu64 " left out\n" : "\n", not);
	say_left_out(g);
	say_refused(g);
	say("to addresses that a host name of this policy may stand for", g->unsettled);
	say("not learned from: erased, what was asked for is no longer in the ledger", g->erased);
	say("not learned from: damaged, their private fields are not those that the record commits to", g->damaged);
	say("not learned from: no rule can speak of them, such as a protocol or a file without a path", g->unaskable);
}

void learn_report(struct learning *g, const char *text, const char *file, bool to_stderr)
{
	cleanup_free char *line = NULL;
	cJSON *doc;

	if (!cli_json(g->cli)) {
		report_text(g, file);
		return;
	}
	doc = document(g, text, file);
	if (!to_stderr) {
		cli_emit(g->cli, doc);
		return;
	}
	line = cJSON_PrintUnformatted(doc);
	fprintf(stderr, "%s\n", line ? line : "{}");
	cJSON_Delete(doc);
}
