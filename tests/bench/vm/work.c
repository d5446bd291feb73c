// SPDX-License-Identifier: Apache-2.0
#include "work.h"

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

#define DEEP    BENCH_ROOT "/work/one/two/three/four/five/a-file-of-the-project.txt" /* 8 components, 67 bytes with its own */
#define PROJECT BENCH_ROOT "/work/project"
#define HEADERS 20
#define FOLDERS 3 /* where headers are looked for; they are in the last */

extern char **environ;

static bool open_close(unsigned int times)
{
	unsigned int i;

	for (i = 0; i < times; i++) {
		int fd = open(DEEP, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return false;
		close(fd);
	}
	return true;
}

static bool spawn(char *const argv[])
{
	pid_t child;
	int status;

	return !posix_spawn(&child, argv[0], NULL, NULL, argv, environ) && waitpid(child, &status, 0) == child && status == 0;
}

/* As make and a compiler do: each unit's prerequisites are looked at, then the unit is compiled, each header looked for in each folder. */
static bool build(unsigned int times)
{
	char source[128], object[128], path[128];
	char *const argv[] = { "/usr/bin/tcc", "-nostdinc", "-I" PROJECT "/i0", "-I" PROJECT "/i1", "-I" PROJECT "/i2", "-c", source, "-o", object, NULL };
	struct stat st;
	unsigned int i, unit, k;

	for (i = 0; i < times; i++)
		for (unit = 0; unit < BENCH_UNITS; unit++) {
			snprintf(source, sizeof(source), PROJECT "/unit%u.c", unit);
			snprintf(object, sizeof(object), PROJECT "/unit%u.o", unit);
			for (k = 0; k < HEADERS * FOLDERS; k++) {
				snprintf(path, sizeof(path), PROJECT "/i%u/header%u.h", k % FOLDERS, k / FOLDERS);
				if (stat(path, &st) && k % FOLDERS == FOLDERS - 1)
					return false;
			}
			if (!spawn(argv))
				return false;
		}
	return true;
}

static bool fork_exec(unsigned int times)
{
	char *const argv[] = { "/usr/bin/true", NULL };
	unsigned int i;

	for (i = 0; i < times; i++)
		if (!spawn(argv))
			return false;
	return true;
}

static bool connect_close(unsigned int times)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(BENCH_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct linger none = { 1, 0 };
	int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned int i;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 16))
		return false;
	for (i = 0; i < times; i++) {
		int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;

		if (connect(s, (struct sockaddr *)&a, sizeof(a)))
			return false;
		peer = accept(listener, NULL, NULL);
		setsockopt(s, SOL_SOCKET, SO_LINGER, &none, sizeof(none)); /* or the ports would be used up */
		close(s);
		close(peer);
	}
	close(listener);
	return true;
}

static bool create_unlink(unsigned int times)
{
	unsigned int i;

	for (i = 0; i < times; i++) {
		int fd = open(BENCH_ROOT "/work/one/two/three/new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		if (fd < 0 || close(fd) || unlink(BENCH_ROOT "/work/one/two/three/new"))
			return false;
	}
	return true;
}

const struct work works[] = {
	{ "open+close", "open(2) and close(2) of one file, 8 components deep", open_close },
	{ "build", "six units compiled with tcc, each with 20 headers in the last of 3 folders", build },
	{ "fork+exec", "posix_spawn(3) and waitpid(2) of /usr/bin/true", fork_exec },
	{ "connect", "TCP over loopback: socket, connect, accept, close", connect_close },
	{ "create+unlink", "open(2) with O_CREAT|O_EXCL, close(2), unlink(2)", create_unlink },
};
const unsigned int n_works = sizeof(works) / sizeof(works[0]);

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (!f || fputs(text, f) < 0 || fclose(f)) {
		perror(path);
		exit(1);
	}
}

static void make_folders(const char *path)
{
	char part[256];
	const char *slash;

	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		mkdir(part, 0755);
	}
}

void work_prepare(void)
{
	char path[128], text[4096];
	unsigned int i, k;

	make_folders(DEEP);
	write_file(DEEP, "text\n");
	for (i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof(path), PROJECT "/i%u/", i);
		make_folders(path);
	}
	for (i = 0; i < HEADERS; i++) {
		snprintf(path, sizeof(path), PROJECT "/i%d/header%u.h", FOLDERS - 1, i);
		snprintf(text, sizeof(text), "#ifndef H%u\n#define H%u\nstruct s%u { int a, b[%u]; };\nint f%u(struct s%u *);\n#endif\n", i, i, i, i + 1, i, i);
		write_file(path, text);
	}
	for (i = 0; i < BENCH_UNITS; i++) {
		size_t n = 0;

		for (k = 0; k < HEADERS; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "#include \"header%u.h\"\n", k);
		for (k = 0; k < 8; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "int u%u_%u(struct s%u *s) { return f%u(s) + s->a * %u; }\n", i, k, k, k, k);
		snprintf(path, sizeof(path), PROJECT "/unit%u.c", i);
		write_file(path, text);
	}
}
