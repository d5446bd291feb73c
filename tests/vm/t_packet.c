// SPDX-License-Identifier: Apache-2.0
/*
 * Packets of an agent that no socket hook saw. Each way to send is tried by a process whose label was taken away, in cgroups from which
 * the connect and sendmsg programs were taken too, so that what stops it is the packet program of the cgroup, or the filter of
 * the interface, alone; and by a process that nobody governs. What counts is what is heard on the wire.
 */
#include <linux/ip.h>
#include <linux/udp.h>

#include "packet.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

#define RULES_DENY  "[network]\ndefault = \"deny\"\nconnect = [\"" ON4 "\", \"[" ON6 "]\", \"[" ONLL "]\"]\nlisten = [\"0.0.0.0:7900-7999\", \"[::]:7900-7999\"]\n"
#define RULES_ALLOW "[network]\ndefault = \"allow\"\ndeny = [\"" OFF4 "\", \"[" OFF6 "]\"]\n[kernel]\nraw_socket = \"allow\"\n"

static struct config {
	const char *name, *cgroup, *rules, *hook;
	bool deny; /* the section's default */
	uint64_t trace_id;
	uint32_t agent;
} configs[] = {
	{ "pkt-dc", "/vt-pkt-dc", RULES_DENY, "cgroup_skb", true, 0x77dc, 0 },
	{ "pkt-dt", "/vt-pkt-dt", RULES_DENY, "tc_egress", true, 0x77d7, 0 },
	{ "pkt-ac", "/vt-pkt-ac", RULES_ALLOW, "cgroup_skb", false, 0x77ac, 0 },
	{ "pkt-at", "/vt-pkt-at", RULES_ALLOW, "tc_egress", false, 0x77a7, 0 },
};

/* ---- ways to send: each to the address and port, without waiting for an answer ---- */

static int stream(const union address *a, socklen_t len, int type, int proto)
{
	int fd = socket(a->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);

	return fd < 0 ? -1 : connect(fd, &a->any, len) && errno != EINPROGRESS ? -1 : fd;
}

static int by_tcp(const union address *a, socklen_t len) { return stream(a, len, SOCK_STREAM, 0); }
static int by_mptcp(const union address *a, socklen_t len) { return stream(a, len, SOCK_STREAM, IPPROTO_MPTCP); }
static int by_sctp(const union address *a, socklen_t len) { return stream(a, len, SOCK_STREAM, IPPROTO_SCTP); }

static int by_fastopen(const union address *a, socklen_t len)
{
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return sendto(fd, "x", 1, MSG_FASTOPEN, &a->any, len) == 1 || errno == EINPROGRESS ? fd : -1;
}

static int datagram(const union address *a, socklen_t len, int proto, size_t size)
{
	static char bytes[9000];
	int fd = socket(a->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, proto);

	return fd < 0 ? -1 : (int)sendto(fd, bytes, size, 0, &a->any, len);
}

static int by_udp(const union address *a, socklen_t len) { return datagram(a, len, 0, 1); }
static int by_udplite(const union address *a, socklen_t len) { return datagram(a, len, 136, 1); }
static int by_fragments(const union address *a, socklen_t len) { return datagram(a, len, 0, 8000); }

