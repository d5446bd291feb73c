// SPDX-License-Identifier: Apache-2.0
/* The public and the private line of a record (DESIGN 6). Simple string building: this is the hot path of the ledger. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/random.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/sha256_pair.h"
#include "base/text.h"
#include "record/record.h"

#define N_PRIVATE 6 /* args_salt, resource, syscall_args, comm, exe, cgroup */
#define SALT_LEN  16
#define DIGEST_B64 VANTIO_BASE64_URL_LEN(32)

/* Everything random that one record needs. */
struct entropy {
	uint8_t uuid[10];
	uint8_t nonce[32];
	uint8_t args_salt[32];
	uint8_t salts[N_PRIVATE][SALT_LEN];
};

static void put_u64(struct vantio_buf *b, uint64_t v)
{
	static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
				    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
	char digits[20];
	size_t n = sizeof(digits);

	for (; v >= 100; v /= 100)
		memcpy(digits + (n -= 2), pairs + v % 100 * 2, 2);
	if (v >= 10)
		memcpy(digits + (n -= 2), pairs + v * 2, 2);
	else
		digits[--n] = (char)('0' + v);
	vantio_buf_add(b, digits + n, sizeof(digits) - n);
}

static void put_hex64(struct vantio_buf *b, uint64_t v)
{
	char out[19] = "0x";

	v = htobe64(v);
	vantio_hex(out + 2, &v, sizeof(v));
	vantio_buf_add(b, out, 18);
}

#define EACH(byte)     (0x0101010101010101 * (uint64_t)(byte)) /* of a word's bytes */
#define ANY_BELOW(w, n) (((w) - EACH(n)) & ~(w) & EACH(0x80))
#define ANY_IS(w, c)    ANY_BELOW((w) ^ EACH(c), 1)

static bool plain(const unsigned char *p, size_t len)
{
	uint64_t w;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&w, p, 8);
		if ((w & EACH(0x80)) | ANY_BELOW(w, 0x20) | ANY_IS(w, 0x7f) | ANY_IS(w, '"') | ANY_IS(w, '\\'))
			return false;
	}
	while (len && *p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\') {
		p++;
		len--;
	}
	return !len;
}

/* A JSON string of text that vantio_escape wrote, which leaves quotes and backslashes alone for JSON to escape. */
static void put_escaped(struct vantio_buf *b, const char *s, size_t len)
{
	size_t i, from = 0;

	for (i = 0; i < len; i++) {
		if (s[i] != '"' && s[i] != '\\')
			continue;
		vantio_buf_add(b, s + from, i - from);
		vantio_buf_putc(b, '\\');
		from = i;
	}
	vantio_buf_add(b, s + from, len - from);
}

/* A JSON string of raw bytes. */
static void put_string(struct vantio_buf *b, const void *bytes, size_t len)
{
	cleanup_buf struct vantio_buf escaped = VANTIO_BUF_INIT;

	vantio_buf_putc(b, '"');
	if (plain(bytes, len)) {
		vantio_buf_add(b, bytes, len);
	} else {
		vantio_escape(&escaped, bytes, len);
		b->failed |= escaped.failed;
		if (escaped.len)
			put_escaped(b, escaped.data, escaped.len);
	}
	vantio_buf_putc(b, '"');
}

/* `,"key":"value"` */
static void put_text(struct vantio_buf *b, const char *lead, const char *value)
{
	vantio_buf_puts(b, lead);
	put_string(b, value ? value : "", value ? strlen(value) : 0);
}

static void put_number(struct vantio_buf *b, const char *lead, uint64_t v)
{
	vantio_buf_puts(b, lead);
	put_u64(b, v);
}

static void put_number_string(struct vantio_buf *b, const char *lead, uint64_t v)
{
	put_number(b, lead, v);
	vantio_buf_putc(b, '"');
}

static void put_hash(struct vantio_buf *b, const char *lead, const uint8_t hash[32])
{
	char hex[65];

	vantio_hex(hex, hash, 32);
	vantio_buf_puts(b, lead);
	vantio_buf_add(b, hex, 64);
	vantio_buf_putc(b, '"');
}

static void put_base64url(struct vantio_buf *b, const void *bytes, size_t len)
{
	char out[VANTIO_BASE64_URL_LEN(32)];

	vantio_buf_add(b, out, vantio_base64_encode(VANTIO_BASE64_URL, out, bytes, len));
}

