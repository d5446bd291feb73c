/* SPDX-License-Identifier: Apache-2.0 */
/* New signing keys for the ledger that `enforce` writes: by time, and when `key rotate` asks for one. */
#ifndef VANTIO_CLI_KEY_ROTATION_H
#define VANTIO_CLI_KEY_ROTATION_H

#include "cli.h"
#include "control/pump.h"

struct key_rotation {
	struct cli *cli;
	struct vantio_pump *pump; /* borrowed */
	uint64_t every;           /* ns; 0: never by itself */
	int requests, timer;      /* to poll(2) for POLLIN */
};

#define KEY_ROTATION_INIT { NULL, NULL, 0, -1, -1 }

/* An exit code. `every` is held against the age of the present key: one that is overdue is replaced at once. */
int key_rotation_open(struct key_rotation *k, struct cli *cli, struct vantio_pump *pump, uint64_t every);
/* After poll(2): CLI_OK, or the exit code with which to stop, said. */
int key_rotation_timer(struct key_rotation *k);
int key_rotation_request(struct key_rotation *k);
void key_rotation_close(struct key_rotation *k);

/*
 * Asks the `enforce` that writes the ledger in that folder. 0: done. ENOTCONN: none does. Else what it says went wrong.
 */
int key_rotation_ask(const char *dir, struct vantio_rotation *ret, struct vantio_error *err);

#endif
