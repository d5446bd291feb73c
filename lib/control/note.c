// SPDX-License-Identifier: Apache-2.0
#include "control/note.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/engine.h"
#include "ledger/ledger.h"
#include "policy/policy.h"

#define WAIT_STEPS 100 /* of 100 ms, in which a run that writes now and then gives the ledger back */

static int append(struct vantio_ledger *l, enum vantio_op op, const char *agent, const char *text, struct vantio_error *err)
{
	struct vantio_record record = vantio_record_of_act(vantio_op_name(op), agent, text, strlen(text));
	int r = vantio_ledger_append(l, &record, err);

	return r ? r : vantio_ledger_commit(l, err);
}

static int by_engine(enum vantio_op op, const char *text)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	struct vantio_error ignored = {};

	if (geteuid() || vantio_engine_open(true, &e, &ignored))
		return -ENOENT;
	return vantio_engine_note(&e, op, VANTIO_PERMIT, 0, 0, text, &ignored);
}

int vantio_control_note(const char *ledger_dir, enum vantio_op op, const char *agent, const char *text, struct vantio_error *err)
{
	const struct timespec step = { .tv_nsec = 100000000 };
	struct vantio_ledger *l = NULL;
	int tries, r = vantio_ledger_open(ledger_dir, &l, err);

	if (r == -EBUSY && !by_engine(op, text))
		return 0;
	for (tries = 0; r == -EBUSY && tries < WAIT_STEPS; tries++) {
		nanosleep(&step, NULL);
		r = vantio_ledger_open(ledger_dir, &l, err);
	}
	if (!r)
		r = append(l, op, agent, text, err);
	vantio_ledger_close(l);
	return r;
}
