/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles a policy into an image (bpf/abi.h) and asks it questions through the evaluator that the kernel runs (bpf/eval.h).
 * Globs -> NFA -> one DFA over byte classes for the allows and one for the denies of each section -> minimised over access
 * masks -> rows displaced into one table of cells. [network] addresses take the same road over the bytes of vantio_net_key.
 */
#ifndef VANTIO_POLICY_IMAGE_H
#define VANTIO_POLICY_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "eval.h"
#include "policy/policy.h"

struct vantio_image {
	struct vantio_cell *cells; /* owned; the header overlaid on the first ones; gen is 0 until the engine sets it */
	uint32_t n_cells;
	uint32_t n_states; /* over all automata */
};

/* An address that a host rule stands for now. Not part of the policy's hash. */
struct vantio_resolved {
	enum vantio_list list; /* NET_CONNECT, NET_LISTEN or NET_DENY */
	uint32_t rule;         /* number in that list; UINT32_MAX for what is implied (resolvers, port 53) */
	struct vantio_net_rule net; /* kind ADDRESS, host NULL */
};

struct vantio_resolution {
	struct vantio_resolved *items; /* owned */
	size_t n;
};

/*
 * *ret is owned by the caller (vantio_image_free). `res` may be NULL: host rules then match nothing. -E2BIG when the states
 * or cells exceed their limits, with the globs to blame in `err`.
 */
int vantio_image_compile(const struct vantio_policy *p, const struct vantio_resolution *res, struct vantio_image **ret,
			 struct vantio_error *err);
void vantio_image_free(struct vantio_image *image);
static inline void vantio_image_freep(struct vantio_image **image)
{
	vantio_image_free(*image);
}
#define cleanup_image __attribute__((cleanup(vantio_image_freep)))

/* Whether cells that came from elsewhere are a well-formed image: every index in range, magic, version. */
int vantio_image_check(const struct vantio_cell *cells, size_t n_cells, struct vantio_error *err);

/* Asks one domain of an image about one input (a path, a net key's bytes, a unix name). */
struct vantio_verdict vantio_image_judge(const struct vantio_image *image, enum vantio_domain domain, uint32_t access,
					 const void *input, size_t len);

/* ---- naming the rule ---- */

struct vantio_rule_ref {
	char name[40];  /* "file.deny[2]", "file.default", "kernel.mount", "network.connect[3]" ... */
	const struct vantio_rule *rule; /* into the policy, or NULL for defaults and surfaces */
	struct vantio_pos pos; /* line of the rule or of the default, 0 if the policy does not say it */
};

/*
 * The rule behind a verdict: the first deny that matches if `reason` is DENY, the first allow if ALLOW, the section's default
 * otherwise. `input` as for vantio_image_judge.
 */
void vantio_policy_name_rule(const struct vantio_policy *p, const struct vantio_resolution *res, enum vantio_domain domain,
			     enum vantio_reason reason, uint32_t access, const void *input, size_t len,
			     struct vantio_rule_ref *ret);

/* ---- explain and test: the text alone ---- */

struct vantio_explanation {
	uint32_t decision; /* VANTIO_PERMIT or VANTIO_BLOCK */
	uint32_t reason;
	struct vantio_rule_ref rule;  /* for ESCALATE: what keeps the object from `gained` under its old name */
	struct vantio_rule_ref rule2; /* of the second name of rename and link; name "" otherwise */
	int decisive;       /* the name that is refused, 1 or 2; 0 if none is, or both together are (ESCALATE) */
	const char *gained; /* ESCALATE: "read", "write" or "exec"; else NULL */
};

/*
 * The text alone: nothing is looked up or resolved. A host name is judged by the rules that name it, an address without a port
 * by all ports: it is allowed if every one is. A listen on [::] needs 0.0.0.0 too.
 *
 * `op` is an operation's name ("read", "unlink", "connect", "mount" ...), `target` its object ("/work/a", "api.example.org:443",
 * "udp:10.0.0.1:53", "unix:@x"), `target2` the new name of rename and link, NULL otherwise. -EINVAL with a usage text in
 * `err` for what cannot be asked (unknown op, a `..`, a relative path).
 */
int vantio_policy_explain(const struct vantio_policy *p, const struct vantio_image *image, const char *op, const char *target,
			  const char *target2, struct vantio_explanation *ret, struct vantio_error *err);

/* "read", "write", "unlink" ... as records name them; the table of enum vantio_op. NULL / VANTIO_OP_NONE if unknown. */
const char *vantio_op_name(enum vantio_op op);
enum vantio_op vantio_op_from_name(const char *name);
/* Domain and access mask that an operation asks for; false for operations of [kernel], sockets and the control plane. */
bool vantio_op_access(enum vantio_op op, enum vantio_domain *ret_domain, uint32_t *ret_access);
const char *vantio_surface_name(enum vantio_surface surface); /* "mount" ... */

#endif
