// SPDX-License-Identifier: Apache-2.0
/* Names made, moved and removed: done by the supervisor, one after the other, so that what was judged is what is done. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mem.h"
#include "sandbox/box.h"

static int nr(const struct vantio_call *c)
{
	return c->n->data.nr;
}

static struct vantio_reply done(int r)
{
	return r < 0 ? vantio_refuse(errno) : vantio_say(r);
}

/* The place that two arguments name. */
static int entry(struct vantio_call *c, int dirfd, unsigned int arg, struct vantio_spot *s)
{
	char path[PATH_MAX];
	int r = vantio_arg_path(c, arg, path);

	return r ? r : vantio_target_entry(&c->t, dirfd, path, false, s);
}

static bool refused_write(struct vantio_call *c, enum vantio_hook hook, enum vantio_op op, const struct vantio_spot *s)
{
	return vantio_refused(c, hook, op, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_WRITE, s, NULL, 0);
}

struct vantio_reply vantio_on_unlink(struct vantio_call *c)
{
	const bool at = nr(c) == SYS_unlinkat, folder = nr(c) == SYS_rmdir || (at && vantio_arg_int(c, 2) & AT_REMOVEDIR);
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	int r = entry(c, at ? vantio_arg_int(c, 0) : AT_FDCWD, at, &s);

	if (at && vantio_arg_int(c, 2) & ~AT_REMOVEDIR)
		return vantio_refuse(EINVAL);
	if (r)
		return vantio_refuse(r == -EINVAL ? (folder ? EINVAL : EISDIR) : r);
	if (s.fd < 0)
		return vantio_refuse(ENOENT);
	if (folder != (S_ISDIR(s.st.st_mode) != 0) || (!folder && s.slash))
		return vantio_refuse(folder || s.slash ? ENOTDIR : EISDIR);
	if (!vantio_call_valid(c))
		return vantio_refuse(EINTR);
	if (refused_write(c, folder ? VANTIO_HOOK_PATH_RMDIR : VANTIO_HOOK_PATH_UNLINK, folder ? VANTIO_OP_RMDIR : VANTIO_OP_UNLINK, &s))
		return vantio_refuse(EACCES);
	return c->box->lax ? vantio_go_on() : done(unlinkat(s.dir, s.name, folder ? AT_REMOVEDIR : 0));
}

struct vantio_reply vantio_on_mkdir(struct vantio_call *c)
{
	const bool at = nr(c) == SYS_mkdirat;
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	int r = entry(c, at ? vantio_arg_int(c, 0) : AT_FDCWD, at, &s);
	mode_t mask;

	if (r)
		return vantio_refuse(r == -EINVAL ? EEXIST : r);
	if (s.fd >= 0)
		return vantio_refuse(EEXIST);
	mask = vantio_target_umask(&c->t);
	if (!vantio_call_valid(c))
		return vantio_refuse(EINTR);
	if (refused_write(c, VANTIO_HOOK_PATH_MKDIR, VANTIO_OP_MKDIR, &s))
		return vantio_refuse(EACCES);
	if (c->box->lax)
		return vantio_go_on();
	mask = umask(mask);
	r = mkdirat(s.dir, s.name, (mode_t)c->n->data.args[1 + at]);
	umask(mask);
	return done(r);
}

struct vantio_reply vantio_on_mknod(struct vantio_call *c)
{
	const bool at = nr(c) == SYS_mknodat;
	const mode_t mode = (mode_t)c->n->data.args[1 + at];
	const uint32_t dev = (uint32_t)c->n->data.args[2 + at];
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	int r = entry(c, at ? vantio_arg_int(c, 0) : AT_FDCWD, at, &s);
	mode_t mask;
	bool refused;

	if (r)
		return vantio_refuse(r == -EINVAL ? EEXIST : r);
	if (s.fd >= 0)
		return vantio_refuse(EEXIST);
	if (!vantio_call_valid(c))
		return vantio_refuse(EINTR);
	if ((S_ISBLK(mode) || S_ISCHR(mode)) && dev &&
	    vantio_refused_surface(c, VANTIO_HOOK_PATH_MKNOD, VANTIO_OP_MOUNT, VANTIO_SURFACE_MOUNT, dev))
		return vantio_refuse(EPERM);
	if (S_ISSOCK(mode))
		refused = vantio_refused(c, VANTIO_HOOK_PATH_MKNOD, VANTIO_OP_BIND, VANTIO_DOMAIN_UNIX, VANTIO_ACCESS_LISTEN, &s, NULL, 0);
	else
		refused = refused_write(c, VANTIO_HOOK_PATH_MKNOD, S_ISREG(mode) || !(mode & S_IFMT) ? VANTIO_OP_CREATE : VANTIO_OP_MKNOD, &s);
	if (refused)
		return vantio_refuse(EACCES);
	if (c->box->lax)
		return vantio_go_on();
	mask = umask(vantio_target_umask(&c->t));
	/* the register holds the kernel's 32-bit form: 12 bits of major between the two parts of the minor */
	r = mknodat(s.dir, s.name, mode, makedev(dev >> 8 & 0xfff, (dev & 0xff) | (dev >> 12 & 0xfff00)));
	umask(mask);
	return done(r);
}

