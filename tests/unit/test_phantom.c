// SPDX-License-Identifier: Apache-2.0
/* The pure parts of phantoms: the journal of commits, what it makes of damage, and taking folders away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "phantom/journal.h"
#include "phantom/object.h"

static int dir = -1;

static int make_dir(void **state)
{
	char path[] = "/tmp/vantio-marks-XXXXXX";

	(void)state;
	if (!mkdtemp(path))
		return -1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = strdup(path);
	return dir < 0;
}

static int remove_dir(void **state)
{
	int r = vantio_remove_tree(AT_FDCWD, *state, 0);

	close(dir);
	free(*state);
	return r;
}

static void write_journal(const char *text, size_t len)
{
	int fd = openat(dir, "journal", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	close(fd);
}

static int open_journal(bool write, struct vantio_marks *m)
{
	struct vantio_error err = {};

	return vantio_marks_open(dir, write, m, &err);
}

static struct stat object(ino_t ino, time_t ctime)
{
	return (struct stat){ .st_ino = ino, .st_ctim = { .tv_sec = ctime } };
}

static void journal_that_is_not_there_is_empty(void **state)
{
	cleanup_marks struct vantio_marks m = VANTIO_MARKS_INIT;

	(void)state;
	unlinkat(dir, "journal", 0);
	assert_int_equal(open_journal(false, &m), 0);
	assert_int_equal(m.n, 0);
}

static void journal_keeps_names_of_every_byte(void **state)
{
	static const char *const names[] = { "a b/c d", "tab\there", "new\nline", "\xff\xfe", "back\\slash", "quote\"s", " ", "\x1b[31m", "\\x41", "a\\nb", "" };
	cleanup_marks struct vantio_marks w = VANTIO_MARKS_INIT, m = VANTIO_MARKS_INIT;
	const struct stat st = object(7, 9);
	struct vantio_error err = {};
	size_t i;

	(void)state;
	unlinkat(dir, "journal", 0);
	assert_int_equal(open_journal(true, &w), 0);
	for (i = 0; i < VANTIO_ARRAY_SIZE(names); i++)
		assert_int_equal(vantio_marks_end(&w, i, names[i], &st, &err), 0);
	assert_int_equal(open_journal(false, &m), 0);
	assert_int_equal(m.n, VANTIO_ARRAY_SIZE(names));
	for (i = 0; i < VANTIO_ARRAY_SIZE(names); i++) {
		const struct vantio_mark *mark = vantio_marks_find(&m, i, names[i]);

		assert_non_null(mark);
		assert_false(mark->begun);
		assert_int_equal(mark->ino, 7);
	}
	assert_null(vantio_marks_find(&m, 0, "tab\there"));
}

static void journal_newest_mark_of_a_name_counts(void **state)
{
	cleanup_marks struct vantio_marks w = VANTIO_MARKS_INIT, m = VANTIO_MARKS_INIT;
	struct stat st = object(7, 9);
	struct vantio_error err = {};

	(void)state;
	unlinkat(dir, "journal", 0);
	assert_int_equal(open_journal(true, &w), 0);
	assert_int_equal(vantio_marks_begin(&w, 0, "f", 0, &err), 0);
	assert_int_equal(vantio_marks_begin(&w, 0, "g", 0, &err), 0);
	assert_int_equal(vantio_marks_end(&w, 0, "f", &st, &err), 0);
	assert_int_equal(open_journal(false, &m), 0);
	assert_int_equal(m.n, 2);
	assert_false(vantio_marks_find(&m, 0, "f")->begun);
	assert_true(vantio_marks_find(&m, 0, "g")->begun);
	assert_true(vantio_marks_ours(&m, 0, "f", &st));
	assert_true(vantio_marks_ours(&m, 0, "g", &st));
	assert_true(vantio_marks_ours(&m, 0, "other name of it", &st));
	st.st_ctim.tv_sec++; /* somebody else changed it since */
	assert_false(vantio_marks_ours(&m, 0, "f", &st));
	st = object(8, 9);
	assert_false(vantio_marks_ours(&m, 0, "f", &st));
}

