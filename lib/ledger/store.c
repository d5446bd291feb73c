// SPDX-License-Identifier: Apache-2.0
#include "ledger/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"

#define LINES_BUFFER (256u << 10)

/* ENOTDIR of a component that is a link is told apart: the caller's message should say so. */
static int not_a_folder(int at, const char *name)
{
	struct stat st;

	if (errno == ENOTDIR && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
		errno = ELOOP;
	return -1;
}

/*
 * Component by component, each from the descriptor of the one before and none through a link: as openat2's RESOLVE_BENEATH and
 * RESOLVE_NO_SYMLINKS, which older kernels, sandboxes and valgrind lack. The paths are this program's own and hold no "..".
 */
static int open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	cleanup_close int at = -1;
	char name[VANTIO_STORE_NAME_MAX];
	const char *slash;
	int next, fd;

	while ((slash = strchr(path, '/'))) {
		snprintf(name, sizeof(name), "%.*s", (int)(slash - path), path);
		next = openat(at < 0 ? dirfd : at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return not_a_folder(at < 0 ? dirfd : at, name);
		vantio_close_fd(&at);
		at = next;
		path = slash + 1;
	}
	do
		fd = openat(at < 0 ? dirfd : at, path, flags | O_NOFOLLOW | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY), mode);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? not_a_folder(at < 0 ? dirfd : at, path) : fd;
}

static int fail_open(struct vantio_error *err, int code, const char *path)
{
	if (code == ELOOP)
		return vantio_fail(err, code, "'%s' is, or lies behind, a symbolic link", path);
	return vantio_fail(err, code, "cannot open '%s': %s", path, strerror(code));
}

int vantio_store_open_dir(const char *dir, struct vantio_error *err)
{
	cleanup_free char *shown = NULL;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int code = errno;

	if (fd >= 0)
		return fd;
	shown = vantio_escape_dup(dir, strlen(dir));
	return vantio_fail(err, code, "cannot open the ledger '%s': %s", shown ? shown : "?", strerror(code));
}

int vantio_store_open(int dirfd, const char *path, int flags, mode_t mode, struct vantio_error *err)
{
	/* O_NONBLOCK: a FIFO in the file's place must not hang the open. */
	cleanup_close int fd = open_beneath(dirfd, path, flags | O_NONBLOCK, mode);
	struct stat st;

	if (fd < 0)
		return fail_open(err, errno, path);
	if (fstat(fd, &st) < 0)
		return vantio_fail(err, errno, "cannot stat '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return vantio_fail(err, EINVAL, "'%s' is not a regular file", path);
	return vantio_take_fd(&fd);
}

int vantio_store_open_subdir(int dirfd, const char *path, struct vantio_error *err)
{
	int fd = open_beneath(dirfd, path, O_RDONLY | O_DIRECTORY, 0);

	return fd < 0 ? fail_open(err, errno, path) : fd;
}

int vantio_store_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len, struct vantio_error *err)
{
	cleanup_close int fd = vantio_store_open(dirfd, path, O_RDONLY, 0, err);
	cleanup_free char *data = NULL;
	size_t len = 0;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return vantio_fail(err, errno, "cannot stat '%s': %s", path, strerror(errno));
	if ((uint64_t)st.st_size > max)
		return vantio_fail(err, EFBIG, "'%s' is larger than %zu bytes", path, max);
	/* Files of the ledger are replaced, never grown in place, but for segments, which are not read here. */
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return vantio_fail(err, ENOMEM, "out of memory while reading '%s'", path);
	while (len < (size_t)st.st_size) {
		n = read(fd, data + len, (size_t)st.st_size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vantio_fail(err, errno, "cannot read '%s': %s", path, strerror(errno));
		if (n == 0)
			break;
		len += (size_t)n;
	}
	data[len] = '\0';
	*ret = vantio_take(data);
	*ret_len = len;
	return 0;
}

int vantio_store_exists(int dirfd, const char *path, struct vantio_error *err)
{
	cleanup_close int fd = open_beneath(dirfd, path, O_PATH | O_NOFOLLOW, 0);

	if (fd >= 0)
		return 1;
	return errno == ENOENT ? 0 : fail_open(err, errno, path);
}

int vantio_store_sync_dir(int dirfd, const char *path, struct vantio_error *err)
{
	cleanup_close int fd = vantio_store_open_subdir(dirfd, path, err);

	if (fd < 0)
		return fd;
	return fsync(fd) < 0 ? vantio_fail(err, errno, "cannot make '%s' durable: %s", path, strerror(errno)) : 0;
}

DIR *vantio_store_list(int dirfd, const char *path, struct vantio_error *err)
{
	int fd = vantio_store_open_subdir(dirfd, path, err);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0) {
		vantio_fail(err, errno, "cannot list '%s': %s", path, strerror(errno));
		close(fd);
	}
	return dir;
}

