// SPDX-License-Identifier: Apache-2.0
/* Erasing private values: what goes, what stays, and that the log verifies all the same. */
#include "ledger_hands.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/text.h"
#include "ledger/reader.h"

#define FUTURE 4000000000000000000u /* wall-clock ns, 2096 */

static struct vantio_ledger *open_ledger(const struct fixture *f)
{
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	return l;
}

static struct vantio_erasure erase(const struct fixture *f, const char *field, uint64_t before)
{
	struct vantio_ledger *l = open_ledger(f);
	struct vantio_erasure done = { .records = 0 };
	struct vantio_error err = { 0 };

	assert_ok(vantio_ledger_erase(l, &field, 1, before, false, &done, &err), err);
	vantio_ledger_close(l);
	return done;
}

/* Which private fields of a record are there: a letter each. */
struct fields {
	uint64_t leaf;
	char there[8];
	bool bad, found;
};

static int take_fields(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	static const char *const names[] = { "args_salt", "resource", "syscall_args", "comm", "exe", "cgroup" };
	struct vantio_buf scratch = VANTIO_BUF_INIT;
	struct vantio_span name, value;
	struct fields *f = ctx;
	size_t i, j, n = 0;

	f->found = hit->fields.leaf == f->leaf;
	f->bad = hit->private_bad;
	for (j = 0; j < VANTIO_ARRAY_SIZE(names); j++)
		for (i = 0; i < hit->n_private; i++) {
			assert_ok(vantio_disclosure_open(hit->private[i].text, &scratch, &name, &value, err), *err);
			if (name.len == strlen(names[j]) && !memcmp(name.p, names[j], name.len))
				f->there[n++] = names[j][0];
		}
	vantio_buf_free(&scratch);
	return 0;
}

static struct fields look(struct vantio_reader *r, uint64_t leaf)
{
	struct vantio_query q = { .until = UINT64_MAX, .decision = -1, .limit = 1, .has_after = leaf > 0, .after = leaf - 1 };
	struct fields f = { .leaf = leaf };
	struct vantio_error err = { 0 };

	assert_ok(vantio_reader_find(r, &q, take_fields, &f, &err), err);
	assert_true(f.found);
	assert_false(f.bad);
	return f;
}

static void assert_fields(const struct fixture *f, uint64_t leaf, const char *want)
{
	struct vantio_error err = { 0 };
	struct vantio_reader *r;
	struct fields got;

	assert_ok(vantio_reader_open(f->ledger, &r, &err), err);
	got = look(r, leaf);
	vantio_reader_close(r);
	assert_string_equal(got.there, want);
}

static void assert_sound(const struct fixture *f, uint64_t records)
{
	struct vantio_ledger_report r = verify(f);

	if (r.verdict != VANTIO_LEDGER_UNANCHORED || r.records != records)
		fail_msg("verdict %d, %llu records: %s", r.verdict, (unsigned long long)r.records, r.reason);
}

static void erase_one_field_leaves_the_rest_and_a_record(void **state)
{
	struct fixture *f = *state;
	struct vantio_erasure done;

	fixture_append(f, 20, 7);
	done = erase(f, "comm", FUTURE);
	assert_int_equal(done.records, 20);
	assert_int_equal(done.values, 20);
	assert_true(done.recorded);
	assert_int_equal(done.leaf, 20);
	assert_sound(f, 21);
	assert_fields(f, 0, "arsec");
	assert_fields(f, 19, "arsec");
	assert_fields(f, 20, "arscec");
	/* There is nothing more to do, and nothing to record. */
	done = erase(f, "comm", FUTURE);
	assert_false(done.recorded);
	assert_sound(f, 21);
	/* Appending goes on behind it. */
	fixture_append(f, 5, 5);
	assert_sound(f, 26);
	assert_fields(f, 25, "arscec");
}

static void erase_resource_takes_the_salt_that_would_let_it_be_guessed(void **state)
{
	struct fixture *f = *state;

	fixture_append(f, 3, 3);
	assert_int_equal(erase(f, "resource", FUTURE).values, 6);
	assert_fields(f, 1, "scec");
	assert_int_equal(erase(f, "syscall_args", FUTURE).values, 3);
	assert_fields(f, 1, "cec");
	/* The record of an erasure says what was erased, for good. */
	assert_fields(f, 3, "arscec");
	assert_sound(f, 5);
}

static void erase_before_a_time_spares_what_is_later(void **state)
{
	struct fixture *f = *state;
	struct lines l;
	char ts[VANTIO_RFC3339_LEN] = "";
	uint64_t before;

	fixture_append(f, 10, 10);
	l = read_lines(f, LOG);
	memcpy(ts, strstr(l.at[6], "\"ts\":\"") + 6, VANTIO_RFC3339_LEN - 1);
	free(l.data);
	assert_true(vantio_parse_time(ts, &before));
	assert_int_equal(erase(f, "exe", before).records, 6);
	assert_fields(f, 5, "arscc");
	assert_fields(f, 6, "arscec");
	assert_int_equal(erase(f, "exe", 1).values, 0);
}

static void erase_dry_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger *l;
	struct vantio_erasure done;
	struct vantio_error err = { 0 };
	const char *field = "cgroup";

	fixture_append(f, 4, 4);
	l = open_ledger(f);
	assert_ok(vantio_ledger_erase(l, &field, 1, FUTURE, true, &done, &err), err);
	vantio_ledger_close(l);
	assert_int_equal(done.values, 4);
	assert_false(done.recorded);
	assert_sound(f, 4);
	assert_fields(f, 0, "arscec");
}

