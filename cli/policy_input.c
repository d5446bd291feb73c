// SPDX-License-Identifier: Apache-2.0
#include "policy_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "policy/load.h"
#include "policy/preset.h"

#define WINDOW 110 /* columns of a source line that are shown */

void cli_policy_free(struct cli_policy *p)
{
	free(p->text);
	vantio_policy_free(p->policy);
	vantio_diagnostics_free(&p->diags);
	*p = (struct cli_policy){ 0 };
}

/* ---- reading ---- */

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static int read_stdin(char **ret, size_t *ret_len, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
	char chunk[65536];
	ssize_t n;

	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vantio_fail(err, errno, "cannot read standard input: %s", strerror(errno));
		if (text.len + (size_t)n > VANTIO_POLICY_TEXT_MAX)
			return vantio_fail(err, EFBIG, "standard input holds more than %u bytes (16 MiB), the most that a policy may have",
					   VANTIO_POLICY_TEXT_MAX);
		vantio_buf_add(&text, chunk, (size_t)n);
	}
	*ret_len = text.len;
	*ret = vantio_buf_steal(&text);
	return *ret ? 0 : vantio_fail(err, ENOMEM, "out of memory");
}

/* The policy that extends these presets and says nothing else. Its name is theirs, cut to what a name may have. */
static int extend_alone(const char *const *presets, size_t n, char **ret, size_t *ret_len, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf name = VANTIO_BUF_INIT, list = VANTIO_BUF_INIT, text = VANTIO_BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		const char *preset = presets[i] + (begins(presets[i], VANTIO_PRESET_PREFIX) ? strlen(VANTIO_PRESET_PREFIX) : 0);
		cleanup_free char *safe = vantio_escape_dup(preset, strlen(preset));

		if (!safe || strchr(preset, '\'') || strcmp(safe, preset) != 0)
			return vantio_fail(err, EINVAL, "'%s' is no preset: 'vantioctl policy presets' lists them", safe ? safe : "");
		vantio_buf_printf(&name, "%s%s", i ? "." : "", vantio_preset_find(&vantio_presets, preset) ? preset : "unknown");
		vantio_buf_printf(&list, "%s'" VANTIO_PRESET_PREFIX "%s'", i ? ", " : "", preset);
	}
	vantio_buf_printf(&text, "schema = 1\nextends = [%s]\nname = '%.*s'\n", list.data ? list.data : "", VANTIO_NAME_MAX, name.data ? name.data : "");
	if (name.failed || list.failed || text.failed)
		return vantio_fail(err, ENOMEM, "out of memory");
	*ret_len = text.len;
	*ret = vantio_buf_steal(&text);
	return *ret ? 0 : vantio_fail(err, ENOMEM, "out of memory");
}

/* Parses p->text if `r` says that there is one. */
static void finish_read(struct cli_policy *p, int r, const char *workdir, bool links, struct vantio_error *err)
{
	cleanup_free char *home = vantio_policy_home(), *cwd = workdir ? NULL : getcwd(NULL, 0);
	struct vantio_expand expand = { .home = home, .workdir = workdir ? workdir : cwd };

	if (r == 0)
		r = vantio_policy_parse(p->text, p->len, p->file, &expand, &p->policy, &p->diags, err);
	if (r == 0 && links)
		vantio_policy_warn_links(p->policy, &p->diags);
	if (r < 0 && p->diags.n == 0)
		vantio_diagnostics_add(&p->diags, false, VANTIO_POS_TOP, "%s", err->text);
}

void cli_policy_read(struct cli_policy *p, const char *file, const char *workdir, bool links)
{
	bool in = strcmp(file, "-") == 0;
	struct vantio_error err = { 0 };
	int r;

	*p = (struct cli_policy){ .file = in ? "<stdin>" : file };
	if (in)
		r = read_stdin(&p->text, &p->len, &err);
	else if (begins(file, VANTIO_PRESET_PREFIX))
		r = extend_alone(&file, 1, &p->text, &p->len, &err);
	else
		r = vantio_read_file_follow(file, VANTIO_POLICY_TEXT_MAX, &p->text, &p->len, &err);
	finish_read(p, r, workdir, links, &err);
}

