// SPDX-License-Identifier: Apache-2.0
/* The smallest program: it ends with ACT_RAN. Rows execute copies of it; it needs no library and no loader. */
#include <sys/syscall.h>

void _start(void);
void _start(void)
{
#if defined(__x86_64__)
	__asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(42));
#elif defined(__aarch64__)
	register long call __asm__("x8") = SYS_exit_group, status __asm__("x0") = 42;

	__asm__ volatile("svc 0" : : "r"(call), "r"(status));
#else
#error "say here how this machine ends a process"
#endif
	__builtin_unreachable();
}
