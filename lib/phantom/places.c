// SPDX-License-Identifier: Apache-2.0
#include "phantom/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "phantom/names.h"

#define MOUNTS_MAX  8192
#define PLACES_MAX  256
#define SEARCH_DEPTH 2 /* /x/y: deeper ones are looked for on the way to `deep` alone */

bool vantio_path_within(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	if (n == 1)
		return true;
	return !strncmp(path, folder, n) && (!path[n] || path[n] == '/');
}

/* ---- what is mounted ---- */

void vantio_mounts_clear(struct vantio_mounts *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		free(m->items[i].path);
	free(m->items);
	memset(m, 0, sizeof(*m));
}

static bool is_pseudo(const char *path, const char *type)
{
	static const char *const types[] = { "proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "bpf", "tracefs", "debugfs", "securityfs",
					     "mqueue", "hugetlbfs", "pstore", "configfs", "fusectl", "binfmt_misc", "efivarfs", "autofs", "nsfs",
					     "rpc_pipefs", "selinuxfs", "nfsd" };
	size_t i;

	if (!strcmp(path, "/dev") || (vantio_path_within(path, "/proc") || vantio_path_within(path, "/sys")))
		return true;
	for (i = 0; i < VANTIO_ARRAY_SIZE(types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void undo_octal(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* "36 35 98:0 /root /point opts optional - type source super": proc(5) */
static bool parse_line(char *line, struct vantio_mount *ret)
{
	char *at = line, *fields[6], *dash, *type;
	struct stat st;
	size_t i;

	for (i = 0; i < 6; i++)
		fields[i] = strsep(&at, " ");
	dash = at && !strncmp(at, "- ", 2) ? at : at ? strstr(at, " - ") : NULL;
	if (!dash)
		return false;
	dash += dash == at ? 2 : 3;
	type = strsep(&dash, " ");
	undo_octal(fields[4]);
	*ret = (struct vantio_mount){ .path = strdup(fields[4]), .pseudo = is_pseudo(fields[4], type) };
	ret->read_only = !strncmp(fields[5], "ro", 2) && (!fields[5][2] || fields[5][2] == ',');
	ret->folder = !lstat(fields[4], &st) && S_ISDIR(st.st_mode);
	return ret->path != NULL;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct vantio_mount *)a)->path, ((const struct vantio_mount *)b)->path);
}

/* Of those at one path the last is on top. */
static void put_mount(struct vantio_mounts *m, struct vantio_mount *one)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (!strcmp(m->items[i].path, one->path)) {
			free(m->items[i].path);
			m->items[i] = *one;
			return;
		}
	m->items[m->n++] = *one;
}

int vantio_mounts_read(struct vantio_mounts *ret, struct vantio_error *err)
{
	cleanup_file FILE *f = fopen("/proc/self/mountinfo", "re");
	cleanup_free char *line = NULL;
	struct vantio_mounts m = {};
	struct vantio_mount one;
	size_t cap = 0;
	ssize_t n;

	if (!f)
		return vantio_fail(err, errno, "cannot read /proc/self/mountinfo: %s", strerror(errno));
	m.items = calloc(MOUNTS_MAX, sizeof(*m.items));
	if (!m.items)
		return vantio_fail(err, ENOMEM, "out of memory");
	while ((n = getline(&line, &cap, f)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (m.n == MOUNTS_MAX || !parse_line(line, &one)) {
			vantio_mounts_clear(&m);
			return vantio_fail(err, E2BIG, "/proc/self/mountinfo cannot be understood, or has more than %d mounts", MOUNTS_MAX);
		}
		put_mount(&m, &one);
	}
	qsort(m.items, m.n, sizeof(*m.items), by_path);
	*ret = m;
	return 0;
}

/* ---- where overlays go ---- */

struct choice {
	const struct vantio_mounts *m;
	bool whole;
	const char *const *only, *const *deep;
	struct vantio_places *ret;
	struct vantio_buf *notes;
	struct vantio_error *err;
};

void vantio_places_clear(struct vantio_places *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		free(p->items[i]);
	free(p->items);
	memset(p, 0, sizeof(*p));
}

static const char *mount_in(const struct vantio_mounts *m, const char *path)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (strcmp(m->items[i].path, path) && vantio_path_within(m->items[i].path, path))
			return m->items[i].path;
	return NULL;
}

static bool is_mount(const struct vantio_mounts *m, const char *path)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (!strcmp(m->items[i].path, path))
			return true;
	return false;
}

/* Whether one of the paths lies in the folder, or the other way round where `either`. */
static bool leads_to(const char *folder, const char *const *paths, bool either)
{
	for (; paths && *paths; paths++)
		if (vantio_path_within(*paths, folder) || (either && vantio_path_within(folder, *paths)))
			return true;
	return false;
}

static int add_place(struct choice *c, const char *path)
{
	char **grown = realloc(c->ret->items, (c->ret->n + 1) * sizeof(*grown));

	size_t i;

	if (!grown)
		return vantio_fail(c->err, ENOMEM, "out of memory");
	c->ret->items = grown;
	for (i = 0; i < c->ret->n; i++)
		if (!strcmp(grown[i], path))
			return 0;
	if (c->ret->n == PLACES_MAX)
		return vantio_fail(c->err, E2BIG, "more than %d folders would need an overlay: unmount some, or start in another mount namespace", PLACES_MAX);
	grown[c->ret->n] = strdup(path);
	if (!grown[c->ret->n])
		return vantio_fail(c->err, ENOMEM, "out of memory");
	c->ret->n++;
	return 0;
}

