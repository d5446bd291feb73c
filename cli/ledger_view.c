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

const char *const ledger_private_fields[] = { "args_salt", "resource", "syscall_args", "comm", "exe", "cgroup", NULL };

/* Fewer than the record commits to: the names of those that are missing. */
static void add_erased(cJSON *doc, const cJSON *private)
{
	cJSON *list = cJSON_AddArrayToObject(doc, "erased");
	size_t i;

	for (i = 0; ledger_private_fields[i]; i++)
		if (!cJSON_GetObjectItemCaseSensitive(private, ledger_private_fields[i]))
			cJSON_AddItemToArray(list, cJSON_CreateString(ledger_private_fields[i]));
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
	if (!hit->private_bad && hit->n_private < hit->fields.n_sd)
		add_erased(doc, private);
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

/* Escaped once, as records hold it. */
static void value_text(struct vantio_buf *out, const cJSON *value)
{
	const cJSON *item, *kind = cJSON_GetObjectItemCaseSensitive(value, "kind");

	if (cJSON_IsString(value)) {
		vantio_buf_puts(out, value->valuestring);
	} else if (cJSON_IsNumber(value)) {
		vantio_buf_printf(out, "%.0f", value->valuedouble); /* larger ones are strings */
	} else if (cJSON_IsBool(value)) {
		vantio_buf_puts(out, cJSON_IsTrue(value) ? "true" : "false");
	} else if (cJSON_IsArray(value)) {
		cJSON_ArrayForEach(item, value) {
			vantio_buf_puts(out, item->prev && item != value->child ? " " : "");
			value_text(out, item);
		}
	} else if (cJSON_IsString(kind)) {
		vantio_buf_printf(out, "%s ", kind->valuestring);
		ledger_view_resource(out, value);
	}
}

static void show_value(const char *name, const cJSON *value, int width)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT, raw = VANTIO_BUF_INIT;

	value_text(&text, value);
	printf("%-*s  ", width, name);
	/* To raw bytes and escaped again, so that nothing but what escaping lets through can reach the terminal. */
	if (text.data && vantio_unescape(&raw, text.data, text.len))
		cli_print_escaped(stdout, raw.data ? raw.data : "", raw.len);
	else
		cli_print_escaped(stdout, text.data ? text.data : "", text.len);
	putchar('\n');
}

void ledger_view_members(struct cli *cli, const char *title, const cJSON *object)
{
	const cJSON *item;
	int width = 0, n;

	printf("%s%s%s\n", cli_color(cli, "bold"), title, cli_color(cli, "reset"));
	cJSON_ArrayForEach(item, object) {
		n = (int)strlen(item->string) + 2;
		width = n > width ? n : width;
	}
	cJSON_ArrayForEach(item, object)
		if (strcmp(item->string, "private") != 0 && strcmp(item->string, "erased") != 0) {
			printf("  ");
			show_value(item->string, item, width - 2);
		}
}
