// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "policy/model.h"

const char *const table_tiers[TIER_MAX] = { "evaluator", "user", "kernel" };

#define WORDS_MAX 24
#define REASONS_MAX 64
#define POLICIES_MAX 60

struct line {
	const char *file;
	unsigned int number;
	char *words[WORDS_MAX]; /* the separators = and ; are words of their own */
	bool quoted[WORDS_MAX];
	size_t n;
};

__attribute__((format(printf, 2, 3), noreturn))
static void bad(const struct line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s:%u: ", l->file, l->number);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

static void *grow(void *at, size_t n, size_t size)
{
	at = realloc(at, (n + 1) * size);
	if (!at)
		abort();
	memset((char *)at + n * size, 0, size);
	return at;
}

/* ---- words ---- */

static void expand(const struct table *t, struct vantio_buf *out, const char **at)
{
	if ((*at)[1] == 'T')
		vantio_buf_printf(out, "%s", t->world);
	else if ((*at)[1] == 'L')
		for (int i = 0; i < 200; i++)
			vantio_buf_putc(out, 'l');
	else
		vantio_buf_add(out, *at, 2);
	*at += 2;
}

static void unquote(struct vantio_buf *out, const char **at)
{
	char byte, hex[3] = "";

	(*at)++;
	if (**at == 'x') {
		memcpy(hex, *at + 1, 2);
		byte = (char)strtoul(hex, NULL, 16);
		*at += 3;
	} else {
		byte = *(*at)++;
	}
	vantio_buf_putc(out, byte);
}

static const char *take_word(const struct table *t, struct line *l, const char *at)
{
	struct vantio_buf out = VANTIO_BUF_INIT;
	bool quoted = *at == '"';

	at += quoted;
	while (*at && (quoted ? *at != '"' : !strchr(" \t", *at))) {
		if (*at == '$' && at[1])
			expand(t, &out, &at);
		else if (quoted && *at == '\\' && at[1])
			unquote(&out, &at);
		else
			vantio_buf_putc(&out, *at++);
	}
	if (quoted && *at++ != '"')
		bad(l, "a quote that does not end");
	if (l->n == WORDS_MAX)
		bad(l, "more than %d words", WORDS_MAX);
	l->quoted[l->n] = quoted;
	l->words[l->n++] = out.data ? out.data : strdup("");
	return at;
}

static void split(const struct table *t, struct line *l, const char *text)
{
	l->n = 0;
	for (;;) {
		text += strspn(text, " \t");
		if (!*text || *text == '#')
			return;
		text = take_word(t, l, text);
	}
}

static bool is(const struct line *l, size_t i, const char *word)
{
	return i < l->n && !l->quoted[i] && !strcmp(l->words[i], word);
}

/* The number of words from `i` on that are neither = nor ; */
static size_t run(const struct line *l, size_t i)
{
	size_t n = 0;

	while (i + n < l->n && !is(l, i + n, "=") && !is(l, i + n, ";"))
		n++;
	return n;
}

/* ---- lines ---- */

static const struct table_reason *find_reason(const struct table *t, const struct line *l, const char *key)
{
	for (size_t i = 0; i < t->n_reasons; i++)
		if (!strcmp(t->reasons[i].key, key))
			return &t->reasons[i];
	bad(l, "there is no reason '%s'", key);
}

static void take_not(const struct table *t, const struct line *l, size_t i, const struct table_reason *not[TIER_MAX])
{
	size_t tier;

	if (run(l, i) != 3)
		bad(l, "it is 'not TIER REASON'");
	for (tier = 0; tier < TIER_MAX && strcmp(l->words[i + 1], table_tiers[tier]); tier++)
		;
	if (tier == TIER_MAX)
		bad(l, "there is no tier '%s'", l->words[i + 1]);
	not[tier] = find_reason(t, l, l->words[i + 2]);
}

static void take_reason(struct table *t, const struct line *l)
{
	struct vantio_buf text = VANTIO_BUF_INIT;

	if (t->n_reasons == REASONS_MAX || l->n < 3)
		bad(l, "a reason has a key and a text, and there are at most %d", REASONS_MAX);
	if (!t->reasons)
		t->reasons = calloc(REASONS_MAX, sizeof(*t->reasons)); /* rows point into it */
	for (size_t i = 2; i < l->n; i++)
		vantio_buf_printf(&text, "%s%s", i > 2 ? " " : "", l->words[i]);
	t->reasons[t->n_reasons++] = (struct table_reason){ strdup(l->words[1]), text.data };
}

static void read_whole(const struct table *t, const struct line *l, const char *path, struct vantio_buf *out)
{
	FILE *f = fopen(path, "re");
	int c;

	if (!f)
		bad(l, "cannot read %s", path);
	while ((c = getc(f)) != EOF) {
		char byte = (char)c;
		int next = c == '$' ? getc(f) : 0;

		if (c == '$' && next == 'T')
			vantio_buf_printf(out, "%s", t->world);
		else if (c == '$' && next == 'L')
			for (int i = 0; i < 200; i++)
				vantio_buf_putc(out, 'l');
		else
			vantio_buf_putc(out, byte);
		if (c == '$' && next != 'T' && next != 'L')
			ungetc(next, f);
	}
	fclose(f);
}

static void take_policy(struct table *t, const struct line *l)
{
	struct vantio_buf text = VANTIO_BUF_INIT;
	struct vantio_diagnostics diags = {};
	struct vantio_expand values = { .home = "/root" };
	struct vantio_error err = {};
	struct table_policy *p;
	char path[400];

	if (l->n < 2 || t->n_policies == POLICIES_MAX)
		bad(l, "a policy has a name, and there are at most %d", POLICIES_MAX);
	t->policies = grow(t->policies, t->n_policies, sizeof(*t->policies));
	p = &t->policies[t->n_policies++];
	p->name = strdup(l->words[1]);
	snprintf(path, sizeof(path), "%s/policies/%s.toml", t->dir, p->name);
	read_whole(t, l, path, &text);
	p->text = text.data;
	p->len = text.len;
	if (vantio_policy_parse(p->text, p->len, path, &values, &p->policy, &diags, &err))
		bad(l, "%s", err.text);
	vantio_diagnostics_free(&diags);
	for (size_t i = 2; i < l->n; i += 1 + run(l, i + 1)) {
		if (!is(l, i, ";") || !is(l, i + 1, "not"))
			bad(l, "behind a policy's name there is nothing but '; not TIER REASON'");
		take_not(t, l, i + 1, p->not);
	}
}

/* "file.deny" and a rule's text are its number there; any other name is taken as it is. */
static void name_rule(const struct table *t, const struct line *l, size_t i, size_t n, struct table_row *row)
{
	const struct vantio_policy *p = t->policies[row->policy].policy;
	enum vantio_list list;

	if (n > 2)
		bad(l, "a rule is a list and its text, or one name");
	if (n < 2) {
		snprintf(row->rule, sizeof(row->rule), "%s", n ? l->words[i] : "");
		return;
	}
	for (list = 0; list < VANTIO_LIST_MAX; list++)
		for (size_t k = 0; !strcmp(vantio_list_name(list), l->words[i]) && k < p->lists[list].n; k++)
			if (!strcmp(p->lists[list].items[k].text, l->words[i + 1])) {
				snprintf(row->rule, sizeof(row->rule), "%s[%zu]", l->words[i], k);
				return;
			}
	bad(l, "policy %s has no rule '%s' in %s", t->policies[row->policy].name, l->words[i + 1], l->words[i]);
}

static void take_verdict(const struct line *l, const char *word, struct table_row *row)
{
	static const char *const verdicts[] = { "allow", "deny", "audit" };

	for (row->verdict = TABLE_ALLOW; row->verdict <= TABLE_AUDIT; row->verdict++)
		if (!strcmp(word, verdicts[row->verdict]))
			return;
	bad(l, "'%s' is no verdict", word);
}

static void take_clause(const struct table *t, const struct line *l, size_t i, size_t n, struct table_row *row)
{
	if (is(l, i, "as") && (n >= 2 && n <= 4)) {
		row->as = l->words[i + 1];
		row->target[0] = n > 2 ? l->words[i + 2] : NULL;
		row->target[1] = n > 3 ? l->words[i + 3] : NULL;
	} else if (is(l, i, "not")) {
		take_not(t, l, i, row->not);
	} else if (is(l, i, "needs") && n == 2) {
		row->needs = find_reason(t, l, l->words[i + 1]);
	} else if (is(l, i, "root") && n == 1) {
		row->root = true;
	} else if (is(l, i, "silent") && n == 1) {
		row->silent = true;
	} else if (is(l, i, "recorded") && n == 2) {
		row->recorded = l->words[i + 1];
	} else if (is(l, i, "at") && n == 2) {
		row->at = l->words[i + 1];
	} else {
		bad(l, "'%s' means nothing here", i < l->n ? l->words[i] : "");
	}
}

/* Where nothing else is said the evaluator is asked what is done. */
static void ask_the_same(const struct line *l, struct table_row *row)
{
	const struct act_op *op = &act_ops[row->op];
	bool two = !strcmp(op->asked, "rename") || !strcmp(op->asked, "link");

	if (row->as)
		return;
	if (op->args == 2 && !two && strcmp(op->asked, "symlink"))
		bad(l, "'%s' takes two words: say how the evaluator is asked (; as %s PATH)", op->name, op->asked);
	row->as = strdup(op->asked);
	row->target[0] = row->arg[0];
	row->target[1] = two ? row->arg[1] : NULL;
}

static void take_row(struct table *t, const struct line *l, const char *text)
{
	struct table_row *row;
	size_t i, n = run(l, 0);

	if (!t->n_policies)
		bad(l, "a row comes below a policy");
	t->rows = grow(t->rows, t->n_rows, sizeof(*t->rows));
	row = &t->rows[t->n_rows++];
	row->file = l->file;
	row->line = l->number;
	row->policy = t->n_policies - 1;
	row->said = strndup(text, strcspn(text, "=;"));
	memcpy(row->not, t->policies[row->policy].not, sizeof(row->not));
	row->op = act_find(l->words[0]);
	if (row->op < 0 || n != 1 + act_ops[row->op].args)
		bad(l, row->op < 0 ? "there is no operation '%s'" : "'%s' takes another number of words", l->words[0]);
	for (i = 1; i < n; i++)
		row->arg[i - 1] = l->words[i];
	if (!is(l, n, "=") || n + 1 >= l->n)
		bad(l, "a row has '= VERDICT'");
	take_verdict(l, l->words[n + 1], row);
	i = n + 2;
	n = run(l, i);
	name_rule(t, l, i, n, row);
	for (i += n; i < l->n; i += 1 + n) {
		n = run(l, i + 1);
		take_clause(t, l, i + 1, n, row);
	}
	ask_the_same(l, row);
}

static void take_thing(struct table *t, const struct line *l)
{
	struct table_thing *thing;

	if (l->n < 2 || l->n > 3)
		bad(l, "'%s' has a name and perhaps one word more", l->words[0]);
	t->things = grow(t->things, t->n_things, sizeof(*t->things));
	thing = &t->things[t->n_things++];
	*thing = (struct table_thing){ l->words[0], l->words[1], l->n > 2 ? l->words[2] : NULL };
}

static void take_line(struct table *t, const struct line *l, const char *text)
{
	static const char *const things[] = { "dir", "file", "prog", "script", "to", "hard", "pipe" };

	if (!l->n)
		return;
	for (size_t i = 0; i < sizeof(things) / sizeof(things[0]); i++)
		if (is(l, 0, things[i])) {
			take_thing(t, l);
			return;
		}
	if (is(l, 0, "reason"))
		take_reason(t, l);
	else if (is(l, 0, "policy"))
		take_policy(t, l);
	else
		take_row(t, l, text);
}

static void read_file(struct table *t, const char *name)
{
	struct line l = { .file = strdup(name) };
	char path[400], *text = NULL;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	f = fopen(path, "re");
	if (!f)
		bad(&l, "cannot read %s", path);
	while (getline(&text, &cap, f) > 0) {
		l.number++;
		text[strcspn(text, "\n")] = '\0';
		split(t, &l, text);
		take_line(t, &l, text);
	}
	free(text);
	fclose(f);
}

void table_read(struct table *t, const char *dir, const char *world, const char *const *files, size_t n_files)
{
	*t = (struct table){ .n_rows = 0 };
	snprintf(t->dir, sizeof(t->dir), "%s", dir);
	snprintf(t->world, sizeof(t->world), "%s", world);
	read_file(t, "world.rows");
	for (size_t i = 0; i < n_files; i++)
		read_file(t, files[i]);
}
