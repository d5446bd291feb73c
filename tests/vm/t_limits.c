// SPDX-License-Identifier: Apache-2.0
/* [limits]: counted in the kernel, acting in the call that trips them. */
#include "engine.h"

#include <sys/socket.h>
#include <sys/un.h>

#define OPEN_POLICY "[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n"

static void touch_many(const char *folder, int n)
{
	char path[128];
	int i;

	fresh_folder(folder);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%d", folder, i);
		make_file(path, "x", 0666);
	}
}

static int unlink_many(const char *folder, int n)
{
	char path[128];
	int i, gone = 0;

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%d", folder, i);
		gone += !unlink(path);
	}
	return gone;
}

static int files_left(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	int n = 0;

	while (dir && (e = readdir(dir)))
		n += e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static void agent_with_limit(const char *name, const char *limits)
{
	char body[1024];

	snprintf(body, sizeof(body), "%s[limits]\n%s\n", OPEN_POLICY, limits);
	policy_push(name, body);
	agent_enroll(name, name);
}

TEST(unlink_beyond_max_is_blocked_and_files_stay)
{
	agent_with_limit("lim-block", "unlink = { max = 5, per = \"1h\", action = \"block\" }");
	touch_many("/tmp/lim-block", 9);
	IN("lim-block", 1000)
	{
		CHECK_INT(unlink_many("/tmp/lim-block", 9), 5);
		CHECK_FAILS(unlink("/tmp/lim-block/8"), EACCES);
		CHECK_OK(open("/tmp/lim-block/8", O_RDONLY)); /* nothing else is refused */
	}
	CHECK_INT(files_left("/tmp/lim-block"), 4);
	IN(NULL, 0)
		CHECK_INT(unlink_many("/tmp/lim-block", 9), 4);
}

TEST(unlink_refused_by_policy_counts_too)
{
	policy_push("lim-refused", OPEN_POLICY "[limits]\nunlink = { max = 3, per = \"1h\", action = \"quarantine\" }\n");
	CHECK_SH(0, "sed -i 's|^\\[exec\\]|deny = [\"/tmp/lim-refused/**\"]\\n[exec]|' /tmp/lim-refused.toml && vantioctl policy push /tmp/lim-refused.toml");
	agent_enroll("lim-refused", "lim-refused");
	touch_many("/tmp/lim-refused", 6);
	IN("lim-refused", 1000)
	{
		CHECK_INT(unlink_many("/tmp/lim-refused", 4), 0);
		CHECK_FAILS(open("/etc/passwd", O_RDONLY), EACCES); /* quarantined in the very call that was one too many */
	}
	CHECK_INT(files_left("/tmp/lim-refused"), 6);
}

TEST(quarantine_holds_for_every_operation_until_released)
{
	agent_with_limit("lim-quar", "rename = { max = 1, per = \"1h\", action = \"quarantine\" }");
	touch_many("/tmp/lim-quar", 2);
	IN("lim-quar", 0)
	{
		CHECK_OK(rename("/tmp/lim-quar/0", "/tmp/lim-quar/a"));
		CHECK_FAILS(rename("/tmp/lim-quar/a", "/tmp/lim-quar/b"), EACCES);
		CHECK_FAILS(open("/etc/passwd", O_RDONLY), EACCES);
		CHECK_FAILS(mkdir("/tmp/lim-quar/d", 0700), EACCES);
		CHECK_FAILS(fork(), EACCES);
	}
	CHECK(exists("/tmp/lim-quar/a") && !exists("/tmp/lim-quar/b"));
	CHECK_SH(0, "vantioctl agent list --json | grep -q '\"agent\":\"lim-quar\",\"state\":\"quarantined\"'");
	/* A release of the kill switch is none from a quarantine, whether or not the kill switch was on. */
	CHECK_SH(1, "vantioctl killswitch --release --agent lim-quar");
	CHECK(strstr(sh_output, "'vantioctl agent release lim-quar'"));
	CHECK_SH(0, "vantioctl killswitch --soft --agent lim-quar && vantioctl killswitch status | grep -q '^lim-quar *halted'");
	CHECK_SH(0, "vantioctl killswitch --release");
	CHECK_SH(0, "vantioctl killswitch status | grep -q '^lim-quar *quarantined'");
	CHECK_SH(0, "vantioctl agent release lim-quar");
	IN("lim-quar", 0)
		CHECK_OK(open("/etc/passwd", O_RDONLY));
	CHECK_SH(1, "vantioctl agent release lim-quar");
}

TEST(killswitch_action_halts_the_agent_alone)
{
	agent_with_limit("lim-kill", "chmod = { max = 1, per = \"1h\", action = \"killswitch\" }");
	agent_with_limit("lim-other", "chmod = { max = 1, per = \"1h\", action = \"killswitch\" }");
	touch_many("/tmp/lim-kill", 1);
	IN("lim-kill", 0)
	{
		CHECK_OK(chmod("/tmp/lim-kill/0", 0600));
		CHECK_FAILS(chmod("/tmp/lim-kill/0", 0644), EACCES);
		CHECK_FAILS(open("/etc/passwd", O_RDONLY), EACCES);
	}
	IN("lim-other", 0)
		CHECK_OK(open("/etc/passwd", O_RDONLY));
	CHECK_SH(0, "vantioctl killswitch status --json | grep -q '\"agent\":\"lim-kill\",\"state\":\"halted\"'");
}

TEST(limit_of_connects_counts_unix_and_fork_counts_processes)
{
	agent_with_limit("lim-misc", "connect = { max = 2, per = \"1h\", action = \"block\" }\nfork = { max = 2, per = \"1h\", action = \"block\" }");
	IN("lim-misc", 1000)
	{
		struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/tmp/lim-misc.sock" };
		int listener = socket(AF_UNIX, SOCK_STREAM, 0), i, ok = 0, forked = 0;

		unlink(a.sun_path);
		REQUIRE(!bind(listener, (struct sockaddr *)&a, sizeof(a)) && !listen(listener, 8));
		for (i = 0; i < 4; i++)
			ok += !connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof(a));
		CHECK_INT(ok, 2);
		for (i = 0; i < 4; i++) {
			pid_t pid = fork();

			if (!pid)
				_exit(0);
			forked += pid > 0;
		}
		CHECK_INT(forked, 2);
	}
}

TEST(record_names_the_limit_and_the_action)
{
	/* any change of the engine drains its events where no `enforce` does it */
	CHECK_SH(0, "vantioctl policy push /tmp/lim-block.toml");
	CHECK_SH(0, "vantioctl ledger list --json --agent lim-block | grep '\"rule\":\"limits.unlink\"' | grep -q '\"decision\":\"block\"'");
	CHECK_SH(0, "vantioctl ledger list --json --agent lim-quar | grep '\"rule\":\"limits.rename\"' | grep -q '\"decision\":\"quarantine\"'");
	CHECK_SH(0, "vantioctl ledger list --json --agent lim-kill | grep '\"rule\":\"limits.chmod\"' | grep -q '\"decision\":\"killswitch\"'");
}

SETUP()
{
	engine_ready();
}

VT_MAIN()
