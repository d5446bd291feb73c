// SPDX-License-Identifier: Apache-2.0
#include "engine/stats.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "engine/egress.h"
#include "engine/internal.h"

/* Hooks and programs differ in name here and there; what is not listed is the program's name without "vantio_". */
static const char *const renamed[][2] = {
	{ "bprm_check", "bprm_check_security" },
	{ "unix_connect", "unix_stream_connect" },
	{ "unix_send", "unix_may_send" },
	{ "fork", "sched_process_fork" },
	{ "cgroup_attach", "cgroup_attach_task" },
};

static void name_hook(const char *link, char out[40])
{
	const char *name = strstr(link, "vantio_");
	size_t i;

	name = name ? name + strlen("vantio_") : link;
	for (i = 0; i < VANTIO_ARRAY_SIZE(renamed); i++)
		if (!strcmp(name, renamed[i][0]))
			name = renamed[i][1];
	snprintf(out, 40, "%.39s", name);
}

struct programs {
	struct vantio_program_stats *items;
	uint32_t ids[VANTIO_PROGRAMS_MAX]; /* already seen: a program is attached to many cgroups */
	size_t n;
	uint64_t load_ns;
};

static int add_program(void *ctx, const char *link, uint32_t id, struct vantio_error *err)
{
	struct programs *p = ctx;
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	cleanup_close int fd = -1;
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->ids[i] == id)
			return 0;
	if (p->n == VANTIO_PROGRAMS_MAX)
		return 0;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return errno == ENOENT ? 0 : vantio_fail(err, errno, "cannot open program %u: %s", id, strerror(errno));
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return vantio_fail(err, errno, "cannot ask for the run time of program %u: %s", id, strerror(errno));
	p->ids[p->n] = id;
	name_hook(link, p->items[p->n].hook);
	p->items[p->n].runs = info.run_cnt;
	p->items[p->n].ns = info.run_time_ns;
	p->items[p->n++].missed = info.recursion_misses;
	if (!p->load_ns || info.load_time < p->load_ns)
		p->load_ns = info.load_time;
	return 0;
}

static int by_hook(const void *a, const void *b)
{
	return strcmp(((const struct vantio_program_stats *)a)->hook, ((const struct vantio_program_stats *)b)->hook);
}

/* The classifier hangs on interfaces, by no link: it is told of where there is one that bears it. */
static int add_classifier(struct programs *p, struct vantio_error *err)
{
	struct vantio_egress *list = NULL;
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	cleanup_close int fd = -1;
	size_t n = 0;
	int r = vantio_egress_list(&list, &n, err);

	free(list);
	if (r || !n)
		return r;
	fd = bpf_obj_get(VANTIO_EGRESS_PROG);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return vantio_fail(err, errno, "cannot ask for the run time of %s: %s", VANTIO_EGRESS_PROG, strerror(errno));
	return add_program(p, "vantio_tc_egress", info.id, err);
}

int vantio_stats_programs(struct vantio_program_stats *ret, size_t *ret_n, uint64_t *ret_load_ns, struct vantio_error *err)
{
	struct programs p = { .items = ret };
	int r = vantio_links_each(add_program, &p, err);

	if (!r)
		r = add_classifier(&p, err);
	if (r)
		return r;
	qsort(ret, p.n, sizeof(*ret), by_hook);
	*ret_n = p.n;
	*ret_load_ns = p.load_ns;
	return 0;
}

static uint32_t count_cgroups(const struct vantio_engine *e)
{
	uint64_t key, *last = NULL;
	uint32_t n = 0;

	while (n < VANTIO_CGROUPS && !bpf_map_get_next_key(e->cgroups, last, &key)) {
		last = &key;
		n++;
	}
	return n;
}

static int count_repeats(const struct vantio_engine *e, struct vantio_occupancy *ret, struct vantio_error *err)
{
	cleanup_free struct vantio_repeat *all = calloc(VANTIO_REPEATS, sizeof(*all));
	cleanup_free uint32_t *keys = calloc(VANTIO_REPEATS, sizeof(*keys));
	uint32_t n = VANTIO_REPEATS, batch = 0, i;

	if (!all || !keys)
		return vantio_fail(err, ENOMEM, "out of memory");
	if (bpf_map_lookup_batch(e->repeats, NULL, &batch, keys, all, &n, NULL) && errno != ENOENT)
		return vantio_fail(err, errno, "cannot read the counts of repeated refusals: %s", strerror(errno));
	for (i = 0; i < n; i++) {
		ret->repeats += all[i].since_ns != 0;
		ret->repeats_pending += all[i].pending;
	}
	return 0;
}

int vantio_stats_occupancy(const struct vantio_engine *e, struct vantio_occupancy *ret, struct vantio_error *err)
{
	cleanup_free struct vantio_slot *slots = calloc(VANTIO_SLOTS, sizeof(*slots));
	struct vantio_occupancy o = {};
	struct vantio_agent a;
	size_t n = 0;
	uint32_t i;
	int r;

	if (!slots)
		return vantio_fail(err, ENOMEM, "out of memory");
	r = vantio_engine_slots(e, slots, &n, err);
	for (i = 1; !r && i < VANTIO_AGENTS; i++) {
		r = vantio_agent_read(e, i, &a, err);
		o.agents += !r && a.state != VANTIO_AGENT_FREE;
	}
	if (!r)
		r = count_repeats(e, &o, err);
	if (r)
		return r;
	o.policies = (uint32_t)n;
	o.cgroups = count_cgroups(e);
	*ret = o;
	return 0;
}

bool vantio_stats_on(void)
{
	struct vantio_error ignored = {};
	char text[16];

	return !vantio_read_pseudo(AT_FDCWD, "/proc/sys/kernel/bpf_stats_enabled", text, sizeof(text), &ignored) && text[0] == '1';
}

int vantio_stats_enable(int *ret_fd, struct vantio_error *err)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (fd < 0)
		return vantio_fail(err, errno, "cannot turn on the kernel's statistics of BPF programs: %s", strerror(errno));
	*ret_fd = fd;
	return 0;
}
