// SPDX-License-Identifier: Apache-2.0
/* Descriptors to what is pinned, and the small things that need nothing else. */
#include "engine/engine.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "engine/internal.h"

static int not_permitted(const char *path, struct vantio_error *err)
{
	return vantio_fail(err, EPERM, "not permitted to use the engine (%s): run as root", path);
}

int vantio_engine_lock(int *ret, struct vantio_error *err)
{
	cleanup_close int fd = -1;
	int r = vantio_make_dirs("/run/vantio", 0700, err);

	if (r == -EACCES || r == -EPERM)
		return not_permitted("/run/vantio", err);
	if (r)
		return r;
	fd = open("/run/vantio/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return not_permitted("/run/vantio/lock", err);
	if (fd < 0)
		return vantio_fail(err, errno, "cannot open /run/vantio/lock: %s", strerror(errno));
	while (flock(fd, LOCK_EX))
		if (errno != EINTR)
			return vantio_fail(err, errno, "cannot lock /run/vantio/lock: %s", strerror(errno));
	*ret = vantio_take_fd(&fd);
	return 0;
}

void vantio_engine_close(struct vantio_engine *e)
{
	int *fds[] = { &e->labels, &e->control, &e->agents, &e->cgroups, &e->policies, &e->ring, &e->counts,
		       &e->repeats, &e->accounted, &e->limits, &e->staging, &e->emit, &e->flush, &e->inode_of, &e->lock };
	size_t i;

	for (i = 0; i < VANTIO_ARRAY_SIZE(fds); i++) {
		vantio_close_fd(fds[i]);
		*fds[i] = -1;
	}
}

/* A map of another size belongs to another version. */
static int check_map(int fd, const char *name, uint32_t value_size, struct vantio_error *err)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return vantio_fail(err, errno, "cannot look at the pinned map %s: %s", name, strerror(errno));
	if (info.value_size != value_size)
		return vantio_fail(err, EPROTO, "the engine that is loaded is of another version (map %s); run 'vantioctl unload' with that version, "
				   "or reboot", name);
	return 0;
}

static int open_pins(struct vantio_engine *e, struct vantio_error *err)
{
	const struct {
		int *fd;
		const char *name;
	} programs[] = { { &e->emit, "vantio_emit_control" }, { &e->flush, "vantio_flush" }, { &e->inode_of, "vantio_inode_of" } };
	const struct {
		int *fd;
		const char *name;
		uint32_t value_size;
	} maps[] = {
		{ &e->control, "vantio_control", sizeof(struct vantio_control) },
		{ &e->labels, "vantio_labels", sizeof(struct vantio_label) },
		{ &e->agents, "vantio_agents", sizeof(struct vantio_agent) },
		{ &e->cgroups, "vantio_cgroups", sizeof(uint32_t) },
		{ &e->policies, "vantio_policies", sizeof(uint32_t) },
		{ &e->ring, "vantio_ring", 0 },
		{ &e->counts, "vantio_counts", sizeof(struct vantio_counts) },
		{ &e->repeats, "vantio_repeats", sizeof(struct vantio_repeat) },
		{ &e->accounted, "vantio_accounted", sizeof(uint64_t) },
		{ &e->limits, "vantio_limits", sizeof(struct vantio_limit_count) },
		{ &e->staging, "vantio_staging", sizeof(struct vantio_control_event) },
	};
	char path[128];
	size_t i;
	int r;

	for (i = 0; i < VANTIO_ARRAY_SIZE(maps); i++) {
		snprintf(path, sizeof(path), "%s/maps/%s", VANTIO_PINS, maps[i].name);
		*maps[i].fd = bpf_obj_get(path);
		if (*maps[i].fd < 0 && errno == ENOENT)
			return vantio_fail(err, ENOENT, "no engine is loaded; 'vantioctl enforce' or 'vantioctl load' loads it");
		if (*maps[i].fd < 0 && (errno == EPERM || errno == EACCES))
			return not_permitted(path, err);
		if (*maps[i].fd < 0)
			return vantio_fail(err, errno, "cannot open %s: %s", path, strerror(errno));
		r = check_map(*maps[i].fd, maps[i].name, maps[i].value_size, err);
		if (r)
			return r;
	}
	for (i = 0; i < VANTIO_ARRAY_SIZE(programs); i++) {
		snprintf(path, sizeof(path), "%s/progs/%s", VANTIO_PINS, programs[i].name);
		*programs[i].fd = bpf_obj_get(path);
		if (*programs[i].fd < 0 && errno == ENOENT)
			return vantio_fail(err, EPROTO, "the engine that is loaded is of another version (program %s); run 'vantioctl unload' with that version, "
					   "or reboot", programs[i].name);
		if (*programs[i].fd < 0)
			return vantio_fail(err, errno, "cannot open %s: %s", path, strerror(errno));
	}
	return 0;
}

int vantio_engine_open(bool change, struct vantio_engine *ret, struct vantio_error *err)
{
	struct vantio_engine e = VANTIO_ENGINE_INIT;
	int r = 0;

	if (change)
		r = vantio_engine_lock(&e.lock, err);
	if (!r)
		r = open_pins(&e, err);
	if (r) {
		vantio_engine_close(&e);
		return r;
	}
	*ret = e;
	return 0;
}

