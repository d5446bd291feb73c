/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commit: the chosen changes of a phantom onto the host. What is made is made under a temporary name in the folder where it will be, and
 * renamed; what it takes the place of is exchanged with it, looked at once more, and only then taken away. Deletions come last, then the
 * attributes and times of folders, the deepest first. The upper layers stay as they are, and the journal says what was begun: a commit
 * that was killed is run again, from a new scan. A file of the host that has several names and was changed under one is changed in
 * place, where overlayfs vouches for it being that file.
 */
#ifndef VANTIO_PHANTOM_APPLY_H
#define VANTIO_PHANTOM_APPLY_H

#include "phantom/scan.h"

struct vantio_commit_result {
	size_t added, modified, attributes, replaced, deleted;
	size_t lost_owner, lost_xattr; /* files that could not keep theirs */
};

/* ESTALE: something changed on the host after the scan. The phantom is locked by the caller, and `marks` open for writing. */
int vantio_commit(const struct vantio_phantom *p, struct vantio_changes *c, struct vantio_marks *marks, struct vantio_commit_result *ret,
		  struct vantio_error *err);

/* Takes away the temporary files that a killed commit may have left, where the journal says that it was. */
int vantio_commit_sweep(const struct vantio_phantom *p, const struct vantio_marks *marks, struct vantio_error *err);

#endif
