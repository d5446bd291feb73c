// SPDX-License-Identifier: Apache-2.0
#include "ledger/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"

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

int vantio_segment_append(struct vantio_segment *s, const void *bytes, size_t len, struct vantio_error *err)
{
	int r = vantio_pwrite_all(s->fd, bytes, len, s->offset, err);

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
