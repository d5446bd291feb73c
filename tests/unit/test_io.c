// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/mem.h"

static char dir[] = "/tmp/vantio-io-XXXXXX";
static int dirfd_ = -1;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dirfd_ < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	static const char *const argv[] = { "rm", "-rf", dir, NULL };
	pid_t pid = fork();
	int status;

	(void)state;
	close(dirfd_);
	if (pid == 0) {
		execvp("rm", (char *const *)argv);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static void put(const char *name, const void *bytes, size_t len)
{
	cleanup_close int fd = openat(dirfd_, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
}

static void io_read_file_gives_bytes_and_nul(void **state)
{
	struct vantio_error err = { 0 };
	cleanup_free char *data = NULL, *empty = NULL;
	size_t len = 0;

	(void)state;
	put("a", "x\0y\n", 4);
	assert_int_equal(vantio_read_file(dirfd_, "a", 4, &data, &len, &err), 0);
	assert_int_equal(len, 4);
	assert_memory_equal(data, "x\0y\n", 5);
	put("empty", "", 0);
	assert_int_equal(vantio_read_file(dirfd_, "empty", 0, &empty, &len, &err), 0);
	assert_int_equal(len, 0);
	assert_string_equal(empty, "");
}

static void io_read_file_beyond_bound_is_efbig(void **state)
{
	struct vantio_error err = { 0 };
	char *data = NULL;
	size_t len = 7;

	(void)state;
	put("big", "12345", 5);
	assert_int_equal(vantio_read_file(dirfd_, "big", 4, &data, &len, &err), -EFBIG);
	assert_null(data);
	assert_int_equal(len, 7);
	assert_non_null(strstr(err.text, "larger than 4 bytes"));
}

static void io_read_file_size_of_proc_is_not_trusted(void **state)
{
	struct vantio_error err = { 0 };
	cleanup_free char *data = NULL;
	char *none = NULL;
	size_t len = 0;

	(void)state;
	/* st_size of it is 0, its text is not. */
	assert_int_equal(vantio_read_file(AT_FDCWD, "/proc/self/status", 65536, &data, &len, &err), 0);
	assert_true(len > 100);
	assert_int_equal(vantio_read_file(AT_FDCWD, "/proc/self/status", 10, &none, &len, &err), -EFBIG);
}

static void io_read_file_links_and_devices_are_refused(void **state)
{
	struct vantio_error err = { 0 };
	cleanup_free char *data = NULL;
	char *none = NULL, path[64];
	size_t len;

	(void)state;
	put("real", "r", 1);
	assert_int_equal(symlinkat("real", dirfd_, "link"), 0);
	assert_int_equal(symlinkat("turn", dirfd_, "turn"), 0);
	assert_int_equal(mkfifoat(dirfd_, "fifo", 0600), 0);
	assert_int_equal(vantio_read_file(dirfd_, "link", 9, &none, &len, &err), -ELOOP);
	assert_non_null(strstr(err.text, "symbolic link"));
	assert_int_equal(vantio_read_file(dirfd_, "fifo", 9, &none, &len, &err), -EINVAL);
	assert_int_equal(vantio_read_file(dirfd_, ".", 9, &none, &len, &err), -EISDIR);
	assert_int_equal(vantio_read_file(AT_FDCWD, "/dev/zero", 9, &none, &len, &err), -EINVAL);
	assert_int_equal(vantio_read_file(dirfd_, "absent\n", 9, &none, &len, &err), -ENOENT);
	assert_non_null(strstr(err.text, "absent\\x0a"));
	snprintf(path, sizeof(path), "%s/turn", dir);
	assert_int_equal(vantio_read_file_follow(path, 9, &none, &len, &err), -ELOOP);
	assert_null(none);
	snprintf(path, sizeof(path), "%s/link", dir);
	assert_int_equal(vantio_read_file_follow(path, 9, &data, &len, &err), 0);
	assert_string_equal(data, "r");
}

static void io_pseudo_drops_one_newline(void **state)
{
	struct vantio_error err = { 0 };
	char out[8] = "before";

	(void)state;
	put("p", "1234567\n", 8);
	assert_int_equal(vantio_read_pseudo(dirfd_, "p", out, sizeof(out), &err), -EFBIG);
	assert_string_equal(out, "before");
	put("p", "12345\n\n", 7);
	assert_int_equal(vantio_read_pseudo(dirfd_, "p", out, sizeof(out), &err), 0);
	assert_string_equal(out, "12345\n");
	put("p", "", 0);
	assert_int_equal(vantio_read_pseudo(dirfd_, "p", out, sizeof(out), &err), 0);
	assert_string_equal(out, "");
	assert_int_equal(vantio_write_pseudo(dirfd_, "p", "77", &err), 0);
	assert_int_equal(vantio_read_pseudo(dirfd_, "p", out, sizeof(out), &err), 0);
	assert_string_equal(out, "77");
	assert_int_equal(vantio_write_pseudo(dirfd_, "absent", "77", &err), -ENOENT);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void io_write_all_survives_signals_and_short_writes(void **state)
{
	struct itimerval every = { { 0, 500 }, { 0, 500 } }, off = { 0 };
	struct sigaction act = { .sa_handler = on_alarm }; /* no SA_RESTART */
	struct vantio_error err = { 0 };
	enum { SIZE = 1 << 20 };
	cleanup_free char *bytes = malloc(SIZE);
	int fds[2], status, r;
	pid_t pid;

	(void)state;
	assert_non_null(bytes);
	memset(bytes, 'v', SIZE);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char chunk[777];
		size_t total = 0;
		ssize_t n;

		close(fds[1]);
		while ((n = read(fds[0], chunk, sizeof(chunk))) > 0)
			total += (size_t)n;
		_exit(total == SIZE ? 0 : 1);
	}
	close(fds[0]);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	r = vantio_write_all(fds[1], bytes, SIZE, &err);
	setitimer(ITIMER_REAL, &off, NULL);
	close(fds[1]);
	assert_int_equal(r, 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void io_write_all_full_disk_is_an_error(void **state)
{
	cleanup_close int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct vantio_error err = { 0 };

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(vantio_write_all(fd, "x", 1, &err), -ENOSPC);
	assert_int_equal(vantio_write_all(fd, "", 0, &err), 0);
}

static size_t entries(const char *path)
{
	cleanup_dir DIR *d = opendir(path);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	return n - 2;
}

static void io_replace_file_leaves_old_or_new(void **state)
{
	struct vantio_error err = { 0 };
	char path[64], out[16];
	struct stat st;
	mode_t old;

	(void)state;
	snprintf(path, sizeof(path), "%s/repl", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	old = umask(077);
	assert_int_equal(vantio_replace_file(dirfd_, "repl/f", "one", 3, 0644, &err), 0);
	umask(old);
	assert_int_equal(fstatat(dirfd_, "repl/f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(vantio_replace_file(dirfd_, "repl/f", "two", 3, 0600, &err), 0);
	assert_int_equal(vantio_read_pseudo(dirfd_, "repl/f", out, sizeof(out), &err), 0);
	assert_string_equal(out, "two");
	assert_int_equal(fstatat(dirfd_, "repl/f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(mkdirat(dirfd_, "repl/d", 0700), 0);
	assert_int_equal(vantio_replace_file(dirfd_, "repl/d", "x", 1, 0600, &err), -EISDIR);
	assert_int_equal(vantio_replace_file(dirfd_, "repl/d/..", "x", 1, 0600, &err), -EISDIR);
	assert_int_equal(vantio_replace_file(dirfd_, "none/f", "x", 1, 0600, &err), -ENOENT);
	assert_int_equal(entries(path), 2); /* no temporary file is left behind */
}

static void io_make_dirs_is_idempotent(void **state)
{
	struct vantio_error err = { 0 };
	char path[96];
	struct stat st;
	mode_t old;

	(void)state;
	snprintf(path, sizeof(path), "%s/m//n/./o/", dir);
	old = umask(077);
	assert_int_equal(vantio_make_dirs(path, 0750, &err), 0);
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(vantio_make_dirs(path, 0700, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	put("file", "", 0);
	snprintf(path, sizeof(path), "%s/file/x", dir);
	assert_int_equal(vantio_make_dirs(path, 0700, &err), -ENOTDIR);
	assert_int_equal(vantio_make_dirs("", 0700, &err), -ENOENT);
	assert_int_equal(vantio_make_dirs("/proc/self", 0700, &err), 0);
}

/* geteuid() decides, so the two sides are asked in a child that gives up root where it has it. */
static int ask_places(bool as_user)
{
	cleanup_free char *policy = NULL, *ledger = NULL, *run = NULL, *state = NULL, *bare = NULL;

	setenv("HOME", "/home/u", 1);
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	setenv("XDG_CONFIG_HOME", "relative", 1);
	unsetenv("XDG_DATA_HOME");
	unsetenv("XDG_STATE_HOME");
	setenv("VANTIO_LEDGER", "/elsewhere", 1);
	unsetenv("VANTIO_POLICY_PATH");
	if (as_user && geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		return 2;
	policy = vantio_default_policy_path();
	ledger = vantio_default_ledger_path();
	run = vantio_runtime_dir();
	state = vantio_state_dir();
	unsetenv("HOME");
	bare = vantio_state_dir();
	if (!policy || !ledger || !run || !state || strcmp(ledger, "/elsewhere") != 0)
		return 3;
	if (as_user)
		return strcmp(policy, "/home/u/.config/vantio/policy.toml") || strcmp(run, "/run/user/7/vantio") ||
		       strcmp(state, "/home/u/.local/state/vantio") || bare;
	return strcmp(policy, "/etc/vantio/policy.toml") || strcmp(run, "/run/vantio") ||
	       strcmp(state, "/var/lib/vantio/state") || !bare;
}

static void assert_places(bool as_user)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(ask_places(as_user));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void io_places_follow_who_asks(void **state)
{
	(void)state;
	assert_places(true);
	if (geteuid() == 0)
		assert_places(false);
}

static void assert_to_be(const char *path, const char *want)
{
	cleanup_free char *got = vantio_path_to_be(path);

	assert_non_null(got);
	assert_string_equal(got, want);
}

static void io_path_to_be_is_real_as_far_as_it_exists(void **state)
{
	char top[] = "/tmp/vantio-io-XXXXXX", link[64], path[128], want[128];

	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(link, sizeof(link), "%s/link", top);
	assert_int_equal(symlink(".", link), 0);
	snprintf(path, sizeof(path), "%s/link//a/./b/", top);
	snprintf(want, sizeof(want), "%s/a/b", top);
	assert_to_be(path, want);
	assert_to_be(link, top);
	assert_to_be("/", "/");
	assert_to_be("/no-such-folder", "/no-such-folder");
	snprintf(path, sizeof(path), "%s/gone/../x", top);
	assert_null(vantio_path_to_be(path));
	assert_int_equal(errno, EINVAL);
	assert_null(vantio_path_to_be(""));
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("nowhere", link), 0);
	snprintf(path, sizeof(path), "%s/x", link);
	assert_null(vantio_path_to_be(path));
	assert_int_equal(errno, ELOOP);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(chdir(top), 0);
	snprintf(want, sizeof(want), "%s/rel/x", top);
	assert_to_be("rel/x", want);
	assert_to_be(".", top);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(top), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(io_read_file_gives_bytes_and_nul),
		cmocka_unit_test(io_read_file_beyond_bound_is_efbig),
		cmocka_unit_test(io_read_file_size_of_proc_is_not_trusted),
		cmocka_unit_test(io_read_file_links_and_devices_are_refused),
		cmocka_unit_test(io_pseudo_drops_one_newline),
		cmocka_unit_test(io_write_all_survives_signals_and_short_writes),
		cmocka_unit_test(io_write_all_full_disk_is_an_error),
		cmocka_unit_test(io_replace_file_leaves_old_or_new),
		cmocka_unit_test(io_make_dirs_is_idempotent),
		cmocka_unit_test(io_places_follow_who_asks),
		cmocka_unit_test(io_path_to_be_is_real_as_far_as_it_exists),
	};

	return cmocka_run_group_tests_name("io", tests, setup, teardown);
}
