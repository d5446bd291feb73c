// SPDX-License-Identifier: Apache-2.0
/* [network] connect on TCP and UDP: who may connect and send, and what reached the other side. */
#include <bpf/bpf.h>

#include "net.h"

#define CG "/vt-net"

static const char policy[] = "schema = 1\nname = \"net\"\n"
			     "[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"deny\"\n"
			     "connect = [\"127.0.0.1:7001\", \"[::1]:7001\", \"tcp:127.0.0.1:7100-7199\", \"127.2.0.0/16:7001\",\n"
			     "  \"[fd00:7::]/64:7001\", \"[fe80::]/10:7001\", \"[::1]:7400\", \"udp:127.0.0.1:7300\"]\n"
			     "listen = [\"127.0.0.1:7501-7509\", \"127.5.5.5:7501-7509\"]\n"
			     "deny = [\"127.2.9.0/24\", \"tcp:127.0.0.1:7150\"]\n";

static const uid_t uids[] = { 0, 1000 };

/* ---- one attempt ---- */

struct attempt {
	const char *to; /* where it is sent */
	int port;
	const char *at; /* where it would arrive */
	int want;       /* errno, 0 is allowed */
	int fd;         /* of the receiver at `at` */
};

typedef int send_fn(const struct attempt *a, const union address *addr, socklen_t len);

static void prepare(struct attempt *a, size_t n, int type)
{
	for (size_t i = 0; i < n; i++) {
		a[i].fd = -1;
		for (size_t k = 0; k < i; k++)
			if (a[k].port == a[i].port && !strcmp(a[k].at, a[i].at))
				a[i].fd = a[k].fd;
		if (a[i].fd < 0)
			a[i].fd = receiver(a[i].at, a[i].port, type);
	}
}

static void try_each(const struct attempt *a, size_t n, int type, send_fn *send, const char *how)
{
	for (size_t i = 0; i < n; i++) {
		union address addr;
		socklen_t len = make_address(&addr, a[i].to, a[i].port);
		int got = send(&a[i], &addr, len) ? errno : 0, came = arrived(a[i].fd, type);

		check_(__FILE__, __LINE__, got == a[i].want, "%s to %s port %d: %s, not %s", how, a[i].to, a[i].port,
		       strerror(got), strerror(a[i].want));
		check_(__FILE__, __LINE__, came == !a[i].want, "%s to %s port %d: %d arrived at %s", how, a[i].to, a[i].port, came, a[i].at);
	}
}

#define EACH(list, type, how) try_each(list, VANTIO_ARRAY_SIZE(list), type, how, #how)

/* ---- TCP ---- */

static struct attempt tcp[] = {
	{ "127.0.0.1", 7001, "127.0.0.1", 0, -1 },
	{ "127.0.0.1", 7002, "127.0.0.1", EACCES, -1 },
	{ "127.0.0.1", 7099, "127.0.0.1", EACCES, -1 }, /* a range, its ends, and a denied port within it */
	{ "127.0.0.1", 7100, "127.0.0.1", 0, -1 },
	{ "127.0.0.1", 7150, "127.0.0.1", EACCES, -1 },
	{ "127.0.0.1", 7199, "127.0.0.1", 0, -1 },
	{ "127.0.0.1", 7200, "127.0.0.1", EACCES, -1 },
	{ "127.0.0.1", 7300, "127.0.0.1", EACCES, -1 }, /* UDP alone */
	{ "127.2.0.1", 7001, "127.2.0.1", 0, -1 },
	{ "127.2.255.254", 7001, "127.2.255.254", 0, -1 },
	{ "127.2.9.1", 7001, "127.2.9.1", EACCES, -1 }, /* denied within the allowed network */
	{ "127.3.0.1", 7001, "127.3.0.1", EACCES, -1 },
	{ "0.0.0.0", 7001, "127.0.0.1", 0, -1 },
	{ "0.0.0.0", 7002, "127.0.0.1", EACCES, -1 },
	{ "::1", 7001, "::1", 0, -1 },
	{ "::1", 7002, "::1", EACCES, -1 },
	{ "::", 7001, "::1", 0, -1 },
	{ "::", 7002, "::1", EACCES, -1 },
	{ "::ffff:127.0.0.1", 7001, "127.0.0.1", 0, -1 },
	{ "::ffff:127.0.0.1", 7002, "127.0.0.1", EACCES, -1 },
	{ "::ffff:127.0.0.1", 7400, "127.0.0.1", EACCES, -1 }, /* the rule names [::1] */
	{ "::ffff:127.2.9.1", 7001, "127.2.9.1", EACCES, -1 },
	{ "::ffff:0.0.0.0", 7001, "127.0.0.1", 0, -1 },
	{ "::ffff:0.0.0.0", 7002, "127.0.0.1", EACCES, -1 },
	{ "fd00:7::1", 7001, "fd00:7::1", 0, -1 },
	{ "fd00:8::1", 7001, "fd00:8::1", EACCES, -1 },
	{ "fe80::7", 7001, "fe80::7", 0, -1 },
	{ "fe80::7", 7002, "fe80::7", EACCES, -1 },
};

