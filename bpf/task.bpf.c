// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Identity: children inherit the label, cgroups give it, and nothing that a task can do takes it away. */
#include "permit.h"
#include "hook.h"

#define CLONE_THREAD 0x00010000

/* A process is not made if its label cannot be. */
SEC("lsm/task_alloc")
int BPF_PROG(vantio_task_alloc, struct task_struct *task, unsigned long clone_flags, int ret)
{
	struct vantio_ask_surface ask = { .hook = VANTIO_HOOK_TASK_ALLOC, .op = VANTIO_OP_FORK, .reason = VANTIO_REASON_UNGOVERNED };
	struct vantio_label *label, *child;

	if (ret)
		return ret;
	label = vantio_label_current();
	if (!label)
		return 0;
	if (clone_flags & CLONE_THREAD) /* threads share their leader's */
		return vantio_halted(label) && vantio_decide_surface(&ask, label) ? -VANTIO_EACCES : 0;
	if (!vantio_permit_ungoverned(ask.hook, ask.op, label) && vantio_decide_surface(&ask, label)) /* the kill switch, and [limits]: nothing else governs a fork */
		return -VANTIO_EACCES;
	child = bpf_task_storage_get(&vantio_labels, task, label, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!child)
		return -VANTIO_EACCES;
	*child = *label;
	return 0;
}

/* A label that could not be stored where nothing can be refused: from now on unlabelled tasks are looked up by cgroup. */
vantio_inline void label_lost(void)
{
	struct vantio_control *control = vantio_control_get();

	if (control)
		control->recheck = 1;
}

vantio_inline void label_by_cgroup(struct task_struct *leader)
{
	struct vantio_label fresh = {}, *label;

	label = vantio_label_of(leader);
	if (label && vantio_label_valid(label))
		return; /* the first agent keeps its processes wherever they go */
	if (!vantio_label_from_cgroup(leader, &fresh))
		return;
	label = bpf_task_storage_get(&vantio_labels, leader, &fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (label)
		*label = fresh;
	else
		label_lost();
}

/* CLONE_INTO_CGROUP: a child of nobody's that is born in an enrolled cgroup, before it first runs. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(vantio_fork, struct task_struct *parent, struct task_struct *child)
{
	if (child->pid != child->tgid || BPF_CORE_READ(parent, cgroups, dfl_cgrp) == BPF_CORE_READ(child, cgroups, dfl_cgrp))
		return 0;
	label_by_cgroup(child);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(vantio_cgroup_attach, struct cgroup *cgrp, const char *path, struct task_struct *task, bool threadgroup)
{
	label_by_cgroup(task->group_leader);
	return 0;
}

/* Lists the governed thread groups, wherever they have gone. Without a task at the end of the list. */
SEC("iter/task")
int vantio_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct vantio_task out = {};
	struct vantio_label *label;

	if (!task || task->pid != task->tgid)
		return 0;
	label = vantio_label_of(task);
	if (!label || !vantio_label_valid(label))
		return 0;
	out.pid = task->tgid;
	out.agent = label->agent;
	out.instance = label->instance;
	out.trace_id = label->trace_id;
	out.uid = BPF_CORE_READ(task, cred, uid.val);
	out.cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	BPF_CORE_READ_STR_INTO(&out.comm, task, comm);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

char vantio_license[] SEC("license") __attribute__((weak)) = "Dual BSD/GPL";
