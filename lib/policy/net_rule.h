/* SPDX-License-Identifier: Apache-2.0 */
/* The other direction of vantio_net_rule_parse (policy/policy.h). */
#ifndef VANTIO_POLICY_NET_RULE_H
#define VANTIO_POLICY_NET_RULE_H

#include "base/buf.h"
#include "policy/policy.h"

/* The one canonical spelling: equal rules have equal bytes, and parsing it gives the rule again. Not escaped. */
void vantio_net_rule_spell(const struct vantio_net_rule *r, struct vantio_buf *out);

#endif
