// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * decide(): kill switch, quarantine, then policy; then the event. Each question looks at one policy image: answers carry the
 * image's generation, and a question whose answers come from two images is asked again, so that no decision sees half of a push.
 */
#include "decide.h"
#include "emit.h"
#include "limit.h"
#include "match.h"

char vantio_license[] SEC("license") = "Dual BSD/GPL";

#define VANTIO_ATTEMPTS 3  /* of a question that a push overtakes */
#define VANTIO_PATH_ATTEMPTS 16 /* at a path whose own names change meanwhile */
#define VANTIO_MOUNTS   16384 /* mounts of one file system, in all namespaces, that are searched for a name */

/* ---- global functions: checked once by the verifier, called from every hook ---- */

__attribute__((noinline)) int vantio_scan(__u32 slot, __u32 domain, struct vantio_text *text, struct vantio_answer *a)
{
	const struct vantio_page *first;
	void *image;

	if (!text || !a)
		return 1;
	a->bad = 1;
	first = vantio_image_get(slot, &image);
	if (first)
		vantio_scan_image(image, first, domain, text, a);
	return 0;
}

/* The same of no text in particular. */
__attribute__((noinline)) int vantio_scan_nothing(__u32 slot, __u32 domain, struct vantio_answer *a)
{
	const struct vantio_image_header *h;

	if (!a)
		return 1;
	a->bad = 1;
	h = vantio_image_get(slot, 0);
	if (h)
		vantio_scan_header(h, domain, a);
	return 0;
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

/* ---- a decision ---- */

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
vantio_inline int vantio_rule_second(struct vantio_ask *ask, struct vantio_scratch *s, __u32 slot)
{
	struct vantio_answer *from = &s->from, *to = &s->to;
	struct vantio_ruling *r = &s->ruling;

	if (s->path2.flags) {
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_PATH);
		return 1;
	}
	vantio_scan(slot, VANTIO_DOMAIN_FILE, &s->path2, to);
	if (!vantio_same_image(r, to, 0))
		return 0;
	vantio_take(r, to, ask->access);
	if (r->decision != VANTIO_PERMIT || !(ask->flags & VANTIO_ASK_MOVES))
		return 1;
	if (vantio_gains(from, to, VANTIO_ACCESS_READ | VANTIO_ACCESS_WRITE, ask->flags)) {
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_ESCALATE);
		return 1;
	}
	vantio_scan(slot, VANTIO_DOMAIN_EXEC, &s->path, from);
	vantio_scan(slot, VANTIO_DOMAIN_EXEC, &s->path2, to);
	if (!vantio_same_image(r, from, 0) || !vantio_same_image(r, to, 0))
		return 0;
	if (vantio_gains(from, to, VANTIO_ACCESS_EXEC, ask->flags)) {
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_ESCALATE);
		return 1;
	}
	if (!(ask->flags & VANTIO_ASK_SOCKET))
		return 1;
	vantio_scan(slot, VANTIO_DOMAIN_UNIX, &s->path, from);
	vantio_scan(slot, VANTIO_DOMAIN_UNIX, &s->path2, to);
	if (!vantio_same_image(r, from, 0) || !vantio_same_image(r, to, 0))
		return 0;
	if (vantio_gains(from, to, VANTIO_ACCESS_CONNECT, ask->flags))
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_ESCALATE);
	return 1;
}

/* Judges the paths that were built into the scratch. 0 when a push came between the answers. */
__attribute__((noinline)) int vantio_rule_path(struct vantio_ask *ask, struct vantio_scratch *s, __u32 slot)
{
	struct vantio_answer *a;
	struct vantio_ruling *r;

	if (!ask || !s)
		return 0;
	a = &s->from;
	r = &s->ruling;
	vantio_scan(slot, ask->domain, &s->path, a);
	vantio_same_image(r, a, 1);
	if (ask->flags & VANTIO_ASK_PROTECTED) {
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_PROTECTED);
		return 1;
	}
	if (s->path.flags & VANTIO_TEXT_FAILED) {
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_PATH);
		return 1;
	}
	if (s->path.flags & VANTIO_TEXT_NO_PATH) /* matches nothing */
		a->allow_mask = a->deny_mask = 0;
	else if ((s->path.flags & VANTIO_TEXT_UNLINKED) && ask->domain == VANTIO_DOMAIN_EXEC)
		a->allow_mask = 0;
	vantio_take(r, a, ask->access);
	/* No rule of [file] can name a pipe or a memfd, and to reach one takes a descriptor: only [exec] has a say. */
	if ((s->path.flags & VANTIO_TEXT_NO_PATH) && ask->domain == VANTIO_DOMAIN_FILE && !a->bad)
		vantio_rule(r, VANTIO_PERMIT, VANTIO_REASON_DEFAULT);
	if (r->decision != VANTIO_PERMIT || !ask->dentry2)
		return 1;
	return vantio_rule_second(ask, s, slot);
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

