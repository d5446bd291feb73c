// SPDX-License-Identifier: Apache-2.0
#include "completion.h"

static const char head[] =
	"# SPDX-License-Identifier: Apache-2.0\n"
	"# fish completion for vantioctl; written by 'vantioctl completion fish', do not edit.\n\n";

static const char body[] =
	"# The words before the cursor without options and their values.\n"
	"function __vantioctl_words\n"
	"    set -l skip 0\n"
	"    for word in (commandline -opc)[2..-1]\n"
	"        if test $skip -eq 1\n"
	"            set skip 0\n"
	"        else if contains -- $word $__vantioctl_valued\n"
	"            set skip 1\n"
	"        else if not string match -q -- '-*' $word\n"
	"            echo $word\n"
	"        end\n"
	"    end\n"
	"end\n\n"
	"# True after the words $argv[2..], with $argv[1] more behind them; '+' is any number.\n"
	"function __vantioctl_after\n"
	"    set -l words (__vantioctl_words)\n"
	"    set -l prefix $argv[2..-1]\n"
	"    set -l n (count $prefix)\n"
	"    test (count $words) -ge $n; or return 1\n"
	"    if test $n -gt 0\n"
	"        test \"$words[1..$n]\" = \"$prefix\"; or return 1\n"
	"    end\n"
	"    test $argv[1] = +; or test (count $words) -eq (math $n + $argv[1])\n"
	"end\n\n"
	"function __vantioctl_values\n"
	"    vantioctl --quiet completion --values $argv[1] 2>/dev/null\n"
	"end\n\n"
	"complete -c vantioctl -f\n";

/* Inside '...' of fish, where backslash and quote are escaped by a backslash. */
static void print_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

static void print_values(FILE *out, enum cli_kind kind, const char *const *choices)
{
	if (kind == CLI_CHOICE || kind == CLI_OP || kind == CLI_PRESET) {
		fputs(" -f -a '", out);
		completion_words(kind, choices, completion_spaced, out);
		fputs("'", out);
	} else if (kind == CLI_FILE) {
		fputs(" -F", out);
	} else if (kind == CLI_DIR) {
		fputs(" -f -a '(__fish_complete_directories (commandline -ct))'", out);
	} else if (kind == CLI_POLICY || kind == CLI_CASES) {
		fputs(" -k -f -a '(__fish_complete_suffix .toml)'", out);
	} else if (kind == CLI_PROGRAM) {
		fputs(" -f -a '(__fish_complete_subcommand)'", out);
	} else if (completion_dynamic(kind)) {
		fprintf(out, " -f -a '(__vantioctl_values %s)'", completion_dynamic(kind));
	}
}

static void print_condition(FILE *out, int more, const char *noun, const char *verb)
{
	fputs("complete -c vantioctl -n '__vantioctl_after ", out);
	if (more < 0)
		fputc('+', out);
	else
		fprintf(out, "%d", more);
	fprintf(out, "%s%s%s%s'", noun ? " " : "", noun ? noun : "", verb ? " " : "", verb ? verb : "");
}

static void print_options(FILE *out, const char *noun, const char *verb, int more, const struct cli_option *o)
{
	for (; o && o->name; o++) {
		if (noun)
			print_condition(out, more, noun, verb);
		else
			fputs("complete -c vantioctl", out);
		fprintf(out, " -l %s", o->name);
		if (o->letter)
			fprintf(out, " -s %c", o->letter);
		if (o->kind != CLI_FLAG) {
			fputs(" -r", out);
			print_values(out, o->kind, o->choices);
		}
		fputs(" -d ", out);
		print_quoted(out, o->help);
		fputc('\n', out);
	}
}

static void print_args(FILE *out, const char *noun, const struct cli_command *c)
{
	const struct cli_arg *a;
	int i = 0;

	for (a = c->args; a && a->metavar; a++, i++) {
		if (a->kind == CLI_TEXT || a->kind == CLI_NUMBER || a->kind == CLI_DURATION || a->kind == CLI_TIME)
			continue;
		print_condition(out, a->repeat || a->kind == CLI_PROGRAM ? -1 : i, noun, c->verb);
		print_values(out, a->kind, a->choices);
		fputc('\n', out);
	}
}

static void print_noun(FILE *out, const struct cli_noun *noun)
{
	const struct cli_command *c;
	bool verbs = false;

	for (c = noun->commands; c->run; c++)
		verbs |= c->verb != NULL;
	for (c = noun->commands; c->run; c++) {
		if (c->verb) {
			print_condition(out, 0, noun->name, NULL);
			fprintf(out, " -a %s -d ", c->verb);
			print_quoted(out, c->help);
			fputc('\n', out);
		}
		print_options(out, noun->name, c->verb, c->verb || !verbs ? -1 : 0, c->options);
		print_args(out, noun->name, c);
	}
}

static void print_valued(FILE *out, const struct cli_option *o)
{
	for (; o && o->name; o++) {
		if (o->kind == CLI_FLAG)
			continue;
		fprintf(out, " --%s", o->name);
		if (o->letter)
			fprintf(out, " -%c", o->letter);
	}
}

void completion_fish(FILE *out)
{
	const struct cli_command *c;
	size_t i;

	fputs(head, out);
	fputs("set -g __vantioctl_valued", out);
	print_valued(out, cli_global_options);
	for (i = 0; i < CLI_NOUNS_MAX; i++)
		for (c = cli_nouns[i] ? cli_nouns[i]->commands : NULL; c && c->run; c++)
			print_valued(out, c->options);
	fputs("\n\n", out);
	fputs(body, out);
	print_options(out, NULL, NULL, 0, cli_global_options);
	for (i = 0; i < CLI_NOUNS_MAX; i++) {
		if (!cli_nouns[i])
			continue;
		print_condition(out, 0, NULL, NULL);
		fprintf(out, " -a %s -d ", cli_nouns[i]->name);
		print_quoted(out, cli_nouns[i]->help);
		fputc('\n', out);
	}
	for (i = 0; i < CLI_NOUNS_MAX; i++)
		if (cli_nouns[i])
			print_noun(out, cli_nouns[i]);
}
