// SPDX-License-Identifier: Apache-2.0
/* The tree of nodes and the table of byte sets (nfa.h). */
#include "policy/nfa.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SETS_MAX (1u << 22)

static bool grow(struct vantio_nfa *nfa, void *array, uint32_t n, uint32_t *cap, uint32_t max, size_t size)
{
	uint32_t want = *cap ? *cap + *cap / 2 : 64;
	void *grown;

	if (nfa->error)
		return false;
	if (n < *cap)
		return true;
	if (n >= max) {
		nfa->error = E2BIG;
		return false;
	}
	grown = realloc(*(void **)array, want * size);
	if (!grown) {
		nfa->error = ENOMEM;
		return false;
	}
	*(void **)array = grown;
	*cap = want;
	return true;
}

uint32_t vantio_nfa_node(struct vantio_nfa *nfa)
{
	if (!grow(nfa, &nfa->nodes, nfa->n_nodes, &nfa->cap_nodes, VANTIO_NFA_NODES_MAX, sizeof(*nfa->nodes)))
		return VANTIO_NFA_NONE;
	nfa->nodes[nfa->n_nodes] = (struct vantio_nfa_node){ .edges = VANTIO_NFA_NONE, .owner = nfa->owner };
	return nfa->n_nodes++;
}

void vantio_nfa_link(struct vantio_nfa *nfa, uint32_t from, uint32_t label, uint32_t to)
{
	if (!grow(nfa, &nfa->edges, nfa->n_edges, &nfa->cap_edges, 2 * VANTIO_NFA_NODES_MAX, sizeof(*nfa->edges)))
		return;
	nfa->edges[nfa->n_edges] = (struct vantio_nfa_edge){ label, to, nfa->nodes[from].edges };
	nfa->nodes[from].edges = nfa->n_edges++;
}

uint32_t vantio_nfa_child(struct vantio_nfa *nfa, uint32_t node, uint32_t label)
{
	uint32_t e, to;

	if (nfa->error)
		return VANTIO_NFA_NONE;
	for (e = nfa->nodes[node].edges; e != VANTIO_NFA_NONE; e = nfa->edges[e].next)
		if (nfa->edges[e].label == label)
			return nfa->edges[e].to;
	to = vantio_nfa_node(nfa);
	if (to != VANTIO_NFA_NONE)
		vantio_nfa_link(nfa, node, label, to);
	return nfa->error ? VANTIO_NFA_NONE : to;
}

void vantio_nfa_accept(struct vantio_nfa *nfa, uint32_t node, uint8_t mask)
{
	if (!nfa->error)
		nfa->nodes[node].accept |= mask;
}

