/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy from what was seen: operations go in one by one, rules come out, and the text of a policy. Names are kept in a tree with
 * counts, so that memory grows with different names and not with operations, and is bounded (E2BIG says how to narrow the question).
 *
 * What is written opens no more than it must: names of one folder become a glob only when they are many or look made up by a program,
 * and never a whole home, /etc or the root. Sensitive places (learn_places.c), surfaces of the kernel, and what was refused are
 * questions: each stays out, as a comment that says why, until it is opened by name. Hostile names are spelled as globs that mean
 * these bytes and nothing else, in TOML strings and comments that they cannot leave.
 */
#ifndef VANTIO_POLICY_LEARN_H
#define VANTIO_POLICY_LEARN_H

#include "policy/image.h"

#define VANTIO_LEARN_MANY          8u           /* names of a folder beyond which they are a glob */
#define VANTIO_LEARN_NAMES_MAX     (1u << 20)   /* nodes of the tree */
#define VANTIO_LEARN_TARGETS_MAX   65536u       /* different network targets, and different questions */

struct vantio_learn;

struct vantio_learn_options {
	const char *home, *workdir; /* what `~` and `$WORKDIR` stand for; NULL: nothing */
	const char *real_home;      /* where `~` leads, if that is another path: rules are held against real ones, so `~` is not written */
	bool in_full;               /* write folders in full all the same */
	uint32_t many;              /* 0: VANTIO_LEARN_MANY */
	const struct vantio_policy *base; /* borrowed; its rules are written first; or NULL */
};

/* One operation, or several alike. Strings are raw and borrowed. */
struct vantio_observation {
	enum vantio_op op;
	const char *target, *target2; /* as vantio_policy_explain() takes them; NULL for surfaces */
	const char *exe;              /* "" if unknown */
	const char *because;          /* it was refused, or a deny entry names it: by what rule; NULL for what may be opened unasked */
	uint64_t count, leaf;
};

int vantio_learn_new(const struct vantio_learn_options *o, struct vantio_learn **ret, struct vantio_error *err);
void vantio_learn_free(struct vantio_learn *l);
static inline void vantio_learn_freep(struct vantio_learn **l)
{
	vantio_learn_free(*l);
}
#define cleanup_learn __attribute__((cleanup(vantio_learn_freep)))

/* EINVAL: no policy's text can speak of it. E2BIG: too many different names. */
int vantio_learn_take(struct vantio_learn *l, const struct vantio_observation *o, struct vantio_error *err);

/* ---- what is not opened unless somebody says so ---- */

struct vantio_learn_question {
	enum vantio_list list;  /* in which it would be; VANTIO_LIST_MAX for a surface */
	char *target;           /* owned, raw: "/home/u/.ssh/id_x", "unix:/run/docker.sock", "tcp:169.254.169.254:80", "ptrace" */
	char *why;              /* owned: "private keys of SSH", "was refused by file.deny[2]" */
	char *by;               /* owned, escaped: the programs; set by vantio_learn_build() */
	uint64_t count, leaf;   /* operations, and the first of them */
	bool open;              /* for the caller to set, before vantio_learn_build() */
	/* internal */
	uint16_t exes[2];
	bool more_exes;
	bool settled; /* the rules allow it as it is */
	uint32_t next;
};

/* By kind and name. Valid until the next vantio_learn_take(). */
struct vantio_learn_question *vantio_learn_questions(struct vantio_learn *l, size_t *ret_n);
/* Whether that question was among them and was left out; what a refusal of the finished policy is looked up with. */
bool vantio_learn_left_out(const struct vantio_learn *l, enum vantio_op op, const char *target);

/* Opens the questions whose target a glob matches, or that are spelled so; their number, or EINVAL for what is no glob. */
int vantio_learn_open(struct vantio_learn *l, const char *glob, struct vantio_error *err);

/* ---- what comes out ---- */

struct vantio_learned_rule {
	enum vantio_list list;
	char *text;      /* owned: as a policy has it, TOML undone */
	char *by;        /* owned, escaped: the programs that it serves */
	uint64_t count;  /* operations */
	uint32_t names;  /* different ones */
	bool folded;     /* it opens more than was seen */
};

struct vantio_learned_deny {
	enum vantio_list list;
	char *glob; /* owned */
};

struct vantio_learned {
	struct vantio_learned_rule *rules; /* owned; by list and text */
	size_t n;
	struct vantio_learned_deny *deny; /* owned: sensitive places below what the rules open */
	size_t n_deny;
	uint32_t surfaces; /* bits of enum vantio_surface that were opened */
};

/* May be called again after more was taken or opened. *ret is the caller's (vantio_learned_clear). */
int vantio_learn_build(struct vantio_learn *l, struct vantio_learned *ret, struct vantio_error *err);
void vantio_learned_clear(struct vantio_learned *r);

/* The policy, but for what the caller puts before it as comments. */
int vantio_learn_text(struct vantio_learn *l, const struct vantio_learned *r, const char *name, struct vantio_buf *out,
		      struct vantio_error *err);

/* What is in force when the text is loaded here. */
struct vantio_learn_result {
	struct vantio_learned rules;
	struct vantio_buf text;
	struct vantio_policy *policy;
	struct vantio_image *image;
};

/*
 * Builds, and builds again until every rename and link that was seen may be done (the object would gain by its new name, so its old
 * one needs more) and nothing is a question that the rules have answered. *ret is the caller's (vantio_learn_result_clear); it may
 * hold an earlier result.
 */
int vantio_learn_finish(struct vantio_learn *l, const char *name, struct vantio_learn_result *ret, struct vantio_error *err);
void vantio_learn_result_clear(struct vantio_learn_result *r);

/* ---- spelling ---- */

/* A path as a glob that means it and nothing else. */
void vantio_learn_spell(struct vantio_buf *out, const void *path, size_t len);
/* A string in TOML, quotes included; false for what TOML cannot hold (bytes that are not UTF-8). */
bool vantio_learn_quote(struct vantio_buf *out, const char *text, size_t len);

#endif
