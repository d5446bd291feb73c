// SPDX-License-Identifier: Apache-2.0
#include "park.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"

#define PROGRAMS_MAX 128

static struct {
	int prog, link;
} programs[PROGRAMS_MAX];
static int n_programs, opening = -1; /* which of them is on file_open */
static int empty = -1, empty_link = -1;
static enum hooks now = HOOKS_ENGINE;

static int load_empty(void)
{
	const struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 }, { .code = BPF_JMP | BPF_EXIT } };
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_LSM_MAC,
		    .attach_btf_id = (__u32)libbpf_find_vmlinux_btf_id("file_open", BPF_LSM_MAC));

	return bpf_prog_load(BPF_PROG_TYPE_LSM, "empty", "GPL", insns, 2, &opts);
}

static unsigned long long runs(int prog)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	bpf_obj_get_info_by_fd(prog, &info, &len);
	return info.run_cnt;
}

/* The kernel lets go of a pinned link some time after its pin. */
static bool wait_until_off(void)
{
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME), i;
	unsigned long long before;

	for (i = 0; stats >= 0 && i < 10000; i++) {
		before = runs(programs[opening].prog);
		close(open("/dev/null", O_RDONLY));
		if (runs(programs[opening].prog) == before)
			break;
		usleep(1000);
	}
	close(stats);
	return i < 10000;
}

bool park_begin(void)
{
	DIR *dir = opendir(VANTIO_PINS "/links");
	struct dirent *e;

	empty = load_empty();
	while (dir && (e = readdir(dir)) && n_programs < PROGRAMS_MAX) {
		struct bpf_link_info info = {};
		struct bpf_prog_info prog = {};
		__u32 len = sizeof(info);
		char path[300];
		int fd;

		if (e->d_name[0] == '.' || !strncmp(e->d_name, "agent", 5))
			continue;
		snprintf(path, sizeof(path), VANTIO_PINS "/links/%s", e->d_name);
		fd = bpf_obj_get(path);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
			return false;
		close(fd);
		if (info.type != BPF_LINK_TYPE_TRACING)
			continue; /* the iterator: it runs when it is read */
		fd = bpf_prog_get_fd_by_id(info.prog_id);
		len = sizeof(prog);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &prog, &len) || unlink(path))
			return false;
		if (!strncmp(e->d_name, "vantio_file_open", 17))
			opening = n_programs;
		programs[n_programs].prog = fd;
		programs[n_programs++].link = -1;
	}
	if (dir)
		closedir(dir);
	now = HOOKS_NONE;
	return empty >= 0 && opening >= 0 && wait_until_off();
}

bool park_switch(enum hooks wanted)
{
	int i;

	if (wanted == now)
		return true;
	if (empty_link >= 0)
		close(empty_link);
	empty_link = -1;
	for (i = 0; now == HOOKS_ENGINE && i < n_programs; i++)
		close(programs[i].link);
	for (i = 0; wanted == HOOKS_ENGINE && i < n_programs; i++) {
		programs[i].link = bpf_raw_tracepoint_open(NULL, programs[i].prog);
		if (programs[i].link < 0)
			return false;
	}
	if (wanted == HOOKS_EMPTY) {
		empty_link = bpf_raw_tracepoint_open(NULL, empty);
		if (empty_link < 0)
			return false;
	}
	now = wanted;
	return wanted == HOOKS_ENGINE || wait_until_off();
}
