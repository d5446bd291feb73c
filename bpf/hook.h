/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every hook begins and ends with. A hook honours an earlier program's refusal and leaves at once for a task without a label. */
#ifndef VANTIO_HOOK_H
#define VANTIO_HOOK_H

#include "decide.h"

/* Declares `label`, the caller's. */
#define VANTIO_GUARD(ret)                                        \
	struct vantio_label *label;                              \
	if (ret)                                                 \
		return ret;                                      \
	label = vantio_label_current();                          \
	if (!label)                                              \
		return 0

/* Whether the caller's agent is halted: asked by hooks that have nothing to ask of the policy. */
vantio_inline int vantio_halted(const struct vantio_label *label)
{
	struct vantio_control *control = vantio_control_get();
	struct vantio_agent *agent = vantio_agent_get(label->agent);

	return !control || !agent || control->kill_all || agent->state != VANTIO_AGENT_ENROLLED;
}

/* Spelt so that the verifier sees the two values a hook may return. */
#define VANTIO_RETURN(refuse, errno) return (refuse) ? -(errno) : 0

#define VANTIO_S_IFMT   0170000
#define VANTIO_S_IFDIR  0040000
#define VANTIO_S_IFSOCK 0140000
#define VANTIO_S_IFCHR  0020000
#define VANTIO_S_IFBLK  0060000

#define VANTIO_CGROUP2_MAGIC 0x63677270
#define VANTIO_BPF_FS_MAGIC  0xcafe4a11

/* Objects that govern the caller: everything on bpffs, and writing to the cgroup tree. */
vantio_inline __u32 vantio_protection(struct super_block *sb, __u8 access)
{
	__u64 magic = sb->s_magic;

	if (magic == VANTIO_BPF_FS_MAGIC)
		return VANTIO_ASK_PROTECTED;
	if (magic == VANTIO_CGROUP2_MAGIC && (access & VANTIO_ACCESS_WRITE))
		return VANTIO_ASK_PROTECTED;
	return 0;
}

vantio_inline int vantio_ask_surface(struct vantio_label *label, __u8 hook, __u8 op, __u8 surface, __u32 target, __u32 flags)
{
	struct vantio_ask_surface ask = { .hook = hook, .op = op, .surface = surface, .reason = VANTIO_REASON_SURFACE };

	ask.target = target;
	ask.flags = flags;
	return vantio_decide_surface(&ask, label);
}

/* Whether `task` belongs to the same agent as the caller. */
vantio_inline int vantio_same_agent(struct vantio_label *label, struct task_struct *task)
{
	struct vantio_label *other;

	other = vantio_label_of(task->group_leader);
	return other && label->agent == other->agent && label->instance == other->instance;
}

#endif
