// SPDX-License-Identifier: Apache-2.0
/* Names of decisions, and what the writer knows of its host. */
#include "record/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/sha256_pair.h"
#include "base/text.h"

#define NS_PER_S 1000000000ull

const char *vantio_decision_name(enum vantio_decision decision)
{
	static const char *const names[] = { "permit", "block", "quarantine", "killswitch" };

	return (unsigned)decision < VANTIO_ARRAY_SIZE(names) ? names[decision] : "block";
}

const char *vantio_oracle_decision(enum vantio_decision decision)
{
	switch (decision) {
	case VANTIO_PERMIT:
		return "Permit";
	case VANTIO_KILLSWITCH:
		return "KillSwitch";
	default:
		return "Collapse";
	}
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

struct vantio_record vantio_record_of_act(const char *op, const char *agent, const char *text, size_t len)
{
	const uint32_t pid = (uint32_t)getpid();

	return (struct vantio_record){
		.mono_ns = now_ns(CLOCK_BOOTTIME), .tier = "user", .agent = agent, .agent_svid = "", .policy = "", .hook = "control", .op = op,
		.rule = "control", .syscall_nr = -1, .decision = VANTIO_PERMIT, .enforced = 1, .count = 1,
		.pid = pid, .tid = pid, .ppid = (uint32_t)getppid(), .uid = geteuid(), .gid = getegid(),
		.object = VANTIO_OBJECT_TARGET, .path = text, .path_len = len, .comm = "vantioctl", .comm_len = 9,
	};
}

void vantio_record_host_refresh(struct vantio_record_host *host)
{
	uint64_t before = now_ns(CLOCK_BOOTTIME), wall = now_ns(CLOCK_REALTIME), after = now_ns(CLOCK_BOOTTIME);
	uint64_t offset = wall - (before + (after - before) / 2);
	uint64_t moved = offset > host->boot_offset_ns ? offset - host->boot_offset_ns : host->boot_offset_ns - offset;

	/* Below a millisecond it is the jitter of reading two clocks, which would make `ts` run back now and then. */
	if (moved > 1000000)
		host->boot_offset_ns = offset;
}

int vantio_record_host_init(struct vantio_record_host *ret, struct vantio_error *err)
{
	cleanup_free char *escaped = NULL;
	struct vantio_record_host host = { .host = "" };
	char name[65] = "";
	int r;

	if (sodium_init() < 0)
		return vantio_fail(err, EIO, "libsodium cannot be initialised: the system gives no random numbers");
	if (gethostname(name, sizeof(name) - 1) < 0)
		return vantio_fail(err, errno, "cannot read the host's name: %s", strerror(errno));
	escaped = vantio_escape_dup(name, strlen(name));
	if (!escaped)
		return vantio_fail(err, ENOMEM, "out of memory");
	/* At most 64 bytes, each at most 4 when escaped, would be 256 without the NUL: such a name is refused by the kernel. */
	strncpy(host.host, escaped, sizeof(host.host) - 1);
	r = vantio_read_pseudo(AT_FDCWD, "/proc/sys/kernel/random/boot_id", host.boot_id, sizeof(host.boot_id), err);
	if (r < 0)
		return r;
	host.sha256_pairs = vantio_sha256_pairs();
	vantio_record_host_refresh(&host);
	*ret = host;
	return 0;
}