/* UUIDv7 (RFC 9562): 48 bits of milliseconds, then random. */
static void put_uuid(struct vantio_buf *b, uint64_t realtime_ns, const uint8_t random[10])
{
	uint64_t ms = realtime_ns / 1000000;
	uint8_t u[16];
	char hex[33];
	int i;

	for (i = 0; i < 6; i++)
		u[i] = (uint8_t)(ms >> (40 - 8 * i));
	memcpy(u + 6, random, 10);
	u[6] = (uint8_t)((u[6] & 0x0f) | 0x70);
	u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
	vantio_hex(hex, u, 16);
	for (i = 0; i < 32; i += i == 0 ? 8 : i == 20 ? 12 : 4) {
		if (i)
			vantio_buf_putc(b, '-');
		vantio_buf_add(b, hex + i, i == 0 ? 8 : i == 20 ? 12 : 4);
	}
}

static void put_address(struct vantio_buf *b, const struct vantio_record *r)
{
	char text[INET6_ADDRSTRLEN];

	if (r->family != AF_INET && r->family != AF_INET6) {
		put_number(b, ",\"family\":", r->family);
		return;
	}
	if (!inet_ntop(r->family, r->addr, text, sizeof(text)))
		text[0] = '\0';
	put_text(b, ",\"addr\":", text);
	put_number(b, ",\"port\":", r->port);
}

/* The value of `resource`. */
static void put_resource(struct vantio_buf *b, const struct vantio_record *r)
{
	switch (r->object) {
	case VANTIO_OBJECT_PATH:
		vantio_buf_puts(b, "{\"kind\":\"path\",\"path\":");
		put_string(b, r->path, r->path_len);
		if (r->path2_len) {
			vantio_buf_puts(b, ",\"path2\":");
			put_string(b, r->path2, r->path2_len);
		}
		break;
	case VANTIO_OBJECT_NET:
		put_text(b, "{\"kind\":\"net\",\"proto\":", r->proto);
		put_address(b, r);
		if (r->host_rule)
			put_text(b, ",\"host\":", r->host_rule);
		break;
	case VANTIO_OBJECT_UNIX:
		vantio_buf_puts(b, "{\"kind\":\"unix\",\"path\":");
		put_string(b, r->path, r->path_len);
		break;
	case VANTIO_OBJECT_TARGET:
		vantio_buf_puts(b, "{\"kind\":\"target\",\"target\":");
		put_string(b, r->path, r->path_len);
		break;
	default:
		vantio_buf_puts(b, "{\"kind\":\"none\"");
	}
	vantio_buf_putc(b, '}');
}

static void put_syscall_args(struct vantio_buf *b, const uint64_t args[6])
{
	int i;

	for (i = 0; i < 6; i++) {
		vantio_buf_puts(b, i ? "\",\"" : "[\"");
		put_hex64(b, args[i]);
	}
	vantio_buf_puts(b, "\"]");
}

/* What one record is made of while it is written. */
struct work {
	struct vantio_buf *resource, *args, *json; /* values, and one disclosure before its encoding */
	struct vantio_buf *salted; /* what args_hash is the hash of */
	size_t at[N_PRIVATE], len[N_PRIVATE]; /* of the disclosures in the private line */
	char digests[N_PRIVATE][DIGEST_B64];
	uint8_t args_hash[32];
	size_t n;
	struct entropy e;
};

void vantio_record_work_clear(struct vantio_record_work *w)
{
	vantio_buf_free(&w->resource);
	vantio_buf_free(&w->args);
	vantio_buf_free(&w->json);
	vantio_buf_free(&w->salted);
	sodium_memzero(w->random, sizeof(w->random));
	w->n_random = 0;
}

/* One key of the kernel's makes the random bytes of many records: a tenth of what drawing them all costs. No byte is used twice. */
static int refill(struct vantio_record_work *w, struct vantio_error *err)
{
	uint8_t key[randombytes_SEEDBYTES];
	ssize_t n;

	do
		n = getrandom(key, sizeof(key), 0);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(key)) /* up to 256 bytes come whole */
		return vantio_fail(err, EIO, "the kernel gives no random bytes");
	randombytes_buf_deterministic(w->random, sizeof(w->random), key);
	sodium_memzero(key, sizeof(key));
	w->n_random = sizeof(w->random);
	return 0;
}

static int draw(struct vantio_record_work *w, struct entropy *e, struct vantio_error *err)
{
	int r = w->n_random < sizeof(*e) ? refill(w, err) : 0;
	uint8_t *from;

	if (r < 0)
		return r;
	from = w->random + sizeof(w->random) - w->n_random;
	memcpy(e, from, sizeof(*e));
	sodium_memzero(from, sizeof(*e));
	w->n_random -= sizeof(*e);
	return 0;
}

/* Turns `"salt","name",` and the value that w->json holds into one disclosure of the private line. */
static void disclose(struct work *w, struct vantio_buf *private)
{
	size_t len = VANTIO_BASE64_URL_LEN(w->json->len + 1);
	char *text;

	vantio_buf_putc(w->json, ']');
	vantio_buf_puts(private, w->n ? ",\"" : "[\"");
	text = w->json->failed ? NULL : vantio_buf_room(private, len + 1);
	if (!text) {
		private->failed = true;
		return;
	}
	vantio_base64_encode(VANTIO_BASE64_URL, text, w->json->data, w->json->len);
	text[len] = '"';
	w->at[w->n] = private->len;
	w->len[w->n++] = len;
	private->len += len + 1;
}

