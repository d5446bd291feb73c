// SPDX-License-Identifier: Apache-2.0
/* Sockets: connecting and sending on a duplicate of the target's socket, with the address and the message that were copied and judged. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "sandbox/net.h"

#define DATA_MAX    (1u << 20) /* bytes of a message; of a stream so much is sent at once */
#define CONTROL_MAX 65536u
#define MESSAGES_MAX 64
#define FDS_MAX 253 /* SCM_MAX_FD */

#define IP_RETOPTS_  7
#define RTHDR        57
#define RTHDR_OLD    5

struct vantio_reply vantio_on_socket(struct vantio_call *c)
{
	const int family = vantio_arg_int(c, 0), type = vantio_arg_int(c, 1) & 0xf, proto = vantio_arg_int(c, 2);
	struct vantio_surface_ask ask = { .hook = VANTIO_HOOK_SOCKET_CREATE, .op = VANTIO_OP_SOCKET, .reason = VANTIO_REASON_FAMILY,
					  .family = (uint16_t)family, .type = (uint16_t)type, .proto = (uint16_t)proto };
	const bool inet = family == AF_INET || family == AF_INET6;

	c->box->call = c;
	if (family == AF_PACKET || family == AF_XDP || (inet && type == SOCK_RAW) || (family == AF_INET && type == SOCK_PACKET)) {
		struct vantio_surface_ask raw = ask;

		raw.op = VANTIO_OP_RAW_SOCKET;
		raw.reason = VANTIO_REASON_SURFACE;
		raw.surface = VANTIO_SURFACE_RAW_SOCKET;
		if (vantio_judge_surface(c->box->judge, &raw) || c->box->broken)
			return vantio_refuse(EPERM);
	} else if (family == AF_UNIX || (inet && ((type == SOCK_STREAM && (!proto || proto == IPPROTO_TCP)) ||
						  (type == SOCK_DGRAM && (!proto || proto == IPPROTO_UDP))))) {
		return vantio_judge_state(c->box->judge) == VANTIO_AGENT_ENROLLED ? vantio_go_on() : vantio_refuse(EACCES);
	}
	return vantio_judge_surface(c->box->judge, &ask) || c->box->broken ? vantio_refuse(EACCES) : vantio_go_on();
}

struct vantio_reply vantio_on_setsockopt(struct vantio_call *c)
{
	return vantio_refused_surface(c, VANTIO_HOOK_SOCKET_SETSOCKOPT, VANTIO_OP_RAW_SOCKET, VANTIO_SURFACE_RAW_SOCKET,
				      (uint32_t)vantio_arg_int(c, 2)) ? vantio_refuse(EPERM) : vantio_go_on();
}

/* ---- connect ---- */

struct connecting {
	int fd, file; /* owned */
	struct sockaddr_storage addr;
	socklen_t len;
};

static struct vantio_reply do_connect(void *job)
{
	struct connecting *j = job;
	struct vantio_reply reply = vantio_result(connect(j->fd, (struct sockaddr *)&j->addr, j->len));

	close(j->fd);
	vantio_close_fd(&j->file);
	return reply;
}

static bool waits(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_NONBLOCK);
}

struct vantio_reply vantio_on_connect(struct vantio_call *c)
{
	cleanup_socket struct vantio_socket s = VANTIO_SOCKET_INIT;
	cleanup_peer struct vantio_peer p = { .spot = VANTIO_SPOT_INIT };
	struct vantio_reply reply;
	struct connecting job;
	int r = vantio_socket_get(c, vantio_arg_int(c, 0), &s);

