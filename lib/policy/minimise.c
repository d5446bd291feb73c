// SPDX-License-Identifier: Apache-2.0
/*
 * Minimisation by refinement: states begin together when they accept the same, and part when their signatures differ, a hash
 * over (byte, block of the target) for all 256 bytes that needs only the row's exceptions. After a round only the states whose
 * targets have changed their block are signed again. As a hash proves nothing, the result is compared row by row; should two
 * rows ever have collided, all is done again with other multipliers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/dfa.h"

#define WORK_MAX (2000ull * 1000 * 1000)
#define NONE     UINT32_MAX

struct group {
	uint64_t signature;
	uint32_t block; /* that it comes from */
	uint32_t count; /* its states */
	uint32_t number; /* of the block that it becomes */
};

struct refine {
	struct vantio_dfa *dfa;
	uint32_t *block;   /* owned, as the next ones; by state */
	uint32_t *size;    /* by block */
	uint32_t *in_from; /* states with an edge into s: in_states[in_from[s]] to in_states[in_from[s + 1]] - 1 */
	uint32_t *in_states;
	uint32_t *dirty, *next; /* states to be signed in this round and the next */
	uint32_t *group_of; /* by index in dirty */
	uint8_t *is_next;  /* by state */
	struct group *groups; /* of this round */
	uint32_t *table;   /* open addressing over groups: index + 1, 0 empty */
	uint32_t n_groups, mask; /* mask: of the part of the table that this round uses */
	uint32_t *best;    /* by block: its largest group, if all of its states are dirty */
	uint32_t *touched; /* by block: how many of its states are dirty */
	uint32_t n_dirty, n_next, n_blocks;
	uint64_t weight[256], weights; /* odd multipliers by byte, and their sum */
	uint64_t work;
};

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static uint64_t sign(struct refine *f, uint32_t s)
{
	const struct vantio_dfa *d = f->dfa;
	uint64_t sum = 0, rest = f->weights, w;
	uint32_t i;

	for (i = d->row[s]; i < d->row[s + 1]; i++) {
		w = f->weight[d->bytes[i]];
		rest -= w;
		sum += w * mix(f->block[d->targets[i]]);
	}
	f->work += d->row[s + 1] - d->row[s] + 1;
	return sum + rest * mix(f->block[d->other[s]]);
}

/* ---- incoming edges ------------------------------------------------------------------------------ */

/* Those of the dead state are left out: its block never changes. */
static void index_incoming(struct refine *f)
{
	const struct vantio_dfa *d = f->dfa;
	uint32_t s, i, sum = 0, n;

	for (s = 0; s < d->n_states; s++)
		f->in_from[d->other[s]] += d->other[s] != VANTIO_DFA_DEAD;
	for (i = 0; i < d->n_exceptions; i++)
		f->in_from[d->targets[i]] += d->targets[i] != VANTIO_DFA_DEAD;
	for (s = 0; s <= d->n_states; s++) {
		n = s < d->n_states ? f->in_from[s] : 0;
		f->in_from[s] = sum;
		sum += n;
	}
	for (s = 0; s < d->n_states; s++) {
		if (d->other[s] != VANTIO_DFA_DEAD)
			f->in_states[f->in_from[d->other[s]]++] = s;
		for (i = d->row[s]; i < d->row[s + 1]; i++)
			if (d->targets[i] != VANTIO_DFA_DEAD)
				f->in_states[f->in_from[d->targets[i]]++] = s;
	}
	for (s = d->n_states; s > 0; s--)
		f->in_from[s] = f->in_from[s - 1];
	f->in_from[0] = 0;
}

