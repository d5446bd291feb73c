// SPDX-License-Identifier: Apache-2.0
#include "phantom/object.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mem.h"
#include "phantom/xattr.h"

#define CHUNK (256u * 1024u)

static int reopen(int fd, int flags)
{
	char link[32];
	int r;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	r = open(link, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return r < 0 ? -errno : r;
}

static ssize_t read_full(int fd, char *out, size_t max, off_t at)
{
	size_t have = 0;
	ssize_t n;

	while (have < max && (n = pread(fd, out + have, max - have, at + (off_t)have))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

static int same_bytes(int a, int b, uint64_t size)
{
	cleanup_close int fa = reopen(a, O_RDONLY), fb = fa < 0 ? fa : reopen(b, O_RDONLY);
	cleanup_free char *buf = malloc(2 * CHUNK);
	uint64_t at;

	if (fa < 0 || fb < 0)
		return fa < 0 ? fa : fb;
	if (!buf)
		return -ENOMEM;
	for (at = 0; at < size; at += CHUNK) {
		ssize_t n = read_full(fa, buf, CHUNK, (off_t)at), m = n < 0 ? n : read_full(fb, buf + CHUNK, CHUNK, (off_t)at);

		if (n < 0 || m < 0)
			return (int)(n < 0 ? n : m);
		if (n != m || memcmp(buf, buf + CHUNK, (size_t)n))
			return 0;
	}
	return 1;
}

/* Whether data and holes lie at the same places. */
static int same_layout(int a, int b, off_t size)
{
	cleanup_close int fa = reopen(a, O_RDONLY), fb = fa < 0 ? fa : reopen(b, O_RDONLY);
	off_t at = 0, next;
	int whence = SEEK_DATA;

	if (fa < 0 || fb < 0)
		return fa < 0 ? fa : fb;
	while (at >= 0 && at < size) {
		next = lseek(fa, at, whence);
		if (next != lseek(fb, at, whence))
			return 0;
		at = next;
		whence = whence == SEEK_DATA ? SEEK_HOLE : SEEK_DATA;
	}
	return 1;
}

static int same_regular(int a, const struct stat *as, int b, const struct stat *bs)
{
	int r = as->st_size == bs->st_size ? same_bytes(a, b, (uint64_t)as->st_size) : 0;

	return r == 1 && as->st_blocks != bs->st_blocks ? same_layout(a, b, as->st_size) : r;
}

int vantio_same_content(int a, const struct stat *as, int b, const struct stat *bs)
{
	char x[PATH_MAX], y[PATH_MAX];
	ssize_t n, m;

	if ((as->st_mode & S_IFMT) != (bs->st_mode & S_IFMT))
		return 0;
	switch (as->st_mode & S_IFMT) {
	case S_IFREG:
		return same_regular(a, as, b, bs);
	case S_IFLNK:
		n = readlinkat(a, "", x, sizeof(x));
		m = n < 0 ? n : readlinkat(b, "", y, sizeof(y));
		return m < 0 ? -errno : n == m && !memcmp(x, y, (size_t)n);
	case S_IFCHR:
	case S_IFBLK:
		return as->st_rdev == bs->st_rdev;
	default:
		return 1;
	}
}

/* ---- data ---- */

static int write_full(int fd, const char *bytes, size_t len, off_t at)
{
	ssize_t n;

	while (len) {
		n = pwrite(fd, bytes, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		len -= (size_t)n;
		at += n;
	}
	return 0;
}

static int copy_range(int from, int to, off_t at, off_t end, char *buf)
{
	int r = 0;

	while (!r && at < end) {
		ssize_t n = read_full(from, buf, end - at < (off_t)CHUNK ? (size_t)(end - at) : CHUNK, at);

		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		r = write_full(to, buf, (size_t)n, at);
		at += n;
	}
	return r;
}

int vantio_copy_data(int from, int to, uint64_t size)
{
	cleanup_free char *buf = malloc(CHUNK);
	off_t at = 0, data, hole, end = (off_t)size;
	struct stat st;
	int r = 0;

	if (!buf)
		return -ENOMEM;
	if (fstat(to, &st))
		return -errno;
	while (!r && at < end) {
		data = lseek(from, at, SEEK_DATA);
		if (data < 0 && errno != ENXIO)
			return -errno;
		if (data < 0 || data > end)
			data = end;
		if (data > at && st.st_size > at && fallocate(to, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, data - at))
			return -errno; /* a hole over old bytes */
		if (data == end)
			break;
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		if (hole > end)
			hole = end;
		r = copy_range(from, to, data, hole, buf);
		at = hole;
	}
	return r ? r : ftruncate(to, end) ? -errno : 0;
}

/* ---- attributes ---- */

int vantio_copy_times(int host, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	return utimensat(host, "", times, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) ? -errno : 0;
}

static int copy_owner(int host, const struct stat *now, const struct stat *st, uint32_t *ret_lost)
{
	if (now->st_uid == st->st_uid && now->st_gid == st->st_gid)
		return 0;
	if (!fchownat(host, "", st->st_uid, st->st_gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return 0;
	if (errno != EPERM && errno != EINVAL)
		return -errno;
	*ret_lost |= VANTIO_COPY_OWNER;
	if (now->st_gid != st->st_gid && fchownat(host, "", (uid_t)-1, st->st_gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) && errno != EPERM && errno != EINVAL)
		return -errno;
	return 0;
}

int vantio_copy_attributes(int upper, const struct stat *st, bool userxattr, int host, uint32_t *ret_lost)
{
	bool lost = false;
	struct stat now;
	char link[32];
	int r;

	if (fstat(host, &now))
		return -errno;
	r = copy_owner(host, &now, st, ret_lost);
	if (r)
		return r;
	if (!S_ISLNK(st->st_mode)) {
		mode_t mode = st->st_mode & 07777;

		if (*ret_lost & VANTIO_COPY_OWNER) /* never somebody else's set-user-id */
			mode &= 01777;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", host);
		if (chmod(link, mode))
			return -errno;
	}
	r = vantio_copy_xattrs(upper, userxattr, host, &lost);
	if (r)
		return r;
	if (lost)
		*ret_lost |= VANTIO_COPY_XATTR;
	return vantio_copy_times(host, st);
}

/* ---- whole objects ---- */

static int make_regular(int upper, const struct stat *st, int dir, const char *name)
{
	cleanup_close int from = reopen(upper, O_RDONLY), to = -1;

	if (from < 0)
		return from;
	to = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return to < 0 ? -errno : vantio_copy_data(from, to, (uint64_t)st->st_size);
}

static int make_link(int upper, int dir, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(upper, "", target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, dir, name) ? -errno : 0;
}

int vantio_copy_object(int upper, const struct stat *st, bool userxattr, int dir, const char *name, uint32_t *ret_lost)
{
	cleanup_close int made = -1;
	int r;

	if (S_ISREG(st->st_mode))
		r = make_regular(upper, st, dir, name);
	else if (S_ISLNK(st->st_mode))
		r = make_link(upper, dir, name);
	else if (S_ISDIR(st->st_mode))
		return mkdirat(dir, name, 0700) ? -errno : 0; /* its attributes come when it is full */
	else
		r = mknodat(dir, name, (st->st_mode & S_IFMT) | 0600, st->st_rdev) ? -errno : 0;
	if (r)
		return r;
	made = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return made < 0 ? -errno : vantio_copy_attributes(upper, st, userxattr, made, ret_lost);
}
