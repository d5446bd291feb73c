// SPDX-License-Identifier: Apache-2.0
/* The chain of epochs from the genesis key on, and the checkpoint that its newest key signs. */
#include "ledger/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ledger/store.h"

void vantio_epoch_path(char out[VANTIO_STORE_NAME_MAX], uint64_t epoch)
{
	snprintf(out, VANTIO_STORE_NAME_MAX, "epochs/%08llu", (unsigned long long)epoch);
}

/* ---- the chain of epochs ---- */

void vantio_epochs_clear(struct vantio_epochs *e)
{
	free(e->items);
	*e = (struct vantio_epochs){ NULL, 0 };
}

static int push_epoch(struct vantio_epochs *e, const struct vantio_epoch *item, struct vantio_error *err)
{
	struct vantio_epoch *grown;

	if (e->n >= VANTIO_EPOCHS_MAX)
		return vantio_fail(err, EBADMSG, "more than %u epochs", VANTIO_EPOCHS_MAX);
	if (!(e->n & (e->n - 1))) {
		grown = realloc(e->items, (e->n ? e->n * 2 : 1) * sizeof(*grown));
		if (!grown)
			return vantio_fail(err, ENOMEM, "out of memory while reading epochs");
		e->items = grown;
	}
	e->items[e->n++] = *item;
	return 0;
}

/* `epoch N VKEY` and a newline, and nothing more. */
static int parse_succession(const struct vantio_checkpoint *c, uint64_t epoch, struct vantio_vkey *ret, struct vantio_error *err)
{
	char lead[40];
	int n = snprintf(lead, sizeof(lead), "epoch %llu ", (unsigned long long)epoch);
	struct vantio_span x = c->extension;

	if (x.len < (size_t)n || memcmp(x.p, lead, (size_t)n) != 0 || memchr(x.p, '\n', x.len) != x.p + x.len - 1)
		return vantio_fail(err, EBADMSG, "it does not name the key of epoch %llu", (unsigned long long)epoch);
	if (vantio_vkey_parse(x.p + n, x.len - (size_t)n, ret, err) < 0) {
		err->code = EBADMSG;
		return -EBADMSG;
	}
	return 0;
}

void vantio_epoch_first(const struct vantio_vkey *genesis, struct vantio_epoch *ret)
{
	struct vantio_merkle empty = { .size = 0 };

	*ret = (struct vantio_epoch){ .key = *genesis, .begin = 0 };
	vantio_merkle_root(&empty, &ret->root);
}

int vantio_epoch_follow(const char *note, size_t len, uint64_t n, const struct vantio_epoch *before, struct vantio_epoch *ret,
			struct vantio_error *err)
{
	struct vantio_epoch next;
	struct vantio_checkpoint c;
	int r;

	r = vantio_checkpoint_open(note, len, &before->key, &c, err);
	if (r == 0)
		r = parse_succession(&c, n, &next.key, err);
	if (r == 0 && strcmp(next.key.name, before->key.name) != 0)
		r = vantio_fail(err, EBADMSG, "it names a key of another name");
	if (r == 0 && vantio_vkey_equal(&next.key, &before->key))
		r = vantio_fail(err, EBADMSG, "it names the key that it should have put out of use");
	if (r == 0 && c.size < before->begin)
		r = vantio_fail(err, EBADMSG, "it seals %llu records, fewer than the %llu that were sealed before it",
				(unsigned long long)c.size, (unsigned long long)before->begin);
	if (r == 0 && c.size == before->begin && !vantio_hash_equal(&c.root, &before->root))
		r = vantio_fail(err, EBADMSG, "it seals an empty epoch with another root than the epoch before");
	if (r < 0)
		return r;
	next.begin = c.size;
	next.root = c.root;
	*ret = next;
	return 0;
}

static int read_epoch(int dirfd, uint64_t n, const struct vantio_epoch *before, struct vantio_epoch *ret,
		      struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];
	cleanup_free char *note = NULL;
	size_t len;
	int r;

	vantio_epoch_path(path, n);
	r = vantio_store_read(dirfd, path, VANTIO_NOTE_MAX, &note, &len, err);
	if (r < 0)
		return r;
	r = vantio_epoch_follow(note, len, n, before, ret, err);
	if (r < 0) {
		err->code = EBADMSG;
		return vantio_fail_prefix(err, "'%s', which seals epoch %llu", path, (unsigned long long)(n - 1));
	}
	return 0;
}

/* The chain has ended: a file behind its end would be a gap. 1: a writer has just gone on. */
static int check_end(int dirfd, const struct vantio_epochs *e, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX], behind[VANTIO_STORE_NAME_MAX];
	int r;

	vantio_epoch_path(behind, e->n + 1);
	r = vantio_store_exists(dirfd, behind, err);
	if (r <= 0)
		return r;
	vantio_epoch_path(path, e->n);
	r = vantio_store_exists(dirfd, path, err);
	return r ? r : vantio_fail(err, EBADMSG, "epoch %zu is missing, though '%s' is there", e->n, behind);
}

