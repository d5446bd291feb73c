/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The headers of a packet that is about to leave, as far as a verdict needs them. Every walk is bounded; what cannot be read is not parsed. */
#ifndef VANTIO_PACKET_H
#define VANTIO_PACKET_H

#include <bpf/bpf_endian.h>

#include "socket.h"

#define IPPROTO_ICMP 1
#define IPPROTO_TCP  6
#define IPPROTO_UDP  17
#define IPPROTO_DCCP 33
#define IPPROTO_SCTP 132
#define IPPROTO_UDPLITE 136

#define EXTENSIONS_MAX 8 /* headers before the transport's; more are not parsed */
#define TAGS_MAX       2 /* VLAN */

#define ETH_P_IP     0x0800
#define ETH_P_IPV6   0x86dd
#define ETH_P_8021Q  0x8100
#define ETH_P_8021AD 0x88a8
#define ETH_HLEN     14

struct vantio_packet {
	struct vantio_destination to; /* known: the headers were read */
	__u8 proto;
	__u8 later;  /* a fragment but the first: it has no ports */
	__u8 routed; /* the sender wrote options or a route into the header */
	__u8 pad[5];
};

/* Not inline: what it keeps on the stack is gone when the verdict is looked for, which needs the 512 bytes. */
#define vantio_apart static __attribute__((noinline, unused))

vantio_inline int vantio_has_ports(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP || proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

/* Protocols that carry packets of their own, whose addresses nobody would judge: IPIP, 6in4, GRE, MPLS, EtherIP, L2TP. */
vantio_inline int vantio_is_tunnel(__u8 proto)
{
	return proto == 4 || proto == 41 || proto == 47 || proto == 97 || proto == 115 || proto == 137;
}

vantio_inline int vantio_load(struct __sk_buff *skb, __u32 from, __u32 at, void *to, __u32 len)
{
	return !bpf_skb_load_bytes_relative(skb, at, to, len, from);
}

vantio_inline void vantio_parse_port(struct __sk_buff *skb, __u32 from, __u32 at, struct vantio_packet *p)
{
	__u16 ports[2];

	if (!p->later && vantio_has_ports(p->proto) && vantio_load(skb, from, at, ports, sizeof(ports)))
		p->to.port = bpf_ntohs(ports[1]);
}

vantio_inline void vantio_parse4(struct __sk_buff *skb, __u32 from, __u32 at, struct vantio_packet *p)
{
	__u8 h[20];

	if (!vantio_load(skb, from, at, h, sizeof(h)) || h[0] >> 4 != 4)
		return;
	p->proto = h[9];
	p->later = (h[6] & 0x1f) | h[7] ? 1 : 0;
	p->routed = (h[0] & 15) > 5;
	__builtin_memcpy(p->to.addr, h + 16, 4);
	p->to.family4 = p->to.known = 1;
	vantio_parse_port(skb, from, at + (h[0] & 15) * 4, p);
}

vantio_inline void vantio_parse6(struct __sk_buff *skb, __u32 from, __u32 at, struct vantio_packet *p)
{
	__u8 h[40], x[8];
	int i;

	if (!vantio_load(skb, from, at, h, sizeof(h)) || h[0] >> 4 != 6)
		return;
	__builtin_memcpy(p->to.addr, h + 24, 16);
	p->proto = h[6];
	at += 40;
	for (i = 0; i < EXTENSIONS_MAX; i++) {
		__u8 next = p->proto;

		if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60 && next != 135 && next != 139 && next != 140)
			break;
		if (p->later || !vantio_load(skb, from, at, x, sizeof(x)))
			break;
		p->proto = x[0];
		if (next == 43 && x[3]) /* a routing header with segments left */
			p->routed = 1;
		if (next == 44)
			p->later = x[2] | (x[3] & 0xf8) ? 1 : 0;
		at += next == 44 ? 8 : next == 51 ? (x[1] + 2) * 4 : (x[1] + 1) * 8;
	}
	if (i == EXTENSIONS_MAX)
		return;
	p->to.known = 1;
	vantio_parse_port(skb, from, at, p);
}

/* A packet of the IP layer, which keeps its header where the kernel says it is, whatever lies before it. */
vantio_apart void vantio_parse(struct __sk_buff *skb, struct vantio_packet *p)
{
	__u8 first;

	if (skb->protocol != bpf_htons(ETH_P_IP) && skb->protocol != bpf_htons(ETH_P_IPV6) && skb->protocol != bpf_htons(ETH_P_8021Q) &&
	    skb->protocol != bpf_htons(ETH_P_8021AD))
		return;
	if (!vantio_load(skb, BPF_HDR_START_NET, 0, &first, 1))
		return;
	if (first >> 4 == 4)
		vantio_parse4(skb, BPF_HDR_START_NET, 0, p);
	else
		vantio_parse6(skb, BPF_HDR_START_NET, 0, p);
}

/* A frame that a packet socket made: nothing but its own bytes says what it is. 1 if it is IP. */
vantio_apart int vantio_parse_frame(struct __sk_buff *skb, struct vantio_packet *p)
{
	__u32 at = ETH_HLEN - 2;
	__u16 type = 0;
	int i;

	for (i = 0; i <= TAGS_MAX; i++) {
		if (!vantio_load(skb, BPF_HDR_START_MAC, at, &type, sizeof(type)))
			return 1; /* and not parsed */
		at += 2;
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		at += 2;
	}
	if (type == bpf_htons(ETH_P_IP))
		vantio_parse4(skb, BPF_HDR_START_MAC, at, p);
	else if (type == bpf_htons(ETH_P_IPV6))
		vantio_parse6(skb, BPF_HDR_START_MAC, at, p);
	else
		return i > TAGS_MAX;
	return 1;
}

#endif