int vantio_engine_relock(struct vantio_engine *e, struct vantio_error *err)
{
	return e->lock >= 0 ? 0 : vantio_engine_lock(&e->lock, err);
}

void vantio_engine_unlock(struct vantio_engine *e)
{
	vantio_close_fd(&e->lock);
	e->lock = -1;
}

int vantio_engine_control(const struct vantio_engine *e, struct vantio_control *ret, struct vantio_error *err)
{
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(e->control, &zero, ret))
		return vantio_fail(err, errno, "cannot read the engine's control word: %s", strerror(errno));
	return 0;
}

int vantio_engine_set_control(const struct vantio_engine *e, const struct vantio_control *control, struct vantio_error *err)
{
	uint32_t zero = 0;

	if (bpf_map_update_elem(e->control, &zero, control, BPF_ANY))
		return vantio_fail(err, errno, "cannot write the engine's control word: %s", strerror(errno));
	return 0;
}

int vantio_engine_set_audit(const struct vantio_engine *e, bool audit, struct vantio_error *err)
{
	struct vantio_control control;
	int r = vantio_engine_control(e, &control, err);

	if (r)
		return r;
	control.audit = audit;
	return vantio_engine_set_control(e, &control, err);
}

int vantio_engine_counts(const struct vantio_engine *e, struct vantio_counts *ret, struct vantio_error *err)
{
	int cpus = libbpf_num_possible_cpus(), i;
	cleanup_free struct vantio_counts *values = calloc((size_t)(cpus > 0 ? cpus : 1), sizeof(*values));
	struct vantio_counts sum = {};
	uint32_t zero = 0;
	size_t k;

	if (!values)
		return vantio_fail(err, ENOMEM, "out of memory");
	if (bpf_map_lookup_elem(e->counts, &zero, values))
		return vantio_fail(err, errno, "cannot read the engine's counters: %s", strerror(errno));
	for (i = 0; i < cpus; i++) {
		sum.events += values[i].events;
		sum.decisions += values[i].decisions;
		sum.merged += values[i].merged;
		sum.lost += values[i].lost;
		for (k = 0; k < VANTIO_LOSS_MAX; k++)
			sum.lost_by[k] += values[i].lost_by[k];
	}
	*ret = sum;
	return 0;
}

int vantio_engine_flush(const struct vantio_engine *e, bool all, uint32_t *ret_waiting, struct vantio_error *err)
{
	struct vantio_flush f = { .all = all };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &f, .ctx_size_in = sizeof(f)); /* and out: the kernel writes it back */

	if (bpf_prog_test_run_opts(e->flush, &opts))
		return vantio_fail(err, errno, "cannot end the counts of repeated refusals: %s", strerror(errno));
	if (ret_waiting)
		*ret_waiting = f.waiting;
	return 0;
}

int vantio_engine_note(struct vantio_engine *e, enum vantio_op op, enum vantio_decision decision, uint32_t agent, uint64_t gen,
		       const char *text, struct vantio_error *err)
{
	struct vantio_control_event staged = {};
	struct vantio_event *ev = &staged.event;
	struct vantio_agent a = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	size_t len = strlen(text);
	uint32_t zero = 0;

	if (len > VANTIO_STAGED_TEXT)
		len = VANTIO_STAGED_TEXT;
	if (agent && vantio_agent_read(e, agent, &a, err))
		return -err->code;
	ev->size = (uint32_t)(sizeof(*ev) + len);
	ev->version = VANTIO_ABI_VERSION;
	ev->hook = VANTIO_HOOK_CONTROL;
	ev->op = (uint8_t)op;
	ev->decision = (uint8_t)decision;
	ev->reason = VANTIO_REASON_CONTROL;
	ev->object = VANTIO_OBJECT_TARGET;
	ev->flags = VANTIO_EVENT_ENFORCED;
	ev->gen = gen;
	ev->agent = agent;
	ev->instance = a.instance;
	ev->slot = a.slot;
	ev->trace_id = a.trace_id;
	ev->cgroup_id = a.cgroup_id;
	memcpy(ev->agent_name, a.name, sizeof(ev->agent_name));
	ev->pid = ev->tid = (uint32_t)getpid();
	ev->ppid = (uint32_t)getppid();
	ev->uid = getuid();
	ev->gid = getgid();
	ev->syscall_nr = -1;
	ev->count = 1;
	ev->path_len = (uint16_t)len;
	memcpy(ev->comm, "vantioctl", 10);
	memcpy(staged.text, text, len);
	if (bpf_map_update_elem(e->staging, &zero, &staged, BPF_ANY))
		return vantio_fail(err, errno, "cannot stage a record: %s", strerror(errno));
	if (bpf_prog_test_run_opts(e->emit, &opts) || opts.retval)
		return vantio_fail(err, ENOBUFS, "the event buffer is full: the record of this step was counted as lost; start 'vantioctl enforce' to drain it");
	return 0;
}