void vantio_store_drop_temporaries(int ledger, const char *folder)
{
	struct vantio_error ignored;
	cleanup_dir DIR *dir = vantio_store_list(ledger, folder, &ignored);
	struct dirent *d;
	size_t len;

	while (dir && (d = readdir(dir))) {
		len = strlen(d->d_name);
		if (len > 4 && d->d_name[0] == '.' && !strcmp(d->d_name + len - 4, ".tmp"))
			unlinkat(dirfd(dir), d->d_name, 0);
	}
}

int vantio_store_make_parents(int dirfd, const char *path, struct vantio_error *err)
{
	char part[VANTIO_STORE_NAME_MAX];
	const char *slash, *parent;
	int r;

	for (slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdirat(dirfd, part, 0700) < 0) {
			if (errno == EEXIST)
				continue;
			return vantio_fail(err, errno, "cannot make the folder '%s': %s", part, strerror(errno));
		}
		parent = strrchr(part, '/');
		if (parent)
			part[parent - part] = '\0';
		r = vantio_store_sync_dir(dirfd, parent ? part : ".", err);
		if (r < 0)
			return r;
	}
	return 0;
}

int vantio_store_begin_sync(int fd, struct vantio_error *err)
{
	/* Sandboxes may lack it: then the fdatasync does it all. */
	if (sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) == 0 || errno == ENOSYS)
		return 0;
	return vantio_fail(err, errno, "cannot write: %s", strerror(errno));
}

int vantio_pwrite_all(int fd, const void *bytes, size_t len, uint64_t offset, struct vantio_error *err)
{
	const char *p = bytes;
	ssize_t n;

	while (len) {
		n = pwrite(fd, p, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return vantio_fail(err, n < 0 ? errno : EIO, "%s", strerror(n < 0 ? errno : EIO));
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

void vantio_segment_path(char out[VANTIO_STORE_NAME_MAX], const char *folder, uint64_t segment)
{
	snprintf(out, VANTIO_STORE_NAME_MAX, "%s/%08llu.ndjson", folder, (unsigned long long)segment);
}

int vantio_lines_init(struct vantio_lines *l, int fd, uint64_t offset, size_t max, struct vantio_error *err)
{
	size_t cap = max + 1 > LINES_BUFFER ? max + 1 : LINES_BUFFER;
	char *buf = malloc(cap);

	if (!buf)
		return vantio_fail(err, ENOMEM, "out of memory while reading lines");
	*l = (struct vantio_lines){ .fd = fd, .buf = buf, .cap = cap, .max = max, .offset = offset };
	return 0;
}

void vantio_lines_clear(struct vantio_lines *l)
{
	free(l->buf);
	l->buf = NULL;
}

/* Moves what is left to the front and reads on. */
static int refill(struct vantio_lines *l, struct vantio_error *err)
{
	ssize_t n;

	memmove(l->buf, l->buf + l->start, l->end - l->start);
	l->end -= l->start;
	l->start = 0;
	do
		n = pread(l->fd, l->buf + l->end, l->cap - l->end, (off_t)(l->offset + l->end));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return vantio_fail(err, errno, "cannot read: %s", strerror(errno));
	l->eof = n == 0;
	l->end += (size_t)n;
	return 0;
}

int vantio_lines_next(struct vantio_lines *l, struct vantio_span *ret, struct vantio_error *err)
{
	size_t scanned = 0, len;
	const char *newline;
	int r;

	for (;;) {
		len = l->end - l->start;
		newline = len > scanned ? memchr(l->buf + l->start + scanned, '\n', len - scanned) : NULL;
		if (newline || len > l->max || l->eof)
			break;
		scanned = len;
		r = refill(l, err);
		if (r < 0)
			return r;
	}
	if (newline)
		len = (size_t)(newline - (l->buf + l->start));
	if (len > l->max)
		return vantio_fail(err, E2BIG, "a line longer than %zu bytes", l->max);
	*ret = (struct vantio_span){ l->buf + l->start, len };
	if (!newline)
		return 0;
	l->start += len + 1;
	l->offset += len + 1;
	return 1;
}
