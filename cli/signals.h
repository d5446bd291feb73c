/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VANTIO_CLI_SIGNALS_H
#define VANTIO_CLI_SIGNALS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

void cli_signals_ignore_pipe(void); /* main() calls it once */

/* cli_signals_open() for other signals than those that stop a command. */
int cli_signals_open_list(const int *signals, size_t n, struct vantio_error *err);
/* cli_signals_read(), which also says whether the terminal sent it (to the whole foreground group) and not a process. */
int cli_signals_read_from(int fd, bool *ret_from_terminal);

#endif
