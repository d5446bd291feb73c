// SPDX-License-Identifier: Apache-2.0
#include "completion.h"

static const char head[] =
	"# SPDX-License-Identifier: Apache-2.0\n"
	"# bash completion for vantioctl; written by 'vantioctl completion bash', do not edit.\n\n";

/* Compares words as the program does: noun, verb, then arguments; options anywhere, their values skipped. */
static const char body[] =
	"# Offers what may stand in place of $cur: $1 is a kind, the rest its words.\n"
	"_vantioctl_offer()\n"
	"{\n"
	"\tlocal kind=$1\n"
	"\tshift\n"
	"\tcase $kind in\n"
	"\tchoice) mapfile -t COMPREPLY < <(compgen -W \"$*\" -- \"$cur\") ;;\n"
	"\tfile) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
	"\tdir) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
	"\tpolicy | cases)\n"
	"\t\tcompopt -o filenames\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -X '!*.toml' -- \"$cur\"; compgen -d -- \"$cur\")\n"
	"\t\t;;\n"
	"\tprogram) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -c -- \"$cur\") ;;\n"
	"\tagent | record | trace)\n"
	"\t\tlocal values\n"
	"\t\tvalues=$(vantioctl ${ledger:+--ledger \"$ledger\"} --quiet completion --values \"$kind\" 2>/dev/null)\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$cur\")\n"
	"\t\t;;\n"
	"\tesac\n"
	"}\n\n"
	"_vantioctl()\n"
	"{\n"
	"\tlocal cur word noun= verb= ledger= opt= i n=0 glued= nouns verbs opts value args\n"
	"\tlocal -a w=()\n"
	"\tCOMPREPLY=()\n"
	"\t# bash breaks --option=value at the sign: put it together again.\n"
	"\tfor ((i = 1; i <= COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tif [[ $word == '=' && ${#w[@]} -gt 0 && ${w[-1]} == --?* && ${w[-1]} != *=* ]]; then\n"
	"\t\t\tw[-1]+='='\n"
	"\t\t\tglued=1\n"
	"\t\telif [[ $glued ]]; then\n"
	"\t\t\tw[-1]+=$word\n"
	"\t\t\tglued=\n"
	"\t\telse\n"
	"\t\t\tw+=(\"$word\")\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tcur=${w[-1]}\n"
	"\t_vantioctl_table ''\n"
	"\tfor ((i = 0; i < ${#w[@]} - 1; i++)); do\n"
	"\t\tword=${w[i]}\n"
	"\t\tcase $word in\n"
	"\t\t--)\n"
	"\t\t\t[[ ${args[0]} == program ]] || continue\n"
	"\t\t\tif ((i == ${#w[@]} - 2)); then _vantioctl_offer program; else _vantioctl_offer file; fi\n"
	"\t\t\treturn\n"
	"\t\t\t;;\n"
	"\t\t--ledger=*) ledger=${word#*=} ;;\n"
	"\t\t-*)\n"
	"\t\t\tvalue=\n"
	"\t\t\t_vantioctl_value \"$noun${verb:+ $verb}|$word\"\n"
	"\t\t\t[[ $value ]] || continue\n"
	"\t\t\tif ((++i == ${#w[@]} - 1)); then\n"
	"\t\t\t\t# shellcheck disable=SC2086\n"
	"\t\t\t\t_vantioctl_offer $value\n"
	"\t\t\t\treturn\n"
	"\t\t\tfi\n"
	"\t\t\t[[ $word == --ledger ]] && ledger=${w[i]}\n"
	"\t\t\t;;\n"
	"\t\t*)\n"
	"\t\t\tif [[ ! $noun ]]; then\n"
	"\t\t\t\tnoun=$word\n"
	"\t\t\t\t_vantioctl_table \"$noun\"\n"
	"\t\t\telif [[ ! $verb && $n == 0 && \" $verbs \" == *\" $word \"* ]]; then\n"
	"\t\t\t\tverb=$word\n"
	"\t\t\t\t_vantioctl_table \"$noun $verb\"\n"
	"\t\t\telse\n"
	"\t\t\t\t((n++))\n"
	"\t\t\tfi\n"
	"\t\t\t;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tif [[ $cur == --*=* ]]; then\n"
	"\t\topt=${cur%%=*}\n"
	"\t\tvalue=\n"
	"\t\t_vantioctl_value \"$noun${verb:+ $verb}|$opt\"\n"
	"\t\tcur=${cur#*=}\n"
	"\t\t# shellcheck disable=SC2086\n"
	"\t\t[[ $value ]] && _vantioctl_offer $value\n"
	"\t\t[[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=(\"${COMPREPLY[@]/#/$opt=}\")\n"
	"\telif [[ $cur == -* ]]; then\n"
	"\t\t_vantioctl_offer choice \"$globals $opts\"\n"
	"\telif [[ ! $noun ]]; then\n"
	"\t\t_vantioctl_offer choice \"$nouns\"\n"
	"\telif [[ ! $verb && $verbs ]]; then\n"
	"\t\t_vantioctl_offer choice \"$verbs\"\n"
	"\telif ((${#args[@]})); then\n"
	"\t\tvalue=${args[n]}\n"
	"\t\t((n >= ${#args[@]})) && [[ ${args[-1]} == *' ...' ]] && value=${args[-1]}\n"
	"\t\tvalue=${value% ...}\n"
	"\t\t# shellcheck disable=SC2086\n"
	"\t\t[[ $value && $value != program ]] && _vantioctl_offer $value\n"
	"\tfi\n"
	"}\n\n"
	"complete -F _vantioctl vantioctl\n";

