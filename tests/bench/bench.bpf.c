// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs that user space runs to time decisions where LSM programs cannot load: linked with decide*.bpf.c, they call the very
 * functions that the hooks call.
 */
#include "bench_abi.h"
#include "decide.h"
#include "eval.h"
#include "scratch.h"

char bench_license[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_TEXTS);
	__type(key, __u32);
	__type(value, struct bench_text);
} bench_texts SEC(".maps");

struct bench_area {
	struct vantio_text text;
	struct vantio_answer answer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_area);
} bench_areas SEC(".maps");

__u32 bench_running; /* decisions of bench_halt so far */

struct decide_run {
	struct bench_area *area;
	__u32 slot, domain, access, n_texts, permitted, bad;
};

static long decide_round(__u32 i, struct decide_run *run)
{
	struct bench_area *area = run->area;
	__u32 key = i % run->n_texts, k;
	struct bench_text *text = bpf_map_lookup_elem(&bench_texts, &key);
	struct vantio_verdict v;

	if (!text)
		return 1;
	/* As when the path has just been built: in the working memory, and in the cache. */
	area->text.off = VANTIO_PATH_MAX - text->len;
	for (k = 0; k < BENCH_TEXT_MAX; k += 8)
		*(__u64 *)(area->text.bytes + VANTIO_PATH_MAX - BENCH_TEXT_MAX + k) = *(__u64 *)(text->bytes + k);
	vantio_scan(run->slot, run->domain, &area->text, &area->answer);
	v = vantio_conclude(area->answer.allow_mask, area->answer.deny_mask, area->answer.bad, area->answer.default_allow, run->access);
	run->permitted += v.decision == VANTIO_PERMIT;
	run->bad += area->answer.bad;
	return 0;
}

SEC("syscall")
int bench_decide(struct bench_decide *ctx)
{
	struct decide_run run = {};
	__u32 zero = 0;
	__u64 start;

	run.area = bpf_map_lookup_elem(&bench_areas, &zero);
	run.slot = ctx->slot;
	run.domain = ctx->domain;
	run.access = ctx->access;
	run.n_texts = ctx->n_texts;
	if (!run.area || !run.n_texts)
		return 1;
	start = bpf_ktime_get_ns();
	bpf_loop(ctx->rounds, decide_round, &run, 0);
	ctx->ns = bpf_ktime_get_ns() - start;
	ctx->permitted = run.permitted;
	ctx->bad = run.bad;
	return 0;
}

struct halt_run {
	struct vantio_ask_net ask;
	struct vantio_label label;
	__u64 began, last;
	__u32 decided, refused;
};

static long halt_round(__u32 i, struct halt_run *run)
{
	__u64 now = bpf_ktime_get_ns();

	bench_running = ++run->decided;
	if (vantio_decide_net(&run->ask, &run->label)) {
		run->began = now;
		run->refused = 1;
		return 1;
	}
	run->last = now;
	return 0;
}

SEC("syscall")
int bench_halt(struct bench_halt *ctx)
{
	struct halt_run run = {};

	run.ask.family4 = 1;
	run.ask.access = VANTIO_ACCESS_CONNECT;
	run.ask.hook = VANTIO_HOOK_SOCKET_CONNECT;
	run.ask.op = VANTIO_OP_CONNECT;
	run.ask.addr[0] = 127;
	run.ask.addr[3] = 1;
	run.ask.port = 443;
	run.ask.flags = VANTIO_ASK_SILENT;
	run.label.agent = ctx->agent;
	run.label.instance = 1;
	bpf_loop(ctx->rounds, halt_round, &run, 0);
	ctx->ended_ns = bpf_ktime_get_ns();
	bench_running = 0;
	ctx->began_ns = run.began;
	ctx->last_ns = run.last;
	ctx->decided = run.decided;
	ctx->refused = run.refused;
	return 0;
}
