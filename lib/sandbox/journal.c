// SPDX-License-Identifier: Apache-2.0
#include "sandbox/journal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/translate.h"
#include "ledger/ledger.h"

#define QUEUE_BYTES_MAX (32u << 20)
#define GATHER_MS 20  /* that a batch waits for company */
#define KEEP_MS   200 /* that a ledger is kept open without records */

struct item {
	struct item *next;
	size_t size;
	struct vantio_event event; /* and its bytes behind it */
};

struct vantio_journal {
	struct vantio_journal_options o;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more, room;
	struct item *first, **last; /* owned */
	size_t bytes;
	bool closing, failed;
	int failed_fd;
	struct vantio_error error;
	/* the thread's own */
	struct vantio_ledger *ledger; /* owned */
	struct vantio_translator translator;
	struct vantio_journal_summary summary;
};

/* ---- the summary ---- */

void vantio_journal_summary_clear(struct vantio_journal_summary *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		free(s->items[i].op);
		free(s->items[i].rule);
		free(s->items[i].resource);
	}
	free(s->items);
	memset(s, 0, sizeof(*s));
}

static char *resource_of(const struct vantio_record *r)
{
	char addr[INET6_ADDRSTRLEN] = "?", *text = NULL;

	if (r->object != VANTIO_OBJECT_NET)
		return vantio_escape_dup(r->path ? r->path : "", r->path_len);
	inet_ntop(r->family, r->addr, addr, sizeof(addr));
	if (asprintf(&text, r->family == AF_INET6 ? "%s:[%s]:%u" : "%s:%s:%u", r->proto, addr, r->port) < 0)
		return NULL;
	return text;
}

static void count_refusal(struct vantio_journal_summary *s, const struct vantio_record *r)
{
	cleanup_free char *resource = NULL;
	struct vantio_refusal *f;
	size_t i;

	s->recorded++;
	if (r->decision == VANTIO_PERMIT || !strcmp(r->rule, "control"))
		return;
	s->refused += r->enforced != 0;
	s->would_refuse += !r->enforced;
	resource = resource_of(r);
	for (i = 0; resource && i < s->n; i++)
		if (!strcmp(s->items[i].op, r->op) && !strcmp(s->items[i].rule, r->rule) && !strcmp(s->items[i].resource, resource)) {
			s->items[i].count++;
			return;
		}
	if (!resource || s->n == VANTIO_REFUSALS_MAX)
		return;
	if (!s->items)
		s->items = calloc(VANTIO_REFUSALS_MAX, sizeof(*s->items));
	if (!s->items)
		return;
	f = &s->items[s->n];
	*f = (struct vantio_refusal){ .op = strdup(r->op), .rule = strdup(r->rule), .object = r->object, .decision = r->decision,
				      .enforced = r->enforced != 0, .count = 1 };
	if (!f->op || !f->rule) {
		free(f->op);
		free(f->rule);
		return;
	}
	f->resource = vantio_take(resource);
	s->n++;
}

/* ---- the thread ---- */

/* Waits for whoever writes the ledger. */
static int wait_for_writer(struct vantio_journal *j, struct vantio_error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	cleanup_free char *path = NULL;
	cleanup_close int fd = -1;

	if (asprintf(&path, "%s/lock", j->o.ledger_dir) < 0) {
		path = NULL;
		return vantio_fail(err, ENOMEM, "out of memory");
	}
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fcntl(fd, F_OFD_SETLKW, &lock))
		return vantio_fail(err, errno, "cannot wait for the ledger's lock '%s': %s", path, strerror(errno));
	return 0;
}

static int open_ledger(struct vantio_journal *j, struct vantio_error *err)
{
	int r = j->ledger ? 0 : vantio_ledger_open(j->o.ledger_dir, &j->ledger, err);

	while (r == -EBUSY) {
		r = wait_for_writer(j, err);
		if (!r)
			r = vantio_ledger_open(j->o.ledger_dir, &j->ledger, err);
	}
	return r;
}

static int append(struct vantio_journal *j, const struct item *item, struct vantio_error *err)
{
	struct vantio_event_view v = { .event = &item->event };
	struct vantio_record r;

	v.path = (const char *)(&item->event + 1);
	v.path2 = v.path + item->event.path_len;
	v.exe = v.path2 + item->event.path2_len;
	vantio_translate(&j->translator, &v, &r);
	r.tier = j->o.tier;
	count_refusal(&j->summary, &r);
	return vantio_ledger_append(j->ledger, &r, err);
}

static int write_batch(struct vantio_journal *j, struct item *item, struct vantio_error *err)
{
	int r = open_ledger(j, err);

	while (item) {
		struct item *next = item->next;

		if (!r)
			r = append(j, item, err);
		free(item);
		item = next;
	}
	return r ? r : vantio_ledger_commit(j->ledger, err);
}

static void deadline(struct timespec *t, long ms)
{
	clock_gettime(CLOCK_MONOTONIC, t);
	t->tv_sec += ms / 1000;
	t->tv_nsec += ms % 1000 * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
}

