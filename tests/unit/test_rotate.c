// SPDX-License-Identifier: Apache-2.0
/* Rotation of the signing key: what it leaves, what an interrupted one becomes, and what a later key cannot do. */
#include "ledger_hands.h"

#include <pthread.h>
#include <stdatomic.h>

#include "ledger/reader.h"
#include "receipt/receipt.h"

static struct vantio_ledger *open_ledger(const struct fixture *f)
{
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = NULL;

	assert_ok(vantio_ledger_open(f->ledger, &l, &err), err);
	return l;
}

static struct vantio_rotation rotate(const struct fixture *f)
{
	struct vantio_ledger *l = open_ledger(f);
	struct vantio_rotation done = { .epoch = 0 };
	struct vantio_error err = { 0 };

	assert_ok(vantio_ledger_rotate(l, &done, &err), err);
	assert_string_equal(done.kept, "");
	vantio_ledger_close(l);
	return done;
}

static bool there(const struct fixture *f, const char *name)
{
	char path[192];

	fixture_path(f, name, path);
	return access(path, F_OK) == 0;
}

/* Sound, and the one key that is left is that of the newest epoch. */
static void assert_sound(const struct fixture *f, uint64_t records, uint64_t epoch)
{
	struct vantio_ledger_report r = verify(f);
	char command[256], want[32];
	char got[64] = "";
	FILE *p;

	if (r.verdict != VANTIO_LEDGER_UNANCHORED || r.records != records || r.epochs != epoch + 1)
		fail_msg("verdict %d, %llu records, %llu epochs: %s", r.verdict, (unsigned long long)r.records,
			 (unsigned long long)r.epochs, r.reason);
	snprintf(command, sizeof(command), "ls -A %s/keys", f->ledger);
	p = popen(command, "r");
	assert_non_null(p);
	got[fread(got, 1, sizeof(got) - 1, p)] = '\0';
	pclose(p);
	snprintf(want, sizeof(want), "%08llu\n", (unsigned long long)epoch);
	assert_string_equal(got, want);
}

static void rotate_new_key_signs_on_and_the_old_one_is_gone(void **state)
{
	struct fixture *f = *state;
	struct vantio_verify_options opts = { .vkey = NULL };
	struct vantio_rotation done;
	char *vkey;
	size_t len;

	fixture_append(f, 12, 5);
	vkey = fixture_read(f, "epochs/00000000", &len);
	done = rotate(f);
	assert_int_equal(done.epoch, 1);
	assert_int_equal(done.sealed, 12);
	assert_sound(f, 12, 1);
	fixture_append(f, 300, 50);
	done = rotate(f);
	assert_int_equal(done.sealed, 312);
	fixture_append(f, 3, 3);
	assert_sound(f, 315, 2);
	/* The genesis key alone is enough. */
	opts.vkey = vkey;
	assert_int_equal(verify_with(f, &opts).verdict, VANTIO_LEDGER_UNANCHORED);
	free(vkey);
}

static void rotate_empty_epochs_are_sealed_too(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < 5; i++)
		rotate(f);
	assert_sound(f, 0, 5);
	fixture_append(f, 7, 7);
	rotate(f);
	rotate(f);
	assert_sound(f, 7, 7);
	assert_true(there(f, "epochs/00000007"));
}

static void rotate_commits_what_is_staged(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger *l = open_ledger(f);
	struct vantio_rotation done = { .epoch = 0 };
	struct vantio_record r = fixture_record(0);
	struct vantio_error err = { 0 };

	assert_ok(vantio_ledger_append(l, &r, &err), err);
	assert_ok(vantio_ledger_rotate(l, &done, &err), err);
	assert_int_equal(done.sealed, 1);
	/* Some under way in the committing thread, one staged behind it. */
	r = fixture_record(1);
	assert_ok(vantio_ledger_append(l, &r, &err), err);
	assert_ok(vantio_ledger_submit(l, &err), err);
	r = fixture_record(2);
	assert_ok(vantio_ledger_append(l, &r, &err), err);
	assert_ok(vantio_ledger_rotate(l, &done, &err), err);
	assert_int_equal(done.sealed, 3);
	r = fixture_record(3);
	assert_ok(vantio_ledger_append(l, &r, &err), err);
	assert_ok(vantio_ledger_commit(l, &err), err);
	vantio_ledger_close(l);
	assert_sound(f, 4, 2);
}

