// SPDX-License-Identifier: Apache-2.0
/*
 * One [network] rule or target: "[proto:]host[:port]", "unix:GLOB", "unix:@name" (DESIGN 3). Every refusal offers the
 * spelling that was probably meant. Hosts are told apart by their form alone; nothing is resolved.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/glob.h"
#include "policy/net_rule.h"
#include "policy/net_text.h"

#define HOST_MAX     253
#define LABEL_MAX    63
#define ABSTRACT_MAX 107 /* sun_path less the NUL in front */

void vantio_net_rule_free(struct vantio_net_rule *r)
{
	free(r->host);
	*r = (struct vantio_net_rule){ 0 };
}

static int set_host(struct vantio_net_rule *r, const char *bytes, size_t len, struct vantio_error *err)
{
	r->host = malloc(len + 1);
	if (!r->host)
		return vantio_fail(err, ENOMEM, "out of memory");
	memcpy(r->host, bytes, len);
	r->host[len] = '\0';
	r->host_len = len;
	return 0;
}

/* ---- ports ---- */

static int parse_port(struct slice s, uint16_t *ret, struct vantio_error *err)
{
	uint64_t port;

	if (all_digits(s) && s.len > 1 && s.at[0] == '0') {
		while (s.len > 1 && s.at[0] == '0')
			s = slice_from(s, 1);
		return vantio_fail(err, EINVAL, "a port has no leading zeros: write %.*s", S(s));
	}
	if (!all_digits(s) || !vantio_parse_u64(s.at, s.len, 65535, &port))
		return vantio_fail(err, EINVAL, "'%.*s' is not a port: write a number from 1 to 65535, a range such as 8000-8999, or *",
				   S(s));
	if (port == 0)
		return vantio_fail(err, EINVAL, "port 0 is no port: write * for any port, which is also what a bind to port 0 needs");
	*ret = (uint16_t)port;
	return 0;
}

static int parse_ports(struct slice s, struct vantio_net_rule *r, struct vantio_error *err)
{
	const char *dash;
	struct slice low, high;
	int e;

	if (slice_is(s, "*")) {
		r->port_lo = 0;
		r->port_hi = 65535;
		return 0;
	}
	if (s.len == 0)
		return vantio_fail(err, EINVAL, "nothing behind the last ':': write a port, a range, or leave the ':' away for any port");
	dash = memchr(s.at, '-', s.len);
	if (!dash) {
		e = parse_port(s, &r->port_lo, err);
		r->port_hi = r->port_lo;
		return e;
	}
	low = (struct slice){ s.at, (size_t)(dash - s.at) };
	high = slice_from(s, low.len + 1);
	e = parse_port(low, &r->port_lo, err);
	if (e == 0)
		e = parse_port(high, &r->port_hi, err);
	if (e == 0 && r->port_lo > r->port_hi)
		return vantio_fail(err, EINVAL, "the port range %u-%u runs backwards: write %u-%u", r->port_lo, r->port_hi,
				   r->port_hi, r->port_lo);
	return e;
}

/* ---- names ---- */

static int check_label(struct slice label, struct slice host, struct vantio_error *err)
{
	if (label.len == 0)
		return vantio_fail(err, EINVAL, "the host name '%.*s' has an empty part: remove the extra dot", S(host));
	if (label.len > LABEL_MAX)
		return vantio_fail(err, EINVAL, "a part of the host name is %zu bytes long; DNS allows %d", label.len, LABEL_MAX);
	for (size_t i = 0; i < label.len; i++) {
		char c = label.at[i];

		if (c == '*')
			return vantio_fail(err, EINVAL, "'*' stands for whole names in front only, as in *.example.org, which covers every depth");
		if ((unsigned char)c >= 0x80)
			return vantio_fail(err, EINVAL, "a host name is written in ASCII: write the punycode form, which begins with xn--");
		if (!is_alnum(c) && c != '-' && c != '_')
			return vantio_fail(err, EINVAL, "'%c' cannot be part of a host name: letters, digits, '-', '_' and dots can", c);
	}
	return 0;
}

