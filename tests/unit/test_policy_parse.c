// SPDX-License-Identifier: Apache-2.0
#include "policy_texts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

static const char full[] =
	"schema = 1\n"
	"name = \"coding-agent\"\n"
	"mode = \"audit\"\n"
	"record = \"all\"\n"
	"on_loss = \"block\"\n"
	"[agent]\n"
	"svid = \"spiffe://example.org/agent/coder\"\n"
	"cgroups = [\"/system.slice/b\", \"/a/**\", \"/a/**\"]\n"
	"[file]\n"
	"default = \"deny\"\n"
	"read = [\"/usr/**\", \"/etc/**\", \"~/x\",\n"
	"  \"/etc/**\"]\n"
	"write = [\"$WORKDIR/**\"]\n"
	"deny = [\"**/.env\"]\n"
	"[exec]\n"
	"default = \"allow\"\n"
	"deny = [\"/usr/bin/sudo\"]\n"
	"[network]\n"
	"default = \"deny\"\n"
	"connect = [\"udp:127.0.0.53:53\", \"API.example.org.:443\", \"10.0.0.0/8:5432\", \"unix:/run/x\", \"unix:@y\"]\n"
	"listen = [\"127.0.0.1:8000-8999\"]\n"
	"deny = [\"169.254.169.254\", \"*.evil.example\"]\n"
	"[limits]\n"
	"unlink = { max = 50, per = \"60s\", action = \"quarantine\" }\n"
	"[kernel]\n"
	"mount = \"deny\"\n"
	"ptrace = \"allow\"\n";

static void policy_full_fills_every_member(void **state)
{
	struct vantio_policy *p = parse_good(full);

	(void)state;
	assert_string_equal(p->name, "coding-agent");
	assert_true(p->audit && p->record_all && p->loss_block && p->names_hosts);
	assert_string_equal(p->svid, "spiffe://example.org/agent/coder");
	assert_int_equal(p->n_cgroups, 2);
	assert_string_equal(p->cgroups[0], "/a/**");
	assert_false(p->default_allow[0]);
	assert_true(p->default_allow[1]);
	assert_int_equal(p->default_pos[1].line, 16);
	assert_int_equal(p->lists[VANTIO_LIST_FILE_READ].n, 3);
	assert_string_equal(p->lists[VANTIO_LIST_FILE_READ].items[0].text, "/etc/**");
	assert_int_equal(p->lists[VANTIO_LIST_FILE_READ].items[0].pos.line, 11);
	assert_int_equal(p->lists[VANTIO_LIST_FILE_READ].items[0].pos.col, 20);
	assert_string_equal(p->lists[VANTIO_LIST_FILE_READ].items[2].text, "~/x");
	assert_string_equal(p->lists[VANTIO_LIST_FILE_READ].items[2].glob, "/home/al\\*ice/x");
	assert_string_equal(p->lists[VANTIO_LIST_FILE_WRITE].items[0].glob, "/work/**");
	assert_int_equal(p->lists[VANTIO_LIST_NET_CONNECT].n, 5);
	assert_string_equal(p->lists[VANTIO_LIST_NET_CONNECT].items[1].net.host, "api.example.org");
	assert_true(p->limits[VANTIO_LIMIT_UNLINK].set);
	assert_int_equal(p->limits[VANTIO_LIMIT_UNLINK].per_ns, 60000000000u);
	assert_int_equal(p->limits[VANTIO_LIMIT_UNLINK].action, VANTIO_QUARANTINE);
	assert_false(p->limits[VANTIO_LIMIT_RENAME].set);
	assert_true(p->kernel_allow[VANTIO_SURFACE_PTRACE]);
	assert_false(p->kernel_allow[VANTIO_SURFACE_BPF]);
	assert_int_equal(p->kernel_pos[VANTIO_SURFACE_PTRACE].line, 27);
	assert_int_equal(p->kernel_pos[VANTIO_SURFACE_BPF].line, 0);
	vantio_policy_free(p);
}

/* ---- layout ---- */

