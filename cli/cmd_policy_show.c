// SPDX-License-Identifier: Apache-2.0
/* `policy show`: the policy as it is understood, with nothing left to guess: numbers, defaults, expansions, addresses. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/model.h"
#include "policy/resolve.h"
#include "policy_input.h"

#define PLACE_MAX 96

struct showing {
	struct cli *cli;
	const struct cli_policy *in;
	const struct vantio_policy *p;
	struct vantio_resolution resolution;
	bool resolved; /* asked for and answered */
};

struct section {
	const char *name, *allow, *deny; /* what each default means */
	enum vantio_list first, end;
};

static const struct section sections[3] = {
	{ "file", "a path that no rule names may be read and written", "a path that no rule names may neither be read nor written",
	  VANTIO_LIST_FILE_READ, VANTIO_LIST_EXEC_ALLOW },
	{ "exec", "a file that no rule names may be executed", "a file that no rule names may not be executed, nor mapped as a library",
	  VANTIO_LIST_EXEC_ALLOW, VANTIO_LIST_NET_CONNECT },
	{ "network", "an address or socket that no rule names may be connected to and listened on; so may every other protocol and family",
	  "an address or unix socket that no rule names is refused (D-Bus and /dev/log too), and so is every other protocol and family",
	  VANTIO_LIST_NET_CONNECT, VANTIO_LIST_MAX },
};

static const char *const surface_help[VANTIO_SURFACE_MAX] = {
	[VANTIO_SURFACE_MOUNT] = "mount, unmount and move file systems",
	[VANTIO_SURFACE_PTRACE] = "trace or read the memory of other processes",
	[VANTIO_SURFACE_SIGNAL] = "signal processes outside of the agent",
	[VANTIO_SURFACE_BPF] = "use bpf()",
	[VANTIO_SURFACE_MODULE] = "load kernel modules or another kernel",
	[VANTIO_SURFACE_USERNS] = "make user namespaces",
	[VANTIO_SURFACE_RAW_SOCKET] = "open raw and packet sockets",
	[VANTIO_SURFACE_IO_URING] = "set up io_uring",
	[VANTIO_SURFACE_PERF] = "open performance events",
	[VANTIO_SURFACE_KEYRING] = "use the kernel's keyrings",
};

static void print_text(const char *s)
{
	cli_print_escaped(stdout, s, strlen(s));
}

static const char *verdict(bool allow)
{
	return allow ? "allow" : "deny";
}

static void address_text(const struct vantio_net_rule *r, char out[INET6_ADDRSTRLEN])
{
	inet_ntop(r->family == 4 ? AF_INET : AF_INET6, r->addr, out, INET6_ADDRSTRLEN);
}

static bool stands_for(const struct vantio_resolved *item, enum vantio_list list, uint32_t rule)
{
	return item->list == list && item->rule == rule;
}

/* ---- text ---- */

static void show_addresses(const struct showing *s, enum vantio_list list, uint32_t rule)
{
	char text[INET6_ADDRSTRLEN];
	size_t n = 0;

	for (size_t i = 0; i < s->resolution.n; i++) {
		if (!stands_for(&s->resolution.items[i], list, rule))
			continue;
		address_text(&s->resolution.items[i].net, text);
		printf("%s%s", n++ ? ", " : "  = ", text);
	}
	if (n == 0)
		printf("  = nothing now");
}

static void show_host(const struct showing *s, enum vantio_list list, uint32_t number, const struct vantio_rule *rule)
{
	if (rule->net.kind == VANTIO_NET_SUFFIX)
		printf(list == VANTIO_LIST_NET_DENY ? "  (cannot be denied by this version: push refuses it)" :
						      "  (stands for nothing yet: this version cannot tell the addresses of names below another)");
	else if (rule->net.kind == VANTIO_NET_NAME && s->resolved)
		show_addresses(s, list, number);
	else if (rule->net.kind == VANTIO_NET_NAME)
		printf("  (its addresses are asked for at push; --resolve shows them)");
}

