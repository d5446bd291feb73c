// SPDX-License-Identifier: Apache-2.0
/*
 * The strict reader of public lines: one pass, no allocation, one spelling of everything. What the writer would not have
 * written is no record, however near.
 */
#include <errno.h>
#include <string.h>

#include "base/class.h"
#include "base/mem.h"
#include "base/text.h"
#include "record/record.h"

enum kind {
	NUM,     /* u32, bare */
	INT,     /* i32, bare */
	NUMSTR,  /* u64, a string of digits */
	TRACE,   /* "0x" and 16 hex digits */
	TEXT,    /* a string as the writer escapes it */
	UUID,
	TIME,    /* RFC 3339, UTC, nine decimals */
	HEX32,   /* 32 bytes in hex */
	B64_32,  /* 32 bytes in base64url */
	BOOL,
};

struct field {
	const char *lead; /* what stands before the value: the key with its punctuation */
	uint8_t lead_len, kind;
	uint16_t at; /* in struct vantio_record_fields */
};

#define FIELD(lead, kind, member) { lead, sizeof(lead) - 1, kind, offsetof(struct vantio_record_fields, member) }

static const struct field fields[] = {
	FIELD("{\"v\":", NUM, v),
	FIELD(",\"record_id\":\"", UUID, record_id),
	FIELD(",\"leaf\":\"", NUMSTR, leaf),
	FIELD(",\"ts\":\"", TIME, ts),
	FIELD(",\"mono_ns\":\"", NUMSTR, mono_ns),
	FIELD(",\"boot_id\":\"", UUID, boot_id),
	FIELD(",\"host\":\"", TEXT, host),
	FIELD(",\"tier\":\"", TEXT, tier),
	FIELD(",\"agent\":\"", TEXT, agent),
	FIELD(",\"agent_svid\":\"", TEXT, agent_svid),
	FIELD(",\"trace_id\":\"", TRACE, trace_id),
	FIELD(",\"cgroup_id\":\"", NUMSTR, cgroup_id),
	FIELD(",\"pid\":", NUM, pid),
	FIELD(",\"tid\":", NUM, tid),
	FIELD(",\"ppid\":", NUM, ppid),
	FIELD(",\"uid\":", NUM, uid),
	FIELD(",\"gid\":", NUM, gid),
	FIELD(",\"hook\":\"", TEXT, hook),
	FIELD(",\"op\":\"", TEXT, op),
	FIELD(",\"syscall_nr\":", INT, syscall_nr),
	FIELD(",\"args_hash\":\"", HEX32, args_hash),
	FIELD(",\"policy\":\"", TEXT, policy),
	FIELD(",\"policy_hash\":\"", HEX32, policy_hash),
	FIELD(",\"policy_gen\":\"", NUMSTR, policy_gen),
	FIELD(",\"rule\":\"", TEXT, rule),
	FIELD(",\"decision\":\"", TEXT, decision),
	FIELD(",\"oracle_decision\":\"", TEXT, oracle_decision),
	FIELD(",\"enforced\":", BOOL, enforced),
	FIELD(",\"count\":", NUM, count),
	FIELD(",\"lost_before\":\"", NUMSTR, lost_before),
	FIELD(",\"entropy_nonce\":\"", B64_32, nonce),
	FIELD(",\"_sd_alg\":\"", TEXT, sd_alg),
};

/* Where the reading stands. */
struct cursor {
	const char *p, *end;
};

static bool is_hex(char c)
{
	return vantio_class[(uint8_t)c] & VANTIO_CLASS_HEX;
}

static bool take(struct cursor *c, const char *s, size_t len)
{
	if ((size_t)(c->end - c->p) < len || memcmp(c->p, s, len) != 0)
		return false;
	c->p += len;
	return true;
}

static bool take_digits(struct cursor *c, uint64_t max, uint64_t *ret)
{
	const char *start = c->p;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return vantio_parse_u64(start, (size_t)(c->p - start), max, ret);
}

static bool take_int(struct cursor *c, int32_t *ret)
{
	bool minus = take(c, "-", 1);
	uint64_t v;

	if (!take_digits(c, minus ? 1ull << 31 : INT32_MAX, &v) || (minus && !v))
		return false;
	*ret = (int32_t)(minus ? -(int64_t)v : (int64_t)v);
	return true;
}

