// SPDX-License-Identifier: Apache-2.0
/* Names in a tree with counts, a node a component. Which folders a glob may stand for is said here, once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/learn_internal.h"

#define PROCESS "[0-9]*"

static int fail_full(struct vantio_error *err)
{
	return vantio_fail(err, E2BIG, "more different names than are kept (%u), or memory ran out: learn from a part, by --agent, --since or --filter",
			   VANTIO_LEARN_NAMES_MAX);
}

void vantio_tree_clear(struct tree *t)
{
	free(t->nodes);
	free(t->table);
	vantio_buf_free(&t->names);
}

/* ---- look-up ---- */

static uint32_t hash_of(uint32_t parent, const char *name, size_t len, bool glob)
{
	return vantio_learn_hash(name, len, parent * 2654435761u + glob);
}

static bool is_child(const struct tree *t, uint32_t at, uint32_t parent, const char *name, size_t len, bool glob)
{
	const struct node *n = &t->nodes[at];

	return n->parent == parent && n->len == len && n->glob == glob && !memcmp(t->names.data + n->name, name, len);
}

static void put_table(struct tree *t, uint32_t node)
{
	const struct node *n = &t->nodes[node];
	uint32_t i = hash_of(n->parent, t->names.data + n->name, n->len, n->glob);

	for (i &= t->cap_table - 1; t->table[i]; i = (i + 1) & (t->cap_table - 1))
		;
	t->table[i] = node + 1;
}

static bool grow(struct tree *t)
{
	uint32_t cap = t->cap * 2, i, *table;
	struct node *nodes;

	if (t->n < t->cap)
		return true;
	if (cap > VANTIO_LEARN_NAMES_MAX)
		return false;
	nodes = reallocarray(t->nodes, cap, sizeof(*nodes));
	if (!nodes)
		return false;
	t->nodes = nodes;
	table = calloc((size_t)cap * 4, sizeof(*table));
	if (!table)
		return false;
	free(t->table);
	t->table = table;
	t->cap = cap;
	t->cap_table = cap * 4;
	for (i = 1; i < t->n; i++)
		put_table(t, i);
	return true;
}

uint32_t vantio_tree_child(struct tree *t, uint32_t parent, const char *name, size_t len, bool glob, bool make)
{
	uint32_t i = hash_of(parent, name, len, glob), at;

	for (i &= t->cap_table - 1; t->table[i]; i = (i + 1) & (t->cap_table - 1))
		if (is_child(t, t->table[i] - 1, parent, name, len, glob))
			return t->table[i] - 1;
	if (!make || !grow(t))
		return NONE;
	at = t->n;
	t->nodes[at] = (struct node){ .parent = parent, .first = NONE, .next = t->nodes[parent].first, .into = NONE, .name = (uint32_t)t->names.len,
				      .len = (uint16_t)len, .glob = glob, .by = { .exes = { NO_EXE, NO_EXE } } };
	vantio_buf_add(&t->names, name, len);
	if (t->names.failed)
		return NONE;
	t->n++;
	t->nodes[parent].first = at;
	t->nodes[parent].n_children++;
	put_table(t, at);
	return at;
}

/* ---- taking ---- */

static bool all_digits(const char *s, size_t len)
{
	return len && strspn(s, "0123456789") >= len;
}

/* Processes, threads and descriptors have numbers that mean nothing the next time. */
static bool is_number(const struct tree *t, uint32_t parent, const char *name, size_t len, bool proc)
{
	const struct node *p = &t->nodes[parent];

	if (!proc || !all_digits(name, len))
		return false;
	return p->parent == 0 || (p->len == 4 && !memcmp(t->names.data + p->name, "task", 4)) ||
	       (p->len == 2 && !memcmp(t->names.data + p->name, "fd", 2));
}

/* A folder of very many names: what is beyond is told apart no more, where a glob may stand there in the end. */
static bool is_full(const struct tree *t, uint32_t folder, enum use use)
{
	return t->nodes[folder].n_children >= VANTIO_LEARN_WIDE && use < USE_MAX && vantio_tree_may_fold(t, folder, use);
}

