// SPDX-License-Identifier: Apache-2.0
/* Exports: the formats, and what a second attempt makes of what a first one left. */
#include "ledger_fixture.h"

#include <cjson/cJSON.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/base64.h"
#include "base/text.h"
#include "export/export.h"
#include "ledger/tile.h"

#define LOG "log/00000000.ndjson"
#define OUT "export"

static const struct vantio_export_options ndjson = { .format = VANTIO_EXPORT_NDJSON };
static const struct vantio_export_options csv = { .format = VANTIO_EXPORT_CSV };
static const struct vantio_export_options tiles = { .format = VANTIO_EXPORT_TILES };
static const struct vantio_export_options spanner = { .format = VANTIO_EXPORT_SPANNER, .location = "gs://b/f", .retain_days = 30 };

static int export(const struct fixture *f, const char *name, const struct vantio_export_options *opts)
{
	struct vantio_error err = { 0 };
	char path[192];
	uint64_t n = 0;
	int r;

	/* Beside the ledger's files, so that the fixture's hands reach it. */
	fixture_path(f, name, path);
	r = vantio_export_to(f->ledger, path, opts, &n, &err);
	if (r < 0 && r != -EBADMSG && r != -EEXIST)
		fail_msg("export: %s", err.text);
	return r < 0 ? r : (int)n;
}

static bool is_there(const struct fixture *f, const char *name)
{
	char path[192];

	fixture_path(f, name, path);
	return access(path, F_OK) == 0;
}

static void assert_same(const struct fixture *f, const char *a, const char *b)
{
	size_t la, lb;
	char *x = fixture_read(f, a, &la), *y = fixture_read(f, b, &lb);

	assert_int_equal(la, lb);
	assert_memory_equal(x, y, la);
	free(x);
	free(y);
}

