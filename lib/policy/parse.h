/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the parser share; nothing outside of lib/policy/parse*.c reads it. */
#ifndef VANTIO_POLICY_PARSE_H
#define VANTIO_POLICY_PARSE_H

#include "policy/policy.h"
#include "policy/toml_shim.h"

struct vantio_parse {
	struct vantio_policy *policy;      /* being filled */
	struct vantio_diagnostics *diags;
	const struct vantio_expand *expand;
	size_t n_rules;                    /* read so far, over all lists */
	bool failed;                       /* memory ran out */
};

void vantio_parse_error(struct vantio_parse *c, struct vantio_pos pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A value of the text as an error may show it: escaped and cut. */
#define VANTIO_QUOTE_MAX 160
struct vantio_quote {
	char text[VANTIO_QUOTE_MAX];
};
struct vantio_quote vantio_parse_quote(const char *bytes, size_t len);

/* Reports each member of `table` that is not among `known`. `where` is "[file]" or "the policy". */
void vantio_parse_keys(struct vantio_parse *c, const struct vantio_toml_node *table, const char *where,
		       const char *const *known, size_t n_known);
/* The member `key` if it is there and of `type`; reports a wrong type. */
const struct vantio_toml_node *vantio_parse_member(struct vantio_parse *c, const struct vantio_toml_node *table,
						   const char *key, enum vantio_toml_type type);
/* The index of the member's value among `choices`, or -1 if it is missing or was reported. */
int vantio_parse_choice(struct vantio_parse *c, const struct vantio_toml_node *table, const char *key,
			const char *const *choices, size_t n_choices);
bool vantio_parse_has_nul(const struct vantio_toml_node *string);

/* parse_agent.c */
void vantio_parse_agent(struct vantio_parse *c, const struct vantio_toml_node *root);
/* parse_limits.c: [limits] and [kernel] */
void vantio_parse_limits(struct vantio_parse *c, const struct vantio_toml_node *root);
void vantio_parse_kernel(struct vantio_parse *c, const struct vantio_toml_node *root);
/* parse_rules.c: [file], [exec], [network] */
void vantio_parse_sections(struct vantio_parse *c, const struct vantio_toml_node *root);

#endif
