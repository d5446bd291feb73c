// SPDX-License-Identifier: Apache-2.0
/*
 * A folder for Cloud Spanner (GoogleSQL): schema.sql with a role that can only insert, parts/N.csv (a segment each) with manifest.json
 * for Dataflow's import of text, and commits/N.json, bodies of the REST method sessions.commit that insert 1,024 records each.
 * The import inserts or updates; the commits insert, and fail where a row is there already: read it back and compare. manifest.json and
 * the checkpoint come last.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "ledger/ledger.h"

#define TABLE          "vantio_records"
#define COMMIT_RECORDS 1024u /* times the columns, below the 40,000 mutations of a commit */

struct spanner {
	struct vantio_outfile commit;
	uint64_t parts; /* begun */
};

static int shape(const struct vantio_export *x)
{
	return VANTIO_ROW_SPANNER | (x->opts->hmac_key ? VANTIO_ROW_SIGNED : 0);
}

static int out_of_memory(struct vantio_error *err)
{
	return vantio_fail(err, ENOMEM, "out of memory while exporting");
}

static void put_ddl_column(void *ctx, const char *name, const char *type, bool first)
{
	bool clock = !strcmp(name, "ingested_at");

	vantio_buf_printf(ctx, "%s\n  %s %s NOT NULL%s", first ? "" : ",", name, type,
			  clock ? " DEFAULT (CURRENT_TIMESTAMP()) OPTIONS (allow_commit_timestamp = true)" : "");
}

/* The row deletion policy goes by the database's own clock: a wrong one on the host must not delete evidence early. */
static int put_schema(struct vantio_export *x, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf sql = VANTIO_BUF_INIT;

	vantio_buf_puts(&sql, "-- Records of vantioctl's ledger: GoogleSQL, Cloud Spanner.\n"
			"-- `line` is what was signed, byte for byte; the columns before it are read from it. leaf_hash is the RFC 6962 hash of it.\n"
			"-- shard, the leaf modulo 16, spreads consecutive leaves over the splits.\n"
			"CREATE TABLE " TABLE " (");
	vantio_row_columns(shape(x) | VANTIO_ROW_INGESTED, put_ddl_column, &sql);
	vantio_buf_printf(&sql, "\n) PRIMARY KEY (shard, origin, leaf),\n  ROW DELETION POLICY (OLDER_THAN(ingested_at, INTERVAL %" PRIu64 " DAY));\n\n",
			  x->opts->retain_days);
	vantio_buf_puts(&sql, "-- Who writes can add and neither read, change nor delete; who reads cannot write.\n"
			"CREATE ROLE vantio_appender;\nGRANT INSERT ON TABLE " TABLE " TO ROLE vantio_appender;\n"
			"CREATE ROLE vantio_reader;\nGRANT SELECT ON TABLE " TABLE " TO ROLE vantio_reader;\n");
	return sql.failed ? out_of_memory(err) : vantio_outfile_put(x->dirfd, "schema.sql", sql.data, sql.len, true, err);
}

static int begin(struct vantio_export *x, struct vantio_error *err)
{
	struct spanner *s = calloc(1, sizeof(*s));

	if (!s)
		return out_of_memory(err);
	s->commit = (struct vantio_outfile)VANTIO_OUTFILE_INIT;
	x->state = s;
	return put_schema(x, err);
}

static void clear(struct vantio_export *x)
{
	struct spanner *s = x->state;

	if (s)
		vantio_outfile_close(&s->commit, false);
	free(s);
	x->state = NULL;
}

/* ---- parts ---- */

static int part_line(struct vantio_export *x, const struct vantio_row *row, struct vantio_error *err)
{
	struct spanner *s = x->state;
	char path[64];
	int r;

	if (row->fields.leaf % VANTIO_SEGMENT_RECORDS == 0) {
		r = x->out.path ? vantio_outfile_finish(&x->out, err) : 0;
		snprintf(path, sizeof(path), "parts/%08" PRIu64 ".csv", s->parts++);
		if (r == 0)
			r = vantio_outfile_open(&x->out, x->dirfd, path, true, err);
		if (r < 0)
			return r;
	}
	vantio_buf_reset(&x->text);
	r = vantio_row_csv(&x->text, row, shape(x), err);
	return r < 0 ? r : vantio_outfile_write(&x->out, x->text.data, x->text.len, err);
}

