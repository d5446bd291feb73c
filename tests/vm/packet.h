/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of what leaves the machine: another network namespace at the far end of a veth pair, with an address that policies list
 * (ON) and one that they do not (OFF), and an ear on the wire there.
 */
#ifndef VANTIO_TESTS_PACKET_H
#define VANTIO_TESTS_PACKET_H

#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sched.h>

#include "engine/egress.h"
#include "net.h"

#define NEAR4 "10.77.0.1"
#define NEAR6 "fd77::1"
#define ON4   "10.77.0.2"
#define OFF4  "10.77.0.3"
#define ON6   "fd77::2"
#define OFF6  "fd77::3"
#define ONLL  "fe80::77:2" /* of the link */
#define OFFLL "fe80::77:3"
#define MARKER_PORT 65111

static int near_ns, far_ns, wire = -1;

TEST_UNUSED static void go_far(void)
{
	REQUIRE(!setns(far_ns, CLONE_NEWNET));
	link_device = "vtp1";
}

TEST_UNUSED static void go_near(void)
{
	REQUIRE(!setns(near_ns, CLONE_NEWNET));
	link_device = "vtp0";
}

/* Connects and is accepted, or it is an error: neighbours are known afterwards. */
static void make_acquaintance(const char *to)
{
	union address a;
	socklen_t len;
	int listener, fd;

	go_far();
	listener = receiver(to, 7777, SOCK_STREAM);
	go_near();
	len = make_address(&a, to, 7777);
	fd = new_socket(to, SOCK_STREAM);
	check_(__FILE__, __LINE__, !connect(fd, &a.any, len), "cannot connect to %s: %s", to, strerror(errno));
	close(fd);
	close(listener);
}

