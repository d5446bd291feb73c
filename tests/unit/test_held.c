// SPDX-License-Identifier: Apache-2.0
/* Held inodes: which rules name one object, what stays held over pushes, and the table that the kernel searches. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/held.h"
#include "inode.h"
#include "policy/glob.h"
#include "policy_build.h"

static const char *literal(const char *glob)
{
	static char out[VANTIO_PATH_MAX];

	return vantio_glob_literal(glob, strlen(glob), out, sizeof(out)) ? out : NULL;
}

static void literal_glob_is_one_path_without_its_escapes(void **state)
{
	(void)state;
	assert_string_equal(literal("/a/b"), "/a/b");
	assert_string_equal(literal("/a\\*b/\\x41\\{"), "/a*b/A{");
	assert_string_equal(literal("/a}]b,"), "/a}]b,");
	assert_null(literal("/a/*"));
	assert_null(literal("/a/?"));
	assert_null(literal("/[a]"));
	assert_null(literal("/{a}"));
	assert_null(literal("/a/**"));
	assert_null(literal("**/a"));
}

static void literal_path_that_does_not_fit_is_none(void **state)
{
	char small[4];

	(void)state;
	assert_true(vantio_glob_literal("/ab", 3, small, sizeof(small)));
	assert_string_equal(small, "/ab");
	assert_false(vantio_glob_literal("/abc", 4, small, sizeof(small)));
}

static void held_names_are_those_of_deny_rules_with_a_line(void **state)
{
	struct vantio_policy *p = build_policy();

	(void)state;
	build_glob(p, VANTIO_LIST_FILE_READ, "/a");
	build_glob(p, VANTIO_LIST_FILE_DENY, "/b/**");
	assert_false(vantio_held_names(p));
	build_glob(p, VANTIO_LIST_EXEC_DENY, "/c");
	assert_true(vantio_held_names(p));
	p->lists[VANTIO_LIST_EXEC_DENY].items[0].pos.line = 0; /* the engine's own */
	assert_false(vantio_held_names(p));
	vantio_policy_free(p);
}

static void put_item(struct vantio_held_set *s, enum vantio_list list, uint32_t rule, uint64_t ino, uint32_t generation)
{
	s->items = realloc(s->items, (s->n + 1) * sizeof(*s->items));
	if (!s->items)
		abort();
	s->items[s->n++] = (struct vantio_held_item){ .list = list, .rule = rule, .ino = ino, .dev = 7, .generation = generation };
}

static struct vantio_held_set one(uint64_t ino, uint32_t generation)
{
	struct vantio_held_set s = { 0 };

	put_item(&s, VANTIO_LIST_FILE_DENY, 0, ino, generation);
	return s;
}

static void held_before_is_kept_while_its_rule_is_there(void **state)
{
	struct vantio_policy *before = build_policy(), *p = build_policy(), *without = build_policy();
	struct vantio_held_set old = one(1, 5), now = one(2, 6), none = { 0 };
	struct vantio_error err;

	(void)state;
	build_glob(before, VANTIO_LIST_FILE_DENY, "/b");
	build_glob(p, VANTIO_LIST_FILE_DENY, "/a"); /* so that the rule has another number */
	build_glob(p, VANTIO_LIST_FILE_DENY, "/b");
	build_glob(without, VANTIO_LIST_FILE_DENY, "/c");
	now.items[0].rule = 1;
	assert_int_equal(vantio_held_keep(p, &now, before, &old, &err), 0);
	assert_int_equal(now.n, 2);
	assert_int_equal(now.items[0].ino, 2);
	assert_false(now.items[0].former);
	assert_int_equal(now.items[1].ino, 1);
	assert_int_equal(now.items[1].rule, 1);
	assert_true(now.items[1].former);
	assert_int_equal(vantio_held_keep(without, &none, before, &old, &err), 0);
	assert_int_equal(none.n, 0);
	vantio_held_free(&old);
	vantio_held_free(&now);
	vantio_policy_free(before);
	vantio_policy_free(p);
	vantio_policy_free(without);
}

static void held_before_without_a_generation_is_let_go(void **state)
{
	struct vantio_policy *p = build_policy();
	struct vantio_held_set old = one(1, 0), now = { 0 };
	struct vantio_error err;

	(void)state;
	build_glob(p, VANTIO_LIST_FILE_DENY, "/a");
	assert_int_equal(vantio_held_keep(p, &now, p, &old, &err), 0);
	assert_int_equal(now.n, 0);
	vantio_held_free(&old);
	vantio_policy_free(p);
}

