/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The matrix of escapes: t_escape*.c. An attempt is one small function that is named after what it tries and returns 0 if it got what
 * the policy forbids, -1 with errno if it was refused (-2 where it could not even be tried, which fails everywhere):
 *
 *     ATTEMPT(a_symbolic_link, EACCES, 0)
 *     {
 *             return read_file(OWN "/link");
 *     }
 *
 * It is tried as root and as an ordinary user: by the governed agent, who must be refused; by an agent to whom all is allowed and by a process that
 * nobody governs, who must get through, or the attempt would prove nothing.
 */
#ifndef VANTIO_TESTS_ESCAPE_H
#define VANTIO_TESTS_ESCAPE_H

#include <sched.h>
#include <sys/socket.h>

#include "govern.h"

#ifdef ESCAPE_USER /* t_user_*.c: the same attempts against the tier user, by an ordinary user alone */
#include "escape_user.h"
#else
#define DATA "/data"
#endif

#define ROOTS_ALONE 1 /* the kernel itself refuses it to an ordinary user */
#define NO_POLICY   2 /* no policy can allow it: only those whom nobody governs get through */

#ifdef ESCAPE_USER
#define FIRST_UID 1000
#define ANY_ERRNO 1 /* either, and where the other tier's hooks stand deeper in the kernel, what comes before them */
#else
#define FIRST_UID 0
#define ANY_ERRNO 0
#endif

struct tally {
	int attempts, root, user;
};
static struct tally *tally; /* shared with the tests' processes */
static char governed_agent[64], allowed_agent[64];

/* Loads the engine, puts `body` in force for the governed agent and everything for the other. In SETUP. */
TEST_UNUSED static void escape_setup(const char *body)
{
	struct vantio_slot governed = {}, allowed = {};
	char text[4096], cgroup[128];

	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(tally != MAP_FAILED);
	snprintf(governed_agent, sizeof(governed_agent), "%s", program_invocation_short_name);
	snprintf(allowed_agent, sizeof(allowed_agent), "%s-allowed", program_invocation_short_name);
#ifdef ESCAPE_USER
	user_setup(body);
	(void)governed, (void)allowed, (void)text, (void)cgroup;
	return;
#endif
	engine_ready();
	snprintf(text, sizeof(text), "schema = 1\nname = \"%s\"\n%s", governed_agent, body);
	push_text(text, &governed);
	snprintf(text, sizeof(text), "schema = 1\nname = \"%s\"\n[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n"
		 ALL_SURFACES, allowed_agent);
	push_text(text, &allowed);
	snprintf(cgroup, sizeof(cgroup), "/system.slice/agent-%s", governed_agent);
	enroll(governed_agent, cgroup, 0, governed.slot, 0);
	snprintf(cgroup, sizeof(cgroup), "/system.slice/agent-%s", allowed_agent);
	enroll(allowed_agent, cgroup, 0, allowed.slot, 0);
}

/* Says how many attempts there were. In TEARDOWN. */
TEST_UNUSED static void escape_told(void)
{
	if (FIRST_UID)
		printf("# told %d attempts; refused by the tier user: %d\n", tally->attempts, tally->user);
	else
		printf("# told %d attempts; refused: %d as root, %d as an ordinary user\n", tally->attempts, tally->root, tally->user);
}

/* Processes whom nobody governs, root's and a user's, with `file` of `folder` open as descriptor 0 and that as their working folder. */
TEST_UNUSED static pid_t neighbour[2];

static pid_t make_neighbour(const char *folder, const char *file, uid_t uid)
{
	int ready[2];
	pid_t child;
	char c;

	REQUIRE(!pipe(ready));
	child = fork();
	if (!child) {
		REQUIRE(!chdir(folder) && dup2(open(file, O_RDONLY), 0) == 0);
		become(uid);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		REQUIRE(write(ready[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	REQUIRE(child > 0 && read(ready[0], &c, 1) == 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

TEST_UNUSED static void make_neighbours(const char *folder, const char *file)
{
	neighbour[0] = make_neighbour(folder, file, 0);
	neighbour[1] = make_neighbour(folder, file, 1000);
}

TEST_UNUSED static void end_neighbours(void)
{
	kill(neighbour[0], SIGKILL);
	kill(neighbour[1], SIGKILL);
}

/* errno 0: EACCES or EPERM, whichever comes first. */
static bool refused(int r, int got, int want)
{
	return r == -1 && (want && !ANY_ERRNO ? got == want : got == EACCES || got == EPERM || (ANY_ERRNO && (got == want || got == ENOSYS || got == ENAMETOOLONG)));
}

TEST_UNUSED static void try_attempt(int (*act)(void), int want, unsigned int flags)
{
	uid_t uid;

	__atomic_add_fetch(&tally->attempts, 1, __ATOMIC_SEQ_CST);
	for (uid = FIRST_UID; uid <= 1000; uid += 1000) {
		bool control = !uid || !(flags & ROOTS_ALONE);

		IN(governed_agent, uid) {
			int r = (errno = 0, act()), e = errno;

			if (check_(__FILE__, __LINE__, control ? refused(r, e, want) : r == -1, "governed, as %u, it gave %d (%s)", uid, r, strerror(e)))
				__atomic_add_fetch(uid ? &tally->user : &tally->root, 1, __ATOMIC_SEQ_CST);
		}
		for (int i = FIRST_UID ? 2 : flags & NO_POLICY; control && i <= 2; i += 2)
			IN(i ? NULL : allowed_agent, uid) {
				int r = (errno = 0, act()), e = errno;

				check_(__FILE__, __LINE__, r >= 0, "%s, as %u, it gave %d (%s)", i ? "ungoverned" : "allowed", uid, r, strerror(e));
			}
	}
}

#define ATTEMPT(name_, errno_, flags_) \
	static int try_##name_(void); \
	TEST(escape_by_##name_) { try_attempt(try_##name_, errno_, flags_); } \
	static int try_##name_(void)

/* ---- what attempts are made of ---- */

/* 0 if the secret can be read there. */
TEST_UNUSED static int read_from(int fd)
{
	char text[16] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int e = errno;

	if (fd >= 0)
		close(fd);
	errno = e;
	if (n < 0)
		return -1;
	return strncmp(text, "secret", 6) ? -2 : 0;
}

TEST_UNUSED static int read_file(const char *path) { return read_from(open(path, O_RDONLY | O_CLOEXEC)); }

/* A folder may be read. */
TEST_UNUSED static int opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	return fd < 0 ? -1 : close(fd);
}

/* A mount namespace of one's own; an ordinary user becomes its root. */
TEST_UNUSED static int own_namespace(int more)
{
	char map[32];

	snprintf(map, sizeof(map), "0 %u 1", getuid());
	if (unshare((getuid() ? CLONE_NEWUSER : 0) | CLONE_NEWNS | more))
		return -1;
	return strcmp(map, "0 0 1") && !write_text("/proc/self/uid_map", map) ? -2 : 0;
}

/* What a child ended with, or -2. */
TEST_UNUSED static int status_of(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, __WALL) != child || !WIFEXITED(status))
		return -2;
	return WEXITSTATUS(status);
}

/* A child's result passed on by its status: 0, errno or 255. */
TEST_UNUSED static int result_status(int r) { return r >= 0 ? 0 : r == -1 ? errno : 255; }
TEST_UNUSED static int result_of(int status)
{
	errno = status;
	return status == 0 ? 0 : status > 0 && status < 255 ? -1 : -2;
}

#endif
