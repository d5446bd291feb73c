// SPDX-License-Identifier: Apache-2.0
#include "ledger_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <dirent.h>

#include "base/mem.h"

#define LOG "log/00000000.ndjson"
#define PRIVATE "private/00000000.ndjson"

static void ledger_new_folder_opens_empty(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	assert_int_equal(vantio_ledger_size(l), 0);
	vantio_ledger_close(l);
	fixture_append(f, 0, 1);
}

static void ledger_appended_records_are_there_after_reopening(void **state)
{
	struct fixture *f = *state;
	size_t len, lines = 0, i;
	char *log;

	fixture_append(f, 3, 1);
	fixture_append(f, 300, 64);
	fixture_append(f, 1000, 1000);
	fixture_append(f, 0, 1);
	log = fixture_read(f, "log/00000000.ndjson", &len);
	for (i = 0; i < len; i++)
		lines += log[i] == '\n';
	assert_int_equal(lines, 1303);
	free(log);
}

static void ledger_second_writer_is_told_who_holds_it(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL, *second = NULL;
	char pid[32];

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	assert_int_equal(vantio_ledger_open(f->ledger, &second, &err), -EBUSY);
	snprintf(pid, sizeof(pid), "process %d", getpid());
	assert_non_null(strstr(err.text, pid));
	assert_null(second);
	vantio_ledger_close(l);
}


static struct vantio_ledger_report verify(const struct fixture *f)
{
	struct vantio_verify_options opts = { .vkey = NULL };
	struct vantio_ledger_report report = { .records = 0 };
	struct vantio_error err = { 0 };

	assert_ok(vantio_ledger_verify(f->ledger, &opts, &report, &err), err);
	return report;
}

static void assert_sound(const struct fixture *f, uint64_t records)
{
	struct vantio_ledger_report r = verify(f);

	if (r.verdict != VANTIO_LEDGER_UNANCHORED)
		fail_msg("verdict %d: %s", r.verdict, r.reason);
	assert_int_equal(r.records, records);
}

static void append_bytes(const struct fixture *f, const char *name, const char *bytes)
{
	char path[192];
	FILE *out;

	fixture_path(f, name, path);
	out = fopen(path, "a");
	assert_non_null(out);
	fputs(bytes, out);
	assert_int_equal(fclose(out), 0);
}

static void drop(const struct fixture *f, const char *name)
{
	char path[192];

	fixture_path(f, name, path);
	fixture_remove(path);
}

/* Opening must succeed with a notice that says `notice`, and then appending and verifying. */
static void assert_recovers(const struct fixture *f, uint64_t size, const char *notice)
{
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;
	bool said = false;
	size_t i;

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	assert_int_equal(vantio_ledger_size(l), size);
	for (i = 0; vantio_ledger_notice(l, i); i++)
		said |= strstr(vantio_ledger_notice(l, i), notice) != NULL;
	if (!said)
		fail_msg("no notice says '%s'", notice);
	vantio_ledger_close(l);
	fixture_append(f, 3, 2);
	assert_sound(f, size + 3);
}

/* Opening must fail with that code and a text that says `what`. */
static void assert_refused(const struct fixture *f, int code, const char *what)
{
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;
	int r = vantio_ledger_open(f->ledger, &l, &err);

	if (r != -code || !strstr(err.text, what) || l)
		fail_msg("%d: %s", r, err.text);
}

