// SPDX-License-Identifier: Apache-2.0
/* The daemon's life and death: verdicts do not depend on it, and no event is lost with it. */
#include <sched.h>

#include "govern.h"

#define CG     "/vt-daemon"
#define POLICY "/tmp/daemon.toml"
#define SECRET "/tmp/daemon-secret"
#define SERIALS "/tmp/daemon-serials"

static const char policy[] = "schema = 1\nname = \"daemon\"\n[file]\ndefault = \"allow\"\ndeny = [\"" SECRET "\", \"" SERIALS "/**\"]\n"
			     "[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n";

static void try_secret(void *arg)
{
	int i, n = *(int *)arg;

	for (i = 0; i < n; i++)
		CHECK_FAILS(open(SECRET, O_RDONLY), EACCES);
	CHECK_OK(open("/etc/passwd", O_RDONLY));
}

static void refused(int times)
{
	run_in(CG, 0, try_secret, &times);
}

TEST(daemon_killed_changes_no_verdict_and_loses_no_event)
{
	pid_t enforce = enforce_start(POLICY, NULL);
	size_t from;

	refused(3);
	enforce_end(enforce, SIGKILL);
	from = read_records((size_t)-1);
	refused(4); /* nobody reads the ring */
	enforce = enforce_start(POLICY, NULL);
	refused(2);
	CHECK_INT(enforce_end(enforce, SIGTERM), 0);
	read_records(0);
	/* what it had read and not made durable is read again: all nine, and none more often than its batch */
	CHECK(count_records("read", "block") >= 9 && count_records("read", "block") <= 12);
	CHECK(from <= n_recs);
	CHECK_SH(0, "vantioctl ledger verify --ledger %s", ledger_dir());
}

/* One file a serial number, so that each attempt is known by its record. */
static void try_serials(void *arg)
{
	int *next = arg;
	char path[64];

	for (; !__atomic_load_n(&next[1], __ATOMIC_SEQ_CST); __atomic_add_fetch(next, 1, __ATOMIC_SEQ_CST)) {
		struct timespec pace = { .tv_nsec = 5000000 };

		snprintf(path, sizeof(path), SERIALS "/%d", *next);
		CHECK_FAILS(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), EACCES);
		nanosleep(&pace, NULL);
	}
}

static void wait_for_serial(const int *next, int serial)
{
	long long until = now_ms() + 20000;

	while (__atomic_load_n(next, __ATOMIC_SEQ_CST) < serial && now_ms() < until)
		sched_yield();
	CHECK(__atomic_load_n(next, __ATOMIC_SEQ_CST) >= serial);
}

#define SERIALS_MAX 65536

/* How often each serial number was recorded, from leaf `from` on. */
static void count_serials(size_t from, unsigned char seen[SERIALS_MAX])
{
	size_t i;
	int serial;

	read_records(from);
	for (i = 0; i < n_recs; i++) {
		CHECK_INT(rec_number(&recs[i], "lost_before"), 0);
		if (sscanf(rec_resource(&recs[i], "path"), SERIALS "/%d", &serial) == 1 && serial >= 0 && serial < SERIALS_MAX)
			seen[serial] += seen[serial] < 255;
	}
}

/* Killed wherever it happens to be: reading, writing, signing, between the commit and the release of what it read. */
TEST_WITHIN(daemon_killed_again_and_again_loses_no_event, 180)
{
	int *next = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), i, n, status, missing = 0;
	static unsigned char seen[SERIALS_MAX];
	size_t from = read_records((size_t)-1);
	pid_t agent, enforce;

	REQUIRE(next != MAP_FAILED);
	make_folder(SERIALS);
	agent = start_in(CG, 0, try_serials, next);
	for (i = 0; i < 8; i++) {
		enforce = enforce_start(POLICY, NULL);
		wait_for_serial(next, __atomic_load_n(next, __ATOMIC_SEQ_CST) + 1 + 7 * i);
		enforce_end(enforce, SIGKILL);
	}
	__atomic_store_n(&next[1], 1, __ATOMIC_SEQ_CST);
	CHECK(waitpid(agent, &status, 0) == agent && status == 0);
	enforce = enforce_start(POLICY, NULL);
	CHECK_INT(enforce_end(enforce, SIGTERM), 0);
	n = *next;
	REQUIRE(n > 8 && n < SERIALS_MAX);
	count_serials(from, seen);
	for (i = 0; i < n; i++)
		missing += !seen[i];
	check_(__FILE__, __LINE__, !missing, "%d of %d attempts are not in the ledger", missing, n);
	CHECK_SH(0, "vantioctl ledger verify --ledger %s", ledger_dir());
}

