// SPDX-License-Identifier: Apache-2.0
#include "ledger_hands.h"

#include <errno.h>

#include "base/base64.h"
#include "receipt/receipt.h"

struct asking {
	struct vantio_prover *prover;
	const char *const *fields;
	size_t n_fields;
	struct vantio_buf *out;
};

static int prove_hit(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	struct asking *a = ctx;

	return vantio_prover_write(a->prover, hit, a->fields, a->n_fields, a->out, err);
}

static int try_prove(const struct fixture *f, uint64_t leaf, const char *const *fields, size_t n, struct vantio_buf *out,
		     struct vantio_error *err)
{
	struct vantio_query q = { .until = UINT64_MAX, .decision = -1, .limit = 1, .has_after = leaf > 0, .after = leaf - 1 };
	struct asking a = { NULL, fields, n, out };
	struct vantio_reader *reader;
	int r;

	assert_ok(vantio_reader_open(f->ledger, &reader, err), *err);
	r = vantio_prover_open(f->ledger, &a.prover, err);
	if (r == 0)
		r = vantio_reader_find(reader, &q, prove_hit, &a, err);
	vantio_prover_close(a.prover);
	vantio_reader_close(reader);
	return r;
}

static struct vantio_buf prove(const struct fixture *f, uint64_t leaf, const char *const *fields, size_t n)
{
	struct vantio_buf out = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };

	assert_ok(try_prove(f, leaf, fields, n, &out, &err), err);
	return out;
}

static struct vantio_vkey genesis(const struct fixture *f)
{
	struct vantio_error err = { 0 };
	struct vantio_vkey key;
	size_t len;
	char *text = fixture_read(f, "epochs/00000000", &len);

	assert_ok(vantio_vkey_parse(text, len, &key, &err), err);
	free(text);
	return key;
}

static int check(const char *bytes, size_t len, const struct vantio_vkey *key, struct vantio_error *err)
{
	struct vantio_receipt receipt;
	char *exact = malloc(len ? len : 1); /* no byte behind it: a sanitiser sees what reads beyond */
	int r;

	assert_non_null(exact);
	memcpy(exact, bytes, len);
	r = vantio_receipt_verify(exact, len, key, &receipt, err);
	free(exact);
	return r;
}

/* Refused as a receipt that proves nothing, with these words. */
static void refused(const struct fixture *f, const char *bytes, size_t len, const char *words)
{
	struct vantio_vkey key = genesis(f);
	struct vantio_error err = { 0 };

	assert_int_equal(check(bytes, len, &key, &err), -EBADMSG);
	if (!strstr(err.text, words))
		fail_msg("no '%s' in '%s'", words, err.text);
}

/* The receipt with line `n` (from 0) replaced; NULL takes it away, and `keep` puts the text before it. */
static struct vantio_buf edit(const struct vantio_buf *receipt, size_t n, const char *text, bool keep)
{
	struct vantio_buf out = VANTIO_BUF_INIT;
	const char *p = receipt->data, *end = receipt->data + receipt->len, *newline;
	size_t i;

	for (i = 0; p < end; p = newline + 1, i++) {
		newline = memchr(p, '\n', (size_t)(end - p));
		assert_non_null(newline);
		if (i == n && text)
			vantio_buf_printf(&out, "%s\n", text);
		if (i != n || keep)
			vantio_buf_add(&out, p, (size_t)(newline + 1 - p));
	}
	assert_true(i > n);
	return out;
}

static char *line_of(const struct vantio_buf *receipt, size_t n)
{
	const char *p = receipt->data;

	while (n--) {
		p = strchr(p, '\n');
		assert_non_null(p++);
	}
	return strndup(p, strcspn(p, "\n"));
}

static const char *const two[] = { "comm", "resource" };

