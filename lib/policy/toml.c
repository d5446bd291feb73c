// SPDX-License-Identifier: Apache-2.0
/*
 * What goes before and after toml++: the guards on the raw text, and the tree's places from code points into bytes and its
 * members into the text's order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/toml_shim.h"

#define BOM     "\xef\xbb\xbf"
#define BOM_LEN 3

static void free_members(struct vantio_toml_node *node)
{
	for (size_t i = 0; i < node->n; i++)
		free_members(&node->items[i]);
	free(node->items);
	free(node->key);
	free(node->string);
}

void vantio_toml_free(struct vantio_toml_node *root)
{
	if (!root)
		return;
	free_members(root);
	free(root);
}

const struct vantio_toml_node *vantio_toml_get(const struct vantio_toml_node *table, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < table->n; i++)
		if (table->items[i].key_len == len && memcmp(table->items[i].key, key, len) == 0)
			return &table->items[i];
	return NULL;
}

const char *vantio_toml_type_name(enum vantio_toml_type type)
{
	static const char *const names[] = {
		[VANTIO_TOML_TABLE] = "a table",     [VANTIO_TOML_ARRAY] = "a list",
		[VANTIO_TOML_STRING] = "a string",   [VANTIO_TOML_INTEGER] = "a number",
		[VANTIO_TOML_BOOLEAN] = "a boolean", [VANTIO_TOML_FLOAT] = "a fraction",
		[VANTIO_TOML_DATE] = "a date",
	};

	return (size_t)type < VANTIO_ARRAY_SIZE(names) ? names[type] : "something else";
}

/* ---- places ---- */

#define BLOCK 64u /* bytes that share one entry of the count of code points */

/* Turns line and column in code points into line and column in bytes, in steps that do not grow with the line. */
struct places {
	const unsigned char *text;
	size_t len;
	bool ascii;          /* nothing to turn */
	size_t *lines;       /* owned: where each line begins */
	size_t n_lines;
	uint32_t *points;    /* owned: code points that begin before block i */
	size_t n_blocks;
};

static void free_places(struct places *p)
{
	free(p->lines);
	free(p->points);
}

static bool begins_point(unsigned char c)
{
	return (c & 0xc0) != 0x80;
}

static int index_places(struct places *p, const char *text, size_t len)
{
	uint32_t points = 0;

	*p = (struct places){ .text = (const unsigned char *)text, .len = len, .ascii = true };
	for (size_t i = 0; i < len; i++) {
		p->ascii = p->ascii && p->text[i] < 0x80;
		p->n_lines += text[i] == '\n';
	}
	if (p->ascii)
		return 0;
	p->lines = calloc(p->n_lines + 1, sizeof(*p->lines));
	p->points = calloc(len / BLOCK + 1, sizeof(*p->points));
	if (!p->lines || !p->points)
		return -ENOMEM;
	p->n_lines = 1;
	for (size_t i = 0; i < len; i++) {
		if (i % BLOCK == 0)
			p->points[p->n_blocks++] = points;
		points += begins_point(p->text[i]);
		if (text[i] == '\n')
			p->lines[p->n_lines++] = i + 1;
	}
	return 0;
}

/* Code points that begin before byte `at`. */
static uint32_t points_before(const struct places *p, size_t at)
{
	size_t block = at / BLOCK < p->n_blocks ? at / BLOCK : p->n_blocks - 1;
	uint32_t n = p->points[block];

	for (size_t i = block * BLOCK; i < at; i++)
		n += begins_point(p->text[i]);
	return n;
}

static void turn_place(const struct places *p, struct vantio_pos *pos)
{
	uint32_t want;
	size_t start, low, high;

	if (p->ascii || pos->line == 0 || pos->line > p->n_lines)
		return;
	start = p->lines[pos->line - 1];
	want = points_before(p, start) + pos->col - 1;
	low = start / BLOCK;
	high = p->n_blocks;
	while (high > low + 1) { /* the last block before which at most `want` points begin */
		size_t middle = low + (high - low) / 2;

		if (p->points[middle] <= want)
			low = middle;
		else
			high = middle;
	}
	for (uint32_t n = p->points[low], i = (uint32_t)(low * BLOCK); i <= p->len; i++) {
		if (i == p->len || (begins_point(p->text[i]) && n++ == want)) {
			pos->col = i - (uint32_t)start + 1;
			return;
		}
	}
}

