// SPDX-License-Identifier: Apache-2.0
/* ledger cosign */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd_ledger.h"
#include "ledger/cosign.h"
#include "ledger/keys.h"
#include "ledger/ledger.h"

const struct cli_option ledger_cosign_options[] = {
	{ .name = "key", .kind = CLI_FILE, .metavar = "FILE", .help = "the witness's private key, as 'key generate --output-file' makes it", .required = true },
	{ .name = "vkey", .kind = CLI_FILE, .metavar = "KEY", .help = "the genesis verifier key that you trust, or a file that holds it" },
	{ .name = "output-file", .letter = 'o', .kind = CLI_FILE, .metavar = "FILE", .help = "write here, not to standard output" },
	{ 0 },
};

const struct cli_arg ledger_cosign_args[] = {
	{ .metavar = "CHECKPOINT", .kind = CLI_FILE, .optional = true },
	{ 0 },
};

struct cosigning {
	struct cli *cli;
	struct vantio_skey key;
	char *vkey, *note, *state; /* owned */
	size_t len;
};

static int fail(struct cosigning *c, int r, const struct vantio_error *err)
{
	if (r == -EBADMSG || r == -ENOKEY)
		return cli_fail(c->cli, CLI_VERIFY_FAILED, "%s", err->text);
	return cli_fail_error(c->cli, err);
}

/* The checkpoint to cosign, and that the key is not one of the ledger's own. */
static int read_note(struct cosigning *c, const char *dir)
{
	const char *file = cli_arg(c->cli, 0);
	struct vantio_epochs epochs = { NULL, 0 };
	struct vantio_checkpoint checkpoint;
	struct vantio_error err = { 0 };
	cleanup_close int dirfd = vantio_store_open_dir(dir, &err);
	struct vantio_vkey genesis;
	bool own = false;
	size_t i;
	int r;

	r = dirfd < 0 ? dirfd : vantio_ledger_genesis_load(dirfd, &genesis, &err);
	if (r == 0)
		r = vantio_epochs_load(dirfd, &genesis, &epochs, &err);
	for (i = 0; i < epochs.n; i++)
		own |= !memcmp(epochs.items[i].key.key, c->key.pub.key, sizeof(c->key.pub.key));
	vantio_epochs_clear(&epochs);
	if (own)
		return cli_fail(c->cli, CLI_FAILURE, "--key is a key of the ledger itself: a witness needs one of its own");
	if (r == 0)
		r = file ? vantio_read_file_follow(file, VANTIO_NOTE_MAX, &c->note, &c->len, &err) :
			   vantio_reader_checkpoint(dirfd, &c->note, &c->len, &checkpoint, &err);
	return r < 0 ? fail(c, r, &err) : CLI_OK;
}

/* A witness says that it saw a consistent ledger: so it looks. */
static int verify(struct cosigning *c, const char *dir)
{
	struct vantio_verify_options opts = { .vkey = c->vkey, .head = c->note, .head_len = c->len, .state_dir = c->state };
	struct vantio_ledger_report report;
	struct vantio_error err = { 0 };

	if (vantio_ledger_verify(dir, &opts, &report, &err) < 0)
		return cli_fail_error(c->cli, &err);
	if (report.verdict == VANTIO_LEDGER_FAIL)
		return cli_fail(c->cli, CLI_VERIFY_FAILED, "nothing is cosigned: the ledger does not hold: %s", report.reason);
	if (report.verdict == VANTIO_LEDGER_INCONCLUSIVE)
		return cli_fail(c->cli, CLI_INCONCLUSIVE, "nothing is cosigned: the ledger cannot be judged: %s", report.reason);
	if (report.verdict == VANTIO_LEDGER_UNANCHORED)
		cli_note(c->cli, "this is the first head of the ledger that this user has verified; the next ones are held against it");
	if (!c->vkey)
		cli_note(c->cli, "the verifier key was taken from the folder itself; give the one that you trust with --vkey");
	return CLI_OK;
}

static int put(struct cosigning *c, const struct vantio_buf *note)
{
	const char *path = cli_get(c->cli, "output-file");
	struct vantio_error err = { 0 };
	cJSON *doc;

	if (path && vantio_replace_file(AT_FDCWD, path, note->data, note->len, 0644, &err) < 0)
		return cli_fail_error(c->cli, &err);
	if (cli_json(c->cli)) {
		doc = cJSON_CreateObject();
		cJSON_AddStringToObject(doc, "witness", c->key.pub.name);
		cJSON_AddStringToObject(doc, "note", note->data);
		return cli_emit(c->cli, doc);
	}
	if (!path)
		fwrite(note->data, 1, note->len, stdout);
	return cli_flush(c->cli);
}

static int cosign(struct cosigning *c, const char *dir)
{
	cleanup_buf struct vantio_buf note = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	struct vantio_witness w;
	int r;

	r = read_note(c, dir);
	if (r == CLI_OK)
		r = verify(c, dir);
	if (r != CLI_OK)
		return r;
	r = vantio_cosign(&note, c->note, c->len, &c->key, (uint64_t)time(NULL), &err);
	vantio_witness_of(&c->key.pub, &w);
	/* Before it is out: what was said must be remembered. */
	if (r == 0)
		r = vantio_cosign_advance(c->state, &w, note.data, note.len, &err);
	if (r == -ESTALE)
		return cli_fail(c->cli, CLI_VERIFY_FAILED, "nothing is cosigned: %s", err.text);
	return r < 0 ? fail(c, r, &err) : put(c, &note);
}

CLI_COMMAND(ledger_cosign)
{
	struct cosigning c = { .cli = cli, .state = vantio_state_dir() };
	const char *dir = cli_ledger_dir(cli);
	struct vantio_error err = { 0 };
	int exit_code = CLI_FAILURE;

	if (!c.state)
		cli_fail(cli, CLI_FAILURE, "there is no place to remember what was cosigned: neither VANTIO_STATE nor HOME is set");
	else if (*dir && vantio_skey_read_file(cli_get(cli, "key"), &c.key, &err) < 0)
		exit_code = cli_fail_error(cli, &err);
	else if (*dir) {
		c.vkey = ledger_read_vkey(cli, &exit_code);
		if (exit_code == CLI_OK)
			exit_code = cosign(&c, dir);
	}
	vantio_skey_clear(&c.key);
	free(c.vkey);
	free(c.note);
	free(c.state);
	return exit_code;
}
