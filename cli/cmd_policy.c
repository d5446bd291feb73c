// SPDX-License-Identifier: Apache-2.0
/* The noun `policy`: its rows, and the verbs that need no more than the text. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine_cli.h"
#include "policy/image.h"
#include "policy_input.h"

#define HASH_TEXT 65

static void hash_text(char out[HASH_TEXT], const struct vantio_policy *p)
{
	vantio_hex(out, p->hash, sizeof(p->hash));
}

/* ---- check ---- */

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* The first rule that only `run` can load, or NULL. */
static const struct vantio_rule *find_workdir(const struct vantio_policy *p)
{
	for (enum vantio_list list = 0; list < VANTIO_LIST_MAX; list++)
		for (size_t i = 0; i < p->lists[list].n; i++)
			if (begins(p->lists[list].items[i].text, "$WORKDIR") || begins(p->lists[list].items[i].text, "unix:$WORKDIR"))
				return &p->lists[list].items[i];
	return NULL;
}

static size_t count_rules(const struct vantio_policy *p)
{
	size_t n = 0;

	for (enum vantio_list list = 0; list < VANTIO_LIST_MAX; list++)
		n += p->lists[list].n;
	return n;
}

static void check_say(struct cli *cli, const struct cli_policy *p)
{
	const struct vantio_rule *workdir = p->policy ? find_workdir(p->policy) : NULL;
	size_t n = p->policy ? count_rules(p->policy) : 0;

	cli_policy_print_diagnostics(cli, p);
	if (!p->policy)
		return;
	cli_print_escaped(stdout, p->file, strlen(p->file));
	printf(": %sok%s: policy %s, %zu rule%s\n", cli_color(cli, "green"), cli_color(cli, "reset"), p->policy->name, n,
	       n == 1 ? "" : "s");
	if (workdir)
		cli_note(cli, "%s %u uses $WORKDIR, which 'vantioctl run' gives: 'enforce' and 'policy push' need --workdir for this policy",
			 vantio_pos_file(workdir->pos, "line"), workdir->pos.line);
}

static cJSON *check_json(const struct cli_policy *p)
{
	cJSON *item = cJSON_CreateObject();
	cleanup_free char *file = vantio_escape_dup(p->file, strlen(p->file));
	char hash[HASH_TEXT];

	cJSON_AddStringToObject(item, "file", file ? file : "");
	cJSON_AddBoolToObject(item, "ok", p->policy != NULL);
	if (p->policy) {
		hash_text(hash, p->policy);
		cJSON_AddStringToObject(item, "name", p->policy->name);
		cJSON_AddStringToObject(item, "policy_hash", hash);
		cJSON_AddNumberToObject(item, "rules", (double)count_rules(p->policy));
		cJSON_AddBoolToObject(item, "needs_workdir", find_workdir(p->policy) != NULL);
	}
	cJSON_AddItemToObject(item, "diagnostics", cli_policy_json_diagnostics(p));
	return item;
}

/* A policy that is too big to compile is as bad as one that cannot be read. */
static void try_compile(struct cli_policy *p)
{
	cleanup_image struct vantio_image *image = NULL;
	struct vantio_error err = { 0 };

	if (!p->policy || vantio_image_compile(p->policy, NULL, &image, &err) == 0)
		return;
	vantio_diagnostics_add(&p->diags, false, VANTIO_POS_TOP, "%s", err.text);
	vantio_policy_free(p->policy);
	p->policy = NULL;
}

CLI_COMMAND(policy_check)
{
	cJSON *doc = cJSON_CreateObject(), *files = cJSON_CreateArray();
	bool good = true;

	for (size_t i = 0; i < cli_argc(cli); i++) {
		cleanup_cli_policy struct cli_policy p = { 0 };

		cli_policy_read(&p, cli_arg(cli, i), cli_get(cli, "workdir"), true);
		try_compile(&p);
		good = good && p.policy;
		if (cli_json(cli))
			cJSON_AddItemToArray(files, check_json(&p));
		else
			check_say(cli, &p);
	}
	cJSON_AddBoolToObject(doc, "ok", good);
	cJSON_AddItemToObject(doc, "files", files);
	if (!cli_json(cli)) {
		cJSON_Delete(doc);
		return good ? CLI_OK : CLI_FAILURE;
	}
	if (cli_emit(cli, doc) != CLI_OK)
		return CLI_FAILURE;
	return good ? CLI_OK : CLI_FAILURE;
}

