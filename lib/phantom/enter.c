// SPDX-License-Identifier: Apache-2.0
#include "phantom/enter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "phantom/enter_internal.h"
#include "phantom/object.h"
#include "phantom/places.h"

/* ---- namespaces ---- */

static int map_ids(uid_t uid, gid_t gid, struct vantio_error *err)
{
	char text[64];
	int r = vantio_write_pseudo(AT_FDCWD, "/proc/self/setgroups", "deny", err);

	snprintf(text, sizeof(text), "%u %u 1", uid, uid);
	if (!r)
		r = vantio_write_pseudo(AT_FDCWD, "/proc/self/uid_map", text, err);
	snprintf(text, sizeof(text), "%u %u 1", gid, gid);
	return r ? r : vantio_write_pseudo(AT_FDCWD, "/proc/self/gid_map", text, err);
}

static int new_namespaces(struct entering *e)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();

	e->own_users = uid || unshare(CLONE_NEWNS);
	if (e->own_users && unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return vantio_fail(e->err, errno == EPERM || errno == ENOSPC || errno == EINVAL ? EPERM : errno,
				   "this system does not let you make user and mount namespaces, which a phantom needs: %s; see "
				   "/proc/sys/user/max_user_namespaces and /proc/sys/kernel/unprivileged_userns_clone, or run as root", strerror(errno));
	if (e->own_users && map_ids(uid, gid, e->err))
		return -e->err->code;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return vantio_fail(e->err, errno, "cannot set the new mount namespace apart: %s", strerror(errno));
	return 0;
}

void vantio_phantom_reach(void)
{
	struct vantio_error ignored = {};
	const uid_t uid = geteuid();
	const gid_t gid = getegid();

	if (uid && !unshare(CLONE_NEWUSER))
		map_ids(uid, gid, &ignored);
}

/* From now on it is an ordinary process of the user. */
static int drop_capabilities(const struct entering *e)
{
	struct {
		uint32_t version;
		int pid;
	} header = { 0x20080522, 0 }; /* _LINUX_CAPABILITY_VERSION_3 */
	uint32_t none[6] = {};
	int cap;

	if (!e->own_users)
		return 0;
	for (cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno == EPERM)
			return vantio_fail(e->err, errno, "cannot drop capability %d: %s", cap, strerror(errno));
	if (syscall(SYS_capset, &header, none))
		return vantio_fail(e->err, errno, "cannot drop capabilities: %s", strerror(errno));
	return 0;
}

/* ---- what stays the host's ---- */

static int clone_tree(struct entering *e, const char *path, bool kept, bool frozen)
{
	struct held *grown = realloc(e->held, (e->n_held + 1) * sizeof(*grown));
	int fd;

	if (!grown)
		return vantio_fail(e->err, ENOMEM, "out of memory");
	e->held = grown;
	fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (kept ? AT_RECURSIVE : 0) | AT_SYMLINK_NOFOLLOW);
	if (fd < 0)
		return -errno;
	grown[e->n_held] = (struct held){ .path = strdup(path), .fd = fd, .frozen = frozen };
	if (!grown[e->n_held].path) {
		close(fd);
		return vantio_fail(e->err, ENOMEM, "out of memory");
	}
	e->n_held++;
	return 0;
}

static int hold_kept(struct entering *e)
{
	const char *const *keep = e->o->keep;
	int r;

	for (; keep && *keep; keep++) {
		cleanup_free char *real = NULL;

		r = vantio_make_dirs(*keep, 0700, e->err);
		if (r)
			return r;
		real = realpath(*keep, NULL);
		r = real ? clone_tree(e, real, true, false) : -errno;
		if (r)
			return vantio_fail(e->err, -r, "cannot keep '%s' apart from the phantom: %s", *keep, strerror(-r));
	}
	return 0;
}

