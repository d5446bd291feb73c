// SPDX-License-Identifier: Apache-2.0
/* `policy explain` and `policy test`: an operation in words, judged by the image that the kernel would get, and its rule. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/image.h"

struct question {
	const struct vantio_policy *policy;
	const struct vantio_image *image;
};

static void judge(const struct question *q, enum vantio_domain domain, uint32_t access, const void *input, size_t len,
		  struct vantio_explanation *ret)
{
	const struct vantio_verdict v = vantio_image_judge(q->image, domain, access, input, len);

	ret->decision = v.decision;
	ret->reason = v.reason;
	vantio_policy_name_rule(q->policy, NULL, domain, (enum vantio_reason)v.reason, access, input, len, &ret->rule);
	ret->decisive = v.decision == VANTIO_PERMIT ? 0 : 1;
}

static int fail_target(struct vantio_error *err, const char *target, const char *why)
{
	cleanup_free char *safe = vantio_escape_dup(target, strnlen(target, VANTIO_NAME_MAX * 2));

	return vantio_fail(err, EINVAL, "'%s': %s", safe ? safe : "", why);
}

/* ---- paths --------------------------------------------------------------------------------------- */

struct path {
	char bytes[VANTIO_PATH_MAX];
	size_t len;
};

/* Drops doubled slashes, `.` and a trailing slash. */
static int read_path(const char *whole, struct path *ret, struct vantio_error *err)
{
	const char *text = whole;
	size_t len;

	if (text[0] != '/')
		return fail_target(err, text, "a path begins with '/': explain looks at nothing but the text");
	ret->len = 0;
	while (*text) {
		text += strspn(text, "/");
		len = strcspn(text, "/");
		if (len == 2 && !memcmp(text, "..", 2))
			return fail_target(err, whole, "'..' depends on links that the text does not show: write the path that it leads to");
		if (ret->len + len + 1 >= sizeof(ret->bytes))
			return vantio_fail(err, EINVAL, "a path has at most %d bytes", VANTIO_PATH_MAX - 1);
		if (len && !(len == 1 && *text == '.')) {
			ret->bytes[ret->len++] = '/';
			memcpy(ret->bytes + ret->len, text, len);
			ret->len += len;
		}
		text += len;
	}
	if (!ret->len)
		ret->bytes[ret->len++] = '/';
	return 0;
}

static uint32_t granted(const struct question *q, enum vantio_domain domain, uint32_t all, const struct path *path)
{
	uint32_t bit, mask = 0;

	for (bit = 1; bit <= all; bit <<= 1)
		if (vantio_image_judge(q->image, domain, bit, path->bytes, path->len).decision == VANTIO_PERMIT)
			mask |= bit;
	return mask;
}

/* What the object may under its new name and may not under its old one. */
static bool find_gain(const struct question *q, const struct path *from, const struct path *to, struct vantio_explanation *ret)
{
	static const struct {
		enum vantio_domain domain;
		uint32_t access;
		const char *name;
	} accesses[] = {
		{ VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ, "read" },
		{ VANTIO_DOMAIN_FILE, VANTIO_ACCESS_WRITE, "write" },
		{ VANTIO_DOMAIN_EXEC, VANTIO_ACCESS_EXEC, "exec" },
	};
	struct vantio_explanation old, new;
	size_t i;

	for (i = 0; i < VANTIO_ARRAY_SIZE(accesses); i++) {
		if (granted(q, accesses[i].domain, accesses[i].access, from) & accesses[i].access ||
		    !(granted(q, accesses[i].domain, accesses[i].access, to) & accesses[i].access))
			continue;
		judge(q, accesses[i].domain, accesses[i].access, from->bytes, from->len, &old);
		judge(q, accesses[i].domain, accesses[i].access, to->bytes, to->len, &new);
		ret->decision = VANTIO_BLOCK;
		ret->reason = VANTIO_REASON_ESCALATE;
		ret->decisive = 0;
		ret->gained = accesses[i].name;
		ret->rule = old.rule;
		ret->rule2 = new.rule;
		return true;
	}
	return false;
}

static int explain_path(const struct question *q, enum vantio_domain domain, uint32_t access, const char *target,
			const char *target2, struct vantio_explanation *ret, struct vantio_error *err)
{
	struct vantio_explanation second = { .decision = VANTIO_BLOCK };
	struct path from, to;
	int r;

	r = read_path(target, &from, err);
	if (!r && target2)
		r = read_path(target2, &to, err);
	if (r)
		return r;
	judge(q, domain, access, from.bytes, from.len, ret);
	if (!target2)
		return 0;
	judge(q, domain, access, to.bytes, to.len, &second);
	ret->rule2 = second.rule;
	if (ret->decision != VANTIO_PERMIT)
		return 0;
	if (second.decision != VANTIO_PERMIT) {
		ret->decision = second.decision;
		ret->reason = second.reason;
		ret->decisive = 2;
	} else {
		find_gain(q, &from, &to, ret);
	}
	return 0;
}

