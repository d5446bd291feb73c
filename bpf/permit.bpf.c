// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Permits that are kept: see permit.h. */
#include "path.h"
#include "permit.h"
#include "ruling.h"

#define VANTIO_PERMIT_MIX 0x9e3779b97f4a7c15ull

vantio_inline __u64 vantio_permit_sum(const struct vantio_permit *p)
{
	const __u64 *words = (const void *)p;
	__u64 sum = VANTIO_PERMIT_MIX;
	__u32 i;

	for (i = 0; i < sizeof(*p) / 8 - 1; i++) {
		sum = (sum ^ words[i]) * VANTIO_PERMIT_MIX;
		sum ^= sum >> 29;
	}
	return sum;
}

vantio_inline __u64 vantio_permit_bits(const struct vantio_ask *ask)
{
	return (__u64)ask->access << (ask->domain == VANTIO_DOMAIN_EXEC ? 8 : 0);
}

__attribute__((noinline)) int vantio_permit_begin(struct vantio_ask *ask)
{
	struct vantio_names now;

	if (!ask)
		return 0;
	ask->given = 0;
	vantio_names_now(&now);
	ask->names = now;
	return 0;
}

/* Whether the caller may go on at all, with nothing to be written down and nothing to be counted. Its policy's generation, or 0. */
static __attribute__((noinline)) __u64 vantio_permit_gen(__u32 hook, __u32 op, const struct vantio_label *label, __u32 *ret_slot)
{
	struct vantio_control *control = vantio_control_get();
	struct vantio_agent *agent = vantio_agent_get(label->agent);
	__u32 kind = vantio_limit_of(hook, op);
	struct vantio_answer a;

	if (!control || !agent || control->kill_all || control->audit || agent->state != VANTIO_AGENT_ENROLLED)
		return 0;
	*ret_slot = agent->slot;
	vantio_scan_nothing(agent->slot, VANTIO_DOMAIN_FILE, &a);
	if (a.bad || (a.flags & (VANTIO_IMAGE_AUDIT | VANTIO_IMAGE_RECORD_ALL)))
		return 0;
	return kind < VANTIO_LIMIT_MAX && (a.limited >> (kind & 31) & 1) ? 0 : a.gen;
}

__attribute__((noinline)) int vantio_permit_ungoverned(__u32 hook, __u32 op, struct vantio_label *label)
{
	__u32 slot;

	return label && vantio_permit_gen(hook, op, label, &slot);
}

/* Whether it was found for this mount, and its names stand. */
vantio_inline int vantio_permit_stands(const struct vantio_permit *kept, const struct vantio_ask *ask, __u64 bits)
{
	struct vantio_names now;

	if (kept->mnt != ask->mnt || (kept->granted & bits) != bits || kept->sum != vantio_permit_sum(kept))
		return 0;
	if (!vantio_names_now(&now) || now.renames != kept->names.renames || now.mounts != kept->names.mounts)
		return 0;
	return bpf_jiffies64() - kept->since <= VANTIO_PERMIT_JIFFIES;
}

__attribute__((noinline)) int vantio_permit_holds(struct vantio_permit *p, struct vantio_ask *ask, struct vantio_label *label)
{
	struct vantio_permit kept;
	struct dentry *dentry;
	__u32 slot;

	if (!p || !ask || !label)
		return 0;
	kept = *p;
	dentry = (void *)ask->dentry;
	if (kept.dentry != ask->dentry || !vantio_permit_stands(&kept, ask, vantio_permit_bits(ask)))
		return 0;
	if (ask->domain == VANTIO_DOMAIN_EXEC && !BPF_CORE_READ(dentry, d_hash.pprev))
		return 0; /* deleted meanwhile: its name allows nothing any more */
	return kept.gen == vantio_permit_gen(ask->hook, ask->op, label, &slot);
}

/* Puts the name of a dentry to the end of the text; 0 if it is not below `folder`. */
vantio_inline int vantio_permit_name(struct vantio_text *t, struct dentry *dentry, __u64 folder)
{
	struct vantio_place place;
	__u32 off;

	if (vantio_place_read(&place, dentry) || place.parent != folder || place.parent == (__u64)dentry || place.len == 0 || place.len > 255)
		return 0; /* a file system's root is its own parent */
	off = VANTIO_PATH_MAX - place.len;
	t->off = off;
	return !bpf_probe_read_kernel(&t->bytes[off & (VANTIO_PATH_MAX - 1)], place.len & 255, (void *)place.name);
}

/* Whether more than a path may deny it: what it is, or what a flag that is not known here says. */
vantio_inline int vantio_permit_held(const struct vantio_ask *ask, __u32 slot, const struct vantio_answer *a)
{
	struct dentry *dentry = (void *)ask->dentry;
	__u64 inode = (__u64)BPF_CORE_READ(dentry, d_inode);

	if ((a->flags & ~(VANTIO_IMAGE_LOSS_BLOCK | VANTIO_IMAGE_HELD)) || (ask->inode && ask->inode != inode))
		return 1;
	return (a->flags & VANTIO_IMAGE_HELD) && inode && vantio_held_by(slot, inode, VANTIO_DOMAIN_FILE, a->gen);
}

