// SPDX-License-Identifier: Apache-2.0
/* What bad policies get: every row holds exactly one mistake, and the place and words that it must be reported with. */
#include "policy_texts.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"

struct row {
	const char *text;
	uint32_t line, col;
	const char *says;
};

/* One rule at 9:9 and 9:12. */
#define PATH(rule, says) { HEAD EXECS NET FILES "read = [" rule "]\n", 9, 9, says }
#define HOST(rule, says) { HEAD EXECS FILES NET "connect = [" rule "]\n", 9, 12, says }

static const struct row syntax_rows[] = {
	{ "schema = 1\nname = \n", 2, 8, "not TOML: in key-value pair" },
	{ "schema = 1\nname = \"x\n", 2, 10, "not TOML: in string" },
	{ "schema 1\n", 1, 8, "not TOML" },
	{ "schema = 1\nschema = 2\n", 2, 10, "redefine" },
	{ "x = 12\"\xc3\xa9\"\n", 1, 7, "not TOML" },
	{ "x = 1\x01\n", 1, 6, "control character 0x01" },
	{ "na\xc3\xafve = 1\n", 1, 3, "beyond ASCII" },
	{ "schema = 1\n[file\n", 2, 6, "not TOML" },
	{ "schema = 1\n\xff = 1\n", 2, 1, "0xff is not UTF-8" },
	{ "name = \"\xc3\xa9\xed\xa0\x80\"\n", 1, 11, "0xed is not UTF-8" },
	{ "a = \"\xc3\xa9\", 1\n", 1, 9, "not TOML" },
	{ "when = 1979-05-27T07:32:00Z\n", 1, 8, "date or time is no value" },
	{ "when = 1979-05-27Tx\n", 1, 8, "date or time is no value" },
	{ "when = 07:32:00\n", 1, 8, "date or time is no value" },
	{ "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q = 1\n", 1, 32, "dotted key of more than 16 parts" },
	{ "x = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n", 1, 37, "nested" },
};

static const struct row top_rows[] = {
	{ "name = \"x\"\n" FILES EXECS NET, 1, 1, "\"schema\" is missing" },
	{ "schema = 1\n" FILES EXECS NET, 1, 1, "\"name\" is missing" },
	{ HEAD EXECS NET, 1, 1, "[file] is missing" },
	{ HEAD FILES NET, 1, 1, "[exec] is missing" },
	{ HEAD FILES EXECS, 1, 1, "[network] is missing" },
	{ "schema = 2\nfoo = 1\n", 1, 10, "schema 2 is not known" },
	{ "schema = \"1\"\nname = \"x\"\n" FILES EXECS NET, 1, 10, "\"schema\" must be the number 1" },
	{ "schema = 1\nname = 3\n" FILES EXECS NET, 2, 8, "\"name\" must be a string, not a number" },
	{ "schema = 1\nname = \"\"\n" FILES EXECS NET, 2, 8, "1 to 64" },
	{ "schema = 1\nname = \"Coder\"\n" FILES EXECS NET, 2, 8, "not \"Coder\"" },
	{ "schema = 1\nname = \"a\\u0000b\"\n" FILES EXECS NET, 2, 8, "1 to 64" },
	{ "schema = 1\nname = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n" FILES EXECS NET, 2, 8,
	  "1 to 64" },
	{ "mod = \"audit\"\n" MINIMAL, 1, 1, "unknown key \"mod\" in the policy: did you mean \"mode\"?" },
	{ "zzzzzzzz = 1\n" MINIMAL, 1, 1, "which holds schema, name, extends, mode" },
	{ "extends = \"base\"\n" MINIMAL, 1, 11, "write \"preset:base\"" },
	{ "\"a\\u001b[31m\" = 1\n" MINIMAL, 1, 1, "\\x1b[31m" },
	{ "mode = \"audti\"\n" MINIMAL, 1, 8, "\"mode\" must be \"enforce\" or \"audit\", not \"audti\"" },
	{ "mode = true\n" MINIMAL, 1, 8, "\"mode\" must be a string, not a boolean" },
	{ "record = \"some\"\n" MINIMAL, 1, 10, "\"denied\" or \"all\"" },
	{ "on_loss = \"stop\"\n" MINIMAL, 1, 11, "\"continue\" or \"block\"" },
	{ "kernel = 1\n" MINIMAL, 1, 1, "\"kernel\" must be a table, not a number" },
	{ MINIMAL "[[agent]]\n", 9, 3, "\"agent\" must be a table, not a list" },
};

