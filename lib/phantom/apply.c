// SPDX-License-Identifier: Apache-2.0
#include "phantom/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "phantom/links.h"
#include "phantom/object.h"

struct commit {
	const struct vantio_phantom *p;
	struct vantio_changes *c;
	struct vantio_marks *marks;
	struct vantio_links links;
	struct vantio_commit_result result;
	struct vantio_error *err;
	char temp[sizeof(VANTIO_PHANTOM_TEMP) + VANTIO_PHANTOM_ID];
	size_t begun_layer; /* the folder that was marked last */
	char begun[PATH_MAX];
};

static int fail_change(struct commit *k, const struct vantio_change *change, int code)
{
	cleanup_free char *path = vantio_change_path(k->p, change), *shown = path ? vantio_escape_dup(path, strlen(path)) : NULL;

	if (code == ESTALE)
		return vantio_fail(k->err, ESTALE, "'%s' was changed on the host while the commit ran; look at 'vantioctl phantom diff %s' and run it again",
				   shown ? shown : "?", k->p->id);
	return vantio_fail(k->err, code, "cannot commit '%s': %s; what was done stays, and the commit can be run again", shown ? shown : "?", strerror(code));
}

static int rename_at(int dir, const char *from, const char *to, unsigned int flags)
{
	return syscall(SYS_renameat2, dir, from, dir, to, flags) ? -errno : 0;
}

/* What a folder gets now changes its times: marked once, before the first change in it. */
static int begin(struct commit *k, const struct vantio_change *change)
{
	const char *slash = strrchr(change->path, '/');
	size_t n = slash ? (size_t)(slash - change->path) : 0;
	int r = 0;

	if (*change->path && (k->begun_layer != change->layer || strlen(k->begun) != n || memcmp(k->begun, change->path, n))) {
		k->begun_layer = change->layer;
		memcpy(k->begun, change->path, n);
		k->begun[n] = '\0';
		r = vantio_marks_begin(k->marks, change->layer, k->begun, 0, k->err);
	}
	return r ? r : vantio_marks_begin(k->marks, change->layer, change->path,
					  change->on_host && !S_ISDIR(change->host.st_mode) && change->host.st_nlink > 1 ? change->host.st_ino : 0, k->err);
}

static int end(struct commit *k, const struct vantio_change *change)
{
	cleanup_close int fd = vantio_open_below(k->c->host[change->layer], change->path, O_PATH);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return fail_change(k, change, fd < 0 ? -fd : errno);
	return vantio_marks_end(k->marks, change->layer, change->path, &st, k->err);
}

/* ---- putting a name in its place ---- */

/* What stands under the temporary name now is what the scan saw under the real one. */
static bool is_expected(int dir, const char *name, const struct vantio_change *change)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || st.st_dev != change->host.st_dev || st.st_ino != change->host.st_ino)
		return false;
	/* what has other names may have been changed under one of them, by us */
	return S_ISDIR(st.st_mode) || st.st_nlink > 1 || change->host.st_nlink > 1 || (st.st_size == change->host.st_size && vantio_time_of(&st.st_mtim) == vantio_time_of(&change->host.st_mtim));
}

/* Without RENAME_EXCHANGE (some network file systems). */
static int place_plainly(struct commit *k, int dir, const char *name, const struct vantio_change *change)
{
	int r = 0;

	if (!is_expected(dir, name, change))
		return -ESTALE;
	if (S_ISDIR(change->host.st_mode) || S_ISDIR(change->upper.st_mode))
		r = vantio_remove_tree(dir, name, change->host.st_dev);
	return r ? r : rename_at(dir, k->temp, name, 0);
}

/* The temporary name becomes the real one. */
static int place(struct commit *k, int dir, const char *name, const struct vantio_change *change)
{
	int r = rename_at(dir, k->temp, name, change->on_host ? RENAME_EXCHANGE : RENAME_NOREPLACE);

	if (r == -EINVAL && change->on_host)
		return place_plainly(k, dir, name, change);
	if (r == -EINVAL)
		return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) ? rename_at(dir, k->temp, name, 0) : -ESTALE;
	if (r == -EEXIST || (r == -ENOENT && change->on_host))
		return -ESTALE;
	if (r || !change->on_host)
		return r;
	if (is_expected(dir, k->temp, change))
		return vantio_remove_tree(dir, k->temp, change->host.st_dev);
	r = rename_at(dir, k->temp, name, RENAME_EXCHANGE);
	return r ? r : -ESTALE;
}

