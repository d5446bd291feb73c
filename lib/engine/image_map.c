// SPDX-License-Identifier: Apache-2.0
#include "engine/image_map.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static int fill_map(int fd, const struct vantio_cell *cells, uint32_t n, struct vantio_error *err)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	cleanup_free uint32_t *keys = malloc(n * sizeof(*keys));
	uint32_t i, done = 0;

	if (!keys)
		return vantio_fail(err, ENOMEM, "out of memory");
	for (i = 0; i < n; i++)
		keys[i] = i;
	while (done < n) {
		uint32_t count = n - done;

		if (bpf_map_update_batch(fd, keys + done, cells + done, &count, &opts) && errno != EINTR)
			return vantio_fail(err, errno, "cannot write the policy image: %s", strerror(errno));
		done += count;
	}
	return 0;
}

int vantio_image_map_create(const struct vantio_image *image, uint64_t gen, int *ret, struct vantio_error *err)
{
	cleanup_free struct vantio_cell *cells = malloc(image->n_cells * sizeof(*cells));
	cleanup_close int fd = -1;
	int r;

	if (!cells)
		return vantio_fail(err, ENOMEM, "out of memory");
	memcpy(cells, image->cells, image->n_cells * sizeof(*cells));
	((struct vantio_image_header *)cells)->gen = gen;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "vantio_image", sizeof(uint32_t), sizeof(struct vantio_cell),
			    image->n_cells > VANTIO_CELLS_SMALL ? VANTIO_CELLS_LARGE : VANTIO_CELLS_SMALL, NULL);
	if (fd < 0)
		return vantio_fail(err, errno, "cannot make a map for the policy image: %s", strerror(errno));
	r = fill_map(fd, cells, image->n_cells, err);
	if (r)
		return r;
	if (bpf_map_freeze(fd))
		return vantio_fail(err, errno, "cannot freeze the policy image: %s", strerror(errno));
	*ret = vantio_take_fd(&fd);
	return 0;
}
