// SPDX-License-Identifier: Apache-2.0
/* Audit mode: everything passes, everything is recorded as not enforced; the kill switch holds all the same. */
#include "govern.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define CG     "/vt-audit"
#define FOLDER "/tmp/vt-audit"

#define BODY "[file]\ndefault = \"deny\"\nread = [\"/etc/**\"]\n[exec]\ndefault = \"deny\"\n[network]\ndefault = \"deny\"\n"
static const char audited[] = "schema = 1\nname = \"audit\"\nmode = \"audit\"\n" BODY;
static const char enforced[] = "schema = 1\nname = \"audit\"\n" BODY;

static struct vantio_slot slot;

static void everything(void *arg)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM, 0);

	(void)arg;
	CHECK_OK(open("/etc/passwd", O_RDONLY));
	CHECK_OK(open(FOLDER "/new", O_WRONLY | O_CREAT, 0600));
	CHECK_OK(unlink(FOLDER "/old"));
	CHECK_FAILS(connect(s, (struct sockaddr *)&a, sizeof(a)), ECONNREFUSED); /* it went out, and nobody listens */
}

static void nothing(void *arg)
{
	(void)arg;
	CHECK_FAILS(open(FOLDER "/other", O_WRONLY | O_CREAT, 0600), EACCES);
	CHECK_FAILS(unlink(FOLDER "/new"), EACCES);
}

static void check_audit_records(size_t from)
{
	size_t i;

	load_records(from);
	CHECK(count_records("read", "permit") >= 1);
	CHECK(count_records("create", "block") >= 1);
	CHECK(count_records("unlink", "block") >= 1);
	CHECK(count_records("connect", "block") >= 1);
	for (i = 0; i < n_recs; i++)
		if (!strcmp(rec_text(&recs[i], "agent"), "vt-audit") && strcmp(rec_text(&recs[i], "rule"), "control"))
			CHECK_STR(rec_text(&recs[i], "enforced"), "false");
}

TEST(audit_policy_lets_all_pass_and_records_all)
{
	size_t from = records_now();

	fresh_folder(FOLDER);
	make_file(FOLDER "/old", "x", 0666);
	run_in(CG, 0, everything, NULL);
	CHECK(exists(FOLDER "/new") && !exists(FOLDER "/old"));
	check_audit_records(from);
}

TEST(same_policy_enforced_refuses)
{
	REQUIRE(!push_text(enforced, NULL));
	run_in(CG, 0, nothing, NULL);
	CHECK(exists(FOLDER "/new") && !exists(FOLDER "/other"));
}

TEST(audit_mode_of_the_environment_overrides_the_policy)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	struct vantio_error err = {};
	size_t from = records_now();
	pid_t enforce;

	CHECK_SH(0, "printf '%%s' '%s' >/tmp/vt-audit.toml", enforced);
	setenv("VANTIO_AUDIT_MODE", "1", 1);
	enforce = enforce_start("/tmp/vt-audit.toml", NULL);
	fresh_folder(FOLDER);
	make_file(FOLDER "/old", "x", 0666);
	run_in(CG, 0, everything, NULL);
	CHECK(exists(FOLDER "/new") && !exists(FOLDER "/old"));
	CHECK_INT(enforce_end(enforce, SIGTERM), 0);
	check_audit_records(from);
	unsetenv("VANTIO_AUDIT_MODE");
	REQUIRE(!engine_change(&e));
	CHECK_INT(vantio_engine_set_audit(&e, false, &err), 0);
}

TEST(audit_mode_of_the_environment_reaches_a_run_and_nobody_else)
{
	static const char run[] = "VANTIO_LEDGER=%s VANTIO_AUDIT_MODE=%d vantioctl run --tier kernel --policy /tmp/vt-audit.toml --name vt-run -- rm " FOLDER "/old";
	size_t from, i, n = 0;

	REQUIRE(!push_text(enforced, NULL));
	make_file("/tmp/vt-audit.toml", enforced, 0644);
	fresh_folder(FOLDER);
	make_file(FOLDER "/old", "x", 0666);
	make_file(FOLDER "/new", "x", 0666);
	CHECK_SH(126, run, ledger_dir(), 0);
	CHECK(exists(FOLDER "/old"));
	from = records_now();
	CHECK_SH(0, run, ledger_dir(), 1);
	CHECK(strstr(sh_output, "audit mode: every decision is recorded, nothing is refused"));
	CHECK(!exists(FOLDER "/old"));
	load_records(from);
	for (i = 0; i < n_recs; i++)
		if (!strncmp(rec_text(&recs[i], "agent"), "vt-run-", 7) && !strcmp(rec_text(&recs[i], "op"), "unlink")) {
			CHECK_STR(rec_text(&recs[i], "decision"), "block");
			CHECK_STR(rec_text(&recs[i], "enforced"), "false");
			n++;
		}
	CHECK_INT(n, 1);
	run_in(CG, 0, nothing, NULL); /* held to the policy of this name as before */
}

TEST(kill_switch_holds_in_audit_mode)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	struct vantio_kill_result result;
	struct vantio_error err = {};
	uint32_t agent;

	REQUIRE(!push_text(audited, NULL));
	REQUIRE(!engine_change(&e));
	agent = vantio_agent_find(&e, "vt-audit");
	CHECK_INT(vantio_kill_soft(&e, agent, &result, &err), 0);
	/* the cgroup is frozen and would keep the test: only the word is asked here */
	CHECK_SH(0, "echo 0 >" CGROUP_ROOT CG "/cgroup.freeze");
	run_in(CG, 0, nothing, NULL);
	CHECK_INT(vantio_kill_release(&e, agent, &result, &err), 0);
}

SETUP()
{
	engine_ready();
	fresh_folder(FOLDER);
	REQUIRE(!push_text(audited, &slot));
	REQUIRE(enroll("vt-audit", CG, 0, slot.slot, 0));
}

TEARDOWN()
{
	remove_named("vt-audit");
}

VT_MAIN()
