/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LSM hooks that not every kernel has. The work of some is done by another hook there; without others a surface of [kernel] cannot be
 * denied, and a policy that denies it is not put in force unless its owner says so. Any other that is missing makes the load fail.
 */
#ifndef VANTIO_ENGINE_HOOKS_H
#define VANTIO_ENGINE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct btf;

struct vantio_hook_lack {
	const char *hook;
	const char *replacement; /* the hook that does its work, or NULL: then `surface` is lost */
	enum vantio_surface surface;
};

/* What it means that a kernel lacks this hook. NULL: that the engine cannot run there. */
const struct vantio_hook_lack *vantio_hook_lack(const char *hook);
/* The parameters of a hook, -1 if the kernel that `btf` describes has no such hook. */
int vantio_hook_parameters(const struct btf *btf, const char *hook);

/* Surfaces that the loaded engine cannot deny: a bit per enum vantio_surface. `pins` is VANTIO_PINS. */
uint32_t vantio_hooks_lost(const char *pins);
/* The names of the surfaces in `bits`, as "kernel.userns, kernel.perf". */
void vantio_hooks_spell(uint32_t bits, char *out, size_t size);
/* The first hook that is missing for one of the surfaces in `bits`: for a message. */
const char *vantio_hooks_first(uint32_t bits);

#endif
