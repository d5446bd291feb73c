/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that is written again and again with the same bytes and more: what an export that was cut short, or is repeated over a
 * grown log, needs. It is written as PATH.partial and renamed when it is whole. What a former attempt left, finished or not, is
 * compared rather than written anew, and gone on with from the first difference on: nothing is trusted for being there.
 */
#ifndef VANTIO_EXPORT_OUTFILE_H
#define VANTIO_EXPORT_OUTFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct vantio_outfile {
	int dirfd; /* borrowed */
	char *path, *partial; /* owned; NULL: straight to `fd` */
	int fd;
	bool finished; /* what is compared is a finished file */
	bool writing;  /* beyond what was there */
	bool sync;
	uint64_t pos;  /* bytes that stand in the file */
	struct vantio_buf buf;
};

#define VANTIO_OUTFILE_INIT { .dirfd = -1, .fd = -1 }

/* Folders of `path` inside `dirfd` are made. `sync`: durable when it is finished; else the caller sees to it (syncfs). */
int vantio_outfile_open(struct vantio_outfile *o, int dirfd, const char *path, bool sync, struct vantio_error *err);
/* Everything goes to this descriptor, which is borrowed: a pipe, a terminal. */
void vantio_outfile_direct(struct vantio_outfile *o, int fd);
int vantio_outfile_write(struct vantio_outfile *o, const void *bytes, size_t len, struct vantio_error *err);
/* In its place under its name, with exactly what was written. */
int vantio_outfile_finish(struct vantio_outfile *o, struct vantio_error *err);
/* Without finishing: what was written stays as PATH.partial for the next attempt; `remove` takes it away. After finishing: nothing. */
void vantio_outfile_close(struct vantio_outfile *o, bool remove);
/* All of a small file at once. */
int vantio_outfile_put(int dirfd, const char *path, const void *bytes, size_t len, bool sync, struct vantio_error *err);

#endif
