// SPDX-License-Identifier: Apache-2.0
#include "act.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "act_net.h"

#define ACT(name) static int name(const struct act_request *q, char *text)
#define A q->arg[0]
#define B q->arg[1]
#define UNUSED (void)text
#define RET(call) return (call) < 0 ? errno : 0

/* ---- opening ---- */

static int then_read(int fd, char *text)
{
	ssize_t n;

	if (fd < 0)
		return errno;
	n = read(fd, text, ACT_ARG_MAX - 1);
	return n < 0 ? errno : 0;
}

static int then_write(int fd)
{
	if (fd < 0)
		return errno;
	RET(write(fd, "w", 1));
}

static int then_list(int fd, char *text)
{
	char entries[4096];

	if (fd < 0)
		return errno;
	if (syscall(SYS_getdents64, fd, entries, sizeof(entries)) < 0)
		return errno;
	strcpy(text, "listed");
	return 0;
}

/* A place that opens nothing; what is opened through it is judged. */
static int reopen(const char *path, int flags)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	char self[40];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return fd < 0 ? -1 : open(self, flags | O_CLOEXEC);
}

ACT(do_read) { return then_read(open(A, O_RDONLY), text); }
ACT(do_read_nofollow) { return then_read(open(A, O_RDONLY | O_NOFOLLOW), text); }
ACT(do_read_reopened) { return then_read(reopen(A, O_RDONLY), text); }
ACT(do_read_at) { return then_read(openat(open(A, O_PATH | O_DIRECTORY), B, O_RDONLY), text); }
ACT(do_read_in) { return chdir(A) ? errno : then_read(open(B, O_RDONLY), text); }
ACT(do_readdir) { return then_list(open(A, O_RDONLY | O_DIRECTORY), text); }
ACT(do_rdwr) { UNUSED; return then_write(open(A, O_RDWR)); }
ACT(do_write) { UNUSED; return then_write(open(A, O_WRONLY)); }
ACT(do_append) { UNUSED; return then_write(open(A, O_WRONLY | O_APPEND)); }
ACT(do_write_reopened) { UNUSED; return then_write(reopen(A, O_WRONLY)); }
ACT(do_create) { UNUSED; return then_write(open(A, O_WRONLY | O_CREAT, 0644)); }
ACT(do_create_excl) { UNUSED; return then_write(open(A, O_WRONLY | O_CREAT | O_EXCL, 0644)); }
ACT(do_creat) { UNUSED; RET(creat(A, 0644)); }
ACT(do_open_trunc) { UNUSED; RET(open(A, O_WRONLY | O_TRUNC)); }
ACT(do_read_trunc) { UNUSED; RET(open(A, O_RDONLY | O_TRUNC)); }
ACT(do_tmpfile) { UNUSED; return then_write(open(A, O_WRONLY | O_TMPFILE, 0644)); }
ACT(do_place) { UNUSED; RET(open(A, O_PATH)); }

ACT(do_openat2)
{
	struct { uint64_t flags, mode, resolve; } how = { O_RDONLY, 0, 0 };

	return then_read((int)syscall(SYS_openat2, AT_FDCWD, A, &how, sizeof(how)), text);
}

ACT(do_openat2_beneath)
{
	struct { uint64_t flags, mode, resolve; } how = { O_RDONLY, 0, 0x08 /* RESOLVE_BENEATH */ };

	return then_read((int)syscall(SYS_openat2, open(A, O_PATH | O_DIRECTORY), B, &how, sizeof(how)), text);
}

/* ---- names ---- */

ACT(do_unlink) { UNUSED; RET(unlink(A)); }
ACT(do_unlinkat) { UNUSED; RET(unlinkat(open(A, O_PATH | O_DIRECTORY), B, 0)); }
ACT(do_rmdir) { UNUSED; RET(rmdir(A)); }
ACT(do_mkdir) { UNUSED; RET(mkdir(A, 0755)); }
ACT(do_fifo) { UNUSED; RET(mkfifo(A, 0644)); }
ACT(do_mknod) { UNUSED; RET(mknod(A, S_IFREG | 0644, 0)); }
ACT(do_mknod_socket) { UNUSED; RET(mknod(A, S_IFSOCK | 0644, 0)); }
ACT(do_symlink) { UNUSED; RET(symlink(B, A)); }
ACT(do_rename) { UNUSED; RET(rename(A, B)); }
ACT(do_rename_exchange) { UNUSED; RET(syscall(SYS_renameat2, AT_FDCWD, A, AT_FDCWD, B, RENAME_EXCHANGE)); }
ACT(do_rename_noreplace) { UNUSED; RET(syscall(SYS_renameat2, AT_FDCWD, A, AT_FDCWD, B, RENAME_NOREPLACE)); }
ACT(do_link) { UNUSED; RET(link(A, B)); }
ACT(do_link_follow) { UNUSED; RET(linkat(AT_FDCWD, A, AT_FDCWD, B, AT_SYMLINK_FOLLOW)); }

