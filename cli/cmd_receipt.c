// SPDX-License-Identifier: Apache-2.0
/* The noun `receipt` */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "cmd_ledger.h"
#include "ledger_view.h"
#include "quorum.h"
#include "receipt/receipt.h"

static void say_value(const char *name, const char *value)
{
	printf("  %s  ", name);
	cli_print_escaped(stdout, value, strlen(value));
	putchar('\n');
}

static int say_bad(struct cli *cli, int exit_code, const char *reason)
{
	cJSON *doc;

	if (cli_json(cli)) {
		doc = cJSON_CreateObject();
		cJSON_AddStringToObject(doc, "verdict", exit_code == CLI_VERIFY_FAILED ? "fail" : "inconclusive");
		cJSON_AddStringToObject(doc, "reason", reason);
		return cli_emit(cli, doc) == CLI_OK ? exit_code : CLI_FAILURE;
	}
	printf("%s%s%s: ", cli_color(cli, exit_code == CLI_VERIFY_FAILED ? "red" : "yellow"),
	       exit_code == CLI_VERIFY_FAILED ? "FAIL" : "INCONCLUSIVE", cli_color(cli, "reset"));
	cli_print_escaped(stdout, reason, strlen(reason));
	putchar('\n');
	return cli_flush(cli) == CLI_OK ? exit_code : CLI_FAILURE;
}

static int say_good(struct cli *cli, const struct vantio_receipt *r, size_t witnesses)
{
	cJSON *record = ledger_view_json(&r->record), *private, *doc;

	if (!record)
		return cli_fail(cli, CLI_FAILURE, "out of memory");
	if (cli_json(cli)) {
		doc = cJSON_CreateObject();
		cJSON_AddStringToObject(doc, "verdict", "ok");
		cJSON_AddStringToObject(doc, "reason", "");
		cJSON_AddStringToObject(doc, "origin", r->checkpoint.origin);
		cJSON_AddItemToObject(doc, "epoch", cli_json_u64(r->epoch));
		cJSON_AddItemToObject(doc, "size", cli_json_u64(r->checkpoint.size));
		if (witnesses)
			cJSON_AddItemToObject(doc, "witnesses", cli_json_u64(witnesses));
		cJSON_AddItemToObject(doc, "record", record);
		return cli_emit(cli, doc);
	}
	printf("%sOK%s: leaf %" PRIu64 " of the %" PRIu64 " that its checkpoint signs\n", cli_color(cli, "green"), cli_color(cli, "reset"),
	       r->record.fields.leaf, r->checkpoint.size);
	say_value("origin ", r->checkpoint.origin);
	say_value("checked", "signature, keys of the epochs, place in the hash tree, disclosed fields");
	if (witnesses)
		printf("  witness  %zu cosigned the checkpoint\n", witnesses);
	say_value("unknown", "whether other records were written, and what the fields hold that were not disclosed");
	ledger_view_members(cli, "public", record);
	private = cJSON_GetObjectItemCaseSensitive(record, "private");
	if (cJSON_IsObject(private))
		ledger_view_members(cli, "disclosed", private);
	else
		puts("no private field is disclosed");
	cJSON_Delete(record);
	return cli_flush(cli);
}

/* 0, or what is to be said of it. */
static int check_witnesses(const struct vantio_quorum *q, const struct vantio_receipt *r, const struct vantio_vkey *genesis, size_t *ret_n,
			   struct vantio_error *err)
{
	struct vantio_quorum_result result;
	int e;

	if (vantio_quorum_has(q, genesis) || vantio_quorum_has(q, &r->signer))
		return vantio_fail(err, EINVAL, "--witness: one of them has a key of the ledger itself: that witnesses nothing");
	e = vantio_quorum_count(q, r->note.p, r->note.len, &result, err);
	if (e == 0 && result.n < q->need)
		return vantio_fail(err, EBADMSG, "only %zu of the %zu witnesses that are demanded cosigned its checkpoint", result.n, q->need);
	*ret_n = result.n;
	return e;
}

CLI_COMMAND(receipt_verify)
{
	cleanup_free char *text = NULL, *bytes = NULL;
	struct vantio_receipt receipt;
	struct vantio_quorum quorum;
	struct vantio_error err = { 0 };
	struct vantio_vkey vkey;
	size_t len, witnesses = 0;
	int r, exit_code;

	text = ledger_read_vkey(cli, &exit_code);
	if (exit_code == CLI_OK)
		exit_code = cli_read_quorum(cli, &quorum);
	if (exit_code != CLI_OK)
		return exit_code;
	if (!text || vantio_vkey_parse(text, strlen(text), &vkey, &err) < 0)
		return cli_fail(cli, CLI_FAILURE, "out of memory");
	r = vantio_read_file_follow(cli_arg(cli, 0), VANTIO_RECEIPT_MAX, &bytes, &len, &err);
	if (r < 0)
		return cli_fail_error(cli, &err);
	r = vantio_receipt_verify(bytes, len, &vkey, &receipt, &err);
	if (r == 0 && quorum.n)
		r = check_witnesses(&quorum, &receipt, &vkey, &witnesses, &err);
	if (r == -EINVAL)
		return cli_usage_error(cli, "%s", err.text);
	if (r == -EBADMSG)
		return say_bad(cli, CLI_VERIFY_FAILED, err.text);
	if (r == -EPROTONOSUPPORT)
		return say_bad(cli, CLI_INCONCLUSIVE, err.text);
	return r < 0 ? cli_fail_error(cli, &err) : say_good(cli, &receipt, witnesses);
}

static const struct cli_option verify_options[] = {
	{ .name = "vkey", .kind = CLI_FILE, .metavar = "KEY", .help = "the genesis verifier key that you trust, or a file that holds it", .required = true },
	CLI_QUORUM_OPTIONS,
	{ 0 },
};

static const struct cli_arg verify_args[] = {
	{ .metavar = "FILE", .kind = CLI_FILE },
	{ 0 },
};

static const struct cli_command receipt_commands[] = {
	{ "verify", "check a receipt; nothing else is needed", verify_options, verify_args, cmd_receipt_verify },
	{ 0 },
};

const struct cli_noun cli_noun_receipt = { .name = "receipt", .help = "check records that were handed over one by one", .commands = receipt_commands };
