// SPDX-License-Identifier: Apache-2.0
#include "ledger_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "ledger_view.h"

#define CHUNK 1024 /* records that are looked at at once */

static void put_json(struct vantio_buf *out, const cJSON *value)
{
	if (cJSON_IsString(value))
		vantio_buf_puts(out, value->valuestring);
	else if (cJSON_IsNumber(value))
		vantio_buf_printf(out, "%.0f", value->valuedouble); /* larger ones are strings */
	else if (cJSON_IsBool(value))
		vantio_buf_puts(out, cJSON_IsTrue(value) ? "true" : "false");
}

/* For the filter: a member of the document, or of its private fields. */
bool ledger_filter_value(void *ctx, const char *key, struct vantio_buf *out)
{
	const cJSON *doc = ctx, *private = cJSON_GetObjectItemCaseSensitive(doc, "private");
	const cJSON *resource = cJSON_GetObjectItemCaseSensitive(private, "resource"), *value = NULL;

	if (!strncmp(key, "resource.", 9)) {
		value = cJSON_GetObjectItemCaseSensitive(resource, key + 9);
	} else {
		value = cJSON_GetObjectItemCaseSensitive(doc, key);
		if (!value)
			value = cJSON_GetObjectItemCaseSensitive(private, key);
		if (!value)
			value = cJSON_GetObjectItemCaseSensitive(resource, key);
	}
	if (!value)
		return false;
	put_json(out, value);
	return true;
}

static void narrow_text(const char **to, const struct vantio_filter *f, const char *key)
{
	if (!*to)
		*to = vantio_filter_exact(f, key);
}

void ledger_filter_narrow(const struct vantio_filter *f, struct vantio_query *q)
{
	const char *decision = f ? vantio_filter_exact(f, "decision") : NULL, *trace = f ? vantio_filter_exact(f, "trace_id") : NULL;
	int d;

	if (!f)
		return;
	narrow_text(&q->agent, f, "agent");
	narrow_text(&q->hook, f, "hook");
	narrow_text(&q->op, f, "op");
	narrow_text(&q->rule, f, "rule");
	for (d = VANTIO_PERMIT; decision && q->decision < 0 && d <= VANTIO_KILLSWITCH; d++)
		if (!strcmp(vantio_decision_name((enum vantio_decision)d), decision))
			q->decision = d;
	if (!q->has_trace)
		q->has_trace = trace && vantio_parse_trace_id(trace, &q->trace_id);
}

struct chunk {
	const struct vantio_filter *filter;
	uint64_t leaves[CHUNK]; /* that match, ascending */
	size_t n, looked;
	uint64_t first;
};

static int collect(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	struct chunk *c = ctx;
	cJSON *doc;

	if (!c->looked++)
		c->first = hit->fields.leaf;
	if (c->filter) {
		doc = ledger_view_json(hit);
		if (!doc)
			return vantio_fail(err, ENOMEM, "out of memory");
		if (vantio_filter_matches(c->filter, ledger_filter_value, doc))
			c->leaves[c->n++] = hit->fields.leaf;
		cJSON_Delete(doc);
	} else {
		c->leaves[c->n++] = hit->fields.leaf;
	}
	return 0;
}

int ledger_filter_newest(struct vantio_reader *r, const struct vantio_query *base, const struct vantio_filter *f, size_t max,
			 uint64_t **ret_leaves, size_t *ret_n, struct vantio_error *err)
{
	cleanup_free struct chunk *c = calloc(1, sizeof(*c));
	cleanup_free uint64_t *leaves = calloc(max ? max : 1, sizeof(*leaves));
	struct vantio_query q = *base;
	size_t n = 0;
	int e = 0;

	if (!c || !leaves)
		return vantio_fail(err, ENOMEM, "out of memory");
	ledger_filter_narrow(f, &q);
	q.newest = true;
	if (!q.below || q.below > vantio_reader_size(r))
		q.below = vantio_reader_size(r);
	while (n < max && q.below) {
		c->filter = f;
		c->n = c->looked = 0;
		q.limit = !f && max - n < CHUNK ? max - n : CHUNK;
		e = vantio_reader_find(r, &q, collect, c, err);
		if (e < 0)
			return e;
		while (c->n && n < max)
			leaves[n++] = c->leaves[--c->n];
		q.below = c->looked ? c->first : 0;
	}
	*ret_leaves = vantio_take(leaves);
	*ret_n = n;
	return 0;
}