static int by_connected_udp(const union address *a, socklen_t len)
{
	int fd = socket(a->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return connect(fd, &a->any, len) ? -1 : (int)write(fd, "x", 1);
}

static int by_sendmmsg(const union address *a, socklen_t len)
{
	struct iovec v = { (char *)"x", 1 };
	struct mmsghdr m[2] = { { .msg_hdr = { .msg_name = (void *)a, .msg_namelen = len, .msg_iov = &v, .msg_iovlen = 1 } } };
	int fd = socket(a->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	m[1] = m[0];
	return sendmmsg(fd, m, 2, 0);
}

static int by_mapped(const union address *a, socklen_t len)
{
	union address m = { .v6 = { .sin6_family = AF_INET6, .sin6_port = a->v4.sin_port } };

	(void)len;
	m.v6.sin6_addr.s6_addr16[5] = 0xffff;
	memcpy(m.v6.sin6_addr.s6_addr + 12, &a->v4.sin_addr, 4);
	return datagram(&m, sizeof(m.v6), 0, 1);
}

static int by_ping(const union address *a, socklen_t len)
{
	static const unsigned char echo[2][8] = { { 8 }, { 128 } };
	int six = a->any.sa_family == AF_INET6, fd = socket(a->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);

	return (int)sendto(fd, echo[six], 8, 0, &a->any, len);
}

/* A raw socket's, with a payload of its own: no port but in its bytes. */
static int raw(const union address *a, socklen_t len, int proto, const void *bytes, size_t size)
{
	union address to = *a;
	int fd = socket(a->any.sa_family, SOCK_RAW | SOCK_CLOEXEC, proto);

	to.v4.sin_port = 0;
	return (int)sendto(fd, bytes, size, 0, &to.any, len);
}

static int by_raw_udp(const union address *a, socklen_t len)
{
	struct udphdr u = { .source = htons(5), .dest = a->v4.sin_port, .len = htons(8) };

	return raw(a, len, IPPROTO_UDP, &u, sizeof(u));
}

/* An IPv4 packet to ON4, in a tunnel's. */
static int tunnel(const union address *a, socklen_t len, int proto)
{
	unsigned char bytes[4 + 28] = { 0, 0, 8, 0, 0x45, 0, 0, 28, [12] = 64, 17, [16] = 10, 77, 0, 1, 10, 77, 0, 2, 0, 5, 0, 9, 0, 8 };
	size_t skip = proto == IPPROTO_GRE ? 0 : 4;

	return raw(a, len, proto, bytes + skip, sizeof(bytes) - skip);
}

static int by_gre(const union address *a, socklen_t len) { return tunnel(a, len, IPPROTO_GRE); }
static int by_ipip(const union address *a, socklen_t len) { return tunnel(a, len, IPPROTO_IPIP); }
static int by_6in4(const union address *a, socklen_t len) { return tunnel(a, len, IPPROTO_IPV6); }

/* A VXLAN frame in a datagram: to the filter, UDP like any other. */
static int by_vxlan(const union address *a, socklen_t len)
{
	return datagram(a, len, 0, 50);
}

/* The header is the sender's own, and says that it is a fragment's. */
static int own_header(const union address *a, socklen_t len, int fragment)
{
	unsigned char b[28] = { 0x45, 0, 0, 28, 0, 7, (unsigned char)(fragment >> 8), (unsigned char)fragment, 64, IPPROTO_UDP, [12] = 10, 77, 0, 1,
				[20] = 0, 5, [24] = 0, 8 };
	union address to = *a;
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	memcpy(b + 16, &a->v4.sin_addr, 4);
	memcpy(b + 22, &a->v4.sin_port, 2);
	to.v4.sin_port = 0;
	return (int)sendto(fd, b, sizeof(b), 0, &to.any, len);
}

static int by_own_header(const union address *a, socklen_t len) { return own_header(a, len, 0); }
static int by_own_later_fragment(const union address *a, socklen_t len) { return own_header(a, len, 0x0010); }

/* A header before UDP's, of options of the sender's: `size` bytes, as one of the two lists, or a route. */
static int with_extension(const union address *a, socklen_t len, int option, const void *bytes, size_t size)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (setsockopt(fd, IPPROTO_IPV6, option, bytes, (socklen_t)size))
		return -1;
	return (int)sendto(fd, "x", 1, 0, &a->any, len);
}

static const unsigned char padding[16] = { 0, 1, 1, 12 };

static int by_hop_options(const union address *a, socklen_t len) { return with_extension(a, len, IPV6_HOPOPTS, padding, sizeof(padding)); }
static int by_destination_options(const union address *a, socklen_t len) { return with_extension(a, len, IPV6_DSTOPTS, padding, sizeof(padding)); }

/* By way of the address, to fd77::99. */
static int by_route6(const union address *a, socklen_t len)
{
	unsigned char route[24] = { 0, 2, 2, 1, [8] = 0xfd, 0x77, [23] = 0x99 };
	union address last = *a;

	memcpy(route + 8, &a->v6.sin6_addr, 16);
	last.v6.sin6_addr.s6_addr[15] = 0x99;
	return with_extension(&last, len, IPV6_RTHDR, route, sizeof(route));
}

static int by_route4(const union address *a, socklen_t len)
{
	unsigned char route[8] = { 0x83, 7, 4, 0, 0, 0, 0, 0 };
	union address last = *a;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(route + 3, &a->v4.sin_addr, 4);
	inet_pton(AF_INET, "10.77.0.99", &last.v4.sin_addr);
	if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, sizeof(route)))
		return -1;
	return (int)sendto(fd, "x", 1, 0, &last.any, len);
}

