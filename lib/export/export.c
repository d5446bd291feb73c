// SPDX-License-Identifier: Apache-2.0
#include "export/export.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "ledger/ledger.h"
#include "ledger/reader.h"
#include "ledger/store.h"

static void sign(struct vantio_export *x, struct vantio_span line)
{
	crypto_auth_hmacsha256_state state;

	if (!x->opts->hmac_key)
		return;
	crypto_auth_hmacsha256_init(&state, x->opts->hmac_key, x->opts->hmac_len);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)line.p, line.len);
	crypto_auth_hmacsha256_final(&state, x->signature);
}

int vantio_export_row(const struct vantio_export *x, uint64_t leaf, struct vantio_span line, const struct vantio_hash *hash,
		      struct vantio_row *ret, struct vantio_error *err)
{
	int r;

	*ret = (struct vantio_row){ .origin = x->checkpoint.origin, .line = line, .hash = *hash };
	ret->signature = x->opts->hmac_key ? x->signature : NULL;
	r = vantio_record_scan(line.p, line.len, &ret->fields, err);
	if (r == 0 && ret->fields.leaf != leaf)
		r = vantio_fail(err, EBADMSG, "it says that it is leaf %llu", (unsigned long long)ret->fields.leaf);
	return r < 0 ? vantio_fail_prefix(err, "leaf %llu", (unsigned long long)leaf) : 0;
}

/* ---- NDJSON ---- */

static int ndjson_line(struct vantio_export *x, uint64_t leaf, struct vantio_span line, const struct vantio_hash *hash,
		       struct vantio_error *err)
{
	char hex[65];

	(void)leaf;
	(void)hash;
	vantio_buf_reset(&x->text);
	if (x->opts->hmac_key && line.len && line.p[line.len - 1] == '}') {
		vantio_hex(hex, x->signature, sizeof(x->signature));
		vantio_buf_add(&x->text, line.p, line.len - 1);
		vantio_buf_printf(&x->text, ",\"x_vantio_signature\":\"%s\"}\n", hex);
	} else {
		vantio_buf_add(&x->text, line.p, line.len);
		vantio_buf_putc(&x->text, '\n');
	}
	if (x->text.failed)
		return vantio_fail(err, ENOMEM, "out of memory while exporting");
	return vantio_outfile_write(&x->out, x->text.data, x->text.len, err);
}

static int finish_file(struct vantio_export *x, struct vantio_error *err)
{
	return vantio_outfile_finish(&x->out, err);
}

static const struct vantio_exporter ndjson = { NULL, ndjson_line, finish_file, NULL };

/* ---- CSV ---- */

static int csv_shape(const struct vantio_export *x)
{
	return VANTIO_ROW_PLAIN | (x->opts->hmac_key ? VANTIO_ROW_SIGNED : 0);
}

static void put_heading(void *ctx, const char *name, const char *type, bool first)
{
	(void)type;
	vantio_buf_printf(ctx, "%s%s", first ? "" : ",", name);
}

static int csv_begin(struct vantio_export *x, struct vantio_error *err)
{
	vantio_row_columns(csv_shape(x), put_heading, &x->text);
	vantio_buf_putc(&x->text, '\n');
	if (x->text.failed)
		return vantio_fail(err, ENOMEM, "out of memory while exporting");
	return vantio_outfile_write(&x->out, x->text.data, x->text.len, err);
}

static int csv_line(struct vantio_export *x, uint64_t leaf, struct vantio_span line, const struct vantio_hash *hash,
		    struct vantio_error *err)
{
	struct vantio_row row;
	int r = vantio_export_row(x, leaf, line, hash, &row, err);

	vantio_buf_reset(&x->text);
	if (r == 0)
		r = vantio_row_csv(&x->text, &row, csv_shape(x), err);
	return r < 0 ? r : vantio_outfile_write(&x->out, x->text.data, x->text.len, err);
}

static const struct vantio_exporter csv = { csv_begin, csv_line, finish_file, NULL };

/* ---- any format ---- */

static const struct vantio_exporter *exporter_of(enum vantio_export_format format)
{
	static const struct vantio_exporter *const exporters[] = { &ndjson, &csv, &vantio_exporter_spanner, &vantio_exporter_tiles };

	return exporters[format];
}

static int export_segment(struct vantio_export *x, uint64_t n, struct vantio_merkle *tree, struct vantio_error *err)
{
	const struct vantio_exporter *e = exporter_of(x->opts->format);
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_lines lines;
	cleanup_close int fd = -1;
	struct vantio_hash hash;
	struct vantio_span line;
	int r;

	vantio_segment_path(path, "log", tree->size / VANTIO_SEGMENT_RECORDS);
	fd = vantio_store_open(x->ledger, path, O_RDONLY, 0, err);
	r = fd < 0 ? fd : vantio_lines_init(&lines, fd, 0, VANTIO_RECORD_LINE_MAX, err);
	if (r < 0)
		return r;
	for (; n && r == 0; n--) {
		r = vantio_lines_next(&lines, &line, err);
		if (r != 1) {
			r = vantio_fail(err, EBADMSG, "leaf %llu: the log ends before it, or its line is too long",
					(unsigned long long)tree->size);
			break;
		}
		vantio_leaf_hash(&hash, line.p, line.len);
		sign(x, line);
		r = e->line(x, tree->size, line, &hash, err);
		if (r == 0)
			r = vantio_merkle_add(tree, 0, &hash, NULL, NULL, err);
	}
	vantio_lines_clear(&lines);
	return r;
}

