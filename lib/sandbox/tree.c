// SPDX-License-Identifier: Apache-2.0
#include "sandbox/tree.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct process {
	pid_t pid, parent;
	bool below;
};

static pid_t parent_of(const char *pid)
{
	char path[64], text[1024] = "", *at;
	cleanup_file FILE *f = NULL;
	int ppid = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f))
		return 0;
	at = strrchr(text, ')');
	return at && sscanf(at + 1, " %*c %d", &ppid) == 1 ? ppid : 0;
}

static struct process *list(size_t *ret_n)
{
	cleanup_dir DIR *dir = opendir("/proc");
	struct process *items = NULL, *grown;
	size_t n = 0, cap = 0;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		if (n == cap) {
			cap = cap ? 2 * cap : 256;
			grown = realloc(items, cap * sizeof(*grown));
			if (!grown) {
				free(items);
				*ret_n = 0;
				return NULL;
			}
			items = grown;
		}
		items[n++] = (struct process){ .pid = atoi(entry->d_name), .parent = parent_of(entry->d_name) };
	}
	*ret_n = n;
	return items;
}

static bool is_below(const struct process *items, size_t n, pid_t root, pid_t parent)
{
	size_t i;

	if (parent == root)
		return true;
	for (i = 0; i < n; i++)
		if (items[i].pid == parent)
			return items[i].below;
	return false;
}

size_t vantio_tree_each(pid_t root, void (*each)(pid_t pid, void *arg), void *arg)
{
	size_t n, i, found = 0, before;
	cleanup_free struct process *items = list(&n);

	do {
		before = found;
		for (i = 0; i < n; i++)
			if (!items[i].below && is_below(items, n, root, items[i].parent)) {
				items[i].below = true;
				found++;
			}
	} while (found != before);
	for (i = 0; i < n; i++)
		if (items[i].below)
			each(items[i].pid, arg);
	return found;
}