/* Mounts in a folder that is covered whole go out of sight with it, and come back as they were. */
static int hold_nested(struct entering *e)
{
	size_t i, k;
	int r;

	for (i = 0; i < e->mounts.n; i++) {
		const struct vantio_mount *m = &e->mounts.items[i];
		bool covered = false, placed = false;

		for (k = 0; k < e->places.n; k++) {
			placed |= !strcmp(e->places.items[k], m->path);
			covered |= strcmp(e->places.items[k], m->path) && vantio_path_within(m->path, e->places.items[k]);
		}
		if (!covered || placed)
			continue;
		r = clone_tree(e, m->path, false, !m->pseudo);
		if (r && r != -ENOENT && r != -EACCES)
			return vantio_fail(e->err, -r, "cannot take '%s', which is mounted in a folder that gets an overlay, along: %s", m->path, strerror(-r));
	}
	return 0;
}

static int put_back(struct entering *e)
{
	size_t i;

	for (i = 0; i < e->n_held; i++)
		if (move_mount(e->held[i].fd, "", AT_FDCWD, e->held[i].path, MOVE_MOUNT_F_EMPTY_PATH))
			return vantio_fail(e->err, errno, "cannot put '%s' back over the phantom: %s", e->held[i].path, strerror(errno));
	return 0;
}

/* Opened before overlays hide them, frozen after: an upper layer must not be on a read-only mount when it is mounted. */
static int open_mounts(struct entering *e)
{
	size_t i;

	e->mount_fds = calloc(e->mounts.n + 1, sizeof(*e->mount_fds));
	if (!e->mount_fds)
		return vantio_fail(e->err, ENOMEM, "out of memory");
	for (i = 0; i < e->mounts.n; i++)
		e->mount_fds[i] = -1;
	for (i = 0; i < e->mounts.n; i++) {
		if (e->mounts.items[i].pseudo)
			continue;
		e->mount_fds[i] = open(e->mounts.items[i].path, O_PATH | O_CLOEXEC);
		if (e->mount_fds[i] < 0 && errno != EACCES && errno != ENOENT) /* where the command cannot get either */
			return vantio_fail(e->err, errno, "cannot open '%s': %s", e->mounts.items[i].path, strerror(errno));
	}
	return 0;
}

static int freeze(struct entering *e, int fd, const char *path)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	return mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) ?
		       vantio_fail(e->err, errno, "cannot make '%s' read-only under the phantom: %s; Linux 5.12 is needed", path, strerror(errno)) :
		       0;
}

static int freeze_mounts(struct entering *e)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < e->mounts.n; i++)
		if (e->mount_fds[i] >= 0)
			r = freeze(e, e->mount_fds[i], e->mounts.items[i].path);
	for (i = 0; !r && i < e->n_held; i++)
		if (e->held[i].frozen)
			r = freeze(e, e->held[i].fd, e->held[i].path);
	return r;
}

