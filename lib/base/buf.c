// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vantio_buf_free(struct vantio_buf *b)
{
	free(b->data);
	*b = (struct vantio_buf)VANTIO_BUF_INIT;
}

void vantio_buf_reset(struct vantio_buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

bool vantio_buf_reserve(struct vantio_buf *b, size_t extra)
{
	size_t need, cap;
	char *grown;

	if (b->failed)
		return false;
	if (extra >= SIZE_MAX / 2 - b->len) {
		b->failed = true;
		return false;
	}
	need = b->len + extra + 1;
	if (need <= b->cap)
		return true;
	cap = b->cap ? b->cap : 64;
	while (cap < need)
		cap *= 2;
	grown = realloc(b->data, cap);
	if (!grown) {
		b->failed = true;
		return false;
	}
	b->data = grown;
	b->cap = cap;
	return true;
}

char *vantio_buf_room(struct vantio_buf *b, size_t len)
{
	return vantio_buf_reserve(b, len) ? b->data + b->len : NULL;
}

void vantio_buf_printf(struct vantio_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !vantio_buf_reserve(b, (size_t)n)) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

char *vantio_buf_steal(struct vantio_buf *b)
{
	char *s = NULL;

	if (!b->failed && vantio_buf_reserve(b, 0)) {
		b->data[b->len] = '\0';
		s = b->data;
		b->data = NULL;
	}
	vantio_buf_free(b);
	return s;
}
