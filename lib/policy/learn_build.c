// SPDX-License-Identifier: Apache-2.0
/* All rules of a learned policy: those of the tree, of addresses, of what was opened by name, and what is denied below them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/glob.h"
#include "policy/learn_internal.h"
#include "policy/net_rule.h"

void vantio_learned_clear(struct vantio_learned *r)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		free(r->rules[i].text);
		free(r->rules[i].by);
	}
	free(r->rules);
	free(r->deny);
	*r = (struct vantio_learned){ 0 };
}

static int add(struct vantio_learned *r, struct vantio_learned_rule rule, struct vantio_error *err)
{
	struct vantio_learned_rule *grown = rule.text && rule.by ? reallocarray(r->rules, r->n + 1, sizeof(*grown)) : NULL;

	if (!grown) {
		free(rule.text);
		free(rule.by);
		return vantio_fail(err, ENOMEM, "out of memory");
	}
	r->rules = grown;
	grown[r->n++] = rule;
	return 0;
}

/* ---- addresses ---- */

static bool is_loopback(const struct vantio_net_rule *n)
{
	static const uint8_t loop6[16] = { [15] = 1 };

	return n->kind == VANTIO_NET_ADDRESS && (n->family == 4 ? n->addr[0] == 127 && n->prefix == 32 : !memcmp(n->addr, loop6, 16));
}

/* The target without its port, which is what the ports of this host are gathered under; NULL for others. */
static char *host_of(const char *text)
{
	struct vantio_buf out = VANTIO_BUF_INIT;
	struct vantio_net_rule n;
	struct vantio_error ignored;

	if (!strncmp(text, "unix:", 5) || vantio_net_rule_parse(text, strlen(text), &n, &ignored))
		return NULL;
	if (is_loopback(&n) && n.port_lo == n.port_hi && n.port_lo >= 1024) {
		n.port_lo = 1024;
		n.port_hi = 65535;
		vantio_net_rule_spell(&n, &out);
	}
	vantio_net_rule_free(&n);
	return vantio_buf_steal(&out);
}

static int by_list_and_text(const void *a, const void *b)
{
	const struct vantio_learned_rule *x = a, *y = b;

	return x->list != y->list ? (x->list < y->list ? -1 : 1) : strcmp(x->text, y->text);
}

/* Servers of tests take any port that is free: many ports of this host are all of them that anybody may take. */
static int add_nets(const struct vantio_learn *l, struct vantio_learned *ret, struct vantio_error *err)
{
	struct vantio_learned hosts = { 0 };
	size_t i, j;
	int r = 0;

	for (i = 0; i < l->n_nets && !r; i++) {
		const struct net_target *t = &l->nets[i];
		struct vantio_learned_rule rule = { .list = t->list, .count = t->count, .names = 1 };

		rule.text = host_of(t->text);
		rule.folded = rule.text && *rule.text;
		if (!rule.folded) {
			free(rule.text);
			rule.text = strdup(t->text);
			rule.by = vantio_learn_by_text(l, &t->by);
			r = add(ret, rule, err);
			continue;
		}
		for (j = 0; j < hosts.n; j++)
			if (hosts.rules[j].list == t->list && !strcmp(hosts.rules[j].text, rule.text))
				break;
		if (j == hosts.n) {
			rule.by = vantio_learn_by_text(l, &t->by);
			r = add(&hosts, rule, err);
		} else {
			free(rule.text);
			hosts.rules[j].names++;
			hosts.rules[j].count += t->count;
		}
	}
	for (i = 0; i < l->n_nets && !r; i++) { /* few ports are themselves */
		cleanup_free char *host = host_of(l->nets[i].text);

		for (j = 0; host && *host && j < hosts.n; j++)
			if (hosts.rules[j].list == l->nets[i].list && !strcmp(hosts.rules[j].text, host) && hosts.rules[j].names <= l->many)
				r = add(ret, (struct vantio_learned_rule){ .list = l->nets[i].list, .count = l->nets[i].count, .names = 1,
									   .text = strdup(l->nets[i].text),
									   .by = vantio_learn_by_text(l, &l->nets[i].by) }, err);
	}
	for (j = 0; j < hosts.n && !r; j++)
		if (hosts.rules[j].names > l->many) {
			r = add(ret, hosts.rules[j], err);
			hosts.rules[j].text = hosts.rules[j].by = NULL;
		}
	vantio_learned_clear(&hosts);
	return r;
}

/* ---- questions ---- */

static const char *path_of(const char *target)
{
	return strncmp(target, "unix:/", 6) ? target : target + 5;
}

static int add_named(const struct vantio_learn_question *q, struct vantio_learned *ret, struct vantio_error *err)
{
	struct vantio_learned_rule rule = { .list = q->list, .count = q->count, .names = 1, .by = strdup(q->by ? q->by : "") };
	struct vantio_buf text = VANTIO_BUF_INIT;
	const char *path = path_of(q->target);

	if (path != q->target)
		vantio_buf_puts(&text, "unix:");
	if (path[0] == '/')
		vantio_learn_spell(&text, path, strlen(path));
	else
		vantio_buf_puts(&text, path);
	rule.text = vantio_buf_steal(&text);
	return add(ret, rule, err);
}

