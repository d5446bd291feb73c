// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* [file]: opening, and every operation that changes a name, an object's content or its attributes. */
#include "permit.h"
#include "hook.h"

#define FMODE_READ  0x1
#define FMODE_WRITE 0x2
#define FMODE_CREATED 0x100000
#define FMODE_EXEC  0x20 /* in f_flags: __FMODE_EXEC, set by the kernel's own opens for execve(2) */
#define O_TRUNC     01000

#define ATTR_ATIME     (1 << 4)
#define ATTR_MTIME     (1 << 5)
#define ATTR_ATIME_SET (1 << 7)
#define ATTR_MTIME_SET (1 << 8)
#define ATTR_OPEN      (1 << 15)
#define ATTR_TIMES     (ATTR_ATIME | ATTR_MTIME | ATTR_ATIME_SET | ATTR_MTIME_SET)
#define ATTR_OTHERS    ((1 << 0) | (1 << 1) | (1 << 2) | (1 << 3)) /* mode, uid, gid, size: path_* hooks judge them */

#define RENAME_EXCHANGE 2

#define TIOCSTI   0x5412
#define TIOCLINUX 0x541c
#define FIOSETOWN 0x8901
#define SIOCSPGRP 0x8902

#define FS_IOC_SETFLAGS    0x40086602
#define FS_IOC32_SETFLAGS  0x40046602
#define FS_IOC_FSSETXATTR  0x401c5820

/* Through a descriptor for reading: FS_IOC_SETVERSION, FS_IOC_ENABLE_VERITY, FS_IOC_SET_ENCRYPTION_POLICY; ext4's own in its old and new sizes. */
#define FS_IOC_SETVERSION          0x40087602
#define FS_IOC32_SETVERSION        0x40047602
#define EXT4_IOC_SETVERSION        0x40086604
#define EXT4_IOC32_SETVERSION      0x40046604
#define EXT4_IOC_MIGRATE           0x6609
#define EXT4_IOC_SWAP_BOOT         0x6611
#define FS_IOC_SET_ENCRYPTION_POLICY 0x800c6613
#define FS_IOC_ENABLE_VERITY       0x40806685

/* Of a whole file system, whose records may be the ledger's. */
#define FIFREEZE        0xc0045877
#define FITHAW          0xc0045878
#define FS_IOC_SHUTDOWN 0x8004587d

#define NSFS_NEXT 0xb70b /* NS_MNT_GET_NEXT and NS_MNT_GET_PREV of any size: a mount namespace of nobody knows whom */
#define NSFS_PREV 0xb70c

vantio_inline int ask_path(struct vantio_label *label, __u8 hook, __u8 op, __u8 access, struct vfsmount *mnt, struct dentry *dentry)
{
	struct vantio_ask ask = { .hook = hook, .op = op, .domain = VANTIO_DOMAIN_FILE, .access = access };

	ask.mnt = (__u64)mnt;
	ask.dentry = (__u64)dentry;
	ask.flags = vantio_protection(dentry->d_sb, access);
	return vantio_decide_path(&ask, label);
}

/* The same of a name in the folder `dir`. */
vantio_inline int ask_in(struct vantio_label *label, __u8 hook, __u8 op, const struct path *dir, struct dentry *dentry)
{
	struct vantio_ask ask = { .hook = hook, .op = op, .domain = VANTIO_DOMAIN_FILE, .access = VANTIO_ACCESS_WRITE };

	ask.mnt = (__u64)dir->mnt;
	ask.dentry = (__u64)dentry;
	ask.flags = vantio_protection(dentry->d_sb, VANTIO_ACCESS_WRITE);
	return vantio_decide_in(&ask, label, dir->dentry->d_inode);
}

vantio_inline int ask_write(struct vantio_label *label, __u8 hook, __u8 op, struct vfsmount *mnt, struct dentry *dentry)
{
	return ask_path(label, hook, op, VANTIO_ACCESS_WRITE, mnt, dentry);
}

