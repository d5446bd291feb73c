// SPDX-License-Identifier: Apache-2.0
/*
 * Taking a new signing key (DESIGN 7). In this order, each step durable before the next: the new private key; epochs/N, in which the
 * old key seals what there is and names the new one; a checkpoint of the same size and root under the new key; the old private key
 * overwritten and removed. A rotation that is cut short before epochs/N is there has not happened, one that is cut short behind it
 * is finished by the next writer. At no point are there two roots for one size.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/mem.h"
#include "ledger/writer.h"

/* The note that ends epoch N-1: a checkpoint with one more line, under the old key. */
static int write_seal(struct vantio_ledger *l, uint64_t epoch, const struct vantio_vkey *next, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT, note = VANTIO_BUF_INIT, line = VANTIO_BUF_INIT;
	struct vantio_checkpoint c = { .size = l->tiles.tree.size };
	char path[VANTIO_STORE_NAME_MAX];
	int r;

	vantio_buf_printf(&line, "epoch %llu ", (unsigned long long)epoch);
	vantio_vkey_print(&line, next);
	vantio_buf_putc(&line, '\n');
	if (line.failed)
		return vantio_fail(err, ENOMEM, "out of memory while sealing an epoch");
	memcpy(c.origin, l->key.pub.name, sizeof(c.origin));
	vantio_merkle_root(&l->tiles.tree, &c.root);
	c.extension = (struct vantio_span){ line.data, line.len };
	vantio_checkpoint_print(&text, &c);
	if (text.failed)
		return vantio_fail(err, ENOMEM, "out of memory while sealing an epoch");
	r = vantio_note_sign(&note, text.data, text.len, &l->key, err);
	vantio_epoch_path(path, epoch);
	return r < 0 ? r : vantio_replace_file(l->dirfd, path, note.data, note.len, 0644, err);
}

/* The keys of epochs that are over. What cannot be erased now is tried again by the next writer; 0 or a sentence in `kept`. */
static void erase_old(struct vantio_ledger *l, char *kept, size_t max)
{
	struct vantio_error err = { 0 };

	*kept = '\0';
	if (vantio_ledger_keys_sweep(l->dirfd, l->epoch, &err) < 0)
		snprintf(kept, max, "a private key that is out of use could not be erased: %.170s", err.text);
}

/* Behind the seal there is no way back; what fails before it leaves the old key in its place. */
static int seal(struct vantio_ledger *l, uint64_t epoch, const struct vantio_skey *next, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX], kept[256];
	struct vantio_error ignored = { 0 };
	int r;

	r = vantio_ledger_key_write(l->dirfd, epoch, next, err);
	if (r == 0)
		r = write_seal(l, epoch, &next->pub, err);
	if (r == 0)
		return 0;
	vantio_epoch_path(path, epoch);
	if (vantio_store_exists(l->dirfd, path, &ignored) == 0)
		erase_old(l, kept, sizeof(kept));
	else
		vantio_ledger_break(l, err); /* it may be there after a crash or not: the next opening finds out */
	return vantio_fail_prefix(err, "no new signing key was taken");
}

int vantio_ledger_rotate(struct vantio_ledger *l, struct vantio_rotation *ret, struct vantio_error *err)
{
	struct vantio_rotation done = { .epoch = l->epoch + 1 };
	struct vantio_skey next;
	int r;

	r = vantio_ledger_commit(l, err); /* says what is the matter with a ledger that has stopped */
	if (r == 0 && done.epoch >= VANTIO_EPOCHS_MAX)
		r = vantio_fail(err, EOVERFLOW, "the ledger has had %u keys: begin a new one in another folder", VANTIO_EPOCHS_MAX);
	if (r == 0)
		r = vantio_skey_generate(l->key.pub.name, &next, err);
	if (r < 0)
		return r;
	r = seal(l, done.epoch, &next, err);
	if (r == 0) {
		vantio_skey_clear(&l->key);
		l->key = next;
		l->epoch = done.epoch;
		done.sealed = l->tiles.tree.size;
		r = vantio_ledger_write_checkpoint(l, err);
		if (r < 0)
			vantio_ledger_break(l, err);
	}
	vantio_skey_clear(&next);
	if (r < 0)
		return r;
	erase_old(l, done.kept, sizeof(done.kept));
	*ret = done;
	return 0;
}

uint64_t vantio_ledger_epoch(const struct vantio_ledger *l)
{
	return l->epoch;
}

bool vantio_ledger_is_in(const struct vantio_ledger *l, uint64_t dev, uint64_t ino)
{
	struct stat st;

	return fstat(l->dirfd, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

int vantio_ledger_key_age(const struct vantio_ledger *l, uint64_t *ret_ns, struct vantio_error *err)
{
	struct timespec now;
	uint64_t made, t;
	int r = vantio_ledger_key_time(l->dirfd, l->epoch, &made, err);

	if (r < 0)
		return r;
	clock_gettime(CLOCK_REALTIME, &now);
	t = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	*ret_ns = t > made ? t - made : 0;
	return 0;
}

/* Before an older key is erased, what takes its place must outlive a crash, whoever wrote it. */
static int make_durable(struct vantio_ledger *l, struct vantio_error *err)
{
	static const char *const folders[] = { "keys", "epochs", "." };
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < VANTIO_ARRAY_SIZE(folders); i++)
		r = vantio_store_sync_dir(l->dirfd, folders[i], err);
	return r;
}

int vantio_ledger_finish_rotation(struct vantio_ledger *l, bool unfinished, struct vantio_error *err)
{
	char kept[256];
	int r = make_durable(l, err);

	vantio_store_drop_temporaries(l->dirfd, "epochs");
	if (r == 0 && unfinished) {
		r = vantio_ledger_write_checkpoint(l, err);
		if (r == 0)
			vantio_ledger_add_notice(l, "a rotation of the signing key that was cut short was finished: epoch %llu",
						 (unsigned long long)l->epoch);
	}
	if (r < 0)
		return r;
	erase_old(l, kept, sizeof(kept));
	if (*kept)
		vantio_ledger_add_notice(l, "%s", kept);
	return 0;
}
