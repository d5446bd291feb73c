/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The evaluator of eval.h over the images in the policy maps. bpf_loop() drives it a block of bytes at a time: the verifier
 * checks one block, and its cost is spread over the block's bytes. One instance for each image size, because a look-up
 * is inlined only where the verifier knows the one map that it is for.
 */
#ifndef VANTIO_MATCH_H
#define VANTIO_MATCH_H

#include "state.h"

#define VANTIO_TABLE void *
#define VANTIO_CELL(table, index)                                                  \
	({                                                                         \
		__u32 vantio_key = (index);                                        \
		(const struct vantio_cell *)bpf_map_lookup_elem(table, &vantio_key); \
	})
#include "eval.h"

#define VANTIO_BLOCK_BYTES 8

struct vantio_scan {
	void *table;
	const struct vantio_text *text;
	struct vantio_walk walk;
	__u32 pos; /* of the first byte not yet read */
	__u32 pad;
};

/* `offset` of a 32-bit member of the header. */
vantio_inline __u32 vantio_header_word(void *table, __u32 offset)
{
	const struct vantio_cell *cell = VANTIO_CELL(table, offset / sizeof(struct vantio_cell));

	if (!cell)
		return 0;
	return offset % sizeof(struct vantio_cell) ? cell->next : cell->check;
}

#define VANTIO_HEADER(table, member) \
	vantio_header_word(table, __builtin_offsetof(struct vantio_image_header, member))

vantio_inline long vantio_scan_block(__u32 i, struct vantio_scan *s)
{
	void *table = s->table;
	const struct vantio_text *text = s->text;
	struct vantio_walk w = s->walk;
	__u32 pos = text->off + i * VANTIO_BLOCK_BYTES;
	int k;

	for (k = 0; k < VANTIO_BLOCK_BYTES; k++) {
		__u64 at = pos + k;

		if (at >= VANTIO_PATH_MAX)
			break;
		/* the compiler knows the bound and drops a mask that it can see; 6.1's verifier needs it at the last index */
		asm volatile("%0 &= 4095" : "+r"(at));
		vantio_walk_byte(table, &w, text->bytes[at]);
	}
	s->walk = w;
	return pos + VANTIO_BLOCK_BYTES >= VANTIO_PATH_MAX || (!w.allow && !w.deny);
}

/* Two callbacks, one a size: see above. */
static long vantio_scan_small(__u32 i, struct vantio_scan *s)
{
	return vantio_scan_block(i, s);
}

static long vantio_scan_large(__u32 i, struct vantio_scan *s)
{
	return vantio_scan_block(i, s);
}

/* What an image says of everything: the header alone. */
vantio_inline void vantio_scan_header(void *table, __u32 domain, struct vantio_answer *a)
{
	a->bad = VANTIO_HEADER(table, magic) != VANTIO_IMAGE_MAGIC;
	a->allow_mask = a->deny_mask = 0;
	a->default_allow = VANTIO_HEADER(table, default_allow) >> (domain & 3) & 1;
	a->flags = VANTIO_HEADER(table, flags);
	a->kernel_deny = VANTIO_HEADER(table, kernel_deny);
	a->gen = VANTIO_HEADER(table, gen) | (__u64)vantio_header_word(table, __builtin_offsetof(struct vantio_image_header, gen) + 4) << 32;
}

vantio_inline void vantio_scan_run(void *table, int large, __u32 domain, const struct vantio_text *text,
				   struct vantio_answer *a)
{
	struct vantio_scan s = { .table = table, .text = text };

	vantio_scan_header(table, domain, a);
	if (a->bad)
		return;
	s.walk.allow = vantio_header_word(table, __builtin_offsetof(struct vantio_image_header, allow) + 4 * (domain & 3));
	s.walk.deny = vantio_header_word(table, __builtin_offsetof(struct vantio_image_header, deny) + 4 * (domain & 3));
	if (large)
		bpf_loop(VANTIO_PATH_MAX / VANTIO_BLOCK_BYTES, vantio_scan_large, &s, 0);
	else
		bpf_loop(VANTIO_PATH_MAX / VANTIO_BLOCK_BYTES, vantio_scan_small, &s, 0);
	a->allow_below = vantio_step(table, s.walk.allow, '/');
	a->deny_below = vantio_step(table, s.walk.deny, '/');
	a->allow_mask = vantio_accept(table, s.walk.allow, &a->bad);
	a->deny_mask = vantio_accept(table, s.walk.deny, &a->bad);
}

#endif
