// SPDX-License-Identifier: Apache-2.0
#include "ledger/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "ledger/store.h"

#define KEY_FILE_MAX 1024u
#define GENESIS "epochs/00000000"

/* What of the host's name may stand in a key's name. */
static void host_part(char out[65])
{
	char *p;

	if (gethostname(out, 64) < 0)
		out[0] = '\0';
	out[64] = '\0';
	for (p = out; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '.' || *p == '-'))
			*p = '-';
	if (!out[0])
		strcpy(out, "localhost");
}

int vantio_ledger_key_generate(struct vantio_skey *ret, struct vantio_error *err)
{
	char host[65], name[VANTIO_KEY_NAME_MAX + 1], print[9];
	struct vantio_skey key;
	uint8_t hash[32];
	int r;

	r = vantio_skey_generate("new", &key, err);
	if (r < 0)
		return r;
	/* The name holds a part of the key, so that two ledgers of one host never share an origin. */
	host_part(host);
	crypto_hash_sha256(hash, key.pub.key, sizeof(key.pub.key));
	vantio_hex(print, hash, 4);
	snprintf(name, sizeof(name), "%s/vantio/%s", host, print);
	r = vantio_skey_rename(&key, name, err);
	if (r == 0)
		*ret = key;
	vantio_skey_clear(&key);
	return r;
}

static int check_key_mode(int fd, const char *shown, struct vantio_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return vantio_fail(err, errno, "cannot stat the key '%s': %s", shown, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return vantio_fail(err, EPROTO, "the key '%s' is not a regular file", shown);
	if (st.st_mode & 077)
		return vantio_fail(err, EPROTO, "the key '%s' can be read or written by others (mode %04o): chmod 600 it, and "
				   "consider it known to whoever could read it", shown, st.st_mode & 07777);
	return 0;
}

static int read_key(int fd, const char *shown, struct vantio_skey *ret, struct vantio_error *err)
{
	char text[KEY_FILE_MAX + 1];
	ssize_t n;
	int r;

	r = check_key_mode(fd, shown, err);
	if (r < 0)
		return r;
	do
		n = pread(fd, text, sizeof(text), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return vantio_fail(err, errno, "cannot read the key '%s': %s", shown, strerror(errno));
	if ((size_t)n > KEY_FILE_MAX || !n || text[n - 1] != '\n')
		r = vantio_fail(err, EPROTO, "it is cut short or too long");
	else
		r = vantio_skey_parse(text, (size_t)n, ret, err);
	sodium_memzero(text, sizeof(text));
	if (r == 0)
		return 0;
	err->code = EPROTO;
	return vantio_fail_prefix(err, "the key '%s' is half-written or damaged; put it back from a backup, or begin a new ledger in "
				  "another folder", shown);
}

static void print_key(struct vantio_buf *out, const struct vantio_skey *key)
{
	vantio_skey_print(out, key);
	vantio_buf_putc(out, '\n');
}

static void wipe(struct vantio_buf *b)
{
	if (b->data)
		sodium_memzero(b->data, b->cap);
	vantio_buf_free(b);
}

int vantio_skey_write_file(const char *path, const struct vantio_skey *key, struct vantio_error *err)
{
	cleanup_free char *shown = vantio_escape_dup(path, strlen(path));
	struct vantio_buf text = VANTIO_BUF_INIT;
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0 && errno == EEXIST)
		return vantio_fail(err, EEXIST, "'%s' is there already; a key is never overwritten", shown ? shown : "?");
	if (fd < 0)
		return vantio_fail(err, errno, "cannot write '%s': %s", shown ? shown : "?", strerror(errno));
	print_key(&text, key);
	r = text.failed ? vantio_fail(err, ENOMEM, "out of memory") : vantio_write_all(fd, text.data, text.len, err);
	if (r == 0 && fsync(fd) < 0)
		r = vantio_fail(err, errno, "cannot make '%s' durable: %s", shown ? shown : "?", strerror(errno));
	wipe(&text);
	if (r < 0)
		unlink(path);
	return r;
}

int vantio_skey_read_file(const char *path, struct vantio_skey *ret, struct vantio_error *err)
{
	cleanup_free char *shown = vantio_escape_dup(path, strlen(path));
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return vantio_fail(err, errno, "cannot open the key '%s': %s", shown ? shown : "?", strerror(errno));
	return read_key(fd, shown ? shown : "?", ret, err);
}

static void key_path(char out[VANTIO_STORE_NAME_MAX], uint64_t epoch)
{
	snprintf(out, VANTIO_STORE_NAME_MAX, "keys/%08llu", (unsigned long long)epoch);
}

void vantio_epoch_path(char out[VANTIO_STORE_NAME_MAX], uint64_t epoch)
{
	snprintf(out, VANTIO_STORE_NAME_MAX, "epochs/%08llu", (unsigned long long)epoch);
}

int vantio_ledger_key_load(int dirfd, uint64_t epoch, struct vantio_skey *ret, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];
	cleanup_close int fd = -1;

	key_path(path, epoch);
	fd = vantio_store_open(dirfd, path, O_RDONLY, 0, err);
	if (fd == -ENOENT)
		return vantio_fail(err, ENOENT, "the ledger's private key '%s' is gone: the ledger can still be verified, but not "
				   "appended to; put the key back from a backup, or begin a new ledger in another folder", path);
	if (fd < 0)
		return fd;
	return read_key(fd, path, ret, err);
}

