// SPDX-License-Identifier: Apache-2.0
/* [exec]: programs, interpreters and executable mappings; and the label, which nothing that a process does takes away. */
#include "engine.h"

#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <sys/personality.h>

#define ROOT "/data/exec"
#define RO ROOT "/ro" /* may be read */
#define XO ROOT "/xo" /* may be executed */
#define RX ROOT "/rx" /* both */
#define NO ROOT "/no" /* denied */

static const char policy_deny[] =
	"[file]\n"
	"default = \"deny\"\n"
	"read = [\"" RO "/**\", \"" RX "/**\", \"/usr/**\", \"/proc/**\"]\n"
	"write = [\"" RX "/**\"]\n"
	"deny = [\"" NO "/**\"]\n"
	"[exec]\n"
	"default = \"deny\"\n"
	"allow = [\"" XO "/**\", \"" RX "/**\", \"/usr/lib/**\", \"/usr/lib64/**\"]\n"
	"deny = [\"" RX "/denied\"]\n"
	"[network]\ndefault = \"deny\"\n";

static const char policy_allow[] =
	"[file]\ndefault = \"allow\"\ndeny = [\"" NO "/**\"]\n"
	"[exec]\ndefault = \"allow\"\ndeny = [\"" NO "/**\"]\n"
	"[network]\ndefault = \"allow\"\n";

static const char *const both[] = { "exec-deny", "exec-allow", NULL };

/* What this program does when it is not the test program: see run(). */
#define GOVERNED_STATUS 13
#define FREE_STATUS     14

static int null;

SETUP()
{
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	engine_ready();
	policy_push("exec-deny", policy_deny);
	policy_push("exec-allow", policy_allow);
	agent_enroll("exec-deny", "exec-deny");
	agent_enroll("exec-allow", "exec-allow");
	/* true and sh are busybox, which is static; prog is this program, which is not. */
	CHECK_SH(0, "for d in ro xo rx no; do mkdir -p " ROOT "/$d; cp /usr/bin/busybox " ROOT "/$d/true; cp /usr/bin/busybox " ROOT "/$d/sh; "
		    "cp /proc/%d/exe " ROOT "/$d/prog; cp /usr/lib/x86_64-linux-gnu/libz.so.1 " ROOT "/$d/libpre.so; done; "
		    "cp /usr/bin/busybox " RX "/denied; chmod -R a+rX " ROOT "; echo secret >" NO "/f; chmod 777 " RX "; mkdir " RX "/scripts; "
		    "for i in rx no; do for d in ro rx no; do printf '#!" ROOT "/'$i'/sh\\nexit 7\\n' >" ROOT "/$d/script-$i; "
		    "chmod 755 " ROOT "/$d/script-$i; done; done", (int)getpid());
}

/* ---- running a program ---- */

