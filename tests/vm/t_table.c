// SPDX-License-Identifier: Apache-2.0
/*
 * The table of tests/table under the kernel tier: the rows that `make check-table` holds the evaluator and the user tier to. One agent
 * for each policy, its player an ordinary user's, and root's for what root alone can do.
 */
#include "govern.h"

#include "../table/files.h"
#include "../table/rows.h"
#include "../table/world.h"

#define BASE  "/data/table"
#define WORLD BASE "/t"
#define HOME  "/vm/table" /* the table, the player and the mark */

/* One name for all of them, one after the other: 64 policies may be in force, and other tests of this boot have theirs. */
static int push_in_turn(const struct table_policy *p, struct vantio_slot *ret)
{
	const char *at = strstr(p->text, "\nname = \""), *rest = at ? strchr(at + 9, '"') : NULL;
	char *text = NULL;
	int r;

	if (!rest || asprintf(&text, "%.*s\nname = \"table%s", (int)(at - p->text), p->text, rest) < 0)
		return -EINVAL;
	r = push_text(text, ret);
	free(text);
	return r;
}

/* A policy may head several lists of rows: it is pushed again, and its agent stays. */
static bool is_enrolled(const char *cgroup)
{
	char path[200];

	snprintf(path, sizeof(path), CGROUP_ROOT "%s", cgroup);
	return !access(path, F_OK);
}

static void begin(const struct rows_tier *tier, const struct table_policy *p)
{
	struct vantio_slot slot = {};
	char agent[80], cgroup[100];

	(void)tier;
	if (push_in_turn(p, &slot))
		return;
	snprintf(agent, sizeof(agent), "table-%s", p->name);
	snprintf(cgroup, sizeof(cgroup), "/%s", agent);
	if (!is_enrolled(cgroup))
		enroll(agent, cgroup, 0, slot.slot, 0);
}

static pid_t start(const struct rows_tier *tier, const struct table_policy *p, uid_t uid, int in, int out)
{
	char cgroup[200];
	pid_t child = fork();

	(void)tier;
	if (child)
		return child;
	snprintf(cgroup, sizeof(cgroup), CGROUP_ROOT "/table-%s", p->name);
	if (!cgroup_move(cgroup, 0))
		_exit(126);
	world_become(uid);
	dup2(in, 0);
	dup2(out, 1);
	execl(WORLD "/player", WORLD "/player", NULL);
	_exit(127);
}

static void collect(const struct rows_tier *tier)
{
	(void)tier;
	drain_records();
}

static void play(const char *const *files, size_t n, struct table *t, struct rows_count *ret)
{
	const struct rows_tier tier = { .tier = TIER_KERNEL, .uid = 1000, .mark = HOME "/mark", .ledger = ledger_dir(),
					.begin = begin, .start = start, .collect = collect };

	table_read(t, HOME, WORLD, files, n);
	rows_play(t, &tier, ret);
}

TEST_WITHIN(table_every_row_agrees, 240)
{
	struct rows_count c = {};
	struct table t;

	play(table_files, TABLE_FILES, &t, &c);
	rows_tell(&t, TIER_KERNEL, &c);
	CHECK_INT(c.wrong, 0);
	CHECK(c.run >= ROWS_MIN);
}

/* Whether the table can fail: every row but the last must be found to be wrong. */
TEST_WITHIN(table_rows_that_are_wrong_are_found, 60)
{
	static const char *const files[] = { "wrong.rows" };
	struct rows_count c = {};
	struct table t;

	play(files, 1, &t, &c);
	CHECK(c.run > 1);
	CHECK_INT(c.agreed, 1);
}

SETUP()
{
	engine_ready();
	drain_records(); /* what others left in the ring would leave no room for the first rows */
	REQUIRE(!mkdir(BASE, 0755) || errno == EEXIST);
	make_folder(WORLD);
	CHECK_SH(0, "cp " HOME "/player " WORLD "/player && chmod 755 " WORLD " " WORLD "/player");
}

VT_MAIN()
