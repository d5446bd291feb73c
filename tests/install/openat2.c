// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded under a valgrind that does not know openat2 (Debian 12's 3.19): the same open without the limits on where the path
 * may lead. Those limits are tried by the ledger's own tests; here only memory is looked at.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/syscall.h>

long syscall(long nr, ...)
{
	long (*next)(long nr, ...) = (long (*)(long, ...))(intptr_t)dlsym(RTLD_NEXT, "syscall");
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_openat2) {
		const struct open_how *how = (const struct open_how *)a[2];

		return openat((int)a[0], (const char *)a[1], (int)how->flags, (mode_t)how->mode);
	}
	return next(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}
