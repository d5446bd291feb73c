/* SPDX-License-Identifier: Apache-2.0 */
/* What loading a policy asks of this machine, for callers that have the text already (standard input). */
#ifndef VANTIO_POLICY_LOAD_H
#define VANTIO_POLICY_LOAD_H

#include "policy/policy.h"

/* The value of `~`: $HOME if it is absolute, else the caller's home by the user database. Owned by the caller; NULL if
 * there is none. */
char *vantio_policy_home(void);

#endif
