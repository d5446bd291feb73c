// SPDX-License-Identifier: Apache-2.0
/* ledger prove */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd_ledger.h"
#include "receipt/receipt.h"

#define FIELDS_MAX VANTIO_DISCLOSURES_MAX

const struct cli_option ledger_prove_options[] = {
	{ .name = "disclose", .kind = CLI_TEXT, .metavar = "FIELDS", .help = "private fields to disclose, with commas between (default: none)", .repeat = true },
	{ .name = "checkpoint", .kind = CLI_FILE, .metavar = "FILE", .help = "prove by this checkpoint, such as one that witnesses cosigned" },
	{ .name = "output-file", .letter = 'o', .kind = CLI_FILE, .metavar = "FILE", .help = "write here; several receipts need a folder" },
	{ 0 },
};

const struct cli_arg ledger_prove_args[] = {
	{ .metavar = "ID", .kind = CLI_RECORD, .repeat = true },
	{ 0 },
};

struct proving {
	struct cli *cli;
	struct vantio_prover *prover;
	char *words; /* owned: what the fields point into */
	const char *fields[FIELDS_MAX];
	size_t n_fields;
	const char *path; /* --output-file, or NULL */
	bool folder;      /* it is one */
	cJSON *receipts;  /* with --json */
	/* of one record */
	struct vantio_buf text;
	uint64_t leaf;
	char record_id[37];
	bool found;
};

/* False after a usage error. */
static bool read_fields(struct proving *p)
{
	cleanup_buf struct vantio_buf words = VANTIO_BUF_INIT;
	const char *value;
	char *word, *save = NULL;
	size_t i;

	for (i = 0; (value = cli_get_nth(p->cli, "disclose", i)); i++)
		vantio_buf_printf(&words, "%s,", value);
	p->words = vantio_buf_steal(&words);
	for (word = p->words ? strtok_r(p->words, ",", &save) : NULL; word; word = strtok_r(NULL, ",", &save)) {
		if (p->n_fields == FIELDS_MAX) {
			cli_usage_error(p->cli, "--disclose: at most %u fields", FIELDS_MAX);
			return false;
		}
		p->fields[p->n_fields++] = word;
	}
	if (cli_has(p->cli, "disclose") && !p->n_fields) {
		cli_usage_error(p->cli, "--disclose: names no field");
		return false;
	}
	return true;
}

static int prove_hit(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	struct proving *p = ctx;

	p->found = true;
	p->leaf = hit->fields.leaf;
	snprintf(p->record_id, sizeof(p->record_id), "%.*s", (int)hit->fields.record_id.len, hit->fields.record_id.p);
	return vantio_prover_write(p->prover, hit, p->fields, p->n_fields, &p->text, err);
}

static int put_file(struct proving *p, const char *file)
{
	struct vantio_error err = { 0 };
	struct stat st;
	FILE *out;

	/* A FIFO, a terminal: nothing to replace. */
	if (stat(file, &st) == 0 && !S_ISREG(st.st_mode)) {
		out = fopen(file, "we");
		if (!out || fwrite(p->text.data, 1, p->text.len, out) != p->text.len || fflush(out) != 0) {
			vantio_fail(&err, errno, "%s", strerror(errno));
			cli_fail(p->cli, CLI_FAILURE, "cannot write the receipt: %s", err.text);
		}
		if (out)
			fclose(out);
		return err.code ? CLI_FAILURE : CLI_OK;
	}
	return vantio_replace_file(AT_FDCWD, file, p->text.data, p->text.len, 0600, &err) < 0 ? cli_fail_error(p->cli, &err) : CLI_OK;
}

/* The receipt that is in `text`, to where it belongs. */
static int put_receipt(struct proving *p)
{
	cleanup_free char *file = NULL, *shown = NULL;
	cJSON *item;
	int r;

	if (p->path) {
		if (asprintf(&file, p->folder ? "%s/%" PRIu64 ".receipt" : "%s", p->path, p->leaf) < 0)
			return cli_fail(p->cli, CLI_FAILURE, "out of memory");
		shown = vantio_escape_dup(file, strlen(file));
		r = put_file(p, file);
		if (r != CLI_OK)
			return r;
		cli_note(p->cli, "leaf %" PRIu64 ": receipt written", p->leaf);
	}
	if (!p->receipts) {
		if (!file)
			fwrite(p->text.data, 1, p->text.len, stdout);
		return CLI_OK;
	}
	item = cJSON_CreateObject();
	cJSON_AddItemToObject(item, "leaf", cli_json_u64(p->leaf));
	cJSON_AddStringToObject(item, "record_id", p->record_id);
	cJSON_AddStringToObject(item, file ? "file" : "receipt", file ? shown : p->text.data);
	cJSON_AddItemToArray(p->receipts, item);
	return CLI_OK;
}

