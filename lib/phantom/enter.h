/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts this process, and what it starts from then on, onto a phantom: a mount namespace of its own in which everything is read-only but
 * copy-on-write overlays, in a user namespace of its own where the user is not root. Nothing of it is seen outside. It fails closed: a
 * folder over which no overlay can be had stays read-only.
 */
#ifndef VANTIO_PHANTOM_ENTER_H
#define VANTIO_PHANTOM_ENTER_H

#include "base/buf.h"
#include "phantom/phantom.h"

struct vantio_phantom_options {
	const char *state_dir;
	const char *const *keep; /* folders that stay the host's, such as the ledger's; made if they are not there. NULL-terminated */
	const char *const *only; /* nothing is written outside of these; or NULL. NULL-terminated */
	const char *command;     /* its name, for people */
};

/*
 * To be called with one thread, before anything of the command runs. *ret is locked, until it is cleared. `notes` gets a line for each
 * limit. Afterwards the process is in the namespaces for good, whatever is returned, and where it is not root it has no capabilities.
 */
int vantio_phantom_enter(const struct vantio_phantom_options *o, struct vantio_phantom *ret, struct vantio_buf *notes, struct vantio_error *err);
/* For an ordinary user: what a command left with a mode that keeps its owner out can be read all the same, in a user namespace. Best effort. */
void vantio_phantom_reach(void);
/* Processes that still run on it: their number, and one of them. */
size_t vantio_phantom_users(const struct vantio_phantom *p, int *ret_pid);

#endif