/* ---- hash ---- */

CLI_COMMAND(policy_hash)
{
	cleanup_cli_policy struct cli_policy p = { 0 };
	cleanup_buf struct vantio_buf form = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	char hash[HASH_TEXT];
	cJSON *doc;
	int r = cli_policy_need(cli, &p, cli_arg(cli, 0), cli_get(cli, "workdir"));

	if (r != CLI_OK)
		return r;
	if (vantio_policy_canonical(p.policy, &form, &err) < 0)
		return cli_fail_error(cli, &err);
	hash_text(hash, p.policy);
	if (!cli_json(cli)) {
		if (cli_has(cli, "canonical"))
			fwrite(form.data, 1, form.len, stdout);
		else
			printf("%s\n", hash);
		return cli_flush(cli);
	}
	doc = cJSON_CreateObject();
	cJSON_AddStringToObject(doc, "name", p.policy->name);
	cJSON_AddStringToObject(doc, "policy_hash", hash);
	if (cli_has(cli, "canonical"))
		cJSON_AddStringToObject(doc, "canonical", form.data);
	return cli_emit(cli, doc);
}

/* ---- rows ---- */

#define WORKDIR_OPTION { .name = "workdir", .letter = 'w', .kind = CLI_DIR, .metavar = "DIR", \
	.help = "what $WORKDIR stands for (default: the current folder)" }

static const struct cli_option check_options[] = { WORKDIR_OPTION, { 0 } };
static const struct cli_option show_options[] = {
	{ .name = "resolve", .letter = 'r', .kind = CLI_FLAG, .help = "ask for the addresses that host names stand for now" },
	WORKDIR_OPTION,
	{ 0 },
};
static const struct cli_option hash_options[] = {
	{ .name = "canonical", .kind = CLI_FLAG, .help = "print the text that is hashed instead" },
	WORKDIR_OPTION,
	{ 0 },
};
static const struct cli_option explain_options[] = { WORKDIR_OPTION, { 0 } };
static const struct cli_option test_options[] = {
	{ .name = "cases", .letter = 'c', .kind = CLI_CASES, .metavar = "CASES", .required = true,
	  .help = "a TOML list of [[case]] with op, target, verdict" },
	WORKDIR_OPTION,
	{ 0 },
};
static const struct cli_arg question[] = {
	{ .metavar = "FILE", .kind = CLI_POLICY },
	{ .metavar = "OP", .kind = CLI_OP },
	{ .metavar = "TARGET", .kind = CLI_TEXT, .optional = true },
	{ .metavar = "TARGET2", .kind = CLI_TEXT, .optional = true },
	{ 0 },
};
static const struct cli_option diff_options[] = { WORKDIR_OPTION, { 0 } };
static const struct cli_option replay_options[] = {
	{ .name = "since", .kind = CLI_TIME, .metavar = "TIME", .help = "decisions from this time on, RFC 3339 in UTC" },
	{ .name = "until", .kind = CLI_TIME, .metavar = "TIME", .help = "decisions up to this time" },
	{ .name = "agent", .kind = CLI_AGENT, .metavar = "AGENT", .help = "decisions on this agent" },
	{ .name = "limit", .letter = 'n', .kind = CLI_NUMBER, .metavar = "N", .help = "at most so many examples a rule (default 5)" },
	{ .name = "fail-on-change", .kind = CLI_FLAG, .help = "exit status 1 if a verdict would differ" },
	WORKDIR_OPTION,
	{ 0 },
};
static const struct cli_option learn_options[] = {
	{ .name = "output", .letter = 'o', .kind = CLI_FILE, .metavar = "FILE", .help = "write the policy there (default: standard output)" },
	{ .name = "force", .letter = 'f', .kind = CLI_FLAG, .help = "replace the file of --output" },
	{ .name = "name", .letter = 'n', .kind = CLI_TEXT, .metavar = "NAME", .help = "the policy's name (default: that of --base, or learned)" },
	{ .name = "base", .letter = 'b', .kind = CLI_POLICY, .metavar = "FILE", .help = "add to this policy what it does not allow yet" },
	{ .name = "preset", .kind = CLI_PRESET, .metavar = "PRESET", .repeat = true,
	  .help = "learn only what this preset does not allow, and extend it" },
	{ .name = "allow-sensitive", .kind = CLI_TEXT, .metavar = "GLOB", .repeat = true,
	  .help = "open what else is asked about, by path or as it is listed" },
	{ .name = "many", .kind = CLI_NUMBER, .metavar = "N", .help = "names of one folder beyond which they become a glob (default 8)" },
	{ .name = "absolute", .kind = CLI_FLAG, .help = "write folders in full rather than as ~ and $WORKDIR, as 'enforce' needs" },
	{ .name = "agent", .kind = CLI_AGENT, .metavar = "AGENT", .help = "learn from decisions on this agent" },
	{ .name = "since", .kind = CLI_TIME, .metavar = "TIME", .help = "learn from decisions from this time on, RFC 3339 in UTC" },
	{ .name = "until", .kind = CLI_TIME, .metavar = "TIME", .help = "learn from decisions up to this time" },
	{ .name = "filter", .kind = CLI_TEXT, .metavar = "EXPR", .help = "learn from records that match, such as op=read,comm=git" },
	WORKDIR_OPTION,
	{ 0 },
};
static const struct cli_arg learn_args[] = { { .metavar = "COMMAND", .kind = CLI_PROGRAM, .optional = true }, { 0 } };
static const struct cli_arg two_policies[] = { { .metavar = "OLD", .kind = CLI_POLICY }, { .metavar = "NEW", .kind = CLI_POLICY }, { 0 } };
static const struct cli_option push_options[] = { CLI_ALLOW_DEGRADED, CLI_PUSH_WORKDIR, { 0 } };
static const struct cli_arg one_preset[] = { { .metavar = "NAME", .kind = CLI_PRESET, .optional = true }, { 0 } };
static const struct cli_arg one_policy[] = { { .metavar = "FILE", .kind = CLI_POLICY }, { 0 } };
static const struct cli_arg policies[] = { { .metavar = "FILE", .kind = CLI_POLICY, .repeat = true }, { 0 } };

