// SPDX-License-Identifier: Apache-2.0
/*
 * The file hooks. Each operation is tried on a file in a folder where everything is allowed, in one that may be read alone, and
 * in one that is denied; by an agent whose [file] default is deny, by one whose default is allow, and by a process that is not
 * governed; each as root and as an ordinary user. What happened to the file is checked from outside.
 */
#include "engine.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#define ROOT "/data/file"

/* What a folder grants. */
#define READ  1
#define WRITE 2

struct place {
	const char *dir;
	int grants_deny; /* to the agent whose default is deny */
	int fd; /* of f, opened before for reading and writing */
};

static struct place places[] = {
	{ ROOT "/ok", READ | WRITE, -1 },
	{ ROOT "/ro", READ, -1 },
	{ ROOT "/no", 0, -1 },
};

static const char policy_deny[] =
	"[file]\n"
	"default = \"deny\"\n"
	"read = [\"" ROOT "/ok/**\", \"" ROOT "/ro/**\"]\n"
	"write = [\"" ROOT "/ok/**\"]\n"
	"deny = [\"" ROOT "/no/**\"]\n"
	"[exec]\ndefault = \"deny\"\n"
	"[network]\ndefault = \"deny\"\n";

static const char policy_allow[] =
	"[file]\n"
	"default = \"allow\"\n"
	"deny = [\"" ROOT "/no/**\"]\n"
	"[exec]\ndefault = \"allow\"\n"
	"[network]\ndefault = \"allow\"\n";

SETUP()
{
	engine_ready();
	policy_push("file-deny", policy_deny);
	policy_push("file-allow", policy_allow);
	agent_enroll("file-deny", "file-deny");
	agent_enroll("file-allow", "file-allow");
	make_folder(ROOT);
}

/* ---- one operation, everywhere, by everybody ---- */

struct op {
	const char *name;
	int (*act)(struct place *p);  /* in the child; below 0 with errno if it failed */
	bool (*done)(struct place *p); /* from outside: did it happen? NULL where only the child can tell */
	int access;
	bool root_only;
};

static char *at(const struct place *p, const char *name)
{
	static char paths[4][PATH_MAX];
	static int turn;
	char *path = paths[turn++ & 3];

	snprintf(path, PATH_MAX, "%s/%s", p->dir, name);
	return path;
}

#define ACL_SIZE 44
static void acl(unsigned char out[ACL_SIZE])
{
	static const unsigned short entries[5][2] = { { 1, 6 }, { 2, 4 }, { 4, 4 }, { 16, 6 }, { 32, 4 } };
	unsigned int version = 2, id, i;

	memcpy(out, &version, 4);
	for (i = 0; i < 5; i++) {
		id = entries[i][0] == 2 ? 1001 : (unsigned int)-1;
		memcpy(out + 4 + 8 * i, entries[i], 4);
		memcpy(out + 8 + 8 * i, &id, 4);
	}
}

static void set_times(const char *path, time_t mtime)
{
	struct timespec t[2] = { { .tv_sec = mtime }, { .tv_sec = mtime } };

	REQUIRE(!utimensat(AT_FDCWD, path, t, 0));
}

/* f and g are files, d an empty folder, l a symlink to f. */
static void prepare(struct place *p)
{
	unsigned char a[ACL_SIZE];

	if (p->fd >= 0)
		close(p->fd);
	fresh_folder(p->dir);
	make_file(at(p, "f"), "before", 0644);
	make_file(at(p, "g"), "other", 0644);
	make_folder(at(p, "d"));
	REQUIRE(!symlink("f", at(p, "l")) && !lchown(at(p, "l"), 1000, 0));
	REQUIRE(!setxattr(at(p, "f"), "user.old", "v", 1, 0));
	acl(a);
	REQUIRE(!setxattr(at(p, "g"), "system.posix_acl_access", a, ACL_SIZE, 0));
	p->fd = open(at(p, "f"), O_RDWR | O_CLOEXEC);
	REQUIRE(p->fd >= 0);
	set_times(at(p, "f"), 1000000);
}

