// SPDX-License-Identifier: Apache-2.0
/* What changes a file otherwise: its size, mode, owner, times, attributes and flags; by name or by descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include "base/mem.h"
#include "sandbox/box.h"
#include "sandbox/ioctls.h"

#define NR_fchmodat2 452

static int nr(const struct vantio_call *c)
{
	return c->n->data.nr;
}

static struct vantio_reply done(int r)
{
	return r < 0 ? vantio_refuse(errno) : vantio_say(r);
}

/* The object that the call is about, as arguments name it. */
struct naming {
	int dirfd;
	int path_arg;  /* -1: dirfd is the object */
	bool nofollow;
	bool empty;    /* AT_EMPTY_PATH */
};

static int find(struct vantio_call *c, const struct naming *how, struct vantio_spot *s)
{
	char path[PATH_MAX] = "";
	int r = 0;

	if (how->path_arg >= 0)
		r = vantio_arg_path(c, (unsigned int)how->path_arg, path);
	if (r)
		return r;
	if (how->path_arg >= 0 && (*path || !how->empty))
		return *path ? vantio_target_object(&c->t, how->dirfd, path, !how->nofollow, s) : -ENOENT;
	if (how->dirfd == AT_FDCWD)
		return vantio_target_object(&c->t, AT_FDCWD, ".", true, s);
	r = vantio_target_fd(&c->t, how->dirfd);
	return r < 0 ? r : vantio_spot_from_fd(r, s);
}

/* -1 if the call is to go on; else 0 or the errno to refuse with. */
static int ask(struct vantio_call *c, enum vantio_hook hook, enum vantio_op op, const struct vantio_spot *s)
{
	if (!vantio_call_valid(c))
		return EINTR;
	if (vantio_refused(c, hook, op, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_WRITE, s, NULL, 0))
		return EACCES;
	return c->box->lax ? -1 : 0;
}

static struct vantio_reply refuse_or_go_on(int r)
{
	return r < 0 ? vantio_go_on() : vantio_refuse(r);
}

/* A name of ours for the object, by which calls without a descriptor reach it. */
static const char *link_of(const struct vantio_spot *s, char out[32])
{
	snprintf(out, 32, "/proc/self/fd/%d", s->fd);
	return out;
}

struct vantio_reply vantio_on_truncate(struct vantio_call *c)
{
	const bool by_fd = nr(c) == SYS_ftruncate;
	struct naming how = { .dirfd = by_fd ? vantio_arg_int(c, 0) : AT_FDCWD, .path_arg = by_fd ? -1 : 0 };
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	const off_t size = (off_t)c->n->data.args[1];
	char link[32];
	int r = find(c, &how, &s);

	if (r)
		return vantio_refuse(r);
	r = ask(c, by_fd ? VANTIO_HOOK_FILE_TRUNCATE : VANTIO_HOOK_PATH_TRUNCATE, VANTIO_OP_TRUNCATE, &s);
	if (r)
		return refuse_or_go_on(r);
	return done(by_fd ? ftruncate(s.fd, size) : truncate(link_of(&s, link), size));
}

struct vantio_reply vantio_on_chmod(struct vantio_call *c)
{
	const int n = nr(c), flags = n == NR_fchmodat2 ? vantio_arg_int(c, 3) : 0;
	const bool by_fd = n == SYS_fchmod, at = n == SYS_fchmodat || n == NR_fchmodat2;
	struct naming how = { .dirfd = by_fd || at ? vantio_arg_int(c, 0) : AT_FDCWD, .path_arg = by_fd ? -1 : at,
			      .nofollow = flags & AT_SYMLINK_NOFOLLOW, .empty = flags & AT_EMPTY_PATH };
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	const mode_t mode = (mode_t)c->n->data.args[1 + at] & 07777;
	char link[32];
	int r = find(c, &how, &s);

	if (r)
		return vantio_refuse(r);
	r = ask(c, VANTIO_HOOK_PATH_CHMOD, VANTIO_OP_CHMOD, &s);
	if (r)
		return refuse_or_go_on(r);
	if (S_ISLNK(s.st.st_mode))
		return vantio_refuse(EOPNOTSUPP);
	return done(by_fd ? fchmod(s.fd, mode) : chmod(link_of(&s, link), mode));
}

