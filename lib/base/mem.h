/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership declared where a thing is born: the variable's attribute frees it when the scope ends. */
#ifndef VANTIO_BASE_MEM_H
#define VANTIO_BASE_MEM_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void vantio_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void vantio_free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void vantio_close_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void vantio_close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define cleanup_close __attribute__((cleanup(vantio_close_fd)))
#define cleanup_free  __attribute__((cleanup(vantio_free_ptr)))
#define cleanup_file  __attribute__((cleanup(vantio_close_file)))
#define cleanup_dir   __attribute__((cleanup(vantio_close_dir)))

/* Hands a pointer over and forgets it, so that the cleanup attribute does not free it. */
#define vantio_take(p)                          \
	({                                      \
		__typeof__(p) vantio_taken = (p); \
		(p) = NULL;                     \
		vantio_taken;                   \
	})

static inline int vantio_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define VANTIO_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
