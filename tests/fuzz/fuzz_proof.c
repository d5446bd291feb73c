// SPDX-License-Identifier: Apache-2.0
/*
 * Inclusion and consistency proofs. The first bytes choose a tree and a question; the rest is laid over the right proof by exclusive
 * or, and lengthens or shortens it. What is not the right proof must not verify, for any sizes and indices.
 */
#include <string.h>

#include "ledger/merkle.h"
#include "fuzz.h"

#define LEAVES 300u

static struct vantio_hash leaves[LEAVES];

/* The slow, obvious definition: RFC 6962, 2.1. */
static void subtree(uint64_t begin, uint64_t end, struct vantio_hash *ret)
{
	struct vantio_hash left, right;
	uint64_t k = 1;

	if (end - begin == 1) {
		*ret = leaves[begin];
		return;
	}
	while (2 * k < end - begin)
		k *= 2;
	subtree(begin, begin + k, &left);
	subtree(begin + k, end, &right);
	vantio_node_hash(ret, &left, &right);
}

static int node(void *ctx, unsigned height, uint64_t index, struct vantio_hash *ret, struct vantio_error *err)
{
	(void)ctx;
	(void)err;
	subtree(index << height, (index + 1) << height, ret);
	return 0;
}

/* Lays the bytes over the proof; true if it is still the same. */
static bool spoil(struct vantio_proof *p, const uint8_t *data, size_t size)
{
	size_t n = p->n, i;
	bool same = true;

	if (size && data[0] & 0x80)
		p->n = (p->n + data[0]) % (VANTIO_MERKLE_HEIGHT + 1);
	for (i = n; i < p->n; i++)
		memset(p->hashes[i].b, 0, 32);
	for (i = 1; i < size && i - 1 < p->n * 32; i++) {
		p->hashes[(i - 1) / 32].b[(i - 1) % 32] ^= data[i];
		same &= !data[i];
	}
	return same && p->n == n;
}

static uint64_t number(const uint8_t *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

static void try_inclusion(uint64_t n, uint64_t index, const uint8_t *data, size_t size)
{
	struct vantio_error err = { 0 };
	struct vantio_proof proof;
	struct vantio_hash root;
	bool same;

	subtree(0, n, &root);
	CHECK(vantio_inclusion_prove(node, NULL, index, n, &proof, &err) == 0);
	CHECK(vantio_inclusion_verify(index, n, &leaves[index], &proof, &root));
	same = spoil(&proof, data, size);
	CHECK(vantio_inclusion_verify(index, n, &leaves[index], &proof, &root) == same);
	CHECK(!vantio_inclusion_verify(index, n, &leaves[(index + 1) % LEAVES], &proof, &root));
	if (index)
		CHECK(!vantio_inclusion_verify(index - 1, n, &leaves[index], &proof, &root));
	CHECK(!vantio_inclusion_verify(n, n, &leaves[index], &proof, &root));
}

static void try_consistency(uint64_t n, uint64_t m, const uint8_t *data, size_t size)
{
	struct vantio_hash root1, root2;
	struct vantio_error err = { 0 };
	struct vantio_proof proof;
	bool same;

	subtree(0, m, &root1);
	subtree(0, n, &root2);
	CHECK(vantio_consistency_prove(node, NULL, m, n, &proof, &err) == 0);
	CHECK(vantio_consistency_verify(m, n, &root1, &root2, &proof));
	same = spoil(&proof, data, size);
	CHECK(vantio_consistency_verify(m, n, &root1, &root2, &proof) == same);
	CHECK(!vantio_consistency_verify(m, n, &leaves[0], &root2, &proof) || m == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vantio_proof proof = { .n = 0 };
	uint64_t n, index, i;

	if (!leaves[1].b[0] && !leaves[1].b[1])
		for (i = 0; i < LEAVES; i++)
			vantio_leaf_hash(&leaves[i], &i, sizeof(i));
	if (size < 16)
		return 0;
	n = 1 + number(data) % LEAVES;
	index = number(data + 8) % n;
	try_inclusion(n, index, data + 16, size - 16);
	try_consistency(n, index + 1, data + 16, size - 16);
	/* Any numbers at all: an answer, and never yes to a proof of zeroes. */
	proof.n = data[0] % (VANTIO_MERKLE_HEIGHT + 1);
	memset(proof.hashes, 0, sizeof(proof.hashes));
	CHECK(!vantio_inclusion_verify(number(data), number(data + 8), &leaves[0], &proof, &leaves[1]));
	if (number(data) && number(data) < number(data + 8))
		CHECK(!vantio_consistency_verify(number(data), number(data + 8), &leaves[0], &leaves[1], &proof));
	return 0;
}
