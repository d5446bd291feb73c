// SPDX-License-Identifier: Apache-2.0
/* A ledger tampered with, each case with the verdict and the reason that it must get. */
#include "ledger_hands.h"

#include <sqlite3.h>

/* ---- cases: a ledger of 20 records is there ---- */

static void case_delete_line(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	memmove(&l.at[5], &l.at[6], (l.n - 6) * sizeof(l.at[0]));
	l.n--;
	write_lines(f, LOG, &l, "\n");
	free(l.data);
}

static void case_swap_lines(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);
	char *swap = l.at[3];

	l.at[3] = l.at[4];
	l.at[4] = swap;
	write_lines(f, LOG, &l, "\n");
	free(l.data);
}

static void case_insert_line(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	memmove(&l.at[10], &l.at[9], (l.n - 9) * sizeof(l.at[0]));
	l.n++;
	write_lines(f, LOG, &l, "\n");
	free(l.data);
}

static void case_crlf(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	write_lines(f, LOG, &l, "\r\n");
	free(l.data);
}

static void case_truncate_log(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	l.n = 12;
	write_lines(f, LOG, &l, "\n");
	free(l.data);
}

static void case_partial_last_line(const struct fixture *f)
{
	size_t len;
	char *log = fixture_read(f, LOG, &len);

	fixture_write(f, LOG, log, len - 40);
	free(log);
}

static void case_log_gone(const struct fixture *f) { drop(f, LOG); }
static void case_log_link(const struct fixture *f) { become_link(f, LOG); }
static void case_log_folder_link(const struct fixture *f) { become_link(f, "log"); }
static void case_checkpoint_gone(const struct fixture *f) { drop(f, "checkpoint"); }
static void case_checkpoint_link(const struct fixture *f) { become_link(f, "checkpoint"); }
static void case_tile_gone(const struct fixture *f) { drop(f, "tile/0/000.p/20"); }
static void case_tile_link(const struct fixture *f) { become_link(f, "tile/0/000.p/20"); }
static void case_tiles_gone(const struct fixture *f) { drop(f, "tile"); }
static void case_private_link(const struct fixture *f) { become_link(f, PRIVATE); }
static void case_epoch_link(const struct fixture *f) { become_link(f, "epochs/00000000"); }

