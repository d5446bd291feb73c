// SPDX-License-Identifier: Apache-2.0
#include "ledger/cosign.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/text.h"

#define SIG_LEN 72u /* time and Ed25519 */

int vantio_witness_parse(const char *text, size_t len, struct vantio_witness *ret, struct vantio_error *err)
{
	return vantio_vkey_parse_type(text, len, VANTIO_KEY_COSIGNATURE, &ret->key, err);
}

void vantio_witness_print(struct vantio_buf *out, const struct vantio_witness *w)
{
	vantio_vkey_print_type(out, &w->key, VANTIO_KEY_COSIGNATURE);
}

void vantio_witness_of(const struct vantio_vkey *key, struct vantio_witness *ret)
{
	ret->key = *key;
	ret->key.id = vantio_key_id(key->name, VANTIO_KEY_COSIGNATURE, key->key);
}

static bool signed_by(const struct vantio_note_sig *s, const struct vantio_witness *w)
{
	return s->id == w->key.id && s->name.len == strlen(w->key.name) && !memcmp(s->name.p, w->key.name, s->name.len);
}

/* What is signed. False if memory ran out. */
static bool message(struct vantio_buf *out, struct vantio_span text, uint64_t time)
{
	vantio_buf_printf(out, "cosignature/v1\ntime %llu\n", (unsigned long long)time);
	vantio_buf_add(out, text.p, text.len);
	return !out->failed;
}

/* ---- signing ---- */

