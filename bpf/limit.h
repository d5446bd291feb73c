/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * [limits]: attempts are counted in the kernel, those that are refused too, and the limit acts in the call that trips it. The count of
 * a stretch is never too low: it covers the stretch and up to an eighth of it more.
 */
#ifndef VANTIO_LIMIT_H
#define VANTIO_LIMIT_H

#include "label.h"
#include "match.h"

#define VANTIO_LIMIT_TRIES 16 /* at a word that other CPUs write meanwhile */

/* One more in the word of `eighth`; 0 if the word could not be written. */
vantio_inline int vantio_limit_add(__u64 *word, __u32 eighth)
{
	__u64 old, fresh;
	int i;

	for (i = 0; i < VANTIO_LIMIT_TRIES; i++) {
		old = *(volatile __u64 *)word;
		fresh = old >> 32 == eighth ? old + 1 : ((__u64)eighth << 32 | 1);
		if ((__u32)fresh == 0) /* full: it has tripped long ago */
			return 0;
		if (__sync_val_compare_and_swap(word, old, fresh) == old)
			return 1;
	}
	return 0;
}

/* Counts an attempt: 1 if it is one too many, or if it could not be counted. */
vantio_inline int vantio_limit_count(struct vantio_limit_count *count, const struct vantio_image_limit *limit)
{
	__u64 width = limit->per_ns / 8 ? limit->per_ns / 8 : 1, sum = 0;
	__u32 eighth = bpf_ktime_get_boot_ns() / width, i;
	__u64 at = eighth;

	asm volatile("%0 &= 15" : "+r"(at)); /* the verifier must see the bound where it counts */
	if (!vantio_limit_add(&count->words[at], eighth))
		return 1;
	for (i = 0; i < VANTIO_LIMIT_WORDS; i++) {
		__u64 word = count->words[i], age = (__u32)(eighth - (__u32)(word >> 32));

		/* without a branch, of which the verifier would follow both sides sixteen times: all ones if age <= 8 */
		asm volatile("%0 += -9; %0 s>>= 63" : "+r"(age));
		sum += (__u32)word & age;
	}
	return sum > limit->max;
}

/* A limit of the image that is in force; 0 if there is none. */
vantio_inline int vantio_limit_read(const struct vantio_image_header *h, __u32 kind, struct vantio_image_limit *ret)
{
	__u64 at = kind;

	asm volatile("%0 &= 7" : "+r"(at)); /* as above: the limits lie well inside of the page */
	*ret = h->limits[at];
	return ret->action != VANTIO_PERMIT;
}

#endif
