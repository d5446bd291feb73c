/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Refusals that come again and again. The first is told at once; those alike that follow within VANTIO_REPEAT_NS only count, and one
 * event tells of them: the next of their kind, another that needs their element, or vantio_flush, which whoever writes records runs.
 * They are compared as a whole, for a hash alone could be made to hide one refusal behind another. Nobody waits: where an element is
 * taken, the refusal is told by itself.
 */
#ifndef VANTIO_REPEAT_H
#define VANTIO_REPEAT_H

#include "state.h"

#define VANTIO_EVENT_WORDS    (sizeof(struct vantio_event) / 8)
#define VANTIO_TEXT_WORDS     (VANTIO_REPEAT_TEXT / 8)
#define VANTIO_LIKENESS_WORDS (VANTIO_EVENT_WORDS + VANTIO_TEXT_WORDS)
#define VANTIO_REPEAT_SHIFT   53 /* 64 less the bits of VANTIO_REPEATS */
_Static_assert(1u << (64 - VANTIO_REPEAT_SHIFT) == VANTIO_REPEATS, "the hash is cut to the number of elements");

vantio_inline struct vantio_counts *vantio_counts_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&vantio_counts, &zero);
}

/* Counters of a CPU are written by whoever runs there, and a task can be preempted in between. */
vantio_inline void vantio_count_lost(struct vantio_counts *c, enum vantio_loss why, __u64 n)
{
	__sync_fetch_and_add(&c->lost_by[why], n);
	__sync_fetch_and_add(&c->lost, n);
}

vantio_inline void vantio_count_told(struct vantio_counts *c, __u64 n)
{
	__sync_fetch_and_add(&c->events, 1);
	__sync_fetch_and_add(&c->decisions, n);
}

/* What differs between refusals that are alike. */
vantio_inline void vantio_event_strip(struct vantio_event *e)
{
	e->cpu = 0;
	e->mono_ns = e->lost = 0;
	e->args[0] = e->args[1] = e->args[2] = e->args[3] = e->args[4] = e->args[5] = 0;
	e->count = 0;
}

vantio_inline __u32 vantio_likeness_text(struct vantio_likeness *l, __u32 at, const struct vantio_text *t, __u32 len)
{
	__u64 where = at, n = len;

	asm volatile("%0 &= %1" : "+r"(where) : "i"(VANTIO_REPEAT_TEXT - 1));
	asm volatile("%0 &= %1" : "+r"(n) : "i"(VANTIO_REPEAT_TEXT - 1));
	bpf_probe_read_kernel(&l->text[where], n, &t->bytes[t->off & (VANTIO_PATH_MAX - 1)]);
	return at + len;
}

/* Fills s->likeness from the event and its texts; 0 if they are too long. */
vantio_inline int vantio_likeness_build(struct vantio_scratch *s)
{
	const struct vantio_event *e = &s->event;
	struct vantio_likeness *l = &s->likeness;
	__u64 *words = (void *)l->text;
	__u32 at = 0, i;

	if (e->path_len + e->path2_len + e->exe_len >= VANTIO_REPEAT_TEXT)
		return 0;
	for (i = 0; i < VANTIO_TEXT_WORDS; i++)
		words[i] = 0;
	__builtin_memcpy(&l->event, e, sizeof(l->event));
	vantio_event_strip(&l->event);
	at = vantio_likeness_text(l, at, &s->path, e->path_len);
	at = vantio_likeness_text(l, at, &s->path2, e->path2_len);
	vantio_likeness_text(l, at, &s->exe, e->exe_len);
	return 1;
}

vantio_inline __u32 vantio_likeness_hash(const struct vantio_likeness *l)
{
	const __u64 *words = (const void *)l;
	__u64 hash = 0;
	__u32 i;

	for (i = 0; i < VANTIO_LIKENESS_WORDS; i++) {
		hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	return hash * 0x9e3779b97f4a7c15ull >> VANTIO_REPEAT_SHIFT;
}

vantio_inline int vantio_likeness_same(const struct vantio_likeness *l, const struct vantio_repeat *r)
{
	const __u64 *a = (const void *)l, *b = (const void *)&r->event;
	__u64 differ = 0;
	__u32 i;

	for (i = 0; i < VANTIO_LIKENESS_WORDS; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

vantio_inline void vantio_likeness_keep(struct vantio_repeat *r, const struct vantio_likeness *l)
{
	const __u64 *from = (const void *)l;
	__u64 *to = (void *)&r->event;
	__u32 i;

	for (i = 0; i < VANTIO_LIKENESS_WORDS; i++)
		to[i] = from[i];
}

/* Puts the event of what an element holds on the ring: 0, or -1 if there is no room. The element is the caller's. */
vantio_inline int vantio_repeat_tell(struct vantio_repeat *r, struct vantio_counts *c)
{
	struct vantio_event *e = &r->event;
	__u64 size = e->size, pending = r->pending;
	int full;

	e->cpu = bpf_get_smp_processor_id();
	e->mono_ns = r->last_ns;
	e->lost = c->lost;
	__builtin_memcpy(e->args, r->args, sizeof(e->args));
	e->count = pending;
	asm volatile("%0 &= 1023" : "+r"(size));
	full = size > sizeof(*e) + VANTIO_REPEAT_TEXT || bpf_ringbuf_output(&vantio_ring, e, size, 0);
	vantio_event_strip(e);
	if (full)
		return -1;
	vantio_count_told(c, pending);
	r->pending = 0;
	return 0;
}

vantio_inline int vantio_repeat_over(const struct vantio_repeat *r, __u64 now)
{
	return now - r->since_ns >= VANTIO_REPEAT_NS || r->pending >= VANTIO_REPEAT_MAX;
}

/* 1 if the refusal in `s` was added to those that are alike; else it is to be told, with s->event.count. */
vantio_inline int vantio_repeat_add(struct vantio_scratch *s, struct vantio_counts *c, struct vantio_repeat *r)
{
	struct vantio_event *e = &s->event;

	if (!vantio_likeness_same(&s->likeness, r)) {
		if (r->pending && vantio_repeat_tell(r, c))
			vantio_count_lost(c, VANTIO_LOSS_RING, r->pending);
		vantio_likeness_keep(r, &s->likeness);
	} else if (!vantio_repeat_over(r, e->mono_ns)) {
		r->pending++;
		r->last_ns = e->mono_ns;
		__builtin_memcpy(r->args, e->args, sizeof(r->args));
		__sync_fetch_and_add(&c->merged, 1);
		return 1;
	} else {
		e->count += r->pending;
	}
	r->pending = 0;
	r->since_ns = e->mono_ns;
	return 0;
}

vantio_inline int vantio_repeat_take(struct vantio_repeat *r)
{
	return __sync_val_compare_and_swap(&r->busy, 0, 1) == 0;
}

vantio_inline void vantio_repeat_give(struct vantio_repeat *r)
{
	__sync_lock_test_and_set(&r->busy, 0);
}

vantio_inline int vantio_is_repeat(struct vantio_scratch *s)
{
	struct vantio_counts *c = vantio_counts_get();
	struct vantio_repeat *r;
	__u32 key;
	int added;

	if (!c || !vantio_likeness_build(s))
		return 0;
	key = vantio_likeness_hash(&s->likeness);
	r = bpf_map_lookup_elem(&vantio_repeats, &key);
	if (!r || !vantio_repeat_take(r))
		return 0;
	added = vantio_repeat_add(s, c, r);
	vantio_repeat_give(r);
	return added;
}

#endif
