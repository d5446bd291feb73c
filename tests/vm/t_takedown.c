// SPDX-License-Identifier: Apache-2.0
/* What keeps the engine from being unloaded, and commands that are refused before they change anything. */
#include "govern.h"

#define A      "/vt-takedown"
#define POLICY "/tmp/takedown.toml"

static const char policy[] = "schema = 1\nname = \"takedown\"\n"
			     "[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n";

static bool loaded(void) { return !access("/sys/fs/bpf/vantio/maps/vantio_control", F_OK); }

SETUP()
{
	struct vantio_slot slot;

	engine_ready();
	setenv("VANTIO_LEDGER", ledger_dir(), 1);
	make_file(POLICY, policy, 0644);
	if (!push_text(policy, &slot))
		enroll("takedown", A, 0, slot.slot, 0);
}

TEST(unload_while_enforce_runs_is_refused)
{
	pid_t enforce = enforce_start(POLICY, NULL);

	CHECK_SH(1, "vantioctl unload");
	CHECK(strstr(sh_output, "stop it first"));
	CHECK(loaded());
	CHECK_INT(enforce_end(enforce, SIGTERM), 0);
}

TEST(unload_while_agents_are_halted_is_refused)
{
	CHECK_SH(0, "vantioctl killswitch --soft --agent takedown");
	CHECK_SH(1, "vantioctl unload");
	CHECK(strstr(sh_output, "an agent is halted") && strstr(sh_output, "killswitch --release"));
	CHECK_SH(0, "vantioctl killswitch --release");
	CHECK_SH(0, "vantioctl killswitch --soft");
	CHECK_SH(1, "vantioctl unload");
	CHECK(strstr(sh_output, "every agent is halted"));
	CHECK(loaded());
	CHECK_SH(0, "vantioctl killswitch --release");
}

TEST(enforce_of_an_ordinary_user_says_to_run_as_root)
{
	CHECK_SH(5, "su user -c 'vantioctl enforce --policy " POLICY "'");
	CHECK(strstr(sh_output, "run as root"));
}

TEST(run_with_a_bad_name_is_refused_before_anything_is_pushed)
{
	make_file("/tmp/takedown-name.toml", "schema = 1\nname = \"takedown-name\"\n[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n"
					     "[network]\ndefault = \"allow\"\n", 0644);
	CHECK_SH(2, "vantioctl run --policy /tmp/takedown-name.toml --name 'Bad name' -- true");
	CHECK(strstr(sh_output, "--name: 'Bad name' is no agent name"));
	CHECK_SH(2, "vantioctl run --policy /tmp/takedown-name.toml --name a123456789b123456789c123456789d123456789e -- true");
	CHECK_SH(2, "VANTIO_TRACE_ID=zz vantioctl run --policy /tmp/takedown-name.toml -- true");
	CHECK_SH(0, "vantioctl status");
	CHECK(strstr(sh_output, "takedown") && !strstr(sh_output, "takedown-name"));
}

TEARDOWN() { remove_named("takedown"); }

VT_MAIN()
