// SPDX-License-Identifier: Apache-2.0
/*
 * The packet programs beside the socket hooks: sockets that others opened, connections that outlive a policy, and answers to those who
 * connected.
 */
#include "packet.h"

#define CG    "/vt-egress"
#define TRACE 0xe67e55ull

#define POLICY(connect) "schema = 1\nname = \"egress\"\n[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"deny\"\n" \
			"connect = [" connect "]\nlisten = [\"0.0.0.0:7900-7999\", \"" NEAR4 ":7951\", \"[::]:7900-7999\"]\n"
#define LISTED "\"" ON4 "\", \"[" ON6 "]\", \"127.0.0.1:7300\""

static struct vantio_slot slot;

/* ---- sockets that somebody else opened ---- */

static void splice_to(void *arg)
{
	int fds[2];

	CHECK(!pipe(fds) && write(fds[1], "from the agent", 14) == 14);
	CHECK_OK(splice(fds[0], NULL, *(int *)arg, NULL, 14, 0));
}

/* The socket in a message, as an agent gets it from its helper. */
static void receive_and_splice(void *arg)
{
	union { struct cmsghdr h; char bytes[CMSG_SPACE(sizeof(int))]; } control;
	char byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	int fd;

	CHECK_INT(recvmsg(*(int *)arg, &m, 0), 1);
	REQUIRE(m.msg_controllen >= CMSG_LEN(sizeof(int)));
	memcpy(&fd, CMSG_DATA(&control.h), sizeof(fd));
	splice_to(&fd);
}

static void pass(int through, int fd)
{
	union { struct cmsghdr h; char bytes[CMSG_SPACE(sizeof(int))]; } control = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec v = { (char *)"x", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };

	memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
	CHECK_INT(sendmsg(through, &m, 0), 1);
}

static void try_foreign(const char *to, int port, int type, uid_t uid)
{
	int victim = far_receiver(to, port, type), fd = connected(to, port, type), pair[2], n;
	bool listed = !strcmp(to, ON4) || !strcmp(to, ON6);

	heard(to);
	run_in(CG, uid, write_to, &fd);
	n = heard(to);
	check_(__FILE__, __LINE__, listed ? n > 0 : !n, "%s, type %d, inherited: %d packets came", to, type, n);
	close(fd);
	fd = connected(to, port, type);
	CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	pass(pair[1], fd);
	heard(to);
	run_in(CG, uid, receive_and_splice, &pair[0]);
	n = heard(to);
	check_(__FILE__, __LINE__, listed ? n > 0 : !n, "%s, type %d, passed: %d packets came", to, type, n);
	close(fd);
	fd = connected(to, port, type);
	heard(to);
	CHECK_INT(write(fd, "from somebody else", 18), 18);
	CHECK(heard(to) > 0);
	close(fd);
	close(victim);
	close(pair[0]), close(pair[1]);
}

TEST(egress_of_sockets_that_others_connected_is_dropped_off_the_list)
{
	size_t from = records_now(), i;

	filter_wire(true);
	for (uid_t uid = 0; uid <= 1000; uid += 1000) {
		try_foreign(OFF4, 7701, SOCK_STREAM, uid);
		try_foreign(OFF4, 7702, SOCK_DGRAM, uid);
		try_foreign(OFF6, 7703, SOCK_STREAM, uid);
		try_foreign(OFF6, 7704, SOCK_DGRAM, uid);
	}
	try_foreign(ON4, 7705, SOCK_STREAM, 0);
	try_foreign(ON4, 7706, SOCK_DGRAM, 0);
	try_foreign(ON6, 7707, SOCK_STREAM, 0);
	CHECK_SH(0, "vantioctl status --json | grep -q '\"hook\":\"tc_egress\"'");
	filter_wire(false);
	CHECK_SH(1, "vantioctl status --json | grep -q '\"hook\":\"tc_egress\"'");
	load_records(from);
	CHECK(n_recs >= 16);
	for (i = 0; i < n_recs; i++) {
		CHECK_STR(rec_text(&recs[i], "hook"), "tc_egress");
		CHECK_STR(rec_text(&recs[i], "op"), "sendto");
		CHECK_STR(rec_text(&recs[i], "rule"), "network.default");
		CHECK_STR(rec_text(&recs[i], "decision"), "block");
		CHECK_INT(rec_number(&recs[i], "trace_id"), (long long)TRACE);
		CHECK(rec_number(&recs[i], "pid") > 0);
		CHECK(!strcmp(rec_resource(&recs[i], "addr"), OFF4) || !strcmp(rec_resource(&recs[i], "addr"), OFF6));
	}
}