/* The wire, for SETUP. */
TEST_UNUSED static void make_wire(void)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int ready[2], big = 4 << 20;
	pid_t child;
	char c;

	REQUIRE(!pipe2(ready, O_CLOEXEC));
	child = fork();
	if (child == 0) {
		REQUIRE(!unshare(CLONE_NEWNET) && write(ready[1], "x", 1) == 1);
		pause();
	}
	REQUIRE(read(ready[0], &c, 1) == 1);
	/* busybox's ip cannot name the peer */
	CHECK_SH(0, "modprobe veth; echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad; ip link add vtp0 type veth && "
		    "read -r n </sys/class/net/vtp0/iflink && "
		    "for d in /sys/class/net/*; do read -r i <$d/ifindex; [ $i != $n ] || ip link set ${d##*/} name vtp1 || exit 1; done && "
		    "ip link set vtp1 netns %d && ip link set vtp0 up && ip addr add " NEAR4 "/24 dev vtp0 && "
		    "ip addr add " NEAR6 "/64 dev vtp0", (int)child);
	CHECK_SH(0, "nsenter --net=/proc/%d/ns/net sh -c 'echo 0 >/proc/sys/net/ipv6/conf/vtp1/accept_dad; ip link set lo up; ip link set vtp1 up; "
		    "ip addr add " ON4 "/24 dev vtp1; ip addr add " OFF4 "/24 dev vtp1; ip addr add " ON6 "/64 dev vtp1; "
		    "ip addr add " OFF6 "/64 dev vtp1; ip addr add " ONLL "/64 dev vtp1; ip addr add " OFFLL "/64 dev vtp1'", (int)child);
	near_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	snprintf(sh_output, sizeof(sh_output), "/proc/%d/ns/net", (int)child);
	far_ns = open(sh_output, O_RDONLY | O_CLOEXEC);
	REQUIRE(near_ns >= 0 && far_ns >= 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	make_acquaintance(ON4);
	make_acquaintance(OFF4);
	make_acquaintance(ON6);
	make_acquaintance(OFF6);
	make_acquaintance(ONLL);
	make_acquaintance(OFFLL);
	go_far();
	wire = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
	ll.sll_ifindex = (int)if_nametoindex("vtp1");
	setsockopt(wire, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	CHECK_OK(bind(wire, (void *)&ll, sizeof(ll)));
	go_near();
}

TEST_UNUSED static void drop_wire(void)
{
	sh("ip link del vtp0");
}

/* Everything that was sent before this is on the wire, or never will be: a datagram that nobody governs follows it. */
static void send_marker(void)
{
	union address a;
	socklen_t len = make_address(&a, ON4, MARKER_PORT);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK_OK(sendto(fd, "m", 1, 0, &a.any, len));
	close(fd);
}

/* How many packets to `to` (whatever is in them) came over the wire since the last call. */
TEST_UNUSED static int heard(const char *to)
{
	union address want, mark;
	int n = 0;

	make_address(&want, to, 0);
	make_address(&mark, ON4, MARKER_PORT);
	send_marker();
	for (;;) {
		struct sockaddr_ll from;
		socklen_t len = sizeof(from);
		struct pollfd p = { .fd = wire, .events = POLLIN };
		unsigned char b[128];
		ssize_t got;

		if (poll(&p, 1, 10000) != 1) {
			check_(__FILE__, __LINE__, false, "the marker did not come");
			return -1;
		}
		memset(b, 0, sizeof(b));
		got = recvfrom(wire, b, sizeof(b), 0, (void *)&from, &len);
		if (got < 20 || from.sll_pkttype == PACKET_OUTGOING)
			continue;
		if (b[0] >> 4 == 4 && b[9] == IPPROTO_UDP && !memcmp(b + 16, &mark.v4.sin_addr, 4) && !memcmp(b + 22, &mark.v4.sin_port, 2))
			return n;
		if (want.any.sa_family == AF_INET ? b[0] >> 4 == 4 && !memcmp(b + 16, &want.v4.sin_addr, 4) :
						    b[0] >> 4 == 6 && b[6] != IPPROTO_ICMPV6 && !memcmp(b + 24, &want.v6.sin6_addr, 16))
			n++;
		else if (want.any.sa_family == AF_INET6 && b[0] >> 4 == 6 && b[6] == IPPROTO_ICMPV6 && b[40] == 128 &&
			 !memcmp(b + 24, &want.v6.sin6_addr, 16))
			n++; /* an echo request; the others are the neighbours' */
	}
}

TEST_UNUSED static int connected(const char *to, int port, int type)
{
	union address a;
	socklen_t len = make_address(&a, to, port);
	int fd = new_socket(to, type);

	check_(__FILE__, __LINE__, !connect(fd, &a.any, len), "cannot connect to %s: %s", to, strerror(errno));
	return fd;
}

TEST_UNUSED static int far_receiver(const char *at, int port, int type)
{
	int fd;

	go_far();
	fd = receiver(at, port, type);
	go_near();
	return fd;
}

TEST_UNUSED static void write_to(void *arg)
{
	ssize_t n = write(*(int *)arg, "from the agent", 14);

	CHECK(n == 14 || n < 0); /* a drop behind the call is not the caller's to know */
}

/* Turns the filter on the near end of the wire on or off. */
TEST_UNUSED static void filter_wire(bool on)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	const char *name = on ? "vtp0" : VANTIO_EGRESS_NONE;
	struct vantio_error err = {};

	if (!engine_change(&e))
		check_(__FILE__, __LINE__, !vantio_egress_set(&name, 1, false, &err), "the filter is not %s: %s", on ? "on" : "off", err.text);
}

/* Takes one of the programs away from an agent's cgroup, at once. */
TEST_UNUSED static void detach_from(uint32_t agent, const char *prog)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), VANTIO_PINS "/links/agent%u_%s", agent, prog);
	fd = bpf_obj_get(path);
	CHECK_OK(fd);
	CHECK_OK(bpf_link_detach(fd));
	close(fd);
}

/* Takes the label away from a process, so that no hook sees it. */
TEST_UNUSED static void unlabel(pid_t pid)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (!engine_change(&e))
		CHECK_OK(bpf_map_delete_elem(e.labels, &fd));
	close(fd);
}

#endif
