/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commits of a phantom have begun and done, a line each, so that one that was killed can be run again: what it made is not taken
 * for a change of somebody else's, and what it had begun is done over.
 *
 *     B LAYER PATH INO                      begun, on a file that has other names too; INO 0: any other
 *     E LAYER PATH INO CTIME_NS             done
 *     N LAYER PATH INO CTIME_NS             the name is taken away; the file that had it, if it has others
 */
#ifndef VANTIO_PHANTOM_JOURNAL_H
#define VANTIO_PHANTOM_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"

struct vantio_mark {
	char *path; /* owned */
	size_t layer, order;
	bool begun; /* and not done */
	bool gone;
	uint64_t ino, ctime_ns;
};

struct vantio_inode_mark {
	uint64_t ino, ctime_ns;
	size_t order;
	bool begun;
};

struct vantio_marks {
	struct vantio_mark *items; /* owned; by layer and path, the newest of each */
	size_t n;
	struct vantio_inode_mark *inodes; /* owned; the newest of each */
	size_t n_inodes;
	int fd; /* to write; -1 */
};

#define VANTIO_MARKS_INIT { .fd = -1 }

/* Reads what is there; a torn last line is left out. With `write`, opens it for appending. */
int vantio_marks_open(int phantom_dir, bool write, struct vantio_marks *ret, struct vantio_error *err);
void vantio_marks_clear(struct vantio_marks *m);
#define cleanup_marks __attribute__((cleanup(vantio_marks_clear)))

const struct vantio_mark *vantio_marks_find(const struct vantio_marks *m, size_t layer, const char *path);
/* Whether an object of the host is as a commit of ours left it, or was left half way. */
bool vantio_marks_ours(const struct vantio_marks *m, size_t layer, const char *path, const struct stat *host);

int vantio_marks_begin(struct vantio_marks *m, size_t layer, const char *path, uint64_t ino, struct vantio_error *err);
int vantio_marks_end(struct vantio_marks *m, size_t layer, const char *path, const struct stat *st, struct vantio_error *err);
int vantio_marks_gone(struct vantio_marks *m, size_t layer, const char *path, const struct stat *st, struct vantio_error *err);

#endif
