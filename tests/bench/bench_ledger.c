// SPDX-License-Identifier: Apache-2.0
/*
 * The parts of `make bench-ledger`, which tests/bench/ledger puts together. Each measures one thing and prints `NAME VALUE` lines,
 * and at the end `peak_kib`, the most memory that it had:
 *
 *	append DIR N BATCH	N durable appends
 *	index DIR		what is left to do for the index, which is built behind the commits
 *	sqlite DIR FILE BATCH	the records of the ledger DIR into a table (WAL, synchronous FULL), as many a transaction
 *	journal DIR		the records of DIR in the Journal Export Format, on stdout
 *	sha256 DIR		one pass of SHA-256 over the lines of DIR: libsodium's, and nettle's
 *	verify DIR		`ledger verify`, on the processors that it may run on
 *	receipts DIR N		receipts of N records all over DIR: made, and checked
 *	queries DIR		what `ledger list` asks the index
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/text.h"
#include "ledger/index.h"
#include "ledger/ledger.h"
#include "ledger/reader.h"
#include "ledger/store.h"
#include "receipt/receipt.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_ledger: %s\n", what);
	exit(1);
}

static void must(int r, const struct vantio_error *err)
{
	if (r < 0)
		die(err->text);
}

/* Text with a number in it, quicker than printf: what is measured is not how the record came about. */
static size_t put(char *out, const char *text, uint64_t n)
{
	size_t len = strlen(text), digits = 1;
	uint64_t rest;

	for (rest = n; rest > 9; rest /= 10)
		digits++;
	memcpy(out, text, len);
	out[len += digits] = '\0';
	for (rest = 1; digits--; rest++, n /= 10)
		out[len - rest] = (char)('0' + n % 10);
	return len;
}

/* A record like those of a busy agent: paths, programs and agents vary, lengths are those of real ones. */
static struct vantio_record make_record(uint64_t i, char path[96], char agent[16])
{
	static const char *const hooks[] = { "file_open", "bprm_check_security", "socket_connect", "path_unlink" };
	static const char *const ops[] = { "read", "exec", "connect", "unlink" };
	struct timespec t;
	size_t len;

	clock_gettime(CLOCK_BOOTTIME, &t);
	len = put(path, "/work/project/src/module-", i % 97);
	len += put(path + len, "/file-", i % 8191);
	memcpy(path + len, ".c", 3);
	put(agent, "coder-", i % 17);
	return (struct vantio_record){
		.mono_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec, .tier = "kernel", .agent = agent,
		.agent_svid = "spiffe://example.org/agent/coder", .trace_id = 0x1000 + i / 1000, .cgroup_id = 4242 + i % 17,
		.pid = 1000 + (uint32_t)(i % 30000), .tid = 1000 + (uint32_t)(i % 30000), .ppid = 1, .uid = 1000, .gid = 1000,
		.hook = hooks[i % 4], .op = ops[i % 4], .syscall_nr = 257, .policy = "coding-agent", .policy_gen = 7,
		.rule = i % 5 ? "file.deny[2]" : "", .decision = i % 1000 == 999 ? VANTIO_QUARANTINE : i % 5 ? VANTIO_BLOCK : VANTIO_PERMIT,
		.enforced = 1, .count = 1, .object = i % 4 == 2 ? VANTIO_OBJECT_NET : VANTIO_OBJECT_PATH, .path = path,
		.path_len = len + 2, .proto = "tcp", .family = 2, .port = 443, .addr = { 192, 0, 2, (uint8_t)i },
		.args = { 0xffffff9c, 0x7ffd00001000 + i, 0x80000, 0, 0, 0 }, .comm = "python3", .comm_len = 7,
		.exe = "/usr/bin/python3.11", .exe_len = 19, .cgroup = "/system.slice/agents.slice/agent-17.scope", .cgroup_len = 41,
	};
}

