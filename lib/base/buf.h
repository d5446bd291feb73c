/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer. Out of memory is remembered in `failed` and later appends do nothing, so that
 * callers check once, at the end. `data` is always NUL-terminated when it is not NULL; `len` excludes it.
 */
#ifndef VANTIO_BASE_BUF_H
#define VANTIO_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct vantio_buf {
	char *data; /* owned */
	size_t len; /* bytes in use */
	size_t cap; /* bytes allocated */
	bool failed;
};

#define VANTIO_BUF_INIT { NULL, 0, 0, false }

void vantio_buf_free(struct vantio_buf *b);
void vantio_buf_reset(struct vantio_buf *b); /* empties it, keeps the memory */
void vantio_buf_add(struct vantio_buf *b, const void *bytes, size_t len);
void vantio_buf_puts(struct vantio_buf *b, const char *s);
void vantio_buf_putc(struct vantio_buf *b, char c);
void vantio_buf_printf(struct vantio_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The finished string, owned by the caller, or NULL when memory ran out; the buffer is empty afterwards. */
char *vantio_buf_steal(struct vantio_buf *b);

#define cleanup_buf __attribute__((cleanup(vantio_buf_free)))

#endif
