// SPDX-License-Identifier: Apache-2.0
/*
 * Names of a target, resolved by another process. openat2(2) does it at once where no link of /proc is on the way: those lead somewhere
 * else for us than for the target. Otherwise each component is taken by itself, and /proc/self is the target's.
 */
#include "sandbox/target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/mem.h"

#define LINKS_MAX 40

void vantio_spot_clear(struct vantio_spot *s)
{
	vantio_close_fd(&s->dir);
	vantio_close_fd(&s->fd);
	s->dir = s->fd = -1;
}

static int open_at(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_PATH | O_CLOEXEC, .resolve = resolve };
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* A path that nobody can be told: what it is asked for is refused (engine.path). */
static int too_long(struct vantio_spot *s)
{
	s->failed = true;
	s->len = (size_t)snprintf(s->path, sizeof(s->path), "(longer than %d bytes)", PATH_MAX - 1);
	return 0;
}

/* The path of a descriptor of ours, as the kernel tells it. */
static int own_path(int fd, struct vantio_spot *s)
{
	static const char deleted[] = " (deleted)";
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, s->path, sizeof(s->path));
	if (n < 0 && errno != ENAMETOOLONG)
		return -errno;
	if (n < 0 || (size_t)n >= sizeof(s->path))
		return too_long(s);
	s->path[n] = '\0';
	s->len = (size_t)n;
	s->no_path = s->path[0] != '/' || !strncmp(s->path, "/memfd:", 7);
	if (s->len > sizeof(deleted) - 1 && !strcmp(s->path + s->len - (sizeof(deleted) - 1), deleted) && s->fd >= 0 && !s->st.st_nlink) {
		s->len -= sizeof(deleted) - 1;
		s->path[s->len] = '\0';
		s->unlinked = true;
	}
	return 0;
}

int vantio_spot_from_fd(int fd, struct vantio_spot *ret)
{
	ret->fd = fd;
	if (fstat(fd, &ret->st))
		return -errno;
	return own_path(fd, ret);
}

/* The path of what a link of /proc leads to, where the link alone tells. */
static bool path_of_link(const char *link, struct vantio_spot *ret)
{
	static const char deleted[] = " (deleted)";
	ssize_t n = readlink(link, ret->path, sizeof(ret->path));

	if (n <= 0 || (size_t)n >= sizeof(ret->path) || ret->path[0] != '/' || !strncmp(ret->path, "/memfd:", 7))
		return false;
	if ((size_t)n >= sizeof(deleted) && !memcmp(ret->path + n - (sizeof(deleted) - 1), deleted, sizeof(deleted) - 1))
		return false;
	ret->path[n] = '\0';
	ret->len = (size_t)n;
	ret->dir = ret->fd = -1;
	ret->slash = ret->no_path = ret->unlinked = ret->failed = false;
	return true;
}

bool vantio_spot_from_link(const char *link, struct vantio_spot *ret)
{
	return path_of_link(link, ret) && !stat(link, &ret->st);
}

/* ---- /proc ---- */

