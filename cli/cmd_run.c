// SPDX-License-Identifier: Apache-2.0
/*
 * run: one command under a policy. In the kernel tier it gets a transient cgroup, in which it is born; the command does not start
 * before its label is seen. Signals, terminal and exit status are as if it ran bare.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli.h"
#include "control/pump.h"
#include "control/session.h"
#include "engine/cgroup.h"
#include "engine/probe.h"
#include "engine_cli.h"
#include "run.h"
#include "sandbox/landlock.h"
#include "signals.h"

struct run {
	struct cli *cli;
	struct vantio_engine engine;
	struct vantio_pump *pump; /* NULL where an `enforce` writes the ledger */
	uint32_t agent;
	char name[VANTIO_NAME_MAX];
	char *cgroup_dir; /* owned: absolute */
	int cgroup, signals, pidfd;
	pid_t child;
	bool entered; /* the cgroup was made */
	size_t refused, recorded;
};

/* ---- the cgroup ---- */

static int make_cgroup(struct run *r)
{
	cleanup_free char *root = NULL, *parent = NULL, *opened = NULL;
	struct vantio_error err = {};

	if (vantio_cgroup_root(&root, &err))
		return cli_fail_error(r->cli, &err);
	if (asprintf(&parent, "%s/vantio", root) < 0 || asprintf(&r->cgroup_dir, "%s/run-%d", parent, (int)getpid()) < 0)
		return cli_fail(r->cli, CLI_FAILURE, "out of memory");
	if (mkdir(parent, 0755) && errno != EEXIST)
		return cli_fail(r->cli, CLI_FAILURE, "cannot make the cgroup %s: %s", parent, strerror(errno));
	if (mkdir(r->cgroup_dir, 0755))
		return cli_fail(r->cli, CLI_FAILURE, "cannot make the cgroup %s: %s", r->cgroup_dir, strerror(errno));
	r->entered = true;
	if (vantio_cgroup_open(r->cgroup_dir, &r->cgroup, &opened, &err))
		return cli_fail_error(r->cli, &err);
	return CLI_OK;
}

/* ---- the command ---- */

void run_exec(struct cli *cli)
{
	char **argv = cli_program(cli);
	cleanup_free char *safe = vantio_escape_dup(argv[0], strlen(argv[0]));
	int code;

	cli_child_signals();
	execvp(argv[0], argv);
	code = errno == ENOENT ? 127 : 126;
	cli_fail(cli, CLI_FAILURE, "cannot run '%s': %s%s", safe ? safe : "", strerror(errno),
		 errno == EACCES || errno == EPERM ? "; the policy's [exec], or the file's mode, does not allow it" : "");
	_exit(code);
}

/* Whether the kernel has labelled the new process as ours. */
static bool is_labelled(const struct run *r)
{
	cleanup_free struct vantio_task *tasks = NULL;
	struct vantio_error ignored = {};
	size_t n = 0, i;

	if (vantio_tasks_list(&tasks, &n, &ignored))
		return false;
	for (i = 0; i < n; i++)
		if (tasks[i].pid == (uint32_t)r->child && tasks[i].agent == r->agent)
			return true;
	return false;
}

static int start_command(struct run *r)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP | CLONE_PIDFD, .exit_signal = SIGCHLD };
	int gate[2];
	char go = 1;

	if (pipe2(gate, O_CLOEXEC))
		return cli_fail(r->cli, CLI_FAILURE, "cannot make a pipe: %s", strerror(errno));
	args.pidfd = (uintptr_t)&r->pidfd;
	args.cgroup = (uint64_t)r->cgroup;
	r->child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (r->child == 0) {
		close(gate[1]);
		if (read(gate[0], &go, 1) != 1)
			_exit(126); /* the parent would not let us go */
		run_exec(r->cli);
	}
	close(gate[0]);
	if (r->child < 0 || !is_labelled(r)) {
		close(gate[1]); /* the child ends at once */
		if (r->child > 0)
			waitpid(r->child, NULL, 0);
		return cli_fail(r->cli, CLI_FAILURE, r->child < 0 ? "cannot start a process: %s" : "the kernel did not take the new process into the agent's cgroup",
				strerror(errno));
	}
	if (write(gate[1], &go, 1) != 1) {
		close(gate[1]);
		return cli_fail(r->cli, CLI_FAILURE, "cannot start the command: %s", strerror(errno));
	}
	close(gate[1]);
	return CLI_OK;
}

