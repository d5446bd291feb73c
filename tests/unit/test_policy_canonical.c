// SPDX-License-Identifier: Apache-2.0
/*
 * The hash is of what a policy says: random policies written in random order and layout hash alike, and hash differently as
 * soon as one fact differs.
 */
#include "policy_texts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

#define ROUNDS   300
#define RULES_MAX 12

static uint32_t seed = 20240607;

static uint32_t draw(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* ---- a policy as facts, before it is written ---- */

static const char *const list_keys[VANTIO_LIST_MAX] = { "read", "write", "deny", "deny_write", "allow", "deny", "connect", "listen", "deny" };
static const size_t list_sections[VANTIO_LIST_MAX] = { 0, 0, 0, 0, 1, 1, 2, 2, 2 };
static const char *const section_names[3] = { "file", "exec", "network" };
static const char *const limit_names[] = { "unlink", "rename", "chmod", "truncate", "connect", "exec", "fork" };
static const char *const surface_names[] = { "mount", "ptrace", "signal", "bpf", "module",
					     "userns", "raw_socket", "io_uring", "perf", "keyring" };

struct facts {
	bool audit, all, block, svid;
	uint32_t cgroups;              /* bits */
	bool allow[3];
	uint32_t rules[VANTIO_LIST_MAX]; /* bits: which of the pool */
	uint32_t limits[VANTIO_ARRAY_SIZE(limit_names)]; /* 0 is none, else max */
	uint32_t surfaces;             /* bits that allow */
};

static const char *pool(size_t list, size_t i)
{
	static const char *const paths[RULES_MAX] = { "/a",	"/a/**", "/a/b c", "~/x",  "**/.env", "/\\\"q\\\"",
						      "/\\\\*", "/\\\\n", "/\\n",	  "/\\u00e9", "/\\u00e9*", "$WORKDIR/**" };
	static const char *const nets[RULES_MAX] = { "10.0.0.0/8",	   "10.0.0.0/8:80", "tcp:10.0.0.0/8", "udp:10.0.0.0/8",
						     "[2001:db8::]/32", "a.example",     "b.example:443",  "unix:/run/x",
						     "unix:@x",	   "unix:@x y",     "[::1]:80-90",    "127.0.0.1:1-65535" };

	return list < VANTIO_LIST_NET_CONNECT ? paths[i] : nets[i];
}

static struct facts draw_facts(void)
{
	struct facts f = { .audit = draw(2), .all = draw(2), .block = draw(2), .svid = draw(2), .cgroups = draw(8), .surfaces = draw(1024) };

	for (size_t i = 0; i < 3; i++)
		f.allow[i] = draw(2);
	for (size_t i = 0; i < VANTIO_LIST_MAX; i++)
		f.rules[i] = draw(1u << RULES_MAX);
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(limit_names); i++)
		f.limits[i] = draw(3);
	return f;
}

/* ---- written in one of many ways ---- */

static void shuffle(size_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (size_t i = n; i > 1; i--) {
		size_t k = draw((uint32_t)i), t = order[i - 1];

		order[i - 1] = order[k];
		order[k] = t;
	}
}

static void add_layout(struct vantio_buf *out)
{
	static const char *const ways[] = { "\n", "\n\n", " # a comment, \"quoted\" = [1]\n", "\t\n#\n", "\r\n" };

	vantio_buf_puts(out, ways[draw(VANTIO_ARRAY_SIZE(ways))]);
}

static void write_list(struct vantio_buf *out, const char *key, uint32_t bits, const char *(*item)(size_t, size_t), size_t list, size_t n)
{
	size_t order[RULES_MAX];

	if (!bits && draw(2))
		return; /* an empty list is as good as none */
	vantio_buf_printf(out, "%s = [", key);
	shuffle(order, n);
	for (size_t i = 0; i < n; i++) {
		if (!(bits & 1u << order[i]))
			continue;
		for (uint32_t again = 0; again <= draw(3) / 2; again++) {
			vantio_buf_printf(out, "\"%s\",", item(list, order[i]));
			if (draw(2))
				add_layout(out);
		}
	}
	vantio_buf_puts(out, "]");
	add_layout(out);
}

static const char *cgroup(size_t list, size_t i)
{
	static const char *const names[] = { "/a", "/a/**", "/b.slice/c" };

	(void)list;
	return names[i];
}

