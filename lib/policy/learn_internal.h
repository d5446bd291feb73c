/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of learning share. */
#ifndef VANTIO_POLICY_LEARN_INTERNAL_H
#define VANTIO_POLICY_LEARN_INTERNAL_H

#include "policy/learn.h"

#define VANTIO_LEARN_EXES_MAX 4096u   /* programs that are told apart; further ones are "others" */
#define VANTIO_LEARN_WIDE     10000u  /* names of a folder beyond which further ones are not told apart */
#define VANTIO_LEARN_PAIRS_MAX 65536u /* different renames and links */
#define NO_EXE 0xffffu
#define NONE   UINT32_MAX

/* What a name was used for: each is folded by itself. */
enum use { USE_READ, USE_WRITE, USE_EXEC, USE_LIBRARY, USE_CONNECT, USE_LISTEN, USE_MAX };

enum vantio_list vantio_use_list(enum use use);

struct by { /* the first programs */
	uint16_t exes[2];
	bool more;
};

struct node {
	uint32_t parent, first, next; /* NONE: none */
	uint32_t name;                /* offset in the names */
	uint16_t len;
	bool glob;     /* the name is a glob, not bytes */
	bool fleeting; /* it was deleted, or renamed or linked to another */
	uint32_t into; /* the sibling, a glob, that it was taken into; or NONE */
	uint32_t n_children;
	uint32_t count[USE_MAX]; /* saturating */
	uint8_t needed; /* bits of uses: by a rename to another name, which must not gain */
	struct by by;
};

struct tree {
	struct node *nodes; /* owned; 0 is the root */
	uint32_t n, cap;
	struct vantio_buf names;
	uint32_t *table; /* owned: open addressing over (parent, name): node + 1 */
	uint32_t cap_table;
	uint32_t work, home; /* nodes, or NONE */
	bool in_full, home_in_full; /* they are not written as $WORKDIR, or ~ */
};

struct net_target {
	char *text; /* owned: as a rule */
	enum vantio_list list;
	bool any_port; /* an address without a port: one was asked for that is free */
	uint64_t count;
	struct by by;
	uint32_t next;
};

struct pair { /* a rename or a link */
	char *from, *to; /* owned */
	enum vantio_op op;
	uint32_t next;
};

#define BUCKETS 16384u

struct vantio_learn {
	char *home, *workdir; /* owned, or NULL */
	uint32_t many;
	const struct vantio_policy *base;
	struct tree tree;
	struct net_target *nets; /* owned, as all below */
	uint32_t n_nets;
	struct vantio_learn_question *questions;
	uint32_t n_questions;
	struct pair *pairs;
	uint32_t n_pairs;
	uint32_t buckets[3][BUCKETS]; /* nets, questions, pairs: index + 1 */
	char **exes; /* escaped */
	uint32_t n_exes;
	struct vantio_policy *places; /* the sensitive ones, as lists that "allow" them */
	struct vantio_image *places_image;
	uint64_t ignored_pairs;
};

/* learn.c: the list of an operation's rules; VANTIO_LIST_MAX for others. */
enum vantio_list vantio_learn_list(enum vantio_op op);
enum use vantio_learn_use(enum vantio_list list, const char *path);

uint32_t vantio_learn_hash(const void *bytes, size_t len, uint32_t seed);

/* learn.c */
uint16_t vantio_learn_exe(struct vantio_learn *l, const char *raw);
void vantio_learn_by(struct by *by, uint16_t exe);
void vantio_learn_by_join(struct by *to, const struct by *from);
char *vantio_learn_by_text(const struct vantio_learn *l, const struct by *by);

/* learn_tree.c */
int vantio_tree_init(struct tree *t, const char *workdir, const char *home, struct vantio_error *err);
void vantio_tree_clear(struct tree *t);
int vantio_tree_take(struct tree *t, const char *path, enum use use, uint64_t count, const struct by *by, struct vantio_error *err);
void vantio_tree_fleet(struct tree *t, const char *path); /* the name of something that did not stay */
/* Folders for temporary files: /tmp, /var/tmp, /dev/shm. */
bool vantio_tree_is_tmp(const struct tree *t, uint32_t node);
/* 1 if it was not known to be needed. */
int vantio_tree_need(struct tree *t, const char *path, enum use use, struct vantio_error *err);
/* The child of that name, made if `make`; NONE if there is none, or memory or room ran out. */
uint32_t vantio_tree_child(struct tree *t, uint32_t parent, const char *name, size_t len, bool glob, bool make);
/* The glob of a node, with ~ and $WORKDIR; `below`, a slash and stars, is put behind it. */
void vantio_tree_spell(const struct tree *t, uint32_t node, const char *below, struct vantio_buf *out);
/* Whether a glob may stand for all that is below the node. */
bool vantio_tree_may_fold(const struct tree *t, uint32_t node, enum use use);
/* Whether the current folder or the home lies below it. */
bool vantio_tree_is_above(const struct tree *t, uint32_t node);
/* Names that a program made up become globs of what they have in common. */
int vantio_tree_generalise(struct tree *t, struct vantio_error *err);

/* learn_name.c: a name with a part that a program drew, as a glob of the rest; false if it has none. */
bool vantio_learn_drawn(const char *name, size_t len, bool fleeting, struct vantio_buf *glob);
/* A folder in one for temporary files, of which only the first letters and what is behind the last dot are told. */
void vantio_learn_temporary(const char *name, size_t len, struct vantio_buf *glob);

/* learn_reach.c: whether a path whose last component is a pattern could be, or lie on the way to, a sensitive place. */
struct vantio_reach;
int vantio_reach_new(struct vantio_reach **ret, struct vantio_error *err);
void vantio_reach_free(struct vantio_reach *r);
bool vantio_reach_place(const struct vantio_reach *r, const char *path);

/* learn_fold.c */
int vantio_learn_fold(struct vantio_learn *l, struct vantio_learned *ret, struct vantio_error *err);

/* learn_places.c */
struct vantio_place_entry {
	const char *glob; /* or unix: or an address */
	const char *why;
	enum { PLACE_SECRET, PLACE_OBEYED, PLACE_PROGRAM, PLACE_NET } kind;
};
int vantio_places_open(struct vantio_policy **ret, struct vantio_image **ret_image, struct vantio_error *err);
/* The entry that this is, or NULL. Obeyed places count for writing alone. */
const struct vantio_place_entry *vantio_place_find(const struct vantio_learn *l, enum vantio_list list, const char *target);
/* All entries, NULL beyond. */
const struct vantio_place_entry *vantio_place_nth(size_t i);

#endif
