// SPDX-License-Identifier: Apache-2.0
/*
 * Erasing private values: sidecars are written anew without them. The public lines, which commit to them by salted digests, stay, so
 * the log verifies as before. The record of the erasure is durable before the first value goes; a crash in between leaves
 * whole sidecars, some with and some without them, and the same command goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "ledger/writer.h"

#define CHUNK (256u << 10)

struct erasing {
	struct vantio_ledger *l;
	const char *const *fields;
	size_t n_fields;
	bool salt; /* of args_hash, which would let a guess at what is erased be tried */
	uint64_t before_ns, size;
	struct vantio_buf scratch;
	struct vantio_erasure done;
};

/* One segment: its lines beside its private lines, and where what is left goes. */
struct pass {
	struct erasing *e;
	uint64_t leaf;
	struct vantio_lines log, private;
	int out; /* -1: only counted */
	struct vantio_buf buf;
	uint64_t records, values, written;
};

static bool is_chosen(const struct erasing *e, struct vantio_span name)
{
	size_t i;

	for (i = 0; i < e->n_fields; i++)
		if (name.len == strlen(e->fields[i]) && !memcmp(name.p, e->fields[i], name.len))
			return true;
	return e->salt && name.len == 9 && !memcmp(name.p, "args_salt", 9);
}

static bool span_is(struct vantio_span s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.p, text, s.len);
}

/* Whether the record is old enough. A record of an erasure keeps what it says. */
static bool is_meant(const struct erasing *e, const struct vantio_record_fields *f)
{
	char ts[VANTIO_RFC3339_LEN];
	uint64_t ns;

	memcpy(ts, f->ts.p, VANTIO_RFC3339_LEN - 1);
	ts[VANTIO_RFC3339_LEN - 1] = '\0';
	return vantio_parse_time(ts, &ns) && ns < e->before_ns && !(span_is(f->hook, "control") && span_is(f->op, "erase"));
}

/* The private line without what is to go. */
static int strip(struct pass *p, struct vantio_span line, struct vantio_error *err)
{
	struct vantio_disclosure d[VANTIO_DISCLOSURES_MAX];
	struct vantio_span name, value;
	const char *comma = "";
	uint64_t gone = 0;
	size_t n = 0, i;
	int r;

	r = vantio_private_scan(line.p, line.len, d, &n, err);
	vantio_buf_putc(&p->buf, '[');
	for (i = 0; i < n && r == 0; i++) {
		r = vantio_disclosure_open(d[i].text, &p->e->scratch, &name, &value, err);
		if (r == 0 && is_chosen(p->e, name)) {
			gone++;
			continue;
		}
		vantio_buf_printf(&p->buf, "%s\"", comma);
		vantio_buf_add(&p->buf, d[i].text.p, d[i].text.len);
		vantio_buf_putc(&p->buf, '"');
		comma = ",";
	}
	vantio_buf_putc(&p->buf, ']');
	p->values += gone;
	p->records += gone > 0;
	return r;
}

static int put_out(struct pass *p, size_t least, struct vantio_error *err)
{
	int r = 0;

	if (p->buf.failed)
		return vantio_fail(err, ENOMEM, "out of memory while erasing");
	if (p->buf.len < least)
		return 0;
	if (p->out >= 0)
		r = vantio_write_all(p->out, p->buf.data, p->buf.len, err);
	p->written += p->buf.len;
	vantio_buf_reset(&p->buf);
	return r;
}

/* One record. 0: there is no private line for it, nor for those behind it. */
static int step(struct pass *p, struct vantio_error *err)
{
	struct vantio_record_fields f;
	struct vantio_span line, private;
	int r = vantio_lines_next(&p->log, &line, err);

	if (r == 0)
		r = vantio_fail(err, EBADMSG, "the log ends before it");
	if (r > 0)
		r = vantio_record_scan(line.p, line.len, &f, err);
	if (r == 0)
		r = vantio_lines_next(&p->private, &private, err);
	if (r > 0) {
		r = 0;
		if (is_meant(p->e, &f))
			r = strip(p, private, err);
		else
			vantio_buf_add(&p->buf, private.p, private.len);
		vantio_buf_putc(&p->buf, '\n');
		if (r == 0)
			r = put_out(p, CHUNK, err);
		return r < 0 ? r : 1;
	}
	return r;
}