int vantio_epochs_extend(int dirfd, struct vantio_epochs *e, struct vantio_error *err)
{
	struct vantio_epoch item;
	int r;

	for (;;) {
		r = read_epoch(dirfd, e->n, &e->items[e->n - 1], &item, err);
		if (r == 0)
			r = push_epoch(e, &item, err);
		else if (r == -ENOENT)
			r = check_end(dirfd, e, err) ?: -ENOENT;
		if (r < 0)
			return r == -ENOENT ? 0 : r;
	}
}

int vantio_epochs_load(int dirfd, const struct vantio_vkey *genesis, struct vantio_epochs *ret, struct vantio_error *err)
{
	struct vantio_epochs e = { NULL, 0 };
	struct vantio_epoch first;
	int r;

	vantio_epoch_first(genesis, &first);
	r = push_epoch(&e, &first, err);
	if (r == 0)
		r = vantio_epochs_extend(dirfd, &e, err);
	if (r < 0) {
		vantio_epochs_clear(&e);
		return r;
	}
	*ret = e;
	return 0;
}

uint64_t vantio_epoch_of(const struct vantio_epochs *e, uint64_t leaf)
{
	size_t lo = 0, hi = e->n, mid;

	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (e->items[mid].begin <= leaf)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* ---- the newest checkpoint ---- */

/* An older epoch signed it. That is what a rotation leaves that was cut short, if it is what the seal holds, and nothing else is. */
static int open_by_older(const char *note, size_t len, const struct vantio_epochs *e, struct vantio_head *ret, struct vantio_error *err)
{
	const struct vantio_epoch *newest = &e->items[e->n - 1];
	struct vantio_error not_newest = *err;
	size_t i = e->n - 1;
	int r = -ENOKEY;

	while (i && r == -ENOKEY)
		r = vantio_checkpoint_open(note, len, &e->items[--i].key, &ret->checkpoint, err);
	if (r == -ENOKEY)
		*err = not_newest;
	if (r < 0)
		return r;
	ret->unfinished = i + 2 == e->n && ret->checkpoint.size == newest->begin &&
			  vantio_hash_equal(&ret->checkpoint.root, &newest->root);
	if (ret->unfinished)
		return 0;
	return vantio_fail(err, EBADMSG, "it covers %llu records under the key of epoch %zu, which ended at %llu",
			   (unsigned long long)ret->checkpoint.size, i, (unsigned long long)e->items[i + 1].begin);
}

static int open_head(const struct vantio_epochs *e, struct vantio_head *ret, struct vantio_error *err)
{
	const struct vantio_epoch *newest = &e->items[e->n - 1];
	int r = vantio_checkpoint_open(ret->note, ret->len, &newest->key, &ret->checkpoint, err);

	ret->unfinished = false;
	if (r == -ENOKEY)
		return open_by_older(ret->note, ret->len, e, ret, err);
	if (r == 0 && ret->checkpoint.size < newest->begin)
		return vantio_fail(err, EBADMSG, "it covers %llu records, the sealed epochs already %llu: it was put back, or a later key "
				   "signed for an older epoch", (unsigned long long)ret->checkpoint.size, (unsigned long long)newest->begin);
	return r;
}

int vantio_head_read(int dirfd, struct vantio_epochs *e, struct vantio_head *ret, struct vantio_error *err)
{
	struct vantio_head head = { NULL, 0, { .size = 0 }, false };
	struct vantio_error extending = { 0 };
	size_t known;
	int r;

	do {
		free(head.note);
		head.note = NULL;
		known = e->n;
		r = vantio_store_read(dirfd, "checkpoint", VANTIO_NOTE_MAX, &head.note, &head.len, err);
		if (r < 0)
			return r;
		r = open_head(e, &head, err);
		/* A writer may have taken a new key since the chain was read: its seal is there before its checkpoint is. */
		if (r < 0 && vantio_epochs_extend(dirfd, e, &extending) < 0) {
			*err = extending;
			r = -err->code;
			break;
		}
	} while (r < 0 && e->n > known);
	if (r < 0) {
		free(head.note);
		return r;
	}
	*ret = head;
	return 0;
}

void vantio_head_clear(struct vantio_head *h)
{
	free(h->note);
	h->note = NULL;
}

int vantio_head_own(int dirfd, struct vantio_epochs *ret_epochs, struct vantio_head *ret, struct vantio_error *err)
{
	struct vantio_epochs e = { NULL, 0 };
	struct vantio_vkey genesis;
	int r = vantio_ledger_genesis_load(dirfd, &genesis, err);

	if (r == 0)
		r = vantio_epochs_load(dirfd, &genesis, &e, err);
	if (r == 0)
		r = vantio_head_read(dirfd, &e, ret, err);
	if (r < 0)
		vantio_epochs_clear(&e);
	else
		*ret_epochs = e;
	return r;
}