static bool on_proc(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

/* The process whose folder a path of /proc lies in; 0 if it is none. */
static pid_t proc_owner(const char *path)
{
	char *end;
	long pid;

	if (strncmp(path, "/proc/", 6))
		return 0;
	pid = strtol(path + 6, &end, 10);
	return end != path + 6 && (*end == '/' || !*end) ? (pid_t)pid : 0;
}

/*
 * What everybody may read of a stranger. The rest asks for the right to trace it, which the target does not have and we may: it
 * must not be opened for it.
 */
static bool proc_public(const char *path)
{
	static const char *const names[] = { "stat", "status", "statm", "cmdline", "comm", "cgroup", "oom_score", "loginuid", "sessionid", "task" };
	const char *name = strrchr(path, '/') + 1;
	size_t i;

	if (strspn(name, "0123456789") == strlen(name) && !strstr(path, "/fd"))
		return true;
	for (i = 0; i < VANTIO_ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static int check_proc(struct vantio_target *t, const struct vantio_spot *s)
{
	pid_t owner = s->no_path ? 0 : proc_owner(s->path);

	if (!owner || (owner != t->self && vantio_target_ours(t->self, owner)) || proc_public(s->path))
		return 0;
	return -EACCES;
}

/* A link of /proc that is no path: followed if it is of one of the agent's processes. -EINVAL: it is an ordinary link. */
static int follow_magic(struct vantio_target *t, int dir, const char *name)
{
	struct vantio_spot folder = VANTIO_SPOT_INIT;
	pid_t owner;
	int r;

	r = open_at(dir, name, 0, RESOLVE_NO_MAGICLINKS);
	if (r >= 0) {
		close(r);
		return -EINVAL;
	}
	if (r != -ELOOP)
		return -EINVAL;
	if (own_path(dir, &folder))
		return -EACCES;
	owner = proc_owner(folder.path);
	if (!owner || owner == t->self || !vantio_target_ours(t->self, owner))
		return -EACCES;
	return open_at(dir, name, 0, 0);
}

/* ---- one component after the other ---- */

struct walk {
	struct vantio_target *t;
	int at; /* owned */
	char rest[2 * PATH_MAX];
	unsigned int links;
};

static int replace_rest(struct walk *w, const char *front, const char *rest)
{
	char joined[2 * PATH_MAX];
	int n = snprintf(joined, sizeof(joined), "%s/%s", front, rest);

	if (n < 0 || (size_t)n >= sizeof(joined))
		return -ENAMETOOLONG;
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	memcpy(w->rest, joined, (size_t)n + 1);
	return 0;
}

static int go_root(struct walk *w)
{
	vantio_close_fd(&w->at);
	w->at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return w->at < 0 ? -errno : 0;
}

static bool at_proc_root(int fd)
{
	struct stat st;

	return on_proc(fd) && !fstat(fd, &st) && st.st_ino == 1;
}

static int follow_link(struct walk *w, int link, const char *name, const char *rest)
{
	char target[PATH_MAX];
	ssize_t n;
	int r = on_proc(w->at) ? follow_magic(w->t, w->at, name) : -EINVAL;

	if (r >= 0) {
		close(w->at);
		w->at = r;
		memmove(w->rest, rest, strlen(rest) + 1);
		return ++w->links > LINKS_MAX ? -ELOOP : 0;
	}
	if (r != -EINVAL)
		return r;
	n = readlinkat(link, "", target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	r = replace_rest(w, target, rest);
	return !r && target[0] == '/' ? go_root(w) : r;
}

/* Takes the next component. 1 when `name` is the last one and is left to the caller (`entry`), or a link that is not followed. */
static int step(struct walk *w, bool entry, bool follow, char name[NAME_MAX + 1])
{
	char *at = w->rest + strspn(w->rest, "/"), *rest;
	size_t len = strcspn(at, "/");
	cleanup_close int next = -1;
	char pids[64];
	bool last;
	struct stat st;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, at, len);
	name[len] = '\0';
	rest = at + len;
	last = !rest[strspn(rest, "/")];
	if (last && entry && strcmp(name, ".") && strcmp(name, ".."))
		return 1;
	if ((!strcmp(name, "self") || !strcmp(name, "thread-self")) && at_proc_root(w->at)) {
		snprintf(pids, sizeof(pids), name[0] == 's' ? "%d" : "%d/task/%d", (int)vantio_target_group(w->t), (int)w->t->tid);
		return last && !follow ? 1 : replace_rest(w, pids, rest);
	}
	next = open_at(w->at, name, O_NOFOLLOW, 0);
	if (next < 0)
		return next;
	if (fstat(next, &st))
		return -errno;
	if (S_ISLNK(st.st_mode) && last && !follow && !*rest)
		return 1;
	if (S_ISLNK(st.st_mode))
		return follow_link(w, next, name, rest);
	close(w->at);
	w->at = vantio_take_fd(&next);
	memmove(w->rest, rest, strlen(rest) + 1);
	return 0;
}

static int walk(struct vantio_target *t, int from, const char *path, bool entry, bool follow, struct vantio_spot *s)
{
	struct walk w = { .t = t, .at = fcntl(from, F_DUPFD_CLOEXEC, 3) };
	int r = w.at < 0 ? -errno : 0;

	snprintf(w.rest, sizeof(w.rest), "%s", path);
	if (!r && path[0] == '/')
		r = go_root(&w);
	while (!r && w.rest[strspn(w.rest, "/")])
		r = step(&w, entry, follow, s->name);
	if (r < 0) {
		vantio_close_fd(&w.at);
		return r;
	}
	if (entry) {
		s->dir = w.at;
		return 0;
	}
	s->fd = r == 1 ? open_at(w.at, s->name, O_NOFOLLOW, 0) : vantio_take_fd(&w.at);
	vantio_close_fd(&w.at);
	return s->fd < 0 ? s->fd : 0;
}

/* ---- both ways ---- */

/* Where the target's relative names begin. */
static int base_of(struct vantio_target *t, int dirfd, const char *path)
{
	char link[64];
	int fd;

	if (path[0] == '/')
		return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)t->tid);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)t->tid, dirfd);
	fd = open(link, O_PATH | O_CLOEXEC);
	return fd < 0 ? -(errno == ENOENT ? EBADF : errno) : fd;
}

