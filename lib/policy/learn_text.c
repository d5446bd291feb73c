// SPDX-License-Identifier: Apache-2.0
/* A learned policy as text. What a process could have chosen stands in strings and comments that it cannot leave. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/learn_internal.h"
#include "policy/model.h"

#define COMMENT_COLUMN 44

/* ---- spelling ---- */

void vantio_learn_spell(struct vantio_buf *out, const void *path, size_t len)
{
	cleanup_buf struct vantio_buf safe = VANTIO_BUF_INIT;
	size_t i;

	vantio_escape(&safe, path, len);
	for (i = 0; i < safe.len; i++) {
		if (safe.data[i] == '\'') { /* so that a TOML string in single quotes holds it */
			vantio_buf_puts(out, "\\x27");
			continue;
		}
		if (strchr("*?[]{},", safe.data[i]))
			vantio_buf_putc(out, '\\');
		vantio_buf_putc(out, safe.data[i]);
	}
	out->failed = out->failed || safe.failed;
}

static uint32_t next_char(const uint8_t *p, size_t *ret_len)
{
	static const uint8_t masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4, i;
	uint32_t c = p[0] & masks[len];

	for (i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	*ret_len = len;
	return c;
}

bool vantio_learn_quote(struct vantio_buf *out, const char *text, size_t len)
{
	cleanup_buf struct vantio_buf safe = VANTIO_BUF_INIT;
	const uint8_t *p = (const uint8_t *)text;
	size_t i, n;
	uint32_t c;

	if (!vantio_utf8_valid(text, len))
		return false;
	vantio_escape(&safe, text, len);
	for (i = n = 0; i < len; i++)
		n += text[i] == '\\';
	if (safe.len == len + n && !memchr(text, '\'', len)) { /* nothing but backslashes was escaped */
		vantio_buf_putc(out, '\'');
		vantio_buf_add(out, text, len);
		vantio_buf_putc(out, '\'');
		return !out->failed;
	}
	vantio_buf_putc(out, '"');
	for (i = 0; i < len; i += n) {
		c = next_char(p + i, &n);
		if (c == '"' || c == '\\')
			vantio_buf_printf(out, "\\%c", (int)c);
		else if (c < 0x20 || c >= 0x7f)
			vantio_buf_printf(out, "\\U%08" PRIX32, c);
		else
			vantio_buf_putc(out, (char)c);
	}
	vantio_buf_putc(out, '"');
	return !out->failed;
}

/* ---- lists ---- */

struct page {
	struct vantio_learn *l;
	const struct vantio_learned *r;
	struct vantio_buf *out;
};

/* A rule on a line, and behind it what a comment says; `lead` is what stands before. */
static void put_rule(struct page *p, const char *lead, const char *text, const char *comment)
{
	cleanup_buf struct vantio_buf line = VANTIO_BUF_INIT;

	vantio_buf_puts(&line, lead);
	if (!vantio_learn_quote(&line, text, strlen(text)))
		return;
	vantio_buf_putc(&line, ',');
	while (line.len < COMMENT_COLUMN && *comment)
		vantio_buf_putc(&line, ' ');
	vantio_buf_printf(p->out, "\t%s%s%s\n", line.data ? line.data : "", *comment ? "  # " : "", comment);
	p->out->failed = p->out->failed || line.failed;
}

static void put_by(struct vantio_buf *out, const char *by)
{
	if (*by)
		vantio_buf_printf(out, " by %s", by);
}

static void put_learned(struct page *p, const struct vantio_learned_rule *rule)
{
	cleanup_buf struct vantio_buf comment = VANTIO_BUF_INIT;

	if (rule->count)
		vantio_buf_printf(&comment, "%" PRIu64, rule->count);
	else
		vantio_buf_puts(&comment, "what is renamed there needs it");
	if (rule->folded && rule->names > 1)
		vantio_buf_printf(&comment, " on %" PRIu32 " names", rule->names);
	put_by(&comment, rule->by);
	if (rule->folded)
		vantio_buf_puts(&comment, "; opens all that it matches");
	put_rule(p, "", rule->text, comment.data ? comment.data : "");
	p->out->failed = p->out->failed || comment.failed;
}

/* What a rule would be for a question, as it would be written. */
static bool spell_question(const struct vantio_learn_question *q, struct vantio_buf *out)
{
	const bool path = q->target[0] == '/' || !strncmp(q->target, "unix:/", 6);
	const size_t head = q->target[0] == '/' ? 0 : 5;

	if (path)
		vantio_buf_add(out, q->target, head);
	if (path)
		vantio_learn_spell(out, q->target + head, strlen(q->target + head));
	else
		vantio_buf_puts(out, q->target);
	return !out->failed;
}

static void put_question(struct page *p, const struct vantio_learn_question *q)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT, comment = VANTIO_BUF_INIT;

	vantio_buf_puts(&comment, q->settled ? "allowed by the above, but at other times it " : "left out: ");
	vantio_escape(&comment, q->why, strlen(q->why));
	vantio_buf_printf(&comment, "; %" PRIu64, q->count);
	put_by(&comment, q->by ? q->by : "");
	if (spell_question(q, &text))
		put_rule(p, "# ", text.data, comment.data ? comment.data : "");
}

