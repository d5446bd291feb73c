/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The path of the object that the kernel is about to use, seen from the root of the mount namespace: dentries and mounts are
 * walked upward and each name is put before the last. Chroots, symlinks and descriptors change nothing about it.
 * Serves every hook, also those from which bpf_d_path() may not be called. After dentry_path() and d_path() of fs/d_path.c.
 */
#ifndef VANTIO_PATH_H
#define VANTIO_PATH_H

#include "label.h"
#include "scratch.h"

#define VANTIO_PATH_STEPS 4200 /* components and mounts on the way up: more than 4,095 bytes can name */

extern const void rename_lock __ksym __attribute__((weak));
extern const void mount_lock __ksym __attribute__((weak));

struct vantio_climb {
	__u64 dentry, mnt; /* struct dentry *, struct mount * */
	__u64 root;        /* of the mount: struct dentry * */
	struct vantio_text *text;
	__u64 chain;  /* of every dentry, its sequence and every mount that was met; 0: not kept */
	__u32 done;   /* VANTIO_CLIMB_* */
	__u32 moving; /* one of them was being renamed */
};

#define VANTIO_CLIMB_ROOT   1
#define VANTIO_CLIMB_FAILED 2
#define VANTIO_CLIMB_NONE   3
#define VANTIO_CLIMB_INTERNAL 4

#define VANTIO_SB_NOUSER (1ul << 31) /* pipefs, sockfs, memfd's shmem: nobody mounts these */

vantio_inline int vantio_is_pseudo(struct dentry *dentry)
{
	return (BPF_CORE_READ(dentry, d_sb, s_flags) & VANTIO_SB_NOUSER) != 0;
}

/* MNT_NS_INTERNAL: an error pointer */
vantio_inline int vantio_is_internal(struct mount *mnt)
{
	return (__u64)BPF_CORE_READ(mnt, mnt_ns) >= (__u64)-4095;
}

/* A namespace that nobody lives in: of a tree that was taken off, or never put on (open_tree). */
vantio_inline int vantio_is_anonymous(struct mnt_namespace *ns)
{
	struct ns_common___numbered *numbered = (void *)&ns->ns;

	if (bpf_core_field_exists(ns->seq))
		return !BPF_CORE_READ(ns, seq);
	return !BPF_CORE_READ(numbered, ns_id);
}

vantio_inline void vantio_climb_mount(struct vantio_climb *c)
{
	struct mount *mnt = (void *)c->mnt, *parent;
	struct mnt_namespace *ns;

	parent = BPF_CORE_READ(mnt, mnt_parent);
	if (parent != mnt) {
		c->dentry = (__u64)BPF_CORE_READ(mnt, mnt_mountpoint);
		c->mnt = (__u64)parent;
		c->root = (__u64)BPF_CORE_READ(parent, mnt.mnt_root);
		return;
	}
	/*
	 * The top. Objects of pipefs, memfd and the like have no path. A mount that the kernel cloned for itself (MNT_NS_INTERNAL:
	 * the layers of an overlay) is out of anybody's reach. A tree that was taken off, or never put on (open_tree), has names that
	 * nobody can vouch for.
	 */
	ns = BPF_CORE_READ(mnt, mnt_ns);
	if (vantio_is_pseudo((struct dentry *)c->dentry))
		c->done = VANTIO_CLIMB_NONE;
	else if (vantio_is_internal(mnt))
		c->done = VANTIO_CLIMB_INTERNAL;
	else if (!ns || vantio_is_anonymous(ns))
		c->done = VANTIO_CLIMB_FAILED;
	else
		c->done = VANTIO_CLIMB_ROOT;
}

/* A dentry's place: what lies side by side in it. */
struct vantio_place {
	__u64 parent; /* struct dentry * */
	__u32 hash, len;
	__u64 name;
};

/* 0 if it could be read, at once where the kernel's members lie as ours. */
vantio_inline long vantio_place_read(struct vantio_place *p, struct dentry *dentry)
{
	const __u32 at = bpf_core_field_offset(struct dentry, d_parent);

	if (bpf_core_field_offset(struct dentry, d_name.len) == at + 12 && bpf_core_field_offset(struct dentry, d_name.name) == at + 16)
		return bpf_probe_read_kernel(p, sizeof(*p), (void *)dentry + at);
	p->parent = (__u64)BPF_CORE_READ(dentry, d_parent);
	p->len = BPF_CORE_READ(dentry, d_name.len);
	p->name = (__u64)BPF_CORE_READ(dentry, d_name.name);
	return 0;
}

vantio_inline void vantio_climb_name(struct vantio_climb *c, const struct vantio_place *p)
{
	struct vantio_text *t = c->text;
	const void *name = (void *)p->name;
	__u32 len = p->len;
	__u32 off = t->off;

	if (len == 0 || len > 255 || off < len + 2 || off > VANTIO_PATH_MAX) {
		c->done = VANTIO_CLIMB_FAILED;
		return;
	}
	off -= len;
	if (bpf_probe_read_kernel(&t->bytes[off & (VANTIO_PATH_MAX - 1)], len & 255, name)) {
		c->done = VANTIO_CLIMB_FAILED;
		return;
	}
	off--;
	t->bytes[off & (VANTIO_PATH_MAX - 1)] = '/';
	t->off = off;
}