static bool take_hex(struct cursor *c, size_t len, struct vantio_span *ret)
{
	if ((size_t)(c->end - c->p) < len || vantio_class_span(c->p, len, VANTIO_CLASS_HEX) != len)
		return false;
	*ret = (struct vantio_span){ c->p, len };
	c->p += len;
	return true;
}

static bool take_trace(struct cursor *c, uint64_t *ret)
{
	struct vantio_span hex;
	uint64_t v = 0;
	size_t i;

	if (!take(c, "0x", 2) || !take_hex(c, 16, &hex))
		return false;
	for (i = 0; i < 16; i++)
		v = v << 4 | (uint64_t)(hex.p[i] <= '9' ? hex.p[i] - '0' : hex.p[i] - 'a' + 10);
	*ret = v;
	return true;
}

static bool take_uuid(struct cursor *c, struct vantio_span *ret)
{
	const char *p = c->p;
	size_t i;

	if (c->end - p < 36)
		return false;
	for (i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? p[i] != '-' : !is_hex(p[i]))
			return false;
	*ret = (struct vantio_span){ p, 36 };
	c->p += 36;
	return true;
}

/* "2026-11-20T10:01:02.123456789Z" */
static bool take_time(struct cursor *c, struct vantio_span *ret)
{
	static const char form[] = "0000-00-00T00:00:00.000000000Z";
	const char *p = c->p;
	char text[VANTIO_RFC3339_LEN];
	uint64_t ns;
	size_t i;

	if ((size_t)(c->end - p) < sizeof(form) - 1)
		return false;
	for (i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == '0' ? p[i] < '0' || p[i] > '9' : p[i] != form[i])
			return false;
	memcpy(text, p, sizeof(form) - 1);
	text[sizeof(form) - 1] = '\0';
	if (!vantio_parse_time(text, &ns))
		return false;
	*ret = (struct vantio_span){ p, sizeof(form) - 1 };
	c->p += sizeof(form) - 1;
	return true;
}

/* 43 characters, the last of which has two bits that must be zero. */
static bool take_b64_32(struct cursor *c, struct vantio_span *ret)
{
	static const char last[] = "AEIMQUYcgkosw048";
	const char *p = c->p;

	if (c->end - p < 43 || vantio_class_span(p, 43, VANTIO_CLASS_B64) != 43 || !strchr(last, p[42]))
		return false;
	*ret = (struct vantio_span){ p, 43 };
	c->p += 43;
	return true;
}

/*
 * A backslash of the text is `\\` in JSON; behind it stands `\\` again (a backslash) or xHH (a byte). A quote is `\"`.
 * Returns how many bytes the escape takes, 0 if it is none.
 */
static size_t escape_len(const char *p, const char *end)
{
	if (end - p >= 2 && p[1] == '"')
		return 2;
	if (end - p < 4 || p[1] != '\\')
		return 0;
	if (p[2] == '\\' && p[3] == '\\')
		return 4;
	return end - p >= 5 && p[2] == 'x' && is_hex(p[3]) && is_hex(p[4]) ? 5 : 0;
}

/* Everything up to the closing quote, which stays. */
static bool take_text(struct cursor *c, struct vantio_span *ret)
{
	const char *start = c->p, *p = start + vantio_class_span(start, (size_t)(c->end - start), VANTIO_CLASS_PLAIN);
	bool wide = false;
	size_t n;

	for (; p < c->end && *p != '"'; p += n) {
		unsigned char byte = (unsigned char)*p;

		n = byte == '\\' ? escape_len(p, c->end) : 1;
		if (!n || byte < 0x20 || byte == 0x7f)
			return false;
		/* C1 controls, U+0080 to U+009F, are C2 80 to C2 9F. */
		if (byte == 0xc2 && c->end - p >= 2 && (unsigned char)p[1] < 0xa0)
			return false;
		wide |= byte >= 0x80;
	}
	if (p >= c->end || (wide && !vantio_utf8_valid(start, (size_t)(p - start))))
		return false;
	*ret = (struct vantio_span){ start, (size_t)(p - start) };
	c->p = p;
	return true;
}

static bool take_bool(struct cursor *c, bool *ret)
{
	*ret = take(c, "true", 4);
	return *ret || take(c, "false", 5);
}