	if (!r)
		r = vantio_peer_read(c, c->n->data.args[1], (uint32_t)c->n->data.args[2], &p);
	if (r)
		return vantio_refuse(r);
	r = vantio_peer_judge(c, &s, &p, false);
	if (r)
		return vantio_refuse(r);
	if (c->box->lax)
		return vantio_go_on();
	job = (struct connecting){ .addr = p.addr, .len = p.len };
	job.fd = vantio_take_fd(&s.fd);
	job.file = vantio_take_fd(&p.spot.fd);
	/* to a stream it takes as long as the other end does */
	if (s.type == SOCK_DGRAM || !waits(job.fd))
		return do_connect(&job);
	reply = vantio_later(c, do_connect, &job, sizeof(job));
	if (reply.kind != VANTIO_ANSWER_LATER) {
		close(job.fd);
		vantio_close_fd(&job.file);
	}
	return reply;
}

/* ---- messages ---- */

struct message {
	struct vantio_socket s; /* owned, as all pointers */
	struct vantio_peer to;
	int flags;
	uint8_t *data, *control;
	size_t len, control_len;
	int fds[FDS_MAX];
	size_t n_fds;
	pid_t tid, tgid;
};

static void message_clear(struct message *m)
{
	vantio_socket_clear(&m->s);
	vantio_peer_clear(&m->to);
	free(m->data);
	free(m->control);
	while (m->n_fds)
		close(m->fds[--m->n_fds]);
}

static int64_t send_now(struct message *m, int more_flags)
{
	struct iovec iov = { m->data, m->len };
	struct msghdr msg = { .msg_name = m->to.len ? &m->to.addr : NULL, .msg_namelen = m->to.len, .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = m->control_len ? m->control : NULL, .msg_controllen = m->control_len };
	ssize_t n = sendmsg(m->s.fd, &msg, m->flags | more_flags | MSG_NOSIGNAL);
	const int saved = errno;

	if (n >= 0)
		return n;
	if (saved == EPIPE && !(m->flags & MSG_NOSIGNAL) && m->s.type == SOCK_STREAM)
		syscall(SYS_tgkill, m->tgid, m->tid, SIGPIPE);
	return -saved;
}

static struct vantio_reply send_later(void *job)
{
	struct message *m = job;
	int64_t n = send_now(m, 0);

	message_clear(m);
	return n < 0 ? vantio_refuse((int)n) : vantio_say(n);
}

/* Descriptors that are passed on become ours; routes are another surface. 0, or the errno to refuse with. */
static int take_control(struct vantio_call *c, struct message *m)
{
	struct msghdr msg = { .msg_control = m->control, .msg_controllen = m->control_len };
	struct cmsghdr *h;

	for (h = CMSG_FIRSTHDR(&msg); h; h = CMSG_NXTHDR(&msg, h)) {
		int *fds = (int *)CMSG_DATA(h);
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int), i;

		if (h->cmsg_len < CMSG_LEN(0) || h->cmsg_len > (size_t)(m->control + m->control_len - (uint8_t *)h))
			return EINVAL;
		if ((h->cmsg_level == 0 && h->cmsg_type == IP_RETOPTS_) ||
		    (h->cmsg_level == IPPROTO_IPV6 && (h->cmsg_type == RTHDR || h->cmsg_type == RTHDR_OLD))) {
			if (vantio_refused_surface(c, VANTIO_HOOK_SOCKET_SENDMSG, VANTIO_OP_RAW_SOCKET, VANTIO_SURFACE_RAW_SOCKET,
						   (uint32_t)h->cmsg_type))
				return EPERM;
		}
		if (h->cmsg_level != SOL_SOCKET)
			continue;
		if (h->cmsg_type == SCM_CREDENTIALS && h->cmsg_len >= CMSG_LEN(sizeof(struct ucred)))
			((struct ucred *)CMSG_DATA(h))->pid = c->box->self; /* the kernel accepts the sender's own alone */
		for (i = 0; h->cmsg_type == SCM_RIGHTS && i < n; i++) {
			if (m->n_fds == FDS_MAX)
				return EINVAL;
			fds[i] = vantio_target_fd(&c->t, fds[i]);
			if (fds[i] < 0)
				return -fds[i];
			m->fds[m->n_fds++] = fds[i];
		}
	}
	return 0;
}

