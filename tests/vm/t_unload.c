// SPDX-License-Identifier: Apache-2.0
/* Unloading sets everybody free at once. Sorted behind the programs that share the engine; a later one would load it again. */
#include "engine.h"

SETUP()
{
	engine_ready();
	policy_push("unload", "[file]\ndefault = \"allow\"\ndeny = [\"/data/unload\"]\n[exec]\ndefault = \"allow\"\n"
			      "[network]\ndefault = \"allow\"\n");
	agent_enroll("unload", "unload");
	make_file("/data/unload", "secret", 0666);
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
	CHECK_SH(0, "vantioctl unload");
	CHECK(write(asks[1], "?", 1) == 1 && read(answers[0], &answer, sizeof(answer)) == sizeof(answer));
	CHECK_INT(answer, 0);
	CHECK(!exists("/sys/fs/bpf/vantio"));
	CHECK_SH(0, "vantioctl ledger list --limit 2"); /* what waited in the kernel was written, and that it was taken down */
	CHECK(strstr(sh_output, "/data/unload") && strstr(sh_output, " engine "));
	kill(child, SIGKILL);
}

TEST(unload_of_nothing_says_so)
{
	CHECK_SH(1, "vantioctl unload");
	CHECK(strstr(sh_output, "no engine is loaded"));
	CHECK_SH(1, "vantioctl agent list");
}

VT_MAIN()
