/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the noun `ledger` that stand beside their functions. */
#ifndef VANTIO_CLI_CMD_LEDGER_H
#define VANTIO_CLI_CMD_LEDGER_H

#include "cli.h"

extern const struct cli_option ledger_list_options[];
extern const struct cli_arg ledger_show_args[];
extern const struct cli_option ledger_export_options[];

#endif
