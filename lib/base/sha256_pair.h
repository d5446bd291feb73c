/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 of two messages at once. One message leaves the processor's SHA-256 instructions idle half of the time, since each waits for the
 * one before; the steps of two messages take turns here, and two of the same length take little more time than one.
 */
#ifndef VANTIO_BASE_SHA256_PAIR_H
#define VANTIO_BASE_SHA256_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether this processor has the instructions. Asking takes microseconds in a virtual machine: keep the answer. */
bool vantio_sha256_pairs(void);

struct vantio_message {
	const void *bytes;
	size_t len;
	int prefix; /* a byte that goes before them, or -1 */
	uint8_t *out; /* 32 bytes */
};

/* `pairs` is what vantio_sha256_pairs() said; if false, they are hashed one after the other. */
void vantio_sha256_both(bool pairs, const struct vantio_message *a, const struct vantio_message *b);

#endif
