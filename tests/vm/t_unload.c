// SPDX-License-Identifier: Apache-2.0
/* Unloading sets everybody free at once. Sorted behind the programs that share the engine; a later one would load it again. */
#include "engine.h"

#include <bpf/libbpf.h>
#include <net/if.h>

SETUP()
{
	engine_ready();
	policy_push("unload", "[file]\ndefault = \"allow\"\ndeny = [\"/data/unload\"]\n[exec]\ndefault = \"allow\"\n"
			      "[network]\ndefault = \"allow\"\n");
	agent_enroll("unload", "unload");
	make_file("/data/unload", "secret", 0666);
}

/* Whether a filter with the engine's number is at the egress of loopback. */
static bool is_filtered(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex("lo"), .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 0x766e, .priority = 1);

	libbpf_set_print(NULL);
	return !bpf_tc_query(&hook, &opts);
}

TEST(unload_frees_a_governed_process_at_once)
{
	int asks[2], answers[2], answer = -1;
	pid_t child;
	char c;

	REQUIRE(!pipe(asks) && !pipe(answers));
	child = fork();
	if (!child) {
		REQUIRE(cgroup_move(agent_cgroup("unload"), 0));
		while (read(asks[0], &c, 1) == 1) {
			int fd = open("/data/unload", O_RDONLY), was = fd < 0 ? errno : 0;

			if (fd >= 0)
				close(fd);
			REQUIRE(write(answers[1], &was, sizeof(was)) == sizeof(was));
		}
		_exit(0);
	}
	CHECK(write(asks[1], "?", 1) == 1 && read(answers[0], &answer, sizeof(answer)) == sizeof(answer));
	CHECK_INT(answer, EACCES);
	CHECK_SH(0, "vantioctl enforce --policy /tmp/unload.toml --egress-interface lo 2>/tmp/enforce & until grep -q enforcing /tmp/enforce; do "
		    "kill -0 $! || exit 1; done; kill $!; wait $!");
	CHECK(is_filtered());
	CHECK_SH(0, "vantioctl unload");
	CHECK(!is_filtered());
	CHECK(write(asks[1], "?", 1) == 1 && read(answers[0], &answer, sizeof(answer)) == sizeof(answer));
	CHECK_INT(answer, 0);
	CHECK(!exists("/sys/fs/bpf/vantio"));
	CHECK_SH(0, "vantioctl ledger list --limit 8"); /* what waited in the kernel was written, and that it was taken down */
	CHECK(strstr(sh_output, "/data/unload") && strstr(sh_output, " engine "));
	kill(child, SIGKILL);
}

TEST(unload_of_nothing_says_so)
{
	CHECK_SH(1, "vantioctl unload");
	CHECK(strstr(sh_output, "no engine is loaded"));
	CHECK_SH(0, "vantioctl agent list");
	CHECK(strstr(sh_output, "no engine is loaded") && !strstr(sh_output, "enrolled"));
}

VT_MAIN()
