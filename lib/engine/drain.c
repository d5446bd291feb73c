// SPDX-License-Identifier: Apache-2.0
#include "engine/drain.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/ring.h"
#include "engine/translate.h"
#include "record/sink.h"

struct vantio_drain {
	const struct vantio_engine *e;   /* borrowed */
	struct vantio_ledger *ledger;    /* borrowed */
	struct vantio_ring *ring;        /* owned */
	struct vantio_translator translator;
	unsigned int n_cpus;
	uint64_t *accounted; /* owned: per CPU, losses that staged records have told of */
	uint64_t *durable;   /* owned: the same, of committed records */
	uint64_t end;        /* the leaf behind the last staged record */
	struct {
		bool waiting;
		uint64_t end;
		unsigned long position; /* of the ring */
		uint64_t *accounted;    /* owned: as above, when it was submitted */
	} flight; /* what was submitted and not yet given back */
	bool halted[VANTIO_AGENTS];              /* by a limit, to be frozen */
	uint32_t halted_instance[VANTIO_AGENTS];
	bool any_halted;
	uint64_t malformed;  /* events that could not be read since the last record: told as lost */
	struct vantio_error error; /* of the last append */
	vantio_drain_watch *watch;
	void *watch_arg;
};

static int append(struct vantio_drain *d, struct vantio_record *r)
{
	int n = vantio_ledger_append(d->ledger, r, &d->error);

	if (!n)
		d->end = r->leaf + 1;
	if (!n && d->watch)
		d->watch(r, d->watch_arg);
	return n;
}

/* Losses on the event's CPU that nothing has told of yet. */
static uint64_t losses_before(struct vantio_drain *d, const struct vantio_event *e)
{
	uint64_t lost = d->malformed;

	d->malformed = 0;
	if (e->cpu < d->n_cpus && e->lost > d->accounted[e->cpu]) {
		lost += e->lost - d->accounted[e->cpu];
		d->accounted[e->cpu] = e->lost;
	}
	return lost;
}

/* A limit halted the agent inside the kernel; its processes are paused from here. */
static void remember_halted(struct vantio_drain *d, const struct vantio_event *e)
{
	if (e->reason != VANTIO_REASON_LIMIT || e->decision == VANTIO_BLOCK || !(e->flags & VANTIO_EVENT_ENFORCED) || e->agent >= VANTIO_AGENTS)
		return;
	d->halted[e->agent] = true;
	d->halted_instance[e->agent] = e->instance;
	d->any_halted = true;
}

static void freeze_halted(struct vantio_drain *d)
{
	struct vantio_error ignored = {}; /* a cgroup that cannot be frozen is refused everything all the same */
	uint32_t i;

	if (!d->any_halted)
		return;
	for (i = 1; i < VANTIO_AGENTS; i++)
		if (d->halted[i])
			vantio_agent_freeze(d->e, i, d->halted_instance[i], &ignored);
	memset(d->halted, 0, sizeof(d->halted));
	d->any_halted = false;
}

static int stage_event(struct vantio_drain *d, const void *bytes, size_t len)
{
	struct vantio_event_view v;
	struct vantio_error ignored = {};
	struct vantio_record r;

	if (vantio_event_parse(bytes, len, &v, &ignored)) {
		d->malformed++;
		return 0;
	}
	remember_halted(d, v.event);
	vantio_translate(&d->translator, &v, &r);
	r.lost_before = losses_before(d, v.event);
	return append(d, &r);
}

static int read_accounted(struct vantio_drain *d, struct vantio_error *err)
{
	uint32_t i;

	for (i = 0; i < d->n_cpus; i++) {
		if (bpf_map_lookup_elem(d->e->accounted, &i, &d->accounted[i]))
			return vantio_fail(err, errno, "cannot read the engine's loss counters: %s", strerror(errno));
		d->durable[i] = d->accounted[i];
	}
	return 0;
}

int vantio_drain_open(const struct vantio_engine *e, struct vantio_ledger *ledger, struct vantio_drain **ret, struct vantio_error *err)
{
	struct vantio_drain *d = calloc(1, sizeof(*d));
	int cpus = libbpf_num_possible_cpus(), r = 0;

	if (!d)
		return vantio_fail(err, ENOMEM, "out of memory");
	d->e = e;
	d->ledger = ledger;
	d->n_cpus = cpus > 0 ? (unsigned int)cpus : 1;
	d->accounted = calloc(d->n_cpus, sizeof(*d->accounted));
	d->durable = calloc(d->n_cpus, sizeof(*d->durable));
	d->flight.accounted = calloc(d->n_cpus, sizeof(*d->flight.accounted));
	if (!d->accounted || !d->durable || !d->flight.accounted)
		r = vantio_fail(err, ENOMEM, "out of memory");
	if (!r)
		r = read_accounted(d, err);
	if (!r)
		r = vantio_ring_open(e->ring, &d->ring, err);
	if (r) {
		vantio_drain_close(d);
		return r;
	}
	*ret = d;
	return 0;
}

