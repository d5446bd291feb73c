// SPDX-License-Identifier: Apache-2.0
/*
 * The packet programs beside the socket hooks: sockets that others opened, connections that outlive a policy, answers to those who
 * connected, tunnels of the host's own, and what an administrator sees of the filter on interfaces.
 */
#include <sys/ioctl.h>

#include "packet.h"

#define CG    "/vt-egress"
#define TRACE 0xe67e55ull

#define POLICY(connect) "schema = 1\nname = \"egress\"\n[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"deny\"\n" \
			"connect = [" connect "]\nlisten = [\"0.0.0.0:7900-7999\", \"[::]:7900-7999\"]\n"
#define LISTED "\"" ON4 "\", \"[" ON6 "]\", \"10.78.0.2\", \"10.79.0.2\", \"127.0.0.1:7300\""

static struct vantio_slot slot;

/* ---- sockets that somebody else opened ---- */

static int connected(const char *to, int port, int type)
{
	union address a;
	socklen_t len = make_address(&a, to, port);
	int fd = new_socket(to, type);

	check_(__FILE__, __LINE__, !connect(fd, &a.any, len), "cannot connect to %s: %s", to, strerror(errno));
	return fd;
}

static int far_receiver(const char *at, int port, int type)
{
	int fd;

	go_far();
	fd = receiver(at, port, type);
	go_near();
	return fd;
}

static void write_to(void *arg)
{
	ssize_t n = write(*(int *)arg, "from the agent", 14);

	CHECK(n == 14 || n < 0); /* a drop behind the call is not the caller's to know */
}

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
	filter_wire(false);
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

/* ---- tunnels of the host's own ---- */

struct tunnelled {
	const char *to;
	int want;
};

static void send_through(void *arg)
{
	struct tunnelled *t = arg;
	union address a;
	socklen_t len = make_address(&a, t->to, 7720);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (t->want)
		CHECK_FAILS(sendto(fd, "x", 1, 0, &a.any, len), t->want);
	else
		CHECK_INT(sendto(fd, "x", 1, 0, &a.any, len), 1);
	if (t->want)
		return;
	fd = connected(t->to, 7721, SOCK_STREAM);
	CHECK_INT(write(fd, "y", 1), 1);
	close(fd);
}

/* The far end of the tunnel is an address off the list, which is the host's affair and not the agent's. */
static void try_tunnel(const char *make_near, const char *make_far, const char *far_device)
{
	struct tunnelled listed = { "10.78.0.2", 0 }, unlisted = { "10.78.0.3", EACCES };
	int udp, tcp, other, passed;

	CHECK_SH(0, "%s && ip addr add 10.78.0.1/24 dev vtun", make_near);
	CHECK_SH(0, "nsenter --net=/proc/%d/fd/%d sh -c '%s && ip addr add 10.78.0.2/24 dev %s && ip addr add 10.78.0.3/24 dev %s'", (int)getpid(),
		 far_ns, make_far, far_device, far_device);
	udp = far_receiver("10.78.0.2", 7720, SOCK_DGRAM);
	tcp = far_receiver("10.78.0.2", 7721, SOCK_STREAM);
	other = far_receiver("10.78.0.3", 7720, SOCK_DGRAM);
	filter_wire(true);
	run_in(CG, 0, send_through, &listed);
	CHECK_INT(arrived(tcp, SOCK_STREAM), 1);
	CHECK_INT(arrived(udp, SOCK_DGRAM), 1);
	run_in(CG, 0, send_through, &unlisted);
	passed = connected("10.78.0.3", 7720, SOCK_DGRAM);
	CHECK_INT(write(passed, "z", 1), 1);
	CHECK_INT(arrived(other, SOCK_DGRAM), 1); /* nobody's */
	run_in(CG, 0, write_to, &passed);
	CHECK_INT(arrived(other, SOCK_DGRAM), 0); /* inside another packet, and yet not past the filter */
	filter_wire(false);
	close(udp), close(tcp), close(other), close(passed);
	sh("ip link del vtun");
	sh("nsenter --net=/proc/%d/fd/%d ip link del %s", (int)getpid(), far_ns, far_device);
}

