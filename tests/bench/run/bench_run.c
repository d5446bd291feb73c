// SPDX-License-Identifier: Apache-2.0
/*
 * bench_run DIR CONTESTANT...   the same work bare and under each contestant, in rounds that all take part in
 *
 * A contestant is a file DIR/NAME.argv with one word of its command line a line (none for bare, which comes first). A round runs each
 * contestant once, beginning with another one each time, so that what else the machine does hits all alike. A figure is the median over
 * the rounds, a ratio the median of the rounds' ratios to bare. Processor time is that of the whole tree, with whoever supervises it.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_run.h"

#define CONTESTANTS_MAX 8
#define WORDS_MAX   128
#define ROUNDS_MAX  400
#define FIGURES_MAX 16
#define RUN_MS      60000

struct figure {
	char name[40];
	const char *unit;
	unsigned int n[CONTESTANTS_MAX];
	double values[CONTESTANTS_MAX][ROUNDS_MAX];
};

static struct bench {
	unsigned int n_contestants, n_figures;
	const char *names[CONTESTANTS_MAX];
	char *words[CONTESTANTS_MAX][WORDS_MAX]; /* before the command's own */
	unsigned int n_words[CONTESTANTS_MAX];
	struct figure figures[FIGURES_MAX];
} bench;

struct ran {
	double wall_ms, first_ms, cpu_ms;
	char out[4096];
	size_t len;
};

__attribute__((noreturn)) static void die(const char *what, const char *who)
{
	fprintf(stderr, "bench_run: %s%s%s: %s\n", what, who ? ": " : "", who ? who : "", strerror(errno));
	exit(2);
}

/* ---- figures ---- */

