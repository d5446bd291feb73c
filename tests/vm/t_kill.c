// SPDX-License-Identifier: Apache-2.0
/* The kill switch: soft, release and hard, of one agent and of all, with `enforce` and without. */
#include <arpa/inet.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "govern.h"

#define A      "/vt-kill-a"
#define B      "/vt-kill-b"
#define POLICY "/tmp/kill.toml"

static const char policy[] = "schema = 1\nname = \"kill\"\n"
			     "[file]\ndefault = \"allow\"\n[exec]\ndefault = \"allow\"\n[network]\ndefault = \"allow\"\n"
			     "[kernel]\nptrace = \"allow\"\nsignal = \"allow\"\n";
static struct vantio_slot slot;

/* ---- workers ---- */

/* What a worker did, in shared memory. */
struct work {
	unsigned long done, refused;
	pid_t pid;
};

static struct work *new_work(void)
{
	struct work *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	REQUIRE(w != MAP_FAILED);
	return w;
}

static void work(void *arg)
{
	struct timespec pace = { .tv_nsec = 1000000 }; /* of the work: a loop without one floods the event buffer once it is refused */
	struct work *w = arg;

	__atomic_store_n(&w->pid, getpid(), __ATOMIC_SEQ_CST);
	for (;;) {
		int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

		__atomic_add_fetch(fd < 0 ? &w->refused : &w->done, 1, __ATOMIC_SEQ_CST);
		if (fd >= 0)
			close(fd);
		nanosleep(&pace, NULL);
	}
}

static struct work *start_worker(const char *cgroup)
{
	struct work *w = new_work();

	CHECK_OK(start_in(cgroup, 0, work, w));
	return w;
}

/* Waits until it has done `n` more. */
static bool progresses(struct work *w, unsigned long n)
{
	unsigned long from = __atomic_load_n(&w->done, __ATOMIC_SEQ_CST);
	long long until = now_ms() + 10000;

	while (__atomic_load_n(&w->done, __ATOMIC_SEQ_CST) < from + n)
		if (now_ms() > until)
			return false;
		else
			sched_yield();
	return true;
}

/* Nothing is done while another, who is not halted, gets on. */
static bool stands_still(struct work *w, struct work *other)
{
	unsigned long done = __atomic_load_n(&w->done, __ATOMIC_SEQ_CST), refused = __atomic_load_n(&w->refused, __ATOMIC_SEQ_CST);

	CHECK(progresses(other, 20));
	return done == __atomic_load_n(&w->done, __ATOMIC_SEQ_CST) && refused == __atomic_load_n(&w->refused, __ATOMIC_SEQ_CST);
}

static int frozen(const char *cgroup)
{
	char path[256];
	const char *text;

	snprintf(path, sizeof(path), CGROUP_ROOT "%s/cgroup.events", cgroup);
	text = file_text(path);
	return !text ? -1 : strstr(text, "frozen 1") != NULL;
}

static void set_frozen(const char *cgroup, bool on)
{
	char path[256];

	snprintf(path, sizeof(path), CGROUP_ROOT "%s/cgroup.freeze", cgroup);
	CHECK(write_text(path, on ? "1" : "0"));
}

static char state_of(pid_t pid)
{
	char path[64];
	const char *text, *after;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	text = file_text(path);
	after = text ? strrchr(text, ')') : NULL;
	return after ? after[2] : '-';
}

static void end(struct work *w)
{
	kill(w->pid, SIGKILL);
	waitpid(w->pid, NULL, 0);
}

/* ---- soft ---- */

static void soft_and_release(void)
{
	struct work *a = start_worker(A), *b = start_worker(B), *free_one = start_worker(NULL);

	CHECK(progresses(a, 5) && progresses(b, 5));

	CHECK_SH(0, "vantioctl killswitch --soft --agent kill-a");
	CHECK_STR(sh_output, "halted: 1 agent, 1 process\n");
	CHECK_INT(frozen(A), 1);
	CHECK_INT(frozen(B), 0);
	CHECK(stands_still(a, b));

	CHECK_SH(0, "vantioctl killswitch --release --agent kill-a");
	CHECK_STR(sh_output, "released: 1 agent, 1 process\n");
	CHECK_INT(frozen(A), 0);
	CHECK(progresses(a, 5)); /* the same process, where it was */

	CHECK_SH(0, "vantioctl killswitch --soft");
	CHECK_INT(frozen(A), 1);
	CHECK_INT(frozen(B), 1);
	CHECK(stands_still(a, free_one) && stands_still(b, free_one));
	CHECK_SH(1, "vantioctl killswitch --release --agent kill-a");
	CHECK(strstr(sh_output, "release all of them"));
	CHECK_SH(1, "vantioctl agent release kill-a");
	CHECK(strstr(sh_output, "'vantioctl killswitch --release' releases all of them"));
	CHECK(stands_still(a, free_one));
	CHECK_SH(0, "vantioctl killswitch --release");
	CHECK(progresses(a, 5) && progresses(b, 5));
	CHECK_INT(free_one->refused, 0);
	end(a);
	end(b);
	end(free_one);
}

