// SPDX-License-Identifier: Apache-2.0
/*
 * `ledger verify` (DESIGN 7): the keys, the checkpoint, then segment by segment (verify_walk.c), then what needs all of them: the root,
 * older heads, higher tiles, duplicates. Memory does not grow with the ledger.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "ledger/lock.h"
#include "ledger/verify.h"

#define TRIES 3

/* ---- behind the log: higher tiles, duplicates, the verdict ---- */

static void check_tile(struct vantio_verify *v, unsigned level, uint64_t index, unsigned width, const struct vantio_hash *hashes)
{
	struct vantio_hash stored[VANTIO_TILE_WIDTH];
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_error err = { 0 };
	unsigned i;

	vantio_tile_path(path, level, index, width);
	if (vantio_tile_read(v->dirfd, level, index, width, stored, &err) < 0) {
		vantio_finding_error(&v->tile, &err, (index * VANTIO_TILE_WIDTH) << (8 * level), "");
		return;
	}
	for (i = 0; i < width; i++)
		if (!vantio_hash_equal(&hashes[i], &stored[i])) {
			vantio_finding_at(&v->differs, (index * VANTIO_TILE_WIDTH + i) << (8 * level), "'%s' does not hold the hash of the log", path);
			return;
		}
}

/* Level 2 holds the roots of segments; each level above is made of the full tiles below. Works in place. */
static void check_high_tiles(struct vantio_verify *v)
{
	uint64_t n = v->tree.size >> VANTIO_SEGMENT_HEIGHT, full, i;
	struct vantio_hash *h = v->segments;
	struct vantio_error ignored;
	struct vantio_merkle m;
	unsigned level, j;

	for (level = 2; level < VANTIO_TILE_LEVELS && n && !v->differs.found; level++, n = full) {
		full = n / VANTIO_TILE_WIDTH;
		if (n % VANTIO_TILE_WIDTH)
			check_tile(v, level, full, (unsigned)(n % VANTIO_TILE_WIDTH), h + full * VANTIO_TILE_WIDTH);
		for (i = 0; i < full; i++) {
			check_tile(v, level, i, VANTIO_TILE_WIDTH, h + i * VANTIO_TILE_WIDTH);
			m = (struct vantio_merkle){ .size = 0 };
			for (j = 0; j < VANTIO_TILE_WIDTH; j++)
				vantio_merkle_add(&m, 0, &h[i * VANTIO_TILE_WIDTH + j], NULL, NULL, &ignored);
			h[i] = m.peaks[8];
		}
	}
}

/* The log does not lead to the signed root: the tiles, if they were left alone, tell where. */
static void blame_line(const struct vantio_verify *v, struct vantio_finding *ret)
{
	const struct vantio_finding *where = &v->differs, *what = NULL;

	if (v->part && !v->log.found && (!where->found || where->leaf < v->report->first || where->leaf >= v->report->end)) {
		vantio_finding_set(ret, "what was read and the tiles of what was not do not lead to the signed root: verify the whole ledger to "
				   "know where");
	} else if (where->found && (!v->log.found || where->leaf <= v->log.leaf)) {
		if (v->content.found && v->content.has_leaf && v->content.leaf == where->leaf)
			what = &v->content;
		vantio_finding_at(ret, where->leaf, "its line is not the one that was signed%s%.300s", what ? ": " : "",
				  what ? what->reason : "");
	} else if (v->log.found) {
		*ret = v->log;
	} else if (v->content.found) {
		*ret = v->content;
	} else {
		vantio_finding_set(ret, "the log does not lead to the signed root, %s", v->tile.found ? "and the tiles that would tell where "
				   "are gone" : "though its tiles agree with it: both were rewritten");
	}
}

static int find_worst(struct vantio_verify *v, struct vantio_finding *ret, struct vantio_error *err)
{
	bool right = !v->log.found && vantio_hash_equal(&v->root, &v->checkpoint.root);
	uint64_t leaf;
	int r;

	if (v->fatal.found) {
		*ret = v->fatal;
	} else if (v->log.found && v->log.unjudged) {
		*ret = v->log;
	} else if (v->anchor.found && right) {
		*ret = v->anchor;
	} else if (!right) {
		blame_line(v, ret);
	} else {
		r = vantio_dupes_find(v->dupes, &leaf, err);
		if (r < 0)
			return r;
		if (r > 0)
			vantio_finding_at(&v->content, leaf, "its record id or nonce is that of an earlier record");
		*ret = v->content;
		vantio_finding_merge(ret, &v->tile);
		vantio_finding_merge(ret, &v->differs);
		v->index_off.index = true;
		if (!v->index_off.unjudged)
			vantio_finding_merge(ret, &v->index_off);
		else
			vantio_verify_note(v, "the index was not compared to its end: %.180s", v->index_off.reason);
		if (!ret->found)
			*ret = v->quorum;
	}
	return 0;
}