TEST(egress_through_the_hosts_own_tunnels_is_judged_inside)
{
	CHECK_SH(0, "modprobe ipip && modprobe ip_gre && modprobe 8021q");
	try_tunnel("ip tunnel add vtun mode ipip local " NEAR4 " remote " OFF4 " && ip link set vtun up",
		   "ip tunnel add vtunf mode ipip local " OFF4 " remote " NEAR4 " && ip link set vtunf up", "vtunf");
	try_tunnel("ip tunnel add vtun mode gre local " NEAR4 " remote " OFF4 " && ip link set vtun up",
		   "ip tunnel add vtunf mode gre local " OFF4 " remote " NEAR4 " && ip link set vtunf up", "vtunf");
	try_tunnel("ip link add link vtp0 name vtun type vlan id 5 && ip link set vtun up",
		   "ip link add link vtp1 name vtunf type vlan id 5 && ip link set vtunf up", "vtunf");
}

/* ---- the administrator ---- */

static bool status_lists(const char *name)
{
	CHECK_SH(0, "vantioctl status");
	return strstr(sh_output, name) != NULL;
}

/* Waits until the filter has come to an interface that is new. */
static bool comes_to(const char *name)
{
	struct timespec pause = { 0, 20000000 };
	int tries;

	for (tries = 0; tries < 500 && !status_lists(name); tries++)
		nanosleep(&pause, NULL); /* `enforce` says nothing when it follows a link */
	return tries < 500;
}

static pid_t enforce_on(const char *interface)
{
	char line[256] = "";
	int fds[2];
	FILE *out;
	pid_t child;

	fflush(stdout);
	REQUIRE(!pipe2(fds, O_CLOEXEC));
	child = fork();
	if (!child) {
		dup2(fds[1], 2);
		execlp("vantioctl", "vantioctl", "enforce", "--ledger", ledger_dir(), "--policy", "/tmp/egress.toml", "--egress-interface", interface,
		       NULL);
		_exit(127);
	}
	close(fds[1]);
	out = fdopen(fds[0], "r");
	while (!strstr(line, "enforcing") && fgets(line, sizeof(line), out))
		;
	CHECK(strstr(line, "enforcing") != NULL);
	return child;
}

TEST_WITHIN(egress_filter_outlives_enforce_and_follows_interfaces, 120)
{
	int fd, status;
	pid_t child;

	policy_push("egress-idle", "[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n");
	make_file("/tmp/egress.toml", "schema = 1\nname = \"egress-idle\"\n[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n"
				      "[network]\ndefault = \"allow\"\n", 0600);
	CHECK(!status_lists("vtp0"));
	child = enforce_on("vtp0");
	CHECK(status_lists("vtp0"));
	CHECK(!status_lists("those of any agent on lo"));
	enforce_end(child, SIGKILL);
	CHECK(status_lists("vtp0"));
	far_receiver(OFF4, 7730, SOCK_DGRAM);
	fd = connected(OFF4, 7730, SOCK_DGRAM);
	heard(OFF4);
	run_in(CG, 0, write_to, &fd);
	CHECK_INT(heard(OFF4), 0);
	child = enforce_on("all");
	CHECK(status_lists("vtp0") && status_lists("lo"));
	CHECK_SH(0, "ip link add vtnew type dummy");
	CHECK(comes_to("vtnew"));
	CHECK_SH(0, "ip link del vtnew");
	status = enforce_end(child, SIGTERM);
	CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
	child = enforce_on("none");
	enforce_end(child, SIGTERM);
	CHECK(!status_lists("vtp0"));
	CHECK_SH(0, "vantioctl status --json");
	CHECK(strstr(sh_output, "\"egress_interfaces\":[]"));
}

TEST(egress_interface_that_is_not_there_is_an_error)
{
	CHECK_SH(1, "vantioctl enforce --ledger %s --policy /tmp/egress.toml --egress-interface nosuch0", ledger_dir());
	CHECK(strstr(sh_output, "no network interface is named 'nosuch0'"));
	CHECK_SH(2, "vantioctl enforce --policy /tmp/egress.toml --egress-interface all --egress-interface vtp0");
	CHECK(strstr(sh_output, "stand alone"));
}

SETUP()
{
	engine_ready();
	make_wire();
	make_file("/tmp/egress.toml", "schema = 1\nname = \"egress-idle\"\n[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n"
				      "[network]\ndefault = \"allow\"\n", 0600);
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
