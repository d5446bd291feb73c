// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What every decision is made of: texts and paths, the kill switch, quarantine and limits that come before any policy, and the
 * event. The questions themselves are in decide_path.bpf.c, decide_net.bpf.c and decide_surface.bpf.c.
 */
#include "match.h" /* first: the evaluator that it sets up is the one that counts */
#include "emit.h"
#include "inode.h"
#include "limit.h"

char vantio_license[] SEC("license") = "Dual BSD/GPL";

#define VANTIO_PATH_ATTEMPTS 16 /* at a path whose own names change meanwhile */

__attribute__((noinline)) int vantio_scan(__u32 slot, __u32 domain, struct vantio_text *text, struct vantio_answer *a)
{
	const struct vantio_image_header *h;
	const struct vantio_page *first;
	void *image;

	if (!text || !a)
		return 1;
	first = vantio_scan_begin(slot, domain, &image, a);
	h = (const void *)first;
	if (h)
		vantio_scan_walk(image, first, h->allow[domain & 3], h->deny[domain & 3], text, a);
	return 0;
}

/* What it says in [file] of a text that follows what led to these states: see permit.h. */
__attribute__((noinline)) int vantio_scan_on(__u32 slot, __u32 allow, __u32 deny, struct vantio_text *text, struct vantio_answer *a)
{
	const struct vantio_page *first;
	void *image;

	if (!text || !a)
		return 1;
	first = vantio_scan_begin(slot, VANTIO_DOMAIN_FILE, &image, a);
	if (first)
		vantio_scan_walk(image, first, allow, deny, text, a);
	return 0;
}

/* The same of no text in particular. */
__attribute__((noinline)) int vantio_scan_nothing(__u32 slot, __u32 domain, struct vantio_answer *a)
{
	if (!a)
		return 1;
	vantio_scan_begin(slot, domain, 0, a);
	return 0;
}

__attribute__((noinline)) int vantio_held_by(__u32 slot, __u64 inode, __u32 domain, __u64 gen)
{
	struct inode *object = (void *)inode;
	const struct vantio_image_header *h;
	struct vantio_held key = {};
	const struct vantio_page *page;
	__u32 at, number;
	void *image;

	h = vantio_image_get(slot, &image);
	if (!h || h->gen != gen)
		return -1;
	if (!object)
		return 0;
	key.ino = BPF_CORE_READ(object, i_ino);
	key.dev = BPF_CORE_READ(object, i_sb, s_dev);
	key.generation = BPF_CORE_READ(object, i_generation);
	at = vantio_held_hash(&key) & h->held_mask;
	number = h->held_page + at / VANTIO_HELD_PER_PAGE;
	page = bpf_map_lookup_elem(image, &number);
	return page ? vantio_held_search(page, at, h->held_mask, &key, domain) : -1;
}

__attribute__((noinline)) int vantio_path_once(struct vantio_text *text, __u64 mnt, __u64 dentry, int first)
{
	return text ? vantio_path_attempt(text, mnt, dentry, first) : 0;
}

/*
 * Builds the path of (mnt, dentry) into `text`. A rename that happens meanwhile could mix two states of the tree: the walk is
 * done again, and fails after a few attempts.
 */
__attribute__((noinline)) int vantio_path(struct vantio_text *text, __u64 mnt, __u64 dentry)
{
	int i;

	if (!text)
		return 0;
	text->chain = 0;
	for (i = 0; i < VANTIO_PATH_ATTEMPTS; i++)
		if (vantio_path_once(text, mnt, dentry, !i))
			break;
	return 0;
}

__attribute__((noinline)) int vantio_names_now(struct vantio_names *n)
{
	if (!n)
		return 0;
	n->renames = vantio_rename_seq();
	n->mounts = vantio_mount_seq();
	return &rename_lock && &mount_lock && !((n->renames | n->mounts) & 1);
}

