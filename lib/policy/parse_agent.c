// SPDX-License-Identifier: Apache-2.0
/* [agent]: whose policy it is. SPIFFE IDs as the SPIFFE-ID standard (section 2) spells them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/parse.h"

#define SPIFFE        "spiffe://"
#define SVID_MAX      2048
#define DOMAIN_MAX    255
#define CGROUP_MAX    4095

static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
static const char mixed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

static bool is_dots(const char *s, size_t len)
{
	return (len == 1 && s[0] == '.') || (len == 2 && s[0] == '.' && s[1] == '.');
}

/* NULL if `id` is the SPIFFE ID of a workload, else what is wrong with it. */
static const char *svid_problem(const char *id)
{
	const char *domain = id + strlen(SPIFFE), *segment;
	size_t n;

	if (strlen(id) > SVID_MAX)
		return "a SPIFFE ID is at most 2,048 bytes";
	if (strncmp(id, SPIFFE, strlen(SPIFFE)) != 0)
		return "a SPIFFE ID begins with spiffe://, as in spiffe://example.org/agent/coder";
	n = strspn(domain, lower);
	if (n == 0 || n > DOMAIN_MAX || (domain[n] != '/' && domain[n] != '\0'))
		return "a trust domain is 1 to 255 of a-z, 0-9, '.', '-' and '_'";
	if (domain[n] == '\0')
		return "the trust domain alone names no agent: add a path, as in spiffe://example.org/agent/coder";
	for (segment = domain + n; *segment == '/'; segment += n) {
		segment++;
		n = strspn(segment, mixed);
		if (n == 0 && segment[0] == '\0')
			return "a SPIFFE ID does not end with '/'";
		if (n == 0 || (segment[n] != '/' && segment[n] != '\0'))
			return "each part of the path is one or more of a-z, A-Z, 0-9, '.', '-' and '_'";
		if (is_dots(segment, n))
			return "a part of the path cannot be '.' or '..'";
	}
	return NULL;
}

/* NULL if `path` is a cgroup or, with the two stars, a subtree of cgroups. */
static const char *cgroup_problem(const char *path, size_t len)
{
	if (len > CGROUP_MAX)
		return "a cgroup's path is at most 4,095 bytes";
	if (len == 0 || path[0] != '/')
		return "a cgroup is written from the root of the hierarchy, as in /system.slice/agents.slice/**";
	if (len >= 3 && memcmp(path + len - 3, "/**", 3) == 0)
		len -= 3;
	else if (path[len - 1] == '/' && len > 1)
		return "remove the slash at the end";
	if (len <= 1)
		return "the root cgroup holds every process of the machine, this one too: name a cgroup below it";
	for (size_t i = 0; i < len; i++) {
		size_t n = 0;

		if ((unsigned char)path[i] < ' ' || path[i] == 0x7f)
			return "a cgroup's name holds no control characters";
		if (strchr("*?[{", path[i]))
			return "only /** at the end is a wildcard here: name the cgroup above, whose whole subtree counts";
		if (path[i] != '/')
			continue;
		while (i + 1 + n < len && path[i + 1 + n] != '/')
			n++;
		if (n == 0 || is_dots(path + i + 1, n))
			return "a cgroup's path holds no empty parts, '.' or '..'";
	}
	return NULL;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Order does not count: sorted, without equals. */
static void settle_cgroups(struct vantio_policy *p)
{
	size_t kept = 0;

	if (p->n_cgroups == 0)
		return;
	qsort(p->cgroups, p->n_cgroups, sizeof(*p->cgroups), by_text);
	for (size_t i = 0; i < p->n_cgroups; i++) {
		if (kept > 0 && strcmp(p->cgroups[kept - 1], p->cgroups[i]) == 0)
			free(p->cgroups[i]);
		else
			p->cgroups[kept++] = p->cgroups[i];
	}
	p->n_cgroups = kept;
}

static void parse_cgroup(struct vantio_parse *c, const struct vantio_toml_node *item)
{
	const char *problem;
	char *copy;

	if (item->type != VANTIO_TOML_STRING) {
		vantio_parse_error(c, item->pos, "a cgroup must be a string, not %s", vantio_toml_type_name(item->type));
		return;
	}
	problem = cgroup_problem(item->string, item->string_len);
	if (problem) {
		vantio_parse_error(c, item->pos, "%s: %s", vantio_parse_quote(item->string, item->string_len).text, problem);
		return;
	}
	copy = strdup(item->string);
	if (copy)
		c->policy->cgroups[c->policy->n_cgroups++] = copy;
	else
		c->failed = true;
}

static void parse_cgroups(struct vantio_parse *c, const struct vantio_toml_node *list)
{
	if (list->n > VANTIO_CGROUPS) {
		vantio_parse_error(c, list->items[VANTIO_CGROUPS].pos, "more than %d cgroups: name one above them",
				   VANTIO_CGROUPS);
		return;
	}
	c->policy->cgroups = calloc(list->n ? list->n : 1, sizeof(char *));
	if (!c->policy->cgroups) {
		c->failed = true;
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		parse_cgroup(c, &list->items[i]);
	settle_cgroups(c->policy);
}

void vantio_parse_agent(struct vantio_parse *c, const struct vantio_toml_node *root)
{
	static const char *const known[] = { "svid", "cgroups" };
	const struct vantio_toml_node *agent = vantio_parse_member(c, root, "agent", VANTIO_TOML_TABLE), *item;
	const char *problem;

	if (!agent)
		return;
	if (c->layer->origin) {
		vantio_parse_error(c, agent->key_pos, "[agent] has no place in a preset: it says whose a policy is");
		return;
	}
	vantio_parse_keys(c, agent, "[agent]", known, VANTIO_ARRAY_SIZE(known));
	item = vantio_parse_member(c, agent, "svid", VANTIO_TOML_STRING);
	if (item) {
		problem = vantio_parse_has_nul(item) ? "a SPIFFE ID holds no NUL byte" : svid_problem(item->string);
		if (problem)
			vantio_parse_error(c, item->pos, "%s: %s", vantio_parse_quote(item->string, item->string_len).text, problem);
		else if (!(c->policy->svid = strdup(item->string)))
			c->failed = true;
	}
	item = vantio_parse_member(c, agent, "cgroups", VANTIO_TOML_ARRAY);
	if (item)
		parse_cgroups(c, item);
}
