// SPDX-License-Identifier: Apache-2.0
/* Packets that go elsewhere than to the address that was judged, the machine's own routes, and a socket that moves. */
#include "engine.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ROOT "/data/escape-route"

static const char policy[] = "[file]\ndefault = \"deny\"\nread = [\"/**\"]\nwrite = [\"" ROOT "/own/**\"]\n"
			     "[exec]\ndefault = \"deny\"\nallow = [\"/usr/**\", \"/vm/**\"]\n"
			     "[network]\ndefault = \"deny\"\nconnect = [\"udp:127.0.0.1:7601\", \"tcp:127.0.0.1:7601\", \"udp:[::1]:7601\", "
			     "\"unix:" ROOT "/own/may/**\"]\n";
static const char everything[] = "[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n";

/* 127.0.0.1 port 7601, to which the policy lets one send. */
static struct sockaddr_in target = { .sin_family = AF_INET };

SETUP()
{
	char all[1024];

	target.sin_port = htons(7601);
	target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	engine_ready();
	snprintf(all, sizeof(all), "%s%s", everything, ALL_SURFACES);
	policy_push("route", policy);
	policy_push("route-allow", all);
	agent_enroll("route", "route");
	agent_enroll("route-allow", "route-allow");
	make_folder(ROOT);
	make_folder(ROOT "/own");
	make_folder(ROOT "/own/may");
}

/* `call` fails with `errno_` for the agent, works for one to whom all is allowed, and for nobody's process. */
#define ONLY_OTHERS_CAN(uid, call, errno_) \
	do { \
		IN("route", uid) CHECK_FAILS(call, errno_); \
		IN("route-allow", uid) CHECK_OK(call); \
		IN(NULL, uid) CHECK_OK(call); \
	} while (0)

/* ---- packets that go elsewhere ---- */

static bool to_hop4(const char *packet)
{
	return !memcmp(packet + 16, (char[]){ 127, 6, 6, 6 }, 4);
}

static bool to_hop6(const char *packet)
{
	return !memcmp(packet + 24, (unsigned char[16]){ 0xfd, 0, 0, 7, [15] = 1 }, 16);
}

/* Packets to the hop that are seen on any device. */
static int sniffed(int fd, bool (*to)(const char *packet))
{
	char packet[40];
	ssize_t n;
	int seen = 0;

	while ((n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT)) >= 0)
		seen += n >= 28 && to(packet);
	return seen;
}

static const unsigned char by_way_of[8] = { 0x83, 7, 4, 127, 6, 6, 6, 0 }; /* LSRR, one hop, end */

static int send_with_option(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, by_way_of, sizeof(by_way_of)))
		return -1;
	return sendto(fd, "x", 1, 0, (void *)&target, sizeof(target)) == 1 ? 0 : -2;
}

static void try_source_route(int (*act)(void), int protocol, bool (*to)(const char *packet), uid_t first)
{
	int sniffer = socket(AF_PACKET, SOCK_DGRAM, htons((uint16_t)protocol));
	uid_t uid;

	REQUIRE(sniffer >= 0);
	for (uid = first; uid <= 1000; uid += 1000) {
		sniffed(sniffer, to);
		IN("route", uid) {
			CHECK_FAILS(act(), EPERM);
			CHECK_INT(sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (void *)&target, sizeof(target)), 1);
		}
		CHECK_INT(sniffed(sniffer, to), 0);
		if (!uid || protocol == ETH_P_IPV6) {
			IN(NULL, uid)
				CHECK_OK(act());
			CHECK(sniffed(sniffer, to) > 0);
		}
	}
	close(sniffer);
}

/* The kernel itself lets root alone do this. */
TEST(escape_by_a_source_route_of_the_socket) { try_source_route(send_with_option, ETH_P_IP, to_hop4, 0); }

/* A routing header of type 2 in the message, which anybody may send. */
static int send_with_message(void)
{
	unsigned char header[24] = { 0, 2, 2, 1, 0, 0, 0, 0, 0xfd, 0, 0, 7, [23] = 1 };
	union { struct cmsghdr h; char bytes[CMSG_SPACE(sizeof(header))]; } control = {};
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(7601), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct iovec data = { "x", 1 };
	struct msghdr msg = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &data, .msg_iovlen = 1,
			      .msg_control = &control, .msg_controllen = sizeof(control) };

	control.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(header)), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_RTHDR };
	memcpy(CMSG_DATA(&control.h), header, sizeof(header));
	return (int)sendmsg(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), &msg, 0) == 1 ? 0 : -1;
}

