// SPDX-License-Identifier: Apache-2.0
/*
 * What the phantom tests need of C:
 *   drive run STATE ONLY COMMAND...   the command on a phantom; its id on descriptor 3, its notes on stderr; ONLY may be ""
 *   drive snap DIR [SINCE]            a line for each object below DIR: everything that a commit must keep, but names of hard links as
 *                                     groups, and times after SINCE (ns) as "new"
 *   drive setx|rmx PATH NAME [VALUE], drive punch PATH AT LEN, drive sock PATH, drive now
 *   drive swap A B                    exchanges two names again and again, until it is ended
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "base/text.h"
#include "phantom/enter.h"
#include "phantom/names.h"
#include "phantom/object.h"
#include "phantom/xattr.h"

static int die(const char *what)
{
	fprintf(stderr, "drive: %s: %s\n", what, strerror(errno));
	return 99;
}

/* ---- run ---- */

static int run(char **argv)
{
	const char *only[] = { argv[1], NULL };
	struct vantio_phantom_options o = { .state_dir = argv[0], .only = *argv[1] ? only : NULL, .command = argv[2] };
	cleanup_phantom struct vantio_phantom p = VANTIO_PHANTOM_INIT;
	cleanup_buf struct vantio_buf notes = VANTIO_BUF_INIT;
	struct vantio_error err = {};
	int status;
	pid_t pid;

	if (vantio_phantom_enter(&o, &p, &notes, &err)) {
		fprintf(stderr, "drive: %s\n", err.text);
		return err.code == EPERM || err.code == EOPNOTSUPP ? 77 : 98;
	}
	if (notes.len)
		fprintf(stderr, "%s", notes.data);
	dprintf(3, "%s\n", p.id);
	pid = fork();
	if (!pid) {
		close(3);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return die("fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- snap ---- */

struct snap {
	uint64_t since;
	struct {
		uint64_t ino;
		char *path;
	} groups[4096];
	size_t n;
};

static void put_hash(int fd, const struct stat *st)
{
	struct vantio_sha256 h;
	uint8_t digest[32];
	char link[32], hex[65], *buf = malloc(1 << 16);
	ssize_t n;
	int f;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	f = open(link, O_RDONLY | O_CLOEXEC);
	vantio_sha256_begin(&h);
	while (f >= 0 && (n = read(f, buf, 1 << 16)) > 0)
		vantio_sha256_add(&h, buf, (size_t)n);
	vantio_sha256_end(&h, digest);
	vantio_hex(hex, digest, 32);
	printf(" size=%lld blocks=%lld sha=%.16s", (long long)st->st_size, (long long)st->st_blocks, f < 0 ? "unreadable" : hex);
	if (f >= 0)
		close(f);
	free(buf);
}

static void put_xattrs(int fd)
{
	cleanup_xattrs struct vantio_xattrs x = {};
	size_t i;

	if (vantio_xattrs_read(fd, false, false, &x))
		return;
	for (i = 0; i < x.n; i++) {
		cleanup_free char *value = vantio_escape_dup(x.items[i].value, x.items[i].len);

		if (!strstr(x.items[i].name, ".overlay.")) /* overlayfs's own, where its merged folder shows them */
			printf(" %s=%s", x.items[i].name, value ? value : "?");
	}
}

static void put_group(struct snap *s, const struct stat *st, const char *path)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->groups[i].ino == st->st_ino) {
			printf(" with=%s", s->groups[i].path);
			return;
		}
	if (s->n < VANTIO_ARRAY_SIZE(s->groups)) {
		s->groups[s->n].ino = st->st_ino;
		s->groups[s->n++].path = strdup(path);
	}
}

static void snap_below(struct snap *s, int dir, const char *name, const char *path)
{
	cleanup_close int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	cleanup_free char *shown = vantio_escape_dup(path, strlen(path));
	struct vantio_names names = {};
	uint64_t mtime;
	struct stat st;
	size_t i;

	if (fd < 0 || fstat(fd, &st)) {
		printf("%s gone\n", shown);
		return;
	}
	mtime = vantio_time_of(&st.st_mtim);
	printf("%s type=%o mode=%o owner=%u:%u", shown, (unsigned)(st.st_mode & S_IFMT) >> 12, (unsigned)st.st_mode & 07777, st.st_uid, st.st_gid);
	if (s->since && mtime > s->since)
		printf(" mtime=new");
	else
		printf(" mtime=%" PRIu64, mtime);
	if (S_ISREG(st.st_mode))
		put_hash(fd, &st);
	if (S_ISLNK(st.st_mode)) {
		char target[4096];
		ssize_t n = readlinkat(fd, "", target, sizeof(target));
		cleanup_free char *to = vantio_escape_dup(target, n < 0 ? 0 : (size_t)n);

		printf(" to=%s", to);
	}
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		printf(" rdev=%" PRIu64, (uint64_t)st.st_rdev);
	put_xattrs(fd);
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1)
		put_group(s, &st, path);
	putchar('\n');
	if (!S_ISDIR(st.st_mode) || vantio_names_read(fd, &names))
		return;
	for (i = 0; i < names.n; i++) {
		cleanup_free char *below = NULL;

		if (asprintf(&below, "%s/%s", path, names.items[i]) < 0)
			abort();
		snap_below(s, fd, names.items[i], below);
	}
	vantio_names_clear(&names);
}

static int snap(const char *dir, const char *since)
{
	static struct snap s;

	s.since = since ? strtoull(since, NULL, 10) : 0;
	sync();
	snap_below(&s, AT_FDCWD, dir, ".");
	return 0;
}

/* ---- small ones ---- */

static int punch(char **argv)
{
	cleanup_close int fd = open(argv[0], O_RDWR | O_CLOEXEC);

	return fd < 0 || fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, atol(argv[1]), atol(argv[2])) ? die(argv[0]) : 0;
}

static int make_socket(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) ? die(path) : 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	struct timespec now;

	if (!strcmp(verb, "run") && argc > 4)
		return run(argv + 2);
	if (!strcmp(verb, "snap") && argc > 2)
		return snap(argv[2], argv[3]);
	if (!strcmp(verb, "setx") && argc == 5)
		return lsetxattr(argv[2], argv[3], argv[4], strlen(argv[4]), 0) ? die(argv[2]) : 0;
	if (!strcmp(verb, "rmx") && argc == 4)
		return lremovexattr(argv[2], argv[3]) ? die(argv[2]) : 0;
	if (!strcmp(verb, "punch") && argc == 5)
		return punch(argv + 2);
	while (!strcmp(verb, "swap") && argc == 4)
		if (renameat2(AT_FDCWD, argv[2], AT_FDCWD, argv[3], RENAME_EXCHANGE))
			return die(argv[2]);
	if (!strcmp(verb, "sock") && argc == 3)
		return make_socket(argv[2]);
	if (!strcmp(verb, "now")) {
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
		printf("%" PRIu64 "\n", vantio_time_of(&now));
		return 0;
	}
	fprintf(stderr, "drive: see its first lines\n");
	return 2;
}
