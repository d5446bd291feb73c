// SPDX-License-Identifier: Apache-2.0
#include "phantom/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "phantom/object.h"

#define JOURNAL_MAX (1u << 30)

void vantio_marks_clear(struct vantio_marks *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		free(m->items[i].path);
	free(m->items);
	free(m->inodes);
	vantio_close_fd(&m->fd);
	*m = (struct vantio_marks)VANTIO_MARKS_INIT;
}

static int by_place(const struct vantio_mark *x, const struct vantio_mark *y)
{
	return x->layer != y->layer ? (x->layer < y->layer ? -1 : 1) : strcmp(x->path, y->path);
}

static int by_place_and_age(const void *a, const void *b)
{
	const struct vantio_mark *x = a, *y = b;
	int r = by_place(x, y);

	return r ? r : x->order < y->order ? -1 : 1;
}

/* The next word of a line, which the NUL that takes the place of its space ends. */
static char *word(char **at)
{
	char *w = *at, *space = w ? strchr(w, ' ') : NULL;

	if (space)
		*space = '\0';
	*at = space ? space + 1 : NULL;
	return w;
}

static bool number(char **at, uint64_t *ret)
{
	const char *w = word(at);

	return w && vantio_parse_u64(w, strlen(w), UINT64_MAX, ret);
}

/* Spaces in a path are escaped too, so that a line splits at them. */
static bool read_line(char *line, struct vantio_mark *ret)
{
	cleanup_buf struct vantio_buf path = VANTIO_BUF_INIT;
	char *at = line, *kind = word(&at), *text, *p;
	uint64_t layer;

	if (!kind || !number(&at, &layer) || !(text = word(&at)))
		return false;
	for (p = text; *p; p++)
		if (*p == '\t')
			*p = ' ';
	if (text[0] != '/' || (text[1] && !vantio_unescape(&path, text + 1, strlen(text + 1))))
		return false;
	ret->layer = (size_t)layer;
	ret->begun = !strcmp(kind, "B");
	ret->gone = !strcmp(kind, "N");
	if (!ret->begun && !ret->gone && strcmp(kind, "E"))
		return false;
	if (!number(&at, &ret->ino) || (!ret->begun && !number(&at, &ret->ctime_ns)))
		return false;
	ret->path = path.data ? vantio_buf_steal(&path) : strdup("");
	return ret->path != NULL;
}

static int read_lines(char *text, struct vantio_marks *m)
{
	char *line = text, *end;
	struct vantio_mark *grown;
	size_t cap = 0;

	while ((end = strchr(line, '\n'))) {
		struct vantio_mark mark = { .order = m->n };

		*end = '\0';
		if (m->n == cap) {
			cap = cap ? 2 * cap : 64;
			grown = realloc(m->items, cap * sizeof(*grown));
			if (!grown)
				return -ENOMEM;
			m->items = grown;
		}
		if (!read_line(line, &mark))
			return -EBADMSG;
		m->items[m->n++] = mark;
		line = end + 1;
	}
	return 0;
}

