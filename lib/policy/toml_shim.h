/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TOML 1.0 (toml++ behind it) as a plain tree with the place of every key and value. The only C++ is in toml_shim.cc, and no
 * exception leaves it. Bounded before the parser sees a byte: text, depth of dotted keys and number of values, since the
 * parser recurses over the first and allocates for the last. Any bytes may be given.
 */
#ifndef VANTIO_POLICY_TOML_SHIM_H
#define VANTIO_POLICY_TOML_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define _Static_assert static_assert /* bpf/abi.h is C */
extern "C" {
#endif

#include "base/error.h"
#include "policy/policy.h"

#define VANTIO_TOML_TEXT_MAX   VANTIO_POLICY_TEXT_MAX
#define VANTIO_TOML_DEPTH_MAX  16u      /* components of one dotted key or table header */
#define VANTIO_TOML_NEST_MAX   32u      /* lists and inline tables within each other */
#define VANTIO_TOML_VALUES_MAX 1000000u /* commas, brackets and equal signs outside of strings */

enum vantio_toml_type {
	VANTIO_TOML_TABLE = 0,
	VANTIO_TOML_ARRAY,
	VANTIO_TOML_STRING,
	VANTIO_TOML_INTEGER,
	VANTIO_TOML_BOOLEAN,
	VANTIO_TOML_FLOAT,
	VANTIO_TOML_DATE, /* dates, times, both */
};

/* One value. Strings are NUL-terminated and may hold NULs of their own. */
struct vantio_toml_node {
	enum vantio_toml_type type;
	bool boolean;
	struct vantio_pos pos;
	struct vantio_pos key_pos; /* members of tables */
	char *key;                 /* members of tables, else NULL */
	size_t key_len;
	char *string;              /* STRING */
	size_t string_len;
	int64_t integer;           /* INTEGER */
	struct vantio_toml_node *items; /* TABLE: members in the text's order; ARRAY: elements */
	size_t n;
};

/*
 * *ret is the root table, owned by the caller. On failure returns -EINVAL (-EFBIG, -ENOMEM) with a text without position in
 * `err` and the position in *ret_pos (1:1 if there is none).
 */
int vantio_toml_parse(const char *text, size_t len, struct vantio_toml_node **ret, struct vantio_pos *ret_pos,
		      struct vantio_error *err);
void vantio_toml_free(struct vantio_toml_node *root);

/* The member of a table, or NULL. */
const struct vantio_toml_node *vantio_toml_get(const struct vantio_toml_node *table, const char *key);

/* "a table", "a list", "a string" ... as errors say it. */
const char *vantio_toml_type_name(enum vantio_toml_type type);

static inline void vantio_toml_freep(struct vantio_toml_node **root)
{
	vantio_toml_free(*root);
}
#define cleanup_toml __attribute__((cleanup(vantio_toml_freep)))

/* ---- between toml.c and toml_shim.cc ---- */

/* What toml++ says; positions still count code points. `message` is cut to fit. */
struct vantio_toml_problem {
	struct vantio_pos pos;
	char message[512];
};

/* 0, -EINVAL with *problem, or -ENOMEM. The text has passed the guards. */
int vantio_toml_shim_parse(const char *text, size_t len, struct vantio_toml_node **ret, struct vantio_toml_problem *problem);

#ifdef __cplusplus
}
#endif

#endif
