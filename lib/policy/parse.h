/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the parser share; nothing outside of lib/policy/parse*.c reads it. */
#ifndef VANTIO_POLICY_PARSE_H
#define VANTIO_POLICY_PARSE_H

#include "policy/policy.h"
#include "policy/toml_shim.h"

/* What is said with one word of two, "deny" or "allow" and the like, wherever it stands. */
enum vantio_word {
	VANTIO_WORD_MODE = 0,
	VANTIO_WORD_RECORD,
	VANTIO_WORD_ON_LOSS,
	VANTIO_WORD_DEFAULT, /* of [file], [exec], [network] */
	VANTIO_WORD_KERNEL = VANTIO_WORD_DEFAULT + 3, /* each surface */
	VANTIO_WORDS = VANTIO_WORD_KERNEL + VANTIO_SURFACE_MAX
};

/* One text of those that make a policy: its own, which is the first, or a preset. Lists are joined as they are read; what a policy has one of
 * is kept by text until all are read. */
struct vantio_layer {
	const char *origin; /* "preset:NAME"; NULL: the policy's own text */
	uint64_t below;     /* the layers that it extends, at any depth, a bit each */
	bool open;          /* being read: what extends it now is a circle */
	struct {
		bool said, second; /* second: "audit", "all", "block", "allow" */
		struct vantio_pos pos;
	} words[VANTIO_WORDS];
	struct vantio_limit limits[VANTIO_LIMIT_MAX];
};
#define VANTIO_LAYERS_MAX  (1 + VANTIO_EXTENDS_MAX)
#define VANTIO_EXTENDS_DEPTH 8
_Static_assert(VANTIO_LAYERS_MAX <= 64, "a layer is a bit of `below`");

struct vantio_parse {
	struct vantio_policy *policy;      /* being filled */
	struct vantio_layer *layers;       /* owned: room for VANTIO_LAYERS_MAX */
	struct vantio_layer *layer;        /* whose text is being read */
	size_t n_layers, depth;
	struct vantio_pos section_pos[3];  /* of [file], [exec], [network] in the policy's own text; 0:0 where they are not in it */
	struct vantio_pos extends_pos;
	bool partial;                      /* a text was not read, and this was reported: what is missing may be in it */
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
/* Reads one of the words above, if the table has it. */
void vantio_parse_word(struct vantio_parse *c, const struct vantio_toml_node *table, const char *key, enum vantio_word word);

/* parse.c: one text, its own or a preset's, into c->layer */
void vantio_parse_text(struct vantio_parse *c, const struct vantio_toml_node *root);
/* parse_extends.c: the presets that a text names; and then, when all are read, what they make together */
void vantio_parse_extends(struct vantio_parse *c, const struct vantio_toml_node *root);
void vantio_parse_settle(struct vantio_parse *c);

/* parse_agent.c */
void vantio_parse_agent(struct vantio_parse *c, const struct vantio_toml_node *root);
/* parse_limits.c: [limits] and [kernel] */
void vantio_parse_limits(struct vantio_parse *c, const struct vantio_toml_node *root);
void vantio_parse_kernel(struct vantio_parse *c, const struct vantio_toml_node *root);
/* parse_rules.c: [file], [exec], [network] */
void vantio_parse_sections(struct vantio_parse *c, const struct vantio_toml_node *root);
void vantio_parse_settle_rules(struct vantio_parse *c);

#endif
