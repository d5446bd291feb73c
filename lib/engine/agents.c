// SPDX-License-Identifier: Apache-2.0
/*
 * Agents: which processes are governed, by which policy. Enrolment is complete when vantio_agent_enroll() returns: newcomers are
 * labelled by the kernel programs from the moment the cgroup is in the map, those that were there before are labelled by pidfd
 * until a pass finds nobody new.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "engine/cgroup.h"
#include "engine/internal.h"

int vantio_agent_read(const struct vantio_engine *e, uint32_t agent, struct vantio_agent *ret, struct vantio_error *err)
{
	if (agent == 0 || agent >= VANTIO_AGENTS || bpf_map_lookup_elem(e->agents, &agent, ret))
		return vantio_fail(err, ENOENT, "there is no agent %u", agent);
	ret->name[sizeof(ret->name) - 1] = '\0';
	return 0;
}

uint32_t vantio_agent_find(const struct vantio_engine *e, const char *name)
{
	struct vantio_agent a;
	struct vantio_error ignored = {};
	uint32_t i;

	for (i = 1; i < VANTIO_AGENTS; i++)
		if (!vantio_agent_read(e, i, &a, &ignored) && a.state != VANTIO_AGENT_FREE && !strcmp(a.name, name))
			return i;
	return 0;
}

int vantio_agent_write(const struct vantio_engine *e, uint32_t agent, const struct vantio_agent *a, struct vantio_error *err)
{
	if (bpf_map_update_elem(e->agents, &agent, a, BPF_ANY))
		return vantio_fail(err, errno, "cannot write agent %u: %s", agent, strerror(errno));
	return 0;
}

/* ---- labels ---- */

struct labelling {
	struct vantio_engine *e;
	struct vantio_label label;
	struct vantio_error *err;
	unsigned int fresh; /* labelled in this pass */
};

/* 0 also for a process that has gone. */
static int label_process(pid_t pid, void *arg)
{
	struct labelling *l = arg;
	struct vantio_label old;
	struct vantio_agent owner;
	struct vantio_error ignored = {};
	cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0) {
		if (errno == ESRCH || errno == EINVAL)
			return 0;
		return vantio_fail(l->err, errno, "cannot open process %d: %s", (int)pid, strerror(errno));
	}
	if (!bpf_map_lookup_elem(l->e->labels, &fd, &old)) {
		if (old.agent == l->label.agent && old.instance == l->label.instance)
			return 0;
		if (!vantio_agent_read(l->e, old.agent, &owner, &ignored) && owner.state != VANTIO_AGENT_FREE &&
		    owner.instance == old.instance)
			return 0; /* the first agent keeps its processes */
	}
	if (bpf_map_update_elem(l->e->labels, &fd, &l->label, BPF_ANY)) {
		if (errno == ESRCH || errno == ENOENT)
			return 0;
		return vantio_fail(l->err, errno, "cannot label process %d: %s", (int)pid, strerror(errno));
	}
	l->fresh++;
	return 0;
}

static int parent_of(pid_t pid)
{
	char path[64], text[512], *after;
	struct vantio_error ignored = {};
	int ppid;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (vantio_read_pseudo(AT_FDCWD, path, text, sizeof(text), &ignored))
		return -1;
	after = strrchr(text, ')'); /* the name may hold anything */
	return after && sscanf(after + 1, " %*c %d", &ppid) == 1 ? ppid : -1;
}

/* A process and its descendants: labelled parents first, again until a pass finds nobody new (a labelled parent's children
 * are labelled by the kernel from then on). */
static int label_tree(struct labelling *l, pid_t root)
{
	int r = label_process(root, l);

	while (!r) {
		cleanup_dir DIR *proc = opendir("/proc");
		struct dirent *entry;

		if (!proc)
			return vantio_fail(l->err, errno, "cannot list /proc: %s", strerror(errno));
		l->fresh = 0;
		while (!r && (entry = readdir(proc))) {
			pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
			int up = pid > 0 ? parent_of(pid) : -1, hops = 0;

			while (up > 1 && up != root && hops++ < 256)
				up = parent_of(up);
			if (up == root)
				r = label_process(pid, l);
		}
		if (!l->fresh)
			break;
	}
	return r;
}

