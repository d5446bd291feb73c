// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How the kernel calls the inode behind a descriptor, as the hooks see it: user space is told numbers of another kind (btrfs, overlayfs). */
#include "hook.h"

SEC("syscall")
int vantio_inode_of(struct vantio_inode_query *q)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **slots = BPF_CORE_READ(table, fd), *file = 0;
	struct inode *inode;
	__u32 fd = q->fd;

	q->found = 0;
	if (fd >= BPF_CORE_READ(table, max_fds) || bpf_probe_read_kernel(&file, sizeof(file), slots + fd) || !file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	if (!inode)
		return 0;
	q->ino = BPF_CORE_READ(inode, i_ino);
	q->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	q->generation = BPF_CORE_READ(inode, i_generation);
	q->found = 1;
	return 0;
}

char vantio_license[] SEC("license") __attribute__((weak)) = "Dual BSD/GPL";
