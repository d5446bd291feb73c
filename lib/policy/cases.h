/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases for `policy test`: a TOML list of questions with the verdict that is expected.
 *
 *     [[case]]
 *     op      = "rename"
 *     target  = "/work/a"
 *     target2 = "/work/b"      # rename and link only
 *     verdict = "allow"        # or "deny"
 */
#ifndef VANTIO_POLICY_CASES_H
#define VANTIO_POLICY_CASES_H

#include "policy/policy.h"

struct vantio_case {
	char *op, *target, *target2; /* owned; target is NULL where none was given, target2 mostly */
	bool allow;
	struct vantio_pos pos; /* of the case */
};

struct vantio_cases {
	struct vantio_case *items; /* owned; in the order of the text */
	size_t n;
};

/*
 * At most VANTIO_POLICY_TEXT_MAX bytes. *ret is owned by the caller (vantio_cases_free). -EINVAL with every error in `diags`; a
 * text without a case is an error, because a test that asks nothing cannot fail.
 */
int vantio_cases_parse(const char *text, size_t len, struct vantio_cases *ret, struct vantio_diagnostics *diags,
		       struct vantio_error *err);
void vantio_cases_free(struct vantio_cases *c);
#define cleanup_cases __attribute__((cleanup(vantio_cases_free)))

#endif
