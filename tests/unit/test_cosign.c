// SPDX-License-Identifier: Apache-2.0
#include "ledger_fixture.h"

#include <sodium.h>

#include "base/base64.h"
#include "ledger/cosign.h"

#define NOW 1800000000ull
#define TEXT "example.org/log\n5\n" "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

struct cast {
	struct vantio_skey log, a, b;
	struct vantio_buf note;
	struct vantio_quorum quorum;
};

static struct vantio_skey key(const char *name)
{
	struct vantio_error err = { 0 };
	struct vantio_skey k;

	assert_ok(vantio_skey_generate(name, &k, &err), err);
	return k;
}

static void add(struct cast *c, const struct vantio_skey *k)
{
	struct vantio_error err = { 0 };
	struct vantio_witness w;

	vantio_witness_of(&k->pub, &w);
	assert_ok(vantio_quorum_add(&c->quorum, &w, &err), err);
}

static struct cast setup(void)
{
	struct vantio_error err = { 0 };
	struct cast c = { .log = key("example.org/log"), .a = key("witness/a"), .b = key("witness/b") };

	assert_ok(vantio_note_sign(&c.note, TEXT, strlen(TEXT), &c.log, &err), err);
	add(&c, &c.a);
	add(&c, &c.b);
	c.quorum.need = 2;
	c.quorum.now = NOW;
	return c;
}

static void cosign(struct cast *c, const struct vantio_skey *k, uint64_t time)
{
	struct vantio_buf out = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };

	assert_ok(vantio_cosign(&out, c->note.data, c->note.len, k, time, &err), err);
	vantio_buf_free(&c->note);
	c->note = out;
}

static int count(const struct cast *c, struct vantio_quorum_result *ret, struct vantio_error *err)
{
	return vantio_quorum_count(&c->quorum, c->note.data, c->note.len, ret, err);
}

static void cosign_by_two_is_a_quorum(void **state)
{
	struct vantio_quorum_result r;
	struct vantio_error err = { 0 };
	struct cast c = setup();

	(void)state;
	assert_ok(count(&c, &r, &err), err);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.time, 0);
	cosign(&c, &c.a, NOW - 10);
	assert_ok(count(&c, &r, &err), err);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.time, 0);
	cosign(&c, &c.b, NOW - 20);
	assert_ok(count(&c, &r, &err), err);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.time, NOW - 10);
	vantio_buf_free(&c.note);
}

/* The signed bytes, made by hand from the specification. */
static void cosign_line_is_what_c2sp_says(void **state)
{
	struct vantio_note *note = malloc(sizeof(*note));
	struct vantio_error err = { 0 };
	struct cast c = setup();
	char message[256];
	uint8_t hash[32], material[64];
	int n;

	(void)state;
	cosign(&c, &c.a, 1679315147);
	assert_ok(vantio_note_parse(c.note.data, c.note.len, note, &err), err);
	assert_int_equal(note->n_sigs, 2);
	assert_int_equal(note->sigs[1].sig_len, 72);
	assert_memory_equal(note->sigs[1].sig, "\0\0\0\0\x64\x18\x50\xcb", 8);
	n = snprintf(message, sizeof(message), "cosignature/v1\ntime 1679315147\n" TEXT);
	assert_int_equal(crypto_sign_verify_detached(note->sigs[1].sig + 8, (uint8_t *)message, (size_t)n, c.a.pub.key), 0);
	n = snprintf((char *)material, sizeof(material), "witness/a\n%c", 4);
	memcpy(material + n, c.a.pub.key, 32);
	crypto_hash_sha256(hash, material, (size_t)n + 32);
	assert_int_equal(note->sigs[1].id, (uint32_t)hash[0] << 24 | hash[1] << 16 | hash[2] << 8 | hash[3]);
	vantio_buf_free(&c.note);
	free(note);
}

static void cosign_again_counts_once(void **state)
{
	struct vantio_quorum_result r;
	struct vantio_error err = { 0 };
	struct cast c = setup();
	char *line;
	size_t len;

	(void)state;
	cosign(&c, &c.a, NOW - 10);
	len = c.note.len;
	cosign(&c, &c.a, NOW - 5);
	assert_int_equal(c.note.len, len);
	/* And if somebody pastes the line in once more. */
	line = strdup(strstr(c.note.data, "\xe2\x80\x94 witness/a"));
	vantio_buf_puts(&c.note, line);
	free(line);
	assert_ok(count(&c, &r, &err), err);
	assert_int_equal(r.n, 1);
	vantio_buf_free(&c.note);
}

