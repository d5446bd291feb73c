/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Held inodes: what the `deny` entries of [file] and [exec] that have no wildcards name on this machine, so that another name for it does
 * not help (DESIGN 3). Names are looked up from the root of the caller's mount namespace and through no symbolic link, as rules are held
 * against real paths. An object that was replaced stays held while the rule does, VANTIO_HELD_FORMER of them a rule: it may live
 * on under another name. On a file system without inode generations (overlayfs, vfat) its number may go to another file,
 * and it is let go of at the next look.
 */
#ifndef VANTIO_ENGINE_HELD_H
#define VANTIO_ENGINE_HELD_H

#include <stdint.h>

#include "abi.h"
#include "base/buf.h"
#include "base/error.h"
#include "policy/policy.h"

#define VANTIO_HELD_FORMER 8

struct vantio_engine;

struct vantio_held_item {
	enum vantio_list list; /* FILE_DENY or EXEC_DENY */
	uint32_t rule;         /* number in that list */
	bool former;           /* the name leads to another object by now, or to none */
	bool named_twice;      /* a file that has another name too; known without an engine alone */
	uint64_t ino;
	uint32_t dev, generation; /* as the kernel has them: struct vantio_held; without an engine as stat(2) does, and no generation */
	uint32_t order;
};

struct vantio_held_set {
	struct vantio_held_item *items; /* owned; by list and rule, the present object before former ones, newest first */
	size_t n;
};

void vantio_held_free(struct vantio_held_set *s);
#define cleanup_held __attribute__((cleanup(vantio_held_free)))

/* Whether some rule of the policy names one object. */
bool vantio_held_names(const struct vantio_policy *p);
/* What the names lead to now. Costs an open of each name, and waits where its file system does. `e` NULL: for the user tier. */
int vantio_held_find(const struct vantio_engine *e, const struct vantio_policy *p, struct vantio_held_set *ret, struct vantio_error *err);
int vantio_held_copy(const struct vantio_held_set *from, struct vantio_held_set *ret, struct vantio_error *err);
/* Adds to `now` of `p` what an earlier push of the same rules held and no name leads to any more. */
int vantio_held_keep(const struct vantio_policy *p, struct vantio_held_set *now, const struct vantio_policy *before,
		     const struct vantio_held_set *held_before, struct vantio_error *err);
/* Whether the names lead to the same objects; former ones do not count. */
bool vantio_held_same(const struct vantio_held_set *a, const struct vantio_held_set *b);
/* The table of the kernel: *ret is owned by the caller, *ret_n (a power of two, 0 for none) its entries. E2BIG if it cannot be made. */
int vantio_held_table(const struct vantio_held_set *s, struct vantio_held **ret, uint32_t *ret_n, struct vantio_error *err);

#endif
