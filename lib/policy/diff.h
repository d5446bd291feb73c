/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes from one policy to another, in the terms of the canonical form: a policy differs where its hash would. Name,
 * comments, layout and order are no differences. Linear in the rules, which are sorted.
 */
#ifndef VANTIO_POLICY_DIFF_H
#define VANTIO_POLICY_DIFF_H

#include "policy/policy.h"

struct vantio_change_side {
	char *text;            /* owned: a rule as written, "deny", "100 in 1m: block"; NULL: this policy does not have it */
	struct vantio_pos pos; /* 0:0 where the policy does not say it, or its place is not kept (mode, record, on_loss, [agent]) */
	uint32_t number;       /* of a rule in its list */
};

struct vantio_change {
	char key[40]; /* "file.deny", "file.default", "mode", "limits.unlink", "kernel.mount", "agent.cgroup" ... */
	bool rule;    /* of a list: then one side is there and the other is not */
	struct vantio_change_side old, new;
};

struct vantio_changes {
	struct vantio_change *items; /* owned; in the order of the canonical form */
	size_t n, cap;
};

/* *ret is owned by the caller (vantio_changes_free). None exactly if the policies have one hash. -ENOMEM. */
int vantio_policy_diff(const struct vantio_policy *old, const struct vantio_policy *new, struct vantio_changes *ret,
		       struct vantio_error *err);
void vantio_changes_free(struct vantio_changes *c);
#define cleanup_changes __attribute__((cleanup(vantio_changes_free)))

#endif
