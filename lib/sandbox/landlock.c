// SPDX-License-Identifier: Apache-2.0
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

/* Of linux/landlock.h, spelled out: the building machine's header may be older than the kernel that this runs on. */
#define FS_EXECUTE    (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE  (1ull << 2)
#define FS_READ_DIR   (1ull << 3)
#define FS_CHANGES    (0x1ff0ull) /* remove and make, of every type: bits 4 to 12 */
#define FS_MAKE_BLOCK (1ull << 11)
#define FS_REFER      (1ull << 13) /* ABI 2 */
#define FS_TRUNCATE   (1ull << 14) /* ABI 3 */
#define NET_BIND_TCP    (1ull << 0) /* ABI 4 */
#define NET_CONNECT_TCP (1ull << 1)
#define SCOPE_ABSTRACT (1ull << 0) /* ABI 6 */
#define SCOPE_SIGNAL   (1ull << 1)
#define VERSION 1u
#define RULE_PATH_BENEATH 1

struct ruleset_attr {
	uint64_t handled_fs, handled_net, scoped;
};

struct path_beneath {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

void vantio_floor_clear(struct vantio_floor *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		free(f->grants[i].path);
	free(f->grants);
	memset(f, 0, sizeof(*f));
}

unsigned int vantio_landlock_abi(unsigned int cap)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION);

	if (abi <= 0)
		return 0;
	if (abi > VANTIO_LANDLOCK_ABI_MAX)
		abi = VANTIO_LANDLOCK_ABI_MAX;
	return cap && cap < (unsigned long)abi ? cap : (unsigned int)abi;
}

void vantio_landlock_handled(unsigned int abi, const struct vantio_floor *f, uint64_t *ret_fs, uint64_t *ret_net, uint64_t *ret_scoped)
{
	uint64_t fs = FS_MAKE_BLOCK; /* nobody's agent makes disks; a domain must handle something */

	if (f->files)
		fs |= FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_CHANGES | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0);
	if (f->exec)
		fs |= FS_EXECUTE;
	*ret_fs = fs;
	*ret_net = f->tcp && abi >= 4 ? NET_BIND_TCP | NET_CONNECT_TCP : 0;
	*ret_scoped = abi >= 6 ? (f->abstract ? SCOPE_ABSTRACT : 0) | (f->signals ? SCOPE_SIGNAL : 0) : 0;
}

static int add_grant(int ruleset, struct vantio_grant *g, uint64_t handled, struct vantio_error *err)
{
	struct path_beneath rule = {};
	/* a rule that runs through a link matches nothing of what the link leads to */
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };
	cleanup_close int fd = (int)syscall(SYS_openat2, AT_FDCWD, g->path, &how, sizeof(how));
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return 0; /* what cannot be reached now is the supervisor's to judge later */
	if (g->rights & VANTIO_GRANT_READ)
		rule.allowed |= FS_READ_FILE | (S_ISDIR(st.st_mode) ? FS_READ_DIR : 0);
	if (g->rights & VANTIO_GRANT_WRITE)
		rule.allowed |= FS_WRITE_FILE | FS_TRUNCATE;
	if (g->rights & VANTIO_GRANT_EXEC)
		rule.allowed |= FS_EXECUTE | FS_READ_FILE; /* the kernel opens what it executes for reading */
	rule.allowed &= handled;
	rule.fd = fd;
	if (rule.allowed && syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0))
		return vantio_fail(err, errno, "cannot grant '%s' with Landlock: %s", g->path, strerror(errno));
	g->made = true;
	g->dev = st.st_dev;
	g->ino = st.st_ino;
	return 0;
}

bool vantio_grant_stands(const struct vantio_grant *g)
{
	struct stat st;

	return g->made && !lstat(g->path, &st) && st.st_dev == g->dev && st.st_ino == g->ino;
}

/* Without [file] to enforce, moving files between folders must not be taken away: by default every domain refuses it. */
static int grant_moves(int ruleset, unsigned int abi, const struct vantio_floor *f, uint64_t handled, struct vantio_error *err)
{
	struct path_beneath rule = { .allowed = FS_REFER & handled };
	cleanup_close int fd = -1;

	if (f->files || abi < 2)
		return 0;
	fd = open("/", O_PATH | O_CLOEXEC);
	rule.fd = fd;
	if (fd < 0 || syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0))
		return vantio_fail(err, errno, "cannot grant '/' with Landlock: %s", strerror(errno));
	return 0;
}

int vantio_landlock_make(unsigned int abi, struct vantio_floor *f, int *ret, struct vantio_error *err)
{
	struct ruleset_attr attr = {};
	size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8, i;
	cleanup_close int fd = -1;
	int r;

	vantio_landlock_handled(abi, f, &attr.handled_fs, &attr.handled_net, &attr.scoped);
	if (!f->files && abi >= 2)
		attr.handled_fs |= FS_REFER;
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (fd < 0)
		return vantio_fail(err, errno, "cannot make a Landlock ruleset: %s", strerror(errno));
	r = grant_moves(fd, abi, f, attr.handled_fs, err);
	for (i = 0; !r && i < f->n; i++)
		r = add_grant(fd, &f->grants[i], attr.handled_fs, err);
	if (r)
		return r;
	*ret = vantio_take_fd(&fd);
	return 0;
}

int vantio_landlock_enter(int ruleset)
{
	return syscall(SYS_landlock_restrict_self, ruleset, 0) ? -errno : 0;
}
