// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes that a writer never writes, under a right signature and with right tiles: whoever holds the key cannot make a line mean two
 * things. And checkpoints that say the same in another spelling.
 */
#include "ledger_hands.h"

#define FAIL VANTIO_LEDGER_FAIL

/* In leaf 6 of 12, `from` becomes `to`; all is hashed and signed anew. */
static const struct {
	const char *name, *from, *to, *reason;
} lines[] = {
	{ "keys in another order", "\"uid\":1000,\"gid\":1000", "\"gid\":1000,\"uid\":1000", "not a record" },
	{ "a space behind a colon", "\"uid\":1000", "\"uid\": 1000", "not a record" },
	{ "a space at the end", "\"]}", "\"]} ", "not a record" },
	{ "a carriage return at the end", "\"]}", "\"]}\r", "not a record" },
	{ "a tab within", "{\"v\":1,", "{\"v\":1,\t", "not a record" },
	{ "a letter escaped", "\"op\":\"read\"", "\"op\":\"r\\u0065ad\"", "not a record" },
	{ "a slash escaped", "spiffe://", "spiffe:\\/\\/", "not a record" },
	{ "a key twice", "\"uid\":1000", "\"uid\":1000,\"uid\":1000", "not a record" },
	{ "a key more", "\"_sd_alg\":", "\"x\":1,\"_sd_alg\":", "not a record" },
	{ "a key less", "\"gid\":1000,", "", "not a record" },
	{ "a number with a leading zero", "\"uid\":1000", "\"uid\":01000", "not a record" },
	{ "a number with a plus", "\"uid\":1000", "\"uid\":+1000", "not a record" },
	{ "a negative number", "\"uid\":1000", "\"uid\":-1000", "not a record" },
	{ "a fraction", "\"uid\":1000", "\"uid\":1000.0", "not a record" },
	{ "an exponent", "\"uid\":1000", "\"uid\":1e3", "not a record" },
	{ "a number beyond its range", "\"uid\":1000", "\"uid\":4294967296", "not a record" },
	{ "a number as a string", "\"uid\":1000", "\"uid\":\"1000\"", "not a record" },
	{ "a 64-bit number beyond its range", "\"lost_before\":\"0\"", "\"lost_before\":\"18446744073709551616\"", "not a record" },
	{ "a 64-bit number not as a string", "\"lost_before\":\"0\"", "\"lost_before\":0", "not a record" },
	{ "a trace id in capitals", "0x1122334455667788", "0X1122334455667788", "not a record" },
	{ "a boolean in capitals", "\"enforced\":true", "\"enforced\":TRUE", "not a record" },
	{ "a tier that is none", "\"tier\":\"kernel\"", "\"tier\":\"cosmos\"", "not a record" },
	{ "a decision that is none", "\"decision\":\"quarantine\"", "\"decision\":\"perhaps\"", "not a record" },
	{ "two decisions that contradict", "\"oracle_decision\":\"Collapse\"", "\"oracle_decision\":\"Permit\"", "not a record" },
	{ "a time of another day", "\"ts\":\"20", "\"ts\":\"2o", "not a record" },
	{ "a digest algorithm that is none", "\"sha-256\"", "\"sha-257\"", "not a record" },
	{ "bytes that are not UTF-8", "\"agent\":\"tester\"", "\"agent\":\"\xff\xfe\"", "not a record" },
	{ "an escape sequence for terminals", "\"agent\":\"tester\"", "\"agent\":\"\x1b]0;x\"", "not a record" },
	{ "an overlong UTF-8 form", "\"agent\":\"tester\"", "\"agent\":\"\xc0\xaf\"", "not a record" },
	{ "another version", "{\"v\":1,", "{\"v\":2,", "version" },
	{ "no object", "{\"v\":1,", "[\"v\":1,", "not a record" },
	{ "text behind it", "\"]}", "\"]}{}", "not a record" },
	{ "another leaf", "\"leaf\":\"6\"", "\"leaf\":\"5\"", "leaf 5" },
	{ "a leaf with a leading zero", "\"leaf\":\"6\"", "\"leaf\":\"06\"", "not a record" },
	{ "the clock runs back within a boot", "\"mono_ns\":\"1000006000\"", "\"mono_ns\":\"1000004999\"", "monotonic clock" },
};

