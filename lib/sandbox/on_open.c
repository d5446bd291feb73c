// SPDX-License-Identifier: Apache-2.0
/* Opening: the object is found and judged by its own path, and the target gets a descriptor of that very object. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "sandbox/box.h"

struct opening {
	int dirfd;
	uint64_t flags;
	mode_t mode;
	uint64_t resolve;
	const char *path; /* borrowed */
};

static uint32_t access_of(uint64_t flags)
{
	uint32_t access = 0;

	if ((flags & O_ACCMODE) != O_WRONLY)
		access |= VANTIO_ACCESS_READ;
	if ((flags & O_ACCMODE) != O_RDONLY)
		access |= VANTIO_ACCESS_WRITE;
	return access | (flags & O_TRUNC ? VANTIO_ACCESS_WRITE : 0);
}

/* With its user's cgroups an agent could end, freeze and move others: us, too. */
static uint32_t protection(const struct vantio_spot *s, uint32_t access)
{
	struct statfs fs;

	if (!(access & VANTIO_ACCESS_WRITE) || s->fd < 0 || strncmp(s->path, "/sys/", 5) || fstatfs(s->fd, &fs))
		return 0;
	return fs.f_type == CGROUP2_SUPER_MAGIC || fs.f_type == CGROUP_SUPER_MAGIC ? VANTIO_JUDGE_PROTECTED : 0;
}

static bool refused_open(struct vantio_call *c, const struct opening *o, const struct vantio_spot *s)
{
	const uint32_t access = access_of(o->flags);
	enum vantio_op op = access & VANTIO_ACCESS_WRITE ? VANTIO_OP_WRITE : VANTIO_OP_READ;

	if (vantio_refused(c, VANTIO_HOOK_FILE_OPEN, op, VANTIO_DOMAIN_FILE, access, s, NULL, protection(s, access)))
		return true;
	return o->flags & O_TRUNC && s->fd >= 0 && S_ISREG(s->st.st_mode) &&
	       vantio_refused(c, VANTIO_HOOK_PATH_TRUNCATE, VANTIO_OP_TRUNCATE, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_WRITE, s, NULL, 0);
}

/* Landlock permits no more than the policy, so whatever the name leads to when the kernel goes on is as well judged by it. */
static bool granted(struct vantio_call *c, const struct opening *o, const struct vantio_spot *s)
{
	const struct vantio_grant *g = vantio_plan_granted(&c->box->plan, access_of(o->flags), s->path, s->len);

	return g && vantio_grant_stands(g);
}

/*
 * The way of most opens, at a third of the cost of looking at the object: a name without any link on its way is its own path, and where
 * the kernel may go on in the end, it says itself what is wrong with the object. False where this way is not open.
 */
static bool open_by_name(struct vantio_call *c, const struct opening *o, struct vantio_reply *ret)
{
	struct vantio_spot s;
	int r;

	if (c->box->lax || o->flags & (O_CREAT | O_TRUNC | O_PATH | (O_TMPFILE & ~O_DIRECTORY)) || c->n->data.nr == SYS_openat2 ||
	    !vantio_target_plain(&c->t, o->dirfd, o->path, &s) || !granted(c, o, &s))
		return false;
	r = vantio_target_probe(s.path, c->box->held.n ? &s.st : NULL); /* otherwise the object does not matter */
	if (r == -ELOOP)
		return false;
	if (r)
		*ret = vantio_refuse(r);
	else if (!vantio_call_valid(c))
		*ret = vantio_refuse(EINTR);
	else
		*ret = refused_open(c, o, &s) ? vantio_refuse(EACCES) : vantio_go_on();
	return true;
}

struct reopening {
	int fd; /* owned */
	uint64_t flags;
	bool cloexec;
};

