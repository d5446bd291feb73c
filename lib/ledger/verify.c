// SPDX-License-Identifier: Apache-2.0
/*
 * `ledger verify` (DESIGN 7): the keys, the checkpoint, then segment by segment, as many side by side as there are cores,
 * then what needs all of them: the root, older heads, higher tiles, duplicates. Memory does not grow with the ledger.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "base/mem.h"
#include "base/text.h"
#include "ledger/lock.h"
#include "ledger/verify.h"

#define THREADS_MAX 16
#define ANCHORS_FEW 2 /* beside the epochs: --against and the remembered head */

struct verify {
	int dirfd;
	const struct vantio_verify_options *opts;
	struct vantio_ledger_report *report;
	struct vantio_epochs epochs;
	struct vantio_checkpoint checkpoint;
	char *note; /* owned: the checkpoint as it is stored */
	size_t note_len;
	struct vantio_anchor *anchors; /* owned, ascending */
	size_t n_anchors, next_anchor;
	bool anchored;
	struct vantio_merkle tree; /* of the segments combined so far; the last, partial one is not added */
	struct vantio_hash root;   /* of everything, once all segments are combined */
	struct vantio_hash *segments; /* owned: roots of the full ones */
	size_t n_segments;
	struct vantio_clock clock;
	struct vantio_dupes *dupes;
	uint8_t print_key[crypto_shorthash_siphashx24_KEYBYTES];
	struct vantio_finding fatal; /* nothing further can be asked */
	struct vantio_finding log, content, tile, anchor;
	uint64_t erased, backwards, lost, beyond;
};

static void note(struct verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct verify *v, const char *fmt, ...)
{
	struct vantio_ledger_report *r = v->report;
	va_list ap;

	if (r->n_notes == VANTIO_ARRAY_SIZE(r->notes))
		return;
	va_start(ap, fmt);
	vsnprintf(r->notes[r->n_notes++], sizeof(r->notes[0]), fmt, ap);
	va_end(ap);
}

/* ---- before the log: keys, checkpoint, anchors ---- */

static int load_genesis(struct verify *v, struct vantio_vkey *ret)
{
	struct vantio_error err = { 0 };
	struct vantio_vkey own;
	int r = vantio_ledger_genesis_load(v->dirfd, &own, &err);

	if (!v->opts->vkey) {
		if (r == -ENOENT)
			vantio_finding_set(&v->fatal, "no verifier key was given and the folder names none"), v->fatal.unjudged = true;
		else if (r < 0)
			vantio_finding_error(&v->fatal, &err, 0, ""), v->fatal.has_leaf = false;
		else
			note(v, "the verifier key was taken from the folder itself; give the one that you trust with --vkey");
		*ret = own;
		return r;
	}
	if (vantio_vkey_parse(v->opts->vkey, strlen(v->opts->vkey), ret, &err) < 0) {
		vantio_finding_set(&v->fatal, "the verifier key that was given cannot be used: %s", err.text);
		v->fatal.unjudged = true;
		return -EINVAL;
	}
	if (r < 0 && r != -ENOENT) {
		vantio_finding_error(&v->fatal, &err, 0, "");
		v->fatal.has_leaf = false;
	} else if (r == 0 && !vantio_vkey_equal(&own, ret)) {
		vantio_finding_set(&v->fatal, "the ledger names another genesis key, %.150s, than the one that was given", own.name);
	}
	return v->fatal.found ? -EBADMSG : 0;
}

/* The epochs that the folder holds must all be on the chain. */
static void check_epoch_gap(struct verify *v)
{
	struct vantio_error err = { 0 };
	cleanup_dir DIR *dir = NULL;
	struct dirent *d;
	uint64_t n;
	int fd = vantio_store_open_subdir(v->dirfd, "epochs", &err);

	if (fd < 0)
		return; /* the given key is the genesis, and it is the only one */
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((d = readdir(dir))) {
		const char *name = d->d_name;

		while (*name == '0' && name[1])
			name++;
		if (vantio_parse_u64(name, strlen(name), UINT64_MAX, &n) && n >= v->epochs.n)
			vantio_finding_set(&v->fatal, "epoch %zu is missing, though 'epochs/%.20s' is there", v->epochs.n, d->d_name);
	}
}

