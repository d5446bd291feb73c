// SPDX-License-Identifier: Apache-2.0
#include "phantom/phantom.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "phantom/object.h"

#define META_MAX (1u << 20)
#define META_VERSION 1

static void cleanup_json(cJSON **doc)
{
	cJSON_Delete(*doc);
}

void vantio_phantom_clear(struct vantio_phantom *p)
{
	size_t i;

	vantio_close_fd(&p->dir);
	vantio_close_fd(&p->lock);
	for (i = 0; i < p->n_layers; i++)
		free(p->layers[i].target);
	free(p->layers);
	free(p->command);
	free(p->agent);
	free(p->policy);
	*p = (struct vantio_phantom)VANTIO_PHANTOM_INIT;
}

int vantio_phantom_add_layer(struct vantio_phantom *p, const char *target, const struct stat *st, struct vantio_error *err)
{
	struct vantio_phantom_layer *grown;

	if (p->n_layers == VANTIO_PHANTOM_LAYERS)
		return vantio_fail(err, E2BIG, "more than %d folders would need an overlay; write into fewer", VANTIO_PHANTOM_LAYERS);
	grown = realloc(p->layers, (p->n_layers + 1) * sizeof(*grown));
	if (!grown)
		return vantio_fail(err, ENOMEM, "out of memory");
	p->layers = grown;
	grown[p->n_layers] = (struct vantio_phantom_layer){ .target = strdup(target), .dev = st->st_dev, .ino = st->st_ino,
							    .mode = st->st_mode & 07777, .uid = st->st_uid, .gid = st->st_gid };
	if (!grown[p->n_layers].target)
		return vantio_fail(err, ENOMEM, "out of memory");
	p->n_layers++;
	return 0;
}

/* ---- places ---- */

/* The folder of all phantoms, made if it is not there. A link is not followed in the last place, nor is somebody else's folder used. */
static int open_store(const char *state_dir, bool make, struct vantio_error *err)
{
	cleanup_free char *path = NULL;
	cleanup_close int fd = -1;
	struct stat st;
	int r;

	if (asprintf(&path, "%s/phantom", state_dir) < 0) {
		path = NULL;
		return vantio_fail(err, ENOMEM, "out of memory");
	}
	r = make ? vantio_make_dirs(path, 0700, err) : 0;
	if (r)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return vantio_fail(err, errno, "cannot open '%s': %s", path, strerror(errno));
	if (st.st_uid != geteuid() || st.st_mode & 022)
		return vantio_fail(err, EPERM, "'%s' belongs to or can be written by somebody else: no phantom is kept there", path);
	return vantio_take_fd(&fd);
}

static bool is_id(const char *id)
{
	return strlen(id) == VANTIO_PHANTOM_ID && strspn(id, "0123456789abcdef") == VANTIO_PHANTOM_ID;
}

static int take_lock(struct vantio_phantom *p, struct vantio_error *err)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	p->lock = openat(p->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (p->lock < 0)
		return vantio_fail(err, errno, "cannot open the lock of phantom %s: %s", p->id, strerror(errno));
	if (!fcntl(p->lock, F_OFD_SETLK, &l))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return vantio_fail(err, EBUSY, "phantom %s is in use: its command, or a commit, still runs; wait for its end", p->id);
	return vantio_fail(err, errno, "cannot lock phantom %s: %s", p->id, strerror(errno));
}

static bool is_locked(const struct vantio_phantom *p)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	cleanup_close int fd = openat(p->dir, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && !fcntl(fd, F_OFD_GETLK, &l) && l.l_type != F_UNLCK;
}

/* ---- meta.json ---- */

static void add_u64(cJSON *doc, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	cJSON_AddStringToObject(doc, key, text);
}

int vantio_phantom_save(const struct vantio_phantom *p, struct vantio_error *err)
{
	__attribute__((cleanup(cleanup_json))) cJSON *doc = cJSON_CreateObject();
	cleanup_free char *printed = NULL;
	cJSON *list;
	size_t i;

	cJSON_AddNumberToObject(doc, "version", META_VERSION);
	add_u64(doc, "created_ns", p->created_ns);
	add_u64(doc, "since_ns", p->since_ns);
	add_u64(doc, "mount_ns", p->mount_ns);
	cJSON_AddBoolToObject(doc, "userxattr", p->userxattr);
	cJSON_AddStringToObject(doc, "command", p->command ? p->command : "");
	cJSON_AddStringToObject(doc, "agent", p->agent ? p->agent : "");
	cJSON_AddStringToObject(doc, "policy", p->policy ? p->policy : "");
	list = cJSON_AddArrayToObject(doc, "layers");
	for (i = 0; i < p->n_layers; i++) {
		cleanup_free char *target = vantio_escape_dup(p->layers[i].target, strlen(p->layers[i].target));
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "target", target ? target : "");
		add_u64(item, "dev", p->layers[i].dev);
		add_u64(item, "ino", p->layers[i].ino);
		cJSON_AddNumberToObject(item, "mode", p->layers[i].mode);
		cJSON_AddNumberToObject(item, "uid", p->layers[i].uid);
		cJSON_AddNumberToObject(item, "gid", p->layers[i].gid);
		cJSON_AddItemToArray(list, item);
	}
	printed = cJSON_PrintUnformatted(doc);
	if (!printed)
		return vantio_fail(err, ENOMEM, "out of memory");
	return vantio_replace_file(p->dir, "meta.json", printed, strlen(printed), 0600, err);
}

