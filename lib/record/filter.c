// SPDX-License-Identifier: Apache-2.0
#include "record/filter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "record/record.h"

#define TERMS_MAX 32

enum kind { TEXT, NUMBER, SIGNED, TRACE, BOOL, DECISION, RULE };

/* Public fields, then those of the private `resource` and the other private ones. */
#define KEYS(X) \
	X(v, NUMBER) X(record_id, TEXT) X(leaf, NUMBER) X(ts, TEXT) X(mono_ns, NUMBER) X(boot_id, TEXT) X(host, TEXT) X(tier, TEXT) \
	X(agent, TEXT) X(agent_svid, TEXT) X(trace_id, TRACE) X(cgroup_id, NUMBER) X(pid, NUMBER) X(tid, NUMBER) X(ppid, NUMBER) \
	X(uid, NUMBER) X(gid, NUMBER) X(hook, TEXT) X(op, TEXT) X(syscall_nr, SIGNED) X(args_hash, TEXT) X(policy, TEXT) \
	X(policy_hash, TEXT) X(policy_gen, NUMBER) X(rule, RULE) X(decision, DECISION) X(oracle_decision, TEXT) X(enforced, BOOL) \
	X(count, NUMBER) X(lost_before, NUMBER) X(kind, TEXT) X(path, TEXT) X(path2, TEXT) X(target, TEXT) X(proto, TEXT) X(addr, TEXT) \
	X(port, NUMBER) X(family, NUMBER) X(comm, TEXT) X(exe, TEXT) X(cgroup, TEXT)

#define KEY_NAME(name, kind) #name,
#define KEY_KIND(name, kind) kind,
const char *const vantio_filter_keys[] = { KEYS(KEY_NAME) "resource.host", NULL };
static const enum kind key_kinds[] = { KEYS(KEY_KIND) TEXT };
#define N_KEYS VANTIO_ARRAY_SIZE(key_kinds)

struct term {
	const char *key; /* of vantio_filter_keys */
	enum kind kind;
	bool not, glob;
	char *value; /* owned */
};

struct vantio_filter {
	struct term terms[TERMS_MAX];
	size_t n;
};

void vantio_filter_free(struct vantio_filter *f)
{
	size_t i;

	for (i = 0; f && i < f->n; i++)
		free(f->terms[i].value);
	free(f);
}

/* ---- reading ---- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static void trim(const char **p, size_t *len)
{
	for (; *len && is_space(**p); (*p)++)
		(*len)--;
	while (*len && is_space((*p)[*len - 1]))
		(*len)--;
}

/* Bytes of the term that begins at `p`; *ret_rest is what follows its separator, or NULL. */
static size_t term_length(const char *p, const char **ret_rest)
{
	const char *at;

	for (at = p; *at; at++) {
		if (*at == '\\' && at[1]) {
			at++;
		} else if (*at == ',' || (*at == '&' && at[1] == '&')) {
			*ret_rest = at + (*at == ',' ? 1 : 2);
			return (size_t)(at - p);
		}
	}
	*ret_rest = NULL;
	return (size_t)(at - p);
}

static int find_key(const char *p, size_t len, size_t *ret, struct vantio_error *err)
{
	cleanup_free char *key = strndup(p, len), *shown = vantio_escape_dup(p, len);
	const char *nearest;
	size_t i;

	if (!key || !shown)
		return vantio_fail(err, ENOMEM, "out of memory");
	for (i = 0; i < N_KEYS; i++)
		if (!strcmp(vantio_filter_keys[i], key)) {
			*ret = i;
			return 0;
		}
	nearest = vantio_nearest(key, vantio_filter_keys, N_KEYS);
	return vantio_fail(err, EINVAL, "filter: records have no field '%s'%s%s%s", shown, nearest ? "; did you mean '" : "",
			   nearest ? nearest : "", nearest ? "'?" : "");
}

/* A value that no record can have is an error, not a search that finds nothing. */
static int check_value(const struct term *t, struct vantio_buf *value, struct vantio_error *err)
{
	static const char *const decisions[] = { "permit", "block", "quarantine", "killswitch" };
	const char *text = value->data ? value->data : "", *nearest;
	const bool minus = t->kind == SIGNED && *text == '-';
	uint64_t n;
	size_t i;

	switch (t->kind) {
	case NUMBER:
	case SIGNED:
		if (!vantio_parse_u64(text + minus, strlen(text + minus), UINT64_MAX, &n))
			return vantio_fail(err, EINVAL, "filter: %s is a number, not '%s'", t->key, text);
		return 0;
	case TRACE:
		if (!vantio_parse_trace_id(text, &n))
			return vantio_fail(err, EINVAL, "filter: trace_id is 0x and up to 16 hex digits, not '%s'", text);
		vantio_buf_reset(value);
		vantio_buf_printf(value, "0x%016" PRIx64, n);
		return 0;
	case BOOL:
		if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
			return vantio_fail(err, EINVAL, "filter: %s is true or false, not '%s'", t->key, text);
		return 0;
	case DECISION:
		for (i = 0; i < VANTIO_ARRAY_SIZE(decisions); i++)
			if (!strcmp(decisions[i], text))
				return 0;
		nearest = vantio_nearest(text, decisions, VANTIO_ARRAY_SIZE(decisions));
		return vantio_fail(err, EINVAL, "filter: no decision is '%s'%s%s%s; there are permit, block, quarantine and killswitch", text,
				   nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
	default:
		return 0;
	}
}

/* An exact value as records spell it: already escaped, or escaped here. */
static void exact_value(struct vantio_buf *out, const char *p, size_t len)
{
	cleanup_buf struct vantio_buf plain = VANTIO_BUF_INIT, raw = VANTIO_BUF_INIT;
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] == '\\' && i + 1 < len && (p[i + 1] == ',' || p[i + 1] == '&'))
			i++; /* it only kept the term together */
		vantio_buf_putc(&plain, p[i]);
	}
	if (plain.failed)
		out->failed = true;
	else if (!plain.len)
		vantio_buf_puts(out, "");
	else if (vantio_unescape(&raw, plain.data, plain.len))
		vantio_buf_add(out, plain.data, plain.len);
	else
		vantio_escape(out, plain.data, plain.len);
}