/* Begins a disclosure: its value is appended to w->json next. */
static struct vantio_buf *begin(struct work *w, const char *name)
{
	vantio_buf_reset(w->json);
	vantio_buf_puts(w->json, "[\"");
	put_base64url(w->json, w->e.salts[w->n < N_PRIVATE ? w->n : 0], SALT_LEN);
	vantio_buf_puts(w->json, "\",\"");
	vantio_buf_puts(w->json, name);
	vantio_buf_puts(w->json, "\",");
	return w->json;
}

static void add_buf(struct vantio_buf *to, const struct vantio_buf *from)
{
	to->failed |= from->failed;
	if (!to->failed)
		vantio_buf_add(to, from->data, from->len);
}

static void write_private(struct work *w, const struct vantio_record *r, struct vantio_buf *private)
{
	struct vantio_buf *b = begin(w, "args_salt");

	vantio_buf_putc(b, '"');
	put_base64url(b, w->e.args_salt, sizeof(w->e.args_salt));
	vantio_buf_putc(b, '"');
	disclose(w, private);
	add_buf(begin(w, "resource"), w->resource);
	disclose(w, private);
	add_buf(begin(w, "syscall_args"), w->args);
	disclose(w, private);
	put_string(begin(w, "comm"), r->comm, r->comm_len);
	disclose(w, private);
	put_string(begin(w, "exe"), r->exe, r->exe_len);
	disclose(w, private);
	put_string(begin(w, "cgroup"), r->cgroup, r->cgroup_len);
	disclose(w, private);
	vantio_buf_putc(private, ']');
}

/* salt || `["op",resource,args]` */
static void put_salted(struct work *w, const struct vantio_record *r)
{
	vantio_buf_reset(w->salted);
	vantio_buf_add(w->salted, w->e.args_salt, sizeof(w->e.args_salt));
	put_text(w->salted, "[", r->op);
	vantio_buf_putc(w->salted, ',');
	add_buf(w->salted, w->resource);
	vantio_buf_putc(w->salted, ',');
	add_buf(w->salted, w->args);
	vantio_buf_putc(w->salted, ']');
}

/* The digests of all disclosures, and args_hash: two at a time, the longest together. */
static void hash_all(struct work *w, const struct vantio_buf *private, bool pairs)
{
	static const uint8_t order[N_PRIVATE + 2] = { N_PRIVATE, 2, 1, 5, 3, 4, 0, 0 }; /* args_hash, then by write_private's */
	struct vantio_message m[N_PRIVATE + 1];
	uint8_t hashes[N_PRIVATE][32];
	size_t i;

	for (i = 0; i < N_PRIVATE; i++)
		m[i] = (struct vantio_message){ private->data + w->at[i], w->len[i], -1, hashes[i] };
	m[N_PRIVATE] = (struct vantio_message){ w->salted->data, w->salted->len, -1, w->args_hash };
	for (i = 0; i < VANTIO_ARRAY_SIZE(order); i += 2)
		vantio_sha256_both(pairs, &m[order[i]], &m[order[i + 1]]);
	for (i = 0; i < N_PRIVATE; i++)
		vantio_base64_encode(VANTIO_BASE64_URL, w->digests[i], hashes[i], 32);
}

static bool precedes(const char *a, const char *b)
{
	uint64_t x, y;

	memcpy(&x, a, 8);
	memcpy(&y, b, 8);
	return x == y ? memcmp(a, b, DIGEST_B64) < 0 : be64toh(x) < be64toh(y);
}

/* Sorted, so that their order tells nothing about which field is which. */
static void put_digests(struct vantio_buf *b, const struct work *w)
{
	const char *sorted[N_PRIVATE];
	size_t i, j;

	for (i = 0; i < w->n; i++) {
		for (j = i; j && precedes(w->digests[i], sorted[j - 1]); j--)
			sorted[j] = sorted[j - 1];
		sorted[j] = w->digests[i];
	}
	for (i = 0; i < w->n; i++) {
		vantio_buf_puts(b, i ? "\",\"" : ",\"_sd\":[\"");
		vantio_buf_add(b, sorted[i], DIGEST_B64);
	}
	vantio_buf_puts(b, "\"]}");
}

