// SPDX-License-Identifier: Apache-2.0
#include "replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "ledger_view.h"

#define DNS_PORT 53

struct question {
	enum vantio_op op;
	char *target, *target2;     /* owned, raw; NULL: none */
	struct vantio_net_rule net; /* the target, if it is an address; host NULL */
	char *host;                 /* owned: "tcp:name:443", if the record names the host; or NULL */
};

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

/* ---- the question that a record answers ---- */

static void clear(struct question *q)
{
	free(q->target);
	free(q->target2);
	free(q->host);
	vantio_net_rule_free(&q->net);
}

static const char *text_of(const cJSON *resource, const char *name)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(resource, name);

	return cJSON_IsString(value) ? value->valuestring : NULL;
}

/* The bytes behind an escaped string, after `prefix`; NULL where it is none, or holds a NUL. */
static char *raw_of(const char *prefix, const char *escaped)
{
	cleanup_buf struct vantio_buf raw = VANTIO_BUF_INIT;

	vantio_buf_puts(&raw, prefix);
	if (!escaped || !vantio_unescape(&raw, escaped, strlen(escaped)) || raw.failed || memchr(raw.data, '\0', raw.len))
		return NULL;
	return vantio_buf_steal(&raw);
}

/* "tcp:192.0.2.1:443"; port 0, any that is free, is asked of all ports. */
static char *net_text(const char *proto, const char *host, double port)
{
	cleanup_buf struct vantio_buf out = VANTIO_BUF_INIT;
	const bool v6 = strchr(host, ':');

	vantio_buf_printf(&out, "%s:%s%s%s", proto, v6 ? "[" : "", host, v6 ? "]" : "");
	if (port > 0)
		vantio_buf_printf(&out, ":%.0f", port);
	return vantio_buf_steal(&out);
}

static bool ask_net(struct question *q, const cJSON *resource)
{
	const char *proto = text_of(resource, "proto"), *addr = text_of(resource, "addr"), *host = text_of(resource, "host");
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(resource, "port");
	struct vantio_error ignored = { 0 };

	if (!proto || (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0) || !addr || !cJSON_IsNumber(port))
		return false;
	q->target = net_text(proto, addr, port->valuedouble);
	if (!q->target || vantio_net_rule_parse(q->target, strlen(q->target), &q->net, &ignored) < 0)
		return false;
	q->host = host && *host ? net_text(proto, host, port->valuedouble) : NULL;
	return true;
}

/* False: not a question that a text can answer. */
static bool ask(struct question *q, const cJSON *resource)
{
	const bool two = q->op == VANTIO_OP_RENAME || q->op == VANTIO_OP_LINK;
	const char *kind = text_of(resource, "kind");

	if (!kind)
		return false;
	if (!strcmp(kind, "net"))
		return ask_net(q, resource);
	if (!strcmp(kind, "unix")) {
		q->target = raw_of("unix:", text_of(resource, "path"));
		return q->target;
	}
	if (strcmp(kind, "path") != 0)
		return false;
	q->target = raw_of("", text_of(resource, "path"));
	if (two)
		q->target2 = raw_of("", text_of(resource, "path2"));
	return q->target && (!two || q->target2);
}

/* ---- the draft's answer ---- */

/* Whether a rule by name may be about the target's ports, whatever its address. */
static bool names_cover(const struct vantio_policy *p, enum vantio_list list, const struct vantio_net_rule *target)
{
	size_t i;

	for (i = 0; i < p->lists[list].n; i++) {
		const struct vantio_net_rule *net = &p->lists[list].items[i].net;

		if (net->kind != VANTIO_NET_NAME && net->kind != VANTIO_NET_SUFFIX)
			continue;
		if (list == VANTIO_LIST_NET_CONNECT && target->port_lo == DNS_PORT && target->port_hi == DNS_PORT)
			return true; /* names imply the resolvers */
		if (net->protos & target->protos && net->port_lo <= target->port_hi && net->port_hi >= target->port_lo)
			return true;
	}
	return false;
}

/* An address is judged by the rules for addresses; what a name stands for is not in the text. */
static bool is_unsettled(const struct replay *r, const struct question *q, const struct vantio_explanation *e)
{
	const bool local = q->op == VANTIO_OP_BIND || q->op == VANTIO_OP_LISTEN;

	if (!q->net.family || e->reason == VANTIO_REASON_DENY)
		return false;
	if (e->decision == VANTIO_PERMIT)
		return names_cover(r->policy, VANTIO_LIST_NET_DENY, &q->net);
	return names_cover(r->policy, local ? VANTIO_LIST_NET_LISTEN : VANTIO_LIST_NET_CONNECT, &q->net);
}

