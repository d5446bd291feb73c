// SPDX-License-Identifier: Apache-2.0
#include "ledger/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/text.h"

/* Takes one line that is not empty; false if there is none. */
static bool take_line(const char **p, const char *end, struct vantio_span *ret)
{
	const char *newline = *p < end ? memchr(*p, '\n', (size_t)(end - *p)) : NULL;

	if (!newline || newline == *p)
		return false;
	*ret = (struct vantio_span){ *p, (size_t)(newline - *p) };
	*p = newline + 1;
	return true;
}

int vantio_checkpoint_parse(const char *text, size_t len, struct vantio_checkpoint *ret, struct vantio_error *err)
{
	const char *p = text, *end = text + len, *extension;
	struct vantio_checkpoint c;
	struct vantio_span line;
	size_t n;

	if (!take_line(&p, end, &line) || line.len > VANTIO_KEY_NAME_MAX || memchr(line.p, '\0', line.len))
		return vantio_fail(err, EBADMSG, "a checkpoint whose origin line is empty or too long");
	memcpy(c.origin, line.p, line.len);
	c.origin[line.len] = '\0';
	if (!take_line(&p, end, &line) || !vantio_parse_u64(line.p, line.len, INT64_MAX, &c.size))
		return vantio_fail(err, EBADMSG, "a checkpoint whose size is not a decimal number without leading zeros");
	if (!take_line(&p, end, &line) ||
	    !vantio_base64_decode(VANTIO_BASE64_STD, c.root.b, sizeof(c.root.b), line.p, line.len, &n) || n != sizeof(c.root.b))
		return vantio_fail(err, EBADMSG, "a checkpoint whose root is not the base64 of 32 bytes");
	extension = p;
	while (p < end)
		if (!take_line(&p, end, &line))
			return vantio_fail(err, EBADMSG, "a checkpoint with an empty or unfinished extension line");
	c.extension = (struct vantio_span){ extension, (size_t)(end - extension) };
	*ret = c;
	return 0;
}

void vantio_checkpoint_print(struct vantio_buf *out, const struct vantio_checkpoint *c)
{
	char root[VANTIO_BASE64_STD_LEN(32)];

	vantio_base64_encode(VANTIO_BASE64_STD, root, c->root.b, sizeof(c->root.b));
	vantio_buf_printf(out, "%s\n%llu\n", c->origin, (unsigned long long)c->size);
	vantio_buf_add(out, root, sizeof(root));
	vantio_buf_putc(out, '\n');
	if (c->extension.len)
		vantio_buf_add(out, c->extension.p, c->extension.len);
}

int vantio_checkpoint_open(const char *note, size_t len, const struct vantio_vkey *key, struct vantio_checkpoint *ret,
			   struct vantio_error *err)
{
	cleanup_free struct vantio_note *parsed = malloc(sizeof(*parsed));
	struct vantio_checkpoint c;
	int r;

	if (!parsed)
		return vantio_fail(err, ENOMEM, "out of memory while reading a checkpoint");
	r = vantio_note_parse(note, len, parsed, err);
	if (r == 0)
		r = vantio_note_verify(parsed, key, err);
	if (r == 0)
		r = vantio_checkpoint_parse(parsed->text.p, parsed->text.len, &c, err);
	if (r < 0)
		return r;
	if (strcmp(c.origin, key->name) != 0)
		return vantio_fail(err, EBADMSG, "its origin '%s' is not the key's name '%s'", c.origin, key->name);
	*ret = c;
	return 0;
}
