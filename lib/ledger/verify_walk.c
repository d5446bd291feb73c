// SPDX-License-Identifier: Apache-2.0
/*
 * The walk over the log: workers, one a processor, each take the next segment when they are done with one, and nobody waits for a slower
 * one; what they found is put together in the order of the log, by the thread that called.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "base/mem.h"
#include "ledger/verify.h"

/* Segments that are checked or wait for one before them: what bounds the memory. */
#define WINDOW_MAX (VANTIO_VERIFY_THREADS + 2)
#define BOOTS_MAX  (1u << 20)

/* ---- putting together ---- */

/* The root of everything combined so far and, behind it, the part of a segment. */
static void root_with(const struct vantio_verify *v, const struct vantio_merkle *part, struct vantio_hash *ret)
{
	struct vantio_merkle whole = v->tree;
	unsigned h;

	/* Sizes add up without carrying: the tree's peaks all stand above those of a segment that is not full. */
	if (part->size == VANTIO_SEGMENT_RECORDS) {
		struct vantio_error ignored;

		vantio_merkle_add(&whole, VANTIO_SEGMENT_HEIGHT, &part->peaks[VANTIO_SEGMENT_HEIGHT], NULL, NULL, &ignored);
	} else {
		for (h = 0; h < VANTIO_SEGMENT_HEIGHT; h++)
			whole.peaks[h] = part->peaks[h];
		whole.size += part->size;
	}
	vantio_merkle_root(&whole, ret);
}

static void combine_anchors(struct vantio_verify *v, const struct vantio_segment_check *c)
{
	struct vantio_hash root;
	size_t i;

	for (i = 0; i < c->n_anchors && c->at_anchor[i].size; i++) {
		root_with(v, &c->at_anchor[i], &root);
		if (vantio_hash_equal(&root, &c->anchors[i].root))
			v->anchored_size = c->anchors[i].size;
		else if (!v->anchor.found)
			vantio_finding_at(&v->anchor, v->anchored_size, "at %llu records its root is not the one of %s: its history was rewritten, "
					  "from this leaf on at the earliest", (unsigned long long)c->anchors[i].size, c->anchors[i].what);
	}
}

static int push_segment(struct vantio_verify *v, const struct vantio_hash *root, struct vantio_error *err)
{
	struct vantio_hash *grown;
	size_t n = v->n_segments;

	if (!(n & (n - 1))) {
		grown = realloc(v->segments, (n ? n * 2 : 1) * sizeof(*grown));
		if (!grown)
			return vantio_fail(err, ENOMEM, "out of memory while verifying");
		v->segments = grown;
	}
	v->segments[v->n_segments++] = *root;
	return 0;
}

/* The place of a boot among those that were seen, or the free one that is its. */
static struct vantio_run *find_boot(const struct vantio_boots *b, const struct vantio_print *boot)
{
	size_t at;

	memcpy(&at, boot->b, sizeof(at));
	for (at &= b->size - 1; b->slots[at].begun && memcmp(&b->slots[at].boot, boot, sizeof(*boot)) != 0; at = (at + 1) & (b->size - 1))
		;
	return &b->slots[at];
}

static int grow_boots(struct vantio_boots *b, struct vantio_error *err)
{
	struct vantio_boots larger = { .size = b->size ? b->size * 2 : 64, .n = b->n };
	size_t i;

	larger.slots = calloc(larger.size, sizeof(*larger.slots));
	if (!larger.slots)
		return vantio_fail(err, ENOMEM, "out of memory while verifying");
	for (i = 0; i < b->size; i++)
		if (b->slots[i].begun)
			*find_boot(&larger, &b->slots[i].boot) = b->slots[i];
	free(b->slots);
	*b = larger;
	return 0;
}

/* A boot may go on behind records of another (somebody's whose folder is shared), but never before its own. */
static int take_run(struct vantio_verify *v, const struct vantio_run *run, struct vantio_error *err)
{
	struct vantio_boots *b = &v->boots;
	struct vantio_run *known;
	int r = 0;

	if (b->n * 2 >= b->size && b->n < BOOTS_MAX)
		r = grow_boots(b, err);
	if (r < 0)
		return r;
	known = find_boot(b, &run->boot);
	if (known->begun && run->first_ns < known->last_ns)
		vantio_finding_at(&v->content, run->leaf, "its monotonic clock runs back within a boot");
	if (!known->begun && b->n == BOOTS_MAX) {
		if (!v->content.found) {
			vantio_finding_at(&v->content, run->leaf, "the machine was started more than %u times: clocks cannot be compared any more", BOOTS_MAX);
			v->content.unjudged = true;
		}
		return 0;
	}
	b->n += !known->begun;
	*known = *run;
	return 0;
}

