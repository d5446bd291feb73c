// SPDX-License-Identifier: Apache-2.0
/*
 * Two policies change places again and again while governed processes do what one of them allows, what both allow and what
 * neither does. What both allow never fails, what neither allows never succeeds: no half of a policy, no moment without one.
 */
#include <arpa/inet.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "govern.h"

#define CG    "/vt-swap"
#define WORK  "/work/swap"
#define SWAPS 1000

static const char head[] = "schema = 1\nname = \"swap\"\n[exec]\ndefault = \"allow\"\n";

/* A renames and writes in `x` and has m1, B in `y` and has m2; `[::]` for both families needs what neither has alone. */
#define FILES(mine, theirs, name)                                                                                              \
	"[file]\ndefault = \"deny\"\nread = [\"" WORK "/" mine "/**\", \"" WORK "/both/**\"]\n"                                \
	"write = [\"" WORK "/" mine "/**\", \"" WORK "/both/**\", \"" WORK "/" name "/**\"]\n"                                 \
	"deny = [\"" WORK "/" theirs "/**\"" 
#define NET(mine, addr)                                                                                                        \
	"[network]\ndefault = \"deny\"\nconnect = [\"127.0.0.1:" mine "\", \"127.0.0.1:7703\"]\n"                              \
	"listen = [\"udp:0.0.0.0:7705\", \"udp:[::]:7705\", \"udp:" addr ":7706\"]\n"

static const char body_a[] = FILES("x", "y", "m1") ", \"" WORK "/m2/**\"]\n" NET("7701", "0.0.0.0");
static const char body_b[] = FILES("y", "x", "m2") ", \"" WORK "/m1/**\"]\n" NET("7702", "[::]");

/* ---- what the processes do ---- */

