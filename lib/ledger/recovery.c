// SPDX-License-Identifier: Apache-2.0
/*
 * What a writer does before it appends (DESIGN 7): the tail segment must be what the checkpoint signed; bytes beyond it were
 * never acknowledged and go to quarantine/. Segments before the last one are left to `ledger verify`.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "ledger/writer.h"

#define SEGMENT_HEIGHT 16 /* 65,536 records */
_Static_assert(1u << SEGMENT_HEIGHT == VANTIO_SEGMENT_RECORDS, "a segment is one subtree");

/* A name in quarantine/ that no earlier recovery has taken. */
static void quarantine_path(char out[VANTIO_STORE_NAME_MAX], const char *path, uint64_t offset)
{
	const char *slash = strchr(path, '/');
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(out, VANTIO_STORE_NAME_MAX, "quarantine/%lld%09ld-%.*s-%.20s-%llu", (long long)now.tv_sec, now.tv_nsec,
		 (int)(slash - path), path, slash + 1, (unsigned long long)offset);
}

static int copy_tail(int from, int to, uint64_t offset, const char *path, struct vantio_error *err)
{
	uint64_t at = offset;
	char chunk[65536];
	ssize_t n;
	int r;

	for (;; at += (uint64_t)n) {
		n = pread(from, chunk, sizeof(chunk), (off_t)at);
		if (n < 0 && errno == EINTR) {
			n = 0;
			continue;
		}
		if (n < 0)
			return vantio_fail(err, errno, "cannot read '%s': %s", path, strerror(errno));
		if (n == 0)
			return 0;
		r = vantio_pwrite_all(to, chunk, (size_t)n, at - offset, err);
		if (r < 0)
			return vantio_fail_prefix(err, "cannot set aside the end of '%s'", path);
	}
}

/* Moves what `path` holds from `offset` on into quarantine/: first a durable copy, then the cut. */
static int quarantine_tail(struct vantio_ledger *l, const char *path, uint64_t offset, struct vantio_error *err)
{
	cleanup_close int from = vantio_store_open(l->dirfd, path, O_RDWR, 0, err), to = -1;
	char aside[VANTIO_STORE_NAME_MAX];
	struct stat st;
	int r;

	if (from < 0)
		return from;
	if (fstat(from, &st) < 0)
		return vantio_fail(err, errno, "cannot stat '%s': %s", path, strerror(errno));
	if ((uint64_t)st.st_size <= offset)
		return 0;
	quarantine_path(aside, path, offset);
	r = vantio_store_make_parents(l->dirfd, aside, err);
	if (r < 0)
		return r;
	to = vantio_store_open(l->dirfd, aside, O_WRONLY | O_CREAT | O_EXCL, 0600, err);
	if (to < 0)
		return to;
	r = copy_tail(from, to, offset, path, err);
	if (r < 0)
		return r;
	if (fsync(to) < 0)
		return vantio_fail(err, errno, "cannot make '%s' durable: %s", aside, strerror(errno));
	r = vantio_store_sync_dir(l->dirfd, "quarantine", err);
	if (r < 0)
		return r;
	if (ftruncate(from, (off_t)offset) < 0 || fsync(from) < 0)
		return vantio_fail(err, errno, "cannot cut '%s': %s", path, strerror(errno));
	vantio_ledger_add_notice(l, "%llu bytes of '%s' that no checkpoint covers were set aside in '%s'",
				 (unsigned long long)((uint64_t)st.st_size - offset), path, aside);
	return 0;
}