static bool names_proc(const char *path)
{
	return !strncmp(path, "/proc/self", 10) || !strncmp(path, "/proc/thread-self", 17);
}

/* Whether what openat2 found may be something else for the target. */
static bool is_ours_alone(struct vantio_target *t, const char *path)
{
	return proc_owner(path) == t->self;
}

/* What was found becomes the caller's, unless `r` or /proc forbids it. */
static int hand_over(struct vantio_target *t, int r, struct vantio_spot *s, struct vantio_spot *ret)
{
	if (!r)
		r = check_proc(t, s);
	if (r) {
		vantio_spot_clear(s);
		return r;
	}
	vantio_spot_clear(ret);
	*ret = *s;
	return 0;
}

int vantio_target_object(struct vantio_target *t, int dirfd, const char *path, bool follow, struct vantio_spot *ret)
{
	struct vantio_spot s = VANTIO_SPOT_INIT;
	cleanup_close int base = path[0] == '/' ? -1 : base_of(t, dirfd, path);
	int r;

	if (path[0] != '/' && base < 0)
		return base;
	s.fd = names_proc(path) ? -ELOOP : open_at(base, path, follow ? 0 : O_NOFOLLOW, RESOLVE_NO_MAGICLINKS);
	r = s.fd < 0 ? s.fd : vantio_spot_from_fd(s.fd, &s);
	if (r == -ELOOP || (!r && is_ours_alone(t, s.path))) {
		vantio_spot_clear(&s);
		if (base < 0)
			base = base_of(t, dirfd, path);
		r = base < 0 ? base : walk(t, base, path, false, follow, &s);
		if (!r)
			r = vantio_spot_from_fd(s.fd, &s);
	}
	return hand_over(t, r, &s, ret);
}

/* Appends the components of `path`; false at "..", behind a trailing slash or dot, or where it gets too long. */
static bool append_plain(struct vantio_spot *s, const char *path)
{
	const char *at = path;

	while (*at) {
		size_t n;

		at += strspn(at, "/");
		n = strcspn(at, "/");
		if (!n || (n == 2 && at[0] == '.' && at[1] == '.') || n > NAME_MAX || s->len + n + 2 > sizeof(s->path))
			return false;
		if (n == 1 && *at == '.') {
			if (!at[1])
				return false;
		} else {
			if (s->len > 1)
				s->path[s->len++] = '/';
			memcpy(s->path + s->len, at, n);
			s->len += n;
		}
		at += n;
	}
	s->path[s->len] = '\0';
	return s->len > 1;
}

