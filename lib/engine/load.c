// SPDX-License-Identifier: Apache-2.0
/*
 * Loading: probe, load, attach, prove that the kernel calls the hooks, pin. All or nothing: until the last step every program
 * and link is held by this process alone, and goes with it.
 */
#include "engine/engine.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "engine/history.h"
#include "engine/hooks.h"
#include "engine/internal.h"
#include "engine/probe.h"
#include "scratch.h"
#include "vantio.skel.h"

#define BPF_FS_MAGIC_NUMBER 0xcafe4a11

/* ---- what this kernel has ---- */

static int report_missing(struct vantio_load_report *report, const char *hook, struct vantio_error *err)
{
	size_t i;

	if (!vantio_hook_lack(hook))
		return vantio_fail(err, EOPNOTSUPP, "this kernel has no LSM hook '%s', and without it the engine would leave a way round: use "
				   "Linux 6.1 or later", hook);
	for (i = 0; i < report->n_missing; i++)
		if (!strcmp(report->missing[i], hook))
			return 0;
	if (report->n_missing < VANTIO_HOOKS_LISTED)
		snprintf(report->missing[report->n_missing++], sizeof(report->missing[0]), "%.39s", hook);
	return 0;
}

/* Leaves out programs whose hook this kernel does not have, and picks the shape of a hook that it has, by the number of its parameters. */
static int choose_programs(struct vantio_bpf *skel, const struct btf *btf, struct vantio_load_report *report, struct vantio_error *err)
{
	const struct {
		const struct bpf_program *prog;
		int parameters;
	} shapes[] = {
		{ skel->progs.vantio_inode_setattr, 2 },
		{ skel->progs.vantio_inode_setattr_idmap, 3 },
		{ skel->progs.vantio_perf_event_open, 2 },
		{ skel->progs.vantio_perf_event_open_type, 1 },
	};
	struct bpf_program *prog;
	size_t k;

	bpf_object__for_each_program(prog, skel->obj) {
		const char *section = bpf_program__section_name(prog), *hook;
		int parameters;
		size_t i;

		if (strncmp(section, "lsm/", 4))
			continue;
		hook = section + 4;
		parameters = vantio_hook_parameters(btf, hook);
		if (parameters < 0) {
			if (report_missing(report, hook, err))
				return -EOPNOTSUPP;
			bpf_program__set_autoload(prog, false);
		}
		for (i = 0; parameters >= 0 && i < VANTIO_ARRAY_SIZE(shapes); i++)
			if (prog == shapes[i].prog)
				bpf_program__set_autoload(prog, parameters == shapes[i].parameters);
	}
	for (k = 0; k < VANTIO_ARRAY_SIZE(shapes); k += 2) {
		const char *hook = bpf_program__section_name(shapes[k].prog) + 4;

		if (vantio_hook_parameters(btf, hook) >= 0 && !bpf_program__autoload(shapes[k].prog) && !bpf_program__autoload(shapes[k + 1].prog))
			return vantio_fail(err, EOPNOTSUPP, "the LSM hook %s of this kernel has a shape that the engine does not know", hook);
	}
	return 0;
}

static int check_bpffs(struct vantio_error *err)
{
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) || (uint32_t)fs.f_type != BPF_FS_MAGIC_NUMBER)
		return vantio_fail(err, EOPNOTSUPP, "no bpf file system at /sys/fs/bpf: run 'mount -t bpf bpf /sys/fs/bpf'");
	return 0;
}

/* ---- loading ---- */

#define LOG_BYTES 800

/* libbpf's last words, which end with the verifier's: libbpf gives its printer no context, so the thread that loads keeps them. */
static __thread char libbpf_log[LOG_BYTES];

__attribute__((format(printf, 2, 0)))
static int keep_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	cleanup_free char *text = NULL;
	char *end;
	size_t len;

	if (level != LIBBPF_WARN || vasprintf(&text, fmt, ap) < 0)
		return 0;
	end = strstr(text, "\nprocessed "); /* the verifier's statistics, after what it objects to */
	if (end)
		*end = '\0';
	len = strlen(text);
	if (!libbpf_log[0] || end)
		snprintf(libbpf_log, LOG_BYTES, "%s", len >= LOG_BYTES ? text + len - LOG_BYTES + 1 : text);
	return 0;
}

