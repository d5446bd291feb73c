// SPDX-License-Identifier: Apache-2.0
/* Ways to a denied file that are not its name. */
#include "escape.h"

#include <linux/io_uring.h>
#include <sys/mount.h>

#define ROOT  DATA "/escape-path"
#define VAULT ROOT "/vault" /* denied by a wildcard: its files are not held by their inodes */
#define OWN   ROOT "/own"   /* the agent's */
#define HELD  ROOT "/held"  /* denied by its name, and held */

static const char policy[] = "[file]\ndefault = \"deny\"\nread = [\"/**\"]\nwrite = [\"" OWN "/**\"]\n"
			     "deny = [\"" VAULT "/**\", \"" HELD "\", \"" ROOT "/lower/f\", \"" ROOT "/lower/up0\", \"" ROOT "/lower/up1000\"]\n"
			     "[exec]\ndefault = \"deny\"\nallow = [\"/usr/**\", \"/vm/**\"]\n[network]\ndefault = \"deny\"\n";

static struct ring {
	int fd;
	struct io_uring_params params;
} ring_of_before;

static int uring_setup(struct ring *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->fd = (int)syscall(SYS_io_uring_setup, 4, &ret->params);
	return ret->fd < 0 ? -1 : 0;
}

#define DEEP 700 /* folders */
#define LONG_NAME "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
		  "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

/* `n` folders of that name below each other from the vault on, with the secret in the last. */
static void dig(const char *name, int n)
{
	REQUIRE(!chdir(VAULT));
	for (int i = 0; i < n; i++) {
		make_folder(name);
		REQUIRE(!chdir(name));
	}
	make_file("secret", "secret", 0666);
	REQUIRE(!chdir("/"));
}

SETUP()
{
	_Static_assert(sizeof(LONG_NAME) > 210 && sizeof(LONG_NAME) <= 256, "twenty of them are longer than a path may be");
	REQUIRE(!chmod(DATA, 0777)); /* so that users may rename ROOT */
	fresh_folder(ROOT);
	make_folder(VAULT);
	make_folder(OWN);
	make_folder(OWN "/m");
	make_folder(OWN "/merged");
	make_folder(ROOT "/lower");
	make_file(VAULT "/secret", "secret", 0666);
	make_file(HELD, "secret", 0666);
	make_file(ROOT "/lower/f", "secret", 0666);
	make_file(ROOT "/lower/up0", "secret", 0666);
	make_file(ROOT "/lower/up1000", "secret", 0666);
	make_file(ROOT "/public", "public", 0666);
	CHECK_SH(0, "mkdir -p " VAULT OWN " && echo secret >" VAULT OWN "/file");
	REQUIRE(!link(HELD, OWN "/before") && !symlink(VAULT "/secret", OWN "/link") && !symlink(VAULT "/made", OWN "/dangling"));
	dig("d", DEEP);
	dig(LONG_NAME, 20);
	CHECK_SH(0, "modprobe overlay; cd " ROOT " && mkdir upper work && mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work own/merged && "
		    "for i in 0 1000; do mkdir own/upper$i own/work$i; chown $i own/upper$i own/work$i; done");
	escape_setup(policy);
	make_neighbours(VAULT, "secret");
	REQUIRE(!uring_setup(&ring_of_before));
}

TEARDOWN()
{
	end_neighbours();
	umount(OWN "/merged");
	escape_told();
}

/* ---- names ---- */

ATTEMPT(the_name_itself, EACCES, 0) { return read_file(VAULT "/secret"); }
ATTEMPT(a_symbolic_link, EACCES, 0) { return read_file(OWN "/link"); }
ATTEMPT(dots, EACCES, 0) { return read_file(OWN "/.././own/../vault/./secret"); }
ATTEMPT(doubled_slashes, EACCES, 0) { return read_file("//" DATA "///escape-path//vault//secret"); }
ATTEMPT(the_root_of_its_own_process, EACCES, 0) { return read_file("/proc/self/root" VAULT "/secret"); }
ATTEMPT(a_tail_that_spells_an_allowed_prefix, EACCES, 0) { return read_file(VAULT OWN "/file"); }

ATTEMPT(its_working_folder, EACCES, 0)
{
	return chdir(VAULT) ? -2 : read_file("secret");
}