static void load_epochs(struct verify *v)
{
	struct vantio_error err = { 0 };
	struct vantio_vkey genesis;

	if (load_genesis(v, &genesis) < 0)
		return;
	strcpy(v->report->origin, genesis.name);
	if (vantio_epochs_load(v->dirfd, &genesis, &v->epochs, &err) < 0) {
		vantio_finding_error(&v->fatal, &err, 0, "");
		v->fatal.has_leaf = false;
		return;
	}
	check_epoch_gap(v);
}

static int by_size(const void *a, const void *b)
{
	const struct vantio_anchor *x = a, *y = b;

	return x->size < y->size ? -1 : x->size > y->size;
}

/* What the log must contain beside the checkpoint: read before the checkpoint, so that a writer can only be further. */
static int load_anchors(struct verify *v, struct vantio_error *err)
{
	const struct vantio_verify_options *o = v->opts;
	struct vantio_error e = { 0 };
	size_t i, n = 0;
	int r = 0;

	v->anchors = calloc(v->epochs.n + ANCHORS_FEW, sizeof(*v->anchors));
	if (!v->anchors)
		return vantio_fail(err, ENOMEM, "out of memory while verifying");
	for (i = 1; i < v->epochs.n; i++) {
		v->anchors[n] = (struct vantio_anchor){ .size = v->epochs.items[i].begin, .root = v->epochs.items[i].root };
		snprintf(v->anchors[n++].what, sizeof(v->anchors[0].what), "the seal of epoch %zu", i - 1);
	}
	if (o->against) {
		r = vantio_against_load(o->against, &v->epochs, &v->anchors[n], &v->fatal, &e);
		if (r < 0) {
			vantio_finding_set(&v->fatal, "%s", e.text);
			v->fatal.unjudged = true;
		}
		n += r > 0;
		v->anchored |= r > 0;
	}
	if (o->state_dir && !v->fatal.found) {
		r = vantio_head_load(o->state_dir, &v->epochs, &v->anchors[n], &v->fatal, &e);
		if (r < 0)
			note(v, "the head that was verified before cannot be read: %.180s", e.text);
		n += r > 0;
		v->anchored |= r > 0;
	}
	v->n_anchors = n;
	return 0;
}

static void load_checkpoint(struct verify *v)
{
	const struct vantio_epoch *newest = &v->epochs.items[v->epochs.n - 1];
	struct vantio_error err = { 0 };
	int r;

	r = vantio_store_read(v->dirfd, "checkpoint", VANTIO_NOTE_MAX, &v->note, &v->note_len, &err);
	if (r == -ENOENT) {
		vantio_finding_set(&v->fatal, "the checkpoint is missing");
		return;
	}
	if (r == 0)
		r = vantio_checkpoint_open(v->note, v->note_len, &newest->key, &v->checkpoint, &err);
	if (r == -ENOKEY)
		err.code = EBADMSG;
	if (r < 0) {
		vantio_finding_error(&v->fatal, &err, 0, "the checkpoint");
		v->fatal.has_leaf = false;
		return;
	}
	if (v->checkpoint.size < newest->begin)
		vantio_finding_set(&v->fatal, "the checkpoint covers %llu records, the sealed epochs already %llu: it was put back",
				   (unsigned long long)v->checkpoint.size, (unsigned long long)newest->begin);
	v->report->records = v->checkpoint.size;
	vantio_hex(v->report->root, v->checkpoint.root.b, sizeof(v->checkpoint.root.b));
}

