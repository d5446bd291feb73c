/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets and surfaces of the kernel, for the list of act.c. */
#ifndef VANTIO_TABLE_ACT_NET_H
#define VANTIO_TABLE_ACT_NET_H

#include "act.h"

typedef int act_fn(const struct act_request *q, char *text);

act_fn act_connect, act_fastopen, act_connect_send, act_sendto, act_sendmsg, act_sendmmsg, act_connect_then_sendto;
act_fn act_bind, act_bind_v6only, act_listen;
act_fn act_mount, act_chroot, act_ptrace, act_read_memory, act_kill, act_kill_pidfd, act_set_limits, act_bpf, act_module;
act_fn act_userns, act_userns_clone, act_socket_netlink, act_socket_mptcp, act_socket_vsock, act_raw_socket, act_packet_socket, act_io_uring, act_perf, act_keyring, act_keyring_add;

#endif
