// SPDX-License-Identifier: Apache-2.0
/* Which path an object has: names, mounts, moves, and objects that have none. */
#include "engine.h"

#include <sys/mount.h>
#include <sys/xattr.h>

#define ROOT "/data/path"
#define OK   ROOT "/ok"
#define NO   ROOT "/no"

static const char policy_deny[] =
	"[file]\n"
	"default = \"deny\"\n"
	"read = [\"" OK "/**\"]\n"
	"write = [\"" OK "/**\", \"" ROOT "/wo/**\"]\n"
	"deny = [\"" NO "/**\", \"" OK "/no\", \"" OK "/in/no/**\", \"" OK "/d/secret\", \"" OK "/merged/no\",\n"
	"\t'" OK "/h/\\*', '" OK "/h/\\xff\\x0a', '" OK "/h/\\x1b[[]31m']\n"
	"[exec]\ndefault = \"deny\"\n"
	"allow = [\"" OK "/bin/**\"]\n"
	"[network]\ndefault = \"deny\"\n";

static const char policy_allow[] =
	"[file]\n"
	"default = \"allow\"\n"
	"deny = [\"" NO "/**\"]\n"
	"[exec]\ndefault = \"allow\"\n"
	"[network]\ndefault = \"allow\"\n";

static const char *const both[] = { "path-deny", "path-allow", NULL };

SETUP()
{
	engine_ready();
	policy_push("path-deny", policy_deny);
	policy_push("path-allow", policy_allow);
	agent_enroll("path-deny", "path-deny");
	agent_enroll("path-allow", "path-allow");
	make_folder(ROOT);
}

/* Each test begins with ok/f, no/f and ok/no. */
static void prepare(void)
{
	fresh_folder(OK);
	fresh_folder(NO);
	make_file(OK "/f", "fine", 0666);
	make_file(NO "/f", "secret", 0666);
	make_file(OK "/no", "secret", 0666);
}

/* open(2) and close(2): 0 or -1. */
static int can_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	return fd < 0 ? -1 : close(fd);
}

static int can_open_at(int dir, const char *path, int flags)
{
	int fd = openat(dir, path, flags | O_CLOEXEC, 0644);

	return fd < 0 ? -1 : close(fd);
}

/* ---- names ---- */

TEST(path_deny_inside_allow_holds)
{
	prepare();
	make_folder(OK "/in");
	make_folder(OK "/in/no");
	make_folder(OK "/in/no/deep");
	make_file(OK "/in/f", "fine", 0666);
	make_file(OK "/in/no/deep/f", "secret", 0666);
	IN("path-deny", 1000) {
		CHECK_OK(can_open(OK "/f", O_RDWR));
		CHECK_FAILS(can_open(OK "/no", O_RDONLY), EACCES);
		CHECK_OK(can_open(OK "/in/f", O_RDWR));
		CHECK_FAILS(can_open(OK "/in/no", O_RDONLY | O_DIRECTORY), EACCES);
		CHECK_FAILS(can_open(OK "/in/no/deep/f", O_RDONLY), EACCES);
		CHECK_FAILS(can_open(OK "/no", O_WRONLY | O_TRUNC), EACCES);
	}
	CHECK_STR(file_text(OK "/no"), "secret");
}

TEST(path_is_where_the_names_lead)
{
	size_t i;

	prepare();
	REQUIRE(!symlink(NO "/f", OK "/to-no") && !symlink(OK "/f", NO "/to-ok") && !symlink("/data", OK "/data"));
	for (i = 0; both[i]; i++)
		IN(both[i], 1000) {
			int dir = open(NO, O_PATH | O_DIRECTORY);

			CHECK_OK(can_open(NO "/../ok/f", O_RDONLY));
			CHECK_FAILS(can_open(OK "/../no/f", O_RDONLY), EACCES);
			CHECK_OK(can_open("/proc/self/root/data/../" OK "/./f", O_RDONLY));
			CHECK_FAILS(can_open("/proc/self/root" NO "/f", O_RDONLY), EACCES);
			CHECK_FAILS(can_open(OK "/to-no", O_RDONLY), EACCES);
			CHECK_OK(can_open(NO "/to-ok", O_RDONLY));
			CHECK_FAILS(can_open(OK "/data/path/no/f", O_RDONLY), EACCES);
			CHECK_FAILS(can_open_at(dir, "f", O_RDONLY), EACCES);
			CHECK_OK(can_open_at(dir, "../ok/f", O_RDONLY));
			CHECK_OK(chdir(NO));
			CHECK_FAILS(can_open("f", O_RDONLY), EACCES);
			CHECK_FAILS(can_open("/proc/self/cwd/f", O_RDONLY), EACCES);
		}
}

