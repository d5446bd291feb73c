// SPDX-License-Identifier: Apache-2.0
/* The noun `ledger`: its rows, and verify. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd_ledger.h"
#include "ledger/ledger.h"
#include "ledger/note.h"
#include "quorum.h"

char *ledger_read_vkey(struct cli *cli, int *ret_exit)
{
	const char *value = cli_get(cli, "vkey");
	struct vantio_error err = { 0 };
	struct vantio_vkey key;
	char *text = NULL;
	size_t len;

	*ret_exit = CLI_OK;
	if (!value)
		return NULL;
	if (vantio_vkey_parse(value, strlen(value), &key, &err) == 0)
		return strdup(value);
	if (vantio_read_file_follow(value, 4096, &text, &len, &err) < 0) {
		*ret_exit = cli_fail(cli, strchr(value, '+') ? CLI_USAGE : CLI_FAILURE,
				     "--vkey is neither a verifier key (name+hash+base64) nor a file that can be read: %s", err.text);
		return NULL;
	}
	if (vantio_vkey_parse(text, len, &key, &err) < 0) {
		*ret_exit = cli_fail(cli, CLI_FAILURE, "the file of --vkey: %s", err.text);
		free(text);
		return NULL;
	}
	return text;
}

static const char *verdict_name(const struct vantio_ledger_report *r)
{
	static const char *const names[] = { "OK", "OK (unanchored)", "FAIL", "INCONCLUSIVE" };

	return names[r->verdict];
}

static const char *verdict_color(const struct vantio_ledger_report *r)
{
	static const char *const colors[] = { "green", "yellow", "red", "yellow" };

	return colors[r->verdict];
}

static int verdict_exit(const struct vantio_ledger_report *r)
{
	static const int codes[] = { CLI_OK, CLI_OK, CLI_VERIFY_FAILED, CLI_INCONCLUSIVE };

	return codes[r->verdict];
}

static void say_passed(uint64_t first, uint64_t end)
{
	if (first < end)
		printf("  not read leaves %" PRIu64 " to %" PRIu64 ": their hashes lead to the signed root; whether their lines are still there and\n"
		       "           are those, their private fields, ids and clocks are not known\n", first, end - 1);
}

static void say_checked(const struct vantio_ledger_report *r)
{
	printf("  checked  ");
	if (r->epochs > 1)
		printf(r->epochs == 2 ? "the seal of 1 epoch, " : "the seals of %" PRIu64 " epochs, ", r->epochs - 1);
	if (r->end - r->first < r->records)
		printf("signature; of leaves %" PRIu64 " to %" PRIu64 ": ", r->first, r->end - 1);
	else
		printf("signature, ");
	printf("every line and its place in the hash tree, tiles, private fields, ids, clocks%s\n", r->index_checked ? ", index" : "");
	say_passed(0, r->first);
	say_passed(r->end, r->records);
}

static void verify_say(struct cli *cli, const char *dir, const struct vantio_ledger_report *r)
{
	char time[VANTIO_RFC3339_LEN];
	size_t i;

	printf("%s%s%s", cli_color(cli, verdict_color(r)), verdict_name(r), cli_color(cli, "reset"));
	if (r->has_leaf)
		printf(": leaf %" PRIu64, r->leaf);
	if (r->reason[0])
		printf(": %s", r->reason);
	if (r->verdict <= VANTIO_LEDGER_UNANCHORED)
		printf(": %" PRIu64 " record%s%s", r->records, r->records == 1 ? "" : "s", r->end - r->first < r->records ? ", in part" : "");
	printf("\n  ledger   ");
	cli_print_escaped(stdout, dir, strlen(dir));
	putchar('\n');
	if (r->origin[0]) {
		printf("  origin   ");
		cli_print_escaped(stdout, r->origin, strlen(r->origin));
		putchar('\n');
	}
	if (r->root[0])
		printf("  root     %s\n", r->root);
	if (r->verdict <= VANTIO_LEDGER_UNANCHORED)
		say_checked(r);
	if (r->verdict == VANTIO_LEDGER_UNANCHORED)
		printf("  unknown  whether an older state of this ledger was put back: nothing older was at hand to compare it with.\n"
		       "           Keep the file 'checkpoint' elsewhere and give it with --against; this head is remembered for this user.\n");
	if (r->verdict == VANTIO_LEDGER_OK && r->anchored < r->records)
		printf("  unknown  whether the ledger was ever longer: it continues the newest head that is known of it, of %" PRIu64 " record%s\n",
		       r->anchored, r->anchored == 1 ? "" : "s");
	if (r->witnessed_s) {
		vantio_format_time(time, r->witnessed_s * 1000000000u);
		printf("  witness  %zu cosigned the first %" PRIu64 " record%s, by %.19sZ\n", r->witnesses, r->witnessed,
		       r->witnessed == 1 ? "" : "s", time);
	}
	for (i = 0; i < r->n_notes; i++)
		printf("  note     %s\n", r->notes[i]);
}

static cJSON *verify_json(const struct vantio_ledger_report *r, const struct vantio_verify_options *opts)
{
	static const char *const names[] = { "ok", "unanchored", "fail", "inconclusive" };
	cJSON *doc = cJSON_CreateObject(), *notes = cJSON_CreateArray();
	char number[24];
	size_t i;

	cJSON_AddStringToObject(doc, "verdict", names[r->verdict]);
	snprintf(number, sizeof(number), "%" PRIu64, r->records);
	cJSON_AddStringToObject(doc, "records", number);
	snprintf(number, sizeof(number), "%" PRIu64, r->leaf);
	if (r->has_leaf)
		cJSON_AddStringToObject(doc, "leaf", number);
	else
		cJSON_AddNullToObject(doc, "leaf");
	cJSON_AddStringToObject(doc, "reason", r->reason);
	cJSON_AddStringToObject(doc, "origin", r->origin);
	cJSON_AddStringToObject(doc, "root", r->root);
	cJSON_AddBoolToObject(doc, "index_checked", r->index_checked);
	cJSON_AddItemToObject(doc, "epochs", cli_json_u64(r->epochs));
	cJSON_AddItemToObject(doc, "anchored", cli_json_u64(r->anchored));
	cJSON_AddItemToObject(doc, "first", cli_json_u64(r->first));
	cJSON_AddItemToObject(doc, "end", cli_json_u64(r->end));
	if (opts->quorum) {
		cJSON_AddItemToObject(doc, "witnesses", cli_json_u64(r->witnesses));
		cJSON_AddItemToObject(doc, "witnessed", cli_json_u64(r->witnessed));
	}
	for (i = 0; i < r->n_notes; i++)
		cJSON_AddItemToArray(notes, cJSON_CreateString(r->notes[i]));
	cJSON_AddItemToObject(doc, "notes", notes);
	return doc;
}

/* On a terminal, one line that is written over and in the end wiped away. */
struct progress {
	uint64_t told_ms;
	bool shown;
};

