/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows are done to: files that are put back before each row, listeners, somebody else's process. */
#ifndef VANTIO_TABLE_WORLD_H
#define VANTIO_TABLE_WORLD_H

#include <sys/types.h>

#include "table.h"

/* Everything of the world as the table has it, owned by `uid`; what is as it should be keeps its inode. False with a line on stderr. */
bool world_make(const struct table *t, uid_t uid, const char *mark);
/* The names of a row alone, and what is below them. */
bool world_reset(const struct table *t, const struct table_row *row, uid_t uid, const char *mark);

/* What can be seen of the names of a row. */
struct world_look {
	char text[3][512]; /* of each name: "" where there is none */
};
void world_look(const struct table *t, const struct table_row *row, struct world_look *ret);

/* What reading the row's file gives; "" if it cannot be read. */
void world_text(const struct table_row *row, char *ret, size_t size);

/* Somebody who listens where the row's target leads; -1 if there is none to listen. */
int world_listen(const struct table_row *row);
/* Whether somebody came; waits a while for one who must. */
bool world_arrived(const struct table_row *row, int fd, bool must);

/* A process of `uid` that does nothing; it lives until it is killed or this process ends. */
pid_t world_victim(uid_t uid);

void world_become(uid_t uid);

#endif
