// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/glob.h"
#include "policy/image.h"

struct example {
	const char *glob, *path;
	bool match;
};

static void expect(const struct example *e, size_t n)
{
	struct vantio_error err;
	size_t i;

	for (i = 0; i < n; i++) {
		if (vantio_glob_check(e[i].glob, strlen(e[i].glob), &err) < 0)
			fail_msg("'%s' is refused: %s", e[i].glob, err.text);
		if (vantio_glob_match(e[i].glob, strlen(e[i].glob), e[i].path, strlen(e[i].path)) != e[i].match)
			fail_msg("'%s' should %smatch '%s'", e[i].glob, e[i].match ? "" : "not ", e[i].path);
	}
}
#define EXPECT(...)                                                \
	do {                                                       \
		const struct example list[] = { __VA_ARGS__ };     \
		expect(list, VANTIO_ARRAY_SIZE(list));             \
	} while (0)

static void glob_literal_matches_itself_only(void **state)
{
	(void)state;
	EXPECT({ "/a/b", "/a/b", true }, { "/a/b", "/a/bc", false }, { "/a/b", "/a", false }, { "/a/b", "/A/b", false },
	       { "/", "/", true }, { "/", "/a", false }, { "/a", "/", false }, { "/a/b", "/a/b/c", false },
	       { "/\xff\x01", "/\xff\x01", true });
}

static void glob_star_stays_within_component(void **state)
{
	(void)state;
	EXPECT({ "/a/*", "/a/b", true }, { "/a/*", "/a/.hidden", true }, { "/a/*", "/a", false }, { "/a/*", "/a/b/c", false },
	       { "/*", "/", false }, { "/*", "/x", true }, { "/a*", "/a", true }, { "/a*c", "/ac", true }, { "/a*c", "/abbc", true },
	       { "/a*c", "/ab/c", false }, { "/*/b", "/x/b", true }, { "/*/b", "/b", false }, { "/*.c", "/.c", true },
	       { "/a*b*c", "/axbxbxc", true }, { "/a*b*c", "/axbxb", false }, { "/a?c", "/abc", true }, { "/a?c", "/ac", false },
	       { "/a?c", "/a/c", false }, { "/?", "/.", true }, { "/a*", "/a\n\x01\xff", true });
}

static void glob_class_follows_posix(void **state)
{
	(void)state;
	EXPECT({ "/[a-c]", "/b", true }, { "/[a-c]", "/d", false }, { "/[!a]", "/b", true }, { "/[!a]", "/a", false },
	       { "/[^a]", "/a", false }, { "/[^a]", "/^", true }, { "/[]]", "/]", true }, { "/[!]]", "/]", false },
	       { "/[!]a]", "/b", true }, { "/[]a]", "/a", true }, { "/[a-]", "/-", true }, { "/[-a]", "/-", true },
	       { "/[a-]", "/b", false }, { "/[a!]", "/!", true }, { "/[a^]", "/^", true }, { "/[[]", "/[", true },
	       { "/[[:alpha:]]", "/x", true }, { "/[[:alpha:]]", "/1", false }, { "/[[:alpha:][:digit:]_]", "/_", true },
	       { "/[![:upper:]]", "/X", false }, { "/[[:alpha:]]", "/\xe9", false }, { "/[[.-.]]", "/-", true },
	       { "/[[=a=]b]", "/a", true }, { "/[+--]", "/,", true }, { "/[\\]]", "/]", true }, { "/[\\x61-\\x63]", "/b", true },
	       { "/[\\\\]", "/\\", true }, { "/x[!a]y", "/x/y", false }, { "/x[+-9]y", "/x/y", false }, { "/x[+-9]y", "/x1y", true },
	       { "/[a-z]*", "/b1", true }, { "/[a]]", "/a]", true }, { "/[,]{[,],b}", "/,,", true }, { "/[[.a.]-c]", "/b", true },
	       { "/[*?]", "/*", true }, { "/[*?]", "/a", false }, { "/[{]", "/{", true }, { "/[:a]", "/:", true });
}

