// SPDX-License-Identifier: Apache-2.0
/*
 * check DIR STATE [ACKS]: whether a ledger holds what was promised, after a writer was cut short or failed. STATE is a file of the
 * roots that were seen, `SIZE ROOT` a line, to which this adds; ACKS holds drive's lines.
 *
 *   1. every signed checkpoint in the folder is noted: the published one, and one that was signed and not yet renamed;
 *   2. the next writer opens the ledger, appends and closes; the new checkpoint is noted too;
 *      no private key is left but that of the newest epoch;
 *   3. `ledger verify` finds nothing wrong;
 *   4. each acknowledged record is the leaf that it was acknowledged as, and each root ever noted is that of the log at its size.
 *
 * With ACKS left out only (1): what storm does between two kills.
 */
#include <dirent.h>
#include <inttypes.h>

#include "base/mem.h"
#include "base/text.h"
#include "../unit/ledger_fixture.h"
#include "ledger/keys.h"
#include "ledger/store.h"

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	return 1;
}

/* ---- roots ---- */

static int note_file(int dirfd, const char *name, const struct vantio_epochs *epochs, FILE *roots)
{
	struct vantio_error err = { 0 };
	cleanup_free char *note = NULL;
	struct vantio_checkpoint c;
	char hex[65];
	size_t len, i;
	int r;

	if (vantio_store_read(dirfd, name, VANTIO_NOTE_MAX, &note, &len, &err) < 0)
		return 0; /* it was there when the folder was listed: a writer is at work */
	for (i = epochs->n, r = -1; i-- && r < 0;)
		r = vantio_checkpoint_open(note, len, &epochs->items[i].key, &c, &err);
	/* A temporary file may be cut short: then it is no signed checkpoint, and nobody can show it. */
	if (r < 0)
		return name[0] == '.' ? 0 : complain(name, err.text);
	vantio_hex(hex, c.root.b, sizeof(c.root.b));
	fprintf(roots, "%" PRIu64 " %s\n", c.size, hex);
	return 0;
}

static int note_roots(const char *dir, const char *state)
{
	struct vantio_epochs epochs = { NULL, 0 };
	struct vantio_error err = { 0 };
	struct vantio_vkey genesis;
	cleanup_close int dirfd = vantio_store_open_dir(dir, &err);
	cleanup_dir DIR *list = opendir(dir);
	cleanup_file FILE *roots = fopen(state, "a");
	struct dirent *d;
	char hex[65];
	size_t i;
	int r = 0;

	if (!list || vantio_ledger_genesis_load(dirfd, &genesis, &err) < 0)
		return 0; /* killed before there was a ledger */
	if (!roots)
		return complain(state, "cannot be written");
	if (vantio_epochs_load(dirfd, &genesis, &epochs, &err) < 0)
		return complain("epochs", err.text);
	for (i = 1; i < epochs.n; i++) {
		vantio_hex(hex, epochs.items[i].root.b, sizeof(epochs.items[i].root.b));
		fprintf(roots, "%" PRIu64 " %s\n", epochs.items[i].begin, hex); /* seals are signed roots too */
	}
	while (r == 0 && (d = readdir(list)))
		if (!strcmp(d->d_name, "checkpoint") || !strncmp(d->d_name, ".checkpoint.", 12))
			r = note_file(dirfd, d->d_name, &epochs, roots);
	vantio_epochs_clear(&epochs);
	return r;
}

/* ---- the log against what was promised ---- */

struct known {
	uint64_t at;    /* size of a root, or leaf of an acknowledged record */
	uint64_t trace;
	struct vantio_hash root;
};

struct knowns {
	struct known *items; /* owned */
	size_t n;
};

