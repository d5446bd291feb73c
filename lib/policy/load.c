// SPDX-License-Identifier: Apache-2.0
/* What of loading a policy looks at this machine: its file, the caller's home, the links that rules run through. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "policy/load.h"
#include "policy/model.h"
#include "policy/parse.h"

char *vantio_policy_home(void)
{
	const char *home = getenv("HOME");
	struct passwd entry, *found = NULL;
	char scratch[4096];

	if (home && home[0] == '/')
		return strdup(home);
	if (getpwuid_r(geteuid(), &entry, scratch, sizeof(scratch), &found) != 0 || !found || found->pw_dir[0] != '/')
		return NULL;
	return strdup(found->pw_dir);
}

int vantio_policy_load(const char *path, const char *workdir, struct vantio_policy **ret, struct vantio_diagnostics *diags,
		       struct vantio_error *err)
{
	cleanup_free char *text = NULL, *home = vantio_policy_home();
	struct vantio_expand expand = { .home = home, .workdir = workdir };
	size_t len;
	int r = vantio_read_file_follow(path, VANTIO_POLICY_TEXT_MAX, &text, &len, err);

	if (r < 0) {
		vantio_diagnostics_add(diags, false, VANTIO_POS_TOP, "%s", err->text);
		return r;
	}
	return vantio_policy_parse(text, len, path, &expand, ret, diags, err);
}

/* ---- links ---- */

/* The longest prefix of whole components without wildcards, unescaped, into `out`; false if it is the root alone. */
static bool literal_prefix(const char *glob, char *out, size_t size)
{
	size_t n = 0, whole = 0;

	if (glob[0] != '/')
		return false;
	for (const char *s = glob; *s && n + 1 < size; s++) {
		if (*s == '/' && n > 0)
			whole = n;
		if (strchr("*?[{", *s))
			goto cut;
		if (*s == '\\') {
			if (s[1] == '\0' || s[1] == 'x') /* bytes that are no text are not looked up */
				goto cut;
			s++;
		}
		out[n++] = *s;
	}
	whole = n;
cut:
	out[whole] = '\0';
	return whole > 1;
}

/* The first prefix of `path` that is a symbolic link, cut off at its end in place; false if there is none. */
static bool first_link(char *path)
{
	struct stat st;

	for (char *s = path + 1;; s++) {
		char was = *s;

		if (was != '/' && was != '\0')
			continue;
		*s = '\0';
		if (lstat(path, &st) < 0)
			return false; /* what is not there yet cannot be judged */
		if (S_ISLNK(st.st_mode))
			return true;
		if (was == '\0')
			return false;
		*s = was;
	}
}

static void warn_link(const struct vantio_rule *rule, struct vantio_diagnostics *diags)
{
	char path[VANTIO_PATH_MAX], real[VANTIO_PATH_MAX];
	struct vantio_quote link, target, text = vantio_parse_quote(rule->text, strlen(rule->text));

	if (!literal_prefix(rule->glob, path, sizeof(path)) || !first_link(path) || !realpath(path, real))
		return;
	link = vantio_parse_quote(path, strlen(path));
	target = vantio_parse_quote(real, strlen(real));
	if (strcmp(path, "/proc/self") == 0 || strcmp(path, "/proc/thread-self") == 0)
		vantio_diagnostics_add(diags, true, rule->pos,
				       "%s can never match: %s leads to another folder in each process, and rules are held against real paths; write /proc/[0-9]*",
				       text.text, link.text);
	else if (strcmp(rule->glob, path) == 0)
		vantio_diagnostics_add(diags, true, rule->pos,
				       "%s is a symbolic link on this machine and the rule holds for the link alone; write %s for what it leads to",
				       text.text, target.text);
	else
		vantio_diagnostics_add(diags, true, rule->pos,
				       "%s can never match on this machine: %s is a symbolic link, and rules are held against real paths; write %s in its place",
				       text.text, link.text, target.text);
}

void vantio_policy_warn_links(const struct vantio_policy *p, struct vantio_diagnostics *diags)
{
	for (enum vantio_list list = 0; list < VANTIO_LIST_NET_CONNECT; list++)
		for (size_t i = 0; i < p->lists[list].n; i++)
			if (!p->lists[list].items[i].pos.preset) /* a preset is for machines with either layout */
				warn_link(&p->lists[list].items[i], diags);
	vantio_diagnostics_sort(diags);
}
