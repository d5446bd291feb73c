// SPDX-License-Identifier: Apache-2.0
/* What a service manager hears of `vantioctl enforce`: ready when the policy is in force and not before. */
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "engine.h"

#define POLICY "/tmp/notify.toml"

static pid_t enforce(const char *notify)
{
	pid_t child = fork();

	if (child == 0) {
		setenv("NOTIFY_SOCKET", notify, 1);
		execlp("vantioctl", "vantioctl", "--quiet", "--ledger", "/tmp/notify-ledger", "enforce", "--policy", POLICY, NULL);
		_exit(127);
	}
	return child;
}

/* The next datagram as text; "" if none comes within two minutes. */
static const char *hear(int fd)
{
	static char text[256];
	struct timeval limit = { .tv_sec = 120 };
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	n = recv(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void enforce_tells(const struct sockaddr_un *addr, socklen_t len, const char *notify)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), status;
	pid_t child;

	REQUIRE(!bind(fd, (const struct sockaddr *)addr, len));
	child = enforce(notify);
	CHECK_STR(hear(fd), "READY=1");
	CHECK_SH(0, "vantioctl --json status | grep -q '\"notify\"'");
	kill(child, SIGTERM);
	CHECK_STR(hear(fd), "STOPPING=1");
	REQUIRE(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
	close(fd);
}

SETUP()
{
	engine_ready();
	CHECK_SH(0, "printf 'schema = 1\\nname = \"notify\"\\n[file]\\ndefault = \"allow\"\\n[exec]\\ndefault = \"allow\"\\n"
		    "[network]\\ndefault = \"allow\"\\n' >" POLICY);
}

TEST_WITHIN(notify_socket_file_hears_ready_and_stopping, 240)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/run/notify" };

	enforce_tells(&addr, sizeof(addr), "/run/notify");
}

TEST_WITHIN(notify_abstract_socket_hears_ready_and_stopping, 240)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path + 1, "notify", 6);
	enforce_tells(&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 7), "@notify");
}

TEST_WITHIN(notify_refused_policy_is_never_ready, 240)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/run/notify-bad" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), status;
	char text[16];
	pid_t child;

	REQUIRE(!bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SH(0, "echo 'schema = 9' >" POLICY);
	child = enforce("/run/notify-bad");
	REQUIRE(waitpid(child, &status, 0) == child);
	CHECK_INT(WEXITSTATUS(status), 1);
	CHECK_FAILS(recv(fd, text, sizeof(text), MSG_DONTWAIT), EAGAIN);
}

VT_MAIN()
