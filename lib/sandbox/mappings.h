/* SPDX-License-Identifier: Apache-2.0 */
/* The files that lie in a range of a process's memory, as /proc/PID/maps tells them. */
#ifndef VANTIO_SANDBOX_MAPPINGS_H
#define VANTIO_SANDBOX_MAPPINGS_H

#include <stdint.h>

#include "sandbox/target.h"

/* One line of maps: false if it is none. `s` gets the path and the number of its file; anonymous memory has no number (st.st_ino 0). */
bool vantio_mapping_parse(const char *line, uint64_t *ret_from, uint64_t *ret_to, char ret_rights[5], struct vantio_spot *s);
/*
 * Calls `each` for every file below [from, to), of executable mappings alone if `executable`, until it returns false: then 1. 0 if it never
 * did, -errno where the memory cannot be read.
 */
int vantio_mappings_each(pid_t pid, uint64_t from, uint64_t to, bool executable, bool (*each)(void *ctx, const struct vantio_spot *s), void *ctx);

#endif
