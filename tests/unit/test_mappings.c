// SPDX-License-Identifier: Apache-2.0
/* What lies in a process's memory, and where a target's names lead: the process is this one. */
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
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "sandbox/mappings.h"

static struct vantio_spot parse(const char *line, bool *ret_ok)
{
	struct vantio_spot s = VANTIO_SPOT_INIT;
	uint64_t from, to;
	char rights[5];

	*ret_ok = vantio_mapping_parse(line, &from, &to, rights, &s);
	return s;
}

static void mapping_with_path_gives_path_and_number(void **state)
{
	struct vantio_spot s = VANTIO_SPOT_INIT;
	uint64_t from, to;
	char rights[5];

	(void)state;
	assert_true(vantio_mapping_parse("7f00aa000-7f00ab000 r-xp 00001000 08:01 1234                       /usr/lib/a b.so\n", &from, &to, rights, &s));
	assert_int_equal(from, 0x7f00aa000);
	assert_int_equal(to, 0x7f00ab000);
	assert_string_equal(rights, "r-xp");
	assert_int_equal(s.st.st_ino, 1234);
	assert_string_equal(s.path, "/usr/lib/a b.so");
	assert_int_equal(s.len, strlen(s.path));
	assert_false(s.no_path || s.unlinked || s.failed);
}

static void mapping_of_nothing_or_of_a_deleted_file_is_told(void **state)
{
	struct vantio_spot s;
	bool ok;

	(void)state;
	s = parse("1000-2000 rw-p 00000000 00:00 0 \n", &ok);
	assert_true(ok && !s.st.st_ino);
	s = parse("1000-2000 rw-p 00000000 00:00 0                          [heap]\n", &ok);
	assert_true(ok && !s.st.st_ino);
	s = parse("1000-2000 r--p 00000000 08:01 7                          /w/x (deleted)\n", &ok);
	assert_true(ok && s.unlinked);
	assert_string_equal(s.path, "/w/x");
	s = parse("1000-2000 r--p 00000000 00:01 7                          /memfd:x (deleted)\n", &ok);
	assert_true(ok && s.no_path);
	s = parse("1000-2000 r--p 00000000 08:01 7                          /w/a\\012b\n", &ok);
	assert_true(ok && s.failed); /* a newline, or these four bytes */
}

static void mapping_line_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = { "", "\n", "1000", "1000-2000", "1000-2000 r--p", "x-y r--p 0 0:0 0 /a", "1000-2000 r--p 0 08 1 /a" };
	size_t i;
	bool ok;

	(void)state;
	for (i = 0; i < VANTIO_ARRAY_SIZE(bad); i++) {
		parse(bad[i], &ok);
		assert_false(ok);
	}
}

static bool count(void *ctx, const struct vantio_spot *s)
{
	(void)s;
	++*(int *)ctx;
	return true;
}

static bool stop(void *ctx, const struct vantio_spot *s)
{
	(void)ctx, (void)s;
	return false;
}

