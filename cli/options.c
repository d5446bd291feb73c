// SPDX-License-Identifier: Apache-2.0
/* The words of the command line, read once from left to right against the table. Exact names only. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "internal.h"

#define OFFER_MAX 128

struct parser {
	struct cli *cli;
	char **argv;
	int argc, at; /* the next word */
	bool options_ended;
};

static int out_of_memory(struct cli *cli)
{
	return cli_fail(cli, CLI_FAILURE, "out of memory");
}

/* "; did you mean 'X'?" or "". */
static void offer(char out[OFFER_MAX], const char *dashes, const char *word, const char *const *candidates, size_t n)
{
	const char *near = vantio_nearest(word, candidates, n);

	out[0] = '\0';
	if (near)
		snprintf(out, OFFER_MAX, "; did you mean '%s%s'?", dashes, near);
}

static size_t add_names(const char **names, size_t n, size_t max, const struct cli_option *o)
{
	for (; o && o->name && n < max; o++)
		names[n++] = o->name;
	return n;
}

/* ---- values ---- */

bool cli_number_of(enum cli_kind kind, const char *value, uint64_t *ret)
{
	switch (kind) {
	case CLI_NUMBER:
		return vantio_parse_u64(value, strlen(value), UINT64_MAX, ret);
	case CLI_DURATION:
		return vantio_parse_duration(value, ret);
	case CLI_TIME:
		return vantio_parse_time(value, ret);
	default:
		return false;
	}
}

static const char *expected(enum cli_kind kind)
{
	switch (kind) {
	case CLI_NUMBER:
		return "a number: decimal digits, no sign";
	case CLI_DURATION:
		return "a duration, such as 250ms, 60s, 5m or 2h";
	case CLI_TIME:
		return "a time in UTC, such as 2026-11-20T10:01:02Z";
	case CLI_TRACE:
		return "a trace id: 0x and up to 16 hex digits";
	default:
		return "a name: it is empty";
	}
}

static int check_choice(struct cli *cli, const char *what, const char *value, const char *const *choices)
{
	cleanup_free char *shown = vantio_escape_dup(value, strlen(value));
	cleanup_buf struct vantio_buf all = VANTIO_BUF_INIT;
	char near[OFFER_MAX];
	size_t n;

	for (n = 0; choices[n]; n++) {
		if (!strcmp(choices[n], value))
			return CLI_OK;
		vantio_buf_printf(&all, "%s%s", n ? ", " : "", choices[n]);
	}
	offer(near, "", value, choices, n);
	if (all.failed || !shown)
		return out_of_memory(cli);
	return cli_usage_error(cli, "%s: '%s' is none of %s%s", what, shown, all.data, near);
}

static int check_value(struct cli *cli, const char *what, enum cli_kind kind, const char *const *choices, const char *value)
{
	cleanup_free char *shown = NULL;
	uint64_t ignored;
	bool ok = *value;

	if (kind == CLI_CHOICE)
		return check_choice(cli, what, value, choices);
	if (kind == CLI_NUMBER || kind == CLI_DURATION || kind == CLI_TIME)
		ok = cli_number_of(kind, value, &ignored);
	else if (kind == CLI_TRACE)
		ok = vantio_parse_trace_id(value, &ignored);
	if (ok || kind == CLI_TEXT)
		return CLI_OK;
	shown = vantio_escape_dup(value, strlen(value));
	return cli_usage_error(cli, "%s: '%s' is not %s", what, shown ? shown : "?", expected(kind));
}

/* ---- options ---- */