SEC("lsm/file_open")
int BPF_PROG(vantio_file_open, struct file *file, int ret)
{
	struct vantio_ask ask = { .hook = VANTIO_HOOK_FILE_OPEN, .domain = VANTIO_DOMAIN_FILE };
	__u32 mode;

	VANTIO_GUARD(ret);
	ask.mnt = (__u64)file->f_path.mnt;
	ask.dentry = (__u64)file->f_path.dentry;
	ask.inode = (__u64)file->f_inode;
	if (file->f_flags & FMODE_EXEC) {
		ask.op = VANTIO_OP_EXEC;
		ask.domain = VANTIO_DOMAIN_EXEC;
		ask.access = VANTIO_ACCESS_EXEC;
		ask.flags = VANTIO_ASK_QUIET; /* bprm_check_security and mmap_file record the permit */
		if (vantio_permitted(&ask, label, file->f_inode))
			return 0;
		VANTIO_RETURN(vantio_decide_and_keep(&ask, label, file->f_inode), VANTIO_EACCES);
	}
	/* Below all files, and whatever name it has: the disk. */
	if ((file->f_inode->i_mode & VANTIO_S_IFMT) == VANTIO_S_IFBLK &&
	    vantio_ask_surface(label, VANTIO_HOOK_FILE_OPEN, VANTIO_OP_MOUNT, VANTIO_SURFACE_MOUNT, 0, 0))
		return -VANTIO_EACCES;
	mode = file->f_mode;
	ask.op = mode & FMODE_WRITE || file->f_flags & O_TRUNC ? VANTIO_OP_WRITE : VANTIO_OP_READ;
	ask.access = ask.op == VANTIO_OP_WRITE ? VANTIO_ACCESS_WRITE : VANTIO_ACCESS_READ;
	if (mode & FMODE_READ)
		ask.access |= VANTIO_ACCESS_READ;
	if (vantio_permitted(&ask, label, file->f_inode))
		return 0;
	ask.flags = vantio_protection(file->f_inode->i_sb, ask.access);
	if (vantio_decide_in(&ask, label, file->f_path.dentry->d_parent->d_inode))
		return -VANTIO_EACCES;
	if (ask.given && !(mode & FMODE_CREATED)) /* many that are created do not live long */
		vantio_permit_keep_on(&ask, file->f_inode);
	return 0;
}

SEC("lsm/path_mknod")
int BPF_PROG(vantio_path_mknod, const struct path *dir, struct dentry *dentry, unsigned short mode, unsigned int dev, int ret)
{
	struct vantio_ask ask = { .hook = VANTIO_HOOK_PATH_MKNOD };

	VANTIO_GUARD(ret);
	ask.mnt = (__u64)dir->mnt;
	ask.dentry = (__u64)dentry;
	if ((mode & VANTIO_S_IFMT) == VANTIO_S_IFSOCK) { /* bind(2) of a socket file: [network] alone decides */
		ask.op = VANTIO_OP_BIND;
		ask.domain = VANTIO_DOMAIN_UNIX;
		ask.access = VANTIO_ACCESS_LISTEN;
		VANTIO_RETURN(vantio_decide_path(&ask, label), VANTIO_EACCES);
	}
	/* A device node is a name for what lies below every file: the disk, the memory. Number 0 is that of a whiteout. */
	if (((mode & VANTIO_S_IFMT) == VANTIO_S_IFBLK || (mode & VANTIO_S_IFMT) == VANTIO_S_IFCHR) && dev &&
	    vantio_ask_surface(label, VANTIO_HOOK_PATH_MKNOD, VANTIO_OP_MOUNT, VANTIO_SURFACE_MOUNT, dev, 0))
		return -VANTIO_EPERM;
	ask.op = (mode & VANTIO_S_IFMT) == 0100000 || !(mode & VANTIO_S_IFMT) ? VANTIO_OP_CREATE : VANTIO_OP_MKNOD;
	ask.domain = VANTIO_DOMAIN_FILE;
	ask.access = VANTIO_ACCESS_WRITE;
	ask.flags = vantio_protection(dentry->d_sb, VANTIO_ACCESS_WRITE);
	VANTIO_RETURN(vantio_decide_in(&ask, label, dir->dentry->d_inode), VANTIO_EACCES);
}

SEC("lsm/path_unlink")
int BPF_PROG(vantio_path_unlink, const struct path *dir, struct dentry *dentry, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_in(label, VANTIO_HOOK_PATH_UNLINK, VANTIO_OP_UNLINK, dir, dentry), VANTIO_EACCES);
}

SEC("lsm/path_mkdir")
int BPF_PROG(vantio_path_mkdir, const struct path *dir, struct dentry *dentry, unsigned short mode, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_in(label, VANTIO_HOOK_PATH_MKDIR, VANTIO_OP_MKDIR, dir, dentry), VANTIO_EACCES);
}

SEC("lsm/path_rmdir")
int BPF_PROG(vantio_path_rmdir, const struct path *dir, struct dentry *dentry, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_in(label, VANTIO_HOOK_PATH_RMDIR, VANTIO_OP_RMDIR, dir, dentry), VANTIO_EACCES);
}

SEC("lsm/path_symlink")
int BPF_PROG(vantio_path_symlink, const struct path *dir, struct dentry *dentry, const char *old_name, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_in(label, VANTIO_HOOK_PATH_SYMLINK, VANTIO_OP_SYMLINK, dir, dentry), VANTIO_EACCES);
}

