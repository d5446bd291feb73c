// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/base64.h"

#define LONGEST 300

/* RFC 4648, bit by bit: slow and plain. */
static size_t encode_plainly(enum vantio_base64 kind, char *out, const uint8_t *bytes, size_t len)
{
	const char *last = kind == VANTIO_BASE64_STD ? "+/" : "-_";
	size_t bits = len * 8, at, n = 0;
	unsigned v, i;

	for (at = 0; at < bits; at += 6) {
		v = 0;
		for (i = 0; i < 6; i++)
			v = v << 1 | (at + i < bits ? bytes[(at + i) / 8] >> (7 - (at + i) % 8) & 1u : 0);
		out[n++] = (char)(v < 26 ? 'A' + v : v < 52 ? 'a' + v - 26 : v < 62 ? '0' + v - 52 : (unsigned)last[v - 62]);
	}
	while (kind == VANTIO_BASE64_STD && n % 4)
		out[n++] = '=';
	return n;
}

static void check(enum vantio_base64 kind, const uint8_t *bytes, size_t len)
{
	char want[2 * LONGEST], got[2 * LONGEST];
	uint8_t back[LONGEST];
	size_t n = encode_plainly(kind, want, bytes, len), back_len;

	memset(got, '!', sizeof(got));
	assert_int_equal(vantio_base64_encode(kind, got, bytes, len), n);
	assert_int_equal(n, kind == VANTIO_BASE64_STD ? VANTIO_BASE64_STD_LEN(len) : VANTIO_BASE64_URL_LEN(len));
	assert_memory_equal(got, want, n);
	assert_int_equal(got[n], '!'); /* nothing beyond */
	assert_true(vantio_base64_decode(kind, back, sizeof(back), got, n, &back_len));
	assert_int_equal(back_len, len);
	if (len)
		assert_memory_equal(back, bytes, len);
}

static void base64_any_bytes_are_spelled_as_bit_by_bit(void **state)
{
	uint8_t bytes[LONGEST + 16];
	size_t len, shift;
	int round;

	(void)state;
	for (round = 0; round < 40; round++)
		for (len = 0; len <= LONGEST; len += len < 70 ? 1 : 7) {
			shift = (size_t)round % 16;
			randombytes_buf(bytes, sizeof(bytes));
			check(VANTIO_BASE64_STD, bytes + shift, len);
			check(VANTIO_BASE64_URL, bytes + shift, len);
		}
}

static void base64_every_value_at_every_place_is_right(void **state)
{
	uint8_t bytes[48];
	unsigned value;
	size_t at;

	(void)state;
	for (at = 0; at < sizeof(bytes); at++)
		for (value = 0; value < 256; value++) {
			memset(bytes, value & 1 ? 0xff : 0, sizeof(bytes));
			bytes[at] = (uint8_t)value;
			check(VANTIO_BASE64_STD, bytes, sizeof(bytes));
			check(VANTIO_BASE64_URL, bytes, sizeof(bytes));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_any_bytes_are_spelled_as_bit_by_bit),
		cmocka_unit_test(base64_every_value_at_every_place_is_right),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
