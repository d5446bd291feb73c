// SPDX-License-Identifier: Apache-2.0
/* enforce: load, push, enrol, drain into the ledger, until stopped. What is in force stays in force when it stops. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli.h"
#include "control/pump.h"
#include "control/refresh.h"
#include "control/session.h"
#include "engine/egress.h"
#include "engine_cli.h"
#include "key_rotation.h"
#include "notify.h"
#include "policy_input.h"

#define POLICIES_MAX 16
#define REFRESH_NS   30000000000u /* between looks at the addresses of host names */
#define REFRESH_LEAST 100000000u
#define ROTATE_NS    86400000000000u /* a signing key serves a day */
#define ROTATE_LEAST 1000000000u
#define INTERFACES_MAX 64

struct enforcement {
	struct cli *cli;
	struct vantio_engine engine;
	struct vantio_pump *pump;
	struct vantio_refresh *refresh; /* NULL where nothing that the policies name can change */
	char *fallback; /* owned: where a policy is that is not named */
	struct cli_policy policies[POLICIES_MAX]; /* they borrow their files' names */
	const struct vantio_policy *parsed[POLICIES_MAX]; /* of the same, for the refresh */
	size_t n;
	struct key_rotation keys;
	const char *interfaces[INTERFACES_MAX];
	size_t n_interfaces; /* 0: the packet filter stays where it is */
	int lock, signals, timer, links;
};

static void enforcement_end(struct enforcement *f)
{
	size_t i;

	vantio_refresh_close(f->refresh);
	key_rotation_close(&f->keys);
	vantio_pump_close(f->pump);
	vantio_engine_close(&f->engine);
	for (i = 0; i < f->n; i++)
		cli_policy_free(&f->policies[i]);
	free(f->fallback);
	vantio_close_fd(&f->lock);
	vantio_close_fd(&f->signals);
	vantio_close_fd(&f->timer);
	vantio_close_fd(&f->links);
}

static int read_policies(struct enforcement *f)
{
	const char *file;
	size_t i;
	int r;

	f->fallback = vantio_default_policy_path();
	for (i = 0; (file = cli_get_nth(f->cli, "policy", i)) || i == 0; i++) {
		if (i == POLICIES_MAX)
			return cli_usage_error(f->cli, "at most %d policies at once", POLICIES_MAX);
		f->n = i + 1;
		r = file ? cli_policy_need(f->cli, &f->policies[i], file, cli_get(f->cli, "workdir")) :
			   cli_policy_need_fallback(f->cli, &f->policies[i], f->fallback, cli_get(f->cli, "workdir"), "");
		if (r)
			return r;
		r = cli_policy_without_workdir(f->cli, &f->policies[i]);
		if (r)
			return r;
	}
	return CLI_OK;
}

static int push_all(struct enforcement *f)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < f->n; i++)
		r = cli_push_policy(f->cli, &f->engine, &f->policies[i], cli_get(f->cli, "workdir"), true, NULL);
	return r;
}

static int set_audit(struct enforcement *f)
{
	const char *value = getenv("VANTIO_AUDIT_MODE");
	struct vantio_error err = {};
	bool audit = cli_has(f->cli, "audit") || (value && !strcmp(value, "1"));

	if (vantio_engine_set_audit(&f->engine, audit, &err))
		return cli_fail_error(f->cli, &err);
	if (audit)
		cli_note(f->cli, "audit mode: every decision is recorded, nothing is refused");
	return CLI_OK;
}

static int read_interfaces(struct enforcement *f)
{
	const char *name;
	bool all = false;

	while ((name = cli_get_nth(f->cli, "egress-interface", f->n_interfaces))) {
		if (f->n_interfaces == INTERFACES_MAX)
			return cli_usage_error(f->cli, "at most %d interfaces; '%s' is every one", INTERFACES_MAX, VANTIO_EGRESS_ALL);
		all |= !strcmp(name, VANTIO_EGRESS_ALL) || !strcmp(name, VANTIO_EGRESS_NONE);
		f->interfaces[f->n_interfaces++] = name;
	}
	if (all && f->n_interfaces > 1)
		return cli_usage_error(f->cli, "--egress-interface %s and %s stand alone", VANTIO_EGRESS_ALL, VANTIO_EGRESS_NONE);
	return CLI_OK;
}