static int run_pass(struct pass *p, uint64_t n, struct vantio_error *err)
{
	int r = 1;

	for (; n && r > 0; n--) {
		r = step(p, err);
		if (r < 0 && err->code == EBADMSG)
			return vantio_fail_prefix(err, "leaf %llu; nothing more is erased: 'vantioctl ledger verify' says more", (unsigned long long)p->leaf);
		p->leaf++;
	}
	return r < 0 ? r : put_out(p, 1, err);
}

/* Both files of a segment; the sidecar may be missing: then there is nothing to erase, and *ret_private is -1. */
static int open_pair(struct erasing *e, uint64_t segment, int *ret_log, int *ret_private, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];

	vantio_segment_path(path, "private", segment);
	*ret_private = vantio_store_open(e->l->dirfd, path, O_RDWR, 0, err);
	if (*ret_private == -ENOENT)
		return 0;
	if (*ret_private < 0)
		return *ret_private;
	vantio_segment_path(path, "log", segment);
	*ret_log = vantio_store_open(e->l->dirfd, path, O_RDONLY, 0, err);
	return *ret_log < 0 ? *ret_log : 0;
}

/* Writes over what has no name any more. What another name still holds is somebody's copy, and left alone. */
static int scrub(int fd, bool *ret_linked, struct vantio_error *err)
{
	static const char zeros[65536];
	struct stat st;
	uint64_t at, n;
	int r = 0;

	if (fstat(fd, &st) < 0)
		return vantio_fail(err, errno, "cannot stat an old sidecar: %s", strerror(errno));
	*ret_linked = st.st_nlink > 0;
	for (at = 0; !*ret_linked && r == 0 && at < (uint64_t)st.st_size; at += n) {
		n = (uint64_t)st.st_size - at < sizeof(zeros) ? (uint64_t)st.st_size - at : sizeof(zeros);
		r = vantio_pwrite_all(fd, zeros, (size_t)n, at, err);
	}
	if (r == 0 && fsync(fd) < 0)
		r = vantio_fail(err, errno, "%s", strerror(errno));
	return r < 0 ? vantio_fail_prefix(err, "cannot overwrite an old sidecar") : 0;
}

static int replace(struct erasing *e, struct pass *p, uint64_t segment, int old, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX], partial[VANTIO_STORE_NAME_MAX];
	bool linked = false;
	int r = 0;

	vantio_segment_path(path, "private", segment);
	snprintf(partial, sizeof(partial), "private/.%08llu.ndjson.tmp", (unsigned long long)segment);
	if (fdatasync(p->out) < 0)
		return vantio_fail(err, errno, "cannot make '%s' durable: %s", partial, strerror(errno));
	/* The writer's own descriptor is of the old file. */
	if (e->l->private.fd >= 0 && e->l->private.number == segment)
		vantio_segment_close(&e->l->private);
	if (renameat(e->l->dirfd, partial, e->l->dirfd, path) < 0)
		return vantio_fail(err, errno, "cannot replace '%s': %s", path, strerror(errno));
	r = vantio_store_sync_dir(e->l->dirfd, "private", err);
	if (r == 0 && e->l->log.fd >= 0 && e->l->log.number == segment)
		r = vantio_segment_open(&e->l->private, e->l->dirfd, segment, p->written, err);
	if (r < 0)
		return r;
	e->done.segments++;
	r = scrub(old, &linked, err);
	e->done.linked += linked;
	return r;
}

