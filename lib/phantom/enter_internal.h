/* SPDX-License-Identifier: Apache-2.0 */
/* What enter.c and overlay.c share. */
#ifndef VANTIO_PHANTOM_ENTER_INTERNAL_H
#define VANTIO_PHANTOM_ENTER_INTERNAL_H

#include "phantom/enter.h"
#include "phantom/places.h"

struct held {
	char *path; /* owned */
	int fd;     /* a tree that is mounted nowhere */
	bool frozen; /* to be read-only */
};

struct overlay {
	int lower, upper, work; /* O_PATH */
};

struct entering {
	const struct vantio_phantom_options *o;
	struct vantio_phantom *p;
	struct vantio_buf *notes;
	struct vantio_error *err;
	int dir; /* of the phantom, in the new mount namespace */
	bool own_users; /* a user namespace of its own */
	struct vantio_mounts mounts;
	struct vantio_places places;
	int *mount_fds; /* owned; one a mount, -1 for those that are left alone */
	struct held *held; /* owned */
	size_t n_held;
	struct overlay *overlays; /* owned; one a layer of p */
	size_t n_overlays;
};

/* Makes the layers' folders, and opens what they lie over. */
int vantio_overlays_prepare(struct entering *e);
/* Mounts them; a folder over which none can be had is left as it is, with a note. */
int vantio_overlays_mount(struct entering *e);
void vantio_overlays_clear(struct entering *e);

#endif
