// SPDX-License-Identifier: Apache-2.0
/* The table as a document: what tests and tools check man pages and completions against. */
#include "internal.h"

const char *cli_kind_name(enum cli_kind kind)
{
	static const char *const names[] = {
		[CLI_FLAG] = "flag",   [CLI_TEXT] = "text",     [CLI_NUMBER] = "number", [CLI_DURATION] = "duration",
		[CLI_TIME] = "time",   [CLI_CHOICE] = "choice", [CLI_FILE] = "file",     [CLI_DIR] = "dir",
		[CLI_POLICY] = "policy", [CLI_CASES] = "cases", [CLI_AGENT] = "agent",   [CLI_RECORD] = "record",
		[CLI_PRESET] = "preset",
		[CLI_TRACE] = "trace", [CLI_OP] = "op",         [CLI_PROGRAM] = "program",
	};

	return names[kind];
}

static void add_choices(cJSON *to, const char *const *choices)
{
	cJSON *list;

	if (!choices)
		return;
	list = cJSON_AddArrayToObject(to, "choices");
	for (; *choices; choices++)
		cJSON_AddItemToArray(list, cJSON_CreateString(*choices));
}

static void add_options(cJSON *to, const char *name, const struct cli_option *o)
{
	cJSON *list = cJSON_AddArrayToObject(to, name), *item;

	for (; o && o->name; o++) {
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "name", o->name);
		if (o->letter)
			cJSON_AddStringToObject(item, "letter", (char[]){ o->letter, '\0' });
		cJSON_AddStringToObject(item, "kind", cli_kind_name(o->kind));
		if (o->metavar)
			cJSON_AddStringToObject(item, "metavar", o->metavar);
		cJSON_AddStringToObject(item, "help", o->help);
		cJSON_AddBoolToObject(item, "repeat", o->repeat);
		cJSON_AddBoolToObject(item, "required", o->required);
		add_choices(item, o->choices);
		cJSON_AddItemToArray(list, item);
	}
}

static void add_args(cJSON *to, const struct cli_arg *a)
{
	cJSON *list = cJSON_AddArrayToObject(to, "args"), *item;

	for (; a && a->metavar; a++) {
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "metavar", a->metavar);
		cJSON_AddStringToObject(item, "kind", cli_kind_name(a->kind));
		cJSON_AddBoolToObject(item, "optional", a->optional);
		cJSON_AddBoolToObject(item, "repeat", a->repeat);
		add_choices(item, a->choices);
		cJSON_AddItemToArray(list, item);
	}
}

cJSON *cli_dump_table(void)
{
	cJSON *doc = cJSON_CreateObject(), *nouns, *noun, *commands, *item;
	const struct cli_command *c;
	size_t i;

	cJSON_AddStringToObject(doc, "version", VANTIO_VERSION);
	add_options(doc, "global_options", cli_global_options);
	nouns = cJSON_AddArrayToObject(doc, "nouns");
	for (i = 0; i < CLI_NOUNS_MAX; i++) {
		if (!cli_nouns[i])
			continue;
		noun = cJSON_CreateObject();
		cJSON_AddStringToObject(noun, "name", cli_nouns[i]->name);
		cJSON_AddStringToObject(noun, "help", cli_nouns[i]->help);
		commands = cJSON_AddArrayToObject(noun, "commands");
		for (c = cli_nouns[i]->commands; c->run; c++) {
			item = cJSON_CreateObject();
			if (c->verb)
				cJSON_AddStringToObject(item, "verb", c->verb);
			cJSON_AddStringToObject(item, "help", c->help);
			add_options(item, "options", c->options);
			add_args(item, c->args);
			cJSON_AddItemToArray(commands, item);
		}
		cJSON_AddItemToArray(nouns, noun);
	}
	return doc;
}
