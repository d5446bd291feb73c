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

int vantio_agent_write(const struct vantio_engine *e, uint32_t agent, const struct vantio_agent *a, struct vantio_error *err);

#endif
