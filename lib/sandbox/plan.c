// SPDX-License-Identifier: Apache-2.0
#include "sandbox/plan.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define UNIFORM_STATES_MAX 64 /* pairs of states that are looked at: a folder that nothing is said of has a handful */

void vantio_plan_clear(struct vantio_plan *plan)
{
	vantio_floor_clear(&plan->floor);
	memset(plan, 0, sizeof(*plan));
}

/* ---- folders of which the policy says one thing ---- */

struct pair {
	uint32_t allow, deny;
	bool slash; /* the last byte was one: no path ends here, and none has two */
};

struct explored {
	struct pair items[UNIFORM_STATES_MAX];
	size_t n;
};

/* False if there are too many. */
static bool explore(struct explored *e, struct pair p)
{
	size_t i;

	for (i = 0; i < e->n; i++)
		if (e->items[i].allow == p.allow && e->items[i].deny == p.deny && e->items[i].slash == p.slash)
			return true;
	if (e->n == UNIFORM_STATES_MAX)
		return false;
	e->items[e->n++] = p;
	return true;
}

static uint32_t permitted(const struct vantio_image_view *v, const struct vantio_image_header *h, const struct pair *p)
{
	uint32_t bad = 0, allow = vantio_accept(v, p->allow, &bad), deny = vantio_accept(v, p->deny, &bad), rights = 0, access;
	const bool standard = h->default_allow >> VANTIO_DOMAIN_FILE & 1;

	for (access = VANTIO_ACCESS_READ; access <= VANTIO_ACCESS_WRITE; access <<= 1)
		if (vantio_conclude(allow, deny, bad, standard, access).decision == VANTIO_PERMIT)
			rights |= access;
	return rights;
}

/* What comes behind a pair of states. `first`: the folder itself goes on with a slash alone. False if there are too many. */
static bool explore_from(struct explored *e, const struct vantio_image_view *v, struct pair p, bool first)
{
	struct pair last = p; /* most bytes lead to the same states */
	unsigned int byte;

	for (byte = 1; byte < 256; byte++) {
		struct vantio_walk next = { p.allow, p.deny };

		if (byte == '/' ? p.slash : first && !p.slash)
			continue;
		vantio_walk_byte(v, &next, (uint8_t)byte);
		if (next.allow == last.allow && next.deny == last.deny && last.slash == (byte == '/'))
			continue;
		last = (struct pair){ next.allow, next.deny, byte == '/' };
		if (!explore(e, last))
			return false;
	}
	return true;
}

/* The VANTIO_ACCESS_READ and _WRITE that hold for a path and everything below it. */
static uint32_t uniform_rights(const struct vantio_image *image, const char *path, size_t len)
{
	struct vantio_image_view v = { .cells = image->cells, .n_cells = image->n_cells };
	const struct vantio_image_header *h = (const void *)image->cells;
	struct vantio_walk w = { h->allow[VANTIO_DOMAIN_FILE], h->deny[VANTIO_DOMAIN_FILE] };
	uint32_t rights = VANTIO_ACCESS_READ | VANTIO_ACCESS_WRITE;
	struct explored e;
	size_t i;

	for (i = 0; i < len; i++)
		vantio_walk_byte(&v, &w, (uint8_t)path[i]);
	e.n = 0;
	explore(&e, (struct pair){ w.allow, w.deny, len == 1 });
	if (len == 1)
		rights &= permitted(&v, h, &e.items[0]);
	for (i = 0; rights && i < e.n; i++) {
		if (!e.items[i].slash)
			rights &= permitted(&v, h, &e.items[i]);
		if (!rights || !explore_from(&e, &v, e.items[i], !i))
			return 0;
	}
	return rights;
}

bool vantio_plan_uniform(const struct vantio_image *image, uint32_t access, const char *path, size_t len)
{
	return (uniform_rights(image, path, len) & access) == access;
}

/* ---- the floor ---- */

static struct vantio_grant *find_grant(const struct vantio_floor *f, const char *path, size_t len)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (strlen(f->grants[i].path) == len && !memcmp(f->grants[i].path, path, len))
			return &f->grants[i];
	return NULL;
}

static int add_grant(struct vantio_floor *f, const char *path, size_t len, uint32_t rights, struct vantio_error *err)
{
	struct vantio_grant *grown, *there = find_grant(f, path, len);

	if (there) {
		there->rights |= rights;
		return 0;
	}
	grown = realloc(f->grants, (f->n + 1) * sizeof(*grown));
	if (!grown)
		return vantio_fail(err, ENOMEM, "out of memory");
	f->grants = grown;
	grown[f->n].path = strndup(path, len);
	grown[f->n].rights = rights;
	if (!grown[f->n].path)
		return vantio_fail(err, ENOMEM, "out of memory");
	f->n++;
	return 0;
}