static void case_log_fifo(const struct fixture *f)
{
	char path[192];

	drop(f, LOG);
	fixture_path(f, LOG, path);
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void case_tile_too_long(const struct fixture *f)
{
	size_t len;
	char *tile = fixture_read(f, "tile/0/000.p/20", &len);
	char longer[21 * 32] = "";

	memcpy(longer, tile, len);
	fixture_write(f, "tile/0/000.p/20", longer, sizeof(longer));
	free(tile);
}

static void case_private_swapped(const struct fixture *f)
{
	struct lines l = read_lines(f, PRIVATE);
	char *swap = l.at[3];

	l.at[3] = l.at[4];
	l.at[4] = swap;
	write_lines(f, PRIVATE, &l, "\n");
	free(l.data);
}

static void case_private_not_json(const struct fixture *f)
{
	struct lines l = read_lines(f, PRIVATE);

	l.at[2] = "{}";
	write_lines(f, PRIVATE, &l, "\n");
	free(l.data);
}

static void case_private_twice(const struct fixture *f)
{
	struct lines l = read_lines(f, PRIVATE);
	char doubled[8192], *comma = strchr(l.at[7], ',');

	snprintf(doubled, sizeof(doubled), "%.*s,%s", (int)(comma - l.at[7]), l.at[7], l.at[7] + 1);
	l.at[7] = doubled;
	write_lines(f, PRIVATE, &l, "\n");
	free(l.data);
}

/* ... with the key */

static void case_forged_clock(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	replace_in_line(&l, 9, "\"mono_ns\":\"1000009000\"", "\"mono_ns\":\"1000007999\"");
	forge(f, &l);
	free(l.data);
}

/* Records of another boot stand between; behind them the first goes on. */
static void forge_boots(const struct fixture *f, const char *later)
{
	struct lines l = read_lines(f, LOG);
	size_t i;

	for (i = 5; i < 10; i++)
		memcpy(strstr(l.at[i], "\"boot_id\":\"") + 11, "01234567-89ab-4cde-8f01-23456789abcd", 36);
	replace_in_line(&l, 10, "\"mono_ns\":\"1000010000\"", later);
	forge(f, &l);
	free(l.data);
}

static void case_forged_boot_that_comes_back(const struct fixture *f) { forge_boots(f, "\"mono_ns\":\"1000003999\""); }
static void case_boots_in_turn(const struct fixture *f) { forge_boots(f, "\"mono_ns\":\"1000004000\""); }

static void copy_field(struct lines *l, size_t to, size_t from, const char *key, size_t len)
{
	char *a = strstr(l->at[to], key), *b = strstr(l->at[from], key);

	assert_non_null(a);
	assert_non_null(b);
	memcpy(a, b, strlen(key) + len);
}

static void case_forged_id_twice(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	copy_field(&l, 11, 2, "\"record_id\":\"", 36);
	forge(f, &l);
	free(l.data);
}

static void case_forged_nonce_twice(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	copy_field(&l, 17, 16, "\"entropy_nonce\":\"", 43);
	forge(f, &l);
	free(l.data);
}

static void case_forged_leaf(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	replace_in_line(&l, 6, "\"leaf\":\"6\"", "\"leaf\":\"7\"");
	forge(f, &l);
	free(l.data);
}

static void case_forged_line_that_is_no_record(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	l.at[8] = "{\"v\":1}";
	forge(f, &l);
	free(l.data);
}

static void case_forged_spaces(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);
	char spaced[8192];

	snprintf(spaced, sizeof(spaced), "{ %s", l.at[8] + 1);
	l.at[8] = spaced;
	forge(f, &l);
	free(l.data);
}

static void case_forged_private(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	/* Another digest under a right signature: the private field no longer matches. */
	memcpy(strstr(l.at[4], "\"_sd\":[\"") + 8, "0000000000000000000000000000000000000000000", 43);
	forge(f, &l);
	free(l.data);
}

static void case_forged_long_line(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);
	char *longer = calloc(1, 70000);

	memset(longer, 'a', 69999);
	l.at[13] = longer;
	forge(f, &l);
	free(longer);
	free(l.data);
}

static void case_forged_rewrite(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	/* Lines and tiles agree, the signature is the old one. */
	copy_ledger(f, "saved");
	replace_in_line(&l, 6, "\"uid\":1000", "\"uid\":1001");
	forge(f, &l);
	restore(f, "saved", "checkpoint");
	free(l.data);
}

static void resign(const struct fixture *f, const char *origin, const char *size)
{
	struct vantio_skey key = load_key(f, 0);
	size_t len;
	char *note = fixture_read(f, "checkpoint", &len), text[512], *root = strchr(strchr(note, '\n') + 1, '\n') + 1;

	snprintf(text, sizeof(text), "%s\n%s\n%.*s\n", origin ? origin : key.pub.name, size, (int)(strchr(root, '\n') - root), root);
	write_note(f, "checkpoint", text, &key);
	free(note);
}

static void case_leading_zero(const struct fixture *f) { resign(f, NULL, "020"); }
static void case_wrong_size(const struct fixture *f) { resign(f, NULL, "19"); }
static void case_larger_size(const struct fixture *f) { resign(f, NULL, "21"); }
static void case_huge_size(const struct fixture *f) { resign(f, NULL, "9223372036854775807"); }
static void case_other_origin(const struct fixture *f) { resign(f, "example.org/other", "20"); }

