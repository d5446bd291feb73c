// SPDX-License-Identifier: Apache-2.0
/* Building the index anew. The writer's lock is held meanwhile: a writer builds the same index beside its commits. */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ledger/index_internal.h"
#include "ledger/lock.h"
#include "ledger/reader.h"
#include "ledger/store.h"

static int size_of(int dirfd, uint64_t *ret, struct vantio_error *err)
{
	struct vantio_checkpoint c;
	cleanup_free char *note = NULL;
	size_t len;
	int r = vantio_reader_checkpoint(dirfd, &note, &len, &c, err);

	if (r == 0)
		*ret = c.size;
	return r;
}

int vantio_index_rebuild(const char *dir, uint64_t *ret_records, struct vantio_error *err)
{
	cleanup_close int dirfd = vantio_store_open_dir(dir, err), lock = -1;
	struct vantio_index *ix = NULL;
	uint64_t size;
	int r;

	if (dirfd < 0)
		return dirfd;
	r = size_of(dirfd, &size, err); /* a folder that is no ledger gets no lock file */
	if (r < 0)
		return r;
	lock = vantio_lock_take(dirfd, dir, err);
	if (lock < 0)
		return lock;
	/* To move a database away under a process that has it open would make a wreck of the new one. */
	if (vantio_index_in_use(dirfd))
		return vantio_fail(err, EBUSY, "another process is reading the index; try again when it has ended");
	r = size_of(dirfd, &size, err);
	if (r == 0)
		r = vantio_index_set_aside(dirfd, err);
	if (r == 0)
		r = vantio_index_open(dirfd, VANTIO_INDEX_WRITE, &ix, err);
	if (r == 0)
		r = vantio_index_catch_up(ix, size, NULL, err);
	vantio_index_close(ix);
	if (r == -EBADMSG)
		return vantio_fail_prefix(err, "the log cannot be read; 'vantioctl ledger verify' says more");
	if (r == 0)
		*ret_records = size;
	return r;
}
