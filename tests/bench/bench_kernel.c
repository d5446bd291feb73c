// SPDX-License-Identifier: Apache-2.0
/*
 * What a decision costs in the kernel, over policies of growing size, and how soon a soft kill is seen: the functions that the
 * hooks call (decide*.bpf.c), run through `syscall` programs, so that it works natively where LSM programs cannot load. Beside
 * them, in the same run, the evaluator of user space. `bench_kernel [RULES...]`; the exit status says whether the bounds hold.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.skel.h"
#include "bench_abi.h"
#include "engine/image_map.h"
#include "gen_rules.h"
#include "scratch.h"
#include "targets.h"

#define SEED   42
#define RUNS   15
#define ROUNDS (25 * BENCH_TEXTS)
#define HALTS  1000

struct figures {
	double kernel_min, kernel_median, user_min, user_median; /* ns a decision */
	double bytes; /* mean of a path */
	uint32_t cells, permitted;
};

struct texts {
	struct bench_text items[BENCH_TEXTS];
	double bytes;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ---- a policy and paths over all of its rules ---- */

/* `more`: rules of [network], which comes last in the text. */
static int compile(uint32_t n, const char *more, struct vantio_image **ret, struct vantio_error *err)
{
	struct vantio_buf text = VANTIO_BUF_INIT;
	struct vantio_diagnostics diags = { 0 };
	struct vantio_policy *policy = NULL;
	int r;

	gen_policy_text(n, SEED, &text);
	vantio_buf_puts(&text, more);
	r = vantio_policy_parse(text.data, text.len, "bench.toml", NULL, &policy, &diags, err);
	if (r >= 0)
		r = vantio_image_compile(policy, NULL, ret, err);
	vantio_policy_free(policy);
	vantio_diagnostics_free(&diags);
	vantio_buf_free(&text);
	return r < 0 ? r : 0;
}

static void draw(uint32_t n, struct texts *t)
{
	uint64_t rng = SEED + 1;
	char path[GEN_PATH_MAX];
	size_t i, len, total = 0;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < BENCH_TEXTS; i++) {
		do
			len = gen_path(n, SEED, &rng, path);
		while (len > BENCH_TEXT_MAX);
		t->items[i].len = (uint32_t)len;
		memcpy(t->items[i].bytes + BENCH_TEXT_MAX - len, path, len);
		total += len;
	}
	t->bytes = (double)total / BENCH_TEXTS;
}

/* ---- the engine's map and programs ---- */

/* The verifier's log can be thousands of lines: its last ones say what is wrong. */
static int print_end(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	cleanup_free char *text = NULL;
	size_t len;

	if (level != LIBBPF_WARN || vasprintf(&text, fmt, ap) < 0)
		return 0;
	len = strlen(text);
	return fputs(len > 1500 ? text + len - 1500 : text, stderr);
}

static struct bench_bpf *load(struct vantio_error *err)
{
	struct bench_bpf *skel = bench_bpf__open();
	struct bpf_program *prog;

	if (!skel) {
		vantio_fail(err, errno, "cannot open the programs: %s", strerror(errno));
		return NULL;
	}
	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, !strncmp(bpf_program__name(prog), "bench_", 6));
	bpf_map__set_max_entries(skel->maps.vantio_scratches, (uint32_t)libbpf_num_possible_cpus() * VANTIO_SCRATCH_DEPTH);
	if (bench_bpf__load(skel)) {
		vantio_fail(err, errno, "cannot load the programs: %s%s", strerror(errno), errno == EPERM ? "; run as root" : "");
		bench_bpf__destroy(skel);
		return NULL;
	}
	return skel;
}

static int put_image(struct bench_bpf *skel, const struct vantio_image *image, struct vantio_error *err)
{
	const uint32_t slot = 0;
	cleanup_close int map = -1;
	int r = vantio_image_map_create(image, "bench", 1, NULL, 0, &map, err);

	if (r)
		return r;
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.vantio_policies), &slot, &map, BPF_ANY))
		return vantio_fail(err, errno, "cannot put the image into its slot: %s", strerror(errno));
	return 0;
}

static int put_texts(struct bench_bpf *skel, const struct texts *t, struct vantio_error *err)
{
	uint32_t i;

	for (i = 0; i < BENCH_TEXTS; i++)
		if (bpf_map_update_elem(bpf_map__fd(skel->maps.bench_texts), &i, &t->items[i], BPF_ANY))
			return vantio_fail(err, errno, "cannot stage a path: %s", strerror(errno));
	return 0;
}

