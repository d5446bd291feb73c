// SPDX-License-Identifier: Apache-2.0
/* Opening the index, in the three ways in which it is needed. */
#include "ledger/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "ledger/index_internal.h"
#include "ledger/store.h"

#define BUSY_MS        5000

int vantio_index_fail(struct vantio_index *ix, const char *what, struct vantio_error *err)
{
	int code = sqlite3_extended_errcode(ix->db), errno_code = EIO;

	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR:      /* such as a table that is not there */
	case SQLITE_MISMATCH:
	case SQLITE_CONSTRAINT:
		errno_code = EBADMSG;
		break;
	case SQLITE_NOMEM:
		errno_code = ENOMEM;
		break;
	case SQLITE_FULL:
		errno_code = ENOSPC;
		break;
	case SQLITE_BUSY:
		errno_code = EBUSY;
		break;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		errno_code = EACCES;
		break;
	}
	return vantio_fail(err, errno_code, "the index: cannot %s: %s", what, sqlite3_errmsg(ix->db));
}

int vantio_index_run(struct vantio_index *ix, const char *sql, const char *what, struct vantio_error *err)
{
	return sqlite3_exec(ix->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : vantio_index_fail(ix, what, err);
}

int vantio_index_prepare(struct vantio_index *ix, sqlite3_stmt **stmt, const char *sql, struct vantio_error *err)
{
	if (*stmt)
		return 0;
	return sqlite3_prepare_v3(ix->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL) == SQLITE_OK ?
	       0 : vantio_index_fail(ix, "prepare a statement", err);
}

static int read_version(struct vantio_index *ix, int *ret, struct vantio_error *err)
{
	sqlite3_stmt *stmt = NULL;
	int r = vantio_index_prepare(ix, &stmt, "PRAGMA user_version", err);

	if (r == 0 && sqlite3_step(stmt) == SQLITE_ROW)
		*ret = sqlite3_column_int(stmt, 0);
	else if (r == 0)
		r = vantio_index_fail(ix, "be read", err);
	sqlite3_finalize(stmt);
	return r;
}

void vantio_index_close(struct vantio_index *ix)
{
	size_t i;

	if (!ix)
		return;
	sqlite3_finalize(ix->count);
	sqlite3_finalize(ix->insert);
	sqlite3_finalize(ix->walk);
	sqlite3_finalize(ix->ts_at);
	sqlite3_finalize(ix->name_by_text);
	sqlite3_finalize(ix->name_by_id);
	sqlite3_finalize(ix->name_insert);
	sqlite3_close(ix->db);
	for (i = 0; i < VANTIO_INDEX_NAMES; i++)
		free(ix->names[i].text);
	if (ix->copy[0])
		vantio_index_remove_copy(ix->copy);
	free(ix);
}

/* The file's path without links: SQLite takes no descriptor, and refuses links in what it is given. */
int vantio_index_path(int dirfd, char *out, size_t max, struct vantio_error *err)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	n = readlink(link, out, max - 1);
	if (n <= 0 || (size_t)n + sizeof("/index.sqlite3") > max)
		return vantio_fail(err, n < 0 ? errno : ENAMETOOLONG, "cannot find the path of the ledger's folder");
	strcpy(out + n, "/index.sqlite3");
	return 0;
}

