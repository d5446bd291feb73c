// SPDX-License-Identifier: Apache-2.0
/*
 * One segment held against everything that needs no other segment: its lines are records with the right leaf, its tiles are
 * the hashes of its lines, its private lines are committed to. Reads each byte once; a few megabytes, whatever the size.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "ledger/verify.h"

#define TRIES 16 /* an erasure of several fields comes again and again */

__attribute__((format(printf, 4, 0)))
static void set(struct vantio_finding *f, bool has_leaf, uint64_t leaf, const char *fmt, va_list ap)
{
	if (f->found && (!has_leaf || (f->has_leaf && f->leaf <= leaf)))
		return;
	f->found = true;
	f->unjudged = false;
	f->has_leaf = has_leaf;
	f->leaf = leaf;
	vsnprintf(f->reason, sizeof(f->reason), fmt, ap);
}

void vantio_finding_at(struct vantio_finding *f, uint64_t leaf, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(f, true, leaf, fmt, ap);
	va_end(ap);
}

void vantio_finding_set(struct vantio_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(f, false, 0, fmt, ap);
	va_end(ap);
}

void vantio_finding_error(struct vantio_finding *f, const struct vantio_error *err, uint64_t leaf, const char *what)
{
	bool had = f->found;

	vantio_finding_at(f, leaf, "%s%s%.300s", what, *what ? ": " : "", err->text);
	switch (err->code) {
	case ENOENT: case EBADMSG: case E2BIG: case EFBIG: case ELOOP: case EINVAL: case ENOTDIR: case ENXIO: case EXDEV:
		return;
	default:
		if (!had)
			f->unjudged = true;
	}
}

void vantio_finding_merge(struct vantio_finding *to, const struct vantio_finding *from)
{
	if (from->found && (!to->found || (from->has_leaf && (!to->has_leaf || from->leaf < to->leaf))))
		*to = *from;
}

/* What the walk over one segment carries along. */
struct walk {
	struct vantio_segment_check *c;
	uint64_t first;
	struct vantio_hash leaves[VANTIO_TILE_WIDTH], nodes[VANTIO_TILE_WIDTH]; /* of tile levels 0 and 1 */
	struct vantio_hash stored[VANTIO_TILE_WIDTH];
	struct vantio_lines privates;
	bool has_private;
	bool replaced;
	bool has_index;
	char last_ts[31], boot_id[37];
	size_t anchor;
};

/* Compares the first `n` hashes of a tile that is `width` wide; `unit` leaves stand behind each of them. */
static void check_tile(struct walk *w, unsigned level, uint64_t index, unsigned width, const struct vantio_hash *hashes,
		       unsigned n, uint64_t unit)
{
	struct vantio_segment_check *c = w->c;
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_error err = { 0 };
	uint64_t leaf = index * VANTIO_TILE_WIDTH * unit;
	unsigned i;

	vantio_tile_path(path, level, index, width);
	if (vantio_tile_read(c->dirfd, level, index, width, w->stored, &err) < 0) {
		vantio_finding_error(&c->tile, &err, leaf, "");
		return;
	}
	for (i = 0; i < n; i++)
		if (!vantio_hash_equal(&hashes[i], &w->stored[i])) {
			vantio_finding_at(&c->differs, leaf + i * unit, "'%s' does not hold the hash of the log", path);
			return;
		}
}

/* A run of records of another boot begins: its place among those that were. */
static int begin_run(struct walk *w, const struct vantio_record_fields *f, uint64_t leaf, struct vantio_error *err)
{
	struct vantio_segment_check *c = w->c;
	struct vantio_run *grown;

	if (!(c->n_runs & (c->n_runs - 1))) {
		grown = realloc(c->runs, (c->n_runs ? c->n_runs * 2 : 1) * sizeof(*grown));
		if (!grown)
			return vantio_fail(err, ENOMEM, "out of memory while verifying");
		c->runs = grown;
	}
	memcpy(w->boot_id, f->boot_id.p, 36);
	c->runs[c->n_runs] = (struct vantio_run){ .leaf = leaf, .first_ns = f->mono_ns, .begun = true };
	crypto_shorthash_siphashx24(c->runs[c->n_runs++].boot.b, (const uint8_t *)f->boot_id.p, f->boot_id.len, c->print_key);
	return 0;
}

static int check_clock(struct walk *w, const struct vantio_record_fields *f, uint64_t leaf, struct vantio_error *err)
{
	struct vantio_segment_check *c = w->c;
	int r = 0;

	if (w->last_ts[0] && memcmp(w->last_ts, f->ts.p, 30) > 0)
		c->backwards++;
	memcpy(w->last_ts, f->ts.p, 30);
	if (!c->n_runs || memcmp(w->boot_id, f->boot_id.p, 36) != 0)
		r = begin_run(w, f, leaf, err);
	else if (f->mono_ns < c->runs[c->n_runs - 1].last_ns)
		vantio_finding_at(&c->content, leaf, "its monotonic clock runs back within a boot");
	if (r == 0)
		c->runs[c->n_runs - 1].last_ns = f->mono_ns;
	return r;
}