static void glob_alternatives_match_each(void **state)
{
	(void)state;
	EXPECT({ "/{a,b}", "/a", true }, { "/{a,b}", "/b", true }, { "/{a,b}", "/c", false }, { "/x{,.bak}", "/x", true },
	       { "/x{,.bak}", "/x.bak", true }, { "/x{}", "/x", true }, { "/{a}", "/a", true }, { "/{a,b{c,d}e}f", "/bdef", true },
	       { "/{a,b{c,d}e}f", "/af", true }, { "/{a,b{c,d}e}f", "/bef", false }, { "/{a,b/c}/d", "/b/c/d", true },
	       { "/{a,b/c}/d", "/b/d", false }, { "/a/{,b/}c", "/a/c", true }, { "/a/{,b/}c", "/a/b/c", true },
	       { "/a{,/b}", "/a", true }, { "/a{,/**}", "/a", true }, { "/a{,/**}", "/a/b/c", true }, { "/a/{**,x}", "/a", true },
	       { "/a/{**,x}", "/a/b", true }, { "/a/{**/,}b", "/a/b", true }, { "/a/{**/,}b", "/a/x/y/b", true },
	       { "/{*,a}*", "/a/b", false }, { "/{*,a}*", "/xyz", true }, { "/a,b}c]", "/a,b}c]", true },
	       { "/{a,b}}", "/a}", true }, { "/{\\,,\\}}", "/,", true }, { "/{\\,,\\}}", "/}", true }, { "/{a,b}{c,d}", "/ad", true });
}

static void glob_two_stars_cross_components(void **state)
{
	(void)state;
	EXPECT({ "**", "/", true }, { "**", "/a/b", true }, { "/**", "/", true }, { "/**", "/a/.b/c", true },
	       { "/d/**", "/d", true }, { "/d/**", "/d/e", true }, { "/d/**", "/d/e/f", true }, { "/d/**", "/da", false },
	       { "/d/**", "/", false }, { "**/x", "/x", true }, { "**/x", "/a/b/x", true }, { "**/x", "/x/y", false },
	       { "**/x", "/ax", false }, { "**/x", "/", false }, { "/a/**/b", "/a/b", true }, { "/a/**/b", "/a/x/y/b", true },
	       { "/a/**/b", "/ab", false }, { "/a/**/b", "/a/xb", false }, { "/a/**/b/**", "/a/q/b", true },
	       { "/a/**/b/**", "/a/b/q/r", true }, { "**/*", "/a/b", true }, { "**/*", "/", false }, { "/**/**", "/", true },
	       { "/a/**/**/b", "/a/b", true }, { "/a/**/*", "/a", false }, { "/a/**/*", "/a/b", true },
	       { "**/.env", "/work/.env", true }, { "/home/*/.ssh/**", "/home/u/.ssh", true },
	       { "/home/*/.ssh/**", "/home/u/v/.ssh/k", false });
}

static void glob_escape_stands_for_byte(void **state)
{
	(void)state;
	EXPECT({ "/\\*", "/*", true }, { "/\\*", "/a", false }, { "/\\x2a", "/*", true }, { "/\\x2A", "/*", true },
	       { "/\\?\\[\\{\\\\", "/?[{\\", true }, { "/\\xff", "/\xff", true }, { "/\\a", "/a", true }, { "/a\\/b", "/a/b", true },
	       { "/a\\x2fb", "/a/b", true }, { "/\\x5c", "/\\", true });
}

static void glob_bad_spelling_is_refused_with_cause(void **state)
{
	static const struct {
		const char *glob, *cause;
	} bad[] = {
		{ "", "begins with" }, { "a", "begins with" }, { "*", "begins with" }, { "{/a,/b}", "begins with" },
		{ "**a", "begins with" }, { "[/]", "begins with" }, { "/a/", "slash at the end" }, { "/a{/,b}", "slash at the end" },
		{ "/a/{,b}", "slash at the end" }, { "//", "//" }, { "//a", "//" }, { "/a//b", "//" }, { "/a/{,b}/c", "//" },
		{ "/a/\\/b", "//" }, { "/a/{/b,c}", "//" }, { "/./a", "'.'" }, { "/a/.", "'.'" }, { "/a/..", "'..'" },
		{ "/../a", "'..'" }, { "/a/\\./b", "'.'" }, { "/a/.{,.}/b", "'.'" }, { "/a/.{.,b}", "'..'" }, { "/a**", "whole component" },
		{ "/a/**b", "whole component" }, { "/a/x{**,b}", "whole component" }, { "/a/{**,b}c", "whole component" },
		{ "/{*,**}*", "whole component" }, { "/{,a}**", "whole component" }, { "/***", "two stars" }, { "/[a", "']'" },
		{ "/[]", "']'" }, { "/[!]", "']'" }, { "/[[:alpha:", "needs its" }, { "/[[:nope:]]", "unknown character class" },
		{ "/[[.ab.]]", "exactly one" }, { "/[z-a]", "range" }, { "/[[:digit:]-z]", "range" }, { "/[a/b]", "never matches the slash" },
		{ "/[\\x2f]", "never matches the slash" }, { "/{a", "'}'" }, { "/{a,{b}", "'}'" }, { "/a\\", "backslash" },
		{ "/\\x", "hex" }, { "/\\x1", "hex" }, { "/\\xg1", "hex" }, { "/\\x00", "byte 0" }, { "/[\\x00]", "byte 0" },
		{ "/a/**/", "slash at the end" },
	};
	struct vantio_error err;
	size_t i;

	(void)state;
	for (i = 0; i < VANTIO_ARRAY_SIZE(bad); i++) {
		if (vantio_glob_check(bad[i].glob, strlen(bad[i].glob), &err) != -22)
			fail_msg("'%s' is accepted", bad[i].glob);
		if (!strstr(err.text, bad[i].cause))
			fail_msg("'%s': '%s' does not speak of '%s'", bad[i].glob, err.text, bad[i].cause);
	}
	assert_int_equal(vantio_glob_check("/a\0b", 4, &err), -22);
	assert_int_equal(vantio_glob_check("/[a\0b]", 6, &err), -22);
}