static int label_existing(struct labelling *l, int cgroup_fd, pid_t pid)
{
	int r;

	if (cgroup_fd < 0)
		return label_tree(l, pid);
	do {
		l->fresh = 0;
		r = vantio_cgroup_each_process(cgroup_fd, label_process, l, l->err);
	} while (!r && l->fresh);
	return r;
}

/* ---- the programs behind the socket hooks ---- */

static const struct {
	const char *prog;
	enum bpf_attach_type type;
} cgroup_programs[] = {
	{ "vantio_cgroup_connect4", BPF_CGROUP_INET4_CONNECT },
	{ "vantio_cgroup_connect6", BPF_CGROUP_INET6_CONNECT },
	{ "vantio_cgroup_sendmsg4", BPF_CGROUP_UDP4_SENDMSG },
	{ "vantio_cgroup_sendmsg6", BPF_CGROUP_UDP6_SENDMSG },
	{ "vantio_cgroup_skb", BPF_CGROUP_INET_EGRESS },
};

static void link_path(char out[160], uint32_t agent, const char *prog)
{
	snprintf(out, 160, "%s/links/agent%u_%s", VANTIO_PINS, agent, prog);
}

static void detach_cgroup(uint32_t agent)
{
	char path[160];
	size_t i;

	for (i = 0; i < VANTIO_ARRAY_SIZE(cgroup_programs); i++) {
		link_path(path, agent, cgroup_programs[i].prog);
		unlink(path);
	}
}

static int attach_cgroup(uint32_t agent, int cgroup_fd, struct vantio_error *err)
{
	char path[160];
	size_t i;

	for (i = 0; i < VANTIO_ARRAY_SIZE(cgroup_programs); i++) {
		cleanup_close int prog = -1, link = -1;

		snprintf(path, sizeof(path), "%s/progs/%s", VANTIO_PINS, cgroup_programs[i].prog);
		prog = bpf_obj_get(path);
		if (prog < 0)
			return vantio_fail(err, errno, "cannot open %s: %s", path, strerror(errno));
		link = bpf_link_create(prog, cgroup_fd, cgroup_programs[i].type, NULL);
		if (link < 0)
			return vantio_fail(err, errno, "cannot attach %s to the cgroup: %s", cgroup_programs[i].prog, strerror(errno));
		link_path(path, agent, cgroup_programs[i].prog);
		if (bpf_obj_pin(link, path))
			return vantio_fail(err, errno, "cannot pin %s: %s", path, strerror(errno));
	}
	return 0;
}

/* ---- enrolment ---- */

static bool name_ok(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return len && len < VANTIO_NAME_MAX && !name[len];
}

static int free_agent(const struct vantio_engine *e, uint32_t *ret, struct vantio_agent *ret_old, struct vantio_error *err)
{
	uint32_t i;

	for (i = 1; i < VANTIO_AGENTS; i++) {
		if (vantio_agent_read(e, i, ret_old, err))
			return -err->code;
		if (ret_old->state == VANTIO_AGENT_FREE) {
			*ret = i;
			return 0;
		}
	}
	return vantio_fail(err, ENOSPC, "%d agents are enrolled already: remove some with 'vantioctl agent remove'", VANTIO_AGENTS - 1);
}