/* ---- while it runs ---- */

static void count_record(const struct vantio_record *record, void *arg)
{
	struct run *r = arg;

	if (strcmp(record->agent, r->name) || !strcmp(record->rule, "control"))
		return;
	r->recorded++;
	r->refused += record->decision != VANTIO_PERMIT && record->enforced;
}

/* The command was stopped from its terminal: so are we, until both are continued. */
static void stop_along(pid_t child)
{
	raise(SIGSTOP);
	kill(child, SIGCONT);
}

/* -1 while it runs, else the exit status to pass on. */
static int reap(struct run *r)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(r->child, &status, WNOHANG | WUNTRACED)) == r->child) {
		if (WIFSTOPPED(status)) {
			stop_along(r->child);
			continue;
		}
		return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return -1;
}

static int watch_command(struct run *r, int *ret_status)
{
	struct pollfd p[3] = { { .fd = r->signals, .events = POLLIN }, { .fd = r->pidfd, .events = POLLIN }, { .fd = -1, .events = POLLIN } };
	struct vantio_error err = {};
	bool from_terminal = false;
	int timeout = -1, sig, status;

	while ((status = reap(r)) < 0) {
		if (r->pump)
			vantio_pump_prepare(r->pump, &p[2].fd, &timeout);
		if (poll(p, 3, timeout) < 0 && errno != EINTR)
			return cli_fail(r->cli, CLI_FAILURE, "cannot wait for the command: %s", strerror(errno));
		while ((sig = cli_signals_read_from(r->signals, &from_terminal)) > 0)
			if (sig != SIGCHLD && !from_terminal) /* the terminal sent its own to the command as well */
				kill(r->child, sig);
		if (r->pump && vantio_pump_turn(r->pump, &err)) {
			kill(r->child, SIGKILL); /* what is not recorded must not go on */
			return cli_fail_error(r->cli, &err);
		}
	}
	*ret_status = status;
	return CLI_OK;
}

/* ---- before and after ---- */

bool run_audits(struct cli *cli)
{
	const char *value = getenv("VANTIO_AUDIT_MODE");

	if (!value || strcmp(value, "1"))
		return false;
	cli_note(cli, "audit mode: every decision is recorded, nothing is refused");
	return true;
}

/* In force under a name of its own: agents that are held to the policy of this name stay so. */
static void audit_alone(struct vantio_policy *p)
{
	static const char suffix[] = ".audit";
	const size_t room = sizeof(p->name) - sizeof(suffix), len = strlen(p->name);

	p->audit = true;
	memcpy(p->name + (len < room ? len : room), suffix, sizeof(suffix));
}

static int put_in_force(struct run *r, struct cli_policy *policy)
{
	struct vantio_enroll what = { .flags = VANTIO_AGENT_FLAG_TRANSIENT };
	cleanup_free char *cwd = getcwd(NULL, 0);
	struct vantio_error err = {};
	struct vantio_slot slot;
	int status = run_trace_id(r->cli, &what.trace_id);

	if (status)
		return status;
	run_agent_name(r->cli, policy, r->name);
	if (run_audits(r->cli))
		audit_alone(policy->policy);
	status = cli_push_policy(r->cli, &r->engine, policy, cwd, false, &slot);
	if (status)
		return status;
	what.name = r->name;
	what.slot = slot.slot;
	what.cgroup = r->cgroup_dir;
	if (vantio_agent_enroll(&r->engine, &what, &r->agent, &err))
		return cli_fail_error(r->cli, &err);
	return CLI_OK;
}

static int open_pump(struct run *r)
{
	struct vantio_error err = {};
	int code = vantio_pump_open(&r->engine, cli_ledger_dir(r->cli), &r->pump, &err);

	if (code == -EBUSY)
		return CLI_OK; /* an `enforce` writes it */
	if (code)
		return cli_fail_error(r->cli, &err);
	vantio_pump_set_watch(r->pump, count_record, r);
	return CLI_OK;
}

