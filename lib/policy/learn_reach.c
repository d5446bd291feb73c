// SPDX-License-Identifier: Apache-2.0
/*
 * Whether a pattern of a made-up name could stand for a sensitive place beside it, as ".ss*" does for ".ssh" in a home. Asked of the component
 * that becomes a pattern, for a place that was named itself is a question and no rule. Places whose own component begins with a
 * star ("*.key") are left to the entries of deny: every pattern that ends in one could reach them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/learn_internal.h"

#define PLACES_MAX 4096
#define PART_MAX   256 /* bytes of a component, after which all is taken for a star */
#define PARTS_MAX  16  /* components of a place */

enum { ANY = 256, STAR };

/* Fixed bytes, any one, or any number of them. */
struct part {
	uint16_t items[PART_MAX];
	size_t n;
};

struct vantio_reach {
	char *globs[PLACES_MAX]; /* owned: of places, without braces */
	size_t n;
};

void vantio_reach_free(struct vantio_reach *r)
{
	size_t i;

	for (i = 0; r && i < r->n; i++)
		free(r->globs[i]);
	free(r);
}

/* Behind the brace that closes the one at `at`. */
static const char *brace_end(const char *at)
{
	int depth = 0;

	do {
		depth += *at == '{';
		depth -= *at == '}';
		at++;
	} while (depth && *at);
	return at;
}

static bool add_expanded(struct vantio_reach *r, const char *glob)
{
	const char *open = strchr(glob, '{'), *end, *at, *from;
	bool ok = true;
	int depth = 0;

	if (!open) {
		if (r->n == PLACES_MAX || !(r->globs[r->n] = strdup(glob)))
			return false;
		r->n++;
		return true;
	}
	end = brace_end(open);
	for (at = from = open + 1; at < end && ok; at++) {
		cleanup_buf struct vantio_buf one = VANTIO_BUF_INIT;

		if (!depth && (*at == ',' || at + 1 == end)) {
			vantio_buf_add(&one, glob, (size_t)(open - glob));
			vantio_buf_add(&one, from, (size_t)(at - from));
			vantio_buf_puts(&one, end);
			ok = !one.failed && add_expanded(r, one.data);
			from = at + 1;
		}
		depth += *at == '{';
		depth -= *at == '}';
	}
	return ok;
}

int vantio_reach_new(struct vantio_reach **ret, struct vantio_error *err)
{
	struct vantio_reach *r = calloc(1, sizeof(*r));
	const struct vantio_place_entry *place;
	size_t i;

	for (i = 0; r && (place = vantio_place_nth(i)); i++)
		if (place->kind != PLACE_NET && !add_expanded(r, place->glob)) {
			vantio_reach_free(r);
			r = NULL;
		}
	*ret = r;
	return r ? 0 : vantio_fail(err, ENOMEM, "out of memory");
}

/* ---- components ---- */

/* The component at `at`, up to the slash; where the next one begins, NULL behind the last one. */
static const char *read_part(const char *at, struct part *ret)
{
	uint8_t byte;

	for (ret->n = 0; *at && *at != '/'; at++) {
		uint16_t item = (uint8_t)*at;

		if (*at == '*') {
			item = STAR;
		} else if (*at == '[' && strchr(at, ']')) {
			item = ANY;
			at = strchr(at, ']');
		} else if (*at == '\\' && at[1] == 'x' && at[2] && at[3] && vantio_unhex(&byte, 1, at + 2, 2)) {
			item = byte;
			at += 3;
		} else if (*at == '\\' && at[1]) {
			item = (uint8_t)*++at;
		}
		if (ret->n < PART_MAX)
			ret->items[ret->n++] = item;
		else
			ret->items[PART_MAX - 1] = STAR;
	}
	return *at ? at + 1 : NULL;
}

static bool is_same(uint16_t a, uint16_t b)
{
	return a == b || a == ANY || b == ANY;
}

/* Whether some name is of both. */
static bool have_common(const struct part *a, const struct part *b)
{
	bool below[PART_MAX + 1] = { false }, row[PART_MAX + 1] = { false }; /* of a from i + 1 on, and from i on; by where b goes on */
	size_t i, j;

	if (a->n && b->n && a->items[0] < ANY && b->items[0] < ANY && a->items[0] != b->items[0]) /* as most do */
		return false;
	for (i = a->n + 1; i--;) {
		for (j = b->n + 1; j--;) {
			const bool a_ends = i == a->n, b_ends = j == b->n;
			bool ok = a_ends && b_ends;

			if (!a_ends && a->items[i] == STAR)
				ok = below[j] || (!b_ends && row[j + 1]);
			if (!ok && !b_ends && b->items[j] == STAR)
				ok = row[j + 1] || (!a_ends && below[j]);
			if (!ok && !a_ends && !b_ends && a->items[i] != STAR && b->items[j] != STAR && is_same(a->items[i], b->items[j]))
				ok = below[j + 1];
			row[j] = ok;
		}
		memcpy(below, row, sizeof(row[0]) * (b->n + 1));
	}
	return row[0];
}

static bool is_any_depth(const struct part *p)
{
	return p->n == 2 && p->items[0] == STAR && p->items[1] == STAR;
}

/* ---- paths ---- */

/* Whether the folder (up to `end`) may be what the first `n` components of a place stand for. */
static bool may_lead(const char *folder, const char *end, const struct part *place, size_t n)
{
	bool at[PARTS_MAX + 1] = { true }; /* the components of the place that what was read so far may be */
	const char *next = folder;
	struct part p;
	size_t j;

	for (j = 0; j < n && is_any_depth(&place[j]); j++)
		at[j + 1] = at[j];
	while (next && next < end) {
		next = read_part(next, &p);
		for (j = n + 1; j--;) /* from behind: what is before j is of the component before */
			at[j] = (j < n && at[j] && is_any_depth(&place[j])) ||
				(j && at[j - 1] && !is_any_depth(&place[j - 1]) && have_common(&p, &place[j - 1]));
		for (j = 0; j < n; j++)
			at[j + 1] = at[j + 1] || (at[j] && is_any_depth(&place[j]));
	}
	return at[n];
}

static bool reaches(const char *path, const char *last, const struct part *name, const char *glob)
{
	struct part place[PARTS_MAX];
	const char *next = glob + 1 - (*glob != '/');
	size_t n;

	for (n = 0; next && n < PARTS_MAX; n++) {
		next = read_part(next, &place[n]);
		if (!place[n].n || place[n].items[0] == STAR || !have_common(name, &place[n]))
			continue;
		if (may_lead(path + 1, last, place, n))
			return true;
	}
	return false;
}

bool vantio_reach_place(const struct vantio_reach *r, const char *path)
{
	const char *last = strrchr(path, '/') + 1;
	struct part name;
	size_t i;

	read_part(last, &name);
	for (i = 0; i < r->n; i++)
		if (reaches(path, last, &name, r->globs[i]))
			return true;
	return false;
}
