// SPDX-License-Identifier: Apache-2.0
/* From a policy to the cells of its image: each section's allow rules and its deny rules become one automaton each. */
#include "policy/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/dfa.h"
#include "policy/glob.h"
#include "policy/nfa.h"

_Static_assert(VANTIO_POLICY_RULES_MAX < 1u << 24, "an owner holds a list and a rule's number");
#define OWNER(list, rule) ((uint32_t)(list) << 24 | (uint32_t)(rule))
#define OWNER_LIST(owner) ((enum vantio_list)((owner) >> 24))
#define OWNER_RULE(owner) ((owner) & 0xffffffu)

/* Which list gives which mask in which automaton. */
static const struct source {
	enum vantio_domain domain;
	bool deny;
	enum vantio_list list;
	uint8_t mask;
} sources[] = {
	{ VANTIO_DOMAIN_FILE, false, VANTIO_LIST_FILE_READ, VANTIO_ACCESS_READ },
	{ VANTIO_DOMAIN_FILE, false, VANTIO_LIST_FILE_WRITE, VANTIO_ACCESS_WRITE },
	{ VANTIO_DOMAIN_FILE, true, VANTIO_LIST_FILE_DENY, VANTIO_ACCESS_READ | VANTIO_ACCESS_WRITE },
	{ VANTIO_DOMAIN_FILE, true, VANTIO_LIST_FILE_DENY_WRITE, VANTIO_ACCESS_WRITE },
	{ VANTIO_DOMAIN_EXEC, false, VANTIO_LIST_EXEC_ALLOW, VANTIO_ACCESS_EXEC },
	{ VANTIO_DOMAIN_EXEC, true, VANTIO_LIST_EXEC_DENY, VANTIO_ACCESS_EXEC },
	{ VANTIO_DOMAIN_NET, false, VANTIO_LIST_NET_CONNECT, VANTIO_ACCESS_CONNECT },
	{ VANTIO_DOMAIN_NET, false, VANTIO_LIST_NET_LISTEN, VANTIO_ACCESS_LISTEN },
	{ VANTIO_DOMAIN_NET, true, VANTIO_LIST_NET_DENY, VANTIO_ACCESS_CONNECT | VANTIO_ACCESS_LISTEN },
	{ VANTIO_DOMAIN_UNIX, false, VANTIO_LIST_NET_CONNECT, VANTIO_ACCESS_CONNECT },
	{ VANTIO_DOMAIN_UNIX, false, VANTIO_LIST_NET_LISTEN, VANTIO_ACCESS_LISTEN },
	{ VANTIO_DOMAIN_UNIX, true, VANTIO_LIST_NET_DENY, VANTIO_ACCESS_CONNECT | VANTIO_ACCESS_LISTEN },
};

struct compile {
	const struct vantio_policy *policy;
	const struct vantio_resolution *res;
	struct vantio_pack pack;
	uint64_t n_states;
};

static void add_unix(struct vantio_nfa *nfa, const struct vantio_net_rule *net, uint8_t mask)
{
	char name[VANTIO_PATH_MAX] = "@";

	if (net->kind == VANTIO_NET_UNIX_GLOB) {
		vantio_nfa_add_glob(nfa, net->host, net->host_len, mask);
	} else if (net->kind == VANTIO_NET_UNIX_ABSTRACT && net->host_len < sizeof(name)) {
		memcpy(name + 1, net->host, net->host_len);
		vantio_nfa_add_bytes(nfa, name, net->host_len + 1, mask);
	}
}

static void add_rule(struct vantio_nfa *nfa, const struct source *src, const struct vantio_rule *rule)
{
	if (src->domain == VANTIO_DOMAIN_UNIX)
		add_unix(nfa, &rule->net, src->mask);
	else if (src->domain == VANTIO_DOMAIN_NET && rule->net.kind == VANTIO_NET_ADDRESS)
		vantio_nfa_add_net(nfa, &rule->net, src->mask);
	else if (src->domain != VANTIO_DOMAIN_NET)
		vantio_nfa_add_glob(nfa, rule->glob, strlen(rule->glob), src->mask);
}

