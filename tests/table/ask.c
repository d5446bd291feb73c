// SPDX-License-Identifier: Apache-2.0
/* The evaluator: every row by `vantioctl policy explain`, with its rule, and all rows of a policy by one `vantioctl policy test`. */
#include "ask.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs it; its exit status, and what it printed in `out`. */
static int run(const char *const *argv, char *out, size_t size)
{
	int fds[2], status = -1;
	size_t len = 0;
	ssize_t n;
	pid_t child;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	fflush(stdout);
	child = fork();
	if (!child) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(fds[0]);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *text_of(const cJSON *doc, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(doc, key));

	return s ? s : "";
}

/* Of a rename's two names the one that decided is what records name. */
static bool names_rule(const cJSON *doc, const char *rule)
{
	return !rule[0] || !strcmp(text_of(doc, "rule"), rule) || !strcmp(text_of(cJSON_GetObjectItemCaseSensitive(doc, "new_name"), "rule"), rule) ||
	       (!strcmp(rule, "engine.escalate") && !strcmp(text_of(doc, "reason"), "escalate"));
}

static void explain(const struct ask *a, const struct table_row *row, const char *policy, struct rows_count *c)
{
	const char *argv[] = { a->vantioctl, "--json", "policy", "explain", policy, row->as, row->target[0], row->target[1], NULL };
	const char *want = row->verdict == TABLE_ALLOW ? "allow" : "deny";
	static char out[65536];
	int status = run(argv, out, sizeof(out));
	cJSON *doc = cJSON_Parse(out);

	c->run++;
	if (status == 0 && !strcmp(text_of(doc, "verdict"), want) && names_rule(doc, row->rule)) {
		c->agreed++;
	} else {
		c->wrong++;
		rows_wrong(row, TIER_EVALUATOR, "not %s by %s (exit status %d): %s", want, row->rule[0] ? row->rule : "any rule", status, out);
	}
	cJSON_Delete(doc);
}

/* TOML is UTF-8, names are bytes: what is not printable ASCII is asked by explain alone. */
static bool can_be_written(const char *s)
{
	for (; s && *s; s++)
		if (*s < ' ' || *s > '~')
			return false;
	return true;
}

static void put(FILE *f, const char *key, const char *value)
{
	if (!value)
		return;
	fprintf(f, "%s = \"", key);
	for (; *value; value++)
		fprintf(f, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
	fprintf(f, "\"\n");
}

/* The whole list at once, and its exit status. */
static void test_policy(const struct ask *a, size_t policy, const char *file, struct rows_count *c)
{
	char cases[400], want[96], out[4096];
	const char *argv[] = { a->vantioctl, "policy", "test", file, "--cases", cases, NULL };
	size_t n = 0;
	FILE *f;
	int status;

	snprintf(cases, sizeof(cases), "%s/cases.toml", a->folder);
	f = fopen(cases, "we");
	for (size_t i = 0; f && i < a->t->n_rows; i++) {
		const struct table_row *row = &a->t->rows[i];

		if (row->policy != policy || row->not[TIER_EVALUATOR] || !can_be_written(row->target[0]) || !can_be_written(row->target[1]))
			continue;
		fprintf(f, "[[case]]\n");
		put(f, "op", row->as);
		put(f, "target", row->target[0]);
		put(f, "target2", row->target[1]);
		put(f, "verdict", row->verdict == TABLE_ALLOW ? "allow" : "deny");
		n++;
	}
	if (!f || fclose(f) || !n)
		return;
	status = run(argv, out, sizeof(out));
	snprintf(want, sizeof(want), "%zu case%s, %zu as expected, 0 otherwise\n", n, n == 1 ? "" : "s", n);
	if (status || strcmp(out, want)) {
		c->wrong++;
		printf("# policy test of %s ended with status %d: %s", a->t->policies[policy].name, status, out);
	}
}

void ask_play(const struct ask *a, struct rows_count *c)
{
	char file[400];

	for (size_t i = 0; i < a->t->n_policies; i++) {
		snprintf(file, sizeof(file), "%s/%s.toml", a->folder, a->t->policies[i].name);
		test_policy(a, i, file, c);
		for (size_t k = 0; k < a->t->n_rows; k++) {
			const struct table_row *row = &a->t->rows[k];

			if (row->policy != i)
				continue;
			if (row->not[TIER_EVALUATOR])
				rows_pass(a->t, row->not[TIER_EVALUATOR], c);
			else
				explain(a, row, file, c);
		}
	}
}