static void receipt_of_any_record_holds(void **state)
{
	static const uint64_t leaves[] = { 0, 1, 127, 128, 255, 256, 298, 299 };
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_receipt r;
	struct vantio_vkey key;
	struct vantio_buf b;
	size_t i;

	fixture_append(f, 300, 37);
	key = genesis(f);
	for (i = 0; i < VANTIO_ARRAY_SIZE(leaves); i++) {
		b = prove(f, leaves[i], two, i % 3);
		assert_ok(vantio_receipt_verify(b.data, b.len, &key, &r, &err), err);
		assert_int_equal(r.record.fields.leaf, leaves[i]);
		assert_int_equal(r.record.fields.pid, 100 + leaves[i]);
		assert_int_equal(r.record.n_private, i % 3);
		assert_int_equal(r.checkpoint.size, 300);
		assert_int_equal(r.epoch, 0);
		vantio_buf_free(&b);
	}
}

static void receipt_discloses_what_was_chosen_and_nothing_else(void **state)
{
	static const char *const names[] = { "exe" };
	struct vantio_buf b, scratch = VANTIO_BUF_INIT;
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_span name, value;
	struct vantio_receipt r;
	struct vantio_vkey key;

	fixture_append(f, 3, 3);
	key = genesis(f);
	b = prove(f, 1, names, 1);
	assert_ok(vantio_receipt_verify(b.data, b.len, &key, &r, &err), err);
	assert_int_equal(r.record.n_private, 1);
	assert_ok(vantio_disclosure_open(r.record.private[0].text, &scratch, &name, &value, &err), err);
	assert_int_equal(name.len, 3);
	assert_memory_equal(name.p, "exe", 3);
	assert_int_equal(value.len, 9);
	assert_memory_equal(value.p, "\"/bin/sh\"", 9);
	vantio_buf_free(&scratch);
	vantio_buf_free(&b);
}

static void receipt_with_any_byte_changed_is_refused(void **state)
{
	static const unsigned char flips[] = { 0x01, 0x20, 0x80, 0xff };
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_vkey key;
	struct vantio_buf b;
	size_t i, j;

	fixture_append(f, 5, 5);
	key = genesis(f);
	b = prove(f, 2, two, 1);
	assert_ok(check(b.data, b.len, &key, &err), err);
	for (i = 0; i < b.len; i++)
		for (j = 0; j < VANTIO_ARRAY_SIZE(flips); j++) {
			b.data[i] ^= (char)flips[j];
			if (check(b.data, b.len, &key, &err) == 0)
				fail_msg("byte %zu ^ %02x passes", i, flips[j]);
			b.data[i] ^= (char)flips[j];
		}
	for (i = 0; i < b.len; i++)
		if (check(b.data, i, &key, &err) == 0)
			fail_msg("cut to %zu bytes it passes", i);
	vantio_buf_free(&b);
}

static void receipt_under_another_key_is_refused(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_skey other;
	struct vantio_buf b;

	fixture_append(f, 2, 2);
	b = prove(f, 0, NULL, 0);
	assert_ok(vantio_skey_generate("example.org/other", &other, &err), err);
	assert_int_equal(check(b.data, b.len, &other.pub, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "not signed by 'example.org/other'"));
	/* Of the same name, which is what an impostor would take. */
	assert_ok(vantio_skey_rename(&other, genesis(f).name, &err), err);
	assert_int_equal(check(b.data, b.len, &other.pub, &err), -EBADMSG);
	vantio_buf_free(&b);
}

static void receipt_with_foreign_disclosures_is_refused(void **state)
{
	struct fixture *f = *state;
	struct vantio_buf b, c, changed;
	char *line, twice[4096];

	fixture_append(f, 4, 4);
	b = prove(f, 1, two, 1);
	c = prove(f, 2, two, 1);
	line = line_of(&c, 2);
	changed = edit(&b, 2, line, false);
	refused(f, changed.data, changed.len, "matches no digest");
	vantio_buf_free(&changed);
	free(line);
	line = line_of(&b, 2);
	snprintf(twice, sizeof(twice), "%.*s,%s", (int)strlen(line) - 1, line, line + 1);
	changed = edit(&b, 2, twice, false);
	refused(f, changed.data, changed.len, "matches no digest");
	vantio_buf_free(&changed);
	free(line);
	vantio_buf_free(&b);
	vantio_buf_free(&c);
}