/* A frame of the sender's own making, with `tags` VLAN tags. */
static int frame(const union address *a, int tags)
{
	unsigned char b[128] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1 };
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)if_nametoindex("vtp0"), .sll_halen = 6 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), at = 12;

	for (int i = 0; i < tags; i++, at += 4)
		memcpy(b + at, (unsigned char[]){ 0x81, 0, 0, 5 }, 4);
	memcpy(b + at, (unsigned char[]){ 8, 0, 0x45, 0, 0, 28, 0, 7, 0, 0, 64, IPPROTO_UDP, 0, 0, 10, 77, 0, 1 }, 18);
	memcpy(b + at + 18, &a->v4.sin_addr, 4);
	memcpy(b + at + 24, &a->v4.sin_port, 2);
	return (int)sendto(fd, b, (size_t)at + 30, 0, (void *)&ll, sizeof(ll));
}

static int by_frame(const union address *a, socklen_t len) { (void)len; return frame(a, 0); }
static int by_tagged_frame(const union address *a, socklen_t len) { (void)len; return frame(a, 1); }

enum family { V4 = 1, V6 = 2, BOTH = 3 };

static const struct means {
	const char *name;
	int (*send)(const union address *a, socklen_t len);
	enum family families;
	bool deny, allow; /* whether the listed address may be reached so, by the section's default */
	bool tc_only;     /* nothing of the IP layer: the cgroup's program does not see it */
	bool deaf;        /* not heard even of nobody's: the wire's ear takes it for something else */
} means[] = {
	{ "tcp", by_tcp, BOTH, true, true, false, false },
	{ "fast open", by_fastopen, BOTH, true, true, false, false },
	{ "mptcp", by_mptcp, BOTH, true, true, false, false },
	{ "sctp", by_sctp, BOTH, false, true, false, false },
	{ "udp", by_udp, BOTH, true, true, false, false },
	{ "connected udp", by_connected_udp, BOTH, true, true, false, false },
	{ "sendmmsg", by_sendmmsg, BOTH, true, true, false, false },
	{ "udp of a v6 socket", by_mapped, V4, true, true, false, false },
	{ "udp-lite", by_udplite, BOTH, false, true, false, false },
	{ "fragments", by_fragments, BOTH, true, true, false, false },
	{ "ping", by_ping, BOTH, false, true, false, false },
	{ "raw udp", by_raw_udp, BOTH, false, true, false, false },
	{ "a header of its own", by_own_header, V4, false, true, false, false },
	{ "a later fragment of its own", by_own_later_fragment, V4, false, false, false, false },
	{ "gre", by_gre, BOTH, false, false, false, false },
	{ "ipip", by_ipip, BOTH, false, false, false, false },
	{ "6in4", by_6in4, BOTH, false, false, false, false },
	{ "vxlan", by_vxlan, BOTH, true, true, false, false },
	{ "hop-by-hop options", by_hop_options, V6, true, true, false, false },
	{ "destination options", by_destination_options, V6, true, true, false, false },
	{ "a route in the packet", by_route6, V6, false, false, false, false },
	{ "a source route", by_route4, V4, false, false, false, false },
	{ "a frame", by_frame, V4, false, true, true, false },
	{ "a tagged frame", by_tagged_frame, V4, false, true, true, true },
};