TEST(path_chroot_changes_nothing)
{
	size_t i;

	prepare();
	CHECK_SH(0, "mkdir -p " NO OK " && echo secret >" NO OK "/f");
	for (i = 0; both[i]; i++) {
		IN(both[i], 0) {
			REQUIRE(!chroot(NO) && !chdir("/"));
			CHECK_FAILS(can_open("/f", O_RDONLY), EACCES);
			CHECK_FAILS(can_open(OK "/f", O_RDONLY), EACCES);
			CHECK_FAILS(can_open(OK "/new", O_WRONLY | O_CREAT), EACCES);
			CHECK_FAILS(mkdir("/new", 0755), EACCES);
		}
		IN(both[i], 0) {
			REQUIRE(!chroot(OK) && !chdir("/"));
			CHECK_OK(can_open("/f", O_RDONLY));
		}
	}
	CHECK(!exists(NO "/new") && !exists(NO OK "/new"));
}

/* Components of 200 bytes until `left` bytes are missing to `total`; the working folder is the last one. */
static size_t go_deep(const char *top, size_t total, size_t left)
{
	char name[201];
	size_t len = strlen(top);

	memset(name, 'x', 200);
	name[200] = '\0';
	REQUIRE(!chdir(top));
	while (len + 201 + left <= total) {
		make_folder(name);
		REQUIRE(!chdir(name));
		len += 201;
	}
	return len;
}

TEST(path_of_4095_bytes_is_judged_and_longer_ones_are_refused)
{
	char fits[256] = "", over[256] = "", whole[PATH_MAX];
	size_t len, i;

	prepare();
	len = go_deep(OK, 4095, 20);
	memset(fits, 'y', 4095 - len - 1);
	memset(over, 'y', 4095 - len);
	make_file(fits, "fine", 0666);
	make_file(over, "far", 0666);
	REQUIRE(getcwd(whole, sizeof(whole)));
	CHECK_INT(strlen(whole), len);
	whole[len] = '/';
	strcpy(whole + len + 1, fits);
	CHECK_INT(strlen(whole), 4095);
	for (i = 0; both[i]; i++)
		IN(both[i], 1000) {
			CHECK_OK(can_open(fits, O_RDONLY));
			CHECK_OK(can_open(whole, O_RDWR));
			CHECK_OK(chmod(fits, 0644));
			CHECK_FAILS(can_open(over, O_RDONLY), EACCES);
			CHECK_FAILS(unlink(over), EACCES);
			CHECK_FAILS(rename(fits, over), EACCES);
			over[0] = 'z';
			CHECK_FAILS(can_open(over, O_WRONLY | O_CREAT), EACCES);
			over[0] = 'y';
		}
	CHECK_STR(file_text(over), "far");
	CHECK_STR(file_text(fits), "fine");
	over[0] = 'z';
	CHECK(!exists(over));
	REQUIRE(!chdir("/"));
}

/* Under a denied folder, of a hook that knows no mount: "no name" must not pass for "not denied". */
TEST(path_too_long_does_not_hide_a_denied_file)
{
	char over[256] = "";
	size_t len, i;

	prepare();
	len = go_deep(NO, 4095, 20);
	memset(over, 'y', 4095 - len);
	make_file(over, "far", 0666);
	for (i = 0; both[i]; i++)
		IN(both[i], 1000) {
			CHECK_FAILS(setxattr(over, "user.x", "v", 1, 0), EACCES);
			CHECK_FAILS(utimensat(AT_FDCWD, over, NULL, 0), EACCES);
		}
	CHECK(getxattr(over, "user.x", NULL, 0) < 0);
	REQUIRE(!chdir("/"));
}