/* As a comment: what was left out, and what was not, though it was refused. */
static bool is_told(const struct vantio_learn_question *q, enum vantio_list list)
{
	return q->list == list && !q->open;
}

/* The base's own rules; those of its presets come with `extends`. */
static size_t count_base(const struct page *p, enum vantio_list list)
{
	const struct vantio_policy *base = p->l->base;
	size_t i, n = 0;

	for (i = 0; base && i < base->lists[list].n; i++)
		n += !base->lists[list].items[i].pos.preset;
	return n;
}

static void put_base(struct page *p, enum vantio_list list)
{
	const struct vantio_policy *base = p->l->base;
	size_t i;

	for (i = 0; base && i < base->lists[list].n; i++)
		if (!base->lists[list].items[i].pos.preset)
			put_rule(p, "", base->lists[list].items[i].text, "");
}

static void put_list(struct page *p, const char *key, enum vantio_list list)
{
	size_t i, n = count_base(p, list);

	for (i = 0; i < p->r->n; i++)
		n += p->r->rules[i].list == list;
	for (i = 0; i < p->l->n_questions; i++)
		n += is_told(&p->l->questions[i], list);
	if (!n)
		return;
	vantio_buf_printf(p->out, "%s = [\n", key);
	put_base(p, list);
	for (i = 0; i < p->r->n; i++)
		if (p->r->rules[i].list == list)
			put_learned(p, &p->r->rules[i]);
	for (i = 0; i < p->l->n_questions; i++)
		if (is_told(&p->l->questions[i], list))
			put_question(p, &p->l->questions[i]);
	vantio_buf_puts(p->out, "]\n");
}

/* Denied places, which nothing above opens. */
static void put_deny(struct page *p, const char *key, enum vantio_list list)
{
	size_t i, n = count_base(p, list);

	for (i = 0; i < p->r->n_deny; i++)
		n += p->r->deny[i].list == list;
	if (!n)
		return;
	vantio_buf_printf(p->out, "%s = [\n", key);
	put_base(p, list);
	for (i = 0; i < p->r->n_deny; i++)
		if (p->r->deny[i].list == list)
			put_rule(p, "", p->r->deny[i].glob, "");
	vantio_buf_puts(p->out, "]\n");
}

/* ---- the rest ---- */

static void put_section(struct page *p, const char *name, enum vantio_domain domain)
{
	const bool allow = p->l->base && p->l->base->default_allow[domain];

	if (p->l->base && p->l->base->default_pos[domain].preset) {
		vantio_buf_printf(p->out, "\n[%s]\n", name);
		return;
	}
	vantio_buf_printf(p->out, "\n[%s]\ndefault = \"%s\"\n", name, allow ? "allow" : "deny");
}

static void put_head(struct page *p, const char *name)
{
	const struct vantio_policy *base = p->l->base;
	size_t i;

	vantio_buf_printf(p->out, "schema = 1\nname = \"%s\"\n", name);
	if (!base)
		return;
	for (i = 0; i < base->n_extends; i++)
		vantio_buf_printf(p->out, "%s'%s'%s", i ? ", " : "extends = [", base->extends[i], i + 1 < base->n_extends ? "" : "]\n");
	if (base->audit || !base->n_extends) /* else a preset may say it */
		vantio_buf_printf(p->out, "mode = \"%s\"\n", base->audit ? "audit" : "enforce");
	if (base->record_all || !base->n_extends)
		vantio_buf_printf(p->out, "record = \"%s\"\n", base->record_all ? "all" : "denied");
	if (base->loss_block || !base->n_extends)
		vantio_buf_printf(p->out, "on_loss = \"%s\"\n", base->loss_block ? "block" : "continue");
	if (!base->svid && !base->n_cgroups)
		return;
	vantio_buf_puts(p->out, "\n[agent]\n");
	if (base->svid) {
		vantio_buf_puts(p->out, "svid = ");
		vantio_learn_quote(p->out, base->svid, strlen(base->svid));
		vantio_buf_putc(p->out, '\n');
	}
	if (!base->n_cgroups)
		return;
	vantio_buf_puts(p->out, "cgroups = [\n");
	for (i = 0; i < base->n_cgroups; i++)
		put_rule(p, "", base->cgroups[i], "");
	vantio_buf_puts(p->out, "]\n");
}

