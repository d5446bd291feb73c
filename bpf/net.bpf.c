// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* [network]: sockets of IPv4, IPv6 and unix; every other family and protocol belongs to the section's default. */
#include "hook.h"
#include "socket.h"

#define AF_UNSPEC 0
#define AF_UNIX   1
#define AF_INET   2
#define AF_INET6  10
#define AF_PACKET 17
#define AF_XDP    44

#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define SOCK_RAW       3
#define SOCK_TYPE_MASK 0xf

#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

#define UNIX_PATH_MAX 108

struct inet_address { /* struct sockaddr_in, struct sockaddr_in6: what they have in common and the rest */
	__u16 family;
	__u16 port; /* network order */
	__u32 v4_or_flow;
	__u8 v6[16];
};

vantio_inline int is_stream(struct socket *sock)
{
	return BPF_CORE_READ(sock, type) == SOCK_STREAM;
}

/* Reads an AF_INET or AF_INET6 address of kernel memory into the question; 0 if it is neither. */
vantio_inline int read_address(struct vantio_ask_net *ask, const void *address, int len, int unspec_is_inet)
{
	struct inet_address a = {};

	if (len < 8 || bpf_probe_read_kernel(&a, 8, address))
		return 0;
	ask->port = bpf_ntohs(a.port);
	if (a.family == AF_INET || (a.family == AF_UNSPEC && unspec_is_inet)) {
		ask->family4 = 1;
		__builtin_memcpy(ask->addr, &a.v4_or_flow, 4);
		return 1;
	}
	if (a.family != AF_INET6 || len < 24 || bpf_probe_read_kernel(&a, 24, address))
		return 0;
	ask->family4 = 0;
	__builtin_memcpy(ask->addr, a.v6, 16);
	return 1;
}

vantio_inline int any4(const __u8 *addr)
{
	return !(addr[0] | addr[1] | addr[2] | addr[3]);
}

vantio_inline int any6(const __u8 *addr)
{
	const __u64 *words = (const void *)addr;

	return !words[0] && !words[1];
}

vantio_inline int mapped(const __u8 *addr) /* IPv4 in IPv6: ::ffff:0:0/96 */
{
	const __u64 *words = (const void *)addr;
	const __u32 *half = (const void *)(addr + 8);

	return !words[0] && half[0] == bpf_htonl(0xffff);
}

/*
 * The unspecified address as a destination is the socket's own address, if it has one, and loopback if not; to a v6 socket whose
 * own is IPv4 in IPv6 it is 127.0.0.1 and not ::1 (tcp_v4_connect, tcp_v6_connect, udpv6_sendmsg).
 */
vantio_inline void resolve_any(struct vantio_ask_net *ask, __u32 own4, int own_is_mapped)
{
	__u8 *addr4 = ask->family4 ? ask->addr : ask->addr + 12;

	if (!ask->family4 && any6(ask->addr)) {
		ask->family4 = own_is_mapped;
		return;
	}
	if (own4 && any4(addr4) && (ask->family4 || mapped(ask->addr)))
		__builtin_memcpy(addr4, &own4, 4);
}

vantio_inline void resolve_any_of(struct vantio_ask_net *ask, struct sock *sk)
{
	__u8 own[16] __attribute__((aligned(8))) = {};

	bpf_core_read(own, sizeof(own), &sk->__sk_common.skc_v6_rcv_saddr);
	resolve_any(ask, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr),
		    BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6 && mapped(own));
}

/*
 * Where somebody connects or sends. What is allowed is written down with the socket, for what the host's address translation makes of
 * it (packet.bpf.c); not the unspecified address, which each message may choose another for (IP_PKTINFO).
 */
vantio_inline int ask_remote(struct vantio_label *label, struct vantio_ask_net *ask, struct socket *sock)
{
	int any = ask->family4 ? any4(ask->addr) : any6(ask->addr) || (mapped(ask->addr) && any4(ask->addr + 12));
	struct vantio_socket *who = vantio_socket_claim(sock->sk, label, 0);

	resolve_any_of(ask, BPF_CORE_READ(sock, sk));
	if (vantio_decide_net(ask, label))
		return 1;
	if (!who || !ask->udp)
		return 0;
	who->asked.known = 0;
	__builtin_memcpy(who->asked.addr, ask->addr, sizeof(who->asked.addr));
	who->asked.port = ask->port;
	who->asked.family4 = ask->family4;
	vantio_destination_normalise(&who->asked);
	who->asked.known = !any;
	return 0;
}

