// SPDX-License-Identifier: Apache-2.0
/*
 * What completion scripts offer of an engine that is in force: agents come from its maps, before those that have records alone. Sorted
 * behind the program that unloads the engine of the others, so that no agent of theirs is in this one.
 */
#include "vt.h"

#define POLICY "/tmp/completion.toml"

TEST_WITHIN(completion_offers_enrolled_agents_first, 180) /* it loads the engine and takes it down again */
{
	CHECK_SH(0, "printf 'schema = 1\\nname = \"c\"\\n[file]\\ndefault = \"allow\"\\n[exec]\\ndefault = \"allow\"\\n"
		    "[network]\\ndefault = \"allow\"\\n' >" POLICY);
	CHECK_SH(0, "vantioctl load && vantioctl policy push " POLICY);
	CHECK_SH(0, "mkdir -p /sys/fs/cgroup/one.slice /sys/fs/cgroup/two.slice");
	CHECK_SH(0, "vantioctl agent enroll --name first /one.slice && vantioctl agent enroll --name second /two.slice");
	CHECK_SH(0, "vantioctl --quiet completion --values agent | head -n2");
	CHECK_STR(sh_output, "first\nsecond\n");
	CHECK_SH(0, "vantioctl agent remove first >/dev/null && vantioctl completion --values agent | head -n1");
	CHECK_STR(sh_output, "second\n");
	CHECK_SH(0, "su user -c 'vantioctl completion --values agent'");
	CHECK_STR(sh_output, "");
	CHECK_SH(0, "vantioctl unload && vantioctl completion --values agent");
}

VT_MAIN()
