// SPDX-License-Identifier: Apache-2.0
/*
 * ops OP ARGS...: tries one operation by its system call; the exit status is 0 or the errno. `ops race-OP GOOD BAD MS` does it again and
 * again while another thread flips what it is about between what is allowed and what is not: exit status 0 if the bad one never came
 * through and the good one did.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "races.h"

#define RET(call) return (call) < 0 ? errno : 0

static int open_and(const char *path, int flags, int (*then)(int fd))
{
	int fd = open(path, flags, 0644);

	if (fd < 0)
		return errno;
	return then ? then(fd) : 0;
}

static int then_truncate(int fd) { RET(ftruncate(fd, 0)); }
static int then_chmod(int fd) { RET(fchmod(fd, 0600)); }
static int then_times(int fd) { RET(futimens(fd, NULL)); }
static int then_xattr(int fd) { RET(fsetxattr(fd, "user.v", "1", 1, 0)); }
static int then_map(int fd) { return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : 0; }

static int then_version(int fd)
{
	int version = 7;

	if (!ioctl(fd, _IOW('v', 2, long), &version)) /* FS_IOC_SETVERSION */
		return 0;
	return errno == ENOTTY || errno == EOPNOTSUPP || errno == EINVAL ? ENOTSUP : errno;
}

static int then_flags(int fd)
{
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return errno == ENOTTY || errno == EOPNOTSUPP ? ENOTSUP : errno;
	RET(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

static int file_op(const char *op, char **a)
{
	if (!strcmp(op, "read"))
		return open_and(a[0], O_RDONLY, NULL);
	if (!strcmp(op, "write"))
		return open_and(a[0], O_WRONLY, NULL);
	if (!strcmp(op, "rdwr"))
		return open_and(a[0], O_RDWR, NULL);
	if (!strcmp(op, "create"))
		return open_and(a[0], O_WRONLY | O_CREAT | O_EXCL, NULL);
	if (!strcmp(op, "opentrunc"))
		return open_and(a[0], O_WRONLY | O_TRUNC, NULL);
	if (!strcmp(op, "readtrunc"))
		return open_and(a[0], O_RDONLY | O_TRUNC, NULL);
	if (!strcmp(op, "tmpfile"))
		return open_and(a[0], O_WRONLY | O_TMPFILE, NULL);
	if (!strcmp(op, "path"))
		return open_and(a[0], O_PATH, NULL);
	if (!strcmp(op, "readdir"))
		return open_and(a[0], O_RDONLY | O_DIRECTORY, NULL);
	if (!strcmp(op, "ftruncate"))
		return open_and(a[0], O_WRONLY, then_truncate);
	if (!strcmp(op, "fchmod"))
		return open_and(a[0], O_RDONLY, then_chmod);
	if (!strcmp(op, "futimens"))
		return open_and(a[0], O_RDONLY, then_times);
	if (!strcmp(op, "fsetxattr"))
		return open_and(a[0], O_RDONLY, then_xattr);
	if (!strcmp(op, "setflags"))
		return open_and(a[0], O_RDONLY, then_flags);
	if (!strcmp(op, "setversion"))
		return open_and(a[0], O_RDONLY, then_version);
	if (!strcmp(op, "mmapx"))
		return open_and(a[0], O_RDONLY, then_map);
	if (!strcmp(op, "openat2")) {
		struct { uint64_t flags, mode, resolve; } how = { O_RDONLY, 0, 0 };

		RET(syscall(SYS_openat2, AT_FDCWD, a[0], &how, sizeof(how)));
	}
	return -1;
}

static int name_op(const char *op, char **a)
{
	if (!strcmp(op, "unlink"))
		RET(unlink(a[0]));
	if (!strcmp(op, "rmdir"))
		RET(rmdir(a[0]));
	if (!strcmp(op, "mkdir"))
		RET(mkdir(a[0], 0755));
	if (!strcmp(op, "fifo"))
		RET(mkfifo(a[0], 0644));
	if (!strcmp(op, "rename"))
		RET(rename(a[0], a[1]));
	if (!strcmp(op, "exchange"))
		RET(syscall(SYS_renameat2, AT_FDCWD, a[0], AT_FDCWD, a[1], RENAME_EXCHANGE));
	if (!strcmp(op, "link"))
		RET(link(a[0], a[1]));
	if (!strcmp(op, "symlink"))
		RET(symlink(a[0], a[1]));
	if (!strcmp(op, "truncate"))
		RET(truncate(a[0], 0));
	if (!strcmp(op, "chmod"))
		RET(chmod(a[0], 0600));
	if (!strcmp(op, "chown"))
		RET(chown(a[0], getuid(), getgid()));
	if (!strcmp(op, "utimes"))
		RET(utimensat(AT_FDCWD, a[0], NULL, 0));
	if (!strcmp(op, "setxattr"))
		RET(setxattr(a[0], "user.v", "1", 1, 0));
	if (!strcmp(op, "removexattr"))
		RET(removexattr(a[0], "user.v"));
	if (!strcmp(op, "exec")) {
		execl(a[0], a[0], NULL);
		return errno;
	}
	return -1;
}

/* ---- sockets ---- */

static struct sockaddr_storage address(const char *host, const char *port, socklen_t *len)
{
	struct sockaddr_storage s = {};
	struct sockaddr_in *v4 = (void *)&s;
	struct sockaddr_in6 *v6 = (void *)&s;
	struct sockaddr_un *un = (void *)&s;

	if (host[0] == '/' || host[0] == '@') {
		un->sun_family = AF_UNIX;
		snprintf(un->sun_path, sizeof(un->sun_path), "%s", host);
		*len = (socklen_t)(2 + strlen(host) + (host[0] == '/'));
		if (host[0] == '@')
			un->sun_path[0] = '\0';
	} else if (strchr(host, ':')) {
		v6->sin6_family = AF_INET6;
		inet_pton(AF_INET6, host, &v6->sin6_addr);
		v6->sin6_port = htons((uint16_t)atoi(port));
		*len = sizeof(*v6);
	} else {
		v4->sin_family = AF_INET;
		inet_pton(AF_INET, host, &v4->sin_addr);
		v4->sin_port = htons((uint16_t)atoi(port));
		*len = sizeof(*v4);
	}
	return s;
}

static int net_op(const char *op, char **a)
{
	const bool known = !strcmp(op, "connect") || !strcmp(op, "udp-connect") || !strcmp(op, "sendto") || !strcmp(op, "sendmsg") ||
			   !strcmp(op, "bind") || !strcmp(op, "udp-bind") || !strcmp(op, "sendmmsg") || !strcmp(op, "fastopen");
	bool udp = !strncmp(op, "udp", 3) || !strncmp(op, "send", 4);
	struct sockaddr_storage s;
	struct iovec iov = { "x", 1 };
	struct mmsghdr m = {};
	socklen_t len;
	int fd;

	if (!known)
		return -1;
	s = address(a[0], a[0][0] == '/' || a[0][0] == '@' ? "0" : a[1], &len);
	fd = socket(s.ss_family, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	m.msg_hdr = (struct msghdr){ .msg_name = &s, .msg_namelen = len, .msg_iov = &iov, .msg_iovlen = 1 };
	if (fd < 0)
		return errno;
	if (strstr(op, "connect"))
		RET(connect(fd, (struct sockaddr *)&s, len));
	if (strstr(op, "bind"))
		RET(bind(fd, (struct sockaddr *)&s, len));
	if (!strcmp(op, "sendto"))
		RET(sendto(fd, "x", 1, 0, (struct sockaddr *)&s, len));
	if (!strcmp(op, "fastopen"))
		RET(sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&s, len));
	if (!strcmp(op, "sendmsg"))
		RET(sendmsg(fd, &m.msg_hdr, 0));
	RET(sendmmsg(fd, &m, 1, 0));
}

/* ---- the kernel ---- */

static int in_thread_child(void *arg)
{
	(void)arg;
	return 0;
}

static int kernel_op(const char *op, char **a)
{
	static char stack[65536];
	struct iovec local = { stack, 1 }, remote = { stack, 1 };
	pid_t target = a[0] ? atoi(a[0]) : 0;
	int pair[2];
	long r;

	if (!strcmp(op, "socket"))
		RET(socket(atoi(a[0]), atoi(a[1]), atoi(a[2])));
	if (!strcmp(op, "mount"))
		RET(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
	if (!strcmp(op, "chroot"))
		RET(chroot("/"));
	if (!strcmp(op, "userns"))
		RET(unshare(CLONE_NEWUSER));
	if (!strcmp(op, "userns-clone")) /* rubbish in the high half must not hide the flag */
		RET(syscall(SYS_clone, (unsigned long)(CLONE_NEWUSER | SIGCHLD), stack + sizeof(stack), 0, 0, 0));
	if (!strcmp(op, "thread"))
		RET(clone(in_thread_child, stack + sizeof(stack), SIGCHLD, NULL));
	if (!strcmp(op, "io_uring"))
		RET(syscall(SYS_io_uring_setup, 1, stack));
	if (!strcmp(op, "bpf"))
		RET(syscall(SYS_bpf, 0, stack, 48));
	if (!strcmp(op, "perf"))
		RET(syscall(SYS_perf_event_open, stack, 0, -1, -1, 0));
	if (!strcmp(op, "userfaultfd"))
		RET(syscall(SYS_userfaultfd, 0));
	if (!strcmp(op, "landlock")) {
		uint64_t reading = 1ul << 2;

		RET(syscall(444, &reading, sizeof(reading), 0)); /* landlock_create_ruleset */
	}
	if (!strcmp(op, "keyctl"))
		RET(syscall(SYS_keyctl, 0, -3, 0));
	if (!strcmp(op, "ptrace"))
		RET(ptrace(PTRACE_ATTACH, target, NULL, NULL));
	if (!strcmp(op, "vm_write"))
		RET(process_vm_writev(target, &local, 1, &remote, 1, 0));
	if (!strcmp(op, "kill"))
		RET(kill(target, SIGTERM));
	if (!strcmp(op, "kill-high")) /* the number in the low half alone counts */
		RET(syscall(SYS_kill, 0x100000000ul | (unsigned int)target, SIGTERM));
	if (!strcmp(op, "limit")) {
		struct rlimit most = { 3600, 3600 };

		RET(prlimit(target, RLIMIT_CPU, &most, NULL));
	}
	if (!strcmp(op, "owner")) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			return errno;
		RET(fcntl(pair[0], F_SETOWN, target));
	}
	if (!strcmp(op, "lease")) {
		pair[0] = open(a[0], O_RDONLY | O_CREAT, 0600);
		RET(fcntl(pair[0], F_SETLEASE, F_WRLCK));
	}
	if (!strcmp(op, "control")) { /* an end that is before the beginning, when it is added up */
		struct cmsghdr h = { .cmsg_len = (size_t)-16, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		struct msghdr msg = { .msg_iov = &local, .msg_iovlen = 1, .msg_control = &h, .msg_controllen = sizeof(h) };

		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
			return errno;
		RET(sendmsg(pair[0], &msg, 0));
	}
	if (!strcmp(op, "int80")) {
		__asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory"); /* getpid of the 32-bit table */
		return r < 0 ? (int)-r : 0;
	}
	if (!strcmp(op, "x32"))
		RET(syscall(0x40000000 | SYS_getpid));
	return -1;
}

int main(int argc, char **argv)
{
	int r;

	if (argc < 2)
		return 254;
	if (!strncmp(argv[1], "race-", 5) && argc == 4)
		return race(argv[1] + 5, argv[2], atoi(argv[3]));
	if (!strcmp(argv[1], "races"))
		return race_names(), 0;
	r = file_op(argv[1], argv + 2);
	if (r < 0)
		r = name_op(argv[1], argv + 2);
	if (r < 0)
		r = net_op(argv[1], argv + 2);
	if (r < 0)
		r = kernel_op(argv[1], argv + 2);
	return r < 0 ? 254 : r;
}
