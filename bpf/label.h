/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is asking: the label of the thread group, kept on its leader so that one word governs all threads at once. */
#ifndef VANTIO_LABEL_H
#define VANTIO_LABEL_H

#include "kernel.h"
#include "maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define VANTIO_CGROUP_DEPTH 32 /* levels of the cgroup tree that are searched upward */

vantio_inline struct vantio_control *vantio_control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&vantio_control, &zero);
}

vantio_inline struct vantio_agent *vantio_agent_get(__u32 agent)
{
	return bpf_map_lookup_elem(&vantio_agents, &agent);
}

/* A label is void once its agent was removed. */
vantio_inline int vantio_label_valid(const struct vantio_label *label)
{
	const struct vantio_agent *agent = vantio_agent_get(label->agent);

	return agent && agent->state != VANTIO_AGENT_FREE && agent->instance == label->instance;
}

struct vantio_cgroup_search {
	__u64 css; /* struct cgroup_subsys_state * */
	__u64 cgroup_id;
	__u32 agent;
	__u32 pad;
};

static long vantio_cgroup_up(__u32 i, struct vantio_cgroup_search *s)
{
	struct cgroup_subsys_state *css = (void *)s->css;
	struct cgroup *cgrp;
	__u64 id;
	__u32 *agent;

	if (!css)
		return 1;
	cgrp = BPF_CORE_READ(css, cgroup);
	id = BPF_CORE_READ(cgrp, kn, id);
	agent = bpf_map_lookup_elem(&vantio_cgroups, &id);
	if (agent) {
		s->agent = *agent;
		s->cgroup_id = id;
		return 1;
	}
	s->css = (__u64)BPF_CORE_READ(css, parent);
	return 0;
}

/* The agent whose enrolled cgroup holds `task`, in *ret. 0 if there is none. */
vantio_inline int vantio_label_from_cgroup(struct task_struct *task, struct vantio_label *ret)
{
	struct vantio_cgroup_search s = {};
	struct vantio_agent *agent;

	s.css = (__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp);
	if (!s.css)
		return 0;
	/* self is the first member that we read: take its address from the cgroup through CO-RE */
	s.css += bpf_core_field_offset(struct cgroup, self);
	bpf_loop(VANTIO_CGROUP_DEPTH, vantio_cgroup_up, &s, 0);
	if (!s.agent)
		return 0;
	agent = vantio_agent_get(s.agent);
	if (!agent || agent->state == VANTIO_AGENT_FREE)
		return 0;
	ret->agent = s.agent;
	ret->instance = agent->instance;
	ret->trace_id = agent->trace_id;
	ret->cgroup_id = s.cgroup_id;
	return 1;
}

/* Only after a label could not be stored (control.recheck): the cgroup is asked as well. */
static __attribute__((noinline)) struct vantio_label *vantio_label_again(struct task_struct *task)
{
	struct vantio_label fresh = {};

	if (!vantio_label_from_cgroup(task, &fresh))
		return 0;
	return bpf_task_storage_get(&vantio_labels, task->group_leader, &fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/*
 * Before 6.2 a look-up in task storage gives NULL also while another task that was preempted in one holds this CPU's lock, which under
 * full preemption is often. It is certain that there is no label only if the lock was free afterwards and nobody else ran on
 * this CPU meanwhile; else the label is read without the kernel's help.
 */
extern int LINUX_KERNEL_VERSION __kconfig;

#define VANTIO_LOCKLESS_STORAGE ((6 << 16) + (2 << 8))
#define VANTIO_EBUSY 16
#define VANTIO_STORAGES 256 /* task storage maps of all programs on one task */

struct vantio_storage_search {
	__u64 at; /* struct hlist_node * */
	__u32 id; /* of the map */
	__u32 found;
	struct vantio_label label;
};

static long vantio_storage_step(__u32 i, struct vantio_storage_search *s)
{
	struct bpf_local_storage_elem *elem;

	if (!s->at)
		return 1;
	elem = (void *)(s->at - bpf_core_field_offset(struct bpf_local_storage_elem, snode));
	if (BPF_CORE_READ(elem, sdata.smap, map.id) == s->id) {
		s->found = !bpf_probe_read_kernel(&s->label, sizeof(s->label), (void *)elem +
						  bpf_core_field_offset(struct bpf_local_storage_elem, sdata.data));
		return 1;
	}
	s->at = (__u64)BPF_CORE_READ(elem, snode.next);
	return 0;
}

static __attribute__((noinline)) struct vantio_label *vantio_label_read(struct task_struct *task)
{
	struct vantio_storage_search s = { .id = ((struct bpf_map *)&vantio_labels)->id };
	struct vantio_label *copy;

	s.at = (__u64)BPF_CORE_READ(task, group_leader, bpf_storage, list.first);
	bpf_loop(VANTIO_STORAGES, vantio_storage_step, &s, 0);
	if (!s.found)
		return 0;
	copy = bpf_map_lookup_elem(&vantio_copies, &s.label.agent);
	if (copy)
		*copy = s.label;
	return copy;
}

/* The label that `task` itself bears, whoever asks; NULL if there is none. */
vantio_inline struct vantio_label *vantio_label_of(struct task_struct *leader)
{
	struct vantio_label *label = bpf_task_storage_get(&vantio_labels, leader, 0, 0);

	return label || LINUX_KERNEL_VERSION >= VANTIO_LOCKLESS_STORAGE ? label : vantio_label_read(leader);
}

/* The label of the calling thread group, or NULL for a task that is not governed: one look-up in the common case. */
vantio_inline struct vantio_label *vantio_label_current(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct vantio_control *control;
	struct vantio_label *label;
	unsigned long switches = task->nvcsw + task->nivcsw;

	label = bpf_task_storage_get(&vantio_labels, task->group_leader, 0, 0);
	if (!label && LINUX_KERNEL_VERSION < VANTIO_LOCKLESS_STORAGE &&
	    (bpf_task_storage_delete(&vantio_probe, task) == -VANTIO_EBUSY || task->nvcsw + task->nivcsw != switches))
		label = vantio_label_read(bpf_get_current_task_btf());
	if (label)
		return vantio_label_valid(label) ? label : 0;
	control = vantio_control_get();
	if (!control || !control->recheck)
		return 0;
	return vantio_label_again(bpf_get_current_task_btf());
}

#endif