static void write_section(struct vantio_buf *out, const struct facts *f, size_t section)
{
	size_t order[VANTIO_LIST_MAX];

	vantio_buf_printf(out, "[%s]", section_names[section]);
	add_layout(out);
	if (draw(2))
		vantio_buf_printf(out, "default = '%s'\n", f->allow[section] ? "allow" : "deny");
	else
		vantio_buf_printf(out, "\"default\" =\t\"%s\"\n", f->allow[section] ? "allow" : "deny");
	shuffle(order, VANTIO_LIST_MAX);
	for (size_t i = 0; i < VANTIO_LIST_MAX; i++)
		if (list_sections[order[i]] == section)
			write_list(out, list_keys[order[i]], f->rules[order[i]], pool, order[i], RULES_MAX);
}

static void write_limits(struct vantio_buf *out, const struct facts *f)
{
	static const char *const minutes[] = { "60s", "1m", "60000ms" };
	size_t order[VANTIO_ARRAY_SIZE(limit_names)];

	vantio_buf_puts(out, "[limits]\n");
	shuffle(order, VANTIO_ARRAY_SIZE(limit_names));
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(limit_names); i++)
		if (f->limits[order[i]])
			vantio_buf_printf(out, "%s = { per = \"%s\", action = \"block\", max = %u }\n", limit_names[order[i]],
					  minutes[draw(3)], f->limits[order[i]]);
}

static void write_kernel(struct vantio_buf *out, const struct facts *f)
{
	size_t order[VANTIO_ARRAY_SIZE(surface_names)];

	vantio_buf_puts(out, "[kernel]\n");
	shuffle(order, VANTIO_ARRAY_SIZE(surface_names));
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(surface_names); i++) {
		bool allow = f->surfaces & 1u << order[i];

		if (allow || draw(2)) /* deny is what is not said */
			vantio_buf_printf(out, "%s = \"%s\"\n", surface_names[order[i]], allow ? "allow" : "deny");
	}
}

static void write_agent(struct vantio_buf *out, const struct facts *f)
{
	vantio_buf_puts(out, "[agent]\n");
	if (f->svid)
		vantio_buf_puts(out, "svid = \"spiffe://example.org/a\"\n");
	write_list(out, "cgroups", f->cgroups, cgroup, 0, 3);
}

static char *write_policy(const struct facts *f)
{
	struct vantio_buf out = VANTIO_BUF_INIT;
	size_t order[6];

	vantio_buf_printf(&out, "name = \"n%u\"\n", draw(1000)); /* the name is not in the hash */
	if (f->audit || draw(2))
		vantio_buf_printf(&out, "mode = \"%s\"\n", f->audit ? "audit" : "enforce");
	if (f->all || draw(2))
		vantio_buf_printf(&out, "record = \"%s\"\n", f->all ? "all" : "denied");
	vantio_buf_puts(&out, "schema = 1");
	add_layout(&out);
	if (f->block || draw(2))
		vantio_buf_printf(&out, "on_loss = \"%s\"\n", f->block ? "block" : "continue");
	shuffle(order, 6);
	for (size_t i = 0; i < 6; i++) {
		if (order[i] < 3)
			write_section(&out, f, order[i]);
		else if (order[i] == 3)
			write_limits(&out, f);
		else if (order[i] == 4)
			write_kernel(&out, f);
		else
			write_agent(&out, f);
	}
	return vantio_buf_steal(&out);
}

static void hash_of(const struct facts *f, uint8_t hash[32])
{
	cleanup_free char *text = write_policy(f);
	struct vantio_policy *p;

	assert_non_null(text);
	p = parse_good(text);
	memcpy(hash, p->hash, 32);
	vantio_policy_free(p);
}

/* ---- tests ---- */

static void policy_hash_does_not_see_order_or_layout(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct facts f = draw_facts();
		uint8_t a[32], b[32];

		hash_of(&f, a);
		hash_of(&f, b);
		assert_memory_equal(a, b, sizeof(a));
	}
}