TEST(kill_soft_freezes_the_agent_that_is_named_alone)
{
	size_t from = records_now();

	soft_and_release();
	await_records(from, "kill_release", "permit", 2);
	CHECK_INT(count_records("kill_soft", "killswitch"), 2);
}

TEST(kill_soft_works_while_enforce_runs)
{
	size_t from = records_now();
	pid_t enforce = enforce_start(POLICY, NULL);

	soft_and_release();
	await_records(from, "kill_release", "permit", 2);
	CHECK_INT(count_records("kill_soft", "killswitch"), 2);
	CHECK_INT(enforce_end(enforce, SIGTERM), 0);
}

TEST(kill_status_says_who_is_halted)
{
	cJSON *doc;

	CHECK_SH(0, "vantioctl killswitch status");
	CHECK(strstr(sh_output, "kill switch of every agent: off") && strstr(sh_output, "kill-b"));
	CHECK_SH(0, "vantioctl killswitch --soft --agent kill-a");
	CHECK_SH(0, "vantioctl --json killswitch status");
	doc = cJSON_Parse(sh_output);
	CHECK(cJSON_IsFalse(cJSON_GetObjectItem(doc, "all")));
	for (const cJSON *i = cJSON_GetObjectItem(doc, "agents")->child; i; i = i->next) {
		const char *name = cJSON_GetObjectItem(i, "agent")->valuestring, *state = cJSON_GetObjectItem(i, "state")->valuestring;

		if (!strncmp(name, "kill-", 5))
			CHECK_STR(state, strcmp(name, "kill-a") ? "enrolled" : "halted");
	}
	CHECK_SH(0, "vantioctl killswitch --release --agent kill-a");
	CHECK_SH(0, "vantioctl killswitch --soft");
	CHECK_SH(0, "vantioctl killswitch status");
	CHECK(strstr(sh_output, "kill switch of every agent: on"));
	CHECK_SH(0, "vantioctl killswitch --release");
}

/* ---- what a halted process runs into, should it run ---- */

static int go[2], ready[2];

/* Sockets of before the halt. */
struct open_sockets {
	int udp6, pair[2], listener;
};

static void open_before(struct open_sockets *s)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(7801), .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	s->udp6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_OK(connect(s->udp6, (void *)&to, sizeof(to)));
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s->pair));
}

static void halted_sockets(struct open_sockets *s)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(7801), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	struct sockaddr_un path = { .sun_family = AF_UNIX, .sun_path = "/tmp/kill-socket" };

	CHECK_FAILS(connect(s->listener, (void *)&v4, sizeof(v4)), EACCES);
	CHECK_FAILS(bind(s->listener, (void *)&v4, sizeof(v4)), EACCES);
	CHECK_FAILS(listen(s->listener, 1), EACCES);
	CHECK_FAILS(send(s->udp6, "x", 1, 0), EACCES);
	CHECK_FAILS(sendto(s->udp6, "x", 1, 0, &unspec, sizeof(unspec)), EACCES);
	CHECK_FAILS(send(s->pair[0], "x", 1, 0), EACCES);
	CHECK_FAILS(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&path, sizeof(path)), EACCES);
	CHECK_FAILS(socket(AF_NETLINK, SOCK_RAW, 0), EACCES);
	CHECK(!exists(path.sun_path));
}

static void halted_operations(void *arg)
{
	char *const argv[] = { (char *)"true", NULL };
	struct open_sockets s;
	char byte;

	(void)arg;
	open_before(&s);
	CHECK_INT(write(ready[1], "x", 1), 1);
	CHECK_INT(read(go[0], &byte, 1), 1);
	CHECK_FAILS(open("/etc/passwd", O_RDONLY), EACCES);
	CHECK_FAILS(open("/tmp/kill-new", O_WRONLY | O_CREAT, 0600), EACCES);
	CHECK_FAILS(unlink("/tmp/kill-file"), EACCES);
	CHECK_FAILS(rename("/tmp/kill-file", "/tmp/kill-moved"), EACCES);
	CHECK_FAILS(mkdir("/tmp/kill-folder", 0700), EACCES);
	CHECK_FAILS(chmod("/tmp/kill-file", 0777), EACCES);
	CHECK_FAILS(truncate("/tmp/kill-file", 0), EACCES);
	CHECK_FAILS(execv("/bin/true", argv), EACCES);
	CHECK_FAILS(fork(), EACCES);
	halted_sockets(&s);
}

