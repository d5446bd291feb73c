/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of engine/ share and nobody else needs. */
#ifndef VANTIO_ENGINE_INTERNAL_H
#define VANTIO_ENGINE_INTERNAL_H

#include "base/buf.h"
#include "base/error.h"
#include "engine/engine.h"

#define VANTIO_POLICIES_DIR "/run/vantio/policies"

/* Waits for the lock of everything that changes the engine. *ret is a descriptor that holds it until closed. */
int vantio_engine_lock(int *ret, struct vantio_error *err);

/* Removes everything below VANTIO_PINS. 0, or -errno. */
int vantio_pins_remove(void);

/*
 * Calls `take` with each pinned link's name and the program that it holds, until it returns other than 0, which is returned. A pin that
 * cannot be opened is left out; -ENOENT and the like with *err where there are none.
 */
int vantio_links_each(int (*take)(void *ctx, const char *link, uint32_t program, struct vantio_error *err), void *ctx, struct vantio_error *err);

int vantio_engine_set_control(const struct vantio_engine *e, const struct vantio_control *control, struct vantio_error *err);
int vantio_agent_write(const struct vantio_engine *e, uint32_t agent, const struct vantio_agent *a, struct vantio_error *err);

#endif
