// SPDX-License-Identifier: Apache-2.0
#include "engine/image_map.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

#define PAGE_BYTES ((size_t)VANTIO_PAGE_CELLS * sizeof(struct vantio_cell))

static uint32_t pages_of(uint32_t n, uint32_t per_page)
{
	return (n + per_page - 1) / per_page;
}

/* Through a mapping: a page is 1 MiB, of which most images use little, and a system call would copy all of it. */
static int write_pages(int fd, uint32_t n_pages, const struct vantio_image *image, const char *name, uint64_t gen,
		       const struct vantio_held *held, uint32_t n_held, struct vantio_error *err)
{
	const uint32_t held_page = n_pages - pages_of(n_held, VANTIO_HELD_PER_PAGE);
	const size_t size = n_pages * PAGE_BYTES;
	char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct vantio_image_header *h = (void *)pages;

	if (pages == MAP_FAILED)
		return vantio_fail(err, errno, "cannot write the policy image: %s", strerror(errno));
	memcpy(pages, image->cells, image->n_cells * sizeof(*image->cells));
	h->gen = gen;
	snprintf(h->name, sizeof(h->name), "%s", name);
	if (n_held) {
		h->flags |= VANTIO_IMAGE_HELD;
		h->held_page = held_page;
		h->held_mask = n_held - 1;
		memcpy(pages + held_page * PAGE_BYTES, held, n_held * sizeof(*held));
	}
	munmap(pages, size);
	return 0;
}

int vantio_image_map_create(const struct vantio_image *image, const char *name, uint64_t gen, const struct vantio_held *held, uint32_t n_held,
			    int *ret, struct vantio_error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	const uint32_t n_pages = pages_of(image->n_cells, VANTIO_PAGE_CELLS) + pages_of(n_held, VANTIO_HELD_PER_PAGE);
	cleanup_close int fd = -1;
	int r;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "vantio_image", sizeof(uint32_t), PAGE_BYTES, n_pages, &opts);
	if (fd < 0)
		return vantio_fail(err, errno, "cannot make a map for the policy image: %s", strerror(errno));
	r = write_pages(fd, n_pages, image, name, gen, held, n_held, err);
	if (r)
		return r;
	if (bpf_map_freeze(fd))
		return vantio_fail(err, errno, "cannot freeze the policy image: %s", strerror(errno));
	*ret = vantio_take_fd(&fd);
	return 0;
}

int vantio_image_map_header(int fd, struct vantio_image_header *ret, struct vantio_error *err)
{
	void *page = mmap(NULL, sizeof(*ret), PROT_READ, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return vantio_fail(err, errno, "cannot read the policy image: %s", strerror(errno));
	memcpy(ret, page, sizeof(*ret));
	munmap(page, sizeof(*ret));
	return 0;
}
