// SPDX-License-Identifier: Apache-2.0
#include "base/sha256_pair.h"

#include <string.h>

#include "base/sha256.h"

static void hash_one(const struct vantio_message *m)
{
	uint8_t prefix = (uint8_t)m->prefix;
	struct vantio_sha256 h;

	vantio_sha256_begin(&h);
	if (m->prefix >= 0)
		vantio_sha256_add(&h, &prefix, 1);
	vantio_sha256_add(&h, m->bytes, m->len);
	vantio_sha256_end(&h, m->out);
}

#ifdef __x86_64__
#include <endian.h>
#include <immintrin.h>
#include <sys/platform/x86.h>

#define BLOCK 64u

bool vantio_sha256_pairs(void)
{
	return x86_cpu_active(x86_cpu_SSSE3) && x86_cpu_active(x86_cpu_SSE4_1) && x86_cpu_active(x86_cpu_SHA);
}

/* FIPS 180-4, 4.2.2 */
static const uint32_t constants[64] __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* A message cut into blocks, and the state so far, its words in the order of the instructions: ABEF and CDGH. */
struct lane {
	__m128i abef, cdgh;
	const uint8_t *bytes;       /* where block 1 would have begun, less a block: a prefix shifts them by one */
	uint8_t first[BLOCK];       /* block 0, if there is a prefix */
	uint8_t last[2 * BLOCK];    /* what is left of the message, and its padding */
	size_t whole, total;        /* blocks before `last`; all */
	bool prefixed;
};

static void lane_begin(struct lane *l, const struct vantio_message *m)
{
	size_t shift = m->prefix >= 0, len = m->len + shift, left = len % BLOCK, at;
	uint64_t bits = htobe64((uint64_t)len * 8);

	l->abef = _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c);
	l->cdgh = _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19);
	l->bytes = m->bytes;
	l->prefixed = shift;
	l->whole = len / BLOCK;
	l->total = l->whole + (left < BLOCK - 8 ? 1 : 2);
	memset(l->last, 0, sizeof(l->last));
	at = 0;
	if (shift && l->whole) {
		l->first[0] = (uint8_t)m->prefix;
		memcpy(l->first + 1, m->bytes, BLOCK - 1);
	} else if (shift) {
		l->last[at++] = (uint8_t)m->prefix;
	}
	if (left > at)
		memcpy(l->last + at, l->bytes + m->len - (left - at), left - at);
	l->last[left] = 0x80;
	memcpy(l->last + (l->total - l->whole) * BLOCK - 8, &bits, 8);
}

static const uint8_t *lane_block(const struct lane *l, size_t i)
{
	if (i >= l->whole)
		return l->last + (i - l->whole) * BLOCK;
	return i == 0 && l->prefixed ? l->first : l->bytes + i * BLOCK - l->prefixed;
}

__attribute__((target("sha,sse4.1"))) static void lane_end(const struct lane *l, uint8_t out[32])
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i feba = _mm_shuffle_epi32(l->abef, 0x1b), dchg = _mm_shuffle_epi32(l->cdgh, 0xb1);

	_mm_storeu_si128((__m128i *)out, _mm_shuffle_epi8(_mm_blend_epi16(feba, dchg, 0xf0), swap));
	_mm_storeu_si128((__m128i *)(out + 16), _mm_shuffle_epi8(_mm_alignr_epi8(dchg, feba, 8), swap));
}

/* Four rounds of both messages. */
#define ROUNDS(g, v, w)                                                                        \
	do {                                                                                   \
		__m128i k_ = _mm_load_si128((const __m128i *)(constants + 4 * (g)));           \
		__m128i m_ = _mm_add_epi32(v, k_), n_ = _mm_add_epi32(w, k_);                  \
		x1 = _mm_sha256rnds2_epu32(x1, x0, m_);                                        \
		y1 = _mm_sha256rnds2_epu32(y1, y0, n_);                                        \
		x0 = _mm_sha256rnds2_epu32(x0, x1, _mm_shuffle_epi32(m_, 0x0e));               \
		y0 = _mm_sha256rnds2_epu32(y0, y1, _mm_shuffle_epi32(n_, 0x0e));               \
	} while (0)

#define LOAD(g)                                                                                       \
	do {                                                                                          \
		v[g] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * (g))), swap);      \
		w[g] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(q + 16 * (g))), swap);      \
		ROUNDS(g, v[g], w[g]);                                                                \
	} while (0)

#define SCHEDULE(u, a, b, c, d) \
	_mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(u[a], u[b]), _mm_alignr_epi8(u[d], u[c], 4)), u[d])

#define NEXT(g, a, b, c, d)                         \
	do {                                        \
		v[a] = SCHEDULE(v, a, b, c, d);     \
		w[a] = SCHEDULE(w, a, b, c, d);     \
		ROUNDS(g, v[a], w[a]);              \
	} while (0)

#define NEXT4(g)                       \
	do {                           \
		NEXT(g, 0, 1, 2, 3);   \
		NEXT(g + 1, 1, 2, 3, 0); \
		NEXT(g + 2, 2, 3, 0, 1); \
		NEXT(g + 3, 3, 0, 1, 2); \
	} while (0)

__attribute__((target("sha,sse4.1"))) static void compress_both(struct lane *x, const uint8_t *p, struct lane *y, const uint8_t *q)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i x0 = x->abef, x1 = x->cdgh, y0 = y->abef, y1 = y->cdgh, v[4], w[4];

	LOAD(0);
	LOAD(1);
	LOAD(2);
	LOAD(3);
	NEXT4(4);
	NEXT4(8);
	NEXT4(12);
	x->abef = _mm_add_epi32(x->abef, x0);
	x->cdgh = _mm_add_epi32(x->cdgh, x1);
	y->abef = _mm_add_epi32(y->abef, y0);
	y->cdgh = _mm_add_epi32(y->cdgh, y1);
}

void vantio_sha256_both(bool pairs, const struct vantio_message *a, const struct vantio_message *b)
{
	struct lane x, y, idle;
	size_t i;

	if (!pairs) {
		hash_one(a);
		hash_one(b);
		return;
	}
	lane_begin(&x, a);
	lane_begin(&y, b);
	for (i = 0; i < x.total && i < y.total; i++)
		compress_both(&x, lane_block(&x, i), &y, lane_block(&y, i));
	/* The rest of the longer one is on its own. */
	idle = x;
	for (; i < x.total; i++)
		compress_both(&x, lane_block(&x, i), &idle, lane_block(&x, i));
	for (; i < y.total; i++)
		compress_both(&y, lane_block(&y, i), &idle, lane_block(&y, i));
	lane_end(&x, a->out);
	lane_end(&y, b->out);
}
#else
bool vantio_sha256_pairs(void)
{
	return false;
}

void vantio_sha256_both(bool pairs, const struct vantio_message *a, const struct vantio_message *b)
{
	(void)pairs;
	hash_one(a);
	hash_one(b);
}
#endif
