// SPDX-License-Identifier: Apache-2.0
/* make_ledger DIR N: a ledger of N records, for tests of the commands that read one. */
#include <inttypes.h>

#include "../unit/ledger_fixture.h"

int main(int argc, char **argv)
{
	struct vantio_ledger *l = NULL;
	struct vantio_error err = { 0 };
	struct vantio_record r;
	uint64_t i, n;

	if (argc != 3) {
		fprintf(stderr, "usage: make_ledger DIR N\n");
		return 2;
	}
	n = strtoull(argv[2], NULL, 10);
	if (vantio_ledger_open(argv[1], &l, &err) < 0)
		goto fail;
	for (i = vantio_ledger_size(l), n += i; i < n; i++) {
		r = fixture_record(i);
		if (vantio_ledger_append(l, &r, &err) < 0)
			goto fail;
	}
	if (vantio_ledger_commit(l, &err) < 0)
		goto fail;
	vantio_ledger_close(l);
	return 0;
fail:
	fprintf(stderr, "make_ledger: %s\n", err.text);
	vantio_ledger_close(l);
	return 1;
}
