/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a decision to an event on the ring buffer. A reserve that fails is counted on its CPU and never silent. */
#ifndef VANTIO_EMIT_H
#define VANTIO_EMIT_H

#include "path.h"
#include "repeat.h"
#include "ruling.h"

vantio_inline __u32 vantio_text_len(const struct vantio_text *t)
{
	return t->off < VANTIO_PATH_MAX ? VANTIO_PATH_MAX - t->off : 0;
}

#define VANTIO_TS_COMPAT 0x2 /* x86: the task is in a 32-bit system call */

vantio_inline void vantio_event_registers(struct vantio_event *e, struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	if (!regs)
		return;
#if defined(__TARGET_ARCH_x86)
	if (BPF_CORE_READ(task, thread_info.status) & VANTIO_TS_COMPAT) { /* its number is one of another table: none is given */
		e->args[0] = (__u32)BPF_CORE_READ(regs, bx);
		e->args[1] = (__u32)BPF_CORE_READ(regs, cx);
		e->args[2] = (__u32)BPF_CORE_READ(regs, dx);
		e->args[3] = (__u32)BPF_CORE_READ(regs, si);
		e->args[4] = (__u32)BPF_CORE_READ(regs, di);
		e->args[5] = (__u32)BPF_CORE_READ(regs, bp);
		return;
	}
	e->syscall_nr = BPF_CORE_READ(regs, orig_ax);
	e->args[0] = BPF_CORE_READ(regs, di);
	e->args[1] = BPF_CORE_READ(regs, si);
	e->args[2] = BPF_CORE_READ(regs, dx);
	e->args[3] = BPF_CORE_READ(regs, r10);
	e->args[4] = BPF_CORE_READ(regs, r8);
	e->args[5] = BPF_CORE_READ(regs, r9);
#elif defined(__TARGET_ARCH_arm64)
	e->syscall_nr = BPF_CORE_READ(regs, syscallno);
	e->args[0] = BPF_CORE_READ(regs, regs[0]);
	e->args[1] = BPF_CORE_READ(regs, regs[1]);
	e->args[2] = BPF_CORE_READ(regs, regs[2]);
	e->args[3] = BPF_CORE_READ(regs, regs[3]);
	e->args[4] = BPF_CORE_READ(regs, regs[4]);
	e->args[5] = BPF_CORE_READ(regs, regs[5]);
#endif
}

/* When, and for which agent; the decision itself is already in the event. */
vantio_inline void vantio_event_time(struct vantio_event *e, const struct vantio_label *label, const struct vantio_agent *agent)
{
	e->version = VANTIO_ABI_VERSION;
	e->cpu = bpf_get_smp_processor_id();
	e->mono_ns = bpf_ktime_get_boot_ns();
	e->trace_id = label->trace_id;
	e->agent = label->agent;
	e->instance = label->instance;
	e->slot = agent->slot;
	e->count = 1;
	e->syscall_nr = -1;
	__builtin_memcpy(e->agent_name, agent->name, sizeof(e->agent_name));
}

/* Who called. */
vantio_inline void vantio_event_subject(struct vantio_scratch *s, int in_task)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct vantio_event *e = &s->event;
	__u64 id = bpf_get_current_pid_tgid(), ugid = bpf_get_current_uid_gid();
	struct file *exe;

	e->cgroup_id = bpf_get_current_cgroup_id();
	e->pid = id >> 32;
	e->tid = (__u32)id;
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->uid = (__u32)ugid;
	e->gid = ugid >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	s->exe.off = VANTIO_PATH_MAX;
	if (!in_task)
		return;
	vantio_event_registers(e, task);
	exe = BPF_CORE_READ(task, mm, exe_file);
	if (exe)
		vantio_path(&s->exe, (__u64)BPF_CORE_READ(exe, f_path.mnt), (__u64)BPF_CORE_READ(exe, f_path.dentry));
	if (s->exe.flags & (VANTIO_TEXT_NO_PATH | VANTIO_TEXT_FAILED))
		s->exe.off = VANTIO_PATH_MAX;
}

vantio_inline void vantio_emit_text(struct bpf_dynptr *ptr, __u32 *at, const struct vantio_text *t, __u32 len)
{
	len &= VANTIO_PATH_MAX - 1;
	bpf_dynptr_write(ptr, *at, (void *)&t->bytes[t->off & (VANTIO_PATH_MAX - 1)], len, 0);
	*at += len;
}

/* What the texts weigh, once all of them are there. */
vantio_inline void vantio_event_measure(struct vantio_scratch *s)
{
	struct vantio_event *e = &s->event;

	e->path_len = vantio_text_len(&s->path);
	e->path2_len = vantio_text_len(&s->path2);
	e->exe_len = vantio_text_len(&s->exe);
	e->size = sizeof(*e) + e->path_len + e->path2_len + e->exe_len;
}

/* 0, or -1 when the event was lost. */
vantio_inline int vantio_emit(struct vantio_scratch *s)
{
	struct vantio_counts *counts = vantio_counts_get();
	struct vantio_event *e = &s->event;
	struct bpf_dynptr ptr;
	__u32 at = sizeof(*e);

	if (!counts)
		return -1;
	e->lost = counts->lost;
	if (bpf_ringbuf_reserve_dynptr(&vantio_ring, e->size, 0, &ptr)) {
		bpf_ringbuf_discard_dynptr(&ptr, 0);
		vantio_count_lost(counts, VANTIO_LOSS_RING, e->count);
		return -1;
	}
	bpf_dynptr_write(&ptr, 0, e, sizeof(*e), 0);
	vantio_emit_text(&ptr, &at, &s->path, e->path_len);
	vantio_emit_text(&ptr, &at, &s->path2, e->path2_len);
	vantio_emit_text(&ptr, &at, &s->exe, e->exe_len);
	bpf_ringbuf_submit_dynptr(&ptr, 0);
	vantio_count_told(counts, e->count);
	return 0;
}

#endif