/* A descriptor of the object that `fd` holds: by no name that anybody could change. */
static struct vantio_reply reopen(void *job)
{
	struct reopening *r = job;
	char link[32];
	int fd;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", r->fd);
	fd = open(link, (int)(r->flags & ~(uint64_t)(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		fd = errno;
		close(r->fd);
		return vantio_refuse(fd);
	}
	close(r->fd);
	return (struct vantio_reply){ .kind = VANTIO_ANSWER_FD, .value = fd, .cloexec = r->cloexec };
}

/* /dev/tty is the terminal of whoever opens it. */
static bool other_terminal(struct vantio_call *c, const struct vantio_spot *s)
{
	return S_ISCHR(s->st.st_mode) && s->st.st_rdev == 0x500 && getsid(vantio_target_group(&c->t)) != getsid(0);
}

static struct vantio_reply open_existing(struct vantio_call *c, const struct opening *o, struct vantio_spot *s)
{
	struct reopening job = { .flags = o->flags, .cloexec = o->flags & O_CLOEXEC };
	struct vantio_reply reply;

	if (S_ISLNK(s->st.st_mode))
		return vantio_refuse(ELOOP);
	if (o->flags & O_DIRECTORY && !S_ISDIR(s->st.st_mode))
		return vantio_refuse(ENOTDIR);
	if (S_ISDIR(s->st.st_mode) && (access_of(o->flags) & VANTIO_ACCESS_WRITE || o->flags & O_CREAT))
		return vantio_refuse(EISDIR);
	if (S_ISSOCK(s->st.st_mode) || other_terminal(c, s))
		return vantio_refuse(ENXIO);
	if (!vantio_call_valid(c))
		return vantio_refuse(EINTR);
	if (refused_open(c, o, s))
		return vantio_refuse(EACCES);
	if (c->box->lax)
		return vantio_go_on();
	if (!(o->flags & O_CREAT) && c->n->data.nr != SYS_openat2 && !s->no_path && !s->unlinked && granted(c, o, s))
		return vantio_go_on();
	job.fd = vantio_take_fd(&s->fd);
	if (!S_ISFIFO(s->st.st_mode) || o->flags & O_NONBLOCK)
		return reopen(&job);
	reply = vantio_later(c, reopen, &job, sizeof(job)); /* until there is another end */
	if (reply.kind != VANTIO_ANSWER_LATER)
		close(job.fd);
	return reply;
}

static struct vantio_reply open_new(struct vantio_call *c, const struct opening *o, struct vantio_spot *s)
{
	struct open_how how = { .flags = o->flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, .mode = o->mode & 07777,
				.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH };
	mode_t mask;
	int fd;

	if (s->slash)
		return vantio_refuse(EISDIR);
	mask = vantio_target_umask(&c->t);
	if (!vantio_call_valid(c))
		return vantio_refuse(EINTR);
	if (vantio_refused(c, VANTIO_HOOK_PATH_MKNOD, VANTIO_OP_CREATE, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_WRITE, s, NULL, 0) ||
	    refused_open(c, o, s))
		return vantio_refuse(EACCES);
	if (c->box->lax)
		return vantio_go_on();
	mask = umask(mask);
	fd = (int)syscall(SYS_openat2, s->dir, s->name, &how, sizeof(how));
	umask(mask);
	if (fd < 0)
		return vantio_refuse(errno == EXDEV ? EACCES : errno);
	return (struct vantio_reply){ .kind = VANTIO_ANSWER_FD, .value = fd, .cloexec = o->flags & O_CLOEXEC };
}

/* A file without a name in a folder: judged by the name that the kernel gives it there. */
static struct vantio_reply open_unnamed(struct vantio_call *c, const struct opening *o, const struct vantio_spot *folder)
{
	struct vantio_spot s = VANTIO_SPOT_INIT;
	char link[32];
	mode_t mask = vantio_target_umask(&c->t);
	int fd;

	if (!vantio_call_valid(c))
		return vantio_refuse(EINTR);
	if (c->box->lax)
		return vantio_go_on();
	snprintf(link, sizeof(link), "/proc/self/fd/%d", folder->fd);
	mask = umask(mask);
	fd = open(link, (int)(o->flags & ~(uint64_t)O_NOFOLLOW) | O_CLOEXEC, o->mode & 07777);
	umask(mask);
	if (fd < 0)
		return vantio_refuse(errno);
	if (vantio_spot_from_fd(fd, &s) || refused_open(c, o, &s)) {
		close(fd);
		return vantio_refuse(EACCES);
	}
	return (struct vantio_reply){ .kind = VANTIO_ANSWER_FD, .value = fd, .cloexec = o->flags & O_CLOEXEC };
}

static struct vantio_reply create(struct vantio_call *c, const struct opening *o)
{
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	const bool follow = !(o->flags & (O_NOFOLLOW | O_EXCL));
	int r = vantio_target_entry(&c->t, o->dirfd, o->path, false, &s);

	if (!r && s.fd >= 0 && o->flags & O_EXCL)
		return vantio_refuse(EEXIST);
	if (!r && s.fd >= 0 && S_ISLNK(s.st.st_mode) && follow) {
		r = vantio_target_object(&c->t, o->dirfd, o->path, true, &s);
		if (r == -ENOENT) /* a link to what is not there yet */
			r = vantio_target_entry(&c->t, o->dirfd, o->path, true, &s);
	} else if (!r && s.fd >= 0) {
		int fd = vantio_take_fd(&s.fd);

		r = vantio_spot_from_fd(fd, &s);
	}
	if (r)
		return r == -EINVAL ? vantio_refuse(EISDIR) : vantio_refuse(r);
	return s.fd >= 0 ? open_existing(c, o, &s) : open_new(c, o, &s);
}

static struct vantio_reply open_it(struct vantio_call *c, const struct opening *o)
{
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	struct vantio_reply reply;
	int r;

	if (!*o->path)
		return vantio_refuse(ENOENT);
	if (o->resolve) /* of openat2: what it forbids on the way is not looked into here */
		return c->box->lax ? vantio_go_on() : vantio_refuse(ENOSYS);
	if (o->flags & O_PATH)
		return vantio_go_on();
	if (open_by_name(c, o, &reply))
		return reply;
	if (o->flags & O_CREAT && (o->flags & O_TMPFILE) != O_TMPFILE)
		reply = create(c, o);
	else {
		r = vantio_target_object(&c->t, o->dirfd, o->path, !(o->flags & O_NOFOLLOW), &s);
		if (r)
			reply = vantio_refuse(r);
		else if ((o->flags & O_TMPFILE) == O_TMPFILE)
			reply = open_unnamed(c, o, &s);
		else
			reply = open_existing(c, o, &s);
	}
	return reply;
}

static struct vantio_reply open_args(struct vantio_call *c, int dirfd, unsigned int path_arg, uint64_t flags, mode_t mode)
{
	char path[PATH_MAX];
	struct opening o = { .dirfd = dirfd, .flags = flags, .mode = mode, .path = path };
	int r = vantio_arg_path(c, path_arg, path);

	return r ? vantio_refuse(r) : open_it(c, &o);
}

/* Bits that open(2) and openat(2) do not know are ignored by the kernel. */
#define OPEN_FLAGS (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC | O_ASYNC | O_DIRECT | 0100000 | \
		    O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_SYNC | O_PATH | O_TMPFILE)

struct vantio_reply vantio_on_open(struct vantio_call *c)
{
	return open_args(c, AT_FDCWD, 0, c->n->data.args[1] & OPEN_FLAGS, (mode_t)c->n->data.args[2]);
}

struct vantio_reply vantio_on_openat(struct vantio_call *c)
{
	return open_args(c, vantio_arg_int(c, 0), 1, c->n->data.args[2] & OPEN_FLAGS, (mode_t)c->n->data.args[3]);
}

struct vantio_reply vantio_on_creat(struct vantio_call *c)
{
	return open_args(c, AT_FDCWD, 0, O_CREAT | O_WRONLY | O_TRUNC, (mode_t)c->n->data.args[1]);
}

struct vantio_reply vantio_on_openat2(struct vantio_call *c)
{
	char path[PATH_MAX];
	struct opening o = { .dirfd = vantio_arg_int(c, 0), .path = path };
	struct open_how how = {};
	int r = vantio_arg_path(c, 1, path);

