// SPDX-License-Identifier: Apache-2.0
/*
 * A flood of refusals: none is permitted, and each is accounted for, whether an event told of it, a count stands for it, or it was
 * lost for want of room. VANTIO_FLOOD is the number of attempts (`make check-flood` tries a million).
 */
#include "govern.h"

#include "engine/stats.h"

#define CG      "/vt-flood"
#define CG_KEPT "/vt-kept"
#define CG_FREE "/vt-free"
#define FOLDER  "/tmp/vt-flood"
#define SECRET  FOLDER "/secret"
#define KEPT    "/tmp/vt-flood-kept"
#define PROCESSES 4
#define LONG_NAME 250 /* three of them are too long to be compared with others: each refusal is an event of its own */

#define BODY "[file]\ndefault = \"allow\"\ndeny = [\"" FOLDER "/**\"]\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n"

static unsigned int attempts; /* in all */
static char longest[3 * LONG_NAME + 100]; /* an allowed file whose events are larger than any of the flood's: where those had no room, it has none */

static unsigned int share(unsigned int process)
{
	return attempts / PROCESSES + (process < attempts % PROCESSES);
}

/* One process's part: half of them keep asking for one file, the others for names that nobody asked for before. */
static void flood(void *arg)
{
	unsigned int process = *(unsigned int *)arg, i, refused = 0;
	char path[3 * LONG_NAME + 100];

	for (i = 0; i < share(process); i++) {
		int fd;

		if (process % 2) {
			snprintf(path, sizeof(path), FOLDER "/%0*u/%0*u/%0*u", LONG_NAME, process, LONG_NAME, process, LONG_NAME, i);
			refused += mkdir(path, 0700) < 0 && errno == EACCES;
		} else {
			fd = open(SECRET, O_RDONLY | O_CLOEXEC);
			refused += fd < 0 && errno == EACCES;
			if (fd >= 0)
				close(fd);
		}
	}
	CHECK_INT(refused, share(process));
}

static struct vantio_counts counts_now(uint64_t *ret_pending)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	struct vantio_occupancy used = {};
	struct vantio_counts c = {};
	struct vantio_error err = {};

	if (vantio_engine_open(false, &e, &err) || vantio_engine_counts(&e, &c, &err) || vantio_stats_occupancy(&e, &used, &err))
		check_(__FILE__, __LINE__, false, "%s", err.text);
	if (ret_pending)
		*ret_pending = used.repeats_pending;
	return c;
}

static unsigned long long number_in(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	return at ? strtoull(at + strlen(key) + (at[strlen(key)] == '"'), NULL, 10) : 0;
}

/* Of the ledger, which may have more records than fit into memory here: the decisions of an operation, and all losses. */
static void sum_ledger(const char *op, unsigned long long *ret_decisions, unsigned long long *ret_lost)
{
	char path[256], key[64], *line = NULL;
	size_t cap = 0;
	int segment;

	snprintf(key, sizeof(key), "\"op\":\"%s\"", op);
	*ret_decisions = *ret_lost = 0;
	for (segment = 0;; segment++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/log/%08d.ndjson", ledger_dir(), segment);
		f = fopen(path, "re");
		if (!f)
			break;
		while (getline(&line, &cap, f) > 0) {
			if (strstr(line, key) && strstr(line, "\"agent\":\"vt-flood\""))
				*ret_decisions += number_in(line, "\"count\":");
			*ret_lost += number_in(line, "\"lost_before\":");
		}
		fclose(f);
	}
	free(line);
}

static void run_flood(void)
{
	unsigned int processes[PROCESSES], i;
	pid_t children[PROCESSES];
	int status;

	for (i = 0; i < PROCESSES; i++) {
		processes[i] = i;
		children[i] = start_in(CG, 0, flood, &processes[i]);
	}
	for (i = 0; i < PROCESSES; i++)
		CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0);
}

static void allowed(void *arg)
{
	(void)arg;
	CHECK_OK(open(longest, O_RDONLY));
}

static void refused_for_want_of_a_record(void *arg)
{
	(void)arg;
	CHECK_FAILS(open(longest, O_RDONLY), EACCES);
}

TEST_WITHIN(flood_with_the_reader_stopped_permits_nothing_and_loses_count_of_nothing, 3000)
{
	unsigned long long read, mkdirs, lost, lost_before, none;
	struct vantio_counts before, flooded, after;
	uint64_t pending;

	records_now();
	sum_ledger("mkdir", &none, &lost_before);
	before = counts_now(&pending);
	CHECK_INT(pending, 0);
	run_flood();
	flooded = counts_now(&pending);
	printf("# %u attempts: %llu events for %llu decisions, %llu lost, %llu pending\n", attempts, flooded.events - before.events,
	       flooded.decisions - before.decisions, flooded.lost - before.lost, (unsigned long long)pending);
	CHECK_INT((long long)(flooded.decisions - before.decisions + flooded.lost - before.lost + pending), attempts);
	CHECK(flooded.lost > before.lost); /* it was a flood */
	CHECK_INT((long long)(flooded.lost_by[VANTIO_LOSS_RING] + flooded.lost_by[VANTIO_LOSS_SCRATCH] + flooded.lost_by[VANTIO_LOSS_AGENT]),
		  (long long)flooded.lost);
	CHECK(flooded.merged - before.merged > attempts / PROCESSES); /* those alike share events */

	/* No room is left: what must be recorded is refused, where the policy says so. */
	run_in(CG_KEPT, 0, refused_for_want_of_a_record, NULL);
	run_in(CG_FREE, 0, allowed, NULL);
	records_now();
	run_in(CG_KEPT, 0, allowed, NULL);

	after = counts_now(NULL);
	sum_ledger("read", &read, &lost);
	sum_ledger("mkdir", &mkdirs, &lost);
	printf("# ledger: %llu refused reads and %llu refused mkdirs seen, %llu lost\n", read, mkdirs, lost - lost_before);
	CHECK_INT((long long)(read + mkdirs + flooded.lost - before.lost), attempts);
	CHECK_INT((long long)(lost - lost_before), (long long)(after.lost - before.lost));
	CHECK_SH(0, "vantioctl ledger verify --ledger %s", ledger_dir());
}