/* Whole files of segments that no checkpoint covers. */
static int quarantine_beyond(struct vantio_ledger *l, const char *folder, uint64_t first, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX], aside[VANTIO_STORE_NAME_MAX];
	uint64_t n;
	int r;

	for (n = first;; n++) {
		vantio_segment_path(path, folder, n);
		r = vantio_store_exists(l->dirfd, path, err);
		if (r <= 0)
			return r;
		quarantine_path(aside, path, 0);
		r = vantio_store_make_parents(l->dirfd, aside, err);
		if (r < 0)
			return r;
		if (renameat(l->dirfd, path, l->dirfd, aside) < 0)
			return vantio_fail(err, errno, "cannot set aside '%s': %s", path, strerror(errno));
		r = vantio_store_sync_dir(l->dirfd, folder, err);
		if (r == 0)
			r = vantio_store_sync_dir(l->dirfd, "quarantine", err);
		if (r < 0)
			return r;
		vantio_ledger_add_notice(l, "'%s', which no checkpoint covers, was set aside in '%s'", path, aside);
	}
}

/* What one pass over the covered lines of the log yields. */
struct tail {
	uint64_t first, n; /* leaves of the tail segment that the checkpoint covers */
	uint64_t offset;   /* where they end */
	struct vantio_merkle tree;
	struct vantio_record_fields last;
	struct vantio_buf last_line;
};

static int fail_leaf(struct vantio_error *err, uint64_t leaf, const char *what)
{
	return vantio_fail(err, EBADMSG, "leaf %llu of the ledger is damaged: %s; nothing is appended to it: see 'vantioctl ledger "
			   "verify', and put the folder back from a backup", (unsigned long long)leaf, what);
}

static int read_tail(struct vantio_ledger *l, struct tail *t, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_lines lines;
	cleanup_close int fd = -1;
	struct vantio_hash hash;
	struct vantio_span line;
	int r = 0;

	vantio_segment_path(path, "log", t->first >> SEGMENT_HEIGHT);
	fd = vantio_store_open(l->dirfd, path, O_RDONLY, 0, err);
	if (fd < 0)
		return fail_leaf(err, t->first, "its segment cannot be opened");
	r = vantio_lines_init(&lines, fd, 0, VANTIO_RECORD_LINE_MAX, err);
	if (r < 0)
		return r;
	while (t->tree.size < t->n) {
		r = vantio_lines_next(&lines, &line, err);
		if (r != 1) {
			r = fail_leaf(err, t->first + t->tree.size, r ? "its line is too long or cannot be read" : "its line is missing");
			break;
		}
		vantio_leaf_hash(&hash, line.p, line.len);
		vantio_merkle_add(&t->tree, 0, &hash, NULL, NULL, err);
		vantio_buf_reset(&t->last_line);
		if (t->tree.size == t->n)
			vantio_buf_add(&t->last_line, line.p, line.len);
		r = 0;
	}
	t->offset = lines.offset;
	vantio_lines_clear(&lines);
	return r;
}

/* The subtrees of the tail segment are those of the whole tree, up to its height. */
static bool tail_agrees(const struct tail *t, const struct vantio_tiles *tiles)
{
	unsigned h;

	if (t->n == VANTIO_SEGMENT_RECORDS)
		/* Complete: it is the newest hash of the tiles' third level, or part of a higher peak. */
		return !tiles->edges[2].width ||
		       vantio_hash_equal(&t->tree.peaks[SEGMENT_HEIGHT], &tiles->edges[2].hashes[tiles->edges[2].width - 1]);
	for (h = 0; h < SEGMENT_HEIGHT; h++)
		if ((t->tree.size >> h & 1) && !vantio_hash_equal(&t->tree.peaks[h], &tiles->tree.peaks[h]))
			return false;
	return true;
}

