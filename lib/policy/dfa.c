// SPDX-License-Identifier: Apache-2.0
/*
 * Subset construction over sets of nodes that are kept once each (subset.c). A row is computed for the bytes that the set's edges
 * tell apart, not for all 256, and a set forgets the nodes that can add nothing to what it already accepts for good.
 */
#include "policy/dfa.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/subset.h"

/* ---- rows ---------------------------------------------------------------------------------------- */

static void note_kind(struct vantio_subset *b, uint32_t kind)
{
	size_t i, at;

	for (at = 0; at < b->n_kinds && b->kinds[at] < kind; at++)
		;
	if (at < b->n_kinds && b->kinds[at] == kind)
		return;
	if (b->n_kinds == VANTIO_ARRAY_SIZE(b->kinds)) {
		b->too_much = "classes in one place";
		return;
	}
	for (i = b->n_kinds++; i > at; i--)
		b->kinds[i] = b->kinds[i - 1];
	b->kinds[at] = kind;
}

/* Sorts the edges of the set by what they read. */
static void gather_edges(struct vantio_subset *b, uint32_t state)
{
	const struct vantio_nfa_edge *edge;
	const uint32_t *set;
	uint32_t e;
	size_t n, i;

	set = vantio_subset_set_of(b, state, &n);
	b->by_set.n = b->by_byte.n = b->n_kinds = 0;
	for (i = 0; i < n && !vantio_subset_failed(b); i++) {
		for (e = b->nfa->nodes[set[i]].edges; e != VANTIO_NFA_NONE; e = edge->next) {
			edge = &b->nfa->edges[e];
			b->work++;
			switch (VANTIO_NFA_KIND(edge->label)) {
			case VANTIO_NFA_BYTE:
			case VANTIO_NFA_ENTER:
				vantio_subset_push(b, &b->by_byte, VANTIO_NFA_VALUE(edge->label));
				vantio_subset_push(b, &b->by_byte, edge->to);
				break;
			case VANTIO_NFA_SET:
			case VANTIO_NFA_LOOP:
				vantio_subset_push(b, &b->by_set, VANTIO_NFA_VALUE(edge->label));
				vantio_subset_push(b, &b->by_set, edge->to);
				note_kind(b, VANTIO_NFA_VALUE(edge->label));
				break;
			default:
				break;
			}
		}
	}
}

/* Splits the bytes into classes that the row's sets do not tell apart; the last split is kept, as most rows share it. */
static void split_bytes(struct vantio_subset *b)
{
	int fresh[256];
	size_t k, n = 1;
	unsigned int c;

	if (b->n_classes && b->n_split_kinds == b->n_kinds &&
	    !memcmp(b->split_kinds, b->kinds, b->n_kinds * sizeof(*b->kinds)))
		return;
	memset(b->class_of, 0, sizeof(b->class_of));
	for (k = 0; k < b->n_kinds && n < 256; k++) {
		const struct vantio_byte_set *set = &b->nfa->sets[b->kinds[k]];
		bool out[256] = { false };

		memset(fresh, 0xff, sizeof(fresh));
		for (c = 0; c < 256; c++)
			out[b->class_of[c]] |= !vantio_byte_set_has(set, (uint8_t)c);
		for (c = 0; c < 256; c++) {
			const uint8_t old = b->class_of[c];

			/* A class that lies wholly in the set keeps its number. */
			if (!vantio_byte_set_has(set, (uint8_t)c) || !out[old])
				continue;
			if (fresh[old] < 0)
				fresh[old] = (int)n++;
			b->class_of[c] = (uint8_t)fresh[old];
		}
	}
	memset(b->class_size, 0, sizeof(b->class_size));
	for (c = 0; c < 256; c++) {
		b->class_size[b->class_of[c]]++;
		b->class_byte[b->class_of[c]] = (uint8_t)c;
	}
	b->n_classes = n;
	b->n_split_kinds = b->n_kinds;
	memcpy(b->split_kinds, b->kinds, b->n_kinds * sizeof(*b->kinds));
}

/* The nodes that a byte leads to by the sets, and by the byte edges from by_byte[from] on that read it. */
static void gather_targets(struct vantio_subset *b, uint8_t byte, size_t *from)
{
	size_t i;

	vantio_subset_begin_closure(b);
	for (i = 0; i + 1 < b->by_set.n; i += 2)
		if (vantio_byte_set_has(&b->nfa->sets[b->by_set.items[i]], byte))
			vantio_subset_close_over(b, b->by_set.items[i + 1]);
	b->work += b->by_set.n;
	for (; from && *from + 1 < b->by_byte.n && b->by_byte.items[*from] == byte; *from += 2)
		vantio_subset_close_over(b, b->by_byte.items[*from + 1]);
}

static uint32_t target_of(struct vantio_subset *b, uint8_t byte, size_t *from)
{
	gather_targets(b, byte, from);
	return vantio_subset_end_closure(b);
}

/* The first slash of a path leads to a state of its own: what is accepted there is the root of paths. */
static uint32_t root_state(struct vantio_subset *b, size_t *from)
{
	gather_targets(b, '/', from);
	if (b->closure.n || b->nfa->root)
		vantio_subset_close_over(b, VANTIO_NFA_ROOT_MARK);
	return vantio_subset_end_closure(b);
}

