// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Behind the socket hooks: every packet of a governed socket, on its way out of an enrolled cgroup and out of the interfaces that
 * `enforce` was told of. Whose a packet is, its socket says (socket.h); where that says nothing, its cgroup.
 *
 * What is judged is where the agent sent it: the peer of a TCP socket, and a datagram's address unless the host put
 * another one there (address translation, tunnels), which only its administrator can.
 */
#include "hook.h"
#include "packet.h"
#include "ruling.h"

#define SOCK_STREAM 1
#define SOCK_DGRAM  2
#define SOCK_RAW    3

#define TCP_SYN_SENT 2

#define TC_ACT_UNSPEC (-1) /* go on with the next filter */
#define TC_ACT_SHOT   2

/* The interfaces that bear vantio_tc_egress, for user space: see lib/engine/egress.c. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} vantio_egress SEC(".maps");

#define REFUSED 0
#define ALLOWED 1
#define HALTED  2

/*
 * A connection that a policy admitted stays so until another policy is pushed: its host names may stand for other addresses meanwhile.
 * This is also what spares an established connection the search.
 */
#define STICKY   0x1u
#define REMEMBER 0x2u

/* A question about one packet. */
struct vantio_ask_packet {
	struct vantio_ask_net net;
	__u32 proto;
	__u32 why;    /* refused for this enum vantio_reason, whatever the address; 0: for its address */
	__u32 sticky; /* STICKY, REMEMBER */
	__u32 pad;
};

vantio_inline int same(const struct vantio_destination *a, const struct vantio_destination *b)
{
	const __u64 *x = (const void *)a->addr, *y = (const void *)b->addr;

	return a->known && b->known && a->family4 == b->family4 && a->port == b->port && x[0] == y[0] && x[1] == y[1];
}

vantio_inline int same_address(const struct vantio_destination *a, const struct vantio_destination *b)
{
	const __u64 *x = (const void *)a->addr, *y = (const void *)b->addr;

	return a->known && b->known && a->family4 == b->family4 && x[0] == y[0] && x[1] == y[1];
}

vantio_inline void ask_for(struct vantio_ask_packet *ask, const struct vantio_destination *to)
{
	__builtin_memcpy(ask->net.addr, to->addr, sizeof(ask->net.addr));
	ask->net.family4 = to->family4;
	ask->net.port = to->port;
}

vantio_inline void asked_for(struct vantio_destination *to, const struct vantio_ask_packet *ask)
{
	__builtin_memcpy(to->addr, ask->net.addr, sizeof(to->addr));
	to->family4 = ask->net.family4;
	to->port = ask->net.port;
	to->known = 1;
	to->pad = 0;
}

/* What the image in force for the socket's agent says of everything. */
vantio_inline int image_of(const struct vantio_socket *who, struct vantio_answer *a)
{
	struct vantio_agent *agent = vantio_agent_get(who->label.agent);

	if (!agent)
		return 0;
	vantio_scan_nothing(agent->slot, VANTIO_DOMAIN_NET, a);
	return !a->bad;
}

vantio_apart int is_admitted(const struct vantio_socket *who)
{
	struct vantio_answer a = {};

	return who->admitted && image_of(who, &a) && a.policy == who->admitted;
}

__attribute__((noinline)) int vantio_packet_allowed(struct vantio_ask_packet *ask, struct vantio_socket *who)
{
	struct vantio_destination to = {};
	struct vantio_scratch *s;
	__u32 decision = VANTIO_BLOCK;
	int i;

	if (!ask || !who)
		return REFUSED;
	if (vantio_halted(&who->label))
		return HALTED;
	asked_for(&to, ask);
	if (ask->sticky & STICKY && same(&who->passed, &to) && is_admitted(who))
		return ALLOWED;
	s = vantio_begin(&who->label, ask->net.hook, ask->net.op, ask->net.access, VANTIO_OBJECT_NET);
	if (!s)
		return REFUSED;
	for (i = 0; i < VANTIO_ATTEMPTS; i++)
		if (vantio_rule_net(&ask->net, s, s->event.slot)) {
			decision = s->ruling.decision;
			break;
		}
	if (decision == VANTIO_PERMIT && ask->sticky & REMEMBER) {
		who->admitted = 0;
		who->passed = to;
		who->admitted = s->from.policy;
	}
	vantio_scratch_give(s);
	return decision == VANTIO_PERMIT ? ALLOWED : REFUSED;
}