static uint32_t set_hash(const struct vantio_byte_set *set)
{
	uint64_t h = 0;
	int i;

	for (i = 0; i < 4; i++) {
		h = (h ^ set->bits[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	return (uint32_t)(h >> 16);
}

static void rehash_sets(struct vantio_nfa *nfa)
{
	const uint32_t cap = nfa->cap_table ? nfa->cap_table * 2 : 64;
	uint32_t *table = calloc(cap, sizeof(*table)), i, at;

	if (!table) {
		nfa->error = ENOMEM;
		return;
	}
	for (i = 0; i < nfa->n_sets; i++) {
		for (at = set_hash(&nfa->sets[i]) & (cap - 1); table[at]; at = (at + 1) & (cap - 1))
			;
		table[at] = i + 1;
	}
	free(nfa->set_table);
	nfa->set_table = table;
	nfa->cap_table = cap;
}

uint32_t vantio_nfa_set(struct vantio_nfa *nfa, const struct vantio_byte_set *set)
{
	uint32_t at, i, bits = 0, last = 0;

	for (i = 0; i < 4; i++) {
		bits += (uint32_t)__builtin_popcountll(set->bits[i]);
		if (set->bits[i])
			last = i * 64 + 63 - (uint32_t)__builtin_clzll(set->bits[i]);
	}
	if (bits == 1)
		return VANTIO_NFA_LABEL(VANTIO_NFA_BYTE, last);
	if (!nfa->error && (nfa->n_sets + 1) * 2 > nfa->cap_table)
		rehash_sets(nfa);
	if (nfa->error)
		return 0;
	for (at = set_hash(set) & (nfa->cap_table - 1); nfa->set_table[at]; at = (at + 1) & (nfa->cap_table - 1))
		if (!memcmp(&nfa->sets[nfa->set_table[at] - 1], set, sizeof(*set)))
			return VANTIO_NFA_LABEL(VANTIO_NFA_SET, nfa->set_table[at] - 1);
	if (!grow(nfa, &nfa->sets, nfa->n_sets, &nfa->cap_sets, SETS_MAX, sizeof(*nfa->sets)))
		return 0;
	nfa->sets[nfa->n_sets] = *set;
	nfa->set_table[at] = ++nfa->n_sets;
	return VANTIO_NFA_LABEL(VANTIO_NFA_SET, nfa->n_sets - 1);
}

void vantio_nfa_init(struct vantio_nfa *nfa)
{
	struct vantio_byte_set set;

	*nfa = (struct vantio_nfa){ .owner = VANTIO_NFA_NONE };
	vantio_nfa_node(nfa);
	vantio_nfa_node(nfa);
	memset(&set, 0xff, sizeof(set));
	vantio_nfa_set(nfa, &set);
	set.bits['/' >> 6] &= ~(1ull << ('/' & 63));
	vantio_nfa_set(nfa, &set);
}

void vantio_nfa_free(struct vantio_nfa *nfa)
{
	free(nfa->nodes);
	free(nfa->edges);
	free(nfa->sets);
	free(nfa->set_table);
	*nfa = (struct vantio_nfa){ 0 };
}

void vantio_nfa_add_bytes(struct vantio_nfa *nfa, const void *bytes, size_t len, uint8_t mask)
{
	uint32_t node = VANTIO_NFA_START;
	size_t i;

	for (i = 0; i < len && node != VANTIO_NFA_NONE; i++)
		node = vantio_nfa_child(nfa, node, VANTIO_NFA_LABEL(VANTIO_NFA_BYTE, ((const uint8_t *)bytes)[i]));
	vantio_nfa_accept(nfa, node, mask);
}

/* What a node accepts at once and, if it absorbs anything, what a slash leads it to absorb. */
static void look_ahead(const struct vantio_nfa *nfa, uint32_t n, uint8_t *now, uint8_t *over_slash, int depth)
{
	const struct vantio_nfa_edge *edge;
	uint32_t e;

	*now |= nfa->nodes[n].accept;
	for (e = nfa->nodes[n].edges; e != VANTIO_NFA_NONE; e = edge->next) {
		edge = &nfa->edges[e];
		if (VANTIO_NFA_KIND(edge->label) == VANTIO_NFA_ENTER)
			*over_slash |= nfa->nodes[edge->to].absorb;
		else if (VANTIO_NFA_EMPTY(VANTIO_NFA_KIND(edge->label)) && depth)
			look_ahead(nfa, edge->to, now, over_slash, depth - 1);
	}
}

/*
 * A node with a loop over every byte accepts for good what it accepts at once; one with a loop over a component's bytes does so
 * until a slash, and for good if the slash leads to a node that does.
 */
static void fill_absorb(struct vantio_nfa *nfa, uint32_t n, uint32_t set)
{
	const uint32_t loop = VANTIO_NFA_LABEL(VANTIO_NFA_LOOP, set);
	uint8_t now = 0, over_slash = 0;
	uint32_t e;

	for (e = nfa->nodes[n].edges; e != VANTIO_NFA_NONE && nfa->edges[e].label != loop; e = nfa->edges[e].next)
		;
	if (e == VANTIO_NFA_NONE)
		return;
	look_ahead(nfa, n, &now, &over_slash, 1);
	if (set == VANTIO_NFA_SET_ANY) {
		nfa->nodes[n].absorb = now;
	} else {
		nfa->nodes[n].absorb = now & over_slash;
		nfa->nodes[n].local = now;
	}
}

/* Gives a node the slashes of the boundaries behind it, so that it absorbs without them. */
static void adopt_slashes(struct vantio_nfa *nfa, uint32_t n)
{
	uint32_t e, f, next;

	for (e = nfa->nodes[n].edges; e != VANTIO_NFA_NONE; e = next) {
		next = nfa->edges[e].next;
		if (!VANTIO_NFA_EMPTY(VANTIO_NFA_KIND(nfa->edges[e].label)))
			continue;
		for (f = nfa->nodes[nfa->edges[e].to].edges; f != VANTIO_NFA_NONE; f = nfa->edges[f].next)
			if (VANTIO_NFA_KIND(nfa->edges[f].label) == VANTIO_NFA_ENTER)
				vantio_nfa_link(nfa, n, nfa->edges[f].label, nfa->edges[f].to);
	}
}

static bool reads_slash(const struct vantio_nfa *nfa, uint32_t label)
{
	switch (VANTIO_NFA_KIND(label)) {
	case VANTIO_NFA_BYTE:
	case VANTIO_NFA_ENTER:
		return VANTIO_NFA_VALUE(label) == '/';
	case VANTIO_NFA_SET:
	case VANTIO_NFA_LOOP:
		return vantio_byte_set_has(&nfa->sets[VANTIO_NFA_VALUE(label)], '/');
	default:
		return false;
	}
}

/* Takes over from the targets of a node's edges; whether anything was new. */
static bool spread(struct vantio_nfa *nfa, struct vantio_nfa_node *node)
{
	uint8_t reach = node->reach | node->accept;
	bool crosses = node->crosses, changed;
	uint32_t e;

	for (e = node->edges; e != VANTIO_NFA_NONE; e = nfa->edges[e].next) {
		reach |= nfa->nodes[nfa->edges[e].to].reach;
		crosses |= reads_slash(nfa, nfa->edges[e].label) || nfa->nodes[nfa->edges[e].to].crosses;
	}
	changed = reach != node->reach || crosses != node->crosses;
	node->reach = reach;
	node->crosses = crosses;
	return changed;
}

void vantio_nfa_finish(struct vantio_nfa *nfa)
{
	bool changed = true;
	uint32_t n;

	if (nfa->error)
		return;
	/* Children have higher numbers than their parents, so that one round settles the tree and few the loops. */
	while (changed) {
		changed = false;
		for (n = nfa->n_nodes; n-- > 0;)
			changed |= spread(nfa, &nfa->nodes[n]);
	}
	for (n = 0; n < nfa->n_nodes; n++)
		fill_absorb(nfa, n, VANTIO_NFA_SET_ANY);
	for (n = 0; n < nfa->n_nodes; n++) {
		fill_absorb(nfa, n, VANTIO_NFA_SET_COMPONENT);
		if (nfa->nodes[n].absorb && nfa->nodes[n].local)
			adopt_slashes(nfa, n);
	}
	nfa->nodes[VANTIO_NFA_ROOT_MARK].reach = 0xff;
	nfa->nodes[VANTIO_NFA_ROOT_MARK].crosses = true;
}

/* ---- whom to blame ------------------------------------------------------------------------------- */

struct count {
	uint32_t owner, n;
};

static int by_owner(const void *a, const void *b)
{
	const uint32_t x = ((const struct count *)a)->owner, y = ((const struct count *)b)->owner;

	return x < y ? -1 : x > y;
}

static struct count take_most(struct count *counts, size_t n)
{
	struct count best = { VANTIO_NFA_NONE, 0 };
	size_t i, at = 0;

	for (i = 0; i < n; i++) {
		if (counts[i].n > best.n && counts[i].owner != VANTIO_NFA_NONE) {
			best = counts[i];
			at = i;
		}
	}
	if (best.n)
		counts[at].n = 0;
	return best;
}

void vantio_nfa_blame(const struct vantio_nfa *nfa, const uint32_t *hits, size_t n_hits, struct vantio_blame *ret)
{
	struct count *counts = calloc(nfa->n_nodes + 1, sizeof(*counts)), most;
	size_t i, n = 0;

	ret->n = 0;
	if (!counts)
		return;
	for (i = 0; i < nfa->n_nodes; i++)
		counts[i] = (struct count){ nfa->nodes[i].owner, !hits };
	for (i = 0; i < n_hits; i++)
		counts[hits[i]].n++;
	qsort(counts, nfa->n_nodes, sizeof(*counts), by_owner);
	for (i = 0; i < nfa->n_nodes; i++) {
		if (n && counts[n - 1].owner == counts[i].owner)
			counts[n - 1].n += counts[i].n;
		else
			counts[n++] = counts[i];
	}
	while (ret->n < VANTIO_BLAME_MAX) {
		most = take_most(counts, n);
		if (!most.n)
			break;
		ret->owners[ret->n++] = most.owner;
	}
	free(counts);
}