static void check_private(struct walk *w, const struct vantio_record_fields *f, uint64_t leaf)
{
	struct vantio_error err = { 0 };
	struct vantio_span line;
	int r;

	if (!w->has_private) {
		w->c->erased++;
		return;
	}
	r = vantio_lines_next(&w->privates, &line, &err);
	if (r < 0) {
		vantio_finding_error(&w->c->content, &err, leaf, "its private line");
		w->has_private = false;
		return;
	}
	if (r == 0) {
		if (line.len)
			vantio_finding_at(&w->c->content, leaf, "its private line is cut short");
		w->has_private = false;
		w->c->erased++;
		return;
	}
	if (!f)
		return;
	r = vantio_private_check(f, line.p, line.len, &err);
	if (r < 0)
		vantio_finding_at(&w->c->content, leaf, "its private line: %s", err.text);
	else if ((size_t)r < f->n_sd)
		w->c->erased++;
}

static void take_print(struct walk *w, uint64_t i, const struct vantio_record_fields *f)
{
	struct vantio_print *p = &w->c->prints[2 * i];

	crypto_shorthash_siphashx24(p[0].b, (const uint8_t *)f->record_id.p, f->record_id.len, w->c->print_key);
	crypto_shorthash_siphashx24(p[1].b, (const uint8_t *)f->nonce.p, f->nonce.len, w->c->print_key);
}

static void check_index(struct walk *w, const struct vantio_record_fields *f, uint64_t leaf, uint64_t offset)
{
	struct vantio_error err = { 0 };

	if (!w->has_index || leaf >= w->c->index_rows)
		return;
	if (vantio_index_compare(w->c->index, f, offset, &err) == 0)
		return;
	vantio_finding_error(&w->c->index_off, &err, leaf, "");
	w->has_index = false;
}

static int check_line(struct walk *w, uint64_t i, const struct vantio_span *line, uint64_t offset, struct vantio_error *err)
{
	struct vantio_segment_check *c = w->c;
	struct vantio_error e = { 0 };
	struct vantio_record_fields f;
	uint64_t leaf = w->first + i;
	int r;

	if (vantio_record_scan(line->p, line->len, &f, &e) < 0) {
		vantio_finding_at(&c->content, leaf, "%s", e.text);
		/* Each such leaf its own print, so that it repeats no other. */
		randombytes_buf(&c->prints[2 * i], 2 * sizeof(c->prints[0]));
		check_private(w, NULL, leaf);
		w->has_index = false; /* its row cannot be compared, and the walk over rows would be one behind */
		return 0;
	}
	if (f.leaf != leaf)
		vantio_finding_at(&c->content, leaf, "it says that it is leaf %llu", (unsigned long long)f.leaf);
	r = check_clock(w, &f, leaf, err);
	take_print(w, i, &f);
	check_private(w, &f, leaf);
	check_index(w, &f, leaf, offset);
	if (f.lost_before > UINT64_MAX - c->lost)
		c->lost = UINT64_MAX;
	else
		c->lost += f.lost_before;
	return r;
}

/* Takes the line's hash into the tree, and compares each tile that it completes. */
static int grow(struct walk *w, uint64_t i, const struct vantio_span *line, struct vantio_error *err)
{
	struct vantio_segment_check *c = w->c;
	unsigned slot = i % VANTIO_TILE_WIDTH;
	int r;

	vantio_leaf_hash(&w->leaves[slot], line->p, line->len);
	r = vantio_merkle_add(&c->tree, 0, &w->leaves[slot], NULL, NULL, err);
	if (r < 0)
		return r;
	if (slot == VANTIO_TILE_WIDTH - 1) {
		/* Its parent was just merged, perhaps into a higher peak: computed again, it costs 1/256 of the leaves. */
		struct vantio_merkle m = { .size = 0 };
		unsigned j;

		for (j = 0; j < VANTIO_TILE_WIDTH; j++)
			vantio_merkle_add(&m, 0, &w->leaves[j], NULL, NULL, err);
		w->nodes[i / VANTIO_TILE_WIDTH] = m.peaks[8];
		check_tile(w, 0, (w->first + i) / VANTIO_TILE_WIDTH, VANTIO_TILE_WIDTH, w->leaves, VANTIO_TILE_WIDTH, 1);
	}
	while (w->anchor < c->n_anchors && c->anchors[w->anchor].size == w->first + i + 1)
		c->at_anchor[w->anchor++] = c->tree;
	return 0;
}

