// SPDX-License-Identifier: Apache-2.0
#include "phantom/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void vantio_names_clear(struct vantio_names *names)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
	memset(names, 0, sizeof(*names));
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add(struct vantio_names *names, size_t *cap, const char *name)
{
	char **grown;

	if (names->n == *cap) {
		*cap = *cap ? 2 * *cap : 32;
		grown = realloc(names->items, *cap * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		names->items = grown;
	}
	names->items[names->n] = strdup(name);
	if (!names->items[names->n])
		return -ENOMEM;
	names->n++;
	return 0;
}

int vantio_names_read(int fd, struct vantio_names *ret)
{
	struct vantio_names names = {};
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry = NULL;
	size_t cap = 0;
	int r = 0, list = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (list < 0)
		return -errno;
	dir = fdopendir(list);
	if (!dir) {
		close(list);
		return -ENOMEM;
	}
	while (!r && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			r = add(&names, &cap, entry->d_name);
	if (!r && errno)
		r = -errno;
	if (r) {
		vantio_names_clear(&names);
		return r;
	}
	if (names.n)
		qsort(names.items, names.n, sizeof(*names.items), by_bytes);
	*ret = names;
	return 0;
}

bool vantio_names_has(const struct vantio_names *names, const char *name)
{
	return names->n && bsearch(&name, names->items, names->n, sizeof(*names->items), by_bytes);
}
