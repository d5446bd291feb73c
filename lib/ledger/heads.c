// SPDX-License-Identifier: Apache-2.0
/* Checkpoints from outside of the folder: one that the caller kept, and the newest that this user has verified before. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/text.h"
#include "ledger/verify.h"

/* `state_dir`/heads/ and the SHA-256 of the origin: an origin may hold slashes. Owned by the caller. */
static char *head_path(const char *state_dir, const char *origin, bool folder_only)
{
	char hex[65], *path;
	uint8_t hash[32];

	vantio_sha256_of(hash, origin, strlen(origin));
	vantio_hex(hex, hash, sizeof(hash));
	if (asprintf(&path, folder_only ? "%s/heads" : "%s/heads/%s", state_dir, hex) < 0)
		return NULL;
	return path;
}

/* A note signed by any of the epochs, the newest first, for records that its key could sign for. */
static int open_by_any(const char *note, size_t len, const struct vantio_epochs *epochs, struct vantio_checkpoint *ret,
		       struct vantio_error *err)
{
	const struct vantio_epoch *e = epochs->items;
	size_t i = epochs->n;
	int r = -ENOKEY;

	while (i-- && r == -ENOKEY)
		r = vantio_checkpoint_open(note, len, &e[i].key, ret, err);
	i++;
	if (r == 0 && ret->size < e[i].begin)
		return vantio_fail(err, EBADMSG, "it covers %llu records under the key of epoch %zu, which began at %llu: a later key signed "
				   "for an older epoch", (unsigned long long)ret->size, i, (unsigned long long)e[i].begin);
	if (r == 0 && i + 1 < epochs->n && ret->size > e[i + 1].begin)
		return vantio_fail(err, EBADMSG, "it covers %llu records under the key of epoch %zu, which ended at %llu",
				   (unsigned long long)ret->size, i, (unsigned long long)e[i + 1].begin);
	return r;
}

int vantio_head_load(const char *state_dir, const struct vantio_epochs *epochs, struct vantio_anchor *ret,
		     struct vantio_finding *f, struct vantio_error *err)
{
	cleanup_free char *path = head_path(state_dir, epochs->items[0].key.name, false), *note = NULL;
	struct vantio_checkpoint c;
	size_t len;
	int r;

	if (!path)
		return vantio_fail(err, ENOMEM, "out of memory while verifying");
	r = vantio_read_file(AT_FDCWD, path, VANTIO_NOTE_MAX, &note, &len, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (open_by_any(note, len, epochs, &c, err) < 0) {
		vantio_finding_set(f, "the head that was verified before ('%.120s') is not one of this ledger: %.120s; it was another ledger "
				   "of this origin, or an older state was put back", path, err->text);
		return 0;
	}
	*ret = (struct vantio_anchor){ .size = c.size, .root = c.root };
	snprintf(ret->what, sizeof(ret->what), "the head that was verified before");
	return 1;
}

int vantio_head_store(const char *state_dir, const char *origin, const char *note, size_t len, struct vantio_error *err)
{
	cleanup_free char *folder = head_path(state_dir, origin, true), *path = head_path(state_dir, origin, false);
	int r;

	if (!folder || !path)
		return vantio_fail(err, ENOMEM, "out of memory while verifying");
	r = vantio_make_dirs(folder, 0700, err);
	return r < 0 ? r : vantio_replace_file(AT_FDCWD, path, note, len, 0600, err);
}

int vantio_anchor_open(const char *note, size_t len, const char *what, const struct vantio_epochs *epochs, struct vantio_anchor *ret,
		       struct vantio_finding *f, struct vantio_error *err)
{
	struct vantio_checkpoint c;

	if (open_by_any(note, len, epochs, &c, err) < 0) {
		vantio_finding_set(f, "%.150s is not one of this ledger: %.200s", what, err->text);
		return 0;
	}
	*ret = (struct vantio_anchor){ .size = c.size, .root = c.root };
	snprintf(ret->what, sizeof(ret->what), "%.180s", what);
	return 1;
}

int vantio_against_load(const char *path, const struct vantio_epochs *epochs, struct vantio_anchor *ret, char **ret_note,
			size_t *ret_len, struct vantio_finding *f, struct vantio_error *err)
{
	cleanup_free char *shown = vantio_escape_dup(path, strlen(path));
	char what[200];
	int r;

	if (!shown)
		return vantio_fail(err, ENOMEM, "out of memory while verifying");
	r = vantio_read_file_follow(path, VANTIO_NOTE_MAX, ret_note, ret_len, err);
	if (r < 0)
		return r;
	snprintf(what, sizeof(what), "the checkpoint '%.150s'", shown);
	return vantio_anchor_open(*ret_note, *ret_len, what, epochs, ret, f, err);
}
