// SPDX-License-Identifier: Apache-2.0
#include "policy/diff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/model.h"

struct diff {
	const struct vantio_policy *old, *new;
	struct vantio_changes *out;
	bool failed;
};

void vantio_changes_free(struct vantio_changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->items[i].old.text);
		free(c->items[i].new.text);
	}
	free(c->items);
	*c = (struct vantio_changes){ 0 };
}

/* The place of one more change, its sides empty; NULL when memory ran out. */
static struct vantio_change *add(struct diff *d, const char *key)
{
	struct vantio_changes *c = d->out;
	struct vantio_change *grown;

	if (c->n == c->cap) {
		grown = reallocarray(c->items, c->cap ? c->cap * 2 : 32, sizeof(*grown));
		if (!grown) {
			d->failed = true;
			return NULL;
		}
		c->items = grown;
		c->cap = c->cap ? c->cap * 2 : 32;
	}
	c->items[c->n] = (struct vantio_change){ .rule = false };
	snprintf(c->items[c->n].key, sizeof(c->items[c->n].key), "%s", key);
	return &c->items[c->n++];
}

static void put(struct diff *d, struct vantio_change_side *side, const char *text, struct vantio_pos pos)
{
	side->text = strdup(text);
	side->pos = pos;
	d->failed |= !side->text;
}

/* A setting; NULL where a policy lacks it. */
static void compare(struct diff *d, const char *key, const char *old, struct vantio_pos old_pos, const char *new,
		    struct vantio_pos new_pos)
{
	struct vantio_change *c;

	if (old && new ? !strcmp(old, new) : old == new)
		return;
	c = add(d, key);
	if (c && old)
		put(d, &c->old, old, old_pos);
	if (c && new)
		put(d, &c->new, new, new_pos);
}

static void compare_word(struct diff *d, const char *key, const char *old, const char *new)
{
	compare(d, key, old, (struct vantio_pos){ 0 }, new, (struct vantio_pos){ 0 });
}

static const char *verdict(bool allow)
{
	return allow ? "allow" : "deny";
}

/* ---- lists: both are sorted and hold nothing twice ---- */

static void compare_cgroups(struct diff *d)
{
	const struct vantio_policy *a = d->old, *b = d->new;
	size_t i = 0, j = 0;
	int r;

	while (i < a->n_cgroups || j < b->n_cgroups) {
		r = i == a->n_cgroups ? 1 : j == b->n_cgroups ? -1 : strcmp(a->cgroups[i], b->cgroups[j]);
		if (r)
			compare_word(d, "agent.cgroup", r < 0 ? a->cgroups[i] : NULL, r < 0 ? NULL : b->cgroups[j]);
		i += r <= 0;
		j += r >= 0;
	}
}

static void add_rule(struct diff *d, enum vantio_list list, size_t number, bool is_new)
{
	const struct vantio_rule *rule = &(is_new ? d->new : d->old)->lists[list].items[number];
	struct vantio_change *c = add(d, vantio_list_name(list));
	struct vantio_change_side *side;

	if (!c)
		return;
	side = is_new ? &c->new : &c->old;
	c->rule = true;
	side->number = (uint32_t)number;
	put(d, side, rule->text, rule->pos);
}

static int by_spelling(struct diff *d, const struct vantio_rule *a, const struct vantio_rule *b)
{
	cleanup_buf struct vantio_buf x = VANTIO_BUF_INIT, y = VANTIO_BUF_INIT;

	vantio_rule_spell(a, &x);
	vantio_rule_spell(b, &y);
	if (x.failed || y.failed) {
		d->failed = true;
		return 0;
	}
	return strcmp(x.data ? x.data : "", y.data ? y.data : "");
}

static void compare_rules(struct diff *d, enum vantio_list list)
{
	const struct vantio_rules *a = &d->old->lists[list], *b = &d->new->lists[list];
	size_t i = 0, j = 0;
	int r;

	while (i < a->n || j < b->n) {
		r = i == a->n ? 1 : j == b->n ? -1 : by_spelling(d, &a->items[i], &b->items[j]);
		if (r)
			add_rule(d, list, r < 0 ? i : j, r > 0);
		i += r <= 0;
		j += r >= 0;
	}
}

/* ---- the rest ---- */

static void spell_limit(const struct vantio_limit *limit, struct vantio_buf *out)
{
	vantio_buf_printf(out, "%" PRIu64 " in ", limit->max);
	vantio_duration_spell(limit->per_ns, out);
	vantio_buf_printf(out, ": %s", vantio_limit_action_name(limit->action));
}

static void compare_limits(struct diff *d)
{
	for (size_t i = 0; i < VANTIO_LIMIT_MAX; i++) {
		const struct vantio_limit *a = &d->old->limits[i], *b = &d->new->limits[i];
		cleanup_buf struct vantio_buf x = VANTIO_BUF_INIT, y = VANTIO_BUF_INIT;
		char key[40];

		if (a->set)
			spell_limit(a, &x);
		if (b->set)
			spell_limit(b, &y);
		d->failed |= x.failed || y.failed;
		snprintf(key, sizeof(key), "limits.%s", vantio_limit_names[i]);
		compare(d, key, a->set ? x.data : NULL, a->pos, b->set ? y.data : NULL, b->pos);
	}
}

static void compare_kernel(struct diff *d)
{
	char key[40];

	for (size_t i = 0; i < VANTIO_SURFACE_MAX; i++) {
		snprintf(key, sizeof(key), "kernel.%s", vantio_surface_names[i]);
		compare(d, key, verdict(d->old->kernel_allow[i]), d->old->kernel_pos[i], verdict(d->new->kernel_allow[i]),
			d->new->kernel_pos[i]);
	}
}

int vantio_policy_diff(const struct vantio_policy *old, const struct vantio_policy *new, struct vantio_changes *ret,
		       struct vantio_error *err)
{
	static const struct {
		const char *key;
		enum vantio_list first, end;
	} sections[3] = {
		{ "file.default", VANTIO_LIST_FILE_READ, VANTIO_LIST_EXEC_ALLOW },
		{ "exec.default", VANTIO_LIST_EXEC_ALLOW, VANTIO_LIST_NET_CONNECT },
		{ "network.default", VANTIO_LIST_NET_CONNECT, VANTIO_LIST_MAX },
	};
	cleanup_changes struct vantio_changes changes = { 0 };
	struct diff d = { old, new, &changes, false };

	compare_word(&d, "mode", old->audit ? "audit" : "enforce", new->audit ? "audit" : "enforce");
	compare_word(&d, "record", old->record_all ? "all" : "denied", new->record_all ? "all" : "denied");
	compare_word(&d, "on_loss", old->loss_block ? "block" : "continue", new->loss_block ? "block" : "continue");
	compare_word(&d, "agent.svid", old->svid, new->svid);
	compare_cgroups(&d);
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(sections); i++) {
		compare(&d, sections[i].key, verdict(old->default_allow[i]), old->default_pos[i], verdict(new->default_allow[i]),
			new->default_pos[i]);
		for (enum vantio_list list = sections[i].first; list < sections[i].end; list++)
			compare_rules(&d, list);
	}
	compare_limits(&d);
	compare_kernel(&d);
	if (d.failed)
		return vantio_fail(err, ENOMEM, "out of memory");
	*ret = changes;
	changes = (struct vantio_changes){ 0 };
	return 0;
}
