// SPDX-License-Identifier: Apache-2.0
/*
 * Globs into the tree of nodes. A slash is held back until the component behind it begins, because the one before two stars
 * belongs to the components that they stand for: then "/d" and two stars match "/d" too. Alternatives go on side by side in the
 * tree while there are few of them, so that rules share what follows. They are joined beyond that, and between two stars: there
 * several could be under way at once, and each set of copies of what follows would become a state.
 */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "policy/glob.h"
#include "policy/nfa.h"

#define FRONT_MAX 16 /* places side by side */

struct place {
	uint32_t node;
	bool pending; /* a slash is held back */
	bool root;    /* nothing but stars so far: the root of paths is matched */
};

struct front {
	struct place places[FRONT_MAX];
	size_t n;
};

struct reader {
	struct vantio_nfa *nfa;
	const uint8_t *at, *end;
	bool looped; /* a star came before */
};

/* What is in the same condition is joined into one node each. */
static void join_front(struct reader *r, struct front *f)
{
	size_t i, j, kept;
	uint32_t joined;

	for (i = 0; i < f->n; i++) {
		const struct place p = f->places[i];

		joined = vantio_nfa_node(r->nfa);
		if (r->nfa->error)
			return;
		vantio_nfa_link(r->nfa, p.node, VANTIO_NFA_LABEL(VANTIO_NFA_JOIN, 0), joined);
		f->places[i].node = joined;
		for (j = kept = i + 1; j < f->n; j++) {
			if (f->places[j].pending == p.pending && f->places[j].root == p.root)
				vantio_nfa_link(r->nfa, f->places[j].node, VANTIO_NFA_LABEL(VANTIO_NFA_JOIN, 0), joined);
			else
				f->places[kept++] = f->places[j];
		}
		f->n = kept;
	}
}

static void add_place(struct reader *r, struct front *f, struct place p)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->places[i].node == p.node && f->places[i].pending == p.pending && f->places[i].root == p.root)
			return;
	if (f->n == FRONT_MAX)
		join_front(r, f);
	if (!r->nfa->error)
		f->places[f->n++] = p;
}

static uint32_t child(struct reader *r, uint32_t node, enum vantio_nfa_kind kind, uint32_t value)
{
	return node == VANTIO_NFA_NONE ? node : vantio_nfa_child(r->nfa, node, VANTIO_NFA_LABEL(kind, value));
}

/* The component goes on: the slash that was held back comes first. */
static void open_component(struct reader *r, struct place *p)
{
	if (p->pending)
		p->node = child(r, p->node, VANTIO_NFA_BYTE, '/');
	p->pending = false;
	p->root = false;
}

static void put_label(struct reader *r, struct front *f, uint32_t label)
{
	size_t i;

	for (i = 0; i < f->n && !r->nfa->error; i++) {
		open_component(r, &f->places[i]);
		f->places[i].node = child(r, f->places[i].node, VANTIO_NFA_KIND(label), VANTIO_NFA_VALUE(label));
	}
}

static void put_star(struct reader *r, struct front *f)
{
	const uint32_t made = r->nfa->n_nodes;
	size_t i;
	uint32_t to;

	r->looped = true;
	for (i = 0; i < f->n && !r->nfa->error; i++) {
		open_component(r, &f->places[i]);
		to = child(r, f->places[i].node, VANTIO_NFA_STAR, 0);
		if (to != VANTIO_NFA_NONE && to >= made && r->nfa->nodes[to].edges == VANTIO_NFA_NONE)
			vantio_nfa_link(r->nfa, to, VANTIO_NFA_LABEL(VANTIO_NFA_LOOP, VANTIO_NFA_SET_COMPONENT), to);
		f->places[i].node = to;
	}
}

/* The boundary before or behind any number of components, and the loop that passes over them. */
static void put_stars(struct reader *r, struct front *f)
{
	const uint32_t made = r->nfa->n_nodes;
	uint32_t boundary, loop;
	size_t i;

	r->looped = true;
	for (i = 0; i < f->n && !r->nfa->error; i++) {
		boundary = child(r, f->places[i].node, VANTIO_NFA_STARS, 0);
		loop = child(r, boundary, VANTIO_NFA_ENTER, '/');
		if (loop != VANTIO_NFA_NONE && loop >= made && r->nfa->nodes[loop].edges == VANTIO_NFA_NONE) {
			vantio_nfa_link(r->nfa, loop, VANTIO_NFA_LABEL(VANTIO_NFA_LOOP, VANTIO_NFA_SET_ANY), loop);
			vantio_nfa_link(r->nfa, loop, VANTIO_NFA_LABEL(VANTIO_NFA_JOIN, 0), boundary);
		}
		f->places[i].node = boundary;
		f->places[i].pending = false;
	}
}

