// SPDX-License-Identifier: Apache-2.0
/* ledger erase */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cmd_ledger.h"
#include "ledger_view.h"
#include "ledger/ledger.h"
#include "ledger/store.h"

#define FIELDS_MAX 16

const struct cli_option ledger_erase_options[] = {
	{ .name = "field", .kind = CLI_CHOICE, .metavar = "FIELD", .help = "the private field; may be given again", .choices = ledger_private_fields,
	  .repeat = true, .required = true },
	{ .name = "before", .kind = CLI_TIME, .metavar = "TIME", .help = "of records before this time, RFC 3339 in UTC", .required = true },
	{ .name = "dry-run", .letter = 'n', .kind = CLI_FLAG, .help = "only say what would be erased" },
	{ 0 },
};

static void say(struct cli *cli, const struct vantio_erasure *e, bool dry)
{
	if (!e->values) {
		puts("there is nothing to erase");
		return;
	}
	printf("%s%" PRIu64 " value%s of %" PRIu64 " record%s", dry ? "would erase " : "erased ", e->values, e->values == 1 ? "" : "s", e->records,
	       e->records == 1 ? "" : "s");
	if (e->recorded)
		printf("; leaf %" PRIu64 " records it", e->leaf);
	putchar('\n');
	if (e->linked)
		cli_note(cli, "%" PRIu64 " old file%s could not be overwritten: another name (a hard link) still holds what was erased", e->linked,
			 e->linked == 1 ? "" : "s");
}

static int emit(struct cli *cli, const struct vantio_erasure *e)
{
	cJSON *doc = cJSON_CreateObject();

	cJSON_AddItemToObject(doc, "records", cli_json_u64(e->records));
	cJSON_AddItemToObject(doc, "values", cli_json_u64(e->values));
	cJSON_AddItemToObject(doc, "leaf", e->recorded ? cli_json_u64(e->leaf) : cJSON_CreateNull());
	cJSON_AddItemToObject(doc, "linked", cli_json_u64(e->linked));
	return cli_emit(cli, doc);
}

static int is_ledger(const char *dir, struct vantio_error *err)
{
	cleanup_close int fd = vantio_store_open_dir(dir, err);

	return fd < 0 ? fd : vantio_store_exists(fd, "checkpoint", err);
}

CLI_COMMAND(ledger_erase)
{
	const char *dir = cli_ledger_dir(cli), *fields[FIELDS_MAX], *field;
	struct vantio_erasure done = { .records = 0 };
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;
	size_t n = 0;
	int r;

	if (!*dir)
		return CLI_FAILURE;
	for (; (field = cli_get_nth(cli, "field", n)); n++) {
		if (n == FIELDS_MAX)
			return cli_usage_error(cli, "--field: at most %d times", FIELDS_MAX);
		fields[n] = field;
	}
	r = is_ledger(dir, &err);
	if (r == 0)
		return cli_fail(cli, CLI_FAILURE, "there is no ledger in that folder; --ledger names another");
	if (r > 0)
		r = vantio_ledger_open(dir, &l, &err);
	if (r == -EBUSY)
		return cli_fail(cli, CLI_FAILURE, "%s; what is in force stays in force, and events wait for the next 'vantioctl enforce'", err.text);
	if (r == 0)
		r = vantio_ledger_erase(l, fields, n, cli_get_number(cli, "before", 0), cli_has(cli, "dry-run"), &done, &err);
	vantio_ledger_close(l);
	if (r == -EBADMSG)
		return cli_fail(cli, CLI_VERIFY_FAILED, "%s", err.text);
	if (r < 0)
		return cli_fail_error(cli, &err);
	if (cli_json(cli))
		return emit(cli, &done);
	say(cli, &done, cli_has(cli, "dry-run"));
	return cli_flush(cli);
}
