// SPDX-License-Identifier: Apache-2.0
/* The pure parts of the user tier: what Landlock is given at each ABI, which folders the policy speaks of in one voice, and verdicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sandbox/judge.h"
#include "sandbox/plan.h"

static const char head[] = "schema = 1\nname = \"t\"\n";

struct made {
	struct vantio_policy *policy;
	struct vantio_image *image;
};

static struct made make(const char *text)
{
	struct vantio_diagnostics diags = {};
	struct vantio_error err = {};
	struct made m = {};
	char *whole;

	assert_true(asprintf(&whole, "%s%s", head, text) > 0);
	if (vantio_policy_parse(whole, strlen(whole), "t.toml", &(struct vantio_expand){ .home = "/home/u", .workdir = "/w" }, &m.policy, &diags, &err))
		fail_msg("%s", err.text);
	assert_int_equal(vantio_image_compile(m.policy, NULL, &m.image, &err), 0);
	vantio_diagnostics_free(&diags);
	free(whole);
	return m;
}

static void unmake(struct made *m)
{
	vantio_policy_free(m->policy);
	vantio_image_free(m->image);
}

#define REST "[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n"

static bool uniform(const struct made *m, const char *path)
{
	return vantio_plan_uniform(m->image, VANTIO_ACCESS_READ, path, strlen(path));
}

static void plan_folder_without_exception_is_uniform(void **state)
{
	struct made m = make("[file]\ndefault = \"deny\"\nread = [\"/usr/**\", \"/w/**\", \"/g/*\"]\ndeny = [\"/w/.git/hooks/**\"]\n" REST);

	(void)state;
	assert_true(uniform(&m, "/usr"));
	assert_true(uniform(&m, "/usr/lib"));
	assert_true(uniform(&m, "/w/src"));
	assert_false(uniform(&m, "/w"));
	assert_false(uniform(&m, "/w/.git"));
	assert_false(uniform(&m, "/g"));
	assert_false(uniform(&m, "/"));
	assert_false(uniform(&m, "/us"));
	unmake(&m);
}

static void plan_denied_name_anywhere_leaves_no_folder_uniform(void **state)
{
	struct made m = make("[file]\ndefault = \"allow\"\ndeny = [\"**/.env\"]\n" REST);

	(void)state;
	assert_false(uniform(&m, "/"));
	assert_false(uniform(&m, "/usr"));
	unmake(&m);
}

static struct vantio_plan plan_of(const struct made *m, bool observe)
{
	struct vantio_plan plan = vantio_plan_questions(m->policy, observe);
	struct vantio_error err = {};

	assert_int_equal(vantio_plan_floor(m->policy, m->image, &plan, &err), 0);
	return plan;
}

static void plan_grants_no_more_than_the_policy(void **state)
{
	struct made m = make("[file]\ndefault = \"deny\"\nread = [\"/usr/**\", \"/w/**\"]\nwrite = [\"/w/**\"]\n"
			     "[exec]\ndefault = \"deny\"\nallow = [\"/usr/bin/**\", \"/opt/*/bin/x\"]\n[network]\ndefault = \"deny\"\n");
	struct vantio_plan plan;

	(void)state;
	plan = plan_of(&m, false);
	assert_false(vantio_plan_granted(&plan, VANTIO_ACCESS_READ, "/usr/x", 6)); /* /opt may be executed, not read */
	assert_false(plan.exact);
	assert_true(plan.opens && plan.changes && plan.execs && plan.network && plan.floor.tcp);
	assert_int_equal(plan.n_unmet, 0);
	vantio_plan_clear(&plan);
	unmake(&m);

	m = make("[file]\ndefault = \"deny\"\nread = [\"/usr/**\", \"/w/**\"]\nwrite = [\"/w/**\"]\n"
		 "[exec]\ndefault = \"deny\"\nallow = [\"/usr/bin/**\"]\n[network]\ndefault = \"allow\"\n");
	plan = plan_of(&m, false);
	assert_true(plan.exact);
	assert_true(vantio_plan_granted(&plan, VANTIO_ACCESS_READ, "/usr/x", 6));
	assert_false(vantio_plan_granted(&plan, VANTIO_ACCESS_WRITE, "/usr/x", 6));
	assert_true(vantio_plan_granted(&plan, VANTIO_ACCESS_READ | VANTIO_ACCESS_WRITE, "/w/x", 4));
	assert_false(vantio_plan_granted(&plan, VANTIO_ACCESS_READ, "/usrx", 5));
	assert_false(plan.network);
	vantio_plan_clear(&plan);
	unmake(&m);
}

