// SPDX-License-Identifier: Apache-2.0
/*
 * The compiled automata against the reference matcher on random globs and paths, and against comparing prefixes and ports one by
 * one on random network rules. VANTIO_TEST_SEED repeats a run, VANTIO_TEST_PAIRS sets its length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "policy/glob.h"
#include "policy/image.h"
#include "policy_build.h"

#define TEXT_MAX 400

struct text {
	char bytes[TEXT_MAX];
	size_t len;
};

static void put(struct text *t, char c)
{
	if (t->len < TEXT_MAX - 1)
		t->bytes[t->len++] = c;
	t->bytes[t->len] = '\0';
}

static void put_all(struct text *t, const char *s)
{
	while (*s)
		put(t, *s++);
}

/* ---- a random glob and, beside it, a path that it matches ---- */

static const char letters[] = "aaabbbcd.-_x\xe9";

static char letter(uint64_t *rng)
{
	return letters[build_below(rng, sizeof(letters) - 1)];
}

struct pair {
	uint64_t *rng;
	struct text glob, path;
	unsigned int depth;
};

static void make_piece(struct pair *p, unsigned int budget);

static void make_class(struct pair *p)
{
	static const struct {
		const char *glob, *members;
	} classes[] = {
		{ "[a-c]", "abc" }, { "[!a]", "bcx-" }, { "[^b-d]", "a_x" }, { "[]a]", "]a" }, { "[!]]", "ab" }, { "[a-]", "a-" },
		{ "[[:alpha:]]", "abx" }, { "[[:punct:]b]", ".-_b" }, { "[\\x61b]", "ab" }, { "[.a]", ".a" }, { "[[.-.]x]", "-x" },
		{ "[+-9]", "." "1" }, { "[,{]", ",{" }, { "[*?]", "*?" },
	};
	const unsigned int i = build_below(p->rng, VANTIO_ARRAY_SIZE(classes));

	put_all(&p->glob, classes[i].glob);
	put(&p->path, classes[i].members[build_below(p->rng, (unsigned int)strlen(classes[i].members))]);
}

static void make_alternatives(struct pair *p, unsigned int budget)
{
	const unsigned int n = 1 + build_below(p->rng, 3), chosen = build_below(p->rng, n);
	struct text kept;
	unsigned int i, j, pieces;

	put(&p->glob, '{');
	p->depth++;
	for (i = 0; i < n; i++) {
		kept = p->path;
		pieces = build_below(p->rng, 3);
		for (j = 0; j < pieces; j++)
			make_piece(p, budget / 2);
		if (i != chosen)
			p->path = kept;
		else if (i + 1 < n && build_below(p->rng, 8) == 0)
			put_all(&p->glob, "/b"), put_all(&p->path, "/b");
		if (i + 1 < n)
			put(&p->glob, ',');
	}
	p->depth--;
	put(&p->glob, '}');
}

/* Something within a component. */
static void make_piece(struct pair *p, unsigned int budget)
{
	unsigned int i, n;
	char c;

	switch (build_below(p->rng, budget ? 12 : 6)) {
	case 6:
	case 7:
		if (p->glob.len && p->glob.bytes[p->glob.len - 1] == '*')
			return;
		put(&p->glob, '*');
		for (i = 0, n = build_below(p->rng, 4); i < n; i++)
			put(&p->path, letter(p->rng));
		return;
	case 8:
		put(&p->glob, '?');
		put(&p->path, letter(p->rng));
		return;
	case 9:
		make_class(p);
		return;
	case 10:
		put_all(&p->glob, build_below(p->rng, 2) ? "\\*" : "\\x2a");
		put(&p->path, '*');
		return;
	case 11:
		if (p->depth < 3) {
			make_alternatives(p, budget);
			return;
		}
		/* fall through */
	default:
		c = letter(p->rng);
		put(&p->glob, c);
		put(&p->path, c);
	}
}

