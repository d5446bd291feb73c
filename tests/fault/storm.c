// SPDX-License-Identifier: Apache-2.0
/*
 * storm DIR ROUNDS: a writer under load, killed with SIGKILL at a random moment, ROUNDS times over one ledger. At the end every
 * acknowledged record must be there (tests/fault/check.c, which stands beside this program, judges). One line on standard output.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define MOMENT_NS 25000000u /* a kill comes so long after the first acknowledgement, at most */
#define BATCH "32"          /* records a commit, at most */

struct storm {
	char here[4000]; /* folder of the programs */
	char ledger[4096], roots[4096], acks[4096];
	int out; /* acks */
	uint64_t bytes;
};

static int run(struct storm *s, const char *program, const char *last)
{
	char path[4200];
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", s->here, program);
	pid = fork();
	if (pid == 0) {
		execl(path, program, s->ledger, s->roots, last, (char *)NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static pid_t start_writer(struct storm *s, unsigned round, int *ret_pipe)
{
	char path[4200], number[16];
	int ends[2];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/drive", s->here);
	snprintf(number, sizeof(number), "%u", round + 1);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl(path, "drive", s->ledger, number, "0", BATCH, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	*ret_pipe = ends[0];
	return pid;
}

/* Takes over what the writer says; 1 while it goes on. */
static int take(struct storm *s, int from)
{
	char chunk[65536];
	ssize_t n = read(from, chunk, sizeof(chunk));

	if (n <= 0)
		return n < 0 && errno == EINTR;
	s->bytes += (uint64_t)n;
	return write(s->out, chunk, (size_t)n) == n;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* Reads acknowledgements until the moment has come, kills, and reads what was said before. */
static int one_round(struct storm *s, unsigned round)
{
	cleanup_close int from = -1;
	pid_t pid = start_writer(s, round, &from);
	struct pollfd p = { .fd = from, .events = POLLIN };
	int64_t end, left;
	struct timespec wait;
	int status;

	if (pid < 0)
		return -1;
	if (!take(s, from)) {
		waitpid(pid, &status, 0);
		fprintf(stderr, "round %u: the writer ended by itself, status %d\n", round, status);
		return -1;
	}
	end = now_ns() + randombytes_uniform(MOMENT_NS);
	while ((left = end - now_ns()) > 0) {
		wait = (struct timespec){ .tv_nsec = left };
		if (ppoll(&p, 1, &wait, NULL) > 0 && !take(s, from))
			break;
	}
	kill(pid, SIGKILL);
	while (take(s, from))
		;
	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
		fprintf(stderr, "round %u: the writer ended by itself, status %d\n", round, status);
		return -1;
	}
	/* A line that the pipe was too full for may be cut: it ends here, and counts for nothing. */
	return write(s->out, "\n", 1) == 1 ? run(s, "check", NULL) : -1;
}

static uint64_t count_acks(const struct storm *s)
{
	cleanup_file FILE *in = fopen(s->acks, "r");
	char line[160];
	uint64_t n = 0;

	while (in && fgets(line, sizeof(line), in))
		n += line[0] == 'a';
	return n;
}

int main(int argc, char **argv)
{
	struct storm s = { .bytes = 0 };
	unsigned rounds, i;
	char *slash;

	if (argc != 3 || sodium_init() < 0) {
		fprintf(stderr, "usage: storm DIR ROUNDS\n");
		return 2;
	}
	snprintf(s.here, sizeof(s.here), "%s", argv[0]);
	slash = strrchr(s.here, '/');
	if (!slash)
		return 2;
	*slash = '\0';
	snprintf(s.ledger, sizeof(s.ledger), "%s/ledger", argv[1]);
	snprintf(s.roots, sizeof(s.roots), "%s/roots", argv[1]);
	snprintf(s.acks, sizeof(s.acks), "%s/acks", argv[1]);
	s.out = open(s.acks, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	rounds = (unsigned)strtoul(argv[2], NULL, 10);
	for (i = 0; i < rounds; i++)
		if (one_round(&s, i) < 0)
			return 1;
	if (run(&s, "check", s.acks) < 0)
		return 1;
	printf("%" PRIu64 " records acknowledged, all there\n", count_acks(&s));
	return 0;
}
