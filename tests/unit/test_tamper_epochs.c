// SPDX-License-Identifier: Apache-2.0
/*
 * A ledger with three seals, tampered with by whoever holds none of its keys, the newest, or one that is out of use: each case with
 * the verdict, the leaf and the reason that it must get, alone and beside an older head.
 */
#include "ledger_hands.h"

/* Epoch 0 holds leaves 0 to 7, 1 holds 8 to 13, 2 is empty, 3 holds 14 to 19. Of each moment a copy of the folder is kept. */
#define EPOCHS 4
static struct vantio_skey keys[EPOCHS];
static char genesis[512];

static void grow(const struct fixture *f, unsigned epoch, uint64_t n, bool rotate, const char *copy)
{
	struct vantio_error err = { 0 };
	struct vantio_rotation done;
	struct vantio_ledger *l;

	if (n)
		fixture_append(f, n, 3);
	copy_ledger(f, copy);
	keys[epoch] = load_key(f, epoch);
	if (!rotate)
		return;
	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	assert_ok(vantio_ledger_rotate(l, &done, &err), err);
	vantio_ledger_close(l);
}

static int epochs_setup(void **state)
{
	struct fixture *f;
	size_t len;
	char *vkey;

	fixture_setup(state);
	f = *state;
	grow(f, 0, 8, true, "at8");
	grow(f, 1, 6, true, "at14");
	grow(f, 2, 0, true, "empty");
	grow(f, 3, 6, false, "at20");
	vkey = fixture_read(f, "epochs/00000000", &len);
	memcpy(genesis, vkey, len);
	free(vkey);
	return 0;
}

/* ---- hands ---- */

static void nothing(const struct fixture *f) { (void)f; }
static void seal_gone(const struct fixture *f) { drop(f, "epochs/00000002"); }
static void last_seal_gone(const struct fixture *f) { drop(f, "epochs/00000003"); }
static void seal_a_link(const struct fixture *f) { become_link(f, "epochs/00000001"); }
static void seal_empty(const struct fixture *f) { fixture_write(f, "epochs/00000002", "", 0); }
static void seal_behind_the_end(const struct fixture *f) { fixture_write(f, "epochs/00000009", "x", 1); }
static void index_gone(const struct fixture *f) { drop_index(f); }
static void keys_gone(const struct fixture *f) { drop(f, "keys"); }

static void all_seals_gone(const struct fixture *f)
{
	drop(f, "epochs/00000001");
	drop(f, "epochs/00000002");
	drop(f, "epochs/00000003");
}

static void copy_seal(const struct fixture *f, const char *from, const char *to)
{
	size_t len;
	char *note = fixture_read(f, from, &len);

	fixture_write(f, to, note, len);
	free(note);
}

static void seal_twice(const struct fixture *f) { copy_seal(f, "epochs/00000001", "epochs/00000002"); }
static void checkpoint_is_a_seal(const struct fixture *f) { drop_index(f); copy_seal(f, "epochs/00000003", "checkpoint"); }
static void checkpoint_is_an_old_seal(const struct fixture *f) { drop_index(f); copy_seal(f, "epochs/00000002", "checkpoint"); }
static void checkpoint_back_beside_index(const struct fixture *f) { copy_seal(f, "epochs/00000003", "checkpoint"); }

static void seals_swapped(const struct fixture *f)
{
	size_t len;
	char *note = fixture_read(f, "epochs/00000001", &len);

	copy_seal(f, "epochs/00000002", "epochs/00000001");
	fixture_write(f, "epochs/00000002", note, len);
	free(note);
}

/* A note under `key`: the origin, so many records, the root of the newest checkpoint or of a seal, and `extension`. */
static void sign(const struct fixture *f, const char *name, const struct vantio_skey *key, const char *size, const char *root_of,
		 const char *extension)
{
	char text[2048];
	size_t len;
	char *note = fixture_read(f, root_of, &len), *root = strchr(strchr(note, '\n') + 1, '\n') + 1;

	snprintf(text, sizeof(text), "%s\n%s\n%.44s\n%s", key->pub.name, size, root, extension);
	write_note(f, name, text, key);
	free(note);
}