TEST(path_hostile_bytes_are_compared_as_they_are)
{
	static const char *const fine[] = { "a b", "\n", "\t\r", "\x01\x7f", "\xc3\xa4", "\xff", "'\"\\", "{a,b}", "[x]", "?", "%s%n", "-rf" };
	static const char *const denied[] = { "*", "\xff\n", "\x1b[31m" };
	char path[PATH_MAX];
	size_t i;

	prepare();
	make_folder(OK "/h");
	for (i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		snprintf(path, sizeof(path), OK "/h/%s", fine[i]);
		make_file(path, "fine", 0666);
		IN("path-deny", 1000) {
			CHECK_OK(can_open(path, O_RDWR));
			CHECK_OK(unlink(path));
		}
		CHECK(!exists(path));
	}
	for (i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
		snprintf(path, sizeof(path), OK "/h/%s", denied[i]);
		make_file(path, "secret", 0666);
		IN("path-deny", 1000) {
			CHECK_FAILS(can_open(path, O_RDONLY), EACCES);
			CHECK_FAILS(unlink(path), EACCES);
		}
		CHECK_STR(file_text(path), "secret");
	}
}

/* ---- mounts ---- */

TEST(path_through_a_mount_is_that_of_the_namespace)
{
	prepare();
	make_folder(OK "/bound");
	make_folder(NO "/bound");
	make_folder(NO "/sub");
	make_file(NO "/sub/f", "secret", 0666);
	REQUIRE(!mount(NO "/sub", OK "/bound", NULL, MS_BIND, NULL));
	REQUIRE(!mount(OK, NO "/bound", NULL, MS_BIND, NULL));
	IN("path-deny", 1000) {
		CHECK_OK(can_open(OK "/bound/f", O_RDONLY));
		CHECK_FAILS(can_open(NO "/sub/f", O_RDONLY), EACCES);
		CHECK_FAILS(can_open(NO "/bound/f", O_RDONLY), EACCES);
		/* Hooks that know no mount: one name that is denied denies. */
		CHECK_FAILS(setxattr(OK "/bound/f", "user.x", "v", 1, 0), EACCES);
		CHECK_FAILS(utimensat(AT_FDCWD, OK "/bound/f", NULL, 0), EACCES);
	}
	REQUIRE(!umount(NO "/bound") && !umount(OK "/bound"));
}

TEST(path_through_nested_mounts_is_whole)
{
	prepare();
	make_folder(OK "/m");
	REQUIRE(!mount("one", OK "/m", "tmpfs", 0, "mode=777"));
	make_folder(OK "/m/a");
	make_folder(OK "/m/a/m");
	REQUIRE(!mount("two", OK "/m/a/m", "tmpfs", 0, "mode=777"));
	make_file(OK "/m/a/m/f", "fine", 0666);
	make_folder(NO "/m");
	REQUIRE(!mount("three", NO "/m", "tmpfs", 0, "mode=777"));
	make_file(NO "/m/f", "secret", 0666);
	IN("path-deny", 1000) {
		CHECK_OK(can_open(OK "/m/a/m/f", O_RDWR));
		CHECK_OK(can_open(OK "/m/a/m/new", O_RDWR | O_CREAT));
		CHECK_OK(can_open(OK "/m/a/m", O_RDONLY | O_DIRECTORY));
		CHECK_OK(utimensat(AT_FDCWD, OK "/m/a/m/f", NULL, 0));
	}
	IN("path-allow", 1000) {
		CHECK_FAILS(can_open(NO "/m/f", O_RDONLY), EACCES);
		CHECK_FAILS(can_open(NO "/m", O_RDONLY | O_DIRECTORY), EACCES);
		CHECK_FAILS(utimensat(AT_FDCWD, NO "/m/f", NULL, 0), EACCES);
	}
	CHECK(exists(OK "/m/a/m/new"));
	REQUIRE(!umount(OK "/m/a/m") && !umount(OK "/m") && !umount(NO "/m"));
}

