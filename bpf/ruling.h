/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the questions share: every vantio_decide_*() begins a decision, rules, and ends it. Each question looks at one policy image:
 * answers carry the image's generation, and a question whose answers come from two images is asked again, so that no decision
 * sees half of a push.
 */
#ifndef VANTIO_RULING_H
#define VANTIO_RULING_H

#include "decide.h"
#include "eval.h"
#include "scratch.h"

#define VANTIO_ATTEMPTS 3 /* of a question that a push overtakes */

/* Working memory of decisions: VANTIO_SCRATCH_DEPTH elements a CPU; the loader sets max_entries. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VANTIO_SCRATCH_DEPTH);
	__type(key, __u32);
	__type(value, struct vantio_scratch);
} vantio_scratches VANTIO_MAP;

/* ---- global functions of decide.bpf.c: checked once a program by the verifier ---- */

/* What the image in force for `slot` says of no text in particular. Returns 0; a->bad is set where nothing can be said. */
int vantio_scan_nothing(__u32 slot, __u32 domain, struct vantio_answer *a);

/*
 * Number of the deny rule of `domain` that holds this (struct inode *), and one; 0 if none does, -1 if the image in force is not that
 * of `gen` any more.
 */
int vantio_held_by(__u32 slot, __u64 inode, __u32 domain, __u64 gen);
/* The same, in [file], of a text that follows what led to these states (allow_below, deny_below) in an image of one generation. */
int vantio_scan_on(__u32 slot, __u32 allow, __u32 deny, struct vantio_text *text, struct vantio_answer *a);

/* Builds the path of (struct vfsmount *, struct dentry *) into `text`, whose flags say if that failed. Returns 0. */
int vantio_path(struct vantio_text *text, __u64 mnt, __u64 dentry);

/* What path names rest on just now: 0 while something is being renamed or mounted, or where the kernel does not let us see. */
int vantio_names_now(struct vantio_names *n);

/* The decision could not even begin: refused, and counted as lost because there is nothing to write it into. Returns 1. */
int vantio_refuse_unrecorded(__u32 agent);

/* Halts and limits come before the ruling; records what is to be recorded. 1 if the operation is refused. */
int vantio_finish(struct vantio_scratch *s, struct vantio_label *label, __u32 ask_flags);
int vantio_finish_cgroup(struct vantio_scratch *s, struct vantio_label *label, __u32 ask_flags); /* where there is no caller's memory */
int vantio_finish_packet(struct vantio_scratch *s, struct vantio_label *label, __u32 ask_flags); /* where there is no caller */

/* ---- a ruling ---- */

vantio_inline void vantio_rule(struct vantio_ruling *r, __u32 decision, __u32 reason)
{
	r->decision = decision;
	r->reason = reason;
}

/* Takes what is common to all answers of one question; 0 if they come from different images. */
vantio_inline int vantio_same_image(struct vantio_ruling *r, const struct vantio_answer *a, int first)
{
	if (!first && a->gen != r->gen)
		return 0;
	r->gen = a->gen;
	r->flags = a->flags;
	return 1;
}

vantio_inline void vantio_take(struct vantio_ruling *r, const struct vantio_answer *a, __u32 access)
{
	struct vantio_verdict v = vantio_conclude(a->allow_mask, a->deny_mask, a->bad, a->default_allow, access);

	vantio_rule(r, v.decision, v.reason);
}

/* ---- a decision ---- */

vantio_inline struct vantio_scratch *vantio_scratch_take(void)
{
	__u32 cpu = bpf_get_smp_processor_id(), i, key;
	struct vantio_scratch *s;

	for (i = 0; i < VANTIO_SCRATCH_DEPTH; i++) {
		key = cpu * VANTIO_SCRATCH_DEPTH + i;
		s = bpf_map_lookup_elem(&vantio_scratches, &key);
		if (s && __sync_val_compare_and_swap(&s->busy, 0, 1) == 0)
			return s;
	}
	return 0;
}

vantio_inline void vantio_scratch_give(struct vantio_scratch *s)
{
	__sync_lock_test_and_set(&s->busy, 0);
}

/* The caller's working memory, with a refusal in it until something is ruled. NULL: end with vantio_refuse_unrecorded. */
vantio_inline struct vantio_scratch *vantio_begin(const struct vantio_label *label, __u8 hook, __u8 op, __u8 access, __u8 object)
{
	struct vantio_agent *agent = vantio_agent_get(label->agent);
	struct vantio_scratch *s = agent ? vantio_scratch_take() : 0;

	if (!s)
		return 0;
	__builtin_memset(&s->event, 0, sizeof(s->event));
	s->event.hook = hook;
	s->event.op = op;
	s->event.access = access;
	s->event.object = object;
	s->event.slot = agent->slot;
	s->path.off = s->path2.off = s->exe.off = VANTIO_PATH_MAX;
	s->path.flags = s->path2.flags = s->exe.flags = 0;
	__builtin_memset(&s->ruling, 0, sizeof(s->ruling));
	vantio_rule(&s->ruling, VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
	return s;
}

/* 1 if the operation is refused. */
vantio_inline int vantio_end(struct vantio_scratch *s, struct vantio_label *label, __u32 ask_flags)
{
	int refuse = vantio_finish(s, label, ask_flags);

	vantio_scratch_give(s);
	return refuse;
}

#endif
