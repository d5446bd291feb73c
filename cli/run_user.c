// SPDX-License-Identifier: Apache-2.0
/* run without privileges: this process supervises the command and what it starts, until the last of it has ended. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/history.h"
#include "policy/resolve.h"
#include "run.h"
#include "sandbox/supervisor.h"
#include "sandbox/tree.h"
#include "signals.h"

#define LINGER_MS 1000 /* after which it is said that processes are left */

struct user_run {
	struct cli *cli;
	struct vantio_box *box;
	struct vantio_resolution res; /* owned */
	char name[VANTIO_NAME_MAX];
	int signals;
	pid_t child;
	int status;      /* to pass on; -1 while the command runs */
	bool all_ended, told, halted;
};

static void exec_it(void *arg)
{
	run_exec(arg);
}

/* ---- before ---- */

static int resolve_hosts(struct user_run *u, struct cli_policy *policy)
{
	struct vantio_resolve_options options = { .resolver = vantio_resolver_system, .resolv_conf = VANTIO_RESOLV_CONF, .at_once = true };
	struct vantio_diagnostics diags = {};
	struct vantio_error err = {};
	size_t i;
	int r;

	if (!policy->policy->names_hosts)
		return CLI_OK;
	r = vantio_resolve_policy(policy->policy, &options, &u->res, &diags, &err);
	for (i = 0; i < diags.n; i++)
		cli_note(u->cli, "%s:%u: %s", vantio_pos_file(diags.items[i].pos, policy->file), diags.items[i].pos.line, diags.items[i].text);
	vantio_diagnostics_free(&diags);
	return r ? cli_fail_error(u->cli, &err) : CLI_OK;
}

/* The ledger and what governs runs belong to the same user as the command: no policy opens them to it. */
static int protect(struct cli *cli, struct vantio_policy *p, char **ret_run)
{
	cleanup_free char *runtime = vantio_runtime_dir(), *ledger = NULL;
	struct vantio_error err = {};
	char *folders[2];

	ledger = vantio_path_to_be(cli_ledger_dir(cli));
	*ret_run = runtime ? vantio_path_to_be(runtime) : NULL;
	if (!ledger || !*ret_run)
		return cli_fail(cli, CLI_FAILURE, "cannot tell where the ledger is, which the command must not reach: %s", strerror(errno));
	folders[0] = ledger;
	folders[1] = *ret_run;
	return vantio_policy_protect(p, folders, 2, &err) ? cli_fail_error(cli, &err) : CLI_OK;
}

static int check_plan(struct user_run *u)
{
	const struct vantio_plan *plan = vantio_box_plan(u->box);
	cleanup_buf struct vantio_buf list = VANTIO_BUF_INIT;
	size_t i;

	for (i = 0; i < plan->n_unmet; i++)
		vantio_buf_printf(&list, "%s%s", i ? "; " : "", plan->unmet[i]);
	if (!plan->n_unmet)
		return CLI_OK;
	if (!cli_has(u->cli, "allow-degraded"))
		return cli_fail(u->cli, CLI_UNSUPPORTED, "the tier user cannot do what the policy says: %s. Change the policy, use --tier kernel, or go on with --allow-degraded",
				list.data ? list.data : "");
	cli_note(u->cli, "going on without: %s", list.data ? list.data : "");
	vantio_box_degrade(u->box, list.data ? list.data : "");
	return CLI_OK;
}

static int make_box(struct user_run *u, struct cli_policy *policy, bool observe)
{
	struct vantio_box_options o = { .policy = policy->policy, .res = &u->res, .ledger_dir = cli_ledger_dir(u->cli), .agent = u->name, .observe = observe };
	const char *abi = getenv("VANTIO_LANDLOCK_ABI");
	cleanup_free char *runtime = NULL;
	struct vantio_error err = {};
	uint64_t cap = 0;
	int r = run_trace_id(u->cli, &o.trace_id);

	if (!*o.ledger_dir)
		return CLI_FAILURE;
	if (!r)
		r = protect(u->cli, policy->policy, &runtime);
	o.runtime_dir = runtime;
	if (!r)
		r = resolve_hosts(u, policy);
	if (r)
		return r;
	if (abi && (!vantio_parse_u64(abi, strlen(abi), 1000, &cap) || !cap))
		return cli_fail(u->cli, CLI_USAGE, "VANTIO_LANDLOCK_ABI='%s' is no ABI: 1 to %d", abi, VANTIO_LANDLOCK_ABI_MAX);
	o.landlock_abi = (unsigned int)cap;
	if (!observe && run_audits(u->cli))
		policy->policy->audit = true;
	if (vantio_box_new(&o, &u->box, &err))
		return cli_fail_error(u->cli, &err);
	return observe ? CLI_OK : check_plan(u);
}