static void make_component(struct pair *p)
{
	unsigned int i, n;

	put(&p->glob, '/');
	if (build_below(p->rng, 6) == 0) {
		put_all(&p->glob, "**");
		for (i = 0, n = build_below(p->rng, 3); i < n; i++) {
			put(&p->path, '/');
			put(&p->path, letter(p->rng));
			if (build_below(p->rng, 2))
				put(&p->path, letter(p->rng));
		}
		return;
	}
	put(&p->path, '/');
	for (i = 0, n = 1 + build_below(p->rng, 4); i < n; i++)
		make_piece(p, 8);
	if (build_below(p->rng, 16) == 0)
		put_all(&p->glob, "{,/**}");
}

/* A glob that passes the check; most that are made do. */
static void make_glob(uint64_t *rng, struct pair *p)
{
	struct vantio_error err;
	unsigned int i, n;

	do {
		*p = (struct pair){ .rng = rng };
		n = build_below(rng, 5);
		for (i = 0; i < n; i++)
			make_component(p);
		if (n && !memcmp(p->glob.bytes, "/**", 3) && build_below(rng, 2)) {
			memmove(p->glob.bytes, p->glob.bytes + 1, p->glob.len);
			p->glob.len--;
		} else if (!n) {
			put_all(&p->glob, build_below(rng, 4) ? "/" : "**");
		}
	} while (vantio_glob_check(p->glob.bytes, p->glob.len, &err) < 0);
}

static void mutate(uint64_t *rng, struct text *path)
{
	size_t at = path->len ? build_below(rng, (unsigned int)path->len) : 0;

	switch (build_below(rng, 5)) {
	case 0:
		if (path->len) {
			memmove(path->bytes + at, path->bytes + at + 1, path->len - at);
			path->len--;
		}
		break;
	case 1:
		if (path->len)
			path->bytes[at] = letter(rng);
		break;
	case 2:
		put(path, '/');
		put(path, letter(rng));
		break;
	case 3:
		path->len = at;
		break;
	default:
		if (path->len + 1 < TEXT_MAX) {
			memmove(path->bytes + at + 1, path->bytes + at, path->len - at);
			path->bytes[at] = build_below(rng, 2) ? '/' : letter(rng);
			path->len++;
		}
	}
}

/* As the kernel would say it: one slash between components, no dots alone. */
static void make_canonical(struct text *path)
{
	struct text out = { .len = 0 };
	size_t i = 0, from;

	while (i < path->len) {
		for (from = i; i < path->len && path->bytes[i] != '/'; i++)
			;
		if (i > from && !(i - from == 1 && path->bytes[from] == '.') && !(i - from == 2 && !memcmp(path->bytes + from, "..", 2))) {
			put(&out, '/');
			for (; from < i; from++)
				put(&out, path->bytes[from]);
		}
		i++;
	}
	if (!out.len)
		put(&out, '/');
	*path = out;
}

/* ---- globs ---- */

#define GLOBS_MAX 9

struct globs {
	struct pair pairs[GLOBS_MAX];
	enum vantio_list lists[GLOBS_MAX];
	size_t n;
};

static struct vantio_image *compile(const struct vantio_policy *p)
{
	struct vantio_image *image = NULL;
	struct vantio_error err;

	if (vantio_image_compile(p, NULL, &image, &err) < 0)
		fail_msg("compile: %s", err.text);
	if (vantio_image_check(image->cells, image->n_cells, &err) < 0)
		fail_msg("the compiler's own image is refused: %s", err.text);
	return image;
}

static struct vantio_image *make_globs(uint64_t *rng, struct globs *g)
{
	static const enum vantio_list lists[] = { VANTIO_LIST_FILE_READ, VANTIO_LIST_FILE_WRITE, VANTIO_LIST_FILE_DENY };
	cleanup_policy struct vantio_policy *p = build_policy();
	size_t i;

	g->n = build_below(rng, 3) ? 1 + build_below(rng, GLOBS_MAX) : 1;
	for (i = 0; i < g->n; i++) {
		make_glob(rng, &g->pairs[i]);
		g->lists[i] = lists[build_below(rng, 3)];
		build_glob(p, g->lists[i], g->pairs[i].glob.bytes);
	}
	return compile(p);
}

