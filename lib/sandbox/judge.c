// SPDX-License-Identifier: Apache-2.0
#include "sandbox/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct vantio_judge {
	struct vantio_judge_options o;
	struct vantio_image_header head;
	struct vantio_image_view view;
	uint32_t state;
	struct vantio_limit_count counts[VANTIO_LIMIT_MAX];
};

/* What the image says of one text. */
struct answer {
	uint32_t allow_mask, deny_mask, allow_below, deny_below, bad;
	bool default_allow;
};

struct ruling {
	uint32_t decision, reason;
	uint32_t held; /* of a held object its rule and one */
};

int vantio_judge_new(const struct vantio_judge_options *options, struct vantio_judge **ret, struct vantio_error *err)
{
	struct vantio_judge *j = calloc(1, sizeof(*j));

	if (!j)
		return vantio_fail(err, ENOMEM, "out of memory");
	j->o = *options;
	j->view.cells = options->image->cells;
	j->view.n_cells = options->image->n_cells;
	memcpy(&j->head, options->image->cells, sizeof(j->head));
	j->state = VANTIO_AGENT_ENROLLED;
	*ret = j;
	return 0;
}

void vantio_judge_free(struct vantio_judge *j)
{
	free(j);
}

uint32_t vantio_judge_state(const struct vantio_judge *j)
{
	return j->state;
}

void vantio_judge_set_state(struct vantio_judge *j, uint32_t state)
{
	j->state = state;
}

bool vantio_judge_audits(const struct vantio_judge *j)
{
	return j->o.audit || (j->head.flags & VANTIO_IMAGE_AUDIT);
}

static struct answer scan(const struct vantio_judge *j, enum vantio_domain domain, const void *text, size_t len)
{
	struct vantio_walk w = { j->head.allow[domain], j->head.deny[domain] };
	struct answer a = { .default_allow = j->head.default_allow >> domain & 1 };
	const uint8_t *bytes = text;
	size_t i;

	for (i = 0; i < len; i++)
		vantio_walk_byte(&j->view, &w, bytes[i]);
	a.allow_below = vantio_step(&j->view, w.allow, '/');
	a.deny_below = vantio_step(&j->view, w.deny, '/');
	a.allow_mask = vantio_accept(&j->view, w.allow, &a.bad);
	a.deny_mask = vantio_accept(&j->view, w.deny, &a.bad);
	return a;
}

static struct ruling conclude(const struct answer *a, uint32_t access)
{
	struct vantio_verdict v = vantio_conclude(a->allow_mask, a->deny_mask, a->bad, a->default_allow, access);

	return (struct ruling){ .decision = v.decision, .reason = v.reason };
}

/* ---- limits: the ring of eighths of bpf/limit.h, for one thread ---- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Counts an attempt; whether it is one too many. */
static bool count_attempt(struct vantio_limit_count *c, const struct vantio_image_limit *limit, uint64_t now)
{
	uint64_t width = limit->per_ns / 8 ? limit->per_ns / 8 : 1, sum = 0;
	uint32_t eighth = (uint32_t)(now / width), i;
	uint64_t *word = (uint64_t *)&c->words[eighth % VANTIO_LIMIT_WORDS];

	if (*word >> 32 != eighth)
		*word = (uint64_t)eighth << 32;
	if ((uint32_t)*word == UINT32_MAX)
		return true;
	++*word;
	for (i = 0; i < VANTIO_LIMIT_WORDS; i++)
		if ((uint32_t)(eighth - (uint32_t)(c->words[i] >> 32)) <= 8)
			sum += (uint32_t)c->words[i];
	return sum > limit->max;
}

static void rule_limit(struct vantio_judge *j, struct vantio_event *e, struct ruling *r, bool audit)
{
	uint32_t kind = vantio_limit_of(e->hook, e->op);
	const struct vantio_image_limit *limit = &j->head.limits[kind < VANTIO_LIMIT_MAX ? kind : 0];

	if (kind == VANTIO_LIMIT_MAX || limit->action == VANTIO_PERMIT)
		return;
	e->mono_ns = now_ns();
	if (!count_attempt(&j->counts[kind], limit, e->mono_ns))
		return;
	*r = (struct ruling){ limit->action, VANTIO_REASON_LIMIT, 0 };
	if (audit || (limit->action != VANTIO_QUARANTINE && limit->action != VANTIO_KILLSWITCH))
		return;
	j->state = limit->action == VANTIO_QUARANTINE ? VANTIO_AGENT_QUARANTINE : VANTIO_AGENT_SOFT_KILL;
	if (j->o.halt)
		j->o.halt(j->o.ctx);
}

/* ---- the end of every question ---- */

