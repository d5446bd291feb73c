// SPDX-License-Identifier: Apache-2.0
#include "recorded.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "base/text.h"
#include "ledger_view.h"

#define CHUNK    1024 /* records that are sought at once */
#define DNS_PORT 53

void recorded_clear(struct recorded *q)
{
	free(q->rule);
	free(q->target);
	free(q->target2);
	free(q->host);
	vantio_net_rule_free(&q->net);
	*q = (struct recorded){ 0 };
}

/* ---- the question that a record answers ---- */

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

static bool ask_net(struct recorded *q, const cJSON *resource)
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
static bool ask(struct recorded *q, const cJSON *resource)
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

/*
 * A record has one operation, and for an opening that both reads and writes that is `write`: its flags tell. Those of openat2(2) are in
 * memory that is not recorded, so that the more is assumed.
 */
static bool opens_both(const struct vantio_hit *hit)
{
	cJSON *args = ledger_view_private(hit, "syscall_args");
	const int at = hit->fields.syscall_nr == SYS_open ? 1 : hit->fields.syscall_nr == SYS_openat ? 2 : -1;
	const cJSON *flags = at < 0 ? NULL : cJSON_GetArrayItem(args, at);
	bool both = hit->fields.syscall_nr == SYS_openat2;

	if (cJSON_IsString(flags))
		both = (strtoull(flags->valuestring, NULL, 16) & O_ACCMODE) == O_RDWR;
	cJSON_Delete(args);
	return both;
}

int recorded_read(const struct vantio_hit *hit, enum recorded_kind *ret_kind, struct recorded *ret, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf op = VANTIO_BUF_INIT, rule = VANTIO_BUF_INIT;
	const struct vantio_record_fields *f = &hit->fields;
	cJSON *resource;

	*ret = (struct recorded){ 0 };
	vantio_span_text(&op, f->op);
	vantio_span_text(&rule, f->rule);
	vantio_buf_puts(&rule, "");
	if (op.failed || rule.failed)
		return vantio_fail(err, ENOMEM, "out of memory");
	ret->op = op.len ? vantio_op_from_name(op.data) : VANTIO_OP_NONE;
	ret->rule = vantio_buf_steal(&rule);
	ret->permitted = f->decision.len == strlen("permit") && !memcmp(f->decision.p, "permit", f->decision.len);
	*ret_kind = RECORDED_OTHER;
	if (!by_rules(ret->op, ret->rule))
		return 0;
	*ret_kind = RECORDED_QUESTION;
	if (ret->op >= VANTIO_OP_MOUNT && ret->op <= VANTIO_OP_KEYRING) /* its surface is all that a policy asks about */
		return 0;
	resource = ledger_view_private(hit, "resource");
	if (!resource)
		*ret_kind = hit->private_bad ? RECORDED_DAMAGED : RECORDED_ERASED;
	else if (!ask(ret, resource))
		*ret_kind = RECORDED_UNASKABLE;
	cJSON_Delete(resource);
	ret->reads = *ret_kind == RECORDED_QUESTION && ret->op == VANTIO_OP_WRITE && opens_both(hit);
	return 0;
}

/* ---- a policy's answer ---- */

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
static bool is_unsettled(const struct vantio_policy *p, const struct recorded *q, const struct vantio_explanation *e)
{
	const bool local = q->op == VANTIO_OP_BIND || q->op == VANTIO_OP_LISTEN;

	if (!q->net.family || e->reason == VANTIO_REASON_DENY)
		return false;
	if (e->decision == VANTIO_PERMIT)
		return names_cover(p, VANTIO_LIST_NET_DENY, &q->net);
	return names_cover(p, local ? VANTIO_LIST_NET_LISTEN : VANTIO_LIST_NET_CONNECT, &q->net);
}

enum recorded_answer recorded_judge(const struct vantio_policy *p, const struct vantio_image *image, const struct recorded *q,
				    struct vantio_explanation *ret)
{
	struct vantio_error ignored = { 0 };
	struct vantio_explanation named;
	const char *op = vantio_op_name(q->op);

	if (vantio_policy_explain(p, image, op, q->target, q->target2, ret, &ignored) < 0)
		return RECORDED_NO_ANSWER;
	if (q->reads && ret->decision == VANTIO_PERMIT && vantio_policy_explain(p, image, vantio_op_name(VANTIO_OP_READ), q->target, NULL, ret, &ignored) < 0)
		return RECORDED_NO_ANSWER;
	if (!is_unsettled(p, q, ret))
		return RECORDED_ANSWER;
	if (!q->host || vantio_policy_explain(p, image, op, q->host, NULL, &named, &ignored) < 0 || !named.rule.rule)
		return RECORDED_UNSETTLED;
	*ret = named;
	return RECORDED_ANSWER;
}

/* ---- all of them ---- */

struct each {
	const struct vantio_filter *filter;
	int (*hit)(void *ctx, const struct vantio_hit *hit, struct vantio_error *err);
	void *ctx;
	uint64_t n, last;
};

static int take_hit(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	struct each *e = ctx;
	bool matches = true;
	cJSON *doc;

	e->n++;
	e->last = hit->fields.leaf;
	if (e->filter) {
		doc = ledger_view_json(hit);
		if (!doc)
			return vantio_fail(err, ENOMEM, "out of memory");
		matches = vantio_filter_matches(e->filter, ledger_filter_value, doc);
		cJSON_Delete(doc);
	}
	return matches ? e->hit(e->ctx, hit, err) : 0;
}

int recorded_each(struct vantio_reader *reader, const struct vantio_query *base, const struct vantio_filter *f,
		  int (*hit)(void *ctx, const struct vantio_hit *hit, struct vantio_error *err), void *ctx, struct vantio_error *err)
{
	struct each each = { .filter = f, .hit = hit, .ctx = ctx };
	struct vantio_query q = *base;
	uint64_t before;
	int e;

	q.limit = CHUNK;
	ledger_filter_narrow(f, &q);
	if (!q.below)
		return 0;
	do {
		before = each.n;
		e = vantio_reader_find(reader, &q, take_hit, &each, err);
		q.has_after = true;
		q.after = each.last;
	} while (e == 0 && each.n - before == CHUNK);
	return e;
}
