// SPDX-License-Identifier: Apache-2.0
/* Attacks on what governs the agent. The policy allows all files but one folder, and no surface of [kernel]. */
#include "escape.h"

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#define ROOT   "/data/escape-engine"
#define SECRET ROOT "/vault/secret"
#define PINS   "/sys/fs/bpf/vantio"

#define ENGINES (ROOTS_ALONE | NO_POLICY)

static const char policy[] = "[file]\ndefault = \"allow\"\ndeny = [\"" ROOT "/vault/**\"]\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n";

static unsigned int map_id, prog_id, link_id;

static int bpf(int cmd, union bpf_attr *attr) { return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr)); }

static int get_pin(const char *path)
{
	union bpf_attr attr = { .pathname = (__u64)path };

	return bpf(BPF_OBJ_GET, &attr);
}

static void describe(const char *path, void *info, size_t len)
{
	union bpf_attr attr = { .info = { .bpf_fd = (__u32)get_pin(path), .info_len = (__u32)len, .info = (__u64)info } };

	REQUIRE((int)attr.info.bpf_fd >= 0 && !bpf(BPF_OBJ_GET_INFO_BY_FD, &attr));
}

SETUP()
{
	struct bpf_map_info map = {};
	struct bpf_link_info l = {};
	union bpf_attr pin = { .pathname = (__u64)"/sys/fs/bpf/escape" };

	fresh_folder(ROOT);
	make_folder(ROOT "/vault");
	make_folder(ROOT "/m");
	make_file(SECRET, "secret", 0666);
	escape_setup(policy);
	drain_records(); /* so that there is a ledger */
	describe(PINS "/maps/vantio_control", &map, sizeof(map));
	describe(PINS "/links/vantio_file_open", &l, sizeof(l));
	map_id = map.id;
	link_id = l.id;
	prog_id = l.prog_id;
	pin.bpf_fd = (__u32)get_pin(PINS "/maps/vantio_control"); /* a pin that a control may take away */
	REQUIRE(!bpf(BPF_OBJ_PIN, &pin));
}

TEARDOWN()
{
	unlink("/sys/fs/bpf/escape");
	escape_told();
}

/* ---- pins, maps, programs, links ---- */

ATTEMPT(looking_at_the_pins, EACCES, ENGINES) { return opens(PINS, O_RDONLY | O_DIRECTORY); }
ATTEMPT(opening_a_pinned_map, EPERM, ENGINES) { return get_pin(PINS "/maps/vantio_control"); }
ATTEMPT(opening_a_pinned_link, EPERM, ENGINES) { return get_pin(PINS "/links/vantio_file_open"); }

ATTEMPT(removing_a_pin, EACCES, ENGINES)
{
	union bpf_attr pin = { .pathname = (__u64)"/sys/fs/bpf/escape" };

	if (unlink("/sys/fs/bpf/escape"))
		return -1;
	pin.bpf_fd = (__u32)get_pin(PINS "/maps/vantio_control");
	return bpf(BPF_OBJ_PIN, &pin) ? -2 : 0;
}

ATTEMPT(renaming_a_pin, EACCES, ENGINES)
{
	if (rename("/sys/fs/bpf/escape", "/sys/fs/bpf/elsewhere"))
		return -1;
	return rename("/sys/fs/bpf/elsewhere", "/sys/fs/bpf/escape") ? -2 : 0;
}

ATTEMPT(pinning_over_it, EPERM, ENGINES)
{
	union bpf_attr map = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 }, pin;

	memset(&pin, 0, sizeof(pin));
	pin.pathname = (__u64)"/sys/fs/bpf/own";
	pin.bpf_fd = (__u32)bpf(BPF_MAP_CREATE, &map);
	return bpf(BPF_OBJ_PIN, &pin) ? -1 : unlink("/sys/fs/bpf/own");
}

