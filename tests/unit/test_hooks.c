// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "engine/hooks.h"

static void lack_of_a_hook_is_replaced_or_costs_a_surface(void **state)
{
	(void)state;
	assert_string_equal(vantio_hook_lack("file_truncate")->replacement, "path_truncate");
	assert_null(vantio_hook_lack("userns_create")->replacement);
	assert_int_equal(vantio_hook_lack("userns_create")->surface, VANTIO_SURFACE_USERNS);
	assert_null(vantio_hook_lack("file_open")); /* the engine cannot run without it */
	assert_null(vantio_hook_lack("sb_mount"));
	assert_null(vantio_hook_lack(""));
}

static void hook_parameters_are_those_of_the_kernels_types(void **state)
{
	struct btf *btf = btf__new_empty();
	int integer, proto;

	(void)state;
	assert_non_null(btf);
	integer = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	proto = btf__add_func_proto(btf, integer);
	assert_int_equal(btf__add_func_param(btf, "a", integer) | btf__add_func_param(btf, "b", integer), 0);
	assert_true(btf__add_func(btf, "bpf_lsm_userns_create", BTF_FUNC_GLOBAL, proto) > 0);
	assert_int_equal(vantio_hook_parameters(btf, "userns_create"), 2);
	assert_int_equal(vantio_hook_parameters(btf, "perf_event_open"), -1);
	assert_int_equal(vantio_hook_parameters(btf, "userns"), -1);
	btf__free(btf);
}

static void lost_surfaces_are_spelt_with_commas(void **state)
{
	char text[256], small[8];

	(void)state;
	vantio_hooks_spell(1u << VANTIO_SURFACE_USERNS | 1u << VANTIO_SURFACE_PERF, text, sizeof(text));
	assert_string_equal(text, "kernel.userns, kernel.perf");
	vantio_hooks_spell(0, text, sizeof(text));
	assert_string_equal(text, "");
	vantio_hooks_spell(~0u, small, sizeof(small));
	assert_string_equal(small, "kernel.");
	assert_string_equal(vantio_hooks_first(1u << VANTIO_SURFACE_PERF), "perf_event_open");
	assert_string_equal(vantio_hooks_first(0), "");
}

static void touch(const char *folder, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/links/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void take(const char *folder, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/links/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

static void lost_surfaces_are_those_without_a_pinned_link(void **state)
{
	static const char *const all[] = { "vantio_userns_create", "vantio_inode_init_anon", "vantio_perf_event_open_type", "vantio_key_permission",
					   "vantio_key_alloc" };
	char folder[] = "/tmp/vantio-hooks-XXXXXX", links[64];
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(links, sizeof(links), "%s/links", folder);
	assert_int_equal(mkdir(links, 0700), 0);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		touch(folder, all[i]);
	assert_int_equal(vantio_hooks_lost(folder), 0); /* one shape of a hook is enough */
	take(folder, "vantio_key_alloc");
	assert_int_equal(vantio_hooks_lost(folder), 1u << VANTIO_SURFACE_KEYRING); /* both are needed */
	take(folder, "vantio_userns_create");
	assert_int_equal(vantio_hooks_lost(folder), 1u << VANTIO_SURFACE_KEYRING | 1u << VANTIO_SURFACE_USERNS);
	take(folder, "vantio_inode_init_anon");
	take(folder, "vantio_perf_event_open_type");
	take(folder, "vantio_key_permission");
	assert_int_equal(rmdir(links) | rmdir(folder), 0);
	assert_int_equal(vantio_hooks_lost(folder), 1u << VANTIO_SURFACE_KEYRING | 1u << VANTIO_SURFACE_USERNS | 1u << VANTIO_SURFACE_PERF |
						    1u << VANTIO_SURFACE_IO_URING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lack_of_a_hook_is_replaced_or_costs_a_surface),
		cmocka_unit_test(hook_parameters_are_those_of_the_kernels_types),
		cmocka_unit_test(lost_surfaces_are_spelt_with_commas),
		cmocka_unit_test(lost_surfaces_are_those_without_a_pinned_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