static int by_place(const void *a, const void *b)
{
	const struct vantio_pos *x = &((const struct vantio_toml_node *)a)->key_pos;
	const struct vantio_pos *y = &((const struct vantio_toml_node *)b)->key_pos;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->col < y->col ? -1 : x->col > y->col;
}

static void turn_tree(const struct places *p, struct vantio_toml_node *node)
{
	turn_place(p, &node->pos);
	if (node->key)
		turn_place(p, &node->key_pos);
	if (node->type == VANTIO_TOML_TABLE && node->n > 1)
		qsort(node->items, node->n, sizeof(*node->items), by_place);
	for (size_t i = 0; i < node->n; i++)
		turn_tree(p, &node->items[i]);
}

/* ---- guards ---- */

struct guard {
	const char *text;
	size_t len, at;
	uint32_t line;
	size_t line_start;
	size_t dots, values;
};

static struct vantio_pos guard_pos(const struct guard *g)
{
	return (struct vantio_pos){ .line = g->line, .col = (uint32_t)(g->at - g->line_start) + 1 };
}

static bool guard_sees(const struct guard *g, const char *what)
{
	size_t n = strlen(what);

	return g->len - g->at >= n && memcmp(g->text + g->at, what, n) == 0;
}

static void guard_newline(struct guard *g)
{
	g->line++;
	g->line_start = g->at + 1;
}

/* From the opening quote to behind the closing one; a string that is not closed ends with its line, where toml++ stops. */
static void guard_string(struct guard *g)
{
	char quote = g->text[g->at];
	const char *triple = quote == '"' ? "\"\"\"" : "'''";
	bool multi = guard_sees(g, triple);

	g->at += multi ? 3 : 1;
	for (; g->at < g->len; g->at++) {
		char c = g->text[g->at];

		if (c == '\n') {
			if (!multi)
				return;
			guard_newline(g);
		} else if (c == '\\' && quote == '"') {
			g->at++;
			if (g->at < g->len && g->text[g->at] == '\n')
				guard_newline(g);
		} else if (c == quote && (!multi || guard_sees(g, triple))) {
			g->at += multi ? 3 : 1;
			for (int i = 0; multi && i < 2 && g->at < g->len && g->text[g->at] == quote; i++)
				g->at++;
			return;
		}
	}
	if (g->at > g->len)
		g->at = g->len;
}

static bool guard_digits(const struct guard *g, size_t from, size_t n)
{
	for (size_t i = g->at + from; i < g->at + from + n; i++)
		if (i >= g->len || g->text[i] < '0' || g->text[i] > '9')
			return false;
	return true;
}

/* Dates and times, of which a policy has no use and whose reader in toml++ 3.3 is the part that breaks. */
static bool guard_date(const struct guard *g)
{
	if (guard_digits(g, 0, 4) && guard_digits(g, 5, 2) && g->len - g->at > 7 && g->text[g->at + 4] == '-' && g->text[g->at + 7] == '-')
		return true;
	return guard_digits(g, 0, 2) && g->len - g->at > 2 && g->text[g->at + 2] == ':';
}

static int guard_token(struct guard *g, struct vantio_error *err)
{
	char c = g->text[g->at];

	if (guard_date(g)) {
		return vantio_fail(err, EINVAL, "a date or time is no value of a policy: if it is a string, put quotes around it");
	} else if ((unsigned char)c >= 0x80) {
		return vantio_fail(err, EINVAL, "only strings and comments hold letters beyond ASCII: put quotes around it");
	} else if (c == 0x7f || (c < ' ' && c != '\t' && c != '\r' && c != '\n')) {
		return vantio_fail(err, EINVAL, "the control character 0x%02x has no place in a policy", (unsigned char)c);
	} else if (c == '\n') {
		guard_newline(g);
		g->dots = 0;
	} else if (c == '.' && ++g->dots >= VANTIO_TOML_DEPTH_MAX) {
		return vantio_fail(err, EINVAL, "a dotted key of more than %u parts; no key of a policy has more than 3",
				   VANTIO_TOML_DEPTH_MAX);
	} else if (c == ',' || c == '=' || c == '[' || c == '{') {
		g->dots = 0;
		if (++g->values > VANTIO_TOML_VALUES_MAX)
			return vantio_fail(err, EFBIG, "more than %u values; a policy holds at most %u rules",
					   VANTIO_TOML_VALUES_MAX, VANTIO_POLICY_RULES_MAX);
	}
	g->at++;
	return 0;
}

