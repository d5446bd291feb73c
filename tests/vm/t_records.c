// SPDX-License-Identifier: Apache-2.0
/* What is in the records: each field of known operations, hostile bytes, record = "all", on_loss = "block", and every loss counted. */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "govern.h"

#define CG    "/vt-records"
#define WORK  "/work/rec"
#define TRACE 0x0123456789abcdefULL
#define SVID  "spiffe://example.org/agent/rec"

/* Rules are numbered by the bytes of their spelling: the order here is another one. */
#define BODY                                                                                                       \
	"[agent]\nsvid = \"" SVID "\"\n"                                                                           \
	"[file]\ndefault = \"deny\"\nread = [\"/**\"]\nwrite = [\"" WORK "/**\", \"/tmp/**\", \"/dev/**\"]\n"       \
	"deny = [\"" WORK "/secret/**\", \"" WORK "/a-first\", \"" WORK "/no/**\"]\n"                              \
	"[exec]\ndefault = \"allow\"\ndeny = [\"" WORK "/program\"]\n"                                             \
	"[network]\ndefault = \"deny\"\nconnect = [\"127.0.0.0/8\"]\ndeny = [\"127.9.0.0/16:80-90\", \"127.0.0.9\", \"unix:" WORK "/sock\"]\n"

static const char policy[] = "schema = 1\nname = \"records\"\n" BODY;
static const char policy_all[] = "schema = 1\nname = \"records\"\nrecord = \"all\"\n" BODY;
static const char policy_block[] = "schema = 1\nname = \"records\"\nrecord = \"all\"\non_loss = \"block\"\n" BODY;

static struct vantio_slot slot;

/* The one record of this op and decision; a failed check if there is none or more. */
static const struct rec *only(const char *op, const char *decision)
{
	size_t i = 0;

	if (!check_(__FILE__, __LINE__, count_records(op, decision) == 1, "%zu records of %s %s, not 1", count_records(op, decision), op,
		    decision)) {
		show_records();
		_exit(1);
	}
	return next_record(&i, op, decision);
}

/* ---- each field ---- */

struct known {
	pid_t pid;
	char exe[256];
};

static void read_secret(void *arg)
{
	struct known *k = arg;

	k->pid = getpid();
	prctl(PR_SET_NAME, "reader");
	CHECK_FAILS(open(WORK "/secret/x", O_RDONLY | O_CLOEXEC), EACCES);
}

static void check_who(const struct rec *r, const struct known *k)
{
	char trace[32], hash[65], number[32];
	size_t i;

	CHECK_STR(rec_text(r, "tier"), "kernel");
	CHECK_STR(rec_text(r, "agent"), "vt-records");
	CHECK_STR(rec_text(r, "agent_svid"), SVID);
	snprintf(trace, sizeof(trace), "0x%016llx", TRACE);
	CHECK_STR(rec_text(r, "trace_id"), trace);
	CHECK_INT(rec_number(r, "pid"), k->pid);
	CHECK_INT(rec_number(r, "tid"), k->pid);
	CHECK_INT(rec_number(r, "ppid"), getpid());
	CHECK_INT(rec_number(r, "uid"), 1000);
	CHECK_INT(rec_number(r, "gid"), 1000);
	CHECK_STR(rec_text(r, "comm"), "reader");
	CHECK_STR(rec_text(r, "exe"), k->exe);
	CHECK_STR(rec_text(r, "cgroup"), CG);
	CHECK_STR(rec_text(r, "policy"), "records");
	for (i = 0; i < sizeof(slot.policy_hash); i++)
		snprintf(hash + 2 * i, 3, "%02x", slot.policy_hash[i]);
	CHECK_STR(rec_text(r, "policy_hash"), hash);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)slot.gen);
	CHECK_STR(rec_text(r, "policy_gen"), number);
}

