// SPDX-License-Identifier: Apache-2.0
#include "base/class.h"

#define HEX   VANTIO_CLASS_HEX
#define B64   VANTIO_CLASS_B64
#define PLAIN VANTIO_CLASS_PLAIN

const uint8_t vantio_class[256] = {
	[' ' ... '!'] = PLAIN,
	['#' ... ','] = PLAIN,
	['-'] = PLAIN | B64,
	['.' ... '/'] = PLAIN,
	['0' ... '9'] = PLAIN | B64 | HEX,
	[':' ... '@'] = PLAIN,
	['A' ... 'Z'] = PLAIN | B64,
	['['] = PLAIN,
	[']' ... '^'] = PLAIN,
	['_'] = PLAIN | B64,
	['`'] = PLAIN,
	['a' ... 'f'] = PLAIN | B64 | HEX,
	['g' ... 'z'] = PLAIN | B64,
	['{' ... '~'] = PLAIN,
};
