// SPDX-License-Identifier: Apache-2.0
/*
 * table VANTIOCTL PLAYER MARK DIR: the table of tests/table against the evaluator and the user tier, natively; TAP. The kernel tier is
 * tests/vm/t_table.c. The user tier is an ordinary user's: as root this becomes nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "files.h"
#include "world.h"

#define NOBODY 65534
#define SECONDS_MAX 300 /* a player that hangs holds up everybody */

struct native {
	char folder[64]; /* of this run */
	const char *vantioctl;
	bool deny_only;
};

static int n_tests, n_failed;

static void test(bool ok, const char *name)
{
	n_failed += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", ++n_tests, name);
	fflush(stdout);
}

static void in_folder(const struct native *n, const char *name, char *ret, size_t size)
{
	snprintf(ret, size, "%s/%s", n->folder, name);
}

static pid_t start(const struct rows_tier *tier, const struct table_policy *p, uid_t uid, int in, int out)
{
	const struct native *n = tier->ctx;
	char policy[400], player[400], program[400];
	pid_t child = fork();

	if (child)
		return child;
	in_folder(n, p->name, policy, sizeof(policy) - 6);
	strcat(policy, ".toml");
	in_folder(n, "t/player", player, sizeof(player));
	in_folder(n, "vantioctl", program, sizeof(program));
	world_become(uid);
	setenv("HOME", n->folder, 1);
	setenv("VANTIO_LEDGER", tier->ledger, 1);
	setenv("XDG_STATE_HOME", n->folder, 1);
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("VANTIO_AUDIT_MODE");
	dup2(in, 0);
	dup2(out, 1);
	execl(program, program, "run", "-q", "--tier", "user", "--policy", policy, "--", player, NULL);
	_exit(127);
}

/*
 * What Landlock stands for, on a kernel of each of its ABIs: renames between folders (2), cutting (3), ports (4), signals and abstract
 * sockets (6). Policies whose permissions are not recorded leave it the most.
 */
static void try_abis(const struct table *t, const struct rows_tier *tier)
{
	static const char *const only[] = { "quiet", "gain", "open", "net-open", "closed", "exec-alone", NULL };
	const long newest = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* what there is */);
	struct rows_tier older = *tier;
	char name[100];

	older.only = only;
	for (int abi = 1; abi <= 7; abi++) {
		struct rows_count c = {};

		if (abi > newest) {
			printf("ok %d - user: Landlock ABI %d # SKIP this kernel has %ld\n", ++n_tests, abi, newest);
			continue;
		}
		snprintf(name, sizeof(name), "%d", abi);
		setenv("VANTIO_LANDLOCK_ABI", name, 1);
		rows_play(t, &older, &c);
		snprintf(name, sizeof(name), "user: Landlock ABI %d: every one of %zu rows agrees", abi, c.run);
		test(c.run > 100 && !c.wrong, name);
	}
	unsetenv("VANTIO_LANDLOCK_ABI");
}

/* A policy that the tier cannot enforce is refused with status 5, or the reason that the table gives is none. */
static void check_refused(const struct table *t, const struct rows_tier *tier)
{
	for (size_t i = 0; i < t->n_policies; i++) {
		int status = 0;
		pid_t child;
		char name[200];

		if (!t->policies[i].not[TIER_USER])
			continue;
		child = start(tier, &t->policies[i], tier->uid, open("/dev/null", O_RDONLY | O_CLOEXEC), open("/dev/null", O_WRONLY | O_CLOEXEC));
		waitpid(child, &status, 0);
		snprintf(name, sizeof(name), "user: policy %s is refused, since it cannot be enforced", t->policies[i].name);
		test(WIFEXITED(status) && WEXITSTATUS(status) == 5, name);
	}
}

static void copy(const char *from, const char *to)
{
	char part[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	ssize_t n;

	while ((n = read(in, part, sizeof(part))) > 0)
		if (write(out, part, (size_t)n) != n)
			break;
	if (in < 0 || out < 0 || n || fchmod(out, 0755)) {
		fprintf(stderr, "cannot copy %s to %s: %s\n", from, to, strerror(errno));
		exit(2);
	}
	close(in);
	close(out);
}

static void write_policies(const struct table *t, const struct native *n)
{
	char path[400];

	for (size_t i = 0; i < t->n_policies; i++) {
		FILE *f;

		in_folder(n, t->policies[i].name, path, sizeof(path) - 6);
		strcat(path, ".toml");
		f = fopen(path, "we");
		if (!f || fwrite(t->policies[i].text, 1, t->policies[i].len, f) != t->policies[i].len || fclose(f)) {
			fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno));
			exit(2);
		}
		chmod(path, 0644);
	}
}