TEST(daemon_terminated_flushes_and_leaves_the_engine_in_force)
{
	size_t before = read_records((size_t)-1);
	pid_t enforce = enforce_start(POLICY, NULL);

	refused(5);
	CHECK_INT(enforce_end(enforce, SIGTERM), 0);
	read_records(before);
	CHECK_INT(count_records("read", "block"), 5);
	refused(1);
	CHECK_SH(0, "vantioctl status --json | grep -q '\"writer_pid\":null'");
}

TEST(second_daemon_is_refused_and_names_the_first)
{
	pid_t enforce = enforce_start(POLICY, NULL);
	char who[32];

	snprintf(who, sizeof(who), "process %d", (int)enforce);
	CHECK_SH(1, "vantioctl enforce --ledger /tmp/other-ledger --policy " POLICY);
	CHECK(strstr(sh_output, who) != NULL);
	CHECK_SH(0, "vantioctl status --json | grep -q '\"writer_pid\":%d'", (int)enforce);
	CHECK_INT(enforce_end(enforce, SIGINT), 0);
}

/* Asked for while the daemon holds the ledger; what it signs before and after is one history. */
TEST(daemon_takes_a_new_key_when_it_is_asked_to)
{
	pid_t enforce = enforce_start(POLICY, NULL);

	refused(2);
	CHECK_SH(0, "vantioctl key rotate --ledger %s", ledger_dir());
	CHECK(strstr(sh_output, "signs with a new key") != NULL);
	refused(2);
	CHECK_SH(0, "vantioctl key rotate --ledger %s --json", ledger_dir());
	CHECK_SH(0, "vantioctl key generate --ledger /run/another && vantioctl key rotate --ledger /run/another");
	CHECK_INT(enforce_end(enforce, SIGTERM), 0);
	CHECK_SH(0, "vantioctl ledger verify --ledger %s --json | grep -q '\"verdict\":\"\\(ok\\|unanchored\\)\"'", ledger_dir());
	CHECK_SH(0, "test $(ls %s/keys | wc -l) = 1 && test ! -e /run/vantio/enforce.sock", ledger_dir());
}

/* By time; a key that is overdue when the daemon begins is replaced at once. */
TEST(daemon_takes_a_new_key_by_time)
{
	char command[256];
	long long until;
	pid_t enforce;

	CHECK_SH(0, "ls %s/epochs | wc -l >/tmp/epochs-before && touch -t 202001010000 %s/keys/*", ledger_dir(), ledger_dir());
	enforce = enforce_start(POLICY, NULL);
	snprintf(command, sizeof(command), "test $(ls %s/epochs | wc -l) -gt $(cat /tmp/epochs-before)", ledger_dir());
	until = now_ms() + 20000;
	while (sh("%s", command) && now_ms() < until)
		;
	CHECK_SH(0, "%s", command);
	CHECK_INT(enforce_end(enforce, SIGTERM), 0);
	CHECK_SH(0, "vantioctl ledger verify --ledger %s", ledger_dir());
}

TEST(bad_policy_is_refused_and_changes_nothing_in_force)
{
	CHECK_SH(0, "vantioctl status --json | sed 's/.*\"policies\"//; s/\"agents\".*//' >/tmp/before");
	CHECK_SH(1, "printf 'schema = 1\\nname = \"daemon\"\\n[file]\\ndefualt = \"allow\"\\n' >/tmp/bad.toml; vantioctl policy push /tmp/bad.toml");
	CHECK(strstr(sh_output, "/tmp/bad.toml:4:") != NULL);
	CHECK_SH(1, "vantioctl enforce --policy /tmp/bad.toml");
	CHECK_SH(0, "vantioctl status --json | sed 's/.*\"policies\"//; s/\"agents\".*//' >/tmp/after; grep -q daemon /tmp/before && cmp /tmp/before /tmp/after");
	refused(1);
}

SETUP()
{
	struct vantio_slot slot;
	FILE *f = fopen(POLICY, "we");

	engine_ready();
	REQUIRE(f && fputs(policy, f) >= 0 && !fclose(f));
	make_file(SECRET, "secret", 0644);
	REQUIRE(!push_text(policy, &slot));
	REQUIRE(enroll("vt-daemon", CG, 0, slot.slot, 0));
}

TEARDOWN()
{
	remove_named("vt-daemon");
}

VT_MAIN()
