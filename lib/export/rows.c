// SPDX-License-Identifier: Apache-2.0
#include "export/rows.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/base64.h"
#include "base/text.h"

enum kind {
	KIND_SPAN,  /* a JSON string of the record */
	KIND_U64,   /* must fit an INT64 */
	KIND_BIG,   /* may not fit: a string of digits */
	KIND_U32,
	KIND_I32,
	KIND_BOOL,
	KIND_TRACE,
	KIND_SD,    /* the digests as a JSON array */
	KIND_SHARD, /* and what is no field of the record */
	KIND_ORIGIN,
	KIND_LINE,
	KIND_HASH,
	KIND_SIGNATURE,
	KIND_INGESTED,
};

#define BOTH (VANTIO_ROW_PLAIN | VANTIO_ROW_SPANNER)

static const struct column {
	const char *name, *spanner;
	enum kind kind;
	size_t offset; /* in the fields */
	int shapes;
} columns[] = {
#define FIELD(member, type, kind) { #member, type, kind, offsetof(struct vantio_record_fields, member), BOTH }
	{ "shard", "INT64", KIND_SHARD, 0, VANTIO_ROW_SPANNER },
	{ "origin", "STRING(192)", KIND_ORIGIN, 0, BOTH },
	FIELD(leaf, "INT64", KIND_U64),
	FIELD(record_id, "STRING(36)", KIND_SPAN),
	FIELD(ts, "TIMESTAMP", KIND_SPAN),
	FIELD(mono_ns, "INT64", KIND_U64),
	FIELD(boot_id, "STRING(36)", KIND_SPAN),
	FIELD(host, "STRING(MAX)", KIND_SPAN),
	FIELD(tier, "STRING(MAX)", KIND_SPAN),
	FIELD(agent, "STRING(MAX)", KIND_SPAN),
	FIELD(agent_svid, "STRING(MAX)", KIND_SPAN),
	FIELD(trace_id, "STRING(18)", KIND_TRACE),
	FIELD(cgroup_id, "STRING(20)", KIND_BIG),
	FIELD(pid, "INT64", KIND_U32),
	FIELD(tid, "INT64", KIND_U32),
	FIELD(ppid, "INT64", KIND_U32),
	FIELD(uid, "INT64", KIND_U32),
	FIELD(gid, "INT64", KIND_U32),
	FIELD(hook, "STRING(MAX)", KIND_SPAN),
	FIELD(op, "STRING(MAX)", KIND_SPAN),
	FIELD(syscall_nr, "INT64", KIND_I32),
	FIELD(args_hash, "STRING(64)", KIND_SPAN),
	FIELD(policy, "STRING(MAX)", KIND_SPAN),
	FIELD(policy_hash, "STRING(64)", KIND_SPAN),
	FIELD(policy_gen, "INT64", KIND_U64),
	FIELD(rule, "STRING(MAX)", KIND_SPAN),
	FIELD(decision, "STRING(16)", KIND_SPAN),
	FIELD(oracle_decision, "STRING(16)", KIND_SPAN),
	FIELD(enforced, "BOOL", KIND_BOOL),
	FIELD(count, "INT64", KIND_U32),
	FIELD(lost_before, "INT64", KIND_U64),
	{ "entropy_nonce", "STRING(43)", KIND_SPAN, offsetof(struct vantio_record_fields, nonce), BOTH },
	{ "sd_digests", "STRING(MAX)", KIND_SD, 0, BOTH },
	{ "line", "STRING(MAX)", KIND_LINE, 0, BOTH },
	{ "leaf_hash", "BYTES(32)", KIND_HASH, 0, BOTH },
	{ "x_vantio_signature", "BYTES(32)", KIND_SIGNATURE, 0, VANTIO_ROW_SIGNED },
	{ "ingested_at", "TIMESTAMP", KIND_INGESTED, 0, VANTIO_ROW_INGESTED },
#undef FIELD
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

void vantio_row_columns(int shape, vantio_row_column each, void *ctx)
{
	bool first = true;
	size_t i;

	for (i = 0; i < N_COLUMNS; i++)
		if (columns[i].shapes & shape) {
			each(ctx, columns[i].name, columns[i].spanner, first);
			first = false;
		}
}

/* Bytes are base64 for Spanner, hex for everybody else. */
static void put_bytes(struct vantio_buf *out, const uint8_t bytes[32], int shape)
{
	char text[65];

	if (shape & VANTIO_ROW_SPANNER) {
		vantio_buf_add(out, text, vantio_base64_encode(VANTIO_BASE64_STD, text, bytes, 32));
	} else {
		vantio_hex(text, bytes, 32);
		vantio_buf_puts(out, text);
	}
}

static void put_sd(struct vantio_buf *out, const struct vantio_record_fields *f)
{
	size_t i;

	vantio_buf_putc(out, '[');
	for (i = 0; i < f->n_sd; i++)
		vantio_buf_printf(out, "%s\"%.*s\"", i ? "," : "", (int)f->sd[i].len, f->sd[i].p);
	vantio_buf_putc(out, ']');
}

/* The value as text, without any quoting. */
static int put_value(struct vantio_buf *out, const struct column *c, const struct vantio_row *row, int shape, struct vantio_error *err)
{
	const char *at = (const char *)&row->fields + c->offset;
	uint64_t u64;
	uint32_t u32;
	int32_t i32;

	switch (c->kind) {
	case KIND_SPAN:
		vantio_span_text(out, *(const struct vantio_span *)(const void *)at);
		break;
	case KIND_U64:
	case KIND_BIG:
	case KIND_TRACE:
		memcpy(&u64, at, sizeof(u64));
		if (c->kind == KIND_U64 && u64 > INT64_MAX)
			return vantio_fail(err, EOVERFLOW, "leaf %llu: its %s is too large for an INT64 column", (unsigned long long)row->fields.leaf,
					   c->name);
		vantio_buf_printf(out, c->kind == KIND_TRACE ? "0x%016llx" : "%llu", (unsigned long long)u64);
		break;
	case KIND_U32:
		memcpy(&u32, at, sizeof(u32));
		vantio_buf_printf(out, "%u", u32);
		break;
	case KIND_I32:
		memcpy(&i32, at, sizeof(i32));
		vantio_buf_printf(out, "%d", i32);
		break;
	case KIND_BOOL:
		vantio_buf_puts(out, row->fields.enforced ? "true" : "false");
		break;
	case KIND_SD:
		put_sd(out, &row->fields);
		break;
	case KIND_SHARD:
		vantio_buf_printf(out, "%u", (unsigned)(row->fields.leaf % VANTIO_ROW_SHARDS));
		break;
	case KIND_ORIGIN:
		vantio_buf_puts(out, row->origin);
		break;
	case KIND_LINE:
		vantio_buf_add(out, row->line.p, row->line.len);
		break;
	case KIND_HASH:
		put_bytes(out, row->hash.b, shape);
		break;
	case KIND_SIGNATURE:
		put_bytes(out, row->signature, shape);
		break;
	case KIND_INGESTED:
		vantio_buf_puts(out, "spanner.commit_timestamp()");
		break;
	}
	return 0;
}

/* Each of `set` behind an `escape`. */
static void put_doubled(struct vantio_buf *out, const char *p, const char *set, char escape)
{
	size_t n;

	for (;;) {
		n = strcspn(p, set);
		vantio_buf_add(out, p, n);
		p += n;
		if (!*p)
			return;
		vantio_buf_putc(out, escape);
		vantio_buf_putc(out, *p++);
	}
}

static void put_csv(struct vantio_buf *out, const struct vantio_buf *value)
{
	const char *p = value->data ? value->data : "";

	if (!strpbrk(p, ",\"\n\r")) {
		vantio_buf_add(out, p, value->len);
		return;
	}
	vantio_buf_putc(out, '"');
	put_doubled(out, p, "\"", '"');
	vantio_buf_putc(out, '"');
}

/* Records hold no control characters: quotes and backslashes are all that JSON wants escaped. */
static void put_json(struct vantio_buf *out, const struct vantio_buf *value)
{
	vantio_buf_putc(out, '"');
	put_doubled(out, value->data ? value->data : "", "\"\\", '\\');
	vantio_buf_putc(out, '"');
}

static int put_row(struct vantio_buf *out, const struct vantio_row *row, int shape, bool json, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf value = VANTIO_BUF_INIT;
	const char *comma = "";
	size_t i;
	int r;

	vantio_buf_puts(out, json ? "[" : "");
	for (i = 0; i < N_COLUMNS; i++) {
		if (!(columns[i].shapes & shape))
			continue;
		vantio_buf_puts(out, comma);
		comma = ",";
		vantio_buf_reset(&value);
		r = put_value(&value, &columns[i], row, shape, err);
		if (r < 0)
			return r;
		if (!json)
			put_csv(out, &value);
		else if (columns[i].kind == KIND_BOOL)
			vantio_buf_puts(out, value.data ? value.data : "");
		else
			put_json(out, &value);
	}
	vantio_buf_puts(out, json ? "]" : "\n");
	return out->failed || value.failed ? vantio_fail(err, ENOMEM, "out of memory while exporting") : 0;
}

int vantio_row_csv(struct vantio_buf *out, const struct vantio_row *row, int shape, struct vantio_error *err)
{
	return put_row(out, row, shape, false, err);
}

int vantio_row_json(struct vantio_buf *out, const struct vantio_row *row, int shape, struct vantio_error *err)
{
	return put_row(out, row, shape, true, err);
}
