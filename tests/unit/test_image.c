// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "policy/image.h"
#include "policy_build.h"

static struct vantio_image *compile(const struct vantio_policy *p, const struct vantio_resolution *res)
{
	struct vantio_image *image = NULL;
	struct vantio_error err;

	if (vantio_image_compile(p, res, &image, &err) < 0)
		fail_msg("compile: %s", err.text);
	if (vantio_image_check(image->cells, image->n_cells, &err) < 0)
		fail_msg("check: %s", err.text);
	return image;
}

static void expect(const struct vantio_image *image, enum vantio_domain domain, uint32_t access, const char *input, uint32_t decision,
		   uint32_t reason)
{
	const struct vantio_verdict v = vantio_image_judge(image, domain, access, input, strlen(input));

	if (v.decision != decision || v.reason != reason)
		fail_msg("'%s': decision %u reason %u, not %u %u", input, v.decision, v.reason, decision, reason);
}

static void image_of_empty_policy_gives_defaults(void **state)
{
	cleanup_policy struct vantio_policy *p = build_policy();
	cleanup_image struct vantio_image *image = NULL;

	(void)state;
	p->default_allow[0] = true;
	image = compile(p, NULL);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_WRITE, "/a", VANTIO_PERMIT, VANTIO_REASON_DEFAULT);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_WRITE, "/", VANTIO_PERMIT, VANTIO_REASON_DEFAULT);
	expect(image, VANTIO_DOMAIN_EXEC, VANTIO_ACCESS_EXEC, "/a", VANTIO_BLOCK, VANTIO_REASON_DEFAULT);
	expect(image, VANTIO_DOMAIN_UNIX, VANTIO_ACCESS_CONNECT, "@a", VANTIO_BLOCK, VANTIO_REASON_DEFAULT);
	assert_int_equal(image->n_states, 0);
}

static void image_asked_without_access_or_input_denies(void **state)
{
	cleanup_policy struct vantio_policy *p = build_policy();
	cleanup_image struct vantio_image *image = NULL;

	(void)state;
	p->default_allow[0] = true;
	build_glob(p, VANTIO_LIST_FILE_READ, "**");
	image = compile(p, NULL);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ, "", VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
	expect(image, VANTIO_DOMAIN_FILE, 0, "/a", VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
	expect(image, VANTIO_DOMAIN_MAX, 1, "/a", VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
}

static void image_deny_beats_allow_beats_default(void **state)
{
	cleanup_policy struct vantio_policy *p = build_policy();
	cleanup_image struct vantio_image *image = NULL;

	(void)state;
	build_glob(p, VANTIO_LIST_FILE_READ, "/work/**");
	build_glob(p, VANTIO_LIST_FILE_WRITE, "/work/out/*");
	build_glob(p, VANTIO_LIST_FILE_DENY, "**/.env");
	image = compile(p, NULL);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ, "/work/a/b", VANTIO_PERMIT, VANTIO_REASON_ALLOW);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_WRITE, "/work/a/b", VANTIO_BLOCK, VANTIO_REASON_DEFAULT);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_WRITE, "/work/out/b", VANTIO_PERMIT, VANTIO_REASON_ALLOW);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ | VANTIO_ACCESS_WRITE, "/work/out/b", VANTIO_PERMIT, VANTIO_REASON_ALLOW);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ | VANTIO_ACCESS_WRITE, "/work/x", VANTIO_BLOCK, VANTIO_REASON_DEFAULT);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ, "/work/.env", VANTIO_BLOCK, VANTIO_REASON_DENY);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ, "/elsewhere", VANTIO_BLOCK, VANTIO_REASON_DEFAULT);
}

