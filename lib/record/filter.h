/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records are meant: terms `key=value`, `key!=value`, `key~glob`, `key!~glob`, joined by `,` or `&&`; all must hold. Keys are
 * the public fields of a record and the private ones that name what was asked for (vantio_filter_keys). In a glob `*` stands for any
 * bytes, slashes too, and `?` for one; `\` takes the next byte as it is, also a comma. `rule=file.deny` is every rule of that list. Values are compared as records spell them
 * (vantio_escape); what is given raw is escaped first.
 */
#ifndef VANTIO_RECORD_FILTER_H
#define VANTIO_RECORD_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

struct vantio_filter;

/* EINVAL: what is wrong with the expression, and the nearest key. *ret is the caller's. */
int vantio_filter_parse(const char *text, struct vantio_filter **ret, struct vantio_error *err);
void vantio_filter_free(struct vantio_filter *f);

/*
 * `value` appends the value of `key` as text and answers true, or false where the record has none: then only `!=` and `!~` hold.
 * Memory that runs out is no match.
 */
bool vantio_filter_matches(const struct vantio_filter *f, bool (*value)(void *ctx, const char *key, struct vantio_buf *out), void *ctx);

/* The value that every match has for `key`, as records spell it, or NULL: what a search may be narrowed by. */
const char *vantio_filter_exact(const struct vantio_filter *f, const char *key);

/* Names that may stand before an operator; NULL-terminated. Those of `resource` have no prefix, except resource.host. */
extern const char *const vantio_filter_keys[];

#endif
