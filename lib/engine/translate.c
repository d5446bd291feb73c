// SPDX-License-Identifier: Apache-2.0
#include "engine/translate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "engine/cgroup.h"
#include "policy/image.h"

void vantio_translator_clear(struct vantio_translator *t)
{
	size_t i;

	for (i = 0; i < VANTIO_CGROUP_NAMES; i++)
		free(t->cgroups[i].path);
	for (i = 0; i < VANTIO_PUSHED_KEPT; i++)
		vantio_pushed_free(&t->policies[i].pushed);
	memset(t, 0, sizeof(*t));
}

static const char *cgroup_name(struct vantio_translator *t, uint64_t id)
{
	struct vantio_error ignored = {};
	size_t i = id % VANTIO_CGROUP_NAMES;

	if (!id)
		return "";
	if (t->cgroups[i].id != id) {
		free(t->cgroups[i].path);
		t->cgroups[i].path = NULL;
		t->cgroups[i].id = id;
		vantio_cgroup_path(id, &t->cgroups[i].path, &ignored);
	}
	return t->cgroups[i].path ? t->cgroups[i].path : "";
}

/* The policy of a generation, kept; NULL where its text is gone. */
static const struct vantio_pushed *policy_of(struct vantio_translator *t, uint64_t gen)
{
	struct vantio_error ignored = {};
	size_t i, oldest = 0;

	for (i = 0; i < VANTIO_PUSHED_KEPT; i++) {
		if (t->policies[i].known && t->policies[i].pushed.gen == gen) {
			t->policies[i].used = ++t->clock;
			return t->policies[i].pushed.policy ? &t->policies[i].pushed : NULL;
		}
		if (t->policies[i].used < t->policies[oldest].used)
			oldest = i;
	}
	vantio_pushed_free(&t->policies[oldest].pushed);
	if (vantio_history_read(gen, &t->policies[oldest].pushed, &ignored))
		t->policies[oldest].pushed.gen = gen;
	t->policies[oldest].known = true;
	t->policies[oldest].used = ++t->clock;
	return t->policies[oldest].pushed.policy ? &t->policies[oldest].pushed : NULL;
}

/* ---- the rule ---- */

static const char *limit_name(const struct vantio_event *e)
{
	return e->op == VANTIO_OP_RMDIR ? "unlink" : vantio_op_name(e->op);
}

static const char *fixed_rule(const struct vantio_event *e, char out[64])
{
	switch (e->reason) {
	case VANTIO_REASON_SURFACE:
		snprintf(out, 64, "kernel.%s", vantio_surface_name(e->surface));
		return out;
	case VANTIO_REASON_FAMILY:
		return "network.default";
	case VANTIO_REASON_KILLSWITCH:
		return "engine.killswitch";
	case VANTIO_REASON_QUARANTINE:
		return "engine.quarantine";
	case VANTIO_REASON_LIMIT:
		snprintf(out, 64, "limits.%s", limit_name(e));
		return out;
	case VANTIO_REASON_UNGOVERNED:
		return "engine.ungoverned";
	case VANTIO_REASON_LOOKUP:
		return "engine.lookup";
	case VANTIO_REASON_PATH:
		return "engine.path";
	case VANTIO_REASON_ESCALATE:
		return "engine.escalate";
	case VANTIO_REASON_UNRECORDED:
		return "engine.unrecorded";
	case VANTIO_REASON_PROTECTED:
		return "engine.protect";
	case VANTIO_REASON_CONTROL:
		return "control";
	default:
		return NULL;
	}
}

/* What the evaluator was asked: domain and input. */
static enum vantio_domain question(const struct vantio_event_view *v, struct vantio_net_key *key, const void **ret_input, size_t *ret_len)
{
	const struct vantio_event *e = v->event;

	*ret_input = v->path;
	*ret_len = e->path_len;
	if (e->object == VANTIO_OBJECT_UNIX)
		return VANTIO_DOMAIN_UNIX;
	if (e->object != VANTIO_OBJECT_NET)
		return e->op == VANTIO_OP_EXEC || e->op == VANTIO_OP_MMAP_EXEC ? VANTIO_DOMAIN_EXEC : VANTIO_DOMAIN_FILE;
	vantio_net_key_build(key, e->family == AF_INET, e->sock_type != SOCK_STREAM, e->addr, e->port,
			     e->access == VANTIO_ACCESS_CONNECT);
	*ret_input = key->bytes;
	*ret_len = key->len;
	return VANTIO_DOMAIN_NET;
}

static void name_rule(struct vantio_translator *t, const struct vantio_event_view *v, const struct vantio_pushed *pushed,
		      struct vantio_record *ret)
{
	const struct vantio_event *e = v->event;
	struct vantio_rule_ref ref = {};
	struct vantio_net_key key;
	enum vantio_domain domain;
	enum vantio_list list;
	const void *input;
	size_t len;

	ret->rule = fixed_rule(e, t->rule);
	if (ret->rule)
		return;
	ret->rule = "unknown"; /* the policy's text is gone: its hash still says which it was */
	if (!pushed || pushed->other)
		return;
	domain = question(v, &key, &input, &len);
	list = domain == VANTIO_DOMAIN_EXEC ? VANTIO_LIST_EXEC_DENY : VANTIO_LIST_FILE_DENY;
	if (e->object == VANTIO_OBJECT_PATH && e->reason == VANTIO_REASON_DENY && e->target && e->target <= pushed->policy->lists[list].n) {
		snprintf(t->rule, sizeof(t->rule), "%s[%u]", vantio_list_name(list), e->target - 1); /* by its inode: no rule matches the path */
		ret->rule = t->rule;
		return;
	}
	vantio_policy_name_rule(pushed->policy, &pushed->res, domain, e->reason, e->access, input, len, &ref);
	if (!ref.rule && e->reason != VANTIO_REASON_DEFAULT && e->path2_len) /* the new name of a rename or link */
		vantio_policy_name_rule(pushed->policy, &pushed->res, domain, e->reason, e->access, v->path2, e->path2_len, &ref);
	if (ref.rule && !ref.pos.line) {
		ret->rule = "engine.protect";
		return;
	}
	snprintf(t->rule, sizeof(t->rule), "%s", ref.name);
	ret->rule = t->rule;
	if (ref.rule && (ref.rule->net.kind == VANTIO_NET_NAME || ref.rule->net.kind == VANTIO_NET_SUFFIX))
		ret->host_rule = ref.rule->net.host;
}