static char *succession(unsigned epoch, const struct vantio_skey *next, char out[512])
{
	struct vantio_buf vkey = VANTIO_BUF_INIT;

	vantio_vkey_print(&vkey, &next->pub);
	snprintf(out, 512, "epoch %u %s\n", epoch, vkey.data);
	vantio_buf_free(&vkey);
	return out;
}

/* epochs/00000001 again, under the key of epoch 0, which was stolen before it was erased. */
static void reseal(const struct fixture *f, const char *size, const char *extension)
{
	sign(f, "epochs/00000001", &keys[0], size, "epochs/00000001", extension);
}

static void seal_names_another_number(const struct fixture *f)
{
	char line[512];

	reseal(f, "8", succession(7, &keys[1], line));
}

static void seal_with_two_lines(const struct fixture *f)
{
	char line[512], two[1100];

	succession(1, &keys[1], line);
	snprintf(two, sizeof(two), "%s%s", line, line);
	reseal(f, "8", two);
}

static void seal_without_successor(const struct fixture *f) { reseal(f, "8", ""); }

static void seal_names_its_own_key(const struct fixture *f)
{
	char line[512];

	reseal(f, "8", succession(1, &keys[0], line));
}

static void seal_with_a_leading_zero(const struct fixture *f)
{
	char line[512];

	reseal(f, "08", succession(1, &keys[1], line));
}

static void seal_of_other_records(const struct fixture *f)
{
	char line[512];

	reseal(f, "7", succession(1, &keys[1], line));
}

static void seal_of_more_than_there_is(const struct fixture *f)
{
	char line[512];

	sign(f, "epochs/00000003", &keys[2], "21", "epochs/00000003", succession(3, &keys[3], line));
}

static void seal_runs_back(const struct fixture *f)
{
	char line[512];

	sign(f, "epochs/00000002", &keys[1], "7", "epochs/00000002", succession(2, &keys[2], line));
}

static void empty_epoch_with_another_root(const struct fixture *f)
{
	char line[512];

	sign(f, "epochs/00000003", &keys[2], "14", "epochs/00000001", succession(3, &keys[3], line));
}

static void seal_by_a_later_key(const struct fixture *f)
{
	char line[512];

	sign(f, "epochs/00000001", &keys[3], "8", "epochs/00000001", succession(1, &keys[1], line));
}

static void edit(const struct fixture *f, const char *name, const char *from, const char *to)
{
	struct vantio_buf b = VANTIO_BUF_INIT;
	size_t len;
	char *note = fixture_read(f, name, &len), *p, *at = note;

	while ((p = strstr(at, from))) {
		vantio_buf_add(&b, at, (size_t)(p - at));
		vantio_buf_puts(&b, to);
		at = p + strlen(from);
	}
	vantio_buf_puts(&b, at);
	fixture_write(f, name, b.data, b.len);
	vantio_buf_free(&b);
	free(note);
}

static void seal_crlf(const struct fixture *f) { edit(f, "epochs/00000001", "\n", "\r\n"); }
static void seal_resized(const struct fixture *f) { edit(f, "epochs/00000001", "\n8\n", "\n9\n"); }

static void add_signature_lines(const struct fixture *f, const char *name, unsigned n, bool spoil)
{
	struct vantio_buf b = VANTIO_BUF_INIT;
	size_t len;
	char *note = fixture_read(f, name, &len), *line = strstr(note, "\n\n") + 2;

	vantio_buf_add(&b, note, len);
	for (; n; n--) {
		vantio_buf_puts(&b, line);
		if (spoil)
			b.data[b.len - 12] = b.data[b.len - 12] == 'A' ? 'B' : 'A';
	}
	fixture_write(f, name, b.data, b.len);
	vantio_buf_free(&b);
	free(note);
}

static void seal_with_101_signatures(const struct fixture *f) { add_signature_lines(f, "epochs/00000001", 100, false); }
static void seal_with_a_bad_signature_too(const struct fixture *f) { add_signature_lines(f, "epochs/00000001", 1, true); }