static void put_who(struct vantio_buf *b, const struct vantio_record *r, const struct vantio_record_host *host)
{
	vantio_buf_puts(b, "\",\"boot_id\":\"");
	vantio_buf_puts(b, host->boot_id);
	vantio_buf_puts(b, "\",\"host\":\"");
	put_escaped(b, host->host, strlen(host->host));
	put_text(b, "\",\"tier\":", r->tier);
	put_text(b, ",\"agent\":", r->agent);
	put_text(b, ",\"agent_svid\":", r->agent_svid);
	vantio_buf_puts(b, ",\"trace_id\":\"");
	put_hex64(b, r->trace_id);
	put_number_string(b, "\",\"cgroup_id\":\"", r->cgroup_id);
	put_number(b, ",\"pid\":", r->pid);
	put_number(b, ",\"tid\":", r->tid);
	put_number(b, ",\"ppid\":", r->ppid);
	put_number(b, ",\"uid\":", r->uid);
	put_number(b, ",\"gid\":", r->gid);
}

static void put_what(struct vantio_buf *b, const struct vantio_record *r, const uint8_t args_hash[32])
{
	put_text(b, ",\"hook\":", r->hook);
	put_text(b, ",\"op\":", r->op);
	vantio_buf_puts(b, r->syscall_nr < 0 ? ",\"syscall_nr\":-" : ",\"syscall_nr\":");
	put_u64(b, r->syscall_nr < 0 ? (uint64_t)-(int64_t)r->syscall_nr : (uint64_t)r->syscall_nr);
	put_hash(b, ",\"args_hash\":\"", args_hash);
	put_text(b, ",\"policy\":", r->policy);
	put_hash(b, ",\"policy_hash\":\"", r->policy_hash);
	put_number_string(b, ",\"policy_gen\":\"", r->policy_gen);
	put_text(b, ",\"rule\":", r->rule);
	put_text(b, ",\"decision\":", vantio_decision_name(r->decision));
	put_text(b, ",\"oracle_decision\":", vantio_oracle_decision(r->decision));
	vantio_buf_puts(b, r->enforced ? ",\"enforced\":true" : ",\"enforced\":false");
	put_number(b, ",\"count\":", r->count);
	put_number_string(b, ",\"lost_before\":\"", r->lost_before);
}

static void write_public(struct work *w, const struct vantio_record *r, const struct vantio_record_host *host,
			 struct vantio_buf *b)
{
	uint64_t realtime_ns = r->mono_ns + host->boot_offset_ns;
	char ts[VANTIO_RFC3339_LEN];

	vantio_format_time(ts, realtime_ns);
	put_number(b, "{\"v\":", VANTIO_RECORD_VERSION);
	vantio_buf_puts(b, ",\"record_id\":\"");
	put_uuid(b, realtime_ns, w->e.uuid);
	put_number_string(b, "\",\"leaf\":\"", r->leaf);
	vantio_buf_puts(b, ",\"ts\":\"");
	vantio_buf_puts(b, ts);
	put_number(b, "\",\"mono_ns\":\"", r->mono_ns);
	put_who(b, r, host);
	put_what(b, r, w->args_hash);
	vantio_buf_puts(b, ",\"entropy_nonce\":\"");
	put_base64url(b, w->e.nonce, sizeof(w->e.nonce));
	vantio_buf_puts(b, "\",\"_sd_alg\":\"sha-256\"");
	put_digests(b, w);
}

int vantio_record_write(const struct vantio_record *r, const struct vantio_record_host *host, struct vantio_record_work *work,
			struct vantio_buf *line, struct vantio_buf *private, struct vantio_error *err)
{
	struct work w = { .resource = &work->resource, .args = &work->args, .json = &work->json, .salted = &work->salted };
	size_t line_at = line->len, private_at = private->len;
	int ret = draw(work, &w.e, err);

	if (ret < 0)
		return ret;
	vantio_buf_reset(w.resource);
	vantio_buf_reset(w.args);
	put_resource(w.resource, r);
	put_syscall_args(w.args, r->args);
	write_private(&w, r, private);
	put_salted(&w, r);
	if (!private->failed && !w.salted->failed) {
		hash_all(&w, private, host->sha256_pairs);
		write_public(&w, r, host, line);
	}
	if (line->failed || private->failed || w.resource->failed || w.args->failed || w.json->failed || w.salted->failed)
		ret = vantio_fail(err, ENOMEM, "out of memory while writing a record");
	else if (line->len - line_at > VANTIO_RECORD_LINE_MAX || private->len - private_at > VANTIO_RECORD_PRIVATE_MAX)
		ret = vantio_fail(err, E2BIG, "a record's line of %zu bytes is more than the %u that an entry may have",
				  line->len - line_at, VANTIO_RECORD_LINE_MAX);
	if (ret < 0 && !line->failed && !private->failed) {
		line->len = line_at;
		private->len = private_at;
	}
	sodium_memzero(&w.e, sizeof(w.e));
	return ret;
}
