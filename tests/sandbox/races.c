// SPDX-License-Identifier: Apache-2.0
/*
 * Races: a thread changes what a system call was judged by, between looking and doing. ops race-NAME DIR MS, in a folder like this:
 *
 *     y/a, y/q -> ../no, ro/a, no/a (SECRET)    x/a (true), x/b (false), x/script (#!DIR/y/loader)
 *
 * of which y may be read and written, ro read, x/a executed, and no and x/b nothing. Datagrams may go to port 9911 (RACE_PORT) and not to the next; this program may
 * listen at both. 0: what is allowed happened and what is not was refused, each at least once; 200: something was wrongly permitted; 201: neither.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "races.h"

#define NONE_SEEN_MS 20000 /* that a race goes on for what it has not seen */

enum { REFUSED, GOOD, BAD };

static struct {
	char path[256], *page;
	char good[256], bad[256];
	struct sockaddr_in addr;
	struct { uint64_t flags, mode, resolve; } how;
	int receivers[2], slot, fds[2];
	volatile bool stop;
} shared;

static const char *dir;
static uint16_t good_port = 9911, bad_port = 9912;

static char *in(const char *name)
{
	static _Thread_local char paths[4][256];
	static _Thread_local unsigned int n;
	char *p = paths[n++ & 3];

	snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
	return p;
}

/* Each side stays for a while: where threads share a processor, the other one must be met by chance too. */
static void dwell(void)
{
	volatile unsigned int i;

	for (i = 0; i < 200; i++)
		;
}

static bool holds_secret(int fd)
{
	char text[64] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 && strstr(text, "SECRET");
}

static int opened(int fd)
{
	int r = fd < 0 ? REFUSED : holds_secret(fd) ? BAD : GOOD;

	if (fd >= 0)
		close(fd);
	return r;
}

static bool there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static void make(const char *path)
{
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

/* ---- what flips ---- */

static void *flip_path(void *arg)
{
	(void)arg;
	while (!shared.stop) {
		strcpy(shared.path, shared.bad);
		dwell();
		strcpy(shared.path, shared.good);
		dwell();
	}
	return NULL;
}

static void *flip_port(void *arg)
{
	volatile uint16_t *port = &shared.addr.sin_port;

	(void)arg;
	while (!shared.stop) {
		*port = htons(bad_port);
		dwell();
		*port = htons(good_port);
		dwell();
	}
	return NULL;
}

static void *flip_fd(void *arg)
{
	(void)arg;
	while (!shared.stop) {
		dup2(shared.fds[1], shared.slot);
		dup2(shared.fds[0], shared.slot);
	}
	return NULL;
}

static void *flip_how(void *arg)
{
	volatile uint64_t *flags = &shared.how.flags;

	(void)arg;
	while (!shared.stop) {
		*flags = O_RDWR | O_CLOEXEC;
		dwell();
		*flags = O_RDONLY | O_CLOEXEC;
		dwell();
	}
	return NULL;
}

static void *flip_cwd(void *arg)
{
	int good = open(in("y"), O_PATH), bad = open(in("no"), O_PATH);

	(void)arg;
	while (!shared.stop) {
		if (fchdir(bad))
			break;
		dwell();
		if (fchdir(good))
			break;
		dwell();
	}
	return NULL;
}

/* A name that leads here and there. */
static void *flip_link(void *arg)
{
	const char *targets[2] = { shared.good, shared.bad };
	char link[256], next[256];
	unsigned int i;

	(void)arg;
	snprintf(link, sizeof(link), "%s", in("y/link"));
	snprintf(next, sizeof(next), "%s", in("y/next"));
	for (i = 0; !shared.stop; i++)
		if (symlink(targets[i & 1], next) || rename(next, link))
			break;
	return NULL;
}

/* A folder, and a link to where one may not go, change places. */
static void *flip_folder(void *arg)
{
	char p[256], q[256];

	(void)arg;
	snprintf(p, sizeof(p), "%s", in("y/p"));
	snprintf(q, sizeof(q), "%s", in("y/q"));
	while (!shared.stop)
		syscall(SYS_renameat2, AT_FDCWD, p, AT_FDCWD, q, RENAME_EXCHANGE);
	return NULL;
}

/* Memory that goes while it is read, and comes back with another name in it. */
static void *flip_memory(void *arg)
{
	const char *names[2] = { shared.good, shared.bad };
	unsigned int i;

	(void)arg;
	for (i = 0; !shared.stop; i++) {
		char *fresh = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		strcpy(fresh, names[i & 1]);
		munmap(shared.page, 4096);
		dwell();
		if (mremap(fresh, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, shared.page) == MAP_FAILED)
			break;
		dwell();
	}
	return NULL;
}

static void *flip_nothing(void *arg)
{
	return arg;
}

/* ---- what is tried ---- */

static int try_open(void) { return opened(open(shared.path, O_RDONLY | O_CLOEXEC)); }
static int try_open_page(void) { return opened(open(shared.page, O_RDONLY | O_CLOEXEC)); }
static int try_open_here(void) { return opened(open("a", O_RDONLY | O_CLOEXEC)); }
static int try_open_link(void) { return opened(open(in("y/link"), O_RDONLY | O_CLOEXEC)); }
static int try_open_folder(void) { return opened(open(in("y/p/a"), O_RDONLY | O_CLOEXEC)); }

static int try_openat2(void)
{
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, in("ro/a"), &shared.how, sizeof(shared.how)), r = REFUSED;

	if (fd >= 0) {
		r = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY ? GOOD : BAD;
		close(fd);
	}
	return r;
}

