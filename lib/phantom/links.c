// SPDX-License-Identifier: Apache-2.0
#include "phantom/links.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "phantom/object.h"

#define SOURCES_TRIED 1024 /* by file handle, one by one */

static int by_key(const void *a, const void *b)
{
	const struct vantio_link_entry *x = a, *y = b;

	if (x->key1 != y->key1)
		return x->key1 < y->key1 ? -1 : 1;
	if (x->key2 != y->key2)
		return x->key2 < y->key2 ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool in_group(const struct vantio_change *c)
{
	return c->chosen && c->kind != VANTIO_CHANGE_DELETE && !S_ISDIR(c->upper.st_mode) && c->upper.st_nlink > 1;
}

static bool is_source(const struct vantio_change *c)
{
	return c->chosen && (c->kind == VANTIO_CHANGE_DELETE || c->kind == VANTIO_CHANGE_REPLACE || c->kind == VANTIO_CHANGE_MODIFY) && c->on_host &&
	       S_ISREG(c->host.st_mode) && c->host.st_nlink > 1;
}

void vantio_links_clear(struct vantio_links *l)
{
	free(l->groups);
	free(l->sources);
	memset(l, 0, sizeof(*l));
}

int vantio_links_make(const struct vantio_changes *c, struct vantio_links *ret)
{
	struct vantio_links l = {};
	size_t i;

	l.groups = calloc(c->n + 1, sizeof(*l.groups));
	l.sources = calloc(c->n + 1, sizeof(*l.sources));
	if (!l.groups || !l.sources) {
		vantio_links_clear(&l);
		return -ENOMEM;
	}
	for (i = 0; i < c->n; i++) {
		const struct vantio_change *change = &c->items[i];

		if (in_group(change))
			l.groups[l.n_groups++] = (struct vantio_link_entry){ change->layer, change->upper.st_ino, i };
		if (is_source(change))
			l.sources[l.n_sources++] = (struct vantio_link_entry){ (uint64_t)change->host.st_size, vantio_time_of(&change->host.st_mtim), i };
	}
	qsort(l.groups, l.n_groups, sizeof(*l.groups), by_key);
	qsort(l.sources, l.n_sources, sizeof(*l.sources), by_key);
	*ret = l;
	return 0;
}

/* The first entry of a key; n if there is none. */
static size_t lower_bound(const struct vantio_link_entry *items, size_t n, uint64_t key1, uint64_t key2)
{
	const struct vantio_link_entry wanted = { key1, key2, 0 };
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (by_key(&items[mid], &wanted) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

size_t vantio_links_first(const struct vantio_links *l, const struct vantio_changes *c, size_t index)
{
	const struct vantio_change *change = &c->items[index];
	size_t i, first = index;

	if (!in_group(change))
		return index;
	i = lower_bound(l->groups, l->n_groups, change->layer, change->upper.st_ino);
	if (i < l->n_groups)
		first = l->groups[i].index;
	for (; i < l->n_groups && l->groups[i].key1 == change->layer && l->groups[i].key2 == change->upper.st_ino; i++) {
		enum vantio_change_kind kind = c->items[l->groups[i].index].kind;

		if (kind == VANTIO_CHANGE_NONE || kind == VANTIO_CHANGE_META) /* which is on the host already */
			return l->groups[i].index;
	}
	return first;
}

static size_t common(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

bool vantio_links_source(const struct vantio_links *l, const struct vantio_phantom *p, const struct vantio_changes *c, size_t index, int fd,
			 size_t *ret_index)
{
	const struct vantio_change *change = &c->items[index];
	const uint64_t size = (uint64_t)change->upper.st_size, mtime = vantio_time_of(&change->upper.st_mtim);
	size_t i, nearest = 0;
	bool found = false;
	char note[256];

	if (!S_ISREG(change->upper.st_mode))
		return false;
	for (i = 0; i < l->n_sources && i < SOURCES_TRIED; i++) {
		const struct vantio_change *from = &c->items[l->sources[i].index];
		cleanup_close int host = from->layer == change->layer ? vantio_open_below(c->host[from->layer], from->path, O_PATH) : -1;

		if (host >= 0 && vantio_same_origin(fd, p->userxattr, host) == 1) {
			*ret_index = l->sources[i].index;
			return true;
		}
	}
	/* without file handles there is no note of where such a file came from: the same bytes at the same time */
	if (!p->userxattr || vantio_overlay_note(fd, true, "origin", note, sizeof(note)) != -ENODATA)
		return false;
	for (i = lower_bound(l->sources, l->n_sources, size, mtime); i < l->n_sources && l->sources[i].key1 == size && l->sources[i].key2 == mtime; i++) {
		const struct vantio_change *from = &c->items[l->sources[i].index];
		const size_t near = common(from->path, change->path);
		cleanup_close int host = -1;

		if (from->layer != change->layer || (found && near <= nearest))
			continue;
		host = vantio_open_below(c->host[from->layer], from->path, O_PATH);
		if (host < 0 || vantio_same_content(fd, &change->upper, host, &from->host) != 1)
			continue;
		*ret_index = l->sources[i].index;
		nearest = near;
		found = true;
	}
	return found;
}
