// SPDX-License-Identifier: Apache-2.0
/*
 * `extends`: presets are read before the text that names them, each once. Lists are joined. What a policy has one of (mode, record, defaults,
 * limits, surfaces) is what the text says that extends the others; where two presets of which neither extends the other differ, the policy
 * must say it itself, so that the order of `extends` means nothing.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/model.h"
#include "policy/parse.h"
#include "policy/preset.h"

static const struct vantio_preset_set *presets_of(const struct vantio_parse *c)
{
	return c->expand && c->expand->presets ? c->expand->presets : &vantio_presets;
}

/* ---- naming a preset ---- */

static void bad(struct vantio_parse *c, const struct vantio_toml_node *item, const char *text)
{
	vantio_parse_error(c, item->pos, "%s: %s", vantio_parse_quote(item->string, item->string_len).text, text);
	c->partial = true;
}

/* The preset that `item` names, or NULL after saying what is wrong. */
static const struct vantio_preset *find_preset(struct vantio_parse *c, const struct vantio_toml_node *item)
{
	const struct vantio_preset *found = vantio_parse_has_nul(item) ? NULL : vantio_preset_find(presets_of(c), item->string);
	const bool prefixed = strncmp(item->string, VANTIO_PRESET_PREFIX, strlen(VANTIO_PRESET_PREFIX)) == 0;
	const char *near = vantio_preset_nearest(presets_of(c), item->string + (prefixed ? strlen(VANTIO_PRESET_PREFIX) : 0));
	char text[160];

	if (found && prefixed)
		return found;
	if (found)
		snprintf(text, sizeof(text), "write \"%s\": what is extended is a preset", found->origin);
	else if (near)
		snprintf(text, sizeof(text), "there is no such preset: did you mean \"" VANTIO_PRESET_PREFIX "%s\"?", near);
	else if (prefixed)
		snprintf(text, sizeof(text), "there is no such preset: 'vantioctl policy presets' lists them");
	else
		snprintf(text, sizeof(text), "only presets can be extended, as in \"preset:python\", and no files: 'vantioctl policy presets' lists them");
	bad(c, item, text);
	return NULL;
}

/* ---- reading a preset ---- */

/* Every place of the tree is one of `origin`. */
static void stamp(struct vantio_toml_node *node, const char *origin)
{
	node->pos.preset = node->key_pos.preset = origin;
	for (size_t i = 0; i < node->n; i++)
		stamp(&node->items[i], origin);
}

static void read_preset(struct vantio_parse *c, const struct vantio_preset *preset)
{
	cleanup_toml struct vantio_toml_node *root = NULL;
	struct vantio_error why = { 0 };
	struct vantio_pos pos;

	if (vantio_toml_parse(preset->text, preset->len, &root, &pos, &why) < 0) {
		pos.preset = preset->origin;
		vantio_parse_error(c, pos, "%s", why.text);
		return;
	}
	stamp(root, preset->origin);
	vantio_parse_text(c, root);
}

/* The layer of a preset, read if it was not yet; NULL after saying why it cannot be. */
static struct vantio_layer *layer_of(struct vantio_parse *c, const struct vantio_toml_node *item, const struct vantio_preset *preset)
{
	struct vantio_layer *extending = c->layer, *layer;

	for (size_t i = 1; i < c->n_layers; i++) {
		if (c->layers[i].origin != preset->origin)
			continue;
		if (c->layers[i].open)
			bad(c, item, "it is extended by what it extends: a circle");
		return c->layers[i].open ? NULL : &c->layers[i];
	}
	if (c->depth == VANTIO_EXTENDS_DEPTH || c->n_layers == VANTIO_LAYERS_MAX) {
		bad(c, item, c->depth == VANTIO_EXTENDS_DEPTH ? "presets that extend each other more than 8 deep" : "more than 32 presets");
		return NULL;
	}
	layer = &c->layers[c->n_layers++];
	layer->origin = preset->origin;
	layer->open = true;
	c->layer = layer;
	c->depth++;
	read_preset(c, preset);
	c->depth--;
	c->layer = extending;
	layer->open = false;
	c->policy->extends[c->policy->n_extends++] = preset->origin;
	return layer;
}

static void extend(struct vantio_parse *c, const struct vantio_toml_node *item)
{
	const struct vantio_preset *preset = find_preset(c, item);
	const struct vantio_layer *layer = preset ? layer_of(c, item, preset) : NULL;

	if (layer)
		c->layer->below |= layer->below | 1ull << (layer - c->layers);
}

static void extend_all(struct vantio_parse *c, const struct vantio_toml_node *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct vantio_toml_node *item = &list->items[i];
		bool twice = false;

		if (item->type != VANTIO_TOML_STRING) {
			vantio_parse_error(c, item->pos, "a preset must be a string such as \"preset:python\", not %s", vantio_toml_type_name(item->type));
			c->partial = true;
			continue;
		}
		for (size_t k = 0; k < i && !twice; k++)
			twice = list->items[k].type == VANTIO_TOML_STRING && list->items[k].string_len == item->string_len &&
				memcmp(list->items[k].string, item->string, item->string_len) == 0;
		if (twice)
			bad(c, item, "the list holds it twice: remove one");
		else
			extend(c, item);
	}
}

