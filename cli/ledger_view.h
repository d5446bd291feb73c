/* SPDX-License-Identifier: Apache-2.0 */
/* Records as `ledger list`, `ledger show` and others show them. */
#ifndef VANTIO_CLI_LEDGER_VIEW_H
#define VANTIO_CLI_LEDGER_VIEW_H

#include "cli.h"
#include "ledger/reader.h"

/* A string of a record as raw bytes, which printing escapes again. */
void ledger_view_raw(struct vantio_buf *out, struct vantio_span json);
/* The public fields as they stand, and "private": an object, or null where the fields were erased. NULL: memory ran out. */
extern const char *const ledger_private_fields[]; /* names, NULL-terminated */
cJSON *ledger_view_json(const struct vantio_hit *hit);
/* The private value of that name as JSON, or NULL. */
cJSON *ledger_view_private(const struct vantio_hit *hit, const char *name);
/* What was asked for, in a few words: a path, "a -> b", "tcp 192.0.2.1:443". Escaped once, as records hold it. */
void ledger_view_resource(struct vantio_buf *out, const cJSON *resource);
/* A title and the members of a record, a line each, but for "private"; on standard output. */
void ledger_view_members(struct cli *cli, const char *title, const cJSON *object);

#endif
