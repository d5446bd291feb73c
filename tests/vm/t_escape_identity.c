// SPDX-License-Identifier: Apache-2.0
/* Ways to become somebody whom nobody governs, or to have somebody else do it. The policy allows all but one folder. */
#include "escape.h"

#include <linux/sched.h>
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>

#define ROOT   DATA "/escape-identity"
#define SECRET ROOT "/vault/secret"

static const char policy[] = "[file]\ndefault = \"allow\"\ndeny = [\"" ROOT "/vault/**\"]\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n";

#ifndef ESCAPE_USER
static int earlier; /* cgroup.procs of the root */
#endif
static char neighbours_word[16] = "secret";

static pid_t other(void) { return neighbour[getuid() != 0]; }

SETUP()
{
	fresh_folder(ROOT);
	make_folder(ROOT "/vault");
	make_file(SECRET, "secret", 0666);
	CHECK_SH(0, "cp /proc/%d/exe " ROOT "/suid && chown 0 " ROOT "/suid && chmod 4755 " ROOT "/suid", (int)getpid());
	escape_setup(policy);
	make_neighbours(ROOT "/vault", "secret");
#ifndef ESCAPE_USER
	CHECK_SH(0, "mkdir -p " CGROUP_ROOT "/escape-outside");
	earlier = open(CGROUP_ROOT "/escape-outside/cgroup.procs", O_WRONLY | O_CLOEXEC);
	REQUIRE(earlier >= 0);
#endif
}

TEARDOWN()
{
	end_neighbours();
	escape_told();
}

/* ---- children ---- */

static int as_status(void) { return result_status(read_file(SECRET)); }
static int in_clone(void *arg) { (void)arg; return as_status(); }

ATTEMPT(a_child, EACCES, 0)
{
	pid_t child = fork();

	if (!child)
		_exit(as_status());
	return result_of(status_of(child));
}

ATTEMPT(a_child_that_shares_memory, EACCES, 0)
{
	static char stack[65536] __attribute__((aligned(16)));

	return result_of(status_of(clone(in_clone, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL)));
}

ATTEMPT(vfork, EACCES, 0)
{
	pid_t child = vfork();

	if (!child)
		_exit(as_status());
	return result_of(status_of(child));
}

/* Nobody's child, in a session of its own. */
static int orphan(bool session)
{
	int fds[2], status = 255;
	pid_t child;

	if (pipe(fds))
		return -2;
	child = fork();
	if (!child) {
		if (session)
			setsid();
		child = getpid();
		if (fork())
			_exit(0);
		while (getppid() == child)
			sched_yield();
		status = as_status();
		_exit(write(fds[1], &status, sizeof(status)) < 0);
	}
	close(fds[1]);
	if (status_of(child) || read(fds[0], &status, sizeof(status)) != sizeof(status))
		return -2;
	close(fds[0]);
	return result_of(status);
}

ATTEMPT(a_double_fork, EACCES, 0) { return orphan(false); }
ATTEMPT(a_double_fork_and_a_session, EACCES, 0) { return orphan(true); }

static void *in_thread(void *arg)
{
	*(int *)arg = as_status();
	return NULL;
}

ATTEMPT(a_thread, EACCES, 0)
{
	pthread_t t;
	int status = 255;

	return pthread_create(&t, NULL, in_thread, &status) || pthread_join(t, NULL) ? -2 : result_of(status);
}

/* ---- programs ---- */

static int run(const char *path, const char *what)
{
	pid_t child = fork();

	if (!child) {
		execl(path, "again", what, (char *)NULL);
		_exit(254);
	}
	return result_of(status_of(child));
}

ATTEMPT(execve, EACCES, 0) { return run("/proc/self/exe", "--read"); }
ATTEMPT(execve_by_a_thread_of_before, EACCES, 0) { return run("/proc/self/exe", "--read-by-a-thread"); }
ATTEMPT(letting_the_first_thread_go, EACCES, 0) { return run("/proc/self/exe", "--read-without-leader"); }
ATTEMPT(a_setuid_program, EACCES, 0) { return run(ROOT "/suid", "--read"); }

ATTEMPT(another_user, EACCES, 0)
{
	return setresuid(1000, 1000, 1000) ? -2 : read_file(SECRET);
}

#ifndef ESCAPE_USER /* which does not know agents by their cgroup */
/* ---- cgroups ---- */