static bool finish(struct vantio_judge *j, struct vantio_event *e, struct ruling r, uint32_t flags, const char *path, const char *path2)
{
	bool halted = j->state != VANTIO_AGENT_ENROLLED, audit = !halted && vantio_judge_audits(j), refuse;

	if (j->state == VANTIO_AGENT_SOFT_KILL)
		r = (struct ruling){ VANTIO_KILLSWITCH, VANTIO_REASON_KILLSWITCH, 0 };
	else if (halted)
		r = (struct ruling){ VANTIO_QUARANTINE, VANTIO_REASON_QUARANTINE, 0 };
	else
		rule_limit(j, e, &r, audit);
	refuse = r.decision != VANTIO_PERMIT && !audit;
	if (r.decision == VANTIO_PERMIT && ((flags & VANTIO_JUDGE_QUIET) || (!audit && !(j->head.flags & VANTIO_IMAGE_RECORD_ALL))))
		return false;
	e->version = VANTIO_ABI_VERSION;
	e->decision = (uint8_t)r.decision;
	e->reason = (uint8_t)r.reason;
	e->gen = 1;
	e->count = 1;
	if (!e->mono_ns)
		e->mono_ns = now_ns();
	if (!audit)
		e->flags |= VANTIO_EVENT_ENFORCED;
	if (flags & VANTIO_JUDGE_NO_PATH)
		e->flags |= VANTIO_EVENT_NO_PATH;
	j->o.emit(j->o.ctx, e, path, path2);
	return refuse;
}

/* ---- paths ---- */

static uint32_t granted(const struct answer *a, uint32_t all)
{
	return (a->default_allow ? all : a->allow_mask & all) & ~a->deny_mask;
}

/* As vantio_gains() of bpf/decide.bpf.c: whether an object known as `from` would gain access as `to`. */
static bool gains(const struct answer *from, const struct answer *to, uint32_t all, uint32_t flags)
{
	if (from->bad || to->bad || (granted(to, all) & ~granted(from, all)))
		return true;
	if ((flags & VANTIO_JUDGE_EXCHANGE) && (granted(from, all) & ~granted(to, all)))
		return true;
	return (flags & VANTIO_JUDGE_FOLDER) && (from->allow_below != to->allow_below || from->deny_below != to->deny_below);
}

static bool gains_in(const struct vantio_judge *j, const struct vantio_path_ask *ask, enum vantio_domain domain, uint32_t all)
{
	struct answer from = scan(j, domain, ask->path, ask->len), to = scan(j, domain, ask->path2, ask->len2);

	return gains(&from, &to, all, ask->flags);
}

/* An object that is denied whatever its name, as vantio_rule_held() of bpf/decide_path.bpf.c has it. */
static struct ruling rule_held(const struct vantio_judge *j, enum vantio_domain domain, const struct stat *object, struct ruling r)
{
	const enum vantio_list list = domain == VANTIO_DOMAIN_EXEC ? VANTIO_LIST_EXEC_DENY : VANTIO_LIST_FILE_DENY;

	if (!j->o.held || !object || r.decision != VANTIO_PERMIT || domain > VANTIO_DOMAIN_EXEC)
		return r;
	for (size_t i = 0; i < j->o.held->n; i++) {
		const struct vantio_held_item *h = &j->o.held->items[i];

		if (h->ino == object->st_ino && h->dev == (uint32_t)object->st_dev && h->list == list)
			return (struct ruling){ VANTIO_BLOCK, VANTIO_REASON_DENY, h->rule + 1 };
	}
	return r;
}

static struct ruling rule_second(const struct vantio_judge *j, const struct vantio_path_ask *ask)
{
	struct answer to = scan(j, VANTIO_DOMAIN_FILE, ask->path2, ask->len2);
	struct ruling r = conclude(&to, ask->access);

	if (r.decision != VANTIO_PERMIT || !(ask->flags & VANTIO_JUDGE_MOVES))
		return rule_held(j, ask->domain, ask->object2, r);
	if (gains_in(j, ask, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ | VANTIO_ACCESS_WRITE) ||
	    gains_in(j, ask, VANTIO_DOMAIN_EXEC, VANTIO_ACCESS_EXEC) ||
	    ((ask->flags & VANTIO_JUDGE_SOCKET) && gains_in(j, ask, VANTIO_DOMAIN_UNIX, VANTIO_ACCESS_CONNECT)))
		return (struct ruling){ VANTIO_BLOCK, VANTIO_REASON_ESCALATE, 0 };
	return rule_held(j, ask->domain, ask->object2, r);
}

static struct ruling rule_path(const struct vantio_judge *j, const struct vantio_path_ask *ask)
{
	struct answer a = scan(j, ask->domain, ask->path, ask->len);
	struct ruling r;

