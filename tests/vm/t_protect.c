// SPDX-License-Identifier: Apache-2.0
/* What governs an agent is out of its reach, though its policy allows everything that a policy can. */
#include "engine.h"

#include <linux/bpf.h>
#include <sys/socket.h>
#include <sys/un.h>

SETUP()
{
	char policy[1024];

	engine_ready();
	snprintf(policy, sizeof(policy), "[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n%s", ALL_SURFACES);
	policy_push("protect", policy);
	agent_enroll("protect", "protect");
	agent_enroll("protect-other", "protect");
}

#define PINS   "/sys/fs/bpf/vantio"
#define LEDGER "/var/lib/vantio/ledger"

TEST(protect_pins_are_out_of_reach)
{
	IN("protect", 0) {
		union bpf_attr get = { .pathname = (__u64)PINS "/maps/vantio_control" };

		CHECK_FAILS(open(PINS, O_RDONLY | O_DIRECTORY), EACCES);
		CHECK_FAILS(unlink(PINS "/links/vantio_file_open"), EACCES);
		CHECK_FAILS(rename(PINS "/links/vantio_file_open", PINS "/links/x"), EACCES);
		CHECK_FAILS(mkdir("/sys/fs/bpf/x", 0755), EACCES);
		CHECK_FAILS(chmod(PINS "/maps/vantio_control", 0666), EACCES);
		CHECK_FAILS(syscall(SYS_bpf, BPF_OBJ_GET, &get, sizeof(get)), EPERM);
	}
	CHECK(exists(PINS "/links/vantio_file_open"));
}

/* The compiler's constants, which nobody can write. */
static bool is_constant(int fd)
{
	struct bpf_map_info info = {};
	union bpf_attr get = { .info = { .bpf_fd = (__u32)fd, .info_len = sizeof(info), .info = (__u64)&info } };
	union bpf_attr put = { .map_fd = (__u32)fd, .key = (__u64)&(__u32){ 0 }, .value = (__u64)(char[256]){} };

	return !syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &get, sizeof(get)) && !strncmp(info.name, ".rodata", 7) &&
	       syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &put, sizeof(put)) && errno == EPERM;
}

static unsigned int walk_ids(int next_cmd, int get_cmd)
{
	union bpf_attr next = {}, by_id;
	unsigned int n = 0;

	for (; !syscall(SYS_bpf, next_cmd, &next, sizeof(next)) && n < 1000; n++) {
		int fd;

		memset(&by_id, 0, sizeof(by_id));
		by_id.map_id = next.next_id; /* one place for the numbers of all kinds */
		memset(&next, 0, sizeof(next));
		next.start_id = by_id.map_id;
		fd = (int)syscall(SYS_bpf, get_cmd, &by_id, sizeof(by_id));
		if (fd >= 0 && get_cmd == BPF_MAP_GET_FD_BY_ID && is_constant(fd))
			continue;
		check_(__FILE__, __LINE__, fd == -1 && errno == EPERM, "command %d of %u gave %d (%s)", get_cmd, by_id.map_id, fd, strerror(errno));
	}
	return n;
}

/* Not by their numbers either, where bpf(2) is allowed. */
TEST(protect_maps_programs_and_links_are_out_of_reach)
{
	IN("protect", 0) {
		union bpf_attr own = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

		CHECK(walk_ids(BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID) >= 10);
		CHECK(walk_ids(BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID) >= 40);
		CHECK(walk_ids(BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID) >= 40);
		CHECK_OK(syscall(SYS_bpf, BPF_MAP_CREATE, &own, sizeof(own)));
	}
}

TEST(protect_cgroup_tree_cannot_be_written)
{
	IN("protect", 0) {
		CHECK_FAILS(open("/sys/fs/cgroup/cgroup.procs", O_WRONLY), EACCES);
		CHECK_FAILS(open(AGENT_CGROUPS "/agent-protect/cgroup.freeze", O_RDWR), EACCES);
		CHECK_FAILS(open(AGENT_CGROUPS "/agent-protect-other/cgroup.kill", O_WRONLY), EACCES);
		CHECK_FAILS(open(AGENT_CGROUPS "/agent-protect-other/cgroup.procs", O_WRONLY | O_TRUNC), EACCES);
		CHECK_FAILS(mkdir("/sys/fs/cgroup/x", 0755), EACCES);
		CHECK_FAILS(rmdir(AGENT_CGROUPS "/agent-protect-other"), EACCES);
		CHECK_FAILS(chmod("/sys/fs/cgroup/cgroup.procs", 0666), EACCES);
		CHECK_OK(open("/sys/fs/cgroup/cgroup.procs", O_RDONLY));
	}
	CHECK(exists(AGENT_CGROUPS "/agent-protect-other"));
}

