// SPDX-License-Identifier: Apache-2.0
#include "phantom/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "phantom/names.h"
#include "phantom/object.h"

#define CHANGES_MAX (1u << 22)
#define DEPTH_MAX   1024

struct scan {
	const struct vantio_phantom *p;
	const struct vantio_marks *marks;
	struct vantio_changes *c;
	struct vantio_error *err;
	size_t layer;
	char temp[sizeof(VANTIO_PHANTOM_TEMP) + VANTIO_PHANTOM_ID]; /* what a commit that was killed may have left */
	char path[PATH_MAX]; /* below the layer's target */
	size_t len;
	unsigned int depth;
};

void vantio_changes_clear(struct vantio_changes *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		free(c->items[i].path);
	free(c->items);
	for (i = 0; i < c->n_layers; i++) {
		vantio_close_fd(&c->upper[i]);
		vantio_close_fd(&c->host[i]);
	}
	memset(c, 0, sizeof(*c));
}

char *vantio_change_path(const struct vantio_phantom *p, const struct vantio_change *change)
{
	const char *target = p->layers[change->layer].target;
	char *path;

	if (!*change->path)
		return strdup(target);
	return asprintf(&path, "%s/%s", strcmp(target, "/") ? target : "", change->path) < 0 ? NULL : path;
}

static int fail_here(struct scan *s, int code, const char *what)
{
	cleanup_free char *shown = vantio_escape_dup(s->path, s->len);

	return vantio_fail(s->err, code, "cannot %s '%s' of phantom %s, in its layer over '%s': %s", what, shown ? shown : "?", s->p->id,
			   s->p->layers[s->layer].target, strerror(code));
}

static int add(struct scan *s, const struct vantio_change *change)
{
	struct vantio_changes *c = s->c;
	struct vantio_change *grown;

	if (c->n == c->cap) {
		if (c->n >= CHANGES_MAX)
			return vantio_fail(s->err, E2BIG, "phantom %s changes more than %u files", s->p->id, CHANGES_MAX);
		c->cap = c->cap ? 2 * c->cap : 256;
		grown = realloc(c->items, c->cap * sizeof(*grown));
		if (!grown)
			return vantio_fail(s->err, ENOMEM, "out of memory");
		c->items = grown;
	}
	c->items[c->n] = *change;
	c->items[c->n].layer = s->layer;
	c->items[c->n].path = strndup(s->path, s->len);
	if (!c->items[c->n].path)
		return vantio_fail(s->err, ENOMEM, "out of memory");
	c->n++;
	return 0;
}

static int push_name(struct scan *s, const char *name, size_t *ret_before)
{
	size_t n = strlen(name);

	if (s->len + 1 + n >= sizeof(s->path) || s->depth >= DEPTH_MAX)
		return fail_here(s, ENAMETOOLONG, "look below");
	*ret_before = s->len;
	if (s->len)
		s->path[s->len++] = '/';
	memcpy(s->path + s->len, name, n + 1);
	s->len += n;
	return 0;
}

static void pop_name(struct scan *s, size_t before)
{
	s->len = before;
	s->path[before] = '\0';
}

/* ---- conflicts ---- */

static bool changed_since(const struct scan *s, const struct stat *host)
{
	return vantio_time_of(&host->st_ctim) > s->p->since_ns && !vantio_marks_ours(s->marks, s->layer, s->path, host);
}