static const struct row section_rows[] = {
	{ HEAD EXECS NET "[file]\nread = []\n", 7, 2, "[file] has no default" },
	{ HEAD EXECS NET "[file]\ndefault = \"ask\"\n", 8, 11, "\"deny\" or \"allow\", not \"ask\"" },
	{ HEAD EXECS NET "[file]\ndefault = false\n", 8, 11, "must be a string, not a boolean" },
	{ HEAD EXECS NET FILES "raed = []\n", 9, 1, "did you mean \"read\"?" },
	{ HEAD EXECS NET FILES "allow = []\n", 9, 1, "unknown key \"allow\" in [file], which holds default, read, write, deny" },
	{ HEAD NET FILES EXECS "alow = []\n", 9, 1, "did you mean \"allow\"?" },
	{ HEAD FILES EXECS NET "conect = []\n", 9, 1, "did you mean \"connect\"?" },
	{ HEAD EXECS NET FILES "read = \"/usr\"\n", 9, 8, "\"read\" must be a list of strings, as in read = [\"/usr/**\"], not a string" },
	{ HEAD EXECS FILES NET "deny = { a = 1 }\n", 9, 8, "must be a list of strings, as in deny = [\"192.0.2.7:443\"], not a table" },
	{ HEAD EXECS NET FILES "read = [\"/a\",\n\t1.5]\n", 10, 2, "a rule must be a string, not a fraction" },
	{ MINIMAL "[agent]\nsvid = \"example.org/a\"\n", 10, 8, "begins with spiffe://" },
	{ MINIMAL "[agent]\nsvid = \"spiffe://Example.org/a\"\n", 10, 8, "trust domain" },
	{ MINIMAL "[agent]\nsvid = \"spiffe:///a\"\n", 10, 8, "trust domain" },
	{ MINIMAL "[agent]\nsvid = \"spiffe://example.org\"\n", 10, 8, "names no agent" },
	{ MINIMAL "[agent]\nsvid = \"spiffe://example.org/a/\"\n", 10, 8, "does not end with '/'" },
	{ MINIMAL "[agent]\nsvid = \"spiffe://example.org/a//b\"\n", 10, 8, "each part" },
	{ MINIMAL "[agent]\nsvid = \"spiffe://example.org/a/../b\"\n", 10, 8, "'.' or '..'" },
	{ MINIMAL "[agent]\nsvid = \"spiffe://example.org/a b\"\n", 10, 8, "each part" },
	{ MINIMAL "[agent]\nsvid = \"spiffe://example.org/a\\u0000\"\n", 10, 8, "NUL" },
	{ MINIMAL "[agent]\nsvids = \"x\"\n", 10, 1, "did you mean \"svid\"?" },
	{ MINIMAL "[agent]\ncgroups = \"/a\"\n", 10, 11, "\"cgroups\" must be a list, not a string" },
	{ MINIMAL "[agent]\ncgroups = [1]\n", 10, 12, "must be a string" },
	{ MINIMAL "[agent]\ncgroups = [\"a/b\"]\n", 10, 12, "from the root of the hierarchy" },
	{ MINIMAL "[agent]\ncgroups = [\"/\"]\n", 10, 12, "every process of the machine" },
	{ MINIMAL "[agent]\ncgroups = [\"/**\"]\n", 10, 12, "every process of the machine" },
	{ MINIMAL "[agent]\ncgroups = [\"/a/\"]\n", 10, 12, "slash at the end" },
	{ MINIMAL "[agent]\ncgroups = [\"/a//b\"]\n", 10, 12, "empty parts" },
	{ MINIMAL "[agent]\ncgroups = [\"/a/../b\"]\n", 10, 12, "'.' or '..'" },
	{ MINIMAL "[agent]\ncgroups = [\"/a/*\"]\n", 10, 12, "only /** at the end" },
	{ MINIMAL "[agent]\ncgroups = [\"/a\\u0000\"]\n", 10, 12, "control characters" },
	{ MINIMAL "[limits]\nunlik = { max = 1, per = \"1s\", action = \"block\" }\n", 10, 1, "did you mean \"unlink\"?" },
	{ MINIMAL "[limits]\nunlink = 50\n", 10, 10, "must be a table such as { max" },
	{ MINIMAL "[limits]\nunlink = { per = \"1s\", action = \"block\" }\n", 10, 1, "\"max\" is missing in [limits.unlink]" },
	{ MINIMAL "[limits]\nfork = { max = 1, action = \"block\" }\n", 10, 1, "\"per\" is missing in [limits.fork]" },
	{ MINIMAL "[limits]\nfork = { max = 1, per = \"1s\" }\n", 10, 1, "\"action\" is missing" },
	{ MINIMAL "[limits]\nexec = { max = -1, per = \"1s\", action = \"block\" }\n", 10, 16, "from 0 to 1000000000, not -1" },
	{ MINIMAL "[limits]\nexec = { max = \"1\", per = \"1s\", action = \"block\" }\n", 10, 16, "must be a number, not a string" },
	{ MINIMAL "[limits]\nexec = { max = 1, per = 60, action = \"block\" }\n", 10, 25, "duration such as \"60s\", in quotes" },
	{ MINIMAL "[limits]\nexec = { max = 1, per = \"60\", action = \"block\" }\n", 10, 25, "ms, s, m or h" },
	{ MINIMAL "[limits]\nexec = { max = 1, per = \"0s\", action = \"block\" }\n", 10, 25, "\"1ms\" to \"720h\"" },
	{ MINIMAL "[limits]\nexec = { max = 1, per = \"721h\", action = \"block\" }\n", 10, 25, "\"1ms\" to \"720h\"" },
	{ MINIMAL "[limits]\nexec = { max = 1, per = \"1s\", action = \"deny\" }\n", 10, 40, "\"block\", \"quarantine\" or \"killswitch\"" },
	{ MINIMAL "[limits]\nexec = { max = 1, per = \"1s\", action = \"block\", x = 1 }\n", 10, 49, "unknown key \"x\" in [limits.exec]" },
	{ MINIMAL "[kernel]\nmout = \"deny\"\n", 10, 1, "did you mean \"mount\"?" },
	{ MINIMAL "[kernel]\nbpf = true\n", 10, 7, "must be a string, not a boolean" },
	{ MINIMAL "[kernel]\nbpf = \"block\"\n", 10, 7, "\"deny\" or \"allow\", not \"block\"" },
};

