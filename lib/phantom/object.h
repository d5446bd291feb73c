/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files by descriptor. Nothing here follows a symbolic link or leaves the file system that it began in: names are resolved below a
 * descriptor (openat2: RESOLVE_IN_ROOT, NO_SYMLINKS, NO_MAGICLINKS, NO_XDEV), and what was looked at is what is changed. Functions return
 * 0 (or a descriptor) or -errno.
 */
#ifndef VANTIO_PHANTOM_OBJECT_H
#define VANTIO_PHANTOM_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define VANTIO_COPY_OWNER 0x1u /* the owner could not be kept */
#define VANTIO_COPY_XATTR 0x2u /* some extended attribute could not be kept */

static inline uint64_t vantio_time_of(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

/* `resolve` are further RESOLVE_* bits; links and magic links are refused (-ELOOP). O_CLOEXEC is added. */
int vantio_open_path(int root, const char *path, int flags, uint64_t resolve);
/* The same, and on one file system (-EXDEV). "" and "." are the folder itself. */
int vantio_open_below(int root, const char *path, int flags);
/* The folder of `path` (O_PATH), and its last name (borrowed from path). */
int vantio_open_parent(int root, const char *path, const char **ret_name);

/* Both O_PATH. 1 if they hold the same bytes (a regular file's content, a link's target, a device's number), 0 if not. */
int vantio_same_content(int a, const struct stat *as, int b, const struct stat *bs);
/* 1 if the extended attributes are the same, those of overlayfs left out. `userxattr` says which `upper` has. */
int vantio_same_xattrs(int upper, bool userxattr, int host);

/* A note of overlayfs: its length, or -ENODATA. `name` is "opaque", "origin", "whiteout". */
int vantio_overlay_note(int fd, bool userxattr, const char *name, void *out, size_t max);
/* 1 if the note "origin" of the one is the file handle of the other, 0 if not, -ENODATA if there is none that says. */
int vantio_same_origin(int upper, bool userxattr, int host);

/* Copies data with its holes into an open file; what was there is overwritten, and cut off. */
int vantio_copy_data(int from, int to, uint64_t size);
/* Makes owner, mode, extended attributes and times of `host` (O_PATH) those of `upper`. *ret_lost |= VANTIO_COPY_*. */
int vantio_copy_attributes(int upper, const struct stat *st, bool userxattr, int host, uint32_t *ret_lost);
int vantio_copy_times(int host, const struct stat *st);
/* A new object of the type of `upper`, with its content and attributes. -EEXIST if the name is taken. */
int vantio_copy_object(int upper, const struct stat *st, bool userxattr, int dir, const char *name, uint32_t *ret_lost);

/* Takes away a name and all below it. With `dev`, nothing of another file system. 0 if it is not there. */
int vantio_remove_tree(int dir, const char *name, uint64_t dev);

#endif