vantio_inline __u32 kind_of(struct dentry *dentry)
{
	switch (BPF_CORE_READ(dentry, d_inode, i_mode) & VANTIO_S_IFMT) {
	case VANTIO_S_IFDIR:
		return VANTIO_ASK_FOLDER | VANTIO_ASK_SOCKET;
	case VANTIO_S_IFSOCK:
		return VANTIO_ASK_SOCKET;
	default:
		return 0;
	}
}

SEC("lsm/path_rename")
int BPF_PROG(vantio_path_rename, const struct path *old_dir, struct dentry *old_dentry, const struct path *new_dir,
	     struct dentry *new_dentry, unsigned int flags, int ret)
{
	struct vantio_ask ask = { .hook = VANTIO_HOOK_PATH_RENAME, .op = VANTIO_OP_RENAME, .domain = VANTIO_DOMAIN_FILE,
				  .access = VANTIO_ACCESS_WRITE, .flags = VANTIO_ASK_MOVES };

	VANTIO_GUARD(ret);
	ask.mnt = (__u64)old_dir->mnt;
	ask.dentry = (__u64)old_dentry;
	ask.mnt2 = (__u64)new_dir->mnt;
	ask.dentry2 = (__u64)new_dentry;
	ask.flags |= vantio_protection(old_dentry->d_sb, VANTIO_ACCESS_WRITE);
	ask.flags |= kind_of(old_dentry);
	if (flags & RENAME_EXCHANGE)
		ask.flags |= VANTIO_ASK_EXCHANGE | kind_of(new_dentry);
	VANTIO_RETURN(vantio_decide_path(&ask, label), VANTIO_EACCES);
}

SEC("lsm/path_link")
int BPF_PROG(vantio_path_link, struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry, int ret)
{
	struct vantio_ask ask = { .hook = VANTIO_HOOK_PATH_LINK, .op = VANTIO_OP_LINK, .domain = VANTIO_DOMAIN_FILE,
				  .access = VANTIO_ACCESS_WRITE, .flags = VANTIO_ASK_MOVES };

	VANTIO_GUARD(ret);
	ask.mnt = ask.mnt2 = (__u64)new_dir->mnt; /* link(2) stays within one mount */
	ask.dentry = (__u64)old_dentry;
	ask.dentry2 = (__u64)new_dentry;
	ask.flags |= vantio_protection(old_dentry->d_sb, VANTIO_ACCESS_WRITE) | kind_of(old_dentry);
	VANTIO_RETURN(vantio_decide_path(&ask, label), VANTIO_EACCES);
}

SEC("lsm/path_truncate")
int BPF_PROG(vantio_path_truncate, const struct path *path, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_write(label, VANTIO_HOOK_PATH_TRUNCATE, VANTIO_OP_TRUNCATE, path->mnt,
				path->dentry), VANTIO_EACCES);
}

/* ftruncate(2) where it is a hook of its own (6.2 and later). */
SEC("lsm/file_truncate")
int BPF_PROG(vantio_file_truncate, struct file *file, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_write(label, VANTIO_HOOK_FILE_TRUNCATE, VANTIO_OP_TRUNCATE, file->f_path.mnt,
				file->f_path.dentry), VANTIO_EACCES);
}

SEC("lsm/path_chmod")
int BPF_PROG(vantio_path_chmod, const struct path *path, unsigned short mode, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_write(label, VANTIO_HOOK_PATH_CHMOD, VANTIO_OP_CHMOD, path->mnt,
				path->dentry), VANTIO_EACCES);
}

SEC("lsm/path_chown")
int BPF_PROG(vantio_path_chown, const struct path *path, unsigned int uid, unsigned int gid, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_write(label, VANTIO_HOOK_PATH_CHOWN, VANTIO_OP_CHOWN, path->mnt,
				path->dentry), VANTIO_EACCES);
}

/* ---- hooks that know no mount ---- */

vantio_inline int ask_dentry(struct vantio_label *label, __u8 hook, __u8 op, struct dentry *dentry)
{
	struct vantio_ask ask = { .hook = hook, .op = op, .domain = VANTIO_DOMAIN_FILE, .access = VANTIO_ACCESS_WRITE,
				  .flags = VANTIO_ASK_ANY_MOUNT };

	ask.dentry = (__u64)dentry;
	ask.flags |= vantio_protection(dentry->d_sb, VANTIO_ACCESS_WRITE);
	return vantio_decide_path(&ask, label);
}

/* utimensat(2) and its kin. Mode, owner and size have path hooks of their own. */
vantio_inline int setattr(struct vantio_label *label, struct dentry *dentry, struct iattr *attr)
{
	__u32 valid = attr->ia_valid;

	if (!(valid & ATTR_TIMES) || (valid & (ATTR_OTHERS | ATTR_OPEN)))
		return 0;
	return ask_dentry(label, VANTIO_HOOK_INODE_SETATTR, VANTIO_OP_UTIMES, dentry);
}