vantio_inline int ask_family(struct vantio_label *label, __u8 hook, __u8 op, int family, int type, int proto)
{
	struct vantio_ask_surface ask = { .hook = hook, .op = op, .reason = VANTIO_REASON_FAMILY };

	ask.family = family;
	ask.type = type;
	ask.proto = proto;
	return vantio_decide_surface(&ask, label);
}

SEC("lsm/socket_create")
int BPF_PROG(vantio_socket_create, int family, int type, int protocol, int kern, int ret)
{
	struct vantio_ask_surface ask = { .hook = VANTIO_HOOK_SOCKET_CREATE, .op = VANTIO_OP_SOCKET,
					  .reason = VANTIO_REASON_FAMILY };

	if (kern)
		return ret;
	VANTIO_GUARD(ret);
	ask.family = family;
	ask.type = type & SOCK_TYPE_MASK;
	ask.proto = protocol;
	if (family == AF_PACKET || family == AF_XDP || ((family == AF_INET || family == AF_INET6) && ask.type == SOCK_RAW)) {
		ask.op = VANTIO_OP_RAW_SOCKET;
		ask.reason = VANTIO_REASON_SURFACE;
		ask.surface = VANTIO_SURFACE_RAW_SOCKET;
		if (vantio_decide_surface(&ask, label))
			return -VANTIO_EPERM;
		ask.op = VANTIO_OP_SOCKET;
		ask.reason = VANTIO_REASON_FAMILY;
	} else if (family == AF_UNIX) {
		return 0; /* judged when it is bound or connected */
	} else if ((family == AF_INET || family == AF_INET6) &&
		   ((ask.type == SOCK_STREAM && (!protocol || protocol == IPPROTO_TCP)) ||
		    (ask.type == SOCK_DGRAM && (!protocol || protocol == IPPROTO_UDP)))) {
		return 0;
	}
	VANTIO_RETURN(vantio_decide_surface(&ask, label), VANTIO_EACCES);
}

SEC("lsm/socket_connect")
int BPF_PROG(vantio_socket_connect, struct socket *sock, const void *address, int len, int ret)
{
	struct vantio_ask_net ask = { .hook = VANTIO_HOOK_SOCKET_CONNECT, .op = VANTIO_OP_CONNECT,
				      .access = VANTIO_ACCESS_CONNECT, .remote = 1 };
	__u16 family = 0;

	VANTIO_GUARD(ret);
	if (len < 2 || bpf_probe_read_kernel(&family, sizeof(family), address))
		return 0; /* the kernel refuses it */
	if (family == AF_UNIX || family == AF_UNSPEC)
		return 0; /* unix_stream_connect and unix_may_send know the socket; AF_UNSPEC disconnects */
	ask.udp = !is_stream(sock);
	if (!read_address(&ask, address, len, 0))
		VANTIO_RETURN(ask_family(label, VANTIO_HOOK_SOCKET_CONNECT, VANTIO_OP_CONNECT, family,
					 BPF_CORE_READ(sock, type), BPF_CORE_READ(sock, sk, sk_protocol)), VANTIO_EACCES);
	VANTIO_RETURN(ask_remote(label, &ask, sock), VANTIO_EACCES);
}

/* Nothing to ask but whether the caller is halted. */
vantio_inline int ask_unless_halted(struct vantio_label *label, struct socket *sock, int family)
{
	struct vantio_ask_surface ask = { .hook = VANTIO_HOOK_SOCKET_SENDMSG, .op = VANTIO_OP_SENDTO, .reason = VANTIO_REASON_UNGOVERNED };

	if (!vantio_halted(label))
		return 0;
	ask.family = family;
	ask.type = BPF_CORE_READ(sock, type);
	ask.proto = BPF_CORE_READ(sock, sk, sk_protocol);
	return vantio_decide_surface(&ask, label);
}

/*
 * Routes that the sender writes into its packets: they go to the first hop of the list, not to the address that was judged.
 */
#define IP_OPTIONS         4
#define IP_RETOPTS         7
#define IPPROTO_IPV6       41
#define IPV6_2292RTHDR     5
#define IPV6_2292PKTOPTIONS 6
#define IPV6_RTHDR         57

#define CMSGS_MAX 4096 /* no more fit into what the kernel takes */

vantio_inline int ask_route(struct vantio_label *label, __u8 hook, __u32 option)
{
	return vantio_ask_surface(label, hook, VANTIO_OP_RAW_SOCKET, VANTIO_SURFACE_RAW_SOCKET, option, 0);
}

