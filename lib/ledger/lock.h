/* SPDX-License-Identifier: Apache-2.0 */
/* One writer at a time: an open-file-description lock on the file `lock`, which names its holder for messages only. */
#ifndef VANTIO_LEDGER_LOCK_H
#define VANTIO_LEDGER_LOCK_H

#include "base/error.h"

/* The lock's descriptor; closing it releases the lock. EBUSY names the holder. */
int vantio_lock_take(int dirfd, const char *dir, struct vantio_error *err);
/* 1 if a writer holds it, 0 if not (or if there is no lock file); touches nothing. */
int vantio_lock_held(int dirfd, struct vantio_error *err);

#endif