static void try_once(const struct op *op, const char *agent, uid_t uid, struct place *p, int granted)
{
	bool allowed = (granted & op->access) == op->access;
	char who[128];

	snprintf(who, sizeof(who), "%s in %s by %s as %u", op->name, p->dir, agent ? agent : "nobody's process", uid);
	prepare(p);
	IN(agent, uid) {
		int r;

		errno = 0;
		r = op->act(p);
		check_(__FILE__, __LINE__, allowed ? r >= 0 : r == -1 && errno == EACCES, "%s gave %d (%s), which should be %s", who, r,
		       r < 0 ? strerror(errno) : "no error", allowed ? "allowed" : "refused with EACCES");
	}
	if (op->done) {
		bool done = op->done(p);

		check_(__FILE__, __LINE__, done == allowed, "%s did %stake effect", who, done ? "" : "not ");
	}
}

static void try_op(const struct op *op)
{
	size_t i;
	uid_t uid;

	for (uid = 0; uid <= 1000; uid += 1000) {
		if (uid && op->root_only)
			continue;
		for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
			try_once(op, "file-deny", uid, &places[i], places[i].grants_deny);
		try_once(op, "file-allow", uid, &places[0], READ | WRITE);
		try_once(op, "file-allow", uid, &places[2], 0);
		try_once(op, NULL, uid, &places[2], READ | WRITE);
	}
}

