// SPDX-License-Identifier: Apache-2.0
/* What is timed from within: the same work for every contestant, each in nanoseconds an operation. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_run.h"

extern char **environ;

static bool open_close(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && !close(fd);
}

static bool look(const char *file)
{
	struct stat st;

	return !stat(file, &st);
}

static bool create_unlink(const char *file)
{
	int fd = open("out/new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	(void)file;
	return fd >= 0 && !close(fd) && !unlink("out/new");
}

static bool fork_exec(const char *file)
{
	char *const argv[] = { "/usr/bin/true", NULL };
	pid_t child;
	int status;

	(void)file;
	return !posix_spawn(&child, argv[0], NULL, NULL, argv, environ) && waitpid(child, &status, 0) == child && status == 0;
}

/* TCP over loopback, to a listener of this process: socket, connect, accept, close. */
static bool connect_close(const char *file)
{
	const struct linger none = { 1, 0 };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	static int listener = -1; /* for all rounds */
	static struct sockaddr_in at;
	socklen_t len = sizeof(at);
	int s, peer;
	bool done;

	(void)file;
	if (listener < 0) {
		listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 16) || getsockname(listener, (struct sockaddr *)&at, &len))
			return false;
	}
	s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	done = s >= 0 && !connect(s, (struct sockaddr *)&at, sizeof(at));
	peer = accept(listener, NULL, NULL);
	setsockopt(s, SOL_SOCKET, SO_LINGER, &none, sizeof(none)); /* or the ports would be used up */
	close(s);
	close(peer);
	return done;
}

static const struct {
	const char *name;
	unsigned int times;
	bool (*once)(const char *file);
} works[] = {
	{ "stat", 3000, look },
	{ "open+close", 3000, open_close },
	{ "create+unlink", 300, create_unlink },
	{ "fork+exec", 60, fork_exec },
	{ "connect", 300, connect_close },
};

int work(const char *file)
{
	unsigned int i, n;

	for (i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		double from = now_ms();

		for (n = 0; n < works[i].times; n++)
			if (!works[i].once(file)) {
				perror(works[i].name);
				return 1;
			}
		printf("%s %.3f\n", works[i].name, (now_ms() - from) * 1e3 / works[i].times);
	}
	return 0;
}
