/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host can enforce: each thing that a tier rests on is tried or read, with what was found and how to mend what is
 * missing. Nothing is changed. Costs some tens of milliseconds: the kernel's BTF is read, and one small LSM program is loaded,
 * attached, called and taken away again, for only that proves that the kernel asks BPF programs.
 */
#ifndef VANTIO_ENGINE_PROBE_H
#define VANTIO_ENGINE_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define VANTIO_PROBES_MAX 24
#define VANTIO_PROBE_TEXT 256

enum vantio_tier { VANTIO_TIER_KERNEL = 0, VANTIO_TIER_USER, VANTIO_TIER_OBSERVE, VANTIO_TIER_MAX };

const char *vantio_tier_name(enum vantio_tier tier); /* "kernel" ... */

enum vantio_probe_state {
	VANTIO_PROBE_YES = 0,
	VANTIO_PROBE_NO,
	VANTIO_PROBE_UNKNOWN, /* it could not be judged: `found` says why */
};

struct vantio_probe {
	const char *id;        /* "btf", "lsm-program" ...: stable */
	unsigned int required; /* bit per enum vantio_tier: that tier cannot run without it; 0: good to know */
	enum vantio_probe_state state;
	char found[VANTIO_PROBE_TEXT]; /* hostile bytes escaped */
	char mend[VANTIO_PROBE_TEXT];  /* what to do, a command where there is one; "" where nothing is to do */
};

struct vantio_probe_report {
	struct vantio_probe items[VANTIO_PROBES_MAX];
	size_t n;
};

void vantio_probe_host(struct vantio_probe_report *ret);
/* True if nothing that the tier requires is missing or unknown; else *ret_first is the first such thing. */
bool vantio_probe_tier(const struct vantio_probe_report *r, enum vantio_tier tier, const struct vantio_probe **ret_first);
const struct vantio_probe *vantio_probe_find(const struct vantio_probe_report *r, const char *id);

/*
 * Loads and attaches an LSM program that permits everything, and makes the kernel call it. -ENOENT: the kernel's BTF has no
 * BPF LSM; -EPERM and others: the load or the attachment was refused; -ENOLINK: attached, and never called.
 */
int vantio_probe_lsm_program(struct vantio_error *err);

/* Whether `word` is one of the words of a comma-separated list (/sys/kernel/security/lsm). */
bool vantio_probe_lists(const char *list, const char *word);
/* The word in brackets ("[none] integrity confidentiality"); "" if there is none. */
void vantio_probe_chosen(const char *text, char out[32]);
/* Mount point of the first file system of `type` in the text of a mountinfo(5) file; false if there is none. `out` has
 * `max` bytes; the octal escapes of that file are undone. */
bool vantio_probe_mount_point(const char *mountinfo, const char *type, char *out, size_t max);

#endif
