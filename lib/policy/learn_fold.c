// SPDX-License-Identifier: Apache-2.0
/*
 * From names to rules, for each use by itself and from the leaves up: a folder with too many rules below it becomes one, where a glob
 * may stand for it (learn_tree.c). What is written is folded first, and reading follows it, so that a file that is renamed within
 * such a folder gains nothing by it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/learn_internal.h"

#define LIBRARIES "/**/*.so{,.*}"
#define MANY_PROGRAMS 3 /* times as many programs as files */
#define DEPTH_MAX 2100

struct sprout { /* a rule in the making */
	uint32_t node;
	const char *below; /* "" for the name itself, or what stands for all below it */
	uint64_t count;
	uint32_t names;
	struct by by;
};

struct folding {
	struct vantio_learn *l;
	enum use use;
	struct sprout *items; /* owned */
	size_t n, cap;
	bool failed;
	uint8_t *folded; /* owned: by node: what is written there is folded */
};

enum vantio_list vantio_use_list(enum use use)
{
	static const enum vantio_list lists[] = {
		[USE_READ] = VANTIO_LIST_FILE_READ,     [USE_WRITE] = VANTIO_LIST_FILE_WRITE,    [USE_EXEC] = VANTIO_LIST_EXEC_ALLOW,
		[USE_LIBRARY] = VANTIO_LIST_EXEC_ALLOW, [USE_CONNECT] = VANTIO_LIST_NET_CONNECT, [USE_LISTEN] = VANTIO_LIST_NET_LISTEN,
	};

	return use < USE_MAX ? lists[use] : VANTIO_LIST_MAX;
}

static void add_sprout(struct folding *f, const struct sprout *s)
{
	struct sprout *grown;

	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 64;
		grown = reallocarray(f->items, f->cap, sizeof(*grown));
		if (!grown) {
			f->failed = true;
			f->cap = f->n;
			return;
		}
		f->items = grown;
	}
	f->items[f->n++] = *s;
}

/* All from `from` on become one. */
static void fold_into(struct folding *f, size_t from, uint32_t node, const char *below)
{
	struct sprout one = { .node = node, .below = below, .by = { .exes = { NO_EXE, NO_EXE } } };
	size_t i;

	for (i = from; i < f->n; i++) {
		one.count += f->items[i].count;
		one.names += f->items[i].names;
		vantio_learn_by_join(&one.by, &f->items[i].by);
	}
	f->n = from;
	add_sprout(f, &one);
}

static bool is_named(const struct tree *t, uint32_t node, const char *name)
{
	const struct node *n = &t->nodes[node];

	return !n->glob && n->len == strlen(name) && !memcmp(t->names.data + n->name, name, n->len);
}

static bool is_top(const struct tree *t, uint32_t node, const char *const *names)
{
	if (!node || t->nodes[node].parent)
		return false;
	for (; *names; names++)
		if (is_named(t, node, *names))
			return true;
	return false;
}

bool vantio_tree_is_tmp(const struct tree *t, uint32_t node)
{
	static const char *const var[] = { "var", NULL }, *const dev[] = { "dev", NULL }, *const tmp[] = { "tmp", NULL };
	const uint32_t parent = node ? t->nodes[node].parent : NONE;

	return is_top(t, node, tmp) || (parent != NONE && ((is_named(t, node, "tmp") && is_top(t, parent, var)) ||
							   (is_named(t, node, "shm") && is_top(t, parent, dev))));
}

/* Roots of which every part is alike: installed software, its libraries, folders for temporary files. */
static bool is_root(const struct tree *t, uint32_t node, enum use use)
{
	static const char *const software[] = { "usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", NULL };
	static const char *const libraries[] = { "lib", "lib32", "lib64", "libx32", NULL };
	static const char *const usr[] = { "usr", NULL };
	const uint32_t parent = node ? t->nodes[node].parent : NONE;
	bool under_usr = parent != NONE && is_top(t, parent, usr);
	size_t i;

	if (use == USE_READ)
		return is_top(t, node, software);
	if (use == USE_WRITE)
		return vantio_tree_is_tmp(t, node);
	if (use != USE_LIBRARY)
		return false;
	for (i = 0; under_usr && libraries[i]; i++)
		if (is_named(t, node, libraries[i]))
			return true;
	return is_top(t, node, libraries);
}

/* Whether the rules from `from` on, of the folder's own children, are names right in it. */
static bool all_direct(const struct folding *f, size_t from, uint32_t node)
{
	size_t i;

	for (i = from; i < f->n; i++)
		if (f->l->tree.nodes[f->items[i].node].parent != node || *f->items[i].below)
			return false;
	return true;
}

