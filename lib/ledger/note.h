/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C2SP signed notes and their keys, Ed25519 (type 1): c2sp.org/signed-note. Private keys are spelt as Go's x/mod/sumdb/note
 * spells them. Strict: UTF-8 without control characters, one spelling of base64, no signature line that is none, at most
 * VANTIO_NOTE_SIGS_MAX of them. Signatures by unknown keys are ignored; a bad one by a known key rejects the whole note.
 */
#ifndef VANTIO_LEDGER_NOTE_H
#define VANTIO_LEDGER_NOTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "record/record.h"

#define VANTIO_KEY_NAME_MAX  192 /* bytes */
#define VANTIO_NOTE_MAX      (64u << 10)
#define VANTIO_NOTE_SIGS_MAX 100

struct vantio_vkey {
	char name[VANTIO_KEY_NAME_MAX + 1];
	uint32_t id; /* the first four bytes of SHA-256(name || 0x0A || 0x01 || key), big-endian */
	uint8_t key[32];
};

struct vantio_skey {
	struct vantio_vkey pub;
	uint8_t secret[64]; /* as libsodium has it: seed, public key */
};

/* "name+hash+base64"; one trailing newline is welcome. EINVAL says what is wrong. */
int vantio_vkey_parse(const char *text, size_t len, struct vantio_vkey *ret, struct vantio_error *err);
/* Without a newline. */
void vantio_vkey_print(struct vantio_buf *out, const struct vantio_vkey *key);
bool vantio_vkey_equal(const struct vantio_vkey *a, const struct vantio_vkey *b);

/* EINVAL: a name that is empty, too long, not UTF-8, or holds a space, a control character or '+'. */
int vantio_skey_generate(const char *name, struct vantio_skey *ret, struct vantio_error *err);
/* The same key under another name. */
int vantio_skey_rename(struct vantio_skey *key, const char *name, struct vantio_error *err);
/* "PRIVATE+KEY+name+hash+base64". */
int vantio_skey_parse(const char *text, size_t len, struct vantio_skey *ret, struct vantio_error *err);
void vantio_skey_print(struct vantio_buf *out, const struct vantio_skey *key);
/* Wipes the secret. */
void vantio_skey_clear(struct vantio_skey *key);

struct vantio_note_sig {
	struct vantio_span name;
	uint32_t id;
	uint8_t sig[128]; /* Ed25519: 64 bytes; a cosignature: 72 */
	size_t sig_len;
};

struct vantio_note {
	struct vantio_span text; /* borrowed; ends in a newline */
	struct vantio_note_sig sigs[VANTIO_NOTE_SIGS_MAX];
	size_t n_sigs;
};

int vantio_note_parse(const char *bytes, size_t len, struct vantio_note *ret, struct vantio_error *err);
/* 0: signed by `key`. ENOKEY: not signed by it. EBADMSG: a signature of that key does not hold. */
int vantio_note_verify(const struct vantio_note *note, const struct vantio_vkey *key, struct vantio_error *err);
/* Appends the note: `text` (ending in a newline), an empty line, one signature. */
int vantio_note_sign(struct vantio_buf *out, const char *text, size_t len, const struct vantio_skey *key,
		     struct vantio_error *err);

#endif
