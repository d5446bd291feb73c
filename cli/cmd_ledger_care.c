// SPDX-License-Identifier: Apache-2.0
/* ledger checkpoint, ledger reindex */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cmd_ledger.h"
#include "ledger/store.h"

static int fail(struct cli *cli, int r, const struct vantio_error *err)
{
	if (r == -ENOENT)
		return cli_fail(cli, CLI_FAILURE, "%s; --ledger names another ledger", err->text);
	if (r == -EBADMSG || r == -ENOKEY)
		return cli_fail(cli, CLI_VERIFY_FAILED, "%s", err->text);
	return cli_fail_error(cli, err);
}

CLI_COMMAND(ledger_checkpoint)
{
	const char *dir = cli_ledger_dir(cli);
	struct vantio_error err = { 0 };
	cleanup_free char *note = NULL;
	cleanup_close int dirfd = -1;
	struct vantio_checkpoint c;
	char root[65];
	cJSON *doc;
	size_t len;
	int r;

	if (!*dir)
		return CLI_FAILURE;
	dirfd = vantio_store_open_dir(dir, &err);
	r = dirfd < 0 ? dirfd : vantio_reader_checkpoint(dirfd, &note, &len, &c, &err);
	if (r < 0)
		return fail(cli, r, &err);
	if (!cli_json(cli)) {
		fwrite(note, 1, len, stdout);
		return cli_flush(cli);
	}
	vantio_hex(root, c.root.b, sizeof(c.root.b));
	doc = cJSON_CreateObject();
	cJSON_AddStringToObject(doc, "origin", c.origin);
	cJSON_AddItemToObject(doc, "size", cli_json_u64(c.size));
	cJSON_AddStringToObject(doc, "root", root);
	cJSON_AddStringToObject(doc, "note", note);
	return cli_emit(cli, doc);
}

CLI_COMMAND(ledger_reindex)
{
	const char *dir = cli_ledger_dir(cli);
	struct vantio_error err = { 0 };
	uint64_t n;
	cJSON *doc;
	int r;

	if (!*dir)
		return CLI_FAILURE;
	r = vantio_index_rebuild(dir, &n, &err);
	if (r < 0)
		return fail(cli, r, &err);
	if (!cli_json(cli)) {
		printf("the index was built anew: %" PRIu64 " record%s\n", n, n == 1 ? "" : "s");
		return cli_flush(cli);
	}
	doc = cJSON_CreateObject();
	cJSON_AddItemToObject(doc, "records", cli_json_u64(n));
	return cli_emit(cli, doc);
}