static int prove_one(struct proving *p, struct vantio_reader *reader, const char *id)
{
	struct vantio_error err = { 0 };
	struct vantio_query q;
	int r;

	ledger_read_id(id, &q);
	p->found = false;
	vantio_buf_reset(&p->text);
	r = vantio_reader_find(reader, &q, prove_hit, p, &err);
	if (r == -EBADMSG)
		return cli_fail(p->cli, CLI_VERIFY_FAILED, "%s", err.text);
	if (r == -ENOENT && p->found)
		return cli_fail(p->cli, CLI_FAILURE, "%s; 'vantioctl ledger show %" PRIu64 "' lists them", err.text, p->leaf);
	if (r < 0)
		return cli_fail_error(p->cli, &err);
	if (!p->found)
		return cli_fail(p->cli, CLI_FAILURE, "the ledger has no record '%s'; it has %" PRIu64, id, vantio_reader_size(reader));
	return put_receipt(p);
}

static int use_checkpoint(struct proving *p, const char *file, struct vantio_error *err)
{
	cleanup_free char *note = NULL;
	size_t len;
	int r = vantio_read_file_follow(file, VANTIO_NOTE_MAX, &note, &len, err);

	return r < 0 ? r : vantio_prover_use(p->prover, note, len, err);
}

static int prove_all(struct proving *p, struct vantio_reader *reader)
{
	const char *checkpoint = cli_get(p->cli, "checkpoint");
	struct vantio_error err = { 0 };
	size_t i;
	int r;

	/* Behind the reader: what the reader finds, this checkpoint covers. */
	r = vantio_prover_open(cli_ledger_dir(p->cli), &p->prover, &err);
	if (r == 0 && checkpoint)
		r = use_checkpoint(p, checkpoint, &err);
	if (r < 0) {
		vantio_prover_close(p->prover);
		return r == -EBADMSG ? cli_fail(p->cli, CLI_VERIFY_FAILED, "%s", err.text) : cli_fail_error(p->cli, &err);
	}
	if (cli_json(p->cli))
		p->receipts = cJSON_CreateArray();
	for (i = 0, r = CLI_OK; r == CLI_OK && i < cli_argc(p->cli); i++)
		r = prove_one(p, reader, cli_arg(p->cli, i));
	if (p->receipts && r == CLI_OK) {
		cJSON *doc = cJSON_CreateObject();

		cJSON_AddItemToObject(doc, "receipts", vantio_take(p->receipts));
		r = cli_emit(p->cli, doc);
	}
	cJSON_Delete(p->receipts);
	vantio_prover_close(p->prover);
	return r == CLI_OK ? cli_flush(p->cli) : r;
}

CLI_COMMAND(ledger_prove)
{
	struct proving p = { .cli = cli, .path = cli_get(cli, "output-file"), .text = VANTIO_BUF_INIT };
	struct vantio_reader *reader;
	struct vantio_query q;
	struct stat st;
	int exit_code;
	size_t i;

	for (i = 0; i < cli_argc(cli); i++)
		if (!ledger_read_id(cli_arg(cli, i), &q))
			return ledger_bad_id(cli, cli_arg(cli, i));
	p.folder = p.path && stat(p.path, &st) == 0 && S_ISDIR(st.st_mode);
	if (cli_argc(cli) > 1 && !p.folder && !(cli_json(cli) && !p.path))
		return cli_usage_error(cli, "several receipts need a folder that is there: --output-file DIR");
	if (!read_fields(&p)) {
		free(p.words);
		return CLI_USAGE;
	}
	reader = ledger_open_reader(cli, &exit_code);
	if (reader) {
		exit_code = prove_all(&p, reader);
		vantio_reader_close(reader);
	}
	vantio_buf_free(&p.text);
	free(p.words);
	return exit_code;
}