/* Its exit status, or -1 and errno if it could not be started. `fd` and AT_EMPTY_PATH: execveat(2). */
static int run_at(int fd, const char *path, int flags, char *const argv[], char *const envp[])
{
	int fds[2], status, failed = 0;
	pid_t child;

	fflush(stdout);
	REQUIRE(!pipe2(fds, O_CLOEXEC));
	child = fork();
	if (child == 0) {
		dup2(null, STDERR_FILENO); /* the loader tells what it was refused */
		execveat(fd, path, argv, envp, flags);
		failed = errno;
		if (write(fds[1], &failed, sizeof(failed)) < 0)
			_exit(98);
		_exit(99);
	}
	close(fds[1]);
	if (child > 0 && read(fds[0], &failed, sizeof(failed)) < 0)
		failed = EIO;
	close(fds[0]);
	REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
	errno = failed;
	if (failed)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#define RUN(path, ...) run_at(AT_FDCWD, path, 0, (char *[]){ path, ##__VA_ARGS__, NULL }, (char *[]){ NULL })

TEST(exec_is_allowed_and_refused)
{
	size_t i;
	uid_t uid;

	for (uid = 0; uid <= 1000; uid += 1000)
		for (i = 0; both[i]; i++)
			IN(both[i], uid) {
				CHECK_INT(RUN(XO "/true"), 0);
				CHECK_INT(RUN(RX "/true"), 0);
				CHECK_FAILS(RUN(NO "/true"), EACCES);
				if (i == 0) {
					CHECK_FAILS(RUN(RO "/true"), EACCES);
					CHECK_FAILS(RUN(RX "/denied"), EACCES);
				} else {
					CHECK_INT(RUN(RO "/true"), 0);
				}
			}
	IN(NULL, 1000) {
		CHECK_INT(RUN(NO "/true"), 0);
		CHECK_INT(RUN(RO "/true"), 0);
	}
}

TEST(exec_and_read_are_asked_apart)
{
	IN("exec-deny", 1000) {
		CHECK_FAILS(open(XO "/true", O_RDONLY), EACCES);
		CHECK_INT(RUN(XO "/true"), 0);
		CHECK_OK(open(RO "/true", O_RDONLY));
		CHECK_FAILS(RUN(RO "/true"), EACCES);
	}
}

TEST(exec_of_a_script_needs_both_files)
{
	size_t i;

	for (i = 0; both[i]; i++)
		IN(both[i], 1000) {
			CHECK_INT(RUN(RX "/script-rx"), 7);
			CHECK_FAILS(RUN(RX "/script-no"), EACCES);
			CHECK_FAILS(RUN(NO "/script-rx"), EACCES);
			if (i == 0)
				CHECK_FAILS(RUN(RO "/script-rx"), EACCES);
		}
	IN(NULL, 1000)
		CHECK_INT(RUN(NO "/script-no"), 7);
}

TEST(exec_of_a_descriptor_is_judged_by_its_file)
{
	size_t i;

	for (i = 0; both[i]; i++)
		IN(both[i], 1000) {
			char *argv[] = { (char *)"true", NULL }, *none[] = { NULL }, path[32];
			int rx = open(RX "/true", O_PATH), no = open(NO "/true", O_PATH);

			REQUIRE(rx >= 0 && no >= 0);
			CHECK_INT(run_at(rx, "", AT_EMPTY_PATH, argv, none), 0);
			CHECK_FAILS(run_at(no, "", AT_EMPTY_PATH, argv, none), EACCES);
			snprintf(path, sizeof(path), "/proc/self/fd/%d", rx);
			CHECK_INT(run_at(AT_FDCWD, path, 0, argv, none), 0);
			snprintf(path, sizeof(path), "/proc/self/fd/%d", no);
			CHECK_FAILS(run_at(AT_FDCWD, path, 0, argv, none), EACCES);
		}
}

TEST(exec_of_a_memfd_or_a_deleted_file_needs_the_default)
{
	char *argv[] = { (char *)"true", NULL }, *none[] = { NULL };
	static char bytes[4 << 20];
	int fd = open(RX "/true", O_RDONLY), mem = memfd_create("true", 0), gone;
	ssize_t n = read(fd, bytes, sizeof(bytes));

	CHECK_SH(0, "cp /usr/bin/busybox " RX "/gone");
	gone = open(RX "/gone", O_PATH);
	REQUIRE(n > 0 && write(mem, bytes, (size_t)n) == n && gone >= 0 && !unlink(RX "/gone"));
	IN("exec-deny", 0) {
		CHECK_FAILS(run_at(mem, "", AT_EMPTY_PATH, argv, none), EACCES);
		CHECK_FAILS(run_at(gone, "", AT_EMPTY_PATH, argv, none), EACCES);
		CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, mem, 0) == MAP_FAILED && errno == EACCES);
	}
	IN("exec-allow", 0) {
		CHECK_INT(run_at(mem, "", AT_EMPTY_PATH, argv, none), 0);
		CHECK_INT(run_at(gone, "", AT_EMPTY_PATH, argv, none), 0);
		CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, mem, 0) != MAP_FAILED);
	}
}

/* ---- code without execve(2) ---- */

#define LD_SO "/usr/lib64/ld-linux-x86-64.so.2"

TEST(exec_by_the_loader_needs_the_program_too)
{
	IN("exec-deny", 1000) {
		CHECK_INT(RUN(LD_SO, RX "/prog", "--status", "42"), 42);
		CHECK_INT(RUN(LD_SO, RO "/prog", "--status", "42"), 127);
		CHECK_INT(RUN(LD_SO, NO "/prog", "--status", "42"), 127);
	}
	IN("exec-allow", 1000) {
		CHECK_INT(RUN(LD_SO, RO "/prog", "--status", "42"), 42);
		CHECK_INT(RUN(LD_SO, NO "/prog", "--status", "42"), 127);
	}
}

TEST(exec_of_a_preloaded_library_is_judged)
{
	static char *const argv[] = { (char *)"prog", (char *)"--mapped", (char *)"libpre.so", NULL };

	IN("exec-deny", 1000) {
		CHECK_INT(run_at(AT_FDCWD, RX "/prog", 0, argv, (char *[]){ (char *)"LD_PRELOAD=" RX "/libpre.so", NULL }), 1);
		CHECK_INT(run_at(AT_FDCWD, RX "/prog", 0, argv, (char *[]){ (char *)"LD_PRELOAD=" RO "/libpre.so", NULL }), 0);
		CHECK_INT(run_at(AT_FDCWD, RX "/prog", 0, argv, (char *[]){ (char *)"LD_PRELOAD=" NO "/libpre.so", NULL }), 0);
	}
	IN(NULL, 1000)
		CHECK_INT(run_at(AT_FDCWD, RX "/prog", 0, argv, (char *[]){ (char *)"LD_PRELOAD=" NO "/libpre.so", NULL }), 1);
}

