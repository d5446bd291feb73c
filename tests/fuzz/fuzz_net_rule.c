// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a [network] rule. The canonical spelling of what parses parses into the same rule, and has itself as spelling. */
#include <string.h>

#include "policy/net_rule.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vantio_net_rule rule = { 0 }, back = { 0 };
	struct vantio_buf spelling = VANTIO_BUF_INIT, twice = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };

	if (vantio_net_rule_parse((const char *)data, size, &rule, &err) < 0) {
		CHECK(err.text[0] != '\0');
		return 0;
	}
	vantio_net_rule_spell(&rule, &spelling);
	CHECK(!spelling.failed);
	CHECK(vantio_net_rule_parse(spelling.data, spelling.len, &back, &err) == 0);
	vantio_net_rule_spell(&back, &twice);
	CHECK(spelling.len == twice.len && memcmp(spelling.data, twice.data, twice.len) == 0);
	CHECK(rule.kind == back.kind && rule.protos == back.protos && rule.family == back.family && rule.prefix == back.prefix);
	CHECK(rule.port_lo == back.port_lo && rule.port_hi == back.port_hi && memcmp(rule.addr, back.addr, 16) == 0);
	CHECK(rule.host_len == back.host_len && (!rule.host || memcmp(rule.host, back.host, rule.host_len) == 0));
	vantio_net_rule_free(&rule);
	vantio_net_rule_free(&back);
	vantio_buf_free(&spelling);
	vantio_buf_free(&twice);
	return 0;
}