TEST(protect_ledger_and_runtime_folder_are_out_of_reach)
{
	REQUIRE(exists(LEDGER "/checkpoint") && exists("/run/vantio"));
	IN("protect", 0) {
		CHECK_FAILS(open(LEDGER "/log/00000000.ndjson", O_WRONLY | O_APPEND), EACCES);
		CHECK_FAILS(open(LEDGER "/log/00000000.ndjson", O_RDONLY), EACCES);
		CHECK_FAILS(truncate(LEDGER "/log/00000000.ndjson", 0), EACCES);
		CHECK_FAILS(unlink(LEDGER "/checkpoint"), EACCES);
		CHECK_FAILS(rename(LEDGER "/checkpoint", "/var/lib/vantio/x"), EACCES);
		CHECK_FAILS(link(LEDGER "/checkpoint", "/var/lib/vantio/x"), EACCES);
		CHECK_FAILS(rename(LEDGER, "/var/lib/vantio/x"), EACCES);
		CHECK_FAILS(rename("/var/lib/vantio", "/var/lib/x"), EACCES);
		CHECK_FAILS(rename("/var/lib", "/var/x"), EACCES);
		CHECK_FAILS(open(LEDGER "/x", O_WRONLY | O_CREAT, 0600), EACCES);
		CHECK_FAILS(open("/run/vantio/x", O_WRONLY | O_CREAT, 0600), EACCES);
		CHECK_FAILS(rename("/run/vantio", "/run/x"), EACCES);
		CHECK_FAILS(unlink("/run/vantio/policies"), EACCES);
	}
	CHECK(exists(LEDGER "/checkpoint") && exists("/run/vantio") && !exists(LEDGER "/x"));
	CHECK_SH(0, "vantioctl ledger verify");
}

TEST(protect_sockets_in_the_runtime_folder_are_out_of_reach)
{
	const struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "/run/vantio/enforce.sock" };
	const struct sockaddr_un elsewhere = { .sun_family = AF_UNIX, .sun_path = "/tmp/protect.sock" };
	int daemon = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), other = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	unlink(at.sun_path);
	unlink(elsewhere.sun_path);
	REQUIRE(!bind(daemon, (const struct sockaddr *)&at, sizeof(at)) && !bind(other, (const struct sockaddr *)&elsewhere, sizeof(elsewhere)));
	IN("protect", 0) {
		int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		CHECK_FAILS(sendto(fd, "rotate", 6, 0, (const struct sockaddr *)&at, sizeof(at)), EACCES);
		CHECK_FAILS(connect(fd, (const struct sockaddr *)&at, sizeof(at)), EACCES);
		CHECK_OK(sendto(fd, "hello", 5, 0, (const struct sockaddr *)&elsewhere, sizeof(elsewhere)));
	}
	close(daemon);
	close(other);
	unlink(at.sun_path);
}

TEST(protect_an_agent_cannot_command_the_engine)
{
	IN("protect", 0) {
		CHECK(sh("vantioctl unload") != 0);
		CHECK(sh("vantioctl agent remove protect") != 0);
		CHECK(sh("vantioctl killswitch --soft") != 0);
		CHECK(sh("vantioctl policy push /tmp/protect.toml") != 0);
	}
	CHECK_SH(0, "vantioctl agent list");
	CHECK(strstr(sh_output, "protect"));
}

TEST(protect_is_what_the_records_name)
{
	CHECK_SH(0, "vantioctl policy push /tmp/protect.toml && "
		    "vantioctl ledger list --agent protect --rule engine.protect --decision block --hook path_unlink --json | "
		    "grep -c '\"path\":\"" PINS "/links/vantio_file_open\"'");
	CHECK_SH(0, "vantioctl ledger list --agent protect --rule engine.protect --hook path_mknod --json | grep -c '\"path\":\"" LEDGER "/x\"'");
}

VT_MAIN()