/* An agent that makes its helper's connection look like one that it accepted. */
static void pretend_to_listen(void *arg)
{
	union address a;
	socklen_t len = make_address(&a, NEAR4, 7951);
	int connection = *(int *)arg, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	CHECK_FAILS(listen(connection, 1), EINVAL);
	CHECK_FAILS(accept(connection, NULL, NULL), EINVAL);
	setsockopt(connection, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	CHECK_OK(bind(fd, &a.any, len));
	CHECK_OK(listen(fd, 1));
	write_to(&connection);
}

TEST(egress_of_a_connection_that_pretends_to_be_accepted_is_dropped)
{
	int victim = far_receiver(OFF4, 7709, SOCK_STREAM), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	union address near, far;
	socklen_t near_len = make_address(&near, NEAR4, 7951), far_len = make_address(&far, OFF4, 7709);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	CHECK_OK(bind(fd, &near.any, near_len));
	CHECK_OK(connect(fd, &far.any, far_len));
	filter_wire(true);
	heard(OFF4);
	run_in(CG, 0, pretend_to_listen, &fd);
	CHECK_INT(heard(OFF4), 0);
	filter_wire(false);
	close(fd);
	close(victim);
}

/* Frames that pass by every filter of the interface: the hook itself refuses them. */
static int send_frame(int fd)
{
	unsigned char b[28] = { 0x45, 0, 0, 28, 0, 7, 0, 0, 64, IPPROTO_UDP, 0, 0, 10, 77, 0, 1, 10, 77, 0, 3, 0, 5, 30, 5, 0, 8 };
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)if_nametoindex("vtp0"), .sll_halen = 6 };

	memset(ll.sll_addr, 0xff, 6);
	return sendto(fd, b, sizeof(b), 0, (void *)&ll, sizeof(ll)) == sizeof(b) ? 0 : -1;
}

static void send_frame_of_others(void *arg)
{
	CHECK_FAILS(send_frame(*(int *)arg), EPERM);
}

static void send_raw_of_others(void *arg)
{
	union address a;
	socklen_t len = make_address(&a, OFF4, 0);

	CHECK_FAILS(sendto(*(int *)arg, "x", 1, 0, &a.any, len), EPERM);
}

TEST(egress_through_raw_sockets_that_others_made_is_refused)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 253), one = 1;

	CHECK_OK(setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)));
	heard(OFF4);
	run_in(CG, 0, send_frame_of_others, &fd);
	run_in(CG, 1000, send_frame_of_others, &fd);
	run_in(CG, 0, send_raw_of_others, &raw);
	CHECK_INT(heard(OFF4), 0);
	CHECK_OK(send_frame(fd));
	CHECK_INT(heard(OFF4), 1);
	close(fd), close(raw);
}

/* ---- before it was an agent, and under an older policy ---- */

static int asks[2], answers[2]; /* pipes: to the process, from it */

/* Connects to where it is told and stays; each byte that comes is written to the connection. */
static void stay_connected(void *arg)
{
	int fd = connected(arg, 7710, SOCK_STREAM);
	char c;

	do
		CHECK_INT(write(answers[1], "x", 1), 1);
	while (read(asks[0], &c, 1) == 1 && write(fd, "more", 4));
}

