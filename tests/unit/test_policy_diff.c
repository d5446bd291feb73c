// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/diff.h"

#define HEAD  "schema = 1\nname = \"a\"\n"
#define FILES "[file]\ndefault = \"deny\"\nread = [\"/usr/**\", \"/work/**\"]\ndeny = [\"**/.env\"]\n"
#define REST  "[exec]\ndefault = \"allow\"\n[network]\ndefault = \"deny\"\nconnect = [\"tcp:API.example.org:443\"]\n"
#define BASE  HEAD FILES REST

static struct vantio_policy *parse(const char *text)
{
	struct vantio_policy *p = NULL;
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };

	if (vantio_policy_parse(text, strlen(text), "t.toml", NULL, &p, &diags, &err) < 0)
		fail_msg("%s", err.text);
	vantio_diagnostics_free(&diags);
	return p;
}

/* "key: old (line) -> new (line)" a change, and that the diff is empty exactly where the hashes are equal. */
static void expect(const char *old, const char *new, const char *want)
{
	cleanup_policy struct vantio_policy *a = parse(old), *b = parse(new);
	cleanup_changes struct vantio_changes changes = { 0 };
	cleanup_buf struct vantio_buf got = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };

	assert_int_equal(vantio_policy_diff(a, b, &changes, &err), 0);
	for (size_t i = 0; i < changes.n; i++) {
		const struct vantio_change *c = &changes.items[i];

		assert_true(!c->rule || !c->old.text != !c->new.text);
		vantio_buf_printf(&got, "%s: %s (%u) -> %s (%u)\n", c->key, c->old.text ? c->old.text : "none", c->old.pos.line,
				  c->new.text ? c->new.text : "none", c->new.pos.line);
	}
	assert_string_equal(got.data ? got.data : "", want);
	assert_int_equal(changes.n == 0, memcmp(a->hash, b->hash, sizeof(a->hash)) == 0);
}

static void diff_of_equal_policies_is_empty(void **state)
{
	(void)state;
	expect(BASE, BASE, "");
	expect(BASE,
	       "schema = 1\nname = \"another\"\n# a comment\n[exec]\ndefault = \"allow\"\n[network]\nconnect = [\"tcp:api.example.org.:443\"]\n"
	       "default = \"deny\"\n[file]\ndeny = [\"**/.env\", \"**/.env\"]\nread = [\"/work/**\", \"/usr/**\"]\ndefault = \"deny\"\n"
	       "[kernel]\nmount = \"deny\"\n",
	       "");
}

static void diff_of_rules_names_what_goes_and_comes(void **state)
{
	(void)state;
	expect(BASE,
	       HEAD "[file]\ndefault = \"deny\"\nread = [\"/opt/**\",\n\"/work/**\",\n\"/zoo/*\"]\nwrite = [\"/work/**\"]\n" REST,
	       "file.read: none (0) -> /opt/** (5)\n"
	       "file.read: /usr/** (5) -> none (0)\n"
	       "file.read: none (0) -> /zoo/* (7)\n"
	       "file.write: none (0) -> /work/** (8)\n"
	       "file.deny: **/.env (6) -> none (0)\n");
}

static void diff_of_numbers_is_each_policys_own(void **state)
{
	cleanup_policy struct vantio_policy *a = parse(BASE),
					    *b = parse(HEAD "[file]\ndefault = \"deny\"\nread = [\"/opt/**\", \"/usr/**\"]\ndeny = [\"**/.env\"]\n" REST);
	cleanup_changes struct vantio_changes changes = { 0 };
	struct vantio_error err = { 0 };

	(void)state;
	assert_int_equal(vantio_policy_diff(a, b, &changes, &err), 0);
	assert_int_equal(changes.n, 2);
	assert_string_equal(changes.items[0].new.text, "/opt/**");
	assert_int_equal(changes.items[0].new.number, 0);
	assert_string_equal(changes.items[1].old.text, "/work/**");
	assert_int_equal(changes.items[1].old.number, 1);
}

static void diff_of_settings_names_both_values(void **state)
{
	(void)state;
	expect(BASE,
	       "schema = 1\nname = \"a\"\nmode = \"audit\"\nrecord = \"all\"\non_loss = \"block\"\n"
	       "[agent]\ncgroups = [\"/a.slice\"]\n"
	       "[file]\ndefault = \"allow\"\nread = [\"/usr/**\", \"/work/**\"]\ndeny = [\"**/.env\"]\n" REST
	       "[kernel]\nptrace = \"allow\"\n",
	       "mode: enforce (0) -> audit (0)\n"
	       "record: denied (0) -> all (0)\n"
	       "on_loss: continue (0) -> block (0)\n"
	       "agent.cgroup: none (0) -> /a.slice (0)\n"
	       "file.default: deny (4) -> allow (9)\n"
	       "kernel.ptrace: deny (0) -> allow (18)\n");
}

static void diff_of_limits_tells_number_span_and_action(void **state)
{
	(void)state;
	expect(BASE "[limits]\nunlink = { max = 100, per = \"60s\", action = \"block\" }\nrename = { max = 5, per = \"1s\", action = \"block\" }\n",
	       BASE "[limits]\nunlink = { max = 100, per = \"1m\", action = \"quarantine\" }\nexec = { max = 9, per = \"2h\", action = \"killswitch\" }\n",
	       "limits.unlink: 100 in 1m: block (13) -> 100 in 1m: quarantine (13)\n"
	       "limits.rename: 5 in 1s: block (14) -> none (0)\n"
	       "limits.exec: none (0) -> 9 in 2h: killswitch (14)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(diff_of_equal_policies_is_empty),
		cmocka_unit_test(diff_of_rules_names_what_goes_and_comes),
		cmocka_unit_test(diff_of_numbers_is_each_policys_own),
		cmocka_unit_test(diff_of_settings_names_both_values),
		cmocka_unit_test(diff_of_limits_tells_number_span_and_action),
	};

	return cmocka_run_group_tests_name("policy diff", tests, NULL, NULL);
}
