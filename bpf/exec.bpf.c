// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* [exec]: the file, its interpreter (the kernel asks for each), and every executable mapping of a file. */
#include "permit.h"
#include "hook.h"

#define PROT_EXEC 0x4
#define VM_EXEC   0x4

vantio_inline int ask_exec(struct vantio_label *label, __u8 hook, __u8 op, struct file *file)
{
	struct vantio_ask ask = { .hook = hook, .op = op, .domain = VANTIO_DOMAIN_EXEC, .access = VANTIO_ACCESS_EXEC };

	ask.mnt = (__u64)file->f_path.mnt;
	ask.dentry = (__u64)file->f_path.dentry;
	ask.inode = (__u64)file->f_inode;
	return vantio_permitted(&ask, label, file->f_inode) ? 0 : vantio_decide_and_keep(&ask, label, file->f_inode);
}

/*
 * A thread that is not the leader becomes one by execve(2), and the old leader's label goes with it: the label is
 * put on the thread first, and without it the program does not start.
 */
vantio_inline int carry_label(struct vantio_label *label)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct vantio_label *own;

	if (task->pid == task->tgid)
		return 0;
	own = bpf_task_storage_get(&vantio_labels, task, label, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!own)
		return 1;
	*own = *label;
	return 0;
}

SEC("lsm/bprm_check_security")
int BPF_PROG(vantio_bprm_check, struct linux_binprm *bprm, int ret)
{
	VANTIO_GUARD(ret);
	if (carry_label(label))
		return -VANTIO_EACCES;
	VANTIO_RETURN(ask_exec(label, VANTIO_HOOK_BPRM_CHECK, VANTIO_OP_EXEC, bprm->file), VANTIO_EACCES);
}

SEC("lsm/mmap_file")
int BPF_PROG(vantio_mmap_file, struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags, int ret)
{
	if (ret)
		return ret;
	if (!file || !((prot | reqprot) & PROT_EXEC))
		return 0;
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_exec(label, VANTIO_HOOK_MMAP_FILE, VANTIO_OP_MMAP_EXEC, file), VANTIO_EACCES);
}

SEC("lsm/file_mprotect")
int BPF_PROG(vantio_file_mprotect, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot, int ret)
{
	struct file *file;

	if (ret)
		return ret;
	if (!((prot | reqprot) & PROT_EXEC) || (vma->vm_flags & VM_EXEC))
		return 0;
	file = vma->vm_file;
	if (!file)
		return 0;
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_exec(label, VANTIO_HOOK_FILE_MPROTECT, VANTIO_OP_MMAP_EXEC, file), VANTIO_EACCES);
}

char vantio_license[] SEC("license") __attribute__((weak)) = "Dual BSD/GPL";