static int collect(struct choice *c, const char *path, unsigned int depth);

static int collect_children(struct choice *c, const char *path, int fd, unsigned int depth)
{
	struct vantio_names names = {};
	size_t i;
	int r = 0;

	if (vantio_names_read(fd, &names))
		return 0; /* what cannot be listed stays read-only */
	for (i = 0; !r && i < names.n; i++) {
		cleanup_free char *child = NULL;
		struct stat st;

		if (fstatat(fd, names.items[i], &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode))
			continue;
		if (asprintf(&child, "%s/%s", strcmp(path, "/") ? path : "", names.items[i]) < 0) {
			child = NULL;
			r = vantio_fail(c->err, ENOMEM, "out of memory");
		} else if (!is_mount(c->m, child)) {
			r = collect(c, child, depth + 1);
		}
	}
	vantio_names_clear(&names);
	return r;
}

/* In a user namespace everybody else's files look as if they belonged to nobody, who may be the user. */
#define NOBODY 65534

static bool is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() && st->st_gid == getegid() && geteuid() != NOBODY && getegid() != NOBODY;
}

static bool is_wanted(const struct choice *c, const char *path, const struct stat *st)
{
	return c->whole || (st->st_uid == geteuid() && geteuid() != NOBODY && st->st_mode & 0200) || !faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS);
}

/*
 * Overlayfs cannot copy what belongs to somebody else, such as a folder of root's on the way from /tmp to where the user works: what
 * lies behind it gets an overlay of its own, on top of the first.
 */
static int add_behind(struct choice *c, const char *place, const char *towards)
{
	cleanup_free char *path = strdup(towards);
	bool blocked = false;
	struct stat st;
	size_t at;
	int r = 0;

	if (!path)
		return vantio_fail(c->err, ENOMEM, "out of memory");
	for (at = strlen(place); !r && path[at]; at++) {
		size_t end = at + 1 + strcspn(path + at + 1, "/");
		char after = path[end];

		path[end] = '\0';
		if (lstat(path, &st) || !S_ISDIR(st.st_mode) || is_mount(c->m, path))
			break;
		if (blocked && is_wanted(c, path, &st)) {
			r = add_place(c, path);
			blocked = false;
		} else if (!is_ours(&st)) {
			blocked = true;
		}
		path[end] = after;
		at = end - 1;
		if (!after)
			break;
	}
	return r;
}

static int add_with_behind(struct choice *c, const char *path)
{
	const char *const *lists[] = { c->only, c->deep };
	size_t i;
	int r = add_place(c, path);

	for (i = 0; !c->whole && i < VANTIO_ARRAY_SIZE(lists); i++) {
		const char *const *towards;

		for (towards = lists[i]; !r && towards && *towards; towards++)
			if (strcmp(*towards, path) && vantio_path_within(*towards, path))
				r = add_behind(c, path, *towards);
	}
	return r;
}

static int collect(struct choice *c, const char *path, unsigned int depth)
{
	cleanup_close int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const char *inner = c->whole ? NULL : mount_in(c->m, path);
	struct stat st;
	bool wanted;

	if (fd < 0 || fstat(fd, &st) || (c->only && !leads_to(path, c->only, true)))
		return 0;
	wanted = is_wanted(c, path, &st);
	if (wanted && !inner)
		return add_with_behind(c, path);
	if (wanted) {
		cleanup_free char *shown = vantio_escape_dup(path, strlen(path)), *other = vantio_escape_dup(inner, strlen(inner));

		vantio_buf_printf(c->notes, "%s itself stays read-only, for %s is mounted in it; the folders in it do not\n", shown ? shown : "?", other ? other : "?");
	}
	if (depth < SEARCH_DEPTH || wanted || leads_to(path, c->deep, false) || (c->only && leads_to(path, c->only, false)))
		return collect_children(c, path, fd, depth);
	return 0;
}

int vantio_places_choose(const struct vantio_mounts *m, bool whole, const char *const *only, const char *const *deep, struct vantio_places *ret,
			 struct vantio_buf *notes, struct vantio_error *err)
{
	struct vantio_places p = {};
	struct choice c = { m, whole, only, deep, &p, notes, err };
	size_t i;
	int r = 0;

	for (i = 0; !r && i < m->n; i++) {
		const struct vantio_mount *one = &m->items[i];
		cleanup_close int fd = -1;

		if (one->pseudo || one->read_only || !one->folder)
			continue;
		fd = open(one->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (whole && !strcmp(one->path, "/"))
			vantio_buf_puts(notes, "/ itself stays read-only; the folders in it do not\n");
		r = strcmp(one->path, "/") ? collect(&c, one->path, 1) : collect_children(&c, "/", fd, 0);
	}
	if (r) {
		vantio_places_clear(&p);
		return r;
	}
	*ret = p;
	return 0;
}
