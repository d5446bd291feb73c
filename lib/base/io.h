/* SPDX-License-Identifier: Apache-2.0 */
/* Files: bounded reads, durable replacement, and the places where things live (DESIGN 8). */
#ifndef VANTIO_BASE_IO_H
#define VANTIO_BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* Reads a regular file of at most `max` bytes (EFBIG beyond). `*ret` is owned by the caller and NUL-terminated
 * past `*ret_len`. Refuses anything but a regular file; follows symlinks only in the folders of the path. */
int vantio_read_file(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len, struct vantio_error *err);
/* The same where a link as last component is welcome (a policy file that an admin linked). */
int vantio_read_file_follow(const char *path, size_t max, char **ret, size_t *ret_len, struct vantio_error *err);
/* Small pseudo files (cgroup, proc): the whole text with its NUL in the `max` bytes of `out` (EFBIG if it does not
 * fit), one trailing newline removed. */
int vantio_read_pseudo(int dirfd, const char *path, char *out, size_t max, struct vantio_error *err);
int vantio_write_pseudo(int dirfd, const char *path, const char *text, struct vantio_error *err);

/* All or an error; retries EINTR and short writes. */
int vantio_write_all(int fd, const void *bytes, size_t len, struct vantio_error *err);
/* Writes a temporary file beside `path`, fdatasync, rename, fsync of the folder. `mode` is the new file's. */
int vantio_replace_file(int dirfd, const char *path, const void *bytes, size_t len, mode_t mode, struct vantio_error *err);
/* The same where nothing of that name may be there yet: EEXIST, and nothing is changed. */
int vantio_create_file(int dirfd, const char *path, const void *bytes, size_t len, mode_t mode, struct vantio_error *err);
/* mkdir -p with `mode` for what it makes; no error if it is there. */
int vantio_make_dirs(const char *path, mode_t mode, struct vantio_error *err);

/* Default places: root gets the system's, others the XDG folders. Owned by the caller; NULL when memory ran out or,
 * for an ordinary user, neither the XDG variable nor HOME is set. */
char *vantio_default_policy_path(void); /* VANTIO_POLICY_PATH or /etc/vantio/policy.toml */
char *vantio_default_ledger_path(void); /* VANTIO_LEDGER or /var/lib/vantio/ledger */
char *vantio_runtime_dir(void);         /* /run/vantio, or $XDG_RUNTIME_DIR/vantio */
char *vantio_state_dir(void);           /* what this user has seen: VANTIO_STATE, /var/lib/vantio/state or $XDG_STATE_HOME/vantio */

/*
 * Where something is, or will be once its folders are made: the real path of what exists, and the names behind it. Owned by the caller;
 * NULL and errno if that cannot be told: ELOOP for a link to nowhere, EINVAL for a `..` behind what does not exist.
 */
char *vantio_path_to_be(const char *path);

#endif
