/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The evaluator of eval.h over the images in the policy map. A page of an image is one map value, so that a cell is reached by
 * masking its index: no look-up and no branch for the verifier, which a look-up for each cell would cost. bpf_loop() drives the
 * walk a block of bytes at a time: the verifier checks one block.
 */
#ifndef VANTIO_MATCH_H
#define VANTIO_MATCH_H

#include "scratch.h"
#include "state.h"

#define VANTIO_TABLE const struct vantio_page *
#define VANTIO_CELL(table, index)                                                                    \
	({                                                                                           \
		__u64 vantio_at = (index);                                                           \
		/* behind a barrier, or the compiler masks before it adds and 6.1's verifier loses the bound */ \
		asm volatile("%0 &= %1" : "+r"(vantio_at) : "i"(VANTIO_PAGE_CELLS - 1));             \
		&(table)->cells[vantio_at];                                                          \
	})
#include "eval.h"

#define VANTIO_BLOCK_BYTES 4 /* twice as many cost four times as much to verify and save a tenth of the time */

/* One walk, and the page that its state lies in. */
struct vantio_track {
	const struct vantio_page *page;
	__u32 state;
	__u32 base; /* the page's first cell */
};

struct vantio_scan {
	void *image;
	const struct vantio_text *text;
	struct vantio_track allow, deny;
	__u32 pos; /* of the first byte not yet read */
	__u32 bad; /* a page was not there */
};

/* Goes to the page of the state. 0 if there is none. */
vantio_inline int vantio_turn(void *image, struct vantio_track *t)
{
	__u32 number = t->state / VANTIO_PAGE_CELLS;
	const struct vantio_page *page;

	if ((t->state ^ t->base) < VANTIO_PAGE_CELLS)
		return 1;
	page = bpf_map_lookup_elem(image, &number);
	if (!page)
		return 0;
	t->page = page;
	t->base = number * VANTIO_PAGE_CELLS;
	return 1;
}

/* Up to a block of bytes, and no further than both walks stay in their pages. */
static long vantio_scan_block(__u32 i, struct vantio_scan *s)
{
	const struct vantio_text *text = s->text;
	struct vantio_track allow, deny;
	struct vantio_walk w;
	__u32 pos = s->pos;
	int k;

	if (!vantio_turn(s->image, &s->allow) || !vantio_turn(s->image, &s->deny)) {
		s->bad = 1;
		return 1;
	}
	allow = s->allow;
	deny = s->deny;
	w.allow = allow.state;
	w.deny = deny.state;
	for (k = 0; k < VANTIO_BLOCK_BYTES; k++) {
		__u64 at = pos;

		if (at >= VANTIO_PATH_MAX)
			break;
		/* the compiler knows the bound and drops a mask that it can see; 6.1's verifier needs it at the last index */
		asm volatile("%0 &= 4095" : "+r"(at));
		w.allow = vantio_step(allow.page, w.allow, text->bytes[at]);
		w.deny = vantio_step(deny.page, w.deny, text->bytes[at]);
		pos++;
		if (((w.allow ^ allow.base) | (w.deny ^ deny.base)) >= VANTIO_PAGE_CELLS) /* another page */
			break;
	}
	s->allow.state = w.allow;
	s->deny.state = w.deny;
	s->pos = pos;
	return pos >= VANTIO_PATH_MAX || (!w.allow && !w.deny);
}

/* What an image says of everything: the header alone. */
vantio_inline void vantio_scan_header(const struct vantio_image_header *h, __u32 domain, struct vantio_answer *a)
{
	a->bad = h->magic != VANTIO_IMAGE_MAGIC || h->version != VANTIO_ABI_VERSION;
	a->allow_mask = a->deny_mask = 0;
	a->default_allow = h->default_allow >> (domain & 3) & 1;
	a->flags = h->flags;
	a->kernel_deny = h->kernel_deny;
	a->gen = h->gen;
	a->limited = h->limited;
	a->policy = *(const __u64 *)h->policy_hash;
}

/* The first page of the image in force for a slot, which begins with the header; the image itself too, unless `ret` is 0. */
vantio_inline void *vantio_image_get(__u32 slot, void **ret)
{
	void *image = bpf_map_lookup_elem(&vantio_policies, &slot);
	__u32 zero = 0;

	if (!image)
		return 0;
	if (ret)
		*ret = image;
	return bpf_map_lookup_elem(image, &zero);
}

/* How every scan begins: *a is filled from the header, or bad; the first page, 0 if there is no image to be asked. */
vantio_inline const struct vantio_page *vantio_scan_begin(__u32 slot, __u32 domain, void **ret_image, struct vantio_answer *a)
{
	const struct vantio_page *first;

	a->bad = 1;
	first = vantio_image_get(slot, ret_image);
	if (!first)
		return 0;
	vantio_scan_header((const void *)first, domain, a);
	return a->bad ? 0 : first;
}

/* Walks `text` from the two states on; vantio_scan_begin() has filled *a. */
vantio_inline void vantio_scan_walk(void *image, const struct vantio_page *first, __u32 allow, __u32 deny, const struct vantio_text *text,
				    struct vantio_answer *a)
{
	struct vantio_scan s = { .image = image, .text = text };

	s.allow.page = s.deny.page = first;
	s.allow.state = allow;
	s.deny.state = deny;
	s.pos = text->off;
	bpf_loop(VANTIO_PATH_MAX, vantio_scan_block, &s, 0);
	if (s.bad || !vantio_turn(image, &s.allow) || !vantio_turn(image, &s.deny)) {
		a->bad = 1;
		return;
	}
	a->allow_below = vantio_step(s.allow.page, s.allow.state, '/');
	a->deny_below = vantio_step(s.deny.page, s.deny.state, '/');
	a->allow_mask = vantio_accept(s.allow.page, s.allow.state, &a->bad);
	a->deny_mask = vantio_accept(s.deny.page, s.deny.state, &a->bad);
}

#endif