static int read_term(const char *p, size_t len, struct term *t, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf value = VANTIO_BUF_INIT;
	cleanup_free char *shown = NULL;
	size_t op, key_len, from, key = 0;
	int r;

	trim(&p, &len);
	for (op = 0; op < len && !strchr("=~!", p[op]); op++)
		;
	t->not = op < len && p[op] == '!';
	from = op + t->not;
	if (op == 0 || from >= len || (p[from] != '=' && p[from] != '~')) {
		shown = vantio_escape_dup(p, len);
		return vantio_fail(err, EINVAL, "filter: '%s' is no term; the form is key=value, key!=value, key~glob or key!~glob, joined by ',' "
				   "or '&&'", shown ? shown : "");
	}
	t->glob = p[from] == '~';
	key_len = op;
	while (key_len && is_space(p[key_len - 1]))
		key_len--;
	r = find_key(p, key_len, &key, err);
	if (r)
		return r;
	t->key = vantio_filter_keys[key];
	t->kind = key_kinds[key];
	p += from + 1;
	len -= from + 1;
	trim(&p, &len);
	if (!t->glob && len && *p == '=')
		return vantio_fail(err, EINVAL, "filter: '==' is not among the comparisons: they are =, !=, ~ and !~");
	if (t->glob)
		vantio_buf_add(&value, p, len);
	else
		exact_value(&value, p, len);
	if (value.failed)
		return vantio_fail(err, ENOMEM, "out of memory");
	r = t->glob ? 0 : check_value(t, &value, err);
	if (r)
		return r;
	t->value = strdup(value.data ? value.data : "");
	return t->value ? 0 : vantio_fail(err, ENOMEM, "out of memory");
}

int vantio_filter_parse(const char *text, struct vantio_filter **ret, struct vantio_error *err)
{
	struct vantio_filter *f = calloc(1, sizeof(*f));
	const char *p = text, *rest;
	size_t len;
	int r = 0;

	if (!f)
		return vantio_fail(err, ENOMEM, "out of memory");
	while (p && !r) {
		len = term_length(p, &rest);
		if (f->n == TERMS_MAX)
			r = vantio_fail(err, EINVAL, "filter: more than %d terms", TERMS_MAX);
		else
			r = read_term(p, len, &f->terms[f->n], err);
		f->n += !r;
		p = rest;
	}
	if (r) {
		vantio_filter_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

/* ---- matching ---- */

/* Time is bounded by the product of the lengths, whatever the glob: only the last star is ever tried again. */
static bool glob_matches(const char *glob, const char *s)
{
	const char *star = NULL, *again = NULL;

	while (*s) {
		if (*glob == '*') {
			star = ++glob;
			again = s;
			continue;
		}
		if (*glob == '\\' && glob[1] ? glob[1] == *s : *glob && (*glob == '?' || *glob == *s)) {
			glob += *glob == '\\' && glob[1] ? 2 : 1;
			s++;
			continue;
		}
		if (!star)
			return false;
		glob = star;
		s = ++again;
	}
	while (*glob == '*')
		glob++;
	return !*glob;
}

/* A list of rules stands for each of them: file.deny for file.deny[2]. */
static bool term_matches(const struct term *t, const char *s)
{
	const size_t len = strlen(t->value);

	if (t->glob)
		return glob_matches(t->value, s);
	return !strncmp(s, t->value, len) && (!s[len] || (t->kind == RULE && s[len] == '['));
}

bool vantio_filter_matches(const struct vantio_filter *f, bool (*value)(void *ctx, const char *key, struct vantio_buf *out), void *ctx)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
	bool has, same;
	size_t i;

	for (i = 0; i < f->n; i++) {
		const struct term *t = &f->terms[i];

		vantio_buf_reset(&text);
		has = value(ctx, t->key, &text);
		if (text.failed)
			return false;
		same = has && term_matches(t, text.data ? text.data : "");
		if (same == t->not)
			return false;
	}
	return true;
}

const char *vantio_filter_exact(const struct vantio_filter *f, const char *key)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (!f->terms[i].glob && !f->terms[i].not && !strcmp(f->terms[i].key, key))
			return f->terms[i].value;
	return NULL;
}
