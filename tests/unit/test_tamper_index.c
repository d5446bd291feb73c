// SPDX-License-Identifier: Apache-2.0
/* An index that somebody else made or edited with care: what `ledger list` would then hide, `ledger verify` says; and neither hangs. */
#include "ledger_hands.h"

#include <sqlite3.h>

#include "ledger/reader.h"

#define CEILING_S 60 /* what takes so long never ends */

/* Guards are taken away and put back around a change, as somebody with time does. */
static const char unguard[] = "CREATE TEMP TABLE kept AS SELECT sql FROM sqlite_master WHERE type = 'trigger';"
	"DROP TRIGGER record_update; DROP TRIGGER record_delete; DROP TRIGGER record_replace;"
	"DROP TRIGGER name_update; DROP TRIGGER name_delete; DROP TRIGGER name_replace; DROP TRIGGER name_twice;";

static void run(sqlite3 *db, const char *statement)
{
	char *message = NULL;

	if (sqlite3_exec(db, statement, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", statement, message);
}

static void guard_again(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	char *statements[16];
	size_t n = 0, i;

	assert_int_equal(sqlite3_prepare_v2(db, "SELECT sql FROM kept", -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW)
		statements[n++] = strdup((const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	for (i = 0; i < n; i++) {
		run(db, statements[i]);
		free(statements[i]);
	}
}

static void edit(const struct fixture *f, const char *statements, bool quietly)
{
	char path[192];
	sqlite3 *db;

	fixture_path(f, "index.sqlite3", path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	if (quietly)
		run(db, unguard);
	run(db, statements);
	if (quietly)
		guard_again(db);
	sqlite3_close(db);
}

/* Each hides leaf 7, or keeps whoever asks for ever. */
static const struct editing {
	const char *name, *statements;
	uint64_t leaf;
	const char *reason;
	bool unguarded; /* the guards are left as the statements leave them */
} editings[] = {
	{ "a row edited", "UPDATE record SET decision = 0 WHERE leaf = 7", 7, "another decision", false },
	{ "a name that begins as the right one does",
	  "INSERT INTO name (id, text) VALUES (999, 'coder' || char(0) || 'x'); UPDATE record SET agent = 999 WHERE leaf = 7", 7, "another agent",
	  false },
	{ "a guard taken away", "DROP TRIGGER record_delete", UINT64_MAX, "triggers", true },
	{ "a guard that guards nothing", "DROP TRIGGER record_delete; CREATE TRIGGER record_delete BEFORE DELETE ON record WHEN 0 BEGIN SELECT 1; END",
	  UINT64_MAX, "triggers", true },
	{ "a trigger of somebody else's", "CREATE TRIGGER theirs AFTER INSERT ON record BEGIN INSERT INTO name (text) VALUES (NEW.leaf); END",
	  UINT64_MAX, "triggers", true },
	{ "an index gone", "DROP INDEX record_by_agent", UINT64_MAX, "missing", true },
	{ "an index that leaves a row out", "DROP INDEX record_by_agent; CREATE INDEX record_by_agent ON record (agent) WHERE leaf <> 7", UINT64_MAX,
	  "record_by_agent", true },
	{ "a table of somebody else's", "CREATE TABLE theirs (a)", UINT64_MAX, "theirs", true },
	{ "a name that a terminal would obey", "CREATE TABLE \"\x1b[2J\xc2\x9b" "2J\" (a)", UINT64_MAX, "x1b[2J", true },
	{ "a view without end in the table's place",
	  "DROP VIEW records; DROP TABLE record; CREATE VIEW record AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT (i + 1) % 1000 FROM n)"
	  " SELECT i AS leaf FROM n", UINT64_MAX, "record", true },
};

static void assert_editing(const struct editing *e, const struct vantio_ledger_report *r)
{
	if (r->verdict != VANTIO_LEDGER_FAIL || r->has_leaf != (e->leaf != UINT64_MAX) || (r->has_leaf && r->leaf != e->leaf) ||
	    !strstr(r->reason, e->reason))
		fail_msg("%s: verdict %d, leaf %lld, '%s'", e->name, r->verdict, r->has_leaf ? (long long)r->leaf : -1, r->reason);
}

static int count(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	(void)hit;
	(void)err;
	++*(unsigned *)ctx;
	return 0;
}

static unsigned list_coder(const struct fixture *f)
{
	const struct vantio_query q = { .until = UINT64_MAX, .agent = "coder", .decision = -1, .below = UINT64_MAX, .limit = 100 };
	struct vantio_error err = { 0 };
	struct vantio_reader *r = NULL;
	unsigned n = 0;

	assert_ok(vantio_reader_open(f->ledger, &r, &err), err);
	assert_ok(vantio_reader_find(r, &q, count, &n, &err), err);
	vantio_reader_close(r);
	return n;
}

static void tamper_index_edited_with_care_fails(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger_report r;
	char command[512];
	size_t i;

	fixture_append(f, 20, 7);
	copy_ledger(f, "kept");
	alarm(CEILING_S);
	for (i = 0; i < sizeof(editings) / sizeof(editings[0]); i++) {
		snprintf(command, sizeof(command), "rm -rf %s && cp -a %s/kept %s", f->ledger, f->dir, f->ledger);
		assert_int_equal(system(command), 0);
		edit(f, editings[i].statements, !editings[i].unguarded);
		r = verify(f);
		assert_editing(&editings[i], &r);
		/* Whoever may write sets aside what cannot be right, and builds it anew. */
		if (editings[i].unguarded) {
			assert_int_equal(list_coder(f), 10);
			assert_int_equal(verify(f).verdict, VANTIO_LEDGER_UNANCHORED);
		}
	}
	alarm(0);
}

static void tamper_index_that_analyze_looked_at_holds(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger_report r;

	fixture_append(f, 20, 7);
	edit(f, "ANALYZE", false);
	r = verify(f);
	assert_int_equal(r.verdict, VANTIO_LEDGER_UNANCHORED);
	assert_true(r.index_checked);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(tamper_index_edited_with_care_fails),
		CASE(tamper_index_that_analyze_looked_at_holds),
	};

	return cmocka_run_group_tests_name("tamper_index", tests, NULL, NULL);
}
