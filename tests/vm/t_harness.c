// SPDX-License-Identifier: Apache-2.0
/* What the other tests take for granted of a guest. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "vt.h"

static long fs_type(const char *path)
{
	struct statfs s;

	return statfs(path, &s) < 0 ? -1 : (long)s.f_type;
}

static void read_text(const char *path, char *out, size_t max)
{
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (CHECK_OK(fd) >= 0) {
		n = read(fd, out, max - 1);
		close(fd);
	}
	out[n < 0 ? 0 : n] = '\0';
}

TEST(harness_kernel_has_btf)
{
	struct stat st;

	CHECK_OK(stat("/sys/kernel/btf/vmlinux", &st));
	CHECK(st.st_size > 1000000);
}

TEST(harness_bpf_is_an_active_lsm)
{
	char lsm[256];

	read_text("/sys/kernel/security/lsm", lsm, sizeof(lsm));
	CHECK(strstr(lsm, "bpf"));
	CHECK(strstr(lsm, "landlock"));
}

TEST(harness_file_systems_are_mounted)
{
	CHECK_INT(fs_type("/"), TMPFS_MAGIC);
	CHECK_INT(fs_type("/work"), TMPFS_MAGIC);
	CHECK_INT(fs_type("/sys/fs/cgroup"), CGROUP2_SUPER_MAGIC);
	CHECK_INT(fs_type("/sys/fs/bpf"), BPF_FS_MAGIC);
	CHECK_INT(fs_type("/sys/kernel/security"), SECURITYFS_MAGIC);
	CHECK_INT(fs_type("/sys/kernel/tracing"), TRACEFS_MAGIC);
	CHECK_INT(fs_type("/data"), EXT4_SUPER_MAGIC);
}

TEST(harness_program_has_a_cgroup_of_its_own)
{
	char cgroup[256];

	read_text("/proc/self/cgroup", cgroup, sizeof(cgroup));
	CHECK_STR(cgroup, "0::/system.slice/t_harness.scope\n");
}

static void round_trip(int family, const void *addr, socklen_t len)
{
	struct sockaddr_storage bound;
	socklen_t bound_len = sizeof(bound);
	int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_OK(bind(listener, addr, len));
	CHECK_OK(listen(listener, 1));
	CHECK_OK(getsockname(listener, (struct sockaddr *)&bound, &bound_len));
	CHECK_OK(connect(client, (struct sockaddr *)&bound, bound_len));
	CHECK_OK(accept(listener, NULL, NULL));
}

TEST(harness_loopback_carries_v4_and_v6)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	round_trip(AF_INET, &v4, sizeof(v4));
	round_trip(AF_INET6, &v6, sizeof(v6));
}

TEST(harness_uid_drop_holds)
{
	REQUIRE(getuid() == 0);
	CHECK_FAILS(open("/root/none", O_RDONLY), ENOENT);
	REQUIRE(setgid(1000) == 0 && setuid(1000) == 0);
	CHECK_FAILS(open("/etc/passwd", O_WRONLY), EACCES);
	CHECK_FAILS(setuid(0), EPERM);
}

TEST(harness_checks_in_children_count)
{
	/* Undone below: what is shown is that a child's failed check reaches this process. */
	unsigned int before = counts->failures;
	pid_t child = fork();

	if (child == 0) {
		counts->failures++;
		_exit(0);
	}
	waitpid(child, NULL, 0);
	CHECK_INT(counts->failures, before + 1);
	counts->failures = before;
}

TEST(harness_modules_load_on_demand)
{
	CHECK_SH(0, "mkdir -p /tmp/o/1 /tmp/o/2 /tmp/o/3 /tmp/o/4");
	CHECK_SH(0, "mount -t overlay -o lowerdir=/tmp/o/1,upperdir=/tmp/o/2,workdir=/tmp/o/3 o /tmp/o/4");
	CHECK_SH(0, "umount /tmp/o/4");
}

VT_MAIN()
