// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"

static void assert_escapes(const void *bytes, size_t len, const char *want)
{
	cleanup_buf struct vantio_buf raw = VANTIO_BUF_INIT;
	cleanup_free char *got = vantio_escape_dup(bytes, len);

	assert_non_null(got);
	assert_string_equal(got, want);
	assert_true(vantio_unescape(&raw, got, strlen(got)));
	assert_int_equal(raw.len, len);
	if (len)
		assert_memory_equal(raw.data, bytes, len);
}

static void text_hex_of_any_length_is_two_digits_a_byte(void **state)
{
	uint8_t bytes[256];
	char got[513], want[3];
	size_t len, i;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + 5); /* each value once */
	for (len = 0; len <= sizeof(bytes); len++) {
		vantio_hex(got, bytes, len);
		assert_int_equal(strlen(got), 2 * len);
		for (i = 0; i < len; i++) {
			snprintf(want, sizeof(want), "%02x", bytes[i]);
			assert_memory_equal(got + 2 * i, want, 2);
		}
	}
}

static void text_escape_hostile_bytes_are_hex(void **state)
{
	(void)state;
	assert_escapes("", 0, "");
	assert_escapes("/usr/bin/x y", 12, "/usr/bin/x y");
	assert_escapes("a\\b", 3, "a\\\\b");
	assert_escapes("\x1b[31m\r\n\0\x7f", 9, "\\x1b[31m\\x0d\\x0a\\x00\\x7f");
	assert_escapes("caf\xc3\xa9 \xf0\x9f\x92\xa9", 10, "caf\xc3\xa9 \xf0\x9f\x92\xa9");
	assert_escapes("\xc2\x9b" "1m", 4, "\\xc2\\x9b1m"); /* CSI as a C1 control */
	assert_escapes("\xc3", 1, "\\xc3");
	assert_escapes("\xe2\x80\xae" "x", 4, "\\xe2\\x80\\xaex"); /* right-to-left override */
	assert_escapes("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* surrogate */
	assert_escapes("\xc0\xaf", 2, "\\xc0\\xaf");
	assert_escapes("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80");
}

static void text_escape_every_pair_of_bytes_comes_back(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 65536; i++) {
		uint8_t pair[2] = { (uint8_t)(i >> 8), (uint8_t)i };
		cleanup_buf struct vantio_buf raw = VANTIO_BUF_INIT;
		cleanup_free char *text = vantio_escape_dup(pair, 2);

		assert_true(vantio_utf8_valid(text, strlen(text)));
		assert_true(vantio_unescape(&raw, text, strlen(text)));
		assert_int_equal(raw.len, 2);
		assert_memory_equal(raw.data, pair, 2);
	}
}

static void text_unescape_other_spellings_are_refused(void **state)
{
	static const char *const bad[] = { "\\", "a\\", "\\x", "\\x1", "\\xzz", "\\n", "\\x41", "\\x1B", "\x1b", "\xff",
					   "\\xc3\\xa9" };
	size_t i;

	(void)state;
	for (i = 0; i < VANTIO_ARRAY_SIZE(bad); i++) {
		cleanup_buf struct vantio_buf raw = VANTIO_BUF_INIT;

		assert_false(vantio_unescape(&raw, bad[i], strlen(bad[i])));
		assert_int_equal(raw.len, 0);
	}
}

static void text_utf8_follows_rfc3629(void **state)
{
	(void)state;
	assert_true(vantio_utf8_valid("", 0));
	assert_true(vantio_utf8_valid("a\0b", 3));
	assert_true(vantio_utf8_valid("\xed\x9f\xbf\xee\x80\x80", 6));
	assert_true(vantio_utf8_valid("\xf4\x8f\xbf\xbf", 4));
	assert_false(vantio_utf8_valid("\xed\xa0\x80", 3));
	assert_false(vantio_utf8_valid("\xe0\x9f\xbf", 3));
	assert_false(vantio_utf8_valid("\xf0\x8f\xbf\xbf", 4));
	assert_false(vantio_utf8_valid("\xf4\x90\x80\x80", 4));
	assert_false(vantio_utf8_valid("\xc1\xbf", 2));
	assert_false(vantio_utf8_valid("\x80", 1));
	assert_false(vantio_utf8_valid("\xe2\x82", 2));
}

static void text_hex_goes_both_ways(void **state)
{
	uint8_t bytes[3] = { 0, 0xab, 0xff }, back[3] = { 9, 9, 9 };
	char hex[7];

	(void)state;
	vantio_hex(hex, bytes, 3);
	assert_string_equal(hex, "00abff");
	assert_true(vantio_unhex(back, 3, "00ABff", 6));
	assert_memory_equal(back, bytes, 3);
	assert_false(vantio_unhex(back, 3, "00abf", 5));
	assert_false(vantio_unhex(back, 3, "00abff0", 7));
	assert_false(vantio_unhex(back, 3, "00abfg", 6));
	assert_memory_equal(back, bytes, 3);
}

static bool u64(const char *s, uint64_t max, uint64_t *ret)
{
	return vantio_parse_u64(s, strlen(s), max, ret);
}

static void text_u64_has_one_spelling(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_true(u64("0", 10, &v) && v == 0);
	assert_true(u64("18446744073709551615", UINT64_MAX, &v) && v == UINT64_MAX);
	v = 7;
	assert_false(u64("18446744073709551616", UINT64_MAX, &v));
	assert_false(u64("99999999999999999999", UINT64_MAX, &v));
	assert_false(u64("100000000000000000000", UINT64_MAX, &v));
	assert_false(u64("", 10, &v));
	assert_false(u64("00", 10, &v));
	assert_false(u64("01", 10, &v));
	assert_false(u64("+1", 10, &v));
	assert_false(u64("-1", 10, &v));
	assert_false(u64(" 1", 10, &v));
	assert_false(u64("1 ", 10, &v));
	assert_false(u64("11", 10, &v));
	assert_int_equal(v, 7);
}

