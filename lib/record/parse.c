// SPDX-License-Identifier: Apache-2.0
/* Records read back into strings of their own, and the disclosures of private lines. */
#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/class.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/text.h"
#include "record/record.h"

void vantio_span_text(struct vantio_buf *out, struct vantio_span span)
{
	size_t i, from = 0;

	for (i = 0; i < span.len; i++) {
		if (span.p[i] != '\\')
			continue;
		vantio_buf_add(out, span.p + from, i - from);
		from = ++i;
	}
	if (from < span.len)
		vantio_buf_add(out, span.p + from, span.len - from);
}

static char *text_dup(struct vantio_span span)
{
	struct vantio_buf b = VANTIO_BUF_INIT;

	vantio_span_text(&b, span);
	return vantio_buf_steal(&b);
}

void vantio_record_view_clear(struct vantio_record_view *v)
{
	free(v->host);
	free(v->tier);
	free(v->agent);
	free(v->agent_svid);
	free(v->hook);
	free(v->op);
	free(v->rule);
	free(v->decision);
	free(v->policy);
	free(v->sd);
	*v = (struct vantio_record_view){ .n_sd = 0 };
}

static void copy(char *out, struct vantio_span span)
{
	memcpy(out, span.p, span.len);
	out[span.len] = '\0';
}

static bool own_strings(struct vantio_record_view *v, const struct vantio_record_fields *f)
{
	size_t i;

	v->host = text_dup(f->host);
	v->tier = text_dup(f->tier);
	v->agent = text_dup(f->agent);
	v->agent_svid = text_dup(f->agent_svid);
	v->hook = text_dup(f->hook);
	v->op = text_dup(f->op);
	v->rule = text_dup(f->rule);
	v->decision = text_dup(f->decision);
	v->policy = text_dup(f->policy);
	v->sd = calloc(f->n_sd ? f->n_sd : 1, sizeof(*v->sd));
	if (!v->sd)
		return false;
	for (i = 0; i < f->n_sd; i++)
		copy(v->sd[i], f->sd[i]);
	v->n_sd = f->n_sd;
	return v->host && v->tier && v->agent && v->agent_svid && v->hook && v->op && v->rule && v->decision && v->policy;
}

int vantio_record_parse(const char *line, size_t len, struct vantio_record_view *ret, struct vantio_error *err)
{
	struct vantio_record_view v = { .n_sd = 0 };
	struct vantio_record_fields f;
	char ts[VANTIO_RFC3339_LEN];
	int r;

	r = vantio_record_scan(line, len, &f, err);
	if (r < 0)
		return r;
	copy(v.record_id, f.record_id);
	copy(v.boot_id, f.boot_id);
	copy(v.policy_hash, f.policy_hash);
	copy(v.nonce, f.nonce);
	copy(ts, f.ts);
	if (!vantio_parse_time(ts, &v.realtime_ns))
		return vantio_fail(err, EBADMSG, "not a record: \"ts\" is no time");
	v.leaf = f.leaf;
	v.mono_ns = f.mono_ns;
	v.trace_id = f.trace_id;
	v.cgroup_id = f.cgroup_id;
	v.policy_gen = f.policy_gen;
	v.lost_before = f.lost_before;
	v.pid = f.pid;
	v.tid = f.tid;
	v.ppid = f.ppid;
	v.uid = f.uid;
	v.gid = f.gid;
	v.count = f.count;
	v.syscall_nr = f.syscall_nr;
	v.enforced = f.enforced;
	if (!own_strings(&v, &f)) {
		vantio_record_view_clear(&v);
		return vantio_fail(err, ENOMEM, "out of memory while reading a record");
	}
	*ret = v;
	return 0;
}

static int fail_private(struct vantio_error *err, const char *line, const char *p)
{
	return vantio_fail(err, EBADMSG, "not an array of disclosures: at byte %zu", (size_t)(p - line));
}

int vantio_private_scan(const char *line, size_t len, struct vantio_disclosure *ret, size_t *ret_n, struct vantio_error *err)
{
	const char *p = line, *end = line + len, *start;
	uint8_t hash[32];
	size_t n = 0;

	if (len < 2 || len > VANTIO_RECORD_PRIVATE_MAX || *p != '[' || end[-1] != ']')
		return fail_private(err, line, p);
	end--;
	for (p++; p < end; n++) {
		if (n == VANTIO_DISCLOSURES_MAX || (n && *p++ != ',') || p == end || *p++ != '"')
			return fail_private(err, line, p);
		start = p;
		p += vantio_class_span(p, (size_t)(end - p), VANTIO_CLASS_B64);
		if (p == end || *p != '"' || p == start)
			return fail_private(err, line, p);
		ret[n].text = (struct vantio_span){ start, (size_t)(p - start) };
		vantio_sha256_of(hash, start, (size_t)(p - start));
		vantio_base64_encode(VANTIO_BASE64_URL, ret[n].digest, hash, sizeof(hash));
		ret[n].digest[43] = '\0';
		p++;
	}
	*ret_n = n;
	return 0;
}

int vantio_private_check(const struct vantio_record_fields *f, const char *line, size_t len, struct vantio_error *err)
{
	struct vantio_disclosure d[VANTIO_DISCLOSURES_MAX];
	bool used[VANTIO_RECORD_SD_MAX] = { false };
	size_t n, i, j;
	int r;

	r = vantio_private_scan(line, len, d, &n, err);
	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		for (j = 0; j < f->n_sd; j++)
			if (!used[j] && *d[i].digest == *f->sd[j].p && !memcmp(d[i].digest, f->sd[j].p, 43))
				break;
		if (j == f->n_sd)
			return vantio_fail(err, EBADMSG, "disclosure %zu matches no digest of the record", i + 1);
		used[j] = true;
	}
	return (int)n;
}

static int fail_disclosure(struct vantio_error *err)
{
	return vantio_fail(err, EBADMSG, "not a disclosure: the form is [salt, name, value]");
}

int vantio_disclosure_open(struct vantio_span text, struct vantio_buf *scratch, struct vantio_span *name,
			   struct vantio_span *value, struct vantio_error *err)
{
	char *decoded = malloc(text.len + 1);
	const char *p, *end, *quote;
	size_t len;

	if (!decoded)
		return vantio_fail(err, ENOMEM, "out of memory while reading a disclosure");
	vantio_buf_reset(scratch);
	if (vantio_base64_decode(VANTIO_BASE64_URL, decoded, text.len, text.p, text.len, &len))
		vantio_buf_add(scratch, decoded, len);
	free(decoded);
	if (scratch->failed)
		return vantio_fail(err, ENOMEM, "out of memory while reading a disclosure");
	if (scratch->len < 10)
		return fail_disclosure(err);
	p = scratch->data;
	end = p + scratch->len;
	if (memcmp(p, "[\"", 2) != 0 || end[-1] != ']')
		return fail_disclosure(err);
	/* Salts are base64url and names plain words: neither holds an escape. */
	quote = memchr(p + 2, '"', (size_t)(end - p - 2));
	if (!quote || end - quote < 5 || memcmp(quote, "\",\"", 3) != 0)
		return fail_disclosure(err);
	name->p = quote + 3;
	quote = memchr(name->p, '"', (size_t)(end - name->p));
	if (!quote || end - quote < 4 || quote[1] != ',')
		return fail_disclosure(err);
	name->len = (size_t)(quote - name->p);
	*value = (struct vantio_span){ quote + 2, (size_t)(end - 1 - (quote + 2)) };
	return 0;
}
