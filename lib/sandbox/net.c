// SPDX-License-Identifier: Apache-2.0
#include "sandbox/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

void vantio_socket_clear(struct vantio_socket *s)
{
	vantio_close_fd(&s->fd);
	s->fd = -1;
}

void vantio_peer_clear(struct vantio_peer *p)
{
	vantio_spot_clear(&p->spot);
}

int vantio_socket_get(struct vantio_call *c, int fd, struct vantio_socket *ret)
{
	socklen_t len = sizeof(int);

	ret->fd = vantio_target_fd(&c->t, fd);
	if (ret->fd < 0)
		return ret->fd;
	if (getsockopt(ret->fd, SOL_SOCKET, SO_DOMAIN, &ret->family, &len) || getsockopt(ret->fd, SOL_SOCKET, SO_TYPE, &ret->type, &len) ||
	    getsockopt(ret->fd, SOL_SOCKET, SO_PROTOCOL, &ret->protocol, &len))
		return -errno;
	return 0;
}

int vantio_peer_read(const struct vantio_call *c, uint64_t at, uint64_t len, struct vantio_peer *ret)
{
	memset(&ret->addr, 0, sizeof(ret->addr));
	if ((int)len < 0 || (int)len > (int)sizeof(ret->addr))
		return -EINVAL;
	ret->len = (socklen_t)len;
	return vantio_target_read(&c->t, at, &ret->addr, ret->len);
}

/* ---- internet ---- */

/* As resolve_any() of bpf/net.bpf.c: the unspecified address as a destination is the socket's own, if it has one. */
static void resolve_any(const struct vantio_socket *s, struct vantio_net_ask *ask)
{
	struct sockaddr_storage own = {};
	const struct sockaddr_in6 *own6 = (const void *)&own;
	socklen_t len = sizeof(own);
	uint8_t *addr4 = ask->family4 ? ask->addr : ask->addr + 12, own4[4] = {};
	static const uint8_t any[16];
	bool mapped;

	if (getsockname(s->fd, (struct sockaddr *)&own, &len))
		return;
	mapped = own.ss_family == AF_INET6 && vantio_is_v4_mapped(own6->sin6_addr.s6_addr);
	if (own.ss_family == AF_INET)
		memcpy(own4, &((const struct sockaddr_in *)&own)->sin_addr, 4);
	else if (mapped)
		memcpy(own4, own6->sin6_addr.s6_addr + 12, 4);
	if (!ask->family4 && !memcmp(ask->addr, any, 16)) {
		ask->family4 = mapped;
		return;
	}
	if (memcmp(own4, any, 4) && !memcmp(addr4, any, 4) && (ask->family4 || vantio_is_v4_mapped(ask->addr)))
		memcpy(addr4, own4, 4);
}

static int judge_family(struct vantio_call *c, const struct vantio_socket *s, enum vantio_hook hook, enum vantio_op op, int family)
{
	struct vantio_surface_ask ask = { .hook = hook, .op = op, .reason = VANTIO_REASON_FAMILY, .family = (uint16_t)family,
					  .type = (uint16_t)s->type, .proto = (uint16_t)s->protocol };

	c->box->call = c;
	return vantio_judge_surface(c->box->judge, &ask) || c->box->broken ? EACCES : 0;
}

/* Whether the address is of IPv4 or IPv6, put into the question. */
static bool put_address(const struct vantio_peer *p, bool unspec_is_inet, struct vantio_net_ask *ask)
{
	const struct sockaddr_in *v4 = (const void *)&p->addr;
	const struct sockaddr_in6 *v6 = (const void *)&p->addr;

	if (p->len < 8)
		return false;
	ask->port = ntohs(v4->sin_port);
	if (p->addr.ss_family == AF_INET || (p->addr.ss_family == AF_UNSPEC && unspec_is_inet)) {
		ask->family4 = true;
		memcpy(ask->addr, &v4->sin_addr, 4);
		return true;
	}
	if (p->addr.ss_family != AF_INET6 || p->len < 24)
		return false;
	memcpy(ask->addr, &v6->sin6_addr, 16);
	return true;
}

static int judge_inet(struct vantio_call *c, const struct vantio_socket *s, const struct vantio_peer *p, bool sends)
{
	struct vantio_net_ask ask = { .hook = sends ? VANTIO_HOOK_SOCKET_SENDMSG : VANTIO_HOOK_SOCKET_CONNECT,
				      .op = sends ? VANTIO_OP_SENDTO : VANTIO_OP_CONNECT, .access = VANTIO_ACCESS_CONNECT,
				      .udp = s->type != SOCK_STREAM, .remote = true };

	if (!put_address(p, sends && s->family == AF_INET, &ask))
		return judge_family(c, s, ask.hook, ask.op, p->addr.ss_family);
	resolve_any(s, &ask);
	c->box->call = c;
	return vantio_judge_net(c->box->judge, &ask) || c->box->broken ? EACCES : 0;
}