static int fill_agent(const struct vantio_engine *e, const struct vantio_enroll *what, struct vantio_agent *a, struct vantio_error *err)
{
	struct timespec now;
	uint32_t instance = a->instance;

	(void)e;
	if (!name_ok(what->name))
		return vantio_fail(err, EINVAL, "'%s' is no agent name: 1 to 63 of a-z 0-9 . _ -", what->name);
	memset(a, 0, sizeof(*a));
	a->state = VANTIO_AGENT_ENROLLED;
	a->slot = what->slot;
	a->instance = instance + 1;
	a->flags = what->flags;
	a->trace_id = what->trace_id;
	while (!a->trace_id)
		randombytes_buf(&a->trace_id, sizeof(a->trace_id));
	clock_gettime(CLOCK_BOOTTIME, &now);
	a->since_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	memcpy(a->name, what->name, strlen(what->name) + 1);
	return 0;
}

/* A new agent begins with nothing counted. */
static int clear_limits(const struct vantio_engine *e, uint32_t agent, struct vantio_error *err)
{
	const struct vantio_limit_count none = {};
	uint32_t key = agent * VANTIO_LIMIT_MAX, i;

	for (i = 0; i < VANTIO_LIMIT_MAX; i++, key++)
		if (bpf_map_update_elem(e->limits, &key, &none, BPF_ANY))
			return vantio_fail(err, errno, "cannot clear the limits of agent %u: %s", agent, strerror(errno));
	return 0;
}

/* A cgroup that is enrolled already, or lies in or above one that is, would have two answers. */
static int check_cgroup_free(const struct vantio_engine *e, uint64_t id, const char *path, struct vantio_error *err)
{
	uint32_t agent;
	struct vantio_agent a;

	if (bpf_map_lookup_elem(e->cgroups, &id, &agent))
		return 0;
	if (vantio_agent_read(e, agent, &a, err))
		return -err->code;
	return vantio_fail(err, EEXIST, "the cgroup %s is enrolled already, as agent '%s'", path, a.name);
}

/* Whoever enrols would govern itself, and could finish nothing: its next bpf(2) would be refused. */
static int check_not_ourselves(const struct vantio_enroll *what, const char *path, struct vantio_error *err)
{
	char text[4200], *own;
	size_t len = path ? strlen(path) : 0;
	int up, hops = 0;

	if (!path) {
		for (up = getpid(); up > 1 && up != what->pid && hops < 256; hops++)
			up = parent_of(up);
		if (up == what->pid)
			return vantio_fail(err, EINVAL, "process %d runs this very command: enrol it from elsewhere", what->pid);
		return 0;
	}
	if (vantio_read_pseudo(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text), err))
		return -err->code;
	own = strstr(text, "0::");
	if (!own)
		return 0;
	own += 3;
	own[strcspn(own, "\n")] = '\0';
	if (!strcmp(path, "/") || (!strncmp(own, path, len) && (!own[len] || own[len] == '/')))
		return vantio_fail(err, EINVAL, "the cgroup %s holds this very command: enrol it from elsewhere, or enrol one below it", path);
	return 0;
}

static int note_enrolment(struct vantio_engine *e, uint32_t agent, const struct vantio_enroll *what, const char *path)
{
	struct vantio_error ignored = {};
	char text[1200];

	if (path)
		snprintf(text, sizeof(text), "cgroup %.1000s", path);
	else
		snprintf(text, sizeof(text), "pid %d", what->pid);
	return vantio_engine_note(e, VANTIO_OP_ENROLL, VANTIO_PERMIT, agent, 0, text, &ignored);
}

