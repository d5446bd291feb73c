// SPDX-License-Identifier: Apache-2.0
/* Verification of a part of a ledger of three segments: what is found, and what is left to a whole one. */
#include "ledger_hands.h"

#include "base/text.h"

#define SEGMENT 65536u
#define RECORDS (2 * SEGMENT + 700)

/* One ledger for all tests: two seals within segment 0, one within 1. Each test copies what it changes back. */
static int part_setup(void **state)
{
	static const uint64_t parts[] = { 1000, 512, 80000, RECORDS - 81512 };
	struct vantio_error err = { 0 };
	struct vantio_rotation done;
	struct vantio_ledger *l;
	struct vantio_record r;
	struct fixture *f;
	uint64_t i, n = 0;
	size_t part;

	fixture_setup(state);
	f = *state;
	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	for (part = 0; part < VANTIO_ARRAY_SIZE(parts); part++) {
		for (i = 0; i < parts[part]; i++) {
			r = fixture_record(n++);
			assert_ok(vantio_ledger_append(l, &r, &err), err);
		}
		assert_ok(vantio_ledger_commit(l, &err), err);
		if (part + 1 < VANTIO_ARRAY_SIZE(parts))
			assert_ok(vantio_ledger_rotate(l, &done, &err), err);
	}
	vantio_ledger_close(l);
	drop_index(f);
	return 0;
}

static struct vantio_ledger_report since(const struct fixture *f, uint64_t leaf)
{
	return verify_with(f, &(struct vantio_verify_options){ .since_leaf = leaf });
}

static struct vantio_ledger_report segment(const struct fixture *f, uint64_t n)
{
	return verify_with(f, &(struct vantio_verify_options){ .has_segment = true, .segment = n });
}

