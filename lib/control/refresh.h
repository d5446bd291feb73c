/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks for the addresses of host names, and for the objects that denied names lead to, beside the loop that writes the ledger: a resolver that does not answer must not hold up the
 * draining of events. One round at a time, in a thread of its own that touches nothing but its job.
 */
#ifndef VANTIO_CONTROL_REFRESH_H
#define VANTIO_CONTROL_REFRESH_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"
#include "policy/resolve.h"

struct vantio_refresh;

/* Whether anything that the policy names can change while it is in force. */
bool vantio_refresh_wants(const struct vantio_policy *p);
/* `e` and `policies` are borrowed until vantio_refresh_close() and only read. */
int vantio_refresh_open(const struct vantio_engine *e, const struct vantio_policy *const *policies, size_t n, struct vantio_refresh **ret, struct vantio_error *err);
/* To poll(2): readable when a round has ended. Borrowed. */
int vantio_refresh_fd(const struct vantio_refresh *r);
/* Begins a round; nothing if one is under way. */
int vantio_refresh_begin(struct vantio_refresh *r, struct vantio_error *err);
struct vantio_refreshed {
	struct vantio_resolution res; /* what its host names stand for */
	struct vantio_held_set held;  /* what its denied names lead to */
};
/* After the descriptor became readable: the answers for policy `i`, borrowed until the next round, or NULL with why in `err`. */
const struct vantio_refreshed *vantio_refresh_result(struct vantio_refresh *r, size_t i, struct vantio_error *err);
/* Ends the round; the next may begin. */
void vantio_refresh_end(struct vantio_refresh *r);
/* Waits for a round that is under way. NULL is fine. */
void vantio_refresh_close(struct vantio_refresh *r);

#endif