/* "line 5" or "preset:base:5", in a column of its own. */
static void place_text(char out[PLACE_MAX], struct vantio_pos pos)
{
	if (pos.preset)
		snprintf(out, PLACE_MAX, "%s:%u", pos.preset, pos.line);
	else
		snprintf(out, PLACE_MAX, "line %u", pos.line);
}

static void print_place(const struct showing *s, struct vantio_pos pos)
{
	char text[PLACE_MAX];

	place_text(text, pos);
	printf("%-*s ", s->p->n_extends ? 22 : 10, text);
}

static void show_rules(const struct showing *s, enum vantio_list list)
{
	const struct vantio_rules *rules = &s->p->lists[list];
	char name[48];

	for (size_t i = 0; i < rules->n; i++) {
		const struct vantio_rule *rule = &rules->items[i];

		snprintf(name, sizeof(name), "%s[%zu]", vantio_list_name(list), i);
		printf("  %-20s ", name);
		print_place(s, rule->pos);
		cli_policy_print_rule(rule->text);
		if (rule->glob && strcmp(rule->glob, rule->text) != 0) {
			printf("  = ");
			cli_policy_print_rule(rule->glob);
		}
		if (list >= VANTIO_LIST_NET_CONNECT)
			show_host(s, list, (uint32_t)i, rule);
		putchar('\n');
	}
}

/* Whether some rule of [network] connect is a name, which implies the resolvers. */
static bool connects_by_name(const struct vantio_policy *p)
{
	const struct vantio_rules *rules = &p->lists[VANTIO_LIST_NET_CONNECT];

	for (size_t i = 0; i < rules->n; i++)
		if (rules->items[i].net.kind == VANTIO_NET_NAME || rules->items[i].net.kind == VANTIO_NET_SUFFIX)
			return true;
	return false;
}

static void show_section(const struct showing *s, size_t index)
{
	const struct section *section = &sections[index];
	bool allow = s->p->default_allow[index];
	char place[PLACE_MAX];

	place_text(place, s->p->default_pos[index]);
	printf("\n%s[%s]%s default %s (%s): %s\n", cli_color(s->cli, "bold"), section->name, cli_color(s->cli, "reset"),
	       verdict(allow), place, allow ? section->allow : section->deny);
	for (enum vantio_list list = section->first; list < section->end; list++)
		show_rules(s, list);
	if (index != 2 || !connects_by_name(s->p))
		return;
	printf("  %-20s            port 53, TCP and UDP, of the resolvers in %s", "implied by the names", VANTIO_RESOLV_CONF);
	if (s->resolved)
		show_addresses(s, VANTIO_LIST_NET_CONNECT, UINT32_MAX);
	putchar('\n');
}

static void show_head(const struct showing *s)
{
	char hash[2 * sizeof(s->p->hash) + 1];

	vantio_hex(hash, s->p->hash, sizeof(s->p->hash));
	printf("%spolicy %s%s\n  file     ", cli_color(s->cli, "bold"), s->p->name, cli_color(s->cli, "reset"));
	print_text(s->in->file);
	printf("\n  hash     %s\n", hash);
	printf("  mode     %s\n", s->p->audit ? "audit: what the policy forbids is recorded, nothing is refused" :
						"enforce: what the policy forbids is refused");
	printf("  record   %s\n", s->p->record_all ? "all: every decision" : "denied: decisions that forbid");
	printf("  on_loss  %s\n", s->p->loss_block ? "block: an operation that cannot be recorded is refused" :
						   "continue: an operation that cannot be recorded goes on, and the loss is recorded");
	if (s->p->svid)
		printf("  svid     %s\n", s->p->svid);
	for (size_t i = 0; i < s->p->n_extends; i++)
		printf("%s%s", i ? ", " : "  extends  ", s->p->extends[i]);
	if (s->p->n_extends)
		putchar('\n');
	for (size_t i = 0; i < s->p->n_cgroups; i++) {
		printf("  cgroup   ");
		print_text(s->p->cgroups[i]);
		putchar('\n');
	}
}

