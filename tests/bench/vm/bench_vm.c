// SPDX-License-Identifier: Apache-2.0
/*
 * What governing costs, in one guest, on the same files and rules, side by side: nothing, an LSM program that does nothing, vantioctl for
 * a process that is not enrolled and for one that is, Landlock, AppArmor; with 10, 1,000 and 10,000 rules. Each round times every one
 * of them after the other, in an order that turns; the figures are medians of the rounds' ratios to nothing. Arguments:
 *
 *     bench_vm [ROUNDS [ROW...]]
 */
#include "govern.h"

#include <linux/landlock.h>

#include "../targets.h"
#include "engine/stats.h"
#include "park.h"
#include "work.h"

#define ROUNDS_MAX 99
#define ROUND_NS   120000000.0 /* that one timing takes, about */

#ifndef LANDLOCK_ACCESS_NET_CONNECT_TCP
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#define LANDLOCK_RULE_NET_PORT 2
#endif
struct port_rule { /* landlock_net_port_attr */
	__u64 allowed_access, port;
};
struct ruleset_rules { /* landlock_ruleset_attr, as far as Linux 6.7 has it */
	__u64 fs, net;
};

enum kind { NOTHING, EMPTY, OUTSIDE, INSIDE, LANDLOCK, APPARMOR };
static const char *const kinds[] = { "nothing", "empty program", "not enrolled", "enrolled", "Landlock", "AppArmor" };

#define WAY(kind_, rules_) { .kind = kind_, .rules = rules_ }

static struct way {
	enum kind kind;
	unsigned int rules;
	bool there;
	int ruleset; /* of Landlock */
	double ns[ROUNDS_MAX], ratio;
} ways[] = {
	WAY(NOTHING, 0), WAY(EMPTY, 0), WAY(OUTSIDE, 0),
	WAY(INSIDE, 10), WAY(INSIDE, 1000), WAY(INSIDE, 10000),
	WAY(LANDLOCK, 10), WAY(LANDLOCK, 1000), WAY(LANDLOCK, 10000),
	WAY(APPARMOR, 10), WAY(APPARMOR, 1000), WAY(APPARMOR, 10000),
};
#define WAYS VANTIO_ARRAY_SIZE(ways)

static unsigned int rounds = 7;

/* ---- the same rules, in three languages ---- */

static const char *const readable[] = { "/usr", "/etc", "/proc", "/dev", "/tmp", BENCH_ROOT };
#define READABLE VANTIO_ARRAY_SIZE(readable)

static void rule_folder(char out[64], unsigned int i)
{
	snprintf(out, 64, BENCH_ROOT "/rules/d%05u", i);
}

static bool make_policy(struct way *w)
{
	char name[32], cgroup[40], folder[64], *text = NULL;
	struct vantio_slot slot;
	size_t len = 0;
	unsigned int i;
	FILE *f = open_memstream(&text, &len);

	snprintf(name, sizeof(name), "bench-%u", w->rules);
	snprintf(cgroup, sizeof(cgroup), "/%s", name);
	fprintf(f, "schema = 1\nname = \"%s\"\n[file]\ndefault = \"deny\"\nwrite = [\"" BENCH_ROOT "/work/**\", \"/dev/**\", \"/tmp/**\"]\nread = [\"/lib64/**\"", name);
	for (i = 0; i < READABLE; i++)
		fprintf(f, ", \"%s/**\"", readable[i]);
	for (i = 0; i + READABLE + 4 < w->rules; i++) {
		rule_folder(folder, i);
		fprintf(f, ", \"%s/**\"", folder);
	}
	fprintf(f, "]\n[exec]\ndefault = \"deny\"\nallow = [\"/usr/**\"]\n[network]\ndefault = \"deny\"\nlisten = [\"127.0.0.1:%d\"]\nconnect = [\"127.0.0.1:%d\"",
		BENCH_PORT, BENCH_PORT);
	for (i = 1; i < w->rules; i++)
		fprintf(f, ", \"10.%u.%u.0/24:%u\"", i / 250, i % 250, 1000 + i);
	fprintf(f, "]\n");
	fclose(f);
	w->there = !push_text(text, &slot) && enroll(name, cgroup, 0, slot.slot, 0);
	free(text);
	return w->there;
}

static bool add_path(int ruleset, const char *path, __u64 access)
{
	struct landlock_path_beneath_attr a = { .allowed_access = access, .parent_fd = open(path, O_PATH | O_CLOEXEC) };
	int r = a.parent_fd < 0 ? -1 : (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &a, 0);

	close(a.parent_fd);
	return r == 0;
}