/* Whether the caller is halted, whatever the policy says. */
vantio_inline void vantio_rule_halt(struct vantio_ruling *r, const struct vantio_agent *agent, const struct vantio_control *control)
{
	if (control->kill_all || agent->state == VANTIO_AGENT_SOFT_KILL)
		vantio_rule(r, VANTIO_KILLSWITCH, VANTIO_REASON_KILLSWITCH);
	else if (agent->state == VANTIO_AGENT_QUARANTINE)
		vantio_rule(r, VANTIO_QUARANTINE, VANTIO_REASON_QUARANTINE);
}

/* Counts an attempt against the policy's limit: the action if it is one too many, else 0 (VANTIO_PERMIT). */
__attribute__((noinline)) int vantio_limit(__u32 slot, __u32 agent, __u32 kind)
{
	__u32 key = agent * VANTIO_LIMIT_MAX + kind;
	struct vantio_image_limit limit = {};
	const struct vantio_image_header *h;
	struct vantio_limit_count *count;

	h = vantio_image_get(slot, 0);
	if (!h || !vantio_limit_read(h, kind, &limit))
		return 0;
	count = bpf_map_lookup_elem(&vantio_limits, &key);
	return count && !vantio_limit_count(count, &limit) ? 0 : limit.action;
}

/* In force before the hook returns: the state of the agent is what the next decision of any of its threads sees. */
vantio_inline void vantio_rule_limit(struct vantio_ruling *r, const struct vantio_event *e, struct vantio_agent *agent, __u32 index,
				     int audit)
{
	__u32 kind = vantio_limit_of(e->hook, e->op);
	int action = kind < VANTIO_LIMIT_MAX ? vantio_limit(agent->slot, index, kind) : 0;

	if (!action)
		return;
	vantio_rule(r, action, VANTIO_REASON_LIMIT);
	if (audit)
		return;
	if (action == VANTIO_QUARANTINE)
		__sync_val_compare_and_swap(&agent->state, VANTIO_AGENT_ENROLLED, VANTIO_AGENT_QUARANTINE);
	else if (action == VANTIO_KILLSWITCH)
		__sync_val_compare_and_swap(&agent->state, VANTIO_AGENT_ENROLLED, VANTIO_AGENT_SOFT_KILL);
}

/* 1 if the refusal was added to others of its kind, which one event will tell of. */
__attribute__((noinline)) int vantio_repeat(struct vantio_scratch *s)
{
	return s ? vantio_is_repeat(s) : 0;
}

/* Records what is to be recorded; 1 if the operation is refused. `caller`: what is known of whoever asks. */
enum vantio_caller { VANTIO_CALLER_TASK, VANTIO_CALLER_CGROUP, VANTIO_CALLER_PACKET };

vantio_inline int vantio_conclude_event(struct vantio_scratch *s, struct vantio_label *label, __u32 ask_flags, enum vantio_caller caller)
{
	struct vantio_agent *agent = vantio_agent_get(label->agent);
	struct vantio_control *control = vantio_control_get();
	struct vantio_ruling *r = &s->ruling;
	struct vantio_event *e = &s->event;
	int halted, audit, refuse;

	if (!agent || !control)
		return 1;
	vantio_rule_halt(r, agent, control);
	halted = r->decision == VANTIO_KILLSWITCH || r->decision == VANTIO_QUARANTINE;
	audit = !halted && ((r->flags & VANTIO_IMAGE_AUDIT) || control->audit);
	if (!halted && caller != VANTIO_CALLER_PACKET) /* what a packet is of was counted where it was asked for */
		vantio_rule_limit(r, e, agent, label->agent, audit);
	refuse = r->decision != VANTIO_PERMIT && !audit;
	if (ask_flags & VANTIO_ASK_SILENT)
		return refuse;
	if (r->decision == VANTIO_PERMIT) {
		if (ask_flags & VANTIO_ASK_QUIET)
			return 0;
		if (!audit && !(r->flags & VANTIO_IMAGE_RECORD_ALL))
			return 0;
	}
	e->decision = r->decision;
	e->reason = r->reason;
	e->gen = r->gen;
	if (!audit)
		e->flags |= VANTIO_EVENT_ENFORCED;
	if ((s->path.flags | s->path2.flags) & VANTIO_TEXT_NO_PATH)
		e->flags |= VANTIO_EVENT_NO_PATH;
	vantio_event_time(e, label, agent);
	if (caller != VANTIO_CALLER_PACKET)
		vantio_event_subject(s, caller == VANTIO_CALLER_TASK);
	vantio_event_measure(s);
	if (r->decision != VANTIO_PERMIT && vantio_repeat(s))
		return refuse;
	if (vantio_emit(s) && (r->flags & VANTIO_IMAGE_LOSS_BLOCK) && !audit)
		refuse = 1;
	return refuse;
}

