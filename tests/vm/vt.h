/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that run in a guest: a test program is tests/vm/t_<what>.c with
 *
 *     #include "vt.h"
 *
 *     TEST(connect_not_in_policy_is_refused)
 *     {
 *             CHECK_FAILS(connect(fd, addr, len), EACCES);
 *             CHECK_INT(accepted_by_listener(), 0);
 *     }
 *
 *     VT_MAIN()
 *
 * It prints TAP. Each test runs in a process and a session of its own, is killed with all it left there after its time is up
 * (TEST_SECONDS, default 60; TEST_WITHIN gives another), and fails if it dies or checks nothing. A failed CHECK is remembered and
 * the test goes on; REQUIRE ends it. Both also count in children that the test forks. Arguments of the program choose tests
 * by name (a trailing * stands for anything).
 *
 * SETUP() { ... } and TEARDOWN() { ... } run once, around all tests, in the program's own process; a check that fails in SETUP
 * fails every test, one in TEARDOWN fails the program.
 */
#ifndef VANTIO_TESTS_VT_H
#define VANTIO_TESTS_VT_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef TEST_SECONDS
#define TEST_SECONDS 60
#endif
#define TESTS_MAX 256

struct test {
	const char *name;
	void (*run)(void);
	unsigned int seconds;
};

/* Shared with every process of the program, so that checks in children count. */
struct test_counts {
	unsigned int checks, failures;
	char skip[200];
};

static struct test tests[TESTS_MAX];
static size_t n_tests;
static struct test_counts *counts;
static void (*test_setup)(void), (*test_teardown)(void);
static char sh_output[65536]; /* what the last sh() printed, both streams */

#define TEST_UNUSED __attribute__((unused))

