/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of bytes, by a table: what checks every byte of a ledger must not branch on each. */
#ifndef VANTIO_BASE_CLASS_H
#define VANTIO_BASE_CLASS_H

#include <stddef.h>
#include <stdint.h>

#define VANTIO_CLASS_HEX   1u /* lower case */
#define VANTIO_CLASS_B64   2u /* of base64url */
#define VANTIO_CLASS_PLAIN 4u /* printable ASCII that JSON leaves as it is: no quote, no backslash */

extern const uint8_t vantio_class[256];

/* How many of the `len` bytes, from the first on, are of the class. */
static inline size_t vantio_class_span(const char *bytes, size_t len, unsigned class)
{
	const uint8_t *p = (const uint8_t *)bytes;
	size_t i = 0;

	while (len - i >= 8 && (vantio_class[p[i]] & vantio_class[p[i + 1]] & vantio_class[p[i + 2]] & vantio_class[p[i + 3]] &
				vantio_class[p[i + 4]] & vantio_class[p[i + 5]] & vantio_class[p[i + 6]] & vantio_class[p[i + 7]] & class))
		i += 8;
	while (i < len && (vantio_class[p[i]] & class))
		i++;
	return i;
}

#endif
