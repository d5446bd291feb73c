/* SPDX-License-Identifier: Apache-2.0 */
/* The question that a record answers, and a policy's answer to it: what `policy replay` and `policy learn` share. */
#ifndef VANTIO_CLI_RECORDED_H
#define VANTIO_CLI_RECORDED_H

#include "ledger/reader.h"
#include "ledger_filter.h"
#include "policy/image.h"

enum recorded_kind {
	RECORDED_QUESTION,
	RECORDED_OTHER,     /* decided by limits, the kill switch, the engine or a person, not by rules */
	RECORDED_ERASED,    /* what was asked for is gone */
	RECORDED_DAMAGED,   /* or is not what the record commits to */
	RECORDED_UNASKABLE, /* not a question to the text of a policy: a socket family, a file without a path */
};

struct recorded {
	enum vantio_op op;
	char *rule;                 /* owned: of the record, escaped once; "" where it names none */
	char *target, *target2;     /* owned, raw; NULL: none */
	struct vantio_net_rule net; /* the target, if it is an address; host NULL */
	char *host;                 /* owned: "tcp:name:443", if the record names the host; or NULL */
	bool permitted;
	bool reads;                 /* what was opened for writing was opened for reading too, and needs both */
};

/* *ret is the caller's (recorded_clear) whatever is returned. -ENOMEM. */
int recorded_read(const struct vantio_hit *hit, enum recorded_kind *ret_kind, struct recorded *ret, struct vantio_error *err);
void recorded_clear(struct recorded *q);

enum recorded_answer {
	RECORDED_ANSWER,
	RECORDED_UNSETTLED, /* an address that a host name of the policy may stand for */
	RECORDED_NO_ANSWER, /* unaskable after all */
};

enum recorded_answer recorded_judge(const struct vantio_policy *p, const struct vantio_image *image, const struct recorded *q,
				    struct vantio_explanation *ret);

/* Calls `hit` with every record that matches, in the order of the log; `f` may be NULL. */
int recorded_each(struct vantio_reader *reader, const struct vantio_query *base, const struct vantio_filter *f,
		  int (*hit)(void *ctx, const struct vantio_hit *hit, struct vantio_error *err), void *ctx, struct vantio_error *err);

#endif
