/* SPDX-License-Identifier: Apache-2.0 */
/* The typed policy as its own parts share it: spelling, order, names. */
#ifndef VANTIO_POLICY_MODEL_H
#define VANTIO_POLICY_MODEL_H

#include "base/buf.h"
#include "policy/policy.h"

extern const char *const vantio_limit_names[VANTIO_LIMIT_MAX];     /* "unlink" ... */
extern const char *const vantio_surface_names[VANTIO_SURFACE_MAX]; /* "mount" ... */
const char *vantio_limit_action_name(enum vantio_decision action); /* "block" ... */

/* The spelling that sorts, deduplicates and is hashed; unescaped. Path and unix rules: as written; others: normalised. */
void vantio_rule_spell(const struct vantio_rule *rule, struct vantio_buf *out);
void vantio_rule_free(struct vantio_rule *rule);

/* Sorts by spelling and drops equals, keeping the place of the first. -ENOMEM. */
int vantio_rules_settle(struct vantio_rules *rules);

void vantio_diagnostics_sort(struct vantio_diagnostics *d);

/* 64-bit words and durations as people write them: "250ms", "60s", "5m", "2h". */
void vantio_duration_spell(uint64_t ns, struct vantio_buf *out);

#endif
