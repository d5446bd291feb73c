// SPDX-License-Identifier: Apache-2.0
/* Older states put back, forks, and other ledgers in the place of this one. */
#include "ledger_hands.h"

static void put_back_old_state(const struct fixture *f, bool log_too)
{
	fixture_append(f, 10, 10);
	copy_ledger(f, "old");
	fixture_append(f, 300, 50);
	copy_ledger(f, "new");
	restore(f, "old", "checkpoint");
	if (!log_too)
		return;
	restore(f, "old", "log");
	restore(f, "old", "private");
	restore(f, "old", "tile");
}

static void rollback_older_state_is_seen_by_the_index(void **state)
{
	struct fixture *f = *state;
	struct vantio_ledger_report r;

	put_back_old_state(f, false);
	r = verify(f);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_non_null(strstr(r.reason, "the index knows 310 records"));
}

static void rollback_older_state_without_index_is_never_plainly_ok(void **state)
{
	struct fixture *f = *state;

	put_back_old_state(f, false);
	drop_index(f);
	assert_int_equal(verify(f).verdict, VANTIO_LEDGER_UNANCHORED);
}

static void rollback_older_state_is_seen_by_a_kept_checkpoint(void **state)
{
	struct fixture *f = *state;
	struct vantio_verify_options opts = { .vkey = NULL };
	struct vantio_ledger_report r;
	char against[128];

	put_back_old_state(f, true);
	drop_index(f);
	snprintf(against, sizeof(against), "%s/new/checkpoint", f->dir);
	opts.against = against;
	r = verify_with(f, &opts);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_int_equal(r.leaf, 10);
	snprintf(against, sizeof(against), "%s/old/checkpoint", f->dir);
	assert_int_equal(verify_with(f, &opts).verdict, VANTIO_LEDGER_OK);
	snprintf(against, sizeof(against), "%s/none", f->dir);
	assert_int_equal(verify_with(f, &opts).verdict, VANTIO_LEDGER_INCONCLUSIVE);
	snprintf(against, sizeof(against), "%s/new/log/00000000.ndjson", f->dir);
	r = verify_with(f, &opts);
	assert_true(r.verdict == VANTIO_LEDGER_FAIL || r.verdict == VANTIO_LEDGER_INCONCLUSIVE);
}

static void rollback_older_state_is_seen_by_the_remembered_head(void **state)
{
	struct fixture *f = *state;
	struct vantio_verify_options opts = { .state_dir = f->state };
	struct vantio_ledger_report r;
	char command[512];

	fixture_append(f, 10, 10);
	copy_ledger(f, "old");
	fixture_append(f, 300, 50);
	assert_int_equal(verify_with(f, &opts).verdict, VANTIO_LEDGER_UNANCHORED);
	assert_int_equal(verify_with(f, &opts).verdict, VANTIO_LEDGER_OK);
	snprintf(command, sizeof(command), "rm -rf %s && mv %s/old %s", f->ledger, f->dir, f->ledger);
	assert_int_equal(system(command), 0);
	r = verify_with(f, &opts);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_non_null(strstr(r.reason, "verified before"));
	/* The failure is not remembered: the true ledger would still be OK. */
	fixture_append(f, 300, 50);
	r = verify_with(f, &opts);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_non_null(strstr(r.reason, "history was rewritten"));
}

/* A head of an empty ledger speaks for no record: whatever is put back continues it. */
static void rollback_head_of_an_empty_ledger_anchors_nothing(void **state)
{
	struct fixture *f = *state;
	struct vantio_verify_options opts = { .state_dir = f->state };
	struct vantio_ledger_report r;

	fixture_append(f, 0, 10);
	assert_int_equal(verify_with(f, &opts).verdict, VANTIO_LEDGER_UNANCHORED);
	fixture_append(f, 10, 10);
	assert_int_equal(verify_with(f, &opts).verdict, VANTIO_LEDGER_UNANCHORED);
	fixture_append(f, 10, 10);
	r = verify_with(f, &opts);
	assert_int_equal(r.verdict, VANTIO_LEDGER_OK);
	assert_int_equal(r.anchored, 10);
}

