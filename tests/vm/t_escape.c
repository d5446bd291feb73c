// SPDX-License-Identifier: Apache-2.0
/*
 * Ways out that were tried against the engine: each ends in a refusal, while somebody whom nobody governs gets through the same way.
 * Device nodes, the machine's own switches, and what reaches a file or a file system other than by its name. t_escape_*.c has more.
 */
#include "engine.h"

#include <linux/reboot.h>
#include <sched.h>
#include <sys/fanotify.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <time.h>

#define ROOT "/data/escape"

/* <linux/fs.h> and <sys/mount.h> do not go together. */
#define FIFREEZE _IOWR('X', 119, int)
#define FITHAW   _IOWR('X', 120, int)

/* /work-like: what the agent may write lies in ROOT/own; everything else of [file] may be read. */
static const char policy[] = "[file]\ndefault = \"deny\"\nread = [\"/**\"]\nwrite = [\"" ROOT "/own/**\"]\n"
			     "deny = [\"/dev/vda\", \"/dev/kmsg\", \"" ROOT "/secret\"]\n"
			     "[exec]\ndefault = \"deny\"\nallow = [\"/usr/**\", \"/vm/**\"]\n"
			     "[network]\ndefault = \"deny\"\n";
static const char everything[] = "[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n";

SETUP()
{
	char all[1024];

	engine_ready();
	snprintf(all, sizeof(all), "%s%s", everything, ALL_SURFACES);
	policy_push("escape", policy);
	policy_push("escape-allow", all);
	agent_enroll("escape", "escape");
	agent_enroll("escape-allow", "escape-allow");
	make_folder(ROOT);
	make_folder(ROOT "/own");
	make_folder(ROOT "/other");
	REQUIRE(!mkdir("/run/escape", 0755) && !mount("t", "/run/escape", "tmpfs", 0, NULL));
}

/* `call` fails with `errno_` for the agent, works for one to whom all is allowed, and for nobody's process. */
#define ONLY_OTHERS_CAN(uid, call, errno_) \
	do { \
		IN("escape", uid) CHECK_FAILS(call, errno_); \
		IN("escape-allow", uid) CHECK_OK(call); \
		IN(NULL, uid) CHECK_OK(call); \
	} while (0)

/* ---- devices ---- */

static bool reads(const char *path)
{
	char bytes[512];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	bool got = fd >= 0 && read(fd, bytes, sizeof(bytes)) > 0;

	if (fd >= 0)
		close(fd);
	return got;
}

static int make_node(mode_t type, dev_t dev)
{
	unlink(ROOT "/own/node");
	return mknod(ROOT "/own/node", type | 0600, dev);
}

/* A name of one's own for the disk below all files. */
TEST(escape_by_a_device_node_in_a_folder_of_ones_own)
{
	struct stat disk;

	REQUIRE(!stat("/dev/vda", &disk));
	ONLY_OTHERS_CAN(0, make_node(S_IFBLK, disk.st_rdev), EPERM);
	ONLY_OTHERS_CAN(0, make_node(S_IFCHR, makedev(1, 11)), EPERM);
	unlink(ROOT "/own/node");
	IN("escape", 0) {
		CHECK(!reads("/dev/vda") && errno == EACCES);
		make_node(S_IFBLK, disk.st_rdev);
		CHECK(!reads(ROOT "/own/node"));
		CHECK_OK(make_node(S_IFIFO, 0));
		CHECK_OK(make_node(S_IFREG, 0));
	}
	IN(NULL, 0) {
		CHECK_OK(make_node(S_IFBLK, disk.st_rdev));
		CHECK(reads(ROOT "/own/node"));
		unlink(ROOT "/own/node");
	}
}

/* ---- the machine's own switches ---- */

static int unset_ctrl_alt_del(void) { return (int)syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF, NULL); }
TEST(escape_by_reboot) { ONLY_OTHERS_CAN(0, unset_ctrl_alt_del(), EPERM); }

TEST(escape_by_port_input_and_output)
{
	ONLY_OTHERS_CAN(0, ioperm(0x80, 1, 1), EPERM);
	ONLY_OTHERS_CAN(0, iopl(3), EPERM);
}

