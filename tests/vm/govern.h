/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h, and what goes to the library itself, which is quicker in an emulated guest than a process for each step: policies
 * pushed, agents enrolled, records read. Each program has a ledger of its own.
 */
#ifndef VANTIO_TESTS_GOVERN_H
#define VANTIO_TESTS_GOVERN_H

#include <cjson/cJSON.h>
#include <poll.h>
#include <sys/inotify.h>

#include "base/mem.h"
#include "control/session.h"
#include "engine/cgroup.h"
#include "engine/engine.h"
#include "engine.h"
#include "record/record.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

/* Where this program's records go. */
TEST_UNUSED static const char *ledger_dir(void)
{
	static char dir[128];

	if (!dir[0])
		snprintf(dir, sizeof(dir), "/run/ledger-%s", program_invocation_short_name);
	return dir;
}

/* ---- the engine ---- */

/* A handle that may change things; the engine's lock is held until it is closed. */
TEST_UNUSED static int engine_change(struct vantio_engine *e)
{
	struct vantio_error err = {};
	int r = vantio_engine_open(true, e, &err);

	check_(__FILE__, __LINE__, r == 0, "cannot open the engine: %s", err.text);
	return r;
}

/* Puts a policy in force; `ret` may be NULL. The file is named policy.toml in records. */
TEST_UNUSED static int push_text(const char *text, struct vantio_slot *ret)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	cleanup_policy struct vantio_policy *p = NULL;
	struct vantio_diagnostics diags = {};
	struct vantio_expand expand = { .home = "/root" };
	struct vantio_error err = {};
	struct vantio_slot slot;
	size_t enrolled = 0;
	int r = vantio_policy_parse(text, strlen(text), "policy.toml", &expand, &p, &diags, &err);

	if (!r)
		r = engine_change(&e);
	if (!r) {
		struct vantio_push_request q = { .policy = p, .text = text, .len = strlen(text), .ledger_dir = ledger_dir() };

		r = vantio_session_push(&e, &q, ret ? ret : &slot, &enrolled, &diags, &err);
	}
	check_(__FILE__, __LINE__, r == 0, "the policy is not in force: %s", err.text);
	vantio_diagnostics_free(&diags);
	return r;
}

/* ---- agents ---- */

/* A fresh cgroup below the root, and what it is called there. */
TEST_UNUSED static void make_cgroup(const char *path)
{
	char where[256];

	snprintf(where, sizeof(where), CGROUP_ROOT "%s", path);
	if (mkdir(where, 0755) && errno != EEXIST)
		check_(__FILE__, __LINE__, false, "mkdir %s: %s", where, strerror(errno));
}

/* Enrols a cgroup (made if it is not there), or the process `pid` where `cgroup` is NULL. 0 if it failed. */
TEST_UNUSED static uint32_t enroll(const char *name, const char *cgroup, int pid, uint32_t slot, uint64_t trace_id)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	struct vantio_enroll what = { .name = name, .cgroup = cgroup, .pid = pid, .slot = slot, .trace_id = trace_id };
	struct vantio_error err = {};
	uint32_t agent = 0;

	if (cgroup)
		make_cgroup(cgroup);
	if (!engine_change(&e) && vantio_agent_enroll(&e, &what, &agent, &err))
		check_(__FILE__, __LINE__, false, "agent %s is not enrolled: %s", name, err.text);
	return agent;
}

TEST_UNUSED static void remove_named(const char *name)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	struct vantio_error err = {};
	uint32_t agent;

	if (engine_change(&e))
		return;
	agent = vantio_agent_find(&e, name);
	if (agent && vantio_agent_remove(&e, agent, &err))
		check_(__FILE__, __LINE__, false, "agent %s is not removed: %s", name, err.text);
}

/* Forks a process that joins `cgroup` (NULL: stays), becomes `uid`, and runs `run`. Its pid. */
TEST_UNUSED static pid_t start_in(const char *cgroup, uid_t uid, void (*run)(void *), void *arg)
{
	char path[256];
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child)
		return child;
	snprintf(path, sizeof(path), CGROUP_ROOT "%s", cgroup ? cgroup : "");
	REQUIRE(!cgroup || cgroup_move(path, 0));
	become(uid);
	run(arg);
	fflush(stdout);
	_exit(0);
}