static void plan_policy_that_says_nothing_asks_about_nothing(void **state)
{
	struct made m = make("[file]\ndefault = \"allow\"\n" REST);
	struct vantio_plan plan;

	(void)state;
	plan = plan_of(&m, false);
	assert_false(plan.opens || plan.changes || plan.execs || plan.network || plan.forks);
	vantio_plan_clear(&plan);
	plan = plan_of(&m, true);
	assert_true(plan.opens && plan.changes && plan.execs && plan.network && plan.forks);
	vantio_plan_clear(&plan);
	unmake(&m);
}

static void plan_names_what_it_cannot_do(void **state)
{
	struct made m = make("[file]\ndefault = \"allow\"\n" REST "[kernel]\nmount = \"allow\"\nio_uring = \"allow\"\n");
	struct vantio_plan plan;

	(void)state;
	plan = plan_of(&m, false);
	assert_int_equal(plan.n_unmet, 2);
	assert_non_null(strstr(plan.unmet[0], "kernel.mount"));
	assert_non_null(strstr(plan.unmet[1], "kernel.io_uring"));
	vantio_plan_clear(&plan);
	unmake(&m);
}

static void landlock_handles_what_each_abi_has(void **state)
{
	const struct vantio_floor all = { .files = true, .exec = true, .tcp = true, .abstract = true, .signals = true };
	static const struct {
		uint64_t fs, net, scoped;
	} want[VANTIO_LANDLOCK_ABI_MAX + 1] = {
		[1] = { 0x1fff, 0, 0 }, [2] = { 0x3fff, 0, 0 }, [3] = { 0x7fff, 0, 0 }, [4] = { 0x7fff, 3, 0 },
		[5] = { 0x7fff, 3, 0 }, [6] = { 0x7fff, 3, 3 }, [7] = { 0x7fff, 3, 3 },
	};
	uint64_t fs, net, scoped;
	unsigned int abi;

	(void)state;
	for (abi = 1; abi <= VANTIO_LANDLOCK_ABI_MAX; abi++) {
		vantio_landlock_handled(abi, &all, &fs, &net, &scoped);
		assert_int_equal(fs, want[abi].fs);
		assert_int_equal(net, want[abi].net);
		assert_int_equal(scoped, want[abi].scoped);
	}
}

/* ---- verdicts ---- */

struct seen {
	unsigned int events, halts;
	struct vantio_event last;
};

static void take(void *ctx, struct vantio_event *e, const char *path, const char *path2)
{
	struct seen *s = ctx;

	(void)path;
	(void)path2;
	s->events++;
	s->last = *e;
}

static void halted(void *ctx)
{
	((struct seen *)ctx)->halts++;
}

static bool ask(struct vantio_judge *j, enum vantio_hook hook, enum vantio_op op, uint32_t access, const char *path, const char *path2, uint32_t flags)
{
	struct vantio_path_ask a = { .hook = hook, .op = op, .domain = VANTIO_DOMAIN_FILE, .access = access, .path = path, .len = strlen(path),
				     .path2 = path2, .len2 = path2 ? strlen(path2) : 0, .flags = flags };

	return vantio_judge_path(j, &a);
}

#define READ(path)  ask(j, VANTIO_HOOK_FILE_OPEN, VANTIO_OP_READ, VANTIO_ACCESS_READ, path, NULL, 0)
#define RENAME(a, b, flags) ask(j, VANTIO_HOOK_PATH_RENAME, VANTIO_OP_RENAME, VANTIO_ACCESS_WRITE, a, b, VANTIO_JUDGE_MOVES | (flags))
#define UNLINK(path) ask(j, VANTIO_HOOK_PATH_UNLINK, VANTIO_OP_UNLINK, VANTIO_ACCESS_WRITE, path, NULL, 0)

