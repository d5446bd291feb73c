// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int vantio_fail(struct vantio_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	err->code = code > 0 ? code : EIO;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -err->code;
}

int vantio_fail_prefix(struct vantio_error *err, const char *fmt, ...)
{
	char rest[VANTIO_ERROR_TEXT];
	va_list ap;
	size_t used;
	int n;

	memcpy(rest, err->text, sizeof(rest));
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = n < 0 ? 0 : (size_t)n;
	if (used < sizeof(err->text))
		snprintf(err->text + used, sizeof(err->text) - used, ": %s", rest);
	return -err->code;
}
