// SPDX-License-Identifier: Apache-2.0
/* [file], [exec] and [network]: their defaults and their lists of rules, expanded, checked, sorted and deduplicated. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/glob.h"
#include "policy/model.h"
#include "policy/parse.h"

#define WORKDIR "$WORKDIR"
#define UNIX    "unix:"

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* ---- ~ and $WORKDIR ---- */

/* What a relative or otherwise headless rule was probably meant to be. */
static int fail_headless(const char *raw, struct vantio_error *err)
{
	cleanup_free char *text = vantio_escape_dup(raw, strlen(raw));
	const char *slash = strchr(raw, '/');

	if (!text)
		return vantio_fail(err, ENOMEM, "out of memory");
	if (text[0] == '\0')
		return vantio_fail(err, EINVAL, "an empty rule can never match: remove it");
	if (strcmp(text, "~") == 0 || strcmp(text, WORKDIR) == 0)
		return vantio_fail(err, EINVAL, "write %s/** for the folder and all that is below it", text);
	if (strcmp(text, "*") == 0)
		return vantio_fail(err, EINVAL, "write ** for every path, or /* for what lies in the root folder");
	if (begins(text, "$HOME/") || begins(text, "${HOME}/"))
		return vantio_fail(err, EINVAL, "write ~%s: no variable but $WORKDIR is known",
				   strlen(slash) < 80 ? strchr(text, '/') : "/");
	if (text[0] == '$')
		return vantio_fail(err, EINVAL, "no variable but $WORKDIR is known, and that needs a / behind it: write the path in full");
	if (text[0] == '~')
		return vantio_fail(err, EINVAL, "~ is your own home and needs a / behind it: write another user's in full, as in /home/%.400s", text + 1);
	if (begins(text, "./"))
		return vantio_fail(err, EINVAL, "a rule is no relative path: write $WORKDIR/%.400s for the folder that 'run' works in", text + 2);
	return vantio_fail(err, EINVAL, "a path rule begins with /, **/, ~/ or $WORKDIR/: write **/%.400s for it in any folder, or its full path", text);
}

/* The value of ~ or $WORKDIR, every byte of it literal, without the slash at its end. */
static int add_literal(struct vantio_buf *out, const char *name, const char *value, struct vantio_error *err)
{
	size_t len;

	if (!value)
		return vantio_fail(err, EINVAL, strcmp(name, "~") == 0 ?
				   "~ is the home of the user who loads the policy, and there is none here: write the path in full" :
				   "$WORKDIR is the folder that 'vantioctl run' works in, and there is none here: write the path in full");
	len = strlen(value);
	while (len > 0 && value[len - 1] == '/')
		len--;
	if (value[0] != '/')
		return vantio_fail(err, EINVAL, "%s stands for %s, which is no absolute path", name,
				   vantio_parse_quote(value, len).text);
	for (size_t i = 0; i < len; i++) {
		if (strchr("*?[]{},\\", value[i]))
			vantio_buf_putc(out, '\\');
		vantio_buf_putc(out, value[i]);
	}
	return 0;
}

/* `text` with its head expanded, appended to `out`. */
static int expand_head(const struct vantio_expand *expand, const char *text, struct vantio_buf *out, struct vantio_error *err)
{
	int r;

	if (begins(text, "~/")) {
		r = add_literal(out, "~", expand ? expand->home : NULL, err);
		text += 1;
	} else if (begins(text, WORKDIR "/")) {
		r = add_literal(out, WORKDIR, expand ? expand->workdir : NULL, err);
		text += strlen(WORKDIR);
	} else if (text[0] == '/' || strcmp(text, "**") == 0 || begins(text, "**/")) {
		r = 0;
	} else {
		r = fail_headless(text, err);
	}
	if (r == 0)
		vantio_buf_puts(out, text);
	return r;
}

/* ---- one rule ---- */

static int fill_path(struct vantio_parse *c, struct vantio_rule *rule, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf glob = VANTIO_BUF_INIT;
	int r = expand_head(c->expand, rule->text, &glob, err);

	if (r == 0 && !glob.failed)
		r = vantio_glob_check(glob.data, glob.len, err);
	if (r < 0)
		return r;
	rule->glob = vantio_buf_steal(&glob);
	return rule->glob ? 0 : vantio_fail(err, ENOMEM, "out of memory");
}

