// SPDX-License-Identifier: Apache-2.0
/*
 * A static folder as C2SP tlog-tiles clients fetch it: checkpoint, tile/L/N[.p/W] and tile/entries/N[.p/W], where a bundle is the
 * entries of a level-0 tile, each behind its length (two bytes, big-endian). Tiles are made from the lines, not copied. The checkpoint
 * comes last: until it is there, the folder serves the state before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/export.h"
#include "ledger/tile.h"

struct tiles {
	struct vantio_merkle tree;
	struct vantio_hash hashes[VANTIO_TILE_LEVELS][VANTIO_TILE_WIDTH];
	unsigned width[VANTIO_TILE_LEVELS];
	struct vantio_export *x;
	struct vantio_buf bundle;
};

static int begin(struct vantio_export *x, struct vantio_error *err)
{
	struct tiles *t = calloc(1, sizeof(*t));

	if (!t)
		return vantio_fail(err, ENOMEM, "out of memory while exporting");
	t->x = x;
	x->state = t;
	return 0;
}

static void clear(struct vantio_export *x)
{
	struct tiles *t = x->state;

	if (t)
		vantio_buf_free(&t->bundle);
	free(t);
	x->state = NULL;
}

static int put_tile(struct tiles *t, unsigned level, uint64_t index, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];
	unsigned width = t->width[level];

	vantio_tile_path(path, level, index, width);
	t->width[level] = 0;
	return vantio_outfile_put(t->x->dirfd, path, t->hashes[level], width * sizeof(struct vantio_hash), false, err);
}

/* "tile/0/..." and "tile/entries/..." differ in nothing else. */
static int put_bundle(struct tiles *t, uint64_t index, unsigned width, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX], whole[VANTIO_STORE_NAME_MAX + 16];
	int r;

	if (t->bundle.failed)
		return vantio_fail(err, ENOMEM, "out of memory while exporting");
	vantio_tile_path(path, 0, index, width);
	snprintf(whole, sizeof(whole), "tile/entries/%s", path + strlen("tile/0/"));
	r = vantio_outfile_put(t->x->dirfd, whole, t->bundle.data, t->bundle.len, false, err);
	vantio_buf_reset(&t->bundle);
	return r;
}

static int visit(void *ctx, unsigned height, const struct vantio_hash *hash, struct vantio_error *err)
{
	unsigned level = height / 8;
	struct tiles *t = ctx;

	if (height % 8 || level >= VANTIO_TILE_LEVELS)
		return 0;
	t->hashes[level][t->width[level]++] = *hash;
	/* tree.size still lacks the leaf that is being added. */
	return t->width[level] < VANTIO_TILE_WIDTH ? 0 : put_tile(t, level, (t->tree.size >> height) / VANTIO_TILE_WIDTH, err);
}

static int line(struct vantio_export *x, uint64_t leaf, struct vantio_span l, const struct vantio_hash *hash, struct vantio_error *err)
{
	struct tiles *t = x->state;
	int r;

	vantio_buf_putc(&t->bundle, (char)(l.len >> 8));
	vantio_buf_putc(&t->bundle, (char)l.len);
	vantio_buf_add(&t->bundle, l.p, l.len);
	r = vantio_merkle_add(&t->tree, 0, hash, visit, t, err);
	if (r == 0 && t->tree.size % VANTIO_TILE_WIDTH == 0)
		r = put_bundle(t, leaf / VANTIO_TILE_WIDTH, VANTIO_TILE_WIDTH, err);
	return r;
}

static int end(struct vantio_export *x, struct vantio_error *err)
{
	struct tiles *t = x->state;
	unsigned level;
	int r = 0;

	if (t->tree.size % VANTIO_TILE_WIDTH)
		r = put_bundle(t, t->tree.size / VANTIO_TILE_WIDTH, (unsigned)(t->tree.size % VANTIO_TILE_WIDTH), err);
	for (level = 0; level < VANTIO_TILE_LEVELS && r == 0; level++)
		if (t->width[level])
			r = put_tile(t, level, (t->tree.size >> (8 * level)) / VANTIO_TILE_WIDTH, err);
	if (r == 0 && syncfs(x->dirfd) < 0)
		r = vantio_fail(err, errno, "cannot make the export durable: %s", strerror(errno));
	return r < 0 ? r : vantio_outfile_put(x->dirfd, "checkpoint", x->note, x->note_len, true, err);
}

const struct vantio_exporter vantio_exporter_tiles = { begin, line, end, clear };
