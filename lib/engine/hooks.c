// SPDX-License-Identifier: Apache-2.0
#include "engine/hooks.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "policy/image.h"

/* `programs`: the pinned links of the hook's programs, of which one is attached where the kernel has the hook. */
static const struct {
	struct vantio_hook_lack lack;
	const char *programs[2];
} table[] = {
	{ { "file_truncate", "path_truncate", 0 }, { NULL } },
	{ { "inode_set_acl", "inode_setxattr", 0 }, { NULL } },
	{ { "inode_remove_acl", "inode_removexattr", 0 }, { NULL } },
	{ { "file_ioctl_compat", "file_ioctl", 0 }, { NULL } },
	{ { "userns_create", NULL, VANTIO_SURFACE_USERNS }, { "vantio_userns_create" } },
	{ { "inode_init_security_anon", NULL, VANTIO_SURFACE_IO_URING }, { "vantio_inode_init_anon" } },
	{ { "perf_event_open", NULL, VANTIO_SURFACE_PERF }, { "vantio_perf_event_open", "vantio_perf_event_open_type" } },
	{ { "key_permission", NULL, VANTIO_SURFACE_KEYRING }, { "vantio_key_permission" } },
	{ { "key_alloc", NULL, VANTIO_SURFACE_KEYRING }, { "vantio_key_alloc" } },
};

const struct vantio_hook_lack *vantio_hook_lack(const char *hook)
{
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(table); i++)
		if (!strcmp(table[i].lack.hook, hook))
			return &table[i].lack;
	return NULL;
}

int vantio_hook_parameters(const struct btf *btf, const char *hook)
{
	const struct btf_type *function;
	char symbol[96];
	int id;

	snprintf(symbol, sizeof(symbol), "bpf_lsm_%s", hook);
	id = btf__find_by_name_kind(btf, symbol, BTF_KIND_FUNC);
	function = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
	return function ? btf_vlen(btf__type_by_id(btf, function->type)) : -1;
}

static bool is_attached(const char *pins, const char *program)
{
	char path[256];

	return program && snprintf(path, sizeof(path), "%s/links/%s", pins, program) < (int)sizeof(path) && !access(path, F_OK);
}

uint32_t vantio_hooks_lost(const char *pins)
{
	uint32_t lost = 0;

	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(table); i++)
		if (!table[i].lack.replacement && !is_attached(pins, table[i].programs[0]) && !is_attached(pins, table[i].programs[1]))
			lost |= 1u << table[i].lack.surface;
	return lost;
}

void vantio_hooks_spell(uint32_t bits, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (int s = 0; s < VANTIO_SURFACE_MAX; s++)
		if (bits >> s & 1 && n < size)
			n += (size_t)snprintf(out + n, size - n, "%skernel.%s", n ? ", " : "", vantio_surface_name(s));
}

const char *vantio_hooks_first(uint32_t bits)
{
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(table); i++)
		if (!table[i].lack.replacement && bits >> table[i].lack.surface & 1)
			return table[i].lack.hook;
	return "";
}