static int parse_name(struct slice host, struct vantio_net_rule *r, struct vantio_error *err)
{
	struct slice rest;
	int e;

	r->kind = VANTIO_NET_NAME;
	if (slice_begins(host, "*.")) {
		r->kind = VANTIO_NET_SUFFIX;
		host = slice_from(host, 2);
	}
	if (host.len > 1 && host.at[host.len - 1] == '.')
		host.len--;
	if (host.len > HOST_MAX)
		return vantio_fail(err, EINVAL, "the host name is %zu bytes long; DNS allows %d", host.len, HOST_MAX);
	rest = host;
	for (;;) {
		const char *dot = memchr(rest.at, '.', rest.len);
		struct slice label = { rest.at, dot ? (size_t)(dot - rest.at) : rest.len };

		e = check_label(label, host, err);
		if (e < 0)
			return e;
		if (!dot) {
			if (all_digits(label))
				return vantio_net_fail_ipv4(host, err);
			break;
		}
		rest = slice_from(rest, label.len + 1);
	}
	e = set_host(r, host.at, host.len, err);
	for (size_t i = 0; e == 0 && i < host.len; i++)
		if (r->host[i] >= 'A' && r->host[i] <= 'Z')
			r->host[i] = (char)(r->host[i] - 'A' + 'a');
	if (e < 0)
		return e;
	if (r->kind == VANTIO_NET_NAME && (!strcmp(r->host, "tcp") || !strcmp(r->host, "udp") || !strcmp(r->host, "unix")))
		return vantio_fail(err, EINVAL, "'%s' is not a host but what stands before one: write tcp:HOST:PORT, udp:HOST:PORT or unix:PATH", r->host);
	return 0;
}

static bool looks_ipv4(struct slice host)
{
	size_t n = 0;
	bool dots = false;

	for (; n < host.len && host.at[n] != '/'; n++) {
		if (!is_digit(host.at[n]) && host.at[n] != '.')
			return false;
		dots = dots || host.at[n] == '.';
	}
	return n > 0 && dots && is_digit(host.at[0]);
}

static int parse_host(struct slice host, struct vantio_net_rule *r, struct vantio_error *err)
{
	const char *slash = memchr(host.at, '/', host.len);

	if (host.len == 0)
		return vantio_fail(err, EINVAL, "the host is missing: write a name, an address or a network, as in api.example.org:443");
	if (slice_is(host, "*"))
		return vantio_fail(err, EINVAL, "a bare '*' is no host: write 0.0.0.0/0 and [::]/0 for every address, or *.example.org for the names below one");
	if (looks_ipv4(host))
		return vantio_net_parse_ipv4(host, r, err);
	if (slash)
		return vantio_fail(err, EINVAL, "only addresses take a prefix, and '%.*s' is not one: write the name alone, or a network such as 192.0.2.0/24",
				   S(((struct slice){ host.at, (size_t)(slash - host.at) })));
	return parse_name(host, r, err);
}

/* ---- the whole ---- */

static int parse_unix(struct slice s, struct vantio_net_rule *r, struct vantio_error *err)
{
	int e;

	if (s.len > 0 && s.at[0] == '@') {
		s = slice_from(s, 1);
		if (s.len == 0)
			return vantio_fail(err, EINVAL, "the abstract socket has no name: write unix:@NAME");
		if (s.len > ABSTRACT_MAX)
			return vantio_fail(err, EINVAL, "an abstract socket's name is at most %d bytes; this one has %zu", ABSTRACT_MAX, s.len);
		r->kind = VANTIO_NET_UNIX_ABSTRACT;
		return set_host(r, s.at, s.len, err);
	}
	if (s.len == 0 || (s.at[0] != '/' && !slice_is(s, "**") && !slice_begins(s, "**/")))
		return vantio_fail(err, EINVAL, "a unix rule is unix: and a path that begins with / or **/, as in unix:/run/docker.sock, or unix:@NAME");
	e = vantio_glob_check(s.at, s.len, err);
	if (e < 0)
		return e;
	r->kind = VANTIO_NET_UNIX_GLOB;
	return set_host(r, s.at, s.len, err);
}

