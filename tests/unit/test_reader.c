// SPDX-License-Identifier: Apache-2.0
#include "ledger_fixture.h"

#include <sys/wait.h>

#include "ledger/reader.h"

static int count(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	(void)hit;
	(void)err;
	++*(uint64_t *)ctx;
	return 0;
}

static uint64_t found(struct vantio_reader *r, uint64_t after, uint64_t below)
{
	const struct vantio_query q = { .until = UINT64_MAX, .decision = -1, .limit = UINT64_MAX, .has_after = after > 0, .after = after,
					.below = below };
	struct vantio_error err = { 0 };
	uint64_t n = 0;

	assert_ok(vantio_reader_find(r, &q, count, &n, &err), err);
	return n;
}

static void reader_refreshed_sees_what_was_committed_since(void **state)
{
	struct fixture *f = *state;
	struct vantio_reader *r = NULL;
	struct vantio_error err = { 0 };

	fixture_append(f, 3, 3);
	assert_ok(vantio_reader_open(f->ledger, &r, &err), err);
	fixture_append(f, 4, 2);
	assert_int_equal(vantio_reader_size(r), 3);
	assert_int_equal(found(r, 0, 0), 3);
	assert_ok(vantio_reader_refresh(r, &err), err);
	assert_int_equal(vantio_reader_size(r), 7);
	assert_int_equal(found(r, 2, 0), 4);
	assert_int_equal(found(r, 2, 5), 2);
	assert_int_equal(found(r, 0, 99), 7);
	vantio_reader_close(r);
}

static void reader_refreshed_refuses_a_ledger_that_went_back(void **state)
{
	struct fixture *f = *state;
	struct vantio_reader *r = NULL;
	struct vantio_error err = { 0 };
	char *old;
	size_t len;

	fixture_append(f, 3, 3);
	old = fixture_read(f, "checkpoint", &len);
	fixture_append(f, 2, 2);
	assert_ok(vantio_reader_open(f->ledger, &r, &err), err);
	fixture_write(f, "checkpoint", old, len);
	assert_int_equal(vantio_reader_refresh(r, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "went back from 5 records to 3"));
	vantio_reader_close(r);
	free(old);
}

/* The writer's index grows between a reader's looks at the checkpoint and at the index: that is no older ledger put back. */
static void reader_beside_a_writer_is_never_behind_its_index(void **state)
{
	struct fixture *f = *state;
	struct vantio_reader *r = NULL;
	struct vantio_error err = { 0 };
	int status = 0;
	pid_t writer;

	fixture_append(f, 1, 1);
	writer = fork();
	if (writer == 0) {
		fixture_append(f, 400, 1);
		_exit(0);
	}
	while (waitpid(writer, &status, WNOHANG) == 0) {
		assert_ok(vantio_reader_open(f->ledger, &r, &err), err);
		assert_ok(vantio_reader_refresh(r, &err), err);
		vantio_reader_close(r);
	}
	assert_int_equal(status, 0);
	assert_ok(vantio_reader_open(f->ledger, &r, &err), err);
	assert_int_equal(found(r, 0, 0), 401);
	vantio_reader_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reader_refreshed_sees_what_was_committed_since, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(reader_refreshed_refuses_a_ledger_that_went_back, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(reader_beside_a_writer_is_never_behind_its_index, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
