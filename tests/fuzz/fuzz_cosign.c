// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a cosigned checkpoint. Nothing but the text that the witness cosigned counts for it; and whatever note can be cosigned
 * is afterwards cosigned by one witness more, its other signatures as they were.
 */
#include <string.h>

#include "ledger/cosign.h"
#include "fuzz.h"

/* tests/fuzz/corpus/cosign/note is cosigned by this witness; nobody has its private key. */
#define VKEY "witness.example/fuzz+1096ff4b+BPA0MarHnJuRY2WjE34yasgo35clG7qlXcDL5+XhpUu8"
#define TEXT "example.org/log\n5\nZ0SKL3bfalhPNBjj0RqdCLgsdRxvXa9Zrr8GAnrxY2U=\n"

static struct vantio_skey own;
static struct vantio_quorum theirs, ours;

static void prepare(void)
{
	struct vantio_error err = { 0 };
	struct vantio_witness w;

	CHECK(vantio_skey_generate("witness.example/own", &own, &err) == 0);
	vantio_witness_of(&own.pub, &w);
	CHECK(vantio_quorum_add(&ours, &w, &err) == 0);
	CHECK(vantio_witness_parse(VKEY, strlen(VKEY), &w, &err) == 0);
	CHECK(vantio_quorum_add(&theirs, &w, &err) == 0);
	ours.need = theirs.need = 1;
	ours.now = theirs.now = 4000000000u;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vantio_quorum_result before = { .n = 0 }, after;
	struct vantio_buf out = VANTIO_BUF_INIT, again = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	struct vantio_witness w;
	int r;

	if (!ours.n)
		prepare();
	r = vantio_quorum_count(&theirs, (const char *)data, size, &before, &err);
	if (r == 0 && before.n)
		CHECK(before.n == 1 && size > strlen(TEXT) && !memcmp(data, TEXT, strlen(TEXT)));
	if (vantio_cosign(&out, (const char *)data, size, &own, 1800000000, &err) == 0) {
		CHECK(vantio_quorum_count(&ours, out.data, out.len, &after, &err) == 0);
		CHECK(after.n == 1 && after.time == 1800000000);
		CHECK(vantio_quorum_count(&theirs, out.data, out.len, &after, &err) == r);
		CHECK(r < 0 || after.n == before.n);
		CHECK(vantio_cosign(&again, out.data, out.len, &own, 1800000000, &err) == 0);
		CHECK(again.len == out.len && !memcmp(again.data, out.data, out.len));
	}
	vantio_buf_reset(&out);
	if (vantio_witness_parse((const char *)data, size, &w, &err) == 0) {
		vantio_witness_print(&out, &w);
		CHECK(out.len == (data[size - 1] == '\n' ? size - 1 : size) && !memcmp(out.data, data, out.len));
	}
	vantio_buf_free(&out);
	vantio_buf_free(&again);
	return 0;
}
