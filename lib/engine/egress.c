// SPDX-License-Identifier: Apache-2.0
#include "engine/egress.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/internal.h"

#define MAP_PATH  VANTIO_PINS "/maps/vantio_egress"

/* Before the filters of others, which may end the classification; ours never does but to drop. */
#define PRIORITY 1
#define HANDLE   0x766e

#define QDISC_MADE 0x1u /* value in the map: the clsact qdisc was made for us */

struct pins {
	int map, prog;
	uint32_t prog_id;
};

static void pins_close(struct pins *p)
{
	vantio_close_fd(&p->map);
	vantio_close_fd(&p->prog);
}

static int pins_open(struct pins *ret, struct vantio_error *err)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	*ret = (struct pins){ .map = bpf_obj_get(MAP_PATH), .prog = -1 };
	if (ret->map < 0)
		return vantio_fail(err, errno, "cannot open %s: %s", MAP_PATH, strerror(errno));
	ret->prog = bpf_obj_get(VANTIO_EGRESS_PROG);
	if (ret->prog < 0 || bpf_obj_get_info_by_fd(ret->prog, &info, &len))
		return vantio_fail(err, errno, "cannot open %s: %s", VANTIO_EGRESS_PROG, strerror(errno));
	ret->prog_id = info.id;
	return 0;
}

/* ---- one interface ---- */

/* libbpf prints what the kernel objects to, also where that is the answer to a question. */
static int say_nothing(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static bool is_attached(const struct pins *p, unsigned int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = PRIORITY);

	return !bpf_tc_query(&hook, &opts) && opts.prog_id == p->prog_id;
}

static int attach(const struct pins *p, unsigned int ifindex, const char *name, struct vantio_error *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = PRIORITY, .prog_fd = p->prog, .flags = BPF_TC_F_REPLACE);
	uint32_t flags = 0;
	int r;

	if (is_attached(p, ifindex))
		return 0;
	r = bpf_tc_hook_create(&hook);
	if (r == -ENODEV)
		return -ENODEV; /* it has gone meanwhile */
	if (r && r != -EEXIST)
		return vantio_fail(err, -r, "cannot make a clsact qdisc on %s: %s%s", name, strerror(-r),
				   r == -ENOENT ? " (the kernel needs CONFIG_NET_SCH_INGRESS: modprobe sch_ingress)" : "");
	flags = r ? 0 : QDISC_MADE;
	if (bpf_map_update_elem(p->map, &ifindex, &flags, flags ? BPF_ANY : BPF_NOEXIST) && errno != EEXIST)
		return vantio_fail(err, errno, "cannot write down that %s is filtered: %s", name, strerror(errno));
	r = bpf_tc_attach(&hook, &opts);
	if (r)
		return vantio_fail(err, -r, "cannot attach to the egress of %s: %s%s", name, strerror(-r),
				   r == -EINVAL ? " (another kind of filter has priority 1 there: 'tc filter show dev ... egress' shows it)" :
				   r == -ENOENT ? " (the kernel needs CONFIG_NET_CLS_BPF: modprobe cls_bpf)" : "");
	return 0;
}

/* Whether any filter is left at this end of the interface's clsact qdisc; also when that cannot be told. */
static bool has_filters(unsigned int ifindex, uint32_t parent)
{
	struct {
		struct nlmsghdr h;
		struct tcmsg t;
	} ask = { .h = { .nlmsg_len = sizeof(ask), .nlmsg_type = RTM_GETTFILTER, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		  .t = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex, .tcm_parent = parent } };
	cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	char text[16384] __attribute__((aligned(NLMSG_ALIGNTO)));

	if (fd < 0 || send(fd, &ask, sizeof(ask), 0) != sizeof(ask))
		return true;
	for (;;) {
		ssize_t n = recv(fd, text, sizeof(text), 0);
		struct nlmsghdr *h;

		if (n <= 0)
			return true;
		for (h = (struct nlmsghdr *)text; NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return false;
			if (h->nlmsg_type == RTM_NEWTFILTER || h->nlmsg_type == NLMSG_ERROR)
				return true;
		}
	}
}

