/* SPDX-License-Identifier: Apache-2.0 */
/* A record as a row of a table: one table of columns feeds CSV, Spanner's schema, its import manifest and its mutations. */
#ifndef VANTIO_EXPORT_ROWS_H
#define VANTIO_EXPORT_ROWS_H

#include "base/buf.h"
#include "ledger/merkle.h"
#include "record/record.h"

#define VANTIO_ROW_SHARDS 16u /* Spanner splits by key: consecutive leaves must not all go to one place */

struct vantio_row {
	const char *origin;
	struct vantio_span line;
	struct vantio_record_fields fields;
	struct vantio_hash hash;
	const uint8_t *signature; /* 32 bytes, or NULL */
};

enum vantio_row_shape {
	VANTIO_ROW_PLAIN   = 1, /* CSV for any database */
	VANTIO_ROW_SPANNER = 2,
	VANTIO_ROW_SIGNED  = 4, /* with x_vantio_signature: or-ed to either */
	VANTIO_ROW_INGESTED = 8, /* with Spanner's commit timestamp: or-ed too */
};

/* Calls `each` for every column of the shape, in order. */
typedef void (*vantio_row_column)(void *ctx, const char *name, const char *spanner_type, bool first);
void vantio_row_columns(int shape, vantio_row_column each, void *ctx);
/* One line of CSV (RFC 4180 quoting, a newline at its end). EOVERFLOW: a number that the column cannot hold. */
int vantio_row_csv(struct vantio_buf *out, const struct vantio_row *row, int shape, struct vantio_error *err);
/* The values as a JSON array, as Spanner's mutations spell them: 64-bit integers and bytes (base64) as strings. */
int vantio_row_json(struct vantio_buf *out, const struct vantio_row *row, int shape, struct vantio_error *err);

#endif
