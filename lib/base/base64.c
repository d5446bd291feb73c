// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabets[2][65] = {
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

size_t vantio_base64_encode(enum vantio_base64 kind, char *out, const void *bytes, size_t len)
{
	const char *set = alphabets[kind];
	const uint8_t *p = bytes;
	char *start = out;
	uint32_t v;

	for (; len >= 3; len -= 3, p += 3, out += 4) {
		v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		out[0] = set[v >> 18];
		out[1] = set[v >> 12 & 63];
		out[2] = set[v >> 6 & 63];
		out[3] = set[v & 63];
	}
	if (!len)
		return (size_t)(out - start);
	v = (uint32_t)p[0] << 16 | (len == 2 ? (uint32_t)p[1] << 8 : 0);
	*out++ = set[v >> 18];
	*out++ = set[v >> 12 & 63];
	if (len == 2)
		*out++ = set[v >> 6 & 63];
	if (kind == VANTIO_BASE64_STD) {
		*out++ = '=';
		if (len == 1)
			*out++ = '=';
	}
	return (size_t)(out - start);
}

static int value_of(enum vantio_base64 kind, char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (kind == VANTIO_BASE64_STD ? '+' : '-'))
		return 62;
	return c == (kind == VANTIO_BASE64_STD ? '/' : '_') ? 63 : -1;
}

bool vantio_base64_decode(enum vantio_base64 kind, void *out, size_t max, const char *text, size_t len, size_t *ret_len)
{
	uint8_t *p = out;
	size_t i, n, need;
	uint32_t v = 0;
	int bits = 0, d;

	if (kind == VANTIO_BASE64_STD) {
		if (len % 4)
			return false;
		for (i = 0; i < 2 && len && text[len - 1] == '='; i++)
			len--;
	}
	n = len % 4;
	if (n == 1)
		return false;
	need = len / 4 * 3 + (n ? n - 1 : 0);
	if (need > max)
		return false;
	for (i = 0; i < len; i++) {
		d = value_of(kind, text[i]);
		if (d < 0)
			return false;
		v = v << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*p++ = (uint8_t)(v >> bits);
		}
	}
	if (v & ((1u << bits) - 1))
		return false; /* the left-over bits must be zero, or there would be two spellings */
	*ret_len = need;
	return true;
}
