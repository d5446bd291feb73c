// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/probe.h"

static void probe_list_matches_whole_words(void **state)
{
	(void)state;
	assert_true(vantio_probe_lists("lockdown,capability,bpf", "bpf"));
	assert_true(vantio_probe_lists("bpf,yama\n", "bpf"));
	assert_true(vantio_probe_lists("yama,bpf\n", "bpf"));
	assert_false(vantio_probe_lists("lockdown,bpfx,xbpf", "bpf"));
	assert_false(vantio_probe_lists("", "bpf"));
	assert_false(vantio_probe_lists("\n", "bpf"));
}

static void probe_chosen_is_the_word_in_brackets(void **state)
{
	char out[32];

	(void)state;
	vantio_probe_chosen("none [integrity] confidentiality", out);
	assert_string_equal(out, "integrity");
	vantio_probe_chosen("none integrity", out);
	assert_string_equal(out, "");
	vantio_probe_chosen("none [integrity", out);
	assert_string_equal(out, "");
	vantio_probe_chosen("[a-word-of-more-than-thirty-one-bytes]", out);
	assert_int_equal(strlen(out), 31);
}

static void probe_mount_point_reads_mountinfo(void **state)
{
	static const char text[] =
		"21 1 8:1 / / rw shared:1 - ext4 /dev/cgroup2 rw\n"
		"22 21 0:5 / /not - cgroup2/here rw shared:1 - tmpfs x rw\n"
		"30 21 0:25 / /sys/fs/c\\040g\\134 rw,nosuid shared:4 master:2 - cgroup2 cgroup2 rw\n"
		"31 21 0:26 / /second rw - cgroup2 cgroup2 rw\n";
	char out[64] = "before";

	(void)state;
	assert_true(vantio_probe_mount_point(text, "cgroup2", out, sizeof(out)));
	assert_string_equal(out, "/sys/fs/c g\\");
	assert_true(vantio_probe_mount_point(text, "ext4", out, sizeof(out)));
	assert_string_equal(out, "/");
	assert_false(vantio_probe_mount_point(text, "cgroup", out, sizeof(out)));
	assert_false(vantio_probe_mount_point("", "ext4", out, sizeof(out)));
	assert_false(vantio_probe_mount_point(" - ext4 x", "ext4", out, sizeof(out)));
	/* The first does not fit: the next one is as good. */
	assert_true(vantio_probe_mount_point(text, "cgroup2", out, 9));
	assert_string_equal(out, "/second");
}

static void probe_every_no_says_how_to_mend_it(void **state)
{
	struct vantio_probe_report r;
	size_t i, j;

	(void)state;
	vantio_probe_host(&r);
	assert_true(r.n > 10 && r.n <= VANTIO_PROBES_MAX);
	for (i = 0; i < r.n; i++) {
		assert_true(*r.items[i].found);
		if (r.items[i].required && r.items[i].state == VANTIO_PROBE_NO)
			assert_true(*r.items[i].mend);
		for (j = 0; j < i; j++)
			assert_string_not_equal(r.items[i].id, r.items[j].id);
	}
	assert_non_null(vantio_probe_find(&r, "lsm-program"));
	assert_null(vantio_probe_find(&r, "nothing"));
}

static void probe_tier_needs_all_that_it_requires(void **state)
{
	const struct vantio_probe *first = NULL;
	struct vantio_probe_report r = { .n = 3 };

	(void)state;
	r.items[0] = (struct vantio_probe){ .id = "a", .required = 1u << VANTIO_TIER_KERNEL };
	r.items[1] = (struct vantio_probe){ .id = "b", .required = 1u << VANTIO_TIER_USER, .state = VANTIO_PROBE_NO };
	r.items[2] = (struct vantio_probe){ .id = "c", .state = VANTIO_PROBE_NO };
	assert_true(vantio_probe_tier(&r, VANTIO_TIER_KERNEL, &first));
	assert_true(vantio_probe_tier(&r, VANTIO_TIER_OBSERVE, &first));
	assert_null(first);
	assert_false(vantio_probe_tier(&r, VANTIO_TIER_USER, &first));
	assert_string_equal(first->id, "b");
	r.items[0].state = VANTIO_PROBE_UNKNOWN; /* what could not be judged is not there */
	assert_false(vantio_probe_tier(&r, VANTIO_TIER_KERNEL, &first));
	assert_string_equal(first->id, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probe_list_matches_whole_words),
		cmocka_unit_test(probe_chosen_is_the_word_in_brackets),
		cmocka_unit_test(probe_mount_point_reads_mountinfo),
		cmocka_unit_test(probe_every_no_says_how_to_mend_it),
		cmocka_unit_test(probe_tier_needs_all_that_it_requires),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
