// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <time.h>

#define NS_PER_S 1000000000ull

static void put_digits(char *out, uint64_t v, size_t width)
{
	while (width) {
		out[--width] = (char)('0' + v % 10);
		v /= 10;
	}
}

void vantio_format_time(char out[VANTIO_RFC3339_LEN], uint64_t realtime_ns)
{
	static const char blank[VANTIO_RFC3339_LEN] = "0000-00-00T00:00:00.000000000Z";
	time_t seconds = (time_t)(realtime_ns / NS_PER_S);
	struct tm tm;
	size_t i;

	for (i = 0; i < VANTIO_RFC3339_LEN; i++)
		out[i] = blank[i];
	gmtime_r(&seconds, &tm); /* cannot fail: 2^64 ns end in 2554 */
	put_digits(out, (uint64_t)tm.tm_year + 1900, 4);
	put_digits(out + 5, (uint64_t)tm.tm_mon + 1, 2);
	put_digits(out + 8, (uint64_t)tm.tm_mday, 2);
	put_digits(out + 11, (uint64_t)tm.tm_hour, 2);
	put_digits(out + 14, (uint64_t)tm.tm_min, 2);
	put_digits(out + 17, (uint64_t)tm.tm_sec, 2);
	put_digits(out + 20, realtime_ns % NS_PER_S, 9);
}

static bool digits(const char **s, size_t width, uint64_t *ret)
{
	uint64_t v = 0;

	while (width--) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (uint64_t)(*(*s)++ - '0');
	}
	*ret = v;
	return true;
}

static bool skip(const char **s, const char *any)
{
	for (; *any; any++)
		if (**s == *any) {
			(*s)++;
			return true;
		}
	return false;
}

static bool fraction(const char **s, uint64_t *ret)
{
	uint64_t v = 0, d, n = 0;

	if (skip(s, ".")) {
		while (n < 9 && digits(s, 1, &d)) {
			v = v * 10 + d;
			n++;
		}
		if (!n)
			return false;
		for (; n < 9; n++)
			v *= 10;
	}
	*ret = v;
	return true;
}

static bool utc(const char **s)
{
	const char *p = "+00:00";

	if (skip(s, "Zz"))
		return **s == '\0';
	while (*p && **s == *p) {
		p++;
		(*s)++;
	}
	return !*p && **s == '\0';
}

/* Days since 1970-01-01 of a date of the Gregorian calendar; false for a day that its month does not have. */
static bool days_of(uint64_t y, uint64_t m, uint64_t d, uint64_t *ret)
{
	static const uint8_t length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	uint64_t days, i;

	if (y < 1970 || m < 1 || m > 12 || d < 1 || d > length[m - 1] + (uint64_t)(m == 2 && leap))
		return false;
	days = (y - 1970) * 365 + ((y - 1) / 4 - (y - 1) / 100 + (y - 1) / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
	for (i = 1; i < m; i++)
		days += length[i - 1] + (uint64_t)(i == 2 && leap);
	*ret = days + d - 1;
	return true;
}

bool vantio_parse_time(const char *s, uint64_t *ret_realtime_ns)
{
	uint64_t y, mon, d, h, min, sec, ns, days, total;

	if (!digits(&s, 4, &y) || !skip(&s, "-") || !digits(&s, 2, &mon) || !skip(&s, "-") || !digits(&s, 2, &d) ||
	    !skip(&s, "Tt") || !digits(&s, 2, &h) || !skip(&s, ":") || !digits(&s, 2, &min) || !skip(&s, ":") ||
	    !digits(&s, 2, &sec) || !fraction(&s, &ns) || !utc(&s))
		return false;
	if (h > 23 || min > 59 || sec > 59 || !days_of(y, mon, d, &days))
		return false;
	total = ((days * 24 + h) * 60 + min) * 60 + sec;
	if (total > (UINT64_MAX - ns) / NS_PER_S)
		return false;
	*ret_realtime_ns = total * NS_PER_S + ns;
	return true;
}