SEC("lsm/inode_setattr")
int BPF_PROG(vantio_inode_setattr, struct dentry *dentry, struct iattr *attr, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(setattr(label, dentry, attr), VANTIO_EACCES);
}

/* The same where the hook is given the mount's id map first (6.3 and later); the loader picks one. */
SEC("lsm/inode_setattr")
int BPF_PROG(vantio_inode_setattr_idmap, void *idmap, struct dentry *dentry, struct iattr *attr, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(setattr(label, dentry, attr), VANTIO_EACCES);
}

SEC("lsm/inode_setxattr")
int BPF_PROG(vantio_inode_setxattr, void *idmap, struct dentry *dentry, const char *name, const void *value,
	     unsigned long size, int flags, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_dentry(label, VANTIO_HOOK_INODE_SETXATTR, VANTIO_OP_SETXATTR, dentry), VANTIO_EACCES);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(vantio_inode_removexattr, void *idmap, struct dentry *dentry, const char *name, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_dentry(label, VANTIO_HOOK_INODE_REMOVEXATTR, VANTIO_OP_REMOVEXATTR, dentry), VANTIO_EACCES);
}

/* POSIX ACLs left the xattr hooks in 6.2. */
SEC("lsm/inode_set_acl")
int BPF_PROG(vantio_inode_set_acl, void *idmap, struct dentry *dentry, const char *name, void *acl, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_dentry(label, VANTIO_HOOK_INODE_SET_ACL, VANTIO_OP_SETXATTR, dentry), VANTIO_EACCES);
}

SEC("lsm/inode_remove_acl")
int BPF_PROG(vantio_inode_remove_acl, void *idmap, struct dentry *dentry, const char *name, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_dentry(label, VANTIO_HOOK_INODE_REMOVE_ACL, VANTIO_OP_REMOVEXATTR, dentry), VANTIO_EACCES);
}

vantio_inline int sets_attributes(unsigned int cmd)
{
	switch (cmd) {
	case FS_IOC_SETFLAGS:
	case FS_IOC32_SETFLAGS:
	case FS_IOC_FSSETXATTR:
	case FS_IOC_SETVERSION:
	case FS_IOC32_SETVERSION:
	case EXT4_IOC_SETVERSION:
	case EXT4_IOC32_SETVERSION:
	case EXT4_IOC_MIGRATE:
	case EXT4_IOC_SWAP_BOOT:
	case FS_IOC_SET_ENCRYPTION_POLICY:
	case FS_IOC_ENABLE_VERITY:
		return 1;
	default:
		return 0;
	}
}

vantio_inline int ask_ioctl(struct vantio_label *label, struct file *file, unsigned int cmd)
{
	/* What is put into a terminal's input is read by whoever shares it; the owner of a socket is signalled. */
	if (cmd == TIOCSTI || cmd == TIOCLINUX || cmd == FIOSETOWN || cmd == SIOCSPGRP)
		return vantio_ask_surface(label, VANTIO_HOOK_FILE_IOCTL, VANTIO_OP_SIGNAL, VANTIO_SURFACE_SIGNAL, cmd, 0);
	if (cmd == FIFREEZE || cmd == FITHAW || cmd == FS_IOC_SHUTDOWN)
		return vantio_ask_surface(label, VANTIO_HOOK_FILE_IOCTL, VANTIO_OP_MOUNT, VANTIO_SURFACE_MOUNT, cmd, 0);
	if ((cmd & 0xffff) == NSFS_NEXT || (cmd & 0xffff) == NSFS_PREV)
		return vantio_ask_surface(label, VANTIO_HOOK_FILE_IOCTL, VANTIO_OP_PTRACE, VANTIO_SURFACE_PTRACE, 0, 0);
	if (!sets_attributes(cmd))
		return 0;
	return ask_write(label, VANTIO_HOOK_FILE_IOCTL, VANTIO_OP_SETFLAGS, file->f_path.mnt,
			 file->f_path.dentry);
}

SEC("lsm/file_ioctl")
int BPF_PROG(vantio_file_ioctl, struct file *file, unsigned int cmd, unsigned long arg, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_ioctl(label, file, cmd), VANTIO_EACCES);
}

/* 32-bit callers, where that is a hook of its own (6.8 and later). */
SEC("lsm/file_ioctl_compat")
int BPF_PROG(vantio_file_ioctl_compat, struct file *file, unsigned int cmd, unsigned long arg, int ret)
{
	VANTIO_GUARD(ret);
	VANTIO_RETURN(ask_ioctl(label, file, cmd), VANTIO_EACCES);
}

char vantio_license[] SEC("license") __attribute__((weak)) = "Dual BSD/GPL";