/* Waits, with the lock held, until there is something and a batch has had its time; false when there is nothing more to come. */
static bool gather(struct vantio_journal *j)
{
	struct timespec until;

	deadline(&until, KEEP_MS);
	while (!j->first && !j->closing) {
		if (!j->ledger) {
			pthread_cond_wait(&j->more, &j->lock);
		} else if (pthread_cond_timedwait(&j->more, &j->lock, &until) == ETIMEDOUT && !j->first && !j->closing) {
			vantio_ledger_close(j->ledger); /* others may write now */
			j->ledger = NULL;
		}
	}
	deadline(&until, GATHER_MS);
	while (!j->closing && j->bytes < QUEUE_BYTES_MAX / 4 && pthread_cond_timedwait(&j->more, &j->lock, &until) != ETIMEDOUT)
		;
	return j->first != NULL;
}

static void *run(void *arg)
{
	struct vantio_journal *j = arg;
	struct vantio_error err = {};
	uint64_t one = 1;
	/* the target's umask, which is ours while we act for it, is not that of the ledger's files */
	int r = unshare(CLONE_FS) ? vantio_fail(&err, errno, "cannot prepare to write records: %s", strerror(errno)) : 0;

	pthread_mutex_lock(&j->lock);
	while (gather(j)) {
		struct item *batch = j->first;

		j->first = NULL;
		j->last = &j->first;
		j->bytes = 0;
		pthread_cond_broadcast(&j->room);
		pthread_mutex_unlock(&j->lock);
		r = r ? r : write_batch(j, batch, &err);
		pthread_mutex_lock(&j->lock);
		if (r) {
			j->failed = true;
			j->error = err;
			pthread_cond_broadcast(&j->room);
			if (write(j->failed_fd, &one, sizeof(one)) < 0)
				break; /* cannot happen: nobody else counts there */
			break;
		}
	}
	pthread_mutex_unlock(&j->lock);
	vantio_ledger_close(j->ledger);
	j->ledger = NULL;
	return NULL;
}

/* ---- the outside ---- */

static void free_journal(struct vantio_journal *j)
{
	while (j->first) {
		struct item *next = j->first->next;

		free(j->first);
		j->first = next;
	}
	memset(&j->translator.policies[0], 0, sizeof(j->translator.policies[0])); /* was borrowed */
	vantio_translator_clear(&j->translator);
	vantio_close_fd(&j->failed_fd);
	pthread_cond_destroy(&j->more);
	pthread_cond_destroy(&j->room);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

static int start_thread(struct vantio_journal *j)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&j->thread, NULL, run, j);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

int vantio_journal_open(const struct vantio_journal_options *options, struct vantio_journal **ret, struct vantio_error *err)
{
	struct vantio_journal *j = calloc(1, sizeof(*j));
	pthread_condattr_t attr;
	int r;

	if (!j)
		return vantio_fail(err, ENOMEM, "out of memory");
	j->o = *options;
	j->last = &j->first;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->more, &attr);
	pthread_cond_init(&j->room, &attr);
	pthread_condattr_destroy(&attr);
	/* what the translator would otherwise read from the engine's folder */
	j->translator.policies[0].known = true;
	j->translator.policies[0].used = ++j->translator.clock;
	j->translator.policies[0].pushed.gen = 1;
	j->translator.policies[0].pushed.policy = (struct vantio_policy *)options->policy;
	if (options->res)
		j->translator.policies[0].pushed.res = *options->res;
	j->failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = j->failed_fd < 0 ? errno : start_thread(j);
	if (r) {
		free_journal(j);
		return vantio_fail(err, r, "cannot start the writer of records: %s", strerror(r));
	}
	*ret = j;
	return 0;
}

int vantio_journal_failed_fd(const struct vantio_journal *j)
{
	return j->failed_fd;
}

void vantio_journal_put(struct vantio_journal *j, const struct vantio_event *e, const char *path, const char *path2, const char *exe)
{
	const size_t bytes = (size_t)e->path_len + e->path2_len + e->exe_len;
	struct item *item = malloc(sizeof(*item) + bytes);
	char *at;

	pthread_mutex_lock(&j->lock);
	if (!item && !j->failed) { /* a decision that cannot be recorded ends the run */
		uint64_t one = 1;

		j->failed = true;
		vantio_fail(&j->error, ENOMEM, "out of memory");
		if (write(j->failed_fd, &one, sizeof(one)) < 0)
			j->failed = true;
	}
	while (!j->failed && j->bytes > QUEUE_BYTES_MAX)
		pthread_cond_wait(&j->room, &j->lock);
	if (j->failed) {
		pthread_mutex_unlock(&j->lock);
		free(item);
		return;
	}
	item->next = NULL;
	item->size = sizeof(*item) + bytes;
	item->event = *e;
	item->event.size = (uint32_t)(sizeof(*e) + bytes);
	at = (char *)(&item->event + 1);
	memcpy(at, path ? path : "", e->path_len);
	memcpy(at + e->path_len, path2 ? path2 : "", e->path2_len);
	memcpy(at + e->path_len + e->path2_len, exe ? exe : "", e->exe_len);
	*j->last = item;
	j->last = &item->next;
	j->bytes += item->size;
	pthread_cond_signal(&j->more);
	pthread_mutex_unlock(&j->lock);
}

int vantio_journal_close(struct vantio_journal *j, struct vantio_journal_summary *ret, struct vantio_error *err)
{
	int r = 0;

	if (!j)
		return 0;
	pthread_mutex_lock(&j->lock);
	j->closing = true;
	pthread_cond_signal(&j->more);
	pthread_mutex_unlock(&j->lock);
	pthread_join(j->thread, NULL);
	if (j->failed) {
		*err = j->error;
		r = -err->code;
	}
	*ret = j->summary;
	free_journal(j);
	return r;
}
