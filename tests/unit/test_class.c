// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "base/class.h"

static void class_table_says_what_the_definitions_say(void **state)
{
	int c;

	(void)state;
	for (c = 0; c < 256; c++) {
		unsigned hex = c && strchr("0123456789abcdef", c) ? VANTIO_CLASS_HEX : 0;
		unsigned b64 = c < 128 && (isalnum(c) || c == '-' || c == '_') ? VANTIO_CLASS_B64 : 0;
		unsigned plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\' ? VANTIO_CLASS_PLAIN : 0;

		assert_int_equal(vantio_class[c], hex | b64 | plain);
	}
}

/* Each length up to some words, with the stranger at each place and at none. */
static void class_span_ends_at_the_first_stranger(void **state)
{
	char text[40];
	size_t len, at;

	(void)state;
	for (len = 0; len <= sizeof(text); len++)
		for (at = 0; at <= len; at++) {
			memset(text, 'a', sizeof(text));
			if (at < len)
				text[at] = 'g';
			assert_int_equal(vantio_class_span(text, len, VANTIO_CLASS_HEX), at);
			assert_int_equal(vantio_class_span(text, len, VANTIO_CLASS_B64), len);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_table_says_what_the_definitions_say),
		cmocka_unit_test(class_span_ends_at_the_first_stranger),
	};

	return cmocka_run_group_tests_name("class", tests, NULL, NULL);
}
