/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of held inodes (struct vantio_held): where an entry is, said once for the kernel and for user space. An entry lies within
 * VANTIO_HELD_PROBES places of its hash, in the same page; the table's maker makes it large enough for that.
 */
#ifndef VANTIO_INODE_H
#define VANTIO_INODE_H

#include "abi.h"

#define VANTIO_HELD_PROBES 8

vantio_inline __u32 vantio_held_hash(const struct vantio_held *key)
{
	__u64 h = (key->ino ^ (__u64)key->generation << 32) * 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 29 ^ key->dev) * 0xbf58476d1ce4e5b9ull;
	return (__u32)(h >> 32);
}

/* The place of probe `k` of a hash, within its page. */
vantio_inline __u32 vantio_held_place(__u32 at, __u32 mask, __u32 k)
{
	return (at + k) & mask & (VANTIO_HELD_PER_PAGE - 1);
}

vantio_inline int vantio_held_equal(const struct vantio_held *a, const struct vantio_held *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->generation == b->generation;
}

#ifdef __bpf__
struct vantio_page;

/* Number of the rule of `domain`, and one, or 0. */
vantio_inline int vantio_held_search(const struct vantio_page *page, __u32 at, __u32 mask, const struct vantio_held *key, __u32 domain)
{
	const struct vantio_held *table = (const void *)page;
	__u32 k;

	for (k = 0; k < VANTIO_HELD_PROBES; k++) {
		__u64 place = vantio_held_place(at, mask, k);

		/* the compiler knows the bound and drops a mask that it can see; 6.1's verifier needs it at the last index */
		asm volatile("%0 &= %1" : "+r"(place) : "i"(VANTIO_HELD_PER_PAGE - 1));
		if (!table[place].used)
			return 0;
		if (vantio_held_equal(&table[place], key))
			return (int)(domain == VANTIO_DOMAIN_EXEC ? table[place].rule[1] : table[place].rule[0]);
	}
	return 0;
}
#endif

#endif
