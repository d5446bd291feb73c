// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "record/filter.h"

/* A record as pairs of key and value. */
static bool lookup(void *ctx, const char *key, struct vantio_buf *out)
{
	const char *const *p;

	for (p = ctx; *p; p += 2)
		if (!strcmp(p[0], key)) {
			vantio_buf_puts(out, p[1]);
			return true;
		}
	return false;
}

static bool matches(const char *expr)
{
	static const char *const record[] = {
		"agent", "coder", "decision", "block", "op", "unlink", "pid", "4711", "rule", "file.deny[2]", "enforced", "true", "trace_id",
		"0x000000000000002a", "path", "/work/.git/hooks/pre-commit", "comm", "a,b&c", "exe", "/x/\\x1b[2J\\\\", "resource.host",
		"api.example.org", "syscall_nr", "-1", NULL,
	};
	struct vantio_filter *f = NULL;
	struct vantio_error err = { 0 };
	bool yes;

	if (vantio_filter_parse(expr, &f, &err) < 0)
		fail_msg("'%s': %s", expr, err.text);
	yes = vantio_filter_matches(f, lookup, (void *)(uintptr_t)record);
	vantio_filter_free(f);
	return yes;
}

static void filter_terms_match_what_they_say(void **state)
{
	static const struct {
		const char *expr;
		bool yes;
	} cases[] = {
		{ "agent=coder", true },
		{ "agent=code", false },
		{ "agent=coders", false },
		{ "agent!=coder", false },
		{ "agent!=tester", true },
		{ " agent = coder && decision = block ", true },
		{ "agent=coder,decision=permit", false },
		{ "agent=coder&&pid=4711,op=unlink", true },
		{ "syscall_nr=-1", true },
		{ "enforced=true", true },
		{ "enforced=false", false },
		{ "trace_id=0x2a", true },
		{ "trace_id=0x2b", false },
		{ "rule=file.deny[2]", true },
		{ "rule=file.deny", true },
		{ "rule=file.den", false },
		{ "rule!=file.deny", false },
		{ "path~/work/*", true },
		{ "path~/work/*/pre-?ommit", true },
		{ "path~*hooks*commit", true },
		{ "path~*hooks", false },
		{ "path~", false },
		{ "path!~/work/*", false },
		{ "path!~/home/*", true },
		{ "resource.host=api.example.org", true },
		{ "comm=a\\,b\\&c", true },
		{ "comm~a\\,b*", true },
		{ "comm~a\\*", false },
		{ "comm=a&c", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < VANTIO_ARRAY_SIZE(cases); i++)
		if (matches(cases[i].expr) != cases[i].yes)
			fail_msg("'%s' %s", cases[i].expr, cases[i].yes ? "does not match" : "matches");
}

static void filter_field_that_is_missing_matches_only_a_negation(void **state)
{
	(void)state;
	assert_false(matches("target=x"));
	assert_false(matches("target~*"));
	assert_true(matches("target!=x"));
	assert_true(matches("target!~*"));
}

static void filter_raw_bytes_and_their_escapes_are_the_same(void **state)
{
	(void)state;
	assert_true(matches("exe=/x/\033[2J\\"));
	assert_true(matches("exe=/x/\\x1b[2J\\\\"));
	assert_false(matches("exe=/x/\\x1b[2J"));
}

static void filter_bad_expressions_say_why(void **state)
{
	static const struct {
		const char *expr, *part;
	} cases[] = {
		{ "", "no term" },
		{ "agent", "no term" },
		{ "agent!", "no term" },
		{ "=x", "no term" },
		{ "agent=x,", "no term" },
		{ "agent=x&&", "no term" },
		{ "agnet=x", "did you mean 'agent'" },
		{ "decision=blok", "did you mean 'block'" },
		{ "zzzzzzzz=x", "no field 'zzzzzzzz'" },
		{ "a\033[2Jb=x", "no field 'a\\x1b[2Jb'" },
		{ "pid=12x", "a number" },
		{ "pid=-1", "a number" },
		{ "enforced=yes", "true or false" },
		{ "trace_id=42", "hex digits" },
	};
	struct vantio_filter *f = NULL;
	struct vantio_error err;
	size_t i;

	(void)state;
	for (i = 0; i < VANTIO_ARRAY_SIZE(cases); i++) {
		err = (struct vantio_error){ 0 };
		assert_int_equal(vantio_filter_parse(cases[i].expr, &f, &err), -22);
		if (!strstr(err.text, cases[i].part))
			fail_msg("'%s': '%s' does not say '%s'", cases[i].expr, err.text, cases[i].part);
	}
	assert_null(f);
}

static void filter_with_too_many_terms_is_refused(void **state)
{
	struct vantio_filter *f = NULL;
	struct vantio_error err = { 0 };
	char text[33 * 8] = "";
	int i;

	(void)state;
	for (i = 0; i < 33; i++)
		strcat(text, i ? ",uid=1" : "uid=1");
	assert_int_equal(vantio_filter_parse(text, &f, &err), -22);
	assert_non_null(strstr(err.text, "more than 32"));
	text[strlen(text) - 6] = '\0';
	assert_int_equal(vantio_filter_parse(text, &f, &err), 0);
	vantio_filter_free(f);
}

static void filter_glob_of_many_stars_is_quick(void **state)
{
	static char expr[2048] = "path~", subject[4000];
	const char *record[] = { "path", subject, NULL };
	struct vantio_filter *f = NULL;
	struct vantio_error err = { 0 };
	int i;

	(void)state;
	for (i = 0; i < 500; i++)
		strcat(expr, "*a");
	strcat(expr, "*b");
	memset(subject, 'a', sizeof(subject) - 1);
	assert_int_equal(vantio_filter_parse(expr, &f, &err), 0);
	assert_false(vantio_filter_matches(f, lookup, record)); /* a matcher that tries every split would not come back */
	vantio_filter_free(f);
}

static void filter_exact_values_narrow_a_search(void **state)
{
	struct vantio_filter *f = NULL;
	struct vantio_error err = { 0 };

	(void)state;
	assert_int_equal(vantio_filter_parse("agent=coder,op!=read,hook~file*", &f, &err), 0);
	assert_string_equal(vantio_filter_exact(f, "agent"), "coder");
	assert_null(vantio_filter_exact(f, "op"));
	assert_null(vantio_filter_exact(f, "hook"));
	vantio_filter_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter_terms_match_what_they_say),
		cmocka_unit_test(filter_field_that_is_missing_matches_only_a_negation),
		cmocka_unit_test(filter_raw_bytes_and_their_escapes_are_the_same),
		cmocka_unit_test(filter_bad_expressions_say_why),
		cmocka_unit_test(filter_with_too_many_terms_is_refused),
		cmocka_unit_test(filter_glob_of_many_stars_is_quick),
		cmocka_unit_test(filter_exact_values_narrow_a_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