static int read_data(struct vantio_call *c, struct message *m, const struct iovec *iov, size_t n)
{
	size_t total = 0, i, part;
	int r;

	for (i = 0; i < n; i++)
		total += iov[i].iov_len < DATA_MAX + 1 ? iov[i].iov_len : DATA_MAX + 1;
	if (total > DATA_MAX && m->s.type != SOCK_STREAM)
		return EMSGSIZE;
	m->data = malloc(total < DATA_MAX ? total + 1 : DATA_MAX);
	if (!m->data)
		return ENOMEM;
	for (i = 0; i < n && m->len < DATA_MAX; i++) {
		part = iov[i].iov_len < DATA_MAX - m->len ? iov[i].iov_len : DATA_MAX - m->len;
		r = vantio_target_read(&c->t, (uintptr_t)iov[i].iov_base, m->data + m->len, part);
		if (r)
			return -r;
		m->len += part;
	}
	return 0;
}

/* Everything of one message, copied and judged. 0, or the errno to refuse with. */
static int take_message(struct vantio_call *c, uint64_t at, struct message *m)
{
	cleanup_free struct iovec *iov = NULL;
	struct msghdr h;
	int r = vantio_target_read(&c->t, at, &h, sizeof(h));

	if (r)
		return -r;
	if (h.msg_iovlen > IOV_MAX)
		return EMSGSIZE;
	if (h.msg_controllen > CONTROL_MAX)
		return ENOBUFS;
	if ((int)h.msg_namelen > (int)sizeof(m->to.addr))
		h.msg_namelen = sizeof(m->to.addr);
	iov = calloc(h.msg_iovlen + 1, sizeof(*iov));
	m->control_len = h.msg_control ? h.msg_controllen : 0;
	m->control = malloc(m->control_len + 1);
	if (!iov || !m->control)
		return ENOMEM;
	r = vantio_target_read(&c->t, (uintptr_t)h.msg_iov, iov, h.msg_iovlen * sizeof(*iov));
	if (!r)
		r = vantio_target_read(&c->t, (uintptr_t)h.msg_control, m->control, m->control_len);
	if (!r && h.msg_name && h.msg_namelen)
		r = vantio_peer_read(c, (uintptr_t)h.msg_name, h.msg_namelen, &m->to);
	if (r)
		return -r;
	r = read_data(c, m, iov, h.msg_iovlen);
	return r ? r : take_control(c, m);
}

static int judge_message(struct vantio_call *c, struct message *m)
{
	const bool connected = m->s.family == AF_UNIX && m->s.type == SOCK_STREAM; /* where a name is an error, and leads nowhere */

	if (!m->to.len || connected)
		return vantio_judge_state(c->box->judge) != VANTIO_AGENT_ENROLLED || !vantio_call_valid(c) ? EACCES : 0;
	return vantio_peer_judge(c, &m->s, &m->to, true);
}

/* Whether sending is connecting too, which would only be begun without waiting. */
static bool connects(const struct message *m)
{
	return m->flags & MSG_FASTOPEN && !(m->flags & MSG_DONTWAIT) && waits(m->s.fd);
}

/* A message that was judged. Where the socket waits, another thread does. */
static struct vantio_reply deliver(struct vantio_call *c, struct message *m)
{
	int64_t n = connects(m) ? -EAGAIN : send_now(m, MSG_DONTWAIT);
	struct vantio_reply reply;

	if (n == -EAGAIN && !(m->flags & MSG_DONTWAIT) && waits(m->s.fd)) {
		reply = vantio_later(c, send_later, m, sizeof(*m));
		if (reply.kind == VANTIO_ANSWER_LATER)
			return reply;
		n = -ENOMEM;
	}
	message_clear(m);
	return n < 0 ? vantio_refuse((int)n) : vantio_say(n);
}

static void message_init(struct vantio_call *c, struct message *m, int flags)
{
	memset(m, 0, offsetof(struct message, fds));
	m->s.fd = m->to.spot.fd = m->to.spot.dir = -1;
	m->n_fds = 0;
	m->flags = flags;
	m->tid = c->t.tid;
	m->tgid = vantio_target_group(&c->t);
}

