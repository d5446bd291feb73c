/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a ledger. keys/NNNNNNNN is the private key of an epoch (0600, as note.h spells it); epochs/00000000 is the
 * genesis verifier key; epochs/N is the checkpoint that seals epoch N-1, signed by that epoch's key, whose one extension line
 * `epoch N VKEY` names the next key. All keys, and the origin of all checkpoints, bear one name.
 */
#ifndef VANTIO_LEDGER_KEYS_H
#define VANTIO_LEDGER_KEYS_H

#include "ledger/checkpoint.h"
#include "ledger/store.h"

#define VANTIO_EPOCHS_MAX 1000000u

struct vantio_epoch {
	struct vantio_vkey key;
	uint64_t begin; /* leaves that the epochs before it hold */
	struct vantio_hash root; /* of those leaves, as sealed */
};

struct vantio_epochs {
	struct vantio_epoch *items; /* owned; [0] is the genesis */
	size_t n;
};

/* Makes a name of this host's for a new key: `host/vantio/` and 8 hex digits of the key. */
int vantio_ledger_key_generate(struct vantio_skey *ret, struct vantio_error *err);
/* Writes the key pair of epoch 0 into a new ledger; finishes what an earlier attempt left half done. */
int vantio_ledger_key_create(int dirfd, struct vantio_error *err);
/* The private key of an epoch. EPROTO: half-written or damaged; EPERM: readable by others; both say how to mend it. */
int vantio_ledger_key_load(int dirfd, uint64_t epoch, struct vantio_skey *ret, struct vantio_error *err);
/* The genesis verifier key that the folder itself names. */
int vantio_ledger_genesis_load(int dirfd, struct vantio_vkey *ret, struct vantio_error *err);
/* Writes the private key of an epoch; durable when it returns. */
int vantio_ledger_key_write(int dirfd, uint64_t epoch, const struct vantio_skey *key, struct vantio_error *err);
/*
 * Erases every private key but that of `epoch`, and what a write of one left that was cut short: overwritten where it lies, then
 * removed. A file system that copies on write, and a disk that moves blocks, keep what was there before: see vantio-ledger(5).
 */
int vantio_ledger_keys_sweep(int ledger, uint64_t epoch, struct vantio_error *err);
/* When the private key of an epoch was made, wall-clock nanoseconds. */
int vantio_ledger_key_time(int dirfd, uint64_t epoch, uint64_t *ret_ns, struct vantio_error *err);

/* ---- the chain of epochs ---- */

/* Follows the chain of epochs from `genesis`. EBADMSG: broken, with a gap, or under another name. */
int vantio_epochs_load(int dirfd, const struct vantio_vkey *genesis, struct vantio_epochs *ret, struct vantio_error *err);
/* Goes on from the end of a chain that was loaded before. */
int vantio_epochs_extend(int dirfd, struct vantio_epochs *e, struct vantio_error *err);
/* Epoch 0, before which there is nothing. */
void vantio_epoch_first(const struct vantio_vkey *genesis, struct vantio_epoch *ret);
/* The epoch that a leaf belongs to: the last that begins at or before it. */
uint64_t vantio_epoch_of(const struct vantio_epochs *e, uint64_t leaf);
/* The epoch that `note`, a copy of epochs/N, begins behind epoch N-1. EBADMSG or ENOKEY: it is not the next one. */
int vantio_epoch_follow(const char *note, size_t len, uint64_t n, const struct vantio_epoch *before, struct vantio_epoch *ret,
			struct vantio_error *err);
/* "epochs/00000001" */
void vantio_epoch_path(char out[VANTIO_STORE_NAME_MAX], uint64_t epoch);
void vantio_epochs_clear(struct vantio_epochs *e);

/* ---- the newest checkpoint ---- */

struct vantio_head {
	char *note; /* owned, NUL-terminated: the checkpoint as it is stored */
	size_t len;
	struct vantio_checkpoint checkpoint; /* borrows from the note */
	bool unfinished; /* the last epoch has no checkpoint yet: this one is under the key before, and is what its seal holds */
};

/*
 * The checkpoint, and the chain that signs it, which is extended as far as needed: a writer may commit and rotate meanwhile.
 * EBADMSG or ENOKEY: it is not signed by the newest epoch, or covers less than what is sealed; ENOENT: there is none.
 */
int vantio_head_read(int dirfd, struct vantio_epochs *e, struct vantio_head *ret, struct vantio_error *err);
/* The same from the genesis key that the folder itself names. */
int vantio_head_own(int dirfd, struct vantio_epochs *ret_epochs, struct vantio_head *ret, struct vantio_error *err);
void vantio_head_clear(struct vantio_head *h);

/* A private key in a file of its own (0600, never overwriting), and read back with the same checks. */
int vantio_skey_write_file(const char *path, const struct vantio_skey *key, struct vantio_error *err);
int vantio_skey_read_file(const char *path, struct vantio_skey *ret, struct vantio_error *err);

#endif
