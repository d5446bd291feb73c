// SPDX-License-Identifier: Apache-2.0
/* ledger export */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd_ledger.h"
#include "ledger/reader.h"

const struct cli_option ledger_export_options[] = {
	{ .name = "output-file", .letter = 'o', .kind = CLI_FILE, .metavar = "FILE", .help = "write here, not to standard output" },
	{ 0 },
};

static int write_fd(void *ctx, const void *bytes, size_t len, struct vantio_error *err)
{
	return vantio_write_all(*(int *)ctx, bytes, len, err);
}

static int finish(struct cli *cli, int r, const struct vantio_error *err)
{
	if (r == -EBADMSG)
		return cli_fail(cli, CLI_VERIFY_FAILED, "%s", err->text);
	if (r == -EPIPE)
		return CLI_FAILURE; /* the reader has seen enough */
	return r < 0 ? cli_fail_error(cli, err) : CLI_OK;
}

/* Under another name until it is whole: the file that is asked for is never half written. */
static int export_file(struct cli *cli, const char *dir, const char *path, uint64_t *n)
{
	cleanup_free char *partial = NULL, *shown = vantio_escape_dup(path, strlen(path));
	struct vantio_error err = { 0 };
	cleanup_close int fd = -1;
	struct stat st;
	bool direct = stat(path, &st) == 0 && !S_ISREG(st.st_mode); /* a FIFO, a terminal: nothing to rename */
	int r;

	if (!shown || asprintf(&partial, "%s%s", path, direct ? "" : ".partial") < 0)
		return cli_fail(cli, CLI_FAILURE, "out of memory");
	fd = open(partial, O_WRONLY | O_CLOEXEC | O_NOCTTY | (direct ? 0 : O_CREAT | O_TRUNC | O_NOFOLLOW), 0600);
	if (fd < 0)
		return cli_fail(cli, CLI_FAILURE, "cannot write '%s': %s", shown, strerror(errno));
	r = vantio_reader_export(dir, write_fd, &fd, n, &err);
	if (r == 0 && !direct && fsync(fd) < 0)
		r = vantio_fail(&err, errno, "cannot make '%s' durable: %s", shown, strerror(errno));
	if (r == 0 && !direct && rename(partial, path) < 0)
		r = vantio_fail(&err, errno, "cannot replace '%s': %s", shown, strerror(errno));
	if (r < 0 && !direct)
		unlink(partial);
	return finish(cli, r, &err);
}

CLI_COMMAND(ledger_export)
{
	const char *dir = cli_ledger_dir(cli), *path = cli_get(cli, "output-file");
	struct vantio_error err = { 0 };
	int r, out = STDOUT_FILENO;
	uint64_t n = 0;

	if (!*dir)
		return CLI_FAILURE;
	if (!path) {
		fflush(stdout);
		r = vantio_reader_export(dir, write_fd, &out, &n, &err);
		return finish(cli, r, &err);
	}
	r = export_file(cli, dir, path, &n);
	if (r == CLI_OK)
		cli_note(cli, "%" PRIu64 " record%s exported", n, n == 1 ? "" : "s");
	return r;
}
