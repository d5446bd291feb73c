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

enum vantio_key_type { /* C2SP's numbers */
	VANTIO_KEY_ED25519 = 1,
	VANTIO_KEY_COSIGNATURE = 4, /* Ed25519 over a checkpoint and a time: cosign.h */
};

struct vantio_vkey {
	char name[VANTIO_KEY_NAME_MAX + 1];
	uint32_t id; /* vantio_key_id() */
	uint8_t key[32];
};

struct vantio_skey {
	struct vantio_vkey pub;
	uint8_t secret[64]; /* as libsodium has it: seed, public key */
};

/* The first four bytes of SHA-256(name || 0x0A || type || key), big-endian. */
uint32_t vantio_key_id(const char *name, enum vantio_key_type type, const uint8_t key[32]);
/* "name+hash+base64"; one trailing newline is welcome. EINVAL says what is wrong. */
int vantio_vkey_parse(const char *text, size_t len, struct vantio_vkey *ret, struct vantio_error *err);
/* Without a newline. */
void vantio_vkey_print(struct vantio_buf *out, const struct vantio_vkey *key);
/* The same for keys of either type: for cosign.c, so that the one is not taken for the other by chance. */
int vantio_vkey_parse_type(const char *text, size_t len, enum vantio_key_type type, struct vantio_vkey *ret, struct vantio_error *err);
void vantio_vkey_print_type(struct vantio_buf *out, const struct vantio_vkey *key, enum vantio_key_type type);
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
	uint8_t sig[128]; /* Ed25519: 64 bytes; a cosignature: 72; of a longer one its beginning */
	size_t sig_len;
	struct vantio_span line; /* borrowed: all of it, without the newline */
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