static void put_manifest_column(void *ctx, const char *name, const char *type, bool first)
{
	/* Without the length: the manifest names types, the schema bounds them. */
	vantio_buf_printf(ctx, "%s\n        {\"column_name\": \"%s\", \"type_name\": \"%.*s\"}", first ? "" : ",", name,
			  (int)strcspn(type, "("), type);
}

static int put_manifest(struct vantio_export *x, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf json = VANTIO_BUF_INIT;
	const struct spanner *s = x->state;
	uint64_t i;

	vantio_buf_puts(&json, "{\n  \"tables\": [\n    {\n      \"table_name\": \"" TABLE "\",\n      \"file_patterns\": [");
	for (i = 0; i < s->parts; i++)
		vantio_buf_printf(&json, "%s\n        \"%s/parts/%08" PRIu64 ".csv\"", i ? "," : "", x->opts->location, i);
	vantio_buf_puts(&json, "\n      ],\n      \"columns\": [");
	vantio_row_columns(shape(x), put_manifest_column, &json);
	vantio_buf_puts(&json, "\n      ]\n    }\n  ]\n}\n");
	return json.failed ? out_of_memory(err) : vantio_outfile_put(x->dirfd, "manifest.json", json.data, json.len, true, err);
}

/* ---- commits ---- */

static void put_name(void *ctx, const char *name, const char *type, bool first)
{
	(void)type;
	vantio_buf_printf(ctx, "%s\"%s\"", first ? "" : ",", name);
}

static int finish_commit(struct spanner *s, struct vantio_error *err)
{
	int r = vantio_outfile_write(&s->commit, "]}}]}\n", 6, err);

	return r < 0 ? r : vantio_outfile_finish(&s->commit, err);
}

static int commit_line(struct vantio_export *x, const struct vantio_row *row, struct vantio_error *err)
{
	bool first = row->fields.leaf % COMMIT_RECORDS == 0;
	struct spanner *s = x->state;
	char path[64];
	int r = 0;

	vantio_buf_reset(&x->text);
	if (first) {
		snprintf(path, sizeof(path), "commits/%08" PRIu64 ".json", row->fields.leaf / COMMIT_RECORDS);
		r = s->commit.path ? finish_commit(s, err) : 0;
		if (r == 0)
			r = vantio_outfile_open(&s->commit, x->dirfd, path, true, err);
		if (r < 0)
			return r;
		vantio_buf_puts(&x->text, "{\"singleUseTransaction\":{\"readWrite\":{}},\"mutations\":[{\"insert\":{\"table\":\"" TABLE "\",\"columns\":[");
		vantio_row_columns(shape(x) | VANTIO_ROW_INGESTED, put_name, &x->text);
		vantio_buf_puts(&x->text, "],\"values\":[");
	}
	vantio_buf_puts(&x->text, first ? "\n" : ",\n");
	r = vantio_row_json(&x->text, row, shape(x) | VANTIO_ROW_INGESTED, err);
	return r < 0 ? r : vantio_outfile_write(&s->commit, x->text.data, x->text.len, err);
}

static int line(struct vantio_export *x, uint64_t leaf, struct vantio_span l, const struct vantio_hash *hash, struct vantio_error *err)
{
	struct vantio_row row;
	int r = vantio_export_row(x, leaf, l, hash, &row, err);

	if (r == 0)
		r = part_line(x, &row, err);
	return r < 0 ? r : commit_line(x, &row, err);
}

static int end(struct vantio_export *x, struct vantio_error *err)
{
	struct spanner *s = x->state;
	int r = x->out.path ? vantio_outfile_finish(&x->out, err) : 0;

	if (r == 0 && s->commit.path)
		r = finish_commit(s, err);
	if (r == 0)
		r = put_manifest(x, err);
	return r < 0 ? r : vantio_outfile_put(x->dirfd, "checkpoint", x->note, x->note_len, true, err);
}

const struct vantio_exporter vantio_exporter_spanner = { begin, line, end, clear };
