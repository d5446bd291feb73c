/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host names of a policy stand for now. A name is asked for once, whatever the number of its rules; answers are
 * sorted, so that the same answers make the same image. It fails closed: a name that only allows and has no answer stands
 * for nothing, with a warning (one for all of a preset's names); a name that denies must be answered or be known not to exist. Blocks as long
 * as the resolver does.
 */
#ifndef VANTIO_POLICY_RESOLVE_H
#define VANTIO_POLICY_RESOLVE_H

#include "policy/image.h"

#define VANTIO_RESOLVE_ADDRESSES_MAX 1024u /* of one name */
#define VANTIO_RESOLVE_SERVERS_MAX   32u   /* of resolv.conf */
#define VANTIO_RESOLV_CONF "/etc/resolv.conf"

struct vantio_address {
	uint8_t family;   /* 4 or 6 */
	uint8_t addr[16]; /* network order; IPv4 in the first four bytes */
};

struct vantio_addresses {
	struct vantio_address *items; /* owned */
	size_t n;
};

void vantio_addresses_free(struct vantio_addresses *a);
/* Appends; v4-mapped becomes IPv4. -ENOMEM, -E2BIG. */
int vantio_addresses_add(struct vantio_addresses *a, uint8_t family, const void *addr);

/* Appends what `host` stands for. -ENOENT if it does not exist; any other error means that nothing is known. */
typedef int vantio_resolver(void *ctx, const char *host, struct vantio_addresses *ret, struct vantio_error *err);
vantio_resolver vantio_resolver_system; /* getaddrinfo(3); ctx is unused */

struct vantio_resolve_options {
	vantio_resolver *resolver;
	void *ctx;
	const char *resolv_conf; /* path; VANTIO_RESOLV_CONF */
	bool at_once; /* `resolver` may be called by several threads: then the names are asked for together, 16 at a time */
};

/*
 * *ret is owned by the caller (vantio_resolution_free). Adds a warning for each rule that stands for nothing and an error for
 * each deny rule that cannot be honoured: then returns -EOPNOTSUPP (a *.name in network.deny) or -EHOSTUNREACH with the first in
 * `err`, and *ret is untouched. `diags` may not be NULL and is sorted.
 */
int vantio_resolve_policy(const struct vantio_policy *p, const struct vantio_resolve_options *options,
			  struct vantio_resolution *ret, struct vantio_diagnostics *diags, struct vantio_error *err);
void vantio_resolution_free(struct vantio_resolution *r);
#define cleanup_resolution __attribute__((cleanup(vantio_resolution_free)))

/* The addresses of the `nameserver` lines of a resolv.conf(5) text; loopback where there is none, as the C library has it. */
int vantio_resolvers_parse(const char *text, size_t len, struct vantio_addresses *ret);

#endif