static void journal_torn_line_is_left_out_and_cut_off(void **state)
{
	static const char text[] = "B 0 /a 0\nE 0 /a 5 6\nB 0 /b";
	cleanup_marks struct vantio_marks m = VANTIO_MARKS_INIT, again = VANTIO_MARKS_INIT;
	struct vantio_error err = {};

	(void)state;
	write_journal(text, strlen(text));
	assert_int_equal(open_journal(true, &m), 0);
	assert_int_equal(m.n, 1);
	assert_int_equal(vantio_marks_begin(&m, 0, "c", 0, &err), 0);
	assert_int_equal(open_journal(false, &again), 0);
	assert_int_equal(again.n, 2);
	assert_non_null(vantio_marks_find(&again, 0, "c"));
}

static void journal_of_other_lines_is_damaged(void **state)
{
	static const char *const bad[] = { "\n", "B\n", "B 0\n", "B 0 a 0\n", "B x /a 0\n", "X 0 /a 0\n", "E 0 /a 5\n", "B 0 /a -1\n", "E 0 /a 5 99999999999999999999\n",
					   "B 0 /\\q 0\n" };
	size_t i;

	(void)state;
	for (i = 0; i < VANTIO_ARRAY_SIZE(bad); i++) {
		cleanup_marks struct vantio_marks m = VANTIO_MARKS_INIT;

		write_journal(bad[i], strlen(bad[i]));
		if (open_journal(false, &m) != -EBADMSG)
			fail_msg("not damaged: %s", bad[i]);
	}
}

static void journal_that_is_a_link_is_not_written(void **state)
{
	cleanup_marks struct vantio_marks m = VANTIO_MARKS_INIT;

	(void)state;
	unlinkat(dir, "journal", 0);
	assert_int_equal(symlinkat("elsewhere", dir, "journal"), 0);
	assert_true(open_journal(true, &m) < 0);
	assert_true(faccessat(dir, "elsewhere", F_OK, 0) < 0);
	unlinkat(dir, "journal", 0);
}

/* ---- folders ---- */

static void dig(const char *name, unsigned int depth)
{
	int fd, at = dup(dir);

	for (fd = at; depth--; at = fd) {
		assert_int_equal(mkdirat(at, name, 0700), 0);
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(fd >= 0);
		close(openat(fd, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		assert_int_equal(mkdirat(fd, ".vantio-deep-0", 0700), 0); /* a name that the removal might want */
		assert_int_equal(symlinkat("/etc", fd, "link"), 0);
		close(at);
	}
	close(at);
}

static void folder_of_any_depth_is_taken_away(void **state)
{
	(void)state;
	dig("deep", 400);
	assert_int_equal(vantio_remove_tree(dir, "deep", 0), 0);
	assert_true(faccessat(dir, "deep", F_OK, 0) < 0);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
	assert_int_equal(vantio_remove_tree(dir, "deep", 0), 0);
}

static void folder_of_another_file_system_is_left_alone(void **state)
{
	(void)state;
	dig("here", 3);
	assert_int_equal(vantio_remove_tree(dir, "here", 12345), -EXDEV);
	assert_int_equal(faccessat(dir, "here/here/here/f", F_OK, 0), 0);
	assert_int_equal(vantio_remove_tree(dir, "here", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(journal_that_is_not_there_is_empty),
		cmocka_unit_test(journal_keeps_names_of_every_byte),
		cmocka_unit_test(journal_newest_mark_of_a_name_counts),
		cmocka_unit_test(journal_torn_line_is_left_out_and_cut_off),
		cmocka_unit_test(journal_of_other_lines_is_damaged),
		cmocka_unit_test(journal_that_is_a_link_is_not_written),
		cmocka_unit_test(folder_of_any_depth_is_taken_away),
		cmocka_unit_test(folder_of_another_file_system_is_left_alone),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