static uint32_t walk(struct tree *t, const char *path, enum use use)
{
	const bool proc = !strncmp(path, "/proc/", 6);
	const char *at = path + 1;
	uint32_t node = 0, next;
	size_t len;

	for (; *at; at += len + (at[len] == '/')) {
		len = strcspn(at, "/");
		if (is_number(t, node, at, len, proc))
			next = vantio_tree_child(t, node, PROCESS, strlen(PROCESS), true, true);
		else if (is_full(t, node, use) && vantio_tree_child(t, node, at, len, false, false) == NONE)
			next = vantio_tree_child(t, node, "*", 1, true, true);
		else
			next = vantio_tree_child(t, node, at, len, false, true);
		if (next == NONE)
			return NONE;
		while (t->nodes[next].into != NONE)
			next = t->nodes[next].into;
		node = next;
	}
	return node;
}

int vantio_tree_take(struct tree *t, const char *path, enum use use, uint64_t count, const struct by *by, struct vantio_error *err)
{
	const uint32_t node = walk(t, path, use);
	struct node *n = &t->nodes[node];

	if (node == NONE)
		return fail_full(err);
	n->count[use] = count > UINT32_MAX - n->count[use] ? UINT32_MAX : n->count[use] + (uint32_t)count;
	vantio_learn_by_join(&n->by, by);
	return 0;
}

void vantio_tree_fleet(struct tree *t, const char *path)
{
	const uint32_t node = walk(t, path, USE_WRITE);

	if (node != NONE)
		t->nodes[node].fleeting = true;
}

int vantio_tree_need(struct tree *t, const char *path, enum use use, struct vantio_error *err)
{
	const uint32_t node = walk(t, path, use);

	if (node == NONE)
		return fail_full(err);
	if (t->nodes[node].needed >> use & 1)
		return 0;
	t->nodes[node].needed |= (uint8_t)(1u << use);
	return 1;
}

/* The folder that a run works in, unless it is one of which nobody would open all: then rules are written in full. */
static bool is_workdir(const struct tree *t, uint32_t node)
{
	return node != NONE && node != t->home && vantio_tree_may_fold(t, node, USE_READ) && vantio_tree_may_fold(t, node, USE_WRITE);
}

int vantio_tree_init(struct tree *t, const char *workdir, const char *home, struct vantio_error *err)
{
	static const struct by nobody = { .exes = { NO_EXE, NO_EXE } };
	uint32_t work;

	*t = (struct tree){ .work = NONE, .home = NONE };
	t->nodes = calloc(1024, sizeof(*t->nodes));
	t->table = calloc(4096, sizeof(*t->table));
	if (!t->nodes || !t->table)
		return vantio_fail(err, ENOMEM, "out of memory");
	t->cap = 1024;
	t->cap_table = 4096;
	t->n = 1;
	t->nodes[0] = (struct node){ .parent = NONE, .first = NONE, .next = NONE, .into = NONE, .by = nobody };
	/* their nodes are there from the start, so that what is on the way to them is known */
	if (home && strcmp(home, "/") != 0)
		t->home = walk(t, home, USE_MAX);
	work = workdir && strcmp(workdir, "/") != 0 ? walk(t, workdir, USE_MAX) : NONE;
	if (is_workdir(t, work))
		t->work = work;
	return 0;
}

/* ---- spelling ---- */

void vantio_tree_spell(const struct tree *t, uint32_t node, const char *below, struct vantio_buf *out)
{
	const struct node *n = &t->nodes[node];

	if (*below && !t->in_full && node == t->work) {
		vantio_buf_puts(out, "$WORKDIR");
	} else if (*below && !t->home_in_full && node == t->home) {
		vantio_buf_puts(out, "~");
	} else if (node) {
		vantio_tree_spell(t, n->parent, "/", out);
		vantio_buf_putc(out, '/');
		if (n->glob)
			vantio_buf_add(out, t->names.data + n->name, n->len);
		else
			vantio_learn_spell(out, t->names.data + n->name, n->len);
	} else if (!*below) {
		vantio_buf_putc(out, '/');
	}
	if (*below && strcmp(below, "/") != 0)
		vantio_buf_puts(out, below);
}

/* ---- which folders a glob may stand for ---- */

#define DEPTH_MAX 8

struct place {
	char name[DEPTH_MAX][32]; /* the first components, cut */
	unsigned int depth;
	int below_home;           /* components below a home; -1: not in one */
};

