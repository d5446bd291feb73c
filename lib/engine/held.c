// SPDX-License-Identifier: Apache-2.0
#include "engine/held.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "inode.h"
#include "policy/glob.h"

#define TABLE_MAX (1u << 20) /* entries: 100,000 rules with what they held before */

static const enum vantio_list lists[] = { VANTIO_LIST_FILE_DENY, VANTIO_LIST_EXEC_DENY };

void vantio_held_free(struct vantio_held_set *s)
{
	free(s->items);
	*s = (struct vantio_held_set){ 0 };
}

static bool literal(const struct vantio_rule *rule, char out[VANTIO_PATH_MAX])
{
	return rule->pos.line && vantio_glob_literal(rule->glob, strlen(rule->glob), out, VANTIO_PATH_MAX);
}

bool vantio_held_names(const struct vantio_policy *p)
{
	char path[VANTIO_PATH_MAX];

	for (size_t k = 0; k < VANTIO_ARRAY_SIZE(lists); k++)
		for (size_t i = 0; i < p->lists[lists[k]].n; i++)
			if (literal(&p->lists[lists[k]].items[i], path))
				return true;
	return false;
}

static int add(struct vantio_held_set *s, const struct vantio_held_item *item, struct vantio_error *err)
{
	struct vantio_held_item *grown;

	if ((s->n & (s->n - 1)) == 0) { /* full at each power of two */
		grown = reallocarray(s->items, s->n ? s->n * 2 : 1, sizeof(*grown));
		if (!grown)
			return vantio_fail(err, ENOMEM, "out of memory");
		s->items = grown;
	}
	s->items[s->n++] = *item;
	return 0;
}

/* ---- what the names lead to ---- */

static int ask_stat(int fd, struct vantio_held_item *item)
{
	struct stat st;

	if (fstat(fd, &st))
		return -ENOENT;
	item->ino = st.st_ino;
	item->dev = (uint32_t)st.st_dev;
	item->named_twice = S_ISREG(st.st_mode) && st.st_nlink > 1;
	return 0;
}

static int ask_engine(const struct vantio_engine *e, const char *path, int fd, struct vantio_held_item *item, struct vantio_error *err)
{
	struct vantio_inode_query q = { .fd = fd };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &q, .ctx_size_in = sizeof(q));

	if (bpf_prog_test_run_opts(e->inode_of, &opts))
		return vantio_fail(err, errno, "cannot ask the kernel for the inode of %s: %s", path, strerror(errno));
	if (!q.found)
		return vantio_fail(err, EIO, "the kernel does not tell the inode of %s", path);
	item->ino = q.ino;
	item->dev = q.dev;
	item->generation = q.generation;
	return 0;
}

/* -ENOENT: the name leads to no object that could be held. */
static int look_up(const struct vantio_engine *e, const char *path, struct vantio_held_item *item, struct vantio_error *err)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | O_NOFOLLOW, .resolve = RESOLVE_NO_SYMLINKS };
	cleanup_close int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOSYS))
		return vantio_fail(err, errno, "cannot look up %s, which the policy denies: %s", path, strerror(errno));
	if (fd < 0)
		return -ENOENT; /* not there, or a link is in the way: the rule holds by its path */
	return e ? ask_engine(e, path, fd, item, err) : ask_stat(fd, item);
}

int vantio_held_find(const struct vantio_engine *e, const struct vantio_policy *p, struct vantio_held_set *ret, struct vantio_error *err)
{
	cleanup_held struct vantio_held_set s = { 0 };
	char path[VANTIO_PATH_MAX];
	int r;

	for (size_t k = 0; k < VANTIO_ARRAY_SIZE(lists); k++) {
		for (size_t i = 0; i < p->lists[lists[k]].n; i++) {
			struct vantio_held_item item = { .list = lists[k], .rule = (uint32_t)i };

			if (!literal(&p->lists[lists[k]].items[i], path))
				continue;
			r = look_up(e, path, &item, err);
			if (r == -ENOENT)
				continue;
			if (!r)
				r = add(&s, &item, err);
			if (r)
				return r;
		}
	}
	*ret = s;
	s = (struct vantio_held_set){ 0 };
	return 0;
}

int vantio_held_copy(const struct vantio_held_set *from, struct vantio_held_set *ret, struct vantio_error *err)
{
	struct vantio_held_item *items = from->n ? calloc(from->n, sizeof(*items)) : NULL;

	if (from->n && !items)
		return vantio_fail(err, ENOMEM, "out of memory");
	if (items)
		memcpy(items, from->items, from->n * sizeof(*items));
	*ret = (struct vantio_held_set){ .items = items, .n = from->n };
	return 0;
}

/* ---- what they led to before ---- */

