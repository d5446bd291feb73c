// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void error_text_may_be_its_own_argument(void **state)
{
	struct vantio_error err = { 0 };

	(void)state;
	assert_int_equal(vantio_fail(&err, ENOENT, "no %s", "file"), -ENOENT);
	assert_int_equal(vantio_fail(&err, err.code, "%s, and so on", err.text), -ENOENT);
	assert_string_equal(err.text, "no file, and so on");
	assert_int_equal(vantio_fail(&err, 0, "no code"), -EIO);
}

static void error_prefix_cuts_what_does_not_fit(void **state)
{
	struct vantio_error err = { 0 };
	char big[VANTIO_ERROR_TEXT * 2];

	(void)state;
	vantio_fail(&err, EPERM, "inner");
	assert_int_equal(vantio_fail_prefix(&err, "outer %d", 1), -EPERM);
	assert_string_equal(err.text, "outer 1: inner");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(vantio_fail(&err, EPERM, "%s", big), -EPERM);
	assert_int_equal(strlen(err.text), VANTIO_ERROR_TEXT - 1);
	assert_int_equal(vantio_fail_prefix(&err, "p"), -EPERM);
	assert_int_equal(strlen(err.text), VANTIO_ERROR_TEXT - 1);
	assert_memory_equal(err.text, "p: xxx", 6);
	assert_int_equal(vantio_fail_prefix(&err, "%s", big), -EPERM);
	assert_int_equal(strlen(err.text), VANTIO_ERROR_TEXT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_text_may_be_its_own_argument),
		cmocka_unit_test(error_prefix_cuts_what_does_not_fit),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