static void show_limits(const struct showing *s)
{
	bool any = false;

	printf("\n%s[limits]%s", cli_color(s->cli, "bold"), cli_color(s->cli, "reset"));
	for (size_t i = 0; i < VANTIO_LIMIT_MAX; i++) {
		const struct vantio_limit *limit = &s->p->limits[i];
		cleanup_buf struct vantio_buf per = VANTIO_BUF_INIT;

		if (!limit->set)
			continue;
		vantio_duration_spell(limit->per_ns, &per);
		printf("%s  %-20s ", any ? "" : "\n", vantio_limit_names[i]);
		print_place(s, limit->pos);
		printf("more than %" PRIu64 " in %s: %s\n", limit->max, per.data ? per.data : "?", vantio_limit_action_name(limit->action));
		any = true;
	}
	if (!any)
		printf(" none\n");
}

static void show_kernel(const struct showing *s)
{
	printf("\n%s[kernel]%s what an enrolled process may do\n", cli_color(s->cli, "bold"), cli_color(s->cli, "reset"));
	for (size_t i = 0; i < VANTIO_SURFACE_MAX; i++) {
		char line[PLACE_MAX] = "default";

		if (s->p->kernel_pos[i].line)
			place_text(line, s->p->kernel_pos[i]);
		printf("  %-20s %-10s %-5s  %s\n", vantio_surface_names[i], line, verdict(s->p->kernel_allow[i]), surface_help[i]);
	}
}

/* ---- JSON ---- */

static cJSON *json_addresses(const struct showing *s, enum vantio_list list, uint32_t rule)
{
	cJSON *out = cJSON_CreateArray();
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < s->resolution.n; i++) {
		if (!stands_for(&s->resolution.items[i], list, rule))
			continue;
		address_text(&s->resolution.items[i].net, text);
		cJSON_AddItemToArray(out, cJSON_CreateString(text));
	}
	return out;
}

static cJSON *json_section(const struct showing *s, size_t index)
{
	cJSON *out = cJSON_CreateObject(), *rules;

	cJSON_AddStringToObject(out, "default", verdict(s->p->default_allow[index]));
	cli_pos_json(out, s->p->default_pos[index]);
	rules = cJSON_AddArrayToObject(out, "rules");
	for (enum vantio_list list = sections[index].first; list < sections[index].end; list++) {
		for (size_t i = 0; i < s->p->lists[list].n; i++) {
			const struct vantio_rule *rule = &s->p->lists[list].items[i];
			cJSON *item = cJSON_CreateObject();
			char name[48];

			snprintf(name, sizeof(name), "%s[%zu]", vantio_list_name(list), i);
			cJSON_AddStringToObject(item, "rule", name);
			cJSON_AddStringToObject(item, "text", rule->text);
			if (rule->glob)
				cJSON_AddStringToObject(item, "glob", rule->glob);
			cli_pos_json(item, rule->pos);
			cJSON_AddNumberToObject(item, "col", rule->pos.col);
			if (list >= VANTIO_LIST_NET_CONNECT && rule->net.kind == VANTIO_NET_NAME && s->resolved)
				cJSON_AddItemToObject(item, "addresses", json_addresses(s, list, (uint32_t)i));
			cJSON_AddItemToArray(rules, item);
		}
	}
	return out;
}

static void json_head(const struct showing *s, cJSON *doc)
{
	cleanup_free char *file = vantio_escape_dup(s->in->file, strlen(s->in->file));
	char hash[2 * sizeof(s->p->hash) + 1];
	cJSON *cgroups, *extends;

	vantio_hex(hash, s->p->hash, sizeof(s->p->hash));
	cJSON_AddStringToObject(doc, "name", s->p->name);
	cJSON_AddStringToObject(doc, "file", file ? file : "");
	cJSON_AddStringToObject(doc, "policy_hash", hash);
	cJSON_AddStringToObject(doc, "mode", s->p->audit ? "audit" : "enforce");
	cJSON_AddStringToObject(doc, "record", s->p->record_all ? "all" : "denied");
	cJSON_AddStringToObject(doc, "on_loss", s->p->loss_block ? "block" : "continue");
	if (s->p->svid)
		cJSON_AddStringToObject(doc, "svid", s->p->svid);
	else
		cJSON_AddNullToObject(doc, "svid");
	extends = cJSON_AddArrayToObject(doc, "extends");
	for (size_t i = 0; i < s->p->n_extends; i++)
		cJSON_AddItemToArray(extends, cJSON_CreateString(s->p->extends[i]));
	cgroups = cJSON_AddArrayToObject(doc, "cgroups");
	for (size_t i = 0; i < s->p->n_cgroups; i++)
		cJSON_AddItemToArray(cgroups, cJSON_CreateString(s->p->cgroups[i]));
}