/* What is left of the command stays governed; otherwise its cgroup goes. */
static void clean_up(struct run *r)
{
	struct vantio_error err = {};
	char events[256];
	bool left = r->cgroup >= 0 && !vantio_read_pseudo(r->cgroup, "cgroup.events", events, sizeof(events), &err) &&
		    strstr(events, "populated 1");

	if (left) {
		cli_note(r->cli, "processes that the command left behind stay governed, as agent %s", r->name);
	} else {
		if (r->agent && !vantio_engine_relock(&r->engine, &err))
			vantio_agent_remove(&r->engine, r->agent, &err);
		if (r->entered)
			rmdir(r->cgroup_dir);
	}
	if (r->pump && vantio_pump_flush(r->pump, &err))
		cli_note(r->cli, "the last records wait in the kernel: %s", err.text);
	if (r->refused)
		cli_note(r->cli, "%zu operation%s refused; 'vantioctl ledger list --agent %s' shows them", r->refused,
			 r->refused == 1 ? " was" : "s were", r->name);
}

/* The name gets the process id behind it, which must fit in too. */
static int check_name(struct cli *cli)
{
	cleanup_free char *safe = NULL;
	const char *name = cli_get(cli, "name");

	if (!name || (*name && strlen(name) <= RUN_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(name)))
		return CLI_OK;
	safe = vantio_escape_dup(name, strlen(name));
	return cli_usage_error(cli, "--name: '%s' is no agent name: 1 to %d of a-z 0-9 . _ -", safe ? safe : "", RUN_NAME_MAX);
}

void run_agent_name(struct cli *cli, const struct cli_policy *policy, char out[VANTIO_NAME_MAX])
{
	snprintf(out, VANTIO_NAME_MAX, "%.*s-%d", RUN_NAME_MAX, cli_has(cli, "name") ? cli_get(cli, "name") : policy->policy->name, (int)getpid());
}

int run_trace_id(struct cli *cli, uint64_t *ret)
{
	const char *trace = getenv("VANTIO_TRACE_ID");

	if (trace && !vantio_parse_trace_id(trace, ret))
		return cli_fail(cli, CLI_USAGE, "VANTIO_TRACE_ID='%s' is no trace id: 0x and 16 hex digits", trace);
	if (!trace && getrandom(ret, sizeof(*ret), 0) != sizeof(*ret))
		return cli_fail(cli, CLI_FAILURE, "cannot draw a trace id: %s", strerror(errno));
	return CLI_OK;
}

/* The strongest tier that works here, said once. CLI_OK, or the exit code after reporting. */
static int choose_tier(struct cli *cli, const char **tier)
{
	const struct vantio_probe *first = NULL;
	struct vantio_probe_report report;
	unsigned int abi;

	if (strcmp(*tier, "auto"))
		return CLI_OK;
	if (!geteuid()) { /* only root can have it, and looking takes its time */
		vantio_probe_host(&report);
		if (vantio_probe_tier(&report, VANTIO_TIER_KERNEL, &first)) {
			*tier = "kernel";
			cli_note(cli, "tier kernel: BPF programs at the kernel's security hooks");
			return CLI_OK;
		}
	}
	abi = vantio_landlock_abi(0);
	if (abi) {
		*tier = "user";
		cli_note(cli, "tier user: seccomp and Landlock (ABI %u)", abi);
		return CLI_OK;
	}
	if (!cli_has(cli, "allow-degraded"))
		return cli_fail(cli, CLI_UNSUPPORTED, "no tier can enforce a policy here; 'vantioctl doctor' says what is missing; --allow-degraded goes on and only records");
	*tier = "observe";
	cli_note(cli, "tier observe: nothing of the policy is enforced, for this kernel has no Landlock");
	return CLI_OK;
}