static void judge_says_what_the_policy_says(void **state)
{
	struct made m = make("[file]\ndefault = \"deny\"\nread = [\"/w/**\", \"/r/**\"]\nwrite = [\"/w/**\"]\ndeny = [\"**/.env\"]\n" REST
			     "[limits]\nunlink = { max = 2, per = \"60s\", action = \"quarantine\" }\n");
	struct seen seen = {};
	struct vantio_judge_options o = { .image = m.image, .emit = take, .halt = halted, .ctx = &seen };
	struct vantio_error err = {};
	struct vantio_judge *j;

	(void)state;
	assert_int_equal(vantio_judge_new(&o, &j, &err), 0);
	assert_false(READ("/w/a"));
	assert_int_equal(seen.events, 0); /* record = "denied" */
	assert_true(READ("/x"));
	assert_int_equal(seen.last.reason, VANTIO_REASON_DEFAULT);
	assert_true(READ("/w/.env"));
	assert_int_equal(seen.last.reason, VANTIO_REASON_DENY);
	assert_false(RENAME("/w/a", "/w/b", 0));
	assert_true(RENAME("/w/a", "/r/b", 0));
	assert_true(RENAME("/r/a", "/w/b", 0));
	assert_false(RENAME("/w/a", "/w/b", VANTIO_JUDGE_FOLDER));
	assert_false(UNLINK("/w/1"));
	assert_true(UNLINK("/x/2")); /* an attempt that is refused counts too */
	assert_int_equal(vantio_judge_state(j), VANTIO_AGENT_ENROLLED);
	assert_true(UNLINK("/w/3"));
	assert_int_equal(seen.last.decision, VANTIO_QUARANTINE);
	assert_int_equal(seen.last.reason, VANTIO_REASON_LIMIT);
	assert_int_equal(seen.halts, 1);
	assert_true(READ("/w/a")); /* halted: everything is refused */
	assert_int_equal(seen.last.reason, VANTIO_REASON_QUARANTINE);
	vantio_judge_set_state(j, VANTIO_AGENT_ENROLLED);
	assert_false(READ("/w/a"));
	vantio_judge_free(j);
	unmake(&m);
}

static void judge_moves_give_nothing_more(void **state)
{
	struct made m = make("[file]\ndefault = \"deny\"\nread = [\"/in/**\"]\nwrite = [\"/in/**\", \"/drop/**\"]\n"
			     "[exec]\ndefault = \"deny\"\nallow = [\"/in/bin/**\"]\n[network]\ndefault = \"deny\"\n");
	struct seen seen = {};
	struct vantio_judge_options o = { .image = m.image, .emit = take, .ctx = &seen };
	struct vantio_error err = {};
	struct vantio_judge *j;

	(void)state;
	assert_int_equal(vantio_judge_new(&o, &j, &err), 0);
	assert_true(RENAME("/drop/a", "/in/a", 0)); /* it could be read there */
	assert_int_equal(seen.last.reason, VANTIO_REASON_ESCALATE);
	assert_true(RENAME("/in/a", "/in/bin/a", 0)); /* and executed here */
	assert_false(RENAME("/in/a", "/drop/a", 0));
	assert_true(RENAME("/in/a", "/drop/a", VANTIO_JUDGE_EXCHANGE));
	assert_true(RENAME("/in/d", "/in/bin/d", VANTIO_JUDGE_FOLDER));
	vantio_judge_free(j);
	unmake(&m);
}

static void judge_audit_records_and_permits(void **state)
{
	struct made m = make("[file]\ndefault = \"deny\"\n" REST);
	struct seen seen = {};
	struct vantio_judge_options o = { .image = m.image, .audit = true, .emit = take, .ctx = &seen };
	struct vantio_error err = {};
	struct vantio_judge *j;

	(void)state;
	assert_int_equal(vantio_judge_new(&o, &j, &err), 0);
	assert_false(READ("/x"));
	assert_int_equal(seen.last.decision, VANTIO_BLOCK);
	assert_int_equal(seen.last.flags & VANTIO_EVENT_ENFORCED, 0);
	vantio_judge_set_state(j, VANTIO_AGENT_SOFT_KILL);
	assert_true(READ("/x")); /* the kill switch holds all the same */
	vantio_judge_free(j);
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan_folder_without_exception_is_uniform),
		cmocka_unit_test(plan_denied_name_anywhere_leaves_no_folder_uniform),
		cmocka_unit_test(plan_grants_no_more_than_the_policy),
		cmocka_unit_test(plan_policy_that_says_nothing_asks_about_nothing),
		cmocka_unit_test(plan_names_what_it_cannot_do),
		cmocka_unit_test(landlock_handles_what_each_abi_has),
		cmocka_unit_test(judge_says_what_the_policy_says),
		cmocka_unit_test(judge_moves_give_nothing_more),
		cmocka_unit_test(judge_audit_records_and_permits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
