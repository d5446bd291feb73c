/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the framework share and commands need not see. */
#ifndef VANTIO_CLI_INTERNAL_H
#define VANTIO_CLI_INTERNAL_H

#include "cli.h"

struct cli_given {
	const struct cli_option *option;
	const char *value; /* borrowed from argv; NULL for flags */
};

struct cli {
	const struct cli_noun *noun;
	const struct cli_command *command;
	struct cli_given *given; /* owned */
	size_t n_given;
	const char **args; /* owned array, borrowed strings */
	size_t n_args;
	char **program; /* borrowed tail of argv */
	bool json;      /* known before parsing, so that usage errors are documents too */
	bool want_help, want_version;
	bool stdout_failed; /* and it was said */
	char *ledger_dir;   /* owned */
};

/* options.c: CLI_OK, or an exit code after reporting. */
int cli_parse(struct cli *cli, int argc, char **argv);
void cli_clear(struct cli *cli);
/* By name, or by letter if that is not 0: of the command, then of all. NULL if there is none. */
const struct cli_option *cli_known_option(const struct cli *cli, const char *name, size_t len, char letter);
/* The value of a NUMBER, DURATION or TIME; false if it is none. */
bool cli_number_of(enum cli_kind kind, const char *value, uint64_t *ret);

/* table.c */
const struct cli_noun *cli_find_noun(const char *name);
const struct cli_command *cli_find_verb(const struct cli_noun *noun, const char *verb); /* verb may be NULL */

/* help.c */
int cli_help(struct cli *cli); /* of the command, the noun or everything, as far as parsing came */
void cli_help_overview(FILE *out);
/* "vantioctl policy check [OPTIONS] FILE"; owned by the caller, NULL when memory ran out. */
char *cli_usage_line(const struct cli_noun *noun, const struct cli_command *command);

/* output.c */
int cli_finish(struct cli *cli, int status);

/* dump.c: the whole table as a document, for tests and tools (vantioctl help --json). NULL when memory ran out. */
cJSON *cli_dump_table(void);
const char *cli_kind_name(enum cli_kind kind);

#endif
