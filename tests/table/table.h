/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table that every tier is held to: the files of tests/table that files.h names, read by all who run it.
 *
 *     reason KEY TEXT...                    why a tier cannot have a row
 *     dir|file|prog|script|to|hard|pipe NAME [WHAT]      the world: what is there before each row
 *     policy NAME [; not TIER KEY]          the rows below are under policies/NAME.toml
 *     OP ARG... = VERDICT [RULE] [; ...]    a row
 *
 * OP is one of act.c; VERDICT is allow, deny, or audit (refused by the policy, which only says so); RULE is what records and
 * `policy explain` name: a list and the rule's text ("file.deny $T/secret"), or a name as it is ("file.default", "kernel.mount").
 * What may stand behind a row:
 *
 *     ; as OP TARGET [TARGET]   how the evaluator is asked, which sees the text alone: where a link leads, which of two questions
 *     ; not TIER KEY            evaluator, user or kernel cannot have the row
 *     ; needs KEY               the row is passed over where it fails ungoverned
 *     ; root                    ungoverned root alone can do it: the kernel's player is root, the user tier's is refused all the same
 *     ; recorded OP             the tiers' records call it so
 *     ; silent                  it is not recorded, whatever the policy asks for
 *     ; at TARGET               where it arrives
 *
 * Words are separated by blanks, or in "quotes"; there \xHH is a byte and \ takes the next one as it is. $T is the world's folder, $L a name
 * of 200 bytes.
 */
#ifndef VANTIO_TABLE_TABLE_H
#define VANTIO_TABLE_TABLE_H

#include <stdio.h>

#include "act.h"
#include "policy/policy.h"

enum table_tier { TIER_EVALUATOR = 0, TIER_USER, TIER_KERNEL, TIER_MAX };
extern const char *const table_tiers[TIER_MAX];

enum table_verdict { TABLE_ALLOW = 0, TABLE_DENY, TABLE_AUDIT };

struct table_reason {
	char *key, *text;
};

struct table_policy {
	char *name;
	char *text;  /* with $T expanded */
	size_t len;
	struct vantio_policy *policy;
	const struct table_reason *not[TIER_MAX];
};

struct table_row {
	const char *file; /* "files.rows" */
	unsigned int line;
	size_t policy;    /* of table.policies */
	int op;
	char *arg[2];
	enum table_verdict verdict;
	char rule[64];    /* as records have it, "" if none was named */
	char *as, *target[2];  /* the evaluator's question */
	const char *recorded;  /* NULL: as the evaluator is asked */
	char *at;
	const struct table_reason *not[TIER_MAX], *needs;
	bool root, silent;
	char *said; /* the row as it stands there */
};

struct table_thing {
	char *kind, *name, *what;
};

struct table {
	char dir[200];   /* tests/table, where the files are */
	char world[200]; /* $T */
	struct table_reason *reasons;
	struct table_policy *policies;
	struct table_row *rows;
	struct table_thing *things;
	size_t n_reasons, n_policies, n_rows, n_things;
};

/* Reads world.rows and the named files. On an error it is printed as "file:line: ..." and the process ends with 2. */
void table_read(struct table *t, const char *dir, const char *world, const char *const *files, size_t n_files);

#endif
