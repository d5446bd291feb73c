// SPDX-License-Identifier: Apache-2.0
/* Every noun, in the order of the help. The rows of a noun stand in its cmd_*.c, beside the functions that they name. */
#include <string.h>

#include "internal.h"

#define NOUNS(X) \
	X(doctor) X(run) X(enforce) X(load) X(unload) X(status) X(policy) X(agent) X(tail) X(killswitch) X(ledger) X(receipt) X(phantom) \
	X(key) X(completion) X(help)

/* Weak: a noun whose file is not linked in is a null pointer, and left out. */
#define DECLARE(name) extern const struct cli_noun cli_noun_##name __attribute__((weak));
NOUNS(DECLARE)

#define LIST(name) &cli_noun_##name,
const struct cli_noun *const cli_nouns[CLI_NOUNS_MAX] = { NOUNS(LIST) };

const struct cli_option cli_global_options[] = {
	{ .name = "json", .letter = 'j', .kind = CLI_FLAG, .help = "print one JSON document, errors included" },
	{ .name = "ledger", .kind = CLI_DIR, .metavar = "DIR", .help = "the ledger's folder (default: $VANTIO_LEDGER, /var/lib/vantio/ledger, or in ~/.local/share)" },
	{ .name = "no-color", .kind = CLI_FLAG, .help = "no colours (as NO_COLOR in the environment)" },
	{ .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "no remarks on stderr, only errors" },
	{ .name = "version", .letter = 'V', .kind = CLI_FLAG, .help = "print the version" },
	{ .name = "help", .letter = 'h', .kind = CLI_FLAG, .help = "print help for the command" },
	{ 0 },
};

const struct cli_noun *cli_find_noun(const char *name)
{
	size_t i;

	for (i = 0; i < CLI_NOUNS_MAX; i++)
		if (cli_nouns[i] && !strcmp(cli_nouns[i]->name, name))
			return cli_nouns[i];
	return NULL;
}

const struct cli_command *cli_find_verb(const struct cli_noun *noun, const char *verb)
{
	const struct cli_command *c;

	for (c = noun->commands; c->run; c++)
		if (verb ? c->verb && !strcmp(c->verb, verb) : !c->verb)
			return c;
	return NULL;
}