static void await_answer(void)
{
	char c;

	CHECK_INT(read(answers[0], &c, 1), 1);
}

static int heard_after_asking(const char *to)
{
	heard(to);
	CHECK_INT(write(asks[1], "x", 1), 1);
	await_answer();
	return heard(to);
}

TEST(egress_of_connections_from_before_enrolment_is_dropped_off_the_list)
{
	static const char cg[] = "/vt-egress-late";
	int victim = far_receiver(OFF4, 7710, SOCK_STREAM);
	pid_t child;

	REQUIRE(!pipe2(asks, O_CLOEXEC) && !pipe2(answers, O_CLOEXEC));
	make_cgroup(cg);
	child = start_in(cg, 0, stay_connected, (void *)OFF4);
	await_answer();
	CHECK(heard_after_asking(OFF4) > 0);
	enroll("egress-late", cg, 0, slot.slot, 0);
	CHECK_INT(heard_after_asking(OFF4), 0);
	remove_named("egress-late");
	CHECK(heard_after_asking(OFF4) > 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(victim);
	rmdir(CGROUP_ROOT "/vt-egress-late");
}

/* The same policy again with other addresses behind a name ends no connection; another policy does. */
TEST(egress_of_a_connection_ends_with_the_policy_that_allowed_it)
{
	int victim = far_receiver(ON4, 7710, SOCK_STREAM);
	pid_t child;

	REQUIRE(!pipe2(asks, O_CLOEXEC) && !pipe2(answers, O_CLOEXEC));
	CHECK_SH(0, "cp /etc/hosts /tmp/hosts && echo '" ON4 " moving.example' >>/etc/hosts");
	CHECK(!push_text(POLICY("\"moving.example:7710\""), &slot));
	child = start_in(CG, 0, stay_connected, (void *)ON4);
	await_answer();
	CHECK(heard_after_asking(ON4) > 0);
	CHECK_SH(0, "cp /tmp/hosts /etc/hosts && echo '10.77.0.9 moving.example' >>/etc/hosts");
	CHECK(!push_text(POLICY("\"moving.example:7710\""), &slot));
	CHECK(heard_after_asking(ON4) > 0);
	CHECK(!push_text(POLICY("\"10.77.0.9:7710\""), &slot));
	CHECK_INT(heard_after_asking(ON4), 0);
	CHECK(!push_text(POLICY(LISTED), &slot));
	CHECK(heard_after_asking(ON4) > 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(victim);
	CHECK_SH(0, "cp /tmp/hosts /etc/hosts");
}

/* ---- answers ---- */

struct serving {
	int listener; /* -1: its own */
	int six;
};

/* Accepts one connection, closes the listener, answers what comes. */
static void serve(void *arg)
{
	struct serving *s = arg;
	char byte = 0;
	int fd = s->listener;

	if (fd < 0)
		fd = receiver(s->six ? "::" : "0.0.0.0", 7900, SOCK_STREAM);
	fcntl(fd, F_SETFL, 0);
	CHECK_INT(write(answers[1], "x", 1), 1);
	s->listener = fd;
	fd = accept(fd, NULL, NULL);
	CHECK_OK(fd);
	if (!s->six)
		close(s->listener);
	CHECK_INT(read(fd, &byte, 1), 1);
	CHECK_INT(write(fd, &byte, 1), 1);
	CHECK_INT(read(fd, &byte, 1), 0);
}

/* Somebody at the address off the list connects, and has its byte back. */
static void try_answer(struct serving s, int port)
{
	const char *from = s.six ? OFF6 : OFF4;
	union address near, far;
	socklen_t near_len = make_address(&near, s.six ? NEAR6 : NEAR4, port), far_len = make_address(&far, from, 0);
	struct timeval most = { .tv_sec = 20 };
	int status = -1, fd;
	char byte = 0;
	pid_t child;

	REQUIRE(!pipe2(answers, O_CLOEXEC));
	child = start_in(CG, 0, serve, &s);
	await_answer();
	go_far();
	fd = new_socket(from, SOCK_STREAM);
	CHECK_OK(bind(fd, &far.any, far_len));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
	CHECK_OK(connect(fd, &near.any, near_len));
	go_near();
	CHECK_INT(write(fd, "?", 1), 1);
	CHECK_INT(read(fd, &byte, 1), 1);
	CHECK_INT(byte, '?');
	close(fd);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
}

TEST(egress_of_answers_to_who_connected_passes)
{
	struct serving own = { -1, 0 }, own6 = { -1, 1 }, inherited = { -1, 0 };
	size_t from = records_now();

	filter_wire(true);
	try_answer(own, 7900);
	try_answer(own6, 7900);
	inherited.listener = receiver("0.0.0.0", 7650, SOCK_STREAM); /* that the policy would not let the agent make */
	try_answer(inherited, 7650);
	filter_wire(false);
	load_records(from);
	if (!CHECK_INT(n_recs, 0))
		show_records();
}

/* A port that nobody listens on: the kernel's reset goes out, whoever's machine it is. */
TEST(egress_of_the_kernels_own_answers_passes)
{
	union address a;
	socklen_t len = make_address(&a, NEAR4, 7666);
	int fd, udp;
	char byte;

	filter_wire(true);
	go_far();
	fd = new_socket(NEAR4, SOCK_STREAM);
	CHECK_FAILS(connect(fd, &a.any, len), ECONNREFUSED);
	udp = new_socket(NEAR4, SOCK_DGRAM);
	CHECK_OK(connect(udp, &a.any, len));
	CHECK_INT(write(udp, "x", 1), 1);
	CHECK_FAILS(read(udp, &byte, 1), ECONNREFUSED);
	go_near();
	filter_wire(false);
}

/* ---- the address that a message chooses for itself ---- */

struct chosen {
	const char *source;
	int want;
};

static void send_to_any(void *arg)
{
	struct chosen *c = arg;
	union { struct cmsghdr h; char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))]; } control = {
		.h = { CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO } };
	struct in_pktinfo info = {};
	union address a;
	struct iovec v = { (char *)"x", 1 };
	struct msghdr m = { .msg_name = &a, .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	m.msg_namelen = make_address(&a, "0.0.0.0", 7300);
	inet_pton(AF_INET, c->source, &info.ipi_spec_dst);
	memcpy(CMSG_DATA(&control.h), &info, sizeof(info));
	if (c->want)
		CHECK_FAILS(sendmsg(fd, &m, 0), c->want);
	else
		CHECK_INT(sendmsg(fd, &m, 0), 1);
}

TEST(egress_to_any_from_a_source_of_the_messages_own_is_judged_as_that_source)
{
	struct chosen other = { "127.9.9.9", EPERM }, loopback = { "127.0.0.1", 0 };
	int at_other = receiver("127.9.9.9", 7300, SOCK_DGRAM), at_loopback = receiver("127.0.0.1", 7300, SOCK_DGRAM);

	run_in(CG, 0, send_to_any, &loopback);
	run_in(CG, 0, send_to_any, &other);
	CHECK_INT(arrived(at_loopback, SOCK_DGRAM), 1);
	CHECK_INT(arrived(at_other, SOCK_DGRAM), 0);
	other.want = 0;
	run_in(NULL, 0, send_to_any, &other);
	CHECK_INT(arrived(at_other, SOCK_DGRAM), 1);
}

SETUP()
{
	engine_ready();
	make_wire();
	if (!push_text(POLICY(LISTED), &slot))
		enroll("egress", CG, 0, slot.slot, TRACE);
}

TEARDOWN()
{
	filter_wire(false);
	remove_named("egress");
	rmdir(CGROUP_ROOT CG);
	drop_wire();
}

VT_MAIN()
