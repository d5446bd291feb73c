/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a hook hands to decide(): facts, gathered and not judged. The vantio_decide_*() functions look up, evaluate, emit and
 * return 0 (go on) or 1 (refuse). They are global functions, so that the verifier checks each once a program.
 */
#ifndef VANTIO_DECIDE_H
#define VANTIO_DECIDE_H

#include "label.h"

#define VANTIO_EPERM  1
#define VANTIO_EACCES 13

#define VANTIO_ASK_EXCHANGE  0x01u /* rename: both names change places */
#define VANTIO_ASK_MOVES     0x02u /* rename, link: the object may not gain access under its new name */
#define VANTIO_ASK_FOLDER    0x04u /* the object that moves is a folder: everything below moves along */
#define VANTIO_ASK_QUIET     0x08u /* a permit was or will be recorded by another hook of the same operation */
#define VANTIO_ASK_ANY_MOUNT 0x10u /* the hook knows no mount: any name of the object in this mount namespace */
#define VANTIO_ASK_PROTECTED 0x20u /* the object governs the caller: refused whatever the policy says */
#define VANTIO_ASK_SOCKET    0x80u /* the object that moves is a socket, or a folder that may hold some */
#define VANTIO_ASK_SILENT    0x40u /* refuse without a record (a probe that the kernel itself asks not to audit) */
#define VANTIO_ASK_BOTH      0x80u /* an unspecified IPv6 address that stands for the IPv4 one too: both must be allowed */

/* What the names of a path rest on: sequences of the kernel's locks. */
struct vantio_names {
	__u32 renames, mounts;
};

/* One question about one object, or about two names. */
struct vantio_ask {
	__u8 hook, op, domain, access;
	__u32 flags; /* VANTIO_ASK_* */
	__u64 mnt, dentry;   /* struct vfsmount *, struct dentry * */
	__u64 mnt2, dentry2; /* the new name of rename and link; 0 otherwise */
	__u64 inode;  /* struct inode *, where it is not the dentry's: a file below an overlay */
	__u64 folder; /* struct inode * of the parent, for permit.h */
	struct vantio_names names; /* when the question was asked: permit.h */
	__u64 given; /* out: the generation that permits it, where nothing was recorded and the path alone decided; else 0 */
};

/* An address. */
struct vantio_ask_net {
	__u8 hook, op, access, udp;
	__u8 family4, remote;
	__u16 port; /* host order */
	__u8 addr[16] __attribute__((aligned(8)));
	__u32 flags;
};

/* A surface of [kernel], or a socket family. */
struct vantio_ask_surface {
	__u8 hook, op, surface, reason; /* reason: VANTIO_REASON_SURFACE or VANTIO_REASON_FAMILY */
	__u16 family, type;
	__u32 proto;
	__u32 target; /* pid of the task that is reached for, or a command number */
	__u32 flags;
};

/* An abstract unix socket: '@' and the name. A pathname socket is a vantio_ask with domain UNIX. */
struct vantio_ask_abstract {
	__u8 hook, op, access, pad;
	__u32 len; /* of the name, without '@' */
	__u64 name; /* kernel address of its first byte */
};

struct vantio_text;
struct vantio_answer;
struct vantio_scratch;

/* What the image in force for `slot` says about `text`. Returns 0; a->bad is set where nothing can be said. */
int vantio_scan(__u32 slot, __u32 domain, struct vantio_text *text, struct vantio_answer *a);

/* Judges an address, or with VANTIO_ASK_BOTH the one that it stands for too. 0 when a push came between the answers. */
int vantio_rule_net(struct vantio_ask_net *ask, struct vantio_scratch *s, __u32 slot);

/* `label` is the caller's: never NULL. */
int vantio_decide_path(struct vantio_ask *ask, struct vantio_label *label);
int vantio_decide_net(struct vantio_ask_net *ask, struct vantio_label *label);
int vantio_decide_net_cgroup(struct vantio_ask_net *ask, struct vantio_label *label); /* for cgroup programs */
int vantio_decide_surface(struct vantio_ask_surface *ask, struct vantio_label *label);
int vantio_decide_abstract(struct vantio_ask_abstract *ask, struct vantio_label *label);

#endif
