/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel engine from user space (DESIGN 5). Programs, links and maps live in the kernel, pinned below VANTIO_PINS, and
 * outlive whoever loaded them; a struct vantio_engine is a set of descriptors to them. Everything that changes the engine is
 * done under one lock (/run/vantio/lock), so that two administrators do not interleave.
 */
#ifndef VANTIO_ENGINE_ENGINE_H
#define VANTIO_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "base/error.h"
#include "engine/held.h"
#include "policy/image.h"
#include "policy/policy.h"

#define VANTIO_PINS "/sys/fs/bpf/vantio"

struct vantio_engine {
	int labels, control, agents, cgroups, policies, ring, counts, repeats, accounted, limits, staging; /* map descriptors */
	int emit;  /* program: puts a staged event on the ring */
	int flush; /* program: puts repeats on the ring */
	int inode_of; /* program: how the kernel calls an inode */
	int lock; /* of /run/vantio/lock, held while this handle may change things; -1 otherwise */
};

/* ---- load and unload ---- */

#define VANTIO_HOOKS_LISTED 64

struct vantio_load_report {
	char attached[VANTIO_HOOKS_LISTED][40]; /* program names */
	size_t n_attached;
	char missing[VANTIO_HOOKS_LISTED][40]; /* hooks that this kernel does not have */
	size_t n_missing;
};

/*
 * Loads, attaches and pins everything, or nothing. EPERM without the privileges, EOPNOTSUPP where the kernel cannot enforce
 * (no BTF, no BPF LSM, `bpf` not in lsm=), each with the mend; EEXIST if an engine is loaded already.
 */
int vantio_engine_load(struct vantio_load_report *report, struct vantio_error *err);
/* What a load would report as missing (hooks.h says what that means); nothing is loaded. */
int vantio_engine_missing_hooks(struct vantio_load_report *report, struct vantio_error *err);
/* Takes everything down: nothing is enforced afterwards. ENOENT if nothing is loaded. */
int vantio_engine_unload(struct vantio_error *err);

/* Opens what is pinned. ENOENT: not loaded; EPROTO: another version is loaded. `change` takes the lock, waiting for it. */
int vantio_engine_open(bool change, struct vantio_engine *ret, struct vantio_error *err);
/* Takes the lock again for a handle that gave it up, waiting for it. */
int vantio_engine_relock(struct vantio_engine *e, struct vantio_error *err);
void vantio_engine_unlock(struct vantio_engine *e);
void vantio_engine_close(struct vantio_engine *e);
#define VANTIO_ENGINE_INIT { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 }
#define cleanup_engine __attribute__((cleanup(vantio_engine_close)))

int vantio_engine_control(const struct vantio_engine *e, struct vantio_control *ret, struct vantio_error *err);
int vantio_engine_set_audit(const struct vantio_engine *e, bool audit, struct vantio_error *err);
/* Of all CPUs together. */
int vantio_engine_counts(const struct vantio_engine *e, struct vantio_counts *ret, struct vantio_error *err);
/* Puts repeats whose time is over on the ring, or `all`; *ret_waiting (may be NULL): how many are still open, or found no room. */
int vantio_engine_flush(const struct vantio_engine *e, bool all, uint32_t *ret_waiting, struct vantio_error *err);

/* ---- policies ---- */

/* A policy in force, as the engine knows it. */
struct vantio_slot {
	uint32_t slot;
	uint64_t gen;
	uint8_t policy_hash[32];
	uint32_t flags; /* VANTIO_IMAGE_* */
	char name[VANTIO_NAME_MAX + 1];
	char file[VANTIO_PATH_MAX];
};

/*
 * Compiles, writes a fresh image and swaps it in with one store. A policy of the same name is replaced; a new one takes a free
 * slot (ENOSPC if there is none). Its text and its resolved addresses are kept in /run/vantio/policies/GEN.json for
 * whoever writes records. `text` is what `p` was parsed from. `protect`: folders (of the ledger, of the runtime) that no agent may
 * reach whatever the policy says; their rules are appended to `p`. `held`: what vantio_held_find() said; NULL: it is asked.
 */
int vantio_engine_push(struct vantio_engine *e, struct vantio_policy *p, const char *text, size_t len, const char *workdir,
		       const struct vantio_resolution *res, const struct vantio_held_set *held, char *const *protect, size_t n_protect,
		       struct vantio_slot *ret, struct vantio_error *err);
/* Surfaces that the policy denies and the loaded engine cannot, for lack of a hook: a bit per enum vantio_surface. */
uint32_t vantio_policy_unenforced(const struct vantio_policy *p);
int vantio_engine_slots(const struct vantio_engine *e, struct vantio_slot ret[VANTIO_SLOTS], size_t *ret_n, struct vantio_error *err);

/* ---- agents ---- */

struct vantio_enroll {
	const char *name;   /* [a-z0-9._-]{1,63} */
	uint32_t slot;
	const char *cgroup; /* path below the cgroup2 root ("/a/b") or absolute below its mount; or NULL */
	int pid;            /* with its descendants, if cgroup is NULL */
	uint64_t trace_id;  /* 0: one is drawn */
	uint32_t flags;     /* VANTIO_AGENT_FLAG_* */
};

int vantio_agent_enroll(struct vantio_engine *e, const struct vantio_enroll *what, uint32_t *ret_agent, struct vantio_error *err);
/* Ends a quarantine, or what a limit halted: the agent goes on. EINVAL while the kill switch of every agent is on. */
int vantio_agent_release(struct vantio_engine *e, uint32_t agent, struct vantio_error *err);
/* Freezes an agent that a limit halted in the kernel. */
int vantio_agent_freeze(const struct vantio_engine *e, uint32_t agent, uint32_t instance, struct vantio_error *err);
int vantio_agent_remove(struct vantio_engine *e, uint32_t agent, struct vantio_error *err);
/* 0 if there is none of that name. */
uint32_t vantio_agent_find(const struct vantio_engine *e, const char *name);
int vantio_agent_read(const struct vantio_engine *e, uint32_t agent, struct vantio_agent *ret, struct vantio_error *err);

/* Every governed thread group. *ret is owned by the caller. */
int vantio_tasks_list(struct vantio_task **ret, size_t *ret_n, struct vantio_error *err);

/* ---- kill switch ---- */

struct vantio_kill_result {
	uint32_t agents;    /* whose state changed */
	uint32_t processes; /* frozen, thawed or killed */
	uint32_t quarantined; /* not released, for a limit had quarantined them */
	bool recorded;      /* the control record is on the ring */
};

/*
 * `agent` 0 is every agent. A soft kill asks for the freeze and flips the map word at once; when it returns the agents are frozen. A
 * release undoes kills alone: whom a limit has quarantined goes on by vantio_agent_release().
 */
int vantio_kill_soft(struct vantio_engine *e, uint32_t agent, struct vantio_kill_result *ret, struct vantio_error *err);
int vantio_kill_release(struct vantio_engine *e, uint32_t agent, struct vantio_kill_result *ret, struct vantio_error *err);
int vantio_kill_hard(struct vantio_engine *e, uint32_t agent, struct vantio_kill_result *ret, struct vantio_error *err);

/* ---- records of the control plane ---- */

/* Puts a record of what an administrator did among the decisions. `text` is its resource. */
int vantio_engine_note(struct vantio_engine *e, enum vantio_op op, enum vantio_decision decision, uint32_t agent, uint64_t gen,
		       const char *text, struct vantio_error *err);

#endif
