/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer. Out of memory is remembered in `failed` and later appends do nothing, so that
 * callers check once, at the end. `data` is always NUL-terminated when it is not NULL; `len` excludes it.
 */
#ifndef VANTIO_BASE_BUF_H
#define VANTIO_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct vantio_buf {
	char *data; /* owned */
	size_t len; /* bytes in use */
	size_t cap; /* bytes allocated */
	bool failed;
};

#define VANTIO_BUF_INIT { NULL, 0, 0, false }

void vantio_buf_free(struct vantio_buf *b);
void vantio_buf_reset(struct vantio_buf *b); /* empties it, keeps the memory */
/* Makes sure of `extra` bytes and a NUL behind those in use; false, and remembered, when memory ran out. */
bool vantio_buf_reserve(struct vantio_buf *b, size_t extra);

/* Inline, because records are built of some hundred short pieces, most of them literals whose length the compiler knows. */
static inline void vantio_buf_add(struct vantio_buf *b, const void *bytes, size_t len)
{
	if ((b->failed || len >= b->cap - b->len) && !vantio_buf_reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

static inline void vantio_buf_puts(struct vantio_buf *b, const char *s)
{
	vantio_buf_add(b, s, strlen(s));
}

static inline void vantio_buf_putc(struct vantio_buf *b, char c)
{
	vantio_buf_add(b, &c, 1);
}

/* Room for `len` bytes behind those in use, for the caller to fill and then add to `len`; NULL when memory ran out. */
char *vantio_buf_room(struct vantio_buf *b, size_t len);
void vantio_buf_printf(struct vantio_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The finished string, owned by the caller, or NULL when memory ran out; the buffer is empty afterwards. */
char *vantio_buf_steal(struct vantio_buf *b);

#define cleanup_buf __attribute__((cleanup(vantio_buf_free)))

#endif
