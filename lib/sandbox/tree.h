/* SPDX-License-Identifier: Apache-2.0 */
/* The processes below a supervisor: it is their subreaper, so whatever they fork stays below it. */
#ifndef VANTIO_SANDBOX_TREE_H
#define VANTIO_SANDBOX_TREE_H

#include <stddef.h>
#include <sys/types.h>

/* Calls `each` for every descendant of `root`, in no order; their number. 0 where /proc cannot be read. */
size_t vantio_tree_each(pid_t root, void (*each)(pid_t pid, void *arg), void *arg);

#endif
