/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts: one record in one file that proves itself to whoever trusts the ledger's genesis key. Lines, in this order:
 *
 *	vantio-receipt@v1
 *	the public line, byte for byte as the log has it
 *	a JSON array of the disclosures that the holder chose, `[]` if none: as a private line (vantio-ledger(5))
 *	epoch N BASE64        the note that seals epoch N-1, epochs/N; one for each epoch from 1 to the record's own
 *	c2sp.org/tlog-proof@v1, `index LEAF`, a base64 hash a line, an empty line, and a checkpoint: a C2SP tlog-proof, to the end
 *
 * The checkpoint is signed by the key of the epoch that the record belongs to, and by no later one: who takes a later key cannot
 * make a receipt for an earlier leaf. Each value has one spelling, so no byte that counts can be changed.
 */
#ifndef VANTIO_RECEIPT_RECEIPT_H
#define VANTIO_RECEIPT_RECEIPT_H

#include "ledger/keys.h"
#include "ledger/reader.h"

#define VANTIO_RECEIPT_HEADER "vantio-receipt@v1"
#define VANTIO_RECEIPT_PROOF  "c2sp.org/tlog-proof@v1"
#define VANTIO_RECEIPT_MAX    (16u << 20) /* bytes */

/* A receipt that holds. Spans are borrowed from its bytes. */
struct vantio_receipt {
	struct vantio_hit record; /* private: what is disclosed */
	uint64_t epoch;
	struct vantio_vkey signer; /* the key of that epoch */
	struct vantio_checkpoint checkpoint;
	struct vantio_span note; /* the checkpoint as it stands: who cosigned it is told by vantio_quorum_count() */
};

/*
 * Needs nothing but the bytes and the genesis key. EBADMSG: it proves nothing, and `err` says why. EPROTONOSUPPORT: a receipt or
 * a record of another version. Allocates a note's worth of memory, whatever the bytes.
 */
int vantio_receipt_verify(const char *bytes, size_t len, const struct vantio_vkey *genesis, struct vantio_receipt *ret,
			  struct vantio_error *err);

/* ---- writing ---- */

struct vantio_prover;

/* Reads a ledger while a writer may append: takes its newest checkpoint. EBADMSG: damaged. */
int vantio_prover_open(const char *dir, struct vantio_prover **ret, struct vantio_error *err);
/*
 * Proves by this checkpoint rather than by the newest: one that was kept, and cosigned since. EBADMSG: it is none of this ledger.
 */
int vantio_prover_use(struct vantio_prover *p, const char *note, size_t len, struct vantio_error *err);
void vantio_prover_close(struct vantio_prover *p); /* NULL is fine */
/*
 * Appends the receipt of a record that a reader of the same folder found, with those of its private fields that are named. What
 * is written was verified. ENOENT: such a field is not among them; ERANGE: the checkpoint that is to be used does not cover it;
 * EBADMSG: the ledger is damaged.
 */
int vantio_prover_write(struct vantio_prover *p, const struct vantio_hit *hit, const char *const *fields, size_t n_fields,
			struct vantio_buf *out, struct vantio_error *err);

#endif