static int try_unlink(void)
{
	int r;

	make(shared.good);
	r = unlink(shared.path);
	return !there(shared.bad) ? BAD : r ? REFUSED : GOOD;
}

static int try_rename(void)
{
	int r;

	make(shared.good);
	r = rename(shared.path, in("y/moved"));
	return !there(shared.bad) ? BAD : r ? REFUSED : GOOD;
}

static int try_rename_to(void)
{
	int r;

	make(in("y/moved"));
	r = rename(in("y/moved"), shared.path);
	return there(shared.bad) ? BAD : r ? REFUSED : GOOD;
}

static int try_truncate(void)
{
	struct stat st;
	int r = truncate(shared.path, 0);

	return !stat(shared.bad, &st) && !st.st_size ? BAD : r ? REFUSED : GOOD;
}

static int status_of(pid_t pid)
{
	int status = -1;

	if (pid > 0)
		waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run(const char *path)
{
	pid_t pid = vfork();
	int status;

	if (!pid) {
		execl(path, path, NULL);
		_exit(99);
	}
	status = status_of(pid);
	return status == 0 ? GOOD : status == 1 ? BAD : REFUSED;
}

static int try_exec(void) { return run(shared.path); }
static int try_script(void) { return run(in("x/script")); }

static int try_fchmod(void)
{
	struct stat st;
	int r = fchmod(shared.slot, 0640);

	return !fstat(shared.fds[1], &st) && (st.st_mode & 0777) == 0640 ? BAD : r ? REFUSED : GOOD;
}

static int try_connect(void)
{
	struct sockaddr_in got = {};
	socklen_t len = sizeof(got);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = REFUSED;

	if (!connect(fd, (struct sockaddr *)&shared.addr, sizeof(shared.addr)) && !getpeername(fd, (struct sockaddr *)&got, &len))
		r = got.sin_port == htons(bad_port) ? BAD : GOOD;
	close(fd);
	return r;
}

/* What came, and where. */
static int arrived(void)
{
	char byte[16];
	int r = REFUSED;

	while (recv(shared.receivers[0], byte, sizeof(byte), MSG_DONTWAIT) >= 0)
		r = GOOD;
	while (recv(shared.receivers[1], byte, sizeof(byte), MSG_DONTWAIT) >= 0)
		r = BAD;
	return r;
}

static int try_sendto(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	sendto(fd, "x", 1, 0, (struct sockaddr *)&shared.addr, sizeof(shared.addr));
	close(fd);
	return arrived();
}

static int try_messages(bool many)
{
	struct iovec parts[2] = { { (void *)"x", 1 }, { (void *)"y", 1 } };
	struct mmsghdr m[3] = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), i;

	for (i = 0; i < 3; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_name = &shared.addr, .msg_namelen = sizeof(shared.addr), .msg_iov = parts, .msg_iovlen = 2 };
	if (many)
		sendmmsg(fd, m, 3, 0);
	else
		sendmsg(fd, &m[0].msg_hdr, 0);
	close(fd);
	return arrived();
}