/* ---- network ------------------------------------------------------------------------------------- */

static bool name_matches(const struct vantio_net_rule *rule, const char *host)
{
	const size_t len = strlen(host);

	if (rule->kind == VANTIO_NET_NAME)
		return !strcmp(rule->host, host);
	if (rule->kind == VANTIO_NET_SUFFIX)
		return len > rule->host_len + 1 && host[len - rule->host_len - 1] == '.' && !strcmp(host + len - rule->host_len, rule->host);
	return rule->kind == VANTIO_NET_ADDRESS && !rule->prefix; /* whatever the name stands for */
}

/* The first rule that names the target: for a deny one that touches its ports, for an allow one that covers them. */
static bool find_named(const struct vantio_policy *p, enum vantio_list list, const struct vantio_net_rule *target, uint8_t family,
		       struct vantio_rule_ref *ret)
{
	const bool whole = list != VANTIO_LIST_NET_DENY;
	size_t i;

	for (i = 0; i < p->lists[list].n; i++) {
		const struct vantio_rule *rule = &p->lists[list].items[i];
		const struct vantio_net_rule *net = &rule->net;

		if (!(net->protos & target->protos) || !name_matches(net, target->host) ||
		    (net->kind == VANTIO_NET_ADDRESS && family && net->family != family))
			continue;
		if (whole ? net->port_lo > target->port_lo || net->port_hi < target->port_hi
			  : net->port_lo > target->port_hi || net->port_hi < target->port_lo)
			continue;
		snprintf(ret->name, sizeof(ret->name), "%s[%zu]", vantio_list_name(list), i);
		ret->rule = rule;
		ret->pos = rule->pos;
		return true;
	}
	return false;
}

/* A host name, by the rules that name it; rules for every address of both families name every host. */
static void explain_name(const struct question *q, enum vantio_list list, const struct vantio_net_rule *target,
			 struct vantio_explanation *ret)
{
	struct vantio_rule_ref other = { .name = "" };

	ret->decision = VANTIO_BLOCK;
	ret->decisive = 1;
	ret->reason = VANTIO_REASON_DENY;
	if (find_named(q->policy, VANTIO_LIST_NET_DENY, target, 0, &ret->rule))
		return;
	if (find_named(q->policy, list, target, 4, &ret->rule) && find_named(q->policy, list, target, 6, &other)) {
		ret->decision = VANTIO_PERMIT;
		ret->decisive = 0;
		ret->reason = VANTIO_REASON_ALLOW;
		return;
	}
	ret->reason = VANTIO_REASON_DEFAULT;
	if (q->policy->default_allow[VANTIO_DOMAIN_NET]) {
		ret->decision = VANTIO_PERMIT;
		ret->decisive = 0;
	}
	vantio_policy_name_rule(q->policy, NULL, VANTIO_DOMAIN_NET, VANTIO_REASON_DEFAULT, 0, "", 1, &ret->rule);
}

/* Every port of the target, until one is refused. */
static void explain_address(const struct question *q, uint32_t access, const struct vantio_net_rule *target,
			    struct vantio_explanation *ret)
{
	const int udp = target->protos == VANTIO_PROTO_UDP, remote = access == VANTIO_ACCESS_CONNECT;
	static const __u8 zero[16];
	const bool both = !remote && target->family == 6 && !memcmp(target->addr, zero, 16);
	struct vantio_net_key key;
	struct vantio_verdict v;
	uint32_t port;
	int family4;

	for (port = target->port_lo; port <= target->port_hi; port++) {
		for (family4 = target->family == 4; family4 <= (both || target->family == 4); family4++) {
			vantio_net_key_build(&key, family4, udp, target->addr, (__u16)port, remote);
			v = vantio_image_judge(q->image, VANTIO_DOMAIN_NET, access, key.bytes, key.len);
			if (v.decision != VANTIO_PERMIT)
				goto out;
		}
	}
	vantio_net_key_build(&key, target->family == 4, udp, target->addr, (__u16)target->port_hi, remote); /* its own family's rule is named */
out:
	judge(q, VANTIO_DOMAIN_NET, access, key.bytes, key.len, ret);
}

static int explain_unix(const struct question *q, uint32_t access, const char *target, const char *name,
			struct vantio_explanation *ret, struct vantio_error *err)
{
	struct path path;
	int r;

	if (name[0] == '@' && name[1] && strlen(name) < VANTIO_PATH_MAX) {
		judge(q, VANTIO_DOMAIN_UNIX, access, name, strlen(name), ret);
		return 0;
	}
	if (name[0] != '/')
		return fail_target(err, target, "a unix target is 'unix:/path/of/the/socket' or 'unix:@name'");
	r = read_path(name, &path, err);
	if (!r)
		judge(q, VANTIO_DOMAIN_UNIX, access, path.bytes, path.len, ret);
	return r;
}