TEST(records_name_who_what_and_which_rule)
{
	struct known *k = mmap(NULL, sizeof(*k), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t from = records_now();
	const struct rec *r;
	const cJSON *args;

	REQUIRE(k != MAP_FAILED && readlink("/proc/self/exe", k->exe, sizeof(k->exe) - 1) > 0);
	run_in(CG, 1000, read_secret, k);
	load_records(from);
	r = only("read", "block");
	check_who(r, k);
	CHECK_STR(rec_text(r, "hook"), "file_open");
	CHECK_STR(rec_text(r, "rule"), "file.deny[2]");
	CHECK_STR(rec_text(r, "oracle_decision"), "Collapse");
	CHECK_STR(rec_text(r, "enforced"), "true");
	CHECK_INT(rec_number(r, "syscall_nr"), SYS_openat);
	CHECK_INT(rec_number(r, "count"), 1);
	CHECK_INT(rec_number(r, "lost_before"), 0);
	CHECK_STR(rec_resource(r, "kind"), "path");
	CHECK_STR(rec_resource(r, "path"), WORK "/secret/x");
	args = cJSON_GetObjectItem(r->private, "syscall_args");
	CHECK_INT(cJSON_GetArraySize(args), 6);
	/* AT_FDCWD, as the register held it: whether the compiler extended the sign of an int is its own affair */
	CHECK(!strcmp(cJSON_GetStringValue(cJSON_GetArrayItem(args, 0)) + strlen("0x00000000"), "ffffff9c"));
}

/* ---- many operations, each with its rule ---- */

static int tcp_connect(const char *to, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r, e;

	inet_pton(AF_INET, to, &a.sin_addr);
	r = connect(fd, (void *)&a, sizeof(a));
	e = errno;
	close(fd);
	errno = e;
	return r;
}

static void many_operations(void *arg)
{
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons(7) };
	char *const argv[] = { (char *)"program", NULL };

	(void)arg;
	inet_pton(AF_INET6, "::ffff:10.1.2.3", &mapped.sin6_addr);
	CHECK_FAILS(unlink(WORK "/a-first"), EACCES);
	CHECK_FAILS(rename(WORK "/ok/f", WORK "/no/f"), EACCES);
	CHECK_FAILS(mkdir("/opt-new", 0700), EACCES);
	CHECK_FAILS(execv(WORK "/program", argv), EACCES);
	CHECK_FAILS(tcp_connect("127.9.1.1", 85), EACCES);
	CHECK_FAILS(sendto(socket(AF_INET6, SOCK_DGRAM, 0), "x", 1, 0, (void *)&mapped, sizeof(mapped)), EACCES);
	CHECK_FAILS(socket(AF_NETLINK, SOCK_RAW, 0), EACCES);
}

static void check_record(const char *op, const char *hook, const char *rule, const char *key, const char *value)
{
	const struct rec *r = only(op, "block");

	CHECK_STR(rec_text(r, "hook"), hook);
	CHECK_STR(rec_text(r, "rule"), rule);
	CHECK_STR(rec_resource(r, key), value);
}

TEST(records_name_the_rule_of_each_operation)
{
	size_t from = records_now();

	run_in(CG, 0, many_operations, NULL);
	load_records(from);
	check_record("unlink", "path_unlink", "file.deny[0]", "path", WORK "/a-first");
	check_record("rename", "path_rename", "file.deny[1]", "path2", WORK "/no/f");
	check_record("rename", "path_rename", "file.deny[1]", "path", WORK "/ok/f");
	check_record("mkdir", "path_mkdir", "file.default", "path", "/opt-new");
	check_record("exec", rec_text(only("exec", "block"), "hook"), "exec.deny[0]", "path", WORK "/program");
	check_record("connect", "socket_connect", "network.deny[1]", "addr", "127.9.1.1");
	check_record("connect", "socket_connect", "network.deny[1]", "port", "85");
	check_record("connect", "socket_connect", "network.deny[1]", "proto", "tcp");
	check_record("sendto", "socket_sendmsg", "network.default", "addr", "::ffff:10.1.2.3");
	check_record("sendto", "socket_sendmsg", "network.default", "proto", "udp");
	check_record("socket", "socket_create", "network.default", "target", "socket family 16 type 3 protocol 0");
	CHECK_INT(count_records(NULL, "block"), 7);
}

/* ---- bytes that mean something elsewhere ---- */

#define HOSTILE "\x1b]0;x\a\n\"\\\xff\xe2\x80\xae"

static void hostile(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "\x1b[31m\n\"\\\xff");
	CHECK_FAILS(open(WORK "/secret/" HOSTILE, O_RDONLY | O_CLOEXEC), EACCES);
}

