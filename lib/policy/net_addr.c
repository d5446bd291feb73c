// SPDX-License-Identifier: Apache-2.0
/* Addresses and networks of [network] rules. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "policy/net_text.h"

void vantio_net_show_address(const struct vantio_net_rule *r, char out[VANTIO_NET_ADDR_TEXT])
{
	inet_ntop(r->family == 4 ? AF_INET : AF_INET6, r->addr, out, INET6_ADDRSTRLEN);
}

/* Clears the bits behind the prefix; true if one was set. */
static bool clear_host_bits(struct vantio_net_rule *r)
{
	unsigned int bytes = r->family == 4 ? 4 : 16;
	bool set = false;

	for (unsigned int i = 0; i < bytes; i++) {
		unsigned int keep = r->prefix >= 8 * (i + 1) ? 8 : r->prefix > 8 * i ? r->prefix - 8 * i : 0;
		uint8_t mask = (uint8_t)(0xff00u >> keep);

		set = set || (r->addr[i] & ~mask & 0xff);
		r->addr[i] &= mask;
	}
	return set;
}

static void unmap(struct vantio_net_rule *r)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (r->family != 6 || r->prefix < 96 || memcmp(r->addr, mapped, sizeof(mapped)) != 0)
		return;
	memmove(r->addr, r->addr + 12, 4);
	memset(r->addr + 4, 0, 12);
	r->family = 4;
	r->prefix = (uint8_t)(r->prefix - 96);
}

static int parse_prefix(struct slice s, struct vantio_net_rule *r, struct vantio_error *err)
{
	unsigned int bits = r->family == 4 ? 32 : 128;
	uint64_t prefix = bits;
	char whole[INET6_ADDRSTRLEN], net[INET6_ADDRSTRLEN];
	const char *open, *close;

	if (s.len > 0 && !vantio_parse_u64(s.at + 1, s.len - 1, bits, &prefix))
		return vantio_fail(err, EINVAL, "'%.*s' is not a prefix length: write / and a number from 0 to %u, without leading zeros",
				   S(s), bits);
	r->prefix = (uint8_t)prefix;
	unmap(r);
	vantio_net_show_address(r, whole);
	if (!clear_host_bits(r))
		return 0;
	vantio_net_show_address(r, net);
	open = r->family == 6 ? "[" : "";
	close = r->family == 6 ? "]" : "";
	return vantio_fail(err, EINVAL, "%s%s%s/%u has bits set behind its prefix: write %s%s%s/%u for the network, or %s%s%s for the one address",
			   open, whole, close, r->prefix, open, net, close, r->prefix, open, whole, close);
}

int vantio_net_fail_ipv4(struct slice host, struct vantio_error *err)
{
	struct slice rest = host;
	size_t n = 1;

	for (size_t i = 0; i < host.len; i++)
		n += host.at[i] == '.';
	while (n == 4 && rest.len > 0) {
		const char *dot = memchr(rest.at, '.', rest.len);
		struct slice part = { rest.at, dot ? (size_t)(dot - rest.at) : rest.len };

		if (all_digits(part) && part.len > 1 && part.at[0] == '0')
			return vantio_fail(err, EINVAL, "'%.*s' in the address %.*s has a leading zero, which some programs read as octal: leave it away",
					   S(part), S(host));
		rest = slice_from(rest, part.len < rest.len ? part.len + 1 : part.len);
	}
	return vantio_fail(err, EINVAL, "'%.*s' is not an IPv4 address: write four numbers from 0 to 255, as in 192.0.2.7 or 192.0.2.0/24",
			   S(host));
}

int vantio_net_parse_ipv4(struct slice host, struct vantio_net_rule *r, struct vantio_error *err)
{
	const char *slash = memchr(host.at, '/', host.len);
	struct slice addr = { host.at, slash ? (size_t)(slash - host.at) : host.len };
	char text[INET_ADDRSTRLEN];

	if (addr.len >= sizeof(text))
		return vantio_net_fail_ipv4(addr, err);
	memcpy(text, addr.at, addr.len);
	text[addr.len] = '\0';
	/* inet_pton takes four decimal numbers without leading zeros and nothing else. */
	if (inet_pton(AF_INET, text, r->addr) != 1)
		return vantio_net_fail_ipv4(addr, err);
	r->kind = VANTIO_NET_ADDRESS;
	r->family = 4;
	return parse_prefix(slice_from(host, addr.len), r, err);
}

bool vantio_net_read_ipv6(struct slice s, uint8_t addr[16])
{
	char text[INET6_ADDRSTRLEN];

	if (s.len >= sizeof(text))
		return false;
	memcpy(text, s.at, s.len);
	text[s.len] = '\0';
	return inet_pton(AF_INET6, text, addr) == 1;
}

int vantio_net_parse_ipv6(struct slice inner, struct slice behind, struct vantio_net_rule *r, struct vantio_error *err)
{
	const char *mark = memchr(inner.at, '%', inner.len);

	if (mark)
		return vantio_fail(err, EINVAL, "a rule has no zone: write [%.*s]; it holds on every interface",
				   S(((struct slice){ inner.at, (size_t)(mark - inner.at) })));
	mark = memchr(inner.at, '/', inner.len);
	if (mark) {
		struct slice addr = { inner.at, (size_t)(mark - inner.at) };

		return vantio_fail(err, EINVAL, "the prefix stands behind the brackets: write [%.*s]%.*s", S(addr),
				   S(slice_from(inner, addr.len)));
	}
	if (!vantio_net_read_ipv6(inner, r->addr)) {
		uint8_t v4[4];
		char text[INET_ADDRSTRLEN] = "";

		memcpy(text, inner.at, inner.len < sizeof(text) ? inner.len : 0);
		text[sizeof(text) - 1] = '\0';
		if (inet_pton(AF_INET, text, v4) == 1)
			return vantio_fail(err, EINVAL, "only IPv6 addresses stand in brackets: write %s", text);
		return vantio_fail(err, EINVAL, "'%.*s' is not an IPv6 address, such as [2001:db8::1] or [2001:db8::]/32", S(inner));
	}
	r->kind = VANTIO_NET_ADDRESS;
	r->family = 6;
	return parse_prefix(behind, r, err);
}