/* Service managers give every service a mount namespace, and each has a copy of every mount. */
TEST(path_of_a_file_system_with_many_mounts_is_found)
{
	char path[64];
	int i;

	prepare();
	REQUIRE(!mkdir("/tmp/many", 0755));
	for (i = 0; i < 60; i++) {
		snprintf(path, sizeof(path), "/tmp/many/%d", i);
		REQUIRE(!mkdir(path, 0755) && !mount("/data", path, NULL, MS_BIND, NULL));
	}
	IN("path-deny", 1000) {
		CHECK_OK(setxattr(OK "/f", "user.x", "v", 1, 0));
		CHECK_OK(utimensat(AT_FDCWD, OK "/f", NULL, 0));
		CHECK_FAILS(setxattr(NO "/f", "user.x", "v", 1, 0), EACCES);
	}
	for (i = 0; i < 60; i++) {
		snprintf(path, sizeof(path), "/tmp/many/%d", i);
		REQUIRE(!umount(path) && !rmdir(path));
	}
	REQUIRE(!rmdir("/tmp/many"));
}

/* ---- moves: the object may not get more than it had ---- */

TEST(path_rename_may_not_give_access)
{
	prepare();
	fresh_folder(ROOT "/wo");
	make_file(ROOT "/wo/f", "unread", 0666);
	make_folder(OK "/bin");
	make_folder(OK "/d");
	make_folder(OK "/plain");
	make_file(OK "/bin/tool", "tool", 0777);
	IN("path-deny", 1000) {
		CHECK_FAILS(rename(ROOT "/wo/f", OK "/read"), EACCES);
		CHECK_FAILS(renameat2(AT_FDCWD, OK "/f", AT_FDCWD, ROOT "/wo/f", RENAME_EXCHANGE), EACCES);
		CHECK_FAILS(link(ROOT "/wo/f", OK "/read"), EACCES);
		CHECK_FAILS(rename(OK "/f", OK "/bin/f"), EACCES);
		CHECK_FAILS(link(OK "/f", OK "/bin/f"), EACCES);
		CHECK_FAILS(rename(OK "/no", OK "/yes"), EACCES);
		CHECK_FAILS(link(OK "/no", OK "/yes"), EACCES);
		CHECK_FAILS(rename(OK "/f", OK "/no"), EACCES);
		CHECK_FAILS(rename(OK "/d", OK "/e"), EACCES); /* d/secret would become e/secret */
		CHECK_FAILS(rename(OK "/plain", OK "/bin/plain"), EACCES);
		CHECK_FAILS(rename(OK, ROOT "/elsewhere"), EACCES);
		/* What takes access away, or leaves it as it was, is fine. */
		CHECK_OK(rename(OK "/bin/tool", OK "/tool"));
		CHECK_OK(rename(OK "/plain", OK "/other"));
		CHECK_OK(rename(OK "/tool", ROOT "/wo/tool"));
	}
	CHECK_STR(file_text(ROOT "/wo/f"), "unread");
	CHECK_STR(file_text(OK "/f"), "fine");
	CHECK_STR(file_text(OK "/no"), "secret");
	CHECK(!exists(OK "/read") && !exists(OK "/yes") && !exists(OK "/e") && !exists(OK "/bin/f"));
	CHECK(exists(OK "/other") && exists(ROOT "/wo/tool"));
}

TEST(path_link_of_an_open_file_may_not_give_access)
{
	size_t i;

	prepare();
	for (i = 0; both[i]; i++)
		IN(both[i], 0) {
			char path[32];
			int fd = open(NO "/f", O_PATH);

			REQUIRE(fd >= 0);
			snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
			CHECK_FAILS(linkat(fd, "", AT_FDCWD, OK "/new", AT_EMPTY_PATH), EACCES);
			CHECK_FAILS(linkat(AT_FDCWD, path, AT_FDCWD, OK "/new", AT_SYMLINK_FOLLOW), EACCES);
		}
	CHECK(!exists(OK "/new"));
}

