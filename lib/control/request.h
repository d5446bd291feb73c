/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other commands ask of a running `enforce`: one datagram to /run/vantio/enforce.sock, with a descriptor on which the answer
 * comes. Nothing is kept between the two, so nobody can hold the daemon up; only its own user is heard.
 */
#ifndef VANTIO_CONTROL_REQUEST_H
#define VANTIO_CONTROL_REQUEST_H

#include <stdbool.h>

#include "base/error.h"

#define VANTIO_REQUEST_MAX 1024 /* bytes of a question or an answer, with its NUL */

/* ---- the daemon's side; it holds the lock of vantio_session_hold() ---- */

/* A descriptor to poll(2) for questions. */
int vantio_request_listen(int *ret_fd, struct vantio_error *err);
void vantio_request_unlisten(int *fd);

struct vantio_request {
	char text[VANTIO_REQUEST_MAX];
	int reply;
};

/* Takes one question; false if there is none that counts. Then vantio_request_answer() closes what it holds. */
bool vantio_request_take(int fd, struct vantio_request *ret);
void vantio_request_answer(struct vantio_request *q, const char *text);

/* ---- the other side ---- */

/* Asks and waits. ENOTCONN: no `enforce` is there to hear it; ETIMEDOUT: it does not answer. */
int vantio_request_ask(const char *text, char answer[VANTIO_REQUEST_MAX], struct vantio_error *err);

#endif
