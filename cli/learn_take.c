// SPDX-License-Identifier: Apache-2.0
/* Records into `policy learn`: once to learn from them, and once more to hold what was learned against them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "eval.h"
#include "learn.h"
#include "ledger_view.h"
#include "record/sink.h"

/* ---- learning ---- */

/* By what it was refused, or would have been by an entry of deny; false where it may be opened unasked. */
static bool set_because(struct vantio_buf *out, const struct recorded *q, bool enforced)
{
	if (q->permitted)
		return false;
	if (enforced)
		vantio_buf_printf(out, "was refused by %s", q->rule);
	else if (strstr(q->rule, ".deny["))
		vantio_buf_printf(out, "would have been refused by %s", q->rule);
	return out->len > 0;
}

static void put_exe(struct vantio_buf *out, const struct vantio_hit *hit)
{
	cJSON *exe = ledger_view_private(hit, "exe");

	if (cJSON_IsString(exe) && (!vantio_unescape(out, exe->valuestring, strlen(exe->valuestring)) || memchr(out->data, '\0', out->len)))
		vantio_buf_reset(out);
	vantio_buf_puts(out, "");
	cJSON_Delete(exe);
}

static int learn_one(struct learning *g, const struct recorded *q, const struct vantio_hit *hit, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf because = VANTIO_BUF_INIT, exe = VANTIO_BUF_INIT;
	struct vantio_observation o = { .op = q->op, .target = q->host ? q->host : q->target, .target2 = q->target2, .count = hit->fields.count,
					.leaf = hit->fields.leaf };
	struct vantio_explanation e;
	int r;

	g->decisions += o.count;
	set_because(&because, q, hit->fields.enforced);
	if (g->base.policy) {
		switch (recorded_judge(g->base.policy, g->base_image, q, &e)) {
		case RECORDED_ANSWER:
			if (e.decision == VANTIO_PERMIT) {
				g->known += o.count;
				return 0;
			}
			if (e.reason == VANTIO_REASON_DENY)
				vantio_buf_printf(&because, "%sthe base denies it by %s", because.len ? ", " : "", e.rule.name);
			break;
		case RECORDED_UNSETTLED:
			vantio_buf_printf(&because, "%sa host name of the base may stand for it", because.len ? ", " : "");
			break;
		case RECORDED_NO_ANSWER:
			break;
		}
	}
	put_exe(&exe, hit);
	o.exe = exe.data ? exe.data : "";
	o.because = because.len ? because.data : NULL;
	r = vantio_learn_take(g->learn, &o, err);
	if (!r && q->reads) {
		o.op = VANTIO_OP_READ;
		r = vantio_learn_take(g->learn, &o, err);
	}
	if (r != -EINVAL)
		return r;
	g->decisions -= o.count;
	g->unaskable += o.count;
	return 0;
}

/* ---- verifying ---- */

/* A single path is asked of the automata alone: naming the rule would take as long as there are rules. */
static bool is_permitted(const struct vantio_learn_result *r, const struct recorded *q)
{
	const bool unix_path = q->target && !strncmp(q->target, "unix:", 5);
	const char *text = unix_path ? q->target + 5 : q->target;
	enum vantio_domain domain;
	uint32_t access;

	if (!text || q->reads || q->target2 || q->net.family || !vantio_op_access(q->op, &domain, &access))
		return false;
	return vantio_image_judge(r->image, unix_path ? VANTIO_DOMAIN_UNIX : domain, access, text, strlen(text)).decision == VANTIO_PERMIT;
}

static bool was_left_out(const struct learning *g, const struct recorded *q)
{
	return vantio_learn_left_out(g->learn, q->op, q->host ? q->host : q->target) ||
	       (q->reads && vantio_learn_left_out(g->learn, VANTIO_OP_READ, q->target)) ||
	       (q->target2 && vantio_learn_left_out(g->learn, q->op, q->target2));
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void note_refused(struct learning *g, const struct recorded *q, const struct vantio_explanation *e, uint64_t count)
{
	const char *op = vantio_op_name(q->op);
	struct learn_refused *x;
	size_t i;

	g->refused += count;
	for (i = 0; i < g->n_examples; i++) {
		x = &g->examples[i];
		if (same(x->op, op) && same(x->target, q->target) && same(x->target2, q->target2)) {
			x->decisions += count;
			return;
		}
	}
	if (g->n_examples == LEARN_REFUSED_MAX)
		return;
	x = &g->examples[g->n_examples++];
	*x = (struct learn_refused){ .op = strdup(op), .target = q->target ? strdup(q->target) : NULL,
				     .target2 = q->target2 ? strdup(q->target2) : NULL, .decisions = count };
	snprintf(x->rule, sizeof(x->rule), "%s", e->reason == VANTIO_REASON_ESCALATE ? "engine.escalate" : e->rule.name);
}

static void verify_one(struct learning *g, const struct recorded *q, uint64_t count)
{
	struct vantio_explanation e;

	if (is_permitted(&g->result, q)) {
		g->permitted += count;
		return;
	}
	switch (recorded_judge(g->result.policy, g->result.image, q, &e)) {
	case RECORDED_NO_ANSWER:
		return; /* was not learned from either */
	case RECORDED_UNSETTLED:
		g->unsettled += count;
		return;
	case RECORDED_ANSWER:
		break;
	}
	if (e.decision == VANTIO_PERMIT)
		g->permitted += count;
	else if (was_left_out(g, q))
		g->left_out += count;
	else
		note_refused(g, q, &e, count);
}

/* ---- both ---- */

static enum vantio_hook hook_of(struct vantio_span name)
{
	const char *known;
	unsigned int i;

	for (i = 0; i < VANTIO_HOOK_MAX; i++) {
		known = vantio_hook_name((enum vantio_hook)i);
		if (known && strlen(known) == name.len && !memcmp(known, name.p, name.len))
			return (enum vantio_hook)i;
	}
	return VANTIO_HOOK_MAX;
}

static void count_limit(struct learning *g, const struct vantio_hit *hit, enum vantio_op op)
{
	const uint32_t kind = vantio_limit_of((uint8_t)hook_of(hit->fields.hook), (uint8_t)op);
	const uint64_t minute = hit->fields.mono_ns / (60 * 1000000000ull);

	if (kind >= VANTIO_LIMIT_MAX)
		return;
	if (g->limits[kind].minute != minute)
		g->limits[kind].now = 0;
	g->limits[kind].minute = minute;
	g->limits[kind].now += hit->fields.count;
	if (g->limits[kind].now > g->limits[kind].most)
		g->limits[kind].most = g->limits[kind].now;
}

int learn_take(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	const uint64_t count = hit->fields.count;
	struct learning *g = ctx;
	enum recorded_kind kind;
	struct recorded q;
	int r = recorded_read(hit, &kind, &q, err);

	if (!r && kind == RECORDED_QUESTION && g->verifying) {
		verify_one(g, &q, count);
	} else if (!r && !g->verifying) {
		g->records++;
		count_limit(g, hit, q.op);
		switch (kind) {
		case RECORDED_QUESTION: r = learn_one(g, &q, hit, err); break;
		case RECORDED_OTHER: g->other += count; break;
		case RECORDED_ERASED: g->erased += count; break;
		case RECORDED_DAMAGED: g->damaged += count; break;
		case RECORDED_UNASKABLE: g->unaskable += count; break;
		}
	}
	recorded_clear(&q);
	return r;
}
