// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a public line, a private line and a disclosure. What is taken for a record is JSON that reads the same. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "record/record.h"
#include "fuzz.h"

static void try_public(const char *bytes, size_t size)
{
	struct vantio_record_view v;
	struct vantio_error err = { 0 };
	char leaf[24];
	cJSON *doc;
	size_t i;

	if (vantio_record_parse(bytes, size, &v, &err) < 0) {
		CHECK(err.text[0]);
		return;
	}
	for (i = 0; i < size; i++)
		CHECK((unsigned char)bytes[i] >= 0x20 && bytes[i] != 0x7f);
	CHECK(vantio_utf8_valid(bytes, size));
	doc = cJSON_ParseWithLength(bytes, size);
	CHECK(doc);
	snprintf(leaf, sizeof(leaf), "%llu", (unsigned long long)v.leaf);
	CHECK(!strcmp(cJSON_GetObjectItemCaseSensitive(doc, "leaf")->valuestring, leaf));
	CHECK(!strcmp(cJSON_GetObjectItemCaseSensitive(doc, "agent")->valuestring, v.agent));
	CHECK(!strcmp(cJSON_GetObjectItemCaseSensitive(doc, "rule")->valuestring, v.rule));
	CHECK(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(doc, "_sd")) == (int)v.n_sd);
	cJSON_Delete(doc);
	vantio_record_view_clear(&v);
}

static void try_private(const char *bytes, size_t size)
{
	struct vantio_disclosure d[VANTIO_DISCLOSURES_MAX];
	struct vantio_record_fields none = { .n_sd = 0 };
	struct vantio_buf scratch = VANTIO_BUF_INIT;
	struct vantio_span name, value;
	struct vantio_error err = { 0 };
	size_t n = 0, i;
	cJSON *doc;

	if (vantio_private_scan(bytes, size, d, &n, &err) == 0) {
		doc = cJSON_ParseWithLength(bytes, size);
		CHECK(cJSON_IsArray(doc) && cJSON_GetArraySize(doc) == (int)n);
		cJSON_Delete(doc);
		CHECK(n == 0 || vantio_private_check(&none, bytes, size, &err) < 0);
	}
	for (i = 0; i < n; i++)
		if (vantio_disclosure_open(d[i].text, &scratch, &name, &value, &err) == 0)
			CHECK(name.p + name.len <= scratch.data + scratch.len && value.p + value.len <= scratch.data + scratch.len);
	vantio_buf_free(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_public((const char *)data, size);
	try_private((const char *)data, size);
	return 0;
}