static void rollback_fork_is_seen_by_a_kept_checkpoint(void **state)
{
	struct fixture *f = *state;
	struct vantio_verify_options opts = { .vkey = NULL };
	struct vantio_ledger_report r;
	char against[128], command[512];

	fixture_append(f, 10, 10);
	copy_ledger(f, "fork");
	fixture_append(f, 5, 5);
	copy_ledger(f, "first");
	/* The other branch, with the same key. */
	snprintf(command, sizeof(command), "rm -rf %s && mv %s/fork %s", f->ledger, f->dir, f->ledger);
	assert_int_equal(system(command), 0);
	fixture_append(f, 7, 7);
	assert_int_equal(verify(f).verdict, VANTIO_LEDGER_UNANCHORED);
	snprintf(against, sizeof(against), "%s/first/checkpoint", f->dir);
	opts.against = against;
	r = verify_with(f, &opts);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_non_null(strstr(r.reason, "history was rewritten"));
}

static void rollback_another_ledgers_key_and_checkpoint_are_refused(void **state)
{
	struct fixture *f = *state, other = *f;
	struct vantio_verify_options opts = { .vkey = NULL };
	struct vantio_ledger_report r;
	char against[128], *vkey;
	size_t len;

	snprintf(other.ledger, sizeof(other.ledger), "%s/other", f->dir);
	fixture_append(f, 10, 10);
	fixture_append(&other, 10, 10);
	vkey = fixture_read(&other, "epochs/00000000", &len);
	opts.vkey = vkey;
	r = verify_with(f, &opts);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	free(vkey);
	opts.vkey = NULL;
	snprintf(against, sizeof(against), "%s/checkpoint", other.ledger);
	opts.against = against;
	r = verify_with(f, &opts);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	opts.against = NULL;
	opts.vkey = "not a key";
	assert_int_equal(verify_with(f, &opts).verdict, VANTIO_LEDGER_INCONCLUSIVE);
	/* The whole folder of the other, in the place of this one, under this one's key. */
	vkey = fixture_read(f, "epochs/00000000", &len);
	opts.vkey = vkey;
	assert_int_equal(verify_with(&other, &opts).verdict, VANTIO_LEDGER_FAIL);
	free(vkey);
}

static void rollback_replaced_epoch_root_is_seen(void **state)
{
	struct fixture *f = *state;
	struct vantio_skey next, key;
	struct vantio_ledger_report r;
	size_t len;
	char *note, *root;

	fixture_append(f, 12, 12);
	next = seal(f, NULL);
	sign_with(f, &next);
	/* The old key seals another history of the same length. */
	key = load_key(f, 0);
	note = fixture_read(f, "epochs/00000001", &len);
	root = strchr(strchr(note, '\n') + 1, '\n') + 1;
	root[3] = root[3] == 'A' ? 'B' : 'A';
	strstr(note, "\n\n")[1] = '\0';
	write_note(f, "epochs/00000001", note, &key);
	free(note);
	r = verify(f);
	assert_int_equal(r.verdict, VANTIO_LEDGER_FAIL);
	assert_non_null(strstr(r.reason, "the seal of epoch 0"));
}

static void verify_changes_nothing_in_the_folder(void **state)
{
	struct fixture *f = *state;
	struct vantio_verify_options opts = { .state_dir = f->state };
	char command[512];

	fixture_append(f, 300, 50);
	snprintf(command, sizeof(command), "cd %s && find . -printf '%%p %%m %%s %%T@ %%C@\\n' | sort >../before", f->ledger);
	assert_int_equal(system(command), 0);
	verify_with(f, &opts);
	snprintf(command, sizeof(command), "cd %s && find . -printf '%%p %%m %%s %%T@ %%C@\\n' | sort | cmp - ../before", f->ledger);
	assert_int_equal(system(command), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(rollback_older_state_is_seen_by_the_index),
		CASE(rollback_older_state_without_index_is_never_plainly_ok),
		CASE(rollback_older_state_is_seen_by_a_kept_checkpoint),
		CASE(rollback_older_state_is_seen_by_the_remembered_head),
		CASE(rollback_head_of_an_empty_ledger_anchors_nothing),
		CASE(rollback_fork_is_seen_by_a_kept_checkpoint),
		CASE(rollback_another_ledgers_key_and_checkpoint_are_refused),
		CASE(rollback_replaced_epoch_root_is_seen),
		CASE(verify_changes_nothing_in_the_folder),
	};

	return cmocka_run_group_tests_name("rollback", tests, NULL, NULL);
}
