/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite index of a ledger, index.sqlite3: public fields by which records are sought, and where their lines stand. Built
 * from the log, never the other way, and only from what a checkpoint covers. STRICT tables, WAL; triggers refuse UPDATE,
 * DELETE and REPLACE. Missing, behind or of another schema, it is a matter of building it; contradicting the log, of FAIL.
 */
#ifndef VANTIO_LEDGER_INDEX_H
#define VANTIO_LEDGER_INDEX_H

#include <stdatomic.h>

#include "ledger/merkle.h"
#include "record/record.h"

struct vantio_index;

enum vantio_index_mode {
	VANTIO_INDEX_WRITE,  /* makes it if it is not there; one that is damaged goes to quarantine/ and is built again */
	VANTIO_INDEX_READ,   /* changes nothing in the folder; ENOENT if it is not there */
	VANTIO_INDEX_MEMORY, /* a temporary one of its own, where the folder cannot be written */
};

/* EBADMSG: damaged. EPROTO: of another schema. The descriptor is borrowed. */
int vantio_index_open(int dirfd, enum vantio_index_mode mode, struct vantio_index **ret, struct vantio_error *err);
/*
 * Another connection like one that was opened with VANTIO_INDEX_READ and must outlive it. Looking at the files of a database
 * that is open here, as the first opening does, would drop the locks that SQLite holds on them (POSIX locks are the process's).
 */
int vantio_index_open_again(const struct vantio_index *like, struct vantio_index **ret, struct vantio_error *err);
void vantio_index_close(struct vantio_index *ix);
/* Records that it holds: leaves 0 to n - 1. */
int vantio_index_count(struct vantio_index *ix, uint64_t *ret, struct vantio_error *err);
/*
 * Takes in the log up to `size` records, some thousands a transaction, until done or `stop` (may be NULL) is set. EBADMSG: a
 * line is no record, or the index knows more than `size` records.
 */
int vantio_index_catch_up(struct vantio_index *ix, uint64_t size, const atomic_bool *stop, struct vantio_error *err);

/*
 * Builds the index of the ledger `dir` anew, from the log; the old one goes to quarantine/. EBUSY: a writer or a reader is at work.
 */
int vantio_index_rebuild(const char *dir, uint64_t *ret_records, struct vantio_error *err);

/* 1 if another process has the index open. Only while this one has not: see vantio_index_open_again(). */
int vantio_index_in_use(int dirfd);

/* ---- asking ---- */

enum vantio_order { /* ties by leaf */
	VANTIO_ORDER_LEAF,
	VANTIO_ORDER_TIME,
	VANTIO_ORDER_AGENT,
	VANTIO_ORDER_PID,
	VANTIO_ORDER_OP,
	VANTIO_ORDER_DECISION,
	VANTIO_ORDER_RULE,
	VANTIO_ORDER_COUNT,
};

struct vantio_query {
	uint64_t since, until; /* realtime ns, inclusive; 0 and UINT64_MAX: no bound */
	const char *agent, *hook, *op; /* exact, escaped as records hold them; NULL: any */
	const char *rule;      /* exact, or a list ("file.deny") with all its rules; NULL: any */
	const char *record_id; /* NULL: any */
	int decision;          /* enum vantio_decision, or -1 */
	bool has_trace, has_after;
	uint64_t trace_id;
	uint64_t after;        /* leaves beyond this one */
	uint64_t below;        /* leaves below this one: the size that was agreed on */
	uint64_t limit;        /* at most so many */
	enum vantio_order order; /* of what is handed out */
	bool descending;       /* in that order; with VANTIO_ORDER_LEAF too */
	uint64_t offset;       /* so many of the first are passed over */
	bool newest;           /* the last `limit` of them rather than the first; still in the order of the log */
};

struct vantio_place {
	uint64_t leaf, line_offset, private_offset; /* in their segments; that of the private line is a hint */
};

/* Calls `hit` for each match, in the order that is asked for; a negative answer ends the search and is returned. */
int vantio_index_query(struct vantio_index *ix, const struct vantio_query *q,
		       int (*hit)(void *ctx, const struct vantio_place *place, struct vantio_error *err), void *ctx,
		       struct vantio_error *err);

/* ---- counting ---- */

enum vantio_stats_by {
	VANTIO_STATS_AGENT,
	VANTIO_STATS_DECISION,
	VANTIO_STATS_RULE,
	VANTIO_STATS_OP,
	VANTIO_STATS_HOOK,
};

struct vantio_stats_range {
	uint64_t first, last; /* realtime ns of the earliest and the latest record */
	uint64_t records;     /* 0: nothing matches, and the times mean nothing */
	uint64_t decisions;   /* a record may stand for several */
};

/* Of what matches; the query's order and limit do not count. */
int vantio_index_range(struct vantio_index *ix, const struct vantio_query *q, struct vantio_stats_range *ret, struct vantio_error *err);
/*
 * Calls `cell` for each key and each span of `width` ns from `from` on in which it occurs, by key and then by time. The key is as
 * records spell it in JSON, borrowed. Records before `from` are in the first span.
 */
int vantio_index_stats(struct vantio_index *ix, const struct vantio_query *q, enum vantio_stats_by by, uint64_t from, uint64_t width,
		       int (*cell)(void *ctx, struct vantio_span key, uint64_t span, uint64_t decisions, struct vantio_error *err),
		       void *ctx, struct vantio_error *err);

/* ---- comparing ---- */

/* Whether the triggers that refuse changes are there, and no others. */
bool vantio_index_guarded(const struct vantio_index *ix);
/* Begins a walk over the rows from `first` up to `end`, in the order of leaves. */
int vantio_index_walk(struct vantio_index *ix, uint64_t first, uint64_t end, struct vantio_error *err);
/* 0 if the next row is that of this line, at this offset; EBADMSG and the difference if not. */
int vantio_index_compare(struct vantio_index *ix, const struct vantio_record_fields *f, uint64_t offset, struct vantio_error *err);

/* ---- building beside a writer ---- */

struct vantio_indexer;
/* A thread that builds the index behind the commits; its failures never reach the writer. NULL if it cannot be had. */
struct vantio_indexer *vantio_indexer_start(int dirfd, uint64_t size);
void vantio_indexer_wake(struct vantio_indexer *x, uint64_t size);
/* Lets it finish when little is left, else leaves the rest to the next reader or writer. NULL is fine. */
void vantio_indexer_stop(struct vantio_indexer *x);

#endif