/* A file that is replaced again and again: the newest ones stay. */
static void held_before_are_the_newest_few_and_each_once(void **state)
{
	struct vantio_policy *p = build_policy();
	struct vantio_held_set held = { 0 };
	struct vantio_error err;
	uint64_t ino;

	(void)state;
	build_glob(p, VANTIO_LIST_FILE_DENY, "/a");
	for (ino = 1; ino <= 100; ino++) {
		struct vantio_held_set now = one(ino % 2 ? ino : 1000, 5);

		assert_int_equal(vantio_held_keep(p, &now, p, &held, &err), 0);
		vantio_held_free(&held);
		held = now;
	}
	assert_int_equal(held.n, 1 + VANTIO_HELD_FORMER);
	assert_int_equal(held.items[0].ino, 1000);
	assert_int_equal(held.items[1].ino, 99);
	assert_int_equal(held.items[VANTIO_HELD_FORMER].ino, 99 - 2 * (VANTIO_HELD_FORMER - 1));
	vantio_held_free(&held);
	vantio_policy_free(p);
}

static void held_sets_are_the_same_whatever_was_before(void **state)
{
	struct vantio_held_set a = one(1, 5), b = one(1, 5);

	(void)state;
	put_item(&b, VANTIO_LIST_FILE_DENY, 0, 9, 5);
	assert_false(vantio_held_same(&a, &b));
	assert_false(vantio_held_same(&b, &a));
	b.items[1].former = true;
	assert_true(vantio_held_same(&a, &b));
	b.items[0].generation++;
	assert_false(vantio_held_same(&a, &b));
	vantio_held_free(&a);
	vantio_held_free(&b);
}

/* What the kernel does with a table (vantio_held_search), over all of it. */
static uint32_t search(const struct vantio_held *table, uint32_t n, struct vantio_held key, int domain)
{
	uint32_t at = vantio_held_hash(&key) & (n - 1), page = at / VANTIO_HELD_PER_PAGE * VANTIO_HELD_PER_PAGE, k;

	for (k = 0; k < VANTIO_HELD_PROBES; k++) {
		const struct vantio_held *e = &table[page + vantio_held_place(at, n - 1, k)];

		if (!e->used)
			return 0;
		if (vantio_held_equal(e, &key))
			return e->rule[domain];
	}
	return 0;
}

static void held_table_has_each_object_and_no_other(void **state)
{
	static const size_t sizes[] = { 1, 8, 9, 1000, 70000 };
	struct vantio_error err;

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct vantio_held_set set = { .items = calloc(sizes[s], sizeof(*set.items)), .n = sizes[s] };
		struct vantio_held *table;
		uint32_t n;

		assert_non_null(set.items);
		for (size_t i = 0; i < set.n; i++)
			set.items[i] = (struct vantio_held_item){ .list = i % 2 ? VANTIO_LIST_EXEC_DENY : VANTIO_LIST_FILE_DENY,
								  .rule = (uint32_t)i, .ino = i + 12, .dev = 8 << 20, .generation = 0 };
		assert_int_equal(vantio_held_table(&set, &table, &n, &err), 0);
		assert_true(n >= 2 * set.n && !(n & (n - 1)));
		for (size_t i = 0; i < set.n; i++) {
			struct vantio_held key = { .ino = i + 12, .dev = 8 << 20 };

			assert_int_equal(search(table, n, key, i % 2), i + 1);
			assert_int_equal(search(table, n, key, !(i % 2)), 0);
			key.generation = 1;
			assert_int_equal(search(table, n, key, i % 2), 0);
			key.generation = 0;
			key.dev++;
			assert_int_equal(search(table, n, key, i % 2), 0);
		}
		free(table);
		vantio_held_free(&set);
	}
}

static void held_table_of_nothing_is_none(void **state)
{
	struct vantio_held_set none = { 0 };
	struct vantio_held *table = (void *)1;
	struct vantio_error err;
	uint32_t n = 1;

	(void)state;
	assert_int_equal(vantio_held_table(&none, &table, &n, &err), 0);
	assert_null(table);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literal_glob_is_one_path_without_its_escapes),
		cmocka_unit_test(literal_path_that_does_not_fit_is_none),
		cmocka_unit_test(held_names_are_those_of_deny_rules_with_a_line),
		cmocka_unit_test(held_before_is_kept_while_its_rule_is_there),
		cmocka_unit_test(held_before_without_a_generation_is_let_go),
		cmocka_unit_test(held_before_are_the_newest_few_and_each_once),
		cmocka_unit_test(held_sets_are_the_same_whatever_was_before),
		cmocka_unit_test(held_table_has_each_object_and_no_other),
		cmocka_unit_test(held_table_of_nothing_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
