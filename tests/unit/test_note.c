// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "ledger/checkpoint.h"
#include "ledger/note.h"

/* The example of Go's package golang.org/x/mod/sumdb/note. */
#define PETER "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define ENOCH "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
#define TEXT "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
#define PETER_SIG "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
#define ENOCH_SIG "\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"

static struct vantio_vkey vkey(const char *text)
{
	struct vantio_error err = { 0 };
	struct vantio_vkey key;

	if (vantio_vkey_parse(text, strlen(text), &key, &err) < 0)
		fail_msg("%s", err.text);
	return key;
}

/* What opening `note` with one key gives. */
static int open_note(const char *text, size_t len, const char *key_text)
{
	struct vantio_note *note = malloc(sizeof(*note));
	struct vantio_vkey key = vkey(key_text);
	struct vantio_error err = { 0 };
	char *copy = malloc(len ? len : 1); /* so that a sanitizer sees a read beyond it */
	int r;

	memcpy(copy, text, len);
	r = vantio_note_parse(copy, len, note, &err);
	if (r == 0)
		r = vantio_note_verify(note, &key, &err);
	free(copy);
	free(note);
	return r;
}

static int open_text(const char *text)
{
	return open_note(text, strlen(text), PETER);
}

static void note_go_example_verifies(void **state)
{
	(void)state;
	assert_int_equal(open_text(TEXT "\n" PETER_SIG), 0);
	assert_int_equal(open_text(TEXT "\n" ENOCH_SIG PETER_SIG), 0);
	assert_int_equal(open_note(TEXT "\n" PETER_SIG ENOCH_SIG, sizeof(TEXT "\n" PETER_SIG ENOCH_SIG) - 1, ENOCH), 0);
	assert_int_equal(open_text(TEXT "\n" ENOCH_SIG), -ENOKEY);
}

static void note_bad_signature_beside_a_good_one_is_refused(void **state)
{
	char bad[] = TEXT "\n" PETER_SIG PETER_SIG;
	char *last = strrchr(bad, '=') - 10;

	(void)state;
	*last = *last == 'A' ? 'B' : 'A';
	assert_int_equal(open_text(bad), -EBADMSG);
}

static void note_every_changed_byte_is_refused(void **state)
{
	static const char good[] = TEXT "\n" PETER_SIG;
	char bad[sizeof(good)];
	size_t i;
	int bit, r;

	(void)state;
	for (i = 0; i < sizeof(good) - 1; i++)
		for (bit = 0; bit < 8; bit++) {
			memcpy(bad, good, sizeof(good));
			bad[i] ^= (char)(1 << bit);
			r = open_note(bad, sizeof(bad) - 1, PETER);
			if (r != -EBADMSG && r != -ENOKEY)
				fail_msg("byte %zu, bit %d: %d", i, bit, r);
		}
}

static void note_malformed_text_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "\n", "\n\n", TEXT, TEXT "\n", TEXT PETER_SIG, TEXT "\n" PETER_SIG "\n", TEXT "\n" PETER_SIG "more\n",
		TEXT "\n- PeterNeumann x08go/ZJkuBS9UG/Sff=\n", TEXT "\n\u2014 PeterNeumann\n", TEXT "\n\u2014  x08go/ZJkuBS9UG/\n",
		TEXT "\n\u2014 Peter+Neumann x08go/ZJkuBS\n", TEXT "\n\u2014 PeterNeumann x08g\n", TEXT "\n\u2014 PeterNeumann x08go/ZJkuB\n",
		"a\r\n\n" PETER_SIG, "a\tb\n\n" PETER_SIG, "a\xff\n\n" PETER_SIG,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (open_text(bad[i]) != -EBADMSG)
			fail_msg("case %zu: %d", i, open_text(bad[i]));
}

static void note_a_hundred_signatures_pass_and_one_more_is_refused(void **state)
{
	struct vantio_buf b = VANTIO_BUF_INIT;
	int i;

	(void)state;
	vantio_buf_puts(&b, TEXT "\n");
	for (i = 0; i < VANTIO_NOTE_SIGS_MAX - 1; i++)
		vantio_buf_puts(&b, ENOCH_SIG);
	vantio_buf_puts(&b, PETER_SIG);
	assert_int_equal(open_note(b.data, b.len, PETER), 0);
	vantio_buf_puts(&b, ENOCH_SIG);
	assert_int_equal(open_note(b.data, b.len, PETER), -EBADMSG);
	vantio_buf_free(&b);
}

static void note_keys_survive_printing(void **state)
{
	struct vantio_buf b = VANTIO_BUF_INIT;
	struct vantio_skey key, again;
	struct vantio_error err = { 0 };
	struct vantio_vkey pub;

	(void)state;
	assert_int_equal(vantio_skey_generate("example.org/log", &key, &err), 0);
	vantio_skey_print(&b, &key);
	assert_int_equal(vantio_skey_parse(b.data, b.len, &again, &err), 0);
	assert_memory_equal(key.secret, again.secret, sizeof(key.secret));
	assert_true(vantio_vkey_equal(&key.pub, &again.pub));
	vantio_buf_reset(&b);
	vantio_vkey_print(&b, &key.pub);
	pub = vkey(b.data);
	assert_true(vantio_vkey_equal(&key.pub, &pub));
	vantio_buf_reset(&b);
	assert_int_equal(vantio_note_sign(&b, "hello\n", 6, &key, &err), 0);
	vantio_buf_putc(&b, '\0');
	assert_int_equal(vantio_note_sign(&b, "no newline", 10, &key, &err), -EINVAL);
	assert_int_equal(vantio_note_sign(&b, "a\rb\n", 4, &key, &err), -EINVAL);
	vantio_buf_free(&b);
	assert_int_equal(vantio_skey_generate("a b", &key, &err), -EINVAL);
	assert_int_equal(vantio_skey_generate("a+b", &key, &err), -EINVAL);
	assert_int_equal(vantio_skey_generate("a\xc2\xa0z", &key, &err), -EINVAL);
	assert_int_equal(vantio_skey_generate("", &key, &err), -EINVAL);
}

