/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that waits for an answer, looked at from outside: its memory, its descriptors, and the names that it uses, resolved as the
 * kernel would for it. Everything is a copy or a descriptor of ours; whether the thread was still the one that asked is for the
 * caller to check afterwards (SECCOMP_IOCTL_NOTIF_ID_VALID).
 */
#ifndef VANTIO_SANDBOX_TARGET_H
#define VANTIO_SANDBOX_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct vantio_target {
	pid_t tid;
	pid_t tgid; /* 0 until vantio_target_group() has looked: most calls do not need it */
	pid_t self; /* of the supervisor: whose own folder in /proc is never the target's */
};

/* The thread group; 0 if the thread is gone. */
pid_t vantio_target_group(struct vantio_target *t);

/* Exactly `len` bytes, or -EFAULT; -EPERM where the target may not be looked at. */
int vantio_target_read(const struct vantio_target *t, uint64_t at, void *out, size_t len);
int vantio_target_write(const struct vantio_target *t, uint64_t at, const void *bytes, size_t len);
/* A NUL-terminated string of less than `max` bytes; its length, or -EFAULT, -ENAMETOOLONG. */
ssize_t vantio_target_string(const struct vantio_target *t, uint64_t at, char *out, size_t max);

/* A duplicate of the target's descriptor, of the caller (pidfd_getfd). */
int vantio_target_fd(struct vantio_target *t, int fd);
/* A field of /proc/TID/status; false if it is not there. */
bool vantio_target_status(const struct vantio_target *t, const char *key, char *out, size_t max);
mode_t vantio_target_umask(const struct vantio_target *t);
/* Whether `pid` is the supervisor's descendant, or the supervisor's own child's thread: one of the agent's. */
bool vantio_target_ours(pid_t self, pid_t pid);

/* An object, or a name in a folder. Descriptors are O_PATH and of the caller (vantio_spot_clear). */
struct vantio_spot {
	int dir;  /* the folder of `name`; -1 if the object was resolved whole */
	int fd;   /* the object; -1 if there is none of that name */
	char name[NAME_MAX + 1];
	bool slash; /* the name had a slash behind it: only a folder will do */
	struct stat st; /* of the object, if fd >= 0 */
	char path[PATH_MAX]; /* the object's own, from the root of the mount namespace; or the name's */
	size_t len;
	bool no_path, unlinked, failed; /* as VANTIO_JUDGE_* */
};

#define VANTIO_SPOT_INIT { .dir = -1, .fd = -1 }
void vantio_spot_clear(struct vantio_spot *s);
#define cleanup_spot __attribute__((cleanup(vantio_spot_clear)))

/* The object that `path` leads to from `dirfd` (of the target, AT_FDCWD too); the link itself without `follow`. 0 or -errno. */
int vantio_target_object(struct vantio_target *t, int dirfd, const char *path, bool follow, struct vantio_spot *ret);
/*
 * The place of a name that may not be there: its folder, and the object if there is one. With `follow`, a link in the last
 * place is followed, to nowhere too.
 */
int vantio_target_entry(struct vantio_target *t, int dirfd, const char *path, bool follow, struct vantio_spot *ret);
/*
 * The path that a name of the target has where no link is followed on the way; false where it may have another: with "..", in /proc,
 * or of a descriptor. Nothing is looked up.
 */
bool vantio_target_plain(struct vantio_target *t, int dirfd, const char *path, struct vantio_spot *ret);
/* 0 if a plain path leads to an object without any link, or -errno: -ELOOP where there is one. *ret may be NULL. */
int vantio_target_probe(const char *path, struct stat *ret);
/* The object that a link of /proc leads to: `path` and `st`. False where the link alone does not tell: no path, or one that may be gone. */
bool vantio_spot_from_link(const char *link, struct vantio_spot *ret);
/* The object behind a descriptor of ours: its path and what fstat says. */
int vantio_spot_from_fd(int fd, struct vantio_spot *ret);

#endif
