// SPDX-License-Identifier: Apache-2.0
/* The attempts of t_escape_net.c, against the tier user. */
#define ESCAPE_USER
#include "t_escape_net.c"
