// SPDX-License-Identifier: Apache-2.0
/* Permits are kept on inodes (bpf/permit.h): whatever they rest on is changed here after one was given, and it must not hold any more. */
#include "govern.h"

#include <bpf/bpf.h>

#include <sys/mount.h>

#define CG      "/vt-permits"
#define ROOT    "/tmp/vt-permits"
#define ALLOWED ROOT "/allowed"
#define DENIED  ROOT "/denied"

#define POLICY(deny)                                                                                    \
	"schema = 1\nname = \"permits\"\n[file]\ndefault = \"deny\"\nread = [\"/**\"]\nwrite = [\"" ALLOWED "/**\", \"/dev/**\"]\n" \
	"deny = [\"" DENIED "/**\"" deny "]\n[exec]\ndefault = \"deny\"\nallow = [\"" ALLOWED "/**\", \"/usr/**\"]\n"        \
	"[network]\ndefault = \"deny\"\n"

/* A process of the agent that does one thing each time it is told to, so that nothing but the change lies between. */
static int orders[2], answers[2];
static pid_t worker;

enum order { READ = 'r', WRITE = 'w', EXEC = 'x' };

static int try_exec(const char *path)
{
	int status;
	pid_t child = fork();

	if (!child) {
		execl(path, "true", (char *)NULL);
		_exit(errno);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void work(void *arg)
{
	char order[300];
	ssize_t n;

	(void)arg;
	close(orders[1]);
	while ((n = read(orders[0], order, sizeof(order) - 1)) > 0) {
		int fd, result = 0;

		order[n] = '\0';
		if (order[0] == EXEC) {
			result = try_exec(order + 1);
		} else {
			fd = open(order + 1, order[0] == READ ? O_RDONLY | O_CLOEXEC : O_WRONLY | O_CLOEXEC);
			result = fd < 0 ? errno : 0;
			if (fd >= 0)
				close(fd);
		}
		if (write(answers[1], &result, sizeof(result)) != sizeof(result))
			break;
	}
}

/* errno of what the agent was told to do, 0 if it worked. */
static int tell(enum order what, const char *path)
{
	char order[300];
	int result = -1, n = snprintf(order, sizeof(order), "%c%s", what, path);

	REQUIRE(write(orders[1], order, (size_t)n) == n);
	REQUIRE(read(answers[0], &result, sizeof(result)) == sizeof(result));
	return result;
}

static void thrice(enum order what, const char *path, int want)
{
	CHECK_INT(tell(what, path), want);
	CHECK_INT(tell(what, path), want);
	CHECK_INT(tell(what, path), want);
}

/* Whether the kernel has a permit on the inode: or these tests would try nothing. */
static bool is_kept(const char *path)
{
	static const unsigned char none[256];
	unsigned char value[256] = {};
	int map = bpf_obj_get(VANTIO_PINS "/maps/vantio_permits"), fd = open(path, O_RDONLY | O_CLOEXEC);
	bool kept = map >= 0 && fd >= 0 && !bpf_map_lookup_elem(map, &fd, value) && memcmp(value, none, sizeof(value));

	close(fd);
	close(map);
	return kept;
}

static void start_worker(void)
{
	REQUIRE(!pipe(orders) && !pipe(answers));
	worker = start_in(CG, 0, work, NULL);
	REQUIRE(worker > 0);
	close(orders[0]);
	close(answers[1]);
}

static void stop_worker(void)
{
	close(orders[1]);
	CHECK_INT(waitpid(worker, NULL, 0), worker);
}

static void fresh_tree(void)
{
	fresh_folder(ROOT);
	make_folder(ALLOWED);
	make_folder(ALLOWED "/below");
	make_folder(DENIED);
	make_file(ALLOWED "/file", "text", 0666);
	make_file(ALLOWED "/below/file", "text", 0666);
	push_text(POLICY(""), NULL);
}

static void fresh(void)
{
	fresh_tree();
	start_worker();
}

TEST(permit_ends_when_the_file_is_renamed)
{
	fresh();
	CHECK(!is_kept(ALLOWED "/file"));
	thrice(READ, ALLOWED "/file", 0);
	CHECK(is_kept(ALLOWED "/file"));
	CHECK_OK(rename(ALLOWED "/file", DENIED "/file"));
	thrice(READ, DENIED "/file", EACCES);
	CHECK_OK(rename(DENIED "/file", ALLOWED "/file"));
	thrice(READ, ALLOWED "/file", 0);
	stop_worker();
}

TEST(permit_ends_when_a_folder_above_is_renamed)
{
	fresh();
	thrice(WRITE, ALLOWED "/below/file", 0);
	thrice(READ, ALLOWED "/below/file", 0);
	CHECK_OK(rename(ALLOWED "/below", DENIED "/below"));
	thrice(WRITE, DENIED "/below/file", EACCES);
	thrice(READ, DENIED "/below/file", EACCES);
	stop_worker();
}

TEST(permit_to_read_is_none_to_write)
{
	fresh();
	make_file(ROOT "/read-only", "text", 0666);
	thrice(READ, ROOT "/read-only", 0);
	thrice(WRITE, ROOT "/read-only", EACCES);
	thrice(EXEC, ROOT "/read-only", EACCES);
	stop_worker();
}

/* What is known of the folder must not be said of the folder itself, nor of what another mount shows there. */
TEST(permit_of_what_lies_in_a_folder_is_none_of_the_folder)
{
	fresh();
	make_folder(ROOT "/mounted");
	CHECK_OK(mount("vt-permits", ROOT "/mounted", "tmpfs", 0, NULL));
	make_folder(ROOT "/mounted/sub");
	make_file(ROOT "/mounted/one", "text", 0666);
	make_file(DENIED "/file", "text", 0666);
	push_text("schema = 1\nname = \"permits\"\n[file]\ndefault = \"deny\"\nread = [\"" ROOT "/mounted/**\"]\ndeny = [\"" ROOT "/mounted\", \"" ROOT
		  "/mounted/sub\"]\n[exec]\ndefault = \"deny\"\n[network]\ndefault = \"deny\"\n", NULL);
	thrice(READ, ROOT "/mounted/one", 0);
	thrice(READ, ROOT "/mounted", EACCES);
	thrice(READ, ROOT "/mounted/sub", EACCES);
	CHECK_OK(mount(DENIED "/file", ROOT "/mounted/one", NULL, MS_BIND, NULL));
	thrice(READ, ROOT "/mounted/one", 0);
	thrice(READ, DENIED "/file", EACCES);
	CHECK_OK(umount(ROOT "/mounted/one"));
	CHECK_OK(umount(ROOT "/mounted"));
	stop_worker();
}

TEST(permit_ends_with_the_policy)
{
	fresh();
	thrice(READ, ALLOWED "/file", 0);
	push_text(POLICY(", \"" ALLOWED "/file\""), NULL);
	thrice(READ, ALLOWED "/file", EACCES);
	push_text(POLICY(""), NULL);
	thrice(READ, ALLOWED "/file", 0);
	stop_worker();
}

TEST(permit_under_one_name_is_none_under_another)
{
	fresh();
	CHECK_OK(link(ALLOWED "/file", DENIED "/file"));
	thrice(READ, ALLOWED "/file", 0);
	thrice(READ, DENIED "/file", EACCES);
	thrice(READ, ALLOWED "/file", 0);
	stop_worker();
}

/* The names' dentries are thrown away, and those that are made next are likely to lie where they lay. Their inode stays: it is open. */
TEST(permit_does_not_pass_to_a_dentry_at_the_same_address)
{
	const char *allowed = "/data/vt-permits/allowed/file", *denied = "/data/vt-permits/denied/file";
	int i, fd;

	fresh();
	fresh_folder("/data/vt-permits");
	make_folder("/data/vt-permits/allowed");
	make_folder("/data/vt-permits/denied");
	make_file(allowed, "text", 0666);
	CHECK_OK(link(allowed, denied));
	push_text(POLICY(", \"/data/vt-permits/denied/**\""), NULL);
	fd = open(allowed, O_RDONLY | O_CLOEXEC);
	CHECK_OK(fd);
	for (i = 0; i < 50; i++) {
		CHECK_INT(tell(READ, i % 2 ? denied : allowed), i % 2 ? EACCES : 0);
		CHECK(write_text("/proc/sys/vm/drop_caches", "2"));
	}
	close(fd);
	stop_worker();
}

TEST(permit_ends_when_a_mount_above_is_moved)
{
	fresh();
	make_folder(ALLOWED "/mount");
	make_folder(DENIED "/mount");
	CHECK_OK(mount("vt-permits", ALLOWED "/mount", "tmpfs", 0, NULL));
	make_file(ALLOWED "/mount/file", "text", 0666);
	thrice(READ, ALLOWED "/mount/file", 0);
	CHECK_OK(mount(ALLOWED "/mount", DENIED "/mount", NULL, MS_MOVE, NULL));
	thrice(READ, DENIED "/mount/file", EACCES);
	CHECK_OK(umount(DENIED "/mount"));
	stop_worker();
}

TEST(permit_ends_when_the_agent_is_halted)
{
	fresh();
	thrice(READ, ALLOWED "/file", 0);
	CHECK_SH(0, "vantioctl killswitch --soft; echo 0 >" CGROUP_ROOT CG "/cgroup.freeze"); /* thawed: it runs into the refusal */
	thrice(READ, ALLOWED "/file", EACCES);
	CHECK_SH(0, "vantioctl killswitch --release");
	thrice(READ, ALLOWED "/file", 0);
	stop_worker();
}

TEST(permit_to_execute_ends_when_the_file_is_deleted)
{
	char path[64];
	int fd;

	fresh_tree();
	CHECK_SH(0, "cp /usr/bin/true " ALLOWED "/true && chmod 755 " ALLOWED "/true");
	fd = open(ALLOWED "/true", O_PATH);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	start_worker();
	thrice(EXEC, path, 0);
	CHECK(is_kept(ALLOWED "/true"));
	CHECK_OK(unlink(ALLOWED "/true"));
	thrice(EXEC, path, EACCES);
	close(fd);
	stop_worker();
}

TEST(permit_does_not_keep_a_record_from_being_written)
{
	size_t from;

	fresh();
	thrice(READ, ALLOWED "/file", 0);
	push_text("schema = 1\nname = \"permits\"\nrecord = \"all\"\n[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"deny\"\n",
		  NULL);
	from = records_now();
	thrice(READ, ALLOWED "/file", 0);
	load_records(from);
	CHECK_INT(count_records("read", "permit"), 3);
	stop_worker();
}

SETUP()
{
	struct vantio_slot slot;

	engine_ready();
	REQUIRE(!push_text(POLICY(""), &slot) && enroll("vt-permits", CG, 0, slot.slot, 0));
}

TEARDOWN()
{
	remove_named("vt-permits");
}

VT_MAIN()
