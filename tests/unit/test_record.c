// SPDX-License-Identifier: Apache-2.0
#include "ledger_fixture.h"

#include <cjson/cJSON.h>
#include <sodium.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/text.h"
#include "record/sink.h"

static struct vantio_record_host host;

static int start(void **state)
{
	struct vantio_error err = { 0 };

	(void)state;
	return vantio_record_host_init(&host, &err);
}

static struct vantio_record_work work;

static int end(void **state)
{
	(void)state;
	vantio_record_work_clear(&work);
	return 0;
}

static void put(const struct vantio_record *r, struct vantio_buf *line, struct vantio_buf *private)
{
	struct vantio_error err = { 0 };

	assert_ok(vantio_record_write(r, &host, &work, line, private, &err), err);
}

static void record_written_line_is_read_back(void **state)
{
	struct vantio_record r = fixture_record(5);
	struct vantio_buf line = VANTIO_BUF_INIT, private = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	struct vantio_record_view v;

	(void)state;
	r.leaf = UINT64_MAX;
	r.trace_id = UINT64_MAX;
	r.cgroup_id = 0;
	r.lost_before = 1ull << 63;
	r.syscall_nr = INT32_MIN;
	r.pid = UINT32_MAX;
	r.enforced = 0;
	r.decision = VANTIO_QUARANTINE;
	put(&r, &line, &private);
	assert_ok(vantio_record_parse(line.data, line.len, &v, &err), err);
	assert_true(v.leaf == UINT64_MAX && v.trace_id == UINT64_MAX && v.lost_before == 1ull << 63 && v.cgroup_id == 0);
	assert_true(v.mono_ns == r.mono_ns && v.realtime_ns == r.mono_ns + host.boot_offset_ns && v.policy_gen == 7);
	assert_true(v.pid == UINT32_MAX && v.tid == r.tid && v.ppid == 1 && v.uid == 1000 && v.gid == 1000 && v.count == 1);
	assert_true(v.syscall_nr == INT32_MIN && !v.enforced && v.n_sd == 6);
	assert_string_equal(v.boot_id, host.boot_id);
	assert_string_equal(v.host, host.host);
	assert_string_equal(v.tier, "kernel");
	assert_string_equal(v.agent, r.agent);
	assert_string_equal(v.agent_svid, r.agent_svid);
	assert_string_equal(v.hook, r.hook);
	assert_string_equal(v.op, r.op);
	assert_string_equal(v.rule, r.rule);
	assert_string_equal(v.policy, r.policy);
	assert_string_equal(v.decision, "quarantine");
	assert_non_null(strstr(line.data, "\"oracle_decision\":\"Collapse\""));
	vantio_record_view_clear(&v);
	vantio_buf_free(&line);
	vantio_buf_free(&private);
}

static void record_keys_stand_in_the_documented_order(void **state)
{
	static const char *const keys[] = {
		"v", "record_id", "leaf", "ts", "mono_ns", "boot_id", "host", "tier", "agent", "agent_svid", "trace_id", "cgroup_id",
		"pid", "tid", "ppid", "uid", "gid", "hook", "op", "syscall_nr", "args_hash", "policy", "policy_hash", "policy_gen", "rule",
		"decision", "oracle_decision", "enforced", "count", "lost_before", "entropy_nonce", "_sd_alg", "_sd",
	};
	struct vantio_record r = fixture_record(0);
	struct vantio_buf line = VANTIO_BUF_INIT, private = VANTIO_BUF_INIT;
	cJSON *doc, *item;
	size_t i = 0;

	(void)state;
	put(&r, &line, &private);
	doc = cJSON_ParseWithLengthOpts(line.data, line.len + 1, NULL, 1);
	assert_non_null(doc);
	cJSON_ArrayForEach(item, doc) {
		assert_true(i < sizeof(keys) / sizeof(keys[0]));
		assert_string_equal(item->string, keys[i++]);
	}
	assert_int_equal(i, sizeof(keys) / sizeof(keys[0]));
	cJSON_Delete(doc);
	vantio_buf_free(&line);
	vantio_buf_free(&private);
}

