// SPDX-License-Identifier: Apache-2.0
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

/* A failure that names the path (escaped) and the reason of `code`. */
static int fail_path(struct vantio_error *err, int code, const char *what, const char *path)
{
	cleanup_free char *shown = vantio_escape_dup(path, strlen(path));

	if (code == ELOOP)
		return vantio_fail(err, code, "%s '%s': it is a symbolic link; name the file itself", what, shown ? shown : "?");
	return vantio_fail(err, code, "%s '%s': %s", what, shown ? shown : "?", strerror(code));
}

static ssize_t read_retry(int fd, void *out, size_t len)
{
	ssize_t n;

	do
		n = read(fd, out, len);
	while (n < 0 && errno == EINTR);
	return n;
}

static int fail_size(struct vantio_error *err, const char *path, size_t max)
{
	cleanup_free char *shown = vantio_escape_dup(path, strlen(path));

	return vantio_fail(err, EFBIG, "'%s' is larger than %zu bytes, the most that is read here", shown ? shown : "?", max);
}

/* Checks that it is a regular file within the bound; its size is a first guess only, for it may still change. */
static int check_regular(int fd, const char *path, size_t max, size_t *ret_guess, struct vantio_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_path(err, errno, "cannot stat", path);
	if (S_ISDIR(st.st_mode))
		return fail_path(err, EISDIR, "cannot read", path);
	if (!S_ISREG(st.st_mode)) {
		cleanup_free char *shown = vantio_escape_dup(path, strlen(path));

		return vantio_fail(err, EINVAL, "'%s' is not a regular file", shown ? shown : "?");
	}
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return fail_size(err, path, max);
	*ret_guess = (size_t)st.st_size;
	return 0;
}

static int read_bounded(int fd, const char *path, size_t max, char **ret, size_t *ret_len, struct vantio_error *err)
{
	cleanup_free char *data = NULL;
	size_t len = 0, cap = 0;
	char *grown;
	ssize_t n;
	int r;

	r = check_regular(fd, path, max, &cap, err);
	if (r < 0)
		return r;
	cap += 1; /* the last byte finds the end of the file, and then holds the NUL */
	data = malloc(cap);
	while (data) {
		n = read_retry(fd, data + len, cap - len);
		if (n < 0)
			return fail_path(err, errno, "cannot read", path);
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return fail_size(err, path, max);
		if (len < cap)
			continue;
		cap = cap < SIZE_MAX / 2 ? cap * 2 : SIZE_MAX;
		grown = realloc(data, cap);
		if (!grown)
			return fail_path(err, ENOMEM, "cannot read", path);
		data = grown;
	}
	if (!data)
		return fail_path(err, ENOMEM, "cannot read", path);
	data[len] = '\0';
	*ret = vantio_take(data);
	*ret_len = len;
	return 0;
}

/* O_NONBLOCK: a FIFO in the file's place must not hang the open; it means nothing to a regular file. */
#define OPEN_READ (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

int vantio_read_file(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len, struct vantio_error *err)
{
	cleanup_close int fd = openat(dirfd, path, OPEN_READ | O_NOFOLLOW);

	if (fd < 0)
		return fail_path(err, errno, "cannot open", path);
	return read_bounded(fd, path, max, ret, ret_len, err);
}

int vantio_read_file_follow(const char *path, size_t max, char **ret, size_t *ret_len, struct vantio_error *err)
{
	cleanup_close int fd = open(path, OPEN_READ);

	if (fd < 0 && errno == ELOOP)
		return vantio_fail(err, ELOOP, "cannot open a file: its symbolic links lead in a circle");
	if (fd < 0)
		return fail_path(err, errno, "cannot open", path);
	return read_bounded(fd, path, max, ret, ret_len, err);
}

int vantio_read_pseudo(int dirfd, const char *path, char *out, size_t max, struct vantio_error *err)
{
	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	cleanup_free char *data = max ? malloc(max) : NULL;
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return fail_path(err, errno, "cannot open", path);
	if (!data)
		return fail_path(err, ENOMEM, "cannot read", path);
	for (;;) {
		n = read_retry(fd, data + len, max - len);
		if (n < 0)
			return fail_path(err, errno, "cannot read", path);
		if (n == 0)
			break;
		len += (size_t)n;
		if (len == max)
			return fail_size(err, path, max - 1);
	}
	if (len && data[len - 1] == '\n')
		len--;
	memcpy(out, data, len);
	out[len] = '\0';
	return 0;
}

/* One write(2): the kernel takes such a file's text whole or not at all. */
int vantio_write_pseudo(int dirfd, const char *path, const char *text, struct vantio_error *err)
{
	cleanup_close int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return fail_path(err, errno, "cannot open", path);
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail_path(err, errno, "cannot write to", path);
	if ((size_t)n != len)
		return fail_path(err, EIO, "cannot write the whole text to", path);
	return 0;
}

