// SPDX-License-Identifier: Apache-2.0
/* Asking the index, comparing it with the log, and opening it without changing anything in the folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "ledger/index_internal.h"
#include "ledger/store.h"

/* The byte of the -shm file on which every connection of a WAL database holds a lock. */
#define SQLITE_DMS_BYTE 128

/* ---- opening ---- */

/* 1 if some process has the database open in WAL mode. */
int vantio_index_in_use(int dirfd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SQLITE_DMS_BYTE, .l_len = 1 };
	struct vantio_error ignored;
	cleanup_close int fd = vantio_store_open(dirfd, "index.sqlite3-shm", O_RDONLY, 0, &ignored);

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static int open_uri(struct vantio_index *ix, const char *path, const char *query, int flags, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf uri = VANTIO_BUF_INIT;
	const char *p;

	vantio_buf_puts(&uri, "file:");
	for (p = path; *p; p++) {
		if (strchr("%?#", *p))
			vantio_buf_printf(&uri, "%%%02X", (unsigned char)*p);
		else
			vantio_buf_putc(&uri, *p);
	}
	vantio_buf_puts(&uri, query);
	if (uri.failed)
		return vantio_fail(err, ENOMEM, "out of memory while opening the index");
	if (sqlite3_open_v2(uri.data, &ix->db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK)
		return vantio_index_fail(ix, "be opened", err);
	sqlite3_busy_timeout(ix->db, 5000);
	sqlite3_db_config(ix->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(ix->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (path != ix->path) {
		snprintf(ix->path, sizeof(ix->path), "%s", path);
		snprintf(ix->query, sizeof(ix->query), "%s", query);
		ix->flags = flags;
	}
	return 0;
}

int vantio_index_open_again(const struct vantio_index *like, struct vantio_index **ret, struct vantio_error *err)
{
	struct vantio_index *ix = calloc(1, sizeof(*ix));
	int r;

	if (!ix)
		return vantio_fail(err, ENOMEM, "out of memory while opening the index");
	ix->dirfd = like->dirfd;
	r = open_uri(ix, like->path, like->query, like->flags, err);
	if (r < 0)
		vantio_index_close(ix);
	else
		*ret = ix;
	return r;
}

static int copy_file(int dirfd, const char *name, const char *dir, struct vantio_error *err)
{
	cleanup_close int from = vantio_store_open(dirfd, name, O_RDONLY, 0, err), to = -1;
	char path[96], chunk[65536];
	ssize_t n;
	int r;

	if (from < 0)
		return from;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return vantio_fail(err, errno, "cannot write '%s': %s", path, strerror(errno));
	while ((n = read(from, chunk, sizeof(chunk))) > 0) {
		r = vantio_write_all(to, chunk, (size_t)n, err);
		if (r < 0)
			return r;
	}
	return n < 0 ? vantio_fail(err, errno, "cannot read '%s': %s", name, strerror(errno)) : 0;
}

void vantio_index_remove_copy(const char *dir)
{
	static const char *const names[] = { "index.sqlite3", "index.sqlite3-wal", "index.sqlite3-shm" };
	char path[96];
	size_t i;

	for (i = 0; i < VANTIO_ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* A log of changes that nobody has open was left by a crash: SQLite would have to mend it in place, so a copy is read. */
static int open_copy(struct vantio_index *ix, int dirfd, struct vantio_error *err)
{
	char path[96];
	int r;

	strcpy(ix->copy, "/tmp/vantio-index-XXXXXX");
	if (!mkdtemp(ix->copy)) {
		ix->copy[0] = '\0';
		return vantio_fail(err, errno, "cannot make a folder in /tmp: %s", strerror(errno));
	}
	r = copy_file(dirfd, "index.sqlite3", ix->copy, err);
	if (r == 0)
		r = copy_file(dirfd, "index.sqlite3-wal", ix->copy, err);
	snprintf(path, sizeof(path), "%s/index.sqlite3", ix->copy);
	return r < 0 ? r : open_uri(ix, path, "", SQLITE_OPEN_READWRITE, err);
}

int vantio_index_open_unchanged(struct vantio_index *ix, int dirfd, struct vantio_error *err)
{
	cleanup_close int file = vantio_store_open(dirfd, "index.sqlite3", O_RDONLY, 0, err), wal = -1;
	struct vantio_error ignored;
	char path[PATH_MAX + 32];
	struct stat st;
	int r;

	if (file < 0)
		return file;
	r = vantio_index_path(dirfd, path, sizeof(path), err);
	if (r < 0)
		return r;
	if (vantio_index_in_use(dirfd))
		return open_uri(ix, path, "?readonly_shm=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW, err);
	wal = vantio_store_open(dirfd, "index.sqlite3-wal", O_RDONLY, 0, &ignored);
	if (wal < 0 && wal != -ENOENT) {
		*err = ignored;
		return wal;
	}
	if (wal >= 0 && fstat(wal, &st) == 0 && st.st_size)
		return open_copy(ix, dirfd, err);
	return open_uri(ix, path, "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW, err);
}

/* ---- asking ---- */

/* A name as the log spells it: what the user sees, with JSON's backslashes. */
static void spell(struct vantio_buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			vantio_buf_putc(out, '\\');
		vantio_buf_putc(out, *text);
	}
}

/* The statement being built: conditions, and the values that they wait for. */
struct build {
	struct vantio_index *ix;
	struct vantio_buf sql;
	int64_t values[16];
	int n;
	bool nothing; /* a name that no record has */
};

static void with(struct build *b, const char *condition, int64_t value)
{
	vantio_buf_printf(&b->sql, " AND %s ?", condition);
	b->values[b->n++] = value;
}

static int with_name(struct build *b, const char *condition, const char *text, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf spelt = VANTIO_BUF_INIT;
	int64_t id;
	int r;

	if (!text)
		return 0;
	spell(&spelt, text);
	if (spelt.failed)
		return vantio_fail(err, ENOMEM, "out of memory while searching");
	r = vantio_index_name(b->ix, (struct vantio_span){ spelt.data ? spelt.data : "", spelt.len }, false, &id, err);
	if (r < 0)
		return r;
	b->nothing |= id < 0;
	with(b, condition, id);
	return 0;
}

/* "file.deny" stands for all its rules too: the texts from "file.deny[" up to "file.deny\". */
static void with_rule(struct build *b, const char *rule)
{
	if (rule)
		vantio_buf_puts(&b->sql, " AND rule IN (SELECT id FROM name WHERE text = :rule OR (text >= :rule || '[' AND text < :rule || '\\'))");
}

/* Times are turned into leaves, in whose order records are handed out; a plus keeps SQLite from going by time all the same. */
static int with_time(struct build *b, const struct vantio_query *q, struct vantio_error *err)
{
	uint64_t lo, hi;
	int r;

	if (!q->since && q->until > INT64_MAX)
		return 0;
	r = vantio_index_span(b->ix, q->since, q->until, &lo, &hi, err);
	if (r < 0)
		return r;
	if (r > 0) {
		with(b, "leaf >=", (int64_t)lo);
		with(b, "leaf <", (int64_t)hi);
	}
	if (q->since)
		with(b, r > 0 ? "+ts >=" : "ts >=", (int64_t)(q->since > INT64_MAX ? INT64_MAX : q->since));
	if (q->until <= INT64_MAX)
		with(b, r > 0 ? "+ts <=" : "ts <=", (int64_t)q->until);
	return 0;
}

static void with_order(struct build *b, const struct vantio_query *q)
{
	static const char *const by[] = {
		"leaf", "ts", "(SELECT text FROM name WHERE id = agent)", "pid", "(SELECT text FROM name WHERE id = op)", "decision",
		"(SELECT text FROM name WHERE id = rule)", "count",
	};
	bool descending = q->newest || q->descending;

	vantio_buf_printf(&b->sql, " ORDER BY %s%s", by[q->order], descending ? " DESC" : "");
	if (q->order != VANTIO_ORDER_LEAF)
		vantio_buf_puts(&b->sql, ", leaf");
	vantio_buf_puts(&b->sql, " LIMIT ?");
	b->values[b->n++] = (int64_t)(q->limit > INT64_MAX ? INT64_MAX : q->limit);
	if (q->offset) {
		vantio_buf_puts(&b->sql, " OFFSET ?");
		b->values[b->n++] = (int64_t)(q->offset > INT64_MAX ? INT64_MAX : q->offset);
	}
}

/* `select` up to its FROM, the conditions of the query, and `tail`; without one, the order and limit of the query. */
static int build(struct build *b, const struct vantio_query *q, const char *select, const char *tail, struct vantio_error *err)
{
	int r;

	vantio_buf_printf(&b->sql, "%s WHERE 1", select);
	r = with_time(b, q, err);
	if (r < 0)
		return r;
	if (q->has_after)
		with(b, "leaf >", (int64_t)(q->after > INT64_MAX ? INT64_MAX : q->after));
	if (q->below <= INT64_MAX)
		with(b, "leaf <", (int64_t)q->below);
	if (q->decision >= 0)
		with(b, "decision =", q->decision);
	if (q->has_trace)
		with(b, "trace_id =", (int64_t)q->trace_id);
	r = with_name(b, "agent =", q->agent, err);
	if (r == 0)
		r = with_name(b, "hook =", q->hook, err);
	if (r == 0)
		r = with_name(b, "op =", q->op, err);
	if (r < 0)
		return r;
	with_rule(b, q->rule);
	if (q->record_id)
		vantio_buf_puts(&b->sql, " AND record_id = :record_id");
	if (tail)
		vantio_buf_puts(&b->sql, tail);
	else
		with_order(b, q);
	return b->sql.failed ? vantio_fail(err, ENOMEM, "out of memory while searching") : 0;
}

static int parse_uuid(const char *text, uint8_t out[16])
{
	char hex[33];
	size_t n = 0;

	for (; *text && n < 32; text++)
		if (*text != '-')
			hex[n++] = *text;
	return !*text && n == 32 && vantio_unhex(out, 16, hex, 32) ? 0 : -EINVAL;
}

/* Positional values come first, in the order of their question marks; named ones have places of their own. */
static int bind(struct build *b, sqlite3_stmt *s, const struct vantio_query *q, uint8_t uuid[16], struct vantio_buf *rule)
{
	int total = sqlite3_bind_parameter_count(s), i, at = 0;
	const char *name;

	for (i = 1; i <= total; i++) {
		name = sqlite3_bind_parameter_name(s, i);
		if (!name)
			sqlite3_bind_int64(s, i, b->values[at++]);
		else if (!strcmp(name, ":rule"))
			sqlite3_bind_text(s, i, rule->data ? rule->data : "", (int)rule->len, SQLITE_STATIC);
		else if (parse_uuid(q->record_id, uuid) == 0)
			sqlite3_bind_blob(s, i, uuid, 16, SQLITE_STATIC);
	}
	return at == b->n ? 0 : -EINVAL;
}

static struct vantio_place place_of(sqlite3_stmt *s)
{
	return (struct vantio_place){ (uint64_t)sqlite3_column_int64(s, 0), (uint64_t)sqlite3_column_int64(s, 1),
				      (uint64_t)sqlite3_column_int64(s, 2) };
}

/* Newest first from the index, then handed out the other way round. */
static int hand_out_reversed(struct vantio_index *ix, sqlite3_stmt *s,
			     int (*hit)(void *, const struct vantio_place *, struct vantio_error *), void *ctx, struct vantio_error *err)
{
	cleanup_free struct vantio_place *places = NULL;
	struct vantio_place *grown;
	size_t n = 0, cap = 0;
	int r, rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			grown = realloc(places, cap * sizeof(*places));
			if (!grown)
				return vantio_fail(err, ENOMEM, "out of memory while searching");
			places = grown;
		}
		places[n++] = place_of(s);
	}
	if (rc != SQLITE_DONE)
		return vantio_index_fail(ix, "be searched", err);
	while (n) {
		r = hit(ctx, &places[--n], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int hand_out(struct vantio_index *ix, sqlite3_stmt *s,
		    int (*hit)(void *, const struct vantio_place *, struct vantio_error *), void *ctx, struct vantio_error *err)
{
	struct vantio_place place;
	int r, rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		place = place_of(s);
		r = hit(ctx, &place, err);
		if (r < 0)
			return r;
	}
	return rc == SQLITE_DONE ? 0 : vantio_index_fail(ix, "be searched", err);
}

int vantio_index_ask(struct vantio_index *ix, const struct vantio_query *q, const char *select, const char *tail,
		     int (*run)(struct vantio_index *ix, sqlite3_stmt *s, void *ctx, struct vantio_error *err), void *ctx,
		     struct vantio_error *err)
{
	cleanup_buf struct vantio_buf rule = VANTIO_BUF_INIT;
	struct build b = { .ix = ix };
	sqlite3_stmt *s = NULL;
	uint8_t uuid[16];
	int r;

	r = build(&b, q, select, tail, err);
	if (r == 0 && !b.nothing) {
		spell(&rule, q->rule ? q->rule : "");
		r = vantio_index_prepare(ix, &s, b.sql.data, err);
		if (r == 0 && bind(&b, s, q, uuid, &rule) < 0)
			r = vantio_fail(err, EINVAL, "the index: a search was built wrong");
		if (r == 0)
			r = run(ix, s, ctx, err);
		sqlite3_finalize(s);
	}
	vantio_buf_free(&b.sql);
	return r;
}

struct asking {
	bool newest;
	int (*hit)(void *, const struct vantio_place *, struct vantio_error *);
	void *ctx;
};

static int run_query(struct vantio_index *ix, sqlite3_stmt *s, void *ctx, struct vantio_error *err)
{
	const struct asking *a = ctx;

	return a->newest ? hand_out_reversed(ix, s, a->hit, a->ctx, err) : hand_out(ix, s, a->hit, a->ctx, err);
}

int vantio_index_query(struct vantio_index *ix, const struct vantio_query *q,
		       int (*hit)(void *ctx, const struct vantio_place *place, struct vantio_error *err), void *ctx,
		       struct vantio_error *err)
{
	struct asking a = { q->newest, hit, ctx };

	return vantio_index_ask(ix, q, "SELECT leaf, line_offset, private_offset FROM record", NULL, run_query, &a, err);
}

/* ---- comparing ---- */

int vantio_index_walk(struct vantio_index *ix, uint64_t first, uint64_t end, struct vantio_error *err)
{
	int r = vantio_index_prepare(ix, &ix->walk, "SELECT leaf, record_id, ts, mono_ns, trace_id, pid, uid, decision, enforced, count, "
				     "line_offset, tier, agent, hook, op, policy, rule, back FROM record WHERE leaf >= ? AND leaf < ? ORDER BY leaf",
				     err);

	if (r < 0)
		return r;
	sqlite3_reset(ix->walk);
	sqlite3_bind_int64(ix->walk, 1, (int64_t)first);
	sqlite3_bind_int64(ix->walk, 2, (int64_t)end);
	ix->next = first;
	ix->last_ts = 0;
	/* Without a row before it the first one is found to be wrong, whatever it says. */
	return first ? vantio_index_ts(ix, first - 1, &ix->last_ts, err) : 0;
}

/* Whether the name of that id is this text. */
static int name_is(struct vantio_index *ix, int64_t id, struct vantio_span text, struct vantio_error *err)
{
	struct vantio_index_name *slot = &ix->names[(uint64_t)id % VANTIO_INDEX_NAMES];
	const char *found = NULL;
	int r, len = 0;

	if (!slot->text || slot->id != id) {
		r = vantio_index_prepare(ix, &ix->name_by_id, "SELECT text FROM name WHERE id = ?", err);
		if (r < 0)
			return r;
		sqlite3_bind_int64(ix->name_by_id, 1, id);
		r = sqlite3_step(ix->name_by_id);
		if (r == SQLITE_ROW) {
			found = (const char *)sqlite3_column_text(ix->name_by_id, 0);
			len = sqlite3_column_bytes(ix->name_by_id, 0);
		}
		free(slot->text);
		/* All of it: a name with a NUL in it is another one, though it begins alike. */
		slot->text = found ? malloc((size_t)len + 1) : NULL;
		slot->len = slot->text ? (size_t)len : 0;
		if (slot->text)
			memcpy(slot->text, found, slot->len);
		slot->id = id;
		sqlite3_reset(ix->name_by_id);
		if (r != SQLITE_ROW && r != SQLITE_DONE)
			return vantio_index_fail(ix, "look up a name", err);
	}
	return slot->text && slot->len == text.len && !memcmp(slot->text, text.p, text.len);
}

static const char *compare_numbers(sqlite3_stmt *s, const struct vantio_record_fields *f, const struct vantio_index_row *row,
				   uint64_t offset, uint64_t last_ts)
{
	if (sqlite3_column_bytes(s, 1) != 16 || memcmp(sqlite3_column_blob(s, 1), row->record_id, 16) != 0)
		return "record_id";
	if ((uint64_t)sqlite3_column_int64(s, 2) != row->ts)
		return "ts";
	if ((uint64_t)sqlite3_column_int64(s, 3) != f->mono_ns)
		return "mono_ns";
	if ((uint64_t)sqlite3_column_int64(s, 4) != f->trace_id)
		return "trace_id";
	if (sqlite3_column_int64(s, 5) != f->pid)
		return "pid";
	if (sqlite3_column_int64(s, 6) != f->uid)
		return "uid";
	if (sqlite3_column_int64(s, 7) != row->decision)
		return "decision";
	if (sqlite3_column_int64(s, 8) != f->enforced)
		return "enforced";
	if (sqlite3_column_int64(s, 9) != f->count)
		return "count";
	if ((uint64_t)sqlite3_column_int64(s, 10) != offset)
		return "line_offset";
	return sqlite3_column_int64(s, 17) != (f->leaf && row->ts < last_ts) ? "back" : NULL;
}

int vantio_index_compare(struct vantio_index *ix, const struct vantio_record_fields *f, uint64_t offset, struct vantio_error *err)
{
	static const char *const columns[] = { "tier", "agent", "hook", "op", "policy", "rule" };
	struct vantio_index_row row;
	sqlite3_stmt *s = ix->walk;
	const char *differs;
	int r = sqlite3_step(s), i;

	if (r != SQLITE_ROW && r != SQLITE_DONE)
		return vantio_index_fail(ix, "be read", err);
	if (r == SQLITE_DONE || (uint64_t)sqlite3_column_int64(s, 0) != ix->next)
		return vantio_fail(err, EBADMSG, "the index has no row for it, though it has later ones");
	ix->next++;
	if (vantio_index_row_of(f, &row) < 0)
		return vantio_fail(err, EBADMSG, "not a record: its time is none");
	differs = compare_numbers(s, f, &row, offset, ix->last_ts);
	ix->last_ts = row.ts;
	for (i = 0; i < VANTIO_INDEX_NAME_COLUMNS && !differs; i++) {
		r = name_is(ix, sqlite3_column_int64(s, 11 + i), row.names[i], err);
		if (r < 0)
			return r;
		if (!r)
			differs = columns[i];
	}
	return differs ? vantio_fail(err, EBADMSG, "the index says another %s than the log", differs) : 0;
}