static int try_sendmsg(void) { return try_messages(false); }
static int try_sendmmsg(void) { return try_messages(true); }

/* A socket of IPv6 becomes one of IPv4, to which "no address" is an address. */
static void *to_ipv4(void *arg)
{
	const int fd = *(int *)arg, family = AF_INET;

	dwell();
	setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &family, sizeof(family));
	return NULL;
}

static int try_addrform(void)
{
	struct sockaddr_in6 good = { .sin6_family = AF_INET6, .sin6_port = htons(good_port) };
	struct sockaddr_in bad = { .sin_family = AF_UNSPEC, .sin_port = htons(bad_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), i, r;
	pthread_t t;

	good.sin6_addr.s6_addr[10] = good.sin6_addr.s6_addr[11] = 0xff;
	memcpy(good.sin6_addr.s6_addr + 12, &bad.sin_addr, 4);
	if (fd < 0 || connect(fd, (struct sockaddr *)&good, sizeof(good)) || pthread_create(&t, NULL, to_ipv4, &fd)) {
		close(fd);
		return REFUSED;
	}
	for (i = 0; i < 4; i++)
		sendto(fd, "x", 1, 0, (struct sockaddr *)&bad, sizeof(bad));
	pthread_join(t, NULL);
	r = arrived();
	close(fd);
	return r;
}

/* ---- done once, whatever interrupts ---- */

static void no_more(int sig)
{
	(void)sig;
}

static void interrupt(void)
{
	struct sigaction act = { .sa_handler = no_more, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 150 }, { 0, 150 } };

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

static int try_once(void)
{
	static unsigned long n;
	char a[256], b[300];
	bool twice;

	snprintf(a, sizeof(a), "%s/y/once%lu", dir, n++);
	snprintf(b, sizeof(b), "%s.b", a);
	twice = mkdir(a, 0755) || rename(a, b) || rmdir(b);
	close(open(a, O_WRONLY | O_CREAT | O_EXCL, 0644));
	twice = twice || link(a, b) || unlink(a) || unlink(b) || send(shared.fds[0], "x", 1, 0) != 1 || arrived() != GOOD;
	return twice ? BAD : GOOD;
}

/* ---- processes that end or become others meanwhile ---- */

static void *exec_thread(void *arg)
{
	pthread_barrier_wait(arg);
	execl("/usr/bin/true", "true", NULL);
	return NULL;
}

static int try_exec_many(void)
{
	pid_t pid = fork();
	int i;

	if (!pid) {
		pthread_barrier_t start;
		pthread_t t[8];

		pthread_barrier_init(&start, NULL, 8);
		for (i = 0; i < 8; i++)
			pthread_create(&t[i], NULL, exec_thread, &start);
		for (i = 0; i < 8; i++)
			pthread_join(t[i], NULL);
		_exit(7);
	}
	return status_of(pid) == 0 ? GOOD : BAD;
}

static void *open_always(void *arg)
{
	bool *got = arg;

	for (;;)
		if (opened(open(in("no/a"), O_RDONLY | O_CLOEXEC)) == BAD)
			*got = true;
	return NULL;
}

/* Threads that wait for an answer, in a process that ends or becomes another. */
static int try_vanish(void)
{
	static unsigned int n;
	bool *got = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), bad;
	pid_t pid = fork();
	pthread_t t;
	int i, status;

	if (!pid) {
		for (i = 0; i < 3; i++)
			pthread_create(&t, NULL, open_always, got);
		if (n & 1)
			execl("/usr/bin/true", "true", NULL);
		_exit(n & 1 ? 9 : 0);
	}
	n++;
	status = status_of(pid);
	bad = *got || status;
	munmap(got, 4096);
	return bad ? BAD : GOOD;
}

/* ---- all of them ---- */