static void detach(const struct pins *p, unsigned int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = PRIORITY);
	uint32_t flags = 0;

	bpf_map_lookup_elem(p->map, &ifindex, &flags);
	bpf_map_delete_elem(p->map, &ifindex);
	if (!is_attached(p, ifindex))
		return; /* gone, or another interface has the number */
	bpf_tc_detach(&hook, &opts);
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	if ((flags & QDISC_MADE) && !has_filters(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)) &&
	    !has_filters(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)))
		bpf_tc_hook_destroy(&hook);
}

/* ---- all of them ---- */

static bool is_named(const char *const *names, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(names[i], name) || !strcmp(names[i], VANTIO_EGRESS_ALL))
			return true;
	return false;
}

static int check_names(const char *const *names, size_t n, struct vantio_error *err)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(names[i], VANTIO_EGRESS_ALL) && strcmp(names[i], VANTIO_EGRESS_NONE) && !if_nametoindex(names[i]))
			return vantio_fail(err, ENODEV, "no network interface is named '%s'; 'ip link' shows those that there are, '%s' is every one",
					   names[i], VANTIO_EGRESS_ALL);
	return 0;
}

/* The interfaces in the map. */
static size_t listed(const struct pins *p, uint32_t *ret, size_t max)
{
	size_t n = 0;

	while (n < max && !bpf_map_get_next_key(p->map, n ? &ret[n - 1] : NULL, &ret[n]))
		n++;
	return n;
}

static int set(const struct pins *p, const char *const *names, size_t n, struct vantio_error *err)
{
	struct if_nameindex *all = if_nameindex(), *i;
	uint32_t old[VANTIO_EGRESS_MAX];
	char name[IF_NAMESIZE];
	size_t n_old, k;
	int r = 0;

	if (!all)
		return vantio_fail(err, errno, "cannot list the network interfaces: %s", strerror(errno));
	for (i = all; !r && i->if_index; i++) {
		if (!is_named(names, n, i->if_name))
			continue;
		r = attach(p, i->if_index, i->if_name, err);
		if (r == -ENODEV)
			r = 0;
	}
	if_freenameindex(all);
	n_old = r ? 0 : listed(p, old, VANTIO_EGRESS_MAX);
	for (k = 0; k < n_old; k++)
		if (!if_indextoname(old[k], name) || !is_named(names, n, name))
			detach(p, old[k]);
	return r;
}

int vantio_egress_set(const char *const *names, size_t n, bool later, struct vantio_error *err)
{
	struct pins p = { -1, -1, 0 };
	libbpf_print_fn_t before;
	int r = later ? 0 : check_names(names, n, err);

	if (!r)
		r = pins_open(&p, err);
	before = libbpf_set_print(say_nothing);
	if (!r)
		r = set(&p, names, n, err);
	libbpf_set_print(before);
	pins_close(&p);
	return r;
}

int vantio_egress_list(struct vantio_egress **ret, size_t *ret_n, struct vantio_error *err)
{
	cleanup_free struct vantio_egress *list = calloc(VANTIO_EGRESS_MAX, sizeof(*list));
	uint32_t keys[VANTIO_EGRESS_MAX];
	struct pins p = { -1, -1, 0 };
	libbpf_print_fn_t before;
	size_t n, i;
	int r = list ? pins_open(&p, err) : vantio_fail(err, ENOMEM, "out of memory");

	if (r) {
		pins_close(&p);
		return r;
	}
	before = libbpf_set_print(say_nothing);
	n = listed(&p, keys, VANTIO_EGRESS_MAX);
	for (i = 0; i < n; i++) {
		list[i].ifindex = keys[i];
		if (!if_indextoname(keys[i], list[i].name))
			list[i].name[0] = '\0';
		list[i].attached = is_attached(&p, keys[i]);
	}
	libbpf_set_print(before);
	pins_close(&p);
	*ret = vantio_take(list);
	*ret_n = n;
	return 0;
}

void vantio_egress_clear(void)
{
	const char *const none = VANTIO_EGRESS_NONE;
	struct vantio_error ignored = {};

	vantio_egress_set(&none, 1, true, &ignored);
}

int vantio_egress_watch(int *ret_fd, struct vantio_error *err)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)))
		return vantio_fail(err, errno, "cannot watch the network interfaces: %s", strerror(errno));
	*ret_fd = vantio_take_fd(&fd);
	return 0;
}

void vantio_egress_watched(int fd)
{
	char text[16384];

	while (recv(fd, text, sizeof(text), 0) > 0 || errno == EINTR || errno == ENOBUFS)
		;
}