/* Rules that are well spelled and yet can never hold for the list that they stand in. */
static int check_list(enum vantio_list list, const struct vantio_net_rule *net, struct vantio_error *err)
{
	static const uint8_t zero[16];
	bool any = net->kind == VANTIO_NET_ADDRESS && net->prefix == (net->family == 4 ? 32 : 128) &&
		   memcmp(net->addr, zero, net->family == 4 ? 4 : 16) == 0;

	if (list == VANTIO_LIST_NET_CONNECT && any)
		return vantio_fail(err, EINVAL, "connecting to %s is judged as loopback, so this can never match: write %s, or %s for every address",
				   net->family == 4 ? "0.0.0.0" : "::", net->family == 4 ? "127.0.0.1" : "[::1]",
				   net->family == 4 ? "0.0.0.0/0" : "[::]/0");
	if (list == VANTIO_LIST_NET_LISTEN && net->kind == VANTIO_NET_SUFFIX)
		return vantio_fail(err, EINVAL, "a listener has an address, not one of the names below another, so this can never match: write the address");
	return 0;
}

static int fill_net(struct vantio_parse *c, enum vantio_list list, struct vantio_rule *rule, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf expanded = VANTIO_BUF_INIT;
	const char *path = rule->text + strlen(UNIX);
	int r = 0;

	if (begins(rule->text, UNIX "~") || begins(rule->text, UNIX "$")) {
		vantio_buf_puts(&expanded, UNIX);
		r = expand_head(c->expand, path, &expanded, err);
	} else {
		vantio_buf_puts(&expanded, rule->text);
	}
	if (r == 0 && expanded.failed)
		r = vantio_fail(err, ENOMEM, "out of memory");
	if (r == 0)
		r = vantio_net_rule_parse(expanded.data, expanded.len, &rule->net, err);
	if (r == 0)
		r = check_list(list, &rule->net, err);
	if (r == 0 && (rule->net.kind == VANTIO_NET_NAME || rule->net.kind == VANTIO_NET_SUFFIX))
		c->policy->names_hosts = true;
	return r;
}

static void parse_rule(struct vantio_parse *c, enum vantio_list list, const struct vantio_toml_node *item)
{
	struct vantio_rules *rules = &c->policy->lists[list];
	struct vantio_error err = { 0 };
	struct vantio_rule rule = { .pos = item->pos };
	int r;

	if (item->type != VANTIO_TOML_STRING) {
		vantio_parse_error(c, item->pos, "a rule must be a string, not %s", vantio_toml_type_name(item->type));
		return;
	}
	if (vantio_parse_has_nul(item)) {
		vantio_parse_error(c, item->pos, "%s: no name holds a NUL byte, so this can never match",
				   vantio_parse_quote(item->string, item->string_len).text);
		return;
	}
	rule.text = strdup(item->string);
	if (!rule.text) {
		c->failed = true;
		return;
	}
	r = list >= VANTIO_LIST_NET_CONNECT ? fill_net(c, list, &rule, &err) : fill_path(c, &rule, &err);
	if (r == 0) {
		rules->items[rules->n++] = rule;
		return;
	}
	c->failed = c->failed || r == -ENOMEM;
	vantio_parse_error(c, item->pos, "%s: %s", vantio_parse_quote(item->string, item->string_len).text, err.text);
	vantio_rule_free(&rule);
}

/* ---- one list ---- */

static void parse_list(struct vantio_parse *c, enum vantio_list list, const struct vantio_toml_node *section)
{
	const char *key = strchr(vantio_list_name(list), '.') + 1;
	const struct vantio_toml_node *item = vantio_toml_get(section, key);
	struct vantio_rules *rules = &c->policy->lists[list];
	struct vantio_rule *grown;

	if (!item)
		return;
	if (item->type != VANTIO_TOML_ARRAY) {
		vantio_parse_error(c, item->pos, "\"%s\" must be a list of strings, as in %s = [\"%s\"], not %s", key, key,
				   list >= VANTIO_LIST_NET_CONNECT ? "192.0.2.7:443" : "/usr/**", vantio_toml_type_name(item->type));
		return;
	}
	grown = reallocarray(rules->items, rules->n + item->n + 1, sizeof(*grown));
	if (!grown) {
		c->failed = true;
		return;
	}
	rules->items = grown;
	for (size_t i = 0; i < item->n; i++) {
		if (c->n_rules > VANTIO_POLICY_RULES_MAX)
			break; /* said once */
		if (++c->n_rules > VANTIO_POLICY_RULES_MAX)
			vantio_parse_error(c, item->items[i].pos, "more than %u rules: join some with wildcards, as in /usr/**",
					   VANTIO_POLICY_RULES_MAX);
		else
			parse_rule(c, list, &item->items[i]);
	}
}

