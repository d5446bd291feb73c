// SPDX-License-Identifier: Apache-2.0
/* Ways to send something to where the policy does not let one. */
#include "escape.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#define ROOT DATA "/escape-net"
#define MAY  7701 /* 127.0.0.1: the one port that the policy allows */
#define NOT  7702

static const char policy[] = "[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n"
			     "[network]\ndefault = \"deny\"\nconnect = [\"127.0.0.1:7701\", \"unix:@escape-net-may\"]\nlisten = [\"127.0.0.1:7703\"]\n";

/* Receivers at NOT, and sockets of before: made by a process that nobody governs. */
static int tcp, udp, udp6, udp_of_before, tcp_of_before, connected_of_before, stream_path, stream_name;

static struct sockaddr_in to(const char *address, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	inet_pton(AF_INET, address, &a.sin_addr);
	return a;
}

static struct sockaddr_in6 to6(const char *address, int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };

	inet_pton(AF_INET6, address, &a.sin6_addr);
	return a;
}

#define ADDR(a) (const struct sockaddr *)&(a), sizeof(a)

static int listener(int type, int port)
{
	struct sockaddr_in a = to("127.0.0.1", port);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);

	/* connections of a program before this one may linger */
	REQUIRE(fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ type == SOCK_STREAM }, sizeof(int)) && !bind(fd, ADDR(a)) && (type != SOCK_STREAM || !listen(fd, 64)));
	return fd;
}

static socklen_t unix_address(struct sockaddr_un *a, const char *path)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strcpy(a->sun_path + (path[0] == '@'), path + (path[0] == '@'));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] != '@'));
}

static int unix_listener(const char *path)
{
	struct sockaddr_un a;
	socklen_t len = unix_address(&a, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	REQUIRE(fd >= 0 && !bind(fd, (void *)&a, len) && !listen(fd, 64) && (path[0] == '@' || !chmod(path, 0777)));
	return fd;
}

SETUP()
{
	struct sockaddr_in a = to("127.0.0.1", NOT), any = to("127.0.0.1", 0);
	struct sockaddr_in6 six = to6("::1", NOT);

	fresh_folder(ROOT);
	escape_setup(policy);
	CHECK_SH(0, "ip link set lo up; echo 3 >/proc/sys/net/ipv4/tcp_fastopen; echo 0 1000 >/proc/sys/net/ipv4/ping_group_range; modprobe -a veth vsock_loopback || [ -n \"$VANTIO_NATIVE\" ]");
	tcp = listener(SOCK_STREAM, NOT);
	udp = listener(SOCK_DGRAM, NOT);
	close(listener(SOCK_STREAM, MAY));
	listener(SOCK_STREAM, MAY);
	listener(SOCK_DGRAM, MAY);
	udp6 = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	REQUIRE(!setsockopt(udp6, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int)) && !bind(udp6, ADDR(six)));
	stream_path = unix_listener(ROOT "/socket");
	stream_name = unix_listener("@escape-net-not");
	unix_listener("@escape-net-may");
	udp_of_before = socket(AF_INET, SOCK_DGRAM, 0);
	REQUIRE(!bind(udp_of_before, ADDR(any)));
	tcp_of_before = socket(AF_INET, SOCK_STREAM, 0);
	connected_of_before = socket(AF_INET, SOCK_STREAM, 0);
	REQUIRE(!connect(connected_of_before, ADDR(a)) && accept(tcp, NULL, NULL) >= 0);
}

TEARDOWN() { escape_told(); }

/* Nothing may have come to the receiver, and must have come if the call worked. */
static int came(int fd, int r)
{
	char bytes[64];
	int e = errno, n = 0;

	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0)
		n++;
	errno = e;
	return n ? (r == 0 ? 0 : -3) : (r == 0 ? -3 : r);
}

static int stream(void) { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }
static int dgram(void) { return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); }

/* ---- TCP ---- */

static int connect_to(int fd, const struct sockaddr *a, socklen_t len)
{
	int r = connect(fd, a, len), e = errno, c;

	while ((c = accept(tcp, NULL, NULL)) >= 0) /* so that the queue does not fill */
		close(c);
	errno = e;
	return r;
}

ATTEMPT(a_connection, EACCES, 0)
{
	struct sockaddr_in a = to("127.0.0.1", NOT);

	return connect_to(stream(), ADDR(a));
}

ATTEMPT(a_connection_to_nowhere_in_particular, EACCES, 0)
{
	struct sockaddr_in a = to("0.0.0.0", NOT);

	return connect_to(stream(), ADDR(a));
}

ATTEMPT(a_connection_to_a_mapped_address, EACCES, 0)
{
	struct sockaddr_in6 a = to6("::ffff:127.0.0.1", NOT);

	return connect_to(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), ADDR(a));
}

ATTEMPT(msg_fastopen, EACCES, 0)
{
	struct sockaddr_in a = to("127.0.0.1", NOT);

	return sendto(stream(), "x", 1, MSG_FASTOPEN, ADDR(a)) == 1 ? 0 : -1;
}

