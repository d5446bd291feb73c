// SPDX-License-Identifier: Apache-2.0
#include "policy/preset.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define NAMES_MAX 64

static const struct vantio_preset items[] = {
#include "presets.h" /* written from dist/presets by scripts/embed */
};

_Static_assert(VANTIO_ARRAY_SIZE(items) <= NAMES_MAX, "the nearest name is looked for among all");

const struct vantio_preset_set vantio_presets = { .items = items, .n = VANTIO_ARRAY_SIZE(items) };

const struct vantio_preset *vantio_preset_find(const struct vantio_preset_set *set, const char *name)
{
	if (strncmp(name, VANTIO_PRESET_PREFIX, strlen(VANTIO_PRESET_PREFIX)) == 0)
		name += strlen(VANTIO_PRESET_PREFIX);
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->items[i].name, name) == 0)
			return &set->items[i];
	return NULL;
}

const char *vantio_preset_nearest(const struct vantio_preset_set *set, const char *name)
{
	const char *names[NAMES_MAX];
	size_t n = 0;

	for (; n < set->n && n < NAMES_MAX; n++)
		names[n] = set->items[n].name;
	return strlen(name) < 64 ? vantio_nearest(name, names, n) : NULL;
}

void vantio_preset_summary(const struct vantio_preset *preset, char *out, size_t size)
{
	const char *at = preset->text;
	size_t n = 0;

	if (strncmp(at, "# SPDX", 6) == 0)
		at = strchrnul(at, '\n');
	at += *at == '\n';
	if (*at == '#')
		at += 1 + (at[1] == ' ');
	while (at[n] && at[n] != '\n' && !(at[n] == '.' && (at[n + 1] == '\n' || at[n + 1] == ' ')) && n + 1 < size)
		n++;
	memcpy(out, at, n);
	out[n] = '\0';
}
