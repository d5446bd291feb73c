// SPDX-License-Identifier: Apache-2.0
/* What a policy is that extends presets: joined lists, whose word counts, where each rule says that it comes from, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "policy/image.h"
#include "policy/preset.h"

#define TEXT(s) .text = (s), .len = sizeof(s) - 1
#define ALL_DENY "[file]\ndefault = 'deny'\n[exec]\ndefault = 'deny'\n[network]\ndefault = 'deny'\n"
#define BODY(name, rest) "schema = 1\nname = '" name "'\n" rest

static const struct vantio_preset items[] = {
	{ "a", "preset:a", TEXT(BODY("a", "extends = 'preset:root'\nmode = 'audit'\n[file]\nread = ['/a']\n[kernel]\nbpf = 'allow'\n")) },
	{ "b", "preset:b", TEXT(BODY("b", "extends = 'preset:root'\nmode = 'enforce'\n[file]\nread = ['/b']\n"
				     "[limits]\nfork = { max = 1, per = '1s', action = 'block' }\n")) },
	{ "both", "preset:both", TEXT(BODY("both", "extends = ['preset:a', 'preset:b']\nmode = 'audit'\n")) },
	{ "circle", "preset:circle", TEXT(BODY("circle", "extends = 'preset:circle2'\n")) },
	{ "circle2", "preset:circle2", TEXT(BODY("circle2", "extends = 'preset:circle'\n")) },
	{ "limit", "preset:limit", TEXT(BODY("limit", "[limits]\nfork = { max = 2, per = '1s', action = 'block' }\n")) },
	{ "owner", "preset:owner", TEXT(BODY("owner", "[agent]\nsvid = 'spiffe://x/y'\n")) },
	{ "root", "preset:root", TEXT(BODY("root", "record = 'all'\n[file]\ndefault = 'deny'\nread = ['/r', '~/r']\ndeny = ['/secret/**']\n"
					   "deny_write = ['/rc']\n[exec]\ndefault = 'deny'\n[network]\ndefault = 'deny'\n")) },
	{ "d1", "preset:d1", TEXT(BODY("d1", "extends = 'preset:d2'\n")) },
	{ "d2", "preset:d2", TEXT(BODY("d2", "extends = 'preset:d3'\n")) },
	{ "d3", "preset:d3", TEXT(BODY("d3", "extends = 'preset:d4'\n")) },
	{ "d4", "preset:d4", TEXT(BODY("d4", "extends = 'preset:d5'\n")) },
	{ "d5", "preset:d5", TEXT(BODY("d5", "extends = 'preset:d6'\n")) },
	{ "d6", "preset:d6", TEXT(BODY("d6", "extends = 'preset:d7'\n")) },
	{ "d7", "preset:d7", TEXT(BODY("d7", "extends = 'preset:d8'\n")) },
	{ "d8", "preset:d8", TEXT(BODY("d8", "extends = 'preset:root'\n")) },
};
static const struct vantio_preset_set set = { items, VANTIO_ARRAY_SIZE(items) };
static const struct vantio_expand expand = { .home = "/h", .workdir = "/w", .presets = &set };

static struct vantio_policy *parse(const char *text, struct vantio_diagnostics *diags, struct vantio_error *err)
{
	struct vantio_policy *p = NULL;

	if (vantio_policy_parse(text, strlen(text), "p.toml", &expand, &p, diags, err) < 0)
		return NULL;
	return p;
}

static struct vantio_policy *good(const char *text)
{
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	struct vantio_policy *p = parse(text, &diags, &err);

	if (!p)
		fail_msg("%s", err.text);
	vantio_diagnostics_free(&diags);
	return p;
}

static void bad(const char *text, const char *what)
{
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	cleanup_policy struct vantio_policy *p = parse(text, &diags, &err);

	assert_null(p);
	if (diags.n != 1 || !strstr(err.text, what))
		fail_msg("%zu diagnostics, the first is '%s' and not '%s', of: %s", diags.n, err.text, what, text);
	vantio_diagnostics_free(&diags);
}

static const struct vantio_rule *rule(const struct vantio_policy *p, enum vantio_list list, const char *text)
{
	for (size_t i = 0; i < p->lists[list].n; i++)
		if (!strcmp(p->lists[list].items[i].text, text))
			return &p->lists[list].items[i];
	return NULL;
}

static void extends_lists_are_joined_and_say_where_they_come_from(void **state)
{
	cleanup_policy struct vantio_policy *p = good(BODY("p", "extends = 'preset:a'\n[file]\nread = ['/p', '/r']\ndeny = ['/x']\n"));
	const struct vantio_rule *r;

	(void)state;
	assert_int_equal(p->lists[VANTIO_LIST_FILE_READ].n, 4);
	assert_int_equal(p->lists[VANTIO_LIST_FILE_DENY].n, 2);
	r = rule(p, VANTIO_LIST_FILE_READ, "~/r");
	assert_string_equal(r->glob, "/h/r");
	assert_string_equal(r->pos.preset, "preset:root");
	assert_int_equal(r->pos.line, 6);
	r = rule(p, VANTIO_LIST_FILE_READ, "/a");
	assert_string_equal(r->pos.preset, "preset:a");
	r = rule(p, VANTIO_LIST_FILE_READ, "/p");
	assert_null(r->pos.preset);
	assert_int_equal(r->pos.line, 5);
	assert_string_equal(rule(p, VANTIO_LIST_FILE_READ, "/r")->pos.preset, "preset:root"); /* said by both: the preset's stays if the other goes */
	assert_string_equal(p->default_pos[0].preset, "preset:root");
	assert_string_equal(p->name, "p");
	assert_int_equal(p->n_extends, 2);
}