static int run_kernel(struct cli *cli, struct cli_policy *policy)
{
	static const int passed_on[] = { SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH };
	struct run r = { .cli = cli, .engine = VANTIO_ENGINE_INIT, .cgroup = -1, .signals = -1, .pidfd = -1 };
	struct vantio_error err = {};
	int status = 0, code;

	r.signals = cli_signals_open_list(passed_on, VANTIO_ARRAY_SIZE(passed_on), &err);
	code = r.signals < 0 ? cli_fail_error(cli, &err) : CLI_OK;
	if (!code)
		code = cli_engine_ready(cli, &r.engine);
	if (!code)
		code = open_pump(&r);
	if (!code)
		code = make_cgroup(&r);
	if (!code)
		code = put_in_force(&r, policy);
	if (!code) {
		vantio_engine_unlock(&r.engine);
		code = start_command(&r);
	}
	if (!code)
		code = watch_command(&r, &status);
	clean_up(&r);
	vantio_pump_close(r.pump);
	vantio_engine_close(&r.engine);
	vantio_close_fd(&r.cgroup);
	vantio_close_fd(&r.signals);
	vantio_close_fd(&r.pidfd);
	free(r.cgroup_dir);
	return code ? code : status;
}

int cmd_run(struct cli *cli)
{
	const char *tier = cli_has(cli, "tier") ? cli_get(cli, "tier") : "auto";
	cleanup_free char *fallback = vantio_default_policy_path();
	cleanup_phantom struct vantio_phantom phantom = VANTIO_PHANTOM_INIT;
	cleanup_cli_policy struct cli_policy policy = {};
	int code = check_name(cli);

	if (!code && cli_has(cli, "preset") && cli_has(cli, "policy"))
		code = cli_usage_error(cli, "--preset and --policy: write extends = [\"preset:%s\"] into the policy instead", cli_get(cli, "preset"));
	else if (!code && cli_has(cli, "preset"))
		code = cli_policy_need_presets(cli, &policy);
	else if (!code)
		code = cli_has(cli, "policy") ? cli_policy_need(cli, &policy, cli_get(cli, "policy"), NULL) :
						cli_policy_need_fallback(cli, &policy, fallback, NULL, ", or --preset NAME ('vantioctl policy presets' lists them)");
	if (!code)
		code = choose_tier(cli, &tier);
	if (!code && cli_has(cli, "phantom"))
		code = run_phantom_enter(cli, &policy, &phantom);
	if (code)
		return code;
	code = !strcmp(tier, "kernel") ? run_kernel(cli, &policy) : run_sandboxed(cli, &policy, !strcmp(tier, "observe"), NULL);
	if (cli_has(cli, "phantom"))
		run_phantom_leave(cli, &phantom);
	return code;
}

static const char *const tiers[] = { "auto", "kernel", "user", "observe", NULL };

static const struct cli_option run_options[] = {
	{ .name = "policy", .letter = 'p', .kind = CLI_POLICY, .metavar = "FILE",
	  .help = "the policy (default: $VANTIO_POLICY_PATH, /etc/vantio/policy.toml, or in ~/.config)" },
	{ .name = "preset", .letter = 'P', .kind = CLI_PRESET, .metavar = "NAME", .repeat = true,
	  .help = "a preset as the policy ('vantioctl policy presets' lists them), or several together" },
	{ .name = "tier", .letter = 't', .kind = CLI_CHOICE, .metavar = "TIER", .choices = tiers, .help = "who enforces it (default: auto, the strongest that works)" },
	{ .name = "name", .letter = 'n', .kind = CLI_TEXT, .metavar = "NAME", .help = "what records call it, before its number (default: the policy's name)" },
	{ .name = "phantom", .kind = CLI_FLAG, .help = "keep what it writes from the host, until 'vantioctl phantom commit'" },
	{ .name = "allow-degraded", .kind = CLI_FLAG, .help = "go on where the tier cannot do all that the policy says" },
	{ 0 },
};
static const struct cli_arg run_args[] = { { .metavar = "COMMAND", .kind = CLI_PROGRAM }, { 0 } };

static const struct cli_command run_commands[] = {
	{ .help = "run one command under a policy and pass on its status", .options = run_options, .args = run_args, .run = cmd_run },
	{ 0 },
};
const struct cli_noun cli_noun_run = { "run", "run one command under a policy", run_commands };