/* The same, and waits for it: it must end well. */
TEST_UNUSED static void run_in(const char *cgroup, uid_t uid, void (*run)(void *), void *arg)
{
	pid_t child = start_in(cgroup, uid, run, arg);
	int status = -1;

	CHECK_OK(child);
	if (child > 0 && waitpid(child, &status, 0) == child)
		check_(__FILE__, __LINE__, status == 0, "the process in %s ended with wait status 0x%x", cgroup ? cgroup : "no cgroup", status);
}

/* ---- enforce ---- */

/* Starts `vantioctl enforce` with this policy file, and waits until it drains. Its pid, and its stderr in *ret_err if not NULL. */
TEST_UNUSED static pid_t enforce_start_every(const char *refresh, const char *policy_file, FILE **ret_err)
{
	char *line = NULL;
	size_t cap = 0;
	bool ready = false;
	int fds[2];
	FILE *err;
	pid_t child;

	fflush(stdout);
	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	child = fork();
	if (child == 0) {
		signal(SIGPIPE, SIG_IGN);
		dup2(fds[1], 2);
		execlp("vantioctl", "vantioctl", "enforce", "--ledger", ledger_dir(), "--refresh", refresh, "--policy", policy_file, NULL);
		_exit(127);
	}
	close(fds[1]);
	err = fdopen(fds[0], "r");
	REQUIRE(child > 0 && err);
	while (!ready && getline(&line, &cap, err) > 0) {
		ready = strstr(line, "enforcing") != NULL;
		if (!ready && !strstr(line, "is in force"))
			printf("# enforce: %s", line);
	}
	CHECK(ready);
	free(line);
	if (ret_err)
		*ret_err = err;
	return child;
}

TEST_UNUSED static pid_t enforce_start(const char *policy_file, FILE **ret_err)
{
	return enforce_start_every("30s", policy_file, ret_err);
}

/* Ends it with a signal; its wait status. */
TEST_UNUSED static int enforce_end(pid_t child, int sig)
{
	int status = -1;

	CHECK_OK(kill(child, sig));
	CHECK_INT(waitpid(child, &status, 0), child);
	return status;
}

/* ---- records ---- */

/* One record: its public line and what it discloses. */
struct rec {
	cJSON *line, *private;
};

#define RECS_MAX 4096
static struct rec recs[RECS_MAX]; /* what load_records() found last */
TEST_UNUSED static size_t n_recs;

TEST_UNUSED static const char *rec_text(const struct rec *r, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(r->line, key);

	if (!item)
		item = cJSON_GetObjectItemCaseSensitive(r->private, key);
	return cJSON_IsString(item) ? item->valuestring : cJSON_IsBool(item) ? (cJSON_IsTrue(item) ? "true" : "false") : "";
}

TEST_UNUSED static long long rec_number(const struct rec *r, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(r->line, key);

	return cJSON_IsNumber(item) ? (long long)item->valuedouble : cJSON_IsString(item) ? strtoll(item->valuestring, NULL, 0) : -1;
}

/* Members of the resource: text, or a number as text. */
TEST_UNUSED static const char *rec_resource(const struct rec *r, const char *key)
{
	static char number[32];
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(r->private, "resource"), key);

	if (cJSON_IsNumber(item)) {
		snprintf(number, sizeof(number), "%.0f", item->valuedouble);
		return number;
	}
	return cJSON_IsString(item) ? item->valuestring : "";
}

static cJSON *open_private(const char *line, size_t len)
{
	struct vantio_disclosure parts[VANTIO_DISCLOSURES_MAX];
	cleanup_buf struct vantio_buf scratch = VANTIO_BUF_INIT;
	struct vantio_error err = {};
	cJSON *ret = cJSON_CreateObject();
	size_t n = 0, i;

	if (!CHECK(vantio_private_scan(line, len, parts, &n, &err) == 0))
		return ret;
	for (i = 0; i < n; i++) {
		struct vantio_span name, value;
		char key[64];

		if (!CHECK(vantio_disclosure_open(parts[i].text, &scratch, &name, &value, &err) == 0) || name.len >= sizeof(key))
			continue;
		memcpy(key, name.p, name.len);
		key[name.len] = '\0';
		cJSON_AddItemToObject(ret, key, cJSON_ParseWithLength(value.p, value.len));
	}
	return ret;
}