static int run_prog(const struct bpf_program *prog, void *ctx, size_t size, struct vantio_error *err)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = ctx, .ctx_size_in = (uint32_t)size); /* written back into ctx */

	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
		return vantio_fail(err, errno, "cannot run %s: %s", bpf_program__name(prog), strerror(errno));
	return opts.retval ? vantio_fail(err, EIO, "%s failed", bpf_program__name(prog)) : 0;
}

/* ---- decisions ---- */

static uint32_t user_round(const struct vantio_image *image, const struct texts *t, uint32_t rounds)
{
	uint32_t permitted = 0, i;

	for (i = 0; i < rounds; i++) {
		const struct bench_text *text = &t->items[i % BENCH_TEXTS];

		permitted += vantio_image_judge(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ, text->bytes + BENCH_TEXT_MAX - text->len,
						text->len).decision == VANTIO_PERMIT;
	}
	return permitted;
}

static int measure(struct bench_bpf *skel, uint32_t n, struct texts *t, struct figures *f, struct vantio_error *err)
{
	struct bench_decide ctx = { .domain = VANTIO_DOMAIN_FILE, .access = VANTIO_ACCESS_READ, .n_texts = BENCH_TEXTS, .rounds = ROUNDS };
	cleanup_image struct vantio_image *image = NULL;
	double kernel[RUNS], user[RUNS];
	uint64_t from;
	int r, i;

	r = compile(n, "", &image, err);
	if (r)
		return r;
	draw(n, t);
	r = put_image(skel, image, err);
	if (!r)
		r = put_texts(skel, t, err);
	for (i = 0; i < RUNS && !r; i++) {
		r = run_prog(skel->progs.bench_decide, &ctx, sizeof(ctx), err);
		kernel[i] = (double)ctx.ns / ROUNDS;
		from = now_ns(CLOCK_THREAD_CPUTIME_ID); /* the kernel's program is not preempted, this can be */
		f->permitted = user_round(image, t, ROUNDS);
		user[i] = (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - from) / ROUNDS;
		if (!r && (ctx.bad || ctx.permitted != f->permitted))
			return vantio_fail(err, EIO, "%u rules: the kernel permits %u of %u (%u without an answer), user space %u", n,
					   ctx.permitted, ROUNDS, ctx.bad, f->permitted);
	}
	if (r)
		return r;
	qsort(kernel, RUNS, sizeof(*kernel), by_value);
	qsort(user, RUNS, sizeof(*user), by_value);
	f->kernel_min = kernel[0];
	f->kernel_median = kernel[RUNS / 2];
	f->user_min = user[0];
	f->user_median = user[RUNS / 2];
	f->bytes = t->bytes;
	f->cells = image->n_cells;
	return 0;
}

static bool decisions(struct bench_bpf *skel, int n, char **args)
{
	static const uint32_t sizes[] = { 10, 100, 1000, 10000, 100000 };
	struct texts *t = malloc(sizeof(*t));
	struct figures f = { 0 }, ten = { 0 }, many = { 0 };
	struct vantio_error err = {};
	int i;
	bool held;

	printf("\nns a decision\n%8s %9s %7s %11s %7s %11s %7s %9s\n", "rules", "cells", "bytes", "kernel min", "median", "user min", "median", "permitted");
	for (i = 0; t && i < (n ? n : (int)VANTIO_ARRAY_SIZE(sizes)); i++) {
		const uint32_t rules = n ? (uint32_t)strtoul(args[i], NULL, 10) : sizes[i];

		if (!rules || measure(skel, rules, t, &f, &err)) {
			fprintf(stderr, "bench_kernel: %s\n", rules ? err.text : "usage: bench_kernel [RULES...]");
			free(t);
			return false;
		}
		printf("%8u %9u %7.1f %11.1f %7.1f %11.1f %7.1f %8.1f%%\n", rules, f.cells, f.bytes, f.kernel_min, f.kernel_median, f.user_min,
		       f.user_median, 100.0 * f.permitted / ROUNDS);
		fflush(stdout);
		if (rules == 10)
			ten = f;
		if (rules == 10000)
			many = f;
	}
	free(t);
	if (ten.cells == 0 || many.cells == 0)
		return true;
	printf("\n");
	held = target("a decision in the kernel with 10,000 rules, a path of 60 bytes", many.kernel_median * 60 / many.bytes, 500, "ns");
	held &= target("the same over that with 10 rules", many.kernel_median / ten.kernel_median, 3, "x");
	return held;
}

