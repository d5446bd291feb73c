// SPDX-License-Identifier: Apache-2.0
#include "engine/history.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/internal.h"
#include "policy/load.h"

#define HISTORY_MAX (2u * VANTIO_POLICY_TEXT_MAX + (64u << 20)) /* bytes of one file: the text as JSON spells it, and addresses */

static void cleanup_json(cJSON **doc)
{
	cJSON_Delete(*doc);
}

static void file_of(char out[128], uint64_t gen)
{
	snprintf(out, 128, "%s/%" PRIu64 ".json", VANTIO_POLICIES_DIR, gen);
}

/* ---- the engine's own rules ---- */

static char *literal_glob(const char *folder)
{
	cleanup_buf struct vantio_buf b = VANTIO_BUF_INIT;

	for (; *folder; folder++) {
		if (strchr("*?[]{},\\", *folder))
			vantio_buf_putc(&b, '\\');
		vantio_buf_putc(&b, *folder);
	}
	vantio_buf_puts(&b, "/**");
	return vantio_buf_steal(&b);
}

/* Room for `n` rules more, zeroed. */
static struct vantio_rule *grow(struct vantio_rules *list, size_t n, struct vantio_error *err)
{
	struct vantio_rule *grown = realloc(list->items, (list->n + n) * sizeof(*grown));

	if (!grown) {
		vantio_fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	list->items = grown;
	memset(grown + list->n, 0, n * sizeof(*grown));
	return grown + list->n;
}

int vantio_policy_protect(struct vantio_policy *p, char *const *folders, size_t n, struct vantio_error *err)
{
	struct vantio_rules *files = &p->lists[VANTIO_LIST_FILE_DENY], *sockets = &p->lists[VANTIO_LIST_NET_DENY];
	struct vantio_rule *file, *socket;
	size_t i;

	if (!n)
		return 0;
	file = grow(files, n, err);
	socket = file ? grow(sockets, n, err) : NULL;
	if (!socket)
		return -ENOMEM;
	for (i = 0; i < n; i++, file++, socket++) {
		file->glob = literal_glob(folders[i]);
		file->text = file->glob ? strdup(file->glob) : NULL;
		files->n++;
		/* A socket there is a way to command what governs, and is asked about under [network] alone. */
		socket->net.kind = VANTIO_NET_UNIX_GLOB;
		socket->net.port_hi = UINT16_MAX;
		socket->net.host = file->glob ? strdup(file->glob) : NULL;
		socket->net.host_len = socket->net.host ? strlen(socket->net.host) : 0;
		if (!file->text || !socket->net.host || asprintf(&socket->text, "unix:%s", file->glob) < 0) {
			socket->text = NULL;
			sockets->n++;
			return vantio_fail(err, ENOMEM, "out of memory");
		}
		sockets->n++;
	}
	return 0;
}

/* ---- writing ---- */

static cJSON *resolved_json(const struct vantio_resolved *r)
{
	cJSON *item = cJSON_CreateObject();
	char addr[33];

	vantio_hex(addr, r->net.addr, sizeof(r->net.addr));
	cJSON_AddNumberToObject(item, "list", r->list);
	cJSON_AddNumberToObject(item, "rule", r->rule);
	cJSON_AddNumberToObject(item, "protos", r->net.protos);
	cJSON_AddNumberToObject(item, "family", r->net.family);
	cJSON_AddNumberToObject(item, "prefix", r->net.prefix);
	cJSON_AddNumberToObject(item, "port_lo", r->net.port_lo);
	cJSON_AddNumberToObject(item, "port_hi", r->net.port_hi);
	cJSON_AddStringToObject(item, "addr", addr);
	return item;
}

static cJSON *held_json(const struct vantio_held_item *h)
{
	cJSON *item = cJSON_CreateObject();
	char number[24];

	snprintf(number, sizeof(number), "%" PRIu64, h->ino);
	cJSON_AddNumberToObject(item, "list", h->list);
	cJSON_AddNumberToObject(item, "rule", h->rule);
	cJSON_AddBoolToObject(item, "former", h->former);
	cJSON_AddStringToObject(item, "ino", number);
	cJSON_AddNumberToObject(item, "dev", h->dev);
	cJSON_AddNumberToObject(item, "generation", h->generation);
	return item;
}

int vantio_history_write(uint64_t gen, uint32_t slot, const struct vantio_policy *p, const char *workdir, const char *text, size_t len,
			 const struct vantio_resolution *res, const struct vantio_held_set *held, char *const *protect, size_t n_protect, struct vantio_error *err)
{
	__attribute__((cleanup(cleanup_json))) cJSON *doc = cJSON_CreateObject();
	cleanup_free char *printed = NULL;
	cleanup_free char *copy = strndup(text, len);
	cleanup_free char *home = vantio_policy_home();
	char path[128], hash[2 * sizeof(p->hash) + 1];
	cJSON *list;
	size_t i;
	int r = vantio_make_dirs(VANTIO_POLICIES_DIR, 0700, err);

	if (r)
		return r;
	if (!copy)
		return vantio_fail(err, ENOMEM, "out of memory");
	cJSON_AddNumberToObject(doc, "slot", slot);
	cJSON_AddStringToObject(doc, "file", p->file);
	vantio_hex(hash, p->hash, sizeof(p->hash));
	cJSON_AddStringToObject(doc, "policy_hash", hash);
	if (home)
		cJSON_AddStringToObject(doc, "home", home);
	if (workdir)
		cJSON_AddStringToObject(doc, "workdir", workdir);
	cJSON_AddStringToObject(doc, "text", copy);
	list = cJSON_AddArrayToObject(doc, "protect");
	for (i = 0; i < n_protect; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(protect[i]));
	list = cJSON_AddArrayToObject(doc, "resolved");
	for (i = 0; res && i < res->n; i++)
		cJSON_AddItemToArray(list, resolved_json(&res->items[i]));
	list = cJSON_AddArrayToObject(doc, "held");
	for (i = 0; held && i < held->n; i++)
		cJSON_AddItemToArray(list, held_json(&held->items[i]));
	printed = cJSON_PrintUnformatted(doc);
	if (!printed)
		return vantio_fail(err, ENOMEM, "out of memory");
	file_of(path, gen);
	return vantio_replace_file(AT_FDCWD, path, printed, strlen(printed), 0600, err);
}

/* ---- reading ---- */

static unsigned int number_of(const cJSON *object, const char *key)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsNumber(n) && n->valuedouble >= 0 && n->valuedouble <= UINT32_MAX ? (unsigned int)n->valuedouble : 0;
}

