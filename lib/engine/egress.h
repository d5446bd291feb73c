/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classifier behind the socket hooks on network interfaces (TC, clsact): what a governed socket sends off the policy's list is
 * dropped there, wherever the socket was made. Which interfaces bear it is kept in the pinned map vantio_egress. The kernel holds the
 * filter, so that it outlives whoever attached it. All of this is about the network namespace of the calling process.
 */
#ifndef VANTIO_ENGINE_EGRESS_H
#define VANTIO_ENGINE_EGRESS_H

#include <net/if.h>

#include "engine/engine.h"

#define VANTIO_EGRESS_MAX 1024 /* interfaces */
#define VANTIO_EGRESS_ALL "all"
#define VANTIO_EGRESS_NONE "none"
#define VANTIO_EGRESS_PROG VANTIO_PINS "/progs/vantio_tc_egress" /* where the classifier is pinned */

struct vantio_egress {
	unsigned int ifindex;
	char name[IF_NAMESIZE]; /* empty: it is gone */
	bool attached;          /* the filter is there and ours */
};

/*
 * Attaches to the interfaces that are named, or to every one with VANTIO_EGRESS_ALL, and detaches from others; VANTIO_EGRESS_NONE names none.
 * ENODEV for a name that no interface has, unless `later`: then it is left for when it comes. The engine's lock is held meanwhile.
 */
int vantio_egress_set(const char *const *names, size_t n, bool later, struct vantio_error *err);
/* The interfaces that bear the filter, or are said to. *ret is owned by the caller. */
int vantio_egress_list(struct vantio_egress **ret, size_t *ret_n, struct vantio_error *err);
/* Detaches everywhere; a clsact qdisc that was made for it and holds nothing else goes too. */
void vantio_egress_clear(void);

/* A descriptor that becomes readable when interfaces come or change. */
int vantio_egress_watch(int *ret_fd, struct vantio_error *err);
/* Takes what it has to say. */
void vantio_egress_watched(int fd);

#endif