static const char *log_tail(void)
{
	size_t len = strlen(libbpf_log);

	while (len && libbpf_log[len - 1] == '\n')
		libbpf_log[--len] = '\0';
	return libbpf_log;
}

static int refused(struct vantio_error *err)
{
	if (geteuid())
		return vantio_fail(err, EPERM, "not permitted to load the engine's programs: run as root");
	return vantio_fail(err, EPERM, "the kernel refuses LSM programs of root too: either CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN or CAP_SYS_ADMIN was "
			   "taken away, or this host or container forbids them: use a virtual machine, or a host that does not; see 'vantioctl doctor'");
}

int vantio_engine_missing_hooks(struct vantio_load_report *report, struct vantio_error *err)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct vantio_bpf *skel = btf ? vantio_bpf__open() : NULL;
	int r;

	memset(report, 0, sizeof(*report));
	if (!btf)
		return vantio_fail(err, EOPNOTSUPP, "this kernel has no BTF");
	r = skel ? choose_programs(skel, btf, report, err) : vantio_fail(err, errno, "cannot open the engine's programs: %s", strerror(errno));
	vantio_bpf__destroy(skel);
	btf__free(btf);
	return r;
}

static int load_skeleton(struct vantio_bpf **ret, struct vantio_load_report *report, struct vantio_error *err)
{
	struct vantio_bpf *skel;
	struct btf *btf;
	int cpus = libbpf_num_possible_cpus(), r;

	btf = btf__load_vmlinux_btf();
	if (!btf)
		return vantio_fail(err, EOPNOTSUPP, "this kernel has no BTF (/sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF");
	skel = vantio_bpf__open();
	if (!skel) {
		btf__free(btf);
		return vantio_fail(err, errno, "cannot open the engine's programs: %s", strerror(errno));
	}
	r = choose_programs(skel, btf, report, err);
	btf__free(btf);
	if (r) {
		vantio_bpf__destroy(skel);
		return r;
	}
	bpf_map__set_max_entries(skel->maps.vantio_scratches, (uint32_t)(cpus > 0 ? cpus : 1) * VANTIO_SCRATCH_DEPTH);
	bpf_map__set_max_entries(skel->maps.vantio_accounted, (uint32_t)(cpus > 0 ? cpus : 1));
	r = vantio_bpf__load(skel);
	if (r) {
		vantio_bpf__destroy(skel);
		if (r == -EPERM)
			return refused(err);
		return vantio_fail(err, EOPNOTSUPP, "the kernel refuses the engine's programs: %s: %s", strerror(-r), log_tail());
	}
	*ret = skel;
	return 0;
}

static bool wants_attach(const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog);

	return bpf_program__autoload(prog) &&
	       (!strncmp(section, "lsm/", 4) || !strncmp(section, "tp_btf/", 7) || !strncmp(section, "iter/", 5));
}

/* ---- attaching ---- */

#define MAX_LINKS 80

struct links {
	struct {
		struct bpf_link *link;
		const char *name;
	} items[MAX_LINKS];
	size_t n;
};

static void links_destroy(struct links *l)
{
	while (l->n)
		bpf_link__destroy(l->items[--l->n].link);
}

static int attach_all(struct vantio_bpf *skel, struct links *l, struct vantio_load_report *report, struct vantio_error *err)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj) {
		struct bpf_link *link;

		if (!wants_attach(prog))
			continue;
		if (l->n == MAX_LINKS)
			return vantio_fail(err, E2BIG, "more programs than links are kept for");
		link = bpf_program__attach(prog);
		if (!link)
			return vantio_fail(err, errno == EPERM ? EPERM : EOPNOTSUPP, "cannot attach %s: %s: %s", bpf_program__name(prog),
					   strerror(errno), log_tail());
		l->items[l->n].link = link;
		l->items[l->n++].name = bpf_program__name(prog);
		if (report->n_attached < VANTIO_HOOKS_LISTED)
			snprintf(report->attached[report->n_attached++], sizeof(report->attached[0]), "%.39s", bpf_program__name(prog));
	}
	return 0;
}

