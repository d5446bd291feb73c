/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's folder: every file in it is opened relative to one descriptor, beneath it, through no symbolic link, and must
 * be a regular file. Lines are read through one bounded buffer, whatever the file's size.
 */
#ifndef VANTIO_LEDGER_STORE_H
#define VANTIO_LEDGER_STORE_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "record/record.h"

#define VANTIO_STORE_NAME_MAX 96 /* bytes of a path inside the folder, with the NUL */

/* The folder itself; its own path may run through links. */
int vantio_store_open_dir(const char *dir, struct vantio_error *err);
/* A regular file inside: `flags` as open(2)'s. ENOENT as it comes; ELOOP for a link; EINVAL for anything but a regular file. */
int vantio_store_open(int dirfd, const char *path, int flags, mode_t mode, struct vantio_error *err);
/* A folder inside, for listing and fsync. */
int vantio_store_open_subdir(int dirfd, const char *path, struct vantio_error *err);
/* A whole small file. */
int vantio_store_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len, struct vantio_error *err);
/* 1 if something of that name is there, 0 if not. */
int vantio_store_exists(int dirfd, const char *path, struct vantio_error *err);
/* The same for readdir(3), the caller's to close; NULL where it cannot be opened. */
DIR *vantio_store_list(int dirfd, const char *path, struct vantio_error *err);
/* Makes the folders of `path` (0700) up to its last slash, and makes their names durable. */
int vantio_store_make_parents(int dirfd, const char *path, struct vantio_error *err);
int vantio_store_sync_dir(int dirfd, const char *path, struct vantio_error *err);
/* What replacements left that a crash cut short, as far as it can be removed: only for a writer, who holds the lock. */
void vantio_store_drop_temporaries(int ledger, const char *folder);
/*
 * Has the system begin to write what the file was given, so that a later fdatasync finds it done. Promises nothing by itself, but an error is
 * one of the disk.
 */
int vantio_store_begin_sync(int fd, struct vantio_error *err);
int vantio_pwrite_all(int fd, const void *bytes, size_t len, uint64_t offset, struct vantio_error *err);

/* "log/00000000.ndjson", "private/00000000.ndjson" */
void vantio_segment_path(char out[VANTIO_STORE_NAME_MAX], const char *folder, uint64_t segment);

/* ---- lines ---- */

struct vantio_lines {
	int fd; /* borrowed */
	char *buf; /* owned */
	size_t cap, start, end, max;
	uint64_t offset; /* in the file, of the next line */
	bool eof;
};

/* Lines of at most `max` bytes, from `offset` on. */
int vantio_lines_init(struct vantio_lines *l, int fd, uint64_t offset, size_t max, struct vantio_error *err);
void vantio_lines_clear(struct vantio_lines *l);
/*
 * 1: `ret` holds the next line without its newline, valid until the next call. 0: the file ends, or ends in bytes without a
 * newline (`ret` holds them; len 0 if there are none). E2BIG: a line longer than max.
 */
int vantio_lines_next(struct vantio_lines *l, struct vantio_span *ret, struct vantio_error *err);

#endif
