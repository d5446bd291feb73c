// SPDX-License-Identifier: Apache-2.0
/* Case files of `policy test`: any bytes are either cases or errors with a place. */
#include <stdint.h>
#include <stdlib.h>

#include "policy/cases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vantio_diagnostics diags = { 0 };
	struct vantio_cases cases = { 0 };
	struct vantio_error err;
	size_t i;

	if (vantio_cases_parse((const char *)data, size, &cases, &diags, &err) < 0) {
		if (!diags.n_errors && err.code != 12) /* out of memory has no place */
			abort();
	} else if (!cases.n || diags.n_errors) {
		abort();
	}
	for (i = 0; i < cases.n; i++)
		if (!cases.items[i].op)
			abort();
	vantio_cases_free(&cases);
	vantio_diagnostics_free(&diags);
	return 0;
}