static void erase_overwrites_the_old_file_unless_another_name_holds_it(void **state)
{
	struct fixture *f = *state;
	char path[192], copy[192], text[4096];
	ssize_t n, i;
	int fd;

	fixture_append(f, 2, 2);
	fixture_path(f, PRIVATE, path);
	fd = open(path, O_RDONLY);
	assert_int_equal(erase(f, "comm", FUTURE).linked, 0);
	n = pread(fd, text, sizeof(text), 0);
	close(fd);
	assert_true(n > 500);
	for (i = 0; i < n; i++)
		assert_int_equal(text[i], 0);
	snprintf(copy, sizeof(copy), "%s/copy", f->dir);
	assert_int_equal(link(path, copy), 0);
	assert_int_equal(erase(f, "exe", FUTURE).linked, 1);
	fd = open(copy, O_RDONLY);
	assert_int_equal(pread(fd, text, 1, 0), 1);
	assert_int_equal(text[0], '[');
	close(fd);
	assert_sound(f, 4);
}

static void erase_refuses_a_damaged_sidecar_before_anything_goes(void **state)
{
	struct fixture *f = *state;
	struct vantio_erasure done = { .records = 77 };
	struct vantio_error err = { 0 };
	const char *field = "comm";
	struct vantio_ledger *l;
	struct lines lines;

	fixture_append(f, 9, 9);
	lines = read_lines(f, PRIVATE);
	lines.at[4] = "{}";
	write_lines(f, PRIVATE, &lines, "\n");
	free(lines.data);
	l = open_ledger(f);
	assert_int_equal(vantio_ledger_erase(l, &field, 1, FUTURE, false, &done, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "leaf 4"));
	assert_int_equal(done.records, 77);
	vantio_ledger_close(l);
	assert_fields(f, 0, "arscec");
	assert_int_equal(verify(f).records, 9);
}

static void erase_goes_through_all_segments_and_the_writer_goes_on(void **state)
{
	const uint64_t n = VANTIO_SEGMENT_RECORDS + 50;
	struct fixture *f = *state;
	struct vantio_ledger *l;
	struct vantio_erasure done;
	struct vantio_record r;
	struct vantio_error err = { 0 };
	const char *fields[] = { "comm", "cgroup" };

	fixture_append(f, n, 8000);
	l = open_ledger(f);
	assert_ok(vantio_ledger_erase(l, fields, 2, FUTURE, false, &done, &err), err);
	assert_int_equal(done.values, 2 * n);
	assert_int_equal(done.segments, 2);
	r = fixture_record(n + 1);
	assert_ok(vantio_ledger_append(l, &r, &err), err);
	assert_ok(vantio_ledger_commit(l, &err), err);
	vantio_ledger_close(l);
	assert_sound(f, n + 2);
	assert_fields(f, 3, "arse");
	assert_fields(f, n - 1, "arse");
	assert_fields(f, n, "arscec");
	assert_fields(f, n + 1, "arscec");
}

/* ---- beside readers ---- */

static void erase_reader_that_has_the_old_file_open_takes_the_new_one(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_reader *reader;

	fixture_append(f, 9, 9);
	assert_ok(vantio_reader_open(f->ledger, &reader, &err), err);
	assert_string_equal(look(reader, 0).there, "arscec");
	erase(f, "comm", FUTURE); /* what the reader has open is zeros now */
	assert_string_equal(look(reader, 1).there, "arsec");
	assert_string_equal(look(reader, 8).there, "arsec");
	assert_string_equal(look(reader, 2).there, "arsec");
	vantio_reader_close(reader);
}

struct erasing {
	const struct fixture *f;
	atomic_bool ended;
};

static void *erase_on(void *arg)
{
	static const char *const fields[] = { "comm", "exe", "cgroup", "resource", "syscall_args" };
	struct erasing *e = arg;
	unsigned i;

	for (i = 0; i < VANTIO_ARRAY_SIZE(fields); i++)
		erase(e->f, fields[i], FUTURE);
	atomic_store(&e->ended, true);
	return NULL;
}

static void erase_beside_verification_and_a_reader_disturbs_neither(void **state)
{
	struct fixture *f = *state;
	struct erasing e = { .f = f };
	struct vantio_ledger_report r;
	struct vantio_error err = { 0 };
	struct vantio_reader *reader;
	pthread_t thread;
	uint64_t leaf = 0;

	/* So many that a verification is sure to be reading a sidecar when it is overwritten. */
	fixture_append(f, 8000, 8000);
	assert_ok(vantio_reader_open(f->ledger, &reader, &err), err);
	assert_int_equal(pthread_create(&thread, NULL, erase_on, &e), 0);
	while (!atomic_load(&e.ended)) {
		r = verify(f);
		if (r.verdict != VANTIO_LEDGER_UNANCHORED)
			fail_msg("verdict %d: %s", r.verdict, r.reason);
		look(reader, leaf = (leaf + 7) % 300);
	}
	pthread_join(thread, NULL);
	vantio_reader_close(reader);
	assert_fields(f, 5, "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(erase_one_field_leaves_the_rest_and_a_record),
		CASE(erase_resource_takes_the_salt_that_would_let_it_be_guessed),
		CASE(erase_before_a_time_spares_what_is_later),
		CASE(erase_dry_changes_nothing),
		CASE(erase_overwrites_the_old_file_unless_another_name_holds_it),
		CASE(erase_refuses_a_damaged_sidecar_before_anything_goes),
		CASE(erase_goes_through_all_segments_and_the_writer_goes_on),
		CASE(erase_reader_that_has_the_old_file_open_takes_the_new_one),
		CASE(erase_beside_verification_and_a_reader_disturbs_neither),
	};

	return cmocka_run_group_tests_name("erase", tests, NULL, NULL);
}