static void note_malformed_keys_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "+", "a+b", "PeterNeumann", "PeterNeumann+c74f20a3+", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+AhpcQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWx",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n\n", " " PETER, PETER " ",
	};
	struct vantio_error err = { 0 };
	struct vantio_vkey key;
	struct vantio_skey skey;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (vantio_vkey_parse(bad[i], strlen(bad[i]), &key, &err) != -EINVAL)
			fail_msg("case %zu is taken for a key", i);
	assert_int_equal(vantio_skey_parse(PETER, strlen(PETER), &skey, &err), -EINVAL);
	assert_int_equal(vantio_vkey_parse(PETER "\n", strlen(PETER) + 1, &key, &err), 0);
}

/* U+009B does to a terminal what ESC [ does. */
static void note_controls_beyond_ascii_are_refused(void **state)
{
	static const char text[] = "a\xc2\x9b" "2J\n", plain[] = "a\xc2\xa1\n";
	struct vantio_buf out = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	struct vantio_skey key;

	(void)state;
	assert_int_equal(vantio_skey_generate("example.org/log\xc2\x9b" "2J", &key, &err), -EINVAL);
	assert_int_equal(vantio_skey_generate("example.org/\xc2\xa1", &key, &err), 0);
	assert_int_equal(vantio_note_sign(&out, text, sizeof(text) - 1, &key, &err), -EINVAL);
	assert_int_equal(vantio_note_sign(&out, plain, sizeof(plain) - 1, &key, &err), 0);
	vantio_buf_free(&out);
}

static int parse_checkpoint(const char *text, struct vantio_checkpoint *ret)
{
	struct vantio_error err = { 0 };

	return vantio_checkpoint_parse(text, strlen(text), ret, &err);
}

#define ROOT "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"

static void checkpoint_is_parsed_strictly(void **state)
{
	static const char *const bad[] = {
		"", "o\n", "o\n0\n", "\n0\n" ROOT, "o\n00\n" ROOT, "o\n01\n" ROOT, "o\n-1\n" ROOT, "o\n+1\n" ROOT, "o\n 1\n" ROOT,
		"o\n9223372036854775808\n" ROOT, "o\n99999999999999999999\n" ROOT, "o\n1\n", "o\n1\nAAAA\n", "o\n1\n" ROOT "\n",
		"o\n1\n" ROOT "x", "o\n1\n" ROOT "x\n\ny\n", "o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n", "o\n1\n\n" ROOT,
		"o\n0x1\n" ROOT, "o\n1 \n" ROOT,
	};
	struct vantio_checkpoint c;
	struct vantio_buf b = VANTIO_BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_checkpoint(bad[i], &c) != -EBADMSG)
			fail_msg("case %zu is taken for a checkpoint", i);
	assert_int_equal(parse_checkpoint("example.org/log\n9223372036854775807\n" ROOT "ext 1\next 2\n", &c), 0);
	assert_string_equal(c.origin, "example.org/log");
	assert_true(c.size == INT64_MAX);
	assert_int_equal(c.extension.len, 12);
	vantio_checkpoint_print(&b, &c);
	assert_string_equal(b.data, "example.org/log\n9223372036854775807\n" ROOT "ext 1\next 2\n");
	vantio_buf_free(&b);
}

static void checkpoint_of_another_origin_than_the_key_is_refused(void **state)
{
	struct vantio_buf b = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	struct vantio_checkpoint c;
	struct vantio_skey key;
	static const char text[] = "example.org/other\n0\n" ROOT;

	(void)state;
	assert_int_equal(vantio_skey_generate("example.org/log", &key, &err), 0);
	assert_int_equal(vantio_note_sign(&b, text, sizeof(text) - 1, &key, &err), 0);
	assert_int_equal(vantio_checkpoint_open(b.data, b.len, &key.pub, &c, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "origin"));
	vantio_buf_free(&b);
}

static int start(void **state)
{
	(void)state;
	return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(note_go_example_verifies),
		cmocka_unit_test(note_bad_signature_beside_a_good_one_is_refused),
		cmocka_unit_test(note_every_changed_byte_is_refused),
		cmocka_unit_test(note_malformed_text_is_refused),
		cmocka_unit_test(note_a_hundred_signatures_pass_and_one_more_is_refused),
		cmocka_unit_test(note_keys_survive_printing),
		cmocka_unit_test(note_malformed_keys_are_refused),
cmocka_unit_test(note_controls_beyond_ascii_are_refused),
		cmocka_unit_test(checkpoint_is_parsed_strictly),
		cmocka_unit_test(checkpoint_of_another_origin_than_the_key_is_refused),
	};

	return cmocka_run_group_tests_name("note", tests, start, NULL);
}