static void receipt_with_parts_of_another_is_refused(void **state)
{
	struct fixture *f = *state;
	struct vantio_buf b, c, changed, proof = VANTIO_BUF_INIT;
	char *line;

	fixture_append(f, 4, 4);
	b = prove(f, 1, NULL, 0);
	c = prove(f, 2, NULL, 0);
	/* Another record over this one's proof. */
	line = line_of(&c, 1);
	changed = edit(&b, 1, line, false);
	refused(f, changed.data, changed.len, "its proof is of leaf 1, its record is leaf 2");
	vantio_buf_free(&changed);
	free(line);
	/* This record, the right index, the other's hashes. */
	vantio_buf_add(&proof, b.data, (size_t)(strstr(b.data, "index 1\n") - b.data));
	vantio_buf_puts(&proof, "index 1\n");
	vantio_buf_puts(&proof, strstr(c.data, "index 2\n") + 8);
	refused(f, proof.data, proof.len, "the record is not leaf 1 of the 4");
	vantio_buf_free(&proof);
	vantio_buf_free(&b);
	vantio_buf_free(&c);
}

static void receipt_with_lines_more_or_less_is_refused(void **state)
{
	static const char *const extra[] = { "", "x", "[]", "epoch 1 AAAA", "epoch 2 AAAA", "index 1", "extra AAAA" };
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_buf b, changed;
	struct vantio_vkey key;
	size_t lines = 0, i, n;
	char *p;

	fixture_append(f, 5, 5);
	key = genesis(f);
	b = prove(f, 1, two, 2);
	for (p = b.data; (p = strchr(p, '\n')); p++)
		lines++;
	for (n = 0; n < lines; n++) {
		changed = edit(&b, n, NULL, false);
		assert_true(check(changed.data, changed.len, &key, &err) < 0);
		vantio_buf_free(&changed);
		for (i = 0; i < VANTIO_ARRAY_SIZE(extra); i++) {
			changed = edit(&b, n, extra[i], true);
			if (check(changed.data, changed.len, &key, &err) == 0)
				fail_msg("'%s' before line %zu passes", extra[i], n);
			vantio_buf_free(&changed);
		}
	}
	vantio_buf_putc(&b, '\n');
	refused(f, b.data, b.len, "checkpoint");
	b.len--;
	vantio_buf_puts(&b, "x\n");
	refused(f, b.data, b.len, "checkpoint");
	vantio_buf_free(&b);
	changed = edit(&(struct vantio_buf){ (char[]){ "a\n" }, 2, 3, false }, 0, VANTIO_RECEIPT_HEADER "\r", false);
	refused(f, changed.data, changed.len, "first line");
	vantio_buf_free(&changed);
}

static void receipt_of_another_version_is_not_judged(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_buf b, changed;
	struct vantio_vkey key;

	fixture_append(f, 1, 1);
	key = genesis(f);
	b = prove(f, 0, NULL, 0);
	changed = edit(&b, 0, "vantio-receipt@v2", false);
	assert_int_equal(check(changed.data, changed.len, &key, &err), -EPROTONOSUPPORT);
	vantio_buf_free(&changed);
	vantio_buf_free(&b);
	refused(f, "", 0, "not a receipt");
}

/* Two records under the first key, then a new key, then two more. */
static void rotate(const struct fixture *f)
{
	struct vantio_skey next;
	struct vantio_error err = { 0 };
	char path[192];

	fixture_append(f, 2, 2);
	next = seal(f, NULL);
	sign_with(f, &next);
	fixture_path(f, "keys/00000001", path);
	assert_ok(vantio_skey_write_file(path, &next, &err), err);
	fixture_append(f, 2, 2);
}

static void receipt_of_each_epoch_holds_by_the_genesis_key(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_buf b, changed;
	struct vantio_receipt r;
	struct vantio_vkey key;
	uint64_t leaf;

	rotate(f);
	key = genesis(f);
	for (leaf = 0; leaf < 4; leaf++) {
		b = prove(f, leaf, two, 1);
		assert_ok(vantio_receipt_verify(b.data, b.len, &key, &r, &err), err);
		assert_int_equal(r.epoch, leaf / 2);
		assert_int_equal(r.checkpoint.size, leaf < 2 ? 2 : 4);
		vantio_buf_free(&b);
	}
	b = prove(f, 3, NULL, 0);
	changed = edit(&b, 3, NULL, false); /* without the note of epoch 1 */
	refused(f, changed.data, changed.len, "its checkpoint: not signed by");
	vantio_buf_free(&changed);
	vantio_buf_free(&b);
}

