/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of decide(): policy images, limits, events. Included by decide.bpf.c alone. */
#ifndef VANTIO_STATE_H
#define VANTIO_STATE_H

#include "maps.h"

/*
 * Policy images by slot, each a map of pages. A slot's image is replaced as a whole by one store of its pointer, and a decision
 * reads that pointer once: it sees the old image or the new one.
 */
struct vantio_page {
	struct vantio_cell cells[VANTIO_PAGE_CELLS];
};

struct vantio_image_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE); /* as many pages as the image has */
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct vantio_page));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, VANTIO_SLOTS);
	__type(key, __u32);
	__array(values, struct vantio_image_map);
} vantio_policies SEC(".maps");

/* Attempts by agent and kind: element agent * VANTIO_LIMIT_MAX + kind. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VANTIO_AGENTS * VANTIO_LIMIT_MAX);
	__type(key, __u32);
	__type(value, struct vantio_limit_count);
} vantio_limits SEC(".maps");

/* Decisions on their way to the ledger. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} vantio_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vantio_counts);
} vantio_counts SEC(".maps");

/* Refusals that come again and again, by a hash of what they have in common. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VANTIO_REPEATS);
	__type(key, __u32);
	__type(value, struct vantio_repeat);
} vantio_repeats SEC(".maps");

/* Per CPU, by number: how much of `lost` the ledger has been told. Kept here so that it survives the process that writes records. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} vantio_accounted SEC(".maps");

/* Events of the control plane, on their way to the ring: one at a time, under the engine's lock. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vantio_control_event);
} vantio_staging SEC(".maps");

#endif
