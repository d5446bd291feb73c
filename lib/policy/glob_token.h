/* SPDX-License-Identifier: Apache-2.0 */
/* The spelling of globs, for the check and the reference matcher alone: the compiler (nfa_glob.c) reads globs by itself. */
#ifndef VANTIO_POLICY_GLOB_TOKEN_H
#define VANTIO_POLICY_GLOB_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum vantio_glob_token_kind {
	T_LITERAL, /* one byte, not the slash */
	T_SLASH,
	T_ONE,      /* ? */
	T_CLASS,    /* [...] */
	T_STAR,     /* * */
	T_GLOBSTAR, /* ** */
	T_OPEN,     /* { */
	T_COMMA,
	T_CLOSE,
};

struct vantio_glob_token {
	enum vantio_glob_token_kind kind;
	uint8_t byte;  /* T_LITERAL */
	uint32_t at;   /* offset in the text */
	uint32_t next; /* T_OPEN, T_COMMA: token of the next comma or the close of the same brace */
	uint32_t close; /* T_COMMA, T_CLOSE: token of the close */
};

/* One token at glob[*at], which is moved behind it; `depth` open braces make comma and close structural. */
int vantio_glob_read_token(const char *glob, size_t len, size_t *at, size_t depth, struct vantio_glob_token *ret, struct vantio_error *err);
/* glob[*at] is '[': moves *at behind the class, says whether `byte` is in it. */
int vantio_glob_read_class(const char *glob, size_t len, size_t *at, uint8_t byte, bool *ret, struct vantio_error *err);

#endif