static uint8_t hex_digit(uint8_t c)
{
	return (uint8_t)(isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* r->at is behind a backslash. */
static uint8_t take_escape(struct reader *r)
{
	uint8_t byte = *r->at++;

	if (byte != 'x')
		return byte;
	byte = (uint8_t)(hex_digit(r->at[0]) << 4 | hex_digit(r->at[1]));
	r->at += 2;
	return byte;
}

/* r->at is behind "[:". */
static void take_named_class(struct reader *r, struct vantio_byte_set *set)
{
	static const struct {
		char name[8];
		int (*has)(int c);
	} named[] = {
		{ "alnum:]", isalnum }, { "alpha:]", isalpha }, { "blank:]", isblank }, { "cntrl:]", iscntrl },
		{ "digit:]", isdigit }, { "graph:]", isgraph }, { "lower:]", islower }, { "print:]", isprint },
		{ "punct:]", ispunct }, { "space:]", isspace }, { "upper:]", isupper }, { "xdigit:", isxdigit },
	};
	size_t i;
	int c;

	for (i = 0; i < VANTIO_ARRAY_SIZE(named); i++)
		if (r->end - r->at >= 7 && !memcmp(r->at, named[i].name, 7))
			for (c = 0; c < 128; c++)
				if (named[i].has(c))
					vantio_byte_set_add(set, (uint8_t)c);
	while (*r->at++ != ']')
		;
}

/* One byte of a class, however it is spelled; false if it was a named class, which is in `set` then. */
static bool take_member(struct reader *r, struct vantio_byte_set *set, uint8_t *ret)
{
	*ret = *r->at++;
	if (*ret == '\\') {
		*ret = take_escape(r);
	} else if (*ret == '[' && r->at < r->end && *r->at == ':') {
		r->at++;
		take_named_class(r, set);
		return false;
	} else if (*ret == '[' && r->at < r->end && (*r->at == '.' || *r->at == '=')) {
		*ret = r->at[1];
		r->at += 4;
	}
	return true;
}

/* r->at is behind '['. */
static uint32_t take_class(struct reader *r)
{
	struct vantio_byte_set set = { { 0 } };
	bool negated = *r->at == '!' || *r->at == '^', first = true;
	uint8_t lo, hi;
	unsigned int c;
	int i;

	r->at += negated;
	for (; first || *r->at != ']'; first = false) {
		if (!take_member(r, &set, &lo))
			continue;
		hi = lo;
		if (r->at[0] == '-' && r->at[1] != ']') {
			r->at++;
			take_member(r, &set, &hi);
		}
		for (c = lo; c <= hi; c++)
			vantio_byte_set_add(&set, (uint8_t)c);
	}
	r->at++;
	for (i = 0; negated && i < 4; i++)
		set.bits[i] = ~set.bits[i];
	set.bits['/' >> 6] &= ~(1ull << ('/' & 63));
	return vantio_nfa_set(r->nfa, &set);
}

static void put_sequence(struct reader *r, struct front *f, int depth);

/* r->at is behind '{'. */
static void put_alternatives(struct reader *r, struct front *f, int depth)
{
	const struct front before = *f;
	struct front one;
	size_t i;

	f->n = 0;
	do {
		one = before;
		put_sequence(r, &one, depth + 1);
		for (i = 0; i < one.n; i++)
			add_place(r, f, one.places[i]);
	} while (!r->nfa->error && *r->at++ == ',');
	if (f->n > 1 && r->looped && memchr(r->at, '*', (size_t)(r->end - r->at)))
		join_front(r, f);
}

/* Up to the end, or to the comma or the brace that ends an alternative. */
static void put_sequence(struct reader *r, struct front *f, int depth)
{
	size_t i;
	uint8_t c;

	while (r->at < r->end && !r->nfa->error) {
		c = *r->at;
		if (depth && (c == ',' || c == '}'))
			return;
		r->at++;
		if (c == '\\')
			c = take_escape(r);
		else if (c == '[' || c == '?') {
			put_label(r, f, c == '[' ? take_class(r) : VANTIO_NFA_LABEL(VANTIO_NFA_SET, VANTIO_NFA_SET_COMPONENT));
			continue;
		} else if (c == '{') {
			put_alternatives(r, f, depth);
			continue;
		} else if (c == '*' && r->at < r->end && *r->at == '*') {
			r->at++;
			put_stars(r, f);
			continue;
		} else if (c == '*') {
			put_star(r, f);
			continue;
		}
		if (c != '/')
			put_label(r, f, VANTIO_NFA_LABEL(VANTIO_NFA_BYTE, c));
		for (i = 0; c == '/' && i < f->n; i++)
			f->places[i].pending = true;
	}
}

void vantio_nfa_add_glob(struct vantio_nfa *nfa, const char *glob, size_t len, uint8_t mask)
{
	struct reader r = { nfa, (const uint8_t *)glob, (const uint8_t *)glob + len, false };
	struct front f = { .places = { { VANTIO_NFA_START, false, true } }, .n = 1 };
	size_t i;

	nfa->paths = true;
	put_sequence(&r, &f, 0);
	for (i = 0; i < f.n && !nfa->error; i++) {
		if (f.places[i].root)
			nfa->root |= mask;
		/* A slash is held back at the end only in the glob "/", which is the root and nothing else. */
		if (!f.places[i].pending)
			vantio_nfa_accept(nfa, f.places[i].node, mask);
	}
}
