/* SPDX-License-Identifier: Apache-2.0 */
/* Hands that tamper with a ledger, with its key and without. */
#ifndef VANTIO_TEST_LEDGER_HANDS_H
#define VANTIO_TEST_LEDGER_HANDS_H

#include "ledger_fixture.h"

#include <sodium.h>

#include "base/buf.h"
#include "base/mem.h"
#include "ledger/keys.h"
#include "ledger/tile.h"

#define LINES_MAX 64
#define LOG "log/00000000.ndjson"
#define PRIVATE "private/00000000.ndjson"

static inline struct vantio_ledger_report verify_with(const struct fixture *f, const struct vantio_verify_options *opts)
{
	struct vantio_ledger_report report = { .records = 0 };
	struct vantio_error err = { 0 };

	assert_ok(vantio_ledger_verify(f->ledger, opts, &report, &err), err);
	return report;
}

static inline struct vantio_ledger_report verify(const struct fixture *f)
{
	return verify_with(f, &(struct vantio_verify_options){ .vkey = NULL });
}

/* ---- hands ---- */

static inline void drop(const struct fixture *f, const char *name)
{
	char path[192];

	fixture_path(f, name, path);
	fixture_remove(path);
}

static inline void drop_index(const struct fixture *f)
{
	drop(f, "index.sqlite3");
	drop(f, "index.sqlite3-wal");
	drop(f, "index.sqlite3-shm");
}

static inline void copy_ledger(const struct fixture *f, const char *to)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf %s/%s && cp -a %s %s/%s", f->dir, to, f->ledger, f->dir, to);
	assert_int_equal(system(command), 0);
}

static inline void restore(const struct fixture *f, const char *from, const char *name)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf %s/%s && cp -a %s/%s/%s %s/%s", f->ledger, name, f->dir, from, name, f->ledger, name);
	assert_int_equal(system(command), 0);
}

struct lines {
	char *data, *at[LINES_MAX]; /* without newlines */
	size_t n;
};

static inline struct lines read_lines(const struct fixture *f, const char *name)
{
	struct lines l = { .n = 0 };
	size_t len;
	char *p, *save = NULL;

	l.data = fixture_read(f, name, &len);
	for (p = strtok_r(l.data, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
		l.at[l.n++] = p;
	return l;
}

static inline void write_lines(const struct fixture *f, const char *name, const struct lines *l, const char *ending)
{
	struct vantio_buf b = VANTIO_BUF_INIT;
	size_t i;

	for (i = 0; i < l->n; i++) {
		vantio_buf_puts(&b, l->at[i]);
		vantio_buf_puts(&b, ending);
	}
	fixture_write(f, name, b.data ? b.data : "", b.len);
	vantio_buf_free(&b);
}

static inline struct vantio_skey load_key(const struct fixture *f, unsigned epoch)
{
	struct vantio_error err = { 0 };
	struct vantio_skey key;
	char path[192], name[32];

	snprintf(name, sizeof(name), "keys/%08u", epoch);
	fixture_path(f, name, path);
	assert_ok(vantio_skey_read_file(path, &key, &err), err);
	return key;
}

static inline void write_note(const struct fixture *f, const char *name, const char *text, const struct vantio_skey *key)
{
	struct vantio_buf b = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };

	assert_ok(vantio_note_sign(&b, text, strlen(text), key, &err), err);
	fixture_write(f, name, b.data, b.len);
	vantio_buf_free(&b);
}

/* What whoever holds the key can do: any lines, with right tiles and a right signature over them. */
static inline void forge_with(const struct fixture *f, const struct lines *l, const struct vantio_skey *key)
{
	struct vantio_buf text = VANTIO_BUF_INIT;
	struct vantio_checkpoint c = { .size = l->n };
	struct vantio_error err = { 0 };
	struct vantio_tiles *t = malloc(sizeof(*t));
	struct vantio_hash hash;
	size_t i;

	drop_index(f);
	drop(f, "tile");
	write_lines(f, LOG, l, "\n");
	vantio_tiles_init(t, open(f->ledger, O_RDONLY | O_DIRECTORY));
	for (i = 0; i < l->n; i++) {
		vantio_leaf_hash(&hash, l->at[i], strlen(l->at[i]));
		assert_ok(vantio_tiles_add(t, &hash, &err), err);
	}
	assert_ok(vantio_tiles_flush(t, &err), err);
	strcpy(c.origin, key->pub.name);
	vantio_merkle_root(&t->tree, &c.root);
	vantio_checkpoint_print(&text, &c);
	write_note(f, "checkpoint", text.data, key);
	vantio_buf_free(&text);
	close(t->dirfd);
	free(t);
}

static inline void forge(const struct fixture *f, const struct lines *l)
{
	struct vantio_skey key = load_key(f, 0);

	forge_with(f, l, &key);
}

static inline void become_link(const struct fixture *f, const char *name)
{
	char path[192], aside[192];

	fixture_path(f, name, path);
	snprintf(aside, sizeof(aside), "%s/aside", f->dir);
	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(symlink(aside, path), 0);
}

static inline void replace_in_line(struct lines *l, size_t line, const char *from, const char *to)
{
	char *p = strstr(l->at[line], from);

	assert_non_null(p);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(p, to, strlen(to));
}

/* Seals epoch 0 at the present size; returns the next key. */
static inline struct vantio_skey seal(const struct fixture *f, const char *name)
{
	struct vantio_skey key = load_key(f, 0), next;
	struct vantio_buf vkey = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	size_t len;
	char *note = fixture_read(f, "checkpoint", &len), text[1024], *end = strstr(note, "\n\n");

	assert_ok(vantio_skey_generate(name ? name : key.pub.name, &next, &err), err);
	vantio_vkey_print(&vkey, &next.pub);
	snprintf(text, sizeof(text), "%.*s\nepoch 1 %s\n", (int)(end - note), note, vkey.data);
	write_note(f, "epochs/00000001", text, &key);
	vantio_buf_free(&vkey);
	free(note);
	return next;
}

static inline void sign_with(const struct fixture *f, const struct vantio_skey *key)
{
	size_t len;
	char *note = fixture_read(f, "checkpoint", &len);

	strstr(note, "\n\n")[1] = '\0';
	write_note(f, "checkpoint", note, key);
	free(note);
}

#endif
