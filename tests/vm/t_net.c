// SPDX-License-Identifier: Apache-2.0
/* [network] on TCP and UDP: who may connect, send, bind and listen, and what reached the other side. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/in6.h>
#include <net/if.h>
#include <sys/syscall.h>

#include "govern.h"

#define CG "/vt-net"

static const char policy[] = "schema = 1\nname = \"net\"\n"
			     "[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"deny\"\n"
			     "connect = [\"127.0.0.1:7001\", \"[::1]:7001\", \"tcp:127.0.0.1:7100-7199\", \"127.2.0.0/16:7001\",\n"
			     "  \"[fd00:7::]/64:7001\", \"[fe80::]/10:7001\", \"[::1]:7400\", \"udp:127.0.0.1:7300\"]\n"
			     "listen = [\"127.0.0.1:7501-7509\", \"[::1]:7501-7509\", \"[::]:7510\", \"0.0.0.0:7511\", \"[::]:7511\",\n"
			     "  \"127.0.0.7\", \"udp:127.0.0.1:7520\", \"127.5.5.5:7501-7509\"]\n"
			     "deny = [\"127.2.9.0/24\", \"tcp:127.0.0.1:7150\"]\n";

static const uid_t uids[] = { 0, 1000 };

/* ---- addresses ---- */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t make_address(union address *a, const char *text, int port)
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
		a->v6.sin6_scope_id = if_nametoindex("vtd0");
	return sizeof(a->v6);
}

static int new_socket(const char *text, int type)
{
	return socket(strchr(text, ':') ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
}

/* A socket that takes what comes to (text, port), made by a process that nobody governs. */
static int receiver(const char *text, int port, int type)
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
static int arrived(int fd, int type)
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

/* ---- bind and listen ---- */

static const struct {
	const char *at;
	int port, type, only6, want;
} binds[] = {
	{ "127.0.0.1", 7501, SOCK_STREAM, 0, 0 },
	{ "127.0.0.1", 7500, SOCK_STREAM, 0, EACCES },
	{ "127.0.0.2", 7501, SOCK_STREAM, 0, EACCES },
	{ "0.0.0.0", 7501, SOCK_STREAM, 0, EACCES },
	{ "127.0.0.1", 0, SOCK_STREAM, 0, EACCES }, /* any port: needs `*` */
	{ "127.0.0.7", 0, SOCK_STREAM, 0, 0 },
	{ "127.0.0.7", 7600, SOCK_STREAM, 0, 0 },
	{ "127.0.0.1", 7520, SOCK_STREAM, 0, EACCES },
	{ "127.0.0.1", 7520, SOCK_DGRAM, 0, 0 },
	{ "127.0.0.1", 7521, SOCK_DGRAM, 0, EACCES },
	{ "127.0.0.1", 0, SOCK_DGRAM, 0, EACCES },
	{ "127.0.0.7", 0, SOCK_DGRAM, 0, 0 },
	{ "127.0.0.1", 7502, SOCK_DGRAM, 0, 0 },
	{ "::1", 7501, SOCK_STREAM, 0, 0 },
	{ "::1", 7500, SOCK_STREAM, 0, EACCES },
	{ "::1", 0, SOCK_STREAM, 0, EACCES },
	{ "::1", 7503, SOCK_DGRAM, 0, 0 },
	{ "::ffff:127.0.0.1", 7504, SOCK_STREAM, 0, 0 },
	{ "::ffff:127.0.0.1", 7500, SOCK_STREAM, 0, EACCES },
	{ "::", 7510, SOCK_STREAM, 0, EACCES }, /* both families, of which one is allowed */
	{ "::", 7510, SOCK_STREAM, 1, 0 },
	{ "::", 7511, SOCK_STREAM, 0, 0 },
	{ "::", 7510, SOCK_DGRAM, 0, EACCES },
	{ "::", 7510, SOCK_DGRAM, 1, 0 },
	{ "::", 7511, SOCK_DGRAM, 0, 0 },
	{ "::ffff:0.0.0.0", 7511, SOCK_STREAM, 0, 0 },
	{ "::ffff:0.0.0.0", 7510, SOCK_STREAM, 0, EACCES },
};

static int bound_port(int fd)
{
	union address a;
	socklen_t len = sizeof(a);

	CHECK_OK(getsockname(fd, &a.any, &len));
	return ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
}

static void bind_all(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(binds); i++) {
		union address a;
		socklen_t len = make_address(&a, binds[i].at, binds[i].port);
		int fd = new_socket(binds[i].at, binds[i].type), one = 1, got;

		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (binds[i].only6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		got = bind(fd, &a.any, len) ? errno : 0;
		check_(__FILE__, __LINE__, got == binds[i].want, "bind of %s port %d type %d: %s, not %s", binds[i].at, binds[i].port,
		       binds[i].type, strerror(got), strerror(binds[i].want));
		if (binds[i].want)
			CHECK_INT(bound_port(fd), 0);
		else if (binds[i].port)
			CHECK_INT(bound_port(fd), binds[i].port);
		else
			CHECK(bound_port(fd) != 0);
		if (binds[i].type == SOCK_STREAM && !binds[i].want && binds[i].port)
			CHECK_OK(listen(fd, 1));
		close(fd);
	}
}

TEST(net_bind_takes_what_listen_rules_allow_alone)
{
	for (size_t u = 0; u < VANTIO_ARRAY_SIZE(uids); u++)
		run_in(CG, uids[u], bind_all, NULL);
}

static void listen_unbound(void *arg)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), fd6 = socket(AF_INET6, SOCK_STREAM, 0);

	(void)arg;
	CHECK_FAILS(listen(fd, 1), EACCES);
	CHECK_INT(bound_port(fd), 0);
	CHECK_FAILS(listen(fd6, 1), EACCES);
	CHECK_INT(bound_port(fd6), 0);
}