static int compare_pair(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void sort_pairs(uint32_t *p, size_t n_pairs)
{
	size_t i, j;
	uint32_t key, value;

	if (n_pairs > 32) {
		qsort(p, n_pairs, 2 * sizeof(*p), compare_pair);
		return;
	}
	for (i = 1; i < n_pairs; i++) {
		key = p[2 * i];
		value = p[2 * i + 1];
		for (j = i; j > 0 && p[2 * j - 2] > key; j--) {
			p[2 * j] = p[2 * j - 2];
			p[2 * j + 1] = p[2 * j - 1];
		}
		p[2 * j] = key;
		p[2 * j + 1] = value;
	}
}

/* The class with the most bytes that no byte edge overrides. */
static size_t widest_class(const struct vantio_subset *b, bool root, uint32_t *ret_size)
{
	uint32_t size[256] = { 0 };
	size_t c, i, widest = 0;

	for (c = 0; c < b->n_classes; c++)
		size[c] = b->class_size[c];
	for (i = 0; i + 1 < b->by_byte.n; i += 2)
		if (!i || b->by_byte.items[i] != b->by_byte.items[i - 2])
			size[b->class_of[b->by_byte.items[i]]] -= !(root && b->by_byte.items[i] == '/');
	if (root)
		size[b->class_of['/']]--;
	for (c = 1; c < b->n_classes; c++)
		if (size[c] > size[widest])
			widest = c;
	*ret_size = size[widest];
	return widest;
}

#define UNKNOWN UINT32_MAX

static uint32_t class_target(struct vantio_subset *b, uint32_t *targets, size_t c)
{
	if (targets[c] == UNKNOWN)
		targets[c] = b->n_kinds ? target_of(b, b->class_byte[c], NULL) : VANTIO_DFA_DEAD;
	return targets[c];
}

/* No target is asked for that no byte leads to: it would be a state that cannot be reached. */
static void build_row(struct vantio_subset *b, uint32_t state)
{
	const bool root = state == b->dfa.start && b->nfa->paths;
	uint32_t targets[256], other = VANTIO_DFA_DEAD, target, size;
	size_t widest, from = 0;
	unsigned int byte;

	gather_edges(b, state);
	sort_pairs(b->by_byte.items, b->by_byte.n / 2);
	split_bytes(b);
	memset(targets, 0xff, b->n_classes * sizeof(*targets));
	widest = widest_class(b, root, &size);
	if (size)
		other = class_target(b, targets, widest);
	b->dfa.other[state] = other;
	b->dfa.row[state] = b->dfa.n_exceptions;
	for (byte = 0; byte < 256 && !vantio_subset_failed(b); byte++) {
		if (b->n_classes == 1 && !root) {
			if (from >= b->by_byte.n)
				break;
			byte = b->by_byte.items[from];
		}
		if (root && byte == '/')
			target = root_state(b, &from);
		else if (from < b->by_byte.n && b->by_byte.items[from] == byte)
			target = target_of(b, (uint8_t)byte, &from);
		else
			target = class_target(b, targets, b->class_of[byte]);
		if (target != other)
			vantio_subset_add_exception(b, (uint8_t)byte, target);
	}
	b->dfa.row[state + 1] = b->dfa.n_exceptions;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static void build_all(struct vantio_subset *b)
{
	uint32_t s;

	vantio_subset_state_of(b, NULL, 0); /* the dead state */
	vantio_subset_begin_closure(b);
	vantio_subset_close_over(b, VANTIO_NFA_START);
	/* Not by vantio_subset_end_closure(): an automaton of nothing still has a start state. */
	vantio_subset_sort(b->closure.items, b->closure.n);
	b->dfa.start = vantio_subset_state_of(b, b->closure.items, b->closure.n);
	if (vantio_subset_failed(b))
		return;
	b->dfa.accept[b->dfa.start] = 0; /* no input is empty */
	b->dfa.other[VANTIO_DFA_DEAD] = VANTIO_DFA_DEAD;
	b->dfa.row[VANTIO_DFA_DEAD] = b->dfa.row[VANTIO_DFA_DEAD + 1] = 0;
	for (s = b->dfa.start; s < b->dfa.n_states && !vantio_subset_failed(b); s++) {
		build_row(b, s);
		if (b->work > VANTIO_DFA_WORK_MAX)
			b->too_much = "steps";
	}
}

int vantio_dfa_build(const struct vantio_nfa *nfa, struct vantio_dfa *ret, struct vantio_blame *blame, struct vantio_error *err)
{
	struct vantio_subset *b = calloc(1, sizeof(*b));
	int r = 0;

	if (!b)
		return vantio_fail(err, ENOMEM, "out of memory");
	b->nfa = nfa;
	b->stamp = calloc(nfa->n_nodes, sizeof(*b->stamp));
	if (b->stamp)
		build_all(b);
	if (!b->stamp || b->no_memory) {
		r = vantio_fail(err, ENOMEM, "out of memory while compiling the policy");
	} else if (b->too_much) {
		vantio_nfa_blame(nfa, b->pool.items, b->pool.n, blame);
		r = vantio_fail(err, E2BIG, "too many %s", b->too_much);
	}
	if (r)
		vantio_dfa_free(&b->dfa);
	else
		*ret = b->dfa;
	free(b->sets);
	free(b->pool.items);
	free(b->table);
	free(b->stamp);
	free(b->closure.items);
	free(b->stack.items);
	free(b->by_set.items);
	free(b->by_byte.items);
	free(b);
	return r;
}

void vantio_dfa_free(struct vantio_dfa *dfa)
{
	free(dfa->accept);
	free(dfa->other);
	free(dfa->row);
	free(dfa->bytes);
	free(dfa->targets);
	*dfa = (struct vantio_dfa){ 0 };
}