static const struct row path_rows[] = {
	PATH("\"\"", "empty rule"),
	PATH("\"usr/lib\"", "write **/usr/lib"),
	PATH("\"*.env\"", "write **/*.env"),
	PATH("\"*\"", "write ** for every path"),
	PATH("\"./x\"", "write $WORKDIR/x"),
	PATH("\"~\"", "write ~/**"),
	PATH("\"~bob/x\"", "/home/bob/x"),
	PATH("\"$HOME/x\"", "write ~/x"),
	PATH("\"${HOME}/x\"", "write ~/x"),
	PATH("\"$WORKDIR\"", "write $WORKDIR/**"),
	PATH("\"$WORKDIRS/x\"", "no variable but $WORKDIR"),
	PATH("\"$TMP/x\"", "no variable but $WORKDIR"),
	PATH("\"{/a,/b}/c\"", "begins with /"),
	PATH("\"/a\\u0000b\"", "NUL"),
	PATH("\"/a/\"", "slash at the end"),
	PATH("\"/a//b\"", "'//'"),
	PATH("\"/a/./b\"", "'.' component"),
	PATH("\"~/../b\"", "'..' component"),
	PATH("\"/a**\"", "whole component"),
	PATH("\"/a/[b\"", "without its ']'"),
	PATH("\"/a/{b\"", "without its '}'"),
	PATH("'/a\\'", "backslash at the end"),
	PATH("\"a\\u001b[31m\"", "\\x1b[31m"),
};

