// SPDX-License-Identifier: Apache-2.0
/*
 * The spelling of globs and the slow reference matcher. Nothing here is shared with the compiler (glob_parse.c), which is
 * tested against it. A match costs at most O(glob length * path length) time and bits: it is a search for a way from the
 * beginning of both to the end of both in which no pair of positions is tried twice.
 */
#include "policy/glob.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "base/mem.h"

enum token_kind {
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

struct token {
	enum token_kind kind;
	uint8_t byte;  /* T_LITERAL */
	uint32_t at;   /* offset in the text */
	uint32_t next; /* T_OPEN, T_COMMA: token of the next comma or the close of the same brace */
	uint32_t close; /* T_COMMA, T_CLOSE: token of the close */
};

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

/* glob[*at] is '[': moves *at behind the class, says whether `byte` is in it. */
static int read_class(const char *glob, size_t len, size_t *at, uint8_t byte, bool *ret, struct vantio_error *err)
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

/* One token at glob[*at]; `depth` open braces make comma and close structural. */
static int read_token(const char *glob, size_t len, size_t *at, size_t depth, struct token *ret, struct vantio_error *err)
{
	size_t stars;
	bool hit;
	int r;

	*ret = (struct token){ .kind = T_LITERAL, .byte = (uint8_t)glob[*at], .at = (uint32_t)*at };
	switch (glob[*at]) {
	case '\\':
		r = read_escape(glob, len, at, &ret->byte, err);
		if (!r && ret->byte == '/')
			ret->kind = T_SLASH;
		return r;
	case '[':
		ret->kind = T_CLASS;
		return read_class(glob, len, at, 0, &hit, err);
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

/* ---- check --------------------------------------------------------------------------------------- */

/* What the component that a place in the glob belongs to looks like so far. */
enum so_far { AT_START, AT_SLASH, AT_DOT, AT_DOTDOT, AT_GLOBSTAR, AT_OTHER, AT_MAX };

#define NEVER UINT32_MAX

/*
 * For each way of being at a place (alternatives make several): the shortest path that gets there, NEVER if none does. A slash
 * counts once a component follows it, because '/d/' + '**' matches '/d'.
 */
struct place {
	uint32_t shortest[AT_MAX];
};

static void reach(struct place *p, enum so_far state, uint32_t length)
{
	if (length < p->shortest[state])
		p->shortest[state] = length;
}

static bool is_at(const struct place *p, enum so_far state)
{
	return p->shortest[state] != NEVER;
}

static struct place nowhere(void)
{
	struct place p;

	memset(&p, 0xff, sizeof(p));
	return p;
}

/* A component ends here, because of a slash or the end. */
static int check_component(const struct place *p, struct vantio_error *err)
{
	if (is_at(p, AT_DOT))
		return vantio_fail(err, EINVAL, "a '.' component never occurs in a path: leave it out");
	if (is_at(p, AT_DOTDOT))
		return vantio_fail(err, EINVAL, "a '..' component never occurs in a path: write the path that it leads to");
	return 0;
}

static int step_slash(struct place *p, struct vantio_error *err)
{
	struct place to = nowhere();
	int i, r;

	if (is_at(p, AT_SLASH))
		return vantio_fail(err, EINVAL, "'//' never occurs in a path: write one slash, and keep an empty alternative from "
				   "leaving two, as in '/a/{,b/}c'");
	r = check_component(p, err);
	if (r < 0)
		return r;
	for (i = 0; i < AT_MAX; i++)
		if (is_at(p, (enum so_far)i))
			reach(&to, AT_SLASH, p->shortest[i]);
	*p = to;
	return 0;
}

static int step_globstar(struct place *p, struct vantio_error *err)
{
	struct place to = nowhere();

	if (is_at(p, AT_DOT) || is_at(p, AT_DOTDOT) || is_at(p, AT_GLOBSTAR) || is_at(p, AT_OTHER))
		return vantio_fail(err, EINVAL, "'**' must be a whole component: write 'a*' within one, or 'a/**' for what lies below");
	if (is_at(p, AT_START))
		reach(&to, AT_GLOBSTAR, p->shortest[AT_START]);
	if (is_at(p, AT_SLASH))
		reach(&to, AT_GLOBSTAR, p->shortest[AT_SLASH]);
	*p = to;
	return 0;
}

/* A byte of a component, or none or more of them if `bytes` is 0. */
static int step_bytes(struct place *p, uint32_t bytes, bool dot, struct vantio_error *err)
{
	struct place to = nowhere();
	uint32_t i, slash;

	if (is_at(p, AT_GLOBSTAR))
		return vantio_fail(err, EINVAL, "'**' must be a whole component: write '*a' within one, or '**/a' at any depth");
	for (i = AT_START; i < AT_MAX; i++) {
		if (!is_at(p, (enum so_far)i))
			continue;
		slash = i == AT_SLASH;
		if (dot && i == AT_SLASH)
			reach(&to, AT_DOT, p->shortest[i] + slash + bytes);
		else if (dot && i == AT_DOT)
			reach(&to, AT_DOTDOT, p->shortest[i] + bytes);
		else
			reach(&to, AT_OTHER, p->shortest[i] + slash + bytes);
	}
	*p = to;
	return 0;
}

static int step_token(struct place *p, const struct token *t, struct vantio_error *err)
{
	switch (t->kind) {
	case T_SLASH: return step_slash(p, err);
	case T_GLOBSTAR: return step_globstar(p, err);
	case T_STAR: return step_bytes(p, 0, false, err);
	default: return step_bytes(p, 1, t->kind == T_LITERAL && t->byte == '.', err);
	}
}

static void join(struct place *to, const struct place *p)
{
	int i;

	for (i = 0; i < AT_MAX; i++)
		reach(to, (enum so_far)i, p->shortest[i]);
}

static int check_end(const struct place *p, size_t len, struct vantio_error *err)
{
	uint32_t shortest = NEVER;
	int i, r;

	if (is_at(p, AT_SLASH) && len > 1)
		return vantio_fail(err, EINVAL, "a slash at the end never occurs in a path: write 'd' for the folder, 'd/**' for it and all "
				   "that lies below");
	r = check_component(p, err);
	if (r < 0)
		return r;
	for (i = 0; i < AT_MAX; i++)
		if (p->shortest[i] < shortest)
			shortest = p->shortest[i];
	if (shortest > VANTIO_PATH_MAX - 1)
		return vantio_fail(err, EINVAL, "it can only match paths of more than %d bytes, and there are none", VANTIO_PATH_MAX - 1);
	return 0;
}

static int check_start(const char *glob, size_t len, struct vantio_error *err)
{
	if (len > VANTIO_GLOB_MAX)
		return vantio_fail(err, EINVAL, "a glob of more than %u bytes: split it into several", VANTIO_GLOB_MAX);
	if (memchr(glob, '\0', len))
		return vantio_fail(err, EINVAL, "a glob cannot hold the byte 0, because no path does");
	if (len && glob[0] == '/')
		return 0;
	if (len >= 2 && glob[0] == '*' && glob[1] == '*' && (len == 2 || glob[2] == '/' || glob[2] == '*'))
		return 0;
	return vantio_fail(err, EINVAL, "a glob begins with '/', '**/', '~/' or '$WORKDIR/', or is '**'");
}

int vantio_glob_check(const char *glob, size_t len, struct vantio_error *err)
{
	struct place p = nowhere(), before[VANTIO_GLOB_DEPTH], after[VANTIO_GLOB_DEPTH];
	size_t at = 0, depth = 0;
	struct token t;
	int r;

	r = check_start(glob, len, err);
	if (r < 0)
		return r;
	p.shortest[AT_START] = 0;
	while (at < len) {
		r = read_token(glob, len, &at, depth, &t, err);
		if (r < 0)
			return r;
		if (t.kind == T_OPEN) {
			if (depth == VANTIO_GLOB_DEPTH)
				return vantio_fail(err, EINVAL, "braces nested more than %d deep", VANTIO_GLOB_DEPTH);
			before[depth] = p;
			after[depth++] = nowhere();
		} else if (t.kind == T_COMMA) {
			join(&after[depth - 1], &p);
			p = before[depth - 1];
		} else if (t.kind == T_CLOSE) {
			join(&after[--depth], &p);
			p = after[depth];
		} else {
			r = step_token(&p, &t, err);
			if (r < 0)
				return r;
		}
	}
	if (depth)
		return vantio_fail(err, EINVAL, "'{' without its '}': close the alternatives, or write '\\{' for the brace itself");
	return check_end(&p, len, err);
}

/* ---- match --------------------------------------------------------------------------------------- */

/* Splits a checked glob into tokens with their braces matched up. NULL if it is no glob or memory ran out. */
static struct token *tokenise(const char *glob, size_t len, size_t *ret_n)
{
	uint32_t last[VANTIO_GLOB_DEPTH], open[VANTIO_GLOB_DEPTH], i;
	cleanup_free struct token *tokens = calloc(len + 1, sizeof(*tokens));
	struct vantio_error err;
	size_t at = 0, depth = 0;
	uint32_t n = 0;

	if (!tokens || len > VANTIO_GLOB_MAX)
		return NULL;
	for (; at < len; n++) {
		if (read_token(glob, len, &at, depth, &tokens[n], &err) < 0)
			return NULL;
		if (tokens[n].kind == T_OPEN) {
			if (depth == VANTIO_GLOB_DEPTH)
				return NULL;
			open[depth] = last[depth] = n;
			depth++;
		} else if (tokens[n].kind == T_COMMA) {
			tokens[last[depth - 1]].next = n;
			last[depth - 1] = n;
		} else if (tokens[n].kind == T_CLOSE) {
			depth--;
			tokens[last[depth]].next = n;
			tokens[n].close = n;
			for (i = tokens[open[depth]].next; i != n; i = tokens[i].next)
				tokens[i].close = n;
		}
	}
	*ret_n = n;
	return vantio_take(tokens);
}

/* A place in the search: before token `token`, before path[at]; `pending`: a slash of the glob is still to be matched. */
struct spot {
	uint32_t token, at;
	bool pending;
};

struct search {
	const char *glob, *path;
	size_t glob_len, path_len;
	struct token *tokens;
	size_t n_tokens;
	uint8_t *seen; /* a bit per spot */
	struct spot *todo;
	size_t n_todo, cap_todo;
	bool failed;
};

static void visit(struct search *s, size_t token, size_t at, bool pending)
{
	const size_t bit = (token * 2 + pending) * (s->path_len + 1) + at;
	struct spot *grown;

	if (s->seen[bit / 8] & 1u << bit % 8)
		return;
	s->seen[bit / 8] |= (uint8_t)(1u << bit % 8);
	if (s->n_todo == s->cap_todo) {
		grown = realloc(s->todo, (s->cap_todo * 2 + 32) * sizeof(*grown));
		if (!grown) {
			s->failed = true;
			return;
		}
		s->todo = grown;
		s->cap_todo = s->cap_todo * 2 + 32;
	}
	s->todo[s->n_todo++] = (struct spot){ (uint32_t)token, (uint32_t)at, pending };
}

/* None or more components, each a slash and what follows it. */
static void follow_globstar(struct search *s, struct spot spot)
{
	size_t at = spot.at;

	visit(s, spot.token + 1, at, false);
	if (at == s->path_len || s->path[at] != '/')
		return;
	for (at++; at < s->path_len && s->path[at] != '/'; at++)
		;
	visit(s, spot.token, at, false);
}

/* A token that matches bytes of one component. */
static void follow_bytes(struct search *s, const struct token *t, struct spot spot)
{
	size_t at = spot.at, class_at = t->at;
	struct vantio_error err;
	bool hit = false;

	if (spot.pending) {
		if (at == s->path_len || s->path[at] != '/')
			return;
		at++;
	}
	if (t->kind == T_STAR) {
		visit(s, spot.token + 1, at, false);
		if (at < s->path_len && s->path[at] != '/')
			visit(s, spot.token, at + 1, false);
		return;
	}
	if (at == s->path_len || s->path[at] == '/')
		return;
	if (t->kind == T_ONE)
		hit = true;
	else if (t->kind == T_LITERAL)
		hit = t->byte == (uint8_t)s->path[at];
	else if (read_class(s->glob, s->glob_len, &class_at, (uint8_t)s->path[at], &hit, &err) < 0)
		hit = false;
	if (hit)
		visit(s, spot.token + 1, at + 1, false);
}

static void follow(struct search *s, struct spot spot)
{
	const struct token *t = &s->tokens[spot.token];
	uint32_t i;

	switch (t->kind) {
	case T_OPEN:
		for (i = spot.token; s->tokens[i].kind != T_CLOSE; i = s->tokens[i].next)
			visit(s, i + 1, spot.at, spot.pending);
		break;
	case T_COMMA:
	case T_CLOSE:
		visit(s, t->close + 1, spot.at, spot.pending);
		break;
	case T_SLASH:
		visit(s, spot.token + 1, spot.at, true);
		break;
	case T_GLOBSTAR:
		follow_globstar(s, spot);
		break;
	default:
		follow_bytes(s, t, spot);
	}
}

static bool search(struct search *s)
{
	struct spot spot;

	visit(s, 0, 0, false);
	while (s->n_todo && !s->failed) {
		spot = s->todo[--s->n_todo];
		if (spot.token < s->n_tokens)
			follow(s, spot);
		else if (spot.at == s->path_len && (!spot.pending || !s->path_len))
			return true;
	}
	return false;
}

bool vantio_glob_match(const char *glob, size_t glob_len, const char *path, size_t path_len)
{
	struct search s = { .glob = glob, .glob_len = glob_len, .path = path, .path_len = path_len };
	bool ret = false;

	if (!path_len || path[0] != '/' || path_len >= VANTIO_PATH_MAX)
		return false;
	if (path_len == 1)
		s.path_len = 0; /* the root: no component at all */
	s.tokens = tokenise(glob, glob_len, &s.n_tokens);
	if (s.tokens) {
		s.seen = calloc((s.n_tokens + 1) * 2 * (s.path_len + 1) / 8 + 1, 1);
		ret = s.seen && search(&s);
	}
	free(s.tokens);
	free(s.seen);
	free(s.todo);
	return ret;
}
