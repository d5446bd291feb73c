// SPDX-License-Identifier: Apache-2.0
/*
 * Verification of a part (`--since`, `--segment`): the segments that were not asked for are not read. Their place in the tree is
 * taken by their tiles, and since everything together must lead to the signed root, so do those. What the lines behind
 * them say, and whether they are still there, is then not known, and said.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "ledger/verify.h"

/* ---- which ---- */

/* How many segments are there at all: a checkpoint can claim more, by orders of magnitude. */
static uint64_t count_present(int dirfd, uint64_t claimed)
{
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_error ignored;
	uint64_t n = 0, step = 1;

	for (; step < claimed; step *= 2) {
		vantio_segment_path(path, "log", step);
		if (vantio_store_exists(dirfd, path, &ignored) <= 0)
			break;
	}
	/* Halved: `n` is there (the first need not be: it is told when it is read), `step` is not. */
	step = step < claimed ? step : claimed;
	while (step - n > 1) {
		vantio_segment_path(path, "log", n + (step - n) / 2);
		if (vantio_store_exists(dirfd, path, &ignored) > 0)
			n += (step - n) / 2;
		else
			step = n + (step - n) / 2;
	}
	return n + 1;
}

/* Wall-clock time of a segment's first record; false if it cannot be told. */
static bool first_time(int dirfd, uint64_t segment, uint64_t *ret_ns)
{
	char path[VANTIO_STORE_NAME_MAX], ts[VANTIO_RFC3339_LEN];
	struct vantio_error ignored = { 0 };
	struct vantio_record_fields f;
	struct vantio_lines lines;
	cleanup_close int fd = -1;
	struct vantio_span line;
	bool told;

	vantio_segment_path(path, "log", segment);
	fd = vantio_store_open(dirfd, path, O_RDONLY, 0, &ignored);
	if (fd < 0 || vantio_lines_init(&lines, fd, 0, VANTIO_RECORD_LINE_MAX, &ignored) < 0)
		return false;
	told = vantio_lines_next(&lines, &line, &ignored) == 1 && vantio_record_scan(line.p, line.len, &f, &ignored) == 0;
	if (told) {
		memcpy(ts, f.ts.p, VANTIO_RFC3339_LEN - 1);
		ts[VANTIO_RFC3339_LEN - 1] = '\0';
		told = vantio_parse_time(ts, ret_ns);
	}
	vantio_lines_clear(&lines);
	return told;
}

void vantio_verify_choose(struct vantio_verify *v)
{
	const struct vantio_verify_options *o = v->opts;
	uint64_t n = (v->checkpoint.size + VANTIO_SEGMENT_RECORDS - 1) / VANTIO_SEGMENT_RECORDS, ts;

	v->first_segment = 0;
	v->end_segment = n;
	if (o->has_segment) {
		v->first_segment = o->segment;
		v->end_segment = o->segment + 1;
		if (o->segment >= n) {
			vantio_finding_set(&v->fatal, "there is no segment %llu: the ledger has %llu", (unsigned long long)o->segment,
					   (unsigned long long)n);
			v->fatal.unjudged = true;
		}
	} else if (o->since_leaf && n) {
		v->first_segment = o->since_leaf / VANTIO_SEGMENT_RECORDS;
		v->first_segment = v->first_segment < n ? v->first_segment : n - 1;
	} else if (o->since_ns && n) {
		v->first_segment = count_present(v->dirfd, n) - 1;
		/* Of a segment that cannot tell, those before it may be meant too. */
		while (v->first_segment && (!first_time(v->dirfd, v->first_segment, &ts) || ts > o->since_ns))
			v->first_segment--;
	}
	v->part = v->first_segment > 0 || v->end_segment < n;
	v->report->first = v->first_segment * VANTIO_SEGMENT_RECORDS;
	v->report->end = v->end_segment * VANTIO_SEGMENT_RECORDS;
	if (v->report->end > v->checkpoint.size)
		v->report->end = v->checkpoint.size;
}

