/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records (DESIGN 6): one decision, one line of canonical JSON (keys in the fixed order, no spaces, 64-bit numbers as decimal
 * strings), and beside it the private disclosures in the form of RFC 9901 (SD-JWT): base64url of `[salt, name, value]`, whose
 * SHA-256 digests stand in `_sd`. Bytes that are not printable UTF-8 are escaped by vantio_escape() before they become JSON.
 */
#ifndef VANTIO_RECORD_RECORD_H
#define VANTIO_RECORD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "base/buf.h"
#include "base/error.h"

#define VANTIO_RECORD_VERSION 1

/* What the writer knows of this host; filled once. */
struct vantio_record_host {
	char host[256];   /* gethostname, escaped */
	char boot_id[40]; /* /proc/sys/kernel/random/boot_id */
	bool sha256_pairs; /* vantio_sha256_pairs() */
	uint64_t boot_offset_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME: turns an event's mono_ns into ts */
};

int vantio_record_host_init(struct vantio_record_host *ret, struct vantio_error *err);
/* Takes the clocks' offset anew where the wall clock was set meanwhile. */
void vantio_record_host_refresh(struct vantio_record_host *host);

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

/* The record of an act of this process's own, outside of the engine: control, permitted. The strings are borrowed. */
struct vantio_record vantio_record_of_act(const char *op, const char *agent, const char *text, size_t len);

/* The oracle_decision of a decision: "Permit" | "Collapse" | "KillSwitch"; quarantine is Collapse. */
const char *vantio_oracle_decision(enum vantio_decision decision);
const char *vantio_decision_name(enum vantio_decision decision);

#define VANTIO_RECORD_LINE_MAX    65535u     /* bytes of a public line (an entry of tlog-tiles) */
#define VANTIO_RECORD_PRIVATE_MAX (1u << 20) /* bytes of a private line */
#define VANTIO_RECORD_SD_MAX      16u        /* digests that a reader accepts */

/* What writing keeps from one record to the next: memory, and random bytes drawn ahead. Begins as zeros. */
struct vantio_record_work {
	struct vantio_buf resource, args, json, salted;
	uint8_t random[16384]; /* the last `n_random` are fresh; what was used is erased */
	size_t n_random;
};

void vantio_record_work_clear(struct vantio_record_work *w);

/*
 * Appends the public line (no newline) to `line` and the private line (a JSON array of disclosures, no newline) to
 * `private`. Draws record_id (UUIDv7 of the record's wall-clock time), nonce and salts, for some dozens of records at once, from ChaCha20
 * under a key that the kernel gives and that is used once; a process that forks must not write with the same `work` on both sides. At most 65,535 bytes a public line and
 * VANTIO_RECORD_PRIVATE_MAX a private one (E2BIG beyond, which no event can reach).
 *
 * args_hash is the hex SHA-256 of salt || `["op",resource,["0x..",...]]`, the two values as their disclosures spell them;
 * its 32-byte salt is the private field `args_salt` (base64url).
 */
int vantio_record_write(const struct vantio_record *r, const struct vantio_record_host *host, struct vantio_record_work *work,
			struct vantio_buf *line, struct vantio_buf *private, struct vantio_error *err);

/* Bytes inside a line: not NUL-terminated, still as JSON spells them. */
struct vantio_span {
	const char *p;
	size_t len;
};

/* Every public field of a line, borrowed from it. */
struct vantio_record_fields {
	uint32_t v;
	struct vantio_span record_id, ts, boot_id, host, tier, agent, agent_svid, hook, op, args_hash, policy, policy_hash, rule;
	struct vantio_span decision, oracle_decision, nonce, sd_alg;
	uint64_t leaf, mono_ns, trace_id, cgroup_id, policy_gen, lost_before;
	uint32_t pid, tid, ppid, uid, gid, count;
	int32_t syscall_nr;
	bool enforced;
	struct vantio_span sd[VANTIO_RECORD_SD_MAX]; /* digests, base64url without padding */
	size_t n_sd;
};

/*
 * Reads a public line strictly: the known keys in their fixed order, right types, one spelling of each value, nothing else.
 * EPROTONOSUPPORT: a record of another version; EBADMSG: not a record. `err` says at which byte. Allocates nothing, reads
 * each byte once: what verification calls.
 */
int vantio_record_scan(const char *line, size_t len, struct vantio_record_fields *ret, struct vantio_error *err);

/* Undoes the JSON spelling of a scanned string; what is left is escaped by vantio_escape, fit for a terminal. */
void vantio_span_text(struct vantio_buf *out, struct vantio_span span);

/* The same, with strings of its own: JSON undone, still escaped by vantio_escape. */
struct vantio_record_view {
	char record_id[37];
	uint64_t leaf, realtime_ns, mono_ns, trace_id, cgroup_id, policy_gen, lost_before;
	uint32_t pid, tid, ppid, uid, gid, count;
	int32_t syscall_nr;
	char boot_id[40];
	char *host, *tier, *agent, *agent_svid, *hook, *op, *rule, *decision, *policy;
	char policy_hash[65];
	int enforced;
	char nonce[64];
	char (*sd)[44]; /* digests, base64url without padding */
	size_t n_sd;
};

int vantio_record_parse(const char *line, size_t len, struct vantio_record_view *ret, struct vantio_error *err);
void vantio_record_view_clear(struct vantio_record_view *v);

/* One disclosure of a private line: the base64url text, and the digest of it that `_sd` commits to. */
struct vantio_disclosure {
	struct vantio_span text;
	char digest[44];
};

#define VANTIO_DISCLOSURES_MAX VANTIO_RECORD_SD_MAX

/* Splits a private line, strictly: `["...","..."]`. EBADMSG where it is none. The spans are borrowed. */
int vantio_private_scan(const char *line, size_t len, struct vantio_disclosure *ret, size_t *ret_n, struct vantio_error *err);
/* The same, and every disclosure must be committed to by the record, once: their number, or EBADMSG where one is not. */
int vantio_private_check(const struct vantio_record_fields *f, const char *line, size_t len, struct vantio_error *err);

/*
 * Reads one disclosure: `["salt","name",value]`. `scratch` holds the decoded text, into which name and value (JSON as it
 * stands) point. EBADMSG where it is none.
 */
int vantio_disclosure_open(struct vantio_span text, struct vantio_buf *scratch, struct vantio_span *name,
			   struct vantio_span *value, struct vantio_error *err);

#endif
