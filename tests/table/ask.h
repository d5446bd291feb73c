/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VANTIO_TABLE_ASK_H
#define VANTIO_TABLE_ASK_H

#include "rows.h"

struct ask {
	const struct table *t;
	const char *vantioctl;
	const char *folder; /* that holds NAME.toml of each policy, and may be written */
};

void ask_play(const struct ask *a, struct rows_count *c);

#endif