/* The port was allowed once, the policy has changed since: to listen is asked anew. */
static void listen_after_another_bound(void *arg)
{
	CHECK_FAILS(listen(*(int *)arg, 1), EACCES);
}

TEST(net_listen_is_judged_without_a_bind_too)
{
	union address a;
	socklen_t len = make_address(&a, "127.0.0.1", 7650);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	run_in(CG, 0, listen_unbound, NULL);
	CHECK_OK(bind(fd, &a.any, len));
	run_in(CG, 0, listen_after_another_bound, &fd);
	CHECK_OK(listen(fd, 1)); /* this process is not governed */
}

/* ---- families and protocols ---- */

static const struct {
	const char *name;
	int family, type, proto, want;
	const char *target;
} families[] = {
	{ "netlink", AF_NETLINK, SOCK_RAW, 0, EACCES, "socket family 16 type 3 protocol 0" },
	{ "packet", AF_PACKET, SOCK_RAW, 0, EPERM, "socket family 17 type 3 protocol 0" },
	{ "packet, cooked", AF_PACKET, SOCK_DGRAM, 0, EPERM, "socket family 17 type 2 protocol 0" },
	{ "packet, the old way", AF_INET, 10, 0, EPERM, "socket family 17 type 10 protocol 0" },
	{ "raw IPv4", AF_INET, SOCK_RAW, IPPROTO_RAW, EPERM, "socket family 2 type 3 protocol 255" },
	{ "raw IPv6", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, EPERM, "socket family 10 type 3 protocol 58" },
	{ "XDP", 44, SOCK_RAW, 0, EPERM, "socket family 44 type 3 protocol 0" },
	{ "ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP, EACCES, "socket family 2 type 2 protocol 1" },
	{ "ping of IPv6", AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, EACCES, "socket family 10 type 2 protocol 58" },
	{ "SCTP", AF_INET, SOCK_STREAM, IPPROTO_SCTP, EACCES, "socket family 2 type 1 protocol 132" },
	{ "SCTP, one to many", AF_INET6, SOCK_SEQPACKET, IPPROTO_SCTP, EACCES, "socket family 10 type 5 protocol 132" },
	{ "MPTCP", AF_INET, SOCK_STREAM, 262, EACCES, "socket family 2 type 1 protocol 262" },
	{ "MPTCP of IPv6", AF_INET6, SOCK_STREAM, 262, EACCES, "socket family 10 type 1 protocol 262" },
	{ "UDP-Lite", AF_INET, SOCK_DGRAM, 136, EACCES, "socket family 2 type 2 protocol 136" },
	{ "vsock", 40, SOCK_STREAM, 0, EACCES, "socket family 40 type 1 protocol 0" },
	{ "crypto", 38, SOCK_SEQPACKET, 0, EACCES, "socket family 38 type 5 protocol 0" },
};

static void family_all(void *arg)
{
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(families); i++) {
		int fd = socket(families[i].family, families[i].type, families[i].proto), e = errno;

		if (arg) /* nobody governs this one */
			check_(__FILE__, __LINE__, fd >= 0 || (e != EACCES && e != EPERM), "a %s socket: %s", families[i].name, strerror(e));
		else
			check_(__FILE__, __LINE__, fd < 0 && e == families[i].want, "a %s socket: %s, not %s", families[i].name,
			       fd < 0 ? strerror(e) : "made", strerror(families[i].want));
		if (fd >= 0)
			close(fd);
	}
}

TEST(net_other_families_and_protocols_are_refused_and_named)
{
	size_t from = records_now(), i, k;

	for (size_t u = 0; u < VANTIO_ARRAY_SIZE(uids); u++)
		run_in(CG, uids[u], family_all, NULL);
	load_records(from);
	for (i = 0; i < VANTIO_ARRAY_SIZE(families); i++) {
		bool raw = families[i].want == EPERM;

		for (k = 0; k < n_recs; k++)
			if (!strcmp(rec_resource(&recs[k], "target"), families[i].target) &&
			    !strcmp(rec_text(&recs[k], "rule"), raw ? "kernel.raw_socket" : "network.default") &&
			    !strcmp(rec_text(&recs[k], "op"), raw ? "raw_socket" : "socket") &&
			    !strcmp(rec_text(&recs[k], "hook"), "socket_create") && !strcmp(rec_text(&recs[k], "enforced"), "true"))
				break;
		if (!check_(__FILE__, __LINE__, k < n_recs, "no record of '%s'", families[i].target))
			show_records();
	}
	CHECK_INT(n_recs, 2 * VANTIO_ARRAY_SIZE(families));
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
	family_all((void *)1);
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

	engine_up();
	CHECK_SH(0, "ip link show vtd0 || { ip link add vtd0 type dummy && ip link set vtd0 up; }");
	CHECK_SH(0, "ip -6 addr add fe80::7/64 dev vtd0; ip -6 addr add fd00:7::1/128 dev lo; ip -6 addr add fd00:8::1/128 dev lo; true");
	CHECK_SH(0, "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range"); /* who may ping is not what is tried here */
	if (!push_text(policy, &slot))
		enroll("net", CG, 0, slot.slot, 0);
}

TEARDOWN()
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	uint32_t agent;

	REQUIRE(engine_change(&e) == 0);
	agent = vantio_agent_find(&e, "net");
	vantio_engine_close(&e);
	remove_agent(agent);
	rmdir(CGROUP_ROOT CG);
}

VT_MAIN()
