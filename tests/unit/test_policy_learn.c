// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/mem.h"
#include "policy/learn.h"
#include "policy_build.h"

#define HOME "/home/u"
#define WORK "/home/u/proj"
#define NAMES 3000 /* hostile ones */

struct lesson {
	struct vantio_learn *l;
	struct vantio_learn_result r;
};

static struct lesson begin_as(const struct vantio_learn_options *o)
{
	struct lesson s = { 0 };
	struct vantio_error err = { 0 };

	if (vantio_learn_new(o, &s.l, &err))
		fail_msg("%s", err.text);
	return s;
}

static struct lesson begin(void)
{
	return begin_as(&(struct vantio_learn_options){ .home = HOME, .workdir = WORK });
}

static int see_as(struct lesson *s, enum vantio_op op, const char *target, const char *target2, const char *because)
{
	const struct vantio_observation o = { .op = op, .target = target, .target2 = target2, .exe = "/usr/bin/x", .because = because, .count = 1 };
	struct vantio_error err = { 0 };

	return vantio_learn_take(s->l, &o, &err);
}

static void see(struct lesson *s, enum vantio_op op, const char *target)
{
	assert_int_equal(see_as(s, op, target, NULL, NULL), 0);
}

static void finish(struct lesson *s)
{
	struct vantio_error err = { 0 };

	if (vantio_learn_finish(s->l, "t", &s->r, &err))
		fail_msg("%s\n%s", err.text, s->r.text.data ? s->r.text.data : "");
}

static void end(struct lesson *s)
{
	vantio_learn_result_clear(&s->r);
	vantio_learn_free(s->l);
}

/* The rules of a list, joined by spaces, and its questions behind a '#'. */
static void expect(struct lesson *s, enum vantio_list list, const char *want)
{
	cleanup_buf struct vantio_buf got = VANTIO_BUF_INIT;
	size_t i;

	vantio_buf_puts(&got, "");
	for (i = 0; i < s->r.rules.n; i++)
		if (s->r.rules.rules[i].list == list)
			vantio_buf_printf(&got, "%s%s", got.len ? " " : "", s->r.rules.rules[i].text);
	assert_string_equal(got.data, want);
}

static bool allows(const struct lesson *s, const char *op, const char *target, const char *target2)
{
	struct vantio_explanation e;
	struct vantio_error err = { 0 };

	if (vantio_policy_explain(s->r.policy, s->r.image, op, target, target2, &e, &err))
		fail_msg("%s", err.text);
	return e.decision == VANTIO_PERMIT;
}

static bool is_asked(struct lesson *s, const char *target)
{
	size_t n, i;
	const struct vantio_learn_question *q = vantio_learn_questions(s->l, &n);

	for (i = 0; i < n; i++)
		if (!strcmp(q[i].target, target) && !q[i].settled)
			return true;
	return false;
}

/* ---- what becomes of names ---- */

static void learn_few_names_stay_themselves(void **state)
{
	struct lesson s = begin();

	(void)state;
	see(&s, VANTIO_OP_READ, "/srv/data/a");
	see(&s, VANTIO_OP_READ, "/srv/data/b");
	see(&s, VANTIO_OP_WRITE, HOME "/notes.txt");
	see(&s, VANTIO_OP_EXEC, "/usr/bin/make");
	finish(&s);
	expect(&s, VANTIO_LIST_FILE_READ, "/srv/data/a /srv/data/b");
	expect(&s, VANTIO_LIST_FILE_WRITE, "~/notes.txt");
	expect(&s, VANTIO_LIST_EXEC_ALLOW, "/usr/bin/make");
	end(&s);
}

static void see_many(struct lesson *s, enum vantio_op op, const char *folder, int n)
{
	char path[256];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/file%c%c", folder, 'a' + i / 26, 'a' + i % 26);
		see(s, op, path);
	}
}

static void learn_many_names_become_a_glob(void **state)
{
	struct lesson s = begin();

	(void)state;
	see_many(&s, VANTIO_OP_READ, "/srv/data", 20);
	see_many(&s, VANTIO_OP_READ, "/srv/x/y", 8);
	see(&s, VANTIO_OP_READ, "/srv/x/z");
	see_many(&s, VANTIO_OP_EXEC, "/usr/bin", 25);
	finish(&s);
	expect(&s, VANTIO_LIST_FILE_READ, "/srv/data/* /srv/x/**");
	expect(&s, VANTIO_LIST_EXEC_ALLOW, "/usr/bin/**");
	end(&s);
}