#define OP(name_, access_) \
	TEST(file_##name_) { try_op(&(struct op){ #name_, act_##name_, done_##name_, access_, false }); }
#define OP_SEEN_INSIDE(name_, access_) \
	TEST(file_##name_) { try_op(&(struct op){ #name_, act_##name_, NULL, access_, false }); }
#define OP_OF_ROOT(name_, access_) \
	TEST(file_##name_) { try_op(&(struct op){ #name_, act_##name_, done_##name_, access_, true }); }

/* ---- opening ---- */

/* Reads what is open there; fails with EIO if it is not what prepare() wrote. */
static int reads_before(int fd)
{
	char text[16] = "";

	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) == 6 && !strcmp(text, "before"))
		return 0;
	errno = EIO;
	return -1;
}

static int writes(int fd, const char *text)
{
	return fd < 0 ? -1 : (int)write(fd, text, strlen(text));
}

static bool says(struct place *p, const char *name, const char *want)
{
	const char *text = file_text(at(p, name));

	return text && !strcmp(text, want);
}

static int act_open_read(struct place *p) { return reads_before(open(at(p, "f"), O_RDONLY)); }
OP_SEEN_INSIDE(open_read, READ)

static int act_open_read_through_a_symlink(struct place *p) { return reads_before(open(at(p, "l"), O_RDONLY)); }
OP_SEEN_INSIDE(open_read_through_a_symlink, READ)

/* The flag of the kernel's own opens for execve(2): a caller's is not heeded. */
static int act_open_with_the_flag_of_exec(struct place *p) { return reads_before(open(at(p, "f"), O_RDONLY | 0x20)); }
OP_SEEN_INSIDE(open_with_the_flag_of_exec, READ)

static int act_read_folder(struct place *p)
{
	char entries[4096];
	int fd = open(p->dir, O_RDONLY | O_DIRECTORY);

	return fd < 0 ? -1 : (int)syscall(SYS_getdents64, fd, entries, sizeof(entries));
}
OP_SEEN_INSIDE(read_folder, READ)

static int act_open_write(struct place *p) { return writes(open(at(p, "f"), O_WRONLY), "BE"); }
static bool done_open_write(struct place *p) { return says(p, "f", "BEfore"); }
OP(open_write, WRITE)

static int act_open_rdwr(struct place *p) { return writes(open(at(p, "f"), O_RDWR), "BE"); }
static bool done_open_rdwr(struct place *p) { return says(p, "f", "BEfore"); }
OP(open_rdwr, READ | WRITE)

static int act_append(struct place *p) { return writes(open(at(p, "f"), O_WRONLY | O_APPEND), "!"); }
static bool done_append(struct place *p) { return says(p, "f", "before!"); }
OP(append, WRITE)

static int act_o_trunc(struct place *p) { return open(at(p, "f"), O_WRONLY | O_TRUNC); }
static bool done_o_trunc(struct place *p) { return says(p, "f", ""); }
OP(o_trunc, WRITE)

static int act_o_trunc_for_reading(struct place *p) { return open(at(p, "f"), O_RDONLY | O_TRUNC); }
static bool done_o_trunc_for_reading(struct place *p) { return says(p, "f", ""); }
OP(o_trunc_for_reading, READ | WRITE)

static int act_o_creat(struct place *p) { return writes(open(at(p, "n"), O_WRONLY | O_CREAT | O_EXCL, 0644), "new"); }
static bool done_o_creat(struct place *p) { return exists(at(p, "n")); }
OP(o_creat, WRITE)

static int act_creat(struct place *p) { return creat(at(p, "f"), 0644); }
static bool done_creat(struct place *p) { return says(p, "f", ""); }
OP(creat, WRITE)

static int act_o_tmpfile_then_link(struct place *p)
{
	char path[32];
	int fd = open(p->dir, O_RDWR | O_TMPFILE, 0644);

	if (writes(fd, "new") < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, at(p, "n"), AT_SYMLINK_FOLLOW);
}
static bool done_o_tmpfile_then_link(struct place *p) { return exists(at(p, "n")); }
OP(o_tmpfile_then_link, READ | WRITE)

/* O_PATH gives nothing but a place: what is opened through it is judged. */
static int reopen(struct place *p, int flags)
{
	char path[32];
	int fd = open(at(p, "f"), O_PATH);

	if (fd < 0) {
		errno = EIO;
		return -1;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags);
}

static int act_o_path_reopened_to_read(struct place *p) { return reads_before(reopen(p, O_RDONLY)); }
OP_SEEN_INSIDE(o_path_reopened_to_read, READ)

static int act_o_path_reopened_to_write(struct place *p) { return writes(reopen(p, O_WRONLY), "BE"); }
static bool done_o_path_reopened_to_write(struct place *p) { return says(p, "f", "BEfore"); }
OP(o_path_reopened_to_write, WRITE)

/* stat(2), access(2) and readlink(2) are not governed. */
static int act_stat_is_not_governed(struct place *p)
{
	struct stat st;
	char text[8];

	if (stat(at(p, "f"), &st) || access(at(p, "f"), R_OK) || readlink(at(p, "l"), text, sizeof(text)) != 1)
		return -1;
	return 0;
}
OP_SEEN_INSIDE(stat_is_not_governed, 0)

/* ---- names ---- */

static int act_unlink(struct place *p) { return unlink(at(p, "f")); }
static bool done_unlink(struct place *p) { return !exists(at(p, "f")); }
OP(unlink, WRITE)

static int act_rmdir(struct place *p) { return rmdir(at(p, "d")); }
static bool done_rmdir(struct place *p) { return !exists(at(p, "d")); }
OP(rmdir, WRITE)

static int act_mkdir(struct place *p) { return mkdir(at(p, "n"), 0755); }
static bool done_mkdir(struct place *p) { return exists(at(p, "n")); }
OP(mkdir, WRITE)

static int act_rename_file(struct place *p) { return rename(at(p, "f"), at(p, "n")); }
static bool done_rename_file(struct place *p) { return exists(at(p, "n")) || !exists(at(p, "f")); }
OP(rename_file, WRITE)

static int act_rename_over_a_file(struct place *p) { return rename(at(p, "f"), at(p, "g")); }
static bool done_rename_over_a_file(struct place *p) { return !says(p, "g", "other"); }
OP(rename_over_a_file, WRITE)

static int act_rename_folder(struct place *p) { return rename(at(p, "d"), at(p, "n")); }
static bool done_rename_folder(struct place *p) { return exists(at(p, "n")); }
OP(rename_folder, WRITE)

static int act_rename_exchange(struct place *p) { return renameat2(AT_FDCWD, at(p, "f"), AT_FDCWD, at(p, "g"), RENAME_EXCHANGE); }
static bool done_rename_exchange(struct place *p) { return says(p, "g", "before"); }
OP(rename_exchange, WRITE)

static int act_rename_noreplace(struct place *p) { return renameat2(AT_FDCWD, at(p, "f"), AT_FDCWD, at(p, "n"), RENAME_NOREPLACE); }
static bool done_rename_noreplace(struct place *p) { return exists(at(p, "n")); }
OP(rename_noreplace, WRITE)

static int act_link(struct place *p) { return link(at(p, "f"), at(p, "n")); }
static bool done_link(struct place *p) { return exists(at(p, "n")); }
OP(link, WRITE)

static int act_symlink(struct place *p) { return symlink("f", at(p, "n")); }
static bool done_symlink(struct place *p) { return exists(at(p, "n")); }
OP(symlink, WRITE)

static int act_mknod_fifo(struct place *p) { return mknod(at(p, "n"), S_IFIFO | 0644, 0); }
static bool done_mknod_fifo(struct place *p) { return exists(at(p, "n")); }
OP(mknod_fifo, WRITE)

static int act_mknod_file(struct place *p) { return mknod(at(p, "n"), S_IFREG | 0644, 0); }
static bool done_mknod_file(struct place *p) { return exists(at(p, "n")); }
OP(mknod_file, WRITE)

/* Number 0 is that of a whiteout; devices proper are a surface of their own (t_escape.c). */
static int act_mknod_device(struct place *p) { return mknod(at(p, "n"), S_IFCHR | 0644, 0); }
static bool done_mknod_device(struct place *p) { return exists(at(p, "n")); }
OP_OF_ROOT(mknod_device, WRITE)

/* ---- size, mode, owner, times ---- */

static struct stat stat_of(struct place *p, const char *name)
{
	struct stat st = {};

	REQUIRE(!lstat(at(p, name), &st));
	return st;
}

static int act_truncate(struct place *p) { return truncate(at(p, "f"), 2); }
static bool done_truncate(struct place *p) { return says(p, "f", "be"); }
OP(truncate, WRITE)

static int act_ftruncate_of_an_earlier_fd(struct place *p) { return ftruncate(p->fd, 2); }
static bool done_ftruncate_of_an_earlier_fd(struct place *p) { return says(p, "f", "be"); }
OP(ftruncate_of_an_earlier_fd, WRITE)

static int act_chmod(struct place *p) { return chmod(at(p, "f"), 0600); }
static bool done_chmod(struct place *p) { return (stat_of(p, "f").st_mode & 0777) == 0600; }
OP(chmod, WRITE)

static int act_fchmod(struct place *p) { return fchmod(p->fd, 0600); }
static bool done_fchmod(struct place *p) { return (stat_of(p, "f").st_mode & 0777) == 0600; }
OP(fchmod, WRITE)

static int act_chown(struct place *p) { return chown(at(p, "f"), (uid_t)-1, 1000); }
static bool done_chown(struct place *p) { return stat_of(p, "f").st_gid == 1000; }
OP(chown, WRITE)

static int act_fchown(struct place *p) { return fchown(p->fd, (uid_t)-1, 1000); }
static bool done_fchown(struct place *p) { return stat_of(p, "f").st_gid == 1000; }
OP(fchown, WRITE)

static int act_lchown(struct place *p) { return lchown(at(p, "l"), (uid_t)-1, 1000); }
static bool done_lchown(struct place *p) { return stat_of(p, "l").st_gid == 1000; }
OP(lchown, WRITE)

static const struct timespec new_times[2] = { { .tv_sec = 2000000 }, { .tv_sec = 2000000 } };

static int act_utimensat(struct place *p) { return utimensat(AT_FDCWD, at(p, "f"), new_times, 0); }
static bool done_utimensat(struct place *p) { return stat_of(p, "f").st_mtime == 2000000; }
OP(utimensat, WRITE)

static int act_utimensat_now(struct place *p) { return utimensat(AT_FDCWD, at(p, "f"), NULL, 0); }
static bool done_utimensat_now(struct place *p) { return stat_of(p, "f").st_mtime != 1000000; }
OP(utimensat_now, WRITE)

static int act_utimensat_of_a_symlink(struct place *p) { return utimensat(AT_FDCWD, at(p, "l"), new_times, AT_SYMLINK_NOFOLLOW); }
static bool done_utimensat_of_a_symlink(struct place *p) { return stat_of(p, "l").st_mtime == 2000000; }
OP(utimensat_of_a_symlink, WRITE)

static int act_futimens(struct place *p) { return futimens(p->fd, new_times); }
static bool done_futimens(struct place *p) { return stat_of(p, "f").st_mtime == 2000000; }
OP(futimens, WRITE)

/* ---- extended attributes, ACLs, flags ---- */

static bool has_xattr(struct place *p, const char *file, const char *name) { return getxattr(at(p, file), name, NULL, 0) > 0; }

static int act_setxattr(struct place *p) { return setxattr(at(p, "f"), "user.new", "v", 1, 0); }
static bool done_setxattr(struct place *p) { return has_xattr(p, "f", "user.new"); }
OP(setxattr, WRITE)

static int act_fsetxattr(struct place *p) { return fsetxattr(p->fd, "user.new", "v", 1, 0); }
static bool done_fsetxattr(struct place *p) { return has_xattr(p, "f", "user.new"); }
OP(fsetxattr, WRITE)

static int act_removexattr(struct place *p) { return removexattr(at(p, "f"), "user.old"); }
static bool done_removexattr(struct place *p) { return !has_xattr(p, "f", "user.old"); }
OP(removexattr, WRITE)

static int act_fremovexattr(struct place *p) { return fremovexattr(p->fd, "user.old"); }
static bool done_fremovexattr(struct place *p) { return !has_xattr(p, "f", "user.old"); }
OP(fremovexattr, WRITE)

static int act_set_acl(struct place *p)
{
	unsigned char a[ACL_SIZE];

	acl(a);
	return setxattr(at(p, "f"), "system.posix_acl_access", a, ACL_SIZE, 0);
}
static bool done_set_acl(struct place *p) { return has_xattr(p, "f", "system.posix_acl_access"); }
OP(set_acl, WRITE)

static int act_remove_acl(struct place *p) { return removexattr(at(p, "g"), "system.posix_acl_access"); }
static bool done_remove_acl(struct place *p) { return !has_xattr(p, "g", "system.posix_acl_access"); }
OP(remove_acl, WRITE)

static bool has_nodump(struct place *p)
{
	int flags = 0;

	REQUIRE(!ioctl(p->fd, FS_IOC_GETFLAGS, &flags));
	return flags & FS_NODUMP_FL;
}

static int act_set_flags(struct place *p)
{
	int flags;

	if (ioctl(p->fd, FS_IOC_GETFLAGS, &flags))
		return -2;
	flags |= FS_NODUMP_FL;
	return ioctl(p->fd, FS_IOC_SETFLAGS, &flags);
}
static bool done_set_flags(struct place *p) { return has_nodump(p); }
OP(set_flags, WRITE)

static int act_set_flags_by_fsxattr(struct place *p)
{
	struct fsxattr x = { .fsx_xflags = FS_XFLAG_NODUMP };

	return ioctl(p->fd, FS_IOC_FSSETXATTR, &x);
}
static bool done_set_flags_by_fsxattr(struct place *p) { return has_nodump(p); }
OP(set_flags_by_fsxattr, WRITE)

/* ---- what all of it left behind ---- */

static bool hook_exists(const char *hook)
{
	return sh("grep -qw bpf_lsm_%s /proc/kallsyms", hook) == 0;
}

/* The refusals of the tests above. */
TEST(file_every_hook_has_left_records)
{
	static const struct {
		const char *hook, *op;
	} expected[] = {
		{ "file_open", "read" }, { "file_open", "write" }, { "path_mknod", "create" }, { "path_mknod", "mknod" },
		{ "path_unlink", "unlink" }, { "path_rename", "rename" }, { "path_link", "link" }, { "path_symlink", "symlink" },
		{ "path_mkdir", "mkdir" }, { "path_rmdir", "rmdir" }, { "path_truncate", "truncate" }, { "file_truncate", "truncate" },
		{ "path_chmod", "chmod" }, { "path_chown", "chown" }, { "inode_setattr", "utimes" }, { "inode_setxattr", "setxattr" },
		{ "inode_removexattr", "removexattr" }, { "inode_set_acl", "setxattr" }, { "inode_remove_acl", "removexattr" },
		{ "file_ioctl", "setflags" },
	};
	char want[128];
	size_t i;

	CHECK_SH(0, "vantioctl policy push /tmp/file-deny.toml && vantioctl ledger list --agent file-deny --decision block --limit 10000 --json | "
		    "grep -o '\"hook\":\"[a-z_]*\",\"op\":\"[a-z]*\"' | sort -u >/tmp/hooks");
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		snprintf(want, sizeof(want), "\"hook\":\"%s\",\"op\":\"%s\"", expected[i].hook, expected[i].op);
		check_(__FILE__, __LINE__, sh("grep -F '%s' /tmp/hooks", want) == 0 || !hook_exists(expected[i].hook), "no record has %s", want);
	}
}

VT_MAIN()
