// SPDX-License-Identifier: Apache-2.0
/* A file that a deny entry names is denied under every name it has, by its inode; and a later file with the same number is not. */
#include "govern.h"

#include <sys/mount.h>
#include <sys/xattr.h>

#define ROOT "/data/held"

static const char policy[] =
	"schema = 1\nname = \"held\"\n"
	"[file]\ndefault = \"allow\"\ndeny = [\"" ROOT "/secret\", \"" ROOT "/no/such\", \"" ROOT "/lower/f\", \"" ROOT "/link\"]\n"
	"[exec]\ndefault = \"allow\"\ndeny = [\"" ROOT "/tool\"]\n"
	"[network]\ndefault = \"deny\"\n";

static struct vantio_slot slot;

static void make_tool(const char *path)
{
	CHECK_SH(0, "cp /usr/bin/busybox %s && chmod 755 %s", path, path);
}

SETUP()
{
	engine_ready();
	fresh_folder(ROOT);
	make_folder(ROOT "/lower");
	make_file(ROOT "/secret", "secret", 0666);
	make_file(ROOT "/plain", "plain", 0666);
	make_file(ROOT "/lower/f", "secret", 0666);
	make_tool(ROOT "/tool");
	REQUIRE(!symlink(ROOT "/plain", ROOT "/link"));
	REQUIRE(!link(ROOT "/secret", ROOT "/before") && !link(ROOT "/tool", ROOT "/tool-before"));
	push_text(policy, &slot);
	enroll("held", "/held", 0, slot.slot, 0);
}

static int can_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	return fd < 0 ? -1 : close(fd);
}

static int can_run(const char *path)
{
	int status;
	pid_t child = fork();

	if (!child) {
		execl(path, "true", NULL);
		_exit(errno == EACCES ? 99 : 98);
	}
	waitpid(child, &status, 0);
	errno = EACCES;
	return WIFEXITED(status) && WEXITSTATUS(status) == 99 ? -1 : 0;
}

/* Every operation on the other name, and that nothing of it is refused to others. */
static void by_another_name(void *arg)
{
	const char *name = arg;

	CHECK_FAILS(can_open(name, O_RDONLY), EACCES);
	CHECK_FAILS(can_open(name, O_WRONLY), EACCES);
	CHECK_FAILS(truncate(name, 0), EACCES);
	CHECK_FAILS(chmod(name, 0600), EACCES);
	CHECK_FAILS(setxattr(name, "user.x", "v", 1, 0), EACCES);
	CHECK_FAILS(utimensat(AT_FDCWD, name, NULL, 0), EACCES);
	CHECK_FAILS(rename(name, ROOT "/other"), EACCES);
	CHECK_FAILS(link(name, ROOT "/other"), EACCES);
	CHECK_FAILS(rename(ROOT "/plain", name), EACCES);
	CHECK_FAILS(unlink(name), EACCES);
	CHECK_OK(can_open(ROOT "/plain", O_RDWR));
}

TEST(held_file_is_denied_by_a_link_that_was_there_before)
{
	run_in("/held", 0, by_another_name, ROOT "/before");
	run_in("/held", 1000, by_another_name, ROOT "/before");
	CHECK_OK(can_open(ROOT "/before", O_RDWR));
	CHECK_STR(file_text(ROOT "/secret"), "secret");
}

static void runs_tool(void *arg)
{
	(void)arg;
	CHECK_FAILS(can_run(ROOT "/tool"), EACCES);
	CHECK_FAILS(can_run(ROOT "/tool-before"), EACCES);
	CHECK_OK(can_open(ROOT "/tool-before", O_RDONLY)); /* [exec] says nothing of reading */
	CHECK_OK(can_run("/usr/bin/busybox"));
}

TEST(held_program_is_not_run_by_another_name)
{
	run_in("/held", 1000, runs_tool, NULL);
	CHECK_OK(can_run(ROOT "/tool-before"));
}

static void by_the_mount(void *arg)
{
	(void)arg;
	CHECK_FAILS(can_open(ROOT "/mountpoint", O_RDONLY), EACCES);
	CHECK_FAILS(truncate(ROOT "/mountpoint", 0), EACCES);
}

TEST(held_file_is_denied_through_other_mounts)
{
	make_file(ROOT "/mountpoint", "", 0644);
	REQUIRE(!mount(ROOT "/secret", ROOT "/mountpoint", NULL, MS_BIND, NULL));
	run_in("/held", 0, by_the_mount, NULL);
	run_in("/held", 1000, by_the_mount, NULL);
	CHECK_STR(file_text(ROOT "/mountpoint"), "secret");
	REQUIRE(!umount(ROOT "/mountpoint"));
}

static void below_an_overlay(void *arg)
{
	(void)arg;
	CHECK_FAILS(can_open(ROOT "/merged/f", O_RDONLY), EACCES);
	CHECK_FAILS(can_open(ROOT "/merged/f", O_WRONLY), EACCES); /* it would be copied up */
	CHECK_OK(can_open(ROOT "/merged/g", O_RDWR));
}

TEST(held_file_is_denied_below_an_overlay)
{
	CHECK_SH(0, "modprobe overlay; cd " ROOT " && mkdir -p upper work merged && echo fine >lower/g && chmod 666 lower/g && chown 1000 lower upper && "
		    "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged");
	run_in("/held", 0, below_an_overlay, NULL);
	run_in("/held", 1000, below_an_overlay, NULL);
	CHECK_STR(file_text(ROOT "/merged/f"), "secret");
	CHECK(!exists(ROOT "/upper/f"));
	REQUIRE(!umount(ROOT "/merged"));
}

