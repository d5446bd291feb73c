/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's state, shared by writer.c and recovery.c. */
#ifndef VANTIO_LEDGER_WRITER_H
#define VANTIO_LEDGER_WRITER_H

#include "base/buf.h"
#include "ledger/checkpoint.h"
#include "ledger/index.h"
#include "ledger/keys.h"
#include "ledger/ledger.h"
#include "ledger/segment.h"
#include "ledger/tile.h"

#define VANTIO_LEDGER_NOTICES_MAX 8

/* One staged record: where its lines end in the staging buffers (newlines included), and its leaf hash. */
struct vantio_staged {
	size_t line_end, private_end;
	struct vantio_hash hash;
};

struct vantio_ledger {
	char *dir; /* owned */
	int dirfd, lock;
	struct vantio_skey key;
	struct vantio_record_host host;
	struct vantio_tiles tiles;
	struct vantio_segment log, private;
	uint64_t last_mono_ns;
	struct vantio_buf lines, privates;
	struct vantio_staged *staged; /* owned */
	size_t n_staged, cap_staged;
	struct vantio_indexer *indexer; /* owned; NULL where no thread could be had */
	uint64_t covered; /* records that the newest checkpoint covers */
	bool broken; /* a write failed: `failure` is what every later call says */
	struct vantio_error failure;
	char notices[VANTIO_LEDGER_NOTICES_MAX][256];
	size_t n_notices;
};

/*
 * Holds the folder against its checkpoint: loads the tree, checks the tail segment line by line, sets aside what lies beyond
 * the checkpoint, and opens the files for appending. EBADMSG names the first bad leaf.
 */
int vantio_ledger_recover(struct vantio_ledger *l, const struct vantio_checkpoint *c, struct vantio_error *err);

void vantio_ledger_add_notice(struct vantio_ledger *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
