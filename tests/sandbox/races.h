/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VANTIO_TESTS_RACES_H
#define VANTIO_TESTS_RACES_H

/* Runs one race of races.c; the program's exit status. */
int race(const char *name, const char *folder, int ms);
/* Prints what there is. */
void race_names(void);

#endif