static void receive(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int i;

	for (i = 0; i < 2; i++) {
		shared.receivers[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		a.sin_port = htons((uint16_t)(i ? bad_port : good_port));
		if (bind(shared.receivers[i], (struct sockaddr *)&a, sizeof(a)))
			perror("bind");
	}
	a.sin_port = htons(good_port);
	shared.addr = a;
	shared.fds[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (connect(shared.fds[0], (struct sockaddr *)&a, sizeof(a)))
		perror("connect");
}

static void open_two(void)
{
	shared.fds[0] = open(in("y/a"), O_RDONLY | O_CLOEXEC);
	shared.fds[1] = open(in("ro/a"), O_RDONLY | O_CLOEXEC);
	shared.slot = dup(shared.fds[0]);
}

static void make_page(void)
{
	shared.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	strcpy(shared.page, shared.good);
}

static void make_once(void)
{
	receive();
	interrupt();
}

static void make_folder(void)
{
	mkdir(in("y/p"), 0755);
	make(in("y/p/a"));
}

static const struct {
	const char *name, *good, *bad;
	void *(*flip)(void *);
	int (*once)(void);
	void (*prepare)(void);
	bool never_refused;
} races[] = {
	{ "open", "y/a", "no/a", flip_path, try_open, NULL, false },
	{ "openat2", "ro/a", "no/a", flip_how, try_openat2, NULL, false },
	{ "unmap", "y/a", "no/a", flip_memory, try_open_page, make_page, false },
	{ "cwd", "y/a", "no/a", flip_cwd, try_open_here, NULL, false },
	{ "symlink", "y/a", "no/a", flip_link, try_open_link, NULL, false },
	{ "parent", "y/a", "no/a", flip_folder, try_open_folder, make_folder, false },
	{ "unlink", "y/u", "no/a", flip_path, try_unlink, NULL, false },
	{ "rename", "y/u", "no/a", flip_path, try_rename, NULL, false },
	{ "rename-to", "y/u", "no/new", flip_path, try_rename_to, NULL, false },
	{ "truncate", "y/t", "ro/a", flip_path, try_truncate, NULL, false },
	{ "fchmod", "y/a", "ro/a", flip_fd, try_fchmod, open_two, false },
	{ "exec", "x/a", "x/b", flip_path, try_exec, NULL, false },
	{ "loader", "x/a", "x/b", flip_link, try_script, NULL, false },
	{ "connect", "y/a", "no/a", flip_port, try_connect, receive, false },
	{ "sendto", "y/a", "no/a", flip_port, try_sendto, receive, false },
	{ "sendmsg", "y/a", "no/a", flip_port, try_sendmsg, receive, false },
	{ "sendmmsg", "y/a", "no/a", flip_port, try_sendmmsg, receive, false },
	{ "addrform", "y/a", "no/a", flip_nothing, try_addrform, receive, true },
	{ "once", "y/a", "no/a", flip_nothing, try_once, make_once, true },
	{ "exec-many", "y/a", "no/a", flip_nothing, try_exec_many, NULL, true },
	{ "vanish", "y/a", "no/a", flip_nothing, try_vanish, NULL, true },
};

static long ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

int race(const char *name, const char *folder, int ms)
{
	unsigned long seen[3] = {};
	struct timespec start;
	size_t i = 0;
	pthread_t t;
	bool missing;

	while (i < sizeof(races) / sizeof(races[0]) && strcmp(name, races[i].name))
		i++;
	if (i == sizeof(races) / sizeof(races[0]))
		return 254;
	dir = folder;
	if (getenv("RACE_PORT")) {
		good_port = (uint16_t)atoi(getenv("RACE_PORT"));
		bad_port = (uint16_t)(good_port + 1);
	}
	snprintf(shared.good, sizeof(shared.good), "%s", in(races[i].good));
	snprintf(shared.bad, sizeof(shared.bad), "%s", in(races[i].bad));
	strcpy(shared.path, shared.good);
	if (races[i].prepare)
		races[i].prepare();
	if (races[i].once == try_truncate)
		make(shared.good);
	clock_gettime(CLOCK_MONOTONIC, &start);
	pthread_create(&t, NULL, races[i].flip, NULL);
	do {
		seen[races[i].once()]++;
		missing = !seen[GOOD] || (!seen[REFUSED] && !races[i].never_refused);
	} while (ms_since(&start) < ms || (missing && !seen[BAD] && ms_since(&start) < NONE_SEEN_MS));
	shared.stop = true;
	pthread_join(t, NULL);
	printf("%lu good, %lu refused, %lu bad\n", seen[GOOD], seen[REFUSED], seen[BAD]);
	return seen[BAD] ? 200 : missing ? 201 : 0;
}

void race_names(void)
{
	size_t i;

	for (i = 0; i < sizeof(races) / sizeof(races[0]); i++)
		puts(races[i].name);
}
