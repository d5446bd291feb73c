/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock, the floor under the user tier (kernel: Documentation/userspace-api/landlock.rst). Reading and writing are granted where the
 * policy permits everything below a folder and nothing is denied there: what the target may open without the supervisor is never
 * more than the policy permits. Executing is granted to the folders that the policy's rules begin with. A domain is inherited
 * by every child and cannot be left.
 */
#ifndef VANTIO_SANDBOX_LANDLOCK_H
#define VANTIO_SANDBOX_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define VANTIO_LANDLOCK_ABI_MAX 7 /* the newest whose rights are used */

#define VANTIO_GRANT_READ  0x1u
#define VANTIO_GRANT_WRITE 0x2u
#define VANTIO_GRANT_EXEC  0x4u

struct vantio_grant {
	char *path; /* owned: a folder or file; one that is not there is left out */
	uint32_t rights;
	/* what Landlock was given: it holds for this very folder, not for another of its name */
	bool made;
	dev_t dev;
	ino_t ino;
};

struct vantio_floor {
	struct vantio_grant *grants; /* owned */
	size_t n;
	bool files, exec; /* whether reading and writing, or executing, is handled at all */
	bool tcp;         /* no TCP but the supervisor's (ABI 4) */
	bool abstract;    /* no abstract sockets of outsiders (ABI 6) */
	bool signals;     /* no signals to outsiders (ABI 6) */
};

void vantio_floor_clear(struct vantio_floor *f);

/* The ABI that is used: the kernel's, at most VANTIO_LANDLOCK_ABI_MAX and, unless that is 0, `cap`. 0: no Landlock. */
unsigned int vantio_landlock_abi(unsigned int cap);
/* The rights that this ABI handles for a floor. For tests. */
void vantio_landlock_handled(unsigned int abi, const struct vantio_floor *f, uint64_t *ret_fs, uint64_t *ret_net, uint64_t *ret_scoped);
/* *ret is a ruleset's descriptor, of the caller. */
int vantio_landlock_make(unsigned int abi, struct vantio_floor *f, int *ret, struct vantio_error *err);
/* Whether a grant was made, and its folder is still the one that it was made for. */
bool vantio_grant_stands(const struct vantio_grant *g);
/* Of the calling thread, for good. Needs no_new_privs. 0 or -errno; async-signal-safe. */
int vantio_landlock_enter(int ruleset);

#endif
