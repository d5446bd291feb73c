// SPDX-License-Identifier: Apache-2.0
/* `policy diff`: what changes from one policy to another, a line for each thing that goes and for each that comes. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/diff.h"
#include "policy_input.h"

#define NAME_LEN 56 /* "network.connect[99999]" and the longest key */

struct diffing {
	struct cli *cli;
	struct cli_policy old, new;
	struct vantio_changes changes;
	bool equal;
	int name_width, place_width;
};

/* ---- text ---- */

static void side_name(char out[NAME_LEN], const struct vantio_change *c, const struct vantio_change_side *side)
{
	if (c->rule)
		snprintf(out, NAME_LEN, "%s[%u]", c->key, side->number);
	else
		snprintf(out, NAME_LEN, "%s", c->key);
}

/* "p.toml:14", or the file alone where no line says it. */
static void side_place(struct vantio_buf *out, const struct cli_policy *p, const struct vantio_change_side *side)
{
	const char *file = vantio_pos_file(side->pos, p->file);

	vantio_escape(out, file, strlen(file));
	if (side->pos.line)
		vantio_buf_printf(out, ":%u", side->pos.line);
}

static void widen(struct diffing *d, const struct cli_policy *p, const struct vantio_change *c, const struct vantio_change_side *side)
{
	cleanup_buf struct vantio_buf place = VANTIO_BUF_INIT;
	char name[NAME_LEN];
	int width;

	if (!side->text)
		return;
	side_name(name, c, side);
	side_place(&place, p, side);
	width = (int)strlen(name);
	d->name_width = width > d->name_width ? width : d->name_width;
	d->place_width = (int)place.len > d->place_width ? (int)place.len : d->place_width;
}

static void print_side(const struct diffing *d, const struct cli_policy *p, const struct vantio_change *c,
		       const struct vantio_change_side *side)
{
	cleanup_buf struct vantio_buf place = VANTIO_BUF_INIT;
	const bool new = side == &c->new;
	char name[NAME_LEN];

	if (!side->text)
		return;
	side_name(name, c, side);
	side_place(&place, p, side);
	printf("%s%c %-*s  %-*s  ", cli_color(d->cli, new ? "green" : "red"), new ? '+' : '-', d->name_width, name, d->place_width,
	       place.data ? place.data : "");
	cli_policy_print_rule(side->text);
	if (!side->pos.line && !strncmp(c->key, "kernel.", 7))
		fputs(" (not said)", stdout);
	printf("%s\n", cli_color(d->cli, "reset"));
}

static void print_head(const struct diffing *d, const char *mark, const struct cli_policy *p)
{
	printf("%s%s ", cli_color(d->cli, "bold"), mark);
	cli_print_escaped(stdout, p->file, strlen(p->file));
	printf(" (policy %s)%s\n", p->policy->name, cli_color(d->cli, "reset"));
}

static void count(const struct vantio_changes *changes, size_t *ret_added, size_t *ret_removed, size_t *ret_other)
{
	*ret_added = *ret_removed = *ret_other = 0;
	for (size_t i = 0; i < changes->n; i++) {
		const struct vantio_change *c = &changes->items[i];

		if (!c->rule)
			++*ret_other;
		else if (c->new.text)
			++*ret_added;
		else
			++*ret_removed;
	}
}

static int show_text(struct diffing *d)
{
	char hash[2 * sizeof(d->old.policy->hash) + 1];
	size_t added, removed, other;

	if (d->equal) {
		vantio_hex(hash, d->new.policy->hash, sizeof(d->new.policy->hash));
		cli_print_escaped(stdout, d->old.file, strlen(d->old.file));
		fputs(" and ", stdout);
		cli_print_escaped(stdout, d->new.file, strlen(d->new.file));
		printf(" are the same policy: policy_hash %s\n", hash);
		return cli_flush(d->cli);
	}
	for (size_t i = 0; i < d->changes.n; i++) {
		widen(d, &d->old, &d->changes.items[i], &d->changes.items[i].old);
		widen(d, &d->new, &d->changes.items[i], &d->changes.items[i].new);
	}
	print_head(d, "---", &d->old);
	print_head(d, "+++", &d->new);
	for (size_t i = 0; i < d->changes.n; i++) {
		print_side(d, &d->old, &d->changes.items[i], &d->changes.items[i].old);
		print_side(d, &d->new, &d->changes.items[i], &d->changes.items[i].new);
	}
	count(&d->changes, &added, &removed, &other);
	printf("%zu rule%s added, %zu removed; %zu setting%s changed\n", added, added == 1 ? "" : "s", removed, other,
	       other == 1 ? "" : "s");
	return cli_flush(d->cli);
}

