// SPDX-License-Identifier: Apache-2.0
#include "ledger/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "ledger/store.h"

static int fail_busy(int fd, const char *dir, struct vantio_error *err)
{
	cleanup_free char *shown = vantio_escape_dup(dir, strlen(dir)), *name = NULL;
	char text[32] = "", path[64], comm[64] = "";
	struct vantio_error ignored;
	uint64_t pid;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0 || text[n - 1] != '\n' || !vantio_parse_u64(text, (size_t)n - 1, INT32_MAX, &pid))
		return vantio_fail(err, EBUSY, "another process is writing to the ledger '%s'", shown ? shown : "?");
	snprintf(path, sizeof(path), "/proc/%llu/comm", (unsigned long long)pid);
	if (vantio_read_pseudo(AT_FDCWD, path, comm, sizeof(comm), &ignored) == 0)
		name = vantio_escape_dup(comm, strlen(comm));
	return vantio_fail(err, EBUSY, "process %llu%s%s%s is writing to the ledger '%s': stop it first, or name another with --ledger",
			   (unsigned long long)pid, name ? " (" : "", name ? name : "", name ? ")" : "", shown ? shown : "?");
}

int vantio_lock_take(int dirfd, const char *dir, struct vantio_error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	cleanup_close int fd = vantio_store_open(dirfd, "lock", O_RDWR | O_CREAT, 0600, err);
	char text[32];
	int n;

	if (fd < 0)
		return fd;
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		if (errno == EAGAIN || errno == EACCES)
			return fail_busy(fd, dir, err);
		return vantio_fail(err, errno, "cannot lock the ledger: %s", strerror(errno));
	}
	n = snprintf(text, sizeof(text), "%d\n", getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return vantio_fail(err, errno, "cannot write the ledger's lock file: %s", strerror(errno));
	return vantio_take_fd(&fd);
}

int vantio_lock_held(int dirfd, struct vantio_error *err)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	cleanup_close int fd = vantio_store_open(dirfd, "lock", O_RDONLY, 0, err);

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return vantio_fail(err, errno, "cannot ask for the ledger's lock: %s", strerror(errno));
	return lock.l_type != F_UNLCK;
}