ATTEMPT(writing_a_map_by_its_number, EPERM, ENGINES)
{
	struct vantio_control control;
	union bpf_attr get = { .map_id = map_id }, value = { .key = (__u64)&(__u32){ 0 }, .value = (__u64)&control };
	int fd = bpf(BPF_MAP_GET_FD_BY_ID, &get);

	value.map_fd = (__u32)fd;
	if (fd < 0 || bpf(BPF_MAP_LOOKUP_ELEM, &value))
		return -1;
	return bpf(BPF_MAP_UPDATE_ELEM, &value);
}

ATTEMPT(a_link_by_its_number, EPERM, ENGINES)
{
	union bpf_attr get = { .link_id = link_id };

	return bpf(BPF_LINK_GET_FD_BY_ID, &get); /* with it one could detach the program */
}

ATTEMPT(a_program_by_its_number, EPERM, ENGINES)
{
	union bpf_attr get = { .prog_id = prog_id };

	return bpf(BPF_PROG_GET_FD_BY_ID, &get);
}

ATTEMPT(a_map_of_its_own, EPERM, ROOTS_ALONE)
{
	union bpf_attr map = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	return bpf(BPF_MAP_CREATE, &map);
}

ATTEMPT(unmounting_the_pins, EPERM, ROOTS_ALONE) { return own_namespace(0) ? -1 : umount2("/sys/fs/bpf", MNT_DETACH); }
ATTEMPT(mounting_over_the_pins, 0, 0) { return own_namespace(0) ? -1 : mount("t", "/sys/fs/bpf", "tmpfs", 0, NULL); }
ATTEMPT(mounting_over_the_secret, 0, 0) { return own_namespace(0) ? -1 : mount("/tmp", ROOT "/m", NULL, MS_BIND, NULL); }

/* ---- what belongs to the engine ---- */

static const char *in_ledger(const char *what)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", ledger_dir(), what);
	return path;
}

ATTEMPT(reading_the_ledger, EACCES, ENGINES) { return opens(in_ledger("log/00000000.ndjson"), O_RDONLY); }
ATTEMPT(writing_the_ledger, EACCES, ENGINES) { return opens(in_ledger("checkpoint"), O_WRONLY); }
ATTEMPT(the_ledgers_key, EACCES, ENGINES) { return opens(in_ledger("epochs/00000000"), O_RDONLY); }
ATTEMPT(the_policies_that_were_pushed, EACCES, ENGINES) { return opens("/run/vantio/policies", O_RDONLY | O_DIRECTORY); }
ATTEMPT(holding_the_engines_lock, EACCES, ENGINES) { return opens("/run/vantio/lock", O_RDWR); }
ATTEMPT(freezing_others, EACCES, ENGINES) { return opens(AGENT_CGROUPS "/cgroup.freeze", O_WRONLY); }
ATTEMPT(ending_others, EACCES, ENGINES) { return opens(AGENT_CGROUPS "/cgroup.kill", O_WRONLY); }

/* ---- having the kernel do it ---- */

ATTEMPT(a_program_that_takes_core_dumps, EACCES, ENGINES) { return opens("/proc/sys/kernel/core_pattern", O_WRONLY); }
ATTEMPT(a_program_that_loads_modules, EACCES, ENGINES) { return opens("/proc/sys/kernel/modprobe", O_WRONLY); }
ATTEMPT(the_magic_key, EACCES, ENGINES) { return opens("/proc/sysrq-trigger", O_WRONLY); }
ATTEMPT(the_disk_below_all_files, EACCES, ROOTS_ALONE) { return opens("/dev/vda", O_RDONLY); }
ATTEMPT(the_memory_of_the_kernel, EPERM, ROOTS_ALONE) { return opens("/proc/kcore", O_RDONLY); }
ATTEMPT(another_kernel, EPERM, ROOTS_ALONE) { return (int)syscall(SYS_kexec_load, 0, 0, NULL, 0); }