/* 0 if the file's first page can be mapped with `prot` and then be given `then`. */
static int map(const char *path, int prot, int then)
{
	int fd = open(path, O_RDONLY), r = 0;
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, prot, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED)
		return -1;
	if (then)
		r = mprotect(p, 4096, then);
	if (!r)
		munmap(p, 4096);
	close(fd);
	return r;
}

TEST(exec_mapping_of_a_file_is_judged)
{
	IN("exec-deny", 1000) {
		CHECK_OK(map(RX "/true", PROT_READ | PROT_EXEC, 0));
		CHECK_OK(map(RX "/true", PROT_READ, PROT_READ | PROT_EXEC));
		CHECK_OK(map(RO "/true", PROT_READ, 0));
		CHECK_FAILS(map(RO "/true", PROT_READ | PROT_EXEC, 0), EACCES);
		CHECK_FAILS(map(RO "/true", PROT_EXEC, 0), EACCES);
		CHECK_FAILS(map(RO "/true", PROT_READ, PROT_READ | PROT_EXEC), EACCES);
		CHECK_FAILS(map(RO "/true", PROT_READ | PROT_WRITE, PROT_EXEC), EACCES);
		/* Memory without a file is none of the policy. */
		void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK_OK(mprotect(p, 4096, PROT_READ | PROT_EXEC));
		/* A personality that makes every readable mapping executable. */
		CHECK_OK(personality(READ_IMPLIES_EXEC));
		CHECK_FAILS(map(RO "/true", PROT_READ, 0), EACCES);
		CHECK_OK(map(RX "/true", PROT_READ, 0));
	}
	IN("exec-allow", 1000)
		CHECK_OK(map(RO "/true", PROT_READ, PROT_READ | PROT_EXEC));
	IN(NULL, 1000)
		CHECK_OK(map(NO "/true", PROT_READ, PROT_READ | PROT_EXEC));
}

/* ---- the label ---- */