/* ---- one try ---- */

struct sending {
	const struct means *m;
	const char *to;
	int port;
	int go, ready; /* pipes; -1: nobody's */
};

static void send_it(void *arg)
{
	struct sending *s = arg;
	union address a;
	socklen_t len = make_address(&a, s->to, s->port);
	char c;

	if (s->go >= 0 && (write(s->ready, "x", 1) != 1 || read(s->go, &c, 1) != 1))
		_exit(1);
	s->m->send(&a, len); /* whatever it says: the wire is asked */
}

/* What is heard of one try by a process in `cgroup` without a label, or by nobody's. */
static int try_one(const char *cgroup, const struct means *m, const char *to, int port)
{
	struct sending s = { m, to, port, -1, -1 };
	int go[2], ready[2], status = -1;
	pid_t child;
	char c;

	if (!cgroup) {
		run_in(NULL, 0, send_it, &s);
		return heard(to);
	}
	REQUIRE(!pipe(go) && !pipe(ready));
	s.go = go[0];
	s.ready = ready[1];
	child = start_in(cgroup, 0, send_it, &s);
	CHECK_INT(read(ready[0], &c, 1), 1);
	unlabel(child);
	CHECK_INT(write(go[1], "x", 1), 1);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	close(go[0]), close(go[1]), close(ready[0]), close(ready[1]);
	return heard(to);
}

static int port_of(size_t i, bool six)
{
	return 7800 + (int)i * 2 + six;
}

static void try_means(const struct config *c, size_t i, bool six)
{
	const struct means *m = &means[i];
	bool allowed = c->deny ? m->deny : m->allow;
	int got = try_one(c->cgroup, m, six ? OFF6 : OFF4, port_of(i, six));

	check_(__FILE__, __LINE__, got == 0, "%s, %s, v%d: %d packets came to the address off the list", c->name, m->name, six ? 6 : 4, got);
	if (m->deaf)
		return;
	got = try_one(c->cgroup, m, six ? ON6 : ON4, port_of(i, six));
	check_(__FILE__, __LINE__, allowed ? got > 0 : got == 0, "%s, %s, v%d: %d packets came to the listed address", c->name, m->name,
	       six ? 6 : 4, got);
}

/* Every drop is in the ledger, by the address and port that it was for. */
static void check_records(const struct config *c, size_t from)
{
	char text[24];
	size_t i, k;

	load_records(from);
	for (k = 0; k < n_recs; k++)
		check_(__FILE__, __LINE__, !strcmp(rec_text(&recs[k], "hook"), c->hook) && !strcmp(rec_text(&recs[k], "agent"), c->name) &&
		       rec_number(&recs[k], "trace_id") == (long long)c->trace_id && !strcmp(rec_text(&recs[k], "decision"), "block") &&
		       !strcmp(rec_text(&recs[k], "enforced"), "true"), "a record of %s by %s of agent %s, trace %s", rec_text(&recs[k], "hook"),
		       rec_text(&recs[k], "rule"), rec_text(&recs[k], "agent"), rec_text(&recs[k], "trace_id"));
	for (i = 0; i < 2 * VANTIO_ARRAY_SIZE(means); i++) {
		const struct means *m = &means[i / 2];
		bool six = i & 1, port = m->send != by_ping && m->send != by_gre && m->send != by_ipip && m->send != by_6in4 &&
				     m->send != by_own_later_fragment;

		if (!(m->families & (six ? V6 : V4)) || (m->tc_only && strcmp(c->hook, "tc_egress")))
			continue;
		snprintf(text, sizeof(text), "%d", port ? port_of(i / 2, six) : 0);
		for (k = 0; k < n_recs; k++)
			if (!strcmp(rec_resource(&recs[k], "port"), text))
				break;
		check_(__FILE__, __LINE__, k < n_recs, "%s: no record of %s, v%d", c->name, m->name, six ? 6 : 4);
	}
}