static void cosign_bad_rejects_the_note(void **state)
{
	struct vantio_quorum_result r;
	struct vantio_error err = { 0 };
	struct cast c = setup();
	char *line;

	(void)state;
	cosign(&c, &c.a, NOW);
	cosign(&c, &c.b, NOW);
	line = strstr(c.note.data, "\xe2\x80\x94 witness/b ");
	line[40] = line[40] == 'A' ? 'B' : 'A';
	assert_int_equal(count(&c, &r, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "'witness/b'"));
	/* To who does not know that witness its line says nothing. */
	c.quorum.n = c.quorum.need = 1;
	assert_ok(count(&c, &r, &err), err);
	assert_int_equal(r.n, 1);
	vantio_buf_free(&c.note);
}

static void cosign_time_must_be_sane(void **state)
{
	struct vantio_quorum_result r;
	struct vantio_error err = { 0 };
	struct vantio_buf out = VANTIO_BUF_INIT;
	struct cast c = setup();

	(void)state;
	assert_int_equal(vantio_cosign(&out, c.note.data, c.note.len, &c.a, 0, &err), -EINVAL);
	assert_int_equal(vantio_cosign(&out, c.note.data, c.note.len, &c.a, UINT64_MAX, &err), -EINVAL);
	cosign(&c, &c.a, NOW + VANTIO_COSIGN_EARLY_S);
	assert_ok(count(&c, &r, &err), err);
	cosign(&c, &c.a, NOW + VANTIO_COSIGN_EARLY_S + 1);
	assert_int_equal(count(&c, &r, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "ahead of this machine's clock"));
	vantio_buf_free(&c.note);
}

/* A plain signature by the same key under the same name is another key, by its id. */
static void cosign_plain_signature_does_not_count(void **state)
{
	struct vantio_quorum_result r;
	struct vantio_error err = { 0 };
	struct cast c = setup();

	(void)state;
	vantio_buf_reset(&c.note);
	assert_ok(vantio_note_sign(&c.note, TEXT, strlen(TEXT), &c.a, &err), err);
	assert_ok(count(&c, &r, &err), err);
	assert_int_equal(r.n, 0);
	vantio_buf_free(&c.note);
}

static void cosign_same_key_under_two_names_is_refused(void **state)
{
	struct vantio_error err = { 0 };
	struct vantio_witness w;
	struct cast c = setup();

	(void)state;
	assert_ok(vantio_skey_rename(&c.a, "witness/other", &err), err);
	vantio_witness_of(&c.a.pub, &w);
	assert_int_equal(vantio_quorum_add(&c.quorum, &w, &err), -EEXIST);
	vantio_buf_free(&c.note);
}

static void cosign_vkey_goes_there_and_back(void **state)
{
	struct vantio_buf text = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	struct vantio_witness w, back;
	struct vantio_skey k = key("witness/a");

	(void)state;
	vantio_witness_of(&k.pub, &w);
	vantio_witness_print(&text, &w);
	assert_ok(vantio_witness_parse(text.data, text.len, &back, &err), err);
	assert_true(vantio_vkey_equal(&w.key, &back.key));
	assert_int_equal(vantio_vkey_parse(text.data, text.len, &back.key, &err), -EINVAL);
	vantio_buf_reset(&text);
	vantio_vkey_print(&text, &k.pub);
	assert_int_equal(vantio_witness_parse(text.data, text.len, &back, &err), -EINVAL);
	vantio_buf_free(&text);
}

/* Signatures of kinds that are not known here are longer (ML-DSA-44: 2,428 bytes): ignored, not refused. */
static void note_with_a_long_unknown_signature_is_taken(void **state)
{
	char base64[VANTIO_BASE64_STD_LEN(2432)];
	struct vantio_quorum_result r;
	struct vantio_error err = { 0 };
	struct vantio_checkpoint opened;
	struct cast c = setup();
	uint8_t bytes[2432];

	(void)state;
	randombytes_buf(bytes, sizeof(bytes));
	vantio_base64_encode(VANTIO_BASE64_STD, base64, bytes, sizeof(bytes));
	vantio_buf_printf(&c.note, "\xe2\x80\x94 witness/pq %.*s\n", (int)sizeof(base64), base64);
	cosign(&c, &c.a, NOW);
	assert_ok(count(&c, &r, &err), err);
	assert_int_equal(r.n, 1);
	assert_ok(vantio_checkpoint_open(c.note.data, c.note.len, &c.log.pub, &opened, &err), err);
	vantio_buf_free(&c.note);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cosign_by_two_is_a_quorum),
		cmocka_unit_test(cosign_line_is_what_c2sp_says),
		cmocka_unit_test(cosign_again_counts_once),
		cmocka_unit_test(cosign_bad_rejects_the_note),
		cmocka_unit_test(cosign_time_must_be_sane),
		cmocka_unit_test(cosign_plain_signature_does_not_count),
		cmocka_unit_test(cosign_same_key_under_two_names_is_refused),
		cmocka_unit_test(cosign_vkey_goes_there_and_back),
		cmocka_unit_test(note_with_a_long_unknown_signature_is_taken),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("cosign", tests, NULL, NULL);
}