static void extends_the_nearest_text_has_the_word(void **state)
{
	cleanup_policy struct vantio_policy *p = good(BODY("p", "extends = 'preset:a'\n")), *q = NULL, *both = NULL;

	(void)state;
	assert_true(p->audit && p->record_all && p->kernel_allow[VANTIO_SURFACE_BPF] && !p->default_allow[0]);
	assert_string_equal(p->kernel_pos[VANTIO_SURFACE_BPF].preset, "preset:a");
	q = good(BODY("p", "extends = 'preset:a'\nmode = 'enforce'\nrecord = 'denied'\n[network]\ndefault = 'allow'\n[kernel]\nbpf = 'deny'\n"));
	assert_true(!q->audit && !q->record_all && !q->kernel_allow[VANTIO_SURFACE_BPF] && q->default_allow[2] && !q->default_allow[1]);
	assert_null(q->default_pos[2].preset);
	both = good(BODY("p", "extends = 'preset:both'\n")); /* which extends two that differ, and says it itself */
	assert_true(both->audit && both->limits[VANTIO_LIMIT_FORK].set);
}

static void extends_a_deny_of_a_preset_always_holds(void **state)
{
	cleanup_policy struct vantio_policy *p = good(BODY("p", "extends = 'preset:root'\n[file]\ndefault = 'allow'\n"
							   "read = ['/secret/k', '/rc']\nwrite = ['/secret/k', '/rc', '/ok']\n"));
	cleanup_image struct vantio_image *image = NULL;
	struct vantio_explanation e;
	struct vantio_error err;
	static const struct {
		const char *op, *target;
		uint32_t decision;
		const char *rule;
	} rows[] = {
		{ "read", "/secret/k", VANTIO_BLOCK, "file.deny[0]" },  { "write", "/secret/k", VANTIO_BLOCK, "file.deny[0]" },
		{ "write", "/rc", VANTIO_BLOCK, "file.deny_write[0]" }, { "read", "/rc", VANTIO_PERMIT, "file.read[1]" },
		{ "write", "/ok", VANTIO_PERMIT, "file.write[0]" },
	};

	(void)state;
	assert_int_equal(vantio_image_compile(p, NULL, &image, &err), 0);
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(rows); i++) {
		assert_int_equal(vantio_policy_explain(p, image, rows[i].op, rows[i].target, NULL, &e, &err), 0);
		assert_int_equal(e.decision, rows[i].decision);
		if (e.decision == VANTIO_BLOCK) {
			assert_string_equal(e.rule.name, rows[i].rule);
			assert_string_equal(e.rule.pos.preset, "preset:root");
		}
	}
}

static void extends_the_hash_is_of_what_they_make_together(void **state)
{
	cleanup_policy struct vantio_policy *p = good(BODY("p", "extends = ['preset:root']\n[file]\nread = ['/p']\n"));
	cleanup_policy struct vantio_policy *q = good(BODY("q", "record = 'all'\n" ALL_DENY) "\n");
	cleanup_policy struct vantio_policy *whole =
		good(BODY("whole", "record = 'all'\n[file]\ndefault = 'deny'\nread = ['/p', '/r', '~/r']\ndeny = ['/secret/**']\n"
				   "deny_write = ['/rc']\n[exec]\ndefault = 'deny'\n[network]\ndefault = 'deny'\n"));
	cleanup_policy struct vantio_policy *ab = good(BODY("p", "extends = ['preset:a', 'preset:b']\nmode = 'audit'\n"));
	cleanup_policy struct vantio_policy *ba = good(BODY("p", "mode = 'audit'\nextends = ['preset:b', 'preset:root', 'preset:a']\n"));

	(void)state;
	assert_memory_equal(p->hash, whole->hash, 32);
	assert_memory_not_equal(p->hash, q->hash, 32);
	assert_memory_equal(ab->hash, ba->hash, 32);
}