static int write_key(int dirfd, uint64_t epoch, const struct vantio_skey *key, struct vantio_error *err)
{
	struct vantio_buf text = VANTIO_BUF_INIT;
	char path[VANTIO_STORE_NAME_MAX];
	int r;

	key_path(path, epoch);
	r = vantio_store_make_parents(dirfd, path, err);
	print_key(&text, key);
	if (r == 0)
		r = text.failed ? vantio_fail(err, ENOMEM, "out of memory") :
				  vantio_replace_file(dirfd, path, text.data, text.len, 0600, err);
	wipe(&text);
	return r;
}

static int write_genesis(int dirfd, const struct vantio_vkey *key, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
	int r = vantio_store_make_parents(dirfd, GENESIS, err);

	if (r < 0)
		return r;
	vantio_vkey_print(&text, key);
	vantio_buf_putc(&text, '\n');
	if (text.failed)
		return vantio_fail(err, ENOMEM, "out of memory");
	return vantio_replace_file(dirfd, GENESIS, text.data, text.len, 0644, err);
}

int vantio_ledger_key_create(int dirfd, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_skey key;
	int r, has_key, has_genesis;

	key_path(path, 0);
	has_key = vantio_store_exists(dirfd, path, err);
	has_genesis = has_key < 0 ? has_key : vantio_store_exists(dirfd, GENESIS, err);
	if (has_genesis < 0 || (has_genesis && has_key))
		return has_genesis < 0 ? has_genesis : 0;
	if (has_genesis)
		return vantio_ledger_key_load(dirfd, 0, &key, err); /* says that it is gone */
	if (has_key)
		r = vantio_ledger_key_load(dirfd, 0, &key, err);
	else
		r = vantio_ledger_key_generate(&key, err);
	if (r == 0 && !has_key)
		r = write_key(dirfd, 0, &key, err);
	if (r == 0)
		r = write_genesis(dirfd, &key.pub, err);
	vantio_skey_clear(&key);
	return r;
}

int vantio_ledger_genesis_load(int dirfd, struct vantio_vkey *ret, struct vantio_error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = vantio_store_read(dirfd, GENESIS, KEY_FILE_MAX, &text, &len, err);
	if (r < 0)
		return r;
	r = vantio_vkey_parse(text, len, ret, err);
	return r < 0 ? vantio_fail_prefix(err, "'" GENESIS "'") : 0;
}

/* ---- the chain of epochs ---- */

void vantio_epochs_clear(struct vantio_epochs *e)
{
	free(e->items);
	*e = (struct vantio_epochs){ NULL, 0 };
}