/* An LSM program can be attached to a kernel that never calls it (no `bpf` in lsm=): count a call of our own. */
static int prove_called(struct vantio_bpf *skel, struct vantio_error *err)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	cleanup_close int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	cleanup_close int null = -1;

	if (stats < 0)
		return vantio_fail(err, errno, "cannot turn on the kernel's statistics of BPF programs: %s", strerror(errno));
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0)
		return vantio_fail(err, errno, "cannot open /dev/null: %s", strerror(errno));
	if (bpf_obj_get_info_by_fd(bpf_program__fd(skel->progs.vantio_file_open), &info, &len))
		return vantio_fail(err, errno, "cannot ask for a program's run count: %s", strerror(errno));
	if (!info.run_cnt)
		return vantio_fail(err, EOPNOTSUPP, "the kernel does not call BPF LSM programs: add 'bpf' to its list of security modules "
				   "(boot with lsm=...,bpf; see /sys/kernel/security/lsm)");
	return 0;
}

/* ---- pinning ---- */

static int pin_path(char out[256], const char *folder, const char *name, struct vantio_error *err)
{
	if (snprintf(out, 256, "%s/%s/%s", VANTIO_PINS, folder, name) >= 256)
		return vantio_fail(err, ENAMETOOLONG, "pin name too long: %s", name);
	return 0;
}

static bool is_internal_map(const struct bpf_map *map)
{
	return strchr(bpf_map__name(map), '.') != NULL; /* .rodata and the like go with the programs */
}

static int pin_all(struct vantio_bpf *skel, const struct links *l, struct vantio_error *err)
{
	static const char *const folders[] = { "", "/maps", "/links", "/progs" };
	struct bpf_program *prog;
	struct bpf_map *map;
	char path[256];
	size_t i;
	int r;

	for (i = 0; i < VANTIO_ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s%s", VANTIO_PINS, folders[i]);
		if (mkdir(path, 0700) && errno != EEXIST)
			return vantio_fail(err, errno, "cannot make %s: %s", path, strerror(errno));
	}
	bpf_object__for_each_map(map, skel->obj) {
		if (is_internal_map(map))
			continue;
		r = pin_path(path, "maps", bpf_map__name(map), err);
		if (r)
			return r;
		r = bpf_map__pin(map, path);
		if (r)
			return vantio_fail(err, -r, "cannot pin %s: %s", path, strerror(-r));
	}
	bpf_object__for_each_program(prog, skel->obj) {
		if (wants_attach(prog) || !bpf_program__autoload(prog))
			continue; /* held by its link, or not loaded */
		r = pin_path(path, "progs", bpf_program__name(prog), err);
		if (r)
			return r;
		r = bpf_program__pin(prog, path);
		if (r)
			return vantio_fail(err, -r, "cannot pin %s: %s", path, strerror(-r));
	}
	for (i = 0; i < l->n; i++) {
		r = pin_path(path, "links", l->items[i].name, err);
		if (r)
			return r;
		r = bpf_link__pin(l->items[i].link, path);
		if (r)
			return vantio_fail(err, -r, "cannot pin %s: %s", path, strerror(-r));
	}
	return 0;
}

int vantio_engine_load(struct vantio_load_report *report, struct vantio_error *err)
{
	struct vantio_bpf *skel = NULL;
	struct links links = { .n = 0 };
	cleanup_close int lock = -1;
	struct vantio_error probe = {};
	libbpf_print_fn_t before;
	int r;

	memset(report, 0, sizeof(*report));
	r = check_bpffs(err);
	if (r && vantio_probe_lsm_program(&probe) == -EPERM)
		return refused(err); /* a mount would not help */
	if (r)
		return r;
	r = vantio_engine_lock(&lock, err);
	if (r)
		return r;
	if (!access(VANTIO_PINS "/maps/vantio_control", F_OK))
		return vantio_fail(err, EEXIST, "an engine is loaded already; 'vantioctl status' shows it, 'vantioctl unload' removes it");
	libbpf_log[0] = '\0';
	before = libbpf_set_print(keep_log);
	r = load_skeleton(&skel, report, err);
	if (!r)
		r = attach_all(skel, &links, report, err);
	if (!r)
		r = prove_called(skel, err);
	if (!r) {
		vantio_pins_remove(); /* what an interrupted load may have left */
		r = pin_all(skel, &links, err);
		if (r)
			vantio_pins_remove();
	}
	libbpf_set_print(before);
	links_destroy(&links); /* pinned links live on; others go */
	if (skel)
		vantio_bpf__destroy(skel);
	return r;
}
