// SPDX-License-Identifier: Apache-2.0
/* The noun `key`. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli.h"
#include "key_rotation.h"
#include "ledger/cosign.h"
#include "ledger/keys.h"
#include "ledger/ledger.h"
#include "ledger/store.h"

static int print_vkey(struct cli *cli, const struct vantio_vkey *key, const char *file, bool as_witness)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
	struct vantio_witness witness;
	uint32_t key_id = key->id;
	cJSON *doc;
	char id[9];

	if (as_witness) {
		vantio_witness_of(key, &witness);
		vantio_witness_print(&text, &witness);
		key_id = witness.key.id;
	} else {
		vantio_vkey_print(&text, key);
	}
	if (text.failed)
		return cli_fail(cli, CLI_FAILURE, "out of memory");
	if (!cli_json(cli)) {
		puts(text.data);
		return cli_flush(cli);
	}
	doc = cJSON_CreateObject();
	snprintf(id, sizeof(id), "%08x", key_id);
	cJSON_AddStringToObject(doc, "name", key->name);
	cJSON_AddStringToObject(doc, "id", id);
	cJSON_AddStringToObject(doc, "vkey", text.data);
	if (file) {
		cleanup_free char *shown = vantio_escape_dup(file, strlen(file));

		cJSON_AddStringToObject(doc, "file", shown ? shown : "");
	}
	return cli_emit(cli, doc);
}

/* A key of its own, in a file. */
static int generate_file(struct cli *cli, const char *path)
{
	const char *name = cli_get(cli, "name");
	struct vantio_error err = { 0 };
	struct vantio_skey key;
	int r;

	r = vantio_ledger_key_generate(&key, &err);
	if (r == 0 && name)
		r = vantio_skey_rename(&key, name, &err);
	if (r == 0)
		r = vantio_skey_write_file(path, &key, &err);
	vantio_skey_clear(&key);
	if (r == -EINVAL)
		return cli_usage_error(cli, "--name: %s", err.text);
	return r < 0 ? cli_fail_error(cli, &err) : print_vkey(cli, &key.pub, path, false);
}

/* A new ledger's own key: made with the ledger. */
static int generate_ledger(struct cli *cli, const char *dir)
{
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;
	int r, fd, there = 0;

	fd = vantio_store_open_dir(dir, &err);
	if (fd >= 0) {
		there = vantio_store_exists(fd, "checkpoint", &err);
		close(fd);
	}
	if (there > 0)
		return cli_fail(cli, CLI_FAILURE, "the ledger has its key already; 'vantioctl key show' prints the verifier key, "
				"and --output-file makes a key of its own");
	r = vantio_ledger_open(dir, &l, &err);
	if (r < 0)
		return cli_fail_error(cli, &err);
	r = print_vkey(cli, vantio_ledger_vkey(l), NULL, false);
	vantio_ledger_close(l);
	return r;
}

CLI_COMMAND(key_generate)
{
	const char *path = cli_get(cli, "output-file"), *dir;

	if (path)
		return generate_file(cli, path);
	if (cli_get(cli, "name"))
		return cli_usage_error(cli, "--name goes with --output-file: a ledger's key is named by the program");
	dir = cli_ledger_dir(cli);
	return *dir ? generate_ledger(cli, dir) : CLI_FAILURE;
}

CLI_COMMAND(key_show)
{
	const char *path = cli_arg(cli, 0), *dir;
	struct vantio_error err = { 0 };
	struct vantio_vkey key;
	struct vantio_skey private;
	int r, fd;

	if (cli_has(cli, "as-witness") && !path)
		return cli_usage_error(cli, "--as-witness: a witness has a key file of its own; the ledger's key witnesses nothing");
	if (path) {
		r = vantio_skey_read_file(path, &private, &err);
		if (r == 0)
			key = private.pub;
		vantio_skey_clear(&private);
		return r < 0 ? cli_fail_error(cli, &err) : print_vkey(cli, &key, path, cli_has(cli, "as-witness"));
	}
	dir = cli_ledger_dir(cli);
	if (!*dir)
		return CLI_FAILURE;
	fd = vantio_store_open_dir(dir, &err);
	if (fd < 0)
		return cli_fail_error(cli, &err);
	r = vantio_ledger_genesis_load(fd, &key, &err);
	close(fd);
	if (r == -ENOENT)
		return cli_fail(cli, CLI_FAILURE, "the ledger has no key yet: 'vantioctl key generate' makes it");
	return r < 0 ? cli_fail_error(cli, &err) : print_vkey(cli, &key, NULL, false);
}