/* Walks the lines again beside the tiles' hashes, to name the leaf. */
static int find_damage(struct vantio_ledger *l, const struct tail *t, struct vantio_error *err)
{
	struct vantio_tile_source source = { .dirfd = l->dirfd, .size = t->first + t->n };
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_lines lines;
	cleanup_close int fd = -1;
	struct vantio_hash hash, stored;
	struct vantio_span line;
	uint64_t i;
	int r;

	vantio_segment_path(path, "log", t->first >> SEGMENT_HEIGHT);
	fd = vantio_store_open(l->dirfd, path, O_RDONLY, 0, err);
	if (fd < 0)
		return fd;
	r = vantio_lines_init(&lines, fd, 0, VANTIO_RECORD_LINE_MAX, err);
	if (r < 0)
		return r;
	for (i = t->first; i < t->first + t->n; i++) {
		if (vantio_lines_next(&lines, &line, err) != 1 || vantio_tile_node(&source, 0, i, &stored, err) < 0)
			break;
		vantio_leaf_hash(&hash, line.p, line.len);
		if (!vantio_hash_equal(&hash, &stored))
			break;
	}
	vantio_lines_clear(&lines);
	if (i == t->first + t->n)
		return vantio_fail(err, EBADMSG, "the ledger's tail does not lead to its signed root, though its tiles agree with it; "
				   "nothing is appended to it: see 'vantioctl ledger verify', and put the folder back from a backup");
	return fail_leaf(err, i, "its line is not the one that was signed");
}

/* Every line of the log again into tiles: they were lost or damaged, and the log proves to be right. */
static int rebuild_tiles(struct vantio_ledger *l, const struct vantio_checkpoint *c, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_hash hash;
	struct vantio_span line;
	int pass, r = 0;

	/* The first pass writes nothing: tiles are evidence until the log is known to be right. */
	for (pass = 0; pass < 2; pass++) {
		vantio_tiles_init(&l->tiles, pass ? l->dirfd : -1);
		while (l->tiles.tree.size < c->size) {
			cleanup_close int fd = -1;
			struct vantio_lines lines;

			vantio_segment_path(path, "log", l->tiles.tree.size >> SEGMENT_HEIGHT);
			fd = vantio_store_open(l->dirfd, path, O_RDONLY, 0, err);
			r = fd < 0 ? fd : vantio_lines_init(&lines, fd, 0, VANTIO_RECORD_LINE_MAX, err);
			if (r < 0)
				return r;
			do {
				r = vantio_lines_next(&lines, &line, err);
				if (r == 1)
					vantio_leaf_hash(&hash, line.p, line.len);
				r = r == 1 ? vantio_tiles_add(&l->tiles, &hash, err) :
					     fail_leaf(err, l->tiles.tree.size, "its line is missing");
			} while (r == 0 && l->tiles.tree.size < c->size && l->tiles.tree.size % VANTIO_SEGMENT_RECORDS);
			vantio_lines_clear(&lines);
			if (r < 0)
				return r;
		}
		vantio_merkle_root(&l->tiles.tree, &hash);
		if (!vantio_hash_equal(&hash, &c->root))
			return vantio_fail(err, EBADMSG, "neither the ledger's tiles nor its log lead to its signed root; nothing is "
					   "appended to it: see 'vantioctl ledger verify', and put the folder back from a backup");
	}
	vantio_ledger_add_notice(l, "the tiles were lost or damaged; they were built again from the log, which is right");
	return vantio_tiles_flush(&l->tiles, err);
}

static int load_tree(struct vantio_ledger *l, const struct vantio_checkpoint *c, struct vantio_error *err)
{
	struct vantio_hash root;
	int r;

	vantio_tiles_init(&l->tiles, l->dirfd);
	r = vantio_tiles_load(&l->tiles, c->size, err);
	if (r == 0) {
		vantio_merkle_root(&l->tiles.tree, &root);
		if (vantio_hash_equal(&root, &c->root))
			return 0;
	}
	return rebuild_tiles(l, c, err);
}