ATTEMPT(a_fast_open_that_connects_later, EACCES, 0)
{
	struct sockaddr_in a = to("127.0.0.1", NOT);
	int fd = stream(), one = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)) ? -2 : connect_to(fd, ADDR(a)) ? -1 : send(fd, "x", 1, 0) == 1 ? 0 : -1;
}

ATTEMPT(connecting_a_second_time, EACCES, 0)
{
	struct sockaddr_in may = to("127.0.0.1", MAY), a = to("127.0.0.1", NOT);
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = stream();

	if (connect(fd, ADDR(may)) || connect(fd, ADDR(none)))
		return -2;
	return connect_to(fd, ADDR(a));
}

ATTEMPT(mptcp, EACCES, 0)
{
	struct sockaddr_in a = to("127.0.0.1", NOT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 262 /* IPPROTO_MPTCP */);

	return fd < 0 ? -1 : connect_to(fd, ADDR(a));
}

/* The kernel of the guest may not have it: then a control says EPROTONOSUPPORT, which is as good as an answer. */
ATTEMPT(sctp, EACCES, 0)
{
	int fd = socket(AF_INET, SOCK_SEQPACKET | SOCK_CLOEXEC, 132);

	return fd < 0 && errno != EPROTONOSUPPORT && errno != ESOCKTNOSUPPORT ? -1 : 0;
}

ATTEMPT(a_repaired_connection, EPERM, ROOTS_ALONE)
{
	int one = 1;

	return setsockopt(stream(), IPPROTO_TCP, TCP_REPAIR, &one, sizeof(one));
}

ATTEMPT(waiting_for_others_to_connect, EACCES, 0)
{
	struct sockaddr_in a = to("127.0.0.1", 7704);
	int fd = stream();

	return bind(fd, ADDR(a)) ? -1 : listen(fd, 1);
}

ATTEMPT(listening_without_an_address, EACCES, 0) { return listen(stream(), 1); }

/* ---- UDP ---- */

ATTEMPT(a_datagram, EACCES, 0)
{
	struct sockaddr_in a = to("127.0.0.1", NOT);

	return came(udp, sendto(dgram(), "x", 1, 0, ADDR(a)) == 1 ? 0 : -1);
}

ATTEMPT(a_connected_datagram_socket, EACCES, 0)
{
	struct sockaddr_in a = to("127.0.0.1", NOT);
	int fd = dgram();

	return came(udp, connect(fd, ADDR(a)) || send(fd, "x", 1, 0) != 1 ? -1 : 0);
}

ATTEMPT(a_datagram_from_a_socket_that_is_connected_elsewhere, EACCES, 0)
{
	struct sockaddr_in may = to("127.0.0.1", MAY), a = to("127.0.0.1", NOT);
	int fd = dgram();

	return connect(fd, ADDR(may)) ? -2 : came(udp, sendto(fd, "x", 1, 0, ADDR(a)) == 1 ? 0 : -1);
}

ATTEMPT(a_datagram_of_ipv6, EACCES, 0)
{
	struct sockaddr_in6 a = to6("::1", NOT);

	return came(udp6, sendto(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), "x", 1, 0, ADDR(a)) == 1 ? 0 : -1);
}

ATTEMPT(one_of_many_datagrams, 0, 0)
{
	struct sockaddr_in may = to("127.0.0.1", MAY), a = to("127.0.0.1", NOT);
	struct iovec data = { "x", 1 };
	struct mmsghdr all[2] = { { .msg_hdr = { .msg_name = &may, .msg_namelen = sizeof(may), .msg_iov = &data, .msg_iovlen = 1 } },
				  { .msg_hdr = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &data, .msg_iovlen = 1 } } };
	int n = sendmmsg(dgram(), all, 2, 0);

	errno = EACCES; /* sendmmsg(2) tells how many went, and of the rest nothing */
	return came(udp, n == 2 ? 0 : n == 1 ? -1 : -2);
}

ATTEMPT(udp_lite, EACCES, 0) { return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDPLITE); }

/* ---- sockets of others ---- */

ATTEMPT(a_datagram_socket_of_before, EACCES, 0)
{
	struct sockaddr_in a = to("127.0.0.1", NOT);

	return came(udp, sendto(udp_of_before, "x", 1, 0, ADDR(a)) == 1 ? 0 : -1);
}

ATTEMPT(a_stream_socket_of_before, EACCES, 0)
{
	struct sockaddr_in a = to("127.0.0.1", NOT);
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int r = connect_to(tcp_of_before, ADDR(a)), e = errno;

	if (!r)
		connect(tcp_of_before, &none, sizeof(none));
	errno = e;
	return r;
}

