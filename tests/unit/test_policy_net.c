// SPDX-License-Identifier: Apache-2.0
/* [network] rules that are well spelled: what they mean, and their one canonical spelling. The others stand in test_policy_bad.c. */
#include "policy_texts.h"

#include <stdio.h>

#include "base/mem.h"
#include "policy/net_rule.h"

#define BOTH (VANTIO_PROTO_TCP | VANTIO_PROTO_UDP)

static const struct row {
	const char *text, *spelling;
	enum vantio_net_kind kind;
	uint8_t protos, family, prefix;
	uint16_t port_lo, port_hi;
} rows[] = {
	{ "api.example.org:443", "api.example.org:443", VANTIO_NET_NAME, BOTH, 0, 0, 443, 443 },
	{ "API.Example.ORG.:443", "api.example.org:443", VANTIO_NET_NAME, BOTH, 0, 0, 443, 443 },
	{ "localhost", "localhost", VANTIO_NET_NAME, BOTH, 0, 0, 0, 65535 },
	{ "tcp:my_host-1:*", "tcp:my_host-1", VANTIO_NET_NAME, VANTIO_PROTO_TCP, 0, 0, 0, 65535 },
	{ "tcp:tcp.example:80", "tcp:tcp.example:80", VANTIO_NET_NAME, VANTIO_PROTO_TCP, 0, 0, 80, 80 },
	{ "foo:80", "foo:80", VANTIO_NET_NAME, BOTH, 0, 0, 80, 80 },
	{ "*.example.org:1-2", "*.example.org:1-2", VANTIO_NET_SUFFIX, BOTH, 0, 0, 1, 2 },
	{ "udp:*.Example.org.", "udp:*.example.org", VANTIO_NET_SUFFIX, VANTIO_PROTO_UDP, 0, 0, 0, 65535 },
	{ "10.0.0.0/8:5432", "10.0.0.0/8:5432", VANTIO_NET_ADDRESS, BOTH, 4, 8, 5432, 5432 },
	{ "169.254.169.254", "169.254.169.254", VANTIO_NET_ADDRESS, BOTH, 4, 32, 0, 65535 },
	{ "192.0.2.7/32:80-80", "192.0.2.7:80", VANTIO_NET_ADDRESS, BOTH, 4, 32, 80, 80 },
	{ "0.0.0.0/0:443", "0.0.0.0/0:443", VANTIO_NET_ADDRESS, BOTH, 4, 0, 443, 443 },
	{ "udp:127.0.0.53:53", "udp:127.0.0.53:53", VANTIO_NET_ADDRESS, VANTIO_PROTO_UDP, 4, 32, 53, 53 },
	{ "[::]/0:1-65535", "[::]/0:1-65535", VANTIO_NET_ADDRESS, BOTH, 6, 0, 1, 65535 },
	{ "[2001:DB8::]/32:443", "[2001:db8::]/32:443", VANTIO_NET_ADDRESS, BOTH, 6, 32, 443, 443 },
	{ "[2001:db8:0:0:0:0:0:1]", "[2001:db8::1]", VANTIO_NET_ADDRESS, BOTH, 6, 128, 0, 65535 },
	{ "tcp:[::1]:8080", "tcp:[::1]:8080", VANTIO_NET_ADDRESS, VANTIO_PROTO_TCP, 6, 128, 8080, 8080 },
	{ "[fe80::]/65", "[fe80::]/65", VANTIO_NET_ADDRESS, BOTH, 6, 65, 0, 65535 },
	{ "[::ffff:10.0.0.1]:80", "10.0.0.1:80", VANTIO_NET_ADDRESS, BOTH, 4, 32, 80, 80 },
	{ "[::ffff:a00:1]", "10.0.0.1", VANTIO_NET_ADDRESS, BOTH, 4, 32, 0, 65535 },
	{ "[::ffff:10.0.0.0]/104", "10.0.0.0/8", VANTIO_NET_ADDRESS, BOTH, 4, 8, 0, 65535 },
	{ "[::ffff:0.0.0.0]/96", "0.0.0.0/0", VANTIO_NET_ADDRESS, BOTH, 4, 0, 0, 65535 },
	{ "unix:/run/*.sock", "unix:/run/*.sock", VANTIO_NET_UNIX_GLOB, 0, 0, 0, 0, 0 },
	{ "unix:**/docker.sock", "unix:**/docker.sock", VANTIO_NET_UNIX_GLOB, 0, 0, 0, 0, 0 },
	{ "unix:@/tmp/.X11-unix/X0", "unix:@/tmp/.X11-unix/X0", VANTIO_NET_UNIX_ABSTRACT, 0, 0, 0, 0, 0 },
	{ "unix:@a *[\\x", "unix:@a *[\\x", VANTIO_NET_UNIX_ABSTRACT, 0, 0, 0, 0, 0 },
};

static void net_rule_spellings_mean_what_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		cleanup_buf struct vantio_buf spelling = VANTIO_BUF_INIT;
		struct vantio_net_rule rule = { 0 };
		struct vantio_error err = { 0 };

		if (vantio_net_rule_parse(row->text, strlen(row->text), &rule, &err) < 0)
			fail_msg("%s: %s", row->text, err.text);
		vantio_net_rule_spell(&rule, &spelling);
		assert_string_equal(spelling.data, row->spelling);
		assert_int_equal(rule.kind, row->kind);
		assert_int_equal(rule.protos, row->protos);
		assert_int_equal(rule.family, row->family);
		assert_int_equal(rule.prefix, row->prefix);
		assert_int_equal(rule.port_lo, row->port_lo);
		assert_int_equal(rule.port_hi, row->port_hi);
		vantio_net_rule_free(&rule);
	}
}

static void net_rule_names_stop_at_253_bytes(void **state)
{
	char name[256];
	struct vantio_net_rule rule = { 0 };
	struct vantio_error err = { 0 };

	(void)state;
	memset(name, 'a', sizeof(name));
	for (size_t i = 63; i < sizeof(name); i += 64)
		name[i] = '.';
	assert_int_equal(vantio_net_rule_parse(name, 253, &rule, &err), 0);
	assert_int_equal(rule.host_len, 253);
	vantio_net_rule_free(&rule);
	assert_true(vantio_net_rule_parse(name, 254, &rule, &err) < 0);
	assert_non_null(strstr(err.text, "254 bytes"));
	assert_null(rule.host);
}

static void net_rule_every_prefix_keeps_its_bits(void **state)
{
	(void)state;
	for (unsigned int bits = 0; bits <= 32; bits++) {
		uint32_t mask = bits ? ~0u << (32 - bits) : 0, addr = 0xaaaaaaaau & mask;
		struct vantio_net_rule rule = { 0 };
		struct vantio_error err = { 0 };
		char text[64];

		snprintf(text, sizeof(text), "%u.%u.%u.%u/%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255, bits);
		if (vantio_net_rule_parse(text, strlen(text), &rule, &err) < 0)
			fail_msg("%s: %s", text, err.text);
		assert_int_equal(rule.prefix, bits);
		if (bits == 32)
			continue;
		addr |= 1;
		snprintf(text, sizeof(text), "%u.%u.%u.%u/%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255, bits);
		assert_true(vantio_net_rule_parse(text, strlen(text), &rule, &err) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(net_rule_spellings_mean_what_they_say),
		cmocka_unit_test(net_rule_names_stop_at_253_bytes),
		cmocka_unit_test(net_rule_every_prefix_keeps_its_bits),
	};

	return cmocka_run_group_tests_name("policy_net", tests, NULL, NULL);
}
