/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The automaton that globs and network rules are first turned into: a tree of nodes that rules with equal beginnings share, so
 * that 10,000 literal prefixes are no more work than their distinct bytes; loops and joins are the only edges that leave the tree.
 * Internal to the compiler (image.c).
 */
#ifndef VANTIO_POLICY_NFA_H
#define VANTIO_POLICY_NFA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

#define VANTIO_NFA_NONE      UINT32_MAX
#define VANTIO_NFA_NODES_MAX (8u << 20)

/* A label is a kind and a value: a byte or the number of a set. */
enum vantio_nfa_kind {
	VANTIO_NFA_BYTE = 0,
	VANTIO_NFA_SET,   /* a byte of the set */
	VANTIO_NFA_ENTER, /* the slash that leads into the loop of two stars */
	VANTIO_NFA_LOOP,  /* a byte of the set, back to the node itself */
	VANTIO_NFA_STAR,  /* nothing, to the loop of one star */
	VANTIO_NFA_STARS, /* nothing, to the boundary of two stars */
	VANTIO_NFA_JOIN,  /* nothing */
};
#define VANTIO_NFA_LABEL(kind, value) ((uint32_t)(kind) << 24 | (uint32_t)(value))
#define VANTIO_NFA_KIND(label)        ((enum vantio_nfa_kind)((label) >> 24))
#define VANTIO_NFA_VALUE(label)       ((label) & 0xffffffu)
#define VANTIO_NFA_EMPTY(kind)        ((kind) >= VANTIO_NFA_STAR)

#define VANTIO_NFA_SET_ANY       0u /* every byte */
#define VANTIO_NFA_SET_COMPONENT 1u /* every byte but the slash */

struct vantio_nfa_edge {
	uint32_t label, to, next; /* next: of the same node, or NONE */
};

struct vantio_nfa_node {
	uint32_t edges; /* first edge, or NONE */
	uint32_t owner; /* the rule that made it */
	uint8_t accept;
	uint8_t reach;  /* masks of all nodes that can be reached; set by vantio_nfa_finish */
	uint8_t absorb; /* mask that holds from here on, whatever follows; set by vantio_nfa_finish, as the next ones */
	uint8_t local;  /* mask that holds from here on until a slash */
	bool crosses;   /* something can still be reached over a slash */
};

struct vantio_byte_set {
	uint64_t bits[4];
};

struct vantio_nfa {
	struct vantio_nfa_node *nodes; /* owned, as the next ones; node 0 is the start, node 1 marks the root of paths */
	struct vantio_nfa_edge *edges;
	struct vantio_byte_set *sets;
	uint32_t *set_table; /* open addressing over sets: number + 1, 0 empty */
	uint32_t n_nodes, cap_nodes, n_edges, cap_edges, n_sets, cap_sets, cap_table;
	uint32_t owner; /* given to the nodes that are made */
	uint8_t root;   /* accept mask of the path "/" */
	bool paths;     /* inputs are paths: the state after the first slash is the root */
	int error;      /* ENOMEM or E2BIG; every later call does nothing */
};

#define VANTIO_NFA_START     0u
#define VANTIO_NFA_ROOT_MARK 1u

void vantio_nfa_init(struct vantio_nfa *nfa);
void vantio_nfa_free(struct vantio_nfa *nfa);
/* The node behind the tree edge `label` of `node`, made if it is not there. */
uint32_t vantio_nfa_child(struct vantio_nfa *nfa, uint32_t node, uint32_t label);
uint32_t vantio_nfa_node(struct vantio_nfa *nfa);
void vantio_nfa_link(struct vantio_nfa *nfa, uint32_t from, uint32_t label, uint32_t to);
/* The label of a set of bytes; a set of one is that byte. */
uint32_t vantio_nfa_set(struct vantio_nfa *nfa, const struct vantio_byte_set *set);
void vantio_nfa_accept(struct vantio_nfa *nfa, uint32_t node, uint8_t mask);

/* Adds what `mask` is given to. `glob` has passed vantio_glob_check. Errors are kept in nfa->error. */
void vantio_nfa_add_glob(struct vantio_nfa *nfa, const char *glob, size_t len, uint8_t mask);
void vantio_nfa_add_bytes(struct vantio_nfa *nfa, const void *bytes, size_t len, uint8_t mask); /* taken literally */
void vantio_nfa_add_net(struct vantio_nfa *nfa, const struct vantio_net_rule *rule, uint8_t mask); /* kind ADDRESS */

/* Fills `reach`, `absorb`, `local` and `crosses`. Nothing may be added afterwards. */
void vantio_nfa_finish(struct vantio_nfa *nfa);

#define VANTIO_BLAME_MAX 3
struct vantio_blame {
	uint32_t owners[VANTIO_BLAME_MAX];
	uint32_t n;
};

/*
 * The rules whose nodes occur most often among `hits` (the nodes of all sets of a construction that became too big), the worst
 * first; `hits` NULL: that have the most nodes.
 */
void vantio_nfa_blame(const struct vantio_nfa *nfa, const uint32_t *hits, size_t n_hits, struct vantio_blame *ret);

static inline bool vantio_byte_set_has(const struct vantio_byte_set *set, uint8_t byte)
{
	return set->bits[byte >> 6] >> (byte & 63) & 1;
}

static inline void vantio_byte_set_add(struct vantio_byte_set *set, uint8_t byte)
{
	set->bits[byte >> 6] |= 1ull << (byte & 63);
}

#endif
