// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/probe.h"

/*
 * A hook that one system call reaches and that hardly anyone else uses: getsid(2) of a named process. The program writes 1
 * to its map and permits.
 */
#define HOOK "task_getsid"

static int refused(struct vantio_error *err, const char *what, int code)
{
	const char *reason = code == 524 ? "not supported (ENOTSUPP)" : strerror(code); /* the kernel's own number */

	return vantio_fail(err, code == 524 ? EOPNOTSUPP : code, "the kernel refuses to %s a BPF LSM program: %s", what, reason);
}

static int load(int map, int btf_id, struct vantio_error *err)
{
	const struct bpf_insn insns[] = {
		/* r1 = address of the map's value */
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map },
		{ 0 },
		/* *(u64 *)r1 = 1 */
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_1, .imm = 1 },
		/* return 0 */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_LSM_MAC, .attach_btf_id = (__u32)btf_id);
	int fd = bpf_prog_load(BPF_PROG_TYPE_LSM, "vantio_probe", "GPL", insns, VANTIO_ARRAY_SIZE(insns), &opts);

	return fd < 0 ? refused(err, "load", -fd) : fd;
}

static int try_program(struct vantio_error *err)
{
	cleanup_close int map = -1, prog = -1, link = -1;
	int btf_id = libbpf_find_vmlinux_btf_id(HOOK, BPF_LSM_MAC);
	unsigned long long called = 0;
	__u32 key = 0;

	if (btf_id < 0)
		return vantio_fail(err, ENOENT, "the kernel's BTF has no BPF LSM hooks");
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "vantio_probe", sizeof(key), sizeof(called), 1, NULL);
	if (map < 0)
		return vantio_fail(err, -map, "the kernel refuses to make a BPF map: %s", strerror(-map));
	prog = load(map, btf_id, err);
	if (prog < 0)
		return prog;
	link = bpf_raw_tracepoint_open(NULL, prog);
	if (link < 0)
		return refused(err, "attach", -link);
	getsid(getpid());
	if (bpf_map_lookup_elem(map, &key, &called) < 0 || !called)
		return vantio_fail(err, ENOLINK, "a BPF LSM program attaches, but the kernel never calls it: bpf is not in lsm=");
	return 0;
}

int vantio_probe_lsm_program(struct vantio_error *err)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL); /* it writes to stderr, which is not lib's */
	int r = try_program(err);

	libbpf_set_print(print);
	return r;
}