int vantio_write_all(int fd, const void *bytes, size_t len, struct vantio_error *err)
{
	const char *p = bytes;
	ssize_t n;

	while (len) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return vantio_fail(err, n < 0 ? errno : EIO, "cannot write: %s", strerror(n < 0 ? errno : EIO));
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Opens the folder of `path`, so that what follows cannot be led elsewhere; *ret_base points into `path`. */
static int open_parent(int dirfd, const char *path, const char **ret_base, struct vantio_error *err)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	cleanup_free char *dir = NULL;
	int fd;

	if (!*base || !strcmp(base, ".") || !strcmp(base, ".."))
		return fail_path(err, EISDIR, "cannot write", path);
	dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	if (!dir)
		return fail_path(err, ENOMEM, "cannot write", path);
	fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_path(err, errno, "cannot open the folder", dir);
	*ret_base = base;
	return fd;
}

static int create_temporary(int dirfd, const char *base, char **ret_name, struct vantio_error *err)
{
	char suffix[17], *name;
	uint8_t random[8];
	int fd, tries;

	for (tries = 0; tries < 16; tries++) {
		if (getrandom(random, sizeof(random), 0) != sizeof(random))
			return vantio_fail(err, EIO, "the kernel gives no random bytes");
		vantio_hex(suffix, random, sizeof(random));
		if (asprintf(&name, ".%.200s.%s.tmp", base, suffix) < 0)
			return fail_path(err, ENOMEM, "cannot write", base);
		fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0) {
			*ret_name = name;
			return fd;
		}
		free(name);
		if (errno != EEXIST)
			return fail_path(err, errno, "cannot create a file beside", base);
	}
	return fail_path(err, EEXIST, "cannot create a file beside", base);
}

/* A name that is taken fails, also where the file system cannot say so in one call (NFS). */
static int rename_new(int dir, const char *tmp, const char *base)
{
	int r = renameat2(dir, tmp, dir, base, RENAME_NOREPLACE);

	if (r && (errno == EINVAL || errno == ENOSYS)) {
		r = linkat(dir, tmp, dir, base, 0);
		if (!r)
			unlinkat(dir, tmp, 0);
	}
	return r;
}

static int put_file(int dirfd, const char *path, const void *bytes, size_t len, mode_t mode, bool replace, struct vantio_error *err)
{
	cleanup_close int dir = -1, fd = -1;
	cleanup_free char *tmp = NULL;
	const char *base = path;
	int r;

	dir = open_parent(dirfd, path, &base, err);
	if (dir < 0)
		return dir;
	fd = create_temporary(dir, base, &tmp, err);
	if (fd < 0)
		return fd;
	r = vantio_write_all(fd, bytes, len, err);
	if (r < 0)
		r = fail_path(err, err->code, "cannot write", path);
	else if (fchmod(fd, mode) < 0)
		r = fail_path(err, errno, "cannot set the mode of", path);
	else if (fdatasync(fd) < 0)
		r = fail_path(err, errno, "cannot make durable", path);
	else if ((replace ? renameat(dir, tmp, dir, base) : rename_new(dir, tmp, base)) < 0)
		r = fail_path(err, errno, replace ? "cannot replace" : "cannot create", path);
	if (r < 0) {
		unlinkat(dir, tmp, 0);
		return r;
	}
	if (fsync(dir) < 0)
		return fail_path(err, errno, "cannot make durable the folder of", path);
	return 0;
}

int vantio_replace_file(int dirfd, const char *path, const void *bytes, size_t len, mode_t mode, struct vantio_error *err)
{
	return put_file(dirfd, path, bytes, len, mode, true, err);
}

int vantio_create_file(int dirfd, const char *path, const void *bytes, size_t len, mode_t mode, struct vantio_error *err)
{
	return put_file(dirfd, path, bytes, len, mode, false, err);
}

/* Makes or enters one component; the folder's descriptor. */
static int enter_dir(int at, const char *name, mode_t mode, const char *path, struct vantio_error *err)
{
	bool made = mkdirat(at, name, mode) == 0;
	int fd;

	if (!made && errno != EEXIST) {
		/* A file system that is read-only or closed to us says so even of a folder that is there. */
		int code = errno;

		fd = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd >= 0 ? fd : fail_path(err, code, "cannot make the folder", path);
	}
	fd = openat(at, name, O_DIRECTORY | O_CLOEXEC | (made ? O_RDONLY | O_NOFOLLOW : O_PATH));
	if (fd < 0)
		return fail_path(err, errno, "cannot make the folder", path);
	if (made && fchmod(fd, mode) < 0) {
		int r = fail_path(err, errno, "cannot set the mode of the folder", path);

		close(fd);
		return r;
	}
	return fd;
}

int vantio_make_dirs(const char *path, mode_t mode, struct vantio_error *err)
{
	cleanup_close int at = open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *copy = strdup(path);
	char *save = NULL, *name;
	int next;

	if (at < 0 || !copy)
		return fail_path(err, at < 0 ? errno : ENOMEM, "cannot make the folder", path);
	if (!*path)
		return fail_path(err, ENOENT, "cannot make the folder", path);
	for (name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		next = enter_dir(at, name, mode, path, err);
		if (next < 0)
			return next;
		close(at);
		at = next;
	}
	return 0;
}