/* Halts the agent of process `child`, lets its cgroup run by hand, and waits for what the process does then. */
static void run_halted(pid_t child, const char *who)
{
	char byte;
	int status = -1;

	CHECK_INT(read(ready[0], &byte, 1), 1);
	CHECK_SH(0, "vantioctl killswitch --soft %s", who);
	CHECK_INT(frozen(A), 1);
	CHECK_INT(write(go[1], "x", 1), 1);
	set_frozen(A, false);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
}

static void check_halted_records(size_t from)
{
	static const char *const ops[] = { "read", "create", "unlink", "rename", "mkdir", "chmod", "truncate", "exec", "fork", "connect", "bind",
					   "listen", "sendto", "socket" };
	size_t i;

	load_records(from);
	for (i = 0; i < VANTIO_ARRAY_SIZE(ops); i++) {
		size_t at = 0;
		const struct rec *r = next_record(&at, ops[i], "killswitch");

		if (!check_(__FILE__, __LINE__, r != NULL, "no record of a halted %s", ops[i]))
			continue;
		CHECK_STR(rec_text(r, "rule"), "engine.killswitch");
		CHECK_STR(rec_text(r, "oracle_decision"), "KillSwitch");
		CHECK_STR(rec_text(r, "agent"), "kill-a");
		CHECK_STR(rec_text(r, "enforced"), "true");
	}
	CHECK_INT(count_records("sendto", "killswitch"), 3);
	CHECK_INT(count_records("bind", "killswitch"), 2);
}

TEST(kill_soft_refuses_every_governed_operation)
{
	static const char *const whose[] = { "--agent kill-a", "" };

	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(whose); i++) {
		size_t from = records_now();

		make_file("/tmp/kill-file", "untouched", 0644);
		REQUIRE(pipe(go) == 0 && pipe(ready) == 0);
		run_halted(start_in(A, 0, halted_operations, NULL), whose[i]);
		CHECK_STR(file_text("/tmp/kill-file"), "untouched");
		CHECK(!exists("/tmp/kill-new") && !exists("/tmp/kill-folder") && !exists("/tmp/kill-moved"));
		check_halted_records(from);
		CHECK_SH(0, "vantioctl killswitch --release %s", whose[i]);
	}
}

/* ---- agents that are processes ---- */

static void parent_of_two(void *arg)
{
	struct work **w = arg;
	pid_t child = fork();

	if (child == 0) {
		if (fork() == 0)
			work(w[2]);
		work(w[1]);
	}
	work(w[0]);
}

TEST(kill_soft_stops_an_agent_that_was_enrolled_by_pid)
{
	struct work *w[3] = { new_work(), new_work(), new_work() }, *other = start_worker(NULL);
	pid_t root = start_in(NULL, 0, parent_of_two, w);
	size_t i;

	for (i = 0; i < 3; i++)
		CHECK(progresses(w[i], 2));
	enroll("kill-p", NULL, root, slot.slot, 0);
	CHECK_SH(0, "vantioctl killswitch --soft --agent kill-p");
	CHECK_STR(sh_output, "halted: 1 agent, 3 processes\n");
	for (i = 0; i < 3; i++) {
		CHECK(stands_still(w[i], other));
		CHECK_INT(state_of(w[i]->pid), 'T');
	}
	CHECK_SH(0, "vantioctl killswitch --release --agent kill-p");
	for (i = 0; i < 3; i++)
		CHECK(progresses(w[i], 2));
	CHECK_SH(0, "vantioctl killswitch --hard --agent kill-p");
	CHECK_STR(sh_output, "ended: 1 agent, 3 processes\n");
	CHECK_INT(waitpid(root, NULL, 0), root);
	for (i = 1; i < 3; i++)
		CHECK(state_of(w[i]->pid) == '-' || state_of(w[i]->pid) == 'Z');
	CHECK(progresses(other, 2));
	end(other);
	remove_named("kill-p");
}

/* ---- hard ---- */

