// SPDX-License-Identifier: Apache-2.0
#include "ledger/note.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/sha256.h"
#include "base/text.h"

#define LONGEST_SIG (4u + 4096u) /* bytes: those of key types that are not known here (ML-DSA) are longer than ours */
#define DASH "\xe2\x80\x94 " /* U+2014 and a space */
#define PRIVATE_LEAD "PRIVATE+KEY+"

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* U+0080 to U+009F, which a terminal obeys as it does ESC. */
static bool has_c1(const char *s, size_t len)
{
	const char *end = s + len;

	while ((s = memchr(s, 0xc2, (size_t)(end - s))) && s + 1 < end) {
		if ((unsigned char)s[1] < 0xa0)
			return true;
		s++;
	}
	return false;
}

/* Code points that Unicode calls spaces, beyond ASCII's: a name may hold none. */
static bool has_space(const char *s, size_t len)
{
	static const char *const spaces[] = {
		"\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82", "\xe2\x80\x83",
		"\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89",
		"\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
	};
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)s[i] <= 0x20 || s[i] == 0x7f)
			return true;
	for (i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
		if (memmem(s, len, spaces[i], strlen(spaces[i])))
			return true;
	return false;
}

static bool name_valid(const char *s, size_t len)
{
	return len && len <= VANTIO_KEY_NAME_MAX && !memchr(s, '+', len) && vantio_utf8_valid(s, len) && !has_space(s, len) && !has_c1(s, len);
}

uint32_t vantio_key_id(const char *name, enum vantio_key_type type, const uint8_t key[32])
{
	const uint8_t lead[2] = { '\n', (uint8_t)type };
	struct vantio_sha256 h;
	uint8_t hash[32];

	vantio_sha256_begin(&h);
	vantio_sha256_add(&h, name, strlen(name));
	vantio_sha256_add(&h, lead, sizeof(lead));
	vantio_sha256_add(&h, key, 32);
	vantio_sha256_end(&h, hash);
	return be32(hash);
}

static bool holds_any(const char *s, size_t len, const char *set)
{
	while (len && !strchr(set, *s)) {
		s++;
		len--;
	}
	return len;
}

/* "name+hash+base64": splits it and decodes the key material, type byte and all. */
static int parse_key(const char *text, size_t len, enum vantio_key_type type, const char *what, struct vantio_vkey *ret,
		     uint8_t material[33], struct vantio_error *err)
{
	const char *plus1, *plus2, *end;
	uint8_t id[4];
	size_t n;

	if (len && text[len - 1] == '\n')
		len--;
	end = text + len;
	plus1 = memchr(text, '+', len);
	plus2 = plus1 ? memchr(plus1 + 1, '+', (size_t)(end - plus1 - 1)) : NULL;
	if (!plus2)
		return vantio_fail(err, EINVAL, "not a %s: the form is name+hash+base64", what);
	if (!name_valid(text, (size_t)(plus1 - text)))
		return vantio_fail(err, EINVAL, "not a %s: its name is empty, longer than %d bytes, or has a space or control in it",
				   what, VANTIO_KEY_NAME_MAX);
	if (!vantio_unhex(id, 4, plus1 + 1, (size_t)(plus2 - plus1 - 1)) || holds_any(plus1 + 1, 8, "ABCDEF"))
		return vantio_fail(err, EINVAL, "not a %s: its hash is not 8 hex digits in lower case", what);
	if (!vantio_base64_decode(VANTIO_BASE64_STD, material, 33, plus2 + 1, (size_t)(end - plus2 - 1), &n) || n != 33)
		return vantio_fail(err, EINVAL, "not a %s: its last part is not the base64 of 33 bytes", what);
	if (material[0] != type)
		return vantio_fail(err, EINVAL, "a %s of algorithm %d; it must be %s", what, material[0],
				   type == VANTIO_KEY_ED25519 ? "1 (Ed25519)" : "4 (cosignatures with Ed25519), as 'vantioctl key show --as-witness' "
				   "prints it");
	memcpy(ret->name, text, (size_t)(plus1 - text));
	ret->name[plus1 - text] = '\0';
	ret->id = be32(id);
	return 0;
}

int vantio_vkey_parse_type(const char *text, size_t len, enum vantio_key_type type, struct vantio_vkey *ret, struct vantio_error *err)
{
	struct vantio_vkey key;
	uint8_t material[33];
	int r;

	r = parse_key(text, len, type, "verifier key", &key, material, err);
	if (r < 0)
		return r;
	memcpy(key.key, material + 1, 32);
	if (key.id != vantio_key_id(key.name, type, key.key))
		return vantio_fail(err, EINVAL, "not a verifier key: its hash is not that of its name and key");
	*ret = key;
	return 0;
}

