/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Globs of DESIGN 3, over bytes. vantio_glob_check() says whether a spelling is one; vantio_glob_match() is the slow and
 * obvious matcher that the compiled automata are held against (exponential only in nested alternatives, bounded by a step
 * budget) and that names the rule of a decision.
 */
#ifndef VANTIO_POLICY_GLOB_H
#define VANTIO_POLICY_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* `glob` after expansion of ~ and $WORKDIR. -EINVAL with what is wrong and the right spelling. */
int vantio_glob_check(const char *glob, size_t len, struct vantio_error *err);

/* Whether a checked glob matches a whole absolute path. */
bool vantio_glob_match(const char *glob, size_t glob_len, const char *path, size_t path_len);

#endif
