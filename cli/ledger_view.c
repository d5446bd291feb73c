// SPDX-License-Identifier: Apache-2.0
#include "ledger_view.h"

#include <string.h>

#include "base/text.h"

void ledger_view_raw(struct vantio_buf *out, struct vantio_span json)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;

	vantio_span_text(&text, json);
	if (text.failed)
		out->failed = true;
	else if (text.len && !vantio_unescape(out, text.data, text.len))
		vantio_buf_add(out, text.data, text.len);
}

cJSON *ledger_view_private(const struct vantio_hit *hit, const char *name)
{
	cleanup_buf struct vantio_buf scratch = VANTIO_BUF_INIT;
	struct vantio_span key, value;
	struct vantio_error ignored;
	size_t i;

	for (i = 0; i < hit->n_private; i++)
		if (vantio_disclosure_open(hit->private[i].text, &scratch, &key, &value, &ignored) == 0 &&
		    key.len == strlen(name) && !memcmp(key.p, name, key.len))
			return cJSON_ParseWithLength(value.p, value.len);
	return NULL;
}

cJSON *ledger_view_json(const struct vantio_hit *hit)
{
	cJSON *doc = cJSON_ParseWithLength(hit->line.p, hit->line.len), *private = cJSON_CreateObject();
	cleanup_buf struct vantio_buf scratch = VANTIO_BUF_INIT;
	struct vantio_span key, value;
	struct vantio_error ignored;
	char name[64];
	size_t i;

	for (i = 0; i < hit->n_private; i++) {
		if (vantio_disclosure_open(hit->private[i].text, &scratch, &key, &value, &ignored) < 0 || key.len >= sizeof(name))
			continue;
		memcpy(name, key.p, key.len);
		name[key.len] = '\0';
		cJSON_AddItemToObject(private, name, cJSON_ParseWithLength(value.p, value.len));
	}
	if (!doc || !hit->n_private) {
		cJSON_Delete(private);
		private = cJSON_CreateNull();
	}
	cJSON_AddItemToObject(doc, "private", private);
	return doc;
}

static void put_member(struct vantio_buf *out, const char *before, const cJSON *object, const char *name)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);

	if (!value)
		return;
	vantio_buf_puts(out, before);
	if (cJSON_IsString(value))
		vantio_buf_puts(out, value->valuestring);
	else if (cJSON_IsNumber(value))
		vantio_buf_printf(out, "%.0f", value->valuedouble);
}

void ledger_view_resource(struct vantio_buf *out, const cJSON *resource)
{
	const cJSON *addr = cJSON_GetObjectItemCaseSensitive(resource, "addr");
	bool v6 = cJSON_IsString(addr) && strchr(addr->valuestring, ':');

	put_member(out, "", resource, "path");
	put_member(out, " -> ", resource, "path2");
	put_member(out, "", resource, "target");
	put_member(out, "", resource, "proto");
	put_member(out, v6 ? " [" : " ", resource, "addr");
	put_member(out, v6 ? "]:" : ":", resource, "port");
	put_member(out, " family ", resource, "family");
	if (cJSON_GetObjectItemCaseSensitive(resource, "host")) {
		put_member(out, " (", resource, "host");
		vantio_buf_putc(out, ')');
	}
}