/* Anchors that need no log: too far ahead, or of the empty tree. */
static void check_anchor_sizes(struct verify *v)
{
	struct vantio_merkle empty = { .size = 0 };
	struct vantio_hash root;
	size_t i;

	qsort(v->anchors, v->n_anchors, sizeof(*v->anchors), by_size);
	vantio_merkle_root(&empty, &root);
	for (i = 0; i < v->n_anchors; i++) {
		struct vantio_anchor *a = &v->anchors[i];

		if (a->size > v->checkpoint.size)
			vantio_finding_at(&v->anchor, v->checkpoint.size, "%s covers %llu records, the ledger only %llu: records were "
					  "removed, or an older state was put back", a->what, (unsigned long long)a->size,
					  (unsigned long long)v->checkpoint.size);
		else if (!a->size && !vantio_hash_equal(&a->root, &root))
			vantio_finding_set(&v->anchor, "%s has a wrong root for an empty log", a->what);
		if (!a->size)
			v->next_anchor = i + 1;
	}
}

/* ---- the segments ---- */

/* The root of everything combined so far and, behind it, the part of a segment. */
static void root_with(const struct verify *v, const struct vantio_merkle *part, struct vantio_hash *ret)
{
	struct vantio_merkle whole = v->tree;
	unsigned h;

	/* Sizes add up without carrying: the tree's peaks all stand above those of a segment that is not full. */
	if (part->size == VANTIO_SEGMENT_RECORDS) {
		struct vantio_error ignored;

		vantio_merkle_add(&whole, VANTIO_SEGMENT_HEIGHT, &part->peaks[VANTIO_SEGMENT_HEIGHT], NULL, NULL, &ignored);
	} else {
		for (h = 0; h < VANTIO_SEGMENT_HEIGHT; h++)
			whole.peaks[h] = part->peaks[h];
		whole.size += part->size;
	}
	vantio_merkle_root(&whole, ret);
}

static void combine_anchors(struct verify *v, const struct vantio_segment_check *c)
{
	struct vantio_hash root;
	size_t i;

	for (i = 0; i < c->n_anchors && c->at_anchor[i].size; i++) {
		root_with(v, &c->at_anchor[i], &root);
		if (!vantio_hash_equal(&root, &c->anchors[i].root))
			vantio_finding_set(&v->anchor, "at %llu records its root is not the one of %s: its history was rewritten",
					   (unsigned long long)c->anchors[i].size, c->anchors[i].what);
	}
}

static int push_segment(struct verify *v, const struct vantio_hash *root, struct vantio_error *err)
{
	struct vantio_hash *grown;
	size_t n = v->n_segments;

	if (!(n & (n - 1))) {
		grown = realloc(v->segments, (n ? n * 2 : 1) * sizeof(*grown));
		if (!grown)
			return vantio_fail(err, ENOMEM, "out of memory while verifying");
		v->segments = grown;
	}
	v->segments[v->n_segments++] = *root;
	return 0;
}

static int combine(struct verify *v, struct vantio_segment_check *c, struct vantio_error *err)
{
	uint64_t first = c->segment << VANTIO_SEGMENT_HEIGHT, i;
	int r = 0;

	vantio_finding_merge(&v->log, &c->log);
	vantio_finding_merge(&v->content, &c->content);
	vantio_finding_merge(&v->tile, &c->tile);
	if (c->first.boot_id[0] && !strcmp(c->first.boot_id, v->clock.boot_id) && c->first.mono_ns < v->clock.mono_ns)
		vantio_finding_at(&v->content, first, "its monotonic clock runs back within a boot");
	if (c->final.boot_id[0])
		v->clock = c->final;
	for (i = 0; i < c->tree.size && r == 0; i++) {
		r = vantio_dupes_add(v->dupes, &c->prints[2 * i], first + i, err);
		if (r == 0)
			r = vantio_dupes_add(v->dupes, &c->prints[2 * i + 1], first + i, err);
	}
	combine_anchors(v, c);
	v->erased += c->erased;
	v->backwards += c->backwards;
	v->lost = c->lost > UINT64_MAX - v->lost ? UINT64_MAX : v->lost + c->lost;
	if (c->last)
		v->beyond = c->beyond;
	if (c->last && !v->log.found)
		root_with(v, &c->tree, &v->root);
	if (r == 0 && c->tree.size == VANTIO_SEGMENT_RECORDS) {
		r = push_segment(v, &c->tree.peaks[VANTIO_SEGMENT_HEIGHT], err);
		if (r == 0)
			r = vantio_merkle_add(&v->tree, VANTIO_SEGMENT_HEIGHT, &c->tree.peaks[VANTIO_SEGMENT_HEIGHT], NULL, NULL, err);
	}
	return r;
}

