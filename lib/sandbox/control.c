// SPDX-License-Identifier: Apache-2.0
#include "sandbox/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "sandbox/target.h"

#define MAGIC 0x76727531u /* "vru1" */
#define QUESTION_MS 200   /* that a run waits for one who has connected */
#define ANSWER_MS   5000

struct question {
	uint32_t magic, verb;
};

static int runs_folder(bool make, struct vantio_error *err)
{
	cleanup_free char *runtime = vantio_runtime_dir(), *path = NULL;
	int fd, r;

	if (!runtime)
		return vantio_fail(err, ENOENT, "there is no HOME and no XDG_RUNTIME_DIR to keep track of runs in");
	if (asprintf(&path, "%s/runs", runtime) < 0) {
		path = NULL;
		return vantio_fail(err, ENOMEM, "out of memory");
	}
	r = make ? vantio_make_dirs(path, 0700, err) : 0;
	if (r)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? vantio_fail(err, errno, "cannot open '%s': %s", path, strerror(errno)) : fd;
}

/* By the folder's descriptor: a path could be longer than an address holds. */
static struct sockaddr_un address(int folder, const char *agent)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d/%.64s", folder, agent);
	return un;
}

int vantio_run_listen(const char *agent, int *ret, struct vantio_error *err)
{
	cleanup_close int folder = runs_folder(true, err), fd = -1;
	struct sockaddr_un un;

	if (folder < 0)
		return folder;
	un = address(folder, agent);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlinkat(folder, agent, 0); /* of a process that had this number before */
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) || listen(fd, 16))
		return vantio_fail(err, errno, "cannot listen for the kill switch: %s", strerror(errno));
	*ret = vantio_take_fd(&fd);
	return 0;
}

void vantio_run_unlisten(const char *agent)
{
	struct vantio_error ignored;
	cleanup_close int folder = runs_folder(false, &ignored);

	if (folder >= 0)
		unlinkat(folder, agent, 0);
}

/* Filters of seccomp that a process is under; -1 if that cannot be told. */
static long filters_of(pid_t pid)
{
	struct vantio_target t = { .tid = pid };
	char text[32];

	return vantio_target_status(&t, "Seccomp_filters", text, sizeof(text)) ? strtol(text, NULL, 10) : -1;
}

/* Not one of ours, and not under more filters than we are: those are governed by another run. */
static bool may_ask(int fd, pid_t self)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	long theirs;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) || (who.uid != geteuid() && who.uid))
		return false;
	if (who.pid <= 0 || who.pid == self || vantio_target_ours(self, who.pid))
		return false;
	theirs = filters_of(who.pid);
	return theirs >= 0 && theirs <= filters_of(self);
}

enum vantio_run_verb vantio_run_question(int listener, pid_t self, int *ret_fd)
{
	cleanup_close int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct question q = {};

	if (fd < 0 || !may_ask(fd, self) || poll(&p, 1, QUESTION_MS) != 1 || recv(fd, &q, sizeof(q), 0) != sizeof(q) || q.magic != MAGIC ||
	    q.verb < VANTIO_RUN_ASK || q.verb > VANTIO_RUN_FREE)
		return 0;
	*ret_fd = vantio_take_fd(&fd);
	return (enum vantio_run_verb)q.verb;
}

void vantio_run_answer(int fd, const struct vantio_run_info *info)
{
	if (send(fd, info, sizeof(*info), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0; /* whoever asked has gone */
	close(fd);
}

/* ---- the user's side ---- */

static bool ask_one(int folder, const char *agent, enum vantio_run_verb verb, struct vantio_run_info *ret)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un un = address(folder, agent);
	struct question q = { MAGIC, verb };
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un))) {
		if (errno == ECONNREFUSED)
			unlinkat(folder, agent, 0); /* its process was killed */
		return false;
	}
	if (send(fd, &q, sizeof(q), MSG_NOSIGNAL) != sizeof(q) || poll(&p, 1, ANSWER_MS) != 1 || recv(fd, ret, sizeof(*ret), 0) != sizeof(*ret))
		return false;
	ret->agent[sizeof(ret->agent) - 1] = ret->policy[sizeof(ret->policy) - 1] = ret->tier[sizeof(ret->tier) - 1] = '\0';
	return true;
}

int vantio_runs_ask(const char *agent, enum vantio_run_verb verb, struct vantio_run_info **ret, size_t *ret_n, struct vantio_error *err)
{
	cleanup_close int folder = runs_folder(false, err);
	cleanup_free struct vantio_run_info *items = NULL;
	cleanup_dir DIR *dir = NULL;
	struct vantio_run_info info, *grown;
	struct dirent *entry;
	size_t n = 0;
	int copy;

	*ret = NULL;
	*ret_n = 0;
	if (folder < 0)
		return err->code == ENOENT ? 0 : folder;
	copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = copy < 0 ? NULL : fdopendir(copy);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= VANTIO_NAME_MAX || (agent && strcmp(agent, entry->d_name)))
			continue;
		if (!ask_one(folder, entry->d_name, verb, &info))
			continue;
		grown = realloc(items, (n + 1) * sizeof(*items));
		if (!grown)
			return vantio_fail(err, ENOMEM, "out of memory");
		items = grown;
		items[n++] = info;
	}
	*ret = vantio_take(items);
	*ret_n = n;
	return 0;
}