static bool governed(void)
{
	int fd = open(NO "/f", O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EACCES;
}

static int status_of(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, __WALL) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int probe(void *arg)
{
	(void)arg;
	return governed() ? GOVERNED_STATUS : FREE_STATUS;
}

TEST(label_is_inherited_over_fork_and_exec)
{
	IN(NULL, 0) {
		CHECK(!governed());
		CHECK_INT(RUN(RX "/prog", "--probe"), FREE_STATUS);
	}
	IN("exec-deny", 1000) {
		static char stack[65536] __attribute__((aligned(16)));
		pid_t child = fork();

		if (!child)
			_exit(probe(NULL));
		CHECK_INT(status_of(child), GOVERNED_STATUS);
		child = vfork();
		if (!child)
			_exit(governed() ? GOVERNED_STATUS : FREE_STATUS);
		CHECK_INT(status_of(child), GOVERNED_STATUS);
		CHECK_INT(status_of(clone(probe, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL)), GOVERNED_STATUS);
		CHECK_INT(status_of(clone(probe, stack + sizeof(stack), CLONE_FILES | CLONE_FS | SIGCHLD, NULL)), GOVERNED_STATUS);
		CHECK_INT(RUN(RX "/prog", "--probe"), GOVERNED_STATUS);
		CHECK_INT(RUN(RX "/prog", "--probe-in-child"), GOVERNED_STATUS);
	}
}

TEST(label_survives_a_double_fork_and_a_session_of_its_own)
{
	IN("exec-deny", 1000) {
		int fds[2], status = 0;
		pid_t child;

		REQUIRE(!pipe(fds));
		child = fork();
		if (!child) {
			setsid();
			if (fork())
				_exit(0);
			while (getppid() != 1) /* until it is nobody's child any more */
				sched_yield();
			status = probe(NULL);
			_exit(write(fds[1], &status, sizeof(status)) < 0);
		}
		CHECK_INT(status_of(child), 0);
		CHECK(read(fds[0], &status, sizeof(status)) == sizeof(status));
		CHECK_INT(status, GOVERNED_STATUS);
	}
}

static void *probe_thread(void *arg)
{
	*(int *)arg = probe(NULL);
	return NULL;
}

static void *exec_thread(void *arg)
{
	(void)arg;
	execl(RX "/prog", "prog", "--probe-in-child", (char *)NULL);
	_exit(99);
}

TEST(label_is_shared_by_threads_and_survives_exec_by_one)
{
	IN("exec-deny", 1000) {
		pthread_t t;
		int status = 0;
		pid_t child;

		REQUIRE(!pthread_create(&t, NULL, probe_thread, &status) && !pthread_join(t, NULL));
		CHECK_INT(status, GOVERNED_STATUS);
		child = fork();
		if (!child) {
			pthread_create(&t, NULL, exec_thread, NULL);
			pause(); /* ended by the other thread's exec */
		}
		CHECK_INT(status_of(child), GOVERNED_STATUS);
	}
}

/* The label is the leader's, who stays as a zombie until the last thread has gone. */
TEST(label_survives_when_the_leader_has_gone)
{
	IN("exec-deny", 1000) {
		CHECK_INT(RUN(RX "/prog", "--probe-without-leader"), GOVERNED_STATUS);
	}
}

static pid_t clone_into(const char *cgroup)
{
	int fd = open(cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (__u64)fd };

	REQUIRE(fd >= 0);
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static bool in_cgroup(const char *name)
{
	char text[4096] = "";
	int fd = open("/proc/self/cgroup", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 && strstr(text, name);
}

TEST(label_is_given_to_a_child_that_is_born_into_the_cgroup)
{
	pid_t child = clone_into(agent_cgroup("exec-deny"));

	if (!child)
		_exit(probe(NULL));
	CHECK_INT(status_of(child), GOVERNED_STATUS);
	CHECK(!governed());
}

#define OUTSIDE AGENT_CGROUPS "/exec-outside"

TEST(label_stays_with_a_child_that_is_born_outside)
{
	REQUIRE(!mkdir(OUTSIDE, 0755) || errno == EEXIST);
	IN("exec-deny", 0) {
		pid_t child = clone_into(OUTSIDE);

		if (!child)
			_exit(in_cgroup("exec-outside") ? probe(NULL) : 1);
		CHECK_INT(status_of(child), GOVERNED_STATUS);
	}
}

TEST(label_stays_with_a_process_that_is_moved)
{
	int earlier, go[2];
	pid_t child;
	char c;

	REQUIRE(!mkdir(OUTSIDE, 0755) || errno == EEXIST);
	earlier = open(OUTSIDE "/cgroup.procs", O_WRONLY);
	REQUIRE(earlier >= 0);
	IN("exec-allow", 0) { /* by itself: refused, whatever the policy says, and useless through a descriptor of before */
		CHECK_FAILS(open(OUTSIDE "/cgroup.procs", O_WRONLY), EACCES);
		CHECK_FAILS(open(AGENT_CGROUPS "/cgroup.procs", O_WRONLY), EACCES);
		CHECK_FAILS(mkdir(OUTSIDE "/more", 0755), EACCES);
		CHECK(!in_cgroup("exec-outside"));
		CHECK(write(earlier, "0", 1) == 1 && in_cgroup("exec-outside"));
		CHECK(governed());
	}
	/* By somebody else. */
	REQUIRE(!pipe(go));
	child = clone_into(agent_cgroup("exec-deny"));
	if (!child)
		_exit(read(go[0], &c, 1) == 1 && in_cgroup("exec-outside") ? probe(NULL) : 1);
	CHECK(cgroup_move(OUTSIDE, child));
	CHECK(write(go[1], "x", 1) == 1);
	CHECK_INT(status_of(child), GOVERNED_STATUS);
}

TEST(label_is_given_below_an_enrolled_cgroup)
{
	char below[300];
	pid_t child;

	snprintf(below, sizeof(below), "%s/below", agent_cgroup("exec-deny"));
	REQUIRE(!mkdir(below, 0755) || errno == EEXIST);
	strcat(below, "/deeper");
	REQUIRE(!mkdir(below, 0755) || errno == EEXIST);
	child = clone_into(below);
	if (!child)
		_exit(probe(NULL));
	CHECK_INT(status_of(child), GOVERNED_STATUS);
	child = fork();
	if (!child)
		_exit(cgroup_move(below, 0) ? probe(NULL) : 1);
	CHECK_INT(status_of(child), GOVERNED_STATUS);
}

/* ---- the program's other lives ---- */

static pid_t leader;

static void *probe_alone(void *arg)
{
	(void)arg;
	await_zombie(leader);
	_exit(probe(NULL));
}

static int other_life(int argc, char **argv)
{
	pthread_t t;
	pid_t child;

	if (!strcmp(argv[1], "--status"))
		return argc > 2 ? atoi(argv[2]) : 0;
	if (!strcmp(argv[1], "--probe"))
		return probe(NULL);
	if (!strcmp(argv[1], "--probe-in-child")) {
		child = fork();
		if (!child)
			_exit(probe(NULL));
		return status_of(child) == probe(NULL) ? probe(NULL) : 1;
	}
	if (!strcmp(argv[1], "--probe-without-leader")) {
		leader = getpid();
		if (!pthread_create(&t, NULL, probe_alone, NULL))
			pthread_exit(NULL);
		return 1;
	}
	return !strcmp(argv[1], "--mapped") ? is_mapped(argv[2]) : -1;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strncmp(argv[1], "--", 2))
		return other_life(argc, argv);
	return run_tests(argc, argv);
}
