/* SPDX-License-Identifier: Apache-2.0 */
/* What `make bench-vm` times: five kinds of work, on files below BENCH_ROOT. */
#ifndef VANTIO_BENCH_WORK_H
#define VANTIO_BENCH_WORK_H

#include <stdbool.h>

#define BENCH_ROOT  "/srv/bench"
#define BENCH_PORT  7007
#define BENCH_UNITS 6 /* source files of the project */

struct work {
	const char *name;
	const char *what;
	bool (*run)(unsigned int times); /* false: it did not do what it should */
};

extern const struct work works[];
extern const unsigned int n_works;

/* The files that the works use. */
void work_prepare(void);

#endif
