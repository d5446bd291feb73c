// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * decide(): kill switch, quarantine, then policy; then the event. Each question looks at one policy image: answers carry the
 * image's generation, and a question whose answers come from two images is asked again, so that no decision sees half of a push.
 */
#include "decide.h"
#include "emit.h"
#include "match.h"

char vantio_license[] SEC("license") = "Dual BSD/GPL";

#define VANTIO_ATTEMPTS 3  /* of a question that a push overtakes */
#define VANTIO_MOUNTS   16 /* mounts of one file system that are searched for a name */

/* ---- global functions: checked once by the verifier, called from every hook ---- */

/* What the image in force for `slot` says about `text`. Returns 0; a->bad is set where nothing can be said. */
__attribute__((noinline)) int vantio_scan(__u32 slot, __u32 domain, struct vantio_text *text, struct vantio_answer *a)
{
	void *table;

	if (!text || !a)
		return 1;
	a->bad = 0;
	table = bpf_map_lookup_elem(&vantio_policy_small, &slot);
	if (table) {
		vantio_scan_run(table, 0, domain, text, a);
		return 0;
	}
	table = bpf_map_lookup_elem(&vantio_policy_large, &slot);
	if (table) {
		vantio_scan_run(table, 1, domain, text, a);
		return 0;
	}
	a->bad = 1;
	return 0;
}

__attribute__((noinline)) int vantio_path(struct vantio_text *text, __u64 mnt, __u64 dentry)
{
	if (!text)
		return 1;
	vantio_path_build(text, (struct vfsmount *)mnt, (struct dentry *)dentry);
	return 0;
}

/* ---- a decision ---- */

struct vantio_ruling {
	__u32 decision, reason;
	__u32 flags; /* of the image */
	__u32 pad;
	__u64 gen;
};

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

/* Every access that an answer grants. */
vantio_inline __u32 vantio_granted(const struct vantio_answer *a, __u32 all)
{
	return (a->default_allow ? all : a->allow_mask & all) & ~a->deny_mask;
}

/*
 * Whether an object that is known as `from` would gain access as `to`. For a folder the names below it count: the automata
 * must be in the same state after both, which in a minimal automaton means that they agree about every name below.
 */
vantio_inline int vantio_gains(const struct vantio_answer *from, const struct vantio_answer *to, __u32 all, __u32 flags)
{
	if (from->bad || to->bad)
		return 1;
	if (vantio_granted(to, all) & ~vantio_granted(from, all))
		return 1;
	if ((flags & VANTIO_ASK_EXCHANGE) && (vantio_granted(from, all) & ~vantio_granted(to, all)))
		return 1;
	if (flags & VANTIO_ASK_FOLDER)
		return from->allow_below != to->allow_below || from->deny_below != to->deny_below;
	return 0;
}

/* The new name of a rename or link, and what the object gains there. 0 when a push came between the answers. */
vantio_inline int vantio_rule_second(struct vantio_ask *ask, struct vantio_scratch *s, __u32 slot, struct vantio_ruling *r,
				     struct vantio_answer *from)
{
	struct vantio_answer to = {};

	if (s->path2.flags) {
		vantio_rule(r, VANTIO_BLOCK, s->path2.flags & VANTIO_TEXT_FAILED ? VANTIO_REASON_PATH : VANTIO_REASON_DEFAULT);
		return 1;
	}
	vantio_scan(slot, VANTIO_DOMAIN_FILE, &s->path2, &to);
	if (!vantio_same_image(r, &to, 0))
		return 0;
	vantio_take(r, &to, ask->access);
	if (r->decision != VANTIO_PERMIT || !(ask->flags & VANTIO_ASK_MOVES))
		return 1;
	if (vantio_gains(from, &to, VANTIO_ACCESS_READ | VANTIO_ACCESS_WRITE, ask->flags)) {
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_ESCALATE);
		return 1;
	}
	vantio_scan(slot, VANTIO_DOMAIN_EXEC, &s->path, from);
	vantio_scan(slot, VANTIO_DOMAIN_EXEC, &s->path2, &to);
	if (!vantio_same_image(r, from, 0) || !vantio_same_image(r, &to, 0))
		return 0;
	if (vantio_gains(from, &to, VANTIO_ACCESS_EXEC, ask->flags))
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_ESCALATE);
	return 1;
}

