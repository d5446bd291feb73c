// SPDX-License-Identifier: Apache-2.0
#include "engine/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"

int vantio_cgroup_root(char **ret, struct vantio_error *err)
{
	cleanup_file FILE *f = fopen("/proc/self/mountinfo", "re");
	cleanup_free char *line = NULL;
	size_t cap = 0;

	if (!f)
		return vantio_fail(err, errno, "cannot read /proc/self/mountinfo: %s", strerror(errno));
	while (getline(&line, &cap, f) > 0) {
		char root[4096], where[4096];
		const char *type = strstr(line, " - ");

		if (!type || strncmp(type, " - cgroup2 ", 11) || sscanf(line, "%*s %*s %*s %4095s %4095s", root, where) != 2)
			continue;
		if (strcmp(root, "/"))
			continue; /* a part of the tree, in a container */
		*ret = strdup(where);
		return *ret ? 0 : vantio_fail(err, ENOMEM, "out of memory");
	}
	return vantio_fail(err, EOPNOTSUPP, "no cgroup2 file system is mounted: run 'mount -t cgroup2 none /sys/fs/cgroup'");
}

int vantio_cgroup_open(const char *path, int *ret_fd, char **ret_path, struct vantio_error *err)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	cleanup_free char *root = NULL, *below = NULL;
	cleanup_close int root_fd = -1, fd = -1;
	size_t len;
	int r = vantio_cgroup_root(&root, err);

	if (r)
		return r;
	len = strlen(root);
	if (!strncmp(path, root, len) && (path[len] == '/' || !path[len]))
		path += len;
	while (*path == '/')
		path++;
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return vantio_fail(err, errno, "cannot open %s: %s", root, strerror(errno));
	fd = (int)syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof(how));
	if (fd < 0)
		return vantio_fail(err, errno, "cannot open the cgroup '/%s' below %s: %s", path, root, strerror(errno));
	if (asprintf(&below, "/%s", path) < 0) {
		below = NULL;
		return vantio_fail(err, ENOMEM, "out of memory");
	}
	for (len = strlen(below); len > 1 && below[len - 1] == '/'; len--)
		below[len - 1] = '\0';
	*ret_fd = vantio_take_fd(&fd);
	*ret_path = vantio_take(below);
	return 0;
}

union id_handle {
	struct file_handle handle;
	char bytes[sizeof(struct file_handle) + 8];
};

int vantio_cgroup_id(int fd, __u64 *ret, struct vantio_error *err)
{
	union id_handle h = { .handle = { .handle_bytes = 8 } };
	int mount_id;

	if (name_to_handle_at(fd, "", &h.handle, &mount_id, AT_EMPTY_PATH))
		return vantio_fail(err, errno, "cannot ask for the cgroup's id: %s", strerror(errno));
	memcpy(ret, h.handle.f_handle, sizeof(*ret));
	return 0;
}

int vantio_cgroup_path(uint64_t id, char **ret, struct vantio_error *err)
{
	union id_handle h = { .handle = { .handle_bytes = 8, .handle_type = 0xfe /* FILEID_KERNFS */ } };
	cleanup_free char *root = NULL;
	cleanup_close int root_fd = -1, fd = -1;
	char link[64], where[4096];
	ssize_t n;
	size_t len;
	int r = vantio_cgroup_root(&root, err);

	if (r)
		return r;
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return vantio_fail(err, errno, "cannot open %s: %s", root, strerror(errno));
	memcpy(h.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(root_fd, &h.handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return vantio_fail(err, errno == ESTALE ? ENOENT : errno, "no cgroup has the id %llu", (unsigned long long)id);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, where, sizeof(where) - 1);
	if (n < 0)
		return vantio_fail(err, errno, "cannot read %s: %s", link, strerror(errno));
	where[n] = '\0';
	len = strlen(root);
	if (strncmp(where, root, len))
		return vantio_fail(err, ENOENT, "the cgroup with the id %llu is not below %s", (unsigned long long)id, root);
	*ret = strdup(where[len] ? where + len : "/");
	return *ret ? 0 : vantio_fail(err, ENOMEM, "out of memory");
}

static int each_process_here(int fd, int (*each)(pid_t pid, void *arg), void *arg, struct vantio_error *err)
{
	int procs = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC), r = 0;
	cleanup_file FILE *f = NULL;
	int pid;

	if (procs < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : vantio_fail(err, errno, "cannot open cgroup.procs: %s", strerror(errno));
	f = fdopen(procs, "r");
	if (!f) {
		close(procs);
		return vantio_fail(err, ENOMEM, "out of memory");
	}
	while (!r && fscanf(f, "%d", &pid) == 1)
		if (pid > 0)
			r = each(pid, arg);
	return r;
}

#define CGROUP_DEPTH 64

static int each_process(int fd, unsigned int depth, int (*each)(pid_t pid, void *arg), void *arg, struct vantio_error *err)
{
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;
	int copy, r = each_process_here(fd, each, arg, err);

	if (r)
		return r;
	if (depth == CGROUP_DEPTH)
		return vantio_fail(err, ELOOP, "the cgroup tree is deeper than %d levels", CGROUP_DEPTH);
	copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir) {
		r = errno;
		if (copy >= 0)
			close(copy);
		return r == ENOENT || r == ENODEV ? 0 : vantio_fail(err, r, "cannot list a cgroup: %s", strerror(r));
	}
	while (!r && (entry = readdir(dir))) {
		cleanup_close int child = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0) /* it may have gone meanwhile, and its processes with it */
			r = each_process(child, depth + 1, each, arg, err);
	}
	return r;
}

int vantio_cgroup_each_process(int fd, int (*each)(pid_t pid, void *arg), void *arg, struct vantio_error *err)
{
	return each_process(fd, 0, each, arg, err);
}

/* Waits for `line` in cgroup.events, whose changes poll(2) reports as POLLPRI. */
static int wait_event(int fd, const char *line, int timeout_ms, struct vantio_error *err)
{
	cleanup_close int events = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct timespec start, now;
	char text[256];
	ssize_t n;

	if (events < 0)
		return vantio_fail(err, errno, "cannot open cgroup.events: %s", strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		struct pollfd p = { .fd = events, .events = POLLPRI };
		long left;

		n = pread(events, text, sizeof(text) - 1, 0);
		if (n < 0)
			return vantio_fail(err, errno, "cannot read cgroup.events: %s", strerror(errno));
		text[n] = '\0';
		if (strstr(text, line))
			return 0;
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = timeout_ms - ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000);
		if (left <= 0)
			return vantio_fail(err, ETIMEDOUT, "the cgroup did not become '%s' within %d ms", line, timeout_ms);
		poll(&p, 1, (int)left);
	}
}

int vantio_cgroup_freeze(int fd, bool frozen, int timeout_ms, struct vantio_error *err)
{
	int r = vantio_write_pseudo(fd, "cgroup.freeze", frozen ? "1" : "0", err);

	return r ? r : wait_event(fd, frozen ? "frozen 1" : "frozen 0", timeout_ms, err);
}

int vantio_cgroup_kill(int fd, int timeout_ms, struct vantio_error *err)
{
	int r = vantio_write_pseudo(fd, "cgroup.kill", "1", err);

	return r ? r : wait_event(fd, "populated 0", timeout_ms, err);
}
