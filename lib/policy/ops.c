// SPDX-License-Identifier: Apache-2.0
/* The names of operations and surfaces, and which automaton an operation asks. One table. */
#include <string.h>

#include "base/mem.h"
#include "policy/image.h"

#define FILE_WRITE VANTIO_DOMAIN_FILE, VANTIO_ACCESS_WRITE

/* Indexed by enum vantio_op; access 0: judged by no automaton. */
static const struct {
	const char *name;
	enum vantio_domain domain;
	uint32_t access;
} ops[] = {
	[VANTIO_OP_READ] = { "read", VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ },
	[VANTIO_OP_WRITE] = { "write", FILE_WRITE },
	[VANTIO_OP_CREATE] = { "create", FILE_WRITE },
	[VANTIO_OP_UNLINK] = { "unlink", FILE_WRITE },
	[VANTIO_OP_RENAME] = { "rename", FILE_WRITE },
	[VANTIO_OP_LINK] = { "link", FILE_WRITE },
	[VANTIO_OP_SYMLINK] = { "symlink", FILE_WRITE },
	[VANTIO_OP_MKDIR] = { "mkdir", FILE_WRITE },
	[VANTIO_OP_RMDIR] = { "rmdir", FILE_WRITE },
	[VANTIO_OP_MKNOD] = { "mknod", FILE_WRITE },
	[VANTIO_OP_TRUNCATE] = { "truncate", FILE_WRITE },
	[VANTIO_OP_CHMOD] = { "chmod", FILE_WRITE },
	[VANTIO_OP_CHOWN] = { "chown", FILE_WRITE },
	[VANTIO_OP_UTIMES] = { "utimes", FILE_WRITE },
	[VANTIO_OP_SETXATTR] = { "setxattr", FILE_WRITE },
	[VANTIO_OP_REMOVEXATTR] = { "removexattr", FILE_WRITE },
	[VANTIO_OP_SETFLAGS] = { "setflags", FILE_WRITE },
	[VANTIO_OP_EXEC] = { "exec", VANTIO_DOMAIN_EXEC, VANTIO_ACCESS_EXEC },
	[VANTIO_OP_MMAP_EXEC] = { "mmap_exec", VANTIO_DOMAIN_EXEC, VANTIO_ACCESS_EXEC },
	[VANTIO_OP_SOCKET] = { "socket", VANTIO_DOMAIN_NET, 0 },
	[VANTIO_OP_CONNECT] = { "connect", VANTIO_DOMAIN_NET, VANTIO_ACCESS_CONNECT },
	[VANTIO_OP_SENDTO] = { "sendto", VANTIO_DOMAIN_NET, VANTIO_ACCESS_CONNECT },
	[VANTIO_OP_BIND] = { "bind", VANTIO_DOMAIN_NET, VANTIO_ACCESS_LISTEN },
	[VANTIO_OP_LISTEN] = { "listen", VANTIO_DOMAIN_NET, VANTIO_ACCESS_LISTEN },
	[VANTIO_OP_MOUNT] = { "mount", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_PTRACE] = { "ptrace", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_SIGNAL] = { "signal", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_BPF] = { "bpf", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_MODULE] = { "module", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_USERNS] = { "userns", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_RAW_SOCKET] = { "raw_socket", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_IO_URING] = { "io_uring", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_PERF] = { "perf", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_KEYRING] = { "keyring", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_PUSH] = { "push", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_ENROLL] = { "enroll", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_UNENROLL] = { "unenroll", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_KILL_SOFT] = { "kill_soft", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_KILL_HARD] = { "kill_hard", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_KILL_RELEASE] = { "kill_release", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_LOAD] = { "load", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_UNLOAD] = { "unload", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_GAP] = { "gap", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_FORK] = { "fork", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_PHANTOM_COMMIT] = { "phantom_commit", VANTIO_DOMAIN_MAX, 0 },
	[VANTIO_OP_PHANTOM_COLLAPSE] = { "phantom_collapse", VANTIO_DOMAIN_MAX, 0 },
};
_Static_assert(VANTIO_ARRAY_SIZE(ops) == VANTIO_OP_MAX, "an operation has no name");

const char *vantio_op_name(enum vantio_op op)
{
	return (unsigned int)op < VANTIO_OP_MAX ? ops[op].name : NULL;
}

enum vantio_op vantio_op_from_name(const char *name)
{
	unsigned int i;

	for (i = VANTIO_OP_NONE + 1; i < VANTIO_OP_MAX; i++)
		if (ops[i].name && !strcmp(ops[i].name, name))
			return (enum vantio_op)i;
	return VANTIO_OP_NONE;
}

bool vantio_op_access(enum vantio_op op, enum vantio_domain *ret_domain, uint32_t *ret_access)
{
	if ((unsigned int)op >= VANTIO_OP_MAX || !ops[op].access)
		return false;
	*ret_domain = ops[op].domain;
	*ret_access = ops[op].access;
	return true;
}

const char *vantio_surface_name(enum vantio_surface surface)
{
	static const char *const names[] = {
		[VANTIO_SURFACE_MOUNT] = "mount", [VANTIO_SURFACE_PTRACE] = "ptrace", [VANTIO_SURFACE_SIGNAL] = "signal",
		[VANTIO_SURFACE_BPF] = "bpf", [VANTIO_SURFACE_MODULE] = "module", [VANTIO_SURFACE_USERNS] = "userns",
		[VANTIO_SURFACE_RAW_SOCKET] = "raw_socket", [VANTIO_SURFACE_IO_URING] = "io_uring",
		[VANTIO_SURFACE_PERF] = "perf", [VANTIO_SURFACE_KEYRING] = "keyring",
	};
	_Static_assert(VANTIO_ARRAY_SIZE(names) == VANTIO_SURFACE_MAX, "a surface has no name");

	return (unsigned int)surface < VANTIO_SURFACE_MAX ? names[surface] : NULL;
}
