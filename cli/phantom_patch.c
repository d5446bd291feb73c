// SPDX-License-Identifier: Apache-2.0
/* phantom diff --patch: diff(1) compares, by descriptors that were opened here; names and, on a terminal, control bytes are escaped. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "phantom/object.h"
#include "phantom_cli.h"

static const char *type_of(const struct stat *st)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFDIR:
		return "folder";
	case S_IFLNK:
		return "symbolic link";
	case S_IFIFO:
		return "FIFO";
	case S_IFSOCK:
		return "socket";
	case S_IFREG:
		return "file";
	default:
		return "device";
	}
}

static void put_byte(unsigned char b, bool plain)
{
	if (plain || b == '\n' || b == '\t' || b >= 0xa0 || (b >= 0x20 && b < 0x7f) || (b >= 0x80 && b < 0xa0 && !isatty(STDOUT_FILENO)))
		putchar(b);
	else
		printf("\\x%02x", b);
}

static int exec_diff(const char *a, const char *b, int fa, int fb, int out)
{
	char x[32], y[32];

	snprintf(x, sizeof(x), "/proc/self/fd/%d", fa);
	snprintf(y, sizeof(y), "/proc/self/fd/%d", fb);
	cli_child_signals();
	if (dup2(out, STDOUT_FILENO) < 0 || fcntl(fa, F_SETFD, 0) || fcntl(fb, F_SETFD, 0))
		_exit(126);
	execlp("diff", "diff", "-u", "--label", a, "--label", b, x, y, (char *)NULL);
	_exit(127);
}

/* Copies what diff says; 0, or its exit status where that is trouble. */
static int pump_diff(pid_t pid, int from)
{
	const bool plain = !isatty(STDOUT_FILENO);
	unsigned char buf[16384];
	int status = 0;
	ssize_t n, i;

	while ((n = read(from, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
		for (i = 0; i < n; i++)
			put_byte(buf[i], plain);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? (WEXITSTATUS(status) > 1 ? WEXITSTATUS(status) : 0) : 126;
}

static int run_diff(struct cli *cli, const char *a, const char *b, int fa, int fb)
{
	int out[2], r;
	pid_t pid;

	if (fflush(stdout) || pipe2(out, O_CLOEXEC))
		return cli_fail(cli, CLI_FAILURE, "cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (!pid)
		exec_diff(a, b, fa, fb, out[1]);
	close(out[1]);
	r = pid < 0 ? 126 : pump_diff(pid, out[0]);
	close(out[0]);
	if (r == 127)
		return cli_fail(cli, CLI_FAILURE, "diff(1) is not there, which --patch needs: install diffutils");
	return r ? cli_fail(cli, CLI_FAILURE, "diff(1) failed with status %d", r) : CLI_OK;
}

/* A copy in memory, empty where there is no such file: diff may not be allowed to open what we were. */
static int open_side(int root, const char *path, bool there)
{
	cleanup_close int from = there ? vantio_open_below(root, path, O_RDONLY | O_NONBLOCK) : -1, copy = memfd_create("side", MFD_CLOEXEC);
	struct stat st;
	int r;

	if (copy < 0 || (there && (from < 0 || fstat(from, &st))))
		return from < -1 ? from : -errno;
	r = there ? vantio_copy_data(from, copy, (uint64_t)st.st_size) : 0;
	return r ? r : vantio_take_fd(&copy);
}

static void say_links(const struct vantio_changes *c, const struct vantio_change *change, bool upper)
{
	cleanup_close int fd = vantio_open_below(upper ? c->upper[change->layer] : c->host[change->layer], change->path, O_PATH);
	char target[4096];
	ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof(target));

	if (n >= 0) {
		printf("%c -> ", upper ? '+' : '-');
		cli_print_escaped(stdout, target, (size_t)n);
		putchar('\n');
	}
}

static int patch_one(struct cli *cli, const struct vantio_phantom *p, const struct vantio_changes *c, const struct vantio_change *change)
{
	const bool deleted = change->kind == VANTIO_CHANGE_DELETE, fresh = !change->on_host;
	const struct stat *old = fresh ? NULL : &change->host, *new = deleted ? NULL : &change->upper;
	cleanup_free char *path = vantio_change_path(p, change), *shown = path ? vantio_escape_dup(path, strlen(path)) : NULL, *a = NULL, *b = NULL;
	cleanup_close int fa = -1, fb = -1;

	if (!shown || asprintf(&a, "a%s", shown) < 0 || asprintf(&b, "b%s", shown) < 0)
		return cli_fail(cli, CLI_FAILURE, "out of memory");
	printf("diff a%s b%s\n", shown, shown);
	if (old && (!new || (old->st_mode != new->st_mode)))
		printf("old %s, mode %04o, owner %u:%u\n", type_of(old), (unsigned int)old->st_mode & 07777, old->st_uid, old->st_gid);
	if (new && (!old || (old->st_mode != new->st_mode)))
		printf("new %s, mode %04o, owner %u:%u\n", type_of(new), (unsigned int)new->st_mode & 07777, new->st_uid, new->st_gid);
	if (old && S_ISLNK(old->st_mode))
		say_links(c, change, false);
	if (new && S_ISLNK(new->st_mode))
		say_links(c, change, true);
	if (!(old && S_ISREG(old->st_mode)) && !(new && S_ISREG(new->st_mode)))
		return CLI_OK;
	if (change->kind == VANTIO_CHANGE_META)
		return CLI_OK;
	fa = open_side(c->host[change->layer], change->path, old && S_ISREG(old->st_mode));
	fb = open_side(c->upper[change->layer], change->path, new && S_ISREG(new->st_mode));
	if (fa < 0 || fb < 0)
		return cli_fail(cli, CLI_FAILURE, "cannot read '%s': %s", shown, strerror(fa < 0 ? -fa : -fb));
	return run_diff(cli, old && S_ISREG(old->st_mode) ? a : "/dev/null", new && S_ISREG(new->st_mode) ? b : "/dev/null", fa, fb);
}

int phantom_print_patch(struct cli *cli, const struct vantio_phantom *p, const struct vantio_changes *c)
{
	size_t i;
	int r = CLI_OK;

	for (i = 0; r == CLI_OK && i < c->n; i++)
		if (c->items[i].chosen && vantio_change_shown(&c->items[i]))
			r = patch_one(cli, p, c, &c->items[i]);
	return r == CLI_OK ? cli_flush(cli) : r;
}
