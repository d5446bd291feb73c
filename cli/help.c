// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "internal.h"

extern const struct cli_noun cli_noun_help;

static void add_args(struct vantio_buf *b, const struct cli_arg *a)
{
	for (; a && a->metavar; a++) {
		if (a->kind == CLI_PROGRAM)
			vantio_buf_printf(b, a->optional ? " [-- %s...]" : " -- %s...", a->metavar);
		else
			vantio_buf_printf(b, a->optional ? " [%s%s]" : " %s%s", a->metavar, a->repeat ? "..." : "");
	}
}

/* What follows "vantioctl NOUN". */
static void add_shape(struct vantio_buf *b, const struct cli_command *c)
{
	const struct cli_option *o;
	bool optional = false;

	if (c->verb)
		vantio_buf_printf(b, " %s", c->verb);
	for (o = c->options; o && o->name; o++) {
		if (o->required)
			vantio_buf_printf(b, " --%s %s%s", o->name, o->metavar, o->repeat ? "..." : "");
		else
			optional = true;
	}
	if (optional)
		vantio_buf_puts(b, " [OPTIONS]");
	add_args(b, c->args);
}

char *cli_usage_line(const struct cli_noun *noun, const struct cli_command *command)
{
	struct vantio_buf b = VANTIO_BUF_INIT;

	vantio_buf_puts(&b, "vantioctl ");
	if (!noun)
		vantio_buf_puts(&b, "[GLOBAL OPTIONS] NOUN [VERB] [ARGS]");
	else
		vantio_buf_puts(&b, noun->name);
	if (noun && command)
		add_shape(&b, command);
	else if (noun)
		vantio_buf_puts(&b, " VERB [OPTIONS] [ARGS]");
	return vantio_buf_steal(&b);
}

/* "  -o, --option VALUE   help" */
static void print_options(FILE *out, const char *title, const struct cli_option *options)
{
	const struct cli_option *o;
	int width = 0, n;
	size_t i;

	for (o = options; o && o->name; o++) {
		n = (int)(strlen(o->name) + (o->metavar ? strlen(o->metavar) + 1 : 0));
		width = n > width ? n : width;
	}
	if (!width)
		return;
	fprintf(out, "\n%s:\n", title);
	for (o = options; o->name; o++) {
		n = (int)(strlen(o->name) + (o->metavar ? strlen(o->metavar) + 1 : 0));
		fprintf(out, o->letter ? "  -%c, " : "      ", o->letter);
		fprintf(out, "--%s%s%s%*s  %s", o->name, o->metavar ? " " : "", o->metavar ? o->metavar : "", width - n, "", o->help);
		for (i = 0; o->choices && o->choices[i]; i++)
			fprintf(out, "%s%s", i ? ", " : ": ", o->choices[i]);
		fprintf(out, "%s\n", o->repeat ? " (may be given more than once)" : "");
	}
}

static void help_command(const struct cli_noun *noun, const struct cli_command *c)
{
	cleanup_free char *usage = cli_usage_line(noun, c);
	const struct cli_arg *a;
	size_t i;

	printf("usage: %s\n\n%s\n", usage ? usage : "", c->help);
	for (a = c->args; a && a->metavar; a++) {
		if (!a->choices)
			continue;
		printf("%s is one of", a->metavar);
		for (i = 0; a->choices[i]; i++)
			printf("%s %s", i ? "," : "", a->choices[i]);
		putchar('\n');
	}
	print_options(stdout, "Options", c->options);
}

static void print_row(FILE *out, int width, const char *left, const char *help)
{
	if ((int)strlen(left) > width)
		fprintf(out, "  %s\n  %*s  %s\n", left, width, "", help);
	else
		fprintf(out, "  %-*s  %s\n", width, left, help);
}

static void help_noun(const struct cli_noun *noun)
{
	const struct cli_command *c;

	printf("usage: vantioctl %s [VERB] [OPTIONS] [ARGS]\n\n%s\n\n", noun->name, noun->help);
	for (c = noun->commands; c->run; c++) {
		cleanup_buf struct vantio_buf b = VANTIO_BUF_INIT;

		add_shape(&b, c);
		print_row(stdout, 30, b.data && !b.failed && b.len ? b.data + 1 : "", c->help);
	}
	for (c = noun->commands; c->run; c++)
		if (!c->verb)
			print_options(stdout, "Options", c->options);
	printf("\n'vantioctl %s VERB --help' lists the options of a verb.\n", noun->name);
}

void cli_help_overview(FILE *out)
{
	size_t i;

	fputs("vantioctl governs AI agents on Linux: what they may read, run and reach.\n\n"
	      "usage: vantioctl [GLOBAL OPTIONS] NOUN [VERB] [ARGS]\n\nCommands:\n", out);
	for (i = 0; i < CLI_NOUNS_MAX; i++)
		if (cli_nouns[i])
			print_row(out, 12, cli_nouns[i]->name, cli_nouns[i]->help);
	print_options(out, "Global options", cli_global_options);
	fputs("\n'vantioctl NOUN --help' says more; vantioctl(8) is the manual.\n", out);
}

int cli_help(struct cli *cli)
{
	if (cli->json)
		return cli_emit(cli, cli_dump_table());
	if (!cli->noun) {
		cli_help_overview(stdout);
		return CLI_OK;
	}
	if (cli->command && (cli->command->verb || !cli->noun->commands[1].run))
		help_command(cli->noun, cli->command);
	else
		help_noun(cli->noun);
	print_options(stdout, "Global options", cli_global_options);
	if (cli->noun == &cli_noun_help)
		puts("\nThe manual is vantioctl(8).");
	else
		printf("\nThe manual is vantioctl-%s(8).\n", cli->noun->name);
	return CLI_OK;
}

static int cmd_help(struct cli *cli)
{
	struct cli topic = { .json = cli->json };
	const char *noun = cli_arg(cli, 0), *verb = cli_arg(cli, 1);

	if (noun) {
		topic.noun = cli_find_noun(noun);
		if (!topic.noun) {
			cleanup_free char *safe = vantio_escape_dup(noun, strlen(noun));

			return cli_usage_error(cli, "there is no command '%s'; 'vantioctl help' lists all", safe ? safe : "");
		}
		topic.command = cli_find_verb(topic.noun, verb);
		if (verb && !topic.command) {
			cleanup_free char *safe = vantio_escape_dup(verb, strlen(verb));

			return cli_usage_error(cli, "'%s' has no verb '%s'; 'vantioctl help %s' lists all", noun, safe ? safe : "", noun);
		}
	}
	return cli_help(&topic);
}

static const struct cli_arg help_args[] = {
	{ .metavar = "NOUN", .kind = CLI_TEXT, .optional = true },
	{ .metavar = "VERB", .kind = CLI_TEXT, .optional = true },
	{ 0 },
};

static const struct cli_command help_commands[] = {
	{ NULL, "explain the commands; with --json the whole table of them", NULL, help_args, cmd_help },
	{ 0 },
};

const struct cli_noun cli_noun_help = { "help", "explain the commands", help_commands };
