// SPDX-License-Identifier: Apache-2.0
/* The aligned table, which is the one part of cli/ that lib's tests cannot reach: it is compiled in, with the rest of cli/ cut off. */
#include <locale.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../cli/grid.c"

static bool colored;

const char *cli_color(const struct cli *cli, const char *name)
{
	(void)cli;
	return !colored ? "" : !strcmp(name, "reset") ? "<" : ">";
}

int cli_flush(struct cli *cli)
{
	(void)cli;
	return fflush(stdout) ? CLI_FAILURE : CLI_OK;
}

int cli_fail(struct cli *cli, enum cli_exit exit_code, const char *fmt, ...)
{
	(void)cli;
	(void)fmt;
	return exit_code;
}

static const char *const headings[] = { "NAME", "PATH", "N" };

static struct cli_grid *example(void)
{
	struct cli_grid *g = cli_grid_new(headings, 3);

	cli_grid_cell(g, "a");
	cli_grid_cell(g, "/usr/lib/x86_64-linux-gnu/libc.so.6");
	cli_grid_printf(g, "%d", 1);
	cli_grid_cell(g, "caf\xc3\xa9");
	cli_grid_bytes(g, "\xe6\x96\x87\x1b[31m\0", 9);
	cli_grid_printf(g, "%d", 22);
	return g;
}

/* What printing writes to `fd`, which stands in for stdout; `ret_status` is what it returns. */
static void print_to(int fd, struct cli_grid *g, int *ret_status)
{
	int saved;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	*ret_status = cli_grid_print(NULL, g);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
}

static void read_into(int fd, char *out, size_t max)
{
	ssize_t n = read(fd, out, max - 1);

	assert_true(n >= 0);
	out[n] = '\0';
}

static void assert_piped(struct cli_grid *g, const char *want)
{
	char got[1024];
	int fds[2], status;

	assert_int_equal(pipe(fds), 0);
	print_to(fds[1], g, &status);
	close(fds[1]);
	read_into(fds[0], got, sizeof(got));
	close(fds[0]);
	assert_int_equal(status, CLI_OK);
	assert_string_equal(got, want);
}

static void grid_pipe_is_aligned_and_never_cut(void **state)
{
	(void)state;
	assert_piped(example(), "NAME  PATH                                 N\n"
				"a     /usr/lib/x86_64-linux-gnu/libc.so.6  1\n"
				"caf\xc3\xa9  \xe6\x96\x87\\x1b[31m\\x00                       22\n");
}

static void grid_without_rows_is_its_headings(void **state)
{
	(void)state;
	assert_piped(cli_grid_new(headings, 3), "NAME  PATH  N\n");
}

static void grid_color_changes_no_width(void **state)
{
	struct cli_grid *g = cli_grid_new(headings, 2);

	(void)state;
	cli_grid_cell(g, "x");
	cli_grid_color(g, "red");
	cli_grid_cell(g, "y");
	colored = true;
	assert_piped(g, ">NAME<  >PATH<\n>x<     y\n");
	colored = false;
}

static void grid_narrow_terminal_cuts_the_widest_column(void **state)
{
	struct winsize ws = { .ws_row = 24, .ws_col = 30 };
	int master, slave, status;
	char got[1024];

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, &ws), 0);
	print_to(slave, example(), &status);
	assert_int_equal(status, CLI_OK);
	read_into(master, got, sizeof(got));
	assert_string_equal(got, "NAME  PATH                  N\r\n"
				 "a     /usr/lib/x86_64-lin\xe2\x80\xa6  1\r\n"
				 "caf\xc3\xa9  \xe6\x96\x87\\x1b[31m\\x00        22\r\n");
	close(slave);
	close(master);
}

static void grid_without_memory_is_a_failure(void **state)
{
	int status;

	(void)state;
	print_to(STDOUT_FILENO, NULL, &status);
	assert_int_equal(status, CLI_FAILURE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grid_pipe_is_aligned_and_never_cut),
		cmocka_unit_test(grid_without_rows_is_its_headings),
		cmocka_unit_test(grid_color_changes_no_width),
		cmocka_unit_test(grid_narrow_terminal_cuts_the_widest_column),
		cmocka_unit_test(grid_without_memory_is_a_failure),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("grid", tests, NULL, NULL);
}