static void show_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct progress *p = ctx;
	struct timespec now;
	uint64_t ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (done == total ? !p->shown : !total || (p->told_ms && ms - p->told_ms < 100))
		return;
	if (done == total)
		fputs("\r\x1b[K", stderr);
	else
		fprintf(stderr, "\r\x1b[Kverifying: %" PRIu64 "%%, %" PRIu64 " of %" PRIu64 " records", done * 100 / total, done, total);
	fflush(stderr);
	p->shown = done < total;
	p->told_ms = ms;
}

/* Which part is asked for; an exit code. */
static int read_part(struct cli *cli, struct vantio_verify_options *opts)
{
	const char *since = cli_get(cli, "since");

	opts->has_segment = cli_has(cli, "segment");
	opts->segment = cli_get_number(cli, "segment", 0);
	if (since && opts->has_segment)
		return cli_usage_error(cli, "--since and --segment do not go together");
	if (since && !vantio_parse_u64(since, strlen(since), INT64_MAX, &opts->since_leaf) && !vantio_parse_time(since, &opts->since_ns))
		return cli_usage_error(cli, "--since: a time such as 2026-11-20T10:00:00Z, or a leaf (a number)");
	return CLI_OK;
}

CLI_COMMAND(ledger_verify)
{
	cleanup_free char *state = vantio_state_dir(), *vkey = NULL;
	struct vantio_verify_options opts = { .against = cli_get(cli, "against"), .state_dir = state };
	struct vantio_ledger_report report;
	struct vantio_error err = { 0 };
	const char *dir = cli_ledger_dir(cli);
	struct progress progress = { 0, false };
	struct vantio_quorum quorum;
	int r, exit_code;

	if (!*dir)
		return CLI_FAILURE;
	exit_code = read_part(cli, &opts);
	if (exit_code != CLI_OK)
		return exit_code;
	if (isatty(STDERR_FILENO) && !cli_has(cli, "quiet")) {
		opts.progress = show_progress;
		opts.progress_ctx = &progress;
	}
	vkey = ledger_read_vkey(cli, &exit_code);
	if (exit_code == CLI_OK)
		exit_code = cli_read_quorum(cli, &quorum);
	if (exit_code != CLI_OK)
		return exit_code;
	opts.vkey = vkey;
	opts.quorum = quorum.n ? &quorum : NULL;
	r = vantio_ledger_verify(dir, &opts, &report, &err);
	if (progress.shown)
		show_progress(&progress, 0, 0);
	if (r == -ENOENT)
		return cli_fail(cli, CLI_FAILURE, "%s; 'vantioctl enforce' or 'vantioctl key generate' makes one, --ledger names another",
				err.text);
	if (r < 0)
		return cli_fail_error(cli, &err);
	if (cli_json(cli)) {
		r = cli_emit(cli, verify_json(&report, &opts));
	} else {
		verify_say(cli, dir, &report);
		r = cli_flush(cli);
	}
	return r != CLI_OK ? r : verdict_exit(&report);
}

