/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's state, shared by writer.c and recovery.c. */
#ifndef VANTIO_LEDGER_WRITER_H
#define VANTIO_LEDGER_WRITER_H

#include "base/buf.h"
#include "base/worker.h"
#include "ledger/checkpoint.h"
#include "ledger/index.h"
#include "ledger/keys.h"
#include "ledger/ledger.h"
#include "ledger/segment.h"
#include "ledger/tile.h"

#define VANTIO_LEDGER_NOTICES_MAX 8

/* One staged record: where its lines lie in the staging buffers (newlines included). */
struct vantio_staged {
	size_t at, end;
	size_t private_at, private_end;
};

struct vantio_batch {
	struct vantio_buf lines, privates;
	struct vantio_staged *items; /* owned */
	size_t n, cap;
};

/* Half of what a commit writes: the log, or the sidecar. */
struct vantio_half {
	struct vantio_ledger *l;
	struct vantio_segment *file; /* borrowed */
	bool private;
	uint64_t first;               /* leaf of the batch */
	struct vantio_worker *worker; /* owned; NULL until a batch is worth it */
	int r;
	struct vantio_error err;
};

/*
 * Two threads may be at work: one stages, one commits what was handed to it. While a batch is under way, what is marked (c) is the
 * committing thread's; the rest is the caller's.
 */
struct vantio_ledger {
	char *dir; /* owned */
	int dirfd, lock;
	struct vantio_skey key; /* (c) */
	uint64_t epoch; /* that the key signs */
	struct vantio_record_host host;
	struct vantio_record_work work;
	struct vantio_tiles tiles;           /* (c) */
	struct vantio_segment log, private;  /* (c) */
	struct vantio_half halves[2];        /* (c) private, log */
	uint64_t last_mono_ns;
	uint64_t next; /* the leaf of the next record */
	uint64_t log_at, private_at; /* where in their files the next lines will go; a wrong guess costs speed alone */
	struct vantio_batch stage;
	struct vantio_batch flight;          /* (c) being committed */
	struct vantio_worker *committer; /* owned; NULL until the first vantio_ledger_submit() */
	struct vantio_indexer *indexer; /* owned; NULL where no thread could be had */
	_Atomic uint64_t covered; /* records that the newest checkpoint covers */
	atomic_bool broken; /* a write failed: `failure` is what every later call says */
	struct vantio_error failure;
	char notices[VANTIO_LEDGER_NOTICES_MAX][256];
	size_t n_notices;
};

/* Every later call fails, and says why. */
void vantio_ledger_break(struct vantio_ledger *l, const struct vantio_error *why);

/*
 * Holds the folder against its checkpoint: loads the tree, checks the tail segment line by line, sets aside what lies beyond
 * the checkpoint, and opens the files for appending. EBADMSG names the first bad leaf.
 */
int vantio_ledger_recover(struct vantio_ledger *l, const struct vantio_checkpoint *c, struct vantio_error *err);

/* Commits what is in `flight`: durable and covered, or the ledger must be broken. */
int vantio_ledger_commit_batch(struct vantio_ledger *l, struct vantio_error *err);

/* Signs and publishes a checkpoint of the tree as it stands in `tiles`. */
int vantio_ledger_write_checkpoint(struct vantio_ledger *l, struct vantio_error *err);
/* What a rotation left to do that was cut short, and private keys that are out of use. */
int vantio_ledger_finish_rotation(struct vantio_ledger *l, bool unfinished, struct vantio_error *err);

void vantio_ledger_add_notice(struct vantio_ledger *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