/* Whether a module of no such name could be unloaded, were it there. */
static int unload_nothing(void)
{
	syscall(SYS_delete_module, "vantio_no_such", O_NONBLOCK);
	return errno == ENOENT ? 0 : -1;
}
TEST(escape_by_unloading_a_module) { ONLY_OTHERS_CAN(0, unload_nothing(), EPERM); }

static int set_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return clock_settime(CLOCK_REALTIME, &now);
}

static int adjust_clock(void)
{
	struct timex t = { .modes = ADJ_SETOFFSET };

	return clock_adjtime(CLOCK_REALTIME, &t) < 0 ? -1 : 0;
}

/* Records bear the clock's time: not even an agent to whom everything is allowed sets it. */
TEST(escape_by_setting_the_clock_of_the_records)
{
	struct timex ask = {};

	for (int i = 0; i < 2; i++)
		IN(i ? "escape" : "escape-allow", 0) {
			CHECK_FAILS(set_clock(), EPERM);
			CHECK_FAILS(adjust_clock(), EPERM);
			CHECK(adjtimex(&ask) >= 0);
		}
	IN(NULL, 0) {
		CHECK_OK(set_clock());
		CHECK_OK(adjust_clock());
	}
}

/* ---- a file system and its files by the back door ---- */

static int on_folder(const char *path, unsigned long cmd, void *arg)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = ioctl(fd, cmd, arg), saved = errno;

	close(fd);
	errno = saved;
	return r;
}


/* A frozen file system takes no record: that of the ledger, say. */
TEST(escape_by_freezing_or_ending_a_file_system)
{
	__u32 how = 2; /* EXT4_GOING_FLAGS_NOLOGFLUSH; asked of a file system that does not know it */

	IN("escape", 0) {
		CHECK_FAILS(on_folder("/data", FIFREEZE, NULL), EACCES);
		CHECK_FAILS(on_folder("/data", FITHAW, NULL), EACCES);
		CHECK_FAILS(on_folder("/run/escape", _IOR('X', 125, __u32), &how), EACCES);
	}
	IN(NULL, 0) {
		CHECK_OK(on_folder("/data", FIFREEZE, NULL));
		CHECK_OK(on_folder("/data", FITHAW, NULL));
		CHECK_FAILS(on_folder("/run/escape", _IOR('X', 125, __u32), &how), ENOTTY);
	}
}

static int reconfigure(void)
{
	int fs = (int)syscall(SYS_fspick, AT_FDCWD, "/run/escape", FSPICK_CLOEXEC);

	if (fs < 0)
		return -2;
	return (int)syscall(SYS_fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}
TEST(escape_by_reconfiguring_a_mounted_file_system) { ONLY_OTHERS_CAN(0, reconfigure(), EPERM); }

static int set_version(const char *path)
{
	long version = 7;

	return on_folder(path, _IOW('v', 2, long), &version);
}

/* Attributes that are set by ioctl(2) through a descriptor for reading. An ext4 of today takes no version: ENOTTY is its answer. */
TEST(escape_by_setting_a_files_version)
{
	make_file(ROOT "/other/file", "untouched", 0644);
	make_file(ROOT "/own/file", "mine", 0644);
	IN("escape", 1000) {
		long version;

		CHECK_FAILS(set_version(ROOT "/other/file"), EACCES);
		CHECK_FAILS(set_version(ROOT "/own/file"), ENOTTY);
		CHECK_OK(on_folder(ROOT "/other/file", _IOR('v', 1, long), &version));
	}
	IN(NULL, 1000)
		CHECK_FAILS(set_version(ROOT "/other/file"), ENOTTY);
}

/* The next mount namespace of the machine, without a look at whose it is (6.12). */
static int next_namespace(void)
{
	struct { __u32 size, mounts; __u64 id; } info = { .size = 16 };
	int r = on_folder("/proc/self/ns/mnt", _IOR(0xb7, 11, info), &info);

	return r >= 0 || errno == ENOENT || errno == ENOTTY ? 0 : -1; /* the kernel has looked */
}
TEST(escape_into_the_next_mount_namespace) { ONLY_OTHERS_CAN(0, next_namespace(), EACCES); }

static int ask_to_permit(void)
{
	int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY);

	return fd < 0 ? -2 : fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "/run/escape");
}