ACT(do_link_opened)
{
	int fd = open(A, O_PATH);
	char self[40];

	UNUSED;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	RET(fd < 0 ? -1 : linkat(AT_FDCWD, self, AT_FDCWD, B, AT_SYMLINK_FOLLOW));
}

/* ---- size, mode, owner, times, attributes, flags ---- */

static int on_opened(const char *path, int flags, int (*then)(int fd))
{
	int fd = open(path, flags);

	if (fd < 0)
		return errno;
	RET(then(fd));
}

static int cut(int fd) { return ftruncate(fd, 1); }
static int set_mode(int fd) { return fchmod(fd, 0600); }
static int set_owner(int fd) { return fchown(fd, getuid(), getgid()); }
static int set_times(int fd) { return futimens(fd, NULL); }
static int set_attr(int fd) { return fsetxattr(fd, "user.v", "1", 1, 0); }
static int remove_attr(int fd) { return fremovexattr(fd, "user.old"); }

static int set_flags(int fd)
{
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return -1;
	flags ^= FS_NODUMP_FL;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

ACT(do_truncate) { UNUSED; RET(truncate(A, 1)); }
ACT(do_ftruncate) { UNUSED; return on_opened(A, O_WRONLY, cut); }
ACT(do_chmod) { UNUSED; RET(chmod(A, 0600)); }
ACT(do_fchmod) { UNUSED; return on_opened(A, O_RDONLY, set_mode); }
ACT(do_chown) { UNUSED; RET(chown(A, getuid(), getgid())); }
ACT(do_fchown) { UNUSED; return on_opened(A, O_RDONLY, set_owner); }
ACT(do_utimes) { UNUSED; RET(utimensat(AT_FDCWD, A, NULL, 0)); }
ACT(do_utimes_link) { UNUSED; RET(utimensat(AT_FDCWD, A, NULL, AT_SYMLINK_NOFOLLOW)); }
ACT(do_futimens) { UNUSED; return on_opened(A, O_RDONLY, set_times); }
ACT(do_setxattr) { UNUSED; RET(setxattr(A, "user.v", "1", 1, 0)); }
ACT(do_fsetxattr) { UNUSED; return on_opened(A, O_RDONLY, set_attr); }
ACT(do_removexattr) { UNUSED; RET(removexattr(A, "user.old")); }
ACT(do_fremovexattr) { UNUSED; return on_opened(A, O_RDONLY, remove_attr); }
ACT(do_setflags) { UNUSED; return on_opened(A, O_RDONLY, set_flags); }

/* ---- programs: what was executed ends with ACT_RAN, which the player sees ---- */

static char *const no_env[] = { NULL };

ACT(do_exec)
{
	char *const argv[] = { (char *)A, NULL };

	UNUSED;
	execve(A, argv, no_env);
	return errno;
}

ACT(do_exec_opened)
{
	char *const argv[] = { (char *)A, NULL };

	UNUSED;
	syscall(SYS_execveat, open(A, O_PATH | O_CLOEXEC), "", argv, no_env, AT_EMPTY_PATH);
	return errno;
}

ACT(do_exec_at)
{
	char *const argv[] = { (char *)B, NULL };

	UNUSED;
	syscall(SYS_execveat, open(A, O_PATH | O_DIRECTORY | O_CLOEXEC), B, argv, no_env, 0);
	return errno;
}

/* A script by hand: the interpreter with the script's name behind it. */
ACT(do_exec_with)
{
	char *const argv[] = { (char *)A, (char *)B, NULL };

	UNUSED;
	execve(A, argv, no_env);
	return errno;
}

ACT(do_exec_memory)
{
	char *const argv[] = { (char *)A, NULL };
	int from = open(A, O_RDONLY), to = memfd_create("x", MFD_CLOEXEC);
	char part[4096];
	ssize_t n;

	UNUSED;
	if (from < 0 || to < 0)
		return ENOTSUP;
	while ((n = read(from, part, sizeof(part))) > 0)
		if (write(to, part, (size_t)n) != n)
			return ENOTSUP;
	syscall(SYS_execveat, to, "", argv, no_env, AT_EMPTY_PATH);
	return errno;
}

ACT(do_map) { int fd = open(A, O_RDONLY); UNUSED; return fd < 0 ? errno : mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : 0; }
ACT(do_map_shared) { int fd = open(A, O_RDONLY); UNUSED; return fd < 0 ? errno : mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED ? errno : 0; }
ACT(do_map_read) { int fd = open(A, O_RDONLY); UNUSED; return fd < 0 ? errno : mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : 0; }

/* ---- all of them ---- */

const struct act_op act_ops[] = {
	{ "read", "read", 1, ACT_READS, do_read },
	{ "read-nofollow", "read", 1, ACT_READS, do_read_nofollow },
	{ "read-reopened", "read", 1, ACT_READS, do_read_reopened },
	{ "read-at", "read", 2, ACT_READS, do_read_at },
	{ "read-in", "read", 2, ACT_READS, do_read_in },
	{ "openat2", "read", 1, ACT_READS, do_openat2 },
	{ "openat2-beneath", "read", 2, ACT_READS, do_openat2_beneath },
	{ "readdir", "read", 1, ACT_TELLS, do_readdir },
	{ "place", "read", 1, ACT_TELLS, do_place },
	{ "rdwr", "write", 1, ACT_CHANGES, do_rdwr },
	{ "write", "write", 1, ACT_CHANGES, do_write },
	{ "append", "write", 1, ACT_CHANGES, do_append },
	{ "write-reopened", "write", 1, ACT_CHANGES, do_write_reopened },
	{ "create", "create", 1, ACT_CHANGES, do_create },
	{ "create-excl", "create", 1, ACT_CHANGES, do_create_excl },
	{ "creat", "write", 1, ACT_CHANGES, do_creat },
	{ "open-trunc", "write", 1, ACT_CHANGES, do_open_trunc },
	{ "read-trunc", "write", 1, ACT_CHANGES, do_read_trunc },
	{ "tmpfile", "write", 1, ACT_TELLS, do_tmpfile },
	{ "unlink", "unlink", 1, ACT_CHANGES, do_unlink },
	{ "unlink-at", "unlink", 2, ACT_TELLS, do_unlinkat },
	{ "rmdir", "rmdir", 1, ACT_CHANGES, do_rmdir },
	{ "mkdir", "mkdir", 1, ACT_CHANGES, do_mkdir },
	{ "fifo", "mknod", 1, ACT_CHANGES, do_fifo },
	{ "mknod", "create", 1, ACT_CHANGES, do_mknod },
	{ "mknod-socket", "bind", 1, ACT_CHANGES, do_mknod_socket },
	{ "symlink", "symlink", 2, ACT_CHANGES, do_symlink },
	{ "rename", "rename", 2, ACT_CHANGES, do_rename },
	{ "exchange", "rename", 2, ACT_CHANGES, do_rename_exchange },
	{ "rename-noreplace", "rename", 2, ACT_CHANGES, do_rename_noreplace },
	{ "link", "link", 2, ACT_CHANGES, do_link },
	{ "link-follow", "link", 2, ACT_CHANGES, do_link_follow },
	{ "link-opened", "link", 2, ACT_CHANGES, do_link_opened },
	{ "truncate", "truncate", 1, ACT_CHANGES, do_truncate },
	{ "ftruncate", "truncate", 1, ACT_CHANGES, do_ftruncate },
	{ "chmod", "chmod", 1, ACT_CHANGES, do_chmod },
	{ "fchmod", "chmod", 1, ACT_CHANGES, do_fchmod },
	{ "chown", "chown", 1, ACT_CHANGES, do_chown },
	{ "fchown", "chown", 1, ACT_CHANGES, do_fchown },
	{ "utimes", "utimes", 1, ACT_CHANGES, do_utimes },
	{ "utimes-link", "utimes", 1, ACT_CHANGES, do_utimes_link },
	{ "futimens", "utimes", 1, ACT_CHANGES, do_futimens },
	{ "setxattr", "setxattr", 1, ACT_CHANGES, do_setxattr },
	{ "fsetxattr", "setxattr", 1, ACT_CHANGES, do_fsetxattr },
	{ "removexattr", "removexattr", 1, ACT_CHANGES, do_removexattr },
	{ "fremovexattr", "removexattr", 1, ACT_CHANGES, do_fremovexattr },
	{ "setflags", "setflags", 1, ACT_CHANGES, do_setflags },
	{ "exec", "exec", 1, ACT_TELLS, do_exec },
	{ "exec-opened", "exec", 1, ACT_TELLS, do_exec_opened },
	{ "exec-at", "exec", 2, ACT_TELLS, do_exec_at },
	{ "exec-with", "exec", 2, ACT_TELLS, do_exec_with },
	{ "exec-memory", "exec", 1, ACT_TELLS, do_exec_memory },
	{ "map", "mmap_exec", 1, ACT_TELLS, do_map },
	{ "map-shared", "mmap_exec", 1, ACT_TELLS, do_map_shared },
	{ "map-read", "read", 1, ACT_TELLS, do_map_read },
	{ "connect", "connect", 1, ACT_ARRIVES, act_connect },
	{ "connect-fastopen", "sendto", 1, ACT_ARRIVES, act_fastopen },
	{ "connect-send", "connect", 1, ACT_ARRIVES, act_connect_send },
	{ "sendto", "sendto", 1, ACT_ARRIVES, act_sendto },
	{ "sendmsg", "sendto", 1, ACT_ARRIVES, act_sendmsg },
	{ "sendmmsg", "sendto", 1, ACT_ARRIVES, act_sendmmsg },
	{ "connect-then-sendto", "sendto", 2, ACT_TELLS, act_connect_then_sendto },
	{ "bind", "bind", 1, ACT_TELLS, act_bind },
	{ "bind-v6only", "bind", 1, ACT_TELLS, act_bind_v6only },
	{ "listen", "listen", 1, ACT_TELLS, act_listen },
	{ "socket-netlink", "socket", 0, ACT_TELLS, act_socket_netlink },
	{ "socket-mptcp", "socket", 0, ACT_TELLS, act_socket_mptcp },
	{ "socket-vsock", "socket", 0, ACT_TELLS, act_socket_vsock },
	{ "mount", "mount", 0, ACT_TELLS, act_mount },
	{ "chroot", "mount", 0, ACT_TELLS, act_chroot },
	{ "ptrace", "ptrace", 0, ACT_TELLS, act_ptrace },
	{ "read-memory", "ptrace", 0, ACT_TELLS, act_read_memory },
	{ "kill", "signal", 0, ACT_KILLS, act_kill },
	{ "kill-pidfd", "signal", 0, ACT_KILLS, act_kill_pidfd },
	{ "set-limits", "signal", 0, ACT_TELLS, act_set_limits },
	{ "bpf", "bpf", 0, ACT_TELLS, act_bpf },
	{ "module", "module", 0, ACT_TELLS, act_module },
	{ "userns", "userns", 0, ACT_TELLS, act_userns },
	{ "userns-clone", "userns", 0, ACT_TELLS, act_userns_clone },
	{ "raw-socket", "raw_socket", 0, ACT_TELLS, act_raw_socket },
	{ "packet-socket", "raw_socket", 0, ACT_TELLS, act_packet_socket },
	{ "io-uring", "io_uring", 0, ACT_TELLS, act_io_uring },
	{ "perf", "perf", 0, ACT_TELLS, act_perf },
	{ "keyring", "keyring", 0, ACT_TELLS, act_keyring },
	{ "keyring-add", "keyring", 0, ACT_TELLS, act_keyring_add },
	{ NULL, NULL, 0, ACT_TELLS, NULL },
};

bool act_whole(int fd, void *at, size_t len, bool out)
{
	while (len) {
		ssize_t n = out ? write(fd, at, len) : read(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at = (char *)at + n;
		len -= (size_t)n;
	}
	return true;
}

int act_find(const char *name)
{
	for (int i = 0; act_ops[i].name; i++)
		if (!strcmp(act_ops[i].name, name))
			return i;
	return -1;
}
