/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user tier (DESIGN 1): a command under seccomp and Landlock, whose governed system calls wait for this process. It needs no
 * privileges. It fails closed: what cannot be read, resolved or recorded is refused, and when this process ends, every governed call
 * fails with ENOSYS.
 */
#ifndef VANTIO_SANDBOX_SUPERVISOR_H
#define VANTIO_SANDBOX_SUPERVISOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/journal.h"
#include "sandbox/plan.h"

struct vantio_box;
struct vantio_tracer;

struct vantio_box_options {
	const struct vantio_policy *policy;   /* borrowed, with the tier's own deny rules appended */
	const struct vantio_resolution *res;  /* borrowed, or NULL */
	const char *ledger_dir;               /* borrowed */
	const char *runtime_dir;              /* borrowed: resolved, where runs are controlled from */
	const char *agent;                    /* name in records */
	uint64_t trace_id;
	bool observe;              /* nothing is enforced */
	unsigned int landlock_abi; /* use no more than this one; 0: what the kernel has */
};

int vantio_box_new(const struct vantio_box_options *options, struct vantio_box **ret, struct vantio_error *err);
const struct vantio_plan *vantio_box_plan(const struct vantio_box *box);

/* Goes on without what the plan says is unmet: every record bears the tier "user-degraded", and one names what is missing. */
void vantio_box_degrade(struct vantio_box *box, const char *what);
/*
 * Starts `child` in a new process that is governed when it is called; it must not return. *ret_pid is its process. From then on
 * vantio_box_serve() must be called, and this process reaps what the command leaves behind.
 */
int vantio_box_start(struct vantio_box *box, void (*child)(void *arg), void *arg, pid_t *ret_pid, struct vantio_error *err);
/* To poll(2): readable when a call waits; POLLHUP when the last governed process has ended. Borrowed. */
int vantio_box_listener(const struct vantio_box *box);
/* To poll(2): readable when records cannot be written. -1 while there are none. Borrowed. */
int vantio_box_failed_fd(const struct vantio_box *box);
/* To poll(2): readable when the kill switch asks; then vantio_box_control(). Borrowed. */
int vantio_box_control_fd(const struct vantio_box *box);
void vantio_box_control(struct vantio_box *box);
/* Whether the kill switch or a limit has halted the agent: its processes are stopped until it is let go on. */
bool vantio_box_halted(const struct vantio_box *box);
/* Whether that was the kill switch, which ends them. */
bool vantio_box_ended(const struct vantio_box *box);
/* Answers one call. */
void vantio_box_serve(struct vantio_box *box);
/* For every status that waitpid(2) tells (__WALL): whether it was the tier's own affair, and not the command's. */
bool vantio_box_stopped(struct vantio_box *box, pid_t pid, int status);
/* Waits for the records, and closes. *ret is the caller's. NULL is fine. */
int vantio_box_close(struct vantio_box *box, struct vantio_journal_summary *ret, struct vantio_error *err);

/* halt.c: stops every process where a limit wants it. */
void vantio_box_halt_if_due(struct vantio_box *box);
/* on_exec.c */
void vantio_tracer_free(struct vantio_tracer *t);

#endif
