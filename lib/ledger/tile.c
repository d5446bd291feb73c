// SPDX-License-Identifier: Apache-2.0
#include "ledger/tile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/worker.h"

void vantio_tile_path(char out[VANTIO_STORE_NAME_MAX], unsigned level, uint64_t index, unsigned width)
{
	char groups[40], partial[16] = "";
	unsigned n[7];
	int count = 0, len = 0;

	do
		n[count++] = (unsigned)(index % 1000);
	while (index /= 1000);
	while (count--)
		len += snprintf(groups + len, sizeof(groups) - (size_t)len, count ? "x%03u/" : "%03u", n[count]);
	if (width != VANTIO_TILE_WIDTH)
		snprintf(partial, sizeof(partial), ".p/%u", width);
	snprintf(out, VANTIO_STORE_NAME_MAX, "tile/%u/%s%s", level, groups, partial);
}

/* A tile file of exactly `stored` hashes, of which the first `width` are wanted. */
static int read_exact(int dirfd, const char *path, unsigned stored, unsigned width, struct vantio_hash *ret,
		      struct vantio_error *err)
{
	cleanup_free char *data = NULL;
	size_t len;
	int r;

	r = vantio_store_read(dirfd, path, VANTIO_TILE_WIDTH * sizeof(*ret), &data, &len, err);
	if (r == -EFBIG || (r == 0 && len != stored * sizeof(*ret)))
		return vantio_fail(err, EBADMSG, "tile '%s' is not %zu bytes long", path, stored * sizeof(*ret));
	if (r < 0)
		return r;
	memcpy(ret, data, width * sizeof(*ret));
	return 0;
}

/* The narrowest partial tile that is at least `width` wide, or 0: that one is the newest that a checkpoint covers. */
static unsigned find_wider(int dirfd, unsigned level, uint64_t index, unsigned width)
{
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_error ignored;
	cleanup_dir DIR *dir = NULL;
	unsigned best = 0;
	struct dirent *d;
	uint64_t w;

	vantio_tile_path(path, level, index, 1);
	*strrchr(path, '/') = '\0';
	dir = vantio_store_list(dirfd, path, &ignored);
	while (dir && (d = readdir(dir)))
		if (vantio_parse_u64(d->d_name, strlen(d->d_name), VANTIO_TILE_WIDTH - 1, &w) && w >= width &&
		    (!best || w < best))
			best = (unsigned)w;
	return best;
}

int vantio_tile_read(int dirfd, unsigned level, uint64_t index, unsigned width, struct vantio_hash *ret,
		     struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];
	unsigned wider;
	int r = -ENOENT, tries;

	/* Each round can lose a race with a writer once: the tile grows between looking and opening. */
	for (tries = 0; r == -ENOENT && tries < 64; tries++) {
		vantio_tile_path(path, level, index, width);
		r = read_exact(dirfd, path, width, width, ret, err);
		if (r != -ENOENT || width == VANTIO_TILE_WIDTH)
			return r;
		wider = find_wider(dirfd, level, index, width);
		if (!wider) {
			vantio_tile_path(path, level, index, VANTIO_TILE_WIDTH);
			return read_exact(dirfd, path, VANTIO_TILE_WIDTH, width, ret, err);
		}
		vantio_tile_path(path, level, index, wider);
		r = read_exact(dirfd, path, wider, width, ret, err);
	}
	return r;
}

int vantio_tile_node(void *ctx, unsigned height, uint64_t index, struct vantio_hash *ret, struct vantio_error *err)
{
	struct vantio_tile_source *s = ctx;
	unsigned level = height / 8, within = height % 8, width, i;
	uint64_t first = index << within, tile = first / VANTIO_TILE_WIDTH, entries = s->size >> (8 * level);
	struct vantio_merkle m = { .size = 0 };
	int r;

	if (level >= VANTIO_TILE_LEVELS || first + (1u << within) > entries)
		return vantio_fail(err, EINVAL, "no such node in a tree of %llu leaves", (unsigned long long)s->size);
	width = entries / VANTIO_TILE_WIDTH > tile ? VANTIO_TILE_WIDTH : (unsigned)(entries % VANTIO_TILE_WIDTH);
	if (!s->width || s->level != level || s->index != tile) {
		s->width = 0;
		r = vantio_tile_read(s->dirfd, level, tile, width, s->hashes, err);
		if (r < 0)
			return r;
		s->level = level;
		s->index = tile;
		s->width = width;
	}
	for (i = 0; i < 1u << within; i++) {
		r = vantio_merkle_add(&m, 0, &s->hashes[first % VANTIO_TILE_WIDTH + i], NULL, NULL, err);
		if (r < 0)
			return r;
	}
	vantio_merkle_root(&m, ret);
	return 0;
}

