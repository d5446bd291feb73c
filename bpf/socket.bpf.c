// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sockets that governed tasks make, are handed and accept are written down as theirs (socket.h) before a packet can leave through them. */
#include "hook.h"
#include "socket.h"

#define SOCK_STREAM 1

SEC("lsm/socket_post_create")
int BPF_PROG(vantio_socket_post_create, struct socket *sock, int family, int type, int protocol, int kern, int ret)
{
	VANTIO_GUARD(ret);
	if (!vantio_family_has_packets(family) || (kern && type != SOCK_STREAM)) /* a kernel's own stream is a path of MPTCP */
		return 0;
	VANTIO_RETURN(!vantio_socket_claim(sock->sk, label, VANTIO_SOCKET_MADE), VANTIO_EACCES);
}

/* Over a unix socket, or out of another process. */
SEC("lsm/file_receive")
int BPF_PROG(vantio_file_receive, struct file *file, int ret)
{
	struct socket *sock;

	VANTIO_GUARD(ret);
	sock = bpf_sock_from_file(file);
	if (sock)
		vantio_socket_claim(sock->sk, label, 0);
	return 0;
}

/* A listener that somebody else made: what it accepts from now on is known for an answer. */
SEC("lsm/socket_accept")
int BPF_PROG(vantio_socket_accept, struct socket *sock, struct socket *newsock, int ret)
{
	VANTIO_GUARD(ret);
	if (BPF_CORE_READ(sock, sk, __sk_common.skc_state) == VANTIO_TCP_LISTEN)
		vantio_socket_claim(sock->sk, label, VANTIO_SOCKET_LISTENED);
	return 0;
}

char vantio_license[] SEC("license") __attribute__((weak)) = "Dual BSD/GPL";
