// SPDX-License-Identifier: Apache-2.0
#include "engine/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/hooks.h"

#define KERNEL (1u << VANTIO_TIER_KERNEL)
#define USER   (1u << VANTIO_TIER_USER)

#define CAP_NET_ADMIN_BIT 12
#define CAP_SYS_ADMIN_BIT 21
#define CAP_PERFMON_BIT   38
#define CAP_BPF_BIT       39

const char *vantio_tier_name(enum vantio_tier tier)
{
	static const char *const names[] = { "kernel", "user", "observe" };

	return names[tier];
}

__attribute__((format(printf, 4, 5)))
static struct vantio_probe *add(struct vantio_probe_report *r, const char *id, enum vantio_probe_state state, const char *fmt, ...)
{
	struct vantio_probe *p = &r->items[r->n++];
	va_list ap;

	p->id = id;
	p->state = state;
	va_start(ap, fmt);
	vsnprintf(p->found, sizeof(p->found), fmt, ap);
	va_end(ap);
	return p;
}

__attribute__((format(printf, 2, 3)))
static void mend(struct vantio_probe *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->mend, sizeof(p->mend), fmt, ap);
	va_end(ap);
}

/* ---- texts of the kernel ---- */

bool vantio_probe_lists(const char *list, const char *word)
{
	size_t len = strlen(word), n;

	for (;; list += n + 1) {
		n = strcspn(list, ",\n");
		if (n == len && !memcmp(list, word, len))
			return true;
		if (!list[n])
			return false;
	}
}

void vantio_probe_chosen(const char *text, char out[32])
{
	const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;
	size_t n = close ? (size_t)(close - open - 1) : 0;

	n = n < 31 ? n : 31;
	if (n)
		memcpy(out, open + 1, n);
	out[n] = '\0';
}

/* Undoes \040 and the like; false if it does not fit. */
static bool unescape_octal(const char *s, size_t len, char *out, size_t max)
{
	size_t i = 0, n = 0;

	while (i < len) {
		if (n + 1 >= max)
			return false;
		if (s[i] == '\\' && len - i >= 4) {
			out[n++] = (char)((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 | (s[i + 3] - '0'));
			i += 4;
		} else {
			out[n++] = s[i++];
		}
	}
	out[n] = '\0';
	return true;
}

/* A line: "36 35 98:0 /root /mount/point options [optional ...] - type source options". */
bool vantio_probe_mount_point(const char *mountinfo, const char *type, char *out, size_t max)
{
	const char *line = mountinfo, *end, *dash, *point;
	size_t len = strlen(type);
	int field;

	for (; *line; line = *end ? end + 1 : end) {
		end = line + strcspn(line, "\n");
		dash = strstr(line, " - ");
		if (!dash || dash > end || strncmp(dash + 3, type, len) != 0 || dash[3 + len] != ' ')
			continue;
		for (point = line, field = 0; field < 4 && point < end; field++)
			point += strcspn(point, " \n") + 1;
		if (point < end && unescape_octal(point, strcspn(point, " \n"), out, max))
			return true;
	}
	return false;
}

static bool read_text(const char *path, char *out, size_t max)
{
	struct vantio_error err;

	return vantio_read_pseudo(AT_FDCWD, path, out, max, &err) == 0;
}

/* ---- the machine ---- */

static void probe_kernel(struct vantio_probe_report *r, unsigned int *ret_version)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2) {
		add(r, "kernel", VANTIO_PROBE_UNKNOWN, "the kernel does not say its version");
		return;
	}
	*ret_version = major << 16 | minor;
	add(r, "kernel", VANTIO_PROBE_YES, "Linux %.64s %.32s", u.release, u.machine);
}

static uint64_t effective_capabilities(void)
{
	char text[8192], *line;
	uint64_t caps = 0;

	if (!read_text("/proc/self/status", text, sizeof(text)))
		return 0;
	line = strstr(text, "\nCapEff:");
	return line && sscanf(line, "\nCapEff: %" SCNx64, &caps) == 1 ? caps : 0;
}