static void mappings_of_a_range_are_those_that_touch_it(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), n = 0;
	char *at = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint64_t from = (uintptr_t)at;

	(void)state;
	assert_true(fd >= 0 && at != MAP_FAILED);
	assert_ptr_equal(mmap(at + page, page, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0), at + page);
	assert_int_equal(vantio_mappings_each(getpid(), from, from + page, false, count, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(vantio_mappings_each(getpid(), from, from + page + 1, false, count, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(vantio_mappings_each(getpid(), from + page, from + 3 * page, false, count, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(vantio_mappings_each(getpid(), from, from + 3 * page, true, count, &n), 0);
	assert_int_equal(n, 2); /* it is not executable */
	assert_int_equal(vantio_mappings_each(getpid(), from, from + 3 * page, false, stop, NULL), 1);
	assert_true(vantio_mappings_each(-1, 0, 1, false, count, &n) < 0);
	munmap(at, 3 * page);
	close(fd);
}

/* ---- names ---- */

static char dir[] = "/tmp/vantio-walk-XXXXXX";

static int make_tree(void **state)
{
	char path[PATH_MAX];

	(void)state;
	if (!mkdtemp(dir) || chdir(dir) || mkdir("d", 0700) || mkdir("d/e", 0700))
		return -1;
	close(open("d/f", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	snprintf(path, sizeof(path), "%s/d/f", dir);
	return symlink("d/f", "link") || symlink(path, "absolute") || symlink("nowhere", "dangling") || symlink("b", "a") || symlink("a", "b") ||
	       symlink("/proc/self/fd", "magic");
}

static int remove_tree(void **state)
{
	char command[PATH_MAX];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return chdir("/") || system(command);
}

/* Where a name leads to; -errno. */
static int leads(const char *path, bool follow, const char *want)
{
	struct vantio_target t = { .tid = getpid(), .self = 1 };
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	char whole[PATH_MAX];
	int r = vantio_target_object(&t, AT_FDCWD, path, follow, &s);

	snprintf(whole, sizeof(whole), "%s/%s", dir, want);
	return r ? r : strcmp(s.path, whole) ? 1 : 0;
}

static void name_leads_where_the_kernel_takes_it(void **state)
{
	(void)state;
	assert_int_equal(leads("d/f", true, "d/f"), 0);
	assert_int_equal(leads("d/../d/./f", true, "d/f"), 0);
	assert_int_equal(leads("d//e/..//f", true, "d/f"), 0);
	assert_int_equal(leads("link", true, "d/f"), 0);
	assert_int_equal(leads("absolute", true, "d/f"), 0);
	assert_int_equal(leads("link", false, "link"), 0);
	assert_int_equal(leads("/proc/self/cwd/link", true, "d/f"), 0);
	assert_int_equal(leads("/proc/thread-self/cwd/d/e/../f", true, "d/f"), 0);
	assert_int_equal(leads("/proc/self/root/proc/self/cwd/d/f", true, "d/f"), 0);
	assert_int_equal(leads("dangling", true, ""), -ENOENT);
	assert_int_equal(leads("dangling", false, "dangling"), 0);
	assert_int_equal(leads("a", true, ""), -ELOOP);
	assert_int_equal(leads("d/f/", true, ""), -ENOTDIR);
	assert_int_equal(leads("d/f/x", true, ""), -ENOTDIR);
	assert_int_equal(leads("none/x", true, ""), -ENOENT);
}

static void name_by_descriptor_leads_to_its_object(void **state)
{
	int fd = open("d/f", O_PATH | O_CLOEXEC);
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(leads(path, true, "d/f"), 0);
	snprintf(path, sizeof(path), "magic/%d", fd);
	assert_int_equal(leads(path, true, "d/f"), 0);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	assert_int_equal(leads(path, true, "d/f"), 0);
	close(fd);
	assert_int_equal(leads(path, true, "d/f"), -ENOENT);
}

static void name_through_a_stranger_is_refused(void **state)
{
	struct vantio_target t = { .tid = getpid(), .self = getpid() }; /* nobody descends from us: all are strangers */
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d/cwd/d/f", (int)getppid());
	assert_int_equal(vantio_target_object(&t, AT_FDCWD, path, true, &s), -EACCES);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)getppid());
	assert_int_equal(vantio_target_object(&t, AT_FDCWD, path, true, &s), -EACCES);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)getppid());
	assert_int_equal(vantio_target_object(&t, AT_FDCWD, path, true, &s), 0);
}

static void entry_is_the_name_and_its_folder(void **state)
{
	struct vantio_target t = { .tid = getpid(), .self = 1 };
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	char whole[PATH_MAX];

	(void)state;
	assert_int_equal(vantio_target_entry(&t, AT_FDCWD, "d/e/../new", false, &s), 0);
	snprintf(whole, sizeof(whole), "%s/d/new", dir);
	assert_string_equal(s.path, whole);
	assert_string_equal(s.name, "new");
	assert_true(s.dir >= 0 && s.fd < 0);
	assert_int_equal(vantio_target_entry(&t, AT_FDCWD, "link", false, &s), 0);
	assert_true(s.fd >= 0 && S_ISLNK(s.st.st_mode));
	assert_int_equal(vantio_target_entry(&t, AT_FDCWD, "dangling", true, &s), 0);
	snprintf(whole, sizeof(whole), "%s/nowhere", dir);
	assert_string_equal(s.path, whole);
	assert_true(s.fd < 0);
	assert_int_equal(vantio_target_entry(&t, AT_FDCWD, "a", true, &s), -ELOOP);
	assert_int_equal(vantio_target_entry(&t, AT_FDCWD, "d/..", false, &s), -EINVAL);
	assert_int_equal(vantio_target_entry(&t, AT_FDCWD, "/", false, &s), -EINVAL);
	assert_int_equal(vantio_target_entry(&t, AT_FDCWD, "", false, &s), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapping_with_path_gives_path_and_number),
		cmocka_unit_test(mapping_of_nothing_or_of_a_deleted_file_is_told),
		cmocka_unit_test(mapping_line_that_is_none_is_refused),
		cmocka_unit_test(mappings_of_a_range_are_those_that_touch_it),
		cmocka_unit_test(name_leads_where_the_kernel_takes_it),
		cmocka_unit_test(name_by_descriptor_leads_to_its_object),
		cmocka_unit_test(name_through_a_stranger_is_refused),
		cmocka_unit_test(entry_is_the_name_and_its_folder),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