static void check_edges(struct walk *w)
{
	struct vantio_segment_check *c = w->c;
	uint64_t n = c->tree.size, left = c->n - n / VANTIO_TILE_WIDTH * VANTIO_TILE_WIDTH;
	unsigned rest = n % VANTIO_TILE_WIDTH, full = (unsigned)(n / VANTIO_TILE_WIDTH);

	/* Where lines are missing behind these, the tile still tells whether these are the right ones. */
	if (rest)
		check_tile(w, 0, (w->first + n) / VANTIO_TILE_WIDTH, left < VANTIO_TILE_WIDTH ? (unsigned)left : VANTIO_TILE_WIDTH,
			   w->leaves, rest, 1);
	/* A wrong hash of leaves makes its parents wrong: only the lowest level tells where. */
	if (full && n == c->n && !c->differs.found)
		check_tile(w, 1, c->segment, full, w->nodes, full, VANTIO_TILE_WIDTH);
}

static int walk_lines(struct walk *w, struct vantio_lines *lines, struct vantio_error *err)
{
	struct vantio_segment_check *c = w->c;
	struct vantio_span line;
	struct vantio_error e = { 0 };
	uint64_t i, offset;
	int r;

	for (i = 0; i < c->n; i++) {
		offset = lines->offset;
		r = vantio_lines_next(lines, &line, &e);
		if (r < 0) {
			vantio_finding_error(&c->log, &e, w->first + i, "its line");
			return 0;
		}
		if (r == 0) {
			vantio_finding_at(&c->log, w->first + i, line.len ? "its line is cut short: the log ends there" :
					  "the log ends before it");
			return 0;
		}
		r = check_line(w, i, &line, offset, err);
		if (r == 0)
			r = grow(w, i, &line, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int walk_segment(struct walk *w, struct vantio_error *err)
{
	struct vantio_segment_check *c = w->c;
	cleanup_close int fd = -1, private = -1;
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_lines lines = { .buf = NULL };
	struct vantio_error e = { 0 };
	struct stat st;
	int r;

	vantio_segment_path(path, "log", c->segment);
	fd = vantio_store_open(c->dirfd, path, O_RDONLY, 0, &e);
	if (fd < 0) {
		vantio_finding_error(&c->log, &e, w->first, "");
		return 0;
	}
	vantio_segment_path(path, "private", c->segment);
	private = vantio_store_open(c->dirfd, path, O_RDONLY, 0, &e);
	if (private < 0 && private != -ENOENT)
		vantio_finding_error(&c->content, &e, w->first, "");
	r = private < 0 ? 0 : vantio_lines_init(&w->privates, private, 0, VANTIO_RECORD_PRIVATE_MAX, err);
	w->has_private = private >= 0 && r == 0;
	if (r == 0)
		r = vantio_lines_init(&lines, fd, 0, VANTIO_RECORD_LINE_MAX, err);
	if (c->index && vantio_index_walk(c->index, w->first, c->index_rows, &e) < 0)
		vantio_finding_error(&c->index_off, &e, w->first, "");
	else
		w->has_index = c->index != NULL;
	if (r == 0)
		r = walk_lines(w, &lines, err);
	/* An erasure put another sidecar in its place meanwhile, and overwrote this one. */
	w->replaced = r == 0 && c->content.found && private >= 0 && fstat(private, &st) == 0 && !st.st_nlink;
	if (r == 0)
		check_edges(w);
	if (r == 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size > lines.offset && c->tree.size == c->n) {
		c->beyond = (uint64_t)st.st_size - lines.offset;
		if (!c->last)
			vantio_finding_at(&c->content, w->first + c->n - 1, "behind it, its full segment holds %llu bytes too many",
					  (unsigned long long)c->beyond);
	}
	vantio_lines_clear(&lines);
	vantio_lines_clear(&w->privates);
	return r;
}

static int verify_once(struct vantio_segment_check *c, bool *ret_replaced, struct vantio_error *err)
{
	cleanup_free struct walk *w = calloc(1, sizeof(*w));
	int r;

	c->prints = calloc(c->n ? c->n : 1, 2 * sizeof(*c->prints));
	c->at_anchor = calloc(c->n_anchors ? c->n_anchors : 1, sizeof(*c->at_anchor));
	if (!w || !c->prints || !c->at_anchor)
		return vantio_fail(err, ENOMEM, "out of memory while verifying");
	w->c = c;
	w->first = c->segment << VANTIO_SEGMENT_HEIGHT;
	r = walk_segment(w, err);
	*ret_replaced = w->replaced;
	return r;
}

int vantio_segment_verify(struct vantio_segment_check *c, struct vantio_error *err)
{
	const struct vantio_segment_check in = *c;
	bool replaced = true;
	int r = 0, tries;

	for (tries = 0; tries < TRIES && replaced && r == 0; tries++) {
		vantio_segment_check_clear(c);
		*c = in;
		r = verify_once(c, &replaced, err);
	}
	return r;
}

void vantio_segment_check_clear(struct vantio_segment_check *c)
{
	free(c->prints);
	free(c->runs);
	free(c->at_anchor);
	c->prints = NULL;
	c->runs = NULL;
	c->at_anchor = NULL;
}
