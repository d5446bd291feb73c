// SPDX-License-Identifier: Apache-2.0
/* The user tier's filter, run by an interpreter of classic BPF: which calls wait, which are refused, and which go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "sandbox/filter.h"

#define ASK     SECCOMP_RET_USER_NOTIF
#define GO      SECCOMP_RET_ALLOW
#define NO(e)   (SECCOMP_RET_ERRNO | (e))
#define STEPS_MAX 4096

struct program {
	struct sock_filter *code;
	size_t n;
};

static struct program compile(const struct vantio_plan *plan, bool observe)
{
	struct vantio_error err = {};
	struct program p = {};

	if (vantio_filter_make(plan, observe, &p.code, &p.n, &err))
		fail_msg("%s", err.text);
	return p;
}

static uint32_t run(const struct program *p, const struct seccomp_data *d)
{
	uint32_t a = 0;
	size_t pc = 0;
	int steps;

	for (steps = 0; steps < STEPS_MAX; steps++) {
		const struct sock_filter *i;
		bool jump;

		assert_true(pc < p->n);
		i = &p->code[pc++];
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(i->k + 4 <= sizeof(*d));
			memcpy(&a, (const char *)d + i->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			jump = a == i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			jump = a > i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			jump = a >= i->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			jump = a & i->k;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			fail_msg("instruction %zu: code %#x is not known here", pc - 1, i->code);
			return 0;
		}
		pc += jump ? i->jt : i->jf;
	}
	fail_msg("the program does not end");
	return 0;
}

static uint32_t of(const struct program *p, int nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
	const struct seccomp_data d = { .nr = nr, .arch = AUDIT_ARCH_X86_64, .args = { a0, a1, a2, a3, a4 } };

	return run(p, &d);
}

static const struct vantio_plan everything = { .opens = true, .changes = true, .execs = true, .network = true, .forks = true,
					       .surfaces = (1u << VANTIO_SURFACE_MAX) - 1, .floor.signals = true, .abi = 7 };
#define HIGH 0xabcd00000000ull /* rubbish in the half of a register that the kernel does not look at */

static void filter_of_all_asks_about_what_is_governed(void **state)
{
	static const struct {
		int nr;
		uint64_t a[5];
		uint32_t want;
	} rows[] = {
		{ SYS_read, { 0 }, GO },
		{ SYS_openat, { 0, 1, O_RDONLY }, ASK },
		{ SYS_openat, { 0, 1, O_PATH }, GO },
		{ SYS_openat, { 0, 1, HIGH | O_PATH }, GO },
		{ SYS_openat2, { 0 }, ASK },
		{ SYS_open_by_handle_at, { 0 }, ASK },
		{ SYS_ioctl, { 0, 0x40086602 }, ASK },
		{ SYS_ioctl, { 0, HIGH | 0x40086602 }, ASK },
		{ SYS_ioctl, { 0, TIOCSTI }, ASK },
		{ SYS_ioctl, { 0, TCGETS }, GO },
		{ SYS_ioctl, { 0, 0xaa00, 0 }, NO(EPERM) },
		{ SYS_mmap, { 0, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE }, ASK },
		{ SYS_mmap, { 0, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS }, GO },
		{ SYS_mmap, { 0, 1, PROT_READ, MAP_PRIVATE }, GO },
		{ SYS_mprotect, { 0, 1, PROT_READ | PROT_EXEC }, ASK },
		{ SYS_mprotect, { 0, 1, PROT_READ | PROT_WRITE }, GO },
		{ SYS_pkey_mprotect, { 0, 1, PROT_EXEC }, ASK },
		{ SYS_personality, { ADDR_NO_RANDOMIZE }, GO },
		{ SYS_personality, { READ_IMPLIES_EXEC }, ASK },
		{ SYS_uselib, { 0 }, NO(ENOSYS) },
		{ SYS_sendto, { 3, 1, 1, 0, 0 }, GO },
		{ SYS_sendto, { 3, 1, 1, 0, 1 }, ASK },
		{ SYS_sendto, { 3, 1, 1, 0, 0x100000000ull }, ASK },
		{ SYS_clone3, { 0 }, NO(ENOSYS) },
		{ SYS_clone, { CLONE_THREAD | CLONE_VM }, GO },
		{ SYS_clone, { HIGH | CLONE_NEWUSER }, ASK },
		{ SYS_unshare, { CLONE_NEWNS }, ASK },
		{ SYS_unshare, { CLONE_FILES }, GO },
		{ SYS_setns, { 0 }, ASK },
		{ SYS_ptrace, { 0 }, GO }, /* PTRACE_TRACEME */
		{ SYS_ptrace, { 16, 1 }, ASK },
		{ SYS_ptrace, { HIGH | 0x4206, 1 }, ASK },
		{ SYS_prlimit64, { 0, 1, 1 }, GO },
		{ SYS_prlimit64, { 5, 1, 0 }, GO },
		{ SYS_prlimit64, { 5, 1, 1 }, ASK },
		{ SYS_io_uring_setup, { 0 }, ASK },
		{ SYS_mount_setattr, { 0 }, ASK },
		{ 443, { 0 }, ASK }, /* quotactl_fd */
		{ SYS_userfaultfd, { 0 }, NO(EPERM) },
		{ SYS_userfaultfd, { 1 }, GO },
		{ 444, { 0 }, NO(EOPNOTSUPP) }, /* landlock_create_ruleset */
		{ 446, { 0 }, NO(EOPNOTSUPP) },
		{ 463, { 0 }, ASK }, /* setxattrat */
		{ 466, { 0 }, ASK }, /* removexattrat */
		{ 469, { 0 }, ASK }, /* file_setattr */
		{ SYS_fcntl, { 0, F_SETOWN, 1 }, ASK },
		{ SYS_fcntl, { 0, 1024 }, NO(EAGAIN) }, /* F_SETLEASE */
		{ SYS_fcntl, { 0, F_GETFL }, GO },
		{ SYS_prctl, { 4, 0 }, NO(0) }, /* PR_SET_DUMPABLE */
		{ SYS_prctl, { 4, 1 }, GO },
	};
	struct program p = compile(&everything, false);
	size_t i;

	(void)state;
	for (i = 0; i < VANTIO_ARRAY_SIZE(rows); i++) {
		const uint32_t got = of(&p, rows[i].nr, rows[i].a[0], rows[i].a[1], rows[i].a[2], rows[i].a[3], rows[i].a[4]);

		if (got != rows[i].want)
			fail_msg("row %zu: system call %d gives %#x, not %#x", i, rows[i].nr, got, rows[i].want);
	}
	free(p.code);
}

