// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions that have no name to match: surfaces of [kernel], socket families, and what only a halt or a limit can refuse. */
#include "ruling.h"

vantio_inline void vantio_rule_surface(const struct vantio_ask_surface *ask, struct vantio_ruling *r, const struct vantio_answer *a)
{
	vantio_rule(r, VANTIO_BLOCK, ask->reason);
	if (ask->flags & VANTIO_ASK_PROTECTED)
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_PROTECTED);
	else if (a->bad)
		vantio_rule(r, VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
	else if (ask->reason == VANTIO_REASON_UNGOVERNED)
		vantio_rule(r, VANTIO_PERMIT, ask->reason);
	else if (ask->reason == VANTIO_REASON_SURFACE && !(a->kernel_deny >> (ask->surface & 31) & 1))
		vantio_rule(r, VANTIO_PERMIT, ask->reason);
	else if (ask->reason == VANTIO_REASON_FAMILY && a->default_allow)
		vantio_rule(r, VANTIO_PERMIT, VANTIO_REASON_DEFAULT);
}

__attribute__((noinline)) int vantio_decide_surface(struct vantio_ask_surface *ask, struct vantio_label *label)
{
	struct vantio_scratch *s;

	if (!ask || !label)
		return 1;
	s = vantio_begin(label, ask->hook, ask->op, 0, VANTIO_OBJECT_TARGET);
	if (!s)
		return vantio_refuse_unrecorded(label->agent);
	vantio_scan_nothing(s->event.slot, VANTIO_DOMAIN_NET, &s->from);
	vantio_same_image(&s->ruling, &s->from, 1);
	vantio_rule_surface(ask, &s->ruling, &s->from);
	s->event.surface = ask->surface;
	s->event.family = ask->family;
	s->event.sock_type = ask->type;
	s->event.sock_proto = ask->proto;
	s->event.target = ask->target;
	return vantio_end(s, label, ask->flags);
}

char vantio_license[] SEC("license") __attribute__((weak)) = "Dual BSD/GPL";