	if (c->n->data.args[3] < sizeof(how))
		return vantio_refuse(EINVAL);
	if (c->n->data.args[3] > sizeof(how))
		return vantio_refuse(E2BIG);
	if (!r)
		r = vantio_target_read(&c->t, c->n->data.args[2], &how, sizeof(how));
	if (r)
		return vantio_refuse(r);
	if (how.flags & ~(uint64_t)OPEN_FLAGS)
		return vantio_refuse(EINVAL);
	o.flags = how.flags;
	o.mode = (mode_t)how.mode;
	o.resolve = how.resolve & ~(uint64_t)RESOLVE_CACHED;
	if (o.flags & O_PATH) /* the flags lie in memory: what is opened in the end may be more than a place */
		return c->box->lax ? vantio_go_on() : vantio_refuse(ENOSYS);
	return open_it(c, &o);
}

struct vantio_reply vantio_on_open_by_handle(struct vantio_call *c)
{
	struct vantio_spot s = { .dir = -1, .fd = -1, .path = "(by handle)", .len = 11, .failed = true };

	if (vantio_refused(c, VANTIO_HOOK_FILE_OPEN, VANTIO_OP_READ, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ, &s, NULL, 0))
		return vantio_refuse(EPERM);
	return c->box->lax ? vantio_go_on() : vantio_refuse(EPERM);
}
