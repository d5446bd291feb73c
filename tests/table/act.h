/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a row of the table does, by its system calls: the player does it, whoever runs the player knows how it is asked of the evaluator
 * and what it leaves behind. Needs the C library alone: the player is a static program, so that a policy need not speak of libraries.
 */
#ifndef VANTIO_TABLE_ACT_H
#define VANTIO_TABLE_ACT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ACT_ARG_MAX 8192
#define ACT_RAN     42 /* exit status of tests/table/mark.c, which is executed */

struct act_request {
	int32_t op; /* of act_ops */
	int32_t victim; /* a process of somebody else's */
	char arg[2][ACT_ARG_MAX];
};

struct act_reply {
	int32_t pid;    /* of the process that did it: each row has its own */
	int32_t result; /* 0, or the errno */
	char text[ACT_ARG_MAX]; /* what was read */
};

/* What there is to see from outside if it was done. */
enum act_effect {
	ACT_TELLS = 0, /* nothing */
	ACT_READS,     /* the reply bears the file's text */
	ACT_CHANGES,   /* one of the names that it was done to is not as it was */
	ACT_ARRIVES,   /* somebody who listens there was reached */
	ACT_KILLS,     /* the victim is dead */
};

struct act_op {
	const char *name;
	const char *asked;  /* the evaluator's and the records' name of it */
	unsigned int args;
	enum act_effect effect;
	int (*act)(const struct act_request *q, char *text); /* 0 or the errno */
};

extern const struct act_op act_ops[];
int act_find(const char *name); /* -1: none */

/* Reads, or writes (`out`), all of it. */
bool act_whole(int fd, void *at, size_t len, bool out);

union act_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

/* "[tcp:|udp:]HOST:PORT", "unix:/path", "unix:@name". False if it is none. */
bool act_address(const char *target, union act_address *ret, socklen_t *ret_len, int *ret_type);

#endif