/* ---- the writer's right edge ---- */

#define SYNC_THREADS 8

/* Each of several threads makes every so many-th tile durable. */
struct share {
	const struct vantio_tiles *tiles;
	struct vantio_worker *worker;
	unsigned first, step;
	unsigned at; /* the tile that failed */
	int code;    /* errno of it, or 0 */
};

static void sync_share(void *arg)
{
	struct share *s = arg;
	unsigned i;

	for (i = s->first; i < s->tiles->n_unsynced; i += s->step)
		if (fdatasync(s->tiles->unsynced[i]) < 0) {
			s->at = i;
			s->code = errno;
			return;
		}
}

/*
 * Side by side, because a file system answers many syncs at once with one turn of its log and of the disk's cache, and waits for each of
 * those that come one by one: ten times as long on a busy disk.
 */
static int sync_files(const struct vantio_tiles *t, struct vantio_error *err)
{
	struct share shares[SYNC_THREADS];
	unsigned n = t->n_unsynced < SYNC_THREADS ? 1 : SYNC_THREADS, i;
	int r = 0;

	for (i = 0; i < n; i++) {
		shares[i] = (struct share){ .tiles = t, .first = i, .step = n };
		shares[i].worker = i ? vantio_worker_start(sync_share, &shares[i]) : NULL;
		if (shares[i].worker)
			vantio_worker_go(shares[i].worker);
	}
	for (i = 0; i < n; i++) {
		if (shares[i].worker)
			vantio_worker_stop(shares[i].worker);
		else
			sync_share(&shares[i]);
		if (shares[i].code && r == 0)
			r = vantio_fail(err, shares[i].code, "cannot make a tile in '%s' durable: %s", t->unsynced_dirs[shares[i].at],
					strerror(shares[i].code));
	}
	return r;
}

/* All that was written since the last time; each folder once, of which there are few. */
static int sync_tiles(struct vantio_tiles *t, struct vantio_error *err)
{
	unsigned i, j;
	int r = sync_files(t, err);

	if (r < 0)
		return r;
	for (i = 0; i < t->n_unsynced; i++) {
		for (j = 0; j < i && strcmp(t->unsynced_dirs[i], t->unsynced_dirs[j]) != 0; j++)
			;
		r = j < i ? 0 : vantio_store_sync_dir(t->dirfd, t->unsynced_dirs[i], err);
		if (r < 0)
			return r;
	}
	vantio_tiles_clear(t);
	return 0;
}

void vantio_tiles_clear(struct vantio_tiles *t)
{
	while (t->n_unsynced)
		close(t->unsynced[--t->n_unsynced]);
}

static int write_tile(struct vantio_tiles *t, unsigned level, uint64_t index, unsigned width, struct vantio_error *err)
{
	cleanup_close int fd = -1;
	char path[VANTIO_STORE_NAME_MAX];
	int r;

	if (t->dirfd < 0)
		return 0;
	vantio_tile_path(path, level, index, width);
	r = vantio_store_make_parents(t->dirfd, path, err);
	if (r < 0)
		return r;
	fd = vantio_store_open(t->dirfd, path, O_WRONLY | O_CREAT | O_TRUNC, 0600, err);
	if (fd < 0)
		return fd;
	r = vantio_pwrite_all(fd, t->edges[level].hashes, width * sizeof(struct vantio_hash), 0, err);
	if (r == 0)
		r = vantio_store_begin_sync(fd, err);
	if (r < 0)
		return vantio_fail_prefix(err, "cannot write the tile '%s'", path);
	*strrchr(path, '/') = '\0';
	strcpy(t->unsynced_dirs[t->n_unsynced], path);
	t->unsynced[t->n_unsynced++] = vantio_take_fd(&fd);
	return t->n_unsynced == VANTIO_TILES_UNSYNCED ? sync_tiles(t, err) : 0;
}

void vantio_tiles_init(struct vantio_tiles *t, int dirfd)
{
	memset(t, 0, sizeof(*t));
	t->dirfd = dirfd;
}

/* The partial tile of this edge will be outgrown: remembered until a checkpoint no longer needs it. */
static void mark_stale(struct vantio_tiles *t, unsigned level, uint64_t index)
{
	struct vantio_tile_edge *e = &t->edges[level];

	if (e->written && !t->stale[level][0])
		vantio_tile_path(t->stale[level], level, index, e->written);
	e->written = 0;
}

