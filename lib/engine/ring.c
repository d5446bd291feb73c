// SPDX-License-Identifier: Apache-2.0
#include "engine/ring.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

struct vantio_ring {
	size_t page, size;         /* bytes */
	unsigned long *consumer;   /* mapped read-write: one page */
	const unsigned long *producer; /* mapped read-only: one page, then the data twice, so that no event wraps */
	const char *data;
	unsigned long read; /* position of the next event */
};

int vantio_ring_open(int map_fd, struct vantio_ring **ret, struct vantio_error *err)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	cleanup_free struct vantio_ring *r = calloc(1, sizeof(*r));
	void *rw, *ro;

	if (!r)
		return vantio_fail(err, ENOMEM, "out of memory");
	if (bpf_obj_get_info_by_fd(map_fd, &info, &len))
		return vantio_fail(err, errno, "cannot look at the event buffer: %s", strerror(errno));
	r->page = (size_t)sysconf(_SC_PAGESIZE);
	r->size = info.max_entries;
	rw = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (rw == MAP_FAILED)
		return vantio_fail(err, errno, "cannot map the event buffer: %s", strerror(errno));
	ro = mmap(NULL, r->page + 2 * r->size, PROT_READ, MAP_SHARED, map_fd, (off_t)r->page);
	if (ro == MAP_FAILED) {
		int e = errno;

		munmap(rw, r->page);
		return vantio_fail(err, e, "cannot map the event buffer: %s", strerror(e));
	}
	r->consumer = rw;
	r->producer = ro;
	r->data = (const char *)ro + r->page;
	r->read = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
	*ret = vantio_take(r);
	return 0;
}

void vantio_ring_close(struct vantio_ring *r)
{
	if (!r)
		return;
	munmap(r->consumer, r->page);
	munmap((void *)r->producer, r->page + 2 * r->size);
	free(r);
}

const void *vantio_ring_next(struct vantio_ring *r, size_t *ret_len)
{
	while (r->read < __atomic_load_n(r->producer, __ATOMIC_ACQUIRE)) {
		const char *at = r->data + (r->read & (r->size - 1));
		uint32_t header = __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
		size_t len = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (header & BPF_RINGBUF_BUSY_BIT) /* still being written */
			return NULL;
		r->read += (len + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
		if (header & BPF_RINGBUF_DISCARD_BIT)
			continue;
		*ret_len = len;
		return at + BPF_RINGBUF_HDR_SZ;
	}
	return NULL;
}

unsigned long vantio_ring_position(const struct vantio_ring *r)
{
	return r->read;
}

void vantio_ring_release(struct vantio_ring *r, unsigned long position)
{
	__atomic_store_n(r->consumer, position, __ATOMIC_RELEASE);
}

uint64_t vantio_ring_waiting(const struct vantio_ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE) - __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
}

size_t vantio_ring_size(const struct vantio_ring *r)
{
	return r->size;
}