/* Counts what would go, or lets it go. */
static int erase_segment(struct erasing *e, uint64_t segment, bool dry, struct vantio_error *err)
{
	uint64_t first = segment * VANTIO_SEGMENT_RECORDS, left = e->size - first;
	cleanup_close int log = -1, private = -1, out = -1;
	struct pass p = { .e = e, .leaf = first, .out = -1, .buf = VANTIO_BUF_INIT };
	char partial[VANTIO_STORE_NAME_MAX];
	int r = open_pair(e, segment, &log, &private, err);

	if (r < 0 || private < 0)
		return r;
	if (!dry) {
		snprintf(partial, sizeof(partial), "private/.%08llu.ndjson.tmp", (unsigned long long)segment);
		out = vantio_store_open(e->l->dirfd, partial, O_WRONLY | O_CREAT | O_TRUNC, 0600, err);
		if (out < 0)
			return out;
		p.out = out;
	}
	r = vantio_lines_init(&p.log, log, 0, VANTIO_RECORD_LINE_MAX, err);
	if (r == 0)
		r = vantio_lines_init(&p.private, private, 0, VANTIO_RECORD_PRIVATE_MAX, err);
	if (r == 0)
		r = run_pass(&p, left < VANTIO_SEGMENT_RECORDS ? left : VANTIO_SEGMENT_RECORDS, err);
	if (r == 0 && !dry && p.values)
		r = replace(e, &p, segment, private, err);
	if (r == 0) {
		e->done.records += p.records;
		e->done.values += p.values;
	}
	vantio_store_drop_temporaries(e->l->dirfd, "private");
	vantio_lines_clear(&p.log);
	vantio_lines_clear(&p.private);
	vantio_buf_free(&p.buf);
	return r;
}

static int erase_all(struct erasing *e, bool dry, struct vantio_error *err)
{
	uint64_t segment;
	int r = 0;

	e->done = (struct vantio_erasure){ .records = 0 };
	for (segment = 0; r == 0 && segment * VANTIO_SEGMENT_RECORDS < e->size; segment++)
		r = erase_segment(e, segment, dry, err);
	return r;
}

/* What is to be erased, of how many records, in the log itself. */
static int put_record(struct erasing *e, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf what = VANTIO_BUF_INIT;
	char ts[VANTIO_RFC3339_LEN];
	struct vantio_record r;
	size_t i;
	int ret;

	for (i = 0; i < e->n_fields; i++)
		vantio_buf_printf(&what, "%s%s", i ? "," : "", e->fields[i]);
	vantio_format_time(ts, e->before_ns);
	vantio_buf_printf(&what, "%s of %llu records before %s", e->salt ? ",args_salt" : "", (unsigned long long)e->done.records, ts);
	if (what.failed)
		return vantio_fail(err, ENOMEM, "out of memory while erasing");
	r = vantio_record_of_act("erase", "", what.data, what.len);
	ret = vantio_ledger_append(e->l, &r, err);
	return ret < 0 ? ret : vantio_ledger_commit(e->l, err);
}

int vantio_ledger_erase(struct vantio_ledger *l, const char *const *fields, size_t n_fields, uint64_t before_ns, bool dry,
			struct vantio_erasure *ret, struct vantio_error *err)
{
	struct erasing e = { .l = l, .fields = fields, .n_fields = n_fields, .before_ns = before_ns };
	bool has_salt = false;
	uint64_t leaf;
	size_t i;
	int r = vantio_ledger_commit(l, err);

	for (i = 0; i < n_fields; i++) {
		e.salt |= !strcmp(fields[i], "resource") || !strcmp(fields[i], "syscall_args");
		has_salt |= !strcmp(fields[i], "args_salt");
	}
	e.salt &= !has_salt;
	leaf = e.size = vantio_ledger_size(l);
	if (r == 0)
		r = erase_all(&e, true, err);
	if (r == 0 && !dry && e.done.values) {
		r = put_record(&e, err);
		if (r == 0) {
			e.size = vantio_ledger_size(l); /* its own private line goes along */
			r = erase_all(&e, false, err);
			e.done.leaf = leaf;
			e.done.recorded = true;
			if (r < 0)
				vantio_fail_prefix(err, "the erasure is recorded and not finished; give the same command again");
		}
		if (r < 0)
			vantio_ledger_break(l, err);
	}
	vantio_buf_free(&e.scratch);
	if (r == 0)
		*ret = e.done;
	return r;
}