void cli_policy_read_presets(struct cli_policy *p, const char *const *names, size_t n)
{
	struct vantio_error err = { 0 };
	int r;

	*p = (struct cli_policy){ .file = "--preset" };
	r = extend_alone(names, n, &p->text, &p->len, &err);
	finish_read(p, r, NULL, true, &err);
}

void cli_policy_read_again(struct cli_policy *p, const struct cli_policy *first, const char *workdir)
{
	cleanup_free char *home = vantio_policy_home();
	struct vantio_expand expand = { .home = home, .workdir = workdir };
	struct vantio_error err = { 0 };

	*p = (struct cli_policy){ .file = first->file, .text = malloc(first->len + 1), .len = first->len };
	if (!p->text)
		return;
	memcpy(p->text, first->text, first->len);
	p->text[first->len] = '\0';
	vantio_policy_parse(p->text, p->len, p->file, &expand, &p->policy, &p->diags, &err);
}

/* ---- telling ---- */

/* The bytes of a line, without its end. */
static const char *find_line(const struct cli_policy *p, struct vantio_pos pos, size_t *ret_len)
{
	const struct vantio_preset *preset = pos.preset ? vantio_preset_find(&vantio_presets, pos.preset) : NULL;
	const char *at = preset ? preset->text : p->text, *end = at + (preset ? preset->len : p->len), *stop;
	uint32_t number = pos.line;

	while (number > 1 && at < end) {
		stop = memchr(at, '\n', (size_t)(end - at));
		at = stop ? stop + 1 : end;
		number--;
	}
	stop = memchr(at, '\n', (size_t)(end - at));
	*ret_len = (size_t)((stop ? stop : end) - at);
	if (*ret_len > 0 && at[*ret_len - 1] == '\r')
		--*ret_len;
	return at;
}

static bool begins_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* One source byte sequence as the terminal may have it: a tab is one column, backslashes stay single. */
static void add_source(struct vantio_buf *out, const char *bytes, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		for (n = 1; i + n < len && !begins_character(bytes[i + n]); n++)
			;
		if (bytes[i] == '\t')
			vantio_buf_putc(out, ' ');
		else if (bytes[i] == '\\')
			vantio_buf_putc(out, '\\');
		else
			vantio_escape(out, bytes + i, n);
	}
}

/* The line and a caret under its column, a window of it where it is long. */
static void print_source(const struct cli_policy *p, struct vantio_pos pos)
{
	cleanup_buf struct vantio_buf before = VANTIO_BUF_INIT, after = VANTIO_BUF_INIT;
	size_t len, at = pos.col - 1, from = 0, until, columns = 0;
	const char *line = find_line(p, pos, &len);

	if (at > len)
		at = len;
	if (at > WINDOW / 2)
		from = at - WINDOW / 2;
	while (from > 0 && from < len && !begins_character(line[from]))
		from--;
	until = len - from > WINDOW ? from + WINDOW : len;
	add_source(&before, line + from, at - from);
	add_source(&after, line + at, until - at);
	for (size_t i = 0; i < before.len; i++)
		columns += begins_character(before.data[i]);
	fprintf(stderr, "%5u | %s%s%s%s\n", pos.line, from > 0 ? "..." : "", before.data ? before.data : "",
		after.data ? after.data : "", until < len ? "..." : "");
	fprintf(stderr, "      | %*s^\n", (int)(columns + (from > 0 ? 3 : 0)), "");
}

void cli_policy_print_diagnostics(struct cli *cli, const struct cli_policy *p)
{
	bool terminal = isatty(STDERR_FILENO);

	fflush(stdout);
	for (size_t i = 0; i < p->diags.n; i++) {
		const struct vantio_diagnostic *d = &p->diags.items[i];

		if (d->warning && cli_has(cli, "quiet"))
			continue;
		cli_print_escaped(stderr, vantio_pos_file(d->pos, p->file), strlen(vantio_pos_file(d->pos, p->file)));
		fprintf(stderr, ":%u:%u: %s: %s\n", d->pos.line, d->pos.col, d->warning ? "warning" : "error", d->text);
		if (terminal && p->text)
			print_source(p, d->pos);
	}
}

void cli_pos_json(cJSON *item, struct vantio_pos pos)
{
	if (!pos.line)
		return;
	cJSON_AddNumberToObject(item, "line", pos.line);
	if (pos.preset)
		cJSON_AddStringToObject(item, "preset", pos.preset);
}

