/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp program of a plan, made with libseccomp: which system calls the supervisor is asked about, and which are refused outright. */
#ifndef VANTIO_SANDBOX_FILTER_H
#define VANTIO_SANDBOX_FILTER_H

#include <linux/filter.h>

#include "sandbox/plan.h"

/* *ret is owned by the caller (free). */
int vantio_filter_make(const struct vantio_plan *plan, bool observe, struct sock_filter **ret, size_t *ret_n, struct vantio_error *err);

/*
 * Of the calling thread, for good: sets no_new_privs too. The listener's descriptor, or -errno; async-signal-safe. The call that
 * it answers to is not trapped itself.
 */
int vantio_filter_enter(const struct sock_filter *program, size_t n);

#endif
