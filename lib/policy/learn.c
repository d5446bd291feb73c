// SPDX-License-Identifier: Apache-2.0
#include "policy/learn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/glob.h"
#include "policy/learn_internal.h"
#include "policy/net_rule.h"

enum { OF_NETS, OF_QUESTIONS, OF_PAIRS };

uint32_t vantio_learn_hash(const void *bytes, size_t len, uint32_t seed)
{
	const uint8_t *p = bytes;
	uint32_t h = 2166136261u ^ seed;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h ^ h >> 15;
}

/* ---- making and freeing ---- */

int vantio_learn_new(const struct vantio_learn_options *o, struct vantio_learn **ret, struct vantio_error *err)
{
	cleanup_learn struct vantio_learn *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return vantio_fail(err, ENOMEM, "out of memory");
	l->many = o->many ? o->many : VANTIO_LEARN_MANY;
	l->base = o->base;
	l->home = o->home ? strdup(o->home) : NULL;
	l->workdir = o->workdir ? strdup(o->workdir) : NULL;
	l->exes = calloc(VANTIO_LEARN_EXES_MAX, sizeof(*l->exes));
	r = l->exes && !o->home == !l->home && !o->workdir == !l->workdir ? vantio_tree_init(&l->tree, o->workdir, o->real_home ? o->real_home : o->home, err) : vantio_fail(err, ENOMEM, "out of memory");
	l->tree.in_full = o->in_full;
	l->tree.home_in_full = o->in_full || o->real_home;
	if (!r)
		r = vantio_places_open(&l->places, &l->places_image, err);
	if (!r)
		*ret = vantio_take(l);
	return r;
}

void vantio_learn_free(struct vantio_learn *l)
{
	uint32_t i;

	if (!l)
		return;
	for (i = 0; i < l->n_nets; i++)
		free(l->nets[i].text);
	for (i = 0; i < l->n_questions; i++) {
		free(l->questions[i].target);
		free(l->questions[i].why);
		free(l->questions[i].by);
	}
	for (i = 0; i < l->n_pairs; i++) {
		free(l->pairs[i].from);
		free(l->pairs[i].to);
	}
	for (i = 0; i < l->n_exes; i++)
		free(l->exes[i]);
	free(l->home);
	free(l->workdir);
	free(l->nets);
	free(l->questions);
	free(l->pairs);
	free(l->exes);
	vantio_tree_clear(&l->tree);
	vantio_image_free(l->places_image);
	vantio_policy_free(l->places);
	free(l);
}

/* ---- programs ---- */

uint16_t vantio_learn_exe(struct vantio_learn *l, const char *raw)
{
	cleanup_free char *text = vantio_escape_dup(raw, strlen(raw));
	uint32_t i;

	for (i = 0; text && i < l->n_exes; i++)
		if (!strcmp(l->exes[i], text))
			return (uint16_t)i;
	if (!text || !*text || l->n_exes == VANTIO_LEARN_EXES_MAX)
		return NO_EXE;
	l->exes[l->n_exes] = vantio_take(text);
	return (uint16_t)l->n_exes++;
}

void vantio_learn_by(struct by *by, uint16_t exe)
{
	if (exe == NO_EXE || exe == by->exes[0] || exe == by->exes[1])
		return;
	if (by->exes[0] == NO_EXE)
		by->exes[0] = exe;
	else if (by->exes[1] == NO_EXE)
		by->exes[1] = exe;
	else
		by->more = true;
}

void vantio_learn_by_join(struct by *to, const struct by *from)
{
	vantio_learn_by(to, from->exes[0]);
	vantio_learn_by(to, from->exes[1]);
	to->more = to->more || from->more;
}

char *vantio_learn_by_text(const struct vantio_learn *l, const struct by *by)
{
	struct vantio_buf out = VANTIO_BUF_INIT;

	if (by->exes[0] != NO_EXE)
		vantio_buf_puts(&out, l->exes[by->exes[0]]);
	if (by->exes[1] != NO_EXE)
		vantio_buf_printf(&out, ", %s", l->exes[by->exes[1]]);
	vantio_buf_puts(&out, by->more ? " and others" : "");
	return vantio_buf_steal(&out);
}

/* ---- tables by text ---- */

static uint32_t *bucket_of(struct vantio_learn *l, int of, unsigned int kind, const char *text)
{
	return &l->buckets[of][vantio_learn_hash(text, strlen(text), kind) & (BUCKETS - 1)];
}

