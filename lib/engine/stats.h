/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How busy the engine is: what its maps hold, and what its programs cost. The kernel times programs only while somebody asks it to:
 * kernel.bpf_stats_enabled, or a descriptor of vantio_stats_enable().
 */
#ifndef VANTIO_ENGINE_STATS_H
#define VANTIO_ENGINE_STATS_H

#include "engine/engine.h"

#define VANTIO_PROGRAMS_MAX 128

struct vantio_program_stats {
	char hook[40]; /* the kernel's name of what it is attached to, or the program's own */
	uint64_t runs, ns; /* while statistics were on, since load */
	uint64_t missed;   /* runs that the kernel left out because the program ran already on that CPU */
};

struct vantio_occupancy {
	uint32_t agents, cgroups, policies;
	uint32_t repeats;         /* kinds of refusals that are being counted */
	uint64_t repeats_pending; /* refusals in them that no event has told of yet */
};

/* Every program that is attached; `ret` holds VANTIO_PROGRAMS_MAX. *ret_load_ns: CLOCK_BOOTTIME of the load. */
int vantio_stats_programs(struct vantio_program_stats *ret, size_t *ret_n, uint64_t *ret_load_ns, struct vantio_error *err);
int vantio_stats_occupancy(const struct vantio_engine *e, struct vantio_occupancy *ret, struct vantio_error *err);
/* Whether the kernel times programs just now, whoever asked for it by the sysctl. */
bool vantio_stats_on(void);
/* A descriptor; while it is open the kernel times programs. Owned by the caller. */
int vantio_stats_enable(int *ret_fd, struct vantio_error *err);

#endif