int vantio_vkey_parse(const char *text, size_t len, struct vantio_vkey *ret, struct vantio_error *err)
{
	return vantio_vkey_parse_type(text, len, VANTIO_KEY_ED25519, ret, err);
}

void vantio_vkey_print_type(struct vantio_buf *out, const struct vantio_vkey *key, enum vantio_key_type type)
{
	char text[VANTIO_BASE64_STD_LEN(33)];
	uint8_t material[33] = { (uint8_t)type };

	memcpy(material + 1, key->key, 32);
	vantio_base64_encode(VANTIO_BASE64_STD, text, material, sizeof(material));
	vantio_buf_printf(out, "%s+%08x+", key->name, key->id);
	vantio_buf_add(out, text, sizeof(text));
}

void vantio_vkey_print(struct vantio_buf *out, const struct vantio_vkey *key)
{
	vantio_vkey_print_type(out, key, VANTIO_KEY_ED25519);
}

bool vantio_vkey_equal(const struct vantio_vkey *a, const struct vantio_vkey *b)
{
	return a->id == b->id && !strcmp(a->name, b->name) && !memcmp(a->key, b->key, sizeof(a->key));
}

int vantio_skey_rename(struct vantio_skey *key, const char *name, struct vantio_error *err)
{
	if (!name_valid(name, strlen(name)))
		return vantio_fail(err, EINVAL, "a key's name has 1 to %d bytes, no space, no control character and no '+'",
				   VANTIO_KEY_NAME_MAX);
	strcpy(key->pub.name, name);
	key->pub.id = vantio_key_id(name, VANTIO_KEY_ED25519, key->pub.key);
	return 0;
}

int vantio_skey_generate(const char *name, struct vantio_skey *ret, struct vantio_error *err)
{
	struct vantio_skey key;
	int r;

	if (sodium_init() < 0)
		return vantio_fail(err, EIO, "libsodium cannot be initialised: the system gives no random numbers");
	crypto_sign_keypair(key.pub.key, key.secret);
	r = vantio_skey_rename(&key, name, err);
	if (r == 0)
		*ret = key;
	vantio_skey_clear(&key);
	return r;
}

int vantio_skey_parse(const char *text, size_t len, struct vantio_skey *ret, struct vantio_error *err)
{
	const size_t lead = sizeof(PRIVATE_LEAD) - 1;
	struct vantio_skey key;
	uint8_t material[33];
	int r;

	if (len < lead || memcmp(text, PRIVATE_LEAD, lead) != 0)
		return vantio_fail(err, EINVAL, "not a private key: it does not begin with " PRIVATE_LEAD);
	r = parse_key(text + lead, len - lead, VANTIO_KEY_ED25519, "private key", &key.pub, material, err);
	if (r < 0)
		return r;
	crypto_sign_seed_keypair(key.pub.key, key.secret, material + 1);
	sodium_memzero(material, sizeof(material));
	if (key.pub.id != vantio_key_id(key.pub.name, VANTIO_KEY_ED25519, key.pub.key))
		r = vantio_fail(err, EINVAL, "not a private key: its hash is not that of its name and key");
	else
		*ret = key;
	vantio_skey_clear(&key);
	return r;
}

void vantio_skey_print(struct vantio_buf *out, const struct vantio_skey *key)
{
	char text[VANTIO_BASE64_STD_LEN(33)];
	uint8_t material[33] = { VANTIO_KEY_ED25519 };

	memcpy(material + 1, key->secret, 32);
	vantio_base64_encode(VANTIO_BASE64_STD, text, material, sizeof(material));
	vantio_buf_printf(out, PRIVATE_LEAD "%s+%08x+", key->pub.name, key->pub.id);
	vantio_buf_add(out, text, sizeof(text));
	sodium_memzero(material, sizeof(material));
	sodium_memzero(text, sizeof(text));
}

void vantio_skey_clear(struct vantio_skey *key)
{
	sodium_memzero(key->secret, sizeof(key->secret));
}