static const struct row net_rows[] = {
	HOST("\"\"", "host is missing"),
	HOST("\"*\"", "bare '*'"),
	HOST("\"*:443\"", "0.0.0.0/0"),
	HOST("\"10.1.2.3/8\"", "write 10.0.0.0/8 for the network, or 10.1.2.3"),
	HOST("\"[2001:db8::1]/32\"", "write [2001:db8::]/32"),
	HOST("\"[::ffff:10.0.0.1]/104\"", "write 10.0.0.0/8"),
	HOST("\"::1\"", "write [::1]"),
	HOST("\"2001:db8::/32\"", "write [2001:db8::]/32"),
	HOST("\"tcp:fe80::1\"", "write [fe80::1]"),
	HOST("\"[fe80::1%eth0]:80\"", "write [fe80::1]"),
	HOST("\"fe80::1%eth0\"", "write [fe80::1]"),
	HOST("\"[2001:db8::/32]\"", "write [2001:db8::]/32"),
	HOST("\"[::1\"", "not closed"),
	HOST("\"[10.0.0.1]:80\"", "write 10.0.0.1"),
	HOST("\"[::1]80\"", "neither a prefix nor a port"),
	HOST("\"[::g]\"", "not an IPv6 address"),
	HOST("\"[::]/129\"", "prefix length"),
	HOST("\"10.0.0.0/33\"", "prefix length"),
	HOST("\"10.0.0.0/08\"", "prefix length"),
	HOST("\"10.0.0\"", "not an IPv4 address"),
	HOST("\"256.0.0.1\"", "not an IPv4 address"),
	HOST("\"10.0.0.01\"", "leading zero"),
	HOST("\"443\"", "not an IPv4 address"),
	HOST("\"10.0.0.1.\"", "not an IPv4 address"),
	HOST("\"example.org:0\"", "port 0"),
	HOST("\"example.org:\"", "nothing behind the last ':'"),
	HOST("\"example.org:080\"", "write 80"),
	HOST("\"example.org:65536\"", "not a port"),
	HOST("\"example.org:https\"", "not a port"),
	HOST("\"example.org:90-80\"", "write 80-90"),
	HOST("\"example.org:80-\"", "not a port"),
	HOST("\"TCP:example.org:80\"", "write tcp:example.org:80"),
	HOST("\"sctp:example.org:80\"", "not sctp:"),
	HOST("\"foo:bar:80\"", "too many ':'"),
	HOST("\"tcp:80\"", "not an IPv4 address"),
	HOST("\"udp\"", "not a host"),
	HOST("\"https://api.example.org/v1\"", "write api.example.org:443"),
	HOST("\"http://api.example.org:8080/\"", "write api.example.org:8080"),
	HOST("\"example.org/24\"", "only addresses take a prefix"),
	HOST("\"a..b\"", "empty part"),
	HOST("\".example.org\"", "empty part"),
	HOST("\"a.*.b\"", "*.example.org"),
	HOST("\"**.b\"", "*.example.org"),
	HOST("\"ex ample.org\"", "no spaces"),
	HOST("\"example.org\\t\"", "control characters"),
	HOST("\"b\xc3\xbc" "cher.example\"", "punycode"),
	HOST("\"exa$mple.org\"", "'$' cannot be part"),
	HOST("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org\"", "64 bytes long"),
	HOST("\"0.0.0.0:80\"", "judged as loopback"),
	HOST("\"[::]:80\"", "judged as loopback"),
	HOST("\"unix:run/x\"", "begins with /"),
	HOST("\"unix:@\"", "no name"),
	HOST("\"unix:/run/x/\"", "slash at the end"),
	HOST("\"unix:~bob/x\"", "another user's"),
	HOST("\"unix:@a\\u0000b\"", "NUL"),
	{ HEAD EXECS FILES NET "listen = [\"*.example.org:80\"]\n", 9, 11, "a listener has an address" },
};

static void check_row(const struct row *row)
{
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	struct vantio_policy *p = NULL;
	char where[64];

	if (vantio_policy_parse(row->text, strlen(row->text), "p.toml", &test_expand, &p, &diags, &err) != -EINVAL)
		fail_msg("passed: %s", row->text);
	assert_null(p);
	if (diags.n_errors != 1 || diags.n != 1)
		fail_msg("%zu errors, not one, the first: %s, of: %s", diags.n_errors, err.text, row->text);
	if (diags.items[0].pos.line != row->line || diags.items[0].pos.col != row->col || !strstr(diags.items[0].text, row->says))
		fail_msg("%u:%u: %s\n  not at %u:%u or not saying \"%s\", of: %s", diags.items[0].pos.line, diags.items[0].pos.col,
			 diags.items[0].text, row->line, row->col, row->says, row->text);
	snprintf(where, sizeof(where), "p.toml:%u:%u: ", row->line, row->col);
	assert_ptr_equal(strstr(err.text, where), err.text);
	for (const char *s = diags.items[0].text; *s; s++)
		assert_true((unsigned char)*s >= ' ' && *s != 0x7f);
	vantio_diagnostics_free(&diags);
}

