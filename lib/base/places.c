// SPDX-License-Identifier: Apache-2.0
#include "base/io.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

/* Empty and relative values are ignored, as the XDG base directory specification asks. */
static const char *absolute_env(const char *name)
{
	const char *v = secure_getenv(name);

	return v && v[0] == '/' ? v : NULL;
}

static char *join(const char *a, const char *b)
{
	struct vantio_buf out = VANTIO_BUF_INIT;

	vantio_buf_puts(&out, a);
	vantio_buf_puts(&out, b);
	return vantio_buf_steal(&out);
}

static char *place(const char *of_root, const char *xdg, const char *below_xdg, const char *below_home)
{
	const char *base;

	if (geteuid() == 0)
		return strdup(of_root);
	base = absolute_env(xdg);
	if (base)
		return join(base, below_xdg);
	base = absolute_env("HOME");
	return base ? join(base, below_home) : NULL;
}

char *vantio_default_policy_path(void)
{
	const char *v = secure_getenv("VANTIO_POLICY_PATH");

	if (v && *v)
		return strdup(v);
	return place("/etc/vantio/policy.toml", "XDG_CONFIG_HOME", "/vantio/policy.toml", "/.config/vantio/policy.toml");
}

char *vantio_default_ledger_path(void)
{
	const char *v = secure_getenv("VANTIO_LEDGER");

	if (v && *v)
		return strdup(v);
	return place("/var/lib/vantio/ledger", "XDG_DATA_HOME", "/vantio/ledger", "/.local/share/vantio/ledger");
}

char *vantio_runtime_dir(void)
{
	return place("/run/vantio", "XDG_RUNTIME_DIR", "/vantio", "/.local/state/vantio/run");
}

char *vantio_state_dir(void)
{
	const char *v = absolute_env("VANTIO_STATE");

	if (v)
		return strdup(v);
	return place("/var/lib/vantio/state", "XDG_STATE_HOME", "/vantio", "/.local/state/vantio");
}

/* `real` and the components of `rest`, which do not exist yet. */
static char *append_components(const char *real, const char *rest)
{
	struct vantio_buf out = VANTIO_BUF_INIT;

	vantio_buf_puts(&out, strcmp(real, "/") ? real : "");
	while (*rest) {
		size_t len = strcspn(rest, "/");

		if (len == 2 && !strncmp(rest, "..", 2)) {
			vantio_buf_free(&out);
			errno = EINVAL;
			return NULL;
		}
		if (len && !(len == 1 && *rest == '.')) {
			vantio_buf_puts(&out, "/");
			vantio_buf_add(&out, rest, len);
		}
		rest += len + (rest[len] == '/');
	}
	if (!out.len)
		vantio_buf_puts(&out, "/");
	return vantio_buf_steal(&out);
}

char *vantio_path_to_be(const char *path)
{
	char top[PATH_MAX], real[PATH_MAX];
	size_t end = strlen(path);
	struct stat st;

	if (!end || end >= sizeof(top)) {
		errno = end ? ENAMETOOLONG : ENOENT;
		return NULL;
	}
	for (;;) {
		memcpy(top, path, end);
		top[end] = '\0';
		if (realpath(end ? top : ".", real))
			return append_components(real, path + end);
		while (end > 1 && path[end - 1] == '/')
			top[--end] = '\0';
		if (errno != ENOENT || !end)
			return NULL;
		if (!lstat(top, &st)) { /* a link to nowhere could lead anywhere later */
			errno = ELOOP;
			return NULL;
		}
		while (end && path[end - 1] != '/')
			end--;
	}
}
