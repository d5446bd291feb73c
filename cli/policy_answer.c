// SPDX-License-Identifier: Apache-2.0
#include "policy_answer.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

const char *cli_verdict_name(uint32_t decision)
{
	return decision == VANTIO_PERMIT ? "allow" : "deny";
}

static const char *reason_name(uint32_t reason)
{
	switch (reason) {
	case VANTIO_REASON_ALLOW: return "allow";
	case VANTIO_REASON_DENY: return "deny";
	case VANTIO_REASON_SURFACE: return "surface";
	case VANTIO_REASON_ESCALATE: return "escalate";
	case VANTIO_REASON_DEFAULT: return "default";
	default: return "lookup";
	}
}

/* "file.deny[2] (p.toml:14): the rule" */
static void print_rule(const struct cli_policy *p, const struct vantio_rule_ref *r)
{
	fputs(r->name, stdout);
	if (r->pos.line) {
		fputs(" (", stdout);
		cli_print_escaped(stdout, vantio_pos_file(r->pos, p->file), strlen(vantio_pos_file(r->pos, p->file)));
		printf(":%u)", r->pos.line);
	}
	if (r->rule) {
		fputs(": ", stdout);
		cli_policy_print_rule(r->rule->text);
	} else if (!strncmp(r->name, "kernel.", 7)) {
		fputs(r->pos.line ? "" : ": denied unless the policy allows it", stdout);
	} else {
		fputs(": no rule matches", stdout);
	}
}

static void print_verdict(struct cli *cli, uint32_t decision)
{
	printf("%s%s%s", cli_color(cli, decision == VANTIO_PERMIT ? "green" : "red"), cli_verdict_name(decision), cli_color(cli, "reset"));
}

void cli_answer_print(struct cli *cli, const struct cli_policy *p, const struct vantio_explanation *e)
{
	print_verdict(cli, e->decision);
	if (e->reason == VANTIO_REASON_ESCALATE) {
		printf(": under its new name it would gain %s, by ", e->gained);
		print_rule(p, &e->rule2);
		fputs("; its old name is refused that by ", stdout);
		print_rule(p, &e->rule);
		return;
	}
	fputs(" by ", stdout);
	print_rule(p, e->decisive == 2 ? &e->rule2 : &e->rule);
	if (e->rule2.name[0] && e->decisive)
		printf(", for the %s name", e->decisive == 1 ? "old" : "new");
	if (e->rule2.name[0] && !e->decisive) {
		fputs(", and the new name by ", stdout);
		print_rule(p, &e->rule2);
	}
}

static void add_escaped(cJSON *item, const char *key, const char *value)
{
	cleanup_free char *safe = vantio_escape_dup(value, strlen(value));

	cJSON_AddStringToObject(item, key, safe ? safe : "");
}

void cli_question_json(cJSON *item, const struct cli_question *q)
{
	add_escaped(item, "op", q->op);
	if (q->target)
		add_escaped(item, "target", q->target);
	if (q->target2)
		add_escaped(item, "target2", q->target2);
}

static void rule_json(cJSON *item, const struct vantio_rule_ref *r)
{
	cJSON_AddStringToObject(item, "rule", r->name);
	cli_pos_json(item, r->pos);
	if (r->rule)
		add_escaped(item, "text", r->rule->text);
}

void cli_answer_json(cJSON *item, const struct vantio_explanation *e)
{
	cJSON_AddStringToObject(item, "reason", reason_name(e->reason));
	if (e->gained)
		cJSON_AddStringToObject(item, "gained", e->gained);
	rule_json(item, &e->rule);
	if (e->rule2.name[0])
		rule_json(cJSON_AddObjectToObject(item, "new_name"), &e->rule2);
}