/* 0 when a push came between the answers. */
vantio_inline int vantio_rule_path(struct vantio_ask *ask, struct vantio_scratch *s, __u32 slot, struct vantio_ruling *r)
{
	struct vantio_answer a = {};

	vantio_scan(slot, ask->domain, &s->path, &a);
	vantio_same_image(r, &a, 1);
	if (ask->flags & VANTIO_ASK_PROTECTED) {
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_PROTECTED);
		return 1;
	}
	if (s->path.flags & VANTIO_TEXT_FAILED) {
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_PATH);
		return 1;
	}
	if (s->path.flags & VANTIO_TEXT_NO_PATH) /* matches nothing */
		a.allow_mask = a.deny_mask = 0;
	vantio_take(r, &a, ask->access);
	if (r->decision != VANTIO_PERMIT || !ask->dentry2)
		return 1;
	return vantio_rule_second(ask, s, slot, r, &a);
}

/* Whether the caller is halted, whatever the policy says. */
vantio_inline void vantio_rule_halt(struct vantio_ruling *r, const struct vantio_agent *agent, const struct vantio_control *control)
{
	if (control->kill_all || agent->state == VANTIO_AGENT_SOFT_KILL)
		vantio_rule(r, VANTIO_KILLSWITCH, VANTIO_REASON_KILLSWITCH);
	else if (agent->state == VANTIO_AGENT_QUARANTINE)
		vantio_rule(r, VANTIO_QUARANTINE, VANTIO_REASON_QUARANTINE);
}

/* Records what is to be recorded; 1 if the operation is refused. */
vantio_inline int vantio_finish(struct vantio_scratch *s, struct vantio_ruling *r, const struct vantio_label *label,
				const struct vantio_agent *agent, const struct vantio_control *control, __u32 ask_flags)
{
	struct vantio_event *e = &s->event;
	int halted, audit, refuse;

	vantio_rule_halt(r, agent, control);
	halted = r->decision == VANTIO_KILLSWITCH || r->decision == VANTIO_QUARANTINE;
	audit = !halted && ((r->flags & VANTIO_IMAGE_AUDIT) || control->audit);
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
	vantio_event_subject(s, label, agent);
	if (vantio_emit(s) && (r->flags & VANTIO_IMAGE_LOSS_BLOCK) && !audit)
		refuse = 1;
	return refuse;
}

vantio_inline void vantio_event_begin(struct vantio_scratch *s, __u8 hook, __u8 op, __u8 access, __u8 object)
{
	__builtin_memset(&s->event, 0, sizeof(s->event));
	s->event.hook = hook;
	s->event.op = op;
	s->event.access = access;
	s->event.object = object;
	s->path.off = s->path2.off = s->exe.off = VANTIO_PATH_MAX;
	s->path.flags = s->path2.flags = s->exe.flags = 0;
}

/* The decision could not even begin: refused, and counted as lost because there is nothing to write it into. */
vantio_inline int vantio_refuse_unrecorded(void)
{
	__u32 zero = 0;
	struct vantio_count *count = bpf_map_lookup_elem(&vantio_counts, &zero);

	if (count)
		__sync_fetch_and_add(&count->lost, 1);
	return 1;
}

/* ---- questions ---- */

/*
 * Hooks that know the dentry alone (times, extended attributes): the object's names are those under every mount of its file system
 * in the caller's mount namespace. One denied by a rule denies; else one that is allowed allows.
 */
