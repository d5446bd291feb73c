// SPDX-License-Identifier: Apache-2.0
/*
 * `policy learn`: a policy of what the ledger says that was done, or of what a command does now under the tier observe. The ledger is
 * read twice, by the thousand records: to learn, and to hold what was learned against it. What is kept is different names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd_ledger.h"
#include "learn.h"
#include "policy/load.h"
#include "run.h"

#define MANY_MAX 1000000u

/* ---- what is asked for ---- */

static bool is_name(const char *name)
{
	const size_t len = strlen(name);

	return len && len <= VANTIO_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static int check_usage(struct cli *cli)
{
	const char *name = cli_get(cli, "name"), *file = cli_get(cli, "output");
	struct stat st;

	if (name && !is_name(name)) {
		cleanup_free char *safe = vantio_escape_dup(name, strlen(name));

		return cli_usage_error(cli, "--name: '%s' is no name of a policy: 1 to %d of a-z 0-9 . _ -", safe ? safe : "", VANTIO_NAME_MAX);
	}
	if (!cli_get_number(cli, "many", VANTIO_LEARN_MANY) || cli_get_number(cli, "many", VANTIO_LEARN_MANY) > MANY_MAX)
		return cli_usage_error(cli, "--many: 1 to %u", MANY_MAX);
	if (cli_has(cli, "preset") && cli_has(cli, "base"))
		return cli_usage_error(cli, "--base and --preset both say what is allowed already: write extends into the base");
	if (cli_program(cli) && !file)
		return cli_usage_error(cli, "say with --output where the policy goes: standard output is the command's");
	if (cli_program(cli) && (cli_has(cli, "agent") || cli_has(cli, "since") || cli_has(cli, "until") || cli_has(cli, "filter")))
		return cli_usage_error(cli, "--agent, --since, --until and --filter choose among records; with a command its own are learned from");
	if (file && !cli_has(cli, "force") && !lstat(file, &st)) {
		cleanup_free char *safe = vantio_escape_dup(file, strlen(file));

		return cli_fail(cli, CLI_FAILURE, "'%s' is there already: --force replaces it", safe ? safe : "");
	}
	return CLI_OK;
}

static int read_base(struct learning *g)
{
	struct vantio_error err = { 0 };
	int r = CLI_OK;

	if (cli_has(g->cli, "preset"))
		r = cli_policy_need_presets(g->cli, &g->base);
	else if (cli_has(g->cli, "base"))
		r = cli_policy_need(g->cli, &g->base, cli_get(g->cli, "base"), cli_get(g->cli, "workdir"));
	g->name = cli_has(g->cli, "name") ? cli_get(g->cli, "name") : cli_has(g->cli, "base") && g->base.policy ? g->base.policy->name : "learned";
	if (!r && g->base.policy && vantio_image_compile(g->base.policy, NULL, &g->base_image, &err))
		return cli_fail_error(g->cli, &err);
	return r;
}

/* ---- a command ---- */

static const char nothing[] = "schema = 1\nname = \"learn\"\nrecord = \"all\"\n"
			      "[file]\ndefault = \"deny\"\n[exec]\ndefault = \"deny\"\n[network]\ndefault = \"deny\"\n";

/* Under the base, so that records name its hosts; without one, under a policy that allows nothing. */
static int observe(struct learning *g, char agent[VANTIO_NAME_MAX], int *ret_status)
{
	cleanup_cli_policy struct cli_policy p = { .file = "nothing" };
	cleanup_free char *cwd = getcwd(NULL, 0);
	struct vantio_error err = { 0 };
	int status;

	if (g->base.policy) {
		cli_policy_read_again(&p, &g->base, cwd);
		if (!p.policy)
			return cli_fail(g->cli, CLI_FAILURE, "%s: cannot be read again", g->base.file);
	} else if (vantio_policy_parse(nothing, strlen(nothing), p.file, NULL, &p.policy, &p.diags, &err)) {
		return cli_fail_error(g->cli, &err);
	}
	p.policy->record_all = true;
	agent[0] = '\0';
	status = run_sandboxed(g->cli, &p, true, agent);
	if (!agent[0])
		return status;
	*ret_status = status;
	return CLI_OK;
}

/* ---- learning ---- */

static int make_learn(struct learning *g)
{
	cleanup_free char *home = vantio_policy_home(), *cwd = getcwd(NULL, 0), *work = NULL, *real = home ? realpath(home, NULL) : NULL;
	const char *given = cli_get(g->cli, "workdir");
	struct vantio_learn_options o = { .home = home, .many = (uint32_t)cli_get_number(g->cli, "many", 0), .base = g->base.policy,
					  .in_full = cli_has(g->cli, "absolute") };
	struct vantio_error err = { 0 };

	if (real && strcmp(real, home) != 0)
		o.real_home = real;
	if (given) {
		work = realpath(given, NULL);
		if (!work)
			return cli_fail(g->cli, CLI_FAILURE, "--workdir '%s': %s", given, strerror(errno));
	}
	o.workdir = given ? work : cwd;
	return vantio_learn_new(&o, &g->learn, &err) ? cli_fail_error(g->cli, &err) : CLI_OK;
}

static int open_named(struct learning *g)
{
	struct vantio_error err = { 0 };
	const char *glob;
	size_t i;
	int n;

	for (i = 0; (glob = cli_get_nth(g->cli, "allow-sensitive", i)); i++) {
		n = vantio_learn_open(g->learn, glob, &err);
		if (n < 0)
			return cli_usage_error(g->cli, "--allow-sensitive '%s': %s", glob, err.text);
		if (!n)
			cli_note(g->cli, "--allow-sensitive '%s': nothing of that name was asked about", glob);
	}
	return CLI_OK;
}

static int finish(struct learning *g)
{
	struct vantio_error err = { 0 };
	int r = open_named(g);

	if (r)
		return r;
	if (vantio_learn_finish(g->learn, g->name, &g->result, &err))
		return cli_fail_error(g->cli, &err);
	if (learn_ask(g) && vantio_learn_finish(g->learn, g->name, &g->result, &err))
		return cli_fail_error(g->cli, &err);
	return CLI_OK;
}

static int learn_from(struct learning *g, struct vantio_reader *reader, const struct vantio_query *q, const struct vantio_filter *f)
{
	struct vantio_error err = { 0 };
	int r;

	if (recorded_each(reader, q, f, learn_take, g, &err))
		return cli_fail_error(g->cli, &err);
	if (!g->decisions)
		return cli_fail(g->cli, CLI_FAILURE, g->records ? "none of the %llu records that match is a decision that a policy could be learned from" :
				"no record matches: there is nothing to learn from. Run under --tier observe, or under a policy with record = \"all\"",
				(unsigned long long)g->records);
	r = finish(g);
	if (r)
		return r;
	g->verifying = true;
	return recorded_each(reader, q, f, learn_take, g, &err) ? cli_fail_error(g->cli, &err) : CLI_OK;
}

static int learn(struct learning *g, const char *agent, uint64_t since)
{
	struct vantio_query q = { .since = since, .until = agent ? UINT64_MAX : cli_get_number(g->cli, "until", UINT64_MAX), .agent = agent, .decision = -1 };
	const char *expr = cli_get(g->cli, "filter");
	struct vantio_filter *filter = NULL;
	struct vantio_reader *reader = NULL;
	struct vantio_error err = { 0 };
	int r;

	if (!agent)
		q.agent = cli_get(g->cli, "agent");
	g->agent = q.agent;
	if (expr && vantio_filter_parse(expr, &filter, &err))
		return err.code == EINVAL ? cli_usage_error(g->cli, "%s", err.text) : cli_fail_error(g->cli, &err);
	r = make_learn(g);
	if (!r)
		reader = ledger_open_reader(g->cli, &r);
	if (reader) {
		q.below = vantio_reader_size(reader);
		r = learn_from(g, reader, &q, filter);
		vantio_reader_close(reader);
	}
	vantio_filter_free(filter);
	return r;
}

static int write_out(struct learning *g)
{
	const char *file = cli_get(g->cli, "output");
	cleanup_free char *text = learn_text(g);
	struct vantio_error err = { 0 };
	int r = 0;

	if (!text)
		return cli_fail(g->cli, CLI_FAILURE, "out of memory");
	if (file)
		r = cli_has(g->cli, "force") ? vantio_replace_file(AT_FDCWD, file, text, strlen(text), 0644, &err) :
					       vantio_create_file(AT_FDCWD, file, text, strlen(text), 0644, &err);
	else if (!cli_json(g->cli))
		fputs(text, stdout);
	if (r)
		return cli_fail_error(g->cli, &err);
	if (cli_flush(g->cli))
		return CLI_FAILURE;
	learn_report(g, text, file, cli_program(g->cli) != NULL);
	return CLI_OK;
}

static void free_learning(struct learning *g)
{
	size_t i;

	for (i = 0; i < g->n_examples; i++) {
		free(g->examples[i].op);
		free(g->examples[i].target);
		free(g->examples[i].target2);
	}
	vantio_learn_result_clear(&g->result);
	vantio_learn_free(g->learn);
	vantio_image_free(g->base_image);
	cli_policy_free(&g->base);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

CLI_COMMAND(policy_learn)
{
	const bool command = cli_program(cli) != NULL;
	uint64_t since = command ? now_ns() - 1000000000u : cli_get_number(cli, "since", 0);
	struct learning g = { .cli = cli };
	char agent[VANTIO_NAME_MAX];
	int status = CLI_OK, r = check_usage(cli);

	if (!r)
		r = read_base(&g);
	if (!r && command)
		r = observe(&g, agent, &status);
	if (!r)
		r = learn(&g, command ? agent : NULL, since);
	if (!r)
		r = write_out(&g);
	free_learning(&g);
	return status ? status : r;
}