static bool probe_privilege(struct vantio_probe_report *r)
{
	const uint64_t split = 1ull << CAP_BPF_BIT | 1ull << CAP_PERFMON_BIT | 1ull << CAP_NET_ADMIN_BIT;
	uint64_t caps = effective_capabilities();
	bool admin = caps & 1ull << CAP_SYS_ADMIN_BIT, enough = admin || (caps & split) == split;
	struct vantio_probe *p;

	if (enough)
		p = add(r, "privilege", VANTIO_PROBE_YES, "uid %u, with %s", geteuid(),
			admin ? "CAP_SYS_ADMIN" : "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
	else
		p = add(r, "privilege", VANTIO_PROBE_NO, "uid %u, without CAP_SYS_ADMIN, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
			geteuid());
	p->required = KERNEL;
	if (!enough)
		mend(p, geteuid() ? "run it as root: sudo vantioctl ..." : "give this container or service CAP_SYS_ADMIN");
	return enough;
}

static void probe_btf(struct vantio_probe_report *r)
{
	static const char path[] = "/sys/kernel/btf/vmlinux";
	struct vantio_probe *p;

	if (access(path, R_OK) == 0) {
		p = add(r, "btf", VANTIO_PROBE_YES, "%s", path);
	} else {
		p = add(r, "btf", VANTIO_PROBE_NO, "%s: %s", path, strerror(errno));
		mend(p, "%s", access("/sys/kernel", F_OK) ? "mount -t sysfs sysfs /sys" :
			"boot a kernel built with CONFIG_DEBUG_INFO_BTF=y (Debian 12 and Ubuntu 22.04 have it)");
	}
	p->required = KERNEL;
}

static void probe_lsm_list(struct vantio_probe_report *r)
{
	static const char how[] = "boot with lsm=%s%sbpf on the kernel's command line (GRUB_CMDLINE_LINUX in /etc/default/grub, update-grub, reboot)";
	char list[512];
	struct vantio_probe *p;

	if (!read_text("/sys/kernel/security/lsm", list, sizeof(list))) {
		p = add(r, "lsm", VANTIO_PROBE_UNKNOWN, "the list of security modules cannot be read: %s",
			errno == ENOENT ? "securityfs is not mounted" : strerror(errno));
		mend(p, "mount -t securityfs securityfs /sys/kernel/security");
	} else if (vantio_probe_lists(list, "bpf")) {
		add(r, "lsm", VANTIO_PROBE_YES, "security modules: %.200s", list);
	} else {
		p = add(r, "lsm", VANTIO_PROBE_NO, "bpf is not among the security modules: %.180s", list);
		mend(p, how, list, *list ? "," : "");
	}
}

static void probe_lsm_program(struct vantio_probe_report *r, bool privileged)
{
	struct vantio_error err = { 0 };
	struct vantio_probe *p;
	int result = privileged ? vantio_probe_lsm_program(&err) : -EPERM;

	if (!privileged)
		p = add(r, "lsm-program", VANTIO_PROBE_UNKNOWN, "not tried: it needs root");
	else if (result == 0)
		p = add(r, "lsm-program", VANTIO_PROBE_YES, "a BPF LSM program loads, attaches and is called");
	else
		p = add(r, "lsm-program", VANTIO_PROBE_NO, "%.250s", err.text);
	p->required = KERNEL;
	if (result == -ENOLINK)
		mend(p, "boot with bpf in lsm= on the kernel's command line, or CONFIG_LSM");
	else if (result == -ENOENT || result == -EINVAL)
		mend(p, "boot a kernel built with CONFIG_BPF_LSM=y, CONFIG_BPF_JIT=y and CONFIG_DEBUG_INFO_BTF=y");
	else if (result && privileged)
		mend(p, "use a kernel of your own: in a virtual machine, or on a host that does not forbid BPF LSM programs");
}

static void probe_bpffs(struct vantio_probe_report *r)
{
	struct vantio_probe *p;
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) == 0 && fs.f_type == BPF_FS_MAGIC) {
		p = add(r, "bpffs", VANTIO_PROBE_YES, "/sys/fs/bpf");
	} else {
		p = add(r, "bpffs", VANTIO_PROBE_NO, "no BPF file system is mounted at /sys/fs/bpf");
		mend(p, "mount -t bpf bpf /sys/fs/bpf");
	}
	p->required = KERNEL;
}

/* ---- cgroups ---- */

static bool cgroup_has(const char *mount, const char *file)
{
	char text[8192], path[4096], *own;

	if (!read_text("/proc/self/cgroup", text, sizeof(text)))
		return false;
	own = !strncmp(text, "0::", 3) ? text : strstr(text, "\n0::");
	if (!own)
		return false;
	own = strstr(own, "0::") + 3;
	own[strcspn(own, "\n")] = '\0';
	if ((size_t)snprintf(path, sizeof(path), "%s%s/%s", mount, own, file) >= sizeof(path))
		return false;
	return access(path, F_OK) == 0;
}

