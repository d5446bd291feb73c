/* SPDX-License-Identifier: Apache-2.0 */
/* `--filter EXPR` over records, public and private fields alike: what the index knows narrows the search, the rest is asked of each. */
#ifndef VANTIO_CLI_LEDGER_FILTER_H
#define VANTIO_CLI_LEDGER_FILTER_H

#include "cli.h"
#include "ledger/reader.h"
#include "record/filter.h"

/* For vantio_filter_matches(): the value of a key in what ledger_view_json() makes, which is `ctx`. */
bool ledger_filter_value(void *ctx, const char *key, struct vantio_buf *out);
/* The filter in the words of a search, as far as it can be put so, where the search does not say it already. NULL: nothing. */
void ledger_filter_narrow(const struct vantio_filter *f, struct vantio_query *q);
/*
 * Goes back through the log until `max` match both; their leaves, the newest first, owned by the caller. Looks at some records at a time.
 */
int ledger_filter_newest(struct vantio_reader *r, const struct vantio_query *base, const struct vantio_filter *f, size_t max,
			 uint64_t **ret_leaves, size_t *ret_n, struct vantio_error *err);

#endif