ATTEMPT(a_child_in_another_cgroup, EACCES, ROOTS_ALONE)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	pid_t child;

	args.cgroup = (__u64)open(CGROUP_ROOT "/escape-outside", O_PATH | O_DIRECTORY | O_CLOEXEC);
	child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (!child)
		_exit(as_status());
	return child < 0 ? -1 : result_of(status_of(child));
}

ATTEMPT(leaving_the_cgroup, EACCES, ROOTS_ALONE | NO_POLICY)
{
	return cgroup_move(CGROUP_ROOT "/escape-outside", 0) ? read_file(SECRET) : -1;
}

ATTEMPT(leaving_the_cgroup_by_a_descriptor_of_before, EACCES, 0)
{
	return write(earlier, "0", 1) == 1 ? read_file(SECRET) : -2;
}

ATTEMPT(a_cgroup_of_its_own, EACCES, ROOTS_ALONE | NO_POLICY)
{
	if (mkdir(CGROUP_ROOT "/escape-own", 0755))
		return -1;
	return rmdir(CGROUP_ROOT "/escape-own") ? -2 : 0;
}

#endif

/* ---- namespaces ---- */

static int read_in_child(void)
{
	pid_t child = fork();

	if (!child)
		_exit(as_status());
	return result_of(status_of(child));
}

ATTEMPT(a_mount_namespace, 0, 0) { return own_namespace(0) ? -1 : read_file(SECRET); }
ATTEMPT(a_process_namespace, 0, 0) { return own_namespace(CLONE_NEWPID) ? -1 : read_in_child(); }
ATTEMPT(a_cgroup_namespace, 0, 0) { return own_namespace(CLONE_NEWCGROUP) ? -1 : read_file(SECRET); }
ATTEMPT(a_user_namespace, 0, 0) { return unshare(CLONE_NEWUSER) ? -1 : read_file(SECRET); }

ATTEMPT(the_namespace_of_another, EACCES, ROOTS_ALONE)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)other());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || setns(fd, CLONE_NEWNS) ? -1 : read_file(SECRET);
}

ATTEMPT(the_namespace_of_another_by_its_descriptor, EPERM, ROOTS_ALONE)
{
	int fd = (int)syscall(SYS_pidfd_open, other(), 0);

	return setns(fd, CLONE_NEWNS) ? -1 : read_file(SECRET);
}

/* ---- others ---- */

ATTEMPT(tracing_another, EPERM, 0)
{
	if (ptrace(PTRACE_SEIZE, other(), NULL, NULL))
		return -1;
	return 0; /* ended by the tracer's end */
}

ATTEMPT(reading_the_memory_of_another, EPERM, 0)
{
	char bytes[16];
	struct iovec to = { bytes, sizeof(bytes) }, from = { neighbours_word, sizeof(bytes) };

	return process_vm_readv(other(), &to, 1, &from, 1, 0) == sizeof(bytes) && !strcmp(bytes, "secret") ? 0 : -1;
}

static int open_of(const char *what, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)other(), what);
	return opens(path, flags);
}

ATTEMPT(writing_the_memory_of_another, EACCES, 0) { return open_of("mem", O_RDWR); }
ATTEMPT(reading_the_environment_of_another, EACCES, 0) { return open_of("environ", O_RDONLY); }
ATTEMPT(an_open_file_of_another, EACCES, 0) { return open_of("fd/0", O_RDONLY); }
ATTEMPT(the_root_of_another, EACCES, 0) { return open_of("root" SECRET, O_RDONLY); }

ATTEMPT(taking_a_descriptor_of_another, EPERM, 0)
{
	int fd = (int)syscall(SYS_pidfd_getfd, (int)syscall(SYS_pidfd_open, other(), 0), 0, 0);

	return fd < 0 ? -1 : lseek(fd, 0, SEEK_SET) ? -2 : read_from(fd);
}

ATTEMPT(signalling_another, EPERM, 0) { return kill(other(), SIGURG); }
ATTEMPT(signalling_another_by_its_descriptor, EPERM, 0)
{
	return (int)syscall(SYS_pidfd_send_signal, (int)syscall(SYS_pidfd_open, other(), 0), SIGURG, NULL, 0);
}

ATTEMPT(having_a_descriptor_signal_another, EPERM, 0)
{
	int fds[2];

	return pipe(fds) ? -2 : fcntl(fds[0], F_SETOWN, other());
}

ATTEMPT(limiting_another, EPERM, 0)
{
	struct rlimit now;

	return prlimit(other(), RLIMIT_CORE, NULL, &now) ? -2 : prlimit(other(), RLIMIT_CORE, &now, NULL);
}