static int combine(struct vantio_verify *v, struct vantio_segment_check *c, struct vantio_error *err)
{
	uint64_t first = c->segment << VANTIO_SEGMENT_HEIGHT, i;
	int r = 0;

	vantio_finding_merge(&v->log, &c->log);
	vantio_finding_merge(&v->content, &c->content);
	vantio_finding_merge(&v->tile, &c->tile);
	vantio_finding_merge(&v->differs, &c->differs);
	vantio_finding_merge(&v->index_off, &c->index_off);
	for (i = 0; i < c->n_runs && r == 0; i++)
		r = take_run(v, &c->runs[i], err);
	for (i = 0; !c->pass && i < c->tree.size && r == 0; i++) {
		r = vantio_dupes_add(v->dupes, &c->prints[2 * i], first + i, err);
		if (r == 0)
			r = vantio_dupes_add(v->dupes, &c->prints[2 * i + 1], first + i, err);
	}
	combine_anchors(v, c);
	v->erased += c->erased;
	v->backwards += c->backwards;
	v->lost = c->lost > UINT64_MAX - v->lost ? UINT64_MAX : v->lost + c->lost;
	if (c->last)
		v->beyond = c->beyond;
	if (c->last && !v->log.found)
		root_with(v, &c->tree, &v->root);
	if (r == 0 && c->tree.size == VANTIO_SEGMENT_RECORDS) {
		r = push_segment(v, &c->tree.peaks[VANTIO_SEGMENT_HEIGHT], err);
		if (r == 0)
			r = vantio_merkle_add(&v->tree, VANTIO_SEGMENT_HEIGHT, &c->tree.peaks[VANTIO_SEGMENT_HEIGHT], NULL, NULL, err);
	}
	return r;
}

/* ---- the workers ---- */

struct task {
	struct vantio_segment_check check;
	struct vantio_error err;
	bool done;
	int r;
};

struct crew {
	struct vantio_verify *v; /* workers touch of it, under the lock, what prepare() needs; the caller all else */
	uint64_t n_segments;
	size_t window;
	pthread_mutex_t lock;
	pthread_cond_t change;
	uint64_t next, combined; /* under the lock */
	bool ending;             /* under the lock */
	struct task *tasks;      /* owned; of segment n: tasks[n % window] */
};

static void run_task(struct task *t)
{
	t->r = t->check.pass ? vantio_segment_pass(&t->check, &t->err) : vantio_segment_verify(&t->check, &t->err);
}

/* The i-th connection; NULL where the index is not compared. */
static struct vantio_index *index_connection(struct vantio_verify *v, size_t i)
{
	struct vantio_error err = { 0 };

	if (v->report->index_checked && !v->indexes[i] && vantio_index_open_again(v->indexes[0], &v->indexes[i], &err) < 0) {
		vantio_verify_note(v, "%.250s", err.text);
		v->report->index_checked = false;
	}
	return v->report->index_checked ? v->indexes[i] : NULL;
}

static void prepare(struct vantio_verify *v, struct task *t, size_t slot, uint64_t segment, uint64_t n_segments)
{
	uint64_t first = segment << VANTIO_SEGMENT_HEIGHT, left = v->checkpoint.size - first;
	struct vantio_segment_check *c = &t->check;

	memset(t, 0, sizeof(*t));
	c->dirfd = v->dirfd;
	c->segment = segment;
	c->n = left < VANTIO_SEGMENT_RECORDS ? left : VANTIO_SEGMENT_RECORDS;
	c->last = segment + 1 == n_segments;
	c->print_key = v->print_key;
	c->index_rows = v->index_rows;
	c->pass = segment < v->first_segment || segment >= v->end_segment;
	if (first < v->index_rows && !c->pass)
		c->index = index_connection(v, slot);
	c->anchors = v->anchors + v->next_anchor;
	while (v->next_anchor < v->n_anchors && v->anchors[v->next_anchor].size <= first + c->n) {
		v->next_anchor++;
		c->n_anchors++;
	}
}

struct worker {
	struct crew *crew;
	size_t slot;
	pthread_t thread;
};