ATTEMPT(a_module, EPERM, ROOTS_ALONE)
{
	int r = (int)syscall(SYS_init_module, "not a module", 12, "");

	return r == -1 && errno == ENOEXEC ? 0 : r; /* it was looked at */
}

ATTEMPT(a_performance_event, EPERM, ROOTS_ALONE)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK };

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

ATTEMPT(a_key, ENOKEY, 0) /* which is what the kernel makes of the refusal */
{
	return syscall(SYS_add_key, "user", "escape", "x", 1, -3 /* KEY_SPEC_SESSION_KEYRING */) < 0 ? -1 : 0;
}

/* ---- the daemon ---- */

static void attack_daemon(pid_t daemon, uid_t uid)
{
	struct rlimit none = { 0, 0 };

	IN(governed_agent, uid) {
		CHECK_FAILS(kill(daemon, SIGKILL), EPERM);
		CHECK_FAILS(kill(daemon, SIGSTOP), EPERM);
		CHECK_FAILS(prlimit(daemon, RLIMIT_CPU, &none, NULL), EPERM);
		CHECK_FAILS(ptrace(PTRACE_SEIZE, daemon, NULL, NULL), EPERM);
		CHECK_FAILS(read_file(SECRET), EACCES);
	}
}

/* It cannot be ended by the agent; and who stops it, or ends it, changes no verdict. */
TEST(escape_by_killing_and_stopping_the_daemon)
{
	char text[512];
	pid_t daemon;
	int status;
	uid_t uid;

	snprintf(text, sizeof(text), "schema = 1\nname = \"%s\"\n%s", governed_agent, policy);
	unlink("/tmp/escape-daemon.toml");
	CHECK_SH(0, "touch /tmp/escape-daemon.toml");
	REQUIRE(write_text("/tmp/escape-daemon.toml", text));
	daemon = enforce_start("/tmp/escape-daemon.toml", NULL);
	for (uid = 0; uid <= 1000; uid += 1000)
		attack_daemon(daemon, uid);
	REQUIRE(!kill(daemon, SIGSTOP) && waitpid(daemon, &status, WUNTRACED) == daemon && WIFSTOPPED(status));
	IN(governed_agent, 0)
		CHECK_FAILS(read_file(SECRET), EACCES);
	status = enforce_end(daemon, SIGKILL);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	IN(governed_agent, 0)
		CHECK_FAILS(read_file(SECRET), EACCES);
	IN(NULL, 0)
		CHECK_OK(read_file(SECRET));
	tally->attempts++;
	tally->root++;
	tally->user++;
}

/* ---- wearing it down; t_flood.c fills the ring ---- */

/* How often one gets through of `n` tries. */
static int openings(int n)
{
	int got = 0;

	for (int i = 0; i < n; i++)
		got += opens(SECRET, O_RDONLY) == 0;
	return got;
}

/* t_swap.c does it a thousand times. */
TEST_WITHIN(escape_by_a_push_that_is_under_way, 180)
{
	char text[512];
	uid_t uid;

	snprintf(text, sizeof(text), "schema = 1\nname = \"%s\"\n%s", governed_agent, policy);
	tally->attempts++;
	for (uid = 0; uid <= 1000; uid += 1000) {
		int stop[2];
		pid_t child;

		REQUIRE(!pipe2(stop, O_NONBLOCK));
		child = fork();
		if (!child) {
			char c;

			IN(governed_agent, uid) {
				int got = 0;

				while (read(stop[0], &c, 1) < 0) {
					got += openings(10);
					sched_yield(); /* an emulated guest has little to share */
				}
				if (CHECK_INT(got, 0))
					__atomic_add_fetch(uid ? &tally->user : &tally->root, 1, __ATOMIC_SEQ_CST);
			}
			_exit(0);
		}
		for (int i = 0; i < 3; i++)
			push_text(text, NULL);
		REQUIRE(write(stop[1], "x", 1) == 1);
		CHECK_INT(status_of(child), 0);
	}
}

VT_MAIN()