static int guard_text(const char *text, size_t len, struct vantio_pos *ret_pos, struct vantio_error *err)
{
	struct guard g = { .text = text, .len = len, .line = 1 };

	int r = 0;

	while (g.at < g.len && r == 0) {
		if (text[g.at] == '"' || text[g.at] == '\'') {
			guard_string(&g);
		} else if (text[g.at] == '#') {
			const char *end = memchr(text + g.at, '\n', len - g.at);

			g.at = end ? (size_t)(end - text) : len;
		} else {
			r = guard_token(&g, err);
		}
	}
	if (r < 0)
		*ret_pos = guard_pos(&g);
	return r;
}

static int guard_utf8(const char *text, size_t len, struct vantio_pos *ret_pos, struct vantio_error *err)
{
	struct guard g = { .text = text, .len = len, .line = 1 };

	if (vantio_utf8_valid(text, len))
		return 0;
	while (g.at < len) {
		size_t n = 1;

		while (n <= 4 && n <= len - g.at && !vantio_utf8_valid(text + g.at, n))
			n++;
		if (n > 4 || n > len - g.at)
			break;
		if (text[g.at] == '\n')
			guard_newline(&g);
		g.at += n;
	}
	*ret_pos = guard_pos(&g);
	return vantio_fail(err, EINVAL, "the byte 0x%02x is not UTF-8, which TOML is written in; in a rule write the byte as '\\x%02x' (with single quotes)",
			   (unsigned char)text[g.at], (unsigned char)text[g.at]);
}

/* ---- both ---- */

static int fail_syntax(const struct vantio_toml_problem *problem, struct vantio_error *err)
{
	static const char noise[] = "Error while parsing ";
	const char *what = problem->message;
	cleanup_free char *safe = NULL;
	bool noisy = strncmp(what, noise, strlen(noise)) == 0;

	if (noisy)
		what += strlen(noise);
	safe = vantio_escape_dup(what, strlen(what));
	if (!safe)
		return vantio_fail(err, ENOMEM, "out of memory");
	return vantio_fail(err, EINVAL, "not TOML: %s%s", noisy ? "in " : "", safe);
}

int vantio_toml_parse(const char *text, size_t len, struct vantio_toml_node **ret, struct vantio_pos *ret_pos,
		      struct vantio_error *err)
{
	struct vantio_toml_problem problem = { .pos = VANTIO_POS_TOP };
	cleanup_toml struct vantio_toml_node *root = NULL;
	struct places places;
	int r;

	*ret_pos = VANTIO_POS_TOP;
	if (len > VANTIO_TOML_TEXT_MAX)
		return vantio_fail(err, EFBIG, "the text is %zu bytes; a policy is at most %u bytes (16 MiB)", len,
				   VANTIO_TOML_TEXT_MAX);
	if (len >= BOM_LEN && memcmp(text, BOM, BOM_LEN) == 0) {
		text += BOM_LEN;
		len -= BOM_LEN;
	}
	r = guard_utf8(text, len, ret_pos, err);
	if (r < 0)
		return r;
	r = guard_text(text, len, ret_pos, err);
	if (r < 0)
		return r;
	r = index_places(&places, text, len);
	if (r == 0)
		r = vantio_toml_shim_parse(text, len, &root, &problem);
	if (r == 0) {
		turn_tree(&places, root);
	} else if (r == -EINVAL) {
		turn_place(&places, &problem.pos);
		*ret_pos = problem.pos;
	}
	free_places(&places);
	if (r == -EINVAL)
		return fail_syntax(&problem, err);
	if (r < 0)
		return vantio_fail(err, ENOMEM, "out of memory");
	*ret = vantio_take(root);
	return 0;
}
