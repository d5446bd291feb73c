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
	for (i = 0; i < r->n_deny; i++)
		free(r->deny[i].glob);
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

/* What the ports of this host are gathered under; NULL for other targets. */
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
	return out.len ? vantio_buf_steal(&out) : NULL;
}

static int by_list_and_text(const void *a, const void *b)
{
	const struct vantio_learned_rule *x = a, *y = b;

	return x->list != y->list ? (x->list < y->list ? -1 : 1) : strcmp(x->text, y->text);
}

/* The port of a server that took any that was free is another one the next time. */
static bool takes_any_port(const struct vantio_learn *l)
{
	uint32_t i;

	for (i = 0; i < l->n_nets; i++)
		if (l->nets[i].list == VANTIO_LIST_NET_LISTEN && l->nets[i].any_port)
			return true;
	return false;
}

static struct vantio_learned_rule *find_host(const struct vantio_learned *hosts, enum vantio_list list, const char *text)
{
	size_t i;

	for (i = 0; i < hosts->n; i++)
		if (hosts->rules[i].list == list && !strcmp(hosts->rules[i].text, text))
			return &hosts->rules[i];
	return NULL;
}

/* The ports of this host, gathered: as if all of them were one rule. */
static int gather_hosts(const struct vantio_learn *l, struct vantio_learned *hosts, struct vantio_error *err)
{
	uint32_t i;
	int r = 0;

	for (i = 0; i < l->n_nets && !r; i++) {
		const struct net_target *t = &l->nets[i];
		cleanup_free char *host = host_of(t->text);
		struct vantio_learned_rule *known = host ? find_host(hosts, t->list, host) : NULL;

		if (known) {
			known->names++;
			known->count += t->count;
		} else if (host) {
			r = add(hosts, (struct vantio_learned_rule){ .list = t->list, .text = vantio_take(host), .by = vantio_learn_by_text(l, &t->by),
								     .count = t->count, .names = 1, .folded = true }, err);
		}
	}
	return r;
}

/* Servers of tests take any port that is free: many ports of this host are all that anybody may take. */
static int add_nets(const struct vantio_learn *l, struct vantio_learned *ret, struct vantio_error *err)
{
	const uint32_t many = takes_any_port(l) ? 0 : l->many;
	struct vantio_learned hosts = { 0 };
	size_t i;
	int r = gather_hosts(l, &hosts, err);

	for (i = 0; i < l->n_nets && !r; i++) { /* few ports are themselves */
		const struct net_target *t = &l->nets[i];
		cleanup_free char *host = host_of(t->text);
		const struct vantio_learned_rule *all = host ? find_host(&hosts, t->list, host) : NULL;

		if (!all || all->names <= many)
			r = add(ret, (struct vantio_learned_rule){ .list = t->list, .count = t->count, .names = 1, .text = strdup(t->text),
								   .folded = t->any_port, .by = vantio_learn_by_text(l, &t->by) }, err);
	}
	for (i = 0; i < hosts.n && !r; i++)
		if (hosts.rules[i].names > many) {
			r = add(ret, hosts.rules[i], err);
			hosts.rules[i].text = hosts.rules[i].by = NULL;
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
static bool is_near(const struct vantio_learned *r, const struct vantio_place_entry *place)
{
	const size_t head = strcspn(place->glob + 1, "/{*") + 1;
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct vantio_learned_rule *rule = &r->rules[i];

		if (!rule->folded)
			continue;
		if (place->kind == PLACE_NET) { /* an address is never opened but as it was seen */
			if (!strncmp(rule->text, "unix:", 5) && !strncmp(place->glob, "unix:", 5))
				return true;
		} else if (place->kind == PLACE_PROGRAM) {
			if (rule->list == VANTIO_LIST_EXEC_ALLOW && !strstr(rule->text, "*.so"))
				return true;
		} else if (rule->list <= VANTIO_LIST_FILE_WRITE && (place->glob[0] == '*' || !strncmp(rule->text, place->glob, head))) {
			return true;
		}
	}
	return false;
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
	const enum vantio_list lists[] = { VANTIO_LIST_FILE_DENY, VANTIO_LIST_FILE_DENY_WRITE, VANTIO_LIST_EXEC_DENY, VANTIO_LIST_NET_DENY };
	size_t i, j;

	for (i = 0; l->base && i < VANTIO_ARRAY_SIZE(lists); i++)
		for (j = 0; j < l->base->lists[lists[i]].n; j++)
			if (!strcmp(l->base->lists[lists[i]].items[j].text, glob))
				return true;
	return false;
}

static enum vantio_list list_of_place(const struct vantio_place_entry *place)
{
	static const enum vantio_list lists[] = {
		[PLACE_SECRET] = VANTIO_LIST_FILE_DENY, [PLACE_OBEYED] = VANTIO_LIST_FILE_DENY_WRITE,
		[PLACE_PROGRAM] = VANTIO_LIST_EXEC_DENY, [PLACE_NET] = VANTIO_LIST_NET_DENY,
	};

	return lists[place->kind];
}

static int add_deny(struct vantio_learned *r, enum vantio_list list, char *glob, struct vantio_error *err)
{
	struct vantio_learned_deny *grown = glob ? reallocarray(r->deny, r->n_deny + 1, sizeof(*grown)) : NULL;

	if (!grown) {
		free(glob);
		return vantio_fail(err, ENOMEM, "out of memory");
	}
	r->deny = grown;
	grown[r->n_deny++] = (struct vantio_learned_deny){ list, glob };
	return 0;
}

/*
 * With a base, whose own rules stay as they are: below what was learned beside it, and nowhere else. An entry each: in one glob of them
 * all, what ends in "**" would multiply its states.
 */
static int add_denies_below(const struct vantio_learn *l, const struct vantio_learned_rule *rule, struct vantio_learned *ret, struct vantio_error *err)
{
	const char *star = strrchr(rule->text, '/');
	const bool writes = rule->list == VANTIO_LIST_FILE_WRITE;
	const struct vantio_place_entry *place;
	size_t i;
	int r = 0;

	if (!rule->folded || rule->list > VANTIO_LIST_FILE_WRITE || (strcmp(star, "/**") != 0 && strcmp(star, "/*") != 0))
		return 0;
	for (i = 0; (place = vantio_place_nth(i)) && !r; i++) {
		char *glob = NULL;

		if (place->glob[0] != '*' || (place->kind != PLACE_SECRET && (place->kind != PLACE_OBEYED || !writes)) || is_opened(l, place))
			continue;
		if (asprintf(&glob, "%.*s/%s", (int)(star - rule->text), rule->text, place->glob) < 0)
			glob = NULL;
		r = add_deny(ret, list_of_place(place), glob, err);
	}
	return r;
}

static int add_denies(struct vantio_learn *l, struct vantio_learned *ret, struct vantio_error *err)
{
	const struct vantio_place_entry *place;
	size_t i;
	int r = 0;

	for (i = 0; (place = vantio_place_nth(i)) && !r; i++) {
		if (place->kind == PLACE_OBEYED && place->glob[0] != '*')
			continue; /* no rule for writing is folded there */
		if (l->base && place->glob[0] == '*')
			continue;
		if (is_near(ret, place) && !is_opened(l, place) && !base_denies(l, place->glob))
			r = add_deny(ret, list_of_place(place), strdup(place->glob), err);
	}
	for (i = 0; l->base && i < ret->n && !r; i++)
		r = add_denies_below(l, &ret->rules[i], ret, err);
	return r;
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
