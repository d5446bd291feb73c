// SPDX-License-Identifier: Apache-2.0
#include "sandbox/dispatch.h"

#include <sys/syscall.h>

#include "base/mem.h"

#define NR_fchmodat2 452

static vantio_handler *const handlers[] = {
	[SYS_open] = vantio_on_open, [SYS_openat] = vantio_on_openat, [SYS_openat2] = vantio_on_openat2, [SYS_creat] = vantio_on_creat,
	[SYS_open_by_handle_at] = vantio_on_open_by_handle,
	[SYS_unlink] = vantio_on_unlink, [SYS_unlinkat] = vantio_on_unlink, [SYS_rmdir] = vantio_on_unlink,
	[SYS_rename] = vantio_on_rename, [SYS_renameat] = vantio_on_rename, [SYS_renameat2] = vantio_on_rename,
	[SYS_link] = vantio_on_link, [SYS_linkat] = vantio_on_link, [SYS_symlink] = vantio_on_symlink, [SYS_symlinkat] = vantio_on_symlink,
	[SYS_mkdir] = vantio_on_mkdir, [SYS_mkdirat] = vantio_on_mkdir, [SYS_mknod] = vantio_on_mknod, [SYS_mknodat] = vantio_on_mknod,
	[SYS_truncate] = vantio_on_truncate, [SYS_ftruncate] = vantio_on_truncate,
	[SYS_chmod] = vantio_on_chmod, [SYS_fchmod] = vantio_on_chmod, [SYS_fchmodat] = vantio_on_chmod, [NR_fchmodat2] = vantio_on_chmod,
	[SYS_chown] = vantio_on_chown, [SYS_fchown] = vantio_on_chown, [SYS_lchown] = vantio_on_chown, [SYS_fchownat] = vantio_on_chown,
	[SYS_utime] = vantio_on_utimes, [SYS_utimes] = vantio_on_utimes, [SYS_futimesat] = vantio_on_utimes, [SYS_utimensat] = vantio_on_utimes,
	[SYS_setxattr] = vantio_on_setxattr, [SYS_lsetxattr] = vantio_on_setxattr, [SYS_fsetxattr] = vantio_on_setxattr,
	[SYS_removexattr] = vantio_on_removexattr, [SYS_lremovexattr] = vantio_on_removexattr, [SYS_fremovexattr] = vantio_on_removexattr,
	[463] = vantio_on_unknown_change, [466] = vantio_on_unknown_change, [469] = vantio_on_unknown_change,
	[SYS_ioctl] = vantio_on_ioctl,
	[SYS_execve] = vantio_on_exec, [SYS_execveat] = vantio_on_exec, [SYS_mmap] = vantio_on_mmap,
	[SYS_mprotect] = vantio_on_mprotect, [SYS_pkey_mprotect] = vantio_on_mprotect, [SYS_personality] = vantio_on_personality,
	[SYS_clone] = vantio_on_clone, [SYS_unshare] = vantio_on_clone, [SYS_setns] = vantio_on_clone,
	[SYS_fork] = vantio_on_fork, [SYS_vfork] = vantio_on_fork,
	[SYS_ptrace] = vantio_on_ptrace, [SYS_process_vm_readv] = vantio_on_ptrace, [SYS_process_vm_writev] = vantio_on_ptrace,
	[SYS_prlimit64] = vantio_on_prlimit, [SYS_fcntl] = vantio_on_owner,
	[SYS_kill] = vantio_on_signal, [SYS_tkill] = vantio_on_signal, [SYS_tgkill] = vantio_on_signal,
	[SYS_rt_sigqueueinfo] = vantio_on_signal, [SYS_rt_tgsigqueueinfo] = vantio_on_signal, [SYS_pidfd_send_signal] = vantio_on_signal,
	[SYS_mount] = vantio_on_surface, [SYS_umount2] = vantio_on_surface, [SYS_pivot_root] = vantio_on_surface,
	[SYS_move_mount] = vantio_on_surface, [SYS_open_tree] = vantio_on_surface, [SYS_fsopen] = vantio_on_surface,
	[SYS_fsmount] = vantio_on_surface, [SYS_fsconfig] = vantio_on_surface, [SYS_fspick] = vantio_on_surface,
	[SYS_mount_setattr] = vantio_on_surface, [467] = vantio_on_surface, [SYS_chroot] = vantio_on_surface,
	[SYS_swapon] = vantio_on_surface, [SYS_swapoff] = vantio_on_surface, [SYS_acct] = vantio_on_surface, [SYS_quotactl] = vantio_on_surface, [443] = vantio_on_surface,
	[SYS_io_uring_setup] = vantio_on_surface, [SYS_io_uring_enter] = vantio_on_surface, [SYS_io_uring_register] = vantio_on_surface,
	[SYS_settimeofday] = vantio_on_surface, [SYS_clock_settime] = vantio_on_surface, [SYS_adjtimex] = vantio_on_surface,
	[SYS_clock_adjtime] = vantio_on_surface, [SYS_bpf] = vantio_on_surface, [SYS_init_module] = vantio_on_surface,
	[SYS_finit_module] = vantio_on_surface, [SYS_delete_module] = vantio_on_surface, [SYS_kexec_load] = vantio_on_surface,
	[SYS_kexec_file_load] = vantio_on_surface, [SYS_reboot] = vantio_on_surface, [SYS_iopl] = vantio_on_surface,
	[SYS_ioperm] = vantio_on_surface, [SYS_perf_event_open] = vantio_on_surface, [SYS_add_key] = vantio_on_surface,
	[SYS_request_key] = vantio_on_surface, [SYS_keyctl] = vantio_on_surface,
	[SYS_socket] = vantio_on_socket, [SYS_connect] = vantio_on_connect, [SYS_bind] = vantio_on_bind, [SYS_listen] = vantio_on_listen,
	[SYS_sendto] = vantio_on_sendto, [SYS_sendmsg] = vantio_on_sendmsg, [SYS_sendmmsg] = vantio_on_sendmmsg,
	[SYS_setsockopt] = vantio_on_setsockopt,
};

vantio_handler *vantio_handler_of(int nr)
{
	return nr >= 0 && (unsigned int)nr < VANTIO_ARRAY_SIZE(handlers) ? handlers[nr] : NULL;
}
