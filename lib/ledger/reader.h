/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a ledger while a writer may append: the checkpoint is taken first, and only what it covers is shown. Records are
 * found through the index, which is brought up to date first (or built beside, where the folder cannot be written), and read
 * from the log and the sidecar: what is shown is what is stored.
 */
#ifndef VANTIO_LEDGER_READER_H
#define VANTIO_LEDGER_READER_H

#include "ledger/checkpoint.h"
#include "ledger/index.h"

struct vantio_reader;

/* ENOENT: no ledger there. EBADMSG: its checkpoint or its log is damaged. */
int vantio_reader_open(const char *dir, struct vantio_reader **ret, struct vantio_error *err);
void vantio_reader_close(struct vantio_reader *r);
uint64_t vantio_reader_size(const struct vantio_reader *r); /* records that the checkpoint covers */

/*
 * Takes up what was committed since: the newest checkpoint, which must not be behind the one before (EBADMSG), and the index.
 */
int vantio_reader_refresh(struct vantio_reader *r, struct vantio_error *err);

/* A record that was found; everything is borrowed until the callback returns. */
struct vantio_hit {
	struct vantio_span line; /* as it is stored */
	struct vantio_record_fields fields;
	struct vantio_disclosure private[VANTIO_DISCLOSURES_MAX];
	size_t n_private;  /* 0: erased */
	bool private_bad;  /* the sidecar holds something for it that the record does not commit to */
};

/* Calls `hit` by ascending leaf; a negative answer ends the search and is returned. `q->below` 0: all that the checkpoint covers. */
int vantio_reader_find(struct vantio_reader *r, const struct vantio_query *q,
		       int (*hit)(void *ctx, const struct vantio_hit *hit, struct vantio_error *err), void *ctx,
		       struct vantio_error *err);

/* vantio_index_range() and vantio_index_stats(), over what the checkpoint covers. */
int vantio_reader_range(struct vantio_reader *r, const struct vantio_query *q, struct vantio_stats_range *ret, struct vantio_error *err);
int vantio_reader_stats(struct vantio_reader *r, const struct vantio_query *q, enum vantio_stats_by by, uint64_t from, uint64_t width,
			int (*cell)(void *ctx, struct vantio_span key, uint64_t span, uint64_t decisions, struct vantio_error *err),
			void *ctx, struct vantio_error *err);

/*
 * The newest checkpoint as it stands, once it was checked against the folder's own keys. The note is owned by the caller and
 * NUL-terminated; `ret_checkpoint` borrows from it.
 */
int vantio_reader_checkpoint(int dirfd, char **ret_note, size_t *ret_len, struct vantio_checkpoint *ret_checkpoint,
			     struct vantio_error *err);

#endif
