// SPDX-License-Identifier: Apache-2.0
/* `policy replay`: where a draft would have decided otherwise over the recorded decisions. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cmd_ledger.h"
#include "recorded.h"
#include "replay.h"

#define EXAMPLES_DEFAULT 5
#define EXAMPLES_MAX     1000

/* ---- text ---- */

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_example(const struct replay_example *x)
{
	printf("  %8" PRIu64 "  %s", x->decisions, x->op);
	if (x->target) {
		putchar(' ');
		cli_print_escaped(stdout, x->target, strlen(x->target));
	}
	if (x->target2) {
		fputs(" -> ", stdout);
		cli_print_escaped(stdout, x->target2, strlen(x->target2));
	}
	printf("  (leaf %" PRIu64 "%s%s)\n", x->leaf, *x->was ? ", by " : "", x->was);
}

static void print_groups(struct cli *cli, const struct cli_policy *p, const struct replay *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct replay_group *g = &r->groups[i];

		printf("newly %s, %" PRIu64 " decision%s: ", g->verdict.decision == VANTIO_PERMIT ? "allowed" : "denied", g->decisions,
		       plural(g->decisions));
		cli_answer_print(cli, p, &g->verdict);
		putchar('\n');
		for (size_t j = 0; j < g->n; j++)
			print_example(&g->examples[j]);
		if (g->more)
			printf("  %8" PRIu64 "  others (--limit shows more)\n", g->more);
	}
}

static void print_left_out(uint64_t n, const char *why)
{
	if (n)
		printf("  %8" PRIu64 "  %s\n", n, why);
}

static int show_text(struct cli *cli, const struct cli_policy *p, const struct replay *r)
{
	const uint64_t left = r->erased + r->damaged + r->other + r->unsettled + r->unaskable;

	print_groups(cli, p, r);
	printf("%" PRIu64 " record%s: %" PRIu64 " decision%s newly denied, %" PRIu64 " newly allowed, %" PRIu64 " as recorded", r->records,
	       plural(r->records), r->denied, plural(r->denied), r->allowed, r->same);
	printf(left ? "; not replayed:\n" : "\n");
	print_left_out(r->erased, "erased: what was asked for is no longer in the ledger");
	print_left_out(r->damaged, "damaged: their private fields are not those that the record commits to");
	print_left_out(r->other, "by limits, the kill switch, the engine or a person, not by rules");
	print_left_out(r->unsettled, "to an address that a host name of this policy may stand for");
	print_left_out(r->unaskable, "that no text can answer, such as a protocol or a file without a path");
	if (!r->records)
		cli_note(cli, "no record matches");
	else if (!r->permits)
		cli_note(cli, "none of these records permits anything: with record = \"denied\" the ledger cannot show what a draft would newly deny");
	return cli_flush(cli);
}

/* ---- JSON ---- */

static cJSON *json_group(const struct replay_group *g)
{
	cJSON *item = cJSON_CreateObject(), *list, *x;

	cJSON_AddStringToObject(item, "verdict", cli_verdict_name(g->verdict.decision));
	cli_answer_json(item, &g->verdict);
	cJSON_AddItemToObject(item, "decisions", cli_json_u64(g->decisions));
	list = cJSON_AddArrayToObject(item, "examples");
	for (size_t i = 0; i < g->n; i++) {
		const struct replay_example *e = &g->examples[i];
		const struct cli_question q = { e->op, e->target, e->target2 };

		x = cJSON_CreateObject();
		cli_question_json(x, &q);
		cJSON_AddItemToObject(x, "decisions", cli_json_u64(e->decisions));
		cJSON_AddItemToObject(x, "leaf", cli_json_u64(e->leaf));
		cJSON_AddStringToObject(x, "recorded_rule", e->was);
		cJSON_AddItemToArray(list, x);
	}
	cJSON_AddItemToObject(item, "more", cli_json_u64(g->more));
	return item;
}

static int show_json(struct cli *cli, const struct cli_policy *p, const struct replay *r)
{
	cleanup_free char *file = vantio_escape_dup(p->file, strlen(p->file));
	char hash[2 * sizeof(p->policy->hash) + 1];
	cJSON *doc = cJSON_CreateObject(), *list;

	vantio_hex(hash, p->policy->hash, sizeof(p->policy->hash));
	cJSON_AddStringToObject(doc, "file", file ? file : "");
	cJSON_AddStringToObject(doc, "policy_hash", hash);
	cJSON_AddItemToObject(doc, "records", cli_json_u64(r->records));
	cJSON_AddItemToObject(doc, "permits", cli_json_u64(r->permits));
	cJSON_AddItemToObject(doc, "same", cli_json_u64(r->same));
	cJSON_AddItemToObject(doc, "newly_denied", cli_json_u64(r->denied));
	cJSON_AddItemToObject(doc, "newly_allowed", cli_json_u64(r->allowed));
	cJSON_AddItemToObject(doc, "erased", cli_json_u64(r->erased));
	cJSON_AddItemToObject(doc, "damaged", cli_json_u64(r->damaged));
	cJSON_AddItemToObject(doc, "not_by_rules", cli_json_u64(r->other));
	cJSON_AddItemToObject(doc, "unsettled", cli_json_u64(r->unsettled));
	cJSON_AddItemToObject(doc, "unaskable", cli_json_u64(r->unaskable));
	list = cJSON_AddArrayToObject(doc, "changes");
	for (size_t i = 0; i < r->n; i++)
		cJSON_AddItemToArray(list, json_group(&r->groups[i]));
	return cli_emit(cli, doc);
}

/* ---- the command ---- */

static int replay_all(struct cli *cli, struct vantio_reader *reader, struct replay *r, struct vantio_error *err)
{
	struct vantio_query q = {
		.since = cli_get_number(cli, "since", 0),
		.until = cli_get_number(cli, "until", UINT64_MAX),
		.agent = cli_get(cli, "agent"),
		.decision = -1,
		.below = vantio_reader_size(reader),
	};

	return recorded_each(reader, &q, NULL, replay_take, r, err);
}

static int replay(struct cli *cli, const struct cli_policy *p, struct replay *r)
{
	cleanup_image struct vantio_image *image = NULL;
	struct vantio_error err = { 0 };
	struct vantio_reader *reader;
	int e, exit_code;

	if (vantio_image_compile(p->policy, NULL, &image, &err) < 0)
		return cli_fail_error(cli, &err);
	reader = ledger_open_reader(cli, &exit_code);
	if (!reader)
		return exit_code;
	r->policy = p->policy;
	r->image = image;
	e = replay_all(cli, reader, r, &err);
	vantio_reader_close(reader);
	if (e < 0)
		return cli_fail_error(cli, &err);
	replay_sort(r);
	exit_code = cli_json(cli) ? show_json(cli, p, r) : show_text(cli, p, r);
	return exit_code == CLI_OK && cli_has(cli, "fail-on-change") && r->n ? CLI_FAILURE : exit_code;
}

CLI_COMMAND(policy_replay)
{
	cleanup_cli_policy struct cli_policy p = { 0 };
	const uint64_t limit = cli_get_number(cli, "limit", EXAMPLES_DEFAULT);
	struct replay r = { .max_examples = (size_t)limit };
	int exit_code;

	if (!limit || limit > EXAMPLES_MAX)
		return cli_usage_error(cli, "--limit: 1 to %d", EXAMPLES_MAX);
	exit_code = cli_policy_need(cli, &p, cli_arg(cli, 0), cli_get(cli, "workdir"));
	if (exit_code == CLI_OK)
		exit_code = replay(cli, &p, &r);
	replay_free(&r);
	return exit_code;
}