static const struct cli_command policy_commands[] = {
	{ .verb = "check", .help = "say everything that is wrong with policies", .options = check_options, .args = policies,
	  .run = cmd_policy_check },
	{ .verb = "show", .help = "print a policy as it is understood, its rules numbered", .options = show_options,
	  .args = one_policy, .run = cmd_policy_show },
	{ .verb = "hash", .help = "print the hash that records name a policy by", .options = hash_options, .args = one_policy,
	  .run = cmd_policy_hash },
	{ .verb = "push", .help = "put a policy in force, or replace the one of its name", .options = push_options, .args = one_policy,
	  .run = cmd_policy_push },
	{ .verb = "explain", .help = "say whether one operation is allowed, and by which rule", .options = explain_options,
	  .args = question, .run = cmd_policy_explain },
	{ .verb = "test", .help = "ask a list of questions and compare the verdicts", .options = test_options, .args = one_policy,
	  .run = cmd_policy_test },
	{ .verb = "diff", .help = "say what changes from one policy to another", .options = diff_options, .args = two_policies,
	  .run = cmd_policy_diff },
	{ .verb = "replay", .help = "say what a draft would have decided over the recorded decisions", .options = replay_options,
	  .args = one_policy, .run = cmd_policy_replay },
	{ .verb = "presets", .help = "list the presets that a policy can extend, or print one", .args = one_preset, .run = cmd_policy_presets },
	{ .verb = "learn", .help = "write a policy of what a command does, or of recorded decisions", .options = learn_options,
	  .args = learn_args, .run = cmd_policy_learn },
	{ 0 },
};

const struct cli_noun cli_noun_policy = { .name = "policy", .help = "check, show, ask, compare and learn policies", .commands = policy_commands };
