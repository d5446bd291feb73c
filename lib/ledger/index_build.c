// SPDX-License-Identifier: Apache-2.0
/* Building the index from the log: some thousands of records a transaction, from where it stands. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "ledger/index_internal.h"
#include "ledger/ledger.h"
#include "ledger/store.h"

#define TRANSACTION 4096 /* records: at a low priority, on a busy machine, that is seconds in which others wait for it */

/* The id of a text, from the small cache, the table, or made now. */
int vantio_index_name(struct vantio_index *ix, struct vantio_span text, bool make, int64_t *ret, struct vantio_error *err)
{
	struct vantio_index_name *slot;
	uint64_t hash = 0xcbf29ce484222325ull;
	size_t i;
	int r;

	for (i = 0; i < text.len; i++)
		hash = (hash ^ (uint8_t)text.p[i]) * 0x100000001b3ull;
	slot = &ix->names[hash % VANTIO_INDEX_NAMES];
	if (slot->text && slot->len == text.len && !memcmp(slot->text, text.p, text.len)) {
		*ret = slot->id;
		return 0;
	}
	r = vantio_index_prepare(ix, &ix->name_by_text, "SELECT id FROM name WHERE text = ?", err);
	if (r == 0 && make)
		r = vantio_index_prepare(ix, &ix->name_insert, "INSERT INTO name (text) VALUES (?)", err);
	if (r < 0)
		return r;
	sqlite3_bind_text(ix->name_by_text, 1, text.p, (int)text.len, SQLITE_STATIC);
	r = sqlite3_step(ix->name_by_text);
	*ret = r == SQLITE_ROW ? sqlite3_column_int64(ix->name_by_text, 0) : -1;
	sqlite3_reset(ix->name_by_text);
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		return vantio_index_fail(ix, "look up a name", err);
	if (r == SQLITE_DONE) {
		if (!make)
			return 0;
		sqlite3_bind_text(ix->name_insert, 1, text.p, (int)text.len, SQLITE_STATIC);
		r = sqlite3_step(ix->name_insert);
		sqlite3_reset(ix->name_insert);
		if (r != SQLITE_DONE)
			return vantio_index_fail(ix, "take in a name", err);
		*ret = sqlite3_last_insert_rowid(ix->db);
	}
	free(slot->text);
	*slot = (struct vantio_index_name){ text.len ? strndup(text.p, text.len) : strdup(""), text.len, *ret };
	return 0;
}

/* Columns of a record, in the table's order, behind leaf. */
int vantio_index_row_of(const struct vantio_record_fields *f, struct vantio_index_row *ret)
{
	enum vantio_decision d = VANTIO_PERMIT;
	char ts[VANTIO_RFC3339_LEN], hex[33];
	const char *name;
	size_t i, n = 0;

	memcpy(ts, f->ts.p, VANTIO_RFC3339_LEN - 1);
	ts[VANTIO_RFC3339_LEN - 1] = '\0';
	for (i = 0; i < 36; i++)
		if (f->record_id.p[i] != '-')
			hex[n++] = f->record_id.p[i];
	if (!vantio_parse_time(ts, &ret->ts) || !vantio_unhex(ret->record_id, 16, hex, 32))
		return -EBADMSG;
	for (; d <= VANTIO_KILLSWITCH; d++) {
		name = vantio_decision_name(d);
		if (strlen(name) == f->decision.len && !memcmp(name, f->decision.p, f->decision.len))
			break;
	}
	ret->decision = d;
	ret->names[0] = f->tier;
	ret->names[1] = f->agent;
	ret->names[2] = f->hook;
	ret->names[3] = f->op;
	ret->names[4] = f->policy;
	ret->names[5] = f->rule;
	return 0;
}

static int insert(struct vantio_index *ix, const struct vantio_record_fields *f, uint64_t line_offset, uint64_t private_offset,
		  struct vantio_error *err)
{
	struct vantio_index_row row;
	int64_t ids[VANTIO_INDEX_NAME_COLUMNS];
	sqlite3_stmt *s;
	int r, i;

