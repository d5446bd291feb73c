/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Presets: policies that are part of this program, which others extend (vantio-policy(5), PRESETS). Their texts are
 * dist/presets/NAME.toml, as they were when the program was built.
 */
#ifndef VANTIO_POLICY_PRESET_H
#define VANTIO_POLICY_PRESET_H

#include <stddef.h>

#define VANTIO_PRESET_PREFIX "preset:"

struct vantio_preset {
	const char *name;
	const char *origin; /* "preset:NAME", as places of its rules have it */
	const char *text;
	size_t len;
};

/* In the order of their names. */
struct vantio_preset_set {
	const struct vantio_preset *items;
	size_t n;
};

extern const struct vantio_preset_set vantio_presets;

/* `name` with or without "preset:". NULL if there is none. */
const struct vantio_preset *vantio_preset_find(const struct vantio_preset_set *set, const char *name);
/* The known name that is nearest to `name`, or NULL. */
const char *vantio_preset_nearest(const struct vantio_preset_set *set, const char *name);

/* The comment that a text begins with, without its marks; at most `size` bytes of its first sentence. */
void vantio_preset_summary(const struct vantio_preset *preset, char *out, size_t size);

#endif
