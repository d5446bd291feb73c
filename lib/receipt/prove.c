// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/text.h"
#include "ledger/tile.h"
#include "receipt/receipt.h"

struct vantio_prover {
	int dirfd;
	struct vantio_epochs epochs;
	struct vantio_head head;
	uint64_t size;
	char *kept; /* owned: a checkpoint to prove by, or NULL */
	size_t kept_len;
	uint64_t kept_size, kept_epoch;
	struct vantio_tile_source tiles;
};

static int read_ledger(struct vantio_prover *p, struct vantio_error *err)
{
	int r;

	if (sodium_init() < 0)
		return vantio_fail(err, EIO, "libsodium cannot be initialised: the system gives no random numbers");
	r = vantio_head_own(p->dirfd, &p->epochs, &p->head, err);
	if (r < 0)
		return vantio_fail_prefix(err, "the ledger's checkpoint; 'vantioctl ledger verify' says more");
	p->size = p->head.checkpoint.size;
	return 0;
}

int vantio_prover_open(const char *dir, struct vantio_prover **ret, struct vantio_error *err)
{
	struct vantio_prover *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return vantio_fail(err, ENOMEM, "out of memory while opening the ledger");
	p->dirfd = vantio_store_open_dir(dir, err);
	r = p->dirfd < 0 ? p->dirfd : read_ledger(p, err);
	if (r < 0) {
		vantio_prover_close(p);
		return r;
	}
	*ret = p;
	return 0;
}

void vantio_prover_close(struct vantio_prover *p)
{
	if (!p)
		return;
	vantio_epochs_clear(&p->epochs);
	vantio_close_fd(&p->dirfd);
	vantio_head_clear(&p->head);
	free(p->kept);
	free(p);
}

int vantio_prover_use(struct vantio_prover *p, const char *note, size_t len, struct vantio_error *err)
{
	struct vantio_checkpoint c;
	struct vantio_hash root;
	size_t epoch = p->epochs.n;
	char *copy;
	int r = -ENOKEY;

	while (epoch && r == -ENOKEY)
		r = vantio_checkpoint_open(note, len, &p->epochs.items[--epoch].key, &c, err);
	if (r < 0)
		return vantio_fail(err, EBADMSG, "the checkpoint to prove by is not one of this ledger: %s", err->text);
	p->tiles = (struct vantio_tile_source){ .dirfd = p->dirfd, .size = p->size };
	r = c.size > p->size ? -EINVAL : vantio_root_at(vantio_tile_node, &p->tiles, c.size, &root, err);
	if (r < 0 || !vantio_hash_equal(&root, &c.root))
		return vantio_fail(err, EBADMSG, "the checkpoint to prove by is not what the ledger was at %llu records; "
				   "'vantioctl ledger verify --against' says more", (unsigned long long)c.size);
	copy = malloc(len);
	if (!copy)
		return vantio_fail(err, ENOMEM, "out of memory while proving");
	memcpy(copy, note, len);
	free(p->kept);
	p->kept = copy;
	p->kept_len = len;
	p->kept_size = c.size;
	p->kept_epoch = epoch;
	return 0;
}

/* ---- one receipt ---- */

static int fail_field(const struct vantio_hit *hit, const char *field, struct vantio_error *err)
{
	cleanup_free char *shown = vantio_escape_dup(field, strlen(field));

	return vantio_fail(err, ENOENT, "leaf %llu has no private field '%s': %s", (unsigned long long)hit->fields.leaf,
			   shown ? shown : "?", hit->private_bad ? "its private line is damaged" :
			   "there is none of that name, or it was erased");
}

static int put_disclosures(struct vantio_buf *out, const struct vantio_hit *hit, const char *const *fields, size_t n_fields,
			   struct vantio_error *err)
{
	cleanup_buf struct vantio_buf scratch = VANTIO_BUF_INIT;
	bool chosen[VANTIO_DISCLOSURES_MAX] = { false };
	struct vantio_span name, value;
	const char *comma = "";
	size_t i, j;

	for (i = 0; i < n_fields; i++) {
		for (j = 0; j < hit->n_private; j++)
			if (vantio_disclosure_open(hit->private[j].text, &scratch, &name, &value, err) == 0 &&
			    name.len == strlen(fields[i]) && !memcmp(name.p, fields[i], name.len))
				break;
		if (j == hit->n_private)
			return fail_field(hit, fields[i], err);
		chosen[j] = true;
	}
	vantio_buf_putc(out, '[');
	for (j = 0; j < hit->n_private; j++) {
		if (!chosen[j])
			continue;
		vantio_buf_printf(out, "%s\"%.*s\"", comma, (int)hit->private[j].text.len, hit->private[j].text.p);
		comma = ",";
	}
	vantio_buf_puts(out, "]\n");
	return 0;
}