static void image_header_says_what_the_policy_says(void **state)
{
	cleanup_policy struct vantio_policy *p = build_policy();
	cleanup_image struct vantio_image *image = NULL;
	struct vantio_image_header h;

	(void)state;
	p->audit = p->loss_block = true;
	p->default_allow[2] = true;
	p->kernel_allow[VANTIO_SURFACE_PTRACE] = true;
	p->hash[31] = 7;
	image = compile(p, NULL);
	memcpy(&h, image->cells, sizeof(h));
	assert_int_equal(h.flags, VANTIO_IMAGE_AUDIT | VANTIO_IMAGE_LOSS_BLOCK);
	assert_int_equal(h.default_allow, 1u << VANTIO_DOMAIN_NET | 1u << VANTIO_DOMAIN_UNIX);
	assert_int_equal(h.kernel_deny, ((1u << VANTIO_SURFACE_MAX) - 1) & ~(1u << VANTIO_SURFACE_PTRACE));
	assert_int_equal(h.policy_hash[31], 7);
	assert_int_equal(h.gen, 0);
	assert_int_equal(h.n_cells, image->n_cells);
}

static void image_unix_rules_match_paths_and_abstract_names(void **state)
{
	cleanup_policy struct vantio_policy *p = build_policy();
	cleanup_image struct vantio_image *image = NULL;
	struct vantio_net_rule net = { .kind = VANTIO_NET_UNIX_GLOB, .host = strdup("/run/*.sock"), .host_len = 11 };

	(void)state;
	build_net(p, VANTIO_LIST_NET_CONNECT, &net);
	net = (struct vantio_net_rule){ .kind = VANTIO_NET_UNIX_ABSTRACT, .host = strdup("x*"), .host_len = 2 };
	build_net(p, VANTIO_LIST_NET_LISTEN, &net);
	net = (struct vantio_net_rule){ .kind = VANTIO_NET_UNIX_GLOB, .host = strdup("**"), .host_len = 2 };
	build_net(p, VANTIO_LIST_NET_LISTEN, &net);
	image = compile(p, NULL);
	expect(image, VANTIO_DOMAIN_UNIX, VANTIO_ACCESS_CONNECT, "/run/a.sock", VANTIO_PERMIT, VANTIO_REASON_ALLOW);
	expect(image, VANTIO_DOMAIN_UNIX, VANTIO_ACCESS_LISTEN, "/run/a.sock", VANTIO_PERMIT, VANTIO_REASON_ALLOW);
	expect(image, VANTIO_DOMAIN_UNIX, VANTIO_ACCESS_LISTEN, "@x*", VANTIO_PERMIT, VANTIO_REASON_ALLOW);
	expect(image, VANTIO_DOMAIN_UNIX, VANTIO_ACCESS_LISTEN, "@xy", VANTIO_BLOCK, VANTIO_REASON_DEFAULT);
	expect(image, VANTIO_DOMAIN_UNIX, VANTIO_ACCESS_CONNECT, "@x*", VANTIO_BLOCK, VANTIO_REASON_DEFAULT);
}

static void image_takes_addresses_of_names_from_resolution(void **state)
{
	cleanup_policy struct vantio_policy *p = build_policy();
	cleanup_image struct vantio_image *with = NULL, *without = NULL;
	struct vantio_net_rule net = { .kind = VANTIO_NET_NAME, .protos = 3, .port_lo = 443, .port_hi = 443, .host = strdup("a.b") };
	struct vantio_resolved item = { .list = VANTIO_LIST_NET_CONNECT, .net = { .protos = VANTIO_PROTO_TCP, .family = 4, .prefix = 32,
					.addr = { 192, 0, 2, 1 }, .port_lo = 443, .port_hi = 443 } };
	const struct vantio_resolution res = { &item, 1 };
	struct vantio_net_key key;

	(void)state;
	build_net(p, VANTIO_LIST_NET_CONNECT, &net);
	without = compile(p, NULL);
	with = compile(p, &res);
	vantio_net_key_build(&key, 1, 0, (const __u8[]){ 192, 0, 2, 1 }, 443, 1);
	assert_int_equal(vantio_image_judge(without, VANTIO_DOMAIN_NET, 1, key.bytes, key.len).reason, VANTIO_REASON_DEFAULT);
	assert_int_equal(vantio_image_judge(with, VANTIO_DOMAIN_NET, 1, key.bytes, key.len).reason, VANTIO_REASON_ALLOW);
	vantio_net_key_build(&key, 1, 1, (const __u8[]){ 192, 0, 2, 1 }, 443, 1);
	assert_int_equal(vantio_image_judge(with, VANTIO_DOMAIN_NET, 1, key.bytes, key.len).reason, VANTIO_REASON_DEFAULT);
}

