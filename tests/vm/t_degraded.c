// SPDX-License-Identifier: Apache-2.0
/* An engine without the program of a surface, as on a kernel without its hook: here its link's pin is out of sight for a while. */
#include "engine.h"

#define LINKS "/sys/fs/bpf/vantio/links"

static const char policy[] = "[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n";

static void write_policy(const char *name, const char *more)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/tmp/%s.toml", name);
	snprintf(text, sizeof(text), "schema = 1\nname = \"%s\"\n%s%s", name, policy, more);
	CHECK_SH(0, "touch %s", path);
	REQUIRE(write_text(path, text));
}

SETUP()
{
	engine_ready();
	write_policy("degraded", "");
	write_policy("degraded-allow", "[kernel]\nuserns = \"allow\"\n");
}

TEARDOWN() { rename(LINKS "/away", LINKS "/vantio_userns_create"); }

TEST(push_without_the_hook_of_a_denied_surface_is_refused_unless_allowed)
{
	CHECK_SH(0, "vantioctl policy push /tmp/degraded.toml");
	REQUIRE(!rename(LINKS "/vantio_userns_create", LINKS "/away"));
	CHECK_SH(5, "vantioctl policy push /tmp/degraded.toml");
	CHECK(strstr(sh_output, "kernel.userns") && strstr(sh_output, "'userns_create'") && strstr(sh_output, "--allow-degraded"));
	CHECK_SH(5, "vantioctl run --policy /tmp/degraded.toml -- true");
	CHECK_SH(0, "vantioctl policy push /tmp/degraded-allow.toml");
	CHECK_SH(0, "vantioctl policy push --allow-degraded /tmp/degraded.toml");
	CHECK_SH(0, "vantioctl run --allow-degraded --policy /tmp/degraded.toml -- true");
	CHECK_SH(0, "vantioctl ledger list -n 500 --json | grep -c 'policy degraded .*not enforced: kernel.userns'");
	REQUIRE(!rename(LINKS "/away", LINKS "/vantio_userns_create"));
	CHECK_SH(0, "vantioctl policy push /tmp/degraded.toml");
}

VT_MAIN()
