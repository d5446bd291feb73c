/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VANTIO_CLI_SIGNALS_H
#define VANTIO_CLI_SIGNALS_H

void cli_signals_ignore_pipe(void); /* main() calls it once */

#endif
