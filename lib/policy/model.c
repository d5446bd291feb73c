// SPDX-License-Identifier: Apache-2.0
#include "policy/model.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include "base/mem.h"
#include "policy/net_rule.h"

const char *const vantio_limit_names[VANTIO_LIMIT_MAX] = {
	[VANTIO_LIMIT_UNLINK] = "unlink",     [VANTIO_LIMIT_RENAME] = "rename",   [VANTIO_LIMIT_CHMOD] = "chmod",
	[VANTIO_LIMIT_TRUNCATE] = "truncate", [VANTIO_LIMIT_CONNECT] = "connect", [VANTIO_LIMIT_EXEC] = "exec",
	[VANTIO_LIMIT_FORK] = "fork",
};

const char *const vantio_surface_names[VANTIO_SURFACE_MAX] = {
	[VANTIO_SURFACE_MOUNT] = "mount",           [VANTIO_SURFACE_PTRACE] = "ptrace",
	[VANTIO_SURFACE_SIGNAL] = "signal",         [VANTIO_SURFACE_BPF] = "bpf",
	[VANTIO_SURFACE_MODULE] = "module",         [VANTIO_SURFACE_USERNS] = "userns",
	[VANTIO_SURFACE_RAW_SOCKET] = "raw_socket", [VANTIO_SURFACE_IO_URING] = "io_uring",
	[VANTIO_SURFACE_PERF] = "perf",             [VANTIO_SURFACE_KEYRING] = "keyring",
};

const char *vantio_limit_action_name(enum vantio_decision action)
{
	switch (action) {
	case VANTIO_QUARANTINE:
		return "quarantine";
	case VANTIO_KILLSWITCH:
		return "killswitch";
	default:
		return "block";
	}
}

const char *vantio_list_name(enum vantio_list list)
{
	static const char *const names[VANTIO_LIST_MAX] = {
		[VANTIO_LIST_FILE_READ] = "file.read",     [VANTIO_LIST_FILE_WRITE] = "file.write",
		[VANTIO_LIST_FILE_DENY] = "file.deny",     [VANTIO_LIST_FILE_DENY_WRITE] = "file.deny_write",
		[VANTIO_LIST_EXEC_ALLOW] = "exec.allow",
		[VANTIO_LIST_EXEC_DENY] = "exec.deny",     [VANTIO_LIST_NET_CONNECT] = "network.connect",
		[VANTIO_LIST_NET_LISTEN] = "network.listen", [VANTIO_LIST_NET_DENY] = "network.deny",
	};

	return (size_t)list < VANTIO_LIST_MAX ? names[list] : "unknown";
}

/* ---- diagnostics ---- */

void vantio_diagnostics_free(struct vantio_diagnostics *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->items[i].text);
	free(d->items);
	*d = (struct vantio_diagnostics){ 0 };
}

void vantio_diagnostics_add(struct vantio_diagnostics *d, bool warning, struct vantio_pos pos, const char *fmt, ...)
{
	struct vantio_diagnostic *grown;
	char *text = NULL;
	va_list ap;
	int n;

	if (!warning)
		d->n_errors++; /* counts even where memory for its text runs out, so that nothing passes as good */
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((d->n & (d->n - 1)) == 0) { /* full at each power of two */
		grown = reallocarray(d->items, d->n ? d->n * 2 : 1, sizeof(*grown));
		if (!grown) {
			free(text);
			return;
		}
		d->items = grown;
	}
	d->items[d->n++] = (struct vantio_diagnostic){ .pos = pos, .warning = warning, .text = text };
}

static int by_preset(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int by_pos(const void *a, const void *b)
{
	const struct vantio_diagnostic *x = a, *y = b;
	int r = by_preset(x->pos.preset, y->pos.preset); /* the policy's own come first */

	if (r)
		return r;
	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	if (x->pos.col != y->pos.col)
		return x->pos.col < y->pos.col ? -1 : 1;
	return strcmp(x->text, y->text);
}

void vantio_diagnostics_sort(struct vantio_diagnostics *d)
{
	if (d->n > 1)
		qsort(d->items, d->n, sizeof(*d->items), by_pos);
}

/* ---- rules ---- */

void vantio_rule_free(struct vantio_rule *rule)
{
	free(rule->text);
	free(rule->glob);
	vantio_net_rule_free(&rule->net);
	*rule = (struct vantio_rule){ 0 };
}

void vantio_rule_spell(const struct vantio_rule *rule, struct vantio_buf *out)
{
	bool written = rule->glob || rule->net.kind == VANTIO_NET_UNIX_GLOB || rule->net.kind == VANTIO_NET_UNIX_ABSTRACT;

	if (written)
		vantio_buf_puts(out, rule->text);
	else
		vantio_net_rule_spell(&rule->net, out);
}

struct spelled {
	char *spelling; /* owned */
	struct vantio_rule rule;
};

static int by_spelling(const void *a, const void *b)
{
	const struct spelled *x = a, *y = b;
	int r = strcmp(x->spelling, y->spelling);

	if (!r)
		r = by_preset(y->rule.pos.preset, x->rule.pos.preset); /* a preset's rule stands whatever the policy says */
	if (r)
		return r;
	if (x->rule.pos.line != y->rule.pos.line)
		return x->rule.pos.line < y->rule.pos.line ? -1 : 1;
	return x->rule.pos.col < y->rule.pos.col ? -1 : x->rule.pos.col > y->rule.pos.col;
}

int vantio_rules_settle(struct vantio_rules *rules)
{
	cleanup_free struct spelled *all = NULL;
	size_t kept = 0;
	int r = 0;

	if (rules->n == 0)
		return 0;
	all = calloc(rules->n, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < rules->n; i++) {
		cleanup_buf struct vantio_buf spelling = VANTIO_BUF_INIT;

		vantio_rule_spell(&rules->items[i], &spelling);
		all[i].rule = rules->items[i];
		all[i].spelling = vantio_buf_steal(&spelling);
		if (!all[i].spelling)
			r = -ENOMEM;
	}
	if (r == 0) {
		qsort(all, rules->n, sizeof(*all), by_spelling);
		for (size_t i = 0; i < rules->n; i++) {
			if (i > 0 && strcmp(all[i].spelling, all[i - 1].spelling) == 0)
				vantio_rule_free(&all[i].rule);
			else
				rules->items[kept++] = all[i].rule;
		}
	}
	for (size_t i = 0; i < rules->n; i++)
		free(all[i].spelling);
	if (r == 0)
		rules->n = kept;
	return r;
}

void vantio_duration_spell(uint64_t ns, struct vantio_buf *out)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} units[] = { { 3600000000000u, "h" }, { 60000000000u, "m" }, { 1000000000u, "s" }, { 1000000u, "ms" } };

	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(units); i++) {
		if (ns % units[i].ns == 0) {
			vantio_buf_printf(out, "%" PRIu64 "%s", ns / units[i].ns, units[i].unit);
			return;
		}
	}
	vantio_buf_printf(out, "%" PRIu64 "ns", ns);
}

void vantio_policy_free(struct vantio_policy *p)
{
	if (!p)
		return;
	free(p->svid);
	for (size_t i = 0; i < p->n_cgroups; i++)
		free(p->cgroups[i]);
	free(p->cgroups);
	for (size_t list = 0; list < VANTIO_LIST_MAX; list++) {
		for (size_t i = 0; i < p->lists[list].n; i++)
			vantio_rule_free(&p->lists[list].items[i]);
		free(p->lists[list].items);
	}
	free(p->file);
	free(p);
}
