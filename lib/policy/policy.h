/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy, typed: what the TOML text (schema 1, vantio-policy(5)) says, checked, its rules sorted, deduplicated and
 * numbered. Parsing reads only the text: no file system, no resolver, except for `~` and `$WORKDIR`, whose values the
 * caller passes in. All errors of a text are reported at once.
 */
#ifndef VANTIO_POLICY_POLICY_H
#define VANTIO_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "base/buf.h"
#include "base/error.h"

#define VANTIO_POLICY_TEXT_MAX  (16u << 20) /* bytes */
#define VANTIO_POLICY_RULES_MAX 100000u     /* over all lists */
#define VANTIO_EXTENDS_MAX       32u        /* presets, at any depth */
#define VANTIO_POLICY_STATES_MAX 1000000u   /* over all automata of an image */

struct vantio_pos {
	uint32_t line; /* 1-based; 1 where there is no line */
	uint32_t col;  /* 1-based, in bytes */
	const char *preset; /* "preset:NAME", whose line it is; NULL: the policy's own. As long-lived as the preset. */
};
#define VANTIO_POS_TOP ((struct vantio_pos){ .line = 1, .col = 1 })

/* What stands before the line in messages; `file` is what the policy was read from. */
static inline const char *vantio_pos_file(struct vantio_pos pos, const char *file)
{
	return pos.preset ? pos.preset : file;
}

struct vantio_diagnostic {
	struct vantio_pos pos;
	bool warning;
	char *text; /* owned; what is wrong and what to write instead */
};

/* Filled by parsing and compiling, sorted by position; a zeroed struct is empty. */
struct vantio_diagnostics {
	struct vantio_diagnostic *items; /* owned */
	size_t n;
	size_t n_errors; /* the rest are warnings */
};

