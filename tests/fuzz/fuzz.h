/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzzer has: the function that the driver calls, and a check that ends it. */
#ifndef VANTIO_TESTS_FUZZ_H
#define VANTIO_TESTS_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#define CHECK(what)              \
	do {                     \
		if (!(what))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
