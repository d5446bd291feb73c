/* SPDX-License-Identifier: Apache-2.0 */
/* C2SP checkpoints (c2sp.org/tlog-checkpoint): origin, size, base64 root, extension lines; each ends in a newline. */
#ifndef VANTIO_LEDGER_CHECKPOINT_H
#define VANTIO_LEDGER_CHECKPOINT_H

#include "ledger/merkle.h"
#include "ledger/note.h"

struct vantio_checkpoint {
	char origin[VANTIO_KEY_NAME_MAX + 1];
	uint64_t size;
	struct vantio_hash root;
	struct vantio_span extension; /* borrowed: whole lines behind the root; most often empty */
};

/* The text of a note. EBADMSG says which line is wrong. */
int vantio_checkpoint_parse(const char *text, size_t len, struct vantio_checkpoint *ret, struct vantio_error *err);
void vantio_checkpoint_print(struct vantio_buf *out, const struct vantio_checkpoint *c);
/* A whole note: parsed, signed by `key`, the origin the key's name. EBADMSG or ENOKEY. */
int vantio_checkpoint_open(const char *note, size_t len, const struct vantio_vkey *key, struct vantio_checkpoint *ret,
			   struct vantio_error *err);

#endif
