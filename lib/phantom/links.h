/* SPDX-License-Identifier: Apache-2.0 */
/* Hard links among the changes: which of them are names of one file, and which file of the host a new name may belong to. */
#ifndef VANTIO_PHANTOM_LINKS_H
#define VANTIO_PHANTOM_LINKS_H

#include "phantom/scan.h"

struct vantio_link_entry {
	uint64_t key1, key2; /* group: layer, inode; source: size, time */
	size_t index;        /* into the changes */
};

struct vantio_links {
	struct vantio_link_entry *groups, *sources; /* owned; sorted */
	size_t n_groups, n_sources;
};

int vantio_links_make(const struct vantio_changes *c, struct vantio_links *ret);
void vantio_links_clear(struct vantio_links *l);
#define cleanup_links __attribute__((cleanup(vantio_links_clear)))

/* The change under whose name the file comes to the host first; `index` itself if it has no other. */
size_t vantio_links_first(const struct vantio_links *l, const struct vantio_changes *c, size_t index);
/*
 * A file of the host that is to lose a name, has others, and is what the upper file `fd` was copied from: a rename. Its change in
 * *ret_index; false if there is none.
 */
bool vantio_links_source(const struct vantio_links *l, const struct vantio_phantom *p, const struct vantio_changes *c, size_t index, int fd,
			 size_t *ret_index);

#endif