static bool make_ruleset(struct way *w)
{
	const __u64 see = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE;
	struct ruleset_rules attr = { .fs = (1ULL << 13) - 1, .net = LANDLOCK_ACCESS_NET_CONNECT_TCP };
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	char folder[64];
	unsigned int i;
	bool ok = true;

	if (abi < 4) /* no network rules */
		attr.net = 0;
	w->ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, abi < 4 ? sizeof(attr.fs) : sizeof(attr), 0);
	for (i = 0; ok && i < READABLE; i++)
		ok = add_path(w->ruleset, readable[i], see);
	ok = ok && add_path(w->ruleset, BENCH_ROOT "/work", attr.fs) && add_path(w->ruleset, "/dev", attr.fs) && add_path(w->ruleset, "/tmp", attr.fs);
	for (i = 0; ok && i + READABLE + 4 < w->rules; i++) {
		rule_folder(folder, i);
		ok = add_path(w->ruleset, folder, see & ~LANDLOCK_ACCESS_FS_EXECUTE);
	}
	for (i = 0; ok && attr.net && i < w->rules; i++) {
		struct port_rule p = { attr.net, i ? 10000 + i : BENCH_PORT };

		ok = syscall(SYS_landlock_add_rule, w->ruleset, LANDLOCK_RULE_NET_PORT, &p, 0) == 0;
	}
	w->there = ok && w->ruleset >= 0;
	return w->there;
}

static bool make_profile(struct way *w)
{
	char path[64], folder[64];
	unsigned int i;
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/profile-%u", w->rules);
	f = fopen(path, "we");
	fprintf(f, "profile bench-%u {\n%s/work/** rwk,\n/dev/** rw,\n/tmp/** rw,\n/usr/** ix,\nnetwork,\nsignal,\n", w->rules, BENCH_ROOT);
	for (i = 0; i < READABLE; i++)
		fprintf(f, "%s/** mr,\n", readable[i]);
	for (i = 0; i + READABLE + 4 < w->rules; i++) {
		rule_folder(folder, i);
		fprintf(f, "%s/** r,\n", folder);
	}
	fprintf(f, "}\n");
	fclose(f);
	w->there = sh("apparmor_parser -rK -O no-expr-simplify %s", path) == 0;
	if (!w->there)
		printf("# AppArmor with %u rules: %s", w->rules, sh_output);
	return w->there;
}

/* ---- one timing ---- */

