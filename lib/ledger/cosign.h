/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Witnesses: C2SP cosignatures (c2sp.org/tlog-cosignature, Ed25519, key type 4). A witness says that at some time a checkpoint was
 * the largest that it had seen of its log, and consistent with all before. Its key is an Ed25519 key under a name of its own,
 * never a key of the ledger. A signature line holds a u64 time, big-endian, and the signature over
 * `cosignature/v1\ntime T\n` and the text of the note.
 */
#ifndef VANTIO_LEDGER_COSIGN_H
#define VANTIO_LEDGER_COSIGN_H

#include "ledger/checkpoint.h"

#define VANTIO_WITNESSES_MAX 64
#define VANTIO_COSIGN_EARLY_S 300 /* a cosignature may be so much ahead of the verifier's clock */

struct vantio_witness {
	struct vantio_vkey key; /* its id is that of the type */
};

/* "name+hash+base64" of type 4. EINVAL. */
int vantio_witness_parse(const char *text, size_t len, struct vantio_witness *ret, struct vantio_error *err);
void vantio_witness_print(struct vantio_buf *out, const struct vantio_witness *w);
/* The witness that whoever holds this key cosigns as. */
void vantio_witness_of(const struct vantio_vkey *key, struct vantio_witness *ret);

/*
 * Appends the note to `out`, cosigned at `time` (seconds since 1970). An earlier cosignature of the same witness gives way to it.
 * EINVAL: no note, no room for a signature, a time that verifiers refuse.
 */
int vantio_cosign(struct vantio_buf *out, const char *note, size_t len, const struct vantio_skey *key, uint64_t time,
		  struct vantio_error *err);

/*
 * What the witness cosigned last of this log, in `state_dir`, gives way to `note`. ESTALE: it is smaller than that, or another of its
 * size, which no witness may cosign.
 */
int vantio_cosign_advance(const char *state_dir, const struct vantio_witness *w, const char *note, size_t len, struct vantio_error *err);

/* So many of these witnesses must have cosigned. */
struct vantio_quorum {
	struct vantio_witness witnesses[VANTIO_WITNESSES_MAX]; /* different keys */
	size_t n, need; /* 1 <= need <= n */
	uint64_t now;   /* seconds since 1970 */
};

/* EEXIST: a key that is among them already, whatever its name: it would count twice. E2BIG: too many. */
int vantio_quorum_add(struct vantio_quorum *q, const struct vantio_witness *w, struct vantio_error *err);
/* Whether one of the witnesses has this key: a ledger must not witness itself. */
bool vantio_quorum_has(const struct vantio_quorum *q, const struct vantio_vkey *key);

struct vantio_quorum_result {
	size_t n;      /* witnesses that cosigned the note, each counted once */
	uint64_t time; /* by when `need` of them had; 0 if they are fewer */
};

/*
 * Counts the witnesses of a note. EBADMSG: a cosignature of a known witness does not hold, or its time is none: then the note
 * is worth nothing. Lines of unknown keys are ignored. Fewer than `need` is no error here: see the result.
 */
int vantio_quorum_count(const struct vantio_quorum *q, const char *note, size_t len, struct vantio_quorum_result *ret,
			struct vantio_error *err);

#endif