static const struct cli_option verify_options[] = {
	{ .name = "against", .kind = CLI_FILE, .metavar = "FILE", .help = "demand that the ledger continues this checkpoint" },
	{ .name = "vkey", .kind = CLI_FILE, .metavar = "KEY", .help = "the genesis verifier key that you trust, or a file that holds it" },
	{ .name = "since", .kind = CLI_TEXT, .metavar = "TIME|LEAF", .help = "read only the segments from this time, or this leaf, on" },
	{ .name = "segment", .kind = CLI_NUMBER, .metavar = "N", .help = "read only this segment" },
	CLI_QUORUM_OPTIONS,
	{ 0 },
};

static const struct cli_command ledger_commands[] = {
	{ "verify", "check every record against the signed log", verify_options, NULL, cmd_ledger_verify },
	{ "list", "list the newest records, or those that match", ledger_list_options, NULL, cmd_ledger_list },
	{ "show", "show one record, public and private fields", NULL, ledger_show_args, cmd_ledger_show },
	{ "stats", "count decisions over time, by agent, decision, rule, operation or hook", ledger_stats_options, NULL, cmd_ledger_stats },
	{ "export", "write the log as it is stored, a JSON record a line", ledger_export_options, NULL, cmd_ledger_export },
	{ "prove", "write receipts: records that prove themselves offline", ledger_prove_options, ledger_prove_args, cmd_ledger_prove },
	{ "checkpoint", "print the newest signed checkpoint, to be kept elsewhere", NULL, NULL, cmd_ledger_checkpoint },
	{ "cosign", "verify the ledger and cosign its checkpoint, as a witness", ledger_cosign_options, ledger_cosign_args, cmd_ledger_cosign },
	{ "keys", "list the signing keys and the records that each signed for", NULL, NULL, cmd_ledger_keys },
	{ "erase", "erase private values of old records; the log still verifies", ledger_erase_options, NULL, cmd_ledger_erase },
	{ "reindex", "build the index anew from the log", NULL, NULL, cmd_ledger_reindex },
	{ 0 },
};

const struct cli_noun cli_noun_ledger = { .name = "ledger", .help = "verify, search and export the record of decisions", .commands = ledger_commands };