static int push_epoch(struct vantio_epochs *e, const struct vantio_epoch *item, struct vantio_error *err)
{
	struct vantio_epoch *grown;

	if (e->n >= VANTIO_EPOCHS_MAX)
		return vantio_fail(err, EBADMSG, "more than %u epochs", VANTIO_EPOCHS_MAX);
	if (!(e->n & (e->n - 1))) {
		grown = realloc(e->items, (e->n ? e->n * 2 : 1) * sizeof(*grown));
		if (!grown)
			return vantio_fail(err, ENOMEM, "out of memory while reading epochs");
		e->items = grown;
	}
	e->items[e->n++] = *item;
	return 0;
}

/* `epoch N VKEY` and a newline, and nothing more. */
static int parse_succession(const struct vantio_checkpoint *c, uint64_t epoch, struct vantio_vkey *ret, struct vantio_error *err)
{
	char lead[40];
	int n = snprintf(lead, sizeof(lead), "epoch %llu ", (unsigned long long)epoch);
	struct vantio_span x = c->extension;

	if (x.len < (size_t)n || memcmp(x.p, lead, (size_t)n) != 0 || memchr(x.p, '\n', x.len) != x.p + x.len - 1)
		return vantio_fail(err, EBADMSG, "it does not name the key of epoch %llu", (unsigned long long)epoch);
	if (vantio_vkey_parse(x.p + n, x.len - (size_t)n, ret, err) < 0) {
		err->code = EBADMSG;
		return -EBADMSG;
	}
	return 0;
}

int vantio_epoch_follow(const char *note, size_t len, uint64_t n, const struct vantio_epoch *before, struct vantio_epoch *ret,
			struct vantio_error *err)
{
	struct vantio_epoch next;
	struct vantio_checkpoint c;
	int r;

	r = vantio_checkpoint_open(note, len, &before->key, &c, err);
	if (r == 0)
		r = parse_succession(&c, n, &next.key, err);
	if (r == 0 && strcmp(next.key.name, before->key.name) != 0)
		r = vantio_fail(err, EBADMSG, "it names a key of another name");
	if (r == 0 && c.size < before->begin)
		r = vantio_fail(err, EBADMSG, "it seals %llu records, fewer than the epoch before", (unsigned long long)c.size);
	if (r < 0)
		return r;
	next.begin = c.size;
	next.root = c.root;
	*ret = next;
	return 0;
}

static int read_epoch(int dirfd, uint64_t n, const struct vantio_epoch *before, struct vantio_epoch *ret,
		      struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];
	cleanup_free char *note = NULL;
	size_t len;
	int r;

	vantio_epoch_path(path, n);
	r = vantio_store_read(dirfd, path, VANTIO_NOTE_MAX, &note, &len, err);
	if (r < 0)
		return r;
	r = vantio_epoch_follow(note, len, n, before, ret, err);
	if (r < 0) {
		err->code = EBADMSG;
		return vantio_fail_prefix(err, "'%s', which seals epoch %llu", path, (unsigned long long)(n - 1));
	}
	return 0;
}

int vantio_epochs_load(int dirfd, const struct vantio_vkey *genesis, struct vantio_epochs *ret, struct vantio_error *err)
{
	struct vantio_epoch item = { .key = *genesis, .begin = 0 };
	struct vantio_epochs e = { NULL, 0 };
	char path[VANTIO_STORE_NAME_MAX];
	int r;

	vantio_root_at(NULL, NULL, 0, &item.root, err);
	do {
		r = push_epoch(&e, &item, err);
		if (r == 0)
			r = read_epoch(dirfd, e.n, &e.items[e.n - 1], &item, err);
	} while (r == 0);
	if (r == -ENOENT) {
		/* The chain ends; a file behind its end would be a gap. */
		vantio_epoch_path(path, e.n + 1);
		r = vantio_store_exists(dirfd, path, err);
		if (r > 0)
			r = vantio_fail(err, EBADMSG, "epoch %zu is missing, though '%s' is there", e.n, path);
	}
	if (r < 0) {
		vantio_epochs_clear(&e);
		return r;
	}
	*ret = e;
	return 0;
}
