// SPDX-License-Identifier: Apache-2.0
#include "policy/subset.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"



static bool resize(struct vantio_subset *b, void *array, size_t n, size_t size)
{
	void *grown = realloc(*(void **)array, n * size);

	if (!grown) {
		b->no_memory = true;
		return false;
	}
	*(void **)array = grown;
	return true;
}

static bool room_for_state(struct vantio_subset *b)
{
	const uint32_t want = b->cap_states + b->cap_states / 2 + 256;

	if (b->dfa.n_states < b->cap_states)
		return true;
	if (!resize(b, &b->dfa.accept, want, 1) || !resize(b, &b->dfa.other, want, 4) ||
	    !resize(b, &b->dfa.row, want + 1, 4) || !resize(b, &b->sets, want + 1, 4))
		return false;
	b->cap_states = want;
	return true;
}

void vantio_subset_add_exception(struct vantio_subset *b, uint8_t byte, uint32_t target)
{
	const uint32_t want = b->cap_exceptions + b->cap_exceptions / 2 + 1024;

	if (b->dfa.n_exceptions == b->cap_exceptions) {
		if (b->dfa.n_exceptions >= VANTIO_DFA_ROWS_MAX) {
			b->too_much = "transitions";
			return;
		}
		if (!resize(b, &b->dfa.bytes, want, 1) || !resize(b, &b->dfa.targets, want, 4))
			return;
		b->cap_exceptions = want;
	}
	b->dfa.bytes[b->dfa.n_exceptions] = byte;
	b->dfa.targets[b->dfa.n_exceptions++] = target;
}

static uint32_t hash_set(const uint32_t *set, size_t n)
{
	uint64_t h = n;
	size_t i;

	for (i = 0; i < n; i++) {
		h = (h ^ set[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

static void rehash(struct vantio_subset *b)
{
	const uint32_t cap = b->cap_table ? b->cap_table * 2 : 1024;
	uint32_t *table = calloc(cap, sizeof(*table)), s, at;
	const uint32_t *set;
	size_t n;

	if (!table) {
		b->no_memory = true;
		return;
	}
	for (s = 0; s < b->dfa.n_states; s++) {
		set = vantio_subset_set_of(b, s, &n);
		for (at = hash_set(set, n) & (cap - 1); table[at]; at = (at + 1) & (cap - 1))
			;
		table[at] = s + 1;
	}
	free(b->table);
	b->table = table;
	b->cap_table = cap;
}

static uint8_t mask_of(const struct vantio_subset *b, const uint32_t *set, size_t n)
{
	uint8_t mask = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (set[i] == VANTIO_NFA_ROOT_MARK)
			return b->nfa->root;
		mask |= b->nfa->nodes[set[i]].accept | b->nfa->nodes[set[i]].absorb | b->nfa->nodes[set[i]].local;
	}
	return mask;
}

uint32_t vantio_subset_state_of(struct vantio_subset *b, const uint32_t *set, size_t n)
{
	const uint32_t *there;
	uint32_t at;
	size_t i, n_there;

	if ((b->dfa.n_states + 1) * 5ull > b->cap_table * 4ull)
		rehash(b);
	if (vantio_subset_failed(b) || !room_for_state(b))
		return 0;
	for (at = hash_set(set, n) & (b->cap_table - 1); b->table[at]; at = (at + 1) & (b->cap_table - 1)) {
		there = vantio_subset_set_of(b, b->table[at] - 1, &n_there);
		if (n_there == n && (!n || !memcmp(there, set, n * sizeof(*set))))
			return b->table[at] - 1;
	}
	if (b->dfa.n_states >= VANTIO_DFA_STATES_MAX || b->pool.n + n > VANTIO_DFA_SETS_MAX) {
		b->too_much = "states";
		return 0;
	}
	b->sets[b->dfa.n_states] = (uint32_t)b->pool.n;
	for (i = 0; i < n; i++)
		vantio_subset_push(b, &b->pool, set[i]);
	b->sets[b->dfa.n_states + 1] = (uint32_t)b->pool.n;
	b->dfa.accept[b->dfa.n_states] = mask_of(b, set, n);
	b->table[at] = ++b->dfa.n_states;
	return b->dfa.n_states - 1;
}

void vantio_subset_close_over(struct vantio_subset *b, uint32_t node)
{
	uint32_t e;

	if (b->stamp[node] == b->now)
		return;
	b->stamp[node] = b->now;
	vantio_subset_push(b, &b->stack, node);
	while (b->stack.n && !vantio_subset_failed(b)) {
		node = b->stack.items[--b->stack.n];
		vantio_subset_push(b, &b->closure, node);
		for (e = b->nfa->nodes[node].edges; e != VANTIO_NFA_NONE; e = b->nfa->edges[e].next) {
			const struct vantio_nfa_edge *edge = &b->nfa->edges[e];

			if (!VANTIO_NFA_EMPTY(VANTIO_NFA_KIND(edge->label)) || b->stamp[edge->to] == b->now)
				continue;
			b->stamp[edge->to] = b->now;
			vantio_subset_push(b, &b->stack, edge->to);
		}
	}
}

void vantio_subset_begin_closure(struct vantio_subset *b)
{
	b->closure.n = 0;
	if (++b->now == 0) {
		memset(b->stamp, 0, b->nfa->n_nodes * sizeof(*b->stamp));
		b->now = 1;
	}
}

static int compare_u32(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void vantio_subset_sort(uint32_t *items, size_t n)
{
	size_t i, j;
	uint32_t item;

	if (n > 32) {
		qsort(items, n, sizeof(*items), compare_u32);
		return;
	}
	for (i = 1; i < n; i++) {
		item = items[i];
		for (j = i; j > 0 && items[j - 1] > item; j--)
			items[j] = items[j - 1];
		items[j] = item;
	}
}

/*
 * Leaves out the nodes that cannot add to what the set accepts for good, or to what it accepts until the next slash if they end
 * there too, and those that do nothing. Of nodes that accept the same for good one is enough. This is what keeps twenty rules
 * such as "any name with this word in it" from needing a state for each subset of the words.
 */
uint32_t vantio_subset_end_closure(struct vantio_subset *b)
{
	uint8_t absorbed = 0, local = 0, kept = 0, kept_local = 0;
	const struct vantio_nfa_node *node;
	size_t i, n = 0;

	vantio_subset_sort(b->closure.items, b->closure.n);
	for (i = 0; i < b->closure.n; i++) {
		absorbed |= b->nfa->nodes[b->closure.items[i]].absorb;
		local |= b->nfa->nodes[b->closure.items[i]].local;
	}
	for (i = 0; i < b->closure.n; i++) {
		node = &b->nfa->nodes[b->closure.items[i]];
		if (!(node->reach & ~(absorbed | (node->crosses ? 0 : local))) && !(node->absorb & ~kept) &&
		    !(node->local & ~(kept_local | absorbed)))
			continue;
		kept |= node->absorb;
		kept_local |= node->local;
		b->closure.items[n++] = b->closure.items[i];
	}
	b->work += b->closure.n;
	return n ? vantio_subset_state_of(b, b->closure.items, n) : VANTIO_DFA_DEAD;
}