static int link_from(struct commit *k, size_t index, int dir, const struct vantio_change *change)
{
	const struct vantio_change *from = &k->c->items[index];
	cleanup_close int fd = vantio_open_below(k->c->host[from->layer], from->path, O_PATH);
	struct stat st;
	char link[32];

	if (fd < 0 || fstat(fd, &st))
		return fd < 0 ? fd : -errno;
	if (vantio_marks_begin(k->marks, change->layer, change->path, st.st_ino, k->err))
		return -EIO;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, link, dir, k->temp, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

/* ---- files ---- */

/* Content and attributes into a file of the host that stays the one that it is. */
static int update(struct commit *k, int upper, const struct stat *st, int host, bool data)
{
	cleanup_close int from = -1, to = -1;
	uint32_t lost = 0;
	char link[32];
	int r;

	if (data) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", upper);
		from = open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		snprintf(link, sizeof(link), "/proc/self/fd/%d", host);
		to = from < 0 ? -1 : open(link, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (to < 0)
			return -errno;
		r = vantio_copy_data(from, to, (uint64_t)st->st_size);
		if (r)
			return r;
	}
	r = vantio_copy_attributes(upper, st, k->p->userxattr, host, &lost);
	k->result.lost_owner += !!(lost & VANTIO_COPY_OWNER);
	k->result.lost_xattr += !!(lost & VANTIO_COPY_XATTR);
	return r;
}

static int update_there(struct commit *k, int upper, const struct vantio_change *change, bool data)
{
	cleanup_close int host = vantio_open_below(k->c->host[change->layer], change->path, O_PATH);
	struct stat st;

	if (host < 0 || fstat(host, &st))
		return host < 0 ? host : -errno;
	if (st.st_dev != change->host.st_dev || st.st_ino != change->host.st_ino)
		return -ESTALE;
	return update(k, upper, &change->upper, host, data);
}

/* A name of a file that has another name in the phantom, which is on the host by now. */
static int join(struct commit *k, size_t first, int dir, const char *name, const struct vantio_change *change)
{
	const struct vantio_change *from = &k->c->items[first];
	cleanup_close int fd = vantio_open_below(k->c->host[from->layer], from->path, O_PATH);
	struct stat a, b;
	int r;

	if (fd < 0 || fstat(fd, &a))
		return fd < 0 ? fd : -errno;
	if (!fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		return 0;
	r = link_from(k, first, dir, change);
	return r ? r : place(k, dir, name, change);
}

static int make(struct commit *k, size_t index, int upper, int dir, const char *name)
{
	const struct vantio_change *change = &k->c->items[index];
	uint32_t lost = 0;
	size_t source;
	int r;

	if (vantio_links_source(&k->links, k->p, k->c, index, upper, &source) && !link_from(k, source, dir, change)) {
		cleanup_close int made = openat(dir, k->temp, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		struct stat st;

		r = made < 0 || fstat(made, &st) ? -errno : vantio_same_content(upper, &change->upper, made, &st);
		if (r >= 0)
			r = update(k, upper, &change->upper, made, !r);
		return r ? r : place(k, dir, name, change);
	}
	r = vantio_copy_object(upper, &change->upper, k->p->userxattr, dir, k->temp, &lost);
	k->result.lost_owner += !!(lost & VANTIO_COPY_OWNER);
	k->result.lost_xattr += !!(lost & VANTIO_COPY_XATTR);
	return r ? r : place(k, dir, name, change);
}

/* Whether the host's file has other names that must see the change too. */
static bool in_place(struct commit *k, int upper, const struct vantio_change *change)
{
	cleanup_close int host = -1;

	if (change->kind != VANTIO_CHANGE_MODIFY || !S_ISREG(change->host.st_mode) || change->host.st_nlink < 2)
		return false;
	host = vantio_open_below(k->c->host[change->layer], change->path, O_PATH);
	return host >= 0 && vantio_same_origin(upper, k->p->userxattr, host) == 1;
}

static int put_file(struct commit *k, size_t index, int upper, int dir, const char *name)
{
	const struct vantio_change *change = &k->c->items[index];
	size_t first = vantio_links_first(&k->links, k->c, index);

	if (first != index)
		return join(k, first, dir, name, change);
	if (change->kind == VANTIO_CHANGE_META)
		return update_there(k, upper, change, false);
	if (in_place(k, upper, change))
		return update_there(k, upper, change, true);
	return make(k, index, upper, dir, name);
}

/* A folder is made where it will be, and filled there; what it takes the place of goes first. */
static int put_folder(struct commit *k, int dir, const char *name, const struct vantio_change *change)
{
	if (change->on_host && S_ISDIR(change->host.st_mode))
		return 0;
	if (!change->on_host)
		return mkdirat(dir, name, 0700) ? (errno == EEXIST ? -ESTALE : -errno) : 0;
	if (mkdirat(dir, k->temp, 0700))
		return -errno;
	return place(k, dir, name, change);
}

/* ---- the passes ---- */

static void count(struct commit *k, const struct vantio_change *change)
{
	struct vantio_commit_result *r = &k->result;

	switch (change->kind) {
	case VANTIO_CHANGE_ADD:
		r->added++;
		break;
	case VANTIO_CHANGE_MODIFY:
		r->modified++;
		break;
	case VANTIO_CHANGE_META:
		r->attributes++;
		break;
	case VANTIO_CHANGE_REPLACE:
		r->replaced++;
		break;
	case VANTIO_CHANGE_DELETE:
		r->deleted++;
		break;
	case VANTIO_CHANGE_NONE:
		break;
	}
}

static int put(struct commit *k, size_t index)
{
	const struct vantio_change *change = &k->c->items[index];
	const bool folder = S_ISDIR(change->upper.st_mode);
	cleanup_close int dir = -1, upper = -1;
	const char *name;
	int r;

	if (folder && (!*change->path || (change->on_host && S_ISDIR(change->host.st_mode))))
		return 0; /* there: its attributes come last */
	if (change->kind == VANTIO_CHANGE_NONE && vantio_links_first(&k->links, k->c, index) == index)
		return 0;
	r = begin(k, change);
	if (r)
		return r;
	dir = vantio_open_parent(k->c->host[change->layer], change->path, &name);
	upper = vantio_open_below(k->c->upper[change->layer], change->path, O_PATH);
	if (dir < 0 || upper < 0)
		return fail_change(k, change, dir < 0 ? (dir == -ELOOP || dir == -ENOTDIR ? ESTALE : -dir) : -upper);
	r = vantio_remove_tree(dir, k->temp, 0); /* of a commit that was killed */
	if (!r)
		r = folder ? put_folder(k, dir, name, change) : put_file(k, index, upper, dir, name);
	if (r) {
		if (r != -ESTALE)
			vantio_remove_tree(dir, k->temp, 0);
		return fail_change(k, change, -r);
	}
	return folder ? 0 : end(k, change); /* a folder is done when it is full */
}

/* Under the temporary name already: was it that, and nothing newer? */
static int take_moved(struct commit *k, int dir, const char *name, const struct vantio_change *change)
{
	cleanup_close int fd = -1;
	struct stat st = {};
	int r;

	if (!is_expected(dir, k->temp, change)) {
		r = rename_at(dir, k->temp, name, RENAME_NOREPLACE);
		return fail_change(k, change, r ? -r : ESTALE);
	}
	fd = openat(dir, k->temp, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	r = vantio_remove_tree(dir, k->temp, change->host.st_dev);
	if (!r && (fd < 0 || fstat(fd, &st)))
		r = -errno;
	if (r)
		return fail_change(k, change, -r);
	if (S_ISDIR(change->host.st_mode) || !st.st_nlink)
		st.st_ino = 0; /* whose number may be given to another file */
	return vantio_marks_gone(k->marks, change->layer, change->path, &st, k->err);
}

static int take_away(struct commit *k, const struct vantio_change *change)
{
	const struct stat none = {};
	cleanup_close int dir = -1;
	const char *name;
	int r = begin(k, change);

	if (r)
		return r;
	dir = vantio_open_parent(k->c->host[change->layer], change->path, &name);
	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return fail_change(k, change, dir == -ELOOP || dir == -ENOTDIR ? ESTALE : -dir);
	r = vantio_remove_tree(dir, k->temp, 0);
	if (!r)
		r = rename_at(dir, name, k->temp, RENAME_NOREPLACE);
	if (r == -EINVAL)
		r = is_expected(dir, name, change) ? rename_at(dir, name, k->temp, 0) : -ESTALE;
	if (r == -ENOENT)
		return vantio_marks_gone(k->marks, change->layer, change->path, &none, k->err);
	return r ? fail_change(k, change, -r) : take_moved(k, dir, name, change);
}

static int finish_folder(struct commit *k, const struct vantio_change *change)
{
	cleanup_close int host = vantio_open_below(k->c->host[change->layer], change->path, O_PATH | O_DIRECTORY);
	cleanup_close int upper = host < 0 ? -1 : vantio_open_below(k->c->upper[change->layer], change->path, O_PATH | O_DIRECTORY);
	uint32_t lost = 0;
	struct stat now;
	int r = host < 0 ? host : upper < 0 ? upper : fstat(host, &now) ? -errno : 0;

	if (r)
		return fail_change(k, change, -r);
	if (change->kind == VANTIO_CHANGE_NONE && (change->stale || vantio_time_of(&now.st_mtim) == vantio_time_of(&change->upper.st_mtim)))
		return 0;
	if (change->kind == VANTIO_CHANGE_NONE)
		r = vantio_copy_times(host, &change->upper);
	else
		r = vantio_copy_attributes(upper, &change->upper, k->p->userxattr, host, &lost);
	if (r == -EPERM && (change->kind == VANTIO_CHANGE_NONE || !*change->path))
		r = 0; /* such as /tmp, which is somebody else's */
	k->result.lost_owner += !!(lost & VANTIO_COPY_OWNER);
	k->result.lost_xattr += !!(lost & VANTIO_COPY_XATTR);
	return r ? fail_change(k, change, -r) : end(k, change);
}

static int run(struct commit *k)
{
	struct vantio_change *items = k->c->items;
	size_t i;
	int r = 0;

	for (i = 0; !r && i < k->c->n; i++)
		if (items[i].chosen && items[i].kind != VANTIO_CHANGE_DELETE) {
			r = put(k, i);
			if (!r)
				count(k, &items[i]);
		}
	for (i = 0; !r && i < k->c->n; i++)
		if (items[i].chosen && items[i].kind == VANTIO_CHANGE_DELETE) {
			r = take_away(k, &items[i]);
			if (!r)
				count(k, &items[i]);
		}
	for (i = k->c->n; !r && i--;)
		if (items[i].kind != VANTIO_CHANGE_DELETE && S_ISDIR(items[i].upper.st_mode) && items[i].chosen)
			r = finish_folder(k, &items[i]);
	return r;
}

int vantio_commit(const struct vantio_phantom *p, struct vantio_changes *c, struct vantio_marks *marks, struct vantio_commit_result *ret,
		  struct vantio_error *err)
{
	struct commit *k = calloc(1, sizeof(*k));
	size_t i;
	int r;

	if (!k)
		return vantio_fail(err, ENOMEM, "out of memory");
	k->p = p;
	k->c = c;
	k->marks = marks;
	k->err = err;
	k->begun_layer = SIZE_MAX;
	snprintf(k->temp, sizeof(k->temp), "%s%s", VANTIO_PHANTOM_TEMP, p->id);
	r = vantio_links_make(c, &k->links) ? vantio_fail(err, ENOMEM, "out of memory") : run(k);
	for (i = 0; !r && i < c->n_layers; i++) { /* before anybody takes the phantom away */
		cleanup_close int fd = openat(c->host[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && syncfs(fd))
			r = vantio_fail(err, errno, "cannot make the commit durable on '%s': %s", p->layers[i].target, strerror(errno));
	}
	*ret = k->result;
	vantio_links_clear(&k->links);
	free(k);
	return r;
}

int vantio_commit_sweep(const struct vantio_phantom *p, const struct vantio_marks *marks, struct vantio_error *err)
{
	char temp[sizeof(VANTIO_PHANTOM_TEMP) + VANTIO_PHANTOM_ID];
	size_t i;

	snprintf(temp, sizeof(temp), "%s%s", VANTIO_PHANTOM_TEMP, p->id);
	for (i = 0; i < marks->n; i++) {
		const struct vantio_mark *m = &marks->items[i];
		cleanup_close int root = -1, dir = -1;
		struct vantio_error ignored;
		const char *name;
		int r;

		if (!m->begun || m->layer >= p->n_layers || !*m->path)
			continue;
		root = vantio_phantom_target(p, m->layer, &ignored);
		dir = root < 0 ? root : vantio_open_parent(root, m->path, &name);
		r = dir < 0 ? 0 : vantio_remove_tree(dir, temp, 0);
		if (r)
			return vantio_fail(err, -r, "cannot take away what a killed commit left ('%s' beside '%s'): %s", temp, m->path, strerror(-r));
	}
	return 0;
}
