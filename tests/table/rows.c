// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "world.h"

/* A player, and what came of a row. */
struct player {
	pid_t pid;
	int in, out;
};

struct outcome {
	pid_t pid;
	int result;
	bool done;  /* seen from outside; where there is nothing to see, as the player says */
	char text[512];
};

struct play {
	const struct table *t;
	const struct rows_tier *tier;
	struct outcome *bare, *got; /* of each row */
	pid_t victim;
	off_t read; /* of the ledger */
	struct rows_count *count;
};

/* ---- counting and telling ---- */

void rows_pass(const struct table *t, const struct table_reason *why, struct rows_count *c)
{
	if (!c->passed)
		c->passed = calloc(t->n_reasons, sizeof(*c->passed));
	c->passed[why - t->reasons]++;
}

void rows_tell(const struct table *t, enum table_tier tier, const struct rows_count *c)
{
	size_t i, n = 0;

	for (i = 0; c->passed && i < t->n_reasons; i++)
		n += c->passed[i];
	printf("# told %s: %zu rows run, %zu agree, %zu it cannot have\n", table_tiers[tier], c->run, c->agreed, n);
	for (i = 0; c->passed && i < t->n_reasons; i++)
		if (c->passed[i])
			printf("# told %s cannot have %zu: %s\n", table_tiers[tier], c->passed[i], t->reasons[i].text);
}

void rows_wrong(const struct table_row *row, enum table_tier tier, const char *fmt, ...)
{
	char *safe = vantio_escape_dup(row->said, strlen(row->said));
	va_list ap;

	printf("# tests/table/%s:%u: %s: %.200s: ", row->file, row->line, table_tiers[tier], safe);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	free(safe);
}

/* ---- playing ---- */

/* `p` NULL: bare, by nobody's rules. */
static bool start_player(const struct play *play, const struct table_policy *p, uid_t uid, struct player *ret)
{
	char path[300];
	int in[2], out[2];

	snprintf(path, sizeof(path), "%s/player", play->t->world);
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return false;
	fflush(stdout);
	if (p) {
		ret->pid = play->tier->start(play->tier, p, uid, in[0], out[1]);
	} else if (!(ret->pid = fork())) {
		world_become(uid);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(path, path, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	ret->in = in[1];
	ret->out = out[0];
	return ret->pid > 0;
}

static void end_player(struct player *p)
{
	int status;

	if (p->pid <= 0)
		return;
	close(p->in);
	close(p->out);
	waitpid(p->pid, &status, 0);
	p->pid = 0;
}

static void see(const struct table_row *row, struct play *play, const struct world_look *before, int listener, struct outcome *o)
{
	struct world_look after;
	char want[ACT_ARG_MAX];
	int status;

	switch (act_ops[row->op].effect) {
	case ACT_TELLS:
		o->done = !o->result;
		break;
	case ACT_READS:
		world_text(row, want, sizeof(want));
		o->done = want[0] && !strncmp(want, o->text, sizeof(o->text) - 1);
		break;
	case ACT_CHANGES:
		world_look(play->t, row, &after);
		o->done = memcmp(before, &after, sizeof(after)) != 0;
		break;
	case ACT_ARRIVES:
		o->done = world_arrived(row, listener, !o->result);
		break;
	case ACT_KILLS:
		o->done = waitpid(play->victim, &status, o->result ? WNOHANG : 0) == play->victim;
		break;
	}
	if (o->done && act_ops[row->op].effect == ACT_KILLS)
		play->victim = world_victim(play->tier->uid);
}

/* False if the player is gone. */
static bool play_row(struct play *play, const struct table_row *row, const struct player *p, struct outcome *ret)
{
	static struct act_request q;
	static struct act_reply reply;
	struct world_look before;
	int listener;
	bool ok;

	memset(&q, 0, sizeof(q));
	q.op = row->op;
	q.victim = play->victim;
	for (int i = 0; i < 2; i++)
		if (row->arg[i])
			snprintf(q.arg[i], sizeof(q.arg[i]), "%s", row->arg[i]);
	if (!world_reset(play->t, row, play->tier->uid, play->tier->mark))
		return false;
	world_look(play->t, row, &before);
	listener = world_listen(row);
	ok = p->pid > 0 && act_whole(p->in, &q, sizeof(q), true) && act_whole(p->out, &reply, sizeof(reply), false);
	if (ok) {
		*ret = (struct outcome){ .pid = reply.pid, .result = reply.result };
		memcpy(ret->text, reply.text, sizeof(ret->text) - 1);
		see(row, play, &before, listener, ret);
	}
	if (listener >= 0)
		close(listener);
	return world_reset(play->t, row, play->tier->uid, play->tier->mark) && ok;
}

/* The rows of a policy, bare or under it, by an ordinary user's player and, where the tier has one, by root's. */
static void play_policy(struct play *play, size_t policy, bool bare)
{
	const struct table *t = play->t;
	const bool kernel = play->tier->tier == TIER_KERNEL;
	struct player players[2] = { 0 };

	for (size_t i = 0; i < t->n_rows; i++) {
		const struct table_row *row = &t->rows[i];
		const bool root = row->root && kernel;
		struct outcome *o = bare ? &play->bare[i] : &play->got[i];

		if (row->policy != policy || row->not[play->tier->tier])
			continue;
		if (!players[root].pid && !start_player(play, bare ? NULL : &t->policies[policy], root ? 0 : play->tier->uid, &players[root]))
			players[root].pid = -1;
		if (!play_row(play, row, &players[root], o))
			*o = (struct outcome){ .pid = -1 };
	}
	end_player(&players[0]);
	end_player(&players[1]);
}

/* ---- judging ---- */

struct record {
	pid_t pid;
	bool enforced;
	char op[32], rule[64], decision[16];
};

struct records {
	struct record *items;
	size_t n;
};

static void copy(const cJSON *line, const char *key, char *ret, size_t size)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, key));

	snprintf(ret, size, "%s", s ? s : "");
}

