/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exports of a ledger: everything that its newest checkpoint covers, streamed, in constant memory. The lines are hashed on the way, and
 * what does not lead to the signed root is no export (EBADMSG). An export that was cut short is begun again with the same words: it goes
 * on from what is there and right (outfile.h). Private fields never leave the ledger this way.
 */
#ifndef VANTIO_EXPORT_EXPORT_H
#define VANTIO_EXPORT_EXPORT_H

#include "export/outfile.h"
#include "export/rows.h"
#include "ledger/checkpoint.h"

enum vantio_export_format {
	VANTIO_EXPORT_NDJSON, /* byte for byte, or with x_vantio_signature as last member of each object */
	VANTIO_EXPORT_CSV,    /* a heading, and a row a record */
	VANTIO_EXPORT_SPANNER, /* a folder: schema.sql, parts, manifest.json, commits */
	VANTIO_EXPORT_TILES,  /* a folder as C2SP tlog-tiles clients read it, entry bundles included */
};

struct vantio_export_options {
	enum vantio_export_format format;
	const uint8_t *hmac_key; /* x_vantio_signature: HMAC-SHA256 of each stored line; NULL: none */
	size_t hmac_len;
	const char *location;    /* Spanner: where the parts will lie, such as gs://bucket/folder */
	uint64_t retain_days;    /* Spanner: of the row deletion policy */
};

/* A file, or for the last two formats a folder, which is made. */
int vantio_export_to(const char *ledger, const char *path, const struct vantio_export_options *opts, uint64_t *ret_records,
		     struct vantio_error *err);
/* The first two formats, to a descriptor. */
int vantio_export_fd(const char *ledger, int fd, const struct vantio_export_options *opts, uint64_t *ret_records, struct vantio_error *err);

/* ---- shared by export_*.c ---- */

struct vantio_export {
	const struct vantio_export_options *opts;
	const char *path;
	int ledger; /* folder */
	int dirfd;  /* of the export */
	char *note; /* owned: the checkpoint as it is stored */
	size_t note_len;
	struct vantio_checkpoint checkpoint;
	struct vantio_outfile out; /* of the format's own */
	uint8_t signature[32];     /* of the present line, where there is a key */
	struct vantio_buf text;
	void *state; /* of the format */
};

struct vantio_exporter {
	int (*begin)(struct vantio_export *x, struct vantio_error *err);
	int (*line)(struct vantio_export *x, uint64_t leaf, struct vantio_span line, const struct vantio_hash *hash, struct vantio_error *err);
	int (*end)(struct vantio_export *x, struct vantio_error *err); /* the lines lead to the signed root */
	void (*clear)(struct vantio_export *x); /* always, begun or not */
};

extern const struct vantio_exporter vantio_exporter_spanner, vantio_exporter_tiles;
/* EBADMSG: not a record, or of another leaf. */
int vantio_export_row(const struct vantio_export *x, uint64_t leaf, struct vantio_span line, const struct vantio_hash *hash,
		      struct vantio_row *ret, struct vantio_error *err);

#endif
