// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions about addresses, and about the names of abstract unix sockets. */
#include "ruling.h"

/* Bytes of a key or a name become the text that is scanned: put at its end, as paths are. */
vantio_inline void vantio_text_from_key(struct vantio_text *t, const struct vantio_net_key *key)
{
	__u32 i, n = key->len == 7 ? 7 : VANTIO_NET_KEY_MAX;

	t->off = VANTIO_PATH_MAX - n;
	for (i = 0; i < VANTIO_NET_KEY_MAX; i++)
		if (i < n)
			t->bytes[(t->off + i) & (VANTIO_PATH_MAX - 1)] = key->bytes[i];
}

/* Judges an address, or with VANTIO_ASK_BOTH the one that it stands for too. 0 when a push came between the answers. */
__attribute__((noinline)) int vantio_rule_net(struct vantio_ask_net *ask, struct vantio_scratch *s, __u32 slot)
{
	struct vantio_ruling *r;
	struct vantio_net_key key;

	if (!ask || !s)
		return 0;
	r = &s->ruling;
	vantio_net_key_build(&key, ask->family4, ask->udp, ask->addr, ask->port, ask->remote);
	vantio_text_from_key(&s->path, &key);
	vantio_scan(slot, VANTIO_DOMAIN_NET, &s->path, &s->from);
	vantio_same_image(r, &s->from, 1);
	vantio_take(r, &s->from, ask->access);
	s->event.family = ask->family4 ? 2 : 10;
	if (r->decision != VANTIO_PERMIT || !(ask->flags & VANTIO_ASK_BOTH))
		return 1;
	vantio_net_key_build(&key, 1, ask->udp, ask->addr, ask->port, ask->remote);
	vantio_text_from_key(&s->path, &key);
	vantio_scan(slot, VANTIO_DOMAIN_NET, &s->path, &s->to);
	if (!vantio_same_image(r, &s->to, 0))
		return 0;
	vantio_take(r, &s->to, ask->access);
	if (r->decision != VANTIO_PERMIT)
		s->event.family = 2; /* the rule is that of 0.0.0.0 */
	return 1;
}

vantio_inline int vantio_judge_net(struct vantio_ask_net *ask, struct vantio_label *label, int in_task)
{
	struct vantio_scratch *s;
	int i, refuse;

	if (!ask || !label)
		return 1;
	s = vantio_begin(label, ask->hook, ask->op, ask->access, VANTIO_OBJECT_NET);
	if (!s)
		return vantio_refuse_unrecorded(label->agent);
	for (i = 0; i < VANTIO_ATTEMPTS; i++) {
		if (vantio_rule_net(ask, s, s->event.slot))
			break;
		vantio_rule(&s->ruling, VANTIO_BLOCK, VANTIO_REASON_LOOKUP);
	}
	s->path.off = VANTIO_PATH_MAX; /* the event has the address in its own members */
	s->event.sock_type = ask->udp ? 2 : 1;
	s->event.sock_proto = ask->udp ? 17 : 6;
	s->event.port = ask->port;
	__builtin_memcpy(s->event.addr, ask->addr, sizeof(s->event.addr));
	refuse = in_task ? vantio_finish(s, label, ask->flags) : vantio_finish_cgroup(s, label, ask->flags);
	vantio_scratch_give(s);
	return refuse;
}

__attribute__((noinline)) int vantio_decide_net(struct vantio_ask_net *ask, struct vantio_label *label)
{
	return vantio_judge_net(ask, label, 1);
}

/* Cgroup programs may not read the caller's registers or memory map. */
__attribute__((noinline)) int vantio_decide_net_cgroup(struct vantio_ask_net *ask, struct vantio_label *label)
{
	return vantio_judge_net(ask, label, 0);
}

__attribute__((noinline)) int vantio_decide_abstract(struct vantio_ask_abstract *ask, struct vantio_label *label)
{
	struct vantio_scratch *s;
	struct vantio_answer *a;
	__u32 len, off;

	if (!ask || !label)
		return 1;
	s = vantio_begin(label, ask->hook, ask->op, ask->access, VANTIO_OBJECT_UNIX);
	if (!s)
		return vantio_refuse_unrecorded(label->agent);
	a = &s->from;
	len = ask->len & 127;
	off = VANTIO_PATH_MAX - len;
	if (len && bpf_probe_read_kernel(&s->path.bytes[off & (VANTIO_PATH_MAX - 1)], len, (void *)ask->name))
		s->path.flags = VANTIO_TEXT_FAILED;
	off--;
	s->path.bytes[off & (VANTIO_PATH_MAX - 1)] = '@';
	s->path.off = off;
	vantio_scan(s->event.slot, VANTIO_DOMAIN_UNIX, &s->path, a);
	vantio_same_image(&s->ruling, a, 1);
	vantio_take(&s->ruling, a, ask->access);
	if (s->path.flags)
		vantio_rule(&s->ruling, VANTIO_BLOCK, VANTIO_REASON_PATH);
	return vantio_end(s, label, 0);
}

char vantio_license[] SEC("license") __attribute__((weak)) = "Dual BSD/GPL";
