/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4), from nettle, which uses the processor's own instructions where it has them: the ledger hashes every byte
 * that it writes or checks, and with libsodium's portable code that was most of its work.
 */
#ifndef VANTIO_BASE_SHA256_H
#define VANTIO_BASE_SHA256_H

#include <nettle/sha2.h>
#include <stddef.h>
#include <stdint.h>

struct vantio_sha256 {
	struct sha256_ctx ctx;
};

static inline void vantio_sha256_begin(struct vantio_sha256 *h)
{
	sha256_init(&h->ctx);
}

static inline void vantio_sha256_add(struct vantio_sha256 *h, const void *bytes, size_t len)
{
	sha256_update(&h->ctx, len, bytes);
}

static inline void vantio_sha256_end(struct vantio_sha256 *h, uint8_t out[32])
{
	sha256_digest(&h->ctx, 32, out);
}

static inline void vantio_sha256_of(uint8_t out[32], const void *bytes, size_t len)
{
	struct vantio_sha256 h;

	vantio_sha256_begin(&h);
	vantio_sha256_add(&h, bytes, len);
	vantio_sha256_end(&h, out);
}

#endif