static void glob_length_is_bounded_by_shortest_path(void **state)
{
	enum { MAX = 4095 };
	cleanup_free char *glob = malloc(VANTIO_GLOB_MAX + 64);
	struct vantio_error err;

	(void)state;
	memset(glob, 'a', VANTIO_GLOB_MAX + 64);
	glob[0] = '/';
	assert_int_equal(vantio_glob_check(glob, MAX, &err), 0);
	assert_true(vantio_glob_match(glob, MAX, glob, MAX));
	assert_int_equal(vantio_glob_check(glob, MAX + 1, &err), -22);
	assert_non_null(strstr(err.text, "4095"));
	assert_int_equal(vantio_glob_check(glob, VANTIO_GLOB_MAX + 1, &err), -22);
	assert_non_null(strstr(err.text, "split"));
	memcpy(glob + MAX, "/**", 3); /* matches the folder itself, too */
	assert_int_equal(vantio_glob_check(glob, MAX + 3, &err), 0);
	memcpy(glob + MAX, "{b,}", 4);
	assert_int_equal(vantio_glob_check(glob, MAX + 4, &err), 0);
}

static void glob_hostile_pattern_ends_soon(void **state)
{
	static const char deep[] = "/{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{a}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}";
	char glob[2048] = "/", path[4096];
	struct vantio_error err;

	(void)state;
	while (strlen(glob) < sizeof(glob) - 16)
		strcat(glob, "*{a*,{aa,*a},}");
	strcat(glob, "c");
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	assert_int_equal(vantio_glob_check(glob, strlen(glob), &err), 0);
	assert_false(vantio_glob_match(glob, strlen(glob), path, 4095));
	path[4094] = 'c';
	assert_true(vantio_glob_match(glob, strlen(glob), path, 4095));
	assert_int_equal(vantio_glob_check(deep, strlen(deep), &err), -22);
	assert_non_null(strstr(err.text, "deep"));
}

static void op_names_are_there_and_back(void **state)
{
	enum vantio_domain domain;
	uint32_t access;
	int i;

	(void)state;
	for (i = 1; i < VANTIO_OP_MAX; i++)
		assert_int_equal(vantio_op_from_name(vantio_op_name((enum vantio_op)i)), i);
	assert_null(vantio_op_name(VANTIO_OP_NONE));
	assert_null(vantio_op_name(VANTIO_OP_MAX));
	assert_int_equal(vantio_op_from_name("nonsense"), VANTIO_OP_NONE);
	assert_true(vantio_op_access(VANTIO_OP_CHMOD, &domain, &access));
	assert_int_equal(domain, VANTIO_DOMAIN_FILE);
	assert_int_equal(access, VANTIO_ACCESS_WRITE);
	assert_false(vantio_op_access(VANTIO_OP_MOUNT, &domain, &access));
	assert_false(vantio_op_access(VANTIO_OP_NONE, &domain, &access));
	assert_string_equal(vantio_surface_name(VANTIO_SURFACE_IO_URING), "io_uring");
	assert_null(vantio_surface_name(VANTIO_SURFACE_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(glob_literal_matches_itself_only),
		cmocka_unit_test(glob_star_stays_within_component),
		cmocka_unit_test(glob_class_follows_posix),
		cmocka_unit_test(glob_alternatives_match_each),
		cmocka_unit_test(glob_two_stars_cross_components),
		cmocka_unit_test(glob_escape_stands_for_byte),
		cmocka_unit_test(glob_bad_spelling_is_refused_with_cause),
		cmocka_unit_test(glob_length_is_bounded_by_shortest_path),
		cmocka_unit_test(glob_hostile_pattern_ends_soon),
		cmocka_unit_test(op_names_are_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
