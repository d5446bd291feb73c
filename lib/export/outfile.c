// SPDX-License-Identifier: Apache-2.0
#include "export/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "ledger/store.h"

#define BUFFER (256u << 10)
#define CHUNK  65536u

static int fail(const struct vantio_outfile *o, int code, const char *what, struct vantio_error *err)
{
	cleanup_free char *shown = vantio_escape_dup(o->path ? o->path : "", o->path ? strlen(o->path) : 0);

	return vantio_fail(err, code, "cannot %s '%s': %s", what, shown ? shown : "?", strerror(code));
}

static int make_parents(int dirfd, const char *path, struct vantio_error *err)
{
	cleanup_free char *part = strdup(path);
	char *slash;

	if (!part)
		return vantio_fail(err, ENOMEM, "out of memory while exporting");
	for (slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(dirfd, part, 0777) < 0 && errno != EEXIST)
			return vantio_fail(err, errno, "cannot make the folder '%s': %s", part, strerror(errno));
		*slash = '/';
	}
	return 0;
}

/* A regular file of that name, or -1 and errno. A file of its own is its owner's; a folder is made to be served. */
static int open_regular(int dirfd, const char *path, int flags)
{
	int fd = openat(dirfd, path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, dirfd == AT_FDCWD ? 0600 : 0666);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

int vantio_outfile_open(struct vantio_outfile *o, int dirfd, const char *path, bool sync, struct vantio_error *err)
{
	int r;

	*o = (struct vantio_outfile){ .dirfd = dirfd, .fd = -1, .sync = sync, .path = strdup(path) };
	if (!o->path || asprintf(&o->partial, "%s.partial", path) < 0) {
		o->partial = NULL;
		vantio_outfile_close(o, false);
		return vantio_fail(err, ENOMEM, "out of memory while exporting");
	}
	r = dirfd == AT_FDCWD ? 0 : make_parents(dirfd, path, err);
	if (r == 0) {
		o->fd = open_regular(dirfd, o->path, O_RDONLY);
		o->finished = o->fd >= 0;
		if (o->fd < 0 && errno == ENOENT)
			o->fd = open_regular(dirfd, o->partial, O_RDWR | O_CREAT);
		if (o->fd < 0)
			r = fail(o, errno, "write", err);
	}
	if (r < 0)
		vantio_outfile_close(o, false);
	return r;
}

void vantio_outfile_direct(struct vantio_outfile *o, int fd)
{
	*o = (struct vantio_outfile){ .dirfd = -1, .fd = fd, .writing = true };
}

/* 1 if the bytes from `pos` on are these, 0 if not. */
static int same(const struct vantio_outfile *o, const char *bytes, size_t len, struct vantio_error *err)
{
	char chunk[CHUNK];
	uint64_t at = o->pos;
	ssize_t n;

	for (; len; bytes += n, at += (uint64_t)n, len -= (size_t)n) {
		n = pread(o->fd, chunk, len < CHUNK ? len : CHUNK, (off_t)at);
		if (n < 0 && errno == EINTR) {
			n = 0;
			continue;
		}
		if (n < 0)
			return fail(o, errno, "read", err);
		if (!n || memcmp(chunk, bytes, (size_t)n) != 0)
			return 0;
	}
	return 1;
}

/* What is equal so far goes over into a new PATH.partial; the finished file stays until it is replaced. */
static int copy_prefix(struct vantio_outfile *o, struct vantio_error *err)
{
	cleanup_close int to = open_regular(o->dirfd, o->partial, O_RDWR | O_CREAT | O_TRUNC);
	char chunk[CHUNK];
	uint64_t at = 0;
	size_t want;
	ssize_t n;
	int r;

	if (to < 0)
		return fail(o, errno, "write", err);
	while (at < o->pos) {
		want = o->pos - at < CHUNK ? (size_t)(o->pos - at) : CHUNK;
		n = pread(o->fd, chunk, want, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(o, n < 0 ? errno : EIO, "read", err);
		r = vantio_pwrite_all(to, chunk, (size_t)n, at, err);
		if (r < 0)
			return fail(o, -r, "write", err);
		at += (uint64_t)n;
	}
	close(o->fd);
	o->fd = vantio_take_fd(&to);
	o->finished = false;
	return 0;
}

static int begin_writing(struct vantio_outfile *o, struct vantio_error *err)
{
	int r = 0;

	if (o->finished)
		r = copy_prefix(o, err);
	else if (ftruncate(o->fd, (off_t)o->pos) < 0)
		r = fail(o, errno, "write", err);
	o->writing = r == 0;
	return r;
}

static int put_out(struct vantio_outfile *o, const char *bytes, size_t len, struct vantio_error *err)
{
	int r;

	if (!o->path)
		return vantio_write_all(o->fd, bytes, len, err);
	if (!o->writing) {
		r = same(o, bytes, len, err);
		if (r > 0)
			o->pos += len;
		if (r != 0)
			return r < 0 ? r : 0;
		r = begin_writing(o, err);
		if (r < 0)
			return r;
	}
	r = vantio_pwrite_all(o->fd, bytes, len, o->pos, err);
	if (r < 0)
		return fail(o, -r, "write", err);
	o->pos += len;
	return 0;
}

static int flush(struct vantio_outfile *o, struct vantio_error *err)
{
	int r;

	if (o->buf.failed)
		return vantio_fail(err, ENOMEM, "out of memory while exporting");
	r = o->buf.len ? put_out(o, o->buf.data, o->buf.len, err) : 0;
	vantio_buf_reset(&o->buf);
	return r;
}

int vantio_outfile_write(struct vantio_outfile *o, const void *bytes, size_t len, struct vantio_error *err)
{
	vantio_buf_add(&o->buf, bytes, len);
	return o->buf.len >= BUFFER || o->buf.failed ? flush(o, err) : 0;
}

int vantio_outfile_finish(struct vantio_outfile *o, struct vantio_error *err)
{
	struct stat st;
	int r = flush(o, err);

	if (r < 0 || !o->path)
		return r;
	if (!o->writing && fstat(o->fd, &st) < 0)
		return fail(o, errno, "read", err);
	/* What was there is longer, or had not got its name yet. */
	if (!o->writing && ((uint64_t)st.st_size != o->pos || !o->finished))
		r = begin_writing(o, err);
	if (r == 0 && o->writing) {
		if (o->sync && fsync(o->fd) < 0)
			r = fail(o, errno, "make durable", err);
		else if (renameat(o->dirfd, o->partial, o->dirfd, o->path) < 0)
			r = fail(o, errno, "replace", err);
	} else if (r == 0) {
		unlinkat(o->dirfd, o->partial, 0); /* of an attempt before the finished one */
	}
	if (r == 0)
		vantio_outfile_close(o, false);
	return r;
}

void vantio_outfile_close(struct vantio_outfile *o, bool remove)
{
	struct vantio_error ignored;

	if (o->path && o->fd >= 0 && !remove)
		flush(o, &ignored);
	if (o->path)
		vantio_close_fd(&o->fd);
	if (o->partial && remove)
		unlinkat(o->dirfd, o->partial, 0);
	free(o->path);
	free(o->partial);
	vantio_buf_free(&o->buf);
	*o = (struct vantio_outfile)VANTIO_OUTFILE_INIT;
}

int vantio_outfile_put(int dirfd, const char *path, const void *bytes, size_t len, bool sync, struct vantio_error *err)
{
	struct vantio_outfile o = VANTIO_OUTFILE_INIT;
	int r = vantio_outfile_open(&o, dirfd, path, sync, err);

	if (r == 0)
		r = vantio_outfile_write(&o, bytes, len, err);
	if (r == 0)
		r = vantio_outfile_finish(&o, err);
	vantio_outfile_close(&o, false);
	return r;
}
