// SPDX-License-Identifier: Apache-2.0
#include "policy/cases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/model.h"
#include "policy/toml_shim.h"

void vantio_cases_free(struct vantio_cases *c)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		free(c->items[i].op);
		free(c->items[i].target);
		free(c->items[i].target2);
	}
	free(c->items);
	*c = (struct vantio_cases){ 0 };
}

static void unknown_keys(const struct vantio_toml_node *table, const char *const *known, size_t n, struct vantio_diagnostics *diags)
{
	cleanup_buf struct vantio_buf names = VANTIO_BUF_INIT;
	size_t i, k;

	for (k = 0; k < n; k++)
		vantio_buf_printf(&names, "%s%s", k ? ", " : "", known[k]);
	for (i = 0; i < table->n; i++) {
		const struct vantio_toml_node *item = &table->items[i];
		cleanup_free char *safe = NULL;
		const char *near;

		for (k = 0; k < n && strcmp(known[k], item->key); k++)
			;
		if (k < n && strlen(item->key) == item->key_len)
			continue;
		safe = vantio_escape_dup(item->key, item->key_len < 64 ? item->key_len : 64);
		near = vantio_nearest(item->key, known, n);
		if (near)
			vantio_diagnostics_add(diags, false, item->key_pos, "unknown key \"%s\": did you mean \"%s\"?", safe ? safe : "", near);
		else
			vantio_diagnostics_add(diags, false, item->key_pos, "unknown key \"%s\": known are %s", safe ? safe : "",
					       names.data ? names.data : "");
	}
}

/* The string of a key, copied; NULL if it is not there or is wrong, which is said. */
static char *take_string(const struct vantio_toml_node *table, const char *key, bool required, struct vantio_diagnostics *diags)
{
	const struct vantio_toml_node *item = vantio_toml_get(table, key);

	if (!item && required)
		vantio_diagnostics_add(diags, false, table->pos, "the case has no \"%s\"", key);
	if (!item)
		return NULL;
	if (item->type != VANTIO_TOML_STRING) {
		vantio_diagnostics_add(diags, false, item->pos, "\"%s\" must be a string, not %s", key, vantio_toml_type_name(item->type));
		return NULL;
	}
	if (strlen(item->string) != item->string_len) {
		vantio_diagnostics_add(diags, false, item->pos, "\"%s\" holds the byte 0, which no name does", key);
		return NULL;
	}
	return strdup(item->string);
}

static void take_case(const struct vantio_toml_node *table, struct vantio_case *ret, struct vantio_diagnostics *diags)
{
	static const char *const known[] = { "op", "target", "target2", "verdict" };
	cleanup_free char *verdict = NULL;

	ret->pos = table->pos;
	if (table->type != VANTIO_TOML_TABLE) {
		vantio_diagnostics_add(diags, false, table->pos, "a case is a table with op, target and verdict, not %s",
				       vantio_toml_type_name(table->type));
		return;
	}
	unknown_keys(table, known, VANTIO_ARRAY_SIZE(known), diags);
	ret->op = take_string(table, "op", true, diags);
	ret->target = take_string(table, "target", false, diags);
	ret->target2 = take_string(table, "target2", false, diags);
	verdict = take_string(table, "verdict", true, diags);
	ret->allow = verdict && !strcmp(verdict, "allow");
	if (verdict && !ret->allow && strcmp(verdict, "deny"))
		vantio_diagnostics_add(diags, false, vantio_toml_get(table, "verdict")->pos, "\"verdict\" is \"allow\" or \"deny\"");
}

static int take_cases(const struct vantio_toml_node *root, struct vantio_cases *cases, struct vantio_diagnostics *diags,
		      struct vantio_error *err)
{
	static const char *const known[] = { "case" };
	const struct vantio_toml_node *list = vantio_toml_get(root, "case");
	size_t i;

	unknown_keys(root, known, 1, diags);
	if (!list || list->type != VANTIO_TOML_ARRAY || !list->n) {
		vantio_diagnostics_add(diags, false, list ? list->pos : VANTIO_POS_TOP,
				       "there is no case: each begins with a line [[case]] and has op, target and verdict");
		return 0;
	}
	cases->items = calloc(list->n, sizeof(*cases->items));
	if (!cases->items)
		return vantio_fail(err, ENOMEM, "out of memory");
	for (i = 0; i < list->n; i++)
		take_case(&list->items[i], &cases->items[cases->n++], diags);
	return 0;
}

int vantio_cases_parse(const char *text, size_t len, struct vantio_cases *ret, struct vantio_diagnostics *diags,
		       struct vantio_error *err)
{
	cleanup_toml struct vantio_toml_node *root = NULL;
	cleanup_cases struct vantio_cases cases = { 0 };
	struct vantio_pos pos = VANTIO_POS_TOP;
	int r = vantio_toml_parse(text, len, &root, &pos, err);

	if (r < 0) {
		vantio_diagnostics_add(diags, false, pos, "%s", err->text);
		return r;
	}
	r = take_cases(root, &cases, diags, err);
	if (r < 0)
		return r;
	vantio_diagnostics_sort(diags);
	if (diags->n_errors)
		return vantio_fail(err, EINVAL, "%s", diags->items[0].text);
	*ret = cases;
	cases = (struct vantio_cases){ 0 };
	return 0;
}
