/* SPDX-License-Identifier: Apache-2.0 */
/* What connecting and sending share: a socket of the target's, an address that was copied, and what the policy says of it. */
#ifndef VANTIO_SANDBOX_NET_H
#define VANTIO_SANDBOX_NET_H

#include <sys/socket.h>

#include "sandbox/box.h"

#define VANTIO_UNIX_PATH 108

struct vantio_socket {
	int fd; /* a duplicate, owned */
	int family, type, protocol;
};

#define VANTIO_SOCKET_INIT { .fd = -1 }
void vantio_socket_clear(struct vantio_socket *s);
#define cleanup_socket __attribute__((cleanup(vantio_socket_clear)))

/* 0 or -errno. */
int vantio_socket_get( struct vantio_call *c, int fd, struct vantio_socket *ret);

struct vantio_peer {
	struct sockaddr_storage addr; /* a unix socket's file is put as a name of ours for the very object */
	socklen_t len;
	struct vantio_spot spot; /* of a unix socket's file */
};

void vantio_peer_clear(struct vantio_peer *p);
#define cleanup_peer __attribute__((cleanup(vantio_peer_clear)))

/* Copies an address of the target; 0 or -errno. */
int vantio_peer_read(const struct vantio_call *c, uint64_t at, uint64_t len, struct vantio_peer *ret);
/* Judges it as the destination of a connect or a message. 0, or the errno to refuse with. */
int vantio_peer_judge(struct vantio_call *c, const struct vantio_socket *s, struct vantio_peer *p, bool sends);

#endif
