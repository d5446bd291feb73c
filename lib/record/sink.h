/* SPDX-License-Identifier: Apache-2.0 */
/* Turns events of the ring buffer into records: bounds first (the bytes are hostile), then names, then the line. */
#ifndef VANTIO_RECORD_SINK_H
#define VANTIO_RECORD_SINK_H

#include <stddef.h>

#include "abi.h"
#include "base/error.h"

/* Checks sizes, versions, enum ranges; on success the trailing byte strings are set. Bounded; never reads past len. */
struct vantio_event_view {
	const struct vantio_event *event;
	const char *path, *path2, *exe; /* not NUL-terminated; lengths are in the event */
};

int vantio_event_parse(const void *bytes, size_t len, struct vantio_event_view *ret, struct vantio_error *err);

const char *vantio_hook_name(enum vantio_hook hook); /* "file_open" ... */

#endif