static bool get_u64(const cJSON *doc, const char *key, uint64_t *ret)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(doc, key));

	return text && vantio_parse_u64(text, strlen(text), UINT64_MAX, ret);
}

static bool get_u32(const cJSON *doc, const char *key, uint32_t *ret)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(doc, key);

	if (!cJSON_IsNumber(n) || n->valuedouble < 0 || n->valuedouble > UINT32_MAX)
		return false;
	*ret = (uint32_t)n->valuedouble;
	return true;
}

static char *get_text(const cJSON *doc, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(doc, key));

	return strdup(text ? text : "");
}

static bool read_layer(const cJSON *item, struct vantio_phantom *p, struct vantio_error *err)
{
	const char *escaped = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "target"));
	cleanup_buf struct vantio_buf target = VANTIO_BUF_INIT;
	struct stat st = {};
	uint64_t dev, ino;
	uint32_t mode, uid, gid;

	if (!escaped || !vantio_unescape(&target, escaped, strlen(escaped)) || !target.data || target.data[0] != '/' || strlen(target.data) != target.len)
		return false;
	if (!get_u64(item, "dev", &dev) || !get_u64(item, "ino", &ino) || !get_u32(item, "mode", &mode) || !get_u32(item, "uid", &uid) ||
	    !get_u32(item, "gid", &gid))
		return false;
	st.st_dev = dev;
	st.st_ino = ino;
	st.st_mode = mode;
	st.st_uid = uid;
	st.st_gid = gid;
	return !vantio_phantom_add_layer(p, target.data, &st, err);
}

static int read_meta(struct vantio_phantom *p, struct vantio_error *err)
{
	__attribute__((cleanup(cleanup_json))) cJSON *doc = NULL;
	cleanup_free char *raw = NULL;
	const cJSON *item, *list;
	uint32_t version;
	size_t len;
	int r = vantio_read_file(p->dir, "meta.json", META_MAX, &raw, &len, err);

	if (r)
		return r;
	doc = cJSON_ParseWithLength(raw, len);
	if (!get_u32(doc, "version", &version) || version != META_VERSION)
		return vantio_fail(err, EPROTO, "phantom %s was made by another version of this program", p->id);
	list = cJSON_GetObjectItemCaseSensitive(doc, "layers");
	if (!get_u64(doc, "created_ns", &p->created_ns) || !get_u64(doc, "since_ns", &p->since_ns) || !get_u64(doc, "mount_ns", &p->mount_ns) ||
	    !cJSON_IsArray(list))
		return vantio_fail(err, EBADMSG, "meta.json of phantom %s is damaged", p->id);
	p->userxattr = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(doc, "userxattr"));
	p->command = get_text(doc, "command");
	p->agent = get_text(doc, "agent");
	p->policy = get_text(doc, "policy");
	if (!p->command || !p->agent || !p->policy)
		return vantio_fail(err, ENOMEM, "out of memory");
	cJSON_ArrayForEach(item, list)
		if (!read_layer(item, p, err))
			return vantio_fail(err, EBADMSG, "meta.json of phantom %s is damaged", p->id);
	return 0;
}

/* ---- the outside ---- */

/* Times of files come from the kernel's coarse clock: one of its own is what later ones are held against. */
static int take_time(struct vantio_phantom *p, struct vantio_error *err)
{
	struct timespec now;
	struct stat st;

	if (fstat(p->lock, &st) || clock_gettime(CLOCK_REALTIME, &now))
		return vantio_fail(err, errno, "cannot tell the time: %s", strerror(errno));
	p->since_ns = vantio_time_of(&st.st_ctim);
	p->created_ns = vantio_time_of(&now);
	return 0;
}

