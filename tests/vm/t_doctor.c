// SPDX-License-Identifier: Apache-2.0
/* doctor where the kernel tier can run, and what it says when one thing is taken away. */
#include "vt.h"

TEST(doctor_kernel_tier_can_run_here)
{
	CHECK_SH(0, "vantioctl doctor --tier kernel");
	CHECK(strstr(sh_output, "a BPF LSM program loads, attaches and is called"));
	CHECK(!strstr(sh_output, "\033"));
	CHECK_SH(0, "vantioctl doctor --tier kernel --json");
	CHECK(strstr(sh_output, "{\"tier\":\"kernel\",\"host_can\":true,\"built\":true,\"missing\":[]}"));
}

TEST(doctor_ordinary_user_is_told_to_be_root)
{
	CHECK_SH(5, "su user -c 'vantioctl doctor --tier kernel'");
	CHECK(strstr(sh_output, "run it as root"));
}

TEST(doctor_missing_mounts_are_named_with_their_mend)
{
	CHECK_SH(0, "umount /sys/fs/bpf");
	CHECK_SH(5, "vantioctl doctor --tier kernel");
	CHECK(strstr(sh_output, "mend: mount -t bpf bpf /sys/fs/bpf"));
	CHECK_SH(0, "mount -t bpf bpf /sys/fs/bpf && vantioctl doctor --tier kernel");

	/* The list of modules is one witness; the program that was called is the better one. */
	CHECK_SH(0, "umount /sys/kernel/security");
	CHECK_SH(0, "vantioctl doctor --tier kernel");
	CHECK(strstr(sh_output, "mend: mount -t securityfs securityfs /sys/kernel/security"));
	CHECK_SH(0, "mount -t securityfs securityfs /sys/kernel/security");
}

VT_MAIN()