static void filter_of_other_abis_refuses_every_call(void **state)
{
	struct program p = compile(&everything, false), observe = compile(&everything, true);
	struct seccomp_data d = { .arch = AUDIT_ARCH_I386 };

	(void)state;
	for (d.nr = 0; d.nr < 470; d.nr++)
		assert_int_equal(run(&p, &d), NO(ENOSYS));
	d.arch = AUDIT_ARCH_X86_64;
	for (d.nr = 0x40000000; d.nr < 0x40000000 + 548; d.nr++)
		assert_int_equal(run(&p, &d), NO(ENOSYS));
	d.arch = AUDIT_ARCH_I386;
	assert_int_equal(run(&observe, &d), GO);
	free(p.code);
	free(observe.code);
}

static void filter_of_nothing_asks_about_surfaces_alone(void **state)
{
	static const struct vantio_plan nothing = { .abi = 7 };
	struct program p = compile(&nothing, false);

	(void)state;
	assert_int_equal(of(&p, SYS_openat, 0, 1, 0, 0, 0), GO);
	assert_int_equal(of(&p, SYS_execve, 0, 0, 0, 0, 0), GO);
	assert_int_equal(of(&p, SYS_connect, 0, 0, 0, 0, 0), GO);
	assert_int_equal(of(&p, SYS_kill, 1, 9, 0, 0, 0), GO);
	assert_int_equal(of(&p, SYS_mount, 0, 0, 0, 0, 0), ASK);
	assert_int_equal(of(&p, SYS_io_uring_setup, 0, 0, 0, 0, 0), ASK);
	free(p.code);
}

static void filter_before_scopes_of_landlock_refuses_owners_in_memory(void **state)
{
	struct vantio_plan plan = everything;
	struct program p;

	(void)state;
	plan.abi = 5;
	p = compile(&plan, false);
	assert_int_equal(of(&p, SYS_fcntl, 0, 15, 0, 0, 0), NO(EINVAL));
	assert_int_equal(of(&p, SYS_ioctl, 0, 0x8901, 0, 0, 0), NO(ENOTTY));
	free(p.code);
	p = compile(&everything, false);
	assert_int_equal(of(&p, SYS_fcntl, 0, 15, 0, 0, 0), GO);
	free(p.code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter_of_all_asks_about_what_is_governed),
		cmocka_unit_test(filter_of_other_abis_refuses_every_call),
		cmocka_unit_test(filter_of_nothing_asks_about_surfaces_alone),
		cmocka_unit_test(filter_before_scopes_of_landlock_refuses_owners_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