static void *work(void *arg)
{
	const struct worker *w = arg;
	struct crew *c = w->crew;
	struct task *t;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (!c->ending && c->next < c->n_segments && c->next - c->combined >= c->window)
			pthread_cond_wait(&c->change, &c->lock);
		if (c->ending || c->next == c->n_segments)
			break;
		t = &c->tasks[c->next % c->window];
		prepare(c->v, t, w->slot, c->next++, c->n_segments);
		pthread_mutex_unlock(&c->lock);
		run_task(t);
		pthread_mutex_lock(&c->lock);
		t->done = true;
		pthread_cond_broadcast(&c->change);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static void tell_progress(const struct vantio_verify *v, uint64_t segments)
{
	uint64_t done = segments < v->end_segment ? segments : v->end_segment;

	done = done > v->first_segment ? (done - v->first_segment) * VANTIO_SEGMENT_RECORDS : 0;
	if (v->opts->progress)
		v->opts->progress(v->opts->progress_ctx, done < v->report->end - v->report->first ? done : v->report->end - v->report->first,
				  v->report->end - v->report->first);
}

/* Those that this process may run on, which may be fewer than there are. */
static size_t processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : get_nprocs();

	return n < 1 ? 1 : n > VANTIO_VERIFY_THREADS ? VANTIO_VERIFY_THREADS : (size_t)n;
}

/* Waits for the next segment in the order of the log; one that nobody works at is checked here. */
static struct task *await_next(struct crew *c, bool alone)
{
	struct task *t = &c->tasks[c->combined % c->window];

	pthread_mutex_lock(&c->lock);
	if (alone) {
		prepare(c->v, t, 0, c->next++, c->n_segments);
		run_task(t);
		t->done = true;
	}
	while (!t->done)
		pthread_cond_wait(&c->change, &c->lock);
	pthread_mutex_unlock(&c->lock);
	return t;
}

static int combine_all(struct crew *c, bool alone, struct vantio_error *err)
{
	struct vantio_verify *v = c->v;
	struct task *t;
	int r = 0;

	/* Behind a line that is missing nothing can be told any more. */
	while (r == 0 && c->combined < c->n_segments && !v->log.found) {
		t = await_next(c, alone);
		r = t->r;
		if (r < 0)
			*err = t->err;
		else
			r = combine(v, &t->check, err);
		vantio_segment_check_clear(&t->check);
		pthread_mutex_lock(&c->lock);
		t->done = false;
		c->combined++;
		pthread_cond_broadcast(&c->change);
		pthread_mutex_unlock(&c->lock);
		tell_progress(v, c->combined);
	}
	return r;
}

static int run_crew(struct crew *c, size_t width, struct vantio_error *err)
{
	struct worker workers[VANTIO_VERIFY_THREADS];
	sigset_t all, before;
	size_t n = 0, i;
	int r;

	/* Signals are the program's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	for (; n < width; n++) {
		workers[n] = (struct worker){ .crew = c, .slot = n };
		if (pthread_create(&workers[n].thread, NULL, work, &workers[n]) != 0)
			break;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	r = combine_all(c, n == 0, err);
	pthread_mutex_lock(&c->lock);
	c->ending = true;
	pthread_cond_broadcast(&c->change);
	pthread_mutex_unlock(&c->lock);
	for (i = 0; i < n; i++)
		pthread_join(workers[i].thread, NULL);
	for (i = 0; i < c->window; i++)
		vantio_segment_check_clear(&c->tasks[i].check);
	return r;
}

int vantio_verify_walk(struct vantio_verify *v, struct vantio_error *err)
{
	struct crew c = { .v = v, .n_segments = (v->checkpoint.size + VANTIO_SEGMENT_RECORDS - 1) / VANTIO_SEGMENT_RECORDS };
	cleanup_free struct task *tasks = calloc(WINDOW_MAX, sizeof(*tasks));
	size_t width = processors();
	int r;

	if (!tasks)
		return vantio_fail(err, ENOMEM, "out of memory while verifying");
	r = vantio_dupes_new(&v->dupes, err);
	if (r < 0)
		return r;
	vantio_merkle_root(&v->tree, &v->root);
	tell_progress(v, 0);
	width = c.n_segments < width ? (size_t)c.n_segments : width;
	c.tasks = tasks;
	c.window = width + 2;
	pthread_mutex_init(&c.lock, NULL);
	pthread_cond_init(&c.change, NULL);
	r = run_crew(&c, width, err);
	pthread_cond_destroy(&c.change);
	pthread_mutex_destroy(&c.lock);
	return r;
}
