// SPDX-License-Identifier: Apache-2.0
/*
 * docs/examples/coding-agent.toml, which users start from: what a shell, git, a compiler and Python do on Debian (the paths are
 * from traces of them) is allowed, and what the policy is there to stop is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "policy/image.h"

#define EXAMPLE "docs/examples/coding-agent.toml"

static const struct row {
	const char *op, *target, *target2;
	bool allowed;
} rows[] = {
	{ "read", "/etc/ld.so.cache", NULL, true },
	{ "read", "/usr/lib/x86_64-linux-gnu/libc.so.6", NULL, true },
	{ "mmap_exec", "/usr/lib/x86_64-linux-gnu/libc.so.6", NULL, true },
	{ "exec", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", NULL, true },
	{ "exec", "/usr/bin/dash", NULL, true },
	{ "exec", "/usr/lib/git-core/git", NULL, true },
	{ "exec", "/usr/lib/gcc/x86_64-linux-gnu/12/cc1", NULL, true },
	{ "exec", "/work/app/node_modules/.bin/tsc", NULL, true },
	{ "read", "/etc/passwd", NULL, true },
	{ "read", "/etc/nsswitch.conf", NULL, true },
	{ "read", "/run/systemd/resolve/stub-resolv.conf", NULL, true },
	{ "read", "/usr/share/zoneinfo/Etc/UTC", NULL, true },
	{ "read", "/usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt", NULL, true },
	{ "read", "/proc", NULL, true },
	{ "read", "/proc/meminfo", NULL, true },
	{ "read", "/proc/4711/fd", NULL, true },
	{ "read", "/proc/4711/task/4712/comm", NULL, true },
	{ "read", "/proc/sys/kernel/ngroups_max", NULL, true },
	{ "read", "/sys/devices/system/cpu/online", NULL, true },
	{ "read", "/sys/fs/cgroup/memory.max", NULL, true },
	{ "read", "/dev/urandom", NULL, true },
	{ "write", "/dev/null", NULL, true },
	{ "write", "/dev/tty", NULL, true },
	{ "write", "/dev/pts/0", NULL, true },
	{ "create", "/dev/shm/sem.x", NULL, true },
	{ "create", "/tmp/cc1a2b3c.s", NULL, true },
	{ "mkdir", "/work/app/.git/objects/ab", NULL, true },
	{ "rename", "/work/app/.git/index.lock", "/work/app/.git/index", true },
	{ "connect", "127.0.0.1:8080", NULL, true },
	{ "listen", "[::1]:8000", NULL, true },
	{ "connect", "unix:/tmp/agent.sock", NULL, true },

	{ "read", "/root/.ssh/id_rsa", NULL, false },
	{ "read", "/home/ada/notes.txt", NULL, false },
	{ "read", "/work/app/.env", NULL, false },
	{ "read", "/work/key/id_ed25519", NULL, false },
	{ "read", "/etc/shadow", NULL, false },
	{ "read", "/etc/shadow-", NULL, false },
	{ "read", "/etc/ssl/private/snakeoil.key", NULL, false },
	{ "read", "/etc/sudoers.d/ops", NULL, false },
	{ "read", "/proc/1/environ", NULL, false },
	{ "write", "/proc/4711/mem", NULL, false },
	{ "read", "/proc/4711/task/4711/environ", NULL, false },
	{ "write", "/proc/sys/kernel/core_pattern", NULL, false },
	{ "write", "/usr/bin/git", NULL, false },
	{ "write", "/etc/cron.d/x", NULL, false },
	{ "create", "/work/app/.git/hooks/pre-commit", NULL, false },
	{ "rename", "/work/app/x", "/work/app/.git/hooks/pre-commit", false },
	{ "read", "/dev/sda", NULL, false },
	{ "exec", "/usr/bin/sudo", NULL, false },
	{ "exec", "/usr/bin/docker", NULL, false },
	{ "exec", "/tmp/dropped", NULL, false },
	{ "exec", "/home/ada/bin/tool", NULL, false },
	{ "connect", "169.254.169.254:80", NULL, false },
	{ "connect", "203.0.113.9:443", NULL, false },
	{ "connect", "127.0.0.1:5432", NULL, false },
	{ "connect", "unix:/run/docker.sock", NULL, false },
	{ "connect", "unix:/run/dbus/system_bus_socket", NULL, false },
	{ "connect", "unix:/tmp/.X11-unix/X0", NULL, false },
	{ "connect", "unix:@/tmp/.X11-unix/X0", NULL, false },
	{ "listen", "0.0.0.0:8000", NULL, false },
	{ "mount", "/work", NULL, false },
	{ "bpf", "prog", NULL, false },
};

static void policy_example_allows_work_and_stops_escapes(void **state)
{
	struct vantio_policy *p = NULL;
	struct vantio_image *image = NULL;
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };

	(void)state;
	if (vantio_policy_load(EXAMPLE, NULL, &p, &diags, &err) < 0 || vantio_image_compile(p, NULL, &image, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(diags.n, 0);
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(rows); i++) {
		struct vantio_explanation e = { 0 };

		if (vantio_policy_explain(p, image, rows[i].op, rows[i].target, rows[i].target2, &e, &err) < 0)
			fail_msg("%s %s: %s", rows[i].op, rows[i].target, err.text);
		if ((e.decision == VANTIO_PERMIT) != rows[i].allowed)
			fail_msg("%s %s: %s by %s", rows[i].op, rows[i].target, rows[i].allowed ? "denied" : "allowed", e.rule.name);
	}
	vantio_image_free(image);
	vantio_policy_free(p);
	vantio_diagnostics_free(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(policy_example_allows_work_and_stops_escapes) };

	return cmocka_run_group_tests_name("policy_example", tests, NULL, NULL);
}
