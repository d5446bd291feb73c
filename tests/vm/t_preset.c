// SPDX-License-Identifier: Apache-2.0
/* Presets in the kernel tier: a command under one, what it denies, and a push, where $WORKDIR has the value that is given. */
#include "engine.h"

#define RUN "cd /work && HOME=/root vantioctl run --tier kernel --preset build -- sh -c "

SETUP()
{
	engine_ready();
	CHECK_SH(0, "mkdir -p /root/.ssh /work/r/.git/hooks /elsewhere");
	CHECK_SH(0, "echo secret >/root/.ssh/id; echo '# mine' >/work/r/.git/hooks/pre-commit");
}

TEST(run_under_a_preset_works_in_its_folder_and_not_elsewhere)
{
	CHECK_SH(0, RUN "'echo text >out && cat out && rm out && cat /etc/passwd'");
	CHECK_SH(1, RUN "'echo text >/elsewhere/out'");
	CHECK_SH(1, RUN "'ls /elsewhere'");
}

TEST(run_under_a_preset_is_denied_keys)
{
	CHECK_SH(1, RUN "'cat /root/.ssh/id'");
	CHECK_SH(0, "cat /root/.ssh/id");
	CHECK_SH(0, "vantioctl ledger list -n 50 --json | grep -q '\"rule\":\"file.deny\\['");
}

TEST(run_under_a_preset_reads_hooks_and_does_not_write_them)
{
	CHECK_SH(0, RUN "'cat r/.git/hooks/pre-commit'");
	CHECK_SH(1, RUN "'echo evil >r/.git/hooks/pre-commit'");
	CHECK_SH(1, RUN "'echo evil >r/.git/hooks/post-merge'");
	CHECK_SH(0, RUN "'echo sample >r/.git/hooks/post-merge.sample'");
	CHECK_SH(1, RUN "'rm r/.git/hooks/pre-commit'");
	CHECK_SH(1, RUN "'mv r/.git/hooks r/.git/old'");
	CHECK_SH(1, RUN "'mv r/.git r/git'");
	CHECK_SH(0, RUN "'mv r r2 && mv r2 r'"); /* the repository as a whole may be */
	CHECK_SH(0, "grep -q mine /work/r/.git/hooks/pre-commit");
	CHECK_SH(0, "vantioctl ledger list -n 50 --json | grep -q '\"rule\":\"file.deny_write\\['");
}

TEST(push_of_a_preset_needs_the_value_of_workdir)
{
	CHECK_SH(1, "vantioctl policy push preset:base");
	CHECK(strstr(sh_output, "preset:base:") && strstr(sh_output, "--workdir"));
	CHECK_SH(0, "vantioctl policy push --workdir /work preset:base");
}

VT_MAIN()
