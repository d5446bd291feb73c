// SPDX-License-Identifier: Apache-2.0
/*
 * The canonical form (vantio-policy(5), "POLICY HASH"): one fact a line, "KEY VALUE" with the value escaped as vantio_escape
 * does, so that no value can hold the newline that ends it and no two policies share a form. Facts stand in a fixed order,
 * rules in that of their numbers; what the text leaves out is spelled as the default that it means.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "policy/model.h"

static void add_fact(struct vantio_buf *out, const char *key, const char *value)
{
	vantio_buf_puts(out, key);
	vantio_buf_putc(out, ' ');
	vantio_escape(out, value, strlen(value));
	vantio_buf_putc(out, '\n');
}

static void add_rules(struct vantio_buf *out, const struct vantio_policy *p, enum vantio_list list)
{
	cleanup_buf struct vantio_buf spelling = VANTIO_BUF_INIT;

	for (size_t i = 0; i < p->lists[list].n; i++) {
		vantio_buf_reset(&spelling);
		vantio_rule_spell(&p->lists[list].items[i], &spelling);
		if (spelling.failed)
			out->failed = true;
		else
			add_fact(out, vantio_list_name(list), spelling.data);
	}
}

static void add_limits(struct vantio_buf *out, const struct vantio_policy *p)
{
	for (size_t i = 0; i < VANTIO_LIMIT_MAX; i++) {
		const struct vantio_limit *limit = &p->limits[i];

		if (limit->set)
			vantio_buf_printf(out, "limits.%s %" PRIu64 " %" PRIu64 " %s\n", vantio_limit_names[i], limit->max,
					  limit->per_ns, vantio_limit_action_name(limit->action));
	}
}

int vantio_policy_canonical(const struct vantio_policy *p, struct vantio_buf *out, struct vantio_error *err)
{
	static const struct {
		const char *name;
		enum vantio_list first, end;
	} sections[3] = {
		{ "file.default", VANTIO_LIST_FILE_READ, VANTIO_LIST_EXEC_ALLOW },
		{ "exec.default", VANTIO_LIST_EXEC_ALLOW, VANTIO_LIST_NET_CONNECT },
		{ "network.default", VANTIO_LIST_NET_CONNECT, VANTIO_LIST_MAX },
	};

	vantio_buf_puts(out, "vantio-policy 1\n");
	add_fact(out, "mode", p->audit ? "audit" : "enforce");
	add_fact(out, "record", p->record_all ? "all" : "denied");
	add_fact(out, "on_loss", p->loss_block ? "block" : "continue");
	if (p->svid)
		add_fact(out, "agent.svid", p->svid);
	for (size_t i = 0; i < p->n_cgroups; i++)
		add_fact(out, "agent.cgroup", p->cgroups[i]);
	for (size_t i = 0; i < 3; i++) {
		add_fact(out, sections[i].name, p->default_allow[i] ? "allow" : "deny");
		for (enum vantio_list list = sections[i].first; list < sections[i].end; list++)
			add_rules(out, p, list);
	}
	add_limits(out, p);
	for (size_t i = 0; i < VANTIO_SURFACE_MAX; i++)
		vantio_buf_printf(out, "kernel.%s %s\n", vantio_surface_names[i], p->kernel_allow[i] ? "allow" : "deny");
	if (out->failed)
		return vantio_fail(err, ENOMEM, "out of memory");
	return 0;
}