static void try_config(size_t which)
{
	const struct config *c = &configs[which];
	bool tc = !strcmp(c->hook, "tc_egress");
	size_t from = records_now(), i;

	filter_wire(tc);
	for (i = 0; i < VANTIO_ARRAY_SIZE(means); i++) {
		if (means[i].tc_only && !tc)
			continue;
		if (means[i].families & V4)
			try_means(c, i, false);
		if (means[i].families & V6)
			try_means(c, i, true);
	}
	filter_wire(false);
	check_records(c, from);
}

TEST_WITHIN(packet_cgroup_drops_what_no_rule_allows, 240) { try_config(0); }
TEST_WITHIN(packet_interface_drops_what_no_rule_allows, 240) { try_config(1); }
TEST_WITHIN(packet_cgroup_drops_what_a_rule_denies, 240) { try_config(2); }
TEST_WITHIN(packet_interface_drops_what_a_rule_denies, 240) { try_config(3); }

/* Of the link, as unique local addresses are: allowed where a rule says so and nowhere else. */
TEST(packet_to_an_address_of_the_link_needs_a_rule)
{
	const struct means *udp = &means[4];

	for (size_t i = 0; i < 2; i++) {
		filter_wire(i == 1);
		CHECK_INT(try_one(configs[i].cgroup, udp, OFFLL, 7790), 0);
		CHECK(try_one(configs[i].cgroup, udp, ONLL, 7790) > 0);
		CHECK(try_one(NULL, udp, OFFLL, 7790) > 0);
	}
	filter_wire(false);
}

/* The control of all of the above: the same, with every filter on, by a process that is not an agent's. */
TEST_WITHIN(packet_of_nobody_is_never_dropped, 240)
{
	size_t from = records_now(), i;

	filter_wire(true);
	for (i = 0; i < VANTIO_ARRAY_SIZE(means); i++) {
		if (means[i].deaf)
			continue;
		if (means[i].families & V4)
			check_(__FILE__, __LINE__, try_one(NULL, &means[i], OFF4, port_of(i, false)) > 0, "%s, v4: nothing came", means[i].name);
		if (means[i].families & V6)
			check_(__FILE__, __LINE__, try_one(NULL, &means[i], OFF6, port_of(i, true)) > 0, "%s, v6: nothing came", means[i].name);
	}
	filter_wire(false);
	load_records(from);
	CHECK_INT(n_recs, 0);
}

SETUP()
{
	static const char *const hooks[] = { "vantio_cgroup_connect4", "vantio_cgroup_connect6", "vantio_cgroup_sendmsg4", "vantio_cgroup_sendmsg6" };
	struct vantio_slot slot;
	char text[1024];

	engine_ready();
	make_wire();
	CHECK_SH(0, "modprobe sctp; echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range");
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(configs); i++) {
		struct config *c = &configs[i];

		snprintf(text, sizeof(text), "schema = 1\nname = \"%s\"\n[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n%s", c->name, c->rules);
		REQUIRE(!push_text(text, &slot));
		c->agent = enroll(c->name, c->cgroup, 0, slot.slot, c->trace_id);
		for (size_t k = 0; k < VANTIO_ARRAY_SIZE(hooks); k++)
			detach_from(c->agent, hooks[k]);
		if (!strcmp(c->hook, "tc_egress"))
			detach_from(c->agent, "vantio_cgroup_skb");
	}
}

TEARDOWN()
{
	char path[64];

	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(configs); i++) {
		remove_named(configs[i].name);
		snprintf(path, sizeof(path), CGROUP_ROOT "%s", configs[i].cgroup);
		rmdir(path);
	}
	drop_wire();
}

VT_MAIN()
