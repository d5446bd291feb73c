// SPDX-License-Identifier: Apache-2.0
/*
 * TOML tree -> typed policy. Every check reports and goes on, so that a text's errors come all at once; whether the policy
 * is good is asked once, at the end. What is missing is said at the section that should hold it, or at line 1.
 */
#include "policy/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "base/text.h"
#include "policy/model.h"

#define SCHEMA 1

void vantio_parse_error(struct vantio_parse *c, struct vantio_pos pos, const char *fmt, ...)
{
	char text[VANTIO_ERROR_TEXT + VANTIO_QUOTE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vantio_diagnostics_add(c->diags, false, pos, "%s", text);
}

struct vantio_quote vantio_parse_quote(const char *bytes, size_t len)
{
	struct vantio_quote quote = { "" };
	cleanup_buf struct vantio_buf escaped = VANTIO_BUF_INIT;
	size_t room = VANTIO_QUOTE_MAX - 6, n = len;

	if (n > room)
		n = room;
	while (n < len && n > 0 && ((unsigned char)bytes[n] & 0xc0) == 0x80)
		n--; /* not through a character */
	vantio_escape(&escaped, bytes, n);
	if (escaped.failed)
		return quote;
	snprintf(quote.text, sizeof(quote.text), "\"%.*s%s\"", (int)room, escaped.data ? escaped.data : "",
		 n < len || escaped.len > room ? "..." : "");
	return quote;
}

bool vantio_parse_has_nul(const struct vantio_toml_node *string)
{
	return memchr(string->string, '\0', string->string_len) != NULL;
}

static void list_known(struct vantio_buf *out, const char *const *known, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vantio_buf_printf(out, "%s%s", i ? ", " : "", known[i]);
}

void vantio_parse_keys(struct vantio_parse *c, const struct vantio_toml_node *table, const char *where,
		       const char *const *known, size_t n_known)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct vantio_toml_node *item = &table->items[i];
		cleanup_buf struct vantio_buf names = VANTIO_BUF_INIT;
		const char *near;
		bool found = false;

		for (size_t k = 0; k < n_known; k++)
			found = found || (item->key_len == strlen(known[k]) && memcmp(item->key, known[k], item->key_len) == 0);
		if (found)
			continue;
		near = item->key_len < 64 ? vantio_nearest(item->key, known, n_known) : NULL;
		if (near) {
			vantio_parse_error(c, item->key_pos, "unknown key %s in %s: did you mean \"%s\"?",
					   vantio_parse_quote(item->key, item->key_len).text, where, near);
			continue;
		}
		list_known(&names, known, n_known);
		vantio_parse_error(c, item->key_pos, "unknown key %s in %s, which holds %s",
				   vantio_parse_quote(item->key, item->key_len).text, where, names.data ? names.data : "");
	}
}

const struct vantio_toml_node *vantio_parse_member(struct vantio_parse *c, const struct vantio_toml_node *table,
						   const char *key, enum vantio_toml_type type)
{
	const struct vantio_toml_node *item = vantio_toml_get(table, key);

	if (!item || item->type == type)
		return item;
	vantio_parse_error(c, type == VANTIO_TOML_TABLE ? item->key_pos : item->pos, "\"%s\" must be %s, not %s", key,
			   vantio_toml_type_name(type), vantio_toml_type_name(item->type));
	return NULL;
}

int vantio_parse_choice(struct vantio_parse *c, const struct vantio_toml_node *table, const char *key,
			const char *const *choices, size_t n_choices)
{
	const struct vantio_toml_node *item = vantio_parse_member(c, table, key, VANTIO_TOML_STRING);
	cleanup_buf struct vantio_buf names = VANTIO_BUF_INIT;

	if (!item)
		return -1;
	for (size_t i = 0; i < n_choices; i++) {
		if (item->string_len == strlen(choices[i]) && memcmp(item->string, choices[i], item->string_len) == 0)
			return (int)i;
		vantio_buf_printf(&names, "%s\"%s\"", i == 0 ? "" : i + 1 < n_choices ? ", " : " or ", choices[i]);
	}
	vantio_parse_error(c, item->pos, "\"%s\" must be %s, not %s", key, names.data ? names.data : "",
			   vantio_parse_quote(item->string, item->string_len).text);
	return -1;
}

/* ---- the top of the text ---- */

/* False if the text is of another schema, whose other keys cannot be judged. */
static bool parse_schema(struct vantio_parse *c, const struct vantio_toml_node *root)
{
	const struct vantio_toml_node *item = vantio_toml_get(root, "schema");

	if (!item) {
		vantio_parse_error(c, VANTIO_POS_TOP, "\"schema\" is missing: begin the policy with schema = %d", SCHEMA);
	} else if (item->type != VANTIO_TOML_INTEGER) {
		vantio_parse_error(c, item->pos, "\"schema\" must be the number %d, not %s", SCHEMA,
				   vantio_toml_type_name(item->type));
	} else if (item->integer != SCHEMA) {
		vantio_parse_error(c, item->pos, "schema %lld is not known here: this version reads schema %d",
				   (long long)item->integer, SCHEMA);
		return false;
	}
	return true;
}

