// SPDX-License-Identifier: Apache-2.0
/* The filter on interfaces: tunnels of the host's own, and what an administrator sees of it. */
#include "packet.h"

#define CG "/vt-interface"

static const char policy[] = "schema = 1\nname = \"interface\"\n[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n"
			     "[network]\ndefault = \"deny\"\nconnect = [\"10.78.0.2\"]\n";

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

TEST(interface_sees_through_the_hosts_own_tunnels)
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
		execlp("vantioctl", "vantioctl", "enforce", "--ledger", ledger_dir(), "--policy", "/tmp/interface.toml", "--egress-interface", interface,
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

TEST_WITHIN(interface_filter_outlives_enforce_and_follows_interfaces, 120)
{
	int fd, status;
	pid_t child;

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

TEST(interface_that_is_not_there_is_an_error)
{
	CHECK_SH(1, "vantioctl enforce --ledger %s --policy /tmp/interface.toml --egress-interface nosuch0", ledger_dir());
	CHECK(strstr(sh_output, "no network interface is named 'nosuch0'"));
	CHECK_SH(2, "vantioctl enforce --policy /tmp/interface.toml --egress-interface all --egress-interface vtp0");
	CHECK(strstr(sh_output, "stand alone"));
}

SETUP()
{
	struct vantio_slot slot;

	engine_ready();
	make_wire();
	make_file("/tmp/interface.toml", "schema = 1\nname = \"interface-idle\"\n[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n"
					 "[network]\ndefault = \"allow\"\n", 0600);
	if (!push_text(policy, &slot))
		enroll("interface", CG, 0, slot.slot, 0);
}

TEARDOWN()
{
	filter_wire(false);
	remove_named("interface");
	rmdir(CGROUP_ROOT CG);
	drop_wire();
}

VT_MAIN()