static int by_connect(const struct attempt *a, const union address *addr, socklen_t len)
{
	int fd = new_socket(a->to, SOCK_STREAM), r = connect(fd, &addr->any, len), e = errno;

	close(fd);
	errno = e;
	return r;
}

static int by_fastopen(const struct attempt *a, const union address *addr, socklen_t len)
{
	int fd = new_socket(a->to, SOCK_STREAM), r = sendto(fd, "x", 1, MSG_FASTOPEN, &addr->any, len) == 1 ? 0 : -1, e = errno;

	close(fd);
	errno = e;
	return r;
}

static void connect_all(void *arg)
{
	(void)arg;
	EACH(tcp, SOCK_STREAM, by_connect);
}

static void fastopen_all(void *arg)
{
	(void)arg;
	EACH(tcp, SOCK_STREAM, by_fastopen);
}

/* As many refusals are in the ledger as there were, each with the address that was asked for. */
static void check_refusals(const struct attempt *a, size_t n, const char *op, size_t from, size_t times)
{
	size_t refused = 0, i, k;

	load_records(from);
	for (i = 0; i < n; i++) {
		char port[8];

		if (!a[i].want)
			continue;
		refused++;
		snprintf(port, sizeof(port), "%d", a[i].port);
		for (k = 0; k < n_recs; k++)
			if (!strcmp(rec_text(&recs[k], "op"), op) && !strcmp(rec_resource(&recs[k], "port"), port) &&
			    (!strcmp(rec_resource(&recs[k], "addr"), a[i].to) || strstr(a[i].to, "ffff")))
				break;
		check_(__FILE__, __LINE__, k < n_recs, "no record of the refused %s to %s port %d", op, a[i].to, a[i].port);
	}
	if (!CHECK_INT(count_records(op, "block"), refused * times))
		show_records();
}

TEST(net_tcp_connect_reaches_what_rules_allow_alone)
{
	size_t from = records_now();

	prepare(tcp, VANTIO_ARRAY_SIZE(tcp), SOCK_STREAM);
	for (size_t u = 0; u < VANTIO_ARRAY_SIZE(uids); u++)
		run_in(CG, uids[u], connect_all, NULL);
	check_refusals(tcp, VANTIO_ARRAY_SIZE(tcp), "connect", from, VANTIO_ARRAY_SIZE(uids));
}

TEST(net_tcp_fast_open_is_a_connect)
{
	size_t from = records_now();

	prepare(tcp, VANTIO_ARRAY_SIZE(tcp), SOCK_STREAM);
	run_in(CG, 0, fastopen_all, NULL);
	check_refusals(tcp, VANTIO_ARRAY_SIZE(tcp), "sendto", from, 1);
}

/* The unspecified address means the socket's own address, if it has one. */
struct from_source {
	const char *source, *to, *at;
	int port, fd;
};

static void connect_from_source(void *arg)
{
	struct from_source *s = arg;
	union address from, to;
	socklen_t from_len = make_address(&from, s->source, 7501), to_len = make_address(&to, s->to, s->port);
	int fd = new_socket(s->source, SOCK_STREAM);

	CHECK_OK(bind(fd, &from.any, from_len));
	CHECK_FAILS(connect(fd, &to.any, to_len), EACCES);
	CHECK_INT(arrived(s->fd, SOCK_STREAM), 0);
}

TEST(net_connect_to_any_from_a_bound_source_is_judged_as_that_source)
{
	struct from_source mapped = { "::ffff:127.0.0.1", "::", "127.0.0.1", 7400, -1 };
	struct from_source v4 = { "127.5.5.5", "0.0.0.0", "127.5.5.5", 7001, -1 };

	mapped.fd = receiver(mapped.at, mapped.port, SOCK_STREAM);
	run_in(CG, 0, connect_from_source, &mapped);
	v4.fd = receiver(v4.at, v4.port, SOCK_STREAM);
	run_in(CG, 0, connect_from_source, &v4);
}