struct task {
	struct vantio_segment_check check;
	struct vantio_error err;
	pthread_t thread;
	bool threaded;
	int r;
};

static void *run_task(void *arg)
{
	struct task *t = arg;

	t->r = vantio_segment_verify(&t->check, &t->err);
	return NULL;
}

static void prepare(struct verify *v, struct task *t, uint64_t segment, uint64_t n_segments)
{
	uint64_t first = segment << VANTIO_SEGMENT_HEIGHT, left = v->checkpoint.size - first;
	struct vantio_segment_check *c = &t->check;

	memset(t, 0, sizeof(*t));
	c->dirfd = v->dirfd;
	c->segment = segment;
	c->n = left < VANTIO_SEGMENT_RECORDS ? left : VANTIO_SEGMENT_RECORDS;
	c->last = segment + 1 == n_segments;
	c->print_key = v->print_key;
	c->anchors = v->anchors + v->next_anchor;
	while (v->next_anchor < v->n_anchors && v->anchors[v->next_anchor].size <= first + c->n) {
		v->next_anchor++;
		c->n_anchors++;
	}
}

/* One round: as many segments as there are cores, combined in their order. */
static int run_round(struct verify *v, struct task *tasks, size_t n, struct vantio_error *err)
{
	int r = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		tasks[i].threaded = i + 1 < n && pthread_create(&tasks[i].thread, NULL, run_task, &tasks[i]) == 0;
		if (!tasks[i].threaded)
			run_task(&tasks[i]);
	}
	for (i = 0; i < n; i++) {
		if (tasks[i].threaded)
			pthread_join(tasks[i].thread, NULL);
		if (r == 0 && tasks[i].r < 0) {
			*err = tasks[i].err;
			r = tasks[i].r;
		}
		/* Behind a line that is missing nothing can be told any more. */
		if (r == 0 && !v->log.found)
			r = combine(v, &tasks[i].check, err);
		vantio_segment_check_clear(&tasks[i].check);
	}
	return r;
}

