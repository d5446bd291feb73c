/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was pushed, by generation: text, file, resolved addresses and held inodes, in /run/vantio/policies/GEN.json (0600, gone with the boot, as
 * the engine is). Whoever writes records reads it to name the rule behind a decision, though the policy has been replaced since.
 */
#ifndef VANTIO_ENGINE_HISTORY_H
#define VANTIO_ENGINE_HISTORY_H

#include "engine/held.h"
#include "policy/image.h"
#include "policy/policy.h"
#include "policy/resolve.h"

struct vantio_pushed {
	uint64_t gen;
	uint32_t slot;
	struct vantio_policy *policy; /* owned; with the engine's own deny rules appended */
	struct vantio_resolution res; /* owned */
	struct vantio_held_set held;  /* owned */
	bool other; /* its presets are not those of the program that pushed it: its rules are not the ones in force, and `held` is empty */
};

int vantio_history_write(uint64_t gen, uint32_t slot, const struct vantio_policy *p, const char *workdir, const char *text, size_t len,
			 const struct vantio_resolution *res, const struct vantio_held_set *held, char *const *protect, size_t n_protect, struct vantio_error *err);
/* ENOENT where nothing is known of `gen`. */
int vantio_history_read(uint64_t gen, struct vantio_pushed *ret, struct vantio_error *err);
void vantio_pushed_free(struct vantio_pushed *p);
void vantio_history_forget_all(void); /* at unload */

/* Appends deny rules for what governs agents (folders: ledger, runtime): they have no line, and their number is behind all others. */
int vantio_policy_protect(struct vantio_policy *p, char *const *folders, size_t n, struct vantio_error *err);

#endif
