// SPDX-License-Identifier: Apache-2.0
/* Batches that a second thread commits. */
#include <signal.h>
#include <sys/resource.h>

#include "ledger_fixture.h"

#define BATCH 300

static void assert_sound(const struct fixture *f, uint64_t records)
{
	struct vantio_verify_options opts = { .vkey = NULL };
	struct vantio_ledger_report report;
	struct vantio_error err = { 0 };

	assert_ok(vantio_ledger_verify(f->ledger, &opts, &report, &err), err);
	if (report.verdict != VANTIO_LEDGER_UNANCHORED)
		fail_msg("%s", report.reason);
	assert_int_equal(report.records, records);
}

static void stage(struct vantio_ledger *l, uint64_t from, uint64_t n)
{
	struct vantio_error err = { 0 };
	struct vantio_record r;
	uint64_t i;

	for (i = from; i < from + n; i++) {
		r = fixture_record(i);
		assert_ok(vantio_ledger_append(l, &r, &err), err);
		assert_int_equal(r.leaf, i);
	}
}

static void submitted_batches_are_durable_once_commit_returns(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;
	uint64_t i;

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	for (i = 0; i < 8; i++) {
		stage(l, i * BATCH, BATCH);
		assert_ok(vantio_ledger_submit(l, &err), err);
		assert_int_equal(vantio_ledger_staged(l), 0);
		/* At most one batch is under way. */
		assert_true(vantio_ledger_size(l) >= i * BATCH);
	}
	stage(l, 8 * BATCH, 7);
	assert_ok(vantio_ledger_submit(l, &err), err);
	assert_ok(vantio_ledger_commit(l, &err), err);
	assert_int_equal(vantio_ledger_size(l), 8 * BATCH + 7);
	assert_sound(f, 8 * BATCH + 7);
	stage(l, 8 * BATCH + 7, 1);
	assert_ok(vantio_ledger_commit(l, &err), err);
	assert_ok(vantio_ledger_submit(l, &err), err); /* nothing staged */
	vantio_ledger_close(l);
	assert_sound(f, 8 * BATCH + 8);
}

static void submitted_batch_is_committed_before_a_close_returns(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	stage(l, 0, BATCH);
	assert_ok(vantio_ledger_submit(l, &err), err);
	stage(l, BATCH, 5);
	vantio_ledger_close(l);
	assert_sound(f, BATCH);
}

static void overfull_stage_is_submitted_by_itself(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	stage(l, 0, 20000);
	assert_true(vantio_ledger_staged(l) < 20000);
	assert_ok(vantio_ledger_commit(l, &err), err);
	assert_int_equal(vantio_ledger_size(l), 20000);
	vantio_ledger_close(l);
	assert_sound(f, 20000);
}

static void fail_submission(const struct fixture *f, uint64_t n)
{
	struct rlimit before, small;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;
	struct vantio_record r;

	fixture_append(f, 10, 10);
	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	stage(l, 10, n);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){ 20000, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_ok(vantio_ledger_submit(l, &err), err);
	assert_int_equal(vantio_ledger_commit(l, &err), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_non_null(strstr(err.text, "stopped after a failed write"));
	r = fixture_record(10 + n);
	assert_int_equal(vantio_ledger_append(l, &r, &err), -EFBIG);
	assert_int_equal(vantio_ledger_submit(l, &err), -EFBIG);
	assert_int_equal(vantio_ledger_size(l), 10);
	vantio_ledger_close(l);
	fixture_append(f, 1, 1);
	assert_sound(f, 11);
}

static void failed_submission_is_told_by_the_next_call_and_ends_the_writer(void **state)
{
	fail_submission(*state, 50);
}

/* Its halves are written by threads of their own, past the page cache. */
static void failed_submission_of_many_ends_the_writer(void **state)
{
	fail_submission(*state, 3000);
}

/* From one segment into the next in one batch, and on from there. */
static void submitted_batches_may_cross_into_the_next_segment(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;
	uint64_t i, n = 0;

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	for (i = 0; i < 15; i++, n += 4500) {
		stage(l, n, 4500);
		assert_ok(vantio_ledger_submit(l, &err), err);
	}
	assert_ok(vantio_ledger_commit(l, &err), err);
	vantio_ledger_close(l);
	assert_true(n > VANTIO_SEGMENT_RECORDS);
	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	assert_null(vantio_ledger_notice(l, 0));
	stage(l, n, 1000);
	assert_ok(vantio_ledger_commit(l, &err), err);
	vantio_ledger_close(l);
	assert_sound(f, n + 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(submitted_batches_are_durable_once_commit_returns, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(submitted_batch_is_committed_before_a_close_returns, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(overfull_stage_is_submitted_by_itself, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(submitted_batches_may_cross_into_the_next_segment, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(failed_submission_of_many_ends_the_writer, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(failed_submission_is_told_by_the_next_call_and_ends_the_writer, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("submit", tests, NULL, NULL);
}
