/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VANTIO_PHANTOM_XATTR_H
#define VANTIO_PHANTOM_XATTR_H

#include <stdbool.h>
#include <stddef.h>

struct vantio_xattr {
	char *name, *value; /* owned */
	size_t len;
};

struct vantio_xattrs {
	struct vantio_xattr *items; /* owned; by name */
	size_t n;
};

void vantio_xattrs_clear(struct vantio_xattrs *x);
#define cleanup_xattrs __attribute__((cleanup(vantio_xattrs_clear)))

/* Those of an object; of an upper layer without overlayfs's own, and by the names that the command used. 0 or -errno. */
int vantio_xattrs_read(int fd, bool upper, bool userxattr, struct vantio_xattrs *ret);
/* Makes those of `host` the ones of `upper`; *ret_lost is set where one could not be. 0 or -errno. */
int vantio_copy_xattrs(int upper, bool userxattr, int host, bool *ret_lost);

#endif
