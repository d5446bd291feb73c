// SPDX-License-Identifier: Apache-2.0
/* Addresses, prefixes and ports into the tree of nodes, over the bytes of vantio_net_key. */
#include "policy/nfa.h"

static uint32_t range_label(struct vantio_nfa *nfa, unsigned int lo, unsigned int hi)
{
	struct vantio_byte_set set = { { 0 } };
	unsigned int c;

	for (c = lo; c <= hi; c++)
		vantio_byte_set_add(&set, (uint8_t)c);
	return vantio_nfa_set(nfa, &set);
}

static uint32_t put_range(struct vantio_nfa *nfa, uint32_t node, unsigned int lo, unsigned int hi)
{
	return node == VANTIO_NFA_NONE ? node : vantio_nfa_child(nfa, node, range_label(nfa, lo, hi));
}

/* Whatever follows is accepted: keys have their lengths from whoever builds them. */
static void put_rest(struct vantio_nfa *nfa, uint32_t node, uint8_t mask)
{
	const uint32_t loop = VANTIO_NFA_LABEL(VANTIO_NFA_LOOP, VANTIO_NFA_SET_ANY);
	uint32_t made = nfa->n_nodes, to;

	if (node == VANTIO_NFA_NONE)
		return;
	to = vantio_nfa_child(nfa, node, VANTIO_NFA_LABEL(VANTIO_NFA_STARS, 0));
	if (to == made)
		vantio_nfa_link(nfa, to, loop, to);
	vantio_nfa_accept(nfa, to, mask);
}

/* The two bytes of a port between lo and hi: the first byte's ends apart from its middle. */
static void put_ports(struct vantio_nfa *nfa, uint32_t node, unsigned int lo, unsigned int hi, uint8_t mask)
{
	const unsigned int lo1 = lo >> 8, lo2 = lo & 0xff, hi1 = hi >> 8, hi2 = hi & 0xff;

	if (lo1 == hi1) {
		vantio_nfa_accept(nfa, put_range(nfa, put_range(nfa, node, lo1, lo1), lo2, hi2), mask);
		return;
	}
	vantio_nfa_accept(nfa, put_range(nfa, put_range(nfa, node, lo1, lo1), lo2, 255), mask);
	vantio_nfa_accept(nfa, put_range(nfa, put_range(nfa, node, hi1, hi1), 0, hi2), mask);
	if (lo1 + 1 < hi1)
		vantio_nfa_accept(nfa, put_range(nfa, put_range(nfa, node, lo1 + 1, hi1 - 1), 0, 255), mask);
}

static void put_address(struct vantio_nfa *nfa, const struct vantio_net_rule *rule, uint8_t key, uint8_t mask)
{
	const unsigned int bytes = rule->family == 4 ? 4 : 16;
	const bool any_port = rule->port_lo == 0 && rule->port_hi == 65535;
	uint32_t node = vantio_nfa_child(nfa, VANTIO_NFA_START, VANTIO_NFA_LABEL(VANTIO_NFA_BYTE, key));
	unsigned int i, bits, span;

	for (i = 0; i < bytes; i++) {
		bits = rule->prefix <= i * 8 ? 0 : rule->prefix - i * 8 < 8 ? rule->prefix - i * 8 : 8;
		if (!bits && any_port)
			break;
		span = 0xffu >> bits;
		node = put_range(nfa, node, rule->addr[i] & ~span, rule->addr[i] | span);
	}
	if (any_port)
		put_rest(nfa, node, mask);
	else
		put_ports(nfa, node, rule->port_lo, rule->port_hi, mask);
}

void vantio_nfa_add_net(struct vantio_nfa *nfa, const struct vantio_net_rule *rule, uint8_t mask)
{
	const bool v4 = rule->family == 4;

	if (rule->protos & VANTIO_PROTO_TCP)
		put_address(nfa, rule, v4 ? VANTIO_NET_TCP4 : VANTIO_NET_TCP6, mask);
	if (rule->protos & VANTIO_PROTO_UDP)
		put_address(nfa, rule, v4 ? VANTIO_NET_UDP4 : VANTIO_NET_UDP6, mask);
}