/* What cannot lead to acceptance is the dead state; the rest begins in a block per accept mask. */
static void first_partition(struct refine *f)
{
	const struct vantio_dfa *d = f->dfa;
	uint32_t of_mask[257], s, i, p, n = 0;

	f->n_blocks = 0;
	for (s = 0; s < d->n_states; s++) {
		f->is_next[s] = d->accept[s] != 0;
		if (f->is_next[s])
			f->next[n++] = s;
	}
	while (n) {
		s = f->next[--n];
		for (i = f->in_from[s]; i < f->in_from[s + 1]; i++) {
			p = f->in_states[i];
			if (!f->is_next[p]) {
				f->is_next[p] = 1;
				f->next[n++] = p;
			}
		}
	}
	memset(of_mask, 0xff, sizeof(of_mask));
	memset(f->size, 0, d->n_states * sizeof(*f->size));
	for (s = 0; s < d->n_states; s++) {
		i = f->is_next[s] ? d->accept[s] : 256;
		if (of_mask[i] == NONE)
			of_mask[i] = f->n_blocks++;
		f->block[s] = of_mask[i];
		f->size[of_mask[i]]++;
	}
	for (s = 0; s < d->n_states; s++)
		f->dirty[s] = s;
	f->n_dirty = d->n_states;
	memset(f->is_next, 0, d->n_states);
}

/* ---- a round ------------------------------------------------------------------------------------- */

static uint32_t find_group(struct refine *f, uint32_t block, uint64_t signature)
{
	uint32_t at = (uint32_t)mix(signature ^ (uint64_t)block << 32) & f->mask;
	const struct group *g;

	for (; f->table[at]; at = (at + 1) & f->mask) {
		g = &f->groups[f->table[at] - 1];
		if (g->signature == signature && g->block == block)
			return f->table[at] - 1;
	}
	f->groups[f->n_groups] = (struct group){ .signature = signature, .block = block, .number = NONE };
	f->table[at] = ++f->n_groups;
	return f->n_groups - 1;
}

static uint32_t table_size(uint32_t n)
{
	uint32_t size;

	for (size = 64; size < n + n / 2; size *= 2)
		;
	return size;
}

static void group_dirty(struct refine *f)
{
	const uint32_t size = table_size(f->n_dirty);
	uint32_t i, g, block;

	memset(f->table, 0, size * sizeof(*f->table));
	f->mask = size - 1;
	f->n_groups = 0;
	for (i = 0; i < f->n_dirty; i++)
		f->touched[f->block[f->dirty[i]]] = 0;
	for (i = 0; i < f->n_dirty; i++) {
		block = f->block[f->dirty[i]];
		g = find_group(f, block, sign(f, f->dirty[i]));
		f->groups[g].count++;
		f->group_of[i] = g;
		if (!f->touched[block]++ || f->groups[f->best[block]].count < f->groups[g].count)
			f->best[block] = g;
	}
}

static void mark_incoming(struct refine *f, uint32_t s)
{
	uint32_t i, p;

	for (i = f->in_from[s]; i < f->in_from[s + 1]; i++) {
		p = f->in_states[i];
		if (!f->is_next[p]) {
			f->is_next[p] = 1;
			f->next[f->n_next++] = p;
		}
	}
	f->work += f->in_from[s + 1] - f->in_from[s];
}

/*
 * The states of a block that were not signed again still agree, and keep its number; where all were, the largest group keeps
 * it. Every other group becomes a block.
 */
static void part_groups(struct refine *f)
{
	uint32_t i, s, block;
	struct group *g;

	for (i = 0; i < f->n_dirty; i++) {
		g = &f->groups[f->group_of[i]];
		block = g->block;
		if (g->number != NONE)
			continue;
		if (f->touched[block] == f->size[block] && f->best[block] == f->group_of[i])
			g->number = block;
		else
			g->number = f->n_blocks++;
	}
	for (i = 0; i < f->n_dirty; i++) {
		s = f->dirty[i];
		g = &f->groups[f->group_of[i]];
		if (g->number == f->block[s])
			continue;
		f->size[f->block[s]]--;
		f->size[g->number]++;
		f->block[s] = g->number;
		mark_incoming(f, s);
	}
}

