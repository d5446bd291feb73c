// SPDX-License-Identifier: Apache-2.0
/* A learned policy is held against what it was learned from until it agrees with itself. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "policy/learn_internal.h"

#define ROUNDS_MAX 32

void vantio_learn_result_clear(struct vantio_learn_result *r)
{
	vantio_learned_clear(&r->rules);
	vantio_buf_free(&r->text);
	vantio_policy_free(r->policy);
	vantio_image_free(r->image);
	*r = (struct vantio_learn_result){ 0 };
}

/* What the old name must be allowed, by explain's word for what would be gained. */
static enum vantio_list list_of_gain(const char *gained)
{
	return !strcmp(gained, "read") ? VANTIO_LIST_FILE_READ : !strcmp(gained, "write") ? VANTIO_LIST_FILE_WRITE : VANTIO_LIST_EXEC_ALLOW;
}

/* Renames and links that are refused because the object would gain by its new name: takes what the old one needs for them;
 * the number of needs that are new. */
static int mend(struct vantio_learn *l, const struct vantio_policy *p, const struct vantio_image *image, struct vantio_error *err)
{
	struct vantio_explanation e;
	int mended = 0, r = 0;
	uint32_t i;

	for (i = 0; i < l->n_pairs && r >= 0; i++) {
		const struct pair *pair = &l->pairs[i];
		enum vantio_list list;

		if (vantio_policy_explain(p, image, vantio_op_name(pair->op), pair->from, pair->to, &e, err) || e.reason != VANTIO_REASON_ESCALATE ||
		    !e.gained)
			continue;
		list = list_of_gain(e.gained);
		if (vantio_place_find(l, list, pair->from))
			continue; /* nobody was asked for that */
		r = vantio_tree_need(&l->tree, pair->from, vantio_learn_use(list, pair->from), err);
		mended += r > 0;
	}
	return r < 0 ? r : mended;
}

/* Questions that the rules answer: what was refused once and is allowed by what was learned elsewhere. */
static int settle(struct vantio_learn *l, const struct vantio_policy *p, const struct vantio_image *image)
{
	static const char *const ops[] = {
		[VANTIO_LIST_FILE_READ] = "read",       [VANTIO_LIST_FILE_WRITE] = "write",   [VANTIO_LIST_EXEC_ALLOW] = "exec",
		[VANTIO_LIST_NET_CONNECT] = "connect",  [VANTIO_LIST_NET_LISTEN] = "listen",  [VANTIO_LIST_MAX] = NULL,
	};
	struct vantio_explanation e;
	struct vantio_error ignored;
	int n = 0;
	uint32_t i;

	for (i = 0; i < l->n_questions; i++) {
		struct vantio_learn_question *q = &l->questions[i];

		if (q->open || q->settled || !ops[q->list] ||
		    vantio_policy_explain(p, image, ops[q->list], q->target, NULL, &e, &ignored) || e.decision != VANTIO_PERMIT)
			continue;
		q->settled = true;
		n++;
	}
	return n;
}

static int compile(struct vantio_learn *l, const char *name, struct vantio_learn_result *ret, struct vantio_error *err)
{
	const struct vantio_expand expand = { .home = l->home, .workdir = l->workdir };
	struct vantio_diagnostics diags = { 0 };
	int r;

	vantio_learn_result_clear(ret);
	r = vantio_learn_build(l, &ret->rules, err);
	if (!r)
		r = vantio_learn_text(l, &ret->rules, name, &ret->text, err);
	if (!r)
		r = vantio_policy_parse(ret->text.data, ret->text.len, "what was learned", &expand, &ret->policy, &diags, err);
	vantio_diagnostics_free(&diags);
	return r ? r : vantio_image_compile(ret->policy, NULL, &ret->image, err);
}

int vantio_learn_finish(struct vantio_learn *l, const char *name, struct vantio_learn_result *ret, struct vantio_error *err)
{
	int r, round, n;
	uint32_t i;

	for (i = 0; i < l->n_questions; i++)
		l->questions[i].settled = false;
	for (round = 0; round < ROUNDS_MAX; round++) {
		r = compile(l, name, ret, err);
		if (r)
			return r;
		n = mend(l, ret->policy, ret->image, err);
		if (n < 0)
			return n;
		if (!n)
			break;
	}
	if (!settle(l, ret->policy, ret->image))
		return 0;
	vantio_buf_reset(&ret->text);
	return vantio_learn_text(l, &ret->rules, name, &ret->text, err);
}