/* ---- the object ---- */

static void describe_target(struct vantio_translator *t, const struct vantio_event *e, struct vantio_record *ret)
{
	if (e->reason == VANTIO_REASON_FAMILY || e->surface == VANTIO_SURFACE_RAW_SOCKET)
		snprintf(t->words, sizeof(t->words), "socket family %u type %u protocol %u", e->family, e->sock_type, e->sock_proto);
	else if (e->op == VANTIO_OP_SIGNAL || e->op == VANTIO_OP_PTRACE)
		snprintf(t->words, sizeof(t->words), "%s pid %u", vantio_op_name(e->op), e->target);
	else
		snprintf(t->words, sizeof(t->words), "%s %u", vantio_op_name(e->op), e->target);
	ret->path = t->words;
	ret->path_len = strlen(t->words);
}

/* Of a packet it may be any. */
static const char *proto_name(struct vantio_translator *t, const struct vantio_event *e)
{
	static const struct {
		uint16_t number;
		const char *name;
	} names[] = { { IPPROTO_ICMP, "icmp" }, { IPPROTO_IPIP, "ipip" }, { IPPROTO_IPV6, "6in4" }, { IPPROTO_DCCP, "dccp" }, { IPPROTO_GRE, "gre" },
		      { IPPROTO_ICMPV6, "icmpv6" }, { IPPROTO_SCTP, "sctp" }, { IPPROTO_UDPLITE, "udplite" } };
	size_t i;

	if (e->hook != VANTIO_HOOK_CGROUP_SKB && e->hook != VANTIO_HOOK_TC_EGRESS)
		return e->sock_type == SOCK_STREAM ? "tcp" : "udp";
	if (e->sock_proto == IPPROTO_TCP || e->sock_proto == IPPROTO_UDP)
		return e->sock_proto == IPPROTO_TCP ? "tcp" : "udp";
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == e->sock_proto)
			return names[i].name;
	snprintf(t->words, sizeof(t->words), "ip-%u", e->sock_proto);
	return t->words;
}

static void set_object(struct vantio_translator *t, const struct vantio_event_view *v, struct vantio_record *ret)
{
	const struct vantio_event *e = v->event;

	ret->object = e->object;
	ret->path = v->path;
	ret->path_len = e->path_len;
	ret->path2 = v->path2;
	ret->path2_len = e->path2_len;
	if (e->object == VANTIO_OBJECT_TARGET && !e->path_len)
		describe_target(t, e, ret);
	if (e->object == VANTIO_OBJECT_NET) {
		ret->proto = proto_name(t, e);
		ret->family = e->family;
		ret->port = e->port;
		memcpy(ret->addr, e->addr, sizeof(ret->addr));
	}
	if (e->object == VANTIO_OBJECT_PATH && (e->flags & VANTIO_EVENT_NO_PATH)) {
		int n = snprintf(t->words, sizeof(t->words), "no path: %.*s", (int)(e->path_len < 200 ? e->path_len : 200), v->path);

		ret->object = VANTIO_OBJECT_TARGET;
		ret->path = t->words;
		ret->path_len = n < 0 ? 0 : strnlen(t->words, sizeof(t->words));
		ret->path2_len = 0;
	}
}

void vantio_translate(struct vantio_translator *t, const struct vantio_event_view *v, struct vantio_record *ret)
{
	const struct vantio_event *e = v->event;
	const struct vantio_pushed *pushed = e->gen ? policy_of(t, e->gen) : NULL;

	memset(ret, 0, sizeof(*ret));
	ret->mono_ns = e->mono_ns;
	ret->tier = "kernel";
	ret->agent = e->agent_name;
	ret->agent_svid = pushed && pushed->policy->svid ? pushed->policy->svid : "";
	ret->trace_id = e->trace_id;
	ret->cgroup_id = e->cgroup_id;
	ret->pid = e->pid;
	ret->tid = e->tid;
	ret->ppid = e->ppid;
	ret->uid = e->uid;
	ret->gid = e->gid;
	ret->hook = vantio_hook_name(e->hook);
	ret->op = vantio_op_name(e->op);
	ret->syscall_nr = e->syscall_nr;
	ret->policy = pushed ? pushed->policy->name : "";
	if (pushed)
		memcpy(ret->policy_hash, pushed->policy->hash, sizeof(ret->policy_hash));
	ret->policy_gen = e->gen;
	ret->decision = e->decision;
	ret->enforced = !!(e->flags & VANTIO_EVENT_ENFORCED);
	ret->count = e->count;
	memcpy(ret->args, e->args, sizeof(ret->args));
	ret->comm = e->comm;
	ret->comm_len = strnlen(e->comm, sizeof(e->comm));
	ret->exe = v->exe;
	ret->exe_len = e->exe_len;
	ret->cgroup = cgroup_name(t, e->cgroup_id);
	ret->cgroup_len = strlen(ret->cgroup);
	set_object(t, v, ret);
	name_rule(t, v, pushed, ret);
}
