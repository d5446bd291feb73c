// SPDX-License-Identifier: Apache-2.0
#include "ledger/merkle.h"

#include <errno.h>
#include <string.h>

#include "base/sha256.h"

bool vantio_hash_equal(const struct vantio_hash *a, const struct vantio_hash *b)
{
	return !memcmp(a->b, b->b, sizeof(a->b));
}

void vantio_leaf_hash(struct vantio_hash *ret, const void *line, size_t len)
{
	struct vantio_sha256 h;

	vantio_sha256_begin(&h);
	vantio_sha256_add(&h, "\0", 1);
	vantio_sha256_add(&h, line, len);
	vantio_sha256_end(&h, ret->b);
}

void vantio_node_hash(struct vantio_hash *ret, const struct vantio_hash *left, const struct vantio_hash *right)
{
	uint8_t bytes[65] = { 1 };

	memcpy(bytes + 1, left->b, 32);
	memcpy(bytes + 33, right->b, 32);
	vantio_sha256_of(ret->b, bytes, sizeof(bytes));
}

int vantio_merkle_add(struct vantio_merkle *m, unsigned height, const struct vantio_hash *hash, vantio_merkle_visit visit,
		      void *ctx, struct vantio_error *err)
{
	struct vantio_hash cur = *hash;
	unsigned h = height;
	int r;

	if (height >= VANTIO_MERKLE_HEIGHT || (m->size & ((1ull << height) - 1)))
		return vantio_fail(err, EINVAL, "a subtree of height %u does not fit behind %llu leaves", height,
				   (unsigned long long)m->size);
	for (;; h++) {
		r = visit ? visit(ctx, h, &cur, err) : 0;
		if (r < 0)
			return r;
		if (!(m->size >> h & 1))
			break;
		vantio_node_hash(&cur, &m->peaks[h], &cur);
	}
	m->peaks[h] = cur;
	m->size += 1ull << height;
	return 0;
}

void vantio_merkle_root(const struct vantio_merkle *m, struct vantio_hash *ret)
{
	bool any = false;
	unsigned h;

	for (h = 0; h < VANTIO_MERKLE_HEIGHT; h++) {
		if (!(m->size >> h & 1))
			continue;
		if (any)
			vantio_node_hash(ret, &m->peaks[h], ret);
		else
			*ret = m->peaks[h];
		any = true;
	}
	if (!any)
		vantio_sha256_of(ret->b, "", 0);
}

/* ---- proofs ---- */

/* The height of the largest complete subtree that is smaller than n leaves: the split of RFC 6962. */
static unsigned split(uint64_t n)
{
	return 63 - (unsigned)__builtin_clzll(n - 1);
}

/* Hash of leaves [lo, hi), hi > lo, where lo is a multiple of the power of two that is at least hi - lo. */
static int range_hash(vantio_merkle_node node, void *ctx, uint64_t lo, uint64_t hi, struct vantio_hash *ret,
		      struct vantio_error *err)
{
	struct vantio_hash parts[VANTIO_MERKLE_HEIGHT];
	unsigned n = 0, h;
	uint64_t left;
	int r;

	for (; lo < hi; lo += 1ull << h) {
		left = hi - lo;
		h = 63 - (unsigned)__builtin_clzll(left);
		r = node(ctx, h, lo >> h, &parts[n++], err);
		if (r < 0)
			return r;
	}
	*ret = parts[--n];
	while (n)
		vantio_node_hash(ret, &parts[--n], ret);
	return 0;
}

int vantio_root_at(vantio_merkle_node node, void *ctx, uint64_t size, struct vantio_hash *ret, struct vantio_error *err)
{
	if (size)
		return range_hash(node, ctx, 0, size, ret, err);
	vantio_sha256_of(ret->b, "", 0);
	return 0;
}

static void reverse(struct vantio_proof *p)
{
	struct vantio_hash swap;
	size_t i;

	for (i = 0; i < p->n / 2; i++) {
		swap = p->hashes[i];
		p->hashes[i] = p->hashes[p->n - 1 - i];
		p->hashes[p->n - 1 - i] = swap;
	}
}

int vantio_inclusion_prove(vantio_merkle_node node, void *ctx, uint64_t index, uint64_t size, struct vantio_proof *ret,
			   struct vantio_error *err)
{
	uint64_t lo = 0, hi = size, mid;
	struct vantio_proof p = { .n = 0 };
	int r;

