/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VANTIO_CLI_NOTIFY_H
#define VANTIO_CLI_NOTIFY_H

/* Tells the service manager, if one asked for it, so that what is ordered behind waits: "READY=1", "STOPPING=1". Never fails. */
void cli_notify(const char *state);

#endif
