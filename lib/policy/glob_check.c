// SPDX-License-Identifier: Apache-2.0
/* Whether a spelling is a glob that some path can match; what is wrong with it, and the right spelling, if not. */
#include "policy/glob.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "abi.h"
#include "base/mem.h"
#include "policy/glob_token.h"

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

static int step_token(struct place *p, const struct vantio_glob_token *t, struct vantio_error *err)
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
	struct vantio_glob_token t;
	int r;

	r = check_start(glob, len, err);
	if (r < 0)
		return r;
	p.shortest[AT_START] = 0;
	while (at < len) {
		r = vantio_glob_read_token(glob, len, &at, depth, &t, err);
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
