// SPDX-License-Identifier: Apache-2.0
#include "ledger/keys.h"

#include <dirent.h>
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

int vantio_ledger_key_write(int dirfd, uint64_t epoch, const struct vantio_skey *key, struct vantio_error *err)
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
		r = vantio_ledger_key_write(dirfd, 0, &key, err);
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
	if (r == -ENOENT)
		return vantio_fail(err, ENOENT, "this folder is no ledger: there is no '" GENESIS "' in it");
	if (r < 0)
		return r;
	r = vantio_vkey_parse(text, len, ret, err);
	return r < 0 ? vantio_fail_prefix(err, "'" GENESIS "'") : 0;
}

/* ---- putting keys out of use ---- */

/* The bytes first, where they lie; only then the name. */
static int erase_file(int folder, const char *name, struct vantio_error *err)
{
	cleanup_close int fd = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char zeros[KEY_FILE_MAX] = "";
	struct stat st;
	uint64_t at;
	int r = 0;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno != ELOOP)
		return vantio_fail(err, errno, "cannot open 'keys/%s': %s", name, strerror(errno));
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		for (at = 0; r == 0 && at < (uint64_t)st.st_size; at += sizeof(zeros))
			r = vantio_pwrite_all(fd, zeros, sizeof(zeros), at, err);
		if (r < 0)
			return vantio_fail_prefix(err, "cannot overwrite 'keys/%s'", name);
		if (fsync(fd) < 0)
			return vantio_fail(err, errno, "cannot overwrite 'keys/%s': %s", name, strerror(errno));
	}
	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return vantio_fail(err, errno, "cannot remove 'keys/%s': %s", name, strerror(errno));
	return 0;
}

/* The name of a key, or of a temporary file that was to become one. Other files in the folder are not ours. */
static bool is_key_name(const char *name, uint64_t *ret_epoch, bool *ret_temporary)
{
	size_t digits;

	*ret_temporary = *name == '.';
	name += *ret_temporary;
	digits = strspn(name, "0123456789");
	if (digits < 8)
		return false;
	while (digits > 1 && *name == '0') {
		name++;
		digits--;
	}
	if (!vantio_parse_u64(name, digits, UINT64_MAX, ret_epoch))
		return false;
	return *ret_temporary ? strlen(name) > 4 && !strcmp(name + strlen(name) - 4, ".tmp") : !name[digits];
}

int vantio_ledger_keys_sweep(int ledger, uint64_t epoch, struct vantio_error *err)
{
	cleanup_dir DIR *dir = vantio_store_list(ledger, "keys", err);
	struct dirent *d;
	bool temporary, any = false;
	uint64_t n;
	int fd, r = 0;

	if (!dir)
		return -err->code;
	fd = dirfd(dir);
	while (r == 0 && (d = readdir(dir)))
		if (is_key_name(d->d_name, &n, &temporary) && (temporary || n != epoch)) {
			any = true;
			r = erase_file(fd, d->d_name, err);
		}
	if (r == 0 && any && fsync(fd) < 0)
		r = vantio_fail(err, errno, "cannot make the removal of keys durable: %s", strerror(errno));
	return r;
}

int vantio_ledger_key_time(int dirfd, uint64_t epoch, uint64_t *ret_ns, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];
	cleanup_close int fd = -1;
	struct stat st;

	key_path(path, epoch);
	fd = vantio_store_open(dirfd, path, O_RDONLY, 0, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return vantio_fail(err, errno, "cannot stat the key '%s': %s", path, strerror(errno));
	*ret_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
	return 0;
}
