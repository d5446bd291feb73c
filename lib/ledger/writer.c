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

#define STAGED_RECORDS_MAX 16384u      /* beyond it an append commits by itself: memory stays bounded */
#define STAGED_BYTES_MAX   (32u << 20)

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

/* Signs and publishes a checkpoint of the tree as it stands in `tiles`. */
static int write_checkpoint(struct vantio_ledger *l, struct vantio_error *err)
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
	if (r < 0)
		return r;
	vantio_tiles_init(&l->tiles, l->dirfd);
	return write_checkpoint(l, err);
}

/* The key of the newest epoch, which must be the one that the chain of epochs names. */
static int load_key(struct vantio_ledger *l, struct vantio_error *err)
{
	struct vantio_epochs epochs = { NULL, 0 };
	struct vantio_vkey genesis;
	int r;

	r = vantio_ledger_genesis_load(l->dirfd, &genesis, err);
	if (r == 0)
		r = vantio_epochs_load(l->dirfd, &genesis, &epochs, err);
	if (r < 0)
		return r;
	r = vantio_ledger_key_load(l->dirfd, epochs.n - 1, &l->key, err);
	if (r == 0 && !vantio_vkey_equal(&l->key.pub, &epochs.items[epochs.n - 1].key))
		r = vantio_fail(err, EPROTO, "the private key of epoch %zu is not the one that the ledger names: put the right one back "
				"from a backup", epochs.n - 1);
	vantio_epochs_clear(&epochs);
	return r;
}

static int load(struct vantio_ledger *l, struct vantio_error *err)
{
	struct vantio_checkpoint c;
	cleanup_free char *note = NULL;
	size_t len;
	int r;

	r = load_key(l, err);
	if (r == 0)
		r = vantio_store_read(l->dirfd, "checkpoint", VANTIO_NOTE_MAX, &note, &len, err);
	if (r < 0)
		return r;
	r = vantio_checkpoint_open(note, len, &l->key.pub, &c, err);
	if (r < 0) {
		err->code = EBADMSG;
		return vantio_fail_prefix(err, "the checkpoint of the ledger '%s' cannot be relied on, so nothing is appended", l->dir);
	}
	return vantio_ledger_recover(l, &c, err);
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
	l->covered = l->tiles.tree.size;
	l->indexer = vantio_indexer_start(l->dirfd, l->covered);
	*ret = l;
	return 0;
}

void vantio_ledger_close(struct vantio_ledger *l)
{
	if (!l)
		return;
	vantio_indexer_stop(l->indexer);
	vantio_segment_close(&l->log);
	vantio_segment_close(&l->private);
	vantio_skey_clear(&l->key);
	vantio_buf_free(&l->lines);
	vantio_buf_free(&l->privates);
	free(l->staged);
	if (l->lock >= 0)
		close(l->lock);
	if (l->dirfd >= 0)
		close(l->dirfd);
	free(l->dir);
	free(l);
}

size_t vantio_ledger_staged(const struct vantio_ledger *l)
{
	return l->n_staged;
}

uint64_t vantio_ledger_size(const struct vantio_ledger *l)
{
	return l->covered;
}

const struct vantio_vkey *vantio_ledger_vkey(const struct vantio_ledger *l)
{
	return &l->key.pub;
}

static int grow_staged(struct vantio_ledger *l, struct vantio_error *err)
{
	size_t cap = l->cap_staged ? l->cap_staged * 2 : 256;
	struct vantio_staged *grown;

	if (l->n_staged < l->cap_staged)
		return 0;
	grown = realloc(l->staged, cap * sizeof(*grown));
	if (!grown)
		return vantio_fail(err, ENOMEM, "out of memory while staging records");
	l->staged = grown;
	l->cap_staged = cap;
	return 0;
}

static int fail_broken(struct vantio_ledger *l, struct vantio_error *err)
{
	*err = l->failure;
	return vantio_fail_prefix(err, "the ledger stopped after a failed write; open it anew");
}

