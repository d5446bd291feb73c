/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For guest tests of the engine: one loaded engine is shared by all programs of a boot (loading takes long under emulation), each
 * brings policies and agents of its own, under names of its own.
 *
 *     SETUP() { engine_ready(); policy_push("x-deny", "[file] ..."); agent_enroll("x", "x-deny"); }
 *
 *     TEST(open_of_a_denied_file_is_refused)
 *     {
 *             IN("x", 1000)
 *                     CHECK_FAILS(open("/data/secret", O_RDONLY), EACCES);
 *             CHECK_STR(file_text("/data/secret"), "untouched");
 *     }
 *
 * IN runs its statement in a child that was moved into the agent's cgroup, under that uid, and waits for it. IN(NULL, uid) is the
 * control: the same in a child that is not governed.
 */
#ifndef VANTIO_TESTS_ENGINE_H
#define VANTIO_TESTS_ENGINE_H

#include "vt.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define AGENT_CGROUPS "/sys/fs/cgroup/system.slice"

/* A [kernel] section that allows whatever can be allowed. */
#define ALL_SURFACES                                                                                              \
	"[kernel]\nmount = \"allow\"\nptrace = \"allow\"\nsignal = \"allow\"\nbpf = \"allow\"\nmodule = \"allow\"\n" \
	"userns = \"allow\"\nraw_socket = \"allow\"\nio_uring = \"allow\"\nperf = \"allow\"\nkeyring = \"allow\"\n"

/* Lets go on what other programs of this boot left halted. */
TEST_UNUSED static void release_all(void)
{
	CHECK_SH(0, "vantioctl killswitch --release && vantioctl killswitch status | awk '$2 == \"quarantined\" { print $1 }' | "
		    "xargs -r -n1 vantioctl agent release");
}

/* Loads the engine unless another program has; nobody is halted in it. */
TEST_UNUSED static void engine_ready(void)
{
	const char *line;

	if (!access("/sys/fs/bpf/vantio/maps/vantio_control", F_OK)) {
		CHECK_SH(0, "vantioctl killswitch status");
		if (strstr(sh_output, ": on") || strstr(sh_output, "halted") || strstr(sh_output, "quarantined"))
			release_all();
		return;
	}
	CHECK_SH(0, "vantioctl load");
	/* A hook that this kernel lacks is named, with the one that stands in for it. */
	for (line = sh_output; (line = strstr(line, "this kernel has no hook")); line++)
		CHECK(strstr(line, "does its work here"));
}

/* Puts a policy in force; `body` is the text behind schema and name. */
TEST_UNUSED static void policy_push(const char *name, const char *body)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/%s.toml", name);
	f = fopen(path, "we");
	REQUIRE(f && fprintf(f, "schema = 1\nname = \"%s\"\n%s", name, body) > 0);
	REQUIRE(!fclose(f));
	CHECK_SH(0, "vantioctl policy push %s", path);
}

TEST_UNUSED static const char *agent_cgroup(const char *agent)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/agent-%s", AGENT_CGROUPS, agent);
	return path;
}

/* Makes a cgroup for the agent and enrols it under a policy in force. */
TEST_UNUSED static void agent_enroll(const char *agent, const char *policy)
{
	const char *cgroup = agent_cgroup(agent);

	REQUIRE(!mkdir(cgroup, 0755) || errno == EEXIST);
	CHECK_SH(0, "vantioctl agent enroll %s --name %s --policy %s", cgroup, agent, policy);
}

TEST_UNUSED static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Moves a process (0: the caller) into a cgroup. */
TEST_UNUSED static bool cgroup_move(const char *cgroup, pid_t pid)
{
	char procs[300], text[16];

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", cgroup);
	snprintf(text, sizeof(text), "%d", (int)pid);
	return write_text(procs, text);
}

TEST_UNUSED static void become(uid_t uid)
{
	if (!uid)
		return;
	REQUIRE(!setgroups(0, NULL) && !setresgid(uid, uid, uid) && !setresuid(uid, uid, uid));
	prctl(PR_SET_DUMPABLE, 1); /* its /proc/self stays its own */
}

TEST_UNUSED static bool in_enter(const char *agent, uid_t uid, const char *file, int line)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		REQUIRE(!agent || cgroup_move(agent_cgroup(agent), 0));
		become(uid);
		return true;
	}
	while (waitpid(child, &status, 0) < 0)
		REQUIRE(errno == EINTR);
	if (WIFSIGNALED(status))
		check_(file, line, false, "the child died: %s", strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		check_(file, line, false, "the child ended with status %d", WEXITSTATUS(status));
	return false;
}

TEST_UNUSED static bool in_leave(void)
{
	fflush(stdout);
	_exit(0);
	return false;
}

#define IN(agent, uid) for (bool in_ = in_enter(agent, uid, __FILE__, __LINE__); in_; in_ = in_leave())

/* ---- files ---- */

TEST_UNUSED static const char *file_text(const char *path)
{
	static char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? NULL : text;
}

/* Until the process, or the leader of the caller's own, has ended and nobody has waited for it. */
TEST_UNUSED static void await_zombie(pid_t pid)
{
	char path[64];
	const char *text;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	do {
		text = file_text(path);
		text = text ? strrchr(text, ')') : NULL;
	} while (!text || text[2] != 'Z');
}

TEST_UNUSED static void make_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	REQUIRE(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	REQUIRE(!fchown(fd, 1000, 0) && !fchmod(fd, mode) && !close(fd));
}

TEST_UNUSED static void make_folder(const char *path)
{
	REQUIRE(!mkdir(path, 0777) || errno == EEXIST);
	REQUIRE(!chown(path, 1000, 0) && !chmod(path, 0777));
}

/* Relative all the way: what is in there may be deeper than a path is long. */
TEST_UNUSED static void empty_folder(int fd)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;

	REQUIRE(dir);
	while ((e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (e->d_type == DT_DIR)
			empty_folder(openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		REQUIRE(!unlinkat(fd, e->d_name, e->d_type == DT_DIR ? AT_REMOVEDIR : 0));
	}
	closedir(dir);
}

/* An empty folder, whatever was in it before. */
TEST_UNUSED static void fresh_folder(const char *path)
{
	make_folder(path);
	empty_folder(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* 1 if code of a file of that name is mapped into this process, 2 if that cannot be told. */
TEST_UNUSED static int is_mapped(const char *name)
{
	FILE *f = fopen("/proc/self/maps", "re");
	int mapped = f ? 0 : 2;
	char line[1024];

	while (f && !mapped && fgets(line, sizeof(line), f))
		mapped = strstr(line, name) && strstr(line, " r-xp ");
	if (f)
		fclose(f);
	return mapped;
}

TEST_UNUSED static bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

#endif