#define TABLE_TEST(table)                                               \
	static void policy_bad_##table##_are_refused(void **state)      \
	{                                                               \
		(void)state;                                            \
		for (size_t i = 0; i < VANTIO_ARRAY_SIZE(table); i++)   \
			check_row(&table[i]);                           \
	}

TABLE_TEST(syntax_rows)
TABLE_TEST(top_rows)
TABLE_TEST(section_rows)
TABLE_TEST(path_rows)
TABLE_TEST(net_rows)

/* ---- more than one ---- */

static void policy_bad_many_errors_come_at_once_in_order(void **state)
{
	static const char text[] = "nmae = \"x\"\nschema = 1\nmode = 1\n[network]\nconnect = [\"::1\", \"*\"]\n[file]\ndefault = \"no\"\n";
	static const struct {
		uint32_t line, col;
		const char *says;
	} want[] = {
		{ 1, 1, "\"name\" is missing" },     { 1, 1, "[exec] is missing" },	  { 1, 1, "did you mean \"name\"" },
		{ 3, 8, "\"mode\" must be" },	     { 4, 2, "[network] has no default" }, { 5, 12, "[::1]" },
		{ 5, 19, "bare '*'" },		     { 7, 11, "\"deny\" or \"allow\"" },
	};
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	struct vantio_policy *p = NULL;

	(void)state;
	assert_int_equal(vantio_policy_parse(text, strlen(text), "p.toml", &test_expand, &p, &diags, &err), -EINVAL);
	assert_int_equal(diags.n_errors, VANTIO_ARRAY_SIZE(want));
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(want); i++) {
		assert_int_equal(diags.items[i].pos.line, want[i].line);
		assert_int_equal(diags.items[i].pos.col, want[i].col);
		if (!strstr(diags.items[i].text, want[i].says))
			fail_msg("%s, not: %s", diags.items[i].text, want[i].says);
	}
	assert_non_null(strstr(err.text, "(and 7 more errors)"));
	vantio_diagnostics_free(&diags);
}

static void policy_without_home_or_workdir_refuses_their_rules(void **state)
{
	static const char text[] = HEAD EXECS NET FILES "read = [\"~/x\", \"$WORKDIR/x\"]\n";
	const struct vantio_expand none = { 0 }, relative = { .home = "x", .workdir = "." };
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	struct vantio_policy *p = NULL;

	(void)state;
	assert_int_equal(vantio_policy_parse(text, strlen(text), "p", &none, &p, &diags, &err), -EINVAL);
	assert_int_equal(diags.n_errors, 2);
	assert_non_null(strstr(diags.items[0].text, "home of the user"));
	assert_non_null(strstr(diags.items[1].text, "vantioctl run"));
	vantio_diagnostics_free(&diags);
	assert_int_equal(vantio_policy_parse(text, strlen(text), "p", &relative, &p, &diags, &err), -EINVAL);
	assert_int_equal(diags.n_errors, 2);
	assert_non_null(strstr(diags.items[0].text, "no absolute path"));
	vantio_diagnostics_free(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_bad_syntax_rows_are_refused),
		cmocka_unit_test(policy_bad_top_rows_are_refused),
		cmocka_unit_test(policy_bad_section_rows_are_refused),
		cmocka_unit_test(policy_bad_path_rows_are_refused),
		cmocka_unit_test(policy_bad_net_rows_are_refused),
		cmocka_unit_test(policy_bad_many_errors_come_at_once_in_order),
		cmocka_unit_test(policy_without_home_or_workdir_refuses_their_rules),
	};

	return cmocka_run_group_tests_name("policy_bad", tests, NULL, NULL);
}