/* ---- rotate ---- */

/* Here, or by the `enforce` that writes the ledger. */
static int rotate(const char *dir, struct vantio_rotation *ret, struct vantio_error *err)
{
	struct vantio_error asked = { 0 };
	struct vantio_ledger *l = NULL;
	int r = vantio_ledger_open(dir, &l, err);

	if (r == 0) {
		r = vantio_ledger_rotate(l, ret, err);
		vantio_ledger_close(l);
	} else if (r == -EBUSY) {
		r = key_rotation_ask(dir, ret, &asked);
		if (r == -ENOTCONN)
			return -EBUSY; /* another command has the ledger, and `err` says which */
		if (r < 0)
			*err = asked;
	}
	return r;
}

CLI_COMMAND(key_rotate)
{
	const char *dir = cli_ledger_dir(cli);
	struct vantio_error err = { 0 };
	struct vantio_rotation done;
	cJSON *doc;
	int r, fd;

	if (!*dir)
		return CLI_FAILURE;
	fd = vantio_store_open_dir(dir, &err);
	r = fd < 0 ? fd : vantio_store_exists(fd, "checkpoint", &err);
	vantio_close_fd(&fd);
	if (r == 0)
		return cli_fail(cli, CLI_FAILURE, "there is no ledger yet; 'vantioctl key generate' makes one, --ledger names another");
	if (r > 0)
		r = rotate(dir, &done, &err);
	if (r < 0)
		return cli_fail_error(cli, &err);
	if (done.kept[0])
		return cli_fail(cli, CLI_FAILURE, "epoch %" PRIu64 " began, but %s", done.epoch, done.kept);
	if (!cli_json(cli)) {
		printf("epoch %" PRIu64 " is sealed at %" PRIu64 " record%s; epoch %" PRIu64 " signs with a new key, and the old one is erased\n",
		       done.epoch - 1, done.sealed, done.sealed == 1 ? "" : "s", done.epoch);
		return cli_flush(cli);
	}
	doc = cJSON_CreateObject();
	cJSON_AddItemToObject(doc, "epoch", cli_json_u64(done.epoch));
	cJSON_AddItemToObject(doc, "sealed", cli_json_u64(done.sealed));
	return cli_emit(cli, doc);
}

static const struct cli_option generate_options[] = {
	{ .name = "output-file", .letter = 'o', .kind = CLI_FILE, .metavar = "FILE", .help = "write a private key of its own here, not the ledger's" },
	{ .name = "name", .kind = CLI_TEXT, .metavar = "NAME", .help = "the name of the key in --output-file" },
	{ 0 },
};

static const struct cli_option show_options[] = {
	{ .name = "as-witness", .kind = CLI_FLAG, .help = "print it as the verifier key of a witness, who cosigns checkpoints with it" },
	{ 0 },
};

static const struct cli_arg show_args[] = {
	{ .metavar = "FILE", .kind = CLI_FILE, .optional = true },
	{ 0 },
};

static const struct cli_command key_commands[] = {
	{ "generate", "make the ledger's signing key, or one in a file, and print its verifier key", generate_options, NULL, cmd_key_generate },
	{ "show", "print the verifier key of the ledger, or of a private key file", show_options, show_args, cmd_key_show },
	{ "rotate", "seal the ledger's epoch, sign on with a new key, and erase the old one", NULL, NULL, cmd_key_rotate },
	{ 0 },
};

const struct cli_noun cli_noun_key = { .name = "key", .help = "signing keys and their verifier keys", .commands = key_commands };
