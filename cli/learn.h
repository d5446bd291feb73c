/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of `policy learn` share. */
#ifndef VANTIO_CLI_LEARN_H
#define VANTIO_CLI_LEARN_H

#include "policy/learn.h"
#include "policy_input.h"
#include "recorded.h"

#define LEARN_REFUSED_MAX 20 /* that are told apart */

/* Refused by what was learned, though it was not left out. */
struct learn_refused {
	char *op, *target, *target2; /* owned, raw */
	char rule[40];
	uint64_t decisions;
};

struct learning {
	struct cli *cli;
	struct cli_policy base;       /* .policy NULL: none */
	struct vantio_image *base_image;
	struct vantio_learn *learn;
	struct vantio_learn_result result;
	const char *name, *agent;
	uint64_t records, decisions;  /* records that were looked at; decisions that rules made and text can speak of */
	uint64_t known;               /* of these the base allows already */
	uint64_t other, erased, damaged, unaskable;
	uint64_t permitted, left_out, unsettled, refused; /* by what was learned */
	struct {
		uint64_t minute, now, most; /* attempts that [limits] counts: in the present minute, and in the fullest */
	} limits[VANTIO_LIMIT_MAX];
	struct learn_refused examples[LEARN_REFUSED_MAX];
	size_t n_examples;
	bool verifying;
};

/* For recorded_each(): first to learn, then, with `verifying`, to hold what was learned against it. */
int learn_take(void *ctx, const struct vantio_hit *hit, struct vantio_error *err);

/* Asks, on a terminal, about what is not opened without it; the number that was opened. */
size_t learn_ask(struct learning *g);

/* The text of the finished policy, with what it was learned from in front. Owned by the caller; NULL: memory ran out. */
char *learn_text(const struct learning *g);
/* What came of it: a document on `out`, or words on standard error. */
void learn_report(struct learning *g, const char *text, const char *file, bool to_stderr);

#endif
