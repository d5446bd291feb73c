// SPDX-License-Identifier: Apache-2.0
/*
 * [kernel]: each surface is refused to an agent whose policy does not speak of it, open to one whose policy allows it, and to
 * everybody who is not governed.
 */
#include "engine.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <termios.h>
#include <asm/sockios.h>

#define ROOT "/data/surface"

static const char everything[] = "[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n";

SETUP()
{
	char both[1024];

	engine_ready();
	snprintf(both, sizeof(both), "%s%s", everything, ALL_SURFACES);
	policy_push("surface-deny", everything);
	policy_push("surface-allow", both);
	agent_enroll("surface-deny", "surface-deny");
	agent_enroll("surface-other", "surface-deny");
	agent_enroll("surface-allow", "surface-allow");
	make_folder(ROOT);
	make_folder(ROOT "/m");
}

#define MAY_ROOT 1
#define MAY_USER 2

/* `act` leaves nothing behind, or `undo` takes it away from outside; `done` sees from outside what it did. */
struct surface {
	const char *name;
	int (*act)(void);
	bool (*done)(void);
	void (*undo)(void);
	int who;
};

static void try_surface(const struct surface *s)
{
	static const struct {
		const char *agent;
		bool refused;
	} callers[] = { { "surface-deny", true }, { "surface-allow", false }, { NULL, false } };
	size_t i;
	uid_t uid;

	for (i = 0; i < 3; i++)
		for (uid = 0; uid <= 1000; uid += 1000) {
			bool refused = callers[i].refused;

			if (!(s->who & (uid ? MAY_USER : MAY_ROOT)))
				continue;
			IN(callers[i].agent, uid) {
				int r;

				errno = 0;
				r = s->act();
				check_(__FILE__, __LINE__, refused ? r == -1 && errno == EPERM : r >= 0, "%s by %s as %u gave %d (%s)",
				       s->name, callers[i].agent ? callers[i].agent : "nobody's process", uid, r, strerror(errno));
			}
			if (s->done)
				check_(__FILE__, __LINE__, s->done() != refused, "%s by %s as %u: %s", s->name,
				       callers[i].agent ? callers[i].agent : "nobody's process", uid,
				       refused ? "it happened all the same" : "nothing happened");
			if (s->undo && !refused)
				s->undo();
		}
}

#define SURFACE(name_, who_, done_, undo_) \
	TEST(surface_##name_) { try_surface(&(struct surface){ #name_, act_##name_, done_, undo_, who_ }); }

/* ---- mounts ---- */

static bool mounted(void)
{
	struct stat m, above;

	REQUIRE(!stat(ROOT "/m", &m) && !stat(ROOT, &above));
	return m.st_dev != above.st_dev;
}

static void unmount(void)
{
	REQUIRE(!umount(ROOT "/m"));
}

static int act_mount(void) { return mount("t", ROOT "/m", "tmpfs", 0, NULL); }
SURFACE(mount, MAY_ROOT, mounted, unmount)

static int act_bind(void) { return mount("/run", ROOT "/m", NULL, MS_BIND, NULL); }
SURFACE(bind, MAY_ROOT, mounted, unmount)

static int act_remount(void) { return mount(NULL, "/data", NULL, MS_REMOUNT, NULL); }
SURFACE(remount, MAY_ROOT, NULL, NULL)

static int act_move_mount(void)
{
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/run", OPEN_TREE_CLONE);

	if (tree < 0)
		return -2;
	return (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, ROOT "/m", 4 /* MOVE_MOUNT_F_EMPTY_PATH */);
}
SURFACE(move_mount, MAY_ROOT, mounted, unmount)

static int act_fsmount(void)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", 0), tree;

	if (fs < 0 || syscall(SYS_fsconfig, fs, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0))
		return -2;
	tree = (int)syscall(SYS_fsmount, fs, 0, 0);
	return tree < 0 ? -2 : (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, ROOT "/m", 4);
}
SURFACE(fsmount, MAY_ROOT, mounted, unmount)

TEST(surface_umount)
{
	REQUIRE(!mount("t", ROOT "/m", "tmpfs", 0, NULL));
	IN("surface-deny", 0) {
		CHECK_FAILS(umount(ROOT "/m"), EPERM);
		CHECK_FAILS(umount2(ROOT "/m", MNT_DETACH), EPERM);
	}
	CHECK(mounted());
	IN("surface-allow", 0)
		CHECK_OK(umount(ROOT "/m"));
	CHECK(!mounted());
}

