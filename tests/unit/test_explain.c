// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "policy/image.h"
#include "policy_build.h"

static const char text[] =
	"schema = 1\n"                                                          /* 1 */
	"name = \"t\"\n"                                                        /* 2 */
	"[file]\n"                                                              /* 3 */
	"default = \"deny\"\n"                                                  /* 4 */
	"read = [\n"                                                            /* 5 */
	"\t\"/usr/**\",\n"                                                      /* 6 */
	"\t\"/work/**\",\n"                                                     /* 7 */
	"]\n"                                                                   /* 8 */
	"write = [\"/work/**\", \"/tmp/**\"]\n"                                 /* 9 */
	"deny = [\"**/.env\", \"/work/*.key\"]\n"                               /* 10 */
	"[exec]\n"                                                              /* 11 */
	"default = \"deny\"\n"                                                  /* 12 */
	"allow = [\"/usr/bin/**\", \"/work/bin/*\"]\n"                          /* 13 */
	"[network]\n"                                                           /* 14 */
	"default = \"deny\"\n"                                                  /* 15 */
	"connect = [\"api.example.org:443\", \"*.example.net\", \"10.0.0.0/8:5432\", \"udp:127.0.0.53:53\", \"unix:/run/*.sock\","
	" \"unix:@bus\", \"127.0.0.1:1-65535\", \"192.0.2.1\", \"0.0.0.0/0:80\", \"[::]/0:80\"]\n" /* 16 */
	"listen = [\"127.0.0.1:8000-8999\", \"[::]/0:9000\", \"0.0.0.0/0:9001\", \"[::]/0:9001\"]\n" /* 17 */
	"deny = [\"10.1.2.3\", \"bad.example.net\", \"tcp:*.evil.example:25\"]\n" /* 18 */
	"[kernel]\n"                                                            /* 19 */
	"ptrace = \"allow\"\n"                                                  /* 20 */
	"mount = \"deny\"\n";                                                   /* 21 */

struct fixture {
	struct vantio_policy *policy;
	struct vantio_image *image;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err;