/* ---- unix ---- */

static int judge_unix(struct vantio_call *c, const struct vantio_socket *s, struct vantio_peer *p)
{
	const bool stream = s->type != SOCK_DGRAM;
	const enum vantio_hook hook = stream ? VANTIO_HOOK_UNIX_CONNECT : VANTIO_HOOK_UNIX_SEND;
	const enum vantio_op op = stream ? VANTIO_OP_CONNECT : VANTIO_OP_SENDTO;
	struct sockaddr_un *un = (struct sockaddr_un *)&p->addr;
	char path[VANTIO_UNIX_PATH + 1] = "";
	int r;

	if (p->len <= 2 || p->len > sizeof(*un))
		return EINVAL;
	memcpy(path, un->sun_path, p->len - 2 < VANTIO_UNIX_PATH ? p->len - 2 : VANTIO_UNIX_PATH);
	if (!path[0]) {
		memcpy(p->spot.path, path, p->len - 2);
		p->spot.path[0] = '@';
		p->spot.len = p->len - 2;
		return vantio_refused(c, hook, op, VANTIO_DOMAIN_UNIX, VANTIO_ACCESS_CONNECT, &p->spot, NULL, 0) ? EACCES : 0;
	}
	r = vantio_target_object(&c->t, AT_FDCWD, path, true, &p->spot);
	if (r)
		return -r;
	if (!S_ISSOCK(p->spot.st.st_mode))
		return ECONNREFUSED;
	if (vantio_refused(c, hook, op, VANTIO_DOMAIN_UNIX, VANTIO_ACCESS_CONNECT, &p->spot, NULL,
			   vantio_box_controls(c->box, p->spot.path) ? VANTIO_JUDGE_PROTECTED : 0))
		return EACCES;
	p->len = (socklen_t)(2 + snprintf(un->sun_path, sizeof(un->sun_path), "/proc/self/fd/%d", p->spot.fd) + 1);
	return 0;
}

int vantio_peer_judge(struct vantio_call *c, const struct vantio_socket *s, struct vantio_peer *p, bool sends)
{
	if (!vantio_call_valid(c))
		return EINTR;
	if (p->len < 2)
		return EINVAL;
	if (p->addr.ss_family == AF_UNSPEC && !sends)
		return 0; /* takes the peer away */
	if (p->addr.ss_family == AF_UNSPEC && s->family == AF_INET6) {
		p->len = 0; /* no address, and not to be taken for one if the socket becomes one of IPv4 meanwhile (IPV6_ADDRFORM) */
		return 0;
	}
	if (s->family == AF_UNIX)
		return p->addr.ss_family == AF_UNIX ? judge_unix(c, s, p) : EINVAL;
	if (p->addr.ss_family == AF_UNIX)
		return EAFNOSUPPORT;
	return judge_inet(c, s, p, sends);
}

/* ---- bind and listen ---- */

static int judge_local(struct vantio_call *c, const struct vantio_socket *s, const struct vantio_peer *p, enum vantio_hook hook, enum vantio_op op)
{
	struct vantio_net_ask ask = { .hook = hook, .op = op, .access = VANTIO_ACCESS_LISTEN, .udp = s->type != SOCK_STREAM };
	static const uint8_t any[16];
	int only = 0;
	socklen_t len = sizeof(only);

	if (!put_address(p, s->family == AF_INET, &ask))
		return judge_family(c, s, hook, op, p->addr.ss_family);
	if (!ask.family4 && !memcmp(ask.addr, any, 16) && !getsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &len) && !only)
		ask.flags |= VANTIO_JUDGE_BOTH;
	c->box->call = c;
	return vantio_judge_net(c->box->judge, &ask) || c->box->broken ? EACCES : 0;
}