TEST(records_escape_hostile_bytes)
{
	size_t from = records_now();
	const struct rec *r;
	const char *p;

	make_file(WORK "/secret/" HOSTILE, "x", 0666);
	run_in(CG, 0, hostile, NULL);
	load_records(from);
	r = only("read", "block");
	CHECK_STR(rec_text(r, "comm"), "\\x1b[31m\\x0a\"\\\\\\xff");
	CHECK_STR(rec_resource(r, "path"), WORK "/secret/\\x1b]0;x\\x07\\x0a\"\\\\\\xff\\xe2\\x80\\xae");
	CHECK_SH(0, "vantioctl ledger list --limit 3 --ledger %s; vantioctl ledger show %lld --ledger %s", ledger_dir(), rec_number(r, "leaf"),
		 ledger_dir());
	CHECK(strstr(sh_output, "\\x1b]0;x") != NULL);
	for (p = sh_output; *p == '\n' || (unsigned char)*p >= ' '; p++)
		;
	check_(__FILE__, __LINE__, !*p, "byte 0x%02x reaches the terminal", (unsigned char)*p);
	CHECK(!strstr(sh_output, "\xff") && !strstr(sh_output, "\xe2\x80\xae"));
}

/* ---- record = "all" ---- */

static void allowed_operations(void *arg)
{
	int fd = open(WORK "/ok/f", O_RDWR | O_CLOEXEC);

	(void)arg;
	CHECK_OK(fd);
	close(fd);
	CHECK_FAILS(tcp_connect("127.0.0.1", 9), ECONNREFUSED);
	CHECK_OK(mkdir(WORK "/ok/folder", 0700));
	CHECK_OK(rmdir(WORK "/ok/folder"));
}

TEST(records_of_all_hold_what_was_permitted_once)
{
	static const char *const ops[][2] = { { "write", "file.write[2]" }, { "connect", "network.connect[0]" }, { "mkdir", "file.write[2]" },
					      { "rmdir", "file.write[2]" } };
	size_t from, i;

	push_text(policy_all, NULL);
	from = records_now();
	run_in(CG, 0, allowed_operations, NULL);
	load_records(from);
	for (i = 0; i < VANTIO_ARRAY_SIZE(ops); i++) {
		const struct rec *r = only(ops[i][0], "permit");

		CHECK_STR(rec_text(r, "rule"), ops[i][1]);
		CHECK_STR(rec_text(r, "oracle_decision"), "Permit");
		CHECK_STR(rec_text(r, "enforced"), "true");
	}
	push_text(policy, &slot);
	from = records_now();
	run_in(CG, 0, allowed_operations, NULL);
	load_records(from);
	CHECK_INT(n_recs, 0);
}

/* ---- a full buffer ---- */

#define LONG_NAME "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
		  "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

/* "<folder>/nnn.../nnn.../.../f": an event of it is `depth` * 200 bytes and some. */
static const char *long_path(const char *folder, int depth)
{
	static char path[4096];
	size_t len = (size_t)snprintf(path, sizeof(path), "%s", folder);

	while (depth--) {
		len += (size_t)snprintf(path + len, sizeof(path) - len, "/" LONG_NAME);
		if (mkdir(path, 0777) && errno != EEXIST && errno != EACCES)
			check_(__FILE__, __LINE__, false, "mkdir: %s", strerror(errno));
	}
	snprintf(path + len, sizeof(path) - len, "/f");
	return path;
}

struct flood {
	const char *path;
	unsigned long opened, refused;
	unsigned long stop_at; /* attempts */
	bool until_refused;
};

static void flood(void *arg)
{
	struct flood *f = arg;

	while (f->opened + f->refused < f->stop_at && !(f->until_refused && f->refused)) {
		int fd = open(f->path, O_RDONLY | O_CLOEXEC);

		if (fd < 0) {
			f->refused++;
			if (errno != EACCES)
				check_(__FILE__, __LINE__, false, "open: %s", strerror(errno));
		} else {
			f->opened++;
			close(fd);
		}
	}
}

static struct flood *new_flood(const char *path, unsigned long stop_at, bool until_refused)
{
	struct flood *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	REQUIRE(f != MAP_FAILED);
	*f = (struct flood){ .path = path, .stop_at = stop_at, .until_refused = until_refused };
	return f;
}