static void learn_never_opens_a_home_etc_or_the_root(void **state)
{
	static const char *const folders[] = { HOME, "/etc", "/", "/home/other", "/home", "/usr/local/bin", "/var", "/root", HOME "/.config",
					       HOME "/.local/share", "/proc", "/dev" };
	char path[300];
	size_t i;

	(void)state;
	for (i = 0; i < VANTIO_ARRAY_SIZE(folders); i++) {
		struct lesson s = begin();

		see_many(&s, VANTIO_OP_WRITE, strcmp(folders[i], "/") ? folders[i] : "", 40);
		if (strcmp(folders[i], "/usr/local/bin") != 0)
			see_many(&s, VANTIO_OP_READ, strcmp(folders[i], "/") ? folders[i] : "", 40);
		finish(&s);
		snprintf(path, sizeof(path), "%s/other", strcmp(folders[i], "/") ? folders[i] : "");
		assert_false(allows(&s, "write", path, NULL));
		if (strcmp(folders[i], "/usr/local/bin") != 0)
			assert_false(allows(&s, "read", path, NULL));
		end(&s);
	}
}

static void learn_folder_that_is_worked_in_is_a_variable(void **state)
{
	struct lesson s = begin();

	(void)state;
	see(&s, VANTIO_OP_READ, WORK "/src/a.c");
	see_many(&s, VANTIO_OP_WRITE, WORK "/src", 3);
	see_many(&s, VANTIO_OP_WRITE, WORK, 3);
	see(&s, VANTIO_OP_WRITE, HOME "/.cache/tool/x");
	finish(&s);
	expect(&s, VANTIO_LIST_FILE_READ, "$WORKDIR/**");
	expect(&s, VANTIO_LIST_FILE_WRITE, "$WORKDIR/** ~/.cache/tool/x");
	end(&s);
	s = begin_as(&(struct vantio_learn_options){ .home = HOME, .workdir = WORK, .in_full = true });
	see(&s, VANTIO_OP_READ, WORK "/src/a.c");
	see(&s, VANTIO_OP_WRITE, HOME "/.cache/tool/x");
	finish(&s);
	expect(&s, VANTIO_LIST_FILE_READ, WORK "/**");
	expect(&s, VANTIO_LIST_FILE_WRITE, HOME "/.cache/tool/x");
	end(&s);
	s = begin_as(&(struct vantio_learn_options){ .home = HOME, .real_home = "/data/u" });
	see_many(&s, VANTIO_OP_WRITE, "/data/u", 30);
	see(&s, VANTIO_OP_READ, "/data/u/x");
	finish(&s);
	expect(&s, VANTIO_LIST_FILE_READ, "/data/u/x");
	assert_false(allows(&s, "write", "/data/u/other", NULL));
	end(&s);
	s = begin_as(&(struct vantio_learn_options){ .home = HOME, .workdir = HOME }); /* a home is no folder to open */
	see(&s, VANTIO_OP_READ, HOME "/a");
	finish(&s);
	expect(&s, VANTIO_LIST_FILE_READ, "~/a");
	end(&s);
}

static void learn_drawn_names_become_patterns(void **state)
{
	struct lesson s = begin_as(&(struct vantio_learn_options){ .home = HOME, .workdir = "/tmp/w" });

	(void)state;
	see(&s, VANTIO_OP_WRITE, "/srv/q/out.4711.tmp");
	see(&s, VANTIO_OP_WRITE, "/srv/o/tmp_obj_Xc8Fo9");
	see(&s, VANTIO_OP_READ, "/srv/o/tmp_obj_Xc8Fo9");
	see(&s, VANTIO_OP_WRITE, "/srv/o/ab/0623b59de71c5487e96c6e2a7061afc8246d9f");
	see(&s, VANTIO_OP_WRITE, "/srv/o/Makefile2");
	see(&s, VANTIO_OP_READ, "/srv/o/0623b59de71c5487e96c6e2a7061afc8246d9f"); /* was there before: it has its name for a reason */
	see(&s, VANTIO_OP_WRITE, HOME "/0623b59de71c5487e96c6e2a7061afc8246d9f"); /* nothing of the name would be left */
	see(&s, VANTIO_OP_WRITE, "/srv/s/sedqweRty");
	see(&s, VANTIO_OP_UNLINK, "/srv/s/sedqweRty");
	see(&s, VANTIO_OP_WRITE, "/tmp/ccuxmMab.res"); /* beside the folder that is worked in */
	see(&s, VANTIO_OP_MKDIR, "/tmp/gobuild");
	see(&s, VANTIO_OP_WRITE, "/tmp/gobuild/b001/x.o");
	finish(&s);
	expect(&s, VANTIO_LIST_FILE_READ, "/srv/o/0623b59de71c5487e96c6e2a7061afc8246d9f /srv/o/tmp_obj_*");
	expect(&s, VANTIO_LIST_FILE_WRITE, "/srv/o/Makefile2 /srv/o/ab/* /srv/o/tmp_obj_* /srv/q/out.*.tmp /srv/s/se* /tmp/* /tmp/go* /tmp/go*/b001/x.o "
					   "~/0623b59de71c5487e96c6e2a7061afc8246d9f");
	end(&s);
}

