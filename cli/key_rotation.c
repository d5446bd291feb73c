// SPDX-License-Identifier: Apache-2.0
#include "key_rotation.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "base/mem.h"
#include "base/text.h"
#include "control/request.h"

#define RETRY_NS 60000000000u /* after a rotation that could not begin */
#define NS_PER_S 1000000000u

/* Fires in `ns`, whether the machine sleeps meanwhile or not. */
static int arm(struct key_rotation *k, uint64_t ns)
{
	struct itimerspec at = { .it_value = { (time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S) } };

	if (!at.it_value.tv_sec && !at.it_value.tv_nsec)
		at.it_value.tv_nsec = 1;
	if (timerfd_settime(k->timer, 0, &at, NULL))
		return cli_fail(k->cli, CLI_FAILURE, "cannot set a timer: %s", strerror(errno));
	return CLI_OK;
}

int key_rotation_open(struct key_rotation *k, struct cli *cli, struct vantio_pump *pump, uint64_t every)
{
	struct vantio_error err = { 0 };
	uint64_t age = 0;

	k->cli = cli;
	k->pump = pump;
	k->every = every;
	if (vantio_request_listen(&k->requests, &err))
		return cli_fail_error(cli, &err);
	if (!every)
		return CLI_OK;
	k->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (k->timer < 0)
		return cli_fail(cli, CLI_FAILURE, "cannot make a timer: %s", strerror(errno));
	if (vantio_ledger_key_age(vantio_pump_ledger(pump), &age, &err))
		return cli_fail_error(cli, &err);
	return arm(k, age < every ? every - age : 0);
}

void key_rotation_close(struct key_rotation *k)
{
	vantio_request_unlisten(&k->requests);
	vantio_close_fd(&k->timer);
	k->timer = -1;
}

/* After a failure: whether the ledger still takes records. One that does not ends `enforce`, as any failed write does. */
static int check_ledger(struct key_rotation *k)
{
	struct vantio_error err = { 0 };

	return vantio_ledger_commit(vantio_pump_ledger(k->pump), &err) ? cli_fail_error(k->cli, &err) : CLI_OK;
}

static int rotate(struct key_rotation *k, struct vantio_rotation *ret, struct vantio_error *err)
{
	int r = vantio_pump_rotate(k->pump, ret, err);

	if (r) {
		cli_note(k->cli, "%s", err->text);
		return r;
	}
	cli_note(k->cli, "the ledger has a new signing key: epoch %" PRIu64 ", behind %" PRIu64 " sealed record%s", ret->epoch, ret->sealed,
		 ret->sealed == 1 ? "" : "s");
	if (ret->kept[0])
		cli_note(k->cli, "%s", ret->kept);
	return 0;
}

int key_rotation_timer(struct key_rotation *k)
{
	struct vantio_rotation done;
	struct vantio_error err = { 0 };
	uint64_t ticks;

	if (read(k->timer, &ticks, sizeof(ticks)) != sizeof(ticks))
		return CLI_OK;
	if (rotate(k, &done, &err))
		return check_ledger(k) ?: arm(k, k->every < RETRY_NS ? k->every : RETRY_NS);
	return arm(k, k->every);
}

/* ---- key rotate, while enforce holds the ledger ---- */

int key_rotation_request(struct key_rotation *k)
{
	char answer[VANTIO_REQUEST_MAX];
	struct vantio_rotation done;
	struct vantio_error err = { 0 };
	struct vantio_request q;
	uint64_t dev, ino;
	int r = CLI_OK;

	if (!vantio_request_take(k->requests, &q))
		return CLI_OK;
	if (sscanf(q.text, "rotate %" SCNu64 " %" SCNu64, &dev, &ino) != 2) {
		vantio_request_answer(&q, "error it does not know what is asked: it is of another version");
		return CLI_OK;
	}
	if (!vantio_ledger_is_in(vantio_pump_ledger(k->pump), dev, ino)) {
		vantio_request_answer(&q, "other");
		return CLI_OK;
	}
	if (rotate(k, &done, &err)) {
		snprintf(answer, sizeof(answer), "error %.900s", err.text);
		r = check_ledger(k);
	} else {
		snprintf(answer, sizeof(answer), "ok %" PRIu64 " %" PRIu64 " %s", done.epoch, done.sealed, done.kept);
		if (k->every)
			r = arm(k, k->every);
	}
	vantio_request_answer(&q, answer);
	return r;
}

int key_rotation_ask(const char *dir, struct vantio_rotation *ret, struct vantio_error *err)
{
	char question[64], answer[VANTIO_REQUEST_MAX];
	struct vantio_rotation done = { .epoch = 0 };
	struct stat st;
	int r, at = 0;

	if (stat(dir, &st))
		return vantio_fail(err, errno, "cannot stat the ledger: %s", strerror(errno));
	snprintf(question, sizeof(question), "rotate %" PRIu64 " %" PRIu64, (uint64_t)st.st_dev, (uint64_t)st.st_ino);
	r = vantio_request_ask(question, answer, err);
	if (r)
		return r;
	if (!strcmp(answer, "other"))
		return vantio_fail(err, ENOTCONN, "the 'vantioctl enforce' that runs writes another ledger");
	if (!strncmp(answer, "error ", 6))
		return vantio_fail(err, EIO, "'vantioctl enforce', which writes the ledger: %s", answer + 6);
	if (sscanf(answer, "ok %" SCNu64 " %" SCNu64 " %n", &done.epoch, &done.sealed, &at) != 2 || !at)
		return vantio_fail(err, EPROTO, "'vantioctl enforce' answers what is not understood: it is of another version");
	snprintf(done.kept, sizeof(done.kept), "%s", answer + at);
	*ret = done;
	return 0;
}