/* Room for one more of `n` items; grows at powers of two. */
static void *grown(void *items, uint32_t n, size_t size, struct vantio_error *err)
{
	void *more = items;

	if (n >= VANTIO_LEARN_TARGETS_MAX) {
		vantio_fail(err, E2BIG, "more than %u different targets: learn from a part, by --agent, --since or --filter", VANTIO_LEARN_TARGETS_MAX);
		return NULL;
	}
	if ((n & (n - 1)) == 0)
		more = reallocarray(items, n ? (size_t)n * 2 : 1, size);
	if (!more)
		vantio_fail(err, ENOMEM, "out of memory");
	return more;
}

static int count_net(struct vantio_learn *l, enum vantio_list list, const char *text, uint64_t count, uint16_t exe, struct vantio_error *err)
{
	uint32_t *head = bucket_of(l, OF_NETS, list, text), i;
	struct net_target *nets;

	for (i = *head; i; i = l->nets[i - 1].next)
		if (l->nets[i - 1].list == list && !strcmp(l->nets[i - 1].text, text))
			break;
	if (!i) {
		nets = grown(l->nets, l->n_nets, sizeof(*nets), err);
		if (!nets)
			return -err->code;
		l->nets = nets;
		nets[l->n_nets] = (struct net_target){ .text = strdup(text), .list = list, .next = *head, .by = { .exes = { NO_EXE, NO_EXE } } };
		if (!nets[l->n_nets].text)
			return vantio_fail(err, ENOMEM, "out of memory");
		i = *head = ++l->n_nets;
	}
	l->nets[i - 1].count += count;
	vantio_learn_by(&l->nets[i - 1].by, exe);
	return 0;
}

/* The question about that; NONE if there is none. */
static uint32_t find_question(const struct vantio_learn *l, enum vantio_list list, const char *target)
{
	uint32_t i;

	for (i = *bucket_of((struct vantio_learn *)l, OF_QUESTIONS, list, target); i; i = l->questions[i - 1].next)
		if (l->questions[i - 1].list == list && !strcmp(l->questions[i - 1].target, target))
			return i - 1;
	return NONE;
}

static int count_question(struct vantio_learn *l, enum vantio_list list, const struct vantio_observation *o, const char *target, const char *why,
			  uint16_t exe, struct vantio_error *err)
{
	uint32_t *head = bucket_of(l, OF_QUESTIONS, list, target), i = find_question(l, list, target);
	struct vantio_learn_question *q;
	struct by by;

	if (i == NONE) {
		q = grown(l->questions, l->n_questions, sizeof(*q), err);
		if (!q)
			return -err->code;
		l->questions = q;
		i = l->n_questions;
		q[i] = (struct vantio_learn_question){ .list = list, .target = strdup(target), .why = strdup(why), .leaf = o->leaf,
						       .exes = { NO_EXE, NO_EXE }, .next = *head };
		if (!q[i].target || !q[i].why) {
			free(q[i].target);
			free(q[i].why);
			return vantio_fail(err, ENOMEM, "out of memory");
		}
		*head = ++l->n_questions;
	}
	q = &l->questions[i];
	q->count += o->count;
	by = (struct by){ .exes = { q->exes[0], q->exes[1] }, .more = q->more_exes };
	vantio_learn_by(&by, exe);
	q->exes[0] = by.exes[0];
	q->exes[1] = by.exes[1];
	q->more_exes = by.more;
	return 0;
}

static int note_pair(struct vantio_learn *l, const struct vantio_observation *o, struct vantio_error *err)
{
	uint32_t *head = bucket_of(l, OF_PAIRS, 0, o->target2), i;
	struct pair *pairs;

	for (i = *head; i; i = l->pairs[i - 1].next)
		if (!strcmp(l->pairs[i - 1].from, o->target) && !strcmp(l->pairs[i - 1].to, o->target2))
			return 0;
	if (l->n_pairs == VANTIO_LEARN_PAIRS_MAX) {
		l->ignored_pairs++; /* the replay at the end tells whether they would have mattered */
		return 0;
	}
	pairs = grown(l->pairs, l->n_pairs, sizeof(*pairs), err);
	if (!pairs)
		return -err->code;
	l->pairs = pairs;
	pairs[l->n_pairs] = (struct pair){ strdup(o->target), strdup(o->target2), o->op, *head };
	if (!pairs[l->n_pairs].from || !pairs[l->n_pairs].to) {
		free(pairs[l->n_pairs].from);
		free(pairs[l->n_pairs].to);
		return vantio_fail(err, ENOMEM, "out of memory");
	}
	*head = ++l->n_pairs;
	return 0;
}

/* ---- one operation ---- */

enum vantio_list vantio_learn_list(enum vantio_op op)
{
	enum vantio_domain domain;
	uint32_t access;

