// SPDX-License-Identifier: Apache-2.0
#include "ledger/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "ledger/checkpoint.h"
#include "ledger/keys.h"
#include "ledger/ledger.h"
#include "ledger/store.h"

#define TRIES 16 /* at a sidecar that erasures replace again and again */

struct vantio_reader {
	int dirfd;
	struct vantio_epochs epochs;
	struct vantio_checkpoint checkpoint;
	struct vantio_index *index; /* owned */
	uint64_t segment; /* of the open files; log -1: none */
	uint64_t sought, sought_at; /* a line of the sidecar, and where it begins: counting goes on from there */
	int log, private;
	struct vantio_buf line, private_line;
};

static int fail_checkpoint(int r, struct vantio_error *err)
{
	return r == -ENOENT || r == -EACCES ? r : vantio_fail_prefix(err, "the ledger's checkpoint; 'vantioctl ledger verify' says more");
}

/* Signed by the newest epoch of the folder's own chain. */
int vantio_reader_checkpoint(int dirfd, char **ret_note, size_t *ret_len, struct vantio_checkpoint *ret_checkpoint,
			     struct vantio_error *err)
{
	struct vantio_epochs epochs = { NULL, 0 };
	struct vantio_head head;
	int r;

	if (sodium_init() < 0)
		return vantio_fail(err, EIO, "libsodium cannot be initialised: the system gives no random numbers");
	r = vantio_head_own(dirfd, &epochs, &head, err);
	vantio_epochs_clear(&epochs);
	if (r < 0)
		return fail_checkpoint(r, err);
	*ret_note = head.note;
	*ret_len = head.len;
	*ret_checkpoint = head.checkpoint;
	return 0;
}

/* What is taken up anew again and again: the chain is kept, and only what is new of it is read. */
static int read_checkpoint(struct vantio_reader *r, struct vantio_checkpoint *ret, struct vantio_error *err)
{
	struct vantio_head head;
	int e;

	if (sodium_init() < 0)
		return vantio_fail(err, EIO, "libsodium cannot be initialised: the system gives no random numbers");
	e = r->epochs.n ? vantio_head_read(r->dirfd, &r->epochs, &head, err) : vantio_head_own(r->dirfd, &r->epochs, &head, err);
	if (e < 0)
		return fail_checkpoint(e, err);
	*ret = head.checkpoint;
	ret->extension = (struct vantio_span){ NULL, 0 }; /* it lay in the note */
	vantio_head_clear(&head);
	return 0;
}

/*
 * Brings the index up to the checkpoint. A writer may have committed since that was read, and its index be ahead of it: then the
 * newer checkpoint counts. Only an index that is ahead of the newest one contradicts the log.
 */
static int catch_up(struct vantio_reader *r, struct vantio_error *err)
{
	struct vantio_error ignored = { 0 };
	struct vantio_checkpoint newer;
	int e;

	for (;;) {
		e = vantio_index_catch_up(r->index, r->checkpoint.size, NULL, err);
		if (e != -EBADMSG)
			return e;
		if (read_checkpoint(r, &newer, &ignored) < 0 || newer.size <= r->checkpoint.size)
			return vantio_fail_prefix(err, "the log cannot be read; 'vantioctl ledger verify' says more");
		r->checkpoint = newer;
	}
}

static int open_index(struct vantio_reader *r, struct vantio_error *err)
{
	int ret = vantio_index_open(r->dirfd, VANTIO_INDEX_WRITE, &r->index, err);

	/* Not ours to write, or no room: a temporary index serves, at the cost of reading the whole log. */
	if (ret < 0)
		ret = vantio_index_open(r->dirfd, VANTIO_INDEX_MEMORY, &r->index, err);
	return ret == 0 ? catch_up(r, err) : ret;
}

int vantio_reader_open(const char *dir, struct vantio_reader **ret, struct vantio_error *err)
{
	struct vantio_reader *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return vantio_fail(err, ENOMEM, "out of memory while opening the ledger");
	r->log = r->private = -1;
	r->dirfd = vantio_store_open_dir(dir, err);
	e = r->dirfd < 0 ? r->dirfd : read_checkpoint(r, &r->checkpoint, err);
	if (e == 0)
		e = open_index(r, err);
	if (e < 0) {
		vantio_reader_close(r);
		return e;
	}
	*ret = r;
	return 0;
}