/* The packet filter on the interfaces that were named, and on those of them that come later. */
static int set_egress(struct enforcement *f)
{
	struct vantio_error err = {};

	if (!f->n_interfaces)
		return CLI_OK;
	if (vantio_egress_watch(&f->links, &err) || vantio_egress_set(f->interfaces, f->n_interfaces, false, &err))
		return cli_fail_error(f->cli, &err);
	return CLI_OK;
}

static void follow_links(struct enforcement *f)
{
	struct vantio_error err = {};

	vantio_egress_watched(f->links);
	if (vantio_engine_relock(&f->engine, &err) || vantio_egress_set(f->interfaces, f->n_interfaces, true, &err))
		cli_note(f->cli, "%s", err.text);
	vantio_engine_unlock(&f->engine);
}

static int start(struct enforcement *f)
{
	struct vantio_error err = {};
	const char *notice;
	size_t i;
	int r;

	if (vantio_session_hold(&f->lock, &err))
		return cli_fail_error(f->cli, &err);
	f->signals = cli_signals_open(&err);
	if (f->signals < 0)
		return cli_fail_error(f->cli, &err);
	r = cli_engine_ready(f->cli, &f->engine);
	if (r)
		return r;
	if (vantio_pump_open(&f->engine, cli_ledger_dir(f->cli), &f->pump, &err))
		return cli_fail_error(f->cli, &err);
	for (i = 0; (notice = vantio_ledger_notice(vantio_pump_ledger(f->pump), i)); i++)
		cli_note(f->cli, "%s", notice);
	r = set_audit(f);
	if (!r)
		r = push_all(f);
	return r ? r : set_egress(f);
}

/* The addresses of host names change while the policy runs, and so does what denied names lead to: asked for again, and pushed again. */
static int start_refresh(struct enforcement *f)
{
	const uint64_t ns = cli_get_number(f->cli, "refresh", REFRESH_NS);
	const struct timespec t = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
	struct itimerspec every = { t, t };
	struct vantio_error err = {};
	bool wanted = false;
	size_t i;

	if (ns < REFRESH_LEAST)
		return cli_usage_error(f->cli, "--refresh is at least 100ms");
	for (i = 0; i < f->n; i++) {
		f->parsed[i] = f->policies[i].policy;
		wanted |= vantio_refresh_wants(f->parsed[i]);
	}
	if (!wanted)
		return CLI_OK;
	if (vantio_refresh_open(&f->engine, f->parsed, f->n, &f->refresh, &err))
		return cli_fail_error(f->cli, &err);
	f->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (f->timer < 0 || timerfd_settime(f->timer, 0, &every, NULL))
		return cli_fail(f->cli, CLI_FAILURE, "cannot set a timer: %s", strerror(errno));
	return CLI_OK;
}

static void begin_refresh(struct enforcement *f)
{
	struct vantio_error err = {};
	uint64_t ticks;

	if (read(f->timer, &ticks, sizeof(ticks)) == sizeof(ticks) && vantio_refresh_begin(f->refresh, &err))
		cli_note(f->cli, "%s", err.text);
}

static void end_refresh(struct enforcement *f)
{
	const struct vantio_refreshed *found;
	struct vantio_error err = {};
	size_t i;

	for (i = 0; i < f->n; i++) {
		if (!vantio_refresh_wants(f->parsed[i]))
			continue;
		found = vantio_refresh_result(f->refresh, i, &err);
		if (found)
			cli_repush(f->cli, &f->policies[i], found);
		else
			cli_note(f->cli, "the addresses and inodes of %s stay as they are: %s", f->parsed[i]->name, err.text);
	}
	vantio_refresh_end(f->refresh);
}

