// SPDX-License-Identifier: Apache-2.0
/* ledger keys: the epochs of the signing keys, from the genesis on */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "cmd_ledger.h"
#include "ledger/keys.h"

/* Where an epoch ends: with the seal that begins the next, or, for the newest, at the checkpoint. */
static uint64_t end_of(const struct vantio_epochs *e, size_t i, uint64_t size)
{
	return i + 1 < e->n ? e->items[i + 1].begin : size;
}

static int print_keys(struct cli *cli, const struct vantio_epochs *e, uint64_t size)
{
	static const char *const headings[] = { "EPOCH", "FROM LEAF", "RECORDS", "STATE", "VERIFIER KEY" };
	struct cli_grid *g = cli_grid_new(headings, VANTIO_ARRAY_SIZE(headings));
	size_t i;

	for (i = 0; i < e->n; i++) {
		cleanup_buf struct vantio_buf vkey = VANTIO_BUF_INIT;
		const struct vantio_epoch *epoch = &e->items[i];

		vantio_vkey_print(&vkey, &epoch->key);
		cli_grid_printf(g, "%zu", i);
		cli_grid_printf(g, "%" PRIu64, epoch->begin);
		cli_grid_printf(g, "%" PRIu64, end_of(e, i, size) - epoch->begin);
		cli_grid_cell(g, i + 1 < e->n ? "sealed" : "signs");
		cli_grid_cell(g, vkey.data ? vkey.data : "");
	}
	return cli_grid_print(cli, g);
}

static int emit_keys(struct cli *cli, const struct vantio_epochs *e, uint64_t size)
{
	cJSON *doc = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(doc, "epochs"), *item;
	size_t i;

	for (i = 0; i < e->n; i++) {
		cleanup_buf struct vantio_buf vkey = VANTIO_BUF_INIT;

		vantio_vkey_print(&vkey, &e->items[i].key);
		item = cJSON_CreateObject();
		cJSON_AddItemToObject(item, "epoch", cli_json_u64(i));
		cJSON_AddItemToObject(item, "begin", cli_json_u64(e->items[i].begin));
		cJSON_AddItemToObject(item, "end", cli_json_u64(end_of(e, i, size)));
		cJSON_AddBoolToObject(item, "sealed", i + 1 < e->n);
		cJSON_AddStringToObject(item, "vkey", vkey.data ? vkey.data : "");
		cJSON_AddItemToArray(list, item);
	}
	return cli_emit(cli, doc);
}

CLI_COMMAND(ledger_keys)
{
	const char *dir = cli_ledger_dir(cli);
	struct vantio_epochs epochs = { NULL, 0 };
	struct vantio_error err = { 0 };
	cleanup_close int dirfd = -1;
	struct vantio_head head;
	uint64_t size;
	int r;

	if (!*dir)
		return CLI_FAILURE;
	dirfd = vantio_store_open_dir(dir, &err);
	r = dirfd < 0 ? dirfd : vantio_head_own(dirfd, &epochs, &head, &err);
	if (r == -ENOENT)
		return cli_fail(cli, CLI_FAILURE, "%s; --ledger names another ledger", err.text);
	if (r == -EBADMSG || r == -ENOKEY)
		return cli_fail(cli, CLI_VERIFY_FAILED, "the ledger's keys or its checkpoint: %s; 'vantioctl ledger verify' says more", err.text);
	if (r < 0)
		return cli_fail_error(cli, &err);
	size = head.checkpoint.size;
	vantio_head_clear(&head);
	r = cli_json(cli) ? emit_keys(cli, &epochs, size) : print_keys(cli, &epochs, size);
	vantio_epochs_clear(&epochs);
	return r;
}
