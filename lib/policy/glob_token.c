// SPDX-License-Identifier: Apache-2.0
#include "policy/glob_token.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "policy/glob.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* glob[*at] is a backslash: the byte that it stands for. */
static int read_escape(const char *glob, size_t len, size_t *at, uint8_t *ret, struct vantio_error *err)
{
	size_t i = *at + 1;
	int hi, lo;

	if (i >= len)
		return vantio_fail(err, EINVAL, "a backslash at the end escapes nothing: write '\\\\' for a backslash");
	if (glob[i] != 'x') {
		*ret = (uint8_t)glob[i];
		*at = i + 1;
	} else {
		hi = i + 1 < len ? hex_value(glob[i + 1]) : -1;
		lo = i + 2 < len ? hex_value(glob[i + 2]) : -1;
		if (hi < 0 || lo < 0)
			return vantio_fail(err, EINVAL, "'\\x' needs two hex digits, as in '\\x0a'; for the letter write 'x'");
		*ret = (uint8_t)(hi << 4 | lo);
		*at = i + 3;
	}
	if (*ret == 0)
		return vantio_fail(err, EINVAL, "a glob cannot hold the byte 0, because no path does");
	return 0;
}

static const struct {
	const char *name;
	int (*has)(int c);
} posix_classes[] = {
	{ "alnum", isalnum }, { "alpha", isalpha }, { "blank", isblank }, { "cntrl", iscntrl }, { "digit", isdigit },
	{ "graph", isgraph }, { "lower", islower }, { "print", isprint }, { "punct", ispunct }, { "space", isspace },
	{ "upper", isupper }, { "xdigit", isxdigit },
};

/* What one member of a class is: a byte, or a named set that already was asked about `byte`. */
struct member {
	bool named, named_hit;
	uint8_t byte;
};

/* glob[*at] and [*at + 1] are "[:", "[." or "[=". */
static int read_named(const char *glob, size_t len, size_t *at, uint8_t byte, struct member *ret, struct vantio_error *err)
{
	const char kind = glob[*at + 1];
	const size_t from = *at + 2;
	size_t i, end = from;

	while (end + 1 < len && !(glob[end] == kind && glob[end + 1] == ']'))
		end++;
	if (end + 1 >= len)
		return vantio_fail(err, EINVAL, "'[%c' in a class needs its '%c]'; for the bracket itself write '\\['", kind, kind);
	*at = end + 2;
	if (kind != ':') {
		if (end - from != 1)
			return vantio_fail(err, EINVAL, "'[%c' and '%c]' in a class hold exactly one byte", kind, kind);
		ret->byte = (uint8_t)glob[from];
		return 0;
	}
	for (i = 0; i < VANTIO_ARRAY_SIZE(posix_classes); i++) {
		if (strlen(posix_classes[i].name) != end - from || memcmp(posix_classes[i].name, glob + from, end - from))
			continue;
		ret->named = true;
		ret->named_hit = byte < 128 && posix_classes[i].has(byte);
		return 0;
	}
	return vantio_fail(err, EINVAL, "unknown character class: '[:alnum:]', alpha, blank, cntrl, digit, graph, lower, print, "
			   "punct, space, upper and xdigit are known");
}

static int read_member(const char *glob, size_t len, size_t *at, uint8_t byte, struct member *ret, struct vantio_error *err)
{
	int r;

	*ret = (struct member){ 0 };
	if (glob[*at] == '[' && *at + 1 < len && (glob[*at + 1] == ':' || glob[*at + 1] == '.' || glob[*at + 1] == '=')) {
		r = read_named(glob, len, at, byte, ret, err);
		if (r < 0)
			return r;
	} else if (glob[*at] == '\\') {
		r = read_escape(glob, len, at, &ret->byte, err);
		if (r < 0)
			return r;
	} else {
		ret->byte = (uint8_t)glob[(*at)++];
	}
	if (!ret->named && ret->byte == '/')
		return vantio_fail(err, EINVAL, "a class never matches the slash: write alternatives, as in '{a,/}', or close the '['");
	return 0;
}

int vantio_glob_read_class(const char *glob, size_t len, size_t *at, uint8_t byte, bool *ret, struct vantio_error *err)
{
	size_t i = *at + 1, first;
	bool negated = false, hit = false;
	struct member lo, hi;
	int r;

	if (i < len && (glob[i] == '!' || glob[i] == '^')) {
		negated = true;
		i++;
	}
	for (first = i; i < len && (glob[i] != ']' || i == first);) {
		r = read_member(glob, len, &i, byte, &lo, err);
		if (r < 0)
			return r;
		if (i + 1 < len && glob[i] == '-' && glob[i + 1] != ']') {
			i++;
			r = read_member(glob, len, &i, byte, &hi, err);
			if (r < 0)
				return r;
			if (lo.named || hi.named || lo.byte > hi.byte)
				return vantio_fail(err, EINVAL, "a range in a class runs from a lower byte to a higher one, as in '[a-z]'");
			hit |= lo.byte <= byte && byte <= hi.byte;
		} else {
			hit |= lo.named ? lo.named_hit : lo.byte == byte;
		}
	}
	if (i >= len)
		return vantio_fail(err, EINVAL, "'[' without its ']': close the class, or write '\\[' for the bracket itself");
	*at = i + 1;
	*ret = byte != '/' && hit != negated;
	return 0;
}

int vantio_glob_read_token(const char *glob, size_t len, size_t *at, size_t depth, struct vantio_glob_token *ret, struct vantio_error *err)
{
	size_t stars;
	bool hit;
	int r;

	*ret = (struct vantio_glob_token){ .kind = T_LITERAL, .byte = (uint8_t)glob[*at], .at = (uint32_t)*at };
	switch (glob[*at]) {
	case '\\':
		r = read_escape(glob, len, at, &ret->byte, err);
		if (!r && ret->byte == '/')
			ret->kind = T_SLASH;
		return r;
	case '[':
		ret->kind = T_CLASS;
		return vantio_glob_read_class(glob, len, at, 0, &hit, err);
	case '*':
		for (stars = 1; *at + stars < len && glob[*at + stars] == '*'; stars++)
			;
		if (stars > 2)
			return vantio_fail(err, EINVAL, "more than two stars: '*' matches within a component, '/**/' any number of them");
		ret->kind = stars == 2 ? T_GLOBSTAR : T_STAR;
		*at += stars;
		return 0;
	case '/': ret->kind = T_SLASH; break;
	case '?': ret->kind = T_ONE; break;
	case '{': ret->kind = T_OPEN; break;
	case ',': ret->kind = depth ? T_COMMA : T_LITERAL; break;
	case '}': ret->kind = depth ? T_CLOSE : T_LITERAL; break;
	default: break;
	}
	(*at)++;
	return 0;
}