static void policy_crlf_and_bom_read_like_any_other(void **state)
{
	static const char bom[] = "\xef\xbb\xbf" MINIMAL;
	struct vantio_policy *plain = parse_good(MINIMAL), *marked = parse_good(bom), *crlf;
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;

	(void)state;
	for (const char *s = MINIMAL; *s; s++) {
		if (*s == '\n')
			vantio_buf_putc(&text, '\r');
		vantio_buf_putc(&text, *s);
	}
	crlf = parse_good(text.data);
	assert_memory_equal(plain->hash, marked->hash, sizeof(plain->hash));
	assert_memory_equal(plain->hash, crlf->hash, sizeof(plain->hash));
	assert_int_equal(crlf->default_pos[1].line, 6);
	vantio_policy_free(plain);
	vantio_policy_free(marked);
	vantio_policy_free(crlf);
}

static void policy_columns_count_bytes_behind_other_letters(void **state)
{
	struct vantio_policy *p = parse_good(HEAD EXECS NET FILES "read = [\"/h\xc3\xa9\xf0\x9f\x98\x80\", \"/z\"] # \xc3\xa9\n");

	(void)state;
	assert_int_equal(p->lists[VANTIO_LIST_FILE_READ].items[1].pos.col, 21);
	vantio_policy_free(p);
}

static void policy_long_lines_of_other_letters_keep_their_columns(void **state)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
	struct vantio_policy *p;
	size_t start;

	(void)state;
	vantio_buf_puts(&text, HEAD EXECS NET FILES "# \xe2\x82\xac\nread = [");
	start = text.len - strlen("read = [");
	for (int i = 0; i < 5000; i++)
		vantio_buf_printf(&text, "%s\"/%04d\xe2\x82\xac\"", i ? ", " : "", i);
	vantio_buf_puts(&text, "]\n");
	p = parse_good(text.data);
	assert_int_equal(p->lists[VANTIO_LIST_FILE_READ].n, 5000);
	for (uint32_t i = 0; i < 5000; i++) {
		const struct vantio_rule *rule = &p->lists[VANTIO_LIST_FILE_READ].items[i];
		char want[16];

		snprintf(want, sizeof(want), "\"/%04u", i);
		assert_int_equal(rule->pos.line, 10);
		assert_memory_equal(text.data + start + rule->pos.col - 1, want, strlen(want));
	}
	vantio_policy_free(p);
}

/* ---- rules ---- */

static void policy_rules_are_sorted_without_equals(void **state)
{
	struct vantio_policy *p = parse_good(HEAD EXECS NET FILES "read = [\"/b\",\n\"/a\", \"/b\",\n\"/B\", \"/a\"]\n");
	const struct vantio_rules *rules = &p->lists[VANTIO_LIST_FILE_READ];

	(void)state;
	assert_int_equal(rules->n, 3);
	assert_string_equal(rules->items[0].text, "/B");
	assert_string_equal(rules->items[1].text, "/a");
	assert_string_equal(rules->items[2].text, "/b");
	assert_int_equal(rules->items[1].pos.line, 10);
	assert_int_equal(rules->items[2].pos.line, 9);
	vantio_policy_free(p);
}

static void policy_allow_that_is_denied_too_is_warned_of(void **state)
{
	static const char text[] = HEAD EXECS FILES NET "connect = [\"A.example:443\", \"b.example\"]\ndeny = [\"a.example:443\"]\n";
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	struct vantio_policy *p = NULL;

	(void)state;
	assert_int_equal(vantio_policy_parse(text, strlen(text), "p", &test_expand, &p, &diags, &err), 0);
	assert_int_equal(diags.n, 1);
	assert_int_equal(diags.n_errors, 0);
	assert_true(diags.items[0].warning);
	assert_int_equal(diags.items[0].pos.line, 9);
	assert_non_null(strstr(diags.items[0].text, "network.deny holds it too (line 10)"));
	vantio_diagnostics_free(&diags);
	vantio_policy_free(p);
}

static void policy_inline_and_dotted_tables_are_the_same(void **state)
{
	static const char dotted[] = "schema = 1\nname = \"x\"\nfile.default = \"deny\"\nexec = { default = \"deny\" }\n"
				     "network.default = \"deny\"\nlimits.fork = { max = 9, per = \"1m\", action = \"block\" }\n";
	static const char tables[] = MINIMAL "[limits.fork]\naction = \"block\"\nmax = 9\nper = \"60s\"\n";
	struct vantio_policy *a = parse_good(dotted), *b = parse_good(tables);

	(void)state;
	assert_memory_equal(a->hash, b->hash, sizeof(a->hash));
	assert_int_equal(a->limits[VANTIO_LIMIT_FORK].pos.line, 6);
	assert_int_equal(b->limits[VANTIO_LIMIT_FORK].pos.line, 9);
	vantio_policy_free(a);
	vantio_policy_free(b);
}

