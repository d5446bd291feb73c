/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a folder, sorted by their bytes. */
#ifndef VANTIO_PHANTOM_NAMES_H
#define VANTIO_PHANTOM_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct vantio_names {
	char **items; /* owned */
	size_t n;
};

/* `fd` may be O_PATH. 0 or -errno. */
int vantio_names_read(int fd, struct vantio_names *ret);
bool vantio_names_has(const struct vantio_names *names, const char *name);
void vantio_names_clear(struct vantio_names *names);

#endif