/* Another key's signature beside the right one is nobody's business. */
static void seal_with_an_unknown_signature_too(const struct fixture *f)
{
	struct vantio_buf b = VANTIO_BUF_INIT, other = VANTIO_BUF_INIT;
	struct vantio_error err = { 0 };
	struct vantio_skey stranger;
	size_t len;
	char *note = fixture_read(f, "epochs/00000001", &len), *end = strstr(note, "\n\n") + 1;

	assert_ok(vantio_skey_generate("example.org/stranger", &stranger, &err), err);
	assert_ok(vantio_note_sign(&other, note, (size_t)(end - note), &stranger, &err), err);
	vantio_buf_add(&b, note, len);
	vantio_buf_puts(&b, strstr(other.data, "\n\n") + 2);
	fixture_write(f, "epochs/00000001", b.data, b.len);
	vantio_buf_free(&b);
	vantio_buf_free(&other);
	free(note);
}

/* One field of a record changed, and everything above it computed and signed again with that key. */
static void rewrite(const struct fixture *f, size_t leaf, const struct vantio_skey *key)
{
	struct lines l = read_lines(f, LOG);

	replace_in_line(&l, leaf, "\"uid\":1000", "\"uid\":1001");
	forge_with(f, &l, key);
	free(l.data);
}

static void newest_key_over_epoch_0(const struct fixture *f) { rewrite(f, 3, &keys[3]); }
static void newest_key_over_epoch_1(const struct fixture *f) { rewrite(f, 10, &keys[3]); }
static void newest_key_over_its_own(const struct fixture *f) { rewrite(f, 16, &keys[3]); }
static void old_key_over_the_newest(const struct fixture *f) { rewrite(f, 16, &keys[1]); }

static void newest_key_deletes_an_old_record(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	memmove(&l.at[5], &l.at[6], (l.n - 6) * sizeof(l.at[0]));
	l.n--;
	forge_with(f, &l, &keys[3]);
	free(l.data);
}

static void newest_key_signs_fewer_than_are_sealed(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	l.n = 10;
	forge_with(f, &l, &keys[3]);
	free(l.data);
}

/* The newest key, and everything since the last seal taken back: what is sealed stands, what was not is the key's own. */
static void newest_key_takes_back_its_own(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	l.n = 14;
	forge_with(f, &l, &keys[3]);
	free(l.data);
}

static void put_back(const struct fixture *f, const char *from, bool epochs)
{
	drop_index(f);
	restore(f, from, "checkpoint");
	restore(f, from, "log");
	restore(f, from, "private");
	restore(f, from, "tile");
	if (epochs)
		restore(f, from, "epochs");
}

static void whole_state_at_8_put_back(const struct fixture *f) { put_back(f, "at8", true); }
static void whole_state_at_14_put_back(const struct fixture *f) { put_back(f, "at14", true); }
static void log_at_14_put_back(const struct fixture *f) { put_back(f, "at14", false); }
static void log_at_8_put_back(const struct fixture *f) { put_back(f, "at8", false); }

static void whole_state_put_back_beside_index(const struct fixture *f)
{
	copy_ledger(f, "now");
	put_back(f, "at14", true);
	restore(f, "now", "index.sqlite3");
}

static void index_of_an_older_state(const struct fixture *f)
{
	drop_index(f);
	restore(f, "at14", "index.sqlite3");
}

/* The key of epoch 0, stolen while it served, begins another history: only an older head tells the two apart. */
static void stolen_key_forks_from_the_beginning(const struct fixture *f)
{
	struct lines l = read_lines(f, LOG);

	all_seals_gone(f);
	l.n = 8;
	replace_in_line(&l, 3, "\"uid\":1000", "\"uid\":1001");
	forge_with(f, &l, &keys[0]);
	free(l.data);
}

/* The same key beside the seals of later ones, which it cannot make. */
static void stolen_key_seals_another_history(const struct fixture *f)
{
	struct vantio_skey thief;
	struct vantio_error err = { 0 };
	char line[512];

	assert_ok(vantio_skey_generate(keys[0].pub.name, &thief, &err), err);
	sign(f, "epochs/00000001", &keys[0], "8", "epochs/00000001", succession(1, &thief, line));
}

