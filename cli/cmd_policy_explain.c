// SPDX-License-Identifier: Apache-2.0
/* `policy explain` asks one question of a policy, `policy test` many; both look at the text alone. */
#include <errno.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "policy/cases.h"
#include "policy_answer.h"

/* Reads and compiles. CLI_OK, or the exit code after reporting. */
static int prepare(struct cli *cli, struct cli_policy *p, struct vantio_image **image)
{
	struct vantio_error err = { 0 };
	int r = cli_policy_need(cli, p, cli_arg(cli, 0), cli_get(cli, "workdir"));

	if (r != CLI_OK)
		return r;
	return vantio_image_compile(p->policy, NULL, image, &err) < 0 ? cli_fail_error(cli, &err) : CLI_OK;
}

static void add_file(cJSON *doc, const char *key, const char *file)
{
	cleanup_free char *safe = vantio_escape_dup(file, strlen(file));

	cJSON_AddStringToObject(doc, key, safe ? safe : "");
}

/* ---- explain ---- */

CLI_COMMAND(policy_explain)
{
	cleanup_cli_policy struct cli_policy p = { 0 };
	cleanup_image struct vantio_image *image = NULL;
	const struct cli_question q = { cli_arg(cli, 1), cli_arg(cli, 2), cli_argc(cli) > 3 ? cli_arg(cli, 3) : NULL };
	struct vantio_explanation e;
	struct vantio_error err = { 0 };
	cJSON *doc;
	int r = prepare(cli, &p, &image);

	if (r != CLI_OK)
		return r;
	if (vantio_policy_explain(p.policy, image, q.op, q.target, q.target2, &e, &err) < 0)
		return err.code == EINVAL ? cli_usage_error(cli, "%s", err.text) : cli_fail_error(cli, &err);
	if (!cli_json(cli)) {
		cli_answer_print(cli, &p, &e);
		putchar('\n');
		return cli_flush(cli);
	}
	doc = cJSON_CreateObject();
	add_file(doc, "file", p.file);
	cli_question_json(doc, &q);
	cJSON_AddStringToObject(doc, "verdict", cli_verdict_name(e.decision));
	cli_answer_json(doc, &e);
	return cli_emit(cli, doc);
}

/* ---- test ---- */

struct run {
	struct cli *cli;
	struct cli_policy *policy;
	struct cli_policy cases_in; /* the file, its text and what is wrong with it; never a policy */
	const struct vantio_image *image;
	size_t wrong, bad; /* cases that came out otherwise; that cannot be asked */
	cJSON *mismatches; /* with --json */
};

static int read_cases(struct run *run, const char *file, struct vantio_cases *cases)
{
	struct cli_policy *in = &run->cases_in;
	struct vantio_error err = { 0 };

	in->file = file;
	if (vantio_read_file_follow(file, VANTIO_POLICY_TEXT_MAX, &in->text, &in->len, &err) < 0)
		return cli_fail_error(run->cli, &err);
	if (vantio_cases_parse(in->text, in->len, cases, &in->diags, &err) == 0)
		return CLI_OK;
	if (!in->diags.n)
		return cli_fail_error(run->cli, &err);
	if (cli_json(run->cli))
		return cli_policy_emit_bad(run->cli, in);
	cli_policy_print_diagnostics(run->cli, in);
	return CLI_FAILURE;
}

static void say_mismatch(struct run *run, const struct vantio_case *c, const struct vantio_explanation *e)
{
	cli_print_escaped(stdout, run->cases_in.file, strlen(run->cases_in.file));
	printf(":%u: %s ", c->pos.line, c->op);
	if (c->target)
		cli_print_escaped(stdout, c->target, strlen(c->target));
	if (c->target2) {
		putchar(' ');
		cli_print_escaped(stdout, c->target2, strlen(c->target2));
	}
	printf(": expected %s, got ", c->allow ? "allow" : "deny");
	cli_answer_print(run->cli, run->policy, e);
	putchar('\n');
}

static void note_mismatch(struct run *run, const struct vantio_case *c, const struct vantio_explanation *e)
{
	const struct cli_question q = { c->op, c->target, c->target2 };
	cJSON *item;

	run->wrong++;
	if (!cli_json(run->cli)) {
		say_mismatch(run, c, e);
		return;
	}
	item = cJSON_CreateObject();
	cJSON_AddNumberToObject(item, "case_line", c->pos.line);
	cli_question_json(item, &q);
	cJSON_AddStringToObject(item, "expected", c->allow ? "allow" : "deny");
	cJSON_AddStringToObject(item, "got", cli_verdict_name(e->decision));
	cli_answer_json(item, e);
	cJSON_AddItemToArray(run->mismatches, item);
}

static void ask_case(struct run *run, const struct vantio_case *c)
{
	struct vantio_explanation e;
	struct vantio_error err = { 0 };

	if (vantio_policy_explain(run->policy->policy, run->image, c->op, c->target, c->target2, &e, &err) < 0) {
		run->bad++;
		vantio_diagnostics_add(&run->cases_in.diags, false, c->pos, "%s", err.text);
	} else if ((e.decision == VANTIO_PERMIT) != c->allow) {
		note_mismatch(run, c, &e);
	}
}

static int finish_test(struct run *run, size_t n)
{
	const int status = run->bad ? CLI_USAGE : run->wrong ? CLI_FAILURE : CLI_OK;
	cJSON *doc;

	if (!cli_json(run->cli)) {
		cli_policy_print_diagnostics(run->cli, &run->cases_in);
		printf("%zu case%s, %zu as expected, %zu otherwise", n, n == 1 ? "" : "s", n - run->wrong - run->bad, run->wrong);
		if (run->bad)
			printf(", %zu cannot be asked", run->bad);
		putchar('\n');
		return cli_flush(run->cli) == CLI_OK ? status : CLI_FAILURE;
	}
	doc = cJSON_CreateObject();
	add_file(doc, "file", run->policy->file);
	add_file(doc, "cases_file", run->cases_in.file);
	cJSON_AddBoolToObject(doc, "ok", status == CLI_OK);
	cJSON_AddNumberToObject(doc, "cases", (double)n);
	cJSON_AddNumberToObject(doc, "as_expected", (double)(n - run->wrong - run->bad));
	cJSON_AddItemToObject(doc, "mismatches", vantio_take(run->mismatches));
	cJSON_AddItemToObject(doc, "diagnostics", cli_policy_json_diagnostics(&run->cases_in));
	return cli_emit(run->cli, doc) == CLI_OK ? status : CLI_FAILURE;
}

CLI_COMMAND(policy_test)
{
	cleanup_cli_policy struct cli_policy p = { 0 };
	cleanup_image struct vantio_image *image = NULL;
	cleanup_cases struct vantio_cases cases = { 0 };
	struct run run = { .cli = cli, .policy = &p };
	int r = prepare(cli, &p, &image);
	size_t i;

	if (r == CLI_OK)
		r = read_cases(&run, cli_get(cli, "cases"), &cases);
	if (r == CLI_OK) {
		run.image = image;
		run.mismatches = cJSON_CreateArray();
		for (i = 0; i < cases.n; i++)
			ask_case(&run, &cases.items[i]);
		r = finish_test(&run, cases.n);
		cJSON_Delete(run.mismatches);
	}
	cli_policy_free(&run.cases_in);
	return r;
}
