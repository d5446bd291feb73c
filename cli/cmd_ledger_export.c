// SPDX-License-Identifier: Apache-2.0
/* ledger export */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd_ledger.h"
#include "export/export.h"

#define HMAC_KEY_LEAST 16
#define HMAC_KEY_MOST  4096
#define RETAIN_DAYS    365
#define RETAIN_MOST    36500

static const char *const formats[] = { "ndjson", "csv", "spanner", "tlog-tiles", NULL };

const struct cli_option ledger_export_options[] = {
	{ .name = "format", .kind = CLI_CHOICE, .metavar = "FORMAT", .help = "what to write (default: ndjson)", .choices = formats },
	{ .name = "output-file", .letter = 'o', .kind = CLI_FILE, .metavar = "FILE", .help = "write here, not to standard output; a folder for spanner and tlog-tiles" },
	{ .name = "hmac-key", .kind = CLI_FILE, .metavar = "FILE", .help = "add x_vantio_signature, the HMAC-SHA256 of each line as it is stored, by this key" },
	{ .name = "location", .kind = CLI_TEXT, .metavar = "URL", .help = "spanner: where the parts will lie (default: gs://BUCKET)" },
	{ .name = "retain", .kind = CLI_NUMBER, .metavar = "DAYS", .help = "spanner: rows are deleted so many days after they came (default: 365)" },
	{ 0 },
};

struct exporting {
	struct cli *cli;
	struct vantio_export_options opts;
	char *key; /* owned */
	size_t key_len;
};

/* A newline at the key's end is an editor's and no part of it. */
static int read_key(struct exporting *e)
{
	const char *path = cli_get(e->cli, "hmac-key");
	struct vantio_error err = { 0 };

	if (!path)
		return CLI_OK;
	if (vantio_read_file_follow(path, HMAC_KEY_MOST, &e->key, &e->key_len, &err) < 0)
		return cli_fail_error(e->cli, &err);
	if (e->key_len && e->key[e->key_len - 1] == '\n')
		e->key_len--;
	if (e->key_len < HMAC_KEY_LEAST)
		return cli_fail(e->cli, CLI_FAILURE, "the key in --hmac-key is shorter than %d bytes: anybody could guess it", HMAC_KEY_LEAST);
	e->opts.hmac_key = (const uint8_t *)e->key;
	e->opts.hmac_len = e->key_len;
	return CLI_OK;
}

static int read_options(struct exporting *e, const char *path)
{
	const char *format = cli_get(e->cli, "format"), *location = cli_get(e->cli, "location"), *p;
	size_t i = 0;

	while (format && strcmp(formats[i], format) != 0)
		i++;
	e->opts.format = (enum vantio_export_format)i;
	if (i != VANTIO_EXPORT_SPANNER && (location || cli_has(e->cli, "retain")))
		return cli_usage_error(e->cli, "--location and --retain go with --format spanner");
	if (i == VANTIO_EXPORT_TILES && cli_has(e->cli, "hmac-key"))
		return cli_usage_error(e->cli, "--hmac-key does not go with tlog-tiles: the entries are what the tree hashes");
	if (i >= VANTIO_EXPORT_SPANNER && !path)
		return cli_usage_error(e->cli, "%s is a folder of files: --output-file DIR", formats[i]);
	e->opts.location = location ? location : "gs://BUCKET";
	for (p = e->opts.location; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == '"' || *p == '\\' || *p == 0x7f)
			return cli_usage_error(e->cli, "--location: a URL has no space, quote, backslash or control character");
	e->opts.retain_days = cli_get_number(e->cli, "retain", RETAIN_DAYS);
	if (!e->opts.retain_days || e->opts.retain_days > RETAIN_MOST)
		return cli_usage_error(e->cli, "--retain: 1 to %d days", RETAIN_MOST);
	return read_key(e);
}

static int finish(struct cli *cli, int r, const struct vantio_error *err, bool resumable)
{
	if (r == -EBADMSG)
		return cli_fail(cli, CLI_VERIFY_FAILED, "%s", err->text);
	if (r == -EPIPE)
		return CLI_FAILURE; /* the reader has seen enough */
	if (r == 0)
		return CLI_OK;
	if (resumable && (r == -ENOSPC || r == -EIO || r == -EDQUOT))
		cli_note(cli, "the same command goes on from there");
	return cli_fail_error(cli, err);
}

static int emit_done(struct cli *cli, const char *path, uint64_t n)
{
	cleanup_free char *safe = vantio_escape_dup(path, strlen(path));
	cJSON *doc = cJSON_CreateObject();

	cJSON_AddStringToObject(doc, "file", safe ? safe : "");
	cJSON_AddItemToObject(doc, "records", cli_json_u64(n));
	return cli_emit(cli, doc);
}

CLI_COMMAND(ledger_export)
{
	const char *dir = cli_ledger_dir(cli), *path = cli_get(cli, "output-file");
	struct exporting e = { .cli = cli };
	struct vantio_error err = { 0 };
	cleanup_close int fd = -1;
	struct stat st;
	uint64_t n = 0;
	bool direct;
	int r;

	if (!*dir)
		return CLI_FAILURE;
	r = read_options(&e, path);
	/* A FIFO, a terminal: nothing to rename. */
	direct = !path || (e.opts.format < VANTIO_EXPORT_SPANNER && stat(path, &st) == 0 && !S_ISREG(st.st_mode));
	if (r == CLI_OK && direct) {
		fflush(stdout);
		fd = path ? open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY) : dup(STDOUT_FILENO);
		r = fd < 0 ? vantio_fail(&err, errno, "cannot write: %s", strerror(errno)) : vantio_export_fd(dir, fd, &e.opts, &n, &err);
		r = finish(cli, r, &err, false);
	} else if (r == CLI_OK) {
		r = finish(cli, vantio_export_to(dir, path, &e.opts, &n, &err), &err, true);
		if (r == CLI_OK && cli_json(cli))
			r = emit_done(cli, path, n);
		else if (r == CLI_OK)
			cli_note(cli, "%" PRIu64 " record%s exported", n, n == 1 ? "" : "s");
	}
	if (e.key)
		sodium_memzero(e.key, e.key_len);
	free(e.key);
	return r;
}