/* Every record of this ledger from leaf `from` on: how many are reads of the flood, and how many losses are told of. */
static void count_flood(size_t from, unsigned long *ret_recorded, unsigned long *ret_lost)
{
	FILE *log = open_segment("log");
	char *line = NULL;
	size_t cap = 0, leaf;
	ssize_t n;

	*ret_recorded = *ret_lost = 0;
	REQUIRE(log != NULL);
	for (leaf = 0; (n = getline(&line, &cap, log)) > 0; leaf++) {
		struct vantio_record_fields f;
		struct vantio_error err = {};

		if (leaf < from)
			continue;
		if (!check_(__FILE__, __LINE__, !vantio_record_scan(line, (size_t)n - 1, &f, &err), "leaf %zu: %s", leaf, err.text))
			break;
		*ret_lost += f.lost_before;
		*ret_recorded += f.op.len == 4 && !memcmp(f.op.p, "read", 4);
	}
	free(line);
	fclose(log);
}

TEST_WITHIN(records_on_loss_block_refuses_what_cannot_be_recorded, 180)
{
	const char *path = long_path(WORK "/ok", 18);
	struct flood *f = new_flood(path, 100000, true), *again = new_flood(path, 5, false);
	unsigned long recorded, lost;
	size_t from;

	make_file(path, "x", 0666);
	push_text(policy_block, NULL);
	from = records_now();
	run_in(CG, 0, flood, f); /* nobody drains */
	CHECK_INT(f->refused, 1);
	CHECK(f->opened > 500);
	run_in(CG, 0, flood, again);
	CHECK_INT(again->refused, 5);
	drain_records();
	*again = *new_flood(path, 5, false);
	run_in(CG, 0, flood, again);
	CHECK_INT(again->opened, 5);
	drain_records();
	count_flood(from, &recorded, &lost);
	CHECK_INT(recorded, f->opened + again->opened);
	CHECK(lost >= 6);
	push_text(policy, &slot);
}

#define ATTEMPTS 10000 /* by each of two processes: some 28 MB of events, for a buffer of 8 */

TEST_WITHIN(records_and_losses_add_up_to_what_was_attempted, 300)
{
	const char *path = long_path(WORK "/secret", 5);
	struct flood *f[2] = { new_flood(path, ATTEMPTS, false), new_flood(path, ATTEMPTS, false) };
	unsigned long recorded, lost;
	size_t from, i;
	pid_t pid[2];
	int status;

	make_file(path, "x", 0666);
	from = records_now();
	for (i = 0; i < 2; i++)
		pid[i] = start_in(CG, 0, flood, f[i]);
	for (i = 0; i < 2; i++)
		CHECK(waitpid(pid[i], &status, 0) == pid[i] && status == 0);
	CHECK_INT(f[0]->refused + f[1]->refused, 2 * ATTEMPTS); /* that nobody drains changes no verdict */
	drain_records();
	count_flood(from, &recorded, &lost);
	printf("# %lu recorded, %lu lost\n", recorded, lost);
	CHECK(recorded > 0 && lost > 0);
	CHECK_INT(recorded + lost, 2 * ATTEMPTS);
	drain_records();
	count_flood(from, &recorded, &lost); /* and they are told of once */
	CHECK_INT(recorded + lost, 2 * ATTEMPTS);
	CHECK_SH(0, "vantioctl ledger verify --ledger %s", ledger_dir());
}

SETUP()
{
	static const char *const folders[] = { WORK, WORK "/ok", WORK "/no", WORK "/secret" };
	size_t i;

	engine_ready();
	for (i = 0; i < VANTIO_ARRAY_SIZE(folders); i++)
		make_folder(folders[i]);
	make_file(WORK "/secret/x", "x", 0666);
	make_file(WORK "/a-first", "x", 0666);
	make_file(WORK "/ok/f", "x", 0666);
	make_file(WORK "/program", "#!/bin/sh\n", 0777);
	if (!push_text(policy, &slot))
		enroll("vt-records", CG, 0, slot.slot, TRACE);
}

TEARDOWN()
{
	remove_named("vt-records");
	rmdir(CGROUP_ROOT CG);
}

VT_MAIN()