vantio_inline void vantio_rule_mounts(struct vantio_ask *ask, struct vantio_scratch *s, __u32 slot, struct vantio_ruling *r)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mnt_namespace *ns = BPF_CORE_READ(task, nsproxy, mnt_ns);
	struct dentry *dentry = (void *)ask->dentry;
	__u64 head, at;
	struct vantio_answer a = {};
	int i, found = 0, permitted = 0;

	head = (__u64)BPF_CORE_READ(dentry, d_sb) + bpf_core_field_offset(struct super_block, s_mounts);
	at = (__u64)BPF_CORE_READ((struct list_head *)head, next);
	vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_PATH);
	for (i = 0; i < VANTIO_MOUNTS && at != head; i++) {
		struct mount *mnt = (void *)(at - bpf_core_field_offset(struct mount, mnt_instance));

		at = (__u64)BPF_CORE_READ(mnt, mnt_instance.next);
		if (BPF_CORE_READ(mnt, mnt_ns) != ns)
			continue;
		vantio_path(&s->path, (__u64)mnt + bpf_core_field_offset(struct mount, mnt), ask->dentry);
		if (s->path.flags & VANTIO_TEXT_NO_PATH)
			continue; /* not below this mount */
		found++;
		if (vantio_rule_path(ask, s, slot, r) == 0 || r->reason == VANTIO_REASON_DENY || r->reason == VANTIO_REASON_PATH)
			return;
		permitted |= r->decision == VANTIO_PERMIT;
	}
	if (at != head) { /* more mounts than are searched: one of them may be denied */
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_PATH);
		return;
	}
	if (!found) {
		vantio_scan(slot, ask->domain, &s->path, &a);
		vantio_same_image(r, &a, 1);
		a.allow_mask = a.deny_mask = 0;
		vantio_take(r, &a, ask->access);
		return;
	}
	if (permitted)
		vantio_rule(r, VANTIO_PERMIT, VANTIO_REASON_ALLOW);
}

