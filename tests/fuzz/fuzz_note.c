// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a signed note, a checkpoint and keys. What parses prints as what was read, and no note but the signed one verifies. */
#include <string.h>

#include "ledger/checkpoint.h"
#include "fuzz.h"

#define VKEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define TEXT "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"

static void try_note(const char *bytes, size_t size, struct vantio_note *note)
{
	struct vantio_error err = { 0 };
	struct vantio_vkey key;

	if (vantio_note_parse(bytes, size, note, &err) < 0) {
		CHECK(err.text[0]);
		return;
	}
	CHECK(note->n_sigs && note->n_sigs <= VANTIO_NOTE_SIGS_MAX && note->text.p[note->text.len - 1] == '\n');
	CHECK(vantio_vkey_parse(VKEY, strlen(VKEY), &key, &err) == 0);
	if (vantio_note_verify(note, &key, &err) == 0)
		CHECK(note->text.len == strlen(TEXT) && !memcmp(note->text.p, TEXT, strlen(TEXT)));
}

static void try_checkpoint(const char *bytes, size_t size)
{
	struct vantio_buf again = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	struct vantio_checkpoint c;

	if (vantio_checkpoint_parse(bytes, size, &c, &err) == 0) {
		vantio_checkpoint_print(&again, &c);
		CHECK(again.len == size && !memcmp(again.data, bytes, size));
	}
	vantio_buf_free(&again);
}

static void try_keys(const char *bytes, size_t size)
{
	size_t bare = size && bytes[size - 1] == '\n' ? size - 1 : size;
	struct vantio_buf again = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	struct vantio_vkey key;
	struct vantio_skey secret;

	if (vantio_vkey_parse(bytes, size, &key, &err) == 0) {
		vantio_vkey_print(&again, &key);
		CHECK(again.len == bare && !memcmp(again.data, bytes, bare));
	}
	vantio_buf_reset(&again);
	if (vantio_skey_parse(bytes, size, &secret, &err) == 0) {
		vantio_skey_print(&again, &secret);
		CHECK(again.len == bare && !memcmp(again.data, bytes, bare));
	}
	vantio_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vantio_note note;

	try_note((const char *)data, size, &note);
	try_checkpoint((const char *)data, size);
	try_keys((const char *)data, size);
	return 0;
}