/* ---- descriptors: decided in docs/limits.md ---- */

/* What was open before, or is passed by somebody else, is read on; opening it anew is judged, and so is what changes it otherwise. */
TEST(a_descriptor_of_before_is_read_and_not_opened_anew)
{
	int fd = open(SECRET, O_RDWR);
	uid_t uid;

	for (uid = FIRST_UID; uid <= 1000; uid += 1000)
		IN(governed_agent, uid) {
			char text[8] = "", path[32];

			CHECK(pread(fd, text, 6, 0) == 6 && !strcmp(text, "secret"));
			CHECK(pwrite(fd, "secret", 6, 0) == 6);
			snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
			CHECK_FAILS(opens(path, O_RDONLY), EACCES);
			CHECK_FAILS(ftruncate(fd, 0), EACCES);
			CHECK_FAILS(fchmod(fd, 0644), EACCES);
			CHECK_FAILS(futimens(fd, NULL), EACCES);
		}
	close(fd);
}

static int pass(int from, int to, int fd)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } control = {};
	char byte = 'x';
	struct iovec data = { &byte, 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int got = -1;

	control.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
	if (fd >= 0 && sendmsg(from, &m, 0) != 1)
		return -2;
	if (to < 0)
		return 0;
	m.msg_controllen = sizeof(control);
	if (recvmsg(to, &m, 0) == 1 && m.msg_controllen)
		memcpy(&got, CMSG_DATA(&control.h), sizeof(got));
	return got;
}

TEST(a_descriptor_that_is_passed_is_read_and_not_opened_anew)
{
	int pair[2], fd = open(SECRET, O_RDONLY);
	uid_t uid;

	for (uid = FIRST_UID; uid <= 1000; uid += 1000) {
		REQUIRE(!socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) && !pass(pair[0], -1, fd)); /* by a process that nobody governs */
		IN(governed_agent, uid) {
			char text[8] = "", path[32];
			int got = pass(-1, pair[1], -1);

			CHECK(pread(got, text, 6, 0) == 6 && !strcmp(text, "secret"));
			snprintf(path, sizeof(path), "/proc/self/fd/%d", got);
			CHECK_FAILS(opens(path, O_RDONLY), EACCES);
		}
		close(pair[0]);
		close(pair[1]);
	}
	close(fd);
}

#ifndef ESCAPE_USER
/* ---- numbers that are given again ---- */

/* What a child with that number (0: any, which is told) ends with; `agent` NULL: nobody's. */
static int child_of_number(const char *agent, pid_t *number)
{
	char text[16];
	pid_t child;

	snprintf(text, sizeof(text), "%d", (int)*number - 1);
	for (int tries = 0; tries < 100; tries++) {
		REQUIRE(!*number || write_text("/proc/sys/kernel/ns_last_pid", text));
		child = fork();
		if (!child) {
			REQUIRE(!agent || cgroup_move(agent_cgroup(agent), 0));
			_exit(as_status());
		}
		if (!*number)
			*number = child;
		if (child == *number)
			return status_of(child);
		status_of(child); /* somebody else was quicker */
	}
	return -2;
}

TEST(a_process_number_that_is_given_again_is_somebody_else)
{
	pid_t number = 0;

	CHECK_INT(child_of_number(governed_agent, &number), EACCES);
	CHECK_INT(child_of_number(NULL, &number), 0);
	CHECK_INT(child_of_number(governed_agent, &number), EACCES);
	CHECK_INT(child_of_number(NULL, &number), 0);
}

#endif

/* ---- this program's other lives ---- */

static pid_t leader;

static void *read_alone(void *arg)
{
	(void)arg;
	await_zombie(leader);
	_exit(as_status());
}

static void *exec_read(void *arg)
{
	(void)arg;
	execl("/proc/thread-self/exe", "again", "--read", (char *)NULL); /* the leader may have gone */
	_exit(254);
}

static int other_life(const char *what)
{
	pthread_t t;

	if (!strcmp(what, "--read"))
		return as_status();
	leader = getpid();
	if (pthread_create(&t, NULL, strcmp(what, "--read-by-a-thread") ? read_alone : exec_read, NULL))
		return 254;
	pthread_exit(NULL);
}

int main(int argc, char **argv)
{
	return argc > 1 && !strncmp(argv[1], "--", 2) ? other_life(argv[1]) : run_tests(argc, argv);
}
