/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash tiles as C2SP tlog-tiles lays them out: tile/L/NNN is full (256 hashes), tile/L/NNN.p/W holds the first W. The writer
 * keeps the right edge of the tree in memory and writes each tile when it is full, or partial at a commit.
 */
#ifndef VANTIO_LEDGER_TILE_H
#define VANTIO_LEDGER_TILE_H

#include "ledger/merkle.h"
#include "ledger/store.h"

#define VANTIO_TILE_WIDTH  256u
#define VANTIO_TILE_LEVELS 8u

/* `width` 256 is the full tile. */
void vantio_tile_path(char out[VANTIO_STORE_NAME_MAX], unsigned level, uint64_t index, unsigned width);

/*
 * Reads the first `width` hashes of a tile: from the file of that width, else, since a writer drops partial tiles that it has
 * outgrown, from a wider one. ENOENT, EBADMSG (a wrong size), ELOOP, EINVAL.
 */
int vantio_tile_read(int dirfd, unsigned level, uint64_t index, unsigned width, struct vantio_hash *ret,
		     struct vantio_error *err);

/* Hands out nodes of the tree of `size` leaves from its tiles, for proofs: a vantio_merkle_node. One tile is kept. */
struct vantio_tile_source {
	int dirfd;
	uint64_t size;
	unsigned level, width; /* of the kept tile; width 0: none */
	uint64_t index;
	struct vantio_hash hashes[VANTIO_TILE_WIDTH];
};

int vantio_tile_node(void *ctx, unsigned height, uint64_t index, struct vantio_hash *ret, struct vantio_error *err);

struct vantio_tile_edge {
	unsigned width;   /* hashes of the last tile of the level; 0: the tile is not begun */
	unsigned written; /* width of the partial tile that is on disk */
	struct vantio_hash hashes[VANTIO_TILE_WIDTH];
};

#define VANTIO_TILES_UNSYNCED 64

/* The growing tree and its right edge. */
struct vantio_tiles {
	int dirfd; /* borrowed; -1: nothing is written */
	int unsynced[VANTIO_TILES_UNSYNCED]; /* owned: tiles that are written and not yet durable */
	char unsynced_dirs[VANTIO_TILES_UNSYNCED][VANTIO_STORE_NAME_MAX]; /* the folders that hold them */
	unsigned n_unsynced;
	struct vantio_merkle tree;
	struct vantio_tile_edge edges[VANTIO_TILE_LEVELS];
	char stale[VANTIO_TILE_LEVELS][VANTIO_STORE_NAME_MAX]; /* partial tiles to drop once a newer checkpoint is there */
};

void vantio_tiles_init(struct vantio_tiles *t, int dirfd);
/* Reads the right edge of a tree of `size` leaves; the caller compares the root. */
int vantio_tiles_load(struct vantio_tiles *t, uint64_t size, struct vantio_error *err);
/*
 * Drops what a writer that was cut short wrote of the right edge's tiles beyond this tree: whoever reads the tree of an older checkpoint
 * would take it for a tile that has grown. What cannot be dropped stays.
 */
void vantio_tiles_drop_beyond(struct vantio_tiles *t);
/* Appends a leaf; writes the tiles that it completes. They are durable after the next flush. */
int vantio_tiles_add(struct vantio_tiles *t, const struct vantio_hash *leaf, struct vantio_error *err);
/* Writes the partial tiles of the right edge that are not yet on disk. */
int vantio_tiles_write(struct vantio_tiles *t, struct vantio_error *err);
/* The same, and makes all durable that was written. */
int vantio_tiles_flush(struct vantio_tiles *t, struct vantio_error *err);
/* Closes what a failed flush left open. */
void vantio_tiles_clear(struct vantio_tiles *t);
/* Drops the partial tiles that the last flush superseded; what cannot be dropped stays, and harms nobody. */
void vantio_tiles_prune(struct vantio_tiles *t);

#endif
