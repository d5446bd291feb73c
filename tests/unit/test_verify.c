// SPDX-License-Identifier: Apache-2.0
#include "ledger_fixture.h"

static struct vantio_ledger_report verify_with(const struct fixture *f, const struct vantio_verify_options *opts)
{
	struct vantio_ledger_report report = { .records = 0 };
	struct vantio_error err = { 0 };

	assert_ok(vantio_ledger_verify(f->ledger, opts, &report, &err), err);
	return report;
}

static struct vantio_ledger_report verify(const struct fixture *f)
{
	return verify_with(f, &(struct vantio_verify_options){ .vkey = NULL });
}

static void verify_sound_ledger_is_ok_and_unanchored(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger_report r;

	fixture_append(f, 600, 100);
	r = verify(f);
	assert_string_equal(r.reason, "");
	assert_int_equal(r.verdict, VANTIO_LEDGER_UNANCHORED);
	assert_int_equal(r.records, 600);
}

static void verify_second_run_with_memory_is_ok(void **state)
{
	struct fixture *f = *state;
	struct vantio_verify_options opts = { .state_dir = f->state };

	fixture_append(f, 10, 10);
	assert_int_equal(verify_with(f, &opts).verdict, VANTIO_LEDGER_UNANCHORED);
	fixture_append(f, 300, 10);
	assert_int_equal(verify_with(f, &opts).verdict, VANTIO_LEDGER_OK);
}

static void verify_changed_byte_of_a_line_names_its_leaf(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger_report r;
	char *log, *p;
	size_t len;
	int i;

	fixture_append(f, 20, 20);
	log = fixture_read(f, "log/00000000.ndjson", &len);
	for (p = log, i = 0; i < 7; i++)
		p = strchr(p, '\n') + 1;
	p = strstr(p, "\"uid\":1000");
	p[6] = '2';
	fixture_write(f, "log/00000000.ndjson", log, len);
	free(log);
	r = verify(f);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_true(r.has_leaf);
	assert_int_equal(r.leaf, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(verify_sound_ledger_is_ok_and_unanchored, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(verify_second_run_with_memory_is_ok, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(verify_changed_byte_of_a_line_names_its_leaf, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
