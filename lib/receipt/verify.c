// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/text.h"
#include "receipt/receipt.h"

/* What is left to read; every line must end in a newline. */
struct cursor {
	const char *p, *end;
};

static bool take_line(struct cursor *c, struct vantio_span *ret)
{
	const char *newline = c->p < c->end ? memchr(c->p, '\n', (size_t)(c->end - c->p)) : NULL;

	if (!newline)
		return false;
	*ret = (struct vantio_span){ c->p, (size_t)(newline - c->p) };
	c->p = newline + 1;
	return true;
}

static bool line_is(struct vantio_span line, const char *text)
{
	return line.len == strlen(text) && !memcmp(line.p, text, line.len);
}

/* Takes a lead such as "index " off the line. */
static bool take_lead(struct vantio_span *line, const char *lead)
{
	size_t n = strlen(lead);

	if (line->len < n || memcmp(line->p, lead, n) != 0)
		return false;
	line->p += n;
	line->len -= n;
	return true;
}

static int read_header(struct cursor *c, struct vantio_error *err)
{
	struct vantio_span line = { NULL, 0 };
	bool whole = take_line(c, &line);
	uint64_t version;

	if (whole && line_is(line, VANTIO_RECEIPT_HEADER))
		return 0;
	if (whole && take_lead(&line, "vantio-receipt@v") && vantio_parse_u64(line.p, line.len, UINT32_MAX, &version))
		return vantio_fail(err, EPROTONOSUPPORT, "a receipt of another version than this program knows");
	return vantio_fail(err, EBADMSG, "not a receipt: its first line is not '" VANTIO_RECEIPT_HEADER "'");
}

/* Names are plain words, each once. */
static int check_names(const struct vantio_hit *h, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf scratch = VANTIO_BUF_INIT, seen = VANTIO_BUF_INIT;
	struct vantio_span name, value;
	size_t i, j, at;
	int r;

	for (i = 0; i < h->n_private; i++) {
		r = vantio_disclosure_open(h->private[i].text, &scratch, &name, &value, err);
		if (r < 0)
			return r;
		for (j = 0; j < name.len; j++)
			if (!((name.p[j] >= 'a' && name.p[j] <= 'z') || name.p[j] == '_'))
				return vantio_fail(err, EBADMSG, "a disclosure whose name is not a plain word");
		if (!name.len || !vantio_utf8_valid(value.p, value.len))
			return vantio_fail(err, EBADMSG, "a disclosure without a name, or whose value is not UTF-8");
		at = seen.len;
		vantio_buf_putc(&seen, '\n');
		vantio_buf_add(&seen, name.p, name.len);
		vantio_buf_putc(&seen, '\n');
		if (seen.failed)
			return vantio_fail(err, ENOMEM, "out of memory while reading a receipt");
		if (at && memmem(seen.data, at, seen.data + at, seen.len - at))
			return vantio_fail(err, EBADMSG, "the field '%.*s' is disclosed twice", (int)name.len, name.p);
	}
	return 0;
}

static int read_record(struct cursor *c, struct vantio_hit *ret, struct vantio_error *err)
{
	struct vantio_span private;
	int r;

	if (!take_line(c, &ret->line) || !take_line(c, &private))
		return vantio_fail(err, EBADMSG, "it ends before its record and its disclosures");
	r = vantio_record_scan(ret->line.p, ret->line.len, &ret->fields, err);
	if (r < 0)
		return r;
	r = vantio_private_check(&ret->fields, private.p, private.len, err);
	if (r >= 0)
		r = vantio_private_scan(private.p, private.len, ret->private, &ret->n_private, err);
	if (r == 0)
		r = check_names(ret, err);
	return r < 0 ? vantio_fail_prefix(err, "its disclosures") : 0;
}