static void change_one(struct facts *f)
{
	uint32_t what = draw(11 + VANTIO_LIST_MAX);

	switch (what) {
	case 0: f->audit = !f->audit; return;
	case 1: f->all = !f->all; return;
	case 2: f->block = !f->block; return;
	case 3: f->svid = !f->svid; return;
	case 4: f->cgroups ^= 1u << draw(3); return;
	case 5: f->surfaces ^= 1u << draw(VANTIO_ARRAY_SIZE(surface_names)); return;
	case 6: case 7: case 8: f->allow[what - 6] = !f->allow[what - 6]; return;
	case 9: case 10: {
		uint32_t *max = &f->limits[draw(VANTIO_ARRAY_SIZE(limit_names))];

		*max = (*max + 1) % 3;
		return;
	}
	default: f->rules[what - 11] ^= 1u << draw(RULES_MAX);
	}
}

static void policy_hash_sees_every_fact(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct facts f = draw_facts();
		uint8_t a[32], b[32];

		hash_of(&f, a);
		change_one(&f);
		hash_of(&f, b);
		assert_memory_not_equal(a, b, sizeof(a));
	}
}

/* A rule with a line break in it cannot pass for two facts, and a rule's list is part of the fact. */
static void policy_canonical_values_cannot_forge_facts(void **state)
{
	static const char *const texts[] = {
		HEAD EXECS NET FILES "read = [\"/a\\nfile.read /b\"]\n",
		HEAD EXECS NET FILES "read = [\"/a\", \"/b\"]\n",
		HEAD EXECS NET FILES "read = ['/a\\x0afile.read /b']\n",
		HEAD EXECS NET FILES "write = [\"/a\", \"/b\"]\n",
		HEAD EXECS NET FILES "read = [\"/a\"]\nwrite = [\"/b\"]\n",
		HEAD EXECS NET FILES "read = [\"/a file.read /b\"]\n",
	};
	uint8_t hashes[VANTIO_ARRAY_SIZE(texts)][32];

	(void)state;
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(texts); i++) {
		struct vantio_policy *p = parse_good(texts[i]);

		memcpy(hashes[i], p->hash, 32);
		vantio_policy_free(p);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(hashes[i], hashes[k], 32);
	}
}

/* The form and its hash are a promise to whoever kept a record: they change only with the schema. */
static void policy_canonical_form_is_as_documented(void **state)
{
	static const char text[] = HEAD "[agent]\ncgroups = [\"/b\", \"/a/**\"]\n" EXECS FILES "read = ['/a\\*', \"/\\u0007\"]\n" NET
				   "connect = [\"TCP.Example.:443\", \"[::ffff:10.0.0.0]/104\"]\n"
				   "[limits]\nfork = { max = 3, per = \"1m\", action = \"killswitch\" }\n[kernel]\nbpf = \"allow\"\n";
	static const char want[] =
		"vantio-policy 1\nmode enforce\nrecord denied\non_loss continue\nagent.cgroup /a/**\nagent.cgroup /b\n"
		"file.default deny\nfile.read /\\x07\nfile.read /a\\\\*\nexec.default deny\nnetwork.default deny\n"
		"network.connect 10.0.0.0/8\nnetwork.connect tcp.example:443\nlimits.fork 3 60000000000 killswitch\n"
		"kernel.mount deny\nkernel.ptrace deny\nkernel.signal deny\nkernel.bpf allow\nkernel.module deny\n"
		"kernel.userns deny\nkernel.raw_socket deny\nkernel.io_uring deny\nkernel.perf deny\nkernel.keyring deny\n";
	struct vantio_policy *p = parse_good(text);
	cleanup_buf struct vantio_buf form = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	char hex[65];

	(void)state;
	assert_int_equal(vantio_policy_canonical(p, &form, &err), 0);
	assert_string_equal(form.data, want);
	vantio_hex(hex, p->hash, sizeof(p->hash));
	assert_string_equal(hex, "cccfb511858ca1b22f4118e05544dc03ae5b9bde7e2f5a8fa33134ca051e5199");
	vantio_policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_hash_does_not_see_order_or_layout),
		cmocka_unit_test(policy_hash_sees_every_fact),
		cmocka_unit_test(policy_canonical_values_cannot_forge_facts),
		cmocka_unit_test(policy_canonical_form_is_as_documented),
	};

	return cmocka_run_group_tests_name("policy_canonical", tests, NULL, NULL);
}
