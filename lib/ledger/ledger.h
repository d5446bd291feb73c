/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger (DESIGN 7, vantio-ledger(5)): a folder of append-only segments, an RFC 6962 hash tree over their lines, and a
 * C2SP checkpoint signed with Ed25519. The log is the truth; the SQLite index can be rebuilt from it.
 *
 * Writer: one at a time (a lock on the folder). Append is group commit: lines are staged, then vantio_ledger_commit() writes and
 * fdatasyncs segments and sidecars, writes tiles, signs, renames the checkpoint, fsyncs the folder. Only what a checkpoint
 * covers is acknowledged. After a failed write or fsync every later call fails: the writer must be closed. One thread may call;
 * vantio_ledger_submit() has a second one commit while the first goes on staging.
 */
#ifndef VANTIO_LEDGER_LEDGER_H
#define VANTIO_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/record.h"

#define VANTIO_SEGMENT_RECORDS 65536u

struct vantio_ledger; /* a writer */

/*
 * Opens `dir` for writing; makes it (0700), its key and a size-0 checkpoint if it is not there. EBUSY names the process that
 * holds it. EPROTO: a ledger of another version or a half-written key, with the mend in `err`.
 */
int vantio_ledger_open(const char *dir, struct vantio_ledger **ret, struct vantio_error *err);
/* What recovery did while opening, a sentence each; NULL beyond the last. Worth a warning. */
const char *vantio_ledger_notice(const struct vantio_ledger *l, size_t i);
struct vantio_vkey;
/* The key that signs now. Borrowed. */
const struct vantio_vkey *vantio_ledger_vkey(const struct vantio_ledger *l);
/*
 * Stages one record: sets its leaf, draws its salts, and raises mono_ns where an event arrived out of order (the log's clock
 * never runs back within a boot). Not durable before commit; a very full stage is submitted by itself.
 */
int vantio_ledger_append(struct vantio_ledger *l, struct vantio_record *r, struct vantio_error *err);
/* Makes everything staged durable and covered by a new checkpoint. No staged records: does nothing. */
int vantio_ledger_commit(struct vantio_ledger *l, struct vantio_error *err);
/*
 * Hands everything staged to a thread that commits it, and returns; at most one batch is under way, so that a call may wait for the
 * one before. vantio_ledger_size() says what is durable, vantio_ledger_commit() waits for all; a failure is told by the next call.
 */
int vantio_ledger_submit(struct vantio_ledger *l, struct vantio_error *err);
size_t vantio_ledger_staged(const struct vantio_ledger *l); /* records */
uint64_t vantio_ledger_size(const struct vantio_ledger *l); /* records that the checkpoint covers */

/* ---- forward security: the key that signs is put out of use, and its successor is named in the log ---- */

struct vantio_rotation {
	uint64_t epoch;  /* the new one */
	uint64_t sealed; /* records that the epochs before it hold */
	char kept[256];  /* why the old private key could not be erased, a sentence; "" if it was */
};

/*
 * Commits what is staged, has the present key seal it and name a new one, signs on with that, and erases the old private key in
 * memory and in its file. Epochs may be empty. After a failure the old key signs on, or the ledger must be opened anew (every
 * later call says so); opening finishes what was cut short.
 */
int vantio_ledger_rotate(struct vantio_ledger *l, struct vantio_rotation *ret, struct vantio_error *err);
uint64_t vantio_ledger_epoch(const struct vantio_ledger *l);
/* Whether it is the ledger in that folder, as stat(2) names it. */
bool vantio_ledger_is_in(const struct vantio_ledger *l, uint64_t dev, uint64_t ino);
/* How long ago the key that signs now was made, in nanoseconds of the wall clock; 0 if that ran back. */
int vantio_ledger_key_age(const struct vantio_ledger *l, uint64_t *ret_ns, struct vantio_error *err);

/* ---- erasing private values ---- */

struct vantio_erasure {
	uint64_t records, values; /* of so many records so many values were erased, or would be */
	uint64_t segments;        /* sidecars that were written anew */
	uint64_t linked;          /* of those, old files that another name still holds: they were not overwritten */
	bool recorded;
	uint64_t leaf;            /* of the record of the erasure, if there is one */
};

/*
 * Erases the private fields of those names from every record of a wall-clock time before `before_ns`; with `resource` and `syscall_args`
 * goes `args_salt`. `dry`: only counts. The erasure is recorded first, if there is anything to erase; records of erasures
 * keep theirs. EBADMSG: a private line, or the record it belongs to, is damaged: nothing was erased.
 */
int vantio_ledger_erase(struct vantio_ledger *l, const char *const *fields, size_t n_fields, uint64_t before_ns, bool dry,
			struct vantio_erasure *ret, struct vantio_error *err);
/* Releases the lock; what is staged and neither committed nor submitted is dropped. NULL is fine. */
void vantio_ledger_close(struct vantio_ledger *l);

enum vantio_ledger_verdict {
	VANTIO_LEDGER_OK = 0,
	VANTIO_LEDGER_UNANCHORED, /* OK, but a return to an older signed state cannot be excluded */
	VANTIO_LEDGER_FAIL,
	VANTIO_LEDGER_INCONCLUSIVE,
};

struct vantio_ledger_report {
	enum vantio_ledger_verdict verdict;
	uint64_t records;
	bool has_leaf;
	uint64_t leaf;    /* the first bad one, if has_leaf */
	char reason[512]; /* of FAIL and INCONCLUSIVE; escaped */
	char origin[256];
	char root[65];    /* hex */
	uint64_t first, end; /* leaves that were read, of the 0 to `records` that are signed */
	uint64_t epochs;  /* of keys, the first included */
	bool index_checked; /* it was there and compared */
	uint64_t anchored;  /* records that an older head from outside of the folder covers: --against, or one that was remembered */
	size_t witnesses;       /* that cosigned, where a quorum was demanded */
	uint64_t witnessed;     /* records that the quorum stands by */
	uint64_t witnessed_s;   /* since when, seconds since 1970 */
	char notes[12][256]; /* what is worth saying and no failure */
	size_t n_notes;
};

struct vantio_quorum;
struct vantio_verify_options {
	const char *vkey;    /* genesis verifier key as text, or NULL: the ledger's own epochs/00000000, which proves only that the folder agrees with itself */
	const char *against; /* file of a checkpoint kept elsewhere, or NULL */
	const char *head;    /* a checkpoint that was read before, or NULL: demanded as `against` is, but anchors nothing */
	size_t head_len;
	const struct vantio_quorum *quorum; /* witnesses who must have cosigned the checkpoint, or that of `against`; or NULL */
	/* A part: whole segments, from the one on that holds this leaf, or records of this wall-clock time; or one. 0: all. */
	uint64_t since_leaf, since_ns;
	bool has_segment;
	uint64_t segment;
	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* records; NULL: not told */
	void *progress_ctx;
	const char *state_dir; /* remembered heads; NULL: none is read or kept */
};

/* Never writes to `dir`. 0 whenever `ret` holds a verdict, whatever it is. */
int vantio_ledger_verify(const char *dir, const struct vantio_verify_options *opts, struct vantio_ledger_report *ret,
			 struct vantio_error *err);

#endif