static void add_source(const struct compile *c, const struct source *src, struct vantio_nfa *nfa)
{
	const struct vantio_rules *rules = &c->policy->lists[src->list];
	size_t i;

	for (i = 0; i < rules->n && !nfa->error; i++) {
		nfa->owner = OWNER(src->list, i);
		add_rule(nfa, src, &rules->items[i]);
	}
	if (src->domain != VANTIO_DOMAIN_NET || !c->res)
		return;
	for (i = 0; i < c->res->n && !nfa->error; i++) {
		const struct vantio_resolved *item = &c->res->items[i];

		if (item->list != src->list || item->net.kind != VANTIO_NET_ADDRESS)
			continue;
		nfa->owner = item->rule == UINT32_MAX ? VANTIO_NFA_NONE : OWNER(src->list, item->rule);
		vantio_nfa_add_net(nfa, &item->net, src->mask);
	}
}

static void build_nfa(const struct compile *c, enum vantio_domain domain, bool deny, struct vantio_nfa *nfa)
{
	size_t i;

	vantio_nfa_init(nfa);
	for (i = 0; i < VANTIO_ARRAY_SIZE(sources); i++)
		if (sources[i].domain == domain && sources[i].deny == deny)
			add_source(c, &sources[i], nfa);
	vantio_nfa_finish(nfa);
}

/* ---- too big ------------------------------------------------------------------------------------- */

#define SHOWN 120 /* bytes of a rule's text in an error */

static void add_culprit(const struct compile *c, uint32_t owner, struct vantio_buf *out)
{
	const struct vantio_rules *rules = &c->policy->lists[OWNER_LIST(owner)];
	const struct vantio_rule *rule;
	size_t len;

	if (OWNER_RULE(owner) >= rules->n)
		return;
	rule = &rules->items[OWNER_RULE(owner)];
	len = strlen(rule->text);
	vantio_buf_printf(out, "%s%s[%u] '", out->len ? ", " : "", vantio_list_name(OWNER_LIST(owner)), OWNER_RULE(owner));
	vantio_escape(out, rule->text, len < SHOWN ? len : SHOWN);
	vantio_buf_printf(out, "%s' (%s:%u)", len < SHOWN ? "" : "...", vantio_pos_file(rule->pos, c->policy->file ? c->policy->file : "policy"), rule->pos.line);
}

/* Turns E2BIG into what the author of the policy can act upon. */
static int too_big(const struct compile *c, const struct vantio_blame *blame, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf names = VANTIO_BUF_INIT;
	char cause[64];
	uint32_t i;

	for (i = 0; i < blame->n; i++)
		add_culprit(c, blame->owners[i], &names);
	if (names.failed || !names.len)
		return -err->code;
	snprintf(cause, sizeof(cause), "%.63s", err->text);
	return vantio_fail(err, E2BIG, "the policy compiles to %s; most of them come from %s: narrow these rules, or say the same "
			   "with fewer", cause, names.data);
}

/* One automaton into the pack. The nodes are freed as early as can be. */
static int compile_nfa(struct compile *c, struct vantio_nfa *nfa, uint32_t *ret_start, struct vantio_blame *blame,
		       struct vantio_error *err)
{
	struct vantio_dfa dfa = { 0 };
	int r;

	if (nfa->error == ENOMEM)
		return vantio_fail(err, ENOMEM, "out of memory while compiling the policy");
	if (nfa->error)
		return vantio_fail(err, E2BIG, "too many nodes");
	r = vantio_dfa_build(nfa, &dfa, blame, err);
	vantio_nfa_free(nfa);
	if (!r)
		r = vantio_dfa_minimise(&dfa, err);
	if (!r) {
		c->n_states += dfa.n_states - 1;
		if (c->n_states > VANTIO_POLICY_STATES_MAX)
			r = vantio_fail(err, E2BIG, "more than %u states", VANTIO_POLICY_STATES_MAX);
	}
	if (!r && dfa.start != VANTIO_DFA_DEAD)
		r = vantio_pack_add(&c->pack, &dfa, ret_start, err);
	vantio_dfa_free(&dfa);
	return r;
}

static int compile_automaton(struct compile *c, enum vantio_domain domain, bool deny, uint32_t *ret_start,
			     struct vantio_error *err)
{
	struct vantio_blame blame = { .n = 0 };
	struct vantio_nfa nfa;
	int r;