/* Bytes of a glob before its first special one, cut back to a whole component; "/" where there is none. */
static size_t literal_folder(const char *glob, bool *ret_subtree)
{
	size_t n = strcspn(glob, "*?[]{}\\"), cut = n;

	*ret_subtree = !strcmp(glob + n, "**") && n && glob[n - 1] == '/';
	if (glob[n])
		while (cut && glob[cut - 1] != '/')
			cut--;
	while (cut > 1 && glob[cut - 1] == '/')
		cut--;
	return cut ? cut : 1;
}

static int grant_uniform(struct vantio_plan *plan, const struct vantio_image *image, const char *path, size_t len, struct vantio_error *err)
{
	uint32_t access, rights;

	if (find_grant(&plan->floor, path, len)) /* of a rule of the other list */
		return 0;
	access = uniform_rights(image, path, len);
	if (len == 1 || (!strncmp(path, "/sys", 4) && (len == 4 || path[4] == '/')))
		access &= VANTIO_ACCESS_READ; /* cgroups are there, of which the supervisor keeps some apart */
	rights = (access & VANTIO_ACCESS_READ ? VANTIO_GRANT_READ : 0) | (access & VANTIO_ACCESS_WRITE ? VANTIO_GRANT_WRITE : 0);
	return rights ? add_grant(&plan->floor, path, len, rights, err) : 0;
}

/* Under default = "allow": the folders of "/" in which nothing is denied. */
static int grant_top(struct vantio_plan *plan, const struct vantio_image *image, struct vantio_error *err)
{
	cleanup_dir DIR *dir = opendir("/");
	struct dirent *entry;
	char path[300];
	int r = 0;

	while (!r && dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/%s", entry->d_name);
		r = grant_uniform(plan, image, path, strlen(path), err);
	}
	return r;
}

static int plan_files(const struct vantio_policy *p, const struct vantio_image *image, struct vantio_plan *plan, struct vantio_error *err)
{
	static const enum vantio_list lists[] = { VANTIO_LIST_FILE_READ, VANTIO_LIST_FILE_WRITE };
	bool subtree;
	size_t l, i;
	int r = 0;

	plan->floor.files = true;
	if (p->default_allow[VANTIO_DOMAIN_FILE])
		r = grant_top(plan, image, err);
	for (l = 0; l < VANTIO_ARRAY_SIZE(lists); l++)
		for (i = 0; !r && i < p->lists[lists[l]].n; i++) {
			const char *glob = p->lists[lists[l]].items[i].glob;
			size_t len = literal_folder(glob, &subtree);

			if (subtree)
				r = grant_uniform(plan, image, glob, len, err);
		}
	return r;
}

/* A grant holds by inode: a program that is yet to be built, or may be built again, has it by its folder. */
static bool may_be_replaced(const struct vantio_image *image, const char *path, size_t len)
{
	return access(path, F_OK) ||
	       vantio_image_judge(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_WRITE, path, len).decision == VANTIO_PERMIT;
}

static size_t folder_of_rule(const struct vantio_image *image, const char *glob)
{
	bool ignored;
	size_t len = literal_folder(glob, &ignored);

	if (glob[len] || !may_be_replaced(image, glob, len))
		return len;
	while (len > 1 && glob[len - 1] != '/')
		len--;
	return len > 1 ? len - 1 : len;
}

/*
 * Executing cannot be done for the target: Landlock grants the folders that the rules begin with, and what was started is looked at.
 * Where [exec] says nothing, reading for it must be granted all the same.
 */
static int plan_exec(const struct vantio_policy *p, const struct vantio_image *image, struct vantio_plan *plan, struct vantio_error *err)
{
	const struct vantio_rules *rules = &p->lists[VANTIO_LIST_EXEC_ALLOW];
	size_t i;
	int r = 0;

	if (p->default_allow[VANTIO_DOMAIN_EXEC])
		return add_grant(&plan->floor, "/", 1, VANTIO_GRANT_EXEC, err);
	for (i = 0; !r && i < rules->n; i++)
		r = add_grant(&plan->floor, rules->items[i].glob, folder_of_rule(image, rules->items[i].glob), VANTIO_GRANT_EXEC, err);
	return r;
}

