/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From decisions of the user tier to the ledger. A thread of its own writes, so that neither opening a ledger nor making records durable
 * holds up the target; no ledger is touched before there is something to record. A ledger has one writer at a time: the folder is given
 * back when nothing has come for a while, and a run that finds it taken waits its turn with its records in memory. The memory is
 * bounded: a target that is faster than the disk waits.
 */
#ifndef VANTIO_SANDBOX_JOURNAL_H
#define VANTIO_SANDBOX_JOURNAL_H

#include "policy/image.h"
#include "record/record.h"

#define VANTIO_REFUSALS_MAX 64 /* different ones that are told apart; further ones are only counted */

struct vantio_journal_options {
	const char *ledger_dir; /* borrowed, as all below */
	const char *tier;
	const struct vantio_policy *policy;
	const struct vantio_resolution *res; /* or NULL */
};

/* What was refused, or under audit and observe would have been. */
struct vantio_refusal {
	char *op, *rule;        /* owned */
	char *resource;         /* owned: path, address or words, raw bytes escaped */
	enum vantio_object object;
	enum vantio_decision decision;
	bool enforced;
	uint64_t count;
};

struct vantio_journal_summary {
	struct vantio_refusal *items; /* owned; in the order of their first appearance */
	size_t n;
	uint64_t refused, would_refuse, recorded;
};

struct vantio_journal;

int vantio_journal_open(const struct vantio_journal_options *options, struct vantio_journal **ret, struct vantio_error *err);
/* To poll(2): readable when records cannot be written any more. Borrowed. */
int vantio_journal_failed_fd(const struct vantio_journal *j);
/* Copies the event and its bytes (lengths are in the event). Waits while too much is not yet written. */
void vantio_journal_put(struct vantio_journal *j, const struct vantio_event *e, const char *path, const char *path2, const char *exe);
/* Waits until everything is durable, and closes. *ret is the caller's whatever is returned. NULL is fine. */
int vantio_journal_close(struct vantio_journal *j, struct vantio_journal_summary *ret, struct vantio_error *err);
void vantio_journal_summary_clear(struct vantio_journal_summary *s);

#endif