static int by_inode_and_age(const void *a, const void *b)
{
	const struct vantio_inode_mark *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static int keep_inodes(struct vantio_marks *m)
{
	size_t i, n = 0;

	m->inodes = calloc(m->n + 1, sizeof(*m->inodes));
	if (!m->inodes)
		return -ENOMEM;
	for (i = 0; i < m->n; i++)
		if (m->items[i].ino)
			m->inodes[m->n_inodes++] = (struct vantio_inode_mark){ m->items[i].ino, m->items[i].ctime_ns, m->items[i].order, m->items[i].begun };
	qsort(m->inodes, m->n_inodes, sizeof(*m->inodes), by_inode_and_age);
	for (i = 0; i < m->n_inodes; i++)
		if (i + 1 == m->n_inodes || m->inodes[i].ino != m->inodes[i + 1].ino)
			m->inodes[n++] = m->inodes[i];
	m->n_inodes = n;
	return 0;
}

static int keep_newest(struct vantio_marks *m)
{
	size_t i, n = 0;
	int r = keep_inodes(m);

	if (m->n)
		qsort(m->items, m->n, sizeof(*m->items), by_place_and_age);
	for (i = 0; i < m->n; i++) {
		if (i + 1 < m->n && !by_place(&m->items[i], &m->items[i + 1]))
			free(m->items[i].path);
		else
			m->items[n++] = m->items[i];
	}
	m->n = n;
	return r;
}

int vantio_marks_open(int phantom_dir, bool write, struct vantio_marks *ret, struct vantio_error *err)
{
	cleanup_marks struct vantio_marks m = VANTIO_MARKS_INIT;
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r = vantio_read_file(phantom_dir, "journal", JOURNAL_MAX, &text, &len, err);

	if (r && r != -ENOENT)
		return r;
	r = text ? read_lines(text, &m) : 0;
	if (!r)
		r = keep_newest(&m);
	if (r)
		return r == -ENOMEM ? vantio_fail(err, ENOMEM, "out of memory") : vantio_fail(err, EBADMSG, "the journal of the phantom is damaged");
	if (write) {
		m.fd = openat(phantom_dir, "journal", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (m.fd < 0)
			return vantio_fail(err, errno, "cannot open the journal of the phantom: %s", strerror(errno));
		while (len && text && text[len - 1] != '\n' && text[len - 1] != '\0') /* a torn line: the next one must not be read as its end */
			len--;
		if (text && ftruncate(m.fd, (off_t)len))
			return vantio_fail(err, errno, "cannot write the journal of the phantom: %s", strerror(errno));
	}
	*ret = m;
	m = (struct vantio_marks)VANTIO_MARKS_INIT;
	return 0;
}

const struct vantio_mark *vantio_marks_find(const struct vantio_marks *m, size_t layer, const char *path)
{
	const struct vantio_mark wanted = { .path = (char *)path, .layer = layer };
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int r = by_place(&m->items[mid], &wanted);

		if (!r)
			return &m->items[mid];
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static const struct vantio_inode_mark *find_inode(const struct vantio_marks *m, uint64_t ino)
{
	size_t lo = 0, hi = m->n_inodes;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->inodes[mid].ino == ino)
			return &m->inodes[mid];
		if (m->inodes[mid].ino < ino)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

bool vantio_marks_ours(const struct vantio_marks *m, size_t layer, const char *path, const struct stat *host)
{
	const struct vantio_mark *mark = vantio_marks_find(m, layer, path);
	const struct vantio_inode_mark *inode = find_inode(m, host->st_ino);

	return (mark && mark->begun) || (inode && (inode->begun || inode->ctime_ns == vantio_time_of(&host->st_ctim)));
}

static int put(struct vantio_marks *m, const struct vantio_buf *line, struct vantio_error *err)
{
	if (line->failed)
		return vantio_fail(err, ENOMEM, "out of memory");
	return vantio_write_all(m->fd, line->data, line->len, err);
}

static void add_place(struct vantio_buf *b, char kind, size_t layer, const char *path)
{
	size_t from, i;

	vantio_buf_printf(b, "%c %zu /", kind, layer);
	from = b->len;
	vantio_escape(b, path, strlen(path));
	for (i = from; i < b->len; i++)
		if (b->data[i] == ' ')
			b->data[i] = '\t'; /* which the escape never leaves */
}

static int write_mark(struct vantio_marks *m, char kind, size_t layer, const char *path, uint64_t ino, const struct stat *st, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf b = VANTIO_BUF_INIT;

	add_place(&b, kind, layer, path);
	vantio_buf_printf(&b, " %" PRIu64, ino);
	if (st)
		vantio_buf_printf(&b, " %" PRIu64, vantio_time_of(&st->st_ctim));
	vantio_buf_putc(&b, '\n');
	return put(m, &b, err);
}

int vantio_marks_begin(struct vantio_marks *m, size_t layer, const char *path, uint64_t ino, struct vantio_error *err)
{
	return write_mark(m, 'B', layer, path, ino, NULL, err);
}

int vantio_marks_end(struct vantio_marks *m, size_t layer, const char *path, const struct stat *st, struct vantio_error *err)
{
	return write_mark(m, 'E', layer, path, st->st_ino, st, err);
}

int vantio_marks_gone(struct vantio_marks *m, size_t layer, const char *path, const struct stat *st, struct vantio_error *err)
{
	return write_mark(m, 'N', layer, path, st->st_ino, st, err);
}
