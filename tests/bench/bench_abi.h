/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between bench_kernel.c and the programs of bench.bpf.c. */
#ifndef VANTIO_BENCH_ABI_H
#define VANTIO_BENCH_ABI_H

#include "abi.h"

#define BENCH_TEXTS    4096
#define BENCH_TEXT_MAX 128

/* A text to decide on, at the end of its bytes, as paths are built. */
struct bench_text {
	__u32 len;
	__u32 pad;
	__u8 bytes[BENCH_TEXT_MAX];
};

/* Of bench_decide: the texts in turn, `rounds` decisions. */
struct bench_decide {
	__u32 slot;
	__u32 domain;
	__u32 access;
	__u32 n_texts;
	__u32 rounds;
	__u32 permitted; /* result: decisions that were VANTIO_PERMIT */
	__u32 bad;       /* result: decisions for want of an image */
	__u32 pad;
	__u64 ns;        /* result: of all rounds */
};

/* Of bench_halt: decides about one address until the answer is a refusal. */
struct bench_halt {
	__u32 agent;
	__u32 rounds;    /* at most */
	__u32 decided;   /* result: decisions, the refusal included */
	__u32 refused;   /* result */
	__u64 began_ns;  /* result: when the refused decision began; CLOCK_MONOTONIC */
	__u64 ended_ns;  /* result: when it was made */
	__u64 last_ns;   /* result: when the last permitted decision began */
};

#endif