/* In the child: whatever governs it does so from here on. */
static bool enter(const struct way *w)
{
	char text[64];

	switch (w->kind) {
	case INSIDE:
		snprintf(text, sizeof(text), CGROUP_ROOT "/bench-%u", w->rules);
		return cgroup_move(text, 0);
	case LANDLOCK:
		return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !syscall(SYS_landlock_restrict_self, w->ruleset, 0);
	case APPARMOR:
		snprintf(text, sizeof(text), "changeprofile bench-%u", w->rules);
		return write_text("/proc/self/attr/current", text);
	default:
		return true;
	}
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds that it takes, or a negative number. */
static double timed(const struct way *w, const struct work *work, unsigned int times)
{
	double ns = -1, start;
	int fds[2], status;
	pid_t child;

	REQUIRE(park_switch(w->kind == EMPTY ? HOOKS_EMPTY : w->kind == INSIDE || w->kind == OUTSIDE ? HOOKS_ENGINE : HOOKS_NONE));
	REQUIRE(!pipe2(fds, O_CLOEXEC));
	fflush(stdout);
	child = fork();
	if (!child) {
		if (enter(w) && work->run(times / 10 + 1)) { /* warm */
			start = now_ns();
			ns = work->run(times) ? now_ns() - start : -1;
		}
		_exit(write(fds[1], &ns, sizeof(ns)) != sizeof(ns));
	}
	close(fds[1]);
	if (read(fds[0], &ns, sizeof(ns)) != sizeof(ns))
		ns = -1;
	close(fds[0]);
	waitpid(child, &status, 0);
	if (ns < 0)
		printf("# %s does not work under %s, %u rules\n", work->name, kinds[w->kind], w->rules);
	return ns;
}

static unsigned int calibrate(const struct work *work)
{
	unsigned int times = 1;
	double ns;

	for (;;) {
		ns = timed(&ways[NOTHING], work, times);
		if (ns < 0 || ns > ROUND_NS / 4)
			break;
		times *= 4;
	}
	return ns < 0 ? 0 : (unsigned int)(times * ROUND_NS / ns) + 1;
}

static int by_value(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Fills the ratios of a row. The engine is switched twice a round; within its halves the order turns. */
static bool measure(const struct work *work)
{
	const unsigned int times = calibrate(work);
	double ratios[ROUNDS_MAX];
	unsigned int r, i;

	for (r = 0; times && r < rounds; r++)
		for (i = 0; i < WAYS; i++) {
			struct way *w = &ways[r % 2 ? WAYS - 1 - i : i];

			if (w->there)
				w->ns[r] = timed(w, work, times);
		}
	for (i = 0; times && i < WAYS; i++) {
		ways[i].ratio = 0;
		for (r = 0; ways[i].there && r < rounds && ways[i].ns[r] > 0; r++)
			ratios[r] = ways[i].ns[r] / ways[NOTHING].ns[r];
		if (ways[i].there && r == rounds)
			ways[i].ratio = median(ratios, rounds);
	}
	if (times)
		printf("%-14s %9.0f ns nothing, %u times\n", work->name, median(ways[NOTHING].ns, rounds) / times, times);
	return times != 0;
}

/* ---- what is printed ---- */

static double ratio_of(enum kind kind, unsigned int rules)
{
	size_t i;

	for (i = 0; i < WAYS; i++)
		if (ways[i].kind == kind && (ways[i].rules == rules || kind < INSIDE))
			return ways[i].ratio;
	return 0;
}

static unsigned int judge(const struct work *work)
{
	const double ll = ratio_of(LANDLOCK, 10), aa = ratio_of(APPARMOR, 10), in = ratio_of(INSIDE, 10);
	const double cheaper = ll && aa ? (ll < aa ? ll : aa) : ll ? ll : aa;
	unsigned int missed = 0, i;
	char what[80];

	for (i = 0; i < WAYS; i++)
		if (ways[i].ratio)
			printf("    %-14s %6.*u rules   %6.3f\n", kinds[ways[i].kind], ways[i].rules != 0, ways[i].rules, ways[i].ratio);
	if (!strcmp(work->name, "build"))
		missed += !target("build: not enrolled", ratio_of(OUTSIDE, 0), 1.01, "");
	if (!strcmp(work->name, "open+close"))
		missed += !target("open+close: not enrolled, more than an empty program", ratio_of(OUTSIDE, 0) - ratio_of(EMPTY, 0), 0.03, "");
	snprintf(what, sizeof(what), "%s: enrolled, beside the cheaper of Landlock and AppArmor", work->name);
	if (cheaper)
		missed += !target(what, in, cheaper, "");
	snprintf(what, sizeof(what), "%s: enrolled, 10,000 rules beside 10", work->name);
	missed += !target(what, in ? ratio_of(INSIDE, 10000) / in : 99, 1.1, "");
	fflush(stdout);
	return missed;
}

/* What each hook costs an enrolled process, in all rows together: before the links are taken over. */
static void print_hooks(void)
{
	struct vantio_program_stats items[VANTIO_PROGRAMS_MAX];
	struct vantio_error err = {};
	struct way *w = &ways[INSIDE];
	cleanup_close int stats = -1;
	uint64_t load_ns;
	size_t n = 0, i;
	pid_t child;

	REQUIRE(!vantio_stats_enable(&stats, &err));
	fflush(stdout);
	child = fork();
	if (!child) {
		bool ok = enter(w);

		for (i = 0; i < n_works; i++)
			ok = works[i].run(i == 1 ? 1 : 20) && ok;
		_exit(!ok);
	}
	waitpid(child, NULL, 0);
	REQUIRE(!vantio_stats_programs(items, &n, &load_ns, &err));
	printf("%-28s %8s %10s    all works, enrolled with 10 rules (and whoever else ran)\n", "hook", "runs", "ns a run");
	for (i = 0; i < n; i++)
		if (items[i].runs)
			printf("%-28s %8llu %10.0f\n", items[i].hook, (unsigned long long)items[i].runs, (double)items[i].ns / (double)items[i].runs);
}

static void prepare(void)
{
	char folder[64];
	unsigned int i;

	work_prepare();
	mkdir(BENCH_ROOT "/rules", 0755);
	for (i = 0; i < 10000; i++) {
		rule_folder(folder, i);
		mkdir(folder, 0755);
	}
	engine_ready();
	for (i = 0; i < WAYS; i++)
		if (ways[i].kind == INSIDE ? !make_policy(&ways[i]) : ways[i].kind == LANDLOCK ? !make_ruleset(&ways[i]) :
		    ways[i].kind == APPARMOR ? !make_profile(&ways[i]) : !(ways[i].there = true))
			printf("# no %s with %u rules here\n", kinds[ways[i].kind], ways[i].rules);
}

static bool chosen_row(const char *name)
{
	const char *rows = getenv("BENCH_ROWS");

	return !rows || !rows[0] || strstr(rows, name);
}

TEST_WITHIN(costs_are_measured_beside_others, 3500)
{
	const char *n = getenv("BENCH_ROUNDS");
	unsigned int i, missed = 0;

	if (n && strtoul(n, NULL, 10) > 0 && strtoul(n, NULL, 10) <= ROUNDS_MAX)
		rounds = (unsigned int)strtoul(n, NULL, 10);
	prepare();
	print_hooks();
	REQUIRE(park_begin());
	for (i = 0; i < n_works; i++)
		if (chosen_row(works[i].name)) {
			CHECK(measure(&works[i]));
			missed += judge(&works[i]);
		}
	printf("%u targets missed; ratios to nothing, medians of %u rounds\n", missed, rounds);
}

VT_MAIN()
