/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to text and back. The escape is the one form in which bytes that a process could have chosen
 * (comm, paths, names) are stored and shown: well-formed printable UTF-8 passes, a backslash becomes `\\`,
 * every other byte (controls, DEL, C1 controls, invisible and bidirectional format characters, ill-formed UTF-8) becomes `\xHH`. Policy globs read the same spelling back.
 */
#ifndef VANTIO_BASE_TEXT_H
#define VANTIO_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

void vantio_escape(struct vantio_buf *out, const void *bytes, size_t len);
/* Owned by the caller; NULL when memory ran out. */
char *vantio_escape_dup(const void *bytes, size_t len);
/* Reverses vantio_escape; appends the raw bytes. False, and nothing appended, if the text is not exactly what vantio_escape writes. */
bool vantio_unescape(struct vantio_buf *out, const char *text, size_t len);
/* True if the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
bool vantio_utf8_valid(const void *bytes, size_t len);

/* Lower-case hex; `out` has room for 2 * len + 1 bytes. */
void vantio_hex(char *out, const void *bytes, size_t len);
/* Exactly 2 * len hex digits of either case; false otherwise. */
bool vantio_unhex(void *out, size_t len, const char *hex, size_t hex_len);

/* A decimal number without sign, spaces or leading zeros, at most `max`. */
bool vantio_parse_u64(const char *s, size_t len, uint64_t max, uint64_t *ret);
/* "0x" and 16 hex digits, the form of a trace id; or 1 to 16 hex digits after 0x. */
bool vantio_parse_trace_id(const char *s, uint64_t *ret);
/* "250ms", "60s", "5m", "2h"; a bare number is not a duration. Nanoseconds; false on overflow too. */
bool vantio_parse_duration(const char *s, uint64_t *ret_ns);

#define VANTIO_RFC3339_LEN 31 /* "2026-11-20T10:01:02.123456789Z" and NUL */
/* Wall-clock nanoseconds since 1970-01-01 UTC to RFC 3339 with nine decimals. */
void vantio_format_time(char out[VANTIO_RFC3339_LEN], uint64_t realtime_ns);
/* RFC 3339 in UTC (`Z` or `+00:00`), zero to nine decimals. */
bool vantio_parse_time(const char *s, uint64_t *ret_realtime_ns);

/* The candidate that is nearest to `word` by edit distance, or NULL when none is near enough to offer. */
const char *vantio_nearest(const char *word, const char *const *candidates, size_t n);

#endif