static void learn_known_roots_become_themselves(void **state)
{
	struct lesson s = begin();

	(void)state;
	see(&s, VANTIO_OP_READ, "/usr/share/zoneinfo/UTC");
	see(&s, VANTIO_OP_READ, "/proc/4711/status");
	see(&s, VANTIO_OP_READ, "/proc/4712/task/4713/comm");
	see(&s, VANTIO_OP_READ, "/proc/99/fd/7");
	see(&s, VANTIO_OP_MMAP_EXEC, "/usr/lib/x86_64-linux-gnu/libc.so.6");
	see(&s, VANTIO_OP_EXEC, "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
	see(&s, VANTIO_OP_EXEC, "/usr/lib/gcc/cc1");
	see(&s, VANTIO_OP_WRITE, "/tmp/x/y");
	see(&s, VANTIO_OP_READ, "/tmp/x/y");
	finish(&s);
	expect(&s, VANTIO_LIST_FILE_READ, "/proc/[0-9]*/fd/[0-9]* /proc/[0-9]*/status /proc/[0-9]*/task/[0-9]*/comm /tmp/** /usr/**");
	expect(&s, VANTIO_LIST_EXEC_ALLOW, "/usr/lib/**/*.so{,.*} /usr/lib/gcc/cc1");
	expect(&s, VANTIO_LIST_FILE_WRITE, "/tmp/**");
	end(&s);
}

static void learn_network_is_as_it_was_seen(void **state)
{
	char target[64];
	struct lesson s = begin();
	int i;

	(void)state;
	see(&s, VANTIO_OP_CONNECT, "tcp:192.0.2.1:443");
	see(&s, VANTIO_OP_CONNECT, "tcp:api.example.org:443");
	see(&s, VANTIO_OP_SENDTO, "udp:127.0.0.53:53");
	see(&s, VANTIO_OP_CONNECT, "tcp:0.0.0.0:80");
	see(&s, VANTIO_OP_CONNECT, "unix:/run/nscd/socket");
	see(&s, VANTIO_OP_CONNECT, "unix:@a'b\\c");
	for (i = 0; i < 12; i++) {
		snprintf(target, sizeof(target), "tcp:127.0.0.1:%d", 40000 + i);
		see(&s, VANTIO_OP_CONNECT, target);
	}
	see(&s, VANTIO_OP_BIND, "tcp:[::]:8080");
	see(&s, VANTIO_OP_LISTEN, "tcp:127.0.0.1:8000");
	assert_int_equal(see_as(&s, VANTIO_OP_CONNECT, "unix:@\xff", NULL, NULL), -EINVAL);
	finish(&s);
	expect(&s, VANTIO_LIST_NET_CONNECT,
	       "tcp:127.0.0.1:1024-65535 tcp:127.0.0.1:80 tcp:192.0.2.1:443 tcp:api.example.org:443 udp:127.0.0.53:53 unix:/run/nscd/socket unix:@a'b\\c");
	expect(&s, VANTIO_LIST_NET_LISTEN, "tcp:0.0.0.0:8080 tcp:127.0.0.1:8000 tcp:[::]:8080");
	assert_true(allows(&s, "connect", "tcp:0.0.0.0:80", NULL));
	assert_true(allows(&s, "listen", "tcp:[::]:8080", NULL));
	assert_true(allows(&s, "connect", "unix:@a'b\\c", NULL));
	end(&s);
}

/* ---- what is asked about ---- */

static void learn_sensitive_places_stay_out(void **state)
{
	static const struct {
		enum vantio_op op;
		const char *op_name, *target;
	} places[] = {
		{ VANTIO_OP_READ, "read", HOME "/.ssh/id_x" },
		{ VANTIO_OP_READ, "read", HOME "/.aws/credentials" },
		{ VANTIO_OP_READ, "read", HOME "/.gnupg/x" },
		{ VANTIO_OP_READ, "read", HOME "/.netrc" },
		{ VANTIO_OP_READ, "read", HOME "/.git-credentials" },
		{ VANTIO_OP_READ, "read", HOME "/.mozilla/firefox/p/logins.json" },
		{ VANTIO_OP_READ, "read", WORK "/.env" },
		{ VANTIO_OP_READ, "read", WORK "/tls/server.key" },
		{ VANTIO_OP_READ, "read", "/etc/shadow" },
		{ VANTIO_OP_READ, "read", "/proc/77/mem" },
		{ VANTIO_OP_READ, "read", "/proc/77/environ" },
		{ VANTIO_OP_WRITE, "write", HOME "/.bashrc" },
		{ VANTIO_OP_WRITE, "write", WORK "/.git/hooks/pre-commit" },
		{ VANTIO_OP_WRITE, "write", "/etc/cron.d/x" },
		{ VANTIO_OP_WRITE, "write", HOME "/.config/systemd/user/x.service" },
		{ VANTIO_OP_WRITE, "write", "/usr/bin/ls" },
		{ VANTIO_OP_EXEC, "exec", "/usr/bin/sudo" },
		{ VANTIO_OP_CONNECT, "connect", "unix:/run/docker.sock" },
		{ VANTIO_OP_CONNECT, "connect", "unix:/run/dbus/system_bus_socket" },
		{ VANTIO_OP_CONNECT, "connect", "unix:/run/user/1000/bus" },
		{ VANTIO_OP_CONNECT, "connect", "unix:/tmp/.X11-unix/X0" },
		{ VANTIO_OP_CONNECT, "connect", "tcp:169.254.169.254:80" },
		{ VANTIO_OP_CONNECT, "connect", "tcp:[fd00:ec2::254]:80" },
	};
	struct vantio_error err = { 0 };
	struct lesson s = begin();
	size_t i;

	(void)state;
	see_many(&s, VANTIO_OP_READ, WORK, 30); /* folded all around them */
	see_many(&s, VANTIO_OP_WRITE, WORK, 30);
	see_many(&s, VANTIO_OP_WRITE, WORK "/.git", 30);
	see_many(&s, VANTIO_OP_READ, "/tmp/d", 30);
	see_many(&s, VANTIO_OP_EXEC, "/usr/bin", 30);
	for (i = 0; i < VANTIO_ARRAY_SIZE(places); i++)
		see(&s, places[i].op, places[i].target);
	finish(&s);
	assert_non_null(strstr(s.r.text.data, "left out: "));
	for (i = 0; i < VANTIO_ARRAY_SIZE(places); i++) {
		assert_true(is_asked(&s, places[i].target));
		assert_true(vantio_learn_left_out(s.l, places[i].op, places[i].target));
		if (allows(&s, places[i].op_name, places[i].target, NULL))
			fail_msg("%s %s is open", places[i].op_name, places[i].target);
	}
	assert_int_equal(vantio_learn_open(s.l, places[0].target, &err), 1);
	finish(&s);
	for (i = 0; i < VANTIO_ARRAY_SIZE(places); i++)
		if (allows(&s, places[i].op_name, places[i].target, NULL) != (i == 0))
			fail_msg("%s %s, where the first alone was opened", places[i].op_name, places[i].target);
	for (i = 1; i < VANTIO_ARRAY_SIZE(places); i++)
		assert_int_equal(vantio_learn_open(s.l, places[i].target, &err), 1);
	finish(&s);
	for (i = 0; i < VANTIO_ARRAY_SIZE(places); i++)
		if (!allows(&s, places[i].op_name, places[i].target, NULL))
			fail_msg("%s %s was not opened", places[i].op_name, places[i].target);
	end(&s);
}

/* Names that look made up must not become patterns of those beside them that others obey. */
static void learn_no_glob_reaches_what_others_obey(void **state)
{
	struct lesson s = begin();

	(void)state;
	see_many(&s, VANTIO_OP_WRITE, "/var/spool", 20);
	see(&s, VANTIO_OP_WRITE, "/var/spool/q/deep/file");
	see(&s, VANTIO_OP_MKDIR, "/var/spool/cr123");
	see(&s, VANTIO_OP_WRITE, "/var/spool/cr123/crontabs/root");
	see(&s, VANTIO_OP_MKDIR, "/us123");
	see(&s, VANTIO_OP_WRITE, "/us123/bin/ls");
	see(&s, VANTIO_OP_MKDIR, "/run/sy123");
	see(&s, VANTIO_OP_WRITE, "/run/sy123/system/x.service");
	see(&s, VANTIO_OP_MKDIR, "/var/lib/sy123");
	see(&s, VANTIO_OP_WRITE, "/var/lib/sy123/x");
	see(&s, VANTIO_OP_MKDIR, "/et123");
	see(&s, VANTIO_OP_READ, "/et123/shadow");
	see(&s, VANTIO_OP_WRITE, "/et123/shadow");
	finish(&s);
	assert_false(allows(&s, "write", "/var/spool/cron/crontabs/root", NULL));
	assert_false(allows(&s, "write", "/usr/bin/ls", NULL));
	assert_false(allows(&s, "write", "/run/systemd/system/x.service", NULL));
	assert_false(allows(&s, "write", "/var/lib/systemd/x", NULL));
	assert_false(allows(&s, "read", "/etc/shadow", NULL));
	assert_false(allows(&s, "write", "/etc/shadow", NULL));
	end(&s);
}

/* With a base, whose rules stay as they are, entries of deny stand behind folders alone and not behind patterns. */
static void learn_no_pattern_in_a_home_reaches_a_sensitive_place(void **state)
{
	static const char text[] = "schema = 1\nname = \"b\"\n[file]\ndefault = \"deny\"\n[exec]\ndefault = \"deny\"\n[network]\ndefault = \"deny\"\n";
	cleanup_policy struct vantio_policy *base = NULL;
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	struct lesson s;

	(void)state;
	assert_int_equal(vantio_policy_parse(text, sizeof(text) - 1, "b", NULL, &base, &diags, &err), 0);
	s = begin_as(&(struct vantio_learn_options){ .home = HOME, .workdir = WORK, .base = base });
	see_many(&s, VANTIO_OP_WRITE, HOME "/notes", 20);
	see(&s, VANTIO_OP_MKDIR, HOME "/.ss123");
	see(&s, VANTIO_OP_WRITE, HOME "/.ss123/authorized_keys");
	see(&s, VANTIO_OP_WRITE, HOME "/.ba123");
	see(&s, VANTIO_OP_MKDIR, HOME "/.config/sy123");
	see(&s, VANTIO_OP_WRITE, HOME "/.config/sy123/user/x.service");
	see(&s, VANTIO_OP_WRITE, HOME "/123.json");
	see(&s, VANTIO_OP_WRITE, HOME "/.claude.json.tmp.4711");
	see(&s, VANTIO_OP_MKDIR, WORK "/123");
	see(&s, VANTIO_OP_WRITE, WORK "/123/hooks/pre-commit");
	see(&s, VANTIO_OP_WRITE, WORK "/123.json");
	finish(&s);
	assert_false(allows(&s, "write", WORK "/.git/hooks/pre-commit", NULL));
	assert_false(allows(&s, "write", WORK "/.claude.json", NULL));
	assert_true(allows(&s, "write", WORK "/4711/hooks/pre-commit", NULL));
	assert_true(allows(&s, "write", WORK "/4711.json", NULL));
	assert_false(allows(&s, "write", HOME "/.ssh/authorized_keys", NULL));
	assert_false(allows(&s, "write", HOME "/.bashrc", NULL));
	assert_false(allows(&s, "write", HOME "/.config/systemd/user/x.service", NULL));
	assert_false(allows(&s, "write", HOME "/.claude.json", NULL));
	assert_false(allows(&s, "write", HOME "/notes/.bashrc", NULL));
	assert_false(allows(&s, "write", HOME "/notes/.env", NULL));
	assert_true(allows(&s, "write", HOME "/notes/x", NULL));
	assert_true(allows(&s, "write", HOME "/.ba123", NULL));
	assert_true(allows(&s, "write", HOME "/.ss123/authorized_keys", NULL));
	assert_true(allows(&s, "write", HOME "/.claude.json.tmp.4712", NULL));
	end(&s);
	vantio_diagnostics_free(&diags);
}

static void learn_surfaces_stay_out(void **state)
{
	struct lesson s = begin();
	struct vantio_error err = { 0 };

	(void)state;
	see(&s, VANTIO_OP_PTRACE, NULL);
	finish(&s);
	assert_false(s.r.policy->kernel_allow[VANTIO_SURFACE_PTRACE]);
	assert_non_null(strstr(s.r.text.data, "\n# ptrace = \"allow\""));
	assert_int_equal(vantio_learn_open(s.l, "ptrace", &err), 1);
	finish(&s);
	assert_true(s.r.policy->kernel_allow[VANTIO_SURFACE_PTRACE]);
	end(&s);
}

static void learn_refused_stays_out_unless_it_was_allowed_too(void **state)
{
	struct lesson s = begin();

	(void)state;
	assert_int_equal(see_as(&s, VANTIO_OP_READ, "/srv/a", NULL, "was refused by file.default"), 0);
	assert_int_equal(see_as(&s, VANTIO_OP_READ, "/srv/b", NULL, "was refused by file.default"), 0);
	see(&s, VANTIO_OP_READ, "/srv/b");
	finish(&s);
	expect(&s, VANTIO_LIST_FILE_READ, "/srv/b");
	assert_true(is_asked(&s, "/srv/a"));
	assert_false(is_asked(&s, "/srv/b"));
	end(&s);
}

static void learn_start_up_files_are_read_and_not_written(void **state)
{
	struct lesson s = begin();

	(void)state;
	see(&s, VANTIO_OP_READ, HOME "/.gitconfig");
	see(&s, VANTIO_OP_READ, WORK "/.git/hooks/pre-commit");
	see(&s, VANTIO_OP_WRITE, WORK "/.git/hooks/pre-commit.sample");
	see_many(&s, VANTIO_OP_WRITE, WORK, 30);
	see_many(&s, VANTIO_OP_WRITE, WORK "/.git/objects", 30);
	finish(&s);
	expect(&s, VANTIO_LIST_FILE_WRITE, "$WORKDIR/**");
	assert_true(allows(&s, "read", HOME "/.gitconfig", NULL));
	assert_false(allows(&s, "write", HOME "/.gitconfig", NULL));
	assert_true(allows(&s, "read", WORK "/.git/hooks/pre-commit", NULL));
	assert_false(allows(&s, "write", WORK "/.git/hooks/pre-commit", NULL));
	assert_true(allows(&s, "write", WORK "/.git/hooks/pre-commit.sample", NULL));
	end(&s);
}

static void learn_opening_names_opens_no_more(void **state)
{
	struct lesson s = begin();
	struct vantio_error err = { 0 };
	char path[64];
	int i;

	(void)state;
	for (i = 0; i < 12; i++) {
		snprintf(path, sizeof(path), HOME "/.ssh/k%d", i);
		see(&s, VANTIO_OP_READ, path);
	}
	assert_int_equal(vantio_learn_open(s.l, "/home/*/.ssh/k?", &err), 10);
	assert_int_equal(vantio_learn_open(s.l, "/home/u/.ssh", &err), 0);
	assert_int_equal(vantio_learn_open(s.l, "/home/[", &err), -EINVAL);
	finish(&s);
	assert_true(allows(&s, "read", HOME "/.ssh/k9", NULL));
	assert_false(allows(&s, "read", HOME "/.ssh/k10", NULL));
	assert_false(allows(&s, "read", HOME "/.ssh/other", NULL));
	end(&s);
}

/* ---- renames, bases, bounds ---- */

static void learn_renames_gain_nothing(void **state)
{
	struct lesson s = begin();

	(void)state;
	see(&s, VANTIO_OP_WRITE, "/srv/a/new");
	assert_int_equal(see_as(&s, VANTIO_OP_RENAME, "/srv/a/new", "/srv/b/old", NULL), 0);
	see(&s, VANTIO_OP_READ, "/srv/b/old");
	see(&s, VANTIO_OP_EXEC, "/srv/b/old");
	finish(&s);
	assert_true(allows(&s, "rename", "/srv/a/new", "/srv/b/old"));
	expect(&s, VANTIO_LIST_FILE_READ, "/srv/a/new /srv/b/old");
	expect(&s, VANTIO_LIST_EXEC_ALLOW, "/srv/a/new /srv/b/old");
	end(&s);
}

static void learn_base_is_kept_whole(void **state)
{
	static const char text[] = "schema = 1\nname = \"b\"\nrecord = \"all\"\non_loss = \"block\"\n[agent]\nsvid = \"spiffe://a.example/b\"\n"
				   "[file]\ndefault = \"deny\"\nread = [\"/opt/\\u00e9'\\\"/**\", \"~/x\"]\ndeny = [\"**/.env\"]\n"
				   "[exec]\ndefault = \"allow\"\ndeny = [\"/usr/bin/su\"]\n[network]\ndefault = \"deny\"\n"
				   "connect = [\"api.example.org:443\"]\n[limits]\nunlink = { max = 5, per = \"90s\", action = \"quarantine\" }\n"
				   "[kernel]\nptrace = \"allow\"\nmount = \"deny\"\n";
	const struct vantio_expand expand = { .home = HOME, .workdir = WORK };
	cleanup_policy struct vantio_policy *base = NULL;
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	struct lesson s;
	size_t i;

	(void)state;
	assert_int_equal(vantio_policy_parse(text, sizeof(text) - 1, "b", &expand, &base, &diags, &err), 0);
	s = begin_as(&(struct vantio_learn_options){ .home = HOME, .workdir = WORK, .base = base });
	finish(&s);
	for (i = 0; i < s.r.policy->lists[VANTIO_LIST_FILE_READ].n; i++)
		assert_string_equal(s.r.policy->lists[VANTIO_LIST_FILE_READ].items[i].text, base->lists[VANTIO_LIST_FILE_READ].items[i].text);
	assert_true(s.r.policy->record_all && s.r.policy->loss_block && s.r.policy->default_allow[VANTIO_DOMAIN_EXEC]);
	assert_string_equal(s.r.policy->svid, base->svid);
	assert_int_equal(s.r.policy->limits[VANTIO_LIMIT_UNLINK].per_ns, 90000000000);
	assert_true(s.r.policy->kernel_allow[VANTIO_SURFACE_PTRACE]);
	assert_int_equal(s.r.policy->lists[VANTIO_LIST_EXEC_DENY].n, 1);
	end(&s);
	vantio_diagnostics_free(&diags);
}

static void learn_too_many_names_is_an_error(void **state)
{
	struct lesson s = begin();
	char path[128];
	int r = 0;
	uint32_t i;

	(void)state;
	for (i = 0; i < 30000; i++) { /* where a glob may stand, the rest of a folder is told apart no more */
		snprintf(path, sizeof(path), "/srv/data/%x", i);
		see(&s, VANTIO_OP_READ, path);
	}
	finish(&s);
	expect(&s, VANTIO_LIST_FILE_READ, "/srv/data/*");
	for (i = 0; i <= VANTIO_LEARN_NAMES_MAX && !r; i++) { /* where none may stand, each is kept */
		snprintf(path, sizeof(path), HOME "/%x", i);
		r = see_as(&s, VANTIO_OP_READ, path, NULL, NULL);
	}
	assert_int_equal(r, -E2BIG);
	end(&s);
}

/* ---- hostile names ---- */

static void draw_name(uint64_t *seed, char *out, size_t max)
{
	static const char bad[] = "'\"\\*?[]{},\n\r\t#=$~ \x01\x7f\x80\xc3\xa9\xff\xe2\x80\xae!^-x0a";
	size_t len = 1 + build_below(seed, (unsigned int)max - 2), i;

	for (i = 0; i < len; i++)
		out[i] = build_below(seed, 4) ? bad[build_below(seed, sizeof(bad) - 1)] : (char)('a' + build_below(seed, 26));
	out[len] = '\0';
	if (!strcmp(out, ".") || !strcmp(out, ".."))
		out[0] = 'a';
}

/* A name goes in, and what comes out means it and nothing else. */
static void learn_hostile_names_stand_for_themselves(void **state)
{
	static char paths[NAMES][64];
	uint64_t seed = 7;
	char other[64];
	int i;
	struct lesson s = begin();

	(void)state;
	for (i = 0; i < NAMES; i++) {
		size_t len = (size_t)snprintf(paths[i], sizeof(paths[i]), "/srv/%d/", i);

		draw_name(&seed, paths[i] + len, 20);
		see(&s, VANTIO_OP_READ, paths[i]);
	}
	finish(&s);
	assert_int_equal(s.r.policy->lists[VANTIO_LIST_FILE_READ].n, NAMES);
	assert_int_equal(s.r.policy->lists[VANTIO_LIST_FILE_WRITE].n + s.r.policy->lists[VANTIO_LIST_EXEC_ALLOW].n, 0);
	assert_false(s.r.policy->default_allow[0] || s.r.policy->default_allow[1] || s.r.policy->default_allow[2]);
	for (i = 0; i < NAMES; i++) {
		char *name;

		assert_true(allows(&s, "read", paths[i], NULL));
		memcpy(other, paths[i], sizeof(other));
		name = strrchr(other, '/') + 1;
		do
			name[build_below(&seed, (unsigned int)strlen(name))] = (char)(1 + build_below(&seed, 255));
		while (!strcmp(other, paths[i]) || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."));
		assert_false(allows(&s, "read", other, NULL));
	}
	end(&s);
}

/* As a program, as a question and as a reason, a name stays within its comment. */
static void learn_comments_hold_what_they_tell(void **state)
{
	static const char evil[] = "/srv/x\n]\n[file]\ndefault = \"allow\"\n#\r\xe2\x80\xa8";
	struct vantio_observation o = { .op = VANTIO_OP_READ, .target = HOME "/.ssh/\n]\ndefault = \"allow\"\n'", .exe = evil, .because = evil, .count = 1 };
	struct vantio_error err = { 0 };
	struct lesson s = begin();

	(void)state;
	assert_int_equal(vantio_learn_take(s.l, &o, &err), 0);
	o.because = NULL;
	o.target = "/srv/ok";
	assert_int_equal(vantio_learn_take(s.l, &o, &err), 0);
	o.op = VANTIO_OP_CONNECT;
	o.target = "unix:@\n]\n\"'''";
	assert_int_equal(vantio_learn_take(s.l, &o, &err), 0);
	o.because = evil;
	o.target = "unix:@other\n]\n\"'''";
	assert_int_equal(vantio_learn_take(s.l, &o, &err), 0);
	o.op = VANTIO_OP_BPF;
	assert_int_equal(vantio_learn_take(s.l, &o, &err), 0);
	finish(&s);
	assert_false(s.r.policy->default_allow[VANTIO_DOMAIN_FILE]);
	assert_int_equal(s.r.policy->lists[VANTIO_LIST_FILE_READ].n, 1);
	assert_int_equal(s.r.policy->lists[VANTIO_LIST_NET_CONNECT].n, 1);
	assert_true(allows(&s, "connect", "unix:@\n]\n\"'''", NULL));
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(learn_few_names_stay_themselves),
		cmocka_unit_test(learn_many_names_become_a_glob),
		cmocka_unit_test(learn_never_opens_a_home_etc_or_the_root),
		cmocka_unit_test(learn_folder_that_is_worked_in_is_a_variable),
		cmocka_unit_test(learn_drawn_names_become_patterns),
		cmocka_unit_test(learn_known_roots_become_themselves),
		cmocka_unit_test(learn_network_is_as_it_was_seen),
		cmocka_unit_test(learn_sensitive_places_stay_out),
		cmocka_unit_test(learn_no_glob_reaches_what_others_obey),
		cmocka_unit_test(learn_no_pattern_in_a_home_reaches_a_sensitive_place),
		cmocka_unit_test(learn_surfaces_stay_out),
		cmocka_unit_test(learn_refused_stays_out_unless_it_was_allowed_too),
		cmocka_unit_test(learn_start_up_files_are_read_and_not_written),
		cmocka_unit_test(learn_opening_names_opens_no_more),
		cmocka_unit_test(learn_renames_gain_nothing),
		cmocka_unit_test(learn_base_is_kept_whole),
		cmocka_unit_test(learn_too_many_names_is_an_error),
		cmocka_unit_test(learn_hostile_names_stand_for_themselves),
		cmocka_unit_test(learn_comments_hold_what_they_tell),
	};

	return cmocka_run_group_tests_name("policy_learn", tests, NULL, NULL);
}