bool vantio_target_plain(struct vantio_target *t, int dirfd, const char *path, struct vantio_spot *ret)
{
	char link[32];

	if (path[0] == '/') {
		ret->dir = ret->fd = -1;
		ret->slash = ret->no_path = ret->unlinked = ret->failed = false;
		ret->path[0] = '/';
		ret->len = 1;
	} else {
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)t->tid);
		if (dirfd != AT_FDCWD || !path_of_link(link, ret))
			return false;
	}
	return append_plain(ret, path) && strncmp(ret->path, "/proc", 5);
}

int vantio_target_probe(const char *path, struct stat *ret)
{
	int fd = open_at(-1, path, 0, RESOLVE_NO_SYMLINKS), r;

	if (fd < 0)
		return fd;
	r = ret && fstat(fd, ret) ? -errno : 0;
	close(fd);
	return r;
}

/* The folder part of a path, and its last component. -EINVAL where there is none ("..", "/"). */
static int split(const char *path, char folder[PATH_MAX], char name[NAME_MAX + 1], bool *ret_slash)
{
	size_t len = strlen(path), end = len, at;

	while (end && path[end - 1] == '/')
		end--;
	*ret_slash = end < len;
	for (at = end; at && path[at - 1] != '/'; at--)
		;
	if (end - at > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, path + at, end - at);
	name[end - at] = '\0';
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	memcpy(folder, path, at);
	folder[at] = '\0';
	if (!at)
		strcpy(folder, ".");
	return 0;
}

static int entry_path(struct vantio_spot *s)
{
	size_t n = strlen(s->name);

	s->fd = -1;
	if (own_path(s->dir, s) || s->no_path)
		return -ENOENT;
	if (s->failed || s->len + 1 + n >= sizeof(s->path))
		return too_long(s);
	if (s->len > 1)
		s->path[s->len++] = '/';
	memcpy(s->path + s->len, s->name, n + 1);
	s->len += n;
	return 0;
}

/* The folder, resolved; then what is there under the name. */
static int entry_once(struct vantio_target *t, int base, const char *path, struct vantio_spot *s)
{
	char folder[PATH_MAX];
	int r = split(path, folder, s->name, &s->slash);

	if (r)
		return r;
	s->dir = names_proc(folder) ? -ELOOP : open_at(base, folder, O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
	if (s->dir < 0 && s->dir != -ELOOP)
		return s->dir;
	r = s->dir < 0 ? 0 : entry_path(s);
	if (r)
		return r;
	if (s->dir < 0 || is_ours_alone(t, s->path)) {
		vantio_spot_clear(s);
		r = walk(t, base, path, true, true, s);
		if (!r)
			r = entry_path(s);
		if (r)
			return r;
	}
	s->fd = open_at(s->dir, s->name, O_NOFOLLOW, 0);
	if (s->fd < 0) {
		r = s->fd == -ENOENT ? 0 : s->fd;
		s->fd = -1;
		return r;
	}
	return fstat(s->fd, &s->st) ? -errno : 0;
}

int vantio_target_entry(struct vantio_target *t, int dirfd, const char *path, bool follow, struct vantio_spot *ret)
{
	cleanup_close int base = base_of(t, dirfd, path);
	struct vantio_spot s = VANTIO_SPOT_INIT;
	char name[PATH_MAX];
	unsigned int links = 0;
	int r = base < 0 ? base : *path ? entry_once(t, base, path, &s) : -ENOENT;

	while (!r && follow && s.fd >= 0 && S_ISLNK(s.st.st_mode)) {
		ssize_t n = readlinkat(s.fd, "", name, sizeof(name) - 1);

		if (n <= 0 || ++links > LINKS_MAX) {
			r = n < 0 ? -errno : -ELOOP;
			break;
		}
		name[n] = '\0';
		vantio_close_fd(&base);
		base = name[0] == '/' ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : vantio_take_fd(&s.dir);
		vantio_spot_clear(&s);
		r = base < 0 ? -errno : entry_once(t, base, name, &s);
	}
	return hand_over(t, r, &s, ret);
}