static int put_line(struct vantio_buf *out, struct vantio_span text, const struct vantio_skey *key, const struct vantio_witness *w,
		    uint64_t time, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf m = VANTIO_BUF_INIT;
	char base64[VANTIO_BASE64_STD_LEN(4 + SIG_LEN)];
	uint8_t bytes[4 + SIG_LEN];
	int i;

	for (i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(w->key.id >> (24 - 8 * i));
	for (i = 0; i < 8; i++)
		bytes[4 + i] = (uint8_t)(time >> (56 - 8 * i));
	if (!message(&m, text, time))
		return vantio_fail(err, ENOMEM, "out of memory while cosigning");
	crypto_sign_detached(bytes + 12, NULL, (const uint8_t *)m.data, m.len, key->secret);
	vantio_base64_encode(VANTIO_BASE64_STD, base64, bytes, sizeof(bytes));
	vantio_buf_printf(out, "\xe2\x80\x94 %s ", w->key.name);
	vantio_buf_add(out, base64, sizeof(base64));
	vantio_buf_putc(out, '\n');
	return 0;
}

int vantio_cosign(struct vantio_buf *out, const char *note, size_t len, const struct vantio_skey *key, uint64_t time,
		  struct vantio_error *err)
{
	cleanup_free struct vantio_note *parsed = malloc(sizeof(*parsed));
	cleanup_buf struct vantio_buf whole = VANTIO_BUF_INIT;
	struct vantio_checkpoint c;
	struct vantio_witness w;
	size_t i, kept = 0;
	int r;

	if (!parsed)
		return vantio_fail(err, ENOMEM, "out of memory while cosigning");
	r = vantio_note_parse(note, len, parsed, err);
	if (r == 0)
		r = vantio_checkpoint_parse(parsed->text.p, parsed->text.len, &c, err);
	if (r < 0 || !time || time > INT64_MAX)
		return vantio_fail(err, EINVAL, "%s", r < 0 ? err->text : "a cosignature needs a time");
	vantio_witness_of(&key->pub, &w);
	vantio_buf_add(&whole, parsed->text.p, parsed->text.len);
	vantio_buf_putc(&whole, '\n');
	for (i = 0; i < parsed->n_sigs; i++) {
		if (signed_by(&parsed->sigs[i], &w))
			continue;
		vantio_buf_add(&whole, parsed->sigs[i].line.p, parsed->sigs[i].line.len);
		vantio_buf_putc(&whole, '\n');
		kept++;
	}
	if (kept >= VANTIO_NOTE_SIGS_MAX)
		return vantio_fail(err, EINVAL, "the checkpoint has %zu signatures; there is no room for another", kept);
	r = put_line(&whole, parsed->text, key, &w, time, err);
	if (r < 0)
		return r;
	if (whole.len > VANTIO_NOTE_MAX)
		return vantio_fail(err, EINVAL, "the checkpoint would be longer than %u bytes", VANTIO_NOTE_MAX);
	vantio_buf_add(out, whole.data ? whole.data : "", whole.len);
	return out->failed || whole.failed ? vantio_fail(err, ENOMEM, "out of memory while cosigning") : 0;
}

/* ---- what was cosigned before ---- */

static int open_text(const char *note, size_t len, struct vantio_checkpoint *ret, struct vantio_error *err)
{
	cleanup_free struct vantio_note *parsed = malloc(sizeof(*parsed));
	int r;

	if (!parsed)
		return vantio_fail(err, ENOMEM, "out of memory while cosigning");
	r = vantio_note_parse(note, len, parsed, err);
	return r < 0 ? r : vantio_checkpoint_parse(parsed->text.p, parsed->text.len, ret, err);
}

/* `state_dir`/cosigned/ and the SHA-256 of origin, witness and key. Owned by the caller. */
static char *cosigned_path(const char *state_dir, const char *origin, const struct vantio_witness *w)
{
	struct vantio_sha256 h;
	char hex[65], *path;
	uint8_t hash[32];

	vantio_sha256_begin(&h);
	vantio_sha256_add(&h, origin, strlen(origin) + 1);
	vantio_sha256_add(&h, w->key.name, strlen(w->key.name) + 1);
	vantio_sha256_add(&h, w->key.key, sizeof(w->key.key));
	vantio_sha256_end(&h, hash);
	vantio_hex(hex, hash, sizeof(hash));
	return asprintf(&path, "%s/cosigned/%s", state_dir, hex) < 0 ? NULL : path;
}

int vantio_cosign_advance(const char *state_dir, const struct vantio_witness *w, const char *note, size_t len, struct vantio_error *err)
{
	cleanup_free char *path = NULL, *before = NULL;
	struct vantio_checkpoint c, last;
	size_t before_len;
	int r;

	r = open_text(note, len, &c, err);
	if (r < 0)
		return r;
	path = cosigned_path(state_dir, c.origin, w);
	if (!path)
		return vantio_fail(err, ENOMEM, "out of memory while cosigning");
	r = vantio_read_file(AT_FDCWD, path, VANTIO_NOTE_MAX, &before, &before_len, err);
	if (r == 0)
		r = open_text(before, before_len, &last, err);
	if (r == 0 && (c.size < last.size || (c.size == last.size && !vantio_hash_equal(&c.root, &last.root))))
		return vantio_fail(err, ESTALE, "witness '%s' cosigned this log at %llu records before, and cosigns no %s", w->key.name,
				   (unsigned long long)last.size, c.size < last.size ? "older checkpoint" : "other one of that size");
	if (r < 0 && r != -ENOENT)
		return vantio_fail_prefix(err, "what this witness cosigned before");
	*strrchr(path, '/') = '\0';
	r = vantio_make_dirs(path, 0700, err);
	path[strlen(path)] = '/';
	return r < 0 ? r : vantio_replace_file(AT_FDCWD, path, note, len, 0600, err);
}

/* ---- counting ---- */

int vantio_quorum_add(struct vantio_quorum *q, const struct vantio_witness *w, struct vantio_error *err)
{
	if (vantio_quorum_has(q, &w->key))
		return vantio_fail(err, EEXIST, "the key of witness '%s' is given twice; it counts once, whatever its name", w->key.name);
	if (q->n == VANTIO_WITNESSES_MAX)
		return vantio_fail(err, E2BIG, "more than %d witnesses", VANTIO_WITNESSES_MAX);
	q->witnesses[q->n++] = *w;
	return 0;
}

bool vantio_quorum_has(const struct vantio_quorum *q, const struct vantio_vkey *key)
{
	size_t i;

	for (i = 0; i < q->n; i++)
		if (!memcmp(q->witnesses[i].key.key, key->key, sizeof(key->key)))
			return true;
	return false;
}

static int check_line(const struct vantio_note_sig *s, const struct vantio_witness *w, struct vantio_span text, uint64_t now,
		      uint64_t *ret_time, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf m = VANTIO_BUF_INIT;
	uint64_t time = 0;
	int i;

	for (i = 0; i < 8; i++)
		time = time << 8 | s->sig[i];
	if (s->sig_len != SIG_LEN || !time || time > INT64_MAX)
		return vantio_fail(err, EBADMSG, "the cosignature of '%s' has no time, or not its length", w->key.name);
	if (!message(&m, text, time))
		return vantio_fail(err, ENOMEM, "out of memory while verifying");
	if (crypto_sign_verify_detached(s->sig + 8, (const uint8_t *)m.data, m.len, w->key.key) != 0)
		return vantio_fail(err, EBADMSG, "the cosignature of '%s' does not hold", w->key.name);
	if (time > now + VANTIO_COSIGN_EARLY_S)
		return vantio_fail(err, EBADMSG, "the cosignature of '%s' is %llu seconds ahead of this machine's clock", w->key.name,
				   (unsigned long long)(time - now));
	*ret_time = time;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int vantio_quorum_count(const struct vantio_quorum *q, const char *note, size_t len, struct vantio_quorum_result *ret,
			struct vantio_error *err)
{
	cleanup_free struct vantio_note *parsed = malloc(sizeof(*parsed));
	uint64_t times[VANTIO_WITNESSES_MAX], time = 0;
	struct vantio_quorum_result result = { .n = 0 };
	size_t i, j;
	bool counted;
	int r;

	if (!parsed)
		return vantio_fail(err, ENOMEM, "out of memory while verifying");
	r = vantio_note_parse(note, len, parsed, err);
	if (r < 0)
		return r;
	for (i = 0; i < q->n; i++) {
		for (j = 0, counted = false; j < parsed->n_sigs; j++) {
			if (!signed_by(&parsed->sigs[j], &q->witnesses[i]))
				continue;
			r = check_line(&parsed->sigs[j], &q->witnesses[i], parsed->text, q->now, &time, err);
			if (r < 0)
				return r;
			/* Of several lines of one witness the earliest says since when it has stood by this head. */
			if (!counted || time < times[result.n - 1])
				times[counted ? result.n - 1 : result.n] = time;
			result.n += !counted;
			counted = true;
		}
	}
	qsort(times, result.n, sizeof(times[0]), by_time);
	if (q->need && result.n >= q->need)
		result.time = times[q->need - 1];
	*ret = result;
	return 0;
}
