// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

bool vantio_parse_u64(const char *s, size_t len, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0, digit;
	size_t i;

	if (!len || len > 20 || (len > 1 && s[0] == '0'))
		return false;
	for (i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		digit = (uint64_t)(s[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v > max)
		return false;
	*ret = v;
	return true;
}

bool vantio_parse_trace_id(const char *s, uint64_t *ret)
{
	char padded[] = "0000000000000000";
	uint8_t bytes[8];
	uint64_t v = 0;
	size_t len, i;

	if (s[0] != '0' || s[1] != 'x')
		return false;
	len = strnlen(s + 2, 17);
	if (!len || len > 16)
		return false;
	memcpy(padded + 16 - len, s + 2, len);
	if (!vantio_unhex(bytes, sizeof(bytes), padded, 16))
		return false;
	for (i = 0; i < sizeof(bytes); i++)
		v = v << 8 | bytes[i];
	*ret = v;
	return true;
}

bool vantio_parse_duration(const char *s, uint64_t *ret_ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "ms", 1000000ull },
		{ "s", 1000000000ull },
		{ "m", 60 * 1000000000ull },
		{ "h", 3600 * 1000000000ull },
	};
	size_t digits = strspn(s, "0123456789"), i;
	uint64_t n;

	for (i = 0; i < VANTIO_ARRAY_SIZE(units); i++) {
		if (strcmp(s + digits, units[i].name) != 0)
			continue;
		if (!vantio_parse_u64(s, digits, UINT64_MAX / units[i].ns, &n))
			return false;
		*ret_ns = n * units[i].ns;
		return true;
	}
	return false;
}

/* Optimal string alignment: insert, delete, replace, swap of neighbours; case is free. Both at most NEAREST_MAX bytes. */
#define NEAREST_MAX 64

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

static unsigned int distance(const char *a, size_t la, const char *b, size_t lb)
{
	unsigned int rows[3][NEAREST_MAX + 1], *two = rows[0], *one = rows[1], *now = rows[2], *t, cost;
	size_t i, j;

	for (j = 0; j <= lb; j++)
		one[j] = (unsigned int)j;
	for (i = 1; i <= la; i++) {
		now[0] = (unsigned int)i;
		for (j = 1; j <= lb; j++) {
			cost = tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]);
			now[j] = min3(one[j] + 1, now[j - 1] + 1, one[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two[j - 2] + 1 < now[j])
				now[j] = two[j - 2] + 1;
		}
		t = two;
		two = one;
		one = now;
		now = t;
	}
	return one[lb];
}

const char *vantio_nearest(const char *word, const char *const *candidates, size_t n)
{
	size_t len = strnlen(word, NEAREST_MAX + 1), clen, i;
	unsigned int d, best = (unsigned int)(len + 1) / 3 + 1;
	const char *found = NULL;

	if (!len || len > NEAREST_MAX)
		return NULL;
	for (i = 0; i < n; i++) {
		clen = strnlen(candidates[i], NEAREST_MAX + 1);
		if (clen > NEAREST_MAX)
			continue;
		d = distance(word, len, candidates[i], clen);
		if (d > 1 && len >= 2 && clen > len && strncasecmp(word, candidates[i], len) == 0)
			d = 1; /* the beginning of a long name is a good guess at it */
		if (d < best && d < (clen > len ? clen : len)) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}
