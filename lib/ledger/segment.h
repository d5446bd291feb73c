/* SPDX-License-Identifier: Apache-2.0 */
/* One append-only file of a segment, of the log or of the sidecar beside it; the writer's side. */
#ifndef VANTIO_LEDGER_SEGMENT_H
#define VANTIO_LEDGER_SEGMENT_H

#include "ledger/store.h"

struct vantio_segment {
	const char *folder; /* "log" or "private" */
	int fd; /* -1: not open */
	uint64_t number;
	uint64_t offset; /* bytes that are ours: the next append begins there */
};

#define VANTIO_SEGMENT_INIT(name) { (name), -1, 0, 0 }

/* Opens the file of segment `number`, which must hold `offset` bytes or more; makes it if it is not there. */
int vantio_segment_open(struct vantio_segment *s, int dirfd, uint64_t number, uint64_t offset, struct vantio_error *err);
/* A long run goes past the page cache where its place in memory is as far from a multiple of this as its place in the file. */
#define VANTIO_SEGMENT_ALIGN 4096u

int vantio_segment_append(struct vantio_segment *s, const void *bytes, size_t len, struct vantio_error *err);
int vantio_segment_begin_sync(struct vantio_segment *s, struct vantio_error *err);
int vantio_segment_sync(struct vantio_segment *s, struct vantio_error *err);
void vantio_segment_close(struct vantio_segment *s);

#endif
