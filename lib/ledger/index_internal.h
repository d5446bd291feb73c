/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the index_*.c. */
#ifndef VANTIO_LEDGER_INDEX_INTERNAL_H
#define VANTIO_LEDGER_INDEX_INTERNAL_H

#include <limits.h>
#include <sqlite3.h>

#include "ledger/index.h"

#define VANTIO_INDEX_SCHEMA   2       /* its user_version */
#define VANTIO_INDEX_TRIGGERS 7
#define VANTIO_INDEX_NAMES 1024       /* places of the cache */
#define VANTIO_INDEX_NAME_COLUMNS 6   /* tier, agent, hook, op, policy, rule */

struct vantio_index_name {
	char *text; /* owned */
	size_t len;
	int64_t id;
};

struct vantio_index {
	sqlite3 *db;
	int dirfd; /* borrowed */
	sqlite3_stmt *count, *insert, *walk, *ts_at, *name_by_text, *name_by_id, *name_insert;
	struct vantio_index_name names[VANTIO_INDEX_NAMES]; /* by the hash of the text; when walking, by id */
	char copy[64]; /* folder of a private copy, removed at the end */
	char path[PATH_MAX + 32], query[24]; /* how it was opened without changing anything */
	int flags;
	bool unguarded; /* its triggers are not those that it was made with */
	uint64_t next; /* leaf that the walk must yield, or that is inserted next */
	uint64_t last_ts; /* of the leaf before it */
};

/* A record as the table's columns have it. */
struct vantio_index_row {
	uint8_t record_id[16];
	uint64_t ts;
	int decision;
	struct vantio_span names[VANTIO_INDEX_NAME_COLUMNS];
};

extern const char vantio_index_schema[];
/* EBADMSG where its tables, indexes and views are others; `unguarded` says whether its triggers are. */
int vantio_index_check_schema(struct vantio_index *ix, struct vantio_error *err);
int vantio_index_fail(struct vantio_index *ix, const char *what, struct vantio_error *err);
/* Statements without values. `what` completes "the index: cannot ...". */
int vantio_index_run(struct vantio_index *ix, const char *sql, const char *what, struct vantio_error *err);
int vantio_index_prepare(struct vantio_index *ix, sqlite3_stmt **stmt, const char *sql, struct vantio_error *err);
int vantio_index_path(int dirfd, char *out, size_t max, struct vantio_error *err);
/* -1 in *ret: there is no such name and `make` is false. */
int vantio_index_name(struct vantio_index *ix, struct vantio_span text, bool make, int64_t *ret, struct vantio_error *err);
/* The time of a leaf. */
int vantio_index_ts(struct vantio_index *ix, uint64_t leaf, uint64_t *ret, struct vantio_error *err);
/* 1 and the leaves [lo, hi) beyond which no record is of that time (inclusive), or 0 if the clock ran back too often to tell. */
int vantio_index_span(struct vantio_index *ix, uint64_t since, uint64_t until, uint64_t *ret_lo, uint64_t *ret_hi, struct vantio_error *err);
int vantio_index_row_of(const struct vantio_record_fields *f, struct vantio_index_row *ret);
/*
 * A search of one's own: `select` up to its FROM, the conditions of the query, then `tail` (NULL: its order and limit). `run` steps through
 * what comes; it is not called where nothing can match.
 */
int vantio_index_ask(struct vantio_index *ix, const struct vantio_query *q, const char *select, const char *tail,
		     int (*run)(struct vantio_index *ix, sqlite3_stmt *s, void *ctx, struct vantio_error *err), void *ctx,
		     struct vantio_error *err);
/* Opens it so that nothing in the folder changes. */
int vantio_index_open_unchanged(struct vantio_index *ix, int dirfd, struct vantio_error *err);
/* An index that is not wanted any more, and what belongs to it, goes to quarantine/. Nobody may have it open. */
int vantio_index_set_aside(int dirfd, struct vantio_error *err);
void vantio_index_remove_copy(const char *dir);

#endif