SEC("lsm/socket_setsockopt")
int BPF_PROG(vantio_socket_setsockopt, struct socket *sock, int level, int optname, int ret)
{
	if (ret)
		return ret;
	if (!(level == 0 && optname == IP_OPTIONS) &&
	    !(level == IPPROTO_IPV6 && (optname == IPV6_RTHDR || optname == IPV6_2292PKTOPTIONS)))
		return 0;
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_route(label, VANTIO_HOOK_SOCKET_SETSOCKOPT, optname), VANTIO_EPERM);
}

struct cmsgs {
	__u64 at, end;
	__u32 route; /* the option that was found */
	__u32 pad;
};

static long find_route(__u32 i, struct cmsgs *c)
{
	struct cmsghdr h = {};

	if (c->at + sizeof(h) > c->end)
		return 1;
	if (bpf_probe_read_kernel(&h, sizeof(h), (void *)c->at)) {
		c->route = IP_RETOPTS; /* unreadable: taken for the worst */
		return 1;
	}
	if (h.cmsg_len < sizeof(h))
		return 1; /* the kernel refuses it */
	if ((h.cmsg_level == 0 && h.cmsg_type == IP_RETOPTS) ||
	    (h.cmsg_level == IPPROTO_IPV6 && (h.cmsg_type == IPV6_RTHDR || h.cmsg_type == IPV6_2292RTHDR))) {
		c->route = h.cmsg_type;
		return 1;
	}
	c->at += (h.cmsg_len + 7) & ~7ull;
	return 0;
}

/* The option by which a message would be routed, or 0. */
vantio_inline __u32 route_in_message(struct msghdr *msg)
{
	struct cmsgs c = { .at = (__u64)BPF_CORE_READ(msg, msg_control) };

	c.end = c.at + BPF_CORE_READ(msg, msg_controllen);
	if (c.at && c.at != c.end)
		bpf_loop(CMSGS_MAX, find_route, &c, 0);
	return c.route;
}

/* A raw or packet socket that somebody else made: nothing but the surface can say what goes through it. */
vantio_inline int ask_raw(struct vantio_label *label, struct socket *sock, int family)
{
	struct vantio_ask_surface ask = { .hook = VANTIO_HOOK_SOCKET_SENDMSG, .op = VANTIO_OP_RAW_SOCKET, .surface = VANTIO_SURFACE_RAW_SOCKET,
					  .reason = VANTIO_REASON_SURFACE, .flags = VANTIO_ASK_QUIET };

	ask.type = BPF_CORE_READ(sock, type);
	if (family != AF_PACKET && family != AF_XDP && !((family == AF_INET || family == AF_INET6) && ask.type == SOCK_RAW))
		return 0;
	ask.family = family;
	ask.proto = BPF_CORE_READ(sock, sk, sk_protocol);
	return vantio_decide_surface(&ask, label);
}

/* An address in the message is a connect of its own: UDP, and TCP Fast Open, which socket_connect does not see. */
SEC("lsm/socket_sendmsg")
int BPF_PROG(vantio_socket_sendmsg, struct socket *sock, struct msghdr *msg, int size, int ret)
{
	struct vantio_ask_net ask = { .hook = VANTIO_HOOK_SOCKET_SENDMSG, .op = VANTIO_OP_SENDTO,
				      .access = VANTIO_ACCESS_CONNECT, .remote = 1 };
	void *address;
	__u16 family;
	int v4;

	VANTIO_GUARD(ret);
	family = BPF_CORE_READ(sock, sk, __sk_common.skc_family);
	address = BPF_CORE_READ(msg, msg_name);
	if (ask_raw(label, sock, family))
		return -VANTIO_EPERM;
	if (family == AF_INET || family == AF_INET6) {
		__u32 route = route_in_message(msg);

		if (route && ask_route(label, VANTIO_HOOK_SOCKET_SENDMSG, route))
			return -VANTIO_EPERM;
	}
	if (!address || (family != AF_INET && family != AF_INET6)) {
		vantio_socket_claim(sock->sk, label, 0);
		VANTIO_RETURN(ask_unless_halted(label, sock, family), VANTIO_EACCES); /* judged when it was connected */
	}
	v4 = family == AF_INET;
	ask.udp = !is_stream(sock);
	if (!read_address(&ask, address, BPF_CORE_READ(msg, msg_namelen), v4)) {
		bpf_probe_read_kernel(&family, sizeof(family), address);
		if (family == AF_UNSPEC) /* to an IPv6 socket it is no address */
			VANTIO_RETURN(ask_unless_halted(label, sock, AF_INET6), VANTIO_EACCES);
		VANTIO_RETURN(ask_family(label, VANTIO_HOOK_SOCKET_SENDMSG, VANTIO_OP_SENDTO, family, BPF_CORE_READ(sock, type),
					 BPF_CORE_READ(sock, sk, sk_protocol)), VANTIO_EACCES);
	}
	VANTIO_RETURN(ask_remote(label, &ask, sock), VANTIO_EACCES);
}

