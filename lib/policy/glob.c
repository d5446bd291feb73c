// SPDX-License-Identifier: Apache-2.0
/*
 * The slow reference matcher. Nothing here is shared with the compiler (nfa_glob.c), which is tested against it. A match costs at
 * most O(glob length * path length) time and bits: it is a search for a way from the beginning of both to the end of both in which
 * no pair of positions is tried twice.
 */
#include "policy/glob.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "base/mem.h"
#include "policy/glob_token.h"

/* Splits a checked glob into tokens with their braces matched up. NULL if it is no glob or memory ran out. */
static struct vantio_glob_token *tokenise(const char *glob, size_t len, size_t *ret_n)
{
	uint32_t last[VANTIO_GLOB_DEPTH], open[VANTIO_GLOB_DEPTH], i;
	cleanup_free struct vantio_glob_token *tokens = calloc(len + 1, sizeof(*tokens));
	struct vantio_error err;
	size_t at = 0, depth = 0;
	uint32_t n = 0;

	if (!tokens || len > VANTIO_GLOB_MAX)
		return NULL;
	for (; at < len; n++) {
		if (vantio_glob_read_token(glob, len, &at, depth, &tokens[n], &err) < 0)
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
	struct vantio_glob_token *tokens;
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
static void follow_bytes(struct search *s, const struct vantio_glob_token *t, struct spot spot)
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
	else if (vantio_glob_read_class(s->glob, s->glob_len, &class_at, (uint8_t)s->path[at], &hit, &err) < 0)
		hit = false;
	if (hit)
		visit(s, spot.token + 1, at + 1, false);
}

static void follow(struct search *s, struct spot spot)
{
	const struct vantio_glob_token *t = &s->tokens[spot.token];
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

bool vantio_glob_literal(const char *glob, size_t glob_len, char *out, size_t size)
{
	struct vantio_glob_token token;
	struct vantio_error err;
	size_t at = 0, n = 0;

	if (!glob_len || glob[0] != '/')
		return false;
	while (at < glob_len) {
		if (n + 1 >= size || vantio_glob_read_token(glob, glob_len, &at, 0, &token, &err) < 0 ||
		    (token.kind != T_LITERAL && token.kind != T_SLASH))
			return false;
		out[n++] = token.kind == T_SLASH ? '/' : (char)token.byte;
	}
	out[n] = '\0';
	return true;
}