static bool take_u32(struct cursor *c, uint32_t *ret)
{
	uint64_t v;

	if (!take_digits(c, UINT32_MAX, &v))
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* The value and, of a string, the closing quote; the opening one is part of the lead. */
static bool take_value(struct cursor *c, const struct field *f, void *at)
{
	switch ((enum kind)f->kind) {
	case NUM:
		return take_u32(c, at);
	case INT:
		return take_int(c, at);
	case BOOL:
		return take_bool(c, at);
	case NUMSTR:
		return take_digits(c, UINT64_MAX, at) && take(c, "\"", 1);
	case TRACE:
		return take_trace(c, at) && take(c, "\"", 1);
	case TEXT:
		return take_text(c, at) && take(c, "\"", 1);
	case UUID:
		return take_uuid(c, at) && take(c, "\"", 1);
	case TIME:
		return take_time(c, at) && take(c, "\"", 1);
	case HEX32:
		return take_hex(c, 64, at) && take(c, "\"", 1);
	case B64_32:
		return take_b64_32(c, at) && take(c, "\"", 1);
	}
	return false;
}

static bool take_digests(struct cursor *c, struct vantio_record_fields *ret)
{
	static const char lead[] = ",\"_sd\":[";
	struct vantio_span *sd = ret->sd;
	size_t n = 0;

	if (!take(c, lead, sizeof(lead) - 1))
		return false;
	while (c->p < c->end && *c->p != ']') {
		if (n == VANTIO_RECORD_SD_MAX || (n && !take(c, ",", 1)) || !take(c, "\"", 1) || !take_b64_32(c, &sd[n]) ||
		    !take(c, "\"", 1))
			return false;
		if (n && memcmp(sd[n - 1].p, sd[n].p, 43) >= 0)
			return false;
		n++;
	}
	ret->n_sd = n;
	return take(c, "]}", 2) && c->p == c->end;
}

static bool is(struct vantio_span s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.p, text, s.len);
}

static const char *check_meaning(const struct vantio_record_fields *f)
{
	enum vantio_decision d;

	for (d = VANTIO_PERMIT; d <= VANTIO_KILLSWITCH; d++)
		if (is(f->decision, vantio_decision_name(d)))
			break;
	if (d > VANTIO_KILLSWITCH)
		return "decision";
	if (!is(f->oracle_decision, vantio_oracle_decision(d)))
		return "oracle_decision";
	if (!is(f->tier, "kernel") && !is(f->tier, "user") && !is(f->tier, "user-degraded") && !is(f->tier, "observe"))
		return "tier";
	if (f->record_id.p[14] != '7' || !strchr("89ab", f->record_id.p[19]))
		return "record_id";
	return is(f->sd_alg, "sha-256") ? NULL : "_sd_alg";
}

/* The key of a lead, for messages: `,"name":"` is name. */
static int fail_field(struct vantio_error *err, const char *line, const struct cursor *c, const struct field *f)
{
	const char *name = strchr(f->lead, '"') + 1;

	return vantio_fail(err, EBADMSG, "not a record: at byte %zu, where \"%.*s\" belongs", (size_t)(c->p - line),
			   (int)(strchr(name, '"') - name), name);
}

int vantio_record_scan(const char *line, size_t len, struct vantio_record_fields *ret, struct vantio_error *err)
{
	struct cursor c = { line, line + len };
	const char *wrong;
	size_t i;

	if (len > VANTIO_RECORD_LINE_MAX)
		return vantio_fail(err, EBADMSG, "not a record: longer than %u bytes", VANTIO_RECORD_LINE_MAX);
	for (i = 0; i < VANTIO_ARRAY_SIZE(fields); i++) {
		if (!take(&c, fields[i].lead, fields[i].lead_len) ||
		    !take_value(&c, &fields[i], (char *)ret + fields[i].at))
			return fail_field(err, line, &c, &fields[i]);
		if (i == 0 && ret->v != VANTIO_RECORD_VERSION)
			return vantio_fail(err, EPROTONOSUPPORT,
					   "a record of version %u; this program knows version %u: use a newer vantioctl", ret->v,
					   VANTIO_RECORD_VERSION);
	}
	if (!take_digests(&c, ret))
		return vantio_fail(err, EBADMSG, "not a record: at byte %zu, where \"_sd\" belongs", (size_t)(c.p - line));
	wrong = check_meaning(ret);
	if (wrong)
		return vantio_fail(err, EBADMSG, "not a record: \"%s\" has a value that it cannot have", wrong);
	return 0;
}
