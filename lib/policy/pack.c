// SPDX-License-Identifier: Apache-2.0
/*
 * Row displacement (bpf/abi.h): a state takes a free cell for its header such that the cells of its exceptions are free too.
 * First fit, 64 places at a time over a bitmap of the used cells. States are placed depth first along their exceptions, so
 * that the cells of one path's states lie near each other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "base/mem.h"
#include "policy/dfa.h"

#define SPAN  320 /* cells beyond a header that its row may use, and slack for reading words */
#define WORDS (VANTIO_CELLS_MAX / 64 + SPAN / 64 + 2)
#define PAGE_WORDS (VANTIO_PAGE_CELLS / 64)

static bool grow(struct vantio_pack *pack, uint32_t need)
{
	uint32_t cap = pack->cap;
	struct vantio_cell *grown;

	if (need <= cap)
		return true;
	while (cap < need)
		cap += cap / 2 + 4096;
	grown = realloc(pack->cells, cap * sizeof(*grown));
	if (!grown)
		return false;
	memset(grown + pack->cap, 0, (cap - pack->cap) * sizeof(*grown));
	pack->cells = grown;
	pack->cap = cap;
	return true;
}

int vantio_pack_init(struct vantio_pack *pack, uint32_t reserved, struct vantio_error *err)
{
	uint32_t i;

	*pack = (struct vantio_pack){ .n_cells = reserved };
	pack->used = calloc(WORDS, sizeof(*pack->used));
	if (!pack->used || !grow(pack, reserved + SPAN)) {
		vantio_pack_free(pack);
		return vantio_fail(err, ENOMEM, "out of memory while compiling the policy");
	}
	for (i = 0; i < reserved; i++)
		pack->used[i / 64] |= 1ull << i % 64;
	return 0;
}

void vantio_pack_free(struct vantio_pack *pack)
{
	free(pack->cells);
	free(pack->used);
	*pack = (struct vantio_pack){ 0 };
}

/* The 64 bits of `used` from cell `at` on. */
static uint64_t used_from(const struct vantio_pack *pack, size_t at)
{
	const uint64_t *w = pack->used + at / 64;
	const unsigned int shift = at % 64;

	return shift ? w[0] >> shift | w[1] << (64 - shift) : w[0];
}

static unsigned int size_class(uint32_t n)
{
	return n < 3 ? n : n < 5 ? 3 : n < 9 ? 4 : n < 17 ? 5 : n < 65 ? 6 : 7;
}

/* The first place for a row; VANTIO_CELLS_MAX if there is none. */
static uint32_t find_place(struct vantio_pack *pack, const uint8_t *bytes, uint32_t n)
{
	uint32_t *from = &pack->from[size_class(n)];
	uint32_t word, i, tried = 0;
	uint64_t room;

	for (word = *from; word < VANTIO_CELLS_MAX / 64; word++, tried++) {
		if (word % PAGE_WORDS >= PAGE_WORDS - 4) /* the row would reach into the next page */
			continue;
		room = ~pack->used[word];
		for (i = 0; i < n && room; i++)
			room &= ~used_from(pack, (size_t)word * 64 + 1 + bytes[i]);
		if (!room)
			continue;
		/* A long search is not repeated: rows of this size will hardly fit below either. */
		if (tried > 32)
			*from = word - 8;
		return word * 64 + (uint32_t)__builtin_ctzll(room);
	}
	return VANTIO_CELLS_MAX;
}

static int place_row(struct vantio_pack *pack, const struct vantio_dfa *d, uint32_t s, uint32_t *ret, struct vantio_error *err)
{
	const uint8_t *bytes = d->bytes + d->row[s];
	const uint32_t n = d->row[s + 1] - d->row[s];
	/* All of the row's cells belong to the image, used or not: what lay there before must not pass for an exception. */
	const uint32_t at = find_place(pack, bytes, n), end = at + 1 + 256;
	uint32_t i, cell;

	if (end > VANTIO_CELLS_MAX)
		return vantio_fail(err, E2BIG, "too many cells");
	if (!grow(pack, end + SPAN))
		return vantio_fail(err, ENOMEM, "out of memory while compiling the policy");
	pack->used[at / 64] |= 1ull << at % 64;
	for (i = 0; i < n; i++) {
		cell = at + 1 + bytes[i];
		pack->used[cell / 64] |= 1ull << cell % 64;
	}
	if (pack->n_cells < end)
		pack->n_cells = end;
	*ret = at;
	return 0;
}

static void write_cells(struct vantio_pack *pack, const struct vantio_dfa *d, const uint32_t *place)
{
	uint32_t s, i, at;

	for (s = 1; s < d->n_states; s++) {
		at = place[s];
		pack->cells[at].check = VANTIO_CELL_STATE | d->accept[s];
		pack->cells[at].next = place[d->other[s]];
		if (d->other[s] == s && d->row[s] == d->row[s + 1])
			pack->cells[at].check |= VANTIO_CELL_FINAL;
		for (i = d->row[s]; i < d->row[s + 1]; i++) {
			pack->cells[at + 1 + d->bytes[i]].check = at;
			pack->cells[at + 1 + d->bytes[i]].next = place[d->targets[i]];
		}
	}
}

#define UNPLACED UINT32_MAX

int vantio_pack_add(struct vantio_pack *pack, const struct vantio_dfa *d, uint32_t *ret_start, struct vantio_error *err)
{
	cleanup_free uint32_t *place = malloc(d->n_states * sizeof(*place));
	cleanup_free uint32_t *stack = malloc(((size_t)d->n_states + d->n_exceptions + 1) * sizeof(*stack));
	uint32_t s, i;
	size_t n = 0;
	int r;

	if (!place || !stack)
		return vantio_fail(err, ENOMEM, "out of memory while compiling the policy");
	memset(place, 0xff, d->n_states * sizeof(*place));
	place[VANTIO_DFA_DEAD] = VANTIO_STATE_DEAD;
	stack[n++] = d->start;
	while (n) {
		s = stack[--n];
		if (place[s] != UNPLACED)
			continue;
		r = place_row(pack, d, s, &place[s], err);
		if (r < 0)
			return r;
		if (place[d->other[s]] == UNPLACED)
			stack[n++] = d->other[s];
		for (i = d->row[s + 1]; i-- > d->row[s];)
			if (place[d->targets[i]] == UNPLACED)
				stack[n++] = d->targets[i];
	}
	write_cells(pack, d, place);
	*ret_start = place[d->start];
	return 0;
}