/* ---- the kill switch ---- */

struct halt {
	const struct bpf_program *prog;
	struct bench_halt ctx;
	struct vantio_error err;
	int r;
};

/* Neither of the two threads should wait for somebody else's program; without the privilege the figures are only noisier. */
static void hurry(int cpu)
{
	const struct sched_param param = { .sched_priority = 1 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % (int)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
	pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
}

static void *halt_thread(void *arg)
{
	struct halt *h = arg;

	hurry(1);
	h->r = run_prog(h->prog, &h->ctx, sizeof(h->ctx), &h->err);
	return NULL;
}

static int write_agent(struct bench_bpf *skel, uint32_t state, struct vantio_error *err)
{
	struct vantio_agent agent = { .state = state, .instance = 1, .name = "bench" };
	const uint32_t one = 1;

	if (bpf_map_update_elem(bpf_map__fd(skel->maps.vantio_agents), &one, &agent, BPF_ANY))
		return vantio_fail(err, errno, "cannot write the agent: %s", strerror(errno));
	return 0;
}

/* One soft kill of an agent that decides without pause on another processor; ns from the update to the refusal. */
static int halt_once(struct bench_bpf *skel, double *ret, struct vantio_error *err)
{
	struct halt h = { .prog = skel->progs.bench_halt, .ctx = { .agent = 1, .rounds = 1u << 23 } };
	volatile uint32_t *running = &skel->bss->bench_running;
	uint64_t from, updated;
	pthread_t thread;
	int r = write_agent(skel, VANTIO_AGENT_ENROLLED, err);

	if (r)
		return r;
	if (pthread_create(&thread, NULL, halt_thread, &h))
		return vantio_fail(err, errno, "cannot start a thread: %s", strerror(errno));
	while (*running < 1000 && !h.r) /* decisions of this run so far */
		sched_yield();
	from = now_ns(CLOCK_MONOTONIC);
	r = write_agent(skel, VANTIO_AGENT_SOFT_KILL, err);
	updated = now_ns(CLOCK_MONOTONIC);
	pthread_join(thread, NULL);
	if (r || h.r) {
		if (h.r)
			*err = h.err;
		return -1;
	}
	if (!h.ctx.refused || h.ctx.decided < 1000)
		return vantio_fail(err, EIO, "%u decisions and no refusal after the kill switch was flipped", h.ctx.decided);
	if (h.ctx.last_ns > updated)
		return vantio_fail(err, EIO, "a decision that began after the map update was still permitted");
	*ret = (double)(h.ctx.ended_ns - from);
	return 0;
}

static bool halts(struct bench_bpf *skel)
{
	cleanup_image struct vantio_image *image = NULL;
	struct vantio_error err = {};
	double ns[HALTS];
	int i, r;

	r = compile(10, "connect = [\"127.0.0.1:443\"]\n", &image, &err);
	if (!r)
		r = put_image(skel, image, &err);
	hurry(0);
	for (i = 0; i < HALTS && !r; i++)
		r = halt_once(skel, &ns[i], &err);
	if (r) {
		fprintf(stderr, "bench_kernel: %s\n", err.text);
		return false;
	}
	qsort(ns, HALTS, sizeof(*ns), by_value);
	printf("\nsoft kill, %d times: from the map update to the refusal on another processor: median %.1f us, 99%% %.1f us, most %.1f us\n\n",
	       HALTS, ns[HALTS / 2] / 1e3, ns[HALTS * 99 / 100] / 1e3, ns[HALTS - 1] / 1e3);
	return target("from the map update to the first refusal (worst of all)", ns[HALTS - 1] / 1e6, 1, "ms");
}

int main(int argc, char **argv)
{
	struct vantio_error err = {};
	struct bench_bpf *skel;
	bool held;

	libbpf_set_print(print_end);
	skel = load(&err);

	if (!skel) {
		fprintf(stderr, "bench_kernel: %s\n", err.text);
		return 1;
	}
	held = decisions(skel, argc - 1, argv + 1);
	held &= halts(skel);
	bench_bpf__destroy(skel);
	return held ? 0 : 1;
}
