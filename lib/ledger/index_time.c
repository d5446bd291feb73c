// SPDX-License-Identifier: Apache-2.0
/*
 * Times to leaves. Records stand in the order of the log, and so do their times but where the wall clock was set back, which the index
 * marks (`back`). Between two such records time only grows, so that halving finds the leaves of a span of time in some dozens of looks.
 */
#include <errno.h>
#include <stdlib.h>

#include "ledger/index_internal.h"

#define RUNS_MAX 64

int vantio_index_ts(struct vantio_index *ix, uint64_t leaf, uint64_t *ret, struct vantio_error *err)
{
	int r = vantio_index_prepare(ix, &ix->ts_at, "SELECT ts FROM record WHERE leaf = ?", err);

	if (r < 0)
		return r;
	sqlite3_bind_int64(ix->ts_at, 1, (int64_t)leaf);
	r = sqlite3_step(ix->ts_at);
	if (r == SQLITE_ROW)
		*ret = (uint64_t)sqlite3_column_int64(ix->ts_at, 0);
	sqlite3_reset(ix->ts_at);
	if (r == SQLITE_DONE)
		return vantio_fail(err, EBADMSG, "the index lacks leaf %llu", (unsigned long long)leaf);
	return r == SQLITE_ROW ? 0 : vantio_index_fail(ix, "be read", err);
}

/* The first leaf of [lo, hi) whose time is `ts` or later; hi if there is none. */
static int first_at(struct vantio_index *ix, uint64_t lo, uint64_t hi, uint64_t ts, uint64_t *ret, struct vantio_error *err)
{
	uint64_t mid, at;
	int r;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		r = vantio_index_ts(ix, mid, &at, err);
		if (r < 0)
			return r;
		if (at < ts)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret = lo;
	return 0;
}

/* Where time ran back; ret[0] is 0. Their number, 0 if there are more than RUNS_MAX. */
static int find_runs(struct vantio_index *ix, uint64_t ret[RUNS_MAX], struct vantio_error *err)
{
	sqlite3_stmt *s = NULL;
	int n = 1, rc, r = vantio_index_prepare(ix, &s, "SELECT leaf FROM record WHERE back = 1 ORDER BY leaf", err);

	if (r < 0)
		return r;
	ret[0] = 0;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && n < RUNS_MAX)
		ret[n++] = (uint64_t)sqlite3_column_int64(s, 0);
	if (rc == SQLITE_ROW)
		n = 0;
	else if (rc != SQLITE_DONE)
		n = vantio_index_fail(ix, "be searched", err);
	sqlite3_finalize(s);
	return n;
}

int vantio_index_span(struct vantio_index *ix, uint64_t since, uint64_t until, uint64_t *ret_lo, uint64_t *ret_hi, struct vantio_error *err)
{
	uint64_t runs[RUNS_MAX], size, lo = UINT64_MAX, hi = 0, from, to, end;
	int n, i, r = vantio_index_count(ix, &size, err);

	n = r < 0 ? r : find_runs(ix, runs, err);
	if (n <= 0)
		return n;
	for (i = 0; i < n; i++) {
		end = i + 1 < n ? runs[i + 1] : size;
		r = first_at(ix, runs[i], end, since, &from, err);
		if (r == 0)
			r = until == UINT64_MAX ? 0 : first_at(ix, from, end, until + 1, &to, err);
		if (r < 0)
			return r;
		to = until == UINT64_MAX ? end : to;
		if (from == to)
			continue;
		lo = from < lo ? from : lo;
		hi = to > hi ? to : hi;
	}
	*ret_lo = lo < hi ? lo : 0;
	*ret_hi = lo < hi ? hi : 0;
	return 1;
}
