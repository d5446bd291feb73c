// SPDX-License-Identifier: Apache-2.0
#include "control/refresh.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct answer {
	struct vantio_refreshed found; /* owned */
	struct vantio_error err;       /* code 0: `found` is the answer */
};

struct vantio_refresh {
	const struct vantio_engine *engine;          /* borrowed */
	const struct vantio_policy *const *policies; /* borrowed */
	struct answer *answers;                      /* owned: one a policy */
	size_t n;
	pthread_t thread;
	bool running; /* a thread was made and not joined: the answers are its own until `done` is readable */
	int done;     /* eventfd */
};

static void *ask(void *arg)
{
	struct vantio_resolve_options options = { .resolver = vantio_resolver_system, .resolv_conf = VANTIO_RESOLV_CONF, .at_once = true };
	struct vantio_refresh *r = arg;
	uint64_t one = 1;
	size_t i;

	for (i = 0; i < r->n; i++) {
		struct vantio_diagnostics diags = {};
		struct answer *a = &r->answers[i];
		int code = 0;

		if (r->policies[i]->names_hosts)
			code = vantio_resolve_policy(r->policies[i], &options, &a->found.res, &diags, &a->err);
		if (!code)
			vantio_held_find(r->engine, r->policies[i], &a->found.held, &a->err);
		vantio_diagnostics_free(&diags);
	}
	while (write(r->done, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

bool vantio_refresh_wants(const struct vantio_policy *p)
{
	return p->names_hosts || vantio_held_names(p);
}

int vantio_refresh_open(const struct vantio_engine *e, const struct vantio_policy *const *policies, size_t n, struct vantio_refresh **ret, struct vantio_error *err)
{
	cleanup_free struct vantio_refresh *r = calloc(1, sizeof(*r));
	cleanup_free struct answer *answers = calloc(n ? n : 1, sizeof(*answers));

	if (!r || !answers)
		return vantio_fail(err, ENOMEM, "out of memory");
	r->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->done < 0)
		return vantio_fail(err, errno, "cannot make an eventfd: %s", strerror(errno));
	r->engine = e;
	r->policies = policies;
	r->n = n;
	r->answers = vantio_take(answers);
	*ret = vantio_take(r);
	return 0;
}

int vantio_refresh_fd(const struct vantio_refresh *r)
{
	return r->done;
}

int vantio_refresh_begin(struct vantio_refresh *r, struct vantio_error *err)
{
	int e;

	if (r->running)
		return 0;
	e = pthread_create(&r->thread, NULL, ask, r);
	if (e)
		return vantio_fail(err, e, "cannot start a thread to look at what the policies name: %s", strerror(e));
	r->running = true;
	return 0;
}

const struct vantio_refreshed *vantio_refresh_result(struct vantio_refresh *r, size_t i, struct vantio_error *err)
{
	if (!r->answers[i].err.code)
		return &r->answers[i].found;
	*err = r->answers[i].err;
	return NULL;
}

void vantio_refresh_end(struct vantio_refresh *r)
{
	uint64_t count;
	size_t i;

	if (!r->running)
		return;
	pthread_join(r->thread, NULL);
	r->running = false;
	while (read(r->done, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	for (i = 0; i < r->n; i++) {
		vantio_resolution_free(&r->answers[i].found.res);
		vantio_held_free(&r->answers[i].found.held);
		memset(&r->answers[i], 0, sizeof(r->answers[i]));
	}
}

void vantio_refresh_close(struct vantio_refresh *r)
{
	if (!r)
		return;
	vantio_refresh_end(r);
	close(r->done);
	free(r->answers);
	free(r);
}
