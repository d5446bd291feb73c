// SPDX-License-Identifier: Apache-2.0
/* A checkpoint that was signed and not yet renamed when its writer was killed. */
#include "ledger_hands.h"

#define TEMPORARY ".checkpoint.abcdef.tmp"

/* Three records published; two more in the log, whose checkpoint has only its temporary name. The note of the three is returned. */
static char *cut_short(const struct fixture *f, size_t *ret_len)
{
	char *older, *newer;
	size_t len;

	fixture_append(f, 3, 3);
	older = fixture_read(f, "checkpoint", ret_len);
	fixture_append(f, 2, 2);
	newer = fixture_read(f, "checkpoint", &len);
	fixture_write(f, TEMPORARY, newer, len);
	fixture_write(f, "checkpoint", older, *ret_len);
	drop_index(f);
	free(newer);
	return older;
}

/* Opens it, and says how many records it has and what recovery did. */
static uint64_t open_size(const struct fixture *f, char notices[1024])
{
	struct vantio_ledger *l = NULL;
	struct vantio_error err = { 0 };
	uint64_t size;
	size_t i;

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	notices[0] = '\0';
	for (i = 0; vantio_ledger_notice(l, i); i++)
		strncat(notices, vantio_ledger_notice(l, i), 1023 - strlen(notices));
	size = vantio_ledger_size(l);
	vantio_ledger_close(l);
	return size;
}

static bool is_there(const struct fixture *f, const char *name)
{
	char path[192];

	fixture_path(f, name, path);
	return access(path, F_OK) == 0;
}

static void unpublished_whole_is_published(void **state)
{
	const struct fixture *f = *state;
	char notices[1024];
	size_t len;

	free(cut_short(f, &len));
	assert_int_equal(open_size(f, notices), 5);
	assert_non_null(strstr(notices, "2 records that were signed and not acknowledged"));
	assert_false(is_there(f, TEMPORARY));
	assert_int_equal(verify(f).records, 5);
	fixture_append(f, 1, 1);
	assert_int_equal(verify(f).verdict, VANTIO_LEDGER_UNANCHORED);
}

static void unpublished_beyond_a_cut_log_is_kept_as_evidence(void **state)
{
	const struct fixture *f = *state;
	char notices[1024];
	struct lines l;
	size_t len;

	free(cut_short(f, &len));
	l = read_lines(f, LOG);
	l.n = 3;
	write_lines(f, LOG, &l, "\n");
	free(l.data);
	assert_int_equal(open_size(f, notices), 3);
	assert_non_null(strstr(notices, "a checkpoint was signed for records that the log does not hold"));
	assert_non_null(strstr(notices, "quarantine/"));
	assert_false(is_there(f, TEMPORARY));
	fixture_append(f, 1, 1);
	assert_int_equal(verify(f).verdict, VANTIO_LEDGER_UNANCHORED);
}

static void unpublished_torn_is_dropped(void **state)
{
	const struct fixture *f = *state;
	char notices[1024], *note;
	size_t len;

	free(cut_short(f, &len));
	note = fixture_read(f, TEMPORARY, &len);
	fixture_write(f, TEMPORARY, note, len - 9);
	free(note);
	assert_int_equal(open_size(f, notices), 3);
	assert_non_null(strstr(notices, "that no checkpoint covers were set aside"));
	assert_false(is_there(f, TEMPORARY));
}

static void unpublished_of_another_key_is_dropped(void **state)
{
	const struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_skey other;
	char notices[1024], *note;
	size_t len;

	free(cut_short(f, &len));
	note = fixture_read(f, TEMPORARY, &len);
	strstr(note, "\n\n")[1] = '\0';
	assert_ok(vantio_skey_generate("example.org/other", &other, &err), err);
	write_note(f, TEMPORARY, note, &other);
	free(note);
	assert_int_equal(open_size(f, notices), 3);
}

static void unpublished_older_is_dropped(void **state)
{
	const struct fixture *f = *state;
	char notices[1024], *older;
	size_t len;

	fixture_append(f, 2, 2);
	older = fixture_read(f, "checkpoint", &len);
	fixture_append(f, 2, 2);
	fixture_write(f, TEMPORARY, older, len);
	free(older);
	assert_int_equal(open_size(f, notices), 4);
	assert_string_equal(notices, "");
	assert_false(is_there(f, TEMPORARY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(unpublished_whole_is_published, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(unpublished_beyond_a_cut_log_is_kept_as_evidence, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(unpublished_torn_is_dropped, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(unpublished_of_another_key_is_dropped, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(unpublished_older_is_dropped, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("unpublished", tests, NULL, NULL);
}