/* The private value of a name, decoded by hand: base64, then a JSON reader. Owned by the caller. */
static cJSON *disclosed(const struct vantio_buf *private, const char *name, const struct vantio_record_fields *f)
{
	cJSON *array = cJSON_ParseWithLength(private->data, private->len), *item, *ret = NULL;
	char *decoded = malloc(private->len + 1), digest[44] = "";
	uint8_t hash[32];
	size_t len, i;

	assert_true(cJSON_IsArray(array));
	cJSON_ArrayForEach(item, array) {
		cJSON *d;

		assert_true(vantio_base64_decode(VANTIO_BASE64_URL, decoded, private->len, item->valuestring, strlen(item->valuestring), &len));
		d = cJSON_ParseWithLength(decoded, len);
		assert_int_equal(cJSON_GetArraySize(d), 3);
		assert_int_equal(strlen(cJSON_GetArrayItem(d, 0)->valuestring), 22);
		if (!strcmp(cJSON_GetArrayItem(d, 1)->valuestring, name)) {
			ret = cJSON_DetachItemFromArray(d, 2);
			crypto_hash_sha256(hash, (const uint8_t *)item->valuestring, strlen(item->valuestring));
			vantio_base64_encode(VANTIO_BASE64_URL, digest, hash, 32);
		}
		cJSON_Delete(d);
	}
	assert_non_null(ret);
	for (i = 0; i < f->n_sd; i++)
		if (!memcmp(f->sd[i].p, digest, 43))
			break;
	assert_true(i < f->n_sd);
	free(decoded);
	cJSON_Delete(array);
	return ret;
}

static void record_disclosures_match_their_digests_and_args_hash(void **state)
{
	struct vantio_record r = fixture_record(2); /* a network one */
	struct vantio_buf line = VANTIO_BUF_INIT, private = VANTIO_BUF_INIT, text = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	struct vantio_record_fields f;
	cJSON *salt, *resource, *args, *comm;
	char *resource_text, *args_text, hex[65];
	uint8_t bytes[32], hash[32];
	size_t len;

	(void)state;
	r.host_rule = "api.example.org";
	r.args[5] = 0xdeadbeefull;
	put(&r, &line, &private);
	assert_ok(vantio_record_scan(line.data, line.len, &f, &err), err);
	salt = disclosed(&private, "args_salt", &f);
	resource = disclosed(&private, "resource", &f);
	args = disclosed(&private, "syscall_args", &f);
	comm = disclosed(&private, "comm", &f);
	assert_string_equal(comm->valuestring, "sh");
	assert_string_equal(cJSON_GetArrayItem(args, 5)->valuestring, "0x00000000deadbeef");
	resource_text = cJSON_PrintUnformatted(resource);
	args_text = cJSON_PrintUnformatted(args);
	assert_string_equal(resource_text, "{\"kind\":\"net\",\"proto\":\"tcp\",\"addr\":\"192.0.2.1\",\"port\":443,\"host\":\"api.example.org\"}");
	assert_true(vantio_base64_decode(VANTIO_BASE64_URL, bytes, 32, salt->valuestring, strlen(salt->valuestring), &len));
	vantio_buf_add(&text, bytes, 32);
	vantio_buf_printf(&text, "[\"%s\",%s,%s]", r.op, resource_text, args_text);
	crypto_hash_sha256(hash, (const uint8_t *)text.data, text.len);
	vantio_hex(hex, hash, 32);
	assert_memory_equal(hex, f.args_hash.p, 64);
	assert_int_equal(vantio_private_check(&f, private.data, private.len, &err), 6);
	cJSON_Delete(salt);
	cJSON_Delete(resource);
	cJSON_Delete(args);
	cJSON_Delete(comm);
	free(resource_text);
	free(args_text);
	vantio_buf_free(&text);
	vantio_buf_free(&line);
	vantio_buf_free(&private);
}

