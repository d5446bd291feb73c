// SPDX-License-Identifier: Apache-2.0
/* Searching by time, where the wall clock was set back. */
#include <sqlite3.h>

#include "ledger_fixture.h"
#include "ledger/index.h"
#include "ledger/store.h"

#define MINUTE 60000000000ull
#define N      600

/* A log of N lines, and of no more than an index needs. The wall clock of leaf i is `mono` plus offset(i). */
static void write_log(const struct fixture *f, uint64_t (*offset)(uint64_t i), uint64_t ts[N])
{
	struct vantio_record_host host = { .host = "h", .boot_id = "00000000-0000-0000-0000-000000000000" };
	struct vantio_record_work work = { .n_random = 0 };
	struct vantio_buf line = VANTIO_BUF_INIT, private = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	char path[192];
	uint64_t i;
	FILE *log;

	fixture_path(f, "log", path);
	assert_ok(vantio_make_dirs(path, 0700, &err), err);
	fixture_path(f, "log/00000000.ndjson", path);
	log = fopen(path, "w");
	assert_non_null(log);
	for (i = 0; i < N; i++) {
		struct vantio_record r = fixture_record(i);

		r.leaf = i;
		r.mono_ns = 1700000000000000000ull + i / 3 * 1000; /* three at a time have the same */
		host.boot_offset_ns = offset(i);
		ts[i] = r.mono_ns + host.boot_offset_ns;
		vantio_buf_reset(&line);
		vantio_buf_reset(&private);
		assert_ok(vantio_record_write(&r, &host, &work, &line, &private, &err), err);
		vantio_buf_putc(&line, '\n');
		assert_int_equal(fwrite(line.data, 1, line.len, log), line.len);
	}
	assert_int_equal(fclose(log), 0);
	vantio_buf_free(&line);
	vantio_buf_free(&private);
	vantio_record_work_clear(&work);
}

struct hits {
	uint64_t leaves[N];
	size_t n;
};

static int take(void *ctx, const struct vantio_place *place, struct vantio_error *err)
{
	struct hits *h = ctx;

	(void)err;
	h->leaves[h->n++] = place->leaf;
	return 0;
}

static void assert_found(struct vantio_index *ix, const uint64_t ts[N], uint64_t since, uint64_t until, uint64_t limit, bool newest)
{
	struct vantio_query q = { .since = since, .until = until, .decision = -1, .below = N, .limit = limit, .newest = newest };
	struct vantio_error err = { 0 };
	struct hits want = { .n = 0 }, got = { .n = 0 };
	uint64_t i, skip;

	for (i = 0; i < N; i++)
		if (ts[i] >= since && ts[i] <= until)
			want.leaves[want.n++] = i;
	assert_ok(vantio_index_query(ix, &q, take, &got, &err), err);
	skip = newest && want.n > limit ? want.n - limit : 0;
	assert_int_equal(got.n, want.n < limit ? want.n : limit);
	for (i = 0; i < got.n; i++)
		assert_int_equal(got.leaves[i], want.leaves[skip + i]);
}

static void assert_times(struct fixture *f, uint64_t (*offset)(uint64_t i))
{
	static uint64_t ts[N];
	struct vantio_index *ix = NULL;
	struct vantio_error err = { 0 };
	int dirfd;
	size_t i, j;

	write_log(f, offset, ts);
	dirfd = vantio_store_open_dir(f->ledger, &err);
	assert_ok(dirfd, err);
	assert_ok(vantio_index_open(dirfd, VANTIO_INDEX_MEMORY, &ix, &err), err);
	/* In two parts: the second begins where the clock of the row before must be looked up. */
	assert_ok(vantio_index_catch_up(ix, 200, NULL, &err), err);
	assert_ok(vantio_index_catch_up(ix, N, NULL, &err), err);
	for (i = 0; i < N; i += 37) {
		assert_found(ix, ts, ts[i], UINT64_MAX, N, false);
		assert_found(ix, ts, ts[i] + 1, UINT64_MAX, 5, true);
		assert_found(ix, ts, 0, ts[i], 5, false);
		for (j = 0; j < N; j += 41)
			assert_found(ix, ts, ts[i], ts[j] + 1, N, false);
	}
	assert_found(ix, ts, 1, 2, N, false);
	assert_found(ix, ts, INT64_MAX, UINT64_MAX, N, false);
	vantio_index_close(ix);
	close(dirfd);
}

static uint64_t steady(uint64_t i)
{
	(void)i;
	return 5;
}

static uint64_t set_back_twice(uint64_t i)
{
	return i < 200 ? 60 * MINUTE : i < 400 ? 0 : 30 * MINUTE;
}

static uint64_t set_back_then_ahead(uint64_t i)
{
	return i < 100 ? 10 * MINUTE : i < 150 ? 0 : i < 500 ? 90 * MINUTE : 20 * MINUTE;
}

static uint64_t never_at_rest(uint64_t i)
{
	return i % 5 * MINUTE;
}

static void index_of_a_steady_clock_finds_times(void **state)
{
	assert_times(*state, steady);
}

static void index_of_a_clock_set_back_finds_times(void **state)
{
	assert_times(*state, set_back_twice);
}

static void index_of_a_clock_set_ahead_and_back_finds_times(void **state)
{
	assert_times(*state, set_back_then_ahead);
}

static void index_of_a_clock_set_back_too_often_finds_times(void **state)
{
	assert_times(*state, never_at_rest);
}

static void index_that_lies_about_the_clock_contradicts_the_log(void **state)
{
	struct vantio_verify_options opts = { .vkey = NULL };
	struct fixture *f = *state;
	struct vantio_ledger_report report;
	struct vantio_error err = { 0 };
	sqlite3 *db = NULL;
	char path[192];

	fixture_append(f, 20, 20);
	fixture_path(f, "index.sqlite3", path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DROP TRIGGER record_update; UPDATE record SET back = 1 WHERE leaf = 7;"
				      "PRAGMA wal_checkpoint(TRUNCATE);", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_ok(vantio_ledger_verify(f->ledger, &opts, &report, &err), err);
	assert_int_equal(report.verdict, VANTIO_LEDGER_FAIL);
	assert_int_equal(report.leaf, 7);
	assert_non_null(strstr(report.reason, "another back"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(index_of_a_steady_clock_finds_times, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(index_of_a_clock_set_back_finds_times, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(index_of_a_clock_set_ahead_and_back_finds_times, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(index_of_a_clock_set_back_too_often_finds_times, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(index_that_lies_about_the_clock_contradicts_the_log, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("index_time", tests, NULL, NULL);
}