ATTEMPT(the_working_folder_in_proc, EACCES, 0)
{
	return chdir(VAULT) ? -2 : read_file("/proc/self/cwd/secret");
}

ATTEMPT(the_working_folder_of_another_process, 0, 0)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cwd/secret", (int)neighbour[getuid() != 0]);
	return read_file(path);
}

ATTEMPT(a_folder_that_was_only_looked_up, EACCES, 0)
{
	int dir = open(VAULT, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? -2 : read_from(openat(dir, "secret", O_RDONLY | O_CLOEXEC));
}

ATTEMPT(reopening_what_was_only_looked_up, EACCES, 0)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", open(VAULT "/secret", O_PATH | O_CLOEXEC));
	return read_file(path);
}

ATTEMPT(reopening_for_writing, EACCES, 0)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", open(ROOT "/public", O_RDONLY | O_CLOEXEC));
	return opens(path, O_RDWR);
}

ATTEMPT(truncating_while_reading, EACCES, 0) { return opens(ROOT "/public", O_RDONLY | O_TRUNC); }

ATTEMPT(a_link_that_leads_to_nothing_yet, EACCES, 0)
{
	int r = opens(OWN "/dangling", O_WRONLY | O_CREAT);

	if (!r)
		unlink(VAULT "/made");
	return r;
}

static int read_below(const char *name, int n)
{
	if (chdir(VAULT))
		return -2;
	while (n--)
		if (chdir(name))
			return -2;
	return read_file("secret");
}

ATTEMPT(a_very_deep_path, EACCES, 0) { return read_below("d", DEEP); }
ATTEMPT(a_path_that_is_too_long, EACCES, NO_POLICY) { return read_below(LONG_NAME, 20); }

ATTEMPT(another_root, 0, 0)
{
	if (getuid() && own_namespace(0))
		return -1;
	return chroot(VAULT) ? -1 : read_file("/secret");
}

/* ---- moving it, and other names for it ---- */

ATTEMPT(a_hard_link_made_before, EACCES, 0) { return read_file(OWN "/before"); }

static int link_and_read(const char *path)
{
	int r;

	if (link(path, OWN "/after"))
		return -1;
	r = read_file(OWN "/after");
	unlink(OWN "/after");
	return r;
}

ATTEMPT(a_hard_link_made_after, EACCES, 0) { return link_and_read(VAULT "/secret"); }
ATTEMPT(a_hard_link_to_a_hard_link, EACCES, 0) { return link_and_read(OWN "/before"); }

ATTEMPT(a_hard_link_to_a_descriptor, EACCES, 0)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", open(VAULT "/secret", O_PATH | O_CLOEXEC));
	if (linkat(AT_FDCWD, path, AT_FDCWD, OWN "/after", AT_SYMLINK_FOLLOW))
		return -1;
	r = read_file(OWN "/after");
	unlink(OWN "/after");
	return r;
}

static int move_and_read(const char *from, const char *to, const char *read)
{
	int r;

	if (rename(from, to))
		return -1;
	r = read_file(read);
	return rename(to, from) ? -2 : r;
}

ATTEMPT(renaming_it, EACCES, 0) { return move_and_read(VAULT "/secret", OWN "/moved", OWN "/moved"); }
ATTEMPT(renaming_its_folder, EACCES, 0) { return move_and_read(VAULT, OWN "/moved", OWN "/moved/secret"); }
ATTEMPT(renaming_the_folder_above, EACCES, 0) { return move_and_read(ROOT, DATA "/escape-else", DATA "/escape-else/vault/secret"); }
ATTEMPT(renaming_a_held_file_by_its_other_name, EACCES, 0) { return move_and_read(OWN "/before", OWN "/moved", OWN "/moved"); }

ATTEMPT(exchanging_it, EACCES, 0)
{
	int r;

	unlink(OWN "/mine");
	if (opens(OWN "/mine", O_WRONLY | O_CREAT) || renameat2(AT_FDCWD, VAULT "/secret", AT_FDCWD, OWN "/mine", RENAME_EXCHANGE))
		return -1;
	r = read_file(OWN "/mine");
	return renameat2(AT_FDCWD, VAULT "/secret", AT_FDCWD, OWN "/mine", RENAME_EXCHANGE) ? -2 : r;
}

