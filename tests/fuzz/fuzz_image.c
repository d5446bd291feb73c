// SPDX-License-Identifier: Apache-2.0
/* Hostile cells: the check and the judge read nothing outside of them, and what passes the check never judges in error. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint32_t n = (uint32_t)(size / sizeof(struct vantio_cell));
	struct vantio_image image = { .n_cells = n };
	struct vantio_image_header h;
	struct vantio_error err;
	struct vantio_verdict v;
	int ok, d;

	image.cells = malloc(n * sizeof(*image.cells) + 1);
	if (!image.cells)
		return 0;
	memcpy(image.cells, data, n * sizeof(*image.cells));
	if (n >= VANTIO_IMAGE_HEADER_CELLS) { /* what a fuzzer takes long to guess */
		memcpy(&h, image.cells, sizeof(h));
		h.magic = VANTIO_IMAGE_MAGIC;
		h.version = VANTIO_ABI_VERSION;
		h.n_cells = n;
		memcpy(image.cells, &h, sizeof(h));
	}
	ok = vantio_image_check(image.cells, n, &err) == 0;
	for (d = 0; d <= VANTIO_DOMAIN_MAX; d++) {
		v = vantio_image_judge(&image, (enum vantio_domain)d, 1, data, size);
		if (ok && d < VANTIO_DOMAIN_MAX && size && v.reason == VANTIO_REASON_LOOKUP)
			abort();
		if (v.reason == VANTIO_REASON_LOOKUP && v.decision == VANTIO_PERMIT)
			abort();
	}
	free(image.cells);
	return 0;
}