static void probe_cgroup_file(struct vantio_probe_report *r, const char *mount, const char *file, unsigned int version,
			      unsigned int since, const char *what)
{
	struct vantio_probe *p;

	/* The root cgroup has no such file, so a version that has it is an answer too. */
	if (cgroup_has(mount, file) || version >= since) {
		add(r, file, VANTIO_PROBE_YES, "%s", what);
		return;
	}
	p = add(r, file, VANTIO_PROBE_NO, "%s: this kernel has no %s", what, file);
	mend(p, "boot Linux %u.%u or newer; until then it is done process by process", since >> 16, since & 0xffff);
}

static void probe_cgroups(struct vantio_probe_report *r, unsigned int version)
{
	cleanup_free char *text = malloc(1 << 20);
	char mount[1024], shown[VANTIO_PROBE_TEXT];
	cleanup_free char *escaped = NULL;
	struct vantio_probe *p;

	if (text && read_text("/proc/self/mountinfo", text, 1 << 20) && vantio_probe_mount_point(text, "cgroup2", mount, sizeof(mount))) {
		escaped = vantio_escape_dup(mount, strlen(mount));
		snprintf(shown, sizeof(shown), "%.250s", escaped ? escaped : "?");
		p = add(r, "cgroup2", VANTIO_PROBE_YES, "%.250s", shown);
		p->required = KERNEL;
		probe_cgroup_file(r, mount, "cgroup.freeze", version, 5 << 16 | 2, "a soft kill freezes whole cgroups");
		probe_cgroup_file(r, mount, "cgroup.kill", version, 5 << 16 | 14, "a hard kill ends whole cgroups");
		return;
	}
	p = add(r, "cgroup2", VANTIO_PROBE_NO, "no cgroup2 file system is mounted");
	mend(p, "mount -t cgroup2 cgroup2 /sys/fs/cgroup, or boot with systemd.unified_cgroup_hierarchy=1");
	p->required = KERNEL;
}

/* ---- the user tier ---- */

static void probe_landlock(struct vantio_probe_report *r)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct vantio_probe *p;

	if (abi > 0) {
		p = add(r, "landlock", VANTIO_PROBE_YES, "Landlock ABI %ld", abi);
	} else if (errno == EOPNOTSUPP) {
		p = add(r, "landlock", VANTIO_PROBE_NO, "Landlock is built in but switched off at boot");
		mend(p, "boot with landlock in lsm= on the kernel's command line");
	} else {
		p = add(r, "landlock", VANTIO_PROBE_NO, "no Landlock: %s", strerror(errno));
		mend(p, "boot Linux 5.13 or newer, built with CONFIG_SECURITY_LANDLOCK=y");
	}
	p->required = USER;
}

static void probe_seccomp(struct vantio_probe_report *r, unsigned int version)
{
	uint32_t action = SECCOMP_RET_USER_NOTIF;
	struct vantio_probe *p;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0) {
		p = add(r, "seccomp-notify", VANTIO_PROBE_NO, "no seccomp user notification: %s", strerror(errno));
		mend(p, "boot Linux 5.14 or newer, built with CONFIG_SECCOMP_FILTER=y");
	} else if (version < (5 << 16 | 14)) {
		p = add(r, "seccomp-notify", VANTIO_PROBE_NO, "seccomp user notification without SECCOMP_ADDFD_FLAG_SEND");
		mend(p, "boot Linux 5.14 or newer");
	} else {
		p = add(r, "seccomp-notify", VANTIO_PROBE_YES, "seccomp user notification");
	}
	p->required = USER;
}

static void probe_userns(struct vantio_probe_report *r)
{
	struct vantio_probe *p;
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		/* As an ordinary user would: root is always allowed. */
		if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
			_exit(125);
		_exit(unshare(CLONE_NEWUSER) == 0 ? 0 : errno & 0x7f);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 125) {
		add(r, "userns", VANTIO_PROBE_UNKNOWN, "unprivileged user namespaces could not be tried");
	} else if (WEXITSTATUS(status) == 0) {
		add(r, "userns", VANTIO_PROBE_YES, "ordinary users may make user namespaces");
	} else {
		p = add(r, "userns", VANTIO_PROBE_NO, "ordinary users may not make user namespaces: %s", strerror(WEXITSTATUS(status)));
		mend(p, "sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0");
	}
}

