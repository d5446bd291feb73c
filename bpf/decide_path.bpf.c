// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions about paths: one name, two names of a rename or a link, or every name that an object has in the caller's mounts. */
#include "path.h"
#include "ruling.h"

#define VANTIO_MOUNTS 16384 /* mounts of one file system, in all namespaces, that are searched for a name */

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

/* An object that is denied whatever its name. 0 when a push came between. */
vantio_inline int vantio_rule_held(struct vantio_ask *ask, struct vantio_scratch *s, __u32 slot, __u64 dentry, __u64 inode)
{
	int rule;

	if (!(s->ruling.flags & VANTIO_IMAGE_HELD) || ask->domain > VANTIO_DOMAIN_EXEC || s->ruling.decision != VANTIO_PERMIT)
		return 1;
	if (!inode)
		inode = (__u64)BPF_CORE_READ((struct dentry *)dentry, d_inode);
	rule = vantio_held_by(slot, inode, ask->domain, s->ruling.gen);
	if (rule < 0)
		return 0;
	if (rule) {
		vantio_rule(&s->ruling, VANTIO_BLOCK, VANTIO_REASON_DENY);
		s->event.target = rule;
	}
	return 1;
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
	if (!vantio_rule_held(ask, s, slot, ask->dentry, ask->inode))
		return 0;
	if (r->decision != VANTIO_PERMIT || !ask->dentry2)
		return 1;
	if (!vantio_rule_second(ask, s, slot))
		return 0;
	return vantio_rule_held(ask, s, slot, ask->dentry2, 0);
}

/* A file below an overlay, whose own name was judged there: only its inode has a say. 0 when a push came between. */
__attribute__((noinline)) int vantio_rule_below(struct vantio_ask *ask, struct vantio_scratch *s, __u32 slot)
{
	struct vantio_answer *a;

	if (!ask || !s)
		return 0;
	a = &s->from;
	vantio_scan_nothing(slot, ask->domain, a);
	vantio_same_image(&s->ruling, a, 1);
	vantio_rule(&s->ruling, a->bad ? VANTIO_BLOCK : VANTIO_PERMIT, a->bad ? VANTIO_REASON_LOOKUP : VANTIO_REASON_ALLOW);
	return vantio_rule_held(ask, s, slot, ask->dentry, ask->inode);
}

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
	if (m.internal) /* a layer of an overlay, whose own object was judged */
		return vantio_rule_below(ask, s, slot);
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
	struct vantio_scratch *s;
	int i, internal;

	if (!ask || !label)
		return 1;
	s = vantio_begin(label, ask->hook, ask->op, ask->access,
			 ask->domain == VANTIO_DOMAIN_UNIX ? VANTIO_OBJECT_UNIX : VANTIO_OBJECT_PATH);
	if (!s)
		return vantio_refuse_unrecorded(label->agent);
	if (!(ask->flags & VANTIO_ASK_ANY_MOUNT)) {
		vantio_path(&s->path, ask->mnt, ask->dentry);
		if (ask->dentry2)
			vantio_path(&s->path2, ask->mnt2, ask->dentry2);
	}
	internal = s->path.flags & VANTIO_TEXT_INTERNAL;
	for (i = 0; i < VANTIO_ATTEMPTS; i++) {
		if (internal ? vantio_rule_below(ask, s, s->event.slot) :
		    ask->flags & VANTIO_ASK_ANY_MOUNT ? vantio_rule_mounts(ask, s, s->event.slot) :
							vantio_rule_path(ask, s, s->event.slot))
			break;
		vantio_rule(&s->ruling, VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
	}
	if (internal && s->ruling.decision == VANTIO_PERMIT) { /* recorded above the overlay, where it was judged */
		vantio_scratch_give(s);
		return 0;
	}
	if (s->ruling.decision == VANTIO_PERMIT && !(s->ruling.flags & (VANTIO_IMAGE_AUDIT | VANTIO_IMAGE_RECORD_ALL)) && !s->path.flags && !ask->dentry2 && !(ask->flags & VANTIO_ASK_ANY_MOUNT))
		ask->given = s->ruling.gen;
	return vantio_end(s, label, ask->flags);
}

char vantio_license[] SEC("license") __attribute__((weak)) = "Dual BSD/GPL";
