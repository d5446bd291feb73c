// SPDX-License-Identifier: Apache-2.0
/* Verification before the log is read: the chain of keys, older heads, the checkpoint, the index. */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "ledger/verify.h"

#define ANCHORS_FEW 3 /* --against, the head at hand and the remembered one */

void vantio_verify_note(struct vantio_verify *v, const char *fmt, ...)
{
	struct vantio_ledger_report *r = v->report;
	cleanup_free char *shown = NULL;
	char raw[sizeof(r->notes[0])];
	va_list ap;

	if (r->n_notes == VANTIO_ARRAY_SIZE(r->notes))
		return;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	/* What it quotes is the folder's: an error of SQLite names what lies in the index. */
	shown = vantio_escape_dup(raw, strlen(raw));
	snprintf(r->notes[r->n_notes++], sizeof(r->notes[0]), "%s", shown ? shown : "out of memory");
}

static int load_genesis(struct vantio_verify *v, struct vantio_vkey *ret)
{
	struct vantio_error err = { 0 };
	struct vantio_vkey own;
	int r = vantio_ledger_genesis_load(v->dirfd, &own, &err);

	if (!v->opts->vkey) {
		if (r == -ENOENT)
			vantio_finding_set(&v->fatal, "no verifier key was given and the folder names none"), v->fatal.unjudged = true;
		else if (r < 0)
			vantio_finding_error(&v->fatal, &err, 0, ""), v->fatal.has_leaf = false;
		else
			vantio_verify_note(v, "the verifier key was taken from the folder itself; give the one that you trust with --vkey");
		*ret = own;
		return r;
	}
	if (vantio_vkey_parse(v->opts->vkey, strlen(v->opts->vkey), ret, &err) < 0) {
		vantio_finding_set(&v->fatal, "the verifier key that was given cannot be used: %s", err.text);
		v->fatal.unjudged = true;
		return -EINVAL;
	}
	if (r < 0 && r != -ENOENT) {
		vantio_finding_error(&v->fatal, &err, 0, "");
		v->fatal.has_leaf = false;
	} else if (r == 0 && !vantio_vkey_equal(&own, ret)) {
		vantio_finding_set(&v->fatal, "the ledger names another genesis key, %.150s, than the one that was given", own.name);
	}
	return v->fatal.found ? -EBADMSG : 0;
}

/* The epochs that the folder holds must all be on the chain. */
static void check_epoch_gap(struct vantio_verify *v)
{
	struct vantio_error err = { 0 };
	char path[VANTIO_STORE_NAME_MAX];
	cleanup_dir DIR *dir = vantio_store_list(v->dirfd, "epochs", &err);
	struct dirent *d;
	uint64_t n;

	/* where there is none, the given key is the genesis, and it is the only one */
	while (dir && (d = readdir(dir))) {
		const char *name = d->d_name;

		while (*name == '0' && name[1])
			name++;
		if (!vantio_parse_u64(name, strlen(name), UINT64_MAX, &n) || n < v->epochs.n)
			continue;
		/* A writer may have taken a new key just now. */
		vantio_epoch_path(path, v->epochs.n);
		if (vantio_store_exists(v->dirfd, path, &err) != 1)
			vantio_finding_set(&v->fatal, "epoch %zu is missing, though 'epochs/%.20s' is there", v->epochs.n, d->d_name);
	}
}

static void load_epochs(struct vantio_verify *v)
{
	struct vantio_error err = { 0 };
	struct vantio_vkey genesis;

	if (load_genesis(v, &genesis) < 0)
		return;
	strcpy(v->report->origin, genesis.name);
	if (vantio_epochs_load(v->dirfd, &genesis, &v->epochs, &err) < 0) {
		vantio_finding_error(&v->fatal, &err, 0, "");
		v->fatal.has_leaf = false;
		return;
	}
	check_epoch_gap(v);
}

static int by_size(const void *a, const void *b)
{
	const struct vantio_anchor *x = a, *y = b;

	return x->size < y->size ? -1 : x->size > y->size;
}

/* What the log must contain beside the checkpoint. */
static int load_seals(struct vantio_verify *v, struct vantio_error *err)
{
	struct vantio_anchor *grown = realloc(v->anchors, (v->n_anchors + v->epochs.n) * sizeof(*grown)), *a;
	size_t i;

	if (!grown)
		return vantio_fail(err, ENOMEM, "out of memory while verifying");
	v->anchors = grown;
	for (i = 1; i < v->epochs.n; i++) {
		a = &v->anchors[v->n_anchors++];
		*a = (struct vantio_anchor){ .size = v->epochs.items[i].begin, .root = v->epochs.items[i].root };
		snprintf(a->what, sizeof(a->what), "the seal of epoch %zu", i - 1);
	}
	return 0;
}

