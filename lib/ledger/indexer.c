// SPDX-License-Identifier: Apache-2.0
/* The index follows the commits in a thread of its own, which reads the log back: no commit ever waits for it. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ledger/index.h"

#define FINISH_RECORDS 65536 /* at the end so many are still taken in; more are left to the next reader */

struct vantio_indexer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int dirfd; /* borrowed */
	struct vantio_index *ix; /* owned; the thread's while it runs */
	uint64_t target; /* under the lock */
	bool ending;     /* under the lock */
	atomic_bool stop;
};

static void *run(void *arg)
{
	struct vantio_indexer *x = arg;
	struct vantio_error err = { 0 };
	uint64_t target, done = 0;
	bool ending;

	/* Where processors are short, the commits come first. */
	setpriority(PRIO_PROCESS, (id_t)gettid(), 15);
	/* A failure ends the thread: an index that is behind is built by whoever asks next, and verification says what is wrong. */
	if (vantio_index_open(x->dirfd, VANTIO_INDEX_WRITE, &x->ix, &err) < 0)
		return NULL;
	for (;;) {
		pthread_mutex_lock(&x->lock);
		while (x->target == done && !x->ending)
			pthread_cond_wait(&x->wake, &x->lock);
		target = x->target;
		ending = x->ending;
		pthread_mutex_unlock(&x->lock);
		if (target != done && vantio_index_catch_up(x->ix, target, &x->stop, &err) < 0)
			break;
		done = target;
		if (ending)
			break;
	}
	return NULL;
}

struct vantio_indexer *vantio_indexer_start(int dirfd, uint64_t size)
{
	struct vantio_indexer *x = calloc(1, sizeof(*x));
	sigset_t all, before;
	int r;

	if (!x)
		return NULL;
	x->dirfd = dirfd;
	x->target = size;
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->wake, NULL);
	/* Signals are the program's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = pthread_create(&x->thread, NULL, run, x);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		return x;
	pthread_cond_destroy(&x->wake);
	pthread_mutex_destroy(&x->lock);
	free(x);
	return NULL;
}

void vantio_indexer_wake(struct vantio_indexer *x, uint64_t size)
{
	if (!x)
		return;
	pthread_mutex_lock(&x->lock);
	x->target = size;
	pthread_cond_signal(&x->wake);
	pthread_mutex_unlock(&x->lock);
}

void vantio_indexer_stop(struct vantio_indexer *x)
{
	struct vantio_error ignored = { 0 };
	uint64_t done;

	if (!x)
		return;
	pthread_mutex_lock(&x->lock);
	x->ending = true;
	atomic_store(&x->stop, true);
	pthread_cond_signal(&x->wake);
	pthread_mutex_unlock(&x->lock);
	pthread_join(x->thread, NULL);
	/* The caller waits for it now, so it is done with the caller's priority: on a busy machine the thread's would take very long. */
	if (x->ix && vantio_index_count(x->ix, &done, &ignored) == 0 && done < x->target && x->target - done <= FINISH_RECORDS)
		vantio_index_catch_up(x->ix, x->target, NULL, &ignored);
	vantio_index_close(x->ix);
	pthread_cond_destroy(&x->wake);
	pthread_mutex_destroy(&x->lock);
	free(x);
}