/* ---- UDP ---- */

static struct attempt udp[] = {
	{ "127.0.0.1", 7001, "127.0.0.1", 0, -1 },
	{ "127.0.0.1", 7002, "127.0.0.1", EACCES, -1 },
	{ "127.0.0.1", 7100, "127.0.0.1", EACCES, -1 }, /* TCP alone */
	{ "127.0.0.1", 7300, "127.0.0.1", 0, -1 },
	{ "127.0.0.1", 7150, "127.0.0.1", EACCES, -1 },
	{ "127.2.0.1", 7001, "127.2.0.1", 0, -1 },
	{ "127.2.9.1", 7001, "127.2.9.1", EACCES, -1 },
	{ "0.0.0.0", 7001, "127.0.0.1", 0, -1 },
	{ "0.0.0.0", 7002, "127.0.0.1", EACCES, -1 },
	{ "::1", 7001, "::1", 0, -1 },
	{ "::1", 7002, "::1", EACCES, -1 },
	{ "::", 7001, "::1", 0, -1 },
	{ "::", 7002, "::1", EACCES, -1 },
	{ "::ffff:127.0.0.1", 7001, "127.0.0.1", 0, -1 },
	{ "::ffff:127.0.0.1", 7002, "127.0.0.1", EACCES, -1 },
	{ "fd00:7::1", 7001, "fd00:7::1", 0, -1 },
	{ "fd00:8::1", 7001, "fd00:8::1", EACCES, -1 },
	{ "fe80::7", 7001, "fe80::7", 0, -1 },
	{ "fe80::7", 7002, "fe80::7", EACCES, -1 },
};

static int by_sendto(const struct attempt *a, const union address *addr, socklen_t len)
{
	int fd = new_socket(a->to, SOCK_DGRAM), r = sendto(fd, "x", 1, 0, &addr->any, len) == 1 ? 0 : -1, e = errno;

	close(fd);
	errno = e;
	return r;
}

static int by_sendmsg(const struct attempt *a, const union address *addr, socklen_t len)
{
	struct iovec v = { (char *)"x", 1 };
	struct msghdr m = { .msg_name = (void *)addr, .msg_namelen = len, .msg_iov = &v, .msg_iovlen = 1 };
	int fd = new_socket(a->to, SOCK_DGRAM), r = sendmsg(fd, &m, 0) == 1 ? 0 : -1, e = errno;

	close(fd);
	errno = e;
	return r;
}

static int by_sendmmsg(const struct attempt *a, const union address *addr, socklen_t len)
{
	struct iovec v = { (char *)"x", 1 };
	struct mmsghdr m = { .msg_hdr = { .msg_name = (void *)addr, .msg_namelen = len, .msg_iov = &v, .msg_iovlen = 1 } };
	int fd = new_socket(a->to, SOCK_DGRAM), r = sendmmsg(fd, &m, 1, 0) == 1 ? 0 : -1, e = errno;

	close(fd);
	errno = e;
	return r;
}

static int by_connected_send(const struct attempt *a, const union address *addr, socklen_t len)
{
	int fd = new_socket(a->to, SOCK_DGRAM), r = connect(fd, &addr->any, len), e = errno;

	if (!r)
		r = send(fd, "x", 1, 0) == 1 ? 0 : -1;
	else
		CHECK_FAILS(send(fd, "x", 1, 0), EDESTADDRREQ);
	close(fd);
	errno = e;
	return r;
}

static int by_v6_socket(const struct attempt *a, const union address *addr, socklen_t len)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = sendto(fd, "x", 1, 0, &addr->any, len) == 1 ? 0 : -1, e = errno;

	(void)a;
	close(fd);
	errno = e;
	return r;
}

/* The kernel takes AF_UNSPEC for AF_INET in an address of a datagram. */
static int by_unspec(const struct attempt *a, const union address *addr, socklen_t len)
{
	union address unspec = *addr;
	int fd, r, e;

	if (addr->any.sa_family == AF_INET)
		unspec.any.sa_family = AF_UNSPEC;
	fd = new_socket(a->to, SOCK_DGRAM);
	r = sendto(fd, "x", 1, 0, &unspec.any, len) == 1 ? 0 : -1;
	e = errno;
	close(fd);
	errno = e;
	return r;
}

