// SPDX-License-Identifier: Apache-2.0
#include "replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "recorded.h"

void replay_free(struct replay *r)
{
	size_t i, j;

	for (i = 0; i < r->n; i++) {
		for (j = 0; j < r->groups[i].n; j++) {
			struct replay_example *e = &r->groups[i].examples[j];

			free(e->op);
			free(e->target);
			free(e->target2);
			free(e->was);
		}
		free(r->groups[i].examples);
	}
	free(r->groups);
}

/* ---- groups ---- */

static bool same_answer(const struct vantio_explanation *a, const struct vantio_explanation *b)
{
	return a->decision == b->decision && a->reason == b->reason && a->decisive == b->decisive && !strcmp(a->rule.name, b->rule.name) &&
	       !strcmp(a->rule2.name, b->rule2.name) && a->gained == b->gained;
}

static struct replay_group *find_group(struct replay *r, const struct vantio_explanation *e)
{
	struct replay_group *grown;
	size_t i;

	for (i = 0; i < r->n; i++)
		if (same_answer(&r->groups[i].verdict, e))
			return &r->groups[i];
	grown = reallocarray(r->groups, r->n + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	r->groups = grown;
	grown[r->n] = (struct replay_group){ .verdict = *e, .examples = calloc(r->max_examples, sizeof(struct replay_example)) };
	return grown[r->n].examples ? &grown[r->n++] : NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Takes the question's strings if it is the first of its kind. */
static int note(struct replay *r, struct recorded *q, const struct vantio_explanation *e,
		const struct vantio_record_fields *f, struct vantio_error *err)
{
	struct replay_group *group = find_group(r, e);
	const char *op = vantio_op_name(q->op);
	struct replay_example *x;
	size_t i;

	if (!group)
		return vantio_fail(err, ENOMEM, "out of memory");
	group->decisions += f->count;
	for (i = 0; i < group->n; i++) {
		x = &group->examples[i];
		if (!strcmp(x->op, op) && same_text(x->target, q->target) && same_text(x->target2, q->target2) && !strcmp(x->was, q->rule)) {
			x->decisions += f->count;
			return 0;
		}
	}
	if (group->n == r->max_examples) {
		group->more += f->count;
		return 0;
	}
	x = &group->examples[group->n++];
	*x = (struct replay_example){ strdup(op), vantio_take(q->target), vantio_take(q->target2), strdup(q->rule), f->leaf, f->count };
	return x->op && x->was ? 0 : vantio_fail(err, ENOMEM, "out of memory");
}

static int by_weight(const void *a, const void *b)
{
	const struct replay_group *x = a, *y = b;

	if (x->verdict.decision != y->verdict.decision)
		return x->verdict.decision == VANTIO_PERMIT ? 1 : -1;
	if (x->decisions != y->decisions)
		return x->decisions > y->decisions ? -1 : 1;
	return strcmp(x->verdict.rule.name, y->verdict.rule.name);
}

void replay_sort(struct replay *r)
{
	if (r->n)
		qsort(r->groups, r->n, sizeof(*r->groups), by_weight);
}

/* ---- records ---- */

static int take_question(struct replay *r, struct recorded *q, const struct vantio_record_fields *f, struct vantio_error *err)
{
	struct vantio_explanation e;

	switch (recorded_judge(r->policy, r->image, q, &e)) {
	case RECORDED_NO_ANSWER:
		r->unaskable += f->count;
		return 0;
	case RECORDED_UNSETTLED:
		r->unsettled += f->count;
		return 0;
	case RECORDED_ANSWER:
		break;
	}
	if ((e.decision == VANTIO_PERMIT) == q->permitted) {
		r->same += f->count;
		return 0;
	}
	*(q->permitted ? &r->denied : &r->allowed) += f->count;
	return note(r, q, &e, f, err);
}

int replay_take(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	const struct vantio_record_fields *f = &hit->fields;
	struct replay *r = ctx;
	enum recorded_kind kind;
	struct recorded q;
	int e = recorded_read(hit, &kind, &q, err);

	if (!e) {
		r->records++;
		r->permits += kind != RECORDED_OTHER && q.permitted;
		switch (kind) {
		case RECORDED_QUESTION: e = take_question(r, &q, f, err); break;
		case RECORDED_OTHER: r->other += f->count; break;
		case RECORDED_ERASED: r->erased += f->count; break;
		case RECORDED_DAMAGED: r->damaged += f->count; break;
		case RECORDED_UNASKABLE: r->unaskable += f->count; break;
		}
	}
	recorded_clear(&q);
	return e;
}