/* ---- objects without a name ---- */

TEST(path_of_a_deleted_file_is_its_last_name)
{
	char ok[32], no[32];
	int ok_fd, no_fd;
	size_t i;

	prepare();
	ok_fd = open(OK "/f", O_PATH);
	no_fd = open(NO "/f", O_PATH);
	REQUIRE(ok_fd >= 0 && no_fd >= 0 && !unlink(OK "/f") && !unlink(NO "/f"));
	snprintf(ok, sizeof(ok), "/proc/self/fd/%d", ok_fd);
	snprintf(no, sizeof(no), "/proc/self/fd/%d", no_fd);
	for (i = 0; both[i]; i++)
		IN(both[i], 0) {
			CHECK_OK(can_open(ok, O_RDWR));
			CHECK_FAILS(can_open(no, O_RDONLY), EACCES);
			CHECK_FAILS(can_open(no, O_WRONLY | O_TRUNC), EACCES);
		}
}

TEST(path_of_an_unnamed_file_is_where_it_was_made)
{
	size_t i;

	prepare();
	for (i = 0; both[i]; i++)
		IN(both[i], 1000) {
			int fd = open(OK, O_TMPFILE | O_RDWR, 0600);

			CHECK(fd >= 0 && !ftruncate(fd, 10) && !fchmod(fd, 0640) && !futimens(fd, NULL));
			CHECK_FAILS(open(NO, O_TMPFILE | O_RDWR, 0600), EACCES);
		}
}

/* To execute one is another matter: see t_exec.c. */
TEST(path_of_pipes_and_memfds_is_none_of_the_policy)
{
	size_t i;

	for (i = 0; both[i]; i++)
		IN(both[i], 1000) {
			char path[32];
			int fd = memfd_create(NO "/f", 0), pipe_fds[2];

			REQUIRE(fd >= 0 && !pipe(pipe_fds));
			CHECK_OK(ftruncate(fd, 10));
			CHECK_OK(fchmod(fd, 0600));
			CHECK_OK(futimens(fd, NULL));
			snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
			CHECK_OK(can_open(path, O_RDWR));
			snprintf(path, sizeof(path), "/dev/fd/%d", pipe_fds[0]);
			CHECK_OK(can_open(path, O_RDONLY));
		}
}

/* A tree that hangs in no namespace would begin with whatever root its maker chose. */
TEST(path_in_a_detached_tree_is_refused)
{
	size_t i;

	prepare();
	CHECK_SH(0, "mkdir -p " NO OK " && echo secret >" NO OK "/f");
	for (i = 0; both[i]; i++)
		IN(both[i], 0) {
			int tree = (int)syscall(SYS_open_tree, AT_FDCWD, NO, OPEN_TREE_CLONE | AT_RECURSIVE), fs;

			REQUIRE(tree >= 0);
			CHECK_FAILS(can_open_at(tree, "f", O_RDONLY), EACCES);
			CHECK_FAILS(can_open_at(tree, &OK "/f"[1], O_RDONLY), EACCES);
			CHECK_FAILS(can_open_at(tree, &OK "/new"[1], O_WRONLY | O_CREAT), EACCES);
			CHECK_FAILS(unlinkat(tree, "f", 0), EACCES);
			fs = (int)syscall(SYS_fsopen, "tmpfs", 0);
			REQUIRE(fs >= 0 && !syscall(SYS_fsconfig, fs, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0));
			tree = (int)syscall(SYS_fsmount, fs, 0, 0);
			REQUIRE(tree >= 0);
			CHECK_FAILS(can_open_at(tree, "f", O_WRONLY | O_CREAT), EACCES);
		}
	CHECK_STR(file_text(NO "/f"), "secret");
	CHECK(!exists(NO OK "/new"));
}