int vantio_agent_enroll(struct vantio_engine *e, const struct vantio_enroll *what, uint32_t *ret_agent, struct vantio_error *err)
{
	cleanup_free char *path = NULL;
	cleanup_close int cgroup = -1;
	struct labelling l = { .e = e, .err = err };
	struct vantio_agent a;
	uint32_t agent;
	int r;

	if (sodium_init() < 0)
		return vantio_fail(err, EIO, "libsodium cannot start");
	if (vantio_agent_find(e, what->name))
		return vantio_fail(err, EEXIST, "an agent named '%s' is enrolled already; choose another --name", what->name);
	if (what->cgroup) {
		r = vantio_cgroup_open(what->cgroup, &cgroup, &path, err);
		if (r)
			return r;
	} else if (parent_of(what->pid) < 0) {
		return vantio_fail(err, ESRCH, "there is no process %d", what->pid);
	}
	r = check_not_ourselves(what, path, err);
	if (!r)
		r = free_agent(e, &agent, &a, err);
	if (!r)
		r = fill_agent(e, what, &a, err);
	if (!r && cgroup >= 0)
		r = vantio_cgroup_id(cgroup, &a.cgroup_id, err);
	if (!r && cgroup >= 0)
		r = check_cgroup_free(e, a.cgroup_id, path, err);
	if (!r)
		r = clear_limits(e, agent, err);
	if (!r)
		r = vantio_agent_write(e, agent, &a, err);
	if (r)
		return r;
	l.label = (struct vantio_label){ .agent = agent, .instance = a.instance, .trace_id = a.trace_id, .cgroup_id = a.cgroup_id };
	if (cgroup >= 0) {
		if (bpf_map_update_elem(e->cgroups, &a.cgroup_id, &agent, BPF_ANY))
			r = vantio_fail(err, errno, "cannot enrol the cgroup %s: %s", path, strerror(errno));
		if (!r)
			r = attach_cgroup(agent, cgroup, err);
	}
	if (!r)
		r = label_existing(&l, cgroup, what->pid);
	if (r) {
		struct vantio_error keep = *err;

		vantio_agent_remove(e, agent, &keep);
		return r;
	}
	note_enrolment(e, agent, what, path);
	*ret_agent = agent;
	return 0;
}

int vantio_agent_remove(struct vantio_engine *e, uint32_t agent, struct vantio_error *err)
{
	struct vantio_agent a;
	struct vantio_error ignored = {};
	int r = vantio_agent_read(e, agent, &a, err);

	if (r)
		return r;
	if (a.state == VANTIO_AGENT_FREE)
		return vantio_fail(err, ENOENT, "there is no agent %u", agent);
	vantio_engine_note(e, VANTIO_OP_UNENROLL, VANTIO_PERMIT, agent, 0, a.name, &ignored);
	if (a.cgroup_id)
		bpf_map_delete_elem(e->cgroups, &a.cgroup_id);
	detach_cgroup(agent);
	a.state = VANTIO_AGENT_FREE; /* its labels are void from here on */
	return vantio_agent_write(e, agent, &a, err);
}

int vantio_tasks_list(struct vantio_task **ret, size_t *ret_n, struct vantio_error *err)
{
	cleanup_close int link = bpf_obj_get(VANTIO_PINS "/links/vantio_tasks"), iter = -1;
	cleanup_free struct vantio_task *tasks = NULL;
	size_t used = 0, cap = 64 * sizeof(*tasks);

	if (link < 0)
		return vantio_fail(err, errno, "cannot open %s/links/vantio_tasks: %s", VANTIO_PINS, strerror(errno));
	iter = bpf_iter_create(link);
	if (iter < 0)
		return vantio_fail(err, errno, "cannot list the governed tasks: %s", strerror(errno));
	tasks = malloc(cap);
	for (;;) {
		struct vantio_task *grown;
		ssize_t n;

		if (!tasks)
			return vantio_fail(err, ENOMEM, "out of memory");
		n = read(iter, (char *)tasks + used, cap - used);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return vantio_fail(err, errno, "cannot list the governed tasks: %s", strerror(errno));
		if (n == 0)
			break;
		used += (size_t)n;
		if (used < cap)
			continue;
		cap *= 2;
		grown = realloc(tasks, cap);
		if (!grown)
			return vantio_fail(err, ENOMEM, "out of memory");
		tasks = grown;
	}
	*ret_n = used / sizeof(*tasks);
	*ret = vantio_take(tasks);
	return 0;
}
