/* SPDX-License-Identifier: Apache-2.0 */
/* A real ledger in a temporary folder, and hands to tamper with it. */
#ifndef VANTIO_TEST_LEDGER_FIXTURE_H
#define VANTIO_TEST_LEDGER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "ledger/ledger.h"

#define assert_ok(call, err)                                          \
	do {                                                          \
		int assert_ok_ = (call);                              \
		if (assert_ok_ < 0)                                   \
			fail_msg("%s: %s", #call, (err).text);        \
	} while (0)

struct fixture {
	char dir[64];    /* everything */
	char ledger[96]; /* the ledger inside */
	char state[96];  /* remembered heads */
};

static inline int fixture_rm(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void fixture_remove(const char *path)
{
	nftw(path, fixture_rm, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	/* In memory where that is to be had: what is tried here is order and content, not the disk. */
	strcpy(f->dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/vantio-test-XXXXXX" : "/tmp/vantio-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->ledger, sizeof(f->ledger), "%s/ledger", f->dir);
	snprintf(f->state, sizeof(f->state), "%s/state", f->dir);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	fixture_remove(f->dir);
	free(f);
	return 0;
}

/* One record like those of the engine; `i` varies it. */
static inline struct vantio_record fixture_record(uint64_t i)
{
	static const char *const hooks[] = { "file_open", "bprm_check_security", "socket_connect" };
	struct vantio_record r = {
		.mono_ns = 1000000000 + i * 1000,
		.tier = "kernel",
		.agent = i % 2 ? "coder" : "tester",
		.agent_svid = "spiffe://example.org/agent/coder",
		.trace_id = 0x1122334455667788ull + i % 3,
		.cgroup_id = 4242,
		.pid = 100 + (uint32_t)i,
		.tid = 100 + (uint32_t)i,
		.ppid = 1,
		.uid = 1000,
		.gid = 1000,
		.hook = hooks[i % 3],
		.op = i % 3 == 0 ? "read" : i % 3 == 1 ? "exec" : "connect",
		.syscall_nr = 257,
		.policy = "coding-agent",
		.policy_gen = 7,
		.rule = i % 4 ? "file.deny[2]" : "",
		.decision = (enum vantio_decision)(i % 4),
		.enforced = 1,
		.count = 1,
		.object = i % 3 == 2 ? VANTIO_OBJECT_NET : VANTIO_OBJECT_PATH,
		.path = "/work/secret",
		.path_len = 12,
		.proto = "tcp",
		.family = 2,
		.port = 443,
		.addr = { 192, 0, 2, 1 },
		.comm = "sh",
		.comm_len = 2,
		.exe = "/bin/sh",
		.exe_len = 7,
		.cgroup = "/agents",
		.cgroup_len = 7,
	};

	return r;
}

/* Appends `n` records, in commits of `batch`. */
static inline void fixture_append(const struct fixture *f, uint64_t n, uint64_t batch)
{
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;
	struct vantio_record r;
	uint64_t i, at;

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	at = vantio_ledger_size(l);
	for (i = 0; i < n; i++) {
		r = fixture_record(at + i);
		assert_ok(vantio_ledger_append(l, &r, &err), err);
		if (vantio_ledger_staged(l) == batch)
			assert_ok(vantio_ledger_commit(l, &err), err);
	}
	assert_ok(vantio_ledger_commit(l, &err), err);
	assert_int_equal(vantio_ledger_size(l), at + n);
	vantio_ledger_close(l);
}

static inline void fixture_path(const struct fixture *f, const char *name, char out[192])
{
	snprintf(out, 192, "%s/%s", f->ledger, name);
}

/* Not inlined: gcc 12 would take the string for a part of this frame. */
static __attribute__((noinline, unused)) char *fixture_read(const struct fixture *f, const char *name, size_t *len)
{
	struct vantio_error err = { 0 };
	char path[192], *data = NULL;

	fixture_path(f, name, path);
	assert_ok(vantio_read_file(AT_FDCWD, path, 1u << 28, &data, len, &err), err);
	return data;
}

static inline void fixture_write(const struct fixture *f, const char *name, const void *data, size_t len)
{
	char path[192];
	FILE *out;

	fixture_path(f, name, path);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(data, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

#endif
