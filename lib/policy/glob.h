/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Globs of DESIGN 3, over bytes. vantio_glob_check() says whether a spelling is one; vantio_glob_match() is the slow and
 * obvious matcher that the compiled automata are held against and that names the rule of a decision.
 */
#ifndef VANTIO_POLICY_GLOB_H
#define VANTIO_POLICY_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define VANTIO_GLOB_MAX   65535u /* bytes of one glob */
#define VANTIO_GLOB_DEPTH 32     /* braces within braces */

/* `glob` after expansion of ~ and $WORKDIR. -EINVAL with what is wrong and the right spelling. */
int vantio_glob_check(const char *glob, size_t len, struct vantio_error *err);

/*
 * Whether a checked glob matches a whole absolute path (one slash between components, none at the end, no `.` or `..`; the root
 * is "/"). A component is never empty, so that "/" and "*" together do not match the root. False for what is no path or no glob, and when
 * memory ran out; O(glob_len * path_len).
 */
bool vantio_glob_match(const char *glob, size_t glob_len, const char *path, size_t path_len);

/* Whether a checked glob names one path and no other: then it is in `out`, of `size` bytes. */
bool vantio_glob_literal(const char *glob, size_t glob_len, char *out, size_t size);

#endif
