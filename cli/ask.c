// SPDX-License-Identifier: Apache-2.0
/* What a command asks about its own command line, once it has been read. */
#include <assert.h>
#include <string.h>

#include "base/io.h"
#include "internal.h"

bool cli_json(const struct cli *cli)
{
	return cli->json;
}

bool cli_has(const struct cli *cli, const char *option)
{
	size_t i;

	for (i = 0; i < cli->n_given; i++)
		if (!strcmp(cli->given[i].option->name, option))
			return true;
	/* A name that is not in the table is a mistake in the program, found here rather than by a user. */
	assert(!cli->command || cli_known_option(cli, option, strlen(option), 0));
	return false;
}

const char *cli_get(const struct cli *cli, const char *option)
{
	const char *value = NULL;
	size_t i;

	if (!cli_has(cli, option))
		return NULL;
	for (i = 0; i < cli->n_given; i++)
		if (!strcmp(cli->given[i].option->name, option))
			value = cli->given[i].value;
	return value;
}

const char *cli_get_nth(const struct cli *cli, const char *option, size_t n)
{
	size_t i;

	for (i = 0; i < cli->n_given; i++)
		if (!strcmp(cli->given[i].option->name, option) && n-- == 0)
			return cli->given[i].value;
	return NULL;
}

uint64_t cli_get_number(const struct cli *cli, const char *option, uint64_t fallback)
{
	const struct cli_option *o = cli_known_option(cli, option, strlen(option), 0);
	const char *value = cli_get(cli, option);
	uint64_t v = fallback;

	if (value && o)
		cli_number_of(o->kind, value, &v);
	return v;
}

size_t cli_argc(const struct cli *cli)
{
	return cli->n_args;
}

const char *cli_arg(const struct cli *cli, size_t i)
{
	return i < cli->n_args ? cli->args[i] : NULL;
}

char **cli_program(const struct cli *cli)
{
	return cli->program && cli->program[0] ? cli->program : NULL;
}

const char *cli_ledger_dir(struct cli *cli)
{
	const char *given = cli_get(cli, "ledger");

	if (given)
		return given;
	if (!cli->ledger_dir)
		cli->ledger_dir = vantio_default_ledger_path();
	if (!cli->ledger_dir)
		cli_note(cli, "there is no HOME to find the ledger in: give --ledger DIR or set VANTIO_LEDGER");
	return cli->ledger_dir ? cli->ledger_dir : "";
}