/* Whether anything in a folder of the host that is to be deleted was changed. */
static bool tree_changed(struct scan *s, int fd, const struct stat *st)
{
	struct vantio_names names = {};
	bool changed = changed_since(s, st);
	size_t i, before;

	if (changed || !S_ISDIR(st->st_mode) || vantio_names_read(fd, &names))
		return changed;
	for (i = 0; !changed && i < names.n; i++) {
		cleanup_close int below = openat(fd, names.items[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);
		struct stat inner;

		if (!strcmp(names.items[i], s->temp) || below < 0 || fstat(below, &inner) || push_name(s, names.items[i], &before))
			continue;
		s->depth++;
		changed = tree_changed(s, below, &inner);
		s->depth--;
		pop_name(s, before);
	}
	vantio_names_clear(&names);
	return changed;
}

/* ---- one name ---- */

static bool is_whiteout(const struct scan *s, int fd, const struct stat *st)
{
	char ignored[8];

	if (S_ISCHR(st->st_mode))
		return !st->st_rdev;
	return S_ISREG(st->st_mode) && !st->st_size && vantio_overlay_note(fd, s->p->userxattr, "whiteout", ignored, sizeof(ignored)) >= 0;
}

static bool is_opaque(const struct scan *s, int fd)
{
	char value[8];
	int n = vantio_overlay_note(fd, s->p->userxattr, "opaque", value, sizeof(value));

	return n == 1 && value[0] == 'y';
}

/* What is there on the host: a descriptor, -ENOENT, or another error. */
static int open_host(struct scan *s, const char **ret_conflict)
{
	int fd = vantio_open_below(s->c->host[s->layer], s->path, O_PATH);

	*ret_conflict = fd == -EXDEV ? "something is mounted there now" :
			fd == -ELOOP || fd == -ENOTDIR ? "a folder on the way is none any more" : NULL;
	return fd;
}

static int scan_deleted(struct scan *s)
{
	struct vantio_change change = { .kind = VANTIO_CHANGE_DELETE, .on_host = true };
	cleanup_close int host = open_host(s, &change.conflict);

	if (host == -ENOENT || host == -ENOTDIR)
		return 0; /* gone already */
	if (host >= 0 && fstat(host, &change.host))
		return fail_here(s, errno, "look at the host's");
	if (host < 0 && !change.conflict)
		return fail_here(s, -host, "look at the host's");
	change.on_host = host >= 0;
	if (host >= 0 && tree_changed(s, host, &change.host))
		change.conflict = "it was changed on the host since";
	return add(s, &change);
}

static bool same_meta(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid;
}

static bool same_mtime(const struct stat *a, const struct stat *b)
{
	return vantio_time_of(&a->st_mtim) == vantio_time_of(&b->st_mtim);
}

/* A file of both; what differs. -errno. */
static int compare_files(struct scan *s, int upper, int host, struct vantio_change *change)
{
	int r = vantio_same_content(upper, &change->upper, host, &change->host);

	if (r < 0)
		return r;
	change->kind = r ? VANTIO_CHANGE_META : VANTIO_CHANGE_MODIFY;
	if (!r || !same_meta(&change->upper, &change->host) || !same_mtime(&change->upper, &change->host))
		return 0;
	r = vantio_same_xattrs(upper, s->p->userxattr, host);
	if (r > 0)
		change->kind = VANTIO_CHANGE_NONE;
	return r < 0 ? r : 0;
}

static int scan_file(struct scan *s, int upper, struct vantio_change *change, bool below_host)
{
	cleanup_close int host = below_host ? open_host(s, &change->conflict) : -ENOENT;
	int r = 0;

	change->on_host = host >= 0;
	change->kind = VANTIO_CHANGE_ADD;
	if (host < 0 && host != -ENOENT && !change->conflict)
		return fail_here(s, -host, "look at the host's");
	if (host >= 0 && fstat(host, &change->host))
		return fail_here(s, errno, "look at the host's");
	if (host >= 0 && (change->host.st_mode & S_IFMT) != (change->upper.st_mode & S_IFMT))
		change->kind = VANTIO_CHANGE_REPLACE;
	else if (host >= 0)
		r = compare_files(s, upper, host, change);
	if (r)
		return fail_here(s, -r, "compare");
	if (host >= 0 && change->kind != VANTIO_CHANGE_NONE &&
	    (S_ISDIR(change->host.st_mode) ? tree_changed(s, host, &change->host) : changed_since(s, &change->host)))
		change->conflict = "it was changed on the host since";
	return change->kind == VANTIO_CHANGE_NONE && change->upper.st_nlink < 2 ? 0 : add(s, change);
}

static int scan_folder(struct scan *s, int upper, bool below_host, bool hides);

/* Attributes of the layer's own folder are held against those that its upper had at first: its owner need not be the user. */
static int folder_differs(struct scan *s, int upper, int host, const struct vantio_change *change)
{
	const struct vantio_phantom_layer *l = &s->p->layers[s->layer];
	int r;

	if (!s->len)
		return (change->upper.st_mode & 07777) != l->mode || (l->uid == change->host.st_uid && (change->upper.st_uid != l->uid ||
		       change->upper.st_gid != l->gid));
	if (!same_meta(&change->upper, &change->host))
		return 1;
	r = vantio_same_xattrs(upper, s->p->userxattr, host);
	return r < 0 ? r : !r;
}

static int scan_dir(struct scan *s, int upper, struct vantio_change *change, bool below_host, bool hides)
{
	cleanup_close int host = below_host ? open_host(s, &change->conflict) : -ENOENT;
	int r;

	change->on_host = host >= 0;
	change->kind = VANTIO_CHANGE_ADD;
	if (host < 0 && host != -ENOENT && !change->conflict)
		return fail_here(s, -host, "look at the host's");
	if (host >= 0 && fstat(host, &change->host))
		return fail_here(s, errno, "look at the host's");
	if (host >= 0 && !S_ISDIR(change->host.st_mode)) {
		change->kind = VANTIO_CHANGE_REPLACE;
		if (changed_since(s, &change->host))
			change->conflict = "it was changed on the host since";
	} else if (host >= 0) {
		r = folder_differs(s, upper, host, change);
		if (r < 0)
			return fail_here(s, -r, "compare");
		change->kind = r ? VANTIO_CHANGE_META : VANTIO_CHANGE_NONE;
		change->stale = changed_since(s, &change->host);
		if (r && change->stale)
			change->conflict = "it was changed on the host since";
	}
	below_host = host >= 0 && S_ISDIR(change->host.st_mode);
	r = add(s, change);
	vantio_close_fd(&host);
	host = -1;
	return r ? r : scan_folder(s, upper, below_host, hides);
}

static int scan_name(struct scan *s, int dir, const char *name, bool below_host, bool hides)
{
	cleanup_close int upper = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct vantio_change change = {};

	if (upper < 0 || fstat(upper, &change.upper))
		return fail_here(s, errno, "look at");
	if (is_whiteout(s, upper, &change.upper))
		return below_host ? scan_deleted(s) : 0;
	return S_ISDIR(change.upper.st_mode) ? scan_dir(s, upper, &change, below_host, hides) : scan_file(s, upper, &change, below_host);
}

/* ---- a folder ---- */

/* An opaque folder hides what the host has below it, to any depth: what is not in it is deleted. */
static int scan_hidden(struct scan *s, const struct vantio_names *have)
{
	cleanup_close int host = vantio_open_below(s->c->host[s->layer], s->path, O_PATH | O_DIRECTORY);
	struct vantio_names names = {};
	size_t i, before;
	int r = host < 0 ? host : vantio_names_read(host, &names);

	if (r)
		return fail_here(s, -r, "look at the host's");
	for (i = 0; !r && i < names.n; i++) {
		if (vantio_names_has(have, names.items[i]) || !strcmp(names.items[i], s->temp))
			continue;
		r = push_name(s, names.items[i], &before);
		if (!r) {
			r = scan_deleted(s);
			pop_name(s, before);
		}
	}
	vantio_names_clear(&names);
	return r;
}

static int scan_folder(struct scan *s, int upper, bool below_host, bool hides)
{
	struct vantio_names names = {};
	size_t i, before;
	int r = vantio_names_read(upper, &names);

	if (r)
		return fail_here(s, -r, "list");
	hides |= is_opaque(s, upper);
	s->depth++;
	for (i = 0; !r && i < names.n; i++) {
		r = push_name(s, names.items[i], &before);
		if (!r) {
			r = scan_name(s, upper, names.items[i], below_host, hides);
			pop_name(s, before);
		}
	}
	s->depth--;
	if (!r && below_host && hides)
		r = scan_hidden(s, &names);
	vantio_names_clear(&names);
	return r;
}

int vantio_changes_scan(const struct vantio_phantom *p, const struct vantio_marks *marks, struct vantio_changes *ret, struct vantio_error *err)
{
	cleanup_changes struct vantio_changes c = {};
	struct scan s = { .p = p, .marks = marks, .c = &c, .err = err };
	int r;

	snprintf(s.temp, sizeof(s.temp), "%s%s", VANTIO_PHANTOM_TEMP, p->id);
	for (s.layer = 0; s.layer < p->n_layers; s.layer++) {
		struct vantio_change root = {};

		c.upper[s.layer] = vantio_phantom_upper(p, s.layer);
		c.host[s.layer] = -1;
		c.n_layers = s.layer + 1;
		if (c.upper[s.layer] < 0)
			return vantio_fail(err, -c.upper[s.layer], "phantom %s has lost its layer over '%s'", p->id, p->layers[s.layer].target);
		c.host[s.layer] = vantio_phantom_target(p, s.layer, err);
		if (c.host[s.layer] < 0)
			return c.host[s.layer];
		if (fstat(c.upper[s.layer], &root.upper))
			return vantio_fail(err, errno, "cannot look at the layer over '%s': %s", p->layers[s.layer].target, strerror(errno));
		r = scan_dir(&s, c.upper[s.layer], &root, true, false);
		if (r)
			return r;
	}
	*ret = c;
	memset(&c, 0, sizeof(c));
	return 0;
}

/* ---- choosing ---- */

static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	if (n == 1)
		return true; /* "/" */
	return !strncmp(path, folder, n) && (!path[n] || path[n] == '/');
}

int vantio_changes_choose(const struct vantio_phantom *p, struct vantio_changes *c, char *const *paths, size_t n, struct vantio_error *err)
{
	size_t i, k;

	for (i = 0; i < c->n; i++)
		c->items[i].chosen = !n;
	for (k = 0; k < n; k++) {
		bool found = false;

		for (i = 0; i < c->n; i++) {
			struct vantio_change *change = &c->items[i];
			cleanup_free char *path = vantio_change_path(p, change);

			if (!path)
				return vantio_fail(err, ENOMEM, "out of memory");
			if (is_below(path, paths[k])) {
				change->chosen = true;
				found |= vantio_change_shown(change);
			} else if (is_below(paths[k], path) && S_ISDIR(change->upper.st_mode) && change->kind != VANTIO_CHANGE_DELETE) {
				change->chosen |= change->kind == VANTIO_CHANGE_ADD || change->kind == VANTIO_CHANGE_REPLACE;
			}
		}
		if (!found) {
			cleanup_free char *shown = vantio_escape_dup(paths[k], strlen(paths[k]));

			return vantio_fail(err, ENOENT, "phantom %s changes nothing at '%s'", p->id, shown ? shown : "?");
		}
	}
	return 0;
}
