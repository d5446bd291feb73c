/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose a socket is, for packet.bpf.c: packets leave when no task is about. The socket hooks write it down for the sockets that governed
 * tasks make, are handed or send through; it goes with the socket, wherever its makers go, and to the connections that it accepts.
 */
#ifndef VANTIO_SOCKET_H
#define VANTIO_SOCKET_H

#include "label.h"

#include <bpf/bpf_endian.h>

#define VANTIO_SOCKET_MADE     0x1u /* by a governed task, which knows since then whom it talks to; or it listens at the behest of one */
#define VANTIO_SOCKET_LISTENED 0x2u /* listens, or was accepted by one that does */

struct vantio_destination {
	__u8 addr[16] __attribute__((aligned(8)));
	__u16 port; /* host order */
	__u8 known, family4;
	__u32 pad;
};

struct vantio_socket {
	struct vantio_label label;
	__u32 flags; /* VANTIO_SOCKET_* */
	__u32 pid, tid, ppid, uid, gid; /* of who used it last; 0 where only its cgroup is known */
	char comm[16];
	struct vantio_destination asked;  /* UDP: what the hooks allowed last, as it was asked for */
	struct vantio_destination passed; /* where a packet was allowed to last */
	__u64 admitted; /* by which policy, in the first bytes of its hash; 0: a datagram, or nothing yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct vantio_socket);
} vantio_sockets VANTIO_MAP;

#define VANTIO_TCP_CLOSE  7
#define VANTIO_TCP_LISTEN 10

#define VANTIO_AF_INET   2
#define VANTIO_AF_INET6  10
#define VANTIO_AF_PACKET 17
#define VANTIO_AF_XDP    44

/* IPv4 in IPv6 is IPv4, as it is in a packet. */
vantio_inline void vantio_destination_normalise(struct vantio_destination *d)
{
	__u64 *words = (__u64 *)d->addr;
	__u32 *halves = (__u32 *)d->addr;

	if (d->family4 || words[0] || halves[2] != bpf_htonl(0xffff))
		return;
	d->family4 = 1;
	halves[0] = halves[3];
	halves[2] = halves[3] = 0;
}

/* Whether what is sent through a socket of this family leaves as packets. */
vantio_inline int vantio_family_has_packets(int family)
{
	return family == VANTIO_AF_INET || family == VANTIO_AF_INET6 || family == VANTIO_AF_PACKET || family == VANTIO_AF_XDP;
}

/* The caller, whose label this is, uses the socket. NULL if that could not be written down, or is of no interest. */
vantio_inline struct vantio_socket *vantio_socket_claim(struct sock *sk, const struct vantio_label *label, __u32 flags)
{
	__u64 id = bpf_get_current_pid_tgid(), ugid;
	struct vantio_socket *who;

	if (!sk || !vantio_family_has_packets(sk->__sk_common.skc_family))
		return 0;
	who = bpf_sk_storage_get(&vantio_sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!who)
		return 0;
	who->flags |= flags;
	if (who->tid == (__u32)id && who->label.agent == label->agent && who->label.instance == label->instance)
		return who;
	ugid = bpf_get_current_uid_gid();
	who->label = *label;
	who->pid = id >> 32;
	who->tid = (__u32)id;
	who->ppid = BPF_CORE_READ(bpf_get_current_task_btf(), real_parent, tgid);
	who->uid = (__u32)ugid;
	who->gid = ugid >> 32;
	bpf_get_current_comm(who->comm, sizeof(who->comm));
	return who;
}

#endif
