// SPDX-License-Identifier: Apache-2.0
/*
 * Unloading: the pins are removed, and with them the links. The kernel lets go of a link some time after its pin, so this waits until
 * the programs behind them are gone: when it returns nothing is enforced.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "engine/egress.h"
#include "engine/history.h"
#include "engine/internal.h"

#define LINKS_MAX (128 + 5 * VANTIO_AGENTS)
#define WAIT_MS   10000

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path) ? -errno : 0;
}

int vantio_pins_remove(void)
{
	return nftw(VANTIO_PINS, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int vantio_links_each(int (*take)(void *ctx, const char *link, uint32_t program, struct vantio_error *err), void *ctx, struct vantio_error *err)
{
	cleanup_dir DIR *dir = opendir(VANTIO_PINS "/links");
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return vantio_fail(err, errno, "cannot list %s/links: %s", VANTIO_PINS, strerror(errno));
	while (!r && (entry = readdir(dir))) {
		struct bpf_link_info info = {};
		uint32_t len = sizeof(info);
		char path[sizeof(VANTIO_PINS) + 300];
		cleanup_close int fd = -1;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/links/%s", VANTIO_PINS, entry->d_name);
		fd = bpf_obj_get(path);
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.prog_id)
			r = take(ctx, entry->d_name, info.prog_id, err);
	}
	return r;
}

struct ids {
	uint32_t *items; /* LINKS_MAX */
	size_t n;
};

static int add_id(void *ctx, const char *link, uint32_t program, struct vantio_error *err)
{
	struct ids *ids = ctx;

	(void)link;
	(void)err;
	if (ids->n < LINKS_MAX)
		ids->items[ids->n++] = program;
	return 0;
}

static bool program_is_gone(uint32_t id)
{
	cleanup_close int fd = bpf_prog_get_fd_by_id(id);

	return fd < 0 && errno == ENOENT;
}

/* The kernel says to nobody when it has freed a program: it is asked again every millisecond. */
static int wait_until_gone(const uint32_t *ids, size_t n, struct vantio_error *err)
{
	const struct timespec pause = { 0, 1000000 };
	unsigned int waited;
	size_t i = 0;

	for (waited = 0; waited < WAIT_MS; waited++) {
		while (i < n && program_is_gone(ids[i]))
			i++;
		if (i == n)
			return 0;
		nanosleep(&pause, NULL);
	}
	return vantio_fail(err, ETIMEDOUT, "the pins are removed, but somebody still holds a program of the engine: it stays in force until that "
			   "process ends ('bpftool prog show id %u' names it)", ids[i]);
}

int vantio_engine_unload(struct vantio_error *err)
{
	cleanup_free uint32_t *programs = NULL;
	cleanup_close int lock = -1;
	struct vantio_error ignored = {};
	struct ids ids = {};
	int r = vantio_engine_lock(&lock, err);

	if (r)
		return r;
	if (access(VANTIO_PINS, F_OK)) {
		if (errno == ENOENT)
			return vantio_fail(err, ENOENT, "no engine is loaded");
		return vantio_fail(err, errno, "cannot look at %s: %s", VANTIO_PINS, strerror(errno));
	}
	ids.items = programs = calloc(LINKS_MAX, sizeof(*programs));
	if (!programs)
		return vantio_fail(err, ENOMEM, "out of memory");
	vantio_links_each(add_id, &ids, &ignored); /* without any there is nothing to wait for */
	vantio_egress_clear();
	vantio_history_forget_all();
	r = vantio_pins_remove();
	if (r)
		return vantio_fail(err, r < 0 ? -r : EIO, "cannot remove the pins below %s: %s", VANTIO_PINS, strerror(r < 0 ? -r : EIO));
	return wait_until_gone(ids.items, ids.n, err);
}