/* The last of `n` anchors is one from outside (r > 0). That of an empty log speaks for no record, and anchors nothing. */
static void take_anchor(struct vantio_verify *v, int r, size_t n)
{
	if (r > 0 && v->anchors[n - 1].size > v->report->anchored)
		v->report->anchored = v->anchors[n - 1].size;
}

/* Heads from outside: read before the checkpoint, so that a writer can only be further. */
static int load_anchors(struct vantio_verify *v, struct vantio_error *err)
{
	const struct vantio_verify_options *o = v->opts;
	struct vantio_error e = { 0 };
	size_t n = 0;
	int r = 0;

	v->anchors = calloc(ANCHORS_FEW, sizeof(*v->anchors));
	if (!v->anchors)
		return vantio_fail(err, ENOMEM, "out of memory while verifying");
	if (o->against) {
		r = vantio_against_load(o->against, &v->epochs, &v->anchors[n], &v->against, &v->against_len, &v->fatal, &e);
		if (r < 0) {
			vantio_finding_set(&v->fatal, "%s", e.text);
			v->fatal.unjudged = true;
		}
		n += r > 0;
		take_anchor(v, r, n);
	}
	if (o->head && !v->fatal.found)
		n += vantio_anchor_open(o->head, o->head_len, "the checkpoint that was read", &v->epochs, &v->anchors[n], &v->fatal, &e) > 0;
	if (o->state_dir && !v->fatal.found) {
		r = vantio_head_load(o->state_dir, &v->epochs, &v->anchors[n], &v->fatal, &e);
		if (r < 0)
			vantio_verify_note(v, "the head that was verified before cannot be read: %.180s", e.text);
		n += r > 0;
		take_anchor(v, r, n);
	}
	v->n_anchors = n;
	return 0;
}

static void load_checkpoint(struct vantio_verify *v)
{
	struct vantio_error err = { 0 };
	int r;

	r = vantio_head_read(v->dirfd, &v->epochs, &v->head, &err);
	if (r == -ENOENT) {
		vantio_finding_set(&v->fatal, "the checkpoint is missing");
		return;
	}
	if (r == -ENOKEY)
		err.code = EBADMSG;
	if (r < 0) {
		vantio_finding_error(&v->fatal, &err, 0, "the checkpoint");
		v->fatal.has_leaf = false;
		return;
	}
	v->checkpoint = v->head.checkpoint;
	if (v->head.unfinished)
		vantio_verify_note(v, "a rotation of the signing key was cut short; the next writer finishes it");
	v->report->records = v->checkpoint.size;
	v->report->epochs = v->epochs.n;
	vantio_hex(v->report->root, v->checkpoint.root.b, sizeof(v->checkpoint.root.b));
}

/* ---- witnesses ---- */

static bool count_witnesses(struct vantio_verify *v, const char *note, size_t len, uint64_t size, const char *what)
{
	struct vantio_quorum_result result = { .n = 0 };
	struct vantio_ledger_report *r = v->report;
	struct vantio_error err = { 0 };

	if (vantio_quorum_count(v->opts->quorum, note, len, &result, &err) < 0)
		vantio_finding_set(&v->fatal, "%s: %.300s", what, err.text);
	if (result.n > r->witnesses)
		r->witnesses = result.n;
	if (!result.time)
		return false;
	r->witnesses = result.n;
	r->witnessed = size;
	r->witnessed_s = result.time;
	return true;
}

static bool count_against(struct vantio_verify *v)
{
	struct vantio_checkpoint c = { .size = 0 };
	struct vantio_error err;
	size_t i = v->epochs.n;

	if (!v->against)
		return false;
	while (i && vantio_checkpoint_open(v->against, v->against_len, &v->epochs.items[i - 1].key, &c, &err) < 0)
		i--;
	return count_witnesses(v, v->against, v->against_len, c.size, "the checkpoint that was kept elsewhere");
}