static void compare_path(const struct globs *g, const struct vantio_image *image, const struct text *path, uint64_t seed,
			 uint64_t *matches)
{
	static const enum vantio_list allows[] = { VANTIO_LIST_FILE_READ, VANTIO_LIST_FILE_WRITE };
	bool hit[VANTIO_LIST_MAX] = { false };
	enum vantio_reason want;
	struct vantio_verdict v;
	unsigned int a;
	size_t i;

	for (i = 0; i < g->n; i++) {
		if (vantio_glob_match(g->pairs[i].glob.bytes, g->pairs[i].glob.len, path->bytes, path->len)) {
			hit[g->lists[i]] = true;
			(*matches)++;
		}
	}
	for (a = 0; a < 2; a++) {
		want = hit[VANTIO_LIST_FILE_DENY] ? VANTIO_REASON_DENY : hit[allows[a]] ? VANTIO_REASON_ALLOW : VANTIO_REASON_DEFAULT;
		v = vantio_image_judge(image, VANTIO_DOMAIN_FILE, 1u << a, path->bytes, path->len);
		if (v.reason == want && v.decision == (want == VANTIO_REASON_ALLOW ? VANTIO_PERMIT : VANTIO_BLOCK))
			continue;
		for (i = 0; i < g->n; i++)
			print_error("%s '%s'\n", vantio_list_name(g->lists[i]), g->pairs[i].glob.bytes);
		fail_msg("seed %#llx: '%s', access %u: compiled says reason %u, reference %u", (unsigned long long)seed, path->bytes,
			 1u << a, v.reason, want);
	}
}

/*
 * The path that was made along with one of the globs, changed a little half of the time.
 */
static void make_path(uint64_t *rng, const struct globs *g, struct text *path)
{
	*path = g->pairs[build_below(rng, (unsigned int)g->n)].path;
	while (build_below(rng, 2))
		mutate(rng, path);
	make_canonical(path);
}

static void matcher_agrees_with_reference_on_random_globs(void **state)
{
	const uint64_t seed = build_setting("VANTIO_TEST_SEED", 0x76616e74696f);
	const uint64_t want = build_setting("VANTIO_TEST_PAIRS", BUILD_SANITIZED ? 50000 : 1000000);
	uint64_t rng = seed, pairs = 0, matches = 0;
	struct globs *g = malloc(sizeof(*g));
	struct text path;
	int i;

	(void)state;
	while (pairs < want) {
		cleanup_image struct vantio_image *image = make_globs(&rng, g);

		for (i = 0; i < 20; i++) {
			make_path(&rng, g, &path);
			compare_path(g, image, &path, seed, &matches);
			pairs += g->n;
		}
	}
	free(g);
	print_message("%llu pairs, %llu matches, seed %#llx\n", (unsigned long long)pairs, (unsigned long long)matches,
		      (unsigned long long)seed);
	assert_true(matches * 5 >= pairs);
}

/* ---- network rules ---- */

/* Few different addresses, so that rules and keys meet. */
static void make_address(uint64_t *rng, uint8_t addr[16])
{
	int i;

	for (i = 0; i < 16; i++)
		addr[i] = (uint8_t)(build_below(rng, 3) ? 0x0a : build_below(rng, 2) ? 0x80 : build_below(rng, 256));
}

static void make_net(uint64_t *rng, struct vantio_net_rule *r)
{
	unsigned int i, bits;

	memset(r, 0, sizeof(*r));
	r->kind = VANTIO_NET_ADDRESS;
	r->protos = (uint8_t)(1 + build_below(rng, 3));
	r->family = build_below(rng, 2) ? 4 : 6;
	bits = r->family == 4 ? 32 : 128;
	r->prefix = (uint8_t)(build_below(rng, 3) ? build_below(rng, 17) : bits - build_below(rng, 10));
	make_address(rng, r->addr);
	for (i = 0; i < 128; i++)
		if (i >= r->prefix)
			r->addr[i / 8] &= (uint8_t)~(0x80u >> i % 8);
	if (r->family == 4)
		memset(r->addr + 4, 0, 12);
	switch (build_below(rng, 3)) {
	case 0:
		r->port_hi = 65535;
		break;
	case 1:
		r->port_lo = r->port_hi = (uint16_t)(build_below(rng, 2) ? 443 : build_below(rng, 65536));
		break;
	default:
		r->port_lo = (uint16_t)build_below(rng, 2000);
		r->port_hi = (uint16_t)(r->port_lo + build_below(rng, 2) * build_below(rng, 60000));
	}
}