static const struct cli_option *find_option(const struct cli_option *o, const char *name, size_t len, char letter)
{
	for (; o && o->name; o++)
		if (letter ? o->letter == letter : strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	return NULL;
}

const struct cli_option *cli_known_option(const struct cli *cli, const char *name, size_t len, char letter)
{
	const struct cli_option *o = NULL;

	if (cli->command)
		o = find_option(cli->command->options, name, len, letter);
	return o ? o : find_option(cli_global_options, name, len, letter);
}

static bool belongs_to_a_verb(const struct cli_noun *noun, const char *name, size_t len)
{
	const struct cli_command *c;

	for (c = noun->commands; c->run; c++)
		if (c->verb && find_option(c->options, name, len, 0))
			return true;
	return false;
}

static int unknown_option(struct parser *p, const char *name, size_t len)
{
	cleanup_free char *word = strndup(name, len), *shown = vantio_escape_dup(name, len);
	struct cli *cli = p->cli;
	const char *names[64];
	char near[OFFER_MAX];
	size_t n = 0;

	if (!word || !shown)
		return out_of_memory(cli);
	if (cli->noun && !cli->command && belongs_to_a_verb(cli->noun, name, len))
		return cli_usage_error(cli, "write the option '--%s' after the verb", shown);
	if (cli->command)
		n = add_names(names, n, VANTIO_ARRAY_SIZE(names), cli->command->options);
	n = add_names(names, n, VANTIO_ARRAY_SIZE(names), cli_global_options);
	offer(near, "--", word, names, n);
	return cli_usage_error(cli, "there is no option '--%s' here%s", shown, near);
}

static int give(struct cli *cli, const struct cli_option *o, const char *value)
{
	struct cli_given *grown;
	char what[64];
	int r;

	if (o->kind != CLI_FLAG) {
		snprintf(what, sizeof(what), "--%s", o->name);
		r = check_value(cli, what, o->kind, o->choices, value);
		if (r)
			return r;
		if (!o->repeat && cli_get(cli, o->name))
			return cli_usage_error(cli, "the option '--%s' is given twice", o->name);
	} else if (cli_has(cli, o->name)) {
		return CLI_OK;
	}
	grown = reallocarray(cli->given, cli->n_given + 1, sizeof(*grown));
	if (!grown)
		return out_of_memory(cli);
	cli->given = grown;
	cli->given[cli->n_given++] = (struct cli_given){ o, value };
	cli->want_help |= !strcmp(o->name, "help");
	cli->want_version |= !strcmp(o->name, "version");
	return CLI_OK;
}

/* The value that follows as a word of its own. A word that looks like an option is one that was forgotten. */
static int next_value(struct parser *p, const struct cli_option *o, const char **ret)
{
	const char *word = p->at < p->argc ? p->argv[p->at] : NULL;

	if (!word || (word[0] == '-' && word[1]))
		return cli_usage_error(p->cli, "the option '--%s' needs a value: --%s %s", o->name, o->name, o->metavar);
	p->at++;
	*ret = word;
	return CLI_OK;
}

static int long_option(struct parser *p, const char *word)
{
	const char *equals = strchr(word, '='), *value = equals ? equals + 1 : NULL;
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct cli_option *o = cli_known_option(p->cli, word, len, 0);
	int r;

	if (!o)
		return unknown_option(p, word, len);
	if (o->kind == CLI_FLAG && value)
		return cli_usage_error(p->cli, "the option '--%s' takes no value", o->name);
	if (o->kind != CLI_FLAG && !value) {
		r = next_value(p, o, &value);
		if (r)
			return r;
	}
	return give(p->cli, o, value);
}

/* "-j", "-qj", "-o FILE", "-oFILE" */
static int short_options(struct parser *p, const char *word)
{
	const struct cli_option *o;
	const char *value;
	int r;

	for (; *word; word++) {
		o = cli_known_option(p->cli, NULL, 0, *word);
		if (!o) {
			cleanup_free char *shown = vantio_escape_dup(word, 1);

			return cli_usage_error(p->cli, "there is no option '-%s' here", shown ? shown : "?");
		}
		value = NULL;
		if (o->kind != CLI_FLAG && word[1])
			value = word + 1;
		else if (o->kind != CLI_FLAG && (r = next_value(p, o, &value)))
			return r;
		r = give(p->cli, o, value);
		if (r || value)
			return r;
	}
	return CLI_OK;
}

/* ---- words ---- */

static int unknown_noun(struct cli *cli, const char *word)
{
	cleanup_free char *shown = vantio_escape_dup(word, strlen(word));
	const char *names[CLI_NOUNS_MAX];
	char near[OFFER_MAX];
	size_t n = 0, i;

	for (i = 0; i < CLI_NOUNS_MAX; i++)
		if (cli_nouns[i])
			names[n++] = cli_nouns[i]->name;
	offer(near, "", word, names, n);
	return cli_fail(cli, CLI_USAGE, "there is no command '%s'%s%s", shown ? shown : "?", near,
			*near ? "" : "; 'vantioctl help' lists all");
}

/* `word` is NULL where none was given. */
static int unknown_verb(struct cli *cli, const char *word)
{
	cleanup_free char *shown = word ? vantio_escape_dup(word, strlen(word)) : NULL;
	cleanup_buf struct vantio_buf all = VANTIO_BUF_INIT;
	const struct cli_command *c;
	const char *names[32];
	char near[OFFER_MAX];
	size_t n = 0;

	for (c = cli->noun->commands; c->run; c++) {
		if (!c->verb || n == VANTIO_ARRAY_SIZE(names))
			continue;
		vantio_buf_printf(&all, "%s%s", n ? ", " : "", c->verb);
		names[n++] = c->verb;
	}
	if (all.failed || !all.data)
		return out_of_memory(cli);
	if (!word)
		return cli_usage_error(cli, "'%s' needs a verb: %s", cli->noun->name, all.data);
	offer(near, "", word, names, n);
	return cli_usage_error(cli, "'%s' has no verb '%s'%s%s%s", cli->noun->name, shown ? shown : "?", near,
			       *near ? "" : "; it has ", *near ? "" : all.data);
}

static bool has_verbs(const struct cli_noun *noun)
{
	const struct cli_command *c;

	for (c = noun->commands; c->run; c++)
		if (c->verb)
			return true;
	return false;
}

/* True if an option was given that only the command itself knows. */
static bool own_option_given(const struct cli *cli)
{
	size_t i, n;

	for (i = 0; i < cli->n_given; i++) {
		for (n = 0; cli_global_options[n].name; n++)
			if (cli->given[i].option == &cli_global_options[n])
				break;
		if (!cli_global_options[n].name)
			return true;
	}
	return false;
}

static int take_verb(struct cli *cli, const char *word)
{
	const struct cli_command *c = cli_find_verb(cli->noun, word);

	if (!c) {
		if (cli->command && !has_verbs(cli->noun))
			return -1;
		return unknown_verb(cli, word);
	}
	if (own_option_given(cli))
		return cli_usage_error(cli, "write the verb '%s' before its options", word);
	cli->command = c;
	return CLI_OK;
}

static int take_word(struct parser *p, const char *word)
{
	struct cli *cli = p->cli;
	int r;

	if (!cli->noun) {
		cli->noun = cli_find_noun(word);
		if (!cli->noun)
			return unknown_noun(cli, word);
		cli->command = cli_find_verb(cli->noun, NULL);
		return CLI_OK;
	}
	if ((!cli->command || !cli->command->verb) && !cli->n_args) {
		r = take_verb(cli, word);
		if (r >= 0)
			return r;
	}
	cli->args[cli->n_args++] = word;
	return CLI_OK;
}

static const struct cli_arg *program_arg(const struct cli_command *command)
{
	const struct cli_arg *a;

	for (a = command ? command->args : NULL; a && a->metavar; a++)
		if (a->kind == CLI_PROGRAM)
			return a;
	return NULL;
}

static int take(struct parser *p)
{
	const char *word = p->argv[p->at++];

	if (p->options_ended || word[0] != '-' || !word[1])
		return take_word(p, word);
	if (strcmp(word, "--") != 0)
		return word[1] == '-' ? long_option(p, word + 2) : short_options(p, word + 1);
	if (program_arg(p->cli->command)) {
		p->cli->program = p->argv + p->at;
		p->at = p->argc;
	}
	p->options_ended = true;
	return CLI_OK;
}

/* ---- when all is read ---- */

static int check_args(struct cli *cli)
{
	const struct cli_arg *a = cli->command->args;
	size_t i = 0;
	int r;

	for (; a && a->metavar; a++) {
		if (a->kind == CLI_PROGRAM)
			continue;
		if (i == cli->n_args && !a->optional)
			return cli_usage_error(cli, "%s is missing", a->metavar);
		while (i < cli->n_args) {
			r = check_value(cli, a->metavar, a->kind, a->choices, cli->args[i]);
			if (r)
				return r;
			i++;
			if (!a->repeat)
				break;
		}
	}
	if (i < cli->n_args) {
		cleanup_free char *shown = vantio_escape_dup(cli->args[i], strlen(cli->args[i]));

		return cli_usage_error(cli, program_arg(cli->command) ? "write '--' before the command '%s'" : "unexpected argument '%s'",
				       shown ? shown : "?");
	}
	return CLI_OK;
}

static int check_complete(struct cli *cli)
{
	const struct cli_option *o;
	const struct cli_arg *program;

	if (!cli->noun && cli->json)
		return cli_fail(cli, CLI_USAGE, "no command is given; 'vantioctl help' lists all");
	if (!cli->noun) {
		cli_help_overview(stderr);
		return CLI_USAGE;
	}
	if (!cli->command)
		return unknown_verb(cli, NULL);
	for (o = cli->command->options; o && o->name; o++)
		if (o->required && !cli_has(cli, o->name))
			return cli_usage_error(cli, "the option '--%s %s' is missing", o->name, o->metavar);
	program = program_arg(cli->command);
	if (program && !program->optional && !cli->n_args && (!cli->program || !cli->program[0]))
		return cli_usage_error(cli, "no command to run is given: write it after '--'");
	return check_args(cli);
}

/* Whether --json stands among the options, before any of them is understood. */
static bool asks_for_json(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--json") || !strcmp(argv[i], "-j"))
			return true;
	return false;
}

int cli_parse(struct cli *cli, int argc, char **argv)
{
	struct parser p = { .cli = cli, .argv = argv, .argc = argc, .at = 1 };
	int r;

	cli->json = asks_for_json(argc, argv);
	cli->args = calloc((size_t)(argc > 0 ? argc : 1), sizeof(*cli->args));
	if (!cli->args)
		return out_of_memory(cli);
	while (p.at < p.argc) {
		r = take(&p);
		if (r)
			return r;
	}
	cli->json |= cli_has(cli, "json");
	return cli->want_help || cli->want_version ? CLI_OK : check_complete(cli);
}

void cli_clear(struct cli *cli)
{
	free(cli->given);
	free(cli->args);
	free(cli->ledger_dir);
	*cli = (struct cli){ 0 };
}
