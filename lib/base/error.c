// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int vantio_fail(struct vantio_error *err, int code, const char *fmt, ...)
{
	char text[VANTIO_ERROR_TEXT]; /* an argument may be err->text itself */
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	err->code = code > 0 ? code : EIO;
	memcpy(err->text, text, sizeof(text));
	return -err->code;
}

int vantio_fail_prefix(struct vantio_error *err, const char *fmt, ...)
{
	char text[VANTIO_ERROR_TEXT];
	size_t used, rest;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	used = n < 0 ? 0 : (size_t)n;
	if (used + 3 < sizeof(text)) {
		memcpy(text + used, ": ", 2);
		used += 2;
		rest = strnlen(err->text, sizeof(text) - used - 1); /* what does not fit is cut */
		memcpy(text + used, err->text, rest);
		text[used + rest] = '\0';
	}
	memcpy(err->text, text, sizeof(text));
	return -err->code;
}
