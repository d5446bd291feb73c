/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a draft would have decided over records: each is asked again, as `policy explain` would ask it, and verdicts that come out
 * otherwise are grouped by what the draft says. Memory: a group a rule, with so many examples each; records are not kept.
 */
#ifndef VANTIO_CLI_REPLAY_H
#define VANTIO_CLI_REPLAY_H

#include "ledger/reader.h"
#include "policy_answer.h"

struct replay_example {
	char *op, *target, *target2; /* owned, raw; the targets may be NULL */
	char *was;                   /* owned: the rule of the record, escaped once; "" where it names none */
	uint64_t leaf, decisions;    /* the first of them */
};

struct replay_group { /* records that were decided otherwise and of which the draft says one thing */
	struct vantio_explanation verdict;
	struct replay_example *examples; /* owned; the first kinds that came */
	size_t n;
	uint64_t decisions, more; /* of all, and of those beyond the examples */
};

struct replay {
	const struct vantio_policy *policy; /* borrowed, as is the image */
	const struct vantio_image *image;
	size_t max_examples;
	struct replay_group *groups; /* owned */
	size_t n;
	/* decisions; a record may stand for several */
	uint64_t records, same, denied, allowed; /* denied: were permitted */
	uint64_t erased, damaged; /* what was asked for is gone, or is not what the record commits to */
	uint64_t other;     /* by limits, the kill switch, the engine's own protection, or no decision on an operation */
	uint64_t unsettled; /* an address that a host name of the draft may stand for */
	uint64_t unaskable; /* not a question to the text of a policy: a socket family, a file without a path */
	uint64_t permits;   /* records that permit */
};

/* For vantio_reader_find(). */
int replay_take(void *ctx, const struct vantio_hit *hit, struct vantio_error *err);
/* New refusals first, the most frequent first. */
void replay_sort(struct replay *r);
void replay_free(struct replay *r);

#endif