static void extends_bad_lines_are_refused(void **state)
{
	(void)state;
	bad(BODY("p", "extends = 'preset:rot'\n"), "p.toml:3:11: \"preset:rot\": there is no such preset: did you mean \"preset:root\"?");
	bad(BODY("p", "extends = 'preset:qqqqqqq'\n"), "'vantioctl policy presets' lists them");
	bad(BODY("p", "extends = 'root'\n"), "write \"preset:root\"");
	bad(BODY("p", "extends = '/etc/p.toml'\n"), "only presets can be extended");
	bad(BODY("p", "extends = ''\n"), "only presets can be extended");
	bad(BODY("p", "extends = \"preset:root\\u0000\"\n"), "there is no such preset");
	bad(BODY("p", "extends = []\n"), "names no preset");
	bad(BODY("p", "extends = 7\n"), "must be a preset, as in \"preset:python\", or a list of presets, not a number");
	bad(BODY("p", "extends = ['preset:root', 7]\n"), "p.toml:3:27: a preset must be a string");
	bad(BODY("p", "extends = ['preset:root', 'preset:root']\n"), "p.toml:3:27: \"preset:root\": the list holds it twice");
	bad(BODY("p", "extends = 'preset:circle'\n"), "preset:circle2:3:11: \"preset:circle\": it is extended by what it extends");
	bad(BODY("p", "extends = 'preset:d1'\n"), "preset:d8:3:11: \"preset:root\": presets that extend each other more than 8 deep");
	bad(BODY("p", "extends = ['preset:root', 'preset:owner']\n"), "preset:owner:3:2: [agent] has no place in a preset");
}

static void extends_presets_that_differ_must_be_decided(void **state)
{
	cleanup_policy struct vantio_policy *p = NULL;

	(void)state;
	bad(BODY("p", "extends = ['preset:a', 'preset:b']\n"), "p.toml:3:1: preset:a:4 and preset:b:4 differ in mode: say here which it is");
	bad(BODY("p", "extends = ['preset:b', 'preset:limit']\n"), "preset:b:8 and preset:limit:4 differ in [limits] fork");
	p = good(BODY("p", "extends = ['preset:b', 'preset:limit']\n[limits]\nfork = { max = 9, per = '1s', action = 'block' }\n"));
	assert_int_equal(p->limits[VANTIO_LIMIT_FORK].max, 9);
}

static void extends_what_no_text_says_is_missing(void **state)
{
	(void)state;
	bad(BODY("p", "extends = 'preset:limit'\n[file]\n[exec]\ndefault = 'deny'\n[network]\ndefault = 'deny'\n"), "p.toml:4:2: [file] has no default");
}

/* Each preset of this program is a good policy, bears its file's name, says in its first line what it is for, and extends base. */
static void presets_of_this_program_are_good(void **state)
{
	static const struct vantio_expand here = { .home = "/home/u", .workdir = "/work" };

	(void)state;
	assert_true(vantio_presets.n > 0);
	for (size_t i = 0; i < vantio_presets.n; i++) {
		const struct vantio_preset *preset = &vantio_presets.items[i];
		struct vantio_diagnostics diags = { 0 };
		struct vantio_error err = { 0 };
		cleanup_policy struct vantio_policy *p = NULL;
		cleanup_image struct vantio_image *image = NULL;
		char origin[80], summary[160];

		snprintf(origin, sizeof(origin), "preset:%s", preset->name);
		assert_string_equal(preset->origin, origin);
		assert_int_equal(preset->len, strlen(preset->text));
		assert_true(i == 0 || strcmp(vantio_presets.items[i - 1].name, preset->name) < 0);
		if (vantio_policy_parse(preset->text, preset->len, origin, &here, &p, &diags, &err) < 0)
			fail_msg("%s", err.text);
		if (diags.n)
			fail_msg("%s:%u: %s", origin, diags.items[0].pos.line, diags.items[0].text);
		vantio_diagnostics_free(&diags);
		assert_string_equal(p->name, preset->name);
		assert_int_equal(vantio_image_compile(p, NULL, &image, &err), 0);
		vantio_preset_summary(preset, summary, sizeof(summary));
		assert_in_range(strlen(summary), 20, 110);
		assert_true(!strcmp(preset->name, "base") || (p->n_extends && !strcmp(p->extends[0], "preset:base")));
	}
}