	if (!vantio_op_access(op, &domain, &access))
		return VANTIO_LIST_MAX;
	if (domain == VANTIO_DOMAIN_EXEC)
		return VANTIO_LIST_EXEC_ALLOW;
	if (domain == VANTIO_DOMAIN_FILE)
		return access == VANTIO_ACCESS_READ ? VANTIO_LIST_FILE_READ : VANTIO_LIST_FILE_WRITE;
	return access == VANTIO_ACCESS_CONNECT ? VANTIO_LIST_NET_CONNECT : VANTIO_LIST_NET_LISTEN;
}

/* A name that the loader maps, as against a program; executing such a thing is rare and no more than that. */
static bool is_library(const char *path)
{
	const char *name = strrchr(path, '/'), *so = name ? strstr(name, ".so") : NULL;

	while (so && so[3] && so[3] != '.')
		so = strstr(so + 1, ".so");
	return so != NULL;
}

enum use vantio_learn_use(enum vantio_list list, const char *path)
{
	switch (list) {
	case VANTIO_LIST_FILE_READ: return USE_READ;
	case VANTIO_LIST_FILE_WRITE: return USE_WRITE;
	case VANTIO_LIST_EXEC_ALLOW: return is_library(path) ? USE_LIBRARY : USE_EXEC;
	default: return list == VANTIO_LIST_NET_CONNECT ? USE_CONNECT : USE_LISTEN;
	}
}

static void mark_any_port(struct vantio_learn *l, enum vantio_list list, const char *text)
{
	uint32_t i;

	for (i = *bucket_of(l, OF_NETS, list, text); i; i = l->nets[i - 1].next)
		if (l->nets[i - 1].list == list && !strcmp(l->nets[i - 1].text, text))
			l->nets[i - 1].any_port = true;
}

/* Connecting to no address is connecting to this host; listening on :: takes both families. */
static int allow_address(struct vantio_learn *l, enum vantio_list list, const char *target, uint64_t count, uint16_t exe, struct vantio_error *err)
{
	static const uint8_t zero[16], loop6[16] = { [15] = 1 };
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
	struct vantio_net_rule net;
	bool any;
	int r = vantio_net_rule_parse(target, strlen(target), &net, err);

	if (r)
		return r;
	any = net.kind == VANTIO_NET_ADDRESS && !memcmp(net.addr, zero, net.family == 4 ? 4 : 16);
	if (any && list == VANTIO_LIST_NET_CONNECT)
		memcpy(net.addr, net.family == 4 ? (const uint8_t[16]){ 127, 0, 0, 1 } : loop6, 16);
	vantio_net_rule_spell(&net, &text);
	r = text.failed ? vantio_fail(err, ENOMEM, "out of memory") : count_net(l, list, text.data, count, exe, err);
	if (!r && net.kind == VANTIO_NET_ADDRESS && !net.port_lo && net.port_hi == UINT16_MAX)
		mark_any_port(l, list, text.data);
	if (!r && any && list == VANTIO_LIST_NET_LISTEN && net.family == 6) {
		vantio_buf_reset(&text);
		net.family = 4;
		net.prefix = 32;
		vantio_net_rule_spell(&net, &text);
		r = text.failed ? vantio_fail(err, ENOMEM, "out of memory") : count_net(l, list, text.data, count, exe, err);
	}
	vantio_net_rule_free(&net);
	return r;
}

static int allow(struct vantio_learn *l, enum vantio_list list, const char *target, uint64_t count, uint16_t exe, struct vantio_error *err)
{
	const struct by by = { .exes = { exe, NO_EXE } };

	if (list < VANTIO_LIST_NET_CONNECT)
		return vantio_tree_take(&l->tree, target, vantio_learn_use(list, target), count, &by, err);
	if (!strncmp(target, "unix:/", 6))
		return vantio_tree_take(&l->tree, target + 5, vantio_learn_use(list, target), count, &by, err);
	if (!strncmp(target, "unix:@", 6))
		return count_net(l, list, target, count, exe, err);
	return allow_address(l, list, target, count, exe, err);
}

/* Only what text can spell is learned: globs speak of every byte, abstract names are taken as they stand in the text. */
static bool can_spell(const char *target)
{
	return strncmp(target, "unix:@", 6) != 0 || vantio_utf8_valid(target, strlen(target));
}

static bool is_absolute(enum vantio_list list, const char *target)
{
	return list >= VANTIO_LIST_NET_CONNECT ? strncmp(target, "unix:", 5) != 0 || target[5] == '/' || (target[5] == '@' && target[6]) : target[0] == '/';
}

static int take_one(struct vantio_learn *l, enum vantio_list list, const struct vantio_observation *o, const char *target, uint16_t exe,
		    struct vantio_error *err)
{
	const struct vantio_place_entry *place;

