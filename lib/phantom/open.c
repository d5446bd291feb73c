// SPDX-License-Identifier: Apache-2.0
#include "phantom/object.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#define REMOVE_DEPTH   64
#define MOVE_TRIES_MAX 100000

int vantio_open_path(int root, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC, .resolve = resolve | RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
	int tries, fd = -1;

	if ((flags & O_ACCMODE) == O_RDONLY || flags & O_PATH)
		how.flags |= O_NOFOLLOW;
	for (tries = 0; tries < 64; tries++) {
		fd = (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN) /* EAGAIN: something was renamed meanwhile */
			break;
	}
	return fd < 0 ? -errno : fd;
}

int vantio_open_below(int root, const char *path, int flags)
{
	return vantio_open_path(root, path, flags, RESOLVE_NO_XDEV);
}

int vantio_open_parent(int root, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	*ret_name = slash ? slash + 1 : path;
	if (!slash)
		return vantio_open_below(root, ".", O_PATH | O_DIRECTORY);
	if ((size_t)(slash - path) >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	return vantio_open_below(root, folder, O_PATH | O_DIRECTORY);
}

/* ---- taking away ---- */

/* A folder of ours may forbid us to read it. */
static int open_listable(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int path = -1;
	char link[32];

	if (fd >= 0 && !faccessat(fd, ".", W_OK | X_OK, AT_EACCESS))
		return fd;
	if (fd < 0 && errno != EACCES)
		return -errno;
	if (fd >= 0)
		close(fd);
	path = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (path < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", path);
	chmod(link, 0700); /* if not, what follows says so */
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Of a tree that goes: its own folder, into which what is too deep is moved up, so that no depth takes more descriptors than others. */
struct removal {
	int top; /* -1: not below it yet */
	uint64_t dev;
	unsigned long moved;
	bool again;
};

static int move_up(struct removal *m, int dir, const char *name)
{
	char up[64];
	int fd = open_listable(dir, name), tries;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) || (m->dev && st.st_dev != m->dev)) {
		close(fd);
		return -EXDEV;
	}
	close(fd);
	for (tries = 0; tries < MOVE_TRIES_MAX; tries++) {
		snprintf(up, sizeof(up), ".vantio-deep-%lu", m->moved++);
		if (!renameat(dir, name, m->top, up)) {
			m->again = true;
			return 0;
		}
		if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR) /* a name that is there already */
			return -errno;
	}
	return -EEXIST;
}

static int remove_below(struct removal *m, int dir, const char *name, unsigned int depth)
{
	cleanup_dir DIR *list = NULL;
	const bool is_top = m->top < 0;
	struct dirent *entry;
	struct stat st;
	int fd, r = 0;

	if (!unlinkat(dir, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode))
		return -EPERM;
	if (depth == REMOVE_DEPTH)
		return move_up(m, dir, name);
	fd = open_listable(dir, name);
	if (fd < 0)
		return fd;
	list = fdopendir(fd);
	if (!list || fstat(fd, &st) || (m->dev && st.st_dev != m->dev)) {
		r = list ? -EXDEV : -errno;
		if (!list)
			close(fd);
		return r;
	}
	if (is_top)
		m->top = fd;
	do {
		m->again = is_top ? false : m->again;
		rewinddir(list);
		while (!r && (entry = readdir(list)))
			if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
				r = remove_below(m, fd, entry->d_name, depth + 1);
	} while (!r && is_top && m->again);
	if (!r && unlinkat(dir, name, AT_REMOVEDIR) && errno != ENOENT)
		r = -errno;
	return r;
}

int vantio_remove_tree(int dir, const char *name, uint64_t dev)
{
	struct removal m = { .top = -1, .dev = dev };

	return remove_below(&m, dir, name, 0);
}
