/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that tests build their texts from, and the parse that fails the test with the diagnostics. */
#ifndef POLICY_TEXTS_H
#define POLICY_TEXTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "policy/policy.h"

/* Two lines each. */
#define HEAD    "schema = 1\nname = \"x\"\n"
#define FILES   "[file]\ndefault = \"deny\"\n"
#define EXECS   "[exec]\ndefault = \"deny\"\n"
#define NET     "[network]\ndefault = \"deny\"\n"
#define MINIMAL HEAD FILES EXECS NET

static const struct vantio_expand test_expand = { .home = "/home/al*ice", .workdir = "/work/" };

static inline struct vantio_policy *parse_good_bytes(const char *text, size_t len)
{
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	struct vantio_policy *p = NULL;

	if (vantio_policy_parse(text, len, "p.toml", &test_expand, &p, &diags, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(diags.n_errors, 0);
	vantio_diagnostics_free(&diags);
	return p;
}

static inline struct vantio_policy *parse_good(const char *text)
{
	return parse_good_bytes(text, strlen(text));
}

#endif