struct vantio_reply vantio_on_chown(struct vantio_call *c)
{
	const int n = nr(c), flags = n == SYS_fchownat ? vantio_arg_int(c, 4) : 0;
	const bool by_fd = n == SYS_fchown, at = n == SYS_fchownat;
	struct naming how = { .dirfd = by_fd || at ? vantio_arg_int(c, 0) : AT_FDCWD, .path_arg = by_fd ? -1 : at,
			      .nofollow = n == SYS_lchown || flags & AT_SYMLINK_NOFOLLOW, .empty = flags & AT_EMPTY_PATH };
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	const uid_t uid = (uid_t)c->n->data.args[1 + at];
	const gid_t gid = (gid_t)c->n->data.args[2 + at];
	int r = find(c, &how, &s);

	if (r)
		return vantio_refuse(r);
	r = ask(c, VANTIO_HOOK_PATH_CHOWN, VANTIO_OP_CHOWN, &s);
	if (r)
		return refuse_or_go_on(r);
	return done(by_fd ? fchown(s.fd, uid, gid) : fchownat(s.fd, "", uid, gid, AT_EMPTY_PATH));
}

/* The two times of the many calls; false if they could not be read. `now` where none are given. */
static bool read_times(struct vantio_call *c, uint64_t at, struct timespec out[2], bool *ret_now)
{
	struct timeval tv[2];
	struct utimbuf u;

	*ret_now = !at;
	if (!at)
		return true;
	if (nr(c) == SYS_utimensat)
		return !vantio_target_read(&c->t, at, out, 2 * sizeof(*out));
	if (nr(c) == SYS_utime) {
		if (vantio_target_read(&c->t, at, &u, sizeof(u)))
			return false;
		out[0] = (struct timespec){ .tv_sec = u.actime };
		out[1] = (struct timespec){ .tv_sec = u.modtime };
		return true;
	}
	if (vantio_target_read(&c->t, at, tv, sizeof(tv)))
		return false;
	out[0] = (struct timespec){ tv[0].tv_sec, tv[0].tv_usec * 1000 };
	out[1] = (struct timespec){ tv[1].tv_sec, tv[1].tv_usec * 1000 };
	return true;
}

struct vantio_reply vantio_on_utimes(struct vantio_call *c)
{
	const int n = nr(c), flags = n == SYS_utimensat ? vantio_arg_int(c, 3) : 0;
	const bool at = n == SYS_utimensat || n == SYS_futimesat;
	struct naming how = { .dirfd = at ? vantio_arg_int(c, 0) : AT_FDCWD, .path_arg = at, .nofollow = flags & AT_SYMLINK_NOFOLLOW,
			      .empty = flags & AT_EMPTY_PATH };
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	struct timespec times[2];
	char link[32];
	bool now;
	int r;

	if (at && !c->n->data.args[1])
		how.path_arg = -1;
	r = find(c, &how, &s);
	if (r)
		return vantio_refuse(r);
	if (!read_times(c, c->n->data.args[1 + at], times, &now))
		return vantio_refuse(EFAULT);
	r = ask(c, VANTIO_HOOK_INODE_SETATTR, VANTIO_OP_UTIMES, &s);
	if (r)
		return refuse_or_go_on(r);
	if (how.path_arg < 0)
		return done(futimens(s.fd, now ? NULL : times));
	if (S_ISLNK(s.st.st_mode))
		return done(utimensat(s.fd, "", now ? NULL : times, AT_EMPTY_PATH));
	return done(utimensat(AT_FDCWD, link_of(&s, link), now ? NULL : times, 0));
}

/* ---- attributes ---- */

static int read_name(struct vantio_call *c, char out[XATTR_NAME_MAX + 2])
{
	ssize_t n = vantio_target_string(&c->t, c->n->data.args[1], out, XATTR_NAME_MAX + 2);

	return n == -ENAMETOOLONG || n > XATTR_NAME_MAX || !n ? -ERANGE : n < 0 ? (int)n : 0;
}

static struct naming xattr_naming(struct vantio_call *c, int by_link, int by_fd)
{
	return (struct naming){ .dirfd = nr(c) == by_fd ? vantio_arg_int(c, 0) : AT_FDCWD, .path_arg = nr(c) == by_fd ? -1 : 0,
				.nofollow = nr(c) == by_link };
}