static void text_trace_id_is_hex_after_0x(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_false(vantio_parse_trace_id("", &v));
	assert_false(vantio_parse_trace_id("0", &v));
	assert_false(vantio_parse_trace_id("0x", &v));
	assert_false(vantio_parse_trace_id("0X1", &v));
	assert_false(vantio_parse_trace_id("0x1g", &v));
	assert_false(vantio_parse_trace_id("0x10000000000000000", &v));
	assert_int_equal(v, 7);
	assert_true(vantio_parse_trace_id("0x1f", &v) && v == 0x1f);
	assert_true(vantio_parse_trace_id("0xffffFFFFffffFFFF", &v) && v == UINT64_MAX);
}

static void text_duration_needs_a_unit(void **state)
{
	static const char *const bad[] = { "", "5", "s", "5 s", "5d", "-5s", "05s", "5sec", "1.5s", "18446744074s", "99999999999999999999h" };
	uint64_t v = 7;
	size_t i;

	(void)state;
	for (i = 0; i < VANTIO_ARRAY_SIZE(bad); i++)
		assert_false(vantio_parse_duration(bad[i], &v));
	assert_int_equal(v, 7);
	assert_true(vantio_parse_duration("250ms", &v) && v == 250000000ull);
	assert_true(vantio_parse_duration("60s", &v) && v == 60000000000ull);
	assert_true(vantio_parse_duration("5m", &v) && v == 300000000000ull);
	assert_true(vantio_parse_duration("2h", &v) && v == 7200000000000ull);
	assert_true(vantio_parse_duration("18446744073s", &v) && v == 18446744073000000000ull);
}

static void assert_time(const char *text, uint64_t ns)
{
	char out[VANTIO_RFC3339_LEN];
	uint64_t back = ~ns;

	vantio_format_time(out, ns);
	assert_string_equal(out, text);
	assert_true(vantio_parse_time(text, &back));
	assert_true(back == ns);
}

static void text_time_goes_both_ways(void **state)
{
	uint64_t v;

	(void)state;
	assert_time("1970-01-01T00:00:00.000000000Z", 0);
	assert_time("2000-02-29T23:59:59.999999999Z", 951868799999999999ull);
	assert_time("2026-11-20T10:01:02.123456789Z", 1795168862123456789ull);
	assert_time("2100-03-01T00:00:00.000000001Z", 4107542400000000001ull);
	assert_time("2554-07-21T23:34:33.709551615Z", UINT64_MAX);
	assert_true(vantio_parse_time("2026-11-20T10:01:02Z", &v) && v == 1795168862000000000ull);
	assert_true(vantio_parse_time("2026-11-20T10:01:02.5+00:00", &v) && v == 1795168862500000000ull);
}

static void text_time_bad_spellings_are_refused(void **state)
{
	static const char *const bad[] = { "", "2026", "2026-11-20", "2026-11-20T10:01:02", "2026-11-20 10:01:02Z",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
		"2026-11-20T24:00:00Z", "2026-11-20T10:60:00Z", "2026-11-20T10:01:60Z", "2026-11-20T10:01:02.Z",
		"2026-11-20T10:01:02.1234567890Z", "2026-11-20T10:01:02+01:00", "2026-11-20T10:01:02-00:00", "2026-11-20T10:01:02Zx",
		"2026-11-20T10:01:02+00:00x", "1969-12-31T23:59:59Z", "2554-07-21T23:34:33.709551616Z", "9999-12-31T23:59:59Z" };
	uint64_t v = 7;
	size_t i;

	(void)state;
	for (i = 0; i < VANTIO_ARRAY_SIZE(bad); i++)
		assert_false(vantio_parse_time(bad[i], &v));
	assert_int_equal(v, 7);
}

static void text_nearest_offers_only_what_is_near(void **state)
{
	static const char *const names[] = { "policy", "ledger", "killswitch", "run", "cgroups" };
	const size_t n = VANTIO_ARRAY_SIZE(names);
	char lengthy[5000];

	(void)state;
	assert_string_equal(vantio_nearest("polcy", names, n), "policy");
	assert_string_equal(vantio_nearest("leDgre", names, n), "ledger");
	assert_string_equal(vantio_nearest("kill", names, n), "killswitch");
	assert_string_equal(vantio_nearest("rnu", names, n), "run");
	assert_string_equal(vantio_nearest("cgroup", names, n), "cgroups");
	assert_null(vantio_nearest("xyzzy", names, n));
	assert_null(vantio_nearest("", names, n));
	assert_null(vantio_nearest("x", names, 0));
	memset(lengthy, 'a', sizeof(lengthy) - 1);
	lengthy[sizeof(lengthy) - 1] = '\0';
	assert_null(vantio_nearest(lengthy, names, n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_hex_of_any_length_is_two_digits_a_byte),
		cmocka_unit_test(text_escape_hostile_bytes_are_hex),
		cmocka_unit_test(text_escape_every_pair_of_bytes_comes_back),
		cmocka_unit_test(text_unescape_other_spellings_are_refused),
		cmocka_unit_test(text_utf8_follows_rfc3629),
		cmocka_unit_test(text_hex_goes_both_ways),
		cmocka_unit_test(text_u64_has_one_spelling),
		cmocka_unit_test(text_trace_id_is_hex_after_0x),
		cmocka_unit_test(text_duration_needs_a_unit),
		cmocka_unit_test(text_time_goes_both_ways),
		cmocka_unit_test(text_time_bad_spellings_are_refused),
		cmocka_unit_test(text_nearest_offers_only_what_is_near),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
