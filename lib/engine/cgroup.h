/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroup2 tree: ids, subtrees, freezing and killing (Documentation/admin-guide/cgroup-v2.rst). */
#ifndef VANTIO_ENGINE_CGROUP_H
#define VANTIO_ENGINE_CGROUP_H

#include <stdbool.h>
#include <linux/types.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Where the cgroup2 hierarchy is mounted, from /proc/self/mountinfo. Owned by the caller. */
int vantio_cgroup_root(char **ret, struct vantio_error *err);
/*
 * Opens a cgroup: `path` below the cgroup2 root ("/a/b") or absolute below its mount point. *ret_path is the path below the
 * root, owned by the caller. No component may be a link. The descriptor is O_RDONLY | O_DIRECTORY.
 */
int vantio_cgroup_open(const char *path, int *ret_fd, char **ret_path, struct vantio_error *err);
/* The cgroup's 64-bit id, as bpf_get_current_cgroup_id() has it. */
int vantio_cgroup_id(int fd, __u64 *ret, struct vantio_error *err);
/* The path below the root of the cgroup with this id, owned by the caller; ENOENT if it is gone. */
int vantio_cgroup_path(uint64_t id, char **ret, struct vantio_error *err);
/* Calls `each` for the pid of every process of the subtree; stops at a non-zero return and returns it. */
int vantio_cgroup_each_process(int fd, int (*each)(pid_t pid, void *arg), void *arg, struct vantio_error *err);
/* Freezes or thaws the subtree and waits until the kernel says that it is so, at most `timeout_ms` (ETIMEDOUT). */
int vantio_cgroup_freeze(int fd, bool frozen, int timeout_ms, struct vantio_error *err);
/* cgroup.kill, then waits until no process is left in the subtree, at most `timeout_ms` (ETIMEDOUT). */
int vantio_cgroup_kill(int fd, int timeout_ms, struct vantio_error *err);

#endif