/* What has two colons or more and no brackets. */
static int fail_colons(struct slice s, struct vantio_error *err)
{
	const char *slash = memchr(s.at, '/', s.len), *colon = memrchr(s.at, ':', s.len);
	struct slice addr = { s.at, slash ? (size_t)(slash - s.at) : s.len };
	struct slice head = { s.at, (size_t)(colon - s.at) };
	const char *zone = memchr(addr.at, '%', addr.len);
	uint8_t unused[16];

	if (zone)
		return vantio_fail(err, EINVAL, "a rule has no zone, and IPv6 addresses stand in brackets: write [%.*s]",
				   S(((struct slice){ s.at, (size_t)(zone - s.at) })));
	if (vantio_net_read_ipv6(addr, unused))
		return vantio_fail(err, EINVAL, "IPv6 addresses stand in brackets: write [%.*s]%.*s", S(addr), S(slice_from(s, addr.len)));
	if (vantio_net_read_ipv6(head, unused))
		return vantio_fail(err, EINVAL, "IPv6 addresses stand in brackets: write [%.*s]%.*s", S(head), S(slice_from(s, head.len)));
	return vantio_fail(err, EINVAL, "'%.*s' has too many ':': a rule is [tcp:|udp:]HOST[:PORT], with IPv6 addresses in brackets", S(s));
}

/* Splits "[inner]behind:port"; s begins with the bracket. */
static int parse_bracketed(struct slice s, struct vantio_net_rule *r, struct vantio_error *err)
{
	const char *close = memchr(s.at, ']', s.len), *colon;
	struct slice inner, behind;
	int e;

	if (!close)
		return vantio_fail(err, EINVAL, "the bracket is not closed: write [ADDRESS], as in [2001:db8::1]:443");
	inner = (struct slice){ s.at + 1, (size_t)(close - s.at) - 1 };
	behind = slice_from(s, inner.len + 2);
	colon = memchr(behind.at, ':', behind.len);
	if (colon) {
		struct slice port = slice_from(behind, (size_t)(colon - behind.at) + 1);

		behind.len = (size_t)(colon - behind.at);
		e = parse_ports(port, r, err);
		if (e < 0)
			return e;
	}
	if (behind.len > 0 && behind.at[0] != '/')
		return vantio_fail(err, EINVAL, "'%.*s' behind the bracket is neither a prefix nor a port: write [ADDRESS]/PREFIX:PORT", S(behind));
	return vantio_net_parse_ipv6(inner, behind, r, err);
}

static int parse_proto(struct slice *s, struct vantio_net_rule *r, struct vantio_error *err)
{
	const char *colon = memchr(s->at, ':', s->len);
	struct slice word = { s->at, colon ? (size_t)(colon - s->at) : 0 };

	r->protos = VANTIO_PROTO_TCP | VANTIO_PROTO_UDP;
	if (!colon)
		return 0;
	if (slice_is(word, "tcp")) {
		r->protos = VANTIO_PROTO_TCP;
	} else if (slice_is(word, "udp")) {
		r->protos = VANTIO_PROTO_UDP;
	} else if (word.len == 3 && (strncasecmp(word.at, "tcp", 3) == 0 || strncasecmp(word.at, "udp", 3) == 0)) {
		return vantio_fail(err, EINVAL, "protocols are written small: write %s:%.*s",
				   strncasecmp(word.at, "tcp", 3) == 0 ? "tcp" : "udp", S(slice_from(*s, 4)));
	} else {
		static const char *const others[] = { "sctp", "icmp", "icmp6", "icmpv6", "dccp", "mptcp", "raw", "any", "ip" };

		for (size_t i = 0; i < VANTIO_ARRAY_SIZE(others); i++)
			if (slice_is(word, others[i]) && memchr(colon + 1, ':', s->len - word.len - 1))
				return vantio_fail(err, EINVAL, "a rule names tcp: or udp:, not %s:; leave the protocol away for both, every other one follows the default",
						   others[i]);
		return 0;
	}
	*s = slice_from(*s, 4);
	return 0;
}

