/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of the tests of [network]: addresses by their text, and what arrived at them. */
#ifndef VANTIO_TESTS_NET_H
#define VANTIO_TESTS_NET_H

#include <arpa/inet.h>
#include <linux/in6.h>
#include <net/if.h>

#include "govern.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

TEST_UNUSED static const char *link_device = "vtd0"; /* of link-local addresses */

TEST_UNUSED static socklen_t make_address(union address *a, const char *text, int port)
{
	memset(a, 0, sizeof(*a));
	if (!strchr(text, ':')) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons((uint16_t)port);
		inet_pton(AF_INET, text, &a->v4.sin_addr);
		return sizeof(a->v4);
	}
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_port = htons((uint16_t)port);
	inet_pton(AF_INET6, text, &a->v6.sin6_addr);
	if (!strncmp(text, "fe80", 4))
		a->v6.sin6_scope_id = if_nametoindex(link_device);
	return sizeof(a->v6);
}

TEST_UNUSED static int new_socket(const char *text, int type)
{
	return socket(strchr(text, ':') ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
}

/* A socket that takes what comes to (text, port), made by a process that nobody governs. */
TEST_UNUSED static int receiver(const char *text, int port, int type)
{
	union address a;
	socklen_t len = make_address(&a, text, port);
	int fd = new_socket(text, type | SOCK_NONBLOCK), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (strchr(text, ':'))
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, &a.any, len) || (type == SOCK_STREAM && listen(fd, 8)))
		check_(__FILE__, __LINE__, false, "cannot listen on %s port %d: %s", text, port, strerror(errno));
	return fd;
}

/* How many connections or datagrams came. */
TEST_UNUSED static int arrived(int fd, int type)
{
	char bytes[64];
	int n = 0, c;

	for (;; n++) {
		c = type == SOCK_STREAM ? accept4(fd, NULL, NULL, SOCK_CLOEXEC) : (int)recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (c < 0)
			return n;
		if (type == SOCK_STREAM)
			close(c);
	}
}

/* Addresses beside loopback's own. */
TEST_UNUSED static void add_addresses(void)
{
	CHECK_SH(0, "ip link show vtd0 || { ip link add vtd0 type dummy && ip link set vtd0 up; }");
	CHECK_SH(0, "ip -6 addr add fe80::7/64 dev vtd0; ip -6 addr add fd00:7::1/128 dev lo; ip -6 addr add fd00:8::1/128 dev lo; true");
}

#endif