cJSON *cli_policy_json_diagnostics(const struct cli_policy *p)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < p->diags.n; i++) {
		const struct vantio_diagnostic *d = &p->diags.items[i];
		cJSON *item = cJSON_CreateObject();

		cli_pos_json(item, d->pos);
		cJSON_AddNumberToObject(item, "col", d->pos.col);
		cJSON_AddStringToObject(item, "severity", d->warning ? "warning" : "error");
		cJSON_AddStringToObject(item, "message", d->text);
		cJSON_AddItemToArray(list, item);
	}
	return list;
}

int cli_policy_emit_bad(struct cli *cli, const struct cli_policy *p)
{
	cJSON *doc = cJSON_CreateObject(), *error = cJSON_AddObjectToObject(doc, "error");
	cleanup_free char *file = vantio_escape_dup(p->file, strlen(p->file));
	cleanup_buf struct vantio_buf message = VANTIO_BUF_INIT;

	for (size_t i = 0; i < p->diags.n && message.len == 0; i++)
		if (!p->diags.items[i].warning)
			vantio_buf_printf(&message, "%s:%u:%u: %s", vantio_pos_file(p->diags.items[i].pos, file ? file : ""), p->diags.items[i].pos.line,
					  p->diags.items[i].pos.col, p->diags.items[i].text);
	cJSON_AddNumberToObject(error, "code", CLI_FAILURE);
	cJSON_AddStringToObject(error, "message", message.data ? message.data : "out of memory");
	cJSON_AddItemToObject(error, "diagnostics", cli_policy_json_diagnostics(p));
	cli_emit(cli, doc);
	return CLI_FAILURE;
}

void cli_policy_print_rule(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\\");

		cli_print_escaped(stdout, text, n);
		text += n;
		if (*text)
			putchar(*text++);
	}
}

static int need(struct cli *cli, struct cli_policy *p)
{
	if (!p->policy && cli_json(cli))
		return cli_policy_emit_bad(cli, p);
	cli_policy_print_diagnostics(cli, p);
	return p->policy ? CLI_OK : CLI_FAILURE;
}

int cli_policy_need(struct cli *cli, struct cli_policy *p, const char *file, const char *workdir)
{
	cli_policy_read(p, file, workdir, true);
	return need(cli, p);
}

int cli_policy_need_fallback(struct cli *cli, struct cli_policy *p, const char *file, const char *workdir, const char *or_else)
{
	cleanup_free char *safe = file ? vantio_escape_dup(file, strlen(file)) : NULL;

	if (!file)
		return cli_fail(cli, CLI_FAILURE, "no policy is named, and there is no HOME to find one in: give --policy FILE%s", or_else);
	if (access(file, F_OK) && errno == ENOENT)
		return cli_fail(cli, CLI_FAILURE, "no policy is named, and there is none at '%s': give --policy FILE%s", safe ? safe : "", or_else);
	return cli_policy_need(cli, p, file, workdir);
}

int cli_policy_need_presets(struct cli *cli, struct cli_policy *p)
{
	cleanup_free char *home = vantio_policy_home();
	const char *names[VANTIO_EXTENDS_MAX], *name;
	size_t n = 0;

	while ((name = cli_get_nth(cli, "preset", n))) {
		const char *near = vantio_preset_nearest(&vantio_presets, name);
		cleanup_free char *safe = vantio_escape_dup(name, strlen(name));

		if (!vantio_preset_find(&vantio_presets, name))
			return near ? cli_usage_error(cli, "--preset: there is no preset '%s'; did you mean '%s'?", safe ? safe : "", near) :
				      cli_usage_error(cli, "--preset: there is no preset '%s'; 'vantioctl policy presets' lists them", safe ? safe : "");
		if (n == VANTIO_EXTENDS_MAX)
			return cli_usage_error(cli, "--preset: at most %u", VANTIO_EXTENDS_MAX);
		for (size_t i = 0; i < n; i++)
			if (vantio_preset_find(&vantio_presets, names[i]) == vantio_preset_find(&vantio_presets, name))
				return cli_usage_error(cli, "--preset: '%s' is given twice", name);
		names[n++] = name;
	}
	if (!home)
		return cli_fail(cli, CLI_FAILURE, "presets name files of the user's home, and there is no HOME: set it");
	cli_policy_read_presets(p, names, n);
	return need(cli, p);
}
