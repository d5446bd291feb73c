// SPDX-License-Identifier: Apache-2.0
/* Paths that are built while others rename: what renames elsewhere may not do, and what those of a path's own folders may not. */
#include "govern.h"

#include <signal.h>

#define ROOT "/data/renames"
#define OK   ROOT "/ok"
#define NO   ROOT "/no"

SETUP()
{
	engine_ready();
	policy_push("renames", "[file]\ndefault = \"deny\"\nread = [\"" OK "/**\"]\ndeny = [\"" OK "/p/private/**\"]\n"
			       "[exec]\ndefault = \"deny\"\n[network]\ndefault = \"deny\"\n");
	agent_enroll("renames", "renames");
	make_folder("/data");
	make_folder(ROOT);
}

/* Ends with the test. */
static pid_t start_renaming(void (*once)(void))
{
	pid_t child = fork();

	REQUIRE(child >= 0);
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		once();
}

static void stop_renaming(pid_t child)
{
	REQUIRE(!kill(child, SIGKILL));
	REQUIRE(waitpid(child, NULL, 0) == child);
}

static void rename_elsewhere(void)
{
	rename(ROOT "/elsewhere/1", ROOT "/elsewhere/2");
	rename(ROOT "/elsewhere/2", ROOT "/elsewhere/1");
}

/*
 * Where processors are emulated in turn, a renaming one is now and then stopped while it holds rename_lock, for a tenth of a
 * second: every path that is built in it would be refused if that lock alone told whether names change.
 */
TEST_WITHIN(renames_of_other_files_refuse_nothing, 120)
{
	pid_t child;

	fresh_folder(OK);
	fresh_folder(ROOT "/elsewhere");
	make_file(OK "/f", "fine", 0666);
	make_file(ROOT "/elsewhere/1", "x", 0666);
	child = start_renaming(rename_elsewhere);
	IN("renames", 1000) {
		long long until = now_ms() + 8000;
		unsigned long done = 0, refused = 0;

		while (now_ms() < until) {
			int fd = open(OK "/f", O_RDONLY | O_CLOEXEC);

			if (fd < 0)
				refused++;
			else
				done++, close(fd);
		}
		printf("# %lu done, %lu refused\n", done, refused);
		CHECK(done > 0 && !refused);
	}
	stop_renaming(child);
}

/* The file is at no/p/public/f and at ok/p/private/f, on the way from one to the other at no/p/private/f, and never at ok/p/public/f. */
static void rename_own_folders(void)
{
	rename(NO "/p/public", NO "/p/private");
	rename(NO "/p", OK "/p");
	rename(OK "/p", NO "/p");
	rename(NO "/p/private", NO "/p/public");
}

TEST_WITHIN(names_of_two_moments_make_no_path, 120)
{
	pid_t child;
	int dir;

	fresh_folder(OK);
	fresh_folder(NO);
	make_folder(NO "/p");
	make_folder(NO "/p/public");
	make_file(NO "/p/public/f", "secret", 0666);
	dir = open(NO "/p/public", O_PATH | O_DIRECTORY);
	REQUIRE(dir >= 0);
	child = start_renaming(rename_own_folders);
	IN("renames", 1000) {
		long long until = now_ms() + 8000;
		unsigned long done = 0, refused = 0;

		while (now_ms() < until) {
			int fd = openat(dir, "f", O_RDONLY | O_CLOEXEC);

			if (fd < 0)
				refused++;
			else
				done++, close(fd);
		}
		printf("# %lu done, %lu refused\n", done, refused);
		CHECK(!done && refused > 0);
	}
	stop_renaming(child);
	close(dir);
}

VT_MAIN()