/* The folder of phantoms is an empty one there: the layers must not be seen through themselves. */
static int hide_store(struct entering *e)
{
	cleanup_free char *path = NULL, *real = NULL;

	if (asprintf(&path, "%s/phantom", e->o->state_dir) < 0) {
		path = NULL;
		return vantio_fail(e->err, ENOMEM, "out of memory");
	}
	real = realpath(path, NULL);
	if (!real || mount("tmpfs", real, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=0700"))
		return vantio_fail(e->err, errno, "cannot hide '%s' from the command: %s", path, strerror(errno));
	return 0;
}

/* ---- the whole ---- */

static int note_namespace(struct entering *e)
{
	struct stat st;

	if (stat("/proc/self/ns/mnt", &st))
		return vantio_fail(e->err, errno, "cannot look at /proc/self/ns/mnt: %s", strerror(errno));
	e->p->mount_ns = st.st_ino;
	e->p->userxattr = e->own_users;
	return vantio_phantom_save(e->p, e->err);
}

static int build(struct entering *e, const char *cwd)
{
	const char *deep[] = { cwd, getenv("HOME"), getenv("TMPDIR"), getenv("XDG_RUNTIME_DIR") };
	const char *list[VANTIO_ARRAY_SIZE(deep) + 1] = {};
	size_t i, n = 0;
	int r;

	for (i = 0; i < VANTIO_ARRAY_SIZE(deep); i++)
		if (deep[i] && deep[i][0] == '/')
			list[n++] = deep[i];
	r = new_namespaces(e);
	if (!r)
		r = vantio_mounts_read(&e->mounts, e->err);
	if (!r)
		r = vantio_places_choose(&e->mounts, !e->own_users, e->o->only, list, &e->places, e->notes, e->err);
	if (!r)
		r = hold_nested(e);
	if (!r)
		r = hold_kept(e);
	if (!r)
		r = vantio_overlays_prepare(e);
	if (!r)
		r = note_namespace(e);
	if (!r)
		r = open_mounts(e);
	if (!r)
		r = vantio_overlays_mount(e);
	if (!r)
		r = freeze_mounts(e);
	if (!r)
		r = put_back(e);
	if (!r)
		r = hide_store(e);
	if (!r && chdir(cwd))
		r = vantio_fail(e->err, errno, "cannot go back to '%s' on the phantom: %s", cwd, strerror(errno));
	return r ? r : drop_capabilities(e);
}

static void clear_entering(struct entering *e)
{
	size_t i;

	for (i = 0; i < e->n_held; i++) {
		free(e->held[i].path);
		vantio_close_fd(&e->held[i].fd);
	}
	free(e->held);
	for (i = 0; e->mount_fds && i < e->mounts.n; i++)
		vantio_close_fd(&e->mount_fds[i]);
	free(e->mount_fds);
	vantio_overlays_clear(e);
	vantio_mounts_clear(&e->mounts);
	vantio_places_clear(&e->places);
}

int vantio_phantom_enter(const struct vantio_phantom_options *o, struct vantio_phantom *ret, struct vantio_buf *notes, struct vantio_error *err)
{
	cleanup_phantom struct vantio_phantom p = VANTIO_PHANTOM_INIT;
	struct entering e = { .o = o, .p = &p, .dir = -1, .notes = notes, .err = err };
	cleanup_free char *cwd = getcwd(NULL, 0);
	struct vantio_error ignored;
	int r;

	if (!cwd || cwd[0] != '/')
		return vantio_fail(err, ENOENT, "the current folder has no path: go to one that has");
	r = vantio_phantom_create(o->state_dir, &p, err);
	if (r)
		return r;
	p.command = vantio_escape_dup(o->command, strlen(o->command));
	r = build(&e, cwd);
	clear_entering(&e);
	if (r) {
		vantio_remove_tree(p.dir, "meta.json", 0);
		if (!p.mount_ns)
			vantio_phantom_remove(o->state_dir, &p, &ignored);
		return r;
	}
	*ret = p;
	p = (struct vantio_phantom)VANTIO_PHANTOM_INIT;
	return 0;
}

/* Whether a process has the phantom's overlays; true where that cannot be told. */
static bool has_overlays(const struct vantio_phantom *p, const char *pid)
{
	cleanup_free char *line = NULL;
	cleanup_file FILE *f = NULL;
	char path[300], source[64];
	size_t size = 0;

	snprintf(path, sizeof(path), "/proc/%s/mountinfo", pid);
	vantio_phantom_source(p, source);
	f = fopen(path, "re");
	if (!f)
		return errno != ENOENT && errno != ESRCH;
	while (getline(&line, &size, f) > 0)
		if (strstr(line, source))
			return true;
	return ferror(f) != 0;
}

size_t vantio_phantom_users(const struct vantio_phantom *p, int *ret_pid)
{
	cleanup_dir DIR *dir = p->mount_ns ? opendir("/proc") : NULL;
	struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir))) {
		char path[300];
		struct stat st;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/mnt", entry->d_name);
		if (stat(path, &st) || st.st_ino != p->mount_ns || !has_overlays(p, entry->d_name))
			continue;
		*ret_pid = atoi(entry->d_name);
		n++;
	}
	return n;
}