static void add_signatures(const struct fixture *f, size_t n, bool spoil)
{
	struct vantio_buf b = VANTIO_BUF_INIT;
	size_t len, i;
	char *note = fixture_read(f, "checkpoint", &len), *line = strstr(note, "\n\n") + 2;

	vantio_buf_add(&b, note, len);
	for (i = 0; i < n; i++) {
		vantio_buf_puts(&b, line);
		if (spoil)
			b.data[b.len - 12] = b.data[b.len - 12] == 'A' ? 'B' : 'A'; /* still base64 */
	}
	fixture_write(f, "checkpoint", b.data, b.len);
	vantio_buf_free(&b);
	free(note);
}

static void case_bad_signature_beside(const struct fixture *f) { add_signatures(f, 1, true); }
static void case_101_signatures(const struct fixture *f) { add_signatures(f, 100, false); }

static void case_unsigned(const struct fixture *f)
{
	size_t len;
	char *note = fixture_read(f, "checkpoint", &len);

	fixture_write(f, "checkpoint", note, (size_t)(strstr(note, "\n\n") + 2 - note));
	free(note);
}

static void case_epoch_gap(const struct fixture *f)
{
	fixture_write(f, "epochs/00000007", "x", 1);
}

/* What a rotation leaves that was cut short: the old key's checkpoint is what the seal holds. */
static void case_old_key_at_its_seal(const struct fixture *f)
{
	seal(f, NULL);
}

static void case_old_key_after_seal(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	/* The epoch ends at 19 records; its key signs for 20. */
	l.n--;
	forge(f, &l);
	seal(f, NULL);
	l.n++;
	forge(f, &l);
	free(l.data);
}

static void case_good_rotation(const struct fixture *f)
{
	struct vantio_skey next = seal(f, NULL);

	sign_with(f, &next);
}

static void case_rotation_to_another_name(const struct fixture *f)
{
	struct vantio_skey next = seal(f, "example.org/thief");

	sign_with(f, &next);
}

static void case_rotation_not_signed_by_the_old_key(const struct fixture *f)
{
	struct vantio_skey next = seal(f, NULL);
	size_t len;
	char *note = fixture_read(f, "epochs/00000001", &len);

	sign_with(f, &next);
	strstr(note, "\n\n")[1] = '\0';
	write_note(f, "epochs/00000001", note, &next);
	free(note);
}

