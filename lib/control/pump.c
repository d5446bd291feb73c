// SPDX-License-Identifier: Apache-2.0
#include "control/pump.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

struct vantio_pump {
	const struct vantio_engine *e; /* borrowed */
	struct vantio_ledger *ledger; /* owned */
	struct vantio_drain *drain;   /* owned */
	size_t staged;
	int64_t since_ms; /* of the first event of the batch */
	int64_t flush_ms; /* when repeats are to be told; 0: none can be open, for each begins with an event */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int vantio_pump_open(const struct vantio_engine *e, const char *ledger_dir, struct vantio_pump **ret, struct vantio_error *err)
{
	struct vantio_pump *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return vantio_fail(err, ENOMEM, "out of memory");
	p->e = e;
	p->flush_ms = now_ms(); /* what the process before left */
	r = vantio_ledger_open(ledger_dir, &p->ledger, err);
	if (!r)
		r = vantio_drain_open(e, p->ledger, &p->drain, err);
	if (r) {
		vantio_pump_close(p);
		return r;
	}
	*ret = p;
	return 0;
}

void vantio_pump_close(struct vantio_pump *p)
{
	if (!p)
		return;
	vantio_drain_close(p->drain);
	vantio_ledger_close(p->ledger);
	free(p);
}

struct vantio_ledger *vantio_pump_ledger(struct vantio_pump *p)
{
	return p->ledger;
}

void vantio_pump_set_watch(struct vantio_pump *p, vantio_drain_watch *watch, void *arg)
{
	vantio_drain_set_watch(p->drain, watch, arg);
}

static int64_t until_ms(int64_t when)
{
	int64_t left = when - now_ms();

	return left > 0 ? left : 0;
}

static int64_t left_ms(const struct vantio_pump *p)
{
	return until_ms(p->since_ms + VANTIO_PUMP_AGE_MS);
}

void vantio_pump_prepare(const struct vantio_pump *p, int *ret_fd, int *ret_timeout_ms)
{
	int64_t left = p->staged ? left_ms(p) : -1;

	if (p->flush_ms && (left < 0 || until_ms(p->flush_ms) < left))
		left = until_ms(p->flush_ms);
	/* What was staged is not released yet and would keep the descriptor readable: an open batch waits for its time alone. */
	*ret_fd = p->staged ? -1 : vantio_drain_fd(p->drain);
	*ret_timeout_ms = (int)left;
}

/* Repeats whose time is over go to the ring, to be staged with the rest; asked again for as long as some are open. */
static int flush_repeats(struct vantio_pump *p, bool all, uint32_t *ret_waiting, struct vantio_error *err)
{
	int r = vantio_engine_flush(p->e, all, ret_waiting, err);

	p->flush_ms = *ret_waiting ? now_ms() + VANTIO_PUMP_REPEAT_MS : 0;
	return r;
}

static int commit(struct vantio_pump *p, struct vantio_error *err)
{
	int r = vantio_drain_gap(p->drain, err);

	if (r >= 0)
		r = vantio_drain_commit(p->drain, err);
	p->staged = 0;
	return r;
}

static int stage(struct vantio_pump *p, size_t max, struct vantio_error *err)
{
	int n = vantio_drain_stage(p->drain, max, err);

	if (n > 0 && !p->flush_ms)
		p->flush_ms = now_ms() + VANTIO_PUMP_REPEAT_MS;
	return n;
}

/* A full batch: more waits, likely, and is staged while this one is made durable. */
static int submit(struct vantio_pump *p, struct vantio_error *err)
{
	int r = vantio_drain_gap(p->drain, err);

	if (r >= 0)
		r = vantio_drain_submit(p->drain, err);
	p->staged = 0;
	return r;
}

int vantio_pump_turn(struct vantio_pump *p, struct vantio_error *err)
{
	uint32_t open = 0;
	bool under_way = false;
	int n, r = p->flush_ms && !until_ms(p->flush_ms) ? flush_repeats(p, false, &open, err) : 0;

	if (!r)
		r = vantio_drain_settle(p->drain, &under_way, err);
	if (r)
		return r;
	n = stage(p, VANTIO_PUMP_BATCH - p->staged, err);
	if (n < 0)
		return n;
	if (!p->staged && n)
		p->since_ms = now_ms();
	p->staged += (size_t)n;
	if (p->staged == VANTIO_PUMP_BATCH)
		return submit(p, err);
	/* Nothing to do but to wait for the batch that is under way: its events keep the ring's descriptor readable. */
	if (!p->staged)
		return under_way ? commit(p, err) : 0;
	return left_ms(p) && !(under_way && vantio_drain_crowded(p->drain)) ? 0 : commit(p, err);
}

/* Repeats find room only as the ring is emptied: they are flushed before each batch. */
int vantio_pump_flush(struct vantio_pump *p, struct vantio_error *err)
{
	uint32_t waiting = 0;
	int n, r;

	do {
		r = flush_repeats(p, true, &waiting, err);
		if (r)
			return r;
		n = stage(p, VANTIO_PUMP_BATCH, err);
		if (n < 0)
			return n;
		r = commit(p, err);
	} while (!r && n && (n == VANTIO_PUMP_BATCH || waiting));
	return r;
}

int vantio_pump_rotate(struct vantio_pump *p, struct vantio_rotation *ret, struct vantio_error *err)
{
	int r = commit(p, err);

	return r ? r : vantio_ledger_rotate(p->ledger, ret, err);
}
