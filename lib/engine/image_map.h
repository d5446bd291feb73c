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

/* *ret is a descriptor of the caller's. `gen` is written into the header. */
int vantio_image_map_create(const struct vantio_image *image, uint64_t gen, int *ret, struct vantio_error *err);
int vantio_image_map_header(int fd, struct vantio_image_header *ret, struct vantio_error *err);

#endif