/* ---- while it runs ---- */

/* The command was stopped from its terminal: so are we, until both are continued. */
static void stop_along(pid_t child)
{
	raise(SIGSTOP);
	kill(child, SIGCONT);
}

static void reap(struct user_run *u)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | __WALL)) > 0) {
		if (vantio_box_stopped(u->box, pid, status))
			continue;
		if (pid != u->child)
			continue;
		if (WIFSTOPPED(status) && vantio_box_halted(u->box))
			continue; /* by the kill switch, or a limit */
		if (WIFSTOPPED(status))
			stop_along(pid);
		else
			u->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	u->all_ended = pid < 0 && errno == ECHILD;
}

static void kill_one(pid_t pid, void *arg)
{
	kill(pid, *(int *)arg);
}

static void pass_on(struct user_run *u, int sig)
{
	if (u->status < 0)
		kill(u->child, sig);
	else if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT) /* for those who are left */
		vantio_tree_each(getpid(), kill_one, &sig);
}

static void read_signals(struct user_run *u)
{
	bool from_terminal = false;
	int sig;

	while ((sig = cli_signals_read_from(u->signals, &from_terminal)) > 0)
		if (sig != SIGCHLD && (!from_terminal || u->status >= 0)) /* the terminal sent its own to the command as well */
			pass_on(u, sig);
}

/* What is not recorded must not go on. */
static void end_all(void)
{
	int sig = SIGKILL;

	while (vantio_tree_each(getpid(), kill_one, &sig))
		while (waitpid(-1, NULL, __WALL) > 0)
			;
}

static void tell_halt(struct user_run *u)
{
	const bool halted = vantio_box_halted(u->box);

	if (halted && !u->halted && vantio_box_ended(u->box))
		cli_note(u->cli, "%s is ended by the kill switch", u->name);
	else if (halted && !u->halted)
		cli_note(u->cli, "%s is halted: 'vantioctl agent release %s' lets it go on, 'vantioctl killswitch --hard --agent %s' ends it",
			 u->name, u->name, u->name);
	u->halted = halted;
}

static int watch(struct user_run *u)
{
	struct pollfd p[4] = { { .fd = u->signals, .events = POLLIN }, { .fd = vantio_box_listener(u->box), .events = POLLIN }, { .events = POLLIN },
			       { .fd = vantio_box_control_fd(u->box), .events = POLLIN } };
	int n;

	reap(u);
	while (!u->all_ended) {
		p[2].fd = vantio_box_failed_fd(u->box);
		n = poll(p, 4, u->status >= 0 && !u->told ? LINGER_MS : -1);
		if (n < 0 && errno != EINTR)
			return cli_fail(u->cli, CLI_FAILURE, "cannot wait for the command: %s", strerror(errno));
		if (!n) {
			u->told = true;
			cli_note(u->cli, "waiting for processes that the command left behind: they stay governed until they end");
		}
		if (n > 0 && p[1].revents & POLLIN)
			vantio_box_serve(u->box);
		else if (n > 0 && p[1].revents)
			p[1].fd = -1; /* nobody is governed any more */
		if (n > 0 && p[0].revents) {
			read_signals(u);
			reap(u);
		}
		if (n > 0 && p[3].revents)
			vantio_box_control(u->box);
		tell_halt(u);
		if (n > 0 && p[2].revents) {
			end_all();
			return CLI_FAILURE; /* closing says why */
		}
	}
	return CLI_OK;
}

/* ---- the whole ---- */

int run_sandboxed(struct cli *cli, struct cli_policy *policy, bool observe, char ret_agent[VANTIO_NAME_MAX])
{
	static const int passed_on[] = { SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH };
	struct user_run u = { .cli = cli, .signals = -1, .status = -1 };
	struct vantio_journal_summary summary = {};
	struct vantio_error err = {};
	int code;

	run_agent_name(cli, policy, u.name);
	code = make_box(&u, policy, observe);
	if (!code) {
		u.signals = cli_signals_open_list(passed_on, VANTIO_ARRAY_SIZE(passed_on), &err);
		code = u.signals < 0 ? cli_fail_error(cli, &err) : CLI_OK;
	}
	if (!code && vantio_box_start(u.box, exec_it, cli, &u.child, &err))
		code = cli_fail_error(cli, &err);
	if (!code)
		code = watch(&u);
	if (vantio_box_close(u.box, &summary, &err))
		code = cli_fail_error(cli, &err);
	if (ret_agent)
		memcpy(ret_agent, u.name, sizeof(u.name));
	else
		run_report(cli, policy, u.name, &summary);
	vantio_journal_summary_clear(&summary);
	vantio_resolution_free(&u.res);
	vantio_close_fd(&u.signals);
	return code ? code : u.status;
}