static size_t limit_of(const struct folding *f, uint32_t node)
{
	const size_t many = f->l->many;

	if (f->use == USE_EXEC)
		return many * MANY_PROGRAMS;
	return node == f->l->tree.work ? many / 2 : many;
}

/* Reads of the folder that is worked in are of all of it; so are reads where what is written was folded. */
static bool must_fold(const struct folding *f, uint32_t node)
{
	if (is_root(&f->l->tree, node, f->use))
		return !vantio_tree_is_above(&f->l->tree, node);
	return f->use == USE_READ && (node == f->l->tree.work || f->folded[node]);
}

/* The rules of what is below `node`, from `from` on. */
static void fold_below(struct folding *f, uint32_t node, size_t from)
{
	const struct tree *t = &f->l->tree;
	size_t n = f->n - from;

	if (!n)
		return;
	if (must_fold(f, node)) {
		fold_into(f, from, node, f->use == USE_LIBRARY ? LIBRARIES : "/**");
	} else if (n > limit_of(f, node) && vantio_tree_may_fold(t, node, f->use)) {
		fold_into(f, from, node, f->use == USE_LIBRARY ? LIBRARIES : f->use == USE_EXEC || !all_direct(f, from, node) ? "/**" : "/*");
	} else {
		return;
	}
	f->folded[node] |= f->use == USE_WRITE;
}

static void fold_node(struct folding *f, uint32_t node, unsigned int depth)
{
	const struct tree *t = &f->l->tree;
	const struct node *n = &t->nodes[node];
	const struct sprout self = { .node = node, .below = "", .count = n->count[f->use], .names = 1, .by = n->by };
	const size_t from = f->n;
	uint32_t child;

	for (child = n->first; child != NONE && depth < DEPTH_MAX; child = t->nodes[child].next)
		if (t->nodes[child].into == NONE)
			fold_node(f, child, depth + 1);
	fold_below(f, node, from);
	if (!self.count && !(n->needed >> f->use & 1))
		return;
	add_sprout(f, &self);
	/* "/d" and all below it are one rule */
	if (f->n - from == 2 && f->items[from].node == node && !strcmp(f->items[from].below, "/**"))
		fold_into(f, from, node, "/**");
	else if (node == t->work && f->use == USE_READ)
		fold_into(f, from, node, "/**");
}

static bool has_glob(const struct tree *t, uint32_t node)
{
	for (; node; node = t->nodes[node].parent)
		if (t->nodes[node].glob)
			return true;
	return false;
}

static int add_rule(struct folding *f, const struct sprout *s, struct vantio_learned *ret, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
	struct vantio_learned_rule *grown = reallocarray(ret->rules, ret->n + 1, sizeof(*grown));

	if (!grown)
		return vantio_fail(err, ENOMEM, "out of memory");
	ret->rules = grown;
	if (f->use == USE_CONNECT || f->use == USE_LISTEN)
		vantio_buf_puts(&text, "unix:");
	vantio_tree_spell(&f->l->tree, s->node, s->below, &text);
	grown[ret->n] = (struct vantio_learned_rule){ .list = vantio_use_list(f->use), .count = s->count, .names = s->names,
						      .by = vantio_learn_by_text(f->l, &s->by) };
	grown[ret->n].folded = *s->below || has_glob(&f->l->tree, s->node);
	grown[ret->n].text = vantio_buf_steal(&text);
	if (!grown[ret->n].by || !grown[ret->n].text) {
		free(grown[ret->n].by);
		free(grown[ret->n].text);
		return vantio_fail(err, ENOMEM, "out of memory");
	}
	ret->n++;
	return 0;
}

int vantio_learn_fold(struct vantio_learn *l, struct vantio_learned *ret, struct vantio_error *err)
{
	static const enum use order[] = { USE_WRITE, USE_READ, USE_EXEC, USE_LIBRARY, USE_CONNECT, USE_LISTEN };
	struct folding f = { .l = l };
	size_t i, j;
	int r = vantio_tree_generalise(&l->tree, err);

	if (r)
		return r;
	f.folded = calloc(l->tree.n, 1);
	if (!f.folded)
		return vantio_fail(err, ENOMEM, "out of memory");
	for (i = 0; i < VANTIO_ARRAY_SIZE(order) && !r; i++) {
		f.use = order[i];
		f.n = 0;
		fold_node(&f, 0, 0);
		for (j = 0; j < f.n && !r && !f.failed; j++)
			r = add_rule(&f, &f.items[j], ret, err);
	}
	if (f.failed)
		r = vantio_fail(err, ENOMEM, "out of memory");
	free(f.items);
	free(f.folded);
	return r;
}
