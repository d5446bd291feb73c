// SPDX-License-Identifier: Apache-2.0
/* The end of a run: what was refused, how often, by which rule, and which line of policy would allow it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/learn.h"
#include "run.h"

/* The rule of a record's name ("file.deny[2]"); NULL for defaults and everything that is not a rule. */
static const struct vantio_rule *find_rule(const struct vantio_policy *p, const char *name)
{
	const char *open = strchr(name, '[');
	size_t list, i;

	for (list = 0; open && list < VANTIO_LIST_MAX; list++) {
		const char *of = vantio_list_name((enum vantio_list)list);

		if (strlen(of) != (size_t)(open - name) || strncmp(of, name, strlen(of)))
			continue;
		i = strtoul(open + 1, NULL, 10);
		return i < p->lists[list].n ? &p->lists[list].items[i] : NULL;
	}
	return NULL;
}

static struct vantio_pos place_of(const struct vantio_policy *p, const char *rule)
{
	const struct vantio_rule *r = find_rule(p, rule);

	if (r)
		return r->pos;
	if (!strcmp(rule, "file.default"))
		return p->default_pos[0];
	if (!strcmp(rule, "exec.default"))
		return p->default_pos[1];
	return !strcmp(rule, "network.default") ? p->default_pos[2] : (struct vantio_pos){ 0 };
}

/* A rule that means this and nothing else, as a policy has it; nothing where TOML cannot hold it. */
static void put_literal(struct vantio_buf *out, const struct vantio_refusal *f)
{
	cleanup_buf struct vantio_buf raw = VANTIO_BUF_INIT, rule = VANTIO_BUF_INIT;

	if (!vantio_unescape(&raw, f->resource, strlen(f->resource)) || !raw.len)
		return;
	vantio_buf_puts(&rule, f->object == VANTIO_OBJECT_UNIX ? "unix:" : "");
	if (raw.data[0] == '/')
		vantio_learn_spell(&rule, raw.data, raw.len);
	else
		vantio_buf_add(&rule, raw.data, raw.len);
	if (!rule.failed)
		vantio_learn_quote(out, rule.data, rule.len);
}

static const char *list_for(const struct vantio_refusal *f)
{
	static const char *const reads = "[file] read", *const writes = "[file] write";
	const bool local = !strcmp(f->op, "bind") || !strcmp(f->op, "listen");

	if (f->object == VANTIO_OBJECT_NET || f->object == VANTIO_OBJECT_UNIX)
		return local ? "[network] listen" : "[network] connect";
	if (!strcmp(f->op, "exec") || !strcmp(f->op, "mmap_exec"))
		return "[exec] allow";
	return !strcmp(f->op, "read") ? reads : writes;
}

/* What would allow it; "" where nothing does. */
static void put_remedy(struct vantio_buf *out, const struct cli_policy *policy, const struct vantio_refusal *f)
{
	const struct vantio_rule *rule = find_rule(policy->policy, f->rule);
	const size_t len = strlen(f->rule);

	if (rule && rule->pos.preset) {
		return; /* a preset's rule holds for whoever extends it */
	} else if (rule && rule->pos.line) {
		vantio_buf_printf(out, "take '%s' out of line %u", rule->text, rule->pos.line);
	} else if (!strncmp(f->rule, "kernel.", 7)) {
		vantio_buf_printf(out, "[kernel] %s = \"allow\"", f->rule + 7);
	} else if (!strncmp(f->rule, "limits.", 7)) {
		vantio_buf_printf(out, "a higher max of [limits] %s", f->rule + 7);
	} else if (len > 8 && !strcmp(f->rule + len - 8, ".default")) {
		if (f->object == VANTIO_OBJECT_TARGET) {
			vantio_buf_puts(out, "[network] default = \"allow\", for no rule can name it");
			return;
		}
		vantio_buf_printf(out, "%s = [", list_for(f));
		put_literal(out, f);
		vantio_buf_putc(out, ']');
	}
}

static cJSON *document(const struct cli_policy *policy, const char *agent, const struct vantio_journal_summary *s)
{
	cJSON *doc = cJSON_CreateObject(), *list, *item;
	size_t i;

	cJSON_AddStringToObject(doc, "agent", agent);
	cJSON_AddItemToObject(doc, "refused", cli_json_u64(s->refused));
	cJSON_AddItemToObject(doc, "would_refuse", cli_json_u64(s->would_refuse));
	cJSON_AddItemToObject(doc, "recorded", cli_json_u64(s->recorded));
	list = cJSON_AddArrayToObject(doc, "refusals");
	for (i = 0; i < s->n; i++) {
		const struct vantio_refusal *f = &s->items[i];
		cleanup_buf struct vantio_buf remedy = VANTIO_BUF_INIT;
		struct vantio_pos pos = place_of(policy->policy, f->rule);

		put_remedy(&remedy, policy, f);
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "op", f->op);
		cJSON_AddStringToObject(item, "resource", f->resource);
		cJSON_AddStringToObject(item, "rule", f->rule);
		if (pos.line)
			cli_pos_json(item, pos);
		else
			cJSON_AddNullToObject(item, "line");
		cJSON_AddItemToObject(item, "count", cli_json_u64(f->count));
		cJSON_AddBoolToObject(item, "enforced", f->enforced);
		cJSON_AddItemToObject(item, "allow_with", remedy.len ? cJSON_CreateString(remedy.data) : cJSON_CreateNull());
		cJSON_AddItemToArray(list, item);
	}
	return doc;
}

static void print_refusal(const struct cli_policy *policy, const struct vantio_refusal *f)
{
	cleanup_buf struct vantio_buf remedy = VANTIO_BUF_INIT;
	struct vantio_pos pos = place_of(policy->policy, f->rule);
	const char *file = vantio_pos_file(pos, policy->file);

	put_remedy(&remedy, policy, f);
	fprintf(stderr, "%4llu  %s %s: %s", (unsigned long long)f->count, f->op, f->resource, f->rule);
	if (pos.line) {
		fputs(" (", stderr);
		cli_print_escaped(stderr, file, strlen(file));
		fprintf(stderr, ":%u)", pos.line);
	}
	fprintf(stderr, "%s%s\n", remedy.len ? "\n      to allow it: " : pos.preset ? "\n      the preset denies it whatever a policy says" : "",
		remedy.len ? remedy.data : "");
}

void run_report(struct cli *cli, const struct cli_policy *policy, const char *agent, const struct vantio_journal_summary *s)
{
	cleanup_free char *text = NULL;
	const uint64_t n = s->refused + s->would_refuse;
	cJSON *doc;
	size_t i;

	if (cli_json(cli)) { /* standard output is the command's */
		doc = document(policy, agent, s);
		text = cJSON_PrintUnformatted(doc);
		fprintf(stderr, "%s\n", text ? text : "{}");
		cJSON_Delete(doc);
		return;
	}
	if (!n || cli_has(cli, "quiet"))
		return;
	cli_note(cli, "%llu operation%s %s:", (unsigned long long)n, n == 1 ? "" : "s",
		 s->refused ? (n == 1 ? "was refused" : "were refused") : "would have been refused");
	for (i = 0; i < s->n; i++)
		print_refusal(policy, &s->items[i]);
	if (s->n == VANTIO_REFUSALS_MAX)
		fprintf(stderr, "      and perhaps others\n");
	fprintf(stderr, "      all records: vantioctl ledger list --agent %s\n", agent);
}