static int add_opened(struct vantio_learn *l, struct vantio_learned *ret, struct vantio_error *err)
{
	uint32_t i;
	int r = 0, surface;

	ret->surfaces = 0;
	for (i = 0; i < l->n_questions && !r; i++) {
		struct vantio_learn_question *q = &l->questions[i];
		const struct by by = { .exes = { q->exes[0], q->exes[1] }, .more = q->more_exes };

		free(q->by);
		q->by = vantio_learn_by_text(l, &by);
		if (!q->by)
			return vantio_fail(err, ENOMEM, "out of memory");
		if (!q->open)
			continue;
		if (q->list < VANTIO_LIST_MAX) {
			r = add_named(q, ret, err);
			continue;
		}
		for (surface = 0; surface < VANTIO_SURFACE_MAX; surface++)
			if (!strcmp(vantio_surface_name((enum vantio_surface)surface), q->target))
				ret->surfaces |= 1u << surface;
	}
	return r;
}

/* ---- deny ---- */

/* Whether a rule that opens more than was seen may reach below the glob's first component. */
static bool is_near(const struct vantio_learn *l, const struct vantio_learned *r, const struct vantio_place_entry *place)
{
	const size_t head = strcspn(place->glob + 1, "/{*") + 1;
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct vantio_learned_rule *rule = &r->rules[i];

		if (place->kind == PLACE_NET ? rule->list < VANTIO_LIST_NET_CONNECT : rule->list > VANTIO_LIST_FILE_WRITE)
			continue;
		if (rule->folded && (place->kind == PLACE_NET || place->glob[0] == '*' || !strncmp(rule->text, place->glob, head)))
			return true;
	}
	return l->base != NULL;
}

/* Whether what was opened would be denied by it. */
static bool is_opened(const struct vantio_learn *l, const struct vantio_place_entry *place)
{
	const char *path;
	uint32_t i;

	for (i = 0; i < l->n_questions; i++) {
		const struct vantio_learn_question *q = &l->questions[i];

		if (!q->open || q->list == VANTIO_LIST_MAX)
			continue;
		path = path_of(q->target);
		if (place == vantio_place_find(l, q->list, q->target) ||
		    (q->list <= VANTIO_LIST_FILE_WRITE && (place->kind == PLACE_SECRET || (place->kind == PLACE_OBEYED && q->list == VANTIO_LIST_FILE_WRITE)) &&
		     vantio_glob_match(place->glob, strlen(place->glob), path, strlen(path))))
			return true;
	}
	return false;
}

static bool base_denies(const struct vantio_learn *l, const char *glob)
{
	const enum vantio_list lists[] = { VANTIO_LIST_FILE_DENY, VANTIO_LIST_FILE_DENY_WRITE, VANTIO_LIST_NET_DENY };
	size_t i, j;

	for (i = 0; l->base && i < VANTIO_ARRAY_SIZE(lists); i++)
		for (j = 0; j < l->base->lists[lists[i]].n; j++)
			if (!strcmp(l->base->lists[lists[i]].items[j].text, glob))
				return true;
	return false;
}

static enum vantio_list list_of_place(const struct vantio_place_entry *place)
{
	return place->kind == PLACE_SECRET ? VANTIO_LIST_FILE_DENY : place->kind == PLACE_OBEYED ? VANTIO_LIST_FILE_DENY_WRITE : VANTIO_LIST_NET_DENY;
}

static int add_denies(struct vantio_learn *l, struct vantio_learned *ret, struct vantio_error *err)
{
	const struct vantio_place_entry *place;
	size_t i, n = 0;

	free(ret->deny);
	while (vantio_place_nth(n))
		n++;
	ret->n_deny = 0;
	ret->deny = calloc(n, sizeof(*ret->deny));
	if (!ret->deny)
		return vantio_fail(err, ENOMEM, "out of memory");
	for (i = 0; i < n; i++) {
		place = vantio_place_nth(i);
		if (place->kind == PLACE_OBEYED && place->glob[0] != '*')
			continue; /* no rule for writing is folded there */
		if (is_near(l, ret, place) && !is_opened(l, place) && !base_denies(l, place->glob))
			ret->deny[ret->n_deny++] = (struct vantio_learned_deny){ list_of_place(place), place->glob };
	}
	return 0;
}

/* ---- all ---- */

static void settle(struct vantio_learned *r)
{
	size_t i, n = 0;

	if (r->n)
		qsort(r->rules, r->n, sizeof(*r->rules), by_list_and_text);
	for (i = 0; i < r->n; i++) {
		if (n && !by_list_and_text(&r->rules[n - 1], &r->rules[i])) {
			r->rules[n - 1].count += r->rules[i].count;
			free(r->rules[i].text);
			free(r->rules[i].by);
			continue;
		}
		r->rules[n++] = r->rules[i];
	}
	r->n = n;
}

int vantio_learn_build(struct vantio_learn *l, struct vantio_learned *ret, struct vantio_error *err)
{
	struct vantio_learned out = { 0 };
	int r = vantio_learn_fold(l, &out, err);

	if (!r)
		r = add_nets(l, &out, err);
	if (!r)
		r = add_opened(l, &out, err);
	if (!r)
		r = add_denies(l, &out, err);
	if (r) {
		vantio_learned_clear(&out);
		return r;
	}
	settle(&out);
	vantio_learned_clear(ret);
	*ret = out;
	return 0;
}
