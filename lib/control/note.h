/* SPDX-License-Identifier: Apache-2.0 */
/* A record of what somebody did with this program, where no engine need be loaded. */
#ifndef VANTIO_CONTROL_NOTE_H
#define VANTIO_CONTROL_NOTE_H

#include "abi.h"
#include "base/error.h"

/*
 * Puts it into the ledger, durably, waiting for another run that writes there; where an `enforce` holds the ledger it goes by way of its
 * engine. `agent` is whom it is about, or ""; `text` says what, in words.
 */
int vantio_control_note(const char *ledger_dir, enum vantio_op op, const char *agent, const char *text, struct vantio_error *err);

#endif