/* The newest checkpoint, or the one that was kept elsewhere, must be cosigned; what was appended since is the ledger's word alone. */
static void check_quorum(struct vantio_verify *v)
{
	const struct vantio_quorum *q = v->opts->quorum;
	bool enough;
	size_t i;

	for (i = 0; i < v->epochs.n && !v->fatal.found; i++)
		if (vantio_quorum_has(q, &v->epochs.items[i].key)) {
			vantio_finding_set(&v->fatal, "one of the witnesses has a key of the ledger itself: that witnesses nothing");
			v->fatal.unjudged = true;
		}
	if (v->fatal.found)
		return;
	enough = count_against(v);
	enough |= count_witnesses(v, v->head.note, v->head.len, v->checkpoint.size, "the checkpoint");
	if (!enough)
		vantio_finding_set(&v->quorum, "only %zu of the %zu witnesses that are demanded cosigned it", v->report->witnesses, q->need);
	else if (v->report->witnessed < v->checkpoint.size)
		vantio_verify_note(v, "leaf %llu and those behind it were appended since the witnesses cosigned",
				   (unsigned long long)v->report->witnessed);
}

/* Anchors that need no log: too far ahead, or of the empty tree. */
static void check_anchor_sizes(struct vantio_verify *v)
{
	struct vantio_merkle empty = { .size = 0 };
	struct vantio_hash root;
	size_t i;

	qsort(v->anchors, v->n_anchors, sizeof(*v->anchors), by_size);
	vantio_merkle_root(&empty, &root);
	for (i = 0; i < v->n_anchors; i++) {
		struct vantio_anchor *a = &v->anchors[i];

		if (a->size > v->checkpoint.size)
			vantio_finding_at(&v->anchor, v->checkpoint.size, "%s covers %llu records, the ledger only %llu: records were "
					  "removed, or an older state was put back", a->what, (unsigned long long)a->size,
					  (unsigned long long)v->checkpoint.size);
		else if (!a->size && !vantio_hash_equal(&a->root, &root))
			vantio_finding_set(&v->anchor, "%s has a wrong root for an empty log", a->what);
		if (!a->size)
			v->next_anchor = i + 1;
	}
}

/* The size that the folder's checkpoint has by now; a writer may have gone on. */
static uint64_t size_by_now(struct vantio_verify *v)
{
	struct vantio_error ignored;
	struct vantio_head head;
	uint64_t size;

	if (vantio_head_read(v->dirfd, &v->epochs, &head, &ignored) < 0)
		return v->checkpoint.size;
	size = head.checkpoint.size;
	vantio_head_clear(&head);
	return size;
}

static void load_index(struct vantio_verify *v)
{
	struct vantio_error err = { 0 };
	int r;

	r = vantio_index_open(v->dirfd, VANTIO_INDEX_READ, &v->indexes[0], &err);
	if (r == 0)
		r = vantio_index_count(v->indexes[0], &v->index_rows, &err);
	if (r < 0)
		v->index_rows = 0;
	if (r == -ENOENT) {
		vantio_verify_note(v, "there is no index; 'vantioctl ledger list' builds it");
	} else if (r == -EBADMSG || r == -ELOOP || r == -EINVAL) {
		vantio_finding_set(&v->index_off, "%s: 'vantioctl ledger reindex' builds it anew", err.text);
	} else if (r < 0) {
		vantio_verify_note(v, "the index was not compared: %.200s", err.text);
	} else {
		v->report->index_checked = true;
		if (!vantio_index_guarded(v->indexes[0]))
			vantio_finding_set(&v->index_off, "the index: the triggers that refuse changes are not as they were made: somebody "
					   "changed it; 'vantioctl ledger reindex' builds it anew");
		if (v->index_rows > v->checkpoint.size && v->index_rows > size_by_now(v))
			vantio_finding_at(&v->index_off, v->checkpoint.size, "the index knows %llu records, the checkpoint covers %llu: "
					  "records were removed, or an older state was put back", (unsigned long long)v->index_rows,
					  (unsigned long long)v->checkpoint.size);
		if (v->index_rows < v->checkpoint.size)
			vantio_verify_note(v, "the index is behind: it knows %llu of the records", (unsigned long long)v->index_rows);
	}
}

int vantio_verify_prepare(struct vantio_verify *v, struct vantio_error *err)
{
	int r = 0;

	load_epochs(v);
	if (!v->fatal.found)
		r = load_anchors(v, err);
	if (r == 0 && !v->fatal.found)
		load_checkpoint(v);
	if (r == 0 && !v->fatal.found)
		r = load_seals(v, err);
	if (r < 0 || v->fatal.found)
		return r;
	vantio_verify_choose(v);
	if (v->fatal.found)
		return 0;
	check_anchor_sizes(v);
	if (v->opts->quorum)
		check_quorum(v);
	if (!v->fatal.found)
		load_index(v);
	return 0;
}
