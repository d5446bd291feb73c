// SPDX-License-Identifier: Apache-2.0
/*
 * The index's tables, and the check that a file has these and no others. A file that somebody else made can hold a view in a table's place,
 * which no query of it would ever end, or an index that leaves rows out: none of it is asked before its schema was compared.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "ledger/index_internal.h"

#define AUTOINDEX "sqlite_autoindex_name_1" /* of name.text, which is UNIQUE */
#define STATEMENTS_MAX 64

/* What may not be changed is refused by the file itself, whoever opens it: the insert trigger catches REPLACE, which gets
 * round a delete trigger where recursive_triggers is off. */
#define GUARD(table, key) \
	"CREATE TRIGGER " table "_update BEFORE UPDATE ON " table " BEGIN SELECT RAISE(ABORT, 'the index is append-only'); END;" \
	"CREATE TRIGGER " table "_delete BEFORE DELETE ON " table " BEGIN SELECT RAISE(ABORT, 'the index is append-only'); END;" \
	"CREATE TRIGGER " table "_replace BEFORE INSERT ON " table " WHEN EXISTS (SELECT 1 FROM " table " WHERE " key " = NEW." key ")" \
	" BEGIN SELECT RAISE(ABORT, 'the index is append-only'); END;"

const char vantio_index_schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE record (leaf INTEGER PRIMARY KEY, record_id BLOB NOT NULL, ts INTEGER NOT NULL, mono_ns INTEGER NOT NULL,"
	" tier INTEGER NOT NULL, agent INTEGER NOT NULL, trace_id INTEGER NOT NULL, pid INTEGER NOT NULL, uid INTEGER NOT NULL,"
	" hook INTEGER NOT NULL, op INTEGER NOT NULL, policy INTEGER NOT NULL, rule INTEGER NOT NULL, decision INTEGER NOT NULL,"
	" enforced INTEGER NOT NULL, count INTEGER NOT NULL, back INTEGER NOT NULL, line_offset INTEGER NOT NULL, private_offset INTEGER NOT NULL) STRICT;"
	GUARD("name", "id") GUARD("record", "leaf")
	"CREATE TRIGGER name_twice BEFORE INSERT ON name WHEN EXISTS (SELECT 1 FROM name WHERE text = NEW.text)"
	" BEGIN SELECT RAISE(ABORT, 'the index is append-only'); END;"
	"CREATE INDEX record_by_id ON record (record_id);"
	"CREATE INDEX record_by_ts ON record (ts);"
	"CREATE INDEX record_back ON record (back) WHERE back = 1;"
	"CREATE INDEX record_by_agent ON record (agent);"
	"CREATE INDEX record_by_trace ON record (trace_id);"
	"CREATE INDEX record_by_hook ON record (hook);"
	"CREATE INDEX record_by_rule ON record (rule);"
	"CREATE INDEX record_by_decision ON record (decision);"
	"CREATE VIEW records AS SELECT r.leaf, lower(hex(r.record_id)) AS record_id, r.ts, t.text AS tier, a.text AS agent,"
	" printf('0x%016x', r.trace_id) AS trace_id, r.pid, r.uid, h.text AS hook, o.text AS op, p.text AS policy, u.text AS rule,"
	" CASE r.decision WHEN 0 THEN 'permit' WHEN 1 THEN 'block' WHEN 2 THEN 'quarantine' ELSE 'killswitch' END AS decision,"
	" r.enforced, r.count FROM record r JOIN name t ON t.id = r.tier JOIN name a ON a.id = r.agent JOIN name h ON h.id = r.hook"
	" JOIN name o ON o.id = r.op JOIN name p ON p.id = r.policy JOIN name u ON u.id = r.rule;"
	"PRAGMA user_version = 2;"
	"COMMIT;";
_Static_assert(VANTIO_INDEX_SCHEMA == 2, "the schema's user_version");


/* Statements of the schema that make something: tables, triggers, indexes and the view. */
static size_t count_statements(void)
{
	const char *p = vantio_index_schema;
	size_t n = 0;

	while ((p = strstr(p, ";CREATE "))) {
		n++;
		p++;
	}
	return n;
}

/* The place in the schema of a statement as SQLite keeps it, without its semicolon; -1: it is none of it. */
static long find_statement(const char *sql)
{
	const char *at = sql ? strstr(vantio_index_schema, sql) : NULL;

	return at && !strncmp(sql, "CREATE ", 7) && at > vantio_index_schema && at[-1] == ';' && at[strlen(sql)] == ';' ?
	       (long)(at - vantio_index_schema) : -1;
}

/* One object of the file; what is found is remembered in `seen`, so that none counts twice. */
static int check_object(struct vantio_index *ix, sqlite3_stmt *s, long seen[STATEMENTS_MAX], size_t *n, struct vantio_error *err)
{
	const char *type = (const char *)sqlite3_column_text(s, 0), *name = (const char *)sqlite3_column_text(s, 1);
	const char *sql = (const char *)sqlite3_column_text(s, 2);
	long at = find_statement(sql);
	cleanup_free char *shown = NULL;
	size_t i;

	if (!type || !name)
		return vantio_fail(err, EBADMSG, "the index: an object without a name");
	if (!sql && !strcmp(type, "index") && !strcmp(name, AUTOINDEX))
		return 0;
	for (i = 0; i < *n && at >= 0; i++)
		if (seen[i] == at)
			at = -1;
	if (at >= 0 && *n < STATEMENTS_MAX) {
		seen[(*n)++] = at;
		return 0;
	}
	if (!strncmp(name, "sqlite_stat", 11) && !strcmp(type, "table")) /* ANALYZE's: they hold counts, and change no answer */
		return 0;
	if (!strcmp(type, "trigger")) {
		ix->unguarded = true;
		return 0;
	}
	shown = vantio_escape_dup(name, strlen(name));
	return vantio_fail(err, EBADMSG, "the index: '%.100s' is not as it was made", shown ? shown : "?");
}

int vantio_index_check_schema(struct vantio_index *ix, struct vantio_error *err)
{
	sqlite3_stmt *s = NULL;
	long seen[STATEMENTS_MAX];
	size_t n = 0, triggers = 0, i;
	int r = vantio_index_prepare(ix, &s, "SELECT type, name, sql FROM sqlite_master", err), rc = SQLITE_DONE;

	ix->unguarded = false;
	while (r == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW)
		r = check_object(ix, s, seen, &n, err);
	if (r == 0 && rc != SQLITE_DONE)
		r = vantio_index_fail(ix, "be read", err);
	sqlite3_finalize(s);
	if (r < 0)
		return r;
	for (i = 0; i < n; i++)
		triggers += !strncmp(vantio_index_schema + seen[i], "CREATE TRIGGER ", 15);
	/* What reads does without the triggers; whoever changed something had to take them away. */
	if (n - triggers != count_statements() - VANTIO_INDEX_TRIGGERS)
		return vantio_fail(err, EBADMSG, "the index: a table or an index of it is missing");
	ix->unguarded |= triggers != VANTIO_INDEX_TRIGGERS;
	return 0;
}

bool vantio_index_guarded(const struct vantio_index *ix)
{
	return !ix->unguarded;
}
