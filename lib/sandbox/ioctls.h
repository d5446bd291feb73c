/* SPDX-License-Identifier: Apache-2.0 */
/* ioctl(2) commands that change a file, as bpf/file.bpf.c has them, but for those of 32-bit processes. */
#ifndef VANTIO_SANDBOX_IOCTLS_H
#define VANTIO_SANDBOX_IOCTLS_H

#include <stddef.h>
#include <stdint.h>

#define VANTIO_IOCTL_POLICY 255 /* struct fscrypt_policy_v1 or _v2, by its first byte */
#define VANTIO_IOCTL_OTHERS 254 /* points to memory of the caller: cannot be done in its place */

static const struct {
	uint32_t cmd;
	uint8_t size; /* of the argument, which is read */
} vantio_file_ioctls[] = {
	{ 0x40086602, 4 },  /* FS_IOC_SETFLAGS */
	{ 0x401c5820, 28 }, /* FS_IOC_FSSETXATTR */
	{ 0x40087602, 4 },  /* FS_IOC_SETVERSION */
	{ 0x40086604, 4 },  /* EXT4_IOC_SETVERSION */
	{ 0x6609, 0 },      /* EXT4_IOC_MIGRATE */
	{ 0x6611, 0 },      /* EXT4_IOC_SWAP_BOOT */
	{ 0x800c6613, VANTIO_IOCTL_POLICY }, /* FS_IOC_SET_ENCRYPTION_POLICY */
	{ 0x40806685, VANTIO_IOCTL_OTHERS }, /* FS_IOC_ENABLE_VERITY */
};

#endif