static void prepare(struct native *n, char **argv, uid_t uid)
{
	char path[400];

	snprintf(n->folder, sizeof(n->folder), "/tmp/vantio-table.XXXXXX");
	if (!mkdtemp(n->folder) || chmod(n->folder, 0755) || (geteuid() == 0 && chown(n->folder, uid, (gid_t)-1)))
		exit(2);
	in_folder(n, "t", path, sizeof(path));
	if (mkdir(path, 0755) || (geteuid() == 0 && chown(path, uid, (gid_t)-1)))
		exit(2);
	in_folder(n, "vantioctl", path, sizeof(path));
	copy(argv[1], path);
	in_folder(n, "t/player", path, sizeof(path));
	copy(argv[2], path);
}

static void remove_folder(const struct native *n)
{
	pid_t child = fork();

	if (!child)
		execlp("rm", "rm", "-rf", n->folder, NULL);
	waitpid(child, NULL, 0);
}

/* Whether the table can fail: every row of wrong.rows but the last must be found to be wrong, by both. */
static void find_wrong(const struct native *n, const struct rows_tier *tier, const struct ask *ask)
{
	static const char *const files[] = { "wrong.rows" };
	struct rows_count asked = {}, played = {};
	struct ask wrong = *ask;
	struct table t;
	char dir[200], world[200];

	snprintf(dir, sizeof(dir), "%s", ask->t->dir);
	in_folder(n, "t", world, sizeof(world));
	table_read(&t, dir, world, files, 1);
	write_policies(&t, n);
	wrong.t = &t;
	printf("# what follows is meant to be wrong\n");
	ask_play(&wrong, &asked);
	rows_play(&t, tier, &played);
	test(asked.run > 1 && asked.agreed == 1, "evaluator: rows that are wrong are found");
	test(played.run > 1 && played.agreed == 1, "user: rows that are wrong are found");
}

int main(int argc, char **argv)
{
	const uid_t uid = geteuid() ? geteuid() : NOBODY;
	struct rows_count asked = {}, played = {};
	struct native n = {};
	char world[200], ledger[200];
	struct table t;
	struct rows_tier tier = { .tier = TIER_USER, .uid = uid, .start = start, .ctx = &n };
	struct ask ask = { .t = &t, .folder = n.folder };
	int lock = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (argc != 5) {
		fprintf(stderr, "usage: table VANTIOCTL PLAYER MARK DIR\n");
		return 2;
	}
	alarm(SECONDS_MAX);
	flock(lock, LOCK_EX); /* the ports are the machine's: one table at a time */
	umask(022);
	n.vantioctl = argv[1];
	prepare(&n, argv, uid);
	in_folder(&n, "t", world, sizeof(world));
	in_folder(&n, "ledger", ledger, sizeof(ledger));
	ask.vantioctl = argv[1];
	tier.mark = argv[3];
	tier.ledger = ledger;
	table_read(&t, argv[4], world, table_files, TABLE_FILES);
	write_policies(&t, &n);
	ask_play(&ask, &asked);
	rows_tell(&t, TIER_EVALUATOR, &asked);
	test(!asked.wrong, "evaluator: every row agrees");
	test(asked.run >= ROWS_MIN, "evaluator: at least 200 rows were run");
	rows_play(&t, &tier, &played);
	rows_tell(&t, TIER_USER, &played);
	test(!played.wrong, "user: every row agrees");
	test(played.run >= ROWS_MIN, "user: at least 200 rows were run");
	try_abis(&t, &tier);
	check_refused(&t, &tier);
	if (getenv("TABLE_KEEP") == NULL)
		find_wrong(&n, &tier, &ask);
	printf("1..%d\n", n_tests);
	if (getenv("TABLE_KEEP") == NULL)
		remove_folder(&n);
	return n_failed > 0;
}
