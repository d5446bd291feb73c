// SPDX-License-Identifier: Apache-2.0
/* [network] listen, unix sockets, and every family and protocol that no rule can name. */
#include <sys/un.h>

#include "net.h"

#define CG   "/vt-socket"
#define WORK "/work/socket"

static const char policy[] = "schema = 1\nname = \"socket\"\n"
			     "[file]\ndefault = \"allow\"\ndeny = [\"" WORK "/file/**\"]\n[exec]\ndefault = \"allow\"\n"
			     "[network]\ndefault = \"deny\"\n"
			     "connect = [\"unix:" WORK "/ok/**\", \"unix:" WORK "/file/s\", \"unix:@vt-ok\"]\n"
			     "listen = [\"127.0.0.1:7501-7509\", \"[::1]:7501-7509\", \"[::]:7510\", \"0.0.0.0:7511\", \"[::]:7511\",\n"
			     "  \"127.0.0.7\", \"udp:127.0.0.1:7520\",\n"
			     "  \"unix:" WORK "/mine/**\", \"unix:" WORK "/file/**\", \"unix:@vt-mine\"]\n"
			     "deny = [\"unix:" WORK "/ok/no\", \"unix:" WORK "/mine/no\", \"unix:@vt-denied\"]\n";

static const uid_t uids[] = { 0, 1000 };

/* ---- bind and listen ---- */

static struct {
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

TEST(socket_bind_takes_what_listen_rules_allow_alone)
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

TEST(socket_listen_is_judged_without_a_bind_too)
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

TEST(socket_other_families_and_protocols_are_refused_and_named)
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

/* ---- unix sockets ---- */

/* A path, or '@' and an abstract name of `len` bytes. */
static socklen_t unix_address(struct sockaddr_un *a, const char *name, size_t len)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, name, len);
	if (name[0] != '@')
		return sizeof(*a);
	a->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

struct unix_attempt {
	const char *to, *at;
	size_t len; /* of the names */
	int want;
	int fd[3]; /* receivers, by type */
};

#define NAMES(to, at) to, at, sizeof(to) - 1

static struct unix_attempt unixes[] = {
	{ NAMES(WORK "/ok/s", WORK "/ok/s"), 0, { 0 } },
	{ NAMES(WORK "/ok/no", WORK "/ok/no"), EACCES, { 0 } },
	{ NAMES(WORK "/no/s", WORK "/no/s"), EACCES, { 0 } },
	{ NAMES(WORK "/ok/l", WORK "/no/s"), EACCES, { 0 } }, /* a symbolic link to a socket of another folder */
	{ NAMES(WORK "/ok/h", WORK "/no/s"), EACCES, { 0 } }, /* a hard link to it */
	{ NAMES(WORK "/no/l", WORK "/ok/s"), 0, { 0 } },
	{ NAMES(WORK "/file/s", WORK "/file/s"), 0, { 0 } }, /* [file] has no say */
	{ NAMES("@vt-ok", "@vt-ok"), 0, { 0 } },
	{ NAMES("@vt-no", "@vt-no"), EACCES, { 0 } },
	{ NAMES("@vt-ok\0", "@vt-ok\0"), EACCES, { 0 } }, /* a NUL byte makes another name */
	{ NAMES("@vt-ok\0s", "@vt-ok\0s"), EACCES, { 0 } },
	{ NAMES("@\0vt-ok", "@\0vt-ok"), EACCES, { 0 } },
	{ NAMES("@vt-denied", "@vt-denied"), EACCES, { 0 } },
};

static const struct {
	const char *name;
	int type;
} types[] = { { "stream", SOCK_STREAM }, { "datagram", SOCK_DGRAM }, { "seqpacket", SOCK_SEQPACKET } };

static bool shares_receiver(size_t i, size_t k)
{
	return unixes[i].len == unixes[k].len && !memcmp(unixes[i].at, unixes[k].at, unixes[i].len);
}

static void unix_receiver(size_t i, size_t t)
{
	struct sockaddr_un a;
	socklen_t len = unix_address(&a, unixes[i].at, unixes[i].len);
	int fd = socket(AF_UNIX, types[t].type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	unixes[i].fd[t] = fd;
	for (size_t k = 0; k < i; k++)
		if (shares_receiver(i, k)) {
			close(fd);
			unixes[i].fd[t] = unixes[k].fd[t];
			return;
		}
	if (a.sun_path[0])
		unlink(a.sun_path);
	REQUIRE(bind(fd, (void *)&a, len) == 0 && (types[t].type == SOCK_DGRAM || listen(fd, 8) == 0));
	if (a.sun_path[0])
		CHECK_OK(chmod(a.sun_path, 0777));
}

/* Connects, or sends without a connection; the errno. */
static int unix_reach(size_t i, size_t t, bool unconnected)
{
	struct sockaddr_un a;
	socklen_t len = unix_address(&a, unixes[i].to, unixes[i].len);
	int fd = socket(AF_UNIX, types[t].type | SOCK_CLOEXEC, 0), got;

	if (unconnected)
		got = sendto(fd, "x", 1, 0, (void *)&a, len) == 1 ? 0 : errno;
	else
		got = connect(fd, (void *)&a, len) ? errno : 0;
	if (!got && types[t].type == SOCK_DGRAM && !unconnected)
		CHECK_INT(send(fd, "x", 1, 0), 1);
	close(fd);
	return got;
}

static void unix_try(void *arg)
{
	size_t t = *(size_t *)arg, i;

	for (i = 0; i < VANTIO_ARRAY_SIZE(unixes); i++)
		for (int unconnected = 0; unconnected <= (types[t].type == SOCK_DGRAM); unconnected++) {
			int got = unix_reach(i, t, unconnected), came = arrived(unixes[i].fd[t], types[t].type == SOCK_DGRAM ? SOCK_DGRAM : SOCK_STREAM);

			check_(__FILE__, __LINE__, got == unixes[i].want, "%s %s to %s (%zu): %s, not %s", types[t].name,
			       unconnected ? "sent" : "connected", unixes[i].to, i, strerror(got), strerror(unixes[i].want));
			check_(__FILE__, __LINE__, came == !unixes[i].want, "%s to %s (%zu): %d arrived", types[t].name, unixes[i].to, i, came);
		}
}

static void make_folders(void)
{
	static const char *const folders[] = { WORK, WORK "/ok", WORK "/no", WORK "/mine", WORK "/file", WORK "/other" };

	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(folders); i++)
		make_folder(folders[i]);
}

