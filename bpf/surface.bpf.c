// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* [kernel]: surfaces that a governed process has no business with. */
#include "hook.h"

#define PTRACE_MODE_NOAUDIT 0x04

#define KERNEL_READ_MODULE          2 /* enum kernel_read_file_id and kernel_load_data_id */
#define KERNEL_READ_KEXEC_INITRAMFS 4

vantio_inline int ask_surface(struct vantio_label *label, __u8 hook, __u8 op, __u8 surface, __u32 target, __u32 flags)
{
	struct vantio_ask_surface ask = { .hook = hook, .op = op, .surface = surface, .reason = VANTIO_REASON_SURFACE };

	ask.target = target;
	ask.flags = flags;
	return vantio_decide_surface(&ask, label);
}

#define SURFACE(hook, name, target) \
	VANTIO_RETURN(ask_surface(label, VANTIO_HOOK_##hook, VANTIO_OP_##name, VANTIO_SURFACE_##name, target, 0), VANTIO_EPERM)

/* Whether `task` belongs to the same agent as the caller. */
vantio_inline int same_agent(struct vantio_label *label, struct task_struct *task)
{
	struct vantio_label *other;

	other = bpf_task_storage_get(&vantio_labels, task->group_leader, 0, 0);
	return other && label->agent == other->agent && label->instance == other->instance;
}

SEC("lsm/sb_mount")
int BPF_PROG(vantio_sb_mount, const char *dev, const struct path *path, const char *type, unsigned long flags, void *data, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(SB_MOUNT, MOUNT, 0);
}

SEC("lsm/sb_umount")
int BPF_PROG(vantio_sb_umount, struct vfsmount *mnt, int flags, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(SB_UMOUNT, MOUNT, 0);
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(vantio_sb_pivotroot, const struct path *old_path, const struct path *new_path, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(SB_PIVOTROOT, MOUNT, 0);
}

SEC("lsm/move_mount")
int BPF_PROG(vantio_move_mount, const struct path *from, const struct path *to, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(MOVE_MOUNT, MOUNT, 0);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(vantio_ptrace_access, struct task_struct *child, unsigned int mode, int ret)
{
	VANTIO_GUARD(ret);
	if (same_agent(label, child))
		return 0;
	VANTIO_RETURN(ask_surface(label, VANTIO_HOOK_PTRACE_ACCESS, VANTIO_OP_PTRACE, VANTIO_SURFACE_PTRACE, child->tgid,
				  mode & PTRACE_MODE_NOAUDIT ? VANTIO_ASK_SILENT : 0), VANTIO_EPERM);
}

SEC("lsm/ptrace_traceme")
int BPF_PROG(vantio_ptrace_traceme, struct task_struct *parent, int ret)
{
	VANTIO_GUARD(ret);
	if (same_agent(label, parent))
		return 0;
	SURFACE(PTRACE_TRACEME, PTRACE, parent->tgid);
}

SEC("lsm/task_kill")
int BPF_PROG(vantio_task_kill, struct task_struct *task, void *info, int sig, const struct cred *cred, int ret)
{
	VANTIO_GUARD(ret);
	if (!sig || same_agent(label, task))
		return 0;
	SURFACE(TASK_KILL, SIGNAL, task->tgid);
}

SEC("lsm/bpf")
int BPF_PROG(vantio_bpf_syscall, int cmd, void *attr, unsigned int size, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(BPF, BPF, cmd);
}

/* init_module(2) and kexec_load(2); firmware and the like are the kernel's own business. */
SEC("lsm/kernel_load_data")
int BPF_PROG(vantio_kernel_load_data, int id, bool contents, int ret)
{
	VANTIO_GUARD(ret);
	if (id < KERNEL_READ_MODULE || id > KERNEL_READ_KEXEC_INITRAMFS)
		return 0;
	SURFACE(KERNEL_MODULE, MODULE, id);
}

/* finit_module(2) and kexec_file_load(2) */
SEC("lsm/kernel_read_file")
int BPF_PROG(vantio_kernel_read_file, struct file *file, int id, bool contents, int ret)
{
	VANTIO_GUARD(ret);
	if (id < KERNEL_READ_MODULE || id > KERNEL_READ_KEXEC_INITRAMFS)
		return 0;
	SURFACE(KERNEL_READ_FILE, MODULE, id);
}

SEC("lsm/userns_create")
int BPF_PROG(vantio_userns_create, const struct cred *cred, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(USERNS_CREATE, USERNS, 0);
}

/* io_uring_setup(2) makes an anonymous inode of this name: the one hook that sees it on these kernels. */
SEC("lsm/inode_init_security_anon")
int BPF_PROG(vantio_inode_init_anon, struct inode *inode, const struct qstr *name, const struct inode *context, int ret)
{
	static const char io_uring[] = "[io_uring]";
	char text[12] = {};
	int i;

	VANTIO_GUARD(ret);
	if (bpf_probe_read_kernel_str(text, sizeof(text), BPF_CORE_READ(name, name)) < 0)
		return -VANTIO_EPERM;
	for (i = 0; i < (int)sizeof(io_uring) - 1; i++)
		if (text[i] != io_uring[i])
			return 0;
	SURFACE(INODE_INIT_ANON, IO_URING, 0);
}

SEC("lsm/perf_event_open")
int BPF_PROG(vantio_perf_event_open, void *attr, int type, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(PERF_OPEN, PERF, type);
}

/* The same where the hook is not given the attributes (6.12's later stable releases); the loader picks one. */
SEC("lsm/perf_event_open")
int BPF_PROG(vantio_perf_event_open_type, int type, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(PERF_OPEN, PERF, type);
}

SEC("lsm/key_permission")
int BPF_PROG(vantio_key_permission, void *key_ref, const struct cred *cred, int perm, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(KEY_PERMISSION, KEYRING, perm);
}

SEC("lsm/key_alloc")
int BPF_PROG(vantio_key_alloc, void *key, const struct cred *cred, unsigned long flags, int ret)
{
	VANTIO_GUARD(ret);
	SURFACE(KEY_ALLOC, KEYRING, 0);
}

char vantio_license[] SEC("license") __attribute__((weak)) = "Dual BSD/GPL";