static void read_records(struct play *play, struct records *ret)
{
	char path[300], *text = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/log/00000000.ndjson", play->tier->ledger);
	f = fopen(path, "re");
	if (!f || fseeko(f, play->read, SEEK_SET)) {
		printf("# there are no records in %s: %s\n", path, strerror(errno));
		return;
	}
	while ((n = getline(&text, &cap, f)) > 0) {
		cJSON *line = cJSON_ParseWithLength(text, (size_t)n);
		struct record *r;

		ret->items = realloc(ret->items, (ret->n + 1) * sizeof(*ret->items));
		r = &ret->items[ret->n++];
		r->pid = (pid_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(line, "pid"));
		r->enforced = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "enforced"));
		copy(line, "op", r->op, sizeof(r->op));
		copy(line, "rule", r->rule, sizeof(r->rule));
		copy(line, "decision", r->decision, sizeof(r->decision));
		cJSON_Delete(line);
	}
	play->read = ftello(f);
	free(text);
	fclose(f);
}

/* What is recorded of a process, for those who read that a row is wrong. */
static void show_records(const struct records *records, pid_t pid)
{
	for (size_t i = 0; i < records->n; i++)
		if (records->items[i].pid == pid)
			printf("#   recorded: %s %s by %s%s\n", records->items[i].decision, records->items[i].op, records->items[i].rule,
			       records->items[i].enforced ? "" : ", not enforced");
}

static bool is_recorded(const struct records *records, pid_t pid, const char *decision, const struct table_row *row, bool enforced)
{
	const char *op = row->recorded ? row->recorded : row->as;

	for (size_t i = 0; i < records->n; i++) {
		const struct record *r = &records->items[i];

		if (r->pid == pid && !strcmp(r->decision, decision) && !strcmp(r->op, op) && (!row->rule[0] || !strcmp(r->rule, row->rule)) &&
		    r->enforced == enforced)
			return true;
	}
	return false;
}

static bool any_recorded(const struct records *records, pid_t pid, const char *decision)
{
	for (size_t i = 0; i < records->n; i++)
		if (records->items[i].pid == pid && (!decision || !strcmp(records->items[i].decision, decision)))
			return true;
	return false;
}

