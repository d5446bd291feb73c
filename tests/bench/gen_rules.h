/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies of any size for benchmarks, and paths drawn over all of their rules. The names are random words and numbers, so that
 * rules share no more than those of a real machine do. The same seed gives the same policy and the same paths.
 */
#ifndef VANTIO_BENCH_GEN_RULES_H
#define VANTIO_BENCH_GEN_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define GEN_PATH_MAX 256

/*
 * The text of a policy with `n` path rules: folders with all below, file names with a star, single files, alternatives, and one
 * in ten a deny at any depth.
 */
void gen_policy_text(uint32_t n, uint64_t seed, struct vantio_buf *out);

/* Draws a rule of that policy and writes a path of about 60 bytes that it matches; returns its length. */
size_t gen_path(uint32_t n, uint64_t seed, uint64_t *rng, char out[GEN_PATH_MAX]);

uint64_t gen_random(uint64_t *rng); /* splitmix64 */

#endif