static int by_at(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* A writer that was killed may have left half a line: it is no acknowledgement, and storm ends it with an empty one. */
static int read_known(const char *path, bool acks, struct knowns *ret)
{
	cleanup_file FILE *in = fopen(path, "r");
	struct known k = { .at = 0 };
	char line[160], hex[65];
	bool good;

	if (!in)
		return complain(path, "cannot be read");
	while (fgets(line, sizeof(line), in)) {
		if (acks && (line[0] == '\n' || !strchr(line, '\n')))
			continue;
		good = acks ? sscanf(line, "ack %" SCNu64 " %" SCNu64, &k.at, &k.trace) == 2 :
			      sscanf(line, "%" SCNu64 " %64s", &k.at, hex) == 2 && vantio_unhex(k.root.b, 32, hex, strlen(hex));
		if (!good)
			return complain(path, line);
		if (!(ret->n & (ret->n - 1)))
			ret->items = realloc(ret->items, (ret->n ? 2 * ret->n : 1) * sizeof(k));
		ret->items[ret->n++] = k;
	}
	qsort(ret->items, ret->n, sizeof(k), by_at);
	return 0;
}

struct walk {
	struct knowns acks, roots;
	size_t ack, root;
	struct vantio_merkle tree;
};

static int check_roots(struct walk *w)
{
	struct vantio_hash root;
	char what[96];

	for (; w->root < w->roots.n && w->roots.items[w->root].at == w->tree.size; w->root++) {
		vantio_merkle_root(&w->tree, &root);
		snprintf(what, sizeof(what), "size %" PRIu64, w->tree.size);
		if (!vantio_hash_equal(&root, &w->roots.items[w->root].root))
			return complain(what, "two roots were signed for it");
	}
	return 0;
}

static int check_line(struct walk *w, struct vantio_span line)
{
	struct vantio_record_fields f;
	struct vantio_error err = { 0 };
	struct vantio_hash hash;
	char what[96];

	snprintf(what, sizeof(what), "leaf %" PRIu64, w->tree.size);
	if (vantio_record_scan(line.p, line.len, &f, &err) < 0)
		return complain(what, err.text);
	for (; w->ack < w->acks.n && w->acks.items[w->ack].at == w->tree.size; w->ack++)
		if (w->acks.items[w->ack].trace != f.trace_id)
			return complain(what, "another record was acknowledged as it");
	vantio_leaf_hash(&hash, line.p, line.len);
	vantio_merkle_add(&w->tree, 0, &hash, NULL, NULL, &err);
	return check_roots(w);
}

static int walk_segment(struct walk *w, int dirfd, uint64_t segment)
{
	struct vantio_error err = { 0 };
	char path[VANTIO_STORE_NAME_MAX];
	struct vantio_lines lines;
	struct vantio_span line;
	cleanup_close int fd = -1;
	int r;

	vantio_segment_path(path, "log", segment);
	fd = vantio_store_open(dirfd, path, O_RDONLY, 0, &err);
	if (fd < 0)
		return fd == -ENOENT ? fd : complain(path, err.text);
	r = vantio_lines_init(&lines, fd, 0, VANTIO_RECORD_LINE_MAX, &err);
	while (r == 0 && (r = vantio_lines_next(&lines, &line, &err)) == 1)
		r = check_line(w, line);
	vantio_lines_clear(&lines);
	return r < 0 ? complain(path, err.text) : r;
}

static int check_log(const char *dir, struct walk *w)
{
	struct vantio_error err = { 0 };
	cleanup_close int dirfd = vantio_store_open_dir(dir, &err);
	uint64_t segment = 0;
	int r = check_roots(w);

	while (r == 0)
		r = walk_segment(w, dirfd, segment++);
	if (r != -ENOENT)
		return 1;
	if (w->ack < w->acks.n || w->root < w->roots.n) {
		fprintf(stderr, "the log ends at %" PRIu64 "; behind it lies %s\n", w->tree.size,
			w->ack < w->acks.n ? "a record that was acknowledged" : "a checkpoint that was signed");
		return 1;
	}
	return 0;
}

static int start_again(const char *dir)
{
	struct vantio_record r = fixture_record(0);
	struct vantio_ledger *l = NULL;
	struct vantio_error err = { 0 };

	if (vantio_ledger_open(dir, &l, &err) < 0)
		return complain("the next start", err.text);
	if (vantio_ledger_append(l, &r, &err) < 0 || vantio_ledger_commit(l, &err) < 0)
		return complain("the next append", err.text);
	vantio_ledger_close(l);
	return 0;
}

/* Whoever takes the machine now must not find a key of an epoch that is over. */
static int check_keys(const char *dir)
{
	char path[4096];
	cleanup_dir DIR *list = NULL;
	struct dirent *d;
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/keys", dir);
	list = opendir(path);
	while (list && (d = readdir(list)))
		n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
	return n == 1 ? 0 : complain(path, "it does not hold one key");
}

static int verify(const char *dir)
{
	struct vantio_verify_options opts = { .vkey = NULL };
	struct vantio_ledger_report report;
	struct vantio_error err = { 0 };

	if (vantio_ledger_verify(dir, &opts, &report, &err) < 0)
		return complain("verify", err.text);
	return report.verdict == VANTIO_LEDGER_UNANCHORED ? 0 : complain("verify", report.reason);
}

int main(int argc, char **argv)
{
	struct walk w = { .ack = 0 };
	int r;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: check DIR STATE [ACKS]\n");
		return 2;
	}
	r = note_roots(argv[1], argv[2]);
	if (r || argc == 3)
		return r;
	r = start_again(argv[1]);
	if (r == 0)
		r = note_roots(argv[1], argv[2]);
	if (r == 0)
		r = check_keys(argv[1]);
	if (r == 0)
		r = verify(argv[1]);
	if (r == 0)
		r = read_known(argv[3], true, &w.acks) || read_known(argv[2], false, &w.roots);
	if (r == 0)
		r = check_log(argv[1], &w);
	free(w.acks.items);
	free(w.roots.items);
	return r;
}