static void print_kind(FILE *out, enum cli_kind kind, const char *const *choices)
{
	if (kind == CLI_CHOICE || kind == CLI_OP || kind == CLI_PRESET) {
		fputs("choice", out);
		completion_words(kind, choices, completion_spaced, out);
	} else if (kind == CLI_FILE) {
		fputs("file", out);
	} else if (kind == CLI_DIR) {
		fputs("dir", out);
	} else if (kind == CLI_POLICY || kind == CLI_CASES) {
		fputs("policy", out);
	} else if (kind == CLI_PROGRAM) {
		fputs("program", out);
	} else if (completion_dynamic(kind)) {
		fputs(completion_dynamic(kind), out);
	} else {
		fputs("none", out);
	}
}

static void print_option_words(FILE *out, const char *name, const struct cli_option *o)
{
	const char *between = "";

	fprintf(out, "\t\t%s='", name);
	for (; o && o->name; o++) {
		fprintf(out, "%s--%s", between, o->name);
		if (o->letter)
			fprintf(out, " -%c", o->letter);
		between = " ";
	}
	fputs("'\n", out);
}

static void print_command(FILE *out, const struct cli_command *c)
{
	const struct cli_arg *a;

	print_option_words(out, "opts", c->options);
	for (a = c->args; a && a->metavar; a++) {
		fputs("\t\targs+=('", out);
		print_kind(out, a->kind, a->choices);
		fprintf(out, "%s')\n", a->repeat ? " ..." : "");
	}
}

static void print_noun(FILE *out, const struct cli_noun *noun)
{
	const struct cli_command *c;
	const char *between = "";

	fprintf(out, "\t%s)\n\t\tverbs='", noun->name);
	for (c = noun->commands; c->run; c++) {
		if (!c->verb)
			continue;
		fprintf(out, "%s%s", between, c->verb);
		between = " ";
	}
	fputs("'\n", out);
	for (c = noun->commands; c->run; c++)
		if (!c->verb)
			print_command(out, c);
	fputs("\t\t;;\n", out);
	for (c = noun->commands; c->run; c++) {
		if (!c->verb)
			continue;
		fprintf(out, "\t'%s %s')\n", noun->name, c->verb);
		print_command(out, c);
		fputs("\t\t;;\n", out);
	}
}

static void print_table(FILE *out)
{
	size_t i;

	fputs("# Sets what may follow the words $1 (a noun, or a noun and a verb).\n"
	      "_vantioctl_table()\n{\n\topts= args=()\n\tcase $1 in\n\t'')\n\t\tverbs=\n\t\tnouns='", out);
	for (i = 0; i < CLI_NOUNS_MAX; i++)
		if (cli_nouns[i])
			fprintf(out, "%s%s", i ? " " : "", cli_nouns[i]->name);
	fputs("'\n", out);
	print_option_words(out, "globals", cli_global_options);
	fputs("\t\t;;\n", out);
	for (i = 0; i < CLI_NOUNS_MAX; i++)
		if (cli_nouns[i])
			print_noun(out, cli_nouns[i]);
	fputs("\tesac\n}\n\n", out);
}

static void print_values_of(FILE *out, const char *noun, const char *verb, const struct cli_option *o)
{
	for (; o && o->name; o++) {
		if (o->kind == CLI_FLAG)
			continue;
		fprintf(out, "\t'%s%s%s|--%s'", noun, verb ? " " : "", verb ? verb : "", o->name);
		if (o->letter)
			fprintf(out, " | '%s%s%s|-%c'", noun, verb ? " " : "", verb ? verb : "", o->letter);
		fputs(") value='", out);
		print_kind(out, o->kind, o->choices);
		fputs("' ;;\n", out);
	}
}

static void print_values(FILE *out)
{
	const struct cli_option *o;
	const struct cli_command *c;
	size_t i;

	fputs("# Sets the kind of value that an option takes; $1 is \"NOUN VERB|--option\". Nothing for a flag.\n"
	      "_vantioctl_value()\n{\n\tcase $1 in\n", out);
	for (o = cli_global_options; o->name; o++) {
		if (o->kind == CLI_FLAG)
			continue;
		fprintf(out, "\t*'|--%s') value=", o->name);
		print_kind(out, o->kind, o->choices);
		fputs(" ;;\n", out);
	}
	for (i = 0; i < CLI_NOUNS_MAX; i++)
		for (c = cli_nouns[i] ? cli_nouns[i]->commands : NULL; c && c->run; c++)
			print_values_of(out, cli_nouns[i]->name, c->verb, c->options);
	fputs("\tesac\n}\n\n", out);
}

void completion_bash(FILE *out)
{
	fputs(head, out);
	print_table(out);
	print_values(out);
	fputs(body, out);
}
