// SPDX-License-Identifier: Apache-2.0
/*
 * The governed side of the table: requests on standard input, replies on standard output, each row in a process of its own, so that
 * records can be told apart by their pid. Who runs it looks at the files and at the records.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "act.h"

/* In the child; what it found out goes through the pipe, which a successful exec closes. */
static void do_row(const struct act_request *q, int out)
{
	static struct act_reply reply;

	close(0);
	close(1);
	reply.result = act_ops[q->op].act(q, reply.text);
	_exit(act_whole(out, &reply, sizeof(reply), true) ? 0 : 1);
}

static void play(const struct act_request *q, struct act_reply *ret)
{
	int fds[2], status = 0;
	pid_t child;

	memset(ret, 0, sizeof(*ret));
	ret->result = ECHILD;
	if (pipe2(fds, O_CLOEXEC))
		return;
	child = fork();
	if (!child)
		do_row(q, fds[1]);
	close(fds[1]);
	if (child > 0 && !act_whole(fds[0], ret, sizeof(*ret), false))
		ret->result = ECHILD; /* it was executed, or died */
	close(fds[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	ret->pid = child;
	if (ret->result == ECHILD && WIFEXITED(status) && WEXITSTATUS(status) == ACT_RAN)
		ret->result = 0;
}

int main(void)
{
	static struct act_request q;
	static struct act_reply reply;

	while (act_whole(0, &q, sizeof(q), false)) {
		play(&q, &reply);
		if (!act_whole(1, &reply, sizeof(reply), true))
			return 1;
	}
	return 0;
}