void vantio_parse_extends(struct vantio_parse *c, const struct vantio_toml_node *root)
{
	const struct vantio_toml_node *item = vantio_toml_get(root, "extends");

	if (!item)
		return;
	if (!c->layer->origin)
		c->extends_pos = item->key_pos;
	if (item->type == VANTIO_TOML_STRING) {
		extend(c, item);
	} else if (item->type == VANTIO_TOML_ARRAY && item->n) {
		extend_all(c, item);
	} else {
		vantio_parse_error(c, item->pos, item->type == VANTIO_TOML_ARRAY ? "\"extends\" names no preset: name one or remove the line" :
				   "\"extends\" must be a preset, as in \"preset:python\", or a list of presets, not %s", vantio_toml_type_name(item->type));
		c->partial = true;
	}
}

/* ---- when all are read ---- */

static bool limit_equal(const struct vantio_limit *a, const struct vantio_limit *b)
{
	return a->max == b->max && a->per_ns == b->per_ns && a->action == b->action;
}

static bool says(const struct vantio_layer *layer, int word, int limit)
{
	return word >= 0 ? layer->words[word].said : layer->limits[limit].set;
}

static struct vantio_pos place(const struct vantio_layer *layer, int word, int limit)
{
	return word >= 0 ? layer->words[word].pos : layer->limits[limit].pos;
}

/* The layer that decides on a word, or else a limit; NULL where none says it. Where two that do not extend each other differ, `key` is reported. */
static const struct vantio_layer *decide(struct vantio_parse *c, int word, int limit, const char *section, const char *key)
{
	const struct vantio_layer *found = NULL;
	struct vantio_pos a, b;
	uint64_t beaten = 0;

	for (size_t i = 0; i < c->n_layers; i++)
		if (says(&c->layers[i], word, limit))
			beaten |= c->layers[i].below;
	for (size_t i = 0; i < c->n_layers; i++) {
		const struct vantio_layer *layer = &c->layers[i];

		if (beaten >> i & 1 || !says(layer, word, limit))
			continue;
		if (!found) {
			found = layer;
			continue;
		}
		if (word >= 0 ? found->words[word].second == layer->words[word].second : limit_equal(&found->limits[limit], &layer->limits[limit]))
			continue;
		a = place(found, word, limit);
		b = place(layer, word, limit);
		vantio_parse_error(c, c->extends_pos, "%s:%u and %s:%u differ in %s%s: say here which it is, for neither extends the other",
				   vantio_pos_file(a, ""), a.line, vantio_pos_file(b, ""), b.line, section, key);
		break;
	}
	return found;
}

static bool decide_word(struct vantio_parse *c, enum vantio_word word, const char *section, const char *key, struct vantio_pos *ret)
{
	const struct vantio_layer *layer = decide(c, (int)word, -1, section, key);

	if (layer && ret)
		*ret = layer->words[word].pos;
	return layer && layer->words[word].second;
}

static void settle_default(struct vantio_parse *c, size_t i, const char *section)
{
	const struct vantio_pos own = c->section_pos[i];
	char where[24];
	bool said = false;

	snprintf(where, sizeof(where), "[%s] ", section);
	for (size_t k = 0; k < c->n_layers; k++)
		said = said || c->layers[k].words[VANTIO_WORD_DEFAULT + i].said;
	c->policy->default_allow[i] = decide_word(c, VANTIO_WORD_DEFAULT + i, where, "default", &c->policy->default_pos[i]);
	if (said || c->partial)
		return;
	if (own.line)
		vantio_parse_error(c, own, "[%s] has no default: add default = \"deny\" or \"allow\"", section);
	else
		vantio_parse_error(c, VANTIO_POS_TOP, "[%s] is missing: add it, with default = \"deny\" or \"allow\"", section);
}

void vantio_parse_settle(struct vantio_parse *c)
{
	static const char *const sections[3] = { "file", "exec", "network" };
	struct vantio_policy *p = c->policy;
	const struct vantio_layer *layer;

	vantio_parse_settle_rules(c);
	p->audit = decide_word(c, VANTIO_WORD_MODE, "", "mode", NULL);
	p->record_all = decide_word(c, VANTIO_WORD_RECORD, "", "record", NULL);
	p->loss_block = decide_word(c, VANTIO_WORD_ON_LOSS, "", "on_loss", NULL);
	for (size_t i = 0; i < 3; i++)
		settle_default(c, i, sections[i]);
	for (size_t i = 0; i < VANTIO_SURFACE_MAX; i++)
		p->kernel_allow[i] = decide_word(c, VANTIO_WORD_KERNEL + i, "[kernel] ", vantio_surface_names[i], &p->kernel_pos[i]);
	for (size_t i = 0; i < VANTIO_LIMIT_MAX; i++) {
		layer = decide(c, -1, (int)i, "[limits] ", vantio_limit_names[i]);
		if (layer)
			p->limits[i] = layer->limits[i];
	}
}
