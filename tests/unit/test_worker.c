// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>

#include "base/worker.h"

struct count {
	pthread_t caller;
	int jobs, elsewhere, blocked;
};

static void job(void *arg)
{
	struct count *c = arg;
	sigset_t mask;

	c->jobs++;
	c->elsewhere += !pthread_equal(pthread_self(), c->caller);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	c->blocked += sigismember(&mask, SIGTERM) == 1;
}

static void worker_does_each_job_in_its_thread_and_waits(void **state)
{
	struct count c = { .caller = pthread_self() };
	struct vantio_worker *w = vantio_worker_start(job, &c);
	int i;

	(void)state;
	assert_non_null(w);
	vantio_worker_wait(w);
	assert_int_equal(c.jobs, 0);
	for (i = 0; i < 100; i++)
		vantio_worker_go(w);
	vantio_worker_wait(w);
	assert_int_equal(c.jobs, 100);
	assert_int_equal(c.elsewhere, 100);
	assert_int_equal(c.blocked, 100);
	vantio_worker_stop(w);
}

static void worker_stopped_at_once_has_done_what_it_was_told(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		struct count c = { .caller = pthread_self() };
		struct vantio_worker *w = vantio_worker_start(job, &c);

		assert_non_null(w);
		vantio_worker_go(w);
		vantio_worker_stop(w);
		assert_int_equal(c.jobs, 1);
	}
	vantio_worker_stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker_does_each_job_in_its_thread_and_waits),
		cmocka_unit_test(worker_stopped_at_once_has_done_what_it_was_told),
	};

	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