/* The scanner takes one spelling of each value, so what it reads back was written byte for byte as it should be. */
static void record_numbers_of_every_length_are_read_back(void **state)
{
	struct vantio_record r = fixture_record(1);
	struct vantio_error err = { 0 };
	struct vantio_record_view v;
	uint64_t power, n;
	char trace[32];
	int below;

	(void)state;
	for (power = 1; power <= UINT64_MAX / 10; power *= 10)
		for (below = -1; below <= 1; below++) {
			cleanup_buf struct vantio_buf line = VANTIO_BUF_INIT, private = VANTIO_BUF_INIT;

			n = power * 10 + (uint64_t)below;
			r.leaf = r.cgroup_id = r.policy_gen = r.lost_before = r.trace_id = n;
			r.pid = r.tid = r.ppid = r.uid = r.gid = r.count = (uint32_t)n;
			r.syscall_nr = (int32_t)n;
			put(&r, &line, &private);
			assert_ok(vantio_record_parse(line.data, line.len, &v, &err), err);
			assert_true(v.leaf == n && v.cgroup_id == n && v.policy_gen == n && v.lost_before == n && v.trace_id == n);
			assert_true(v.pid == r.pid && v.tid == r.pid && v.ppid == r.pid && v.uid == r.pid && v.gid == r.pid && v.count == r.pid);
			assert_int_equal(v.syscall_nr, r.syscall_nr);
			snprintf(trace, sizeof(trace), "\"0x%016llx\"", (unsigned long long)n);
			assert_non_null(strstr(line.data, trace));
			vantio_record_view_clear(&v);
		}
}

/* Each byte at each place of names up to three words long: what needs escaping is found wherever it stands. */
static void record_text_with_any_byte_anywhere_is_read_back(void **state)
{
	struct vantio_record r = fixture_record(1);
	struct vantio_error err = { 0 };
	struct vantio_record_view v;
	char agent[25];
	size_t at;
	int c;

	(void)state;
	r.agent = agent;
	for (c = 1; c < 256; c++)
		for (at = 0; at < 24; at += c % 3 + 1) {
			cleanup_buf struct vantio_buf line = VANTIO_BUF_INIT, private = VANTIO_BUF_INIT;
			cleanup_free char *shown = NULL;

			memset(agent, 'a', 24);
			agent[at] = (char)c;
			agent[at < 20 ? at + 4 + (size_t)c % 2 : 24] = '\0';
			put(&r, &line, &private);
			assert_ok(vantio_record_parse(line.data, line.len, &v, &err), err);
			shown = vantio_escape_dup(agent, strlen(agent));
			assert_string_equal(v.agent, shown);
			vantio_record_view_clear(&v);
		}
}