struct vantio_reply vantio_on_symlink(struct vantio_call *c)
{
	const bool at = nr(c) == SYS_symlinkat;
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	char target[PATH_MAX];
	int r = vantio_arg_path(c, 0, target);

	if (!r)
		r = entry(c, at ? vantio_arg_int(c, 1) : AT_FDCWD, 1 + at, &s);
	if (r || s.fd >= 0)
		return vantio_refuse(!r || r == -EINVAL ? EEXIST : r);
	if (!vantio_call_valid(c))
		return vantio_refuse(EINTR);
	if (refused_write(c, VANTIO_HOOK_PATH_SYMLINK, VANTIO_OP_SYMLINK, &s))
		return vantio_refuse(EACCES);
	return c->box->lax ? vantio_go_on() : done(symlinkat(target, s.dir, s.name));
}

static uint32_t kind_of(const struct vantio_spot *s)
{
	return S_ISDIR(s->st.st_mode)  ? VANTIO_JUDGE_FOLDER | VANTIO_JUDGE_SOCKET :
	       S_ISSOCK(s->st.st_mode) ? VANTIO_JUDGE_SOCKET :
					 0;
}

/* What is to be linked: by name, or the object of a descriptor. */
static int link_source(struct vantio_call *c, int dirfd, unsigned int arg, int flags, struct vantio_spot *s)
{
	char path[PATH_MAX];
	int r = vantio_arg_path(c, arg, path);

	if (r)
		return r;
	if (*path || !(flags & AT_EMPTY_PATH))
		return vantio_target_object(&c->t, dirfd, path, flags & AT_SYMLINK_FOLLOW, s);
	r = vantio_target_fd(&c->t, dirfd);
	return r < 0 ? r : vantio_spot_from_fd(r, s);
}

struct vantio_reply vantio_on_link(struct vantio_call *c)
{
	const bool at = nr(c) == SYS_linkat;
	const int flags = at ? vantio_arg_int(c, 4) : 0;
	cleanup_spot struct vantio_spot from = VANTIO_SPOT_INIT, to = VANTIO_SPOT_INIT;
	char link[32];
	int r = link_source(c, at ? vantio_arg_int(c, 0) : AT_FDCWD, at, flags, &from);

	if (!r)
		r = entry(c, at ? vantio_arg_int(c, 2) : AT_FDCWD, at ? 3 : 1, &to);
	if (r || to.fd >= 0)
		return vantio_refuse(!r || r == -EINVAL ? EEXIST : r);
	if (!vantio_call_valid(c))
		return vantio_refuse(EINTR);
	if (vantio_refused(c, VANTIO_HOOK_PATH_LINK, VANTIO_OP_LINK, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_WRITE, &from, &to,
			   VANTIO_JUDGE_MOVES | kind_of(&from)))
		return vantio_refuse(EACCES);
	if (c->box->lax)
		return vantio_go_on();
	snprintf(link, sizeof(link), "/proc/self/fd/%d", from.fd);
	return done(linkat(AT_FDCWD, link, to.dir, to.name, AT_SYMLINK_FOLLOW));
}

struct vantio_reply vantio_on_rename(struct vantio_call *c)
{
	const bool at = nr(c) != SYS_rename;
	const unsigned int how = nr(c) == SYS_renameat2 ? (unsigned int)vantio_arg_int(c, 4) : 0;
	cleanup_spot struct vantio_spot from = VANTIO_SPOT_INIT, to = VANTIO_SPOT_INIT;
	uint32_t flags = VANTIO_JUDGE_MOVES;
	int r = entry(c, at ? vantio_arg_int(c, 0) : AT_FDCWD, at, &from);

	if (!r && from.fd < 0)
		r = -ENOENT;
	if (!r)
		r = entry(c, at ? vantio_arg_int(c, 2) : AT_FDCWD, at ? 3 : 1, &to);
	if (r)
		return vantio_refuse(r == -EINVAL ? EBUSY : r);
	if (how & RENAME_NOREPLACE && to.fd >= 0)
		return vantio_refuse(EEXIST);
	if (how & RENAME_EXCHANGE && to.fd < 0)
		return vantio_refuse(ENOENT);
	if ((from.slash || to.slash) && !S_ISDIR(from.st.st_mode))
		return vantio_refuse(ENOTDIR);
	flags |= kind_of(&from) | (how & RENAME_EXCHANGE ? VANTIO_JUDGE_EXCHANGE | kind_of(&to) : 0);
	if (!vantio_call_valid(c))
		return vantio_refuse(EINTR);
	if (vantio_refused(c, VANTIO_HOOK_PATH_RENAME, VANTIO_OP_RENAME, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_WRITE, &from, &to, flags))
		return vantio_refuse(EACCES);
	if (c->box->lax)
		return vantio_go_on();
	return done((int)syscall(SYS_renameat2, from.dir, from.name, to.dir, to.name, how));
}
