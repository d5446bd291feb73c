// SPDX-License-Identifier: Apache-2.0
#include "ledger_fixture.h"

static void ledger_new_folder_opens_empty(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	assert_int_equal(vantio_ledger_size(l), 0);
	vantio_ledger_close(l);
	fixture_append(f, 0, 1);
}

static void ledger_appended_records_are_there_after_reopening(void **state)
{
	struct fixture *f = *state;
	size_t len, lines = 0, i;
	char *log;

	fixture_append(f, 3, 1);
	fixture_append(f, 300, 64);
	fixture_append(f, 1000, 1000);
	fixture_append(f, 0, 1);
	log = fixture_read(f, "log/00000000.ndjson", &len);
	for (i = 0; i < len; i++)
		lines += log[i] == '\n';
	assert_int_equal(lines, 1303);
	free(log);
}

static void ledger_second_writer_is_told_who_holds_it(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL, *second = NULL;
	char pid[32];

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	assert_int_equal(vantio_ledger_open(f->ledger, &second, &err), -EBUSY);
	snprintf(pid, sizeof(pid), "process %d", getpid());
	assert_non_null(strstr(err.text, pid));
	assert_null(second);
	vantio_ledger_close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ledger_new_folder_opens_empty, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(ledger_appended_records_are_there_after_reopening, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(ledger_second_writer_is_told_who_holds_it, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