	r = vantio_index_prepare(ix, &ix->insert, "INSERT INTO record (leaf, record_id, ts, mono_ns, tier, agent, hook, op, policy, "
				 "rule, trace_id, pid, uid, decision, enforced, count, line_offset, private_offset, back) "
				 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", err);
	if (r == 0 && vantio_index_row_of(f, &row) < 0)
		r = vantio_fail(err, EBADMSG, "not a record: its time is none");
	/* The row before is not the one that was taken in last where another process went on, or a transaction was taken back. */
	if (r == 0 && f->leaf && ix->next != f->leaf)
		r = vantio_index_ts(ix, f->leaf - 1, &ix->last_ts, err);
	for (i = 0; i < VANTIO_INDEX_NAME_COLUMNS && r == 0; i++)
		r = vantio_index_name(ix, row.names[i], true, &ids[i], err);
	if (r < 0)
		return r;
	s = ix->insert;
	sqlite3_bind_int64(s, 1, (int64_t)f->leaf);
	sqlite3_bind_blob(s, 2, row.record_id, sizeof(row.record_id), SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, (int64_t)row.ts);
	sqlite3_bind_int64(s, 4, (int64_t)f->mono_ns);
	for (i = 0; i < VANTIO_INDEX_NAME_COLUMNS; i++)
		sqlite3_bind_int64(s, 5 + i, ids[i]);
	sqlite3_bind_int64(s, 11, (int64_t)f->trace_id);
	sqlite3_bind_int64(s, 12, f->pid);
	sqlite3_bind_int64(s, 13, f->uid);
	sqlite3_bind_int(s, 14, row.decision);
	sqlite3_bind_int(s, 15, f->enforced);
	sqlite3_bind_int64(s, 16, f->count);
	sqlite3_bind_int64(s, 17, (int64_t)line_offset);
	sqlite3_bind_int64(s, 18, (int64_t)private_offset);
	sqlite3_bind_int(s, 19, f->leaf && row.ts < ix->last_ts);
	r = sqlite3_step(s);
	sqlite3_reset(s);
	if (r != SQLITE_DONE)
		return vantio_index_fail(ix, "take in a record", err);
	ix->next = f->leaf + 1;
	ix->last_ts = row.ts;
	return 0;
}

/* Where the segment of the next leaf is to be read on: behind the last row, if that row is of the same segment. */
static int find_offsets(struct vantio_index *ix, uint64_t leaf, uint64_t *line, uint64_t *private, struct vantio_error *err)
{
	sqlite3_stmt *s = NULL;
	int r;

	*line = *private = 0;
	if (leaf % VANTIO_SEGMENT_RECORDS == 0)
		return 0;
	r = vantio_index_prepare(ix, &s, "SELECT line_offset, private_offset FROM record WHERE leaf = ?", err);
	if (r < 0)
		return r;
	sqlite3_bind_int64(s, 1, (int64_t)leaf - 1);
	if (sqlite3_step(s) == SQLITE_ROW) {
		*line = (uint64_t)sqlite3_column_int64(s, 0);
		*private = (uint64_t)sqlite3_column_int64(s, 1);
	} else {
		r = vantio_fail(err, EBADMSG, "the index lacks leaf %llu", (unsigned long long)leaf - 1);
	}
	sqlite3_finalize(s);
	return r;
}

/* Two files of a segment, read side by side. The sidecar may be missing or shorter: then its offsets mean nothing. */
struct pair {
	int log, private;
	struct vantio_lines lines, privates;
};

static void pair_close(struct pair *p)
{
	vantio_lines_clear(&p->lines);
	vantio_lines_clear(&p->privates);
	vantio_close_fd(&p->log);
	vantio_close_fd(&p->private);
}

static int pair_open(struct pair *p, int dirfd, uint64_t segment, uint64_t line, uint64_t private, struct vantio_error *err)
{
	struct vantio_error ignored;
	char path[VANTIO_STORE_NAME_MAX];
	int r;

	*p = (struct pair){ .log = -1, .private = -1 };
	vantio_segment_path(path, "log", segment);
	p->log = vantio_store_open(dirfd, path, O_RDONLY, 0, err);
	r = p->log < 0 ? p->log : vantio_lines_init(&p->lines, p->log, line, VANTIO_RECORD_LINE_MAX, err);
	if (r < 0)
		return r;
	vantio_segment_path(path, "private", segment);
	p->private = vantio_store_open(dirfd, path, O_RDONLY, 0, &ignored);
	return p->private < 0 ? 0 : vantio_lines_init(&p->privates, p->private, private, VANTIO_RECORD_PRIVATE_MAX, err);
}

static int take_in(struct vantio_index *ix, struct pair *p, uint64_t leaf, bool skip, struct vantio_error *err)
{
	uint64_t line_at = p->lines.offset, private_at = p->private < 0 ? 0 : p->privates.offset;
	struct vantio_error ignored;
	struct vantio_record_fields f;
	struct vantio_span line;
	int r;

	r = vantio_lines_next(&p->lines, &line, err);
	if (r == 0)
		r = vantio_fail(err, EBADMSG, "the log ends before it");
	if (r > 0)
		r = skip ? 0 : vantio_record_scan(line.p, line.len, &f, err);
	if (r == 0 && !skip && f.leaf != leaf)
		r = vantio_fail(err, EBADMSG, "it says that it is leaf %llu", (unsigned long long)f.leaf);
	if (r == 0 && !skip)
		r = insert(ix, &f, line_at, private_at, err);
	if (p->private >= 0)
		vantio_lines_next(&p->privates, &line, &ignored);
	return r < 0 ? vantio_fail_prefix(err, "leaf %llu", (unsigned long long)leaf) : 0;
}

/* One transaction: some records of one segment. */
static int take_batch(struct vantio_index *ix, uint64_t size, uint64_t *leaf, struct vantio_error *err)
{
	uint64_t line, private, left = VANTIO_SEGMENT_RECORDS - *leaf % VANTIO_SEGMENT_RECORDS, end;
	bool skip = *leaf % VANTIO_SEGMENT_RECORDS != 0;
	struct pair p;
	int r;

	left = left < TRANSACTION ? left : TRANSACTION;
	end = size - *leaf < left ? size : *leaf + left;
	r = find_offsets(ix, *leaf, &line, &private, err);
	if (r < 0)
		return r;
	r = pair_open(&p, ix->dirfd, *leaf / VANTIO_SEGMENT_RECORDS, line, private, err);
	/* The offsets are those of the row before: its lines are passed over. */
	if (r == 0 && skip)
		r = take_in(ix, &p, *leaf - 1, true, err);
	for (; r == 0 && *leaf < end; ++*leaf)
		r = take_in(ix, &p, *leaf, false, err);
	pair_close(&p);
	return r;
}

int vantio_index_catch_up(struct vantio_index *ix, uint64_t size, const atomic_bool *stop, struct vantio_error *err)
{
	uint64_t leaf = 0;
	int r = 0;

	while (!stop || !atomic_load(stop)) {
		r = vantio_index_count(ix, &leaf, err);
		if (r < 0 || leaf == size)
			return r;
		if (leaf > size)
			return vantio_fail(err, EBADMSG, "the index knows %llu records, the checkpoint covers %llu: an older ledger was put "
					   "back, or the index is another's", (unsigned long long)leaf, (unsigned long long)size);
		r = vantio_index_run(ix, "BEGIN IMMEDIATE", "begin", err);
		/* Another process may have been quicker. */
		if (r == 0)
			r = vantio_index_count(ix, &leaf, err);
		if (r == 0 && leaf < size)
			r = take_batch(ix, size, &leaf, err);
		if (r == 0)
			r = vantio_index_run(ix, "COMMIT", "commit", err);
		if (r < 0) {
			vantio_index_run(ix, "ROLLBACK", "roll back", &(struct vantio_error){ 0 });
			return r;
		}
	}
	return 0;
}