static void json_limits(const struct showing *s, cJSON *doc)
{
	cJSON *limits = cJSON_AddObjectToObject(doc, "limits"), *kernel = cJSON_AddObjectToObject(doc, "kernel");
	char number[24];

	for (size_t i = 0; i < VANTIO_LIMIT_MAX; i++) {
		const struct vantio_limit *limit = &s->p->limits[i];
		cJSON *item;

		if (!limit->set)
			continue;
		item = cJSON_AddObjectToObject(limits, vantio_limit_names[i]);
		snprintf(number, sizeof(number), "%" PRIu64, limit->max);
		cJSON_AddStringToObject(item, "max", number);
		snprintf(number, sizeof(number), "%" PRIu64, limit->per_ns);
		cJSON_AddStringToObject(item, "per_ns", number);
		cJSON_AddStringToObject(item, "action", vantio_limit_action_name(limit->action));
		cli_pos_json(item, limit->pos);
	}
	for (size_t i = 0; i < VANTIO_SURFACE_MAX; i++)
		cJSON_AddStringToObject(kernel, vantio_surface_names[i], verdict(s->p->kernel_allow[i]));
}

static int show_json(const struct showing *s)
{
	cJSON *doc = cJSON_CreateObject(), *parts;

	json_head(s, doc);
	parts = cJSON_AddObjectToObject(doc, "sections");
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(sections); i++)
		cJSON_AddItemToObject(parts, sections[i].name, json_section(s, i));
	if (s->resolved)
		cJSON_AddItemToObject(doc, "resolvers", json_addresses(s, VANTIO_LIST_NET_CONNECT, UINT32_MAX));
	json_limits(s, doc);
	cJSON_AddItemToObject(doc, "diagnostics", cli_policy_json_diagnostics(s->in));
	return cli_emit(s->cli, doc);
}

/* ---- both ---- */

/* Adds what resolving finds to the policy's diagnostics. */
static void resolve(struct showing *s, struct cli_policy *in)
{
	const struct vantio_resolve_options options = { .resolver = vantio_resolver_system, .resolv_conf = VANTIO_RESOLV_CONF, .at_once = true };
	struct vantio_error err = { 0 };

	s->resolved = vantio_resolve_policy(s->p, &options, &s->resolution, &in->diags, &err) == 0;
}

CLI_COMMAND(policy_show)
{
	cleanup_cli_policy struct cli_policy in = { 0 };
	struct showing s = { .cli = cli, .in = &in };
	int r;

	r = cli_policy_need(cli, &in, cli_arg(cli, 0), cli_get(cli, "workdir"));
	if (r != CLI_OK)
		return r;
	s.p = in.policy;
	if (cli_has(cli, "resolve")) {
		struct vantio_diagnostics read = in.diags; /* said already */

		in.diags = (struct vantio_diagnostics){ 0 };
		resolve(&s, &in);
		cli_policy_print_diagnostics(cli, &in);
		vantio_diagnostics_free(&read);
		r = s.resolved ? CLI_OK : CLI_FAILURE;
	}
	if (cli_json(cli)) {
		int emitted = show_json(&s);

		r = emitted == CLI_OK ? r : emitted;
	} else {
		show_head(&s);
		for (size_t i = 0; i < VANTIO_ARRAY_SIZE(sections); i++)
			show_section(&s, i);
		show_limits(&s);
		show_kernel(&s);
	}
	vantio_resolution_free(&s.resolution);
	return r;
}