static size_t count_quarantine(const struct fixture *f)
{
	char path[192];
	struct dirent *d;
	size_t n = 0;
	DIR *dir;

	fixture_path(f, "quarantine", path);
	dir = opendir(path);
	assert_non_null(dir);
	while ((d = readdir(dir)))
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void recovery_unfinished_tail_goes_to_quarantine(void **state)
{
	struct fixture *f = *state;

	fixture_append(f, 10, 4);
	append_bytes(f, LOG, "{\"v\":1,\"record_id\":\"half a line");
	append_bytes(f, PRIVATE, "[\"whole\"]\n[\"half");
	assert_recovers(f, 10, "31 bytes of 'log/00000000.ndjson'");
	assert_int_equal(count_quarantine(f), 2);
}

static void recovery_whole_lines_beyond_the_checkpoint_go_to_quarantine(void **state)
{
	struct fixture *f = *state;
	size_t len;
	char *checkpoint;

	/* As if the writer had died between writing the log and publishing the checkpoint. */
	fixture_append(f, 10, 10);
	checkpoint = fixture_read(f, "checkpoint", &len);
	fixture_append(f, 5, 5);
	fixture_write(f, "checkpoint", checkpoint, len);
	free(checkpoint);
	drop(f, "index.sqlite3");
	assert_recovers(f, 10, "no checkpoint covers");
}

static void recovery_segment_beyond_the_checkpoint_goes_to_quarantine(void **state)
{
	struct fixture *f = *state;

	fixture_append(f, 10, 10);
	fixture_write(f, "log/00000001.ndjson", "x\n", 2);
	assert_recovers(f, 10, "'log/00000001.ndjson'");
}

static void recovery_missing_private_lines_count_as_erased(void **state)
{
	struct fixture *f = *state;
	size_t len;
	char *private;

	fixture_append(f, 10, 10);
	private = fixture_read(f, PRIVATE, &len);
	*(strchr(strchr(private, '\n') + 1, '\n') + 1) = '\0';
	fixture_write(f, PRIVATE, private, strlen(private));
	free(private);
	assert_recovers(f, 10, "last 8 records");
	drop(f, PRIVATE);
	assert_recovers(f, 13, "last 13 records");
}

static void recovery_lost_tiles_are_built_again(void **state)
{
	struct fixture *f = *state;

	fixture_append(f, 300, 100);
	drop(f, "tile");
	assert_recovers(f, 300, "tiles were lost or damaged");
}

static void recovery_changed_tile_is_built_again(void **state)
{
	struct fixture *f = *state;
	size_t len;
	char *tile;

	fixture_append(f, 300, 100);
	tile = fixture_read(f, "tile/1/000.p/1", &len);
	tile[0] ^= 1;
	fixture_write(f, "tile/1/000.p/1", tile, len);
	free(tile);
	assert_recovers(f, 300, "tiles were lost or damaged");
}

static void recovery_damage_within_is_refused_with_the_leaf(void **state)
{
	struct fixture *f = *state;
	size_t len;
	char *log, *p;

	fixture_append(f, 300, 100);
	log = fixture_read(f, LOG, &len);
	p = strstr(log, "\"leaf\":\"270\"");
	p = strstr(p, "\"uid\":1000");
	p[7] = '9';
	fixture_write(f, LOG, log, len);
	assert_refused(f, EBADMSG, "leaf 270 of the ledger is damaged");
	p[7] = '0';
	fixture_write(f, LOG, log, (size_t)(p - log));
	assert_refused(f, EBADMSG, "leaf 270 of the ledger is damaged");
	drop(f, LOG);
	assert_refused(f, EBADMSG, "leaf 0 of the ledger is damaged");
	free(log);
}

static void recovery_bad_or_missing_checkpoint_is_refused(void **state)
{
	struct fixture *f = *state;
	size_t len;
	char *note;

	fixture_append(f, 10, 10);
	note = fixture_read(f, "checkpoint", &len);
	note[len - 20] = note[len - 20] == 'A' ? 'B' : 'A';
	fixture_write(f, "checkpoint", note, len);
	free(note);
	assert_refused(f, EBADMSG, "does not hold");
	drop(f, "checkpoint");
	assert_refused(f, EBADMSG, "no checkpoint");
}

static void recovery_interrupted_creation_is_finished(void **state)
{
	static const char *const there[] = { "checkpoint", "log", "epochs", "keys" };
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l;
	char path[192];
	size_t i;

	for (i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
		vantio_ledger_close(l);
		assert_sound(f, 0);
		for (size_t j = 0; j <= i; j++)
			drop(f, there[j]);
	}
	fixture_append(f, 1, 1);
	append_bytes(f, ".checkpoint.0123456789abcdef.tmp", "x");
	fixture_append(f, 1, 1);
	assert_sound(f, 2);
	fixture_path(f, ".checkpoint.0123456789abcdef.tmp", path);
	assert_int_equal(access(path, F_OK), -1);
}

static void key_that_cannot_serve_is_refused_with_the_mend(void **state)
{
	struct fixture *f = *state, other = *f;
	char path[192], *key, *stranger;
	size_t len, stranger_len;

	snprintf(other.ledger, sizeof(other.ledger), "%s/other", f->dir);
	fixture_append(f, 2, 2);
	fixture_append(&other, 2, 2);
	fixture_path(f, "keys/00000000", path);
	key = fixture_read(f, "keys/00000000", &len);
	stranger = fixture_read(&other, "keys/00000000", &stranger_len);
	assert_int_equal(chmod(path, 0640), 0);
	assert_refused(f, EPROTO, "chmod 600");
	assert_int_equal(chmod(path, 0600), 0);
	fixture_write(f, "keys/00000000", key, len / 2);
	assert_refused(f, EPROTO, "half-written");
	fixture_write(f, "keys/00000000", "", 0);
	assert_refused(f, EPROTO, "half-written");
	fixture_write(f, "keys/00000000", stranger, stranger_len);
	assert_refused(f, EPROTO, "not the one that the ledger names");
	drop(f, "keys/00000000");
	assert_refused(f, ENOENT, "is gone");
	fixture_write(f, "keys/00000000", key, len);
	assert_int_equal(chmod(path, 0600), 0);
	fixture_append(f, 2, 2);
	assert_sound(f, 4);
	free(key);
	free(stranger);
}

static void writer_stops_for_good_after_a_failed_write(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, small;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;
	struct vantio_record r;
	int i;

	fixture_append(f, 10, 10);
	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	for (i = 0; i < 50; i++) {
		r = fixture_record(10 + (uint64_t)i);
		assert_ok(vantio_ledger_append(l, &r, &err), err);
	}
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){ 20000, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(vantio_ledger_commit(l, &err), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	/* There would be room again, but what is on disk is no longer known. */
	assert_int_equal(vantio_ledger_commit(l, &err), -EFBIG);
	assert_non_null(strstr(err.text, "stopped after a failed write"));
	assert_int_equal(vantio_ledger_append(l, &r, &err), -EFBIG);
	assert_int_equal(vantio_ledger_size(l), 10);
	vantio_ledger_close(l);
	assert_sound(f, 10);
	assert_recovers(f, 10, "no checkpoint covers");
}

static void staged_records_that_are_not_committed_are_dropped(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;
	struct vantio_record r = fixture_record(0);

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	assert_ok(vantio_ledger_append(l, &r, &err), err);
	assert_int_equal(vantio_ledger_staged(l), 1);
	assert_int_equal(vantio_ledger_size(l), 0);
	vantio_ledger_close(l);
	assert_sound(f, 0);
}

static void events_out_of_order_never_run_the_clock_back(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;
	struct vantio_record r;
	int i;

	for (i = 0; i < 2; i++) {
		assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
		r = fixture_record(500);
		assert_ok(vantio_ledger_append(l, &r, &err), err);
		r = fixture_record(499);
		assert_ok(vantio_ledger_append(l, &r, &err), err);
		assert_int_equal(r.mono_ns, fixture_record(500).mono_ns);
		assert_ok(vantio_ledger_commit(l, &err), err);
		vantio_ledger_close(l);
	}
	assert_sound(f, 4);
}

static void ledger_goes_on_across_segments(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger_report r;
	size_t len;
	char *log, *p;

	fixture_append(f, 65530, 65530);
	fixture_append(f, 6, 1); /* the segment is full now */
	fixture_append(f, 4, 1);
	assert_sound(f, 65540);
	log = fixture_read(f, "log/00000001.ndjson", &len);
	p = strstr(strstr(log, "\"leaf\":\"65537\""), "\"uid\":1000");
	p[8] = '1';
	fixture_write(f, "log/00000001.ndjson", log, len);
	r = verify(f);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_int_equal(r.leaf, 65537);
	p[8] = '0';
	fixture_write(f, "log/00000001.ndjson", log, len);
	/* A full segment must end with its last line. */
	append_bytes(f, "log/00000000.ndjson", "more\n");
	r = verify(f);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_non_null(strstr(r.reason, "too many"));
	free(log);
}

/* Verifies until the pipe is closed; the exit status says whether all runs were OK and there was one. */
static void verify_until_closed(const struct fixture *f, int fd)
{
	struct vantio_verify_options opts = { .vkey = NULL };
	struct vantio_ledger_report report;
	struct vantio_error err = { 0 };
	char byte;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	do {
		if (vantio_ledger_verify(f->ledger, &opts, &report, &err) < 0 || report.verdict != VANTIO_LEDGER_UNANCHORED) {
			fprintf(stderr, "while writing: %d %s %s\n", report.verdict, report.reason, err.text);
			_exit(1);
		}
	} while (read(fd, &byte, 1) < 0);
	_exit(0);
}

static void ledger_verifies_while_a_writer_appends(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;
	struct vantio_record r;
	int ends[2], status;
	uint64_t i;
	pid_t pid;

	fixture_append(f, 250, 50);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		verify_until_closed(f, ends[0]);
	}
	close(ends[0]);
	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	for (i = 0; i < 1500; i++) {
		r = fixture_record(i);
		assert_ok(vantio_ledger_append(l, &r, &err), err);
		if (i % 3 == 0)
			assert_ok(vantio_ledger_commit(l, &err), err);
	}
	vantio_ledger_close(l);
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(ledger_new_folder_opens_empty),
		CASE(ledger_appended_records_are_there_after_reopening),
		CASE(ledger_second_writer_is_told_who_holds_it),
		CASE(recovery_unfinished_tail_goes_to_quarantine),
		CASE(recovery_whole_lines_beyond_the_checkpoint_go_to_quarantine),
		CASE(recovery_segment_beyond_the_checkpoint_goes_to_quarantine),
		CASE(recovery_missing_private_lines_count_as_erased),
		CASE(recovery_lost_tiles_are_built_again),
		CASE(recovery_changed_tile_is_built_again),
		CASE(recovery_damage_within_is_refused_with_the_leaf),
		CASE(recovery_bad_or_missing_checkpoint_is_refused),
		CASE(recovery_interrupted_creation_is_finished),
		CASE(key_that_cannot_serve_is_refused_with_the_mend),
		CASE(writer_stops_for_good_after_a_failed_write),
		CASE(staged_records_that_are_not_committed_are_dropped),
		CASE(events_out_of_order_never_run_the_clock_back),
		CASE(ledger_goes_on_across_segments),
		CASE(ledger_verifies_while_a_writer_appends),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