vantio_inline void fill_event(struct vantio_event *e, const struct vantio_ask_packet *ask, const struct vantio_socket *who)
{
	e->pid = who->pid;
	e->tid = who->tid;
	e->ppid = who->ppid;
	e->uid = who->uid;
	e->gid = who->gid;
	e->cgroup_id = who->label.cgroup_id;
	__builtin_memcpy(e->comm, who->comm, sizeof(e->comm));
	e->surface = VANTIO_SURFACE_RAW_SOCKET;
	e->sock_type = ask->net.udp ? SOCK_DGRAM : SOCK_STREAM;
	e->sock_proto = ask->proto;
	e->family = ask->net.family4 ? VANTIO_AF_INET : VANTIO_AF_INET6;
	e->port = ask->net.port;
	__builtin_memcpy(e->addr, ask->net.addr, sizeof(e->addr));
}

/* Drops the packet, with a record. 0 if it passes after all: audit mode, or a policy that came meanwhile. */
__attribute__((noinline)) int vantio_packet_refuse(struct vantio_ask_packet *ask, struct vantio_socket *who)
{
	struct vantio_scratch *s;
	int i, refuse;

	if (!ask || !who)
		return 1;
	s = vantio_begin(&who->label, ask->net.hook, ask->net.op, ask->net.access, VANTIO_OBJECT_NET);
	if (!s)
		return vantio_refuse_unrecorded(who->label.agent);
	for (i = 0; i < VANTIO_ATTEMPTS; i++) {
		if (vantio_rule_net(&ask->net, s, s->event.slot))
			break;
		vantio_rule(&s->ruling, VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
	}
	if (ask->why)
		vantio_rule(&s->ruling, VANTIO_BLOCK, ask->why);
	s->path.off = VANTIO_PATH_MAX; /* the event has the address in its own members */
	fill_event(&s->event, ask, who);
	refuse = vantio_finish_packet(s, &who->label, VANTIO_ASK_QUIET);
	vantio_scratch_give(s);
	return refuse;
}

/* ---- whose it is ---- */

/* The agent of the nearest enrolled cgroup above the socket's own, which is the one that its maker was in. */
vantio_apart int label_by_cgroup(struct __sk_buff *skb, struct vantio_label *ret)
{
	struct vantio_agent *agent;
	__u32 *found, index = 0;
	__u64 id;
	int level;

	for (level = 1; level < VANTIO_CGROUP_DEPTH; level++) {
		id = bpf_skb_ancestor_cgroup_id(skb, level);
		if (!id)
			break;
		found = bpf_map_lookup_elem(&vantio_cgroups, &id);
		if (found) {
			index = *found;
			ret->cgroup_id = id;
		}
	}
	agent = index ? vantio_agent_get(index) : 0;
	if (!agent || agent->state == VANTIO_AGENT_FREE)
		return 0;
	ret->agent = index;
	ret->instance = agent->instance;
	ret->trace_id = agent->trace_id;
	return 1;
}

/* ICMP errors, resets and neighbour discovery: sockets of the kernel's own, in the cgroup of whoever made the network namespace. */
vantio_apart int is_kernels_own(struct bpf_sock *sk)
{
	struct bpf_sock *copy = sk;
	__u64 address = 0;

	if (sk->type != SOCK_RAW || bpf_probe_read_kernel(&address, sizeof(address), &copy))
		return 0;
	return BPF_CORE_READ_BITFIELD_PROBED((struct sock *)address, sk_kern_sock);
}

/* NULL: nobody's. *failed: it is somebody's, but that could not be written down. */
vantio_inline struct vantio_socket *whose(struct __sk_buff *skb, struct bpf_sock *sk, int *failed)
{
	struct vantio_socket *who = bpf_sk_storage_get(&vantio_sockets, sk, 0, 0);
	struct vantio_label label = {};

	if (who && vantio_label_valid(&who->label))
		return who;
	if (!label_by_cgroup(skb, &label) || is_kernels_own(sk))
		return 0;
	who = bpf_sk_storage_get(&vantio_sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (who)
		who->label = label;
	else
		*failed = 1;
	return who;
}

/* Members of a bpf_sock can be loaded one by one and not by their address, which the compiler would like to choose from. */
#define VANTIO_LOAD(member) (*(volatile typeof(member) *)&(member))

vantio_inline void peer_of(struct bpf_sock *sk, struct vantio_destination *ret)
{
	__u32 *words = (__u32 *)ret->addr;

	ret->port = bpf_ntohs(sk->dst_port);
	ret->known = ret->port != 0;
	ret->family4 = sk->family == VANTIO_AF_INET;
	if (ret->family4) {
		words[0] = VANTIO_LOAD(sk->dst_ip4);
		return;
	}
	words[0] = VANTIO_LOAD(sk->dst_ip6[0]);
	words[1] = VANTIO_LOAD(sk->dst_ip6[1]);
	words[2] = VANTIO_LOAD(sk->dst_ip6[2]);
	words[3] = VANTIO_LOAD(sk->dst_ip6[3]);
	vantio_destination_normalise(ret);
}

/* ---- TCP ---- */

/*
 * Whether somebody listens where this socket is: then it was accepted, if it was not made by a governed task. A listener that an agent made
 * proves nothing: what that accepts is known for its own.
 */
vantio_apart int has_listener(struct __sk_buff *skb, struct bpf_sock *sk, int family4)
{
	struct bpf_sock_tuple t = {};
	struct vantio_socket *who;
	struct bpf_sock *found;
	int listens;

	if (family4) {
		t.ipv4.daddr = VANTIO_LOAD(sk->src_ip4);
		if (sk->family != VANTIO_AF_INET)
			t.ipv4.daddr = VANTIO_LOAD(sk->src_ip6[3]);
		t.ipv4.dport = bpf_htons(sk->src_port);
	} else {
		t.ipv6.daddr[0] = VANTIO_LOAD(sk->src_ip6[0]);
		t.ipv6.daddr[1] = VANTIO_LOAD(sk->src_ip6[1]);
		t.ipv6.daddr[2] = VANTIO_LOAD(sk->src_ip6[2]);
		t.ipv6.daddr[3] = VANTIO_LOAD(sk->src_ip6[3]);
		t.ipv6.dport = bpf_htons(sk->src_port);
	}
	found = family4 ? bpf_sk_lookup_tcp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0) :
			  bpf_sk_lookup_tcp(skb, &t, sizeof(t.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (!found)
		return 0;
	who = bpf_sk_storage_get(&vantio_sockets, found, 0, 0);
	listens = found->state == VANTIO_TCP_LISTEN && !(who && who->flags & VANTIO_SOCKET_MADE);
	bpf_sk_release(found);
	return listens;
}

/* A connection is judged when it is opened and ever after; an answer to a peer that connected is no connect. */
vantio_inline int judge_tcp(struct __sk_buff *skb, struct bpf_sock *sk, struct vantio_socket *who, const struct vantio_packet *p,
			    struct vantio_ask_packet *ask)
{
	int opening = sk->state == TCP_SYN_SENT, verdict;
	struct vantio_destination peer = {};

	peer_of(sk, &peer);
	ask_for(ask, &peer);
	ask->sticky = opening ? REMEMBER : STICKY | REMEMBER;
	if (opening)
		who->flags &= ~VANTIO_SOCKET_LISTENED;
	if (who->flags & VANTIO_SOCKET_LISTENED || sk->state == VANTIO_TCP_LISTEN)
		return vantio_halted(&who->label) ? vantio_packet_refuse(ask, who) : 0;
	if (p->routed) {
		ask->why = VANTIO_REASON_SURFACE;
		return vantio_packet_refuse(ask, who);
	}
	verdict = vantio_packet_allowed(ask, who);
	if (verdict == ALLOWED)
		return 0;
	if (verdict == REFUSED && !opening && !(who->flags & VANTIO_SOCKET_MADE) && has_listener(skb, sk, peer.family4))
		return 0;
	return vantio_packet_refuse(ask, who);
}

/* ---- UDP ---- */

/*
 * A packet that does not bear the address it was sent to: translated, inside a tunnel of the host's, or a fragment without ports.
 * The socket knows what was asked for.
 */
vantio_inline int judge_changed(struct vantio_socket *who, const struct vantio_destination *peer, const struct vantio_packet *p, int own,
				struct vantio_ask_packet *ask)
{
	int by_address = own && p->later;

	if (by_address && same_address(&who->passed, &p->to))
		return 0;
	if (!own && who->passed.known)
		return 0; /* the packet that is inside was judged */
	if (peer->known && (!by_address || same_address(peer, &p->to))) {
		ask_for(ask, peer);
		if (vantio_packet_allowed(ask, who) == ALLOWED)
			return 0;
	}
	if (who->asked.known && (!by_address || same_address(&who->asked, &p->to))) {
		ask_for(ask, &who->asked);
		if (vantio_packet_allowed(ask, who) == ALLOWED)
			return 0;
	}
	return 1;
}

vantio_inline int judge_udp(struct bpf_sock *sk, struct vantio_socket *who, const struct vantio_packet *p, struct vantio_ask_packet *ask)
{
	int own = p->to.known && p->proto == IPPROTO_UDP, to_peer, verdict;
	struct vantio_destination peer = {};

	peer_of(sk, &peer);
	to_peer = own && !p->later && same(&peer, &p->to);
	if (vantio_halted(&who->label)) {
		ask_for(ask, p->to.known ? &p->to : &peer);
		return vantio_packet_refuse(ask, who);
	}
	if (p->routed) {
		ask_for(ask, &p->to);
		ask->why = VANTIO_REASON_SURFACE;
		return vantio_packet_refuse(ask, who);
	}
	if (own && !p->later) {
		ask_for(ask, &p->to);
		ask->sticky = to_peer ? STICKY | REMEMBER : 0;
		verdict = vantio_packet_allowed(ask, who);
		ask->sticky = 0;
		if (verdict == ALLOWED && to_peer)
			return 0;
		if (verdict == ALLOWED || (!to_peer && !judge_changed(who, &peer, p, own, ask))) {
			who->admitted = 0;
			who->passed = p->to;
			return 0;
		}
	} else if (!judge_changed(who, &peer, p, own, ask)) {
		return 0;
	}
	ask_for(ask, p->to.known ? &p->to : &peer);
	return vantio_packet_refuse(ask, who);
}

/* ---- what a socket of another kind, or the agent itself, has put together ---- */

#define RAW_DENIED    0x1u
#define OTHERS_DENIED 0x2u
#define NO_POLICY     0x4u

vantio_apart int denied_in_general(const struct vantio_socket *who)
{
	struct vantio_answer a = {};

	if (!image_of(who, &a))
		return NO_POLICY;
	return (a.kernel_deny >> VANTIO_SURFACE_RAW_SOCKET & 1 ? RAW_DENIED : 0) | (a.default_allow ? 0 : OTHERS_DENIED);
}

vantio_inline int judge_other(struct bpf_sock *sk, struct vantio_socket *who, const struct vantio_packet *p, int is_ip,
			      struct vantio_ask_packet *ask)
{
	int raw = sk->type == SOCK_RAW || sk->family == VANTIO_AF_PACKET || sk->family == VANTIO_AF_XDP;
	int denied = denied_in_general(who);

	ask_for(ask, &p->to);
	ask->proto = p->proto;
	ask->net.udp = p->proto != IPPROTO_TCP && sk->type != SOCK_STREAM;
	if (denied & NO_POLICY || vantio_halted(&who->label))
		return vantio_packet_refuse(ask, who);
	if (!raw && p->to.known && p->proto != sk->protocol)
		return 0; /* a tunnel of the host's: the packet that is inside was judged */
	if (raw && ((denied & RAW_DENIED) || p->routed || vantio_is_tunnel(p->proto)))
		ask->why = VANTIO_REASON_SURFACE;
	else if (denied & OTHERS_DENIED)
		ask->why = VANTIO_REASON_FAMILY;
	else if (is_ip && (!p->to.known || (p->later && vantio_has_ports(p->proto))))
		ask->why = VANTIO_REASON_LOOKUP; /* it does not say where to */
	else if (!is_ip || vantio_packet_allowed(ask, who) == ALLOWED)
		return 0;
	return vantio_packet_refuse(ask, who);
}

vantio_inline int judge(struct __sk_buff *skb, __u8 hook)
{
	struct vantio_ask_packet ask = { .net = { .hook = hook, .op = VANTIO_OP_SENDTO, .access = VANTIO_ACCESS_CONNECT, .remote = 1 } };
	struct bpf_sock *sk = skb->sk;
	struct vantio_packet p = {};
	struct vantio_socket *who;
	int failed = 0, is_ip = 1;

	if (!sk)
		return 0; /* forwarded, or the kernel's own */
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0; /* an answer to a SYN */
	who = whose(skb, sk, &failed);
	if (!who)
		return failed ? vantio_refuse_unrecorded(0) : 0;
	if (sk->family == VANTIO_AF_PACKET || sk->family == VANTIO_AF_XDP)
		is_ip = vantio_parse_frame(skb, &p);
	else
		vantio_parse(skb, &p);
	ask.proto = sk->protocol;
	ask.net.udp = sk->protocol != IPPROTO_TCP;
	if (sk->type == SOCK_STREAM && sk->protocol == IPPROTO_TCP)
		return judge_tcp(skb, sk, who, &p, &ask);
	if (sk->type == SOCK_DGRAM && sk->protocol == IPPROTO_UDP)
		return judge_udp(sk, who, &p, &ask);
	return judge_other(sk, who, &p, is_ip, &ask);
}

SEC("cgroup_skb/egress")
int vantio_cgroup_skb(struct __sk_buff *skb)
{
	return !judge(skb, VANTIO_HOOK_CGROUP_SKB);
}

SEC("tc")
int vantio_tc_egress(struct __sk_buff *skb)
{
	return judge(skb, VANTIO_HOOK_TC_EGRESS) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char vantio_license[] SEC("license") __attribute__((weak)) = "Dual BSD/GPL";
