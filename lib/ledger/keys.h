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
/* Follows the chain of epochs from `genesis`. EBADMSG: broken, with a gap, or under another name. */
int vantio_epochs_load(int dirfd, const struct vantio_vkey *genesis, struct vantio_epochs *ret, struct vantio_error *err);
/* The epoch that `note`, a copy of epochs/N, begins behind epoch N-1. EBADMSG or ENOKEY: it is not the next one. */
int vantio_epoch_follow(const char *note, size_t len, uint64_t n, const struct vantio_epoch *before, struct vantio_epoch *ret,
			struct vantio_error *err);
/* "epochs/00000001" */
void vantio_epoch_path(char out[VANTIO_STORE_NAME_MAX], uint64_t epoch);
void vantio_epochs_clear(struct vantio_epochs *e);

/* A private key in a file of its own (0600, never overwriting), and read back with the same checks. */
int vantio_skey_write_file(const char *path, const struct vantio_skey *key, struct vantio_error *err);
int vantio_skey_read_file(const char *path, struct vantio_skey *ret, struct vantio_error *err);

#endif
