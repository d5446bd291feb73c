/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a phantom would change: its upper layers held against the host as it is now. Nothing is written. What the host's owner changed
 * since the command began is a conflict, told by the time of the last change (ctime), which nobody can set, and by the journal of what
 * commits did themselves.
 */
#ifndef VANTIO_PHANTOM_SCAN_H
#define VANTIO_PHANTOM_SCAN_H

#include "phantom/journal.h"
#include "phantom/phantom.h"

enum vantio_change_kind {
	VANTIO_CHANGE_NONE,    /* the same; kept for its hard links, and folders for their times */
	VANTIO_CHANGE_ADD,
	VANTIO_CHANGE_MODIFY,  /* content */
	VANTIO_CHANGE_META,    /* mode, owner, extended attributes, times of a file */
	VANTIO_CHANGE_REPLACE, /* by another type */
	VANTIO_CHANGE_DELETE,
};

struct vantio_change {
	enum vantio_change_kind kind;
	size_t layer;
	char *path; /* owned; below the layer's target, "" for itself */
	struct stat upper; /* but of what is deleted */
	struct stat host;  /* if on_host */
	bool on_host;
	bool stale; /* a folder that others changed since: its times are left alone */
	bool chosen; /* to be committed */
	const char *conflict; /* static text, or NULL */
};

struct vantio_changes {
	struct vantio_change *items; /* owned; a folder before what is in it */
	size_t n, cap;
	int upper[VANTIO_PHANTOM_LAYERS], host[VANTIO_PHANTOM_LAYERS]; /* the layers, O_PATH */
	size_t n_layers;
};

int vantio_changes_scan(const struct vantio_phantom *p, const struct vantio_marks *marks, struct vantio_changes *ret, struct vantio_error *err);
void vantio_changes_clear(struct vantio_changes *c);
#define cleanup_changes __attribute__((cleanup(vantio_changes_clear)))

/* Chooses what lies at or below one of the absolute paths, and the new folders that lead there; all without paths. ENOENT names a path at which nothing changed. */
int vantio_changes_choose(const struct vantio_phantom *p, struct vantio_changes *c, char *const *paths, size_t n, struct vantio_error *err);
/* The absolute path; owned by the caller, NULL when memory ran out. */
char *vantio_change_path(const struct vantio_phantom *p, const struct vantio_change *change);
/* Whether people are told of it. */
static inline bool vantio_change_shown(const struct vantio_change *c)
{
	return c->kind != VANTIO_CHANGE_NONE;
}

#endif
