/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VANTIO_BENCH_RUN_H
#define VANTIO_BENCH_RUN_H

#include <stdbool.h>
#include <time.h>

static inline double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Prints a line "NAME MICROSECONDS" for each kind of work, done on `file`, in ./out and over loopback. The exit status. */
int work(const char *file);

#endif
