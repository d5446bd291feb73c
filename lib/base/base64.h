/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 (RFC 4648): the standard alphabet with padding (signed notes), and the URL-safe one without (disclosures). Each
 * string of bytes has one spelling: wrong padding, stray characters and left-over bits that are not zero are refused.
 * Not constant-time; secrets that pass here live in files that their owner reads.
 */
#ifndef VANTIO_BASE_BASE64_H
#define VANTIO_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

enum vantio_base64 { VANTIO_BASE64_STD, VANTIO_BASE64_URL };

/* Characters that `len` bytes become, without a NUL. */
#define VANTIO_BASE64_STD_LEN(len) (((len) + 2) / 3 * 4)
#define VANTIO_BASE64_URL_LEN(len) ((len) / 3 * 4 + ((len) % 3 ? (len) % 3 + 1 : 0))

/* Writes exactly that many characters and no NUL; returns their number. */
size_t vantio_base64_encode(enum vantio_base64 kind, char *out, const void *bytes, size_t len);
/* Decodes into at most `max` bytes; false if the text is not the one spelling of so many bytes. */
bool vantio_base64_decode(enum vantio_base64 kind, void *out, size_t max, const char *text, size_t len, size_t *ret_len);

#endif
