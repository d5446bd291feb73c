/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phantoms: what a command wrote onto copy-on-write overlays (kernel: Documentation/filesystems/overlayfs.rst), kept beside the host's
 * files until it is committed or collapsed. A phantom is a folder of its own below the user's state folder:
 *
 *     phantom/ID/meta.json   what ran, when, and the folders that lie under an overlay
 *     phantom/ID/N/upper     what changed in the N-th of them, as overlayfs writes it; N/work is the kernel's
 *     phantom/ID/journal     what a commit has begun and done
 *     phantom/ID/lock        held by `run` while the command runs, and by whoever commits
 */
#ifndef VANTIO_PHANTOM_PHANTOM_H
#define VANTIO_PHANTOM_PHANTOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"

#define VANTIO_PHANTOM_ID     8 /* lower-case hex digits */
#define VANTIO_PHANTOM_LAYERS 512
#define VANTIO_PHANTOM_TEMP   ".vantio-phantom-" /* and the id: what a commit is making, in the folder where it will be */

struct vantio_phantom_layer {
	char *target; /* owned: an absolute path without links */
	uint64_t dev, ino; /* of the folder when the command began */
	uint32_t mode, uid, gid; /* of the upper folder then */
};

struct vantio_phantom {
	char id[VANTIO_PHANTOM_ID + 1];
	int dir, lock; /* the folder; the lock, or -1 */
	uint64_t created_ns; /* wall clock */
	uint64_t since_ns;   /* a ctime: what the host's files have later was changed since */
	uint64_t mount_ns;   /* of the command; 0 before it began */
	bool userxattr; /* overlayfs keeps its notes in user.overlay.*, not in trusted.overlay.* */
	bool running;   /* somebody holds the lock (of those that are listed) */
	char *command, *agent, *policy; /* owned; escaped text */
	struct vantio_phantom_layer *layers; /* owned */
	size_t n_layers;
};

#define VANTIO_PHANTOM_INIT { .dir = -1, .lock = -1 }

/* Makes a new one, locked. */
int vantio_phantom_create(const char *state_dir, struct vantio_phantom *ret, struct vantio_error *err);
/* Writes meta.json anew. */
int vantio_phantom_save(const struct vantio_phantom *p, struct vantio_error *err);
/* ENOENT: there is none of this id. With `lock`: EBUSY while its command or a commit runs. */
int vantio_phantom_open(const char *state_dir, const char *id, bool lock, struct vantio_phantom *ret, struct vantio_error *err);
/* All, oldest first; owned by the caller (vantio_phantom_clear each, free). Those that cannot be read are left out, and counted. */
int vantio_phantom_list(const char *state_dir, struct vantio_phantom **ret, size_t *ret_n, size_t *ret_damaged, struct vantio_error *err);
/* Takes it away with all that it holds. */
int vantio_phantom_remove(const char *state_dir, struct vantio_phantom *p, struct vantio_error *err);
void vantio_phantom_clear(struct vantio_phantom *p);
int vantio_phantom_add_layer(struct vantio_phantom *p, const char *target, const struct stat *st, struct vantio_error *err);
/* What its overlays are mounted as: in mountinfo it tells whose they are, for numbers of namespaces are given again. Not the id, which names files. */
static inline void vantio_phantom_source(const struct vantio_phantom *p, char out[64])
{
	snprintf(out, 64, "vantio-phantom-%llu", (unsigned long long)p->created_ns);
}
/* N/upper of a layer, as a descriptor (O_PATH), or -errno. */
int vantio_phantom_upper(const struct vantio_phantom *p, size_t layer);
/* What the layer lies over, as a descriptor (O_PATH): the folder that it was, or an error. */
int vantio_phantom_target(const struct vantio_phantom *p, size_t layer, struct vantio_error *err);

#define cleanup_phantom __attribute__((cleanup(vantio_phantom_clear)))

#endif
