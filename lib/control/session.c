// SPDX-License-Identifier: Apache-2.0
#include "control/session.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "control/pump.h"
#include "engine/cgroup.h"
#include "engine/history.h"
#include "engine/hooks.h"
#include "policy/glob.h"

#define ENFORCE_LOCK "/run/vantio/enforce.lock"

/* ---- one enforce at a time ---- */

static int lock_file(int *ret, struct vantio_error *err)
{
	int r = vantio_make_dirs("/run/vantio", 0700, err);

	if (r == -EACCES || r == -EPERM)
		return vantio_fail(err, EPERM, "not permitted to use the engine (/run/vantio): run as root");
	if (r)
		return r;
	*ret = open(ENFORCE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*ret < 0 && (errno == EACCES || errno == EPERM))
		return vantio_fail(err, EPERM, "not permitted to use the engine (%s): run as root", ENFORCE_LOCK);
	return *ret < 0 ? vantio_fail(err, errno, "cannot open %s: %s", ENFORCE_LOCK, strerror(errno)) : 0;
}

int vantio_session_holder(int *ret_pid, struct vantio_error *err)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	cleanup_close int fd = open(ENFORCE_LOCK, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	*ret_pid = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : vantio_fail(err, errno, "cannot open %s: %s", ENFORCE_LOCK, strerror(errno));
	if (fcntl(fd, F_GETLK, &l))
		return vantio_fail(err, errno, "cannot ask for %s: %s", ENFORCE_LOCK, strerror(errno));
	if (l.l_type != F_UNLCK)
		*ret_pid = l.l_pid;
	return 0;
}

int vantio_session_hold(int *ret_fd, struct vantio_error *err)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	cleanup_close int fd = -1;
	int pid = 0, r = lock_file(&fd, err);

	if (r)
		return r;
	if (fcntl(fd, F_SETLK, &l)) {
		if (errno != EACCES && errno != EAGAIN)
			return vantio_fail(err, errno, "cannot lock %s: %s", ENFORCE_LOCK, strerror(errno));
		vantio_session_holder(&pid, err);
		return vantio_fail(err, EBUSY, "another 'vantioctl enforce' runs already, as process %d; stop it first, or use 'vantioctl policy push'",
				   pid);
	}
	*ret_fd = vantio_take_fd(&fd);
	return 0;
}

/* ---- the cgroups that a policy names ---- */

struct enrolment {
	struct vantio_engine *e;
	const struct vantio_policy *policy;
	uint32_t slot;
	size_t enrolled;
	struct vantio_error *err;
};

/* "name", then "name-2" and so on where it is taken. */
static void choose_name(const struct vantio_engine *e, const char *base, char out[VANTIO_NAME_MAX])
{
	unsigned int i;

	snprintf(out, VANTIO_NAME_MAX, "%.58s", base);
	for (i = 2; vantio_agent_find(e, out); i++)
		snprintf(out, VANTIO_NAME_MAX, "%.58s-%u", base, i);
}

static int enrol_cgroup(struct enrolment *en, const char *path)
{
	struct vantio_enroll what = { .slot = en->slot, .cgroup = path };
	cleanup_free char *opened = NULL;
	cleanup_close int fd = -1;
	struct vantio_agent a;
	char name[VANTIO_NAME_MAX];
	uint32_t agent;
	__u64 id;
	int r = vantio_cgroup_open(path, &fd, &opened, en->err);

	if (!r)
		r = vantio_cgroup_id(fd, &id, en->err);
	if (r)
		return r;
	if (!bpf_map_lookup_elem(en->e->cgroups, &id, &agent)) { /* enrolled before: under this policy from now on */
		r = vantio_agent_read(en->e, agent, &a, en->err);
		if (!r && a.slot != en->slot) {
			a.slot = en->slot;
			r = bpf_map_update_elem(en->e->agents, &agent, &a, BPF_ANY) ?
				    vantio_fail(en->err, errno, "cannot write agent %u: %s", agent, strerror(errno)) :
				    0;
		}
	} else {
		choose_name(en->e, en->policy->name, name);
		what.name = name;
		r = vantio_agent_enroll(en->e, &what, &agent, en->err);
	}
	if (!r)
		en->enrolled++;
	return r;
}

/* Enrols each cgroup that matches, topmost first: what lies below it counts already. */
static int enrol_matching(struct enrolment *en, int fd, const char *path, const char *glob, unsigned int depth)
{
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;
	int copy, r = 0;

	if (vantio_glob_match(glob, strlen(glob), path, strlen(path)))
		return enrol_cgroup(en, path);
	copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir || depth > 64) {
		if (copy >= 0 && !dir)
			close(copy);
		return 0;
	}
	while (!r && (entry = readdir(dir))) {
		cleanup_free char *below = NULL;
		cleanup_close int child = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (asprintf(&below, "%s/%s", strcmp(path, "/") ? path : "", entry->d_name) < 0) {
			below = NULL;
			return vantio_fail(en->err, ENOMEM, "out of memory");
		}
		child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0)
			r = enrol_matching(en, child, below, glob, depth + 1);
	}
	return r;
}

