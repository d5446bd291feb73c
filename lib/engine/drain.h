/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the ring buffer to the ledger: events become records, in the order of the ring, with the rule that stands behind each. There is
 * one drain at a time, because there is one writer of a ledger. Losses are told once: in `lost_before` of the next record of that CPU,
 * or in a record of their own (op "gap") when nothing follows.
 */
#ifndef VANTIO_ENGINE_DRAIN_H
#define VANTIO_ENGINE_DRAIN_H

#include "engine/engine.h"
#include "ledger/ledger.h"

struct vantio_drain;

/* Borrows the engine and the ledger until vantio_drain_close(). */
int vantio_drain_open(const struct vantio_engine *e, struct vantio_ledger *ledger, struct vantio_drain **ret, struct vantio_error *err);
/* To poll(2): readable when events wait that were not released. Borrowed. */
int vantio_drain_fd(const struct vantio_drain *d);
/* Stages what waits on the ring, at most `max` events; their number, or a negative errno after which the ledger must be closed. */
int vantio_drain_stage(struct vantio_drain *d, size_t max, struct vantio_error *err);
/* Makes it durable, and only then gives the events back to the kernel and says which losses are accounted for: a process that
 * dies in between leaves its events to the next. */
int vantio_drain_commit(struct vantio_drain *d, struct vantio_error *err);
/* The same for a batch that is committed while the next one is staged; it is given back by one of the calls that follow. */
int vantio_drain_submit(struct vantio_drain *d, struct vantio_error *err);
/* Gives back what was submitted, if it is durable by now; *ret_waiting says if something still is not. */
int vantio_drain_settle(struct vantio_drain *d, bool *ret_waiting, struct vantio_error *err);
/* Whether what was not given back fills half of the ring: then it should be, soon. */
bool vantio_drain_crowded(const struct vantio_drain *d);
/* Stages a record of losses that no event has told of; 1 if there were any. */
int vantio_drain_gap(struct vantio_drain *d, struct vantio_error *err);
void vantio_drain_close(struct vantio_drain *d);

/* Called for each record that was staged, before it is durable. Strings are borrowed for the call. */
typedef void vantio_drain_watch(const struct vantio_record *r, void *arg);
void vantio_drain_set_watch(struct vantio_drain *d, vantio_drain_watch *watch, void *arg);

#endif