/* One line `— name base64`, without its newline. */
static int parse_sig(const char *line, size_t len, struct vantio_note_sig *ret, struct vantio_error *err)
{
	const size_t lead = sizeof(DASH) - 1;
	uint8_t bytes[LONGEST_SIG];
	const char *space;
	size_t n;

	ret->line = (struct vantio_span){ line, len };
	if (len < lead || memcmp(line, DASH, lead) != 0)
		return vantio_fail(err, EBADMSG, "a signature line does not begin with a dash and a space");
	line += lead;
	len -= lead;
	space = memchr(line, ' ', len);
	if (!space || !name_valid(line, (size_t)(space - line)))
		return vantio_fail(err, EBADMSG, "a signature line has no valid key name");
	if (!vantio_base64_decode(VANTIO_BASE64_STD, bytes, sizeof(bytes), space + 1, len - (size_t)(space - line) - 1, &n) || n < 5)
		return vantio_fail(err, EBADMSG, "a signature is not valid base64 of 5 to %zu bytes", sizeof(bytes));
	ret->name = (struct vantio_span){ line, (size_t)(space - line) };
	ret->id = be32(bytes);
	ret->sig_len = n - 4;
	memcpy(ret->sig, bytes + 4, n - 4 < sizeof(ret->sig) ? n - 4 : sizeof(ret->sig));
	return 0;
}

static int check_text(const char *bytes, size_t len, struct vantio_error *err)
{
	size_t i;

	if (len > VANTIO_NOTE_MAX)
		return vantio_fail(err, EBADMSG, "a note of more than %u bytes", VANTIO_NOTE_MAX);
	if (!vantio_utf8_valid(bytes, len))
		return vantio_fail(err, EBADMSG, "a note that is not UTF-8");
	for (i = 0; i < len; i++)
		if ((unsigned char)bytes[i] < 0x20 && bytes[i] != '\n')
			return vantio_fail(err, EBADMSG, "a note with a control character at byte %zu%s", i,
					   bytes[i] == '\r' ? " (a carriage return)" : "");
	return has_c1(bytes, len) ? vantio_fail(err, EBADMSG, "a note with a control character") : 0;
}

int vantio_note_parse(const char *bytes, size_t len, struct vantio_note *ret, struct vantio_error *err)
{
	const char *p, *end = bytes + len, *newline;
	size_t split = len;
	int r;

	r = check_text(bytes, len, err);
	if (r < 0)
		return r;
	while (split >= 2 && !(bytes[split - 1] == '\n' && bytes[split - 2] == '\n'))
		split--;
	if (split < 2 || split == len || bytes[len - 1] != '\n')
		return vantio_fail(err, EBADMSG, "not a signed note: no empty line with signatures behind it");
	ret->text = (struct vantio_span){ bytes, split - 1 };
	ret->n_sigs = 0;
	for (p = bytes + split; p < end; p = newline + 1) {
		newline = memchr(p, '\n', (size_t)(end - p));
		if (ret->n_sigs == VANTIO_NOTE_SIGS_MAX)
			return vantio_fail(err, EBADMSG, "a note with more than %d signatures", VANTIO_NOTE_SIGS_MAX);
		r = parse_sig(p, (size_t)(newline - p), &ret->sigs[ret->n_sigs], err);
		if (r < 0)
			return r;
		ret->n_sigs++;
	}
	return 0;
}

int vantio_note_verify(const struct vantio_note *note, const struct vantio_vkey *key, struct vantio_error *err)
{
	const struct vantio_note_sig *s;
	bool found = false;
	size_t i;

	for (i = 0; i < note->n_sigs; i++) {
		s = &note->sigs[i];
		if (s->id != key->id || s->name.len != strlen(key->name) || memcmp(s->name.p, key->name, s->name.len) != 0)
			continue;
		if (s->sig_len != 64 ||
		    crypto_sign_verify_detached(s->sig, (const uint8_t *)note->text.p, note->text.len, key->key) != 0)
			return vantio_fail(err, EBADMSG, "the signature of '%s' does not hold", key->name);
		found = true;
	}
	return found ? 0 : vantio_fail(err, ENOKEY, "not signed by '%s' (key %08x)", key->name, key->id);
}

int vantio_note_sign(struct vantio_buf *out, const char *text, size_t len, const struct vantio_skey *key,
		     struct vantio_error *err)
{
	char base64[VANTIO_BASE64_STD_LEN(68)];
	uint8_t bytes[68];
	int i;

	if (!len || text[len - 1] != '\n' || check_text(text, len, err) < 0)
		return vantio_fail(err, EINVAL, "only UTF-8 text that ends in a newline can be signed");
	for (i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(key->pub.id >> (24 - 8 * i));
	crypto_sign_detached(bytes + 4, NULL, (const uint8_t *)text, len, key->secret);
	vantio_base64_encode(VANTIO_BASE64_STD, base64, bytes, sizeof(bytes));
	vantio_buf_add(out, text, len);
	vantio_buf_printf(out, "\n" DASH "%s ", key->pub.name);
	vantio_buf_add(out, base64, sizeof(base64));
	vantio_buf_putc(out, '\n');
	return out->failed ? vantio_fail(err, ENOMEM, "out of memory while signing") : 0;
}