/* Equal languages make equal automata, however they are spelled. */
static void image_is_minimal_over_spellings(void **state)
{
	cleanup_policy struct vantio_policy *p = build_policy(), *q = build_policy();
	cleanup_image struct vantio_image *a = NULL, *b = NULL;

	(void)state;
	build_glob(p, VANTIO_LIST_FILE_READ, "/{a,b,c}x/**");
	build_glob(p, VANTIO_LIST_FILE_READ, "/ax/deep/**/er");
	build_glob(q, VANTIO_LIST_FILE_READ, "/ax/**");
	build_glob(q, VANTIO_LIST_FILE_READ, "/[b-c]x/**");
	a = compile(p, NULL);
	b = compile(q, NULL);
	assert_int_equal(a->n_states, b->n_states);
	assert_int_equal(a->n_states, 5); /* start, "/", one letter, "x", and all below */
}

static void image_too_big_names_the_rules_to_blame(void **state)
{
	cleanup_policy struct vantio_policy *p = build_policy();
	struct vantio_image *image = NULL;
	struct vantio_error err;
	char glob[64];
	int i;

	(void)state;
	build_glob(p, VANTIO_LIST_FILE_DENY, "/harmless/**");
	/* The automaton would have to remember which of the last 24 components was which. */
	for (i = 0; i < 4; i++) {
		snprintf(glob, sizeof(glob), "**/%c/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/x", 'a' + i);
		build_glob(p, VANTIO_LIST_FILE_DENY, glob);
	}
	assert_int_equal(vantio_image_compile(p, NULL, &image, &err), -7);
	assert_null(image);
	assert_non_null(strstr(err.text, "file.deny["));
	assert_non_null(strstr(err.text, "p.toml:"));
	assert_null(strstr(err.text, "harmless"));
}

/* Rules such as people write them to keep secrets: without care they would need a state for each subset of the words. */
static void image_of_words_anywhere_stays_small(void **state)
{
	cleanup_policy struct vantio_policy *p = build_policy();
	cleanup_image struct vantio_image *image = NULL;
	char glob[64];
	int i;

	(void)state;
	for (i = 0; i < 60; i++) {
		snprintf(glob, sizeof(glob), i % 2 ? "**/*w%c%c*" : "**/*w%c%c*/**", 'a' + i % 20, 'a' + i / 3);
		build_glob(p, i % 3 ? VANTIO_LIST_FILE_DENY : VANTIO_LIST_FILE_READ, glob);
	}
	image = compile(p, NULL);
	assert_in_range(image->n_states, 20, 500);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ, "/a/xwbay/c", VANTIO_BLOCK, VANTIO_REASON_DEFAULT);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ, "/a/xwbay", VANTIO_BLOCK, VANTIO_REASON_DENY);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ, "/a/xwaay/c", VANTIO_PERMIT, VANTIO_REASON_ALLOW);
	expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ, "/a/xwcay/c", VANTIO_BLOCK, VANTIO_REASON_DENY);
}

static void image_of_several_pages_keeps_each_row_in_one(void **state)
{
	cleanup_policy struct vantio_policy *p = build_policy();
	cleanup_image struct vantio_image *image = NULL;
	char text[64];
	uint32_t i, crossing = 0;

	(void)state;
	for (i = 0; i < 40000; i++) {
		snprintf(text, sizeof(text), "/srv/%x/%x-*", i * 2654435761u, i);
		build_glob(p, VANTIO_LIST_FILE_READ, text);
	}
	image = compile(p, NULL);
	assert_true(image->n_cells > 2 * VANTIO_PAGE_CELLS);
	for (i = VANTIO_IMAGE_HEADER_CELLS; i < image->n_cells; i++)
		if (image->cells[i].check & VANTIO_CELL_STATE)
			crossing += i / VANTIO_PAGE_CELLS != (i + 256) / VANTIO_PAGE_CELLS;
	assert_int_equal(crossing, 0);
	for (i = 0; i < 40000; i += 999) {
		snprintf(text, sizeof(text), "/srv/%x/%x-a", i * 2654435761u, i);
		expect(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ, text, VANTIO_PERMIT, VANTIO_REASON_ALLOW);
	}
}

