// SPDX-License-Identifier: Apache-2.0
/* Loading from this machine: files, the home, the links that rules run through. */
#include "policy_texts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "policy/load.h"

static char folder[] = "/tmp/vantio-load-XXXXXX";

static void path_of(char *out, size_t size, const char *name)
{
	snprintf(out, size, "%s/%s", folder, name);
}

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	path_of(path, sizeof(path), name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int make_folder(void **state)
{
	char path[256], target[256];

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	path_of(path, sizeof(path), "real");
	if (mkdir(path, 0700) < 0)
		return -1;
	path_of(path, sizeof(path), "real/d");
	if (mkdir(path, 0700) < 0)
		return -1;
	path_of(path, sizeof(path), "link");
	if (symlink("real", path) < 0)
		return -1;
	path_of(path, sizeof(path), "st*r");
	path_of(target, sizeof(target), "real/d");
	return symlink(target, path);
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "policy.toml", "alias.toml", "link", "st*r", "real/d", "real", "" };
	char path[256];

	(void)state;
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(names); i++) {
		path_of(path, sizeof(path), names[i]);
		remove(path);
	}
	return 0;
}

static void load_follows_a_link_to_the_file_and_takes_home_from_the_caller(void **state)
{
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	struct vantio_policy *p = NULL;
	char path[256], alias[256];

	(void)state;
	put("policy.toml", HEAD EXECS NET FILES "read = [\"~/x\", \"$WORKDIR/y\"]\n");
	path_of(path, sizeof(path), "policy.toml");
	path_of(alias, sizeof(alias), "alias.toml");
	assert_int_equal(symlink(path, alias), 0);
	assert_int_equal(setenv("HOME", "/home/bob/", 1), 0);
	assert_int_equal(vantio_policy_load(alias, "/w", &p, &diags, &err), 0);
	assert_string_equal(p->file, alias);
	assert_string_equal(p->lists[VANTIO_LIST_FILE_READ].items[0].glob, "/w/y");
	assert_string_equal(p->lists[VANTIO_LIST_FILE_READ].items[1].glob, "/home/bob/x");
	vantio_policy_free(p);
	p = NULL;
	assert_int_equal(vantio_policy_load(path, NULL, &p, &diags, &err), -EINVAL);
	assert_non_null(strstr(err.text, "$WORKDIR"));
	vantio_diagnostics_free(&diags);
}

static void load_of_what_is_no_file_is_said(void **state)
{
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	struct vantio_policy *p = NULL;
	char path[256];

	(void)state;
	path_of(path, sizeof(path), "absent.toml");
	assert_int_equal(vantio_policy_load(path, NULL, &p, &diags, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(diags.n_errors, 1);
	vantio_diagnostics_free(&diags);
	assert_true(vantio_policy_load(folder, NULL, &p, &diags, &err) < 0);
	assert_int_equal(diags.n_errors, 1);
	vantio_diagnostics_free(&diags);
	assert_null(p);
}

static void load_home_without_a_variable_is_that_of_the_user_database(void **state)
{
	char *home;

	(void)state;
	assert_int_equal(setenv("HOME", "relative", 1), 0);
	home = vantio_policy_home();
	assert_non_null(home);
	assert_int_equal(home[0], '/');
	free(home);
}

struct link_row {
	const char *rule; /* below the folder */
	const char *says; /* NULL: no warning */
};

static void load_rules_through_links_are_warned_of(void **state)
{
	static const struct link_row rows[] = {
		{ "link/**", "can never match on this machine" },
		{ "link/d/x", "/real\" in its place" },
		{ "link/*.c", "can never match on this machine" },
		{ "link", "holds for the link alone" },
		{ "st\\\\*r/x", "/real/d\" in its place" },
		{ "real/**", NULL },
		{ "real/d", NULL },
		{ "absent/x", NULL },
		{ "li*/x", NULL },
		{ "{link,real}/x", NULL },
	};

	(void)state;
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(rows); i++) {
		struct vantio_diagnostics diags = { 0 };
		struct vantio_policy *p;
		char text[512];

		snprintf(text, sizeof(text), HEAD EXECS NET FILES "read = [\"%s/%s\"]\n", folder, rows[i].rule);
		p = parse_good(text);
		vantio_policy_warn_links(p, &diags);
		assert_int_equal(diags.n_errors, 0);
		assert_int_equal(diags.n, rows[i].says ? 1 : 0);
		if (rows[i].says) {
			assert_int_equal(diags.items[0].pos.line, 9);
			if (!strstr(diags.items[0].text, rows[i].says))
				fail_msg("%s, not: %s", diags.items[0].text, rows[i].says);
		}
		vantio_diagnostics_free(&diags);
		vantio_policy_free(p);
	}
}

static void load_proc_self_is_warned_of(void **state)
{
	struct vantio_diagnostics diags = { 0 };
	struct vantio_policy *p = parse_good(HEAD EXECS NET FILES "read = [\"/proc/self/maps\"]\n");

	(void)state;
	vantio_policy_warn_links(p, &diags);
	assert_int_equal(diags.n, 1);
	assert_non_null(strstr(diags.items[0].text, "/proc/[0-9]*"));
	vantio_diagnostics_free(&diags);
	vantio_policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(load_follows_a_link_to_the_file_and_takes_home_from_the_caller),
		cmocka_unit_test(load_of_what_is_no_file_is_said),
		cmocka_unit_test(load_home_without_a_variable_is_that_of_the_user_database),
		cmocka_unit_test(load_rules_through_links_are_warned_of),
		cmocka_unit_test(load_proc_self_is_warned_of),
	};

	return cmocka_run_group_tests_name("policy_load", tests, make_folder, remove_folder);
}