static char *replaced(const char *line, const char *from, const char *to)
{
	const char *at = strstr(line, from);
	char *out = NULL;

	assert_non_null(at);
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - line), line, to, at + strlen(from)) > 0);
	return out;
}

static void put_back(const struct fixture *f)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf %s && cp -a %s/kept %s", f->ledger, f->dir, f->ledger);
	assert_int_equal(system(command), 0);
}

static void tamper_lines_each_other_spelling_fails_under_a_right_signature(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger_report r;
	struct lines l;
	char *line;
	size_t i;

	fixture_append(f, 12, 12);
	copy_ledger(f, "kept");
	for (i = 0; i < VANTIO_ARRAY_SIZE(lines); i++) {
		put_back(f);
		l = read_lines(f, LOG);
		line = l.at[6] = replaced(l.at[6], lines[i].from, lines[i].to);
		forge(f, &l);
		r = verify(f);
		free(line);
		free(l.data);
		if (r.verdict != FAIL || !r.has_leaf || r.leaf != 6 || !strstr(r.reason, lines[i].reason))
			fail_msg("%s: verdict %d, leaf %lld, '%s'", lines[i].name, r.verdict, r.has_leaf ? (long long)r.leaf : -1, r.reason);
	}
	print_message("# %zu spellings of a line\n", VANTIO_ARRAY_SIZE(lines));
}

/* The same for the text of the checkpoint, signed by the right key. */
static const struct {
	const char *name, *from, *to;
} texts[] = {
	{ "a size with a leading zero", "\n12\n", "\n012\n" },
	{ "a size with a plus", "\n12\n", "\n+12\n" },
	{ "a size with a space", "\n12\n", "\n12 \n" },
	{ "a size in hex", "\n12\n", "\n0xc\n" },
	{ "a size below nothing", "\n12\n", "\n-12\n" },
	{ "a size beyond 64 bits", "\n12\n", "\n18446744073709551628\n" },
	{ "no size", "\n12\n", "\n\n" },
	{ "another origin", "/vantio/", "/vantjo/" },
	{ "an empty origin line", "", "\n" },
	{ "a root without padding", "=\n", "\n" },
	{ "a root with more than one spelling", "=\n", "==\n" },
	{ "a root of more bytes", "=\n", "AAAA=\n" },
	{ "one record less", "\n12\n", "\n11\n" },
	{ "one record more", "\n12\n", "\n13\n" },
	{ "an empty line at the end", "=\n", "=\n\n" },
};

static void tamper_lines_each_other_spelling_of_a_checkpoint_fails(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger_report r;
	struct vantio_skey key;
	size_t i, len;
	char *note, *text;

	fixture_append(f, 12, 12);
	copy_ledger(f, "kept");
	key = load_key(f, 0);
	for (i = 0; i < VANTIO_ARRAY_SIZE(texts); i++) {
		put_back(f);
		note = fixture_read(f, "checkpoint", &len);
		strstr(note, "\n\n")[1] = '\0';
		text = replaced(note, texts[i].from, texts[i].to);
		write_note(f, "checkpoint", text, &key);
		free(text);
		free(note);
		r = verify(f);
		if (r.verdict != FAIL)
			fail_msg("%s: verdict %d, '%s'", texts[i].name, r.verdict, r.reason);
	}
	print_message("# %zu spellings of a checkpoint\n", VANTIO_ARRAY_SIZE(texts));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(tamper_lines_each_other_spelling_fails_under_a_right_signature),
		CASE(tamper_lines_each_other_spelling_of_a_checkpoint_fails),
	};

	return cmocka_run_group_tests_name("tamper_lines", tests, NULL, NULL);
}
