// SPDX-License-Identifier: Apache-2.0
#include "act_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define RET(call) return (call) < 0 ? errno : 0
#define UNUSED (void)q, (void)text

/* ---- sockets ---- */

bool act_address(const char *target, union act_address *ret, socklen_t *ret_len, int *ret_type)
{
	char host[256];
	const char *at = target, *port;
	size_t len;

	memset(ret, 0, sizeof(*ret));
	*ret_type = SOCK_STREAM;
	if (!strncmp(at, "unix:", 5)) {
		at += 5;
		len = strlen(at);
		if (len >= sizeof(ret->un.sun_path))
			return false;
		ret->un.sun_family = AF_UNIX;
		memcpy(ret->un.sun_path, at, len);
		*ret_len = (socklen_t)(2 + len + (at[0] == '/'));
		if (at[0] == '@')
			ret->un.sun_path[0] = '\0';
		return at[0] == '@' || at[0] == '/';
	}
	if (!strncmp(at, "udp:", 4))
		*ret_type = SOCK_DGRAM;
	if (!strncmp(at, "udp:", 4) || !strncmp(at, "tcp:", 4))
		at += 4;
	port = strrchr(at, ':');
	if (!port || (size_t)(port - at) >= sizeof(host))
		return false;
	len = (size_t)(port - at);
	memcpy(host, at, len);
	host[len] = '\0';
	if (host[0] == '[' && len > 2) {
		host[len - 1] = '\0';
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons((uint16_t)atoi(port + 1));
		*ret_len = sizeof(ret->v6);
		return inet_pton(AF_INET6, host + 1, &ret->v6.sin6_addr) == 1;
	}
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = htons((uint16_t)atoi(port + 1));
	*ret_len = sizeof(ret->v4);
	return inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1;
}

struct to {
	union act_address addr;
	socklen_t len;
	int type, fd;
};

/* A socket, and the address. Below 0 with errno. */
static int prepare(const char *target, struct to *ret)
{
	errno = EINVAL;
	if (!act_address(target, &ret->addr, &ret->len, &ret->type))
		return -1;
	return ret->fd = socket(ret->addr.any.sa_family, ret->type | SOCK_CLOEXEC, 0);
}

int act_connect(const struct act_request *q, char *text)
{
	struct to to;

	UNUSED;
	if (prepare(q->arg[0], &to) < 0 || connect(to.fd, &to.addr.any, to.len))
		return errno;
	RET(to.type == SOCK_DGRAM ? send(to.fd, "x", 1, 0) : 0); /* connecting alone would not be seen at the other end */
}

int act_connect_send(const struct act_request *q, char *text)
{
	struct to to;

	UNUSED;
	if (prepare(q->arg[0], &to) < 0 || connect(to.fd, &to.addr.any, to.len))
		return errno;
	RET(send(to.fd, "x", 1, 0));
}

static int send_to(const char *target, int flags)
{
	struct to to;

	RET(prepare(target, &to) < 0 ? -1 : sendto(to.fd, "x", 1, flags, &to.addr.any, to.len));
}

int act_sendto(const struct act_request *q, char *text) { UNUSED; return send_to(q->arg[0], 0); }
int act_fastopen(const struct act_request *q, char *text) { UNUSED; return send_to(q->arg[0], MSG_FASTOPEN); }

static int send_message(const char *target, bool many)
{
	struct iovec iov = { "x", 1 };
	struct mmsghdr m = {};
	struct to to;

	if (prepare(target, &to) < 0)
		return errno;
	m.msg_hdr = (struct msghdr){ .msg_name = &to.addr, .msg_namelen = to.len, .msg_iov = &iov, .msg_iovlen = 1 };
	RET(many ? sendmmsg(to.fd, &m, 1, 0) : sendmsg(to.fd, &m.msg_hdr, 0));
}

int act_sendmsg(const struct act_request *q, char *text) { UNUSED; return send_message(q->arg[0], false); }
int act_sendmmsg(const struct act_request *q, char *text) { UNUSED; return send_message(q->arg[0], true); }

int act_connect_then_sendto(const struct act_request *q, char *text)
{
	struct to first, then;

	UNUSED;
	if (prepare(q->arg[0], &first) < 0 || prepare(q->arg[1], &then) < 0)
		return errno;
	if (connect(first.fd, &first.addr.any, first.len))
		return ENOTSUP;
	RET(sendto(first.fd, "x", 1, 0, &then.addr.any, then.len));
}

