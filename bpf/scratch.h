/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The working memory of one decision. A program can be preempted by another task's hook on the same CPU, so an element is
 * taken by compare-and-swap and not by nesting depth; when all are taken the decision denies.
 */
#ifndef VANTIO_SCRATCH_H
#define VANTIO_SCRATCH_H

#include "abi.h"

#define VANTIO_SCRATCH_DEPTH 8 /* decisions in flight on one CPU */

/*
 * A string built from its end: bytes [off, VANTIO_PATH_MAX). The upper half of `bytes` is never used: it is there so that the
 * verifier, which bounds off and the length apart, sees every access inside.
 */
struct vantio_text {
	__u32 off;
	__u32 flags; /* VANTIO_TEXT_* */
	__u64 chain; /* what the last walk met, while renames go on (path.h); 0: nothing to compare with */
	__u8 bytes[2 * VANTIO_PATH_MAX];
};

#define VANTIO_TEXT_NO_PATH  0x1u /* no name in any mount namespace: matches nothing */
#define VANTIO_TEXT_FAILED   0x2u /* has a name that could not be built: denied */
#define VANTIO_TEXT_UNLINKED 0x4u /* deleted or O_TMPFILE: judged by its last name, but for no allow of [exec] */
#define VANTIO_TEXT_INTERNAL 0x8u /* reached through a mount of the kernel's own, below an overlay that was judged */

/* What one image says about one text in one domain. */
struct vantio_answer {
	__u32 allow_mask, deny_mask;
	__u32 allow_below, deny_below; /* where the walks stand after one more '/': what they say of the names below */
	__u32 bad;           /* nothing can be said: deny */
	__u32 default_allow; /* of the domain */
	__u32 flags;         /* VANTIO_IMAGE_* */
	__u32 kernel_deny;
	__u32 limited; /* bit per vantio_limit_op that is counted */
	__u32 pad;
	__u64 gen;
	__u64 policy; /* the first bytes of its hash */
};

struct vantio_ruling {
	__u32 decision, reason;
	__u32 flags; /* of the image */
	__u32 pad;
	__u64 gen;
};

/* What a refusal has in common with others, laid out as in an element of the repeats. */
struct vantio_likeness {
	struct vantio_event event;
	__u8 text[2 * VANTIO_REPEAT_TEXT]; /* the upper half as in vantio_text */
};

struct vantio_scratch {
	__u32 busy;
	__u32 pad;
	struct vantio_answer from, to; /* of the question's names */
	struct vantio_ruling ruling;
	/* the search of an object's mounts */
	__u64 mount_ns, mount_head, mount_at; /* struct mnt_namespace *, struct list_head * */
	__u32 mount_found, mount_permitted;
	struct vantio_event event;
	struct vantio_text path, path2, exe;
	struct vantio_likeness likeness;
};

#endif
