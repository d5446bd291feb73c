// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <endian.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

/* Length of the well-formed sequence at `p` (1 to 4) and its code point, or 0 (Unicode 15, table 3-7). */
static size_t utf8_next(const uint8_t *p, size_t len, uint32_t *ret)
{
	uint8_t lo = 0x80, hi = 0xbf;
	size_t need, i;
	uint32_t c;

	if (!len)
		return 0;
	if (p[0] < 0x80) {
		*ret = p[0];
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len < need)
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	c = p[0] & (0x7f >> need);
	for (i = 1; i < need; i++) {
		if (p[i] < lo || p[i] > hi)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
		lo = 0x80;
		hi = 0xbf;
	}
	*ret = c;
	return need;
}

/* Controls, and the invisible ones that reorder or hide the text around them on a terminal. */
static bool printable(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0xfeff)
		return false;
	if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f))
		return false;
	return !((c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f));
}

static void add_byte_escape(struct vantio_buf *out, uint8_t byte)
{
	char e[4] = { '\\', 'x', hex_digits[byte >> 4], hex_digits[byte & 15] };

	vantio_buf_add(out, e, sizeof(e));
}

void vantio_escape(struct vantio_buf *out, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	size_t i = 0, n, k;
	uint32_t c = 0;

	while (i < len) {
		n = utf8_next(p + i, len - i, &c);
		if (n == 1 && c == '\\') {
			vantio_buf_add(out, "\\\\", 2);
		} else if (n && printable(c)) {
			vantio_buf_add(out, p + i, n);
		} else {
			n = n ? n : 1;
			for (k = 0; k < n; k++)
				add_byte_escape(out, p[i + k]);
		}
		i += n;
	}
}

char *vantio_escape_dup(const void *bytes, size_t len)
{
	struct vantio_buf b = VANTIO_BUF_INIT;

	vantio_escape(&b, bytes, len);
	return vantio_buf_steal(&b);
}

static bool unescape_loose(struct vantio_buf *out, const char *text, size_t len)
{
	size_t i = 0;
	uint8_t byte;

	while (i < len) {
		if (text[i] != '\\') {
			vantio_buf_putc(out, text[i++]);
		} else if (len - i >= 2 && text[i + 1] == '\\') {
			vantio_buf_putc(out, '\\');
			i += 2;
		} else if (len - i >= 4 && text[i + 1] == 'x' && vantio_unhex(&byte, 1, text + i + 2, 2)) {
			vantio_buf_putc(out, (char)byte);
			i += 4;
		} else {
			return false;
		}
	}
	return !out->failed;
}

/* Each string of bytes has one escape: what does not escape back to the same text is none. */
bool vantio_unescape(struct vantio_buf *out, const char *text, size_t len)
{
	cleanup_buf struct vantio_buf raw = VANTIO_BUF_INIT, again = VANTIO_BUF_INIT;

	if (!unescape_loose(&raw, text, len))
		return false;
	vantio_escape(&again, raw.data, raw.len);
	if (again.failed || again.len != len || (len && memcmp(again.data, text, len) != 0))
		return false;
	vantio_buf_add(out, raw.data, raw.len);
	return !out->failed;
}

bool vantio_utf8_valid(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	size_t i = 0, n;
	uint32_t c;

	while (i < len) {
		n = utf8_next(p + i, len - i, &c);
		if (!n)
			return false;
		i += n;
	}
	return true;
}

/* Eight digits at once: each nibble gets a byte of its own, and becomes its digit there. */
static void put_hex8(char out[8], const uint8_t bytes[4])
{
	uint64_t x = (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 8 | bytes[3];

	x = (x << 16 | x) & 0x0000ffff0000ffff;
	x = (x << 8 | x) & 0x00ff00ff00ff00ff;
	x = (x << 4 | x) & 0x0f0f0f0f0f0f0f0f;
	x += 0x3030303030303030 + ((x + 0x0606060606060606) >> 4 & 0x0101010101010101) * ('a' - '9' - 1);
	x = htobe64(x);
	memcpy(out, &x, 8);
}

void vantio_hex(char *out, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (; len >= 4; len -= 4, p += 4, out += 8)
		put_hex8(out, p);
	for (; len; len--, p++) {
		*out++ = hex_digits[*p >> 4];
		*out++ = hex_digits[*p & 15];
	}
	*out = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool vantio_unhex(void *out, size_t len, const char *hex, size_t hex_len)
{
	uint8_t *p = out;
	size_t i;

	if (hex_len / 2 != len || hex_len % 2)
		return false;
	for (i = 0; i < hex_len; i++)
		if (hex_value(hex[i]) < 0)
			return false;
	for (i = 0; i < len; i++)
		p[i] = (uint8_t)(hex_value(hex[2 * i]) << 4 | hex_value(hex[2 * i + 1]));
	return true;
}