static void what_a_link_leads_to(void *arg)
{
	(void)arg;
	CHECK_OK(can_open(ROOT "/link", O_RDWR));
	CHECK_FAILS(unlink(ROOT "/link"), EACCES);
}

TEST(held_is_the_link_and_not_what_it_leads_to) { run_in("/held", 1000, what_a_link_leads_to, NULL); }

static void after_a_replacement(void *arg)
{
	(void)arg;
	CHECK_FAILS(can_open(ROOT "/secret", O_RDONLY), EACCES);
	CHECK_FAILS(can_open(ROOT "/old", O_RDONLY), EACCES);
	CHECK_FAILS(can_open(ROOT "/before", O_RDONLY), EACCES);
	CHECK_FAILS(can_open(ROOT "/new-too", O_RDONLY), EACCES);
}

/* An editor's way: the old file is kept under another name, and a new one comes to be at its place. */
TEST(held_are_the_old_object_and_the_new_one_after_a_replacement)
{
	REQUIRE(!rename(ROOT "/secret", ROOT "/old"));
	make_file(ROOT "/new", "secret", 0666);
	REQUIRE(!rename(ROOT "/new", ROOT "/secret") && !link(ROOT "/secret", ROOT "/new-too"));
	push_text(policy, NULL);
	run_in("/held", 1000, after_a_replacement, NULL);
	push_text(policy, NULL); /* what is held from before is not lost by pushing once more */
	run_in("/held", 1000, after_a_replacement, NULL);
	CHECK_STR(file_text(ROOT "/old"), "secret");
}

static void all_can_be_read(void *arg)
{
	char path[64];
	int i;

	(void)arg;
	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), ROOT "/reuse/%d", i);
		CHECK_OK(can_open(path, O_RDONLY));
	}
}

static void new_too(void *arg)
{
	(void)arg;
	CHECK_FAILS(can_open(ROOT "/new-too", O_RDONLY), EACCES);
	CHECK_FAILS(can_open(ROOT "/old-too", O_RDONLY), EACCES);
}

/* `enforce` looks again while it runs. */
TEST(held_object_that_is_replaced_is_seen_by_the_daemon)
{
	pid_t daemon;
	size_t from;

	unlink(ROOT "/new-too");
	make_file(ROOT "/secret", "secret", 0666);
	make_file("/tmp/held.toml", policy, 0644);
	REQUIRE(!link(ROOT "/secret", ROOT "/old-too"));
	make_file(ROOT "/new", "secret", 0666);
	REQUIRE(!link(ROOT "/new", ROOT "/new-too"));
	from = records_now();
	daemon = enforce_start_every("200ms", "/tmp/held.toml", NULL);
	await_records(from, "push", "permit", 1); /* its first push, whose record may come after it is ready */
	from = records_now();
	REQUIRE(!rename(ROOT "/new", ROOT "/secret"));
	await_records(from, "push", "permit", 1);
	run_in("/held", 1000, new_too, NULL);
	CHECK_INT(enforce_end(daemon, SIGTERM), 0);
}

/* The file system gives the number of a file that is gone to another: it is another. */
TEST(held_inode_number_that_is_given_again_denies_nothing)
{
	struct stat gone, st;
	char path[64];
	bool again = false;
	int i;

	fresh_folder(ROOT "/reuse");
	make_file(ROOT "/secret", "secret", 0666);
	push_text(policy, NULL);
	REQUIRE(!stat(ROOT "/secret", &gone));
	unlink(ROOT "/new-too");
	REQUIRE(!unlink(ROOT "/secret"));
	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), ROOT "/reuse/%d", i);
		make_file(path, "fine", 0644);
		REQUIRE(!stat(path, &st));
		again |= st.st_ino == gone.st_ino;
	}
	CHECK(again);
	run_in("/held", 1000, all_can_be_read, NULL);
}

/* A record names the rule that holds the object; the push's record says which inode that is. */
TEST(held_is_what_the_records_name)
{
	char wanted[128];
	struct stat st;
	size_t from = records_now(), i;
	int named = 0, told = 0;

	make_file(ROOT "/secret", "secret", 0666);
	unlink(ROOT "/before2");
	REQUIRE(!link(ROOT "/secret", ROOT "/before2") && !stat(ROOT "/secret", &st));
	push_text(policy, NULL);
	run_in("/held", 0, by_another_name, ROOT "/before2");
	load_records(from);
	snprintf(wanted, sizeof(wanted), " file.deny[3]=%u:%u/%llu", (unsigned int)(st.st_dev >> 8 & 0xfff), (unsigned int)(st.st_dev & 0xff),
		 (unsigned long long)st.st_ino);
	for (i = 0; i < n_recs; i++) {
		named += !strcmp(rec_text(&recs[i], "rule"), "file.deny[3]") && !strcmp(rec_resource(&recs[i], "path"), ROOT "/before2");
		told += !strcmp(rec_text(&recs[i], "op"), "push") && strstr(rec_resource(&recs[i], "target"), wanted) != NULL;
	}
	if (!CHECK(named >= 8) || !CHECK(told >= 1))
		show_records();
}

VT_MAIN()
