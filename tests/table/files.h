/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the table. */
#ifndef VANTIO_TABLE_FILES_H
#define VANTIO_TABLE_FILES_H

static const char *const table_files[] = { "paths.rows", "changes.rows", "globs.rows", "quiet.rows", "exec.rows", "network.rows", "kernel.rows", "audit.rows" };
#define TABLE_FILES (sizeof(table_files) / sizeof(table_files[0]))

#endif
