// SPDX-License-Identifier: Apache-2.0
/*
 * Subset construction over sets of nodes that are kept once each. A row is computed for the bytes that the set's edges tell
 * apart, not for all 256, and a set forgets the nodes that can add nothing to what it already accepts for good.
 */
#include "policy/dfa.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define KINDS_MAX 4096 /* different classes in one place */

struct u32s {
	uint32_t *items; /* owned */
	size_t n, cap;
};

struct build {
	const struct vantio_nfa *nfa;
	struct vantio_dfa dfa;
	uint32_t cap_states, cap_exceptions;
	uint32_t *sets;    /* owned: set of state s is pool[sets[s]] to pool[sets[s + 1]] - 1 */
	struct u32s pool;
	uint32_t *table;   /* owned: open addressing over sets, state + 1, 0 empty */
	uint32_t cap_table;
	uint32_t *stamp;   /* owned: by node: the last closure that held it */
	uint32_t now;
	struct u32s closure, stack;
	uint64_t work;
	const char *too_much; /* the bound that was exceeded */
	bool no_memory;
	/* the row in the making */
	struct u32s by_set;   /* pairs of set number and target */
	struct u32s by_byte;  /* pairs of byte and target */
	uint32_t kinds[KINDS_MAX];  /* distinct sets of the row, ascending */
	size_t n_kinds;
	uint32_t split_kinds[KINDS_MAX]; /* those of the split that is held in class_of */
	size_t n_split_kinds;
	uint8_t class_of[256];
	uint16_t class_size[256];
	uint8_t class_byte[256]; /* one byte of each class */
	size_t n_classes;
};

static bool failed(const struct build *b)
{
	return b->no_memory || b->too_much;
}

static void push(struct build *b, struct u32s *list, uint32_t item)
{
	size_t want = list->cap + list->cap / 2 + 256;
	uint32_t *grown;

	if (list->n == list->cap) {
		grown = realloc(list->items, want * sizeof(*grown));
		if (!grown) {
			b->no_memory = true;
			return;
		}
		list->items = grown;
		list->cap = want;
	}
	list->items[list->n++] = item;
}

static bool resize(struct build *b, void *array, size_t n, size_t size)
{
	void *grown = realloc(*(void **)array, n * size);

	if (!grown) {
		b->no_memory = true;
		return false;
	}
	*(void **)array = grown;
	return true;
}

static bool room_for_state(struct build *b)
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

static void add_exception(struct build *b, uint8_t byte, uint32_t target)
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

/* ---- sets ---------------------------------------------------------------------------------------- */

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

static const uint32_t *set_of(const struct build *b, uint32_t state, size_t *ret_n)
{
	*ret_n = b->sets[state + 1] - b->sets[state];
	return b->pool.items + b->sets[state];
}

static void rehash(struct build *b)
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
		set = set_of(b, s, &n);
		for (at = hash_set(set, n) & (cap - 1); table[at]; at = (at + 1) & (cap - 1))
			;
		table[at] = s + 1;
	}
	free(b->table);
	b->table = table;
	b->cap_table = cap;
}

static uint8_t mask_of(const struct build *b, const uint32_t *set, size_t n)
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

/* The state of a sorted set, made if it is not there. */
static uint32_t state_of(struct build *b, const uint32_t *set, size_t n)
{
	const uint32_t *there;
	uint32_t at;
	size_t i, n_there;

	if ((b->dfa.n_states + 1) * 5ull > b->cap_table * 4ull)
		rehash(b);
	if (failed(b) || !room_for_state(b))
		return 0;
	for (at = hash_set(set, n) & (b->cap_table - 1); b->table[at]; at = (at + 1) & (b->cap_table - 1)) {
		there = set_of(b, b->table[at] - 1, &n_there);
		if (n_there == n && (!n || !memcmp(there, set, n * sizeof(*set))))
			return b->table[at] - 1;
	}
	if (b->dfa.n_states >= VANTIO_DFA_STATES_MAX || b->pool.n + n > VANTIO_DFA_SETS_MAX) {
		b->too_much = "states";
		return 0;
	}
	b->sets[b->dfa.n_states] = (uint32_t)b->pool.n;
	for (i = 0; i < n; i++)
		push(b, &b->pool, set[i]);
	b->sets[b->dfa.n_states + 1] = (uint32_t)b->pool.n;
	b->dfa.accept[b->dfa.n_states] = mask_of(b, set, n);
	b->table[at] = ++b->dfa.n_states;
	return b->dfa.n_states - 1;
}

static void close_over(struct build *b, uint32_t node)
{
	uint32_t e;

	if (b->stamp[node] == b->now)
		return;
	b->stamp[node] = b->now;
	push(b, &b->stack, node);
	while (b->stack.n && !failed(b)) {
		node = b->stack.items[--b->stack.n];
		push(b, &b->closure, node);
		for (e = b->nfa->nodes[node].edges; e != VANTIO_NFA_NONE; e = b->nfa->edges[e].next) {
			const struct vantio_nfa_edge *edge = &b->nfa->edges[e];

			if (!VANTIO_NFA_EMPTY(VANTIO_NFA_KIND(edge->label)) || b->stamp[edge->to] == b->now)
				continue;
			b->stamp[edge->to] = b->now;
			push(b, &b->stack, edge->to);
		}
	}
}

