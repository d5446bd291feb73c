// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "policy/policy.h"

static const struct vantio_expand expand = { .home = "/home/al*ice", .workdir = "/work/" };

static struct vantio_policy *parse_good(const char *text)
{
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	struct vantio_policy *p = NULL;
	int r = vantio_policy_parse(text, strlen(text), "p.toml", &expand, &p, &diags, &err);

	if (r < 0)
		fail_msg("%s", err.text);
	assert_int_equal(diags.n_errors, 0);
	vantio_diagnostics_free(&diags);
	return p;
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_full_fills_every_member),
	};

	return cmocka_run_group_tests_name("policy_parse", tests, NULL, NULL);
}