/* An allow of the policy's own text that the deny list of its section holds too has no effect: deny beats allow. */
static void warn_denied(struct vantio_parse *c, enum vantio_list allow, enum vantio_list deny)
{
	const struct vantio_rules *allows = &c->policy->lists[allow], *denies = &c->policy->lists[deny];
	size_t i = 0, k = 0;

	while (i < allows->n && k < denies->n) {
		cleanup_buf struct vantio_buf a = VANTIO_BUF_INIT, d = VANTIO_BUF_INIT;
		int order;

		vantio_rule_spell(&allows->items[i], &a);
		vantio_rule_spell(&denies->items[k], &d);
		if (a.failed || d.failed) {
			c->failed = true;
			return;
		}
		order = strcmp(a.data, d.data);
		if (order == 0 && !allows->items[i].pos.preset)
			vantio_diagnostics_add(c->diags, true, allows->items[i].pos,
					       "%s has no effect: %s holds it too (%s %u), and deny beats allow",
					       vantio_parse_quote(a.data, a.len).text, vantio_list_name(deny),
					       vantio_pos_file(denies->items[k].pos, "line"), denies->items[k].pos.line);
		i += order <= 0;
		k += order >= 0;
	}
}

/* ---- the sections ---- */

struct section {
	const char *name;
	const char *keys[5];
	size_t n_keys;
	enum vantio_list first, last; /* its lists */
};

static void parse_section(struct vantio_parse *c, const struct vantio_toml_node *root, const struct section *s, size_t index)
{
	const struct vantio_toml_node *section = vantio_parse_member(c, root, s->name, VANTIO_TOML_TABLE);
	const struct vantio_toml_node *any = vantio_toml_get(root, s->name);
	char where[24];

	if (any && !c->layer->origin)
		c->section_pos[index] = any->key_pos;
	if (any && !section)
		c->layer->words[VANTIO_WORD_DEFAULT + index].said = true; /* was reported */
	if (!section)
		return;
	snprintf(where, sizeof(where), "[%s]", s->name);
	vantio_parse_keys(c, section, where, s->keys, s->n_keys);
	vantio_parse_word(c, section, "default", VANTIO_WORD_DEFAULT + index);
	for (enum vantio_list list = s->first; list <= s->last; list++)
		parse_list(c, list, section);
}

static const struct section sections[] = {
	{ "file", { "default", "read", "write", "deny", "deny_write" }, 5, VANTIO_LIST_FILE_READ, VANTIO_LIST_FILE_DENY_WRITE },
	{ "exec", { "default", "allow", "deny" }, 3, VANTIO_LIST_EXEC_ALLOW, VANTIO_LIST_EXEC_DENY },
	{ "network", { "default", "connect", "listen", "deny" }, 4, VANTIO_LIST_NET_CONNECT, VANTIO_LIST_NET_DENY },
};

void vantio_parse_sections(struct vantio_parse *c, const struct vantio_toml_node *root)
{
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(sections); i++)
		parse_section(c, root, &sections[i], i);
}

void vantio_parse_settle_rules(struct vantio_parse *c)
{
	static const enum vantio_list beaten[][2] = {
		{ VANTIO_LIST_FILE_READ, VANTIO_LIST_FILE_DENY },	{ VANTIO_LIST_FILE_WRITE, VANTIO_LIST_FILE_DENY },
		{ VANTIO_LIST_FILE_WRITE, VANTIO_LIST_FILE_DENY_WRITE }, { VANTIO_LIST_EXEC_ALLOW, VANTIO_LIST_EXEC_DENY },
		{ VANTIO_LIST_NET_CONNECT, VANTIO_LIST_NET_DENY },	{ VANTIO_LIST_NET_LISTEN, VANTIO_LIST_NET_DENY },
	};

	for (enum vantio_list list = 0; list < VANTIO_LIST_MAX; list++)
		if (vantio_rules_settle(&c->policy->lists[list]) < 0)
			c->failed = true;
	for (size_t i = 0; !c->failed && i < VANTIO_ARRAY_SIZE(beaten); i++)
		warn_denied(c, beaten[i][0], beaten[i][1]);
}
