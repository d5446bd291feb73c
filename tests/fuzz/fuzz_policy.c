// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a policy. What parses has a canonical form; what does not has at least one error, each with a place, in order.
 * The same text twice gives the same hash.
 */
#include <string.h>

#include "policy/policy.h"
#include "fuzz.h"

static void check_diagnostics(const struct vantio_diagnostics *d)
{
	for (size_t i = 0; i < d->n; i++) {
		CHECK(d->items[i].pos.line >= 1 && d->items[i].pos.col >= 1);
		CHECK(d->items[i].text[0] != '\0');
		CHECK(i == 0 || d->items[i].pos.line > d->items[i - 1].pos.line ||
		      (d->items[i].pos.line == d->items[i - 1].pos.line && d->items[i].pos.col >= d->items[i - 1].pos.col));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vantio_expand expand = { .home = "/home/a[b", .workdir = "/work" };
	struct vantio_diagnostics diags = { 0 }, again = { 0 };
	struct vantio_policy *p = NULL, *q = NULL;
	struct vantio_buf form = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	int r = vantio_policy_parse((const char *)data, size, "fuzz", &expand, &p, &diags, &err);

	check_diagnostics(&diags);
	CHECK((r == 0) == (p != NULL) && (r == 0) == (diags.n_errors == 0));
	CHECK(r == 0 || err.text[0] != '\0');
	if (p) {
		CHECK(vantio_policy_canonical(p, &form, &err) == 0 && form.len > 0);
		CHECK(vantio_policy_parse((const char *)data, size, "again", &expand, &q, &again, &err) == 0);
		CHECK(memcmp(p->hash, q->hash, sizeof(p->hash)) == 0);
	}
	vantio_buf_free(&form);
	vantio_diagnostics_free(&diags);
	vantio_diagnostics_free(&again);
	vantio_policy_free(p);
	vantio_policy_free(q);
	return 0;
}
