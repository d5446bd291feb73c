/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash tree of RFC 6962, section 2: leaf = SHA-256(0x00 || line), node = SHA-256(0x01 || left || right); inclusion and
 * consistency proofs as RFC 9162 verifies them. A tree is kept as its peaks (the complete subtrees that its size decomposes
 * into), so that appending costs O(1) hashes on average and the state is a few hundred bytes, whatever the size.
 */
#ifndef VANTIO_LEDGER_MERKLE_H
#define VANTIO_LEDGER_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct vantio_hash {
	uint8_t b[32];
};

#define VANTIO_MERKLE_HEIGHT 64 /* no proof is longer */

struct vantio_merkle {
	uint64_t size;
	struct vantio_hash peaks[VANTIO_MERKLE_HEIGHT]; /* [h] is the subtree of 2^h leaves, if bit h of size is set */
};

bool vantio_hash_equal(const struct vantio_hash *a, const struct vantio_hash *b);
void vantio_leaf_hash(struct vantio_hash *ret, const void *line, size_t len);
void vantio_node_hash(struct vantio_hash *ret, const struct vantio_hash *left, const struct vantio_hash *right);

/* Called for every subtree that an append completes, by height (0 is the leaf itself), lowest first. */
typedef int (*vantio_merkle_visit)(void *ctx, unsigned height, const struct vantio_hash *hash, struct vantio_error *err);

/* Appends a complete subtree of 2^height leaves; the size must be a multiple of 2^height. `visit` may be NULL. */
int vantio_merkle_add(struct vantio_merkle *m, unsigned height, const struct vantio_hash *hash, vantio_merkle_visit visit,
		      void *ctx, struct vantio_error *err);
/* The root; SHA-256 of nothing for an empty tree. */
void vantio_merkle_root(const struct vantio_merkle *m, struct vantio_hash *ret);

/* Hands out the hash of the complete subtree of 2^height leaves that begins at leaf index * 2^height. */
typedef int (*vantio_merkle_node)(void *ctx, unsigned height, uint64_t index, struct vantio_hash *ret, struct vantio_error *err);

struct vantio_proof {
	size_t n;
	struct vantio_hash hashes[VANTIO_MERKLE_HEIGHT];
};

/* EINVAL: index not below size, or size2 below size1. */
int vantio_inclusion_prove(vantio_merkle_node node, void *ctx, uint64_t index, uint64_t size, struct vantio_proof *ret,
			   struct vantio_error *err);
int vantio_consistency_prove(vantio_merkle_node node, void *ctx, uint64_t size1, uint64_t size2, struct vantio_proof *ret,
			     struct vantio_error *err);
/* The root of the first `size` leaves. */
int vantio_root_at(vantio_merkle_node node, void *ctx, uint64_t size, struct vantio_hash *ret, struct vantio_error *err);

bool vantio_inclusion_verify(uint64_t index, uint64_t size, const struct vantio_hash *leaf, const struct vantio_proof *proof,
			     const struct vantio_hash *root);
bool vantio_consistency_verify(uint64_t size1, uint64_t size2, const struct vantio_hash *root1,
			       const struct vantio_hash *root2, const struct vantio_proof *proof);

#endif