static int drain_until_stopped(struct enforcement *f)
{
	struct pollfd p[] = { { .fd = f->signals, .events = POLLIN }, { .events = POLLIN }, { .fd = f->timer, .events = POLLIN },
			      { .fd = f->refresh ? vantio_refresh_fd(f->refresh) : -1, .events = POLLIN },
			      { .fd = f->keys.timer, .events = POLLIN }, { .fd = f->keys.requests, .events = POLLIN },
			      { .fd = f->links, .events = POLLIN } };
	struct vantio_error err = {};
	int timeout, r;

	for (;;) {
		vantio_pump_prepare(f->pump, &p[1].fd, &timeout);
		if (poll(p, VANTIO_ARRAY_SIZE(p), timeout) < 0 && errno != EINTR)
			return cli_fail(f->cli, CLI_FAILURE, "cannot wait for events: %s", strerror(errno));
		if (p[0].revents && cli_signals_read(f->signals) > 0)
			break;
		if (p[2].fd >= 0 && p[2].revents)
			begin_refresh(f);
		if (p[3].fd >= 0 && p[3].revents)
			end_refresh(f);
		r = p[4].fd >= 0 && p[4].revents ? key_rotation_timer(&f->keys) : CLI_OK;
		if (!r && p[5].revents)
			r = key_rotation_request(&f->keys);
		if (r)
			return r;
		if (p[6].fd >= 0 && p[6].revents)
			follow_links(f);
		if (vantio_pump_turn(f->pump, &err))
			return cli_fail_error(f->cli, &err);
	}
	if (vantio_pump_flush(f->pump, &err))
		return cli_fail_error(f->cli, &err);
	return CLI_OK;
}

int cmd_enforce(struct cli *cli)
{
	struct enforcement f = { .cli = cli, .engine = VANTIO_ENGINE_INIT, .keys = KEY_ROTATION_INIT, .lock = -1, .signals = -1, .timer = -1,
				 .links = -1 };
	const uint64_t every = cli_get_number(cli, "rotate", ROTATE_NS);
	int r;

	if (every && every < ROTATE_LEAST)
		return cli_usage_error(cli, "--rotate is at least 1s, or 0s for never");
	r = read_interfaces(&f);
	if (!r)
		r = read_policies(&f);
	if (!r)
		r = start(&f);
	if (!r)
		r = start_refresh(&f);
	if (!r)
		r = key_rotation_open(&f.keys, cli, f.pump, every);
	if (!r) {
		vantio_engine_unlock(&f.engine); /* others may change the engine while this one drains */
		cli_note(cli, "enforcing; records go to %s; stop with Ctrl-C", cli_ledger_dir(cli));
		cli_notify("READY=1");
		r = drain_until_stopped(&f);
		cli_notify("STOPPING=1");
		cli_note(cli, "stopped: the engine stays in force, and its events wait for the next 'vantioctl enforce'; 'vantioctl unload' takes it down");
	}
	enforcement_end(&f);
	return r;
}

static const struct cli_option enforce_options[] = {
	{ .name = "policy", .letter = 'p', .kind = CLI_POLICY, .metavar = "FILE", .repeat = true,
	  .help = "the policy to put in force (default: $VANTIO_POLICY_PATH, /etc/vantio/policy.toml)" },
	CLI_PUSH_WORKDIR,
	{ .name = "refresh", .kind = CLI_DURATION, .metavar = "TIME", .help = "how often host names and denied files are looked up again (default: 30s)" },
	{ .name = "rotate", .kind = CLI_DURATION, .metavar = "TIME", .help = "how often the ledger takes a new signing key (default: 24h; 0s: never)" },
	{ .name = "egress-interface", .kind = CLI_TEXT, .metavar = "NAME", .repeat = true,
	  .help = "filter what agents send out of this network interface; 'all' of them, or 'none'" },
	{ .name = "audit", .kind = CLI_FLAG, .help = "record every decision and refuse nothing (as VANTIO_AUDIT_MODE=1)" },
	CLI_ALLOW_DEGRADED,
	{ 0 },
};

static const struct cli_command enforce_commands[] = {
	{ .help = "put policies in force and write the ledger until stopped", .options = enforce_options, .run = cmd_enforce },
	{ 0 },
};
const struct cli_noun cli_noun_enforce = { "enforce", "put policies in force in the kernel", enforce_commands };
