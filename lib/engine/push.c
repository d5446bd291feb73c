// SPDX-License-Identifier: Apache-2.0
/*
 * Pushing: the image is written into a fresh map that nobody sees, frozen, and put into its slot by one store. A decision that is
 * under way keeps the old image; the kernel frees it after a grace period.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/held.h"
#include "engine/history.h"
#include "engine/hooks.h"
#include "engine/image_map.h"
#include "engine/internal.h"

/* ---- slots ---- */

/* -ENOENT: the slot is free. -EAGAIN: its image was replaced meanwhile. */
static int read_once(const struct vantio_engine *e, uint32_t slot, struct vantio_image_header *ret, struct vantio_error *err)
{
	cleanup_close int fd = -1;
	uint32_t id;

	if (bpf_map_lookup_elem(e->policies, &slot, &id))
		return errno == ENOENT ? -ENOENT : vantio_fail(err, errno, "cannot read policy slot %u: %s", slot, strerror(errno));
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : vantio_fail(err, errno, "cannot read policy slot %u: %s", slot, strerror(errno));
	return vantio_image_map_header(fd, ret, err);
}

/* -ENOENT: the slot is free. */
static int read_header(const struct vantio_engine *e, uint32_t slot, struct vantio_image_header *ret, struct vantio_error *err)
{
	int r;

	do
		r = read_once(e, slot, ret, err);
	while (r == -EAGAIN);
	return r;
}

int vantio_engine_slots(const struct vantio_engine *e, struct vantio_slot ret[VANTIO_SLOTS], size_t *ret_n, struct vantio_error *err)
{
	struct vantio_image_header header = {};
	struct vantio_pushed pushed = {};
	uint32_t slot;
	size_t n = 0;
	int r;

	for (slot = 0; slot < VANTIO_SLOTS; slot++) {
		struct vantio_slot *s = &ret[n];

		r = read_header(e, slot, &header, err);
		if (r == -ENOENT)
			continue;
		if (r)
			return r;
		memset(s, 0, sizeof(*s));
		s->slot = slot;
		s->gen = header.gen;
		s->flags = header.flags;
		memcpy(s->policy_hash, header.policy_hash, sizeof(s->policy_hash));
		snprintf(s->name, sizeof(s->name), "%.*s", VANTIO_NAME_MAX, header.name);
		if (!vantio_history_read(header.gen, &pushed, err)) {
			snprintf(s->file, sizeof(s->file), "%s", pushed.policy->file);
			vantio_pushed_free(&pushed);
		}
		n++;
	}
	*ret_n = n;
	return 0;
}

static int choose_slot(const struct vantio_engine *e, const char *name, uint32_t *ret, struct vantio_error *err)
{
	struct vantio_image_header header = {};
	uint32_t slot, unused = VANTIO_SLOTS;
	int r;

	for (slot = 0; slot < VANTIO_SLOTS; slot++) {
		r = read_header(e, slot, &header, err);
		if (r && r != -ENOENT)
			return r;
		if (!r && !strcmp(header.name, name)) {
			*ret = slot;
			return 0;
		}
		if (r && unused == VANTIO_SLOTS)
			unused = slot;
	}
	if (unused < VANTIO_SLOTS) {
		*ret = unused;
		return 0;
	}
	return vantio_fail(err, ENOSPC, "%d policies are in force already, which is the limit", VANTIO_SLOTS);
}

/* ---- pushing ---- */

uint32_t vantio_policy_unenforced(const struct vantio_policy *p)
{
	uint32_t lost = vantio_hooks_lost(VANTIO_PINS);

	for (int s = 0; s < VANTIO_SURFACE_MAX; s++)
		if (p->kernel_allow[s])
			lost &= ~(1u << s);
	return lost;
}

static void describe_unenforced(const struct vantio_policy *p, struct vantio_buf *out)
{
	uint32_t lost = vantio_policy_unenforced(p);
	char names[256];

	vantio_hooks_spell(lost, names, sizeof(names));
	if (lost)
		vantio_buf_printf(out, " not enforced: %s;", names);
}

/* The inodes that are held: file.deny[2]=8:1/1234, device and number; ~ before those that the name does not lead to any more. */
static void describe_held(const struct vantio_held_set *held, struct vantio_buf *out)
{
	size_t i;

	for (i = 0; i < held->n; i++) {
		const struct vantio_held_item *h = &held->items[i];

		if (out->len > VANTIO_STAGED_TEXT - 256) {
			vantio_buf_printf(out, " and %zu more inodes", held->n - i);
			return;
		}
		vantio_buf_printf(out, " %s[%u]=%s%u:%u/%llu", vantio_list_name(h->list), h->rule, h->former ? "~" : "", h->dev >> 20,
				  h->dev & 0xfffff, (unsigned long long)h->ino);
	}
}

