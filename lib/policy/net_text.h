/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files that read [network] rules share: pieces of the rule's text, and addresses. */
#ifndef VANTIO_POLICY_NET_TEXT_H
#define VANTIO_POLICY_NET_TEXT_H

#include <string.h>

#include "policy/policy.h"

#define QUOTE_MAX 120
#define VANTIO_NET_ADDR_TEXT 46 /* INET6_ADDRSTRLEN */

/* A piece of the rule's text. */
struct slice {
	const char *at;
	size_t len;
};

#define S(s) (int)((s).len < QUOTE_MAX ? (s).len : QUOTE_MAX), (s).at

static inline bool slice_is(struct slice s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

static inline bool slice_begins(struct slice s, const char *with)
{
	return s.len >= strlen(with) && memcmp(s.at, with, strlen(with)) == 0;
}

static struct slice slice_from(struct slice s, size_t n)
{
	return (struct slice){ s.at + n, s.len - n };
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool all_digits(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_digit(s.at[i]))
			return false;
	return s.len > 0;
}

/* net_addr.c: fill kind, family, addr and prefix, v4-mapped turned into IPv4. `host` is "ADDRESS[/PREFIX]". */
int vantio_net_parse_ipv4(struct slice host, struct vantio_net_rule *r, struct vantio_error *err);
/* `inner` stands between the brackets, `behind` is what follows them up to the port. */
int vantio_net_parse_ipv6(struct slice inner, struct slice behind, struct vantio_net_rule *r, struct vantio_error *err);
/* The refusal of what only looks like an IPv4 address. */
int vantio_net_fail_ipv4(struct slice host, struct vantio_error *err);
/* The text of an IPv6 address as binary; false if it is none. */
bool vantio_net_read_ipv6(struct slice s, uint8_t addr[16]);
void vantio_net_show_address(const struct vantio_net_rule *r, char out[VANTIO_NET_ADDR_TEXT]);

#endif
