/* SPDX-License-Identifier: Apache-2.0 */
/* Plays the table under a tier, and holds what happened and what was recorded against what the rows say. */
#ifndef VANTIO_TABLE_ROWS_H
#define VANTIO_TABLE_ROWS_H

#include <sys/types.h>

#include "table.h"

#define ROWS_MIN 200 /* that every tier must have run */

/* How a tier runs the player. */
struct rows_tier {
	enum table_tier tier;
	uid_t uid;          /* of an ordinary user */
	const char *mark;   /* the program that rows execute copies of */
	const char *ledger; /* the folder */
	/* Before the players of a policy start, when the world is as it should be. NULL: nothing. */
	void (*begin)(const struct rows_tier *tier, const struct table_policy *p);
	/* Starts the player under a policy, as `uid`, with these descriptors for its input and output. False if it did not start. */
	pid_t (*start)(const struct rows_tier *tier, const struct table_policy *p, uid_t uid, int in, int out);
	/* After the players of a policy have ended: whatever must be done for their records to be in the ledger. NULL: nothing. */
	void (*collect)(const struct rows_tier *tier);
	const char *const *only; /* names of policies, NULL behind the last; NULL: all of them */
	void *ctx;
};

struct rows_count {
	size_t run, agreed, wrong;
	size_t *passed; /* of each reason: rows that the tier cannot have */
};

/* Each disagreement is a line "# file:line: TIER: ...". */
void rows_play(const struct table *t, const struct rows_tier *tier, struct rows_count *ret);

/* "TIER: N rows run, N agreed, N it cannot have" and the reasons, as `# told` lines. */
void rows_tell(const struct table *t, enum table_tier tier, const struct rows_count *c);

void rows_pass(const struct table *t, const struct table_reason *why, struct rows_count *c);
__attribute__((format(printf, 3, 4)))
void rows_wrong(const struct table_row *row, enum table_tier tier, const char *fmt, ...);

#endif
