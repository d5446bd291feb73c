// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "completion.h"

static const char head[] =
	"#compdef vantioctl\n"
	"# SPDX-License-Identifier: Apache-2.0\n"
	"# zsh completion for vantioctl; written by 'vantioctl completion zsh', do not edit.\n\n"
	"_vantioctl_values()\n"
	"{\n"
	"\tlocal -a values\n"
	"\tvalues=(${(f)\"$(vantioctl --quiet completion --values $1 2>/dev/null)\"})\n"
	"\tcompadd -a values\n"
	"}\n\n";

/* Inside '...' of an _arguments specification. */
static void print_quoted(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else if (strchr("[]:\\", *text))
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

static void print_action(FILE *out, enum cli_kind kind, const char *const *choices)
{
	if (kind == CLI_CHOICE || kind == CLI_OP || kind == CLI_PRESET) {
		fputc('(', out);
		completion_words(kind, choices, completion_spaced, out);
		fputs(" )", out);
	} else if (kind == CLI_FILE) {
		fputs("_files", out);
	} else if (kind == CLI_DIR) {
		fputs("_files -/", out);
	} else if (kind == CLI_POLICY || kind == CLI_CASES) {
		fputs("_files -g \"*.toml\"", out);
	} else if (completion_dynamic(kind)) {
		fprintf(out, "_vantioctl_values %s", completion_dynamic(kind));
	}
}

static void print_spelling(FILE *out, const char *indent, const char *end, const struct cli_option *o, char letter)
{
	fprintf(out, "%s'", indent);
	if (o->repeat)
		fputc('*', out);
	else if (o->letter)
		fprintf(out, "(-%c --%s)", o->letter, o->name);
	if (letter)
		fprintf(out, "-%c%s[", letter, o->kind == CLI_FLAG ? "" : "+");
	else
		fprintf(out, "--%s%s[", o->name, o->kind == CLI_FLAG ? "" : "=");
	print_quoted(out, o->help);
	fputc(']', out);
	if (o->kind != CLI_FLAG) {
		fputc(':', out);
		print_quoted(out, o->metavar);
		fputc(':', out);
		print_action(out, o->kind, o->choices);
	}
	fprintf(out, "'%s", end);
}

static void print_options(FILE *out, const char *indent, const char *end, const struct cli_option *o)
{
	for (; o && o->name; o++) {
		if (o->letter)
			print_spelling(out, indent, end, o, o->letter);
		print_spelling(out, indent, end, o, 0);
	}
}

static void print_command(FILE *out, const char *indent, const struct cli_command *c)
{
	const struct cli_arg *a;
	int i = 1;

	fprintf(out, "%s_arguments -s \\\n", indent);
	print_options(out, indent, " \\\n", c->options);
	for (a = c->args; a && a->metavar; a++, i++) {
		if (a->kind == CLI_PROGRAM) {
			fprintf(out, "%s'*::command: _normal' \\\n", indent);
			continue;
		}
		fprintf(out, "%s'", indent);
		if (a->repeat)
			fputc('*', out);
		else
			fprintf(out, "%d", i);
		fputs(a->optional && !a->repeat ? "::" : ":", out);
		print_quoted(out, a->metavar);
		fputc(':', out);
		print_action(out, a->kind, a->choices);
		fputs("' \\\n", out);
	}
	fprintf(out, "%s$globals\n", indent);
}

static void print_verbs(FILE *out, const struct cli_noun *noun, const struct cli_command *bare)
{
	const struct cli_command *c;

	fputs("\t\tverbs=(\n", out);
	for (c = noun->commands; c->run; c++) {
		if (!c->verb)
			continue;
		fprintf(out, "\t\t\t'%s:", c->verb);
		print_quoted(out, c->help);
		fputs("'\n", out);
	}
	fputs("\t\t)\n\t\t_arguments -C -s \\\n", out);
	print_options(out, "\t\t", " \\\n", bare ? bare->options : NULL);
	fputs("\t\t'1:verb:{_describe verb verbs}' \\\n\t\t'*::argument:->verb' \\\n\t\t$globals && return\n"
	      "\t\t[[ $state == verb ]] || return\n\t\tcase $words[1] in\n", out);
	for (c = noun->commands; c->run; c++) {
		if (!c->verb)
			continue;
		fprintf(out, "\t\t%s)\n", c->verb);
		print_command(out, "\t\t\t", c);
		fputs("\t\t\t;;\n", out);
	}
	fputs("\t\tesac\n", out);
}

static void print_noun(FILE *out, const struct cli_noun *noun)
{
	const struct cli_command *c, *bare = NULL;
	bool verbs = false;

	for (c = noun->commands; c->run; c++) {
		bare = c->verb ? bare : c;
		verbs |= c->verb != NULL;
	}
	fprintf(out, "\t%s)\n", noun->name);
	if (verbs)
		print_verbs(out, noun, bare);
	else
		print_command(out, "\t\t", bare);
	fputs("\t\t;;\n", out);
}

void completion_zsh(FILE *out)
{
	size_t i;

	fputs(head, out);
	fputs("_vantioctl()\n{\n\tlocal curcontext=\"$curcontext\" state line\n\tlocal -a globals nouns verbs\n"
	      "\ttypeset -A opt_args\n\n\tglobals=(\n", out);
	print_options(out, "\t\t", "\n", cli_global_options);
	fputs("\t)\n\tnouns=(\n", out);
	for (i = 0; i < CLI_NOUNS_MAX; i++) {
		if (!cli_nouns[i])
			continue;
		fprintf(out, "\t\t'%s:", cli_nouns[i]->name);
		print_quoted(out, cli_nouns[i]->help);
		fputs("'\n", out);
	}
	fputs("\t)\n\t_arguments -C -s $globals '1:command:{_describe command nouns}' '*::argument:->noun' && return\n"
	      "\t[[ $state == noun ]] || return\n\tcase $words[1] in\n", out);
	for (i = 0; i < CLI_NOUNS_MAX; i++)
		if (cli_nouns[i])
			print_noun(out, cli_nouns[i]);
	fputs("\tesac\n}\n\nif [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n\t_vantioctl \"$@\"\nelse\n"
	      "\tcompdef _vantioctl vantioctl\nfi\n", out);
}