static void flip(const struct fixture *f, const char *name, long at)
{
	char path[192];
	FILE *file;
	int c;

	fixture_path(f, name, path);
	file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	c = fgetc(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	fputc(c ^ 1, file);
	assert_int_equal(fclose(file), 0);
}

static void assert_part(const struct vantio_ledger_report *r, uint64_t first, uint64_t end)
{
	if (r->verdict > VANTIO_LEDGER_UNANCHORED)
		fail_msg("verdict %d: %s", r->verdict, r->reason);
	assert_int_equal(r->records, RECORDS);
	assert_int_equal(r->first, first);
	assert_int_equal(r->end, end);
}

static void part_sound_ledger_is_ok_and_says_what_was_read(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger_report r;

	r = since(f, 2 * SEGMENT + 5);
	assert_part(&r, 2 * SEGMENT, RECORDS);
	r = since(f, SEGMENT - 1);
	assert_part(&r, 0, RECORDS);
	r = since(f, 99999999);
	assert_part(&r, 2 * SEGMENT, RECORDS);
	r = segment(f, 0);
	assert_part(&r, 0, SEGMENT);
	r = segment(f, 1);
	assert_part(&r, SEGMENT, 2 * SEGMENT);
	r = segment(f, 2);
	assert_part(&r, 2 * SEGMENT, RECORDS);
	r = segment(f, 3);
	assert_int_equal(r.verdict, VANTIO_LEDGER_INCONCLUSIVE);
	assert_non_null(strstr(r.reason, "no segment 3"));
}

static void part_since_a_time_begins_with_the_segment_that_holds_it(void **state)
{
	struct fixture *f = *state;
	struct vantio_verify_options opts = { .since_ns = 1 };
	struct vantio_ledger_report r = verify_with(f, &opts);
	char path[192], ts[VANTIO_RFC3339_LEN] = "";
	char line[8192];
	FILE *log;

	assert_part(&r, 0, RECORDS);
	fixture_path(f, "log/00000002.ndjson", path);
	log = fopen(path, "r");
	assert_non_null(log);
	assert_non_null(fgets(line, sizeof(line), log));
	fclose(log);
	memcpy(ts, strstr(line, "\"ts\":\"") + 6, VANTIO_RFC3339_LEN - 1);
	assert_true(vantio_parse_time(ts, &opts.since_ns));
	r = verify_with(f, &opts);
	assert_part(&r, 2 * SEGMENT, RECORDS);
	opts.since_ns--;
	r = verify_with(f, &opts);
	assert_part(&r, SEGMENT, RECORDS);
}

static void part_damage_is_found_where_it_is_read(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger_report r;

	flip(f, "log/00000001.ndjson", 300);
	r = verify(f);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_int_equal(r.leaf, SEGMENT);
	r = segment(f, 1);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_int_equal(r.leaf, SEGMENT);
	r = since(f, 2 * SEGMENT);
	assert_part(&r, 2 * SEGMENT, RECORDS);
	flip(f, "log/00000001.ndjson", 300);
}

/* What is not read is vouched for by its tiles: they must lead to the signed root, and be there. */
static void part_tiles_of_what_is_not_read_must_lead_to_the_root(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger_report r;

	flip(f, "tile/1/001", 40);
	r = since(f, 2 * SEGMENT);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_non_null(strstr(r.reason, "verify the whole ledger"));
	flip(f, "tile/1/001", 40);
	copy_ledger(f, "kept");
	drop(f, "tile/1/000");
	r = since(f, 2 * SEGMENT);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_non_null(strstr(r.reason, "its tile cannot be read"));
	restore(f, "kept", "tile");
	/* The seal at 1,000 records is held against the leaves of its tile, which must be those of the tile above. */
	flip(f, "tile/0/003", 40);
	r = since(f, 2 * SEGMENT);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	flip(f, "tile/0/003", 40);
	assert_int_equal(since(f, 2 * SEGMENT).verdict, VANTIO_LEDGER_UNANCHORED);
}

static void part_older_heads_are_held_against_it_all_the_same(void **state)
{
	struct fixture *f = *state;
	struct vantio_verify_options opts = { .since_leaf = 2 * SEGMENT };
	struct vantio_ledger_report r;
	char against[192], *note, *root;
	size_t len;

	fixture_path(f, "epochs/00000003", against); /* a seal is a checkpoint too, of 81,512 records */
	opts.against = against;
	r = verify_with(f, &opts);
	assert_part(&r, 2 * SEGMENT, RECORDS);
	assert_int_equal(r.verdict, VANTIO_LEDGER_OK);
	copy_ledger(f, "kept");
	note = fixture_read(f, "epochs/00000001", &len);
	root = strchr(strchr(note, '\n') + 1, '\n') + 1;
	root[3] = root[3] == 'A' ? 'B' : 'A';
	fixture_write(f, "epochs/00000001", note, len);
	free(note);
	assert_int_equal(since(f, 2 * SEGMENT).verdict, VANTIO_LEDGER_FAIL);
	restore(f, "kept", "epochs");
}

static void count_progress(void *ctx, uint64_t done, uint64_t total)
{
	uint64_t *seen = ctx;

	assert_true(done >= seen[0] && done <= total);
	seen[0] = done;
	seen[1]++;
}

static void part_progress_ends_at_all_that_is_read(void **state)
{
	struct fixture *f = *state;
	uint64_t seen[2] = { 0, 0 };
	struct vantio_verify_options opts = { .progress = count_progress, .progress_ctx = seen };

	verify_with(f, &opts);
	assert_int_equal(seen[0], RECORDS);
	assert_true(seen[1] >= 2);
	seen[0] = 0;
	opts.since_leaf = SEGMENT;
	verify_with(f, &opts);
	assert_int_equal(seen[0], RECORDS - SEGMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(part_sound_ledger_is_ok_and_says_what_was_read),
		cmocka_unit_test(part_since_a_time_begins_with_the_segment_that_holds_it),
		cmocka_unit_test(part_damage_is_found_where_it_is_read),
		cmocka_unit_test(part_tiles_of_what_is_not_read_must_lead_to_the_root),
		cmocka_unit_test(part_older_heads_are_held_against_it_all_the_same),
		cmocka_unit_test(part_progress_ends_at_all_that_is_read),
	};

	return cmocka_run_group_tests_name("verify_part", tests, part_setup, fixture_teardown);
}