static void thrice(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 3; i++)
		CHECK_FAILS(open(SECRET, O_RDONLY), EACCES);
	CHECK_FAILS(open(SECRET, O_WRONLY), EACCES);
}

TEST(refusals_that_are_alike_share_a_record_and_others_do_not)
{
	size_t from = records_now(), i = 0;
	const struct rec *r;
	long long n = 0, most = 0;

	run_in(CG, 0, thrice, NULL);
	load_records(from);
	CHECK_INT(count_records("read", "block"), 3);
	CHECK_INT(count_records("write", "block"), 1);
	while ((r = next_record(&i, "read", "block"))) {
		n++;
		most = rec_number(r, "count") > most ? rec_number(r, "count") : most;
		CHECK_STR(rec_resource(r, "path"), SECRET);
	}
	CHECK(n >= 1 && n <= 3 && most >= 1);
	if (n > 2) /* more than a second went by between them */
		SKIP("this machine is too slow to be asked twice within a second");
	CHECK(most >= 2);
}

/* Nothing follows the last of them: the daemon's own clock makes the record. */
TEST(repeats_are_told_without_another_event)
{
	pid_t enforce;
	size_t from;
	FILE *f = fopen("/tmp/flood.toml", "we");

	REQUIRE(f && fputs("schema = 1\nname = \"flood\"\n" BODY, f) >= 0 && !fclose(f));
	from = records_now();
	enforce = enforce_start("/tmp/flood.toml", NULL);
	run_in(CG, 0, thrice, NULL);
	await_records(from, "read", "block", 3);
	CHECK_INT(enforce_end(enforce, SIGTERM), 0);
}

TEST(status_tells_of_rates_losses_and_run_times)
{
	CHECK_SH(0, "vantioctl status");
	CHECK(strstr(sh_output, "decisions/s") && strstr(sh_output, "buffer full") && strstr(sh_output, "not measured"));
	CHECK_SH(0, "echo 1 >/proc/sys/kernel/bpf_stats_enabled; cat /etc/passwd; vantioctl status; echo 0 >/proc/sys/kernel/bpf_stats_enabled");
	CHECK(strstr(sh_output, "file_open") && strstr(sh_output, "NS A RUN"));
	CHECK_SH(0, "vantioctl status --sample 200ms --json");
	CHECK(strstr(sh_output, "\"timed\":true") && strstr(sh_output, "\"buffer_full\":") && strstr(sh_output, "\"hook\":\"file_open\""));
	CHECK_SH(2, "vantioctl status --sample 1ms");
}

SETUP()
{
	const char *n = getenv("VANTIO_FLOOD");
	struct vantio_slot slot;
	unsigned int i;
	char path[2 * LONG_NAME + 100];

	attempts = n ? (unsigned int)strtoul(n, NULL, 10) : 20000;
	REQUIRE(attempts >= 20000);
	engine_ready();
	fresh_folder(FOLDER);
	make_file(SECRET, "secret", 0644);
	fresh_folder(KEPT);
	snprintf(path, sizeof(path), KEPT "/%0*u", LONG_NAME, 0);
	make_folder(path);
	snprintf(path, sizeof(path), KEPT "/%0*u/%0*u", LONG_NAME, 0, LONG_NAME, 0);
	make_folder(path);
	snprintf(longest, sizeof(longest), KEPT "/%0*u/%0*u/%0*u", LONG_NAME, 0, LONG_NAME, 0, LONG_NAME, 0);
	make_file(longest, "kept", 0644);
	for (i = 0; i < PROCESSES; i++) {
		snprintf(path, sizeof(path), FOLDER "/%0*u", LONG_NAME, i);
		make_folder(path);
		snprintf(path, sizeof(path), FOLDER "/%0*u/%0*u", LONG_NAME, i, LONG_NAME, i);
		make_folder(path);
	}
	REQUIRE(!push_text("schema = 1\nname = \"flood\"\n" BODY, &slot) && enroll("vt-flood", CG, 0, slot.slot, 0));
	REQUIRE(!push_text("schema = 1\nname = \"kept\"\nrecord = \"all\"\non_loss = \"block\"\n" BODY, &slot) && enroll("vt-kept", CG_KEPT, 0, slot.slot, 0));
	REQUIRE(!push_text("schema = 1\nname = \"free\"\nrecord = \"all\"\n" BODY, &slot) && enroll("vt-free", CG_FREE, 0, slot.slot, 0));
}

TEARDOWN()
{
	remove_named("vt-flood");
	remove_named("vt-kept");
	remove_named("vt-free");
}

VT_MAIN()
