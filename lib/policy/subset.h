/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sets of nodes of a subset construction, kept once each: a set is a state. What fails is noted and is asked for with
 * vantio_subset_failed(). Internal to dfa.c.
 */
#ifndef VANTIO_POLICY_SUBSET_H
#define VANTIO_POLICY_SUBSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "policy/dfa.h"

#define VANTIO_SUBSET_KINDS_MAX 4096 /* different classes in one place */

struct vantio_u32s {
	uint32_t *items; /* owned */
	size_t n, cap;
};

struct vantio_subset {
	const struct vantio_nfa *nfa;
	struct vantio_dfa dfa;
	uint32_t cap_states, cap_exceptions;
	uint32_t *sets;    /* owned: set of state s is pool[sets[s]] to pool[sets[s + 1]] - 1 */
	struct vantio_u32s pool;
	uint32_t *table;   /* owned: open addressing over sets, state + 1, 0 empty */
	uint32_t cap_table;
	uint32_t *stamp;   /* owned: by node: the last closure that held it */
	uint32_t now;
	struct vantio_u32s closure, stack;
	uint64_t work;
	const char *too_much; /* the bound that was exceeded */
	bool no_memory;
	/* the row in the making */
	struct vantio_u32s by_set;   /* pairs of set number and target */
	struct vantio_u32s by_byte;  /* pairs of byte and target */
	uint32_t kinds[VANTIO_SUBSET_KINDS_MAX];  /* distinct sets of the row, ascending */
	size_t n_kinds;
	uint32_t split_kinds[VANTIO_SUBSET_KINDS_MAX]; /* those of the split that is held in class_of */
	size_t n_split_kinds;
	uint8_t class_of[256];
	uint16_t class_size[256];
	uint8_t class_byte[256]; /* one byte of each class */
	size_t n_classes;
};

static inline bool vantio_subset_failed(const struct vantio_subset *b)
{
	return b->no_memory || b->too_much;
}

static inline void vantio_subset_push(struct vantio_subset *b, struct vantio_u32s *list, uint32_t item)
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

static inline const uint32_t *vantio_subset_set_of(const struct vantio_subset *b, uint32_t state, size_t *ret_n)
{
	*ret_n = b->sets[state + 1] - b->sets[state];
	return b->pool.items + b->sets[state];
}

void vantio_subset_sort(uint32_t *items, size_t n);
/* An exception of the row in the making. */
void vantio_subset_add_exception(struct vantio_subset *b, uint8_t byte, uint32_t target);
/* The state of a sorted set, made if it is not there. */
uint32_t vantio_subset_state_of(struct vantio_subset *b, const uint32_t *set, size_t n);

/* The state of a node set that is gathered node by node, each with what empty edges lead to. */
void vantio_subset_begin_closure(struct vantio_subset *b);
void vantio_subset_close_over(struct vantio_subset *b, uint32_t node);
uint32_t vantio_subset_end_closure(struct vantio_subset *b);

#endif