static int refine(struct refine *f, struct vantio_error *err)
{
	uint32_t *swap, i;

	first_partition(f);
	while (f->n_dirty) {
		f->n_next = 0;
		group_dirty(f);
		part_groups(f);
		for (i = 0; i < f->n_next; i++)
			f->is_next[f->next[i]] = 0;
		swap = f->dirty;
		f->dirty = f->next;
		f->next = swap;
		f->n_dirty = f->n_next;
		if (f->work > WORK_MAX)
			return vantio_fail(err, E2BIG, "too many steps of minimisation");
	}
	return 0;
}

/* ---- the result ---------------------------------------------------------------------------------- */

static void expand_row(const struct refine *f, uint32_t s, uint32_t out[256])
{
	const struct vantio_dfa *d = f->dfa;
	uint32_t i;

	for (i = 0; i < 256; i++)
		out[i] = f->block[d->other[s]];
	for (i = d->row[s]; i < d->row[s + 1]; i++)
		out[d->bytes[i]] = f->block[d->targets[i]];
}

static bool rows_agree(const struct refine *f, uint32_t s, uint32_t t)
{
	const struct vantio_dfa *d = f->dfa;
	const uint32_t n = d->row[s + 1] - d->row[s];
	uint32_t a[256], b[256], i;
	bool same = n == d->row[t + 1] - d->row[t] && f->block[d->other[s]] == f->block[d->other[t]];

	if (s == t)
		return true;
	for (i = 0; same && i < n; i++)
		same = d->bytes[d->row[s] + i] == d->bytes[d->row[t] + i] &&
		       f->block[d->targets[d->row[s] + i]] == f->block[d->targets[d->row[t] + i]];
	if (same)
		return true;
	expand_row(f, s, a);
	expand_row(f, t, b);
	return !memcmp(a, b, sizeof(a));
}

/* The most frequent target of a row, over all 256 bytes. */
static uint32_t most_frequent(const struct refine *f, uint32_t s)
{
	const struct vantio_dfa *d = f->dfa;
	const uint32_t n = d->row[s + 1] - d->row[s];
	uint32_t row[256], i, j, count, best_count = 256 - n, best = f->block[d->other[s]];

	if (n < 128)
		return best;
	expand_row(f, s, row);
	best_count = 0;
	for (i = 0; i < 256; i++) {
		for (count = 0, j = 0; j < 256; j++)
			count += row[j] == row[i];
		if (count > best_count) {
			best_count = count;
			best = row[i];
		}
	}
	return best;
}

/* Appends the row of state `s`, in blocks, to the rows of `out`. */
static void write_row(const struct refine *f, uint32_t s, struct vantio_dfa *out)
{
	const struct vantio_dfa *d = f->dfa;
	const uint32_t other = most_frequent(f, s), old_other = f->block[d->other[s]];
	uint32_t i = d->row[s], byte, target;

	for (byte = 0; byte < 256; byte++) {
		if (other == old_other) {
			if (i == d->row[s + 1])
				break;
			byte = d->bytes[i];
		}
		target = old_other;
		if (i < d->row[s + 1] && d->bytes[i] == byte)
			target = f->block[d->targets[i++]];
		if (target == other)
			continue;
		out->bytes[out->n_exceptions] = (uint8_t)byte;
		out->targets[out->n_exceptions++] = target;
	}
	out->other[out->n_states] = other;
}

/* Blocks get numbers in the order of their first states, the dead one (state 0) first. *first: a state of each block. */
static bool number_blocks(struct refine *f, uint32_t *first, uint32_t *number)
{
	uint32_t s, n = 0;

	memset(number, 0xff, f->n_blocks * sizeof(*number));
	for (s = 0; s < f->dfa->n_states; s++) {
		if (number[f->block[s]] == NONE) {
			first[n] = s;
			number[f->block[s]] = n++;
		}
		f->block[s] = number[f->block[s]];
	}
	for (s = 0; s < f->dfa->n_states; s++)
		if (f->dfa->accept[s] != f->dfa->accept[first[f->block[s]]] || !rows_agree(f, s, first[f->block[s]]))
			return false;
	return true;
}

