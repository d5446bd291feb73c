// SPDX-License-Identifier: Apache-2.0
#include "engine/image_map.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define PAGE_BYTES ((size_t)VANTIO_PAGE_CELLS * sizeof(struct vantio_cell))

static int write_pages(int fd, const struct vantio_image *image, uint64_t gen, struct vantio_error *err)
{
	cleanup_free struct vantio_cell *page = malloc(PAGE_BYTES);
	uint32_t number, from, n;

	if (!page)
		return vantio_fail(err, ENOMEM, "out of memory");
	for (number = 0; number * VANTIO_PAGE_CELLS < image->n_cells; number++) {
		from = number * VANTIO_PAGE_CELLS;
		n = image->n_cells - from < VANTIO_PAGE_CELLS ? image->n_cells - from : VANTIO_PAGE_CELLS;
		memset(page, 0, PAGE_BYTES);
		memcpy(page, image->cells + from, n * sizeof(*page));
		if (!number)
			((struct vantio_image_header *)page)->gen = gen;
		if (bpf_map_update_elem(fd, &number, page, BPF_ANY))
			return vantio_fail(err, errno, "cannot write the policy image: %s", strerror(errno));
	}
	return 0;
}

int vantio_image_map_create(const struct vantio_image *image, uint64_t gen, int *ret, struct vantio_error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP);
	const uint32_t n_pages = (image->n_cells + VANTIO_PAGE_CELLS - 1) / VANTIO_PAGE_CELLS;
	cleanup_close int fd = -1;
	int r;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "vantio_image", sizeof(uint32_t), PAGE_BYTES, n_pages, &opts);
	if (fd < 0)
		return vantio_fail(err, errno, "cannot make a map for the policy image: %s", strerror(errno));
	r = write_pages(fd, image, gen, err);
	if (r)
		return r;
	if (bpf_map_freeze(fd))
		return vantio_fail(err, errno, "cannot freeze the policy image: %s", strerror(errno));
	*ret = vantio_take_fd(&fd);
	return 0;
}

int vantio_image_map_header(int fd, struct vantio_image_header *ret, struct vantio_error *err)
{
	cleanup_free struct vantio_cell *page = malloc(PAGE_BYTES);
	const uint32_t zero = 0;

	if (!page)
		return vantio_fail(err, ENOMEM, "out of memory");
	if (bpf_map_lookup_elem(fd, &zero, page))
		return vantio_fail(err, errno, "cannot read the policy image: %s", strerror(errno));
	memcpy(ret, page, sizeof(*ret));
	return 0;
}
