// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/sha256_pair.h"
#include "base/text.h"

/* libsodium's, which shares no code with it. */
static void expect(const struct vantio_message *m)
{
	crypto_hash_sha256_state h;
	uint8_t prefix = (uint8_t)m->prefix, want[32];

	crypto_hash_sha256_init(&h);
	if (m->prefix >= 0)
		crypto_hash_sha256_update(&h, &prefix, 1);
	crypto_hash_sha256_update(&h, m->bytes, m->len);
	crypto_hash_sha256_final(&h, want);
	assert_memory_equal(m->out, want, 32);
}

/* The bytes lie in a block of just their size, so that a sanitizer sees any that is read beyond them. */
static void check(bool pairs, size_t a_len, int a_prefix, size_t b_len, int b_prefix)
{
	uint8_t a_out[32], b_out[32], *a_bytes = malloc(a_len ? a_len : 1), *b_bytes = malloc(b_len ? b_len : 1);
	struct vantio_message a = { a_bytes, a_len, a_prefix, a_out }, b = { b_bytes, b_len, b_prefix, b_out };

	assert_true(a_bytes && b_bytes);
	randombytes_buf(a_bytes, a_len);
	randombytes_buf(b_bytes, b_len);
	vantio_sha256_both(pairs, &a, &b);
	expect(&a);
	expect(&b);
	free(a_bytes);
	free(b_bytes);
}

static void check_all(bool pairs)
{
	size_t a;
	int i;

	for (a = 0; a < 400; a++)
		for (i = 0; i < 8; i++) {
			check(pairs, a, i & 1 ? 0 : -1, a, i & 2 ? 1 : -1);
			check(pairs, a, i & 1 ? 0xff : -1, randombytes_uniform(400), i & 2 ? 0 : -1);
		}
	for (i = 0; i < 20; i++)
		check(pairs, randombytes_uniform(70000), 0, randombytes_uniform(70000), -1);
}

static void sha256_pair_of_any_lengths_is_that_of_each(void **state)
{
	(void)state;
	if (!vantio_sha256_pairs())
		skip();
	check_all(true);
}

static void sha256_pair_without_the_instructions_is_the_same(void **state)
{
	(void)state;
	check_all(false);
}

static void sha256_pair_of_published_messages_is_as_published(void **state)
{
	uint8_t abc[32], two[32];
	struct vantio_message a = { "bc", 2, 'a', abc };
	struct vantio_message b = { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, -1, two };
	char hex[65];

	(void)state;
	vantio_sha256_both(vantio_sha256_pairs(), &a, &b);
	vantio_hex(hex, abc, 32);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	vantio_hex(hex, two, 32);
	assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_pair_of_any_lengths_is_that_of_each),
		cmocka_unit_test(sha256_pair_without_the_instructions_is_the_same),
		cmocka_unit_test(sha256_pair_of_published_messages_is_as_published),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("sha256_pair", tests, NULL, NULL);
}