static void send_all(void *arg)
{
	(void)arg;
	EACH(udp, SOCK_DGRAM, by_sendto);
	EACH(udp, SOCK_DGRAM, by_sendmsg);
	EACH(udp, SOCK_DGRAM, by_sendmmsg);
	EACH(udp, SOCK_DGRAM, by_connected_send);
	EACH(udp, SOCK_DGRAM, by_v6_socket);
	EACH(udp, SOCK_DGRAM, by_unspec);
}

TEST(net_udp_send_reaches_what_rules_allow_alone)
{
	size_t from = records_now();

	prepare(udp, VANTIO_ARRAY_SIZE(udp), SOCK_DGRAM);
	for (size_t u = 0; u < VANTIO_ARRAY_SIZE(uids); u++)
		run_in(CG, uids[u], send_all, NULL);
	check_refusals(udp, VANTIO_ARRAY_SIZE(udp), "sendto", from, 5 * VANTIO_ARRAY_SIZE(uids));
	check_refusals(udp, VANTIO_ARRAY_SIZE(udp), "connect", from, VANTIO_ARRAY_SIZE(uids));
}

static struct attempt pair[] = { { "127.0.0.1", 7001, "127.0.0.1", 0, -1 }, { "127.0.0.1", 7002, "127.0.0.1", 0, -1 } };

/* A socket that is connected to the one may not send to the other, nor many messages in one call. */
static void connected_then_elsewhere(void *arg)
{
	union address ok, no;
	socklen_t len = make_address(&ok, "127.0.0.1", 7001);
	struct iovec v = { (char *)"x", 1 };
	struct mmsghdr m[3] = {
		{ .msg_hdr = { .msg_name = &ok, .msg_namelen = len, .msg_iov = &v, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_name = &no, .msg_namelen = len, .msg_iov = &v, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_name = &ok, .msg_namelen = len, .msg_iov = &v, .msg_iovlen = 1 } },
	};
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)arg;
	make_address(&no, "127.0.0.1", 7002);
	CHECK_OK(connect(fd, &ok.any, len));
	CHECK_FAILS(sendto(fd, "x", 1, 0, &no.any, len), EACCES);
	CHECK_INT(sendmmsg(fd, m, 3, 0), 1);
	CHECK_FAILS(sendmmsg(fd, m + 1, 2, 0), EACCES);
	CHECK_FAILS(connect(fd, &no.any, len), EACCES);
	CHECK_INT(send(fd, "x", 1, 0), 1); /* still connected to the first */
	CHECK_OK(connect(fd, &unspec, sizeof(unspec)));
	CHECK_FAILS(send(fd, "x", 1, 0), EDESTADDRREQ);
	CHECK_OK(sendto(fd, "x", 1, 0, &ok.any, len));
	CHECK_FAILS(sendto(fd, "x", 1, 0, &no.any, len), EACCES);
}

TEST(net_udp_connected_socket_is_asked_for_each_address)
{
	prepare(pair, 2, SOCK_DGRAM);
	run_in(CG, 0, connected_then_elsewhere, NULL);
	CHECK_INT(arrived(pair[0].fd, SOCK_DGRAM), 3);
	CHECK_INT(arrived(pair[1].fd, SOCK_DGRAM), 0);
}

/* Once a v6 socket has talked IPv4, its unspecified address is 127.0.0.1 and not ::1. */
static void send_to_any_from_mapped(void *arg)
{
	union address mapped, any;
	socklen_t len = make_address(&mapped, "::ffff:127.0.0.1", 7001);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)arg;
	make_address(&any, "::", 7400);
	CHECK_OK(connect(fd, &mapped.any, len));
	CHECK_FAILS(sendto(fd, "x", 1, 0, &any.any, len), EACCES);
	CHECK_FAILS(connect(fd, &any.any, len), EACCES);
}

TEST(net_udp_any_of_a_mapped_socket_is_judged_as_ipv4)
{
	int fd = receiver("127.0.0.1", 7400, SOCK_DGRAM);

	run_in(CG, 0, send_to_any_from_mapped, NULL);
	CHECK_INT(arrived(fd, SOCK_DGRAM), 0);
}

/* ---- the programs behind the socket hooks ---- */