static void seal_of_another_ledger(const struct fixture *f)
{
	struct fixture other = *f;
	struct vantio_error err = { 0 };
	struct vantio_rotation done;
	struct vantio_ledger *l;
	size_t len;
	char *note;

	snprintf(other.ledger, sizeof(other.ledger), "%s/other", f->dir);
	fixture_append(&other, 8, 8);
	assert_ok(vantio_ledger_open(other.ledger, &l, &err), err);
	assert_ok(vantio_ledger_rotate(l, &done, &err), err);
	vantio_ledger_close(l);
	note = fixture_read(&other, "epochs/00000001", &len);
	fixture_write(f, "epochs/00000001", note, len);
	free(note);
}

static void genesis_replaced(const struct fixture *f)
{
	struct vantio_buf vkey = VANTIO_BUF_INIT;

	all_seals_gone(f);
	vantio_vkey_print(&vkey, &keys[3].pub);
	vantio_buf_putc(&vkey, '\n');
	fixture_write(f, "epochs/00000000", vkey.data, vkey.len);
	vantio_buf_free(&vkey);
}

/* ---- cases ---- */

#define NO_LEAF UINT64_MAX
#define OK      VANTIO_LEDGER_OK
#define LOOSE   VANTIO_LEDGER_UNANCHORED
#define FAIL    VANTIO_LEDGER_FAIL

/* What is known from elsewhere. */
enum known { NONE, VKEY, HEAD20, HEAD14, LATE14 };

