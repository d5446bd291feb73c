// SPDX-License-Identifier: Apache-2.0
/*
 * Prints are dealt into partitions by their first bits; a full buffer is appended to an unnamed file and remembered. At the end
 * each partition is read back into one hash table. Where no temporary file can be made, the buffers grow in memory instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "ledger/store.h"
#include "ledger/verify.h"

#define PARTITIONS 256
#define CHUNK      1024 /* entries of a buffer, and of what is spilt at once */

struct entry {
	struct vantio_print print;
	uint64_t leaf;
};

struct partition {
	struct entry *buffer; /* owned */
	size_t n, cap;
	uint64_t *chunks; /* owned: offsets in the file, CHUNK entries each */
	size_t n_chunks;
};

struct vantio_dupes {
	int fd; /* -1 until something is spilt */
	bool no_file;
	uint64_t end; /* of the file */
	struct partition parts[PARTITIONS];
};

int vantio_dupes_new(struct vantio_dupes **ret, struct vantio_error *err)
{
	struct vantio_dupes *d = calloc(1, sizeof(*d));

	if (!d)
		return vantio_fail(err, ENOMEM, "out of memory while looking for duplicates");
	d->fd = -1;
	*ret = d;
	return 0;
}

void vantio_dupes_free(struct vantio_dupes *d)
{
	size_t i;

	if (!d)
		return;
	for (i = 0; i < PARTITIONS; i++) {
		free(d->parts[i].buffer);
		free(d->parts[i].chunks);
	}
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}

static bool open_spill(struct vantio_dupes *d)
{
	const char *tmp = getenv("TMPDIR");

	if (d->fd >= 0 || d->no_file)
		return d->fd >= 0;
	d->fd = open(tmp && *tmp ? tmp : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (d->fd < 0)
		d->fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	d->no_file = d->fd < 0;
	return !d->no_file;
}

/* Empties a full buffer into the file, or makes it larger. */
static int make_room(struct vantio_dupes *d, struct partition *p, struct vantio_error *err)
{
	struct vantio_error ignored;
	struct entry *grown;
	uint64_t *chunks;
	size_t cap;

	if (p->n == CHUNK && p->cap == CHUNK && open_spill(d)) {
		chunks = realloc(p->chunks, (p->n_chunks + 1) * sizeof(*chunks));
		if (!chunks)
			return vantio_fail(err, ENOMEM, "out of memory while looking for duplicates");
		p->chunks = chunks;
		if (vantio_pwrite_all(d->fd, p->buffer, CHUNK * sizeof(*p->buffer), d->end, &ignored) == 0) {
			p->chunks[p->n_chunks++] = d->end;
			d->end += CHUNK * sizeof(*p->buffer);
			p->n = 0;
			return 0;
		}
		d->no_file = true; /* the disk is full: from here on in memory; what was spilt stays readable */
	}
	cap = p->cap ? p->cap * 2 : 64;
	grown = realloc(p->buffer, cap * sizeof(*grown));
	if (!grown)
		return vantio_fail(err, ENOMEM, "out of memory while looking for duplicates");
	p->buffer = grown;
	p->cap = cap;
	return 0;
}

int vantio_dupes_add(struct vantio_dupes *d, const struct vantio_print *print, uint64_t leaf, struct vantio_error *err)
{
	struct partition *p = &d->parts[print->b[15] % PARTITIONS];
	int r;

	if (p->n == p->cap) {
		r = make_room(d, p, err);
		if (r < 0)
			return r;
	}
	p->buffer[p->n++] = (struct entry){ *print, leaf };
	return 0;
}

/* An open-addressed table: 0 in `leaf_plus_1` is an empty place. */
struct table {
	struct entry *slots; /* owned; leaf holds the leaf plus one */
	size_t mask;
};

static void insert(struct table *t, const struct entry *e, uint64_t *lowest)
{
	size_t at;

	memcpy(&at, e->print.b, sizeof(at));
	for (at &= t->mask; t->slots[at].leaf; at = (at + 1) & t->mask) {
		uint64_t other = t->slots[at].leaf - 1, later;

		if (memcmp(&t->slots[at].print, &e->print, sizeof(e->print)) != 0)
			continue;
		later = e->leaf > other ? e->leaf : other;
		if (later < *lowest)
			*lowest = later;
		return;
	}
	t->slots[at] = (struct entry){ e->print, e->leaf + 1 };
}

static int read_chunk(struct vantio_dupes *d, uint64_t offset, struct entry *chunk, struct vantio_error *err)
{
	size_t want = CHUNK * sizeof(*chunk), have = 0;
	ssize_t n;

	while (have < want) {
		n = pread(d->fd, (char *)chunk + have, want - have, (off_t)(offset + have));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return vantio_fail(err, EIO, "cannot read back a temporary file");
		have += (size_t)n;
	}
	return 0;
}

static int find_in(struct vantio_dupes *d, struct partition *p, uint64_t *lowest, struct vantio_error *err)
{
	size_t total = p->n + p->n_chunks * CHUNK, size = 64, i, j;
	cleanup_free struct entry *slots = NULL, *chunk = NULL;
	struct table t;
	int r;

	while (size < total * 2)
		size *= 2;
	slots = calloc(size, sizeof(*slots));
	chunk = p->n_chunks ? malloc(CHUNK * sizeof(*chunk)) : NULL;
	if (!slots || (p->n_chunks && !chunk))
		return vantio_fail(err, ENOMEM, "out of memory while looking for duplicates");
	t = (struct table){ slots, size - 1 };
	for (i = 0; i < p->n_chunks; i++) {
		r = read_chunk(d, p->chunks[i], chunk, err);
		if (r < 0)
			return r;
		for (j = 0; j < CHUNK; j++)
			insert(&t, &chunk[j], lowest);
	}
	for (i = 0; i < p->n; i++)
		insert(&t, &p->buffer[i], lowest);
	return 0;
}

int vantio_dupes_find(struct vantio_dupes *d, uint64_t *ret_leaf, struct vantio_error *err)
{
	uint64_t lowest = UINT64_MAX;
	size_t i;
	int r;

	for (i = 0; i < PARTITIONS; i++) {
		r = find_in(d, &d->parts[i], &lowest, err);
		if (r < 0)
			return r;
	}
	if (lowest == UINT64_MAX)
		return 0;
	*ret_leaf = lowest;
	return 1;
}
