/* SPDX-License-Identifier: Apache-2.0 */
/* A figure, what was promised, and whether it holds. */
#ifndef VANTIO_BENCH_TARGETS_H
#define VANTIO_BENCH_TARGETS_H

#include <stdbool.h>
#include <stdio.h>

/* Prints a line of the table of targets; false if it is missed. */
static inline bool target(const char *what, double figure, double at_most, const char *unit)
{
	const bool held = figure <= at_most;

	printf("%s  %-66s %9.3f %-4s (at most %g)\n", held ? "PASS" : "MISS", what, figure, unit, at_most);
	return held;
}

#endif
