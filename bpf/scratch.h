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
	__u8 bytes[2 * VANTIO_PATH_MAX];
};

#define VANTIO_TEXT_NO_PATH 0x1u /* no name in any mount namespace */
#define VANTIO_TEXT_FAILED  0x2u /* could not be built */

struct vantio_scratch {
	__u32 busy;
	__u32 pad;
	struct vantio_event event;
	struct vantio_text path, path2, exe;
};

#endif
