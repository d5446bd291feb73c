// SPDX-License-Identifier: Apache-2.0
/* Counting in the index. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ledger/index_internal.h"

static int run_range(struct vantio_index *ix, sqlite3_stmt *s, void *ctx, struct vantio_error *err)
{
	struct vantio_stats_range *range = ctx;

	if (sqlite3_step(s) != SQLITE_ROW)
		return vantio_index_fail(ix, "be counted", err);
	range->first = (uint64_t)sqlite3_column_int64(s, 0);
	range->last = (uint64_t)sqlite3_column_int64(s, 1);
	range->records = (uint64_t)sqlite3_column_int64(s, 2);
	range->decisions = (uint64_t)sqlite3_column_int64(s, 3);
	return 0;
}

int vantio_index_range(struct vantio_index *ix, const struct vantio_query *q, struct vantio_stats_range *ret, struct vantio_error *err)
{
	*ret = (struct vantio_stats_range){ .records = 0 };
	return vantio_index_ask(ix, q, "SELECT min(ts), max(ts), count(*), sum(count) FROM record", "", run_range, ret, err);
}

struct counting {
	int (*cell)(void *, struct vantio_span, uint64_t, uint64_t, struct vantio_error *);
	void *ctx;
};

static int run_stats(struct vantio_index *ix, sqlite3_stmt *s, void *ctx, struct vantio_error *err)
{
	const struct counting *c = ctx;
	struct vantio_span key;
	int r, rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		key.p = (const char *)sqlite3_column_text(s, 0);
		key.len = (size_t)sqlite3_column_bytes(s, 0);
		if (!key.p)
			return vantio_fail(err, EBADMSG, "the index: a name is missing");
		r = c->cell(c->ctx, key, (uint64_t)sqlite3_column_int64(s, 1), (uint64_t)sqlite3_column_int64(s, 2), err);
		if (r < 0)
			return r;
	}
	return rc == SQLITE_DONE ? 0 : vantio_index_fail(ix, "be counted", err);
}

int vantio_index_stats(struct vantio_index *ix, const struct vantio_query *q, enum vantio_stats_by by, uint64_t from, uint64_t width,
		       int (*cell)(void *ctx, struct vantio_span key, uint64_t span, uint64_t decisions, struct vantio_error *err),
		       void *ctx, struct vantio_error *err)
{
	static const char *const columns[] = { "agent", "decision", "rule", "op", "hook" };
	static const char decision[] = "CASE k WHEN 0 THEN 'permit' WHEN 1 THEN 'block' WHEN 2 THEN 'quarantine' ELSE 'killswitch' END";
	struct counting c = { cell, ctx };
	char select[512];

	if (!width || width > INT64_MAX || from > INT64_MAX)
		return vantio_fail(err, EINVAL, "a span of time that is none");
	/* Names are looked up once a group, not once a record. */
	snprintf(select, sizeof(select), "SELECT %s AS t, b, n FROM (SELECT %s AS k, max(ts - %llu, 0) / %llu AS b, sum(count) AS n FROM record",
		 by == VANTIO_STATS_DECISION ? decision : "(SELECT text FROM name WHERE id = k)", columns[by], (unsigned long long)from,
		 (unsigned long long)width);
	return vantio_index_ask(ix, q, select, " GROUP BY k, b) ORDER BY t, b", run_stats, &c, err);
}