/* The unspecified IPv6 address of a socket that takes IPv4 too is asked for in both families. */
vantio_inline int ask_local(struct vantio_label *label, struct vantio_ask_net *ask, struct socket *sock)
{
	struct sock *sk = BPF_CORE_READ(sock, sk);

	if (!ask->family4 && any6(ask->addr) && !BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only))
		ask->flags |= VANTIO_ASK_BOTH;
	return vantio_decide_net(ask, label);
}

SEC("lsm/socket_bind")
int BPF_PROG(vantio_socket_bind, struct socket *sock, const void *address, int len, int ret)
{
	struct vantio_ask_net ask = { .hook = VANTIO_HOOK_SOCKET_BIND, .op = VANTIO_OP_BIND, .access = VANTIO_ACCESS_LISTEN };
	struct vantio_ask_abstract name = { .hook = VANTIO_HOOK_SOCKET_BIND, .op = VANTIO_OP_BIND,
					    .access = VANTIO_ACCESS_LISTEN };
	__u16 family = 0;
	char first = 0;

	VANTIO_GUARD(ret);
	if (len < 2 || bpf_probe_read_kernel(&family, sizeof(family), address))
		return 0;
	if (family == AF_UNIX) {
		if (len > 2 && bpf_probe_read_kernel(&first, 1, address + 2))
			return -VANTIO_EACCES;
		if (first)
			return 0; /* a socket file: path_mknod judges its name */
		name.len = len > 3 ? len - 3 : 0;
		name.name = (__u64)address + 3;
		VANTIO_RETURN(vantio_decide_abstract(&name, label), VANTIO_EACCES);
	}
	ask.udp = !is_stream(sock);
	if (!read_address(&ask, address, len, BPF_CORE_READ(sock, sk, __sk_common.skc_family) == AF_INET))
		VANTIO_RETURN(ask_family(label, VANTIO_HOOK_SOCKET_BIND, VANTIO_OP_BIND, family, BPF_CORE_READ(sock, type),
					 BPF_CORE_READ(sock, sk, sk_protocol)), VANTIO_EACCES);
	VANTIO_RETURN(ask_local(label, &ask, sock), VANTIO_EACCES);
}

SEC("lsm/socket_listen")
int BPF_PROG(vantio_socket_listen, struct socket *sock, int backlog, int ret)
{
	struct vantio_ask_net ask = { .hook = VANTIO_HOOK_SOCKET_LISTEN, .op = VANTIO_OP_LISTEN,
				      .access = VANTIO_ACCESS_LISTEN };
	struct sock *sk;
	__u16 family;
	__u32 v4;

	VANTIO_GUARD(ret);
	sk = BPF_CORE_READ(sock, sk);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == AF_UNIX)
		return 0; /* its name was judged when it was bound */
	if (family != AF_INET && family != AF_INET6)
		VANTIO_RETURN(ask_family(label, VANTIO_HOOK_SOCKET_LISTEN, VANTIO_OP_LISTEN, family, BPF_CORE_READ(sock, type),
					 BPF_CORE_READ(sk, sk_protocol)), VANTIO_EACCES);
	ask.port = BPF_CORE_READ(sk, __sk_common.skc_num); /* 0: the kernel will choose one */
	ask.family4 = family == AF_INET;
	if (ask.family4) {
		v4 = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		__builtin_memcpy(ask.addr, &v4, 4);
	} else {
		bpf_core_read(ask.addr, sizeof(ask.addr), &sk->__sk_common.skc_v6_rcv_saddr);
	}
	if (ask_local(label, &ask, sock))
		return -VANTIO_EACCES;
	/* One that is connected stays what it is: the kernel refuses it. */
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == VANTIO_TCP_CLOSE)
		vantio_socket_claim(sock->sk, label, VANTIO_SOCKET_MADE | VANTIO_SOCKET_LISTENED);
	return 0;
}

/* ---- unix sockets: by the socket that is reached, whatever name led there ---- */