static void receipt_by_a_later_key_for_an_earlier_leaf_is_refused(void **state)
{
	struct fixture *f = *state;
	struct vantio_proof proof = { .n = 2 };
	struct vantio_buf b, late, forged = VANTIO_BUF_INIT;
	struct vantio_hash leaves[4];
	struct lines l;
	size_t i;
	char text[VANTIO_BASE64_STD_LEN(32) + 1] = "", *epoch;

	rotate(f);
	b = prove(f, 0, NULL, 0);
	late = prove(f, 2, NULL, 0);
	l = read_lines(f, LOG);
	for (i = 0; i < 4; i++)
		vantio_leaf_hash(&leaves[i], l.at[i], strlen(l.at[i]));
	proof.hashes[0] = leaves[1];
	vantio_node_hash(&proof.hashes[1], &leaves[2], &leaves[3]);
	epoch = line_of(&late, 3);
	vantio_buf_printf(&forged, VANTIO_RECEIPT_HEADER "\n%s\n[]\n%s\n" VANTIO_RECEIPT_PROOF "\nindex 0\n", l.at[0], epoch);
	for (i = 0; i < 2; i++) {
		vantio_base64_encode(VANTIO_BASE64_STD, text, proof.hashes[i].b, 32);
		vantio_buf_printf(&forged, "%s\n", text);
	}
	vantio_buf_puts(&forged, strstr(late.data, "\n\n") + 1);
	refused(f, forged.data, forged.len, "leaf 0 is older than epoch 1");
	free(epoch);
	free(l.data);
	vantio_buf_free(&forged);
	vantio_buf_free(&late);
	vantio_buf_free(&b);
}

static void prove_says_what_it_cannot_do(void **state)
{
	static const char *const unknown[] = { "comm", "nonesuch" };
	struct vantio_buf out = VANTIO_BUF_INIT;
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct lines l;

	fixture_append(f, 5, 5);
	assert_int_equal(try_prove(f, 1, unknown, 2, &out, &err), -ENOENT);
	assert_non_null(strstr(err.text, "'nonesuch'"));
	drop(f, PRIVATE);
	assert_int_equal(try_prove(f, 1, two, 1, &out, &err), -ENOENT);
	assert_int_equal(try_prove(f, 1, NULL, 0, &out, &err), 0);
	assert_true(out.len > 0);
	vantio_buf_reset(&out);
	/* A record that is not the one that was signed has no receipt. */
	l = read_lines(f, LOG);
	replace_in_line(&l, 1, "\"uid\":1000", "\"uid\":1001");
	write_lines(f, LOG, &l, "\n");
	free(l.data);
	assert_int_equal(try_prove(f, 1, NULL, 0, &out, &err), -EBADMSG);
	drop(f, "tile");
	assert_int_equal(try_prove(f, 2, NULL, 0, &out, &err), -EBADMSG);
	assert_int_equal(out.len, 0);
	vantio_buf_free(&out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(receipt_of_any_record_holds),
		CASE(receipt_discloses_what_was_chosen_and_nothing_else),
		CASE(receipt_with_any_byte_changed_is_refused),
		CASE(receipt_under_another_key_is_refused),
		CASE(receipt_with_foreign_disclosures_is_refused),
		CASE(receipt_with_parts_of_another_is_refused),
		CASE(receipt_with_lines_more_or_less_is_refused),
		CASE(receipt_of_another_version_is_not_judged),
		CASE(receipt_of_each_epoch_holds_by_the_genesis_key),
		CASE(receipt_by_a_later_key_for_an_earlier_leaf_is_refused),
		CASE(prove_says_what_it_cannot_do),
	};

	return cmocka_run_group_tests_name("receipt", tests, NULL, NULL);
}