static const struct {
	const char *name;
	void (*hand)(const struct fixture *f);
	enum known known;
	enum vantio_ledger_verdict verdict;
	uint64_t leaf;
	const char *reason; /* part of the reason, or of a note where the verdict is no failure */
} cases[] = {
	{ "nothing", nothing, NONE, LOOSE, NO_LEAF, "" },
	{ "nothing, the genesis key at hand", nothing, VKEY, LOOSE, NO_LEAF, "" },
	{ "nothing, the newest head kept", nothing, HEAD20, OK, NO_LEAF, "" },
	{ "nothing, a head of epoch 1 kept", nothing, HEAD14, OK, NO_LEAF, "" },
	{ "a kept head that a later key made", nothing, LATE14, FAIL, NO_LEAF, "a later key signed for an older epoch" },
	{ "private keys gone", keys_gone, NONE, LOOSE, NO_LEAF, "" },
	{ "a seal gone", seal_gone, NONE, FAIL, NO_LEAF, "epoch 2 is missing" },
	{ "the last seal gone", last_seal_gone, NONE, FAIL, NO_LEAF, "not signed by" },
	{ "all seals gone", all_seals_gone, NONE, FAIL, NO_LEAF, "not signed by" },
	{ "a seal behind the end", seal_behind_the_end, NONE, FAIL, NO_LEAF, "epoch 4 is missing" },
	{ "a seal a link", seal_a_link, NONE, FAIL, NO_LEAF, "symbolic link" },
	{ "a seal of no bytes", seal_empty, NONE, FAIL, NO_LEAF, "seals epoch 1" },
	{ "two seals swapped", seals_swapped, NONE, FAIL, NO_LEAF, "seals epoch 0" },
	{ "a seal replayed as the next", seal_twice, NONE, FAIL, NO_LEAF, "seals epoch 1" },
	{ "a seal of another ledger", seal_of_another_ledger, NONE, FAIL, NO_LEAF, "seals epoch 0" },
	{ "a seal by a later key", seal_by_a_later_key, NONE, FAIL, NO_LEAF, "seals epoch 0" },
	{ "a seal with carriage returns", seal_crlf, NONE, FAIL, NO_LEAF, "carriage return" },
	{ "a seal's size edited", seal_resized, NONE, FAIL, NO_LEAF, "does not hold" },
	{ "a seal with 101 signatures", seal_with_101_signatures, NONE, FAIL, NO_LEAF, "more than 100 signatures" },
	{ "a seal with a bad signature beside the good", seal_with_a_bad_signature_too, NONE, FAIL, NO_LEAF, "does not hold" },
	{ "a seal with a stranger's signature too", seal_with_an_unknown_signature_too, NONE, LOOSE, NO_LEAF, "" },
	{ "a seal that names another number", seal_names_another_number, NONE, FAIL, NO_LEAF, "does not name the key of epoch 1" },
	{ "a seal with two lines too many", seal_with_two_lines, NONE, FAIL, NO_LEAF, "does not name the key" },
	{ "a seal without a successor", seal_without_successor, NONE, FAIL, NO_LEAF, "does not name the key" },
	{ "a seal that names its own key", seal_names_its_own_key, NONE, FAIL, NO_LEAF, "put out of use" },
	{ "a seal whose size has a leading zero", seal_with_a_leading_zero, NONE, FAIL, NO_LEAF, "leading zeros" },
	{ "a seal of other records", seal_of_other_records, NONE, FAIL, 0, "the seal of epoch 0" },
	{ "a seal of more than there is", seal_of_more_than_there_is, NONE, FAIL, NO_LEAF, "sealed epochs already 21" },
	{ "a seal that runs back", seal_runs_back, NONE, FAIL, NO_LEAF, "fewer than the 8" },
	{ "an empty epoch with another root", empty_epoch_with_another_root, NONE, FAIL, NO_LEAF, "empty epoch with another root" },
	{ "the newest key over epoch 0", newest_key_over_epoch_0, NONE, FAIL, 0, "the seal of epoch 0" },
	{ "the newest key over epoch 1", newest_key_over_epoch_1, NONE, FAIL, 8, "the seal of epoch 1" },
	{ "the newest key deletes an old record", newest_key_deletes_an_old_record, NONE, FAIL, 0, "the seal of epoch 0" },
	{ "the newest key over its own epoch", newest_key_over_its_own, NONE, LOOSE, NO_LEAF, "" },
	{ "the newest key over its own, a head kept", newest_key_over_its_own, HEAD20, FAIL, 14, "history was rewritten" },
	{ "the newest key signs fewer than are sealed", newest_key_signs_fewer_than_are_sealed, NONE, FAIL, NO_LEAF, "sealed epochs already 14" },
	{ "the newest key takes its own back", newest_key_takes_back_its_own, NONE, LOOSE, NO_LEAF, "" },
	{ "the newest key takes its own back, a head kept", newest_key_takes_back_its_own, HEAD20, FAIL, 14, "records were removed" },
	{ "an old key over the newest records", old_key_over_the_newest, NONE, FAIL, NO_LEAF, "epoch 1, which ended at 14" },
	{ "the checkpoint put back to the last seal", checkpoint_is_a_seal, NONE, LOOSE, NO_LEAF, "rotation of the signing key" },
	{ "the same, a head kept", checkpoint_is_a_seal, HEAD20, FAIL, 14, "records were removed" },
	{ "the same, the index left", checkpoint_back_beside_index, NONE, FAIL, 14, "the index knows 20" },
	{ "the checkpoint put back to an older seal", checkpoint_is_an_old_seal, NONE, FAIL, NO_LEAF, "epoch 1, which ended at 14" },
	{ "the log of epoch 1 put back", log_at_14_put_back, NONE, FAIL, NO_LEAF, "epoch 1, which ended at 14" },
	{ "the log of epoch 0 put back", log_at_8_put_back, NONE, FAIL, NO_LEAF, "epoch 0, which ended at 8" },
	{ "all of epoch 0 put back", whole_state_at_8_put_back, NONE, LOOSE, NO_LEAF, "" },
	{ "all of epoch 0 put back, a head kept", whole_state_at_8_put_back, HEAD20, FAIL, NO_LEAF, "not one of this ledger" },
	{ "all of epoch 1 put back, a head of it kept", whole_state_at_14_put_back, HEAD14, OK, NO_LEAF, "" },
	{ "all of epoch 1 put back, the index left", whole_state_put_back_beside_index, NONE, FAIL, 14, "the index knows 20" },
	{ "the index restored from a backup", index_of_an_older_state, NONE, LOOSE, NO_LEAF, "the index is behind" },
	{ "the index gone", index_gone, NONE, LOOSE, NO_LEAF, "no index" },
	{ "a stolen key seals another history", stolen_key_seals_another_history, NONE, FAIL, NO_LEAF, "seals epoch 1" },
	{ "a stolen key forks from the beginning", stolen_key_forks_from_the_beginning, VKEY, LOOSE, NO_LEAF, "" },
	{ "the same, a head kept", stolen_key_forks_from_the_beginning, HEAD14, FAIL, NO_LEAF, "not one of this ledger" },
	{ "another genesis key", genesis_replaced, NONE, LOOSE, NO_LEAF, "taken from the folder itself" },
	{ "another genesis key, the right one at hand", genesis_replaced, VKEY, FAIL, NO_LEAF, "another genesis key" },
};