/* What the kernel holds goes into this program's ledger, unless somebody else writes it. */
TEST_UNUSED static void drain_records(void)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	struct vantio_error err = {};
	int r = vantio_engine_open(false, &e, &err);

	if (!r)
		r = vantio_session_drain(&e, ledger_dir(), &err);
	check_(__FILE__, __LINE__, r >= 0, "cannot drain the events: %s", err.text);
}

static FILE *open_segment(const char *folder)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/00000000.ndjson", ledger_dir(), folder);
	return fopen(path, "re");
}

/* Reads the records from leaf `from` on into recs, without draining; the number of records in the ledger. */
TEST_UNUSED static size_t read_records(size_t from)
{
	FILE *log = open_segment("log"), *private = open_segment("private");
	char *line = NULL, *secret = NULL;
	size_t cap = 0, secret_cap = 0, leaf;

	n_recs = 0;
	for (leaf = 0; log && private; leaf++) {
		ssize_t n = getline(&line, &cap, log), m = getline(&secret, &secret_cap, private);

		if (n <= 0 || m <= 0 || line[n - 1] != '\n' || secret[m - 1] != '\n')
			break;
		if (leaf < from)
			continue;
		if (n_recs == RECS_MAX) {
			check_(__FILE__, __LINE__, false, "more than %d records", RECS_MAX);
			break;
		}
		recs[n_recs].line = cJSON_ParseWithLength(line, (size_t)n - 1);
		recs[n_recs++].private = open_private(secret, (size_t)m - 1);
	}
	free(line);
	free(secret);
	if (log)
		fclose(log);
	if (private)
		fclose(private);
	return leaf;
}

/* Drains, then reads the records from leaf `from` on. */
TEST_UNUSED static size_t load_records(size_t from)
{
	drain_records();
	return read_records(from);
}

/* Drains; how many records there are: what comes later is from here on. */
TEST_UNUSED static size_t records_now(void)
{
	size_t n = load_records((size_t)-1);

	return n;
}

/* The first loaded record from `*i` on with this op (NULL: any) and decision (NULL: any); NULL if there is none. */
TEST_UNUSED static const struct rec *next_record(size_t *i, const char *op, const char *decision)
{
	for (; *i < n_recs; (*i)++)
		if ((!op || !strcmp(rec_text(&recs[*i], "op"), op)) && (!decision || !strcmp(rec_text(&recs[*i], "decision"), decision)))
			return &recs[(*i)++];
	return NULL;
}

/* How many decisions the loaded records stand for: refusals that were alike share one. */
TEST_UNUSED static size_t count_records(const char *op, const char *decision)
{
	const struct rec *r;
	size_t i = 0, n = 0;

	while ((r = next_record(&i, op, decision)))
		n += (size_t)rec_number(r, "count");
	return n;
}

/* For a failed check: what was recorded. */
TEST_UNUSED static void show_records(void)
{
	for (size_t i = 0; i < n_recs; i++) {
		char *resource = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(recs[i].private, "resource"));

		printf("# record: %s %s %s %s %s\n", rec_text(&recs[i], "hook"), rec_text(&recs[i], "op"), rec_text(&recs[i], "decision"),
		       rec_text(&recs[i], "rule"), resource ? resource : "");
		free(resource);
	}
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Waits until the ledger holds `n` records of this op and decision from leaf `from` on, whoever writes it; loads them. */
TEST_UNUSED static void await_records(size_t from, const char *op, const char *decision, size_t n)
{
	int watch = inotify_init1(IN_CLOEXEC);
	long long until = now_ms() + 20000;
	char events[4096];

	CHECK_OK(inotify_add_watch(watch, ledger_dir(), IN_MOVED_TO)); /* each commit renames a checkpoint */
	for (;;) {
		struct pollfd p = { .fd = watch, .events = POLLIN };

		load_records(from);
		if (count_records(op, decision) >= n || now_ms() > until)
			break;
		if (poll(&p, 1, 1000) > 0 && read(watch, events, sizeof(events)) < 0)
			break;
	}
	close(watch);
	if (!check_(__FILE__, __LINE__, count_records(op, decision) >= n, "%zu records of %s %s, not %zu", count_records(op, decision),
		    op ? op : "*", decision ? decision : "*", n))
		show_records();
}

#endif
