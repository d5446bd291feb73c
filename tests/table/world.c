// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"

static bool fail(const char *what, const char *name)
{
	fprintf(stderr, "the world: %s %.200s: %s\n", what, name, strerror(errno));
	return false;
}

/* ---- names, however long: a descriptor of the folder and the last component ---- */

/* The folder that `path` lies in, opened; it is made if it is not there. *ret_last points into path. */
static int parent(const char *path, uid_t uid, const char **ret_last)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), next;
	const char *slash;
	char name[256];

	for (path += strspn(path, "/"); fd >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
		snprintf(name, sizeof(name), "%.*s", (int)(slash - path), path);
		next = openat(fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (next < 0 && !mkdirat(fd, name, 0755)) {
			next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (next >= 0 && fchown(next, uid, (gid_t)-1))
				fail("chown", name);
		}
		close(fd);
		fd = next;
	}
	*ret_last = path;
	return fd;
}

static bool remove_at(int dir, const char *name)
{
	struct dirent *e;
	struct stat st;
	DIR *d;
	int fd;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT;
	if (!S_ISDIR(st.st_mode))
		return !unlinkat(dir, name, 0);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			remove_at(dirfd(d), e->d_name);
	if (d)
		closedir(d);
	return !unlinkat(dir, name, AT_REMOVEDIR);
}

/* ---- things ---- */