static void leave_a_daemon(void *arg)
{
	if (fork() == 0) {
		setsid();
		if (fork() == 0)
			work(arg);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
}

static bool is_gone(struct work *w)
{
	int fd = (int)syscall(SYS_pidfd_open, w->pid, 0), n;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return true;
	n = poll(&p, 1, 5000);
	close(fd);
	return n == 1;
}

/* A process that enters after a hard kill and tries to open a file. */
static void try_open(void *arg)
{
	*(int *)arg = open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
}

static void hard(void)
{
	struct work *stay = start_worker(A), *moved = start_worker(A), *stopped = start_worker(A), *daemon = new_work();
	struct work *b = start_worker(B), *all[] = { stay, moved, stopped, daemon };
	int *result = (int *)new_work();
	size_t from = records_now(), i, k;

	run_in(A, 0, leave_a_daemon, daemon);
	for (i = 0; i < VANTIO_ARRAY_SIZE(all); i++)
		CHECK(progresses(all[i], 2));
	CHECK(cgroup_move(CGROUP_ROOT, moved->pid) && cgroup_move(CGROUP_ROOT B, daemon->pid));
	CHECK_OK(kill(stopped->pid, SIGSTOP));
	CHECK_SH(0, "vantioctl killswitch --hard --agent kill-a");
	CHECK_STR(sh_output, "ended: 1 agent, 4 processes\n");
	for (i = 0; i < VANTIO_ARRAY_SIZE(all); i++)
		CHECK(is_gone(all[i]));
	CHECK(progresses(b, 5));
	CHECK_INT(b->refused, 0);
	await_records(from, "kill_hard", "killswitch", VANTIO_ARRAY_SIZE(all));
	for (i = 0; i < VANTIO_ARRAY_SIZE(all); i++) {
		char target[64];

		snprintf(target, sizeof(target), "pid %d uid 0", (int)all[i]->pid);
		for (k = 0; k < n_recs; k++)
			if (!strcmp(rec_text(&recs[k], "op"), "kill_hard") && !strcmp(rec_resource(&recs[k], "target"), target))
				break;
		check_(__FILE__, __LINE__, k < n_recs, "no record of the end of %s", target);
	}
	run_in(A, 0, try_open, result); /* whoever comes later is refused until the release */
	CHECK_INT(*result, EACCES);
	CHECK_SH(0, "vantioctl killswitch --release --agent kill-a");
	end(b);
}

TEST(kill_hard_ends_every_process_wherever_it_has_gone)
{
	hard();
}

TEST(kill_hard_works_while_enforce_runs)
{
	pid_t enforce = enforce_start(POLICY, NULL);

	hard();
	CHECK_INT(enforce_end(enforce, SIGTERM), 0);
}

TEST(kill_hard_of_all_ends_frozen_agents_too)
{
	struct work *a = start_worker(A), *b = start_worker(B);
	int *result = (int *)new_work();

	CHECK(progresses(a, 2) && progresses(b, 2));
	CHECK_SH(0, "vantioctl killswitch --soft");
	CHECK_INT(frozen(A), 1);
	CHECK_SH(0, "vantioctl killswitch --hard");
	CHECK(is_gone(a) && is_gone(b));
	run_in(A, 0, try_open, result); /* not frozen, so that it sees the refusal */
	CHECK_INT(*result, EACCES);
	CHECK_SH(0, "vantioctl killswitch --release");
	run_in(A, 0, try_open, result);
	CHECK_INT(*result, 0);
}

/* ---- errors ---- */

TEST(kill_wrong_use_says_what_is_wrong)
{
	CHECK_SH(1, "vantioctl killswitch --soft --agent nobody");
	CHECK(strstr(sh_output, "no agent is named 'nobody'"));
	CHECK_SH(2, "vantioctl killswitch --soft --hard");
	CHECK(strstr(sh_output, "only one, of --soft, --hard, --release and status"));
	CHECK_SH(2, "vantioctl killswitch");
	CHECK_SH(2, "vantioctl killswitch --release status");
	CHECK_SH(2, "vantioctl killswitch --agent kill-a");
	CHECK_SH(5, "su user -c 'vantioctl killswitch --soft'");
	CHECK(strstr(sh_output, "run as root"));
	CHECK_SH(1, "vantioctl --json killswitch --soft --agent nobody");
	CHECK(cJSON_Parse(sh_output) != NULL);
	CHECK_SH(0, "vantioctl killswitch status");
	CHECK(strstr(sh_output, "kill switch of every agent: off") && !strstr(sh_output, "halted"));
}

SETUP()
{
	engine_ready();
	setenv("VANTIO_LEDGER", ledger_dir(), 1);
	make_file(POLICY, policy, 0644);
	if (push_text(policy, &slot))
		return;
	enroll("kill-a", A, 0, slot.slot, 0);
	enroll("kill-b", B, 0, slot.slot, 0);
}

TEARDOWN()
{
	CHECK_SH(0, "vantioctl killswitch --release");
	remove_named("kill-a");
	remove_named("kill-b");
}

VT_MAIN()