static void assert_same_folder(const struct fixture *f, const char *a, const char *b)
{
	char command[512];

	snprintf(command, sizeof(command), "diff -r %s/%s %s/%s", f->ledger, a, f->ledger, b);
	assert_int_equal(system(command), 0);
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

static void export_ndjson_is_the_log_byte_for_byte(void **state)
{
	const struct fixture *f = *state;
	size_t len;
	char *log;

	fixture_append(f, 700, 100);
	assert_int_equal(export(f, OUT, &ndjson), 700);
	assert_same(f, OUT, LOG);
	append_bytes(f, LOG, "unfinished");
	assert_int_equal(export(f, "second", &ndjson), 700);
	assert_same(f, OUT, "second");
	log = fixture_read(f, LOG, &len);
	*strstr(log + 1000, "1000") = '2';
	fixture_write(f, LOG, log, len);
	free(log);
	assert_int_equal(export(f, "third", &ndjson), -EBADMSG);
	assert_false(is_there(f, "third"));
	assert_false(is_there(f, "third.partial"));
}

/* What an attempt left is gone on with where it is right, and made right where it is not. */
static void export_goes_on_from_a_partial_file(void **state)
{
	const struct fixture *f = *state;
	struct stat before, after;
	char *whole, path[192];
	size_t len, i;

	fixture_append(f, 900, 300);
	assert_int_equal(export(f, "whole", &csv), 900);
	whole = fixture_read(f, "whole", &len);
	for (i = 0; i < 4; i++) {
		const size_t at[] = { 0, 1, len / 2, len };

		fixture_write(f, OUT ".partial", whole, at[i]);
		fixture_path(f, OUT ".partial", path);
		assert_int_equal(stat(path, &before), 0);
		assert_int_equal(export(f, OUT, &csv), 900);
		assert_same(f, OUT, "whole");
		fixture_path(f, OUT, path);
		assert_int_equal(stat(path, &after), 0);
		assert_int_equal(before.st_ino, after.st_ino); /* gone on with, not begun again */
		assert_int_equal(unlink(path), 0);
	}
	whole[len / 2] ^= 1;
	fixture_write(f, OUT ".partial", whole, len);
	assert_int_equal(export(f, OUT, &csv), 900);
	assert_same(f, OUT, "whole");
	fixture_write(f, OUT, whole, len);
	assert_int_equal(export(f, OUT, &csv), 900);
	assert_same(f, OUT, "whole");
	whole[len / 2] ^= 1;
	free(whole);
	append_bytes(f, OUT, "more than there is");
	assert_int_equal(export(f, OUT, &csv), 900);
	assert_same(f, OUT, "whole");
	assert_false(is_there(f, OUT ".partial"));
}

/* A limit on the size of files ends the process in the midst of writing, with a signal that cannot be missed. */
static void export_killed_half_way_is_finished_by_the_next(void **state)
{
	static const struct vantio_export_options *const formats[] = { &ndjson, &csv, &spanner };
	static const char *const names[] = { "o0", "o1", "o2" }, *const wholes[] = { "w0", "w1", "w2" };
	const struct fixture *f = *state;
	struct rlimit limit = { 1500000, 1500000 };
	size_t i;
	int status;
	pid_t pid;

	fixture_append(f, 3000, 1000);
	for (i = 0; i < 3; i++) {
		pid = fork();
		if (pid == 0) {
			setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
			setrlimit(RLIMIT_FSIZE, &limit);
			export(f, names[i], formats[i]);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
		assert_true(is_there(f, i == 2 ? "o2/parts/00000000.csv.partial" : i ? "o1.partial" : "o0.partial"));
		assert_false(is_there(f, i == 2 ? "o2/manifest.json" : names[i]));
		assert_int_equal(export(f, names[i], formats[i]), 3000);
		assert_int_equal(export(f, wholes[i], formats[i]), 3000);
	}
	assert_same(f, "o0", LOG);
	assert_same(f, "o1", "w1");
	assert_same_folder(f, "o2", "w2");
}

static void export_of_tiles_killed_half_way_is_finished_by_the_next(void **state)
{
	const struct fixture *f = *state;
	char path[192], events[8192];
	bool seen = false;
	int watch, status;
	ssize_t n, at;
	pid_t pid;

	fixture_append(f, 5000, 2500);
	assert_int_equal(export(f, "whole", &tiles), 5000);
	fixture_path(f, OUT, path);
	assert_int_equal(mkdir(path, 0700), 0);
	fixture_path(f, OUT "/tile", path);
	assert_int_equal(mkdir(path, 0700), 0);
	fixture_path(f, OUT "/tile/entries", path);
	assert_int_equal(mkdir(path, 0700), 0);
	watch = inotify_init1(IN_CLOEXEC);
	assert_true(inotify_add_watch(watch, path, IN_CREATE) >= 0);
	pid = fork();
	if (pid == 0) {
		export(f, OUT, &tiles);
		pause(); /* the kill may come late: then everything is there, and that is fine too */
	}
	while (!seen) {
		n = read(watch, events, sizeof(events));
		assert_true(n > 0);
		for (at = 0; at < n; at += (ssize_t)(sizeof(struct inotify_event) + ((struct inotify_event *)(void *)(events + at))->len))
			seen |= !strcmp(((struct inotify_event *)(void *)(events + at))->name, "003.partial");
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(watch);
	assert_int_equal(export(f, OUT, &tiles), 5000);
	assert_same_folder(f, OUT, "whole");
}

static void export_of_a_grown_log_goes_on(void **state)
{
	static const struct vantio_export_options *const formats[] = { &ndjson, &csv, &spanner, &tiles };
	static const char *const names[] = { "o0", "o1", "o2", "o3" }, *const again[] = { "w0", "w1", "w2", "w3" };
	const struct fixture *f = *state;
	size_t i;

	fixture_append(f, 1500, 500);
	for (i = 0; i < 4; i++)
		assert_int_equal(export(f, names[i], formats[i]), 1500);
	fixture_append(f, 1000, 500);
	for (i = 0; i < 4; i++) {
		assert_int_equal(export(f, names[i], formats[i]), 2500);
		assert_int_equal(export(f, again[i], formats[i]), 2500);
	}
	assert_same(f, "o0", LOG);
	assert_same(f, "o1", "w1");
	assert_same_folder(f, "o2", "w2");
	assert_same(f, "o3/checkpoint", "checkpoint");
	assert_same(f, "o3/tile/entries/009.p/196", "w3/tile/entries/009.p/196");
}

static void export_into_another_ledgers_folder_is_refused(void **state)
{
	const struct fixture *f = *state;
	size_t len;
	char *note;

	fixture_append(f, 3, 3);
	note = fixture_read(f, "checkpoint", &len);
	assert_int_equal(export(f, OUT, &tiles), 3);
	note[0] ^= 1;
	fixture_write(f, OUT "/checkpoint", note, len);
	assert_int_equal(export(f, OUT, &tiles), -EEXIST);
	free(note);
}

/* Every entry of every bundle hashes to its place in the tile beside it. */
static void export_of_tiles_holds_the_entries(void **state)
{
	const struct fixture *f = *state;
	const char *const bundles[] = { "tile/entries/000", "tile/entries/001", "tile/entries/002.p/88" };
	const char *const level0[] = { "tile/0/000", "tile/0/001", "tile/0/002.p/88" };
	size_t len, tile_len, i, at, n, total = 0;
	struct vantio_hash hash;
	char name[64];

	fixture_append(f, 600, 600);
	assert_int_equal(export(f, OUT, &tiles), 600);
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), OUT "/%s", bundles[i]);
		char *bundle = fixture_read(f, name, &len);
		snprintf(name, sizeof(name), OUT "/%s", level0[i]);
		char *tile = fixture_read(f, name, &tile_len);

		for (at = n = 0; at < len; n++) {
			size_t entry = (size_t)((uint8_t)bundle[at] << 8 | (uint8_t)bundle[at + 1]);

			assert_true(at + 2 + entry <= len && (n + 1) * 32 <= tile_len);
			vantio_leaf_hash(&hash, bundle + at + 2, entry);
			assert_memory_equal(hash.b, tile + n * 32, 32);
			at += 2 + entry;
		}
		assert_int_equal(n * 32, tile_len);
		total += n;
		free(bundle);
		free(tile);
		assert_same(f, name, level0[i]); /* and that is the ledger's own tile */
	}
	assert_int_equal(total, 600);
}