static bool net_matches(const struct vantio_net_rule *r, bool v4, bool udp, const uint8_t *addr, uint16_t port)
{
	unsigned int i;

	if ((r->family == 4) != v4 || !(r->protos & (udp ? VANTIO_PROTO_UDP : VANTIO_PROTO_TCP)))
		return false;
	for (i = 0; i < r->prefix; i++)
		if ((r->addr[i / 8] ^ addr[i / 8]) & 0x80u >> i % 8)
			return false;
	return r->port_lo <= port && port <= r->port_hi;
}

#define NETS_MAX 6

static void compare_key(uint64_t *rng, const struct vantio_policy *p, const struct vantio_image *image, uint64_t seed,
			uint64_t *matches)
{
	const enum vantio_list lists[] = { VANTIO_LIST_NET_CONNECT, VANTIO_LIST_NET_LISTEN, VANTIO_LIST_NET_DENY };
	const bool v4 = build_below(rng, 2), udp = build_below(rng, 2);
	bool hit[3] = { false };
	struct vantio_net_key key;
	struct vantio_verdict v;
	enum vantio_reason want;
	uint8_t addr[16];
	uint16_t port;
	unsigned int l;
	size_t i;

	make_address(rng, addr);
	port = (uint16_t)(build_below(rng, 2) ? 443 : build_below(rng, build_below(rng, 2) ? 2000 : 65536));
	vantio_net_key_build(&key, v4, udp, addr, port, 0);
	for (l = 0; l < 3; l++)
		for (i = 0; i < p->lists[lists[l]].n; i++)
			hit[l] |= net_matches(&p->lists[lists[l]].items[i].net, v4, udp, addr, port);
	*matches += hit[0] || hit[1] || hit[2];
	for (l = 0; l < 2; l++) {
		want = hit[2] ? VANTIO_REASON_DENY : hit[l] ? VANTIO_REASON_ALLOW : VANTIO_REASON_DEFAULT;
		v = vantio_image_judge(image, VANTIO_DOMAIN_NET, 1u << l, key.bytes, key.len);
		if (v.reason != want)
			fail_msg("seed %#llx: access %u port %u: compiled says reason %u, reference %u", (unsigned long long)seed, 1u << l,
				 port, v.reason, want);
	}
}

static void matcher_agrees_with_reference_on_random_networks(void **state)
{
	const uint64_t seed = build_setting("VANTIO_TEST_SEED", 0x6e6574);
	const uint64_t want = build_setting("VANTIO_TEST_PAIRS", BUILD_SANITIZED ? 50000 : 1000000) / 4;
	uint64_t rng = seed, keys = 0, matches = 0;
	struct vantio_net_rule net;
	unsigned int i, n;

	(void)state;
	while (keys < want) {
		cleanup_policy struct vantio_policy *p = build_policy();
		cleanup_image struct vantio_image *image = NULL;

		for (i = 0, n = 1 + build_below(&rng, NETS_MAX); i < n; i++) {
			make_net(&rng, &net);
			build_net(p, VANTIO_LIST_NET_CONNECT + build_below(&rng, 3), &net);
		}
		image = compile(p);
		for (i = 0; i < 50; i++, keys++)
			compare_key(&rng, p, image, seed, &matches);
	}
	print_message("%llu keys, %llu matches, seed %#llx\n", (unsigned long long)keys, (unsigned long long)matches,
		      (unsigned long long)seed);
	assert_true(matches * 10 >= keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matcher_agrees_with_reference_on_random_globs),
		cmocka_unit_test(matcher_agrees_with_reference_on_random_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
