/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a policy must be asked about at run time, what Landlock decides alone, and what this tier cannot do. Pure, but for looking at
 * which folders exist in "/" under [file] default = "allow".
 */
#ifndef VANTIO_SANDBOX_PLAN_H
#define VANTIO_SANDBOX_PLAN_H

#include "policy/image.h"
#include "sandbox/landlock.h"

#define VANTIO_PLAN_UNMET_MAX 8

struct vantio_plan {
	bool opens;     /* open(2) and its kin */
	bool changes;   /* what changes names, content or attributes */
	bool execs;     /* execve(2), executable mappings */
	bool network;   /* connect, bind, listen, send */
	bool forks;
	uint32_t surfaces; /* bit per enum vantio_surface that is asked about: denied, or to be recorded */
	struct vantio_floor floor;
	bool exact;       /* what Landlock lets the target read and write, the policy permits; not so where programs may not be read */
	unsigned int abi; /* of Landlock, that is used */
	char unmet[VANTIO_PLAN_UNMET_MAX][200]; /* rules that this tier cannot enforce, or permissions that it cannot give: by name */
	size_t n_unmet;
};

/*
 * What is to be asked about, and what is unmet: all that the policy's text alone says. Nothing is owned yet. `observe`: everything is asked
 * about, and nothing is enforced.
 */
struct vantio_plan vantio_plan_questions(const struct vantio_policy *p, bool observe);
/* Adds the floor, and whether it is exact. `plan` is to be cleared whatever is returned. */
int vantio_plan_floor(const struct vantio_policy *p, const struct vantio_image *image, struct vantio_plan *plan, struct vantio_error *err);
void vantio_plan_clear(struct vantio_plan *plan);

/* Whether the policy permits `access` of [file] to `path` and to everything below it. False where that would take long to tell. */
bool vantio_plan_uniform(const struct vantio_image *image, uint32_t access, const char *path, size_t len);
/*
 * The grant by which Landlock lets the target have `access` (VANTIO_ACCESS_*) to this path of an object that is there, if it lets it
 * have nothing that the policy does not; NULL if there is none. Whether it stands is the caller's to ask.
 */
const struct vantio_grant *vantio_plan_granted(const struct vantio_plan *plan, uint32_t access, const char *path, size_t len);

#endif
