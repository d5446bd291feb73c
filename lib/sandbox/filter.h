/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp program of a plan, made with libseccomp: which system calls the supervisor is asked about, and which are refused outright. */
#ifndef VANTIO_SANDBOX_FILTER_H
#define VANTIO_SANDBOX_FILTER_H

#include <linux/filter.h>

#include "sandbox/plan.h"

/* *ret is owned by the caller (free). */
int vantio_filter_make(const struct vantio_plan *plan, bool observe, struct sock_filter **ret, size_t *ret_n, struct vantio_error *err);

struct vantio_filter_job;

/*
 * The same in a thread of its own, begun by vantio_filter_begin() and waited for by vantio_filter_end(), which must follow: libseccomp takes
 * as long as compiling a policy does. Of `plan`, which is copied, the floor is not looked at. NULL if out of memory. `ret` NULL: not wanted.
 */
struct vantio_filter_job *vantio_filter_begin(const struct vantio_plan *plan, bool observe);
int vantio_filter_end(struct vantio_filter_job *job, struct sock_filter **ret, size_t *ret_n, struct vantio_error *err);

/*
 * Of the calling thread, for good: sets no_new_privs too. The listener's descriptor, or -errno; async-signal-safe. The call that
 * it answers to is not trapped itself.
 */
int vantio_filter_enter(const struct sock_filter *program, size_t n);

#endif
