/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the noun `ledger` that stand beside their functions. */
#ifndef VANTIO_CLI_CMD_LEDGER_H
#define VANTIO_CLI_CMD_LEDGER_H

#include "cli.h"
#include "ledger/reader.h"

extern const struct cli_option ledger_list_options[];
extern const struct cli_arg ledger_show_args[];
extern const struct cli_option ledger_stats_options[];
extern const struct cli_option ledger_export_options[];
extern const struct cli_option ledger_erase_options[];
extern const struct cli_option ledger_prove_options[];
extern const struct cli_arg ledger_prove_args[];
extern const struct cli_option ledger_cosign_options[];
extern const struct cli_arg ledger_cosign_args[];

/* --vkey, the key itself or a file that holds it, as text, owned by the caller. NULL: not given, or refused: see the exit code. */
char *ledger_read_vkey(struct cli *cli, int *ret_exit);
/* Opens the ledger, or reports why not: then NULL, and the exit code. */
struct vantio_reader *ledger_open_reader(struct cli *cli, int *ret_exit);
extern const char *const ledger_decisions[]; /* as --decision takes them; NULL-terminated */
/* The number of a decision among them. */
int ledger_decision(const char *name);
/* A leaf, or a record id; false if it is neither. */
bool ledger_read_id(const char *id, struct vantio_query *ret);
int ledger_bad_id(struct cli *cli, const char *id); /* says so; CLI_USAGE */

#endif