static void image_with_a_row_across_pages_is_refused(void **state)
{
	cleanup_policy struct vantio_policy *p = build_policy();
	cleanup_image struct vantio_image *image = compile(p, NULL);
	const uint32_t n = VANTIO_PAGE_CELLS + 512;
	struct vantio_cell *cells = calloc(n, sizeof(*cells));
	struct vantio_error err = { 0 };

	(void)state;
	assert_non_null(cells);
	memcpy(cells, image->cells, sizeof(struct vantio_image_header));
	((struct vantio_image_header *)cells)->n_cells = n;
	cells[VANTIO_PAGE_CELLS - 257].check = VANTIO_CELL_STATE;
	assert_int_equal(vantio_image_check(cells, n, &err), 0);
	cells[VANTIO_PAGE_CELLS - 256].check = VANTIO_CELL_STATE;
	assert_int_equal(vantio_image_check(cells, n, &err), -22);
	assert_non_null(strstr(err.text, "leaves its page"));
	free(cells);
}

static void image_hostile_cells_are_refused(void **state)
{
	cleanup_policy struct vantio_policy *p = build_policy();
	cleanup_image struct vantio_image *image = NULL;
	struct vantio_cell *c;
	struct vantio_error err;
	uint32_t i, kept, refused = 0;

	(void)state;
	build_glob(p, VANTIO_LIST_FILE_READ, "/a/*b");
	image = compile(p, NULL);
	c = image->cells;
	for (i = VANTIO_IMAGE_HEADER_CELLS; i < image->n_cells; i++) {
		kept = c[i].next;
		c[i].next = image->n_cells;
		refused += vantio_image_check(c, image->n_cells, &err) < 0;
		c[i].next = kept;
	}
	assert_int_equal(refused, image->n_cells - VANTIO_IMAGE_HEADER_CELLS);
	assert_int_equal(vantio_image_check(c, image->n_cells - 1, &err), -22);
	assert_int_equal(vantio_image_check(c, 3, &err), -22);
	c[0].check ^= 1;
	assert_int_equal(vantio_image_check(c, image->n_cells, &err), -22);
	assert_non_null(strstr(err.text, "no policy image"));
	c[0].check ^= 1;
	c[0].next++;
	assert_int_equal(vantio_image_check(c, image->n_cells, &err), -22);
	assert_non_null(strstr(err.text, "version"));
	c[0].next--;
	c[0x01].next -= 1; /* n_cells */
	assert_int_equal(vantio_image_check(c, image->n_cells - 1, &err), -22);
	assert_non_null(strstr(err.text, "leaves the image"));
	c[0x01].next += 1;
	assert_int_equal(vantio_image_check(c, image->n_cells, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(image_of_empty_policy_gives_defaults),
		cmocka_unit_test(image_asked_without_access_or_input_denies),
		cmocka_unit_test(image_deny_beats_allow_beats_default),
		cmocka_unit_test(image_header_says_what_the_policy_says),
		cmocka_unit_test(image_unix_rules_match_paths_and_abstract_names),
		cmocka_unit_test(image_takes_addresses_of_names_from_resolution),
		cmocka_unit_test(image_is_minimal_over_spellings),
		cmocka_unit_test(image_of_words_anywhere_stays_small),
		cmocka_unit_test(image_too_big_names_the_rules_to_blame),
		cmocka_unit_test(image_of_several_pages_keeps_each_row_in_one),
		cmocka_unit_test(image_with_a_row_across_pages_is_refused),
		cmocka_unit_test(image_hostile_cells_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