TEST(escape_by_a_source_route_of_the_message)
{
	CHECK_SH(0, "ip -6 addr add fd00:7::1/128 dev lo");
	try_source_route(send_with_message, ETH_P_IPV6, to_hop6, 0);
}

static int route6(void)
{
	/* A segment routing header of one segment, fd00:7::1. */
	unsigned char header[24] = { 0, 2, 4, 0, 0, 0, 0, 0, 0xfd, 0, 0, 7, [23] = 1 };

	return setsockopt(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), IPPROTO_IPV6, IPV6_RTHDR, header, sizeof(header));
}

TEST(escape_by_an_ipv6_routing_header)
{
	ONLY_OTHERS_CAN(1000, route6(), EPERM);
}

/* Other control messages are none of the engine's business. */
TEST(escape_attempts_do_not_cost_ordinary_control_messages)
{
	IN("route", 1000) {
		union { struct cmsghdr h; char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))]; } control = {};
		struct iovec data = { "x", 1 };
		struct msghdr msg = { .msg_name = &target, .msg_namelen = sizeof(target), .msg_iov = &data,
				      .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
		int one = 1, fd = socket(AF_INET, SOCK_DGRAM, 0);

		control.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO };
		CHECK_INT(sendmsg(fd, &msg, 0), 1);
		CHECK_OK(setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)));
		CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	}
}

/* Root's agent may not turn the network over by the way of an ordinary socket. */
static int add_route(void)
{
	struct rtentry rt = { .rt_flags = RTF_UP | RTF_HOST, .rt_dev = "lo" };
	struct sockaddr_in dst = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a070707) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	memcpy(&rt.rt_dst, &dst, sizeof(dst));
	r = ioctl(fd, SIOCADDRT, &rt);
	if (!r)
		ioctl(fd, SIOCDELRT, &rt);
	return r;
}

static int mark(void)
{
	int value = 7;

	return setsockopt(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), SOL_SOCKET, SO_MARK, &value, sizeof(value));
}

TEST(escape_by_a_route_of_ones_own) { ONLY_OTHERS_CAN(0, add_route(), EPERM); }
TEST(escape_by_a_firewall_mark) { ONLY_OTHERS_CAN(0, mark(), EPERM); }

/* ---- a socket moves to where one may connect ---- */

static int connect_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return connect(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), (void *)&a, sizeof(a));
}

static int listen_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	unlink(path);
	REQUIRE(!bind(fd, (void *)&a, sizeof(a)) && !listen(fd, 4) && !chmod(path, 0777));
	return fd;
}

TEST(escape_by_moving_a_socket_to_where_one_may_connect)
{
	uid_t uid;

	unlink(ROOT "/own/may/s");
	make_folder(ROOT "/own/d");
	rmdir(ROOT "/own/may/d");
	for (uid = 0; uid <= 1000; uid += 1000) {
		int denied = listen_unix(ROOT "/own/s"), below = listen_unix(ROOT "/own/d/s"), fine = listen_unix(ROOT "/own/may/fine");

		IN("route", uid) {
			CHECK_FAILS(connect_unix(ROOT "/own/s"), EACCES);
			CHECK_FAILS(rename(ROOT "/own/s", ROOT "/own/may/s"), EACCES);
			if (!uid) /* of others the kernel itself takes no links to sockets */
				CHECK_FAILS(link(ROOT "/own/s", ROOT "/own/may/s"), EACCES);
			CHECK_FAILS(rename(ROOT "/own/d", ROOT "/own/may/d"), EACCES);
			CHECK_OK(connect_unix(ROOT "/own/may/fine"));
			CHECK_OK(open(ROOT "/own/plain", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)); /* a file is no socket */
			CHECK_OK(rename(ROOT "/own/plain", ROOT "/own/may/plain"));
			CHECK_OK(rename(ROOT "/own/s", ROOT "/own/s2"));
		}
		close(denied);
		close(below);
		close(fine);
		IN(NULL, uid)
			CHECK_OK(rename(ROOT "/own/s2", ROOT "/own/may/s"));
		unlink(ROOT "/own/may/s");
	}
}

VT_MAIN()