void vantio_drain_close(struct vantio_drain *d)
{
	if (!d)
		return;
	vantio_ring_close(d->ring);
	vantio_translator_clear(&d->translator);
	free(d->accounted);
	free(d->durable);
	free(d->flight.accounted);
	free(d);
}

void vantio_drain_set_watch(struct vantio_drain *d, vantio_drain_watch *watch, void *arg)
{
	d->watch = watch;
	d->watch_arg = arg;
}

int vantio_drain_fd(const struct vantio_drain *d)
{
	return d->e->ring;
}

int vantio_drain_stage(struct vantio_drain *d, size_t max, struct vantio_error *err)
{
	const void *bytes;
	size_t n, len;

	for (n = 0; n < max && (bytes = vantio_ring_next(d->ring, &len)); n++)
		if (stage_event(d, bytes, len)) {
			*err = d->error;
			return -err->code;
		}
	freeze_halted(d);
	return (int)n;
}

/* These events, and the losses that they and those before told of, are in the ledger for good. */
static int give_back(struct vantio_drain *d, unsigned long position, const uint64_t *accounted, struct vantio_error *err)
{
	uint32_t i;

	d->flight.waiting = false;
	vantio_ring_release(d->ring, position);
	for (i = 0; i < d->n_cpus; i++) {
		if (d->durable[i] == accounted[i])
			continue;
		if (bpf_map_update_elem(d->e->accounted, &i, &accounted[i], BPF_ANY))
			return vantio_fail(err, errno, "cannot write the engine's loss counters: %s", strerror(errno));
		d->durable[i] = accounted[i];
	}
	return 0;
}

int vantio_drain_commit(struct vantio_drain *d, struct vantio_error *err)
{
	int r = vantio_ledger_commit(d->ledger, err);

	return r ? r : give_back(d, vantio_ring_position(d->ring), d->accounted, err);
}

int vantio_drain_settle(struct vantio_drain *d, bool *ret_waiting, struct vantio_error *err)
{
	int r = 0;

	if (d->flight.waiting && vantio_ledger_size(d->ledger) >= d->flight.end)
		r = give_back(d, d->flight.position, d->flight.accounted, err);
	*ret_waiting = d->flight.waiting;
	return r;
}

int vantio_drain_submit(struct vantio_drain *d, struct vantio_error *err)
{
	bool waiting;
	/* Returns when the batch before is durable. */
	int r = vantio_ledger_submit(d->ledger, err);

	if (!r)
		r = vantio_drain_settle(d, &waiting, err);
	if (r)
		return r;
	d->flight.waiting = true;
	d->flight.end = d->end;
	d->flight.position = vantio_ring_position(d->ring);
	memcpy(d->flight.accounted, d->accounted, d->n_cpus * sizeof(*d->accounted));
	return 0;
}

bool vantio_drain_crowded(const struct vantio_drain *d)
{
	return vantio_ring_waiting(d->ring) > vantio_ring_size(d->ring) / 2;
}

int vantio_drain_gap(struct vantio_drain *d, struct vantio_error *err)
{
	cleanup_free struct vantio_counts *counts = calloc(d->n_cpus, sizeof(*counts));
	uint64_t lost = d->malformed;
	struct vantio_record r = {};
	struct timespec now;
	uint32_t zero = 0;
	unsigned int i;

	if (!counts)
		return vantio_fail(err, ENOMEM, "out of memory");
	if (bpf_map_lookup_elem(d->e->counts, &zero, counts))
		return vantio_fail(err, errno, "cannot read the engine's counters: %s", strerror(errno));
	for (i = 0; i < d->n_cpus; i++)
		if (counts[i].lost > d->accounted[i]) {
			lost += counts[i].lost - d->accounted[i];
			d->accounted[i] = counts[i].lost;
		}
	if (!lost)
		return 0;
	d->malformed = 0;
	clock_gettime(CLOCK_BOOTTIME, &now);
	r.mono_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	r.tier = "kernel";
	r.agent = r.agent_svid = r.policy = "";
	r.hook = vantio_hook_name(VANTIO_HOOK_CONTROL);
	r.op = vantio_op_name(VANTIO_OP_GAP);
	r.syscall_nr = -1;
	r.rule = "control";
	r.decision = VANTIO_BLOCK; /* what was lost is not known to have been permitted */
	r.enforced = 1;
	r.count = 1;
	r.lost_before = lost;
	r.pid = r.tid = (uint32_t)getpid();
	r.uid = getuid();
	r.gid = getgid();
	r.object = VANTIO_OBJECT_TARGET;
	r.path = "events lost";
	r.path_len = strlen(r.path);
	r.comm = "vantioctl";
	r.comm_len = 9;
	if (append(d, &r)) {
		*err = d->error;
		return -err->code;
	}
	return 1;
}
