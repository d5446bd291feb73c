/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as values. Every function of lib/ that can fail takes a `struct vantio_error *` as its last
 * argument (never NULL) and returns a negative errno; the text is worded for the person who must act:
 * what is wrong, where, and what to do. Outputs stay untouched on failure.
 */
#ifndef VANTIO_BASE_ERROR_H
#define VANTIO_BASE_ERROR_H

#include <stddef.h>

#define VANTIO_ERROR_TEXT 1024

struct vantio_error {
	int code;                     /* errno value, positive; 0 while no error has been set */
	char text[VANTIO_ERROR_TEXT]; /* UTF-8, no trailing newline; hostile bytes already escaped */
};

/* Records the error and returns -code, so that callers write `return vantio_fail(err, errno, "...")`. */
int vantio_fail(struct vantio_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text that is already there; returns -err->code. */
int vantio_fail_prefix(struct vantio_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