	if (!is_absolute(list, target) || !can_spell(target))
		return vantio_fail(err, EINVAL, "no rule can name it");
	place = vantio_place_find(l, list, target);
	if (o->because || place)
		return count_question(l, list, o, target, place ? place->why : o->because, exe, err);
	return allow(l, list, target, o->count, exe, err);
}

int vantio_learn_take(struct vantio_learn *l, const struct vantio_observation *o, struct vantio_error *err)
{
	const enum vantio_list list = vantio_learn_list(o->op);
	const uint16_t exe = vantio_learn_exe(l, o->exe);
	int r;

	if (o->op >= VANTIO_OP_MOUNT && o->op <= VANTIO_OP_KEYRING)
		return count_question(l, VANTIO_LIST_MAX, o, vantio_op_name(o->op), o->because ? o->because : "a surface of the kernel", exe, err);
	if (list == VANTIO_LIST_MAX || !o->target)
		return vantio_fail(err, EINVAL, "no rule can name it");
	r = take_one(l, list, o, o->target, exe, err);
	if (!r && !o->because && (o->target2 || o->op == VANTIO_OP_UNLINK || o->op == VANTIO_OP_RMDIR))
		vantio_tree_fleet(&l->tree, o->target);
	if (r || !o->target2)
		return r;
	r = take_one(l, list, o, o->target2, exe, err);
	return r ? r : note_pair(l, o, err);
}

/* ---- questions ---- */

static int by_target(const void *a, const void *b)
{
	const struct vantio_learn_question *x = a, *y = b;

	return x->list != y->list ? (x->list < y->list ? -1 : 1) : strcmp(x->target, y->target);
}

struct vantio_learn_question *vantio_learn_questions(struct vantio_learn *l, size_t *ret_n)
{
	uint32_t i, *head;

	if (l->n_questions)
		qsort(l->questions, l->n_questions, sizeof(*l->questions), by_target);
	memset(l->buckets[OF_QUESTIONS], 0, sizeof(l->buckets[OF_QUESTIONS]));
	for (i = 0; i < l->n_questions; i++) {
		head = bucket_of(l, OF_QUESTIONS, l->questions[i].list, l->questions[i].target);
		l->questions[i].next = *head;
		*head = i + 1;
	}
	*ret_n = l->n_questions;
	return l->questions;
}

bool vantio_learn_left_out(const struct vantio_learn *l, enum vantio_op op, const char *target)
{
	const bool surface = op >= VANTIO_OP_MOUNT && op <= VANTIO_OP_KEYRING;
	const uint32_t i = find_question(l, surface ? VANTIO_LIST_MAX : vantio_learn_list(op), surface ? vantio_op_name(op) : target);

	return i != NONE && !l->questions[i].open && !l->questions[i].settled;
}

/* The glob as a rule of its own, so that ~ and what is no glob are as in a policy. */
static bool matches(const struct vantio_learn_question *q, const char *glob, size_t len)
{
	const char *path = !strncmp(q->target, "unix:/", 6) && !strncmp(glob, "unix:", 5) ? q->target + 5 : q->target;

	if (path != q->target)
		return vantio_glob_match(glob + 5, len - 5, path, strlen(path));
	return !strcmp(q->target, glob) || (path[0] == '/' && vantio_glob_match(glob, len, path, strlen(path)));
}

/* `~` and `$WORKDIR` as in a rule; false where they stand for nothing. */
static bool expand(const struct vantio_learn *l, const char *glob, struct vantio_buf *out)
{
	const char *path = strncmp(glob, "unix:", 5) ? glob : glob + 5, *value = NULL;

	vantio_buf_add(out, glob, (size_t)(path - glob));
	if (!strncmp(path, "~/", 2) || !strncmp(path, "$WORKDIR/", 9)) {
		value = *path == '~' ? l->home : l->workdir;
		if (!value)
			return false;
		vantio_learn_spell(out, value, strlen(value));
		path = strchr(path, '/');
	}
	vantio_buf_puts(out, path);
	return !out->failed;
}

int vantio_learn_open(struct vantio_learn *l, const char *text, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf full = VANTIO_BUF_INIT;
	const char *glob, *path;
	uint32_t i;
	int n = 0, r;

	if (!expand(l, text, &full))
		return vantio_fail(err, EINVAL, "there is no such folder here");
	glob = full.data;
	path = strncmp(glob, "unix:", 5) ? glob : glob + 5;
	r = *path == '/' || *path == '*' ? vantio_glob_check(path, strlen(path), err) : 0;
	if (r)
		return r;
	for (i = 0; i < l->n_questions; i++)
		if (matches(&l->questions[i], glob, strlen(glob))) {
			l->questions[i].open = true;
			n++;
		}
	return n;
}