__attribute__((noinline)) int vantio_decide_path(struct vantio_ask *ask)
{
	struct vantio_label *label;
	struct vantio_agent *agent;
	struct vantio_control *control;
	struct vantio_scratch *s;
	struct vantio_ruling r = {};
	int i, refuse;

	if (!ask)
		return 1;
	label = vantio_label_current();
	if (!label)
		return 0;
	agent = vantio_agent_get(label->agent);
	control = vantio_control_get();
	if (!agent || !control)
		return vantio_refuse_unrecorded();
	s = vantio_scratch_take();
	if (!s)
		return vantio_refuse_unrecorded();
	vantio_event_begin(s, ask->hook, ask->op, ask->access,
			   ask->domain == VANTIO_DOMAIN_UNIX ? VANTIO_OBJECT_UNIX : VANTIO_OBJECT_PATH);
	vantio_rule(&r, VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
	if (ask->flags & VANTIO_ASK_ANY_MOUNT) {
		vantio_rule_mounts(ask, s, agent->slot, &r);
	} else {
		vantio_path(&s->path, ask->mnt, ask->dentry);
		if (ask->dentry2)
			vantio_path(&s->path2, ask->mnt2, ask->dentry2);
		for (i = 0; i < VANTIO_ATTEMPTS; i++) {
			if (vantio_rule_path(ask, s, agent->slot, &r))
				break;
			vantio_rule(&r, VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
		}
	}
	refuse = vantio_finish(s, &r, label, agent, control, ask->flags);
	vantio_scratch_give(s);
	return refuse;
}

/* Bytes of a key or a name become the text that is scanned: put at its end, as paths are. */
vantio_inline void vantio_text_from_key(struct vantio_text *t, const struct vantio_net_key *key)
{
	__u32 i, n = key->len == 7 ? 7 : VANTIO_NET_KEY_MAX;

	t->off = VANTIO_PATH_MAX - n;
	for (i = 0; i < VANTIO_NET_KEY_MAX; i++)
		if (i < n)
			t->bytes[(t->off + i) & (VANTIO_PATH_MAX - 1)] = key->bytes[i];
}

__attribute__((noinline)) int vantio_decide_net(struct vantio_ask_net *ask)
{
	struct vantio_label *label;
	struct vantio_agent *agent;
	struct vantio_control *control;
	struct vantio_scratch *s;
	struct vantio_ruling r = {};
	struct vantio_answer a = {};
	struct vantio_net_key key;
	int refuse;

	if (!ask)
		return 1;
	label = vantio_label_current();
	if (!label)
		return 0;
	agent = vantio_agent_get(label->agent);
	control = vantio_control_get();
	if (!agent || !control)
		return vantio_refuse_unrecorded();
	s = vantio_scratch_take();
	if (!s)
		return vantio_refuse_unrecorded();
	vantio_event_begin(s, ask->hook, ask->op, ask->access, VANTIO_OBJECT_NET);
	vantio_net_key_build(&key, ask->family4, ask->udp, ask->addr, ask->port, ask->remote);
	vantio_text_from_key(&s->path, &key);
	vantio_scan(agent->slot, VANTIO_DOMAIN_NET, &s->path, &a);
	vantio_same_image(&r, &a, 1);
	vantio_take(&r, &a, ask->access);
	s->path.off = VANTIO_PATH_MAX; /* the event has the address in its own members */
	s->event.family = ask->family4 ? 2 : 10;
	s->event.sock_type = ask->udp ? 2 : 1;
	s->event.sock_proto = ask->udp ? 17 : 6;
	s->event.port = ask->port;
	__builtin_memcpy(s->event.addr, ask->addr, sizeof(s->event.addr));
	refuse = vantio_finish(s, &r, label, agent, control, ask->flags);
	vantio_scratch_give(s);
	return refuse;
}

__attribute__((noinline)) int vantio_decide_abstract(struct vantio_ask_abstract *ask)
{
	struct vantio_label *label;
	struct vantio_agent *agent;
	struct vantio_control *control;
	struct vantio_scratch *s;
	struct vantio_ruling r = {};
	struct vantio_answer a = {};
	__u32 len, off;
	int refuse;

	if (!ask)
		return 1;
	label = vantio_label_current();
	if (!label)
		return 0;
	agent = vantio_agent_get(label->agent);
	control = vantio_control_get();
	if (!agent || !control)
		return vantio_refuse_unrecorded();
	s = vantio_scratch_take();
	if (!s)
		return vantio_refuse_unrecorded();
	vantio_event_begin(s, ask->hook, ask->op, ask->access, VANTIO_OBJECT_UNIX);
	len = ask->len & 127;
	off = VANTIO_PATH_MAX - len;
	if (len && bpf_probe_read_kernel(&s->path.bytes[off & (VANTIO_PATH_MAX - 1)], len, (void *)ask->name))
		s->path.flags = VANTIO_TEXT_FAILED;
	off--;
	s->path.bytes[off & (VANTIO_PATH_MAX - 1)] = '@';
	s->path.off = off;
	vantio_scan(agent->slot, VANTIO_DOMAIN_UNIX, &s->path, &a);
	vantio_same_image(&r, &a, 1);
	vantio_take(&r, &a, ask->access);
	if (s->path.flags)
		vantio_rule(&r, VANTIO_BLOCK, VANTIO_REASON_PATH);
	refuse = vantio_finish(s, &r, label, agent, control, 0);
	vantio_scratch_give(s);
	return refuse;
}

__attribute__((noinline)) int vantio_decide_surface(struct vantio_ask_surface *ask)
{
	struct vantio_label *label;
	struct vantio_agent *agent;
	struct vantio_control *control;
	struct vantio_scratch *s;
	struct vantio_ruling r = {};
	struct vantio_answer a = {};
	int refuse;

	if (!ask)
		return 1;
	label = vantio_label_current();
	if (!label)
		return 0;
	agent = vantio_agent_get(label->agent);
	control = vantio_control_get();
	if (!agent || !control)
		return vantio_refuse_unrecorded();
	s = vantio_scratch_take();
	if (!s)
		return vantio_refuse_unrecorded();
	vantio_event_begin(s, ask->hook, ask->op, 0, VANTIO_OBJECT_TARGET);
	vantio_scan(agent->slot, VANTIO_DOMAIN_NET, &s->path, &a); /* of the empty text: the header is what is asked for */
	vantio_same_image(&r, &a, 1);
	vantio_rule(&r, VANTIO_BLOCK, ask->reason);
	if (ask->flags & VANTIO_ASK_PROTECTED)
		vantio_rule(&r, VANTIO_BLOCK, VANTIO_REASON_PROTECTED);
	else if (a.bad)
		vantio_rule(&r, VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
	else if (ask->reason == VANTIO_REASON_SURFACE && !(a.kernel_deny >> (ask->surface & 31) & 1))
		vantio_rule(&r, VANTIO_PERMIT, ask->reason);
	else if (ask->reason == VANTIO_REASON_FAMILY && a.default_allow)
		vantio_rule(&r, VANTIO_PERMIT, VANTIO_REASON_DEFAULT);
	s->event.surface = ask->surface;
	s->event.family = ask->family;
	s->event.sock_type = ask->type;
	s->event.sock_proto = ask->proto;
	s->event.target = ask->target;
	refuse = vantio_finish(s, &r, label, agent, control, ask->flags);
	vantio_scratch_give(s);
	return refuse;
}

/* ---- programs that user space runs ---- */

/* Puts the staged event of the control plane on the ring, so that it takes its place among the decisions. 0, or 1 if it was lost. */
SEC("syscall")
int vantio_emit_control(void *ctx)
{
	__u32 zero = 0;
	struct vantio_staged *staged = bpf_map_lookup_elem(&vantio_staging, &zero);
	struct vantio_count *count = bpf_map_lookup_elem(&vantio_counts, &zero);
	__u32 size;

	if (!staged || !count)
		return 1;
	staged->event.cpu = bpf_get_smp_processor_id();
	staged->event.mono_ns = bpf_ktime_get_boot_ns();
	staged->event.lost = count->lost;
	size = staged->event.size;
	if (size < sizeof(staged->event) || size > sizeof(*staged))
		return 1;
	if (bpf_ringbuf_output(&vantio_ring, staged, size, 0)) {
		__sync_fetch_and_add(&count->lost, 1);
		return 1;
	}
	__sync_fetch_and_add(&count->emitted, 1);
	return 0;
}

struct vantio_bench_run {
	struct vantio_scratch *scratch;
	__u32 slot, domain;
	struct vantio_answer answer;
};

static long bench_round(__u32 i, struct vantio_bench_run *run)
{
	vantio_scan(run->slot, run->domain, &run->scratch->path, &run->answer);
	return 0;
}

/* The evaluator alone, on a text of the caller's: the cost of a decision without the hook around it. */
SEC("syscall")
int vantio_bench(struct vantio_bench *ctx)
{
	struct vantio_bench_run run = {};
	__u32 i, len = ctx->len & 255;
	__u64 start;

	run.scratch = vantio_scratch_take();
	if (!run.scratch)
		return 1;
	run.scratch->path.off = VANTIO_PATH_MAX - len;
	run.scratch->path.flags = 0;
	for (i = 0; i < 256; i++)
		if (i < len)
			run.scratch->path.bytes[(VANTIO_PATH_MAX - len + i) & (VANTIO_PATH_MAX - 1)] = ctx->text[i];
	run.slot = ctx->slot;
	run.domain = ctx->domain;
	start = bpf_ktime_get_ns();
	bpf_loop(ctx->rounds, bench_round, &run, 0);
	ctx->ns = bpf_ktime_get_ns() - start;
	ctx->allow_mask = run.answer.allow_mask;
	ctx->deny_mask = run.answer.deny_mask;
	vantio_scratch_give(run.scratch);
	return 0;
}
