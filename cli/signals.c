// SPDX-License-Identifier: Apache-2.0
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli.h"

static struct sigaction pipe_found; /* SIGPIPE's action at the start */

void cli_signals_ignore_pipe(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGPIPE, &ignore, &pipe_found);
}

void cli_child_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigaction(SIGPIPE, &pipe_found, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int cli_signals_open_list(const int *signals, size_t n, struct vantio_error *err)
{
	sigset_t set;
	size_t i;
	int fd;

	sigemptyset(&set);
	for (i = 0; i < n; i++)
		sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return vantio_fail(err, errno, "cannot block signals: %s", strerror(errno));
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return vantio_fail(err, errno, "cannot wait for signals: %s", strerror(errno));
	return fd;
}

int cli_signals_open(struct vantio_error *err)
{
	static const int stop[] = { SIGINT, SIGTERM, SIGHUP };

	return cli_signals_open_list(stop, sizeof(stop) / sizeof(stop[0]), err);
}

int cli_signals_read_from(int fd, bool *ret_from_terminal)
{
	struct signalfd_siginfo info;
	ssize_t n;

	do
		n = read(fd, &info, sizeof(info));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(info))
		return 0;
	*ret_from_terminal = info.ssi_code == SI_KERNEL;
	return (int)info.ssi_signo;
}

int cli_signals_read(int fd)
{
	bool ignored;

	return cli_signals_read_from(fd, &ignored);
}