/* "https://host:port/path": what people paste. */
static int fail_url(struct slice s, const char *scheme_end, struct vantio_error *err)
{
	struct slice host = slice_from(s, (size_t)(scheme_end - s.at) + 3);
	const char *slash = memchr(host.at, '/', host.len);
	bool http = slice_begins(s, "http:");

	if (slash)
		host.len = (size_t)(slash - host.at);
	if (memchr(host.at, ':', host.len))
		return vantio_fail(err, EINVAL, "a rule is no URL: write %.*s", S(host));
	return vantio_fail(err, EINVAL, "a rule is no URL: write %.*s:%s", S(host), http ? "80" : "443");
}

static int parse_inet(struct slice s, struct vantio_net_rule *r, struct vantio_error *err)
{
	const char *url = memmem(s.at, s.len, "://", 3), *colon;
	struct slice host;
	int e;

	if (url)
		return fail_url(s, url, err);
	e = parse_proto(&s, r, err);
	if (e < 0)
		return e;
	r->port_hi = 65535;
	if (s.len > 0 && s.at[0] == '[')
		return parse_bracketed(s, r, err);
	colon = memchr(s.at, ':', s.len);
	host = (struct slice){ s.at, colon ? (size_t)(colon - s.at) : s.len };
	if (colon && memchr(colon + 1, ':', s.len - host.len - 1))
		return fail_colons(s, err);
	if (colon) {
		e = parse_ports(slice_from(s, host.len + 1), r, err);
		if (e < 0)
			return e;
	}
	return parse_host(host, r, err);
}

/* The texts quote pieces of the rule as they were: nothing of it may act on a terminal. */
static int fail_escaped(struct vantio_error *err)
{
	cleanup_free char *safe = vantio_escape_dup(err->text, strlen(err->text));

	return vantio_fail(err, err->code, "%s", safe ? safe : "not a network rule");
}

int vantio_net_rule_parse(const char *text, size_t len, struct vantio_net_rule *ret, struct vantio_error *err)
{
	struct vantio_net_rule r = { 0 };
	struct slice s = { text, len };
	int e;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' && !slice_begins(s, "unix:"))
			return vantio_fail(err, EINVAL, text[i] == ' ' ? "a rule holds no spaces: remove them" : "a rule holds no control characters");
	if (memchr(text, '\0', len))
		return vantio_fail(err, EINVAL, "a NUL byte cannot be part of a socket's name");
	e = slice_begins(s, "unix:") ? parse_unix(slice_from(s, 5), &r, err) : parse_inet(s, &r, err);
	if (e < 0) {
		vantio_net_rule_free(&r);
		return fail_escaped(err);
	}
	*ret = r;
	return 0;
}

void vantio_net_rule_spell(const struct vantio_net_rule *r, struct vantio_buf *out)
{
	char addr[VANTIO_NET_ADDR_TEXT];

	if (r->kind == VANTIO_NET_UNIX_GLOB || r->kind == VANTIO_NET_UNIX_ABSTRACT) {
		vantio_buf_puts(out, r->kind == VANTIO_NET_UNIX_ABSTRACT ? "unix:@" : "unix:");
		vantio_buf_add(out, r->host, r->host_len);
		return;
	}
	if (r->protos != (VANTIO_PROTO_TCP | VANTIO_PROTO_UDP))
		vantio_buf_puts(out, r->protos == VANTIO_PROTO_TCP ? "tcp:" : "udp:");
	if (r->kind == VANTIO_NET_ADDRESS) {
		vantio_net_show_address(r, addr);
		vantio_buf_printf(out, r->family == 6 ? "[%s]" : "%s", addr);
		if (r->prefix != (r->family == 4 ? 32 : 128))
			vantio_buf_printf(out, "/%u", r->prefix);
	} else {
		vantio_buf_puts(out, r->kind == VANTIO_NET_SUFFIX ? "*." : "");
		vantio_buf_add(out, r->host, r->host_len);
	}
	if (r->port_lo == 0 && r->port_hi == 65535)
		return;
	vantio_buf_printf(out, r->port_lo == r->port_hi ? ":%u" : ":%u-%u", r->port_lo, r->port_hi);
}
