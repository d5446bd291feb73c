/* SPDX-License-Identifier: Apache-2.0 */
/* What `enforce`, `policy push` and `run` have in common: a policy file made ready and put in force. */
#ifndef VANTIO_CONTROL_SESSION_H
#define VANTIO_CONTROL_SESSION_H

#include "control/refresh.h"
#include "engine/engine.h"
#include "policy/resolve.h"

/* A policy as it was read, with what its host names stood for when it was pushed. */
struct vantio_push_request {
	struct vantio_policy *policy; /* borrowed; the engine's own deny rules are appended to it */
	const char *text;             /* borrowed: what it was parsed from */
	size_t len;
	const char *workdir;    /* or NULL */
	const char *ledger_dir; /* that no agent may reach */
	bool allow_degraded; /* though this kernel cannot deny a surface that the policy denies */
	const struct vantio_refreshed *refresh; /* borrowed: no push if that is what it named already; NULL: it is asked for first */
};

/*
 * Resolves its hosts, pushes it, and enrols the cgroups that it names. What could not be resolved and cgroups that are not there
 * are warnings in `diags`, sorted. *ret_enrolled counts the cgroups that are under this policy now.
 */
int vantio_session_push(struct vantio_engine *e, const struct vantio_push_request *q, struct vantio_slot *ret, size_t *ret_enrolled,
			struct vantio_diagnostics *diags, struct vantio_error *err);

/* The process that holds /run/vantio/enforce.lock in *ret_pid, 0 if none. */
int vantio_session_holder(int *ret_pid, struct vantio_error *err);
/* Takes that lock, or EBUSY with who holds it. */
int vantio_session_hold(int *ret_fd, struct vantio_error *err);

/* What is on the ring into the ledger, once, if no `enforce` does it: 1 if it did, 0 if somebody else holds the ledger. */
int vantio_session_drain(const struct vantio_engine *e, const char *ledger_dir, struct vantio_error *err);

#endif