/* What no preset gives away, whatever it is for: asked of each, at each of these paths. */
static void presets_of_this_program_deny_what_none_is_given(void **state)
{
	static const struct vantio_expand here = { .home = "/home/u", .workdir = "/home/u" }; /* the worst case: all of it would be allowed */
	static const char *const secret[] = {
		"/home/u/.ssh/id_ed25519", "/home/u/.aws/credentials", "/home/u/.config/gcloud/credentials.db", "/home/u/.azure/msal_token_cache.json",
		"/home/u/.kube/config", "/home/u/.docker/config.json", "/home/u/.netrc", "/home/u/.git-credentials", "/home/u/.gnupg/pubring.kbx",
		"/home/u/.npmrc", "/home/u/.pypirc", "/home/u/.mozilla/firefox/x/logins.json", "/home/u/.config/google-chrome/Default/Cookies",
		"/home/u/.config/gh/hosts.yml", "/home/u/.bash_history", "/etc/shadow", "/etc/sudoers", "/etc/ssl/private/x.key",
	};
	static const char *const later[] = {
		"/home/u/.bashrc", "/home/u/.profile", "/home/u/.zshrc", "/home/u/.config/fish/config.fish", "/home/u/.config/systemd/user/x.service",
		"/home/u/.config/autostart/x.desktop", "/etc/cron.d/x", "/var/spool/cron/crontabs/u", "/home/u/src/.git/hooks/pre-commit",
		"/home/u/src/.git/modules/a/b/hooks/post-merge", "/home/u/.gitconfig",
	};
	static const char *const metadata[] = { "169.254.169.254:80", "[fd00:ec2::254]:80", "100.100.100.200:80", "[fd20:ce::254]:80", "168.63.129.16:80" };
	struct vantio_explanation e;
	struct vantio_error err;

	(void)state;
	for (size_t i = 0; i < vantio_presets.n; i++) {
		const struct vantio_preset *preset = &vantio_presets.items[i];
		struct vantio_diagnostics diags = { 0 };
		cleanup_policy struct vantio_policy *p = NULL;
		cleanup_image struct vantio_image *image = NULL;

		assert_int_equal(vantio_policy_parse(preset->text, preset->len, preset->name, &here, &p, &diags, &err), 0);
		vantio_diagnostics_free(&diags);
		assert_int_equal(vantio_image_compile(p, NULL, &image, &err), 0);
		for (size_t k = 0; k < 2 * VANTIO_ARRAY_SIZE(secret) + VANTIO_ARRAY_SIZE(later); k++) {
			const size_t s = VANTIO_ARRAY_SIZE(secret);
			const char *op = k < s ? "read" : "write", *path = k < 2 * s ? secret[k % s] : later[k - 2 * s];

			assert_int_equal(vantio_policy_explain(p, image, op, path, NULL, &e, &err), 0);
			if (e.decision != VANTIO_BLOCK || e.reason != VANTIO_REASON_DENY)
				fail_msg("%s: %s %s is not denied", preset->origin, op, path);
		}
		for (size_t k = 0; k < VANTIO_ARRAY_SIZE(metadata); k++) {
			assert_int_equal(vantio_policy_explain(p, image, "connect", metadata[k], NULL, &e, &err), 0);
			if (e.decision != VANTIO_BLOCK || e.reason != VANTIO_REASON_DENY)
				fail_msg("%s: connect %s is not denied", preset->origin, metadata[k]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extends_lists_are_joined_and_say_where_they_come_from),
		cmocka_unit_test(extends_the_nearest_text_has_the_word),
		cmocka_unit_test(extends_a_deny_of_a_preset_always_holds),
		cmocka_unit_test(extends_the_hash_is_of_what_they_make_together),
		cmocka_unit_test(extends_bad_lines_are_refused),
		cmocka_unit_test(extends_presets_that_differ_must_be_decided),
		cmocka_unit_test(extends_what_no_text_says_is_missing),
		cmocka_unit_test(presets_of_this_program_are_good),
		cmocka_unit_test(presets_of_this_program_deny_what_none_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
