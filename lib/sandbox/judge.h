/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide() of the user tier (DESIGN 5): kill switch, quarantine, limits, policy, in the order and with the evaluator of the kernel's
 * bpf/decide.bpf.c, and the same event for what is to be recorded. Facts come in, a verdict goes out; nothing of the target is
 * looked at here. One thread asks.
 */
#ifndef VANTIO_SANDBOX_JUDGE_H
#define VANTIO_SANDBOX_JUDGE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "engine/held.h"
#include "policy/image.h"

#define VANTIO_JUDGE_EXCHANGE 0x01u /* rename: both names change places */
#define VANTIO_JUDGE_MOVES    0x02u /* rename, link: the object may not gain access under its new name */
#define VANTIO_JUDGE_FOLDER   0x04u /* what moves is a folder */
#define VANTIO_JUDGE_SOCKET   0x08u /* what moves is a socket, or a folder that may hold some */
#define VANTIO_JUDGE_NO_PATH  0x10u /* memfd, pipe: `path` is a description */
#define VANTIO_JUDGE_UNLINKED 0x20u /* the object's name is gone: `path` was its last */
#define VANTIO_JUDGE_FAILED   0x40u /* there is no path that anybody can vouch for */
#define VANTIO_JUDGE_QUIET    0x80u /* a permit was or will be recorded by another question of the same call */
#define VANTIO_JUDGE_BOTH     0x100u /* the unspecified IPv6 address that stands for 0.0.0.0 too */
#define VANTIO_JUDGE_PROTECTED 0x200u /* refused whatever the policy says */

struct vantio_path_ask {
	enum vantio_hook hook;
	enum vantio_op op;
	enum vantio_domain domain;
	uint32_t access, flags;
	const char *path, *path2; /* path2: the new name of rename and link, or NULL */
	size_t len, len2;
	const struct stat *object, *object2; /* what the names lead to; NULL: nothing yet */
};

struct vantio_net_ask {
	enum vantio_hook hook;
	enum vantio_op op;
	uint32_t access, flags;
	bool family4, udp, remote;
	uint16_t port; /* host order */
	uint8_t addr[16];
};

/* A surface of [kernel], a socket family, or a thing of which only halts and limits speak. */
struct vantio_surface_ask {
	enum vantio_hook hook;
	enum vantio_op op;
	enum vantio_surface surface;
	enum vantio_reason reason; /* SURFACE, FAMILY or UNGOVERNED */
	uint32_t flags;
	uint16_t family, type, proto;
	uint32_t target;
};

struct vantio_judge;

/* Called for what is to be recorded: fills in who asked and takes the event. The bytes are borrowed. */
typedef void vantio_judge_emit(void *ctx, struct vantio_event *e, const char *path, const char *path2);
/* Called when a limit has halted the agent. */
typedef void vantio_judge_halt(void *ctx);

struct vantio_judge_options {
	const struct vantio_image *image; /* borrowed */
	const struct vantio_held_set *held; /* borrowed, of vantio_held_find() without an engine: denied by whatever name; or NULL */
	bool audit; /* nothing is refused, whatever the policy's mode */
	vantio_judge_emit *emit;
	vantio_judge_halt *halt;
	void *ctx;
};

int vantio_judge_new(const struct vantio_judge_options *options, struct vantio_judge **ret, struct vantio_error *err);
void vantio_judge_free(struct vantio_judge *j);

/* Each returns whether the operation is refused; a halted agent is refused everything. */
bool vantio_judge_path(struct vantio_judge *j, const struct vantio_path_ask *ask);
bool vantio_judge_net(struct vantio_judge *j, const struct vantio_net_ask *ask);
bool vantio_judge_surface(struct vantio_judge *j, const struct vantio_surface_ask *ask);

/* VANTIO_AGENT_ENROLLED, VANTIO_AGENT_SOFT_KILL or VANTIO_AGENT_QUARANTINE. */
uint32_t vantio_judge_state(const struct vantio_judge *j);
void vantio_judge_set_state(struct vantio_judge *j, uint32_t state);
bool vantio_judge_audits(const struct vantio_judge *j); /* this policy's verdicts are recorded and not enforced */

#endif