struct vantio_reply vantio_on_setxattr(struct vantio_call *c)
{
	struct naming how = xattr_naming(c, SYS_lsetxattr, SYS_fsetxattr);
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	const size_t size = c->n->data.args[3];
	cleanup_free void *value = size <= XATTR_SIZE_MAX ? malloc(size + 1) : NULL;
	char name[XATTR_NAME_MAX + 2], link[32];
	int r;

	if (!value)
		return vantio_refuse(size > XATTR_SIZE_MAX ? E2BIG : ENOMEM);
	r = read_name(c, name);
	if (!r)
		r = vantio_target_read(&c->t, c->n->data.args[2], value, size);
	if (!r)
		r = find(c, &how, &s);
	if (r)
		return vantio_refuse(r);
	r = ask(c, VANTIO_HOOK_INODE_SETXATTR, VANTIO_OP_SETXATTR, &s);
	if (r)
		return refuse_or_go_on(r);
	if (how.path_arg < 0)
		return done(fsetxattr(s.fd, name, value, size, vantio_arg_int(c, 4)));
	if (S_ISLNK(s.st.st_mode))
		return vantio_refuse(EPERM);
	return done(setxattr(link_of(&s, link), name, value, size, vantio_arg_int(c, 4)));
}

struct vantio_reply vantio_on_removexattr(struct vantio_call *c)
{
	struct naming how = xattr_naming(c, SYS_lremovexattr, SYS_fremovexattr);
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	char name[XATTR_NAME_MAX + 2], link[32];
	int r = read_name(c, name);

	if (!r)
		r = find(c, &how, &s);
	if (r)
		return vantio_refuse(r);
	r = ask(c, VANTIO_HOOK_INODE_REMOVEXATTR, VANTIO_OP_REMOVEXATTR, &s);
	if (r)
		return refuse_or_go_on(r);
	if (how.path_arg < 0)
		return done(fremovexattr(s.fd, name));
	if (S_ISLNK(s.st.st_mode))
		return vantio_refuse(EPERM);
	return done(removexattr(link_of(&s, link), name));
}

/* What such a command reads of the target; -errno. */
static int read_ioctl(struct vantio_call *c, uint8_t size, uint8_t out[32])
{
	const uint64_t at = c->n->data.args[2];
	int r = 0;

	if (size == VANTIO_IOCTL_OTHERS)
		return 0;
	if (size == VANTIO_IOCTL_POLICY) {
		r = vantio_target_read(&c->t, at, out, 1);
		size = out[0] == 2 ? 24 : 12;
	}
	return r ? r : vantio_target_read(&c->t, at, out, size);
}

/* What changes a file; and terminals, whose input others read. */
struct vantio_reply vantio_on_ioctl(struct vantio_call *c)
{
	const uint32_t cmd = (uint32_t)c->n->data.args[1];
	struct naming how = { .dirfd = vantio_arg_int(c, 0), .path_arg = -1 };
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	uint8_t arg[32] = {};
	size_t i = 0;
	int r;

	if (cmd == TIOCSTI || cmd == 0x541c)
		return vantio_refused_surface(c, VANTIO_HOOK_FILE_IOCTL, VANTIO_OP_SIGNAL, VANTIO_SURFACE_SIGNAL, cmd) ? vantio_refuse(EPERM) :
															 vantio_go_on();
	while (i < VANTIO_ARRAY_SIZE(vantio_file_ioctls) && vantio_file_ioctls[i].cmd != cmd)
		i++;
	if (i == VANTIO_ARRAY_SIZE(vantio_file_ioctls))
		return vantio_refuse(ENOTTY);
	r = find(c, &how, &s);
	if (!r)
		r = read_ioctl(c, vantio_file_ioctls[i].size, arg);
	if (r)
		return vantio_refuse(r);
	r = ask(c, VANTIO_HOOK_FILE_IOCTL, VANTIO_OP_SETFLAGS, &s);
	if (!r && vantio_file_ioctls[i].size == VANTIO_IOCTL_OTHERS)
		r = EOPNOTSUPP;
	return r ? refuse_or_go_on(r) : done(ioctl(s.fd, cmd, arg));
}

/* Calls that are newer than this program: said not to exist, and their callers know the older ones. */
struct vantio_reply vantio_on_unknown_change(struct vantio_call *c)
{
	return c->box->lax ? vantio_go_on() : vantio_refuse(ENOSYS);
}