static void sql(const struct fixture *f, const char *statement)
{
	char path[192], *message = NULL;
	sqlite3 *db;

	fixture_path(f, "index.sqlite3", path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, statement, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", statement, message);
	sqlite3_close(db);
}

static void case_index_edited(const struct fixture *f)
{
	sql(f, "DROP TRIGGER record_update; UPDATE record SET decision = 0 WHERE leaf = 7;");
}

static void case_index_name_edited(const struct fixture *f)
{
	sql(f, "DROP TRIGGER name_update; UPDATE name SET text = 'nobody' WHERE text = 'coder';");
}

static void case_index_row_gone(const struct fixture *f)
{
	sql(f, "DROP TRIGGER record_delete; DELETE FROM record WHERE leaf = 7;");
}

static void case_index_row_added(const struct fixture *f)
{
	sql(f, "INSERT INTO record SELECT 20, record_id, ts, mono_ns, tier, agent, trace_id, pid, uid, hook, op, policy, rule,"
	       " decision, enforced, count, back, line_offset, private_offset FROM record WHERE leaf = 19;");
}

static void case_index_of_zeros(const struct fixture *f)
{
	char zeros[8192] = "";

	fixture_write(f, "index.sqlite3", zeros, sizeof(zeros));
}

static void case_index_link(const struct fixture *f) { become_link(f, "index.sqlite3"); }
static void case_index_gone(const struct fixture *f) { drop_index(f); }
static void case_private_gone(const struct fixture *f) { drop(f, PRIVATE); }
static void case_no_key(const struct fixture *f) { drop(f, "epochs"); }
static void case_nothing(const struct fixture *f) { (void)f; }

static void case_private_erased(const struct fixture *f)
{
	struct lines l = read_lines(f, PRIVATE);

	l.at[3] = "[]";
	*strrchr(l.at[4], ',') = '\0';
	strcat(l.at[4], "]");
	write_lines(f, PRIVATE, &l, "\n");
	free(l.data);
}

static void case_unfinished_tail(const struct fixture *f)
{
	struct vantio_buf b = VANTIO_BUF_INIT;
	size_t len;
	char *log = fixture_read(f, LOG, &len);

	vantio_buf_add(&b, log, len);
	vantio_buf_puts(&b, "{\"v\":1,\"rec");
	fixture_write(f, LOG, b.data, b.len);
	vantio_buf_free(&b);
	free(log);
}

#define NO_LEAF UINT64_MAX

static const struct tamper {
	const char *name;
	void (*hand)(const struct fixture *f);
	enum vantio_ledger_verdict verdict;
	uint64_t leaf;
	const char *reason; /* part of the reason, or of a note where the verdict is no failure */
} cases[] = {
	{ "nothing", case_nothing, VANTIO_LEDGER_UNANCHORED, NO_LEAF, "" },
	{ "delete a line", case_delete_line, VANTIO_LEDGER_FAIL, 5, "not the one that was signed" },
	{ "swap two lines", case_swap_lines, VANTIO_LEDGER_FAIL, 3, "not the one that was signed" },
	{ "insert a line", case_insert_line, VANTIO_LEDGER_FAIL, 10, "not the one that was signed" },
	{ "CRLF", case_crlf, VANTIO_LEDGER_FAIL, 0, "not the one that was signed" },
	{ "truncate the log", case_truncate_log, VANTIO_LEDGER_FAIL, 12, "ends before it" },
	{ "partial last line", case_partial_last_line, VANTIO_LEDGER_FAIL, 19, "cut short" },
	{ "segment gone", case_log_gone, VANTIO_LEDGER_FAIL, 0, "No such file" },
	{ "segment a link", case_log_link, VANTIO_LEDGER_FAIL, 0, "symbolic link" },
	{ "log folder a link", case_log_folder_link, VANTIO_LEDGER_FAIL, 0, "symbolic link" },
	{ "segment a FIFO", case_log_fifo, VANTIO_LEDGER_FAIL, 0, "regular file" },
	{ "checkpoint gone", case_checkpoint_gone, VANTIO_LEDGER_FAIL, NO_LEAF, "checkpoint is missing" },
	{ "checkpoint a link", case_checkpoint_link, VANTIO_LEDGER_FAIL, NO_LEAF, "symbolic link" },
	{ "tile gone", case_tile_gone, VANTIO_LEDGER_FAIL, 0, "tile/0/000" },
	{ "tile a link", case_tile_link, VANTIO_LEDGER_FAIL, 0, "symbolic link" },
	{ "tile too long", case_tile_too_long, VANTIO_LEDGER_FAIL, 0, "bytes long" },
	{ "tiles gone", case_tiles_gone, VANTIO_LEDGER_FAIL, 0, "tile/0/000" },
	{ "sidecar a link", case_private_link, VANTIO_LEDGER_FAIL, 0, "symbolic link" },
	{ "sidecar lines swapped", case_private_swapped, VANTIO_LEDGER_FAIL, 3, "matches no digest" },
	{ "sidecar line no array", case_private_not_json, VANTIO_LEDGER_FAIL, 2, "not an array of disclosures" },
	{ "a disclosure twice", case_private_twice, VANTIO_LEDGER_FAIL, 7, "matches no digest" },
	{ "genesis key a link", case_epoch_link, VANTIO_LEDGER_FAIL, NO_LEAF, "symbolic link" },
	{ "signed: clock runs back", case_forged_clock, VANTIO_LEDGER_FAIL, 9, "monotonic clock" },
	{ "signed: a boot goes on before its end", case_forged_boot_that_comes_back, VANTIO_LEDGER_FAIL, 10, "monotonic clock" },
	{ "signed: two boots in turn", case_boots_in_turn, VANTIO_LEDGER_UNANCHORED, NO_LEAF, "" },
	{ "signed: record id twice", case_forged_id_twice, VANTIO_LEDGER_FAIL, 11, "earlier record" },
	{ "signed: nonce twice", case_forged_nonce_twice, VANTIO_LEDGER_FAIL, 17, "earlier record" },
	{ "signed: another leaf", case_forged_leaf, VANTIO_LEDGER_FAIL, 6, "leaf 7" },
	{ "signed: not a record", case_forged_line_that_is_no_record, VANTIO_LEDGER_FAIL, 8, "not a record" },
	{ "signed: JSON with spaces", case_forged_spaces, VANTIO_LEDGER_FAIL, 8, "not a record" },
	{ "signed: other digests", case_forged_private, VANTIO_LEDGER_FAIL, 4, "" },
	{ "signed: line too long", case_forged_long_line, VANTIO_LEDGER_FAIL, 13, "longer than" },
	{ "lines and tiles rewritten", case_forged_rewrite, VANTIO_LEDGER_FAIL, NO_LEAF, "both were rewritten" },
	{ "size with a leading zero", case_leading_zero, VANTIO_LEDGER_FAIL, NO_LEAF, "leading zeros" },
	{ "size too small for the root", case_wrong_size, VANTIO_LEDGER_FAIL, NO_LEAF, "signed root" },
	{ "size too large", case_larger_size, VANTIO_LEDGER_FAIL, 20, "ends before it" },
	{ "size as large as can be", case_huge_size, VANTIO_LEDGER_FAIL, 20, "ends before it" },
	{ "another origin", case_other_origin, VANTIO_LEDGER_FAIL, NO_LEAF, "origin" },
	{ "a bad signature beside a good one", case_bad_signature_beside, VANTIO_LEDGER_FAIL, NO_LEAF, "does not hold" },
	{ "101 signatures", case_101_signatures, VANTIO_LEDGER_FAIL, NO_LEAF, "more than 100 signatures" },
	{ "no signature", case_unsigned, VANTIO_LEDGER_FAIL, NO_LEAF, "signed note" },
	{ "an epoch is missing", case_epoch_gap, VANTIO_LEDGER_FAIL, NO_LEAF, "epoch 1 is missing" },
	{ "the old key signs on after its epoch", case_old_key_after_seal, VANTIO_LEDGER_FAIL, NO_LEAF, "epoch 0, which ended at 19" },
	{ "a rotation that was cut short", case_old_key_at_its_seal, VANTIO_LEDGER_UNANCHORED, NO_LEAF, "rotation of the signing key" },
	{ "rotated as it should be", case_good_rotation, VANTIO_LEDGER_UNANCHORED, NO_LEAF, "" },
	{ "rotated to a key of another name", case_rotation_to_another_name, VANTIO_LEDGER_FAIL, NO_LEAF, "another name" },
	{ "rotated without the old key", case_rotation_not_signed_by_the_old_key, VANTIO_LEDGER_FAIL, NO_LEAF, "seals epoch 0" },
	{ "index: a decision edited", case_index_edited, VANTIO_LEDGER_FAIL, 7, "another decision" },
	{ "index: a name edited", case_index_name_edited, VANTIO_LEDGER_FAIL, 1, "another agent" },
	{ "index: a row gone", case_index_row_gone, VANTIO_LEDGER_FAIL, 7, "no row" },
	{ "index: a row too many", case_index_row_added, VANTIO_LEDGER_FAIL, 20, "the index knows 21" },
	{ "index: zeros", case_index_of_zeros, VANTIO_LEDGER_FAIL, NO_LEAF, "index" },
	{ "index: a link", case_index_link, VANTIO_LEDGER_FAIL, NO_LEAF, "symbolic link" },
	{ "index: gone", case_index_gone, VANTIO_LEDGER_UNANCHORED, NO_LEAF, "no index" },
	{ "sidecar gone", case_private_gone, VANTIO_LEDGER_UNANCHORED, NO_LEAF, "private fields of 20 records" },
	{ "private fields erased", case_private_erased, VANTIO_LEDGER_UNANCHORED, NO_LEAF, "private fields of 2 records" },
	{ "an unfinished tail", case_unfinished_tail, VANTIO_LEDGER_UNANCHORED, NO_LEAF, "cut short" },
	{ "no verifier key at all", case_no_key, VANTIO_LEDGER_INCONCLUSIVE, NO_LEAF, "no verifier key" },
};

static void assert_case(const struct tamper *c, const struct vantio_ledger_report *r)
{
	bool said = strstr(r->reason, c->reason) != NULL;
	size_t i;

	if (r->verdict <= VANTIO_LEDGER_UNANCHORED)
		for (i = 0; i < r->n_notes; i++)
			said |= strstr(r->notes[i], c->reason) != NULL;
	if (r->verdict != c->verdict || r->has_leaf != (c->leaf != NO_LEAF) || (r->has_leaf && r->leaf != c->leaf) || !said)
		fail_msg("%s: verdict %d, leaf %lld, '%s'", c->name, r->verdict, r->has_leaf ? (long long)r->leaf : -1, r->reason);
}

static void tamper_each_case_gets_its_verdict(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger_report r;
	char kept[192];
	size_t i;

	fixture_append(f, 20, 7);
	snprintf(kept, sizeof(kept), "%s/kept", f->dir);
	assert_int_equal(rename(f->ledger, kept), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char command[512];

		snprintf(command, sizeof(command), "rm -rf %s %s/aside && cp -a %s %s", f->ledger, f->dir, kept, f->ledger);
		assert_int_equal(system(command), 0);
		cases[i].hand(f);
		r = verify(f);
		assert_case(&cases[i], &r);
	}
	print_message("# %zu cases of tampering\n", sizeof(cases) / sizeof(cases[0]));
}

/* Every bit 0 of every byte of a file in turn. */
static void flip_each_byte(const struct fixture *f, const char *name, bool leaf_known)
{
	struct vantio_ledger_report r;
	size_t len, i, line = 0;
	char *data = fixture_read(f, name, &len);

	for (i = 0; i < len; i++) {
		data[i] ^= 1;
		fixture_write(f, name, data, len);
		data[i] ^= 1;
		r = verify(f);
		if (r.verdict != VANTIO_LEDGER_FAIL || (leaf_known && (!r.has_leaf || r.leaf != line)))
			fail_msg("%s: byte %zu: verdict %d, leaf %lld: %s", name, i, r.verdict, r.has_leaf ? (long long)r.leaf : -1, r.reason);
		line += data[i] == '\n';
	}
	fixture_write(f, name, data, len);
	free(data);
	assert_int_equal(verify(f).verdict, VANTIO_LEDGER_UNANCHORED);
}

/* Only what is there is looked for: a signed size that nobody could ever write down hangs nothing. */
static void tamper_claimed_size_hangs_no_search_by_time(void **state)
{
	struct fixture *f = *state;
	struct vantio_verify_options opts = { .since_ns = 1 };
	struct vantio_ledger_report r;

	fixture_append(f, 20, 7);
	resign(f, NULL, "9223372036854775807");
	alarm(60);
	r = verify_with(f, &opts);
	alarm(0);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_int_equal(r.leaf, 20);
}

static void tamper_any_flipped_byte_fails(void **state)
{
	struct fixture *f = *state;

	fixture_append(f, 2, 2);
	drop_index(f);
	flip_each_byte(f, LOG, true);
	flip_each_byte(f, PRIVATE, true);
	flip_each_byte(f, "checkpoint", false);
	flip_each_byte(f, "tile/0/000.p/2", false);
	flip_each_byte(f, "epochs/00000000", false);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(tamper_each_case_gets_its_verdict),
		CASE(tamper_claimed_size_hangs_no_search_by_time),
		CASE(tamper_any_flipped_byte_fails),
	};

	return cmocka_run_group_tests_name("tamper", tests, NULL, NULL);
}