/* What is passed over a socket by somebody whom nobody governs. */
static int passed(int fd)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } control = {};
	char byte = 'x';
	struct iovec data = { &byte, 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int pair[2], got = -1;

	control.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) || sendmsg(pair[0], &m, 0) != 1)
		return -1;
	m.msg_controllen = sizeof(control);
	if (recvmsg(pair[1], &m, 0) == 1 && m.msg_controllen)
		memcpy(&got, CMSG_DATA(&control.h), sizeof(got));
	close(pair[0]);
	close(pair[1]);
	return got;
}

ATTEMPT(a_datagram_socket_that_was_passed, EACCES, 0)
{
	struct sockaddr_in a = to("127.0.0.1", NOT);
	int fd = passed(udp_of_before);

	return fd < 0 ? -2 : came(udp, sendto(fd, "x", 1, 0, ADDR(a)) == 1 ? 0 : -1);
}

/* Decided (docs/limits.md): what somebody else connected and passed on goes on, as a file that somebody else opened. */
TEST(a_connection_of_before_goes_on)
{
	uid_t uid;

	for (uid = FIRST_UID; uid <= 1000; uid += 1000)
		IN(governed_agent, uid) {
			CHECK_INT(send(connected_of_before, "x", 1, MSG_NOSIGNAL), 1);
			CHECK_INT(send(passed(connected_of_before), "x", 1, MSG_NOSIGNAL), 1);
		}
}

/* ---- proxies ---- */

static int connect_unix(const char *path)
{
	struct sockaddr_un a;
	socklen_t len = unix_address(&a, path);
	int r = connect(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), (void *)&a, len), e = errno, c;

	while ((c = accept(stream_path, NULL, NULL)) >= 0 || (c = accept(stream_name, NULL, NULL)) >= 0)
		close(c);
	errno = e;
	return r;
}

ATTEMPT(a_unix_socket_of_a_proxy, EACCES, 0) { return connect_unix(ROOT "/socket"); }
ATTEMPT(an_abstract_unix_socket_of_a_proxy, EACCES, 0) { return connect_unix("@escape-net-not"); }

/* ---- below and beside IP ---- */

static int packet(int bypass)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)if_nametoindex("lo"), .sll_halen = 6 };
	unsigned char bytes[29] = { 0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1, 30, 0, NOT >> 8, NOT & 255, 0, 9, 0, 0, 'x' };
	unsigned int sum = 0, i;
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || (bypass && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass))))
		return -1;
	for (i = 0; i < 20; i += 2)
		sum += (unsigned int)bytes[i] << 8 | bytes[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	bytes[10] = (unsigned char)(~sum >> 8);
	bytes[11] = (unsigned char)~sum;
	return sendto(fd, bytes, sizeof(bytes), 0, ADDR(a)) == sizeof(bytes) ? 0 : -1;
}

ATTEMPT(a_packet_socket, EPERM, ROOTS_ALONE) { return packet(0); }
ATTEMPT(a_packet_socket_round_the_queues, EPERM, ROOTS_ALONE) { return packet(1); }

ATTEMPT(a_raw_socket, EPERM, ROOTS_ALONE)
{
	struct sockaddr_in a = to("127.0.0.1", 0);
	unsigned char bytes[9] = { 30, 0, NOT >> 8, NOT & 255, 0, 9, 0, 0, 'x' };
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);

	return fd < 0 ? -1 : came(udp, sendto(fd, bytes, sizeof(bytes), 0, ADDR(a)) == sizeof(bytes) ? 0 : -1);
}

ATTEMPT(a_raw_socket_of_ipv6, EPERM, ROOTS_ALONE) { return socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6); }
ATTEMPT(a_ping_socket, EACCES, 0) { return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP); }
ATTEMPT(a_ping_socket_of_ipv6, EACCES, 0) { return socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMPV6); }
ATTEMPT(a_socket_to_the_hypervisor, EACCES, 0) { return socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0); }
ATTEMPT(a_netlink_socket, EACCES, 0) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0); }
ATTEMPT(an_xdp_socket, EPERM, ROOTS_ALONE) { return socket(44, SOCK_RAW | SOCK_CLOEXEC, 0); }

/* ---- a network of one's own ---- */

/* Its loopback is up, and something listens there: both take capabilities. */
ATTEMPT(a_network_namespace, 0, 0)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct sockaddr_in a = to("127.0.0.1", NOT);
	int fd;

	if (own_namespace(CLONE_NEWNET))
		return -1;
	fd = stream();
	if (ioctl(fd, SIOCSIFFLAGS, &lo) || bind(fd, ADDR(a)) || listen(fd, 1))
		return -1;
	return connect(stream(), ADDR(a));
}

/* A cable, whose other end would go into it: made in the network of the machine. */
ATTEMPT(a_network_namespace_with_a_cable, 0, ROOTS_ALONE)
{
	int r = sh("ip link add escape0 type veth");

	sh("ip link del escape0");
	errno = EPERM;
	return r ? -1 : 0;
}

VT_MAIN()