TEST(path_below_a_mount_that_is_gone_is_refused)
{
	size_t i;
	int dir;

	prepare();
	make_folder(NO "/m");
	REQUIRE(!mount("gone", NO "/m", "tmpfs", 0, "mode=777"));
	make_file(NO "/m/f", "secret", 0666);
	dir = open(NO "/m", O_PATH);
	REQUIRE(dir >= 0 && !umount2(NO "/m", MNT_DETACH));
	for (i = 0; both[i]; i++)
		IN(both[i], 1000) {
			CHECK_FAILS(can_open_at(dir, "f", O_RDONLY), EACCES);
			CHECK_FAILS(utimensat(dir, "f", NULL, 0), EACCES);
		}
}

TEST(path_of_a_file_handle_cannot_be_hidden)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} no = { .h.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, top;
	size_t i;

	prepare();
	top = open("/data", O_RDONLY | O_DIRECTORY);
	REQUIRE(top >= 0 && !name_to_handle_at(AT_FDCWD, NO "/f", &no.h, &mount_id, 0));
	for (i = 0; both[i]; i++) {
		CHECK_SH(0, "sync; echo 2 >/proc/sys/vm/drop_caches"); /* the inode is found without its name */
		IN(both[i], 0) {
			CHECK_FAILS(open_by_handle_at(top, &no.h, O_RDONLY), EACCES);
			CHECK_FAILS(open_by_handle_at(top, &no.h, O_WRONLY | O_TRUNC), EACCES);
		}
	}
	CHECK_STR(file_text(NO "/f"), "secret");
}

/* ---- overlayfs, which containers live on ---- */

TEST(path_on_an_overlay_is_that_of_the_overlay)
{
	prepare();
	CHECK_SH(0, "modprobe overlay; cd " ROOT " && rm -rf layers && mkdir -p layers/lower/sub layers/upper layers/work && "
		    "echo low >layers/lower/f && echo low >layers/lower/g && echo low >layers/lower/no && chown -R 1000 layers && "
		    "mkdir " OK "/merged && mount -t overlay overlay -o lowerdir=layers/lower,upperdir=layers/upper,workdir=layers/work " OK "/merged");
	IN("path-deny", 1000) {
		CHECK_STR(file_text(OK "/merged/g"), "low\n");
		CHECK_OK(can_open(OK "/merged", O_RDONLY | O_DIRECTORY));
		CHECK_OK(can_open(OK "/merged/f", O_WRONLY | O_APPEND)); /* copied up by it */
		CHECK_OK(can_open(OK "/merged/new", O_RDWR | O_CREAT));
		CHECK_OK(mkdir(OK "/merged/dir", 0755));
		CHECK_OK(rename(OK "/merged/new", OK "/merged/renamed"));
		CHECK_OK(chmod(OK "/merged/f", 0600));
		CHECK_OK(utimensat(AT_FDCWD, OK "/merged/f", NULL, 0));
		CHECK_OK(utimensat(AT_FDCWD, OK "/merged/sub", NULL, 0));
		CHECK_OK(truncate(OK "/merged/f", 1));
		CHECK_OK(unlink(OK "/merged/g"));
		CHECK_FAILS(can_open(OK "/merged/no", O_RDONLY), EACCES);
		CHECK_FAILS(utimensat(AT_FDCWD, OK "/merged/no", NULL, 0), EACCES);
		CHECK_FAILS(can_open(ROOT "/layers/lower/f", O_RDONLY), EACCES);
		CHECK_FAILS(can_open(ROOT "/layers/upper/f", O_RDONLY), EACCES);
	}
	CHECK_STR(file_text(ROOT "/layers/upper/f"), "l");
	CHECK(exists(ROOT "/layers/upper/renamed") && !exists(OK "/merged/g"));
	IN("path-deny", 0) {
		CHECK_OK(setxattr(OK "/merged/sub", "trusted.x", "v", 1, 0));
		CHECK_FAILS(setxattr(OK "/merged/no", "trusted.x", "v", 1, 0), EACCES);
	}
	REQUIRE(!umount(OK "/merged"));
}

VT_MAIN()