static struct attempt behind_tcp[] = {
	{ "127.0.0.1", 7001, "127.0.0.1", 0, -1 },
	{ "127.0.0.1", 7002, "127.0.0.1", EPERM, -1 },
	{ "127.2.9.1", 7001, "127.2.9.1", EPERM, -1 },
	{ "::1", 7001, "::1", 0, -1 },
	{ "::1", 7002, "::1", EPERM, -1 },
	{ "::ffff:127.0.0.1", 7002, "127.0.0.1", EPERM, -1 },
};

static struct attempt behind_udp[] = {
	{ "127.0.0.1", 7001, "127.0.0.1", 0, -1 },
	{ "127.0.0.1", 7002, "127.0.0.1", EPERM, -1 },
	{ "::1", 7001, "::1", 0, -1 },
	{ "::1", 7002, "::1", EPERM, -1 },
	{ "::ffff:127.0.0.1", 7002, "127.0.0.1", EPERM, -1 },
};

static int go[2], ready[2]; /* pipes: to a child, from it */

static void without_label(void *arg)
{
	char c;
	int fd;

	(void)arg;
	CHECK_INT(write(ready[1], "x", 1), 1);
	CHECK_INT(read(go[0], &c, 1), 1);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0); /* no hook of ours sees this process any more */
	CHECK_OK(fd);
	close(fd);
	EACH(behind_tcp, SOCK_STREAM, by_connect);
	EACH(behind_tcp, SOCK_STREAM, by_fastopen);
	EACH(behind_udp, SOCK_DGRAM, by_sendto);
}

/* The label is taken from a process in an enrolled cgroup: the LSM hooks pass it, and what refuses is behind them. */
TEST(net_cgroup_programs_refuse_what_the_hooks_let_pass)
{
	static const char *const hooks[] = { "cgroup/connect4", "cgroup/connect6", "cgroup/sendmsg4", "cgroup/sendmsg6" };
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	size_t from = records_now(), i, k;
	int status = -1, fd;
	pid_t child;
	char c;

	prepare(behind_tcp, VANTIO_ARRAY_SIZE(behind_tcp), SOCK_STREAM);
	prepare(behind_udp, VANTIO_ARRAY_SIZE(behind_udp), SOCK_DGRAM);
	REQUIRE(pipe(go) == 0 && pipe(ready) == 0 && engine_change(&e) == 0);
	child = start_in(CG, 0, without_label, NULL);
	CHECK_INT(read(ready[0], &c, 1), 1);
	fd = (int)syscall(SYS_pidfd_open, child, 0);
	CHECK_OK(bpf_map_delete_elem(e.labels, &fd));
	vantio_engine_close(&e);
	CHECK_INT(write(go[1], "x", 1), 1);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	load_records(from);
	for (i = 0; i < VANTIO_ARRAY_SIZE(hooks); i++) {
		for (k = 0; k < n_recs; k++)
			if (!strcmp(rec_text(&recs[k], "hook"), hooks[i]) && !strcmp(rec_text(&recs[k], "agent"), "net") &&
			    !strcmp(rec_text(&recs[k], "decision"), "block"))
				break;
		check_(__FILE__, __LINE__, k < n_recs, "no record of %s", hooks[i]);
	}
}

/* ---- nobody else ---- */

static void as_nobody(void *arg)
{
	(void)arg;
	EACH(tcp, SOCK_STREAM, by_connect);
	EACH(udp, SOCK_DGRAM, by_sendto);
}

TEST(net_processes_that_are_not_enrolled_are_untouched)
{
	size_t from = records_now(), i;

	for (i = 0; i < VANTIO_ARRAY_SIZE(tcp); i++)
		tcp[i].want = 0;
	for (i = 0; i < VANTIO_ARRAY_SIZE(udp); i++)
		udp[i].want = 0;
	prepare(tcp, VANTIO_ARRAY_SIZE(tcp), SOCK_STREAM);
	prepare(udp, VANTIO_ARRAY_SIZE(udp), SOCK_DGRAM);
	run_in(NULL, 0, as_nobody, NULL);
	load_records(from);
	CHECK_INT(n_recs, 0);
}

SETUP()
{
	struct vantio_slot slot;

	engine_ready();
	add_addresses();
	if (!push_text(policy, &slot))
		enroll("net", CG, 0, slot.slot, 0);
}

TEARDOWN()
{
	remove_named("net");
	rmdir(CGROUP_ROOT CG);
}

VT_MAIN()