/* ---- JSON ---- */

static cJSON *json_policy(const struct cli_policy *p)
{
	cleanup_free char *file = vantio_escape_dup(p->file, strlen(p->file));
	char hash[2 * sizeof(p->policy->hash) + 1];
	cJSON *item = cJSON_CreateObject();

	vantio_hex(hash, p->policy->hash, sizeof(p->policy->hash));
	cJSON_AddStringToObject(item, "file", file ? file : "");
	cJSON_AddStringToObject(item, "name", p->policy->name);
	cJSON_AddStringToObject(item, "policy_hash", hash);
	return item;
}

static void json_side(cJSON *item, const char *key, const struct vantio_change *c, const struct vantio_change_side *side)
{
	char name[NAME_LEN];
	cJSON *out;

	if (!side->text) {
		cJSON_AddNullToObject(item, key);
		return;
	}
	out = cJSON_AddObjectToObject(item, key);
	if (c->rule) {
		side_name(name, c, side);
		cJSON_AddStringToObject(out, "rule", name);
	}
	cJSON_AddStringToObject(out, "text", side->text);
	if (side->pos.line)
		cli_pos_json(out, side->pos);
	else
		cJSON_AddNullToObject(out, "line");
}

static int show_json(const struct diffing *d)
{
	cJSON *doc = cJSON_CreateObject(), *list, *item;

	cJSON_AddItemToObject(doc, "old", json_policy(&d->old));
	cJSON_AddItemToObject(doc, "new", json_policy(&d->new));
	cJSON_AddBoolToObject(doc, "equal", d->equal);
	list = cJSON_AddArrayToObject(doc, "changes");
	for (size_t i = 0; i < d->changes.n; i++) {
		const struct vantio_change *c = &d->changes.items[i];

		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "key", c->key);
		cJSON_AddStringToObject(item, "change", !c->old.text ? "added" : c->new.text ? "changed" : "removed");
		json_side(item, "old", c, &c->old);
		json_side(item, "new", c, &c->new);
		cJSON_AddItemToArray(list, item);
	}
	return cli_emit(d->cli, doc);
}

/* ---- the command ---- */

/* Both, so that what is wrong with either is said at once; one document holds the errors of the first bad one. */
static int read_both(struct diffing *d)
{
	const char *workdir = cli_get(d->cli, "workdir");
	int r = cli_policy_need(d->cli, &d->old, cli_arg(d->cli, 0), workdir);
	int other = r != CLI_OK && cli_json(d->cli) ? r : cli_policy_need(d->cli, &d->new, cli_arg(d->cli, 1), workdir);

	return r != CLI_OK ? r : other;
}

CLI_COMMAND(policy_diff)
{
	struct diffing d = { .cli = cli };
	struct vantio_error err = { 0 };
	int r;

	if (!strcmp(cli_arg(cli, 0), "-") && !strcmp(cli_arg(cli, 1), "-"))
		return cli_usage_error(cli, "only one of the two policies can be standard input");
	r = read_both(&d);
	if (r == CLI_OK && vantio_policy_diff(d.old.policy, d.new.policy, &d.changes, &err) < 0) {
		r = cli_fail_error(cli, &err);
	} else if (r == CLI_OK) {
		d.equal = !memcmp(d.old.policy->hash, d.new.policy->hash, sizeof(d.old.policy->hash));
		r = cli_json(cli) ? show_json(&d) : show_text(&d);
	}
	vantio_changes_free(&d.changes);
	cli_policy_free(&d.old);
	cli_policy_free(&d.new);
	return r;
}
