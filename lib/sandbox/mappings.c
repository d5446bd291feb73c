// SPDX-License-Identifier: Apache-2.0
#include "sandbox/mappings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/mem.h"

/* The name behind the numbers. The kernel writes a newline as \012, and nothing else: such a name could be either, and is nobody's. */
static void parse_name(const char *name, struct vantio_spot *s)
{
	static const char deleted[] = " (deleted)";
	size_t n = strcspn(name, "\n");

	s->failed = n >= sizeof(s->path) || strstr(name, "\\012");
	if (n >= sizeof(s->path))
		n = sizeof(s->path) - 1;
	memcpy(s->path, name, n);
	s->path[n] = '\0';
	s->no_path = s->path[0] != '/' || !strncmp(s->path, "/memfd:", 7);
	if (n >= sizeof(deleted) && !strcmp(s->path + n - (sizeof(deleted) - 1), deleted)) {
		n -= sizeof(deleted) - 1;
		s->path[n] = '\0';
		s->unlinked = true;
	}
	s->len = n;
}

bool vantio_mapping_parse(const char *line, uint64_t *ret_from, uint64_t *ret_to, char ret_rights[5], struct vantio_spot *s)
{
	unsigned int major, minor;
	uint64_t ino;
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %x:%x %" SCNu64 " %n", ret_from, ret_to, ret_rights, &major, &minor, &ino, &at) != 6 || !at)
		return false;
	s->st.st_dev = makedev(major, minor);
	s->st.st_ino = (ino_t)ino;
	s->len = 0;
	s->no_path = s->unlinked = s->failed = false;
	if (ino)
		parse_name(line + at, s);
	return true;
}

int vantio_mappings_each(pid_t pid, uint64_t from, uint64_t to, bool executable, bool (*each)(void *ctx, const struct vantio_spot *s), void *ctx)
{
	cleanup_free char *line = NULL;
	cleanup_file FILE *f = NULL;
	struct vantio_spot s = VANTIO_SPOT_INIT;
	char path[64], rights[5];
	uint64_t begin, end;
	size_t size = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		if (!vantio_mapping_parse(line, &begin, &end, rights, &s))
			return -EIO;
		if (begin >= to)
			return 0;
		if (end > from && s.st.st_ino && (!executable || rights[2] == 'x') && !each(ctx, &s))
			return 1;
	}
	return ferror(f) ? -EIO : 0;
}