/* ---- a segment that is not read ---- */

struct filling {
	struct vantio_segment_check *c;
	uint64_t first;
	size_t anchor;
	struct vantio_hash nodes[VANTIO_TILE_WIDTH], leaves[VANTIO_TILE_WIDTH];
};

static int read_tile(struct filling *f, unsigned level, uint64_t index, unsigned width, struct vantio_hash *ret)
{
	struct vantio_error err = { 0 };
	int r = vantio_tile_read(f->c->dirfd, level, index, width, ret, &err);

	if (r < 0)
		vantio_finding_error(&f->c->log, &err, index * VANTIO_TILE_WIDTH << (8 * level), "its line was not asked for, and its tile cannot be read");
	return r;
}

static void take_anchors(struct filling *f, const struct vantio_merkle *tree)
{
	struct vantio_segment_check *c = f->c;

	while (f->anchor < c->n_anchors && c->anchors[f->anchor].size == f->first + tree->size)
		c->at_anchor[f->anchor++] = *tree;
}

/* Leaves of one tile behind the tree, for anchors among them; the tree with all of them. */
static int add_leaves(struct filling *f, struct vantio_merkle *tree, unsigned width, struct vantio_error *err)
{
	unsigned i;
	int r = read_tile(f, 0, (f->first + tree->size) / VANTIO_TILE_WIDTH, width, f->leaves);

	for (i = 0; i < width && r == 0; i++) {
		r = vantio_merkle_add(tree, 0, &f->leaves[i], NULL, NULL, err);
		if (r == 0)
			take_anchors(f, tree);
	}
	return r;
}

/* An older head ends within this tile: its leaves are needed, and must be those of the node above them. */
static int look_inside(struct filling *f, const struct vantio_hash *node, struct vantio_error *err)
{
	struct vantio_merkle inside = f->c->tree, alone = { .size = 0 };
	unsigned i;
	int r = add_leaves(f, &inside, VANTIO_TILE_WIDTH, err);

	for (i = 0; i < VANTIO_TILE_WIDTH && r == 0; i++)
		r = vantio_merkle_add(&alone, 0, &f->leaves[i], NULL, NULL, err);
	if (r == 0 && !vantio_hash_equal(&alone.peaks[8], node))
		vantio_finding_at(&f->c->differs, f->first + f->c->tree.size, "the tile of its hash is not the one of the tile above it");
	return r;
}

static int fill(struct filling *f, struct vantio_error *err)
{
	struct vantio_segment_check *c = f->c;
	unsigned full = (unsigned)(c->n / VANTIO_TILE_WIDTH), rest = c->n % VANTIO_TILE_WIDTH, i;
	int r = full ? read_tile(f, 1, c->segment, full, f->nodes) : 0;

	for (i = 0; i < full && r == 0; i++) {
		if (f->anchor < c->n_anchors && c->anchors[f->anchor].size < f->first + c->tree.size + VANTIO_TILE_WIDTH)
			r = look_inside(f, &f->nodes[i], err);
		if (r == 0)
			r = vantio_merkle_add(&c->tree, 8, &f->nodes[i], NULL, NULL, err);
		if (r == 0)
			take_anchors(f, &c->tree);
	}
	return r == 0 && rest ? add_leaves(f, &c->tree, rest, err) : r;
}

int vantio_segment_pass(struct vantio_segment_check *c, struct vantio_error *err)
{
	cleanup_free struct filling *f = calloc(1, sizeof(*f));

	c->at_anchor = calloc(c->n_anchors ? c->n_anchors : 1, sizeof(*c->at_anchor));
	if (!f || !c->at_anchor)
		return vantio_fail(err, ENOMEM, "out of memory while verifying");
	f->c = c;
	f->first = c->segment << VANTIO_SEGMENT_HEIGHT;
	/* What cannot be read is a finding. */
	return fill(f, err) < 0 && !c->log.found ? -err->code : 0;
}