static void append(const char *dir, uint64_t n, uint64_t batch)
{
	struct vantio_ledger *l = NULL;
	struct vantio_error err = { 0 };
	char path[96], agent[16];
	double from, took;
	uint64_t i, size;

	must(vantio_ledger_open(dir, &l, &err), &err);
	size = vantio_ledger_size(l);
	from = now();
	for (i = 0; i < n; i++) {
		struct vantio_record r = make_record(size + i, path, agent);

		must(vantio_ledger_append(l, &r, &err), &err);
		if (vantio_ledger_staged(l) == batch)
			must(vantio_ledger_submit(l, &err), &err);
	}
	must(vantio_ledger_commit(l, &err), &err);
	took = now() - from;
	if (vantio_ledger_size(l) != size + n)
		die("not every record is durable");
	vantio_ledger_close(l);
	printf("append_per_s %.0f\nappend_s %.3f\n", (double)n / took, took);
}

/* The index is built behind the commits; whoever asks waits for what is left. */
static void index_rest(const char *dir)
{
	struct vantio_reader *r = NULL;
	struct vantio_error err = { 0 };
	double from = now();

	must(vantio_reader_open(dir, &r, &err), &err);
	printf("index_rest_s %.3f\n", now() - from);
	vantio_reader_close(r);
}

/* ---- the same lines, elsewhere ---- */

struct pair {
	struct vantio_lines lines, privates;
	int dirfd, log, private;
	uint64_t segment;
};

static bool next_segment(struct pair *p)
{
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_error err = { 0 };

	vantio_segment_path(path, "log", p->segment);
	p->log = vantio_store_open(p->dirfd, path, O_RDONLY, 0, &err);
	if (p->log < 0)
		return false;
	vantio_segment_path(path, "private", p->segment++);
	p->private = vantio_store_open(p->dirfd, path, O_RDONLY, 0, &err);
	must(p->private, &err);
	must(vantio_lines_init(&p->lines, p->log, 0, VANTIO_RECORD_LINE_MAX, &err), &err);
	must(vantio_lines_init(&p->privates, p->private, 0, VANTIO_RECORD_PRIVATE_MAX, &err), &err);
	return true;
}

static uint64_t each_line(const char *dir, void (*take)(void *ctx, uint64_t leaf, struct vantio_span line, struct vantio_span private),
			  void *ctx)
{
	struct vantio_error err = { 0 };
	struct pair p = { .dirfd = vantio_store_open_dir(dir, &err) };
	struct vantio_span line, private;
	uint64_t leaf = 0;

	must(p.dirfd, &err);
	while (next_segment(&p)) {
		while (vantio_lines_next(&p.lines, &line, &err) == 1 && vantio_lines_next(&p.privates, &private, &err) == 1)
			take(ctx, leaf++, line, private);
		vantio_lines_clear(&p.lines);
		vantio_lines_clear(&p.privates);
		close(p.log);
		close(p.private);
	}
	close(p.dirfd);
	return leaf;
}

struct table {
	sqlite3 *db;
	sqlite3_stmt *insert;
	uint64_t batch, staged;
};

static void sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
}

static void insert(void *ctx, uint64_t leaf, struct vantio_span line, struct vantio_span private)
{
	struct vantio_record_fields f;
	struct vantio_error err = { 0 };
	struct table *t = ctx;

	must(vantio_record_scan(line.p, line.len, &f, &err), &err);
	if (t->staged++ == 0)
		sql(t->db, "BEGIN");
	sqlite3_bind_int64(t->insert, 1, (int64_t)leaf);
	sqlite3_bind_int64(t->insert, 2, (int64_t)f.mono_ns);
	sqlite3_bind_text(t->insert, 3, f.agent.p, (int)f.agent.len, SQLITE_STATIC);
	sqlite3_bind_text(t->insert, 4, line.p, (int)line.len, SQLITE_STATIC);
	sqlite3_bind_text(t->insert, 5, private.p, (int)private.len, SQLITE_STATIC);
	if (sqlite3_step(t->insert) != SQLITE_DONE)
		die(sqlite3_errmsg(t->db));
	sqlite3_reset(t->insert);
	if (t->staged == t->batch) {
		sql(t->db, "COMMIT");
		t->staged = 0;
	}
}