/* Cuts the sidecar to the covered records, or fills it up with empty lines where private fields were erased. */
static int align_private(struct vantio_ledger *l, uint64_t segment, uint64_t n, uint64_t *ret_offset, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_lines lines;
	cleanup_close int fd = -1;
	struct vantio_span line;
	uint64_t have = 0;
	int r;

	vantio_segment_path(path, "private", segment);
	r = vantio_store_make_parents(l->dirfd, path, err);
	if (r < 0)
		return r;
	fd = vantio_store_open(l->dirfd, path, O_RDWR | O_CREAT, 0600, err);
	r = fd < 0 ? fd : vantio_lines_init(&lines, fd, 0, VANTIO_RECORD_PRIVATE_MAX, err);
	if (r < 0)
		return r;
	while (have < n && vantio_lines_next(&lines, &line, err) == 1)
		have++;
	*ret_offset = lines.offset;
	vantio_lines_clear(&lines);
	r = quarantine_tail(l, path, *ret_offset, err);
	if (r < 0 || have == n)
		return r;
	vantio_ledger_add_notice(l, "the private fields of the last %llu records are missing; they count as erased",
				 (unsigned long long)(n - have));
	for (; have < n && r == 0; have++) {
		r = vantio_pwrite_all(fd, "[]\n", 3, *ret_offset, err);
		*ret_offset += 3;
	}
	if (r == 0 && fsync(fd) < 0)
		r = vantio_fail(err, errno, "%s", strerror(errno));
	return r < 0 ? vantio_fail_prefix(err, "cannot write '%s'", path) : 0;
}

/* The monotonic clock of the last record, if it was written in this boot. */
static int take_last(struct vantio_ledger *l, struct tail *t, struct vantio_error *err)
{
	int r;

	if (!t->n)
		return 0;
	if (t->last_line.failed)
		return vantio_fail(err, ENOMEM, "out of memory while opening the ledger");
	r = vantio_record_scan(t->last_line.data, t->last_line.len, &t->last, err);
	if (r == -EPROTONOSUPPORT) {
		err->code = EPROTO;
		return vantio_fail_prefix(err, "the ledger is of another version");
	}
	if (r < 0)
		return fail_leaf(err, t->first + t->n - 1, "it is not a record");
	if (t->last.boot_id.len == strlen(l->host.boot_id) && !memcmp(t->last.boot_id.p, l->host.boot_id, t->last.boot_id.len))
		l->last_mono_ns = t->last.mono_ns;
	return 0;
}

/* ---- checkpoints that a crash kept from being published ---- */

#define TEMPORARY_MAX 128 /* bytes of such a name, with the NUL */

struct unpublished {
	char name[TEMPORARY_MAX]; /* "": none */
	char *note; /* owned */
	struct vantio_checkpoint checkpoint;
};

static bool temporary_name(const char *name)
{
	size_t len = strlen(name);

	return len < TEMPORARY_MAX && len > 4 && !strncmp(name, ".checkpoint.", 12) && !strcmp(name + len - 4, ".tmp");
}

/* Takes one over if it is signed and goes beyond what was found so far; all else of that kind was cut short or outgrown. */
static void consider(struct vantio_ledger *l, const char *name, const struct vantio_checkpoint *published, struct unpublished *u)
{
	uint64_t size = u->name[0] ? u->checkpoint.size : published->size;
	struct vantio_error ignored;
	struct vantio_checkpoint c;
	cleanup_free char *note = NULL;
	size_t len;

	if (vantio_store_read(l->dirfd, name, VANTIO_NOTE_MAX, &note, &len, &ignored) < 0 ||
	    vantio_checkpoint_open(note, len, &l->key.pub, &c, &ignored) < 0 || c.size <= size) {
		unlinkat(l->dirfd, name, 0);
		return;
	}
	if (u->name[0])
		unlinkat(l->dirfd, u->name, 0);
	free(u->note);
	u->note = vantio_take(note);
	u->checkpoint = c;
	strcpy(u->name, name);
}

/*
 * A writer that is killed between signing a checkpoint and renaming it leaves a signed root for a size. To sign another root for that
 * size would be a fork, so the checkpoint is published after all: what it covers was made durable before it was signed.
 */
static void find_unpublished(struct vantio_ledger *l, const struct vantio_checkpoint *published, struct unpublished *u)
{
	struct vantio_error ignored;
	cleanup_dir DIR *dir = vantio_store_list(l->dirfd, ".", &ignored);
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (temporary_name(d->d_name))
			consider(l, d->d_name, published, u);
}