/* Records what is to be recorded; 1 if the operation is refused. */
vantio_inline int vantio_conclude_event(struct vantio_scratch *s, struct vantio_label *label, __u32 ask_flags, int in_task)
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
	if (!halted)
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
	vantio_event_subject(s, label, agent, in_task);
	if (vantio_emit(s) && (r->flags & VANTIO_IMAGE_LOSS_BLOCK) && !audit)
		refuse = 1;
	return refuse;
}

__attribute__((noinline)) int vantio_finish(struct vantio_scratch *s, struct vantio_label *label, __u32 ask_flags)
{
	return s && label ? vantio_conclude_event(s, label, ask_flags, 1) : 1;
}

/* Cgroup programs may not read the caller's registers. */
__attribute__((noinline)) int vantio_finish_cgroup(struct vantio_scratch *s, struct vantio_label *label, __u32 ask_flags)
{
	return s && label ? vantio_conclude_event(s, label, ask_flags, 0) : 1;
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
	__builtin_memset(&s->ruling, 0, sizeof(s->ruling));
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
struct vantio_mounts {
	struct vantio_ask *ask;
	struct vantio_scratch *scratch;
	__u32 slot;
	__u8 denied;
	__u8 borrowed; /* the caller acts with credentials that are not its own, as below an overlay */
	__u8 internal; /* and the file system is one that the kernel has mounted for itself */
	__u8 torn; /* a push came between the answers */
	__u64 gen; /* that the first name was judged by */
};

static long vantio_rule_mount(__u32 i, struct vantio_mounts *m)
{
	struct vantio_scratch *s = m->scratch;
	struct mount *mnt;

	if (s->mount_at == s->mount_head || !s->mount_at) /* 0: the list changed under us */
		return 1;
	mnt = (void *)(s->mount_at - bpf_core_field_offset(struct mount, mnt_instance));
	s->mount_at = (__u64)BPF_CORE_READ(mnt, mnt_instance.next);
	if (m->borrowed && vantio_is_internal(mnt))
		m->internal = 1;
	if ((__u64)BPF_CORE_READ(mnt, mnt_ns) != s->mount_ns)
		return 0;
	vantio_path(&s->path, (__u64)mnt + bpf_core_field_offset(struct mount, mnt), m->ask->dentry);
	if (s->path.flags & (VANTIO_TEXT_NO_PATH | VANTIO_TEXT_FAILED))
		return 0; /* not below this mount */
	if (!vantio_rule_path(m->ask, s, m->slot) || (s->mount_found && s->ruling.gen != m->gen)) {
		m->torn = 1;
		return 1;
	}
	s->mount_found = 1;
	m->gen = s->ruling.gen;
	if (s->ruling.decision == VANTIO_PERMIT)
		s->mount_permitted = 1;
	else if (s->ruling.reason != VANTIO_REASON_DEFAULT)
		m->denied = 1;
	return m->denied ? 1 : 0;
}

__attribute__((noinline)) int vantio_rule_mounts(struct vantio_ask *ask, struct vantio_scratch *s, __u32 slot)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct vantio_mounts m = {};
	struct list_head *head;
	struct dentry *dentry;

	if (!ask || !s)
		return 0;
	dentry = (void *)ask->dentry;
	m.ask = ask;
	m.scratch = s;
	m.slot = slot;
	m.borrowed = BPF_CORE_READ(task, cred) != BPF_CORE_READ(task, real_cred);
	s->mount_found = s->mount_permitted = 0;
	s->mount_ns = (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
	head = (void *)BPF_CORE_READ(dentry, d_sb) + bpf_core_field_offset(struct super_block, s_mounts);
	s->mount_head = (__u64)head;
	s->mount_at = (__u64)BPF_CORE_READ(head, next);
	bpf_loop(VANTIO_MOUNTS, vantio_rule_mount, &m, 0);
	if (m.torn)
		return 0;
	if (m.internal) { /* a layer of an overlay, whose own object was judged */
		vantio_rule(&s->ruling, VANTIO_PERMIT, VANTIO_REASON_ALLOW);
		return 1;
	}
	if (!s->mount_found) { /* memfd and the like have no name; others have one that is not here, or too long */
		s->path.flags = vantio_is_pseudo(dentry) ? VANTIO_TEXT_NO_PATH : VANTIO_TEXT_FAILED;
		return vantio_rule_path(ask, s, slot);
	}
	if (m.denied)
		return 1;
	if (s->mount_at != s->mount_head) /* not all were seen: one of them may be denied */
		vantio_rule(&s->ruling, VANTIO_BLOCK, VANTIO_REASON_PATH);
	else if (s->mount_permitted)
		vantio_rule(&s->ruling, VANTIO_PERMIT, VANTIO_REASON_ALLOW);
	return 1;
}

__attribute__((noinline)) int vantio_decide_path(struct vantio_ask *ask, struct vantio_label *label)
{
	struct vantio_agent *agent;
	struct vantio_scratch *s;
	struct vantio_ruling *r;
	int i, refuse;

	if (!ask || !label)
		return 1;
	agent = vantio_agent_get(label->agent);
	if (!agent)
		return vantio_refuse_unrecorded();
	s = vantio_scratch_take();
	if (!s)
		return vantio_refuse_unrecorded();
	r = &s->ruling;
	vantio_event_begin(s, ask->hook, ask->op, ask->access,
			   ask->domain == VANTIO_DOMAIN_UNIX ? VANTIO_OBJECT_UNIX : VANTIO_OBJECT_PATH);
	vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
	if (!(ask->flags & VANTIO_ASK_ANY_MOUNT)) {
		vantio_path(&s->path, ask->mnt, ask->dentry);
		if (ask->dentry2)
			vantio_path(&s->path2, ask->mnt2, ask->dentry2);
	}
	if (s->path.flags & VANTIO_TEXT_INTERNAL) {
		vantio_scratch_give(s);
		return 0;
	}
	for (i = 0; i < VANTIO_ATTEMPTS; i++) {
		if (ask->flags & VANTIO_ASK_ANY_MOUNT ? vantio_rule_mounts(ask, s, agent->slot) :
							vantio_rule_path(ask, s, agent->slot))
			break;
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
	}
	refuse = vantio_finish(s, label, ask->flags);
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

/* Judges an address, or with VANTIO_ASK_BOTH the one that it stands for too. 0 when a push came between the answers. */
__attribute__((noinline)) int vantio_rule_net(struct vantio_ask_net *ask, struct vantio_scratch *s, __u32 slot)
{
	struct vantio_ruling *r;
	struct vantio_net_key key;

	if (!ask || !s)
		return 0;
	r = &s->ruling;
	vantio_net_key_build(&key, ask->family4, ask->udp, ask->addr, ask->port, ask->remote);
	vantio_text_from_key(&s->path, &key);
	vantio_scan(slot, VANTIO_DOMAIN_NET, &s->path, &s->from);
	vantio_same_image(r, &s->from, 1);
	vantio_take(r, &s->from, ask->access);
	s->event.family = ask->family4 ? 2 : 10;
	if (r->decision != VANTIO_PERMIT || !(ask->flags & VANTIO_ASK_BOTH))
		return 1;
	vantio_net_key_build(&key, 1, ask->udp, ask->addr, ask->port, ask->remote);
	vantio_text_from_key(&s->path, &key);
	vantio_scan(slot, VANTIO_DOMAIN_NET, &s->path, &s->to);
	if (!vantio_same_image(r, &s->to, 0))
		return 0;
	vantio_take(r, &s->to, ask->access);
	if (r->decision != VANTIO_PERMIT)
		s->event.family = 2; /* the rule is that of 0.0.0.0 */
	return 1;
}

vantio_inline int vantio_judge_net(struct vantio_ask_net *ask, struct vantio_label *label, int in_task)
{
	struct vantio_agent *agent;
	struct vantio_scratch *s;
	struct vantio_ruling *r;
	int i, refuse;

	if (!ask || !label)
		return 1;
	agent = vantio_agent_get(label->agent);
	if (!agent)
		return vantio_refuse_unrecorded();
	s = vantio_scratch_take();
	if (!s)
		return vantio_refuse_unrecorded();
	r = &s->ruling;
	vantio_event_begin(s, ask->hook, ask->op, ask->access, VANTIO_OBJECT_NET);
	for (i = 0; i < VANTIO_ATTEMPTS; i++) {
		if (vantio_rule_net(ask, s, agent->slot))
			break;
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
	}
	s->path.off = VANTIO_PATH_MAX; /* the event has the address in its own members */
	s->event.sock_type = ask->udp ? 2 : 1;
	s->event.sock_proto = ask->udp ? 17 : 6;
	s->event.port = ask->port;
	__builtin_memcpy(s->event.addr, ask->addr, sizeof(s->event.addr));
	refuse = in_task ? vantio_finish(s, label, ask->flags) : vantio_finish_cgroup(s, label, ask->flags);
	vantio_scratch_give(s);
	return refuse;
}

__attribute__((noinline)) int vantio_decide_net(struct vantio_ask_net *ask, struct vantio_label *label)
{
	return vantio_judge_net(ask, label, 1);
}

/* Cgroup programs may not read the caller's registers or memory map. */
__attribute__((noinline)) int vantio_decide_net_cgroup(struct vantio_ask_net *ask, struct vantio_label *label)
{
	return vantio_judge_net(ask, label, 0);
}

__attribute__((noinline)) int vantio_decide_abstract(struct vantio_ask_abstract *ask, struct vantio_label *label)
{
	struct vantio_agent *agent;
	struct vantio_scratch *s;
	struct vantio_ruling *r;
	struct vantio_answer *a;
	__u32 len, off;
	int refuse;

	if (!ask || !label)
		return 1;
	agent = vantio_agent_get(label->agent);
	if (!agent)
		return vantio_refuse_unrecorded();
	s = vantio_scratch_take();
	if (!s)
		return vantio_refuse_unrecorded();
	r = &s->ruling;
	a = &s->from;
	vantio_event_begin(s, ask->hook, ask->op, ask->access, VANTIO_OBJECT_UNIX);
	len = ask->len & 127;
	off = VANTIO_PATH_MAX - len;
	if (len && bpf_probe_read_kernel(&s->path.bytes[off & (VANTIO_PATH_MAX - 1)], len, (void *)ask->name))
		s->path.flags = VANTIO_TEXT_FAILED;
	off--;
	s->path.bytes[off & (VANTIO_PATH_MAX - 1)] = '@';
	s->path.off = off;
	vantio_scan(agent->slot, VANTIO_DOMAIN_UNIX, &s->path, a);
	vantio_same_image(r, a, 1);
	vantio_take(r, a, ask->access);
	if (s->path.flags)
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_PATH);
	refuse = vantio_finish(s, label, 0);
	vantio_scratch_give(s);
	return refuse;
}

__attribute__((noinline)) int vantio_decide_surface(struct vantio_ask_surface *ask, struct vantio_label *label)
{
	struct vantio_agent *agent;
	struct vantio_scratch *s;
	struct vantio_ruling *r;
	struct vantio_answer *a;
	int refuse;

	if (!ask || !label)
		return 1;
	agent = vantio_agent_get(label->agent);
	if (!agent)
		return vantio_refuse_unrecorded();
	s = vantio_scratch_take();
	if (!s)
		return vantio_refuse_unrecorded();
	r = &s->ruling;
	a = &s->from;
	vantio_event_begin(s, ask->hook, ask->op, 0, VANTIO_OBJECT_TARGET);
	vantio_scan_nothing(agent->slot, VANTIO_DOMAIN_NET, a);
	vantio_same_image(r, a, 1);
	vantio_rule(r, VANTIO_BLOCK, ask->reason);
	if (ask->flags & VANTIO_ASK_PROTECTED)
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_PROTECTED);
	else if (a->bad)
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
	else if (ask->reason == VANTIO_REASON_UNGOVERNED)
		vantio_rule(r, VANTIO_PERMIT, ask->reason);
	else if (ask->reason == VANTIO_REASON_SURFACE && !(a->kernel_deny >> (ask->surface & 31) & 1))
		vantio_rule(r, VANTIO_PERMIT, ask->reason);
	else if (ask->reason == VANTIO_REASON_FAMILY && a->default_allow)
		vantio_rule(r, VANTIO_PERMIT, VANTIO_REASON_DEFAULT);
	s->event.surface = ask->surface;
	s->event.family = ask->family;
	s->event.sock_type = ask->type;
	s->event.sock_proto = ask->proto;
	s->event.target = ask->target;
	refuse = vantio_finish(s, label, ask->flags);
	vantio_scratch_give(s);
	return refuse;
}

/* ---- programs that user space runs ---- */

/* Puts the staged event of the control plane on the ring, so that it takes its place among the decisions. 0, or 1 if it was lost. */
SEC("syscall")
int vantio_emit_control(void *ctx)
{
	__u32 zero = 0;
	struct vantio_control_event *staged = bpf_map_lookup_elem(&vantio_staging, &zero);
	struct vantio_count *count = bpf_map_lookup_elem(&vantio_counts, &zero);
	__u32 size;

	if (!staged || !count || !bpf_map_lookup_elem(&vantio_accounted, &zero))
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