/* The secret is overwritten where it lay, before its name goes. */
static void rotate_old_secret_is_overwritten(void **state)
{
	struct fixture *f = *state;
	char path[192], text[512];
	size_t i;
	ssize_t n;
	int fd;

	fixture_append(f, 2, 2);
	fixture_path(f, "keys/00000000", path);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	rotate(f);
	n = pread(fd, text, sizeof(text), 0);
	assert_true(n > 100);
	for (i = 0; i < (size_t)n; i++)
		assert_int_equal(text[i], 0);
	close(fd);
}

/* ---- interrupted ---- */

/* Files of a state to be put over the one before a rotation. */
static void interrupted(const struct fixture *f, const char *const *from_after, bool old_key_zeroed)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf %s && cp -a %s/before %s", f->ledger, f->dir, f->ledger);
	assert_int_equal(system(command), 0);
	for (; *from_after; from_after++)
		restore(f, "after", *from_after);
	if (old_key_zeroed) {
		char zeros[1024] = "";

		fixture_write(f, "keys/00000000", zeros, sizeof(zeros));
	}
}

static void rotate_interrupted_at_any_step_is_finished_or_undone(void **state)
{
	static const struct {
		const char *files[4];
		bool zeroed;
		uint64_t epoch; /* that the next writer is in */
	} steps[] = {
		{ { "keys/00000001" }, false, 0 },
		{ { "keys/.00000001.0011223344556677.tmp" }, false, 0 },
		{ { "keys/00000001", "epochs/.00000001.0011223344556677.tmp" }, false, 0 },
		{ { "keys/00000001", "epochs/00000001" }, false, 1 },
		{ { "keys/00000001", "epochs/00000001", ".checkpoint.0011223344556677.tmp" }, false, 1 },
		{ { "keys/00000001", "epochs/00000001", "checkpoint" }, false, 1 },
		{ { "keys/00000001", "epochs/00000001", "checkpoint" }, true, 1 },
	};
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_reader *r;
	size_t i;

	fixture_append(f, 12, 12);
	copy_ledger(f, "before");
	rotate(f);
	copy_ledger(f, "after");
	{
		char command[1024];

		snprintf(command, sizeof(command), "cd %s/after && cp -a keys/00000001 keys/.00000001.0011223344556677.tmp && "
			 "cp -a epochs/00000001 epochs/.00000001.0011223344556677.tmp && cp -a checkpoint .checkpoint.0011223344556677.tmp",
			 f->dir);
		assert_int_equal(system(command), 0);
	}
	for (i = 0; i < VANTIO_ARRAY_SIZE(steps); i++) {
		interrupted(f, steps[i].files, steps[i].zeroed);
		/* Sound for whoever looks before the next writer does. */
		assert_int_equal(verify(f).verdict, VANTIO_LEDGER_UNANCHORED);
		assert_ok(vantio_reader_open(f->ledger, &r, &err), err);
		assert_int_equal(vantio_reader_size(r), 12);
		vantio_reader_close(r);
		fixture_append(f, 3, 3);
		assert_sound(f, 15, steps[i].epoch);
		assert_false(there(f, "epochs/.00000001.0011223344556677.tmp"));
		assert_false(there(f, ".checkpoint.0011223344556677.tmp"));
		rotate(f);
		assert_sound(f, 15, steps[i].epoch + 1);
	}
}

