/* SPDX-License-Identifier: Apache-2.0 */
/* Where overlays go: the folders that a command could write to, each without a mount point inside where that cannot be had otherwise. */
#ifndef VANTIO_PHANTOM_PLACES_H
#define VANTIO_PHANTOM_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

struct vantio_mount {
	char *path; /* owned */
	bool pseudo; /* /proc, /sys, /dev and their like: left as they are */
	bool read_only;
	bool folder;
};

struct vantio_mounts {
	struct vantio_mount *items; /* owned; by path, so that a mount comes before those in it; the topmost of each path */
	size_t n;
};

int vantio_mounts_read(struct vantio_mounts *ret, struct vantio_error *err);
void vantio_mounts_clear(struct vantio_mounts *m);
/* Whether `path` is `folder` or lies in it. */
bool vantio_path_within(const char *path, const char *folder);

struct vantio_places {
	char **items; /* owned; in an order in which they can be mounted */
	size_t n;
};

/*
 * `whole`: a folder can be covered although something is mounted in it, and whoever owns it. `only`: folders outside of which nothing is
 * to be covered (NULL: everywhere); `deep`: paths towards which folders of others are searched, such as the current one. What must stay
 * read-only and might be missed goes to `notes`, a line each.
 */
int vantio_places_choose(const struct vantio_mounts *m, bool whole, const char *const *only, const char *const *deep, struct vantio_places *ret,
			 struct vantio_buf *notes, struct vantio_error *err);
void vantio_places_clear(struct vantio_places *p);

#endif