static int try_open_x(void)
{
	int fd = open(WORK "/x/f", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

static int try_open_y(void)
{
	int fd = open(WORK "/y/f", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

static int try_open_both(void)
{
	int fd = open(WORK "/both/f", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

static int try_open_neither(void)
{
	int fd = open(WORK "/neither/f", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

static int try_rename_across(void)
{
	return rename(WORK "/x/f", WORK "/y/moved");
}

static int try_rename_both(void)
{
	char from[64], to[64];

	snprintf(from, sizeof(from), WORK "/both/%d-1", (int)getpid());
	snprintf(to, sizeof(to), WORK "/both/%d-2", (int)getpid());
	return rename(from, to) || rename(to, from) ? -1 : 0;
}

static int try_utimes(void) /* the object has a name under either mount: one is denied, whichever policy is in force */
{
	return utimensat(AT_FDCWD, WORK "/m1/f", NULL, 0);
}

static int send_to(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = sendto(fd, "x", 1, 0, (void *)&to, sizeof(to)) < 0 ? -1 : 0, e = errno;

	close(fd);
	errno = e;
	return r;
}

static int try_send_a(void) { return send_to(7701); }
static int try_send_b(void) { return send_to(7702); }
static int try_send_both(void) { return send_to(7703); }
static int try_send_neither(void) { return send_to(7704); }

static int bind_any(int port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1, r, e;

	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	r = bind(fd, (void *)&at, sizeof(at));
	e = errno;
	close(fd);
	errno = e;
	return r;
}

static int try_bind_both(void) { return bind_any(7705); }
static int try_bind_halves(void) { return bind_any(7706); }

enum wanted { SOMETIMES, ALWAYS, NEVER };

static const struct {
	const char *name;
	int (*run)(void);
	enum wanted want;
} tries[] = {
	{ "open of what A allows", try_open_x, SOMETIMES },
	{ "open of what B allows", try_open_y, SOMETIMES },
	{ "open of what both allow", try_open_both, ALWAYS },
	{ "open of what neither allows", try_open_neither, NEVER },
	{ "rename from what A allows to what B allows", try_rename_across, NEVER },
	{ "rename that both allow", try_rename_both, ALWAYS },
	{ "times of an object with a name in each policy's denied mount", try_utimes, NEVER },
	{ "datagram that A allows", try_send_a, SOMETIMES },
	{ "datagram that B allows", try_send_b, SOMETIMES },
	{ "datagram that both allow", try_send_both, ALWAYS },
	{ "datagram that neither allows", try_send_neither, NEVER },
	{ "bind of [::] that both allow", try_bind_both, ALWAYS },
	{ "bind of [::] of which each allows a family", try_bind_halves, NEVER },
};

struct tally {
	unsigned long ok[VANTIO_ARRAY_SIZE(tries)], refused[VANTIO_ARRAY_SIZE(tries)];
	int wrong[VANTIO_ARRAY_SIZE(tries)]; /* errno of a failure that is no refusal */
	int stop;
};

static struct tally *tally;

static void hammer(void *arg)
{
	struct timespec pace = { .tv_nsec = 100000 }; /* where processors are emulated in turn, a busy one keeps the others waiting */
	size_t first = *(size_t *)arg, i;
	char mine[64];

	setpriority(PRIO_PROCESS, 0, 0);
	snprintf(mine, sizeof(mine), WORK "/both/%d-1", (int)getpid());
	close(open(mine, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	for (i = first; !__atomic_load_n(&tally->stop, __ATOMIC_RELAXED); i = (i + 1) % VANTIO_ARRAY_SIZE(tries)) {
		int r = tries[i].run(), e = errno;

		__atomic_add_fetch(r ? &tally->refused[i] : &tally->ok[i], 1, __ATOMIC_RELAXED);
		if (r && e != EACCES && e != EPERM) /* EPERM: the policy changed between socket_sendmsg and the cgroup program */
			tally->wrong[i] = e;
		if (!i)
			nanosleep(&pace, NULL);
	}
	unlink(mine);
}

#define HAMMERS 2

static void start_hammers(pid_t pids[HAMMERS])
{
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(tally != MAP_FAILED);
	for (size_t i = 0; i < HAMMERS; i++) {
		static size_t first[HAMMERS];

		first[i] = i * 6;
		pids[i] = start_in(CG, 0, hammer, &first[i]);
	}
}

static void stop_hammers(const pid_t pids[HAMMERS])
{
	int status;

	__atomic_store_n(&tally->stop, 1, __ATOMIC_SEQ_CST);
	for (size_t i = 0; i < HAMMERS; i++)
		CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
}

static void check_tally(void)
{
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(tries); i++) {
		unsigned long ok = tally->ok[i], refused = tally->refused[i];

		printf("# %s: %lu done, %lu refused\n", tries[i].name, ok, refused);
		check_(__FILE__, __LINE__, !tally->wrong[i], "%s: %s", tries[i].name, strerror(tally->wrong[i]));
		check_(__FILE__, __LINE__, tries[i].want == NEVER ? !ok : ok > 0, "%s: %lu done", tries[i].name, ok);
		check_(__FILE__, __LINE__, tries[i].want == ALWAYS ? !refused : refused > 0, "%s: %lu refused", tries[i].name, refused);
	}
}

/* ---- what changes meanwhile ---- */

/* Parsed once: a push without folders to protect does not change it. */
struct parsed {
	struct vantio_policy *policy;
	char *text;
};

static struct parsed parse(const char *body, const char *more)
{
	struct vantio_diagnostics diags = {};
	struct vantio_expand expand = { .home = "/root" };
	struct vantio_error err = {};
	struct parsed p = {};

	REQUIRE(asprintf(&p.text, "%s%s%s", head, body, more) > 0);
	if (vantio_policy_parse(p.text, strlen(p.text), "policy.toml", &expand, &p.policy, &diags, &err)) {
		check_(__FILE__, __LINE__, false, "%s", err.text);
		_exit(1);
	}
	vantio_diagnostics_free(&diags);
	return p;
}

static void push_parsed(struct vantio_engine *e, const struct parsed *p, struct vantio_slot *ret)
{
	static const struct vantio_resolution nothing;
	struct vantio_error err = {};

	if (vantio_engine_push(e, p->policy, p->text, strlen(p->text), NULL, &nothing, NULL, NULL, 0, ret, &err)) {
		check_(__FILE__, __LINE__, false, "%s", err.text);
		_exit(1);
	}
}

static uint32_t cells_of(const struct parsed *p)
{
	cleanup_image struct vantio_image *image = NULL;
	struct vantio_error err = {};

	return vantio_image_compile(p->policy, NULL, &image, &err) ? 0 : image->n_cells;
}

TEST_WITHIN(swap_of_policies_under_load_shows_no_half_and_no_gap, 900)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	struct parsed both[2] = { parse(body_a, ""), parse(body_b, "") };
	struct vantio_slot slot;
	pid_t pids[HAMMERS];
	long long start;
	int i;

	REQUIRE(engine_change(&e) == 0);
	start_hammers(pids);
	start = now_ms();
	for (i = 0; i < SWAPS; i++)
		push_parsed(&e, &both[i & 1], &slot);
	printf("# %d swaps in %lld ms\n", i, now_ms() - start);
	vantio_engine_close(&e);
	stop_hammers(pids);
	check_tally();
}

/* Rules that are never asked for, until the image is a large one. */
static char *ballast(void)
{
	char *text = malloc(512 * 1024), *at = text;
	unsigned int i, k, seed = 7;

	REQUIRE(text != NULL);
	for (i = 0; i < 1200; i++) {
		at += sprintf(at, "%s\"" WORK "/ballast/", i ? ",\n" : "");
		for (k = 0; k < 60; k++) {
			seed = seed * 1103515245u + 12345u;
			*at++ = (char)('a' + (seed >> 16) % 26);
		}
		at += sprintf(at, "\"");
	}
	*at = '\0';
	return text;
}

/* Between an image of one page and one of many, both ways. */
TEST_WITHIN(swap_between_a_small_and_a_large_image_shows_no_half_and_no_gap, 900)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	char *rules = ballast(), *large;
	struct parsed both[2];
	struct vantio_slot slot;
	pid_t pids[HAMMERS];
	long long start;
	uint32_t cells;
	int i;

	REQUIRE(asprintf(&large, FILES("y", "x", "m2") ", \"" WORK "/m1/**\", %s]\n" NET("7702", "[::]"), rules) > 0);
	both[0] = parse(body_a, "");
	both[1] = parse(large, "");
	CHECK(cells_of(&both[0]) <= VANTIO_PAGE_CELLS);
	cells = cells_of(&both[1]);
	check_(__FILE__, __LINE__, cells > VANTIO_PAGE_CELLS, "the large image has %u cells", cells);
	REQUIRE(engine_change(&e) == 0);
	start_hammers(pids);
	start = now_ms();
	for (i = 0; i < 6; i++)
		push_parsed(&e, &both[i & 1], &slot);
	printf("# %d swaps in %lld ms\n", i, now_ms() - start);
	vantio_engine_close(&e);
	stop_hammers(pids);
	check_tally();
}

SETUP()
{
	static const char *const files[] = { "x", "y", "both", "neither" };
	char path[64];
	struct parsed first;
	struct vantio_slot slot;
	struct vantio_engine e = VANTIO_ENGINE_INIT;

	engine_ready();
	CHECK(write_text("/sys/kernel/rcu_expedited", "1")); /* each swap waits for a grace period */
	make_folder(WORK);
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), WORK "/%s", files[i]);
		make_folder(path);
		snprintf(path, sizeof(path), WORK "/%s/f", files[i]);
		make_file(path, "x", 0666);
	}
	make_folder(WORK "/m1");
	make_folder(WORK "/m2");
	CHECK_OK(mount("swap", WORK "/m1", "tmpfs", 0, NULL));
	make_file(WORK "/m1/f", "x", 0666);
	CHECK_OK(mount(WORK "/m1", WORK "/m2", NULL, MS_BIND, NULL));
	first = parse(body_a, "");
	if (engine_change(&e))
		return;
	push_parsed(&e, &first, &slot);
	vantio_engine_close(&e);
	enroll("swap", CG, 0, slot.slot, 0);
	/* Who pushes has a processor of its own while the others keep the rest busy: more swaps for the time, none in a lull. */
	CHECK_OK(setpriority(PRIO_PROCESS, 0, -20));
}

TEARDOWN()
{
	CHECK(write_text("/sys/kernel/rcu_expedited", "0"));
	remove_named("swap");
	rmdir(CGROUP_ROOT CG);
	CHECK_OK(umount(WORK "/m2"));
	CHECK_OK(umount(WORK "/m1"));
}

VT_MAIN()