int vantio_phantom_create(const char *state_dir, struct vantio_phantom *ret, struct vantio_error *err)
{
	cleanup_phantom struct vantio_phantom p = VANTIO_PHANTOM_INIT;
	cleanup_close int store = open_store(state_dir, true, err);
	int tries, r;

	if (store < 0)
		return store;
	for (tries = 0; tries < 16; tries++) {
		uint8_t raw[VANTIO_PHANTOM_ID / 2];

		if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
			return vantio_fail(err, errno, "cannot draw an id: %s", strerror(errno));
		vantio_hex(p.id, raw, sizeof(raw));
		if (!mkdirat(store, p.id, 0700))
			break;
		if (errno != EEXIST)
			return vantio_fail(err, errno, "cannot make a folder in '%s/phantom': %s", state_dir, strerror(errno));
	}
	p.dir = openat(store, p.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p.dir < 0)
		return vantio_fail(err, errno, "cannot open '%s/phantom/%s': %s", state_dir, p.id, strerror(errno));
	r = take_lock(&p, err);
	if (!r)
		r = take_time(&p, err);
	if (!r)
		r = vantio_phantom_save(&p, err);
	if (r)
		return r;
	*ret = p;
	p = (struct vantio_phantom)VANTIO_PHANTOM_INIT;
	return 0;
}

int vantio_phantom_open(const char *state_dir, const char *id, bool lock, struct vantio_phantom *ret, struct vantio_error *err)
{
	cleanup_phantom struct vantio_phantom p = VANTIO_PHANTOM_INIT;
	cleanup_close int store = open_store(state_dir, false, err);
	int r;

	if (!is_id(id) || store == -ENOENT)
		return vantio_fail(err, ENOENT, "there is no phantom '%s'; 'vantioctl phantom list' shows those that are there", id);
	if (store < 0)
		return store;
	memcpy(p.id, id, sizeof(p.id));
	p.dir = openat(store, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p.dir < 0 && errno == ENOENT)
		return vantio_fail(err, ENOENT, "there is no phantom '%s'; 'vantioctl phantom list' shows those that are there", id);
	if (p.dir < 0)
		return vantio_fail(err, errno, "cannot open phantom %s: %s", id, strerror(errno));
	r = lock ? take_lock(&p, err) : 0;
	if (!r)
		r = read_meta(&p, err);
	if (r)
		return r;
	p.running = !lock && is_locked(&p);
	*ret = p;
	p = (struct vantio_phantom)VANTIO_PHANTOM_INIT;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct vantio_phantom *x = a, *y = b;

	return x->created_ns < y->created_ns ? -1 : x->created_ns > y->created_ns;
}

int vantio_phantom_list(const char *state_dir, struct vantio_phantom **ret, size_t *ret_n, size_t *ret_damaged, struct vantio_error *err)
{
	struct vantio_phantom *items = NULL, *grown;
	cleanup_dir DIR *dir = NULL;
	struct vantio_error ignored;
	struct dirent *entry;
	size_t n = 0, damaged = 0;
	int store = open_store(state_dir, false, err);

	if (store < 0 && store != -ENOENT)
		return store;
	dir = store < 0 ? NULL : fdopendir(store);
	while (dir && (entry = readdir(dir))) {
		if (!is_id(entry->d_name))
			continue;
		grown = realloc(items, (n + 1) * sizeof(*items));
		if (!grown)
			break;
		items = grown;
		items[n] = (struct vantio_phantom)VANTIO_PHANTOM_INIT;
		if (vantio_phantom_open(state_dir, entry->d_name, false, &items[n], &ignored))
			damaged++;
		else
			n++;
	}
	if (n)
		qsort(items, n, sizeof(*items), by_time);
	*ret = items;
	*ret_n = n;
	*ret_damaged = damaged;
	return 0;
}

int vantio_phantom_remove(const char *state_dir, struct vantio_phantom *p, struct vantio_error *err)
{
	cleanup_close int store = open_store(state_dir, false, err);
	int r;

	if (store < 0)
		return store;
	r = vantio_remove_tree(store, p->id, 0);
	return r ? vantio_fail(err, -r, "cannot take away '%s/phantom/%s': %s", state_dir, p->id, strerror(-r)) : 0;
}

int vantio_phantom_upper(const struct vantio_phantom *p, size_t layer)
{
	char path[32];

	snprintf(path, sizeof(path), "%zu/upper", layer);
	return vantio_open_below(p->dir, path, O_PATH | O_DIRECTORY);
}

int vantio_phantom_target(const struct vantio_phantom *p, size_t layer, struct vantio_error *err)
{
	const struct vantio_phantom_layer *l = &p->layers[layer];
	cleanup_free char *shown = vantio_escape_dup(l->target, strlen(l->target));
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int fd = root < 0 ? -errno : vantio_open_path(root, l->target, O_PATH | O_DIRECTORY, 0);
	struct stat st;

	if (fd < 0)
		return vantio_fail(err, -fd, "cannot open '%s', which the phantom lies over: %s", shown ? shown : "?", strerror(-fd));
	if (fstat(fd, &st) || st.st_dev != l->dev || st.st_ino != l->ino)
		return vantio_fail(err, ESTALE, "'%s' is another folder than the one that the phantom lies over; put it back, or collapse the phantom",
				   shown ? shown : "?");
	return vantio_take_fd(&fd);
}
