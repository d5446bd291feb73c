// SPDX-License-Identifier: Apache-2.0
#include "ledger/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define ALIGN      VANTIO_SEGMENT_ALIGN
#define DIRECT_MIN (64u << 10) /* below it the page cache is as fast, and whoever reads along finds the lines there */

int vantio_segment_open(struct vantio_segment *s, int dirfd, uint64_t number, uint64_t offset, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];
	cleanup_close int fd = -1;
	int r;

	vantio_segment_path(path, s->folder, number);
	r = vantio_store_make_parents(dirfd, path, err);
	if (r < 0)
		return r;
	fd = vantio_store_open(dirfd, path, O_WRONLY | O_CREAT, 0600, err);
	if (fd < 0)
		return fd;
	if (!offset) {
		/* It may be new: its name must outlive a crash as its bytes do. */
		r = vantio_store_sync_dir(dirfd, s->folder, err);
		if (r < 0)
			return r;
	}
	vantio_segment_close(s);
	s->fd = vantio_take_fd(&fd);
	s->number = number;
	s->offset = offset;
	return 0;
}

static bool set_direct(int fd, bool direct)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, direct ? flags | O_DIRECT : (flags & ~O_DIRECT)) == 0;
}

/*
 * Whole blocks past the page cache, which costs twenty times the processor time of the write itself. *ret_done of them were taken: fewer
 * where the file system will not have it, so that the rest is written as usual. Every other failure is one.
 */
static int write_direct(const struct vantio_segment *s, const char *bytes, size_t len, uint64_t offset, size_t *ret_done,
			struct vantio_error *err)
{
	int code = 0;
	ssize_t n;

	*ret_done = 0;
	if (len < DIRECT_MIN || (uintptr_t)bytes % ALIGN || !set_direct(s->fd, true))
		return 0;
	while (*ret_done < len && *ret_done % ALIGN == 0 && !code) {
		n = pwrite(s->fd, bytes + *ret_done, len - *ret_done, (off_t)(offset + *ret_done));
		if (n > 0)
			*ret_done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			code = n < 0 ? errno : EIO;
	}
	if (!set_direct(s->fd, false) && !code)
		code = errno;
	return code && code != EINVAL ? vantio_fail(err, code, "%s", strerror(code)) : 0;
}

static int append(const struct vantio_segment *s, const char *bytes, size_t len, struct vantio_error *err)
{
	size_t head = (size_t)(-s->offset % ALIGN), direct = 0;
	int r;

	if (len < head + DIRECT_MIN)
		return vantio_pwrite_all(s->fd, bytes, len, s->offset, err);
	r = vantio_pwrite_all(s->fd, bytes, head, s->offset, err);
	if (r == 0)
		r = write_direct(s, bytes + head, (len - head) / ALIGN * ALIGN, s->offset + head, &direct, err);
	head += direct;
	return r < 0 ? r : vantio_pwrite_all(s->fd, bytes + head, len - head, s->offset + head, err);
}

int vantio_segment_append(struct vantio_segment *s, const void *bytes, size_t len, struct vantio_error *err)
{
	int r = append(s, bytes, len, err);

	if (r < 0)
		return vantio_fail_prefix(err, "cannot append to %s/%08llu.ndjson", s->folder, (unsigned long long)s->number);
	s->offset += len;
	return 0;
}

int vantio_segment_begin_sync(struct vantio_segment *s, struct vantio_error *err)
{
	int r = vantio_store_begin_sync(s->fd, err);

	return r < 0 ? vantio_fail_prefix(err, "cannot append to %s/%08llu.ndjson", s->folder, (unsigned long long)s->number) : 0;
}

int vantio_segment_sync(struct vantio_segment *s, struct vantio_error *err)
{
	if (fdatasync(s->fd) < 0)
		return vantio_fail(err, errno, "cannot make %s/%08llu.ndjson durable: %s", s->folder, (unsigned long long)s->number,
				   strerror(errno));
	return 0;
}

void vantio_segment_close(struct vantio_segment *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
