/* SPDX-License-Identifier: Apache-2.0 */
/* Policies made by hand, and a random source with a seed that can be repeated, for the matcher's tests. */
#ifndef VANTIO_TESTS_POLICY_BUILD_H
#define VANTIO_TESTS_POLICY_BUILD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

static inline struct vantio_rule *build_rule(struct vantio_policy *p, enum vantio_list list)
{
	struct vantio_rules *rules = &p->lists[list];

	rules->items = realloc(rules->items, (rules->n + 1) * sizeof(*rules->items));
	if (!rules->items)
		abort();
	memset(&rules->items[rules->n], 0, sizeof(*rules->items));
	rules->items[rules->n].pos.line = (uint32_t)rules->n + 1;
	return &rules->items[rules->n++];
}

static inline void build_glob(struct vantio_policy *p, enum vantio_list list, const char *glob)
{
	struct vantio_rule *rule = build_rule(p, list);

	rule->text = strdup(glob);
	rule->glob = strdup(glob);
}

static inline void build_net(struct vantio_policy *p, enum vantio_list list, const struct vantio_net_rule *net)
{
	struct vantio_rule *rule = build_rule(p, list);

	rule->text = strdup("net");
	rule->net = *net;
}

static inline struct vantio_policy *build_policy(void)
{
	struct vantio_policy *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->file = strdup("p.toml");
	return p;
}

/* splitmix64 */
static inline uint64_t build_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static inline unsigned int build_below(uint64_t *state, unsigned int n)
{
	return (unsigned int)(build_random(state) % n);
}

/* A number from the environment, or `fallback`. */
static inline uint64_t build_setting(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : fallback;
}

#if defined(__SANITIZE_ADDRESS__)
#define BUILD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BUILD_SANITIZED 1
#endif
#endif
#ifndef BUILD_SANITIZED
#define BUILD_SANITIZED 0
#endif

#endif