static void put_limits(struct page *p)
{
	const struct vantio_policy *base = p->l->base;
	bool any = false;
	int i;

	for (i = 0; base && i < VANTIO_LIMIT_MAX; i++) {
		const struct vantio_limit *limit = &base->limits[i];

		if (!limit->set || limit->pos.preset)
			continue;
		vantio_buf_printf(p->out, "%s%s = { max = %" PRIu64 ", per = \"", any ? "" : "\n[limits]\n", vantio_limit_names[i], limit->max);
		vantio_duration_spell(limit->per_ns, p->out);
		vantio_buf_printf(p->out, "\", action = \"%s\" }\n", vantio_limit_action_name(limit->action));
		any = true;
	}
}

static const struct vantio_learn_question *question_of(const struct page *p, const char *surface)
{
	uint32_t i;

	for (i = 0; i < p->l->n_questions; i++)
		if (p->l->questions[i].list == VANTIO_LIST_MAX && !strcmp(p->l->questions[i].target, surface))
			return &p->l->questions[i];
	return NULL;
}

static void put_surface(struct vantio_buf *out, const char *lead, const struct vantio_learn_question *q)
{
	vantio_buf_printf(out, "%s# %s = \"allow\"  # left out: ", lead, q->target);
	vantio_escape(out, q->why, strlen(q->why));
	vantio_buf_putc(out, ';');
}

static bool of_preset(const struct vantio_policy *base, int surface)
{
	return base && base->kernel_allow[surface] && base->kernel_pos[surface].preset;
}

static void put_kernel(struct page *p)
{
	const struct vantio_policy *base = p->l->base;
	bool any = false;
	int i;

	for (i = 0; i < VANTIO_SURFACE_MAX; i++) {
		const char *name = vantio_surface_names[i];
		const struct vantio_learn_question *q = question_of(p, name);
		const bool allow = p->r->surfaces >> i & 1 || (base && base->kernel_allow[i]), said = base && base->kernel_pos[i].line && !base->kernel_pos[i].preset;

		if ((!allow || of_preset(base, i)) && !said && !q)
			continue;
		vantio_buf_puts(p->out, any ? "" : "\n[kernel]\n");
		any = true;
		if ((allow && !of_preset(base, i)) || said)
			vantio_buf_printf(p->out, "%s = \"%s\"", name, allow ? "allow" : "deny");
		if (q) {
			if (!allow)
				put_surface(p->out, said ? "  " : "", q);
			else
				vantio_buf_puts(p->out, "  #");
			vantio_buf_printf(p->out, " %" PRIu64, q->count);
			put_by(p->out, q->by ? q->by : "");
		}
		vantio_buf_putc(p->out, '\n');
	}
}

int vantio_learn_text(struct vantio_learn *l, const struct vantio_learned *r, const char *name, struct vantio_buf *out, struct vantio_error *err)
{
	struct page p = { l, r, out };

	put_head(&p, name);
	put_section(&p, "file", VANTIO_DOMAIN_FILE);
	put_list(&p, "read", VANTIO_LIST_FILE_READ);
	put_list(&p, "write", VANTIO_LIST_FILE_WRITE);
	put_deny(&p, "deny", VANTIO_LIST_FILE_DENY);
	put_deny(&p, "deny_write", VANTIO_LIST_FILE_DENY_WRITE);
	put_section(&p, "exec", VANTIO_DOMAIN_EXEC);
	put_list(&p, "allow", VANTIO_LIST_EXEC_ALLOW);
	put_deny(&p, "deny", VANTIO_LIST_EXEC_DENY);
	put_section(&p, "network", VANTIO_DOMAIN_NET);
	put_list(&p, "connect", VANTIO_LIST_NET_CONNECT);
	put_list(&p, "listen", VANTIO_LIST_NET_LISTEN);
	put_deny(&p, "deny", VANTIO_LIST_NET_DENY);
	put_limits(&p);
	put_kernel(&p);
	return out->failed ? vantio_fail(err, ENOMEM, "out of memory") : 0;
}