static void set_place(const struct tree *t, uint32_t node, struct place *p)
{
	uint32_t chain[4096], n = 0, i;

	*p = (struct place){ .below_home = -1 };
	for (; node && n < VANTIO_ARRAY_SIZE(chain); node = t->nodes[node].parent)
		chain[n++] = node;
	p->depth = n;
	for (i = 0; i < n && i < DEPTH_MAX; i++) {
		const struct node *c = &t->nodes[chain[n - 1 - i]];
		size_t len = c->len < sizeof(p->name[i]) ? c->len : sizeof(p->name[i]) - 1;

		memcpy(p->name[i], t->names.data + c->name, len);
	}
	for (i = 0; i < n; i++)
		if (chain[n - 1 - i] == t->home)
			p->below_home = (int)(n - 1 - i);
	if (p->below_home < 0 && n && !strcmp(p->name[0], "home"))
		p->below_home = n >= 2 ? (int)n - 2 : 0;
	if (p->below_home < 0 && n && !strcmp(p->name[0], "root"))
		p->below_home = (int)n - 1;
}

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(name, *list))
			return true;
	return false;
}

/* In a home: never all of it, nor a folder in which everybody's settings lie. */
static bool may_fold_home(const struct place *p)
{
	const unsigned int first = p->depth - (unsigned int)p->below_home;
	const char *top = first < DEPTH_MAX ? p->name[first] : "", *second = first + 1 < DEPTH_MAX ? p->name[first + 1] : "";

	if (p->below_home <= 0)
		return false;
	if (!strcmp(top, ".config"))
		return p->below_home >= 2;
	if (!strcmp(top, ".local"))
		return p->below_home >= (!strcmp(second, "share") || !strcmp(second, "state") ? 3 : 2);
	return true;
}

/* Whether `folder` is on the way to another, and so more than that. */
static bool leads_to(const struct tree *t, uint32_t folder, uint32_t other)
{
	while (other && other != NONE) {
		other = t->nodes[other].parent;
		if (other == folder)
			return true;
	}
	return false;
}

bool vantio_tree_is_above(const struct tree *t, uint32_t node)
{
	return leads_to(t, node, t->work) || leads_to(t, node, t->home);
}