static int export_lines(struct vantio_export *x, struct vantio_error *err)
{
	struct vantio_merkle tree = { .size = 0 };
	struct vantio_hash root;
	uint64_t left;
	int r = 0;

	while (r == 0 && tree.size < x->checkpoint.size) {
		left = x->checkpoint.size - tree.size;
		r = export_segment(x, left < VANTIO_SEGMENT_RECORDS ? left : VANTIO_SEGMENT_RECORDS, &tree, err);
	}
	if (r < 0)
		return r;
	vantio_merkle_root(&tree, &root);
	if (!vantio_hash_equal(&root, &x->checkpoint.root))
		return vantio_fail(err, EBADMSG, "what was exported does not lead to the signed root; 'vantioctl ledger verify' says more");
	return 0;
}

static int run(struct vantio_export *x, uint64_t *ret_records, struct vantio_error *err)
{
	const struct vantio_exporter *e = exporter_of(x->opts->format);
	int r = e->begin ? e->begin(x, err) : 0;

	if (r == 0)
		r = export_lines(x, err);
	if (r == 0)
		r = e->end(x, err);
	if (r == 0)
		*ret_records = x->checkpoint.size;
	return r;
}

static int open_ledger(struct vantio_export *x, const char *ledger, struct vantio_error *err)
{
	x->ledger = vantio_store_open_dir(ledger, err);
	return x->ledger < 0 ? x->ledger : vantio_reader_checkpoint(x->ledger, &x->note, &x->note_len, &x->checkpoint, err);
}

/* What does not lead to the signed root is taken away; what the disk or a signal cut short is kept, to go on from. */
static void clear(struct vantio_export *x, int r)
{
	const struct vantio_exporter *e = exporter_of(x->opts->format);

	if (e->clear)
		e->clear(x);
	vantio_outfile_close(&x->out, r == -EBADMSG);
	vantio_buf_free(&x->text);
	vantio_close_fd(&x->ledger);
	vantio_close_fd(&x->dirfd);
	free(x->note);
}

/* A folder that holds another ledger, or a later state of this one, is not written over. */
static int check_folder(struct vantio_export *x, const char *shown, struct vantio_error *err)
{
	cleanup_free struct vantio_note *parsed = malloc(sizeof(*parsed));
	cleanup_free char *note = NULL;
	struct vantio_checkpoint c;
	size_t len;
	int r;

	if (!parsed)
		return vantio_fail(err, ENOMEM, "out of memory while exporting");
	r = vantio_store_read(x->dirfd, "checkpoint", VANTIO_NOTE_MAX, &note, &len, err);
	if (r == -ENOENT)
		return 0;
	if (r == 0 && (vantio_note_parse(note, len, parsed, err) < 0 ||
		       vantio_checkpoint_parse(parsed->text.p, parsed->text.len, &c, err) < 0 ||
		       strcmp(c.origin, x->checkpoint.origin) != 0 || c.size > x->checkpoint.size))
		return vantio_fail(err, EEXIST, "the folder '%s' holds the export of another ledger, or of a later state of this one: export to "
				   "another folder", shown);
	return r;
}

static int open_folder(struct vantio_export *x, struct vantio_error *err)
{
	cleanup_free char *shown = vantio_escape_dup(x->path, strlen(x->path));

	if (mkdir(x->path, 0777) < 0 && errno != EEXIST)
		return vantio_fail(err, errno, "cannot make the folder '%s': %s", shown ? shown : "?", strerror(errno));
	x->dirfd = open(x->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->dirfd < 0)
		return vantio_fail(err, errno, "cannot open the folder '%s': %s", shown ? shown : "?", strerror(errno));
	return check_folder(x, shown ? shown : "?", err);
}

int vantio_export_to(const char *ledger, const char *path, const struct vantio_export_options *opts, uint64_t *ret_records,
		     struct vantio_error *err)
{
	struct vantio_export x = { .opts = opts, .path = path, .ledger = -1, .dirfd = -1, .out = VANTIO_OUTFILE_INIT };
	int r = open_ledger(&x, ledger, err);

	if (r == 0 && opts->format >= VANTIO_EXPORT_SPANNER)
		r = open_folder(&x, err);
	else if (r == 0)
		r = vantio_outfile_open(&x.out, AT_FDCWD, path, true, err);
	if (r == 0)
		r = run(&x, ret_records, err);
	clear(&x, r);
	return r;
}

int vantio_export_fd(const char *ledger, int fd, const struct vantio_export_options *opts, uint64_t *ret_records, struct vantio_error *err)
{
	struct vantio_export x = { .opts = opts, .ledger = -1, .dirfd = -1, .out = VANTIO_OUTFILE_INIT };
	int r;

	if (opts->format >= VANTIO_EXPORT_SPANNER)
		return vantio_fail(err, EINVAL, "this format is a folder of files");
	r = open_ledger(&x, ledger, err);
	vantio_outfile_direct(&x.out, fd);
	if (r == 0)
		r = run(&x, ret_records, err);
	clear(&x, 0);
	return r;
}
