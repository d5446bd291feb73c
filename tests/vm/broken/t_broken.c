// SPDX-License-Identifier: Apache-2.0
/* Fails in every way that a test can fail: tests/vm/selftest holds the harness to reporting each. No part of the suite. */
#include "vt.h"

TEST(broken_check_fails)
{
	CHECK_INT(1 + 1, 3);
	CHECK_FAILS(0, EACCES);
}

TEST(broken_check_in_child_fails)
{
	pid_t child = fork();

	if (child == 0)
		REQUIRE(getpid() == 1);
	waitpid(child, NULL, 0);
	CHECK(1);
}

TEST(broken_test_dies)
{
	CHECK(1);
	raise(SIGSEGV);
}

TEST_WITHIN(broken_test_hangs, 1)
{
	CHECK(1);
	pause();
}

TEST(broken_test_checks_nothing)
{
}

TEST(broken_test_exits)
{
	CHECK(1);
	_exit(3);
}

TEST(broken_shell_command_fails)
{
	CHECK_SH(0, "echo what it said; exit 4");
}

TEST(broken_skip_is_no_pass)
{
	SKIP("cannot be tried here");
}

TEST(broken_this_one_passes)
{
	CHECK(1);
}

VT_MAIN()