/* ---- good to know ---- */

static void probe_io_uring(struct vantio_probe_report *r)
{
	syscall(SYS_io_uring_setup, 0, NULL);
	if (errno == ENOSYS)
		add(r, "io_uring", VANTIO_PROBE_NO, "this kernel has none");
	else if (errno == EPERM)
		add(r, "io_uring", VANTIO_PROBE_NO, "switched off for this user (kernel.io_uring_disabled, or seccomp)");
	else
		add(r, "io_uring", VANTIO_PROBE_YES, "is there; a policy refuses it to agents unless [kernel] says otherwise");
}

static void probe_lockdown(struct vantio_probe_report *r)
{
	struct vantio_probe *p;
	char text[128], chosen[32];

	if (!read_text("/sys/kernel/security/lockdown", text, sizeof(text))) {
		add(r, "lockdown", VANTIO_PROBE_UNKNOWN, "no lockdown module, or securityfs is not mounted");
		return;
	}
	vantio_probe_chosen(text, chosen);
	if (strcmp(chosen, "confidentiality") != 0) {
		add(r, "lockdown", VANTIO_PROBE_YES, "mode %s", chosen);
		return;
	}
	p = add(r, "lockdown", VANTIO_PROBE_NO, "mode confidentiality: BPF programs may not read the kernel's memory");
	p->required = KERNEL;
	mend(p, "boot with lockdown=integrity, or without lockdown=");
}

static void probe_hooks(struct vantio_probe_report *r)
{
	struct vantio_load_report missing;
	struct vantio_error err = {};
	struct vantio_probe *p;
	char names[160] = "";
	uint32_t lost = 0;
	size_t n = 0;

	if (vantio_engine_missing_hooks(&missing, &err)) {
		p = add(r, "lsm-hooks", VANTIO_PROBE_NO, "%.200s", err.text);
		p->required = KERNEL;
		return;
	}
	for (size_t i = 0; i < missing.n_missing; i++) {
		const struct vantio_hook_lack *lack = vantio_hook_lack(missing.missing[i]);

		if (lack && !lack->replacement)
			lost |= 1u << lack->surface;
		else if (n < sizeof(names))
			n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "", missing.missing[i]);
	}
	if (!lost) {
		add(r, "lsm-hooks", VANTIO_PROBE_YES, n ? "others do the work of %s" : "all are there%s", names);
		return;
	}
	vantio_hooks_spell(lost, names, sizeof(names));
	p = add(r, "lsm-hooks", VANTIO_PROBE_NO, "no %s: %s cannot be denied here", vantio_hooks_first(lost), names);
	mend(p, "use Linux 6.1 or later; or allow them in [kernel], or push with --allow-degraded");
}

static void probe_yama(struct vantio_probe_report *r)
{
	char text[16];

	if (read_text("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)))
		add(r, "yama", VANTIO_PROBE_YES, "kernel.yama.ptrace_scope = %s", text);
	else
		add(r, "yama", VANTIO_PROBE_UNKNOWN, "no Yama: any process may trace others of its user");
}

void vantio_probe_host(struct vantio_probe_report *ret)
{
	unsigned int version = 0;
	bool privileged;

	memset(ret, 0, sizeof(*ret));
	probe_kernel(ret, &version);
	privileged = probe_privilege(ret);
	probe_btf(ret);
	probe_lsm_list(ret);
	probe_lsm_program(ret, privileged);
	probe_hooks(ret);
	probe_lockdown(ret);
	probe_bpffs(ret);
	probe_cgroups(ret, version);
	probe_landlock(ret);
	probe_seccomp(ret, version);
	probe_userns(ret);
	probe_io_uring(ret);
	probe_yama(ret);
}

bool vantio_probe_tier(const struct vantio_probe_report *r, enum vantio_tier tier, const struct vantio_probe **ret_first)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->items[i].required & 1u << tier && r->items[i].state != VANTIO_PROBE_YES) {
			*ret_first = &r->items[i];
			return false;
		}
	return true;
}

const struct vantio_probe *vantio_probe_find(const struct vantio_probe_report *r, const char *id)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (!strcmp(r->items[i].id, id))
			return &r->items[i];
	return NULL;
}