void vantio_reader_close(struct vantio_reader *r)
{
	if (!r)
		return;
	vantio_index_close(r->index);
	vantio_epochs_clear(&r->epochs);
	vantio_close_fd(&r->log);
	vantio_close_fd(&r->private);
	vantio_close_fd(&r->dirfd);
	vantio_buf_free(&r->line);
	vantio_buf_free(&r->private_line);
	free(r);
}

uint64_t vantio_reader_size(const struct vantio_reader *r)
{
	return r->checkpoint.size;
}

int vantio_reader_refresh(struct vantio_reader *r, struct vantio_error *err)
{
	struct vantio_checkpoint c;
	int e = read_checkpoint(r, &c, err);

	if (e < 0)
		return e;
	if (c.size < r->checkpoint.size)
		return vantio_fail(err, EBADMSG, "the ledger went back from %llu records to %llu; 'vantioctl ledger verify' says more",
				   (unsigned long long)r->checkpoint.size, (unsigned long long)c.size);
	r->checkpoint = c;
	return catch_up(r, err);
}

/* ---- one record ---- */

static int open_segment(struct vantio_reader *r, uint64_t segment, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_error ignored;
	int fd;

	if (r->log >= 0 && r->segment == segment)
		return 0;
	vantio_segment_path(path, "log", segment);
	fd = vantio_store_open(r->dirfd, path, O_RDONLY, 0, err);
	if (fd < 0)
		return fd;
	vantio_close_fd(&r->log);
	vantio_close_fd(&r->private);
	r->log = fd;
	r->segment = segment;
	r->sought = r->sought_at = 0;
	vantio_segment_path(path, "private", segment);
	r->private = vantio_store_open(r->dirfd, path, O_RDONLY, 0, &ignored);
	return 0;
}