static void begin_closure(struct build *b)
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

static void sort_u32(uint32_t *items, size_t n)
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
static uint32_t end_closure(struct build *b)
{
	uint8_t absorbed = 0, local = 0, kept = 0, kept_local = 0;
	const struct vantio_nfa_node *node;
	size_t i, n = 0;

	sort_u32(b->closure.items, b->closure.n);
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
	return n ? state_of(b, b->closure.items, n) : VANTIO_DFA_DEAD;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static void note_kind(struct build *b, uint32_t kind)
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
static void gather_edges(struct build *b, uint32_t state)
{
	const struct vantio_nfa_edge *edge;
	const uint32_t *set;
	uint32_t e;
	size_t n, i;

	set = set_of(b, state, &n);
	b->by_set.n = b->by_byte.n = b->n_kinds = 0;
	for (i = 0; i < n && !failed(b); i++) {
		for (e = b->nfa->nodes[set[i]].edges; e != VANTIO_NFA_NONE; e = edge->next) {
			edge = &b->nfa->edges[e];
			b->work++;
			switch (VANTIO_NFA_KIND(edge->label)) {
			case VANTIO_NFA_BYTE:
			case VANTIO_NFA_ENTER:
				push(b, &b->by_byte, VANTIO_NFA_VALUE(edge->label));
				push(b, &b->by_byte, edge->to);
				break;
			case VANTIO_NFA_SET:
			case VANTIO_NFA_LOOP:
				push(b, &b->by_set, VANTIO_NFA_VALUE(edge->label));
				push(b, &b->by_set, edge->to);
				note_kind(b, VANTIO_NFA_VALUE(edge->label));
				break;
			default:
				break;
			}
		}
	}
}

/* Splits the bytes into classes that the row's sets do not tell apart; the last split is kept, as most rows share it. */
static void split_bytes(struct build *b)
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
static void gather_targets(struct build *b, uint8_t byte, size_t *from)
{
	size_t i;

	begin_closure(b);
	for (i = 0; i + 1 < b->by_set.n; i += 2)
		if (vantio_byte_set_has(&b->nfa->sets[b->by_set.items[i]], byte))
			close_over(b, b->by_set.items[i + 1]);
	b->work += b->by_set.n;
	for (; from && *from + 1 < b->by_byte.n && b->by_byte.items[*from] == byte; *from += 2)
		close_over(b, b->by_byte.items[*from + 1]);
}

static uint32_t target_of(struct build *b, uint8_t byte, size_t *from)
{
	gather_targets(b, byte, from);
	return end_closure(b);
}

/* The first slash of a path leads to a state of its own: what is accepted there is the root of paths. */
static uint32_t root_state(struct build *b, size_t *from)
{
	gather_targets(b, '/', from);
	if (b->closure.n || b->nfa->root)
		close_over(b, VANTIO_NFA_ROOT_MARK);
	return end_closure(b);
}

static int compare_pair(const void *a, const void *b)
{
	return compare_u32(a, b);
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
static size_t widest_class(const struct build *b, bool root, uint32_t *ret_size)
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

static uint32_t class_target(struct build *b, uint32_t *targets, size_t c)
{
	if (targets[c] == UNKNOWN)
		targets[c] = b->n_kinds ? target_of(b, b->class_byte[c], NULL) : VANTIO_DFA_DEAD;
	return targets[c];
}

/* No target is asked for that no byte leads to: it would be a state that cannot be reached. */
static void build_row(struct build *b, uint32_t state)
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
	for (byte = 0; byte < 256 && !failed(b); byte++) {
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
			add_exception(b, (uint8_t)byte, target);
	}
	b->dfa.row[state + 1] = b->dfa.n_exceptions;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static void build_all(struct build *b)
{
	uint32_t s;

	state_of(b, NULL, 0); /* the dead state */
	begin_closure(b);
	close_over(b, VANTIO_NFA_START);
	/* Not by end_closure(): an automaton of nothing still has a start state. */
	sort_u32(b->closure.items, b->closure.n);
	b->dfa.start = state_of(b, b->closure.items, b->closure.n);
	if (failed(b))
		return;
	b->dfa.accept[b->dfa.start] = 0; /* no input is empty */
	b->dfa.other[VANTIO_DFA_DEAD] = VANTIO_DFA_DEAD;
	b->dfa.row[VANTIO_DFA_DEAD] = b->dfa.row[VANTIO_DFA_DEAD + 1] = 0;
	for (s = b->dfa.start; s < b->dfa.n_states && !failed(b); s++) {
		build_row(b, s);
		if (b->work > VANTIO_DFA_WORK_MAX)
			b->too_much = "steps";
	}
}

int vantio_dfa_build(const struct vantio_nfa *nfa, struct vantio_dfa *ret, struct vantio_blame *blame, struct vantio_error *err)
{
	struct build *b = calloc(1, sizeof(*b));
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