static void export_for_spanner_is_whole(void **state)
{
	const struct fixture *f = *state;
	const cJSON *insert, *columns, *values, *row;
	cJSON *doc, *manifest;
	char *text, *sql;
	size_t len;

	fixture_append(f, 1030, 1030);
	assert_int_equal(export(f, OUT, &spanner), 1030);
	text = fixture_read(f, OUT "/commits/00000001.json", &len);
	doc = cJSON_Parse(text);
	insert = cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "mutations"), 0), "insert");
	columns = cJSON_GetObjectItem(insert, "columns");
	values = cJSON_GetObjectItem(insert, "values");
	assert_int_equal(cJSON_GetArraySize(values), 6);
	cJSON_ArrayForEach(row, values) {
		assert_int_equal(cJSON_GetArraySize(row), cJSON_GetArraySize(columns));
		assert_string_equal(cJSON_GetArrayItem(row, cJSON_GetArraySize(row) - 1)->valuestring, "spanner.commit_timestamp()");
	}
	assert_string_equal(cJSON_GetArrayItem(cJSON_GetArrayItem(values, 0), 2)->valuestring, "1024");
	free(text);
	text = fixture_read(f, OUT "/manifest.json", &len);
	manifest = cJSON_Parse(text);
	/* The import cannot write the commit's time: that column has a default. */
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(manifest, "tables"), 0), "columns")),
			 cJSON_GetArraySize(columns) - 1);
	assert_non_null(strstr(text, "\"gs://b/f/parts/00000000.csv\""));
	sql = fixture_read(f, OUT "/schema.sql", &len);
	assert_non_null(strstr(sql, "ROW DELETION POLICY (OLDER_THAN(ingested_at, INTERVAL 30 DAY))"));
	assert_non_null(strstr(sql, "GRANT INSERT ON TABLE vantio_records TO ROLE vantio_appender;"));
	assert_null(strstr(sql, "GRANT UPDATE"));
	cJSON_Delete(doc);
	cJSON_Delete(manifest);
	free(text);
	free(sql);
}

/* By another hand: openssl, where it is installed. */
static void export_signature_is_the_hmac_of_the_stored_line(void **state)
{
	const struct fixture *f = *state;
	struct vantio_export_options opts = { .hmac_key = (const uint8_t *)"0123456789abcdef", .hmac_len = 16 };
	char command[768];

	fixture_append(f, 3, 3);
	assert_int_equal(export(f, OUT, &opts), 3);
	snprintf(command, sizeof(command), "head -n 1 %s/" LOG " | tr -d '\\n' | openssl dgst -r -sha256 -hmac 0123456789abcdef | "
		 "grep -qF \"$(head -n 1 %s/" OUT " | sed 's/.*\"x_vantio_signature\":\"//; s/\"}$//')\"", f->ledger, f->ledger);
	if (system("command -v openssl >/dev/null") == 0)
		assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "sed 's/,\"x_vantio_signature\":\"[0-9a-f]*\"}$/}/' %s/" OUT " | cmp -s - %s/" LOG, f->ledger, f->ledger);
	assert_int_equal(system(command), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(export_ndjson_is_the_log_byte_for_byte),
		CASE(export_goes_on_from_a_partial_file),
		CASE(export_killed_half_way_is_finished_by_the_next),
		CASE(export_of_tiles_killed_half_way_is_finished_by_the_next),
		CASE(export_of_a_grown_log_goes_on),
		CASE(export_into_another_ledgers_folder_is_refused),
		CASE(export_of_tiles_holds_the_entries),
		CASE(export_for_spanner_is_whole),
		CASE(export_signature_is_the_hmac_of_the_stored_line),
	};

	return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
