// SPDX-License-Identifier: Apache-2.0
#include "sandbox/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"

#define PAGE 4096u
#define ANCESTORS_MAX 4096

static ssize_t read_proc(pid_t pid, const char *name, char *out, size_t max)
{
	char path[64];
	cleanup_close int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, out, max - 1);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	return n;
}

bool vantio_target_status(const struct vantio_target *t, const char *key, char *out, size_t max)
{
	char text[4096], *at = text;
	size_t len = strlen(key), n;

	if (read_proc(t->tid, "status", text, sizeof(text)) < 0)
		return false;
	while (at && (strncmp(at, key, len) || at[len] != ':')) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return false;
	at += len + 1;
	at += strspn(at, " \t");
	n = strcspn(at, "\n");
	if (n >= max)
		return false;
	memcpy(out, at, n);
	out[n] = '\0';
	return true;
}

pid_t vantio_target_group(struct vantio_target *t)
{
	char text[32];

	if (!t->tgid && vantio_target_status(t, "Tgid", text, sizeof(text)))
		t->tgid = atoi(text);
	return t->tgid;
}

mode_t vantio_target_umask(const struct vantio_target *t)
{
	char text[32];

	return vantio_target_status(t, "Umask", text, sizeof(text)) ? (mode_t)strtoul(text, NULL, 8) & 0777 : 077;
}

static pid_t parent_of(pid_t pid)
{
	char text[1024], *at;
	int ppid;

	if (read_proc(pid, "stat", text, sizeof(text)) < 0)
		return 0;
	at = strrchr(text, ')'); /* the name may hold anything */
	return at && sscanf(at + 1, " %*c %d", &ppid) == 1 ? ppid : 0;
}

bool vantio_target_ours(pid_t self, pid_t pid)
{
	int i;

	for (i = 0; pid > 1 && i < ANCESTORS_MAX; i++) {
		pid = parent_of(pid);
		if (pid == self)
			return true;
	}
	return false;
}

/* ---- memory ---- */

int vantio_target_read(const struct vantio_target *t, uint64_t at, void *out, size_t len)
{
	struct iovec local = { out, len }, remote = { (void *)(uintptr_t)at, len };
	ssize_t n = len ? process_vm_readv(t->tid, &local, 1, &remote, 1, 0) : 0;

	if (n < 0)
		return errno == EPERM ? -EPERM : -EFAULT;
	return (size_t)n == len ? 0 : -EFAULT;
}

int vantio_target_write(const struct vantio_target *t, uint64_t at, const void *bytes, size_t len)
{
	struct iovec local = { (void *)bytes, len }, remote = { (void *)(uintptr_t)at, len };
	ssize_t n = len ? process_vm_writev(t->tid, &local, 1, &remote, 1, 0) : 0;

	return n == (ssize_t)len ? 0 : -EFAULT;
}

ssize_t vantio_target_string(const struct vantio_target *t, uint64_t at, char *out, size_t max)
{
	size_t have = 0;

	while (have < max) {
		size_t n = PAGE - ((at + have) & (PAGE - 1)); /* the next page may not be there */
		const char *end;
		int r;

		if (n > max - have)
			n = max - have;
		if (n > 256 && !have)
			n = 256;
		r = vantio_target_read(t, at + have, out + have, n);
		if (r)
			return r;
		end = memchr(out + have, '\0', n);
		if (end)
			return end - out;
		have += n;
	}
	return -ENAMETOOLONG;
}

int vantio_target_fd(struct vantio_target *t, int fd)
{
	cleanup_close int pidfd = vantio_target_group(t) ? (int)syscall(SYS_pidfd_open, t->tgid, 0) : -1;
	int copy;

	if (pidfd < 0)
		return -errno;
	copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	return copy < 0 ? -errno : copy;
}