static int enrol_policy(struct enrolment *en, struct vantio_diagnostics *diags)
{
	cleanup_close int root = -1;
	cleanup_free char *ignored = NULL;
	struct vantio_pos nowhere = VANTIO_POS_TOP;
	size_t i, before;
	int r = 0;

	if (!en->policy->n_cgroups)
		return 0;
	r = vantio_cgroup_open("/", &root, &ignored, en->err);
	for (i = 0; !r && i < en->policy->n_cgroups; i++) {
		before = en->enrolled;
		r = enrol_matching(en, root, "/", en->policy->cgroups[i], 0);
		if (!r && en->enrolled == before)
			vantio_diagnostics_add(diags, true, nowhere, "no cgroup matches '%s': nobody is enrolled for it; push again when it is there",
					       en->policy->cgroups[i]);
	}
	return r;
}

/* ---- pushing ---- */

/* What is written there has the kernel, or a process of nobody's, run a program or signal all others: no agent's business. */
#define HELPERS                                                                                                             \
	(char *)"/proc/sys/kernel/core_pattern", (char *)"/proc/sys/kernel/modprobe", (char *)"/proc/sys/kernel/hotplug",     \
		(char *)"/proc/sys/fs/binfmt_misc", (char *)"/proc/sysrq-trigger", (char *)"/sys/kernel/uevent_helper"

/* Whether a refresh has nothing to do: addresses and inodes are the same, or the policy in force under this name is another. */
static bool unchanged(const struct vantio_engine *e, const struct vantio_policy *p, const struct vantio_refreshed *found,
		      struct vantio_slot *ret)
{
	const struct vantio_resolution *res = &found->res;
	cleanup_free struct vantio_slot *slots = calloc(VANTIO_SLOTS, sizeof(*slots));
	struct vantio_error ignored = {};
	struct vantio_pushed old = {};
	bool same = false;
	size_t n = 0, i, k;

	if (!slots || vantio_engine_slots(e, slots, &n, &ignored))
		return false;
	for (i = 0; i < n && strcmp(slots[i].name, p->name); i++)
		;
	if (i < n && memcmp(slots[i].policy_hash, p->hash, sizeof(p->hash))) {
		*ret = slots[i]; /* somebody pushed another policy of this name: it is not ours to refresh any more */
		return true;
	}
	if (i == n || vantio_history_read(slots[i].gen, &old, &ignored))
		return false;
	same = old.res.n == res->n && vantio_held_same(&old.held, &found->held);
	for (k = 0; same && k < res->n; k++) {
		const struct vantio_resolved *a = &old.res.items[k], *b = &res->items[k];

		same = a->list == b->list && a->rule == b->rule && a->net.protos == b->net.protos && a->net.family == b->net.family &&
		       a->net.prefix == b->net.prefix && a->net.port_lo == b->net.port_lo && a->net.port_hi == b->net.port_hi &&
		       !memcmp(a->net.addr, b->net.addr, sizeof(a->net.addr));
	}
	vantio_pushed_free(&old);
	if (same)
		*ret = slots[i];
	return same;
}

/* A surface that the policy denies and the loaded engine cannot. */
static int check_surfaces(const struct vantio_push_request *q, struct vantio_error *err)
{
	uint32_t lost = vantio_policy_unenforced(q->policy);
	char names[256];

	if (!lost || q->allow_degraded)
		return 0;
	vantio_hooks_spell(lost, names, sizeof(names));
	return vantio_fail(err, EOPNOTSUPP, "this kernel cannot deny %s, as it has no LSM hook '%s': write \"allow\" for it into [kernel] of the policy, or "
			   "push with --allow-degraded, and the record of the push says what is not enforced", names, vantio_hooks_first(lost));
}

int vantio_session_push(struct vantio_engine *e, const struct vantio_push_request *q, struct vantio_slot *ret, size_t *ret_enrolled,
			struct vantio_diagnostics *diags, struct vantio_error *err)
{
	struct vantio_resolve_options options = { .resolver = vantio_resolver_system, .resolv_conf = VANTIO_RESOLV_CONF, .at_once = true };
	cleanup_resolution struct vantio_resolution res = {};
	struct enrolment en = { .e = e, .policy = q->policy, .err = err };
	cleanup_free char *ledger = vantio_path_to_be(q->ledger_dir); /* it may be made only after this push */
	char *protect[] = { (char *)"/run/vantio", ledger, HELPERS };
	int r = 0;

	if (!ledger)
		r = vantio_fail(err, errno, "cannot tell where the ledger '%s' is, which no agent may reach: %s", q->ledger_dir, strerror(errno));
	if (!r)
		r = check_surfaces(q, err);
	if (!r && q->refresh && unchanged(e, q->policy, q->refresh, ret))
		return 0;
	if (!r && !q->refresh && q->policy->names_hosts)
		r = vantio_resolve_policy(q->policy, &options, &res, diags, err);
	if (!r)
		r = vantio_engine_push(e, q->policy, q->text, q->len, q->workdir, q->refresh ? &q->refresh->res : &res,
				       q->refresh ? &q->refresh->held : NULL, protect, VANTIO_ARRAY_SIZE(protect), ret, err);
	if (r)
		return r;
	en.slot = ret->slot;
	r = enrol_policy(&en, diags);
	if (!r)
		*ret_enrolled = en.enrolled;
	return r;
}

int vantio_session_drain(const struct vantio_engine *e, const char *ledger_dir, struct vantio_error *err)
{
	struct vantio_pump *p = NULL;
	int r = vantio_pump_open(e, ledger_dir, &p, err);

	if (r == -EBUSY)
		return 0;
	if (!r)
		r = vantio_pump_flush(p, err);
	vantio_pump_close(p);
	return r ? r : 1;
}
