// SPDX-License-Identifier: Apache-2.0
/* Extended attributes by O_PATH descriptor (through /proc/self/fd, which leads to the object itself, links too), and overlayfs's own among them. */
#include "phantom/xattr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/mem.h"
#include "phantom/object.h"

#define LIST_MAX  65536
#define VALUE_MAX 65536
#define FB_HEADER 21u /* of struct ovl_fb: version, magic, length, flags, type, uuid */
#define FB_MAGIC  0xfb

static const char *prefix_of(bool userxattr)
{
	return userxattr ? "user.overlay." : "trusted.overlay.";
}

static void link_of(int fd, char out[32])
{
	snprintf(out, 32, "/proc/self/fd/%d", fd);
}

int vantio_overlay_note(int fd, bool userxattr, const char *name, void *out, size_t max)
{
	char link[32], full[64];
	ssize_t n;

	link_of(fd, link);
	snprintf(full, sizeof(full), "%s%s", prefix_of(userxattr), name);
	n = getxattr(link, full, out, max);
	return n < 0 ? -errno : (int)n;
}

int vantio_same_origin(int upper, bool userxattr, int host)
{
	uint8_t note[256];
	struct {
		struct file_handle h;
		unsigned char room[MAX_HANDLE_SZ];
	} handle = { .h.handle_bytes = MAX_HANDLE_SZ };
	int n = vantio_overlay_note(upper, userxattr, "origin", note, sizeof(note)), mount;

	if (n < (int)FB_HEADER || note[1] != FB_MAGIC || note[2] != n)
		return -ENODATA; /* no note, or the empty one of a file system without file handles */
	if (name_to_handle_at(host, "", &handle.h, &mount, AT_EMPTY_PATH))
		return -ENODATA;
	return handle.h.handle_type == note[4] && handle.h.handle_bytes == (unsigned int)n - FB_HEADER &&
	       !memcmp(handle.h.f_handle, note + FB_HEADER, handle.h.handle_bytes);
}

/* ---- sets of them ---- */

void vantio_xattrs_clear(struct vantio_xattrs *x)
{
	size_t i;

	for (i = 0; i < x->n; i++) {
		free(x->items[i].name);
		free(x->items[i].value);
	}
	free(x->items);
	memset(x, 0, sizeof(*x));
}

/* What overlayfs calls an attribute that the command had called by one of its names; NULL where it is overlayfs's own. */
static char *plain_name(const char *name, const char *prefix)
{
	size_t n = prefix ? strlen(prefix) : 0;
	char *plain = NULL;

	if (!n || strncmp(name, prefix, n))
		return strdup(name);
	if (strncmp(name + n, "overlay.", 8))
		return NULL;
	return asprintf(&plain, "%s%s", prefix, name + n + 8) < 0 ? NULL : plain;
}

static int add(struct vantio_xattrs *x, const char *link, const char *name, const char *prefix)
{
	struct vantio_xattr *grown;
	cleanup_free char *value = malloc(VALUE_MAX);
	cleanup_free char *plain = plain_name(name, prefix);
	ssize_t n;

	if (!value)
		return -ENOMEM;
	if (!plain || !strcmp(name, "security.selinux")) /* which a folder gives to what is made in it */
		return 0;
	n = getxattr(link, name, value, VALUE_MAX);
	if (n < 0)
		return errno == ENODATA ? 0 : -errno;
	grown = realloc(x->items, (x->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	x->items = grown;
	grown[x->n++] = (struct vantio_xattr){ vantio_take(plain), vantio_take(value), (size_t)n };
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct vantio_xattr *)a)->name, ((const struct vantio_xattr *)b)->name);
}

int vantio_xattrs_read(int fd, bool upper, bool userxattr, struct vantio_xattrs *ret)
{
	cleanup_free char *list = malloc(LIST_MAX);
	struct vantio_xattrs x = {};
	char link[32], *at;
	ssize_t n;
	int r = 0;

	if (!list)
		return -ENOMEM;
	link_of(fd, link);
	n = listxattr(link, list, LIST_MAX);
	if (n < 0 && errno != EOPNOTSUPP)
		return -errno;
	for (at = list; !r && n > 0 && at < list + n; at += strlen(at) + 1)
		r = add(&x, link, at, upper ? prefix_of(userxattr) : NULL);
	if (r) {
		vantio_xattrs_clear(&x);
		return r;
	}
	if (x.n)
		qsort(x.items, x.n, sizeof(*x.items), by_name);
	*ret = x;
	return 0;
}

static bool same(const struct vantio_xattr *a, const struct vantio_xattr *b)
{
	return !strcmp(a->name, b->name) && a->len == b->len && !memcmp(a->value, b->value, a->len);
}

int vantio_same_xattrs(int upper, bool userxattr, int host)
{
	cleanup_xattrs struct vantio_xattrs a = {}, b = {};
	int r = vantio_xattrs_read(upper, true, userxattr, &a);
	size_t i;

	if (!r)
		r = vantio_xattrs_read(host, false, false, &b);
	if (r)
		return r;
	for (i = 0; i < a.n && i < b.n; i++)
		if (!same(&a.items[i], &b.items[i]))
			return 0;
	return a.n == b.n;
}

int vantio_copy_xattrs(int upper, bool userxattr, int host, bool *ret_lost)
{
	cleanup_xattrs struct vantio_xattrs a = {}, b = {};
	char link[32];
	size_t i = 0, k = 0;
	int r = vantio_xattrs_read(upper, true, userxattr, &a);

	if (!r)
		r = vantio_xattrs_read(host, false, false, &b);
	if (r)
		return r;
	link_of(host, link);
	while (i < a.n || k < b.n) { /* both are sorted */
		int order = i == a.n ? 1 : k == b.n ? -1 : strcmp(a.items[i].name, b.items[k].name);

		if (order > 0 && removexattr(link, b.items[k].name))
			*ret_lost = true;
		if ((order < 0 || (!order && !same(&a.items[i], &b.items[k]))) && setxattr(link, a.items[i].name, a.items[i].value, a.items[i].len, 0))
			*ret_lost = true;
		i += order <= 0;
		k += order >= 0;
	}
	return 0;
}
