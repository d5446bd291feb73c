/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of a BPF ring buffer (kernel/bpf/ringbuf.c) that gives up an event only when told to: libbpf's advances as it reads, and
 * what a killed process had read but not made durable would be lost. Here it is read again by the next one.
 */
#ifndef VANTIO_ENGINE_RING_H
#define VANTIO_ENGINE_RING_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct vantio_ring;

int vantio_ring_open(int map_fd, struct vantio_ring **ret, struct vantio_error *err);
void vantio_ring_close(struct vantio_ring *r); /* what was not released stays */
/* The next event, or NULL when there is none yet. Valid until released; 8-byte aligned. */
const void *vantio_ring_next(struct vantio_ring *r, size_t *ret_len);
/* How far was read, for vantio_ring_release(). */
unsigned long vantio_ring_position(const struct vantio_ring *r);
/* Gives what was read up to that position back to the kernel. */
void vantio_ring_release(struct vantio_ring *r, unsigned long position);
uint64_t vantio_ring_waiting(const struct vantio_ring *r); /* bytes not yet released */
size_t vantio_ring_size(const struct vantio_ring *r);      /* bytes that it holds */

#endif
