/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of verification: findings, one segment's check, duplicates, remembered heads. Shared by verify*.c only. */
#ifndef VANTIO_LEDGER_VERIFY_H
#define VANTIO_LEDGER_VERIFY_H

#include <sodium.h>

#include "ledger/checkpoint.h"
#include "ledger/cosign.h"
#include "ledger/index.h"
#include "ledger/keys.h"
#include "ledger/ledger.h"
#include "ledger/tile.h"

#define VANTIO_SEGMENT_HEIGHT 16
_Static_assert(1u << VANTIO_SEGMENT_HEIGHT == VANTIO_SEGMENT_RECORDS, "a segment is one subtree");

/* What is the matter, and where. Of several, the one with the lowest leaf is kept. */
struct vantio_finding {
	bool found, has_leaf;
	bool unjudged; /* an unreadable part: nothing can be said */
	bool index;    /* it is the index that is wrong */
	uint64_t leaf;
	char reason[400];
};

void vantio_finding_at(struct vantio_finding *f, uint64_t leaf, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void vantio_finding_set(struct vantio_finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* An error of reading: FAIL where the folder is not as it must be, unjudged where this process could not look. */
void vantio_finding_error(struct vantio_finding *f, const struct vantio_error *err, uint64_t leaf, const char *what);
void vantio_finding_merge(struct vantio_finding *to, const struct vantio_finding *from);

/* A size and the root that the log must have had at it. */
struct vantio_anchor {
	uint64_t size;
	struct vantio_hash root;
	char what[200]; /* "the checkpoint 'x'", for messages */
};

struct vantio_print { /* of a record id or a nonce, keyed, so that nobody can make two collide */
	uint8_t b[16];
};

/* Records of one boot that stand side by side. */
struct vantio_run {
	struct vantio_print boot;
	uint64_t leaf; /* the first */
	uint64_t first_ns, last_ns; /* of the monotonic clock */
	bool begun;
};

/* The last run of each boot that was seen, by its print. */
struct vantio_boots {
	struct vantio_run *slots; /* owned */
	size_t n, size; /* size: a power of two */
};

/* The check of one segment: independent of all others, so that they can run side by side. */
struct vantio_segment_check {
	/* in */
	int dirfd;
	uint64_t segment, n; /* number, and lines that the checkpoint covers */
	bool pass; /* it was not asked for: its tiles stand for it */
	bool last; /* bytes behind the covered ones are a note, not a failure */
	const struct vantio_anchor *anchors; /* those with first < size <= first + n, ascending; borrowed */
	size_t n_anchors;
	const uint8_t *print_key; /* 16 bytes */
	struct vantio_index *index; /* NULL: not compared */
	uint64_t index_rows; /* leaves below this one have a row */
	/* out */
	struct vantio_finding log;     /* lines that are missing or cannot be read */
	struct vantio_finding content; /* lines that no writer writes, private lines that match nothing */
	struct vantio_finding tile;    /* tiles that are missing or cannot be read */
	struct vantio_finding differs; /* tiles that differ from the lines */
	struct vantio_finding index_off; /* rows that differ from the lines; unjudged if they cannot be read */
	struct vantio_merkle tree;     /* of the segment's lines */
	struct vantio_merkle *at_anchor; /* owned; [i] is the tree at anchors[i] */
	struct vantio_run *runs;       /* owned */
	size_t n_runs;
	struct vantio_print *prints;   /* owned; two a line */
	uint64_t erased;    /* disclosures or whole private lines that are missing */
	uint64_t backwards; /* records whose wall clock ran back */
	uint64_t lost;      /* events that records say were lost */
	uint64_t beyond;    /* bytes behind the covered ones */
};

/* Fills the out members. -ENOMEM only. */
int vantio_segment_verify(struct vantio_segment_check *c, struct vantio_error *err);
/* The same for a segment that is passed over: `tree` and `at_anchor` from its tiles. */
int vantio_segment_pass(struct vantio_segment_check *c, struct vantio_error *err);
void vantio_segment_check_clear(struct vantio_segment_check *c);

/* ---- duplicates: a set of prints in bounded memory, spilt to an unnamed temporary file ---- */

struct vantio_dupes;
int vantio_dupes_new(struct vantio_dupes **ret, struct vantio_error *err);
void vantio_dupes_free(struct vantio_dupes *d);
int vantio_dupes_add(struct vantio_dupes *d, const struct vantio_print *print, uint64_t leaf, struct vantio_error *err);
/* 1 and the lowest leaf that repeats an earlier one, or 0. */
int vantio_dupes_find(struct vantio_dupes *d, uint64_t *ret_leaf, struct vantio_error *err);

/* ---- heads that this user has verified before ---- */

/* 1 and the anchor, or 0 if there is none. `f` is set if the remembered note does not fit this ledger. */
int vantio_head_load(const char *state_dir, const struct vantio_epochs *epochs, struct vantio_anchor *ret,
		     struct vantio_finding *f, struct vantio_error *err);
int vantio_head_store(const char *state_dir, const char *origin, const char *note, size_t len, struct vantio_error *err);
/* A checkpoint kept elsewhere; the note is owned by the caller, also where it is none of this ledger. */
int vantio_against_load(const char *path, const struct vantio_epochs *epochs, struct vantio_anchor *ret, char **ret_note,
			size_t *ret_len, struct vantio_finding *f, struct vantio_error *err);
/* One at hand. `what` is what messages call it. */
int vantio_anchor_open(const char *note, size_t len, const char *what, const struct vantio_epochs *epochs, struct vantio_anchor *ret,
		       struct vantio_finding *f, struct vantio_error *err);

#define VANTIO_VERIFY_THREADS 16

/* One verification, from its beginning to its verdict. */
struct vantio_verify {
	int dirfd;
	const struct vantio_verify_options *opts;
	struct vantio_ledger_report *report;
	struct vantio_epochs epochs;
	struct vantio_checkpoint checkpoint;
	struct vantio_head head;
	char *against; /* owned: that of --against */
	size_t against_len;
	struct vantio_anchor *anchors; /* owned, ascending */
	size_t n_anchors, next_anchor;
	uint64_t first_segment, end_segment; /* that are read */
	bool part; /* not all are */
	uint64_t anchored_size; /* so far the log is the one of an older head or a seal */
	struct vantio_merkle tree; /* of the segments combined so far; the last, partial one is not added */
	struct vantio_hash root;   /* of everything, once all segments are combined */
	struct vantio_hash *segments; /* owned: roots of the full ones */
	size_t n_segments;
	struct vantio_boots boots;
	struct vantio_dupes *dupes;
	uint8_t print_key[crypto_shorthash_siphashx24_KEYBYTES];
	struct vantio_finding fatal; /* nothing further can be asked */
	struct vantio_finding log, content, tile, differs, anchor, index_off, quorum;
	struct vantio_index *indexes[VANTIO_VERIFY_THREADS]; /* owned: a connection for each segment that is checked at once */
	uint64_t index_rows;
	uint64_t erased, backwards, lost, beyond;
};

/* Every segment, as far as lines are there, and what it says put together. -ENOMEM, or an I/O error of a temporary file. */
int vantio_verify_walk(struct vantio_verify *v, struct vantio_error *err);
/* Which segments are read, once the checkpoint is known. */
void vantio_verify_choose(struct vantio_verify *v);
void vantio_verify_note(struct vantio_verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Keys, older heads, checkpoint and index: everything before the log. `fatal` is set where the log need not be read. -ENOMEM. */
int vantio_verify_prepare(struct vantio_verify *v, struct vantio_error *err);

#endif