	if (index >= size)
		return vantio_fail(err, EINVAL, "leaf %llu is not among the %llu of the tree", (unsigned long long)index,
				   (unsigned long long)size);
	/* From the root down; the proof runs the other way. */
	while (hi - lo > 1) {
		mid = lo + (1ull << split(hi - lo));
		if (index < mid)
			r = range_hash(node, ctx, mid, hi, &p.hashes[p.n++], err);
		else
			r = range_hash(node, ctx, lo, mid, &p.hashes[p.n++], err);
		if (r < 0)
			return r;
		if (index < mid)
			hi = mid;
		else
			lo = mid;
	}
	reverse(&p);
	*ret = p;
	return 0;
}

int vantio_consistency_prove(vantio_merkle_node node, void *ctx, uint64_t size1, uint64_t size2, struct vantio_proof *ret,
			     struct vantio_error *err)
{
	uint64_t lo = 0, hi = size2, mid;
	struct vantio_proof p = { .n = 0 };
	bool whole = true; /* [0, size1) is a subtree on the way, so that the verifier knows its hash */
	int r = 0;

	if (size1 > size2)
		return vantio_fail(err, EINVAL, "a tree of %llu leaves cannot grow out of one of %llu", (unsigned long long)size2,
				   (unsigned long long)size1);
	if (!size1 || size1 == size2) {
		*ret = p;
		return 0;
	}
	while (size1 != hi) {
		mid = lo + (1ull << split(hi - lo));
		if (size1 <= mid) {
			r = range_hash(node, ctx, mid, hi, &p.hashes[p.n++], err);
			hi = mid;
		} else {
			r = range_hash(node, ctx, lo, mid, &p.hashes[p.n++], err);
			lo = mid;
			whole = false;
		}
		if (r < 0)
			return r;
	}
	if (!whole)
		r = range_hash(node, ctx, lo, hi, &p.hashes[p.n++], err);
	if (r < 0)
		return r;
	reverse(&p);
	*ret = p;
	return 0;
}

/* RFC 9162, 2.1.3.2 */
bool vantio_inclusion_verify(uint64_t index, uint64_t size, const struct vantio_hash *leaf, const struct vantio_proof *proof,
			     const struct vantio_hash *root)
{
	uint64_t fn = index, sn = size - 1;
	struct vantio_hash r = *leaf;
	size_t i;

	if (index >= size || proof->n > VANTIO_MERKLE_HEIGHT)
		return false;
	for (i = 0; i < proof->n; i++) {
		if (!sn)
			return false;
		if ((fn & 1) || fn == sn) {
			vantio_node_hash(&r, &proof->hashes[i], &r);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			vantio_node_hash(&r, &r, &proof->hashes[i]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return !sn && vantio_hash_equal(&r, root);
}

/* RFC 9162, 2.1.4.2 */
bool vantio_consistency_verify(uint64_t size1, uint64_t size2, const struct vantio_hash *root1,
			       const struct vantio_hash *root2, const struct vantio_proof *proof)
{
	struct vantio_hash fr, sr;
	uint64_t fn, sn;
	size_t i = 0;

	if (size1 > size2 || proof->n > VANTIO_MERKLE_HEIGHT)
		return false;
	if (size1 == size2)
		return !proof->n && vantio_hash_equal(root1, root2);
	if (!size1)
		return !proof->n;
	fn = size1 - 1;
	sn = size2 - 1;
	for (; fn & 1; fn >>= 1)
		sn >>= 1;
	if (!(size1 & (size1 - 1))) {
		fr = sr = *root1; /* the verifier knows it: the proof leaves it out */
	} else {
		if (!proof->n)
			return false;
		fr = sr = proof->hashes[i++];
	}
	for (; i < proof->n; i++) {
		if (!sn)
			return false;
		if ((fn & 1) || fn == sn) {
			vantio_node_hash(&fr, &proof->hashes[i], &fr);
			vantio_node_hash(&sr, &proof->hashes[i], &sr);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			vantio_node_hash(&sr, &sr, &proof->hashes[i]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return !sn && vantio_hash_equal(&fr, root1) && vantio_hash_equal(&sr, root2);
}