static int recover_tail(struct vantio_ledger *l, const struct vantio_checkpoint *c, struct tail *t, struct vantio_error *err)
{
	uint64_t segment = t->first >> SEGMENT_HEIGHT, private_offset = 0;
	char path[VANTIO_STORE_NAME_MAX];
	int r;

	if (t->n) {
		r = read_tail(l, t, err);
		if (r == 0 && !tail_agrees(t, &l->tiles))
			r = find_damage(l, t, err);
		if (r == 0)
			r = take_last(l, t, err);
		if (r < 0)
			return r;
		vantio_segment_path(path, "log", segment);
		r = quarantine_tail(l, path, t->offset, err);
		if (r == 0)
			r = align_private(l, segment, t->n, &private_offset, err);
		if (r < 0)
			return r;
	}
	r = quarantine_beyond(l, "log", t->n ? segment + 1 : 0, err);
	if (r == 0)
		r = quarantine_beyond(l, "private", t->n ? segment + 1 : 0, err);
	/* A full segment is done with: the first append opens the next. */
	if (r < 0 || c->size % VANTIO_SEGMENT_RECORDS == 0)
		return r;
	r = vantio_segment_open(&l->log, l->dirfd, segment, t->offset, err);
	return r < 0 ? r : vantio_segment_open(&l->private, l->dirfd, segment, private_offset, err);
}

static int recover_to(struct vantio_ledger *l, const struct vantio_checkpoint *c, struct vantio_error *err)
{
	struct tail t = { .n = 0 };
	int r;

	r = load_tree(l, c, err);
	if (r < 0)
		return r;
	if (c->size) {
		t.first = (c->size - 1) >> SEGMENT_HEIGHT << SEGMENT_HEIGHT;
		t.n = c->size - t.first;
	}
	r = recover_tail(l, c, &t, err);
	vantio_buf_free(&t.last_line);
	return r;
}

static int publish(struct vantio_ledger *l, const struct unpublished *u, uint64_t size, struct vantio_error *err)
{
	if (renameat(l->dirfd, u->name, l->dirfd, "checkpoint") < 0)
		return vantio_fail(err, errno, "cannot publish the checkpoint '%s': %s", u->name, strerror(errno));
	vantio_ledger_add_notice(l, "%llu records that were signed and not acknowledged when a writer was stopped are in the log",
				 (unsigned long long)(u->checkpoint.size - size));
	return vantio_store_sync_dir(l->dirfd, ".", err);
}

/* The disk lost what it had called durable: the signed note is kept as evidence. */
static int set_aside(struct vantio_ledger *l, const struct unpublished *u, struct vantio_error *err)
{
	char aside[VANTIO_STORE_NAME_MAX];
	int r;

	quarantine_path(aside, "checkpoint/unpublished", u->checkpoint.size);
	r = vantio_store_make_parents(l->dirfd, aside, err);
	if (r < 0)
		return r;
	if (renameat(l->dirfd, u->name, l->dirfd, aside) < 0)
		return vantio_fail(err, errno, "cannot set aside '%s': %s", u->name, strerror(errno));
	vantio_ledger_add_notice(l, "a checkpoint was signed for records that the log does not hold: the disk lost them; the checkpoint was "
				 "set aside in '%s'", aside);
	return vantio_store_sync_dir(l->dirfd, "quarantine", err);
}

int vantio_ledger_recover(struct vantio_ledger *l, const struct vantio_checkpoint *c, struct vantio_error *err)
{
	struct unpublished u = { .note = NULL };
	int r = -EBADMSG;

	find_unpublished(l, c, &u);
	if (u.name[0]) {
		r = recover_to(l, &u.checkpoint, err);
		if (r == 0)
			r = publish(l, &u, c->size, err);
		else if (r == -EBADMSG && set_aside(l, &u, err) < 0)
			r = -err->code;
	}
	if (r == -EBADMSG)
		r = recover_to(l, c, err);
	if (r == 0)
		vantio_tiles_drop_beyond(&l->tiles);
	free(u.note);
	return r;
}
