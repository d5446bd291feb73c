/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that does one kind of job, one at a time, when it is told to. Signals are not its business: all are blocked in it. */
#ifndef VANTIO_BASE_WORKER_H
#define VANTIO_BASE_WORKER_H

struct vantio_worker;

/* NULL if no thread can be had. */
struct vantio_worker *vantio_worker_start(void (*job)(void *arg), void *arg);
/* Waits until the job before is done, then has the job done once more. */
void vantio_worker_go(struct vantio_worker *w);
/* Returns when no job is under way; what it wrote is visible then. */
void vantio_worker_wait(struct vantio_worker *w);
/* Waits and ends the thread. NULL is fine. */
void vantio_worker_stop(struct vantio_worker *w);

#endif