int vantio_ledger_append(struct vantio_ledger *l, struct vantio_record *r, struct vantio_error *err)
{
	size_t line_at, private_at;
	struct vantio_staged *s;
	int ret;

	if (l->broken)
		return fail_broken(l, err);
	if (l->n_staged >= STAGED_RECORDS_MAX || l->lines.len + l->privates.len >= STAGED_BYTES_MAX) {
		ret = vantio_ledger_commit(l, err);
		if (ret < 0)
			return ret;
	}
	ret = grow_staged(l, err);
	if (ret < 0)
		return ret;
	line_at = l->lines.len;
	private_at = l->privates.len;
	r->leaf = l->tiles.tree.size + l->n_staged;
	/* Events of two CPUs may arrive out of order; within a boot the log's clock never runs back. */
	if (r->mono_ns < l->last_mono_ns)
		r->mono_ns = l->last_mono_ns;
	ret = vantio_record_write(r, &l->host, &l->lines, &l->privates, err);
	if (ret < 0) {
		/* Out of memory may have lost staged lines with it: then nothing staged can be trusted. */
		if (l->lines.failed || l->privates.failed) {
			l->broken = true;
			l->failure = *err;
		}
		return ret;
	}
	s = &l->staged[l->n_staged];
	vantio_leaf_hash(&s->hash, l->lines.data + line_at, l->lines.len - line_at);
	vantio_buf_putc(&l->lines, '\n');
	vantio_buf_putc(&l->privates, '\n');
	if (l->lines.failed || l->privates.failed) {
		l->lines.len = line_at;
		l->privates.len = private_at;
		l->broken = true;
		return vantio_fail(&l->failure, ENOMEM, "out of memory while staging records"), fail_broken(l, err);
	}
	s->line_end = l->lines.len;
	s->private_end = l->privates.len;
	l->last_mono_ns = r->mono_ns;
	l->n_staged++;
	return 0;
}

/* Writes staged records [from, to), which lie in one segment, and makes them durable. */
static int write_range(struct vantio_ledger *l, size_t from, size_t to, struct vantio_error *err)
{
	size_t line_at = from ? l->staged[from - 1].line_end : 0, private_at = from ? l->staged[from - 1].private_end : 0;
	uint64_t leaf = l->tiles.tree.size + from, segment = leaf / VANTIO_SEGMENT_RECORDS;
	int r = 0;

	if (l->log.fd < 0 || l->log.number != segment) {
		r = vantio_segment_open(&l->log, l->dirfd, segment, 0, err);
		if (r == 0)
			r = vantio_segment_open(&l->private, l->dirfd, segment, 0, err);
	}
	if (r == 0)
		r = vantio_segment_append(&l->log, l->lines.data + line_at, l->staged[to - 1].line_end - line_at, err);
	if (r == 0)
		r = vantio_segment_append(&l->private, l->privates.data + private_at, l->staged[to - 1].private_end - private_at, err);
	if (r == 0)
		r = vantio_segment_sync(&l->private, err);
	return r < 0 ? r : vantio_segment_sync(&l->log, err);
}

static int commit(struct vantio_ledger *l, struct vantio_error *err)
{
	size_t from, to, room, i;
	int r;

	for (from = 0; from < l->n_staged; from = to) {
		room = VANTIO_SEGMENT_RECORDS - (size_t)((l->tiles.tree.size + from) % VANTIO_SEGMENT_RECORDS);
		to = l->n_staged - from > room ? from + room : l->n_staged;
		r = write_range(l, from, to, err);
		if (r < 0)
			return r;
	}
	for (i = 0; i < l->n_staged; i++) {
		r = vantio_tiles_add(&l->tiles, &l->staged[i].hash, err);
		if (r < 0)
			return r;
	}
	r = vantio_tiles_flush(&l->tiles, err);
	if (r == 0)
		r = write_checkpoint(l, err);
	if (r < 0)
		return r;
	vantio_tiles_prune(&l->tiles);
	return 0;
}

int vantio_ledger_commit(struct vantio_ledger *l, struct vantio_error *err)
{
	int r;

	if (l->broken)
		return fail_broken(l, err);
	if (!l->n_staged)
		return 0;
	r = commit(l, err);
	if (r < 0) {
		/* What is on disk is no longer known: only opening it anew, with its recovery, can tell. */
		l->broken = true;
		l->failure = *err;
		return r;
	}
	l->covered = l->tiles.tree.size;
	vantio_indexer_wake(l->indexer, l->covered);
	l->n_staged = 0;
	vantio_buf_reset(&l->lines);
	vantio_buf_reset(&l->privates);
	vantio_record_host_refresh(&l->host);
	return 0;
}
