// SPDX-License-Identifier: Apache-2.0
#include "ledger/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "ledger/lock.h"

/* Beyond these an append submits by itself: memory stays bounded, at two batches. */
#define STAGED_RECORDS_MAX 8192u
#define STAGED_BYTES_MAX   (16u << 20)
/* Of lines, and again of private lines: taken at once, of whole pages, which are memory only when they are written to. */
#define STAGED_ROOM        (10u << 20)

void vantio_ledger_add_notice(struct vantio_ledger *l, const char *fmt, ...)
{
	va_list ap;

	if (l->n_notices == VANTIO_LEDGER_NOTICES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(l->notices[l->n_notices++], sizeof(l->notices[0]), fmt, ap);
	va_end(ap);
}

const char *vantio_ledger_notice(const struct vantio_ledger *l, size_t i)
{
	return i < l->n_notices ? l->notices[i] : NULL;
}

/* What cannot be had now is had bit by bit, and is then not as a direct write needs it. */
static void make_room(struct vantio_buf *b)
{
	char *data = aligned_alloc(VANTIO_SEGMENT_ALIGN, STAGED_ROOM);

	if (data)
		*b = (struct vantio_buf){ .data = data, .cap = STAGED_ROOM };
}

static int grow_batch(struct vantio_batch *b, struct vantio_error *err)
{
	size_t cap = b->cap ? b->cap * 2 : 256;
	struct vantio_staged *grown;

	if (b->n < b->cap)
		return 0;
	if (!b->cap) {
		make_room(&b->lines);
		make_room(&b->privates);
	}
	grown = realloc(b->items, cap * sizeof(*grown));
	if (!grown)
		return vantio_fail(err, ENOMEM, "out of memory while staging records");
	b->items = grown;
	b->cap = cap;
	return 0;
}

static void reset_batch(struct vantio_batch *b)
{
	b->n = 0;
	vantio_buf_reset(&b->lines);
	vantio_buf_reset(&b->privates);
}

static void free_batch(struct vantio_batch *b)
{
	vantio_buf_free(&b->lines);
	vantio_buf_free(&b->privates);
	free(b->items);
}

void vantio_ledger_break(struct vantio_ledger *l, const struct vantio_error *why)
{
	/* What is on disk is no longer known: only opening it anew, with its recovery, can tell. */
	l->failure = *why;
	l->broken = true;
}

int vantio_ledger_write_checkpoint(struct vantio_ledger *l, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT, note = VANTIO_BUF_INIT;
	struct vantio_checkpoint c = { .size = l->tiles.tree.size };
	int r;

	memcpy(c.origin, l->key.pub.name, sizeof(c.origin));
	vantio_merkle_root(&l->tiles.tree, &c.root);
	vantio_checkpoint_print(&text, &c);
	if (text.failed)
		return vantio_fail(err, ENOMEM, "out of memory while writing a checkpoint");
	r = vantio_note_sign(&note, text.data, text.len, &l->key, err);
	return r < 0 ? r : vantio_replace_file(l->dirfd, "checkpoint", note.data, note.len, 0644, err);
}

/* A folder without a checkpoint: new, or one whose making was cut short before anything was acknowledged. */
static int create(struct vantio_ledger *l, struct vantio_error *err)
{
	static const char *const folders[] = { "log/", "private/", "tile/", "quarantine/" };
	size_t i;
	int r;

	r = vantio_store_exists(l->dirfd, "log/00000000.ndjson", err);
	if (r > 0)
		return vantio_fail(err, EBADMSG, "the ledger '%s' has records and no checkpoint: put the folder back from a backup, or "
				   "begin a new ledger in another folder", l->dir);
	if (r == 0)
		r = vantio_ledger_key_create(l->dirfd, err);
	for (i = 0; i < VANTIO_ARRAY_SIZE(folders) && r == 0; i++)
		r = vantio_store_make_parents(l->dirfd, folders[i], err);
	if (r == 0)
		r = vantio_ledger_key_load(l->dirfd, 0, &l->key, err);
	/* What an attempt that was cut short left of another key. */
	if (r == 0)
		r = vantio_ledger_keys_sweep(l->dirfd, 0, err);
	if (r < 0)
		return r;
	vantio_tiles_init(&l->tiles, l->dirfd);
	return vantio_ledger_write_checkpoint(l, err);
}

/* The key of the newest epoch, which must be the one that the chain of epochs names. */
static int load_key(struct vantio_ledger *l, const struct vantio_epochs *epochs, struct vantio_error *err)
{
	int r;

	l->epoch = epochs->n - 1;
	r = vantio_ledger_key_load(l->dirfd, l->epoch, &l->key, err);
	if (r == 0 && !vantio_vkey_equal(&l->key.pub, &epochs->items[l->epoch].key))
		r = vantio_fail(err, EPROTO, "the private key of epoch %llu is not the one that the ledger names: put the right one back "
				"from a backup", (unsigned long long)l->epoch);
	return r;
}

static int load(struct vantio_ledger *l, struct vantio_error *err)
{
	struct vantio_epochs epochs = { NULL, 0 };
	struct vantio_head head;
	int r;

	r = vantio_head_own(l->dirfd, &epochs, &head, err);
	if (r == -EBADMSG || r == -ENOKEY) {
		err->code = EBADMSG;
		return vantio_fail_prefix(err, "the checkpoint of the ledger '%s' cannot be relied on, so nothing is appended", l->dir);
	}
	if (r < 0)
		return r;
	vantio_store_drop_temporaries(l->dirfd, "private");
	r = load_key(l, &epochs, err);
	if (r == 0)
		r = vantio_ledger_recover(l, &head.checkpoint, err);
	if (r == 0)
		r = vantio_ledger_finish_rotation(l, head.unfinished, err);
	vantio_head_clear(&head);
	vantio_epochs_clear(&epochs);
	return r;
}

static int open_folder(struct vantio_ledger *l, struct vantio_error *err)
{
	int r;

	r = vantio_make_dirs(l->dir, 0700, err);
	if (r < 0)
		return r;
	l->dirfd = vantio_store_open_dir(l->dir, err);
	if (l->dirfd < 0)
		return l->dirfd;
	l->lock = vantio_lock_take(l->dirfd, l->dir, err);
	if (l->lock < 0)
		return l->lock;
	r = vantio_store_exists(l->dirfd, "checkpoint", err);
	if (r < 0)
		return r;
	return r ? load(l, err) : create(l, err);
}

int vantio_ledger_open(const char *dir, struct vantio_ledger **ret, struct vantio_error *err)
{
	struct vantio_ledger *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return vantio_fail(err, ENOMEM, "out of memory while opening the ledger");
	l->dirfd = l->lock = -1;
	sodium_mlock(&l->key, sizeof(l->key)); /* no swap and no dump of it, where the limits allow that */
	l->log = (struct vantio_segment)VANTIO_SEGMENT_INIT("log");
	l->private = (struct vantio_segment)VANTIO_SEGMENT_INIT("private");
	l->dir = strdup(dir);
	r = l->dir ? vantio_record_host_init(&l->host, err) : vantio_fail(err, ENOMEM, "out of memory while opening the ledger");
	if (r == 0)
		r = open_folder(l, err);
	if (r < 0) {
		vantio_ledger_close(l);
		return r;
	}
	l->covered = l->next = l->tiles.tree.size;
	l->log_at = l->log.offset;
	l->private_at = l->private.offset;
	l->halves[0] = (struct vantio_half){ .l = l, .file = &l->private, .private = true };
	l->halves[1] = (struct vantio_half){ .l = l, .file = &l->log };
	l->indexer = vantio_indexer_start(l->dirfd, l->covered);
	*ret = l;
	return 0;
}

void vantio_ledger_close(struct vantio_ledger *l)
{
	if (!l)
		return;
	vantio_worker_stop(l->committer);
	vantio_worker_stop(l->halves[0].worker);
	vantio_worker_stop(l->halves[1].worker);
	vantio_indexer_stop(l->indexer);
	vantio_tiles_clear(&l->tiles);
	vantio_segment_close(&l->log);
	vantio_segment_close(&l->private);
	vantio_skey_clear(&l->key);
	sodium_munlock(&l->key, sizeof(l->key));
	vantio_record_work_clear(&l->work);
	free_batch(&l->stage);
	free_batch(&l->flight);
	if (l->lock >= 0)
		close(l->lock);
	if (l->dirfd >= 0)
		close(l->dirfd);
	free(l->dir);
	free(l);
}

size_t vantio_ledger_staged(const struct vantio_ledger *l)
{
	return l->stage.n;
}

uint64_t vantio_ledger_size(const struct vantio_ledger *l)
{
	return l->covered;
}

const struct vantio_vkey *vantio_ledger_vkey(const struct vantio_ledger *l)
{
	return &l->key.pub;
}

static int fail_broken(struct vantio_ledger *l, struct vantio_error *err)
{
	*err = l->failure;
	return vantio_fail_prefix(err, "the ledger stopped after a failed write; open it anew");
}

/* Goes on at a place in memory that is as far from a multiple of a block as the place in the file where it will be written. */
static void align(struct vantio_buf *b, uint64_t offset)
{
	static const char nothing[VANTIO_SEGMENT_ALIGN];

	vantio_buf_add(b, nothing, (size_t)((offset - b->len) % VANTIO_SEGMENT_ALIGN));
}

int vantio_ledger_append(struct vantio_ledger *l, struct vantio_record *r, struct vantio_error *err)
{
	struct vantio_batch *b = &l->stage;
	size_t line_at, private_at;
	int ret;

	if (l->broken)
		return fail_broken(l, err);
	if (b->n >= STAGED_RECORDS_MAX || b->lines.len + b->privates.len >= STAGED_BYTES_MAX) {
		ret = vantio_ledger_submit(l, err);
		if (ret < 0)
			return ret;
	}
	ret = grow_batch(b, err);
	if (ret < 0)
		return ret;
	if (l->next % VANTIO_SEGMENT_RECORDS == 0)
		l->log_at = l->private_at = 0;
	if (b->n == 0 || l->next % VANTIO_SEGMENT_RECORDS == 0) {
		align(&b->lines, l->log_at);
		align(&b->privates, l->private_at);
	}
	line_at = b->lines.len;
	private_at = b->privates.len;
	r->leaf = l->next;
	/* Events of two CPUs may arrive out of order; within a boot the log's clock never runs back. */
	if (r->mono_ns < l->last_mono_ns)
		r->mono_ns = l->last_mono_ns;
	ret = vantio_record_write(r, &l->host, &l->work, &b->lines, &b->privates, err);
	/* Out of memory may have lost staged lines with it: then nothing staged can be trusted. */
	if (ret < 0 && (b->lines.failed || b->privates.failed))
		vantio_ledger_break(l, err);
	if (ret < 0)
		return ret;
	vantio_buf_putc(&b->lines, '\n');
	vantio_buf_putc(&b->privates, '\n');
	if (b->lines.failed || b->privates.failed) {
		b->lines.len = line_at;
		b->privates.len = private_at;
		vantio_fail(err, ENOMEM, "out of memory while staging records");
		vantio_ledger_break(l, err);
		return fail_broken(l, err);
	}
	b->items[b->n++] = (struct vantio_staged){ line_at, b->lines.len, private_at, b->privates.len };
	l->log_at += b->lines.len - line_at;
	l->private_at += b->privates.len - private_at;
	l->last_mono_ns = r->mono_ns;
	l->next++;
	return 0;
}

/* May run in the committing thread. */
static void commit_flight(void *arg)
{
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = arg;

	if (vantio_ledger_commit_batch(l, &err) < 0) {
		vantio_ledger_break(l, &err);
	} else {
		l->covered = l->tiles.tree.size;
		vantio_indexer_wake(l->indexer, l->covered);
	}
	reset_batch(&l->flight);
}

/* Waits for the batch that is under way; the staged one takes its place. 1 if it holds anything. */
static int take_off(struct vantio_ledger *l, struct vantio_error *err)
{
	struct vantio_batch empty;

	if (l->committer)
		vantio_worker_wait(l->committer);
	if (l->broken)
		return fail_broken(l, err);
	empty = l->flight;
	l->flight = l->stage;
	l->stage = empty;
	return l->flight.n > 0;
}

int vantio_ledger_submit(struct vantio_ledger *l, struct vantio_error *err)
{
	int r;

	if (!l->committer)
		l->committer = vantio_worker_start(commit_flight, l);
	if (!l->committer)
		return vantio_ledger_commit(l, err);
	r = take_off(l, err);
	if (r <= 0)
		return r;
	vantio_worker_go(l->committer);
	vantio_record_host_refresh(&l->host);
	return 0;
}

int vantio_ledger_commit(struct vantio_ledger *l, struct vantio_error *err)
{
	int r = take_off(l, err);

	if (r <= 0)
		return r;
	commit_flight(l);
	if (l->broken) {
		*err = l->failure;
		return -err->code;
	}
	vantio_record_host_refresh(&l->host);
	return 0;
}
