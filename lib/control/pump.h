/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a ledger up with the engine: group commit of what the ring holds, at most VANTIO_PUMP_AGE_MS after the first event of a
 * batch or at VANTIO_PUMP_BATCH records; the ring is drained on while a full batch is made durable. For `enforce`, and for commands that act
 * where no `enforce` runs.
 */
#ifndef VANTIO_CONTROL_PUMP_H
#define VANTIO_CONTROL_PUMP_H

#include "engine/drain.h"

#define VANTIO_PUMP_AGE_MS 100
#define VANTIO_PUMP_BATCH  4096
#define VANTIO_PUMP_REPEAT_MS 1000 /* between looks at repeated refusals, while there are some (VANTIO_REPEAT_NS) */

struct vantio_pump;

/* Opens the ledger for writing (EBUSY names who holds it). Borrows the engine. */
int vantio_pump_open(const struct vantio_engine *e, const char *ledger_dir, struct vantio_pump **ret, struct vantio_error *err);
struct vantio_ledger *vantio_pump_ledger(struct vantio_pump *p); /* borrowed */
void vantio_pump_set_watch(struct vantio_pump *p, vantio_drain_watch *watch, void *arg);
/* For poll(2): the descriptor to watch for POLLIN, or -1 while a batch is open; and how long to wait at most, -1 for ever. */
void vantio_pump_prepare(const struct vantio_pump *p, int *ret_fd, int *ret_timeout_ms);
/* What is to be done now, after poll(2) returned. After an error the pump must be closed: nothing was given up that is not durable. */
int vantio_pump_turn(struct vantio_pump *p, struct vantio_error *err);
/* Until the ring is empty and no repeated refusal waits, then commits. */
int vantio_pump_flush(struct vantio_pump *p, struct vantio_error *err);
/* Commits what is staged, and has the ledger take a new signing key (vantio_ledger_rotate). */
int vantio_pump_rotate(struct vantio_pump *p, struct vantio_rotation *ret, struct vantio_error *err);
void vantio_pump_close(struct vantio_pump *p);

#endif
