/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy image as the kernel holds it: a map of pages (VANTIO_PAGE_CELLS), written once and frozen, then put into a slot by
 * one store.
 */
#ifndef VANTIO_ENGINE_IMAGE_MAP_H
#define VANTIO_ENGINE_IMAGE_MAP_H

#include <stdint.h>

#include "base/error.h"
#include "policy/image.h"

/* *ret is a descriptor of the caller's. `name`, `gen` and where the table of `n_held` entries is are written into the header. */
int vantio_image_map_create(const struct vantio_image *image, const char *name, uint64_t gen, const struct vantio_held *held, uint32_t n_held, int *ret,
			    struct vantio_error *err);
int vantio_image_map_header(int fd, struct vantio_image_header *ret, struct vantio_error *err);

#endif