static void add_notes(struct vantio_verify *v)
{
	struct vantio_error ignored;
	char path[VANTIO_STORE_NAME_MAX];
	uint64_t behind = (v->checkpoint.size + VANTIO_SEGMENT_RECORDS - 1) / VANTIO_SEGMENT_RECORDS;

	vantio_segment_path(path, "log", behind);
	if (v->beyond || vantio_store_exists(v->dirfd, path, &ignored) > 0)
		vantio_verify_note(v, vantio_lock_held(v->dirfd, &ignored) > 0 ?
		     "a writer is appending: what it wrote behind the checkpoint is not judged" :
		     "the log goes on behind the checkpoint: an append that was cut short; the next writer sets it aside");
	if (v->lost)
		vantio_verify_note(v, "records say that %llu events were lost before they could be recorded", (unsigned long long)v->lost);
	if (v->erased)
		vantio_verify_note(v, "private fields of %llu records are missing: they count as erased", (unsigned long long)v->erased);
	if (v->backwards)
		vantio_verify_note(v, "the wall clock ran back %llu times", (unsigned long long)v->backwards);
}

static void conclude(struct vantio_verify *v, const struct vantio_finding *worst)
{
	struct vantio_ledger_report *r = v->report;
	struct vantio_error err = { 0 };
	cleanup_free char *reason = NULL;

	if (worst->found) {
		/* Texts that quote the folder's files are escaped once, here. */
		reason = vantio_escape_dup(worst->reason, strlen(worst->reason));
		r->verdict = worst->unjudged ? VANTIO_LEDGER_INCONCLUSIVE : VANTIO_LEDGER_FAIL;
		r->has_leaf = worst->has_leaf;
		r->leaf = worst->leaf;
		snprintf(r->reason, sizeof(r->reason), "%s", reason ? reason : "out of memory");
		return;
	}
	r->verdict = r->anchored ? VANTIO_LEDGER_OK : VANTIO_LEDGER_UNANCHORED;
	add_notes(v);
	if (v->opts->state_dir && vantio_head_store(v->opts->state_dir, r->origin, v->head.note, v->head.len, &err) < 0)
		vantio_verify_note(v, "this head cannot be remembered for the next time: %.180s", err.text);
}

static int judge(struct vantio_verify *v, struct vantio_finding *worst, struct vantio_error *err)
{
	int r;

	r = vantio_verify_prepare(v, err);
	if (r == 0 && !v->fatal.found) {
		r = vantio_verify_walk(v, err);
		if (r == 0 && !v->log.found)
			check_high_tiles(v);
	}
	return r < 0 ? r : find_worst(v, worst, err);
}

/* The first one last: a copy that the others read is its. */
static void close_indexes(struct vantio_verify *v)
{
	size_t i;

	for (i = VANTIO_ARRAY_SIZE(v->indexes); i--;) {
		vantio_index_close(v->indexes[i]);
		v->indexes[i] = NULL;
	}
}

static void clear(struct vantio_verify *v)
{
	vantio_dupes_free(v->dupes);
	vantio_epochs_clear(&v->epochs);
	free(v->segments);
	free(v->boots.slots);
	free(v->anchors);
	vantio_head_clear(&v->head);
	free(v->against);
}

/* Whether a writer may be what was found: then it is judged again. */
static bool disturbed(const struct vantio_verify *v, const struct vantio_finding *worst)
{
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_error ignored;

	/* An index that a writer opened after it was opened here, without touching it, can be seen half changed. */
	if (worst->index)
		return vantio_index_in_use(v->dirfd);
	/* Another key was taken after the chain was read; a head from outside may be under it. */
	vantio_epoch_path(path, v->epochs.n);
	return v->epochs.n && vantio_store_exists(v->dirfd, path, &ignored) > 0;
}

int vantio_ledger_verify(const char *dir, const struct vantio_verify_options *opts, struct vantio_ledger_report *ret,
			 struct vantio_error *err)
{
	cleanup_close int dirfd = -1;
	bool again = true;
	int r = 0, tries;

	if (sodium_init() < 0)
		return vantio_fail(err, EIO, "libsodium cannot be initialised: the system gives no random numbers");
	dirfd = vantio_store_open_dir(dir, err);
	if (dirfd < 0)
		return dirfd;
	for (tries = 0; tries < TRIES && again && r == 0; tries++) {
		struct vantio_ledger_report report = { .records = 0 };
		struct vantio_verify v = { .dirfd = dirfd, .opts = opts, .report = &report };
		struct vantio_finding worst = { .found = false };

		randombytes_buf(v.print_key, sizeof(v.print_key));
		r = judge(&v, &worst, err);
		close_indexes(&v);
		again = r == 0 && worst.found && tries + 1 < TRIES && disturbed(&v, &worst);
		if (r == 0 && !again) {
			conclude(&v, &worst);
			*ret = report;
		}
		clear(&v);
	}
	return r;
}