ATTEMPT(putting_ones_own_in_its_place, EACCES, 0)
{
	unlink(OWN "/mine");
	if (opens(OWN "/mine", O_WRONLY | O_CREAT) || rename(OWN "/mine", VAULT "/mine"))
		return -1;
	return unlink(VAULT "/mine");
}

/* ---- mounts ---- */

ATTEMPT(a_bind_mount, 0, 0)
{
	if (own_namespace(0) || mount(VAULT, OWN "/m", NULL, MS_BIND, NULL))
		return -1;
	return read_file(OWN "/m/secret");
}

ATTEMPT(a_tree_that_is_not_mounted, 0, NO_POLICY)
{
	int tree;

	if (own_namespace(0))
		return -1;
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, VAULT, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return tree < 0 ? -1 : read_from(openat(tree, "secret", O_RDONLY | O_CLOEXEC));
}

ATTEMPT(mounting_a_tree_elsewhere, 0, 0)
{
	int tree;

	if (own_namespace(0))
		return -1;
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, VAULT, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || syscall(SYS_move_mount, tree, "", AT_FDCWD, OWN "/m", 4 /* MOVE_MOUNT_F_EMPTY_PATH */))
		return -1;
	return read_file(OWN "/m/secret");
}

ATTEMPT(an_overlay_of_ones_own, EPERM, ROOTS_ALONE)
{
	char options[256];

	snprintf(options, sizeof(options), "lowerdir=" VAULT ",upperdir=" OWN "/upper%u,workdir=" OWN "/work%u,userxattr", getuid(), getuid());
	if (own_namespace(0) || mount("o", OWN "/m", "overlay", 0, options))
		return -1;
	return read_file(OWN "/m/secret");
}

#ifndef ESCAPE_USER /* docs/limits.md: an overlay gives its files numbers of their own */
ATTEMPT(an_overlay_of_others, EACCES, 0) { return read_file(OWN "/merged/f"); }
ATTEMPT(copying_up_in_an_overlay, EACCES, 0) { return chmod(getuid() ? OWN "/merged/up1000" : OWN "/merged/up0", 0666); }
#endif

ATTEMPT(a_file_handle, EACCES, ROOTS_ALONE)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} no = { .h.handle_bytes = MAX_HANDLE_SZ };
	int id, top = open(DATA, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (top < 0 || name_to_handle_at(AT_FDCWD, VAULT "/secret", &no.h, &id, 0))
		return -2;
	return read_from(open_by_handle_at(top, &no.h, O_RDONLY | O_CLOEXEC));
}

/* ---- io_uring ---- */

static int uring_open(const struct ring *ring, const char *path)
{
	char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	struct io_uring_sqe *sqes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	const struct io_uring_params *p = &ring->params;
	unsigned int *tail, *head;
	int got;

	if (at == MAP_FAILED || sqes == MAP_FAILED)
		return -2;
	tail = (unsigned int *)(at + p->sq_off.tail);
	head = (unsigned int *)(at + p->cq_off.head);
	memset(&sqes[*tail & 3], 0, sizeof(*sqes));
	sqes[*tail & 3].opcode = IORING_OP_OPENAT;
	sqes[*tail & 3].fd = AT_FDCWD;
	sqes[*tail & 3].addr = (__u64)path;
	((unsigned int *)(at + p->sq_off.array))[*tail & 3] = *tail & 3;
	__atomic_add_fetch(tail, 1, __ATOMIC_RELEASE);
	got = (int)syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	if (got != 1)
		return got < 0 ? -1 : -2;
	got = ((struct io_uring_cqe *)(at + p->cq_off.cqes))[*head & (p->cq_entries - 1)].res;
	__atomic_add_fetch(head, 1, __ATOMIC_RELEASE);
	if (got >= 0)
		return read_from(got);
	errno = -got;
	return -1;
}

ATTEMPT(an_io_uring, EPERM, 0)
{
	struct ring own;

	return uring_setup(&own) ? -1 : uring_open(&own, VAULT "/secret");
}

ATTEMPT(an_io_uring_of_before, EACCES, 0) { return uring_open(&ring_of_before, VAULT "/secret"); }

VT_MAIN()