bool vantio_tree_may_fold(const struct tree *t, uint32_t node, enum use use)
{
	static const char *const system[] = { "usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "boot", "etc", "proc", "sys", "dev", NULL };
	static const char *const shared[] = { "var", "srv", "mnt", "media", "opt", "snap", "nix", NULL };
	const bool writes = use == USE_WRITE || use == USE_LISTEN;
	struct place p;

	if (!node || vantio_tree_is_above(t, node))
		return false;
	if (node == t->work)
		return true;
	set_place(t, node, &p);
	if (p.below_home >= 0)
		return may_fold_home(&p);
	if (!strcmp(p.name[0], "dev") && p.depth >= 2 && (!strcmp(p.name[1], "pts") || !strcmp(p.name[1], "shm")))
		return true;
	if (is_one_of(p.name[0], system))
		return !writes && p.depth >= 2;
	if (!strcmp(p.name[0], "run"))
		return p.depth >= (!strcmp(p.name[1], "user") ? 4 : 2);
	if (!strcmp(p.name[0], "var"))
		return p.depth >= (!strcmp(p.name[1], "lib") || !strcmp(p.name[1], "spool") ? 3 : 2);
	return p.depth >= (is_one_of(p.name[0], shared) ? 2 : 1);
}

/* ---- names that were made up ---- */

static void join_counts(struct node *to, const struct node *from)
{
	int use;

	for (use = 0; use < USE_MAX; use++)
		to->count[use] = from->count[use] > UINT32_MAX - to->count[use] ? UINT32_MAX : to->count[use] + from->count[use];
	to->needed |= from->needed;
	vantio_learn_by_join(&to->by, &from->by);
}

static int merge(struct tree *t, uint32_t from, uint32_t to, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf name = VANTIO_BUF_INIT;
	uint32_t child, into;
	int r = 0;

	join_counts(&t->nodes[to], &t->nodes[from]);
	for (child = t->nodes[from].first; child != NONE && !r; child = t->nodes[child].next) {
		if (t->nodes[child].into != NONE)
			continue;
		vantio_buf_reset(&name);
		vantio_buf_add(&name, t->names.data + t->nodes[child].name, t->nodes[child].len);
		into = name.failed ? NONE : vantio_tree_child(t, to, name.data, name.len, t->nodes[child].glob, true);
		r = into == NONE ? fail_full(err) : merge(t, child, into, err);
	}
	t->nodes[from].into = to;
	return r;
}

/* A pattern that keeps nothing of the name opens the folder, which must be one that may be opened. */
static bool may_become(const struct tree *t, uint32_t node, const struct vantio_buf *glob)
{
	size_t i, kept = 0;

	for (i = 0; i < glob->len; i++)
		kept += glob->data[i] != '*';
	return kept >= 2 || vantio_tree_may_fold(t, t->nodes[node].parent, USE_WRITE);
}

/* False where the name means something. */
static bool pattern_of(const struct tree *t, uint32_t node, struct vantio_buf *glob)
{
	const struct node *n = &t->nodes[node];
	const char *name = t->names.data + n->name;

	const bool tmp = vantio_tree_is_tmp(t, n->parent);

	if (tmp && n->first == NONE) { /* whatever it is called, it is one file of many */
		vantio_buf_putc(glob, '*');
		return !glob->failed;
	}
	if (vantio_learn_drawn(name, n->len, n->fleeting, glob))
		return may_become(t, node, glob);
	vantio_buf_reset(glob);
	if (tmp)
		vantio_learn_temporary(name, n->len, glob);
	return tmp && !glob->failed;
}

/* The pattern in the place of the node's name. One that begins with a star is of anything, which is right in folders that may be opened. */
static bool reaches_place(const struct tree *t, uint32_t node, const struct vantio_buf *glob, const struct vantio_reach *reach)
{
	cleanup_buf struct vantio_buf path = VANTIO_BUF_INIT;
	struct tree full = *t; /* borrows: names in full */

	if (vantio_tree_is_tmp(t, t->nodes[node].parent) || (glob->data[0] == '*' && vantio_tree_may_fold(t, t->nodes[node].parent, USE_WRITE)))
		return false;
	full.in_full = full.home_in_full = true;
	vantio_tree_spell(&full, t->nodes[node].parent, "/", &path);
	vantio_buf_putc(&path, '/');
	vantio_buf_add(&path, glob->data, glob->len);
	vantio_buf_puts(&path, "");
	return path.failed || vantio_reach_place(reach, path.data);
}

/* Sensitive names begin with a dot, mostly, and a name that was drawn does not: its pattern stands for none that does, but for a folder's "*", below
 * which those places are denied. */
static void leave_dots(const struct tree *t, uint32_t node, struct vantio_buf *glob)
{
	cleanup_buf struct vantio_buf rest = VANTIO_BUF_INIT;

	if (glob->data[0] != '*' || vantio_tree_is_tmp(t, t->nodes[node].parent) || (!glob->data[1] && t->nodes[node].first == NONE))
		return;
	vantio_buf_add(&rest, glob->data, glob->len);
	vantio_buf_reset(glob);
	vantio_buf_printf(glob, "[!.]%s", rest.failed ? "" : rest.data);
	glob->failed |= rest.failed;
}

static int generalise(struct tree *t, const struct vantio_reach *reach, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf glob = VANTIO_BUF_INIT;
	uint32_t i, to;
	int r = 0;

	for (i = 1; i < t->n && !r; i++) {
		const struct node *n = &t->nodes[i];

		if (n->into != NONE || n->glob || i == t->work || i == t->home || vantio_tree_is_above(t, i) ||
		    (!n->count[USE_WRITE] && !n->count[USE_LISTEN]))
			continue;
		vantio_buf_reset(&glob);
		if (!pattern_of(t, i, &glob) || reaches_place(t, i, &glob, reach))
			continue;
		leave_dots(t, i, &glob);
		to = glob.failed ? NONE : vantio_tree_child(t, n->parent, glob.data, glob.len, true, true);
		r = to == NONE ? fail_full(err) : merge(t, i, to, err);
	}
	return r;
}

int vantio_tree_generalise(struct tree *t, struct vantio_error *err)
{
	struct vantio_reach *reach;
	int r = vantio_reach_new(&reach, err);

	if (!r)
		r = generalise(t, reach, err);
	vantio_reach_free(reach);
	return r;
}