static void put(const char *name, const char *unit, unsigned int who, double value)
{
	struct figure *f;
	unsigned int i;

	for (i = 0; i < bench.n_figures && strcmp(bench.figures[i].name, name); i++)
		;
	if (i == FIGURES_MAX)
		return;
	f = &bench.figures[i];
	if (i == bench.n_figures) {
		bench.n_figures++;
		snprintf(f->name, sizeof(f->name), "%s", name);
		f->unit = unit;
	}
	if (f->n[who] < ROUNDS_MAX)
		f->values[who][f->n[who]++] = value;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(const double *values, unsigned int n)
{
	double sorted[ROUNDS_MAX];

	if (!n)
		return NAN;
	memcpy(sorted, values, n * sizeof(*values));
	qsort(sorted, n, sizeof(*sorted), by_value);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* The median of the rounds' ratios; rounds are in the order in which they were put. */
static double ratio(const struct figure *f, unsigned int who, unsigned int to)
{
	double ratios[ROUNDS_MAX];
	unsigned int i, n = f->n[who] < f->n[to] ? f->n[who] : f->n[to];

	for (i = 0; i < n; i++)
		ratios[i] = f->values[to][i] > 0 ? f->values[who][i] / f->values[to][i] : NAN;
	return median(ratios, n);
}

/* ---- running ---- */

static double cpu_ms(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e3 + (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e3;
}

/* All that the contestant has left behind too: this process reaps it. */
static void reap(const char *who, pid_t child, struct ran *ret)
{
	struct rusage u;
	int status;
	pid_t pid;

	if (waitpid(child, &status, 0) != child)
		die("wait", who);
	ret->wall_ms = now_ms() - ret->wall_ms;
	while ((pid = waitpid(-1, NULL, 0)) > 0 || errno == EINTR)
		;
	getrusage(RUSAGE_CHILDREN, &u);
	ret->cpu_ms = cpu_ms(&u) - ret->cpu_ms;
	if (status) {
		fprintf(stderr, "bench_run: %s ended with status 0x%x; it said: %.*s\n", who, (unsigned int)status, (int)ret->len, ret->out);
		exit(2);
	}
}

static void collect(const char *who, int fd, struct ran *ret)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	for (;;) {
		if (poll(&p, 1, RUN_MS) != 1)
			die("no end in sight", who);
		n = read(fd, ret->out + ret->len, sizeof(ret->out) - 1 - ret->len);
		if (n <= 0)
			break;
		ret->len += (size_t)n;
	}
	ret->out[ret->len] = '\0';
}

static void run(unsigned int who, char *const command[], struct ran *ret)
{
	char *argv[WORDS_MAX + 16];
	struct rusage u;
	unsigned int i, n = 0;
	int out[2];
	pid_t child;

	for (i = 0; i < bench.n_words[who]; i++)
		argv[n++] = bench.words[who][i];
	for (i = 0; command[i] && n < WORDS_MAX + 15; i++)
		argv[n++] = command[i];
	argv[n] = NULL;
	memset(ret, 0, sizeof(*ret));
	if (pipe2(out, O_CLOEXEC))
		die("pipe", NULL);
	getrusage(RUSAGE_CHILDREN, &u);
	ret->cpu_ms = cpu_ms(&u);
	ret->wall_ms = now_ms();
	ret->first_ms = -ret->wall_ms;
	child = fork();
	if (child < 0)
		die("fork", NULL);
	if (!child) {
		dup2(out[1], 1);
		execvp(argv[0], argv);
		die("exec", argv[0]);
	}
	close(out[1]);
	collect(bench.names[who], out[0], ret);
	close(out[0]);
	reap(bench.names[who], child, ret);
}

static void start_up(unsigned int who)
{
	char *const first[] = { "./first", NULL }, *const nothing[] = { "/usr/bin/true", NULL };
	struct timespec at;
	struct ran r;

	run(who, first, &r);
	if (r.len != sizeof(at)) {
		fprintf(stderr, "bench_run: %s did not start the program: %s\n", bench.names[who], r.out);
		exit(2);
	}
	memcpy(&at, r.out, sizeof(at));
	put("start to the first instruction", "ms", who, (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6 + r.first_ms);
	run(who, nothing, &r);
	put("`true`, start to end", "ms", who, r.wall_ms);
	put("`true`, processor time", "ms", who, r.cpu_ms);
}

static void build(unsigned int who)
{
	char *const make[] = { "make", "-s", "-j2", "-C", "src", NULL };
	struct ran r;

	if (system("rm -rf out/*"))
		die("cannot clean", "out");
	run(who, make, &r);
	if (access("out/libproject.a", R_OK))
		die("nothing was built", bench.names[who]);
	put("C build, make -j2", "ms", who, r.wall_ms);
	put("C build, processor time", "ms", who, r.cpu_ms);
}

static void micro(unsigned int who)
{
	char name[32], *line;
	char *const self[] = { "./bench_run", "--work", "deep/two/three/four/five/six/a-file-of-the-project.txt", NULL };
	struct ran r;
	double us;

	run(who, self, &r);
	for (line = strtok(r.out, "\n"); line; line = strtok(NULL, "\n"))
		if (sscanf(line, "%31s %lf", name, &us) == 2)
			put(name, "us", who, us);
}

static void rounds(unsigned int n, void (*once)(unsigned int who))
{
	unsigned int i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < bench.n_contestants; k++)
			once((i + k) % bench.n_contestants);
}

/* ---- around it ---- */

static void read_words(const char *name)
{
	unsigned int who = bench.n_contestants++;
	char path[256], line[1024];
	FILE *f;

	bench.names[who] = name;
	snprintf(path, sizeof(path), "%s.argv", name);
	f = fopen(path, "re");
	if (!f)
		die("cannot read", path);
	while (bench.n_words[who] < WORDS_MAX - 1 && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		bench.words[who][bench.n_words[who]++] = strdup(line);
	}
	fclose(f);
}

static void print_table(void)
{
	unsigned int i, who;

	printf("%-36s", "");
	for (who = 0; who < bench.n_contestants; who++)
		printf(who ? " %20s" : " %11s", bench.names[who]);
	printf("\n");
	for (i = 0; i < bench.n_figures; i++) {
		const struct figure *f = &bench.figures[i];

		printf("%s, %-*s", f->name, 34 - (int)strlen(f->name), f->unit);
		for (who = 0; who < bench.n_contestants; who++)
			if (who)
				printf(" %11.2f x%7.3f", median(f->values[who], f->n[who]), ratio(f, who, 0));
			else
				printf(" %11.2f", median(f->values[0], f->n[0]));
		printf("\n");
	}
}

static unsigned int find(const char *name)
{
	unsigned int i;

	for (i = 0; i < bench.n_contestants; i++)
		if (!strcmp(bench.names[i], name))
			return i;
	return CONTESTANTS_MAX;
}

/* A target is missed where its figure is not there: 1, else 0. */
static int target(const char *figure, const char *to, double at_most)
{
	unsigned int ours = find("vantioctl"), other = find(to), i;
	double r = NAN;

	for (i = 0; i < bench.n_figures; i++)
		if (!strcmp(bench.figures[i].name, figure) && ours < CONTESTANTS_MAX && other < CONTESTANTS_MAX)
			r = ratio(&bench.figures[i], ours, other);
	printf("%-6s  %s: vantioctl / %s %.3f (at most %g)\n", r <= at_most ? "PASS" : "MISSED", figure, to, r, at_most);
	return !(r <= at_most);
}

static unsigned int count_of(const char *name, unsigned int standard)
{
	const char *text = getenv(name);
	unsigned long n = text && *text ? strtoul(text, NULL, 10) : standard;

	return n < 1 ? 1 : n > ROUNDS_MAX ? ROUNDS_MAX : (unsigned int)n;
}

int main(int argc, char **argv)
{
	int missed = 0, i;

	if (argc == 3 && !strcmp(argv[1], "--work"))
		return work(argv[2]);
	if (argc < 4 || argc - 2 > CONTESTANTS_MAX) {
		fprintf(stderr, "usage: bench_run DIR bare CONTESTANT...\n");
		return 2;
	}
	if (chdir(argv[1]))
		die("cannot go to", argv[1]);
	for (i = 2; i < argc; i++)
		read_words(argv[i]);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	rounds(2, start_up); /* what is read from disk for the first time */
	bench.n_figures = 0;
	memset(bench.figures, 0, sizeof(bench.figures));
	rounds(count_of("START_ROUNDS", 60), start_up);
	rounds(count_of("BUILD_ROUNDS", 15), build);
	rounds(count_of("WORK_ROUNDS", 21), micro);
	print_table();
	missed += target("start to the first instruction", "bubblewrap", 1);
	missed += target("`true`, start to end", "bubblewrap", 1);
	missed += target("C build, make -j2", "bare", 1.05);
	return missed != 0;
}
