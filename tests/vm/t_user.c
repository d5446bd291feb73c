// SPDX-License-Identifier: Apache-2.0
/* The user tier on the kernels of the matrix, as an ordinary user: the operations of tests/sandbox/ops.c, and a few races. */
#include <string.h>

#include "vt.h"

#define RUN "su user -c 'HOME=/tmp/user VANTIO_LEDGER=/tmp/user/ledger vantioctl run -q --tier user --policy /tmp/user.toml -- %s'"

static const char policy[] =
	"schema = 1\\nname = \"user\"\\n[file]\\ndefault = \"deny\"\\nread = [\"/usr/**\", \"/etc/**\", \"/proc/**\", \"/dev/null\", "
	"\"/tmp/w/in/**\"]\\nwrite = [\"/tmp/w/in/**\", \"/dev/null\"]\\ndeny = [\"/tmp/w/in/no/**\"]\\n[exec]\\ndefault = \"deny\"\\n"
	"allow = [\"/usr/**\", \"/tmp/w/in/x/**\"]\\ndeny = [\"/tmp/w/in/x/b\"]\\n[network]\\ndefault = \"deny\"\\n"
	"connect = [\"udp:127.0.0.1:9911\"]\\nlisten = [\"127.0.0.1:9912\", \"udp:127.0.0.1:9911-9912\"]\\n";

static void prepare(void)
{
	CHECK_SH(0, "printf '%s' >/tmp/user.toml; mkdir -p /tmp/user && chown user /tmp/user; ip link set lo up", policy);
	CHECK_SH(0, "[ -e /tmp/w/in/link ] || su user -c 'mkdir -p /tmp/w/in/no /tmp/w/in/x /tmp/w/in/y; echo text >/tmp/w/in/y/a; echo SECRET >/tmp/w/in/no/a; "
		    "echo SECRET >/tmp/w/s; cp /usr/bin/ops /tmp/w/in/x/a; cp /usr/bin/ops /tmp/w/in/x/b; ln -s /tmp/w/s /tmp/w/in/link'");
}

static void try(int want, const char *command)
{
	prepare();
	CHECK_SH(want, RUN, command);
}

TEST(user_files_are_judged_by_their_own_path)
{
	try(0, "ops read /tmp/w/in/y/a");
	try(0, "ops create /tmp/w/in/made");
	try(0, "ops rename /tmp/w/in/made /tmp/w/in/y/made");
	try(0, "ops unlink /tmp/w/in/y/made");
	try(13, "ops read /tmp/w/s");
	try(13, "ops read /tmp/w/in/link");
	try(13, "ops read /tmp/w/in/no/a");
	try(13, "ops read /proc/self/root/tmp/w/s");
	try(13, "ops create /tmp/w/made");
	try(13, "ops rename /tmp/w/in/y/a /tmp/w/moved");
	try(13, "ops chmod /etc/passwd");
}

TEST(user_programs_are_looked_at_when_they_start)
{
	try(254, "/tmp/w/in/x/a");
	try(126, "/tmp/w/in/x/b");
	try(13, "ops mmapx /tmp/w/in/y/a");
}

TEST(user_sockets_reach_what_is_allowed)
{
	try(0, "ops udp-connect 127.0.0.1 9911");
	try(13, "ops udp-connect 127.0.0.1 9912");
	try(0, "ops sendmsg 127.0.0.1 9911");
	try(13, "ops sendmsg 127.0.0.1 9910");
	try(0, "ops bind 127.0.0.1 9912");
	try(13, "ops bind 127.0.0.1 9913");
	try(1, "ops socket 17 3 0");
}

TEST(user_kernel_surfaces_are_closed)
{
	try(1, "ops userns");
	try(1, "ops io_uring");
	try(1, "ops mount");
	try(1, "ops bpf");
	try(1, "ops kill 1");
	try(38, "ops x32");
}

TEST(user_older_abis_of_landlock_hold_too)
{
	prepare();
	CHECK_SH(0, "for abi in 1 2 3 4 5 6; do VANTIO_LANDLOCK_ABI=$abi; export VANTIO_LANDLOCK_ABI; " RUN " || exit 1; done",
		 "sh -c \"ops read /tmp/w/in/y/a && ! ops read /tmp/w/s && ! ops read /tmp/w/in/no/a\"");
}

TEST(user_races_permit_nothing)
{
	try(0, "ops race-open /tmp/w/in 3000");
	try(0, "ops race-connect /tmp/w/in 3000");
	try(0, "ops race-once /tmp/w/in 3000");
	try(0, "ops race-exec-many /tmp/w/in 3000");
}

TEST(user_records_verify)
{
	prepare();
	CHECK_SH(0, "su user -c 'HOME=/tmp/user VANTIO_LEDGER=/tmp/user/ledger vantioctl ledger verify'");
	CHECK_SH(0, "su user -c 'HOME=/tmp/user VANTIO_LEDGER=/tmp/user/ledger vantioctl ledger list --filter op=read'");
	CHECK(strstr(sh_output, "file.de")); /* file.deny[0], file.default */
}

VT_MAIN()
