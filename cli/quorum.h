/* SPDX-License-Identifier: Apache-2.0 */
/* --quorum and --witness, as verify and receipt verify take them. */
#ifndef VANTIO_CLI_QUORUM_H
#define VANTIO_CLI_QUORUM_H

#include "cli.h"
#include "ledger/cosign.h"

#define CLI_QUORUM_OPTIONS \
	{ .name = "quorum", .kind = CLI_NUMBER, .metavar = "N", .help = "demand that so many of the witnesses cosigned (default: all of them)" }, \
	{ .name = "witness", .kind = CLI_FILE, .metavar = "VKEY", .help = "verifier key of a witness, or a file that holds it", .repeat = true }

/* CLI_OK, and n == 0 where no witness was named; or what was wrong, said. */
int cli_read_quorum(struct cli *cli, struct vantio_quorum *ret);

#endif