__attribute__((noinline)) int vantio_permit_below(struct vantio_permit *p, struct vantio_ask *ask, struct vantio_label *label)
{
	struct vantio_permit kept;
	struct vantio_scratch *s;
	__u32 slot = 0;
	int permitted = 0;
	__u64 gen;

	if (!p || !ask || !label)
		return 0;
	if (ask->flags & VANTIO_ASK_PROTECTED || ask->domain != VANTIO_DOMAIN_FILE)
		return 0;
	kept = *p;
	gen = vantio_permit_gen(ask->hook, ask->op, label, &slot);
	if (!gen || gen != kept.gen)
		return 0;
	s = vantio_scratch_take();
	if (!s)
		return 0;
	/* The name is read before the sequences: what they say of the folder's path they say of it too. */
	if (vantio_permit_name(&s->path, (struct dentry *)ask->dentry, kept.dentry) &&
	    kept.len + 1 + VANTIO_PATH_MAX - s->path.off < VANTIO_PATH_MAX && /* longer ones are refused */
	    vantio_permit_stands(&kept, ask, VANTIO_PERMIT_BELOW)) {
		vantio_scan_on(slot, kept.allow, kept.deny, &s->path, &s->from);
		permitted = s->from.gen == gen && !vantio_permit_held(ask, slot, &s->from) && vantio_conclude(s->from.allow_mask, s->from.deny_mask, s->from.bad, s->from.default_allow,
								  ask->access).decision == VANTIO_PERMIT;
	}
	vantio_scratch_give(s);
	if (permitted) {
		ask->given = gen;
		ask->names = kept.names;
	}
	return permitted;
}

/* What is kept so far, or nothing if it is of another dentry or another time. */
vantio_inline void vantio_permit_fresh(struct vantio_permit *fresh, const struct vantio_permit *p, const struct vantio_ask *ask, __u64 dentry)
{
	*fresh = *p;
	if (fresh->dentry != dentry || fresh->mnt != ask->mnt || fresh->gen != ask->given || fresh->names.renames != ask->names.renames ||
	    fresh->names.mounts != ask->names.mounts || fresh->sum != vantio_permit_sum(fresh))
		fresh->granted = 0;
	fresh->dentry = dentry;
	fresh->mnt = ask->mnt;
	fresh->names = ask->names;
	fresh->gen = ask->given;
	fresh->since = bpf_jiffies64();
}

/* Whether the names still are what they were when the question was asked. */
vantio_inline int vantio_permit_undisturbed(const struct vantio_ask *ask)
{
	struct vantio_names now;

	return vantio_names_now(&now) && now.renames == ask->names.renames && now.mounts == ask->names.mounts;
}

__attribute__((noinline)) int vantio_permit_keep(struct vantio_permit *p, struct vantio_ask *ask)
{
	struct vantio_permit fresh;
	struct dentry *dentry;

	if (!p || !ask)
		return 0;
	dentry = (void *)ask->dentry;
	if (!vantio_permit_undisturbed(ask) || (__u64)BPF_CORE_READ(dentry, d_inode) != ask->inode)
		return 0;
	vantio_permit_fresh(&fresh, p, ask, ask->dentry);
	fresh.granted |= vantio_permit_bits(ask);
	fresh.sum = vantio_permit_sum(&fresh);
	*p = fresh;
	return 0;
}

__attribute__((noinline)) int vantio_permit_keep_below(struct vantio_permit *p, struct vantio_ask *ask, struct vantio_label *label)
{
	struct vantio_agent *agent = label ? vantio_agent_get(label->agent) : 0;
	struct dentry *dentry, *folder;
	struct vantio_permit fresh;
	struct vantio_scratch *s;

	if (!p || !ask || !agent)
		return 0;
	dentry = (void *)ask->dentry;
	folder = BPF_CORE_READ(dentry, d_parent);
	if (folder == dentry || (__u64)BPF_CORE_READ(folder, d_inode) != ask->folder)
		return 0;
	s = vantio_scratch_take();
	if (!s)
		return 0;
	vantio_path(&s->path, ask->mnt, (__u64)folder);
	vantio_scan(agent->slot, VANTIO_DOMAIN_FILE, &s->path, &s->from);
	if (!s->path.flags && s->path.off < VANTIO_PATH_MAX - 1 && !s->from.bad && s->from.gen == ask->given && vantio_permit_undisturbed(ask)) {
		vantio_permit_fresh(&fresh, p, ask, (__u64)folder);
		fresh.allow = s->from.allow_below;
		fresh.deny = s->from.deny_below;
		fresh.len = VANTIO_PATH_MAX - s->path.off;
		fresh.granted |= VANTIO_PERMIT_BELOW;
		fresh.sum = vantio_permit_sum(&fresh);
		*p = fresh;
	}
	vantio_scratch_give(s);
	return 0;
}

/* A dentry for this inode is made: another may have had its address before, and its name. */
SEC("lsm/d_instantiate")
int BPF_PROG(vantio_d_instantiate, struct dentry *dentry, struct inode *inode)
{
	struct vantio_permit *p;

	if (!inode)
		return 0;
	p = bpf_inode_storage_get(&vantio_permits, inode, 0, 0);
	if (p)
		p->granted = p->sum = 0;
	return 0;
}

char vantio_license[] SEC("license") __attribute__((weak)) = "Dual BSD/GPL";