/* What the record of a push says: the policy, and what its host names stand for, as far as there is room. */
static void describe_push(const struct vantio_policy *p, const struct vantio_resolution *res, struct vantio_buf *out)
{
	char hash[65], address[INET6_ADDRSTRLEN];
	size_t i;

	vantio_hex(hash, p->hash, sizeof(p->hash));
	vantio_buf_printf(out, "policy %s %s", p->name, hash);
	describe_unenforced(p, out);
	for (i = 0; res && i < res->n; i++) {
		const struct vantio_resolved *r = &res->items[i];

		if (out->len > VANTIO_STAGED_TEXT - 256) {
			vantio_buf_printf(out, " and %zu more", res->n - i);
			return;
		}
		inet_ntop(r->net.family == 4 ? AF_INET : AF_INET6, r->net.addr, address, sizeof(address));
		if (r->rule < p->lists[r->list].n)
			vantio_buf_printf(out, " %s[%u]=%s", vantio_list_name(r->list), r->rule, address);
		else
			vantio_buf_printf(out, " resolver=%s", address);
	}
}

static int next_gen(const struct vantio_engine *e, uint64_t *ret, struct vantio_error *err)
{
	struct vantio_control control;
	int r = vantio_engine_control(e, &control, err);

	if (r)
		return r;
	control.gen++;
	r = vantio_engine_set_control(e, &control, err);
	if (!r)
		*ret = control.gen;
	return r;
}

/* What the denied names lead to now, and what the policy that is in this slot holds by the same rules. */
static int hold(const struct vantio_engine *e, const struct vantio_policy *p, uint32_t slot, const struct vantio_held_set *found,
		struct vantio_held_set *ret, struct vantio_error *err)
{
	struct vantio_image_header header = {};
	struct vantio_error ignored = {};
	struct vantio_pushed before = {};
	int r;

	if (!vantio_held_names(p))
		return 0;
	r = found ? vantio_held_copy(found, ret, err) : vantio_held_find(e, p, ret, err);
	if (r)
		return r;
	r = read_header(e, slot, &header, &ignored);
	if (!r && !vantio_history_read(header.gen, &before, &ignored)) {
		r = vantio_held_keep(p, ret, before.policy, &before.held, err);
		vantio_pushed_free(&before);
		return r;
	}
	return 0;
}

int vantio_engine_push(struct vantio_engine *e, struct vantio_policy *p, const char *text, size_t len, const char *workdir,
		       const struct vantio_resolution *res, const struct vantio_held_set *found, char *const *protect, size_t n_protect,
		       struct vantio_slot *ret, struct vantio_error *err)
{
	cleanup_held struct vantio_held_set held = {};
	cleanup_free struct vantio_held *table = NULL;
	cleanup_image struct vantio_image *image = NULL;
	struct vantio_error ignored = {};
	cleanup_close int map = -1;
	cleanup_buf struct vantio_buf note = VANTIO_BUF_INIT;
	uint32_t slot = 0, n_table = 0;
	uint64_t gen = 0;
	int r = vantio_policy_protect(p, protect, n_protect, err);

	if (!r)
		r = vantio_image_compile(p, res, &image, err);
	if (!r)
		r = choose_slot(e, p->name, &slot, err);
	if (!r)
		r = hold(e, p, slot, found, &held, err);
	if (!r)
		r = vantio_held_table(&held, &table, &n_table, err);
	if (!r)
		r = next_gen(e, &gen, err);
	if (r)
		return r;
	r = vantio_image_map_create(image, p->name, gen, table, n_table, &map, err);
	if (!r)
		r = vantio_history_write(gen, slot, p, workdir, text, len, res, &held, protect, n_protect, err);
	if (!r)
		r = bpf_map_update_elem(e->policies, &slot, &map, BPF_ANY) ?
			    vantio_fail(err, errno, "cannot put the policy in force: %s", strerror(errno)) : 0;
	if (r)
		return r;
	memset(ret, 0, sizeof(*ret));
	ret->slot = slot;
	ret->gen = gen;
	ret->flags = ((const struct vantio_image_header *)image->cells)->flags;
	memcpy(ret->policy_hash, p->hash, sizeof(ret->policy_hash));
	snprintf(ret->name, sizeof(ret->name), "%s", p->name);
	snprintf(ret->file, sizeof(ret->file), "%s", p->file);
	describe_push(p, res, &note);
	describe_held(&held, &note);
	if (!note.failed)
		vantio_engine_note(e, VANTIO_OP_PUSH, VANTIO_PERMIT, 0, gen, note.data, &ignored);
	return 0;
}