struct vantio_reply vantio_on_sendto(struct vantio_call *c)
{
	struct iovec iov = { (void *)(uintptr_t)c->n->data.args[1], c->n->data.args[2] };
	struct message m;
	int r;

	message_init(c, &m, vantio_arg_int(c, 3));
	r = -vantio_socket_get(c, vantio_arg_int(c, 0), &m.s);
	if (!r)
		r = -vantio_peer_read(c, c->n->data.args[4], (uint32_t)c->n->data.args[5], &m.to);
	if (!r)
		r = read_data(c, &m, &iov, 1);
	if (!r)
		r = judge_message(c, &m);
	if (!r && !c->box->lax)
		return deliver(c, &m);
	message_clear(&m);
	return r ? vantio_refuse(r) : vantio_go_on();
}

struct vantio_reply vantio_on_sendmsg(struct vantio_call *c)
{
	struct message m;
	int r;

	message_init(c, &m, vantio_arg_int(c, 2));
	r = -vantio_socket_get(c, vantio_arg_int(c, 0), &m.s);
	if (!r)
		r = take_message(c, c->n->data.args[1], &m);
	if (!r)
		r = judge_message(c, &m);
	if (!r && !c->box->lax)
		return deliver(c, &m);
	message_clear(&m);
	return r ? vantio_refuse(r) : vantio_go_on();
}

/* The first of many, where its socket waits. */
struct first_of_many {
	struct message m;
	struct vantio_target t;
	int listener;
	uint64_t id, at; /* of the call; where the target wants the length */
};

static struct vantio_reply send_first_later(void *job)
{
	struct first_of_many *f = job;
	int64_t n = send_now(&f->m, 0);
	unsigned int sent = (unsigned int)n;

	message_clear(&f->m);
	if (n < 0)
		return vantio_refuse((int)n);
	if (ioctl(f->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &f->id) || vantio_target_write(&f->t, f->at, &sent, sizeof(sent)))
		return vantio_refuse(EFAULT);
	return vantio_say(1);
}

static struct vantio_reply wait_for_first(struct vantio_call *c, const struct message *m, uint64_t at)
{
	struct first_of_many job = { .m = *m, .t = c->t, .listener = c->box->listener, .id = c->n->id, .at = at };

	return vantio_later(c, send_first_later, &job, sizeof(job));
}

struct vantio_reply vantio_on_sendmmsg(struct vantio_call *c)
{
	const size_t want = (uint32_t)c->n->data.args[2];
	size_t i;

	for (i = 0; i < want && i < MESSAGES_MAX; i++) {
		const uint64_t at = c->n->data.args[1] + i * sizeof(struct mmsghdr);
		struct message m;
		unsigned int sent;
		int64_t n;
		int r;

		message_init(c, &m, vantio_arg_int(c, 3));
		r = -vantio_socket_get(c, vantio_arg_int(c, 0), &m.s);
		if (!r)
			r = take_message(c, at, &m);
		if (!r)
			r = judge_message(c, &m);
		n = r ? -r : c->box->lax ? 0 : !i && connects(&m) ? -EAGAIN : send_now(&m, MSG_DONTWAIT);
		if (n == -EAGAIN && !r && !i && !(m.flags & MSG_DONTWAIT) && waits(m.s.fd)) {
			struct vantio_reply reply = wait_for_first(c, &m, at + offsetof(struct mmsghdr, msg_len));

			if (reply.kind == VANTIO_ANSWER_LATER)
				return reply;
			n = -ENOMEM;
		}
		message_clear(&m);
		sent = (unsigned int)n;
		if (n < 0)
			return i ? vantio_say((int64_t)i) : vantio_refuse((int)n);
		if (!c->box->lax && vantio_target_write(&c->t, at + offsetof(struct mmsghdr, msg_len), &sent, sizeof(sent)))
			return vantio_refuse(EFAULT);
	}
	return c->box->lax ? vantio_go_on() : vantio_say((int64_t)i);
}
