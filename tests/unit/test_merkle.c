// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/text.h"
#include "ledger/merkle.h"

#define SIZES 300u


static void assert_hash(const struct vantio_hash *got, const char *want)
{
	char hex[65];

	vantio_hex(hex, got->b, 32);
	assert_string_equal(hex, want);
}

static void merkle_known_hashes_match(void **state)
{
	struct vantio_merkle empty = { .size = 0 };
	struct vantio_hash h;

	(void)state;
	vantio_merkle_root(&empty, &h);
	assert_hash(&h, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	vantio_leaf_hash(&h, "", 0);
	assert_hash(&h, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
	vantio_leaf_hash(&h, "L123456", 7);
	assert_hash(&h, "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
}

/* The tree of Certificate Transparency's own tests. */
static void merkle_certificate_transparency_roots_match(void **state)
{
	static const char *const leaves[] = { "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
					      "606162636465666768696a6b6c6d6e6f" };
	static const char *const roots[] = {
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	};
	struct vantio_merkle m = { .size = 0 };
	struct vantio_error err = { 0 };
	struct vantio_hash h, root;
	uint8_t bytes[16];
	size_t i;

	(void)state;
	for (i = 0; i < 8; i++) {
		assert_true(vantio_unhex(bytes, strlen(leaves[i]) / 2, leaves[i], strlen(leaves[i])));
		vantio_leaf_hash(&h, bytes, strlen(leaves[i]) / 2);
		assert_int_equal(vantio_merkle_add(&m, 0, &h, NULL, NULL, &err), 0);
		vantio_merkle_root(&m, &root);
		assert_hash(&root, roots[i]);
	}
}

/* ---- against the definitions of RFC 6962, spelt out ---- */

static struct vantio_hash leaves_[SIZES];

static uint64_t split(uint64_t n)
{
	uint64_t k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

static struct vantio_hash mth(uint64_t lo, uint64_t hi)
{
	struct vantio_hash left, right, ret;
	uint64_t k;

	if (lo == hi) {
		crypto_hash_sha256(ret.b, (const uint8_t *)"", 0);
		return ret;
	}
	if (hi - lo == 1)
		return leaves_[lo];
	k = split(hi - lo);
	left = mth(lo, lo + k);
	right = mth(lo + k, hi);
	vantio_node_hash(&ret, &left, &right);
	return ret;
}

static void path(uint64_t m, uint64_t lo, uint64_t hi, struct vantio_proof *p)
{
	uint64_t k;

	if (hi - lo == 1)
		return;
	k = split(hi - lo);
	if (m < lo + k) {
		path(m, lo, lo + k, p);
		p->hashes[p->n++] = mth(lo + k, hi);
	} else {
		path(m, lo + k, hi, p);
		p->hashes[p->n++] = mth(lo, lo + k);
	}
}

static void subproof(uint64_t m, uint64_t lo, uint64_t hi, int whole, struct vantio_proof *p)
{
	uint64_t k;

	if (m == hi - lo) {
		if (!whole)
			p->hashes[p->n++] = mth(lo, hi);
		return;
	}
	k = split(hi - lo);
	if (m <= k) {
		subproof(m, lo, lo + k, whole, p);
		p->hashes[p->n++] = mth(lo + k, hi);
	} else {
		subproof(m - k, lo + k, hi, 0, p);
		p->hashes[p->n++] = mth(lo, lo + k);
	}
}

static int node(void *ctx, unsigned height, uint64_t index, struct vantio_hash *ret, struct vantio_error *err)
{
	(void)err;
	assert_true((index + 1) << height <= *(uint64_t *)ctx);
	*ret = mth(index << height, (index + 1) << height);
	return 0;
}

static int fill(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < SIZES; i++)
		vantio_leaf_hash(&leaves_[i], &i, sizeof(i));
	return 0;
}

static void merkle_roots_of_all_sizes_match_the_definition(void **state)
{
	struct vantio_merkle m = { .size = 0 };
	struct vantio_error err = { 0 };
	struct vantio_hash root, want, at;
	uint64_t n;

	(void)state;
	for (n = 0; n <= SIZES; n++) {
		want = mth(0, n);
		vantio_merkle_root(&m, &root);
		assert_true(vantio_hash_equal(&root, &want));
		assert_int_equal(vantio_root_at(node, &n, n, &at, &err), 0);
		assert_true(vantio_hash_equal(&at, &want));
		if (n < SIZES)
			vantio_merkle_add(&m, 0, &leaves_[n], NULL, NULL, &err);
	}
}

static void assert_proof(const struct vantio_proof *got, const struct vantio_proof *want)
{
	assert_int_equal(got->n, want->n);
	assert_memory_equal(got->hashes, want->hashes, got->n * sizeof(got->hashes[0]));
}

static void merkle_inclusion_proofs_match_the_definition(void **state)
{
	struct vantio_error err = { 0 };
	struct vantio_hash root, wrong;
	uint64_t n, i;

	(void)state;
	for (n = 1; n <= SIZES; n += n < 70 ? 1 : 23) {
		root = mth(0, n);
		for (i = 0; i < n; i++) {
			struct vantio_proof got, want = { .n = 0 };

			assert_int_equal(vantio_inclusion_prove(node, &n, i, n, &got, &err), 0);
			path(i, 0, n, &want);
			assert_proof(&got, &want);
			assert_true(vantio_inclusion_verify(i, n, &leaves_[i], &got, &root));
			/* Another leaf, another place, a shorter proof, a changed one. */
			wrong = leaves_[i];
			wrong.b[0] ^= 1;
			assert_false(vantio_inclusion_verify(i, n, &wrong, &got, &root));
			assert_false(vantio_inclusion_verify(i + n, n, &leaves_[i], &got, &root));
			if (!got.n)
				continue;
			assert_false(vantio_inclusion_verify(i ^ 1, n, &leaves_[i], &got, &root));
			got.hashes[got.n - 1].b[31] ^= 1;
			assert_false(vantio_inclusion_verify(i, n, &leaves_[i], &got, &root));
			got.n--;
			assert_false(vantio_inclusion_verify(i, n, &leaves_[i], &got, &root));
		}
	}
	n = SIZES;
	assert_int_equal(vantio_inclusion_prove(node, &n, n, n, &(struct vantio_proof){ .n = 0 }, &err), -EINVAL);
}

static void merkle_consistency_proofs_match_the_definition(void **state)
{
	struct vantio_error err = { 0 };
	uint64_t n, m;

	(void)state;
	for (n = 1; n <= SIZES; n += n < 40 ? 1 : 37) {
		struct vantio_hash root2 = mth(0, n);

		for (m = 1; m <= n; m++) {
			struct vantio_proof got, want = { .n = 0 };
			struct vantio_hash root1 = mth(0, m), wrong = root1;

			assert_int_equal(vantio_consistency_prove(node, &n, m, n, &got, &err), 0);
			if (m < n)
				subproof(m, 0, n, 1, &want);
			assert_proof(&got, &want);
			assert_true(vantio_consistency_verify(m, n, &root1, &root2, &got));
			wrong.b[5] ^= 1;
			assert_false(vantio_consistency_verify(m, n, &wrong, &root2, &got));
			assert_false(vantio_consistency_verify(n + 1, n, &root1, &root2, &got));
			if (!got.n)
				continue;
			got.hashes[0].b[0] ^= 1;
			assert_false(vantio_consistency_verify(m, n, &root1, &root2, &got));
			got.n--;
			assert_false(vantio_consistency_verify(m, n, &root1, &root2, &got));
		}
	}
}

static void merkle_subtree_that_does_not_fit_is_refused(void **state)
{
	struct vantio_merkle m = { .size = 0 };
	struct vantio_error err = { 0 };

	(void)state;
	assert_int_equal(vantio_merkle_add(&m, 3, &leaves_[0], NULL, NULL, &err), 0);
	assert_int_equal(m.size, 8);
	assert_int_equal(vantio_merkle_add(&m, 4, &leaves_[0], NULL, NULL, &err), -EINVAL);
	assert_int_equal(m.size, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merkle_known_hashes_match),
		cmocka_unit_test(merkle_certificate_transparency_roots_match),
		cmocka_unit_test(merkle_roots_of_all_sizes_match_the_definition),
		cmocka_unit_test(merkle_inclusion_proofs_match_the_definition),
		cmocka_unit_test(merkle_consistency_proofs_match_the_definition),
		cmocka_unit_test(merkle_subtree_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests_name("merkle", tests, fill, NULL);
}