static int explain_net(const struct question *q, uint32_t access, const char *target, struct vantio_explanation *ret,
		       struct vantio_error *err)
{
	struct vantio_net_rule t;
	int r;

	if (!strncmp(target, "unix:", 5))
		return explain_unix(q, access, target, target + 5, ret, err);
	r = vantio_net_rule_parse(target, strlen(target), &t, err);
	if (r < 0)
		return r;
	if (t.protos == (VANTIO_PROTO_TCP | VANTIO_PROTO_UDP))
		t.protos = VANTIO_PROTO_TCP;
	if (t.kind == VANTIO_NET_SUFFIX || (t.kind == VANTIO_NET_ADDRESS && t.prefix != (t.family == 4 ? 32 : 128)))
		r = fail_target(err, target, "a target is one host or one address, not a pattern or a network");
	else if (t.kind == VANTIO_NET_NAME)
		explain_name(q, access == VANTIO_ACCESS_CONNECT ? VANTIO_LIST_NET_CONNECT : VANTIO_LIST_NET_LISTEN, &t, ret);
	else
		explain_address(q, access, &t, ret);
	vantio_net_rule_free(&t);
	return r;
}

/* ---- operations ---------------------------------------------------------------------------------- */

static void explain_surface(const struct vantio_policy *p, enum vantio_surface surface, struct vantio_explanation *ret)
{
	ret->decision = p->kernel_allow[surface] ? VANTIO_PERMIT : VANTIO_BLOCK;
	ret->decisive = p->kernel_allow[surface] ? 0 : 1;
	ret->reason = VANTIO_REASON_SURFACE;
	ret->rule.pos = p->kernel_pos[surface];
	snprintf(ret->rule.name, sizeof(ret->rule.name), "kernel.%s", vantio_surface_name(surface));
}

static int unknown_op(const char *op, struct vantio_error *err)
{
	const char *names[VANTIO_OP_PUSH], *near;
	cleanup_free char *safe = vantio_escape_dup(op, strnlen(op, VANTIO_NAME_MAX));
	size_t i, n = 0;

	for (i = VANTIO_OP_NONE + 1; i < VANTIO_OP_PUSH; i++)
		if (i != VANTIO_OP_SOCKET)
			names[n++] = vantio_op_name((enum vantio_op)i);
	near = vantio_nearest(op, names, n);
	if (near)
		return vantio_fail(err, EINVAL, "unknown operation '%s': did you mean '%s'?", safe ? safe : "", near);
	return vantio_fail(err, EINVAL, "unknown operation '%s': read, write, exec, connect, listen, unlink, rename and the others "
			   "that records name", safe ? safe : "");
}

static int check_targets(enum vantio_op op, const char *target, const char *target2, struct vantio_error *err)
{
	const bool two = op == VANTIO_OP_RENAME || op == VANTIO_OP_LINK;

	if (!target)
		return vantio_fail(err, EINVAL, "'%s' needs a target: what it is done to", vantio_op_name(op));
	if (two && !target2)
		return vantio_fail(err, EINVAL, "'%s' needs two targets: the old name and the new one", vantio_op_name(op));
	if (!two && target2)
		return vantio_fail(err, EINVAL, "'%s' takes one target; only rename and link take two", vantio_op_name(op));
	return 0;
}

int vantio_policy_explain(const struct vantio_policy *p, const struct vantio_image *image, const char *op, const char *target,
			  const char *target2, struct vantio_explanation *ret, struct vantio_error *err)
{
	const struct question q = { p, image };
	const enum vantio_op o = vantio_op_from_name(op);
	struct vantio_explanation e = { .decision = VANTIO_BLOCK };
	enum vantio_domain domain;
	uint32_t access;
	int r;

	if (o >= VANTIO_OP_MOUNT && o <= VANTIO_OP_KEYRING) {
		_Static_assert(VANTIO_OP_KEYRING - VANTIO_OP_MOUNT == VANTIO_SURFACE_KEYRING, "surfaces are in the order of their operations");
		if (target2)
			return vantio_fail(err, EINVAL, "'%s' takes one target at most", op);
		explain_surface(p, (enum vantio_surface)(o - VANTIO_OP_MOUNT), &e);
		*ret = e;
		return 0;
	}
	if (o == VANTIO_OP_SOCKET)
		return vantio_fail(err, EINVAL, "'socket' is judged by family and protocol, which [network] does not name: ask connect or listen");
	if (!vantio_op_access(o, &domain, &access))
		return unknown_op(op, err);
	r = check_targets(o, target, target2, err);
	if (!r && domain == VANTIO_DOMAIN_NET)
		r = explain_net(&q, access, target, &e, err);
	else if (!r)
		r = explain_path(&q, domain, access, target, target2, &e, err);
	if (!r)
		*ret = e;
	return r;
}
