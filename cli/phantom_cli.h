/* SPDX-License-Identifier: Apache-2.0 */
/* What cmd_phantom.c and phantom_patch.c share. */
#ifndef VANTIO_CLI_PHANTOM_CLI_H
#define VANTIO_CLI_PHANTOM_CLI_H

#include "cli.h"
#include "phantom/scan.h"

/* Prints what the chosen changes are, as unified diffs. CLI_OK, or the exit code after reporting. */
int phantom_print_patch(struct cli *cli, const struct vantio_phantom *p, const struct vantio_changes *c);

#endif