TEST(socket_unix_is_judged_by_the_socket_that_is_reached)
{
	make_folders();
	for (size_t t = 0; t < VANTIO_ARRAY_SIZE(types); t++) {
		for (size_t i = 0; i < VANTIO_ARRAY_SIZE(unixes); i++)
			unix_receiver(i, t);
		unlink(WORK "/ok/l"), unlink(WORK "/ok/h"), unlink(WORK "/no/l");
		CHECK_OK(symlink("../no/s", WORK "/ok/l"));
		CHECK_OK(link(WORK "/no/s", WORK "/ok/h"));
		CHECK_OK(symlink("../ok/s", WORK "/no/l"));
		for (size_t u = 0; u < VANTIO_ARRAY_SIZE(uids); u++)
			run_in(CG, uids[u], unix_try, &t);
	}
}

static struct {
	const char *name;
	size_t len;
	int want;
} unix_binds[] = {
	{ WORK "/mine/s", sizeof(WORK "/mine/s") - 1, 0 },
	{ WORK "/mine/no", sizeof(WORK "/mine/no") - 1, EACCES },
	{ WORK "/other/s", sizeof(WORK "/other/s") - 1, EACCES },
	{ WORK "/ok/bound", sizeof(WORK "/ok/bound") - 1, EACCES }, /* to connect is not to listen */
	{ WORK "/file/s2", sizeof(WORK "/file/s2") - 1, 0 },
	{ "@vt-mine", 8, 0 },
	{ "@vt-mine\0", 9, EACCES },
	{ "@vt-other", 9, EACCES },
	{ "@", 0, EACCES }, /* the kernel chooses the name */
};

static void unix_bind(void *arg)
{
	size_t t = *(size_t *)arg;

	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(unix_binds); i++) {
		struct sockaddr_un a;
		socklen_t len = unix_address(&a, unix_binds[i].name, unix_binds[i].len);
		int fd = socket(AF_UNIX, types[t].type | SOCK_CLOEXEC, 0);
		int got = bind(fd, (void *)&a, unix_binds[i].len ? len : sizeof(sa_family_t)) ? errno : 0;

		check_(__FILE__, __LINE__, got == unix_binds[i].want, "bind of %s: %s, not %s", unix_binds[i].name, strerror(got),
		       strerror(unix_binds[i].want));
		if (unix_binds[i].name[0] == '/') {
			CHECK_INT(exists(unix_binds[i].name), !unix_binds[i].want);
			unlink(unix_binds[i].name);
		}
		close(fd);
	}
}

TEST(socket_unix_bind_takes_what_listen_rules_allow_alone)
{
	make_folders();
	for (size_t t = 0; t < VANTIO_ARRAY_SIZE(types); t++)
		for (size_t u = 0; u < VANTIO_ARRAY_SIZE(uids); u++) {
			unlink(WORK "/file/s2"); /* which [file] denies to the agent */
			run_in(CG, uids[u], unix_bind, &t);
		}
}

static void use_socketpair(void *arg)
{
	char byte = 0;
	int fds[2];

	(void)arg;
	for (size_t t = 0; t < VANTIO_ARRAY_SIZE(types); t++) {
		CHECK_OK(socketpair(AF_UNIX, types[t].type, 0, fds));
		CHECK_INT(write(fds[0], "x", 1), 1);
		CHECK_INT(read(fds[1], &byte, 1), 1);
		CHECK_INT(write(fds[1], "y", 1), 1);
		CHECK_INT(read(fds[0], &byte, 1), 1);
		CHECK_INT(byte, 'y');
	}
}

TEST(socket_socketpair_needs_no_rule)
{
	for (size_t u = 0; u < VANTIO_ARRAY_SIZE(uids); u++)
		run_in(CG, uids[u], use_socketpair, NULL);
}

/* ---- nobody else ---- */

TEST(socket_processes_that_are_not_enrolled_are_untouched)
{
	size_t from = records_now(), i;

	make_folders();
	for (i = 0; i < VANTIO_ARRAY_SIZE(binds); i++)
		binds[i].want = 0;
	for (i = 0; i < VANTIO_ARRAY_SIZE(unix_binds); i++)
		unix_binds[i].want = 0;
	run_in(NULL, 0, family_all, (void *)1);
	run_in(NULL, 0, bind_all, NULL);
	unlink(WORK "/file/s2");
	for (i = 0; i < VANTIO_ARRAY_SIZE(types); i++)
		run_in(NULL, 0, unix_bind, &i);
	load_records(from);
	CHECK_INT(n_recs, 0);
}

SETUP()
{
	struct vantio_slot slot;

	engine_ready();
	CHECK_SH(0, "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range"); /* who may ping is not what is tried here */
	if (!push_text(policy, &slot))
		enroll("socket", CG, 0, slot.slot, 0);
}

TEARDOWN()
{
	remove_named("socket");
	rmdir(CGROUP_ROOT CG);
}

VT_MAIN()