static bool equal(const struct vantio_held_item *a, const struct vantio_held_item *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->generation == b->generation;
}

/* The number of an earlier policy's rule in this one; UINT32_MAX if it is not there any more. `guess` is tried first. */
static uint32_t same_rule(const struct vantio_policy *p, enum vantio_list list, const char *glob, uint32_t guess)
{
	const struct vantio_rules *rules = &p->lists[list];

	if (guess < rules->n && !strcmp(rules->items[guess].glob, glob))
		return guess;
	for (size_t i = 0; i < rules->n; i++)
		if (!strcmp(rules->items[i].glob, glob))
			return (uint32_t)i;
	return UINT32_MAX;
}

static int by_rule(const void *a, const void *b)
{
	const struct vantio_held_item *x = a, *y = b;

	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	if (x->former != y->former)
		return x->former ? 1 : -1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Drops an object that is there twice for one rule, and what is more than VANTIO_HELD_FORMER behind. */
static void settle(struct vantio_held_set *s)
{
	size_t kept = 0, first = 0, former = 0;

	for (size_t i = 0; i < s->n; i++) {
		bool again = false;

		if (!kept || s->items[first].list != s->items[i].list || s->items[first].rule != s->items[i].rule) {
			first = kept;
			former = 0;
		}
		for (size_t k = first; k < kept; k++)
			again |= equal(&s->items[k], &s->items[i]);
		if (again || (s->items[i].former && former++ == VANTIO_HELD_FORMER))
			continue;
		s->items[kept++] = s->items[i];
	}
	s->n = kept;
}

int vantio_held_keep(const struct vantio_policy *p, struct vantio_held_set *now, const struct vantio_policy *before,
		     const struct vantio_held_set *held_before, struct vantio_error *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < held_before->n; i++) {
		struct vantio_held_item item = held_before->items[i];

		if (!item.generation || item.rule >= before->lists[item.list].n)
			continue;
		item.rule = same_rule(p, item.list, before->lists[item.list].items[item.rule].glob, item.rule);
		item.former = true;
		if (item.rule != UINT32_MAX)
			r = add(now, &item, err);
	}
	if (r || !now->n)
		return r;
	for (size_t i = 0; i < now->n; i++)
		now->items[i].order = (uint32_t)i; /* the newest former object stays first */
	qsort(now->items, now->n, sizeof(*now->items), by_rule);
	settle(now);
	return 0;
}

bool vantio_held_same(const struct vantio_held_set *a, const struct vantio_held_set *b)
{
	size_t i = 0, k = 0;

	for (;; i++, k++) {
		while (i < a->n && a->items[i].former)
			i++;
		while (k < b->n && b->items[k].former)
			k++;
		if (i == a->n || k == b->n)
			return i == a->n && k == b->n;
		if (a->items[i].list != b->items[k].list || a->items[i].rule != b->items[k].rule || !equal(&a->items[i], &b->items[k]))
			return false;
	}
}

/* ---- the kernel's table ---- */

/* false: no place is left within reach of the hash. */
static bool put(struct vantio_held *table, uint32_t mask, const struct vantio_held_item *item)
{
	struct vantio_held key = { .ino = item->ino, .dev = item->dev, .generation = item->generation, .used = 1 };
	const uint32_t at = vantio_held_hash(&key) & mask, page = at / VANTIO_HELD_PER_PAGE * VANTIO_HELD_PER_PAGE;

	for (uint32_t k = 0; k < VANTIO_HELD_PROBES; k++) {
		struct vantio_held *entry = &table[page + vantio_held_place(at, mask, k)];
		uint32_t *rule = &entry->rule[item->list == VANTIO_LIST_EXEC_DENY];

		if (entry->used && !vantio_held_equal(entry, &key))
			continue;
		if (!entry->used)
			*entry = key;
		if (!*rule)
			*rule = item->rule + 1;
		return true;
	}
	return false;
}

int vantio_held_table(const struct vantio_held_set *s, struct vantio_held **ret, uint32_t *ret_n, struct vantio_error *err)
{
	*ret = NULL;
	*ret_n = 0;
	if (!s->n)
		return 0;
	for (uint32_t n = 16; n <= TABLE_MAX; n *= 2) {
		cleanup_free struct vantio_held *table = NULL;
		size_t i = 0;

		if (n < 2 * s->n)
			continue;
		table = calloc(n, sizeof(*table));
		if (!table)
			return vantio_fail(err, ENOMEM, "out of memory");
		while (i < s->n && put(table, n - 1, &s->items[i]))
			i++;
		if (i < s->n)
			continue;
		*ret = vantio_take(table);
		*ret_n = n;
		return 0;
	}
	return vantio_fail(err, E2BIG, "%zu objects are too many to deny by their inodes", s->n);
}
