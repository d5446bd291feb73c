// SPDX-License-Identifier: Apache-2.0
#include "control/request.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

#define SOCKET_PATH "/run/vantio/enforce.sock"
#define ANSWER_MS   60000 /* a rotation waits for disks, and for the records before it */

static const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET_PATH };

/* A descriptor and who sent it. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

int vantio_request_listen(int *ret_fd, struct vantio_error *err)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0)
		return vantio_fail(err, errno, "cannot make a socket: %s", strerror(errno));
	/* The lock says that nobody else listens there: what is left is of a process that was killed. The mode is that of the file. */
	unlink(SOCKET_PATH);
	if (fchmod(fd, 0600) || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return vantio_fail(err, errno, "cannot listen on %s: %s", SOCKET_PATH, strerror(errno));
	*ret_fd = vantio_take_fd(&fd);
	return 0;
}

void vantio_request_unlisten(int *fd)
{
	if (*fd < 0)
		return;
	unlink(SOCKET_PATH);
	close(*fd);
	*fd = -1;
}

/* Closes every descriptor that came but the one that is wanted. */
static void take_control(struct msghdr *m, int *ret_fd, bool *ret_own)
{
	struct cmsghdr *c;
	struct ucred who;
	size_t i, n;
	int fd;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof(who))) {
			memcpy(&who, CMSG_DATA(c), sizeof(who));
			*ret_own = who.uid == geteuid();
		}
		n = c->cmsg_type == SCM_RIGHTS ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(fd) : 0;
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (*ret_fd < 0)
				*ret_fd = fd;
			else
				close(fd);
		}
	}
}

bool vantio_request_take(int fd, struct vantio_request *ret)
{
	union control control;
	struct iovec iov = { ret->text, sizeof(ret->text) - 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	bool own = false;
	ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (n < 0)
		return false;
	ret->text[n] = '\0';
	ret->reply = -1;
	take_control(&m, &ret->reply, &own);
	if (own && ret->reply >= 0 && !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return true;
	vantio_close_fd(&ret->reply);
	return false;
}

void vantio_request_answer(struct vantio_request *q, const char *text)
{
	/* Whoever asked may be gone, or have sent what is no socket: its own affair. */
	(void)!send(q->reply, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	vantio_close_fd(&q->reply);
}

static int send_question(int fd, const char *text, int reply)
{
	union control control = { .bytes = "" };
	struct iovec iov = { (char *)text, strlen(text) };
	struct msghdr m = { .msg_name = (void *)&address, .msg_namelen = sizeof(address), .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &control, .msg_controllen = CMSG_SPACE(sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &reply, sizeof(reply));
	return sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int vantio_request_ask(const char *text, char answer[VANTIO_REQUEST_MAX], struct vantio_error *err)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), mine = -1, theirs = -1;
	struct pollfd p = { .events = POLLIN };
	int pair[2], r;
	ssize_t n;

	if (fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return vantio_fail(err, errno, "cannot make a socket: %s", strerror(errno));
	mine = pair[0];
	theirs = pair[1];
	r = send_question(fd, text, theirs);
	if (r == -EACCES || r == -EPERM)
		return vantio_fail(err, EPERM, "not permitted to speak to 'vantioctl enforce' (%s): run as the user that it runs as", SOCKET_PATH);
	if (r)
		return vantio_fail(err, ENOTCONN, "no 'vantioctl enforce' listens on %s: %s", SOCKET_PATH, strerror(-r));
	vantio_close_fd(&theirs); /* the daemon has the only other one: if it goes away, this one hears of it */
	theirs = -1;
	p.fd = mine;
	do
		r = poll(&p, 1, ANSWER_MS);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return vantio_fail(err, ETIMEDOUT, "'vantioctl enforce' has not answered for %d s; what was asked may still be done", ANSWER_MS / 1000);
	n = recv(mine, answer, VANTIO_REQUEST_MAX - 1, 0);
	if (n <= 0)
		return vantio_fail(err, EPIPE, "'vantioctl enforce' did not answer: it ended, or did not hear this user; look at what it says, "
				   "and try again");
	answer[n] = '\0';
	return 0;
}
