/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The evaluator: walks the automata of a policy image and says what they decide. Pure: plain values in, a verdict
 * out, no helper, no state. The kernel programs, `policy explain|test`, the user tier, unit tests and fuzzers compile
 * this very file; they differ only in VANTIO_CELL(table, index), which yields a `const struct vantio_cell *` or NULL
 * where the index lies outside of the image. Define it before including this header to say how cells are reached.
 *
 * Cost: one step, two cells at most, per byte and automaton, whatever the number of rules.
 */
#ifndef VANTIO_EVAL_H
#define VANTIO_EVAL_H

#include "abi.h"

#ifndef VANTIO_CELL
/* User space: `table` is a `const struct vantio_image_view *`. */
struct vantio_image_view {
	const struct vantio_cell *cells;
	__u32 n_cells;
	__u32 pad;
};
#define VANTIO_CELL(table, index) ((index) < (table)->n_cells ? &(table)->cells[(index)] : (const struct vantio_cell *)0)
#define VANTIO_TABLE const struct vantio_image_view *
#endif

/* One byte from one state. */
vantio_inline __u32 vantio_step(VANTIO_TABLE table, __u32 state, __u8 byte)
{
	const struct vantio_cell *cell;

	if (state == VANTIO_STATE_DEAD || state == VANTIO_STATE_ERROR)
		return state;
	cell = VANTIO_CELL(table, state + 1 + byte);
	if (cell && cell->check == state)
		return cell->next;
	cell = VANTIO_CELL(table, state);
	return cell ? cell->next : VANTIO_STATE_ERROR;
}

/* The accept mask of a state; an index outside accepts nothing and sets *bad. */
vantio_inline __u32 vantio_accept(VANTIO_TABLE table, __u32 state, __u32 *bad)
{
	const struct vantio_cell *cell;

	if (state == VANTIO_STATE_DEAD)
		return 0;
	cell = state == VANTIO_STATE_ERROR ? (const struct vantio_cell *)0 : VANTIO_CELL(table, state);
	if (!cell || !(cell->check & VANTIO_CELL_STATE)) {
		*bad = 1;
		return 0;
	}
	return cell->check & VANTIO_CELL_MASK;
}

/* Two walks side by side, so that the memory accesses of one hide those of the other. */
struct vantio_walk {
	__u32 allow; /* states; begin with the header's start states */
	__u32 deny;
};

vantio_inline void vantio_walk_byte(VANTIO_TABLE table, struct vantio_walk *w, __u8 byte)
{
	w->allow = vantio_step(table, w->allow, byte);
	w->deny = vantio_step(table, w->deny, byte);
}

struct vantio_verdict {
	__u32 decision; /* VANTIO_PERMIT or VANTIO_BLOCK */
	__u32 reason;   /* enum vantio_reason */
};

/* deny beats allow beats default; every bit of `access` must be allowed; what cannot be looked up is denied. */
vantio_inline struct vantio_verdict vantio_conclude(__u32 allow_mask, __u32 deny_mask, __u32 bad, __u32 default_allow,
						    __u32 access)
{
	struct vantio_verdict v = { VANTIO_BLOCK, VANTIO_REASON_LOOKUP };

	if (bad || !access)
		return v;
	v.reason = VANTIO_REASON_DENY;
	if (deny_mask & access)
		return v;
	if ((allow_mask & access) == access) {
		v.decision = VANTIO_PERMIT;
		v.reason = VANTIO_REASON_ALLOW;
		return v;
	}
	v.reason = VANTIO_REASON_DEFAULT;
	if (default_allow)
		v.decision = VANTIO_PERMIT;
	return v;
}

/* True for fe80::/10-style helpers the programs share: the IPv4 address inside ::ffff:0:0/96. */
vantio_inline int vantio_is_v4_mapped(const __u8 a[16])
{
	int i;

	for (i = 0; i < 10; i++)
		if (a[i])
			return 0;
	return a[10] == 0xff && a[11] == 0xff;
}

/*
 * Builds the input of the NET automata. `family4` is 1 for four address bytes, 0 for sixteen; `udp` 1 for UDP, 0 for TCP;
 * `port` in host order. `remote` 1 judges the unspecified address as loopback, as a connect reaches it.
 */
vantio_inline void vantio_net_key_build(struct vantio_net_key *key, int family4, int udp, const __u8 *addr, __u16 port, int remote)
{
	int i, zero = 1;

	__builtin_memset(key, 0, sizeof(*key));
	if (!family4 && vantio_is_v4_mapped(addr)) {
		family4 = 1;
		addr += 12;
	}
	if (family4) {
		key->bytes[0] = udp ? VANTIO_NET_UDP4 : VANTIO_NET_TCP4;
		for (i = 0; i < 4; i++) {
			key->bytes[1 + i] = addr[i];
			zero &= !addr[i];
		}
		if (zero && remote) {
			key->bytes[1] = 127;
			key->bytes[4] = 1;
		}
		key->bytes[5] = port >> 8;
		key->bytes[6] = port & 0xff;
		key->len = 7;
		return;
	}
	key->bytes[0] = udp ? VANTIO_NET_UDP6 : VANTIO_NET_TCP6;
	for (i = 0; i < 16; i++) {
		key->bytes[1 + i] = addr[i];
		zero &= !addr[i];
	}
	if (zero && remote)
		key->bytes[16] = 1;
	key->bytes[17] = port >> 8;
	key->bytes[18] = port & 0xff;
	key->len = 19;
}

/* Which of [limits] counts an operation that a hook asks about: enum vantio_limit_op, VANTIO_LIMIT_MAX for what is not counted. */
vantio_inline __u32 vantio_limit_of(__u8 hook, __u8 op)
{
	switch (op) {
	case VANTIO_OP_UNLINK:
	case VANTIO_OP_RMDIR:
		return VANTIO_LIMIT_UNLINK;
	case VANTIO_OP_RENAME:
		return VANTIO_LIMIT_RENAME;
	case VANTIO_OP_CHMOD:
		return VANTIO_LIMIT_CHMOD;
	case VANTIO_OP_TRUNCATE:
		return VANTIO_LIMIT_TRUNCATE;
	case VANTIO_OP_CONNECT:
		return hook == VANTIO_HOOK_SOCKET_CONNECT || hook == VANTIO_HOOK_UNIX_CONNECT ? VANTIO_LIMIT_CONNECT : VANTIO_LIMIT_MAX;
	case VANTIO_OP_EXEC:
		return hook == VANTIO_HOOK_BPRM_CHECK ? VANTIO_LIMIT_EXEC : VANTIO_LIMIT_MAX;
	case VANTIO_OP_FORK:
		return VANTIO_LIMIT_FORK;
	default:
		return VANTIO_LIMIT_MAX;
	}
}

#endif
