// SPDX-License-Identifier: Apache-2.0
/* Makes a batch durable and has a checkpoint cover it. Runs in the committing thread, or in the caller's (writer.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256_pair.h"
#include "ledger/writer.h"

/* Smaller batches are not worth the threads: the disk answers before they are awake. */
#define BESIDE_BYTES (512u << 10)

static size_t begin_of(const struct vantio_batch *b, bool private, size_t i)
{
	return private ? b->items[i].private_at : b->items[i].at;
}

static size_t end_of(const struct vantio_batch *b, bool private, size_t i)
{
	return private ? b->items[i].private_end : b->items[i].end;
}

/* Writes this half of the batch, segment by segment; all but the last one are durable then. */
static int write_half(struct vantio_half *h, struct vantio_error *err)
{
	const struct vantio_batch *b = &h->l->flight;
	const char *data = h->private ? b->privates.data : b->lines.data;
	size_t from, to, room;
	uint64_t number;
	int r = 0;

	for (from = 0; from < b->n && r == 0; from = to) {
		number = (h->first + from) / VANTIO_SEGMENT_RECORDS;
		room = VANTIO_SEGMENT_RECORDS - (size_t)((h->first + from) % VANTIO_SEGMENT_RECORDS);
		to = b->n - from > room ? from + room : b->n;
		if (from)
			r = vantio_segment_sync(h->file, err);
		if (r == 0 && (h->file->fd < 0 || h->file->number != number))
			r = vantio_segment_open(h->file, h->l->dirfd, number, 0, err);
		if (r == 0)
			r = vantio_segment_append(h->file, data + begin_of(b, h->private, from),
						  end_of(b, h->private, to - 1) - begin_of(b, h->private, from), err);
	}
	return r < 0 ? r : vantio_segment_begin_sync(h->file, err);
}

static void do_half(void *arg)
{
	struct vantio_half *h = arg;

	h->r = write_half(h, &h->err);
	if (h->r == 0)
		h->r = vantio_segment_sync(h->file, &h->err);
}

/* Has the halves written while the caller goes on, if there are threads for that. */
static bool begin_halves(struct vantio_ledger *l)
{
	size_t bytes = l->flight.lines.len + l->flight.privates.len, i;

	for (i = 0; i < 2; i++) {
		struct vantio_half *h = &l->halves[i];

		h->first = l->tiles.tree.size;
		if (!h->worker && bytes >= BESIDE_BYTES)
			h->worker = vantio_worker_start(do_half, h);
	}
	if (bytes < BESIDE_BYTES || !l->halves[0].worker || !l->halves[1].worker)
		return false;
	vantio_worker_go(l->halves[0].worker);
	vantio_worker_go(l->halves[1].worker);
	return true;
}

static int end_halves(struct vantio_ledger *l, struct vantio_error *err)
{
	int r = 0;
	size_t i;

	for (i = 0; i < 2; i++)
		vantio_worker_wait(l->halves[i].worker);
	for (i = 0; i < 2 && r == 0; i++) {
		r = l->halves[i].r;
		if (r < 0)
			*err = l->halves[i].err;
	}
	return r;
}

static int write_halves(struct vantio_ledger *l, struct vantio_error *err)
{
	int r = 0;
	size_t i;

	for (i = 0; i < 2 && r == 0; i++)
		r = write_half(&l->halves[i], err);
	for (i = 0; i < 2 && r == 0; i++)
		r = vantio_segment_sync(l->halves[i].file, err);
	return r;
}

/* A leaf is hashed with a 0 before it (RFC 6962). */
static struct vantio_message leaf_of(const struct vantio_batch *b, size_t i, struct vantio_hash *ret)
{
	return (struct vantio_message){ b->lines.data + b->items[i].at, b->items[i].end - 1 - b->items[i].at, 0, ret->b };
}

static int write_tree(struct vantio_ledger *l, struct vantio_error *err)
{
	const struct vantio_batch *b = &l->flight;
	struct vantio_message first, second;
	struct vantio_hash leaves[2];
	int r = 0;
	size_t i;

	for (i = 0; i < b->n && r == 0; i += 2) {
		first = leaf_of(b, i, &leaves[0]);
		second = leaf_of(b, i + 1 < b->n ? i + 1 : i, &leaves[1]);
		vantio_sha256_both(l->host.sha256_pairs, &first, &second);
		r = vantio_tiles_add(&l->tiles, &leaves[0], err);
		if (r == 0 && i + 1 < b->n)
			r = vantio_tiles_add(&l->tiles, &leaves[1], err);
	}
	return r < 0 ? r : vantio_tiles_write(&l->tiles, err);
}

int vantio_ledger_commit_batch(struct vantio_ledger *l, struct vantio_error *err)
{
	struct vantio_error first = { 0 };
	bool beside = begin_halves(l);
	/* Tiles are many and small: written first, they go to the disk with the lines, and syncing them then finds little to do. */
	int r = write_tree(l, err), other;

	if (beside) {
		other = end_halves(l, &first);
		if (r == 0 && other < 0) {
			*err = first;
			r = other;
		}
	} else if (r == 0) {
		r = write_halves(l, err);
	}
	if (r == 0)
		r = vantio_tiles_flush(&l->tiles, err);
	if (r == 0)
		r = vantio_ledger_write_checkpoint(l, err);
	if (r < 0)
		return r;
	vantio_tiles_prune(&l->tiles);
	return 0;
}