/* Read behind the name and the parent: what two walks have both read, neither of which saw it change, was there all the time. */
vantio_inline void vantio_climb_note(struct vantio_climb *c, struct dentry *dentry)
{
	__u32 seq = BPF_CORE_READ(dentry, d_seq.seqcount.sequence);

	c->moving |= seq & 1;
	c->chain = (c->chain ^ (__u64)dentry) * 0x9e3779b97f4a7c15ull;
	c->chain = (c->chain ^ c->mnt) * 0x9e3779b97f4a7c15ull;
	c->chain = (c->chain ^ seq) * 0x9e3779b97f4a7c15ull | 1;
}

static long vantio_climb_step(__u32 i, struct vantio_climb *c)
{
	struct dentry *dentry = (void *)c->dentry;
	struct mount *mnt = (void *)c->mnt;
	struct vantio_place place;

	if (!dentry || !mnt) {
		c->done = VANTIO_CLIMB_FAILED;
		return 1;
	}
	if (c->dentry == c->root) {
		vantio_climb_mount(c);
		return c->done != 0;
	}
	if (vantio_place_read(&place, dentry)) {
		c->done = VANTIO_CLIMB_FAILED;
		return 1;
	}
	if (place.parent == c->dentry) {
		/* the file system's root without having met the mount's: outside of what is mounted, or found by its handle */
		c->done = vantio_is_pseudo(dentry) ? VANTIO_CLIMB_NONE :
			  vantio_is_internal(mnt)   ? VANTIO_CLIMB_INTERNAL :
						      VANTIO_CLIMB_FAILED;
		return 1;
	}
	vantio_climb_name(c, &place);
	if (c->chain)
		vantio_climb_note(c, dentry);
	c->dentry = place.parent;
	return c->done != 0;
}

vantio_inline __u32 vantio_rename_seq(void)
{
	__u32 seq = 0;

	if (&rename_lock)
		bpf_probe_read_kernel(&seq, sizeof(seq), &rename_lock);
	return seq;
}

/* Raised by whatever mounts, moves or unmounts. */
vantio_inline __u32 vantio_mount_seq(void)
{
	__u32 seq = 0;

	if (&mount_lock)
		bpf_probe_read_kernel(&seq, sizeof(seq), &mount_lock);
	return seq;
}

/* An object whose name is gone: deleted, or O_TMPFILE. One that has no inode yet is only being made. */
vantio_inline int vantio_is_unlinked(struct dentry *dentry)
{
	return !BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_inode) && BPF_CORE_READ(dentry, d_parent) != dentry;
}

/*
 * One attempt at the path of (mnt, dentry): 0 if the tree of names may have changed meanwhile. That nothing at all was renamed, which
 * rename_lock tells, is enough. Where something was, and this is not the first attempt, it is enough that the last walk met the
 * same dentries, mounts and sequences (d_seq, which __d_move() raises), so that renames elsewhere cannot refuse anything here.
 */
vantio_inline int vantio_path_attempt(struct vantio_text *text, __u64 mnt, __u64 dentry, int first)
{
	struct vantio_climb c = { .text = text, .dentry = dentry, .chain = !first };
	__u32 seq = vantio_rename_seq();
	__u64 last = text->chain;

	text->off = VANTIO_PATH_MAX;
	text->flags = 0;
	c.mnt = mnt - bpf_core_field_offset(struct mount, mnt);
	c.root = (__u64)BPF_CORE_READ((struct vfsmount *)mnt, mnt_root);
	bpf_loop(VANTIO_PATH_STEPS, vantio_climb_step, &c, 0);
	text->chain = first || c.moving ? 0 : c.chain;
	if (((seq & 1) || seq != vantio_rename_seq()) && (!text->chain || text->chain != last)) {
		text->flags = VANTIO_TEXT_FAILED;
		return 0;
	}
	if (vantio_is_unlinked((struct dentry *)dentry))
		text->flags = VANTIO_TEXT_UNLINKED;
	if (c.done == VANTIO_CLIMB_NONE)
		text->flags = VANTIO_TEXT_NO_PATH;
	else if (c.done == VANTIO_CLIMB_INTERNAL)
		text->flags = VANTIO_TEXT_INTERNAL;
	else if (c.done != VANTIO_CLIMB_ROOT)
		text->flags = VANTIO_TEXT_FAILED;
	else if (text->off >= VANTIO_PATH_MAX) {
		text->off = VANTIO_PATH_MAX - 1;
		text->bytes[VANTIO_PATH_MAX - 1] = '/';
	}
	return 1;
}

#endif