/* NULL if the row is as it should be. */
static const char *misfit(const struct play *play, const struct table_row *row, const struct outcome *got, const struct records *records)
{
	const struct vantio_policy *p = play->t->policies[row->policy].policy;
	const bool surface = !strncmp(row->rule, "kernel.", 7);

	if (got->pid <= 0)
		return "the player did not do it";
	if (row->verdict == TABLE_DENY) {
		if (!got->result || got->done)
			return "it was done and should have been refused";
		if (got->result != (surface ? EPERM : EACCES))
			return surface ? "it failed otherwise than by EPERM" : "it failed otherwise than by EACCES";
		return is_recorded(records, got->pid, "block", row, !p->audit) ? NULL : "the refusal is not recorded as it should be";
	}
	if (got->result || !got->done)
		return "it was not done and should have been";
	if (row->verdict == TABLE_AUDIT)
		return is_recorded(records, got->pid, "block", row, !p->audit) ? NULL : "what would be refused is not recorded as it should be";
	if (any_recorded(records, got->pid, "block"))
		return "it was done, and a refusal is recorded";
	if ((p->record_all || p->audit) && !row->silent)
		return is_recorded(records, got->pid, "permit", row, !p->audit) ? NULL : "the permission is not recorded as it should be";
	return any_recorded(records, got->pid, NULL) ? "a permission is recorded, which the policy does not ask for" : NULL;
}

/* False: this machine cannot do it even bare, and the row said that this may be. */
static bool judge_row(struct play *play, size_t i, const struct records *records)
{
	const struct table_row *row = &play->t->rows[i];
	const struct outcome *bare = &play->bare[i], *got = &play->got[i];
	const bool can = bare->pid > 0 && !bare->result && bare->done;
	const bool roots = row->root && play->tier->tier != TIER_KERNEL && row->verdict == TABLE_DENY;
	const char *why;

	if (!can && row->needs) {
		rows_pass(play->t, row->needs, play->count);
		return false;
	}
	play->count->run++;
	why = can || roots ? misfit(play, row, got, records) : "it cannot be done bare either";
	if (!why) {
		play->count->agreed++;
		return true;
	}
	play->count->wrong++;
	rows_wrong(row, play->tier->tier, "%s (%s; bare: %s%s)", why, strerror(got->result), strerror(bare->result),
		   bare->done ? "" : ", nothing seen");
	show_records(records, got->pid);
	return true;
}

static void run_policy(struct play *play, size_t policy)
{
	const struct table *t = play->t;
	struct records records = {};

	if (!world_make(t, play->tier->uid, play->tier->mark))
		exit(2);
	play_policy(play, policy, true);
	if (!world_make(t, play->tier->uid, play->tier->mark))
		exit(2);
	if (play->tier->begin)
		play->tier->begin(play->tier, &t->policies[policy]);
	play_policy(play, policy, false);
	if (play->tier->collect)
		play->tier->collect(play->tier);
	read_records(play, &records);
	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].policy == policy && !t->rows[i].not[play->tier->tier])
			judge_row(play, i, &records);
	free(records.items);
}

static bool is_asked(const struct rows_tier *tier, const char *policy)
{
	size_t i = 0;

	while (tier->only && tier->only[i] && strcmp(tier->only[i], policy))
		i++;
	return !tier->only || tier->only[i];
}

void rows_play(const struct table *t, const struct rows_tier *tier, struct rows_count *ret)
{
	struct play play = { .t = t, .tier = tier, .count = ret };

	signal(SIGPIPE, SIG_IGN);
	play.bare = calloc(t->n_rows, sizeof(*play.bare));
	play.got = calloc(t->n_rows, sizeof(*play.got));
	play.victim = world_victim(tier->uid);
	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].not[tier->tier])
			rows_pass(t, t->rows[i].not[tier->tier], ret);
	for (size_t i = 0; i < t->n_policies; i++)
		if (!t->policies[i].not[tier->tier] && is_asked(tier, t->policies[i].name))
			run_policy(&play, i);
	if (play.victim > 0) {
		kill(play.victim, SIGKILL);
		waitpid(play.victim, NULL, 0);
	}
	free(play.bare);
	free(play.got);
}