void vantio_diagnostics_free(struct vantio_diagnostics *d);
void vantio_diagnostics_add(struct vantio_diagnostics *d, bool warning, struct vantio_pos pos, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The lists that hold rules. "section.key", as records and explain name them, is vantio_list_name(). */
enum vantio_list {
	VANTIO_LIST_FILE_READ = 0,
	VANTIO_LIST_FILE_WRITE,
	VANTIO_LIST_FILE_DENY,
	VANTIO_LIST_FILE_DENY_WRITE,
	VANTIO_LIST_EXEC_ALLOW,
	VANTIO_LIST_EXEC_DENY,
	VANTIO_LIST_NET_CONNECT,
	VANTIO_LIST_NET_LISTEN,
	VANTIO_LIST_NET_DENY,
	VANTIO_LIST_MAX
};

const char *vantio_list_name(enum vantio_list list); /* "file.read" ... */

enum vantio_net_kind {
	VANTIO_NET_ADDRESS = 0, /* an address or CIDR: family, addr, prefix */
	VANTIO_NET_NAME,        /* a host name: resolved at push */
	VANTIO_NET_SUFFIX,      /* "*.name" */
	VANTIO_NET_UNIX_GLOB,   /* "unix:/path/glob" */
	VANTIO_NET_UNIX_ABSTRACT, /* "unix:@name" */
};

#define VANTIO_PROTO_TCP 0x1u
#define VANTIO_PROTO_UDP 0x2u

struct vantio_net_rule {
	enum vantio_net_kind kind;
	uint8_t protos;  /* VANTIO_PROTO_*: no proto written is both */
	uint8_t family;  /* 4 or 6, if kind is ADDRESS */
	uint8_t prefix;  /* bits */
	uint8_t addr[16]; /* network order; IPv4 in the first four bytes; v4-mapped already turned into IPv4 */
	uint16_t port_lo, port_hi; /* 0 to 65535 is every port */
	char *host; /* owned: lower-case name without the trailing dot (SUFFIX: without "*."), or the unix glob or name */
	size_t host_len; /* abstract names may hold any byte but NUL */
};

struct vantio_rule {
	char *text;      /* owned: as written in the policy, TOML already undone */
	char *glob;      /* owned: path rules: `text` with ~ and $WORKDIR expanded (their values escaped); else NULL */
	struct vantio_pos pos; /* of the first of equal rules */
	struct vantio_net_rule net; /* rules of [network] */
};

struct vantio_rules {
	struct vantio_rule *items; /* owned; sorted by canonical spelling, without equals; the index is the number in "file.deny[2]" */
	size_t n;
};

struct vantio_limit {
	bool set;
	uint64_t max;
	uint64_t per_ns;
	enum vantio_decision action; /* BLOCK, QUARANTINE or KILLSWITCH */
	struct vantio_pos pos;
};

struct vantio_policy {
	char name[VANTIO_NAME_MAX + 1];
	bool audit;      /* mode = "audit" */
	bool record_all; /* record = "all" */
	bool loss_block; /* on_loss = "block" */
	char *svid;      /* owned, or NULL */
	char **cgroups;  /* owned: as written: a cgroup, or a subtree (two stars at the end) */
	size_t n_cgroups;
	bool default_allow[3]; /* [file], [exec], [network] */
	struct vantio_rules lists[VANTIO_LIST_MAX];
	struct vantio_limit limits[VANTIO_LIMIT_MAX];
	bool kernel_allow[VANTIO_SURFACE_MAX];
	struct vantio_pos kernel_pos[VANTIO_SURFACE_MAX]; /* 0:0 where nothing was said */
	bool names_hosts; /* some [network] rule is NAME or SUFFIX */
	uint8_t hash[32]; /* SHA-256 of the canonical form */
	char *file;       /* owned: as the caller named it, for "file:line" */
	struct vantio_pos default_pos[3]; /* of the `default` of [file], [exec], [network] */
	const char *extends[VANTIO_EXTENDS_MAX]; /* "preset:NAME" of all that it extends, at any depth; as long-lived as they are */
	size_t n_extends;
};

struct vantio_preset_set;

struct vantio_expand {
	const char *home;    /* value of `~`; NULL makes it an error */
	const char *workdir; /* value of `$WORKDIR`; NULL makes it an error that says so */
	const struct vantio_preset_set *presets; /* NULL: those of this program (policy/preset.h) */
};

/*
 * Parses and checks. On success *ret is owned by the caller (vantio_policy_free) and `diags` may hold warnings. On a bad
 * policy returns -EINVAL with at least one error in `diags` and the first of them, with file:line:column, in `err`.
 */
int vantio_policy_parse(const char *text, size_t len, const char *file, const struct vantio_expand *expand,
			struct vantio_policy **ret, struct vantio_diagnostics *diags, struct vantio_error *err);
/* Reads the file, then as above, with the caller's home. `workdir` may be NULL. Symlinks in rules of this machine are
 * looked up for the warning of DESIGN 3 only by vantio_policy_warn_links. */
int vantio_policy_load(const char *path, const char *workdir, struct vantio_policy **ret, struct vantio_diagnostics *diags,
		       struct vantio_error *err);
/* Adds a warning for each rule that runs through a symbolic link of this machine. */
void vantio_policy_warn_links(const struct vantio_policy *p, struct vantio_diagnostics *diags);
void vantio_policy_free(struct vantio_policy *p);
static inline void vantio_policy_freep(struct vantio_policy **p)
{
	vantio_policy_free(*p);
}
#define cleanup_policy __attribute__((cleanup(vantio_policy_freep)))

/* The canonical form that is hashed: everything but name, comments, layout and order. One line a fact. */
int vantio_policy_canonical(const struct vantio_policy *p, struct vantio_buf *out, struct vantio_error *err);

/* ---- one [network] rule or target ---- */

/* "[proto:]host[:port]" or "unix:...". On failure returns -EINVAL with the right spelling offered in `err`. */
int vantio_net_rule_parse(const char *text, size_t len, struct vantio_net_rule *ret, struct vantio_error *err);
void vantio_net_rule_free(struct vantio_net_rule *r);

#endif