static void rotate_that_cannot_begin_leaves_the_old_key_at_work(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger *l;
	struct vantio_rotation done = { .epoch = 77 };
	struct vantio_record r = fixture_record(0);
	struct vantio_error err = { 0 };
	char path[192];

	fixture_append(f, 2, 2);
	l = open_ledger(f);
	/* A folder in the place of the seal: neither this user nor root can write the file. */
	fixture_path(f, "epochs/00000001", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(vantio_ledger_rotate(l, &done, &err) < 0);
	assert_int_equal(done.epoch, 77);
	assert_int_equal(rmdir(path), 0);
	vantio_ledger_close(l);
	fixture_append(f, 1, 1);
	assert_sound(f, 3, 0);
	/* Nothing of the new key's is there: the old one signs on without opening anew. */
	l = open_ledger(f);
	fixture_path(f, "keys/00000001", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(vantio_ledger_rotate(l, &done, &err) < 0);
	assert_int_equal(rmdir(path), 0);
	assert_ok(vantio_ledger_append(l, &r, &err), err);
	assert_ok(vantio_ledger_commit(l, &err), err);
	assert_ok(vantio_ledger_rotate(l, &done, &err), err);
	vantio_ledger_close(l);
	assert_sound(f, 4, 1);
}

/* What cannot be erased is said, each time, and stops nothing. */
static void rotate_says_what_it_could_not_erase(void **state)
{
	struct fixture *f = *state;
	struct vantio_rotation done = { .epoch = 0 };
	struct vantio_error err = { 0 };
	struct vantio_ledger *l;
	const char *notice;
	char path[192];
	bool said = false;
	size_t i;

	fixture_append(f, 2, 2);
	fixture_path(f, "keys/00000099", path); /* a folder: it can be neither overwritten nor unlinked */
	assert_int_equal(mkdir(path, 0700), 0);
	l = open_ledger(f);
	assert_ok(vantio_ledger_rotate(l, &done, &err), err);
	assert_non_null(strstr(done.kept, "could not be erased"));
	vantio_ledger_close(l);
	l = open_ledger(f);
	for (i = 0; (notice = vantio_ledger_notice(l, i)); i++)
		said |= strstr(notice, "keys/00000099") != NULL;
	assert_true(said);
	vantio_ledger_close(l);
	assert_int_equal(rmdir(path), 0);
	fixture_append(f, 1, 1);
	assert_sound(f, 3, 1);
}

/* Files beside the keys that are none of the ledger's are left alone. */
static void rotate_leaves_other_files_beside_the_keys(void **state)
{
	struct fixture *f = *state;
	char path[192];

	fixture_append(f, 2, 2);
	fixture_write(f, "keys/README", "x", 1);
	fixture_write(f, "keys/00000000.bak", "x", 1);
	rotate(f);
	assert_true(there(f, "keys/README") && there(f, "keys/00000000.bak"));
	fixture_path(f, "keys/README", path);
	unlink(path);
	fixture_path(f, "keys/00000000.bak", path);
	unlink(path);
	assert_sound(f, 2, 1);
}

/* A link in the place of an old key is removed, and what it leads to is not written to. */
static void rotate_does_not_follow_a_link_when_it_erases(void **state)
{
	struct fixture *f = *state;
	char path[192], target[192];
	struct stat st;

	fixture_append(f, 2, 2);
	snprintf(target, sizeof(target), "%s/precious", f->dir);
	assert_int_equal(close(open(target, O_WRONLY | O_CREAT, 0600)), 0);
	assert_int_equal(truncate(target, 10), 0);
	fixture_path(f, "keys/00000042", path);
	assert_int_equal(symlink(target, path), 0);
	rotate(f);
	assert_false(there(f, "keys/00000042"));
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_size, 10);
	assert_sound(f, 2, 1);
}

/* ---- while others look ---- */

struct rotating {
	const struct fixture *f;
	atomic_bool ended;
};

static void *rotate_on(void *arg)
{
	struct rotating *w = arg;
	struct vantio_rotation done;
	struct vantio_error err = { 0 };
	struct vantio_ledger *l = open_ledger(w->f);
	struct vantio_record r;
	uint64_t i;

	for (i = 0; i < 200; i++) {
		r = fixture_record(i);
		assert_ok(vantio_ledger_append(l, &r, &err), err);
		assert_ok(vantio_ledger_commit(l, &err), err);
		assert_ok(vantio_ledger_rotate(l, &done, &err), err);
	}
	vantio_ledger_close(l);
	atomic_store(&w->ended, true);
	return NULL;
}

static void rotate_beside_verification_and_readers_disturbs_neither(void **state)
{
	struct fixture *f = *state;
	struct vantio_verify_options opts = { .state_dir = f->state };
	struct rotating w = { .f = f };
	struct vantio_error err = { 0 };
	struct vantio_ledger_report r;
	struct vantio_reader *reader;
	struct vantio_prover *prover;
	pthread_t thread;
	int i;

	fixture_append(f, 10, 10);
	assert_int_equal(pthread_create(&thread, NULL, rotate_on, &w), 0);
	assert_ok(vantio_reader_open(f->ledger, &reader, &err), err);
	for (i = 0; !atomic_load(&w.ended); i++) {
		r = verify_with(f, &opts);
		if (r.verdict != (i ? VANTIO_LEDGER_OK : VANTIO_LEDGER_UNANCHORED))
			fail_msg("look %d: verdict %d: %s", i, r.verdict, r.reason);
		assert_ok(vantio_reader_refresh(reader, &err), err);
		assert_ok(vantio_prover_open(f->ledger, &prover, &err), err);
		vantio_prover_close(prover);
	}
	vantio_reader_close(reader);
	pthread_join(thread, NULL);
	assert_sound(f, 210, 200);
}

/* ---- receipts ---- */

struct proving {
	struct vantio_prover *prover;
	struct vantio_buf text;
};

static int prove(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	struct proving *p = ctx;

	return vantio_prover_write(p->prover, hit, NULL, 0, &p->text, err);
}

static struct vantio_buf receipt_of(const struct fixture *f, uint64_t leaf)
{
	struct vantio_query q = { .until = UINT64_MAX, .decision = -1, .limit = 1, .has_after = leaf > 0, .after = leaf - 1 };
	struct proving p = { .text = VANTIO_BUF_INIT };
	struct vantio_error err = { 0 };
	struct vantio_reader *r;

	assert_ok(vantio_reader_open(f->ledger, &r, &err), err);
	assert_ok(vantio_prover_open(f->ledger, &p.prover, &err), err);
	assert_ok(vantio_reader_find(r, &q, prove, &p, &err), err);
	vantio_prover_close(p.prover);
	vantio_reader_close(r);
	return p.text;
}

static void rotate_receipts_are_signed_by_the_epoch_of_their_record(void **state)
{
	static const uint64_t epoch_of[] = { 0, 0, 2, 2, 3 }; /* epoch 1 is empty */
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_receipt receipt;
	struct vantio_vkey genesis;
	struct vantio_buf text;
	char *vkey, note[32];
	size_t len;
	uint64_t leaf;

	fixture_append(f, 2, 2);
	rotate(f);
	rotate(f);
	fixture_append(f, 2, 2);
	rotate(f);
	fixture_append(f, 1, 1);
	vkey = fixture_read(f, "epochs/00000000", &len);
	assert_ok(vantio_vkey_parse(vkey, len, &genesis, &err), err);
	free(vkey);
	for (leaf = 0; leaf < VANTIO_ARRAY_SIZE(epoch_of); leaf++) {
		text = receipt_of(f, leaf);
		assert_ok(vantio_receipt_verify(text.data, text.len, &genesis, &receipt, &err), err);
		assert_int_equal(receipt.epoch, epoch_of[leaf]);
		/* With the notes of epochs 1 to its own, and no other, before the proof (whose checkpoint may be a seal). */
		strstr(text.data, VANTIO_RECEIPT_PROOF)[0] = '\0';
		snprintf(note, sizeof(note), "\nepoch %u ", (unsigned)epoch_of[leaf]);
		assert_true(!epoch_of[leaf] == !strstr(text.data, note));
		snprintf(note, sizeof(note), "\nepoch %u ", (unsigned)epoch_of[leaf] + 1);
		assert_null(strstr(text.data, note));
		vantio_buf_free(&text);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(rotate_new_key_signs_on_and_the_old_one_is_gone),
		CASE(rotate_empty_epochs_are_sealed_too),
		CASE(rotate_commits_what_is_staged),
		CASE(rotate_old_secret_is_overwritten),
		CASE(rotate_interrupted_at_any_step_is_finished_or_undone),
		CASE(rotate_that_cannot_begin_leaves_the_old_key_at_work),
		CASE(rotate_says_what_it_could_not_erase),
		CASE(rotate_leaves_other_files_beside_the_keys),
		CASE(rotate_does_not_follow_a_link_when_it_erases),
		CASE(rotate_beside_verification_and_readers_disturbs_neither),
		CASE(rotate_receipts_are_signed_by_the_epoch_of_their_record),
	};

	return cmocka_run_group_tests_name("rotate", tests, NULL, NULL);
}