static int open_db(struct vantio_index *ix, const char *path, int flags, struct vantio_error *err)
{
	if (sqlite3_open_v2(path, &ix->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK)
		return vantio_index_fail(ix, "be opened", err);
	sqlite3_busy_timeout(ix->db, BUSY_MS);
	sqlite3_db_config(ix->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(ix->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return 0;
}

/* All of it must be as it was made. */
static int check_schema(struct vantio_index *ix, struct vantio_error *err)
{
	int r = vantio_index_check_schema(ix, err);

	return r == 0 && ix->unguarded ? vantio_fail(err, EBADMSG, "the index: its triggers are not as they were made") : r;
}

/* Settings of a connection that writes, and the tables if there are none. */
static int make_ready(struct vantio_index *ix, struct vantio_error *err)
{
	int r, version = 0;

	r = vantio_index_run(ix, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA recursive_triggers = ON;"
		    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;", "be set up", err);
	if (r == 0)
		r = read_version(ix, &version, err);
	if (r < 0)
		return r;
	if (version == VANTIO_INDEX_SCHEMA)
		return check_schema(ix, err);
	if (version)
		return vantio_fail(err, EPROTO, "the index is of schema %d; this program knows %d", version, VANTIO_INDEX_SCHEMA);
	r = vantio_index_run(ix, vantio_index_schema, "be made", err);
	if (r == 0)
		return 0;
	/* Another process may have made it in the meantime. */
	vantio_index_run(ix, "ROLLBACK", "roll back", &(struct vantio_error){ 0 });
	if (read_version(ix, &version, &(struct vantio_error){ 0 }) == 0 && version == VANTIO_INDEX_SCHEMA)
		return 0;
	return r;
}

static int open_write(struct vantio_index *ix, int dirfd, struct vantio_error *err)
{
	char path[PATH_MAX + 32];
	struct stat st;
	int r = vantio_index_path(dirfd, path, sizeof(path), err);

	if (r < 0)
		return r;
	/* SQLite makes its files with the mode of the process; ours are nobody else's. */
	if (fstatat(dirfd, "index.sqlite3", &st, AT_SYMLINK_NOFOLLOW) < 0) {
		int fd = vantio_store_open(dirfd, "index.sqlite3", O_RDWR | O_CREAT, 0600, err);

		if (fd < 0)
			return fd;
		close(fd);
	}
	r = open_db(ix, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, err);
	return r < 0 ? r : make_ready(ix, err);
}

int vantio_index_set_aside(int dirfd, struct vantio_error *err)
{
	static const char *const names[] = { "index.sqlite3", "index.sqlite3-wal", "index.sqlite3-shm" };
	char aside[VANTIO_STORE_NAME_MAX];
	struct timespec now;
	size_t i;
	int r = vantio_store_make_parents(dirfd, "quarantine/", err);

	clock_gettime(CLOCK_REALTIME, &now);
	for (i = 0; i < VANTIO_ARRAY_SIZE(names) && r == 0; i++) {
		snprintf(aside, sizeof(aside), "quarantine/%lld%09ld-%s", (long long)now.tv_sec, now.tv_nsec, names[i]);
		if (renameat(dirfd, names[i], dirfd, aside) < 0 && errno != ENOENT)
			r = vantio_fail(err, errno, "cannot set aside '%s': %s", names[i], strerror(errno));
	}
	return r;
}

static int open_mode(struct vantio_index *ix, int dirfd, enum vantio_index_mode mode, struct vantio_error *err)
{
	int r, version;

	switch (mode) {
	case VANTIO_INDEX_WRITE:
		return open_write(ix, dirfd, err);
	case VANTIO_INDEX_MEMORY:
		r = open_db(ix, "", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
		if (r == 0)
			r = vantio_index_run(ix, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;", "be set up", err);
		return r < 0 ? r : vantio_index_run(ix, vantio_index_schema, "be made", err);
	default:
		r = vantio_index_open_unchanged(ix, dirfd, err);
		if (r == 0)
			r = read_version(ix, &version, err);
		if (r == 0 && version != VANTIO_INDEX_SCHEMA)
			r = vantio_fail(err, EPROTO, "the index is of schema %d; this program knows %d", version, VANTIO_INDEX_SCHEMA);
		return r < 0 ? r : vantio_index_check_schema(ix, err);
	}
}

int vantio_index_open(int dirfd, enum vantio_index_mode mode, struct vantio_index **ret, struct vantio_error *err)
{
	struct vantio_index *ix;
	int r, tries;

	for (tries = 0;; tries++) {
		ix = calloc(1, sizeof(*ix));
		if (!ix)
			return vantio_fail(err, ENOMEM, "out of memory while opening the index");
		ix->dirfd = dirfd;
		r = open_mode(ix, dirfd, mode, err);
		if (r == 0)
			break;
		vantio_index_close(ix);
		if ((r != -EBADMSG && r != -EPROTO) || mode != VANTIO_INDEX_WRITE || tries || vantio_index_set_aside(dirfd, err) < 0)
			return r;
	}
	*ret = ix;
	return 0;
}

int vantio_index_count(struct vantio_index *ix, uint64_t *ret, struct vantio_error *err)
{
	int r = vantio_index_prepare(ix, &ix->count, "SELECT coalesce(max(leaf) + 1, 0) FROM record", err);

	if (r < 0)
		return r;
	if (sqlite3_step(ix->count) == SQLITE_ROW)
		*ret = (uint64_t)sqlite3_column_int64(ix->count, 0);
	else
		r = vantio_index_fail(ix, "count", err);
	sqlite3_reset(ix->count);
	return r;
}