const struct vantio_grant *vantio_plan_granted(const struct vantio_plan *plan, uint32_t access, const char *path, size_t len)
{
	size_t i, n;

	for (i = 0; plan->exact && i < plan->floor.n; i++) {
		const struct vantio_grant *g = &plan->floor.grants[i];

		n = strlen(g->path);
		if ((g->rights & access) == access &&
		    (n == 1 || (len >= n && !memcmp(path, g->path, n) && (len == n || path[n] == '/'))))
			return g;
	}
	return NULL;
}

/* Executing takes reading with Landlock. */
static bool is_exact(const struct vantio_plan *plan, const struct vantio_image *image)
{
	size_t i;

	for (i = 0; i < plan->floor.n; i++)
		/* reading was granted where it holds throughout */
		if ((plan->floor.grants[i].rights & (VANTIO_GRANT_EXEC | VANTIO_GRANT_READ)) == VANTIO_GRANT_EXEC &&
		    !vantio_plan_uniform(image, VANTIO_ACCESS_READ, plan->floor.grants[i].path, strlen(plan->floor.grants[i].path)))
			return false;
	return true;
}

/* ---- the whole ---- */

__attribute__((format(printf, 2, 3)))
static void unmet(struct vantio_plan *plan, const char *fmt, ...)
{
	va_list ap;

	if (plan->n_unmet == VANTIO_PLAN_UNMET_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(plan->unmet[plan->n_unmet++], sizeof(plan->unmet[0]), fmt, ap);
	va_end(ap);
}

static bool says(const struct vantio_policy *p, unsigned int domain, enum vantio_list deny)
{
	return !p->default_allow[domain] || p->lists[deny].n;
}

static void plan_surfaces(const struct vantio_policy *p, bool all, struct vantio_plan *plan)
{
	unsigned int i;

	for (i = 0; i < VANTIO_SURFACE_MAX; i++)
		if (all || !p->kernel_allow[i])
			plan->surfaces |= 1u << i;
	if (p->kernel_allow[VANTIO_SURFACE_MOUNT])
		unmet(plan, "kernel.mount = \"allow\": a process under Landlock cannot mount");
	if (p->kernel_allow[VANTIO_SURFACE_PTRACE])
		unmet(plan, "kernel.ptrace = \"allow\": a process under Landlock cannot reach others outside");
	if (p->kernel_allow[VANTIO_SURFACE_IO_URING])
		unmet(plan, "kernel.io_uring = \"allow\": what goes through a ring is not asked about, so rings are refused");
}

static bool says_of_files(const struct vantio_policy *p)
{
	return says(p, VANTIO_DOMAIN_FILE, VANTIO_LIST_FILE_DENY) || p->lists[VANTIO_LIST_FILE_DENY_WRITE].n;
}

struct vantio_plan vantio_plan_questions(const struct vantio_policy *p, bool observe)
{
	const bool all = observe || p->audit || p->record_all, files = says_of_files(p), exec = says(p, VANTIO_DOMAIN_EXEC, VANTIO_LIST_EXEC_DENY);
	const bool network = says(p, VANTIO_DOMAIN_NET, VANTIO_LIST_NET_DENY);
	struct vantio_plan plan = {};

	plan.opens = all || files;
	plan.changes = all || files || exec || p->limits[VANTIO_LIMIT_UNLINK].set || p->limits[VANTIO_LIMIT_RENAME].set ||
		       p->limits[VANTIO_LIMIT_CHMOD].set || p->limits[VANTIO_LIMIT_TRUNCATE].set;
	plan.execs = all || exec || p->limits[VANTIO_LIMIT_EXEC].set;
	plan.network = all || network || p->limits[VANTIO_LIMIT_CONNECT].set;
	plan.forks = all || p->limits[VANTIO_LIMIT_FORK].set;
	plan.floor.tcp = network;
	plan.floor.abstract = network;
	plan.floor.signals = !p->kernel_allow[VANTIO_SURFACE_SIGNAL];
	plan_surfaces(p, all, &plan);
	if (observe)
		plan.n_unmet = 0;
	plan.floor.exec = exec;
	return plan;
}

int vantio_plan_floor(const struct vantio_policy *p, const struct vantio_image *image, struct vantio_plan *plan, struct vantio_error *err)
{
	const bool files = says_of_files(p);
	int r = 0;

	if (files)
		r = plan_files(p, image, plan, err);
	if (!r && (plan->floor.exec || files))
		r = plan_exec(p, image, plan, err);
	plan->exact = !r && is_exact(plan, image);
	return r;
}