	*ret_start = VANTIO_STATE_DEAD;
	build_nfa(c, domain, deny, &nfa);
	r = compile_nfa(c, &nfa, ret_start, &blame, err);
	vantio_nfa_free(&nfa);
	if (r != -E2BIG)
		return r;
	if (!blame.n) {
		build_nfa(c, domain, deny, &nfa);
		vantio_nfa_blame(&nfa, NULL, 0, &blame);
		vantio_nfa_free(&nfa);
	}
	return too_big(c, &blame, err);
}

/* ---- the image ----------------------------------------------------------------------------------- */

static void fill_header(const struct vantio_policy *p, struct vantio_image_header *h)
{
	unsigned int i;

	h->magic = VANTIO_IMAGE_MAGIC;
	h->version = VANTIO_ABI_VERSION;
	h->flags = (p->audit ? VANTIO_IMAGE_AUDIT : 0) | (p->record_all ? VANTIO_IMAGE_RECORD_ALL : 0) |
		   (p->loss_block ? VANTIO_IMAGE_LOSS_BLOCK : 0);
	for (i = 0; i < VANTIO_DOMAIN_MAX; i++)
		if (p->default_allow[i == VANTIO_DOMAIN_UNIX ? VANTIO_DOMAIN_NET : i])
			h->default_allow |= 1u << i;
	for (i = 0; i < VANTIO_SURFACE_MAX; i++)
		if (!p->kernel_allow[i])
			h->kernel_deny |= 1u << i;
	memcpy(h->policy_hash, p->hash, sizeof(h->policy_hash));
	for (i = 0; i < VANTIO_LIMIT_MAX; i++) {
		const struct vantio_limit *l = &p->limits[i];

		if (!l->set)
			continue;
		h->limits[i].max = l->max < UINT32_MAX ? (uint32_t)l->max : UINT32_MAX;
		h->limits[i].action = l->action;
		h->limits[i].per_ns = l->per_ns;
		if (l->action != VANTIO_PERMIT)
			h->limited |= 1u << i;
	}
}

static int compile_all(struct compile *c, struct vantio_image_header *h, struct vantio_error *err)
{
	int i, r;

	for (i = 0; i < VANTIO_DOMAIN_MAX; i++) {
		r = compile_automaton(c, (enum vantio_domain)i, false, &h->allow[i], err);
		if (!r)
			r = compile_automaton(c, (enum vantio_domain)i, true, &h->deny[i], err);
		if (r)
			return r;
	}
	return 0;
}

int vantio_image_compile(const struct vantio_policy *p, const struct vantio_resolution *res, struct vantio_image **ret,
			 struct vantio_error *err)
{
	struct compile c = { .policy = p, .res = res };
	struct vantio_image_header h = { 0 };
	cleanup_image struct vantio_image *image = calloc(1, sizeof(*image));
	struct vantio_cell *cells;
	int r;

	if (!image)
		return vantio_fail(err, ENOMEM, "out of memory while compiling the policy");
	fill_header(p, &h);
	r = vantio_pack_init(&c.pack, VANTIO_IMAGE_HEADER_CELLS, err);
	if (r)
		return r;
	r = compile_all(&c, &h, err);
	if (!r) {
		h.n_cells = image->n_cells = c.pack.n_cells;
		image->n_states = (uint32_t)c.n_states;
		image->cells = vantio_take(c.pack.cells);
		cells = realloc(image->cells, image->n_cells * sizeof(*cells));
		if (cells)
			image->cells = cells;
		memcpy(image->cells, &h, sizeof(h));
		*ret = vantio_take(image);
	}
	vantio_pack_free(&c.pack);
	return r;
}

void vantio_image_free(struct vantio_image *image)
{
	if (image)
		free(image->cells);
	free(image);
}

/* ---- cells from elsewhere ------------------------------------------------------------------------ */

static bool is_state(const struct vantio_cell *cells, size_t n, uint32_t s)
{
	return s == VANTIO_STATE_DEAD || (s >= VANTIO_IMAGE_HEADER_CELLS && s < n && cells[s].check & VANTIO_CELL_STATE);
}