static void put_base64(struct vantio_buf *out, const void *bytes, size_t len, struct vantio_error *err)
{
	cleanup_free char *text = malloc(VANTIO_BASE64_STD_LEN(len) + 1);

	if (!text) {
		vantio_fail(err, ENOMEM, "out of memory while writing a receipt");
		out->failed = true;
		return;
	}
	vantio_buf_add(out, text, vantio_base64_encode(VANTIO_BASE64_STD, text, bytes, len));
	vantio_buf_putc(out, '\n');
}

static int read_note(const struct vantio_prover *p, uint64_t epoch, char **ret, size_t *ret_len, struct vantio_error *err)
{
	char path[VANTIO_STORE_NAME_MAX];

	vantio_epoch_path(path, epoch);
	return vantio_store_read(p->dirfd, path, VANTIO_NOTE_MAX, ret, ret_len, err);
}

static int put_epochs(const struct vantio_prover *p, uint64_t epoch, struct vantio_buf *out, struct vantio_error *err)
{
	uint64_t n;
	int r = 0;

	for (n = 1; n <= epoch && r == 0; n++) {
		cleanup_free char *note = NULL;
		size_t len;

		r = read_note(p, n, &note, &len, err);
		if (r < 0)
			break;
		vantio_buf_printf(out, "epoch %llu ", (unsigned long long)n);
		put_base64(out, note, len, err);
	}
	return r;
}

static int fail_kept(const struct vantio_prover *p, uint64_t leaf, uint64_t epoch, struct vantio_error *err)
{
	if (epoch != p->kept_epoch)
		return vantio_fail(err, ERANGE, "leaf %llu is of epoch %llu, and the checkpoint to prove by is signed in epoch %llu",
				   (unsigned long long)leaf, (unsigned long long)epoch, (unsigned long long)p->kept_epoch);
	return vantio_fail(err, ERANGE, "the checkpoint to prove by covers %llu records; leaf %llu came later",
			   (unsigned long long)p->kept_size, (unsigned long long)leaf);
}

/* The tlog-proof: to the checkpoint that sealed the record's epoch, or to the newest where that epoch still signs. */
static int put_proof(struct vantio_prover *p, uint64_t leaf, uint64_t epoch, struct vantio_buf *out, struct vantio_error *err)
{
	bool sealed = epoch + 1 < p->epochs.n && !p->kept;
	struct vantio_span head = { p->kept ? p->kept : p->head.note, p->kept ? p->kept_len : p->head.len };
	uint64_t size = sealed ? p->epochs.items[epoch + 1].begin : p->kept ? p->kept_size : p->size;
	struct vantio_proof proof;
	cleanup_free char *note = NULL;
	size_t i;
	int r = 0;

	if (p->kept && (epoch != p->kept_epoch || leaf >= size))
		return fail_kept(p, leaf, epoch, err);
	if (sealed) {
		r = read_note(p, epoch + 1, &note, &head.len, err);
		head.p = note;
	}
	if (r < 0)
		return r;
	p->tiles = (struct vantio_tile_source){ .dirfd = p->dirfd, .size = p->size };
	r = vantio_inclusion_prove(vantio_tile_node, &p->tiles, leaf, size, &proof, err);
	if (r < 0)
		return r;
	vantio_buf_printf(out, VANTIO_RECEIPT_PROOF "\nindex %llu\n", (unsigned long long)leaf);
	for (i = 0; i < proof.n; i++)
		put_base64(out, proof.hashes[i].b, sizeof(proof.hashes[i].b), err);
	vantio_buf_putc(out, '\n');
	vantio_buf_add(out, head.p, head.len);
	return 0;
}

int vantio_prover_write(struct vantio_prover *p, const struct vantio_hit *hit, const char *const *fields, size_t n_fields,
			struct vantio_buf *out, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
	uint64_t epoch = vantio_epoch_of(&p->epochs, hit->fields.leaf);
	struct vantio_receipt checked;
	int r;

	vantio_buf_puts(&text, VANTIO_RECEIPT_HEADER "\n");
	vantio_buf_add(&text, hit->line.p, hit->line.len);
	vantio_buf_putc(&text, '\n');
	r = put_disclosures(&text, hit, fields, n_fields, err);
	if (r < 0)
		return r;
	r = put_epochs(p, epoch, &text, err);
	if (r == 0)
		r = put_proof(p, hit->fields.leaf, epoch, &text, err);
	if (r == 0 && text.failed)
		r = vantio_fail(err, ENOMEM, "out of memory while writing a receipt");
	if (r == 0)
		r = vantio_receipt_verify(text.data, text.len, &p->epochs.items[0].key, &checked, err);
	if (r == -ENOMEM || r == -ERANGE)
		return r;
	if (r < 0) {
		err->code = EBADMSG;
		return vantio_fail_prefix(err, "leaf %llu cannot be proved; 'vantioctl ledger verify' says more",
					  (unsigned long long)hit->fields.leaf);
	}
	vantio_buf_add(out, text.data, text.len);
	return out->failed ? vantio_fail(err, ENOMEM, "out of memory while writing a receipt") : 0;
}