static int rewrite(struct refine *f, const uint32_t *first, struct vantio_error *err)
{
	struct vantio_dfa *d = f->dfa, out = { 0 };
	uint64_t room = 0;
	uint32_t i;

	for (i = 0; i < f->n_blocks; i++)
		room += d->row[first[i] + 1] - d->row[first[i]] < 128 ? d->row[first[i] + 1] - d->row[first[i]] : 256;
	out.accept = malloc(f->n_blocks);
	out.other = malloc(f->n_blocks * sizeof(*out.other));
	out.row = malloc((f->n_blocks + 1) * sizeof(*out.row));
	out.bytes = malloc(room + 1);
	out.targets = malloc((room + 1) * sizeof(*out.targets));
	if (!out.accept || !out.other || !out.row || !out.bytes || !out.targets) {
		vantio_dfa_free(&out);
		return vantio_fail(err, ENOMEM, "out of memory while compiling the policy");
	}
	for (i = 0; i < f->n_blocks; i++) {
		out.accept[i] = d->accept[first[i]];
		out.row[i] = out.n_exceptions;
		write_row(f, first[i], &out);
		out.n_states++;
	}
	out.row[out.n_states] = out.n_exceptions;
	out.start = f->block[d->start];
	vantio_dfa_free(d);
	*d = out;
	return 0;
}

static bool allocate(struct refine *f)
{
	const size_t n = f->dfa->n_states;

	f->block = malloc(n * sizeof(*f->block));
	f->size = malloc(n * sizeof(*f->size));
	f->in_from = calloc(n + 1, sizeof(*f->in_from));
	f->in_states = malloc((n + f->dfa->n_exceptions) * sizeof(*f->in_states)); /* what is not touched is not resident */
	f->dirty = malloc(n * sizeof(*f->dirty));
	f->next = malloc(n * sizeof(*f->next));
	f->group_of = malloc(n * sizeof(*f->group_of));
	f->is_next = calloc(n, 1);
	f->groups = malloc(n * sizeof(*f->groups));
	f->table = malloc(table_size((uint32_t)n) * sizeof(*f->table));
	f->best = malloc(n * sizeof(*f->best));
	f->touched = malloc(n * sizeof(*f->touched));
	return f->block && f->size && f->in_from && f->in_states && f->dirty && f->next && f->group_of && f->is_next && f->groups &&
	       f->table && f->best && f->touched;
}

static void release(struct refine *f)
{
	free(f->block);
	free(f->size);
	free(f->in_from);
	free(f->in_states);
	free(f->dirty);
	free(f->next);
	free(f->group_of);
	free(f->is_next);
	free(f->groups);
	free(f->table);
	free(f->best);
	free(f->touched);
}

static void draw_weights(struct refine *f, uint64_t seed)
{
	int i;

	f->weights = 0;
	for (i = 0; i < 256; i++) {
		f->weight[i] = mix(seed * 256 + (uint64_t)i) | 1;
		f->weights += f->weight[i];
	}
}

int vantio_dfa_minimise(struct vantio_dfa *dfa, struct vantio_error *err)
{
	struct refine f = { .dfa = dfa };
	uint64_t seed;
	int r;

	if (!allocate(&f)) {
		release(&f);
		return vantio_fail(err, ENOMEM, "out of memory while compiling the policy");
	}
	index_incoming(&f);
	for (seed = 1, r = -EAGAIN; r == -EAGAIN; seed++) {
		draw_weights(&f, seed);
		r = refine(&f, err);
		/* group_of and best are free again: they hold the blocks' first states and numbers. */
		if (!r)
			r = number_blocks(&f, f.group_of, f.best) ? rewrite(&f, f.group_of, err) : -EAGAIN;
	}
	release(&f);
	return r;
}