static int check_segments(struct verify *v, struct vantio_error *err)
{
	uint64_t n_segments = (v->checkpoint.size + VANTIO_SEGMENT_RECORDS - 1) / VANTIO_SEGMENT_RECORDS, at = 0;
	cleanup_free struct task *tasks = calloc(THREADS_MAX, sizeof(*tasks));
	size_t width = (size_t)get_nprocs(), n, i;
	int r;

	if (!tasks)
		return vantio_fail(err, ENOMEM, "out of memory while verifying");
	width = width < 1 ? 1 : width > THREADS_MAX ? THREADS_MAX : width;
	r = vantio_dupes_new(&v->dupes, err);
	if (r < 0)
		return r;
	vantio_merkle_root(&v->tree, &v->root);
	for (; at < n_segments && !v->log.found; at += n) {
		n = n_segments - at < width ? (size_t)(n_segments - at) : width;
		for (i = 0; i < n; i++)
			prepare(v, &tasks[i], at + i, n_segments);
		r = run_round(v, tasks, n, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- behind the log: higher tiles, duplicates, the verdict ---- */

static void check_tile(struct verify *v, unsigned level, uint64_t index, unsigned width, const struct vantio_hash *hashes)
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
			vantio_finding_at(&v->tile, (index * VANTIO_TILE_WIDTH + i) << (8 * level), "'%s' does not hold the hash of the log", path);
			return;
		}
}

/* Level 2 holds the roots of segments; each level above is made of the full tiles below. Works in place. */
static void check_high_tiles(struct verify *v)
{
	uint64_t n = v->tree.size >> VANTIO_SEGMENT_HEIGHT, full, i;
	struct vantio_hash *h = v->segments;
	struct vantio_error ignored;
	struct vantio_merkle m;
	unsigned level, j;

	for (level = 2; level < VANTIO_TILE_LEVELS && n; level++, n = full) {
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
static void blame_line(const struct verify *v, struct vantio_finding *ret)
{
	const struct vantio_finding *where = &v->tile, *what = NULL;

	if (v->tile.found && v->tile.has_leaf && (!v->log.found || v->tile.leaf <= v->log.leaf)) {
		if (v->content.found && v->content.has_leaf && v->content.leaf == where->leaf)
			what = &v->content;
		vantio_finding_at(ret, where->leaf, "its line is not the one that was signed%s%.300s", what ? ": " : "",
				  what ? what->reason : "");
	} else if (v->log.found) {
		*ret = v->log;
	} else if (v->content.found) {
		*ret = v->content;
	} else {
		vantio_finding_set(ret, "the log does not lead to the signed root, though its tiles agree with it: both were rewritten");
	}
}

static int find_worst(struct verify *v, struct vantio_finding *ret, struct vantio_error *err)
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
	}
	return 0;
}

static void add_notes(struct verify *v)
{
	struct vantio_error ignored;
	char path[VANTIO_STORE_NAME_MAX];
	uint64_t behind = (v->checkpoint.size + VANTIO_SEGMENT_RECORDS - 1) / VANTIO_SEGMENT_RECORDS;

	vantio_segment_path(path, "log", behind);
	if (v->beyond || vantio_store_exists(v->dirfd, path, &ignored) > 0)
		note(v, vantio_lock_held(v->dirfd, &ignored) > 0 ?
		     "a writer is appending: what it wrote behind the checkpoint is not judged" :
		     "the log goes on behind the checkpoint: an append that was cut short; the next writer sets it aside");
	if (v->lost)
		note(v, "records say that %llu events were lost before they could be recorded", (unsigned long long)v->lost);
	if (v->erased)
		note(v, "private fields of %llu records are missing: they count as erased", (unsigned long long)v->erased);
	if (v->backwards)
		note(v, "the wall clock ran back %llu times", (unsigned long long)v->backwards);
}

static void conclude(struct verify *v, const struct vantio_finding *worst)
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
	r->verdict = v->anchored ? VANTIO_LEDGER_OK : VANTIO_LEDGER_UNANCHORED;
	add_notes(v);
	if (v->opts->state_dir && vantio_head_store(v->opts->state_dir, r->origin, v->note, v->note_len, &err) < 0)
		note(v, "this head cannot be remembered for the next time: %.180s", err.text);
}

static int judge(struct verify *v, struct vantio_error *err)
{
	struct vantio_finding worst = { .found = false };
	int r = 0;

	load_epochs(v);
	if (!v->fatal.found)
		r = load_anchors(v, err);
	if (r == 0 && !v->fatal.found)
		load_checkpoint(v);
	if (r == 0 && !v->fatal.found) {
		check_anchor_sizes(v);
		r = check_segments(v, err);
		if (r == 0 && !v->log.found)
			check_high_tiles(v);
	}
	if (r == 0)
		r = find_worst(v, &worst, err);
	if (r == 0)
		conclude(v, &worst);
	return r;
}

int vantio_ledger_verify(const char *dir, const struct vantio_verify_options *opts, struct vantio_ledger_report *ret,
			 struct vantio_error *err)
{
	struct vantio_ledger_report report = { .records = 0 };
	struct verify v = { .opts = opts, .report = &report };
	int r;

	if (sodium_init() < 0)
		return vantio_fail(err, EIO, "libsodium cannot be initialised: the system gives no random numbers");
	v.dirfd = vantio_store_open_dir(dir, err);
	if (v.dirfd < 0)
		return v.dirfd;
	randombytes_buf(v.print_key, sizeof(v.print_key));
	r = judge(&v, err);
	vantio_dupes_free(v.dupes);
	vantio_epochs_clear(&v.epochs);
	free(v.segments);
	free(v.anchors);
	free(v.note);
	close(v.dirfd);
	if (r == 0)
		*ret = report;
	return r;
}