static void record_of_hostile_bytes_stays_a_record(void **state)
{
	struct vantio_buf line = VANTIO_BUF_INIT, private = VANTIO_BUF_INIT;
	struct vantio_record r = fixture_record(0);
	struct vantio_record_fields f;
	struct vantio_error err = { 0 };
	char all[256], path[4095], agent[64];
	cJSON *resource;
	size_t i;

	(void)state;
	for (i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	memset(path, '\xff', sizeof(path));
	memset(agent, '"', 63);
	agent[63] = '\0';
	r.agent = agent;
	r.agent_svid = all;
	r.policy = all;
	r.rule = all;
	r.path = r.path2 = r.exe = r.cgroup = path;
	r.path_len = r.path2_len = r.exe_len = r.cgroup_len = sizeof(path);
	r.comm = "\x1b[2J\"\\\n\xe2\x80\xae\xc2\x9b";
	r.comm_len = strlen(r.comm);
	put(&r, &line, &private);
	assert_ok(vantio_record_scan(line.data, line.len, &f, &err), err);
	assert_true(line.len < VANTIO_RECORD_LINE_MAX && private.len < VANTIO_RECORD_PRIVATE_MAX);
	for (i = 0; i < line.len; i++)
		assert_true((unsigned char)line.data[i] >= 0x20 && line.data[i] != 0x7f);
	resource = disclosed(&private, "resource", &f);
	assert_int_equal(strlen(cJSON_GetObjectItem(resource, "path")->valuestring), 4 * sizeof(path));
	cJSON_Delete(resource);
	resource = disclosed(&private, "comm", &f);
	assert_string_equal(resource->valuestring, "\\x1b[2J\"\\\\\\x0a\\xe2\\x80\\xae\\xc2\\x9b");
	cJSON_Delete(resource);
	vantio_buf_free(&line);
	vantio_buf_free(&private);
}

static void record_too_long_for_an_entry_is_refused(void **state)
{
	struct vantio_buf line = VANTIO_BUF_INIT, private = VANTIO_BUF_INIT;
	struct vantio_record r = fixture_record(0);
	struct vantio_error err = { 0 };
	char *svid = malloc(66000);

	(void)state;
	memset(svid, 'a', 65999);
	svid[65999] = '\0';
	r.agent_svid = svid;
	vantio_buf_puts(&line, "before");
	assert_int_equal(vantio_record_write(&r, &host, &work, &line, &private, &err), -E2BIG);
	assert_int_equal(line.len, 6);
	assert_int_equal(private.len, 0);
	free(svid);
	vantio_buf_free(&line);
	vantio_buf_free(&private);
}

/* More records than one draw of random bytes serves. */
static void record_draws_no_random_value_twice(void **state)
{
	enum { RECORDS = 200, VALUES = 2 + 6 };
	static char seen[RECORDS * VALUES][44];
	struct vantio_record r = fixture_record(1);
	struct vantio_record_fields f;
	struct vantio_error err = { 0 };
	size_t i, j, n = 0;

	(void)state;
	for (i = 0; i < RECORDS; i++) {
		struct vantio_buf line = VANTIO_BUF_INIT, private = VANTIO_BUF_INIT;

		put(&r, &line, &private);
		assert_ok(vantio_record_scan(line.data, line.len, &f, &err), err);
		memcpy(seen[n++], f.nonce.p, 43);
		memcpy(seen[n++], f.record_id.p, 36);
		/* The same fields each time: only their salts make the digests differ. */
		for (j = 0; j < f.n_sd; j++)
			memcpy(seen[n++], f.sd[j].p, 43);
		vantio_buf_free(&line);
		vantio_buf_free(&private);
	}
	assert_int_equal(n, RECORDS * VALUES);
	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			assert_memory_not_equal(seen[i], seen[j], 44);
}

static const struct edit {
	const char *from, *to;
} edits[] = {
	{ "{\"v\":1", "{ \"v\":1" }, { "{\"v\":1", "{\"v\":01" }, { "{\"v\":1", "{\"v\":\"1\"" }, { "{\"v\":1", "{\"v\": 1" }, { "{\"v\":1,", "{" },
	{ "\"leaf\":\"5\"", "\"leaf\":5" }, { "\"leaf\":\"5\"", "\"leaf\":\"05\"" }, { "\"leaf\":\"5\"", "\"leaf\":\"-5\"" },
	{ "\"leaf\":\"5\"", "\"leaf\":\"18446744073709551616\"" }, { "\"leaf\":\"5\"", "\"leaf\":\"\"" }, { "\"leaf\":\"5\",", "" },
	{ "\"leaf\":\"5\"", "\"leaf\":\"5\",\"leaf\":\"5\"" }, { "\"leaf\"", "\"Leaf\"" }, { "\"leaf\"", "\"\\u006ceaf\"" },
	{ "\"pid\":105,\"tid\":105", "\"tid\":105,\"pid\":105" }, { "\"pid\":105", "\"pid\":105.0" }, { "\"pid\":105", "\"pid\":1e2" },
	{ "\"pid\":105", "\"pid\":4294967296" }, { "\"pid\":105", "\"pid\":-1" }, { "\"pid\":105", "\"pid\":+1" },
	{ "\"syscall_nr\":257", "\"syscall_nr\":-0" }, { "\"syscall_nr\":257", "\"syscall_nr\":2147483648" },
	{ "\"enforced\":true", "\"enforced\":1" }, { "\"enforced\":true", "\"enforced\":True" }, { "\"enforced\":true", "\"enforced\":null" },
	{ "\"tier\":\"kernel\"", "\"tier\":\"Kernel\"" }, { "\"tier\":\"kernel\"", "\"tier\":\"\"" },
	{ "\"decision\":\"block\"", "\"decision\":\"deny\"" }, { "\"oracle_decision\":\"Collapse\"", "\"oracle_decision\":\"Permit\"" },
	{ "\"trace_id\":\"0x", "\"trace_id\":\"0X" }, { "\"trace_id\":\"0x1", "\"trace_id\":\"0x11" }, { "\"policy_hash\":\"0", "\"policy_hash\":\"A" },
	{ "\"agent\":\"coder\"", "\"agent\":\"co\\u0064er\"" }, { "\"agent\":\"coder\"", "\"agent\":\"co\\/der\"" },
	{ "\"agent\":\"coder\"", "\"agent\":\"co\\nder\"" }, { "\"agent\":\"coder\"", "\"agent\":\"co\\\\der\"" },
	{ "\"agent\":\"coder\"", "\"agent\":\"co\nder\"" }, { "\"agent\":\"coder\"", "\"agent\":\"co\x7f" "der\"" },
	{ "\"agent\":\"coder\"", "\"agent\":\"co\xff" "der\"" }, { "\"agent\":\"coder\"", "\"agent\":\"co\xc2\x9b" "der\"" },
	{ "\"agent\":\"coder\"", "\"agent\":\"co\xed\xa0\x80" "der\"" }, { "\"agent\":\"coder\"", "\"agent\":\"co\xc0\xaf" "der\"" },
	{ "\"_sd_alg\":\"sha-256\"", "\"_sd_alg\":\"sha-512\"" }, { "\"_sd\":[", "\"_sd\":[]" }, { "\"]}", "\"]} " }, { "\"]}", "\",]}" },
	{ "\"]}", "\"],\"x\":1}" }, { "\"]}", "\"]" }, { "\"ts\":\"2", "\"ts\":\"3x" }, { "Z\",\"mono_ns\"", "z\",\"mono_ns\"" },
};

static void record_any_other_spelling_is_refused(void **state)
{
	struct vantio_buf line = VANTIO_BUF_INIT, private = VANTIO_BUF_INIT, bad = VANTIO_BUF_INIT;
	struct vantio_record r = fixture_record(5);
	struct vantio_record_fields f;
	struct vantio_error err = { 0 };
	const char *at;
	size_t i;

	(void)state;
	r.leaf = 5;
	put(&r, &line, &private);
	for (i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		at = strstr(line.data, edits[i].from);
		if (!at)
			fail_msg("'%s' is not in the line", edits[i].from);
		vantio_buf_reset(&bad);
		vantio_buf_add(&bad, line.data, (size_t)(at - line.data));
		vantio_buf_puts(&bad, edits[i].to);
		vantio_buf_puts(&bad, at + strlen(edits[i].from));
		if (vantio_record_scan(bad.data, bad.len, &f, &err) != -EBADMSG)
			fail_msg("'%s' passes", edits[i].to);
	}
	for (i = 0; i < line.len; i++) {
		char *cut = malloc(i ? i : 1); /* so that a sanitizer sees a read beyond it */

		memcpy(cut, line.data, i);
		assert_int_equal(vantio_record_scan(cut, i, &f, &err), -EBADMSG);
		free(cut);
	}
	vantio_buf_free(&bad);
	vantio_buf_free(&line);
	vantio_buf_free(&private);
}

static void record_of_another_version_is_told_apart(void **state)
{
	struct vantio_record_fields f;
	struct vantio_error err = { 0 };

	(void)state;
	assert_int_equal(vantio_record_scan("{\"v\":2,\"x\":1}", 13, &f, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.text, "newer vantioctl"));
}

static void record_digests_out_of_order_are_refused(void **state)
{
	struct vantio_buf line = VANTIO_BUF_INIT, private = VANTIO_BUF_INIT;
	struct vantio_record r = fixture_record(0);
	struct vantio_record_fields f;
	struct vantio_error err = { 0 };
	char swap[43], *a, *b;

	(void)state;
	put(&r, &line, &private);
	a = strstr(line.data, "\"_sd\":[\"") + 8;
	b = a + 46;
	memcpy(swap, a, 43);
	memcpy(a, b, 43);
	memcpy(b, swap, 43);
	assert_int_equal(vantio_record_scan(line.data, line.len, &f, &err), -EBADMSG);
	memcpy(a, b, 43);
	assert_int_equal(vantio_record_scan(line.data, line.len, &f, &err), -EBADMSG);
	vantio_buf_free(&line);
	vantio_buf_free(&private);
}

/* ---- events ---- */

union bytes {
	struct vantio_event event;
	char raw[sizeof(struct vantio_event) + 64];
};

static union bytes good_event(void)
{
	union bytes b = { .event = { .version = VANTIO_ABI_VERSION, .hook = VANTIO_HOOK_FILE_OPEN, .op = VANTIO_OP_READ, .count = 1,
				     .path_len = 5, .path2_len = 2, .exe_len = 7, .comm = "sh" } };

	b.event.size = sizeof(b.event) + 14;
	memcpy(b.raw + sizeof(b.event), "/a/b/xy/bin/sh", 14);
	return b;
}

static void event_is_split_into_its_strings(void **state)
{
	union bytes b = good_event();
	struct vantio_error err = { 0 };
	struct vantio_event_view v;

	(void)state;
	assert_ok(vantio_event_parse(&b, b.event.size, &v, &err), err);
	assert_memory_equal(v.path, "/a/b/", 5);
	assert_memory_equal(v.path2, "xy", 2);
	assert_memory_equal(v.exe, "/bin/sh", 7);
	/* A reservation larger than what was written. */
	assert_ok(vantio_event_parse(&b, sizeof(b), &v, &err), err);
}

#define BAD_EVENT(change)                                                                  \
	do {                                                                               \
		union bytes bad_ = good_event();                                           \
		struct vantio_event *e = &bad_.event;                                      \
		change;                                                                    \
		if (vantio_event_parse(&bad_, sizeof(bad_), &v, &err) >= 0)                \
			fail_msg("passes: %s", #change);                                   \
	} while (0)

static void event_out_of_bounds_is_refused(void **state)
{
	union bytes b = good_event();
	struct vantio_error err = { 0 };
	struct vantio_event_view v;
	size_t len;

	(void)state;
	for (len = 0; len < b.event.size; len++) {
		void *copy = malloc(len ? len : 1);

		memcpy(copy, &b, len);
		assert_true(vantio_event_parse(copy, len, &v, &err) < 0);
		free(copy);
	}
	BAD_EVENT(e->size++);
	BAD_EVENT(e->size--);
	BAD_EVENT(e->size = UINT32_MAX);
	BAD_EVENT(e->path_len = UINT16_MAX);
	BAD_EVENT(e->path2_len = 0);
	BAD_EVENT(e->exe_len = UINT16_MAX);
	BAD_EVENT(e->version = 0);
	BAD_EVENT(e->hook = 0);
	BAD_EVENT(e->hook = VANTIO_HOOK_MAX);
	BAD_EVENT(e->op = VANTIO_OP_MAX);
	BAD_EVENT(e->decision = VANTIO_KILLSWITCH + 1);
	BAD_EVENT(e->reason = 255);
	BAD_EVENT(e->object = 255);
	BAD_EVENT(e->surface = 255);
	BAD_EVENT(e->flags = 0x80);
	BAD_EVENT(e->count = 0);
	BAD_EVENT(((char *)(e + 1))[2] = '\0');
	BAD_EVENT(memset(e->comm, 'a', sizeof(e->comm)));
	BAD_EVENT(memset(e->agent_name, 'a', sizeof(e->agent_name)));
	assert_string_equal(vantio_hook_name(VANTIO_HOOK_BPRM_CHECK), "bprm_check_security");
	assert_string_equal(vantio_hook_name(VANTIO_HOOK_MAX), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_written_line_is_read_back),
		cmocka_unit_test(record_keys_stand_in_the_documented_order),
		cmocka_unit_test(record_disclosures_match_their_digests_and_args_hash),
		cmocka_unit_test(record_numbers_of_every_length_are_read_back),
		cmocka_unit_test(record_text_with_any_byte_anywhere_is_read_back),
		cmocka_unit_test(record_of_hostile_bytes_stays_a_record),
		cmocka_unit_test(record_too_long_for_an_entry_is_refused),
		cmocka_unit_test(record_draws_no_random_value_twice),
		cmocka_unit_test(record_any_other_spelling_is_refused),
		cmocka_unit_test(record_of_another_version_is_told_apart),
		cmocka_unit_test(record_digests_out_of_order_are_refused),
		cmocka_unit_test(event_is_split_into_its_strings),
		cmocka_unit_test(event_out_of_bounds_is_refused),
	};

	return cmocka_run_group_tests_name("record", tests, start, end);
}