/* Follows the epochs up to the one that signs; leaves the cursor behind the line that begins the proof. */
static int read_epochs(struct cursor *c, struct vantio_epoch *epoch, uint64_t *ret_n, struct vantio_error *err)
{
	cleanup_free char *note = malloc(VANTIO_NOTE_MAX);
	struct vantio_span line, word;
	uint64_t n, said;
	size_t len;
	int r;

	if (!note)
		return vantio_fail(err, ENOMEM, "out of memory while reading a receipt");
	for (n = 1; take_line(c, &line); n++) {
		if (line_is(line, VANTIO_RECEIPT_PROOF)) {
			*ret_n = n - 1;
			return 0;
		}
		if (!take_lead(&line, "epoch "))
			break;
		word = line;
		line.p = memchr(word.p, ' ', word.len);
		word.len = line.p ? (size_t)(line.p - word.p) : 0;
		if (!vantio_parse_u64(word.p, word.len, VANTIO_EPOCHS_MAX, &said) || said != n)
			return vantio_fail(err, EBADMSG, "the note of epoch %llu is not where it should be", (unsigned long long)n);
		if (!vantio_base64_decode(VANTIO_BASE64_STD, note, VANTIO_NOTE_MAX, line.p + 1, line.len - word.len - 1, &len))
			return vantio_fail(err, EBADMSG, "the note of epoch %llu is not base64", (unsigned long long)n);
		r = vantio_epoch_follow(note, len, n, epoch, epoch, err);
		if (r < 0)
			return vantio_fail_prefix(err, "the note of epoch %llu", (unsigned long long)n);
	}
	return vantio_fail(err, EBADMSG, "neither the note of an epoch nor '" VANTIO_RECEIPT_PROOF "' behind its disclosures");
}

static int read_proof(struct cursor *c, uint64_t leaf, struct vantio_proof *ret, struct vantio_error *err)
{
	struct vantio_span line;
	uint64_t index;
	size_t len;

	if (!take_line(c, &line) || !take_lead(&line, "index ") || !vantio_parse_u64(line.p, line.len, INT64_MAX, &index))
		return vantio_fail(err, EBADMSG, "its proof does not begin with 'index' and a number");
	if (index != leaf)
		return vantio_fail(err, EBADMSG, "its proof is of leaf %llu, its record is leaf %llu", (unsigned long long)index,
				   (unsigned long long)leaf);
	for (ret->n = 0; take_line(c, &line); ret->n++) {
		if (!line.len)
			return 0;
		if (ret->n == VANTIO_MERKLE_HEIGHT ||
		    !vantio_base64_decode(VANTIO_BASE64_STD, ret->hashes[ret->n].b, 32, line.p, line.len, &len) || len != 32)
			break;
	}
	return vantio_fail(err, EBADMSG, "its proof is not at most %d hashes and an empty line", VANTIO_MERKLE_HEIGHT);
}

static int verify(struct cursor *c, const struct vantio_vkey *genesis, struct vantio_receipt *ret, struct vantio_error *err)
{
	struct vantio_epoch epoch;
	struct vantio_proof proof;
	struct vantio_hash hash;
	uint64_t leaf;
	int r;

	vantio_epoch_first(genesis, &epoch);
	r = read_header(c, err);
	if (r == 0)
		r = read_record(c, &ret->record, err);
	if (r == 0)
		r = read_epochs(c, &epoch, &ret->epoch, err);
	leaf = ret->record.fields.leaf;
	if (r == 0)
		r = read_proof(c, leaf, &proof, err);
	if (r < 0)
		return r;
	ret->signer = epoch.key;
	ret->note = (struct vantio_span){ c->p, (size_t)(c->end - c->p) };
	r = vantio_checkpoint_open(ret->note.p, ret->note.len, &epoch.key, &ret->checkpoint, err);
	if (r < 0)
		return vantio_fail_prefix(err, "its checkpoint");
	/* A later key must not speak for what an earlier epoch sealed. */
	if (leaf < epoch.begin)
		return vantio_fail(err, EBADMSG, "leaf %llu is older than epoch %llu, whose key signs its checkpoint",
				   (unsigned long long)leaf, (unsigned long long)ret->epoch);
	vantio_leaf_hash(&hash, ret->record.line.p, ret->record.line.len);
	if (!vantio_inclusion_verify(leaf, ret->checkpoint.size, &hash, &proof, &ret->checkpoint.root))
		return vantio_fail(err, EBADMSG, "the record is not leaf %llu of the %llu that its checkpoint signs",
				   (unsigned long long)leaf, (unsigned long long)ret->checkpoint.size);
	return 0;
}

int vantio_receipt_verify(const char *bytes, size_t len, const struct vantio_vkey *genesis, struct vantio_receipt *ret,
			  struct vantio_error *err)
{
	struct cursor c = { bytes, bytes + len };
	struct vantio_receipt receipt = { .epoch = 0 };
	int r;

	if (len > VANTIO_RECEIPT_MAX)
		return vantio_fail(err, EBADMSG, "not a receipt: longer than %u bytes", VANTIO_RECEIPT_MAX);
	r = verify(&c, genesis, &receipt, err);
	if (r == 0)
		*ret = receipt;
	else if (r == -ENOKEY) /* another key's signature proves as little as none */
		err->code = EBADMSG;
	return r < 0 ? -err->code : 0;
}