#define TEST_WITHIN(name_, seconds_)                                                        \
	static void name_(void);                                                            \
	__attribute__((constructor)) static void register_##name_(void)                     \
	{                                                                                   \
		if (n_tests == TESTS_MAX)                                                   \
			abort();                                                            \
		tests[n_tests++] = (struct test){ #name_, name_, seconds_ };                \
	}                                                                                   \
	static void name_(void)
#define TEST(name_) TEST_WITHIN(name_, TEST_SECONDS)

#define SETUP()                                                                              \
	static void test_setup_function(void);                                               \
	__attribute__((constructor)) static void register_setup(void) { test_setup = test_setup_function; } \
	static void test_setup_function(void)
#define TEARDOWN()                                                                           \
	static void test_teardown_function(void);                                            \
	__attribute__((constructor)) static void register_teardown(void) { test_teardown = test_teardown_function; } \
	static void test_teardown_function(void)

TEST_UNUSED __attribute__((format(printf, 4, 5)))
static bool check_(const char *file, int line, bool ok, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	__atomic_add_fetch(&counts->checks, 1, __ATOMIC_SEQ_CST);
	if (ok)
		return true;
	__atomic_add_fetch(&counts->failures, 1, __ATOMIC_SEQ_CST);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("# %s:%d: %s\n", file, line, text);
	fflush(stdout);
	return false;
}

#define CHECK(cond) check_(__FILE__, __LINE__, !!(cond), "not true: %s", #cond)
#define REQUIRE(cond)            \
	do {                     \
		if (!CHECK(cond)) \
			_exit(1); \
	} while (0)

#define CHECK_INT(got, want)                                                                     \
	({                                                                                       \
		long long got_ = (long long)(got), want_ = (long long)(want);                    \
		check_(__FILE__, __LINE__, got_ == want_, "%s is %lld, not %lld", #got, got_, want_); \
	})
#define CHECK_STR(got, want)                                                                      \
	({                                                                                        \
		const char *got_ = (got), *want_ = (want);                                        \
		check_(__FILE__, __LINE__, got_ && want_ && !strcmp(got_, want_), "%s is \"%s\", not \"%s\"", #got, \
		       got_ ? got_ : "(null)", want_ ? want_ : "(null)");                         \
	})
/* A system call that must work. */
#define CHECK_OK(call)                                                                           \
	({                                                                                       \
		errno = 0;                                                                       \
		long long ret_ = (long long)(call);                                              \
		check_(__FILE__, __LINE__, ret_ >= 0, "%s failed: %s", #call, strerror(errno));  \
		ret_;                                                                            \
	})
/* A system call that must fail with this errno. */
#define CHECK_FAILS(call, want_errno)                                                            \
	({                                                                                       \
		errno = 0;                                                                       \
		long long ret_ = (long long)(call);                                              \
		int errno_ = errno;                                                              \
		check_(__FILE__, __LINE__, ret_ == -1 && errno_ == (want_errno), "%s gave %lld (%s), not -1 (%s)", #call, \
		       ret_, ret_ == -1 ? strerror(errno_) : "no error", strerror(want_errno));  \
	})

/* The rest of the test cannot be tried on this kernel; `why` says what is missing. */
#define SKIP(why)                                                                \
	do {                                                                     \
		snprintf(counts->skip, sizeof(counts->skip), "%s", why);         \
		_exit(0);                                                        \
	} while (0)

/* Runs a shell command; its exit status (128 + signal). What it printed is in sh_output (cut at 64 KiB). */
TEST_UNUSED __attribute__((format(printf, 1, 2)))
static int sh(const char *fmt, ...)
{
	char command[8192], rest[4096];
	size_t len = 0, n;
	va_list ap;
	FILE *f;
	int status;

	memcpy(command, "exec 2>&1 </dev/null; ", 22);
	va_start(ap, fmt);
	n = (size_t)vsnprintf(command + 22, sizeof(command) - 22, fmt, ap);
	va_end(ap);
	if (n >= sizeof(command) - 22 || !(f = popen(command, "re")))
		abort();
	while ((n = fread(sh_output + len, 1, sizeof(sh_output) - 1 - len, f)) > 0)
		len += n;
	sh_output[len] = '\0';
	while (fread(rest, 1, sizeof(rest), f) > 0)
		;
	status = pclose(f);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A shell command that must end with this status; shows what it printed if not. */
#define CHECK_SH(want, ...)                                                                      \
	({                                                                                       \
		int got_ = sh(__VA_ARGS__);                                                      \
		check_(__FILE__, __LINE__, got_ == (want), "status %d, not %d: %s\n# it printed: %.1500s", got_, (want), \
		       #__VA_ARGS__, sh_output);                                                 \
	})

/* Ends every process of the session `sid`; tests may leave children behind that hold the output open. */
static void end_session(pid_t sid)
{
	char command[128];

	snprintf(command, sizeof(command), "pkill -KILL -s %d >/dev/null 2>&1", (int)sid);
	if (system(command) == -1)
		perror("# pkill");
}

/* The child's wait status, or -1 when its time was up. */
static int wait_within(pid_t child, unsigned int seconds)
{
	struct timespec left = { .tv_sec = seconds };
	sigset_t chld;
	int status;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	for (;;) {
		if (waitpid(child, &status, WNOHANG) == child)
			return status;
		if (sigtimedwait(&chld, NULL, &left) < 0 && errno == EAGAIN)
			return -1;
	}
}

static bool run_test(const struct test *t, bool setup_failed)
{
	int status;
	pid_t child;

	memset(counts, 0, sizeof(*counts));
	printf("# run %s\n", t->name);
	fflush(stdout);
	if (setup_failed) {
		printf("# SETUP failed\n");
		return false;
	}
	child = fork();
	if (child == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		setsid();
		t->run();
		fflush(stdout);
		_exit(0);
	}
	status = child < 0 ? 0 : wait_within(child, t->seconds);
	if (status == -1) {
		printf("# not done after %u seconds; killed\n", t->seconds);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	if (child > 0)
		end_session(child);
	if (child < 0)
		printf("# fork: %s\n", strerror(errno));
	else if (status > 0 && WIFSIGNALED(status))
		printf("# died: %s\n", strsignal(WTERMSIG(status)));
	else if (status > 0 && !counts->failures)
		printf("# ended with status %d\n", WEXITSTATUS(status));
	else if (!status && !counts->checks && !counts->skip[0])
		printf("# checked nothing\n");
	return !status && !counts->failures && (counts->checks || counts->skip[0]);
}

static bool chosen(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		size_t len = strlen(argv[i]);

		if (!strcmp(argv[i], name) || (len && argv[i][len - 1] == '*' && !strncmp(argv[i], name, len - 1)))
			return true;
	}
	return argc < 2;
}

static int run_tests(int argc, char **argv)
{
	size_t planned = 0, n = 0, failed = 0;
	bool setup_failed = false;
	sigset_t chld;

	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		abort();
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL); /* wait_within takes it from the queue */
	for (size_t i = 0; i < n_tests; i++)
		planned += chosen(tests[i].name, argc, argv);
	printf("1..%zu\n", planned);
	if (test_setup) {
		test_setup();
		setup_failed = counts->failures > 0;
	}
	for (size_t i = 0; i < n_tests; i++) {
		bool ok;

		if (!chosen(tests[i].name, argc, argv))
			continue;
		ok = run_test(&tests[i], setup_failed);
		failed += !ok;
		printf("%s %zu %s%s%s\n", ok ? "ok" : "not ok", ++n, tests[i].name, ok && counts->skip[0] ? " # SKIP " : "",
		       ok ? counts->skip : "");
		fflush(stdout);
	}
	memset(counts, 0, sizeof(*counts));
	if (test_teardown)
		test_teardown();
	if (counts->failures)
		printf("# TEARDOWN failed\n");
	return failed || counts->failures ? 1 : 0;
}

#define VT_MAIN()                             \
	int main(int argc, char **argv)       \
	{                                     \
		return run_tests(argc, argv); \
	}

#endif
