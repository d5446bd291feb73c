// SPDX-License-Identifier: Apache-2.0
/* [limits] and [kernel]. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/model.h"
#include "policy/parse.h"

#define LIMIT_MAX_MAX 1000000000ll              /* what a counter of attempts holds with room to spare */
#define LIMIT_PER_MAX (30ull * 24 * 3600 * 1000000000ull)

static bool parse_max(struct vantio_parse *c, const struct vantio_toml_node *table, struct vantio_limit *limit)
{
	const struct vantio_toml_node *item = vantio_parse_member(c, table, "max", VANTIO_TOML_INTEGER);

	if (!item)
		return false;
	if (item->integer < 0 || item->integer > LIMIT_MAX_MAX) {
		vantio_parse_error(c, item->pos, "\"max\" is a number of attempts from 0 to 1000000000, not %lld",
				   (long long)item->integer);
		return false;
	}
	limit->max = (uint64_t)item->integer;
	return true;
}

static bool parse_per(struct vantio_parse *c, const struct vantio_toml_node *table, struct vantio_limit *limit)
{
	const struct vantio_toml_node *item = vantio_toml_get(table, "per");

	if (!item)
		return false;
	if (item->type != VANTIO_TOML_STRING) {
		vantio_parse_error(c, item->pos, "\"per\" must be a duration such as \"60s\", in quotes, not %s",
				   vantio_toml_type_name(item->type));
		return false;
	}
	if (vantio_parse_has_nul(item) || !vantio_parse_duration(item->string, &limit->per_ns)) {
		vantio_parse_error(c, item->pos, "\"per\" must be a number with ms, s, m or h behind it, such as \"60s\", not %s",
				   vantio_parse_quote(item->string, item->string_len).text);
		return false;
	}
	if (limit->per_ns == 0 || limit->per_ns > LIMIT_PER_MAX) {
		vantio_parse_error(c, item->pos, "\"per\" must be from \"1ms\" to \"720h\", not %s",
				   vantio_parse_quote(item->string, item->string_len).text);
		return false;
	}
	return true;
}

static void parse_limit(struct vantio_parse *c, const struct vantio_toml_node *item, const char *name,
			struct vantio_limit *limit)
{
	static const char *const known[] = { "max", "per", "action" };
	static const char *const actions[] = { "block", "quarantine", "killswitch" };
	static const enum vantio_decision decisions[] = { VANTIO_BLOCK, VANTIO_QUARANTINE, VANTIO_KILLSWITCH };
	char where[48];
	bool good;
	int action;

	snprintf(where, sizeof(where), "[limits.%s]", name);
	if (item->type != VANTIO_TOML_TABLE) {
		vantio_parse_error(c, item->pos, "\"%s\" must be a table such as { max = 50, per = \"60s\", action = \"quarantine\" }, not %s",
				   name, vantio_toml_type_name(item->type));
		return;
	}
	vantio_parse_keys(c, item, where, known, VANTIO_ARRAY_SIZE(known));
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(known); i++)
		if (!vantio_toml_get(item, known[i]))
			vantio_parse_error(c, item->key_pos, "\"%s\" is missing in %s: a limit needs max, per and action", known[i], where);
	good = parse_max(c, item, limit);
	good &= parse_per(c, item, limit);
	action = vantio_parse_choice(c, item, "action", actions, VANTIO_ARRAY_SIZE(actions));
	if (!good || action < 0)
		return;
	limit->action = decisions[action];
	limit->pos = item->key_pos;
	limit->set = true;
}

void vantio_parse_limits(struct vantio_parse *c, const struct vantio_toml_node *root)
{
	const struct vantio_toml_node *limits = vantio_parse_member(c, root, "limits", VANTIO_TOML_TABLE);

	if (!limits)
		return;
	vantio_parse_keys(c, limits, "[limits]", vantio_limit_names, VANTIO_LIMIT_MAX);
	for (size_t i = 0; i < VANTIO_LIMIT_MAX; i++) {
		const struct vantio_toml_node *item = vantio_toml_get(limits, vantio_limit_names[i]);

		if (item)
			parse_limit(c, item, vantio_limit_names[i], &c->layer->limits[i]);
	}
}

void vantio_parse_kernel(struct vantio_parse *c, const struct vantio_toml_node *root)
{
	const struct vantio_toml_node *kernel = vantio_parse_member(c, root, "kernel", VANTIO_TOML_TABLE);

	if (!kernel)
		return;
	vantio_parse_keys(c, kernel, "[kernel]", vantio_surface_names, VANTIO_SURFACE_MAX);
	for (size_t i = 0; i < VANTIO_SURFACE_MAX; i++)
		vantio_parse_word(c, kernel, vantio_surface_names[i], VANTIO_WORD_KERNEL + i);
}
