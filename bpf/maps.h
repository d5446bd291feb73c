/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps of identity, shared by all objects of the engine: the definitions are weak and the linker keeps one of each. Those
 * that decide() alone touches are in state.h. All are pinned, so that they outlive the process that loaded them.
 */
#ifndef VANTIO_MAPS_H
#define VANTIO_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

#define VANTIO_MAP SEC(".maps") __attribute__((weak))

/* Identity, on the leader of each governed thread group. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct vantio_label);
} vantio_labels VANTIO_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vantio_control);
} vantio_control VANTIO_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VANTIO_AGENTS);
	__type(key, __u32);
	__type(value, struct vantio_agent);
} vantio_agents VANTIO_MAP;

/* cgroup id -> agent, for every enrolled cgroup; its subtree counts. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VANTIO_CGROUPS);
	__type(key, __u64);
	__type(value, __u32);
} vantio_cgroups VANTIO_MAP;

/*
 * Where a label that could only be read is kept, by agent: see label.h. All labels of one use of an agent are alike but for their
 * cgroup.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VANTIO_AGENTS);
	__type(key, __u32);
	__type(value, struct vantio_label);
} vantio_copies VANTIO_MAP;

/* Always empty: what deleting from it gives says whether task storage can be had just now. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} vantio_probe VANTIO_MAP;

#endif