/* In a namespace that somebody else has made ready. */
static void try_pivot(const char *agent, int want)
{
	IN(NULL, 0) {
		REQUIRE(!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		REQUIRE(!mount("new", ROOT "/m", "tmpfs", 0, NULL) && !mkdir(ROOT "/m/old", 0755) && cgroup_move(agent_cgroup(agent), 0));
		errno = 0;
		CHECK_INT(syscall(SYS_pivot_root, ROOT "/m", ROOT "/m/old") ? errno : 0, want);
		CHECK_INT(exists("/old"), want == 0);
	}
}

TEST(surface_pivot_root)
{
	try_pivot("surface-deny", EPERM);
	try_pivot("surface-allow", 0);
}

/* ---- other processes ---- */

struct victim {
	pid_t pid;
	volatile int word; /* for others to write */
};

static struct victim *victim;

/* A process of nobody's, of `agent` if that is not NULL, waiting. */
static void make_victim(const char *agent, uid_t uid)
{
	int ready[2];
	pid_t child;
	char c;

	victim = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(victim != MAP_FAILED && !pipe(ready));
	fflush(stdout);
	child = fork();
	if (!child) {
		if (agent)
			REQUIRE(cgroup_move(agent_cgroup(agent), 0));
		setpgid(0, 0);
		become(uid);
		REQUIRE(write(ready[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	victim->pid = child;
	REQUIRE(child > 0 && read(ready[0], &c, 1) == 1);
	close(ready[0]);
	close(ready[1]);
}

/* Whether the victim lives, which it does not any more afterwards. */
static bool victim_lived(void)
{
	int status;

	kill(victim->pid, SIGKILL);
	REQUIRE(waitpid(victim->pid, &status, 0) == victim->pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static int vm_write(int value)
{
	int word = value;
	struct iovec from = { &word, sizeof(word) }, to = { (void *)&victim->word, sizeof(word) };

	return process_vm_writev(victim->pid, &from, 1, &to, 1, 0) == sizeof(word) ? 0 : -1;
}

static int open_proc(const char *what, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)victim->pid, what);
	return open(path, flags);
}

TEST(surface_ptrace)
{
	uid_t uid;

	for (uid = 0; uid <= 1000; uid += 1000) {
		make_victim(NULL, uid);
		IN("surface-deny", uid) {
			int pidfd = (int)syscall(SYS_pidfd_open, victim->pid, 0);

			REQUIRE(pidfd >= 0);
			CHECK_FAILS(ptrace(PTRACE_ATTACH, victim->pid, NULL, NULL), EPERM);
			CHECK_FAILS(ptrace(PTRACE_SEIZE, victim->pid, NULL, NULL), EPERM);
			CHECK_FAILS(vm_write(1), EPERM);
			CHECK_FAILS(syscall(SYS_pidfd_getfd, pidfd, 0, 0), EPERM);
			CHECK_FAILS(open_proc("mem", O_RDWR), EACCES);
			CHECK_FAILS(open_proc("environ", O_RDONLY), EACCES);
			CHECK_FAILS(open_proc("ns/mnt", O_RDONLY), EACCES);
			CHECK_FAILS(open_proc("root/etc", O_RDONLY), EACCES);
			CHECK_FAILS(open_proc("fd/0", O_RDONLY), EACCES);
		}
		CHECK_INT(victim->word, 0);
		IN("surface-allow", uid) {
			CHECK_OK(open_proc("mem", O_RDWR));
			CHECK_OK(vm_write(2));
			CHECK_OK(ptrace(PTRACE_SEIZE, victim->pid, NULL, NULL));
		}
		CHECK_INT(victim->word, 2);
		IN(NULL, uid)
			CHECK_OK(vm_write(3));
		CHECK(victim_lived());
	}
}

TEST(surface_ptrace_of_the_agents_own_is_fine)
{
	uid_t uid;

	for (uid = 0; uid <= 1000; uid += 1000) {
		make_victim("surface-deny", uid);
		IN("surface-deny", uid) {
			CHECK_OK(vm_write(1));
			CHECK_OK(open_proc("environ", O_RDONLY));
			CHECK_OK(ptrace(PTRACE_SEIZE, victim->pid, NULL, NULL));
		}
		IN("surface-other", uid)
			CHECK_FAILS(vm_write(2), EPERM);
		CHECK_INT(victim->word, 1);
		CHECK(victim_lived());
		IN("surface-deny", uid) {
			pid_t child = fork();
			int status;

			if (!child) {
				if (!ptrace(PTRACE_TRACEME, 0, NULL, NULL))
					raise(SIGSTOP);
				_exit(1);
			}
			CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
			kill(child, SIGKILL);
		}
	}
}

TEST(surface_ptrace_by_an_outsider_cannot_be_asked_for)
{
	IN("surface-deny", 0)
		CHECK_FAILS(ptrace(PTRACE_TRACEME, 0, NULL, NULL), EPERM);
}

static int sigqueue_raw(void)
{
	siginfo_t info = { .si_signo = SIGTERM, .si_code = SI_QUEUE };

	return (int)syscall(SYS_rt_sigqueueinfo, victim->pid, SIGTERM, &info);
}

TEST(surface_signal)
{
	uid_t uid;

	for (uid = 0; uid <= 1000; uid += 1000) {
		make_victim(NULL, uid);
		IN("surface-deny", uid) {
			int pidfd = (int)syscall(SYS_pidfd_open, victim->pid, 0);

			CHECK_FAILS(kill(victim->pid, SIGTERM), EPERM);
			CHECK_FAILS(kill(-victim->pid, SIGTERM), EPERM);
			CHECK_FAILS(syscall(SYS_tgkill, victim->pid, victim->pid, SIGTERM), EPERM);
			CHECK_FAILS(syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0), EPERM);
			CHECK_FAILS(sigqueue_raw(), EPERM);
			CHECK_FAILS(kill(getppid(), SIGTERM), EPERM);
			CHECK_OK(kill(victim->pid, 0));
		}
		CHECK(victim_lived());
		make_victim(NULL, uid);
		IN("surface-allow", uid)
			CHECK_OK(kill(victim->pid, SIGTERM));
		CHECK(!victim_lived());
	}
}

TEST(surface_signal_within_the_agent_is_fine)
{
	make_victim("surface-deny", 1000);
	IN("surface-other", 1000)
		CHECK_FAILS(kill(victim->pid, SIGTERM), EPERM);
	IN("surface-deny", 1000) {
		pid_t child = fork();
		int status;

		if (!child)
			for (;;)
				pause();
		CHECK_OK(kill(child, SIGTERM));
		CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
		CHECK_OK(kill(victim->pid, SIGTERM));
	}
	CHECK(!victim_lived());
}

/* A descriptor can be told to signal whoever owns it. */
TEST(surface_signal_cannot_be_had_from_a_descriptor)
{
	make_victim(NULL, 0);
	IN("surface-deny", 0) {
		int fds[2];
		struct f_owner_ex owner = { F_OWNER_PID, victim->pid };

		REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
		CHECK_FAILS(fcntl(fds[0], F_SETOWN, victim->pid), EPERM);
		CHECK_FAILS(fcntl(fds[0], F_SETOWN_EX, &owner), EPERM);
		CHECK_FAILS(ioctl(fds[0], FIOSETOWN, &victim->pid), EACCES);
		CHECK_FAILS(ioctl(fds[0], SIOCSPGRP, &victim->pid), EACCES);
		CHECK_OK(fcntl(fds[0], F_SETSIG, SIGKILL));
		CHECK_OK(fcntl(fds[0], F_SETFL, O_ASYNC));
		CHECK_OK(write(fds[1], "x", 1));
		/* Its own it may have. */
		CHECK_OK(fcntl(fds[0], F_SETOWN, 0));
		CHECK_OK(fcntl(fds[0], F_SETOWN, getpid()));
	}
	CHECK(victim_lived());
}

/* What is put into a terminal's input is read, and run, by whoever else sits at it. */
static int type_into(int tty) { return ioctl(tty, TIOCSTI, "x"); }

TEST(surface_signal_terminal_input_cannot_be_faked)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), tty, waiting = 0;
	struct termios t;

	sh("echo 1 >/proc/sys/dev/tty/legacy_tiocsti");
	REQUIRE(master >= 0 && !grantpt(master) && !unlockpt(master));
	tty = open(ptsname(master), O_RDWR | O_NOCTTY);
	REQUIRE(tty >= 0 && !tcgetattr(tty, &t));
	cfmakeraw(&t);
	REQUIRE(!tcsetattr(tty, TCSANOW, &t));
	IN("surface-deny", 0)
		CHECK_FAILS(type_into(tty), EACCES);
	CHECK(!ioctl(tty, FIONREAD, &waiting) && waiting == 0);
	IN("surface-allow", 0)
		CHECK_OK(type_into(tty));
	CHECK(!ioctl(tty, FIONREAD, &waiting) && waiting == 1);
}

/* A limit on processor time ends a process, too. */
TEST(surface_signal_cannot_be_had_from_a_limit)
{
	make_victim(NULL, 1000);
	IN("surface-deny", 1000) {
		struct rlimit none = { 0, 0 }, now;

		CHECK_FAILS(prlimit(victim->pid, RLIMIT_CPU, &none, NULL), EPERM);
		CHECK_OK(prlimit(victim->pid, RLIMIT_CPU, NULL, &now));
		CHECK_OK(prlimit(0, RLIMIT_CORE, &none, NULL));
	}
	CHECK(victim_lived());
}

/* ---- the rest ---- */

static int act_bpf(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}
SURFACE(bpf, MAY_ROOT, NULL, NULL)

/* A module that no other test needs, and that neither kernel has built in. */
static bool tun_loaded(void) { return exists("/sys/module/tun"); }
static void unload_tun(void) { CHECK_SH(0, "rmmod tun"); }

static int act_module(void)
{
	if (sh("modprobe tun") == 0)
		return 0;
	errno = EPERM;
	return -1;
}
SURFACE(module, MAY_ROOT, tun_loaded, unload_tun)

static int act_init_module(void)
{
	char text[64] = "no module";

	if (!syscall(SYS_init_module, text, sizeof(text), ""))
		return -2;
	return errno == ENOEXEC ? 0 : -1; /* the kernel has looked at it */
}
SURFACE(init_module, MAY_ROOT, NULL, NULL)

static int act_kexec(void) { return (int)syscall(SYS_kexec_load, 0, 0, NULL, 0); }
SURFACE(kexec, MAY_ROOT, NULL, NULL)

static int act_kexec_file(void)
{
	int fd = open("/etc/passwd", O_RDONLY);

	if (!syscall(SYS_kexec_file_load, fd, -1, 0, NULL, 4 /* KEXEC_FILE_NO_INITRAMFS */))
		return -2;
	return errno == ENOEXEC ? 0 : -1;
}
SURFACE(kexec_file, MAY_ROOT, NULL, NULL)

static int act_userns(void) { return unshare(CLONE_NEWUSER); }
SURFACE(userns, MAY_ROOT | MAY_USER, NULL, NULL)

static int act_userns_by_clone(void)
{
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (!child)
		_exit(0);
	return child;
}
SURFACE(userns_by_clone, MAY_ROOT | MAY_USER, NULL, NULL)

static int act_raw_socket(void) { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
SURFACE(raw_socket, MAY_ROOT, NULL, NULL)

static int act_raw_socket6(void) { return socket(AF_INET6, SOCK_RAW, IPPROTO_RAW); }
SURFACE(raw_socket6, MAY_ROOT, NULL, NULL)

static int act_packet_socket(void) { return socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)); }
SURFACE(packet_socket, MAY_ROOT, NULL, NULL)

static int act_packet_socket_cooked(void) { return socket(AF_PACKET, SOCK_DGRAM, 0); }
SURFACE(packet_socket_cooked, MAY_ROOT, NULL, NULL)

static int act_io_uring(void)
{
	unsigned char params[256] = {};

	return (int)syscall(SYS_io_uring_setup, 4, params);
}
SURFACE(io_uring, MAY_ROOT | MAY_USER, NULL, NULL)

static int act_perf(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK,
					.exclude_kernel = 1 };

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}
SURFACE(perf, MAY_ROOT, NULL, NULL)

static int act_add_key(void) { return (int)syscall(SYS_add_key, "user", "vantio", "x", 1, -2 /* the process's keyring */); }
SURFACE(add_key, MAY_ROOT | MAY_USER, NULL, NULL)

static int act_session_keyring(void) { return (int)syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL); }
SURFACE(session_keyring, MAY_ROOT | MAY_USER, NULL, NULL)

VT_MAIN()