static struct vantio_verify_options known_options(const struct fixture *f, enum known known, char path[128])
{
	struct vantio_verify_options o = { .vkey = known == VKEY ? genesis : NULL };
	struct fixture aside = *f;
	struct lines l;

	if (known == HEAD20 || known == HEAD14) {
		snprintf(path, 128, "%s/%s/checkpoint", f->dir, known == HEAD20 ? "at20" : "at14");
		o.against = path;
	} else if (known == LATE14) {
		/* What whoever has the newest key may claim to have kept. */
		snprintf(aside.ledger, sizeof(aside.ledger), "%s/late", f->dir);
		copy_ledger(f, "late");
		l = read_lines(&aside, LOG);
		l.n = 10;
		forge_with(&aside, &l, &keys[3]);
		free(l.data);
		snprintf(path, 128, "%s/late/checkpoint", f->dir);
		o.against = path;
	}
	return o;
}

static void tamper_epochs_each_case_gets_its_verdict(void **state)
{
	struct fixture *f = *state;
	struct vantio_verify_options opts;
	struct vantio_ledger_report r;
	char command[512], path[128];
	size_t i, j;
	bool said;

	for (i = 0; i < VANTIO_ARRAY_SIZE(cases); i++) {
		snprintf(command, sizeof(command), "rm -rf %s %s/aside && cp -a %s/at20 %s", f->ledger, f->dir, f->dir, f->ledger);
		assert_int_equal(system(command), 0);
		cases[i].hand(f);
		opts = known_options(f, cases[i].known, path);
		r = verify_with(f, &opts);
		said = strstr(r.reason, cases[i].reason) != NULL;
		for (j = 0; r.verdict <= LOOSE && j < r.n_notes; j++)
			said |= strstr(r.notes[j], cases[i].reason) != NULL;
		if (r.verdict != cases[i].verdict || r.has_leaf != (cases[i].leaf != NO_LEAF) || (r.has_leaf && r.leaf != cases[i].leaf) || !said)
			fail_msg("%s: verdict %d, leaf %lld, '%s'", cases[i].name, r.verdict, r.has_leaf ? (long long)r.leaf : -1, r.reason);
	}
	print_message("# %zu cases of tampering with epochs\n", VANTIO_ARRAY_SIZE(cases));
}

/* Every byte of every seal, and of what they hold together. */
static void tamper_epochs_any_flipped_byte_fails(void **state)
{
	static const char *const files[] = { "epochs/00000000", "epochs/00000001", "epochs/00000002", "epochs/00000003", "checkpoint",
					     "tile/0/000.p/20" };
	struct fixture *f = *state;
	struct vantio_ledger_report r;
	char command[512], *data;
	size_t i, at, len, n = 0;

	snprintf(command, sizeof(command), "rm -rf %s && cp -a %s/at20 %s", f->ledger, f->dir, f->ledger);
	assert_int_equal(system(command), 0);
	drop_index(f);
	for (i = 0; i < VANTIO_ARRAY_SIZE(files); i++) {
		data = fixture_read(f, files[i], &len);
		for (at = 0; at < len; at++, n++) {
			data[at] ^= 1;
			fixture_write(f, files[i], data, len);
			data[at] ^= 1;
			r = verify(f);
			if (r.verdict != FAIL)
				fail_msg("%s: byte %zu: verdict %d: %s", files[i], at, r.verdict, r.reason);
		}
		fixture_write(f, files[i], data, len);
		free(data);
	}
	assert_int_equal(verify(f).verdict, LOOSE);
	print_message("# %zu bytes flipped in turn\n", n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tamper_epochs_each_case_gets_its_verdict),
		cmocka_unit_test(tamper_epochs_any_flipped_byte_fails),
	};

	return cmocka_run_group_tests_name("tamper_epochs", tests, epochs_setup, fixture_teardown);
}