enum answer { ANSWER, UNSETTLED, UNASKABLE };

static enum answer judge(const struct replay *r, const struct question *q, struct vantio_explanation *ret)
{
	struct vantio_error ignored = { 0 };
	struct vantio_explanation named;
	const char *op = vantio_op_name(q->op);

	if (vantio_policy_explain(r->policy, r->image, op, q->target, q->target2, ret, &ignored) < 0)
		return UNASKABLE;
	if (!is_unsettled(r, q, ret))
		return ANSWER;
	if (!q->host || vantio_policy_explain(r->policy, r->image, op, q->host, NULL, &named, &ignored) < 0 || !named.rule.rule)
		return UNSETTLED;
	*ret = named;
	return ANSWER;
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
static int note(struct replay *r, struct question *q, const struct vantio_explanation *e, const char *was,
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
		if (!strcmp(x->op, op) && same_text(x->target, q->target) && same_text(x->target2, q->target2) && !strcmp(x->was, was)) {
			x->decisions += f->count;
			return 0;
		}
	}
	if (group->n == r->max_examples) {
		group->more += f->count;
		return 0;
	}
	x = &group->examples[group->n++];
	*x = (struct replay_example){ strdup(op), vantio_take(q->target), vantio_take(q->target2), strdup(was), f->leaf, f->count };
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

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Whether rules decided: not limits, the kill switch, the engine's protection, or a person. */
static bool by_rules(enum vantio_op op, const char *rule)
{
	enum vantio_domain domain;
	uint32_t access;

	if (!vantio_op_access(op, &domain, &access) && op != VANTIO_OP_SOCKET && (op < VANTIO_OP_MOUNT || op > VANTIO_OP_KEYRING))
		return false;
	return !begins(rule, "limits.") && strcmp(rule, "control") != 0 && (!begins(rule, "engine.") || !strcmp(rule, "engine.escalate"));
}

static int take_question(struct replay *r, struct question *q, const char *was, const struct vantio_record_fields *f, struct vantio_error *err)
{
	const bool permitted = f->decision.len == strlen("permit") && !memcmp(f->decision.p, "permit", f->decision.len);
	struct vantio_explanation e;

	switch (judge(r, q, &e)) {
	case UNASKABLE:
		r->unaskable += f->count;
		return 0;
	case UNSETTLED:
		r->unsettled += f->count;
		return 0;
	case ANSWER:
		break;
	}
	if ((e.decision == VANTIO_PERMIT) == permitted) {
		r->same += f->count;
		return 0;
	}
	*(permitted ? &r->denied : &r->allowed) += f->count;
	return note(r, q, &e, was, f, err);
}

int replay_take(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf op = VANTIO_BUF_INIT, rule = VANTIO_BUF_INIT;
	const struct vantio_record_fields *f = &hit->fields;
	struct replay *r = ctx;
	struct question q = { 0 };
	cJSON *resource;
	int e = 0;

	vantio_span_text(&op, f->op);
	vantio_span_text(&rule, f->rule);
	if (op.failed || rule.failed)
		return vantio_fail(err, ENOMEM, "out of memory");
	r->records++;
	r->last = f->leaf;
	q.op = op.len ? vantio_op_from_name(op.data) : VANTIO_OP_NONE;
	if (!by_rules(q.op, rule.len ? rule.data : "")) {
		r->other += f->count;
		return 0;
	}
	r->permits += f->decision.len == strlen("permit");
	if (q.op >= VANTIO_OP_MOUNT && q.op <= VANTIO_OP_KEYRING) /* its surface is all that a policy asks about */
		return take_question(r, &q, rule.len ? rule.data : "", f, err);
	resource = ledger_view_private(hit, "resource");
	if (!resource)
		*(hit->private_bad ? &r->damaged : &r->erased) += f->count;
	else if (!ask(&q, resource))
		r->unaskable += f->count;
	else
		e = take_question(r, &q, rule.len ? rule.data : "", f, err);
	cJSON_Delete(resource);
	clear(&q);
	return e;
}
