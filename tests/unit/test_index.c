// SPDX-License-Identifier: Apache-2.0
/* The index and the reader over it. */
#include "ledger_fixture.h"

#include <sqlite3.h>

#include "base/buf.h"
#include "base/text.h"
#include "ledger/reader.h"

struct hits {
	uint64_t leaves[512];
	size_t n, erased, bad;
};

static int take(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	struct hits *h = ctx;

	(void)err;
	assert_true(h->n < 512);
	h->leaves[h->n++] = hit->fields.leaf;
	h->erased += !hit->n_private;
	h->bad += hit->private_bad;
	return 0;
}

static struct hits find(const struct fixture *f, const struct vantio_query *q)
{
	struct vantio_reader *r = NULL;
	struct vantio_error err = { 0 };
	struct hits h = { .n = 0 };

	assert_ok(vantio_reader_open(f->ledger, &r, &err), err);
	assert_ok(vantio_reader_find(r, q, take, &h, &err), err);
	vantio_reader_close(r);
	return h;
}

static const struct vantio_query all = { .until = UINT64_MAX, .decision = -1, .limit = 500 };

/* What is found when some members of a query for everything are set. */
#define FIND(...)                            \
	({                                   \
		struct vantio_query q = all; \
		__VA_ARGS__;                 \
		find(f, &q);                 \
	})

static void assert_leaves(const struct hits *h, uint64_t first, uint64_t step, size_t n)
{
	size_t i;

	assert_int_equal(h->n, n);
	for (i = 0; i < n; i++)
		assert_int_equal(h->leaves[i], first + i * step);
}

static void index_filters_find_what_the_log_holds(void **state)
{
	struct fixture *f = *state;
	struct hits h;

	fixture_append(f, 120, 50);
	h = FIND(q.agent = NULL);
	assert_leaves(&h, 0, 1, 120);
	h = FIND(q.agent = "coder");
	assert_leaves(&h, 1, 2, 60);
	h = FIND(q.agent = "nobody");
	assert_int_equal(h.n, 0);
	h = FIND(q.decision = VANTIO_KILLSWITCH);
	assert_leaves(&h, 3, 4, 30);
	h = FIND(q.hook = "socket_connect");
	assert_leaves(&h, 2, 3, 40);
	h = FIND(q.op = "exec");
	assert_leaves(&h, 1, 3, 40);
	h = FIND(q.has_trace = true; q.trace_id = 0x1122334455667788ull);
	assert_leaves(&h, 0, 3, 40);
	h = FIND(q.rule = "file.deny[2]");
	assert_int_equal(h.n, 90);
	h = FIND(q.rule = "file.deny");
	assert_int_equal(h.n, 90);
	h = FIND(q.rule = "file.den");
	assert_int_equal(h.n, 0);
	h = FIND(q.rule = "");
	assert_leaves(&h, 0, 4, 30);
	h = FIND(q.agent = "coder"; q.decision = VANTIO_BLOCK; q.hook = "file_open");
	assert_leaves(&h, 9, 12, 10);
}

static void index_pages_follow_one_another(void **state)
{
	struct fixture *f = *state;
	struct hits h;

	fixture_append(f, 30, 30);
	h = FIND(q.limit = 7);
	assert_leaves(&h, 0, 1, 7);
	h = FIND(q.limit = 7; q.has_after = true; q.after = 6);
	assert_leaves(&h, 7, 1, 7);
	h = FIND(q.limit = 7; q.newest = true);
	assert_leaves(&h, 23, 1, 7);
	h = FIND(q.has_after = true; q.after = 29);
	assert_int_equal(h.n, 0);
	h = FIND(q.has_after = true; q.after = UINT64_MAX);
	assert_int_equal(h.n, 0);
}

static int take_ts(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	char ts[31], *out = ctx;

	(void)err;
	snprintf(ts, sizeof(ts), "%.30s", hit->fields.ts.p);
	memcpy(out, ts, sizeof(ts));
	memcpy(out + 31, hit->fields.record_id.p, 36);
	out[31 + 36] = '\0';
	return 0;
}

static void index_finds_times_and_record_ids(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_reader *r = NULL;
	struct vantio_query tenth = { .until = UINT64_MAX, .decision = -1, .has_after = true, .after = 9, .limit = 1 };
	char text[80];
	struct hits h;
	uint64_t ns;

	fixture_append(f, 30, 30);
	assert_ok(vantio_reader_open(f->ledger, &r, &err), err);
	assert_int_equal(vantio_reader_size(r), 30);
	assert_ok(vantio_reader_find(r, &tenth, take_ts, text, &err), err);
	vantio_reader_close(r);
	assert_true(vantio_parse_time(text, &ns));
	h = FIND(q.since = ns);
	assert_leaves(&h, 10, 1, 20);
	h = FIND(q.until = ns);
	assert_leaves(&h, 0, 1, 11);
	h = FIND(q.since = ns; q.until = ns);
	assert_leaves(&h, 10, 1, 1);
	h = FIND(q.record_id = text + 31);
	assert_leaves(&h, 10, 1, 1);
	h = FIND(q.record_id = "00000000-0000-7000-8000-000000000000");
	assert_int_equal(h.n, 0);
}

