/* SPDX-License-Identifier: Apache-2.0 */
/* The completion scripts, written from the table. They ask `vantioctl completion --values KIND` for what only the machine knows. */
#ifndef VANTIO_CLI_COMPLETION_H
#define VANTIO_CLI_COMPLETION_H

#include "cli.h"

void completion_bash(FILE *out);
void completion_zsh(FILE *out);
void completion_fish(FILE *out);

/* The words that can stand for a value of `kind`, one call a word: the choices, or the operations. */
void completion_words(enum cli_kind kind, const char *const *choices, void (*word)(FILE *out, const char *w), FILE *out);
/* "agent", "record" or "trace" where `completion --values` knows the values; else NULL. */
const char *completion_dynamic(enum cli_kind kind);
/* Prints what this machine knows of `kind` ("agent", "record" or "trace"), the newest first, a value a line, each once. */
void completion_values(struct cli *cli, const char *kind);
/* " word" */
void completion_spaced(FILE *out, const char *w);

#endif