static const char *check_cell(const struct vantio_cell *cells, size_t n, uint32_t i)
{
	const struct vantio_cell *cell = &cells[i];

	if (cell->check & VANTIO_CELL_STATE) {
		if (cell->check & ~(VANTIO_CELL_STATE | VANTIO_CELL_FINAL | VANTIO_CELL_MASK))
			return "has unknown flags";
		if (cell->check & VANTIO_CELL_FINAL && cell->next != i)
			return "is final and leads away";
		if (i + 1 + 255 >= n)
			return "has a row that leaves the image";
		if (i % VANTIO_PAGE_CELLS > VANTIO_PAGE_CELLS - 257)
			return "has a row that leaves its page";
	} else if (!cell->check) {
		return cell->next ? "is empty and leads somewhere" : NULL;
	} else if (cell->check >= i || i - cell->check > 256 || !is_state(cells, n, cell->check)) {
		return "belongs to no state";
	} else if (cells[cell->check].check & VANTIO_CELL_FINAL) {
		return "leads out of a final state";
	}
	return is_state(cells, n, cell->next) ? NULL : "leads to no state";
}

int vantio_image_check(const struct vantio_cell *cells, size_t n_cells, struct vantio_error *err)
{
	struct vantio_image_header h;
	const char *wrong;
	uint32_t i;

	if (n_cells < VANTIO_IMAGE_HEADER_CELLS || n_cells > VANTIO_CELLS_MAX)
		return vantio_fail(err, EINVAL, "a policy image has %u to %u cells, not %zu", VANTIO_IMAGE_HEADER_CELLS,
				   VANTIO_CELLS_MAX, n_cells);
	memcpy(&h, cells, sizeof(h));
	if (h.magic != VANTIO_IMAGE_MAGIC)
		return vantio_fail(err, EINVAL, "this is no policy image: it begins with 0x%08x", h.magic);
	if (h.version != VANTIO_ABI_VERSION)
		return vantio_fail(err, EINVAL, "the policy image is of version %u, this program reads version %u: load again with one "
				   "version of vantioctl", h.version, VANTIO_ABI_VERSION);
	if (h.n_cells != n_cells)
		return vantio_fail(err, EINVAL, "the policy image says %u cells and has %zu", h.n_cells, n_cells);
	if (h.flags & ~(VANTIO_IMAGE_AUDIT | VANTIO_IMAGE_RECORD_ALL | VANTIO_IMAGE_LOSS_BLOCK) ||
	    h.default_allow >> VANTIO_DOMAIN_MAX || h.kernel_deny >> VANTIO_SURFACE_MAX || h.limited >> VANTIO_LIMIT_MAX)
		return vantio_fail(err, EINVAL, "the policy image's header has unknown bits");
	for (i = 0; i < VANTIO_DOMAIN_MAX; i++)
		if (!is_state(cells, n_cells, h.allow[i]) || !is_state(cells, n_cells, h.deny[i]))
			return vantio_fail(err, EINVAL, "automaton %u of the policy image starts at no state", i);
	for (i = VANTIO_IMAGE_HEADER_CELLS; i < n_cells; i++) {
		wrong = check_cell(cells, n_cells, i);
		if (wrong)
			return vantio_fail(err, EINVAL, "cell %u of the policy image %s", i, wrong);
	}
	return 0;
}

/* ---- questions ----------------------------------------------------------------------------------- */

struct vantio_verdict vantio_image_judge(const struct vantio_image *image, enum vantio_domain domain, uint32_t access,
					 const void *input, size_t len)
{
	const struct vantio_image_view view = { .cells = image->cells, .n_cells = image->n_cells };
	struct vantio_image_header h;
	struct vantio_walk w;
	__u32 bad = 0, allow, deny;
	size_t i;

	if ((unsigned int)domain >= VANTIO_DOMAIN_MAX || image->n_cells < VANTIO_IMAGE_HEADER_CELLS || !len)
		return vantio_conclude(0, 0, 1, 0, access);
	memcpy(&h, image->cells, sizeof(h));
	w.allow = h.allow[domain];
	w.deny = h.deny[domain];
	for (i = 0; i < len; i++)
		vantio_walk_byte(&view, &w, ((const __u8 *)input)[i]);
	allow = vantio_accept(&view, w.allow, &bad);
	deny = vantio_accept(&view, w.deny, &bad);
	return vantio_conclude(allow, deny, bad, h.default_allow >> domain & 1, access);
}
