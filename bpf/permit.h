/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Permits that were given, kept on the inode, so that the same file is not judged again and again; and on a folder's, where the automata
 * of [file] stand behind its path, so that of what lies in it the name alone is read. They hold for the very dentry and mount that they
 * were found for, and only while all that they rest on stands:
 *
 *   - the image (its generation), which also says that nothing is to be recorded;
 *   - the name of every dentry above: rename_lock's sequence, which every rename of any file system raises;
 *   - the place of every mount above: mount_lock's sequence, which mounting, moving and unmounting raise;
 *   - the dentry itself. While it lives it pins those above it. One that is made anew at the same address for the same inode has
 *     passed security_d_instantiate(), where what is kept on the inode is thrown away; so only the inode of the dentry itself keeps
 *     anything (below an overlay it is another).
 *
 * Refusals are not kept, nor are permits that a limit counts; kill switch and quarantine are asked before. Elements are written
 * without a lock: one that two processors wrote at once does not fit its sum.
 */
#ifndef VANTIO_PERMIT_H
#define VANTIO_PERMIT_H

#include "decide.h"

#define VANTIO_PERMIT_JIFFIES 6000 /* 6 to 60 s: long before a sequence can come round again */

struct vantio_permit {
	__u64 dentry, mnt;
	struct vantio_names names;
	__u64 gen;
	__u64 since; /* jiffies */
	__u64 granted;  /* of both domains: vantio_permit_bits(); VANTIO_PERMIT_BELOW: the states are known */
	__u32 allow, deny; /* states behind the folder's path and a '/' */
	__u64 len;         /* of the folder's path */
	__u64 sum;
};

#define VANTIO_PERMIT_BELOW (1u << 16)

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct vantio_permit);
} vantio_permits VANTIO_MAP;

/* 1 if `p` permits what is asked. */
int vantio_permit_holds(struct vantio_permit *p, struct vantio_ask *ask, struct vantio_label *label);
/* Keeps the permit that vantio_decide_path() gave with ask->given. */
int vantio_permit_keep(struct vantio_permit *p, struct vantio_ask *ask);
/* 1 for what no rule speaks of, where nothing else does either: no halt, no limit, no record. */
int vantio_permit_ungoverned(__u32 hook, __u32 op, struct vantio_label *label);
/* 1 if the name alone, in the folder that `p` is of, is permitted what is asked; then ask->given and ask->names are filled. */
int vantio_permit_below(struct vantio_permit *p, struct vantio_ask *ask, struct vantio_label *label);
/* Keeps the states behind the path of the folder that holds ask->dentry. */
int vantio_permit_keep_below(struct vantio_permit *p, struct vantio_ask *ask, struct vantio_label *label);
/* What path names rest on just now, into ask->names. */
int vantio_permit_begin(struct vantio_ask *ask);

/* 1 if an earlier permit answers the question, without looking at ask->flags. */
vantio_inline int vantio_permitted(struct vantio_ask *ask, struct vantio_label *label, struct inode *inode)
{
	struct vantio_permit *p = bpf_inode_storage_get(&vantio_permits, inode, 0, 0);

	return p && vantio_permit_holds(p, ask, label);
}

vantio_inline void vantio_permit_keep_on(struct vantio_ask *ask, struct inode *inode)
{
	struct vantio_permit *p = bpf_inode_storage_get(&vantio_permits, inode, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (p)
		vantio_permit_keep(p, ask);
}

/* vantio_decide_path() for a question whose permit may be kept. */
vantio_inline int vantio_decide_and_keep(struct vantio_ask *ask, struct vantio_label *label, struct inode *inode)
{
	vantio_permit_begin(ask);
	if (vantio_decide_path(ask, label))
		return 1;
	if (ask->given)
		vantio_permit_keep_on(ask, inode);
	return 0;
}

/* vantio_decide_path() for one name in [file], that of something in `folder`. */
vantio_inline int vantio_decide_in(struct vantio_ask *ask, struct vantio_label *label, struct inode *folder)
{
	struct vantio_permit *p = bpf_inode_storage_get(&vantio_permits, folder, 0, 0);

	ask->folder = (__u64)folder;
	if (p && vantio_permit_below(p, ask, label))
		return 0;
	vantio_permit_begin(ask);
	if (vantio_decide_path(ask, label))
		return 1;
	if (!ask->given)
		return 0;
	p = bpf_inode_storage_get(&vantio_permits, folder, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (p)
		vantio_permit_keep_below(p, ask, label);
	return 0;
}

#endif