	if (vantio_policy_parse(text, strlen(text), "t.toml", NULL, &f.policy, &diags, &err) < 0 ||
	    vantio_image_compile(f.policy, NULL, &f.image, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	vantio_diagnostics_free(&diags);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	vantio_policy_free(f->policy);
	vantio_image_free(f->image);
	return 0;
}

struct example {
	const char *op, *target, *target2;
	bool allow;
	const char *rule; /* text of the rule, or name of a default or surface */
	uint32_t line;
};

static void expect(struct fixture *f, const struct example *list, size_t n)
{
	struct vantio_explanation e;
	struct vantio_error err;
	size_t i;

	for (i = 0; i < n; i++) {
		const struct example *x = &list[i];

		if (vantio_policy_explain(f->policy, f->image, x->op, x->target, x->target2, &e, &err) < 0)
			fail_msg("%s %s: %s", x->op, x->target, err.text);
		if ((e.decision == VANTIO_PERMIT) != x->allow)
			fail_msg("%s %s is %s by %s", x->op, x->target, x->allow ? "denied" : "allowed", e.rule.name);
		if (strcmp(e.rule.rule ? e.rule.rule->text : e.rule.name, x->rule))
			fail_msg("%s %s: rule %s '%s', not '%s'", x->op, x->target, e.rule.name, e.rule.rule ? e.rule.rule->text : "", x->rule);
		if (x->line && e.rule.pos.line != x->line)
			fail_msg("%s %s: line %u, not %u", x->op, x->target, e.rule.pos.line, x->line);
	}
}
#define EXPECT(...)                                            \
	do {                                                   \
		const struct example list[] = { __VA_ARGS__ }; \
		expect(*state, list, VANTIO_ARRAY_SIZE(list)); \
	} while (0)

static void explain_path_names_rule_and_line(void **state)
{
	EXPECT({ "read", "/usr/lib/x", NULL, true, "/usr/**", 6 }, { "write", "/usr/lib/x", NULL, false, "file.default", 4 },
	       { "read", "/work/a", NULL, true, "/work/**", 7 }, { "unlink", "/work/a", NULL, true, "/work/**", 9 },
	       { "read", "/work/.env", NULL, false, "**/.env", 10 }, { "chmod", "/work/x.key", NULL, false, "/work/*.key", 10 },
	       { "exec", "/usr/bin/id", NULL, true, "/usr/bin/**", 13 }, { "mmap_exec", "/tmp/x", NULL, false, "exec.default", 12 },
	       { "read", "//usr/./lib//", NULL, true, "/usr/**", 6 }, { "read", "/", NULL, false, "file.default", 4 });
}

static void explain_rename_needs_both_names(void **state)
{
	EXPECT({ "rename", "/work/a", "/work/b", true, "/work/**", 9 }, { "rename", "/usr/a", "/work/b", false, "file.default", 4 },
	       { "link", "/work/.env", "/work/b", false, "**/.env", 10 }, { "rename", "/tmp/a", "/tmp/b", true, "/tmp/**", 9 });
}

static void explain_rename_says_which_name_is_refused(void **state)
{
	struct fixture *f = *state;
	struct vantio_explanation e;
	struct vantio_error err;

	assert_int_equal(vantio_policy_explain(f->policy, f->image, "rename", "/work/a", "/usr/b", &e, &err), 0);
	assert_int_equal(e.decision, VANTIO_BLOCK);
	assert_int_equal(e.decisive, 2);
	assert_string_equal(e.rule2.name, "file.default");
	assert_int_equal(vantio_policy_explain(f->policy, f->image, "rename", "/usr/a", "/work/b", &e, &err), 0);
	assert_int_equal(e.decisive, 1);
}

static void explain_rename_may_not_give_more(void **state)
{
	struct fixture *f = *state;
	struct vantio_explanation e;
	struct vantio_error err;

	assert_int_equal(vantio_policy_explain(f->policy, f->image, "rename", "/tmp/a", "/work/b", &e, &err), 0);
	assert_int_equal(e.decision, VANTIO_BLOCK);
	assert_int_equal(e.reason, VANTIO_REASON_ESCALATE);
	assert_string_equal(e.gained, "read");
	assert_string_equal(e.rule.name, "file.default");
	assert_string_equal(e.rule2.rule->text, "/work/**");
	assert_int_equal(vantio_policy_explain(f->policy, f->image, "link", "/work/a", "/work/bin/a", &e, &err), 0);
	assert_int_equal(e.reason, VANTIO_REASON_ESCALATE);
	assert_string_equal(e.gained, "exec");
	assert_int_equal(vantio_policy_explain(f->policy, f->image, "rename", "/work/b", "/tmp/a", &e, &err), 0);
	assert_int_equal(e.decision, VANTIO_PERMIT);
	assert_null(e.gained);
}

static void explain_network_targets(void **state)
{
	EXPECT({ "connect", "api.example.org:443", NULL, true, "api.example.org:443", 16 },
	       { "connect", "API.example.ORG.:443", NULL, true, "api.example.org:443", 16 },
	       { "connect", "api.example.org:80", NULL, true, "0.0.0.0/0:80", 16 },
	       { "connect", "api.example.org:81", NULL, false, "network.default", 15 },
	       { "connect", "a.b.example.net:9", NULL, true, "*.example.net", 16 },
	       { "connect", "example.net:9", NULL, false, "network.default", 15 },
	       { "connect", "xexample.net:9", NULL, false, "network.default", 15 },
	       { "connect", "bad.example.net:9", NULL, false, "bad.example.net", 18 },
	       { "connect", "x.evil.example:25", NULL, false, "tcp:*.evil.example:25", 18 },
	       { "connect", "x.evil.example", NULL, false, "tcp:*.evil.example:25", 18 },
	       { "connect", "udp:x.evil.example:25", NULL, false, "network.default", 15 },
	       { "connect", "10.2.3.4:5432", NULL, true, "10.0.0.0/8:5432", 16 }, { "connect", "10.2.3.4:5433", NULL, false, "network.default", 15 },
	       { "connect", "10.1.2.3:5432", NULL, false, "10.1.2.3", 18 }, { "connect", "[::ffff:10.2.3.4]:5432", NULL, true, "10.0.0.0/8:5432", 16 },
	       { "connect", "127.0.0.53:53", NULL, false, "network.default", 15 }, { "sendto", "udp:127.0.0.53:53", NULL, true, "udp:127.0.0.53:53", 16 },
	       { "connect", "0.0.0.0:22", NULL, true, "127.0.0.1:1-65535", 16 }, { "connect", "192.0.2.1", NULL, true, "192.0.2.1", 16 },
	       { "connect", "10.2.3.4", NULL, false, "network.default", 15 }, { "listen", "127.0.0.1:8080", NULL, true, "127.0.0.1:8000-8999", 17 },
	       { "bind", "127.0.0.1:9999", NULL, false, "network.default", 15 }, { "listen", "0.0.0.0:8080", NULL, false, "network.default", 15 },
	       { "listen", "[::]:9000", NULL, false, "network.default", 15 }, { "listen", "[::1]:9000", NULL, true, "[::]/0:9000", 17 },
	       { "listen", "[::]:9001", NULL, true, "[::]/0:9001", 17 });
}

static void explain_unix_targets(void **state)
{
	EXPECT({ "connect", "unix:/run/a.sock", NULL, true, "unix:/run/*.sock", 16 }, { "connect", "unix:/run/x/a.sock", NULL, false, "network.default", 15 },
	       { "connect", "unix:@bus", NULL, true, "unix:@bus", 16 }, { "connect", "unix:@busy", NULL, false, "network.default", 15 },
	       { "listen", "unix:/run/a.sock", NULL, false, "network.default", 15 }, { "connect", "unix:/run//a.sock", NULL, true, "unix:/run/*.sock", 16 });
}

static void explain_surface_needs_no_target(void **state)
{
	EXPECT({ "mount", NULL, NULL, false, "kernel.mount", 21 }, { "ptrace", "1234", NULL, true, "kernel.ptrace", 20 },
	       { "keyring", NULL, NULL, false, "kernel.keyring", 0 }, { "raw_socket", NULL, NULL, false, "kernel.raw_socket", 0 });
}

static void explain_what_cannot_be_asked_is_an_error(void **state)
{
	static const struct {
		const char *op, *target, *target2, *cause;
	} bad[] = {
		{ "raed", "/a", NULL, "did you mean 'read'" }, { "zzzzzz", "/a", NULL, "unknown operation" }, { "read", "a", NULL, "begins with '/'" },
		{ "read", "/a/../b", NULL, "'..'" }, { "read", "", NULL, "begins with '/'" }, { "read", NULL, NULL, "needs a target" },
		{ "rename", "/a", NULL, "two targets" }, { "read", "/a", "/b", "one target" }, { "mount", "/a", "/b", "one target" },
		{ "push", "/a", NULL, "unknown operation" }, { "socket", "x", NULL, "connect or listen" }, { "connect", "*.a.b:1", NULL, "not a pattern" },
		{ "connect", "10.0.0.0/8:1", NULL, "not a pattern" }, { "connect", "unix:run", NULL, "unix target" },
		{ "connect", "unix:@", NULL, "unix target" }, { "connect", "::1:80", NULL, "brackets" }, { "connect", "", NULL, "" },
	};
	struct fixture *f = *state;
	struct vantio_explanation e;
	struct vantio_error err;
	char path[5000];
	size_t i;

	for (i = 0; i < VANTIO_ARRAY_SIZE(bad); i++) {
		if (vantio_policy_explain(f->policy, f->image, bad[i].op, bad[i].target, bad[i].target2, &e, &err) != -22)
			fail_msg("%s %s is answered", bad[i].op, bad[i].target);
		if (!strstr(err.text, bad[i].cause))
			fail_msg("%s %s: '%s' does not speak of '%s'", bad[i].op, bad[i].target, err.text, bad[i].cause);
	}
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[4095] = '\0';
	assert_int_equal(vantio_policy_explain(f->policy, f->image, "read", path, NULL, &e, &err), 0);
	path[4095] = 'a';
	path[4096] = '\0';
	assert_int_equal(vantio_policy_explain(f->policy, f->image, "read", path, NULL, &e, &err), -22);
}

static void name_rule_knows_resolved_addresses(void **state)
{
	struct fixture *f = *state;
	struct vantio_resolved items[] = {
		{ .list = VANTIO_LIST_NET_CONNECT, .rule = 0, .net = { .protos = 1, .family = 4, .prefix = 32, .addr = { 198, 51, 100, 7 },
		  .port_lo = 443, .port_hi = 443 } },
		{ .list = VANTIO_LIST_NET_CONNECT, .rule = UINT32_MAX, .net = { .protos = 2, .family = 4, .prefix = 32, .addr = { 198, 51, 100, 8 },
		  .port_lo = 53, .port_hi = 53 } },
	};
	const struct vantio_resolution res = { items, 2 };
	struct vantio_net_key key;
	struct vantio_rule_ref ref;

	vantio_net_key_build(&key, 1, 0, (const __u8[]){ 198, 51, 100, 7 }, 443, 1);
	vantio_policy_name_rule(f->policy, &res, VANTIO_DOMAIN_NET, VANTIO_REASON_ALLOW, 1, key.bytes, key.len, &ref);
	assert_string_equal(ref.name, "network.connect[0]");
	vantio_net_key_build(&key, 1, 1, (const __u8[]){ 198, 51, 100, 8 }, 53, 1);
	vantio_policy_name_rule(f->policy, &res, VANTIO_DOMAIN_NET, VANTIO_REASON_ALLOW, 1, key.bytes, key.len, &ref);
	assert_string_equal(ref.name, "network.resolver");
	assert_null(ref.rule);
	vantio_policy_name_rule(f->policy, &res, VANTIO_DOMAIN_FILE, VANTIO_REASON_DENY, 1, "/other/name", 11, &ref);
	assert_string_equal(ref.name, "file.deny");
}

static void name_rule_is_quick_among_many(void **state)
{
	cleanup_policy struct vantio_policy *p = build_policy();
	struct vantio_rule_ref ref;
	struct timespec a, b;
	char glob[64];
	int i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		snprintf(glob, sizeof(glob), i % 2 ? "/srv/project-%d/**" : "**/secret-%d", i);
		build_glob(p, VANTIO_LIST_FILE_DENY, glob);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (i = 0; i < 20; i++) {
		vantio_policy_name_rule(p, NULL, VANTIO_DOMAIN_FILE, VANTIO_REASON_DENY, 1, "/srv/project-9999/a", 19, &ref);
		assert_string_equal(ref.name, "file.deny[9999]");
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	/* A full match of each glob would take tens of milliseconds. */
	assert_true((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < 20 * (BUILD_SANITIZED ? 100 : 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explain_path_names_rule_and_line),
		cmocka_unit_test(explain_rename_needs_both_names),
		cmocka_unit_test(explain_rename_says_which_name_is_refused),
		cmocka_unit_test(explain_rename_may_not_give_more),
		cmocka_unit_test(explain_network_targets),
		cmocka_unit_test(explain_unix_targets),
		cmocka_unit_test(explain_surface_needs_no_target),
		cmocka_unit_test(explain_what_cannot_be_asked_is_an_error),
		cmocka_unit_test(name_rule_knows_resolved_addresses),
		cmocka_unit_test(name_rule_is_quick_among_many),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