vantio_inline int ask_unix(struct vantio_label *label, __u8 hook, __u8 op, struct sock *other)
{
	struct unix_sock *u = (struct unix_sock *)other;
	struct vantio_ask ask = { .hook = hook, .op = op, .domain = VANTIO_DOMAIN_UNIX, .access = VANTIO_ACCESS_CONNECT };
	struct vantio_ask_abstract name = { .hook = hook, .op = op, .access = VANTIO_ACCESS_CONNECT };
	struct unix_address *addr = BPF_CORE_READ(u, addr);
	int len;

	ask.dentry = (__u64)BPF_CORE_READ(u, path.dentry);
	if (ask.dentry) {
		ask.mnt = (__u64)BPF_CORE_READ(u, path.mnt);
		return vantio_decide_path(&ask, label);
	}
	if (!addr) /* unnamed: one end of a socketpair(2) */
		return 0;
	len = BPF_CORE_READ(addr, len);
	name.len = len > 3 && len <= UNIX_PATH_MAX + 2 ? len - 3 : 0;
	name.name = (__u64)addr + bpf_core_field_offset(struct unix_address, name) + 3;
	return vantio_decide_abstract(&name, label);
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(vantio_unix_connect, struct sock *sock, struct sock *other, struct sock *newsk, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_unix(label, VANTIO_HOOK_UNIX_CONNECT, VANTIO_OP_CONNECT, other), VANTIO_EACCES);
}

SEC("lsm/unix_may_send")
int BPF_PROG(vantio_unix_send, struct socket *sock, struct socket *other, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_unix(label, VANTIO_HOOK_UNIX_SEND, VANTIO_OP_SENDTO, BPF_CORE_READ(other, sk)), VANTIO_EACCES);
}

/* ---- behind them, on every enrolled cgroup: what reaches the protocol without the hooks above ---- */

#define CGROUP_LEVELS 16

/* Task storage is not to be had here: the agent is that of the nearest enrolled cgroup above. */
vantio_inline int vantio_label_by_ancestor(struct vantio_label *ret)
{
	struct vantio_agent *agent;
	__u32 *found = 0;
	__u64 id;
	int level;

	for (level = CGROUP_LEVELS; level >= 0 && !found; level--) {
		id = bpf_get_current_ancestor_cgroup_id(level);
		if (id)
			found = bpf_map_lookup_elem(&vantio_cgroups, &id);
	}
	agent = found ? vantio_agent_get(*found) : 0;
	if (!agent || agent->state == VANTIO_AGENT_FREE)
		return 0;
	ret->agent = *found;
	ret->instance = agent->instance;
	ret->trace_id = agent->trace_id;
	ret->cgroup_id = id;
	return 1;
}

vantio_inline int ask_cgroup(__u8 hook, __u8 op, struct bpf_sock_addr *ctx, int family4)
{
	struct vantio_ask_net ask = { .hook = hook, .op = op, .access = VANTIO_ACCESS_CONNECT, .remote = 1,
				      .flags = VANTIO_ASK_QUIET };
	struct vantio_label label = {};
	__u32 word;

	if (!vantio_label_by_ancestor(&label))
		return 1;
	ask.udp = ctx->type != SOCK_STREAM;
	ask.family4 = family4;
	ask.port = bpf_ntohs((__u16)ctx->user_port);
	if (family4) {
		word = ctx->user_ip4;
		__builtin_memcpy(ask.addr, &word, 4);
	} else {
		word = ctx->user_ip6[0];
		__builtin_memcpy(ask.addr, &word, 4);
		word = ctx->user_ip6[1];
		__builtin_memcpy(ask.addr + 4, &word, 4);
		word = ctx->user_ip6[2];
		__builtin_memcpy(ask.addr + 8, &word, 4);
		word = ctx->user_ip6[3];
		__builtin_memcpy(ask.addr + 12, &word, 4);
	}
	return !vantio_decide_net_cgroup(&ask, &label);
}

SEC("cgroup/connect4")
int vantio_cgroup_connect4(struct bpf_sock_addr *ctx)
{
	return ask_cgroup(VANTIO_HOOK_CGROUP_CONNECT4, VANTIO_OP_CONNECT, ctx, 1);
}

SEC("cgroup/connect6")
int vantio_cgroup_connect6(struct bpf_sock_addr *ctx)
{
	return ask_cgroup(VANTIO_HOOK_CGROUP_CONNECT6, VANTIO_OP_CONNECT, ctx, 0);
}

SEC("cgroup/sendmsg4")
int vantio_cgroup_sendmsg4(struct bpf_sock_addr *ctx)
{
	return ask_cgroup(VANTIO_HOOK_CGROUP_SENDMSG4, VANTIO_OP_SENDTO, ctx, 1);
}

SEC("cgroup/sendmsg6")
int vantio_cgroup_sendmsg6(struct bpf_sock_addr *ctx)
{
	return ask_cgroup(VANTIO_HOOK_CGROUP_SENDMSG6, VANTIO_OP_SENDTO, ctx, 0);
}

char vantio_license[] SEC("license") __attribute__((weak)) = "Dual BSD/GPL";
