/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deterministic automata with sparse rows: where most bytes lead, and the bytes that lead elsewhere. Built from a tree of nodes,
 * minimised, packed into the cells of an image. Internal to the compiler (image.c).
 */
#ifndef VANTIO_POLICY_DFA_H
#define VANTIO_POLICY_DFA_H

#include "base/error.h"
#include "policy/nfa.h"

/* Bounds of the subset construction, over one automaton. */
#define VANTIO_DFA_STATES_MAX 2000000u
#define VANTIO_DFA_ROWS_MAX   (32u << 20) /* exceptions over all rows */
#define VANTIO_DFA_SETS_MAX   (24u << 20) /* nodes over all sets */
#define VANTIO_DFA_WORK_MAX   (500ull * 1000 * 1000) /* edges looked at */

struct vantio_dfa {
	uint8_t *accept;   /* owned, as the next ones; by state */
	uint32_t *other;   /* where the bytes without an exception lead */
	uint32_t *row;     /* the exceptions of state s are row[s] to row[s + 1] - 1 */
	uint8_t *bytes;    /* of an exception; ascending within a row */
	uint32_t *targets; /* of an exception; never the row's `other` */
	uint32_t n_states, n_exceptions;
	uint32_t start;
};

#define VANTIO_DFA_DEAD 0u /* accepts nothing, never leaves itself */

/* -E2BIG with `blame`, -ENOMEM; `err` says which bound. */
int vantio_dfa_build(const struct vantio_nfa *nfa, struct vantio_dfa *ret, struct vantio_blame *blame, struct vantio_error *err);
/* Replaces `dfa` by the smallest automaton that gives every input the same mask. */
int vantio_dfa_minimise(struct vantio_dfa *dfa, struct vantio_error *err);
void vantio_dfa_free(struct vantio_dfa *dfa);

/* Cells of an image, filled from several automata. */
struct vantio_pack {
	struct vantio_cell *cells; /* owned */
	uint64_t *used;            /* owned: a bit per cell */
	uint32_t n_cells;          /* up to the last used one */
	uint32_t cap;
	uint32_t from[8];          /* per size of row: the words of `used` below hold no room */
};

int vantio_pack_init(struct vantio_pack *pack, uint32_t reserved, struct vantio_error *err);
/* Adds an automaton; *ret_start is its start state in the cells. -E2BIG when VANTIO_CELLS_MAX is exceeded. */
int vantio_pack_add(struct vantio_pack *pack, const struct vantio_dfa *dfa, uint32_t *ret_start, struct vantio_error *err);
void vantio_pack_free(struct vantio_pack *pack);

#endif