	if (ask->flags & VANTIO_JUDGE_PROTECTED)
		return (struct ruling){ VANTIO_BLOCK, VANTIO_REASON_PROTECTED, 0 };
	if (ask->flags & VANTIO_JUDGE_FAILED)
		return (struct ruling){ VANTIO_BLOCK, VANTIO_REASON_PATH, 0 };
	if (ask->flags & VANTIO_JUDGE_NO_PATH) /* matches nothing */
		a.allow_mask = a.deny_mask = 0;
	else if ((ask->flags & VANTIO_JUDGE_UNLINKED) && ask->domain == VANTIO_DOMAIN_EXEC)
		a.allow_mask = 0;
	r = conclude(&a, ask->access);
	if ((ask->flags & VANTIO_JUDGE_NO_PATH) && ask->domain == VANTIO_DOMAIN_FILE && !a.bad)
		r = (struct ruling){ VANTIO_PERMIT, VANTIO_REASON_DEFAULT, 0 };
	r = rule_held(j, ask->domain, ask->object, r);
	return r.decision == VANTIO_PERMIT && ask->path2 ? rule_second(j, ask) : r;
}

bool vantio_judge_path(struct vantio_judge *j, const struct vantio_path_ask *ask)
{
	const struct ruling r = rule_path(j, ask);
	struct vantio_event e = { .hook = ask->hook, .op = ask->op, .access = (uint8_t)ask->access, .target = r.held };

	e.object = ask->domain == VANTIO_DOMAIN_UNIX ? VANTIO_OBJECT_UNIX : VANTIO_OBJECT_PATH;
	e.path_len = (uint16_t)(ask->len < VANTIO_PATH_MAX ? ask->len : VANTIO_PATH_MAX - 1);
	if (ask->path2)
		e.path2_len = (uint16_t)(ask->len2 < VANTIO_PATH_MAX ? ask->len2 : VANTIO_PATH_MAX - 1);
	return finish(j, &e, r, ask->flags, ask->path, ask->path2);
}

/* ---- addresses and surfaces ---- */

bool vantio_judge_net(struct vantio_judge *j, const struct vantio_net_ask *ask)
{
	struct vantio_event e = { .hook = ask->hook, .op = ask->op, .access = (uint8_t)ask->access, .object = VANTIO_OBJECT_NET };
	struct vantio_net_key key;
	struct answer a;
	struct ruling r;

	vantio_net_key_build(&key, ask->family4, ask->udp, ask->addr, ask->port, ask->remote);
	a = scan(j, VANTIO_DOMAIN_NET, key.bytes, key.len);
	r = conclude(&a, ask->access);
	e.family = ask->family4 ? AF_INET : AF_INET6;
	if (r.decision == VANTIO_PERMIT && (ask->flags & VANTIO_JUDGE_BOTH)) {
		vantio_net_key_build(&key, 1, ask->udp, ask->addr, ask->port, ask->remote);
		a = scan(j, VANTIO_DOMAIN_NET, key.bytes, key.len);
		r = conclude(&a, ask->access);
		if (r.decision != VANTIO_PERMIT)
			e.family = AF_INET; /* the rule is that of 0.0.0.0 */
	}
	e.sock_type = ask->udp ? SOCK_DGRAM : SOCK_STREAM;
	e.sock_proto = ask->udp ? 17 : 6;
	e.port = ask->port;
	memcpy(e.addr, ask->addr, sizeof(e.addr));
	return finish(j, &e, r, ask->flags, NULL, NULL);
}

bool vantio_judge_surface(struct vantio_judge *j, const struct vantio_surface_ask *ask)
{
	struct vantio_event e = { .hook = ask->hook, .op = ask->op, .object = VANTIO_OBJECT_TARGET };
	struct ruling r = { VANTIO_BLOCK, ask->reason, 0 };

	if (ask->flags & VANTIO_JUDGE_PROTECTED)
		r.reason = VANTIO_REASON_PROTECTED;
	else if (ask->reason == VANTIO_REASON_UNGOVERNED ||
		 (ask->reason == VANTIO_REASON_SURFACE && !(j->head.kernel_deny >> ask->surface & 1)))
		r.decision = VANTIO_PERMIT;
	else if (ask->reason == VANTIO_REASON_FAMILY && (j->head.default_allow >> VANTIO_DOMAIN_NET & 1))
		r = (struct ruling){ VANTIO_PERMIT, VANTIO_REASON_DEFAULT, 0 };
	e.surface = ask->surface;
	e.family = ask->family;
	e.sock_type = ask->type;
	e.sock_proto = ask->proto;
	e.target = ask->target;
	return finish(j, &e, r, ask->flags, NULL, NULL);
}