static void parse_name(struct vantio_parse *c, const struct vantio_toml_node *root)
{
	const struct vantio_toml_node *item = vantio_parse_member(c, root, "name", VANTIO_TOML_STRING);
	bool good;

	if (!item) {
		if (!vantio_toml_get(root, "name"))
			vantio_parse_error(c, VANTIO_POS_TOP, "\"name\" is missing: add a line such as name = \"my-agent\"");
		return;
	}
	good = item->string_len >= 1 && item->string_len <= VANTIO_NAME_MAX;
	for (size_t i = 0; good && i < item->string_len; i++)
		good = item->string[i] != '\0' && strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", item->string[i]);
	if (good)
		memcpy(c->policy->name, item->string, item->string_len + 1);
	else
		vantio_parse_error(c, item->pos, "\"name\" is 1 to %d of a-z, 0-9, '.', '_' and '-', not %s", VANTIO_NAME_MAX,
				   vantio_parse_quote(item->string, item->string_len).text);
}

void vantio_parse_word(struct vantio_parse *c, const struct vantio_toml_node *table, const char *key, enum vantio_word word)
{
	static const char *const choices[][2] = {
		[VANTIO_WORD_MODE] = { "enforce", "audit" },
		[VANTIO_WORD_RECORD] = { "denied", "all" },
		[VANTIO_WORD_ON_LOSS] = { "continue", "block" },
		[VANTIO_WORD_DEFAULT] = { "deny", "allow" }, /* and all that follow */
	};
	const struct vantio_toml_node *item = vantio_toml_get(table, key);
	const enum vantio_word kind = word < VANTIO_WORD_DEFAULT ? word : VANTIO_WORD_DEFAULT;

	if (!item)
		return;
	c->layer->words[word].said = true;
	c->layer->words[word].pos = item->key_pos;
	c->layer->words[word].second = vantio_parse_choice(c, table, key, choices[kind], 2) == 1;
}

void vantio_parse_text(struct vantio_parse *c, const struct vantio_toml_node *root)
{
	static const char *const known[] = { "schema", "name",  "extends", "mode",    "record",	"on_loss",
					     "agent",  "file",  "exec",	   "network", "limits", "kernel" };

	if (!parse_schema(c, root)) {
		c->partial = true;
		return;
	}
	vantio_parse_keys(c, root, "the policy", known, VANTIO_ARRAY_SIZE(known));
	vantio_parse_extends(c, root);
	parse_name(c, root); /* the last text that is read is the policy's own */
	vantio_parse_word(c, root, "mode", VANTIO_WORD_MODE);
	vantio_parse_word(c, root, "record", VANTIO_WORD_RECORD);
	vantio_parse_word(c, root, "on_loss", VANTIO_WORD_ON_LOSS);
	vantio_parse_agent(c, root);
	vantio_parse_sections(c, root);
	vantio_parse_limits(c, root);
	vantio_parse_kernel(c, root);
}

static int hash_policy(struct vantio_policy *p, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf form = VANTIO_BUF_INIT;
	int r = vantio_policy_canonical(p, &form, err);

	if (r < 0)
		return r;
	vantio_sha256_of(p->hash, form.data, form.len);
	return 0;
}

/* The first error becomes the caller's. */
static int fail_first(const struct vantio_diagnostics *diags, const char *file, struct vantio_error *err)
{
	cleanup_free char *safe = vantio_escape_dup(file, strlen(file));

	for (size_t i = 0; safe && i < diags->n; i++) {
		const struct vantio_diagnostic *d = &diags->items[i];
		size_t more = diags->n_errors - 1;
		char rest[48] = "";

		if (d->warning)
			continue;
		if (more > 0)
			snprintf(rest, sizeof(rest), " (and %zu more error%s)", more, more == 1 ? "" : "s");
		return vantio_fail(err, EINVAL, "%.256s:%u:%u: %.640s%s", vantio_pos_file(d->pos, safe), d->pos.line, d->pos.col, d->text, rest);
	}
	return vantio_fail(err, ENOMEM, "out of memory");
}

int vantio_policy_parse(const char *text, size_t len, const char *file, const struct vantio_expand *expand,
			struct vantio_policy **ret, struct vantio_diagnostics *diags, struct vantio_error *err)
{
	cleanup_policy struct vantio_policy *policy = calloc(1, sizeof(*policy));
	cleanup_toml struct vantio_toml_node *root = NULL;
	cleanup_free struct vantio_layer *layers = calloc(VANTIO_LAYERS_MAX, sizeof(*layers));
	struct vantio_parse c = { .policy = policy, .layers = layers, .layer = layers, .n_layers = 1, .diags = diags, .expand = expand };
	struct vantio_error why = { 0 };
	struct vantio_pos pos;

	if (!policy || !layers)
		return vantio_fail(err, ENOMEM, "out of memory");
	policy->file = strdup(file);
	if (!policy->file)
		return vantio_fail(err, ENOMEM, "out of memory");
	if (vantio_toml_parse(text, len, &root, &pos, &why) < 0) {
		vantio_parse_error(&c, pos, "%s", why.text);
	} else {
		vantio_parse_text(&c, root);
		vantio_parse_settle(&c);
	}
	if (c.failed)
		return vantio_fail(err, ENOMEM, "out of memory");
	vantio_diagnostics_sort(diags);
	if (diags->n_errors > 0)
		return fail_first(diags, file, err);
	if (hash_policy(policy, err) < 0)
		return -err->code;
	*ret = vantio_take(policy);
	return 0;
}
