/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attempts of escape.h against the tier user: t_user_*.c. IN(governed_agent, uid) is a process under it, in the middle of this program, so
 * that descriptors and processes of before are there; IN(NULL, uid) is nobody's. Needs no engine: in a guest, or as root natively.
 * What is left out, of the 157 attempts and the tests of t_escape*.c:
 * - t_escape_engine.c: the engine's pins, maps, folders and switches, which are not there, and root's files, which a user cannot open;
 *   keys, performance events, bpf and modules are tried in tests/sandbox/test_kernel.sh.
 * - the tests of t_escape.c and t_escape_route.c that are no attempts: they need root or a capability (devices, the clock, freezing, fanotify's
 *   permissions, routes, marks, namespaces of others). Their 32-bit calls, remapped code and flags are tried in tests/sandbox.
 * - the time of root of each attempt: this tier is an ordinary user's. What the kernel itself refuses a user (ROOTS_ALONE) is tried, without a control.
 */
#ifndef VANTIO_TESTS_ESCAPE_USER_H
#define VANTIO_TESTS_ESCAPE_USER_H

#include <poll.h>
#include <setjmp.h>
#include <sys/signalfd.h>

#include "policy/policy.h"
#include "sandbox/supervisor.h"

#define DATA "/tmp/vantio-escape"

static char user_policy[4096];

__attribute__((constructor)) static void user_data(void)
{
	if (!getuid() && (!mkdir(DATA, 0777) || errno == EEXIST) && chmod(DATA, 0777))
		perror(DATA);
}

static void user_setup(const char *body)
{
	static const char programs[] = "\"/vm/**\""; /* where tests lie in a guest: this one is elsewhere natively */
	const char *at = strstr(body, programs);
	char exe[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	REQUIRE(n > 0 && strrchr(exe, '/'));
	*strrchr(exe, '/') = '\0';
	if (at)
		snprintf(user_policy, sizeof(user_policy), "schema = 1\nname = \"escape\"\n%.*s\"%s/**\"%s", (int)(at - body), body, exe, at + strlen(programs));
	else
		snprintf(user_policy, sizeof(user_policy), "schema = 1\nname = \"escape\"\n%s", body);
	make_folder(DATA "/home");
	make_folder(DATA "/home/run");
	setenv("HOME", DATA "/home", 1);
	setenv("XDG_RUNTIME_DIR", DATA "/home/run", 1);
}

static void to_body(void *env)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	longjmp(*(jmp_buf *)env, 1);
}

/* Answers until the last one has ended; what `child` ended with. */
static int user_serve(struct vantio_box *box, pid_t child, int sigchld)
{
	struct pollfd p[2] = { { .fd = vantio_box_listener(box), .events = POLLIN }, { .fd = sigchld, .events = POLLIN } };
	int status = -1, s;
	char drained[sizeof(struct signalfd_siginfo)];
	pid_t pid;

	for (;;) {
		while ((pid = waitpid(-1, &s, WNOHANG | __WALL)) > 0)
			if (!vantio_box_stopped(box, pid, s) && pid == child)
				status = s;
		if (pid < 0)
			return status;
		REQUIRE(poll(p, 2, -1) > 0);
		if (p[0].revents & POLLIN)
			vantio_box_serve(box);
		else if (p[0].revents)
			p[0].fd = -1;
		if (p[1].revents)
			REQUIRE(read(sigchld, drained, sizeof(drained)) > 0);
	}
}

static void user_supervise(jmp_buf *env)
{
	struct vantio_box_options o = { .ledger_dir = DATA "/home/ledger", .runtime_dir = DATA "/home/run", .agent = "escape" };
	struct vantio_diagnostics diags = {};
	struct vantio_journal_summary summary = {};
	struct vantio_policy *policy = NULL;
	struct vantio_error err = {};
	struct vantio_box *box;
	sigset_t chld;
	int status;
	pid_t child;

	if (vantio_policy_parse(user_policy, strlen(user_policy), "escape", &(struct vantio_expand){}, &policy, &diags, &err))
		printf("# %s\n", err.text);
	REQUIRE(policy);
	o.policy = policy;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	if (vantio_box_new(&o, &box, &err) || vantio_box_start(box, to_body, env, &child, &err)) {
		printf("# %s\n", err.text);
		REQUIRE(!"the tier user");
	}
	status = user_serve(box, child, signalfd(-1, &chld, SFD_CLOEXEC));
	if (vantio_box_close(box, &summary, &err))
		printf("# %s\n", err.text);
	REQUIRE(WIFEXITED(status));
	fflush(stdout);
	_exit(WEXITSTATUS(status));
}

static bool user_enter(const char *agent, uid_t uid, const char *file, int line)
{
	static jmp_buf env;

	if (!in_enter(NULL, uid, file, line))
		return false;
	if (agent && !setjmp(env))
		user_supervise(&env);
	return true;
}

#undef IN
#define IN(agent, uid) for (bool in_ = user_enter(agent, uid, __FILE__, __LINE__); in_; in_ = in_leave())

#endif