/* Whoever is asked for a permit can hold up the one who writes the ledger. */
TEST(escape_by_holding_up_what_others_open)
{
	ONLY_OTHERS_CAN(0, ask_to_permit(), EPERM);
	IN("escape", 0)
		CHECK_OK(fanotify_mark(fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY), FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "/run/escape"));
}

/* ---- execution ---- */

/* A mapping for reading becomes an executable one. */
static int remap_executable(void)
{
	int fd = open(ROOT "/own/code", O_RDWR | O_CLOEXEC); /* else it would not count as shared */
	char *at = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0), line[256];
	unsigned long start;
	char perms[8];
	FILE *maps;
	bool executable = false;

	if (at == MAP_FAILED || personality(READ_IMPLIES_EXEC) < 0)
		return -2;
	syscall(SYS_remap_file_pages, at, 4096, 0, 1, 0);
	personality(0);
	maps = fopen("/proc/self/maps", "re");
	while (maps && fgets(line, sizeof(line), maps))
		executable |= sscanf(line, "%lx-%*x %7s", &start, perms) == 2 && start >= (unsigned long)at && start < (unsigned long)at + 8192 &&
			      perms[2] == 'x';
	if (maps)
		fclose(maps);
	munmap(at, 8192);
	errno = EACCES;
	return executable ? 0 : -1;
}

TEST(escape_by_remapping_a_file_as_code)
{
	make_file(ROOT "/own/code", "code", 0755);
	REQUIRE(!truncate(ROOT "/own/code", 8192));
	ONLY_OTHERS_CAN(1000, remap_executable(), EACCES);
}

/* The 32-bit door to the same house. */
static int open_by_int80(const char *path)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long r;

	strcpy(low, path);
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(5L), "b"(low), "c"((long)O_WRONLY), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
	errno = r < 0 ? (int)-r : 0;
	return r < 0 ? -1 : (int)r;
}

TEST(escape_by_a_32_bit_system_call)
{
	make_file(ROOT "/other/file", "untouched", 0666);
	ONLY_OTHERS_CAN(1000, open_by_int80(ROOT "/other/file"), EACCES);
	IN("escape", 1000)
		CHECK_OK(open_by_int80(ROOT "/own/file"));
	/* Its number is not that of a 64-bit call: open(2) is 5 there, which in 64 bits is fstat(2). */
	CHECK_SH(0, "vantioctl policy push /tmp/escape.toml && vantioctl ledger list --agent escape --hook file_open --decision block --json | "
		    "grep '" ROOT "/other/file' | grep -c '\"syscall_nr\":-1,'");
}

/* ---- identity ---- */

/* How often one of `n` processes that share a processor gets at the file, of `tries` attempts by each. */
static int race_for(const char *path, int n, int tries)
{
	int *opened = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), made = 0;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	REQUIRE(opened != MAP_FAILED && !sched_setaffinity(0, sizeof(one), &one));
	while (made < n) {
		pid_t child = fork();

		if (child < 0 && errno == EACCES)
			continue; /* docs/limits.md: of Linux 6.1 under full preemption */
		REQUIRE(child >= 0);
		made++;
		if (child)
			continue;
		for (int i = 0; i < tries; i++) {
			int fd = open(path, O_RDONLY | O_CLOEXEC);

			if (fd >= 0) {
				__sync_fetch_and_add(opened, 1);
				close(fd);
			}
			if (i % 64 == 0)
				usleep(1); /* sleepers that wake are what preempts the others */
		}
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	return *opened;
}

/* A task that is preempted while the kernel looks for its label keeps others from finding theirs (Linux before 6.2). */
TEST(escape_by_being_preempted_in_the_look_up)
{
	make_file(ROOT "/secret", "secret", 0644);
	make_file(ROOT "/own/file", "mine", 0644);
	CHECK_SH(0, "mkdir -p /run/debug && mount -t debugfs d /run/debug && echo full >/run/debug/sched/preempt && "
		    "grep '(full)' /run/debug/sched/preempt");
	IN("escape", 1000)
		CHECK_INT(race_for(ROOT "/secret", 8, 3000), 0);
	IN(NULL, 1000)
		CHECK_INT(race_for(ROOT "/secret", 2, 100), 200);
	IN("escape", 1000)
		CHECK_INT(race_for(ROOT "/own/file", 2, 100), 200);
	CHECK_SH(0, "echo voluntary >/run/debug/sched/preempt; umount /run/debug");
}

VT_MAIN()