/* Whether the name's folder is for us what it is for the target: /proc/self is not. */
static bool same_folder(const char *path, int folder)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
	const char *last = strrchr(path, '/');
	char dir[VANTIO_UNIX_PATH + 1] = ".";
	cleanup_close int fd = -1;
	struct stat a, b;

	if (last)
		snprintf(dir, sizeof(dir), "%.*s", (int)(last - path) + 1, path);
	fd = (int)syscall(SYS_openat2, AT_FDCWD, dir, &how, sizeof(how));
	return fd >= 0 && !fstat(fd, &a) && !fstat(folder, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Binds from the target's folder, and comes back. */
static struct vantio_reply bind_there(struct vantio_call *c, const struct vantio_socket *s, const struct vantio_peer *p, const char *path,
				      const struct vantio_spot *at, const struct vantio_spot *folder)
{
	cleanup_close int own = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sockaddr_un here = { .sun_family = AF_UNIX };
	struct vantio_reply reply;
	mode_t mask;

	if (own < 0 || (path[0] != '/' && fchdir(folder->fd)))
		return vantio_refuse(errno);
	mask = umask(vantio_target_umask(&c->t));
	if (c->box->plan.changes && same_folder(path, at->dir)) {
		reply = vantio_result(bind(s->fd, (const struct sockaddr *)&p->addr, p->len));
	} else if (strlen(at->name) >= sizeof(here.sun_path) || fchdir(at->dir)) {
		reply = vantio_refuse(ENAMETOOLONG);
	} else { /* in the folder that was judged: what the name leads to may be something else by now, or for us */
		strcpy(here.sun_path, at->name);
		reply = vantio_result(bind(s->fd, (const struct sockaddr *)&here, sizeof(here)));
	}
	umask(mask);
	if (fchdir(own))
		reply = vantio_refuse(errno);
	return reply;
}

/* A socket file: the socket is to bear the name that the target gave it, so it is bound by that very name, from the target's folder. */
static struct vantio_reply bind_file(struct vantio_call *c, const struct vantio_socket *s, const struct vantio_peer *p)
{
	cleanup_spot struct vantio_spot at = VANTIO_SPOT_INIT, folder = VANTIO_SPOT_INIT;
	const struct sockaddr_un *un = (const void *)&p->addr;
	char path[VANTIO_UNIX_PATH + 1] = "";
	int r;

	memcpy(path, un->sun_path, p->len - 2 < VANTIO_UNIX_PATH ? p->len - 2 : VANTIO_UNIX_PATH);
	r = vantio_target_entry(&c->t, AT_FDCWD, path, false, &at);
	if (!r && path[0] != '/')
		r = vantio_target_object(&c->t, AT_FDCWD, ".", true, &folder);
	if (r || at.fd >= 0)
		return vantio_refuse(r ? r : EADDRINUSE);
	if (vantio_refused(c, VANTIO_HOOK_PATH_MKNOD, VANTIO_OP_BIND, VANTIO_DOMAIN_UNIX, VANTIO_ACCESS_LISTEN, &at, NULL, 0))
		return vantio_refuse(EACCES);
	if (c->box->lax)
		return vantio_go_on();
	return bind_there(c, s, p, path, &at, &folder);
}

struct vantio_reply vantio_on_bind(struct vantio_call *c)
{
	cleanup_socket struct vantio_socket s = VANTIO_SOCKET_INIT;
	cleanup_peer struct vantio_peer p = { .spot = VANTIO_SPOT_INIT };
	int r = vantio_socket_get(c, vantio_arg_int(c, 0), &s);

	if (!r)
		r = vantio_peer_read(c, c->n->data.args[1], (uint32_t)c->n->data.args[2], &p);
	if (r)
		return vantio_refuse(r);
	if (!vantio_call_valid(c))
		return vantio_refuse(EINTR);
	if (p.len < 2)
		return vantio_refuse(EINVAL);
	if (s.family == AF_UNIX && p.addr.ss_family == AF_UNIX) {
		if (p.len > 2 && ((const struct sockaddr_un *)&p.addr)->sun_path[0])
			return bind_file(c, &s, &p);
		p.spot.len = p.len > 2 ? p.len - 2 : 1;
		memcpy(p.spot.path, ((const struct sockaddr_un *)&p.addr)->sun_path, p.spot.len);
		p.spot.path[0] = '@';
		r = vantio_refused(c, VANTIO_HOOK_SOCKET_BIND, VANTIO_OP_BIND, VANTIO_DOMAIN_UNIX, VANTIO_ACCESS_LISTEN, &p.spot, NULL, 0) ? EACCES : 0;
	} else {
		r = judge_local(c, &s, &p, VANTIO_HOOK_SOCKET_BIND, VANTIO_OP_BIND);
	}
	if (r)
		return vantio_refuse(r);
	return c->box->lax ? vantio_go_on() : vantio_result(bind(s.fd, (struct sockaddr *)&p.addr, p.len));
}

struct vantio_reply vantio_on_listen(struct vantio_call *c)
{
	cleanup_socket struct vantio_socket s = VANTIO_SOCKET_INIT;
	cleanup_peer struct vantio_peer p = { .spot = VANTIO_SPOT_INIT };
	int r = vantio_socket_get(c, vantio_arg_int(c, 0), &s);

	if (r)
		return vantio_refuse(r);
	p.len = sizeof(p.addr);
	if (!vantio_call_valid(c) || getsockname(s.fd, (struct sockaddr *)&p.addr, &p.len))
		return vantio_refuse(EINTR);
	if (s.family == AF_INET || s.family == AF_INET6)
		r = judge_local(c, &s, &p, VANTIO_HOOK_SOCKET_LISTEN, VANTIO_OP_LISTEN);
	else if (s.family != AF_UNIX) /* whose name was judged when it was bound */
		r = judge_family(c, &s, VANTIO_HOOK_SOCKET_LISTEN, VANTIO_OP_LISTEN, s.family);
	if (r)
		return vantio_refuse(r);
	return c->box->lax ? vantio_go_on() : vantio_result(listen(s.fd, vantio_arg_int(c, 1)));
}