/* A subtree of height 8 * level is one hash of a tile of that level. */
static int visit(void *ctx, unsigned height, const struct vantio_hash *hash, struct vantio_error *err)
{
	struct vantio_tiles *t = ctx;
	unsigned level = height / 8;
	struct vantio_tile_edge *e;
	uint64_t index;
	int r;

	if (height % 8 || level >= VANTIO_TILE_LEVELS)
		return 0;
	e = &t->edges[level];
	/* tree.size still lacks the leaf that is being added: the subtree that ends with it is number size >> height. */
	index = (t->tree.size >> height) / VANTIO_TILE_WIDTH;
	mark_stale(t, level, index);
	e->hashes[e->width++] = *hash;
	if (e->width < VANTIO_TILE_WIDTH)
		return 0;
	r = write_tile(t, level, index, VANTIO_TILE_WIDTH, err);
	e->width = 0;
	return r;
}

int vantio_tiles_add(struct vantio_tiles *t, const struct vantio_hash *leaf, struct vantio_error *err)
{
	return vantio_merkle_add(&t->tree, 0, leaf, visit, t, err);
}

int vantio_tiles_write(struct vantio_tiles *t, struct vantio_error *err)
{
	unsigned level;
	int r;

	for (level = 0; level < VANTIO_TILE_LEVELS; level++) {
		struct vantio_tile_edge *e = &t->edges[level];

		if (!e->width || e->width == e->written)
			continue;
		r = write_tile(t, level, (t->tree.size >> (8 * level)) / VANTIO_TILE_WIDTH, e->width, err);
		if (r < 0)
			return r;
		e->written = e->width;
	}
	return 0;
}

int vantio_tiles_flush(struct vantio_tiles *t, struct vantio_error *err)
{
	int r = vantio_tiles_write(t, err);

	return r < 0 ? r : sync_tiles(t, err);
}

void vantio_tiles_prune(struct vantio_tiles *t)
{
	unsigned level;

	for (level = 0; level < VANTIO_TILE_LEVELS; level++) {
		char *path = t->stale[level];

		if (!*path)
			continue;
		unlinkat(t->dirfd, path, 0);
		/* The folder of partial tiles goes with its last one; while it holds another, this fails, rightly. */
		*strrchr(path, '/') = '\0';
		unlinkat(t->dirfd, path, AT_REMOVEDIR);
		*path = '\0';
	}
}

/* Every partial tile of this folder but the one of `width`. */
static void drop_others(int ledger, const char *folder, unsigned width)
{
	struct vantio_error ignored;
	cleanup_dir DIR *dir = vantio_store_list(ledger, folder, &ignored);
	struct dirent *d;
	uint64_t w;

	if (!dir)
		return;
	while ((d = readdir(dir)))
		if (vantio_parse_u64(d->d_name, strlen(d->d_name), VANTIO_TILE_WIDTH - 1, &w) && w != width)
			unlinkat(dirfd(dir), d->d_name, 0);
	unlinkat(ledger, folder, AT_REMOVEDIR); /* if that was all */
}

void vantio_tiles_drop_beyond(struct vantio_tiles *t)
{
	char path[VANTIO_STORE_NAME_MAX];
	uint64_t index;
	unsigned level;

	for (level = 0; level < VANTIO_TILE_LEVELS; level++) {
		index = (t->tree.size >> (8 * level)) / VANTIO_TILE_WIDTH;
		vantio_tile_path(path, level, index, VANTIO_TILE_WIDTH);
		unlinkat(t->dirfd, path, 0);
		vantio_tile_path(path, level, index, 1);
		*strrchr(path, '/') = '\0';
		drop_others(t->dirfd, path, t->edges[level].width);
	}
}

int vantio_tiles_load(struct vantio_tiles *t, uint64_t size, struct vantio_error *err)
{
	struct vantio_merkle m;
	unsigned level, i, h;
	int r;

	for (level = 0; level < VANTIO_TILE_LEVELS; level++) {
		struct vantio_tile_edge *e = &t->edges[level];
		uint64_t entries = size >> (8 * level);

		e->width = (unsigned)(entries % VANTIO_TILE_WIDTH);
		if (!e->width)
			continue;
		r = vantio_tile_read(t->dirfd, level, entries / VANTIO_TILE_WIDTH, e->width, e->hashes, err);
		if (r < 0)
			return r;
		e->written = e->width;
		m = (struct vantio_merkle){ .size = 0 };
		for (i = 0; i < e->width; i++)
			vantio_merkle_add(&m, 0, &e->hashes[i], NULL, NULL, err);
		for (h = 0; h < 8; h++)
			if (m.size >> h & 1)
				t->tree.peaks[8 * level + h] = m.peaks[h];
	}
	t->tree.size = size;
	return 0;
}