static const char *text_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static int read_resolved(const cJSON *list, struct vantio_resolution *ret, struct vantio_error *err)
{
	const cJSON *item;

	ret->items = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*ret->items));
	if (!ret->items)
		return vantio_fail(err, ENOMEM, "out of memory");
	cJSON_ArrayForEach(item, list) {
		struct vantio_resolved *r = &ret->items[ret->n];
		const char *addr = text_of(item, "addr");

		if (!addr || !vantio_unhex(r->net.addr, sizeof(r->net.addr), addr, strlen(addr)))
			return vantio_fail(err, EBADMSG, "a stored address is damaged");
		r->list = number_of(item, "list");
		r->rule = number_of(item, "rule");
		r->net.kind = VANTIO_NET_ADDRESS;
		r->net.protos = (uint8_t)number_of(item, "protos");
		r->net.family = (uint8_t)number_of(item, "family");
		r->net.prefix = (uint8_t)number_of(item, "prefix");
		r->net.port_lo = (uint16_t)number_of(item, "port_lo");
		r->net.port_hi = (uint16_t)number_of(item, "port_hi");
		ret->n++;
	}
	return 0;
}

static int read_held(const cJSON *list, const struct vantio_policy *p, struct vantio_held_set *ret, struct vantio_error *err)
{
	const cJSON *item;

	ret->items = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*ret->items));
	if (!ret->items)
		return vantio_fail(err, ENOMEM, "out of memory");
	cJSON_ArrayForEach(item, list) {
		struct vantio_held_item *h = &ret->items[ret->n++];
		const char *ino = text_of(item, "ino");

		h->list = number_of(item, "list");
		h->rule = number_of(item, "rule");
		if (!ino || (h->list != VANTIO_LIST_FILE_DENY && h->list != VANTIO_LIST_EXEC_DENY) || h->rule >= p->lists[h->list].n)
			return vantio_fail(err, EBADMSG, "a stored inode is damaged");
		h->former = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "former"));
		h->ino = strtoull(ino, NULL, 10);
		h->dev = number_of(item, "dev");
		h->generation = number_of(item, "generation");
	}
	return 0;
}

static int read_protect(const cJSON *list, struct vantio_policy *p, struct vantio_error *err)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list) {
		char *folder = cJSON_GetStringValue(item);
		int r = folder ? vantio_policy_protect(p, &folder, 1, err) : 0;

		if (r)
			return r;
	}
	return 0;
}

/* A preset may be another one in the program that reads than in the one that pushed. */
static bool same_hash(const cJSON *doc, const struct vantio_policy *p)
{
	const char *stored = text_of(doc, "policy_hash");
	char hash[2 * sizeof(p->hash) + 1];

	vantio_hex(hash, p->hash, sizeof(p->hash));
	return stored && strcmp(stored, hash) == 0;
}

int vantio_history_read(uint64_t gen, struct vantio_pushed *ret, struct vantio_error *err)
{
	__attribute__((cleanup(cleanup_json))) cJSON *doc = NULL;
	struct vantio_diagnostics diags = {};
	struct vantio_pushed p = { .gen = gen };
	struct vantio_expand expand = {};
	cleanup_free char *raw = NULL;
	const char *text, *file;
	char path[128];
	size_t len;
	int r;

	file_of(path, gen);
	r = vantio_read_file(AT_FDCWD, path, HISTORY_MAX, &raw, &len, err);
	if (r)
		return r;
	doc = cJSON_ParseWithLength(raw, len);
	text = text_of(doc, "text");
	file = text_of(doc, "file");
	if (!text || !file)
		return vantio_fail(err, EBADMSG, "%s is damaged", path);
	p.slot = number_of(doc, "slot");
	expand.home = text_of(doc, "home");
	expand.workdir = text_of(doc, "workdir");
	r = vantio_policy_parse(text, strlen(text), file, &expand, &p.policy, &diags, err);
	vantio_diagnostics_free(&diags);
	p.other = !r && !same_hash(doc, p.policy);
	if (!r)
		r = read_protect(cJSON_GetObjectItemCaseSensitive(doc, "protect"), p.policy, err);
	if (!r)
		r = read_resolved(cJSON_GetObjectItemCaseSensitive(doc, "resolved"), &p.res, err);
	if (!r && !p.other)
		r = read_held(cJSON_GetObjectItemCaseSensitive(doc, "held"), p.policy, &p.held, err);
	if (r) {
		vantio_pushed_free(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void vantio_pushed_free(struct vantio_pushed *p)
{
	vantio_policy_free(p->policy);
	free(p->res.items);
	vantio_held_free(&p->held);
	memset(p, 0, sizeof(*p));
}

void vantio_history_forget_all(void)
{
	cleanup_dir DIR *dir = opendir(VANTIO_POLICIES_DIR);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
}
