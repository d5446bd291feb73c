// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "phantom/enter_internal.h"
#include "phantom/object.h"
#include "phantom/xattr.h"

void vantio_overlays_clear(struct entering *e)
{
	size_t i;

	for (i = 0; i < e->n_overlays; i++) {
		vantio_close_fd(&e->overlays[i].lower);
		vantio_close_fd(&e->overlays[i].upper);
		vantio_close_fd(&e->overlays[i].work);
	}
	vantio_close_fd(&e->dir);
	e->dir = -1;
	free(e->overlays);
	e->overlays = NULL;
	e->n_overlays = 0;
}

static int make_folder(struct entering *e, const char *path)
{
	int fd;

	if (mkdirat(e->p->dir, path, 0700))
		return vantio_fail(e->err, errno, "cannot make '%s' for phantom %s: %s", path, e->p->id, strerror(errno));
	fd = vantio_open_below(e->dir, path, O_PATH | O_DIRECTORY);
	return fd < 0 ? vantio_fail(e->err, -fd, "cannot open '%s' of phantom %s: %s", path, e->p->id, strerror(-fd)) : fd;
}

/* The upper folder looks as the one under it, as far as the user may make it so. */
static int dress(int upper, int lower, struct stat *ret)
{
	struct stat st;
	char link[32];
	bool lost = false;

	if (fstat(lower, &st))
		return -errno;
	if (fchownat(upper, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) && errno != EPERM && errno != EINVAL)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", upper);
	if (chmod(link, st.st_mode & 07777))
		return -errno;
	vantio_copy_xattrs(lower, false, upper, &lost);
	vantio_copy_times(upper, &st);
	return fstat(upper, ret) ? -errno : 0;
}

static int prepare(struct entering *e, const char *place)
{
	struct overlay *o = &e->overlays[e->n_overlays];
	struct stat st, upper;
	char path[32];
	int r;

	*o = (struct overlay){ -1, -1, -1 };
	o->lower = open(place, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	e->n_overlays++;
	if (o->lower < 0 || fstat(o->lower, &st))
		return vantio_fail(e->err, errno, "cannot open '%s': %s", place, strerror(errno));
	snprintf(path, sizeof(path), "%zu", e->p->n_layers);
	r = mkdirat(e->p->dir, path, 0700) ? vantio_fail(e->err, errno, "cannot make a folder for phantom %s: %s", e->p->id, strerror(errno)) : 0;
	if (r)
		return r;
	snprintf(path, sizeof(path), "%zu/upper", e->p->n_layers);
	o->upper = make_folder(e, path);
	snprintf(path, sizeof(path), "%zu/work", e->p->n_layers);
	o->work = o->upper < 0 ? -1 : make_folder(e, path);
	if (o->work < 0)
		return -e->err->code;
	r = dress(o->upper, o->lower, &upper);
	if (r)
		return vantio_fail(e->err, -r, "cannot make a layer over '%s': %s", place, strerror(-r));
	upper.st_dev = st.st_dev;
	upper.st_ino = st.st_ino;
	return vantio_phantom_add_layer(e->p, place, &upper, e->err);
}

/* The phantom's folder again, as the new mount namespace has it. */
static int open_dir(struct entering *e)
{
	cleanup_free char *path = NULL;
	struct stat a, b;

	if (asprintf(&path, "%s/phantom/%s", e->o->state_dir, e->p->id) < 0) {
		path = NULL;
		return vantio_fail(e->err, ENOMEM, "out of memory");
	}
	e->dir = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (e->dir < 0 || fstat(e->dir, &a) || fstat(e->p->dir, &b))
		return vantio_fail(e->err, errno, "cannot open '%s': %s", path, strerror(errno));
	return a.st_ino == b.st_ino && a.st_dev == b.st_dev ? 0 : vantio_fail(e->err, ESTALE, "'%s' was replaced", path);
}

int vantio_overlays_prepare(struct entering *e)
{
	size_t i;
	int r = open_dir(e);

	if (r)
		return r;

	e->overlays = calloc(e->places.n + 1, sizeof(*e->overlays));
	if (!e->overlays)
		return vantio_fail(e->err, ENOMEM, "out of memory");
	for (i = 0; !r && i < e->places.n; i++)
		r = prepare(e, e->places.items[i]);
	return r;
}

/* ---- mounting ---- */

static int mount_one(const struct entering *e, const struct overlay *o, int at)
{
	unsigned long flags = 0;
	char options[256], link[32], source[64];
	struct statvfs fs;

	if (fstatvfs(o->lower, &fs))
		return -errno;
	flags |= fs.f_flag & ST_NOSUID ? MS_NOSUID : 0;
	flags |= fs.f_flag & ST_NODEV ? MS_NODEV : 0;
	flags |= fs.f_flag & ST_NOEXEC ? MS_NOEXEC : 0;
	/* what redirects and metacopies leave in the upper layer would be no whole files */
	snprintf(options, sizeof(options), "lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,%s", o->lower, o->upper, o->work,
		 e->own_users ? "userxattr" : "index=on,redirect_dir=nofollow,metacopy=off");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", at);
	vantio_phantom_source(e->p, source);
	return mount(source, link, "overlay", flags, options) ? -errno : 0;
}

/* Whether the state folder can hold upper layers at all: tried over a folder of our own. */
static bool can_hold(struct entering *e)
{
	struct overlay probe = { -1, -1, -1 };
	int r = -1;

	probe.lower = make_folder(e, "probe");
	probe.upper = probe.lower < 0 ? -1 : make_folder(e, "probe-upper");
	probe.work = probe.upper < 0 ? -1 : make_folder(e, "probe-work");
	if (probe.work >= 0)
		r = mount_one(e, &probe, probe.lower);
	vantio_close_fd(&probe.lower);
	vantio_close_fd(&probe.upper);
	vantio_close_fd(&probe.work);
	return !r;
}

int vantio_overlays_mount(struct entering *e)
{
	size_t i, mounted = 0;
	int r = 0;

	for (i = 0; i < e->n_overlays; i++) {
		const char *place = e->p->layers[i].target;
		cleanup_free char *shown = vantio_escape_dup(place, strlen(place));
		cleanup_close int at = open(place, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int one = at < 0 ? -errno : mount_one(e, &e->overlays[i], at);

		mounted += !one;
		if (one) {
			r = one;
			vantio_buf_printf(e->notes, "%s stays read-only: no overlay can lie over it (%s)\n", shown ? shown : "?", strerror(-one));
		}
	}
	if (mounted || (!r && !e->n_overlays) || can_hold(e))
		return 0;
	return vantio_fail(e->err, EOPNOTSUPP, "no overlay can be had whose upper layer is in '%s/phantom': %s; the kernel must have overlayfs (5.11 for "
			   "ordinary users), and that folder must be on a file system such as ext4, xfs, btrfs or tmpfs: set VANTIO_STATE to another", e->o->state_dir,
			   strerror(-r));
}
