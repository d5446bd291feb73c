// SPDX-License-Identifier: Apache-2.0
/*
 * Which rule stands behind a verdict. The automata do not tell rules apart (DESIGN 4), so the lists are searched with the reference
 * matcher; the literal beginning and end of a glob refuse nearly all of them first, at a few nanoseconds each.
 */
#include <stdio.h>
#include <string.h>

#include "policy/glob.h"
#include "policy/image.h"

static const char *const sections[] = {
	[VANTIO_DOMAIN_FILE] = "file", [VANTIO_DOMAIN_EXEC] = "exec", [VANTIO_DOMAIN_NET] = "network", [VANTIO_DOMAIN_UNIX] = "network",
};

static bool is_special(char c)
{
	return c && strchr("*?[]{},\\", c);
}

/* False only if the glob cannot match, by its bytes before the first special one and behind the last. */
static bool may_match(const char *glob, size_t glob_len, const char *path, size_t path_len)
{
	size_t i;

	for (i = 0; i < glob_len && !is_special(glob[i]); i++)
		if (i >= path_len || glob[i] != path[i])
			return i + 1 < glob_len && glob[i] == '/' && is_special(glob[i + 1]); /* may be the slash before two stars */
	if (i == glob_len)
		return glob_len == path_len;
	if (memchr(glob + i, '\\', glob_len - i))
		return true;
	for (i = 0; i < glob_len && !is_special(glob[glob_len - 1 - i]); i++)
		if (i >= path_len || glob[glob_len - 1 - i] != path[path_len - 1 - i])
			return false;
	return true;
}

static bool glob_matches(const char *glob, const char *path, size_t path_len)
{
	const size_t len = strlen(glob);

	return may_match(glob, len, path, path_len) && vantio_glob_match(glob, len, path, path_len);
}

static bool unix_matches(const struct vantio_net_rule *net, const char *input, size_t len)
{
	if (net->kind == VANTIO_NET_UNIX_ABSTRACT)
		return len == net->host_len + 1 && input[0] == '@' && !memcmp(input + 1, net->host, net->host_len);
	return net->kind == VANTIO_NET_UNIX_GLOB && vantio_glob_match(net->host, net->host_len, input, len);
}

/* `key` is the input of the NET automata. */
static bool address_matches(const struct vantio_net_rule *net, const uint8_t *key, size_t len)
{
	const bool v4 = key[0] == VANTIO_NET_TCP4 || key[0] == VANTIO_NET_UDP4;
	const bool udp = key[0] == VANTIO_NET_UDP4 || key[0] == VANTIO_NET_UDP6;
	const unsigned int port = len >= 2 ? (unsigned int)key[len - 2] << 8 | key[len - 1] : 0;
	unsigned int whole = net->prefix / 8, rest = net->prefix % 8;

	if (net->kind != VANTIO_NET_ADDRESS || len != (v4 ? 7 : 19) || net->family != (v4 ? 4 : 6) || net->prefix > (v4 ? 32 : 128) ||
	    !(net->protos & (udp ? VANTIO_PROTO_UDP : VANTIO_PROTO_TCP)))
		return false;
	if (memcmp(net->addr, key + 1, whole) || (rest && (net->addr[whole] ^ key[1 + whole]) >> (8 - rest)))
		return false;
	return net->port_lo <= port && port <= net->port_hi;
}

static void name_it(const struct vantio_policy *p, enum vantio_list list, size_t i, struct vantio_rule_ref *ret)
{
	ret->rule = &p->lists[list].items[i];
	ret->pos = ret->rule->pos;
	snprintf(ret->name, sizeof(ret->name), "%s[%zu]", vantio_list_name(list), i);
}

/* The first rule of a list that matches; an address may match by what a host name stands for. */
static bool find_in_list(const struct vantio_policy *p, const struct vantio_resolution *res, enum vantio_domain domain,
			 enum vantio_list list, const void *input, size_t len, struct vantio_rule_ref *ret)
{
	const struct vantio_rules *rules = &p->lists[list];
	size_t i;
	bool hit;

	for (i = 0; i < rules->n; i++) {
		if (domain == VANTIO_DOMAIN_NET)
			hit = address_matches(&rules->items[i].net, input, len);
		else if (domain == VANTIO_DOMAIN_UNIX)
			hit = unix_matches(&rules->items[i].net, input, len);
		else
			hit = glob_matches(rules->items[i].glob, input, len);
		if (hit) {
			name_it(p, list, i, ret);
			return true;
		}
	}
	for (i = 0; domain == VANTIO_DOMAIN_NET && res && i < res->n; i++) {
		if (res->items[i].list != list || !address_matches(&res->items[i].net, input, len))
			continue;
		if (res->items[i].rule < rules->n)
			name_it(p, list, res->items[i].rule, ret);
		else
			snprintf(ret->name, sizeof(ret->name), "network.resolver");
		return true;
	}
	return false;
}

void vantio_policy_name_rule(const struct vantio_policy *p, const struct vantio_resolution *res, enum vantio_domain domain,
			     enum vantio_reason reason, uint32_t access, const void *input, size_t len, struct vantio_rule_ref *ret)
{
	static const enum vantio_list denies[] = { VANTIO_LIST_FILE_DENY, VANTIO_LIST_EXEC_DENY, VANTIO_LIST_NET_DENY, VANTIO_LIST_NET_DENY };
	/* Which list names an allow: of several accesses the later one, as a write says more than a read. */
	static const enum vantio_list allows[][2] = {
		{ VANTIO_LIST_FILE_READ, VANTIO_LIST_FILE_WRITE },
		{ VANTIO_LIST_EXEC_ALLOW, VANTIO_LIST_EXEC_ALLOW },
		{ VANTIO_LIST_NET_CONNECT, VANTIO_LIST_NET_LISTEN },
		{ VANTIO_LIST_NET_CONNECT, VANTIO_LIST_NET_LISTEN },
	};
	enum vantio_list list;

	*ret = (struct vantio_rule_ref){ .name = "" };
	if ((unsigned int)domain >= VANTIO_DOMAIN_MAX)
		return;
	if (reason == VANTIO_REASON_DENY || reason == VANTIO_REASON_ALLOW) {
		if (!len)
			return;
		list = reason == VANTIO_REASON_DENY ? denies[domain] : allows[domain][!!(access & 2)];
		if (find_in_list(p, res, domain, list, input, len, ret))
			return;
		/* A deny may hold by inode, under a name that no rule matches: then only the list is known. */
		if (list != VANTIO_LIST_FILE_DENY || !find_in_list(p, res, domain, VANTIO_LIST_FILE_DENY_WRITE, input, len, ret))
			snprintf(ret->name, sizeof(ret->name), "%s", vantio_list_name(list));
		return;
	}
	snprintf(ret->name, sizeof(ret->name), "%s.default", sections[domain]);
	ret->pos = p->default_pos[domain == VANTIO_DOMAIN_UNIX ? VANTIO_DOMAIN_NET : domain];
}