static void sqlite(const char *dir, const char *file, uint64_t batch)
{
	struct table t = { .batch = batch };
	double from, took;
	uint64_t n;

	if (sqlite3_open(file, &t.db) != SQLITE_OK)
		die(sqlite3_errmsg(t.db));
	sql(t.db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	    "CREATE TABLE record (leaf INTEGER PRIMARY KEY, ts INTEGER, agent TEXT, line TEXT, private TEXT) STRICT;"
	    "CREATE INDEX by_ts ON record (ts); CREATE INDEX by_agent ON record (agent);");
	if (sqlite3_prepare_v2(t.db, "INSERT INTO record VALUES (?, ?, ?, ?, ?)", -1, &t.insert, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(t.db));
	from = now();
	n = each_line(dir, insert, &t);
	if (t.staged)
		sql(t.db, "COMMIT");
	took = now() - from;
	sqlite3_finalize(t.insert);
	sqlite3_close(t.db);
	printf("sqlite_per_s %.0f\n", (double)n / took);
}

static void put_entry(void *ctx, uint64_t leaf, struct vantio_span line, struct vantio_span private)
{
	struct vantio_record_fields f;
	struct vantio_error err = { 0 };
	const uint64_t *start_us = ctx;

	must(vantio_record_scan(line.p, line.len, &f, &err), &err);
	printf("__REALTIME_TIMESTAMP=%" PRIu64 "\n__MONOTONIC_TIMESTAMP=%" PRIu64 "\n_BOOT_ID=%.8s%.4s%.4s%.4s%.12s\n", *start_us + leaf,
	       f.mono_ns / 1000, f.boot_id.p, f.boot_id.p + 9, f.boot_id.p + 14, f.boot_id.p + 19, f.boot_id.p + 24);
	printf("VANTIO_AGENT=%.*s\nMESSAGE=%.*s\nVANTIO_PRIVATE=%.*s\n\n", (int)f.agent.len, f.agent.p, (int)line.len, line.p,
	       (int)private.len, private.p);
}

static void journal(const char *dir)
{
	uint64_t start_us = (uint64_t)time(NULL) * 1000000;

	each_line(dir, put_entry, &start_us);
	if (fflush(stdout) != 0)
		die("cannot write the journal's entries");
}

/* ---- checking ---- */

struct bytes {
	crypto_hash_sha256_state sodium;
	struct vantio_sha256 nettle;
	bool use_nettle;
	uint64_t n;
};

static void hash_file(struct bytes *b, int dirfd, const char *folder, uint64_t segment, char *buf, size_t cap, bool *ret_there)
{
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_error err = { 0 };
	ssize_t n;
	int fd;

	vantio_segment_path(path, folder, segment);
	fd = vantio_store_open(dirfd, path, O_RDONLY, 0, &err);
	*ret_there = fd >= 0;
	if (fd < 0)
		return;
	while ((n = read(fd, buf, cap)) > 0) {
		if (b->use_nettle)
			vantio_sha256_add(&b->nettle, buf, (size_t)n);
		else
			crypto_hash_sha256_update(&b->sodium, (const uint8_t *)buf, (size_t)n);
		b->n += (uint64_t)n;
	}
	close(fd);
}

static double hash_all(const char *dir, bool use_nettle, uint8_t out[32], uint64_t *ret_bytes)
{
	static char buf[256 << 10];
	struct bytes b = { .use_nettle = use_nettle };
	struct vantio_error err = { 0 };
	int dirfd = vantio_store_open_dir(dir, &err);
	double from = now();
	bool there = true;
	uint64_t i;

	must(dirfd, &err);
	crypto_hash_sha256_init(&b.sodium);
	vantio_sha256_begin(&b.nettle);
	for (i = 0; there; i++) {
		hash_file(&b, dirfd, "log", i, buf, sizeof(buf), &there);
		if (there)
			hash_file(&b, dirfd, "private", i, buf, sizeof(buf), &there);
	}
	if (use_nettle)
		vantio_sha256_end(&b.nettle, out);
	else
		crypto_hash_sha256_final(&b.sodium, out);
	close(dirfd);
	*ret_bytes = b.n;
	return now() - from;
}

static void sha256(const char *dir)
{
	uint8_t a[32], b[32];
	uint64_t bytes;
	double sodium = hash_all(dir, false, a, &bytes), nettle = hash_all(dir, true, b, &bytes);

	if (memcmp(a, b, 32) != 0)
		die("the two SHA-256 disagree");
	printf("bytes %" PRIu64 "\nsha256_libsodium_s %.3f\nsha256_nettle_s %.3f\n", bytes, sodium, nettle);
}

static void verify(const char *dir)
{
	struct vantio_verify_options opts = { .vkey = NULL };
	struct vantio_ledger_report report;
	struct vantio_error err = { 0 };
	double from = now();

	must(vantio_ledger_verify(dir, &opts, &report, &err), &err);
	if (report.verdict != VANTIO_LEDGER_UNANCHORED && report.verdict != VANTIO_LEDGER_OK)
		die(report.reason);
	printf("verify_s %.3f\nrecords %" PRIu64 "\nindex_compared %d\n", now() - from, report.records, report.index_checked);
}

struct proof {
	struct vantio_prover *prover;
	struct vantio_buf out;
	int hits;
};

static int prove_hit(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	static const char *const fields[] = { "resource", "comm" };
	struct proof *p = ctx;

	p->hits++;
	return vantio_prover_write(p->prover, hit, fields, 2, &p->out, err);
}

static double make_receipt(const char *dir, uint64_t i, struct proof *p)
{
	struct vantio_query q = { .until = UINT64_MAX, .decision = -1, .has_after = true, .limit = 1 };
	struct vantio_reader *reader = NULL;
	struct vantio_error err = { 0 };
	double from = now();

	must(vantio_reader_open(dir, &reader, &err), &err);
	must(vantio_prover_open(dir, &p->prover, &err), &err);
	q.after = 1 + (i * 2654435761u) % (vantio_reader_size(reader) - 2);
	must(vantio_reader_find(reader, &q, prove_hit, p, &err), &err);
	vantio_prover_close(p->prover);
	vantio_reader_close(reader);
	if (p->hits != 1)
		die("no receipt was made");
	return now() - from;
}

static double check_receipt(const struct proof *p, const struct vantio_vkey *genesis)
{
	struct vantio_receipt checked;
	struct vantio_error err = { 0 };
	double from = now();

	must(vantio_receipt_verify(p->out.data, p->out.len, genesis, &checked, &err), &err);
	return now() - from;
}

/* As `ledger prove` does it: the ledger is opened for each. Of a record the best of three times counts, of all records the slowest. */
static void receipts(const char *dir, uint64_t n)
{
	double make_sum = 0, make_max = 0, check_sum = 0, check_max = 0, make, check, t;
	struct vantio_error err = { 0 };
	cleanup_close int dirfd = vantio_store_open_dir(dir, &err);
	struct vantio_vkey genesis;
	uint64_t i;
	int tries;

	must(dirfd, &err);
	must(vantio_ledger_genesis_load(dirfd, &genesis, &err), &err);
	for (i = 0; i < n; i++) {
		make = check = 1e9;
		for (tries = 0; tries < 3; tries++) {
			struct proof p = { .out = VANTIO_BUF_INIT };

			t = make_receipt(dir, i, &p);
			make = t < make ? t : make;
			t = check_receipt(&p, &genesis);
			check = t < check ? t : check;
			vantio_buf_free(&p.out);
		}
		make_sum += make;
		make_max = make > make_max ? make : make_max;
		check_sum += check;
		check_max = check > check_max ? check : check_max;
	}
	printf("receipt_make_ms %.3f\nreceipt_make_max_ms %.3f\nreceipt_check_ms %.3f\nreceipt_check_max_ms %.3f\n", make_sum / (double)n * 1e3,
	       make_max * 1e3, check_sum / (double)n * 1e3, check_max * 1e3);
}

struct first {
	int n;
	char record_id[37];
	uint64_t ts;
};

static int take(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	struct first *f = ctx;
	char ts[31];

	(void)err;
	f->n++;
	memcpy(f->record_id, hit->fields.record_id.p, 36);
	memcpy(ts, hit->fields.ts.p, 30);
	ts[30] = '\0';
	return vantio_parse_time(ts, &f->ts) ? 0 : -1;
}

static void ask(struct vantio_reader *r, const char *name, struct vantio_query q, struct first *f)
{
	struct vantio_error err = { 0 };
	double best = 1e9, t;
	int i;

	q.until = q.until ? q.until : UINT64_MAX;
	q.limit = q.limit ? q.limit : 100;
	/* The first time the pages come from the disk, which is not what is asked here. */
	for (i = 0; i < 3; i++) {
		f->n = 0;
		t = now();
		must(vantio_reader_find(r, &q, take, f, &err), &err);
		t = now() - t;
		best = t < best ? t : best;
	}
	if (!f->n)
		die(name);
	printf("query_%s_ms %.3f\n", name, best * 1e3);
}

static void queries(const char *dir)
{
	struct vantio_reader *r = NULL;
	struct vantio_error err = { 0 };
	struct first mid = { .n = 0 }, f = { .n = 0 };
	const struct vantio_query any = { .decision = -1 };
	struct vantio_query q = any;
	uint64_t size;

	must(vantio_reader_open(dir, &r, &err), &err);
	size = vantio_reader_size(r);
	q.has_after = true, q.after = size / 2, q.limit = 1;
	ask(r, "leaf", q, &mid);
	q = any, q.record_id = mid.record_id;
	ask(r, "record_id", q, &f);
	q = any, q.newest = true;
	ask(r, "newest", q, &f);
	q = any, q.agent = "coder-3", q.newest = true;
	ask(r, "agent", q, &f);
	q.decision = VANTIO_QUARANTINE;
	ask(r, "agent_and_decision", q, &f);
	q = any, q.decision = VANTIO_QUARANTINE, q.newest = true;
	ask(r, "decision", q, &f);
	q = any, q.has_trace = true, q.trace_id = 0x1000 + size / 2000;
	ask(r, "trace", q, &f);
	q = any, q.rule = "file.deny", q.newest = true;
	ask(r, "rule", q, &f);
	q = any, q.since = mid.ts;
	ask(r, "since", q, &f);
	q.until = mid.ts + 1000000, q.agent = "coder-3", q.newest = true;
	ask(r, "time_and_agent", q, &f);
	vantio_reader_close(r);
}

static void print_peak(void)
{
	cleanup_file FILE *f = fopen("/proc/self/status", "r");
	unsigned long kib;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %lu", &kib) == 1)
			printf("peak_kib %lu\n", kib);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "", *dir = argc > 2 ? argv[2] : "";
	uint64_t n = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;

	if (sodium_init() < 0)
		die("libsodium cannot be initialised");
	if (!strcmp(what, "append") && argc == 5)
		append(dir, n, strtoull(argv[4], NULL, 10));
	else if (!strcmp(what, "index"))
		index_rest(dir);
	else if (!strcmp(what, "sqlite") && argc == 5)
		sqlite(dir, argv[3], strtoull(argv[4], NULL, 10));
	else if (!strcmp(what, "journal"))
		return journal(dir), 0;
	else if (!strcmp(what, "sha256"))
		sha256(dir);
	else if (!strcmp(what, "verify"))
		verify(dir);
	else if (!strcmp(what, "receipts") && n)
		receipts(dir, n);
	else if (!strcmp(what, "queries"))
		queries(dir);
	else
		die("usage: bench_ledger append|index|sqlite|journal|sha256|verify|receipts|queries DIR ...; see its first lines");
	print_peak();
	return 0;
}