static const struct timespec long_ago[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

/* Everything that a row may change: the set-user-id bit goes with a write or a change of owner, the times lie long ago. */
static bool dress(int fd, const char *name, mode_t mode, uid_t uid)
{
	int flags = 0;

	if (fchown(fd, uid, (gid_t)-1) || fchmod(fd, mode))
		return fail("mode of", name);
	if (!ioctl(fd, FS_IOC_GETFLAGS, &flags) && flags & FS_NODUMP_FL) {
		flags &= ~FS_NODUMP_FL;
		ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
	fremovexattr(fd, "user.v");
	fsetxattr(fd, "user.old", "v", 1, 0); /* not every file system has these: rows that need them say so */
	return !futimens(fd, long_ago) || fail("times of", name);
}

static bool write_file(int dir, const char *last, const char *text, size_t len, mode_t mode, uid_t uid)
{
	struct stat st;
	bool ok;
	int fd;

	if (!fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) && !S_ISREG(st.st_mode) && !remove_at(dir, last))
		return fail("remove", last);
	fd = openat(dir, last, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail("create", last);
	ok = (write(fd, text, len) == (ssize_t)len || fail("write", last)) && dress(fd, last, mode, uid);
	close(fd);
	return ok;
}

static bool copy_mark(int dir, const char *last, const char *mark, uid_t uid)
{
	char bytes[65536];
	int fd = open(mark, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

	if (fd >= 0)
		close(fd);
	return n > 0 ? write_file(dir, last, bytes, (size_t)n, 0755, uid) : fail("read", mark);
}

static bool make_dir(int dir, const char *last, uid_t uid)
{
	struct stat st;

	if (!fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) && !S_ISDIR(st.st_mode))
		remove_at(dir, last);
	if (mkdirat(dir, last, 0755) && errno != EEXIST)
		return fail("mkdir", last);
	return (!fchownat(dir, last, uid, (gid_t)-1, 0) && !fchmodat(dir, last, 0755, 0)) || fail("mode of", last);
}

static bool make_other(int dir, const char *last, const struct table_thing *thing, uid_t uid)
{
	struct stat have = {}, want = {};

	if (!strcmp(thing->kind, "hard")) {
		if (!stat(thing->what, &want) && !fstatat(dir, last, &have, AT_SYMLINK_NOFOLLOW) && have.st_ino == want.st_ino)
			return true;
		return (remove_at(dir, last) && !linkat(AT_FDCWD, thing->what, dir, last, 0)) || fail("link", last);
	}
	if (!remove_at(dir, last))
		return fail("remove", last);
	if (!strcmp(thing->kind, "to"))
		return (!symlinkat(thing->what, dir, last) && !fchownat(dir, last, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) &&
			!utimensat(dir, last, long_ago, AT_SYMLINK_NOFOLLOW)) || fail("symlink", last);
	return (!mkfifoat(dir, last, 0644) && !fchownat(dir, last, uid, (gid_t)-1, 0)) || fail("mkfifo", last);
}

static bool make_thing(const struct table_thing *thing, uid_t uid, const char *mark)
{
	const char *last;
	int dir = parent(thing->name, uid, &last);
	char text[300];
	bool ok;

	if (dir < 0)
		return fail("folder of", thing->name);
	if (!strcmp(thing->kind, "dir")) {
		ok = make_dir(dir, last, uid);
	} else if (!strcmp(thing->kind, "file")) {
		snprintf(text, sizeof(text), "text of %.200s\n", thing->what ? thing->what : thing->name);
		ok = write_file(dir, last, text, strlen(text), 04644, uid);
	} else if (!strcmp(thing->kind, "prog")) {
		ok = copy_mark(dir, last, mark, uid);
	} else if (!strcmp(thing->kind, "script")) {
		snprintf(text, sizeof(text), "#!%s\n", thing->what);
		ok = write_file(dir, last, text, strlen(text), 0755, uid);
	} else {
		ok = make_other(dir, last, thing, uid);
	}
	close(dir);
	return ok;
}

bool world_make(const struct table *t, uid_t uid, const char *mark)
{
	for (size_t i = 0; i < t->n_things; i++)
		if (!make_thing(&t->things[i], uid, mark))
			return false;
	return true;
}

/* ---- the names of a row ---- */

/* `word` as a path of the world without doubled slashes, single dots and a slash at the end; false if it is none, or leads elsewhere. */
static bool path_of(const struct table *t, const char *word, char *ret, size_t size)
{
	const size_t len = strlen(t->world);
	size_t n = 0;

	if (word && !strncmp(word, "unix:/", 6))
		word += 5;
	if (!word || word[0] != '/' || strstr(word, "/.."))
		return false;
	while (*word && n + 1 < size) {
		if (word[0] == '/' && (word[1] == '/' || !word[1]))
			word++;
		else if (word[0] == '/' && word[1] == '.' && (word[2] == '/' || !word[2]))
			word += 2;
		else
			ret[n++] = *word++;
	}
	ret[n] = '\0';
	return !strncmp(ret, t->world, len) && ret[len] == '/';
}

struct names {
	char name[3][ACT_ARG_MAX];
	size_t n;
};

/* Of its words, and where a link leads. */
static void names_of(const struct table *t, const struct table_row *row, struct names *ret)
{
	const char *const words[] = { row->arg[0], row->arg[1], row->target[0] };

	ret->n = 0;
	for (size_t i = 0; i < 3; i++)
		ret->n += path_of(t, words[i], ret->name[ret->n], sizeof(ret->name[0]));
}

static bool reset_name(const struct table *t, const char *name, uid_t uid, const char *mark)
{
	const size_t len = strlen(name);
	const char *last;
	bool known = false, ok = true;
	int dir;

	for (size_t i = 0; i < t->n_things; i++)
		if (!strncmp(t->things[i].name, name, len) && (!t->things[i].name[len] || t->things[i].name[len] == '/')) {
			ok = make_thing(&t->things[i], uid, mark) && ok;
			known = true;
		}
	if (known)
		return ok;
	dir = parent(name, uid, &last);
	ok = dir >= 0 && remove_at(dir, last);
	if (dir >= 0)
		close(dir);
	return ok || fail("remove", name);
}

bool world_reset(const struct table *t, const struct table_row *row, uid_t uid, const char *mark)
{
	static struct names names;
	bool ok = true;

	names_of(t, row, &names);
	for (size_t i = 0; i < names.n; i++)
		ok = reset_name(t, names.name[i], uid, mark) && ok;
	return ok;
}

static void look_at(const char *name, char *ret, size_t size)
{
	const char *last;
	char text[200] = "", attr[16] = "";
	int dir = parent(name, 0, &last), fd, flags = 0;
	struct stat st;

	ret[0] = '\0';
	if (dir >= 0 && !fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW)) {
		if (S_ISLNK(st.st_mode) && readlinkat(dir, last, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		fd = S_ISREG(st.st_mode) ? openat(dir, last, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (fd >= 0) {
			if (read(fd, text, sizeof(text) - 1) < 0 || fgetxattr(fd, "user.v", attr, sizeof(attr) - 1) < 0)
				attr[0] = '\0';
			if (fgetxattr(fd, "user.old", attr + 8, 1) < 0)
				strcat(attr, "-");
			ioctl(fd, FS_IOC_GETFLAGS, &flags);
			close(fd);
		}
		snprintf(ret, size, "%lu %o %u %ld %lu %ld %s %d %s", (unsigned long)st.st_ino, st.st_mode, st.st_uid, (long)st.st_size,
			 (unsigned long)st.st_nlink, (long)st.st_mtime, attr, flags, text);
	}
	if (dir >= 0)
		close(dir);
}

void world_look(const struct table *t, const struct table_row *row, struct world_look *ret)
{
	static struct names names;

	names_of(t, row, &names);
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < names.n; i++)
		look_at(names.name[i], ret->text[i], sizeof(ret->text[i]));
}

void world_text(const struct table_row *row, char *ret, size_t size)
{
	const char *path = act_ops[row->op].args == 2 ? row->target[0] : row->arg[0], *last;
	const bool too_long = strlen(path) >= 4096;
	int dir = too_long ? parent(path, 0, &last) : -1, fd = openat(dir, too_long ? last : path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	ret[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
}

/* ---- those who listen ---- */

/* Connecting to nowhere in particular is connecting to oneself, and IPv4 within IPv6 is IPv4. */
static void arrival(union act_address *a, socklen_t *len)
{
	const uint32_t *word = a->v6.sin6_addr.s6_addr32;
	uint16_t port = a->v6.sin6_port;
	uint32_t v4;

	if (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr))
		a->v6.sin6_addr = in6addr_loopback;
	if (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr)) {
		v4 = word[3];
		memset(a, 0, sizeof(*a));
		a->v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = v4 };
		*len = sizeof(a->v4);
	}
	if (a->any.sa_family == AF_INET && !a->v4.sin_addr.s_addr)
		a->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

int world_listen(const struct table_row *row)
{
	union act_address a;
	socklen_t len;
	int type, fd, one = 1;

	if (act_ops[row->op].effect != ACT_ARRIVES || !act_address(row->at ? row->at : row->arg[0], &a, &len, &type))
		return -1;
	arrival(&a, &len);
	fd = socket(a.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a.any.sa_family == AF_UNIX && a.un.sun_path[0])
		unlink(a.un.sun_path);
	else
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, &a.any, len) || (type == SOCK_STREAM && listen(fd, 8))) {
		fail("listen for", row->arg[0]);
		close(fd);
		return -1;
	}
	if (a.any.sa_family == AF_UNIX && a.un.sun_path[0])
		chmod(a.un.sun_path, 0777);
	return fd;
}

bool world_arrived(const struct table_row *row, int fd, bool must)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	(void)row;
	return poll(&p, 1, must ? 3000 : 0) > 0;
}

/* ---- somebody else's process ---- */

void world_become(uid_t uid)
{
	if (geteuid() == 0 && uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
		_exit(126);
	prctl(PR_SET_DUMPABLE, 1);
}

pid_t world_victim(uid_t uid)
{
	int ready[2];
	pid_t child;
	char c;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		world_become(uid);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close_range(3, ~0u, 0); /* a player's input must not stay open in it */
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) < 0) /* until it is who it is to be */
		child = -1;
	close(ready[0]);
	return child;
}
