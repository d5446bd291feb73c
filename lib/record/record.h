/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records (DESIGN 6): one decision, one line of canonical JSON (keys in the fixed order, no spaces, 64-bit numbers as decimal
 * strings), and beside it the private disclosures in the form of RFC 9901 (SD-JWT): base64url of `[salt, name, value]`, whose
 * SHA-256 digests stand in `_sd`. Bytes that are not printable UTF-8 are escaped by vantio_escape() before they become JSON.
 */
#ifndef VANTIO_RECORD_RECORD_H
#define VANTIO_RECORD_RECORD_H

#include <stdint.h>

#include "abi.h"
#include "base/buf.h"
#include "base/error.h"

#define VANTIO_RECORD_VERSION 1

/* What the writer knows of this host; filled once. */
struct vantio_record_host {
	char host[256];   /* gethostname, escaped */
	char boot_id[40]; /* /proc/sys/kernel/random/boot_id */
	uint64_t boot_offset_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME: turns an event's mono_ns into ts */
};

int vantio_record_host_init(struct vantio_record_host *ret, struct vantio_error *err);

/* One decision, before it is a line. Strings are borrowed, raw bytes, and escaped on the way out. */
struct vantio_record {
	uint64_t leaf; /* set by the ledger at append */
	uint64_t mono_ns;
	const char *tier; /* "kernel", "user", "observe" */
	const char *agent, *agent_svid; /* "" if unknown */
	uint64_t trace_id; /* written "0x" and 16 hex digits */
	uint64_t cgroup_id;
	uint32_t pid, tid, ppid, uid, gid;
	const char *hook, *op;
	int32_t syscall_nr;
	const char *policy;
	uint8_t policy_hash[32];
	uint64_t policy_gen;
	const char *rule;
	enum vantio_decision decision;
	int enforced;
	uint32_t count;
	uint64_t lost_before;
	/* private: committed to in _sd, stored in the sidecar */
	enum vantio_object object;
	const void *path, *path2; /* PATH: the name and, for rename and link, the other; UNIX: the socket; TARGET: words */
	size_t path_len, path2_len;
	const char *proto; /* NET: "tcp", "udp", or the number of another protocol */
	uint16_t family, port;
	uint8_t addr[16];
	const char *host_rule; /* NET: the host name of the rule that stands for addr, or NULL */
	uint64_t args[6];
	const void *comm, *exe, *cgroup;
	size_t comm_len, exe_len, cgroup_len;
};

/* The oracle_decision of a decision: "Permit" | "Collapse" | "KillSwitch"; quarantine is Collapse. */
const char *vantio_oracle_decision(enum vantio_decision decision);
const char *vantio_decision_name(enum vantio_decision decision);

/*
 * Appends the public line (no newline) to `line` and the private line (a JSON array of disclosures, no newline) to
 * `private`. Draws record_id (UUIDv7 of the record's wall-clock time), nonce and salts from libsodium. At most 65,535 bytes
 * a public line (E2BIG beyond, which no event can reach).
 */
int vantio_record_write(const struct vantio_record *r, const struct vantio_record_host *host, struct vantio_buf *line,
			struct vantio_buf *private, struct vantio_error *err);

/* A public line read back, strictly: known keys in the fixed order, right types, nothing else. Strings are owned. */
struct vantio_record_view {
	char record_id[37];
	uint64_t leaf, realtime_ns, mono_ns, trace_id, cgroup_id, policy_gen, lost_before;
	uint32_t pid, uid, count;
	char boot_id[40];
	char *tier, *agent, *hook, *op, *rule, *decision, *policy;
	int enforced;
	char nonce[64];
	char (*sd)[44]; /* digests, base64url without padding */
	size_t n_sd;
};

int vantio_record_parse(const char *line, size_t len, struct vantio_record_view *ret, struct vantio_error *err);
void vantio_record_view_clear(struct vantio_record_view *v);

#endif