__attribute__((noinline)) int vantio_finish(struct vantio_scratch *s, struct vantio_label *label, __u32 ask_flags)
{
	return s && label ? vantio_conclude_event(s, label, ask_flags, VANTIO_CALLER_TASK) : 1;
}

/* Cgroup programs may not read the caller's registers. */
__attribute__((noinline)) int vantio_finish_cgroup(struct vantio_scratch *s, struct vantio_label *label, __u32 ask_flags)
{
	return s && label ? vantio_conclude_event(s, label, ask_flags, VANTIO_CALLER_CGROUP) : 1;
}

/* A packet leaves when its sender may be elsewhere: the event has what its socket knows of it. */
__attribute__((noinline)) int vantio_finish_packet(struct vantio_scratch *s, struct vantio_label *label, __u32 ask_flags)
{
	return s && label ? vantio_conclude_event(s, label, ask_flags, VANTIO_CALLER_PACKET) : 1;
}

__attribute__((noinline)) int vantio_refuse_unrecorded(__u32 agent)
{
	struct vantio_counts *counts = vantio_counts_get();

	if (counts && vantio_agent_get(agent))
		vantio_count_lost(counts, VANTIO_LOSS_SCRATCH, 1);
	else if (counts)
		vantio_count_lost(counts, VANTIO_LOSS_AGENT, 1);
	return 1;
}

/* ---- programs that user space runs ---- */

/* Puts the staged event of the control plane on the ring, so that it takes its place among the decisions. 0, or 1 if it was lost. */
SEC("syscall")
int vantio_emit_control(void *ctx)
{
	__u32 zero = 0;
	struct vantio_control_event *staged = bpf_map_lookup_elem(&vantio_staging, &zero);
	struct vantio_counts *counts = vantio_counts_get();
	__u32 size;

	if (!staged || !counts || !bpf_map_lookup_elem(&vantio_accounted, &zero))
		return 1;
	staged->event.cpu = bpf_get_smp_processor_id();
	staged->event.mono_ns = bpf_ktime_get_boot_ns();
	staged->event.lost = counts->lost;
	size = staged->event.size;
	if (size < sizeof(staged->event) || size > sizeof(*staged))
		return 1;
	if (bpf_ringbuf_output(&vantio_ring, staged, size, 0)) {
		vantio_count_lost(counts, VANTIO_LOSS_RING, 1);
		return 1;
	}
	vantio_count_told(counts, 1);
	return 0;
}

static long vantio_flush_one(__u32 i, struct vantio_flush *f)
{
	struct vantio_repeat *r = bpf_map_lookup_elem(&vantio_repeats, &i);
	struct vantio_counts *counts = vantio_counts_get();

	if (!r || !counts || !r->since_ns)
		return 0;
	if (!vantio_repeat_take(r)) {
		f->waiting++;
		return 0;
	}
	if (f->all || vantio_repeat_over(r, bpf_ktime_get_boot_ns())) {
		if (!r->pending)
			r->since_ns = 0;
		else if (!vantio_repeat_tell(r, counts)) {
			r->since_ns = 0;
			f->told++;
		}
	}
	f->waiting += r->since_ns != 0;
	vantio_repeat_give(r);
	return 0;
}

/* Tells of repeats whose time is over; those that the ring has no room for wait. */
SEC("syscall")
int vantio_flush(struct vantio_flush *ctx)
{
	struct vantio_flush f = { .all = ctx->all };

	bpf_loop(VANTIO_REPEATS, vantio_flush_one, &f, 0);
	ctx->told = f.told;
	ctx->waiting = f.waiting;
	return 0;
}