/* The line that begins at `offset`, into `buf`. EBADMSG: none ends within `max` bytes. */
static int read_line(int fd, uint64_t offset, size_t max, struct vantio_buf *buf, struct vantio_error *err)
{
	char chunk[4096], *newline;
	ssize_t n;

	vantio_buf_reset(buf);
	while (buf->len <= max && !buf->failed) {
		n = pread(fd, chunk, sizeof(chunk), (off_t)(offset + buf->len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vantio_fail(err, errno, "cannot read: %s", strerror(errno));
		newline = memchr(chunk, '\n', (size_t)n);
		vantio_buf_add(buf, chunk, newline ? (size_t)(newline - chunk) : (size_t)n);
		if (newline)
			return buf->failed ? vantio_fail(err, ENOMEM, "out of memory while reading") : 0;
		if (n == 0)
			break;
	}
	return vantio_fail(err, EBADMSG, "no line ends there");
}

/* A private line that the record commits to, or nothing. */
static bool try_private(struct vantio_hit *h, const struct vantio_buf *b)
{
	struct vantio_error ignored;

	if (b->failed || !b->data || vantio_private_check(&h->fields, b->data, b->len, &ignored) < 0)
		return false;
	return vantio_private_scan(b->data, b->len, h->private, &h->n_private, &ignored) == 0;
}

/* Where the index has no right offset (private fields were erased since): counted, from where the last search ended. */
static void seek_private(struct vantio_reader *r, struct vantio_hit *h, uint64_t number)
{
	struct vantio_lines lines;
	struct vantio_error ignored;
	struct vantio_span line;
	int got = 1;

	if (number < r->sought)
		r->sought = r->sought_at = 0;
	if (vantio_lines_init(&lines, r->private, r->sought_at, VANTIO_RECORD_PRIVATE_MAX, &ignored) < 0)
		return;
	for (; got == 1; r->sought++) {
		r->sought_at = lines.offset;
		got = vantio_lines_next(&lines, &line, &ignored);
		if (r->sought == number)
			break;
	}
	vantio_buf_reset(&r->private_line);
	if (got == 1)
		vantio_buf_add(&r->private_line, line.p, line.len);
	else
		r->sought = r->sought_at = 0;
	vantio_lines_clear(&lines);
	h->private_bad = got == 1 && !try_private(h, &r->private_line);
}

/* An erasure put another sidecar in the place of the one that is open, and overwrote that. */
static bool is_replaced(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && !st.st_nlink;
}

static void load_private(struct vantio_reader *r, const struct vantio_place *place, struct vantio_hit *h)
{
	struct vantio_error ignored;

	h->n_private = 0;
	h->private_bad = false;
	if (r->private >= 0 && (read_line(r->private, place->private_offset, VANTIO_RECORD_PRIVATE_MAX, &r->private_line, &ignored) < 0 ||
				!try_private(h, &r->private_line)))
		seek_private(r, h, place->leaf % VANTIO_SEGMENT_RECORDS);
}

static int load_hit(struct vantio_reader *r, const struct vantio_place *place, struct vantio_hit *h, struct vantio_error *err)
{
	int e, tries;

	e = open_segment(r, place->leaf / VANTIO_SEGMENT_RECORDS, err);
	if (e == 0)
		e = read_line(r->log, place->line_offset, VANTIO_RECORD_LINE_MAX, &r->line, err);
	if (e == 0)
		e = vantio_record_scan(r->line.data ? r->line.data : "", r->line.len, &h->fields, err);
	if (e == 0 && h->fields.leaf != place->leaf)
		e = vantio_fail(err, EBADMSG, "its line says leaf %llu", (unsigned long long)h->fields.leaf);
	if (e < 0)
		return vantio_fail_prefix(err, "leaf %llu, as the index has it; 'vantioctl ledger verify' says more",
					  (unsigned long long)place->leaf);
	h->line = (struct vantio_span){ r->line.data, r->line.len };
	for (tries = 0; e == 0; tries++) {
		load_private(r, place, h);
		if (r->private < 0 || (h->n_private && !h->private_bad) || tries == TRIES || !is_replaced(r->private))
			break;
		vantio_close_fd(&r->log);
		r->log = -1;
		e = open_segment(r, place->leaf / VANTIO_SEGMENT_RECORDS, err);
	}
	return e;
}

struct finding {
	struct vantio_reader *reader;
	int (*hit)(void *, const struct vantio_hit *, struct vantio_error *);
	void *ctx;
};

static int found(void *ctx, const struct vantio_place *place, struct vantio_error *err)
{
	struct finding *f = ctx;
	struct vantio_hit h = { .n_private = 0 };
	int r = load_hit(f->reader, place, &h, err);

	return r < 0 ? r : f->hit(f->ctx, &h, err);
}

static struct vantio_query bounded(const struct vantio_reader *r, const struct vantio_query *q)
{
	struct vantio_query b = *q;

	if (!q->below || q->below > r->checkpoint.size)
		b.below = r->checkpoint.size;
	return b;
}

int vantio_reader_find(struct vantio_reader *r, const struct vantio_query *q,
		       int (*hit)(void *ctx, const struct vantio_hit *hit, struct vantio_error *err), void *ctx,
		       struct vantio_error *err)
{
	struct finding f = { r, hit, ctx };
	struct vantio_query b = bounded(r, q);

	return vantio_index_query(r->index, &b, found, &f, err);
}

int vantio_reader_range(struct vantio_reader *r, const struct vantio_query *q, struct vantio_stats_range *ret, struct vantio_error *err)
{
	struct vantio_query b = bounded(r, q);

	return vantio_index_range(r->index, &b, ret, err);
}

int vantio_reader_stats(struct vantio_reader *r, const struct vantio_query *q, enum vantio_stats_by by, uint64_t from, uint64_t width,
			int (*cell)(void *ctx, struct vantio_span key, uint64_t span, uint64_t decisions, struct vantio_error *err),
			void *ctx, struct vantio_error *err)
{
	struct vantio_query b = bounded(r, q);

	return vantio_index_stats(r->index, &b, by, from, width, cell, ctx, err);
}
