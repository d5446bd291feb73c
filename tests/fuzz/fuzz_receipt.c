// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a receipt. Under the key of tests/cli/ledger-v1 nothing verifies but leaf 3, which is what the corpus proves. */
#include <sodium.h>
#include <string.h>

#include "base/text.h"
#include "receipt/receipt.h"
#include "fuzz.h"

#define VKEY "vm/vantio/0efbb3a0+f9326ecb+ATORLmCULQUxVWV4fTA0hNw7ugRM8Dua0kh0b6cQkQMi"
#define LINE "2c7fcc20f367ff82e234545de9acd4ae866f9d73364cdd291f0ec111eb2a496d"

static void check_receipt(const struct vantio_receipt *r)
{
	struct vantio_buf scratch = VANTIO_BUF_INIT;
	struct vantio_span name, value;
	struct vantio_error err = { 0 };
	uint8_t hash[32];
	char hex[65];
	size_t i;

	crypto_hash_sha256(hash, (const uint8_t *)r->record.line.p, r->record.line.len);
	vantio_hex(hex, hash, sizeof(hash));
	CHECK(!strcmp(hex, LINE) && r->record.fields.leaf == 3 && r->epoch == 0 && r->checkpoint.size == 12);
	for (i = 0; i < r->record.n_private; i++)
		CHECK(vantio_disclosure_open(r->record.private[i].text, &scratch, &name, &value, &err) == 0);
	vantio_buf_free(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vantio_error err = { 0 };
	struct vantio_receipt receipt;
	struct vantio_vkey key;

	CHECK(vantio_vkey_parse(VKEY, strlen(VKEY), &key, &err) == 0);
	if (vantio_receipt_verify((const char *)data, size, &key, &receipt, &err) == 0)
		check_receipt(&receipt);
	else
		CHECK(err.text[0] && err.code);
	return 0;
}