/* ---- limits ---- */

/* `n` rules, each on a line of its own. */
static void add_rules(struct vantio_buf *text, size_t n)
{
	vantio_buf_puts(text, HEAD EXECS NET FILES "read = [\n");
	for (size_t i = 0; i < n; i++)
		vantio_buf_printf(text, "\"/a/%zu\",\n", i);
	vantio_buf_puts(text, "]\n");
}

static void policy_100000_rules_are_the_most(void **state)
{
	cleanup_buf struct vantio_buf most = VANTIO_BUF_INIT, more = VANTIO_BUF_INIT;
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	struct vantio_policy *p;

	(void)state;
	add_rules(&most, VANTIO_POLICY_RULES_MAX);
	p = parse_good(most.data);
	assert_int_equal(p->lists[VANTIO_LIST_FILE_READ].n, VANTIO_POLICY_RULES_MAX);
	vantio_policy_free(p);
	p = NULL;
	add_rules(&more, VANTIO_POLICY_RULES_MAX + 2);
	assert_int_equal(vantio_policy_parse(more.data, more.len, "p", &test_expand, &p, &diags, &err), -EINVAL);
	assert_int_equal(diags.n_errors, 1);
	assert_int_equal(diags.items[0].pos.line, 9 + VANTIO_POLICY_RULES_MAX + 1);
	assert_non_null(strstr(diags.items[0].text, "more than 100000 rules"));
	vantio_diagnostics_free(&diags);
}

static void policy_16_mib_are_the_most(void **state)
{
	char *text = malloc(VANTIO_POLICY_TEXT_MAX + 1);
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	struct vantio_policy *p = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, '\n', VANTIO_POLICY_TEXT_MAX + 1);
	memcpy(text, MINIMAL, strlen(MINIMAL));
	p = parse_good_bytes(text, VANTIO_POLICY_TEXT_MAX);
	vantio_policy_free(p);
	p = NULL;
	assert_int_equal(vantio_policy_parse(text, VANTIO_POLICY_TEXT_MAX + 1, "p", &test_expand, &p, &diags, &err), -EINVAL);
	assert_int_equal(diags.n_errors, 1);
	assert_int_equal(diags.items[0].pos.line, 1);
	assert_non_null(strstr(diags.items[0].text, "16 MiB"));
	vantio_diagnostics_free(&diags);
	free(text);
}

/* Deep and wide texts, each of which would cost a parser its stack or its memory. */
static void policy_hostile_shapes_are_refused(void **state)
{
	static const struct {
		const char *head, *unit, *says;
		size_t n;
	} rows[] = {
		{ "x = ", "[", "nested", 1u << 18 },
		{ "x = ", "{a=", "nested", 1u << 18 },
		{ "a", ".a", "dotted key", 1u << 20 },
		{ "[a", ".\"b\"", "dotted key", 1u << 20 },
		{ "x = [", "0,", "more than 1000000 values", 1100000 },
	};

	(void)state;
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(rows); i++) {
		cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
		struct vantio_diagnostics diags = { 0 };
		struct vantio_error err = { 0 };
		struct vantio_policy *p = NULL;

		vantio_buf_puts(&text, rows[i].head);
		for (size_t k = 0; k < rows[i].n; k++)
			vantio_buf_puts(&text, rows[i].unit);
		assert_int_equal(vantio_policy_parse(text.data, text.len, "p", &test_expand, &p, &diags, &err), -EINVAL);
		assert_non_null(strstr(diags.items[0].text, rows[i].says));
		vantio_diagnostics_free(&diags);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_full_fills_every_member),
		cmocka_unit_test(policy_crlf_and_bom_read_like_any_other),
		cmocka_unit_test(policy_columns_count_bytes_behind_other_letters),
		cmocka_unit_test(policy_long_lines_of_other_letters_keep_their_columns),
		cmocka_unit_test(policy_rules_are_sorted_without_equals),
		cmocka_unit_test(policy_allow_that_is_denied_too_is_warned_of),
		cmocka_unit_test(policy_inline_and_dotted_tables_are_the_same),
		cmocka_unit_test(policy_100000_rules_are_the_most),
		cmocka_unit_test(policy_16_mib_are_the_most),
		cmocka_unit_test(policy_hostile_shapes_are_refused),
	};

	return cmocka_run_group_tests_name("policy_parse", tests, NULL, NULL);
}