static void drop(const struct fixture *f, const char *name)
{
	char path[192];

	fixture_path(f, name, path);
	fixture_remove(path);
}

static void index_missing_or_damaged_is_built_again(void **state)
{
	struct fixture *f = *state;
	struct hits h;

	fixture_append(f, 300, 100);
	drop(f, "index.sqlite3");
	h = FIND(q.agent = "coder");
	assert_leaves(&h, 1, 2, 150);
	fixture_write(f, "index.sqlite3", "this is no database, whatever its name may say", 46);
	h = FIND(q.agent = "coder");
	assert_leaves(&h, 1, 2, 150);
	fixture_append(f, 10, 10);
	h = FIND(q.agent = "coder");
	assert_leaves(&h, 1, 2, 155);
}

static void index_is_not_rebuilt_under_a_writer_or_a_reader(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;
	struct vantio_reader *r = NULL;
	struct hits h;
	uint64_t n = 0;

	fixture_append(f, 300, 100);
	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	assert_int_equal(vantio_index_rebuild(f->ledger, &n, &err), -EBUSY);
	vantio_ledger_close(l);
	assert_ok(vantio_reader_open(f->ledger, &r, &err), err);
	assert_int_equal(vantio_index_rebuild(f->ledger, &n, &err), -EBUSY);
	vantio_reader_close(r);
	assert_ok(vantio_index_rebuild(f->ledger, &n, &err), err);
	assert_int_equal(n, 300);
	h = FIND(q.agent = "coder");
	assert_leaves(&h, 1, 2, 150);
}

static void index_of_a_broken_log_says_the_leaf(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_reader *r = NULL;
	size_t len;
	char *log, *p;

	fixture_append(f, 20, 20);
	drop(f, "index.sqlite3");
	log = fixture_read(f, "log/00000000.ndjson", &len);
	p = strstr(log, "\"leaf\":\"13\"");
	p[1] = 'L';
	fixture_write(f, "log/00000000.ndjson", log, len);
	free(log);
	assert_int_equal(vantio_reader_open(f->ledger, &r, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "leaf 13"));
	assert_null(r);
}

static void index_refuses_update_delete_and_replace(void **state)
{
	static const char *const statements[] = {
		"UPDATE record SET pid = 1", "DELETE FROM record", "REPLACE INTO record SELECT * FROM record",
		"INSERT OR REPLACE INTO record SELECT * FROM record LIMIT 1", "UPDATE name SET text = 'x'", "DELETE FROM name",
		"REPLACE INTO name VALUES (1, 'x')", "REPLACE INTO name (text) SELECT text FROM name LIMIT 1",
		"INSERT INTO record (leaf) VALUES ('text')",
	};
	struct fixture *f = *state;
	char path[192];
	sqlite3 *db;
	size_t i;

	fixture_append(f, 5, 5);
	fixture_path(f, "index.sqlite3", path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (sqlite3_exec(db, statements[i], NULL, NULL, NULL) == SQLITE_OK)
			fail_msg("passes: %s", statements[i]);
	sqlite3_close(db);
}

static void reader_shows_erased_and_damaged_private_fields_as_such(void **state)
{
	struct fixture *f = *state;
	struct hits h;
	size_t len;
	char *private, *p;

	fixture_append(f, 20, 20);
	private = fixture_read(f, "private/00000000.ndjson", &len);
	/* Line 3 is erased: all later ones move. */
	for (p = private; p < private + len; p++) {
		static int line;

		if (line == 3 && *p == '[') {
			char *end = strchr(p, '\n');

			memmove(p + 2, end, len - (size_t)(end - private) + 1);
			p[1] = ']';
			len = strlen(private);
			break;
		}
		line += *p == '\n';
	}
	private[len - 20] ^= 1; /* in the last line */
	fixture_write(f, "private/00000000.ndjson", private, len);
	free(private);
	h = FIND(q.agent = NULL);
	assert_int_equal(h.n, 20);
	assert_int_equal(h.erased, 2);
	assert_int_equal(h.bad, 1);
	drop(f, "private");
	h = FIND(q.agent = NULL);
	assert_int_equal(h.erased, 20);
	assert_int_equal(h.bad, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(index_filters_find_what_the_log_holds),
		CASE(index_pages_follow_one_another),
		CASE(index_finds_times_and_record_ids),
		CASE(index_missing_or_damaged_is_built_again),
		CASE(index_is_not_rebuilt_under_a_writer_or_a_reader),
		CASE(index_of_a_broken_log_says_the_leaf),
		CASE(index_refuses_update_delete_and_replace),
		CASE(reader_shows_erased_and_damaged_private_fields_as_such),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