static int bind_to(const char *target, bool v6only, bool listens)
{
	int one = 1, zero = 0;
	struct to to;

	if (prepare(target, &to) < 0)
		return errno;
	if (to.addr.any.sa_family != AF_UNIX)
		setsockopt(to.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (to.addr.any.sa_family == AF_INET6)
		setsockopt(to.fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only ? &one : &zero, sizeof(one));
	if (bind(to.fd, &to.addr.any, to.len))
		return errno;
	RET(listens ? listen(to.fd, 1) : 0);
}

int act_bind(const struct act_request *q, char *text) { UNUSED; return bind_to(q->arg[0], false, false); }
int act_bind_v6only(const struct act_request *q, char *text) { UNUSED; return bind_to(q->arg[0], true, false); }
int act_listen(const struct act_request *q, char *text) { UNUSED; return bind_to(q->arg[0], false, true); }

/* ---- surfaces of the kernel ---- */

int act_mount(const struct act_request *q, char *text) { UNUSED; RET(mount("none", "/mnt", "tmpfs", 0, NULL) ? -1 : umount2("/mnt", MNT_DETACH)); }
int act_chroot(const struct act_request *q, char *text) { UNUSED; RET(chroot("/")); }

int act_ptrace(const struct act_request *q, char *text)
{
	UNUSED;
	RET(ptrace(PTRACE_SEIZE, q->victim, NULL, NULL));
}

int act_read_memory(const struct act_request *q, char *text)
{
	static char here[1], *there = here; /* the player is a copy of the victim's program or none: the address need not be one */
	struct iovec local = { text, 1 }, remote = { there, 1 };
	ssize_t n = process_vm_readv(q->victim, &local, 1, &remote, 1, 0);

	text[0] = '\0';
	return n >= 0 || errno == EFAULT ? 0 : errno;
}

int act_kill(const struct act_request *q, char *text) { UNUSED; RET(kill(q->victim, SIGKILL)); }

int act_kill_pidfd(const struct act_request *q, char *text)
{
	int fd = (int)syscall(SYS_pidfd_open, q->victim, 0);

	UNUSED;
	RET(fd < 0 ? -1 : syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
}

int act_set_limits(const struct act_request *q, char *text)
{
	const struct rlimit most = { 3600, 3600 };

	UNUSED;
	RET(prlimit(q->victim, RLIMIT_CPU, &most, NULL));
}

int act_bpf(const struct act_request *q, char *text)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	UNUSED;
	RET(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

/* There is none of that name: ENOENT is what somebody hears who may. */
int act_module(const struct act_request *q, char *text)
{
	UNUSED;
	return !syscall(SYS_delete_module, "vantio_no_such", O_NONBLOCK) || errno == ENOENT ? 0 : errno;
}

int act_userns(const struct act_request *q, char *text) { UNUSED; RET(unshare(CLONE_NEWUSER)); }

int act_userns_clone(const struct act_request *q, char *text)
{
	long child;

	UNUSED;
#ifdef __s390x__
	child = syscall(SYS_clone, 0, CLONE_NEWUSER | SIGCHLD, 0, 0, 0);
#else
	child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
#endif
	if (!child)
		_exit(0);
	if (child < 0)
		return errno;
	waitpid((pid_t)child, NULL, 0);
	return 0;
}

int act_socket_netlink(const struct act_request *q, char *text) { UNUSED; RET(socket(AF_NETLINK, SOCK_RAW, 0)); }
int act_socket_mptcp(const struct act_request *q, char *text) { UNUSED; RET(socket(AF_INET, SOCK_STREAM, 262)); }
int act_socket_vsock(const struct act_request *q, char *text) { UNUSED; RET(socket(AF_VSOCK, SOCK_STREAM, 0)); }
int act_raw_socket(const struct act_request *q, char *text) { UNUSED; RET(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }
int act_packet_socket(const struct act_request *q, char *text) { UNUSED; RET(socket(AF_PACKET, SOCK_RAW, 0)); }

int act_io_uring(const struct act_request *q, char *text)
{
	char params[120] = {};

	UNUSED;
	RET(syscall(SYS_io_uring_setup, 1, params));
}

int act_perf(const struct act_request *q, char *text)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_TASK_CLOCK, .exclude_kernel = 1 };

	UNUSED;
	RET(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

int act_keyring(const struct act_request *q, char *text) { UNUSED; RET(syscall(SYS_keyctl, 0 /* get id */, -2 /* process */, 1)); }
int act_keyring_add(const struct act_request *q, char *text) { UNUSED; RET(syscall(SYS_add_key, "user", "vantio-table", "x", 1, -2)); }
